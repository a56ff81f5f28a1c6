//! Tables of the fields that a kind of message has.

use super::Payload;
use std::fmt;

/// The fields of a kind of message, by number.
pub struct Table {
    /// The message's name in its schema.
    pub name: &'static str,
    /// Its fields, in the order of their numbers.
    pub fields: &'static [Entry],
}

/// One field of a kind of message.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in the schema and in text.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may stand several times; where it may not, the last one counts, and messages are
    /// merged (Protocol Buffers, "Encoding", "Last One Wins").
    pub repeated: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `bytes`.
    Bytes,
    /// `double`.
    Double,
    /// An enumeration, with its names as text spells them.
    Enum(&'static [(&'static str, i32)]),
    /// `fixed32` and `sfixed32`.
    Fixed32,
    /// `fixed64` and `sfixed64`.
    Fixed64,
    /// `float`.
    Float,
    /// `int32` and `int64`.
    Int,
    /// A message. The entries of a map are messages with a `key` and a `value`.
    Message(&'static Table),
    /// `sint32` and `sint64`.
    Sint,
    /// `string`.
    Text,
    /// `uint32` and `uint64`.
    Uint,
}

impl Kind {
    /// Whether a payload is of the wire type that this kind has, packed or not.
    #[must_use]
    pub fn takes(self, payload: &Payload, repeated: bool) -> bool {
        let packed = repeated && matches!(payload, Payload::Bytes(_));
        match self {
            Self::Bytes | Self::Message(_) | Self::Text => matches!(payload, Payload::Bytes(_)),
            Self::Double | Self::Fixed64 => packed || matches!(payload, Payload::Fixed64(_)),
            Self::Fixed32 | Self::Float => packed || matches!(payload, Payload::Fixed32(_)),
            Self::Bool | Self::Enum(_) | Self::Int | Self::Sint | Self::Uint => {
                packed || matches!(payload, Payload::Varint(_))
            }
        }
    }
}

impl Entry {
    /// A field that stands once.
    #[must_use]
    pub const fn one(number: u32, name: &'static str, kind: Kind) -> Self {
        Self { number, name, kind, repeated: false }
    }

    /// A field that may stand several times.
    #[must_use]
    pub const fn many(number: u32, name: &'static str, kind: Kind) -> Self {
        Self { number, name, kind, repeated: true }
    }
}

impl Table {
    /// The field with this number.
    #[must_use]
    pub fn number(&self, number: u32) -> Option<&'static Entry> {
        // The tables are short, and the fields that stand often have low numbers.
        self.fields.iter().find(|entry| entry.number == number)
    }

    /// The field with this name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&'static Entry> {
        self.fields.iter().find(|entry| entry.name == name)
    }
}

impl fmt::Debug for Table {
    /// The name alone: tables contain each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
