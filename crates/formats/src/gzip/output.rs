//! What comes out of a decoder, in pieces: those that are alike are kept once, so that a bomb of a
//! gigabyte, and weights that are all zero, take no more memory than their pieces differ.

use davy_bytes::{Bytes, Source, to_u64, to_usize};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// Length of a piece in bytes.
pub const PIECE: usize = 64 * 1024;

/// The bytes of a piece that tell whether another may be like it: its first and its last ones.
type Edge = ([u8; 16], [u8; 16]);

/// Output that grows.
#[derive(Debug, Default)]
pub struct Output {
    pieces: Vec<Arc<[u8]>>,
    /// Pieces by their edges.
    known: HashMap<Edge, Arc<[u8]>>,
    /// The piece that is not whole yet.
    tail: Vec<u8>,
}

impl Output {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        let whole = to_u64(self.pieces.len()).saturating_mul(to_u64(PIECE));
        whole.saturating_add(to_u64(self.tail.len()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_empty()
    }

    /// Takes more.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = PIECE.saturating_sub(self.tail.len()).min(bytes.len());
            let Some((now, later)) = bytes.split_at_checked(room) else { return };
            self.tail.extend_from_slice(now);
            self.seal();
            bytes = later;
        }
    }

    /// The room that a decoder fills: up to the end of the piece. [`Output::seal`] has to follow.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        // Small outputs are many, and need not reserve a whole piece.
        let wanted = self.tail.len().clamp(1024, PIECE);
        let room = PIECE.saturating_sub(self.tail.len()).min(wanted);
        if self.tail.len() == self.tail.capacity() {
            self.tail.reserve_exact(room);
        }
        &mut self.tail
    }

    /// Puts a whole piece to the others.
    pub(super) fn seal(&mut self) {
        if self.tail.len() < PIECE {
            return;
        }
        let edge = (self.tail.first_chunk().copied(), self.tail.last_chunk().copied());
        let (Some(first), Some(last)) = edge else { return };
        let like =
            self.known.get(&(first, last)).filter(|like| like.as_ref() == self.tail.as_slice());
        let piece = match like {
            Some(like) => Arc::clone(like),
            None => {
                let piece: Arc<[u8]> = Arc::from(self.tail.as_slice());
                self.known.insert((first, last), Arc::clone(&piece));
                piece
            }
        };
        self.pieces.push(piece);
        self.tail.clear();
    }

    /// All of it, as it is now.
    #[must_use]
    pub fn finish(self) -> Bytes {
        if self.pieces.is_empty() {
            let mut tail = self.tail;
            tail.shrink_to_fit();
            return super::keep(tail);
        }
        Bytes::new(Pieces { len: self.len(), pieces: self.pieces, tail: self.tail })
    }
}

/// Output that is whole.
#[derive(Debug)]
struct Pieces {
    pieces: Vec<Arc<[u8]>>,
    tail: Vec<u8>,
    len: u64,
}

impl Source for Pieces {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = to_usize(offset).saturating_add(done);
            let piece = self.pieces.get(at / PIECE).map_or(self.tail.as_slice(), |piece| piece);
            let within = match self.pieces.get(at / PIECE) {
                Some(_) => at % PIECE,
                None => at.saturating_sub(self.pieces.len().saturating_mul(PIECE)),
            };
            let there = piece.get(within..).unwrap_or_default();
            let count = there.len().min(rest.len());
            if count == 0 {
                break;
            }
            if let (Some(to), Some(from)) = (rest.get_mut(..count), there.get(..count)) {
                to.copy_from_slice(from);
            }
            done = done.saturating_add(count);
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_bytes::Span;

    #[test]
    fn pieces_that_are_alike_are_kept_once_and_read_as_what_they_were() {
        let mut expected = vec![0_u8; 5 * PIECE + 100];
        expected[2 * PIECE + 7..2 * PIECE + 10].copy_from_slice(b"abc");
        expected.extend(b"the end");
        let mut output = Output::default();
        for part in expected.chunks(1000) {
            output.push(part);
        }
        assert_eq!(output.len(), to_u64(expected.len()));
        let kept: std::collections::HashSet<_> = output.pieces.iter().map(Arc::as_ptr).collect();
        assert_eq!(kept.len(), 2);
        let bytes = output.finish();
        assert_eq!(bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap(), expected);
        let across = Span::new(to_u64(2 * PIECE - 5), to_u64(PIECE + 9));
        let part = &expected[2 * PIECE - 5..3 * PIECE + 4];
        assert_eq!(bytes.copy(across, usize::MAX).unwrap(), part);
        assert!(bytes.copy(Span::new(bytes.len(), 9), 9).unwrap().is_empty());
    }
}
