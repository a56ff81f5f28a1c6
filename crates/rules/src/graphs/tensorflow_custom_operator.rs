//! # custom-operator
//!
//! ## What it finds
//!
//! A graph has an operator or a layer that the runtime does not have itself.
//!
//! ## Why it matters
//!
//! Such an operator is machine code in a library that has to be loaded before the model. The model
//! says which library its user needs, and what that does cannot be seen from here.
//!
//! ## How it can be wrong
//!
//! Tokenizers, decision forests and detectors are often custom operators. Those of well-known
//! libraries are low, and so are those of TFLite, Core ML, ExecuTorch and MXNet, which the program around
//! the model brings. A version of TensorFlow later than davy may have the operator.
//!
//! ## What to do
//!
//! Find out which library provides the operator, and get it from its makers, not with the model.
//!
//! ## References
//!
//! * TensorFlow, "Create an op"; TFLite, "Custom operators"; ONNX Runtime, "Custom operators"
//! * CWE-829; MITRE ATLAS AML.T0010

use super::onnx_operators;
use super::tensorflow_operators::{Effect, Runs, lookup, operators};
use super::tensorflow_unsafe_operator::evidence;
use crate::facts::{APART, Quota, times};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact};
use std::collections::BTreeSet;

static RULE: Rule = Rule {
    id: "custom-operator",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::CodeExecution,
    summary: "an operator of a graph is not the runtime's own",
    remediation: "find out which library provides the operator, and get it from its makers",
    cwe: &[829],
    atlas: &["AML.T0010"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("tensorflow_custom_operator.rs"),
};

pub(crate) struct CustomOperator;

impl Detector for CustomOperator {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let functions = functions(artifact);
        let mut quota = Quota::of(1);
        let mut names = Quota::of(APART);
        for runs in operators(artifact) {
            let name = runs.operator.name.as_str();
            let Some((severity, why)) = custom(&runs, &functions) else { continue };
            if !quota.admits(name) || !names.admits("") {
                continue;
            }
            let shown = davy_bytes::escape(name);
            let message = format!("operator `{shown}`{} {why}", times(runs.count));
            if let Some(found) = reporter.report(artifact, runs.site, message, evidence(&runs)) {
                found.severity = severity;
            }
        }
    }
}

/// How bad it is that an operator is not the runtime's own, and why; nothing where it is.
fn custom(runs: &Runs<'_>, functions: &BTreeSet<&str>) -> Option<(Severity, &'static str)> {
    let name = runs.operator.name.as_str();
    if runs.operator.domain == "custom" && is_portable(runs.format) {
        return Some((Severity::Low, "is code of the program that runs the model"));
    }
    if onnx_operators::is_onnx(runs.format) {
        let own = format!("{}::{name}", runs.operator.domain);
        let known = functions.contains(own.as_str());
        return onnx_operators::custom(runs.operator).filter(|_| !known);
    }
    // What starts with an underline is TensorFlow's own, in graphs that it has worked on.
    if !runs.by_tensorflow() || name.starts_with('_') || functions.contains(name) {
        return None;
    }
    match lookup(name) {
        Some(known) if known.effect == Effect::Library => {
            Some((Severity::Low, "is from a library that has to be loaded before the model"))
        }
        Some(_) => None,
        None if name.contains('>') => {
            Some((Severity::Low, "is from a library that has to be loaded before the model"))
        }
        None => Some((Severity::Medium, "is not one of TensorFlow's: nothing is known about it")),
    }
}

/// Whether models of this format name code that the program around them has to bring.
fn is_portable(format: &str) -> bool {
    matches!(format, "coreml" | "executorch" | "json" | "tflite")
}

/// The functions of a graph's own library, which nodes call like operators.
fn functions(artifact: &Artifact) -> BTreeSet<&str> {
    let facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    let names = facts.filter_map(|fact| match fact {
        Fact::Object { path, kind: "function", .. } => Some(path.as_str()),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect};
    use davy_artifact::{Operator, Site};

    fn runs(domain: &str, name: &str) -> Fact {
        let (domain, name) = (domain.to_owned(), name.to_owned());
        let operator = Operator { domain, name, inputs: vec![], attributes: vec![] };
        Fact::Operator { operator, count: 1, site: Site::default() }
    }

    fn severity(format: &'static str, facts: Vec<Fact>) -> Option<Severity> {
        detect(&CustomOperator, &artifact(format, facts)).first().map(|found| found.severity)
    }

    #[test]
    fn operators_of_the_runtime_and_functions_of_the_graph_are_silent() {
        for name in ["MatMul", "_FusedMatMul", "StatefulPartitionedCall"] {
            assert_eq!(severity("tf-graph", vec![runs("", name)]), None, "{name}");
        }
        assert_eq!(severity("tf-graph", vec![runs("", "Mine")]), Some(Severity::Medium));
        let (path, detail) = ("Mine".to_owned(), String::new());
        let function = Fact::Object { path, kind: "function", detail, site: Site::default() };
        assert_eq!(severity("tf-graph", vec![runs("", "Mine"), function]), None);
    }

    #[test]
    fn well_known_libraries_are_low() {
        for name in ["SentencepieceOp", "Addons>GeluV2"] {
            assert_eq!(severity("tf-saved-model", vec![runs("", name)]), Some(Severity::Low));
        }
        assert_eq!(severity("tflite", vec![runs("custom", "Mine")]), Some(Severity::Low));
        assert_eq!(severity("coreml", vec![runs("custom", "Mine")]), Some(Severity::Low));
        assert_eq!(severity("tflite", vec![runs("", "ADD")]), None);
        assert_eq!(severity("tflite", vec![runs("flex", "Mine")]), Some(Severity::Medium));
    }
}
