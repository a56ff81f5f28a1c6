//! Sounds and films: RIFF (Multimedia Programming Interface 1.0), ISO base media (ISO/IEC 14496-12),
//! Ogg (RFC 3533) and MPEG audio (ISO/IEC 11172-3) with ID3 tags.

use super::Walk;
use davy_bytes::{Halt, Span};

/// What every page of Ogg starts with.
pub(super) const OGG: &[u8] = b"OggS";

/// RIFF with one of the contents that players know.
pub(super) fn starts_riff(head: &[u8]) -> bool {
    let content = head.get(8..12).unwrap_or_default();
    head.starts_with(b"RIFF") && [b"WAVE", b"WEBP", b"AVI "].iter().any(|it| content == *it)
}

/// The length of all, and chunks of which each starts at an even offset.
pub(super) fn riff(walk: &mut Walk<'_>) -> Result<(), Halt> {
    loop {
        walk.cursor.skip(4, "signature")?;
        let length = u64::from(walk.cursor.u32_le("length of all")?);
        let end = walk.cursor.position().saturating_add(length);
        walk.cursor.skip(4, "content")?;
        // What is written to a pipe does not know its length.
        let end = if length == u64::from(u32::MAX) { walk.bytes().len() } else { end };
        while end.saturating_sub(walk.cursor.position()) >= 8 {
            walk.step()?;
            let kind: [u8; 4] = walk.cursor.array("kind of a chunk")?;
            let length = u64::from(walk.cursor.u32_le("length of a chunk")?);
            let left = walk.bytes().len().saturating_sub(walk.cursor.position());
            let length = if length == u64::from(u32::MAX) { left } else { length };
            let content = walk.cursor.skip(length, "chunk")?;
            if length % 2 == 1 && walk.cursor.peek()? == Some(0) {
                walk.cursor.skip(1, "padding")?;
            }
            if matches!(&kind, b"JUNK" | b"PAD ") {
                walk.strange(&String::from_utf8_lossy(&kind), content);
            }
        }
        if !starts_riff_part(walk.cursor.peek_slice(12)?) {
            return Ok(());
        }
    }
}

/// The further parts that a long AVI has.
fn starts_riff_part(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVIX")
}

/// A box of file type, which comes first.
pub(super) fn starts_boxes(head: &[u8]) -> bool {
    let brand = head.get(8..12).unwrap_or_default();
    let printable = brand.len() == 4 && brand.iter().all(|byte| matches!(byte, b' '..=b'~'));
    head.get(4..8) == Some(b"ftyp") && head.starts_with(&[0, 0]) && printable
}

/// Boxes, up to the end or to what is none.
pub(super) fn boxes(walk: &mut Walk<'_>) -> Result<(), Halt> {
    loop {
        let at = walk.cursor.position();
        let head = walk.cursor.peek_slice(8)?;
        let kind = head.get(4..8).unwrap_or_default();
        if !kind.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_')) {
            return Ok(());
        }
        let Ok(kind) = <[u8; 4]>::try_from(kind) else { return Ok(()) };
        walk.step()?;
        let short = u32::from_be_bytes(walk.cursor.array("length of a box")?);
        walk.cursor.skip(4, "kind of a box")?;
        let length = match short {
            0 => walk.bytes().len().saturating_sub(at),
            1 => u64::from_be_bytes(walk.cursor.array("length of a box")?),
            _ => u64::from(short),
        };
        let end = at.saturating_add(length);
        let here = walk.cursor.position();
        let Some(content) = end.checked_sub(here) else {
            return Err(Halt::malformed(at, "a box that is shorter than its header"));
        };
        let content = walk.cursor.skip(content, "box")?;
        if matches!(&kind, b"free" | b"skip" | b"uuid" | b"wide") {
            walk.strange(&String::from_utf8_lossy(&kind), content);
        }
    }
}

/// Pages, each with a table of its segments.
pub(super) fn ogg(walk: &mut Walk<'_>) -> Result<(), Halt> {
    while walk.cursor.peek_slice(4)? == OGG {
        walk.step()?;
        walk.cursor.skip(26, "header of a page")?;
        let segments = walk.cursor.u8("header of a page")?;
        let lengths = walk.cursor.take(usize::from(segments), "table of segments")?;
        let length = lengths.iter().map(|length| u64::from(*length)).sum();
        walk.cursor.skip(length, "page")?;
    }
    Ok(())
}

/// Length of a frame of MPEG audio (ISO/IEC 11172-3, 2.4.2.3; ISO/IEC 13818-3 for lower rates) with
/// its header; `None` where no frame starts.
fn frame(head: &[u8]) -> Option<u64> {
    let [0xff, second, third, ..] = *head else { return None };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    let (rate, sampling) = (third >> 4, third >> 2 & 3);
    if second & 0xe0 != 0xe0 || version == 1 || layer == 0 || sampling == 3 {
        return None;
    }
    const FIRST: [[u64; 14]; 3] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    ];
    const LOWER: [[u64; 14]; 2] = [
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    ];
    let first = version == 3;
    let table = match (first, layer) {
        (true, layer) => FIRST.get(usize::from(layer.checked_sub(1)?))?,
        (false, 3) => LOWER.get(1)?,
        (false, _) => LOWER.first()?,
    };
    let kilobits = *table.get(usize::from(rate.checked_sub(1)?))?;
    let hertz = [44_100_u64, 48_000, 32_000].get(usize::from(sampling))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let padding = u64::from(third >> 1 & 1);
    let bits = kilobits.saturating_mul(1000);
    let words = |per_frame: u64| per_frame.saturating_mul(bits).checked_div(hertz);
    Some(match layer {
        3 => words(12)?.saturating_add(padding).saturating_mul(4),
        1 if !first => words(72)?.saturating_add(padding),
        _ => words(144)?.saturating_add(padding),
    })
}

/// A tag, or two frames behind each other.
pub(super) fn starts_mp3(head: &[u8]) -> bool {
    let tagged = matches!(head, [b'I', b'D', b'3', 2..=4, 0..=9, _, a, b, c, d, ..]
        if (a | b | c | d) & 0x80 == 0);
    let next = frame(head).and_then(|length| head.get(davy_bytes::to_usize(length)..));
    tagged || next.is_some_and(|next| frame(next).is_some())
}

/// Tags before the frames, frames, and tags behind them.
pub(super) fn mp3(walk: &mut Walk<'_>) -> Result<(), Halt> {
    loop {
        walk.step()?;
        let head: [u8; 10] = match walk.cursor.peek_slice(10)?.try_into() {
            Ok(head) => head,
            Err(_) => return Ok(()),
        };
        match head {
            [b'I', b'D', b'3', _, _, flags, a, b, c, d] => {
                let length =
                    [a, b, c, d].iter().fold(0_u64, |sum, byte| sum << 7 | u64::from(*byte));
                let footer = if flags & 0x10 == 0 { 0 } else { 10 };
                walk.cursor.skip(10, "tag")?;
                let tag = walk.cursor.skip(length.saturating_add(footer), "tag")?;
                padding(walk, tag)?;
            }
            [b'T', b'A', b'G', ..] => {
                walk.cursor.skip(128, "tag")?;
            }
            _ => match frame(&head) {
                // Recordings are cut anywhere.
                Some(length) => {
                    let left = walk.cursor.remaining();
                    walk.cursor.skip(length.min(left), "frame")?;
                }
                None => return Ok(()),
            },
        }
    }
}

/// Zeros behind a tag, which editors leave room with.
fn padding(walk: &mut Walk<'_>, tag: Span) -> Result<(), Halt> {
    let mut zeros = 0_u64;
    while walk.cursor.peek()? == Some(0) {
        walk.cursor.skip(1, "padding")?;
        zeros = zeros.saturating_add(1);
    }
    walk.budget.spend_steps(zeros >> 6, tag.end())
}
