//! A few pages of an artifact in memory, for structures that are read by jumping through them.

use davy_bytes::{Bytes, Halt, to_u64, to_usize};

/// Bytes per page, as a power of two.
const PAGE_BITS: u32 = 12;
/// Bytes per page.
const PAGE: u64 = 1 << PAGE_BITS;
/// Pages that are held, as a power of two: one megabyte in all.
const SLOT_BITS: u32 = 8;

/// A page that is held.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// Number of the page, plus one; zero where the slot is empty.
    page: u64,
    bytes: Vec<u8>,
}

/// A view of bytes that remembers the pages that were read last.
#[derive(Debug)]
pub(crate) struct Pages {
    bytes: Bytes,
    slots: Vec<Slot>,
}

impl Pages {
    /// Nothing is read yet.
    pub(crate) fn new(bytes: &Bytes) -> Self {
        Self { bytes: bytes.clone(), slots: vec![Slot::default(); 1 << SLOT_BITS] }
    }

    /// The view that is read.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Fills `out` from offset `at` on.
    ///
    /// # Errors
    /// [`Halt::malformed`] naming `what` where fewer bytes are left, or when the medium fails.
    pub(crate) fn fill(&mut self, at: u64, out: &mut [u8], what: &'static str) -> Result<(), Halt> {
        let mut done = 0_usize;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let from = at.saturating_add(to_u64(done));
            let page = self.page(from)?;
            let inside = to_usize(from & PAGE.saturating_sub(1));
            let there = page.get(inside..).unwrap_or_default();
            let count = there.len().min(rest.len());
            if count == 0 {
                return Err(Halt::malformed(at.min(self.bytes.len()), format!("truncated {what}")));
            }
            if let (Some(to), Some(part)) = (rest.get_mut(..count), there.get(..count)) {
                to.copy_from_slice(part);
            }
            done = done.saturating_add(count);
        }
        Ok(())
    }

    /// The page that has offset `at`.
    fn page(&mut self, at: u64) -> Result<&[u8], Halt> {
        let page = at >> PAGE_BITS;
        let index = to_usize(page & ((1 << SLOT_BITS) - 1));
        let Some(slot) = self.slots.get_mut(index) else { return Ok(&[]) };
        if slot.page != page.saturating_add(1) {
            let start = page << PAGE_BITS;
            let room = to_usize(PAGE.min(self.bytes.len().saturating_sub(start)));
            slot.page = 0;
            slot.bytes.resize(room, 0);
            let read = self.bytes.read_at(start, &mut slot.bytes)?;
            slot.bytes.truncate(read);
            slot.page = page.saturating_add(1);
        }
        Ok(&slot.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_pages_and_end_with_the_bytes() {
        let size = to_usize(PAGE) * 280 + 3;
        let content: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut pages = Pages::new(&Bytes::from_memory(content.clone()));
        let mut out = [0; 8];
        for at in [0, to_usize(PAGE) - 3, to_usize(PAGE) * 256 - 1, size - 8, 5] {
            pages.fill(to_u64(at), &mut out, "number").unwrap();
            assert_eq!(out, content[at..at + 8]);
        }
        let fault = pages.fill(to_u64(size - 7), &mut out, "number").unwrap_err();
        assert_eq!((fault.at(), fault.what()), (to_u64(size - 7), "truncated number"));
        assert!(pages.fill(u64::MAX, &mut out, "number").is_err());
    }
}
