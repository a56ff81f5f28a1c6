//! Shared messages: those that stand elsewhere, in a committed datatype or in a heap of the file.
//!
//! Source: HDF5 File Format Specification, IV.A.2 "Object Header Message: Shared Message",
//! III.H "Shared Object Header Message Table".

use super::access::Access;
use super::fields::{Block, Fields};
use super::header;
use super::heap::Fractal;
use davy_bytes::{Halt, to_u64};

/// The heaps of shared messages.
#[derive(Debug, Default)]
pub(super) struct Shared {
    indices: Vec<Index>,
}

/// One index of shared messages.
#[derive(Debug)]
struct Index {
    /// A bit for each type of messages.
    kinds: u16,
    heap: Option<Fractal>,
}

/// What a shared message says about where it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Place {
    /// In a heap of the file, under this identifier.
    Heap([u8; 8]),
    /// In the header at this address.
    Header(u64),
}

impl Shared {
    /// Reads the table that the superblock extension names.
    pub(super) fn read(access: &mut Access<'_>, message: &Block) -> Result<Self, Halt> {
        let mut fields = access.fields(message);
        fields.take(1, "version of shared messages")?;
        let table = fields.address("address of shared messages")?;
        let count = usize::from(fields.u8("indices of shared messages")?);
        let Some(table) = table else { return Ok(Self::default()) };
        let entry = access.space.widths.address.saturating_mul(2).saturating_add(14);
        let len = to_u64(entry.saturating_mul(count)).saturating_add(8);
        let block = access.structure(table, len, "table of shared messages")?;
        access.verify(&block, "table of shared messages");
        let mut fields = access.signed(&block, b"SMTB", "table of shared messages")?;
        let mut shared = Self::default();
        for _ in 0..count {
            fields.take(1, "version of an index of shared messages")?;
            let kind = fields.u8("type of an index of shared messages")?;
            let kinds = fields.u16("types of shared messages")?;
            fields.take(4, "least size of shared messages")?;
            let most = fields.u16("limits of shared messages")?;
            fields.take(2, "limits of shared messages")?;
            fields.take(2, "number of shared messages")?;
            let index = fields.address("index of shared messages")?;
            let heap = fields.address("heap of shared messages")?;
            if let Some(index) = index {
                claim_index(access, index, kind, most)?;
            }
            let heap = heap.map(|heap| Fractal::open(access, heap)).transpose()?;
            shared.indices.push(Index { kinds, heap });
        }
        Ok(shared)
    }

    /// The body of the message of the given type that `fields` say where it is.
    pub(super) fn follow(
        &mut self,
        access: &mut Access<'_>,
        fields: &mut Fields<'_>,
        kind: u16,
    ) -> Result<Block, Halt> {
        let said = fields.position();
        let place = place(fields)?;
        self.at(access, place, kind, said)
    }

    /// The body of the message of the given type at `place`, which is named at offset `said`.
    pub(super) fn at(
        &mut self,
        access: &mut Access<'_>,
        place: Place,
        kind: u16,
        said: u64,
    ) -> Result<Block, Halt> {
        match place {
            Place::Header(address) => committed(access, address, kind),
            Place::Heap(id) => {
                let bit = 1_u16.checked_shl(kind.into()).unwrap_or(0);
                let mut indices = self.indices.iter_mut().filter(|index| index.kinds & bit != 0);
                match indices.next().and_then(|index| index.heap.as_mut()) {
                    Some(heap) => {
                        let object = heap.object(access, &id, said)?;
                        Ok(Block { data: object.data, at: object.at })
                    }
                    None => {
                        let what = format!("shared message of type {kind:#x} without a heap");
                        Err(Halt::malformed(said, what))
                    }
                }
            }
        }
    }
}

/// Where a shared message is.
pub(super) fn place(fields: &mut Fields<'_>) -> Result<Place, Halt> {
    let version = fields.u8("version of a shared message")?;
    let kind = fields.u8("type of a shared message")?;
    if version == 1 {
        fields.take(6, "padding of a shared message")?;
    }
    if version == 3 && kind == 1 {
        let id = fields.take(8, "identifier of a shared message")?;
        return Ok(Place::Heap(id.try_into().unwrap_or_default()));
    }
    if !(1..=3).contains(&version) {
        return Err(fields.fault(format!("shared message of version {version}")));
    }
    match fields.address("address of a shared message")? {
        Some(address) => Ok(Place::Header(address)),
        None => Err(fields.fault("shared message at the undefined address")),
    }
}

/// The message of the given type in the header at `address`, which is a committed datatype's or
/// that of whichever object has the message.
fn committed(access: &mut Access<'_>, address: u64, kind: u16) -> Result<Block, Halt> {
    let header = header::peek(access, address)?;
    let found = header.first(kind).filter(|message| !message.is_shared());
    match found {
        Some(message) => Ok(message.body.clone()),
        None => {
            let what = format!("no message of type {kind:#x} in the header that shares it");
            Err(Halt::malformed(access.space.offset(address), what))
        }
    }
}

/// Claims the list or tree of an index.
fn claim_index(access: &mut Access<'_>, address: u64, kind: u8, most: u16) -> Result<(), Halt> {
    if kind != 0 {
        return super::btree2::claim(access, address);
    }
    // Signature, records of a hash and a place of a heap or header, checksum.
    let widths = access.space.widths;
    let record = 5_usize.saturating_add(widths.address.saturating_add(4).max(12));
    let len = to_u64(record.saturating_mul(usize::from(most))).saturating_add(8);
    let what = "list of shared messages";
    let len = len.min(access.space.bytes.len().saturating_sub(access.space.offset(address)));
    let block = access.structure(address, len, what)?;
    access.signed(&block, b"SMLI", what).map(|_| ())
}
