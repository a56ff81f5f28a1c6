//! # pickle-after-end
//!
//! ## What it finds
//!
//! Bytes stand behind the `STOP` of a pickle, or between two pickles: another stream, a second start
//! of a protocol, or something that is no pickle at all.
//!
//! ## Why it matters
//!
//! `pickle.load` returns at the first `STOP`, so nobody misses what comes behind it. A program that
//! calls it again, or a loader that looks at the end of the file, finds it. davy reads further
//! pickles as such and reports what they do.
//!
//! ## How it can be wrong
//!
//! Several pickles in one file are common: legacy checkpoints have five, and many programs write one
//! per record. Array data of some libraries stands between opcodes.
//!
//! ## What to do
//!
//! Find out with `davy inspect` what the further bytes are; cut them off where nothing needs them.
//!
//! ## References
//!
//! * Python Library Reference, `pickle.load`
//! * CWE-506; MITRE ATLAS AML.T0018.002

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "pickle-after-end",
    severity: Severity::Low,
    confidence: Confidence::High,
    threat: Threat::EmbeddedPayload,
    summary: "bytes lie behind the end of a pickle",
    remediation: "find out what the further bytes are; cut them off where nothing needs \
                  them",
    cwe: &[506],
    atlas: &["AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("pickle_after_end.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::BytesAfterEnd, Quirk::BytesBetween, Quirk::Repeated],
    formats: Formats::Pickles,
    so: "loaders that stop at the end never show it, and others go on",
    severity: |_, _| Severity::Low,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn it_is_low_and_speaks_of_pickles_only() {
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::BytesAfterEnd, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Repeated, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::BytesAfterEnd, "x"), None);
    }
}
