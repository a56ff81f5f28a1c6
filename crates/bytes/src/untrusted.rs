//! Making text from a file fit to be shown: no escape sequence, line break or direction control of
//! an attacker reaches a terminal, a log or a report.

/// `text` with everything escaped that could act on what displays it: control characters, bidi and
/// other format characters, line and paragraph separators, private-use and unassigned specials.
///
/// Escapes are Python's (`\n`, `\x1b`, `\u202e`), which is what readers of these reports know.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut shown, c);
    }
    shown
}

/// As [`escape`], for bytes that may not be UTF-8: what is not, is shown as `\xNN`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut shown, c);
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

fn push_escaped(shown: &mut String, c: char) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\\' => shown.push_str("\\\\"),
        ' '..='~' => shown.push(c),
        _ if !acts(c) => shown.push(c),
        _ => {
            let code = u32::from(c);
            let escaped = match code {
                0..=0xff => format!("\\x{code:02x}"),
                0x100..=0xffff => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            shown.push_str(&escaped);
        }
    }
}

/// Whether showing `c` could move, hide, reorder or imitate something (Unicode general categories
/// Cc, Cf, Zl, Zp, Co, and the variation selectors and fillers that render as nothing).
#[must_use]
pub fn acts(c: char) -> bool {
    matches!(u32::from(c),
        0..=0x1f | 0x7f..=0xa0 | 0xad | 0x34f | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f
        | 0x890..=0x891 | 0x8e2 | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
        | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x2800 | 0x3000 | 0x3164
        | 0xe000..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xffff
        | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a
        | 0xe0000..=0x10ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_is_left() {
        assert_eq!(escape("a\u{1b}[31m\n\u{202e}b"), "a\\x1b[31m\\n\\u202eb");
        assert_eq!(escape("naïve 模型"), "naïve 模型");
        assert_eq!(escape_bytes(b"ok\xff\n"), "ok\\xff\\n");
    }

    #[test]
    fn a_backslash_cannot_imitate_an_escape() {
        assert_eq!(escape("\\n"), "\\\\n");
    }
}
