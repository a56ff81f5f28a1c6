//! The packed bytes of an artifact as the decoders of other crates take them in: byte for byte, so
//! that where a stream ends is known.

use davy_bytes::{Bytes, Halt, to_u64, to_usize};
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Bytes that are held at a time.
const WINDOW: usize = 64 * 1024;

/// A reader of a view that never reads ahead of what it hands out.
#[derive(Debug)]
pub struct Feed {
    bytes: Bytes,
    window: Vec<u8>,
    /// Offset of the window's first byte.
    base: u64,
    /// Position within the window.
    at: usize,
    /// Whether more was asked for than there is.
    starved: bool,
    /// Why the medium failed, if it did.
    fault: Option<Halt>,
}

impl Feed {
    /// Starts at offset `at` of `bytes`.
    #[must_use]
    pub fn new(bytes: Bytes, at: u64) -> Self {
        Self { bytes, window: Vec::new(), base: at, at: 0, starved: false, fault: None }
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.base.saturating_add(to_u64(self.at))
    }

    /// Whether something was asked for behind the end.
    #[must_use]
    pub fn starved(&self) -> bool {
        self.starved
    }

    /// Why the medium failed, if it did.
    pub fn fault(&mut self) -> Option<Halt> {
        self.fault.take()
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.window.len() {
            self.base = self.position();
            self.at = 0;
            let room = to_usize(self.bytes.len().saturating_sub(self.base)).min(WINDOW);
            self.window.resize(room, 0);
            self.starved |= room == 0;
            if let Err(halt) = self.bytes.read_at(self.base, &mut self.window) {
                self.window.clear();
                self.fault = Some(halt);
                return Err(io::Error::other("the medium failed"));
            }
        }
        Ok(self.window.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.window.len());
    }
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let ready = self.fill_buf()?;
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl Seek for Feed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.bytes.len().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position().checked_add_signed(offset),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        let inside = target.checked_sub(self.base).map(to_usize);
        match inside.filter(|inside| *inside <= self.window.len()) {
            Some(inside) => self.at = inside,
            None => {
                self.window.clear();
                self.base = target;
                self.at = 0;
            }
        }
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_in_the_window_was_not_read() {
        let mut feed = Feed::new(Bytes::from_memory(b"abcdef".to_vec()), 1);
        let mut two = [0; 2];
        feed.read_exact(&mut two).unwrap();
        assert_eq!((&two, feed.position(), feed.starved()), (b"bc", 3, false));
        assert_eq!(feed.seek(SeekFrom::End(-1)).unwrap(), 5);
        assert_eq!(feed.read(&mut two).unwrap(), 1);
        assert_eq!((feed.position(), feed.starved()), (6, false));
        assert_eq!(feed.read(&mut two).unwrap(), 0);
        assert!(feed.starved() && feed.seek(SeekFrom::Current(-9)).is_err());
    }
}
