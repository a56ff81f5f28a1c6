//! TensorFlow: the nodes, operators, functions, signatures, assets and variables that its own
//! messages have in a file have to be those that davy finds, and no others.

use super::lines;
use crate::Outcome;
use crate::args::Args;
use davy_artifact::{Fact, Reading};
use davy_bytes::{Budget, Bytes};
use davy_formats::tensorflow::{Whole, nodes};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::error::Error;

/// `oracle tensorflow`.
pub fn tensorflow(args: &mut Args) -> Outcome {
    lines::run(args, "tensorflow_files", describe)
}

fn describe(bytes: Vec<u8>, answer: &Json) -> Result<Vec<String>, Box<dyn Error>> {
    let id = answer["format"].as_str().unwrap_or_default();
    let (reading, unrecognised) = super::read(id, &bytes)?;
    if unrecognised {
        return Err("not recognised".into());
    }
    if let Some(gap) = reading.gaps.first() {
        return Err(format!("{}: {}", gap.why.as_str(), gap.what).into());
    }
    let mut lines = facts(&reading);
    let whole = match id {
        "tf-graph" => Whole::Graph,
        "tf-meta-graph" => Whole::MetaGraph,
        "tf-saved-model" => Whole::SavedModel,
        _ => return Ok(lines),
    };
    let bytes = Bytes::from_memory(bytes);
    nodes(&bytes, whole, &mut Budget::default(), &mut |it| {
        let (function, name) = (it.function, it.name);
        let (inputs, mut attributes) = (it.inputs.join(","), it.attributes);
        attributes.sort();
        let attributes = attributes.join(",");
        lines
            .push(format!("node {} {function}/{name} {} ({inputs}) {attributes}", it.graph, it.op));
    })?;
    Ok(lines)
}

fn facts(reading: &Reading) -> Vec<String> {
    let mut lines = Vec::new();
    let mut operators: BTreeMap<&str, u64> = BTreeMap::new();
    for fact in &reading.facts {
        match fact {
            Fact::Operator { operator, count, .. } => {
                *operators.entry(&operator.name).or_default() += count;
            }
            Fact::Object { path, kind: kind @ ("function" | "signature"), detail, .. } => {
                lines.push(format!("{kind} {path} {detail}"));
            }
            Fact::Reference { target, purpose: "asset", .. } => {
                lines.push(format!("asset {target}"))
            }
            Fact::Tensor { tensor, .. } if !reading.facts.iter().any(is_graph) => {
                let (name, dtype) = (&tensor.storage, &tensor.dtype);
                lines.push(format!("variable {name} {dtype} {:?}", tensor.size));
            }
            _ => {}
        }
    }
    lines.extend(operators.into_iter().map(|(name, count)| format!("operator {name} {count}")));
    lines
}

fn is_graph(fact: &Fact) -> bool {
    matches!(fact, Fact::Object { kind: "graph", .. })
}
