//! Members of archives: everything that Python's `zipfile` lists has to be among the members that
//! davy lists, with the same size, and with the same bytes where `zipfile` reads it.

use super::{Comparison, Oracle};
use davy_artifact::{Fact, Reading};
use davy_bytes::{Span, to_u64};
use davy_testkit::recipe;
use std::collections::BTreeSet;

/// The oracle of `zips.py`.
pub struct Zips;

/// A member as `zips.py` tells of it: name, name in the file, size, and data where it is read; the
/// second and the last in hexadecimal.
type Answer = (String, String, u64, Option<String>);

/// A member as zipfile sees it.
struct Member {
    name: String,
    spelled: String,
    size: u64,
    data: Option<Vec<u8>>,
}

impl Oracle for Zips {
    fn script(&self) -> &'static str {
        "zips"
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let answers: Vec<Answer> =
            serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let members = answers.into_iter().map(member).collect::<Result<Vec<_>, _>>()?;
        let (reading, unrecognised) = super::read("zip", bytes)?;
        let missing: BTreeSet<_> =
            members.iter().filter_map(|member| lacks(&reading, member)).collect();
        let seen = to_u64(members.len());
        let listed = to_u64(reading.facts.iter().filter(|fact| fact.kind() == "member").count());
        Ok(Comparison { missing, seen, unseen: listed.saturating_sub(seen), unrecognised })
    }
}

fn member((name, spelled, size, data): Answer) -> Result<Member, String> {
    let spelled = String::from_utf8_lossy(&recipe::digits(&spelled)?).into_owned();
    let data = data.as_deref().map(recipe::digits).transpose()?;
    Ok(Member { name, spelled, size, data })
}

/// What the reading lacks of a member, in words.
fn lacks(reading: &Reading, member: &Member) -> Option<String> {
    let mut sizes = reading.facts.iter().filter_map(|fact| match fact {
        Fact::Member { name, size, .. } if is_label(name, member) => Some(*size),
        _ => None,
    });
    if !sizes.any(|size| size == member.size) {
        return Some(format!("member {:?} of {} bytes", member.name, member.size));
    }
    let data = member.data.as_ref().filter(|data| !data.is_empty())?;
    let mut children = reading.children.iter().filter(|child| is_label(&child.name, member));
    let whole = |len| Span::new(0, len);
    let same = children.any(|child| {
        child.bytes.len() == to_u64(data.len())
            && child.bytes.copy(whole(child.bytes.len()), data.len()).as_ref() == Ok(data)
    });
    (!same).then(|| format!("the {} bytes of member {:?}", data.len(), member.name))
}

/// Whether davy calls a member so: by its name as the file spells it or as zipfile shows it, with a
/// number behind it where several have the same.
fn is_label(label: &str, member: &Member) -> bool {
    [&member.spelled, &member.name].into_iter().any(|name| {
        label
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Role, Site};
    use davy_bytes::Bytes;

    #[test]
    fn what_is_not_listed_or_differs_is_told() {
        let mut reading = Reading::default();
        reading.fact(Fact::Member { name: "a#2".to_owned(), size: 2, site: Site::default() });
        reading.child("a#2", Bytes::from_memory(*b"hi"), Role::Present);
        let lacking = |name: &str, size, data: &str| {
            let hex = name.bytes().map(|byte| format!("{byte:02x}")).collect();
            lacks(&reading, &member((name.to_owned(), hex, size, Some(data.to_owned()))).unwrap())
        };
        assert_eq!(lacking("a", 2, "6869"), None);
        assert_eq!(lacking("a", 2, "6868").unwrap(), "the 2 bytes of member \"a\"");
        assert_eq!(lacking("a", 3, "6869").unwrap(), "member \"a\" of 3 bytes");
        assert_eq!(lacking("b", 2, "6869").unwrap(), "member \"b\" of 2 bytes");
    }
}
