//! Every rule fires on its own file and stays silent on the nearest harmless neighbour.

use davy_bytes::Bytes;
use davy_rules::CATALOG;
use davy_scan::{Options, scan_bytes};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The bytes that a `.hex` file spells: pairs of digits, spaces between, comments behind `#`.
fn bytes(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let digits: String = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
        .collect();
    assert!(digits.len().is_multiple_of(2), "{}", path.display());
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// The rules that speak about a file.
fn rules(path: &Path) -> BTreeSet<&'static str> {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let options = Options { jobs: 1, ..Options::default() };
    let scanned = scan_bytes(name, &Bytes::from_memory(bytes(path)), &options);
    assert_eq!(scanned.error, None, "{}", path.display());
    scanned.findings.iter().map(|found| found.finding.rule.id).collect()
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
