//! The outline of a PE file (Microsoft, "PE Format"), and of the portable programs of Cosmopolitan,
//! which start like one.

use super::Shape;
use super::fields::Fields;
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};

/// How far behind the DOS header the PE header is looked for.
const FURTHEST: u32 = 1 << 20;

/// Sections that Windows loads at most.
const MOST_SECTIONS: u16 = 96;

/// Length of a COFF header, with the signature before it.
const COFF: u64 = 24;

/// What Cosmopolitan's programs start with: a DOS header, or not, that shells take for an
/// assignment (Actually Portable Executable specification, "APE header").
const PORTABLE: [&[u8]; 3] = [b"MZqFpD='", b"jartsr='", b"APEDBG='"];

/// Whether `head` starts a program that is PE, ELF, Mach-O and shell script at once.
pub(super) fn is_portable(head: &[u8]) -> bool {
    PORTABLE.iter().any(|magic| head.starts_with(magic))
}

/// The outline of the PE file at `at`, or nothing where none stands there.
///
/// # Errors
/// Only when the medium fails.
pub(super) fn shape(bytes: &Bytes, at: u64) -> Result<Option<Shape>, Halt> {
    let dos = bytes.copy(Span::new(at, 64), 64)?;
    if !dos.starts_with(b"MZ") {
        return Ok(None);
    }
    let Some(offset) = Fields::new(&dos, false).u32(0x3c).filter(|offset| *offset < FURTHEST)
    else {
        return Ok(None);
    };
    let start = at.saturating_add(u64::from(offset));
    let head = bytes.copy(Span::new(start, 512), 512)?;
    let Some(coff) = coff(&head) else { return Ok(None) };
    let table = u64::from(offset).saturating_add(COFF).saturating_add(u64::from(coff.optional));
    let span = Span::new(at.saturating_add(table), u64::from(coff.sections).saturating_mul(40));
    let rows = bytes.copy(span, to_usize(u64::from(MOST_SECTIONS).saturating_mul(40)))?;
    if to_u64(rows.len()) < span.len {
        return Ok(None);
    }
    let mut end = table.saturating_add(span.len).max(coff.reach).max(coff.headers);
    for row in rows.chunks_exact(40) {
        let row = Fields::new(row, false);
        if let (Some(size), Some(from)) = (row.u32(16).filter(|size| *size > 0), row.u32(20)) {
            end = end.max(u64::from(from).saturating_add(u64::from(size)));
        }
    }
    Ok(Some(Shape { len: end, kind: coff.kind, parts: Vec::new() }))
}

/// What the header says.
struct Coff {
    sections: u16,
    optional: u16,
    /// Length of all headers.
    headers: u64,
    /// Where symbols and certificates end.
    reach: u64,
    kind: String,
}

fn coff(head: &[u8]) -> Option<Coff> {
    if !head.starts_with(b"PE\0\0") {
        return None;
    }
    let fields = Fields::new(head, false);
    let machine = machine(fields.u16(4)?)?;
    let sections = fields.u16(6)?;
    let (optional, flags) = (fields.u16(20)?, fields.u16(22)?);
    let magic = fields.u16(24)?;
    let wide = magic == 0x20b;
    if !(1..=MOST_SECTIONS).contains(&sections) || !(wide || magic == 0x10b) || optional < 96 {
        return None;
    }
    let symbols = match (fields.u32(12)?, fields.u32(16)?) {
        (0, _) | (_, 0) => 0,
        (from, count) => u64::from(from).saturating_add(u64::from(count).saturating_mul(18)),
    };
    let certificates = directory(fields, optional, wide, 4);
    let runtime = directory(fields, optional, wide, 14).is_some_and(|(from, _)| from > 0);
    let reach = certificates
        .filter(|(from, _)| *from > 0)
        .map_or(0, |(from, size)| u64::from(from).saturating_add(u64::from(size)));
    let what = if flags & 0x2000 != 0 { "library" } else { "program" };
    let net = if runtime { ".NET " } else { "" };
    Some(Coff {
        sections,
        optional,
        headers: u64::from(fields.u32(24 + 60)?),
        reach: symbols.max(reach),
        kind: format!("PE {net}{what}, {machine}"),
    })
}

/// A data directory: for certificates (4) an offset in the file, else an address; and a size.
fn directory(fields: Fields<'_>, optional: u16, wide: bool, index: usize) -> Option<(u32, u32)> {
    let first = if wide { 112_usize } else { 96 };
    let inside = first.saturating_add(index.saturating_mul(8));
    if inside.saturating_add(8) > usize::from(optional) {
        return None;
    }
    let at = inside.saturating_add(24);
    Some((fields.u32(at)?, fields.u32(at.saturating_add(4))?))
}

fn machine(number: u16) -> Option<&'static str> {
    Some(match number {
        0x14c => "x86",
        0x1c0 | 0x1c2 | 0x1c4 => "ARM",
        0x200 => "Itanium",
        0xebc => "EFI byte code",
        0x5032 | 0x5064 => "RISC-V",
        0x6232 | 0x6264 => "LoongArch",
        0x8664 => "x86-64",
        0xa641 | 0xa64e | 0xaa64 => "AArch64",
        _ => return None,
    })
}
