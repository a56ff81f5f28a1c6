//! What literals stand for: strings with their escapes, and numbers.

use super::known::Known;
use std::rc::Rc;

/// A string or bytes literal with prefix and quotes, as it was cut.
pub(super) fn string(token: &[u8]) -> Known {
    let quote_at = token.iter().position(|byte| matches!(byte, b'"' | b'\'')).unwrap_or(0);
    let (prefix, quoted) = token.split_at_checked(quote_at).unwrap_or((b"", token));
    let prefix = prefix.to_ascii_lowercase();
    let width = if quoted.starts_with(b"\"\"\"") || quoted.starts_with(b"'''") { 3 } else { 1 };
    let inner = quoted.get(width..quoted.len().saturating_sub(width)).unwrap_or_default();
    let bytes = prefix.contains(&b'b');
    let text = if prefix.contains(&b'r') { inner.to_vec() } else { unescape(inner, bytes) };
    if bytes { Known::Bytes(Rc::new(text)) } else { Known::Text(Rc::new(text)) }
}

/// `text` with the escapes of a literal resolved; in bytes literals `\u` and `\N` mean nothing.
pub(crate) fn unescape(text: &[u8], bytes: bool) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => rest = one_escape(&mut plain, after, bytes),
            b'\r' => {
                plain.push(b'\n');
                rest = after.strip_prefix(b"\n").unwrap_or(after);
            }
            _ => plain.push(*byte),
        }
    }
    plain
}

/// Resolves the escape whose backslash stood before `rest`, and returns what follows it.
fn one_escape<'a>(plain: &mut Vec<u8>, rest: &'a [u8], bytes: bool) -> &'a [u8] {
    let Some((letter, after)) = rest.split_first() else {
        plain.push(b'\\');
        return rest;
    };
    let simple = match letter {
        b'\n' => return after,
        b'\r' => return after.strip_prefix(b"\n").unwrap_or(after),
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'\'' | b'"' => *letter,
        b'0'..=b'7' => return digits(plain, rest, (8, 3), bytes),
        b'x' => return digits(plain, after, (16, 2), bytes),
        b'u' if !bytes => return digits(plain, after, (16, 4), bytes),
        b'U' if !bytes => return digits(plain, after, (16, 8), bytes),
        b'N' if !bytes && after.first() == Some(&b'{') => return named(plain, after),
        _ => {
            plain.extend([b'\\', *letter]);
            return after;
        }
    };
    plain.push(simple);
    after
}

/// A character by number: up to `most` digits of the radix.
fn digits<'a>(
    plain: &mut Vec<u8>,
    rest: &'a [u8],
    (radix, most): (u32, usize),
    bytes: bool,
) -> &'a [u8] {
    let fits = |byte: &u8| char::from(*byte).is_digit(radix);
    let count = rest.iter().take(most).take_while(|byte| fits(byte)).count();
    let (number, after) = rest.split_at_checked(count).unwrap_or((rest, b""));
    let number = std::str::from_utf8(number).unwrap_or_default();
    let code = u32::from_str_radix(number, radix).unwrap_or(0xfffd);
    match u8::try_from(code & 0xff) {
        Ok(byte) if bytes => plain.push(byte),
        _ => push_char(plain, char::from_u32(code).unwrap_or('\u{fffd}')),
    }
    after
}

/// Adds a character in UTF-8.
pub(super) fn push_char(plain: &mut Vec<u8>, c: char) {
    plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// `\N{...}`: the names of ASCII letters, digits and marks that hide code; others stay unknown.
fn named<'a>(plain: &mut Vec<u8>, rest: &'a [u8]) -> &'a [u8] {
    const DIGITS: [&str; 10] =
        ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"];
    let end = rest.iter().position(|byte| *byte == b'}').unwrap_or(rest.len());
    let name = String::from_utf8_lossy(rest.get(1..end).unwrap_or_default()).to_ascii_uppercase();
    let digit = |name: &str| DIGITS.iter().zip('0'..).find(|(n, _)| **n == name).map(|(_, d)| d);
    let c = if let Some(letter) = name.strip_prefix("LATIN SMALL LETTER ") {
        Some(letter.to_ascii_lowercase()).filter(|l| l.len() == 1).and_then(|l| l.chars().next())
    } else if let Some(letter) = name.strip_prefix("LATIN CAPITAL LETTER ") {
        Some(letter).filter(|l| l.len() == 1).and_then(|l| l.chars().next())
    } else if let Some(name) = name.strip_prefix("DIGIT ") {
        digit(name)
    } else {
        match name.as_str() {
            "LOW LINE" => Some('_'),
            "FULL STOP" => Some('.'),
            "SPACE" => Some(' '),
            "LEFT PARENTHESIS" => Some('('),
            "RIGHT PARENTHESIS" => Some(')'),
            _ => None,
        }
    };
    push_char(plain, c.unwrap_or('\u{fffd}'));
    rest.get(end.saturating_add(1)..).unwrap_or_default()
}

/// A number, as far as 64 bits hold it.
pub(super) fn number(token: &[u8]) -> Known {
    let text: String = token.iter().filter(|b| **b != b'_').map(|b| char::from(*b)).collect();
    let lower = text.to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| lower.strip_prefix(prefix).map(|digits| (digits, radix)));
    let whole = match radix {
        Some((digits, radix)) => i64::from_str_radix(digits, radix).ok(),
        None => lower.parse().ok(),
    };
    match whole {
        Some(whole) => Known::Int(whole),
        None => lower.parse().map_or(Known::Unknown, Known::Float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(token: &str) -> String {
        match string(token.as_bytes()) {
            Known::Text(text) | Known::Bytes(text) => String::from_utf8_lossy(&text).into_owned(),
            _ => panic!("{token}"),
        }
    }

    #[test]
    fn escapes_are_resolved_as_python_does() {
        assert_eq!(text(r"'\x6fs\x2esy\163tem\n'"), "os.system\n");
        assert_eq!(text(r"'\u006f\U00000073\N{LATIN SMALL LETTER A}\N{DIGIT TWO}'"), "osa2");
        assert_eq!(text(r"b'\u006f\x41'"), r"\u006fA");
        assert_eq!(text(r"r'\x6f'"), r"\x6f");
        assert_eq!(text("'''a\\\nb\r\nc'''"), "ab\nc");
        assert_eq!(text(r"'\q\''"), r"\q'");
    }

    #[test]
    fn numbers_are_read_in_every_radix() {
        assert!(matches!(number(b"0x_ff"), Known::Int(255)));
        assert!(matches!(number(b"1_000"), Known::Int(1000)));
        assert!(matches!(number(b"1e3"), Known::Float(f) if f == 1000.0));
        assert!(matches!(number(b"99999999999999999999"), Known::Float(_)));
        assert!(matches!(number(b"1j"), Known::Unknown));
    }
}
