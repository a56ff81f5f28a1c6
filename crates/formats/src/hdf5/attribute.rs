//! Attributes: small named values that objects have.
//!
//! Source: HDF5 File Format Specification, IV.A.2.m "The Attribute Message".

use super::access::Access;
use super::dataspace::{self, Dataspace};
use super::datatype::Datatype;
use super::fields::{Block, Fields, padded};
use super::header::{Header, kind};
use super::heap::Fractal;
use super::object::Types;
use super::{btree2, header};
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};
use std::rc::Rc;

/// A named value of an object.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name, as it is spelled.
    pub name: Vec<u8>,
    /// The type of its elements.
    pub datatype: Rc<Datatype>,
    /// How many elements there are.
    pub dataspace: Dataspace,
    /// The elements as they are stored; what has variable length lies in a global heap.
    pub stored: Bytes,
    /// Where they stand in the file, or where that stands from which they were unpacked.
    pub span: Span,
}

/// The attributes of the object with the given header, by name. What cannot be read is recorded.
///
/// # Errors
/// Only what ends the whole reading.
pub(super) fn attributes(
    access: &mut Access<'_>,
    types: &mut Types,
    header: &Header,
    path: &str,
) -> Result<Vec<Attribute>, Halt> {
    let mut found = Vec::new();
    let told = format!("attribute of {path}");
    for message in header.all(kind::ATTRIBUTE) {
        match body(access, types, message).and_then(|body| read(access, types, &body)) {
            Ok(attribute) => found.push(attribute),
            Err(halt) => access.survive(halt, message.body.span(), &told)?,
        }
    }
    if let Some(message) = header.first(kind::ATTRIBUTE_INFO)
        && let Err(halt) = dense(access, types, &message.body, (&told, &mut found))
    {
        access.survive(halt, message.body.span(), &told)?;
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The body of a message, followed to where it is shared.
fn body(
    access: &mut Access<'_>,
    types: &mut Types,
    message: &header::Message,
) -> Result<Block, Halt> {
    if !message.is_shared() {
        return Ok(message.body.clone());
    }
    let mut fields = Fields::new(&message.body.data, message.body.at, access.space.widths);
    types.shared.follow(access, &mut fields, kind::ATTRIBUTE)
}

/// Attributes in a fractal heap, found by a B-tree of the hashes of their names.
fn dense(
    access: &mut Access<'_>,
    types: &mut Types,
    message: &Block,
    (told, found): (&str, &mut Vec<Attribute>),
) -> Result<(), Halt> {
    let mut fields = access.fields(message);
    match fields.u8("version of attribute information")? {
        0 => {}
        version => return Err(fields.fault(format!("attribute information of version {version}"))),
    }
    let flags = fields.u8("flags of attribute information")?;
    if flags & 0x01 != 0 {
        fields.take(2, "creation order of attributes")?;
    }
    let heap = fields.address("address of a heap of attributes")?;
    let names = fields.address("address of an index of attributes")?;
    let order =
        if flags & 0x02 != 0 { fields.address("address of an index of attributes")? } else { None };
    let (Some(heap), Some(names)) = (heap, names) else { return Ok(()) };
    let mut heap = Fractal::open(access, heap)?;
    if let Some(order) = order {
        btree2::claim(access, order)?;
    }
    btree2::each(access, names, &mut |access, record, at| {
        match indexed(access, types, &mut heap, (record, at)) {
            Ok(attribute) => found.push(attribute),
            Err(halt) => access.survive(halt, Span::new(at, 0), told)?,
        }
        Ok(())
    })
}

/// The attribute that a record of type 8 leads to: the heap's identifier, flags, creation order,
/// hash of the name.
fn indexed(
    access: &mut Access<'_>,
    types: &mut Types,
    heap: &mut Fractal,
    (record, at): (&[u8], u64),
) -> Result<Attribute, Halt> {
    let mut fields = Fields::new(record, at, access.space.widths);
    let id = fields.take(8, "identifier of an attribute")?;
    let flags = fields.u8("flags of an attribute")?;
    let body = if flags & 0x02 != 0 {
        let shared = [&[3, 1], id].concat();
        let mut place = Fields::new(&shared, at, access.space.widths);
        types.shared.follow(access, &mut place, kind::ATTRIBUTE)?
    } else {
        let object = heap.object(access, id, at)?;
        Block { data: object.data, at: object.at }
    };
    read(access, types, &body)
}

/// Reads an attribute message.
fn read(access: &mut Access<'_>, types: &mut Types, body: &Block) -> Result<Attribute, Halt> {
    access.hold(to_u64(body.data.len()).saturating_add(256), body.at)?;
    let mut fields = Fields::new(&body.data, body.at, access.space.widths);
    let version = fields.u8("version of an attribute")?;
    if !(1..=3).contains(&version) {
        return Err(Halt::malformed(body.at, format!("attribute of version {version}")));
    }
    let flags = fields.u8("flags of an attribute")?;
    let flags = if version == 1 { 0 } else { flags };
    let sizes = [
        usize::from(fields.u16("length of an attribute's name")?),
        usize::from(fields.u16("size of an attribute's type")?),
        usize::from(fields.u16("size of an attribute's shape")?),
    ];
    if version == 3 {
        fields.take(1, "character set of an attribute")?;
    }
    let mut part = |len: usize, what| {
        let at = fields.position();
        let raw = fields.take(len, what)?;
        if version == 1 {
            fields.pass(padded(len).saturating_sub(len));
        }
        Ok::<_, Halt>((raw, at))
    };
    let [name, datatype, dataspace] = sizes;
    let (name, _) = part(name, "name of an attribute")?;
    let datatype = part(datatype, "type of an attribute")?;
    let dataspace = part(dataspace, "shape of an attribute")?;
    let datatype = types.read(access, datatype, flags & 0x01 != 0)?;
    let dataspace = shape(access, types, dataspace, flags & 0x02 != 0)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default().to_vec();
    let len = dataspace.elements().saturating_mul(datatype.size);
    let there = to_u64(fields.remaining());
    if len > there {
        let what = format!("attribute of {len} bytes, where {there} are left");
        return Err(Halt::malformed(fields.position(), what));
    }
    let span = fields.span(to_usize(len));
    let raw = fields.take(to_usize(len), "value of an attribute")?;
    let (stored, span) = view(access, span, raw);
    Ok(Attribute { name, datatype, dataspace, stored, span })
}

/// The bytes as a view of the file, unless they were unpacked; and where in the file they stand.
fn view(access: &Access<'_>, span: Span, raw: &[u8]) -> (Bytes, Span) {
    let there = access.space.bytes.slice(span);
    let same = there.copy(Span::new(0, there.len()), raw.len()).is_ok_and(|copy| copy == raw);
    if same {
        return (there, span);
    }
    (Bytes::from_memory(raw), Span::new(span.start.min(access.space.bytes.len()), 0))
}

fn shape(
    access: &mut Access<'_>,
    types: &mut Types,
    (raw, at): (&[u8], u64),
    shared: bool,
) -> Result<Dataspace, Halt> {
    let mut fields = Fields::new(raw, at, access.space.widths);
    if !shared {
        return dataspace::read(&mut fields);
    }
    let body = types.shared.follow(access, &mut fields, kind::DATASPACE)?;
    dataspace::read(&mut access.fields(&body))
}
