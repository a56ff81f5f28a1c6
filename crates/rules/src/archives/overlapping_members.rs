//! # overlapping-members
//!
//! ## What it finds
//!
//! Two members, or a member and the directory, claim the same bytes.
//!
//! ## Why it matters
//!
//! Overlapping members make small archives that unpack to petabytes, and let one stretch of bytes be
//! a harmless member for one reader and a payload for another.
//!
//! ## How it can be wrong
//!
//! None is known among writers in use.
//!
//! ## What to do
//!
//! Do not unpack the file.
//!
//! ## References
//!
//! * Fifield, A better zip bomb, USENIX WOOT 2019
//! * CWE-409, CWE-436; MITRE ATLAS AML.T0029, AML.T0107

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "overlapping-members",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "members of an archive lie over each other",
    remediation: "do not unpack the file; no writer lays members over each other",
    cwe: &[409, 436],
    atlas: &["AML.T0029", "AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("overlapping_members.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Overlap],
    formats: Formats::Packed,
    so: "the same bytes are read as different things, or many times over",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn overlaps_are_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Overlap, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::BytesBetween, "x"), None);
    }
}
