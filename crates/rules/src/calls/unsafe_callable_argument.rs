//! # unsafe-callable-argument
//!
//! ## What it finds
//!
//! Something that is known to do harm is handed to a call as an argument: `functools.partial(os.system,
//! …)`, `defaultdict(eval)`, `SomeClass(subprocess.Popen)`.
//!
//! ## Why it matters
//!
//! What receives it may call it, at once or later: a default factory when a key is missing, a
//! callback when training ends, an exit handler when the process stops. The opcodes then hold no
//! call of the harmful thing, which is the point of writing it so.
//!
//! ## How it can be wrong
//!
//! The receiver may only keep it. davy knows which receivers call what they are given and reports
//! those as critical; for others it cannot tell.
//!
//! ## What to do
//!
//! Do not load the file unless its author can say why a model needs this callable; take the model in
//! a format that holds only tensors.
//!
//! ## References
//!
//! * Python Library Reference, `functools.partial`, `atexit.register`, `collections.defaultdict`
//! * CWE-470, CWE-502; MITRE ATLAS AML.T0011.000

use crate::behaviour::Observer;
use crate::facts::{
    ALIKE, Performed, Quota, arguments, calls, concern, handed, known, target, weigh,
};
use crate::knowledge::{self, Effect, Known};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Call, Name, Value};

static RULE: Rule = Rule {
    id: "unsafe-callable-argument",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::CodeExecution,
    summary: "something that is known to do harm is handed to a call that may use it",
    remediation: "do not load the file unless its author can say why a model needs this callable; \
                  take the model in a format that holds only tensors",
    cwe: &[470, 502],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("unsafe_callable_argument.rs"),
};

pub(crate) struct UnsafeCallableArgument;

impl Detector for UnsafeCallableArgument {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let performed = calls(artifact);
        let made = performed.iter().map(|performed| performed.call);
        let mut observer = Observer::of(made, reporter.programs());
        for &Performed { call, site, .. } in &performed {
            let receiver = target(call).and_then(|name| known(&name)).map(|known| known.effect);
            // What functions and classes are built from is judged with the call that builds them.
            if receiver.is_some_and(Effect::builds) {
                continue;
            }
            for (name, harm) in harmful(call) {
                if receiver == Some(Effect::Resolve) && is_looked_into(call, name, harm) {
                    continue;
                }
                let severity = severity(receiver, harm.effect);
                if severity < Severity::Medium || !quota.admits(name.dotted()) {
                    continue;
                }
                let message = format!(
                    "`{name}`, which {}, is handed to `{}`{}",
                    harm.effect.does(),
                    call.callee,
                    harm.advisory()
                );
                let mut finding = reporter.report(artifact, site, message, call.to_string());
                concern(finding.as_deref_mut(), name);
                observer.about(call).into_finding(finding.as_deref_mut());
                weigh(finding, artifact, severity);
            }
        }
    }
}

/// Whether `getattr(module, 'name', default)` is given `name`: what it looks up there under a name
/// that stands in the file is a global of its own, and a default that does the same adds nothing.
fn is_looked_into(call: &Call, name: &Name, harm: &Known) -> bool {
    let [object, attribute, rest @ ..] = call.args.as_slice() else { return false };
    let (Value::Name(object), Some(attribute)) = (object, attribute.text()) else { return false };
    let found = knowledge::lookup(&object.dotted(), attribute);
    let same = found.is_some_and(|found| found.effect == harm.effect);
    match rest {
        [] => object == name,
        [Value::Name(default)] => object == name || (same && default == name),
        _ => false,
    }
}

/// The globals among the arguments that do harm whatever they are given.
fn harmful(call: &Call) -> Vec<(&Name, &'static Known)> {
    let harm =
        |name: &Name| known(name).filter(|known| known.is_dangerous() && !known.constants_only);
    let names = handed(arguments(call)).into_iter();
    names.filter_map(|name| Some((name, harm(name)?))).collect()
}

/// Receivers that call what they are given make it as bad as the call itself.
fn severity(receiver: Option<Effect>, effect: Effect) -> Severity {
    // What installs a hook has the interpreter call it: a signal handler, a trace function.
    let calls =
        receiver.is_some_and(|receiver| receiver.calls_arguments() || receiver == Effect::Hook);
    if calls { effect.severity() } else { effect.severity_when_named() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{call, calls, name, pickle, text};

    #[test]
    fn the_receiver_decides() {
        let system = || name("os", "system");
        let partial = calls(name("functools", "partial"), vec![system(), text("id")]);
        let found = pickle(&UnsafeCallableArgument, vec![partial]);
        assert_eq!(found[0].severity, Severity::Critical);
        let nested = Value::List(vec![Value::Tuple(vec![system()])]);
        let kept = calls(name("collections", "OrderedDict"), vec![nested]);
        let found = pickle(&UnsafeCallableArgument, vec![kept]);
        assert_eq!(found[0].severity, Severity::High);
    }

    #[test]
    fn results_of_calls_are_not_callables_that_are_handed_over() {
        let inner = Value::Call(Box::new(call(name("os", "system"), vec![text("id")])));
        let outer = calls(name("builtins", "list"), vec![inner]);
        assert!(pickle(&UnsafeCallableArgument, vec![outer]).is_empty());
        let built = calls(name("dill._dill", "_create_type"), vec![name("os", "system")]);
        assert!(pickle(&UnsafeCallableArgument, vec![built]).is_empty());
        let harmless = calls(name("collections", "defaultdict"), vec![name("builtins", "list")]);
        assert!(pickle(&UnsafeCallableArgument, vec![harmless]).is_empty());
    }
}
