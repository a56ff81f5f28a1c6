//! Base64 as Python's `binascii.a2b_base64` takes it, and what Keras falls back to where it does
//! not.
//!
//! `codecs.decode(code, "base64")` passes over everything outside of the alphabet, line breaks
//! included, and stops at the padding; a strict decoder sees nothing in what Keras runs.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes that `text` stands for, unless its padding is wrong.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    let mut padding = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                digits.push(byte);
                padding = 0;
            }
            b'=' => {
                let there = digits.len() % 4;
                padding = padding.saturating_add(1);
                if there >= 2 && there.saturating_add(padding) >= 4 {
                    return LENIENT.decode(&digits).ok();
                }
            }
            _ => {}
        }
    }
    (digits.len() % 4 == 0).then(|| LENIENT.decode(&digits).ok()).flatten()
}

/// What `func_load` makes of the text of a function: base64, or else its characters as bytes
/// (`code.encode("raw_unicode_escape")`), as Keras 1 wrote them.
pub(super) fn function(text: &str) -> Vec<u8> {
    if let Some(bytes) = text.is_ascii().then(|| decode(text)).flatten() {
        return bytes;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        let code = u32::from(c);
        match u8::try_from(code) {
            Ok(byte) => bytes.push(byte),
            Err(_) if code <= 0xffff => bytes.extend(format!("\\u{code:04x}").bytes()),
            Err(_) => bytes.extend(format!("\\U{code:08x}").bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_decodes_is_decoded() {
        for text in ["aGVsbG8=", "aGVs\nbG8=\n", "aGVsbG8=garbage", "aG*Vs!bG-8=", "aGVsbG8=="] {
            assert_eq!(decode(text).as_deref(), Some(b"hello".as_slice()), "{text}");
        }
        assert_eq!(decode("aGVsbG9v").as_deref(), Some(b"helloo".as_slice()));
        for text in ["aGVsbG8", "a", "a==="] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode(""), Some(vec![]));
    }

    #[test]
    fn text_that_is_no_base64_is_bytes() {
        assert_eq!(function("c\u{0}\u{ff}"), b"c\0\xff");
        assert_eq!(function("é模"), b"\xe9\\u6a21");
        assert_eq!(function("aGVsbG8="), b"hello");
    }
}
