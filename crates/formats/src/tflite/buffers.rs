//! The buffers of a model: bytes of constants and metadata, in the `FlatBuffer` or, in models of more
//! than two gigabytes, behind it.

use super::MOST;
use crate::flatbuffers::{Flat, Table};
use davy_artifact::{Quirk, Reading, Route, Why};
use davy_bytes::{Blame, Halt, Span};

/// Buffers of at least this many bytes are read for what else they could be.
const WORTH_READING: u64 = 256;
/// At most so many of them, the largest; and each that starts like a file.
const READ: usize = 128;
/// At most so many that start like files.
const MARKED: usize = 4096;
/// Bytes at the start of a buffer by which it is known as text.
const HEAD: usize = 32;

/// How files start that are no weights: archives, programs, pickles, models.
const MARKS: &[&[u8]] = &[
    b"PK\x03\x04",
    b"\x7fELF",
    b"MZ",
    b"\x80\x02",
    b"\x80\x03",
    b"\x80\x04",
    b"\x80\x05",
    b"#!",
    b"\x1f\x8b",
    b"BZh",
    b"7z\xbc\xaf",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\x89HDF",
    b"\x93NUMPY",
    b"GGUF",
];

/// Where the bytes of a buffer stand; nothing where it has none.
pub(super) type Buffer = Option<Span>;

/// Reads the list of buffers, and puts the numbers of those that start like files into `marked`.
pub(super) fn read(
    flat: &mut Flat<'_>,
    model: Table,
    marked: &mut Vec<usize>,
    reading: &mut Reading,
) -> Result<Vec<Buffer>, Halt> {
    let mut buffers = Vec::new();
    let Some(list) = flat.vector(model, 4, 4, "list of buffers")? else { return Ok(buffers) };
    for index in 0..list.count.min(MOST) {
        let route = || Route::Object(format!("buffer {index}"));
        let table = super::keep(flat.element(list, index, "buffer"), reading, route)?;
        let buffer = buffer(flat, table, index, reading)?;
        if let Some(span) = buffer.filter(|_| marked.len() < MARKED)
            && starts_like_a_file(flat, span)?
        {
            marked.push(buffers.len());
        }
        buffers.push(buffer);
    }
    if list.count > MOST {
        let what = format!("{} buffers of {}", list.count.saturating_sub(MOST), list.count);
        reading.gap(list.span, Why::Halted(Blame::Exhausted), &what);
    }
    check_overlaps(&buffers, reading);
    Ok(buffers)
}

/// One buffer, whose bytes are in the vector or, where offset and size are given, anywhere in the
/// file (`schema.fbs`, version 3c: valid where the offset is above 1).
fn buffer(
    flat: &mut Flat<'_>,
    table: Option<Table>,
    index: u64,
    reading: &mut Reading,
) -> Result<Buffer, Halt> {
    let Some(table) = table else { return Ok(None) };
    let route = || Route::Object(format!("buffer {index}"));
    let (offset, size) = (flat.u64(table, 1, 0), flat.u64(table, 2, 0));
    let offset = super::keep(offset, reading, route)?.unwrap_or_default();
    let size = super::keep(size, reading, route)?.unwrap_or_default();
    if offset > 1 {
        return outside(flat, Span::new(offset, size), table, &route(), reading);
    }
    let data = super::keep(flat.vector(table, 0, 1, "buffer"), reading, route)?.flatten();
    Ok(data.map(|data| data.span).filter(|span| span.len > 0))
}

/// Whether the bytes in `span` start like a file, or like text.
fn starts_like_a_file(flat: &mut Flat<'_>, span: Span) -> Result<bool, Halt> {
    let mut head = [0; HEAD];
    let len = davy_bytes::to_usize(span.len).min(HEAD);
    let Some(head) = head.get_mut(..len) else { return Ok(false) };
    flat.fill(span.start, head)?;
    let is_text =
        len == HEAD && head.iter().all(|byte| matches!(byte, b'\t'..=b'\r' | b' '..=b'~'));
    Ok(is_text || MARKS.iter().any(|mark| head.starts_with(mark)))
}

/// Bytes that offset and size name; takes them for explained where they are in the file.
pub(super) fn outside(
    flat: &mut Flat<'_>,
    span: Span,
    table: Table,
    route: &Route,
    reading: &mut Reading,
) -> Result<Option<Span>, Halt> {
    let len = flat.bytes().len();
    if span.start.checked_add(span.len).is_none_or(|end| end > len) {
        let what = format!("{} bytes from {} on, in a file of {len}", span.len, span.start);
        reading.deviation(Quirk::OutOfRange, Span::new(table.at, 4), route.clone(), &what);
        return Ok(None);
    }
    flat.visit(span)?;
    Ok(Some(span).filter(|span| span.len > 0))
}

/// Records buffers that lie over each other. One vector that several buffers share is no lie.
fn check_overlaps(buffers: &[Buffer], reading: &mut Reading) {
    let mut order: Vec<(Span, usize)> =
        buffers.iter().enumerate().filter_map(|(at, span)| Some(((*span)?, at))).collect();
    order.sort_unstable();
    let mut last: Option<(Span, usize)> = None;
    for (span, index) in order {
        if let Some((before, other)) = last.filter(|(before, _)| span.start < before.end()) {
            if before != span {
                let what = format!("buffers {other} and {index} lie over each other");
                let route = Route::Object(format!("buffer {index}"));
                reading.deviation(Quirk::Overlap, span, route, &what);
            }
            if before.end() >= span.end() {
                continue;
            }
        }
        last = Some((span, index));
    }
}

/// Makes the larger buffers artifacts of their own, as plain data.
pub(super) fn push(flat: &Flat<'_>, buffers: &[Buffer], marked: &[usize], reading: &mut Reading) {
    let mut large: Vec<(u64, usize, Span)> = buffers
        .iter()
        .enumerate()
        .filter_map(|(index, span)| span.map(|span| (span.len, index, span)))
        .filter(|(len, ..)| *len >= WORTH_READING)
        .collect();
    large.sort_unstable_by(|a, b| b.cmp(a));
    large.truncate(READ);
    let named = marked.iter().filter_map(|index| Some((*index, (*buffers.get(*index)?)?)));
    large.extend(named.map(|(index, span)| (span.len, index, span)));
    large.sort_unstable_by_key(|(_, index, _)| *index);
    large.dedup_by_key(|(.., span)| *span);
    for (_, index, span) in large {
        let bytes = flat.bytes().slice(span);
        reading.child(format!("buffer/{index}"), bytes, davy_artifact::Role::Storage);
    }
}
