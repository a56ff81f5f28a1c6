//! Views of a source: cheap to clone, impossible to read past.

use crate::{Halt, MemorySource, Source, to_u64, to_usize};
use std::sync::{Arc, Weak};

/// A stretch of bytes: offset and length, both in bytes, relative to the artifact that it is in.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Number of bytes.
    pub len: u64,
}

impl Span {
    /// A span of `len` bytes from `start`.
    #[must_use]
    pub const fn new(start: u64, len: u64) -> Self {
        Self { start, len }
    }

    /// The span from `start` up to and without `end`; empty where `end` comes first.
    #[must_use]
    pub const fn between(start: u64, end: u64) -> Self {
        Self { start, len: end.saturating_sub(start) }
    }

    /// Offset of the first byte behind the span.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// A cloneable view of a part of a source. Slicing clamps, so a lying length only yields less.
#[derive(Clone, Debug)]
pub struct Bytes {
    source: Arc<dyn Source>,
    start: u64,
    len: u64,
}

/// Where a view lies: which source, and which part of it. Equal places hold the same bytes.
///
/// Means something only while the views that it was taken from are alive.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    source: usize,
    start: u64,
    len: u64,
}

/// Tells a view again, without keeping what it shows.
#[derive(Clone, Debug)]
pub struct Mark {
    source: Weak<dyn Source>,
    start: u64,
    len: u64,
}

impl Bytes {
    /// The whole of a source.
    pub fn new(source: impl Source + 'static) -> Self {
        let len = source.len();
        Self { source: Arc::new(source), start: 0, len }
    }

    /// Bytes that are in memory already.
    pub fn from_memory(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::new(MemorySource::new(bytes))
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the view is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part of this view that `span` names, clamped to what is there.
    #[must_use]
    pub fn slice(&self, span: Span) -> Self {
        let start = span.start.min(self.len);
        let len = span.len.min(self.len.saturating_sub(start));
        Self { source: Arc::clone(&self.source), start: self.start.saturating_add(start), len }
    }

    /// What tells this view again.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { source: Arc::downgrade(&self.source), start: self.start, len: self.len }
    }

    /// Whether `mark` is of the same part of the same source.
    #[must_use]
    pub fn is(&self, mark: &Mark) -> bool {
        let same = std::ptr::addr_eq(Arc::as_ptr(&self.source), mark.source.as_ptr());
        same && self.start == mark.start && self.len == mark.len
    }

    /// Where the view lies.
    #[must_use]
    pub fn place(&self) -> Place {
        let source = Arc::as_ptr(&self.source).cast::<()>().addr();
        Place { source, start: self.start, len: self.len }
    }

    /// Offset of this view's first byte in `whole`, where it is a part of it and no copy.
    #[must_use]
    pub fn offset_in(&self, whole: &Self) -> Option<u64> {
        let same = Arc::ptr_eq(&self.source, &whole.source);
        let offset = self.start.checked_sub(whole.start).filter(|_| same)?;
        (offset.checked_add(self.len)? <= whole.len).then_some(offset)
    }

    /// Fills as much of `buffer` as the view has from `offset` on and returns how many bytes that
    /// was.
    ///
    /// # Errors
    /// [`Halt::io`] when the medium fails, or holds less than it held when it was opened.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Halt> {
        let room = to_usize(self.len.saturating_sub(offset)).min(buffer.len());
        let Some(target) = buffer.get_mut(..room).filter(|target| !target.is_empty()) else {
            return Ok(0);
        };
        let at = self.start.saturating_add(offset);
        match self.source.read_at(at, target) {
            Ok(read) if read == room => Ok(read),
            Ok(read) => Err(Halt::io(
                offset.saturating_add(to_u64(read)),
                "the file became shorter while it was read",
            )),
            Err(error) => Err(Halt::io(offset, error.to_string())),
        }
    }

    /// A copy of up to `limit` bytes of `span`, clamped to what is there.
    ///
    /// # Errors
    /// As [`Bytes::read_at`].
    pub fn copy(&self, span: Span, limit: usize) -> Result<Vec<u8>, Halt> {
        let there = self.len.saturating_sub(span.start).min(span.len);
        let mut copy = vec![0; to_usize(there).min(limit)];
        let read = self.read_at(span.start, &mut copy)?;
        copy.truncate(read);
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_tell_the_same_bytes_from_equal_bytes() {
        let bytes = Bytes::from_memory(vec![7; 16]);
        let part = bytes.slice(Span::new(4, 8));
        assert_eq!(part.place(), bytes.slice(Span::new(4, 8)).place());
        assert_ne!(part.place(), bytes.slice(Span::new(5, 8)).place());
        assert_ne!(bytes.place(), Bytes::from_memory(vec![7; 16]).place());
        assert_eq!((part.offset_in(&bytes), bytes.offset_in(&part)), (Some(4), None));
        assert_eq!(part.offset_in(&Bytes::from_memory(vec![7; 16])), None);
        let mark = part.mark();
        assert!(bytes.slice(Span::new(4, 8)).is(&mark) && !bytes.is(&mark));
        assert!(!Bytes::from_memory(vec![7; 16]).slice(Span::new(4, 8)).is(&mark));
    }
}
