//! # storage-mismatch
//!
//! ## What it finds
//!
//! A storage has another size than the tensors that use it say, is missing, or is used under several
//! types.
//!
//! ## Why it matters
//!
//! Loaders that trust the claim read beyond the data or fail halfway. Bytes of a storage that no
//! tensor uses are a place to put things.
//!
//! ## How it can be wrong
//!
//! Interrupted downloads and checkpoints split over several files.
//!
//! ## What to do
//!
//! Fetch the file again and compare its digest with the publisher's.
//!
//! ## References
//!
//! * CWE-1284, CWE-20; MITRE ATLAS AML.T0076

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "storage-mismatch",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::ParserExploit,
    summary: "tensors and storages do not fit each other",
    remediation: "fetch the file again; do not load what does not fit",
    cwe: &[1284, 20],
    atlas: &["AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("storage_mismatch.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::SizeMismatch, Quirk::Missing, Quirk::WrongType],
    formats: Formats::Checkpoints,
    so: "what the tensors claim is not what is there",
    severity: |_, _| Severity::Medium,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn mismatches_are_medium() {
        assert_eq!(
            severity(&DETECTOR, "pytorch", Quirk::SizeMismatch, "x"),
            Some(Severity::Medium)
        );
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::Missing, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::SizeMismatch, "x"), None);
    }
}
