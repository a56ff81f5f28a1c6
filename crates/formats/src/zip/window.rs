//! Small reads all over a file, without a system call for each: records that stand near each other
//! come out of one window.

use davy_bytes::{Bytes, Halt, to_u64, to_usize};

/// One stretch of a view in memory.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Bytes,
    /// Bytes that one read fetches at least.
    page: usize,
    base: u64,
    data: Vec<u8>,
}

impl Window {
    /// A window over `bytes` that reads `page` bytes at a time.
    pub(super) fn new(bytes: &Bytes, page: usize) -> Self {
        Self { bytes: bytes.clone(), page, base: 0, data: Vec::new() }
    }

    /// Length of the view.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len()
    }

    /// Up to `len` bytes from `at`; fewer only where the view ends.
    pub(super) fn peek(&mut self, at: u64, len: usize) -> Result<&[u8], Halt> {
        let there = to_usize(self.bytes.len().saturating_sub(at)).min(len);
        let end = at.saturating_add(to_u64(there));
        let held = self.base.saturating_add(to_u64(self.data.len()));
        if at < self.base || end > held {
            let room = to_usize(self.bytes.len().saturating_sub(at)).min(len.max(self.page));
            self.data.resize(room, 0);
            self.base = at;
            let read = self.bytes.read_at(at, &mut self.data)?;
            self.data.truncate(read);
        }
        let from = to_usize(at.saturating_sub(self.base));
        Ok(self.data.get(from..from.saturating_add(there)).unwrap_or_default())
    }
}

/// The little-endian 16-bit number at `at` of a record.
pub(super) fn u16_at(record: &[u8], at: usize) -> Option<u16> {
    record.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// The little-endian 32-bit number at `at` of a record.
pub(super) fn u32_at(record: &[u8], at: usize) -> Option<u32> {
    record.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The little-endian 64-bit number at `at` of a record.
pub(super) fn u64_at(record: &[u8], at: usize) -> Option<u64> {
    record.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
