//! # unsafe-call
//!
//! ## What it finds
//!
//! Loading the file calls something that is known to do harm, with arguments that do not make it
//! harmless: `os.system('…')`, `builtins.eval('…')`, `open('/etc/passwd')`. The call may be direct,
//! by way of `map`, `functools.partial` and their like, through a method that the file has put into
//! an object, or behind a path such as `torch.serialization.os.system`.
//!
//! ## Why it matters
//!
//! A pickle is a program. Its calls run while it is loaded, before anybody sees a model, with the
//! rights of the process that loads it. Critical calls run code or commands, high ones read or write
//! files, reach the network or change the interpreter, medium ones do so under conditions. A call
//! that rebuilds a function or class from code in the file is as bad as what its parts name, and
//! high where they cannot be seen. Source text that stands in the file is as bad as what it does, and
//! never less than high.
//!
//! Commands, source and calls that together show what they are for have tags (`reverse-shell`,
//! `credential-access` and others), each with the text that shows it: `docs/behaviour.md` lists
//! them. What no honest file does makes a high finding critical.
//!
//! ## How it can be wrong
//!
//! Some libraries pickle calls of their own that are in the table of callables because an attacker
//! can use them as well. The evidence shows the arguments; `davy inspect` shows what surrounds the
//! call. A call of `loads` with bytes that stand in the file is high and no more: these bytes are
//! read as an artifact of their own, and what they do is reported there.
//!
//! ## What to do
//!
//! Do not load the file. Take the model from its publisher in a format that holds only tensors, such
//! as safetensors, and tell whoever hosts this file. Where it has been loaded already, treat the
//! machine as compromised.
//!
//! ## References
//!
//! * Python Library Reference, `pickle`: warning at the top of the page
//! * CWE-502, CWE-94; MITRE ATLAS AML.T0011.000, AML.T0018.002

use crate::behaviour::{Observer, target as target_of};
use crate::code::Examiner;
use crate::facts::{
    ALIKE, Performed, Quota, calls, concern, doubt, fillings, is_given, is_settings, known, pose,
    target, times, weigh,
};
use crate::judge::{Judgement, judge};
use crate::knowledge::{self, Effect, Known};
use crate::references::path::{Leads, leads};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Call, Manner, Name, Value};
use std::borrow::Cow;

static RULE: Rule = Rule {
    id: "unsafe-call",
    severity: Severity::Critical,
    confidence: Confidence::High,
    threat: Threat::CodeExecution,
    summary: "loading calls something that is known to do harm",
    remediation: "do not load the file; take the model in a format that holds only tensors, such \
                  as safetensors, and where it was loaded already treat the machine as compromised",
    cwe: &[502, 94],
    atlas: &["AML.T0011.000", "AML.T0018.002"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("unsafe_call.rs"),
};

pub(crate) struct UnsafeCall;

impl Detector for UnsafeCall {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let mut examiner = Examiner::of(artifact).asking(reporter.programs());
        let performed = calls(artifact);
        let made = performed.iter().map(|performed| performed.call);
        let mut observer = Observer::of(made, reporter.programs());
        let filled = fillings(artifact);
        for &performed in performed.iter().chain(&filled) {
            let Some((name, known, judgement)) = judged(performed.call, &mut examiner) else {
                continue;
            };
            // A flood of what is less bad must not hide what is worse.
            let alike = format!("{} {}", judgement.severity.as_str(), name.dotted());
            if quota.admits(alike) {
                let message = message(performed, &name, &judgement, known);
                let evidence = performed.call.to_string();
                let mut finding = reporter.report(artifact, performed.site, message, evidence);
                concern(finding.as_deref_mut(), &name);
                let behaviour = observer.about(performed.call);
                pose(finding.as_deref_mut(), known.effect.threat());
                doubt(finding.as_deref_mut(), known);
                let settings = is_settings(artifact);
                let most = match () {
                    () if settings && is_recipe(performed.call, &name, known) => Severity::Low,
                    () if settings && only_fetches(performed.call, &name) => Severity::Medium,
                    () => Severity::Critical,
                };
                let severity = behaviour.weighs(judgement.severity.min(most));
                behaviour.into_finding(finding.as_deref_mut());
                weigh(finding, artifact, severity);
            }
        }
    }
}

/// What is called and does harm, or what the methods do that run on what it makes.
fn judged<'a>(
    call: &'a Call,
    examiner: &mut Examiner,
) -> Option<(Cow<'a, Name>, &'static Known, Judgement)> {
    if call.manner != Manner::Filled
        && let Some((name, known)) = harmful(call)
        && let Some(judgement) = judge(call, known, examiner)
    {
        return Some((name, known, judgement));
    }
    let name = target(call).filter(|_| matches!(call.manner, Manner::Filled | Manner::New))?;
    let (hook, known) = knowledge::hook(&name.dotted())?;
    let does = format!("has a `{hook}` that {}", known.effect.does());
    Some((name, known, Judgement::new(known.effect.severity(), does)))
}

/// What is called, where it is known to do harm.
fn harmful(call: &Call) -> Option<(Cow<'_, Name>, &'static Known)> {
    let name = target(call)?;
    let known = known(&name).filter(|known| known.effect != Effect::ScannerDeactivation)?;
    let made = call.manner == Manner::New || name.name.ends_with(".__new__");
    Some((name, if made { known } else { known.when_called() }))
}

/// Whether a call in settings makes a part of a recipe as a library means it: an object of a class that
/// was not reviewed to do harm, with nothing that leads elsewhere, or a seed for chance.
fn is_recipe(call: &Call, name: &Name, known: &Known) -> bool {
    let away = |text: &str| text.contains("://") || matches!(leads(text), Leads::Away(_));
    let leaves = is_given(call, away);
    let last = name.name.rsplit('.').next().unwrap_or_default();
    let is_wide = known.is_derived() || known.pattern.ends_with('*');
    let is_part = knowledge::is_class(last) && is_wide && known.effect != Effect::Exec;
    let root = name.module.split('.').next().unwrap_or_default();
    let seeds = known.effect == Effect::Mutate && last.contains("seed");
    (is_part || seeds) && !leaves && !knowledge::is_powerful_alone(root) && only_trusts_itself(call)
}

/// Whether a call does not trust the code that comes with a model.
fn only_trusts_itself(call: &Call) -> bool {
    let quiet = |value: &Value| matches!(value, Value::Bool(false) | Value::None);
    !call.kwargs.iter().any(|(key, value)| key == "trust_remote_code" && !quiet(value))
}

/// Whether a call only takes another model or data set by its name, as recipes of training do, and
/// does not trust the code there.
fn only_fetches(call: &Call, name: &Name) -> bool {
    let last = name.name.rsplit('.').next();
    let fetches = matches!(last, Some("from_pretrained" | "load_dataset" | "load_from_checkpoint"));
    fetches && only_trusts_itself(call)
}

fn message(
    Performed { call, count, .. }: Performed<'_>,
    name: &Name,
    judgement: &Judgement,
    known: &Known,
) -> String {
    let how = match call.manner {
        Manner::Called | Manner::Deferred => String::new(),
        Manner::Filled => ", given a state,".to_owned(),
        Manner::Hook(method) => format!(", put in place as `{method}`,"),
        Manner::New => ", made without its constructor,".to_owned(),
        Manner::Through(consumer) => format!(", called by `{consumer}`,"),
    };
    let at = match target_of(call, known.effect) {
        Some(place) if judgement.does == known.effect.does() => {
            format!(", here `{}`", davy_bytes::escape(&place))
        }
        _ => String::new(),
    };
    format!("`{name}`{how} {}{at}{}{}", judgement.does, times(count), known.advisory())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finding;
    use crate::facts::testing::{artifact, call, calls, detect, name, performs, pickle, text};
    use davy_artifact::{Excerpt, Role};

    fn severities(findings: &[Finding]) -> Vec<Severity> {
        findings.iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn commands_are_critical_and_shown() {
        let found = pickle(&UnsafeCall, vec![calls(name("os", "system"), vec![text("id")])]);
        assert_eq!(severities(&found), [Severity::Critical]);
        assert_eq!(found[0].evidence, "os.system('id')");
        assert!(found[0].message.contains("runs code or commands"), "{}", found[0].message);
    }

    #[test]
    fn through_a_consumer_and_as_a_hook_it_is_the_same_call() {
        for manner in [Manner::Through("builtins.map"), Manner::Hook("__setstate__")] {
            let mut call = call(name("builtins", "eval"), vec![text("1")]);
            call.manner = manner;
            assert_eq!(
                severities(&pickle(&UnsafeCall, vec![performs(call)])),
                [Severity::Critical]
            );
        }
    }

    #[test]
    fn indirection_of_what_is_harmless_is_silent() {
        let partial = name("functools", "partial");
        let harmless = calls(partial.clone(), vec![name("builtins", "len"), Value::Int(1)]);
        assert!(pickle(&UnsafeCall, vec![harmless]).is_empty());
        let unknown = calls(partial, vec![Value::Unknown("a computed value")]);
        assert_eq!(severities(&pickle(&UnsafeCall, vec![unknown])), [Severity::Medium]);
    }

    #[test]
    fn some_names_are_harmless_with_plain_data() {
        let encode = |value| vec![calls(name("_codecs", "encode"), vec![value, text("latin1")])];
        assert!(pickle(&UnsafeCall, encode(text("\u{80}"))).is_empty());
        let unknown = encode(Value::Unknown("a computed value"));
        assert_eq!(severities(&pickle(&UnsafeCall, unknown)), [Severity::Medium]);
    }

    #[test]
    fn the_mode_tells_reading_from_writing() {
        for (mode, does) in [("r", "for reading"), ("wb", "for writing")] {
            let open = calls(name("builtins", "open"), vec![text("/etc/passwd"), text(mode)]);
            let found = pickle(&UnsafeCall, vec![open]);
            assert!(found[0].message.contains(does), "{}", found[0].message);
        }
    }

    #[test]
    fn attributes_are_judged_by_where_they_lead() {
        let getattr = name("builtins", "getattr");
        let method = vec![name("collections", "OrderedDict"), text("fromkeys")];
        assert!(pickle(&UnsafeCall, vec![calls(getattr.clone(), method)]).is_empty());
        let inside = vec![name("collections", "OrderedDict"), text("__globals__")];
        let computed = vec![name("collections", "OrderedDict"), Value::Unknown("computed")];
        for args in [inside, computed] {
            let found = pickle(&UnsafeCall, vec![calls(getattr.clone(), args)]);
            assert_eq!(severities(&found), [Severity::High]);
        }
        let named = calls(name("operator", "attrgetter"), vec![text("os.system")]);
        assert_eq!(severities(&pickle(&UnsafeCall, vec![named])), [Severity::High]);
        let field = calls(name("operator", "attrgetter"), vec![text("x.y")]);
        assert!(pickle(&UnsafeCall, vec![field]).is_empty());
    }

    #[test]
    fn what_is_loaded_again_is_judged_by_where_it_comes_from() {
        let bytes = || Value::Bytes(Excerpt::whole(*b"\x80\x04."));
        let loads = |value| vec![calls(name("pickle", "loads"), vec![value])];
        assert_eq!(severities(&pickle(&UnsafeCall, loads(bytes()))), [Severity::High]);
        let unknown = loads(Value::Unknown("decompressed"));
        assert_eq!(severities(&pickle(&UnsafeCall, unknown)), [Severity::Critical]);
        let storage = calls(name("torch.storage", "_load_from_bytes"), vec![bytes()]);
        assert!(pickle(&UnsafeCall, vec![storage]).is_empty());
    }

    #[test]
    fn pickles_that_libraries_carry_in_their_own_are_judged_as_children() {
        let bytes = || Value::Bytes(Excerpt::whole(*b"\x80\x04."));
        let vocab = |getters: Value| {
            let before = vec![Value::None; 4];
            let args = [before, vec![getters, Value::None, Value::None]].concat();
            pickle(&UnsafeCall, vec![calls(name("spacy.vocab", "unpickle_vocab"), args)])
        };
        assert!(vocab(bytes()).is_empty());
        assert_eq!(severities(&vocab(Value::Unknown("computed"))), [Severity::Critical]);
        let custom = || name("numba.core.serialize", "_unpickle__CustomPickled");
        assert!(pickle(&UnsafeCall, vec![calls(custom(), vec![bytes()])]).is_empty());
    }

    #[test]
    fn a_walk_from_an_object_to_a_module_is_told() {
        let path = || Value::Call(Box::new(call(name("pathlib", "PosixPath"), vec![text("x")])));
        let getattr = |attribute| {
            let args = vec![path(), text(attribute)];
            severities(&pickle(&UnsafeCall, vec![calls(name("builtins", "getattr"), args)]))
        };
        assert_eq!(getattr("os"), [Severity::High]);
        assert_eq!(getattr("gi_frame"), [Severity::High]);
        assert!(getattr("stem").is_empty());
        // A key is no attribute.
        let key = calls(name("operator", "itemgetter"), vec![text("os"), text("system")]);
        assert!(pickle(&UnsafeCall, vec![key]).is_empty());
    }

    #[test]
    fn attributes_that_are_copied_onto_a_module_change_it() {
        let update = |target: Value| {
            let names = Value::Tuple(vec![text("system")]);
            let args = vec![target, name("collections", "OrderedDict"), names];
            severities(&pickle(&UnsafeCall, vec![calls(name("functools", "update_wrapper"), args)]))
        };
        let object = || Value::Call(Box::new(call(name("nobody.knows", "this"), vec![])));
        assert_eq!(
            update(Value::Attribute(Box::new(object()), "platform".into())),
            [Severity::High]
        );
        assert!(update(name("builtins", "len")).is_empty());
    }

    #[test]
    fn methods_of_data_are_known_to_those_who_call_them() {
        let partial = |base: Value, method: &str| {
            let method = Value::Attribute(Box::new(base), method.into());
            let call = calls(name("functools", "partial"), vec![method]);
            severities(&pickle(&UnsafeCall, vec![call]))
        };
        let made = |module, class| {
            let mut made = call(name(module, class), vec![]);
            made.manner = Manner::New;
            Value::Call(Box::new(made))
        };
        assert!(partial(made("configparser", "SectionProxy"), "get").is_empty());
        assert_eq!(partial(made("mine", "Model"), "get"), [Severity::Medium]);
    }

    #[test]
    fn importing_a_module_is_judged_by_the_module() {
        let import = |module| calls(name("importlib", "import_module"), vec![text(module)]);
        assert_eq!(severities(&pickle(&UnsafeCall, vec![import("os")])), [Severity::High]);
        assert_eq!(severities(&pickle(&UnsafeCall, vec![import("nobody")])), [Severity::High]);
        assert!(pickle(&UnsafeCall, vec![import("numpy.linalg")]).is_empty());
    }

    #[test]
    fn bytes_of_tensors_are_less_sure() {
        let facts = vec![calls(name("os", "system"), vec![text("id")])];
        let mut artifact = artifact("pickle", facts);
        assert_eq!(detect(&UnsafeCall, &artifact)[0].confidence, Confidence::High);
        artifact.role = Role::Storage;
        assert_eq!(detect(&UnsafeCall, &artifact)[0].confidence, Confidence::Medium);
    }

    #[test]
    fn a_class_made_without_its_constructor_loads_nothing() {
        let mut call = call(name("joblib.numpy_pickle", "NumpyArrayWrapper"), vec![]);
        call.manner = Manner::New;
        assert!(pickle(&UnsafeCall, vec![performs(call)]).is_empty());
    }

    #[test]
    fn settings_may_name_another_model_but_not_trust_its_code() {
        let severity = |kwargs: Vec<(String, Value)>| {
            let callee = name("transformers", "AutoModel.from_pretrained");
            let mut call = call(callee, vec![text("o/r")]);
            call.kwargs = kwargs;
            severities(&detect(&UnsafeCall, &artifact("yaml", vec![performs(call)])))
        };
        assert_eq!(severity(vec![]), [Severity::Medium]);
        let trusts = ("trust_remote_code".to_owned(), Value::Bool(true));
        assert_eq!(severity(vec![trusts]), [Severity::Critical]);
    }

    #[test]
    fn one_callee_cannot_flood_a_report() {
        let many = vec![calls(name("os", "system"), vec![text("id")]); 1000];
        assert!(pickle(&UnsafeCall, many).len() < 10);
    }
}
