//! Networks with a backdoor in their graph, and ordinary ones: davy has to tell them apart.

use super::process::{Process, Record};
use crate::args::Args;
use crate::{Outcome, say};
use davy_artifact::Fact;
use serde_json::Value as Json;

/// The scripts that make networks, by what they make, and a word that each is told.
const SCRIPTS: &[(&str, &str, Option<&str>)] = &[
    ("onnx", "onnx_backdoors", None),
    ("onnx-unseen", "onnx_backdoors_unseen", None),
    ("onnx-third", "onnx_backdoors_third", None),
    ("onnx-fourth", "onnx_backdoors_fourth", None),
    ("onnx-fifth", "onnx_backdoors_fifth", None),
    ("tensorflow", "tensorflow_backdoors", None),
    ("tensorflow-unseen", "tensorflow_backdoors_unseen", None),
    ("tensorflow-third", "tensorflow_backdoors_third", None),
    ("tflite", "tensorflow_backdoors_third", Some("tflite")),
    ("keras", "keras_backdoors", None),
    ("keras-tflite", "keras_backdoors", Some("tflite")),
];

/// Of networks with and of networks without a backdoor: how many there are, and in how many davy
/// sees one.
#[derive(Clone, Copy, Default)]
struct Counts {
    with: [u32; 2],
    without: [u32; 2],
}

/// `oracle backdoor`.
pub fn backdoor(args: &mut Args) -> Outcome {
    let python = args.value("--python")?.unwrap_or_else(|| "python3".to_owned());
    let only = args.values("--only")?;
    let mut words = vec!["make".to_owned()];
    words.extend(args.values("--corpus")?);
    args.finish()?;
    let mut enough = true;
    for (kind, script, word) in SCRIPTS {
        if !only.is_empty() && !only.iter().any(|it| it == kind) {
            continue;
        }
        let told: Vec<String> = words.iter().cloned().chain(word.map(str::to_owned)).collect();
        let counts = compare(&python, script, kind, &told)?;
        let Counts { with: [with, found], without: [without, flagged] } = counts;
        say(format_args!(
            "{kind}: {found} of {with} backdoors found, {flagged} of {without} others flagged"
        ));
        enough &= found * 10 >= with * 9 && flagged * 1000 <= without && with > 0;
    }
    if enough { Ok(()) } else { Err("too many are missed or flagged".into()) }
}

fn compare(
    python: &str,
    script: &str,
    kind: &str,
    words: &[String],
) -> Result<Counts, Box<dyn std::error::Error>> {
    let mut process = Process::start(python, script, words)?;
    let mut counts = Counts::default();
    while let Some(Record { bytes, answer }) = process.next()? {
        let answer: Json = serde_json::from_str(&answer)?;
        let name = answer["name"].as_str().unwrap_or_default();
        let (reading, _) = super::read(answer["format"].as_str().unwrap_or(kind), &bytes)?;
        if let Some(gap) = reading.gaps.first() {
            say(format_args!("{name}: {}", gap.what));
        }
        let path = reading.facts.iter().find_map(|fact| match fact {
            Fact::Override { it, .. } => Some(it.path.join(" > ")),
            _ => None,
        });
        let has = answer["backdoor"] == true;
        let [all, seen] = if has { &mut counts.with } else { &mut counts.without };
        *all += 1;
        *seen += u32::from(path.is_some());
        match path {
            Some(path) if !has => say(format_args!("{name} has none: {path}")),
            None if has => say(format_args!("{name} is missed")),
            _ => {}
        }
    }
    Ok(counts)
}
