//! The decoders behind the compressed formats, each as a reader of one stream.

use super::feed::Feed;
use super::lzw::Lzw;
use bzip2::Decompress;
use davy_bytes::to_u64;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use lzma_rust2::{Action, LzmaReader, XzReader, XzStream};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// The properties that LZMA is packed with unless somebody asks for others, in its first byte.
const LZMA_USUAL: u8 = 0x5d;
/// Memory that a stream of LZMA may ask for, in KiB: four times what `xz -9` does.
const LZMA_MEMORY: u32 = 256 * 1024;

/// Window that a Zstandard frame may ask for, in bytes: what `zstd` accepts without being told.
const ZSTD_WINDOW: u64 = 128 << 20;

/// A way to compress a stream of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Codec {
    /// bzip2.
    Bzip2,
    /// Unix `compress`.
    Compress,
    /// LZ4 frames, of today and of old.
    Lz4,
    /// LZMA with the header of thirteen bytes, as `.lzma` files have it.
    Lzma,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// What a byte that comes out of bzip2 or LZMA counts against those of decoders that are fast.
pub const SLOW: u64 = 4;

impl Codec {
    /// How many times each byte that comes out is paid for.
    pub fn price(self) -> u64 {
        match self {
            Self::Bzip2 | Self::Compress | Self::Lzma | Self::Xz => SLOW,
            Self::Lz4 | Self::Zstd => 1,
        }
    }
}

/// A decoder under way.
pub enum Decoder {
    /// Takes pieces in, gives pieces out.
    Pushed(Feed, Machine),
    /// Reads by itself, to the end of the bytes.
    Compress(Box<Lzw>),
    /// Reads by itself.
    Lz4(Box<Lz4Decoder<Feed>>),
    /// Reads by itself, and ahead.
    Lzma(Box<LzmaReader<Feed>>),
    /// Reads by itself: xz with a chain of filters, which the machine does not take.
    Xz(Box<XzReader<Feed>>),
    /// Reads by itself.
    Zstd(Box<Zstd>),
}

/// A Zstandard frame under way.
pub struct Zstd {
    feed: Feed,
    frame: FrameDecoder,
    /// Why the frame breaks off; told once all that came before it was handed out.
    fault: Option<io::Error>,
}

/// A last block of no bytes (RFC 8878, section 3.1.1.2), and room for a checksum.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

impl Zstd {
    fn new(mut feed: Feed) -> io::Result<Self> {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(ZSTD_WINDOW);
        match frame.init(&mut feed) {
            Ok(()) => Ok(Self { feed, frame, fault: None }),
            Err(error) => Err(told(&error)),
        }
    }
}

/// What is wrong with a frame, and whose fault that is.
fn told(error: &FrameDecoderError) -> io::Error {
    let kind = match error {
        FrameDecoderError::DictNotProvided { .. } => io::ErrorKind::Unsupported,
        FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.to_string())
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let made = self.frame.read(buffer)?;
            if made > 0 || buffer.is_empty() {
                return Ok(made);
            }
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if self.frame.is_finished() {
                return Ok(0);
            }
            let next = BlockDecodingStrategy::UptoBlocks(1);
            if let Err(error) = self.frame.decode_blocks(&mut self.feed, next) {
                self.fault = Some(told(&error));
                // The decoder holds its last window back until the frame ends: so it ends here.
                let _ = self.frame.decode_blocks(LAST_BLOCK, BlockDecodingStrategy::All);
            }
        }
    }
}

/// A decoder that takes pieces in and gives pieces out.
pub enum Machine {
    /// bzip2.
    Bzip2(Box<Decompress>),
    /// xz.
    Xz(Box<XzStream>),
    /// The stream has come to its end.
    Ended,
}

/// What one step took in and gave out.
struct Step {
    used: usize,
    made: usize,
    ended: bool,
}

impl Decoder {
    /// A decoder of the stream that starts where `feed` stands.
    ///
    /// # Errors
    /// What is wrong with the stream's header.
    pub fn new(codec: Codec, mut feed: Feed) -> io::Result<Self> {
        let machine = match codec {
            Codec::Bzip2 => Machine::Bzip2(Box::new(Decompress::new(false))),
            Codec::Lzma => {
                let is_usual = feed.fill_buf()?.first() == Some(&LZMA_USUAL);
                let mut decoder = LzmaReader::new_mem_limit(feed, LZMA_MEMORY, None)?;
                // An end mark may stand behind a size that is declared, as liblzma allows it.
                decoder.set_relaxed_end_condition(false);
                // Anything unpacks to something for a while: what came out before a fault is kept
                // where the stream starts as all writers of it let it start.
                decoder.set_defer_errors(is_usual);
                return Ok(Self::Lzma(Box::new(decoder)));
            }
            Codec::Xz if is_chained(feed.fill_buf()?) => {
                let decoder = XzReader::new_mem_limit(feed, false, LZMA_MEMORY);
                return Ok(Self::Xz(Box::new(decoder)));
            }
            Codec::Xz => Machine::Xz(Box::new(XzStream::new_mem_limit(false, LZMA_MEMORY))),
            Codec::Compress => return Ok(Self::Compress(Box::new(Lzw::new(feed)?))),
            Codec::Lz4 => return Ok(Self::Lz4(Box::new(Lz4Decoder::new(feed)))),
            Codec::Zstd => return Ok(Self::Zstd(Box::new(Zstd::new(feed)?))),
        };
        Ok(Self::Pushed(feed, machine))
    }

    /// The checksum that the stream declares and the one of what came out, where the decoder leaves
    /// it to its caller to compare them.
    pub fn checksums(&self) -> Option<(u32, u32)> {
        let Self::Zstd(stream) = self else { return None };
        let decoder = &stream.frame;
        Some((decoder.get_checksum_from_data()?, decoder.get_calculated_checksum()?))
    }

    /// Where the packed bytes are read.
    pub fn feed(&self) -> &Feed {
        match self {
            Self::Pushed(feed, _) => feed,
            Self::Compress(decoder) => decoder.feed(),
            Self::Lz4(decoder) => decoder.get_ref(),
            Self::Lzma(decoder) => decoder.inner(),
            Self::Xz(decoder) => decoder.inner(),
            Self::Zstd(decoder) => &decoder.feed,
        }
    }

    /// The feed, and the offset of the first byte that does not belong to the stream.
    pub fn into_parts(self) -> (Feed, u64) {
        let (feed, unread) = match self {
            Self::Pushed(feed, _) => (feed, 0),
            Self::Compress(decoder) => (decoder.into_feed(), 0),
            Self::Lz4(decoder) => (decoder.into_inner(), 0),
            Self::Lzma(decoder) => {
                let (feed, unread) = decoder.into_parts();
                (feed, to_u64(unread.len()))
            }
            Self::Xz(decoder) => (decoder.into_inner(), 0),
            Self::Zstd(decoder) => (decoder.feed, 0),
        };
        let end = feed.position().saturating_sub(unread);
        (feed, end)
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Compress(decoder) => decoder.read(buffer),
            Self::Lz4(decoder) => decoder.read(buffer),
            Self::Lzma(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Pushed(feed, machine) => pull(feed, machine, buffer),
        }
    }
}

/// Whether the first block of the xz stream that `head` starts has more filters than LZMA2 and one
/// before it (xz file format, section 3.1.2).
fn is_chained(head: &[u8]) -> bool {
    head.get(13).is_some_and(|flags| flags & 3 >= 2)
}

/// Steps until something comes out, or the stream ends.
fn pull(feed: &mut Feed, machine: &mut Machine, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let input = feed.fill_buf()?;
        let none_left = input.is_empty();
        let step = machine.step(input, buffer)?;
        feed.consume(step.used);
        if step.ended {
            *machine = Machine::Ended;
        }
        if step.ended || step.made > 0 {
            return Ok(step.made);
        }
        if none_left || step.used == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl Machine {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        let action = if input.is_empty() { Action::Finish } else { Action::Run };
        let done = match self {
            Self::Ended => return Ok(Step { used: 0, made: 0, ended: true }),
            Self::Bzip2(decoder) => return bzip2(decoder, input, output),
            Self::Xz(stream) => stream.process(input, output, action).map_err(of_xz)?,
        };
        let ended = done.status == lzma_rust2::Status::StreamEnd;
        Ok(Step { used: done.bytes_consumed, made: done.bytes_produced, ended })
    }
}

/// The library says that a chain of filters is damaged where it is one that it does not read.
fn of_xz(error: io::Error) -> io::Error {
    let what = error.to_string();
    if what.contains("not supported") {
        return io::Error::new(io::ErrorKind::Unsupported, what);
    }
    error
}

fn bzip2(decoder: &mut Decompress, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
    let (taken, given) = (decoder.total_in(), decoder.total_out());
    let status = decoder.decompress(input, output)?;
    let count = |now: u64, before: u64| davy_bytes::to_usize(now.saturating_sub(before));
    Ok(Step {
        used: count(decoder.total_in(), taken),
        made: count(decoder.total_out(), given),
        ended: status == bzip2::Status::StreamEnd,
    })
}
