//! TFLite: the tensors, operators, graphs and buffers that the `tflite` package has in a model have
//! to be those that davy finds, and no others.

use super::lines;
use crate::Outcome;
use crate::args::Args;
use davy_artifact::{Fact, Route};
use davy_bytes::{Budget, Bytes, Span};
use davy_formats::tflite;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::error::Error;

/// Bytes of a buffer that are compared.
const SHOWN: usize = 32;

/// `oracle tflite`.
pub fn tflite(args: &mut Args) -> Outcome {
    lines::run(args, "tflite_files", describe)
}

fn describe(bytes: Vec<u8>, _: &Json) -> Result<Vec<String>, Box<dyn Error>> {
    let (reading, unrecognised) = super::read("tflite", &bytes)?;
    if unrecognised {
        return Err("not recognised".into());
    }
    let mut lines = Vec::new();
    let mut operators: BTreeMap<String, u64> = BTreeMap::new();
    for fact in &reading.facts {
        match fact {
            Fact::Operator { operator, count, .. } => {
                let name = match operator.domain.as_str() {
                    "" => operator.name.clone(),
                    "flex" => format!("custom Flex{}", operator.name),
                    _ => format!("custom {}", operator.name),
                };
                *operators.entry(name).or_default() += count;
            }
            Fact::Object { path, kind: kind @ ("graph" | "signature"), detail, .. } => {
                lines.push(format!("{kind} {path} {detail}"));
            }
            Fact::Tensor { tensor, site } => {
                let Route::Tensor(path) = &site.route else { continue };
                lines.push(format!("tensor {path} {} {:?}", tensor.dtype, tensor.size));
            }
            _ => {}
        }
    }
    lines.extend(operators.into_iter().map(|(name, count)| format!("operator {name} {count}")));
    let bytes = Bytes::from_memory(bytes);
    for (index, span) in tflite::buffers(&bytes, &mut Budget::default())?.into_iter().enumerate() {
        let span = span.unwrap_or(Span::new(0, 0));
        let head = bytes.copy(span, SHOWN)?;
        let head: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("buffer {index} {} {head}", span.len));
    }
    Ok(lines)
}
