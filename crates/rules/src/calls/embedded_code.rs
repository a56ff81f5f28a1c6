//! # embedded-code
//!
//! ## What it finds
//!
//! The file brings the code of a function, or a class, and loading rebuilds it: dill and cloudpickle
//! pickle what they cannot import that way. Everything that stands beside the code was seen, and
//! nothing there names anything that is known to do harm.
//!
//! ## Why it matters
//!
//! Nobody else has ever run or reviewed that code: it is in no library, but in this file alone. It
//! runs when the model is used, and in some cases while it is loaded.
//!
//! ## How it can be wrong
//!
//! The byte code itself is not read yet, only the names and constants that it works with. A body can
//! compute what it does not name, or use byte code that breaks the interpreter. Where the parts name
//! something harmful, or cannot be seen, `unsafe-call` reports it as high or critical instead.
//!
//! ## What to do
//!
//! Read the source of the function with whoever made the file. Ask for a model that names functions
//! of a published package instead of bringing its own.
//!
//! ## References
//!
//! * cloudpickle and dill: pickling functions and classes by value
//! * CWE-829, CWE-502; MITRE ATLAS AML.T0011.000, AML.T0018.002

use crate::code::Examiner;
use crate::facts::{ALIKE, Performed, Quota, calls, known, target, times, weigh};
use crate::judge::embeds;
use crate::{Confidence, Detector, Reporter, Rule, Severity};
use davy_artifact::Artifact;

static RULE: Rule = Rule {
    id: "embedded-code",
    severity: Severity::Medium,
    confidence: Confidence::High,
    summary: "the file brings code of its own, which loading rebuilds",
    remediation: "read the source of the function with whoever made the file, or ask for a model \
                  that names functions of a published package instead",
    cwe: &[829, 502],
    atlas: &["AML.T0011.000", "AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("embedded_code.rs"),
};

pub(crate) struct EmbeddedCode;

impl Detector for EmbeddedCode {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let mut examiner = Examiner::new();
        for Performed { call, count, site } in calls(artifact) {
            let Some(name) = target(call) else { continue };
            let Some(known) = known(&name) else { continue };
            if !embeds(call, known, &mut examiner) || !quota.admits(name.dotted()) {
                continue;
            }
            let message = format!(
                "`{name}` {}{}; its parts name nothing that is known to do harm",
                known.effect.does(),
                times(count)
            );
            let finding = reporter.report(artifact, site, message, call.to_string());
            weigh(finding, artifact, Severity::Medium);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::unsafe_call::UnsafeCall;
    use crate::facts::testing::{call, calls, name, pickle, text};
    use davy_artifact::{Fact, Value};

    /// A function by dill with these names.
    fn function(names: Vec<Value>) -> Fact {
        let globals = name("h2o.model.model_base", "__dict__");
        let parts = vec![Value::Tuple(names), globals, text("f")];
        calls(name("dill._dill", "_create_function"), parts)
    }

    #[test]
    fn each_function_is_reported_once_and_as_what_its_parts_name() {
        for (part, severity) in [
            (text("gini"), None),
            (text("os"), Some(Severity::High)),
            (text("eval"), Some(Severity::Critical)),
            (Value::More(1), Some(Severity::High)),
            (name("os", "system"), Some(Severity::Critical)),
        ] {
            let facts = || vec![function(vec![part.clone()])];
            let harm = pickle(&UnsafeCall, facts());
            assert_eq!(harm.first().map(|finding| finding.severity), severity, "{part}");
            let code = pickle(&EmbeddedCode, facts());
            assert_eq!(code.is_empty(), severity.is_some(), "{part}");
        }
    }

    #[test]
    fn types_that_are_looked_up_by_name_are_those_types() {
        let lookup =
            |kind| call(name("cloudpickle.cloudpickle", "_builtin_type"), vec![text(kind)]);
        let made = |kind| calls(Value::Call(Box::new(lookup(kind))), vec![text("eval")]);
        let severity = |kind| {
            let found = pickle(&UnsafeCall, vec![made(kind)]);
            found.first().map(|finding| finding.severity)
        };
        assert_eq!(severity("CodeType"), Some(Severity::Critical));
        assert_eq!(severity("slice"), None);
        assert_eq!(severity("eval"), Some(Severity::Critical));
        assert_eq!(pickle(&EmbeddedCode, vec![made("FunctionType")]).len(), 0);
    }
}
