//! Every renderer against one shared sample: as snapshots, and against what each form promises.
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod contract;
mod inert;
mod sample;
mod sarif;
mod snapshot;

use davy_report::{Detail, Listing, Style, renderer};
use davy_scan::Scan;

/// What a renderer makes of the sample.
pub fn rendered(name: &str, scan: &Scan, style: Style) -> String {
    let render = renderer(name).unwrap().scan;
    let mut out = Vec::new();
    sample::with_report(scan, Detail::Findings, |report| render(report, style, &mut out).unwrap());
    String::from_utf8(out).unwrap()
}

/// The same with everything that is known.
pub fn inspected(name: &str, scan: &Scan, style: Style) -> String {
    let render = renderer(name).unwrap().inspect.unwrap();
    let mut out = Vec::new();
    sample::with_report(scan, Detail::Facts, |report| render(report, style, &mut out).unwrap());
    String::from_utf8(out).unwrap()
}

/// The sample without its flood, so that snapshots stay short enough to be read.
pub fn short() -> Scan {
    let mut scan = sample::scan();
    scan.inputs[0].findings.truncate(4);
    scan
}

#[test]
fn renderings_are_as_they_were() {
    let (scan, plain) = (short(), Style::default());
    let colored = Style { color: true, ..plain };
    let shortest = Style { listing: Listing::Summary, ..plain };
    snapshot::check("scan.txt", &rendered("text", &scan, plain));
    snapshot::check("scan-folded.txt", &rendered("text", &sample::scan(), plain));
    snapshot::check("scan-colored.txt", &rendered("text", &scan, colored));
    snapshot::check("scan-quiet.txt", &rendered("text", &scan, shortest));
    snapshot::check("scan.json", &rendered("json", &scan, plain));
    snapshot::check("scan.sarif", &rendered("sarif", &scan, plain));
    snapshot::check("inspect.txt", &inspected("text", &scan, plain));
    snapshot::check("inspect.json", &inspected("json", &scan, plain));
    snapshot::check("inspect.dot", &inspected("dot", &scan, plain));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let colored = rendered("text", &short(), Style { color: true, ..Style::default() });
    let mut plain = String::new();
    for (at, part) in colored.split("\u{1b}[").enumerate() {
        let text = if at == 0 { part } else { part.split_once('m').unwrap().1 };
        plain.push_str(text);
    }
    assert_eq!(plain, rendered("text", &short(), Style::default()));
}

#[test]
fn what_passed_is_named_while_it_is_few() {
    let passing = |count| {
        let inputs = (0..count).map(|at| sample::plain(&format!("m{at}.pt"))).collect();
        Scan { inputs, passed_over: vec![], surveyed: true }
    };
    let lines = |count, listing| {
        let style = Style { listing, ..Style::default() };
        rendered("text", &passing(count), style).lines().count()
    };
    assert_eq!(lines(20, Listing::Usual), 22);
    assert_eq!(lines(21, Listing::Usual), 1);
    assert_eq!(lines(21, Listing::Everything), 23);
    assert_eq!(lines(20, Listing::Summary), 1);
}

#[test]
fn the_summary_tells_what_was_not_read() {
    let line =
        |scan: &Scan| rendered("text", scan, Style::default()).lines().last().unwrap().to_owned();
    let mut scan =
        Scan { inputs: vec![sample::plain("m.pt")], passed_over: vec![], surveyed: true };
    let passed = "1 input passed · 1 artifact, 4,096 bytes · no findings";
    assert_eq!(line(&scan), format!("{passed} · everything was read"));
    scan.surveyed = false;
    let structure = "structure only: bytes of weights were not read";
    assert_eq!(line(&scan), format!("{passed} · {structure}"));
    scan.inputs.clear();
    assert_eq!(line(&scan), "nothing was scanned");
    assert!(
        line(&sample::scan())
            .ends_with("3 gaps (12 KiB not read): crashed, encrypted, unidentified")
    );
}
