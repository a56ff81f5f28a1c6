//! Tells whether bytes are a message of a certain kind by their structure alone: the wire format has
//! no magic number, and next to anything starts like some message.

use super::{Entry, Event, Field, Kind, Message, Parser, Payload, Table, Wire};
use davy_bytes::{Budget, Bytes, Limits, Span, to_u64};
use std::collections::VecDeque;

/// Fields of the message itself that are looked at.
const FIELDS: u64 = 512;

/// Messages in it that are looked into, and fields of each.
const MESSAGES: usize = 128;
const INNER_FIELDS: u64 = 24;

/// Bytes of a text that are looked at.
const TEXT: usize = 256;

/// Unknown fields that may stand before the first known one.
const STRANGERS: u64 = 64;

/// Where looking at a message ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// In a field that the bytes end in.
    Cut,
    /// At what is no field.
    Fault,
    /// At the limit on fields.
    More,
    /// At the end of its bytes.
    Whole,
}

/// A field that was seen in the message itself.
#[derive(Clone, Copy, Debug)]
struct Seen {
    entry: &'static Entry,
    count: u64,
    first: Span,
}

/// What bytes look like when they are taken for a message of some kind.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// Where it ended.
    pub end: End,
    /// Fields that the table does not have, here and in the messages inside.
    pub strangers: u64,
    /// Fields with a wire type that the table does not give them, texts that are none, and messages
    /// inside that break off.
    pub misfits: u64,
    seen: Vec<Seen>,
}

impl Sketch {
    /// How often a field of the message itself was seen.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.seen.iter().find(|seen| seen.entry.name == name).map_or(0, |seen| seen.count)
    }

    /// Whether a field of the message itself was seen.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.count(name) > 0
    }

    /// How many different fields of the message itself were seen.
    #[must_use]
    pub fn kinds(&self) -> usize {
        self.seen.len()
    }

    /// The content of the first length-delimited field of this name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<Span> {
        self.seen.iter().find(|seen| seen.entry.name == name).map(|seen| seen.first)
    }

    /// Whether everything that was looked at is as the tables have it.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.end != End::Fault && self.strangers == 0 && self.misfits == 0 && !self.seen.is_empty()
    }
}

/// Looks at the fields of a message that all of `bytes` could be, and into the first messages in it.
/// `head` is the start of `bytes`; where it already rules the message out, nothing else is read, and
/// the result is `None`.
#[must_use]
pub fn sketch(head: &[u8], bytes: &Bytes, table: &'static Table) -> Option<Sketch> {
    if !opens(head) || !starts(head, bytes.len(), table) {
        return None;
    }
    let mut look = Look {
        wire: Wire::new(bytes),
        budget: Budget::new(Limits { steps: 4096, ..Limits::default() }),
        inside: VecDeque::new(),
        sketch: Sketch { end: End::Whole, strangers: 0, misfits: 0, seen: Vec::new() },
    };
    let mut whole = Message::whole(bytes, table);
    look.sketch.end = look.fields(&mut whole, FIELDS, true);
    let mut left = MESSAGES;
    while let Some((mut message, cut)) = look.inside.pop_front().filter(|_| left > 0) {
        left = left.saturating_sub(1);
        let end = look.fields(&mut message, INNER_FIELDS, false);
        let bad = end == End::Fault || (end == End::Cut && !cut);
        look.sketch.misfits = look.sketch.misfits.saturating_add(u64::from(bad));
    }
    Some(look.sketch)
}

/// Whether the first tag of `head` can be one: three bits of it have six values, and no number is zero.
/// Most bytes that are no message are told by that, and nothing is made for them.
fn opens(head: &[u8]) -> bool {
    head.first().is_none_or(|tag| tag & 7 < 6 && tag & 7 != 4 && tag & 0xf8 != 0)
}

/// Whether the first known field of what starts with `head` and has `len` bytes is where one can be.
fn starts(head: &[u8], len: u64, table: &'static Table) -> bool {
    let head = Bytes::from_memory(head);
    let mut wire = Wire::new(&head);
    let mut budget = Budget::new(Limits { steps: STRANGERS, ..Limits::default() });
    let mut message = Message { table, at: 0, end: len, depth: 0 };
    while message.at < head.len() {
        match wire.next(&mut message, &mut budget) {
            Ok(Some(Field { entry: None, .. })) => {}
            Ok(field) => return field.is_some(),
            Err(_) => return wire.cut(&message).is_some(),
        }
    }
    // Unknown fields as far as can be seen: whether it is one shows only behind them.
    message.at < len
}

/// A look at a message.
struct Look {
    wire: Wire,
    budget: Budget,
    /// Messages that wait to be looked into, and whether the end of the bytes cuts them.
    inside: VecDeque<(Message, bool)>,
    sketch: Sketch,
}

impl Look {
    fn fields(&mut self, message: &mut Message, limit: u64, outer: bool) -> End {
        for _ in 0..limit {
            let field = match self.wire.next(message, &mut self.budget) {
                Ok(Some(field)) => field,
                Ok(None) => return End::Whole,
                Err(_) => {
                    let Some(field) = self.wire.cut(message) else { return End::Fault };
                    self.field(message, &field, outer, true);
                    return End::Cut;
                }
            };
            self.field(message, &field, outer, false);
        }
        End::More
    }

    fn field(&mut self, message: &Message, field: &Field, outer: bool, cut: bool) {
        let Some(entry) = field.entry else {
            let known = message.table.number(field.number).is_some();
            let count = if known { &mut self.sketch.misfits } else { &mut self.sketch.strangers };
            *count = count.saturating_add(1);
            return;
        };
        if outer {
            self.see(entry, field.content());
        }
        match (entry.kind, field.payload) {
            (Kind::Message(table), Payload::Bytes(span)) if self.inside.len() < MESSAGES => {
                self.inside.push_back((message.inside(span, table), cut));
            }
            (Kind::Text, Payload::Bytes(span)) => {
                let text = self.wire.head(span, TEXT).unwrap_or_default();
                let bad = !crate::text::is_text(text);
                self.sketch.misfits = self.sketch.misfits.saturating_add(u64::from(bad));
            }
            _ => {}
        }
    }

    fn see(&mut self, entry: &'static Entry, first: Span) {
        match self.sketch.seen.iter_mut().find(|seen| seen.entry.number == entry.number) {
            Some(seen) => seen.count = seen.count.saturating_add(1),
            None => self.sketch.seen.push(Seen { entry, count: 1, first }),
        }
    }
}

/// Whether a text may start as the text format does: behind the first name stands a colon, or what
/// opens a message.
fn opens_text(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let name = head.iter().take_while(|byte| named(byte)).count();
    let behind = head.get(name..).unwrap_or_default().trim_ascii_start();
    name == 0 || matches!(behind, [] | [b':' | b'{' | b'<' | b'#', ..])
}

/// Whether `head`, the start of a text, is the text format of a message of this kind: every name in
/// it is one of the table's, and at least one is there.
#[must_use]
pub fn fits_text(head: &[u8], len: u64, table: &'static Table) -> bool {
    if !opens_text(head) || !crate::text::is_text(head) {
        return false;
    }
    let bytes = Bytes::from_memory(head);
    let mut parser = Parser::new(&bytes);
    let mut budget = Budget::new(Limits { steps: 1 << 20, ..Limits::default() });
    let mut open: Vec<Option<&'static Table>> = vec![Some(table)];
    let mut fields = 0_u64;
    loop {
        // What the end of the head may have cut says nothing; whether it is cut shows behind it.
        let event = match parser.next(&mut budget) {
            Ok(Some(event)) => event,
            Ok(None) => return fields > 0,
            Err(_) => return fields > 0 && parser.position() >= bytes.len() && bytes.len() < len,
        };
        let within = open.last().copied().flatten();
        let known = |name: &str| within.and_then(|table| table.name(name)).map(|entry| entry.kind);
        let fits = match (&event, within) {
            (Event::Close { .. }, _) => {
                open.pop();
                true
            }
            (Event::Open { name, .. }, Some(_)) => match known(name) {
                Some(Kind::Message(table)) => {
                    open.push(Some(table));
                    true
                }
                _ => false,
            },
            (Event::Value { name, value, .. }, Some(_)) => {
                known(name).is_some_and(|kind| value.fits(kind))
            }
            (_, None) => false,
        };
        fields = fields.saturating_add(1);
        if !fits {
            return parser.position() >= bytes.len() && to_u64(head.len()) < len && fields > 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    static NODE: Table = Table {
        name: "Node",
        fields: &[
            Entry::one(1, "name", Kind::Text),
            Entry::one(2, "op", Kind::Text),
            Entry::many(3, "input", Kind::Text),
        ],
    };
    static GRAPH: Table = Table {
        name: "Graph",
        fields: &[
            Entry::many(1, "node", Kind::Message(&NODE)),
            Entry::one(3, "version", Kind::Int),
            Entry::one(9, "weights", Kind::Bytes),
        ],
    };

    fn look(bytes: &[u8]) -> Option<Sketch> {
        let head = &bytes[..bytes.len().min(4096)];
        sketch(head, &Bytes::from_memory(bytes), &GRAPH)
    }

    #[test]
    fn a_message_is_told_by_its_fields() {
        let graph = [b"\x18\x02".as_slice(), &b"\x0a\x07\x0a\x01x\x12\x02Op".repeat(600)].concat();
        let whole = look(&graph[..2 + 9 * 20]).unwrap();
        assert!(whole.fits() && whole.end == End::Whole && whole.count("node") == 20);
        let long = look(&graph).unwrap();
        assert!(long.fits() && long.end == End::More && long.has("version"));
        let cut = look(&graph[..2 + 9 * 20 - 1]).unwrap();
        assert!(cut.fits() && cut.end == End::Cut && cut.count("node") == 20);
        assert_eq!(look(b"\x18\x02").unwrap().first("node"), None);
    }

    #[test]
    fn other_bytes_do_not_fit() {
        for other in [
            b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]\x94.".as_slice(),
            b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0\xb7\xef",
            b"hello, world: this is text\n",
            b"{\"a\": 1}",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
            b"\x89HDF\r\n\x1a\n\0\0\0\0",
            b"GGUF\x03\0\0\0\0\0\0\0",
            b"\x0a\x03\x0a\x01\xff",
            b"\x0a\x04\x0a\x01\x00\x00",
            b"\x0a\x02\x0a\x07",
            b"\x18\x01\x1a\x00",
            b"\x18\x01\x22\x00",
            b"\0\0\0\0",
            b"",
        ] {
            let sketch = look(other);
            assert!(!sketch.is_some_and(|sketch| sketch.fits()), "{other:x?}");
        }
    }

    #[test]
    fn what_stands_beyond_the_head_counts() {
        let mut far = b"\x4a\x88\x27".to_vec();
        far.extend([7; 5000]);
        far.extend(b"\x0a\x03\x12\x01A");
        assert!(look(&far).unwrap().has("node"));
        far.extend(b"\x07");
        assert_eq!(look(&far).unwrap().end, End::Fault);
    }

    #[test]
    fn text_is_told_by_its_names() {
        let text = "# made by hand\nversion: 2\nnode {\n name: 'a' input: ['b', 'c'] }\n";
        for (text, fits) in [
            (text, true),
            ("version: 2", true),
            ("version: x", false),
            ("node: 2", false),
            ("version: 2 other: 1", false),
            ("hello, world", false),
            ("", false),
            ("# only a comment", false),
        ] {
            assert_eq!(fits_text(text.as_bytes(), to_u64(text.len()), &GRAPH), fits, "{text}");
        }
        for cut in 13..text.len() {
            let head = &text.as_bytes()[..cut];
            assert_eq!(fits_text(head, to_u64(text.len()), &GRAPH), cut > 24, "{cut}");
        }
    }
}
