//! # mutated-module
//!
//! ## What it finds
//!
//! Loading changes something that the whole process shares: an attribute of a module, class or
//! function, an entry of a module's dictionary, of `sys.modules`, or of a table of the loader.
//!
//! ## Why it matters
//!
//! After the change, names that are on every list of harmless ones mean something else: for the rest
//! of the file, for the next file, and for the program. Nothing that is called need look unusual.
//!
//! ## How it can be wrong
//!
//! A class pickled by value sets attributes on the class that the same file has just built. Changes
//! to what comes from a real module have no honest use.
//!
//! ## What to do
//!
//! Do not load the file. Where it was loaded, restart the process: its modules may be changed.
//!
//! ## References
//!
//! * Python Library Reference, `pickle`: what `BUILD` does without `__setstate__`
//! * CWE-915, CWE-502; MITRE ATLAS AML.T0011.000, AML.T0107

use super::injected_hook::is_hook;
use crate::facts::{ALIKE, Quota, handed, is_built, known, loaded, weigh};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Value};

static RULE: Rule = Rule {
    id: "mutated-module",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "loading changes a module, class or registry that the whole process shares",
    remediation: "do not load the file; where it was loaded, restart the process, and take the \
                  model in a format that holds only tensors",
    cwe: &[915, 502],
    atlas: &["AML.T0011.000", "AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("mutated_module.rs"),
};

pub(crate) struct MutatedModule;

impl Detector for MutatedModule {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for fact in loaded(artifact) {
            let Fact::Assign { target, key, value, site } = fact else { continue };
            if !is_shared(target) && (is_hook(key) || is_built(target)) {
                continue;
            }
            let shown = target.to_string();
            if !quota.admits(shown.as_str()) {
                continue;
            }
            let message = format!(
                "{key} of `{shown}` is replaced, for everything that the process does from then on"
            );
            let evidence = format!("{shown}[{key}] = {value}");
            weigh(reporter.report(artifact, site, message, evidence), artifact, severity(value));
        }
    }
}

/// Whether a value is one that all code of the process sees.
pub(super) fn is_shared(target: &Value) -> bool {
    match target {
        Value::Module(_) | Value::Name(_) => true,
        Value::Attribute(base, _) => matches!(**base, Value::Module(_) | Value::Name(_)),
        _ => false,
    }
}

/// What runs code takes the place of something that is called: as bad as a call of it.
fn severity(value: &Value) -> Severity {
    let worst = handed(std::iter::once(value))
        .into_iter()
        .filter_map(known)
        .map(|known| known.effect.severity())
        .max();
    worst.unwrap_or(Severity::High).max(Severity::High)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{assigns, name, pickle, text};

    #[test]
    fn the_new_value_decides() {
        let modules = || name("sys", "modules");
        let found = pickle(&MutatedModule, vec![assigns(modules(), "x", text("y"))]);
        assert_eq!(found[0].severity, Severity::High);
        let module = Value::Module("json".into());
        let found = pickle(&MutatedModule, vec![assigns(module, "loads", name("os", "system"))]);
        assert_eq!(found[0].severity, Severity::Critical);
        assert_eq!(found[0].evidence, "json['loads'] = os.system");
    }

    #[test]
    fn hooks_in_objects_belong_to_another_rule() {
        let object = Value::Unknown("an object");
        let hook = assigns(object, "__setstate__", name("os", "system"));
        assert!(pickle(&MutatedModule, vec![hook]).is_empty());
    }
}
