//! What lies beside an artifact, for rules about models in several files.

use davy_artifact::Artifact;
use std::collections::BTreeMap;

/// The artifacts of a scan as one of them sees them: by their names in its own folder or archive.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    all: &'a BTreeMap<&'a str, &'a Artifact>,
    folder: &'a str,
}

impl<'a> Beside<'a> {
    /// What lies beside `artifact` among `all` artifacts by their paths.
    #[must_use]
    pub fn new(all: &'a BTreeMap<&'a str, &'a Artifact>, artifact: &'a Artifact) -> Self {
        let end = artifact.path.rfind(['/', '!']).map_or(0, |at| at.saturating_add(1));
        Self { all, folder: artifact.path.get(..end).unwrap_or_default() }
    }

    /// The artifact that has this name, which may lead into folders and not out of this one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Artifact> {
        let inside = !name.contains(['\\', '!'])
            && name.split('/').all(|part| !["", ".", ".."].contains(&part));
        inside.then(|| self.all.get(format!("{}{name}", self.folder).as_str()).copied()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::artifact;

    #[test]
    fn names_lead_into_folders_and_not_out_of_them() {
        let at = |path: &str| Artifact { path: path.into(), ..artifact("json", vec![]) };
        let paths = ["a/m.zip!x/index", "a/m.zip!x/y/one", "a/m.zip!two", "a/three", "four"];
        let artifacts = paths.map(at);
        let all = artifacts.iter().map(|it| (it.path.as_str(), it)).collect();
        let beside = |from: usize, name| {
            Beside::new(&all, &artifacts[from]).get(name).map(|it| it.path.as_str())
        };
        assert_eq!(beside(0, "y/one"), Some("a/m.zip!x/y/one"));
        for name in ["two", "../two", "three", "/four", "./y/one", "y//one", ""] {
            assert_eq!(beside(0, name), None, "{name}");
        }
        assert_eq!((beside(3, "m.zip!two"), beside(4, "a/three")), (None, Some("a/three")));
    }
}
