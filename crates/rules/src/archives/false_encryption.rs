//! # false-encryption
//!
//! ## What it finds
//!
//! The flag that says that a member is encrypted is set, and its data can be read in the clear.
//!
//! ## Why it matters
//!
//! Scanners stop at an encrypted member, or say that they could not read it. PyTorch's reader
//! ignores the flag and loads it.
//!
//! ## How it can be wrong
//!
//! None is known: encrypted data does not unpack by accident.
//!
//! ## What to do
//!
//! Do not load the file, and report it.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, section 4.4.4
//! * CVE-2025-1945
//! * CWE-436; MITRE ATLAS AML.T0107

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "false-encryption",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "a member is marked as encrypted and is not",
    remediation: "do not load the file; no library writes such a mark",
    cwe: &[436],
    atlas: &["AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("false_encryption.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::FalseEncryption],
    formats: Formats::Any,
    so: "tools that believe the mark pass over it, and loaders that do not load \
                  it",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn a_false_mark_is_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::FalseEncryption, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::WrongChecksum, "x"), None);
    }
}
