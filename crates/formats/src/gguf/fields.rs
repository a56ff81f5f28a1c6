//! Fields of a GGUF file, in the byte order and with the widths that its version has.

use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Bytes, Cursor, Halt, Span, to_usize};

/// The longest text and array that llama.cpp reads (`GGUF_MAX_STRING_LENGTH`,
/// `GGUF_MAX_ARRAY_ELEMENTS`); whoever claims more wants a multiplication to overflow.
pub(super) const MOST: u64 = 1 << 30;

/// Texts up to this length are read at once, in bytes.
const NEAR: u64 = 16 * 1024;

/// A position in a file.
#[derive(Debug)]
pub(super) struct Fields {
    cursor: Cursor,
    version: u32,
    big: bool,
}

impl Fields {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { cursor: Cursor::new(bytes), version: 3, big: false }
    }

    /// Another position in the same file.
    pub(super) fn at(&self, at: u64) -> Self {
        let mut cursor = Cursor::new(self.cursor.bytes().clone());
        cursor.seek(at);
        Self { cursor, ..*self }
    }

    pub(super) fn set(&mut self, version: u32, big: bool) {
        self.version = version;
        self.big = big;
    }

    /// Version and byte order.
    pub(super) fn form(&self) -> (u32, bool) {
        (self.version, self.big)
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn bytes(&self) -> &Bytes {
        self.cursor.bytes()
    }

    pub(super) fn len(&self) -> u64 {
        self.cursor.bytes().len()
    }

    pub(super) fn position(&self) -> u64 {
        self.cursor.position()
    }

    pub(super) fn remaining(&self) -> u64 {
        self.cursor.remaining()
    }

    /// Version 1 has lengths and counts of 32 bits.
    fn is_narrow(&self) -> bool {
        self.version == 1
    }

    /// The fewest bytes that a key with its value takes.
    pub(super) fn least_pair(&self) -> u64 {
        if self.is_narrow() { 4 + 4 + 1 } else { 8 + 4 + 1 }
    }

    /// The fewest bytes that a tensor takes in the table.
    pub(super) fn least_tensor(&self) -> u64 {
        if self.is_narrow() { 4 + 4 + 4 + 8 } else { 8 + 4 + 4 + 8 }
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Halt> {
        self.cursor.array(what)
    }

    pub(super) fn skip(&mut self, len: u64, what: &'static str) -> Result<Span, Halt> {
        self.cursor.skip(len, what)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Halt> {
        self.cursor.u8(what)
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Halt> {
        let bytes = self.cursor.array(what)?;
        Ok(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Halt> {
        let bytes = self.cursor.array(what)?;
        Ok(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Halt> {
        let bytes = self.cursor.array(what)?;
        Ok(if self.big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// A number of things, or a length.
    pub(super) fn count(&mut self, what: &'static str) -> Result<u64, Halt> {
        if self.is_narrow() { Ok(u64::from(self.u32(what)?)) } else { self.u64(what) }
    }

    /// Where a text stands, behind its length.
    pub(super) fn text(
        &mut self,
        what: &'static str,
        route: impl FnOnce() -> Route,
        reading: &mut Reading,
    ) -> Result<Span, Halt> {
        let at = self.position();
        let len = self.count(what)?;
        if len > self.remaining() {
            let left = self.remaining();
            let told = format!("a text of {len} bytes is claimed, where {left} are left");
            let span = Span::between(at, self.position());
            reading.deviation(claim(len), span, route(), &told);
        }
        self.skip(len, what)
    }

    /// Where a text stands, and up to `limit` bytes of it.
    pub(super) fn text_head(
        &mut self,
        what: &'static str,
        limit: usize,
        route: impl FnOnce() -> Route,
        reading: &mut Reading,
    ) -> Result<(Span, Vec<u8>), Halt> {
        let (span, near) = self.near(what, route, reading)?;
        let head = match near {
            Some(near) => near.get(..near.len().min(limit)).unwrap_or_default().to_vec(),
            None => self.bytes().copy(span, limit)?,
        };
        Ok((span, head))
    }

    /// A text, with its bytes where they are few.
    fn near(
        &mut self,
        what: &'static str,
        route: impl FnOnce() -> Route,
        reading: &mut Reading,
    ) -> Result<(Span, Option<Vec<u8>>), Halt> {
        let before = self.position();
        let len = self.count(what)?;
        if len > NEAR || len > self.remaining() {
            self.cursor.seek(before);
            return Ok((self.text(what, route, reading)?, None));
        }
        let start = self.position();
        let near = self.cursor.take(to_usize(len), what)?.to_vec();
        Ok((Span::new(start, len), Some(near)))
    }
}

/// How a count breaks the form that is more than there is: a file that was cut claims no more than
/// any file does.
pub(super) fn claim(count: u64) -> Quirk {
    if count > MOST { Quirk::OutOfRange } else { Quirk::Truncated }
}
