//! ar archives, as System V, GNU and BSD write them (`ar(5)`).

use super::{Member, push, rest};
use crate::zip::names::Labels;
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Route};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};

/// What every archive starts with.
const MAGIC: &[u8] = b"!<arch>\n";

/// Length of a member's header.
const HEADER: u64 = 60;

/// The longest table of names that is read.
const NAMES: usize = 4 << 20;

/// The reader of ar archives.
#[derive(Debug)]
pub struct Ar;

impl Format for Ar {
    fn id(&self) -> &'static str {
        "ar"
    }

    fn summary(&self) -> &'static str {
        "ar archives: static libraries and Debian packages"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(MAGIC) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let bytes = input.bytes;
        let mut labels = Labels::default();
        let mut names = Vec::new();
        let mut at = to_u64(MAGIC.len());
        while at < bytes.len() {
            budget.spend_steps(1, at)?;
            let block = bytes.copy(Span::new(at, HEADER), 60)?;
            let Some((name, size, mode)) = header(&block) else { break };
            let start = at.saturating_add(HEADER);
            let end = start.saturating_add(size).min(bytes.len());
            let data = Span::between(start.min(bytes.len()), end);
            let mut member =
                Member { name, header: Span::new(at, to_u64(block.len())), data, size, mode };
            match member.name.as_slice() {
                b"//" => names = bytes.copy(data, NAMES)?,
                b"/" | b"/SYM64/" | b"__.SYMDEF" | b"__.SYMDEF SORTED" => {}
                _ => {
                    resolve(&mut member, &names, bytes)?;
                    push(&member, bytes, &mut labels, (&mut *reading, &*budget))?;
                }
            }
            at = start.saturating_add(size).saturating_add(size & 1).min(bytes.len());
            note_padding(start.saturating_add(size), at, bytes, reading)?;
        }
        rest(at, "archive", bytes, reading)
    }
}

/// Name, size and mode of a member; `None` where no header stands.
fn header(block: &[u8]) -> Option<(Vec<u8>, u64, u64)> {
    if block.get(58..60)? != b"`\n" {
        return None;
    }
    let number = |field: &[u8], radix| {
        let text = std::str::from_utf8(field).ok()?.trim();
        if text.is_empty() { Some(0) } else { u64::from_str_radix(text, radix).ok() }
    };
    let name = block.get(..16)?.trim_ascii_end();
    // GNU ends names with a slash, so that they can have spaces; tables are named by slashes alone.
    let name = match name {
        [b'/', ..] => name,
        name => name.strip_suffix(b"/").unwrap_or(name),
    };
    Some((
        name.to_vec(),
        number(block.get(48..58)?, 10)?,
        number(block.get(40..48)?, 8).unwrap_or(0),
    ))
}

/// Finds a name that does not fit the header: in GNU's table, or before BSD's data.
fn resolve(member: &mut Member, names: &[u8], bytes: &Bytes) -> Result<(), Halt> {
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<usize>().ok();
    if let Some(length) = member.name.strip_prefix(b"#1/").and_then(number) {
        let length = to_u64(length).min(member.data.len);
        let name = bytes.copy(Span::new(member.data.start, length), NAMES)?;
        member.name = name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        member.data = Span::between(member.data.start.saturating_add(length), member.data.end());
        member.size = member.size.saturating_sub(length);
    } else if let Some(start) = member.name.strip_prefix(b"/").and_then(number) {
        let rest = names.get(start..).unwrap_or_default();
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        member.name = line.strip_suffix(b"/").unwrap_or(line).to_vec();
    }
    Ok(())
}

/// Records a byte of padding that is neither a line feed nor zero.
fn note_padding(from: u64, to: u64, bytes: &Bytes, reading: &mut Reading) -> Result<(), Halt> {
    let padding = Span::between(from, to);
    if bytes.copy(padding, 1)?.first().is_some_and(|byte| !matches!(byte, 0 | b'\n')) {
        reading.deviation(Quirk::BytesBetween, padding, Route::None, "its padding is no line feed");
    }
    Ok(())
}
