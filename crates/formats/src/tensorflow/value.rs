//! Attributes and constants of nodes, as values that people can read.

use super::node::{self, message, text};
use super::table::{ATTR_VALUE, DATA_TYPE, TENSOR_PROTO, TENSOR_SHAPE_PROTO};
use crate::protobuf::{Field, Wire};
use davy_artifact::{Excerpt, Value};
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};

/// Numbers of a list or constant that are shown.
const SHOWN: usize = 64;
/// Texts of a list or constant that are shown: any of them may be a path.
const TEXTS: usize = 1024;
/// Bytes of a text that are kept.
const TEXT: usize = 16 << 10;
/// Bytes of packed numbers that are read.
const PACKED: u64 = 4096;
/// Dimensions of a shape: TensorFlow takes 254.
const DIMENSIONS: usize = 254;

/// The name of an element type.
pub(super) fn type_name(number: i64) -> Option<&'static str> {
    DATA_TYPE.iter().find(|(_, of)| i64::from(*of) == number).map(|(name, _)| *name)
}

/// Bytes of an element of the type with this number; nothing where they have no fixed size.
pub(super) fn width(number: i64) -> Option<u64> {
    match number % 100 {
        4 | 6 | 10 | 11 | 12 | 24..=28 => Some(1),
        5 | 14 | 15 | 16 | 17 | 19 => Some(2),
        1 | 3 | 13 | 22 => Some(4),
        2 | 8 | 9 | 23 => Some(8),
        18 => Some(16),
        _ => None,
    }
}

/// A constant, as far as its shape and bytes go.
#[derive(Clone, Debug, Default)]
pub(super) struct Constant {
    /// Number of its element type.
    pub(super) dtype: i64,
    /// Elements per dimension.
    pub(super) dims: Vec<i64>,
    /// Its bytes, where they stand as they are in memory.
    pub(super) content: Option<Span>,
    /// Fields that list its elements one by one.
    pub(super) values: Vec<Field>,
    /// How many more of them there are.
    left: u64,
}

impl Constant {
    /// Reads the `TensorProto` in `span`.
    pub(super) fn read(wire: &mut Wire, span: Span, budget: &mut Budget) -> Result<Self, Halt> {
        let mut constant = Self::default();
        let mut message = message(span, &TENSOR_PROTO);
        while let Some(field) = wire.next(&mut message, budget)? {
            match field.name() {
                "dtype" => constant.dtype = field.int(),
                "tensor_shape" => {
                    constant.dims = shape(wire, field.content(), budget)?.unwrap_or_default();
                }
                "tensor_content" => constant.content = Some(field.content()),
                name if name.ends_with("_val") => {
                    let limit = if name == "string_val" { TEXTS } else { SHOWN };
                    match constant.values.len() < limit {
                        true => constant.values.push(field),
                        false => constant.left = constant.left.saturating_add(1),
                    }
                }
                _ => {}
            }
        }
        Ok(constant)
    }

    /// Its elements, as far as they are shown.
    pub(super) fn value(&self, wire: &mut Wire, budget: &mut Budget) -> Result<Value, Halt> {
        let mut items = Vec::new();
        if let Some(span) = self.content.filter(|span| span.len > 0) {
            let width = to_usize(width(self.dtype).unwrap_or(1));
            let head = wire.head(span, SHOWN.saturating_mul(width))?;
            items.extend(head.chunks_exact(width).map(|chunk| number(self.dtype, chunk)));
            let count = span.len.checked_div(to_u64(width)).unwrap_or_default();
            let left = count.saturating_sub(to_u64(items.len()));
            items.extend((left > 0).then_some(Value::More(left)));
        }
        for field in &self.values {
            elements(wire, field, &mut items, budget)?;
        }
        items.extend((self.left > 0).then_some(Value::More(self.left)));
        if items.is_empty() && self.dims.iter().all(|dim| *dim == 1) {
            // Values that are not written are zero (`tensor.proto`).
            items.extend(match self.dtype {
                1 | 2 => Some(Value::Float(0.0)),
                3..=6 | 9 => Some(Value::Int(0)),
                _ => None,
            });
        }
        Ok(if self.dims.is_empty() && items.len() == 1 {
            items.pop().unwrap_or(Value::None)
        } else {
            Value::List(items)
        })
    }
}

/// The elements that one field lists.
fn elements(
    wire: &mut Wire,
    field: &Field,
    items: &mut Vec<Value>,
    budget: &mut Budget,
) -> Result<(), Halt> {
    match field.name() {
        "string_val" => items.push(Value::Text(excerpt(wire, field.content())?)),
        "resource_handle_val" | "variant_val" | "float8_val" => {
            items.push(Value::Unknown("a value without a name"));
        }
        _ if field.content().len > PACKED => items.push(Value::Unknown("many numbers")),
        name => {
            let mut left = 0_u64;
            wire.numbers(field, budget, &mut |bits| {
                if items.len() < SHOWN {
                    items.push(of_bits(name, bits));
                } else {
                    left = left.saturating_add(1);
                }
            })?;
            items.extend((left > 0).then_some(Value::More(left)));
        }
    }
    Ok(())
}

/// A number as the field of this name has it.
fn of_bits(name: &str, bits: u64) -> Value {
    let low = u32::try_from(bits & 0xffff_ffff).unwrap_or_default();
    match name {
        "float_val" | "scomplex_val" => Value::Float(f64::from(f32::from_bits(low))),
        "double_val" | "dcomplex_val" => Value::Float(f64::from_bits(bits)),
        "bool_val" => Value::Bool(bits != 0),
        "uint64_val" if bits > i64::MAX.cast_unsigned() => Value::Long(bits.to_string()),
        _ => Value::Int(bits.cast_signed()),
    }
}

/// A number of the given type, as memory has it.
fn number(dtype: i64, bytes: &[u8]) -> Value {
    let value = match (dtype, bytes) {
        (1, _) => bytes.try_into().ok().map(|it| Value::Float(f64::from(f32::from_le_bytes(it)))),
        (2, _) => bytes.try_into().ok().map(|it| Value::Float(f64::from_le_bytes(it))),
        (3, _) => bytes.try_into().ok().map(|it| Value::Int(i64::from(i32::from_le_bytes(it)))),
        (9, _) => bytes.try_into().ok().map(|it| Value::Int(i64::from_le_bytes(it))),
        (4 | 7, [byte]) => Some(Value::Int(i64::from(*byte))),
        (6, [byte]) => Some(Value::Int(i64::from(byte.cast_signed()))),
        (10, [byte]) => Some(Value::Bool(*byte != 0)),
        _ => None,
    };
    value.unwrap_or(Value::Unknown("a number"))
}

/// The dimensions of a `TensorShapeProto`; nothing where not even their number is known.
pub(super) fn shape(
    wire: &mut Wire,
    span: Span,
    budget: &mut Budget,
) -> Result<Option<Vec<i64>>, Halt> {
    let mut dims = Vec::new();
    let mut known = true;
    let mut outer = message(span, &TENSOR_SHAPE_PROTO);
    while let Some(field) = wire.next(&mut outer, budget)? {
        match (field.name(), node::table_of(&field)) {
            ("dim", Some(table)) if dims.len() < DIMENSIONS => {
                let mut size = 0;
                let mut inner = outer.inside(field.content(), table);
                while let Some(part) = wire.next(&mut inner, budget)? {
                    if part.name() == "size" {
                        size = part.int();
                    }
                }
                dims.push(size);
            }
            ("unknown_rank", _) => known = field.int() == 0,
            _ => {}
        }
    }
    Ok(known.then_some(dims))
}

fn excerpt(wire: &mut Wire, span: Span) -> Result<Excerpt, Halt> {
    Ok(Excerpt { head: wire.head(span, TEXT)?.to_vec(), len: span.len })
}

/// The value of an attribute.
pub(super) fn attribute(wire: &mut Wire, span: Span, budget: &mut Budget) -> Result<Value, Halt> {
    let mut message = message(span, &ATTR_VALUE);
    let mut value = Value::None;
    while let Some(field) = wire.next(&mut message, budget)? {
        value = match (field.name(), node::table_of(&field)) {
            ("list", Some(table)) => {
                let (mut items, mut left) = (Vec::new(), 0_u64);
                let mut inner = message.inside(field.content(), table);
                while let Some(item) = wire.next(&mut inner, budget)? {
                    left = left.saturating_add(list_item(wire, &item, &mut items, budget)?);
                }
                items.extend((left > 0).then_some(Value::More(left)));
                Value::List(items)
            }
            ("", _) => continue,
            _ => scalar(wire, &field, budget)?,
        };
    }
    Ok(value)
}

/// What one field adds to a list: one item, or packed numbers. Returns how many are left out.
fn list_item(
    wire: &mut Wire,
    item: &Field,
    items: &mut Vec<Value>,
    budget: &mut Budget,
) -> Result<u64, Halt> {
    let mut left = 0_u64;
    match item.name() {
        "" => {}
        name @ ("i" | "f" | "b" | "type") => {
            wire.numbers(item, budget, &mut |bits| match items.len() < SHOWN {
                true => items.push(numeric(name, bits)),
                false => left = left.saturating_add(1),
            })?;
        }
        _ if items.len() < TEXTS => items.push(scalar(wire, item, budget)?),
        _ => left = 1,
    }
    Ok(left)
}

fn numeric(name: &str, bits: u64) -> Value {
    match name {
        "f" => of_bits("float_val", bits),
        "b" => Value::Bool(bits != 0),
        "type" => type_value(bits.cast_signed()),
        _ => Value::Int(bits.cast_signed()),
    }
}

fn type_value(number: i64) -> Value {
    match type_name(number) {
        Some(name) => Value::Text(Excerpt::whole(name)),
        None => Value::Int(number),
    }
}

/// A value that is no list.
fn scalar(wire: &mut Wire, field: &Field, budget: &mut Budget) -> Result<Value, Halt> {
    Ok(match field.name() {
        "s" | "placeholder" => Value::Text(excerpt(wire, field.content())?),
        "i" => Value::Int(field.int()),
        "f" => Value::Float(field.float()),
        "b" => Value::Bool(field.int() != 0),
        "type" => type_value(field.int()),
        "shape" => match shape(wire, field.content(), budget)? {
            Some(dims) => Value::List(dims.into_iter().map(Value::Int).collect()),
            None => Value::Unknown("any shape"),
        },
        "tensor" => Constant::read(wire, field.content(), budget)?.value(wire, budget)?,
        "func" => Value::Text(Excerpt::whole(function_name(wire, field, budget)?)),
        _ => Value::Unknown("a value without a name"),
    })
}

/// The function that a `NameAttrList` names.
fn function_name(wire: &mut Wire, field: &Field, budget: &mut Budget) -> Result<String, Halt> {
    let Some(table) = node::table_of(field) else { return Ok(String::new()) };
    let mut inner = message(field.content(), table);
    let mut name = String::new();
    while let Some(part) = wire.next(&mut inner, budget)? {
        if part.name() == "name" {
            name = text(wire, &part)?;
        }
    }
    Ok(name)
}

/// The functions that an attribute names.
pub(super) fn functions(
    wire: &mut Wire,
    span: Span,
    budget: &mut Budget,
) -> Result<Vec<String>, Halt> {
    let mut names = Vec::new();
    let mut outer = message(span, &ATTR_VALUE);
    while let Some(field) = wire.next(&mut outer, budget)? {
        match (field.name(), node::table_of(&field)) {
            ("func", _) => names.push(function_name(wire, &field, budget)?),
            ("list", Some(table)) => {
                let mut inner = outer.inside(field.content(), table);
                while let Some(item) = wire.next(&mut inner, budget)? {
                    if item.name() == "func" {
                        names.push(function_name(wire, &item, budget)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
