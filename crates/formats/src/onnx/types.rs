//! Element types, and types of values as a line of text.

use super::tables;
use crate::protobuf::{Message, Wire};
use davy_bytes::{Budget, Halt, Span};
use std::fmt::Write;

/// Types in types that are shown.
const DEPTH: usize = 8;

/// Dimensions that are shown.
const DIMENSIONS: usize = 16;

/// Names of element types by number, as ONNX spells them in text, with their width in bits
/// (`onnx-ml.proto`, `TensorProto.DataType`). Text has no width.
const TYPES: &[(&str, u64)] = &[
    ("undefined", 0),
    ("float", 32),
    ("uint8", 8),
    ("int8", 8),
    ("uint16", 16),
    ("int16", 16),
    ("int32", 32),
    ("int64", 64),
    ("string", 0),
    ("bool", 8),
    ("float16", 16),
    ("double", 64),
    ("uint32", 32),
    ("uint64", 64),
    ("complex64", 64),
    ("complex128", 128),
    ("bfloat16", 16),
    ("float8e4m3fn", 8),
    ("float8e4m3fnuz", 8),
    ("float8e5m2", 8),
    ("float8e5m2fnuz", 8),
    ("uint4", 4),
    ("int4", 4),
    ("float4e2m1", 4),
    ("float8e8m0", 8),
    ("uint2", 2),
    ("int2", 2),
    ("float6e2m3", 6),
    ("float6e3m2", 6),
];

/// An element type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DataType(pub i64);

impl DataType {
    /// Text.
    pub const STRING: Self = Self(8);

    fn row(self) -> Option<&'static (&'static str, u64)> {
        TYPES.get(usize::try_from(self.0).ok().filter(|index| *index > 0)?)
    }

    /// Whether ONNX has such a type.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.row().is_some()
    }

    /// Its name, or its number where it has none.
    #[must_use]
    pub fn name(self) -> String {
        self.row().map_or_else(|| self.0.to_string(), |(name, _)| (*name).to_owned())
    }

    /// Bits per element; `None` for text and unknown types.
    #[must_use]
    pub fn bits(self) -> Option<u64> {
        self.row().map(|(_, bits)| *bits).filter(|bits| *bits > 0)
    }

    /// The field of `TensorProto` that holds its elements where they are not in `raw_data`, and how
    /// many entries there stand for how many elements.
    #[must_use]
    pub fn typed(self) -> Option<(&'static str, u64, u64)> {
        Some(match self.0 {
            1 => ("float_data", 1, 1),
            14 => ("float_data", 2, 1),
            11 => ("double_data", 1, 1),
            15 => ("double_data", 2, 1),
            7 => ("int64_data", 1, 1),
            12 | 13 => ("uint64_data", 1, 1),
            8 => ("string_data", 1, 1),
            21..=23 => ("int32_data", 1, 2),
            25 | 26 => ("int32_data", 1, 4),
            2..=6 | 9 | 10 | 16..=20 | 24 | 27 | 28 => ("int32_data", 1, 1),
            _ => return None,
        })
    }
}

/// The type in a `TypeProto` as one line: `float[1,3,N]`, `sequence(int64[])`.
///
/// # Errors
/// What [`Wire::next`] says.
pub fn shown(wire: &mut Wire, type_proto: Message, budget: &mut Budget) -> Result<String, Halt> {
    let mut line = String::new();
    let mut closing = String::new();
    let mut next = Some(type_proto);
    for _ in 0..DEPTH {
        let Some(mut message) = next.take() else { break };
        while let Some(field) = wire.next(&mut message, budget)? {
            let (word, table, inner) = match field.name() {
                "tensor_type" => ("", &tables::TYPE_TENSOR, ""),
                "sparse_tensor_type" => ("sparse ", &tables::TYPE_SPARSE_TENSOR, ""),
                "sequence_type" => ("sequence(", &tables::TYPE_SEQUENCE, "elem_type"),
                "map_type" => ("map(", &tables::TYPE_MAP, "value_type"),
                "optional_type" => ("optional(", &tables::TYPE_OPTIONAL, "elem_type"),
                "opaque_type" => {
                    line.push_str("opaque");
                    continue;
                }
                _ => continue,
            };
            line.push_str(word);
            let content = message.inside(field.content(), table);
            if inner.is_empty() {
                line.push_str(&tensor(wire, content, budget)?);
            } else {
                closing.push(')');
                next = inside(wire, content, inner, &mut line, budget)?;
            }
        }
    }
    line.push_str(&closing);
    Ok(line)
}

/// The type of the elements of a sequence, map or optional; the key of a map joins `line`.
fn inside(
    wire: &mut Wire,
    mut message: Message,
    inner: &str,
    line: &mut String,
    budget: &mut Budget,
) -> Result<Option<Message>, Halt> {
    let mut found = None;
    while let Some(field) = wire.next(&mut message, budget)? {
        match field.name() {
            "key_type" => drop(write!(line, "{}, ", DataType(field.int()).name())),
            name if name == inner => found = Some(message.inside(field.content(), &tables::TYPE)),
            _ => {}
        }
    }
    Ok(found)
}

/// Element type and shape of a tensor; a shape that is not given is `[...]`.
fn tensor(wire: &mut Wire, mut message: Message, budget: &mut Budget) -> Result<String, Halt> {
    let mut element = DataType(0);
    let mut shape = None;
    while let Some(field) = wire.next(&mut message, budget)? {
        match field.name() {
            "elem_type" => element = DataType(field.int()),
            "shape" => shape = Some(message.inside(field.content(), &tables::TENSOR_SHAPE)),
            _ => {}
        }
    }
    let mut line = element.name();
    let Some(mut shape) = shape else { return Ok(line + "[...]") };
    let mut dimensions = Vec::new();
    while let Some(field) = wire.next(&mut shape, budget)? {
        if field.name() != "dim" {
            continue;
        }
        if dimensions.len() >= DIMENSIONS {
            dimensions.push("…".to_owned());
            break;
        }
        let dimension = shape.inside(field.content(), &tables::TENSOR_SHAPE_DIMENSION);
        dimensions.push(self::dimension(wire, dimension, budget)?);
    }
    let _ = write!(line, "[{}]", dimensions.join(","));
    Ok(line)
}

/// A dimension: its size, its name, or `?`.
fn dimension(wire: &mut Wire, mut message: Message, budget: &mut Budget) -> Result<String, Halt> {
    let mut shown = "?".to_owned();
    while let Some(field) = wire.next(&mut message, budget)? {
        match field.name() {
            "dim_value" => shown = field.int().to_string(),
            "dim_param" => shown = text(wire, field.content(), 64)?,
            _ => {}
        }
    }
    Ok(shown)
}

/// The first `limit` bytes of a text; what is no UTF-8 in it is replaced.
///
/// # Errors
/// Only when the medium fails.
pub fn text(wire: &mut Wire, span: Span, limit: usize) -> Result<String, Halt> {
    Ok(String::from_utf8_lossy(wire.head(span, limit)?).into_owned())
}
