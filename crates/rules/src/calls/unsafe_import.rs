//! # unsafe-import
//!
//! ## What it finds
//!
//! The file names something that is known to do harm, and davy sees no call of it: the global stands
//! on the stack or in the state of an object, where other code may find and call it.
//!
//! ## Why it matters
//!
//! Importing runs the module that is named. What is imported stays in the object: an estimator whose
//! `func` is `os.system` runs it when it is used. Naming something that no model needs is also how
//! payloads look whose call davy, or the loader, did not get to.
//!
//! ## How it can be wrong
//!
//! A model may keep a reference to a function that could do harm and never use it so: a tokenizer
//! that remembers `open`, a pipeline that remembers a loader. The weaker the effect, the lower the
//! severity.
//!
//! ## What to do
//!
//! Find out with `davy inspect` where the global ends up. Without a good reason for it, treat the
//! file as hostile and take the model in a format that holds only tensors.
//!
//! ## References
//!
//! * Python Library Reference, `pickle`: restricting globals
//! * CWE-829, CWE-502; MITRE ATLAS AML.T0011.000

use crate::facts::{
    APART, Quota, concern, is_keras, is_lambda, known, loaded, pose, spelled, weigh,
};
use crate::knowledge::{self, Effect, Known};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Name, Value};
use std::collections::BTreeSet;

static RULE: Rule = Rule {
    id: "unsafe-import",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::UnsafeModule,
    summary: "the file names something that is known to do harm, without a visible call",
    remediation: "look with `davy inspect` where the global ends up; without a good reason for it \
                  do not load the file, and take the model in a format that holds only tensors",
    cwe: &[829, 502],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("unsafe_import.rs"),
};

pub(crate) struct UnsafeImport;

impl Detector for UnsafeImport {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let facts = loaded(artifact);
        let used = used(&facts);
        let mut quota = Quota::of(APART);
        for fact in facts {
            let Fact::Import { name, spelled: other, by, site } = fact else { continue };
            let Some(known) = known(name).filter(|known| known.is_dangerous()) else { continue };
            let told_elsewhere = used.contains(name)
                || known.effect == Effect::ScannerDeactivation
                || is_lambda(name) && is_keras(artifact)
                || is_allowed(name, by);
            if told_elsewhere || !quota.admits("") {
                continue;
            }
            let other = other.as_ref().map(|was| format!(", spelled `{was}`,"));
            let message = format!(
                "`{name}`{} is named and {}{}",
                other.unwrap_or_default(),
                known.effect.does(),
                known.advisory()
            );
            let evidence = spelled(by, name);
            let severity = known.effect.severity_when_named();
            let weak = known.constants_only;
            let severity = match weak {
                true => severity.min(Severity::Low),
                false if is_far(name, known) => severity.min(Severity::Medium),
                false => severity,
            };
            let mut finding = reporter.report(artifact, site, message, evidence);
            concern(finding.as_deref_mut(), name);
            pose(finding.as_deref_mut(), known.effect.threat());
            weigh(finding, artifact, severity);
        }
    }
}

/// Whether what does harm was derived and is several calls away: of a function that is named and not
/// called, little is known then.
fn is_far(name: &Name, known: &Known) -> bool {
    const NEAR: u8 = 2;
    known.is_derived()
        && knowledge::derivation(&name.dotted()).is_some_and(|found| found.steps > NEAR)
}

/// Whether a package of PyTorch only says that it may import the module that every program has; what its
/// pickles take out of it is named there.
fn is_allowed(name: &Name, by: &str) -> bool {
    by == "extern module of a package" && name.name.is_empty() && name.module == "builtins"
}

/// Globals that a call or an assignment uses: other rules speak of those.
fn used<'a>(facts: &[&'a Fact]) -> BTreeSet<&'a Name> {
    let mut used = BTreeSet::new();
    let mut note = |value: &'a Value| {
        if let Value::Name(name) = value {
            used.insert(name);
        }
    };
    for fact in facts {
        match fact {
            Fact::Call { call, .. } => call.walk(&mut note),
            Fact::Assign { target, value, .. } => {
                target.walk(&mut note);
                value.walk(&mut note);
            }
            _ => {}
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{calls, imports, imports_by, name, pickle, text};

    #[test]
    fn naming_is_reported_where_no_call_is() {
        let found = pickle(&UnsafeImport, vec![imports("os", "system")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::High);
        assert_eq!(found[0].evidence, "GLOBAL os system");
        let called = vec![imports("os", "system"), calls(name("os", "system"), vec![text("id")])];
        assert!(pickle(&UnsafeImport, called).is_empty());
    }

    #[test]
    fn packages_may_import_what_every_program_has() {
        let by = "extern module of a package";
        let found = |module| pickle(&UnsafeImport, vec![imports_by(module, "", by)]).len();
        assert_eq!(found("builtins"), 0);
        assert_eq!(found("os"), 1);
    }

    #[test]
    fn weak_effects_and_harmless_names_weigh_less() {
        let weak = pickle(&UnsafeImport, vec![imports("functools", "partial")]);
        assert_eq!(weak[0].severity, Severity::Low);
        assert!(pickle(&UnsafeImport, vec![imports("builtins", "len")]).is_empty());
    }
}
