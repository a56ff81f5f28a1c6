//! JSON as Python's loaders read it, with the place of every value, for readers of configurations.
//!
//! [`Document`] is an arena of all values in the order in which they stand: nothing recurses, however
//! deep a file nests; duplicate keys are all there, and the last one wins, as in Python. What not
//! every loader takes is listed as [`Oddity`], for readers to make deviations of. A document with a
//! fault keeps what stands before it.

mod document;
mod encoding;
mod format;
mod lexer;
mod made;
mod node;
#[cfg(test)]
mod tests;

pub use document::{Document, Note};
pub use format::{Json, validate};
pub(crate) use format::{starts_container, starts_object};
pub(crate) use made::{Maker, Written};
pub use node::Node;

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `[...]`.
    Array,
    /// `false`.
    False,
    /// `null`.
    Null,
    /// A number of any form.
    Number,
    /// `{...}`.
    Object,
    /// A string; keys are too.
    Text,
    /// `true`.
    True,
}

/// How a document differs from RFC 8259, or makes some loader differ from others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Oddity {
    /// It starts with a byte order mark, which RFC 8259 section 8.1 does not allow; Python's
    /// `json.loads` passes over it in bytes and refuses it in text.
    ByteOrderMark,
    /// A control character stands in a string; Python refuses it unless asked not to.
    ControlCharacter,
    /// It nests deeper than Python's scanner goes before 3.12.
    Deep,
    /// An object has the same key twice: Python and most others take the last, some the first.
    DuplicateKey,
    /// It is in UTF-16 or UTF-32, which Python recognises in bytes and RFC 8259 does not allow.
    Encoding,
    /// Half of a surrogate pair stands alone in an escape.
    LoneSurrogate,
    /// A whole number has more digits than Python 3.11 and later read.
    LongNumber,
    /// `NaN`, `Infinity` or `-Infinity`.
    NotFinite,
    /// A string is not UTF-8; Python's `json.loads` refuses it in bytes.
    NotUtf8,
}

impl Oddity {
    /// What is odd, in words that go into a message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "a byte order mark",
            Self::ControlCharacter => "a control character in a string",
            Self::Deep => "values nested deeper than Python reads before 3.12",
            Self::DuplicateKey => "the same key twice in an object",
            Self::Encoding => "text in UTF-16 or UTF-32",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::LongNumber => "a number of more digits than Python reads since 3.11",
            Self::NotFinite => "a number that is not finite",
            Self::NotUtf8 => "a string that is not UTF-8",
        }
    }
}
