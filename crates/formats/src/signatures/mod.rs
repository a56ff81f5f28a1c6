//! Finds programs, scripts, archives and pickles by their signatures, wherever in other bytes they
//! stand: in weights, in padding, in what a reader passes over.
//!
//! A search passes over all bytes once, at the speed of memory, and only notes where signatures are;
//! each is then measured, and counts only where a whole file of its format stands there. Numbers by
//! chance look like the start of something every few megabytes, and never like all of it.
//! Files in base64 are found in the same way, whatever format has the text that spells them.

mod encoded;
mod measure;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;
use davy_bytes::{Bytes, Span, to_u64};
use std::sync::LazyLock;

pub use measure::{Measured, measure};

/// Signatures that one search keeps: weights of a terabyte have fewer by chance.
const KEPT: usize = 1 << 20;

/// The longest signature, less one byte: what the end of one block keeps for the next.
const OVERLAP: usize = 5;

/// What a signature may be the start, or a known place, of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sign {
    /// The same in base64.
    Encoded,
    Gzip,
    /// ELF or Mach-O.
    Native,
    /// The header that the header of DOS points to.
    Pe,
    Pickle,
    Script,
    SevenZip,
    /// The end record of an archive: its start has the signature of every member.
    ZipEnd,
}

/// Signatures, none of fewer than three bytes: two would be met every 64 KiB.
const SIGNS: &[(&[u8], Sign)] = &[
    (b"\x7fELF", Sign::Native),
    (b"\xcf\xfa\xed\xfe", Sign::Native),
    (b"\xce\xfa\xed\xfe", Sign::Native),
    (b"\xfe\xed\xfa\xcf", Sign::Native),
    (b"\xfe\xed\xfa\xce", Sign::Native),
    (b"\xca\xfe\xba\xbe\0\0\0", Sign::Native),
    (b"\xca\xfe\xba\xbf\0\0\0", Sign::Native),
    (b"PE\0\0", Sign::Pe),
    (b"PK\x05\x06", Sign::ZipEnd),
    (b"7z\xbc\xaf\x27\x1c", Sign::SevenZip),
    (b"\x1f\x8b\x08", Sign::Gzip),
    (b"#!/", Sign::Script),
    (b"#! /", Sign::Script),
    // PROTO, and what pickles that import something go on with.
    (b"\x80\x02c", Sign::Pickle),
    (b"\x80\x02(", Sign::Pickle),
    (b"\x80\x02]", Sign::Pickle),
    (b"\x80\x02}", Sign::Pickle),
    (b"\x80\x03c", Sign::Pickle),
    (b"\x80\x03(", Sign::Pickle),
    (b"\x80\x03]", Sign::Pickle),
    (b"\x80\x03}", Sign::Pickle),
    (b"\x80\x04c", Sign::Pickle),
    (b"\x80\x04\x8c", Sign::Pickle),
    (b"\x80\x04\x95", Sign::Pickle),
    (b"\x80\x05\x95", Sign::Pickle),
];

/// All signatures, plain and in base64.
static ALL: LazyLock<Vec<(Vec<u8>, Sign)>> = LazyLock::new(|| {
    let plain = SIGNS.iter().map(|(sign, kind)| (sign.to_vec(), *kind));
    plain.chain(encoded::signs().into_iter().map(|sign| (sign, Sign::Encoded))).collect()
});

/// All signatures at once; the second does where the first has no instructions.
static SEARCHERS: LazyLock<(Option<Searcher>, Option<AhoCorasick>)> = LazyLock::new(|| {
    let signs = || ALL.iter().map(|(sign, _)| sign);
    match Searcher::new(signs()) {
        Some(packed) => (Some(packed), None),
        None => (None, AhoCorasick::new(signs()).ok()),
    }
});

/// A place with a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hit {
    at: u64,
    sign: Sign,
}

/// A search in progress.
#[derive(Debug, Default)]
pub struct Search {
    hits: Vec<Hit>,
    /// The end of the last block.
    tail: Vec<u8>,
    /// Whether there are more hits than are kept.
    flooded: bool,
}

impl Search {
    /// Takes the next block, which stands at `at` and follows the one before.
    pub fn feed(&mut self, at: u64, block: &[u8]) {
        if !self.tail.is_empty() {
            // What begins in one block and ends in the next.
            let kept = self.tail.len();
            let mut seam = std::mem::take(&mut self.tail);
            seam.extend_from_slice(block.get(..block.len().min(OVERLAP)).unwrap_or_default());
            let start = at.saturating_sub(to_u64(kept));
            self.look(start, &seam, Some(kept));
        }
        self.look(at, block, None);
        let from = block.len().saturating_sub(OVERLAP);
        self.tail = block.get(from..).unwrap_or_default().to_vec();
    }

    /// Notes the signatures in `piece`; where it is a seam, those that cross it.
    fn look(&mut self, at: u64, piece: &[u8], seam: Option<usize>) {
        let mut note = |found: usize, end: usize, sign: usize| {
            let crosses = seam.is_none_or(|seam| found < seam && seam < end);
            let Some((_, sign)) = ALL.get(sign).filter(|_| crosses) else { return };
            if self.hits.len() < KEPT {
                self.hits.push(Hit { at: at.saturating_add(to_u64(found)), sign: *sign });
            } else {
                self.flooded = true;
            }
        };
        match &*SEARCHERS {
            (Some(packed), _) => {
                packed
                    .find_iter(piece)
                    .for_each(|it| note(it.start(), it.end(), it.pattern().as_usize()));
            }
            (None, Some(automaton)) => {
                automaton
                    .find_iter(piece)
                    .for_each(|it| note(it.start(), it.end(), it.pattern().as_usize()));
            }
            (None, None) => self.flooded = true,
        }
    }

    /// Whether nothing was found, and nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty() && !self.flooded
    }
}

/// A file inside other bytes.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// Where it, or the text that spells it, stands.
    pub span: Span,
    /// What kind of file it is.
    pub kind: Kind,
    /// Its bytes, where a text spells them in base64.
    pub decoded: Option<Bytes>,
}

/// What kind of file stands somewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An archive or compressed file.
    Archive,
    /// A pickle that imports something.
    Pickle,
    /// A native program or library.
    Program,
    /// A script with a line that names its interpreter.
    Script,
}

#[cfg(test)]
mod tests;
