//! Thrift's compact protocol, in which Parquet keeps everything but values.
//!
//! Source: Apache Thrift, `doc/specs/thrift-compact-protocol.md`.

use davy_bytes::{Budget, Cursor, Halt, Span, to_u64};

/// Values within values that are followed; Parquet's own have ten.
const DEPTH: u32 = 32;

/// Kinds of values, as field headers number them.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// A field of a structure: its number, and the kind of its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Field {
    /// The number that the schema gives it.
    pub(super) id: i16,
    kind: u8,
}

/// A reader of one value behind another.
pub(super) struct Thrift<'a> {
    cursor: Cursor,
    budget: &'a mut Budget,
}

impl<'a> Thrift<'a> {
    /// Starts to read at `at`.
    pub(super) fn new(bytes: davy_bytes::Bytes, at: u64, budget: &'a mut Budget) -> Self {
        Self { cursor: Cursor::starting_at(bytes, at), budget }
    }

    /// Where the next byte stands.
    pub(super) fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// Goes on at `at`.
    pub(super) fn seek(&mut self, at: u64) {
        self.cursor.seek(at);
    }

    /// The next field of a structure whose last one had the number `last`; nothing at its end.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<Field>, Halt> {
        self.budget.spend_steps(1, self.position())?;
        let head = self.cursor.u8("field")?;
        let kind = head & 15;
        if head == 0 {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.zigzag()?).ok(),
            step => last.checked_add(i16::from(step)),
        };
        let Some(id) = id else {
            return Err(Halt::malformed(self.position(), "a field without a number"));
        };
        *last = id;
        Ok(Some(Field { id, kind }))
    }

    /// A number; what is none is passed over.
    pub(super) fn int(&mut self, field: Field) -> Result<i64, Halt> {
        match field.kind {
            BYTE => self.cursor.u8("number").map(i64::from),
            4..=6 => self.zigzag(),
            _ => self.pass(field).map(|()| 0),
        }
    }

    /// Where the bytes or the text of a field stand; empty where it is neither.
    pub(super) fn binary(&mut self, field: Field) -> Result<Span, Halt> {
        if field.kind == BINARY {
            return self.blob();
        }
        self.pass(field)?;
        Ok(Span::new(self.position(), 0))
    }

    /// Whether a field is a structure, which is then to be read field by field.
    pub(super) fn is_struct(field: Field) -> bool {
        field.kind == STRUCT
    }

    /// How many structures the list in a field has; what is none is passed over.
    pub(super) fn structs(&mut self, field: Field) -> Result<u64, Halt> {
        if field.kind != LIST {
            return self.pass(field).map(|()| 0);
        }
        let (kind, count) = self.list()?;
        if kind == STRUCT {
            return Ok(count);
        }
        self.items(kind, count, DEPTH)?;
        Ok(0)
    }

    /// Passes over the value of a field.
    pub(super) fn pass(&mut self, field: Field) -> Result<(), Halt> {
        self.value(field.kind, DEPTH, true)
    }

    fn value(&mut self, kind: u8, depth: u32, is_field: bool) -> Result<(), Halt> {
        let at = self.position();
        self.budget.spend_steps(1, at)?;
        let depth = depth.checked_sub(1).ok_or_else(|| {
            Halt::exhausted(at, "values of Thrift that lie too deep in each other")
        })?;
        match kind {
            // A field of truth has its value in its kind; an item of a list has a byte.
            TRUE | FALSE if is_field => {}
            TRUE | FALSE | BYTE => self.cursor.u8("value").map(drop)?,
            4..=6 => self.zigzag().map(drop)?,
            DOUBLE => self.cursor.array::<8>("number").map(drop)?,
            BINARY => self.blob().map(drop)?,
            LIST | SET => {
                let (kind, count) = self.list()?;
                self.items(kind, count, depth)?;
            }
            MAP => self.map(depth)?,
            STRUCT => {
                let mut last = 0;
                while let Some(field) = self.field(&mut last)? {
                    self.value(field.kind, depth, true)?;
                }
            }
            _ => return Err(Halt::malformed(at, format!("a value of the unknown kind {kind}"))),
        }
        Ok(())
    }

    fn map(&mut self, depth: u32) -> Result<(), Halt> {
        let count = self.varint()?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.cursor.u8("kinds of a map")?;
        for _ in 0..count {
            self.value(kinds >> 4, depth, false)?;
            self.value(kinds & 15, depth, false)?;
        }
        Ok(())
    }

    fn items(&mut self, kind: u8, count: u64, depth: u32) -> Result<(), Halt> {
        for _ in 0..count {
            self.value(kind, depth, false)?;
        }
        Ok(())
    }

    /// Kind and number of the items of a list.
    fn list(&mut self) -> Result<(u8, u64), Halt> {
        let at = self.position();
        let head = self.cursor.u8("list")?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        if count > self.cursor.remaining() {
            return Err(Halt::malformed(
                at,
                format!("a list of {count} items, longer than the rest"),
            ));
        }
        Ok((head & 15, count))
    }

    fn blob(&mut self) -> Result<Span, Halt> {
        let len = self.varint()?;
        self.cursor.skip(len, "bytes")
    }

    fn zigzag(&mut self) -> Result<i64, Halt> {
        self.varint().map(crate::protobuf::zigzag)
    }

    fn varint(&mut self) -> Result<u64, Halt> {
        let at = self.position();
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.cursor.u8("number")?;
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Halt::malformed(at, "a number of more than ten bytes"))
    }

    /// At most `limit` of the bytes in `span`.
    pub(super) fn copy(&self, span: Span, limit: usize) -> Result<Vec<u8>, Halt> {
        self.cursor.bytes().copy(span, limit.min(davy_bytes::to_usize(span.len)))
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> u64 {
        self.cursor.remaining().min(to_u64(usize::MAX))
    }
}
