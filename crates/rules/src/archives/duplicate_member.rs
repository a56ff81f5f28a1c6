//! # duplicate-member
//!
//! ## What it finds
//!
//! The same name stands twice in the directory of an archive.
//!
//! ## Why it matters
//!
//! Python's `zipfile` takes the last, others take the first, and PyTorch's reader has changed
//! between versions. A scanner that sees the harmless one approves a file that loads the other. davy
//! reads all of them.
//!
//! ## How it can be wrong
//!
//! Tools that update an archive in place append the new version of a member. Checkpoints are never
//! written so.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again, and report it.
//!
//! ## References
//!
//! * Python Library Reference, `zipfile`
//! * CWE-436, CWE-694; MITRE ATLAS AML.T0107, AML.T0074

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "duplicate-member",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "an archive has two members of the same name",
    remediation: "do not load the file; have it written again, and report it: no library \
                  writes a name twice",
    cwe: &[436, 694],
    atlas: &["AML.T0107", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("duplicate_member.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::DuplicateName],
    formats: Formats::Any,
    so: "one loader takes the first and another the last, so they load different \
                  things",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn the_same_name_twice_is_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::DuplicateName, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::DuplicateName, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::CollidingName, "x"), None);
    }
}
