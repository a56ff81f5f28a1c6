//! What of the file the model does not use: the archive of associated files behind it, and stretches
//! that nothing refers to.

use crate::flatbuffers::Flat;
use crate::zip::is_blank;
use davy_artifact::{Quirk, Reading, Role, Route};
use davy_bytes::{Halt, Span, to_u64};

/// Stretches within the model that are at least so long are no padding.
const STRETCH: u64 = 1024;
/// Zeros that may stand behind the model.
const PADDING: usize = 64;

/// Records what nothing in the model explains. Where files may be `associated`, an archive behind it
/// is a part of it.
pub(crate) fn explain(
    flat: &Flat<'_>,
    associated: bool,
    reading: &mut Reading,
) -> Result<(), Halt> {
    let bytes = flat.bytes();
    let end = flat.end();
    let mut whole = true;
    for span in flat.unseen(STRETCH) {
        let span = Span::between(span.start, span.end().min(end));
        if span.len < STRETCH || is_blank(bytes, span)? {
            continue;
        }
        whole = false;
        let what = format!("{} bytes that nothing in the model refers to", span.len);
        reading.deviation(Quirk::BytesBetween, span, Route::None, &what);
        reading.child(format!("@between@{:#x}", span.start), bytes.slice(span), Role::Leftover);
    }
    let rest = Span::between(end, bytes.len());
    let head = bytes.copy(rest, PADDING)?;
    let zeros = head.iter().take_while(|byte| **byte == 0).count();
    let start = rest.start.saturating_add(to_u64(zeros));
    // Associated files, such as labels and vocabularies, are appended as an archive (TFLite
    // metadata, `MetadataPopulator`), which the reader of archives finds from the end.
    let archive = associated && head.get(zeros..).unwrap_or_default().starts_with(b"PK\x03\x04");
    if archive || is_blank(bytes, rest)? {
        // Its writer puts no comment behind it, and nothing else.
        let record = Span::between(bytes.len().saturating_sub(22), bytes.len());
        let ended = !archive || bytes.copy(record, 4)? == b"PK\x05\x06";
        reading.seamless = whole && ended;
        return Ok(());
    }
    let rest = Span::between(start, bytes.len());
    let what = format!("{} bytes behind the end of the model", rest.len);
    reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
    reading.child(format!("@suffix@{start:#x}"), bytes.slice(rest), Role::Leftover);
    Ok(())
}
