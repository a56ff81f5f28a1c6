//! Pictures: PNG (PNG specification, 3rd edition), JPEG (ITU-T T.81, annex B), GIF (GIF89a
//! specification) and BMP.

use super::Walk;
use davy_bytes::Halt;

/// What every PNG starts with.
pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Chunks that viewers know: of the specification, of its extensions, of APNG, and of editors.
const CHUNKS: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP",
    b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf",
    b"tIME", b"acTL", b"fcTL", b"fdAT", b"oFFs", b"pCAL", b"sCAL", b"gIFg", b"gIFx", b"gIFt",
    b"sTER", b"dSIG", b"CgBI", b"iDOT", b"vpAg", b"caNv", b"orNT",
];

/// Length, kind, content and checksum, up to `IEND`.
pub(super) fn png(walk: &mut Walk<'_>) -> Result<(), Halt> {
    walk.cursor.skip(8, "signature")?;
    loop {
        walk.step()?;
        let length = u32::from_be_bytes(walk.cursor.array("length of a chunk")?);
        let kind: [u8; 4] = walk.cursor.array("kind of a chunk")?;
        let content = walk.cursor.skip(u64::from(length), "chunk")?;
        walk.cursor.skip(4, "checksum of a chunk")?;
        if kind == *b"IEND" {
            return Ok(());
        }
        if !CHUNKS.contains(&&kind) {
            walk.strange(&String::from_utf8_lossy(&kind), content);
        }
    }
}

/// Start of image and a marker that can follow it: an application's segment, a comment, tables or a
/// frame.
pub(super) fn starts_jpeg(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xd8, 0xff, 0xc0..=0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe, ..])
}

/// Segments and scans up to the end of the image; cameras write further images behind it.
pub(super) fn jpeg(walk: &mut Walk<'_>) -> Result<(), Halt> {
    loop {
        walk.cursor.skip(2, "start of an image")?;
        while segment(walk)? {}
        if walk.cursor.peek_slice(3)? != [0xff, 0xd8, 0xff] {
            return Ok(());
        }
    }
}

/// Passes over one segment, with the scan behind it; `false` at the end of the image.
fn segment(walk: &mut Walk<'_>) -> Result<bool, Halt> {
    walk.step()?;
    let at = walk.cursor.position();
    if walk.cursor.u8("marker")? != 0xff {
        return Err(Halt::malformed(at, "no marker, where a segment should start"));
    }
    let mut marker = walk.cursor.u8("marker")?;
    while marker == 0xff {
        marker = walk.cursor.u8("marker")?;
    }
    match marker {
        0xd9 => return Ok(false),
        // Restarts and TEM have no content.
        0x01 | 0xd0..=0xd7 => return Ok(true),
        _ => {}
    }
    let length = u16::from_be_bytes(walk.cursor.array("length of a segment")?);
    let Some(length) = length.checked_sub(2) else {
        return Err(Halt::malformed(at, "a segment that is shorter than its length"));
    };
    walk.cursor.skip(u64::from(length), "segment")?;
    if marker == 0xda {
        scan(walk)?;
    }
    Ok(true)
}

/// Passes over coded data to the next marker that is neither a stuffed byte nor a restart.
fn scan(walk: &mut Walk<'_>) -> Result<(), Halt> {
    loop {
        while walk.cursor.u8("scan")? != 0xff {}
        match walk.cursor.peek()? {
            Some(0 | 0xd0..=0xd7) => {
                walk.step()?;
                walk.cursor.skip(1, "scan")?;
            }
            _ => {
                let marker = walk.cursor.position().saturating_sub(1);
                walk.cursor.seek(marker);
                return Ok(());
            }
        }
    }
}

/// Screen, colours, and blocks up to the trailer.
pub(super) fn gif(walk: &mut Walk<'_>) -> Result<(), Halt> {
    walk.cursor.skip(10, "screen")?;
    let flags = walk.cursor.u8("screen")?;
    walk.cursor.skip(2, "screen")?;
    colours(walk, flags)?;
    loop {
        walk.step()?;
        let at = walk.cursor.position();
        match walk.cursor.u8("block")? {
            0x3b => return Ok(()),
            0x21 => {
                walk.cursor.skip(1, "extension")?;
            }
            0x2c => {
                walk.cursor.skip(8, "image")?;
                let flags = walk.cursor.u8("image")?;
                colours(walk, flags)?;
                walk.cursor.skip(1, "image")?;
            }
            _ => return Err(Halt::malformed(at, "no block of a GIF starts like this")),
        }
        loop {
            let length = walk.cursor.u8("block")?;
            if length == 0 {
                break;
            }
            walk.step()?;
            walk.cursor.skip(u64::from(length), "block")?;
        }
    }
}

/// Passes over a table of colours, if `flags` tell of one.
fn colours(walk: &mut Walk<'_>, flags: u8) -> Result<(), Halt> {
    if flags & 0x80 != 0 {
        walk.cursor.skip(6 << (flags & 7), "colours")?;
    }
    Ok(())
}

/// `BM` and a second header of a length that exists.
pub(super) fn starts_bmp(head: &[u8]) -> bool {
    let header = head.get(14..18);
    head.starts_with(b"BM")
        && head.get(6..10) == Some(&[0; 4])
        && matches!(header, Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// The header tells the length of all.
pub(super) fn bmp(walk: &mut Walk<'_>) -> Result<(), Halt> {
    walk.cursor.skip(2, "header")?;
    let length = u64::from(walk.cursor.u32_le("length of the file")?);
    if length > walk.bytes().len() {
        return Err(Halt::malformed(2, format!("a length of {length}, which is not there")));
    }
    walk.cursor.skip(length.saturating_sub(6), "picture")?;
    Ok(())
}
