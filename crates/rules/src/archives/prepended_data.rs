//! # prepended-data
//!
//! ## What it finds
//!
//! Bytes stand before the start of an archive that its reader finds from the end.
//!
//! ## Why it matters
//!
//! Such a file is two things at once: what its first bytes say, for programs that look there, and an
//! archive, for PyTorch and all others that search from the end. Scanners that route by the first
//! bytes look at the wrong one.
//!
//! ## How it can be wrong
//!
//! Self-extracting archives begin with a program on purpose. Where another format explains the bytes
//! as well, such as a pickle that holds an archive, it is low.
//!
//! ## What to do
//!
//! Find out what the bytes are; have the file written again without them.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, section 4.1.9
//! * CWE-436, CWE-506; MITRE ATLAS AML.T0074, AML.T0018.002

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "prepended-data",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::EmbeddedPayload,
    summary: "bytes stand before the start of what the format explains",
    remediation: "find out what the bytes are; have the file written again without them",
    cwe: &[436, 506],
    atlas: &["AML.T0074", "AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("prepended_data.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::BytesBeforeStart],
    formats: Formats::Any,
    so: "programs that look at the first bytes take the file for something else",
    severity: |artifact, _| {
        // Where another format explains the same bytes, both are read, and each speaks for itself.
        if artifact.identities.len() > 1 { Severity::Low } else { Severity::Medium }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn bytes_before_are_medium() {
        assert_eq!(
            severity(&DETECTOR, "zip", Quirk::BytesBeforeStart, "x"),
            Some(Severity::Medium)
        );
        assert_eq!(severity(&DETECTOR, "zip", Quirk::BytesAfterEnd, "x"), None);
    }
}
