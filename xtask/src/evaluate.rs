//! Measures derived knowledge: against published gadgets and against honest files.

use crate::knowledge::names_folder;
use crate::{Outcome, say};
use davy_artifact::{Artifact, Fact};
use davy_bytes::Bytes;
use davy_rules::Severity;
use davy_rules::knowledge::{self as known, derived};
use davy_scan::{Options, Scanned, scan_bytes};
use serde_json::Value;
use std::collections::BTreeMap;
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
