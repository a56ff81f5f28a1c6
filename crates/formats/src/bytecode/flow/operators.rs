//! Operators: how opcodes and their numbers are spelled, and how tightly they bind.

use super::slot::level;
use crate::bytecode::{Op, Version};

/// The number of `BINARY_OP` that stands for a subscript (3.14).
pub(super) const SUBSCRIPT: u32 = 26;

/// How `COMPARE_OP` asks whether an exception is one of those named (up to 3.8).
pub(super) const EXCEPTION_MATCH: &str = "exception match";

/// Operators of `BINARY_OP`, by number; the second half assigns as well (3.11 on).
const NUMBERED: [(&str, u8); 13] = [
    ("+", level::SUM),
    ("&", level::BIT_AND),
    ("//", level::PRODUCT),
    ("<<", level::SHIFT),
    ("@", level::PRODUCT),
    ("*", level::PRODUCT),
    ("%", level::PRODUCT),
    ("|", level::BIT_OR),
    ("**", level::POWER),
    (">>", level::SHIFT),
    ("-", level::SUM),
    ("/", level::PRODUCT),
    ("^", level::BIT_XOR),
];

const COMPARISONS: [&str; 11] =
    ["<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", EXCEPTION_MATCH];

/// The operator of `BINARY_OP` with this number.
pub(super) fn numbered(number: u32) -> Option<(&'static str, u8)> {
    let at = usize::try_from(number).ok().filter(|_| number < SUBSCRIPT)?;
    NUMBERED.get(at.checked_rem(NUMBERED.len())?).copied()
}

/// The comparison that `COMPARE_OP` makes: newer versions keep hints in the low bits.
pub(super) fn comparison(arg: u32, version: Version) -> &'static str {
    let number = match version {
        Version::V3_12 => arg >> 4,
        version if version >= Version::V3_13 => arg >> 5,
        _ => arg,
    };
    let at = usize::try_from(number).ok().and_then(|at| COMPARISONS.get(at));
    at.copied().unwrap_or("<=>")
}

/// A binary operator with an opcode of its own (up to 3.10).
pub(super) fn binary(op: Op) -> Option<(&'static str, u8)> {
    Some(match op {
        Op::BinaryAdd | Op::InplaceAdd => ("+", level::SUM),
        Op::BinaryAnd | Op::InplaceAnd => ("&", level::BIT_AND),
        Op::BinaryDivide | Op::InplaceDivide => ("/", level::PRODUCT),
        Op::BinaryFloorDivide | Op::InplaceFloorDivide => ("//", level::PRODUCT),
        Op::BinaryLshift | Op::InplaceLshift => ("<<", level::SHIFT),
        Op::BinaryMatrixMultiply | Op::InplaceMatrixMultiply => ("@", level::PRODUCT),
        Op::BinaryModulo | Op::InplaceModulo => ("%", level::PRODUCT),
        Op::BinaryMultiply | Op::InplaceMultiply => ("*", level::PRODUCT),
        Op::BinaryOr | Op::InplaceOr => ("|", level::BIT_OR),
        Op::BinaryPower | Op::InplacePower => ("**", level::POWER),
        Op::BinaryRshift | Op::InplaceRshift => (">>", level::SHIFT),
        Op::BinarySubtract | Op::InplaceSubtract => ("-", level::SUM),
        Op::BinaryTrueDivide | Op::InplaceTrueDivide => ("/", level::PRODUCT),
        Op::BinaryXor | Op::InplaceXor => ("^", level::BIT_XOR),
        _ => return None,
    })
}

/// A unary operator.
pub(super) fn unary(op: Op) -> Option<(&'static str, u8)> {
    Some(match op {
        Op::UnaryInvert => ("~", level::SIGN),
        Op::UnaryNegative => ("-", level::SIGN),
        Op::UnaryNot => ("not", level::NOT),
        Op::UnaryPositive => ("+", level::SIGN),
        _ => return None,
    })
}
