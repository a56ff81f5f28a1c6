//! Snappy's raw format (google/snappy, `format_description.txt`): runs of bytes, and copies of what
//! was already unpacked.

use super::varint;
use davy_bytes::{Budget, Halt, to_u64, to_usize};

/// Unpacks a block that stands at `at` in the file.
///
/// # Errors
/// Where it breaks its form, and when it unpacks to more than the budget has.
pub(super) fn unpack(packed: &[u8], at: u64, budget: &mut Budget) -> Result<Vec<u8>, Halt> {
    let fault = || Halt::malformed(at, "a block that is compressed with snappy does not unpack");
    let mut place = 0;
    let len = varint(packed, &mut place).ok_or_else(fault)?;
    if len > budget.left().memory {
        return Err(Halt::exhausted(at, "a block larger than memory"));
    }
    // A copy of three bytes makes at most 64.
    if len > to_u64(packed.len()).saturating_mul(64) {
        return Err(fault());
    }
    budget.spend_expansion(len, at)?;
    let out = elements(packed, place, to_usize(len)).ok_or_else(fault)?;
    if to_u64(out.len()) == len { Ok(out) } else { Err(fault()) }
}

fn elements(packed: &[u8], mut place: usize, len: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(len);
    while place < packed.len() {
        let tag = *packed.get(place)?;
        place = place.checked_add(1)?;
        let upper = usize::from(tag >> 2);
        let (count, offset) = match tag & 3 {
            0 => {
                let count = match upper.checked_sub(59) {
                    None | Some(0) => upper.checked_add(1)?,
                    Some(bytes) => number(packed, &mut place, bytes)?.checked_add(1)?,
                };
                let end = place.checked_add(count)?;
                out.extend_from_slice(packed.get(place..end)?);
                place = end;
                if out.len() > len {
                    return None;
                }
                continue;
            }
            1 => {
                let low = number(packed, &mut place, 1)?;
                ((upper & 7).checked_add(4)?, ((upper >> 3) << 8) | low)
            }
            2 => (upper.checked_add(1)?, number(packed, &mut place, 2)?),
            _ => (upper.checked_add(1)?, number(packed, &mut place, 4)?),
        };
        if offset == 0 || out.len().checked_add(count)? > len {
            return None;
        }
        let from = out.len().checked_sub(offset)?;
        for index in 0..count {
            // A copy may reach into what it makes itself.
            out.push(*out.get(from.checked_add(index)?)?);
        }
    }
    Some(out)
}

/// A number of up to four bytes, the lowest first.
fn number(packed: &[u8], place: &mut usize, bytes: usize) -> Option<usize> {
    let end = place.checked_add(bytes)?;
    let mut wide = [0; 4];
    wide.get_mut(..bytes)?.copy_from_slice(packed.get(*place..end)?);
    *place = end;
    usize::try_from(u32::from_le_bytes(wide)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
        unpack(packed, 0, &mut Budget::default()).ok()
    }

    #[test]
    fn runs_and_copies_unpack() {
        assert_eq!(unpacked(b"\x05\x10hello").unwrap(), b"hello");
        // Six bytes, from one byte before on: a run of one letter.
        assert_eq!(unpacked(b"\x07\x00a\x09\x01").unwrap(), b"aaaaaaa");
        assert_eq!(unpacked(b"\x06\x08abc\x0a\x03\x00").unwrap(), b"abcabc");
        let long = [&[0x80, 0x01, 0xf0, 127][..], &[b'x'; 128]].concat();
        assert_eq!(unpacked(&long).unwrap(), [b'x'; 128]);
    }

    #[test]
    fn what_does_not_fit_does_not_unpack() {
        for bad in [
            &b""[..],
            b"\x05\x10hell",
            b"\x04\x10hello",
            b"\x06\x10hello",
            b"\x07\x00a\x09\x02",
            b"\x07\x00a\x09\x00",
            b"\xff\xff\xff\xff\x0f\x00a",
        ] {
            assert_eq!(unpacked(bad), None, "{bad:x?}");
        }
    }
}
