//! # package-source
//!
//! ## What it finds
//!
//! Python source inside a model calls something that runs commands, loads code, writes files or
//! reaches the network.
//!
//! ## Why it matters
//!
//! The loader of such a package imports the source, and importing runs it: `torch.package` needs no
//! pickle to run an attacker's code, and neither does a model that asks for `trust_remote_code`. Where no
//! loader is known to import the source, what its functions do is low, since whoever runs it by hand has
//! decided to, and what importing it does is high at most: servers of models import what lies in archives.
//! What importing does by itself weighs more than what a function may do later: a processor that fetches a
//! picture, a class that loads a checkpoint. Parts of libraries that run code, such as compilers of
//! networks and pipelines, are what source is written with and low.
//!
//! ## How it can be wrong
//!
//! Calls stand in functions that are never called, and code that trains or serves a model has
//! reasons to open files and connections. davy does not follow what calls what in source text. Formulas
//! and classes that a function evaluates by a computed name are medium.
//!
//! ## What to do
//!
//! Read the lines that are named. Load the package only where you would run its source.
//!
//! ## References
//!
//! * PyTorch documentation, `torch.package`: packages run code when they are imported
//! * CWE-829, CWE-94; MITRE ATLAS AML.T0011.000, AML.T0011.001

use super::harm;
use crate::behaviour::Observer;
use crate::facts::{ALIKE, Quota, known, written};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Manner, Role, Value};

static RULE: Rule = Rule {
    id: "package-source",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::CodeExecution,
    summary: "Python source in a model runs commands, loads code, writes files or uses the network",
    remediation: "read the lines that are named, and load the package only where you would run its \
                  source",
    cwe: &[829, 94],
    atlas: &["AML.T0011.000", "AML.T0011.001"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("package_source.rs"),
};

pub(crate) struct PackageSource;

impl Detector for PackageSource {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let calls = written(artifact).filter_map(|(format, fact)| match fact {
            Fact::Call { call, .. } if format == "python" => Some(call),
            _ => None,
        });
        let mut observer = Observer::of(calls, reporter.programs());
        for (format, fact) in written(artifact) {
            let Fact::Call { call, site, .. } = fact else { continue };
            if format != "python" {
                continue;
            }
            let name = match &call.callee {
                Value::Name(name) => Some(name),
                _ => None,
            };
            let known = name.and_then(known).filter(|known| !known.is_derived());
            let Some((severity, does)) = harm(call) else { continue };
            let callee = call.callee.to_string();
            if !quota.admits(&callee) {
                continue;
            }
            let when = match call.manner {
                Manner::Deferred => "in a function",
                _ => "as soon as it is imported",
            };
            let message = format!("source text calls `{callee}` {when}, which {does}");
            if let Some(finding) = reporter.report(artifact, site, message, call.to_string()) {
                finding.severity = match artifact.role {
                    Role::Loaded => severity,
                    _ if call.manner == Manner::Deferred => Severity::Low,
                    _ => severity.min(unasked(artifact)),
                };
                if let Some(known) = known {
                    finding.threat = known.effect.threat();
                }
                observer.about(call).into_finding(Some(finding));
            }
        }
    }
}

/// How bad source is at most that lies in an archive, and that no loader is known to import: servers of
/// models and installers do, and what builds a package starts compilers.
fn unasked(artifact: &Artifact) -> Severity {
    let file = artifact.name().rsplit('/').next().unwrap_or_default();
    let builds = ["conf.py", "conftest.py", "setup.py"].contains(&file);
    let lies_about = artifact.role == Role::Present && artifact.name().ends_with(".py");
    match (lies_about, builds) {
        (true, false) => Severity::High,
        (true, true) => Severity::Medium,
        (false, _) => Severity::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, calls, detect, name, text};

    #[test]
    fn the_role_and_the_call_decide() {
        let system = || calls(name("os", "system"), vec![text("id")]);
        let mut source = artifact("python", vec![system()]);
        assert_eq!(detect(&PackageSource, &source)[0].severity, Severity::Critical);
        source.role = Role::Present;
        assert_eq!(detect(&PackageSource, &source)[0].severity, Severity::Low);
        for (file, expected) in [("inference.py", Severity::High), ("setup.py", Severity::Medium)] {
            source.path = format!("model.tar!code/{file}");
            assert_eq!(detect(&PackageSource, &source)[0].severity, expected);
        }
        for (module, function) in [("dataclasses", "dataclass"), ("torch.jit", "is_tracing")] {
            let declares = calls(name(module, function), vec![text("x")]);
            assert!(detect(&PackageSource, &artifact("python", vec![declares])).is_empty());
        }
        let lookup = calls(name("builtins", "getattr"), vec![text("x"), text("y")]);
        assert!(detect(&PackageSource, &artifact("python", vec![lookup])).is_empty());
        assert!(detect(&PackageSource, &artifact("pickle", vec![system()])).is_empty());
    }
}
