//! # unreviewed-constructor
//!
//! ## What it finds
//!
//! Loading calls the constructor of a class that is known to hold data, but whose constructor nobody
//! has reviewed. Pickles of such classes usually make the object without it.
//!
//! ## Why it matters
//!
//! `cls.__new__` makes an empty object; `cls(…)` runs `__init__` with arguments that the file
//! chooses, which may open the path or load the name that it is given. A file that was written by
//! hand can do so where the library never would. Numbers are neither path nor name: a class that is given
//! nothing else, as members of an enumeration are by pickles, is low.
//!
//! ## How it can be wrong
//!
//! Classes that define `__reduce__` are pickled as a call of themselves on purpose.
//!
//! ## What to do
//!
//! Read what the constructor does with these arguments. Where it only stores them, accept the finding
//! in the policy with a reason.
//!
//! ## References
//!
//! * Python Library Reference, `pickle`: pickling class instances, `object.__reduce__`
//! * CWE-470, CWE-502; MITRE ATLAS AML.T0011.000

use crate::facts::{ALIKE, Performed, Quota, callee, calls, is_settings, known, times, weigh};
use crate::knowledge::Effect;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Manner, Value};

static RULE: Rule = Rule {
    id: "unreviewed-constructor",
    severity: Severity::Medium,
    confidence: Confidence::Low,
    threat: Threat::UnsafeModule,
    summary: "loading runs a constructor that nobody has reviewed, of a class that holds data",
    remediation: "read what the constructor does with these arguments, and accept the finding in \
                  the policy, with a reason, where it only stores them",
    cwe: &[470, 502],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("unreviewed_constructor.rs"),
};

pub(crate) struct UnreviewedConstructor;

impl Detector for UnreviewedConstructor {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        if is_settings(artifact) {
            // To construct what they name is what settings are for.
            return;
        }
        let mut quota = Quota::of(ALIKE);
        for Performed { call, count, site } in calls(artifact) {
            let Some(name) = callee(call).filter(|_| call.manner != Manner::New) else { continue };
            let holds_data = known(name)
                .is_some_and(|known| known.effect == Effect::New && known.called.is_none());
            // A class that is called with nothing gets nothing from the file.
            let given = !(call.args.is_empty() && call.kwargs.is_empty());
            // `functools.partial(cls.__new__, cls, …)` is how protocols 2 and 3 spell keyword arguments.
            let made = name.name.ends_with(".__new__");
            if !holds_data || made || !given || !quota.admits(name.dotted()) {
                continue;
            }
            let message = format!(
                "the constructor of `{name}` runs with arguments that the file chooses{}",
                times(count)
            );
            let finding = reporter.report(artifact, site, message, call.to_string());
            let mut given = call.args.iter().chain(call.kwargs.iter().map(|(_, value)| value));
            let harmless = given.all(is_number);
            weigh(finding, artifact, if harmless { Severity::Low } else { Severity::Medium });
        }
    }
}

/// Whether a value is a number, a truth, nothing, or made of such.
fn is_number(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Float(_) | Value::Int(_) | Value::Long(_) | Value::None => true,
        Value::List(items) | Value::Tuple(items) => items.iter().all(is_number),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{call, name, performs, pickle, text};

    #[test]
    fn only_constructors_that_are_given_something_are_reported() {
        let class = || name("GPy.models", "GPRegression");
        let given = call(class(), vec![text("path")]);
        let found = pickle(&UnreviewedConstructor, vec![performs(given.clone())]);
        assert_eq!(found[0].severity, Severity::Medium);
        let numbered = call(class(), vec![Value::Tuple(vec![Value::Int(2), Value::None])]);
        let found = pickle(&UnreviewedConstructor, vec![performs(numbered)]);
        assert_eq!(found[0].severity, Severity::Low);
        let mut made = given;
        made.manner = Manner::New;
        let empty = call(class(), vec![]);
        // What only stores its arguments was derived to do so.
        let derived = call(name("sklearn.linear_model._base", "LinearRegression"), vec![text("x")]);
        let quiet = vec![performs(made), performs(empty), performs(derived)];
        assert!(pickle(&UnreviewedConstructor, quiet).is_empty());
    }
}
