//! 7z archives, unpacked under a limit by a decoder in Rust; every entry is a child.
//!
//! PyTorch models are passed around in them because scanners that look for zip find nothing
//! (ReversingLabs, "nullifAI", 2025).

use crate::compressed::{Feed, SLOW, spent};
use crate::gzip::{Output, PIECE, note_expansion};
use crate::zip::names::escapes;
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};
use sevenz_rust2::{Archive, ArchiveEntry, ArchiveReader, EntryDecision, Error, Password};
use std::io::Read;

/// What every archive starts with.
const MAGIC: &[u8] = b"7z\xbc\xaf\x27\x1c";

/// Bytes before the packed streams.
const START: u64 = 32;

/// Memory that headers and dictionaries may ask for, in KiB: four times what `7z -mx9` does.
const MEMORY: usize = 256 * 1024;

/// The bit of a Windows attribute that says that a Unix mode stands in the upper half.
const UNIX_MODE: u32 = 0x8000;

/// The 7z reader.
#[derive(Debug)]
pub struct SevenZip;

impl Format for SevenZip {
    fn id(&self) -> &'static str {
        "7z"
    }

    fn summary(&self) -> &'static str {
        "7z archives"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(MAGIC) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        rest(extent(input.bytes)?, input.bytes, reading);
        let mut feed = Feed::new(input.bytes.clone(), 0);
        let password = Password::empty();
        let archive = Archive::read_with_memory_limit(&mut feed, &password, MEMORY);
        let archive = archive.map_err(|error| halt(&error, &mut feed))?;
        budget.spend_steps(to_u64(archive.files.len()), 0)?;
        between(&archive, input.bytes, reading)?;
        let result = unpack(archive, feed, reading, budget);
        let produced = reading.children.iter().map(|child| child.bytes.len());
        note_expansion(&result, input.bytes.len(), produced.sum(), reading);
        result
    }
}

/// Where the archive ends: behind its header, which the first 32 bytes point to (7zFormat.txt,
/// "SignatureHeader").
fn extent(bytes: &Bytes) -> Result<u64, Halt> {
    let start = bytes.copy(Span::new(0, 32), 32)?;
    let number = |at: usize| {
        let field = start.get(at..).and_then(|rest| rest.first_chunk());
        field.map(|field| u64::from_le_bytes(*field))
    };
    let (Some(offset), Some(size)) = (number(12), number(20)) else {
        return Err(Halt::malformed(bytes.len(), "truncated signature header"));
    };
    let end = offset.checked_add(size).and_then(|end| end.checked_add(32));
    match end.filter(|end| *end <= bytes.len()) {
        Some(end) => Ok(end),
        None => Err(Halt::malformed(12, "the archive's header lies behind the end of the file")),
    }
}

/// Records what stands behind the archive.
fn rest(end: u64, bytes: &Bytes, reading: &mut Reading) {
    let rest = Span::between(end, bytes.len());
    reading.seamless = rest.len == 0;
    if rest.len > 0 {
        let what = format!("{} bytes behind the archive", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{end:#x}"), bytes.slice(rest), Role::Leftover);
    }
}

/// Records what stands between the first 32 bytes, the packed streams and the archive's header, and
/// belongs to none of them.
fn between(archive: &Archive, bytes: &Bytes, reading: &mut Reading) -> Result<(), Halt> {
    let behind = |at: u64, len| Span::new(at.saturating_add(START), len);
    let sizes = archive.pack_sizes().iter().copied().fold(0, u64::saturating_add);
    let offset = bytes.copy(Span::new(12, 8), 8)?;
    let offset = offset.first_chunk().map_or(0, |offset| u64::from_le_bytes(*offset));
    let header = behind(offset, 0).start;
    let mut known = vec![behind(archive.pack_pos(), sizes), Span::new(header, 0)];
    let head = bytes.copy(Span::new(header, 32), 32)?;
    known.extend(packed_header(&head).map(|(at, len)| behind(at, len)));
    known.sort_by_key(|span| span.start);
    let mut end = START;
    for span in known {
        let gap = Span::between(end, span.start.min(header));
        end = end.max(span.end());
        if gap.len > 0 {
            let what = format!("{} bytes that belong to no entry", gap.len);
            reading.deviation(Quirk::BytesBetween, gap, Route::None, &what);
            let name = format!("@between@{:#x}", gap.start);
            reading.child(name, bytes.slice(gap), Role::Leftover);
        }
    }
    Ok(())
}

/// Offset and size of the stream of a header that is packed itself (7zFormat.txt, "`EncodedHeader`").
fn packed_header(head: &[u8]) -> Option<(u64, u64)> {
    let rest = head.strip_prefix(&[0x17, 6])?;
    let (at, rest) = number(rest)?;
    let (_, rest) = number(rest)?;
    let (len, _) = number(rest.strip_prefix(&[9])?)?;
    Some((at, len))
}

/// A number: as many leading ones as bytes follow, and the upper bits behind them (7zFormat.txt,
/// "`UINT64`").
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let ones = first.leading_ones();
    let count = usize::try_from(ones).ok()?;
    let low =
        rest.get(..count)?.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mask = 0x7f_u8.checked_shr(ones).unwrap_or(0);
    let high = u64::from(first & mask).checked_shl(ones.saturating_mul(8)).unwrap_or(0);
    Some((high | low, rest.get(count..)?))
}

/// Makes a child of every entry.
fn unpack(
    archive: Archive,
    feed: Feed,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let mut reader = ArchiveReader::from_archive(archive, feed, Password::empty());
    reader.set_thread_count(1);
    let mut stopped = None;
    let result = reader.for_each_entries_with_decision(|entry, content| {
        note(entry, reading);
        if entry.is_directory() || entry.is_anti_item() {
            return Ok(EntryDecision::Continue);
        }
        let mut output = Output::default();
        let end = drain(content, &mut output, budget);
        if end.is_ok() || !output.is_empty() {
            reading.child(entry.name(), output.finish(), Role::Present);
        }
        match end {
            Ok(()) => Ok(EntryDecision::Continue),
            Err(Stop::Medium(error)) => Err(error.into()),
            Err(Stop::Budget(halt)) => {
                stopped = Some(halt);
                Ok(EntryDecision::Stop)
            }
        }
    });
    match (stopped, result) {
        (Some(halt), _) => Err(halt),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(halt(&error, &mut Feed::new(Bytes::from_memory([]), 0))),
    }
}

/// Records an entry, and what is odd about it.
fn note(entry: &ArchiveEntry, reading: &mut Reading) {
    let name = entry.name();
    let site = Site { span: Span::default(), route: Route::Member(name.to_owned()) };
    let attributes = entry.windows_attributes();
    let mode = if attributes & UNIX_MODE != 0 { attributes >> 16 } else { 0 };
    if mode & 0o170_000 == 0o120_000 {
        let what = format!("`{name}` is a symbolic link");
        reading.deviation(Quirk::LinkMember, site.span, site.route.clone(), &what);
    }
    if let Some(how) = escapes(name.as_bytes()) {
        let what =
            format!("the name `{name}` {how}, and leads out of the folder it is unpacked in");
        reading.deviation(Quirk::EscapingName, site.span, site.route.clone(), &what);
    }
    reading.fact(Fact::Member { name: name.to_owned(), size: entry.size(), site });
}

/// Why an entry was not unpacked to its end.
enum Stop {
    Budget(Halt),
    Medium(std::io::Error),
}

/// Takes all of an entry, and pays for it piece by piece.
fn drain(content: &mut dyn Read, output: &mut Output, budget: &mut Budget) -> Result<(), Stop> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = content.read(&mut buffer).map_err(Stop::Medium)?;
        if read == 0 {
            return Ok(());
        }
        output.push(buffer.get(..read).unwrap_or_default());
        let made = to_u64(read);
        budget.spend_steps(made, 0).map_err(Stop::Budget)?;
        output.pay(budget, 0).map_err(Stop::Budget)?;
        // Any folder may be of LZMA.
        if budget.spend_expansion(made.saturating_mul(SLOW), 0).is_err() {
            return Err(Stop::Budget(spent(budget, 0)));
        }
    }
}

/// A fault of the archive as a halt.
fn halt(error: &Error, feed: &mut Feed) -> Halt {
    let at = feed.position();
    if let Some(fault) = feed.fault() {
        return fault;
    }
    let words = match error {
        Error::Io(error, _) => format!("7z: {error}"),
        Error::Other(what) | Error::Unsupported(what) => format!("7z: {what}"),
        Error::UnsupportedCompressionMethod(method) => format!("7z: the method {method}"),
        Error::MaxMemLimited { actaul_kb, .. } => format!("7z: {actaul_kb} KiB of memory"),
        Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch => {
            "7z: wrong checksum".to_owned()
        }
        other => format!("7z: {other:?}"),
    };
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => {
            Halt::encrypted(at, "7z: its entries are encrypted")
        }
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => {
            Halt::encrypted(at, "7z: its entries are encrypted")
        }
        Error::ExternalUnsupported
        | Error::Unsupported(_)
        | Error::UnsupportedCompressionMethod(_)
        | Error::UnsupportedVersion { .. } => Halt::unsupported(at, words),
        Error::MaxMemLimited { .. } => Halt::exhausted(at, words),
        _ => Halt::malformed(at, words),
    }
}

#[cfg(test)]
mod tests;
