//! # handmade-pickle
//!
//! ## What it finds
//!
//! A pickle is arranged as no pickler arranges it, although any loader takes it: a value that is
//! duplicated on the stack, the same value stored in the memo twice, items that are appended one by
//! one.
//!
//! ## Why it matters
//!
//! Somebody wrote these opcodes by hand or with a tool of their own. Such files test the limits of
//! loaders and scanners: they grow structures, the memo or the stack out of proportion, or keep a
//! value back for a later opcode.
//!
//! ## How it can be wrong
//!
//! Picklers in other languages, and tools that edit pickles, arrange opcodes in their own way.
//!
//! ## What to do
//!
//! Find out which program wrote the file. Have it written again by the library that made the model.
//!
//! ## References
//!
//! * CPython, `Lib/pickle.py`, `_Pickler`: which opcodes it writes
//! * CWE-506; MITRE ATLAS AML.T0107

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "handmade-pickle",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::Evasion,
    summary: "a pickle is arranged as no pickler arranges it",
    remediation: "find out which program wrote the file, and have it written again by the library \
                  that made the model",
    cwe: &[506],
    atlas: &["AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("handmade_pickle.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Handmade],
    formats: Formats::Pickles,
    so: "the file was written by hand or by a tool of its own",
    severity: |_, _| Severity::Medium,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn arrangements_are_medium() {
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Handmade, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::WrongType, "x"), None);
    }
}
