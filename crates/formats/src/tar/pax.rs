//! Records that override what headers say: pax (POSIX.1-2001) with GNU's, star's and Solaris's
//! additions.

/// Records in the order in which they stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Pax {
    records: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether a record's length does not fit its content: readers go on at different places.
    pub(super) malformed: bool,
}

/// Records that are kept of one header; honest ones have a dozen, GNU sparse maps more.
const KEPT: usize = 200_000;

impl Pax {
    /// Reads records of the form `length key=value\n`, as `CPython`'s `tarfile` does up to 3.13: it
    /// ends at the first that does not look like one.
    pub(super) fn read(data: &[u8]) -> Self {
        let mut pax = Self::default();
        let mut at = 0_usize;
        while let Some((key, value, length)) = record(data.get(at..).unwrap_or_default()) {
            pax.malformed |= !value.1;
            if pax.records.len() >= KEPT {
                break;
            }
            pax.records.push((key, value.0));
            at = at.saturating_add(length);
        }
        pax
    }

    /// The last value of a key; a record of no length deletes what was said before (pax, "Extended
    /// header keyword precedence"), which Python does not know.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let found = self.records.iter().rev().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_slice())
    }

    /// Whichever of these keys stands last, and its value.
    pub(super) fn last<'a>(&self, keys: &[&'a [u8]]) -> Option<(&'a [u8], &[u8])> {
        // A key that comes again keeps its place, as in Python's dictionaries.
        let first = |key: &[u8]| self.records.iter().position(|(known, _)| known == key);
        let (_, key) = keys.iter().filter_map(|key| Some((first(key)?, key))).max()?;
        Some((key, self.get(key)?))
    }

    /// All values of a key, first one first.
    pub(super) fn all<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let found = self.records.iter().filter(move |(known, _)| known == key);
        found.map(|(_, value)| value.as_slice())
    }

    /// These records behind those of `before`.
    pub(super) fn behind(&self, before: &Self) -> Self {
        let mut all = before.clone();
        all.records.extend(self.records.iter().take(KEPT).cloned());
        all
    }
}

/// Key, value with whether a newline ends it where it should, and length of the record that `data`
/// starts with.
type Record = (Vec<u8>, (Vec<u8>, bool), usize);

fn record(data: &[u8]) -> Option<Record> {
    let digits = data.iter().take(30).take_while(|byte| byte.is_ascii_digit()).count();
    let length: usize = std::str::from_utf8(data.get(..digits)?).ok()?.parse().ok()?;
    let rest = data.get(digits..)?.strip_prefix(b" ")?;
    let equals = rest.iter().position(|byte| *byte == b'=').filter(|at| *at > 0 && length > 0)?;
    let key = rest.get(..equals)?;
    let start = digits.checked_add(equals)?.checked_add(2)?;
    let end = length.checked_sub(1)?.min(data.len());
    let value = data.get(start..end).unwrap_or_default();
    let ended = data.get(end) == Some(&b'\n') && end >= start;
    Some((key.to_vec(), (value.to_vec(), ended), length))
}

/// A whole number as Python's `int` takes it from a record; `None` where it is none.
pub(super) fn int(value: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let sound = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    text.replace('_', "").parse().ok().filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_end_at_the_first_that_is_none() {
        let pax = Pax::read(b"12 path=a/b\n12 size=123\n0 path=z\n");
        assert_eq!(
            (pax.get(b"path"), pax.get(b"size")),
            (Some(b"a/b".as_slice()), Some(b"123".as_slice()))
        );
        assert!(!pax.malformed && pax.get(b"mtime").is_none());
        let lying = Pax::read(b"99 path=x\n");
        assert!(lying.malformed && lying.get(b"path").is_some());
        assert_eq!(Pax::read(b"12 path=a/b\n12 path=c/d\n").get(b"path"), Some(b"c/d".as_slice()));
    }

    #[test]
    fn numbers_are_those_of_python() {
        assert_eq!(
            (int(b" 12 "), int(b"-3"), int(b"1_0"), int(b"+4")),
            (Some(12), Some(-3), Some(10), Some(4))
        );
        assert_eq!((int(b""), int(b"1__0"), int(b"0x1"), int(b"1.5")), (None, None, None, None));
    }
}
