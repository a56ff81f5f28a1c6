//! The code objects of one tree, decoded, and the variables that they share.

use super::events::Placed;
use super::slot::{self, S};
use super::state::Saved;
use crate::bytecode::{
    CodeObject, CodeTree, Constant, Handler, Instruction, Op, Version, handlers, instruction_at,
    instructions,
};
use crate::python::known::{Known, Many};
use davy_artifact::{Call, Name};
use davy_bytes::{to_u64, to_usize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// Where no instruction starts.
const NOWHERE: u32 = u32::MAX;

/// One variable. It keeps every value that is ever stored in it, and what it holds just now is
/// known beside that as long as code runs straight on.
#[derive(Debug, Default)]
pub(super) struct Var {
    /// Everything that is stored in it.
    pub(super) many: Many,
    /// Whether anything is.
    pub(super) bound: bool,
    /// The body that stores in it.
    pub(super) by: Option<usize>,
    /// Whether several do.
    pub(super) shared: bool,
    /// What it holds, and in which stretch of straight code.
    pub(super) held: Option<(u32, S)>,
    /// What loading it gives elsewhere.
    pub(super) loaded: Option<S>,
}

/// Something that code does, with the place in its order.
#[derive(Debug)]
pub(super) enum Entry {
    /// It calls.
    Call(Call),
    /// It imports.
    Import(Name),
    /// Nothing, after all.
    Nothing,
    /// It makes a function or class of this body.
    Unit(usize),
}

/// A code object with what is known of it.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub(super) code: &'a CodeObject,
    /// The number of its first variable; the others follow.
    pub(super) base: usize,
    /// The variable that each cell is.
    pub(super) cells: Vec<usize>,
    /// Which of its local variables are cells, whose content lies elsewhere (3.11 on).
    held_in_cells: Vec<bool>,
    /// The variables of outer functions that each of its free variables may be.
    pub(super) free: Vec<Vec<usize>>,
    /// Whether it is the body of a class.
    pub(super) class: bool,
    /// The variables of a class that are special methods.
    pub(super) special: Vec<usize>,
    /// Bodies that it calls or hands on.
    pub(super) callees: HashSet<usize>,
    /// What it returns.
    pub(super) returns: Many,
    /// What it does, in order.
    pub(super) entries: Vec<Entry>,
    /// What its listing is made of.
    pub(super) events: Vec<Placed>,
    /// Whether its listing leaves something out.
    pub(super) cut: bool,
    /// Where handlers begin that stand behind all other code (3.12 on).
    pub(super) cold: u32,
    /// How a body that only returns one expression reads.
    pub(super) expression: Option<String>,
    pub(super) track: Track,
}

/// The instructions of one code object, and where they lead.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) instructions: Vec<Instruction>,
    index: Vec<u32>,
    /// Offsets within other instructions that code runs at all the same.
    pub(super) inside: HashSet<u32>,
    /// Offsets that jumps and handlers lead to.
    pub(super) targets: Vec<bool>,
    /// Offsets that were followed in this pass.
    pub(super) visited: Vec<bool>,
    pub(super) handlers: Vec<Handler>,
    /// Handlers by where they begin to guard.
    pub(super) guards: HashMap<u32, Vec<usize>>,
    /// States that lead to an offset and are not followed yet.
    pub(super) pending: BTreeMap<u32, Vec<Saved>>,
    /// What the last pass knew at each offset that is jumped back to.
    pub(super) before: HashMap<u32, Saved>,
    /// What this one knows.
    pub(super) after: HashMap<u32, Saved>,
}

impl Track {
    /// Decodes `code`; instructions that are only reached by jumping into others are added where
    /// such a jump is met.
    fn new(code: &CodeObject) -> Self {
        let len = code.code.len();
        let mut track = Self {
            instructions: instructions(code).collect(),
            index: vec![NOWHERE; len],
            targets: vec![false; len],
            visited: vec![false; len],
            handlers: handlers(code).collect(),
            ..Self::default()
        };
        for at in 0..track.instructions.len() {
            track.note(code.version, at);
        }
        for (at, handler) in track.handlers.iter().enumerate() {
            track.guards.entry(handler.start).or_default().push(at);
            if let Some(target) = track.targets.get_mut(to_usize(u64::from(handler.target))) {
                *target = true;
            }
        }
        track
    }

    /// Enters instruction number `at` into the indices.
    fn note(&mut self, version: Version, at: usize) {
        let Some(instruction) = self.instructions.get(at) else { return };
        if let Some(entry) = self.index.get_mut(to_usize(u64::from(instruction.start))) {
            *entry = u32::try_from(at).unwrap_or(NOWHERE);
        }
        let target = instruction.target(version).filter(|_| instruction.op != Op::EndAsyncFor);
        let target = target.and_then(|target| self.targets.get_mut(to_usize(u64::from(target))));
        if let Some(target) = target {
            *target = true;
        }
    }

    /// The instruction that starts at `offset`, of those that are decoded.
    pub(super) fn at(&self, offset: u32) -> Option<Instruction> {
        let index = *self.index.get(to_usize(u64::from(offset)))?;
        self.instructions.get(to_usize(u64::from(index))).copied()
    }

    /// Decodes from `offset`, where no instruction starts yet, to where one does. Each offset is
    /// decoded once, so the work is bounded by the length of the code.
    pub(super) fn decode(&mut self, code: &CodeObject, offset: u32) -> bool {
        let mut at = offset;
        while self.at(at).is_none() {
            let Some(instruction) = instruction_at(code, at) else { break };
            self.instructions.push(instruction);
            self.note(code.version, self.instructions.len().saturating_sub(1));
            at = instruction.next;
        }
        let found = self.at(offset).is_some();
        if found {
            self.inside.insert(offset);
        }
        found
    }

    /// How far handler number `index` guards: blocks within are guarded by their own handlers, and by
    /// this one again behind them.
    pub(super) fn guarded_until(&self, index: usize) -> u32 {
        let mut rest = self.handlers.iter().skip(index);
        let Some(first) = rest.next() else { return u32::MAX };
        let (mut end, mut met) = (first.end, first.end);
        for handler in rest.take(64) {
            if handler.start > met.saturating_add(2) {
                break;
            }
            met = handler.end.max(met);
            if handler.target == first.target {
                end = met;
            }
        }
        end
    }

    /// Whether a jump leads to `offset`.
    pub(super) fn is_target(&self, offset: u32) -> bool {
        self.targets.get(to_usize(u64::from(offset))).copied().unwrap_or(false)
    }

    /// Marks `offset` as a place where ways may meet.
    pub(super) fn mark_target(&mut self, offset: u32) {
        if let Some(target) = self.targets.get_mut(to_usize(u64::from(offset))) {
            *target = true;
        }
    }

    /// Whether `offset` was followed in this pass.
    pub(super) fn is_visited(&self, offset: u32) -> bool {
        self.visited.get(to_usize(u64::from(offset))).copied().unwrap_or(false)
    }

    /// Marks `offset` as followed.
    pub(super) fn visit(&mut self, offset: u32) {
        if let Some(visited) = self.visited.get_mut(to_usize(u64::from(offset))) {
            *visited = true;
        }
    }
}

impl<'a> Unit<'a> {
    fn new(code: &'a CodeObject, base: usize) -> Self {
        let cells = cells(code, base);
        Self {
            code,
            base,
            cells,
            held_in_cells: held_in_cells(code),
            free: vec![Vec::new(); code.freevars.len()],
            class: false,
            special: Vec::new(),
            callees: HashSet::new(),
            returns: Many::new(),
            entries: Vec::new(),
            events: Vec::new(),
            cut: false,
            cold: cold(code),
            expression: None,
            track: Track::new(code),
        }
    }

    /// How many variables it has.
    fn width(&self) -> usize {
        let code = self.code;
        let old = code.varnames.len().saturating_add(code.cellvars.len());
        old.max(code.slots.len()).saturating_add(code.freevars.len())
    }

    /// The variable with number `index` among its locals.
    pub(super) fn local(&self, index: u32) -> Option<usize> {
        self.code.local(index)?;
        self.base.checked_add(to_usize(u64::from(index)))
    }

    /// Which of its free variables the cell `index` is.
    pub(super) fn free_at(&self, index: u32) -> Option<usize> {
        let index = to_usize(u64::from(index));
        let first = match self.code.version >= Version::V3_11 {
            true => self.code.slots.len().checked_sub(self.code.freevars.len())?,
            false => self.code.cellvars.len(),
        };
        index.checked_sub(first).filter(|at| *at < self.free.len())
    }

    /// The variables that the cell `index` may be.
    pub(super) fn cell(&self, index: u32) -> Vec<usize> {
        match self.free_at(index) {
            Some(free) => self.free.get(free).cloned().unwrap_or_default(),
            None => self.cells.get(to_usize(u64::from(index))).copied().into_iter().collect(),
        }
    }

    /// Whether local `index` is a cell whose content is elsewhere.
    pub(super) fn is_cell(&self, index: u32) -> bool {
        self.held_in_cells.get(to_usize(u64::from(index))).copied().unwrap_or(false)
    }
}

fn cold(code: &CodeObject) -> u32 {
    let behind = code.version >= Version::V3_12;
    let targets = handlers(code).map(|handler| handler.target).filter(|_| behind);
    targets.min().unwrap_or(u32::MAX)
}

fn held_in_cells(code: &CodeObject) -> Vec<bool> {
    let shared: HashSet<&str> = code.cellvars.iter().chain(&*code.freevars).map(|n| &**n).collect();
    code.slots.iter().map(|name| shared.contains(&**name)).collect()
}

/// The variable of each cell: up to 3.10, cells are numbered apart from locals, and a parameter that
/// nested functions use moves into its cell as the function starts.
fn cells(code: &CodeObject, base: usize) -> Vec<usize> {
    if code.version >= Version::V3_11 {
        return (0..code.slots.len()).filter_map(|at| base.checked_add(at)).collect();
    }
    let parameters: HashMap<&str, usize> =
        code.parameters().enumerate().map(|(at, name)| (name, at)).collect();
    let first = base.saturating_add(code.varnames.len());
    let cell = |(at, name): (usize, &std::sync::Arc<str>)| match parameters.get(&**name) {
        Some(parameter) => base.saturating_add(*parameter),
        None => first.saturating_add(at),
    };
    code.cellvars.iter().enumerate().map(cell).collect()
}

/// The code objects and their variables, parameters bound to what nobody knows.
pub(super) fn load(tree: &CodeTree) -> (Vec<Unit<'_>>, Vec<Var>) {
    let mut units = Vec::with_capacity(tree.objects.len());
    let mut vars: Vec<Var> = Vec::new();
    for code in &tree.objects {
        let unit = Unit::new(code, vars.len());
        let end = vars.len().saturating_add(unit.width());
        vars.resize_with(end, Var::default);
        for (at, name) in code.parameters().enumerate() {
            // A comprehension is called where it stands: what it iterates over is known there.
            let var = unit.base.checked_add(at).filter(|_| name != ".0");
            if let Some(var) = var.and_then(|var| vars.get_mut(var)) {
                var.bound = true;
                var.many.push(slot::known("a parameter"));
            }
        }
        units.push(unit);
    }
    (units, vars)
}

/// Values of constants, each converted once; what is in them is shared, not copied.
#[derive(Debug)]
pub(super) struct Constants<'a> {
    tree: &'a CodeTree,
    known: Vec<Option<Known>>,
    texts: HashMap<u32, Rc<str>>,
}

impl<'a> Constants<'a> {
    pub(super) fn new(tree: &'a CodeTree) -> Self {
        Self { tree, known: vec![None; tree.constants.len()], texts: HashMap::new() }
    }

    /// The value of the constant at `index`.
    pub(super) fn at(&mut self, index: u32) -> Known {
        self.within(index, 12)
    }

    /// How the constant at `index` reads.
    pub(super) fn text(&mut self, index: u32) -> Rc<str> {
        let tree = self.tree;
        let text = self.texts.entry(index).or_insert_with(|| match tree.constant(index) {
            Some(Constant::Code(_)) => "<code>".into(),
            Some(Constant::Complex(real, imaginary)) if *real == 0.0 => {
                format!("{imaginary:?}j").into()
            }
            _ => (&*slot::clipped(&tree.value(index).to_string())).into(),
        });
        Rc::clone(text)
    }

    /// Levels are bounded, for constants may hold themselves.
    fn within(&mut self, index: u32, levels: u8) -> Known {
        let at = to_usize(u64::from(index));
        if let Some(Some(known)) = self.known.get(at) {
            return known.clone();
        }
        let Some(entry) = self.known.get_mut(at) else { return Known::Unknown };
        *entry = Some(Known::Unknown);
        let known = super::constant::value(self.tree, index, &mut |item| {
            levels.checked_sub(1).map_or(Known::Unknown, |levels| self.within(item, levels))
        });
        if let Some(entry) = self.known.get_mut(at) {
            *entry = Some(known.clone());
        }
        known
    }
}

/// How long `code` is, in bytes.
pub(super) fn length(code: &CodeObject) -> u64 {
    to_u64(code.code.len())
}
