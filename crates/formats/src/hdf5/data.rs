//! The elements of a dataset, as bytes: where they lie, and unpacked where they are packed.

use super::access::{Access, Ledger};
use super::chunk::{self, Chunk};
use super::claims::Use;
use super::layout::{Chunks, Layout};
use super::object::Dataset;
use crate::gzip::keep;
use davy_artifact::Reading;
use davy_bytes::{Bytes, Halt, Span, to_usize};

/// Bytes of a chunk that are unpacked at once: filters take a whole chunk, and may need it twice.
const LARGEST: u64 = 96 << 20;

/// The elements of a dataset.
#[derive(Clone, Debug)]
pub struct Data {
    /// The elements, one behind the other in the order of their indices; zeros stand for those that
    /// were never written.
    pub bytes: Bytes,
    /// Where they stand in the file; empty where they were put together from chunks.
    pub span: Span,
    /// Whether these are all; else they are the first.
    pub whole: bool,
}

/// Where the bytes of a dataset that is not in chunks lie, as far as they are there; `None` where it
/// is in chunks, in other files, or was never written.
pub(super) fn place(access: &Access<'_>, dataset: &Dataset) -> Option<Span> {
    if !dataset.external.is_empty() {
        return None;
    }
    let len = dataset.dataspace.elements().saturating_mul(dataset.datatype.size);
    match dataset.layout {
        Layout::Compact(span) => Some(Span::new(span.start, span.len.min(len))),
        Layout::Contiguous { address: Some(address), .. } => {
            Some(access.space.clamped(address, len)).filter(|span| span.len > 0)
        }
        Layout::Contiguous { .. } | Layout::Chunked(_) | Layout::Virtual(_) => None,
    }
}

/// The first `limit` bytes of the elements of a dataset, where they are in this file. What lies there
/// as it is is not cut.
///
/// # Errors
/// [`Halt::exhausted`] where the budget is used up, [`Halt::unsupported`] where a filter is not
/// known, [`Halt::malformed`] where they cannot be read.
pub(super) fn read(
    access: &mut Access<'_>,
    dataset: &Dataset,
    limit: u64,
) -> Result<Option<Data>, Halt> {
    if let Some(span) = place(access, dataset) {
        let whole = span.len == size(dataset);
        return Ok(Some(Data { bytes: access.space.bytes.slice(span), span, whole }));
    }
    let chunks = match &dataset.layout {
        Layout::Chunked(chunks) => chunks,
        Layout::Contiguous { .. } | Layout::Compact(_) if dataset.external.is_empty() => {
            let bytes = access.space.bytes.slice(Span::default());
            return Ok(Some(Data { bytes, span: Span::default(), whole: true }));
        }
        _ => return Ok(None),
    };
    let at = access.space.offset(chunks.address.unwrap_or(0));
    if dataset.dataspace.dimensions().len() != chunks.dimensions.len() {
        return Err(Halt::malformed(at, "chunks of another number of dimensions than the dataset"));
    }
    let len = size(dataset).min(limit);
    let mut assembly = Assembly { dataset, chunks, bytes: Vec::new(), len: to_usize(len) };
    // What the index has and how it breaks its form is recorded where the dataset is claimed.
    let (mut reading, mut ledger) = (Reading::default(), Ledger::default());
    let Access { space, budget, .. } = access;
    let mut apart = Access { space, budget, reading: &mut reading, ledger: &mut ledger };
    chunk::each(&mut apart, dataset, chunks, &mut |access, chunk| assembly.add(access, &chunk))?;
    let bytes = keep(assembly.bytes);
    Ok(Some(Data { bytes, span: Span::new(at, 0), whole: len == size(dataset) }))
}

/// A dataset that is put together.
struct Assembly<'a> {
    dataset: &'a Dataset,
    chunks: &'a Chunks,
    bytes: Vec<u8>,
    len: usize,
}

impl Assembly<'_> {
    /// Unpacks a chunk and puts its elements where they belong.
    fn add(&mut self, access: &mut Access<'_>, chunk: &Chunk) -> Result<(), Halt> {
        /// Checksums that filters put behind a chunk.
        const MORE: usize = 64;
        let sizes = self.dataset.dataspace.dimensions();
        let rows = vec![0; sizes.len().saturating_sub(1)];
        let inside = chunk.offset.iter().zip(sizes).all(|(offset, size)| offset < size);
        let first = start(&rows, chunk, sizes).filter(|_| inside);
        let Some(first) = first else { return Ok(()) };
        if to_usize(first.saturating_mul(self.dataset.datatype.size)) >= self.len {
            return Ok(());
        }
        if self.chunks.size() > LARGEST {
            let at = access.space.offset(chunk.address);
            return Err(Halt::exhausted(at, format!("a chunk of {} bytes", self.chunks.size())));
        }
        let packed = access.block(chunk.address, chunk.size, "chunk")?;
        let limit = to_usize(self.chunks.size()).saturating_add(MORE);
        let edge = self.chunks.bare_edges && self.is_edge(chunk);
        let skipped = if edge { u32::MAX } else { chunk.skipped };
        let filters = &self.dataset.filters;
        let data = filters.undo(packed.data, skipped, limit, access.budget, packed.at)?;
        self.place(&data, chunk, access)
    }

    /// Whether a chunk reaches over the edge of the dataset.
    fn is_edge(&self, chunk: &Chunk) -> bool {
        let sizes = self.dataset.dataspace.dimensions();
        let ends = chunk.offset.iter().zip(&self.chunks.dimensions);
        let ends = ends.map(|(offset, len)| offset.saturating_add(*len));
        ends.zip(sizes).any(|(end, size)| end > *size)
    }

    /// Copies a chunk row by row; a row goes along the last dimension.
    fn place(&mut self, data: &[u8], chunk: &Chunk, access: &mut Access<'_>) -> Result<(), Halt> {
        let sizes = self.dataset.dataspace.dimensions();
        let lens = &self.chunks.dimensions;
        let (Some(row), Some(size), Some(offset)) =
            (lens.last(), sizes.last(), chunk.offset.last())
        else {
            return Ok(());
        };
        let element = self.dataset.datatype.size;
        let stride = to_usize(row.saturating_mul(element));
        let count = size.saturating_sub(*offset).min(*row);
        let used = to_usize(count.saturating_mul(element));
        // Position within the chunk, without the last dimension.
        let mut at = vec![0_u64; lens.len().saturating_sub(1)];
        for part in data.chunks(stride.max(1)) {
            let at_file = access.space.offset(chunk.address);
            access.steps(1, at_file)?;
            if let Some(start) = start(&at, chunk, sizes) {
                let start = start.saturating_add(*offset).saturating_mul(element);
                self.copy(part.get(..used).unwrap_or(part), start);
            }
            advance(&mut at, lens);
        }
        Ok(())
    }

    fn copy(&mut self, part: &[u8], start: u64) {
        let start = to_usize(start);
        let end = start.saturating_add(part.len()).min(self.len);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(target) = self.bytes.get_mut(start..end) {
            target.copy_from_slice(part.get(..target.len()).unwrap_or_default());
        }
    }
}

/// Index in the dataset of the first element of a row, its last dimension left out; `None` where the
/// row is behind the edge.
fn start(at: &[u64], chunk: &Chunk, sizes: &[u64]) -> Option<u64> {
    let mut index = 0_u64;
    for ((at, offset), size) in at.iter().zip(&chunk.offset).zip(sizes) {
        let place = at.saturating_add(*offset);
        if place >= *size {
            return None;
        }
        index = index.saturating_mul(*size).saturating_add(place);
    }
    Some(index.saturating_mul(sizes.last().copied().unwrap_or(1)))
}

/// The next row of a chunk.
fn advance(at: &mut [u64], lens: &[u64]) {
    for (place, len) in at.iter_mut().zip(lens).rev() {
        *place = place.saturating_add(1);
        if *place < *len {
            return;
        }
        *place = 0;
    }
}

/// Claims the bytes of a dataset with the given number, and hands back how many of them would lie
/// behind the end of the file.
pub(super) fn claim(access: &mut Access<'_>, dataset: &Dataset, number: u32) -> Result<u64, Halt> {
    let owner = Use::Data(number);
    let mut missing = 0_u64;
    match &dataset.layout {
        Layout::Contiguous { address: Some(address), .. } if dataset.external.is_empty() => {
            let span = access.space.clamped(*address, size(dataset));
            access.claim(span, owner);
            missing = size(dataset).saturating_sub(span.len);
        }
        Layout::Chunked(chunks) => {
            chunk::each(access, dataset, chunks, &mut |access, chunk| {
                let span = access.space.clamped(chunk.address, chunk.size);
                access.claim(span, owner);
                missing = missing.saturating_add(chunk.size.saturating_sub(span.len));
                Ok(())
            })?;
        }
        _ => {}
    }
    Ok(missing)
}

/// The number of bytes of all elements; saturates.
pub(super) fn size(dataset: &Dataset) -> u64 {
    let elements = dataset.dataspace.elements();
    elements.saturating_mul(dataset.datatype.size)
}
