//! Text and bytes that elements hold, whole: for those who read what is in them.

use super::access::Access;
use super::datatype::{Class, Datatype, Padding};
use super::file::Piece;
use super::global::Heaps;
use super::value::{Decoder, unpadded};
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};
use std::collections::HashMap;

/// The texts of `count` elements that `stored`, which stands at `span`, holds; `None` where elements
/// are neither text nor bytes.
pub(super) fn pieces(
    access: &mut Access<'_>,
    heaps: &mut Heaps,
    (datatype, count): (&Datatype, u64),
    (stored, span): (&Bytes, Span),
    limit: u64,
) -> Result<Option<Vec<Piece>>, Halt> {
    let indirect = match &datatype.class {
        Class::Text { .. } | Class::Opaque { .. } => false,
        Class::LongText { .. } => true,
        Class::Sequence(base) if base.size == 1 => true,
        _ => return Ok(None),
    };
    let paths = HashMap::new();
    let mut decoder = Decoder::new(access, heaps, &paths);
    let mut left = limit;
    let mut found = Vec::new();
    for index in 0..count {
        let at = index.saturating_mul(datatype.size);
        let part = Span::new(at, datatype.size);
        if part.end() > stored.len() {
            break;
        }
        let here = span.start.saturating_add(if span.len == 0 { 0 } else { at });
        decoder.access.steps(1, here)?;
        let (bytes, place) = if indirect {
            let raw = stored.copy(part, to_usize(datatype.size))?;
            match decoder.heap(&raw, here, 1)? {
                Some(found) => found,
                None => (stored.slice(Span::default()), Span::new(here, 0)),
            }
        } else {
            (stored.slice(part), Span::new(here, datatype.size.min(span.len)))
        };
        left = match left.checked_sub(bytes.len()) {
            Some(left) => left,
            None => {
                let what = format!("text of more than {limit} bytes");
                return Err(Halt::exhausted(place.start, what));
            }
        };
        let raw = bytes.copy(Span::new(0, bytes.len()), to_usize(bytes.len()))?;
        found.push(piece(datatype, &raw, place));
    }
    Ok(Some(found))
}

/// A text without its padding.
fn piece(datatype: &Datatype, raw: &[u8], place: Span) -> Piece {
    let text = match &datatype.class {
        Class::Text { padding, .. } => unpadded(raw, *padding),
        Class::LongText { .. } => unpadded(raw, Padding::Terminated),
        _ => raw,
    };
    let span = Span::new(place.start, place.len.min(to_u64(text.len())));
    Piece { text: text.to_vec(), span }
}
