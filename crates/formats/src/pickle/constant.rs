//! The opcodes that push constants: numbers, text and bytes, long ones by reference.

use super::heap::{Constant, Node, V};
use super::machine::Machine;
use super::number::{self, Whole};
use super::opcode as op;
use super::text;
use davy_artifact::Quirk;
use davy_bytes::{Halt, Line, Span, to_u64, to_usize};

/// Long constants are brought into memory only up to this many bytes, to see what they start with.
const PEEK: usize = 64;

impl Machine<'_> {
    pub(super) fn text_argument(&mut self, len: u64, what: &'static str) -> Result<(), Halt> {
        self.cross(len);
        let value = match usize::try_from(len) {
            Ok(short) if short <= 255 => {
                let span = Span::new(self.cursor.position(), len);
                let content = self.cursor.take(short, what)?;
                let python_2 = matches!(self.step.code, op::BINSTRING | op::SHORT_BINSTRING);
                let value = if python_2 && !content.is_ascii() {
                    self.heap.eight_bit_text(content, span)
                } else {
                    self.heap.text(content, span)
                };
                if short >= super::nested::SHORTEST {
                    self.look_inside(value, span);
                }
                value
            }
            _ => {
                let span = self.cursor.skip(len, what)?;
                let value = self.heap.text_constant(Constant { span, ..Constant::default() });
                self.look_inside(value, span);
                value
            }
        };
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn bytes_argument(&mut self, len: u64, what: &'static str) -> Result<(), Halt> {
        let value = match usize::try_from(len) {
            Ok(short) if short <= 255 => {
                let span = Span::new(self.cursor.position(), len);
                let content = self.cursor.take(short, what)?;
                let value = self.heap.byte_string(content, span);
                self.look_inside(value, span);
                value
            }
            _ => {
                let span = self.cursor.skip(len, what)?;
                let value = self.heap.bytes_constant(Constant { span, ..Constant::default() });
                self.look_inside(value, span);
                value
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// A constant that itself holds a pickle or an archive becomes a child, even when nothing here
    /// would load it.
    fn look_inside(&mut self, value: V, span: Span) {
        let Some((head, _)) = self.heap.content(value, PEEK) else { return };
        if super::nested::looks_packed(&head) {
            self.keep_inside(value, span);
        }
    }

    /// A length or code of four bytes that both unpicklers take as signed.
    pub(super) fn signed_length(&mut self, what: &'static str) -> Result<u64, Halt> {
        let number = i32::from_le_bytes(self.cursor.array(what)?);
        u64::try_from(number)
            .map_err(|_| Halt::malformed(self.step.at, format!("{what} is negative: {number}")))
    }

    pub(super) fn binary_long(&mut self, len: u64) -> Result<(), Halt> {
        self.cross(len);
        if len > 8 {
            let span = self.cursor.skip(len, "LONG")?;
            let head = self.heap.bytes().copy(span, 16).unwrap_or_default();
            let shown = format!("0x{}…[{len} bytes]", hex_reversed(&head));
            let id = self.heap.intern(&shown);
            self.push_node(Node::Long(id));
            return Ok(());
        }
        let bytes = self.cursor.take(to_usize(len), "LONG1")?;
        let fill = if bytes.last().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 };
        let mut wide = [fill; 8];
        for (to, from) in wide.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.push_whole(Whole::Small(i64::from_le_bytes(wide)));
        Ok(())
    }

    pub(super) fn push_whole(&mut self, number: Whole) {
        match number {
            Whole::Small(number) => match i32::try_from(number) {
                Ok(small) => self.stack.push(V::Int(small)),
                Err(_) => self.push_node(Node::Int(number)),
            },
            Whole::Large(spelled) => {
                let short: String = spelled.chars().take(80).collect();
                let id = self.heap.intern(&short);
                self.push_node(Node::Long(id));
            }
        }
    }

    #[cold]
    pub(super) fn not_a_number(&self, what: &str) -> Halt {
        Halt::malformed(self.step.at, format!("{what} is not a number"))
    }

    pub(super) fn int(&mut self, text: &[u8]) -> Result<(), Halt> {
        match text {
            b"00" => self.stack.push(V::False),
            b"01" => self.stack.push(V::True),
            _ => {
                let spelling = number::int(text).ok_or_else(|| self.not_a_number("INT"))?;
                if spelling.only_c {
                    self.deviate(
                        Quirk::LoadersDisagree,
                        "INT spelled so that only the C unpickler takes it",
                    );
                }
                self.push_whole(spelling.number);
            }
        }
        Ok(())
    }

    pub(super) fn string(&mut self, line: &Line) -> Result<(), Halt> {
        let quoted = match line.text.as_slice() {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => Some(inner),
            _ => None,
        };
        if to_u64(line.text.len()) < line.span.len {
            // Too long to decode: its content is what stands between the quotes.
            let span =
                Span::new(line.span.start.saturating_add(1), line.span.len.saturating_sub(2));
            let value = self.heap.text_constant(Constant { span, ..Constant::default() });
            self.stack.push(value);
            return Ok(());
        }
        let malformed = |what| Halt::malformed(self.step.at, what);
        let inner = quoted.ok_or_else(|| malformed("STRING without quotes"))?;
        let decoded =
            text::escape_decode(inner).ok_or_else(|| malformed("STRING with a broken escape"))?;
        if !decoded.is_ascii() {
            self.deviate(Quirk::LoadersDisagree, "STRING that is not ASCII: it is refused, or means something else, depending on the loader's `encoding`");
        }
        let span = Span::new(line.span.start.saturating_add(1), to_u64(inner.len()));
        let value = if decoded.is_ascii() {
            self.heap.decoded_text(decoded, span)
        } else {
            self.heap.eight_bit_text(&decoded, span)
        };
        self.look_inside(value, span);
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn unicode(&mut self, line: &Line) -> Result<(), Halt> {
        let value = if to_u64(line.text.len()) < line.span.len {
            self.heap.text_constant(Constant { span: line.span, ..Constant::default() })
        } else {
            let decoded = text::raw_unicode_escape(&line.text)
                .ok_or_else(|| Halt::malformed(self.step.at, "UNICODE with a broken escape"))?;
            self.heap.decoded_text(decoded.into_bytes(), line.span)
        };
        self.look_inside(value, line.span);
        self.stack.push(value);
        Ok(())
    }
}

/// A float as text; what neither unpickler accepts is taken for not-a-number, since nothing depends
/// on it.
pub(super) fn float(text: &[u8]) -> f64 {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(f64::NAN)
}

fn hex_reversed(bytes: &[u8]) -> String {
    bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect()
}
