//! Small whole files of the kinds that malware travels in, all inert: what is hidden in samples to
//! see whether it is found.

use crate::zip::{Archive, Member, crc32};

/// A file that does not belong where it is put.
#[derive(Clone, Debug)]
pub struct Payload {
    /// What it is called in tests.
    pub name: &'static str,
    /// The format that it has to be recognised as.
    pub format: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One of each kind.
#[must_use]
pub fn all() -> Vec<Payload> {
    let payload = |name, format, bytes| Payload { name, format, bytes };
    vec![
        payload("elf", "elf", elf()),
        payload("pe", "pe", pe()),
        payload("macho", "macho", macho()),
        payload("macho-fat", "macho", fat()),
        payload("shell", "script", b"#!/bin/sh\necho davy was here\n".to_vec()),
        payload(
            "python",
            "script",
            b"#!/usr/bin/env python3\nimport os\nos.system('id')\n".to_vec(),
        ),
        payload("zip", "zip", Archive::of([Member::stored("note.txt", b"davy was here")]).build()),
        payload("7z", "7z", seven_zip()),
        payload("gzip", "gzip", gzip(b"davy was here")),
        payload("pickle", "pickle", b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.".to_vec()),
    ]
}

/// A program of one segment that ends with a byte of its own.
fn elf() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    file.extend([0x78_u64, 64, 0].map(u64::to_le_bytes).concat());
    file.extend(b"\0\0\0\0\x40\0\x38\0\x01\0\x40\0\0\0\0\0");
    file.extend(b"\x01\0\0\0\x05\0\0\0");
    file.extend([0_u64, 0, 0, 0x90, 0x90, 0x1000].map(u64::to_le_bytes).concat());
    file.resize(0x8f, 0x90);
    file.push(0xc3);
    file
}

/// A program of one section.
fn pe() -> Vec<u8> {
    let mut file = b"MZ".to_vec();
    file.resize(0x3c, 0);
    file.extend(0x40_u32.to_le_bytes());
    file.extend(b"PE\0\0\x64\x86\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\0\x22\0\x0b\x02");
    file.resize(0x40 + 24 + 0xf0, 0);
    file.extend(b".text\0\0\0");
    file.extend(
        [0x40_u32, 0x1000, 0x40, 0x180, 0, 0, 0, 0x6000_0020].map(u32::to_le_bytes).concat(),
    );
    file.resize(0x1bf, 0x90);
    file.push(0xc3);
    file
}

/// A program of one segment.
fn macho() -> Vec<u8> {
    let mut file = b"\xcf\xfa\xed\xfe".to_vec();
    file.extend([0x0100_0007_u32, 3, 2, 1, 72, 0, 0, 0x19, 72].map(u32::to_le_bytes).concat());
    file.extend(b"__TEXT\0\0\0\0\0\0\0\0\0\0");
    file.extend([0_u64, 0x80, 0, 0x80].map(u64::to_le_bytes).concat());
    file.resize(0x7f, 0);
    file.push(0xc3);
    file
}

/// The same for one machine of several.
fn fat() -> Vec<u8> {
    let mut file = b"\xca\xfe\xba\xbe".to_vec();
    file.extend([1_u32, 0x0100_0007, 3, 64, 0x80, 6].map(u32::to_be_bytes).concat());
    file.resize(64, 0);
    file.extend(macho());
    file
}

/// An archive of one stored member (7zFormat.txt): `a` with a text.
#[must_use]
pub fn seven_zip() -> Vec<u8> {
    let text = b"davy was here";
    let length = u8::try_from(text.len()).unwrap_or(0);
    let mut header = vec![1, 4, 6, 0, 1, 9, length, 0, 7, 11, 1, 0, 1, 1, 0, 12, length, 10, 1];
    header.extend(crc32(text).to_le_bytes());
    header.extend([0, 8, 0, 0, 5, 1, 17, 5, 0, b'a', 0, 0, 0, 0, 0]);
    let mut start = 13_u64.to_le_bytes().to_vec();
    start.extend(u64::try_from(header.len()).unwrap_or(0).to_le_bytes());
    start.extend(crc32(&header).to_le_bytes());
    let mut file = b"7z\xbc\xaf\x27\x1c\0\x04".to_vec();
    file.extend(crc32(&start).to_le_bytes());
    file.extend(start);
    file.extend(text);
    file.extend(header);
    file
}

/// A gzip file that stores `content` as it is.
#[must_use]
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let content = content.get(..usize::from(length)).unwrap_or_default();
    let mut file = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(content);
    file.extend(crc32(content).to_le_bytes());
    file.extend(u32::from(length).to_le_bytes());
    file
}
