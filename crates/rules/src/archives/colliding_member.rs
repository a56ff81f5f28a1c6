//! # colliding-member
//!
//! ## What it finds
//!
//! Two members of an archive have names that differ only in case, in the kind of slash, or in parts
//! such as `./`.
//!
//! ## Why it matters
//!
//! Loaders that look names up without regard to case, and file systems that do, take one for the
//! other: `DATA.PKL` is loaded where `data.pkl` was looked at.
//!
//! ## How it can be wrong
//!
//! Folders made on systems that tell case apart can contain both on purpose.
//!
//! ## What to do
//!
//! Have the archive written again with names that differ in more than that.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, the record of a member
//! * CWE-178, CWE-436; MITRE ATLAS AML.T0107, AML.T0074

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "colliding-member",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "two members have names that some loaders take for one",
    remediation: "have the archive written again with names that differ in more than case \
                  or separators",
    cwe: &[178, 436],
    atlas: &["AML.T0107", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("colliding_member.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::CollidingName],
    formats: Formats::Any,
    so: "which of them is loaded depends on the loader and the file system",
    severity: |_, _| Severity::Medium,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn colliding_is_medium() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::CollidingName, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::DuplicateName, "x"), None);
    }
}
