//! # odd-opcode-use
//!
//! ## What it finds
//!
//! An opcode works on a value of a type that honest writers never give it: a global whose name is
//! computed, items set in what is no dictionary, an index of the memo that nothing was stored under.
//!
//! ## Why it matters
//!
//! Pickles are programs, and these are not programs that a pickler writes. They are built by hand,
//! to hide a name from tools that read operands where they usually stand, or to reach code of a
//! loader that expects other types.
//!
//! ## How it can be wrong
//!
//! Damaged files, and picklers written by others than Python's, can do such things.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it.
//!
//! ## References
//!
//! * CVE-2026-24747: items set in what is no dictionary, in the restricted unpickler of PyTorch
//! * CWE-20, CWE-436; MITRE ATLAS AML.T0107, AML.T0076

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "odd-opcode-use",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::ParserExploit,
    summary: "opcodes are used as no library writes them",
    remediation: "do not load the file; have it written again by the library that made it",
    cwe: &[20, 436],
    atlas: &["AML.T0107", "AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("odd_opcode_use.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::WrongType, Quirk::Missing, Quirk::OutOfRange, Quirk::SizeMismatch],
    formats: Formats::Pickles,
    so: "no library writes this, and tools that read opcodes one by one are \
                  misled",
    severity: |_, deviation| match deviation.quirk {
        Quirk::WrongType => Severity::Medium,
        _ => Severity::Low,
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn computed_operands_weigh_more_than_missing_ones() {
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::WrongType, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Missing, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::Missing, "x"), None);
    }
}
