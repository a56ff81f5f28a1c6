//! What every reader has to endure: truncation at each byte, flipped bytes, splices.
//!
//! Each function takes a reader and whole bytes and returns the first broken promise as a sentence.
//! The promises: no panic, no hang, every span within the artifact, and, for formats that are read
//! from front to back, facts of a prefix that are a prefix of the facts.

use davy_artifact::{Fact, Format, Input, Probe, Reading, Role};
use davy_bytes::{Budget, Bytes, Halt, Limits, to_u64, to_usize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Longest time for one read of a test file: far more than any takes, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// At most this many positions of a file are tried, evenly spread, so that tests take seconds.
const POSITIONS: usize = 1_500;

/// How much of the start of an artifact the engine shows to probes.
const HEAD: usize = 4096;

/// Whether the format says things in the order of its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// It is read from front to back: a prefix says what the whole said so far.
    Streamed,
    /// What stands at its end decides what the rest means.
    Indexed,
}

/// What a reader made of some bytes.
#[derive(Debug)]
pub struct Outcome {
    /// What it learned.
    pub reading: Reading,
    /// Why it stopped early, if it did.
    pub halt: Option<Halt>,
}

/// Reads `bytes` with `format` as the engine would: probe first, and with the panic fenced.
///
/// # Errors
/// A sentence that names the promise that was broken.
pub fn read(format: &dyn Format, name: &str, bytes: &[u8]) -> Result<Outcome, String> {
    let whole = Bytes::from_memory(bytes);
    let input = Input { bytes: &whole, name, role: Role::Loaded };
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut reading = Reading::default();
        let mut budget = Budget::new(tight());
        let _ = probe(format, name, bytes);
        let halt = format.read(&input, &mut reading, &mut budget).err();
        Outcome { reading, halt }
    }))
    .map_err(|_| format!("`{}` panics on {name}", format.id()))?;
    if started.elapsed() > PATIENCE {
        return Err(format!("`{}` takes {:?} for {name}", format.id(), started.elapsed()));
    }
    within(&outcome, to_u64(bytes.len())).map_err(|why| format!("{name}: {why}"))?;
    Ok(outcome)
}

/// What `format` takes `bytes` for, from the part of them that the engine shows it.
#[must_use]
pub fn probe(format: &dyn Format, name: &str, bytes: &[u8]) -> Probe {
    let whole = Bytes::from_memory(bytes);
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    format.probe(head, &Input { bytes: &whole, name, role: Role::Loaded })
}

/// Limits for test files, far below the usual ones.
fn tight() -> Limits {
    Limits {
        artifacts: 10_000,
        depth: 16,
        expansion: 64 << 20,
        growth: 0,
        held: 64 << 20,
        memory: 64 << 20,
        steps: 50_000_000,
    }
}

/// Every place that is named has to lie in the artifact.
fn within(outcome: &Outcome, size: u64) -> Result<(), String> {
    let reading = &outcome.reading;
    let facts = reading.facts.iter().map(|fact| (fact.kind(), fact.site().span));
    let deviations = reading.deviations.iter().map(|it| (it.quirk.as_str(), it.span));
    let gaps = reading.gaps.iter().map(|gap| (gap.why.as_str(), gap.span));
    for (what, span) in facts.chain(deviations).chain(gaps) {
        if span.end() > size {
            return Err(format!("{what} at {span:?} lies outside of {size} bytes"));
        }
    }
    match &outcome.halt {
        Some(halt) if halt.at() > size => Err(format!("halt at {} of {size} bytes", halt.at())),
        _ => Ok(()),
    }
}

/// Cuts `bytes` at each position (or, where there are many, at evenly spread ones).
///
/// # Errors
/// As [`read`], or the prefix whose facts are no prefix of the facts.
pub fn truncations(format: &dyn Format, bytes: &[u8], order: Order) -> Result<(), String> {
    let whole = read(format, "the whole", bytes)?.reading;
    for at in positions(bytes.len()) {
        let prefix = bytes.get(..at).unwrap_or_default();
        let part = read(format, &format!("the first {at} bytes"), prefix)?.reading;
        if order == Order::Streamed && !is_prefix(&part, &whole, at) {
            return Err(format!("the first {at} bytes say what the whole does not say so"));
        }
    }
    Ok(())
}

/// Whether the facts of the first `at` bytes are a prefix of all facts. What reaches up to the cut
/// is left out: a name without its end is read by some loaders, and is another name.
fn is_prefix(part: &Reading, whole: &Reading, at: usize) -> bool {
    let before = |fact: &&Fact| fact.site().span.end() < to_u64(at);
    let mut facts = whole.facts.iter();
    part.facts.iter().filter(before).all(|fact| facts.next().is_some_and(|other| same(fact, other)))
}

/// Equality, except for how many like calls were folded into one, which grows as reading goes on.
fn same(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (Fact::Call { call, site, .. }, Fact::Call { call: call2, site: site2, .. }) => {
            call == call2 && site == site2
        }
        _ => one == other,
    }
}

/// Inverts each byte, and sets it to zero and to 255, one at a time.
///
/// # Errors
/// As [`read`].
pub fn flips(format: &dyn Format, bytes: &[u8]) -> Result<(), String> {
    let mut copy = bytes.to_vec();
    for at in positions(bytes.len()) {
        let Some(&original) = bytes.get(at) else { continue };
        for changed in [!original, original ^ 1, 0, 0xff] {
            set(&mut copy, at, changed);
            read(format, &format!("byte {at} set to {changed:#04x}"), &copy)?;
        }
        set(&mut copy, at, original);
    }
    Ok(())
}

/// Puts the end of `other` behind the start of `bytes`, and `bytes` into itself.
///
/// # Errors
/// As [`read`].
pub fn splices(format: &dyn Format, bytes: &[u8], other: &[u8]) -> Result<(), String> {
    for at in positions(bytes.len()).step_by(16) {
        let start = bytes.get(..at).unwrap_or_default();
        let end = bytes.get(at..).unwrap_or_default();
        let half = other.get(other.len() / 2..).unwrap_or_default();
        read(format, &format!("{at} bytes, then half of another"), &[start, half].concat())?;
        read(format, &format!("another within at {at}"), &[start, other, end].concat())?;
        read(format, &format!("itself within at {at}"), &[start, bytes, end].concat())?;
    }
    Ok(())
}

/// Up to [`POSITIONS`] offsets from 0 to `len`, evenly spread; the first hundred are all tried.
fn positions(len: usize) -> impl Iterator<Item = usize> {
    let step = len.div_ceil(POSITIONS).max(1);
    let first = len.min(100);
    (0..first).chain((first..=len).step_by(step))
}

fn set(bytes: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = value;
    }
}

/// A small generator of numbers (SplitMix64), so that sampled tests repeat without a dependency.
#[derive(Clone, Copy, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`; 0 where `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        to_usize(self.bits().checked_rem(to_u64(limit)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Name, Route, Site};
    use davy_bytes::Span;

    /// A format of one-byte names, wrong in a way that a test chooses.
    struct Letters(fn(u8) -> Option<Span>);

    impl Format for Letters {
        fn id(&self) -> &'static str {
            "letters"
        }

        fn summary(&self) -> &'static str {
            "one name per byte"
        }

        fn probe(&self, _: &[u8], _: &Input<'_>) -> Probe {
            Probe::Certain
        }

        fn read(
            &self,
            input: &Input<'_>,
            reading: &mut Reading,
            _: &mut Budget,
        ) -> Result<(), Halt> {
            let bytes = input.bytes.copy(Span::new(0, input.bytes.len()), 100)?;
            for (at, byte) in (0..).zip(&bytes) {
                reading.fact(Fact::Import {
                    name: Name::new(format!("m{}", bytes.len() / 50), format!("{byte}")),
                    spelled: None,
                    by: "byte",
                    site: Site {
                        span: (self.0)(*byte).unwrap_or(Span::new(at, 1)),
                        route: Route::None,
                    },
                });
            }
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_keeps_its_promises_passes() {
        let letters = Letters(|_| None);
        assert_eq!(truncations(&letters, b"abcdef", Order::Streamed), Ok(()));
        assert_eq!(flips(&letters, b"abcdef"), Ok(()));
        assert_eq!(splices(&letters, b"abcdef", b"xyz"), Ok(()));
    }

    #[test]
    fn a_panic_is_found_and_named() {
        let letters = Letters(|byte| (byte == 0).then(|| panic!("planted")));
        assert_eq!(flips(&letters, b"ab").unwrap_err(), "`letters` panics on byte 0 set to 0x00");
    }

    #[test]
    fn a_span_outside_is_found() {
        let letters = Letters(|byte| (byte == b'c').then_some(Span::new(0, 99)));
        assert!(truncations(&letters, b"abc", Order::Indexed).unwrap_err().contains("outside"));
    }

    #[test]
    fn facts_that_change_with_the_rest_are_found() {
        let letters = Letters(|_| None);
        let why = truncations(&letters, &[b'a'; 60], Order::Streamed).unwrap_err();
        assert!(why.contains("say what the whole does not"), "{why}");
        assert_eq!(truncations(&letters, &[b'a'; 60], Order::Indexed), Ok(()));
    }
}
