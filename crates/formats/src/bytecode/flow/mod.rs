//! What byte code would do if it ran: an interpreter whose values are what can be known of them.
//!
//! Nothing is run. Each instruction is followed with a stack of what the values on it may be;
//! variables keep all that is ever stored in them, and what they hold while code runs straight on.
//! Work is linear in the length of the code.

mod build;
mod call;
mod compute;
mod constant;
mod events;
mod exceptions;
mod generators;
mod jump;
mod listing;
mod machine;
mod names;
mod operators;
mod program;
mod resolve;
mod slot;
mod state;
mod step;
#[cfg(test)]
mod tests;

use super::CodeTree;
use davy_artifact::{Call, Manner, Name};
use davy_bytes::Budget;
use machine::Machine;
use program::{Entry, Unit};
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

/// Longest code that is followed, all bodies together, in bytes. The largest module of the standard
/// library has a tenth of it.
const LONGEST: u64 = 4 << 20;

/// Passes over the code before the one that tells what it sees, at most.
const PASSES: u32 = 3;

/// Lines and bytes of a listing.
const LINES: usize = 200;
const TEXT: usize = 16 << 10;

/// Steps per byte of code that copies of the stack and of containers may take in one pass.
const STEPS: u64 = 16;

/// What code would do, with everything nested in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// What it imports; an empty name stands for the module itself. Each once, in order.
    pub imports: Vec<Name>,
    /// What it calls. Each once, in order.
    pub calls: Vec<Call>,
    /// Every global, attribute and module name in it, each once.
    pub names: Vec<String>,
    /// What could not be followed, in words, each once.
    pub unseen: Vec<String>,
    /// What of that no compiler writes: it reaches into the interpreter's memory, or is made to
    /// mislead.
    pub broken: Vec<String>,
    /// All of it as pseudo-Python, one statement per line.
    pub listing: String,
}

/// Follows `tree` from its outermost code on. Where the budget ends, so does what is told.
#[must_use]
pub fn follow(tree: &CodeTree, budget: &mut Budget) -> Flow {
    let mut flow = Flow { names: names(tree), ..Flow::default() };
    let length: u64 = tree.objects.iter().map(program::length).fold(0, u64::saturating_add);
    let Some(root) = tree.root() else { return flow };
    let work = length.saturating_mul(STEPS).saturating_add(1 << 16);
    if length > LONGEST || budget.spend_steps(length.saturating_mul(u64::from(PASSES)), 0).is_err()
    {
        flow.unseen.push("more code than is followed".to_owned());
        return flow;
    }
    let mut machine = Machine::new(tree, root, work);
    for pass in 0..PASSES {
        machine.pass(pass % 2 == 1, false);
        if !machine.changed {
            break;
        }
    }
    machine.pass(true, true);
    collect(&machine, &mut flow);
    flow.listing = write(&machine.units);
    flow.unseen = machine.unseen;
    flow.broken = machine.broken;
    flow
}

/// Every name that the code objects have.
pub(crate) fn names(tree: &CodeTree) -> Vec<String> {
    let mut seen = HashSet::new();
    // References of marshal let any number of code objects share one list.
    let mut lists = HashSet::new();
    let own = tree.objects.iter().filter(|code| lists.insert(code.names.as_ptr()));
    let all = own.flat_map(|code| code.names.iter());
    all.filter(|name| seen.insert((*name).clone())).map(|name| name.to_string()).collect()
}

/// Imports and calls in the order in which they stand, nested code where it is made.
fn collect(machine: &Machine<'_>, flow: &mut Flow) {
    let runs = running(&machine.units);
    let mut told = vec![false; machine.units.len()];
    let mut seen = (HashSet::new(), HashSet::new());
    for first in 0..machine.units.len() {
        let mut open = vec![(first, 0_usize)];
        if told.get_mut(first).is_none_or(|told| std::mem::replace(told, true)) {
            continue;
        }
        while let Some((unit, at)) = open.pop() {
            let Some(own) = machine.units.get(unit) else { continue };
            let Some(entry) = own.entries.get(at) else { continue };
            open.push((unit, at.saturating_add(1)));
            match entry {
                Entry::Call(call) => {
                    let mut call = call.clone();
                    if !runs.contains(&unit) {
                        call.manner = Manner::Deferred;
                    }
                    if seen.0.insert(digest(&call)) {
                        flow.calls.push(call);
                    }
                }
                Entry::Import(name) => {
                    if seen.1.insert(name) {
                        flow.imports.push(name.clone());
                    }
                }
                Entry::Nothing => {}
                Entry::Unit(nested) => {
                    if told.get_mut(*nested).is_some_and(|told| !std::mem::replace(told, true)) {
                        open.push((*nested, 0));
                    }
                }
            }
        }
    }
}

/// The bodies that run when the outermost does: it, and what it calls or hands on.
fn running(units: &[Unit<'_>]) -> HashSet<usize> {
    let mut runs = HashSet::new();
    let mut next = vec![0];
    while let Some(unit) = next.pop() {
        if runs.insert(unit)
            && let Some(own) = units.get(unit)
        {
            next.extend(own.callees.iter().copied());
        }
    }
    runs
}

/// A digest of all that a call says.
fn digest(call: &Call) -> u64 {
    struct Digest(DefaultHasher);
    impl Write for Digest {
        fn write_str(&mut self, part: &str) -> std::fmt::Result {
            self.0.write(part.as_bytes());
            Ok(())
        }
    }
    let mut digest = Digest(DefaultHasher::new());
    let _ = write!(digest, "{call:?}");
    digest.0.finish()
}

/// The listing of all bodies, each where it is made.
fn write(units: &[Unit<'_>]) -> String {
    let mut out = String::new();
    let mut shown = BTreeSet::new();
    let Some(root) = units.first() else { return out };
    let indent = if &*root.code.name == "<module>" { 0 } else { 1 };
    let mut lines = 0_usize;
    if indent > 0 {
        out.push_str(&format!("{}\n", header(root)));
        lines = 1;
    }
    shown.insert(0);
    let mut open = vec![(body(root), 0_usize, indent)];
    while let Some((rows, at, indent)) = open.pop() {
        let Some(row) = rows.get(at).cloned() else { continue };
        open.push((rows, at.saturating_add(1), indent));
        if lines >= LINES || out.len() >= TEXT {
            out.push_str("…\n");
            break;
        }
        lines = lines.saturating_add(1);
        let (level, text, nested) = match row {
            listing::Row::Text(level, text) => (level, text, None),
            listing::Row::Def(level, unit) => (level, header_of(units, unit, None), Some(unit)),
            listing::Row::Class(level, unit, bases) => {
                (level, header_of(units, unit, Some(&bases)), Some(unit))
            }
        };
        let level = level.saturating_add(indent);
        out.push_str(&format!("{}{text}\n", "    ".repeat(level)));
        let Some(unit) = nested.and_then(|unit| units.get(unit).filter(|_| shown.insert(unit)))
        else {
            continue;
        };
        open.push((body(unit), 0, level.saturating_add(1)));
    }
    out
}

/// The lines of a body; one that does nothing is `pass`.
fn body(unit: &Unit<'_>) -> Vec<listing::Row> {
    let rows = listing::lay_out(unit);
    if rows.is_empty() { vec![listing::Row::Text(0, "pass".to_owned())] } else { rows }
}

fn header(unit: &Unit<'_>) -> String {
    let coroutine = unit.code.flags & 0x280 != 0;
    let word = if coroutine { "async def" } else { "def" };
    let name = davy_bytes::escape(&unit.code.name);
    format!("{word} {name}({}):", listing::parameters(unit))
}

fn header_of(units: &[Unit<'_>], unit: usize, bases: Option<&str>) -> String {
    let Some(unit) = units.get(unit) else { return "…".to_owned() };
    match bases {
        Some(bases) => format!("class {}({bases}):", davy_bytes::escape(&unit.code.name)),
        None => header(unit),
    }
}
