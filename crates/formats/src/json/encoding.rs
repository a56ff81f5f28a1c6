//! JSON text in UTF-16 and UTF-32: `json.loads` recognises both in bytes, so that a configuration
//! which scanners take for binary loads all the same.

use davy_bytes::{to_u64, to_usize};

/// A source offset is kept for each stretch of this many bytes of the UTF-8 text.
const STRETCH: usize = 1024;

/// How wide code units are, and which end comes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Units {
    /// Bytes per unit: 2 or 4.
    width: usize,
    big: bool,
    /// Bytes of the byte order mark, or none.
    mark: usize,
}

impl Units {
    /// What `json.detect_encoding` takes the first bytes of a document for; `None` is UTF-8.
    pub(super) fn detect(head: &[u8]) -> Option<Self> {
        let units = |width, big, mark| Some(Self { width, big, mark });
        match head {
            [0, 0, 0xfe, 0xff, ..] => units(4, true, 4),
            [0xff, 0xfe, 0, 0, ..] => units(4, false, 4),
            [0xfe, 0xff, ..] => units(2, true, 2),
            [0xff, 0xfe, ..] => units(2, false, 2),
            [0, 0, _, _, ..] => units(4, true, 0),
            [0, _, _, _, ..] | [0, _] => units(2, true, 0),
            [_, 0, 0, 0, ..] => units(4, false, 0),
            [_, 0, _, _, ..] | [_, 0] => units(2, false, 0),
            _ => None,
        }
    }

    /// One code unit; a last one that is cut short is nothing that any text has.
    fn unit(self, bytes: &[u8]) -> u32 {
        let shift = |unit: u32, byte: &u8| (unit << 8) | u32::from(*byte);
        match bytes.len() == self.width {
            true if self.big => bytes.iter().fold(0, shift),
            true => bytes.iter().rev().fold(0, shift),
            false => u32::MAX,
        }
    }
}

/// The way from text in UTF-8 back to the bytes that it was made of.
#[derive(Debug)]
pub(super) struct Origin {
    units: Units,
    /// For each stretch of the text, offsets of the first character that starts in it: in the text,
    /// and in the source.
    stretches: Vec<(usize, usize)>,
    len: usize,
}

/// The same text in UTF-8, with U+FFFD for what stands for no character, and the way back.
pub(super) fn transcode(source: &[u8], units: Units) -> (Vec<u8>, Origin) {
    let mut text = Vec::new();
    let mut stretches = Vec::new();
    let body = source.get(units.mark..).unwrap_or_default();
    let mut chunks = body.chunks(units.width).peekable();
    let mut at = units.mark;
    while let Some(chunk) = chunks.next() {
        let first = units.unit(chunk);
        let second = chunks.peek().map(|next| units.unit(next));
        let paired = second.and_then(|second| pair(units, first, second));
        if paired.is_some() {
            chunks.next();
        }
        let c = paired.or(char::from_u32(first)).unwrap_or(char::REPLACEMENT_CHARACTER);
        if text.len() / STRETCH >= stretches.len() {
            stretches.push((text.len(), at));
        }
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        let used = if paired.is_some() { units.width.saturating_mul(2) } else { chunk.len() };
        at = at.saturating_add(used);
    }
    (text, Origin { units, stretches, len: source.len() })
}

impl Origin {
    /// The offset in the source of what stands at `at` in `text`.
    pub(super) fn source(&self, text: &[u8], at: u64) -> u64 {
        let at = to_usize(at);
        let after = self.stretches.partition_point(|(utf8, _)| *utf8 <= at);
        let stretch = after.checked_sub(1).and_then(|index| self.stretches.get(index));
        let Some((utf8, source)) = stretch else { return 0 };
        let between = text.get(*utf8..at.min(text.len())).unwrap_or_default();
        // Characters start at bytes that do not continue one; those of four bytes are two units of
        // UTF-16.
        let units = between.iter().fold(0_usize, |units, byte| match byte {
            0x80..=0xbf => units,
            0xf0..=0xff if self.units.width == 2 => units.saturating_add(2),
            _ => units.saturating_add(1),
        });
        let offset = units.saturating_mul(self.units.width).saturating_add(*source);
        to_u64(offset.min(self.len))
    }
}

/// The character that two units of UTF-16 stand for together.
fn pair(units: Units, first: u32, second: u32) -> Option<char> {
    let high = first.checked_sub(0xd800).filter(|high| *high < 0x400)?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    let code = (high << 10).saturating_add(low).saturating_add(0x1_0000);
    char::from_u32(code).filter(|_| units.width == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_lead_back_to_the_source() {
        let text = "a😀模".repeat(900);
        let mut source = vec![0xff, 0xfe];
        source.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let units = Units::detect(&source).unwrap();
        let (utf8, origin) = transcode(&source, units);
        assert_eq!(utf8, text.as_bytes());
        // 8 bytes of UTF-8 and of UTF-16 each: `a` is 1 and 2, the face 4 and 4, the sign 3 and 2.
        for (at, source) in [(0, 2), (1, 4), (5, 8), (8, 10), (7200 - 3, 7202 - 2), (7200, 7202)] {
            assert_eq!(origin.source(&utf8, at), source, "{at}");
        }
    }

    #[test]
    fn what_is_no_character_is_replaced() {
        let units = Units::detect(&[0, b'[', 0, b'1']).unwrap();
        let (text, _) = transcode(&[0, b'[', 0xd8, 0, 0, b'1', 0], units);
        assert_eq!(String::from_utf8(text).unwrap(), "[\u{fffd}1\u{fffd}");
        assert_eq!(Units::detect(b"[1]"), None);
        assert_eq!(Units::detect(b"[\0\0\0").unwrap().width, 4);
    }
}
