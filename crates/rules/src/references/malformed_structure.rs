//! # malformed-structure
//!
//! ## What it finds
//!
//! A file of structures that point at each other, such as HDF5, contradicts itself: offsets, sizes
//! or counts lead outside of what they index, parts lie over each other or lead back to themselves,
//! a dataset claims a shape out of all proportion to the file.
//!
//! ## Why it matters
//!
//! No library writes such files. Parsers in C have been made to read and write memory that is not
//! theirs by exactly this, and loaders that allocate what a file claims can be made to exhaust the
//! memory of the machine. A scanner that gives up at the first contradiction sees nothing behind it.
//!
//! ## How it can be wrong
//!
//! Damage in storage or transfer looks the same, and so do files that a program left open when it
//! was killed. davy does not know which version of a library fails on which contradiction.
//!
//! ## What to do
//!
//! Fetch the file again and compare its digest with the publisher's. Where it is what was published,
//! do not open it with a library written in C outside of a sandbox.
//!
//! ## References
//!
//! * CVE-2025-2915, CVE-2025-6269, CVE-2025-44905: memory errors of the HDF5 library on such files
//! * CVE-2026-0897, CVE-2026-12570: shapes that exhaust memory in Keras
//! * CWE-20, CWE-787, CWE-770; MITRE ATLAS AML.T0076

use crate::facts::{is_graph, is_keras};
use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Quirk, Route};

static RULE: Rule = Rule {
    id: "malformed-structure",
    severity: Severity::Medium,
    confidence: Confidence::Low,
    threat: Threat::ParserExploit,
    summary: "structures of the file contradict each other, as no library writes them",
    remediation: "fetch the file again and compare its digest with the publisher's; where it is \
                  meant to be so, open it only in a sandbox",
    cwe: &[20, 787, 770],
    atlas: &["AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("malformed_structure.rs"),
};

/// Why it matters, in every format.
const SO: &str = "no library writes that, and a parser that believes it can be led astray";

pub(crate) struct MalformedStructure;

static STRUCTURES: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[
        Quirk::Cycle,
        Quirk::Handmade,
        Quirk::HeadersDisagree,
        Quirk::HugeIndex,
        Quirk::Missing,
        Quirk::OutOfRange,
        Quirk::Overlap,
        Quirk::Repeated,
        Quirk::SizeMismatch,
        Quirk::WrongType,
    ],
    formats: Formats::Structured,
    so: SO,
    severity: |artifact, deviation| match (deviation.quirk, &deviation.route) {
        // A runtime that computes with what nothing made reads memory that is not its own.
        (Quirk::Missing, Route::Node(_)) if is_graph(artifact) => Severity::Medium,
        (Quirk::Missing | Quirk::Repeated, _) => Severity::Low,
        // Groups of HDF5 may have links to what they are in.
        (Quirk::Cycle, Route::Object(_)) => Severity::Low,
        // A configuration that is none fails to load, and that is all.
        (Quirk::WrongType, _) if is_keras(artifact) => Severity::Low,
        _ => Severity::Medium,
    },
};

/// What another rule speaks of in files of tensors, whose loaders are known to fall for it, is left
/// out here.
static WEIGHTS: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[
        Quirk::Cycle,
        Quirk::Handmade,
        Quirk::HeadersDisagree,
        Quirk::Missing,
        Quirk::Overlap,
        Quirk::Repeated,
        Quirk::WrongType,
    ],
    formats: Formats::Weights,
    so: SO,
    severity: |_, deviation| match deviation.quirk {
        Quirk::Missing | Quirk::Repeated => Severity::Low,
        // Names are shown, or made paths of, and that is all.
        Quirk::Handmade if deviation.what.starts_with("its name") => Severity::Low,
        _ => Severity::Medium,
    },
};

impl Detector for MalformedStructure {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        STRUCTURES.artifact(artifact, reporter);
        WEIGHTS.artifact(artifact, reporter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn contradictions_are_medium_and_only_in_structures() {
        for quirk in [Quirk::Cycle, Quirk::Overlap, Quirk::OutOfRange, Quirk::HugeIndex] {
            assert_eq!(severity(&MalformedStructure, "hdf5", quirk, "x"), Some(Severity::Medium));
            assert_eq!(severity(&MalformedStructure, "zip", quirk, "x"), None);
            assert_eq!(severity(&MalformedStructure, "pickle", quirk, "x"), None);
        }
        assert_eq!(severity(&MalformedStructure, "hdf5", Quirk::Truncated, "x"), None);
        let weights = |quirk, what| severity(&MalformedStructure, "gguf", quirk, what);
        assert_eq!(weights(Quirk::Overlap, "x"), Some(Severity::Medium));
        assert_eq!(weights(Quirk::Handmade, "its name is empty"), Some(Severity::Low));
        assert_eq!(weights(Quirk::OutOfRange, "x"), None);
    }
}
