//! Files that a text spells in base64 (RFC 4648, sections 4 and 5), in one line or several.

use super::measure::file_at_start;
use super::{Embedded, SIGNS, Sign};
use crate::keras::base64;
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};

/// Digits of a signature that are searched for.
const DIGITS: usize = 6;

/// Characters that are read at a time, and at most.
const PIECE: u64 = 64 * 1024;
const LONGEST: usize = 32 << 20;

/// The shortest text that spells a whole file.
const SHORTEST: usize = 24;

/// Digits before the text that may be something else: the number that tells its length.
const BEFORE: u64 = 2;

/// The most that may be decoded from what follows the text, if that looks like digits.
const BEHIND: u64 = 2;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Starts of files that are known by another place: a zip by its end, a PE by its second header. Of
/// the third byte behind `MZ` only two bits are in the third digit.
const STARTS: &[&[u8]] = &[b"PK\x03\x04", b"MZ\0", b"MZ\x40", b"MZ\x80", b"MZ\xc0"];

/// How starts of files look in base64, as far as whole digits tell.
pub(super) fn signs() -> Vec<Vec<u8>> {
    let known_by_start = SIGNS.iter().filter(|(_, sign)| !matches!(sign, Sign::Pe | Sign::ZipEnd));
    let mut signs = Vec::new();
    for start in known_by_start.map(|(start, _)| *start).chain(STARTS.iter().copied()) {
        let told = if start.starts_with(b"MZ") { 3 } else { start.len().saturating_mul(8) / 6 };
        let digits: Vec<u8> = digits(start).take(told.min(DIGITS)).collect();
        let safe = |digit: &u8| match *digit {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        };
        // JSON may put a backslash before a slash.
        let escaped = |digit: &u8| if *digit == b'/' { vec![b'\\', b'/'] } else { vec![*digit] };
        let escaped = digits.iter().flat_map(escaped).take(DIGITS).collect();
        for digits in [digits.iter().map(safe).collect(), escaped, digits] {
            if !signs.contains(&digits) {
                signs.push(digits);
            }
        }
    }
    signs
}

/// The digits that spell `bytes`.
fn digits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.chunks(3).flat_map(|chunk| {
        let byte = |at: usize| usize::from(chunk.get(at).copied().unwrap_or_default());
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        [18, 12, 6, 0].map(|shift| STANDARD.get(number >> shift & 63).copied().unwrap_or_default())
    })
}

/// The file that the text at `at` spells.
pub(super) fn file_at(
    bytes: &Bytes,
    at: u64,
    budget: &mut Budget,
) -> Result<Option<Embedded>, Halt> {
    if !starts(bytes, at)? {
        return Ok(None);
    }
    let (text, end) = text_at(bytes, at)?;
    budget.spend_steps(to_u64(text.len()), at)?;
    if text.len() < SHORTEST {
        return Ok(None);
    }
    budget.spend_expansion(to_u64(text.len()), at)?;
    let Some(content) = base64::decode(&text) else { return Ok(None) };
    let content = Bytes::from_memory(content);
    let Some(file) = file_at_start(&content, budget)? else { return Ok(None) };
    let rest = content.len().saturating_sub(file.span.len);
    let decoded = if rest <= BEHIND { content.slice(file.span) } else { content };
    Ok(Some(Embedded { span: Span::between(at, end), kind: file.kind, decoded: Some(decoded) }))
}

/// Whether a text starts at `at`, or behind at most a number that looks like digits. In the middle of
/// a long one every few thousand digits look like a start.
fn starts(bytes: &Bytes, at: u64) -> Result<bool, Halt> {
    let most = BEFORE.saturating_add(1);
    let from = at.saturating_sub(most);
    let before = bytes.copy(Span::between(from, at), to_usize(most))?;
    let escaped = before.ends_with(b"\\n") || before.ends_with(b"\\r") || before.ends_with(b"\\t");
    Ok(escaped || to_u64(before.len()) < most || !before.iter().all(|byte| is_digit(*byte)))
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// The digits from `at` on, as the standard alphabet has them and filled up, and where they end. A
/// line is followed by another where it is as long as the first.
fn text_at(bytes: &Bytes, at: u64) -> Result<(String, u64), Halt> {
    let mut text = Text::default();
    let mut from = at;
    while text.end.is_none() && text.digits.len() < LONGEST {
        let piece = bytes.copy(Span::new(from, PIECE), to_usize(PIECE))?;
        if piece.is_empty() {
            break;
        }
        for (byte, here) in piece.iter().zip(from..) {
            if !text.take(*byte) {
                text.end = Some(here);
                break;
            }
        }
        from = from.saturating_add(to_u64(piece.len()));
    }
    let end = text.end.unwrap_or(from);
    Ok((text.filled(), end))
}

/// A text as it is read.
#[derive(Default)]
struct Text {
    digits: String,
    end: Option<u64>,
    padding: usize,
    /// Digits before this line, and in the first.
    before: usize,
    first: Option<usize>,
    /// A backslash came last.
    escape: bool,
    /// Between two lines.
    between: bool,
}

impl Text {
    /// Takes the next character, unless the text ends before it.
    fn take(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.escape) {
            return match byte {
                b'n' | b'r' => self.line(),
                b'/' => self.digit(byte),
                _ => false,
            };
        }
        match byte {
            b'\n' | b'\r' => self.line(),
            b' ' | b'\t' => self.between,
            b'\\' => {
                self.escape = true;
                true
            }
            b'=' => {
                self.padding = self.padding.saturating_add(1);
                self.padding <= 2
            }
            _ => is_digit(byte) && self.digit(byte),
        }
    }

    /// The end of a line.
    fn line(&mut self) -> bool {
        if self.between {
            return true;
        }
        let len = self.digits.len().saturating_sub(self.before);
        let first = *self.first.get_or_insert(len);
        self.before = self.digits.len();
        self.between = true;
        len == first && self.padding == 0
    }

    fn digit(&mut self, byte: u8) -> bool {
        self.between = false;
        let standard = match byte {
            b'-' => '+',
            b'_' => '/',
            other => char::from(other),
        };
        self.digits.push(standard);
        self.padding == 0
    }

    /// The text with the padding that it should have; a single digit more spells nothing.
    fn filled(mut self) -> String {
        match self.digits.len() % 4 {
            1 => {
                self.digits.pop();
            }
            2 => self.digits.push_str("=="),
            3 => self.digits.push('='),
            _ => {}
        }
        self.digits
    }
}
