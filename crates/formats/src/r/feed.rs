//! Numbers and text of a serialized object, in each of the three ways that R writes them.

use davy_bytes::{Budget, Bytes, Cursor, Halt, Span, to_u64, to_usize};

/// Bytes that are kept of one text; what people and rules look at is shorter.
const KEPT: usize = 64 * 1024;

/// Longest number in the text form.
const WORD: usize = 64;

/// `NA_integer_`, which the text form spells out.
const NA: i32 = i32::MIN;

/// How numbers are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    /// As words, one a line.
    Ascii,
    /// As XDR: the highest byte first.
    Big,
    /// As the writing machine has them in memory; only machines whose lowest byte is first are in use.
    Little,
}

/// The start of a text, its full length in bytes, and where it stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Text {
    pub(super) head: Vec<u8>,
    pub(super) len: u64,
    pub(super) span: Span,
}

/// A serialized object, front to back.
pub(super) struct Feed {
    cursor: Cursor,
    coding: Coding,
}

impl Feed {
    pub(super) fn new(bytes: Bytes, at: u64, coding: Coding) -> Self {
        Self { cursor: Cursor::starting_at(bytes, at), coding }
    }

    pub(super) fn position(&self) -> u64 {
        self.cursor.position()
    }

    pub(super) fn remaining(&self) -> u64 {
        self.cursor.remaining()
    }

    /// Whether text stands in the file as it is.
    pub(super) fn is_verbatim(&self) -> bool {
        self.coding != Coding::Ascii
    }

    pub(super) fn int(&mut self, what: &'static str) -> Result<i32, Halt> {
        match self.coding {
            Coding::Big => self.cursor.array(what).map(i32::from_be_bytes),
            Coding::Little => self.cursor.array(what).map(i32::from_le_bytes),
            Coding::Ascii => {
                let at = self.position();
                let word = self.word(what)?;
                let text = std::str::from_utf8(&word).unwrap_or_default();
                let number = if text == "NA" { Some(NA) } else { text.parse().ok() };
                number.ok_or_else(|| Halt::malformed(at, format!("no number for {what}")))
            }
        }
    }

    /// The length of a vector: -1 stands before the two halves of one beyond 31 bits.
    pub(super) fn length(&mut self) -> Result<u64, Halt> {
        let at = self.position();
        let halves = match self.int("length")? {
            -1 => (self.int("length")?, self.int("length")?),
            len => (0, len),
        };
        let half = |half: i32| u64::try_from(half).ok();
        let low = u64::from(u32::from_ne_bytes(halves.1.to_ne_bytes()));
        let high = half(halves.0).filter(|high| *high <= 65_536);
        match (high, halves) {
            (Some(0), (0, low)) if low >= 0 => Ok(half(low).unwrap_or_default()),
            (Some(high), _) if high > 0 => Ok(high << 32 | low),
            _ => Err(Halt::malformed(at, "a negative length")),
        }
    }

    /// The text of `len` bytes that stands here.
    pub(super) fn text(&mut self, len: u64, budget: &mut Budget) -> Result<Text, Halt> {
        budget.spend_steps(len / 64, self.position())?;
        if self.coding == Coding::Ascii {
            return self.escaped(len);
        }
        let kept = to_usize(len).min(KEPT);
        let at = self.position();
        if len > self.remaining() {
            return Err(Halt::malformed(at, "truncated text"));
        }
        let head = self.cursor.take(kept, "text")?.to_vec();
        self.cursor.skip(len.saturating_sub(to_u64(kept)), "text")?;
        Ok(Text { head, len, span: Span::new(at, len) })
    }

    /// Passes over `count` elements of `width` bytes each.
    pub(super) fn skip(
        &mut self,
        count: u64,
        width: u64,
        budget: &mut Budget,
    ) -> Result<Span, Halt> {
        let start = self.position();
        if self.coding != Coding::Ascii {
            return self.cursor.skip(count.saturating_mul(width), "vector");
        }
        let words = if width == 16 { count.saturating_mul(2) } else { count };
        budget.spend_steps(words.min(self.remaining()), start)?;
        for _ in 0..words {
            self.word("vector")?;
        }
        Ok(Span::between(start, self.position()))
    }

    /// The first element of a vector of numbers, 4 or 8 bytes wide; the rest is passed over.
    pub(super) fn numbers(
        &mut self,
        count: u64,
        width: u64,
        budget: &mut Budget,
    ) -> Result<(Span, Option<f64>), Halt> {
        let start = self.position();
        let mut first = None;
        if count > 0 {
            first = match (self.coding, width) {
                (Coding::Ascii, _) => std::str::from_utf8(&self.word("vector")?)
                    .ok()
                    .and_then(|word| word.parse().ok()),
                (_, 4) => Some(f64::from(self.int("vector")?)),
                (Coding::Big, _) => Some(self.cursor.array("vector").map(f64::from_be_bytes)?),
                (Coding::Little, _) => Some(self.cursor.array("vector").map(f64::from_le_bytes)?),
            };
        }
        self.skip(count.saturating_sub(1), width, budget)?;
        Ok((Span::between(start, self.position()), first))
    }

    /// Integers, as long as there are few; longer vectors are passed over.
    pub(super) fn integers(
        &mut self,
        count: u64,
        budget: &mut Budget,
    ) -> Result<(Span, Vec<i32>), Halt> {
        let start = self.position();
        let mut kept = Vec::new();
        let few = count.min(super::tree::NUMBERS);
        for _ in 0..few {
            kept.push(self.int("vector")?);
        }
        self.skip(count.saturating_sub(few), 4, budget)?;
        Ok((Span::between(start, self.position()), kept))
    }

    /// A word of the text form.
    fn word(&mut self, what: &'static str) -> Result<Vec<u8>, Halt> {
        self.blanks()?;
        let (at, mut word) = (self.position(), Vec::new());
        while let Some(byte) = self.cursor.peek()? {
            if byte.is_ascii_whitespace() {
                break;
            }
            if word.len() >= WORD {
                return Err(Halt::malformed(at, format!("no number for {what}")));
            }
            word.push(byte);
            self.cursor.next_byte()?;
        }
        if word.is_empty() {
            Err(Halt::malformed(at, format!("truncated {what}")))
        } else {
            Ok(word)
        }
    }

    fn blanks(&mut self) -> Result<(), Halt> {
        while self.cursor.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.cursor.next_byte()?;
        }
        Ok(())
    }

    /// Text of the text form: `len` characters, some of them as escapes.
    fn escaped(&mut self, len: u64) -> Result<Text, Halt> {
        self.blanks()?;
        let (start, mut head) = (self.position(), Vec::new());
        for _ in 0..len {
            let byte = match self.cursor.u8("text")? {
                b'\\' => self.escape()?,
                byte => byte,
            };
            if head.len() < KEPT {
                head.push(byte);
            }
        }
        Ok(Text { head, len, span: Span::between(start, self.position()) })
    }

    /// What stands behind a backslash (R, `serialize.c`, `InString`).
    fn escape(&mut self) -> Result<u8, Halt> {
        Ok(match self.cursor.u8("text")? {
            b'n' => b'\n',
            b't' => b'\t',
            b'v' => 11,
            b'b' => 8,
            b'r' => b'\r',
            b'f' => 12,
            b'a' => 7,
            digit @ b'0'..=b'7' => {
                let mut value = digit.wrapping_sub(b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.cursor.peek()? else { break };
                    self.cursor.next_byte()?;
                    value = value.wrapping_mul(8).wrapping_add(digit.wrapping_sub(b'0'));
                }
                value
            }
            byte => byte,
        })
    }
}
