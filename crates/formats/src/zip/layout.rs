//! What lies where: members over each other, and bytes that nothing explains.

use super::directory::Directory;
use super::entry::Entry;
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};

/// How many bytes of a gap are looked at before it counts as not blank: padding is short.
const PADDING: u64 = 1 << 20;

/// Records members that lie over each other, as in bombs that count the same bytes again and again,
/// and notes on each how much of it is shared.
pub(super) fn overlaps(directory: &mut Directory, reading: &mut Reading) {
    for listing in &mut directory.listings {
        let mut order: Vec<usize> = (0..listing.entries.len()).collect();
        order.sort_by_key(|index| listing.entries.get(*index).map(Entry::range));
        // The end that reaches furthest so far, and whose it is.
        let mut furthest = (0_u64, 0_usize);
        for index in order {
            let owner = listing.entries.get(furthest.1);
            let Some(entry) = listing.entries.get(index).filter(|e| e.local.is_some()) else {
                continue;
            };
            let shared = shared(entry, furthest.0, owner, listing.span, reading);
            let end = entry.range().end();
            if end > furthest.0 {
                furthest = (end, index);
            }
            if let Some(entry) = listing.entries.get_mut(index) {
                entry.shared = shared;
            }
        }
    }
}

/// Records how an entry lies over one that reaches up to `covered` and over the directory. Returns
/// how many bytes it shares with other entries.
fn shared(
    entry: &Entry,
    covered: u64,
    owner: Option<&Entry>,
    own: Span,
    reading: &mut Reading,
) -> u64 {
    let range = entry.range();
    let route = || Route::Member(entry.label.clone());
    let over = Span::between(range.start, covered.min(range.end()));
    if over.len > 0 {
        let owner = owner.map(Entry::name).unwrap_or_default();
        let what = format!("{} of its bytes belong to `{owner}` as well", over.len);
        reading.deviation(Quirk::Overlap, over, route(), &what);
    }
    let first = range.start.max(own.start);
    let within = Span::between(first, range.end().min(own.end()));
    if within.len > 0 {
        reading.deviation(Quirk::Overlap, within, route(), "its bytes reach into the directory");
    }
    over.len
}

/// The stretches of the file that no directory, end record or member explains and that are not all
/// zero: zero bytes are padding.
pub(super) fn strays(bytes: &Bytes, directory: &Directory) -> Result<Vec<Span>, Halt> {
    let mut known: Vec<Span> = Vec::new();
    for listing in &directory.listings {
        known.push(listing.span);
        let members = listing.entries.iter().filter(|entry| entry.local.is_some());
        known.extend(members.map(Entry::range));
    }
    for end in &directory.ends {
        known.push(Span::between(end.at, end.comment.end()));
        known.extend(end.wide);
    }
    complement(Span::new(0, bytes.len()), known)
        .into_iter()
        .filter_map(|span| match is_blank(bytes, span) {
            Ok(true) => None,
            Ok(false) => Some(Ok(span)),
            Err(halt) => Some(Err(halt)),
        })
        .collect()
}

/// The parts of `whole` that none of `known` covers.
pub(super) fn complement(whole: Span, mut known: Vec<Span>) -> Vec<Span> {
    known.sort_unstable();
    let mut parts = Vec::new();
    let mut at = whole.start;
    for span in known {
        let start = span.start.min(whole.end());
        if start > at {
            parts.push(Span::between(at, start));
        }
        at = at.max(span.end());
    }
    if at < whole.end() {
        parts.push(Span::between(at, whole.end()));
    }
    parts
}

/// Whether a short stretch is all zero.
pub(crate) fn is_blank(bytes: &Bytes, span: Span) -> Result<bool, Halt> {
    if span.len > PADDING {
        return Ok(false);
    }
    let mut buffer = vec![0; to_usize(span.len).min(16 * 1024)];
    let mut at = span.start;
    while at < span.end() {
        let room = to_usize(span.end().saturating_sub(at)).min(buffer.len());
        let read = bytes.read_at(at, buffer.get_mut(..room).unwrap_or_default())?;
        if read == 0 || buffer.iter().take(read).any(|byte| *byte != 0) {
            return Ok(read == 0);
        }
        at = at.saturating_add(to_u64(read));
    }
    Ok(true)
}
