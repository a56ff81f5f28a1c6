//! What code names and holds, in the words that rules judge.

use super::code::{CodeObject, CodeTree, Constant};
use super::instruction::{Instruction, Operand, instructions};
use super::op::Op;
use super::read::Decoded;
use davy_artifact::{Code, Value, When};
use davy_bytes::{Budget, Halt, escape, to_u64, to_usize};
use std::collections::HashSet;
use std::fmt::Write;

/// Different texts that are kept of one piece of code.
const TEXTS: usize = 20_000;

/// Longest listing, in bytes: it is read by people.
const LISTING: usize = 64 << 10;

/// What `decoded` says.
///
/// # Errors
/// [`Halt::exhausted`] where the budget ends.
pub(crate) fn describe(decoded: &Decoded, when: When, budget: &mut Budget) -> Result<Code, Halt> {
    let tree = &decoded.tree;
    let mut unseen = decoded.doubts.clone();
    let texts = texts(tree, budget, &mut unseen)?;
    let names = names(tree, budget)?;
    foreign(tree, budget, &mut unseen)?;
    let root = tree.root();
    Ok(Code {
        language: decoded.language.clone(),
        name: root.map_or(String::new(), |root| root.name.to_string()),
        parameters: root
            .map(|root| root.parameters().map(str::to_owned).collect())
            .unwrap_or_default(),
        when,
        imports: Vec::new(),
        calls: Vec::new(),
        names,
        texts,
        unseen,
        listing: listing(tree),
    })
}

/// Every name of a global, attribute or module, once.
fn names(tree: &CodeTree, budget: &mut Budget) -> Result<Vec<String>, Halt> {
    let mut lists = HashSet::new();
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for object in &tree.objects {
        // Code objects can share one list of names.
        if !lists.insert(object.names.as_ptr()) {
            continue;
        }
        budget.spend_steps(to_u64(object.names.len()), 0)?;
        for name in object.names.iter() {
            if seen.insert(&**name) {
                names.push(name.to_string());
            }
        }
    }
    Ok(names)
}

/// Text and byte constants, with those in tuples and sets, each once.
fn texts(
    tree: &CodeTree,
    budget: &mut Budget,
    unseen: &mut Vec<String>,
) -> Result<Vec<Value>, Halt> {
    let mut walk = Texts {
        tree,
        visited: vec![false; tree.constants.len()],
        said: HashSet::new(),
        texts: Vec::new(),
    };
    for object in &tree.objects {
        let documentation = documentation(object);
        budget.spend_steps(to_u64(object.consts.len()), 0)?;
        let held = (0_u32..).zip(object.consts.iter());
        let held =
            held.filter(|(index, at)| Some(*index) != documentation || tree.text(**at).is_none());
        let mut pending: Vec<u32> = held.map(|(_, at)| *at).collect();
        pending.reverse();
        while let Some(constant) = pending.pop() {
            walk.visit(constant, &mut pending);
        }
    }
    if walk.texts.len() >= TEXTS {
        unseen.push(format!("more than {TEXTS} different texts"));
    }
    Ok(walk.texts)
}

/// The index of the constant that is documentation, if it is text: in functions the first, which no
/// instruction loads; in modules and classes one that is loaded for `__doc__` and nothing else.
fn documentation(object: &CodeObject) -> Option<u32> {
    // `CO_OPTIMIZED` tells functions from the rest.
    if object.flags & 1 != 0 {
        let loads = |index| {
            move |found: Instruction| found.operand(object.version) == Operand::Constant(index)
        };
        return (!instructions(object).any(loads(0))).then_some(0);
    }
    let mut before = None;
    let mut loaded = None;
    for found in instructions(object) {
        match (found.operand(object.version), before) {
            (Operand::Constant(index), _) if Some(index) == loaded => return None,
            (Operand::Name(name), Some(index))
                if found.op == Op::StoreName && object.named(name) == Some("__doc__") =>
            {
                loaded = Some(index);
            }
            _ => {}
        }
        before = match found.operand(object.version) {
            Operand::Constant(index) => Some(index),
            _ => None,
        };
    }
    loaded
}

struct Texts<'a> {
    tree: &'a CodeTree,
    visited: Vec<bool>,
    said: HashSet<&'a [u8]>,
    texts: Vec<Value>,
}

impl Texts<'_> {
    fn visit(&mut self, at: u32, pending: &mut Vec<u32>) {
        match self.visited.get_mut(to_usize(u64::from(at))) {
            Some(false) => {}
            _ => return,
        }
        let Some(constant) = self.tree.constant(at) else { return };
        if let Some(visited) = self.visited.get_mut(to_usize(u64::from(at))) {
            *visited = true;
        }
        match constant {
            Constant::Text(text) | Constant::Bytes(text) => {
                let told = text.is_empty() || self.texts.len() >= TEXTS;
                if !told && self.said.insert(text) {
                    self.texts.push(self.tree.value(at));
                }
            }
            Constant::Value(value)
                if matches!(**value, Value::Text(_) | Value::Bytes(_))
                    && self.texts.len() < TEXTS =>
            {
                self.texts.push((**value).clone());
            }
            Constant::Tuple(items)
            | Constant::List(items)
            | Constant::Set(items)
            | Constant::FrozenSet(items) => pending.extend(items.iter().rev()),
            Constant::Dict(pairs) => {
                pending.extend(pairs.iter().rev().flat_map(|(key, value)| [value, key]));
            }
            _ => {}
        }
    }
}

/// Notes instructions that the version does not have, or that only running code has.
fn foreign(tree: &CodeTree, budget: &mut Budget, unseen: &mut Vec<String>) -> Result<(), Halt> {
    let (mut unknown, mut adapted) = (0_u64, 0_u64);
    for object in &tree.objects {
        budget.spend_steps(to_u64(object.code.len()), 0)?;
        for found in instructions(object) {
            unknown = unknown.saturating_add(u64::from(matches!(found.op, Op::Unknown(_))));
            adapted = adapted.saturating_add(u64::from(found.is_adapted(object.version)));
        }
    }
    if unknown > 0 {
        unseen.push(format!("{unknown} instructions that Python {} does not have", tree.version));
    }
    if adapted > 0 {
        unseen.push(format!("{adapted} instructions that only a running interpreter writes"));
    }
    Ok(())
}

/// The instructions of all code objects, one per line.
fn listing(tree: &CodeTree) -> String {
    let mut listing = String::new();
    for object in &tree.objects {
        let parameters: Vec<&str> = object.parameters().collect();
        let _ =
            writeln!(listing, "def {}({}):", escape(&object.name), escape(&parameters.join(", ")));
        for found in instructions(object) {
            if listing.len() > LISTING {
                listing.push_str("…\n");
                return listing;
            }
            let shown = operand(tree, object, found.operand(object.version));
            let _ = writeln!(listing, "    {} {shown}", found.op.as_str());
        }
    }
    listing
}

fn operand(tree: &CodeTree, object: &CodeObject, operand: Operand) -> String {
    let name = |name: Option<&str>| name.map(escape).unwrap_or_default();
    match operand {
        Operand::Cell(index) => name(object.cell(index)),
        Operand::Constant(index) => {
            object.constant(index).map_or(String::new(), |at| tree.value(at).to_string())
        }
        Operand::Local(index) => name(object.local(index)),
        Operand::Locals(one, other) => {
            format!("{}, {}", name(object.local(one)), name(object.local(other)))
        }
        Operand::Name(index) => name(object.named(index)),
        Operand::None => String::new(),
        Operand::Number(number) => number.to_string(),
        Operand::Target(target) => format!("to {target}"),
    }
}
