//! # extension-code
//!
//! ## What it finds
//!
//! A pickle refers to a global by a number of the extension registry that it does not define itself
//! (opcodes `EXT1`, `EXT2`, `EXT4`).
//!
//! ## Why it matters
//!
//! What the number stands for depends on the process that loads the file: on `copyreg.add_extension`
//! calls there. The name appears nowhere in the file, and a warm cache of the registry even skips
//! the check of `find_class` that restricted loaders rely on.
//!
//! ## How it can be wrong
//!
//! An application with registered codes of its own, as Zope had, uses them honestly. Models do not.
//!
//! ## What to do
//!
//! Load the file only where you know what the codes stand for; otherwise ask for it without them.
//!
//! ## References
//!
//! * Python Enhancement Proposal 307, the extension registry
//! * CWE-470; MITRE ATLAS AML.T0011.000

use crate::facts::{ALIKE, Quota, loaded};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Value};

static RULE: Rule = Rule {
    id: "extension-code",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "a pickle names a global by a number that only the loading process knows",
    remediation: "load the file only where you know what the registered codes stand for; otherwise \
                  ask for a file without extension codes",
    cwe: &[470],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("extension_code.rs"),
};

pub(crate) struct ExtensionCode;

impl Detector for ExtensionCode {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for fact in loaded(artifact) {
            let mut code = None;
            let mut note = |value: &Value| {
                if let Value::Extension(number) = value {
                    code = Some(*number);
                }
            };
            let evidence = match fact {
                Fact::Call { call, .. } => {
                    call.walk(&mut note);
                    call.to_string()
                }
                Fact::Assign { target, key, value, .. } => {
                    [target, key, value].into_iter().for_each(|part| part.walk(&mut note));
                    format!("{target}[{key}] = {value}")
                }
                _ => continue,
            };
            if let Some(code) = code.filter(|code| quota.admits(code.to_string())) {
                let message = format!(
                    "extension code `{code}` stands for whatever the loading process registered"
                );
                reporter.report(artifact, fact.site(), message, evidence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{calls, name, pickle};

    #[test]
    fn codes_are_found_wherever_they_are_used() {
        let callee = calls(Value::Extension(240), vec![]);
        let argument = calls(name("builtins", "list"), vec![Value::Extension(7)]);
        assert_eq!(pickle(&ExtensionCode, vec![callee, argument]).len(), 2);
        let number = calls(name("builtins", "list"), vec![Value::Int(7)]);
        assert!(pickle(&ExtensionCode, vec![number]).is_empty());
    }
}
