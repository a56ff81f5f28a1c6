//! From bytes to what every plausible reader makes of them.
//!
//! The same bytes may be of several formats at once (a polyglot is whatever its victim's loader
//! takes it for), so all that could be are read. A guess that learned nothing is then forgotten,
//! unless nothing better is known.

use crate::fence::fenced;
use crate::survey::Mark;
use davy_artifact::{Child, Format, Gap, Identity, Input, Probe, Reading, Role, Why};
use davy_bytes::{Blame, Budget, Span, to_u64};

/// Bytes that probes see.
const HEAD: usize = 4096;

/// What came of reading one artifact.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What it was read as.
    pub(crate) identities: Vec<Identity>,
    /// What was not read.
    pub(crate) gaps: Vec<Gap>,
    /// The artifacts in it, of all identities.
    pub(crate) children: Vec<Child>,
    /// The checksums that it gives for parts of itself.
    pub(crate) marks: Vec<Mark>,
    /// Whether a reader asked for more than the budget had, so that a larger one could change the
    /// result.
    pub(crate) starved: bool,
}

/// One reader's try at an artifact.
struct Attempt {
    format: &'static str,
    probe: Probe,
    reading: Reading,
}

/// Reads an artifact with every format that it could be of.
pub(crate) fn read(formats: &[&dyn Format], input: &Input<'_>, budget: &mut Budget) -> Outcome {
    if input.bytes.is_empty() {
        return Outcome::default();
    }
    let size = input.bytes.len();
    let mut outcome = Outcome::default();
    let head = match input.bytes.copy(Span::new(0, to_u64(HEAD)), HEAD) {
        Ok(head) => head,
        Err(halt) => {
            outcome.gaps.push(Gap::from_halt(&halt, size));
            return outcome;
        }
    };
    let mut attempts = Vec::new();
    for format in formats {
        match fenced(|| format.probe(&head, input)) {
            Ok(Probe::No) => {}
            Ok(probe) => attempts.push(attempt(*format, probe, input, budget)),
            Err(fault) => {
                outcome.gaps.push(crash(&format!("the probe of `{}`", format.id()), &fault, size))
            }
        }
    }
    let short = |gap: &Gap| gap.why == Why::Halted(Blame::Exhausted);
    outcome.starved = attempts.iter().any(|attempt| attempt.reading.gaps.iter().any(short));
    choose(&mut attempts, input, &mut outcome.gaps);
    for attempt in attempts {
        outcome.keep(attempt);
    }
    outcome.gaps.sort_by(|a, b| (a.span, &a.what).cmp(&(b.span, &b.what)));
    outcome.gaps.dedup();
    outcome
}

/// The gap that a panic leaves in an artifact of `size` bytes.
pub(crate) fn crash(who: &str, fault: &str, size: u64) -> Gap {
    Gap::new(Span::new(0, size), Why::Crashed, &format!("{who} crashed: {fault}"))
}

fn attempt(format: &dyn Format, probe: Probe, input: &Input<'_>, budget: &mut Budget) -> Attempt {
    let size = input.bytes.len();
    let mut reading = Reading::default();
    match fenced(|| format.read(input, &mut reading, budget)) {
        Ok(Ok(())) => {}
        Ok(Err(halt)) => reading.halted(&halt, size),
        Err(fault) => {
            reading.gaps.push(crash(&format!("the reader of `{}`", format.id()), &fault, size));
        }
    }
    Attempt { format: format.id(), probe, reading }
}

impl Attempt {
    fn certain(&self) -> bool {
        self.probe == Probe::Certain
    }

    /// Whether it learned nothing, and nothing but the artifact's own form stopped it.
    fn vain(&self) -> bool {
        !self.certain() && self.reading.is_empty() && self.reading.gaps.iter().all(malformed)
    }

    /// Whether it explains all bytes.
    fn whole(&self) -> bool {
        self.reading.gaps.is_empty() && (self.certain() || !self.reading.is_empty())
    }
}

fn malformed(gap: &Gap) -> bool {
    gap.why == Why::Halted(Blame::Malformed)
}

/// Forgets the attempts that failed because the artifact is of another format, and says so when
/// none is left.
fn choose(attempts: &mut Vec<Attempt>, input: &Input<'_>, gaps: &mut Vec<Gap>) {
    if input.role == Role::Storage {
        choose_in_storage(attempts, gaps);
        return;
    }
    let size = input.bytes.len();
    let whole = attempts.iter().any(Attempt::whole);
    let only = match attempts.as_slice() {
        [only] => only.reading.gaps.first().map(|gap| (only.format, gap.what.clone())),
        _ => None,
    };
    attempts.retain(|attempt| !attempt.vain() || (!whole && attempt.reading.gaps.is_empty()));
    if attempts.is_empty() && gaps.is_empty() {
        let what = match only {
            Some((format, what)) => format!("no reader knows these bytes; as `{format}`: {what}"),
            None => "no reader knows these bytes".to_owned(),
        };
        gaps.push(Gap { span: Span::new(0, size), why: Why::Unidentified, what });
    }
}

/// The parent explains these bytes: numbers can look like the start of anything, so only what was
/// really learned counts, and what breaks off behind it is no gap.
fn choose_in_storage(attempts: &mut Vec<Attempt>, gaps: &mut Vec<Gap>) {
    for attempt in attempts.iter_mut().filter(|attempt| !attempt.certain()) {
        attempt.reading.gaps.retain(|gap| !malformed(gap));
        let learned = !attempt.reading.facts.is_empty() || !attempt.reading.children.is_empty();
        if !learned {
            let ours = |gap: &Gap| matches!(gap.why, Why::Crashed | Why::Halted(Blame::Io));
            gaps.extend(attempt.reading.gaps.drain(..).filter(ours));
        }
    }
    attempts.retain(|attempt| {
        let reading = &attempt.reading;
        attempt.certain() || !reading.facts.is_empty() || !reading.children.is_empty()
    });
}

impl Outcome {
    /// Takes an attempt over, and out of its reading what belongs to the artifact.
    fn keep(&mut self, attempt: Attempt) {
        let Attempt { format, mut reading, .. } = attempt;
        let identity = self.identities.len();
        self.gaps.append(&mut reading.gaps);
        self.children.append(&mut reading.children);
        let checksums = std::mem::take(&mut reading.checksums);
        self.marks.extend(checksums.into_iter().map(|checksum| Mark { identity, checksum }));
        self.identities.push(Identity { format, reading });
    }
}
