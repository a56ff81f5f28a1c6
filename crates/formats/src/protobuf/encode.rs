//! Turns text into the wire format, so that one reader does for both.

use super::{Entry, Event, Kind, Parser, Scalar, Table};
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};

/// Bytes that the length of a message takes up: it is filled in when its end is known, so that
/// nothing is copied however deep messages nest.
const LENGTH: usize = 5;

/// Faults that are kept.
const FAULTS: usize = 64;

/// A text in the wire format.
#[derive(Debug)]
pub struct Encoded {
    /// The message.
    pub bytes: Bytes,
    /// What the table has no field for, or a value of another type: the offset in the text and what
    /// it is, in words. The libraries refuse such a text; these fields were left out.
    pub faults: Vec<(u64, String)>,
    /// Where fields start in `bytes`, and where they stand in the text.
    marks: Vec<(u64, u64)>,
    /// Length of the text.
    len: u64,
}

impl Encoded {
    /// The part of the text that a span of the message comes from.
    #[must_use]
    pub fn place(&self, span: Span) -> Span {
        let at = |offset: u64| {
            let after = self.marks.partition_point(|(start, _)| *start <= offset);
            after.checked_sub(1).and_then(|index| self.marks.get(index))
        };
        let start = at(span.start).map_or(0, |(_, text)| *text);
        let after = self.marks.partition_point(|(wire, _)| *wire < span.end());
        let end = self.marks.get(after).map_or(self.len, |(_, text)| *text);
        Span::between(start, end)
    }

    /// Makes what a reader learned from `bytes` a reading of the text: everything gets the place
    /// that it comes from, and what the text has and the table does not is a deviation.
    pub fn translate(&self, reading: &mut Reading) {
        for fact in &mut reading.facts {
            let site = fact.site_mut();
            site.span = self.place(site.span);
        }
        reading.deviations.iter_mut().for_each(|it| it.span = self.place(it.span));
        reading.gaps.iter_mut().for_each(|gap| gap.span = self.place(gap.span));
        for (at, what) in &self.faults {
            reading.deviation(Quirk::WrongType, Span::new(*at, 0), Route::None, what);
        }
    }
}

/// Turns the text in `bytes` into a message of the kind that `table` describes. What comes before a
/// fault is there, and the fault is returned beside it.
///
/// # Errors
/// Only when the medium fails.
pub fn encode(
    bytes: &Bytes,
    table: &'static Table,
    budget: &mut Budget,
) -> Result<(Encoded, Option<Halt>), Halt> {
    let mut writer = Writer {
        wire: Vec::new(),
        open: vec![Open { table: Some(table), length: None }],
        marks: Vec::new(),
        faults: Vec::new(),
    };
    let mut parser = Parser::new(bytes);
    let halt = loop {
        match parser.next(budget) {
            Ok(Some(event)) => {
                if let Err(halt) = writer.event(event, budget) {
                    break Some(halt);
                }
            }
            Ok(None) => break None,
            Err(halt) if halt.blame() == davy_bytes::Blame::Io => return Err(halt),
            Err(halt) => break Some(halt),
        }
    };
    while let Some(open) = writer.open.pop() {
        writer.end(&open);
    }
    let Writer { wire, marks, faults, .. } = writer;
    let encoded = Encoded { bytes: Bytes::from_memory(wire), faults, marks, len: bytes.len() };
    Ok((encoded, halt))
}

/// A message that is being written.
struct Open {
    /// Its kind; `None` within what is left out.
    table: Option<&'static Table>,
    /// Index of its length.
    length: Option<usize>,
}

struct Writer {
    wire: Vec<u8>,
    open: Vec<Open>,
    marks: Vec<(u64, u64)>,
    faults: Vec<(u64, String)>,
}

impl Writer {
    fn event(&mut self, event: Event, budget: &mut Budget) -> Result<(), Halt> {
        let before = self.wire.len();
        let at = match event {
            Event::Close { at } => {
                if let Some(open) = self.open.pop() {
                    self.end(&open);
                }
                at
            }
            Event::Open { name, at } => {
                self.start(&name, at);
                at
            }
            Event::Value { name, value, at } => {
                self.value(&name, &value, at);
                at
            }
        };
        let written = self.wire.len().saturating_sub(before);
        budget.spend_expansion(to_u64(written), at)?;
        if to_u64(self.wire.len()) > budget.left().memory {
            return Err(Halt::exhausted(at, "the limit on memory"));
        }
        Ok(())
    }

    fn fault(&mut self, at: u64, what: String) {
        if self.faults.len() < FAULTS {
            self.faults.push((at, what));
        }
    }

    /// The field of this name in the message that is being written.
    fn entry(&mut self, name: &str, at: u64) -> Option<&'static Entry> {
        let table = self.open.last().and_then(|open| open.table)?;
        let entry = table.name(name);
        if entry.is_none() {
            self.fault(at, format!("{} has no field `{name}`", table.name));
        }
        entry
    }

    fn start(&mut self, name: &str, at: u64) {
        let entry = self.entry(name, at);
        let table = match entry.map(|entry| entry.kind) {
            Some(Kind::Message(table)) => Some(table),
            Some(_) => {
                self.fault(at, format!("`{name}` is no message"));
                None
            }
            None => None,
        };
        let length = table.and(entry).map(|entry| {
            self.tag(entry, 2, at);
            let index = self.wire.len();
            self.wire.extend_from_slice(&[0; LENGTH]);
            index
        });
        self.open.push(Open { table, length });
    }

    fn end(&mut self, open: &Open) {
        let Some(index) = open.length else { return };
        let mut rest = to_u64(self.wire.len().saturating_sub(index.saturating_add(LENGTH)));
        let room = self.wire.get_mut(index..).unwrap_or_default();
        for (at, byte) in room.iter_mut().take(LENGTH).enumerate() {
            let more = if at.saturating_add(1) < LENGTH { 0x80 } else { 0 };
            *byte = rest.to_le_bytes().first().copied().unwrap_or_default() & 0x7f | more;
            rest >>= 7;
        }
    }

    fn value(&mut self, name: &str, value: &Scalar, at: u64) {
        let Some(entry) = self.entry(name, at) else { return };
        let written = match (entry.kind, value) {
            (Kind::Bytes | Kind::Text, Scalar::Text(text)) => {
                self.tag(entry, 2, at);
                self.varint(to_u64(text.len()));
                self.wire.extend_from_slice(text);
                Some(())
            }
            (Kind::Bool, value) => {
                value.bool().map(|value| self.number(entry, u64::from(value), at))
            }
            (Kind::Double, value) => value.float().map(|value| {
                self.tag(entry, 1, at);
                self.wire.extend_from_slice(&value.to_le_bytes());
            }),
            (Kind::Float, value) => value.float().map(|value| {
                self.tag(entry, 5, at);
                self.wire.extend_from_slice(&narrow(value).to_le_bytes());
            }),
            (Kind::Enum(names), Scalar::Word(word)) => {
                let named = names.iter().find(|(name, _)| name == word);
                let number =
                    named.map(|(_, number)| u64::from_ne_bytes(i64::from(*number).to_ne_bytes()));
                number.or_else(|| bits(value)).map(|number| self.number(entry, number, at))
            }
            (Kind::Message(_), _) => None,
            (_, value) => bits(value).map(|number| self.number(entry, number, at)),
        };
        if written.is_none() {
            self.fault(at, format!("`{name}` has a value of another type"));
        }
    }

    /// A whole number, as wide as the field's kind has it.
    fn number(&mut self, entry: &Entry, bits: u64, at: u64) {
        match entry.kind {
            Kind::Fixed32 => {
                self.tag(entry, 5, at);
                let bytes = bits.to_le_bytes();
                self.wire.extend_from_slice(bytes.get(..4).unwrap_or_default());
            }
            Kind::Fixed64 => {
                self.tag(entry, 1, at);
                self.wire.extend_from_slice(&bits.to_le_bytes());
            }
            Kind::Sint => {
                self.tag(entry, 0, at);
                let sign = (bits.cast_signed() >> 63).cast_unsigned();
                self.varint(bits.wrapping_shl(1) ^ sign);
            }
            _ => {
                self.tag(entry, 0, at);
                self.varint(bits);
            }
        }
    }

    fn tag(&mut self, entry: &Entry, kind: u64, at: u64) {
        self.marks.push((to_u64(self.wire.len()), at));
        self.varint((u64::from(entry.number) << 3) | kind);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.wire.push(value.to_le_bytes().first().copied().unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.wire.push(value.to_le_bytes().first().copied().unwrap_or_default());
    }
}

/// The 64 bits of a whole number.
fn bits(value: &Scalar) -> Option<u64> {
    let int = value.int()?;
    u64::try_from(int).ok().or_else(|| i64::try_from(int).ok().map(i64::cast_unsigned))
}

/// The `float` nearest to a number that text spells.
fn narrow(value: f64) -> f32 {
    value.to_string().parse().unwrap_or(f32::NAN)
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Payload, Wire};
    use super::*;

    static INNER: Table = Table {
        name: "Inner",
        fields: &[
            Entry::many(1, "name", Kind::Text),
            Entry::many(2, "inner", Kind::Message(&INNER)),
        ],
    };
    static OUTER: Table = Table {
        name: "Outer",
        fields: &[
            Entry::many(1, "inner", Kind::Message(&INNER)),
            Entry::one(2, "float", Kind::Float),
            Entry::one(3, "color", Kind::Enum(&[("RED", 0), ("BLUE", 7)])),
            Entry::one(4, "int", Kind::Int),
            Entry::one(5, "sint", Kind::Sint),
            Entry::one(6, "wide", Kind::Fixed64),
            Entry::one(7, "on", Kind::Bool),
        ],
    };

    fn encoded(text: &str) -> (Encoded, Option<Halt>) {
        encode(&Bytes::from_memory(text.as_bytes()), &OUTER, &mut Budget::default()).unwrap()
    }

    #[test]
    fn text_becomes_the_same_fields() {
        let text = "float: 1.5 color: BLUE int: -1 sint: -3 wide: 0x10 on: true color: 0";
        let (encoded, halt) = encoded(text);
        assert_eq!((halt, encoded.faults.len()), (None, 0));
        let (mut wire, mut budget) = (Wire::new(&encoded.bytes), Budget::default());
        let mut message = Message::whole(&encoded.bytes, &OUTER);
        let mut fields = Vec::new();
        while let Some(field) = wire.next(&mut message, &mut budget).unwrap() {
            fields.push((field.name(), field.payload));
        }
        let expected = [
            ("float", Payload::Fixed32(1.5_f32.to_bits())),
            ("color", Payload::Varint(7)),
            ("int", Payload::Varint(u64::MAX)),
            ("sint", Payload::Varint(5)),
            ("wide", Payload::Fixed64(16)),
            ("on", Payload::Varint(1)),
            ("color", Payload::Varint(0)),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn messages_keep_their_place_in_the_text() {
        let text = "inner { name: 'a' inner: [{name: 'b'}, {}] }\ninner { name: 'c' ";
        let (encoded, halt) = encoded(text);
        assert_eq!(halt.unwrap().what(), "a message or list has no end");
        let (mut wire, mut budget) = (Wire::new(&encoded.bytes), Budget::default());
        let mut outer = Message::whole(&encoded.bytes, &OUTER);
        let mut waiting = Vec::new();
        let mut names = Vec::new();
        while let Some(field) = wire.next(&mut outer, &mut budget).unwrap() {
            waiting.push(outer.inside(field.content(), &INNER));
        }
        assert_eq!(waiting.len(), 2);
        while let Some(mut message) = waiting.pop() {
            while let Some(field) = wire.next(&mut message, &mut budget).unwrap() {
                match field.name() {
                    "name" => {
                        let name = wire.head(field.content(), 9).unwrap().to_vec();
                        let place = encoded.place(field.span);
                        names.push((String::from_utf8(name).unwrap(), place.start));
                    }
                    _ => waiting.push(message.inside(field.content(), &INNER)),
                }
            }
        }
        names.sort();
        let at = |part: &str| to_u64(text.find(part).unwrap());
        let expected = [("a", at("name: 'a'")), ("b", at("name: 'b'")), ("c", at("name: 'c'"))];
        assert_eq!(names, expected.map(|(name, at)| (name.to_owned(), at)));
    }

    #[test]
    fn what_the_table_does_not_have_is_told_and_left_out() {
        let (encoded, _) =
            encoded("other { int: 1 } int { name: 'x' } color: GREEN int: 'x' int: 2");
        let faults: Vec<_> = encoded.faults.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(
            faults,
            [
                "Outer has no field `other`",
                "`int` is no message",
                "`color` has a value of another type",
                "`int` has a value of another type",
            ]
        );
        assert_eq!(encoded.bytes.copy(Span::new(0, 99), 99).unwrap(), [0x20, 2]);
    }

    #[test]
    fn deep_messages_cost_no_more_than_flat_ones() {
        let text = format!("inner {{{}{}}}", "inner{".repeat(9000), "}".repeat(9000));
        let (encoded, halt) = encoded(&text);
        assert_eq!((halt, encoded.bytes.len()), (None, 9001 * to_u64(1 + LENGTH)));
    }
}
