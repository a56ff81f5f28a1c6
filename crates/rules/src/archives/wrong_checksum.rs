//! # wrong-checksum
//!
//! ## What it finds
//!
//! The checksum that an archive or a compressed file states is not that of the bytes.
//!
//! ## Why it matters
//!
//! Python's `zipfile` refuses such a member, and a scanner built on it reports an error at best;
//! PyTorch loads it. It can also be what is left when somebody changed a file by hand.
//!
//! ## How it can be wrong
//!
//! A file damaged on its way looks the same. Writers that never fill the checksum in are known and
//! not reported.
//!
//! ## What to do
//!
//! Fetch the file again and compare its digest with the publisher's.
//!
//! ## References
//!
//! * CVE-2025-10156
//! * CWE-354, CWE-345; MITRE ATLAS AML.T0107, AML.T0076

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "wrong-checksum",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "a checksum does not fit its bytes",
    remediation: "fetch the file again and compare its digest with the publisher's",
    cwe: &[354, 345],
    atlas: &["AML.T0107", "AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("wrong_checksum.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::WrongChecksum],
    formats: Formats::Any,
    so: "tools that check it stop, and loaders that do not load the bytes",
    severity: |_, _| Severity::Medium,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn checksums_are_medium() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::WrongChecksum, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Truncated, "x"), None);
    }
}
