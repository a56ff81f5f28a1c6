//! Numbers, sizes and text, as people read them.

use davy_bytes::{acts, escape};
use std::borrow::Cow;

/// Longest line of running text, in characters.
const LINE: usize = 96;

/// Digits in groups of three.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of bytes: exact while it is small, then in binary multiples to a tenth.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 10_240 {
        return count(bytes, "byte", "bytes");
    }
    // Tenths of the unit, in whole numbers so that the result is the same everywhere.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    for unit in UNITS {
        if tenths < 10_240 {
            let part =
                if tenths.is_multiple_of(10) { String::new() } else { format!(".{}", tenths % 10) };
            return format!("{}{part} {unit}", tenths / 10);
        }
        tenths /= 1024;
    }
    count(bytes, "byte", "bytes")
}

/// A number and what it counts.
pub(crate) fn count(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

/// Text that its writer has escaped already, with whatever still acts on a terminal escaped: a
/// second lock on the door, since [`escape`] would double the backslashes of the first.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            shown.push_str(&escape(c.encode_utf8(&mut [0; 4])));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// `text` in lines of at most [`LINE`] characters including an indent of `indent`; a longer word
/// has a line of its own.
pub(crate) fn wrap(text: &str, indent: usize) -> Vec<String> {
    let room = LINE.saturating_sub(indent);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if used > 0 && used + 1 + width > room {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += width;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].map(number).into();
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn sizes_are_exact_while_small() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (10_239, "10,239 bytes"),
            (12_288, "12 KiB"),
            (1_258_291, "1.1 MiB"),
            (5 << 40, "5 TiB"),
            (u64::MAX, "15.9 EiB"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn what_was_escaped_is_not_escaped_again() {
        assert_eq!(inert("a\\x1b[0m"), "a\\x1b[0m");
        assert_eq!(inert("a\u{1b}[0m\u{202e}"), "a\\x1b[0m\\u202e");
    }

    #[test]
    fn lines_hold_what_fits() {
        let lines = wrap(&"word ".repeat(50), 10);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 86));
        assert_eq!(lines.join(" "), "word ".repeat(50).trim_end());
        assert_eq!(wrap(&"x".repeat(200), 10).len(), 1);
    }
}
