//! The survey: one pass over all bytes of an artifact, for its digest, for the checksums that it
//! gives for parts of itself, and for signatures of files that stand in it.

use davy_artifact::{Checksum, Gap, Quirk, Reading, Route, Why};
use davy_bytes::{Blame, Bytes, Halt, Span, to_u64, to_usize};
use davy_formats::signatures::Search;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// Bytes that are read at a time: enough for a disk, few enough to stay in a core's cache.
const BLOCK: usize = 256 * 1024;

/// Larger inputs are not surveyed. A sparse file can claim any size at no cost, and reading 1 TiB
/// already takes a quarter of an hour.
const LARGEST: u64 = 1 << 40;

/// Checksums may cover so many times the bytes of their artifact: headers that name the same data
/// twice are common, an archive of members that all lie over each other is an attack on scanners.
const COVER: u64 = 4;

/// A checksum, and the identity of the artifact whose reader found it.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// Index of the identity.
    pub(crate) identity: usize,
    /// What was claimed.
    pub(crate) checksum: Checksum,
}

/// What the survey of one artifact gave.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// SHA-256 of all bytes, unless they could not all be read.
    pub(crate) sha256: Option<[u8; 32]>,
    /// What could not be read or compared.
    pub(crate) gaps: Vec<Gap>,
    /// Where files may stand that no reader told of; empty where they were not looked for.
    pub(crate) search: Search,
    /// CRC-32 of every stretch that a checksum is given for, ordered by stretch.
    sums: Vec<(Span, u32)>,
}

/// Whether an input of `size` bytes is too large to be surveyed.
pub(crate) fn too_large(size: u64) -> bool {
    size > LARGEST
}

/// Reads all of `bytes` once. The marks may still be unknown when it starts, while readers are at
/// work on another thread; parts that have been passed when they come are left for [`complete`].
/// Signatures are looked for where `searched`. `told` hears the length of every block that is done.
pub(crate) fn pass(
    bytes: &Bytes,
    marks: &OnceLock<Vec<Mark>>,
    searched: bool,
    told: &(dyn Fn(u64) + Sync),
) -> Survey {
    let mut digest = Sha256::new();
    let mut search = Search::default();
    let mut sums = None;
    let result = blocks(bytes, Span::new(0, bytes.len()), &mut |at, block| {
        if sums.is_none() {
            sums = marks.get().map(|marks| Sums::new(stretches(marks, bytes.len()).0, at));
        }
        if let Some(sums) = &mut sums {
            sums.feed(at, block);
        }
        digest.update(block);
        if searched {
            search.feed(at, block);
        }
        told(to_u64(block.len()));
    });
    let sums = sums.map(|sums: Sums| sums.done).unwrap_or_default();
    match result {
        Ok(()) => Survey { sha256: Some(digest.finalize().into()), gaps: Vec::new(), search, sums },
        Err(halt) => {
            let gaps = vec![Gap::from_halt(&halt, bytes.len())];
            Survey { sha256: None, gaps, search, sums }
        }
    }
}

/// Looks for signatures alone, in what no reader knows.
pub(crate) fn seek(bytes: &Bytes) -> Survey {
    let mut search = Search::default();
    let result = blocks(bytes, Span::new(0, bytes.len()), &mut |at, block| search.feed(at, block));
    let gaps = result.err().map(|halt| Gap::from_halt(&halt, bytes.len()));
    Survey { search, gaps: gaps.into_iter().collect(), ..Survey::default() }
}

/// Takes the checksums that the pass could not: those of parts that it had passed when the readers
/// found out about them.
pub(crate) fn complete(mut survey: Survey, bytes: &Bytes, marks: &[Mark]) -> Survey {
    if marks.is_empty() || survey.sha256.is_none() {
        return survey;
    }
    let (stretches, left_out) = stretches(marks, bytes.len());
    survey.sums.sort_unstable_by_key(|(span, _)| *span);
    let mut late = Vec::new();
    for span in stretches {
        if survey.sum(span).is_none() {
            let mut hasher = crc32fast::Hasher::new();
            match blocks(bytes, span, &mut |_, block| hasher.update(block)) {
                Ok(()) => late.push((span, hasher.finalize())),
                Err(halt) => survey.gaps.push(Gap::from_halt(&halt, bytes.len())),
            }
        }
    }
    survey.sums.append(&mut late);
    survey.sums.sort_unstable_by_key(|(span, _)| *span);
    if left_out > 0 {
        let what = format!("{left_out} checksums of parts that lie over each other");
        let whole = Span::new(0, bytes.len());
        survey.gaps.push(Gap::new(whole, Why::Halted(Blame::Exhausted), &what));
    }
    survey
}

impl Survey {
    /// What is left of the survey of an artifact of `size` bytes, where that would be too much.
    pub(crate) fn refused(size: u64) -> Self {
        let what = format!("survey of {size} bytes");
        let gap = Gap::new(Span::new(0, size), Why::Halted(Blame::Exhausted), &what);
        Self { gaps: vec![gap], ..Self::default() }
    }

    fn sum(&self, span: Span) -> Option<u32> {
        let found = self.sums.binary_search_by_key(&span, |(at, _)| *at).ok()?;
        self.sums.get(found).map(|(_, sum)| *sum)
    }

    /// Records in `reading` that `claimed` does not fit its bytes, if it does not.
    pub(crate) fn compare(&self, claimed: &Checksum, size: u64, reading: &mut Reading) {
        let Checksum { span, crc32, name } = claimed;
        let what = match self.sum(*span) {
            Some(sum) if sum == *crc32 => return,
            Some(sum) => format!(
                "the checksum given for `{name}` is {crc32:08x}, that of its bytes is {sum:08x}"
            ),
            None if span.end() > size => {
                format!("a checksum is given for `{name}`, whose bytes are not all there")
            }
            None => return,
        };
        reading.deviation(Quirk::WrongChecksum, *span, Route::Member(name.clone()), &what);
    }
}

/// The different stretches that checksums are given for, in order, as far as they lie within
/// `size` bytes and are not too many; and how many are.
fn stretches(marks: &[Mark], size: u64) -> (Vec<Span>, usize) {
    let mut spans: Vec<Span> = marks.iter().map(|mark| mark.checksum.span).collect();
    spans.retain(|span| span.end() <= size);
    spans.sort_unstable();
    spans.dedup();
    let all = spans.len();
    let mut left = size.saturating_mul(COVER);
    spans.retain(|span| match left.checked_sub(span.len) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let left_out = all.saturating_sub(spans.len());
    (spans, left_out)
}

/// Hands `span` of `bytes` to `use_block`, block by block, each with its offset.
fn blocks(bytes: &Bytes, span: Span, use_block: &mut dyn FnMut(u64, &[u8])) -> Result<(), Halt> {
    let mut buffer = vec![0; to_usize(span.len).min(BLOCK)];
    let mut at = span.start;
    while at < span.end() {
        let room = to_usize(span.end().saturating_sub(at)).min(buffer.len());
        let Some(block) = buffer.get_mut(..room) else { break };
        let read = bytes.read_at(at, block)?;
        if read == 0 {
            break;
        }
        use_block(at, block.get(..read).unwrap_or_default());
        at = at.saturating_add(to_u64(read));
    }
    Ok(())
}

/// Checksums in the making, of stretches that a pass comes by.
#[derive(Debug)]
struct Sums {
    /// What is still to come, first one last.
    ahead: Vec<Span>,
    /// What the pass is in.
    open: Vec<(Span, crc32fast::Hasher)>,
    /// What it has left behind.
    done: Vec<(Span, u32)>,
}

impl Sums {
    /// Checksums of the ordered `spans`, for a pass that is at `at`.
    fn new(mut spans: Vec<Span>, at: u64) -> Self {
        spans.retain(|span| span.start >= at);
        spans.reverse();
        Self { ahead: spans, open: Vec::new(), done: Vec::new() }
    }

    /// Takes the next block of the pass, which stands at `at`.
    fn feed(&mut self, at: u64, block: &[u8]) {
        let end = at.saturating_add(to_u64(block.len()));
        while let Some(span) = self.ahead.pop_if(|span| span.start < end) {
            self.open.push((span, crc32fast::Hasher::new()));
        }
        for (span, hasher) in &mut self.open {
            let from = to_usize(span.start.saturating_sub(at));
            let to = to_usize(span.end().min(end).saturating_sub(at));
            hasher.update(block.get(from..to).unwrap_or_default());
        }
        for (span, hasher) in self.open.extract_if(.., |(span, _)| span.end() <= end) {
            self.done.push((span, hasher.finalize()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::Shrunk;

    fn mark(start: u64, len: u64, crc32: u32) -> Mark {
        let checksum = Checksum { span: Span::new(start, len), crc32, name: "part".to_owned() };
        Mark { identity: 0, checksum }
    }

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    /// Deviations that the survey of `text` records for `marks`, known from the start or late.
    fn compared(text: &[u8], marks: &[Mark], late: bool) -> (Survey, Vec<String>) {
        let bytes = Bytes::from_memory(text);
        let known = OnceLock::new();
        if !late {
            known.set(marks.to_vec()).unwrap();
        }
        let survey = complete(pass(&bytes, &known, true, &|_| {}), &bytes, marks);
        let mut reading = Reading::default();
        for Mark { checksum, .. } in marks {
            survey.compare(checksum, bytes.len(), &mut reading);
        }
        (survey, reading.deviations.into_iter().map(|deviation| deviation.what).collect())
    }

    #[test]
    fn digests_are_those_of_the_bytes() {
        let (survey, _) = compared(b"abc", &[], false);
        let digest = survey.sha256.unwrap();
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        let long = text(3 * BLOCK + 17);
        let (survey, _) = compared(&long, &[], false);
        let whole: [u8; 32] = Sha256::digest(&long).into();
        assert_eq!(survey.sha256, Some(whole));
    }

    #[test]
    fn checksums_are_compared_whenever_they_become_known() {
        let text = text(3 * BLOCK + 17);
        let size = text.len() as u64;
        let block = BLOCK as u64;
        let spans =
            [(0, 0), (0, 5), (3, 5), (3, 5), (7, block), (block, block), (0, size), (size, 0)];
        let right = |(start, len): (u64, u64)| {
            mark(start, len, crc32fast::hash(&text[start as usize..(start + len) as usize]))
        };
        let marks = spans.map(right);
        let wrong = marks.clone().map(|mut mark| {
            mark.checksum.crc32 ^= 1;
            mark
        });
        for late in [false, true] {
            assert_eq!(compared(&text, &marks, late).1, Vec::<String>::new());
            assert_eq!(compared(&text, &wrong, late).1.len(), wrong.len());
        }
    }

    #[test]
    fn a_wrong_checksum_says_both_values() {
        let (_, said) = compared(b"abc", &[mark(0, 3, 1)], false);
        assert_eq!(
            said,
            ["the checksum given for `part` is 00000001, that of its bytes is 352441c2"]
        );
        let (_, said) = compared(b"abc", &[mark(2, 3, 1)], false);
        assert_eq!(said, ["a checksum is given for `part`, whose bytes are not all there"]);
    }

    #[test]
    fn parts_that_lie_over_each_other_are_not_read_without_end() {
        let text = text(1000);
        let marks: Vec<_> = (0..500).map(|at| mark(at, 500, 0)).collect();
        let (survey, said) = compared(&text, &marks, false);
        assert_eq!(said.len(), 8, "4 times 1000 bytes are 8 times 500");
        let what: Vec<_> = survey.gaps.iter().map(|gap| gap.what.as_str()).collect();
        assert_eq!(what, ["492 checksums of parts that lie over each other"]);
    }

    #[test]
    fn a_source_that_shrinks_ends_the_survey() {
        let bytes = Bytes::new(Shrunk { content: text(BLOCK), len: 10 << 20 });
        let survey =
            complete(pass(&bytes, &OnceLock::new(), true, &|_| {}), &bytes, &[mark(0, 5, 1)]);
        assert_eq!(survey.sha256, None);
        let said: Vec<_> =
            survey.gaps.iter().map(|gap| (gap.why.as_str(), gap.what.as_str())).collect();
        assert_eq!(said, [("io", "the file became shorter while it was read")]);
        assert_eq!(survey.gaps[0].span, Span::between(BLOCK as u64, 10 << 20));
    }
}
