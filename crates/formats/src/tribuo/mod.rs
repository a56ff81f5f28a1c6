//! Models and data of Tribuo: protocol buffers that name, at each level, the Java class that reads
//! what follows.
//!
//! Tribuo's messages all start alike: a version, a class name, and a message of any type. Loading
//! looks the class up by its name and calls its `deserializeFromProto` (Tribuo, `ProtoUtil`), so the
//! names are recorded. Models of other libraries (XGBoost, libsvm, ONNX, TensorFlow) travel inside as
//! bytes and become artifacts.
//!
//! Source: Tribuo, `Core/src/main/resources/protos/*.proto`, version 4.3; Protocol Buffers,
//! "Encoding".

use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span};
use std::collections::BTreeSet;

/// What class names and types start with.
const CLASSES: &[u8] = b"org.tribuo.";
const TYPES: &[u8] = b"type.googleapis.com/";

/// Fields of the message at the top.
const VERSION: u64 = 1;
const CLASS: u64 = 2;

/// Messages within messages that are looked into.
const DEEPEST: usize = 24;

/// Bytes from this length on are artifacts of their own.
const ARTIFACT: u64 = 64;

/// Different names that are recorded.
const NAMES: usize = 1000;

/// Longest text that is looked at whole.
const TEXT: usize = 4096;

/// The reader of Tribuo's messages.
#[derive(Debug)]
pub struct Tribuo;

impl Format for Tribuo {
    fn id(&self) -> &'static str {
        "tribuo"
    }

    fn summary(&self) -> &'static str {
        "Tribuo models: the Java classes that they name, and the models inside"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        // An optional version, then a class of Tribuo.
        let rest = match head {
            [0x08, _, rest @ ..] => rest,
            rest => rest,
        };
        match rest {
            [0x12, _, name @ ..] if name.starts_with(CLASSES) => Probe::Certain,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let size = input.bytes.len();
        let mut walk = Walk { bytes: input.bytes, reading, budget, names: BTreeSet::new() };
        let result = walk.message(Span::new(0, size));
        match result {
            Ok(()) => {
                reading.seamless = true;
                Ok(())
            }
            Err(halt) => {
                let rest = Span::between(halt.at().min(size), size);
                reading.deviation(Quirk::Truncated, rest, Route::None, halt.what());
                if rest.len > 0 {
                    let name = format!("@{:#x}", rest.start);
                    reading.child(name, input.bytes.slice(rest), Role::Leftover);
                }
                Err(halt)
            }
        }
    }
}

struct Walk<'a> {
    bytes: &'a Bytes,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    names: BTreeSet<String>,
}

/// A field with its content.
enum Content {
    /// A number of either width.
    Number,
    /// Bytes of a length: text, bytes, a list of numbers or a message.
    Bytes(Span),
}

impl Walk<'_> {
    /// Walks the message at the top and whatever in it can be a message.
    fn message(&mut self, whole: Span) -> Result<(), Halt> {
        let mut pending = vec![(whole, 0_usize)];
        while let Some((span, depth)) = pending.pop() {
            let mut cursor = Cursor::new(self.bytes.slice(span));
            while cursor.remaining() > 0 {
                self.budget.spend_steps(4, span.start)?;
                let (field, content) = next(&mut cursor).map_err(|it| it.shifted(span.start))?;
                if let Content::Bytes(inner) = content {
                    let inner = Span::new(span.start.saturating_add(inner.start), inner.len);
                    if self.holds_message(field, inner, depth)? {
                        pending.push((inner, depth.saturating_add(1)));
                    }
                }
            }
        }
        Ok(())
    }

    /// Records a text, keeps bytes, and tells a message that is to be walked.
    fn holds_message(&mut self, field: u64, span: Span, depth: usize) -> Result<bool, Halt> {
        let head = self.bytes.copy(span, TEXT)?;
        if crate::text::is_text(&head) {
            let class = field == CLASS && (depth == 0 || head.starts_with(b"org."));
            if class || head.starts_with(TYPES) {
                self.name(&head, span);
            }
            if span.len > 4 * ARTIFACT {
                self.child(span);
            }
            return Ok(false);
        }
        if depth < DEEPEST && self.is_message(span)? {
            return Ok(true);
        }
        if span.len >= ARTIFACT {
            self.child(span);
        }
        Ok(false)
    }

    fn child(&mut self, span: Span) {
        let name = format!("@{:#x}", span.start);
        self.reading.child(name, self.bytes.slice(span), Role::Storage);
    }

    /// Whether bytes are fields from end to end; each byte is looked at once on each level.
    fn is_message(&mut self, span: Span) -> Result<bool, Halt> {
        let mut cursor = Cursor::new(self.bytes.slice(span));
        while cursor.remaining() > 0 {
            self.budget.spend_steps(2, span.start)?;
            match next(&mut cursor) {
                Ok((field, _)) if field <= 64 => {}
                Err(halt) if halt.blame() == davy_bytes::Blame::Io => return Err(halt),
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn name(&mut self, text: &[u8], span: Span) {
        let text = String::from_utf8_lossy(text).into_owned();
        if self.names.len() >= NAMES || !self.names.insert(text.clone()) {
            return;
        }
        let key = if text.starts_with("type.") { "type" } else { "class" };
        let site = Site { span, route: Route::None };
        let (owner, name, value) =
            (String::new(), key.to_owned(), Value::Text(Excerpt::whole(text)));
        self.reading.fact(Fact::Attribute { owner, name, value, site });
    }
}

/// The next field.
fn next(cursor: &mut Cursor) -> Result<(u64, Content), Halt> {
    let at = cursor.position();
    let tag = varint(cursor)?;
    let field = tag >> 3;
    if field < VERSION {
        return Err(Halt::malformed(at, "a field without number"));
    }
    let content = match tag & 7 {
        0 => {
            varint(cursor)?;
            Content::Number
        }
        1 => {
            cursor.array::<8>("number")?;
            Content::Number
        }
        2 => {
            let len = varint(cursor)?;
            Content::Bytes(cursor.skip(len, "field")?)
        }
        5 => {
            cursor.array::<4>("number")?;
            Content::Number
        }
        wire => return Err(Halt::malformed(at, format!("wire type {wire}"))),
    };
    Ok((field, content))
}

fn varint(cursor: &mut Cursor) -> Result<u64, Halt> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8("number")?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Halt::malformed(cursor.position(), "a number of more than ten bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend(content);
        bytes
    }

    fn model() -> Vec<u8> {
        let any = [field(1, b"type.googleapis.com/tribuo.X"), field(2, &[0xff; 80])].concat();
        [vec![8, 0], field(2, b"org.tribuo.X"), field(3, &any)].concat()
    }

    #[test]
    fn classes_are_named_and_bytes_are_kept() {
        let outcome = robust::read(&Tribuo, "x.model", &model()).unwrap();
        assert!(outcome.reading.seamless && outcome.halt.is_none(), "{outcome:?}");
        assert_eq!(outcome.reading.facts.len(), 2);
        assert_eq!(outcome.reading.children[0].bytes.len(), 80);
        assert_eq!(robust::probe(&Tribuo, "x", &model()), Probe::Certain);
        assert_eq!(robust::probe(&Tribuo, "x", b"\x12\x0corg.other.X"), Probe::No);
    }

    #[test]
    fn a_message_that_breaks_off_is_told() {
        let model = model();
        let outcome = robust::read(&Tribuo, "x", &model[..model.len() - 4]).unwrap();
        assert_eq!(outcome.reading.deviations[0].quirk, Quirk::Truncated);
    }

    #[test]
    fn damage_breaks_no_promise() {
        robust::truncations(&Tribuo, &model(), Order::Indexed).unwrap();
        robust::flips(&Tribuo, &model()).unwrap();
    }
}
