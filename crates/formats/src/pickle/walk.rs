//! A quick look at whether bytes could be a pickle: opcodes and stack depth, no values.

use super::opcode::{Argument, Effect, Opcode, opcode};

/// How far a walk came.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Walk {
    /// Bytes up to the end of the last whole opcode.
    pub(super) at: usize,
    /// Opcodes walked.
    pub(super) opcodes: usize,
    /// Opcodes that look a global up.
    pub(super) globals: usize,
    /// How it ended.
    pub(super) ending: Ending,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Ending {
    /// At something that no pickle has there.
    #[default]
    Broken,
    /// The bytes ran out.
    Cut,
    /// At STOP.
    Stopped,
}

/// Walks the stream that `bytes` start with, for at most `limit` opcodes.
pub(super) fn walk(bytes: &[u8], limit: usize) -> Walk {
    let mut walk = Walk::default();
    let mut depth = 0_usize;
    let mut marks: Vec<usize> = Vec::new();
    while walk.opcodes < limit {
        let Some((code, rest)) = bytes.get(walk.at..).and_then(<[u8]>::split_first) else {
            walk.ending = Ending::Cut;
            return walk;
        };
        let Some(opcode) = opcode(*code) else { return walk };
        let Some(len) = argument(opcode, rest) else {
            let names = std::str::from_utf8(rest).is_ok_and(|it| it.lines().take(2).all(is_name));
            let breaks = opcode.argument == Argument::TwoLines && !names;
            walk.ending = if breaks { Ending::Broken } else { Ending::Cut };
            return walk;
        };
        if !plausible(opcode, rest, len) {
            return walk;
        }
        // Globals are looked up before anything else that the opcode does can fail.
        let looks_up = matches!(opcode.name, "GLOBAL" | "STACK_GLOBAL" | "INST");
        walk.globals = walk.globals.saturating_add(usize::from(looks_up));
        if !step(opcode, &mut depth, &mut marks) {
            return walk;
        }
        walk.at = walk.at.saturating_add(len).saturating_add(1);
        walk.opcodes = walk.opcodes.saturating_add(1);
        if opcode.effect == Effect::Stop {
            walk.ending = Ending::Stopped;
            return walk;
        }
    }
    walk.ending = Ending::Cut;
    walk
}

/// The length of an opcode's argument, if all of it is there.
fn argument(opcode: &Opcode, rest: &[u8]) -> Option<usize> {
    let line =
        |rest: &[u8]| rest.iter().position(|byte| *byte == b'\n').map(|at| at.wrapping_add(1));
    let len = match opcode.argument {
        Argument::None => 0,
        Argument::Fixed(len) => len,
        Argument::Line => line(rest)?,
        Argument::TwoLines => {
            let first = line(rest)?;
            line(rest.get(first..)?)?.checked_add(first)?
        }
        Argument::Counted(width) => {
            let counted = rest.get(..width)?;
            let count = counted.iter().rev().try_fold(0_usize, |sum, byte| {
                sum.checked_mul(256)?.checked_add(usize::from(*byte))
            })?;
            width.checked_add(count)?
        }
    };
    (len <= rest.len()).then_some(len)
}

/// Whether the argument has the form that both unpicklers demand.
fn plausible(opcode: &Opcode, rest: &[u8], len: usize) -> bool {
    let argument = rest.get(..len).unwrap_or_default();
    match opcode.name {
        "PROTO" => argument.first().is_some_and(|version| *version <= 5),
        "GLOBAL" | "INST" => std::str::from_utf8(argument).is_ok_and(|it| it.lines().all(is_name)),
        "INT" | "LONG" | "GET" | "PUT" => argument
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b" \t\r\n+-_\0".contains(byte)),
        "FLOAT" => argument
            .iter()
            .all(|byte| byte.is_ascii_digit() || b" \t\r\n+-_.aefintyAEFINTY".contains(byte)),
        "STRING" => matches!(argument.first(), Some(b'\'' | b'"')),
        _ => true,
    }
}

/// Whether something can be imported under a name: it has a sign, and none that no name has. What else
/// starts like a lookup is prose, or the name of a file in a header.
fn is_name(name: &str) -> bool {
    let is_odd =
        |sign: char| sign.is_control() || sign.is_whitespace() || "()[]{}=:,;'\"#".contains(sign);
    !name.is_empty() && !name.contains(is_odd)
}

fn step(opcode: &Opcode, depth: &mut usize, marks: &mut Vec<usize>) -> bool {
    let fence = marks.last().copied().unwrap_or(0);
    let reachable = depth.saturating_sub(fence);
    match opcode.effect {
        Effect::Plain(taken, left) => {
            *depth = depth.saturating_sub(taken).saturating_add(left);
            reachable >= taken
        }
        Effect::ToMark(taken, left) => {
            let Some(mark) = marks.pop() else { return false };
            let below = mark.saturating_sub(marks.last().copied().unwrap_or(0));
            *depth = mark.saturating_sub(taken).saturating_add(left);
            below >= taken
        }
        Effect::Mark => {
            marks.push(*depth);
            true
        }
        Effect::Pop if reachable == 0 => marks.pop().is_some(),
        Effect::Pop => {
            *depth = depth.saturating_sub(1);
            true
        }
        Effect::Stop => reachable > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_walks_to_its_end_and_text_does_not() {
        let walked = walk(b"cos\nsystem\n(S'id'\ntR.", 100);
        assert_eq!((walked.ending, walked.globals, walked.at), (Ending::Stopped, 1, 21));
        assert_eq!(walk(b"(this is text)", 100).ending, Ending::Broken);
        assert_eq!(walk(b"(c) 2024 Foo\nAll rights reserved\n", 100).globals, 0);
        assert_eq!(walk(b"code/\0\0\0\x000644\nustar\n", 100).opcodes, 0);
        assert_eq!(walk(b"config.json\0\0\0\x000644\0", 100).ending, Ending::Broken);
        assert_eq!(walk(b"cos\nsys", 100).ending, Ending::Cut);
        assert_eq!(walk(b"Format: 1.0\n", 100).opcodes, 0);
        assert_eq!(walk(b"F-1.5e300\nFinfinity\n.", 100).opcodes, 3);
        assert_eq!(walk(b"\x80\x04\x95", 100).ending, Ending::Cut);
    }
}
