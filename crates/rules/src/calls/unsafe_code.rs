//! # unsafe-code
//!
//! ## What it finds
//!
//! The file brings the code of a function, and that code does harm: it runs commands, evaluates
//! text, opens files, reaches the network, imports modules that give everything away, or hides what
//! it does behind computed names, insides of objects or byte code that no compiler writes. Such
//! functions travel in `Lambda` layers of Keras, in pickles by cloudpickle and dill, and as
//! compiled modules.
//!
//! ## Why it matters
//!
//! The function runs when the model is built or used, often already while it is loaded, with the
//! rights of the process. Nobody has to call it, and no source of it is anywhere but in this file.
//! Each call is judged as one in a pickle is: critical where it runs code or commands, high where it
//! reads or writes files, reaches the network or hides such a thing. `davy` follows the data flow of
//! the byte code; it runs none of it.
//!
//! ## How it can be wrong
//!
//! A class that a data scientist pickled by value may well read a file or ask for an attribute by a
//! computed name; for a layer of arithmetic there is no reason to. What the code only names, without
//! a call that was seen, is reported with medium confidence. Global variables are taken for what
//! they are called by convention (`tf`, `np`, `K`): a model of Keras cannot bind them to anything
//! else, but the program that loads it can. What a pickle binds them to is judged where it stands.
//! Functions of R that use files or the network are medium: workspaces are saved with whatever the
//! session defined.
//!
//! ## What to do
//!
//! Read the listing with whoever made the file. Do not load it while nobody can say why a model
//! needs this; ask for the layer as a named class of a published package instead. Where it has been
//! loaded already, treat the machine as compromised.
//!
//! ## References
//!
//! * Keras documentation, `Lambda` layer: it is saved as byte code, and is not portable
//! * CVE-2024-3660, CVE-2025-9905, CVE-2026-12481
//! * CWE-502, CWE-94, CWE-506; MITRE ATLAS AML.T0011.000, AML.T0018.002

use crate::behaviour::Observer;
use crate::code::{Deed, Examiner, is_foreign, is_of_r, listing, look, several, when, who};
use crate::facts::{ALIKE, APART, Quota, loaded, weigh};
use crate::sources::harm;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Code, Fact, When};

static RULE: Rule = Rule {
    id: "unsafe-code",
    severity: Severity::Critical,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "a function that the file brings runs commands, opens files, uses the network or hides",
    remediation: "read the listing with whoever made the file and do not load it without a reason \
                  for what it does; ask for the layer as a class of a published package instead",
    cwe: &[502, 94, 506],
    atlas: &["AML.T0011.000", "AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("unsafe_code.rs"),
};

pub(crate) struct UnsafeCode;

impl Detector for UnsafeCode {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let (mut alike, mut apart) = (Quota::of(ALIKE), Quota::of(APART));
        let mut examiner = Examiner::of(artifact).asking(reporter.programs());
        for fact in loaded(artifact) {
            let Fact::Code { code, site } = fact else { continue };
            let deeds = match artifact.is("pyc") {
                true => deeds_of_module(code),
                false => deeds(code, &mut examiner),
            };
            let Some(worst) = deeds.first() else { continue };
            let evidence = listing(code);
            if !alike.admits(evidence.as_str()) || !apart.admits("") {
                continue;
            }
            let said: Vec<&str> = deeds.iter().map(|deed| deed.says.as_str()).collect();
            let message = format!("{} {}{}", who(code, site), several(&said), when(code));
            let observer = Observer::of(code.calls.iter(), reporter.programs());
            let mut finding = reporter.report(artifact, site, message, evidence);
            let behaviour = observer.whole();
            let severity = behaviour.weighs(of_session(code, worst.severity));
            behaviour.into_finding(finding.as_deref_mut());
            if let Some(finding) = finding {
                finding.subject = Subject::Code;
                if !worst.seen {
                    finding.confidence = Confidence::Medium;
                }
                weigh(Some(finding), artifact, severity);
            }
        }
    }
}

/// How bad it is where a function of R opens files or reaches the network once somebody calls it: saved
/// workspaces are full of such functions.
fn of_session(code: &Code, severity: Severity) -> Severity {
    let waits = is_of_r(code) && code.when != When::Loaded;
    if waits && severity == Severity::High { Severity::Medium } else { severity }
}

/// What a module that was compiled does: the same as its source would, which names and calls far more
/// than a layer does.
fn deeds_of_module(code: &Code) -> Vec<Deed> {
    let calls = code.calls.iter().filter_map(|call| {
        let (severity, does) = harm(call)?;
        let says = format!("calls `{call}`, which {does}");
        (severity > Severity::Low).then_some(Deed { severity, says, seen: true })
    });
    with_oddities(code, calls.collect())
}

/// What a function does, and what is wrong with its byte code.
fn deeds(code: &Code, examiner: &mut Examiner) -> Vec<Deed> {
    with_oddities(code, look(code, examiner).deeds)
}

/// Adds what is wrong with byte code to what it does, the worst first.
fn with_oddities(code: &Code, mut deeds: Vec<Deed>) -> Vec<Deed> {
    deeds.extend(code.unseen.iter().find(|what| is_foreign(what)).map(|what| {
        let what = davy_bytes::escape(what);
        let says = format!("cannot be read as honest code can: {what}");
        Deed { severity: Severity::High, says, seen: true }
    }));
    deeds.sort_by_key(|deed| std::cmp::Reverse((deed.severity, deed.seen)));
    deeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::testing::{code, lambda};
    use crate::facts::testing::{call, name, pickle, text};
    use davy_artifact::{Name, Value};

    /// The severity and the message about a function that makes these calls.
    fn judged(callee: Value, args: Vec<Value>) -> Option<(Severity, String)> {
        let found = pickle(&UnsafeCode, vec![code(lambda(vec![call(callee, args)]))]);
        found.first().map(|finding| (finding.severity, finding.message.clone()))
    }

    fn severity(callee: Value, args: Vec<Value>) -> Option<Severity> {
        judged(callee, args).map(|(severity, _)| severity)
    }

    fn input() -> Value {
        Value::Unknown("a parameter")
    }

    #[test]
    fn arithmetic_is_silent_whatever_it_is_called_on() {
        for (module, function) in [
            ("tf", "nn.relu"),
            ("tf", "keras.backend.mean"),
            ("tensorflow", "image.resize"),
            ("K", "mean"),
            ("np", "mean"),
            ("math", "sqrt"),
            ("keras", "ops.softmax"),
            ("builtins", "len"),
            ("builtins", "print"),
            ("builtins", "isinstance"),
        ] {
            assert_eq!(
                severity(name(module, function), vec![input()]),
                None,
                "{module}.{function}"
            );
        }
        let reshape = Value::Attribute(Box::new(input()), "reshape".into());
        assert_eq!(severity(reshape, vec![Value::Int(-1)]), None);
        let shape = vec![input(), text("shape")];
        assert_eq!(severity(name("builtins", "getattr"), shape), None);
    }

    #[test]
    fn harm_is_told_with_its_call_and_what_is_unknown_is_not_harm() {
        let (worst, message) = judged(name("os", "system"), vec![text("id")]).unwrap();
        assert_eq!(worst, Severity::Critical);
        assert_eq!(
            message,
            "a function that the file brings calls `os.system('id')`, which runs code or commands \
             that the file chooses; it runs when the model is built or used"
        );
        for (callee, args, expected) in [
            (name("builtins", "eval"), vec![input()], Some(Severity::Critical)),
            (name("builtins", "open"), vec![text("/etc/passwd")], Some(Severity::High)),
            (name("tf", "io.read_file"), vec![input()], Some(Severity::High)),
            (name("tf", "keras.utils.get_file"), vec![text("x")], Some(Severity::High)),
            (name("python_types", "FunctionType"), vec![input()], Some(Severity::High)),
            (name("builtins", "getattr"), vec![input(), input()], Some(Severity::High)),
            (name("builtins", "map"), vec![name("os", "system")], Some(Severity::Critical)),
            (name("my_package", "layer"), vec![], None),
        ] {
            assert_eq!(severity(callee.clone(), args), expected, "{callee}");
        }
        let to_file = Value::Attribute(Box::new(input()), "tofile".into());
        assert_eq!(severity(to_file, vec![text("/tmp/x")]), Some(Severity::High));
        let walk = Value::Attribute(Box::new(input()), "__class__".into());
        let walk = Value::Attribute(Box::new(walk), "__subclasses__".into());
        assert_eq!(severity(walk, vec![]), Some(Severity::High));
    }

    #[test]
    fn names_count_where_no_call_explains_them() {
        let mut body = lambda(vec![call(name("tf", "io.decode_png"), vec![input()])]);
        body.names = ["tf", "io", "decode_png", "shape"].map(str::to_owned).to_vec();
        assert!(pickle(&UnsafeCode, vec![code(body.clone())]).is_empty());
        body.names.extend(["os".to_owned(), "system".to_owned()]);
        let found = pickle(&UnsafeCode, vec![code(body)]);
        assert_eq!(
            (found[0].severity, found[0].confidence),
            (Severity::Critical, Confidence::Medium)
        );
    }

    #[test]
    fn imports_count_by_themselves() {
        let mut body = lambda(vec![]);
        body.imports = vec![Name::new("socket", "")];
        assert_eq!(pickle(&UnsafeCode, vec![code(body.clone())])[0].severity, Severity::High);
        body.imports = vec![Name::new("numpy", ""), Name::new("math", "sqrt")];
        assert!(pickle(&UnsafeCode, vec![code(body)]).is_empty());
    }
}
