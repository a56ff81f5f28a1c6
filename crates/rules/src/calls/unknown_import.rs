//! # unknown-import
//!
//! ## What it finds
//!
//! The file names something that davy knows nothing about: it is neither on the reviewed list of
//! harmless constructors nor on the list of what does harm.
//!
//! ## Why it matters
//!
//! Importing runs the module, and calling or building an object runs code that nobody has reviewed
//! for this use. Lists of what is dangerous are never complete, so what is unknown is never silent.
//!
//! ## How it can be wrong
//!
//! Often: classes of your own code, and of libraries that the list does not cover yet, are unknown.
//! The finding says so and no more.
//! It is high only where a function or a method, not a class, is called with what the file chooses. In a model of
//! Keras a custom object that the loading program defines is low, one of a module of its own medium,
//! and a module outside of Keras without a registered name, which Keras never writes, high. Settings
//! (`_target_`, `class_path` and their kin) name classes of many libraries, and of the project that
//! they are from: those are low, and functions medium. Functions of R that promises call are low: they are mostly those of
//! the session that made the file.
//!
//! ## What to do
//!
//! Read the source of what is named. Where it is your own, accept it in the policy with a reason;
//! where it is a library's, check what its `__reduce__`, `__setstate__` and constructor do.
//!
//! ## References
//!
//! * Python Library Reference, `pickle`: restricting globals
//! * CWE-829, CWE-502; MITRE ATLAS AML.T0011.000

use crate::facts::{
    APART, OBJECT_TAG, Quota, concern, is_keras, is_settings, known, loaded, spelled, weigh,
};
use crate::knowledge;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Manner, Name, Value};
use std::collections::BTreeMap;

static RULE: Rule = Rule {
    id: "unknown-import",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::UnsafeModule,
    summary: "the file names something that davy knows nothing about",
    remediation: "read the source of what is named; accept it in the policy, with a reason, where \
                  it is your own, and otherwise take the model in a format that holds only tensors",
    cwe: &[829, 502],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("unknown_import.rs"),
};

pub(crate) struct UnknownImport;

impl Detector for UnknownImport {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let facts = loaded(artifact);
        let uses = uses(&facts);
        let mut quota = Quota::of(APART);
        for fact in facts {
            let Fact::Import { name, by, site, .. } = fact else { continue };
            let custom = name.module == "__main__" && is_keras(artifact);
            if known(name).is_some() && !custom || !quota.admits("") {
                continue;
            }
            let used = uses.get(name).copied().unwrap_or(Use::Named);
            let (severity, message) = match is_keras(artifact) {
                true => by_keras(name, by, used),
                false => (severity(name, used), message(name, used)),
            };
            // Settings name classes and functions of all kinds of libraries, and of their own project.
            let mild = is_settings(artifact) && *by != OBJECT_TAG;
            let severity = if mild { severity.min(by_settings(by, name)) } else { severity };
            // Promises of honest models call whatever the session defined that made them.
            let severity = if name.module == Name::R { Severity::Low } else { severity };
            let mut finding = reporter.report(artifact, site, message, spelled(by, name));
            concern(finding.as_deref_mut(), name);
            weigh(finding, artifact, severity);
        }
    }
}

/// What is done with a global.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Use {
    Named,
    Built,
    Called,
}

fn message(name: &Name, used: Use) -> String {
    let does = match used {
        Use::Named => "named; its module would be imported",
        Use::Built => "made an instance of",
        Use::Called => "called",
    };
    if name.module == "__main__" {
        return format!(
            "`{name}` is {does}: it is whatever the loading script defines under that name"
        );
    }
    format!("`{name}` is {does}, and nothing is known about it")
}

/// A name in the configuration of a Keras model. Honest ones that are not Keras's own are registered
/// under a name, or were defined by the program that saved the model.
fn by_keras(name: &Name, by: &str, used: Use) -> (Severity, String) {
    let custom = CUSTOM.contains(&by);
    let brings = "its code is not in the file, and whoever loads the model has to bring it";
    if name.module == "__main__" {
        let message = format!("`{}` is a custom object: {brings}", davy_bytes::escape(&name.name));
        return (Severity::Low, message);
    }
    if custom {
        let module = davy_bytes::escape(&name.module);
        let message = format!("`{name}` is a custom object of the module `{module}`: {brings}");
        return (Severity::Medium, message);
    }
    if name.module.split('.').next() == Some("keras") {
        return (severity(name, used), message(name, used));
    }
    let message = format!(
        "{}, and it is not registered, as honest objects from outside of Keras are",
        message(name, used)
    );
    (Severity::High, message)
}

/// How bad an unknown name in settings is at most. The class of a pipeline's component is only
/// imported and asked for its weights.
/// What settings are for is to name classes of whoever wrote them.
fn by_settings(by: &str, name: &Name) -> Severity {
    // Of libraries that are known, what does harm is known.
    if by == "model_index.json" || is_class(name) || knowledge::has_harmless(&name.module) {
        Severity::Low
    } else {
        Severity::Medium
    }
}

/// How names of the user's own objects are looked up.
const CUSTOM: &[&str] = &["custom object", "registered name"];

/// A function that nobody has reviewed runs with arguments that the file chooses; a class that is
/// made or called mostly holds data; a name that is not used only imports its module.
fn severity(name: &Name, used: Use) -> Severity {
    match used {
        Use::Named if is_method_of_data(name) => Severity::Low,
        Use::Called if !is_class(name) => Severity::High,
        _ => Severity::Medium,
    }
}

/// Whether a name is spelled as one of a class, or of how a class makes an object.
fn is_class(name: &Name) -> bool {
    let mut parts = name.name.rsplit('.').filter(|part| !matches!(*part, "__init__" | "__new__"));
    parts.next().is_some_and(knowledge::is_class)
}

/// The strongest use of each global.
fn uses<'a>(facts: &[&'a Fact]) -> BTreeMap<&'a Name, Use> {
    let mut uses = BTreeMap::new();
    for fact in facts {
        let Fact::Call { call, .. } = fact else { continue };
        let Value::Name(name) = &call.callee else { continue };
        let used = if call.manner == Manner::New { Use::Built } else { Use::Called };
        let strongest = uses.entry(name).or_insert(used);
        *strongest = used.max(*strongest);
    }
    uses
}

/// Whether this is a method of a class that is only data: bound methods are pickled as such.
fn is_method_of_data(name: &Name) -> bool {
    let class = name.name.rsplit_once('.').map(|(class, _)| Name::new(&name.module, class));
    class.is_some_and(|class| known(&class).is_some_and(|known| known.effect.is_harmless()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, calls, detect, imports, imports_by, name, pickle};

    #[test]
    fn unknown_is_never_silent_and_says_what_is_done() {
        let unknown = || imports("nobody.knows", "This");
        let found = pickle(&UnknownImport, vec![unknown()]);
        assert_eq!(found[0].severity, Severity::Medium);
        assert!(found[0].message.contains("imported"), "{}", found[0].message);
        let found =
            pickle(&UnknownImport, vec![unknown(), calls(name("nobody.knows", "This"), vec![])]);
        assert!(found[0].message.contains("called"), "{}", found[0].message);
        assert_eq!(found[0].severity, Severity::Medium);
        let function =
            vec![imports("nobody.knows", "this"), calls(name("nobody.knows", "this"), vec![])];
        assert_eq!(pickle(&UnknownImport, function)[0].severity, Severity::High);
        // A method of a class runs as much as a function does.
        let method = "This.run";
        let method =
            vec![imports("nobody.knows", method), calls(name("nobody.knows", method), vec![])];
        assert_eq!(pickle(&UnknownImport, method)[0].severity, Severity::High);
    }

    #[test]
    fn what_is_known_is_not_unknown() {
        let known = vec![imports("collections", "OrderedDict"), imports("os", "system")];
        assert!(pickle(&UnknownImport, known).is_empty());
    }

    #[test]
    fn a_bound_method_of_data_is_low() {
        let method = imports_by("collections", "OrderedDict.fromkeys", "getattr");
        let found = pickle(&UnknownImport, vec![method]);
        assert_eq!(found[0].severity, Severity::Low);
    }

    #[test]
    fn settings_are_medium_at_most_unless_tags_make_objects() {
        let severity = |by: &'static str| {
            let called = calls(name("nobody.knows", "this"), vec![]);
            let artifact = artifact("yaml", vec![imports_by("nobody.knows", "this", by), called]);
            detect(&UnknownImport, &artifact)[0].severity
        };
        assert_eq!(severity("_target_"), Severity::Medium);
        assert_eq!(severity("model_index.json"), Severity::Low);
        assert_eq!(severity(OBJECT_TAG), Severity::High);
    }

    #[test]
    fn custom_objects_of_keras_are_told_from_modules_that_it_never_writes() {
        let severity = |module: &str, by: &'static str| {
            let artifact = artifact("keras", vec![imports_by(module, "Layer", by)]);
            detect(&UnknownImport, &artifact).first().map(|finding| finding.severity)
        };
        assert_eq!(severity("__main__", "custom object"), Some(Severity::Low));
        assert_eq!(severity("my_package.layers", "custom object"), Some(Severity::Medium));
        assert_eq!(severity("evil_pkg.sub", "deserialize"), Some(Severity::High));
        assert_eq!(severity("keras.src.layers.core.dense", "deserialize"), None);
    }
}
