//! # unsafe-operator
//!
//! ## What it finds
//!
//! A TensorFlow graph has an operator that reads or writes files, opens connections, calls Python or
//! runs another graph, and what it is given makes that more than what every saved model does. What
//! it is given is followed through the graph and its functions to constants; a path that is put
//! together of nothing but constants is as good as a constant. A picture or sound that is decoded and
//! that stands in the graph itself is told too.
//!
//! ## Why it matters
//!
//! A graph is a program. `WriteFile` with a constant path writes that file on the machine of whoever
//! runs the model, `ReadFile` reads it, and neither asks. Some operators run as soon as the model is
//! loaded, and they may stand in any function of the library.
//!
//! ## How it can be wrong
//!
//! Pipelines that read their training data are exported with it. Saving and restoring variables
//! under a path that the caller gives, tables that are read from assets, and printing to the terminal
//! are ordinary and not reported.
//!
//! ## What to do
//!
//! Do not load the model outside of a sandbox; ask its author for one without the operator.
//!
//! ## References
//!
//! * TensorFlow, "Using TensorFlow Securely": models are programs
//! * CVE-2022-23584, CVE-2022-23585: memory errors of a decoder of pictures
//! * CWE-73, CWE-94; MITRE ATLAS AML.T0011.000, AML.T0018.001

use super::tensorflow_operators::{Effect, Known, Runs, lookup, operators};
use crate::behaviour::named;
use crate::facts::{ALIKE, Quota, times};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Call, Value};

static RULE: Rule = Rule {
    id: "unsafe-operator",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::FileAccess,
    summary: "an operator of a graph reaches files, addresses or Python",
    remediation: "do not load the model outside of a sandbox; ask its author for one without the \
                  operator",
    cwe: &[73, 94],
    atlas: &["AML.T0011.000", "AML.T0018.001"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("tensorflow_unsafe_operator.rs"),
};

/// Texts that joining makes and that are looked at.
const CHOICES: usize = 64;

pub(crate) struct UnsafeOperator;

/// What a path or address is, the more telling the later.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Target {
    /// None at all.
    Empty,
    /// A file that comes with the model.
    Asset,
    /// What whoever runs the model gives.
    Fed,
    /// What cannot be known from the file.
    Computed,
    /// What a variable has, which comes with the model.
    Variable,
    /// A constant within the folder that the program runs in.
    Relative(String),
    /// A constant that leads anywhere else: absolute, with `..`, or an address.
    Outside(String),
}

impl Detector for UnsafeOperator {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for runs in operators(artifact).filter(Runs::by_tensorflow) {
            let Some(known) = lookup(&runs.operator.name) else { continue };
            let given = known.target(runs.operator);
            let target = given.map_or(Target::Computed, target);
            let Some(severity) = judge(known, &target, runs.format) else { continue };
            if !quota.admits(format!("{} {severity:?}", known.name)) {
                continue;
            }
            let shown = match (known.effect, given) {
                (Effect::Decode, Some(given)) => given.to_string(),
                _ => show(&target, given),
            };
            let does = known.effect.does();
            let message = format!("operator `{}` {does} {shown}{}", known.name, times(runs.count));
            if let Some(finding) = reporter.report(artifact, runs.site, message, evidence(&runs)) {
                finding.severity = severity;
                finding.threat = known.effect.threat();
                finding.indicators = given.and_then(Value::text).map(named).unwrap_or_default();
                if matches!(target, Target::Computed | Target::Fed | Target::Variable) {
                    finding.confidence = Confidence::Medium;
                }
            }
        }
    }
}

/// How bad an operator is that works with `target`; nothing where that is ordinary.
fn judge(known: &Known, target: &Target, format: &str) -> Option<Severity> {
    use Severity::{High, Low, Medium};
    use Target::{Asset, Computed, Empty, Fed, Outside, Relative, Variable};
    // Meta graphs are what training leaves behind: their pipelines read data, and what they restore
    // is where the training was.
    let training = format == "tf-meta-graph";
    match (known.effect, target) {
        (Effect::Compute | Effect::Library, _) => None,
        // No model has to write a file, and where to is for the caller to say.
        (Effect::FileWrite, Fed | Empty) => Some(Medium),
        (Effect::FileWrite, _) => Some(High),
        (Effect::FileRead, Outside(_)) => Some(High),
        (Effect::FileRead, Asset | Empty) => None,
        (Effect::FileRead, Fed | Computed | Variable) if training => Some(Low),
        // Who runs a model may name the files that it reads; who made it has no reason to.
        (Effect::FileRead, Variable) => Some(High),
        (Effect::FileRead, _) => Some(Medium),
        (Effect::CheckpointWrite, Outside(_)) => Some(High),
        (Effect::CheckpointRead, Outside(_)) => Some(if training { Low } else { Medium }),
        (Effect::CheckpointRead | Effect::CheckpointWrite, _) => None,
        (Effect::FileVocabulary, Outside(_)) => Some(if training { Low } else { High }),
        (Effect::FileVocabulary, Relative(_)) => Some(Low),
        (Effect::FileVocabulary, _) => None,
        (Effect::FileRecords | Effect::FileList, Outside(_)) => {
            Some(if training { Low } else { High })
        }
        (Effect::FileRecords | Effect::FileList, Relative(_)) => {
            Some(if training { Low } else { Medium })
        }
        (Effect::FileRecords | Effect::FileList, Asset | Empty) => None,
        (Effect::FileRecords | Effect::FileList, _) => Some(Low),
        // Both make files, of what passes through them.
        (Effect::FileCache | Effect::FileLog, Outside(_)) => {
            Some(if training { Low } else { High })
        }
        (Effect::FileCache | Effect::FileLog, Relative(_)) => Some(Low),
        (Effect::FileCache | Effect::FileLog, _) => None,
        (Effect::FileQueue, Outside(_)) => Some(if training { Low } else { High }),
        (Effect::FileQueue, Relative(_)) => Some(if training { Low } else { Medium }),
        (Effect::FileQueue, _) => None,
        (Effect::Debug | Effect::Print, Outside(_)) => Some(High),
        (Effect::Debug | Effect::Print, _) => None,
        (Effect::Native | Effect::Network | Effect::Python, _) => {
            Some(if training { Medium } else { High })
        }
        // Pictures come from whoever runs a model. What a file brings was made for the decoder.
        (Effect::Decode, Relative(_) | Outside(_)) => Some(Medium),
        (Effect::Decode, _) => None,
        (Effect::Config | Effect::Graph, _) => Some(Medium),
    }
}

/// What a value is as a path or address; of several, the most telling.
fn target(value: &Value) -> Target {
    match value {
        Value::Text(text) => match text.text() {
            Some(text) => path(text),
            None => path(&String::from_utf8_lossy(&text.head)),
        },
        Value::Bytes(bytes) => path(&String::from_utf8_lossy(&bytes.head)),
        Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
            items.iter().map(target).max().unwrap_or(Target::Empty)
        }
        Value::Call(call) => of_call(call),
        Value::Unknown(why) if why.contains("runs") => Target::Fed,
        Value::Unknown("a variable") => Target::Variable,
        _ => Target::Computed,
    }
}

/// What an operator makes: of joined texts, the first decides where they lead.
fn of_call(call: &Call) -> Target {
    let Value::Name(name) = &call.callee else { return Target::Computed };
    match name.module.as_str() {
        "asset" => Target::Asset,
        "StringJoin" | "Add" | "AddV2" if let Some(texts) = joined(call) => {
            texts.iter().map(|text| path(text)).max().unwrap_or(Target::Empty)
        }
        "StringJoin" | "Add" | "AddV2" | "ReduceJoin" | "ShardedFilename" | "ShardedFilespec"
        | "StringFormat" | "Substr" | "StringLower" | "StringUpper" | "StringStrip"
        | "RegexReplace" | "StaticRegexReplace" | "AsString" => {
            let first = call.args.first().map_or(Target::Computed, target);
            let is_shuffled =
                !matches!(name.module.as_str(), "ShardedFilename" | "ShardedFilespec");
            // Who makes a path out of nothing but constants, in other ways than joining them, hides it.
            if is_shuffled && is_constant(call) { first.max(hidden(call)) } else { first }
        }
        "DecodeBase64"
        | "DecodeCompressed"
        | "DecodeRaw"
        | "StringSplit"
        | "StringSplitV2"
        | "UnicodeDecode"
        | "UnicodeEncode"
        | "UnicodeTranscode"
        | "UnsortedSegmentJoin"
            if is_constant(call) =>
        {
            hidden(call)
        }
        _ => Target::Computed,
    }
}

/// The texts that joining constants makes, one for each choice; nothing where a part is not known.
fn joined(call: &Call) -> Option<Vec<String>> {
    let separator = call.kwargs.iter().find(|(name, _)| name == "separator");
    let separator = separator.and_then(|(_, value)| plain(value)).unwrap_or_default();
    let mut texts = vec![String::new()];
    for (index, part) in call.args.iter().enumerate() {
        let choices: Vec<String> = match part {
            Value::Set(choices) => choices.iter().map(plain).collect::<Option<_>>()?,
            one => vec![plain(one)?],
        };
        if texts.len().saturating_mul(choices.len()) > CHOICES {
            return None;
        }
        let between = if index == 0 { "" } else { separator.as_str() };
        let with = |text: &String| {
            choices.iter().map(|choice| format!("{text}{between}{choice}")).collect::<Vec<_>>()
        };
        texts = texts.iter().flat_map(with).collect();
    }
    Some(texts)
}

/// A whole text.
fn plain(value: &Value) -> Option<String> {
    let Value::Text(text) = value else { return None };
    text.text().map(str::to_owned)
}

/// Whether a call works on nothing but constants.
fn is_constant(call: &Call) -> bool {
    let mut is_known = true;
    call.walk(&mut |part| is_known &= !matches!(part, Value::Unknown(_) | Value::More(_)));
    is_known
}

fn hidden(call: &Call) -> Target {
    Target::Outside(Value::Call(Box::new(call.clone())).to_string())
}

fn path(text: &str) -> Target {
    let drive = text.as_bytes().get(1) == Some(&b':');
    let leads_out = text.starts_with(['/', '\\', '~'])
        || text.contains("://")
        || drive
        || text.split(['/', '\\']).any(|part| part == "..");
    match text {
        "" => Target::Empty,
        _ if leads_out => Target::Outside(text.to_owned()),
        _ => Target::Relative(text.to_owned()),
    }
}

fn show(target: &Target, given: Option<&Value>) -> String {
    match (target, given) {
        (Target::Outside(text) | Target::Relative(text), _) => {
            format!("`{}`", davy_bytes::escape(text))
        }
        (Target::Empty, _) => "nothing".to_owned(),
        (_, Some(value)) => format!("{value}"),
        (_, None) => "what cannot be known from the file".to_owned(),
    }
}

/// The operator with what it is given, as a call.
pub(crate) fn evidence(runs: &Runs<'_>) -> String {
    let operator = runs.operator;
    let call = Call {
        callee: Value::Name(davy_artifact::Name::new(operator.name.as_str(), "")),
        args: operator.inputs.clone(),
        kwargs: operator.attributes.clone(),
        manner: davy_artifact::Manner::Called,
    };
    call.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect, text};
    use davy_artifact::{Fact, Name, Operator, Site};

    fn severity_in(
        format: &'static str,
        name: &str,
        inputs: Vec<Value>,
        attributes: &[(&str, Value)],
    ) -> Option<Severity> {
        let domain = if format == "tflite" { "flex" } else { "" };
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let (domain, name) = (domain.to_owned(), name.to_owned());
        let operator = Operator { domain, name, inputs, attributes };
        let fact = Fact::Operator { operator, count: 1, site: Site::default() };
        let found = detect(&UnsafeOperator, &artifact(format, vec![fact]));
        found.first().map(|finding| finding.severity)
    }

    fn severity(name: &str, inputs: Vec<Value>) -> Option<Severity> {
        severity_in("tf-saved-model", name, inputs, &[])
    }

    fn made(op: &str, args: Vec<Value>) -> Value {
        Value::Call(Box::new(Call {
            callee: Value::Name(Name::new(op, "")),
            args,
            kwargs: vec![],
            manner: davy_artifact::Manner::Called,
        }))
    }

    const FED: Value = Value::Unknown("fed when it runs");

    #[test]
    fn constant_paths_are_high() {
        assert_eq!(severity("WriteFile", vec![text("/tmp/x"), text("y")]), Some(Severity::High));
        assert_eq!(severity("WriteFile", vec![text("x"), text("y")]), Some(Severity::High));
        assert_eq!(severity("ReadFile", vec![text("/etc/passwd")]), Some(Severity::High));
        assert_eq!(severity("ReadFile", vec![text("a/../../b")]), Some(Severity::High));
        assert_eq!(severity("ReadFile", vec![FED]), Some(Severity::Medium));
        assert_eq!(severity("MatMul", vec![text("/etc/passwd")]), None);
        let flex = severity_in("tflite", "WriteFile", vec![text("/tmp/x")], &[]);
        assert_eq!(flex, Some(Severity::High));
    }

    #[test]
    fn what_the_model_itself_brings_as_a_path_weighs_more_than_what_is_fed() {
        let variable = || Value::Unknown("a variable");
        assert_eq!(severity("ReadFile", vec![variable()]), Some(Severity::High));
        let training = severity_in("tf-meta-graph", "ReadFile", vec![variable()], &[]);
        assert_eq!(training, Some(Severity::Low));
        let queued = |path| severity("ReaderReadV2", vec![Value::Unknown("computed"), path]);
        assert_eq!(queued(text("/etc/passwd")), Some(Severity::High));
        assert_eq!(queued(Value::Unknown("what is put into a queue")), None);
        let cache = |path| severity("CacheDatasetV2", vec![variable(), path]);
        assert_eq!(cache(text("/tmp/x")), Some(Severity::High));
        assert_eq!(cache(text("")), None);
    }

    #[test]
    fn attributes_say_which_files_kernels_read_as_they_are_made() {
        let of = |op, name, value| severity_in("tf-graph", op, vec![], &[(name, text(value))]);
        let sampler = |value| of("FixedUnigramCandidateSampler", "vocab_file", value);
        assert_eq!((sampler("/etc/passwd"), sampler("")), (Some(Severity::High), None));
        assert_eq!(of("Skipgram", "filename", "/etc/passwd"), Some(Severity::High));
        assert_eq!(of("RecordInput", "file_pattern", "/etc/*"), Some(Severity::High));
    }

    #[test]
    fn what_every_saved_model_does_is_silent() {
        let prefix = || {
            let suffix = Value::Set(vec![text(".part"), text("_temp/part")]);
            made("ShardedFilename", vec![made("StringJoin", vec![FED, suffix]), Value::Int(0)])
        };
        assert_eq!(severity("SaveV2", vec![prefix()]), None);
        assert_eq!(severity("MergeV2Checkpoints", vec![Value::List(vec![prefix()]), FED]), None);
        assert_eq!(severity("RestoreV2", vec![FED]), None);
        assert_eq!(severity("SaveV2", vec![text("model")]), None);
        let asset = made("asset", vec![text("vocab.txt")]);
        assert_eq!(severity("InitializeTableFromTextFileV2", vec![Value::None, asset]), None);
    }

    #[test]
    fn checkpoints_elsewhere_are_told() {
        let there = made("StringJoin", vec![text("/root/.ssh/"), FED]);
        assert_eq!(severity("SaveV2", vec![there]), Some(Severity::High));
        assert_eq!(severity("RestoreV2", vec![text("/data/m.ckpt")]), Some(Severity::Medium));
        let meta = severity_in("tf-meta-graph", "RestoreV2", vec![text("/data/m.ckpt")], &[]);
        assert_eq!(meta, Some(Severity::Low));
    }

    #[test]
    fn pictures_come_from_whoever_runs_the_model() {
        assert_eq!(severity("DecodePng", vec![FED]), None);
        assert_eq!(severity("DecodePng", vec![text("PNG")]), Some(Severity::Medium));
    }

    #[test]
    fn attributes_say_where_debuggers_and_printers_write() {
        let of = |op, name, value| severity_in("tf-graph", op, vec![FED], &[(name, value)]);
        assert_eq!(of("PrintV2", "output_stream", text("stderr")), None);
        assert_eq!(of("PrintV2", "output_stream", text("file:///x")), Some(Severity::High));
        let urls = |url| Value::List(vec![text(url)]);
        assert_eq!(of("DebugIdentityV2", "debug_urls", urls("grpc://h:1")), Some(Severity::High));
        assert_eq!(of("DebugIdentity", "debug_urls", Value::List(vec![])), None);
        assert_eq!(of("PyFunc", "token", text("pyfunc_0")), Some(Severity::High));
    }

    #[test]
    fn paths_that_are_made_of_constants_are_known() {
        let hidden = made("RegexReplace", vec![text("XetcXpasswd"), text("X"), text("/")]);
        assert_eq!(severity("ReadFile", vec![hidden]), Some(Severity::High));
        let fed = made("RegexReplace", vec![FED, text("X"), text("/")]);
        assert_eq!(severity("ReadFile", vec![fed]), Some(Severity::Medium));
        let joined = |parts: &[&str]| made("StringJoin", parts.iter().map(|it| text(it)).collect());
        assert_eq!(severity("SaveV2", vec![joined(&["model", "_temp/part"])]), None);
        assert_eq!(severity("SaveV2", vec![joined(&["a/.", "./../b"])]), Some(Severity::High));
        assert_eq!(severity("ReadFile", vec![joined(&["/e", "tc"])]), Some(Severity::High));
        let letters = made("UnicodeEncode", vec![Value::List(vec![Value::Int(47)])]);
        assert_eq!(severity("ReadFile", vec![letters]), Some(Severity::High));
        let computed = Value::Unknown("computed");
        assert_eq!(severity("WriteFile", vec![computed]), Some(Severity::High));
        assert_eq!(severity("TextLineDataset", vec![text("/etc/passwd")]), Some(Severity::High));
        assert_eq!(severity("TextLineDataset", vec![text("a.txt")]), Some(Severity::Medium));
    }
}
