//! Archives and compressed streams: what Python's `tarfile`, `gzip`, `bz2` and `lzma` read has to be what
//! davy reads, byte for byte; of what they refuse, davy has to say what is wrong.

use super::{Comparison, Oracle};
use davy_artifact::{Fact, Probe, Quirk, Reading, Role};
use davy_bytes::{Bytes, Span, to_u64};
use davy_formats::FORMATS;
use davy_testkit::{recipe, robust};
use std::collections::BTreeSet;

/// The oracle of `streams.py`.
pub struct Streams;

/// The oracle of `tars.py`.
pub struct Tars;

/// What Python made of a stream: its kind, whether nothing was done to it, and what comes out in
/// hexadecimal.
type Stream = (String, bool, Option<String>);

/// What Python made of a tar archive: whether nothing was done to it, and its members.
type Tar = (bool, Option<Vec<Member>>);

/// A member: name, type, size, target, and data where it is read; all but the size in hexadecimal.
type Member = (String, String, u64, String, Option<String>);

/// What davy made of a file.
struct Ours {
    reading: Reading,
    /// Whether something was not read.
    partial: bool,
    refused: bool,
}

impl Oracle for Streams {
    fn script(&self) -> &'static str {
        "streams"
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let (kind, good, data): Stream =
            serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let ours = read(&kind, bytes)?;
        let mut missing = BTreeSet::new();
        let odd = ours.odd(&[Quirk::Repeated]);
        match data.as_deref().map(recipe::digits).transpose()? {
            // Python takes nothing at all for a stream of nothing.
            _ if bytes.is_empty() => {}
            None if !odd => {
                missing.insert(format!("what is wrong with {}", kind));
            }
            None => {}
            Some(data) => {
                if !ours.holds(&data) {
                    missing.insert(format!("{} bytes of {}", data.len(), kind));
                }
                if good && odd {
                    let what = ours.reading.deviations.first().map(|it| it.what.as_str());
                    missing.insert(format!("nothing that is wrong, which it is not: {what:?}"));
                }
            }
        }
        Ok(Comparison { missing, seen: 1, unseen: 0, unrecognised: ours.refused && good })
    }
}

impl Oracle for Tars {
    fn script(&self) -> &'static str {
        "tars"
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let (good, members): Tar =
            serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let ours = read("tar", bytes)?;
        let mut missing = BTreeSet::new();
        let Some(members) = members else {
            if !ours.odd(&[]) {
                missing.insert("what is wrong".to_owned());
            }
            return Ok(Comparison { missing, seen: 1, unseen: 0, unrecognised: false });
        };
        for member in &members {
            missing.extend(lacks(&ours.reading, member)?);
        }
        let listed = ours.reading.facts.iter().filter(|fact| fact.kind() == "member").count();
        if good && (listed != members.len() || ours.partial) {
            missing.insert(format!("all of {} members, and no others: {listed}", members.len()));
        }
        let seen = to_u64(members.len());
        let unseen = to_u64(listed.saturating_sub(members.len()));
        Ok(Comparison { missing, seen, unseen, unrecognised: ours.refused && seen > 0 })
    }
}

impl Ours {
    /// Whether it says that something is wrong, other than `usual`.
    fn odd(&self, usual: &[Quirk]) -> bool {
        let unusual = self.reading.deviations.iter().any(|it| !usual.contains(&it.quirk));
        self.partial || self.refused || unusual
    }

    /// Whether `data` comes out; or more where Python stops at a stream that others read: it takes the
    /// zeros between two streams of xz, which the format allows, for bytes behind the end, and passes
    /// over a later stream that is damaged, which davy reads as far as it goes.
    fn holds(&self, data: &[u8]) -> bool {
        let repeated = self
            .reading
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Attribute { name, .. } if name == "streams"));
        if data.is_empty() {
            return true;
        }
        let more = repeated || self.partial;
        let mut contents = self.reading.children.iter().filter(|it| it.role == Role::Present);
        contents.any(|child| {
            let content = whole(&child.bytes);
            content == data || (more && content.starts_with(data))
        })
    }
}

/// What the reader with the given id makes of `bytes`.
fn read(id: &str, bytes: &[u8]) -> Result<Ours, String> {
    let found = FORMATS.iter().find(|format| format.id() == id);
    let format = found.ok_or_else(|| format!("there is no reader of `{id}`"))?;
    let outcome = robust::read(*format, "this file", bytes)?;
    let refused = robust::probe(*format, "this file", bytes) == Probe::No;
    let partial = outcome.halt.is_some() || !outcome.reading.gaps.is_empty();
    Ok(Ours { reading: outcome.reading, partial, refused })
}

fn whole(bytes: &Bytes) -> Vec<u8> {
    bytes.copy(Span::new(0, bytes.len()), usize::MAX).unwrap_or_default()
}

/// What the reading lacks of a member, in words.
fn lacks(reading: &Reading, member: &Member) -> Result<Option<String>, String> {
    let (name, _, size, target, data) = member;
    let text = |hex: &str| -> Result<String, String> {
        Ok(String::from_utf8_lossy(&recipe::digits(hex)?).into_owned())
    };
    let (name, target) = (text(name)?, text(target)?);
    let is_folder = member.1 == "35";
    // Python takes the slashes from the names of folders; links, devices and folders have no data,
    // whatever size is stated.
    let has_data = !matches!(member.1.as_str(), "31" | "32" | "33" | "34" | "35" | "36");
    let is_label = |label: &str| {
        let plain = |text: &str| if is_folder { without_slashes(text) } else { text.to_owned() };
        let (label, name) = (plain(label), plain(&name));
        let rest = label.strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    };
    let listed = reading.facts.iter().any(|fact| match fact {
        Fact::Member { name, size: ours, .. } => is_label(name) && (ours == size || !has_data),
        _ => false,
    });
    if !listed {
        return Ok(Some(format!("member {name:?} of {size} bytes")));
    }
    let linked = reading.facts.iter().any(|fact| match fact {
        Fact::Reference { target: ours, .. } => *ours == target,
        _ => false,
    });
    if matches!(member.1.as_str(), "31" | "32") && !target.is_empty() && !linked {
        return Ok(Some(format!("the target {target:?} of member {name:?}")));
    }
    let Some(data) = data.as_deref().map(recipe::digits).transpose()? else { return Ok(None) };
    let mut children = reading.children.iter().filter(|child| is_label(&child.name));
    let same = data.is_empty() || children.any(|child| whole(&child.bytes) == data);
    Ok((!same).then(|| format!("the {} bytes of member {name:?}", data.len())))
}

/// The label of a folder without the slashes that its name ends with; what distinguishes it from
/// another of the same name stays.
fn without_slashes(label: &str) -> String {
    match label.rsplit_once('#') {
        Some((name, number)) if name.ends_with('/') && !number.is_empty() => {
            format!("{}#{number}", name.trim_end_matches('/'))
        }
        _ => label.trim_end_matches('/').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tar archive of one empty file called `a`.
    fn tar() -> Vec<u8> {
        let mut head = vec![0; 512];
        head[0] = b'a';
        head[124..135].copy_from_slice(b"00000000000");
        head[156] = b'0';
        head[257..263].copy_from_slice(b"ustar\0");
        head[148..156].fill(b' ');
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        [head, vec![0; 1024]].concat()
    }

    fn missing(oracle: &dyn Oracle, bytes: &[u8], answer: &str) -> Vec<String> {
        oracle.compare(bytes, answer).unwrap().missing.into_iter().collect()
    }

    #[test]
    fn members_that_are_not_listed_are_told() {
        let member =
            |name: &str, size: u64| format!(r#"[true, [["{name}", "30", {size}, "", null]]]"#);
        assert_eq!(missing(&Tars, &tar(), &member("61", 0)), Vec::<String>::new());
        assert_eq!(missing(&Tars, &tar(), &member("62", 0)), ["member \"b\" of 0 bytes"]);
        assert_eq!(missing(&Tars, &tar(), &member("61", 1)), ["member \"a\" of 1 bytes"]);
        let refused = "[false, null]";
        assert_eq!(missing(&Tars, &tar(), refused), ["what is wrong"]);
    }

    #[test]
    fn content_that_differs_is_told() {
        // A gzip file with one stored block of the letter `a`.
        let head = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x01\0\xfe\xffa\x43\xbe\xb7\xe8\x01\0\0\0";
        let answer = |data: &str| format!(r#"["gzip", true, {data}]"#);
        assert_eq!(missing(&Streams, head, &answer("\"61\"")), Vec::<String>::new());
        assert_eq!(missing(&Streams, head, &answer("\"62\"")), ["1 bytes of gzip"]);
        assert_eq!(missing(&Streams, head, &answer("null")), ["what is wrong with gzip"]);
    }
}
