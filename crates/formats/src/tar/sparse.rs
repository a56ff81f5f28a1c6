//! Sparse members: files whose stretches of zeros are not in the archive (GNU tar manual, "Storing
//! Sparse Files": the old format, and 0.0, 0.1 and 1.0 of pax).

use super::header::{BLOCK, Size, number};
use super::pax::{Pax, int};
use davy_bytes::{Budget, Bytes, Halt, Source, Span, to_u64, to_usize};
use std::io;

/// The longest map that is read, in entries.
const LONGEST: usize = 200_000;

/// Which bytes of a file are in the archive: where they belong, and how many there are; they stand
/// one behind the other.
pub(super) type Map = Vec<(u64, u64)>;

/// The map of the old format: what the header at `at` has of it, and the blocks behind it. Returns
/// also where the data starts, and how long the file is.
pub(super) fn old(
    bytes: &Bytes,
    at: u64,
    budget: &mut Budget,
) -> Result<(Map, u64, Option<u64>), Halt> {
    let block = to_u64(BLOCK);
    let head = bytes.copy(Span::new(at, block), BLOCK)?;
    let mut map = Map::new();
    entries(&head, 386, 4, false, &mut map);
    let size = head.get(483..495).map_or(Size::None, number).bytes();
    let mut more = head.get(482).is_some_and(|byte| *byte != 0);
    let mut data_at = at.saturating_add(block);
    while more && data_at < bytes.len() {
        budget.spend_steps(block, data_at)?;
        let next = bytes.copy(Span::new(data_at, block), BLOCK)?;
        entries(&next, 0, 21, true, &mut map);
        more = next.get(504).is_some_and(|byte| *byte != 0);
        data_at = data_at.saturating_add(block);
    }
    Ok((map, data_at, size))
}

/// Takes up to `count` entries of 24 bytes, as far as they are numbers. In blocks behind the header,
/// `tarfile` leaves out those that have a zero.
fn entries(block: &[u8], from: usize, count: usize, whole: bool, map: &mut Map) {
    let rows = block.get(from..).unwrap_or_default().chunks_exact(24).take(count);
    for row in rows {
        let field = |at: usize| row.get(at..at.saturating_add(12)).map_or(Size::None, number);
        let (Some(offset), Some(len)) = (field(0).bytes(), field(12).bytes()) else { break };
        if (!whole || offset > 0 && len > 0) && map.len() < LONGEST {
            map.push((offset, len));
        }
    }
}

/// What pax says about a sparse member.
pub(super) struct Sparse {
    /// Which bytes are there.
    pub(super) map: Map,
    /// Where the data starts, behind a map that stands before it.
    pub(super) data_at: u64,
    /// Whether it ends before all its numbers have come.
    pub(super) is_broken: bool,
}

/// The map that records, or the start of the data at `data_at`, give; nothing where the member is not
/// sparse.
pub(super) fn of_pax(
    pax: &Pax,
    raw: &Pax,
    bytes: &Bytes,
    data_at: u64,
) -> Result<Option<Sparse>, Halt> {
    let number = |value: &[u8]| int(value).and_then(|value| u64::try_from(value).ok());
    if let Some(list) = pax.get(b"GNU.sparse.map") {
        let numbers: Option<Vec<u64>> =
            list.split(|byte| *byte == b',').take(LONGEST).map(number).collect();
        let numbers = numbers.unwrap_or_default();
        return Ok(Some(Sparse { map: pairs(&numbers), data_at, is_broken: false }));
    }
    if pax.get(b"GNU.sparse.size").is_some() {
        let offsets = raw.all(b"GNU.sparse.offset").filter_map(number);
        let lengths = raw.all(b"GNU.sparse.numbytes").filter_map(number);
        let map = offsets.zip(lengths).take(LONGEST).collect();
        return Ok(Some(Sparse { map, data_at, is_broken: false }));
    }
    let version = (pax.get(b"GNU.sparse.major"), pax.get(b"GNU.sparse.minor"));
    if version == (Some(b"1"), Some(b"0")) {
        return in_data(bytes, data_at).map(Some);
    }
    Ok(None)
}

fn pairs(numbers: &[u64]) -> Map {
    numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect()
}

/// The map of version 1.0: lines of decimal numbers before the data, their count first, padded to
/// whole blocks.
fn in_data(bytes: &Bytes, data_at: u64) -> Result<Sparse, Halt> {
    let limit = LONGEST.saturating_mul(24);
    let text = bytes.copy(Span::between(data_at, bytes.len()), limit)?;
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut used = 0_usize;
    let mut next = || {
        let line = lines.next()?;
        used = used.saturating_add(line.len());
        let value = int(line.strip_suffix(b"\n")?)?;
        u64::try_from(value).ok()
    };
    let stated = next();
    let count = stated.unwrap_or(0);
    let mut is_broken = stated.is_none();
    let mut numbers = Vec::new();
    while to_u64(numbers.len()) < count.saturating_mul(2) && numbers.len() < LONGEST {
        match next() {
            Some(number) => numbers.push(number),
            None => {
                is_broken = true;
                break;
            }
        }
    }
    let padded = to_u64(used.max(1)).next_multiple_of(to_u64(BLOCK));
    let data_at = data_at.saturating_add(padded);
    Ok(Sparse { map: pairs(&numbers), data_at, is_broken })
}

/// A sparse file as a loader finds it unpacked: its zeros cost no memory.
#[derive(Debug)]
pub(super) struct Unfolded {
    bytes: Bytes,
    /// Start, length and place of what is there, in order.
    parts: Vec<(u64, u64, u64)>,
    len: u64,
}

impl Unfolded {
    /// A file of `len` bytes, of which `map` tells what stands in `data`. Entries that go back or
    /// over the end are cut.
    pub(super) fn new(data: Bytes, map: &[(u64, u64)], len: u64) -> Self {
        let mut parts = Vec::new();
        let (mut last, mut place) = (0_u64, 0_u64);
        for (start, size) in map {
            let held = data.len().saturating_sub(place).min(*size);
            let room = len.saturating_sub(*start).min(held);
            if *start >= last && room > 0 {
                parts.push((*start, room, place));
                last = start.saturating_add(room);
            }
            place = place.saturating_add(*size);
        }
        Self { bytes: data, parts, len }
    }
}

impl Source for Unfolded {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let room = to_usize(self.len.saturating_sub(offset)).min(buffer.len());
        let Some(target) = buffer.get_mut(..room) else { return Ok(0) };
        target.fill(0);
        let end = offset.saturating_add(to_u64(room));
        let first =
            self.parts.partition_point(|(start, len, _)| start.saturating_add(*len) <= offset);
        for (start, len, place) in self.parts.get(first..).unwrap_or_default() {
            if *start >= end {
                break;
            }
            let from = offset.max(*start);
            let upto = end.min(start.saturating_add(*len));
            let (low, high) =
                (to_usize(from.saturating_sub(offset)), to_usize(upto.saturating_sub(offset)));
            let at = place.saturating_add(from.saturating_sub(*start));
            if let Some(part) = target.get_mut(low..high) {
                self.bytes.read_at(at, part).map_err(|halt| io::Error::other(halt.to_string()))?;
            }
        }
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_zeros_and_entries_that_lie_are_cut() {
        let data = Bytes::from_memory(*b"abcdef");
        let file = Bytes::new(Unfolded::new(data, &[(2, 3), (1, 1), (8, 9)], 10));
        let whole = file.copy(Span::new(0, 10), 10).unwrap();
        assert_eq!(whole, b"\0\0abc\0\0\0ef");
        assert_eq!(file.copy(Span::new(3, 3), 9).unwrap(), b"bc\0");
    }

    #[test]
    fn maps_before_the_data_are_read_in_blocks() {
        let mut text = b"2\n0\n5\n100\n7\n".to_vec();
        text.resize(512, 0);
        let sparse = in_data(&Bytes::from_memory(text), 0).unwrap();
        assert_eq!((sparse.map, sparse.data_at), (vec![(0, 5), (100, 7)], 512));
        assert!(!sparse.is_broken);
        for broken in [&[0_u8; 512][..], b"2\n0\n5\n100\n", b"1\n0\nfive\n"] {
            assert!(in_data(&Bytes::from_memory(broken), 0).unwrap().is_broken, "{broken:?}");
        }
    }
}
