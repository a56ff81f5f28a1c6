//! What files can do against what they are evidently for: every labelled file is reported at its
//! level, shown as a confusion matrix.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test panics")]
#![allow(clippy::print_stdout, reason = "the matrix is what the test is for")]

use davy_bytes::Bytes;
use davy_rules::Severity;
use davy_scan::{Options, scan_bytes};
use davy_testkit::pickle::Asm;
use davy_testkit::recipe;

const LEVELS: [&str; 4] = ["silent", "capability", "harm", "malice"];

struct Labelled {
    level: &'static str,
    kind: &'static str,
    name: &'static str,
    lines: Vec<&'static str>,
}

fn labelled() -> Vec<Labelled> {
    let mut found: Vec<Labelled> = Vec::new();
    let set = include_str!("../capability/levels.txt");
    for line in set.lines().skip_while(|line| !line.starts_with("@ ")) {
        match line.strip_prefix("@ ") {
            Some(head) => {
                let [level, kind, name] = head.split(' ').collect::<Vec<_>>()[..] else { panic!() };
                found.push(Labelled { level, kind, name, lines: Vec::new() });
            }
            None => found.last_mut().unwrap().lines.push(line),
        }
    }
    found
}

/// The file that a label is about, and its name.
fn file(labelled: &Labelled) -> (&'static str, Vec<u8>) {
    match labelled.kind {
        "lambda" => {
            let code = labelled.lines.iter().find_map(|line| line.strip_prefix("= ")).unwrap();
            ("model.json", layer(code).into_bytes())
        }
        "pickle" => ("x.pkl", recipe::build(&labelled.lines.join("\n")).unwrap()),
        "python" => {
            let asm = Asm::new().proto(4).lookup("builtins", "exec");
            ("x.pkl", asm.text(&labelled.lines.join("\n")).tuple1().reduce().stop())
        }
        kind => panic!("{kind}"),
    }
}

/// A model of Keras 2 whose only layer runs this byte code.
fn layer(code: &str) -> String {
    format!(
        "{{\"class_name\": \"Sequential\", \"config\": {{\"name\": \"model\", \"layers\": \
         [{{\"class_name\": \"InputLayer\", \"config\": {{\"batch_input_shape\": [null, 4], \
         \"name\": \"input\"}}}}, {{\"class_name\": \"Lambda\", \"config\": {{\"name\": \"scale\", \
         \"trainable\": true, \"dtype\": \"float32\", \"function\": [\"{code}\", null, null], \
         \"function_type\": \"lambda\", \"module\": \"__main__\", \"output_shape\": null, \
         \"output_shape_type\": \"raw\", \"output_shape_module\": null, \"arguments\": {{}}}}}}]}}, \
         \"keras_version\": \"2.12.0\", \"backend\": \"tensorflow\"}}"
    )
}

fn level(labelled: &Labelled) -> &'static str {
    let (name, bytes) = file(labelled);
    let options = Options { jobs: 1, ..Options::default() };
    let scanned = scan_bytes(name, &Bytes::from_memory(bytes), &options);
    assert_eq!(scanned.error, None, "{}", labelled.name);
    match scanned.findings.iter().map(|found| found.finding.severity).max() {
        None | Some(Severity::Info) => "silent",
        Some(Severity::Low | Severity::Medium) => "capability",
        Some(Severity::High) => "harm",
        Some(Severity::Critical) => "malice",
    }
}

#[test]
fn files_are_reported_at_the_level_of_what_they_do() {
    let mut matrix = [[0_u32; 4]; 4];
    let mut wrong = Vec::new();
    let at = |level: &str| LEVELS.iter().position(|other| *other == level).unwrap();
    for labelled in labelled() {
        let told = level(&labelled);
        matrix[at(labelled.level)][at(told)] += 1;
        if told != labelled.level {
            let Labelled { level, kind, name, .. } = labelled;
            wrong.push(format!("{kind} {name}: {told} instead of {level}"));
        }
    }
    println!("{:>12} {LEVELS:?}", "");
    for (level, row) in LEVELS.iter().zip(matrix) {
        println!("{level:>12} {row:?}");
        assert!(row.iter().sum::<u32>() >= 5, "{level}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
