//! Every rule fires on its own file and stays silent on the nearest harmless neighbour.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use davy_artifact::Artifact;
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
fn files_of_a_model_are_compared_with_those_beside_them() {
    let folder = std::env::temp_dir().join(format!("davy-beside-{}", std::process::id()));
    let at = |name: &str| folder.join(name);
    fs::create_dir_all(at("m")).unwrap();
    let tensor = |name: &str| {
        let header =
            format!("{{\"{name}\":{{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}}}");
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), b"\x01\x02\x03\x04"].concat()
    };
    let index = r#"{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#;
    fs::write(at("m/model.safetensors.index.json"), index).unwrap();
    fs::write(at("m/1.safetensors"), tensor("a")).unwrap();
    let told = || {
        let scan = davy_scan::scan(std::slice::from_ref(&folder), &Options::default(), None);
        let findings = scan.inputs.iter().flat_map(|input| &input.findings);
        let told = findings.filter(|it| it.finding.rule.id == "mismatched-shards");
        told.map(|it| it.finding.severity.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(told(), ["low"]);
    fs::write(at("m/2.safetensors"), tensor("c")).unwrap();
    assert_eq!(told(), ["medium", "low"]);
    fs::write(at("m/2.safetensors"), tensor("b")).unwrap();
    assert!(told().is_empty());
    // A link that leads out of the folder is not followed, and its target not taken for the file.
    fs::rename(at("m/2.safetensors"), folder.with_extension("outside")).unwrap();
    std::os::unix::fs::symlink(folder.with_extension("outside"), at("m/2.safetensors")).unwrap();
    assert_eq!(told(), ["low"]);
    fs::remove_dir_all(&folder).unwrap();
    fs::remove_file(folder.with_extension("outside")).unwrap();
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

/// The words in backticks of a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn samples_on_the_pages_fire_the_rule_beside_them() {
    for page in ["docs/graphs.md", "docs/weights.md"] {
        samples_fire(page);
    }
}

/// A row of a table: the rules that it names, and the samples that are to fire one of them.
struct Row<'a> {
    rule: &'a str,
    samples: Vec<&'a str>,
}

/// The row that cells are; nothing where they are none.
fn row<'a>(cells: &[&'a str]) -> Option<Row<'a>> {
    let [_, _, rule, sample, _] = cells else { return None };
    // Behind a semicolon stands what is silent.
    let samples = quoted(sample.split(';').next().unwrap_or_default());
    Some(Row { rule, samples })
}

/// The rows about what is found.
fn table(page: &str) -> Vec<Row<'_>> {
    let table = page.split("## What is found").nth(1).unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.starts_with("| technique"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map_while(|cells| row(&cells)).collect()
}

/// Where the sample of this name stands: a reading of a format, or one of the pairs of `rules`.
fn sample(root: &Path, name: &str, rules: &str) -> Option<PathBuf> {
    let folders = match name.contains('/') {
        true => vec![root.join("crates/formats/corpus")],
        false => {
            let pairs = root.join("crates/rules/pairs");
            quoted(rules).into_iter().map(|rule| pairs.join(rule)).collect()
        }
    };
    let mut paths = folders.into_iter().map(|folder| folder.join(format!("{name}.hex")));
    paths.find(|path| path.exists())
}

/// Checks the table of a page.
fn samples_fire(page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join(page)).unwrap();
    let (mut samples, mut wrong) = (0, Vec::new());
    for Row { rule, samples: names } in table(&page) {
        for name in names {
            samples += 1;
            let Some(path) = sample(&root, name, rule) else {
                wrong.push(format!("{name}: no such sample"));
                continue;
            };
            let scanned = scanned(&path);
            let fires = |rule: &&str| scanned.findings.iter().any(|it| it.finding.rule.id == *rule);
            let gap = |it: &Artifact| {
                let mut read = it.identities.iter().map(|it| &it.reading);
                !it.gaps.is_empty() || read.any(|it| !it.gaps.is_empty())
            };
            let right = match rule {
                "a gap" => scanned.artifacts.iter().any(gap),
                _ => quoted(rule).iter().any(fires),
            };
            if !right {
                wrong.push(format!("{name}: no {rule}"));
            }
        }
    }
    assert!(samples > 40 && wrong.is_empty(), "{samples} samples, {wrong:?}");
}
