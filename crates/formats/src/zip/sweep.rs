//! Members that no directory lists: local headers found by their signature, in bytes that nothing
//! else explains, or in the whole file where its end is missing.

use super::entry::{
    CENTRAL_SIGNATURE, DESCRIBED, DESCRIPTOR_SIGNATURE, Entry, LOCAL_SIGNATURE, local,
};
use super::member::checksum;
use super::window::{Window, u32_at, u64_at};
use crate::gzip::{Framing, inflate};
use davy_bytes::{Budget, Bytes, Halt, Limits, Span, to_u64};

/// What a sweep may cost: this many steps for each byte, and some to start with. Stops headers that
/// lead over the same bytes again and again from using up what other members need.
const STEPS_PER_BYTE: u64 = 16;
const FIRST_STEPS: u64 = 1 << 20;

/// As [`stretch`], within its own share of the budget.
///
/// # Errors
/// As [`stretch`]; what was found stays in `swept`.
pub(super) fn sweep(
    bytes: &Bytes,
    span: Span,
    swept: &mut Vec<Entry>,
    budget: &mut Budget,
) -> Result<Vec<Span>, Halt> {
    let left = budget.left();
    let share = span.len.saturating_mul(STEPS_PER_BYTE).saturating_add(FIRST_STEPS);
    let mut own = Budget::new(Limits { steps: left.steps.min(share), ..left });
    let before = own.left();
    let mut known = Vec::new();
    let result = stretch(bytes, span, (swept, &mut known), &mut own);
    // What came out only proved where members end.
    budget.settle(&Limits { held: own.left().held, ..before }, &own);
    result.map(|()| known)
}

/// Sweeps one stretch of the file for local headers, and notes which bytes they explain: the
/// headers of all, and data where it is certain where it ends.
///
/// A header whose data proves itself (checksum, end of the deflate stream) is passed over with its
/// data; behind any other the sweep goes on at once, so that a forged length hides nothing.
///
/// # Errors
/// When the medium fails or the budget is used up.
fn stretch(
    bytes: &Bytes,
    stretch: Span,
    (swept, known): (&mut Vec<Entry>, &mut Vec<Span>),
    budget: &mut Budget,
) -> Result<(), Halt> {
    let mut records = Window::new(bytes, 64 * 1024);
    let mut at = stretch.start;
    while let Some(found) = next_signature(&mut records, at, stretch.end(), budget)? {
        budget.spend_steps(1, found)?;
        let Some((header, raw_name)) = local(&mut records, found)? else {
            at = found.saturating_add(4);
            continue;
        };
        let behind = header.data_at.max(found.saturating_add(4));
        let mut entry = Entry {
            label: String::new(),
            raw_name,
            flags: header.flags,
            method: header.method,
            crc32: header.crc32,
            compressed: header.compressed,
            size: header.size,
            header_at: found,
            data: Span::between(header.data_at, stretch.end()),
            end: header.data_at,
            local: Some(header),
            ..Entry::default()
        };
        let certain = measure(bytes, &mut records, &mut entry, budget)?;
        let end = if certain { entry.end.max(behind) } else { behind };
        let cut = entry.end >= bytes.len();
        known.push(Span::between(found, if cut { entry.end } else { end }));
        swept.push(entry);
        at = end;
    }
    Ok(())
}

/// Offset of the next local header's signature between `at` and `end`.
fn next_signature(
    records: &mut Window,
    mut at: u64,
    end: u64,
    budget: &mut Budget,
) -> Result<Option<u64>, Halt> {
    while at < end {
        let piece = records.peek(at, 32 * 1024)?;
        let signature = LOCAL_SIGNATURE.to_le_bytes();
        let found = memchr::memmem::find(piece, &signature).map(to_u64);
        let len = to_u64(piece.len());
        budget.spend_steps(found.unwrap_or(len), at)?;
        if let Some(found) = found.map(|found| at.saturating_add(found)) {
            return Ok(Some(found).filter(|found| *found < end));
        }
        if len < 4 {
            return Ok(None);
        }
        // The last three bytes may be the start of a signature.
        at = at.saturating_add(len.saturating_sub(3));
    }
    Ok(None)
}

/// Finds where the data of a swept member ends, and tells whether that is certain.
fn measure(
    bytes: &Bytes,
    records: &mut Window,
    entry: &mut Entry,
    budget: &mut Budget,
) -> Result<bool, Halt> {
    let start = entry.data.start;
    let room = entry.data;
    let open = entry.flags & DESCRIBED != 0 && entry.compressed == 0;
    if entry.method == 8 {
        let out = inflate(bytes, room, Framing::Raw, budget)?;
        let ended = out.end.fault.is_none();
        let len = if ended { out.end.consumed } else { entry.compressed.min(room.len) };
        entry.data = Span::new(start, if open && !ended { room.len } else { len });
        if open && ended {
            (entry.compressed, entry.size, entry.crc32) = (len, out.bytes.len(), out.end.crc32);
        }
        finish(records, entry)?;
        return Ok(ended);
    }
    if open {
        return open_end(records, entry, budget);
    }
    entry.data = Span::new(start, entry.compressed.min(room.len));
    finish(records, entry)?;
    let whole = entry.data.len == entry.compressed;
    Ok(whole && entry.method == 0 && checksum(bytes, entry.data, budget)? == entry.crc32)
}

/// Moves the end of a member behind its data descriptor.
fn finish(records: &mut Window, entry: &mut Entry) -> Result<(), Halt> {
    entry.end = entry.data.end();
    if entry.flags & DESCRIBED != 0 {
        let expected = (entry.crc32, entry.compressed, entry.size);
        let (length, _) = super::entry::descriptor(records, entry.end, expected)?;
        entry.end = entry.end.saturating_add(length);
    }
    Ok(())
}

/// Finds the end of stored data whose length stands behind it: a descriptor that gives the length
/// from here to there, or the next header.
fn open_end(records: &mut Window, entry: &mut Entry, budget: &mut Budget) -> Result<bool, Halt> {
    let (start, limit) = (entry.data.start, entry.data.end());
    let mut at = start;
    while at < limit {
        let piece = records.peek(at, 32 * 1024)?;
        let len = to_u64(piece.len());
        let found = memchr::memmem::find(piece, b"PK").map(to_u64);
        budget.spend_steps(found.unwrap_or(len).max(1), at)?;
        let Some(skip) = found else {
            if len < 2 {
                break;
            }
            at = at.saturating_add(len.saturating_sub(1));
            continue;
        };
        at = at.saturating_add(skip);
        if at >= limit {
            break;
        }
        let record = records.peek(at, 24)?;
        let length = at.saturating_sub(start);
        match u32_at(record, 0) {
            Some(DESCRIPTOR_SIGNATURE) => {
                let long = u64_at(record, 8) == Some(length);
                if long || u32_at(record, 8).map(u64::from) == Some(length) {
                    entry.crc32 = u32_at(record, 4).unwrap_or_default();
                    (entry.compressed, entry.size) = (length, length);
                    entry.data = Span::new(start, length);
                    finish(records, entry)?;
                    return Ok(true);
                }
            }
            Some(LOCAL_SIGNATURE | CENTRAL_SIGNATURE) => {
                entry.data = Span::new(start, length);
                entry.end = at;
                return Ok(true);
            }
            _ => {}
        }
        at = at.saturating_add(1);
    }
    entry.end = limit;
    Ok(false)
}
