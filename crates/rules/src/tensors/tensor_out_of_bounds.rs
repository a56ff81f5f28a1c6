//! # tensor-out-of-bounds
//!
//! ## What it finds
//!
//! Offset, size and stride of a tensor lead outside of the storage that it says it lies in, or are
//! negative, or overflow when they are multiplied.
//!
//! ## Why it matters
//!
//! The loader builds a view of memory from these numbers. Without a check, using the tensor reads
//! secrets of the process or writes over its memory, even where only tensors were allowed to be
//! loaded.
//!
//! ## How it can be wrong
//!
//! None is known for files that a library wrote and that are whole.
//!
//! ## What to do
//!
//! Do not load the file. Update the library that loads it, and have the file written again.
//!
//! ## References
//!
//! * CVE-2026-24747, CVE-2025-62164
//! * CWE-125, CWE-787, CWE-190; MITRE ATLAS AML.T0011.000, AML.T0076

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "tensor-out-of-bounds",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::ParserExploit,
    summary: "a tensor reaches beyond its storage",
    remediation: "do not load the file; update the library that loads it, and have the \
                  file written again",
    cwe: &[125, 787, 190],
    atlas: &["AML.T0011.000", "AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("tensor_out_of_bounds.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::OutOfRange],
    formats: Formats::Checkpoints,
    so: "a loader that does not check reads or writes memory that is not the \
                  tensor's",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn out_of_bounds_is_high() {
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::OutOfRange, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::OutOfRange, "x"), None);
    }
}
