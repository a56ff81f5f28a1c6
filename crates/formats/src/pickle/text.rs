//! Text spelled with escapes: the arguments of STRING and UNICODE.

/// What `codecs.escape_decode` makes of the inside of a STRING's quotes; `None` where it raises.
pub(super) fn escape_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            decoded.push(*byte);
            continue;
        }
        let [kind, after @ ..] = rest else { return None };
        rest = after;
        match kind {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => decoded.push(*kind),
            b'a' => decoded.push(0x07),
            b'b' => decoded.push(0x08),
            b'f' => decoded.push(0x0c),
            b'n' => decoded.push(b'\n'),
            b'r' => decoded.push(b'\r'),
            b't' => decoded.push(b'\t'),
            b'v' => decoded.push(0x0b),
            b'x' => {
                let [high, low, after @ ..] = rest else { return None };
                rest = after;
                decoded.push(hex_pair(*high, *low)?);
            }
            b'0'..=b'7' => {
                let (value, after) = octal(*kind, rest);
                rest = after;
                decoded.push(value);
            }
            _ => decoded.extend([b'\\', *kind]),
        }
    }
    Some(decoded)
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let high = char::from(high).to_digit(16)?;
    let low = char::from(low).to_digit(16)?;
    u8::try_from(high.wrapping_mul(16).wrapping_add(low)).ok()
}

/// Up to three octal digits, of which the first is `digit`; the value wraps at 256 as in C.
fn octal(digit: u8, rest: &[u8]) -> (u8, &[u8]) {
    let mut value = u32::from(digit & 7);
    let mut rest = rest;
    for _ in 0..2 {
        let [next @ b'0'..=b'7', after @ ..] = rest else { break };
        value = value.wrapping_mul(8).wrapping_add(u32::from(next & 7));
        rest = after;
    }
    (u8::try_from(value & 0xff).unwrap_or_default(), rest)
}

/// What the `raw-unicode-escape` codec makes of a UNICODE's line: Latin-1, with `\uXXXX` and
/// `\UXXXXXXXX` decoded where an odd number of backslashes stands before them; `None` where it raises.
///
/// Surrogates, which UTF-8 cannot hold, become U+FFFD.
pub(super) fn raw_unicode_escape(text: &[u8]) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            decoded.push(char::from(*byte));
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                decoded.push_str("\\\\");
                rest = after;
            }
            [kind @ (b'u' | b'U'), after @ ..] => {
                let count = if *kind == b'u' { 4 } else { 8 };
                let digits = std::str::from_utf8(after.get(..count)?).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                let code = u32::from_str_radix(digits, 16).ok().filter(|code| *code < 0x11_0000)?;
                decoded.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = after.get(count..).unwrap_or_default();
            }
            _ => decoded.push('\\'),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_escapes_are_what_python_decodes() {
        assert_eq!(escape_decode(br"\x6f\163ystem\n").unwrap(), b"osystem\n");
        assert_eq!(escape_decode(br"\q\777").unwrap(), b"\\q\xff");
        assert_eq!(escape_decode(br"\x6"), None);
        assert_eq!(escape_decode(br"tail\"), None);
    }

    #[test]
    fn unicode_escapes_are_what_python_decodes() {
        assert_eq!(raw_unicode_escape(br"\u006fs").unwrap(), "os");
        assert_eq!(raw_unicode_escape(br"\\u006fs").unwrap(), r"\\u006fs");
        assert_eq!(raw_unicode_escape(br"\U0001f600").unwrap(), "😀");
        assert_eq!(raw_unicode_escape(b"caf\xe9").unwrap(), "café");
        assert_eq!(raw_unicode_escape(br"\u00"), None);
    }
}
