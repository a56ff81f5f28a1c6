//! Nothing that a file says acts on what shows the report.

use crate::sample::{HOSTILE, scan};
use crate::{inspected, rendered};
use davy_bytes::acts;
use davy_report::{Listing, Style};

#[test]
fn no_output_acts_on_a_terminal() {
    let mut scan = scan();
    // A rule that forgot to escape, and an error that quotes a path.
    scan.inputs[0].findings[0].finding.message = HOSTILE.into();
    scan.inputs[0].findings[0].finding.evidence = HOSTILE.into();
    scan.inputs[3].error = Some(HOSTILE.into());
    scan.passed_over[0].1 = HOSTILE.into();
    let style = Style { color: false, listing: Listing::Everything };
    let mut outputs = ["text", "json", "dot"].map(|name| inspected(name, &scan, style)).to_vec();
    outputs.extend(["text", "json", "dot", "sarif"].map(|name| rendered(name, &scan, style)));
    for output in outputs {
        let found = output.chars().position(|c| acts(c) && c != '\n');
        assert_eq!(found, None, "{output}");
        assert!(output.contains("onerror"), "the hostile name is not in this output");
    }
}

#[test]
fn a_name_stays_on_its_line() {
    let text = rendered("text", &scan(), Style::default());
    for line in text.lines().filter(|line| line.contains("onerror")) {
        assert!(line.contains("\\r\\n<img"), "{line}");
    }
}
