//! The files in which derived rows are kept, one for each library.

use super::effects;
use super::emit::{Row, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// A name in some versions of a library.
pub struct Kept {
    pub row: Row,
    /// The versions in which it is there, by their place.
    pub versions: BTreeSet<usize>,
}

/// Names of a library over its versions, the newest last.
#[derive(Default)]
pub struct Library {
    names: BTreeMap<String, Kept>,
    versions: Vec<String>,
}

impl Library {
    /// Adds what one version has. What is worse in some version counts.
    pub fn add(&mut self, version: &str, rows: BTreeMap<String, Row>) {
        let at = self.versions.len();
        self.versions.push(version.to_owned());
        for (name, row) in rows {
            match self.names.remove(&name) {
                None => {
                    self.names.insert(name, Kept { row, versions: BTreeSet::from([at]) });
                }
                Some(mut kept) => {
                    let old = kept.versions.iter().all(|at| self.is_partial(*at));
                    kept.versions.insert(at);
                    kept.row = if old { row } else { row.worse(kept.row) };
                    self.names.insert(name, kept);
                }
            }
        }
    }

    /// Whether much of a version does not parse, so that any other knows better.
    fn is_partial(&self, version: usize) -> bool {
        self.versions.get(version).is_some_and(|version| version.starts_with("2."))
    }

    pub fn rows(&self) -> impl Iterator<Item = (&String, &Kept)> {
        self.names.iter()
    }

    /// The text of the file.
    pub fn text(&self, library: &str, notes: &[String]) -> String {
        let mut lines: BTreeSet<String> = BTreeSet::new();
        let mut harmless: BTreeMap<(String, &str, String), Vec<String>> = BTreeMap::new();
        let astray = self.astray();
        for (name, kept) in self.names.iter().filter(|(name, _)| !astray.contains(name.as_str())) {
            let versions = self.range(&kept.versions);
            let fills = if kept.row.fills { "+fills" } else { "" };
            match &kept.row.verdict {
                Verdict::Does { effect, through, via, steps } => {
                    if effects::is_kept(library.starts_with("Python "), *effect, *steps, through) {
                        let word = effects::word(*effect);
                        lines.insert(format!(
                            "{name}\t{word}{fills}\t{versions}\t{through}\t{steps}\t{via}"
                        ));
                    }
                }
                verdict => {
                    let word = match verdict {
                        Verdict::Harmless if kept.row.is_function || kept.row.fills => "data",
                        Verdict::Asks if kept.row.is_function || kept.row.fills => "data:ref",
                        Verdict::Unknown if kept.row.fills => "data:new",
                        _ => continue,
                    };
                    let Some((module, last)) = name.rsplit_once('.') else { continue };
                    if kept.row.is_method || last.starts_with("__") {
                        continue;
                    }
                    let mark = if kept.row.fills { "+" } else { "" };
                    let group = harmless.entry((module.to_owned(), word, versions)).or_default();
                    group.push(format!("{last}{mark}"));
                }
            }
        }
        for ((module, word, versions), names) in harmless {
            lines.insert(format!("{module}\t{word}\t{versions}\t{}", names.join(" ")));
        }
        let mut text = format!("# library: {library}\n");
        if let [first, .., last] = self.versions.as_slice() {
            text.push_str(&format!("# versions: {}-{}\n", short(first), short(last)));
        }
        for note in notes {
            text.push_str(&format!("# {note}\n"));
        }
        text.push_str(
            "# written by `cargo xtask knowledge`; docs/knowledge.md tells what the columns say\n",
        );
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Names whose way leads through what a library hands around everywhere.
    fn astray(&self) -> BTreeSet<&str> {
        let mut astray: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = astray.len();
            for (name, kept) in &self.names {
                let Verdict::Does { effect, via, .. } = &kept.row.verdict else { continue };
                let same = self.names.get(via).is_some_and(|next| {
                    matches!(&next.row.verdict, Verdict::Does { effect: other, .. } if other == effect)
                });
                if EVERYWHERE.contains(&via.as_str()) || same && astray.contains(via.as_str()) {
                    astray.insert(name);
                }
            }
            if astray.len() == before {
                return astray;
            }
        }
    }

    /// `3.8-3.12`; nothing where it is in all of them.
    fn range(&self, there: &BTreeSet<usize>) -> String {
        if there.len() == self.versions.len() {
            return String::new();
        }
        let short = |at: &usize| short(self.versions.get(*at).map_or("", String::as_str));
        let mut ranges: Vec<String> = Vec::new();
        let all: Vec<usize> = there.iter().copied().collect();
        for run in all.chunk_by(|a, b| a + 1 == *b) {
            match run {
                [one] => ranges.push(short(one)),
                [first, .., last] => ranges.push(format!("{}-{}", short(first), short(last))),
                [] => {}
            }
        }
        ranges.join(",")
    }
}

/// `3.11` of `3.11.7`.
fn short(version: &str) -> String {
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// Functions that stand in others and are kept where everything of a library seems to reach them.
const EVERYWHERE: &[&str] = &["torch.export.experimental._ExportPackage._exporter"];
