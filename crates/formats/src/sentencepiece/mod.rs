//! Vocabularies of SentencePiece (`tokenizer.model`, `spiece.model`): a protocol buffer of pieces with
//! their scores, how text is brought into one form before it is cut, and how the vocabulary was made
//! (SentencePiece 0.2, `src/sentencepiece_model.proto`).
//!
//! Nothing in it runs. The library follows the compiled table of characters without looking where
//! it leads, so the table is checked; pieces too long for words and fields that the library does not
//! have are read for what else they could be.

mod charsmap;
mod table;

use crate::embedded;
use crate::protobuf::{End, Message, Wire, sketch, stranger};
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// Pieces of at least so many bytes are looked at for what else they could be.
const LONG: u64 = 64;

/// Bytes of a piece that are looked at.
const LOOK: usize = 1 << 20;

/// Bytes of a text that facts show.
const SHOWN: usize = 1024;

/// Pieces that are told one by one where they break their form, and long ones that are looked at.
const TOLD: usize = 1000;

/// The kind of a piece that stands for a byte.
const BYTE: i64 = 6;

/// The highest kind of a piece.
const KINDS: i64 = 6;

/// The reader of such vocabularies.
#[derive(Debug)]
pub struct SentencePiece;

impl Format for SentencePiece {
    fn id(&self) -> &'static str {
        "sentencepiece"
    }

    fn summary(&self) -> &'static str {
        "SentencePiece vocabularies: pieces, normalisation, and how they were made"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if !starts_with_piece(head) {
            return Probe::No;
        }
        match sketch(head, input.bytes, &table::MODEL) {
            Some(sketch) if sketch.fits() => Probe::Certain,
            // What stands behind the last message shows only when all of it is read.
            Some(sketch) if sketch.count("pieces") > 2 && sketch.end != End::More => {
                Probe::Possible
            }
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut model = Model {
            bytes: input.bytes,
            wire: Wire::new(input.bytes),
            pieces: 0,
            long: 0,
            reading,
            budget,
        };
        let result = model.read();
        model.about();
        if let Err(halt) = &result {
            let len = input.bytes.len();
            let rest = Span::between(halt.at().min(len), len);
            reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
            reading.child(format!("@{:#x}", rest.start), input.bytes.slice(rest), Role::Leftover);
        }
        reading.seamless = result.is_ok();
        result
    }
}

/// Whether bytes start with a piece and its score, as all writers put them.
fn starts_with_piece(head: &[u8]) -> bool {
    let [0x0a, _, 0x0a, len, rest @ ..] = head else { return false };
    rest.get(usize::from(*len)) == Some(&0x15)
}

/// A vocabulary that is being read.
struct Model<'a> {
    bytes: &'a Bytes,
    wire: Wire,
    pieces: u64,
    /// Long pieces that were looked at.
    long: usize,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
}

impl Model<'_> {
    fn read(&mut self) -> Result<(), Halt> {
        let mut whole = Message::whole(self.bytes, &table::MODEL);
        while let Some(field) = self.wire.next(&mut whole, self.budget)? {
            let span = field.content();
            match field.name() {
                "pieces" => self.piece(&whole.inside(span, &table::PIECE))?,
                "trainer_spec" => self.settings("trainer", whole.inside(span, &table::TRAINER))?,
                "normalizer_spec" | "denormalizer_spec" => {
                    let owner = field.name().trim_end_matches("_spec");
                    self.settings(owner, whole.inside(span, &table::NORMALIZER))?;
                }
                "self_test_data" => {}
                _ => stranger(&field, self.bytes, self.reading),
            }
        }
        Ok(())
    }

    fn piece(&mut self, message: &Message) -> Result<(), Halt> {
        let (mut message, index) = (*message, self.pieces);
        self.pieces = self.pieces.saturating_add(1);
        let (mut text, mut kind) = (Span::new(message.at, 0), 1);
        while let Some(field) = self.wire.next(&mut message, self.budget)? {
            match field.name() {
                "piece" => text = field.content(),
                "type" => kind = field.int(),
                "score" => {}
                _ => stranger(&field, self.bytes, self.reading),
            }
        }
        let what = if !(1..=KINDS).contains(&kind) {
            Some(format!("piece {index} is of kind {kind}, which there is not"))
        } else if kind == BYTE && !is_byte(self.wire.head(text, 8)?) {
            Some(format!("piece {index} stands for a byte, and is not spelled `<0xNN>`"))
        } else {
            None
        };
        if let Some(what) = what.filter(|_| self.reading.deviations.len() < TOLD) {
            let route = Route::Key(format!("pieces[{index}]"));
            self.reading.deviation(Quirk::Handmade, text, route, &what);
        }
        if text.len >= LONG {
            if self.long >= TOLD {
                return Err(Halt::exhausted(text.start, "more long pieces than are looked at"));
            }
            self.long = self.long.saturating_add(1);
            self.embedded(&format!("pieces[{index}]"), text)?;
        }
        Ok(())
    }

    /// Makes an artifact of a text that is something of its own.
    fn embedded(&mut self, key: &str, span: Span) -> Result<(), Halt> {
        let head = self.bytes.copy(span, LOOK)?;
        let Ok(text) = std::str::from_utf8(&head) else {
            self.reading.child(key.to_owned(), self.bytes.slice(span), Role::Storage);
            return Ok(());
        };
        embedded::push(key, text, (self.bytes, span, true), self.reading, self.budget)
    }

    /// The fields of a message that describes the vocabulary.
    fn settings(&mut self, owner: &str, mut message: Message) -> Result<(), Halt> {
        while let Some(field) = self.wire.next(&mut message, self.budget)? {
            let Some(entry) = field.entry else {
                stranger(&field, self.bytes, self.reading);
                continue;
            };
            let (name, span) = (entry.name, field.content());
            let key = format!("{owner}.{name}");
            if name == "precompiled_charsmap" {
                charsmap::check(self.bytes, (span, &key), self.reading, self.budget)?;
                continue;
            }
            let value = match entry.kind {
                crate::protobuf::Kind::Bytes => {
                    let head = self.wire.head(span, SHOWN)?.to_vec();
                    Value::Text(Excerpt { head, len: span.len })
                }
                crate::protobuf::Kind::Float => Value::Float(field.float()),
                _ => Value::Int(field.int()),
            };
            if span.len >= LONG {
                self.embedded(&key, span)?;
            }
            if self.reading.facts.len() < TOLD {
                let site = Site { span: field.span, route: Route::Key(key) };
                let (owner, name) = (owner.to_owned(), name.to_owned());
                self.reading.fact(Fact::Attribute { owner, name, value, site });
            }
        }
        Ok(())
    }

    /// Says in a line what the file is.
    fn about(&mut self) {
        let detail = format!("{} pieces", self.pieces);
        let site = Site { span: Span::new(0, self.bytes.len()), route: Route::None };
        self.reading.fact(Fact::Object {
            path: "sentencepiece".to_owned(),
            kind: "content",
            detail,
            site,
        });
    }
}

fn is_byte(text: &[u8]) -> bool {
    match text {
        [b'<', b'0', b'x', high, low, b'>'] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
