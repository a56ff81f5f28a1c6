//! Computes what calls of well-known functions on constants return: how source hides names and code.
//!
//! Only functions of pure data are computed, within a limit on bytes; nothing is ever run.

use super::known::Known;
use super::literal::push_char;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::io::Read;
use std::rc::Rc;

/// Base64 as `base64.b64decode` takes it: other characters were dropped, padding is not asked for.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes that folding may still produce for one source; stops constants that double and double.
#[derive(Debug)]
pub(crate) struct Fold {
    left: usize,
}

impl Fold {
    pub(crate) fn new() -> Self {
        Self { left: 16 << 20 }
    }

    /// Charges for `bytes` of output, or tells that there is no room for them.
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// `left + right`.
    pub(crate) fn plus(&mut self, left: Known, right: &Known) -> Known {
        match (left, right) {
            (Known::Text(mut text), Known::Text(more)) if self.grows(&text, more) => {
                Rc::make_mut(&mut text).extend_from_slice(more);
                Known::Text(text)
            }
            (Known::Bytes(mut bytes), Known::Bytes(more)) if self.grows(&bytes, more) => {
                Rc::make_mut(&mut bytes).extend_from_slice(more);
                Known::Bytes(bytes)
            }
            (Known::Int(left), Known::Int(right)) => {
                left.checked_add(*right).map_or(Known::Unknown, Known::Int)
            }
            (Known::Items(items, _), Known::Items(more, _))
                if self.spend(items.len().saturating_add(more.len()).saturating_mul(16)) =>
            {
                Known::items(items.iter().chain(more.iter()).cloned().collect())
            }
            _ => Known::Unknown,
        }
    }

    /// Charges for adding `more` to a constant, which is copied when it is shared.
    fn grows(&mut self, constant: &Rc<Vec<u8>>, more: &[u8]) -> bool {
        let copied = if Rc::strong_count(constant) > 1 { constant.len() } else { 0 };
        self.spend(copied.saturating_add(more.len()))
    }

    /// `left % right`, where the text has only `%s`, `%c` and `%%`.
    pub(crate) fn percent(&mut self, left: &Known, right: &Known) -> Known {
        let one = [right.clone()];
        let Known::Text(format) = left else { return Known::Unknown };
        if !self.spend(format.len()) {
            return Known::Unknown;
        }
        let mut values = match right {
            Known::Items(items, _) => items.iter(),
            _ => one.iter(),
        };
        let mut out = Vec::new();
        let mut rest = format.iter();
        while let Some(byte) = rest.next() {
            if *byte != b'%' {
                out.push(*byte);
                continue;
            }
            let value = match rest.next() {
                Some(b'%') => Some(b"%".to_vec()),
                Some(b's' | b'd') => values.next().and_then(displayed),
                Some(b'c') => values.next().and_then(character),
                _ => None,
            };
            let Some(value) = value.filter(|value| self.spend(value.len())) else {
                return Known::Unknown;
            };
            out.extend(value);
        }
        if self.spend(out.len()) { Known::Text(Rc::new(out)) } else { Known::Unknown }
    }

    /// What a method of a constant returns.
    pub(crate) fn method(&mut self, base: &Known, name: &str, args: &[Known]) -> Known {
        if !self.spend(base.bytes().map_or(0, |bytes| bytes.len())) {
            return Known::Unknown;
        }
        match (base, name, args) {
            (Known::Text(text), "encode", _) => Known::Bytes(Rc::clone(text)),
            (Known::Bytes(bytes) | Known::Text(bytes), "decode", [codec, ..])
                if codec.text().is_some_and(|codec| !is_plain(codec)) =>
            {
                self.codec(bytes, codec.text().unwrap_or_default())
            }
            (Known::Bytes(bytes) | Known::Text(bytes), "decode", _) => {
                Known::Text(Rc::clone(bytes))
            }
            (Known::Text(separator), "join", [Known::Items(items, _)]) => {
                self.join(separator, items)
            }
            (Known::Text(text), "format", args) => self.format(text, args),
            (Known::Text(text), "replace", [from, to]) => self.replace(text, from, to),
            (Known::Text(text), "lower", []) => Known::Text(Rc::new(text.to_ascii_lowercase())),
            (Known::Text(text), "upper", []) => Known::Text(Rc::new(text.to_ascii_uppercase())),
            (Known::Text(text), "swapcase", []) => Known::Text(Rc::new(swapped(text))),
            (Known::Text(text), "strip", []) => Known::Text(Rc::new(text.trim_ascii().to_vec())),
            _ => Known::Unknown,
        }
    }

    fn join(&mut self, separator: &[u8], items: &[Known]) -> Known {
        let mut out = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let Known::Text(text) = item else { return Known::Unknown };
            if !self.spend(text.len().saturating_add(separator.len()).saturating_add(1)) {
                return Known::Unknown;
            }
            if at > 0 {
                out.extend_from_slice(separator);
            }
            out.extend_from_slice(text);
        }
        Known::Text(Rc::new(out))
    }

    /// `text.format(*args)` with fields `{}` and `{0}` only.
    fn format(&mut self, text: &[u8], args: &[Known]) -> Known {
        let mut out = Vec::new();
        let mut next = 0_usize;
        let mut rest = text;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if *byte != b'{' {
                out.push(*byte);
                continue;
            }
            let end = after.iter().position(|byte| *byte == b'}').unwrap_or(after.len());
            let field = std::str::from_utf8(after.get(..end).unwrap_or_default());
            let index = match field {
                Ok("") => Some(next),
                Ok(index) => index.parse().ok(),
                Err(_) => None,
            };
            next = next.saturating_add(1);
            let value = index.and_then(|index| args.get(index)).and_then(displayed);
            let Some(value) = value.filter(|value| self.spend(value.len())) else {
                return Known::Unknown;
            };
            out.extend(value);
            rest = after.get(end.saturating_add(1)..).unwrap_or_default();
        }
        Known::Text(Rc::new(out))
    }

    fn replace(&mut self, text: &[u8], from: &Known, to: &Known) -> Known {
        let (Some(from), Some(to)) = (from.text(), to.text()) else { return Known::Unknown };
        let Ok(text) = std::str::from_utf8(text) else { return Known::Unknown };
        let grown = text.len().saturating_add(1).saturating_mul(to.len().saturating_add(1));
        if !self.spend(if to.len() > from.len() { grown } else { 0 }) {
            return Known::Unknown;
        }
        Known::Text(Rc::new(text.replace(from, to).into_bytes()))
    }

    /// What a function of pure data returns; `path` is module and name.
    pub(crate) fn call(&mut self, path: &str, args: &[Known]) -> Known {
        let bytes = args.first().and_then(Known::bytes).cloned();
        if !self.spend(bytes.as_ref().map_or(0, |bytes| bytes.len())) {
            return Known::Unknown;
        }
        match (path, bytes, args) {
            ("builtins.chr", _, [code]) => {
                character(code).map_or(Known::Unknown, |text| Known::Text(Rc::new(text)))
            }
            // `map(chr, [105, 100])`, to be joined.
            ("builtins.map", _, [Known::Global(function), Known::Items(items, _)])
                if function.dotted() == "builtins.chr" && self.spend(items.len()) =>
            {
                let text = |item: &Known| character(item).map(|text| Known::Text(Rc::new(text)));
                items.iter().map(text).collect::<Option<_>>().map_or(Known::Unknown, Known::items)
            }
            ("builtins.str", _, [value @ Known::Text(_)]) => value.clone(),
            ("builtins.bytes" | "builtins.bytearray", Some(bytes), _) => Known::Bytes(bytes),
            ("builtins.bytes" | "builtins.bytearray", None, [Known::Items(items, _)])
                if self.spend(items.len()) =>
            {
                let byte = |item: &Known| item.int().and_then(|int| u8::try_from(int).ok());
                let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
                bytes.map_or(Known::Unknown, |bytes| Known::Bytes(Rc::new(bytes)))
            }
            ("builtins.list" | "builtins.tuple", _, [items @ Known::Items(..)]) => items.clone(),
            ("builtins.bytes.fromhex" | "builtins.bytearray.fromhex", Some(text), _)
            | ("binascii.unhexlify" | "binascii.a2b_hex", Some(text), _) => {
                self.codec(&text, "hex")
            }
            ("base64.b64decode" | "base64.decodebytes" | "binascii.a2b_base64", Some(text), _)
            | ("base64.standard_b64decode" | "base64.urlsafe_b64decode", Some(text), _) => {
                self.codec(&text, "base64")
            }
            ("base64.b16decode", Some(text), _) => self.codec(&text, "hex"),
            ("zlib.decompress", Some(bytes), _) => self.codec(&bytes, "zlib"),
            ("gzip.decompress", Some(bytes), _) => {
                self.inflate(flate2::read::MultiGzDecoder::new(bytes.as_slice()))
            }
            ("codecs.decode" | "codecs.encode", Some(text), [_, codec, ..]) => {
                self.codec(&text, codec.text().unwrap_or_default())
            }
            _ => Known::Unknown,
        }
    }

    /// `bytes` decoded by one of Python's codecs of bytes or text.
    fn codec(&mut self, bytes: &[u8], codec: &str) -> Known {
        let codec = codec.to_ascii_lowercase().replace('-', "_");
        match codec.trim_end_matches("_codec") {
            "base64" | "base_64" => {
                let standard = |byte: &u8| match byte {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                };
                let letters: Vec<u8> =
                    bytes.iter().map(standard).filter(|b| !b.is_ascii_whitespace()).collect();
                BASE64.decode(letters).map_or(Known::Unknown, |plain| Known::Bytes(Rc::new(plain)))
            }
            "hex" => unhex(bytes).map_or(Known::Unknown, |plain| Known::Bytes(Rc::new(plain))),
            "rot13" | "rot_13" => {
                Known::Text(Rc::new(bytes.iter().map(|byte| rotated(*byte)).collect()))
            }
            "zlib" | "zip" => self.inflate(flate2::read::ZlibDecoder::new(bytes)),
            "unicode_escape" => Known::Text(Rc::new(super::literal::unescape(bytes, false))),
            plain if is_plain(plain) => Known::Text(Rc::new(bytes.to_vec())),
            _ => Known::Unknown,
        }
    }

    fn inflate(&mut self, reader: impl Read) -> Known {
        let mut plain = Vec::new();
        let limit = davy_bytes::to_u64(self.left.min(4 << 20));
        let whole = reader.take(limit).read_to_end(&mut plain).is_ok();
        if self.spend(plain.len()) && whole && !plain.is_empty() {
            Known::Bytes(Rc::new(plain))
        } else {
            Known::Unknown
        }
    }

    /// `base[index]` of a constant.
    pub(crate) fn index(&mut self, base: &Known, index: &Known) -> Known {
        let Some(index) = index.int() else { return Known::Unknown };
        let place = |len: usize| {
            let behind = i64::try_from(len).ok().filter(|_| index < 0).unwrap_or(0);
            index.checked_add(behind).and_then(|at| usize::try_from(at).ok())
        };
        match base {
            Known::Items(items, _) => {
                place(items.len()).and_then(|at| items.get(at)).cloned().unwrap_or(Known::Unknown)
            }
            Known::Text(text) if text.is_ascii() => {
                let byte = place(text.len()).and_then(|at| text.get(at));
                byte.map_or(Known::Unknown, |byte| Known::Text(Rc::new(vec![*byte])))
            }
            _ => Known::Unknown,
        }
    }

    /// `base[::-1]` of a constant.
    pub(crate) fn reversed(&mut self, base: &Known) -> Known {
        if !self.spend(base.bytes().map_or(0, |bytes| bytes.len())) {
            return Known::Unknown;
        }
        match base {
            Known::Text(text) => {
                let reversed: String = String::from_utf8_lossy(text).chars().rev().collect();
                Known::Text(Rc::new(reversed.into_bytes()))
            }
            Known::Bytes(bytes) => Known::Bytes(Rc::new(bytes.iter().rev().copied().collect())),
            _ => Known::Unknown,
        }
    }
}

fn is_plain(codec: &str) -> bool {
    let codec = codec.to_ascii_lowercase().replace(['-', '_'], "");
    matches!(codec.as_str(), "utf8" | "ascii" | "latin1" | "iso88591" | "utf8sig")
}

/// A value as `str` shows it, where that is plain.
fn displayed(value: &Known) -> Option<Vec<u8>> {
    match value {
        Known::Text(text) => Some(text.to_vec()),
        Known::Int(int) => Some(int.to_string().into_bytes()),
        _ => None,
    }
}

fn character(code: &Known) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    match code {
        Known::Text(one) => text.extend_from_slice(one),
        code => push_char(&mut text, char::from_u32(u32::try_from(code.int()?).ok()?)?),
    }
    Some(text)
}

fn swapped(text: &[u8]) -> Vec<u8> {
    let swap = |byte: &u8| {
        if byte.is_ascii_lowercase() {
            byte.to_ascii_uppercase()
        } else {
            byte.to_ascii_lowercase()
        }
    };
    text.iter().map(swap).collect()
}

fn rotated(byte: u8) -> u8 {
    match byte {
        b'a'..=b'm' | b'A'..=b'M' => byte.wrapping_add(13),
        b'n'..=b'z' | b'N'..=b'Z' => byte.wrapping_sub(13),
        _ => byte,
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let digits: Option<Vec<u32>> =
        text.iter().filter(|b| !b.is_ascii_whitespace()).map(digit).collect();
    let pair = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high.wrapping_mul(16).wrapping_add(*low)).ok(),
        _ => None,
    };
    digits?.chunks(2).map(pair).collect()
}
