//! What comes out of a decoder, in pieces: those that are alike are kept once, so that a bomb of a
//! gigabyte, and weights that are all zero, take no more memory than their pieces differ. Where there
//! are many, later ones are packed again, in a way that is fast to undo.

use davy_bytes::{Budget, Bytes, Halt, Source, to_u64, to_usize};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Length of a piece in bytes.
pub const PIECE: usize = 64 * 1024;

/// Pieces that are kept as they are; more are packed.
const PLAIN: usize = 1024;

/// Pieces that are packed together.
const GROUP: usize = 16;

/// The bytes of a piece that tell whether another may be like it: its first and its last ones.
type Edge = ([u8; 16], [u8; 16]);

/// Output that grows.
#[derive(Debug, Default)]
pub struct Output {
    pieces: Vec<Piece>,
    groups: Vec<Group>,
    /// Pieces by their edges.
    known: HashMap<Edge, Arc<[u8]>>,
    /// Pieces that are to be packed together.
    open: Vec<u8>,
    /// The piece that is not whole yet.
    tail: Vec<u8>,
    /// Bytes that pieces and groups take.
    held: u64,
    paid: u64,
}

/// A piece that is whole.
#[derive(Clone, Debug)]
enum Piece {
    Plain(Arc<[u8]>),
    /// Number of the group, and place in it.
    Grouped(usize, usize),
}

/// Pieces that are kept together.
#[derive(Debug)]
enum Group {
    Plain(Vec<u8>),
    Packed(Vec<u8>),
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

    /// Pays for the memory that is taken since this was called last.
    ///
    /// # Errors
    /// When the budget has no more of it; `at` is then told as the place.
    pub fn pay(&mut self, budget: &mut Budget, at: u64) -> Result<(), Halt> {
        let held = [self.open.len(), self.tail.len()].map(to_u64).into_iter();
        let held = held.fold(self.held, u64::saturating_add);
        let due = held.saturating_sub(self.paid);
        self.paid = self.paid.max(held);
        budget.spend_held(due, at)
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
            Some(like) => Piece::Plain(Arc::clone(like)),
            None if self.known.len() < PLAIN => {
                let piece: Arc<[u8]> = Arc::from(self.tail.as_slice());
                self.known.insert((first, last), Arc::clone(&piece));
                self.held = self.held.saturating_add(to_u64(PIECE));
                Piece::Plain(piece)
            }
            None => self.group(),
        };
        self.pieces.push(piece);
        self.tail.clear();
    }

    /// Puts the whole piece to those that are packed together.
    fn group(&mut self) -> Piece {
        let place = Piece::Grouped(self.groups.len(), self.open.len() / PIECE);
        self.open.extend_from_slice(&self.tail);
        if self.open.len() >= GROUP.saturating_mul(PIECE) {
            self.close();
        }
        place
    }

    /// Packs the open group, where that saves something.
    fn close(&mut self) {
        let packed = lz4_flex::block::compress(&self.open);
        let worth = packed.len() < self.open.len().saturating_sub(self.open.len() / 8);
        let open = std::mem::take(&mut self.open);
        let group = if worth { Group::Packed(packed) } else { Group::Plain(open) };
        let (Group::Plain(kept) | Group::Packed(kept)) = &group;
        self.held = self.held.saturating_add(to_u64(kept.len()));
        self.groups.push(group);
    }

    /// All of it, as it is now.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        if self.pieces.is_empty() {
            let mut tail = self.tail;
            tail.shrink_to_fit();
            return super::keep(tail);
        }
        let len = self.len();
        if !self.open.is_empty() {
            self.close();
        }
        let Self { pieces, groups, tail, .. } = self;
        Bytes::new(Pieces { len, pieces, groups, tail, unpacked: Mutex::default() })
    }
}

/// Output that is whole.
#[derive(Debug)]
struct Pieces {
    pieces: Vec<Piece>,
    groups: Vec<Group>,
    tail: Vec<u8>,
    len: u64,
    /// The group that was unpacked last, and its number.
    unpacked: Mutex<Option<(usize, Arc<Vec<u8>>)>>,
}

impl Pieces {
    /// Fills as much of `buffer` as one piece has from `at` on.
    fn read_piece(&self, at: usize, buffer: &mut [u8]) -> io::Result<usize> {
        let within = at % PIECE;
        match self.pieces.get(at / PIECE) {
            Some(Piece::Plain(piece)) => Ok(copied(piece, within, buffer)),
            Some(Piece::Grouped(group, place)) => {
                let within = place.saturating_mul(PIECE).saturating_add(within);
                let most = PIECE.saturating_sub(at % PIECE).min(buffer.len());
                let buffer = buffer.get_mut(..most).unwrap_or_default();
                match self.groups.get(*group) {
                    Some(Group::Plain(kept)) => Ok(copied(kept, within, buffer)),
                    Some(Group::Packed(packed)) => {
                        Ok(copied(&self.unpack(*group, packed)?, within, buffer))
                    }
                    None => Ok(0),
                }
            }
            None => {
                let before = self.pieces.len().saturating_mul(PIECE);
                Ok(copied(&self.tail, at.saturating_sub(before), buffer))
            }
        }
    }

    /// A group as it was.
    fn unpack(&self, group: usize, packed: &[u8]) -> io::Result<Arc<Vec<u8>>> {
        let mut last = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, unpacked)) = last.as_ref().filter(|(number, _)| *number == group) {
            return Ok(Arc::clone(unpacked));
        }
        let unpacked = lz4_flex::block::decompress(packed, GROUP.saturating_mul(PIECE));
        let unpacked = Arc::new(unpacked.map_err(io::Error::other)?);
        *last = Some((group, Arc::clone(&unpacked)));
        Ok(unpacked)
    }
}

/// Copies what `from` has at `at` and says how much that was.
fn copied(from: &[u8], at: usize, to: &mut [u8]) -> usize {
    let there = from.get(at..).unwrap_or_default();
    let count = there.len().min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), there.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}

impl Source for Pieces {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let count = self.read_piece(to_usize(offset).saturating_add(done), rest)?;
            if count == 0 {
                break;
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
        assert_eq!(output.held, 2 * to_u64(PIECE));
        let bytes = output.finish();
        assert_eq!(bytes.copy(Span::new(0, u64::MAX), usize::MAX).unwrap(), expected);
        let across = Span::new(to_u64(2 * PIECE - 5), to_u64(PIECE + 9));
        let part = &expected[2 * PIECE - 5..3 * PIECE + 4];
        assert_eq!(bytes.copy(across, usize::MAX).unwrap(), part);
        assert!(bytes.copy(Span::new(bytes.len(), 9), 9).unwrap().is_empty());
    }

    /// Pieces of which no two are alike, and that can be packed unless they are `noisy`.
    fn unlike(count: usize, noisy: bool) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = |at: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if noisy || at % 64 < 4 { state.to_be_bytes()[0] } else { 7 }
        };
        (0..count * PIECE).map(&mut next).collect()
    }

    #[test]
    fn many_pieces_are_packed_and_read_as_what_they_were() {
        for noisy in [false, true] {
            let expected = [unlike(PLAIN + GROUP + 3, noisy), b"the end".to_vec()].concat();
            let mut output = Output::default();
            output.push(&expected);
            let limits = davy_bytes::Limits { held: 80 << 20, ..davy_bytes::Limits::default() };
            let mut budget = Budget::new(limits);
            output.pay(&mut budget, 0).unwrap();
            let spent = (80 << 20) - budget.left().held;
            let plain = to_u64(PLAIN * PIECE);
            let packed = spent - plain - to_u64(3 * PIECE + 7);
            assert!(if noisy { packed == 1 << 20 } else { packed < 1 << 18 }, "{packed}");
            let bytes = output.finish();
            assert_eq!(bytes.len(), to_u64(expected.len()));
            for start in [0, PLAIN - 1, PLAIN + 1, PLAIN + GROUP - 1, PLAIN + GROUP + 2] {
                let span = Span::new(to_u64(start * PIECE + 9), to_u64(PIECE * 2));
                let part = &expected[start * PIECE + 9..];
                let part = &part[..part.len().min(PIECE * 2)];
                assert!(bytes.copy(span, usize::MAX).unwrap() == part, "{start}");
            }
        }
    }

    #[test]
    fn memory_is_paid_for_once() {
        let limits = davy_bytes::Limits { held: to_u64(PIECE) + 10, ..Default::default() };
        let mut budget = Budget::new(limits);
        let mut output = Output::default();
        for _ in 0..9 {
            output.push(&[0; PIECE]);
            output.pay(&mut budget, 0).unwrap();
        }
        output.push(&[1; 10]);
        output.pay(&mut budget, 0).unwrap();
        output.push(&[1]);
        assert_eq!(output.pay(&mut budget, 5).unwrap_err().at(), 5);
    }
}
