//! Arrays that list chunks by number: of fixed size, and growing.
//!
//! Source: HDF5 File Format Specification, VII.D "The Fixed Array Index", VII.E "The Extensible
//! Array Index".

use super::access::Access;
use super::chunk::{self, Grid};
use super::fields::Block;
use super::layout::Extensible;
use davy_bytes::{Halt, Span, to_u64, to_usize};

/// What is done with each element: its number, its bytes, and the offset at which they stand.
type Visit<'a> = &'a mut dyn FnMut(&mut Access<'_>, u64, &[u8], u64) -> Result<(), Halt>;

/// Elements of one block or page.
struct Run {
    /// Number of the first.
    first: u64,
    count: u64,
    /// Bytes of each.
    width: u64,
}

/// Hands the chunks of a fixed array to `visit`.
pub(super) fn fixed(
    access: &mut Access<'_>,
    address: u64,
    grid: &Grid<'_>,
    visit: chunk::Visit<'_>,
) -> Result<(), Halt> {
    let widths = access.space.widths;
    let len = to_u64(widths.length.saturating_add(widths.address)).saturating_add(12);
    let block = access.structure(address, len, "fixed array")?;
    access.verify(&block, "fixed array");
    let mut fields = access.signed(&block, b"FAHD", "fixed array")?;
    fields.take(2, "version of a fixed array")?;
    let width = u64::from(fields.u8("size of an array's elements")?);
    let page = fields.u8("page of an array")?;
    let count = fields.length("elements of an array")?.min(grid.count());
    let Some(data) = fields.address("address of an array's elements")? else { return Ok(()) };
    let mut each = |access: &mut Access<'_>, number: u64, raw: &[u8], at: u64| match grid
        .chunk(access, number, raw, at)?
    {
        Some(chunk) => visit(access, chunk),
        None => Ok(()),
    };
    // Signature, version, client, address of the header.
    let head = to_u64(widths.address).saturating_add(6);
    let run = Run { first: 0, count, width };
    paged(access, (data, head, b"FADB"), page, (run, None), &mut each)
}

/// The elements of a data block, in pages where there are more than a page has. `written` tells which
/// pages were written, where another block knows it; else the data block does.
fn paged(
    access: &mut Access<'_>,
    (address, head, signature): (u64, u64, &[u8; 4]),
    page: u8,
    (run, written): (Run, Option<Vec<u8>>),
    visit: Visit<'_>,
) -> Result<(), Halt> {
    const WHAT: &str = "block of an array of chunks";
    let size = 1_u64.checked_shl(page.into()).unwrap_or(u64::MAX);
    let Run { first, count, width } = run;
    if count <= size {
        let len = head.saturating_add(count.saturating_mul(width)).saturating_add(4);
        let block = access.structure(address, len, WHAT)?;
        access.verify(&block, WHAT);
        access.signed(&block, signature, WHAT)?;
        return elements(access, (&block, to_usize(head)), &run, visit);
    }
    let pages = count.div_ceil(size);
    let own = if written.is_none() { pages.div_ceil(8) } else { 0 };
    let len = head.saturating_add(own).saturating_add(4);
    let block = access.structure(address, len, WHAT)?;
    access.verify(&block, WHAT);
    access.signed(&block, signature, WHAT)?;
    let written = written.unwrap_or_else(|| block.part(to_usize(head), to_usize(own)).to_vec());
    let mut at = address.saturating_add(len);
    let mut number = first;
    for index in 0..pages {
        let left = count.saturating_sub(index.saturating_mul(size));
        let run = Run { first: number, count: left.min(size), width };
        let len = run.count.saturating_mul(width).saturating_add(4);
        // Bits count from the highest of each byte.
        let byte = written.get(to_usize(index / 8)).copied().unwrap_or(0);
        let bit = 0x80_u8.checked_shr(u32::try_from(index % 8).unwrap_or(0)).unwrap_or(0);
        access.steps(1, access.space.offset(at))?;
        if byte & bit != 0 {
            let block = access.structure(at, len, WHAT)?;
            access.verify(&block, WHAT);
            elements(access, (&block, 0), &run, visit)?;
        }
        at = at.saturating_add(len);
        number = number.saturating_add(size);
    }
    Ok(())
}

/// Hands the elements that start at `start` of `block` to `visit`.
fn elements(
    access: &mut Access<'_>,
    (block, start): (&Block, usize),
    run: &Run,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let width = to_usize(run.width);
    let part = block.part(start, to_usize(run.count).saturating_mul(width));
    let mut at = block.at.saturating_add(to_u64(start));
    let mut number = run.first;
    for raw in part.chunks_exact(width.max(1)) {
        access.steps(1, at)?;
        visit(access, number, raw, at)?;
        at = at.saturating_add(run.width);
        number = number.saturating_add(1);
    }
    Ok(())
}

/// A growing array, as its header and the layout describe it.
struct Array {
    width: u64,
    parameters: Extensible,
    /// Signature, version, client, address of the header, offset of the block.
    head: u64,
}

impl Array {
    /// How many super blocks have their data blocks listed in the index block, and how many there are
    /// in all; `None` where blocks have no elements.
    fn supers(&self) -> Option<(u32, u32)> {
        let Extensible { bits, block, blocks, .. } = self.parameters;
        let all = u32::from(bits).saturating_sub(block.checked_ilog2()?).saturating_add(1);
        Some((blocks.checked_ilog2()?.saturating_mul(2).min(all), all))
    }

    /// Data blocks of a super block, and elements of each.
    fn shape(&self, index: u32) -> (u64, u64) {
        let blocks = 1_u64.checked_shl(index / 2).unwrap_or(u64::MAX);
        let doubled = 1_u64.checked_shl(index.div_ceil(2)).unwrap_or(u64::MAX);
        (blocks, doubled.saturating_mul(u64::from(self.parameters.block)))
    }
}

/// Hands the elements of a growing array to `visit`.
pub(super) fn extensible(
    access: &mut Access<'_>,
    address: u64,
    parameters: Extensible,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let widths = access.space.widths;
    let len = to_u64(widths.length.saturating_mul(6).saturating_add(widths.address));
    let block = access.structure(address, len.saturating_add(16), "extensible array")?;
    access.verify(&block, "extensible array");
    let mut fields = access.signed(&block, b"EAHD", "extensible array")?;
    fields.take(2, "version of an extensible array")?;
    let width = u64::from(fields.u8("size of an array's elements")?);
    fields.take(5, "parameters of an array")?;
    for _ in 0..6 {
        fields.length("sizes of an array")?;
    }
    let Some(index) = fields.address("address of an array's index")? else { return Ok(()) };
    let head = to_u64(widths.address).saturating_add(6);
    let offset = u64::from(parameters.bits.div_ceil(8));
    let array = Array { width, parameters, head: head.saturating_add(offset) };
    index_block(access, index, &array, visit)
}

/// The index block: the first elements, then addresses of data blocks, then of super blocks.
fn index_block(
    access: &mut Access<'_>,
    address: u64,
    array: &Array,
    visit: Visit<'_>,
) -> Result<(), Halt> {
    const WHAT: &str = "index block of an array of chunks";
    let Some((direct, supers)) = array.supers() else {
        let at = access.space.offset(address);
        return Err(Halt::malformed(at, "array of chunks with blocks of no elements"));
    };
    let width = to_u64(access.space.widths.address);
    let pointers: u64 = (0..direct).map(|index| array.shape(index).0).sum();
    let pointers = pointers.saturating_add(u64::from(supers.saturating_sub(direct)));
    let head = width.saturating_add(6);
    let own = Run { first: 0, count: u64::from(array.parameters.elements), width: array.width };
    let start = head.saturating_add(own.count.saturating_mul(array.width));
    let len = start.saturating_add(pointers.saturating_mul(width)).saturating_add(4);
    let block = access.structure(address, len, WHAT)?;
    access.verify(&block, WHAT);
    let mut fields = access.signed(&block, b"EAIB", WHAT)?;
    elements(access, (&block, to_usize(head)), &own, visit)?;
    fields.pass(to_usize(start).saturating_sub(4));
    let mut number = own.count;
    for index in 0..supers {
        let (count, size) = array.shape(index);
        if index >= direct {
            if let Some(address) = fields.address("address of a super block")? {
                super_block(access, address, (array, index, number), visit)?;
            }
            number = number.saturating_add(count.saturating_mul(size));
            continue;
        }
        for _ in 0..count {
            if let Some(address) = fields.address("address of a data block")? {
                let run = Run { first: number, count: size, width: array.width };
                data_block(access, address, array, (run, Vec::new()), visit)?;
            }
            number = number.saturating_add(size);
        }
    }
    Ok(())
}

/// A super block: which pages of its data blocks were written, then addresses of data blocks.
fn super_block(
    access: &mut Access<'_>,
    address: u64,
    (array, index, first): (&Array, u32, u64),
    visit: Visit<'_>,
) -> Result<(), Halt> {
    const WHAT: &str = "super block of an array of chunks";
    let widths = access.space.widths;
    let (count, size) = array.shape(index);
    let page = 1_u64.checked_shl(array.parameters.page.into()).unwrap_or(u64::MAX);
    let pages = if size > page { size.checked_div(page).unwrap_or(0) } else { 0 };
    let bitmap = pages.div_ceil(8);
    let bitmaps = bitmap.saturating_mul(count);
    let pointers = count.saturating_mul(to_u64(widths.address));
    let len = array.head.saturating_add(bitmaps).saturating_add(pointers).saturating_add(4);
    let block = access.structure(address, len, WHAT)?;
    access.verify(&block, WHAT);
    let mut fields = access.signed(&block, b"EASB", WHAT)?;
    fields.pass(to_usize(array.head).saturating_sub(4));
    let written = fields.take(to_usize(bitmaps), "pages of a super block")?;
    let mut written = written.chunks(to_usize(bitmap).max(1));
    let mut number = first;
    for _ in 0..count {
        access.steps(1, block.at)?;
        let pages = written.next().unwrap_or_default().to_vec();
        if let Some(address) = fields.address("address of a data block")? {
            let run = Run { first: number, count: size, width: array.width };
            let at = Span::new(access.space.offset(address), 0);
            if let Err(halt) = data_block(access, address, array, (run, pages), visit) {
                access.survive(halt, at, WHAT)?;
            }
        }
        number = number.saturating_add(size);
    }
    Ok(())
}

fn data_block(
    access: &mut Access<'_>,
    address: u64,
    array: &Array,
    (run, written): (Run, Vec<u8>),
    visit: Visit<'_>,
) -> Result<(), Halt> {
    let page = array.parameters.page;
    paged(access, (address, array.head, b"EADB"), page, (run, Some(written)), visit)
}
