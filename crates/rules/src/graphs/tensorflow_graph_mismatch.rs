//! # graph-mismatch
//!
//! ## What it finds
//!
//! Parts of a graph, its tensors or its checkpoint point to what is not there, lie over each other,
//! do not fit in size, or lead back to themselves.
//!
//! ## Why it matters
//!
//! Runtimes follow indices and offsets of a model without looking at each: reads and writes outside
//! of memory, endless recursion and crashes of TFLite and TensorFlow were all reached by such files.
//!
//! ## How it can be wrong
//!
//! A damaged file looks the same. No converter writes such a model.
//!
//! ## What to do
//!
//! Fetch the file again; do not load it with a runtime that was not built to verify it.
//!
//! ## References
//!
//! * CVE-2020-15210, CVE-2020-15211, CVE-2021-29591, CVE-2021-41203, CVE-2022-23591
//! * CWE-125, CWE-787; MITRE ATLAS AML.T0011.000

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "graph-mismatch",
    severity: Severity::High,
    confidence: Confidence::Medium,
    summary: "parts of a graph point to what is not there or do not fit",
    remediation: "fetch the file again; do not load it with a runtime that does not verify it",
    cwe: &[125, 787],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("tensorflow_graph_mismatch.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[
        Quirk::Cycle,
        Quirk::Missing,
        Quirk::OutOfRange,
        Quirk::Overlap,
        Quirk::Repeated,
        Quirk::SizeMismatch,
        Quirk::WrongType,
    ],
    formats: Formats::Graphs,
    so: "a runtime that does not check follows it out of its memory",
    severity: |_, deviation| match deviation.quirk {
        Quirk::OutOfRange | Quirk::Overlap => Severity::High,
        _ => Severity::Medium,
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn what_leaves_memory_is_high() {
        assert_eq!(severity(&DETECTOR, "tflite", Quirk::OutOfRange, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "tf-graph", Quirk::Missing, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::OutOfRange, "x"), None);
    }
}
