//! Names that mean more than one place, or a place outside: what every unpacker of an archive has
//! to fear.

use super::entry::Entry;
use davy_artifact::{Quirk, Reading, Route};
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

/// Why an unpacker that trusts `name` would write outside of its folder; `None` where it would not.
pub(crate) fn escapes(name: &[u8]) -> Option<&'static str> {
    let slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    let drive = name.first().is_some_and(u8::is_ascii_alphabetic) && name.get(1) == Some(&b':');
    if name.first().is_some_and(slash) {
        Some("is absolute")
    } else if drive {
        Some("starts with a drive letter")
    } else if name.split(slash).any(|part| part == b"..") {
        Some("climbs with `..`")
    } else {
        None
    }
}

/// The name as the most forgiving loaders and file systems fold it: one case of letters, one kind
/// of slash, no `.` parts, no dots or spaces at the end of a part (Windows), nothing behind a NUL.
pub(crate) fn fold(name: &[u8]) -> String {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let lower = if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_lowercase() };
    let mut folded = String::with_capacity(lower.len().saturating_add(1));
    for part in lower.split(['/', '\\']) {
        let part = part.trim_end_matches(['.', ' ']);
        if !part.is_empty() {
            folded.push('/');
            folded.push_str(part);
        }
    }
    folded
}

/// Gives each entry of a list its label, and records names that are double, collide or escape.
pub(super) fn check(entries: &mut [Entry], labels: &mut Labels, reading: &mut Reading) {
    let mut folds: HashMap<String, usize> = HashMap::new();
    // Old .NET wrote backslashes throughout; who mixes both wants to be read in two ways.
    let has = |byte: u8| entries.iter().any(|entry| entry.raw_name.contains(&byte));
    let mixed = has(b'/') && has(b'\\');
    for index in 0..entries.len() {
        let Some(entry) = entries.get_mut(index) else { break };
        entry.label = labels.label(&entry.name());
        let Some(entry) = entries.get(index) else { break };
        check_alone(entry, mixed, reading);
        let folded = fold(&entry.raw_name);
        match folds.entry(folded) {
            Slot::Vacant(slot) => {
                slot.insert(index);
            }
            Slot::Occupied(slot) => {
                let Some(first) = entries.get(*slot.get()) else { continue };
                check_pair(first, entry, reading);
            }
        }
    }
}

fn check_alone(entry: &Entry, mixed: bool, reading: &mut Reading) {
    let route = || Route::Member(entry.label.clone());
    if let Some(why) = escapes(&entry.raw_name) {
        let name = entry.name();
        let what =
            format!("the name `{name}` {why}, and leads out of the folder it is unpacked in");
        reading.deviation(Quirk::EscapingName, entry.central, route(), &what);
    }
    if entry.raw_name.contains(&0) {
        let name = entry.name();
        let what =
            format!("Python's zipfile cuts the name `{name}` at its NUL, other readers do not");
        reading.deviation(Quirk::CollidingName, entry.central, route(), &what);
    }
    if mixed && entry.raw_name.contains(&b'\\') {
        let name = entry.name();
        let what =
            format!("the backslash in `{name}` is a folder to some readers, a letter to others");
        reading.deviation(Quirk::CollidingName, entry.central, route(), &what);
    }
}

fn check_pair(first: &Entry, second: &Entry, reading: &mut Reading) {
    // A folder and the entry that spells it differ by their slash only.
    if first.is_folder() != second.is_folder() {
        return;
    }
    let (quirk, what) = if first.raw_name == second.raw_name {
        let what = format!(
            "`{}` is listed twice: Python's zipfile opens the last, other readers the first, miniz \
             (torch.load) whichever its search meets",
            second.name()
        );
        (Quirk::DuplicateName, what)
    } else {
        let what =
            format!("`{}` and `{}` are one name to some loaders", first.name(), second.name());
        (Quirk::CollidingName, what)
    };
    reading.deviation(quirk, second.central, Route::Member(second.label.clone()), &what);
}

/// Labels given so far, so that no two children have the same.
#[derive(Debug, Default)]
pub(crate) struct Labels(HashMap<String, u64>);

impl Labels {
    /// A label for `name`: the name itself, or with `#2`, `#3` ... behind it where it is taken.
    pub(crate) fn label(&mut self, name: &str) -> String {
        let mut label = name.to_owned();
        loop {
            let taken = self.0.entry(label.clone()).or_insert(0);
            *taken = taken.saturating_add(1);
            if *taken == 1 {
                return label;
            }
            // A name that imitates such a label only moves on to the next number.
            label = format!("{label}#{taken}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_are_told_from_names_with_dots() {
        for name in ["../x", "a/../../x", "/etc/passwd", "..\\x", "C:\\x", "c:x", "\\\\host\\x"] {
            assert!(escapes(name.as_bytes()).is_some(), "{name}");
        }
        for name in ["a..b/c", "...", ".data/x", "archive/data.pkl", "model:0"] {
            assert_eq!(escapes(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn folding_joins_what_loaders_take_for_one() {
        for name in
            ["Archive/DATA.pkl", "archive\\data.pkl", "./archive//data.pkl.", "archive/data.pkl\0x"]
        {
            assert_eq!(fold(name.as_bytes()), "/archive/data.pkl", "{name}");
        }
        assert_ne!(fold(b"archive/data.pkl2"), fold(b"archive/data.pkl"));
    }

    #[test]
    fn labels_are_distinct_even_when_names_imitate_them() {
        let mut labels = Labels::default();
        let given = ["a", "a#2", "a", "a"].map(|name| labels.label(name));
        let distinct: std::collections::HashSet<_> = given.iter().collect();
        assert_eq!((distinct.len(), given[0].as_str()), (4, "a"));
    }
}
