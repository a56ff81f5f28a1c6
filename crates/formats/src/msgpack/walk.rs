//! The values of a MessagePack document, one after the other, without recursion: lengths are held
//! against the bytes that are there before anything is believed.

use davy_bytes::{Bytes, Cursor, Halt, Span, to_usize};

/// Containers within containers, beyond which no library reads on (msgpack-python stops at 1024,
/// most others at 512 or less).
const DEEPEST: usize = 1024;

/// One step through a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A map or list starts.
    Open {
        /// Whether it is a map.
        is_map: bool,
        /// Entries or elements that it claims.
        count: u64,
        /// Where it starts.
        at: u64,
        /// Whether it stands as the key of a map.
        key: bool,
    },
    /// The innermost map or list ends.
    Close {
        /// Offset behind it.
        at: u64,
    },
    /// A text, which should be UTF-8.
    Text {
        /// The bytes of it.
        span: Span,
        /// Whether it is the key of what follows.
        key: bool,
    },
    /// A byte string.
    Binary {
        /// The bytes of it.
        span: Span,
        /// Whether it is the key of what follows.
        key: bool,
    },
    /// An extension.
    Extension {
        /// Its type.
        kind: i8,
        /// Its content.
        span: Span,
    },
    /// A whole number.
    Int {
        /// Its value.
        value: i128,
        /// Where it stands.
        at: u64,
    },
    /// A number that is not whole, a truth value or nil.
    Plain {
        /// `f32`, `f64`, `bool` or `nil`.
        kind: &'static str,
        /// The bits of the number, or the truth value.
        bits: u64,
        /// Where it stands.
        at: u64,
    },
}

/// A container that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    is_map: bool,
    /// Values that are still to come: a map has two for each entry.
    left: u64,
}

/// Goes through one document.
#[derive(Debug)]
pub struct Walk {
    cursor: Cursor,
    open: Vec<Open>,
    started: bool,
}

impl Walk {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { cursor: Cursor::new(bytes), open: Vec::new(), started: false }
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// Goes on with the document that stands behind this one.
    pub fn restart(&mut self) {
        self.open.clear();
        self.started = false;
    }

    /// The byte that comes next.
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn peek(&mut self) -> Result<Option<u8>, Halt> {
        self.cursor.peek()
    }

    /// The next step, or nothing behind the document.
    ///
    /// # Errors
    /// [`Halt::malformed`] where no library reads on.
    pub fn step(&mut self) -> Result<Option<Event>, Halt> {
        if self.open.last().is_some_and(|open| open.left == 0) {
            self.open.pop();
            return Ok(Some(Event::Close { at: self.position() }));
        }
        if self.started && self.open.is_empty() {
            return Ok(None);
        }
        self.started = true;
        let key = match self.open.last_mut() {
            Some(open) => {
                let key = open.is_map && open.left % 2 == 0;
                open.left = open.left.saturating_sub(1);
                key
            }
            None => false,
        };
        self.value(key).map(Some)
    }

    fn value(&mut self, key: bool) -> Result<Event, Halt> {
        let at = self.position();
        let cursor = &mut self.cursor;
        let first = cursor.u8("value")?;
        let int = |value: i128| Ok(Event::Int { value, at });
        let plain = |kind, bits| Ok(Event::Plain { kind, bits, at });
        match first {
            0..=0x7f => int(i128::from(first)),
            0x80..=0x8f => self.container(true, u64::from(first & 15), at, key),
            0x90..=0x9f => self.container(false, u64::from(first & 15), at, key),
            0xa0..=0xbf => self.text(u64::from(first & 31), key),
            0xc0 => plain("nil", 0),
            0xc1 => Err(Halt::malformed(at, "a type that MessagePack leaves unused")),
            0xc2 | 0xc3 => plain("bool", u64::from(first & 1)),
            0xc4..=0xc6 => {
                let len = length(cursor, first.wrapping_sub(0xc4))?;
                Ok(Event::Binary { span: cursor.skip(len, "byte string")?, key })
            }
            0xc7..=0xc9 => {
                let len = length(cursor, first.wrapping_sub(0xc7))?;
                self.extension(len)
            }
            0xca => plain("f32", u64::from(u32::from_be_bytes(cursor.array("number")?))),
            0xcb => plain("f64", u64::from_be_bytes(cursor.array("number")?)),
            0xcc => int(i128::from(cursor.u8("number")?)),
            0xcd => int(i128::from(u16::from_be_bytes(cursor.array("number")?))),
            0xce => int(i128::from(u32::from_be_bytes(cursor.array("number")?))),
            0xcf => int(i128::from(u64::from_be_bytes(cursor.array("number")?))),
            0xd0 => int(i128::from(i8::from_be_bytes(cursor.array("number")?))),
            0xd1 => int(i128::from(i16::from_be_bytes(cursor.array("number")?))),
            0xd2 => int(i128::from(i32::from_be_bytes(cursor.array("number")?))),
            0xd3 => int(i128::from(i64::from_be_bytes(cursor.array("number")?))),
            0xd4..=0xd8 => self.extension(1 << first.wrapping_sub(0xd4)),
            0xd9..=0xdb => {
                let len = length(cursor, first.wrapping_sub(0xd9))?;
                self.text(len, key)
            }
            0xdc | 0xdd => {
                let count = length(cursor, first.wrapping_sub(0xdb))?;
                self.container(false, count, at, key)
            }
            0xde | 0xdf => {
                let count = length(cursor, first.wrapping_sub(0xdd))?;
                self.container(true, count, at, key)
            }
            0xe0..=0xff => int(i128::from(i8::from_be_bytes([first]))),
        }
    }

    fn text(&mut self, len: u64, key: bool) -> Result<Event, Halt> {
        Ok(Event::Text { span: self.cursor.skip(len, "text")?, key })
    }

    fn extension(&mut self, len: u64) -> Result<Event, Halt> {
        let kind = i8::from_be_bytes(self.cursor.array("type of extension")?);
        Ok(Event::Extension { kind, span: self.cursor.skip(len, "extension")? })
    }

    fn container(&mut self, is_map: bool, count: u64, at: u64, key: bool) -> Result<Event, Halt> {
        let values = if is_map { count.saturating_mul(2) } else { count };
        // Each value takes a byte at least.
        if values > self.cursor.remaining() {
            let what = format!(
                "{} of {count}, where {} bytes are left",
                if is_map { "map" } else { "list" },
                self.cursor.remaining()
            );
            return Err(Halt::malformed(at, what));
        }
        if self.open.len() >= DEEPEST {
            return Err(Halt::malformed(at, "maps and lists nested deeper than any library reads"));
        }
        self.open.push(Open { is_map, left: values });
        Ok(Event::Open { is_map, count, at, key })
    }
}

/// A length of 1, 2 or 4 bytes.
fn length(cursor: &mut Cursor, width: u8) -> Result<u64, Halt> {
    let width = to_usize(1 << width.min(2));
    let bytes = cursor.take(width, "length")?;
    Ok(bytes.iter().fold(0, |length, byte| (length << 8) | u64::from(*byte)))
}
