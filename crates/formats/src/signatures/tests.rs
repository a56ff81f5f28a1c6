use super::*;
use davy_bytes::{Budget, Bytes, Limits};
use davy_testkit::robust::Random;
use davy_testkit::zip::{Archive, Member};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// The smallest file of each kind that is whole.
fn files() -> Vec<(&'static str, Kind, Vec<u8>)> {
    let mut elf =
        b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0\x01\0\0\0\0\0\0\0\x34\0\0\0".to_vec();
    elf.extend(b"\0\0\0\0\0\0\0\0\x34\0\x20\0\x01\0\x28\0\0\0\0\0\x01\0\0\0\0\0\0\0");
    elf.resize(0x34 + 16, 0);
    elf.extend(0x60_u32.to_le_bytes());
    elf.resize(0x60, 0);
    let mut pe = b"MZ".to_vec();
    pe.resize(0x3c, 0);
    pe.extend(0x40_u32.to_le_bytes());
    pe.extend(b"PE\0\0\x4c\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\xe0\0\x02\x01\x0b\x01");
    pe.resize(0x40 + 24 + 0xe0, 0);
    pe.extend(b".text\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\x60\x01\0\0");
    pe.resize(0x170, 0xcc);
    let mut macho =
        b"\xce\xfa\xed\xfe\x07\0\0\0\x03\0\0\0\x02\0\0\0\x01\0\0\0\x38\0\0\0\0\0\0\0".to_vec();
    macho.extend(b"\x01\0\0\0\x38\0\0\0");
    macho.resize(28 + 32, 0);
    macho.extend([0_u32, 100].map(u32::to_le_bytes).concat());
    macho.resize(100, 0);
    let mut gzip = GzEncoder::new(vec![], Compression::default());
    gzip.write_all(b"hello hello").unwrap();
    let mut seven = b"7z\xbc\xaf\x27\x1c\0\x04".to_vec();
    let header = [5_u64, 3].map(u64::to_le_bytes).concat();
    let header = [header, vec![1, 2, 3, 4]].concat();
    seven.extend(crc32fast::hash(&header).to_le_bytes());
    seven.extend(header);
    seven.extend([0; 8]);
    vec![
        ("elf", Kind::Program, elf),
        ("pe", Kind::Program, pe),
        ("macho", Kind::Program, macho),
        ("gzip", Kind::Archive, gzip.finish().unwrap()),
        ("7z", Kind::Archive, seven),
        ("zip", Kind::Archive, Archive::of([Member::stored("a", b"1")]).build()),
        ("pickle", Kind::Pickle, b"\x80\x02cos\nsystem\n(X\x02\0\0\0idtR.".to_vec()),
        ("script", Kind::Script, b"#!/bin/sh\necho hi\n".to_vec()),
    ]
}

fn search(bytes: &[u8], block: usize) -> Vec<(Span, Kind)> {
    found(bytes, block).into_iter().map(|it| (it.span, it.kind)).collect()
}

fn found(bytes: &[u8], block: usize) -> Vec<Embedded> {
    let mut search = Search::default();
    for (at, block) in (0..).step_by(block).zip(bytes.chunks(block)) {
        search.feed(at, block);
    }
    let whole = Bytes::from_memory(bytes);
    let measured = measure(&whole, &search, &|_| false, &mut Budget::default());
    assert_eq!(measured.halt, None);
    measured.files
}

/// Bytes of chance, the first of which belongs to no text.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = vec![0xff];
    while bytes.len() < len {
        bytes.extend(random.bits().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn every_kind_of_file_is_found_where_it_stands_to_the_byte() {
    for (name, kind, file) in files() {
        for before in [1, 61, 62, 63, 64, 65, 1000] {
            let bytes = [noise(7, before), file.clone(), noise(8, 300)].concat();
            for block in [64, 1 << 20] {
                let expected = (Span::new(to_u64(before), to_u64(file.len())), kind);
                assert_eq!(search(&bytes, block), [expected], "{name} behind {before}");
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_or_damaged_in_its_head_is_none() {
    for (name, _, file) in files() {
        let mut damaged = file.clone();
        let at = match name {
            "zip" => file.len() - 10,
            "gzip" => file.len() - 6,
            "pickle" => 2,
            "macho" => 5,
            "pe" => 0x45,
            "7z" => 20,
            "script" => 3,
            _ => 18,
        };
        damaged[at] ^= 0xff;
        if name == "elf" {
            damaged[18] = 0;
        }
        let bytes = [noise(7, 50), damaged, noise(9, 50)].concat();
        assert_eq!(search(&bytes, 1 << 20), [], "{name}");
    }
}

#[test]
fn files_in_base64_are_found_in_one_line_and_in_several() {
    for (name, kind, file) in files() {
        let text = davy_testkit::places::base64(&file);
        let lines: Vec<&str> =
            text.as_bytes().chunks(40).map(|it| std::str::from_utf8(it).unwrap()).collect();
        for (how, spelled) in [
            ("in one", text.clone()),
            ("without padding", text.trim_end_matches('=').to_owned()),
            ("in lines", lines.join("\n    ")),
            ("in escaped lines", lines.join("\\n")),
            ("with escaped slashes", text.replace('/', "\\/")),
            ("for addresses", text.replace('+', "-").replace('/', "_")),
        ] {
            let document = format!("{{\"a\": \"{spelled}\", \"rest\": 1}}").into_bytes();
            let found = found(&document, 1 << 20);
            let [Embedded { span, kind: of, decoded: Some(bytes) }] = &found[..] else {
                panic!("{name} {how}: {found:?}")
            };
            let content = bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap();
            assert_eq!((span.start, *of, content == file), (7, kind, true), "{name} {how}");
        }
    }
}

#[test]
fn base64_of_other_things_is_no_file() {
    let text = davy_testkit::places::base64(&noise(5, 1 << 20));
    assert_eq!(search(text.as_bytes(), 1 << 20), []);
    for text in
        ["\"gASVabcdefghijklmnopqrstuvwx\"", "TVqQ and more words", "H4sIH4sIH4sIH4sIH4sIH4sIH4sI"]
    {
        assert_eq!(search(text.as_bytes(), 1 << 20), [], "{text}");
    }
}

#[test]
fn chance_is_no_file() {
    assert_eq!(search(&noise(1, 8 << 20), 1 << 18), []);
    // Weights: numbers around zero, whose upper bytes are few.
    let mut random = Random(3);
    let weights: Vec<u8> = (0..1 << 20)
        .flat_map(|_| (random.below(1 << 20) as f32 / 1e7 - 0.05).to_le_bytes())
        .collect();
    assert_eq!(search(&weights, 1 << 18), []);
}

#[test]
fn what_is_known_is_not_measured_and_limits_hold() {
    let file = files().remove(0).2;
    let mut found = Search::default();
    found.feed(0, &file);
    let whole = Bytes::from_memory(file);
    let known = measure(&whole, &found, &|at| at == 0, &mut Budget::default());
    assert!(known.files.is_empty() && known.halt.is_none());
    let mut poor = Budget::new(Limits { steps: 10, ..Limits::default() });
    assert!(measure(&whole, &found, &|_| false, &mut poor).halt.is_some());
}
