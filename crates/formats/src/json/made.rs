//! Documents that are made of another notation (YAML, INI), so that one walk over configurations
//! serves all of them: values keep the places that they have in their own file.

use super::document::{Builder, Mark};
use super::lexer::{Scalar, Sink};
use super::{Document, Kind};
use davy_bytes::{Halt, Span, to_u64};

/// Puts values together, in the order in which they stand.
pub(crate) struct Maker {
    text: Vec<u8>,
    marks: Vec<Mark>,
    builder: Builder,
    room: u64,
}

/// Where a scalar lies that was written before, so that it can stand for another value again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    kind: Kind,
    start: u64,
    end: u64,
}

impl Maker {
    /// A maker of documents of at most `room` bytes, and as many again for what is known about them.
    pub(crate) fn new(room: u64) -> Self {
        Self { text: Vec::new(), marks: Vec::new(), builder: Builder::new(room), room }
    }

    /// Number that the next value has in the document ([`super::Node::id`]).
    pub(crate) fn next(&self) -> u32 {
        self.builder.next()
    }

    /// An array or object starts, which stands at `place`.
    pub(crate) fn open(&mut self, kind: Kind, place: Span) -> Result<(), Halt> {
        let (start, _) = self.write(&["{"], place)?;
        self.builder.open(kind, start)
    }

    /// The innermost array or object ends.
    pub(crate) fn close(&mut self) {
        self.builder.close(to_u64(self.text.len()));
    }

    /// A scalar whose `text` is that of a string, or the digits of a number.
    pub(crate) fn scalar(&mut self, kind: Kind, text: &str, place: Span) -> Result<Written, Halt> {
        let (start, end) = match kind {
            Kind::Text => self.write(&["\"", text, "\""], place)?,
            _ => self.write(&[text], place)?,
        };
        let written = Written { kind, start, end };
        self.again(written, false)?;
        Ok(written)
    }

    /// The key of the value that comes next.
    pub(crate) fn key(&mut self, text: &str, place: Span) -> Result<Written, Halt> {
        let (start, end) = self.write(&["\"", text, "\""], place)?;
        let written = Written { kind: Kind::Text, start, end };
        self.again(written, true)?;
        Ok(written)
    }

    /// A scalar, or a key, that was written before.
    pub(crate) fn again(&mut self, written: Written, key: bool) -> Result<(), Halt> {
        let Written { kind, start, end } = written;
        self.builder.scalar(Scalar { kind, start, end, key, escaped: false })
    }

    /// The document.
    pub(crate) fn finish(self) -> Document {
        Document::made(self.text, self.marks, self.builder)
    }

    fn write(&mut self, parts: &[&str], place: Span) -> Result<(u64, u64), Halt> {
        let start = to_u64(self.text.len());
        let len: u64 = parts.iter().map(|part| to_u64(part.len())).sum();
        if start.saturating_add(len) > self.room {
            return Err(Halt::exhausted(place.start, "the limit on memory"));
        }
        self.marks.push(Mark { start, place });
        parts.iter().for_each(|part| self.text.extend_from_slice(part.as_bytes()));
        Ok((start, to_u64(self.text.len())))
    }
}
