//! # embedded-code
//!
//! ## What it finds
//!
//! The file brings the code of a function, or a class, and nothing that it does or names is known to
//! do harm. `Lambda` layers of Keras are saved that way, and dill and cloudpickle pickle what they
//! cannot import.
//!
//! ## Why it matters
//!
//! Nobody else has ever run or reviewed that code: it is in no library, but in this file alone. It
//! runs when the model is used, and in some cases while it is loaded.
//!
//! ## How it can be wrong
//!
//! Code that was followed whole, and that only calls what is known to compute on its arguments, is
//! low: a capability that is there and harmless as it is used. It is medium where it calls something
//! of which nothing is known, or where not all of it could be followed. Models of R bring functions as a
//! matter of course: those that only compute are silent, and others low. Code that does harm is
//! reported by `unsafe-code`, and parts of pickled functions that name something harmful or cannot
//! be seen by `unsafe-call`.
//!
//! ## What to do
//!
//! Read the source of the function with whoever made the file. Ask for a model that names functions
//! of a published package instead of bringing its own.
//!
//! ## References
//!
//! * cloudpickle and dill: pickling functions and classes by value
//! * Keras documentation, `Lambda` layer: use a subclassed layer instead for anything but quick tries
//! * CWE-829, CWE-502; MITRE ATLAS AML.T0011.000, AML.T0018.002

use crate::code::{Body, Examiner, is_foreign, is_of_r, listing, look, several, when, who};
use crate::facts::{
    ALIKE, APART, Performed, Quota, calls, is_keras, is_lambda, known, loaded, spelled, target,
    times, weigh,
};
use crate::judge::embeds;
use crate::knowledge::Effect;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Code, Fact};

static RULE: Rule = Rule {
    id: "embedded-code",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
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
        let mut examiner = Examiner::of(artifact).asking(reporter.programs());
        for Performed { call, count, site } in calls(artifact) {
            let Some(name) = target(call) else { continue };
            let Some(known) = known(&name) else { continue };
            // The code of functions is told below, as far as it was followed.
            let told = examiner.follows_all() && known.effect == Effect::CodeBuild;
            let embeds = !told && embeds(call, known, &mut examiner);
            if !embeds || !quota.admits(name.dotted()) {
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
        followed(artifact, &mut examiner, reporter);
        named(artifact, reporter);
    }
}

/// Models of Keras with `Lambda` layers whose functions are named and not brought along.
fn named(artifact: &Artifact, reporter: &mut Reporter<'_>) {
    let facts = loaded(artifact);
    if !is_keras(artifact) || facts.iter().any(|fact| matches!(fact, Fact::Code { .. })) {
        return;
    }
    let lambda = facts.into_iter().find_map(|fact| match fact {
        Fact::Import { name, by, site, .. } if is_lambda(name) => Some((name, by, site)),
        _ => None,
    });
    if let Some((name, by, site)) = lambda {
        let message =
            "the model has a layer that runs a function by name, and brings no code for it";
        let finding = reporter.report(artifact, site, message, spelled(by, name));
        weigh(finding, artifact, Severity::Low);
    }
}

/// Functions whose byte code was followed, and that do no harm as far as it was.
fn followed(artifact: &Artifact, examiner: &mut Examiner, reporter: &mut Reporter<'_>) {
    let (mut alike, mut apart) = (Quota::of(ALIKE), Quota::of(APART));
    for fact in loaded(artifact) {
        let Fact::Code { code, site } = fact else { continue };
        let Some((severity, says)) = harmless(code, &look(code, examiner)) else { continue };
        let evidence = listing(code);
        if !alike.admits(evidence.as_str()) || !apart.admits("") {
            continue;
        }
        let message = format!("{} {says}{}", who(code, site), when(code));
        if let Some(finding) = reporter.report(artifact, site, message, evidence) {
            finding.subject = Subject::Code;
            weigh(Some(finding), artifact, severity);
        }
    }
}

/// How bad code is that does no harm as far as it was seen, and what there is to say about it.
fn harmless(code: &Code, body: &Body) -> Option<(Severity, String)> {
    let of_r = is_of_r(code);
    if of_r && body.doubts.is_empty() {
        return None;
    }
    if !body.deeds.is_empty() || code.unseen.iter().any(|what| is_foreign(what)) {
        return None;
    }
    let unseen = code.unseen.iter().map(|what| format!("was not followed whole: {what}"));
    let said: Vec<String> = body.doubts.iter().cloned().chain(unseen).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    Some(match said.is_empty() {
        true => (Severity::Low, "only calls what is known to compute on its arguments".to_owned()),
        false if of_r => (Severity::Low, davy_bytes::escape(&several(&said))),
        false => (Severity::Medium, davy_bytes::escape(&several(&said))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::unsafe_call::UnsafeCall;
    use crate::code::testing::{code, lambda};
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

    #[test]
    fn code_that_was_followed_is_as_bad_as_what_it_calls() {
        let severity = |body: Code| {
            let found = pickle(&EmbeddedCode, vec![code(body)]);
            found.first().map(|finding| (finding.severity, finding.message.clone()))
        };
        let relu = || call(name("tf", "nn.relu"), vec![Value::Unknown("a parameter")]);
        let (low, message) = severity(lambda(vec![relu()])).unwrap();
        assert_eq!(low, Severity::Low);
        assert!(message.ends_with("it runs when the model is built or used"), "{message}");
        let unknown = lambda(vec![relu(), call(name("mine", "layer"), vec![])]);
        let (medium, message) = severity(unknown).unwrap();
        assert_eq!(medium, Severity::Medium);
        assert!(message.contains("calls `mine.layer`, about which nothing is known"), "{message}");
        let mut cut = lambda(vec![relu()]);
        cut.unseen = vec!["more code than is followed".into()];
        assert_eq!(severity(cut).unwrap().0, Severity::Medium);
        assert_eq!(severity(lambda(vec![call(name("os", "system"), vec![])])), None);
    }
}
