//! ONNX: models, the tensors of test data, and both as text (`onnx-ml.proto`, `onnx-data.proto`).
//!
//! A model is read front to back: nodes become a [`Graph`](crate::graph::Graph) of a few bytes each,
//! tensors are passed over as spans. What nodes have inside them, and functions, wait in a list.

mod attributes;
mod blocks;
mod check;
mod content;
mod data;
mod external;
mod facts;
mod model;
mod names;
mod node;
mod operators;
mod tables;
mod tensor;
mod types;
mod walk;

pub(crate) use content::libraries;
pub use data::{OnnxData, walk as walk_data};
pub use node::{AttributeRecord, NodeRecord, SHOWN};
pub(crate) use operators::class;
pub use tensor::TensorRecord;
pub use types::DataType;

use crate::protobuf::{End, Sketch, Wire, encode, fits_text, sketch};
use davy_artifact::{Format, Input, Probe, Quirk, Reading};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// Told of everything that stands in a model, in the order in which it is read: what checks that
/// nothing is left out.
pub trait Sink {
    /// A graph or function of this name starts.
    fn graph(&mut self, _name: &str) {}

    /// A node of the named graph.
    ///
    /// # Errors
    /// Whatever ends the reading.
    fn node(&mut self, _graph: &str, _node: &NodeRecord, _wire: &mut Wire) -> Result<(), Halt> {
        Ok(())
    }

    /// A tensor at the named place: the graph, or the node that has it in an attribute.
    ///
    /// # Errors
    /// Whatever ends the reading.
    fn tensor(&mut self, _place: &str, _it: &TensorRecord, _wire: &mut Wire) -> Result<(), Halt> {
        Ok(())
    }
}

/// Listens to nothing.
struct Nothing;

impl Sink for Nothing {}

/// Reads a model, and tells `sink` of everything in it.
///
/// # Errors
/// Why reading stopped early.
pub fn walk(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    model::read(bytes, reading, budget, sink)
}

/// The reader of models.
#[derive(Debug)]
pub struct Onnx;

impl Format for Onnx {
    fn id(&self) -> &'static str {
        "onnx"
    }

    fn summary(&self) -> &'static str {
        "ONNX model: operators, tensors and where they are, functions, and how its graph hangs together"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        match sketch(head, input.bytes, &tables::MODEL) {
            Some(sketch) if is_model(&sketch) && sketch.fits() => Probe::Certain,
            // What breaks off, or has texts that are none, is still no other kind of message.
            Some(sketch) if is_whole(&sketch) => Probe::Possible,
            Some(sketch) if sketch.has("graph") && sketch.misfits == 0 => match sketch.end {
                End::Fault => Probe::No,
                _ => Probe::Possible,
            },
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        model::read(input.bytes, reading, budget, &mut Nothing)
    }
}

/// Whether all that every model has is there.
fn is_whole(sketch: &Sketch) -> bool {
    ["graph", "ir_version", "opset_import"].iter().all(|name| sketch.has(name))
}

/// Whether the fields are those of a model and of nothing else.
fn is_model(sketch: &Sketch) -> bool {
    let graph = sketch.has("graph") || sketch.has("functions");
    graph && ["ir_version", "opset_import", "producer_name"].iter().any(|name| sketch.has(name))
}

/// The reader of models in the text format.
#[derive(Debug)]
pub struct OnnxText;

impl Format for OnnxText {
    fn id(&self) -> &'static str {
        "onnx-text"
    }

    fn summary(&self) -> &'static str {
        "ONNX model in the text format of protocol buffers"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        match fits_text(head, input.bytes.len(), &tables::MODEL) {
            true => Probe::Certain,
            false => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let (encoded, fault) = encode(input.bytes, &tables::MODEL, budget)?;
        let result = model::read(&encoded.bytes, reading, budget, &mut Nothing);
        // Lengths are padded by the encoding, and not by the text.
        reading.deviations.retain(|it| it.quirk != Quirk::Handmade);
        encoded.translate(reading);
        match (fault, result) {
            (Some(fault), _) => Err(fault),
            (None, result) => {
                let place = |halt: &Halt| encoded.place(Span::new(halt.at(), 1)).start;
                result.map_err(|halt| {
                    let at = place(&halt);
                    halt.moved_to(at)
                })
            }
        }
    }
}
