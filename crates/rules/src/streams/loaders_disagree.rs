//! # loaders-disagree
//!
//! ## What it finds
//!
//! Two loaders in use read the same bytes differently, or only one of them accepts the bytes:
//! CPython's C and pure-Python unpicklers, or two readers of archives.
//!
//! ## Why it matters
//!
//! No library writes such bytes. Where one loader stops or sees a harmless name and another runs a
//! payload, the file was made for a scanner that follows the first. It is high where the same
//! artifact names something harmful, and where a broken frame makes the two read different opcodes.
//!
//! ## How it can be wrong
//!
//! A damaged file can look like this by accident, and an old or foreign writer may use spellings
//! that only its own reader takes.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it, and compare what the two
//! name.
//!
//! ## References
//!
//! * CPython, `Modules/_pickle.c` and `Lib/pickle.py`
//! * CWE-436; MITRE ATLAS AML.T0107, AML.T0076

use crate::quirks::{ByQuirk, Formats, hides_harm};
use crate::{Confidence, Rule, Severity};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "loaders-disagree",
    severity: Severity::Medium,
    confidence: Confidence::High,
    summary: "loaders read the same bytes differently",
    remediation: "load the file with no loader; have it written again by the library that \
                  made it, and compare what it names",
    cwe: &[436],
    atlas: &["AML.T0107", "AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("loaders_disagree.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::LoadersDisagree],
    formats: Formats::Any,
    so: "a scanner that follows one loader does not see what another does",
    severity: |artifact, deviation| {
        let hides = hides_harm(artifact) || shifts(&deviation.what);
        if hides { Severity::High } else { Severity::Medium }
    },
};

/// Whether the two loaders take their next opcodes from different bytes, as behind a broken frame.
fn shifts(what: &str) -> bool {
    what.contains("frame") || what.contains("FRAME")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn it_is_medium_unless_opcodes_shift() {
        assert_eq!(
            severity(&DETECTOR, "pickle", Quirk::LoadersDisagree, "x"),
            Some(Severity::Medium)
        );
        assert_eq!(
            severity(
                &DETECTOR,
                "pickle",
                Quirk::LoadersDisagree,
                "opcode across the end of its frame"
            ),
            Some(Severity::High)
        );
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Truncated, "x"), None);
    }
}
