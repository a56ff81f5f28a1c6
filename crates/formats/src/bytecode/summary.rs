//! What code names and holds, in the words that rules judge.

use super::code::{CodeObject, CodeTree, Constant};
use super::fit::is_heavy;
use super::flow::{Flow, follow, names};
use super::instruction::{Operand, instructions};
use super::op::Op;
use super::read::Decoded;
use davy_artifact::{Code, Value, When};
use davy_bytes::{Budget, Halt, to_u64, to_usize};
use std::collections::{HashMap, HashSet};

/// Different texts that are kept of one piece of code.
const TEXTS: usize = 20_000;

/// What stands before everything unseen that no compiler writes.
const BROKEN: &str = "no compiler writes this: ";

/// What `decoded` says.
///
/// # Errors
/// [`Halt::exhausted`] where the budget ends.
pub(crate) fn describe(decoded: &Decoded, when: When, budget: &mut Budget) -> Result<Code, Halt> {
    let tree = &decoded.tree;
    let mut unseen = decoded.doubts.clone();
    let texts = texts(tree, budget, &mut unseen)?;
    let flow = if is_heavy(tree) {
        unseen.push("more code than is followed".to_owned());
        Flow { names: names(tree), ..Flow::default() }
    } else {
        adapted(tree, budget, &mut unseen)?;
        let mut flow = follow(tree, budget);
        for other in &decoded.others {
            add(&mut flow, follow(other, budget));
        }
        flow
    };
    unseen.extend(flow.unseen.into_iter().map(|what| {
        let broken = flow.broken.contains(&what);
        if broken { format!("{BROKEN}{what}") } else { what }
    }));
    let root = tree.root();
    Ok(Code {
        language: decoded.language.clone(),
        name: root.map_or(String::new(), |root| root.name.to_string()),
        parameters: root
            .map(|root| root.parameters().map(str::to_owned).collect())
            .unwrap_or_default(),
        when,
        imports: flow.imports,
        calls: flow.calls,
        names: flow.names,
        texts,
        unseen,
        listing: flow.listing,
    })
}

/// Adds what the same bytes do under a version that reads them differently and fits as well.
fn add(flow: &mut Flow, other: Flow) {
    for import in other.imports {
        if !flow.imports.contains(&import) {
            flow.imports.push(import);
        }
    }
    for call in other.calls {
        if !flow.calls.contains(&call) {
            flow.calls.push(call);
        }
    }
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
    let heavy = is_heavy(tree);
    let mut lists = HashSet::new();
    for object in &tree.objects {
        if heavy && !lists.insert(object.consts.as_ptr()) {
            continue;
        }
        let given = if heavy { HashSet::new() } else { given(object) };
        budget.spend_steps(to_u64(object.consts.len()), 0)?;
        let held = (0_u32..).zip(object.consts.iter());
        let held = held.filter(|(index, at)| !given.contains(index) || tree.text(**at).is_none());
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

/// The indices of constants that are text for the compiler's own ends: documentation, and the names
/// that functions and classes are given. In functions documentation is the first constant, which no
/// instruction loads.
fn given(object: &CodeObject) -> HashSet<u32> {
    let mut loads: HashMap<u32, (u32, u32)> = HashMap::new();
    let mut before = None;
    for found in instructions(object) {
        let operand = found.operand(object.version);
        let given = match (found.op, operand) {
            (Op::MakeFunction | Op::MakeClosure, _) => true,
            (Op::StoreName, Operand::Name(name)) => {
                matches!(object.named(name), Some("__doc__" | "__qualname__"))
            }
            _ => false,
        };
        if let Some((_, ends)) = before.and_then(|index| loads.get_mut(&index)).filter(|_| given) {
            *ends = ends.saturating_add(1);
        }
        before = None;
        if let Operand::Constant(index) = operand {
            let (count, _) = loads.entry(index).or_default();
            *count = count.saturating_add(1);
            before = Some(index);
        }
    }
    // `CO_OPTIMIZED` tells functions from the rest.
    let documented = object.flags & 1 != 0 && !loads.contains_key(&0);
    let ends = loads.into_iter().filter(|(_, (count, ends))| count == ends);
    ends.map(|(index, _)| index).chain(documented.then_some(0)).collect()
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

/// Notes instructions that only running code has.
fn adapted(tree: &CodeTree, budget: &mut Budget, unseen: &mut Vec<String>) -> Result<(), Halt> {
    let mut adapted = 0_u64;
    for object in &tree.objects {
        budget.spend_steps(to_u64(object.code.len()), 0)?;
        let found = instructions(object).filter(|found| found.is_adapted(object.version)).count();
        adapted = adapted.saturating_add(to_u64(found));
    }
    if adapted > 0 {
        unseen.push(format!("{BROKEN}{adapted} instructions of a running interpreter"));
    }
    Ok(())
}
