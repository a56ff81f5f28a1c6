//! Datatypes: what an element is, down to its bits.
//!
//! Source: HDF5 File Format Specification, IV.A.2.d "The Datatype Message".

use super::fields::{Fields, bytes_for};
use davy_bytes::{Halt, escape_bytes};
use std::fmt::{self, Write};
use std::rc::Rc;

/// Datatypes inside datatypes; stops messages whose reading would nest without end.
const DEPTH: usize = 32;

/// Longest description, in characters.
const SHOWN: usize = 400;

/// The type of an element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Datatype {
    /// What kind of type it is, and its parts.
    pub class: Class,
    /// Size of an element, in bytes.
    pub size: u64,
}

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
    /// The VAX's: pairs of little-endian bytes, the first pair most significant.
    Vax,
}

/// Which bits of an element are its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bits {
    /// Order of the bytes.
    pub order: Order,
    /// Index of the first bit, the least significant one being 0.
    pub offset: u16,
    /// How many bits there are.
    pub precision: u16,
}

/// The parts of a floating-point number, as indices and counts of bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Float {
    /// Which bits are the number.
    pub bits: Bits,
    /// Index of the sign.
    pub sign: u8,
    /// Index of the exponent's first bit.
    pub exponent: u8,
    /// Bits of the exponent.
    pub exponent_bits: u8,
    /// Index of the mantissa's first bit.
    pub mantissa: u8,
    /// Bits of the mantissa.
    pub mantissa_bits: u8,
    /// What is subtracted from the exponent.
    pub bias: u32,
    /// Whether the mantissa's first bit is left out, being always set.
    pub implied: bool,
}

/// How a text of fixed length ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Padding {
    /// At the first NUL.
    Terminated,
    /// Before the NULs at its end.
    Nulls,
    /// Before the spaces at its end.
    Spaces,
}

/// A field of a compound.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Its name, as it is spelled.
    pub name: Vec<u8>,
    /// Where it starts in an element, in bytes.
    pub offset: u64,
    /// Its type.
    pub datatype: Datatype,
}

/// What a reference refers to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Referent {
    /// An attribute, in the form of HDF5 1.12 and later.
    Attribute,
    /// An object, by its address.
    Object,
    /// An object, in the form of HDF5 1.12 and later.
    Object2,
    /// A part of a dataset, in a global heap.
    Region,
    /// A part of a dataset, in the form of HDF5 1.12 and later.
    Region2,
}

/// The kinds of types, in the order of their numbers in the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Class {
    /// A whole number.
    Integer {
        /// Which bits.
        bits: Bits,
        /// Whether the highest bit is a sign.
        signed: bool,
    },
    /// A floating-point number.
    Float(Float),
    /// A time, which libhdf5 defines and does not convert.
    Time {
        /// Which bits.
        bits: Bits,
    },
    /// Text of fixed length.
    Text {
        /// How it ends.
        padding: Padding,
        /// Whether it is UTF-8 rather than ASCII.
        unicode: bool,
    },
    /// Bits.
    Bitfield {
        /// Which bits.
        bits: Bits,
    },
    /// Bytes that only their writer understands.
    Opaque {
        /// What the writer calls them.
        tag: Vec<u8>,
    },
    /// Named fields.
    Compound(Vec<Member>),
    /// A reference to something in the same file, or another.
    Reference(Referent),
    /// Named values of a base type.
    Enum {
        /// The type of the values.
        base: Box<Datatype>,
        /// Names with their values as they are stored.
        members: Vec<(Vec<u8>, Vec<u8>)>,
    },
    /// A sequence whose length differs from element to element, in a global heap.
    Sequence(Box<Datatype>),
    /// Text whose length differs from element to element, in a global heap.
    LongText {
        /// Whether it is UTF-8 rather than ASCII.
        unicode: bool,
    },
    /// An array of fixed size.
    Array {
        /// Elements per dimension.
        dimensions: Vec<u64>,
        /// The type of its elements.
        base: Box<Datatype>,
    },
    /// A complex number of two parts.
    Complex(Box<Datatype>),
}

/// Reads a datatype message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Rc<Datatype>, Halt> {
    datatype(fields, 0).map(Rc::new)
}

fn datatype(fields: &mut Fields<'_>, depth: usize) -> Result<Datatype, Halt> {
    let at = fields.position();
    if depth > DEPTH {
        return Err(Halt::exhausted(at, format!("datatypes within datatypes, {DEPTH} levels")));
    }
    let head = fields.u8("class of a datatype")?;
    let flags = u32::try_from(fields.number(3, "flags of a datatype")?).unwrap_or(0);
    let size = u64::from(fields.u32("size of a datatype")?);
    let version = head >> 4;
    if !(1..=5).contains(&version) {
        return Err(Halt::malformed(at, format!("datatype of version {version}")));
    }
    let class = match head & 0x0f {
        0 => Class::Integer { bits: bits(fields, flags)?, signed: flags & 0x08 != 0 },
        1 => Class::Float(float(fields, flags)?),
        2 => {
            let precision = fields.u16("precision of a time")?;
            Class::Time { bits: Bits { order: order(flags), offset: 0, precision } }
        }
        3 => Class::Text { padding: padding(flags), unicode: flags & 0xf0 == 0x10 },
        4 => Class::Bitfield { bits: bits(fields, flags)? },
        5 => opaque(fields, flags)?,
        6 => compound(fields, (flags, size, version), depth)?,
        7 => Class::Reference(referent(flags, at)?),
        8 => enumeration(fields, (flags, version), depth)?,
        9 => sequence(fields, flags, depth)?,
        10 => array(fields, version, depth)?,
        11 => Class::Complex(Box::new(datatype(fields, depth.saturating_add(1))?)),
        class => return Err(Halt::unsupported(at, format!("datatype of class {class}"))),
    };
    Ok(Datatype { class, size })
}

fn order(flags: u32) -> Order {
    if flags & 0x01 != 0 { Order::Big } else { Order::Little }
}

fn padding(flags: u32) -> Padding {
    match flags & 0x0f {
        1 => Padding::Nulls,
        2 => Padding::Spaces,
        _ => Padding::Terminated,
    }
}

fn bits(fields: &mut Fields<'_>, flags: u32) -> Result<Bits, Halt> {
    let offset = fields.u16("bit offset of a datatype")?;
    let precision = fields.u16("precision of a datatype")?;
    Ok(Bits { order: order(flags), offset, precision })
}

fn float(fields: &mut Fields<'_>, flags: u32) -> Result<Float, Halt> {
    let mut bits = bits(fields, flags)?;
    if flags & 0x41 == 0x41 {
        bits.order = Order::Vax;
    }
    Ok(Float {
        bits,
        sign: u8::try_from((flags >> 8) & 0xff).unwrap_or(0),
        exponent: fields.u8("exponent of a number")?,
        exponent_bits: fields.u8("size of an exponent")?,
        mantissa: fields.u8("mantissa of a number")?,
        mantissa_bits: fields.u8("size of a mantissa")?,
        bias: fields.u32("bias of an exponent")?,
        implied: (flags >> 4) & 0x03 == 2,
    })
}

fn opaque(fields: &mut Fields<'_>, flags: u32) -> Result<Class, Halt> {
    let len = usize::try_from(flags & 0xff).unwrap_or(0);
    let raw = fields.take(len, "tag of opaque bytes")?;
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    Ok(Class::Opaque { tag: raw.get(..end).unwrap_or_default().to_vec() })
}

fn referent(flags: u32, at: u64) -> Result<Referent, Halt> {
    match flags & 0x0f {
        0 => Ok(Referent::Object),
        1 => Ok(Referent::Region),
        2 => Ok(Referent::Object2),
        3 => Ok(Referent::Region2),
        4 => Ok(Referent::Attribute),
        kind => Err(Halt::malformed(at, format!("reference of kind {kind}"))),
    }
}

fn compound(
    fields: &mut Fields<'_>,
    (flags, size, version): (u32, u64, u8),
    depth: usize,
) -> Result<Class, Halt> {
    let mut members = Vec::new();
    for _ in 0..flags & 0xffff {
        let name = name(fields, version)?;
        let width = if version >= 3 { bytes_for(size) } else { 4 };
        let offset = fields.number(width, "offset of a field")?;
        let dimensions = if version == 1 { old_dimensions(fields)? } else { Vec::new() };
        let mut inner = datatype(fields, depth.saturating_add(1))?;
        if !dimensions.is_empty() {
            let len = dimensions.iter().copied().fold(inner.size, u64::saturating_mul);
            let class = Class::Array { dimensions, base: Box::new(inner) };
            inner = Datatype { class, size: len };
        }
        members.push(Member { name, offset, datatype: inner });
    }
    Ok(Class::Compound(members))
}

/// The dimensions that a field of a compound itself has in version 1.
fn old_dimensions(fields: &mut Fields<'_>) -> Result<Vec<u64>, Halt> {
    let rank = usize::from(fields.u8("dimensions of a field")?);
    if rank > 4 {
        return Err(fields.fault(format!("field of {rank} dimensions, where there can be 4")));
    }
    fields.take(11, "dimensions of a field")?;
    let mut dimensions = Vec::new();
    for at in 0..4 {
        let len = fields.u32("dimensions of a field")?;
        if at < rank {
            dimensions.push(u64::from(len));
        }
    }
    Ok(dimensions)
}

fn name(fields: &mut Fields<'_>, version: u8) -> Result<Vec<u8>, Halt> {
    let name = match version {
        1 | 2 => fields.padded_name("name in a datatype")?,
        _ => fields.name("name in a datatype")?,
    };
    Ok(name.to_vec())
}

fn enumeration(
    fields: &mut Fields<'_>,
    (flags, version): (u32, u8),
    depth: usize,
) -> Result<Class, Halt> {
    let base = datatype(fields, depth.saturating_add(1))?;
    let mut names = Vec::new();
    for _ in 0..flags & 0xffff {
        names.push(name(fields, version)?);
    }
    let mut members = Vec::new();
    for name in names {
        let value = fields.take(davy_bytes::to_usize(base.size), "value of an enumeration")?;
        members.push((name, value.to_vec()));
    }
    Ok(Class::Enum { base: Box::new(base), members })
}

fn sequence(fields: &mut Fields<'_>, flags: u32, depth: usize) -> Result<Class, Halt> {
    let base = datatype(fields, depth.saturating_add(1))?;
    match flags & 0x0f {
        0 => Ok(Class::Sequence(Box::new(base))),
        1 => Ok(Class::LongText { unicode: (flags >> 8) & 0x0f == 1 }),
        kind => Err(fields.fault(format!("variable-length type of kind {kind}"))),
    }
}

fn array(fields: &mut Fields<'_>, version: u8, depth: usize) -> Result<Class, Halt> {
    let rank = usize::from(fields.u8("dimensions of an array")?);
    if rank > 32 {
        return Err(fields.fault(format!("array of {rank} dimensions, where there can be 32")));
    }
    if version < 3 {
        fields.take(3, "dimensions of an array")?;
    }
    let mut dimensions = Vec::new();
    for _ in 0..rank {
        dimensions.push(u64::from(fields.u32("dimensions of an array")?));
    }
    if version < 3 {
        fields.take(rank.saturating_mul(4), "permutation of an array")?;
    }
    let base = Box::new(datatype(fields, depth.saturating_add(1))?);
    Ok(Class::Array { dimensions, base })
}

impl Datatype {
    /// Whether it is a number, or an array or pair of them: what weights are made of.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        match &self.class {
            Class::Integer { .. } | Class::Float(_) => true,
            Class::Enum { base, .. } | Class::Array { base, .. } | Class::Complex(base) => {
                base.is_numeric()
            }
            _ => false,
        }
    }

    /// Whether elements could be the bytes of something else: bytes, text and opaque values, or
    /// sequences and fields of them.
    #[must_use]
    pub fn is_bytes(&self) -> bool {
        match &self.class {
            Class::Integer { .. } | Class::Bitfield { .. } => self.size == 1,
            Class::Text { .. } | Class::Opaque { .. } | Class::LongText { .. } => true,
            Class::Array { base, .. } | Class::Sequence(base) => base.is_bytes(),
            Class::Compound(members) => members.iter().any(|member| member.datatype.is_bytes()),
            _ => false,
        }
    }

    /// Whether some of an element lies in a global heap.
    #[must_use]
    pub fn is_indirect(&self) -> bool {
        match &self.class {
            Class::Sequence(_) | Class::LongText { .. } => true,
            Class::Reference(referent) => *referent != Referent::Object,
            Class::Array { base, .. } => base.is_indirect(),
            Class::Compound(members) => members.iter().any(|it| it.datatype.is_indirect()),
            _ => false,
        }
    }
}

/// The type as NumPy names it, where it has it, else as a person would say it; cut where it is long.
impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let _ = describe(self, &mut text);
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", text.get(..end).unwrap_or_default()),
            None => f.write_str(&text),
        }
    }
}

fn describe(datatype: &Datatype, out: &mut String) -> fmt::Result {
    if out.len() > SHOWN.saturating_mul(4) {
        return Ok(());
    }
    let size = datatype.size;
    match &datatype.class {
        Class::Integer { bits, signed } => {
            number(out, if *signed { "int" } else { "uint" }, size, *bits)
        }
        Class::Float(float) if is_brain(float, size) => number(out, "bfloat", size, float.bits),
        Class::Float(float) => number(out, "float", size, float.bits),
        Class::Time { bits } => number(out, "time", size, *bits),
        Class::Text { .. } => write!(out, "string[{size}]"),
        Class::Bitfield { bits } => number(out, "bits", size, *bits),
        Class::Opaque { tag } if tag.is_empty() => write!(out, "opaque[{size}]"),
        Class::Opaque { tag } => write!(out, "opaque[{size}] {}", escape_bytes(tag)),
        Class::Compound(members) => {
            out.write_char('{')?;
            for (at, member) in members.iter().enumerate() {
                let separator = if at == 0 { "" } else { ", " };
                write!(out, "{separator}{}: ", escape_bytes(&member.name))?;
                describe(&member.datatype, out)?;
            }
            out.write_char('}')
        }
        Class::Reference(Referent::Object | Referent::Object2) => out.write_str("object reference"),
        Class::Reference(Referent::Attribute) => out.write_str("attribute reference"),
        Class::Reference(_) => out.write_str("region reference"),
        Class::Enum { base, .. } if datatype.is_boolean() => {
            let _ = base;
            out.write_str("bool")
        }
        Class::Enum { base, .. } => wrapped(out, "enum", base),
        Class::Sequence(base) => wrapped(out, "sequence", base),
        Class::LongText { .. } => out.write_str("string"),
        Class::Array { dimensions, base } => {
            describe(base, out)?;
            write!(out, "{dimensions:?}")
        }
        Class::Complex(base) => wrapped(out, "complex", base),
    }
}

fn wrapped(out: &mut String, what: &str, base: &Datatype) -> fmt::Result {
    write!(out, "{what}<")?;
    describe(base, out)?;
    out.write_char('>')
}

/// Name, bits, and what is unusual about them.
fn number(out: &mut String, name: &str, size: u64, bits: Bits) -> fmt::Result {
    let all = size.saturating_mul(8);
    match bits.order {
        Order::Little => {}
        Order::Big if size > 1 => out.write_str("big-endian ")?,
        Order::Big => {}
        Order::Vax => out.write_str("VAX ")?,
    }
    write!(out, "{name}{all}")?;
    if u64::from(bits.precision) != all {
        write!(out, " ({} bits from {})", bits.precision, bits.offset)?;
    }
    Ok(())
}

/// Whether a number is a `bfloat16`.
fn is_brain(float: &Float, size: u64) -> bool {
    size == 2 && float.exponent_bits == 8 && float.mantissa_bits == 7
}

impl Datatype {
    /// Whether it is the enumeration that h5py and PyTables write for truth values.
    #[must_use]
    pub fn is_boolean(&self) -> bool {
        let Class::Enum { members, .. } = &self.class else { return false };
        let is = |member: Option<&(Vec<u8>, Vec<u8>)>, name: &[u8], value: u8| {
            member.is_some_and(|it| it.0 == name && it.1 == [value])
        };
        members.len() == 2 && is(members.first(), b"FALSE", 0) && is(members.get(1), b"TRUE", 1)
    }
}
