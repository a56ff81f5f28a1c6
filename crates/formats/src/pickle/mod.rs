//! Pickles, protocols 0 to 5, one or several in a file.
//!
//! A pickle is a program for a stack machine that can import and call anything. The reader runs that
//! program over symbolic values ([`machine`]) and records each global that a loader would look up,
//! each call that it would make with which arguments, and each shared thing that it would change.
//! Streams that stand one behind the other are all read, with whatever garbage lies between them.

mod array;
mod build;
mod code;
mod constant;
mod convert;
mod evaluate;
mod frame;
mod global;
mod heap;
mod invoke;
mod lookup;
mod machine;
mod memo;
mod names;
mod nested;
mod number;
mod opcode;
mod text;
mod walk;
mod weight;

use crate::text::{is_control, is_text};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64};
pub(crate) use heap::{CallRecord, Heap, Node, V};
use machine::End;
pub(crate) use machine::Machine;
pub(crate) use nested::{inflate, payload, unbase64, unhex};
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
        // A legacy checkpoint has its own reader, since raw tensor data follows the pickles; a zip's
        // signature reads as PERSID, which no loader of zips passes to an unpickler.
        if crate::torch::is_legacy(head) || head.starts_with(b"PK\x03\x04") {
            return Probe::No;
        }
        if matches!(head, [0x80, 0..=5, next, ..] if opcode::opcode(*next).is_some()) {
            return Probe::Certain;
        }
        let walked = walk(head, 4096);
        let whole = to_u64(head.len()) == input.bytes.len();
        // Text is a pickle only if it gets somewhere: a list of words may start like a GLOBAL.
        let least = if is_prose(head) { 4 } else { 1 };
        let looks_up = walked.globals > 0 && walked.opcodes >= least;
        match walked.ending {
            Ending::Stopped if walked.opcodes > 1 => Probe::Possible,
            Ending::Cut if !whole || looks_up => Probe::Possible,
            _ if looks_up => Probe::Possible,
            // One opcode is the first letter of anything, and texts that look nothing up do nothing.
            _ if input.role == Role::Loaded
                && walked.opcodes >= least.min(2)
                && (walked.globals > 0 || least == 1 && walked.opcodes > 1) =>
            {
                Probe::Possible
            }
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

/// Whether `head` is text as people write it, in UTF-8 or in an encoding of one byte a character: the
/// opcodes of binary protocols and the lengths behind them are control characters in each.
fn is_prose(head: &[u8]) -> bool {
    let control = |byte: &u8| is_control(*byte) || matches!(byte, 0x80..=0x9f);
    is_text(head) || !head.iter().any(control)
}

/// Reads every stream in `bytes`, wherever a loader may go on after the one before.
fn read_streams(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut machine = Machine::new(bytes, reading, budget);
    let result = read_chain(&mut machine, bytes, 0, 0);
    // A detour that reaches the end knows nothing of the bytes that it passed over.
    let seamless = machine.reading.seamless;
    let mut taken = 0;
    while let Some((at, memo)) = machine.detours.get(taken).cloned() {
        taken = taken.saturating_add(1);
        machine.take_detour(memo);
        let _aside = machine.run_aside(|machine| read_chain(machine, bytes, at, 1));
    }
    machine.reading.seamless = seamless;
    result
}

/// Reads streams from `start` on, each behind the one before.
fn read_chain(
    machine: &mut Machine<'_>,
    bytes: &Bytes,
    mut start: u64,
    mut stream: u32,
) -> Result<(), Halt> {
    let mut breaks = 0_u32;
    let mut outcome = machine.run(start, stream);
    loop {
        let (from, halt) = match outcome {
            Ok(end) if end.at >= bytes.len() => {
                machine.reading.seamless = breaks == 0;
                return Ok(());
            }
            Ok(end) => {
                if let Some(at) = end.frame {
                    machine.note_detour(at);
                }
                if let Some(followed) = follow(machine, end.at, stream.saturating_add(1)) {
                    note_further(machine, bytes, end.at);
                    (start, outcome, stream) = (end.at, followed, stream.saturating_add(1));
                    continue;
                }
                (end.at, None)
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
                (halt.at().max(start.saturating_add(1)), Some(halt))
            }
        };
        match (find_stream(bytes, from)?, halt) {
            (Some(next), halt) => {
                note_between(machine, halt.as_ref(), from, next);
                (start, stream) = (next, stream.saturating_add(1));
                outcome = machine.run(start, stream);
            }
            (None, Some(halt)) => return Err(halt),
            (None, None) => {
                note_behind(machine, bytes, from);
                return Ok(());
            }
        }
    }
}

/// Runs what stands right behind a stream, as loaders do that load until the end. What breaks off
/// before it tells anything is no stream.
fn follow(machine: &mut Machine<'_>, at: u64, stream: u32) -> Option<Result<End, Halt>> {
    let reading = &machine.reading;
    let (facts, deviations, children) =
        (reading.facts.len(), reading.deviations.len(), reading.children.len());
    let outcome = machine.run(at, stream);
    let spent = outcome.as_ref().is_err_and(|halt| halt.blame() != Blame::Malformed);
    if outcome.is_ok() || spent || machine.reading.facts.len() > facts {
        return Some(outcome);
    }
    machine.reading.deviations.truncate(deviations);
    machine.reading.children.truncate(children);
    None
}

/// Whether `bytes` start with PROTO, as every pickle since protocol 2 does.
fn is_marked(bytes: &Bytes) -> Result<bool, Halt> {
    Ok(matches!(bytes.copy(Span::new(0, 2), 2)?.as_slice(), [0x80, 0..=5]))
}

/// Records, once, that a stream stands right behind another.
fn note_further(machine: &mut Machine<'_>, bytes: &Bytes, at: u64) {
    let reading = &mut *machine.reading;
    if !reading.deviations.iter().any(|deviation| deviation.quirk == Quirk::Repeated) {
        let what =
            "a further pickle behind the end of the first: loaders that load once never see it";
        reading.deviation(Quirk::Repeated, Span::between(at, bytes.len()), Route::None, what);
    }
}

/// Records what stands between a stream that ended or broke off and the next one.
fn note_between(machine: &mut Machine<'_>, halt: Option<&Halt>, from: u64, next: u64) {
    let span = Span::between(from, next);
    match halt {
        Some(halt) => machine.reading.gap(span, Why::Halted(halt.blame()), halt.what()),
        None => {
            let what = "bytes that are no pickle between one pickle and the next";
            machine.reading.deviation(Quirk::BytesBetween, span, Route::None, what);
        }
    }
}

/// Records what stands behind the last stream, which ended at `end`.
fn note_behind(machine: &mut Machine<'_>, bytes: &Bytes, end: u64) {
    let span = Span::between(end, bytes.len());
    let what = "bytes behind the end of the pickle";
    machine.reading.deviation(Quirk::BytesAfterEnd, span, Route::None, what);
    let head = bytes.copy(span, 4096).unwrap_or_default();
    if head.iter().any(|byte| !matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n')) {
        machine.reading.child(format!("@{end:#x}"), bytes.slice(span), Role::Leftover);
    }
}

/// The offset of the next stream behind `at`, beyond some garbage.
fn find_stream(bytes: &Bytes, at: u64) -> Result<Option<u64>, Halt> {
    let window = bytes.copy(Span::between(at, bytes.len()), SEARCHED)?;
    let mut trials = TRIALS;
    for offset in 0..window.len() {
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
    walked.globals > 0 && walked.opcodes > 2
        || walked.ending == Ending::Stopped && walked.opcodes > 1
}

/// The length of the pickle that `window` starts with, if it ends in there and imports something
/// whose name people would write; else whether it only breaks off.
///
/// # Errors
/// When the budget is used up.
pub(crate) fn import_length(
    window: &[u8],
    budget: &mut Budget,
) -> Result<Result<usize, bool>, Halt> {
    let walked = walk(window, TRIALS);
    budget.spend_steps(to_u64(walked.opcodes), 0)?;
    if walked.ending == Ending::Cut {
        return Ok(Err(true));
    }
    if walked.ending != Ending::Stopped || walked.globals == 0 {
        return Ok(Err(false));
    }
    let pickle = Bytes::from_memory(window.get(..walked.at).unwrap_or_default());
    let mut reading = Reading::default();
    match read_streams(&pickle, &mut reading, budget) {
        Err(halt) if halt.blame() != Blame::Malformed => return Err(halt),
        _ => {}
    }
    let named = |name: &str| {
        name.len() > 1
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
    };
    let imports = reading.facts.iter().any(|fact| match fact {
        Fact::Import { name, .. } => named(&name.module) && named(&name.name),
        _ => false,
    });
    Ok(if imports { Ok(walked.at) } else { Err(false) })
}

/// Whether `rest` goes on as the first name of a GLOBAL does.
fn names_line(rest: &[u8]) -> bool {
    let len = rest.iter().take(200).position(|byte| *byte == b'\n').unwrap_or(0);
    let name = rest.get(..len).unwrap_or_default();
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
}

#[cfg(test)]
mod tests;
