//! The extra fields behind a name that change what a member is (APPNOTE 6.3.10, section 4.5).

use super::window::{u16_at, u32_at, u64_at};

/// Sizes and offset that do not fit 32 bits (section 4.5.3).
const ZIP64: u16 = 0x0001;
/// Info-ZIP's Unicode path (section 4.6.9).
const UNICODE_PATH: u16 = 0x7075;
/// The real method behind method 99, by WinZip.
const AES: u16 = 0x9901;

/// One extra field after the other; ends where a length points past the end.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let id = u16_at(self.0, 0)?;
        let len = usize::from(u16_at(self.0, 2)?);
        let body = self.0.get(4..)?;
        let field = body.get(..len)?;
        self.0 = body.get(len..)?;
        Some((id, field))
    }
}

/// The three numbers that a zip64 field may replace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Numbers {
    pub(super) size: u64,
    pub(super) compressed: u64,
    /// Offset of the local header; a local header has none and passes 0.
    pub(super) offset: u64,
}

/// What the numbers are once the zip64 field is applied: only numbers that are all ones are in it,
/// in this order, as `CPython`'s `zipfile` and miniz 3.0.2 read it.
pub(super) fn apply_zip64(extra: &[u8], numbers: Numbers) -> Numbers {
    let mut out = numbers;
    let Some((_, field)) = Fields(extra).find(|(id, _)| *id == ZIP64) else { return out };
    let mut at = 0_usize;
    for number in [&mut out.size, &mut out.compressed, &mut out.offset] {
        if *number != u64::from(u32::MAX) {
            continue;
        }
        let Some(wide) = u64_at(field, at) else { break };
        *number = wide;
        at = at.saturating_add(8);
    }
    out
}

/// Whether a zip64 field gives sizes that differ from 32-bit sizes which need none: readers that
/// apply the field without looking see another member than those that look.
pub(super) fn zip64_contradicts(extra: &[u8], numbers: Numbers) -> bool {
    let most = u64::from(u32::MAX);
    if numbers.size == most || numbers.compressed == most || numbers.offset == most {
        return false;
    }
    Fields(extra).filter(|(id, _)| *id == ZIP64).any(|(_, field)| {
        match (u64_at(field, 0), u64_at(field, 8)) {
            (Some(size), Some(compressed)) => {
                size != numbers.size || compressed != numbers.compressed
            }
            _ => false,
        }
    })
}

/// The name that readers see which follow Info-ZIP's Unicode path field: it counts only while its
/// checksum fits the name in the header.
pub(super) fn unicode_path(extra: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let (_, field) = Fields(extra).find(|(id, _)| *id == UNICODE_PATH)?;
    let fits = field.first() == Some(&1) && u32_at(field, 1) == Some(crc32fast::hash(name));
    fits.then(|| field.get(5..).unwrap_or_default().to_vec())
}

/// Whether the member is encrypted the way `WinZip` does it.
pub(super) fn has_aes(extra: &[u8]) -> bool {
    Fields(extra).any(|(id, _)| id == AES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zip64_replaces_only_numbers_that_are_all_ones() {
        let most = u64::from(u32::MAX);
        let mut extra = vec![1, 0, 8, 0];
        extra.extend(7_u64.to_le_bytes());
        let numbers = Numbers { size: 5, compressed: 6, offset: most };
        assert_eq!(apply_zip64(&extra, numbers).offset, 7);
        assert_eq!(apply_zip64(&extra, Numbers { offset: 1, ..numbers }).offset, 1);
    }

    #[test]
    fn a_field_that_runs_past_the_end_ends_the_list() {
        assert_eq!(Fields(&[1, 0, 200, 0, 1, 2]).count(), 0);
        assert!(!zip64_contradicts(&[1, 0, 200, 0], Numbers { size: 1, compressed: 1, offset: 1 }));
    }
}
