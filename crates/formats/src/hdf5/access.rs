//! What every part of the reader works with: the bytes behind addresses, the budget, and the record
//! of what was read where.

use super::claims::{Claims, Use};
use super::fields::{Block, Fields, Widths};
use super::lookup3;
use davy_artifact::{Quirk, Reading, Route, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};

/// The largest block of metadata that is read at once. The largest that libhdf5 writes by itself is
/// a node of a B-tree, of a few megabytes at most; a header may be as large as its writer wants.
const LARGEST: u64 = 128 << 20;

/// Memory that links, objects, attributes and datatypes may take: a million objects fit. Stops files
/// in which a thousand names lead to the same long list.
const ROOM: u64 = 256 << 20;

/// The file as its superblock lays it out: addresses count from `base`.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// The whole artifact.
    pub(super) bytes: Bytes,
    /// Offset of the superblock, from which addresses count.
    pub(super) base: u64,
    pub(super) widths: Widths,
    pub(super) ranks: Ranks,
}

/// Half of what the nodes of symbol tables and B-trees of version 1 have room for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ranks {
    /// Entries of a symbol table node.
    pub(super) leaf: u16,
    /// Children of a node over symbol tables.
    pub(super) group: u16,
    /// Children of a node over chunks.
    pub(super) chunk: u16,
}

impl Default for Ranks {
    fn default() -> Self {
        Self { leaf: 4, group: 16, chunk: 32 }
    }
}

impl Space {
    /// The bytes that `len` from `address` are, or `None` where they are not all there.
    pub(super) fn span(&self, address: u64, len: u64) -> Option<Span> {
        let start = self.base.checked_add(address)?;
        let end = start.checked_add(len)?;
        (end <= self.bytes.len()).then_some(Span::new(start, len))
    }

    /// As much of `len` bytes from `address` as is there.
    pub(super) fn clamped(&self, address: u64, len: u64) -> Span {
        let start = self.offset(address);
        Span::new(start, len.min(self.bytes.len().saturating_sub(start)))
    }

    /// An offset of the file that stands for `address`: the end, for what lies behind it.
    pub(super) fn offset(&self, address: u64) -> u64 {
        self.base.saturating_add(address).min(self.bytes.len())
    }
}

/// What a walk keeps count of.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) claims: Claims,
    /// Bytes of memory that what was read may still take.
    room: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { claims: Claims::default(), room: ROOM }
    }
}

/// A walk through the file.
pub(super) struct Access<'a> {
    pub(super) space: &'a Space,
    pub(super) reading: &'a mut Reading,
    pub(super) budget: &'a mut Budget,
    pub(super) ledger: &'a mut Ledger,
}

impl<'a> Access<'a> {
    /// The `len` bytes at `address`, which are metadata.
    ///
    /// # Errors
    /// [`Halt::malformed`] where they are not all in the file, [`Halt::exhausted`] where more is
    /// read than the budget has: structures that lie over each other can make a small file endless.
    pub(super) fn block(
        &mut self,
        address: u64,
        len: u64,
        what: &'static str,
    ) -> Result<Block, Halt> {
        let at = self.space.offset(address);
        let Some(span) = self.space.span(address, len) else {
            let size = self.space.bytes.len();
            let what = format!(
                "{what} of {len} bytes at address {address:#x} lies outside of the {size} bytes"
            );
            return Err(Halt::malformed(at, what));
        };
        self.copy(span, what)
    }

    /// The bytes of `span`, which lies in the file.
    ///
    /// # Errors
    /// As [`Access::block`].
    pub(super) fn copy(&mut self, span: Span, what: &'static str) -> Result<Block, Halt> {
        if span.len > LARGEST {
            return Err(Halt::exhausted(span.start, format!("{what} of {} bytes", span.len)));
        }
        self.budget.spend_steps(span.len, span.start)?;
        let data = self.space.bytes.copy(span, to_usize(span.len))?;
        Ok(Block { data, at: span.start })
    }

    /// The same, and the bytes belong to that structure alone.
    pub(super) fn structure(
        &mut self,
        address: u64,
        len: u64,
        what: &'static str,
    ) -> Result<Block, Halt> {
        let block = self.block(address, len, what)?;
        self.claim(block.span(), Use::Metadata(what));
        Ok(block)
    }

    /// Fields of a block that starts with `signature`, behind it.
    ///
    /// # Errors
    /// [`Halt::malformed`] where it does not.
    pub(super) fn signed<'b>(
        &self,
        block: &'b Block,
        signature: &[u8; 4],
        what: &'static str,
    ) -> Result<Fields<'b>, Halt> {
        let mut fields = self.fields(block);
        match fields.take(4, what)? {
            found if found == signature => Ok(fields),
            _ => Err(Halt::malformed(block.at, format!("{what} without its signature"))),
        }
    }

    /// Fields of a block.
    pub(super) fn fields<'b>(&self, block: &'b Block) -> Fields<'b> {
        Fields::new(&block.data, block.at, self.space.widths)
    }

    /// Compares the checksum in the last four bytes of `block` with the rest of it.
    ///
    /// libhdf5 opens nothing whose checksum is wrong; other readers do not look, so reading goes on.
    pub(super) fn verify(&mut self, block: &Block, what: &'static str) {
        let body = block.data.len().saturating_sub(4);
        let (body, stored) = block.data.split_at(body);
        let stored = super::fields::number(stored);
        if u64::from(lookup3::checksum(body)) != stored {
            self.wrong_checksum(block.span(), what);
        }
    }

    /// Records a checksum that does not fit.
    pub(super) fn wrong_checksum(&mut self, span: Span, what: &'static str) {
        let said = format!("the checksum of the {what} does not fit, so that libhdf5 refuses it");
        self.reading.deviation(Quirk::WrongChecksum, span, Route::None, &said);
    }

    /// Records why something could not be read, unless that ends the whole reading.
    ///
    /// # Errors
    /// The halt itself, where it is the medium's fault or the budget is used up.
    pub(super) fn survive(&mut self, halt: Halt, span: Span, route: &str) -> Result<(), Halt> {
        let spent = self.budget.left().steps == 0 || self.ledger.room == 0;
        if halt.blame() == Blame::Io || spent {
            return Err(halt);
        }
        let whole = self.space.bytes.len();
        let start = span.start.min(whole);
        let span = Span::between(start, span.end().min(whole));
        let what = format!("{route}: {} (at offset {:#x})", halt.what(), halt.at());
        self.reading.gap(span, Why::Halted(halt.blame()), &what);
        Ok(())
    }

    /// Takes `len` bytes of memory for what is found at offset `at`, which stay taken.
    ///
    /// # Errors
    /// [`Halt::exhausted`] where there is no room.
    pub(super) fn hold(&mut self, len: u64, at: u64) -> Result<(), Halt> {
        let taken = ROOM.saturating_sub(self.ledger.room);
        let fits = taken.saturating_add(len) <= self.budget.left().memory;
        match self.ledger.room.checked_sub(len).filter(|_| fits) {
            Some(room) => {
                self.ledger.room = room;
                Ok(())
            }
            None => {
                self.ledger.room = 0;
                Err(Halt::exhausted(at, "the limit on memory for one tree of objects"))
            }
        }
    }

    /// Records what a stretch of bytes is for.
    pub(super) fn claim(&mut self, span: Span, owner: Use) {
        self.ledger.claims.add(span, owner);
    }

    /// Spends a step for each of `count` things.
    pub(super) fn steps(&mut self, count: usize, at: u64) -> Result<(), Halt> {
        self.budget.spend_steps(to_u64(count), at)
    }
}
