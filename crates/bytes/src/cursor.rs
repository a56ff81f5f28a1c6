//! Typed reads, front to back: each names its field, so that every fault has a name and an offset.

use crate::{Bytes, Halt, Span, to_u64, to_usize};

/// Bytes that a cursor holds at a time. A field longer than this is passed over as a [`Span`].
const WINDOW: usize = 64 * 1024;

/// Bytes that are read behind a jump: what passes over tensors looks at little of what is between.
const GLANCE: usize = 4 * 1024;

/// A position in a view, with a window of its bytes in memory.
#[derive(Debug)]
pub struct Cursor {
    bytes: Bytes,
    window: Vec<u8>,
    /// Offset of the window's first byte in the view.
    base: u64,
    /// Position within the window.
    at: usize,
    /// Bytes that the window takes in next.
    reach: usize,
}

/// A line as [`Cursor::line`] found it, its newline left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Where the text stands, without its newline.
    pub span: Span,
    /// The text, up to the limit that was asked for.
    pub text: Vec<u8>,
    /// Whether a newline ended it; `false` at the end of the bytes.
    pub ended: bool,
}

impl Cursor {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, window: Vec::new(), base: 0, at: 0, reach: WINDOW }
    }

    /// Starts at offset `at` of `bytes`.
    #[must_use]
    pub fn starting_at(bytes: Bytes, at: u64) -> Self {
        Self { bytes, window: Vec::new(), base: at, at: 0, reach: WINDOW }
    }

    /// The view that is read.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.base.saturating_add(to_u64(self.at))
    }

    /// Number of bytes from here to the end.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.bytes.len().saturating_sub(self.position())
    }

    /// Goes to offset `at`, which may lie anywhere.
    pub fn seek(&mut self, at: u64) {
        let inside =
            at.checked_sub(self.base).map(to_usize).filter(|inside| *inside <= self.window.len());
        match inside {
            Some(inside) => self.at = inside,
            None => {
                self.window.clear();
                self.base = at;
                self.at = 0;
                self.reach = GLANCE;
            }
        }
    }

    /// Moves the window so that it starts here and holds at least `count` of at most `WINDOW`
    /// bytes, or what is left.
    #[cold]
    fn refill(&mut self, count: usize) -> Result<(), Halt> {
        self.base = self.position();
        self.at = 0;
        let reach = self.reach.max(count).min(WINDOW);
        let room = to_usize(self.bytes.len().saturating_sub(self.base)).min(reach);
        // Whoever reads on reads more and more at a time.
        self.reach = reach.saturating_mul(4).min(WINDOW);
        self.window.resize(room, 0);
        let read = self.bytes.read_at(self.base, &mut self.window)?;
        self.window.truncate(read);
        Ok(())
    }

    #[cold]
    fn short(&self, what: &'static str) -> Halt {
        Halt::malformed(self.position(), format!("truncated {what}"))
    }

    /// The next byte, or `None` at the end.
    ///
    /// # Errors
    /// Only when the medium fails.
    #[inline]
    pub fn next_byte(&mut self) -> Result<Option<u8>, Halt> {
        if let Some(byte) = self.window.get(self.at) {
            self.at = self.at.wrapping_add(1);
            return Ok(Some(*byte));
        }
        self.refill(1)?;
        let byte = self.window.first().copied();
        if byte.is_some() {
            self.at = 1;
        }
        Ok(byte)
    }

    /// The next byte, which stays where it is.
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn peek(&mut self) -> Result<Option<u8>, Halt> {
        if self.at >= self.window.len() {
            self.refill(1)?;
        }
        Ok(self.window.get(self.at).copied())
    }

    /// Up to `count` bytes from here, which stay where they are; fewer at the end, and never more
    /// than the window holds.
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn peek_slice(&mut self, count: usize) -> Result<&[u8], Halt> {
        if self.window.len().saturating_sub(self.at) < count {
            self.refill(count)?;
        }
        let end = self.at.saturating_add(count).min(self.window.len());
        Ok(self.window.get(self.at..end).unwrap_or_default())
    }

    /// The next `count` bytes, at most 64 KiB.
    ///
    /// # Errors
    /// [`Halt::malformed`] naming `what` when fewer are left.
    #[inline]
    pub fn take(&mut self, count: usize, what: &'static str) -> Result<&[u8], Halt> {
        if self.window.len().saturating_sub(self.at) < count {
            self.refill(count)?;
            if self.window.len() < count {
                return Err(self.short(what));
            }
        }
        let start = self.at;
        self.at = self.at.saturating_add(count);
        Ok(self.window.get(start..self.at).unwrap_or_default())
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Halt> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    #[inline]
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Halt> {
        match self.next_byte()? {
            Some(byte) => Ok(byte),
            None => Err(self.short(what)),
        }
    }

    /// A little-endian 16-bit number.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    #[inline]
    pub fn u16_le(&mut self, what: &'static str) -> Result<u16, Halt> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// A little-endian 32-bit number.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    #[inline]
    pub fn u32_le(&mut self, what: &'static str) -> Result<u32, Halt> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// A little-endian 64-bit number.
    ///
    /// # Errors
    /// As [`Cursor::take`].
    #[inline]
    pub fn u64_le(&mut self, what: &'static str) -> Result<u64, Halt> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Passes over `len` bytes and returns where they stand.
    ///
    /// # Errors
    /// [`Halt::malformed`] naming `what` when fewer are left; the position is then the end.
    pub fn skip(&mut self, len: u64, what: &'static str) -> Result<Span, Halt> {
        let start = self.position();
        let end = start.checked_add(len).filter(|end| *end <= self.bytes.len());
        match end {
            Some(end) => {
                self.seek(end);
                Ok(Span::between(start, end))
            }
            None => {
                let fault = Halt::malformed(
                    start,
                    format!("{what} of {len} bytes, where {} are left", self.remaining()),
                );
                self.seek(self.bytes.len());
                Err(fault)
            }
        }
    }

    /// A line up to its newline, of which at most `keep` bytes are kept.
    ///
    /// # Errors
    /// Only when the medium fails: a line that the end cuts short says so itself.
    pub fn line(&mut self, keep: usize) -> Result<Line, Halt> {
        let start = self.position();
        let mut text = Vec::new();
        loop {
            if self.at >= self.window.len() {
                self.refill(1)?;
            }
            let rest = self.window.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(Line {
                    span: Span::between(start, self.position()),
                    text,
                    ended: false,
                });
            }
            let newline = rest.iter().position(|byte| *byte == b'\n');
            let part = rest.get(..newline.unwrap_or(rest.len())).unwrap_or_default();
            let room = keep.saturating_sub(text.len()).min(part.len());
            text.extend_from_slice(part.get(..room).unwrap_or_default());
            self.at = self.at.saturating_add(part.len());
            if newline.is_some() {
                let span = Span::between(start, self.position());
                self.at = self.at.saturating_add(1);
                return Ok(Line { span, text, ended: true });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_the_field_and_the_offset() {
        let mut cursor = Cursor::new(Bytes::from_memory(vec![1, 2, 3]));
        assert_eq!(cursor.u16_le("version").unwrap(), 0x0201);
        let fault = cursor.u32_le("header length").unwrap_err();
        assert_eq!((fault.at(), fault.what()), (2, "truncated header length"));
    }

    #[test]
    fn lines_cross_windows_and_keep_only_what_was_asked_for() {
        let mut long = vec![b'x'; WINDOW + 10];
        long.push(b'\n');
        long.extend(b"tail");
        let mut cursor = Cursor::new(Bytes::from_memory(long));
        let line = cursor.line(16).unwrap();
        assert_eq!((line.span.len, line.text.len(), line.ended), (to_u64(WINDOW) + 10, 16, true));
        let tail = cursor.line(16).unwrap();
        assert_eq!((tail.text.as_slice(), tail.ended), (b"tail".as_slice(), false));
    }

    #[test]
    fn what_follows_a_jump_is_read_whatever_its_length() {
        let bytes = Bytes::from_memory((0..=255).cycle().take(4 * WINDOW).collect::<Vec<u8>>());
        let mut cursor = Cursor::new(bytes);
        cursor.seek(to_u64(WINDOW) * 2);
        assert_eq!(cursor.u8("byte").unwrap(), 0);
        assert_eq!(cursor.take(WINDOW, "bytes").unwrap().len(), WINDOW);
        assert_eq!((cursor.u8("byte").unwrap(), cursor.position()), (1, to_u64(3 * WINDOW + 2)));
        assert_eq!(cursor.peek_slice(GLANCE + 1).unwrap().len(), GLANCE + 1);
    }

    #[test]
    fn skipping_past_the_end_says_what_was_left() {
        let mut cursor = Cursor::new(Bytes::from_memory(vec![0; 8]));
        assert_eq!(cursor.skip(5, "payload").unwrap(), Span::new(0, 5));
        let fault = cursor.skip(u64::MAX, "payload").unwrap_err();
        assert!(fault.what().ends_with("where 3 are left"), "{fault}");
    }
}
