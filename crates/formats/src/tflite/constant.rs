//! The values of constant tensors, as far as people can read them.

use super::table::{self, STRING};
use davy_artifact::{Excerpt, Value};
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};

/// Bytes of a constant that are looked at.
const HEAD: usize = 64 << 10;
/// Elements that are shown.
const SHOWN: usize = 16;

/// The value of a tensor of element type `dtype` whose bytes stand in `span`.
pub(crate) fn value(bytes: &Bytes, span: Span, dtype: u8) -> Result<Value, Halt> {
    let head = bytes.copy(span, HEAD)?;
    if dtype == STRING {
        return Ok(texts(&head, span.len).unwrap_or(Value::Unknown("text that is cut short")));
    }
    let Some(width) = table::bits(dtype).map(|bits| bits >> 3).filter(|width| *width > 0) else {
        return Ok(Value::Unknown("a constant"));
    };
    let chunks = head.chunks_exact(to_usize(width));
    let mut items: Vec<Value> =
        chunks.take(SHOWN).map(|chunk| number(chunk, table::element_type(dtype))).collect();
    let count = span.len.checked_div(width).unwrap_or_default();
    let left = count.saturating_sub(to_u64(items.len()));
    if left > 0 {
        items.push(Value::More(left));
    }
    Ok(one_or_list(items))
}

/// The texts of a tensor: their number, where each starts, where the last ends, and then they
/// themselves (TFLite, `string_util.h`).
fn texts(head: &[u8], len: u64) -> Option<Value> {
    let word = |index: usize| -> Option<usize> {
        let at = index.checked_mul(4)?;
        let bytes = head.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let count = word(0)?;
    let mut items = Vec::new();
    for index in 1..=count.min(SHOWN) {
        let (start, end) = (word(index)?, word(index.checked_add(1)?)?);
        let size = end.checked_sub(start).filter(|_| to_u64(end) <= len)?;
        let there = head.get(start.min(head.len())..end.min(head.len())).unwrap_or_default();
        items.push(Value::Text(Excerpt { head: there.to_vec(), len: to_u64(size) }));
    }
    if count > SHOWN {
        items.push(Value::More(to_u64(count.saturating_sub(SHOWN))));
    }
    Some(one_or_list(items))
}

/// A number of the given type.
fn number(bytes: &[u8], name: Option<&str>) -> Value {
    let signed = || match *bytes {
        [a] => Some(i64::from(i8::from_le_bytes([a]))),
        [a, b] => Some(i64::from(i16::from_le_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
        _ => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
    };
    let float = || match *bytes {
        [a, b, c, d] => Some(f64::from(f32::from_le_bytes([a, b, c, d]))),
        _ => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
    };
    let value = match name {
        Some("FLOAT32" | "FLOAT64") => float().map(Value::Float),
        Some("BOOL") => Some(Value::Bool(bytes.iter().any(|byte| *byte != 0))),
        Some("UINT8") => bytes.first().map(|byte| Value::Int(i64::from(*byte))),
        Some("INT8" | "INT16" | "INT32" | "INT64" | "UINT16" | "UINT32" | "UINT64") => {
            signed().map(Value::Int)
        }
        _ => None,
    };
    value.unwrap_or(Value::Unknown("a number"))
}

/// A tensor of one element is shown as that.
fn one_or_list(mut items: Vec<Value>) -> Value {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        Some(last) => {
            items.push(last);
            Value::List(items)
        }
        None => Value::List(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], dtype: u8) -> String {
        let bytes = Bytes::from_memory(bytes);
        value(&bytes, Span::new(0, bytes.len()), dtype).unwrap().to_string()
    }

    #[test]
    fn constants_are_shown_as_what_they_are() {
        let text = [1, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0, b'/', b'e', b't', b'c'];
        assert_eq!(shown(&text, STRING), "'/etc'");
        assert_eq!(shown(&[2, 0, 0, 0, 12, 0, 0, 0], STRING), "<text that is cut short>");
        assert_eq!(shown(&[0, 0, 128, 63, 0, 0, 0, 192], 0), "[1.0, -2.0]");
        assert_eq!(shown(&[255; 4], 2), "-1");
        assert_eq!(shown(&[1; 20], 3).matches(", ").count(), 16);
    }
}
