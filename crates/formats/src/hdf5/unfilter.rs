//! Undoing single filters, through limits.

use super::fields::number;
use davy_bytes::{Budget, Halt, to_u64, to_usize};
use flate2::{Decompress, FlushDecompress, Status};

/// Room that is added to an output at a time: nothing is allocated for what a size only claims.
const STEP: usize = 64 * 1024;

/// Undoes zlib's deflate; gives at most `limit` bytes.
pub(super) fn inflate(
    data: &[u8],
    limit: usize,
    budget: &mut Budget,
    at: u64,
) -> Result<Vec<u8>, Halt> {
    let mut stream = Decompress::new(true);
    let mut out: Vec<u8> = Vec::new();
    while out.len() < limit {
        let room = STEP.min(limit.saturating_sub(out.len()));
        out.reserve_exact(room);
        let read = to_usize(stream.total_in());
        let before = out.len();
        let rest = data.get(read..).unwrap_or_default();
        let status = stream.decompress_vec(rest, &mut out, FlushDecompress::None);
        let written = out.len().saturating_sub(before);
        budget.spend_expansion(to_u64(written), at)?;
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(_) if written == 0 && to_usize(stream.total_in()) == read => {
                return Err(Halt::malformed(at, "packed data that breaks off"));
            }
            Ok(_) => {}
            Err(error) => return Err(Halt::malformed(at, format!("packed data: {error}"))),
        }
    }
    out.truncate(limit);
    Ok(out)
}

/// Puts bytes back that were ordered by their place in an element of `size` bytes; what is less than
/// an element at the end was left as it is.
pub(super) fn unshuffle(data: &[u8], size: u32) -> Vec<u8> {
    let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
    let count = data.len().checked_div(size).unwrap_or(0);
    if size == 1 || count <= 1 {
        return data.to_vec();
    }
    let (whole, rest) = data.split_at(count.saturating_mul(size).min(data.len()));
    let planes: Vec<&[u8]> = whole.chunks_exact(count).collect();
    let mut out = Vec::with_capacity(data.len());
    for element in 0..count {
        out.extend(planes.iter().filter_map(|plane| plane.get(element)));
    }
    out.extend_from_slice(rest);
    out
}

/// Takes off and compares Fletcher's checksum of 32 bits, which stands at the end.
pub(super) fn fletcher(mut data: Vec<u8>, at: u64) -> Result<Vec<u8>, Halt> {
    let Some(len) = data.len().checked_sub(4) else {
        return Err(Halt::malformed(at, "chunk shorter than its checksum"));
    };
    let stored = u32::try_from(number(data.get(len..).unwrap_or_default())).unwrap_or(0);
    data.truncate(len);
    let sum = fletcher32(&data);
    // Before 1.6.3 libhdf5 wrote each half with its bytes swapped on little-endian machines.
    let swapped = (stored & 0xff00_ff00) >> 8 | (stored & 0x00ff_00ff) << 8;
    if [stored, swapped].map(halves).contains(&halves(sum)) {
        Ok(data)
    } else {
        Err(Halt::malformed(at, "chunk whose checksum does not fit"))
    }
}

/// Both halves, in which all bits set are as good as none.
fn halves(sum: u32) -> (u32, u32) {
    ((sum >> 16) % 65535, (sum & 0xffff) % 65535)
}

fn fletcher32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (0_u32, 0_u32);
    for pair in data.chunks(2) {
        let [first, second] = [pair.first(), pair.get(1)].map(|it| it.copied().unwrap_or(0));
        low = low.wrapping_add(u32::from(u16::from_be_bytes([first, second]))) % 65535;
        high = high.wrapping_add(low) % 65535;
    }
    high << 16 | low
}

/// Undoes LZF, as h5py has it: copies of what was written before, and literal runs.
pub(super) fn lzf(
    data: &[u8],
    limit: usize,
    budget: &mut Budget,
    at: u64,
) -> Result<Vec<u8>, Halt> {
    let mut out: Vec<u8> = Vec::new();
    let mut bytes = data.iter().copied();
    let short = || Halt::malformed(at, "packed data that breaks off");
    while let Some(control) = bytes.next() {
        let before = out.len();
        if control < 32 {
            let run = bytes.by_ref().take(usize::from(control).saturating_add(1));
            out.extend(run);
        } else {
            let mut len = usize::from(control >> 5);
            if len == 7 {
                len = len.saturating_add(usize::from(bytes.next().ok_or_else(short)?));
            }
            let low = usize::from(bytes.next().ok_or_else(short)?);
            let back = (usize::from(control & 0x1f) << 8 | low).saturating_add(1);
            let Some(from) = before.checked_sub(back) else {
                return Err(Halt::malformed(at, "packed data that refers to what is before it"));
            };
            for index in from..from.saturating_add(len).saturating_add(2) {
                out.push(out.get(index).copied().unwrap_or_default());
            }
        }
        budget.spend_expansion(to_u64(out.len().saturating_sub(before)), at)?;
        if out.len() >= limit {
            break;
        }
    }
    out.truncate(limit);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_bytes_are_put_back() {
        assert_eq!(unshuffle(b"adbecfg", 3), b"abcdefg");
        assert_eq!(unshuffle(b"abc", 8), b"abc");
        assert_eq!(unshuffle(b"", 0), b"");
    }

    #[test]
    fn checksums_are_those_of_libhdf5() {
        let sum = |data: &[u8], sum: u32| fletcher([data, &sum.to_le_bytes()].concat(), 7);
        // 0x0102 + 0x0300 = 0x0402; 0x0102 + 0x0402 = 0x0504.
        assert_eq!(sum(&[1, 2, 3], 0x0504_0402).unwrap(), [1, 2, 3]);
        assert_eq!(sum(&[1, 2, 3], 0x0405_0204).unwrap(), [1, 2, 3]);
        assert_eq!(sum(&[1, 2, 3], 0x0504_0403).unwrap_err().at(), 7);
        assert_eq!(sum(&[0xff, 0xff], 0xffff_ffff).unwrap(), [0xff, 0xff]);
    }

    #[test]
    fn runs_and_copies_are_undone_and_lies_are_not() {
        let undo = |data: &[u8], limit| lzf(data, limit, &mut Budget::default(), 0);
        assert_eq!(undo(&[1, b'a', b'b', 0x40, 1, 0, b'c'], 99).unwrap(), b"abababc");
        assert_eq!(undo(&[1, b'a', b'b', 0x40, 1, 0, b'c'], 3).unwrap(), b"aba");
        assert!(undo(&[0, b'a', 0x20, 1], 99).is_err());
        assert!(undo(&[0x20], 99).is_err());
    }
}
