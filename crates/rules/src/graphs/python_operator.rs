//! # python-operator
//!
//! ## What it finds
//!
//! A graph has an operator that calls Python: `PyOp`, `PyCustomOp`, `PythonOp` or one of their kind in
//! ONNX, `py_func` in Paddle.
//!
//! ## Why it matters
//!
//! Such an operator names a function, or a module and a class, and whoever runs the model runs that:
//! what the name stands for is decided by the Python process, and the model chooses the name and the
//! arguments.
//!
//! ## How it can be wrong
//!
//! Models that are trained with ONNX Runtime, and tokenizers on their way to operators of their own,
//! have such operators on purpose, for a program that registers the functions itself.
//!
//! ## What to do
//!
//! Do not run the model in a process that has more than the functions that it needs. Ask its makers
//! for an export without them.
//!
//! ## References
//!
//! * ONNX Runtime, "PyOp" and "PythonOp"; ONNX Runtime Extensions, "PyCustomOp"
//! * CWE-94, CWE-470; MITRE ATLAS AML.T0011.000, AML.T0018.001

use super::onnx_operators::{is_onnx, is_python};
use super::tensorflow_operators::{Runs, operators};
use super::tensorflow_unsafe_operator::evidence;
use crate::facts::{ALIKE, Quota, times};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::Artifact;

static RULE: Rule = Rule {
    id: "python-operator",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::CodeExecution,
    summary: "an operator of a graph calls Python",
    remediation: "ask for an export without operators that call Python, or run the model only in a \
                  process that has nothing else to call",
    cwe: &[94, 470],
    atlas: &["AML.T0011.000", "AML.T0018.001"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("python_operator.rs"),
};

pub(crate) struct PythonOperator;

impl Detector for PythonOperator {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for runs in operators(artifact) {
            if !calls_python(&runs) || !quota.admits("") {
                continue;
            }
            let name = davy_bytes::escape(&runs.operator.name);
            let message = format!(
                "operator `{name}`{} calls Python, by names that the model chooses",
                times(runs.count)
            );
            reporter.report(artifact, runs.site, message, evidence(&runs));
        }
    }
}

/// Whether an operator calls Python: those of ONNX's kin, and one of Paddle.
fn calls_python(runs: &Runs<'_>) -> bool {
    let of_onnx = is_onnx(runs.format) && is_python(runs.operator);
    // Operators of other sets than Paddle's own are counted with the name of theirs.
    let of_paddle = match runs.format {
        "paddle" => true,
        "paddle-pir" => runs.operator.domain.is_empty(),
        _ => false,
    };
    of_onnx || of_paddle && runs.operator.name == "py_func"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect};
    use davy_artifact::{Fact, Operator, Site};

    #[test]
    fn only_operators_that_call_python_are_told() {
        let runs = |format, name: &str| {
            let (domain, name) = ("ai.onnx.contrib".to_owned(), name.to_owned());
            let operator = Operator { domain, name, inputs: vec![], attributes: vec![] };
            let fact = Fact::Operator { operator, count: 2, site: Site::default() };
            detect(&PythonOperator, &artifact(format, vec![fact])).len()
        };
        assert_eq!((runs("onnx", "PyOp"), runs("ort", "PythonOp")), (1, 1));
        assert_eq!((runs("paddle", "py_func"), runs("paddle", "relu")), (1, 0));
        assert_eq!((runs("onnx", "BertTokenizer"), runs("tf-graph", "PyOp")), (0, 0));
    }
}
