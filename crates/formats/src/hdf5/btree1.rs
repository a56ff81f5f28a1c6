//! B-trees of version 1: the nodes of symbol tables, and the chunks of datasets.
//!
//! Source: HDF5 File Format Specification, III.A.1 "Version 1 B-trees".

use super::access::Access;
use super::chunk::Chunk;
use super::claims::Use;
use super::fields::Fields;
use davy_artifact::{Quirk, Route};
use davy_bytes::{Halt, Span, to_u64};
use std::collections::HashSet;

/// Deepest tree: with two children per node, more of them than any file has bytes.
const DEPTH: u8 = 40;

/// Nodes that wait, last one first: the address, and the level that the node above says it has.
struct Ahead {
    nodes: Vec<(u64, Option<u8>)>,
    seen: HashSet<u64>,
}

/// Addresses of the symbol table nodes under the B-tree at `root`, in order.
pub(super) fn children(access: &mut Access<'_>, root: u64) -> Result<Vec<u64>, Halt> {
    let key = access.space.widths.length;
    let mut found = Vec::new();
    walk(access, root, (0, key), &mut |_, _, child| {
        found.push(child);
        Ok(())
    })?;
    Ok(found)
}

/// Hands the chunks under the B-tree at `root` to `each`; `rank` counts the dimensions of chunks,
/// the size of an element being the last.
pub(super) fn chunks(
    access: &mut Access<'_>,
    root: u64,
    rank: usize,
    each: &mut dyn FnMut(&mut Access<'_>, Chunk) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let key = rank.saturating_mul(8).saturating_add(8);
    walk(access, root, (1, key), &mut |access, key, address| {
        let mut fields = Fields::new(key, 0, access.space.widths);
        let size = u64::from(fields.u32("size of a chunk")?);
        let skipped = fields.u32("filters of a chunk")?;
        let mut offset = Vec::with_capacity(rank);
        for _ in 1..rank {
            offset.push(fields.u64("offset of a chunk")?);
        }
        each(access, Chunk { address, size, skipped, offset })
    })
}

/// What is done with each child of a leaf: its key, its address.
type Visit<'a> = &'a mut dyn FnMut(&mut Access<'_>, &[u8], u64) -> Result<(), Halt>;

/// Goes over the leaves under `root`, in order. What cannot be read is recorded, and its siblings
/// are read.
fn walk(
    access: &mut Access<'_>,
    root: u64,
    (kind, key): (u8, usize),
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let mut ahead = Ahead { nodes: vec![(root, None)], seen: HashSet::new() };
    while let Some((address, level)) = ahead.nodes.pop() {
        let at = Span::new(access.space.offset(address), 0);
        if !ahead.seen.insert(address) {
            let what = format!("node of a B-tree at {address:#x} that leads back to itself");
            access.reading.deviation(Quirk::Cycle, at, Route::None, &what);
            continue;
        }
        let first = address == root && level.is_none();
        match node(access, (address, level), (kind, key), &mut ahead, visit) {
            Err(halt) if first => return Err(halt),
            Err(halt) => access.survive(halt, at, "node of a B-tree")?,
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Reads one node: its children join those ahead, or are visited where it is a leaf.
fn node(
    access: &mut Access<'_>,
    (address, expected): (u64, Option<u8>),
    (kind, key): (u8, usize),
    ahead: &mut Ahead,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let width = access.space.widths.address;
    let head = width.saturating_mul(2).saturating_add(8);
    let start = access.block(address, to_u64(head), "B-tree node")?;
    let mut fields = access.signed(&start, b"TREE", "B-tree node")?;
    let found = fields.u8("type of a B-tree node")?;
    let level = fields.u8("level of a B-tree node")?;
    let used = usize::from(fields.u16("entries of a B-tree node")?);
    if level > DEPTH {
        return Err(Halt::exhausted(start.at, format!("B-tree of {level} levels")));
    }
    if found != kind || expected.is_some_and(|expected| expected != level) {
        let what = format!("B-tree node of type {found} and level {level}, where another belongs");
        return Err(Halt::malformed(start.at, what));
    }
    // Keys and children take turns, with a key at both ends.
    let pair = key.saturating_add(width);
    let len = to_u64(head.saturating_add(pair.saturating_mul(used)));
    let node = access.block(address, len, "B-tree node")?;
    claim(access, address, (kind, used), (head.saturating_add(key), pair));
    access.steps(used, node.at)?;
    let mut fields = access.fields(&node);
    fields.pass(head);
    let mut below = Vec::new();
    for _ in 0..used {
        let key = fields.take(key, "key of a B-tree node")?;
        let Some(child) = fields.address("child of a B-tree node")? else {
            return Err(fields.fault("B-tree node with a child at the undefined address"));
        };
        match level.checked_sub(1) {
            Some(level) => below.push((child, Some(level))),
            None => visit(access, key, child)?,
        }
    }
    ahead.nodes.extend(below.into_iter().rev());
    Ok(())
}

/// Claims a node, which has room for twice its least number of children, used or not.
fn claim(
    access: &mut Access<'_>,
    address: u64,
    (kind, used): (u8, usize),
    (head, pair): (usize, usize),
) {
    let ranks = access.space.ranks;
    let most = usize::from(if kind == 0 { ranks.group } else { ranks.chunk }).saturating_mul(2);
    let len = head.saturating_add(pair.saturating_mul(most.max(used)));
    access.claim(access.space.clamped(address, to_u64(len)), Use::Metadata("B-tree node"));
}
