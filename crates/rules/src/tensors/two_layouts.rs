//! # two-layouts
//!
//! ## What it finds
//!
//! An archive has both the layout of an eager checkpoint and that of a compiled model, or several
//! roots with a `data.pkl` each.
//!
//! ## Why it matters
//!
//! `torch.load` and `torch.jit.load` take different parts of it, and `torch.load` itself hands the
//! archive over to the other where it sees a compiled model: a check made for one says nothing about
//! the other.
//!
//! ## How it can be wrong
//!
//! Archives put together by hand from several models.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it.
//!
//! ## References
//!
//! * CVE-2025-32434
//! * CWE-436; MITRE ATLAS AML.T0107, AML.T0074

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "two-layouts",
    severity: Severity::Medium,
    confidence: Confidence::High,
    summary: "an archive is a checkpoint in two ways at once",
    remediation: "do not load the file; have it written again by the library that made it",
    cwe: &[436],
    atlas: &["AML.T0107", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("two_layouts.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Repeated],
    formats: Formats::Checkpoints,
    so: "which of them is loaded depends on the function that loads it",
    severity: |_, _| Severity::Medium,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn two_layouts_are_medium() {
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::Repeated, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Repeated, "x"), None);
    }
}
