//! Values of elements, as far as people and rules want to see them.

use super::access::Access;
use super::dataspace::Dataspace;
use super::datatype::{Class, Datatype, Member, Padding, Referent};
use super::fields::Fields;
use super::global::{HeapId, Heaps};
use super::number::{float, integer};
use davy_artifact::{Excerpt, Value};
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};
use std::collections::HashMap;

/// Elements of an array that are shown.
const ELEMENTS: usize = 64;

/// Values that are shown in all, arrays within arrays included.
const PARTS: usize = 512;

/// Bytes of a text or opaque value that are kept.
const HEAD: usize = 1024;

/// What it takes to make values of elements.
pub(super) struct Decoder<'a, 'b> {
    pub(super) access: &'a mut Access<'b>,
    pub(super) heaps: &'a mut Heaps,
    /// Paths of objects, by the address of their header.
    pub(super) paths: &'a HashMap<u64, String>,
    parts: usize,
}

impl<'a, 'b> Decoder<'a, 'b> {
    pub(super) fn new(
        access: &'a mut Access<'b>,
        heaps: &'a mut Heaps,
        paths: &'a HashMap<u64, String>,
    ) -> Self {
        Self { access, heaps, paths, parts: PARTS }
    }

    /// The value of an attribute or dataset of the given type and shape, stored in `bytes`, which
    /// stand at offset `at`.
    pub(super) fn all(
        &mut self,
        (datatype, dataspace): (&Datatype, &Dataspace),
        bytes: &Bytes,
        at: u64,
    ) -> Result<Value, Halt> {
        let size = to_usize(datatype.size);
        let shown = dataspace.elements().min(to_u64(ELEMENTS));
        let len = datatype.size.saturating_mul(shown);
        let raw = bytes.copy(Span::new(0, len), to_usize(len))?;
        match dataspace {
            Dataspace::Null => Ok(Value::None),
            Dataspace::Scalar => self.one(datatype, &raw, at),
            Dataspace::Simple { .. } => self.many(datatype, (&raw, size), dataspace.elements(), at),
        }
    }

    /// A list of `count` elements, of which `raw` holds the first.
    fn many(
        &mut self,
        datatype: &Datatype,
        (raw, size): (&[u8], usize),
        count: u64,
        at: u64,
    ) -> Result<Value, Halt> {
        let mut items = Vec::new();
        for (index, element) in raw.chunks_exact(size.max(1)).take(ELEMENTS).enumerate() {
            let Some(left) = self.parts.checked_sub(1) else { break };
            self.parts = left;
            let at = at.saturating_add(to_u64(index.saturating_mul(size)));
            items.push(self.one(datatype, element, at)?);
        }
        let more = count.saturating_sub(to_u64(items.len()));
        if more > 0 {
            items.push(Value::More(more));
        }
        Ok(Value::List(items))
    }

    /// The value of one element. Recursion ends with the type, whose depth is limited.
    fn one(&mut self, datatype: &Datatype, raw: &[u8], at: u64) -> Result<Value, Halt> {
        let raw = raw.get(..to_usize(datatype.size)).unwrap_or(raw);
        Ok(match &datatype.class {
            Class::Integer { bits, signed } => integer(raw, *bits, *signed),
            Class::Time { bits } | Class::Bitfield { bits } => integer(raw, *bits, false),
            Class::Float(parts) => float(raw, parts),
            Class::Text { padding, .. } => Value::Text(excerpt(unpadded(raw, *padding))),
            Class::Opaque { .. } => Value::Bytes(excerpt(raw)),
            Class::Enum { .. } if datatype.is_boolean() => Value::Bool(raw != [0]),
            Class::Enum { base, .. } => self.one(base, raw, at)?,
            Class::Compound(members) => self.fields(members, raw, at)?,
            Class::Array { dimensions, base } => {
                let count = dimensions.iter().copied().fold(1, u64::saturating_mul);
                self.many(base, (raw, to_usize(base.size)), count, at)?
            }
            Class::Complex(base) => self.many(base, (raw, to_usize(base.size)), 2, at)?,
            Class::Reference(referent) => self.reference(*referent, raw, at)?,
            Class::LongText { .. } => self.long_text(raw, at)?,
            Class::Sequence(base) => self.sequence(base, raw, at)?,
        })
    }

    /// The fields of a compound.
    fn fields(&mut self, members: &[Member], raw: &[u8], at: u64) -> Result<Value, Halt> {
        let mut items = Vec::new();
        for member in members.iter().take(ELEMENTS) {
            let part = raw.get(to_usize(member.offset)..).unwrap_or_default();
            let value = self.one(&member.datatype, part, at.saturating_add(member.offset))?;
            items.push((Value::Text(excerpt(&member.name)), value));
        }
        let more = to_u64(members.len().saturating_sub(items.len()));
        if more > 0 {
            items.push((Value::More(more), Value::None));
        }
        Ok(Value::Dict(items))
    }

    /// Text in the global heap, up to its first NUL.
    fn long_text(&mut self, raw: &[u8], at: u64) -> Result<Value, Halt> {
        let Some((bytes, _)) = self.heap(raw, at, 1)? else {
            return Ok(Value::Text(Excerpt::default()));
        };
        let head = bytes.copy(Span::new(0, bytes.len()), HEAD)?;
        let end = head.iter().position(|byte| *byte == 0);
        let len = end.map_or(bytes.len(), to_u64);
        let head = head.get(..end.unwrap_or(head.len())).unwrap_or_default().to_vec();
        Ok(Value::Text(Excerpt { head, len }))
    }

    /// A sequence in the global heap.
    fn sequence(&mut self, base: &Datatype, raw: &[u8], at: u64) -> Result<Value, Halt> {
        let Some((bytes, span)) = self.heap(raw, at, base.size)? else {
            return Ok(Value::List(Vec::new()));
        };
        let count = bytes.len().checked_div(base.size).unwrap_or(0);
        let len = base.size.saturating_mul(count.min(to_u64(ELEMENTS)));
        let head = bytes.copy(Span::new(0, len), to_usize(len))?;
        self.many(base, (&head, to_usize(base.size)), count, span.start)
    }

    /// What an element of variable length has in the global heap, `None` where it is empty: a
    /// number of elements of `size` bytes, and where they are.
    pub(super) fn heap(
        &mut self,
        raw: &[u8],
        at: u64,
        size: u64,
    ) -> Result<Option<(Bytes, Span)>, Halt> {
        let mut fields = Fields::new(raw, at, self.access.space.widths);
        let count = u64::from(fields.u32("length of an element")?);
        let address = fields.address("address of a global heap")?;
        let index = fields.u32("index in a global heap")?;
        let Some(address) = address.filter(|_| count > 0) else { return Ok(None) };
        let span = self.heaps.find(self.access, HeapId { address, index }, at)?;
        let len = count.saturating_mul(size);
        if len > span.len {
            let what = format!("element of {len} bytes, where its global heap has {}", span.len);
            return Err(Halt::malformed(at, what));
        }
        let span = Span::new(span.start, len);
        Ok(Some((self.access.space.bytes.slice(span), span)))
    }

    /// The path of what a reference refers to.
    fn reference(&mut self, referent: Referent, raw: &[u8], at: u64) -> Result<Value, Halt> {
        let mut fields = Fields::new(raw, at, self.access.space.widths);
        let address = match referent {
            Referent::Object => fields.address("address of a reference")?,
            Referent::Region => {
                let heap = fields.address("address of a global heap")?;
                let index = fields.u32("index in a global heap")?;
                match heap.filter(|heap| *heap != 0 || index != 0) {
                    Some(address) => {
                        let span = self.heaps.find(self.access, HeapId { address, index }, at)?;
                        let raw = self.access.space.bytes.copy(span, 32)?;
                        let widths = self.access.space.widths;
                        Fields::new(&raw, span.start, widths).address("address of a reference")?
                    }
                    None => None,
                }
            }
            _ => return Ok(Value::Unknown("a reference of HDF5 1.12")),
        };
        Ok(match address {
            None | Some(0) => Value::None,
            Some(address) => match self.paths.get(&address) {
                Some(path) => Value::Text(excerpt(path.as_bytes())),
                None => Value::Unknown("a reference to no known object"),
            },
        })
    }
}

/// Text without its padding, as NumPy has it once libhdf5 has converted it.
pub(super) fn unpadded(raw: &[u8], padding: Padding) -> &[u8] {
    match padding {
        Padding::Terminated => raw.split(|byte| *byte == 0).next().unwrap_or(raw),
        Padding::Nulls => stripped(raw, 0),
        Padding::Spaces => stripped(stripped(raw, b' '), 0),
    }
}

/// `raw` up to the last byte that is not `pad`.
pub(super) fn stripped(raw: &[u8], pad: u8) -> &[u8] {
    let last = raw.iter().rposition(|byte| *byte != pad);
    raw.get(..last.map_or(0, |last| last.saturating_add(1))).unwrap_or(raw)
}

fn excerpt(raw: &[u8]) -> Excerpt {
    Excerpt { head: raw.iter().copied().take(HEAD).collect(), len: to_u64(raw.len()) }
}
