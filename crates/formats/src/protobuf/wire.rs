//! The wire format: fields with their numbers, one behind the other (Protocol Buffers, "Encoding").

use super::{Entry, Table};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_u64, to_usize};

/// Levels of messages in messages that the libraries follow before they refuse a file.
pub const NESTING: u32 = 100;

/// Groups in groups that are followed to find the end of one; the libraries stop at [`NESTING`].
const GROUPS: usize = 10_000;

/// Longest varint: 64 bits, seven to a byte.
const VARINT: usize = 10;

/// A message that is being read: where its next field starts, and where it ends.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The kind of message.
    pub table: &'static Table,
    /// Offset of the next field.
    pub at: u64,
    /// Offset behind the last field.
    pub end: u64,
    /// How many messages it is in.
    pub depth: u32,
}

/// What a field holds, as far as its wire type tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Payload {
    /// Length-delimited content: text, bytes, a message or packed numbers.
    Bytes(Span),
    /// Four bytes, as a little-endian number.
    Fixed32(u32),
    /// Eight bytes, as a little-endian number.
    Fixed64(u64),
    /// What stands between the start and the end of a group.
    Group(Span),
    /// A varint.
    Varint(u64),
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its number.
    pub number: u32,
    /// All of it, from its tag on.
    pub span: Span,
    /// What it holds.
    pub payload: Payload,
    /// What the table says about it; `None` where the number is not in the table, or stands there
    /// with another wire type: the libraries keep both as unknown fields and do not look at them.
    pub entry: Option<&'static Entry>,
}

/// A reader of wire-format fields, with one window for messages at all levels.
#[derive(Debug)]
pub struct Wire {
    cursor: Cursor,
    /// Where the first varint stands that is longer than its number needs.
    padded: Option<u64>,
}

impl Message {
    /// The message that all of `bytes` is.
    #[must_use]
    pub fn whole(bytes: &Bytes, table: &'static Table) -> Self {
        Self { table, at: 0, end: bytes.len(), depth: 0 }
    }

    /// The message in a field of this one.
    #[must_use]
    pub fn inside(&self, span: Span, table: &'static Table) -> Self {
        let depth = self.depth.saturating_add(1);
        Self { table, at: span.start, end: span.end(), depth }
    }
}

impl Field {
    /// Its name in the schema; empty where the schema does not have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.entry.map_or("", |entry| entry.name)
    }

    /// Its length-delimited content; empty where it has none.
    #[must_use]
    pub fn content(&self) -> Span {
        match self.payload {
            Payload::Bytes(span) | Payload::Group(span) => span,
            _ => Span::new(self.span.end(), 0),
        }
    }

    /// Its number as `int32`, `int64` and enumerations have it; zero where it is none.
    #[must_use]
    pub fn int(&self) -> i64 {
        match self.payload {
            Payload::Varint(value) | Payload::Fixed64(value) => value.cast_signed(),
            Payload::Fixed32(value) => i64::from(value.cast_signed()),
            _ => 0,
        }
    }

    /// Its number as `float` or `double`; zero where it is none.
    #[must_use]
    pub fn float(&self) -> f64 {
        match self.payload {
            Payload::Fixed32(bits) => f64::from(f32::from_bits(bits)),
            Payload::Fixed64(bits) => f64::from_bits(bits),
            _ => 0.0,
        }
    }
}

impl Wire {
    /// A reader of fields in `bytes`.
    #[must_use]
    pub fn new(bytes: &Bytes) -> Self {
        Self { cursor: Cursor::new(bytes.clone()), padded: None }
    }

    /// Where the first varint stands that is longer than its number needs, which no common writer
    /// makes.
    #[must_use]
    pub fn padded(&self) -> Option<u64> {
        self.padded
    }

    /// The next field of `message`, or `None` at its end.
    ///
    /// # Errors
    /// [`Halt::malformed`] at the field where its tag, number or length is not right or leaves the
    /// message, and what [`Budget::spend_steps`] says.
    pub fn next(
        &mut self,
        message: &mut Message,
        budget: &mut Budget,
    ) -> Result<Option<Field>, Halt> {
        if message.at >= message.end {
            return Ok(None);
        }
        let at = message.at;
        budget.spend_steps(1, at)?;
        self.cursor.seek(at);
        let (number, kind) = self.tag(message)?;
        let entry = message.table.number(number);
        let payload = match kind {
            0 => Payload::Varint(self.varint(message.end, || named(message, number))?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.fixed(message, number)?)),
            2 => Payload::Bytes(self.delimited(message, number)?),
            3 => Payload::Group(self.group(message, number, budget)?),
            4 => {
                return Err(Halt::malformed(
                    at,
                    format!("{} ends no group", named(message, number)),
                ));
            }
            5 => Payload::Fixed32(u32::from_le_bytes(self.fixed(message, number)?)),
            _ => {
                let what = format!("{} has the wire type {kind}", named(message, number));
                return Err(Halt::malformed(at, what));
            }
        };
        // Content is not gone to: who looks into it finds it in the window.
        message.at = match payload {
            Payload::Bytes(span) => span.end(),
            _ => self.cursor.position(),
        };
        let entry = entry.filter(|entry| entry.kind.takes(&payload, entry.repeated));
        Ok(Some(Field { number, span: Span::between(at, message.at), payload, entry }))
    }

    /// The field at which [`Wire::next`] stopped, where nothing is wrong with it but that the bytes
    /// end in its content, of which it then has what is there.
    pub fn cut(&mut self, message: &Message) -> Option<Field> {
        let at = message.at;
        self.cursor.seek(at);
        let (number, kind) = self.tag(message).ok()?;
        let entry = message.table.number(number)?;
        let len = (kind == 2).then(|| self.varint(message.end, String::new).ok()).flatten()?;
        let span = Span::between(self.cursor.position(), message.end);
        let payload = Payload::Bytes(span);
        let fits = len > span.len && entry.kind.takes(&payload, entry.repeated);
        let entry = fits.then_some(entry)?;
        Some(Field { number, span: Span::between(at, message.end), payload, entry: Some(entry) })
    }

    /// The first bytes of `span`, at most `limit` and never more than 64 KiB.
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn head(&mut self, span: Span, limit: usize) -> Result<&[u8], Halt> {
        let count = to_usize(span.len).min(limit);
        if count == 0 {
            // What is left out has no place; going there would cost the window.
            return Ok(&[]);
        }
        self.cursor.seek(span.start);
        let head = self.cursor.peek_slice(count)?;
        Ok(head.get(..count.min(head.len())).unwrap_or_default())
    }

    /// Hands each number of a repeated field to `each`, whether it is packed or stands alone.
    /// Numbers of fixed width arrive as their bits, and varints as they are.
    ///
    /// # Errors
    /// [`Halt::malformed`] where packed numbers break off, and what [`Budget::spend_steps`] says.
    pub fn numbers(
        &mut self,
        field: &Field,
        budget: &mut Budget,
        each: &mut dyn FnMut(u64),
    ) -> Result<(), Halt> {
        let span = match field.payload {
            Payload::Varint(value) | Payload::Fixed64(value) => {
                each(value);
                return Ok(());
            }
            Payload::Fixed32(value) => {
                each(u64::from(value));
                return Ok(());
            }
            Payload::Bytes(span) | Payload::Group(span) => span,
        };
        let width = field.entry.map_or(Width::Varint, |entry| Width::of(entry.kind));
        self.cursor.seek(span.start);
        while self.cursor.position() < span.end() {
            budget.spend_steps(1, self.cursor.position())?;
            each(self.packed(width, span.end(), field)?);
        }
        Ok(())
    }

    /// One number of packed ones.
    fn packed(&mut self, width: Width, end: u64, field: &Field) -> Result<u64, Halt> {
        let left = end.saturating_sub(self.cursor.position());
        let what = || format!("a number of `{}`", field.name());
        match width {
            Width::Varint => self.varint(end, what),
            Width::Four if left >= 4 => Ok(u64::from(self.cursor.u32_le("packed number")?)),
            Width::Eight if left >= 8 => self.cursor.u64_le("packed number"),
            _ => {
                let at = self.cursor.position();
                Err(Halt::malformed(at, format!("{} breaks off", what())))
            }
        }
    }

    /// How many numbers a repeated field holds, without looking at them.
    ///
    /// # Errors
    /// When the medium fails, and what [`Budget::spend_steps`] says: counting varints reads them.
    pub fn count(&mut self, field: &Field, budget: &mut Budget) -> Result<u64, Halt> {
        let Payload::Bytes(span) = field.payload else { return Ok(1) };
        match field.entry.map_or(Width::Varint, |entry| Width::of(entry.kind)) {
            Width::Four => return Ok(span.len.div_ceil(4)),
            Width::Eight => return Ok(span.len.div_ceil(8)),
            Width::Varint => {}
        }
        let mut rest = span;
        let mut count = 0_u64;
        while rest.len > 0 {
            let piece = self.head(rest, 32 * 1024)?;
            let (read, ends) = (piece.len(), piece.iter().filter(|byte| **byte < 0x80).count());
            if read == 0 {
                break;
            }
            count = count.saturating_add(to_u64(ends));
            budget.spend_steps(to_u64(read) >> 4, rest.start)?;
            rest = Span::between(rest.start.saturating_add(to_u64(read)), rest.end());
        }
        Ok(count)
    }

    /// Number and wire type of the field that starts here.
    fn tag(&mut self, message: &Message) -> Result<(u32, u64), Halt> {
        let at = message.at;
        let tag = self.varint(message.end, || format!("a tag of {}", message.table.name))?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        match number {
            Some(number) => Ok((number, tag & 7)),
            None => {
                let what = format!("a field of {} has the number {}", message.table.name, tag >> 3);
                Err(Halt::malformed(at, what))
            }
        }
    }

    /// A varint that must end before `end`.
    fn varint(&mut self, end: u64, what: impl Fn() -> String) -> Result<u64, Halt> {
        let at = self.cursor.position();
        let room = to_usize(end.saturating_sub(at)).min(VARINT);
        let mut value = 0_u64;
        let mut shift = 0_u32;
        let mut length = 0_usize;
        let mut last = 0x80;
        for byte in self.cursor.peek_slice(room)?.iter().take(room) {
            // The tenth byte has bits that fit nowhere; the libraries drop them.
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift = shift.saturating_add(7);
            length = length.saturating_add(1);
            last = *byte;
            if last < 0x80 {
                break;
            }
        }
        if last >= 0x80 {
            let what = match length {
                VARINT => format!("{} goes on behind its tenth byte", what()),
                _ => format!("{} breaks off", what()),
            };
            return Err(Halt::malformed(at, what));
        }
        if last == 0 && length > 1 {
            self.padded.get_or_insert(at);
        }
        self.cursor.seek(at.saturating_add(to_u64(length)));
        Ok(value)
    }

    fn fixed<const N: usize>(&mut self, message: &Message, number: u32) -> Result<[u8; N], Halt> {
        let at = self.cursor.position();
        if message.end.saturating_sub(at) < to_u64(N) {
            return Err(Halt::malformed(at, format!("{} breaks off", named(message, number))));
        }
        self.cursor.array("fixed number")
    }

    /// Where length-delimited content stands, which starts here.
    fn delimited(&mut self, message: &Message, number: u32) -> Result<Span, Halt> {
        let at = self.cursor.position();
        let len =
            self.varint(message.end, || format!("the length of {}", named(message, number)))?;
        let start = self.cursor.position();
        let left = message.end.saturating_sub(start);
        if len > left {
            let what = format!("{} has {len} bytes, where {left} are left", named(message, number));
            return Err(Halt::malformed(at, what));
        }
        Ok(Span::new(start, len))
    }

    /// Passes over a group and the groups in it.
    fn group(&mut self, message: &Message, number: u32, budget: &mut Budget) -> Result<Span, Halt> {
        let start = self.cursor.position();
        let mut open = vec![number];
        let mut inside = Message { at: start, ..*message };
        while !open.is_empty() {
            let at = self.cursor.position();
            if at >= message.end {
                let what = format!("{} is a group without an end", named(message, number));
                return Err(Halt::malformed(start, what));
            }
            budget.spend_steps(1, at)?;
            inside.at = at;
            let (number, kind) = self.tag(&inside)?;
            match kind {
                0 => drop(self.varint(inside.end, || named(message, number))?),
                1 => drop(self.fixed::<8>(&inside, number)?),
                2 => {
                    let content = self.delimited(&inside, number)?;
                    self.cursor.seek(content.end());
                }
                3 if open.len() >= GROUPS => {
                    return Err(Halt::exhausted(at, format!("{GROUPS} groups in each other")));
                }
                3 => open.push(number),
                4 if open.pop() == Some(number) => {
                    if open.is_empty() {
                        return Ok(Span::between(start, at));
                    }
                }
                5 => drop(self.fixed::<4>(&inside, number)?),
                _ => {
                    let what = format!("field {number} in a group has the wire type {kind}");
                    return Err(Halt::malformed(at, what));
                }
            }
        }
        Ok(Span::between(start, self.cursor.position()))
    }
}

/// How wide the numbers of a field are.
#[derive(Clone, Copy)]
enum Width {
    Varint,
    Four,
    Eight,
}

impl Width {
    fn of(kind: super::Kind) -> Self {
        match kind {
            super::Kind::Fixed32 | super::Kind::Float => Self::Four,
            super::Kind::Fixed64 | super::Kind::Double => Self::Eight,
            _ => Self::Varint,
        }
    }
}

/// A field in words, for faults.
#[cold]
fn named(message: &Message, number: u32) -> String {
    match message.table.number(number) {
        Some(entry) => format!("`{}` of {}", entry.name, message.table.name),
        None => format!("field {number} of {}", message.table.name),
    }
}

/// The number that a `sint32` or `sint64` stands for.
#[must_use]
pub fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ (value & 1).wrapping_neg().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    static INNER: Table = Table { name: "Inner", fields: &[Entry::many(1, "numbers", Kind::Int)] };
    static OUTER: Table = Table {
        name: "Outer",
        fields: &[
            Entry::one(1, "version", Kind::Int),
            Entry::one(2, "inner", Kind::Message(&INNER)),
            Entry::many(3, "weights", Kind::Float),
            Entry::one(4, "double", Kind::Double),
        ],
    };

    type Shown = (u32, &'static str, Payload);

    fn all(bytes: &[u8]) -> (Vec<Shown>, Option<(u64, String)>) {
        let bytes = Bytes::from_memory(bytes);
        let (mut wire, mut budget) = (Wire::new(&bytes), Budget::default());
        let mut message = Message::whole(&bytes, &OUTER);
        let mut fields = Vec::new();
        loop {
            match wire.next(&mut message, &mut budget) {
                Ok(Some(field)) => fields.push((field.number, field.name(), field.payload)),
                Ok(None) => return (fields, None),
                Err(halt) => return (fields, Some((halt.at(), halt.what().to_owned()))),
            }
        }
    }

    #[test]
    fn fields_have_names_where_the_wire_type_fits() {
        let (fields, end) =
            all(b"\x08\x96\x01\x12\x02\x08\x01\x0a\x00\x78\x05\x21\0\0\0\0\0\0\xf0\x3f");
        assert_eq!(end, None);
        assert_eq!(
            fields,
            [
                (1, "version", Payload::Varint(150)),
                (2, "inner", Payload::Bytes(Span::new(5, 2))),
                (1, "", Payload::Bytes(Span::new(9, 0))),
                (15, "", Payload::Varint(5)),
                (4, "double", Payload::Fixed64(1.0_f64.to_bits())),
            ]
        );
    }

    #[test]
    fn faults_name_the_field_and_the_offset() {
        for (bytes, at, what) in [
            (b"\x08\x01\x12\x05ab".as_slice(), 3, "`inner` of Outer has 5 bytes, where 2 are left"),
            (b"\x08\x80\x80", 1, "`version` of Outer breaks off"),
            (
                &[&[8][..], &[0xff; 11]].concat(),
                1,
                "`version` of Outer goes on behind its tenth byte",
            ),
            (b"\x80", 0, "a tag of Outer breaks off"),
            (b"\x02\x00", 0, "a field of Outer has the number 0"),
            (b"\x0f\x00", 0, "`version` of Outer has the wire type 7"),
            (b"\x0c", 0, "`version` of Outer ends no group"),
            (b"\x53\x08\x01", 1, "field 10 of Outer is a group without an end"),
            (b"\x53\x5c", 1, "field 11 in a group has the wire type 4"),
            (b"\x21\x01", 1, "`double` of Outer breaks off"),
        ] {
            assert_eq!(all(bytes).1, Some((at, what.to_owned())), "{bytes:x?}");
        }
    }

    #[test]
    fn groups_are_passed_over_whole() {
        let (fields, end) = all(b"\x53\x5b\x08\x01\x5c\x52\x01x\x54\x08\x07");
        assert_eq!((fields.len(), end), (2, None));
        assert_eq!(fields[0].2, Payload::Group(Span::new(1, 7)));
        let (_, end) = all(&[0x53; 20_000]);
        assert_eq!(end.unwrap().1, "10000 groups in each other");
    }

    #[test]
    fn numbers_are_the_same_packed_or_not() {
        let bytes =
            Bytes::from_memory(*b"\x1a\x08\0\0\x80\x3f\0\0\0\x40\x1d\0\0\x40\x40\x1a\x03\0\0\0");
        let (mut wire, mut budget) = (Wire::new(&bytes), Budget::default());
        let mut message = Message::whole(&bytes, &OUTER);
        let (mut numbers, mut count) = (Vec::new(), 0);
        let mut fault = None;
        while let Some(field) = wire.next(&mut message, &mut budget).unwrap() {
            count += wire.count(&field, &mut budget).unwrap();
            let mut each = |bits: u64| numbers.push(f32::from_bits(u32::try_from(bits).unwrap()));
            fault = wire.numbers(&field, &mut budget, &mut each).err();
        }
        assert_eq!((numbers, count), (vec![1.0, 2.0, 3.0], 4));
        assert_eq!(fault.unwrap().what(), "a number of `weights` breaks off");
    }

    #[test]
    fn varints_longer_than_they_need_be_are_told() {
        let bytes = Bytes::from_memory(*b"\x08\x01\x08\x81\x80\x00");
        let (mut wire, mut budget) = (Wire::new(&bytes), Budget::default());
        let mut message = Message::whole(&bytes, &OUTER);
        while let Some(field) = wire.next(&mut message, &mut budget).unwrap() {
            assert_eq!(field.int(), 1);
        }
        assert_eq!(wire.padded(), Some(3));
        assert_eq!((zigzag(0), zigzag(1), zigzag(2), zigzag(u64::MAX)), (0, -1, 1, i64::MIN));
    }

    #[test]
    fn a_million_empty_messages_cost_the_budget() {
        let bytes = Bytes::from_memory(b"\x12\x00".repeat(1_000_000));
        let limits = davy_bytes::Limits { steps: 1000, ..davy_bytes::Limits::default() };
        let (mut wire, mut budget) = (Wire::new(&bytes), Budget::new(limits));
        let mut message = Message::whole(&bytes, &OUTER);
        let halt = loop {
            match wire.next(&mut message, &mut budget) {
                Ok(field) => assert!(field.is_some()),
                Err(halt) => break halt,
            }
        };
        assert_eq!((halt.at(), halt.blame()), (2000, davy_bytes::Blame::Exhausted));
    }
}
