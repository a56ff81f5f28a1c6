//! Inflating under a limit: what comes out is paid for as it comes, and kept if the rest fails.

use super::output::{Output, PIECE};
use davy_bytes::{Budget, Bytes, Halt, Source, Span, to_u64, to_usize};
use flate2::{Decompress, FlushDecompress, Status};
use std::{fmt, io};

/// The first piece of input is this short: many streams are, and forged ones break off at once.
const FIRST_PIECE: usize = 1024;

/// What stands around a deflate stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// Nothing (RFC 1951), as in zip and behind a gzip header.
    Raw,
    /// The two-byte header and the Adler-32 of RFC 1950.
    Zlib,
}

/// What came out of a deflate stream.
#[derive(Debug)]
pub struct Inflated {
    /// The output, up to the fault if there is one.
    pub bytes: Bytes,
    /// How the stream went.
    pub end: End,
}

/// How a deflate stream went.
#[derive(Debug)]
pub struct End {
    /// CRC-32 of its output.
    pub crc32: u32,
    /// Bytes of input that belong to it.
    pub consumed: u64,
    /// Bytes of output.
    pub produced: u64,
    /// Why it could not be followed to its end.
    pub fault: Option<Halt>,
}

/// Bytes in memory, without the copy that an `Arc<[u8]>` costs.
struct Kept(Vec<u8>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} bytes)", self.0.len())
    }
}

impl Source for Kept {
    fn len(&self) -> u64 {
        to_u64(self.0.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(to_usize(offset)..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

/// Takes over bytes that are in memory, without copying them.
#[must_use]
pub fn keep(bytes: Vec<u8>) -> Bytes {
    Bytes::new(Kept(bytes))
}

/// Inflates the stream that starts at the first byte of `span`. Every byte of output is paid from
/// the budget's expansion, and every byte of input from its steps, whether it ends well or not.
///
/// # Errors
/// Only when the medium fails or the steps run out; faults of the stream are in [`End::fault`], at
/// an offset of `bytes`.
pub fn inflate(
    bytes: &Bytes,
    span: Span,
    framing: Framing,
    budget: &mut Budget,
) -> Result<Inflated, Halt> {
    let mut output = Output::default();
    let end = Inflater::new(framing).onto(&mut output, bytes, span, budget)?;
    Ok(Inflated { bytes: output.finish(), end })
}

/// Inflates one stream after the other, with the same memory.
#[derive(Debug)]
pub struct Inflater {
    framing: Framing,
    decompress: Decompress,
    input: Vec<u8>,
}

impl Inflater {
    /// An inflater of streams with `framing` around them.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let decompress = Decompress::new(framing == Framing::Zlib);
        Self { framing, decompress, input: Vec::new() }
    }

    /// As [`inflate`], behind what is in `output` already.
    ///
    /// # Errors
    /// As [`inflate`].
    pub fn onto(
        &mut self,
        output: &mut Output,
        bytes: &Bytes,
        span: Span,
        budget: &mut Budget,
    ) -> Result<End, Halt> {
        let before = output.len();
        let Self { framing, decompress, input } = self;
        decompress.reset(*framing == Framing::Zlib);
        let mut stream = Stream {
            decompress,
            output,
            full: false,
            digest: crc32fast::Hasher::new(),
            start: span.start,
            fault: None,
            ended: false,
        };
        let end = span.end().min(bytes.len());
        let mut at = span.start.min(end);
        let mut piece = FIRST_PIECE;
        while at < end && stream.running() {
            let room = to_usize(end.saturating_sub(at)).min(piece);
            piece = piece.saturating_mul(4).min(PIECE);
            input.resize(room.max(input.len()), 0);
            let read = bytes.read_at(at, input.get_mut(..room).unwrap_or_default())?;
            budget.spend_steps(to_u64(read), at)?;
            stream.feed(input.get(..read).unwrap_or_default(), budget);
            at = at.saturating_add(to_u64(read));
        }
        if stream.running() {
            stream.fault = Some(Halt::malformed(end, "truncated deflate stream"));
        }
        Ok(End {
            consumed: stream.decompress.total_in(),
            produced: stream.output.len().saturating_sub(before),
            crc32: stream.digest.finalize(),
            fault: stream.fault,
        })
    }
}

struct Stream<'a> {
    decompress: &'a mut Decompress,
    output: &'a mut Output,
    /// Whether the last call filled the room that it had, so that more may wait to come out.
    full: bool,
    digest: crc32fast::Hasher,
    start: u64,
    fault: Option<Halt>,
    ended: bool,
}

impl Stream<'_> {
    fn running(&self) -> bool {
        !self.ended && self.fault.is_none()
    }

    /// Where the input stands.
    fn at(&self) -> u64 {
        self.start.saturating_add(self.decompress.total_in())
    }

    /// Passes one piece of input through, until it is used up or the stream stops.
    fn feed(&mut self, mut input: &[u8], budget: &mut Budget) {
        while self.running() {
            let before = self.decompress.total_in();
            // One byte more than can be paid tells a bomb from a stream that just fits.
            let affordable = to_usize(budget.left().expansion).saturating_add(1);
            let room = self.output.room();
            let came = room.len();
            let status = self.decompress.decompress_vec(input, room, FlushDecompress::None);
            let used = to_usize(self.decompress.total_in().saturating_sub(before));
            input = input.get(used..).unwrap_or_default();
            self.full = room.len() == room.capacity();
            let fresh = room.get(came..).unwrap_or_default();
            self.digest.update(fresh);
            let made = to_u64(fresh.len());
            room.truncate(came.saturating_add(affordable));
            let paid = budget.spend_expansion(made, self.start);
            let stuck = used == 0 && made == 0;
            self.output.seal();
            let paid = paid.and_then(|()| self.output.pay(budget, self.start));
            match (status, paid) {
                (_, Err(halt)) => {
                    // Spent to the last byte, or each of a thousand bombs would get this far.
                    let rest = budget.left().expansion;
                    self.fault = budget.spend_expansion(rest, self.start).err().or(Some(halt));
                }
                (Ok(Status::StreamEnd), _) => self.ended = true,
                (Err(error), _) => {
                    self.fault = Some(Halt::malformed(self.at(), format!("deflate: {error}")));
                }
                (Ok(_), _) if input.is_empty() && !self.full => return,
                (Ok(_), _) if stuck => {
                    self.fault = Some(Halt::malformed(self.at(), "deflate: no progress"));
                }
                (Ok(_), _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_bytes::Limits;
    use flate2::{Compression, write::DeflateEncoder};
    use std::io::Write;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(packed: Vec<u8>, budget: &mut Budget) -> Inflated {
        let bytes = Bytes::from_memory(packed);
        inflate(&bytes, Span::new(0, bytes.len()), Framing::Raw, budget).unwrap()
    }

    #[test]
    fn streams_end_where_they_end_whatever_follows() {
        let data: Vec<u8> = (0..200_000_u32).flat_map(|n| n.to_le_bytes()).collect();
        let mut packed = deflated(&data);
        let len = packed.len();
        packed.extend(b"trailing");
        let out = raw(packed, &mut Budget::default());
        assert_eq!((out.end.consumed, out.end.crc32), (len as u64, crc32fast::hash(&data)));
        assert!(out.end.fault.is_none());
        assert_eq!(out.bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap(), data);
    }

    #[test]
    fn a_bomb_stops_at_the_budget_and_keeps_what_came() {
        let mut budget = Budget::new(Limits { expansion: 1 << 20, ..Limits::default() });
        let out = raw(deflated(&vec![0; 64 << 20]), &mut budget);
        assert_eq!(out.end.fault.unwrap().what(), "the limit on unpacked bytes");
        assert!(
            out.bytes.len() >= 1 << 19 && out.bytes.len() <= (1 << 20) + (1 << 16),
            "{}",
            out.bytes.len()
        );
    }

    #[test]
    fn a_cut_stream_keeps_its_start() {
        let data: Vec<u8> = (0..50_000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let mut packed = deflated(&data);
        packed.truncate(packed.len() / 2);
        let out = raw(packed, &mut Budget::default());
        assert_eq!(out.end.fault.unwrap().what(), "truncated deflate stream");
        let kept = out.bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap();
        assert!(kept.len() > 1000 && data.starts_with(&kept));
    }
}
