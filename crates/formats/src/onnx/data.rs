//! Tensors, sequences and optionals in files of their own, as ONNX keeps test data.

use super::tensor::TensorRecord;
use super::walk::Walker;
use super::{Nothing, Sink, content, tables};
use crate::protobuf::{End, Message, Sketch, Wire, sketch};
use davy_artifact::{Format, Input, Probe, Quirk, Reading};
use davy_bytes::{Budget, Bytes, Halt, Limits, Span};

/// The reader of such files.
#[derive(Debug)]
pub struct OnnxData;

/// What a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Held {
    Optional,
    Sequence,
    Tensor,
}

impl Format for OnnxData {
    fn id(&self) -> &'static str {
        "onnx-data"
    }

    fn summary(&self) -> &'static str {
        "tensors, sequences and optionals of ONNX in files of their own"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        held(head, input.bytes).map_or(Probe::No, |(_, probe)| probe)
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        walk(input.bytes, reading, budget, &mut Nothing)
    }
}

/// Reads a file, and tells `sink` of every tensor in it.
///
/// # Errors
/// Why reading stopped early.
pub fn walk(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let head = bytes.copy(Span::new(0, 4096), 4096)?;
    let table = match held(&head, bytes) {
        Some((Held::Optional, _)) => &tables::OPTIONAL,
        Some((Held::Sequence, _)) => &tables::SEQUENCE,
        Some((Held::Tensor, _)) => &tables::TENSOR,
        None => return Err(Halt::malformed(0, "no tensor whose data fits its shape")),
    };
    let mut walker = Walker::new(bytes, reading, budget, sink)?;
    read(&mut walker, Message::whole(bytes, table))?;
    let Walker { files, reading, .. } = &mut walker;
    files.check(reading);
    walker.reading.seamless = true;
    Ok(())
}

/// Reads whatever the message is, and all in it.
fn read(walker: &mut Walker<'_>, whole: Message) -> Result<(), Halt> {
    let mut waiting = vec![whole];
    while let Some(mut message) = waiting.pop() {
        if std::ptr::eq(message.table, &tables::TENSOR) {
            let tensor = walker.tensor(message, "tensor")?;
            let name = tensor.name(&mut walker.wire)?;
            walker.reading.fact(content::fact(&tensor, name));
            continue;
        }
        if std::ptr::eq(message.table, &tables::SPARSE_TENSOR) {
            walker.sparse(message, "sparse tensor")?;
            continue;
        }
        while let Some(field) = walker.wire.next(&mut message, walker.budget)? {
            let table = match field.name() {
                "tensor_values" | "tensor_value" => &tables::TENSOR,
                "sparse_tensor_values" | "sparse_tensor_value" => &tables::SPARSE_TENSOR,
                "sequence_values" | "sequence_value" | "values" => &tables::SEQUENCE,
                "map_values" | "map_value" => &tables::MAP,
                "optional_values" | "optional_value" => &tables::OPTIONAL,
                "" => {
                    walker.unknown(&message, &field);
                    continue;
                }
                _ => continue,
            };
            // A message with nothing in it, a million times over, waits in as much memory.
            let room = walker.budget.left().memory >> 6;
            if davy_bytes::to_u64(waiting.len()) > room {
                return Err(Halt::exhausted(field.span.start, "the limit on memory"));
            }
            waiting.push(message.inside(field.content(), table));
        }
    }
    Ok(())
}

/// What bytes hold, and how sure that is. The name of a sequence could be the shape of a tensor, so
/// that a tensor whose data does not fit its shape comes last.
fn held(head: &[u8], bytes: &Bytes) -> Option<(Held, Probe)> {
    let tensor = sketch(head, bytes, &tables::TENSOR)
        .filter(|it| is_tidy(it) && it.has("data_type"))
        .and_then(|_| tensor_probe(bytes, Message::whole(bytes, &tables::TENSOR)));
    if tensor == Some(Probe::Certain) {
        return Some((Held::Tensor, Probe::Certain));
    }
    let several = [
        (Held::Sequence, &tables::SEQUENCE, "tensor_values"),
        (Held::Optional, &tables::OPTIONAL, "tensor_value"),
    ];
    for (held, table, tensors) in several {
        let sketch = sketch(head, bytes, table);
        let Some(sketch) = sketch.filter(|it| is_tidy(it) && it.has("elem_type")) else { continue };
        let probe = match sketch.first(tensors) {
            Some(span) => inner_probe(bytes, span),
            None => Some(Probe::Possible),
        };
        if let Some(probe) = probe {
            return Some((held, probe));
        }
    }
    tensor.map(|probe| (Held::Tensor, probe))
}

/// Whether all of the bytes are fields as they should be.
fn is_tidy(sketch: &Sketch) -> bool {
    sketch.fits() && matches!(sketch.end, End::Whole | End::More)
}

fn inner_probe(bytes: &Bytes, span: Span) -> Option<Probe> {
    let outer = Message::whole(bytes, &tables::SEQUENCE);
    tensor_probe(bytes, outer.inside(span, &tables::TENSOR))
}

/// How sure it is that bytes are a tensor, by its shape and the length of its data.
fn tensor_probe(bytes: &Bytes, message: Message) -> Option<Probe> {
    let limits = Limits { steps: 1 << 16, memory: 1 << 20, ..Limits::default() };
    let mut wire = Wire::new(bytes);
    let tensor = TensorRecord::read(&mut wire, message, &mut Budget::new(limits)).ok()?;
    let has_data = tensor.raw.is_some() || !tensor.typed.is_empty() || tensor.is_external;
    match tensor.misfit() {
        None if has_data => Some(Probe::Certain),
        None if tensor.elements() == Some(0) => Some(Probe::Possible),
        Some((Quirk::SizeMismatch, _)) if has_data && !tensor.dims.is_empty() => {
            Some(Probe::Possible)
        }
        _ => None,
    }
}
