//! The outline of an ELF file (System V ABI, "Object Files"): what its header and tables say, and
//! how far it reaches.

use super::Shape;
use super::fields::Fields;
use davy_bytes::{Bytes, Halt, Span, to_u64};

/// The longest table of program or section headers that is measured: 65,535 of the larger ones.
const TABLE_LIMIT: usize = 4 << 20;

/// Sections of this type take no room in the file.
const NOBITS: u32 = 8;

/// The outline of the ELF file at `at`, or nothing where none stands there.
///
/// # Errors
/// Only when the medium fails.
pub(super) fn shape(bytes: &Bytes, at: u64) -> Result<Option<Shape>, Halt> {
    let head = bytes.copy(Span::new(at, 64), 64)?;
    let Some(header) = header(&head) else { return Ok(None) };
    let left = bytes.len().saturating_sub(at);
    // A program that is only partly there keeps the table that systems load it by.
    let held = |table: Table| table.offset > 0 && table.end() <= left && table.count > 0;
    if !held(header.programs) && !held(header.sections) {
        return Ok(None);
    }
    let mut end = to_u64(head.len()).min(header.size);
    for table in [header.programs, header.sections] {
        end = end.max(if table.count > 0 { table.end() } else { 0 });
        let span = Span::new(at.saturating_add(table.offset), table.len());
        let copy = bytes.copy(span, TABLE_LIMIT)?;
        let rows = copy.chunks_exact(usize::from(table.row).max(1));
        for row in rows.take(usize::from(table.count)) {
            end = end.max(table.reach(Fields::new(row, header.big), header.wide).unwrap_or(0));
        }
    }
    Ok(Some(Shape { len: end, kind: header.describe(), parts: Vec::new() }))
}

/// Where a table stands.
#[derive(Clone, Copy)]
struct Table {
    offset: u64,
    row: u16,
    count: u16,
    sections: bool,
}

impl Table {
    fn len(self) -> u64 {
        u64::from(self.row).saturating_mul(u64::from(self.count))
    }

    fn end(self) -> u64 {
        self.offset.saturating_add(self.len())
    }

    /// Where the bytes end that a row of the table speaks of.
    fn reach(self, row: Fields<'_>, wide: bool) -> Option<u64> {
        let (offset, size) = match (self.sections, wide) {
            (true, true) => (0x18, 0x20),
            (true, false) => (0x10, 0x14),
            (false, true) => (0x08, 0x20),
            (false, false) => (0x04, 0x10),
        };
        let kind = row.u32(if self.sections { 4 } else { 0 })?;
        if self.sections && matches!(kind, 0 | NOBITS) {
            return None;
        }
        row.word(offset, wide)?.checked_add(row.word(size, wide)?)
    }
}

/// What the first bytes say.
struct Header {
    big: bool,
    wide: bool,
    kind: u16,
    machine: u16,
    size: u64,
    programs: Table,
    sections: Table,
}

impl Header {
    fn describe(&self) -> String {
        let kind = match self.kind {
            1 => "object file",
            2 => "program",
            4 => "core dump",
            // Programs that can lie anywhere are told from libraries by their entry only.
            _ => "shared library or program",
        };
        let bits = if self.wide { 64 } else { 32 };
        format!("ELF {kind}, {bits} bit, {}", machine(self.machine))
    }
}

/// Reads a header whose fields fit each other.
fn header(head: &[u8]) -> Option<Header> {
    let [0x7f, b'E', b'L', b'F', class @ (1 | 2), order @ (1 | 2), 1, ..] = *head else {
        return None;
    };
    let (wide, big) = (class == 2, order == 2);
    let fields = Fields::new(head, big);
    let at = |narrow: usize, broad: usize| if wide { broad } else { narrow };
    let kind = fields.u16(16)?;
    let machine = fields.u16(18)?;
    let size = fields.u16(at(0x28, 0x34))?;
    let fits =
        |row: u16, narrow: u16, broad: u16| row == 0 || row == if wide { broad } else { narrow };
    let programs = Table {
        offset: fields.word(at(0x1c, 0x20), wide)?,
        row: fields.u16(at(0x2a, 0x36))?,
        count: fields.u16(at(0x2c, 0x38))?,
        sections: false,
    };
    let sections = Table {
        offset: fields.word(at(0x20, 0x28), wide)?,
        row: fields.u16(at(0x2e, 0x3a))?,
        count: fields.u16(at(0x30, 0x3c))?,
        sections: true,
    };
    let sound = (1..=4).contains(&kind)
        && machine != 0
        && fields.u32(20) == Some(1)
        && fits(programs.row, 32, 56)
        && fits(sections.row, 40, 64);
    sound.then_some(Header { big, wide, kind, machine, size: u64::from(size), programs, sections })
}

/// Names of machines that models run on; others are numbers.
fn machine(number: u16) -> String {
    let name = match number {
        3 => "x86",
        8 => "MIPS",
        20 | 21 => "PowerPC",
        22 => "S390",
        40 => "ARM",
        62 => "x86-64",
        183 => "AArch64",
        190 => "CUDA",
        224 => "AMD GPU",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}
