//! The account of all bytes: what lies over each other, what nothing explains, what is before and
//! behind.

use super::access::Access;
use super::claims::{Claims, Clash, Use};
use super::data;
use super::fields::number;
use super::file::File;
use super::payload::could_be;
use davy_artifact::{Probe, Quirk, Role, Route, Why};
use davy_bytes::{Blame, Bytes, Halt, Span, to_u64, to_usize};

/// Clashes that are recorded; more are counted.
const TOLD: usize = 100;

/// Unexplained bytes that are looked at, in all: the rest is only known to be there.
const SEARCHED: u64 = 256 << 20;

/// Unexplained stretches that become artifacts.
const LEFT: usize = 1_000;

/// Claims the elements of all datasets, and records those that are not all there.
pub(super) fn datasets(access: &mut Access<'_>, file: &File) -> Result<(), Halt> {
    for (number, object) in (0_u32..).zip(&file.objects) {
        let Some(dataset) = &object.dataset else { continue };
        access.steps(1, object.span.start)?;
        let missing = match data::claim(access, dataset, number) {
            Ok(missing) => missing,
            Err(halt) => {
                access.survive(halt, object.span, &format!("chunks of {}", object.path))?;
                continue;
            }
        };
        let route = Route::Object(object.path.clone());
        if missing > 0 && !file.superblock.spread {
            let what = format!("{missing} bytes of elements behind the end of the file");
            access.reading.deviation(Quirk::OutOfRange, object.span, route, &what);
        }
    }
    Ok(())
}

/// Settles the account of a file whose tree has been read.
pub(super) fn settle(access: &mut Access<'_>, file: &File) -> Result<(), Halt> {
    let claims = std::mem::take(&mut access.ledger.claims);
    let dropped = claims.dropped;
    let whole = access.space.bytes.len();
    let before = outside(access, Span::new(0, access.space.base), Quirk::BytesBeforeStart)?;
    let end = file.superblock.end.unwrap_or(whole);
    // The other files of a family have the rest.
    if end > whole && !file.superblock.spread {
        let what = format!("the file has {whole} of the {end} bytes that its superblock says");
        let span = file.superblock.span;
        access.reading.deviation(Quirk::Truncated, span, Route::None, &what);
        let why = Why::Halted(Blame::Malformed);
        access.reading.gap(Span::new(whole, 0), why, "the end of the file is missing");
    }
    let end = end.clamp(file.superblock.span.end().min(whole), whole);
    let behind = behind(access, &claims, Span::between(end, whole))?;
    let (clashes, free) = claims.settle(Span::between(access.space.base, end));
    clash(access, file, &clashes);
    let explained = unexplained(access, free)?;
    let sound = before && behind && explained && dropped == 0;
    access.reading.seamless = sound && clashes.is_empty() && access.reading.gaps.is_empty();
    Ok(())
}

/// What stands behind the end that the superblock names. Some of it may belong to objects still,
/// where the superblock was not updated.
fn behind(access: &mut Access<'_>, claims: &Claims, span: Span) -> Result<bool, Halt> {
    let start = claims.reach().clamp(span.start, span.end());
    outside(access, Span::between(start, span.end()), Quirk::BytesAfterEnd)
}

/// Records bytes around the file, unless they are all zero.
fn outside(access: &mut Access<'_>, span: Span, quirk: Quirk) -> Result<bool, Halt> {
    let Some(used) = used(&access.space.bytes, span)? else { return Ok(true) };
    let what = match quirk {
        Quirk::BytesBeforeStart => "before the superblock",
        _ => "behind the end of the file that the superblock names",
    };
    let told = format!("{} bytes {what}, not all zero", span.len);
    access.reading.deviation(quirk, span, Route::None, &told);
    let (name, part) = match quirk {
        Quirk::BytesBeforeStart => ("@prefix".to_owned(), matlab(access, used)),
        // The zeros that a file ends with are its own.
        _ => (format!("@suffix@{:#x}", used.start), Span::between(used.start, span.end())),
    };
    let bytes = access.space.bytes.slice(part);
    access.reading.child(name, bytes, Role::Leftover);
    Ok(false)
}

/// The text of the header that MATLAB puts before its files since version 7.3: what follows it in
/// 128 bytes is a version and a mark of the byte order.
fn matlab(access: &Access<'_>, span: Span) -> Span {
    const TEXT: u64 = 116;
    let head = access.space.bytes.copy(Span::new(span.start, 128), 128).unwrap_or_default();
    let marked = head.starts_with(b"MATLAB ") && head.ends_with(b"\x00\x02IM");
    if marked && span.start == 0 && span.len <= 128 { Span::new(0, TEXT) } else { span }
}

/// The part of `span` from its first to its last byte that is not zero.
fn used(bytes: &Bytes, span: Span) -> Result<Option<Span>, Halt> {
    const BLOCK: u64 = 64 * 1024;
    let (mut first, mut last) = (None, span.start);
    let mut at = span.start;
    while at < span.end() {
        let len = BLOCK.min(span.end().saturating_sub(at));
        let block = bytes.copy(Span::new(at, len), to_usize(len))?;
        if let Some(found) = block.iter().position(|byte| *byte != 0) {
            first = first.or(Some(at.saturating_add(to_u64(found))));
        }
        if let Some(found) = block.iter().rposition(|byte| *byte != 0) {
            last = at.saturating_add(to_u64(found)).saturating_add(1);
        }
        at = at.saturating_add(len);
    }
    Ok(first.map(|first| Span::between(first, last)))
}

/// Records what lies over each other.
fn clash(access: &mut Access<'_>, file: &File, clashes: &[Clash]) {
    let told = |owner: Use| match owner {
        Use::Metadata(what) => what.to_owned(),
        Use::Data(number) => {
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            let path = file.objects.get(index).map(|object| object.path.as_str());
            format!("data of {}", path.unwrap_or("a dataset"))
        }
    };
    for clash in clashes.iter().take(TOLD) {
        let what = format!("{} over {}", told(clash.second), told(clash.first));
        access.reading.deviation(Quirk::Overlap, clash.span, Route::None, &what);
    }
    if clashes.len() > TOLD {
        let more = clashes.len().saturating_sub(TOLD);
        let what = format!("{more} more structures that lie over each other");
        let whole = Span::new(0, access.space.bytes.len());
        access.reading.deviation(Quirk::Overlap, whole, Route::None, &what);
    }
}

/// Looks at stretches that nothing claims: free space may hold anything, and does in files that were
/// changed. Returns whether there is nothing in them.
fn unexplained(access: &mut Access<'_>, free: Vec<Span>) -> Result<bool, Halt> {
    let (mut left, mut blank, mut children) = (SEARCHED, true, 0);
    for span in free {
        access.steps(1, span.start)?;
        let span = past_heaps(access, span)?;
        if span.len > left {
            blank = false;
            continue;
        }
        left = left.saturating_sub(span.len);
        let Some(used) = used(&access.space.bytes, span)? else { continue };
        blank = false;
        let bytes = access.space.bytes.slice(used);
        let head = bytes.copy(Span::new(0, used.len), 4096)?;
        // Packed chunks that were replaced start like zlib streams, and are.
        let could_be = could_be((&head, &bytes), Probe::Possible, &["text", "zlib"]);
        if children < LEFT && could_be {
            children = children.saturating_add(1);
            access.reading.child(format!("@free@{:#x}", used.start), bytes, Role::Storage);
        }
    }
    Ok(blank)
}

/// Passes over global heaps at the start of a stretch: nothing refers to them but elements, which
/// are not all read.
fn past_heaps(access: &mut Access<'_>, span: Span) -> Result<Span, Halt> {
    let head = access.space.widths.length.saturating_add(8);
    let mut at = span.start;
    while at < span.end() {
        access.steps(1, at)?;
        let block = access.space.bytes.copy(Span::new(at, to_u64(head)), head)?;
        let size = number(block.get(8..).unwrap_or_default());
        let heap = block.starts_with(b"GCOL\x01") && size >= 16;
        let end = at.saturating_add(size);
        if !heap || end > span.end() {
            break;
        }
        at = end;
    }
    Ok(Span::between(at, span.end()))
}
