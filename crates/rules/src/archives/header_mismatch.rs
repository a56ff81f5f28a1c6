//! # header-mismatch
//!
//! ## What it finds
//!
//! An archive describes each member twice, in front of its data and in the directory at the end, and
//! the two disagree: about the name, the size, the method, the flags or the place.
//!
//! ## Why it matters
//!
//! Readers believe one or the other. Where they see different names or different bytes, a file can
//! be harmless to a scanner and harmful to a loader; PyTorch was seen to load members under another
//! name in the local header.
//!
//! ## How it can be wrong
//!
//! Damaged archives, and a few writers that fill only one of the two. Sizes that follow the data are
//! not reported.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.3.12
//! * CVE-2025-1944
//! * CWE-436, CWE-345; MITRE ATLAS AML.T0107, AML.T0076

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "header-mismatch",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "two records of the same member say different things",
    remediation: "do not load the file; have it written again by the library that made it",
    cwe: &[436, 345],
    atlas: &["AML.T0107", "AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("header_mismatch.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[
        Quirk::HeadersDisagree,
        Quirk::Missing,
        Quirk::OutOfRange,
        Quirk::SizeMismatch,
        Quirk::WrongType,
    ],
    formats: Formats::Containers,
    so: "which bytes are loaded, under which name, depends on the loader",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn records_that_disagree_are_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::HeadersDisagree, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Missing, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::Missing, "x"), None);
    }
}
