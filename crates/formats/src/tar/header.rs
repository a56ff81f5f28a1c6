//! One 512-byte header of a tar archive: Version 7, ustar (POSIX.1-1988), GNU and pax share its
//! layout.

/// Length of a header, and the unit in which data is padded.
pub(super) const BLOCK: usize = 512;

/// What a header says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// The name, its ustar prefix before it.
    pub(super) name: Vec<u8>,
    /// Where a link points.
    pub(super) target: Vec<u8>,
    /// Length of the data in bytes; `None` where the field holds no number.
    pub(super) size: Option<u64>,
    /// The type: `0` file, `1` hard link, `2` symbolic link, `5` folder ...
    pub(super) kind: u8,
    /// Whether the checksum fits.
    pub(super) proven: bool,
    /// Whether the magic of ustar or GNU stands in it.
    pub(super) marked: bool,
}

/// Reads a header; `None` where fewer than 512 bytes are left.
pub(super) fn parse(block: &[u8]) -> Option<Header> {
    let block = block.get(..BLOCK)?;
    let kind = *block.get(156)?;
    let marked = block.get(257..262)? == b"ustar";
    let gnu = block.get(257..265)? == b"ustar  \0";
    let mut name = text(block.get(..100)?);
    let prefix = text(block.get(345..500)?);
    // GNU keeps times and sparse maps where ustar has its prefix.
    if marked && !gnu && !prefix.is_empty() && !matches!(kind, b'L' | b'K' | b'S') {
        name = [prefix.as_slice(), b"/", &name].concat();
    }
    Some(Header {
        name,
        target: text(block.get(157..257)?),
        size: number(block.get(124..136)?),
        kind,
        proven: is_proven(block),
        marked,
    })
}

/// A field of text, up to its first NUL.
pub(super) fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// A field of octal digits, or GNU's base 256 where its first byte is 0x80. A field of nothing but
/// spaces and NULs is 0, as `CPython`'s `tarfile` reads it.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((0x80, rest)) => rest
            .iter()
            .try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))),
        Some((0xff, _)) | None => None,
        Some(_) => {
            let digits = text(field);
            let digits = digits.trim_ascii();
            if digits.is_empty() {
                return Some(0);
            }
            u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
        }
    }
}

/// Whether the checksum fits, taken over unsigned or, as some old systems did, signed bytes.
fn is_proven(block: &[u8]) -> bool {
    let Some(stored) = block.get(148..156).and_then(number) else { return false };
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

/// What pax records (POSIX.1-2001) override.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) sparse: bool,
}

/// Applies records of the form `length key=value\n` to `pax`; ends at the first that is none.
pub(super) fn apply_pax(mut records: &[u8], pax: &mut Pax) {
    while let Some((key, value, rest)) = record(records) {
        match key {
            b"path" | b"GNU.sparse.name" => pax.path = Some(value.to_vec()),
            b"linkpath" => pax.target = Some(value.to_vec()),
            b"size" => pax.size = std::str::from_utf8(value).ok().and_then(|it| it.parse().ok()),
            _ if key.starts_with(b"GNU.sparse.") => pax.sparse = true,
            _ => {}
        }
        records = rest;
    }
}

fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(20).position(|byte| *byte == b' ')?;
    let (digits, _) = records.split_at_checked(space)?;
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let pair = record.get(space.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (key, value) = pair.split_at_checked(equals)?;
    Some((key, value.get(1..)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644 \0"), Some(0o644));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x01\x02"), Some(258));
        assert_eq!(
            (number(b"\0\0\0"), number(b"9x\0"), number(b"\xff\xff")),
            (Some(0), None, None)
        );
        assert_eq!(number(&[0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None, "more than 64 bits");
    }

    #[test]
    fn pax_records_end_at_the_first_that_lies() {
        let mut pax = Pax::default();
        apply_pax(b"12 path=a/b\n12 size=123\n99 path=x\n", &mut pax);
        assert_eq!((pax.path.as_deref(), pax.size), (Some(b"a/b".as_slice()), Some(123)));
        apply_pax(b"0 path=z\n", &mut pax);
        assert_eq!(pax.path.as_deref(), Some(b"a/b".as_slice()));
    }
}
