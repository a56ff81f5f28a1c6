//! Tensors: what a `TensorProto` says, where its elements are, and whether that fits.

use super::tables;
use super::types::{DataType, text};
use crate::protobuf::{Field, Message, Payload, Wire};
use davy_artifact::{Excerpt, Value};
use davy_bytes::{Budget, Halt, Span, to_u64};

/// Dimensions that are kept.
pub const DIMENSIONS: usize = 64;

/// Elements that are kept of each tensor: what shapes and thresholds need.
pub const ELEMENTS: usize = 8;

/// Entries of external data that are kept; ONNX has five kinds, ONNX Runtime adds some.
const ENTRIES: usize = 64;

/// Bytes of a name that are read.
pub const NAME: usize = 256;

/// Bytes of the path of a file.
const PATH: usize = 4096;

/// A tensor as a message has it.
#[derive(Clone, Debug, Default)]
pub struct TensorRecord {
    /// The message.
    pub span: Span,
    /// Its name.
    pub name: Span,
    /// Its first dimensions.
    pub dims: Vec<i64>,
    /// How many dimensions it has.
    pub rank: u64,
    /// The number of its element type.
    pub data_type: i64,
    /// `raw_data`, where it is there.
    pub raw: Option<Span>,
    /// Typed fields that are there, with the number of their entries.
    pub typed: Vec<(&'static str, u64)>,
    /// The first entries of the first typed field, as they are on the wire.
    head: Vec<u64>,
    /// The first text.
    first_text: Option<Span>,
    /// Packed floats and doubles, whose bytes are those of the elements.
    pub packed: Vec<Span>,
    /// Texts that cannot be shown or are long.
    pub texts: Vec<Span>,
    /// Whether it says that its elements are in a file.
    pub is_external: bool,
    /// Where in which file they are: keys and values.
    pub external: Vec<(String, String)>,
    /// Unknown fields in it.
    pub unknown: Vec<Field>,
    /// A documentation string.
    pub doc: Option<Span>,
}

impl TensorRecord {
    /// Reads a tensor.
    ///
    /// # Errors
    /// What [`Wire::next`] says.
    pub fn read(wire: &mut Wire, mut message: Message, budget: &mut Budget) -> Result<Self, Halt> {
        let span = Span::between(message.at, message.end);
        let mut tensor = Self { span, ..Self::default() };
        while let Some(field) = wire.next(&mut message, budget)? {
            match field.name() {
                "dims" => {
                    let (dims, rank) = (&mut tensor.dims, &mut tensor.rank);
                    wire.numbers(&field, budget, &mut |bits| {
                        *rank = rank.saturating_add(1);
                        if dims.len() < DIMENSIONS {
                            dims.push(bits.cast_signed());
                        }
                    })?;
                }
                "data_type" => tensor.data_type = i64::from(int32(field.int())),
                "name" => tensor.name = field.content(),
                "raw_data" => tensor.raw = Some(field.content()),
                "doc_string" => tensor.doc = Some(field.content()),
                "data_location" => tensor.is_external = field.int() == 1,
                "external_data" => {
                    let entry = message.inside(field.content(), &tables::STRING_STRING_ENTRY);
                    let entry = entry_of(wire, entry, PATH, budget)?;
                    if tensor.external.len() < ENTRIES {
                        tensor.external.push(entry);
                    }
                }
                "string_data" => tensor.take_text(wire, &field)?,
                "float_data" | "int32_data" | "int64_data" | "double_data" | "uint64_data" => {
                    tensor.take_typed(wire, &field, budget)?;
                }
                "" if tensor.unknown.len() < ENTRIES => tensor.unknown.push(field),
                _ => {}
            }
        }
        Ok(tensor)
    }

    fn count(&mut self, name: &'static str, more: u64) {
        match self.typed.iter_mut().find(|(typed, _)| *typed == name) {
            Some((_, count)) => *count = count.saturating_add(more),
            None => self.typed.push((name, more)),
        }
    }

    fn take_text(&mut self, wire: &mut Wire, field: &Field) -> Result<(), Halt> {
        let span = field.content();
        self.count("string_data", 1);
        self.first_text.get_or_insert(span);
        if is_payload(wire, span)? && self.texts.len() < ENTRIES {
            self.texts.push(span);
        }
        Ok(())
    }

    fn take_typed(
        &mut self,
        wire: &mut Wire,
        field: &Field,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let more = wire.count(field, budget)?;
        self.count(field.name(), more);
        let floats = matches!(field.name(), "float_data" | "double_data");
        if let (Payload::Bytes(span), true) = (field.payload, floats)
            && self.packed.len() < ENTRIES
        {
            self.packed.push(span);
        }
        if self.head.len() < ELEMENTS {
            // Ten bytes are the most that an element takes.
            let room = to_u64(ELEMENTS.saturating_mul(10));
            let head = &mut self.head;
            let mut few = *field;
            if let Payload::Bytes(span) = field.payload {
                few.payload = Payload::Bytes(Span::new(span.start, span.len.min(room)));
            }
            let each = &mut |bits| {
                if head.len() < ELEMENTS {
                    head.push(bits);
                }
            };
            // What breaks off here is cut by us, or told by the number of elements.
            let _ = wire.numbers(&few, budget, each);
        }
        Ok(())
    }

    /// Its element type.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        DataType(self.data_type)
    }

    /// How many elements its shape stands for; `None` where a dimension is negative or the product
    /// too large.
    #[must_use]
    pub fn elements(&self) -> Option<u64> {
        if self.dims.contains(&0) && self.dims.iter().all(|dim| *dim >= 0) {
            return Some(0);
        }
        let mut sizes = self.dims.iter().map(|dim| u64::try_from(*dim).ok());
        sizes.try_fold(1_u64, |product, size| product.checked_mul(size?))
    }

    /// How many bytes its elements take where they lie packed in a file or in `raw_data`.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.elements()?.checked_mul(self.data_type().bits()?).map(|bits| bits.div_ceil(8))
    }

    /// How its parts contradict each other, where they do.
    #[must_use]
    pub fn misfit(&self) -> Option<(davy_artifact::Quirk, String)> {
        use davy_artifact::Quirk;
        let dims = &self.dims;
        if dims.iter().any(|dim| *dim < 0) {
            return Some((Quirk::OutOfRange, format!("a negative dimension: {dims:?}")));
        }
        let Some(elements) = self.elements() else {
            return Some((Quirk::OutOfRange, format!("the dimensions {dims:?} overflow")));
        };
        let data_type = self.data_type();
        let Some((field, entries, per)) = data_type.typed() else {
            let what = format!("elements of type {}, which there is not", data_type.name());
            return Some((Quirk::WrongType, what));
        };
        let name = data_type.name();
        if self.is_external {
            return None;
        }
        if let (Some(raw), Some(size)) = (self.raw, self.size()) {
            return (raw.len != size).then(|| {
                let what = format!("{} bytes of data, where {name}{dims:?} takes {size}", raw.len);
                (Quirk::SizeMismatch, what)
            });
        }
        if self.raw.is_some() {
            return Some((Quirk::WrongType, format!("raw data for elements of type {name}")));
        }
        let (own, other): (Vec<_>, Vec<_>) =
            self.typed.iter().partition(|(typed, _)| *typed == field);
        if let Some((other, _)) = other.first() {
            return Some((Quirk::WrongType, format!("`{other}` for elements of type {name}")));
        }
        let count = own.first().map_or(0, |(_, count)| *count);
        let wanted = elements.checked_mul(entries)?.div_ceil(per);
        (count != wanted).then(|| {
            let what = format!("{count} entries of `{field}`, where {name}{dims:?} takes {wanted}");
            (Quirk::SizeMismatch, what)
        })
    }

    /// Its first elements, as far as they are of a kind that shapes and thresholds have.
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn values(&self, wire: &mut Wire) -> Result<Vec<Value>, Halt> {
        if let Some(span) = self.first_text {
            let head = wire.head(span, NAME)?.to_vec();
            return Ok(vec![Value::Text(Excerpt { head, len: span.len })]);
        }
        let Some(raw) = self.raw.filter(|_| !self.is_external) else {
            let value = |bits: &u64| typed_value(self.data_type, *bits);
            return Ok(self.head.iter().filter_map(value).collect());
        };
        let width = self.data_type().bits().unwrap_or(0) >> 3;
        let Ok(width) = usize::try_from(width) else { return Ok(Vec::new()) };
        if width == 0 || width > 8 {
            return Ok(Vec::new());
        }
        let bytes = wire.head(raw, width.saturating_mul(ELEMENTS))?;
        let value = |bytes: &[u8]| {
            let mut word = [0; 8];
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            raw_value(self.data_type, u64::from_le_bytes(word))
        };
        Ok(bytes.chunks_exact(width).filter_map(value).collect())
    }

    /// Its name in words.
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn name(&self, wire: &mut Wire) -> Result<String, Halt> {
        text(wire, self.name, NAME)
    }
}

/// A number that a protocol buffer has as `int32`: the libraries keep the low 32 bits.
pub fn int32(value: i64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// Key and value of an entry, of which at most `limit` bytes are read.
///
/// # Errors
/// What [`Wire::next`] says.
pub fn entry_of(
    wire: &mut Wire,
    mut message: Message,
    limit: usize,
    budget: &mut Budget,
) -> Result<(String, String), Halt> {
    let (mut key, mut value) = (Span::default(), Span::default());
    while let Some(field) = wire.next(&mut message, budget)? {
        match field.name() {
            "key" => key = field.content(),
            "value" => value = field.content(),
            _ => {}
        }
    }
    Ok((text(wire, key, NAME)?, text(wire, value, limit)?))
}

/// Whether a text could be more than it says: it is long, or it is none.
///
/// # Errors
/// Only when the medium fails.
pub fn is_payload(wire: &mut Wire, span: Span) -> Result<bool, Halt> {
    Ok(match span.len {
        0..16 => false,
        4096.. => true,
        _ => !crate::text::is_text(wire.head(span, 4096)?),
    })
}

/// An element from a typed field.
fn typed_value(data_type: i64, bits: u64) -> Option<Value> {
    Some(match data_type {
        1 => Value::Float(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
        11 => Value::Float(f64::from_bits(bits)),
        9 => Value::Bool(bits != 0),
        10 => Value::Float(half(u16::try_from(bits & 0xffff).ok()?)),
        2..=7 | 12 | 13 => Value::Int(bits.cast_signed()),
        _ => return None,
    })
}

/// An element as it lies in memory.
fn raw_value(data_type: i64, bits: u64) -> Option<Value> {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    Some(match data_type {
        3 => Value::Int(i64::from(i8::from_le_bytes([a]))),
        5 => Value::Int(i64::from(i16::from_le_bytes([a, b]))),
        6 => Value::Int(i64::from(i32::from_le_bytes([a, b, c, d]))),
        _ => return typed_value(data_type, bits),
    })
}

/// A number in half precision (IEEE 754, binary16).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent.saturating_sub(15)),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Quirk;

    fn tensor(dims: &[i64], data_type: i64, raw: u64) -> TensorRecord {
        let raw = Some(Span::new(0, raw));
        TensorRecord { dims: dims.to_vec(), data_type, raw, ..TensorRecord::default() }
    }

    fn quirk(tensor: &TensorRecord) -> Option<Quirk> {
        tensor.misfit().map(|(quirk, _)| quirk)
    }

    #[test]
    fn data_must_be_as_long_as_the_shape_says() {
        assert_eq!(quirk(&tensor(&[2, 3], 1, 24)), None);
        assert_eq!(quirk(&tensor(&[], 7, 8)), None);
        assert_eq!(quirk(&tensor(&[3], 21, 2)), None);
        assert_eq!(quirk(&tensor(&[5], 27, 4)), None);
        assert_eq!(quirk(&tensor(&[0, i64::MAX, i64::MAX], 1, 0)), None);
        assert_eq!(quirk(&tensor(&[2, 3], 1, 23)), Some(Quirk::SizeMismatch));
        assert_eq!(quirk(&tensor(&[-2, 3], 1, 24)), Some(Quirk::OutOfRange));
        assert_eq!(quirk(&tensor(&[i64::MAX, 3], 1, 24)), Some(Quirk::OutOfRange));
        assert_eq!(quirk(&tensor(&[1], 99, 4)), Some(Quirk::WrongType));
        assert_eq!(quirk(&tensor(&[1], 8, 4)), Some(Quirk::WrongType));
    }

    #[test]
    fn typed_entries_are_counted_by_type() {
        let typed = |data_type, field, count, dims: &[i64]| {
            let tensor = TensorRecord {
                typed: vec![(field, count)],
                raw: None,
                ..tensor(dims, data_type, 0)
            };
            quirk(&tensor)
        };
        assert_eq!(typed(1, "float_data", 6, &[2, 3]), None);
        assert_eq!(typed(14, "float_data", 6, &[3]), None);
        assert_eq!(typed(21, "int32_data", 2, &[3]), None);
        assert_eq!(typed(14, "float_data", 3, &[3]), Some(Quirk::SizeMismatch));
        assert_eq!(typed(7, "int32_data", 3, &[3]), Some(Quirk::WrongType));
    }

    #[test]
    fn halves_are_read() {
        let halves = [0x3c00, 0xc000, 0x3555, 0x7c00, 0x0001, 0].map(half);
        assert_eq!(halves[..2], [1.0, -2.0]);
        assert!((halves[2] - 0.333_251).abs() < 1e-6 && halves[3].is_infinite());
        assert_eq!(halves[4..], [2_f64.powi(-24), 0.0]);
    }
}
