//! What the names of members make of a zip archive: a checkpoint, a TorchScript model or a package,
//! under which root, and what loaders do with each member.
//!
//! Roots and letter case are free: `torch.load` takes the first folder of the archive, in whatever
//! case, for the root, and others look for any `data.pkl`.

use crate::zip::{Directory, Entry};
use davy_artifact::Role;
use std::collections::BTreeSet;

/// Names in a zip archive that PyTorch's loaders look for.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Roots with a `data.pkl`.
    pub(super) eager: BTreeSet<String>,
    /// Roots with a `constants.pkl`.
    pub(super) script: BTreeSet<String>,
    /// Roots with `.data/extern_modules` or `.data/python_version`.
    pub(super) package: BTreeSet<String>,
}

/// A member's name as loaders compare it: slashes one way, no `./`, lower case.
pub(super) fn plain(entry: &Entry) -> String {
    let name = entry.name();
    let name = if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_lowercase() };
    let mut plain = String::with_capacity(name.len());
    for part in name.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")) {
        if !plain.is_empty() {
            plain.push('/');
        }
        plain.push_str(part);
    }
    plain
}

/// What is before `end` in `name`, if whole parts of a path are.
fn root<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let root = name.strip_suffix(end)?;
    (root.is_empty() || root.ends_with('/')).then_some(root)
}

/// Adds what is before `end` in `name` to `roots`; a root for every member would make every look at
/// one a walk over all of them, so that only the first ones count.
fn note(name: &str, end: &str, roots: &mut BTreeSet<String>) {
    if let Some(root) = root(name, end).filter(|_| roots.len() < 16) {
        roots.insert(root.to_owned());
    }
}

/// Names that tell a layout, by their ends.
const TELLING: [&[u8]; 4] = [b"data.pkl", b"constants.pkl", b"extern_modules", b"python_version"];

/// Whether a name may be one that tells a layout: most are not, and need not be folded.
fn may_tell(name: &[u8]) -> bool {
    let slash = |byte: &u8| matches!(byte, b'/' | b'\\' | b'.');
    let end = name.iter().rposition(|byte| !slash(byte)).map_or(0, |at| at.saturating_add(1));
    let name = name.get(..end).unwrap_or_default();
    let ends = |end: &&[u8]| {
        let from = name.len().saturating_sub(end.len());
        name.get(from..).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    !name.is_ascii() || TELLING.iter().any(ends)
}

impl Layout {
    pub(crate) fn of(directory: &Directory) -> Self {
        let mut layout = Self::default();
        for entry in every(directory).filter(|entry| may_tell(&entry.raw_name)) {
            let name = plain(entry);
            note(&name, "data.pkl", &mut layout.eager);
            note(&name, "constants.pkl", &mut layout.script);
            note(&name, ".data/extern_modules", &mut layout.package);
            note(&name, ".data/python_version", &mut layout.package);
        }
        layout
    }

    /// What is done with a member, where the layout tells.
    pub(crate) fn role(&self, entry: &Entry) -> Option<Role> {
        if self.eager.is_empty() && self.script.is_empty() && self.package.is_empty() {
            return None;
        }
        let name = plain(entry);
        let within = |roots: &BTreeSet<String>| {
            roots
                .iter()
                .filter_map(|root| name.strip_prefix(root.as_str()))
                .next_back()
                .map(str::len)
        };
        let rest = |len: usize| name.get(name.len().saturating_sub(len)..).unwrap_or_default();
        if let Some(len) = within(&self.package) {
            return package_role(rest(len));
        }
        let len = within(&self.script).or_else(|| within(&self.eager))?;
        checkpoint_role(rest(len))
    }
}

/// Every member that any reader sees.
pub(super) fn every(directory: &Directory) -> impl Iterator<Item = &Entry> {
    let listed = directory.listings.iter().flat_map(|listing| &listing.entries);
    listed.chain(&directory.unlisted)
}

/// What `torch.load` and `torch.jit.load` do with a member; `rest` is its name behind the root.
fn checkpoint_role(rest: &str) -> Option<Role> {
    let (folder, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    match (folder, name) {
        ("", "data.pkl" | "constants.pkl" | "attributes.pkl") => Some(Role::Loaded),
        ("", "version" | "byteorder" | "model.json" | ".format_version" | ".storage_alignment")
        | (".data", "serialization_id" | "version")
        | ("data" | "constants" | "tensors" | "extra", _) => Some(Role::Storage),
        _ => None,
    }
}

/// What `torch.package` does with a member: source is imported, pickles are loaded.
fn package_role(rest: &str) -> Option<Role> {
    if rest.starts_with(".data/") || rest == "byteorder" {
        Some(Role::Storage)
    } else if rest.ends_with(".py") || rest.ends_with(".pkl") {
        Some(Role::Loaded)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_follow_the_place_under_the_root() {
        assert_eq!(checkpoint_role("data.pkl"), Some(Role::Loaded));
        assert_eq!(checkpoint_role("data/0"), Some(Role::Storage));
        assert_eq!(checkpoint_role("data/0/deeper"), None);
        assert_eq!(checkpoint_role("code/__torch__.py"), None);
        assert_eq!(package_role("a/b.py"), Some(Role::Loaded));
        assert_eq!(package_role(".data/0.storage"), Some(Role::Storage));
        assert_eq!(root("a/data.pkl", "data.pkl"), Some("a/"));
        assert_eq!(root("xdata.pkl", "data.pkl"), None);
    }
}
