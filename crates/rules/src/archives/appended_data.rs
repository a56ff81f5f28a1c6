//! # appended-data
//!
//! ## What it finds
//!
//! Bytes that the format does not explain stand behind its end or between its parts.
//!
//! ## Why it matters
//!
//! A payload can lie there for a dropper to fetch, or the same file can be of two formats. davy
//! reads these bytes for what they could be; what it finds is reported by itself. In files that hold
//! nothing but tensors (safetensors, GGUF) it is high: their writers leave no byte over, the library
//! of safetensors refuses such a file, and whoever put something there meant it not to be seen.
//!
//! ## How it can be wrong
//!
//! Padding, signatures and notes of tools are common.
//!
//! ## What to do
//!
//! Find out what the bytes are; cut them off where nothing needs them.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, the record of a member
//! * CWE-506; MITRE ATLAS AML.T0018.002, AML.T0074

use crate::quirks::{ByQuirk, Formats, is_weights};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "appended-data",
    severity: Severity::Low,
    confidence: Confidence::Medium,
    threat: Threat::EmbeddedPayload,
    summary: "bytes stand behind or between what the format explains",
    remediation: "find out what the bytes are; cut them off where nothing needs them",
    cwe: &[506],
    atlas: &["AML.T0018.002", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("appended_data.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::BytesAfterEnd, Quirk::BytesBetween],
    formats: Formats::NotPickles,
    so: "loaders pass over them, and another program may not",
    severity: |artifact, deviation| {
        // Nothing but zeros is left over by programs that fill up files.
        let hides = is_weights(artifact) && !deviation.what.contains(" zeros ");
        if hides { Severity::High } else { Severity::Low }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn bytes_behind_are_low() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::BytesAfterEnd, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::BytesAfterEnd, "x"), Some(Severity::Low));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::BytesAfterEnd, "x"), None);
        let weights = |what| severity(&DETECTOR, "safetensors", Quirk::BytesAfterEnd, what);
        assert_eq!(weights("9 bytes behind"), Some(Severity::High));
        assert_eq!(weights("9 zeros behind"), Some(Severity::Low));
    }
}
