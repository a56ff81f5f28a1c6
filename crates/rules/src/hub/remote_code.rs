//! # remote-code
//!
//! ## What it finds
//!
//! The configuration of a model names code that the libraries themselves do not have: `auto_map` and
//! `custom_pipelines` of transformers, a pipeline's own module in diffusers, a repository of kernels,
//! functions that a pipeline of spaCy expects to be registered, or `trust_remote_code` itself.
//!
//! ## Why it matters
//!
//! Loading the model imports that code, which runs it. Code of the same folder is low: it is read
//! here as well, and what it does is reported there; it runs only where the user allows it. Code of
//! another repository is medium: nobody who reads this folder has seen it, and its owner can change
//! it at any time. A repository of kernels is high, since versions of transformers fetched and
//! imported it without asking. A configuration that says `trust_remote_code` for somebody who has not
//! is medium where it is that of a model.
//!
//! ## How it can be wrong
//!
//! New architectures are published this way before libraries take them up, and models that were
//! trained from such a model name the repository of the first. Recipes of training say
//! `trust_remote_code` for the model that they start from.
//!
//! ## What to do
//!
//! Read the code that is named, pin the revision of the repository it is from, and ask for a model of
//! an architecture that the library has. Never let a configuration decide to trust code.
//!
//! ## References
//!
//! * Transformers documentation: models with custom code, `trust_remote_code`
//! * CVE-2026-4372
//! * CWE-829, CWE-494; MITRE ATLAS AML.T0011.000, AML.T0010.003

use crate::facts::{APART, Quota, loaded};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Fact, Value};
use davy_bytes::escape;

static RULE: Rule = Rule {
    id: "remote-code",
    severity: Severity::Medium,
    confidence: Confidence::High,
    summary: "the model asks for code that is not part of the library that loads it",
    remediation: "read the code that is named and pin its revision, or take a model of an \
                  architecture that the library itself has",
    cwe: &[829, 494],
    atlas: &["AML.T0011.000", "AML.T0010.003"],
    since: "0.1.0",
    threat: Threat::CodeExecution,
    aliases: &[],
    source: include_str!("remote_code.rs"),
};

/// References to code, which this rule speaks of.
pub(crate) const PURPOSES: &[&str] =
    &["code folder", "code of another repository", "custom code", "kernel repository"];

pub(crate) struct RemoteCode;

impl Detector for RemoteCode {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(APART);
        for fact in loaded(artifact) {
            let (told, evidence, subject) = match fact {
                Fact::Reference { target, purpose, .. } => {
                    (reference(purpose, target), target.as_str(), Subject::Purpose(purpose))
                }
                Fact::Attribute { owner, name, value: Value::Bool(true), .. }
                    if name == "trust_remote_code" =>
                {
                    (Some(trusts(artifact, owner)), "trust_remote_code", Subject::Purpose("trust"))
                }
                Fact::Attribute { name, value, .. } if name == "registered function" => {
                    let Some(function) = value.text() else { continue };
                    (Some(registered(function)), function, Subject::Purpose("registered function"))
                }
                _ => continue,
            };
            let Some((severity, message)) = told else { continue };
            if !quota.admits(message.as_str()) {
                continue;
            }
            let finding = reporter.report(artifact, fact.site(), message, escape(evidence));
            if let Some(finding) = finding {
                finding.severity = severity;
                finding.subject = subject;
            }
        }
    }
}

fn reference(purpose: &str, target: &str) -> Option<(Severity, String)> {
    let target = escape(target);
    Some(match purpose {
        "custom code" => {
            (Severity::Low, format!("the model needs code of its own folder: `{target}`"))
        }
        "code folder" => (
            Severity::Low,
            format!("loading adds the folder `{target}` to where modules are found"),
        ),
        "code of another repository" => {
            let message = format!(
                "the model needs code of another repository, which nobody has read here: `{target}`"
            );
            (Severity::Medium, message)
        }
        "kernel repository" => {
            let message = format!(
                "loading fetches and imports the kernels of `{target}`, in some versions without \
                 being asked to trust them"
            );
            (Severity::High, message)
        }
        _ => return None,
    })
}

/// A configuration that trusts code. In that of a model it speaks for the user.
fn trusts(artifact: &Artifact, owner: &str) -> (Severity, String) {
    let model = artifact.is("json") && artifact.name().ends_with("config.json");
    let place = if owner.is_empty() { "the configuration" } else { owner };
    let message =
        format!("`trust_remote_code` is set in {}: code of a repository may run", escape(place));
    (if model { Severity::Medium } else { Severity::Low }, message)
}

fn registered(function: &str) -> (Severity, String) {
    let function = escape(function);
    let message =
        format!("the pipeline needs the function `{function}`, which some other package registers");
    (Severity::Low, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect};
    use davy_artifact::Site;

    fn severity(target: &str, purpose: &'static str) -> Option<Severity> {
        let site = Site::default();
        let fact = Fact::Reference { target: target.into(), purpose, site };
        let found = detect(&RemoteCode, &artifact("json", vec![fact]));
        found.first().map(|finding| finding.severity)
    }

    #[test]
    fn the_farther_away_the_code_the_worse() {
        assert_eq!(severity("modeling_x.X", "custom code"), Some(Severity::Low));
        assert_eq!(severity("o/r--m.X", "code of another repository"), Some(Severity::Medium));
        assert_eq!(severity("o/r", "kernel repository"), Some(Severity::High));
        assert_eq!(severity("x.bin", "weights"), None);
    }

    #[test]
    fn trust_in_the_configuration_of_a_model_is_worse_than_in_a_recipe() {
        let severity = |path: &str| {
            let fact = Fact::Attribute {
                owner: String::new(),
                name: "trust_remote_code".into(),
                value: Value::Bool(true),
                site: Site::default(),
            };
            let mut artifact = artifact("json", vec![fact]);
            artifact.path = path.into();
            detect(&RemoteCode, &artifact)[0].severity
        };
        assert_eq!(severity("config.json"), Severity::Medium);
        assert_eq!(severity("recipe.json"), Severity::Low);
    }
}
