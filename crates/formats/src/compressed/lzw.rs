//! The decoder of Unix `compress` (`compress(1)`, Lempel, Ziv and Welch): codes of 9 to 16 bits, in
//! groups of eight, until the bytes end.

use super::feed::Feed;
use std::io::{self, BufRead, Read};

/// The code that empties the table.
const CLEAR: u16 = 256;

/// Codes are this wide at first.
const FIRST_BITS: u32 = 9;

/// A stream under way.
pub struct Lzw {
    feed: Feed,
    /// Bits of the widest codes.
    most: u32,
    /// Whether there is a code that empties the table.
    clears: bool,
    bits: u32,
    /// Codes that were read together, and the bit that is next in them.
    group: Vec<u8>,
    next: usize,
    /// For each code what stands before its last byte, and that byte.
    table: Vec<(u16, u8)>,
    /// The number of codes that mean something.
    used: usize,
    previous: Option<u16>,
    first: u8,
    /// What is to be handed out, last byte first.
    waiting: Vec<u8>,
}

/// Whether `head` starts such a stream: a width that exists, and no flags that do not.
pub(super) fn starts(head: &[u8]) -> bool {
    matches!(head, [0x1f, 0x9d, flags, ..] if (9..=16).contains(&(flags & 0x1f)) && flags & 0x60 == 0)
}

impl Lzw {
    /// A decoder of the stream that starts where `feed` stands.
    pub(super) fn new(mut feed: Feed) -> io::Result<Self> {
        let mut head = [0; 3];
        feed.read_exact(&mut head)?;
        if !starts(&head) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let [_, _, flags] = head;
        let most = u32::from(flags & 0x1f);
        let clears = flags & 0x80 != 0;
        let table = (0..1_usize << most).map(|_| (0, 0)).collect();
        let used = if clears { 257 } else { 256 };
        Ok(Self {
            feed,
            most,
            clears,
            bits: FIRST_BITS,
            group: Vec::new(),
            next: 0,
            table,
            used,
            previous: None,
            first: 0,
            waiting: Vec::new(),
        })
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(super) fn into_feed(self) -> Feed {
        self.feed
    }

    /// The next code; `None` where the bytes end. Codes of a new width start a new group.
    fn code(&mut self) -> io::Result<Option<u16>> {
        let widest = 1_usize.checked_shl(self.bits).unwrap_or(usize::MAX);
        let full = self.used >= widest && self.bits < self.most;
        if full {
            self.bits = self.bits.saturating_add(1);
            self.group.clear();
        }
        let width = usize::try_from(self.bits).unwrap_or(16);
        let end = self.next.saturating_add(width);
        if self.group.is_empty() || end > self.group.len().saturating_mul(8) {
            self.fill(width)?;
        }
        let mut code = 0_u16;
        for bit in 0..width {
            let at = self.next.saturating_add(bit);
            let Some(byte) = self.group.get(at / 8) else { return Ok(None) };
            code |= u16::from(byte >> (at % 8) & 1) << bit;
        }
        self.next = self.next.saturating_add(width);
        Ok(Some(code))
    }

    /// Reads the next group: eight codes, or what is left.
    fn fill(&mut self, width: usize) -> io::Result<()> {
        self.group.clear();
        self.next = 0;
        while self.group.len() < width {
            let ready = self.feed.fill_buf()?;
            let wanted = width.saturating_sub(self.group.len()).min(ready.len());
            if wanted == 0 {
                break;
            }
            self.group.extend_from_slice(ready.get(..wanted).unwrap_or_default());
            self.feed.consume(wanted);
        }
        Ok(())
    }

    /// Takes one code, which leaves bytes waiting; `false` at the end.
    fn step(&mut self) -> io::Result<bool> {
        let Some(mut code) = self.code()? else { return Ok(false) };
        if code == CLEAR && self.clears && self.previous.is_some() {
            (self.used, self.bits) = (256, FIRST_BITS);
            self.group.clear();
            match self.code()? {
                Some(next) => code = next,
                None => return Ok(false),
            }
        }
        let Some(previous) = self.previous else {
            self.first = u8::try_from(code).map_err(|_| wrong())?;
            self.previous = Some(code);
            self.waiting.push(self.first);
            return Ok(true);
        };
        let mut at = code;
        if usize::from(at) >= self.used {
            if usize::from(at) > self.used {
                return Err(wrong());
            }
            // The code that is being made: what came before, and its own first byte.
            self.waiting.push(self.first);
            at = previous;
        }
        while at >= 256 {
            let Some((before, last)) = self.table.get(usize::from(at)).copied() else {
                return Err(wrong());
            };
            if before >= at {
                return Err(wrong());
            }
            self.waiting.push(last);
            at = before;
        }
        self.first = u8::try_from(at).map_err(|_| wrong())?;
        self.waiting.push(self.first);
        if let Some(entry) = self.table.get_mut(self.used) {
            *entry = (previous, self.first);
            self.used = self.used.saturating_add(1);
        }
        self.previous = Some(code);
        Ok(true)
    }
}

fn wrong() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a code that means nothing yet")
}

impl Read for Lzw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut made = 0_usize;
        for target in buffer.iter_mut() {
            if self.waiting.is_empty() {
                match self.step() {
                    Ok(true) => {}
                    Ok(false) => break,
                    // What came before the fault is handed out first.
                    Err(error) if made == 0 => return Err(error),
                    Err(_) => break,
                }
            }
            let Some(byte) = self.waiting.pop() else { break };
            *target = byte;
            made = made.saturating_add(1);
        }
        Ok(made)
    }
}
