//! # foreign-method
//!
//! ## What it finds
//!
//! A member is compressed or encrypted although the library that writes this format never does so:
//! PyTorch stores its members as they are.
//!
//! ## Why it matters
//!
//! The file was unpacked and packed again after it was saved. What changed in between is the
//! question.
//!
//! ## How it can be wrong
//!
//! Tools that shrink checkpoints for shipping do this honestly.
//!
//! ## What to do
//!
//! Have the file written again by the library that made it, or compare it with the publisher's.
//!
//! ## References
//!
//! * PyTorch, `caffe2/serialize/inline_container.cc`
//! * CWE-436; MITRE ATLAS AML.T0074

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "foreign-method",
    severity: Severity::Low,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "a member is packed in a way that the format's own writer never uses",
    remediation: "have the file written again by the library that made it",
    cwe: &[436],
    atlas: &["AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("foreign_method.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::ForeignMethod],
    formats: Formats::Any,
    so: "the file was packed again by something else",
    severity: |_, _| Severity::Low,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn foreign_is_low() {
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::ForeignMethod, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::ForeignMethod, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Overlap, "x"), None);
    }
}
