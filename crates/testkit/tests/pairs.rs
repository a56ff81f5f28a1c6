//! Every rule fires on its own file and stays silent on the nearest harmless neighbour.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use davy_bytes::Bytes;
use davy_rules::{CATALOG, advisories};
use davy_scan::{Options, Scanned, scan_bytes};
use davy_testkit::recipe;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What is found in a file.
fn scanned(path: &Path) -> Scanned {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let options = Options { jobs: 1, ..Options::default() };
    let bytes = recipe::build(&fs::read_to_string(path).unwrap()).unwrap();
    let scanned = scan_bytes(name, &Bytes::from_memory(bytes), &options);
    assert_eq!(scanned.error, None, "{}", path.display());
    scanned
}

/// The rules that speak about a file.
fn rules(path: &Path) -> BTreeSet<&'static str> {
    scanned(path).findings.iter().map(|found| found.finding.rule.id).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn rules_fire_on_their_files_and_not_on_the_nearest_harmless_ones() {
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/pairs");
    let mut wrong = Vec::new();
    for rule in CATALOG.iter().map(|detector| detector.rule().id) {
        for path in files(&pairs.join(rule)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let found = rules(&path);
            let fires = name.starts_with("fires");
            assert!(fires || name.starts_with("silent"), "{}", path.display());
            if found.contains(rule) != fires {
                wrong.push(format!("{rule}/{name}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_advisory_belongs_to_what_a_file_does() {
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/pairs");
    let mut wanted: BTreeSet<&str> = advisories().iter().map(|advisory| advisory.id).collect();
    for rule in CATALOG.iter().map(|detector| detector.rule().id) {
        for path in files(&pairs.join(rule)) {
            let recipe = fs::read_to_string(&path).unwrap();
            // Samples name the advisories that they are for.
            if !recipe.contains("CVE-") {
                continue;
            }
            let scanned = scanned(&path);
            let found = scanned.findings.iter().flat_map(|found| &found.finding.advisories);
            found.for_each(|advice| _ = wanted.remove(advice.advisory.id));
        }
    }
    assert!(wanted.is_empty(), "no sample for {wanted:?}");
}
