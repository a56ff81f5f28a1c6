//! # computed-callable
//!
//! ## What it finds
//!
//! Loading calls something that is not named in the file: the result of another call, an attribute
//! of one, or what the loader's own hooks return for an id. Or it hands such a callable to another
//! function, which may call it: `heapq.nlargest(1, […], methodcaller('touch'))`.
//!
//! ## Why it matters
//!
//! Honest pickles call what they name. A callable that only comes to be while the file is loaded
//! cannot be checked against any list, which is why payloads are written so.
//!
//! ## How it can be wrong
//!
//! A method of an object that is plain data is medium, and so is a class that the file builds, as
//! classes pickled by value are: what their parts name is judged under `embedded-code`. A function
//! whose code stands in the file is not called while honest files are loaded. Bound methods of objects
//! that are only data, or that nobody knows, are handed over by honest files.
//!
//! ## What to do
//!
//! Find out with `davy inspect` how the callable is made. Without an explanation do not load the
//! file; take the model in a format that holds only tensors.
//!
//! ## References
//!
//! * Python Enhancement Proposal 307: what `REDUCE` calls is whatever lies on the stack
//! * CWE-470, CWE-502; MITRE ATLAS AML.T0011.000, AML.T0107

use crate::behaviour::Observer;
use crate::facts::{
    ALIKE, Performed, Quota, arguments, calls, known, target, times, type_of_name, visit_handed,
    weigh,
};
use crate::judge::leads_away;
use crate::knowledge::{self, Effect, is_special};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Call, Manner, Value};
use std::borrow::Cow;

static RULE: Rule = Rule {
    id: "computed-callable",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::CodeExecution,
    summary: "what loading calls cannot be known from the file",
    remediation: "look with `davy inspect` how the callable is made; without an explanation do not \
                  load the file, and take the model in a format that holds only tensors",
    cwe: &[470, 502],
    atlas: &["AML.T0011.000", "AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("computed_callable.rs"),
};

pub(crate) struct ComputedCallable;

impl Detector for ComputedCallable {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let performed = calls(artifact);
        let made = performed.iter().map(|performed| performed.call);
        let mut observer = Observer::of(made, reporter.programs());
        for &Performed { call, count, site } in &performed {
            let (severity, what, done) = match (computed(call), handed(call)) {
                (Some((severity, what)), None) => (severity, what, "called".to_owned()),
                (Some((severity, what)), Some((other, _))) if severity >= other => {
                    (severity, what, "called".to_owned())
                }
                (_, Some((severity, what))) => {
                    (severity, what, format!("handed to `{}`", call.callee))
                }
                (None, None) => continue,
            };
            // A flood of what is less bad must not hide what is worse.
            if !quota.admits(format!("{} {what}", severity.as_str())) {
                continue;
            }
            let message = format!(
                "{what} is {done}{}, so what runs cannot be known from the file",
                times(count)
            );
            let mut finding = reporter.report(artifact, site, message, call.to_string());
            observer.about(call).into_finding(finding.as_deref_mut());
            weigh(finding, artifact, severity);
        }
    }
}

/// How bad, and what it is that is called, where the file does not name it.
fn computed(call: &Call) -> Option<(Severity, &'static str)> {
    match &call.callee {
        Value::Attribute(base, name) => Some(method(base, name)),
        // A type that is looked up by its name is judged as that type.
        Value::Call(made) if type_of_name(made).is_some() => None,
        Value::Call(made) => Some(match effect(made) {
            Some(Effect::ClassBuild) => (Severity::Medium, "a class that the file builds"),
            Some(Effect::CodeBuild) => (Severity::High, "a function whose code stands in the file"),
            _ => (Severity::High, "the result of a call"),
        }),
        Value::Persistent(_) => Some((Severity::High, "what the loader returns for an id")),
        Value::Unknown(_) => Some((Severity::High, "a computed value")),
        Value::Module(_) => Some((Severity::Medium, "a module")),
        _ => None,
    }
}

/// How bad a method of an object is that is made while the file is loaded.
fn method(base: &Value, name: &str) -> (Severity, &'static str) {
    let kind = match base {
        Value::Call(made) => type_of_name(made),
        _ => None,
    };
    if kind.is_none() && !is_data(base) || is_special(name) {
        return (Severity::High, "an attribute of a computed object");
    }
    let class = match base {
        Value::Call(made) => kind.map(Cow::Owned).or_else(|| target(made)),
        _ => None,
    };
    let harm = class.and_then(|class| {
        let path = format!("{}.{name}", class.name);
        let known = knowledge::lookup(&class.module, &path);
        known.filter(|known| known.is_dangerous() && !known.constants_only)
    });
    // Of arrays and frames, which functions make, only the names of their methods are known.
    let harm = harm.or_else(|| knowledge::method(name).filter(|known| known.is_dangerous()));
    match harm {
        Some(known) if known.effect.severity() > Severity::Medium => {
            (known.effect.severity(), "a method that can do harm, of an object made here,")
        }
        _ => (Severity::Medium, "a method of an object"),
    }
}

/// The worst callable among the arguments of a call that comes to be while the file is loaded and may do
/// harm: whoever is given it may call it.
fn handed(call: &Call) -> Option<(Severity, &'static str)> {
    let receiver = target(call).and_then(|name| known(&name)).map(|known| known.effect);
    // What looks names up is judged by the names, and what builds functions by their parts.
    if receiver.is_some_and(|effect| effect.builds() || effect == Effect::Resolve) {
        return None;
    }
    let mut worst: Option<(Severity, &'static str)> = None;
    visit_handed(arguments(call), &mut |value| {
        let found = match value {
            Value::Attribute(base, name) => bound(base, name),
            Value::Call(made) => prepared(made),
            _ => None,
        };
        if let Some(found) = found
            && worst.is_none_or(|(severity, _)| severity < found.0)
        {
            worst = Some(found);
        }
    });
    worst
}

/// An attribute of an object, handed over: a bound method, as honest files have them, is quiet where
/// nothing says that it does harm.
fn bound(base: &Value, name: &str) -> Option<(Severity, &'static str)> {
    let (severity, what) = method(base, name);
    // An object of a class that nobody knows, made without its constructor.
    let unknown = |made: &Call| target(made).is_some_and(|class| known(&class).is_none());
    let made = matches!(base, Value::Call(made) if made.manner == Manner::New && unknown(made));
    let special = is_special(name) && name != "__call__";
    let quiet = severity <= Severity::Medium || made && !special;
    (!quiet || leads_away(name)).then_some((severity.max(Severity::High), what))
}

/// Whether an attribute of an object that is only data is a method that nothing says does harm.
pub(crate) fn is_quiet_method(base: &Value, name: &str) -> bool {
    method(base, name).0 <= Severity::Medium && !leads_away(name)
}

/// The result of a call that turns text into what it names, handed over.
fn prepared(made: &Call) -> Option<(Severity, &'static str)> {
    if let Some(kind) = type_of_name(made) {
        let builds = known(&kind).is_some_and(|known| known.effect == Effect::CodeBuild);
        return builds.then_some((Severity::High, "what builds code, looked up by its name,"));
    }
    if effect(made) != Some(Effect::Resolve) {
        return None;
    }
    let name = target(made)?;
    let asked = made.args.first().and_then(Value::text);
    match name.name.as_str() {
        "attrgetter" | "itemgetter" | "getitem" => None,
        "methodcaller" => {
            let known = asked.and_then(knowledge::method);
            let harmless = known.is_some_and(|known| known.effect.is_harmless());
            (!harmless).then_some((Severity::High, "what calls a method by its name"))
        }
        _ => Some((Severity::High, "the result of a look-up by name")),
    }
}

/// Whether a value is plain data, or an instance of a class that is only data.
fn is_data(value: &Value) -> bool {
    match value {
        Value::Call(call) => effect(call).is_some_and(Effect::is_harmless),
        Value::Attribute(..) | Value::Extension(_) | Value::Module(_) | Value::Name(_) => false,
        Value::Persistent(_) | Value::Unknown(_) => false,
        _ => true,
    }
}

fn effect(call: &Call) -> Option<Effect> {
    target(call).and_then(|name| known(&name)).map(|known| known.effect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{call, calls, name, pickle, text};

    fn result(callee: Value) -> Value {
        Value::Call(Box::new(call(callee, vec![])))
    }

    #[test]
    fn what_is_not_named_is_reported() {
        let made = result(name("nobody.knows", "this"));
        let method = |of: &Value, name: &str| Value::Attribute(Box::new(of.clone()), name.into());
        for callee in [made.clone(), method(&made, "run"), Value::Unknown("computed")] {
            let found = pickle(&ComputedCallable, vec![calls(callee, vec![text("id")])]);
            assert_eq!(found[0].severity, Severity::High);
        }
        let class = result(name("dill._dill", "_create_type"));
        let function = result(name("dill._dill", "_create_function"));
        for (made, severity) in [(class, Severity::Medium), (function, Severity::High)] {
            assert_eq!(pickle(&ComputedCallable, vec![calls(made, vec![])])[0].severity, severity);
        }
        let date = result(name("datetime", "datetime"));
        let found = pickle(&ComputedCallable, vec![calls(method(&date, "isoformat"), vec![])]);
        assert_eq!(found[0].severity, Severity::Medium);
        let path = result(name("pathlib", "PosixPath"));
        let found = pickle(&ComputedCallable, vec![calls(method(&path, "unlink"), vec![])]);
        assert_eq!(found[0].severity, Severity::High);
    }

    fn of(callee: Value, args: Vec<Value>) -> Value {
        Value::Call(Box::new(call(callee, args)))
    }

    #[test]
    fn what_is_handed_over_may_be_called() {
        let severity = |handed: Value| {
            let args = vec![Value::Int(1), Value::List(vec![text("id")]), handed];
            let found = pickle(&ComputedCallable, vec![calls(name("heapq", "nlargest"), args)]);
            found.first().map(|finding| finding.severity)
        };
        let attribute = |of: Value, name: &str| Value::Attribute(Box::new(of), name.into());
        let path = || of(name("pathlib", "PosixPath"), vec![text("x")]);
        let caller = |method| of(name("operator", "methodcaller"), vec![text(method)]);
        for hostile in [
            caller("touch"),
            attribute(path(), "unlink"),
            attribute(path(), "os"),
            attribute(attribute(path(), "_flavour"), "genericpath"),
            attribute(of(name("nobody.knows", "this"), vec![]), "run"),
            Value::Tuple(vec![caller("system")]),
            attribute(of(name("numpy", "array"), vec![]), "tofile"),
            of(name("cloudpickle.cloudpickle", "_builtin_type"), vec![text("CodeType")]),
        ] {
            assert_eq!(severity(hostile.clone()), Some(Severity::High), "{hostile}");
        }
        let mut made = call(name("mine.models", "Model"), vec![]);
        made.manner = Manner::New;
        for honest in [
            caller("lower"),
            attribute(of(name("datetime", "datetime"), vec![]), "isoformat"),
            attribute(Value::Call(Box::new(made)), "predict"),
            of(name("operator", "attrgetter"), vec![text("x")]),
            of(name("cloudpickle.cloudpickle", "_builtin_type"), vec![text("SimpleNamespace")]),
            attribute(of(name("numpy", "array"), vec![]), "tolist"),
            attribute(of(name("dill._dill", "_load_type"), vec![text("dict")]), "fromkeys"),
            attribute(of(name("pandas", "DataFrame"), vec![]), "assign"),
            path(),
        ] {
            assert_eq!(severity(honest.clone()), None, "{honest}");
        }
    }

    #[test]
    fn what_is_named_is_not() {
        assert!(pickle(&ComputedCallable, vec![calls(name("os", "system"), vec![])]).is_empty());
        let slice = call(name("dill._dill", "_load_type"), vec![text("slice")]);
        let made = calls(Value::Call(Box::new(slice)), vec![Value::Int(1)]);
        assert!(pickle(&ComputedCallable, vec![made]).is_empty());
    }
}
