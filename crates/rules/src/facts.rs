//! How detectors walk the facts of an artifact: each once, and grouped so that no file can flood a
//! report.

use crate::knowledge::{self, Effect, Known};
use crate::{Confidence, Finding, Severity, Subject, Threat};
use davy_artifact::{Artifact, Call, Fact, Identity, Manner, Name, Role, Site, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Findings of one rule about the same callable or kind of break in one artifact.
pub(crate) const ALIKE: u64 = 8;

/// Findings of one rule about different names in one artifact.
pub(crate) const APART: u64 = 500;

/// Formats whose facts are what source text says, not what a loader does.
const SOURCES: &[&str] = &["go-template", "jinja", "python", "torchscript"];

/// The facts about what a loader does, each once although several formats may explain the bytes.
pub(crate) fn loaded(artifact: &Artifact) -> Vec<&Fact> {
    let tells = |identity: &&Identity| !identity.reading.facts.is_empty();
    let is_alone = artifact.identities.iter().filter(tells).nth(1).is_none();
    let mut seen = BTreeSet::new();
    let mut facts = Vec::new();
    let mut behind_the_first = false;
    for identity in &artifact.identities {
        if SOURCES.contains(&identity.format) {
            continue;
        }
        if is_alone {
            facts.extend(&identity.reading.facts);
            continue;
        }
        for fact in &identity.reading.facts {
            let key = (fact.site().span, fact.kind(), label(fact));
            if !behind_the_first || !seen.contains(&key) {
                facts.push(fact);
                seen.insert(key);
            }
        }
        behind_the_first |= !identity.reading.facts.is_empty();
    }
    facts
}

/// Whether an artifact is a model of Keras, in any of its forms.
pub(crate) fn is_keras(artifact: &Artifact) -> bool {
    artifact.identities.iter().any(|identity| identity.format.starts_with("keras"))
}

/// Whether an artifact is a graph that a runtime runs node by node.
pub(crate) fn is_graph(artifact: &Artifact) -> bool {
    const GRAPHS: &[&str] = &["onnx", "ort", "tf-", "tflite"];
    let graph = |format: &str| GRAPHS.iter().any(|graph| format.starts_with(graph));
    artifact.identities.iter().any(|identity| graph(identity.format))
}

/// Formats of settings, whose keys name what a library is to build.
const SETTINGS: &[&str] = &["json", "spacy-config", "yaml"];

/// How names are looked up by tags that make any object, which no settings are made with.
pub(crate) const OBJECT_TAG: &str = "YAML tag";

/// Whether an artifact is a configuration, and no model of Keras: naming classes is what it is for.
pub(crate) fn is_settings(artifact: &Artifact) -> bool {
    let settings = |format: &str| SETTINGS.contains(&format);
    artifact.identities.iter().any(|identity| settings(identity.format)) && !is_keras(artifact)
}

/// Whether an artifact is a model of Keras or stands in one; weights are told by their name.
pub(crate) fn in_keras(artifact: &Artifact, artifacts: &[Artifact]) -> bool {
    let up = |artifact: &&Artifact| artifact.parent.and_then(|parent| artifacts.get(parent));
    let mut around = std::iter::successors(Some(artifact), up).take(artifacts.len());
    around.any(|artifact| is_keras(artifact) || artifact.name().ends_with(".weights.h5"))
}

/// Whether a global is the layer of Keras that runs a function of the file. In a model it is as bad
/// as that function.
pub(crate) fn is_lambda(name: &Name) -> bool {
    name.name == "Lambda" && name.module.split('.').any(|part| part == "keras")
}

/// The facts that source text states, with the format it was read as.
pub(crate) fn written(artifact: &Artifact) -> impl Iterator<Item = (&'static str, &Fact)> {
    artifact
        .identities
        .iter()
        .filter(|identity| SOURCES.contains(&identity.format))
        .flat_map(|identity| identity.reading.facts.iter().map(|fact| (identity.format, fact)))
}

/// What tells facts of the same kind and place apart.
fn label(fact: &Fact) -> String {
    match fact {
        Fact::Assign { key, .. } => key.to_string(),
        Fact::Attribute { name, .. } => name.clone(),
        Fact::Call { call, .. } => call.callee.to_string(),
        Fact::Branch { output, .. } => output.clone(),
        Fact::Code { code, .. } => code.name.clone(),
        Fact::Import { name, .. } => name.dotted(),
        Fact::Object { path, .. } => path.clone(),
        Fact::Operator { operator, .. } => operator.name.clone(),
        Fact::Override { it, .. } => it.replacement.clone(),
        Fact::Member { name, .. } => name.clone(),
        Fact::Reference { target, .. } => target.clone(),
        Fact::Tensor { tensor, .. } => tensor.storage.clone(),
    }
}

/// A call that loading performs, how often, and where first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Performed<'a> {
    pub(crate) call: &'a Call,
    pub(crate) count: u64,
    pub(crate) site: &'a Site,
}

/// The calls that loading performs.
pub(crate) fn calls(artifact: &Artifact) -> Vec<Performed<'_>> {
    performed(artifact, |manner| manner != Manner::Filled)
}

/// Objects that were made by a call and are given a state.
pub(crate) fn fillings(artifact: &Artifact) -> Vec<Performed<'_>> {
    performed(artifact, |manner| manner == Manner::Filled)
}

fn performed(artifact: &Artifact, wanted: fn(Manner) -> bool) -> Vec<Performed<'_>> {
    let performed = |fact| match fact {
        &Fact::Call { ref call, count, ref site } if wanted(call.manner) => {
            Some(Performed { call, count, site })
        }
        _ => None,
    };
    loaded(artifact).into_iter().filter_map(performed).collect()
}

/// The callee, where it is a global.
pub(crate) fn callee(call: &Call) -> Option<&Name> {
    match &call.callee {
        Value::Name(name) => Some(name),
        _ => None,
    }
}

/// What is called, where it is a global or a type that a global is asked for by name.
pub(crate) fn target(call: &Call) -> Option<Cow<'_, Name>> {
    match &call.callee {
        Value::Name(name) => Some(Cow::Borrowed(name)),
        Value::Call(lookup) => type_of_name(lookup).map(Cow::Owned),
        _ => None,
    }
}

/// Whether a value is a function or class that the file itself brings.
pub(crate) fn is_built(value: &Value) -> bool {
    let Value::Call(made) = value else { return false };
    let effect = target(made).and_then(|name| known(&name)).map(|known| known.effect);
    effect.is_some_and(Effect::builds)
}

/// Whether a value is plain data or itself built from parts that the file brings, which another
/// rule judges: functions and classes pickled by value are given such attributes.
pub(crate) fn is_part(value: &Value) -> bool {
    let mut part = true;
    visit_handed(std::iter::once(value), &mut |value| {
        let plain = match value {
            Value::Attribute(..) | Value::Extension(_) | Value::Module(_) | Value::Name(_) => false,
            Value::Persistent(_) | Value::Unknown(_) => false,
            Value::Call(_) => is_built(value),
            _ => true,
        };
        part &= plain;
    });
    part
}

/// What dill and cloudpickle call types that are no globals under their own name.
const TYPES: &[(&str, &str, &str)] = &[
    ("AttrGetterType", "operator", "attrgetter"),
    ("ClassType", "builtins", "type"),
    ("FileType", "io", "FileIO"),
    ("ItemGetterType", "operator", "itemgetter"),
    ("PartialType", "functools", "partial"),
    ("SuperType", "builtins", "super"),
    ("TextWrapperType", "io", "TextIOWrapper"),
];

/// The type that `dill._dill._load_type('…')` and `cloudpickle.cloudpickle._builtin_type('…')`
/// return: a built-in one or one of the module `types`.
pub(crate) fn type_of_name(call: &Call) -> Option<Name> {
    let lookup = callee(call)?;
    let asks = matches!(
        (lookup.module.rsplit('.').next()?, lookup.name.as_str()),
        ("_dill" | "dill", "_load_type") | ("cloudpickle" | "cloudpickle_fast", "_builtin_type")
    );
    let resolves = known(lookup).is_some_and(|known| known.effect == Effect::Resolve);
    let [argument] = call.args.as_slice() else { return None };
    let name = argument.text().filter(|_| asks && resolves)?;
    let renamed = TYPES.iter().find(|(other, ..)| *other == name);
    let (module, name) = match renamed {
        Some((_, module, name)) => (*module, *name),
        None if knowledge::exact_lookup("builtins", name).is_some() => ("builtins", name),
        None => ("types", name),
    };
    Some(Name::new(module, name))
}

/// What is known about a global.
pub(crate) fn known(name: &Name) -> Option<&'static Known> {
    knowledge::lookup(&name.module, &name.name)
}

/// An import as evidence: how the name is looked up, and the name as the opcodes spell it.
pub(crate) fn spelled(by: &str, name: &Name) -> String {
    davy_bytes::escape(format!("{by} {} {}", name.module, name.name).trim_end())
}

/// Every global that is handed over as it is among `values`: not the callees of calls whose
/// results are handed over.
pub(crate) fn handed<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<&'a Name> {
    let mut names = Vec::new();
    visit_handed(values, &mut |value| {
        if let Value::Name(name) = value {
            names.push(name);
        }
    });
    names
}

/// Visits `values` and what is in them, without looking into calls.
pub(crate) fn visit_handed<'a>(
    values: impl Iterator<Item = &'a Value>,
    visit: &mut dyn FnMut(&'a Value),
) {
    let mut pending: Vec<&Value> = values.collect();
    pending.reverse();
    while let Some(value) = pending.pop() {
        visit(value);
        match value {
            Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
                pending.extend(items.iter().rev());
            }
            Value::Dict(items) => {
                pending.extend(items.iter().rev().flat_map(|(key, value)| [value, key]));
            }
            _ => {}
        }
    }
}

/// All arguments of a call.
pub(crate) fn arguments(call: &Call) -> impl Iterator<Item = &Value> {
    call.args.iter().chain(call.kwargs.iter().map(|(_, value)| value))
}

/// Whether one of the texts in what a call is given is as asked for.
pub(crate) fn is_given(call: &Call, asked: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    for argument in arguments(call) {
        argument.walk(&mut |part| found |= part.text().is_some_and(&asked));
    }
    found
}

/// Counts how often something was said, so that a file cannot drown what matters.
#[derive(Debug)]
pub(crate) struct Quota {
    limit: u64,
    said: BTreeMap<String, u64>,
}

impl Quota {
    /// Room for `limit` findings about each subject.
    pub(crate) fn of(limit: u64) -> Self {
        Self { limit, said: BTreeMap::new() }
    }

    /// Whether there is room for one more finding about `subject`.
    pub(crate) fn admits(&mut self, subject: impl Into<String>) -> bool {
        let said = self.said.entry(subject.into()).or_default();
        *said = said.saturating_add(1);
        *said <= self.limit
    }
}

/// Says what a finding is about, so that advisories about it are found.
pub(crate) fn concern(finding: Option<&mut Finding>, name: &Name) {
    if let Some(finding) = finding {
        finding.subject = Subject::Name(name.dotted());
    }
}

/// Says which kind of threat a finding is.
pub(crate) fn pose(finding: Option<&mut Finding>, threat: Threat) {
    if let Some(finding) = finding {
        finding.threat = threat;
    }
}

/// Sets how bad a finding is; what looks like a program in the bytes of a tensor may be chance.
pub(crate) fn weigh(finding: Option<&mut Finding>, artifact: &Artifact, severity: Severity) {
    let Some(finding) = finding else { return };
    finding.severity = severity;
    if artifact.role == Role::Storage {
        finding.confidence = finding.confidence.min(Confidence::Medium);
    }
}

/// Lowers the confidence in a finding about a callable whose effect was derived and that nobody has
/// reviewed.
pub(crate) fn doubt(finding: Option<&mut Finding>, known: &Known) {
    if let Some(finding) = finding
        && known.is_derived()
    {
        finding.confidence = finding.confidence.min(Confidence::Medium);
    }
}

/// ` (12 times)`, where it happens more than once.
pub(crate) fn times(count: u64) -> String {
    if count > 1 { format!(" ({count} times)") } else { String::new() }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Makes facts and artifacts for the tests of detectors.

    use crate::{Detector, Finding, Reporter};
    use davy_artifact::{
        Artifact, Call, Excerpt, Fact, Identity, Manner, Name, Reading, Role, Site, Value,
    };

    pub(crate) fn name(module: &str, name: &str) -> Value {
        Value::Name(Name::new(module, name))
    }

    pub(crate) fn text(text: &str) -> Value {
        Value::Text(Excerpt::whole(text))
    }

    pub(crate) fn call(callee: Value, args: Vec<Value>) -> Call {
        Call { callee, args, kwargs: vec![], manner: Manner::Called }
    }

    pub(crate) fn calls(callee: Value, args: Vec<Value>) -> Fact {
        performs(call(callee, args))
    }

    pub(crate) fn performs(call: Call) -> Fact {
        Fact::Call { call, count: 1, site: Site::default() }
    }

    pub(crate) fn imports(module: &str, name: &str) -> Fact {
        imports_by(module, name, "GLOBAL")
    }

    pub(crate) fn imports_by(module: &str, name: &str, by: &'static str) -> Fact {
        Fact::Import { name: Name::new(module, name), spelled: None, by, site: Site::default() }
    }

    pub(crate) fn assigns(target: Value, key: &str, value: Value) -> Fact {
        Fact::Assign { target, key: text(key), value, site: Site::default() }
    }

    pub(crate) fn artifact(format: &'static str, facts: Vec<Fact>) -> Artifact {
        let reading = Reading { facts, ..Reading::default() };
        Artifact {
            path: "x".into(),
            size: 100,
            sha256: None,
            role: Role::Loaded,
            parent: None,
            identities: vec![Identity { format, reading }],
            gaps: vec![],
        }
    }

    /// A finding of the first rule, about nothing.
    pub(crate) fn finding() -> Finding {
        let mut findings = Vec::new();
        let rule = crate::CATALOG[0].rule();
        let mut reporter = Reporter::new(rule, &mut findings);
        let site = Site::default();
        if let Some(finding) = reporter.report(&artifact("pickle", vec![]), &site, "", "") {
            finding.severity = crate::Severity::High;
        }
        findings.remove(0)
    }

    pub(crate) fn detect(detector: &dyn Detector, artifact: &Artifact) -> Vec<Finding> {
        let mut findings = Vec::new();
        detector.artifact(artifact, &mut Reporter::new(detector.rule(), &mut findings));
        findings
    }

    /// What `detector` says about a pickle with these facts.
    pub(crate) fn pickle(detector: &dyn Detector, facts: Vec<Fact>) -> Vec<Finding> {
        detect(detector, &artifact("pickle", facts))
    }
}
