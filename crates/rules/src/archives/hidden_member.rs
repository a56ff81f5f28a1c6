//! # hidden-member
//!
//! ## What it finds
//!
//! The data of a member stands in the archive, and the directory does not list it, or the reverse.
//!
//! ## Why it matters
//!
//! A reader that walks the file from its start unpacks what a reader that trusts the directory never
//! shows. davy reads both.
//!
//! ## How it can be wrong
//!
//! Tools that delete a member by removing it from the directory only.
//!
//! ## What to do
//!
//! Look with `davy inspect` at what the member holds; have the archive written again.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, section 4.3.6
//! * CWE-436, CWE-506; MITRE ATLAS AML.T0107, AML.T0018.002

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "hidden-member",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::Evasion,
    summary: "a member is found by some readers and not by others",
    remediation: "do not load the file; look with `davy inspect` at what the member holds",
    cwe: &[436, 506],
    atlas: &["AML.T0107", "AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("hidden_member.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Unlisted],
    formats: Formats::Any,
    so: "readers that trust the directory do not see it, and readers that walk \
                  the file do",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn unlisted_is_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Unlisted, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Overlap, "x"), None);
    }
}
