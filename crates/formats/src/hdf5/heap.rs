//! Fractal heaps: where links, attributes and shared messages lie that are too many for a header.
//!
//! Source: HDF5 File Format Specification, III.G "Fractal Heap".

use super::access::Access;
use super::btree2;
use super::claims::Use;
use super::fields::{Block, Fields, bytes_for, number};
use super::filter::{self, Pipeline};
use super::lookup3;
use davy_artifact::{Quirk, Route};
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::collections::{HashMap, HashSet};

/// Unpacked blocks that are held at a time.
const UNPACKED: usize = 8;

/// An object of a heap.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) data: Vec<u8>,
    /// Offset in the file of the first byte, or of the block that it was unpacked from.
    pub(super) at: u64,
    pub(super) span: Span,
}

/// A heap, with all its blocks known.
#[derive(Debug)]
pub(super) struct Fractal {
    /// Bytes of an identifier's offset and length.
    offset: usize,
    length: usize,
    id: usize,
    pipeline: Option<Pipeline>,
    /// Address of the index of objects that are too large for blocks.
    huge: Option<u64>,
    huge_objects: Option<HashMap<u64, Huge>>,
    /// Addresses of objects of their own whose bytes are claimed.
    claimed: HashSet<u64>,
    /// Blocks by their offset in the heap.
    blocks: Vec<Direct>,
    /// Blocks that were unpacked, by their offset in the heap.
    unpacked: HashMap<u64, Vec<u8>>,
}

/// A block that holds objects.
#[derive(Clone, Copy, Debug)]
struct Direct {
    /// Its offset in the heap, from which identifiers count.
    start: u64,
    len: u64,
    address: u64,
    /// Bytes in the file and filters left out, where the heap is filtered.
    packed: Option<(u64, u32)>,
}

/// An object of its own.
#[derive(Clone, Copy, Debug)]
struct Huge {
    address: u64,
    len: u64,
    /// Filters left out and size when unpacked.
    packed: Option<(u32, u64)>,
}

/// The doubling table: how large the blocks of each row are.
#[derive(Clone, Copy, Debug)]
struct Table {
    width: u64,
    start: u64,
    largest: u64,
    /// Bytes of a block's offset in the heap.
    offset: usize,
    checksums: bool,
    filtered: bool,
}

impl Table {
    /// Size of the blocks in `row`: the first two rows have the starting size.
    fn block(&self, row: u32) -> u64 {
        let doubled = row.saturating_sub(1);
        if doubled >= 63 { u64::MAX } else { self.start.saturating_mul(1_u64 << doubled) }
    }
}

/// What the header of a heap says.
struct Head {
    /// Bytes of an identifier.
    id: usize,
    /// The largest object that lies in a block.
    largest: u64,
    huge: Option<u64>,
    free: Option<u64>,
    table: Table,
    root: Option<u64>,
    rows: u32,
    /// Bytes of the first block in the file and filters left out, where the heap is filtered.
    packed: Option<(u64, u32)>,
    pipeline: Option<Pipeline>,
}

/// Reads the header of a heap.
fn head(access: &mut Access<'_>, address: u64) -> Result<Head, Halt> {
    let (block, filters) = header_block(access, address)?;
    access.verify(&block, "fractal heap");
    let mut fields = access.signed(&block, b"FRHP", "fractal heap")?;
    match fields.u8("version of a fractal heap")? {
        0 => {}
        version => return Err(fields.fault(format!("fractal heap of version {version}"))),
    }
    let id = usize::from(fields.u16("size of heap identifiers")?);
    fields.take(2, "size of filters of a heap")?;
    let checksums = fields.u8("flags of a heap")? & 0x02 != 0;
    let largest = u64::from(fields.u32("largest object of a heap")?);
    fields.length("next identifier of a heap")?;
    let huge = fields.address("index of huge objects")?;
    fields.length("free space of a heap")?;
    let free = fields.address("address of a heap's free space")?;
    for _ in 0..8 {
        fields.length("statistics of a heap")?;
    }
    let table = table(&mut fields, (checksums, filters > 0))?;
    let root = fields.address("address of a heap's first block")?;
    let rows = u32::from(fields.u16("rows of a heap's first block")?);
    let (mut packed, mut pipeline) = (None, None);
    if filters > 0 {
        let size = fields.length("size of a heap's first block")?;
        packed = Some((size, fields.u32("filters of a heap's first block")?));
        let at = fields.position();
        let raw = fields.take(filters, "filters of a heap")?;
        pipeline = Some(filter::read(&mut Fields::new(raw, at, access.space.widths))?);
    }
    Ok(Head { id, largest, huge, free, table, root, rows, packed, pipeline })
}

/// The doubling table, as the header describes it.
fn table(fields: &mut Fields<'_>, (checksums, filtered): (bool, bool)) -> Result<Table, Halt> {
    let width = u64::from(fields.u16("width of a heap's table")?);
    let start = fields.length("size of a heap's first blocks")?;
    let largest = fields.length("size of a heap's largest blocks")?;
    let bits = fields.u16("size of a heap's offsets")?;
    fields.take(2, "rows of a heap's table")?;
    if start == 0 || width == 0 || largest < start || bits > 64 {
        let what = format!("fractal heap with {width} blocks of {start} bytes in a row");
        return Err(fields.fault(what));
    }
    let offset = usize::from(bits).div_ceil(8);
    Ok(Table { width, start, largest, offset, checksums, filtered })
}

impl Fractal {
    /// Reads the heap whose header is at `address`, and finds its blocks.
    pub(super) fn open(access: &mut Access<'_>, address: u64) -> Result<Self, Halt> {
        let Head { id, largest, huge, free, table, root, rows, packed, pipeline } =
            head(access, address)?;
        let block = to_usize(u64::from(table.largest.ilog2().div_ceil(8)));
        let mut heap = Self {
            offset: table.offset,
            length: bytes_for(largest).min(block),
            id,
            pipeline,
            huge,
            huge_objects: None,
            claimed: HashSet::new(),
            blocks: Vec::new(),
            unpacked: HashMap::new(),
        };
        if let Some(root) = root {
            heap.find_blocks(access, (root, rows, packed), &table)?;
        }
        if let Some(free) = free {
            super::freespace::claim(access, free)?;
        }
        Ok(heap)
    }

    /// Goes through the indirect blocks for the direct ones.
    fn find_blocks(
        &mut self,
        access: &mut Access<'_>,
        (root, rows, packed): (u64, u32, Option<(u64, u32)>),
        table: &Table,
    ) -> Result<(), Halt> {
        let mut seen = HashSet::new();
        let mut ahead = Vec::new();
        if rows == 0 {
            let block = Direct { start: 0, len: table.start, address: root, packed };
            self.add(access, block, table)?;
        } else {
            ahead.push((root, rows, 0));
        }
        while let Some((address, rows, start)) = ahead.pop() {
            let at = Span::new(access.space.offset(address), 0);
            if !seen.insert(address) {
                let what = format!("block of a fractal heap at {address:#x} that is in itself");
                access.reading.deviation(Quirk::Cycle, at, Route::None, &what);
                continue;
            }
            let below = self.indirect(access, (address, rows, start), table);
            match below {
                Ok(below) => ahead.extend(below),
                Err(halt) => access.survive(halt, at, "indirect block of a fractal heap")?,
            }
        }
        self.blocks.sort_unstable_by_key(|block| block.start);
        Ok(())
    }

    /// Reads an indirect block of `rows` rows: its direct blocks are added, its indirect ones
    /// returned.
    fn indirect(
        &mut self,
        access: &mut Access<'_>,
        (address, rows, start): (u64, u32, u64),
        table: &Table,
    ) -> Result<Vec<(u64, u32, u64)>, Halt> {
        let head = 5_usize.saturating_add(access.space.widths.address).saturating_add(table.offset);
        let entries: u64 = (0..rows)
            .map(|row| entry(access, table, row))
            .fold(0, |all, entry| all.saturating_add(entry.saturating_mul(table.width)));
        let len = to_u64(head).saturating_add(entries).saturating_add(4);
        let block = access.structure(address, len, "indirect block of a fractal heap")?;
        access.verify(&block, "indirect block of a fractal heap");
        let mut fields = access.signed(&block, b"FHIB", "indirect block of a fractal heap")?;
        fields.take(head.saturating_sub(4), "indirect block of a fractal heap")?;
        let (mut at, mut below) = (start, Vec::new());
        for row in 0..rows {
            let size = table.block(row);
            for _ in 0..table.width {
                let child = fields.address("block of a fractal heap")?;
                let direct = size <= table.largest;
                let mut packed = None;
                if direct && table.filtered {
                    let size = fields.length("size of a block")?;
                    packed = Some((size, fields.u32("filters of a block")?));
                }
                if let Some(address) = child {
                    access.hold(to_u64(size_of::<Direct>()), block.at)?;
                    if direct {
                        let block = Direct { start: at, len: size, address, packed };
                        self.add(access, block, table)?;
                    } else {
                        below.push((address, rows_of(table, size), at));
                    }
                }
                at = at.saturating_add(size);
            }
        }
        Ok(below)
    }

    /// Takes a direct block in, and compares its checksum.
    fn add(&mut self, access: &mut Access<'_>, block: Direct, table: &Table) -> Result<(), Halt> {
        const WHAT: &str = "block of a fractal heap";
        self.blocks.push(block);
        let len = block.packed.map_or(block.len, |(size, _)| size);
        if let Some(span) = access.space.span(block.address, len) {
            access.claim(span, Use::Metadata(WHAT));
        }
        if block.packed.is_some() {
            return Ok(());
        }
        let read = match access.block(block.address, len, WHAT) {
            Ok(read) => read,
            Err(halt) => {
                let at = Span::new(access.space.offset(block.address), 0);
                return access.survive(halt, at, WHAT);
            }
        };
        if read.part(0, 4) != b"FHDB" {
            let halt = Halt::malformed(read.at, "block of a fractal heap without its signature");
            return access.survive(halt, read.span(), WHAT);
        }
        if table.checksums {
            let at =
                5_usize.saturating_add(access.space.widths.address).saturating_add(table.offset);
            let stored = number(read.part(at, 4));
            let mut data = read.data.clone();
            if let Some(sum) = data.get_mut(at..at.saturating_add(4)) {
                sum.fill(0);
            }
            if u64::from(lookup3::checksum(&data)) != stored {
                access.wrong_checksum(read.span(), WHAT);
            }
        }
        Ok(())
    }

    /// The object with the identifier `id`, which stands at offset `said`.
    pub(super) fn object(
        &mut self,
        access: &mut Access<'_>,
        id: &[u8],
        said: u64,
    ) -> Result<Object, Halt> {
        let id = id.get(..self.id.min(id.len())).unwrap_or_default();
        let mut fields = Fields::new(id, said, access.space.widths);
        let first = fields.u8("heap identifier")?;
        match (first >> 4) & 0x03 {
            0 => {
                let offset = fields.number(self.offset, "offset in a heap")?;
                let len = fields.number(self.length, "length in a heap")?;
                self.managed(access, (offset, len), said)
            }
            1 => self.huge_object(access, fields, said),
            2 => {
                let len = if id.len() <= 18 {
                    usize::from(first & 0x0f)
                } else {
                    let low = fields.u8("length of a tiny object")?;
                    usize::from(first & 0x0f) << 8 | usize::from(low)
                };
                let len = len.saturating_add(1);
                let (at, span) = (fields.position(), fields.span(len));
                let data = fields.take(len, "tiny object of a heap")?.to_vec();
                Ok(Object { data, at, span })
            }
            kind => Err(Halt::malformed(said, format!("heap identifier of type {kind}"))),
        }
    }

    /// An object within the blocks.
    fn managed(
        &mut self,
        access: &mut Access<'_>,
        (offset, len): (u64, u64),
        said: u64,
    ) -> Result<Object, Halt> {
        let after = self.blocks.partition_point(|block| block.start <= offset);
        let block = after.checked_sub(1).and_then(|index| self.blocks.get(index)).copied();
        let inside =
            |block: &Direct| offset.saturating_sub(block.start).saturating_add(len) <= block.len;
        let Some(block) = block.filter(inside) else {
            let what =
                format!("object of {len} bytes at {offset:#x} of a heap that has no such block");
            return Err(Halt::malformed(said, what));
        };
        let within = offset.saturating_sub(block.start);
        if let Some(packed) = block.packed {
            let (data, span) = self.unpack(access, block, packed)?;
            let end = within.saturating_add(len);
            let data = data.get(to_usize(within)..to_usize(end)).unwrap_or_default().to_vec();
            return Ok(Object { data, at: span.start, span });
        }
        let address = block.address.saturating_add(within);
        let read = access.block(address, len, "object of a fractal heap")?;
        let span = read.span();
        Ok(Object { data: read.data, at: read.at, span })
    }

    /// The content of a block that is filtered.
    fn unpack(
        &mut self,
        access: &mut Access<'_>,
        block: Direct,
        (size, skipped): (u64, u32),
    ) -> Result<(&[u8], Span), Halt> {
        let packed = access.block(block.address, size, "block of a fractal heap")?;
        let span = packed.span();
        if !self.unpacked.contains_key(&block.start) {
            if self.unpacked.len() >= UNPACKED {
                self.unpacked.clear();
            }
            let pipeline = self.pipeline.clone().unwrap_or_default();
            let limit = to_usize(block.len);
            let data = pipeline.undo(packed.data, skipped, limit, access.budget, packed.at)?;
            self.unpacked.insert(block.start, data);
        }
        let data = self.unpacked.get(&block.start).map(Vec::as_slice).unwrap_or_default();
        Ok((data, span))
    }

    /// An object of its own, whose identifier either has its place or a key for it.
    fn huge_object(
        &mut self,
        access: &mut Access<'_>,
        mut fields: Fields<'_>,
        said: u64,
    ) -> Result<Object, Halt> {
        let widths = access.space.widths;
        let filtered = self.pipeline.is_some();
        let direct = widths.address.saturating_add(widths.length);
        let needed =
            if filtered { direct.saturating_add(4).saturating_add(widths.length) } else { direct };
        let huge = if needed <= self.id.saturating_sub(1) {
            huge(&mut fields, filtered)?
        } else {
            let width = widths.length.min(self.id.saturating_sub(1));
            let key = fields.number(width, "key of a huge object")?;
            let found = self.huge_objects(access)?.get(&key).copied();
            found.ok_or_else(|| Halt::malformed(said, format!("no huge object with key {key}")))?
        };
        let read = access.block(huge.address, huge.len, "huge object of a fractal heap")?;
        if self.claimed.insert(huge.address) {
            access.claim(read.span(), Use::Metadata("huge object of a fractal heap"));
        }
        let (at, span) = (read.at, read.span());
        let data = match huge.packed {
            None => read.data,
            Some((skipped, len)) => {
                let pipeline = self.pipeline.clone().unwrap_or_default();
                pipeline.undo(read.data, skipped, to_usize(len), access.budget, at)?
            }
        };
        Ok(Object { data, at, span })
    }

    /// The objects of their own, by key.
    fn huge_objects(&mut self, access: &mut Access<'_>) -> Result<&HashMap<u64, Huge>, Halt> {
        if self.huge_objects.is_none() {
            let mut objects = HashMap::new();
            let filtered = self.pipeline.is_some();
            if let Some(index) = self.huge {
                btree2::each(access, index, &mut |access, record, at| {
                    access.hold(to_u64(size_of::<Huge>()), at)?;
                    let mut fields = Fields::new(record, at, access.space.widths);
                    let found = huge(&mut fields, filtered)?;
                    objects.insert(fields.length("key of a huge object")?, found);
                    Ok(())
                })?;
            }
            self.huge_objects = Some(objects);
        }
        Ok(self.huge_objects.get_or_insert_with(HashMap::new))
    }
}

/// The place of a huge object, as identifiers and records have it.
fn huge(fields: &mut Fields<'_>, filtered: bool) -> Result<Huge, Halt> {
    let address = fields.address("address of a huge object")?;
    let len = fields.length("length of a huge object")?;
    let packed = if filtered {
        let skipped = fields.u32("filters of a huge object")?;
        Some((skipped, fields.length("size of a huge object")?))
    } else {
        None
    };
    match address {
        Some(address) => Ok(Huge { address, len, packed }),
        None => Err(fields.fault("huge object at the undefined address")),
    }
}

/// The header of a heap, and how many bytes its filters have.
fn header_block(access: &mut Access<'_>, address: u64) -> Result<(Block, usize), Halt> {
    let widths = access.space.widths;
    let fixed = 26_usize
        .saturating_add(widths.length.saturating_mul(12))
        .saturating_add(widths.address.saturating_mul(3));
    let start = access.block(address, 9, "fractal heap")?;
    let filters = to_usize(number(start.part(7, 2)));
    let more = match filters {
        0 => 0,
        len => widths.length.saturating_add(4).saturating_add(len),
    };
    let len = to_u64(fixed.saturating_add(more));
    Ok((access.structure(address, len, "fractal heap")?, filters))
}

/// Bytes of an entry in `row` of an indirect block.
fn entry(access: &Access<'_>, table: &Table, row: u32) -> u64 {
    let widths = access.space.widths;
    let filtered = table.filtered && table.block(row) <= table.largest;
    let more = if filtered { widths.length.saturating_add(4) } else { 0 };
    to_u64(widths.address.saturating_add(more))
}

/// Rows of an indirect block that spans `size` bytes of the heap.
fn rows_of(table: &Table, size: u64) -> u32 {
    let first = table.start.saturating_mul(table.width);
    let ratio = size.checked_div(first).unwrap_or(0).max(1);
    ratio.ilog2().saturating_add(1)
}
