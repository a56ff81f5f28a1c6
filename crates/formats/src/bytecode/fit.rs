//! How well code fits a version: marshal data does not say which one wrote it.

use super::code::{CodeObject, CodeTree};
use super::instruction::{Instruction, Operand, handlers, instruction_at, instructions};
use super::op::Op;
use super::version::Version;
use davy_bytes::{Budget, Halt, to_u64, to_usize};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What speaks against a version; less is better.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Misfit {
    /// Instructions that can be reached and that the version cannot run.
    pub(crate) impossible: u64,
    /// What its compiler does not write.
    pub(crate) unusual: u64,
    /// Line tables that are not of its kind: its interpreter does not look at them.
    pub(crate) lines: u64,
}

/// Bytes of code and entries of tables that are looked through, all code objects together: far more
/// than any module compiles to. References of marshal let a million code objects share one long code.
const LOOKED_THROUGH: u64 = 16 << 20;

/// Code objects that are looked into, likewise.
const LOOKED_INTO: usize = 20_000;

/// Whether looking through all of `tree` would be more work than any module is worth.
pub(crate) fn is_heavy(tree: &CodeTree) -> bool {
    let weight = |object: &CodeObject| {
        let lists = [object.consts.len(), object.slots.len(), object.varnames.len()];
        let tables = [object.code.len(), object.line_table.len(), object.exception_table.len()];
        lists.into_iter().chain(tables).map(to_u64).fold(0, u64::saturating_add)
    };
    let whole = tree.objects.iter().map(weight).fold(0, u64::saturating_add);
    whole > LOOKED_THROUGH || tree.objects.len() > LOOKED_INTO
}

/// What speaks against reading all of `tree` as `version`.
///
/// # Errors
/// [`Halt::exhausted`] where the budget ends.
pub(crate) fn misfit(
    tree: &CodeTree,
    version: Version,
    budget: &mut Budget,
) -> Result<Misfit, Halt> {
    let mut misfit = Misfit::default();
    for object in &tree.objects {
        let object = CodeObject { version, ..object.clone() };
        let of_object = misfit_of(&object, budget)?;
        misfit.impossible = misfit.impossible.saturating_add(of_object.impossible);
        misfit.unusual = misfit.unusual.saturating_add(of_object.unusual);
        misfit.lines = misfit.lines.saturating_add(of_object.lines);
    }
    Ok(misfit)
}

fn misfit_of(object: &CodeObject, budget: &mut Budget) -> Result<Misfit, Halt> {
    let mut misfit = Misfit { lines: odd_lines(object), ..Misfit::default() };
    let mut seen = vec![Seen::Not; object.code.len()];
    let mut pending = vec![0_u32];
    if object.version >= Version::V3_11 {
        pending.extend(handlers(object).map(|handler| handler.target));
        misfit.unusual = misfit.unusual.saturating_add(odd_start(object));
    }
    while let Some(at) = pending.pop() {
        match seen.get_mut(to_usize(u64::from(at))) {
            Some(Seen::Start) => continue,
            Some(seen) => *seen = Seen::Start,
            None => {}
        }
        let Some(found) = instruction_at(object, at) else {
            misfit.impossible = misfit.impossible.saturating_add(1);
            continue;
        };
        budget.spend_steps(u64::from(found.next.saturating_sub(at)), 0)?;
        if matches!(found.op, Op::Unknown(_) | Op::Cache | Op::StopCode) {
            misfit.impossible = misfit.impossible.saturating_add(1);
            continue;
        }
        let wrong = u64::from(!is_inside(object, &found));
        misfit.impossible = misfit.impossible.saturating_add(wrong);
        let odd = u64::from(found.is_adapted(object.version) || caches_something(object, &found));
        misfit.unusual = misfit.unusual.saturating_add(odd);
        if found.op != Op::EndAsyncFor {
            pending.extend(found.target(object.version));
        }
        if !found.is_last() {
            pending.push(found.next);
        }
        cover(&mut seen, &found);
    }
    // Compilers leave out most of what cannot be reached.
    let unreached = seen.contains(&Seen::Not);
    misfit.unusual = misfit.unusual.saturating_add(u64::from(unreached));
    Ok(misfit)
}

/// What was seen of one byte of code.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Seen {
    Not,
    Part,
    Start,
}

/// Marks the bytes of an instruction; one that starts within another is still to be seen.
fn cover(seen: &mut [Seen], found: &Instruction) {
    let span = to_usize(u64::from(found.start))..to_usize(u64::from(found.next)).min(seen.len());
    for byte in seen.get_mut(span).unwrap_or_default() {
        if *byte == Seen::Not {
            *byte = Seen::Part;
        }
    }
}

/// Whether what the argument refers to is there.
fn is_inside(object: &CodeObject, found: &Instruction) -> bool {
    match found.operand(object.version) {
        Operand::Cell(index) => object.cell(index).is_some(),
        Operand::Constant(index) => object.constant(index).is_some(),
        Operand::Local(index) => object.local(index).is_some(),
        Operand::Locals(one, other) => object.local(one).is_some() && object.local(other).is_some(),
        Operand::Name(index) => object.named(index).is_some(),
        Operand::Target(target) => {
            u64::from(target) < to_u64(object.code.len())
                && (!object.version.is_wordcode() || target.is_multiple_of(2))
        }
        Operand::Number(count) if found.op == Op::CopyFreeVars => {
            to_usize(u64::from(count)) == object.freevars.len()
        }
        Operand::None | Operand::Number(_) => true,
    }
}

/// Whether anything stands where only a running interpreter writes.
fn caches_something(object: &CodeObject, found: &Instruction) -> bool {
    let start = to_usize(u64::from(found.offset)).saturating_add(2);
    let cached = object.code.get(start..to_usize(u64::from(found.next)));
    found.next > found.offset.saturating_add(2)
        && cached.is_none_or(|cached| cached.iter().any(|byte| *byte != 0))
}

/// From 3.11 on code starts with `RESUME`, behind what sets up its variables or generator.
fn odd_start(object: &CodeObject) -> u64 {
    let setup = [Op::CopyFreeVars, Op::MakeCell, Op::PopTop, Op::ReturnGenerator];
    let first = instructions(object).find(|found| !setup.contains(&found.op));
    u64::from(first.is_none_or(|found| found.op != Op::Resume))
}

/// Line tables of 3.10 cover all of the code, those before end before it does.
fn odd_lines(object: &CodeObject) -> u64 {
    let covered = || {
        let (pairs, _) = object.line_table.as_chunks::<2>();
        pairs.iter().fold(0_u64, |sum, [length, _]| sum.saturating_add(u64::from(*length)))
    };
    let whole = to_u64(object.code.len());
    let odd = match object.version {
        Version::V3_10 => covered() != whole,
        version if version < Version::V3_10 => covered() >= whole,
        _ => false,
    };
    u64::from(odd)
}

/// A number that is the same for versions that read all of `tree` alike.
///
/// # Errors
/// [`Halt::exhausted`] where the budget ends.
pub(crate) fn meaning(tree: &CodeTree, version: Version, budget: &mut Budget) -> Result<u64, Halt> {
    let mut hasher = DefaultHasher::new();
    for object in &tree.objects {
        let object = CodeObject { version, ..object.clone() };
        budget.spend_steps(to_u64(object.code.len()), 0)?;
        for found in instructions(&object) {
            (found.start, found.op.as_str()).hash(&mut hasher);
            match found.operand(version) {
                Operand::Target(target) => (1, target).hash(&mut hasher),
                Operand::Name(index) => (2, index).hash(&mut hasher),
                _ => found.arg.hash(&mut hasher),
            }
        }
    }
    Ok(hasher.finish())
}
