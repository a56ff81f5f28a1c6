//! Measures derived knowledge: against published gadgets, against honest files, and for gadgets that
//! nobody has published.

use crate::knowledge::{TABLES, names_folder};
use crate::{Outcome, paths, say};
use davy_artifact::{Artifact, Fact};
use davy_bytes::Bytes;
use davy_rules::Severity;
use davy_rules::knowledge::derived::{self, Derivation};
use davy_rules::knowledge::{self as known, Effect};
use davy_scan::{Options, Scanned, scan_bytes};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

/// Compares with a table of gadgets: name, effect, and whatever else, TAB separated.
pub fn gadgets(path: &Path) -> Outcome {
    let seen = seen()?;
    let text = fs::read_to_string(path)?;
    let rows: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut parts = line.split('\t');
            Some((parts.next()?, parts.next()?))
        })
        .filter(|(name, _)| !name.ends_with(".*"))
        .collect();
    let there: Vec<&(&str, &str)> =
        rows.iter().filter(|(name, _)| seen.contains_key(*name)).collect();
    let found = |name: &str| derived::find(name).filter(|found| !found.effect.is_harmless());
    let (caught, rest): (Vec<_>, Vec<_>) =
        there.iter().copied().partition(|(name, _)| found(name).is_some());
    say(format_args!(
        "gadgets: {} names, {} in the sources that were read; {} derived as dangerous ({:.1} %)",
        rows.len(),
        there.len(),
        caught.len(),
        100.0 * caught.len() as f64 / there.len().max(1) as f64
    ));
    for (name, effect) in rest {
        let verdict = seen.get(name).map_or("", |verdict| verdict.as_str());
        say(format_args!("  not derived: {name} ({effect}): {verdict}"));
    }
    let reported = |name: &str| {
        known::lookup_path(name).is_some_and(|known| !known.when_called().effect.is_harmless())
    };
    let silent: Vec<_> = there.iter().filter(|(name, _)| !reported(name)).collect();
    say(format_args!(
        "with reviewed rows: {} of {} reported",
        there.len() - silent.len(),
        there.len()
    ));
    for (name, effect) in silent {
        say(format_args!("  not reported: {name} ({effect})"));
    }
    Ok(())
}

/// Names in the sources, with what derivation says.
fn seen() -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(names_folder())? {
        for line in fs::read_to_string(entry?.path())?.lines() {
            if let Some((name, verdict)) = line.split_once('\t') {
                seen.insert(name.to_owned(), verdict.to_owned());
            }
        }
    }
    Ok(seen)
}

/// Scans the honest files of a corpus and counts the names in them about which something is reported.
pub fn honest(corpus: &Path) -> Outcome {
    let manifest = fs::read_to_string(corpus.join("manifest.jsonl"))?;
    let mut names: BTreeMap<String, bool> = BTreeMap::new();
    for line in manifest.lines() {
        let row: Value = serde_json::from_str(line)?;
        let path = row.get("path").and_then(Value::as_str).unwrap_or_default();
        let is_honest = row.get("label").and_then(Value::as_str) == Some("benign");
        let path = corpus.join(path);
        if is_honest && path.is_file() {
            let bytes = Bytes::from_memory(fs::read(&path)?);
            let options = Options { jobs: 1, survey: false, ..Options::default() };
            note(&scan_bytes(&path.to_string_lossy(), &bytes, &options), &mut names);
        }
    }
    let loud: Vec<&String> =
        names.iter().filter(|(_, quiet)| !**quiet).map(|(name, _)| name).collect();
    say(format_args!(
        "{}: {} names in honest files, {} reported at medium or above ({:.2} % silent)",
        corpus.display(),
        names.len(),
        loud.len(),
        100.0 * (names.len() - loud.len()) as f64 / names.len().max(1) as f64
    ));
    loud.iter().for_each(|name| say(format_args!("  {name}")));
    Ok(())
}

fn note(scanned: &Scanned, names: &mut BTreeMap<String, bool>) {
    let is_pickle = |artifact: &&Artifact| {
        artifact.identities.iter().all(|identity| identity.format != "python")
    };
    for artifact in scanned.artifacts.iter().filter(is_pickle) {
        for fact in artifact.identities.iter().flat_map(|identity| &identity.reading.facts) {
            let Fact::Import { name, .. } = fact else { continue };
            let dotted = name.dotted();
            let quoted = format!("`{dotted}`");
            let loud = scanned.findings.iter().any(|found| {
                found.finding.severity >= Severity::Medium
                    && found.finding.artifact == artifact.path
                    && found.finding.message.contains(&quoted)
            });
            *names.entry(dotted).or_insert(true) &= !loud;
        }
    }
}

/// Effects of which a list of new gadgets speaks.
const TOLD: &[Effect] = &[Effect::Exec, Effect::Native, Effect::Deser];

/// Longer ways than this are more often wrong.
const STEPS: u8 = 5;

/// Gadgets that no reviewed row and no line of `gadgets` names, as a page.
pub fn new_gadgets(gadgets: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(gadgets)?;
    let published: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split('\t').next()).collect();
    let reviewed = fs::read_to_string(paths::root().join(TABLES).join("callables.tsv"))?;
    let listed: BTreeSet<&str> =
        reviewed.lines().filter_map(|line| line.split('\t').next()).collect();
    let mut page = String::from(
        "# Gadgets that no list names\n\nFunctions and classes of the standard library and of libraries for machine learning that run \
         code, load machine code or unpickle what they are given, found by `cargo xtask knowledge --evaluate`. No published list that \
         davy was compared with, and no reviewed row of its own, names them. The third column is the way to what has the \
         effect.\n\n| name | effect, through | path | in |\n|---|---|---|---|\n",
    );
    for name in derived::names() {
        let Some(found) = derived::find(&name) else { continue };
        if !is_new(&found) || published.contains(name.as_str()) || listed.contains(name.as_str()) {
            continue;
        }
        let path = found.path().join("` → `");
        page.push_str(&format!(
            "| `{name}` | {}, {} | `{path}` | {} |\n",
            found.effect.as_str(),
            found.through.replace(',', ", ").replace('*', "any"),
            found.origin
        ));
    }
    Ok(page)
}

fn is_new(found: &Derivation) -> bool {
    let public = found.name.split('.').all(|part| !part.starts_with('_'));
    let tests =
        found.name.split('.').any(|part| matches!(part, "test" | "testing" | "tests" | "conftest"));
    let own = found.through.split(',').all(|part| part.starts_with('.') || part == "self");
    let derived_only = known::lookup_path(&found.name)
        .is_some_and(|known| known.when_called().is_derived() && known.is_derived());
    let at_root = found.path().last().is_some_and(|last| !last.starts_with(found.name.as_str()));
    public
        && !tests
        && !own
        && derived_only
        && at_root
        && found.steps <= STEPS
        && TOLD.contains(&found.effect)
}
