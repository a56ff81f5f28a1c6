//! # escaping-member
//!
//! ## What it finds
//!
//! The name of a member is absolute, goes up with `..`, or names a drive, so that unpacking it to a
//! folder writes outside of that folder.
//!
//! ## Why it matters
//!
//! A file written over a start-up script, a module or a key is code execution one step later. Model
//! hubs and servers unpack archives without a person looking.
//!
//! ## How it can be wrong
//!
//! Some packers store absolute names of files on the machine where they ran. Many tools strip what
//! leads outside, and then nothing happens.
//!
//! ## What to do
//!
//! Do not unpack the archive. Where you must, use a tool that refuses such names, in an empty
//! folder.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, section 4.4.17
//! * CWE-22; MITRE ATLAS AML.T0011.000

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "escaping-member",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::FileAccess,
    summary: "a member of an archive is named so that it lands outside of its folder",
    remediation: "do not unpack the archive; unpack with a tool that refuses such names, \
                  and report the file",
    cwe: &[22],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("escaping_member.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::EscapingName],
    formats: Formats::Any,
    so: "unpacking writes where the file wants, over what is there",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn escaping_is_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::EscapingName, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::LinkMember, "x"), None);
    }
}
