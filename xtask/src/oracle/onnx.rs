//! ONNX models and tensors: everything that the `onnx` package finds in a file, node by node and
//! tensor by tensor, has to be what davy finds in it, and nothing else.

use super::process::{Process, Record};
use crate::args::Args;
use crate::{Outcome, say};
use davy_artifact::{Fact, Input, Probe, Reading, Role, Route, Value};
use davy_bytes::{Budget, Bytes, Halt, Span};
use davy_formats::FORMATS;
use davy_formats::onnx::{self, AttributeRecord, NodeRecord, SHOWN, Sink, TensorRecord};
use davy_formats::protobuf::Wire;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::error::Error;

/// Lines that are shown of a file that davy reads otherwise.
const TOLD: usize = 8;

/// `oracle onnx`.
pub fn onnx(args: &mut Args) -> Outcome {
    let python = args.value("--python")?.unwrap_or_else(|| "python3".to_owned());
    let mut words = vec!["models".to_owned(), "package".to_owned()];
    words.extend(args.values("--corpus")?);
    args.finish()?;
    let mut process = Process::start(&python, "onnx_models", &words)?;
    let (mut files, mut things, mut failed) = (0_u64, 0_usize, 0_u64);
    while let Some(Record { bytes, answer }) = process.next()? {
        let answer: Json = serde_json::from_str(&answer)?;
        let path = answer["path"].as_str().unwrap_or_default();
        files += 1;
        match compare(bytes, &answer) {
            Ok(count) => things += count,
            Err(what) => {
                failed += 1;
                say(format_args!("{path}: {what}"));
            }
        }
    }
    say(format_args!("{files} files with {things} things in them, {failed} read otherwise"));
    match (files, failed) {
        (0, _) => Err(format!("{python} read no file").into()),
        (_, 0) => Ok(()),
        _ => Err(format!("davy reads {failed} files otherwise").into()),
    }
}

/// How many things both find; an error names those that only one does.
fn compare(bytes: Vec<u8>, answer: &Json) -> Result<usize, Box<dyn Error>> {
    let bytes = Bytes::from_memory(bytes);
    let is_model = answer["what"] == "model";
    let id = if is_model { "onnx" } else { "onnx-data" };
    let head = bytes.copy(Span::new(0, 4096), 4096)?;
    let input = Input { bytes: &bytes, name: "x", role: Role::Loaded };
    let format = FORMATS.iter().find(|format| format.id() == id).ok_or("no such format")?;
    if format.probe(&head, &input) == Probe::No {
        return Err("not recognised".into());
    }
    let (mut reading, mut budget) = (Reading::default(), Budget::default());
    let mut dump = Dump::default();
    if is_model {
        onnx::walk(&bytes, &mut reading, &mut budget, &mut dump)?;
        dump.facts(&reading);
    } else {
        onnx::walk_data(&bytes, &mut reading, &mut budget, &mut dump)?;
    }
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    let lines = answer["lines"].as_array().ok_or("no lines")?;
    for line in lines.iter().filter_map(Json::as_str) {
        *counts.entry(line).or_default() += 1;
    }
    for line in &dump.lines {
        *counts.entry(line).or_default() -= 1;
    }
    let wrong: Vec<_> = counts.into_iter().filter(|(_, count)| *count != 0).collect();
    if wrong.is_empty() {
        return Ok(lines.len());
    }
    let shown = wrong.iter().take(TOLD).map(|(line, count)| {
        let who = if *count > 0 { "only onnx" } else { "only davy" };
        format!("\n    {who}: {line}")
    });
    Err(format!("{} lines differ{}", wrong.len(), shown.collect::<String>()).into())
}

/// Writes everything down as the Python side does.
#[derive(Default)]
struct Dump {
    lines: Vec<String>,
}

impl Sink for Dump {
    fn node(&mut self, _: &str, node: &NodeRecord, wire: &mut Wire) -> Result<(), Halt> {
        let names = [node.name, node.op_type, node.domain];
        let names = texts(&names, wire)?.join(" ");
        let inputs = texts(&node.inputs, wire)?.join(",");
        let outputs = texts(&node.outputs, wire)?.join(",");
        let mut attributes = Vec::new();
        for it in &node.attributes {
            attributes.push(attribute(it, wire)?);
        }
        let attributes = attributes.join("; ");
        self.lines.push(format!("node {names} in=[{inputs}] out=[{outputs}] [{attributes}]"));
        Ok(())
    }

    fn tensor(&mut self, _: &str, it: &TensorRecord, wire: &mut Wire) -> Result<(), Halt> {
        let name = text(it.name, wire)?;
        let dims: Vec<String> = it.dims.iter().map(i64::to_string).collect();
        let raw = it.raw.map_or_else(|| "no".to_owned(), |raw| raw.len.to_string());
        let mut typed: Vec<String> =
            it.typed.iter().map(|(field, count)| format!("'{field}={count}'")).collect();
        typed.retain(|entry| !entry.ends_with("=0'"));
        typed.sort();
        let external: Vec<String> =
            it.external.iter().map(|(key, value)| format!("'{key}={value}'")).collect();
        let place = if it.is_external { "True" } else { "False" };
        self.lines.push(format!(
            "tensor {name} {} [{}] raw={raw} [{}] {place} [{}]",
            it.data_type,
            dims.join(","),
            typed.join(", "),
            external.join(", ")
        ));
        Ok(())
    }
}

impl Dump {
    fn facts(&mut self, reading: &Reading) {
        let mut operators: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for fact in &reading.facts {
            let line = match fact {
                Fact::Operator { operator, count, .. } => {
                    let domain = operator.domain.as_str();
                    let domain = if domain == "ai.onnx" { "" } else { domain };
                    *operators.entry((domain, &operator.name)).or_default() += count;
                    continue;
                }
                Fact::Attribute { owner, .. } if owner == "external data" => continue,
                Fact::Attribute { owner, name, value, .. } => described(owner, name, value),
                Fact::Object { path, kind, .. } => format!("{kind} {path}"),
                Fact::Reference { target, .. } => format!("location {target}"),
                Fact::Tensor { tensor, site } if matches!(site.route, Route::Tensor(_)) => {
                    let (name, dtype) = (&tensor.storage, &tensor.dtype);
                    format!("initializer {name} {dtype} {:?}", tensor.size)
                }
                _ => continue,
            };
            self.lines.push(line);
        }
        let operators = operators.into_iter();
        self.lines.extend(
            operators.map(|((domain, name), count)| format!("operator {domain} {name} {count}")),
        );
    }
}

/// An attribute of the model as the Python side has it.
fn described(owner: &str, name: &str, value: &Value) -> String {
    let bytes = match value {
        Value::Text(excerpt) => excerpt.head.as_slice(),
        _ => &[],
    };
    let whole = String::from_utf8_lossy(bytes);
    match (owner, value) {
        ("", Value::Int(number)) => format!("{name} {number}"),
        ("", _) => format!("{name} {}", shown(bytes, bytes.len())),
        ("opset_import", value) => format!("opset {name}={value}"),
        ("graph inputs", _) => format!("input {name} {whole}"),
        ("graph outputs", _) => format!("output {name} {whole}"),
        _ => format!("metadata {name}={}", whole.chars().take(256).collect::<String>()),
    }
}

fn shown(bytes: &[u8], len: usize) -> String {
    let head = &bytes[..bytes.len().min(SHOWN)];
    let digits: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{len}:{digits}")
}

fn text(span: Span, wire: &mut Wire) -> Result<String, Halt> {
    Ok(shown(wire.head(span, SHOWN)?, davy_bytes::to_usize(span.len)))
}

fn texts(spans: &[Span], wire: &mut Wire) -> Result<Vec<String>, Halt> {
    spans.iter().map(|span| text(*span, wire)).collect()
}

fn single(number: f64) -> String {
    let single: f32 = number.to_string().parse().unwrap_or(f32::NAN);
    single.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(it: &AttributeRecord, wire: &mut Wire) -> Result<String, Halt> {
    let mut parts = vec![text(it.name, wire)?, it.kind.to_string()];
    parts.extend(it.f.map(|f| format!("f={}", single(f))));
    parts.extend(it.i.map(|i| format!("i={i}")));
    if let Some(s) = it.s {
        parts.push(format!("s={}", text(s, wire)?));
    }
    if let Some(reference) = it.reference {
        parts.push(format!("ref={}", text(reference, wire)?));
    }
    let strings = texts(&it.strings.0, wire)?;
    let lists = [
        ("floats", it.floats.1, it.floats.0.iter().map(|f| single(*f)).collect()),
        ("ints", it.ints.1, it.ints.0.iter().map(i64::to_string).collect()),
        ("strings", it.strings.1, strings),
    ];
    let there = lists.into_iter().filter(|(_, count, _)| *count > 0);
    parts.extend(there.map(|(name, count, shown): (_, _, Vec<String>)| {
        format!("{name}={count}[{}]", shown.join(","))
    }));
    let [t, g, sparse] =
        [it.all_tensors().count(), it.subgraphs().count(), it.all_sparse().count()];
    Ok(format!("{} t={t} g={g} sparse={sparse}", parts.join(" ")))
}
