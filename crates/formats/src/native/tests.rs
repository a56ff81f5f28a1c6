use super::*;
use davy_testkit::robust::{self, Order};

/// A library of one segment that has its own headers, and a dynamic section that needs one library
/// and one symbol.
fn elf() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    file.extend([0; 8]);
    file.extend(64_u64.to_le_bytes());
    file.extend([0; 12]);
    file.extend(b"\x40\0\x38\0\x02\0\x40\0\0\0\0\0");
    // Everything is mapped where it stands in the file.
    for (kind, offset, size) in [(1_u32, 0_u64, 512_u64), (2, 256, 80)] {
        file.extend(kind.to_le_bytes());
        file.extend(4_u32.to_le_bytes());
        for field in [offset, offset, offset, size, size, 8] {
            file.extend(field.to_le_bytes());
        }
    }
    file.resize(256, 0);
    // DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SYMTAB, DT_NULL.
    for (tag, value) in [(1_u64, 1_u64), (5, 400), (10, 24), (6, 336), (0, 0)] {
        file.extend(tag.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 24]);
    file.extend(11_u32.to_le_bytes());
    file.extend([0x12, 0, 0, 0]);
    file.extend([0; 16]);
    file.resize(400, 0);
    file.extend(b"\0libc.so.6\0system\0\0\0\0\0\0\0");
    file.resize(512, 0);
    file
}

/// A program of one section that imports one function.
fn pe() -> Vec<u8> {
    let mut file = b"MZ".to_vec();
    file.resize(0x3c, 0);
    file.extend(0x40_u32.to_le_bytes());
    file.extend(b"PE\0\0\x64\x86\x01\0");
    file.extend([0; 12]);
    file.extend(b"\xf0\0\x22\0\x0b\x02");
    let optional = file.len() - 2;
    file.resize(optional + 60, 0);
    file.extend(0x200_u32.to_le_bytes());
    file.resize(optional + 108, 0);
    file.extend(16_u32.to_le_bytes());
    file.extend([0; 8]);
    file.extend(0x1000_u32.to_le_bytes());
    file.extend(0x28_u32.to_le_bytes());
    file.resize(optional + 240, 0);
    file.extend(b".idata\0\0");
    for field in [0x200_u32, 0x1000, 0x200, 0x200] {
        file.extend(field.to_le_bytes());
    }
    file.resize(0x200, 0);
    for field in [0x1040_u32, 0, 0, 0x1080, 0x1040] {
        file.extend(field.to_le_bytes());
    }
    file.resize(0x240, 0);
    file.extend(0x1060_u64.to_le_bytes());
    file.resize(0x260, 0);
    file.extend(b"\0\0WinExec\0");
    file.resize(0x280, 0);
    file.extend(b"KERNEL32.dll\0");
    file.resize(0x400, 0);
    file
}

/// A library that links another.
fn macho() -> Vec<u8> {
    let mut file = b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0\x06\0\0\0\x02\0\0\0".to_vec();
    file.extend((72_u32 + 56).to_le_bytes());
    file.extend([0; 8]);
    file.extend(b"\x19\0\0\0\x48\0\0\0__TEXT\0\0\0\0\0\0\0\0\0\0");
    for field in [0_u64, 0x100, 0, 0x100] {
        file.extend(field.to_le_bytes());
    }
    file.extend([0; 16]);
    file.extend(b"\x0c\0\0\0\x38\0\0\0\x18\0\0\0");
    file.extend([0; 12]);
    file.extend(b"/usr/lib/libSystem.B.dylib\0\0\0\0\0\0");
    file.resize(0x100, 0);
    file
}

fn fat() -> Vec<u8> {
    let mut file = b"\xca\xfe\xba\xbe\0\0\0\x01".to_vec();
    for field in [0x0100_0007_u32, 3, 64, 256, 6] {
        file.extend(field.to_be_bytes());
    }
    file.resize(64, 0);
    file.extend(macho());
    file
}

fn read(format: &Native, bytes: &[u8]) -> Reading {
    assert_eq!(robust::probe(format, "x", bytes), Probe::Certain);
    robust::read(format, "x", bytes).unwrap().reading
}

fn told(reading: &Reading) -> (String, Vec<String>, Vec<String>) {
    let (mut kind, mut libraries, mut symbols) = (String::new(), vec![], vec![]);
    for fact in &reading.facts {
        match fact {
            Fact::Attribute { value, .. } => kind = value.text().unwrap_or_default().to_owned(),
            Fact::Reference { target, .. } => libraries.push(target.clone()),
            Fact::Object { path, detail, .. } => symbols.push(format!("{path} {detail}")),
            _ => {}
        }
    }
    (kind, libraries, symbols)
}

#[test]
fn programs_tell_what_they_link_and_import() {
    let strings = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    for (format, file, kind, libraries, symbols) in [
        (
            &ELF,
            elf(),
            "ELF shared library or program, 64 bit, x86-64",
            "libc.so.6",
            &["system "][..],
        ),
        (&PE, pe(), "PE program, x86-64", "KERNEL32.dll", &["WinExec KERNEL32.dll"]),
        (&MACHO, macho(), "Mach-O library, x86-64", "/usr/lib/libSystem.B.dylib", &[]),
    ] {
        let reading = read(format, &file);
        assert_eq!(told(&reading), (kind.to_owned(), strings(&[libraries]), strings(symbols)));
        assert!(reading.seamless && reading.deviations.is_empty(), "{kind}");
        assert_eq!(reading.gaps.len(), 1, "{kind}");
    }
    let reading = read(&MACHO, &fat());
    assert_eq!(told(&reading).0, "Mach-O for x86-64");
    assert_eq!(
        (reading.children[0].name.as_str(), reading.children[0].bytes.len()),
        ("x86-64", 256)
    );
}

#[test]
fn what_stands_behind_is_left_over() {
    for (format, file) in [(&ELF, elf()), (&PE, pe()), (&MACHO, macho()), (&MACHO, fat())] {
        let reading = read(format, &[file.as_slice(), b"more"].concat());
        let child = reading.children.last().unwrap();
        assert_eq!(child.name, format!("@suffix@{:#x}", file.len()));
        assert_eq!(reading.deviations[0].span, Span::new(to_u64(file.len()), 4));
        let cut = &file[..file.len() - 1];
        assert_eq!(read(format, cut).deviations[0].quirk, Quirk::Truncated);
    }
}

#[test]
fn first_bytes_alone_are_no_program() {
    for head in [
        b"\x7fELF\x02\x01\x01".as_slice(),
        b"MZ and so on, for more than sixty-four bytes, without any header of another kind",
        b"\xcf\xfa\xed\xfe\x07\0\0\x01",
        b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d",
    ] {
        for format in [&ELF, &PE, &MACHO] {
            assert_eq!(robust::probe(format, "x", head), Probe::No, "{head:?}");
        }
    }
    assert_eq!(robust::probe(&Program, "x", b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d"), Probe::Certain);
    assert_eq!(robust::probe(&PE, "x", b"MZqFpD='\n"), Probe::Certain);
}

#[test]
fn damage_breaks_no_promise() {
    for (format, file) in [(&ELF, elf()), (&PE, pe()), (&MACHO, macho()), (&MACHO, fat())] {
        robust::truncations(format, &file, Order::Indexed).unwrap();
        robust::flips(format, &file).unwrap();
        robust::splices(format, &file, &pe()).unwrap();
    }
}
