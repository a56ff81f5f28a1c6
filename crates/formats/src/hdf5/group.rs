//! Groups: the links that a group has, whichever way it keeps them.
//!
//! Source: HDF5 File Format Specification, III.A to III.D (B-trees, symbol tables, local heaps),
//! IV.A.2.c "The Link Info Message".

use super::access::Access;
use super::claims::Use;
use super::fields::{Block, Fields, number};
use super::header::{Header, Message, kind};
use super::heap::{self, Fractal};
use super::link::{self, Link, Target};
use super::{btree1, btree2};
use davy_bytes::{Halt, Span, to_u64, to_usize};

/// Longest name in a local heap; the newer forms of groups have no longer ones either.
const NAME: usize = 1 << 16;

/// Bytes that a link takes in memory besides its name.
const LINK: u64 = 128;

/// The links of the group with the given header, by name. What cannot be read is recorded.
///
/// # Errors
/// Only what ends the whole reading.
pub(super) fn links(
    access: &mut Access<'_>,
    header: &Header,
    path: &str,
) -> Result<Vec<Link>, Halt> {
    let mut links = Vec::new();
    for message in header.all(kind::LINK) {
        access.hold(LINK.saturating_add(message.body.span().len), message.body.at)?;
        match link::read(&mut access.fields(&message.body)) {
            Ok(link) => links.push(link),
            Err(halt) => access.survive(halt, message.body.span(), &told("link", path))?,
        }
    }
    if let Some(message) = header.first(kind::LINK_INFO)
        && let Err(halt) = dense(access, message, &mut links)
    {
        access.survive(halt, message.body.span(), &told("links", path))?;
    }
    if let Some(message) = header.first(kind::SYMBOL_TABLE)
        && let Err(halt) = table(access, message, path, &mut links)
    {
        access.survive(halt, message.body.span(), &told("symbol table", path))?;
    }
    links.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(links)
}

/// What of which group, for a gap.
fn told(what: &str, path: &str) -> String {
    format!("{what} of group {path}")
}

/// Whether libhdf5 takes a header for that of a group.
pub(super) fn is_group(header: &Header) -> bool {
    [kind::SYMBOL_TABLE, kind::LINK_INFO].iter().any(|kind| header.first(*kind).is_some())
}

/// Links in a fractal heap, found by a B-tree of the hashes of their names.
fn dense(access: &mut Access<'_>, message: &Message, links: &mut Vec<Link>) -> Result<(), Halt> {
    let mut fields = access.fields(&message.body);
    match fields.u8("version of link information")? {
        0 => {}
        version => return Err(fields.fault(format!("link information of version {version}"))),
    }
    let flags = fields.u8("flags of link information")?;
    if flags & 0x01 != 0 {
        fields.take(8, "creation order of links")?;
    }
    let heap = fields.address("address of a heap of links")?;
    let names = fields.address("address of an index of links")?;
    let order =
        if flags & 0x02 != 0 { fields.address("address of an index of links")? } else { None };
    let (Some(heap), Some(names)) = (heap, names) else { return Ok(()) };
    let mut heap = Fractal::open(access, heap)?;
    if let Some(order) = order {
        btree2::claim(access, order)?;
    }
    btree2::each(access, names, &mut |access, record, at| {
        // Type 5: the hash of the name, then the heap's identifier of the message.
        let id = record.get(4..).unwrap_or_default();
        match heap.object(access, id, at).and_then(|object| stored(access, &object)) {
            Ok(link) => links.push(link),
            Err(halt) => access.survive(halt, Span::new(at, 0), "link")?,
        }
        Ok(())
    })
}

/// The link that an object of a heap is.
fn stored(access: &mut Access<'_>, object: &heap::Object) -> Result<Link, Halt> {
    access.hold(LINK.saturating_add(to_u64(object.data.len())), object.at)?;
    let mut fields = Fields::new(&object.data, object.at, access.space.widths);
    let link = link::read(&mut fields)?;
    Ok(Link { span: object.span, ..link })
}

/// Links in the nodes of a symbol table.
fn table(
    access: &mut Access<'_>,
    message: &Message,
    path: &str,
    links: &mut Vec<Link>,
) -> Result<(), Halt> {
    let mut fields = access.fields(&message.body);
    let tree = fields.address("address of a symbol table")?;
    let heap = fields.address("address of a local heap")?;
    let (Some(tree), Some(heap)) = (tree, heap) else { return Ok(()) };
    let names = local_heap(access, heap)?;
    for node in btree1::children(access, tree)? {
        if let Err(halt) = node_links(access, node, &names, links) {
            let span = Span::new(access.space.offset(node), 0);
            access.survive(halt, span, &told("symbol table node", path))?;
        }
    }
    Ok(())
}

/// The data of the local heap at `address`.
pub(super) fn local_heap(access: &mut Access<'_>, address: u64) -> Result<Block, Halt> {
    let widths = access.space.widths;
    let len = to_u64(widths.length.saturating_mul(2).saturating_add(widths.address));
    let head = access.structure(address, len.saturating_add(8), "local heap")?;
    let mut fields = access.signed(&head, b"HEAP", "local heap")?;
    fields.take(4, "version of a local heap")?;
    let size = fields.length("size of a local heap")?;
    fields.length("free list of a local heap")?;
    match fields.address("address of a local heap's data")? {
        Some(data) => access.structure(data, size, "local heap data"),
        None => Err(fields.fault("local heap without data")),
    }
}

/// The entries of one node of a symbol table.
fn node_links(
    access: &mut Access<'_>,
    address: u64,
    names: &Block,
    links: &mut Vec<Link>,
) -> Result<(), Halt> {
    let widths = access.space.widths;
    let entry = widths.address.saturating_add(widths.length).saturating_add(24);
    let head = access.block(address, 8, "symbol table node")?;
    let mut fields = access.signed(&head, b"SNOD", "symbol table node")?;
    fields.take(2, "version of a symbol table node")?;
    let count = usize::from(fields.u16("entries of a symbol table node")?);
    let len = to_u64(entry.saturating_mul(count)).saturating_add(8);
    let node = access.block(address, len, "symbol table node")?;
    // The node has room for twice its least number of entries, used or not.
    let room = entry.saturating_mul(usize::from(access.space.ranks.leaf)).saturating_mul(2);
    let room = to_u64(room).saturating_add(8).max(len);
    access.claim(access.space.clamped(address, room), Use::Metadata("symbol table node"));
    access.steps(count, node.at)?;
    let mut fields = access.fields(&node);
    fields.pass(8);
    for _ in 0..count {
        let span = fields.span(entry);
        let raw = fields.take(entry, "symbol")?;
        match symbol(access, raw, span, names) {
            Ok(link) => links.push(link),
            Err(halt) => access.survive(halt, span, "symbol")?,
        }
    }
    Ok(())
}

/// An entry of a symbol table node.
fn symbol(access: &mut Access<'_>, raw: &[u8], span: Span, names: &Block) -> Result<Link, Halt> {
    let mut fields = Fields::new(raw, span.start, access.space.widths);
    // As wide as lengths: the specification says addresses, libhdf5 does this.
    let name = fields.length("name of a symbol")?;
    let header = fields.address("address of a symbol")?;
    let cache = fields.u32("cache of a symbol")?;
    fields.take(4, "padding of a symbol")?;
    let scratch = fields.take(16, "cache of a symbol")?;
    let name = text(access, names, name, span)?;
    let target = match (cache, header) {
        (2, _) => {
            let value = number(scratch.get(..4).unwrap_or_default());
            Target::Soft(text(access, names, value, span)?)
        }
        (_, Some(address)) => Target::Hard(address),
        (_, None) => return Err(Halt::malformed(span.start, "symbol without an address")),
    };
    Ok(Link { name, target, span })
}

/// The text at `offset` of a local heap.
pub(super) fn text(
    access: &mut Access<'_>,
    heap: &Block,
    offset: u64,
    said: Span,
) -> Result<Vec<u8>, Halt> {
    let rest = heap.part(to_usize(offset), NAME);
    let end = rest.iter().position(|byte| *byte == 0);
    let len = to_u64(end.unwrap_or(rest.len()));
    // Each of many names may be all of the heap.
    access.budget.spend_steps(len, said.start)?;
    access.hold(len.saturating_add(LINK), said.start)?;
    match end {
        Some(end) => Ok(rest.get(..end).unwrap_or_default().to_vec()),
        None => {
            let what = format!("name at {offset} of a local heap of {} bytes", heap.data.len());
            Err(Halt::malformed(said.start, what))
        }
    }
}
