//! Object headers: the messages that say what an object is.
//!
//! Source: HDF5 File Format Specification, IV.A.1 "Data Object Header Prefix".

use super::access::{Access, Ledger};
use super::fields::{Block, Fields, padded};
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Halt, Span, to_u64};
use std::collections::{HashSet, VecDeque};

/// Continuation blocks of one header; libhdf5 writes one for a few dozen messages that came late.
const CHUNKS: usize = 10_000;

/// Messages of one header: twice as many attributes and links as headers hold by their own limits.
const MESSAGES: usize = 200_000;

/// Types of messages that the specification numbers.
pub(super) mod kind {
    pub(crate) const NIL: u16 = 0x00;
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const FILTERS: u16 = 0x0b;
    pub(crate) const ATTRIBUTE: u16 = 0x0c;
    pub(crate) const SHARED_TABLE: u16 = 0x0f;
    pub(crate) const CONTINUATION: u16 = 0x10;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const B_TREE_VALUES: u16 = 0x13;
    pub(crate) const DRIVER: u16 = 0x14;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
    pub(crate) const FILE_SPACE: u16 = 0x17;
    pub(crate) const CACHE_IMAGE: u16 = 0x18;
    /// The highest type that libhdf5 knows.
    pub(crate) const LAST: u16 = 0x18;
}

/// One message of a header.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) flags: u8,
    pub(super) body: Block,
}

impl Message {
    /// Whether the body only says where the message is.
    pub(super) fn is_shared(&self) -> bool {
        self.flags & 0x02 != 0
    }

    /// Whether libhdf5 opens nothing with such a message if it does not know its type.
    fn is_vital(&self) -> bool {
        self.flags & 0x80 != 0
    }
}

/// An object's header.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Where its first part stands.
    pub(super) span: Span,
    pub(super) messages: Vec<Message>,
}

impl Header {
    /// Every message of a type.
    pub(super) fn all(&self, kind: u16) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| message.kind == kind)
    }

    /// The first message of a type: the one that libhdf5 takes.
    pub(super) fn first(&self, kind: u16) -> Option<&Message> {
        self.all(kind).next()
    }
}

/// How the messages of a header are laid out.
#[derive(Clone, Copy)]
enum Form {
    /// Version 1: aligned to eight bytes, without signatures and checksums.
    Aligned,
    /// Version 2; whether messages have a number for the order in which they were made.
    Packed { ordered: bool },
}

/// Reads the header at `address` with all its continuations. Faults in continuations are recorded,
/// and what stands before them is kept.
///
/// # Errors
/// As [`Access::block`], and [`Halt::malformed`] where there is no header.
pub(super) fn read(access: &mut Access<'_>, address: u64) -> Result<Header, Halt> {
    let start = access.block(address, 4, "object header")?;
    let (form, chunk, body) = match start.data.as_slice() {
        b"OHDR" => packed_prefix(access, address)?,
        [1, ..] => aligned_prefix(access, address)?,
        [version, ..] => {
            let what = format!("no object header: version {version}");
            return Err(Halt::malformed(start.at, what));
        }
        [] => return Err(Halt::malformed(start.at, "no object header")),
    };
    let mut header = Header { span: chunk.span(), messages: Vec::new() };
    let mut ahead = VecDeque::new();
    // What stands before a fault in a header is kept: another reader may not care.
    if let Err(halt) = messages(access, &chunk, body, form, &mut (&mut header, &mut ahead)) {
        access.survive(halt, chunk.span(), "object header")?;
    }
    continuations(access, form, &mut header, &mut ahead)?;
    Ok(header)
}

/// Reads the header at `address` for the sake of a message in it, while the object itself is read
/// elsewhere.
pub(super) fn peek(access: &mut Access<'_>, address: u64) -> Result<Header, Halt> {
    let (mut reading, mut ledger) = (Reading::default(), Ledger::default());
    let Access { space, budget, .. } = access;
    let mut apart = Access { space, budget, reading: &mut reading, ledger: &mut ledger };
    read(&mut apart, address)
}

/// The first part of a header of version 1, and which bytes of it hold messages.
fn aligned_prefix(
    access: &mut Access<'_>,
    address: u64,
) -> Result<(Form, Block, (usize, usize)), Halt> {
    let prefix = access.block(address, 16, "object header")?;
    let mut fields = access.fields(&prefix);
    fields.take(8, "object header")?;
    let size = fields.u32("size of the object header")?;
    let len = u64::from(size).saturating_add(16);
    let chunk = access.structure(address, len, "object header")?;
    let end = chunk.data.len();
    Ok((Form::Aligned, chunk, (16, end)))
}

/// The same of version 2.
fn packed_prefix(
    access: &mut Access<'_>,
    address: u64,
) -> Result<(Form, Block, (usize, usize)), Halt> {
    /// Longest prefix: signature, version, flags, four times, two phases, size.
    const PREFIX: u64 = 4 + 1 + 1 + 16 + 4 + 8;
    let there = access.space.bytes.len().saturating_sub(access.space.offset(address));
    let prefix = access.block(address, PREFIX.min(there), "object header")?;
    let mut fields = access.signed(&prefix, b"OHDR", "object header")?;
    match fields.u8("version of the object header")? {
        2 => {}
        version => return Err(fields.fault(format!("object header of version {version}"))),
    }
    let flags = fields.u8("flags of the object header")?;
    if flags & 0x20 != 0 {
        fields.take(16, "times of the object")?;
    }
    if flags & 0x10 != 0 {
        fields.take(4, "limits of attribute storage")?;
    }
    let width = 1_usize << (flags & 0x03);
    let size = fields.number(width, "size of the object header")?;
    let start = fields.offset();
    let len = to_u64(start).saturating_add(size).saturating_add(4);
    let chunk = access.structure(address, len, "object header")?;
    access.verify(&chunk, "object header");
    let end = chunk.data.len().saturating_sub(4);
    Ok((Form::Packed { ordered: flags & 0x04 != 0 }, chunk, (start, end)))
}

/// A header being read, and the continuations of it that wait: address, length, and where that is
/// said.
type Growing<'a> = (&'a mut Header, &'a mut VecDeque<(u64, u64, Span)>);

/// Reads the parts of a header that its first part leads to.
fn continuations(
    access: &mut Access<'_>,
    form: Form,
    header: &mut Header,
    ahead: &mut VecDeque<(u64, u64, Span)>,
) -> Result<(), Halt> {
    let mut seen = HashSet::new();
    while let Some((address, len, said)) = ahead.pop_front() {
        if !seen.insert(address) || seen.len() > CHUNKS {
            let what = "a continuation of an object header that leads back to one before it";
            access.reading.deviation(Quirk::Cycle, said, Route::None, what);
            continue;
        }
        if let Err(halt) = continuation(access, form, (address, len), &mut (header, ahead)) {
            access.survive(halt, said, "continuation of an object header")?;
        }
    }
    Ok(())
}

fn continuation(
    access: &mut Access<'_>,
    form: Form,
    (address, len): (u64, u64),
    growing: &mut Growing<'_>,
) -> Result<(), Halt> {
    let chunk = access.structure(address, len, "object header continuation")?;
    let end = chunk.data.len();
    let body = match form {
        Form::Aligned => (0, end),
        Form::Packed { .. } => {
            access.signed(&chunk, b"OCHK", "object header continuation")?;
            access.verify(&chunk, "object header continuation");
            (4, end.saturating_sub(4))
        }
    };
    messages(access, &chunk, body, form, growing)
}

/// Reads the messages in `body` of `chunk`.
fn messages(
    access: &mut Access<'_>,
    chunk: &Block,
    (start, end): (usize, usize),
    form: Form,
    (header, ahead): &mut Growing<'_>,
) -> Result<(), Halt> {
    let at = chunk.at.saturating_add(to_u64(start));
    let part = chunk.part(start, end.saturating_sub(start));
    let mut fields = Fields::new(part, at, access.space.widths);
    while let Some(message) = message(&mut fields, form)? {
        access.steps(1, message.body.at)?;
        match message.kind {
            kind::NIL => {}
            kind::CONTINUATION => {
                let mut target = access.fields(&message.body);
                let address = target.address("address of the continuation")?;
                let len = target.length("length of the continuation")?;
                if let Some(address) = address {
                    ahead.push_back((address, len, message.body.span()));
                }
            }
            kind if kind > kind::LAST => unknown(access, &message),
            _ if header.messages.len() >= MESSAGES => {
                let what = format!("more than {MESSAGES} messages in an object header");
                return Err(Halt::exhausted(message.body.at, what));
            }
            _ => header.messages.push(message),
        }
    }
    Ok(())
}

/// The next message, or `None` where only a gap is left.
fn message(fields: &mut Fields<'_>, form: Form) -> Result<Option<Message>, Halt> {
    let prefix = match form {
        Form::Aligned => 8,
        Form::Packed { ordered: true } => 6,
        Form::Packed { ordered: false } => 4,
    };
    if fields.remaining() < prefix {
        return Ok(None);
    }
    let kind = match form {
        Form::Aligned => fields.u16("type of a message")?,
        Form::Packed { .. } => fields.u8("type of a message")?.into(),
    };
    let size = usize::from(fields.u16("size of a message")?);
    let flags = fields.u8("flags of a message")?;
    match form {
        Form::Aligned => fields.pass(3),
        Form::Packed { ordered } => fields.pass(if ordered { 2 } else { 0 }),
    }
    let at = fields.position();
    let left = fields.remaining();
    let data = fields.take(size, "message").map_err(|_| {
        let what = format!("message of type {kind:#x} and {size} bytes, where {left} are left");
        Halt::malformed(at, what)
    })?;
    let body = Block { data: data.to_vec(), at };
    if matches!(form, Form::Aligned) {
        fields.pass(padded(size).saturating_sub(size));
    }
    Ok(Some(Message { kind, flags, body }))
}

/// A message of a type that no specification numbers: libhdf5 passes it over, or opens nothing that
/// has it where the message says so.
fn unknown(access: &mut Access<'_>, message: &Message) {
    let kind = message.kind;
    let what = if message.is_vital() {
        format!("message of unknown type {kind:#x}, for which libhdf5 refuses the object")
    } else {
        format!("message of unknown type {kind:#x}, which libhdf5 passes over")
    };
    access.reading.deviation(Quirk::Handmade, message.body.span(), Route::None, &what);
}
