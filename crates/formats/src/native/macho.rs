//! The outline of a Mach-O file, alone or several in one "fat" file (Apple, `mach-o/loader.h` and
//! `mach-o/fat.h`).

use super::Shape;
use super::fields::Fields;
use davy_bytes::{Bytes, Halt, Span, to_u64};

/// The longest list of load commands that is measured.
const COMMANDS_LIMIT: usize = 1 << 20;

/// Parts of a fat file that are believed; Java classes start with the same four bytes, and there the
/// number is a version of 45 or more.
const MOST_PARTS: u32 = 32;

/// Longest file that a fat one may claim to hold before its own table is not believed.
const LONGEST: u64 = 1 << 40;

/// The outline of the Mach-O file at `at`, or nothing where none stands there.
///
/// # Errors
/// Only when the medium fails.
pub(super) fn shape(bytes: &Bytes, at: u64) -> Result<Option<Shape>, Halt> {
    let head = bytes.copy(Span::new(at, 32), 32)?;
    match head.first_chunk() {
        Some([0xca, 0xfe, 0xba, last @ (0xbe | 0xbf)]) => fat(bytes, at, *last == 0xbf),
        Some(magic) => match order(*magic) {
            Some((big, wide)) => thin(bytes, at, (big, wide), &head),
            None => Ok(None),
        },
        None => Ok(None),
    }
}

/// Byte order and width that a magic number tells: whether big-endian, whether 64 bits.
fn order(magic: [u8; 4]) -> Option<(bool, bool)> {
    match magic {
        [0xce, 0xfa, 0xed, 0xfe] => Some((false, false)),
        [0xcf, 0xfa, 0xed, 0xfe] => Some((false, true)),
        [0xfe, 0xed, 0xfa, 0xce] => Some((true, false)),
        [0xfe, 0xed, 0xfa, 0xcf] => Some((true, true)),
        _ => None,
    }
}

fn thin(
    bytes: &Bytes,
    at: u64,
    (big, wide): (bool, bool),
    head: &[u8],
) -> Result<Option<Shape>, Halt> {
    let fields = Fields::new(head, big);
    let numbers = [4, 12, 16, 20].map(|at| fields.u32(at));
    let [Some(machine), Some(kind), Some(count), Some(size)] = numbers else { return Ok(None) };
    let (Some(machine), Some(kind)) = (machine_name(machine), kind_name(kind)) else {
        return Ok(None);
    };
    let first = if wide { 32 } else { 28 };
    let span = Span::new(at.saturating_add(first), u64::from(size));
    let commands = bytes.copy(span, COMMANDS_LIMIT)?;
    let believed = count > 0 && to_u64(commands.len()) == span.len;
    if !believed || u64::from(count).saturating_mul(8) > span.len {
        return Ok(None);
    }
    let end = first.saturating_add(span.len);
    match reach(&commands, count, big) {
        Some(reach) => {
            let kind = format!("Mach-O {kind}, {machine}");
            Ok(Some(Shape { len: end.max(reach), kind, parts: Vec::new() }))
        }
        None => Ok(None),
    }
}

/// Where the bytes end that the load commands speak of; nothing where they are no such list.
fn reach(commands: &[u8], count: u32, big: bool) -> Option<u64> {
    let mut end = 0_u64;
    let mut rest = commands;
    for _ in 0..count {
        let fields = Fields::new(rest, big);
        let (kind, size) = (fields.u32(0)?, fields.u32(4)?);
        let size = usize::try_from(size).ok()?;
        // Load commands have numbers up to 0x40 today, of which the linker needs some.
        if size < 8 || !size.is_multiple_of(4) || !(1..0x80).contains(&(kind & 0x7fff_ffff)) {
            return None;
        }
        let (command, behind) = rest.split_at_checked(size)?;
        let fields = Fields::new(command, big);
        let pair = |from: Option<u64>, size: Option<u64>| from?.checked_add(size?);
        let half = |at: usize| fields.u32(at).map(u64::from);
        let last = match kind & 0x7fff_ffff {
            0x1 => pair(half(32), half(36)),
            0x19 => pair(fields.u64(40), fields.u64(48)),
            0x1d | 0x26 | 0x29 | 0x33 | 0x34 => pair(half(8), half(12)),
            _ => None,
        };
        end = end.max(last.unwrap_or(0));
        rest = behind;
    }
    Some(end)
}

fn fat(bytes: &Bytes, at: u64, wide: bool) -> Result<Option<Shape>, Halt> {
    let head = bytes.copy(Span::new(at, 8), 8)?;
    let count = Fields::new(&head, true).u32(4).filter(|count| (1..=MOST_PARTS).contains(count));
    let Some(count) = count else { return Ok(None) };
    let row = if wide { 32_usize } else { 20 };
    let len = u64::from(count).saturating_mul(to_u64(row));
    let rows = bytes.copy(Span::new(at.saturating_add(8), len), 4096)?;
    if to_u64(rows.len()) < len {
        return Ok(None);
    }
    let mut end = len.saturating_add(8);
    let mut parts = Vec::new();
    for part in rows.chunks_exact(row) {
        let Some((from, size)) = part_at(part, wide).filter(|(from, _)| *from >= len) else {
            return Ok(None);
        };
        let Some(reach) = from.checked_add(size).filter(|reach| *reach < LONGEST) else {
            return Ok(None);
        };
        end = end.max(reach);
        let Some(magic) = magic_at(bytes, at.saturating_add(from))? else { return Ok(None) };
        parts.push((magic, Span::new(from, size)));
    }
    let machines: Vec<&str> = parts.iter().map(|(machine, _)| *machine).collect();
    let kind = format!("Mach-O for {}", machines.join(", "));
    Ok(Some(Shape { len: end, kind, parts }))
}

/// Offset and length of a part of a fat file.
fn part_at(part: &[u8], wide: bool) -> Option<(u64, u64)> {
    let fields = Fields::new(part, true);
    let second = if wide { 16 } else { 12 };
    Some((fields.word(8, wide)?, fields.word(second, wide)?))
}

/// The machine of the Mach-O file at `at`.
fn magic_at(bytes: &Bytes, at: u64) -> Result<Option<&'static str>, Halt> {
    let head = bytes.copy(Span::new(at, 8), 8)?;
    let order = head.first_chunk().and_then(|magic| order(*magic));
    let machine = order.and_then(|(big, _)| Fields::new(&head, big).u32(4));
    Ok(machine.and_then(machine_name))
}

fn machine_name(number: u32) -> Option<&'static str> {
    Some(match number {
        7 => "x86",
        12 => "ARM",
        18 => "PowerPC",
        0x0100_0007 => "x86-64",
        0x0100_000c => "AArch64",
        0x0100_0012 => "PowerPC 64",
        0x0200_000c => "AArch64 (32 bit)",
        _ => return None,
    })
}

fn kind_name(number: u32) -> Option<&'static str> {
    Some(match number {
        1 => "object file",
        2 => "program",
        3 | 6 | 9 => "library",
        4 => "core dump",
        5 | 7 => "loader",
        8 => "plug-in",
        10 => "debug symbols",
        11 => "kernel extension",
        12 => "file set",
        _ => return None,
    })
}
