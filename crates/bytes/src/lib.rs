//! Reading what a stranger wrote, without trusting any of it.
//!
//! A [`Source`] has a length and fills a buffer from an offset; [`Bytes`] is a cheap view of a part
//! of one; a [`Cursor`] reads typed fields from a view and names the field and offset of everything
//! that it cannot read; a [`Budget`] is spent and never refilled; [`escape`] makes text from a file
//! fit to be shown. Files are read by position, never mapped: a mapped file that shrinks kills the
//! process that reads it.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod budget;
mod cursor;
mod halt;
mod source;
mod untrusted;
mod view;

pub use budget::{Budget, Limits};
pub use cursor::{Cursor, Line};
pub use halt::{Blame, Halt};
pub use source::{FileSource, MemorySource, Source};
pub use untrusted::{acts, escape, escape_bytes};
pub use view::{Bytes, Mark, Place, Span};

/// Converts a length from a file to a `usize`, saturating on platforms where it does not fit.
#[must_use]
pub fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// Converts a length in memory to the 64 bits that offsets use.
#[must_use]
pub fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
