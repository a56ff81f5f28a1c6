//! Tags and indicators against labelled programs, by way of whole scans: what a pickle runs is told
//! for what it is, and honest programs get no tag.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test panics")]
#![allow(clippy::print_stdout, reason = "the figures are what the test is for")]

use davy_bytes::Bytes;
use davy_rules::{Finding, Indicates, Tag};
use davy_scan::{Options, scan_bytes};
use davy_testkit::pickle::Asm;
use std::collections::{BTreeMap, BTreeSet};

const DEVELOPMENT: &str = include_str!("../behaviour/development.txt");
const HELD_OUT: &str = include_str!("../behaviour/held-out.txt");

/// A labelled program.
struct Labelled {
    kind: String,
    tags: BTreeSet<String>,
    places: BTreeSet<String>,
    text: String,
}

/// The programs of a set.
fn programs(set: &str) -> Vec<Labelled> {
    let mut found: Vec<Labelled> = Vec::new();
    for line in set.lines().skip_while(|line| !line.starts_with("@ ")) {
        let Some(head) = line.strip_prefix("@ ") else {
            let program = found.last_mut().unwrap();
            if !program.text.is_empty() {
                program.text.push('\n');
            }
            program.text.push_str(line);
            continue;
        };
        let (head, places) = head.split_once(" ! ").unwrap_or((head, ""));
        let (kind, tags) = head.split_once(' ').unwrap();
        let tags = tags.split(", ").filter(|tag| *tag != "honest").map(str::to_owned).collect();
        let places = places.split_whitespace().map(str::to_owned).collect();
        found.push(Labelled { kind: kind.to_owned(), tags, places, text: String::new() });
    }
    found
}

/// A pickle that runs the program when it is loaded.
fn pickled(program: &Labelled) -> Vec<u8> {
    let asm = Asm::new().proto(4);
    let asm = match program.kind.as_str() {
        "python" => asm.global("builtins", "exec").text(&program.text),
        "shell" => asm.global("os", "system").text(&program.text),
        "words" => {
            let asm = asm.global("subprocess", "run").empty_list().mark();
            program.text.lines().fold(asm, |asm, word| asm.text(word)).appends()
        }
        kind => panic!("{kind}"),
    };
    asm.tuple1().reduce().stop()
}

fn findings(program: &Labelled) -> Vec<Finding> {
    let options = Options { jobs: 1, ..Options::default() };
    let scanned = scan_bytes("x.pkl", &Bytes::from_memory(pickled(program)), &options);
    let found = scanned.findings.into_iter().map(|found| found.finding);
    found.filter(|finding| finding.artifact == "x.pkl").collect()
}

fn tags(findings: &[Finding]) -> BTreeSet<String> {
    let tags = findings.iter().flat_map(|finding| &finding.tags);
    tags.map(|tagged| tagged.tag.as_str().to_owned()).collect()
}

/// The F1 of each tag, and what was told wrongly.
fn measured(set: &str) -> (BTreeMap<&'static str, f64>, Vec<String>) {
    let mut counts: BTreeMap<&str, [f64; 3]> =
        Tag::ALL.iter().map(|tag| (tag.as_str(), [0.0; 3])).collect();
    let mut wrong = Vec::new();
    for program in programs(set) {
        let told = tags(&findings(&program));
        if told != program.tags {
            wrong.push(format!("{:?} told as {told:?}: {}", program.tags, program.text));
        }
        for (tag, [right, extra, missed]) in &mut counts {
            match (program.tags.contains(*tag), told.contains(*tag)) {
                (true, true) => *right += 1.0,
                (false, true) => *extra += 1.0,
                (true, false) => *missed += 1.0,
                (false, false) => {}
            }
        }
    }
    let f1 = |[right, extra, missed]: [f64; 3]| 2.0 * right / (2.0 * right + extra + missed);
    (counts.into_iter().map(|(tag, counts)| (tag, f1(counts))).collect(), wrong)
}

fn macro_f1(name: &str, set: &str) -> (f64, Vec<String>) {
    let (scores, wrong) = measured(set);
    let mean = scores.values().sum::<f64>() / Tag::ALL.iter().map(|_| 1.0).sum::<f64>();
    println!("{name}: macro-F1 {mean:.3} over {} tags", scores.len());
    for (tag, score) in scores.iter().filter(|(_, score)| **score < 1.0) {
        println!("  {tag}: {score:.3}");
    }
    for wrong in &wrong {
        println!("  {wrong}");
    }
    (mean, wrong)
}

#[test]
fn tags_are_those_of_the_labelled_programs() {
    let (seen, wrong) = macro_f1("development", DEVELOPMENT);
    assert!(seen >= 0.98, "{}", wrong.join("\n"));
    let (unseen, wrong) = macro_f1("held out", HELD_OUT);
    assert!(unseen >= 0.90, "{}", wrong.join("\n"));
}

#[test]
fn honest_programs_get_no_tag_and_harmful_ones_are_shown() {
    for program in programs(DEVELOPMENT).iter().chain(&programs(HELD_OUT)) {
        let found = findings(program);
        assert!(!found.is_empty(), "{}", program.text);
        if program.tags.is_empty() {
            assert_eq!(tags(&found), BTreeSet::new(), "{}", program.text);
        }
        for tagged in found.iter().flat_map(|finding| &finding.tags) {
            assert!(!tagged.text.is_empty(), "{}", program.text);
        }
    }
}

#[test]
fn every_tag_has_programs_in_both_sets() {
    for set in [DEVELOPMENT, HELD_OUT] {
        let programs = programs(set);
        for tag in Tag::ALL {
            let count = programs.iter().filter(|p| p.tags.contains(tag.as_str())).count();
            assert!(count >= 3, "{}: {count}", tag.as_str());
        }
        assert!(programs.iter().filter(|program| program.tags.is_empty()).count() >= 50);
        assert!(programs.iter().filter(|program| !program.tags.is_empty()).count() >= 75);
        let known: BTreeSet<String> = Tag::ALL.map(|tag| tag.as_str().to_owned()).into();
        assert!(programs.iter().all(|program| program.tags.is_subset(&known)));
    }
}

#[test]
fn addresses_and_urls_are_those_that_were_planted() {
    for program in programs(DEVELOPMENT).iter().chain(&programs(HELD_OUT)) {
        if program.places.is_empty() {
            continue;
        }
        let found = findings(program);
        let places = found.iter().flat_map(|finding| &finding.indicators);
        let places = places.filter(|place| place.kind != Indicates::Path);
        let places: BTreeSet<String> = places.map(|place| place.value.clone()).collect();
        assert_eq!(places, program.places, "{}", program.text);
    }
}
