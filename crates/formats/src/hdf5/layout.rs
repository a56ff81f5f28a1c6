//! Layouts: where the elements of a dataset lie.
//!
//! Source: HDF5 File Format Specification, IV.A.2.i "The Data Layout Message".

use super::fields::Fields;
use super::global::HeapId;
use davy_bytes::{Halt, Span, to_usize};

/// The most dimensions of a chunk, the size of an element being one.
const RANK: u8 = 33;

/// Where the elements of a dataset lie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Layout {
    /// In pieces of equal shape.
    Chunked(Chunks),
    /// In the header itself.
    Compact(Span),
    /// One behind the other.
    Contiguous {
        /// Address of the first; `None` where nothing was written yet.
        address: Option<u64>,
        /// Bytes that are set aside for them, where the layout says it.
        size: Option<u64>,
    },
    /// In other datasets, as an object of a global heap maps them.
    Virtual(Mapping),
}

/// The pieces of a dataset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chunks {
    /// Elements of a piece per dimension.
    pub dimensions: Vec<u64>,
    /// Size of an element in bytes, as the layout says it.
    pub element: u64,
    pub(super) address: Option<u64>,
    pub(super) index: Index,
    /// Whether chunks at the edge are not filtered.
    pub(super) bare_edges: bool,
}

impl Chunks {
    /// Size of a chunk in bytes before filters; saturates.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.dimensions.iter().copied().fold(self.element, u64::saturating_mul)
    }
}

/// How chunks are found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Index {
    /// A B-tree of version 1.
    Tree1,
    /// A B-tree of version 2.
    Tree2,
    /// There is one chunk: its size and left-out filters where it is filtered.
    Single(Option<(u64, u32)>),
    /// All chunks, one behind the other.
    Implicit,
    /// An array of fixed size, with the bits of a page's size.
    Fixed(u8),
    /// An array that grows.
    Extensible(Extensible),
}

/// The parameters of an array that grows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Extensible {
    /// Bits of the largest index.
    pub(super) bits: u8,
    /// Elements in the index block.
    pub(super) elements: u8,
    /// The fewest elements of a data block.
    pub(super) block: u8,
    /// The fewest data blocks of a super block.
    pub(super) blocks: u8,
    /// Bits of a page's size.
    pub(super) page: u8,
}

/// Where the mapping of a virtual dataset lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mapping(pub(super) Option<HeapId>);

/// Reads a data layout message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Layout, Halt> {
    match fields.u8("version of a layout")? {
        1 | 2 => old(fields),
        version @ 3..=5 => new(fields, version),
        version => Err(fields.fault(format!("layout of version {version}"))),
    }
}

/// Versions 1 and 2.
fn old(fields: &mut Fields<'_>) -> Result<Layout, Halt> {
    let rank = rank(fields)?;
    let class = fields.u8("class of a layout")?;
    fields.take(5, "padding of a layout")?;
    let address = match class {
        0 => None,
        _ => fields.address("address of data")?,
    };
    let mut dimensions = Vec::new();
    for _ in 0..rank {
        dimensions.push(u64::from(fields.u32("size of a chunk")?));
    }
    match class {
        0 => {
            let len = fields.u32("size of compact data")?;
            compact(fields, u64::from(len))
        }
        1 => Ok(Layout::Contiguous { address, size: None }),
        2 => chunks(fields, dimensions, address, Index::Tree1),
        class => Err(fields.fault(format!("layout of class {class}"))),
    }
}

/// Versions 3 to 5.
fn new(fields: &mut Fields<'_>, version: u8) -> Result<Layout, Halt> {
    match fields.u8("class of a layout")? {
        0 => {
            let len = fields.u16("size of compact data")?;
            compact(fields, u64::from(len))
        }
        1 => {
            let address = fields.address("address of data")?;
            let size = Some(fields.length("size of data")?);
            Ok(Layout::Contiguous { address, size })
        }
        2 if version == 3 => {
            let rank = rank(fields)?;
            let address = fields.address("address of chunks")?;
            let mut dimensions = Vec::new();
            for _ in 0..rank {
                dimensions.push(u64::from(fields.u32("size of a chunk")?));
            }
            chunks(fields, dimensions, address, Index::Tree1)
        }
        2 => indexed(fields),
        3 => {
            let address = fields.address("address of a mapping")?;
            let index = fields.u32("index of a mapping")?;
            Ok(Layout::Virtual(Mapping(address.map(|address| HeapId { address, index }))))
        }
        class => Err(fields.fault(format!("layout of class {class}"))),
    }
}

fn rank(fields: &mut Fields<'_>) -> Result<u8, Halt> {
    match fields.u8("dimensions of a layout")? {
        rank if rank <= RANK => Ok(rank),
        rank => Err(fields.fault(format!("layout of {rank} dimensions"))),
    }
}

fn compact(fields: &mut Fields<'_>, len: u64) -> Result<Layout, Halt> {
    let span = Span::new(fields.position(), len);
    fields.take(to_usize(len), "compact data")?;
    Ok(Layout::Compact(span))
}

fn chunks(
    fields: &Fields<'_>,
    mut dimensions: Vec<u64>,
    address: Option<u64>,
    index: Index,
) -> Result<Layout, Halt> {
    // The last dimension is the size of an element.
    let Some(element) = dimensions.pop().filter(|_| !dimensions.is_empty()) else {
        return Err(fields.fault("chunks without dimensions"));
    };
    if element == 0 || dimensions.contains(&0) {
        return Err(fields.fault("chunks without elements"));
    }
    let bare_edges = false;
    Ok(Layout::Chunked(Chunks { dimensions, element, address, index, bare_edges }))
}

/// Chunks whose index the layout chooses: versions 4 and 5.
fn indexed(fields: &mut Fields<'_>) -> Result<Layout, Halt> {
    let flags = fields.u8("flags of a layout")?;
    let rank = rank(fields)?;
    let width = usize::from(fields.u8("width of a chunk's sizes")?);
    if !(1..=8).contains(&width) {
        return Err(fields.fault(format!("sizes of chunks in {width} bytes")));
    }
    let mut dimensions = Vec::new();
    for _ in 0..rank {
        dimensions.push(fields.number(width, "size of a chunk")?);
    }
    let index = match fields.u8("index of chunks")? {
        1 if flags & 0x02 != 0 => {
            let size = fields.length("size of a chunk")?;
            Index::Single(Some((size, fields.u32("filters of a chunk")?)))
        }
        1 => Index::Single(None),
        2 => Index::Implicit,
        3 => Index::Fixed(fields.u8("page of an index")?),
        4 => Index::Extensible(Extensible {
            bits: fields.u8("bits of an index")?,
            elements: fields.u8("elements of an index")?,
            blocks: fields.u8("pointers of an index")?,
            block: fields.u8("elements of a block of an index")?,
            page: fields.u8("page of an index")?,
        }),
        5 => {
            fields.take(6, "parameters of an index")?;
            Index::Tree2
        }
        index => return Err(fields.fault(format!("chunks with an index of type {index}"))),
    };
    let address = fields.address("address of chunks")?;
    let layout = chunks(fields, dimensions, address, index)?;
    let Layout::Chunked(mut chunks) = layout else { return Ok(layout) };
    chunks.bare_edges = flags & 0x01 != 0;
    Ok(Layout::Chunked(chunks))
}
