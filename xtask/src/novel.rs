//! The page of callables that derivation found and no list names, with the place of every step.

use crate::knowledge::{TABLES, source_of};
use crate::paths;
use davy_rules::knowledge::derived::{self, Derivation};
use davy_rules::knowledge::{self as known, Effect};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Effects of which the page speaks.
const TOLD: &[Effect] = &[Effect::Exec, Effect::Deser, Effect::Import, Effect::FileWrite];

/// Longer ways than this are more often wrong.
const STEPS: usize = 6;

/// Steps by which paths that no run takes are found: a call of an object whose class was guessed.
const GUESSED: &[&str] = &["unittest.mock", ".__call__", "_ctypes.CFuncPtr"];

const HEAD: &str = "# Callables that no list names

Functions and classes of libraries that run code, unpickle, import or write what they are told to, by one call with
arguments that a file chooses. `cargo xtask knowledge --evaluate` found them in the source. No published list that davy was
compared with and no reviewed row of its own names them. Methods, names that are only other names of the same thing, tests,
and paths by which a class was guessed are left out. The way ends at the first callable that is known for its effect; a
place is the file and line of the definition in that version, and a step without one stands in C or in what was not read.
Derived rows have medium confidence: conditions on the way are not looked at.

| callable | effect | through | way | in |
|---|---|---|---|---|
";

/// The page; `published` holds a name before the first TAB of each line.
pub fn page(published: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(published)?;
    let reviewed = fs::read_to_string(paths::root().join(TABLES).join("callables.tsv"))?;
    let listed: BTreeSet<&str> =
        text.lines().chain(reviewed.lines()).filter_map(|line| line.split('\t').next()).collect();
    let mut places = Places::default();
    let mut page = String::from(HEAD);
    for name in derived::names() {
        let Some(found) = derived::find(&name) else { continue };
        let way = way(&found);
        if listed.contains(name.as_str()) || !is_new(&found, &way) {
            continue;
        }
        let steps: Vec<String> = way.iter().map(|step| places.shown(step)).collect();
        page.push_str(&format!(
            "| `{name}` | {} | {} | {} | {} |\n",
            found.effect.as_str(),
            found.through.replace(',', ", "),
            steps.join(" → "),
            found.origin
        ));
    }
    Ok(page)
}

/// The steps to the first callable that a reviewed row calls dangerous.
fn way(found: &Derivation) -> Vec<String> {
    let mut way = Vec::new();
    for step in found.path() {
        let ends = !way.is_empty()
            && known::lookup_path(step.trim_end_matches(".__init__"))
                .is_some_and(|known| !known.is_derived() && known.is_dangerous());
        way.push(step);
        if ends {
            break;
        }
    }
    way
}

fn is_new(found: &Derivation, way: &[String]) -> bool {
    let parts: Vec<&str> = found.name.split('.').collect();
    let (Some(last), Some(owner)) = (parts.last(), parts.iter().rev().nth(1)) else { return false };
    let is_method = owner.starts_with(|first: char| first.is_uppercase());
    let is_test = parts.iter().any(|part| part.contains("test") || *part == "conftest");
    // `package.name` for `package.module.name`.
    let is_alias = way.get(1).is_some_and(|next| next.rsplit('.').next() == Some(last));
    let decided = found.through.split(',').any(|part| !part.starts_with('.') && part != "*");
    let own = found.through.split(',').any(|part| part == "self");
    let guessed = way.iter().any(|step| GUESSED.iter().any(|word| step.contains(word)));
    let derived_only = known::lookup_path(&found.name)
        .is_some_and(|known| known.when_called().is_derived() && known.is_derived());
    let reaches = way.len() > 1 && way.last().is_some_and(|end| !end.starts_with(&found.name));
    let plain = !is_method && !is_test && !is_alias && decided && !own && !guessed;
    plain && derived_only && reaches && way.len() <= STEPS && TOLD.contains(&found.effect)
}

/// Where callables are defined, with the files that were read for that.
#[derive(Default)]
struct Places {
    files: BTreeMap<PathBuf, Vec<String>>,
}

impl Places {
    fn shown(&mut self, step: &str) -> String {
        match self.place(step) {
            Some((file, line)) => format!("`{step}` ({file}:{line})"),
            None => format!("`{step}`"),
        }
    }

    /// File and line of a definition: the longest module that a name starts with, and in it the last
    /// of the names behind that, each below the one before.
    fn place(&mut self, name: &str) -> Option<(String, usize)> {
        let parts: Vec<&str> = name.split('.').collect();
        let (at, (root, file)) = (1..parts.len())
            .rev()
            .find_map(|at| source_of(parts.get(..at)?).map(|found| (at, found)))?;
        let whole = root.join(&file);
        let lines = self.files.entry(whole.clone()).or_insert_with(|| {
            let bytes = fs::read(&whole).unwrap_or_default();
            String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
        });
        let mut from = 0;
        for part in parts.get(at..)? {
            let heads =
                [format!("def {part}("), format!("class {part}("), format!("class {part}:")];
            let ahead = lines.get(from..)?.iter().position(|line| {
                let line = line.trim_start().trim_start_matches("async ");
                heads.iter().any(|head| line.starts_with(head.as_str()))
            })?;
            from += ahead + 1;
        }
        Some((file.to_string_lossy().into_owned(), from))
    }
}
