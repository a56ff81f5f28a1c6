//! Instructions out of the bytes of a code object: arguments with their extensions, jump targets,
//! inline caches, lines and exception handlers.

use super::code::CodeObject;
use super::lines::Lines;
use super::op::Op;
use super::version::Version;
use davy_bytes::to_usize;

/// Extensions of one argument that are followed: compilers write three at most, and a long run of
/// them, read from each of its bytes, would cost the square of its length.
const EXTENSIONS: u32 = 255;

/// One instruction, with the `EXTENDED_ARG`s before it folded into its argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Instruction {
    /// Offset of its first `EXTENDED_ARG`, or of itself: where jumps to it lead.
    pub start: u32,
    /// Offset of the operation itself.
    pub offset: u32,
    /// Offset of the next instruction, behind inline caches.
    pub next: u32,
    /// The operation; for a form that only a running interpreter writes, what it stands for.
    pub op: Op,
    /// The number that stands in the code.
    pub code: u8,
    /// The argument with its extensions; 0 where the operation takes none.
    pub arg: u32,
    /// Line of the source, where the line table has one.
    pub line: Option<i64>,
}

/// What the argument of an instruction refers to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operand {
    /// A variable shared with nested or enclosing functions ([`CodeObject::cell`]).
    Cell(u32),
    /// A constant ([`CodeObject::constant`]).
    Constant(u32),
    /// A local variable ([`CodeObject::local`]).
    Local(u32),
    /// Two local variables, in the order in which they are worked on.
    Locals(u32, u32),
    /// A global, attribute or module ([`CodeObject::named`]).
    Name(u32),
    /// It takes no argument.
    None,
    /// A count, a flag or the like.
    Number(u32),
    /// The offset that it jumps to, or that a block or handler that it opens ends at.
    Target(u32),
}

/// Where a fault in a stretch of code is handled (3.11 on).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Handler {
    /// Offset of the first instruction that is guarded.
    pub start: u32,
    /// Offset behind the last.
    pub end: u32,
    /// Offset of the handler.
    pub target: u32,
    /// Depth of the stack that the handler starts with.
    pub depth: u32,
    /// Whether the offset of the fault is pushed before the exception.
    pub lasti: bool,
}

impl Instruction {
    /// What its argument refers to.
    #[must_use]
    pub fn operand(&self, version: Version) -> Operand {
        let arg = self.arg;
        if !self.has_argument(version) {
            return Operand::None;
        }
        if let Some(target) = self.target(version) {
            return Operand::Target(target);
        }
        match self.op {
            Op::LoadConst | Op::ReturnConst | Op::KwNames => Operand::Constant(arg),
            Op::LoadGlobal if version >= Version::V3_11 => Operand::Name(arg >> 1),
            Op::LoadAttr if version >= Version::V3_12 => Operand::Name(arg >> 1),
            Op::LoadSuperAttr => Operand::Name(arg >> 2),
            op if is_named(op) => Operand::Name(arg),
            Op::DeleteFast
            | Op::LoadFast
            | Op::LoadFastAndClear
            | Op::LoadFastBorrow
            | Op::LoadFastCheck
            | Op::StoreFast => Operand::Local(arg),
            Op::LoadFastBorrowLoadFastBorrow
            | Op::LoadFastLoadFast
            | Op::StoreFastLoadFast
            | Op::StoreFastStoreFast => Operand::Locals(arg >> 4, arg & 15),
            Op::DeleteDeref
            | Op::LoadClassderef
            | Op::LoadClosure
            | Op::LoadDeref
            | Op::LoadFromDictOrDeref
            | Op::MakeCell
            | Op::StoreDeref => Operand::Cell(arg),
            _ => Operand::Number(arg),
        }
    }

    /// Whether the operation takes an argument.
    #[must_use]
    pub fn has_argument(&self, version: Version) -> bool {
        Op::with_number(version, self.code).1 >= version.first_with_argument()
    }

    /// Whether nothing runs behind it: it returns, raises, or jumps in any case.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(
            self.op,
            Op::BreakLoop
                | Op::ContinueLoop
                | Op::InterpreterExit
                | Op::JumpAbsolute
                | Op::JumpBackward
                | Op::JumpBackwardNoInterrupt
                | Op::JumpForward
                | Op::RaiseVarargs
                | Op::Reraise
                | Op::ReturnConst
                | Op::ReturnValue
        )
    }

    /// Whether it is a form that a running interpreter has put there, and no compiler.
    #[must_use]
    pub fn is_adapted(&self, version: Version) -> bool {
        Op::with_number(version, self.code).1 != self.code
    }

    /// The offset that it jumps to, or that a block that it opens ends at.
    #[must_use]
    pub fn target(&self, version: Version) -> Option<u32> {
        // From 3.10 on, jumps count in units of two bytes.
        let unit = if version >= Version::V3_10 { 2_u32 } else { 1 };
        let distance = self.arg.wrapping_mul(unit);
        match direction(self.op, version)? {
            Direction::Absolute => Some(distance),
            // Where a version caches behind jumps, it counts from behind the caches.
            Direction::Backward => Some(self.next.wrapping_sub(distance)),
            Direction::Forward => Some(self.next.wrapping_add(distance)),
        }
    }
}

/// Whether the argument is an index of `co_names`.
fn is_named(op: Op) -> bool {
    matches!(
        op,
        Op::DeleteAttr
            | Op::DeleteGlobal
            | Op::DeleteName
            | Op::ImportFrom
            | Op::ImportName
            | Op::LoadAttr
            | Op::LoadFromDictOrGlobals
            | Op::LoadGlobal
            | Op::LoadMethod
            | Op::LoadName
            | Op::StoreAnnotation
            | Op::StoreAttr
            | Op::StoreGlobal
            | Op::StoreName
    )
}

enum Direction {
    Absolute,
    Backward,
    Forward,
}

fn direction(op: Op, version: Version) -> Option<Direction> {
    match op {
        Op::CallFinally
        | Op::ForIter
        | Op::JumpForward
        | Op::PopJumpForwardIfFalse
        | Op::PopJumpForwardIfNone
        | Op::PopJumpForwardIfNotNone
        | Op::PopJumpForwardIfTrue
        | Op::Send
        | Op::SetupAsyncWith
        | Op::SetupExcept
        | Op::SetupFinally
        | Op::SetupLoop
        | Op::SetupWith => Some(Direction::Forward),
        Op::JumpBackward
        | Op::JumpBackwardNoInterrupt
        | Op::PopJumpBackwardIfFalse
        | Op::PopJumpBackwardIfNone
        | Op::PopJumpBackwardIfNotNone
        | Op::PopJumpBackwardIfTrue => Some(Direction::Backward),
        // Not a jump, but since 3.14 it names the start of its loop.
        Op::EndAsyncFor if version >= Version::V3_14 => Some(Direction::Backward),
        Op::JumpIfFalseOrPop
        | Op::JumpIfTrueOrPop
        | Op::PopJumpIfFalse
        | Op::PopJumpIfNone
        | Op::PopJumpIfNotNone
        | Op::PopJumpIfTrue
            if version >= Version::V3_11 =>
        {
            Some(Direction::Forward)
        }
        Op::ContinueLoop
        | Op::JumpAbsolute
        | Op::JumpIfFalseOrPop
        | Op::JumpIfNotExcMatch
        | Op::JumpIfTrueOrPop
        | Op::PopJumpIfFalse
        | Op::PopJumpIfTrue => Some(Direction::Absolute),
        _ => None,
    }
}

/// The instructions of a code object from its first byte on, as `dis` lists them, without caches
/// and `EXTENDED_ARG`s. Ends where the code ends within an instruction.
#[must_use]
pub fn instructions(code: &CodeObject) -> Instructions<'_> {
    Instructions { code, at: 0, lines: Lines::new(code), line: None, pending: None }
}

/// The instruction that the interpreter would run at `offset`, wherever that is: code can jump into
/// the middle of what it looks like. Its line is left out. `None` where the code ends, and behind
/// more than 255 `EXTENDED_ARG`s.
#[must_use]
pub fn instruction_at(code: &CodeObject, offset: u32) -> Option<Instruction> {
    let mut at = offset;
    let mut arg = 0_u32;
    for _ in 0..=EXTENSIONS {
        let (op, number, raw, next) = unit(code, at)?;
        let shift = if code.version.is_wordcode() { 8 } else { 16 };
        // An argument belongs to the interpreter's 32-bit register: what is shifted out is lost.
        arg = arg.wrapping_shl(shift) | raw;
        if op != Op::ExtendedArg {
            let caches = op.caches(code.version).saturating_mul(2);
            let next = next.saturating_add(caches);
            let start = offset;
            let mut found =
                Instruction { start, offset: at, next, op, code: number, arg, line: None };
            if !found.has_argument(code.version) {
                found.arg = 0;
            }
            return Some(found);
        }
        at = next;
    }
    None
}

/// Operation, number, argument and next offset of what stands at `at`.
fn unit(code: &CodeObject, at: u32) -> Option<(Op, u8, u32, u32)> {
    let bytes = code.code.get(to_usize(u64::from(at))..)?;
    let number = *bytes.first()?;
    let op = Op::of(code.version, number);
    if code.version.is_wordcode() {
        let raw = *bytes.get(1)?;
        return Some((op, number, u32::from(raw), at.checked_add(2)?));
    }
    if number < code.version.first_with_argument() {
        return Some((op, number, 0, at.checked_add(1)?));
    }
    let raw = u16::from_le_bytes([*bytes.get(1)?, *bytes.get(2)?]);
    Some((op, number, u32::from(raw), at.checked_add(3)?))
}

/// See [`instructions`].
#[derive(Debug)]
pub struct Instructions<'a> {
    code: &'a CodeObject,
    at: u32,
    lines: Lines<'a>,
    line: Option<i64>,
    /// The entry of the line table that starts next: its offset and line.
    pending: Option<(u32, Option<i64>)>,
}

impl Iterator for Instructions<'_> {
    type Item = Instruction;

    fn next(&mut self) -> Option<Instruction> {
        let mut found = instruction_at(self.code, self.at)?;
        self.at = found.next;
        loop {
            let entry = match self.pending.take() {
                Some(entry) => entry,
                None => match self.lines.next() {
                    Some(entry) => entry,
                    None => break,
                },
            };
            if entry.0 > found.start {
                self.pending = Some(entry);
                break;
            }
            self.line = entry.1;
        }
        found.line = self.line;
        Some(found)
    }
}

/// The entries of the exception table, as far as they can be read.
///
/// Source: `Objects/exception_handling_notes.txt` of CPython 3.11 (`InternalDocs` later).
pub fn handlers(code: &CodeObject) -> impl Iterator<Item = Handler> {
    let mut rest = &*code.exception_table;
    std::iter::from_fn(move || {
        let start = variable(&mut rest)?.wrapping_mul(2);
        let len = variable(&mut rest)?.wrapping_mul(2);
        let target = variable(&mut rest)?.wrapping_mul(2);
        let depth = variable(&mut rest)?;
        let end = start.wrapping_add(len);
        Some(Handler { start, end, target, depth: depth >> 1, lasti: depth & 1 != 0 })
    })
}

/// A number in groups of six bits, the highest first; bit 6 says that more follow.
fn variable(rest: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    loop {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        number = number.wrapping_shl(6) | u32::from(byte & 0x3f);
        if byte & 0x40 == 0 {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn object(version: Version, code: &[u8]) -> CodeObject {
        CodeObject { version, code: Arc::from(code), ..CodeObject::default() }
    }

    #[test]
    fn extensions_are_folded_in_every_width() {
        // EXTENDED_ARG 1, LOAD_CONST 2.
        let old = object(Version::V2_7, &[145, 1, 0, 100, 2, 0, 83]);
        let found: Vec<_> = instructions(&old).collect();
        assert_eq!((found[0].start, found[0].offset, found[0].arg), (0, 3, 0x1_0002));
        assert_eq!((found[1].op, found[1].offset), (Op::ReturnValue, 6));
        let new = object(Version::V3_8, &[144, 1, 100, 2, 83, 0]);
        let found: Vec<_> = instructions(&new).collect();
        assert_eq!((found[0].offset, found[0].arg, found.len()), (2, 0x102, 2));
    }

    #[test]
    fn caches_are_passed_over_and_jumps_count_from_behind_them() {
        // 3.13: POP_JUMP_IF_FALSE +1 (one cache), JUMP_BACKWARD 3 (one cache).
        let code = object(Version::V3_13, &[97, 1, 0, 0, 30, 0, 77, 3, 0, 0]);
        let found: Vec<_> = instructions(&code).collect();
        assert_eq!(found[0].operand(Version::V3_13), Operand::Target(6));
        assert_eq!(found[2].operand(Version::V3_13), Operand::Target(4));
    }

    #[test]
    fn exception_tables_hold_numbers_of_six_bits() {
        let code = CodeObject {
            exception_table: Arc::from([0x80 | 0x41, 0x02, 0x05, 0x03, 0x07].as_slice()),
            ..CodeObject::default()
        };
        let found: Vec<_> = handlers(&code).collect();
        assert_eq!(found, [Handler { start: 132, end: 142, target: 6, depth: 3, lasti: true }]);
    }
}
