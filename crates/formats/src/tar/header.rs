//! One 512-byte header of a tar archive: Version 7, ustar (POSIX.1-1988), star, GNU and pax share its
//! layout.

/// Length of a header, and the unit in which data is padded.
pub(super) const BLOCK: usize = 512;

/// What a header says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// The name field.
    pub(super) name: Vec<u8>,
    /// What ustar has before the name; GNU and star keep other things there.
    pub(super) prefix: Vec<u8>,
    /// Where a link points.
    pub(super) target: Vec<u8>,
    /// Permissions, where they are a number.
    pub(super) mode: u64,
    /// Length of the data in bytes.
    pub(super) size: Size,
    /// The type: `0` file, `1` hard link, `2` symbolic link, `5` folder ...
    pub(super) kind: u8,
    /// Whether the checksum fits.
    pub(super) proven: bool,
    /// Whether the magic of ustar or GNU stands in it.
    pub(super) marked: bool,
    /// Whether the magic is GNU's, which has no prefix.
    pub(super) gnu: bool,
    /// Whether every number in it is one to Python's `tarfile`, which else takes it for no header.
    pub(super) sound: bool,
}

/// A size as the field spells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Size {
    /// So many bytes; those that do not fit 64 bits count as the most that do.
    Of(u64),
    /// Less than none.
    Negative,
    /// No number.
    None,
}

impl Size {
    /// The size, where less than none is none.
    pub(super) fn bytes(self) -> Option<u64> {
        match self {
            Self::Of(size) => Some(size),
            Self::Negative => Some(0),
            Self::None => None,
        }
    }
}

/// Reads a header; `None` where fewer than 512 bytes are left.
pub(super) fn parse(block: &[u8]) -> Option<Header> {
    let block = block.get(..BLOCK)?;
    let number_at = |at: usize, end: usize| block.get(at..end).map_or(Size::None, number);
    // Owner, group, time and device numbers.
    let others = [(100, 108), (108, 116), (116, 124), (136, 148), (329, 337), (337, 345)];
    let sound = others.iter().all(|(at, end)| number_at(*at, *end) != Size::None);
    let size = number_at(124, 136);
    Some(Header {
        name: text(block.get(..100)?),
        prefix: text(block.get(345..500)?),
        target: text(block.get(157..257)?),
        mode: number_at(100, 108).bytes().unwrap_or(0),
        size,
        kind: *block.get(156)?,
        proven: is_proven(block),
        marked: block.get(257..262)? == b"ustar",
        gnu: block.get(257..265)? == b"ustar  \0",
        sound: sound && size != Size::None,
    })
}

impl Header {
    /// The name as Python's `tarfile` puts it together, which goes by the type and not by the magic.
    pub(super) fn python_name(&self) -> Vec<u8> {
        if self.prefix.is_empty() || matches!(self.kind, b'L' | b'K' | b'S') {
            return self.name.clone();
        }
        [self.prefix.as_slice(), b"/", &self.name].concat()
    }

    /// The name as GNU tar puts it together, where that is another one.
    pub(super) fn gnu_name(&self) -> Option<&[u8]> {
        let python = !self.prefix.is_empty() && !matches!(self.kind, b'L' | b'K' | b'S');
        (python && (self.gnu || !self.marked)).then_some(self.name.as_slice())
    }
}

/// A field of text, up to its first NUL.
pub(super) fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// A field of octal digits, or GNU's base 256 where its first byte is 0x80 or 0xff; of nothing but
/// spaces and NULs it is 0 (`tarfile.nti`).
pub(super) fn number(field: &[u8]) -> Size {
    match field.split_first() {
        None => Size::None,
        Some((0xff, _)) => Size::Negative,
        Some((0x80, rest)) => Size::Of(rest.iter().fold(0_u64, |sum, byte| {
            let shifted = sum.checked_mul(256);
            shifted.and_then(|sum| sum.checked_add(u64::from(*byte))).unwrap_or(u64::MAX)
        })),
        Some(_) => octal(&text(field)),
    }
}

/// What Python's `int(text, 8)` makes of a field: space around it, a sign, `0o`, and underscores
/// between digits are allowed.
fn octal(text: &[u8]) -> Size {
    let is_space = |byte: &u8| matches!(byte, b' ' | 9..=13 | 0x1c..=0x1f);
    let start = text.iter().position(|byte| !is_space(byte));
    let Some(start) = start else { return Size::Of(0) };
    let end =
        text.iter().rposition(|byte| !is_space(byte)).map_or(start, |at| at.saturating_add(1));
    let text = text.get(start..end).unwrap_or_default();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let (digits, mut lined) = match digits {
        [b'0', b'o' | b'O', digits @ ..] => (digits, false),
        digits => (digits, true),
    };
    let mut value = 0_u64;
    let mut any = false;
    for byte in digits {
        match byte {
            b'0'..=b'7' => {
                let digit = u64::from(byte.wrapping_sub(b'0'));
                let shifted = value.checked_mul(8);
                value = shifted.and_then(|it| it.checked_add(digit)).unwrap_or(u64::MAX);
                (lined, any) = (false, true);
            }
            b'_' if !lined => lined = true,
            _ => return Size::None,
        }
    }
    match (any && !lined, negative && value > 0) {
        (false, _) => Size::None,
        (true, true) => Size::Negative,
        (true, false) => Size::Of(value),
    }
}

/// Whether the checksum fits, taken over unsigned or, as some old systems did, signed bytes.
fn is_proven(block: &[u8]) -> bool {
    let Some(Size::Of(stored)) = block.get(148..156).map(number) else { return false };
    let (mut unsigned, mut signed) = (256_i64, 256_i64);
    for (at, byte) in block.iter().enumerate() {
        if !(148..156).contains(&at) {
            unsigned = unsigned.saturating_add(i64::from(*byte));
            signed = signed.saturating_add(i64::from(i8::from_le_bytes([*byte])));
        }
    }
    let stored = i64::try_from(stored).unwrap_or(-1);
    stored == unsigned || stored == signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644 \0"), Size::Of(0o644));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x01\x02"), Size::Of(258));
        assert_eq!((number(b"\0\0\0"), number(b"9x\0")), (Size::Of(0), Size::None));
        assert_eq!(number(b"\xff\xff"), Size::Negative);
        assert_eq!(number(&[0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Size::Of(u64::MAX));
    }

    #[test]
    fn octal_numbers_are_those_of_python() {
        for (text, expected) in [
            (" 17", Size::Of(15)),
            ("0o17", Size::Of(15)),
            ("0o_17", Size::Of(15)),
            ("1_7", Size::Of(15)),
            ("+7", Size::Of(7)),
            ("-0", Size::Of(0)),
            ("-7", Size::Negative),
            ("", Size::Of(0)),
            (" ", Size::Of(0)),
            ("_17", Size::None),
            ("17_", Size::None),
            ("1__7", Size::None),
            ("0o", Size::None),
            ("-", Size::None),
            ("1 7", Size::None),
            ("8", Size::None),
        ] {
            assert_eq!(octal(text.as_bytes()), expected, "{text:?}");
        }
    }
}
