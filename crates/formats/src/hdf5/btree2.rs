//! B-trees of version 2: indices of links, attributes, shared messages, huge objects and chunks.
//!
//! Source: HDF5 File Format Specification, III.A.2 "Version 2 B-trees".

use super::access::Access;
use super::fields::{Block, Fields, bytes_for};
use davy_artifact::{Quirk, Route};
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::collections::HashSet;

/// Deepest tree: with two children per node, more records than any file has bytes.
const DEPTH: u16 = 64;

/// Largest node; libhdf5 itself makes them of 512 or 2048 bytes.
const NODE: u64 = 1 << 20;

/// Signature, version and type of a node.
const HEAD: usize = 6;

/// The same with its checksum.
const OVERHEAD: u64 = 10;

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

/// Goes over a tree only to know which bytes it has.
pub(super) fn claim(access: &mut Access<'_>, address: u64) -> Result<(), Halt> {
    each(access, address, &mut |_, _, _| Ok(()))
}

/// What is done with each record: its bytes, and the offset at which they stand.
type Visit<'a> = &'a mut dyn FnMut(&mut Access<'_>, &[u8], u64) -> Result<(), Halt>;

/// A node that was read, as far as it has been gone through.
struct Node {
    block: Block,
    records: usize,
    level: u16,
    /// How many of its children have been gone into.
    entered: usize,
}

/// Hands every record of the tree whose header is at `address` to `visit`, in order of their keys.
/// Nodes that cannot be read are recorded, and their siblings are read.
///
/// # Errors
/// Where the header cannot be read, or the whole reading ends.
pub(super) fn each(access: &mut Access<'_>, address: u64, visit: Visit<'_>) -> Result<(), Halt> {
    let tree = header(access, address)?;
    let mut seen = HashSet::new();
    let mut path = Vec::new();
    let root = tree.root.filter(|(_, records)| *records > 0);
    if let Some((root, records)) = root {
        path.extend(enter(access, &tree, (root, records, tree.depth), &mut seen)?);
    }
    while let Some(mut node) = path.pop() {
        let entered = node.entered;
        node.entered = entered.saturating_add(1);
        if node.level == 0 {
            for index in 0..node.records {
                let (record, at) = tree.record_at(&node, index);
                visit(access, record, at)?;
            }
            continue;
        }
        if let Some(index) = entered.checked_sub(1) {
            let (record, at) = tree.record_at(&node, index);
            visit(access, record, at)?;
        }
        let child = tree.child(access, &node, entered);
        if entered < node.records {
            path.push(node);
        }
        if let Some(child) = child {
            path.extend(enter(access, &tree, child, &mut seen)?);
        }
    }
    Ok(())
}

/// Reads a node that was not read before; what cannot be read is recorded.
fn enter(
    access: &mut Access<'_>,
    tree: &Tree,
    (address, records, level): (u64, u64, u16),
    seen: &mut HashSet<u64>,
) -> Result<Option<Node>, Halt> {
    let at = Span::new(access.space.offset(address), 0);
    if !seen.insert(address) {
        let what = format!("node of a B-tree at {address:#x} that is its own ancestor");
        access.reading.deviation(Quirk::Cycle, at, Route::None, &what);
        return Ok(None);
    }
    match node(access, tree, (address, records, level)) {
        Ok(node) => Ok(Some(node)),
        Err(halt) => access.survive(halt, at, "node of a B-tree").map(|()| None),
    }
}

impl Tree {
    /// A record of a node, and the offset at which it stands.
    fn record_at<'b>(&self, node: &'b Node, index: usize) -> (&'b [u8], u64) {
        let start = HEAD.saturating_add(index.saturating_mul(self.record));
        (node.block.part(start, self.record), node.block.at.saturating_add(to_u64(start)))
    }

    /// Bytes of the number of records in a child, and of the number of those below it.
    fn widths(&self, level: u16) -> (usize, usize) {
        let own = self.levels.first().map_or(1, |leaf| bytes_for(leaf.below));
        let below = level.checked_sub(1).map(usize::from).and_then(|below| self.levels.get(below));
        (own, below.map_or(0, |level| level.width))
    }

    /// A child of a node: its address, how many records it has, its level.
    fn child(&self, access: &Access<'_>, node: &Node, index: usize) -> Option<(u64, u64, u16)> {
        let (own, below) = self.widths(node.level);
        let width = access.space.widths.address.saturating_add(own).saturating_add(below);
        let records = node.records.saturating_mul(self.record);
        let start = HEAD.saturating_add(records).saturating_add(index.saturating_mul(width));
        let at = node.block.at.saturating_add(to_u64(start));
        let mut fields = Fields::new(node.block.part(start, width), at, access.space.widths);
        let address = fields.address("child of a B-tree node").ok().flatten()?;
        let count = fields.number(own, "records of a B-tree node").ok()?;
        Some((address, count, node.level.saturating_sub(1)))
    }
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
    if node > NODE {
        return Err(Halt::exhausted(block.at, format!("B-tree with nodes of {node} bytes")));
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

/// Reads one node.
fn node(
    access: &mut Access<'_>,
    tree: &Tree,
    (address, records, level): (u64, u64, u16),
) -> Result<Node, Halt> {
    let (own, below) = tree.widths(level);
    let pointer = access.space.widths.address.saturating_add(own).saturating_add(below);
    let pointers = if level > 0 { records.saturating_add(1) } else { 0 };
    let used = to_u64(tree.record).saturating_mul(records).saturating_add(OVERHEAD);
    let used = used.saturating_add(to_u64(pointer).saturating_mul(pointers));
    if used > tree.node {
        let at = access.space.offset(address);
        let what = format!("B-tree node of {used} bytes, where nodes have {}", tree.node);
        return Err(Halt::malformed(at, what));
    }
    let mut block = access.structure(address, tree.node, "B-tree node")?;
    // Behind the checksum, which follows what is used, is room for more.
    block.data.truncate(to_usize(used));
    let (signature, what) =
        if level > 0 { (b"BTIN", "B-tree node") } else { (b"BTLF", "B-tree leaf") };
    access.verify(&block, what);
    access.budget.spend_steps(records, block.at)?;
    let mut fields = access.signed(&block, signature, what)?;
    fields.take(1, "version of a B-tree node")?;
    let kind = fields.u8("type of a B-tree node")?;
    if kind != tree.kind {
        return Err(fields.fault(format!("node of type {kind} in a B-tree of type {}", tree.kind)));
    }
    Ok(Node { block, records: to_usize(records), level, entered: 0 })
}
