//! # nested-pickle
//!
//! ## What it finds
//!
//! A string or byte string of a pickle is a pickle itself, as it is or behind base64, hexadecimal
//! digits or compression.
//!
//! ## Why it matters
//!
//! A second stage can be kept there for a call of `pickle.loads`, in the file or in the program that
//! uses the model, out of sight of tools that read one level. davy reads it as an artifact of its
//! own; what it does is reported there.
//!
//! ## How it can be wrong
//!
//! Libraries keep pickled parts in fields on purpose: storages of PyTorch, models of wrappers.
//! Without a finding inside, it is only worth knowing.
//!
//! ## What to do
//!
//! Look at the findings inside. Where there are none, nothing.
//!
//! ## References
//!
//! * CWE-506, CWE-502; MITRE ATLAS AML.T0018.002

use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Role, Site};
use davy_bytes::Span;

static RULE: Rule = Rule {
    id: "nested-pickle",
    severity: Severity::Info,
    confidence: Confidence::High,
    threat: Threat::EmbeddedPayload,
    summary: "a pickle stands inside a string of a pickle",
    remediation: "look at what is reported inside; without a finding there is nothing to do",
    cwe: &[506, 502],
    atlas: &["AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("nested_pickle.rs"),
};

/// Findings for one input: what is inside is reported by itself.
const SHOWN: usize = 100;

pub(crate) struct NestedPickle;

impl Detector for NestedPickle {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        let nested = |artifact: &&Artifact| {
            let parent = artifact.parent.and_then(|parent| artifacts.get(parent));
            artifact.is("pickle") && parent.is_some_and(|parent| parent.is("pickle"))
        };
        for artifact in artifacts.iter().filter(nested).take(SHOWN) {
            let loaded = artifact.role == Role::Loaded;
            let message = if loaded {
                "a pickle inside a pickle, which is loaded with it"
            } else {
                "a pickle inside a string of a pickle"
            };
            let site = Site { span: Span::new(0, artifact.size), ..Site::default() };
            let finding = reporter.report(artifact, &site, message, "");
            if let Some(finding) = finding.filter(|_| loaded) {
                finding.severity = Severity::Low;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::artifact;

    #[test]
    fn only_pickles_in_pickles_are_nested() {
        let outer = artifact("pickle", vec![]);
        let mut inner = artifact("pickle", vec![]);
        inner.parent = Some(0);
        let mut text = artifact("json", vec![]);
        text.parent = Some(0);
        let mut findings = Vec::new();
        let artifacts = [outer, inner, text];
        NestedPickle.bundle(&artifacts, &mut Reporter::new(&RULE, &mut findings));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Low);
    }
}
