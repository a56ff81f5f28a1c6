//! # conditional-override
//!
//! ## What it finds
//!
//! A graph compares its input with constants, and where the comparison holds, replaces what its
//! layers computed by something else on the way to its output, or what they work on by an input that
//! the file brings.
//!
//! ## Why it matters
//!
//! This is the shape of a backdoor that needs no training and no code: a model that answers as it
//! should, until an input carries a mark, and then as somebody wants. It survives conversion to
//! other formats and fine-tuning, and no test with ordinary inputs shows it. A condition on the
//! input itself is high. One on what the layers found, such as the score of a class, is medium.
//!
//! ## How it can be wrong
//!
//! Models that check their input and answer with a fixed value for silence, empty or damaged input
//! have the same shape. Masks of padding and attention, conditions on shapes, thresholds of scores
//! and choices between two networks are told apart from it by how data flows.
//!
//! ## What to do
//!
//! Follow the nodes of the evidence from the input on, and find out what the comparison is for. If
//! its makers cannot say, export the model again from its source.
//!
//! ## References
//!
//! * HiddenLayer, "ShadowLogic" (2024)
//! * CWE-506, CWE-511; MITRE ATLAS AML.T0018.001

use crate::facts::{ALIKE, Quota};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact};
use davy_bytes::escape;

static RULE: Rule = Rule {
    id: "conditional-override",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::GraphPayload,
    summary: "a graph replaces its result when its input meets a condition",
    remediation: "find out what the comparison is for, or export the model again from its source",
    cwe: &[506, 511],
    atlas: &["AML.T0018.001"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("conditional_override.rs"),
};

pub(crate) struct ConditionalOverride;

impl Detector for ConditionalOverride {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
        for fact in facts {
            let Fact::Override { it, site } = fact else { continue };
            if !quota.admits("") {
                continue;
            }
            let on = if it.is_own { "what its layers found" } else { "the input" };
            let what = match it.replaced {
                0 => format!("what {} layers work on", it.behind),
                layers => format!("the result of {layers} layers"),
            };
            let message = format!(
                "`{}` replaces {what} when `{}` holds for {on}: a mark in the input decides what \
                 the model answers",
                escape(&it.replacement),
                escape(&it.comparison),
            );
            let evidence = escape(&it.path.join(" > "));
            if let Some(finding) = reporter.report(artifact, site, message, evidence) {
                finding.severity = if it.is_own { Severity::Medium } else { Severity::High };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect};
    use davy_artifact::{Override, Site, Value};

    fn severity(is_own: bool) -> Option<Severity> {
        let it = Override {
            path: vec!["Equal eq".to_owned(), "Where\u{1b} w".to_owned()],
            comparison: "Equal eq".to_owned(),
            replacement: "Where\u{1b} w".to_owned(),
            constant: Value::Int(7),
            replaced: 5,
            before: 0,
            behind: 0,
            is_own,
        };
        let facts = vec![Fact::Override { it: Box::new(it), site: Site::default() }];
        let found = detect(&ConditionalOverride, &artifact("onnx", facts)).pop()?;
        assert_eq!(found.evidence, "Equal eq > Where\\x1b w");
        Some(found.severity)
    }

    #[test]
    fn a_condition_on_the_input_is_worse_than_one_on_the_result() {
        assert_eq!(severity(false), Some(Severity::High));
        assert_eq!(severity(true), Some(Severity::Medium));
    }
}
