//! The chunks of a dataset, whichever index lists them.
//!
//! Source: HDF5 File Format Specification, III.A.1 (B-tree of version 1), III.A.2 (version 2),
//! VII "Appendix C: Types of Indexes for Dataset Chunks".

use super::access::Access;
use super::dataspace::Dataspace;
use super::fields::Fields;
use super::layout::{Chunks, Extensible, Index};
use super::object::Dataset;
use super::{btree1, btree2, extensible};
use davy_bytes::Halt;

/// A chunk of a dataset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chunk {
    pub(super) address: u64,
    /// Bytes in the file.
    pub(super) size: u64,
    /// Filters that were left out, a bit for each place in the pipeline.
    pub(super) skipped: u32,
    /// Index of the chunk's first element, per dimension.
    pub(super) offset: Vec<u64>,
}

/// What is done with each chunk.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&mut Access<'_>, Chunk) -> Result<(), Halt>;

/// The chunks of a dataset, and the order in which arrays number them.
pub(super) struct Grid<'a> {
    chunks: &'a Chunks,
    filtered: bool,
    /// Dimensions from the one that changes slowest, and how many chunks each has.
    order: Vec<(usize, u64)>,
    /// How many chunks there are.
    count: u64,
}

/// Hands every chunk that was written to `visit`.
///
/// # Errors
/// Where the index cannot be read at all, or the whole reading ends.
pub(super) fn each(
    access: &mut Access<'_>,
    dataset: &Dataset,
    chunks: &Chunks,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let Some(address) = chunks.address else { return Ok(()) };
    let filtered = !dataset.filters.is_empty();
    let rank = chunks.dimensions.len();
    match chunks.index {
        Index::Tree1 => btree1::chunks(access, address, rank.saturating_add(1), visit),
        Index::Tree2 => tree(access, address, (chunks, filtered), visit),
        Index::Single(packed) => {
            let (size, skipped) = packed.unwrap_or((chunks.size(), 0));
            visit(access, Chunk { address, size, skipped, offset: vec![0; rank] })
        }
        Index::Implicit => {
            let grid = Grid::new(dataset, chunks, None);
            let size = chunks.size();
            let there = access.space.clamped(address, u64::MAX).len;
            // What lies behind the end of the file is no chunk: sizes are only claims.
            let count = grid.count.min(there.checked_div(size).unwrap_or(0));
            for index in 0..count {
                let at = address.saturating_add(index.saturating_mul(size));
                access.steps(1, access.space.offset(at))?;
                let offset = grid.offset(index);
                visit(access, Chunk { address: at, size, skipped: 0, offset })?;
            }
            Ok(())
        }
        Index::Fixed(_) => {
            let grid = Grid::new(dataset, chunks, None);
            extensible::fixed(access, address, &grid, visit)
        }
        Index::Extensible(parameters) => {
            let grid = Grid::new(dataset, chunks, growing(&dataset.dataspace));
            grow(access, address, parameters, &grid, visit)
        }
    }
}

fn grow(
    access: &mut Access<'_>,
    address: u64,
    parameters: Extensible,
    grid: &Grid<'_>,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    extensible::extensible(access, address, parameters, &mut |access, index, raw, at| match grid
        .chunk(access, index, raw, at)?
    {
        Some(chunk) => visit(access, chunk),
        None => Ok(()),
    })
}

/// The dimension that has no limit.
fn growing(dataspace: &Dataspace) -> Option<usize> {
    match dataspace {
        Dataspace::Simple { limits, .. } => limits.iter().position(Option::is_none),
        Dataspace::Null | Dataspace::Scalar => None,
    }
}

/// Chunks in a B-tree of version 2: records of type 10, or 11 where they are filtered.
fn tree(
    access: &mut Access<'_>,
    address: u64,
    (chunks, filtered): (&Chunks, bool),
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let rank = chunks.dimensions.len();
    btree2::each(access, address, &mut |access, record, at| {
        let mut fields = Fields::new(record, at, access.space.widths);
        let address = fields.address("address of a chunk")?;
        let (mut size, mut skipped) = (chunks.size(), 0);
        if filtered {
            let rest = rank.saturating_mul(8).saturating_add(4);
            size = fields.number(fields.remaining().saturating_sub(rest), "size of a chunk")?;
            skipped = fields.u32("filters of a chunk")?;
        }
        let mut offset = Vec::with_capacity(rank);
        for len in &chunks.dimensions {
            offset.push(fields.u64("place of a chunk")?.saturating_mul(*len));
        }
        match address {
            Some(address) => visit(access, Chunk { address, size, skipped, offset }),
            None => Ok(()),
        }
    })
}

impl<'a> Grid<'a> {
    /// Numbers chunks as arrays do: by the most elements that each dimension may have, and from the
    /// dimension without limit, if there is one.
    fn new(dataset: &Dataset, chunks: &'a Chunks, first: Option<usize>) -> Self {
        let (sizes, limits) = match &dataset.dataspace {
            Dataspace::Simple { dimensions, limits } => (dimensions.as_slice(), limits.as_slice()),
            Dataspace::Null | Dataspace::Scalar => (&[][..], &[][..]),
        };
        let count = |at: usize, len: u64| {
            let size = sizes.get(at).copied().unwrap_or(1);
            let most = limits.get(at).copied().flatten().unwrap_or(size).max(size);
            most.div_ceil(len.max(1))
        };
        let counts = chunks.dimensions.iter().enumerate().map(|(at, len)| (at, count(at, *len)));
        let mut order: Vec<(usize, u64)> = counts.collect();
        if let Some(first) = first.filter(|first| *first < order.len()) {
            let moved = order.remove(first);
            order.insert(0, moved);
        }
        let count = order.iter().map(|(_, count)| *count).fold(1, u64::saturating_mul);
        Self { chunks, filtered: !dataset.filters.is_empty(), order, count }
    }

    /// Index of the first element of the chunk with the given number, per dimension.
    fn offset(&self, number: u64) -> Vec<u64> {
        let mut offset = vec![0; self.order.len()];
        let mut rest = number;
        for (place, (dimension, count)) in self.order.iter().enumerate().rev() {
            // The slowest dimension may have no limit.
            let at = if place == 0 { rest } else { rest.checked_rem(*count).unwrap_or(0) };
            rest = rest.checked_div(*count).unwrap_or(0);
            let len = self.chunks.dimensions.get(*dimension).copied().unwrap_or(1);
            if let Some(offset) = offset.get_mut(*dimension) {
                *offset = at.saturating_mul(len);
            }
        }
        offset
    }

    /// The chunk that an element of an array describes, unless it was never written.
    pub(super) fn chunk(
        &self,
        access: &Access<'_>,
        number: u64,
        raw: &[u8],
        at: u64,
    ) -> Result<Option<Chunk>, Halt> {
        let mut fields = Fields::new(raw, at, access.space.widths);
        let Some(address) = fields.address("address of a chunk")? else { return Ok(None) };
        let (mut size, mut skipped) = (self.chunks.size(), 0);
        if self.filtered && fields.remaining() > 4 {
            let width = fields.remaining().saturating_sub(4);
            size = fields.number(width, "size of a chunk")?;
            skipped = fields.u32("filters of a chunk")?;
        }
        Ok(Some(Chunk { address, size, skipped, offset: self.offset(number) }))
    }

    /// The most chunks that there can be.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
