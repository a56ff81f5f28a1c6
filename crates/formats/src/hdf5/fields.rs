//! Typed reads from a block of metadata in memory: each names its field, so that every fault has a
//! name and an offset.

use davy_bytes::{Halt, Span, to_u64, to_usize};

/// Widths of addresses and lengths, as the superblock sets them, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Widths {
    /// "Size of Offsets".
    pub(super) address: usize,
    /// "Size of Lengths".
    pub(super) length: usize,
}

/// A block of metadata that was read: its bytes, and where in the file they stand.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) data: Vec<u8>,
    /// Offset of the first byte in the file.
    pub(super) at: u64,
}

impl Block {
    /// Where the block stands.
    pub(super) fn span(&self) -> Span {
        Span::new(self.at, to_u64(self.data.len()))
    }

    /// The bytes from `start` on, `len` of them or as many as there are.
    pub(super) fn part(&self, start: usize, len: usize) -> &[u8] {
        let end = start.saturating_add(len).min(self.data.len());
        self.data.get(start..end).unwrap_or_default()
    }
}

/// A position in a block.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    data: &'a [u8],
    base: u64,
    at: usize,
    widths: Widths,
}

impl<'a> Fields<'a> {
    /// Starts at the first of `data`, which stands at offset `base` of the file.
    pub(super) fn new(data: &'a [u8], base: u64, widths: Widths) -> Self {
        Self { data, base, at: 0, widths }
    }

    /// Offset of the next byte in the file.
    pub(super) fn position(&self) -> u64 {
        self.base.saturating_add(to_u64(self.at))
    }

    /// How many bytes have been read.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(super) fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    /// Everything that is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// Where the next `len` bytes stand.
    pub(super) fn span(&self, len: usize) -> Span {
        Span::new(self.position(), to_u64(len.min(self.remaining())))
    }

    /// A fault of the form at the next byte.
    pub(super) fn fault(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Halt {
        Halt::malformed(self.position(), what)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Halt> {
        let end = self.at.saturating_add(count);
        match self.data.get(self.at..end) {
            Some(taken) => {
                self.at = end;
                Ok(taken)
            }
            None => Err(self.fault(format!("truncated {what}"))),
        }
    }

    /// Passes over `count` bytes, or to the end where fewer are left.
    pub(super) fn pass(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.data.len());
    }

    /// A little-endian number of `width` bytes; wider than eight, it saturates.
    pub(super) fn number(&mut self, width: usize, what: &'static str) -> Result<u64, Halt> {
        Ok(number(self.take(width, what)?))
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Halt> {
        Ok(self.take(1, what)?.first().copied().unwrap_or_default())
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Halt> {
        Ok(u16::try_from(self.number(2, what)?).unwrap_or(u16::MAX))
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Halt> {
        Ok(u32::try_from(self.number(4, what)?).unwrap_or(u32::MAX))
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Halt> {
        self.number(8, what)
    }

    /// A length, of the width that the superblock sets.
    pub(super) fn length(&mut self, what: &'static str) -> Result<u64, Halt> {
        self.number(self.widths.length, what)
    }

    /// An address, of the width that the superblock sets; the undefined address is `None`.
    pub(super) fn address(&mut self, what: &'static str) -> Result<Option<u64>, Halt> {
        let raw = self.take(self.widths.address, what)?;
        Ok(if raw.iter().all(|byte| *byte == 0xff) { None } else { Some(number(raw)) })
    }

    /// Bytes up to a NUL, which is passed over.
    pub(super) fn name(&mut self, what: &'static str) -> Result<&'a [u8], Halt> {
        let rest = self.rest();
        match rest.iter().position(|byte| *byte == 0) {
            Some(end) => {
                self.pass(end.saturating_add(1));
                Ok(rest.get(..end).unwrap_or_default())
            }
            None => Err(self.fault(format!("{what} without an end"))),
        }
    }

    /// A name, and zeros up to a multiple of eight bytes from its start.
    pub(super) fn padded_name(&mut self, what: &'static str) -> Result<&'a [u8], Halt> {
        let start = self.at;
        let name = self.name(what)?;
        self.at = start;
        self.pass(padded(name.len().saturating_add(1)));
        Ok(name)
    }
}

/// A little-endian number; more than eight bytes saturate.
pub(super) fn number(raw: &[u8]) -> u64 {
    let high = raw.get(8..).unwrap_or_default();
    if high.iter().any(|byte| *byte != 0) {
        return u64::MAX;
    }
    raw.iter().take(8).rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// `len` rounded up to a multiple of eight.
pub(super) fn padded(len: usize) -> usize {
    len.checked_next_multiple_of(8).unwrap_or(usize::MAX)
}

/// How many bytes hold any number up to `limit`, as libhdf5 sizes them.
pub(super) fn bytes_for(limit: u64) -> usize {
    to_usize(u64::from(limit.max(1).ilog2() / 8)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: Widths = Widths { address: 4, length: 2 };

    #[test]
    fn fields_have_the_widths_that_the_superblock_sets() {
        let data = [1, 0, 0, 0, 2, 0, 0xff, 0xff, 0xff, 0xff, 7];
        let mut fields = Fields::new(&data, 100, WIDTHS);
        assert_eq!(fields.address("a"), Ok(Some(1)));
        assert_eq!(fields.length("b"), Ok(2));
        assert_eq!(fields.address("c"), Ok(None));
        let fault = fields.u16("size of names").unwrap_err();
        assert_eq!((fault.at(), fault.what()), (110, "truncated size of names"));
    }

    #[test]
    fn names_are_padded_from_their_start() {
        let mut fields = Fields::new(b"xab\0\0\0\0\0\0yz", 0, WIDTHS);
        fields.pass(1);
        assert_eq!(fields.padded_name("name"), Ok(b"ab".as_slice()));
        assert_eq!(fields.rest(), b"yz");
        assert!(fields.name("name").is_err());
    }

    #[test]
    fn widths_of_counts_are_those_of_libhdf5() {
        assert_eq!([0, 1, 255, 256, 65535, 65536].map(bytes_for), [1, 1, 1, 2, 2, 3]);
        assert_eq!(number(&[0, 0, 0, 0, 0, 0, 0, 0, 1]), u64::MAX);
    }
}
