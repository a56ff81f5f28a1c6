//! # injected-hook
//!
//! ## What it finds
//!
//! The state of an object, as the file gives it, holds a method that loaders call by themselves:
//! `__setstate__`, `append`, `extend`, `add`, `__reduce__` and their like.
//!
//! ## Why it matters
//!
//! The next opcode that builds or fills the object calls what was put there. No opcode of that file
//! needs to be a call, so tools that look at calls see none.
//!
//! ## How it can be wrong
//!
//! An object may have a field of that name which is plain data; such fields are not reported unless
//! the name is a special one.
//!
//! ## What to do
//!
//! Do not load the file; take the model in a format that holds only tensors.
//!
//! ## References
//!
//! * CPython, `Lib/pickle.py`, `load_build`, `load_append`, `load_additems`: duck-typed look-ups
//! * CWE-915, CWE-502; MITRE ATLAS AML.T0011.000, AML.T0107

use super::mutated_module::is_shared;
use crate::facts::{ALIKE, Quota, is_built, is_part, known, loaded, weigh};
use crate::knowledge::is_special;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Value};

static RULE: Rule = Rule {
    id: "injected-hook",
    severity: Severity::Critical,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "an object is given a method that the loader calls by itself",
    remediation: "do not load the file; take the model in a format that holds only tensors",
    cwe: &[915, 502],
    atlas: &["AML.T0011.000", "AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("injected_hook.rs"),
};

/// Methods that unpicklers look up on the object itself and call.
const LOOKED_UP: &[&str] = &["add", "append", "extend", "find_class", "persistent_load", "update"];

/// Whether a key names a method that a loader calls, or a special attribute.
pub(super) fn is_hook(key: &Value) -> bool {
    key.text().is_some_and(|key| LOOKED_UP.contains(&key) || is_special(key))
}

pub(crate) struct InjectedHook;

impl Detector for InjectedHook {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for fact in loaded(artifact) {
            let Fact::Assign { target, key, value, site } = fact else { continue };
            let Some(name) = key.text().filter(|_| is_hook(key) && !is_shared(target)) else {
                continue;
            };
            if is_built(target) && is_part(value) {
                continue;
            }
            let Some(severity) = severity(name, value) else { continue };
            if !quota.admits(name) {
                continue;
            }
            let name = davy_bytes::escape(name);
            let message =
                format!("`{name}` of an object becomes {value}, which the loader calls by itself");
            let evidence = format!("{target}.{name} = {value}");
            weigh(reporter.report(artifact, site, message, evidence), artifact, severity);
        }
    }
}

/// How bad it is that a hook has this value; nothing for plain data under a plain name.
fn severity(name: &str, value: &Value) -> Option<Severity> {
    match value {
        Value::Name(global) => match known(global) {
            Some(known) if known.effect.is_harmless() => Some(Severity::Medium),
            _ => Some(Severity::Critical),
        },
        Value::Attribute(..)
        | Value::Call(_)
        | Value::Extension(_)
        | Value::Persistent(_)
        | Value::Unknown(_) => Some(Severity::High),
        _ if is_special(name) => Some(Severity::Medium),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{assigns, call, name, pickle, text};

    #[test]
    fn the_value_decides() {
        let object = || Value::Unknown("an object");
        for (key, value, severity) in [
            ("__setstate__", name("os", "system"), Some(Severity::Critical)),
            ("append", name("nobody.knows", "this"), Some(Severity::Critical)),
            ("append", name("builtins", "list"), Some(Severity::Medium)),
            ("__annotations__", text("expression"), Some(Severity::Medium)),
            ("append", Value::Bool(true), None),
            ("width", name("os", "system"), None),
        ] {
            let found = pickle(&InjectedHook, vec![assigns(object(), key, value)]);
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{key}");
        }
    }

    #[test]
    fn functions_that_the_file_brings_have_attributes() {
        let function = || {
            let made = call(name("dill._dill", "_create_function"), vec![]);
            Value::Call(Box::new(made))
        };
        let annotations = assigns(function(), "__annotations__", Value::Dict(vec![]));
        assert!(pickle(&InjectedHook, vec![annotations]).is_empty());
        let code = assigns(function(), "__call__", name("os", "system"));
        assert_eq!(pickle(&InjectedHook, vec![code])[0].severity, Severity::Critical);
    }
}
