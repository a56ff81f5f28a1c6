//! B-trees of version 2: indices of links, attributes, shared messages, huge objects and chunks.
//!
//! Source: HDF5 File Format Specification, III.A.2 "Version 2 B-trees".

use super::access::Access;
use super::fields::{Block, bytes_for};
use davy_artifact::{Quirk, Route};
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::collections::HashSet;

/// Deepest tree: with two children per node, more records than any file has bytes.
const DEPTH: u16 = 64;

/// Signature, version, type and checksum of a node.
const OVERHEAD: u64 = 10;

/// A record, and the offset in the file at which it stands.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) data: Vec<u8>,
    pub(super) at: u64,
}

/// A tree, as its header describes it.
struct Tree {
    kind: u8,
    node: u64,
    record: usize,
    depth: u16,
    root: Option<(u64, u64)>,
    /// Per level, the leaves being level 0: how many records a node has at most, and how many bytes
    /// hold the number of records below.
    levels: Vec<Level>,
}

#[derive(Clone, Copy)]
struct Level {
    /// The most records in and below a node of this level.
    below: u64,
    /// Bytes that hold such a number; none for leaves.
    width: usize,
}

/// Every record of the tree whose header is at `address`, in order of their keys. Nodes that cannot
/// be read are recorded, and their siblings are read.
///
/// # Errors
/// Where the header cannot be read, or the whole reading ends.
pub(super) fn records(access: &mut Access<'_>, address: u64) -> Result<Vec<Record>, Halt> {
    let mut found = Vec::new();
    each(access, address, &mut |_, record| {
        found.push(record);
        Ok(())
    })?;
    Ok(found)
}

/// Goes over a tree only to know which bytes it has.
pub(super) fn claim(access: &mut Access<'_>, address: u64) -> Result<(), Halt> {
    each(access, address, &mut |_, _| Ok(()))
}

/// What is done with each record.
type Visit<'a> = &'a mut dyn FnMut(&mut Access<'_>, Record) -> Result<(), Halt>;

/// Something of a tree that waits, last one first.
enum Ahead {
    /// A node: its address, how many records it has, its level.
    Node(u64, u64, u16),
    /// A record between two nodes.
    Record(Record),
}

/// Hands every record of a tree to `visit`, in order.
pub(super) fn each(access: &mut Access<'_>, address: u64, visit: Visit<'_>) -> Result<(), Halt> {
    let tree = header(access, address)?;
    let mut seen = HashSet::new();
    let root = tree.root.filter(|(_, records)| *records > 0);
    let mut ahead: Vec<Ahead> =
        root.map(|(root, records)| Ahead::Node(root, records, tree.depth)).into_iter().collect();
    while let Some(next) = ahead.pop() {
        match next {
            Ahead::Record(record) => visit(access, record)?,
            Ahead::Node(address, records, level) => {
                let at = Span::new(access.space.offset(address), 0);
                if !seen.insert(address) {
                    let what = format!("node of a B-tree at {address:#x} that is its own ancestor");
                    access.reading.deviation(Quirk::Cycle, at, Route::None, &what);
                } else if let Err(halt) = node(access, &tree, (address, records, level), &mut ahead)
                {
                    access.survive(halt, at, "node of a B-tree")?;
                }
            }
        }
    }
    Ok(())
}

fn header(access: &mut Access<'_>, address: u64) -> Result<Tree, Halt> {
    let widths = access.space.widths;
    let len = to_u64(widths.address.saturating_add(widths.length)).saturating_add(22);
    let block = access.structure(address, len, "B-tree header")?;
    access.verify(&block, "B-tree header");
    let mut fields = access.signed(&block, b"BTHD", "B-tree header")?;
    match fields.u8("version of a B-tree")? {
        0 => {}
        version => return Err(fields.fault(format!("B-tree of version {version}"))),
    }
    let kind = fields.u8("type of a B-tree")?;
    let node = u64::from(fields.u32("size of B-tree nodes")?);
    let record = usize::from(fields.u16("size of B-tree records")?);
    let depth = fields.u16("depth of a B-tree")?;
    fields.take(2, "percentages of a B-tree")?;
    let root = fields.address("address of a B-tree's root")?;
    let records = u64::from(fields.u16("records of a B-tree's root")?);
    if depth > DEPTH || record == 0 || to_u64(record) > node {
        let what = format!("B-tree of depth {depth}, with records of {record} in nodes of {node}");
        return Err(fields.fault(what));
    }
    let root = root.map(|root| (root, records));
    let levels = levels(node, to_u64(record), depth, widths.address);
    Ok(Tree { kind, node, record, depth, root, levels })
}

/// The sizes from which the layout of nodes follows, as libhdf5 computes them.
fn levels(node: u64, record: u64, depth: u16, address: usize) -> Vec<Level> {
    let room = node.saturating_sub(OVERHEAD);
    let most = room.checked_div(record).unwrap_or(0);
    let count = bytes_for(most);
    let mut levels = vec![Level { below: most, width: 0 }];
    for _ in 0..depth {
        let Some(last) = levels.last().copied() else { break };
        let pointer = to_u64(address.saturating_add(count).saturating_add(last.width));
        let own =
            room.saturating_sub(pointer).checked_div(record.saturating_add(pointer)).unwrap_or(0);
        let below = own.saturating_add(1).saturating_mul(last.below).saturating_add(own);
        levels.push(Level { below, width: bytes_for(below) });
    }
    levels
}

/// Reads one node; what is in it joins what waits.
fn node(
    access: &mut Access<'_>,
    tree: &Tree,
    (address, records, level): (u64, u64, u16),
    ahead: &mut Vec<Ahead>,
) -> Result<(), Halt> {
    let records = to_usize(records);
    let body = tree.record.saturating_mul(records);
    let width = tree.levels.first().map_or(1, |leaf| bytes_for(leaf.below));
    let below = level.checked_sub(1).map(usize::from);
    let total = below.and_then(|below| tree.levels.get(below)).map_or(0, |level| level.width);
    let pointer = access.space.widths.address.saturating_add(width).saturating_add(total);
    let pointers = if below.is_some() { records.saturating_add(1) } else { 0 };
    let used = body.saturating_add(pointer.saturating_mul(pointers));
    let used = to_u64(used).saturating_add(OVERHEAD);
    if used > tree.node {
        let at = access.space.offset(address);
        let what = format!("B-tree node of {used} bytes, where nodes have {}", tree.node);
        return Err(Halt::malformed(at, what));
    }
    let block = access.structure(address, tree.node, "B-tree node")?;
    let (signature, what) =
        if below.is_some() { (b"BTIN", "B-tree node") } else { (b"BTLF", "B-tree leaf") };
    // Behind the checksum, which follows what is used, is room for more.
    let sum = Block { data: block.part(0, to_usize(used)).to_vec(), at: block.at };
    access.verify(&sum, what);
    access.steps(records, block.at)?;
    let mut fields = access.signed(&block, signature, what)?;
    fields.take(1, "version of a B-tree node")?;
    let kind = fields.u8("type of a B-tree node")?;
    if kind != tree.kind {
        return Err(fields.fault(format!("node of type {kind} in a B-tree of type {}", tree.kind)));
    }
    let mut found = Vec::with_capacity(records);
    for _ in 0..records {
        let at = fields.position();
        let data = fields.take(tree.record, "record of a B-tree")?.to_vec();
        found.push(Record { data, at });
    }
    let mut rest = Vec::with_capacity(pointers.saturating_add(records));
    let mut found = found.into_iter();
    let lower = level.saturating_sub(1);
    for _ in 0..pointers {
        let child = fields.address("child of a B-tree node")?;
        let count = fields.number(width, "records of a B-tree node")?;
        fields.take(total, "records below a B-tree node")?;
        if let Some(child) = child {
            rest.push(Ahead::Node(child, count, lower));
        }
        rest.extend(found.next().map(Ahead::Record));
    }
    rest.extend(found.map(Ahead::Record));
    ahead.extend(rest.into_iter().rev());
    Ok(())
}
