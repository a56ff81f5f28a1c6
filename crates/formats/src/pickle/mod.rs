//! Pickles, protocols 0 to 5, one or several in a file.
//!
//! A pickle is a program for a stack machine that can import and call anything. The reader runs that
//! program over symbolic values ([`machine`]) and records each global that a loader would look up,
//! each call that it would make with which arguments, and each shared thing that it would change.
//! Streams that stand one behind the other are all read, with whatever garbage lies between them.

mod array;
mod build;
mod constant;
mod convert;
mod evaluate;
mod global;
mod heap;
mod invoke;
mod machine;
mod memo;
mod names;
mod nested;
mod number;
mod opcode;
mod text;
mod walk;
mod weight;

use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};
pub(crate) use heap::{Heap, Node, V};
pub(crate) use machine::Machine;
use walk::{Ending, walk};

/// Python's pickle.
#[derive(Debug)]
pub struct Pickle;

/// Bytes behind a stream that are searched for another one.
const SEARCHED: usize = 1 << 20;

/// Opcodes that all trial walks of one search may take together.
const TRIALS: usize = 4 << 20;

/// Streams that may break off in one file before the rest is left unread.
const BREAKS: u32 = 64;

impl Format for Pickle {
    fn id(&self) -> &'static str {
        "pickle"
    }

    fn summary(&self) -> &'static str {
        "Python pickle, protocols 0 to 5: every opcode, on symbolic values"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // A zip's signature reads as PERSID, which no loader of zips passes to an unpickler. A legacy
        // checkpoint's own reader takes it from there: raw tensor data follows the pickles.
        if crate::torch::is_legacy(head) || head.starts_with(b"PK\x03\x04") {
            return Probe::No;
        }
        let walked = walk(head, 4096);
        let whole = to_u64(head.len()) == input.bytes.len();
        let marked = matches!(head, [0x80, 0..=5, ..]);
        match walked.ending {
            _ if marked && walked.opcodes > 1 => Probe::Certain,
            Ending::Stopped if walked.opcodes > 1 => Probe::Possible,
            Ending::Cut if !whole || walked.globals > 0 => Probe::Possible,
            _ if walked.globals > 0 => Probe::Possible,
            _ if walked.opcodes > 0 && input.role == Role::Loaded => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        read_streams(input.bytes, reading, budget)
    }
}

/// Reads every stream in `bytes`.
fn read_streams(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut machine = Machine::new(bytes, reading, budget);
    let (mut at, mut stream, mut breaks) = (0, 0_u32, 0_u32);
    loop {
        let next = match machine.run(at, stream) {
            Ok(end) if end.at >= bytes.len() => return Ok(()),
            Ok(end) => {
                let next = find_stream(bytes, end.at, end.frame)?;
                note_behind(&mut machine, bytes, end.at, next);
                next
            }
            Err(halt) if halt.blame() != Blame::Malformed || breaks >= BREAKS => return Err(halt),
            Err(halt) => {
                breaks = breaks.saturating_add(1);
                if stream == 0 && machine.reading.facts.is_empty() && !is_marked(bytes)? {
                    // No pickle at all: what its bytes look like further on means nothing.
                    machine.reading.deviations.clear();
                    machine.reading.children.clear();
                    return Err(halt);
                }
                let from = halt.at().max(at.saturating_add(1));
                let Some(next) = find_stream(bytes, from, None)? else { return Err(halt) };
                let why = Why::Halted(halt.blame());
                machine.reading.gap(Span::between(halt.at(), next), why, halt.what());
                Some(next)
            }
        };
        let Some(next) = next else { return Ok(()) };
        at = next;
        stream = stream.saturating_add(1);
    }
}

/// Whether `bytes` start with PROTO, as every pickle since protocol 2 does.
fn is_marked(bytes: &Bytes) -> Result<bool, Halt> {
    Ok(matches!(bytes.copy(Span::new(0, 2), 2)?.as_slice(), [0x80, 0..=5]))
}

/// Records what stands behind a stream that ended at `end`.
fn note_behind(machine: &mut Machine<'_>, bytes: &Bytes, end: u64, next: Option<u64>) {
    let until = next.unwrap_or(bytes.len());
    let span = Span::between(end, until);
    let reading = &mut *machine.reading;
    match next {
        Some(next) if next == end => {
            let rest = Span::between(end, bytes.len());
            let what =
                "a further pickle behind the end of the first: loaders that load once never see it";
            if !reading.deviations.iter().any(|deviation| deviation.quirk == Quirk::Repeated) {
                reading.deviation(Quirk::Repeated, rest, Route::None, what);
            }
        }
        Some(_) => {
            let what = "bytes that are no pickle between one pickle and the next";
            reading.deviation(Quirk::BytesBetween, span, Route::None, what);
        }
        None => {
            let what = "bytes behind the end of the pickle";
            reading.deviation(Quirk::BytesAfterEnd, span, Route::None, what);
            let head = bytes.copy(span, 4096).unwrap_or_default();
            if head.iter().any(|byte| !matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n')) {
                reading.child(format!("@{end:#x}"), bytes.slice(span), Role::Present);
            }
        }
    }
}

/// The offset of the next stream from `at` on: there, at the end of the frame that the last one
/// ended in, or behind some garbage.
fn find_stream(bytes: &Bytes, at: u64, frame: Option<u64>) -> Result<Option<u64>, Halt> {
    for candidate in [Some(at), frame].into_iter().flatten() {
        let head = bytes.copy(Span::new(candidate, 4096), 4096)?;
        if starts_stream(&head, &mut 4096) {
            return Ok(Some(candidate));
        }
    }
    let window = bytes.copy(Span::between(at, bytes.len()), SEARCHED)?;
    let mut trials = TRIALS;
    for offset in 1..window.len() {
        let rest = window.get(offset..).unwrap_or_default();
        let candidate = match rest {
            [0x80, 0..=5, ..] => true,
            [b'c', rest @ ..] => names_line(rest),
            _ => false,
        };
        if candidate && starts_stream(rest, &mut trials) {
            return Ok(Some(at.saturating_add(to_u64(offset))));
        }
    }
    Ok(None)
}

/// Whether a stream that a loader would get anywhere with starts here.
fn starts_stream(rest: &[u8], trials: &mut usize) -> bool {
    let walked = walk(rest, *trials);
    *trials = trials.saturating_sub(walked.opcodes);
    walked.globals > 0 || walked.ending == Ending::Stopped && walked.opcodes > 1
}

/// Whether `rest` goes on as the first name of a GLOBAL does.
fn names_line(rest: &[u8]) -> bool {
    let len = rest.iter().take(200).position(|byte| *byte == b'\n').unwrap_or(0);
    let name = rest.get(..len).unwrap_or_default();
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
}

#[cfg(test)]
mod tests;
