//! Published ways past scanners of pickles: each is reported at least as bad as it is, and what
//! honest files do in the same words is not.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use davy_bytes::Bytes;
use davy_rules::Severity;
use davy_scan::{Options, scan_bytes};
use davy_testkit::recipe;
use std::collections::BTreeSet;

const PICKLES: &[&str] =
    &[include_str!("../attacks/pickle.txt"), include_str!("../attacks/evasions.txt")];

/// Severity, name and recipe of each attack.
fn attacks() -> Vec<(&'static str, &'static str, String)> {
    let mut found: Vec<(&str, &str, String)> = Vec::new();
    let lines = |text: &'static str| text.lines().skip_while(|line| !line.starts_with("@ "));
    for line in PICKLES.iter().copied().flat_map(lines) {
        match line.strip_prefix("@ ") {
            Some(head) => {
                let (severity, name) = head.split_once(' ').unwrap();
                found.push((severity, name, String::new()));
            }
            None => {
                let recipe = &mut found.last_mut().unwrap().2;
                recipe.push_str(line);
                recipe.push('\n');
            }
        }
    }
    found
}

#[test]
fn attacks_are_reported_as_bad_as_they_are() {
    let attacks = attacks();
    let names: BTreeSet<&str> = attacks.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names.len(), attacks.len(), "a name is used twice");
    let mut wrong = Vec::new();
    for (least, name, recipe) in attacks {
        let bytes = recipe::build(&recipe).unwrap_or_else(|why| panic!("{name}: {why}"));
        let options = Options { jobs: 1, ..Options::default() };
        let scanned = scan_bytes("x.pkl", &Bytes::from_memory(bytes), &options);
        let worst = scanned.findings.iter().map(|found| found.finding.severity).max();
        let least = Severity::ALL.into_iter().find(|severity| severity.as_str() == least);
        // What is only worth knowing, or bad hygiene of a sample made by hand, is no report.
        let right = match least {
            Some(least) => worst >= Some(least),
            None => worst.is_none_or(|worst| worst < Severity::Medium),
        };
        if !right {
            wrong.push(format!("{name}: {worst:?} instead of {least:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
