//! # expansion-bomb
//!
//! ## What it finds
//!
//! A structure that grows out of all proportion when it is loaded: containers that hold each other
//! many times over ("billion laughs"), or compressed data that expands thousands of times.
//!
//! ## Why it matters
//!
//! Loading, copying, printing or hashing the result takes all memory or all time of the machine.
//! Scanners die of it as well and then report nothing.
//!
//! ## How it can be wrong
//!
//! Highly repetitive honest data, such as a mask of zeros, compresses a thousandfold. davy reads on
//! for a gigabyte and 32 bytes for each of the input, a quarter of that where the decoder is slow
//! (bzip2, LZMA), and counts as a bomb only what is not at its end then.
//!
//! ## What to do
//!
//! Do not load the file. Where it must be looked at, do so in a process with limits on memory and
//! time.
//!
//! ## References
//!
//! * CWE-409, CWE-400; MITRE ATLAS AML.T0029

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "expansion-bomb",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::ResourceExhaustion,
    summary: "a few bytes stand for a structure too large to be meant",
    remediation: "do not load the file; it exhausts the memory or time of whatever loads \
                  it",
    cwe: &[409, 400],
    atlas: &["AML.T0029"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("expansion_bomb.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Expansion],
    formats: Formats::Any,
    so: "loading it exhausts memory or time",
    severity: |_, _| Severity::High,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn expansion_is_high_everywhere() {
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Expansion, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Expansion, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::HugeIndex, "x"), None);
    }
}
