//! # truncated-artifact
//!
//! ## What it finds
//!
//! The artifact ends before its format says that it does.
//!
//! ## Why it matters
//!
//! A pickle runs opcode by opcode: everything before the break has run when the loader notices it.
//! Tools that want a whole file first give up and report nothing. davy reports what runs before the
//! break under other rules.
//!
//! ## How it can be wrong
//!
//! An interrupted download looks the same.
//!
//! ## What to do
//!
//! Fetch the file again and compare its digest with the publisher's.
//!
//! ## References
//!
//! * ReversingLabs, nullifAI, 2025: broken pickles whose payload stands at their start
//! * CWE-20; MITRE ATLAS AML.T0076

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "truncated-artifact",
    severity: Severity::Low,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "the end of the artifact is missing",
    remediation: "fetch the file again and compare its digest with the publisher's; do not \
                  load what you have",
    cwe: &[20],
    atlas: &["AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("truncated_artifact.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Truncated],
    formats: Formats::Any,
    so: "what stands before the break is loaded all the same",
    severity: |_, _| Severity::Low,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn truncation_is_low() {
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Truncated, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Truncated, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Missing, "x"), None);
    }
}
