//! Files that are one compressed stream, or several one behind the other: bzip2, compress, lz4, lzma,
//! xz and zstd. What is inside is a child, and so is what stands in frames that decoders pass over.

mod codec;
mod feed;
mod lzw;

pub use feed::Feed;

use crate::gzip::{Output, PIECE, STREAM, note_expansion, note_streams};
pub(crate) use codec::SLOW;
use codec::{Codec, Decoder};
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};
use std::io::{self, Read};

/// One compressed format.
#[derive(Debug)]
pub struct Compressed {
    id: &'static str,
    summary: &'static str,
    codec: Codec,
}

/// The reader of bzip2 files.
pub const BZIP2: Compressed =
    Compressed { id: "bzip2", summary: "bzip2 files", codec: Codec::Bzip2 };

/// The reader of files of Unix `compress`.
pub const COMPRESS: Compressed =
    Compressed { id: "compress", summary: "files of Unix compress", codec: Codec::Compress };

/// The reader of LZ4 files.
pub const LZ4: Compressed = Compressed { id: "lz4", summary: "LZ4 files", codec: Codec::Lz4 };

/// The reader of LZMA files.
pub const LZMA: Compressed =
    Compressed { id: "lzma", summary: "LZMA files of the old kind", codec: Codec::Lzma };

/// The reader of xz files.
pub const XZ: Compressed = Compressed { id: "xz", summary: "xz files", codec: Codec::Xz };

/// The reader of Zstandard files.
pub const ZSTD: Compressed =
    Compressed { id: "zstd", summary: "Zstandard files", codec: Codec::Zstd };

impl Format for Compressed {
    fn id(&self) -> &'static str {
        self.id
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        match self.codec {
            codec if !starts(codec, head) => Probe::No,
            // It has no magic, and chance can look like its header.
            Codec::Compress | Codec::Lzma => Probe::Possible,
            // What two formats may start with.
            _ if skipped(head).is_some() => Probe::Possible,
            _ => Probe::Certain,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut output = Output::default();
        let result = self.streams(input.bytes, &mut output, reading, budget);
        let produced = output.len();
        if result.is_ok() || produced > 0 {
            note_expansion(&result, input.bytes.len(), produced, reading);
            reading.child(inner_name(input.name), output.finish(), input.role.unpacked());
        }
        result
    }
}

impl Compressed {
    /// Reads stream behind stream, and what follows them.
    fn streams(
        &self,
        bytes: &Bytes,
        output: &mut Output,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let (mut at, mut streams) = (0, 0_u64);
        loop {
            at = match skippable(self.codec, bytes, at)? {
                Some(end) => {
                    let inside = Span::between(at.saturating_add(8), end);
                    if !crate::zip::is_blank(bytes, inside)? {
                        let name = format!("@skippable@{:#x}", inside.start);
                        reading.child(name, bytes.slice(inside), Role::Storage);
                    }
                    end
                }
                None => {
                    streams = streams.saturating_add(1);
                    budget.spend_steps(STREAM, at)?;
                    self.stream(bytes, at, output, (&mut *reading, &mut *budget))?
                }
            };
            at = padding(self.codec, bytes, at)?;
            let head = bytes.copy(Span::new(at, 32), 32)?;
            if !starts(self.codec, &head) {
                break;
            }
        }
        note_streams(streams, at, reading);
        let rest = Span::between(at, bytes.len());
        reading.seamless = rest.len == 0;
        if rest.len > 0 {
            let what = format!("{} bytes behind the stream", rest.len);
            reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
            reading.child(format!("@suffix@{at:#x}"), bytes.slice(rest), Role::Leftover);
        }
        Ok(())
    }

    /// Unpacks the stream at `start` and returns where it ends.
    fn stream(
        &self,
        bytes: &Bytes,
        start: u64,
        output: &mut Output,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<u64, Halt> {
        let broken = |at: u64, why: &dyn std::fmt::Display| {
            Halt::malformed(at, format!("{}: {why}", self.id))
        };
        let mut decoder = match Decoder::new(self.codec, Feed::new(bytes.clone(), start)) {
            Ok(decoder) => decoder,
            Err(why) => {
                bytes.copy(Span::new(start, 32), 32)?;
                return Err(match why.kind() {
                    io::ErrorKind::Unsupported => {
                        Halt::unsupported(start, format!("{}: {why}", self.id))
                    }
                    io::ErrorKind::OutOfMemory => {
                        let what = "needs more memory than is allowed";
                        Halt::exhausted(start, format!("{}: {what}: {why}", self.id))
                    }
                    _ => broken(start, &why),
                });
            }
        };
        let mut paid = start;
        let mut buffer = vec![0; PIECE];
        loop {
            let price = self.codec.price();
            let result = piece(&mut decoder, &mut buffer, output, (price, &mut *budget));
            let at = decoder.feed().position();
            budget.spend_steps(at.saturating_sub(paid), start)?;
            paid = at;
            if let Err(halt) = output.pay(budget, start) {
                let _ = spent(budget, start);
                return Err(halt);
            }
            match result {
                Ok(Some(0)) => break,
                Ok(Some(_)) => {}
                Ok(None) => return Err(spent(budget, start)),
                Err(error) => return Err(failure(self.id, &error, decoder)),
            }
        }
        if self.codec == Codec::Lzma && is_wide(bytes.copy(Span::new(start, 1), 1)?.first()) {
            let what =
                "it looks at more bits than liblzma allows: Python and xz refuse what others read";
            reading.deviation(Quirk::LoadersDisagree, Span::new(start, 1), Route::None, what);
        }
        if decoder.feed().starved() && self.codec == Codec::Lz4 && !is_legacy(bytes, start)? {
            return Err(broken(bytes.len(), &"truncated frame"));
        }
        if let Some((declared, found)) = decoder.checksums()
            && declared != found
        {
            let span = Span::between(start, decoder.feed().position());
            let what = format!("its checksum is {found:#010x}, where {declared:#010x} is declared");
            reading.deviation(Quirk::WrongChecksum, span, Route::None, &what);
        }
        Ok(decoder.into_parts().1)
    }
}

/// Adds one piece to the output and pays for it; how long it is, or nothing where it cannot be paid.
fn piece(
    decoder: &mut Decoder,
    buffer: &mut [u8],
    output: &mut Output,
    (price, budget): (u64, &mut Budget),
) -> io::Result<Option<usize>> {
    let made = decoder.read(buffer)?;
    let cost = to_u64(made).saturating_mul(price);
    let affordable = budget.spend_expansion(cost, 0).is_ok();
    let left = budget.left().expansion.checked_div(price).unwrap_or(0);
    let kept = if affordable { made } else { to_usize(left).min(made) };
    output.push(buffer.get(..kept).unwrap_or_default());
    Ok(affordable.then_some(made))
}

/// Spends what is left of unpacked bytes, or each of a thousand bombs would get as far, and returns
/// the halt at `at` that this is.
pub(crate) fn spent(budget: &mut Budget, at: u64) -> Halt {
    let rest = budget.left().expansion;
    let over = budget.spend_expansion(rest.saturating_add(1), at);
    let _ = budget.spend_expansion(rest, at);
    over.err().unwrap_or_else(|| Halt::exhausted(at, "the limit on unpacked bytes"))
}

/// Why a stream cannot be followed further.
fn failure(id: &str, error: &io::Error, decoder: Decoder) -> Halt {
    let (mut feed, at) = decoder.into_parts();
    if let Some(halt) = feed.fault() {
        return halt;
    }
    match error.kind() {
        io::ErrorKind::OutOfMemory => {
            Halt::exhausted(at, format!("{id}: needs more memory than is allowed: {error}"))
        }
        io::ErrorKind::Unsupported => Halt::unsupported(at, format!("{id}: {error}")),
        _ if feed.starved() => Halt::malformed(at, format!("truncated {id} stream")),
        _ => Halt::malformed(at, format!("{id}: {error}")),
    }
}

/// Whether a stream of `codec` starts with `head`.
fn starts(codec: Codec, head: &[u8]) -> bool {
    match codec {
        // The first block's magic is that of a block (π), or of the end where there is none (√π).
        Codec::Bzip2 => {
            let level = head.get(3).is_some_and(|level| (b'1'..=b'9').contains(level));
            let block = head.get(4..10).is_none_or(|magic| {
                magic == b"\x31\x41\x59\x26\x53\x59" || magic == b"\x17\x72\x45\x38\x50\x90"
            });
            head.starts_with(b"BZh") && level && block
        }
        Codec::Compress => lzw::starts(head),
        Codec::Lz4 => {
            head.starts_with(b"\x04\x22\x4d\x18")
                || head.starts_with(b"\x02\x21\x4c\x18")
                || skipped(head).is_some()
        }
        Codec::Lzma => is_lzma(head),
        Codec::Xz => head.starts_with(b"\xfd7zXZ\0"),
        Codec::Zstd => head.starts_with(b"\x28\xb5\x2f\xfd") || skipped(head).is_some(),
    }
}

/// Whether a header of `.lzma` is one that its writers make: known properties, a dictionary of
/// 2ⁿ or 2ⁿ + 2ⁿ⁻¹ bytes, a size that is not absurd, and the zero that range coders start with.
/// The same test that liblzma makes where it guesses (`lzma_alone_decoder`, `picky`), and one more:
/// behind a stream of nothing, which headers full of zeros look like, comes the end or another.
fn is_lzma(head: &[u8]) -> bool {
    let Some((properties, rest)) = head.split_first() else { return false };
    let Some((dictionary, rest)) = rest.split_first_chunk() else { return false };
    let Some((size, rest)) = rest.split_first_chunk() else { return false };
    let (dictionary, size) = (u32::from_le_bytes(*dictionary), u64::from_le_bytes(*size));
    let power = |n: u32| n.is_power_of_two();
    let usual = power(dictionary) || (dictionary % 3 == 0 && power(dictionary / 3));
    *properties < 225
        && (usual || dictionary == u32::MAX)
        && dictionary >= 4096
        && (size == u64::MAX || size < 1 << 38)
        && rest.first() == Some(&0)
        && (size > 0 || rest.get(5..).is_none_or(|next| next.is_empty() || is_lzma(next)))
}

/// Whether properties of LZMA, which are `(pb * 5 + lp) * 9 + lc`, have more than four bits of
/// literals and positions together (`lzma_lclppb_decode` refuses those).
fn is_wide(properties: Option<&u8>) -> bool {
    properties.is_some_and(|it| (*it % 9).saturating_add(*it / 9 % 5) > 4)
}

/// The length of the skippable frame (RFC 8878, section 3.1.2; LZ4 has the same) that `head` starts.
fn skipped(head: &[u8]) -> Option<u64> {
    let (magic, rest) = head.split_first_chunk()?;
    let length = rest.first_chunk()?;
    let skippable = u32::from_le_bytes(*magic) & 0xffff_fff0 == 0x184d_2a50;
    skippable.then(|| u64::from(u32::from_le_bytes(*length)).saturating_add(8))
}

/// Where the skippable frame at `at` ends, if there is one.
fn skippable(codec: Codec, bytes: &Bytes, at: u64) -> Result<Option<u64>, Halt> {
    if !matches!(codec, Codec::Lz4 | Codec::Zstd) {
        return Ok(None);
    }
    let Some(length) = skipped(&bytes.copy(Span::new(at, 8), 8)?) else { return Ok(None) };
    match at.checked_add(length).filter(|end| *end <= bytes.len()) {
        Some(end) => Ok(Some(end)),
        None => Err(Halt::malformed(at, "truncated skippable frame")),
    }
}

/// Whether the LZ4 frame at `at` is of the old kind, which ends where the file ends.
fn is_legacy(bytes: &Bytes, at: u64) -> Result<bool, Halt> {
    Ok(bytes.copy(Span::new(at, 4), 4)? == b"\x02\x21\x4c\x18")
}

/// Where the padding behind a stream ends: zeros, four at a time (xz file format, section 2.2).
fn padding(codec: Codec, bytes: &Bytes, mut at: u64) -> Result<u64, Halt> {
    while codec == Codec::Xz && bytes.copy(Span::new(at, 4), 4)? == [0; 4] {
        at = at.saturating_add(4);
    }
    Ok(at)
}

/// The name of what is inside: that of the file without its last extension.
fn inner_name(name: &str) -> String {
    const EXTENSIONS: &[&str] = &["Z", "bz2", "lz4", "lzma", "xz", "zst", "zstd"];
    match name.rsplit_once('.') {
        Some((stem, last)) if EXTENSIONS.contains(&last) && !stem.is_empty() => stem.to_owned(),
        _ => "data".to_owned(),
    }
}

#[cfg(test)]
mod tests;
