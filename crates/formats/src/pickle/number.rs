//! Numbers spelled as text: the union of what CPython's C and pure-Python unpicklers accept.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A whole number as far as it matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Whole {
    /// It fits 64 bits.
    Small(i64),
    /// It does not; this is how it is spelled.
    Large(String),
}

/// How one spelling is taken by the two unpicklers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Spelling {
    pub(super) number: Whole,
    /// Whether only the C unpickler accepts it, or takes it for this number.
    pub(super) only_c: bool,
}

/// The argument of INT: C calls `strtol` with base 0 first (so that `010` is 8 and trailing bytes
/// behind a NUL are ignored) and falls back to Python's base-0 rules, which are all that the
/// pure-Python unpickler has (CPython, `Modules/_pickle.c`, `load_int`).
pub(super) fn int(text: &[u8]) -> Option<Spelling> {
    let python = python_int(text, 0);
    let c = strtol(text).map(Whole::Small);
    match (c, python) {
        (Some(number), python) => {
            Some(Spelling { only_c: python.as_ref() != Some(&number), number })
        }
        (None, Some(number)) => Some(Spelling { number, only_c: false }),
        (None, None) => None,
    }
}

/// The argument of LONG, without the `L` that may end it: base 0 in both unpicklers. The C one stops
/// at a NUL.
pub(super) fn long(text: &[u8]) -> Option<Whole> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let digits = text.strip_suffix(b"L").unwrap_or(text);
    python_int(digits, 0)
}

/// The argument of GET and PUT: decimal in both unpicklers. The pure-Python one takes indices of any
/// size, the C one stops at a NUL; beyond 63 bits they become a number that no smaller one has.
pub(super) fn index(text: &[u8]) -> Option<u64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    match python_int(text, 10)? {
        Whole::Small(number) => u64::try_from(number).ok(),
        Whole::Large(spelled) if spelled.starts_with('-') => None,
        Whole::Large(spelled) => {
            let digits = spelled.trim_start_matches(['+', '0', '_']);
            let mut hasher = DefaultHasher::new();
            digits.bytes().filter(|digit| *digit != b'_').for_each(|digit| digit.hash(&mut hasher));
            Some(hasher.finish() | 1 << 63)
        }
    }
}

/// C's `strtol` with base 0, where nothing but the end of the text (or a NUL) follows the digits.
fn strtol(text: &[u8]) -> Option<i64> {
    if text.first() == Some(&0) {
        // No digits at all, but a NUL where C looks for the end of them.
        return Some(0);
    }
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let trimmed = text.trim_ascii_start();
    let (negative, digits) = sign(trimmed);
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        digits => (10, digits),
    };
    let magnitude = magnitude(digits, base)?;
    signed(magnitude, negative)
}

/// Python's `int(text, base)` for base 0 or 10: underscores between digits, white space around.
fn python_int(text: &[u8], base: u32) -> Option<Whole> {
    let trimmed = trim_python(text);
    let (_, digits) = sign(trimmed);
    let negative = trimmed.first() == Some(&b'-');
    let (radix, mut digits) = match (base, digits) {
        (0, [b'0', b'x' | b'X', rest @ ..]) => (16, rest),
        (0, [b'0', b'o' | b'O', rest @ ..]) => (8, rest),
        (0, [b'0', b'b' | b'B', rest @ ..]) => (2, rest),
        (0, [b'0', rest @ ..]) if rest.iter().any(|byte| !matches!(byte, b'0' | b'_')) => {
            return None;
        }
        (_, digits) => (10, digits),
    };
    if radix != 10 {
        digits = digits.strip_prefix(b"_").unwrap_or(digits);
    }
    let plain = without_underscores(digits)?;
    if !plain.iter().all(|byte| char::from(*byte).is_digit(radix)) {
        return None;
    }
    match magnitude(&plain, radix).and_then(|magnitude| signed(magnitude, negative)) {
        Some(number) => Some(Whole::Small(number)),
        None => Some(Whole::Large(String::from_utf8_lossy(trimmed).into_owned())),
    }
}

/// White space as Python's `int` strips it from bytes.
fn trim_python(text: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | 0x09..=0x0d);
    let start = text.iter().position(|byte| !space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !space(byte)).map_or(start, |at| at.saturating_add(1));
    text.get(start..end).unwrap_or_default()
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The digits without single underscores between them; `None` where an underscore stands elsewhere.
fn without_underscores(digits: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(digits.len());
    let mut before = b'_';
    for byte in digits {
        if *byte != b'_' {
            plain.push(*byte);
        } else if before == b'_' {
            return None;
        }
        before = *byte;
    }
    (before != b'_').then_some(plain)
}

fn magnitude(digits: &[u8], radix: u32) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        sum.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    })
}

fn signed(magnitude: u64, negative: bool) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_unpickler_takes_a_leading_zero_for_octal() {
        assert_eq!(int(b"010"), Some(Spelling { number: Whole::Small(8), only_c: true }));
        assert_eq!(int(b"0x10"), Some(Spelling { number: Whole::Small(16), only_c: false }));
        assert_eq!(int(b"0b11"), Some(Spelling { number: Whole::Small(3), only_c: false }));
        assert_eq!(int(b"1_0"), Some(Spelling { number: Whole::Small(10), only_c: false }));
        assert_eq!(int(b" -7 "), Some(Spelling { number: Whole::Small(-7), only_c: false }));
        assert_eq!(int(b"7\0junk"), Some(Spelling { number: Whole::Small(7), only_c: true }));
        assert_eq!(int(b"\0junk"), Some(Spelling { number: Whole::Small(0), only_c: true }));
        assert_eq!(int(b"seven"), None);
    }

    #[test]
    fn long_and_index_follow_python() {
        assert_eq!(long(b"0x10L"), Some(Whole::Small(16)));
        assert!(matches!(long(b"99999999999999999999L"), Some(Whole::Large(_))));
        assert_eq!(index(b" 1_2\r"), Some(12));
        assert_eq!(index(b"0x1"), None);
        assert_eq!(index(b"-1"), None);
        let large = index(b"99999999999999999999").unwrap();
        assert!(large > 1 << 63);
        assert_eq!(index(b"+0_99999999999999999999"), Some(large));
        assert_ne!(index(b"99999999999999999998"), Some(large));
        assert_eq!(long(b"7\0junk"), Some(Whole::Small(7)));
    }
}
