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
//! It is high only where a function, not a class, is called with what the file chooses.
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

use crate::facts::{APART, Quota, known, loaded, spelled, weigh};
use crate::knowledge;
use crate::{Confidence, Detector, Reporter, Rule, Severity};
use davy_artifact::{Artifact, Fact, Manner, Name, Value};
use std::collections::BTreeMap;

static RULE: Rule = Rule {
    id: "unknown-import",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
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
            if known(name).is_some() || !quota.admits("") {
                continue;
            }
            let used = uses.get(name).copied().unwrap_or(Use::Named);
            let message = message(name, used);
            let evidence = spelled(by, name);
            let finding = reporter.report(artifact, site, message, evidence);
            weigh(finding, artifact, severity(name, used));
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

/// A function that nobody has reviewed runs with arguments that the file chooses; a class that is
/// made or called mostly holds data; a name that is not used only imports its module.
fn severity(name: &Name, used: Use) -> Severity {
    match used {
        Use::Named if is_method_of_data(name) => Severity::Low,
        Use::Called if !name.name.split('.').any(knowledge::is_class) => Severity::High,
        _ => Severity::Medium,
    }
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
    use crate::facts::testing::{calls, imports, imports_by, name, pickle};

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
}
