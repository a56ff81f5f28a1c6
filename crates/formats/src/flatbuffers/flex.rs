//! `FlexBuffers`: values that carry their own types, in which custom operators of `TFLite` keep their
//! options. A value stands behind what it refers to, so reading starts at the end.

use davy_artifact::{Excerpt, Value};
use davy_bytes::to_usize;

/// Values within values that are followed: options are flat, and `FlexBuffers` may share parts.
const DEPTH: u8 = 4;
/// Values that are read from one buffer.
const VALUES: u32 = 4096;
/// Bytes of a text that are kept.
const TEXT: usize = 4096;

/// A value of which the type is known: where it stands, and how wide its parts are.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    /// Bytes of the value itself, where it stands.
    width: usize,
    kind: u8,
    /// Bytes of each part of what it refers to.
    part: usize,
}

/// The value in `bytes`, where they are one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Value> {
    let (width, rest) = bytes.split_last()?;
    let (packed, rest) = rest.split_last()?;
    let width = usize::from(*width);
    if !matches!(width, 1 | 2 | 4 | 8) {
        return None;
    }
    let root = place(rest.len().checked_sub(width)?, width, *packed);
    let mut decoder = Decoder { bytes: rest, left: VALUES };
    decoder.value(root, DEPTH)
}

/// What a packed type says of the value at `at`.
fn place(at: usize, width: usize, packed: u8) -> Place {
    Place { at, width, kind: packed >> 2, part: 1 << (packed & 3) }
}

struct Decoder<'a> {
    bytes: &'a [u8],
    left: u32,
}

impl Decoder<'_> {
    /// A value; what lies deeper than `depth` is left out.
    fn value(&mut self, it: Place, depth: u8) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let value = match it.kind {
            0 => Value::None,
            1 => Value::Int(self.int(it.at, it.width)?),
            2 => unsigned(self.uint(it.at, it.width)?),
            3 => Value::Float(self.float(it.at, it.width)?),
            26 => Value::Bool(self.uint(it.at, it.width)? != 0),
            6 => Value::Int(self.int(self.follow(it)?, it.part)?),
            7 => unsigned(self.uint(self.follow(it)?, it.part)?),
            8 => Value::Float(self.float(self.follow(it)?, it.part)?),
            4 => text(self.key(self.follow(it)?)?),
            5 => text(self.sized(it)?),
            25 => Value::Bytes(excerpt(self.sized(it)?)),
            9 => self.map(it, depth.checked_sub(1)?)?,
            10 => self.vector(it, depth.checked_sub(1)?)?,
            11..=15 | 36 => self.typed(it)?,
            16..=24 => self.fixed(it)?,
            _ => return None,
        };
        Some(value)
    }

    /// Where the offset of `it` leads to: backwards.
    fn follow(&self, it: Place) -> Option<usize> {
        it.at.checked_sub(to_usize(self.uint(it.at, it.width)?))
    }

    /// Start and length of what `it` refers to.
    fn extent(&self, it: Place) -> Option<(usize, usize)> {
        let start = self.follow(it)?;
        let count = to_usize(self.uint(start.checked_sub(it.part)?, it.part)?);
        Some((start, count))
    }

    fn sized(&self, it: Place) -> Option<&[u8]> {
        let (start, count) = self.extent(it)?;
        self.bytes.get(start..start.checked_add(count)?)
    }

    /// A text up to its zero.
    fn key(&self, at: usize) -> Option<&[u8]> {
        let rest = self.bytes.get(at..)?;
        rest.get(..memchr::memchr(0, rest)?)
    }

    /// Elements that each have a type of their own, behind them.
    fn vector(&mut self, it: Place, depth: u8) -> Option<Value> {
        let (start, count) = self.extent(it)?;
        let types = start.checked_add(count.checked_mul(it.part)?)?;
        self.bytes.get(types..types.checked_add(count)?)?;
        let mut items = Vec::new();
        for index in 0..count {
            let packed = *self.bytes.get(types.checked_add(index)?)?;
            let at = start.checked_add(index.checked_mul(it.part)?)?;
            items.push(self.value(place(at, it.part, packed), depth)?);
        }
        Some(Value::List(items))
    }

    /// A vector with another of keys.
    fn map(&mut self, it: Place, depth: u8) -> Option<Value> {
        let Value::List(values) = self.vector(it, depth)? else { return None };
        let start = self.follow(it)?;
        let keys_at = start.checked_sub(it.part.checked_mul(3)?)?;
        let keys = keys_at.checked_sub(to_usize(self.uint(keys_at, it.part)?))?;
        let width_at = start.checked_sub(it.part.checked_mul(2)?)?;
        let width = to_usize(self.uint(width_at, it.part)?);
        let mut items = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let at = keys.checked_add(index.checked_mul(width)?)?;
            let key = at.checked_sub(to_usize(self.uint(at, width)?))?;
            items.push((text(self.key(key)?), value));
        }
        Some(Value::Dict(items))
    }

    /// Elements that share a type, which the type of the vector gives.
    fn typed(&mut self, it: Place) -> Option<Value> {
        let (start, count) = self.extent(it)?;
        let kind = match it.kind {
            36 => 26,
            15 => 5,
            kind => kind.checked_sub(10)?,
        };
        self.elements(start, count, kind, it.part)
    }

    /// Two to four numbers.
    fn fixed(&mut self, it: Place) -> Option<Value> {
        let nth = it.kind.checked_sub(16)?;
        let count = usize::from(nth.checked_div(3)?.checked_add(2)?);
        let kind = nth.checked_rem(3)?.checked_add(1)?;
        self.elements(self.follow(it)?, count, kind, it.part)
    }

    fn elements(&mut self, start: usize, count: usize, kind: u8, width: usize) -> Option<Value> {
        self.bytes.get(start..start.checked_add(count.checked_mul(width)?)?)?;
        let mut items = Vec::new();
        for index in 0..count {
            let at = start.checked_add(index.checked_mul(width)?)?;
            items.push(self.value(Place { at, width, kind, part: 1 }, 0)?);
        }
        Some(Value::List(items))
    }

    fn uint(&self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(width)?)?;
        let mut wide = [0; 8];
        wide.get_mut(..width)?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(wide))
    }

    fn int(&self, at: usize, width: usize) -> Option<i64> {
        let bytes = self.bytes.get(at..at.checked_add(width)?)?;
        Some(match width {
            1 => i64::from(i8::from_le_bytes(bytes.try_into().ok()?)),
            2 => i64::from(i16::from_le_bytes(bytes.try_into().ok()?)),
            4 => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
            _ => i64::from_le_bytes(bytes.try_into().ok()?),
        })
    }

    fn float(&self, at: usize, width: usize) -> Option<f64> {
        let bytes = self.bytes.get(at..at.checked_add(width)?)?;
        match width {
            4 => Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?))),
            8 => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
            _ => None,
        }
    }
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Long(number.to_string()), Value::Int)
}

fn text(bytes: &[u8]) -> Value {
    Value::Text(excerpt(bytes))
}

fn excerpt(bytes: &[u8]) -> Excerpt {
    let head = bytes.get(..bytes.len().min(TEXT)).unwrap_or_default();
    Excerpt { head: head.to_vec(), len: davy_bytes::to_u64(bytes.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_scalars_is_read() {
        // {"a": 5, "b": [1.5, true], "c": "text", "d": [1, 2, 3]}, as flatbuffers 25 writes it.
        let bytes = [
            97, 0, 98, 0, 2, 0, 0, 0, 0, 0, 192, 63, 1, 0, 0, 0, 14, 106, 99, 0, 4, 116, 101, 120,
            116, 0, 100, 0, 3, 1, 2, 3, 4, 4, 4, 4, 36, 35, 20, 13, 4, 1, 4, 5, 36, 24, 17, 4, 42,
            20, 40, 8, 36, 1,
        ];
        let shown = decode(&bytes).unwrap().to_string();
        assert_eq!(shown, "{'a': 5, 'b': [1.5, True], 'c': 'text', 'd': [1, 2, 3]}");
        let simple = [b'a', 0, 1, 3, 1, 1, 1, 5, 4, 2, 36, 1];
        assert_eq!(decode(&simple).unwrap().to_string(), "{'a': 5}");
    }

    #[test]
    fn what_leads_outside_is_no_value() {
        for bytes in [&[][..], &[1], &[0, 4, 3], &[200, 20, 1], &[255, 40, 1], &[9, 36, 1]] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn parts_that_are_shared_without_end_stop() {
        // A vector whose only element is the vector itself.
        let bytes = [1, 0, 40, 2, 40, 1];
        assert_eq!(decode(&bytes), None);
    }
}
