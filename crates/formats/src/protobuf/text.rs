//! The text format (Protocol Buffers, "Text Format Language Specification"): `.pbtxt`, `.prototxt`
//! and `.textproto`, as events by field name.

use super::Kind;
use davy_bytes::{Budget, Bytes, Cursor, Halt, to_u64};

/// Messages in each other that are followed.
const DEPTH: usize = 10_000;

/// Longest name, number or word.
const WORD: usize = 1024;

/// A value as text has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scalar {
    /// The bytes of a string, its escapes resolved.
    Text(Vec<u8>),
    /// A number, or the name of a value of an enumeration, with its sign.
    Word(String),
}

/// What stands next in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A message ends.
    Close {
        /// Offset of its bracket.
        at: u64,
    },
    /// A field of this name holds a message, which starts.
    Open {
        /// The field's name; in brackets where it names an extension.
        name: String,
        /// Offset of the name.
        at: u64,
    },
    /// A field of this name holds a value; a list is given as one field after the other.
    Value {
        /// The field's name; in brackets where it names an extension.
        name: String,
        /// Its value.
        value: Scalar,
        /// Offset of the name.
        at: u64,
    },
}

impl Scalar {
    /// Whether a field of this kind can have the value.
    #[must_use]
    pub fn fits(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Text(_), Kind::Bytes | Kind::Text) => true,
            (Self::Word(_), Kind::Bytes | Kind::Text | Kind::Message(_)) => false,
            (Self::Word(word), Kind::Bool) => self.bool().is_some() && !word.is_empty(),
            (Self::Word(word), Kind::Enum(names)) => {
                self.int().is_some() || names.iter().any(|(name, _)| name == word)
            }
            (Self::Word(_), Kind::Double | Kind::Float) => self.float().is_some(),
            (Self::Word(_), _) => self.int().is_some(),
            (Self::Text(_), _) => false,
        }
    }

    /// The whole number that it is: decimal, octal or hexadecimal.
    #[must_use]
    pub fn int(&self) -> Option<i128> {
        let Self::Word(word) = self else { return None };
        let (minus, digits) = match word.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, word.as_str()),
        };
        let lower = digits.to_ascii_lowercase();
        let value = match lower.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok()?,
            None if lower.len() > 1 && lower.starts_with('0') => {
                u64::from_str_radix(&lower, 8).ok()?
            }
            None => lower.parse().ok().filter(|_| !lower.starts_with('+'))?,
        };
        let value = i128::from(value);
        Some(if minus { value.saturating_neg() } else { value })
    }

    /// The number that it is.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        let Self::Word(word) = self else { return None };
        let lower = word.to_ascii_lowercase();
        if let Some(int) = self.int() {
            return int.to_string().parse().ok();
        }
        let plain = match lower.trim_start_matches('-') {
            "inf" | "infinity" | "nan" => lower.as_str(),
            _ => lower.strip_suffix('f').unwrap_or(&lower),
        };
        plain.parse().ok()
    }

    /// Whether it is true or false.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        let Self::Word(word) = self else { return None };
        match word.as_str() {
            "true" | "True" | "t" | "1" => Some(true),
            "false" | "False" | "f" | "0" => Some(false),
            _ => None,
        }
    }
}

/// What has been opened and waits for its end.
#[derive(Debug)]
enum Open {
    /// The values of a field, in square brackets.
    List { name: String, at: u64 },
    /// A message, and the bracket that closes it.
    Message(u8),
}

/// Goes through a text event by event.
#[derive(Debug)]
pub struct Parser {
    cursor: Cursor,
    open: Vec<Open>,
}

impl Parser {
    /// A parser of `bytes`.
    #[must_use]
    pub fn new(bytes: &Bytes) -> Self {
        Self { cursor: Cursor::new(bytes.clone()), open: Vec::new() }
    }

    /// Offset of what was not read yet.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// The next event, or `None` at the end.
    ///
    /// # Errors
    /// [`Halt::malformed`] where the text is none of this format, [`Halt::exhausted`] where it nests
    /// too deep or a string needs more memory than there is, and what the budget says about steps.
    pub fn next(&mut self, budget: &mut Budget) -> Result<Option<Event>, Halt> {
        loop {
            let next = self.blank(budget)?;
            let at = self.cursor.position();
            budget.spend_steps(1, at)?;
            match (next, self.open.last()) {
                (None, None) => return Ok(None),
                (None, _) => return Err(Halt::malformed(at, "a message or list has no end")),
                (Some(b',' | b';'), _) => drop(self.cursor.next_byte()?),
                (Some(b']'), Some(Open::List { .. })) => {
                    self.cursor.next_byte()?;
                    self.open.pop();
                }
                (Some(byte), Some(Open::List { name, at })) => {
                    let (name, at) = (name.clone(), *at);
                    return self.value(byte, name, at, budget).map(Some);
                }
                (Some(b'}' | b'>'), _) => return self.close(at).map(Some),
                (Some(byte), _) => {
                    if let Some(event) = self.field(byte, at, budget)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn close(&mut self, at: u64) -> Result<Event, Halt> {
        let closing = self.cursor.next_byte()?;
        match (self.open.pop(), closing) {
            (Some(Open::Message(open)), Some(closing)) if open == closing => {
                Ok(Event::Close { at })
            }
            _ => Err(Halt::malformed(at, "a bracket closes what is not open")),
        }
    }

    /// A field from its name on; `None` where a list of values starts.
    fn field(&mut self, byte: u8, at: u64, budget: &mut Budget) -> Result<Option<Event>, Halt> {
        let name = match byte {
            b'[' => self.extension(at)?,
            _ if byte.is_ascii_alphanumeric() || byte == b'_' => self.word()?,
            _ => return Err(self.unexpected(byte, "the name of a field")),
        };
        let mut next = self.blank(budget)?;
        let colon = next == Some(b':');
        if colon {
            self.cursor.next_byte()?;
            next = self.blank(budget)?;
        }
        match next {
            Some(b'[') => {
                self.cursor.next_byte()?;
                self.push(Open::List { name, at })?;
                Ok(None)
            }
            Some(byte) if colon || matches!(byte, b'{' | b'<') => {
                self.value(byte, name, at, budget).map(Some)
            }
            _ => Err(Halt::malformed(self.cursor.position(), "a field without a value")),
        }
    }

    /// A message or scalar that starts with `byte`.
    fn value(
        &mut self,
        byte: u8,
        name: String,
        at: u64,
        budget: &mut Budget,
    ) -> Result<Event, Halt> {
        match byte {
            b'{' | b'<' => {
                self.cursor.next_byte()?;
                self.push(Open::Message(if byte == b'{' { b'}' } else { b'>' }))?;
                Ok(Event::Open { name, at })
            }
            b'"' | b'\'' => {
                let text = self.strings(budget)?;
                Ok(Event::Value { name, value: Scalar::Text(text), at })
            }
            _ => {
                let word = self.number_or_name(budget)?;
                Ok(Event::Value { name, value: Scalar::Word(word), at })
            }
        }
    }

    fn push(&mut self, open: Open) -> Result<(), Halt> {
        if self.open.len() >= DEPTH {
            let what = format!("{DEPTH} messages in each other");
            return Err(Halt::exhausted(self.cursor.position(), what));
        }
        self.open.push(open);
        Ok(())
    }

    #[cold]
    fn unexpected(&self, byte: u8, wanted: &str) -> Halt {
        let what = format!("`{}` where {wanted} should stand", byte.escape_ascii());
        Halt::malformed(self.cursor.position(), what)
    }

    /// Passes over blanks and comments, and looks at what follows.
    fn blank(&mut self, budget: &mut Budget) -> Result<Option<u8>, Halt> {
        loop {
            match self.cursor.peek()? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c) => {
                    self.cursor.next_byte()?;
                }
                Some(b'#') => {
                    let line = self.cursor.line(0)?;
                    budget.spend_steps(line.span.len >> 4, line.span.start)?;
                }
                next => return Ok(next),
            }
        }
    }

    /// A name or number; the rest of it where it follows a sign.
    fn word(&mut self) -> Result<String, Halt> {
        let at = self.cursor.position();
        let mut word = String::new();
        while let Some(byte) = self.cursor.peek()? {
            let exponent = matches!(byte, b'+' | b'-') && is_exponent(&word);
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || exponent) {
                break;
            }
            if word.len() >= WORD {
                return Err(Halt::malformed(at, "a name or number without end"));
            }
            word.push(char::from(byte));
            self.cursor.next_byte()?;
        }
        Ok(word)
    }

    fn number_or_name(&mut self, budget: &mut Budget) -> Result<String, Halt> {
        let minus = self.cursor.peek()? == Some(b'-');
        if minus {
            self.cursor.next_byte()?;
            self.blank(budget)?;
        }
        let word = self.word()?;
        match self.cursor.peek()? {
            Some(byte) if word.is_empty() => Err(self.unexpected(byte, "a value")),
            None if word.is_empty() => {
                Err(Halt::malformed(self.cursor.position(), "a field without a value"))
            }
            _ if minus => Ok(format!("-{word}")),
            _ => Ok(word),
        }
    }

    /// `[package.extension]` or `[type.googleapis.com/package.Message]`.
    fn extension(&mut self, at: u64) -> Result<String, Halt> {
        let mut name = String::new();
        while let Some(byte) = self.cursor.next_byte()? {
            if name.len() >= WORD {
                break;
            }
            name.push(char::from(byte));
            if byte == b']' {
                return Ok(name);
            }
        }
        Err(Halt::malformed(at, "the name of an extension has no end"))
    }

    /// Strings that stand one behind the other are one.
    fn strings(&mut self, budget: &mut Budget) -> Result<Vec<u8>, Halt> {
        let at = self.cursor.position();
        let room = davy_bytes::to_usize(budget.left().memory);
        let mut text = Vec::new();
        while let Some(quote @ (b'"' | b'\'')) = self.blank(budget)? {
            self.cursor.next_byte()?;
            self.string(quote, room, &mut text)?;
        }
        budget.spend_steps(to_u64(text.len()) >> 4, at)?;
        Ok(text)
    }

    fn string(&mut self, quote: u8, room: usize, text: &mut Vec<u8>) -> Result<(), Halt> {
        let at = self.cursor.position();
        loop {
            if text.len() >= room {
                return Err(Halt::exhausted(at, "the limit on memory"));
            }
            match self.cursor.next_byte()? {
                Some(b'\\') => self.escape(text)?,
                Some(byte) if byte == quote => return Ok(()),
                Some(byte) if byte != b'\n' => text.push(byte),
                _ => return Err(Halt::malformed(at, "a string has no end")),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), Halt> {
        let at = self.cursor.position();
        let byte = self.cursor.u8("escape in a string")?;
        match byte {
            b'a' => text.push(7),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'v' => text.push(11),
            b'0'..=b'7' => {
                let rest = self.digits(2, 8)?;
                let (value, count) = rest;
                let first = u32::from(byte.wrapping_sub(b'0'));
                let value = first.wrapping_shl(count.saturating_mul(3)) | value;
                text.push(value.to_le_bytes().first().copied().unwrap_or_default());
            }
            b'x' | b'X' => {
                let (value, count) = self.digits(2, 16)?;
                if count == 0 {
                    return Err(Halt::malformed(at, "an escape without digits"));
                }
                text.push(value.to_le_bytes().first().copied().unwrap_or_default());
            }
            b'u' | b'U' => {
                let (value, _) = self.digits(if byte == b'u' { 4 } else { 8 }, 16)?;
                let c = char::from_u32(value)
                    .ok_or_else(|| Halt::malformed(at, "an escape that is no character"))?;
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => text.push(other),
        }
        Ok(())
    }

    /// The number that up to `limit` digits make, and how many there are.
    fn digits(&mut self, limit: u32, radix: u32) -> Result<(u32, u32), Halt> {
        let (mut value, mut count) = (0_u32, 0_u32);
        while count < limit {
            let digit = self.cursor.peek()?.and_then(|byte| char::from(byte).to_digit(radix));
            let Some(digit) = digit else { break };
            self.cursor.next_byte()?;
            value = value.wrapping_mul(radix).wrapping_add(digit);
            count = count.saturating_add(1);
        }
        Ok((value, count))
    }
}

/// Whether a sign behind `word` belongs to it: `1e-5`.
fn is_exponent(word: &str) -> bool {
    let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    number && !word.starts_with("0x") && word.ends_with(['e', 'E'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<String> {
        let bytes = Bytes::from_memory(text.as_bytes());
        let (mut parser, mut budget) = (Parser::new(&bytes), Budget::default());
        let mut events = Vec::new();
        loop {
            events.push(match parser.next(&mut budget) {
                Ok(None) => return events,
                Ok(Some(Event::Open { name, at })) => format!("{at} {name} {{"),
                Ok(Some(Event::Close { at })) => format!("{at} }}"),
                Ok(Some(Event::Value { name, value: Scalar::Word(word), at })) => {
                    format!("{at} {name}={word}")
                }
                Ok(Some(Event::Value { name, value: Scalar::Text(text), at })) => {
                    format!("{at} {name}='{}'", text.escape_ascii())
                }
                Err(halt) => {
                    events.push(halt.to_string());
                    return events;
                }
            });
        }
    }

    #[test]
    fn fields_lists_and_messages_are_events() {
        let text = "a: 1 b { c: \"x\" 'y' ; d <e: -inf, > } # note\nf: [1.5e-3f, RED] g: [{h: 1}, {}] \
                    i: [] [p.q/r]: true";
        assert_eq!(
            events(text),
            [
                "0 a=1",
                "5 b {",
                "9 c='xy'",
                "22 d {",
                "25 e=-inf",
                "34 }",
                "36 }",
                "45 f=1.5e-3f",
                "45 f=RED",
                "63 g {",
                "68 h=1",
                "72 }",
                "63 g {",
                "76 }",
                "85 [p.q/r]=true",
            ]
        );
    }

    #[test]
    fn escapes_are_resolved() {
        let shown = events(r#"s: "\n\x41\x4g\101\0\7z\u00e9\'\"""#);
        assert_eq!(shown, [r#"0 s='\nA\x04gA\x00\x07z\xc3\xa9\'\"'"#]);
    }

    #[test]
    fn faults_have_their_place() {
        for (text, fault) in [
            ("a: {b: 1", "a message or list has no end (at offset 0x8)"),
            ("a }", "a field without a value (at offset 0x2)"),
            ("}", "a bracket closes what is not open (at offset 0x0)"),
            ("a < }", "a bracket closes what is not open (at offset 0x4)"),
            ("a: \"b", "a string has no end (at offset 0x4)"),
            ("a: \"b\nc\"", "a string has no end (at offset 0x4)"),
            ("?", "`?` where the name of a field should stand (at offset 0x0)"),
            ("a: ?", "`?` where a value should stand (at offset 0x3)"),
        ] {
            assert_eq!(events(text).last().map(String::as_str), Some(fault), "{text}");
        }
        let deep = events(&"a{".repeat(20_000));
        assert_eq!(deep.last().unwrap(), "10000 messages in each other (at offset 0x4e22)");
    }

    #[test]
    fn numbers_are_read_as_text_spells_them() {
        let word = |word: &str| Scalar::Word(word.to_owned());
        assert_eq!(word("-0x10").int(), Some(-16));
        assert_eq!(word("017").int(), Some(15));
        assert_eq!(word("18446744073709551615").int(), Some(18_446_744_073_709_551_615));
        assert_eq!(
            (word("1.5f").float(), word("1.").float(), word("7").float()),
            (Some(1.5), Some(1.0), Some(7.0))
        );
        assert_eq!((word("x").int(), word("x").float(), word("").int()), (None, None, None));
        assert_eq!(
            (word("t").bool(), word("0").bool(), word("yes").bool()),
            (Some(true), Some(false), None)
        );
    }
}
