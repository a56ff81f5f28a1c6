//! Which threats are found in which formats, counted from the samples that the tests walk.

use davy_bytes::Bytes;
use davy_formats::FORMATS;
use davy_rules::{CATALOG, Threat};
use davy_scan::{Options, Scanned, scan_bytes};
use davy_testkit::recipe;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Samples by format: how many there are, and in how many each threat is found.
#[derive(Debug, Default)]
struct Count {
    samples: u64,
    silent: u64,
    threats: BTreeMap<Threat, u64>,
}

/// The table as a page in Markdown, below its notice. `root` is the root of the repository.
///
/// # Errors
/// A sentence that names the sample that cannot be read.
pub fn page(root: &Path) -> Result<String, String> {
    let mut counts: BTreeMap<&'static str, Count> = BTreeMap::new();
    for path in samples(root)? {
        count(&scanned(&path)?, &mut counts);
    }
    Ok(table(&counts))
}

/// The recipes of all formats, and those that rules must find something in.
fn samples(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for format in FORMATS {
        found.extend(files(&root.join("crates/formats/corpus").join(format.id()))?);
    }
    for detector in CATALOG {
        let pairs = files(&root.join("crates/rules/pairs").join(detector.rule().id))?;
        found.extend(pairs.into_iter().filter(|path| name(path).starts_with("fires")));
    }
    Ok(found)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "hex"));
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn scanned(path: &Path) -> Result<Scanned, String> {
    let fault = |why: String| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let bytes = Bytes::from_memory(recipe::build(&text).map_err(fault)?);
    let options = Options { jobs: 1, ..Options::default() };
    Ok(scan_bytes(&name(path), &bytes, &options))
}

/// Adds one sample to the formats that it and the artifacts in it are of. What is found inside of an
/// archive counts for the archive's format as well: its loader would come to it.
fn count(scanned: &Scanned, counts: &mut BTreeMap<&'static str, Count>) {
    let mut seen: BTreeMap<&'static str, BTreeSet<Threat>> = BTreeMap::new();
    let mut around: Vec<BTreeSet<&'static str>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, artifact) in scanned.artifacts.iter().enumerate() {
        let outer = artifact.parent.and_then(|parent| around.get(parent));
        let mut formats = outer.cloned().unwrap_or_default();
        formats.extend(artifact.identities.iter().map(|identity| identity.format));
        for format in &formats {
            seen.entry(format).or_default();
        }
        places.insert(&artifact.path, index);
        around.push(formats);
    }
    for found in &scanned.findings {
        let place = places.get(found.finding.artifact.as_str());
        for format in place.and_then(|index| around.get(*index)).into_iter().flatten() {
            seen.entry(format).or_default().insert(found.finding.threat);
        }
    }
    for (format, threats) in seen {
        let count = counts.entry(format).or_default();
        count.samples += 1;
        count.silent += u64::from(threats.is_empty());
        for threat in threats {
            *count.threats.entry(threat).or_default() += 1;
        }
    }
}

fn table(counts: &BTreeMap<&str, Count>) -> String {
    let mut page = String::from(
        "# Coverage\n\nSamples of the test suite by format, and in how many of them davy finds each kind of threat. A \
         sample counts for the format of the artifact in which something is found and for those around it. `none` are \
         samples without a finding: honest files, and damaged ones that end in a gap.\n\n| format | samples | none |",
    );
    for threat in Threat::ALL {
        let _ = write!(page, " {} |", threat.as_str());
    }
    page.push_str("\n|---|---|---|");
    page.push_str(&"---|".repeat(Threat::ALL.len()));
    page.push('\n');
    for (format, count) in counts {
        let _ = write!(page, "| `{format}` | {} | {} |", count.samples, count.silent);
        for threat in Threat::ALL {
            match count.threats.get(&threat) {
                Some(number) => _ = write!(page, " {number} |"),
                None => page.push_str(" |"),
            }
        }
        page.push('\n');
    }
    page
}
