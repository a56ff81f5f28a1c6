//! Whether a whole file stands where its signature does, and how long it is.

use super::{Embedded, Hit, Kind, Search, Sign, encoded};
use crate::gzip::{Framing, inflate};
use crate::native::shape_at;
use crate::pickle::import_length;
use crate::script::{interpreter, text_end};
use davy_bytes::{Budget, Bytes, Halt, Limits, Span, to_u64, to_usize};

/// How far before the header of PE the one of DOS is looked for: compilers put a few hundred bytes
/// between them.
const BEFORE_PE: u64 = 64 * 1024;

/// Bytes of a pickle that are looked at first, and at most.
const FIRST: u64 = 64 * 1024;
const LONGEST: u64 = 16 << 20;

/// What may come out of a gzip stream that is measured; of longer ones the start is enough.
const INFLATED: u64 = 32 << 20;

/// Bytes behind the first line that a script has at least.
const SCRIPT: u64 = 4;

/// What came of measuring.
#[derive(Debug, Default)]
pub struct Measured {
    /// The files, in the order of their signatures.
    pub files: Vec<Embedded>,
    /// Why not all signatures were measured.
    pub halt: Option<Halt>,
}

/// Measures what a search of `bytes` found, except where `known` tells that what starts there is
/// known already.
#[must_use]
pub fn measure(
    bytes: &Bytes,
    search: &Search,
    known: &dyn Fn(u64) -> bool,
    budget: &mut Budget,
) -> Measured {
    let mut measured = Measured::default();
    // Signatures in what was found belong to it.
    let mut end = 0;
    for hit in &search.hits {
        if hit.at < end {
            continue;
        }
        match file_at(bytes, *hit, known, budget) {
            Ok(Some(file)) => {
                end = end.max(file.span.end());
                measured.files.push(file);
            }
            Ok(None) => {}
            Err(halt) => {
                measured.halt = Some(halt);
                return measured;
            }
        }
    }
    if search.flooded {
        measured.halt = Some(Halt::exhausted(0, "more signatures of files than are looked at"));
    }
    measured
}

/// The file at the start of `bytes`, if one stands there that is not spelled by a text.
pub(super) fn file_at_start(bytes: &Bytes, budget: &mut Budget) -> Result<Option<Embedded>, Halt> {
    let mut search = Search::default();
    search.feed(0, &bytes.copy(Span::new(0, bytes.len()), to_usize(bytes.len()))?);
    for hit in search.hits.iter().filter(|hit| hit.sign != Sign::Encoded) {
        let found = file_at(bytes, *hit, &|start| start > 0, budget)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The file that has its signature at `hit`.
fn file_at(
    bytes: &Bytes,
    Hit { at, sign }: Hit,
    known: &dyn Fn(u64) -> bool,
    budget: &mut Budget,
) -> Result<Option<Embedded>, Halt> {
    budget.spend_steps(64, at)?;
    let start = match sign {
        Sign::Encoded => return encoded::file_at(bytes, at, budget),
        Sign::Pe => dos_header(bytes, at, budget)?,
        Sign::ZipEnd => zip_start(bytes, at)?,
        _ => Some(at),
    };
    let Some(start) = start.filter(|start| !known(*start)) else { return Ok(None) };
    let found = match sign {
        Sign::Encoded => None,
        Sign::Gzip => gzip(bytes, start, budget)?.map(|len| (len, Kind::Archive)),
        Sign::Native | Sign::Pe => {
            shape_at(bytes, start)?.map(|(_, shape)| (shape.len, Kind::Program))
        }
        Sign::Pickle => pickle(bytes, start, budget)?.map(|len| (len, Kind::Pickle)),
        Sign::Script => script(bytes, start, budget)?.map(|len| (len, Kind::Script)),
        Sign::SevenZip => seven_zip(bytes, start)?.map(|len| (len, Kind::Archive)),
        Sign::ZipEnd => zip_end(bytes, at)?
            .and_then(|end| end.checked_sub(start))
            .map(|len| (len, Kind::Archive)),
    };
    Ok(found.map(|(len, kind)| {
        let len = len.min(bytes.len().saturating_sub(start));
        Embedded { span: Span::new(start, len), kind, decoded: None }
    }))
}

/// Where the DOS header stands that points to the PE header at `at`.
fn dos_header(bytes: &Bytes, at: u64, budget: &mut Budget) -> Result<Option<u64>, Halt> {
    let from = at.saturating_sub(BEFORE_PE);
    let head = bytes.copy(Span::new(at, 26), 26)?;
    // The machine and the magic of the optional header are worth a look before the search.
    let magic = head.get(24..26);
    if magic != Some(&[0x0b, 1]) && magic != Some(&[0x0b, 2]) {
        return Ok(None);
    }
    let before = bytes.copy(Span::between(from, at), to_usize(BEFORE_PE))?;
    budget.spend_steps(to_u64(before.len()), at)?;
    let mut found = memchr::memmem::rfind_iter(&before, b"MZ").map(to_u64);
    Ok(found.find_map(|inside| {
        let start = from.saturating_add(inside);
        let pointer = before.get(to_usize(inside.saturating_add(0x3c))..)?.first_chunk()?;
        let offset = u64::from(u32::from_le_bytes(*pointer));
        (start.checked_add(offset)? == at).then_some(start)
    }))
}

/// The end of a gzip member at `at` whose checksum fits.
fn gzip(bytes: &Bytes, at: u64, budget: &mut Budget) -> Result<Option<u64>, Halt> {
    let head = bytes.copy(Span::new(at, 10), 10)?;
    // RFC 1952, section 2.3: reserved flags are zero, extra flags and system are of a short list.
    let [_, _, _, flags, _, _, _, _, extra, system] = *head else { return Ok(None) };
    if flags & 0xe0 != 0 || !matches!(extra, 0 | 2 | 4) || !matches!(system, 0..=13 | 255) {
        return Ok(None);
    }
    let rest = bytes.slice(Span::between(at, bytes.len()));
    let mut cursor = davy_bytes::Cursor::new(rest.clone());
    if crate::gzip::header(&mut cursor).is_err() {
        return Ok(None);
    }
    let packed = Span::between(cursor.position(), rest.len());
    let left = budget.left();
    let expansion = left.expansion.min(INFLATED);
    let before = Limits { expansion, ..left };
    let mut own = Budget::new(before);
    let out = inflate(&rest, packed, Framing::Raw, &mut own)?;
    // Nothing that came out is kept.
    let Limits { expansion, held, .. } = own.left();
    budget.settle(&Limits { expansion, held, ..before }, &own);
    if out.end.fault.is_some() {
        // So much that is well-formed is no chance.
        return Ok((out.end.produced >= INFLATED).then_some(rest.len()));
    }
    let trailer = packed.start.saturating_add(out.end.consumed);
    let sum = bytes.copy(Span::new(at.saturating_add(trailer), 8), 8)?;
    let fits = sum.first_chunk().is_some_and(|sum| u32::from_le_bytes(*sum) == out.end.crc32);
    Ok((fits && sum.len() == 8).then_some(trailer.saturating_add(8)))
}

/// The length of a pickle at `at` that imports something.
fn pickle(bytes: &Bytes, at: u64, budget: &mut Budget) -> Result<Option<u64>, Halt> {
    let mut limit = FIRST;
    loop {
        let window = bytes.copy(Span::new(at, limit), to_usize(limit))?;
        budget.spend_steps(to_u64(window.len()).min(4096), at)?;
        match import_length(&window, budget)? {
            Ok(len) => return Ok(Some(to_u64(len))),
            Err(cut) if cut && to_u64(window.len()) == limit && limit < LONGEST => {
                limit = limit.saturating_mul(16).min(LONGEST);
                budget.spend_steps(limit, at)?;
            }
            Err(_) => return Ok(None),
        }
    }
}

/// The length of a script at `at`.
fn script(bytes: &Bytes, at: u64, budget: &mut Budget) -> Result<Option<u64>, Halt> {
    let head = bytes.copy(Span::new(at, 256), 256)?;
    let line = head.iter().position(|byte| *byte == b'\n').map(to_u64);
    let (Some(_), Some(line)) = (interpreter(&head), line) else { return Ok(None) };
    let end = text_end(bytes, at)?;
    let len = end.saturating_sub(at);
    budget.spend_steps(len, at)?;
    Ok((len > line.saturating_add(SCRIPT)).then_some(len))
}

/// The length of a 7z archive at `at` (7zFormat.txt, "`SignatureHeader`"): the checksum of the start
/// header fits.
fn seven_zip(bytes: &Bytes, at: u64) -> Result<Option<u64>, Halt> {
    let head = bytes.copy(Span::new(at, 32), 32)?;
    let number = |at: usize| {
        let field = head.get(at..).and_then(|rest| rest.first_chunk());
        field.map(|field| u64::from_le_bytes(*field))
    };
    let (Some(sum), Some(header)) = (head.get(8..12), head.get(12..32)) else { return Ok(None) };
    let fits = sum == crc32fast::hash(header).to_le_bytes();
    let len = number(12)
        .zip(number(20))
        .and_then(|(offset, size)| offset.checked_add(size)?.checked_add(32));
    Ok(len.filter(|_| fits))
}

/// Where the archive starts whose end record stands at `at` (APPNOTE 4.3.16): the directory lies
/// right before it, and the first member as far before that as the record says.
fn zip_start(bytes: &Bytes, at: u64) -> Result<Option<u64>, Halt> {
    let end = bytes.copy(Span::new(at, 22), 22)?;
    let number = |at: usize| {
        let field = end.get(at..).and_then(|rest| rest.first_chunk());
        field.map(|field| u64::from(u32::from_le_bytes(*field)))
    };
    let (Some(size), Some(offset)) = (number(12), number(16)) else { return Ok(None) };
    let Some(directory) = at.checked_sub(size).filter(|_| size >= 46) else { return Ok(None) };
    let Some(start) = directory.checked_sub(offset).filter(|_| offset >= 30) else {
        return Ok(None);
    };
    let starts = |at: u64, magic: &[u8]| -> Result<bool, Halt> {
        Ok(bytes.copy(Span::new(at, 4), 4)? == magic)
    };
    let whole = starts(directory, b"PK\x01\x02")? && starts(start, b"PK\x03\x04")?;
    Ok(whole.then_some(start))
}

/// Where the end record at `at` ends, with its comment.
fn zip_end(bytes: &Bytes, at: u64) -> Result<Option<u64>, Halt> {
    let end = bytes.copy(Span::new(at, 22), 22)?;
    let comment =
        end.get(20..).and_then(|rest| rest.first_chunk()).map(|len| u16::from_le_bytes(*len));
    let end = comment.map(|comment| at.saturating_add(22).saturating_add(u64::from(comment)));
    Ok(end.filter(|end| *end <= bytes.len()))
}
