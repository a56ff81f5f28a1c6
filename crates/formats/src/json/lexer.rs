//! The grammar of JSON, read front to back without recursion: tokens go to a [`Sink`] in the order
//! in which they stand.
//!
//! What Python's `json` module (3.8 to 3.14) accepts is accepted; where that is more than RFC 8259
//! allows, or where loaders are known to part, the token says so.

use super::{Kind, Oddity};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_u64};

/// Digits behind which Python 3.11 and later refuse to make a whole number of text
/// (`sys.int_info.default_max_str_digits`).
const DIGITS: u64 = 4300;

/// Levels behind which Python's scanner gives up, up to 3.11 (`sys.getrecursionlimit()`, of which
/// the caller has used some).
const LEVELS: u64 = 1000;

/// Bytes of a string that are looked at at a time.
const PIECE: usize = 4096;

/// Where tokens go.
pub(super) trait Sink {
    /// An array or object starts.
    fn open(&mut self, kind: Kind, at: u64) -> Result<(), Halt>;
    /// The innermost array or object ends at `end`.
    fn close(&mut self, end: u64);
    /// Anything else, keys included.
    fn scalar(&mut self, scalar: Scalar) -> Result<(), Halt>;
    /// Something that not every loader takes.
    fn oddity(&mut self, oddity: Oddity, span: Span);
}

/// A token without anything in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scalar {
    pub(super) kind: Kind,
    pub(super) start: u64,
    pub(super) end: u64,
    /// Whether it is the key of what follows.
    pub(super) key: bool,
    /// Whether it has escapes, or is no UTF-8: its text is not its bytes.
    pub(super) escaped: bool,
}

/// What may stand next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Want {
    /// A value, or the end of the array that has just started.
    First,
    /// A value.
    Value,
    /// A key, or the end of the object that has just started.
    FirstKey,
    /// A key.
    Key,
    /// `:`.
    Colon,
    /// `,`, or the end of what is open; nothing where nothing is.
    Next,
}

/// A reader of one JSON text.
pub(super) struct Lexer<'a, S> {
    cursor: Cursor,
    budget: &'a mut Budget,
    sink: S,
    /// What is open: whether it is an object.
    open: Vec<bool>,
}

impl<'a, S: Sink> Lexer<'a, S> {
    pub(super) fn new(bytes: Bytes, budget: &'a mut Budget, sink: S) -> Self {
        Self { cursor: Cursor::new(bytes), budget, sink, open: Vec::new() }
    }

    /// Reads up to the end; the sink is given back however that goes.
    pub(super) fn run(mut self) -> (S, Result<(), Halt>) {
        let result = self.document();
        (self.sink, result)
    }

    fn document(&mut self) -> Result<(), Halt> {
        if self.cursor.peek_slice(3)? == b"\xef\xbb\xbf" {
            self.sink.oddity(Oddity::ByteOrderMark, Span::new(0, 3));
            self.cursor.skip(3, "byte order mark")?;
        }
        let mut want = Want::Value;
        loop {
            self.blank()?;
            let at = self.cursor.position();
            self.budget.spend_steps(1, at)?;
            let Some(byte) = self.cursor.peek()? else { return self.end(want, at) };
            if want == Want::Next && self.open.is_empty() {
                return Err(Halt::malformed(at, "something behind the end of the JSON value"));
            }
            want = self.token(want, byte, at)?;
        }
    }

    fn end(&self, want: Want, at: u64) -> Result<(), Halt> {
        match (want, self.open.last()) {
            (Want::Next, None) => Ok(()),
            (_, None) => Err(Halt::malformed(at, "no JSON value")),
            (_, Some(true)) => Err(Halt::malformed(at, "truncated JSON object")),
            (_, Some(false)) => Err(Halt::malformed(at, "truncated JSON array")),
        }
    }

    fn token(&mut self, want: Want, byte: u8, at: u64) -> Result<Want, Halt> {
        match (want, byte) {
            (Want::First, b']') | (Want::FirstKey, b'}') => self.close(at),
            (Want::Next, b']' | b'}') if self.open.last() == Some(&(byte == b'}')) => {
                self.close(at)
            }
            (Want::Next, b',') => {
                self.cursor.u8("comma")?;
                Ok(if self.open.last() == Some(&true) { Want::Key } else { Want::Value })
            }
            (Want::Colon, b':') => {
                self.cursor.u8("colon")?;
                Ok(Want::Value)
            }
            (Want::FirstKey | Want::Key, b'"') => {
                self.text(at, true)?;
                Ok(Want::Colon)
            }
            (Want::First | Want::Value, _) => self.value(byte, at),
            _ => Err(Halt::malformed(at, want.missing())),
        }
    }

    fn value(&mut self, byte: u8, at: u64) -> Result<Want, Halt> {
        match byte {
            b'[' => self.start(Kind::Array, at),
            b'{' => self.start(Kind::Object, at),
            b'"' => self.text(at, false),
            b't' => self.word(b"true", Kind::True, at),
            b'f' => self.word(b"false", Kind::False, at),
            b'n' => self.word(b"null", Kind::Null, at),
            b'N' => self.not_finite(b"NaN", at),
            b'I' => self.not_finite(b"Infinity", at),
            b'-' if self.cursor.peek_slice(2)? == b"-I" => self.not_finite(b"-Infinity", at),
            b'-' | b'0'..=b'9' => self.number(at),
            _ => Err(Halt::malformed(at, "no JSON value")),
        }
    }

    fn start(&mut self, kind: Kind, at: u64) -> Result<Want, Halt> {
        self.cursor.u8("bracket")?;
        // One byte per level, however deep: files of nothing but brackets end at this limit.
        if to_u64(self.open.len()) >= self.budget.left().memory / 8 {
            return Err(Halt::exhausted(at, "the limit on memory"));
        }
        self.open.push(kind == Kind::Object);
        if to_u64(self.open.len()) == LEVELS {
            self.sink.oddity(Oddity::Deep, Span::new(at, 1));
        }
        self.sink.open(kind, at)?;
        Ok(if kind == Kind::Object { Want::FirstKey } else { Want::First })
    }

    fn close(&mut self, at: u64) -> Result<Want, Halt> {
        self.cursor.u8("bracket")?;
        self.open.pop();
        self.sink.close(at.saturating_add(1));
        Ok(Want::Next)
    }

    fn scalar(&mut self, kind: Kind, start: u64) -> Result<Want, Halt> {
        let end = self.cursor.position();
        self.sink.scalar(Scalar { kind, start, end, key: false, escaped: false })?;
        Ok(Want::Next)
    }

    fn word(&mut self, word: &'static [u8], kind: Kind, at: u64) -> Result<Want, Halt> {
        if self.cursor.peek_slice(word.len())? != word {
            return Err(Halt::malformed(at, "no JSON value"));
        }
        self.cursor.take(word.len(), "word")?;
        self.scalar(kind, at)
    }

    /// `NaN` and the infinities, which Python writes and reads and RFC 8259 has no form for.
    fn not_finite(&mut self, word: &'static [u8], at: u64) -> Result<Want, Halt> {
        let want = self.word(word, Kind::Number, at)?;
        self.sink.oddity(Oddity::NotFinite, Span::new(at, to_u64(word.len())));
        Ok(want)
    }

    fn number(&mut self, at: u64) -> Result<Want, Halt> {
        if self.cursor.peek()? == Some(b'-') {
            self.cursor.u8("sign")?;
        }
        let first = self.cursor.peek()?;
        let digits = match first {
            // A zero stands alone: what follows is no part of the number, and then a fault.
            Some(b'0') => self.cursor.u8("digit").map(|_| 1)?,
            _ => self.digits()?,
        };
        if digits == 0 {
            return Err(Halt::malformed(at, "a number without digits"));
        }
        let whole = !self.fraction()? & !self.exponent()?;
        if whole && digits > DIGITS {
            let span = Span::between(at, self.cursor.position());
            self.sink.oddity(Oddity::LongNumber, span);
        }
        self.scalar(Kind::Number, at)
    }

    fn digits(&mut self) -> Result<u64, Halt> {
        let start = self.cursor.position();
        while let Some(b'0'..=b'9') = self.cursor.peek()? {
            self.cursor.u8("digit")?;
        }
        let count = self.cursor.position().saturating_sub(start);
        self.budget.spend_steps(count / 16, start)?;
        Ok(count)
    }

    fn fraction(&mut self) -> Result<bool, Halt> {
        let there = matches!(self.cursor.peek_slice(2)?, [b'.', b'0'..=b'9']);
        if there {
            self.cursor.u8("point")?;
            self.digits()?;
        }
        Ok(there)
    }

    fn exponent(&mut self) -> Result<bool, Halt> {
        let sign = match self.cursor.peek_slice(3)? {
            [b'e' | b'E', b'+' | b'-', b'0'..=b'9'] => 2,
            [b'e' | b'E', b'0'..=b'9', ..] => 1,
            _ => return Ok(false),
        };
        self.cursor.skip(sign, "exponent")?;
        self.digits()?;
        Ok(true)
    }

    fn text(&mut self, at: u64, key: bool) -> Result<Want, Halt> {
        self.cursor.u8("quotation mark")?;
        let escaped = self.string(at)?;
        let end = self.cursor.position();
        self.budget.spend_steps(end.saturating_sub(at) / 64, at)?;
        self.sink.scalar(Scalar { kind: Kind::Text, start: at, end, key, escaped })?;
        Ok(Want::Next)
    }

    /// Reads behind the opening quotation mark up to the closing one; tells whether the text differs
    /// from the bytes between.
    fn string(&mut self, start: u64) -> Result<bool, Halt> {
        let (mut escaped, mut told) = (false, false);
        let mut utf8 = Utf8::default();
        loop {
            let piece = self.cursor.peek_slice(PIECE)?;
            let ends = |byte: &u8| matches!(*byte, b'"' | b'\\' | 0..=0x1f);
            let stop = piece.iter().position(ends);
            let part = piece.get(..stop.unwrap_or(piece.len())).unwrap_or_default();
            let fine = utf8.feed(part, stop.is_some());
            let (found, len) = (stop.and_then(|stop| piece.get(stop).copied()), part.len());
            let at = self.cursor.position();
            if !fine && !told {
                self.sink
                    .oddity(Oddity::NotUtf8, Span::between(start, at.saturating_add(to_u64(len))));
                (escaped, told) = (true, true);
            }
            self.cursor.skip(to_u64(len), "string")?;
            let at = self.cursor.position();
            match found {
                Some(b'"') => {
                    self.cursor.u8("quotation mark")?;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    self.escape(at)?;
                    escaped = true;
                }
                Some(_) => {
                    self.sink.oddity(Oddity::ControlCharacter, Span::new(at, 1));
                    self.cursor.u8("control character")?;
                }
                None if len == 0 => return Err(Halt::malformed(start, "truncated string")),
                None => {}
            }
        }
    }

    fn escape(&mut self, at: u64) -> Result<(), Halt> {
        self.cursor.u8("backslash")?;
        match self.cursor.u8("escape")? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => return Ok(()),
            b'u' => {}
            _ => return Err(Halt::malformed(at, "an escape that JSON does not have")),
        }
        let unit = self.unit(at)?;
        if !(0xd800..=0xdfff).contains(&unit) {
            return Ok(());
        }
        // A pair stands for one character; Python keeps a half that stands alone.
        if unit < 0xdc00 && self.cursor.peek_slice(2)? == b"\\u" {
            let low = self.cursor.peek_slice(6)?.get(2..).and_then(hexadecimal);
            if low.is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) {
                self.cursor.skip(6, "escape")?;
                return Ok(());
            }
        }
        self.sink.oddity(Oddity::LoneSurrogate, Span::new(at, 6));
        Ok(())
    }

    fn unit(&mut self, at: u64) -> Result<u16, Halt> {
        let unit = hexadecimal(self.cursor.take(4, "escape")?);
        unit.ok_or_else(|| Halt::malformed(at, "an escape without four hexadecimal digits"))
    }

    /// Passes over white space.
    fn blank(&mut self) -> Result<(), Halt> {
        let start = self.cursor.position();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.cursor.peek()? {
            self.cursor.u8("white space")?;
        }
        self.budget.spend_steps(self.cursor.position().saturating_sub(start) / 16, start)
    }
}

impl Want {
    const fn missing(self) -> &'static str {
        match self {
            Self::First | Self::Value => "no JSON value",
            Self::FirstKey | Self::Key => "no key in a JSON object",
            Self::Colon => "no colon behind a key",
            Self::Next => "no comma between JSON values",
        }
    }
}

/// The number that four hexadecimal digits stand for.
pub(super) fn hexadecimal(digits: &[u8]) -> Option<u16> {
    let digits: &[u8; 4] = digits.first_chunk()?;
    let all = digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all)?;
    u16::from_str_radix(text, 16).ok()
}

/// Whether pieces of a string are UTF-8 together.
#[derive(Default)]
struct Utf8 {
    /// The start of a character that the next piece ends.
    cut: Vec<u8>,
}

impl Utf8 {
    /// Takes the next piece; behind the last one of a run nothing may be cut.
    fn feed(&mut self, piece: &[u8], last: bool) -> bool {
        if self.cut.is_empty() && piece.is_ascii() {
            return true;
        }
        let mut whole = std::mem::take(&mut self.cut);
        whole.extend_from_slice(piece);
        match std::str::from_utf8(&whole) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() && !last => {
                self.cut = whole.split_off(error.valid_up_to());
                true
            }
            Err(_) => false,
        }
    }
}
