//! `FlatBuffers` without a schema compiler: tables, vectors, strings and unions, of which each offset
//! is checked where it is followed.
//!
//! A reader for which a schema was compiled trusts offsets unless a verifier ran before, and what
//! the verifier refuses is lost as a whole. Here a lie costs only what hangs on it. Tables can be
//! shared, so a few bytes could be visited without end: what may be visited is bounded by the size
//! of the artifact.

pub(crate) mod flex;
mod pages;

use davy_bytes::{Budget, Bytes, Halt, Span};
pub(crate) use pages::Pages;

/// How often each byte may be visited on average: writers share equal vtables and strings, and a
/// vtable of a hundred bytes may serve tables of ten.
const VISITS: u64 = 64;
/// Bytes that may be visited besides, so that the smallest files are no exception.
const FREE: u64 = 1 << 20;
/// Blocks that the map of visited bytes has at most.
const BLOCKS: u64 = 1 << 22;
/// Bytes of a block at least, as a power of two.
const BLOCK_BITS: u32 = 6;

/// A table: where its fields start, and where its vtable says that they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// Offset of the table.
    pub(crate) at: u64,
    /// Offset of its vtable.
    vtable: u64,
    /// Length of the vtable in bytes, its header included.
    slots: u16,
    /// Length of the fields in bytes, the offset to the vtable included.
    size: u16,
}

/// A vector: a checked span of elements of one width.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vector {
    /// Its elements.
    pub(crate) span: Span,
    /// How many there are.
    pub(crate) count: u64,
}

/// An artifact that is read as a `FlatBuffer`.
#[derive(Debug)]
pub(crate) struct Flat<'a> {
    pages: Pages,
    len: u64,
    budget: &'a mut Budget,
    /// Bytes that may still be visited.
    visits: u64,
    seen: Seen,
}

impl<'a> Flat<'a> {
    /// Starts to read `bytes`.
    pub(crate) fn new(bytes: &Bytes, budget: &'a mut Budget) -> Self {
        let len = bytes.len();
        let visits = len.saturating_mul(VISITS).saturating_add(FREE);
        Self { pages: Pages::new(bytes), len, budget, visits, seen: Seen::new(len) }
    }

    /// The bytes that are read.
    pub(crate) fn bytes(&self) -> &Bytes {
        self.pages.bytes()
    }

    /// What may still be spent.
    pub(crate) fn budget(&mut self) -> &mut Budget {
        self.budget
    }

    /// Takes `span` for explained.
    ///
    /// # Errors
    /// [`Halt::exhausted`] where the same bytes have been visited too often.
    pub(crate) fn visit(&mut self, span: Span) -> Result<(), Halt> {
        self.budget.spend_steps(1, span.start.min(self.len))?;
        self.seen.mark(span);
        match self.visits.checked_sub(span.len) {
            Some(left) => {
                self.visits = left;
                Ok(())
            }
            None => {
                let what = "parts that are shared so often that the whole is out of proportion";
                Err(Halt::exhausted(span.start.min(self.len), what))
            }
        }
    }

    /// Stretches of at least `least` bytes that nothing has visited.
    pub(crate) fn unseen(&self, least: u64) -> Vec<Span> {
        self.seen.unseen(least)
    }

    /// The end of the last thing that was visited.
    pub(crate) fn end(&self) -> u64 {
        self.seen.end.min(self.len)
    }

    /// The table that the first four bytes lead to.
    pub(crate) fn root(&mut self) -> Result<Table, Halt> {
        self.visit(Span::new(0, 8))?;
        let at = self.indirect(0, "root offset")?;
        self.table(at, "root table")
    }

    /// The table at `at`.
    pub(crate) fn table(&mut self, at: u64, what: &'static str) -> Result<Table, Halt> {
        let back = i64::from(self.i32_at(at, what)?);
        let vtable = i64::try_from(at).ok().and_then(|at| at.checked_sub(back));
        let vtable = vtable.and_then(|vtable| u64::try_from(vtable).ok());
        let fault = |of: &str| Halt::malformed(at, format!("{of} of {what} lies outside"));
        let vtable = vtable.filter(|vtable| *vtable < self.len).ok_or_else(|| fault("vtable"))?;
        let slots = self.u16_at(vtable, "vtable length")?;
        let size = self.u16_at(vtable.saturating_add(2), "table length")?;
        if slots < 4 || size < 4 || slots & 1 == 1 {
            return Err(Halt::malformed(vtable, format!("vtable of {what} has no sense")));
        }
        let (header, body) = (Span::new(vtable, u64::from(slots)), Span::new(at, u64::from(size)));
        if header.end() > self.len || body.end() > self.len {
            return Err(fault("end"));
        }
        self.visit(header)?;
        self.visit(body)?;
        Ok(Table { at, vtable, slots, size })
    }

    /// Where a table has the field of the given number; nothing where it has its default.
    pub(crate) fn field(&mut self, table: Table, field: u16) -> Result<Option<u64>, Halt> {
        let slot = u64::from(field).saturating_mul(2).saturating_add(4);
        if slot.saturating_add(2) > u64::from(table.slots) {
            return Ok(None);
        }
        let place = table.vtable.saturating_add(slot);
        match self.u16_at(place, "field of a vtable")? {
            0 => Ok(None),
            inside if inside < 4 || inside >= table.size => {
                Err(Halt::malformed(place, "a field lies outside of its table"))
            }
            inside => Ok(Some(table.at.saturating_add(u64::from(inside)))),
        }
    }

    /// A number of one byte.
    pub(crate) fn u8(&mut self, table: Table, field: u16, default: u8) -> Result<u8, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(default) };
        Ok(u8::from_le_bytes(self.array(at, "field")?))
    }

    /// A signed number of four bytes.
    pub(crate) fn i32(&mut self, table: Table, field: u16, default: i32) -> Result<i32, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(default) };
        self.i32_at(at, "field")
    }

    /// A number of four bytes.
    pub(crate) fn u32(&mut self, table: Table, field: u16, default: u32) -> Result<u32, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(default) };
        self.u32_at(at, "field")
    }

    /// A number of eight bytes.
    pub(crate) fn u64(&mut self, table: Table, field: u16, default: u64) -> Result<u64, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(default) };
        Ok(u64::from_le_bytes(self.array(at, "field")?))
    }

    /// A signed number of eight bytes.
    pub(crate) fn i64(&mut self, table: Table, field: u16, default: i64) -> Result<i64, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(default) };
        Ok(i64::from_le_bytes(self.array(at, "field")?))
    }

    /// A floating-point number of four bytes.
    pub(crate) fn f32(&mut self, table: Table, field: u16, default: f32) -> Result<f32, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(default) };
        Ok(f32::from_le_bytes(self.array(at, "field")?))
    }

    /// The table in a field.
    pub(crate) fn child(
        &mut self,
        table: Table,
        field: u16,
        what: &'static str,
    ) -> Result<Option<Table>, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(None) };
        let at = self.indirect(at, what)?;
        self.table(at, what).map(Some)
    }

    /// The bytes of the text in a field, without the zero behind it.
    pub(crate) fn string(
        &mut self,
        table: Table,
        field: u16,
        what: &'static str,
    ) -> Result<Option<Span>, Halt> {
        Ok(self.vector(table, field, 1, what)?.map(|vector| vector.span))
    }

    /// The start of the text in a field, of at most `limit` bytes; empty where there is none.
    pub(crate) fn text(
        &mut self,
        table: Table,
        field: u16,
        what: &'static str,
        limit: usize,
    ) -> Result<String, Halt> {
        let span = self.string(table, field, what)?.unwrap_or_default();
        self.text_in(span, limit)
    }

    /// Fills `out` with the bytes from `at` on.
    ///
    /// # Errors
    /// [`Halt::malformed`] where fewer bytes are left, or when the medium fails.
    pub(crate) fn fill(&mut self, at: u64, out: &mut [u8]) -> Result<(), Halt> {
        self.pages.fill(at, out, "bytes")
    }

    /// The start of the text in `span`.
    pub(crate) fn text_in(&mut self, span: Span, limit: usize) -> Result<String, Halt> {
        let mut text = vec![0; davy_bytes::to_usize(span.len).min(limit)];
        self.pages.fill(span.start, &mut text, "text")?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The vector in a field, of elements of `width` bytes.
    pub(crate) fn vector(
        &mut self,
        table: Table,
        field: u16,
        width: u64,
        what: &'static str,
    ) -> Result<Option<Vector>, Halt> {
        let Some(at) = self.field(table, field)? else { return Ok(None) };
        let at = self.indirect(at, what)?;
        self.vector_at(at, width, what).map(Some)
    }

    /// The vector at `at`.
    fn vector_at(&mut self, at: u64, width: u64, what: &'static str) -> Result<Vector, Halt> {
        let count = u64::from(self.u32_at(at, what)?);
        let span = Span::new(at.saturating_add(4), count.saturating_mul(width));
        if span.end() > self.len {
            let left = self.len.saturating_sub(span.start);
            let what = format!("{what} of {} bytes, where {left} are left", span.len);
            return Err(Halt::malformed(at, what));
        }
        // Elements that are visited one by one pay for themselves.
        let paid = if width == 1 { 0 } else { span.len };
        self.seen.mark(Span::between(at, span.end()));
        self.visit(Span::new(at, paid.saturating_add(4)))?;
        Ok(Vector { span, count })
    }

    /// The table that an element of a vector leads to.
    pub(crate) fn element(
        &mut self,
        vector: Vector,
        index: u64,
        what: &'static str,
    ) -> Result<Table, Halt> {
        let at = self.indirect(place(vector, index, 4), what)?;
        self.table(at, what)
    }

    /// The text that an element of a vector leads to.
    pub(crate) fn text_element(
        &mut self,
        vector: Vector,
        index: u64,
        limit: usize,
    ) -> Result<String, Halt> {
        let at = self.indirect(place(vector, index, 4), "text")?;
        let span = self.vector_at(at, 1, "text")?.span;
        self.text_in(span, limit)
    }

    /// An element of a vector of signed numbers of four bytes.
    pub(crate) fn i32_element(&mut self, vector: Vector, index: u64) -> Result<i32, Halt> {
        self.i32_at(place(vector, index, 4), "element")
    }

    /// An element of a vector of signed numbers of eight bytes.
    pub(crate) fn i64_element(&mut self, vector: Vector, index: u64) -> Result<i64, Halt> {
        Ok(i64::from_le_bytes(self.array(place(vector, index, 8), "element")?))
    }

    /// Where the offset at `at` leads to.
    fn indirect(&mut self, at: u64, what: &'static str) -> Result<u64, Halt> {
        let offset = u64::from(self.u32_at(at, what)?);
        let to = at.saturating_add(offset);
        if offset == 0 || to >= self.len {
            return Err(Halt::malformed(at, format!("the offset of {what} leads outside")));
        }
        Ok(to)
    }

    fn u16_at(&mut self, at: u64, what: &'static str) -> Result<u16, Halt> {
        Ok(u16::from_le_bytes(self.array(at, what)?))
    }

    fn u32_at(&mut self, at: u64, what: &'static str) -> Result<u32, Halt> {
        Ok(u32::from_le_bytes(self.array(at, what)?))
    }

    fn i32_at(&mut self, at: u64, what: &'static str) -> Result<i32, Halt> {
        Ok(i32::from_le_bytes(self.array(at, what)?))
    }

    fn array<const N: usize>(&mut self, at: u64, what: &'static str) -> Result<[u8; N], Halt> {
        let mut array = [0; N];
        self.pages.fill(at, &mut array, what)?;
        Ok(array)
    }
}

/// Where an element of a vector stands.
fn place(vector: Vector, index: u64, width: u64) -> u64 {
    vector.span.start.saturating_add(index.saturating_mul(width))
}

/// Which bytes were visited, by blocks of a size that keeps the map small.
#[derive(Debug)]
struct Seen {
    len: u64,
    bits: u32,
    map: Vec<u64>,
    end: u64,
}

impl Seen {
    fn new(len: u64) -> Self {
        let mut bits = BLOCK_BITS;
        while len >> bits > BLOCKS {
            bits = bits.saturating_add(1);
        }
        let words = (len >> bits >> 6).saturating_add(1);
        Self { len, bits, map: vec![0; davy_bytes::to_usize(words)], end: 0 }
    }

    fn mark(&mut self, span: Span) {
        if span.len == 0 {
            return;
        }
        self.end = self.end.max(span.end());
        let last = span.end().saturating_sub(1) >> self.bits;
        let mut block = span.start >> self.bits;
        while block <= last {
            let Some(word) = self.map.get_mut(davy_bytes::to_usize(block >> 6)) else { return };
            if block & 63 == 0 && block.saturating_add(63) <= last {
                *word = u64::MAX;
                block = block.saturating_add(64);
            } else {
                *word |= 1 << (block & 63);
                block = block.saturating_add(1);
            }
        }
    }

    fn unseen(&self, least: u64) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut start = None;
        let blocks = self.len.div_ceil(1 << self.bits);
        for block in 0..=blocks {
            let word = self.map.get(davy_bytes::to_usize(block >> 6)).copied().unwrap_or_default();
            let seen = block == blocks || word >> (block & 63) & 1 == 1;
            match (seen, start) {
                (false, None) => start = Some(block),
                (true, Some(first)) => {
                    let end = (block << self.bits).min(self.len);
                    let span = Span::between(first << self.bits, end);
                    spans.extend((span.len >= least).then_some(span));
                    start = None;
                }
                _ => {}
            }
        }
        spans
    }
}

/// Whether `head` starts a `FlatBuffer` with this identifier.
pub(crate) fn has_identifier(head: &[u8], identifier: &[u8; 4]) -> bool {
    head.get(4..8) == Some(identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root table with a number, a text and a vector of two tables that are the same one.
    const SAMPLE: &[u8] = &[
        20, 0, 0, 0, b'T', b'E', b'S', b'T', // root offset, identifier
        10, 0, 16, 0, 4, 0, 8, 0, 12, 0, 0, 0, // vtable: three fields
        12, 0, 0, 0, // table at 20: vtable at 8
        7, 0, 0, 0, // field 0: 7
        8, 0, 0, 0, // field 1: text at 36
        12, 0, 0, 0, // field 2: vector at 44
        2, 0, 0, 0, b'h', b'i', 0, 0, // text
        2, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, // vector
        52, 0, 0, 0, // table at 56: the vtable that it names, at 4, is one of 17,748 bytes
    ];

    fn flat(bytes: &[u8], test: impl FnOnce(&mut Flat<'_>)) {
        let mut budget = Budget::default();
        test(&mut Flat::new(&Bytes::from_memory(bytes), &mut budget));
    }

    #[test]
    fn fields_are_found_through_the_vtable() {
        flat(SAMPLE, |flat| {
            let root = flat.root().unwrap();
            assert_eq!(flat.u32(root, 0, 0).unwrap(), 7);
            assert_eq!(flat.text(root, 1, "name", 10).unwrap(), "hi");
            assert_eq!(flat.u32(root, 9, 42).unwrap(), 42);
            let vector = flat.vector(root, 2, 4, "items").unwrap().unwrap();
            assert_eq!(vector.count, 2);
            let fault = flat.element(vector, 0, "item").unwrap_err();
            assert_eq!(fault.what(), "end of item lies outside");
        });
    }

    #[test]
    fn offsets_that_lead_outside_name_what_they_are_of() {
        let mut bytes = SAMPLE.to_vec();
        bytes[28] = 200;
        flat(&bytes, |flat| {
            let root = flat.root().unwrap();
            let fault = flat.text(root, 1, "name", 10).unwrap_err();
            assert_eq!((fault.at(), fault.what()), (28, "the offset of name leads outside"));
        });
        bytes[44] = 200;
        flat(&bytes, |flat| {
            let root = flat.root().unwrap();
            let fault = flat.vector(root, 2, 4, "items").unwrap_err();
            assert_eq!(fault.what(), "items of 800 bytes, where 12 are left");
        });
    }

    #[test]
    fn what_is_shared_too_often_ends_the_reading() {
        flat(SAMPLE, |flat| {
            let root = flat.root().unwrap();
            let mut halted = None;
            for _ in 0..1_000_000 {
                halted = flat.table(root.at, "item").err();
                if halted.is_some() {
                    break;
                }
            }
            assert!(halted.unwrap().what().contains("shared so often"));
        });
    }

    #[test]
    fn stretches_that_nothing_visits_are_told() {
        let mut seen = Seen::new(10_000);
        seen.mark(Span::new(0, 100));
        seen.mark(Span::new(1_000, 6_000));
        assert_eq!(seen.unseen(256), [Span::between(128, 960), Span::between(7_040, 10_000)]);
        assert_eq!(seen.unseen(1_000).len(), 1);
        assert_eq!(Seen::new(1 << 40).map.len(), 1 << 16 | 1);
    }
}
