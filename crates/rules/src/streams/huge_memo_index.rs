//! # huge-memo-index
//!
//! ## What it finds
//!
//! A pickle stores or looks up an object under an index that no writer would reach with so few
//! bytes.
//!
//! ## Why it matters
//!
//! The C unpickler of CPython keeps the memo as an array and allocates up to the index; the
//! pure-Python one keeps a dictionary and does not notice. One file exhausts the memory of the
//! first, or is refused by it, while the second runs it.
//!
//! ## How it can be wrong
//!
//! Streams cut out of longer ones keep large indices. That is rare.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it.
//!
//! ## References
//!
//! * CPython, `Modules/_pickle.c`, `_Unpickler_MemoPut`
//! * CWE-770, CWE-436; MITRE ATLAS AML.T0029, AML.T0107

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "huge-memo-index",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::ResourceExhaustion,
    summary: "a memo index is out of all proportion to the file",
    remediation: "do not load the file; have it written again by the library that made it",
    cwe: &[770, 436],
    atlas: &["AML.T0029", "AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("huge_memo_index.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::HugeIndex],
    formats: Formats::Pickles,
    so: "some loaders allocate that much, others refuse",
    severity: |_, _| Severity::Medium,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn indices_are_medium() {
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::HugeIndex, "x"), Some(Severity::Medium));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Expansion, "x"), None);
    }
}
