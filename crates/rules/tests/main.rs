//! What holds for every rule of the catalogue.

use davy_rules::CATALOG;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const HEADINGS: [&str; 5] = [
    "## What it finds",
    "## Why it matters",
    "## How it can be wrong",
    "## What to do",
    "## References",
];

/// The ids of a pinned table.
fn ids(table: &str) -> BTreeSet<&str> {
    table.lines().skip(1).filter_map(|row| row.split('\t').next()).collect()
}

fn is_kebab(id: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    id.split('-').all(word)
}

#[test]
fn the_catalogue_is_sorted_and_every_name_is_unique() {
    assert!(CATALOG.len() > 30);
    assert!(CATALOG.is_sorted_by(|a, b| a.rule().id < b.rule().id));
    let mut names = BTreeSet::new();
    for rule in CATALOG.iter().map(|detector| detector.rule()) {
        for name in rule.aliases.iter().chain([&rule.id]) {
            assert!(is_kebab(name), "{name}");
            assert!(names.insert(*name), "{name} is used twice");
        }
    }
}

#[test]
fn every_rule_has_a_whole_page() {
    for rule in CATALOG.iter().map(|detector| detector.rule()) {
        let page = rule.page();
        assert!(page.starts_with(&format!("# {}\n", rule.id)), "{}", rule.id);
        let sections: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(sections, HEADINGS, "{}", rule.id);
        for section in page.split("\n## ").skip(1) {
            let text = section.split_once('\n').map_or("", |(_, text)| text.trim());
            assert!(text.len() > 20, "{}: {section}", rule.id);
        }
    }
}

#[test]
fn every_rule_says_what_to_do_in_one_sentence() {
    for rule in CATALOG.iter().map(|detector| detector.rule()) {
        for text in [rule.summary, rule.remediation] {
            assert!(text.len() > 20 && !text.ends_with('.'), "{}: {text}", rule.id);
            assert!(!text.contains("  ") && !text.contains('\n'), "{}: {text}", rule.id);
        }
        assert!(!rule.remediation.starts_with(char::is_uppercase), "{}", rule.id);
    }
}

#[test]
fn ids_of_others_are_in_the_pinned_tables() {
    let cwe = ids(include_str!("../knowledge/cwe.tsv"));
    let atlas = ids(include_str!("../knowledge/atlas.tsv"));
    for rule in CATALOG.iter().map(|detector| detector.rule()) {
        assert!(!rule.cwe.is_empty() && !rule.atlas.is_empty(), "{}", rule.id);
        for id in rule.cwe {
            assert!(cwe.contains(id.to_string().as_str()), "{}: CWE-{id}", rule.id);
            assert!(rule.page().contains(&format!("CWE-{id}")), "{}: CWE-{id}", rule.id);
        }
        for id in rule.atlas {
            assert!(atlas.contains(id), "{}: {id}", rule.id);
        }
    }
}

#[test]
fn every_rule_has_a_file_that_fires_and_one_that_does_not() {
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("pairs");
    let folders = fs::read_dir(&pairs).unwrap().map(|entry| entry.unwrap().file_name());
    let mut folders: BTreeSet<String> = folders.map(|name| name.into_string().unwrap()).collect();
    for rule in CATALOG.iter().map(|detector| detector.rule()) {
        assert!(folders.remove(rule.id), "{} has no pair", rule.id);
        let files = fs::read_dir(pairs.join(rule.id)).unwrap();
        let names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        for kind in ["fires", "silent"] {
            assert!(names.iter().any(|name| name.starts_with(kind)), "{}: {kind}", rule.id);
        }
    }
    assert!(folders.is_empty(), "not rules: {folders:?}");
}
