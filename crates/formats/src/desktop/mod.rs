//! What macOS leaves beside files, and in the archives that it makes: AppleDouble files with attributes and
//! resource forks (RFC 1740, appendix A), and the Finder's `.DS_Store`.

use crate::plain::rest;
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Cursor, Halt, Span, to_u64};

/// What AppleDouble files start with, in version 2.
const DOUBLE: &[u8] = b"\x00\x05\x16\x07\x00\x02\x00\x00";

/// What the Finder's files start with.
const STORE: &[u8] = b"\x00\x00\x00\x01Bud1";

/// Bytes that places in the Finder's files do not count.
const SKIPPED: u64 = 4;

/// Bytes before the entries.
const HEADER: u64 = 26;

/// The reader of AppleDouble files.
#[derive(Debug)]
pub struct AppleDouble;

/// The reader of the Finder's files.
#[derive(Debug)]
pub struct DsStore;

impl Format for AppleDouble {
    fn id(&self) -> &'static str {
        "appledouble"
    }

    fn summary(&self) -> &'static str {
        "AppleDouble files of macOS: attributes and resource forks"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(DOUBLE) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        cursor.skip(HEADER.saturating_sub(2), "header")?;
        let count = u16::from_be_bytes(cursor.array("number of entries")?);
        let mut end = HEADER;
        for _ in 0..count {
            budget.spend_steps(1, cursor.position())?;
            let at = cursor.position();
            let kind = u32::from_be_bytes(cursor.array("entry")?);
            let offset = u64::from(u32::from_be_bytes(cursor.array("entry")?));
            let length = u64::from(u32::from_be_bytes(cursor.array("entry")?));
            let content = Span::new(offset, length);
            if content.end() > input.bytes.len() {
                return Err(Halt::malformed(at, format!("entry {kind} lies beyond the end")));
            }
            if content.len > 0 {
                let name = format!("entry {kind}@{offset:#x}");
                reading.child(name, input.bytes.slice(content), Role::Storage);
            }
            end = end.max(content.end());
        }
        rest(end.max(cursor.position()), "file", input.bytes, reading)
    }
}

impl Format for DsStore {
    fn id(&self) -> &'static str {
        "ds-store"
    }

    fn summary(&self) -> &'static str {
        "`.DS_Store` of the Finder: how a folder was shown"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(STORE) { Probe::Certain } else { Probe::No }
    }

    /// Blocks of a buddy allocator, used or not: all of them are data, and looked at as such. The root lists
    /// where they lie, counted from behind the first four bytes, with the power of two of their length in
    /// the last five bits.
    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        cursor.skip(to_u64(STORE.len()), "signature")?;
        let root = u64::from(u32::from_be_bytes(cursor.array("place of the root")?));
        let length = u64::from(u32::from_be_bytes(cursor.array("length of the root")?));
        let start = cursor.position();
        if root.saturating_add(SKIPPED) > input.bytes.len() {
            return Err(Halt::malformed(start, format!("the root lies at {root}, beyond the end")));
        }
        cursor.seek(root.saturating_add(SKIPPED));
        let count = u32::from_be_bytes(cursor.array("number of blocks")?);
        cursor.skip(4, "root")?;
        let mut end = root.saturating_add(SKIPPED).saturating_add(length);
        for _ in 0..count {
            budget.spend_steps(1, cursor.position())?;
            let place = u32::from_be_bytes(cursor.array("place of a block")?);
            let block = u64::from(place & !0x1f).saturating_add(1 << (place & 0x1f));
            end = end.max(block.saturating_add(SKIPPED));
        }
        if end > input.bytes.len() {
            let what = format!("its blocks end at {end}, and the file before");
            reading.deviation(Quirk::Truncated, Span::new(start, 0), Route::None, &what);
        }
        let end = end.min(input.bytes.len()).max(start);
        reading.child("blocks", input.bytes.slice(Span::between(start, end)), Role::Storage);
        rest(end, "file", input.bytes, reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust::{self, Order};

    fn double(entries: &[&[u8]]) -> Vec<u8> {
        let mut at = HEADER as usize + 12 * entries.len();
        let mut file = [DOUBLE, b"Mac OS X        "].concat();
        file.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
        for entry in entries {
            for number in [9, at, entry.len()] {
                file.extend(u32::try_from(number).unwrap().to_be_bytes());
            }
            at += entry.len();
        }
        [file, entries.concat()].concat()
    }

    /// A root of 32 bytes, whose only block is itself.
    fn store() -> Vec<u8> {
        let numbers = [0x20_u32, 0x20, 0x20, 0, 0, 0, 0, 1, 0, 0x25].map(u32::to_be_bytes);
        let mut file = [STORE, &numbers.concat()].concat();
        file.resize(0x44, 0);
        file
    }

    #[test]
    fn entries_are_data_and_what_is_behind_them_is_left_over() {
        let file = double(&[b"attributes", b"fork"]);
        let reading = robust::read(&AppleDouble, "._x", &file).unwrap().reading;
        assert!(reading.seamless && reading.deviations.is_empty());
        assert_eq!(reading.children.len(), 2);
        let longer = [file.as_slice(), b"#!/bin/sh"].concat();
        let reading = robust::read(&AppleDouble, "._x", &longer).unwrap().reading;
        assert_eq!(reading.deviations[0].quirk, Quirk::BytesAfterEnd);
        let cut = robust::read(&AppleDouble, "._x", &file[..file.len() - 1]).unwrap();
        assert!(cut.halt.is_some());
    }

    #[test]
    fn blocks_of_the_finder_are_data() {
        let reading = robust::read(&DsStore, ".DS_Store", &store()).unwrap().reading;
        assert!(reading.seamless && reading.deviations.is_empty());
        assert_eq!(reading.children[0].role, Role::Storage);
        let cut = robust::read(&DsStore, ".DS_Store", &store()[..0x40]).unwrap().reading;
        assert_eq!(cut.deviations[0].quirk, Quirk::Truncated);
        let longer = [store(), b"#!/bin/sh".to_vec()].concat();
        let reading = robust::read(&DsStore, ".DS_Store", &longer).unwrap().reading;
        assert_eq!(reading.deviations[0].quirk, Quirk::BytesAfterEnd);
    }

    #[test]
    fn damage_breaks_no_promise() {
        let formats: [(&dyn Format, Vec<u8>); 2] =
            [(&AppleDouble, double(&[b"a", b"fork"])), (&DsStore, store())];
        for (format, bytes) in formats {
            robust::truncations(format, &bytes, Order::Indexed).unwrap();
            robust::flips(format, &bytes).unwrap();
            robust::splices(format, &bytes, &double(&[b"x"])).unwrap();
        }
    }
}
