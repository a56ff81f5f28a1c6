//! Global heaps: where text and sequences of variable length lie, and the mappings of virtual
//! datasets.
//!
//! Source: HDF5 File Format Specification, III.E "Global Heap".

use super::access::Access;
use super::claims::Use;
use super::fields::{Fields, padded};
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Objects of collections that are remembered; beyond, collections are read again when needed.
const REMEMBERED: usize = 1 << 20;

/// Collections that have been read: by address, the objects in them by index.
#[derive(Clone, Debug, Default)]
pub(super) struct Heaps {
    collections: HashMap<u64, Rc<HashMap<u16, Span>>>,
    remembered: usize,
    /// Addresses of collections whose bytes are claimed.
    claimed: HashSet<u64>,
}

/// Where in a global heap something lies.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct HeapId {
    /// Address of the collection.
    pub(super) address: u64,
    /// Index of the object in it.
    pub(super) index: u32,
}

impl Heaps {
    /// Where the object with the identifier `id`, which stands at offset `said`, lies in the file.
    pub(super) fn find(
        &mut self,
        access: &mut Access<'_>,
        id: HeapId,
        said: u64,
    ) -> Result<Span, Halt> {
        let collection = match self.collections.get(&id.address) {
            Some(collection) => Rc::clone(collection),
            None => {
                let read =
                    Rc::new(collection(access, id.address, self.claimed.insert(id.address))?);
                if self.remembered.saturating_add(read.len()) > REMEMBERED {
                    self.collections.clear();
                    self.remembered = 0;
                }
                self.remembered = self.remembered.saturating_add(read.len());
                self.collections.insert(id.address, Rc::clone(&read));
                read
            }
        };
        let found = u16::try_from(id.index).ok().and_then(|index| collection.get(&index));
        found.copied().ok_or_else(|| {
            let HeapId { address, index } = id;
            let what = format!("no object {index} in the global heap at {address:#x}");
            Halt::malformed(said, what)
        })
    }
}

/// Reads which objects a collection has; its bytes are claimed the `first` time.
fn collection(
    access: &mut Access<'_>,
    address: u64,
    first: bool,
) -> Result<HashMap<u16, Span>, Halt> {
    let length = access.space.widths.length;
    // Index, references, padding and size; like the head of a collection, padded in files with short
    // lengths.
    let entry = padded(length.saturating_add(8));
    let head = access.block(address, to_u64(entry), "global heap")?;
    let mut fields = access.signed(&head, b"GCOL", "global heap")?;
    match fields.u8("version of a global heap")? {
        1 => {}
        version => return Err(fields.fault(format!("global heap of version {version}"))),
    }
    fields.take(3, "padding of a global heap")?;
    let size = fields.length("size of a global heap")?;
    let block = access.block(address, size, "global heap")?;
    if first {
        access.claim(block.span(), Use::Metadata("global heap"));
    }
    let mut fields = access.fields(&block);
    fields.pass(entry);
    let mut objects = HashMap::new();
    while fields.remaining() >= entry {
        access.steps(1, fields.position())?;
        match object(&mut fields, (entry, length))? {
            Some((0, _)) => {}
            Some((index, span)) => {
                objects.entry(index).or_insert(span);
            }
            None => break,
        }
    }
    Ok(objects)
}

/// The next object of a collection: its index, and where its data lies. `None` where free space
/// says that it is smaller than its own fields.
fn object(
    fields: &mut Fields<'_>,
    (entry, length): (usize, usize),
) -> Result<Option<(u16, Span)>, Halt> {
    let index = fields.u16("index of a heap object")?;
    fields.take(6, "references of a heap object")?;
    let len = fields.length("size of a heap object")?;
    fields.pass(entry.saturating_sub(length.saturating_add(8)));
    let span = Span::new(fields.position(), len);
    // Object 0 is free space, wherever it stands; its size counts these fields as well.
    if index == 0 {
        let Some(rest) = to_usize(len).checked_sub(entry) else { return Ok(None) };
        fields.pass(rest);
    } else if len > to_u64(fields.remaining()) {
        let what = format!("object {index} of {len} bytes, more than its global heap has");
        return Err(Halt::malformed(span.start, what));
    } else {
        fields.pass(padded(to_usize(len)));
    }
    Ok(Some((index, span)))
}
