//! What a native program links and imports, as the system's loader would find it.
//!
//! Tables are gone through one entry at a time and up to a limit: a descriptor of a few bytes can
//! lead to a table that a thousand others lead to as well.

use object::read::coff::CoffHeader as _;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _, Sym as _};
use object::read::macho::{MachHeader, Nlist as _};
use object::read::pe::{ImageNtHeaders, Import, ImportTable};
use object::read::{ReadRef as _, Result, StringTable};
use object::{Endianness, LittleEndian, elf, macho, pe};

/// Symbols and libraries that are listed; a large library has more, and nobody reads them.
const LISTED: usize = 500;

/// Entries of one table that are gone through.
const ENTRIES: usize = 200_000;

/// The longest name that is believed.
const NAME_LIMIT: usize = 1024;

/// What is linked and imported.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Libraries, as they are named.
    pub(super) libraries: Vec<String>,
    /// Symbols, each with the library that it is to come from, where that is said.
    pub(super) symbols: Vec<(String, Option<String>)>,
    /// Whether there are more than are listed.
    pub(super) cut: bool,
}

impl Links {
    /// Takes a library; tells whether more may come.
    fn library(&mut self, name: &[u8]) -> bool {
        let room = self.libraries.len() < LISTED && name.len() <= NAME_LIMIT;
        if room && !name.is_empty() {
            self.libraries.push(text(name));
        }
        self.cut |= !room;
        room
    }

    /// Takes a symbol; tells whether more may come.
    fn symbol(&mut self, name: &[u8], library: Option<&str>) -> bool {
        let room = self.symbols.len() < LISTED && name.len() <= NAME_LIMIT;
        if room && !name.is_empty() {
            self.symbols.push((text(name), library.map(str::to_owned)));
        }
        self.cut |= !room;
        room
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// What a program links; what cannot be followed is left out.
pub(super) fn links(data: &[u8]) -> Links {
    let mut links = Links::default();
    let _ = match data {
        [0x7f, b'E', b'L', b'F', 1, ..] => {
            elf_links::<elf::FileHeader32<Endianness>>(data, &mut links)
        }
        [0x7f, b'E', b'L', b'F', ..] => {
            elf_links::<elf::FileHeader64<Endianness>>(data, &mut links)
        }
        [b'M', b'Z', ..] => pe_links(data, &mut links),
        [0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xce, ..] => {
            macho_links::<macho::MachHeader32<Endianness>>(data, &mut links)
        }
        _ => macho_links::<macho::MachHeader64<Endianness>>(data, &mut links),
    };
    links
}

/// The dynamic section, found as the system's loader finds it: by its program header.
fn elf_links<Elf: FileHeader<Endian = Endianness>>(data: &[u8], links: &mut Links) -> Result<()> {
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let offset = |address: u64| {
        segments.iter().filter(|it| it.p_type(endian) == elf::PT_LOAD).find_map(|it| {
            let inside = address.checked_sub(it.p_vaddr(endian).into())?;
            (inside < it.p_filesz(endian).into())
                .then(|| inside.checked_add(it.p_offset(endian).into()))?
        })
    };
    for segment in segments {
        let Ok(Some(rows)) = segment.dynamic(endian, data) else { continue };
        let value = |tag| {
            let row = rows.iter().take(ENTRIES).find(|row| row.tag(endian) == tag)?;
            Some(row.val(endian))
        };
        let start = value(elf::DT_STRTAB).and_then(offset).unwrap_or(0);
        let len = value(elf::DT_STRSZ).unwrap_or(0);
        let strings = StringTable::new(data, start, start.saturating_add(len));
        for row in rows.iter().take(ENTRIES).take_while(|row| row.tag(endian) != elf::DT_NULL) {
            let named =
                [elf::DT_NEEDED, elf::DT_AUXILIARY, elf::DT_FILTER].contains(&row.tag(endian));
            if named && !row.string(endian, strings).is_ok_and(|name| links.library(name)) {
                break;
            }
        }
        let table = value(elf::DT_SYMTAB).and_then(offset);
        let Some(table) = table.filter(|table| *table < start) else { continue };
        elf_symbols::<Elf>(data, endian, (table, start), strings, links)?;
    }
    Ok(())
}

/// Symbols that are not defined here. No entry tells how many there are; linkers put the strings
/// behind them.
fn elf_symbols<'data, Elf: FileHeader<Endian = Endianness>>(
    data: &'data [u8],
    endian: Endianness,
    (start, end): (u64, u64),
    strings: StringTable<'data>,
    links: &mut Links,
) -> Result<()> {
    let row = u64::try_from(size_of::<Elf::Sym>()).unwrap_or(1).max(1);
    let count = end.saturating_sub(start).checked_div(row).unwrap_or(0);
    let count = usize::try_from(count).unwrap_or(0).min(ENTRIES);
    let mut at = start;
    let rows: &[Elf::Sym] = data.read_slice(&mut at, count).unwrap_or_default();
    for row in rows.iter().skip(1) {
        let missing = row.st_shndx(endian) == elf::SHN_UNDEF;
        if missing && !row.name(endian, strings).is_ok_and(|name| links.symbol(name, None)) {
            break;
        }
    }
    Ok(())
}

fn pe_links(data: &[u8], links: &mut Links) -> Result<()> {
    match object::read::pe::optional_header_magic(data)? {
        0x10b => pe_imports::<pe::ImageNtHeaders32>(data, links),
        _ => pe_imports::<pe::ImageNtHeaders64>(data, links),
    }
}

fn pe_imports<Pe: ImageNtHeaders>(data: &[u8], links: &mut Links) -> Result<()> {
    let dos = pe::ImageDosHeader::parse(data)?;
    let mut offset = dos.nt_headers_offset().into();
    let (headers, directories) = Pe::parse(data, &mut offset)?;
    let sections = headers.file_header().sections(data, offset)?;
    let Some(table) = directories.import_table(data, &sections)? else { return Ok(()) };
    let mut descriptors = table.descriptors()?;
    let mut left = ENTRIES;
    while let Some(descriptor) = descriptors.next()? {
        let library = table.name(descriptor.name.get(LittleEndian))?;
        if !links.library(library) {
            break;
        }
        let first = match descriptor.original_first_thunk.get(LittleEndian) {
            0 => descriptor.first_thunk.get(LittleEndian),
            original => original,
        };
        pe_symbols::<Pe>(&table, first, &text(library), (&mut left, &mut *links))?;
    }
    Ok(())
}

fn pe_symbols<Pe: ImageNtHeaders>(
    table: &ImportTable<'_>,
    first: u32,
    library: &str,
    (left, links): (&mut usize, &mut Links),
) -> Result<()> {
    let mut thunks = table.thunks(first)?;
    while let Some(thunk) = thunks.next::<Pe>()? {
        *left = left.saturating_sub(1);
        let more = match table.import::<Pe>(thunk)? {
            Import::Name(_, name) => links.symbol(name, Some(library)),
            Import::Ordinal(number) => links.symbol(format!("#{number}").as_bytes(), Some(library)),
        };
        if !more || *left == 0 {
            break;
        }
    }
    Ok(())
}

fn macho_links<Mach: MachHeader<Endian = Endianness>>(
    data: &[u8],
    links: &mut Links,
) -> Result<()> {
    let header = Mach::parse(data, 0)?;
    let endian = header.endian()?;
    let mut commands = header.load_commands(endian, data, 0)?;
    let mut symbols = None;
    for _ in 0..ENTRIES {
        let Some(command) = commands.next()? else { break };
        if let Ok(Some(dylib)) = command.dylib()
            && !command.string(endian, dylib.dylib.name).is_ok_and(|name| links.library(name))
        {
            break;
        }
        if let Ok(Some(table)) = command.symtab() {
            symbols = Some(table);
        }
    }
    let Some(table) = symbols else { return Ok(()) };
    let table = table.symbols::<Mach, _>(endian, data)?;
    for row in table.iter().take(ENTRIES) {
        let missing = row.is_undefined() && !row.is_stab();
        if missing && !row.name(endian, table.strings()).is_ok_and(|name| links.symbol(name, None))
        {
            break;
        }
    }
    Ok(())
}
