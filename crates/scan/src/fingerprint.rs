//! Fingerprints: how a finding is known again in the next scan, wherever its file then lies.
//!
//! A fingerprint is the first half of a SHA-256, in hexadecimal digits, over
//!
//! 1. the rule's id,
//! 2. the artifact's path below the input, without the input's own path,
//! 3. the evidence; the message where there is none,
//! 4. the number of findings of the same input before this one that are equal in all of these,
//!
//! each but the last ended by a zero byte. Offsets and routes have no part in it: a checkpoint that
//! is saved anew with other weights keeps its fingerprints, and so its suppressions.

use davy_rules::Finding;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;

/// Bytes of the digest that make the fingerprint.
const BYTES: usize = 16;

/// The fingerprints of the findings of one input.
#[derive(Debug)]
pub(crate) struct Fingerprints<'a> {
    input: &'a str,
    seen: HashMap<[u8; 32], u64>,
}

impl<'a> Fingerprints<'a> {
    /// Fingerprints for findings in the input at the path `input`.
    pub(crate) fn new(input: &'a str) -> Self {
        Self { input, seen: HashMap::new() }
    }

    /// The fingerprint of the next finding.
    pub(crate) fn of(&mut self, finding: &Finding) -> String {
        let below = finding.artifact.strip_prefix(self.input).unwrap_or(&finding.artifact);
        let seen = if finding.evidence.is_empty() { &finding.message } else { &finding.evidence };
        let mut digest = Sha256::new();
        for part in [finding.rule.id, below, seen] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        let before = self.seen.entry(digest.clone().finalize().into()).or_default();
        digest.update(before.to_le_bytes());
        *before = before.saturating_add(1);
        let whole: [u8; 32] = digest.finalize().into();
        hex(whole.get(..BYTES).unwrap_or_default())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::RULE;
    use davy_artifact::{Route, Site};
    use davy_bytes::Span;

    fn finding(artifact: &str, start: u64, evidence: &str) -> Finding {
        let site = Site { span: Span::new(start, 1), route: Route::None };
        Finding {
            message: "message".to_owned(),
            evidence: evidence.to_owned(),
            ..Finding::new(&RULE, artifact, &site)
        }
    }

    #[test]
    fn a_finding_is_known_again_elsewhere() {
        let mut here = Fingerprints::new("a/model.pt");
        let mut there = Fingerprints::new("b!c/renamed");
        let one = here.of(&finding("a/model.pt!data.pkl", 10, "os.system"));
        assert_eq!(one, there.of(&finding("b!c/renamed!data.pkl", 99, "os.system")));
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn different_findings_and_repeated_ones_stay_apart() {
        let mut prints = Fingerprints::new("in");
        let all = [
            prints.of(&finding("in!a", 1, "x")),
            prints.of(&finding("in!a", 2, "x")),
            prints.of(&finding("in!a", 1, "y")),
            prints.of(&finding("in!b", 1, "x")),
            prints.of(&finding("in", 1, "x")),
            prints.of(&finding("in", 1, "")),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
