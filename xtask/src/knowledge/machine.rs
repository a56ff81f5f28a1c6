//! The state of the analysis: what variables hold, what functions do, and what waits to be looked at
//! again.

use super::effects::Effect;
use super::ir::HashMap;
use super::ir::{ClassId, FuncId, Names, Program, Scope, Sym};
use super::primitives::Primitives;
use super::value::{Atom, Val};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// A function together with the class of the object whose method it is.
pub type UnitId = u32;

/// Stands for no class.
pub const NO_CLASS: ClassId = ClassId::MAX;

/// A place that an argument comes in by; below [`FIELDS`] it is a parameter.
pub type Source = u8;

/// Effects that no argument decides about.
pub const ALWAYS: Source = 64;

/// Sources from here on are fields and captured variables.
pub const FIELDS: u8 = 30;

/// Functions are looked at again at most this often.
const VISITS: u8 = 5;

/// Calls are followed at once to this depth, and later beyond.
const DEPTH: u16 = 220;

/// Methods are looked at for this many of the classes that inherit them.
const HEIRS: u16 = 24;

/// A source that is no parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extra {
    /// A field of the object.
    Field(Sym),
    /// A variable of the function around.
    Captured(Sym),
}

/// The next step on the way to an effect.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Unit(UnitId),
    External(Sym),
}

/// How an effect is reached.
#[derive(Clone, Copy, Debug)]
pub struct Via {
    pub step: Step,
    pub length: u16,
}

/// What a function does, in terms of its sources.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub effects: BTreeMap<(Effect, Source), Via>,
    pub result: Val,
    /// Why it cannot be called harmless: a call that could not be resolved.
    pub unresolved: Option<Sym>,
    /// Sources on which methods are called.
    pub asked: u64,
    /// Which methods those are, by the source that they are called on or on what calling it makes.
    pub methods: BTreeSet<(Source, Sym)>,
    /// What a class method puts into containers of its class.
    pub registers: BTreeMap<Sym, Val>,
    /// Fields that it sets on its object.
    pub fields: BTreeMap<Sym, Val>,
    pub extras: Vec<Extra>,
}

impl Summary {
    /// Adds what `other` does; whether that is more than before.
    fn join(&mut self, other: Self) -> bool {
        let mut grew = false;
        for (key, via) in other.effects {
            match self.effects.get(&key) {
                None => grew = true,
                Some(old) if old.length <= via.length => continue,
                Some(_) => {}
            }
            self.effects.insert(key, via);
        }
        grew |= self.result.join(&other.result);
        if self.unresolved.is_none() && other.unresolved.is_some() {
            self.unresolved = other.unresolved;
            grew = true;
        }
        grew |= self.asked | other.asked != self.asked;
        self.asked |= other.asked;
        let methods = self.methods.len();
        self.methods.extend(other.methods);
        grew |= self.methods.len() != methods;
        grew |= join_all(&mut self.fields, other.fields);
        grew |= join_all(&mut self.registers, other.registers);
        self.extras = other.extras;
        grew
    }
}

/// Adds what `more` holds; whether that is more than before.
fn join_all(to: &mut BTreeMap<Sym, Val>, more: BTreeMap<Sym, Val>) -> bool {
    let mut grew = false;
    for (name, val) in more {
        match to.get_mut(&name) {
            Some(old) => grew |= old.join(&val),
            None => {
                to.insert(name, val);
                grew = true;
            }
        }
    }
    grew
}

/// A unit and what is known about it.
pub struct Unit {
    pub func: FuncId,
    pub class: ClassId,
    pub summary: Rc<Summary>,
    pub extras: Vec<Extra>,
    callers: BTreeSet<UnitId>,
    visits: u8,
    started: bool,
    running: bool,
    queued: bool,
}

/// An ancestor of a class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Base {
    Class(ClassId),
    External(Sym),
    Unknown,
}

/// The analysis.
pub struct Machine {
    pub program: Rc<Program>,
    pub names: Names,
    pub primitives: Primitives,
    pub module_vars: Vec<HashMap<Sym, Val>>,
    pub star_externals: Vec<Vec<Sym>>,
    pub module_done: Vec<u8>,
    pub class_vars: Vec<HashMap<Sym, Val>>,
    pub class_fields: Vec<HashMap<Sym, Val>>,
    pub class_bases: Vec<Vec<Val>>,
    orders: HashMap<ClassId, Rc<[Base]>>,
    pub envs: HashMap<FuncId, HashMap<Sym, Val>>,
    /// Functions that constructors were given for a field; none where they were too many.
    pub held: HashMap<(ClassId, Sym), Option<Val>>,
    pub units: Vec<Unit>,
    ids: HashMap<(FuncId, ClassId), UnitId>,
    classes_of: HashMap<FuncId, u16>,
    queue: VecDeque<UnitId>,
    /// Classes below a class.
    pub heirs: HashMap<ClassId, Vec<ClassId>>,
    /// Parameters of constructors whose functions the methods of a class call.
    pub deferring: HashMap<ClassId, Rc<[usize]>>,
    pub depth: u16,
    pub round: u8,
    /// Whether rows are made of the standard library.
    pub standard: bool,
    /// Functions and classes of which the hand-written table speaks, under their dotted names.
    pub reviewed_funcs: HashMap<FuncId, Sym>,
    pub reviewed_classes: HashMap<ClassId, Sym>,
}

impl Machine {
    pub fn new(mut program: Program, primitives: Primitives) -> Self {
        let names = std::mem::take(&mut program.names);
        let (modules, classes) = (program.modules.len(), program.classes.len());
        Self {
            program: Rc::new(program),
            names,
            primitives,
            module_vars: vec![HashMap::default(); modules],
            star_externals: vec![Vec::new(); modules],
            module_done: vec![0; modules],
            class_vars: vec![HashMap::default(); classes],
            class_fields: vec![HashMap::default(); classes],
            class_bases: vec![Vec::new(); classes],
            orders: HashMap::default(),
            envs: HashMap::default(),
            held: HashMap::default(),
            units: Vec::new(),
            ids: HashMap::default(),
            classes_of: HashMap::default(),
            queue: VecDeque::new(),
            heirs: HashMap::default(),
            deferring: HashMap::default(),
            depth: 0,
            round: 0,
            standard: false,
            reviewed_funcs: HashMap::default(),
            reviewed_classes: HashMap::default(),
        }
    }

    /// Finds the functions and classes of which the hand-written table speaks.
    pub fn review(&mut self) {
        let program = Rc::clone(&self.program);
        for (at, func) in program.funcs.iter().enumerate() {
            let id = FuncId::try_from(at).unwrap_or(FuncId::MAX);
            let dotted = self.func_name(id);
            let module = program.modules.get(func.module as usize).map(|module| module.name);
            let module = module.map_or("", |name| self.names.text(name));
            if func.scope == Scope::Function && self.primitives.overrides(module, &dotted) {
                let name = self.names.sym(&dotted);
                self.reviewed_funcs.insert(id, name);
            }
        }
        for (at, class) in program.classes.iter().enumerate() {
            let id = ClassId::try_from(at).unwrap_or(ClassId::MAX);
            let dotted = self.class_name(id);
            let module = program.modules.get(class.module as usize).map(|module| module.name);
            let module = module.map_or("", |name| self.names.text(name));
            if self.primitives.overrides(module, &dotted) {
                let name = self.names.sym(&dotted);
                self.reviewed_classes.insert(id, name);
            }
        }
    }

    /// Looks at everything until nothing changes.
    pub fn run(&mut self) {
        for round in 1..=2 {
            self.round = round;
            self.orders.clear();
            self.note_heirs();
            for module in 0..self.program.modules.len() {
                self.run_module(u32::try_from(module).unwrap_or(u32::MAX));
            }
            // Class bodies inside functions are run with their functions.
            if round == 1 {
                continue;
            }
            let program = Rc::clone(&self.program);
            for (at, func) in program.funcs.iter().enumerate() {
                if func.scope == Scope::Function {
                    let id = FuncId::try_from(at).unwrap_or(FuncId::MAX);
                    let unit = self.unit(id, func.class.unwrap_or(NO_CLASS));
                    self.enqueue(unit);
                }
            }
            self.settle();
        }
    }

    /// Finds the classes below each class, as far as bases are known by now.
    fn note_heirs(&mut self) {
        self.heirs.clear();
        for class in 0..u32::try_from(self.program.classes.len()).unwrap_or(0) {
            for base in self.order(class).iter() {
                if let Base::Class(above) = base
                    && *above != class
                {
                    self.heirs.entry(*above).or_default().push(class);
                }
            }
        }
    }

    fn run_module(&mut self, module: u32) {
        let Some(done) = self.module_done.get_mut(module as usize) else { return };
        if *done >= self.round {
            return;
        }
        *done = self.round;
        let body = self.program.modules.get(module as usize).map(|module| module.body);
        if let Some(body) = body {
            let unit = self.unit(body, NO_CLASS);
            self.look(unit);
        }
    }

    /// Runs a module that another imports first.
    pub fn need_module(&mut self, module: u32) {
        if self.depth < DEPTH {
            self.depth += 1;
            self.run_module(module);
            self.depth -= 1;
        }
    }

    fn settle(&mut self) {
        while let Some(unit) = self.queue.pop_front() {
            if let Some(state) = self.units.get_mut(unit as usize) {
                state.queued = false;
            }
            self.look(unit);
        }
    }

    pub fn unit(&mut self, func: FuncId, class: ClassId) -> UnitId {
        if let Some(&id) = self.ids.get(&(func, class)) {
            return id;
        }
        // A method that so many classes inherit is looked at for the class that it stands in.
        let own = self.program.funcs.get(func as usize).and_then(|func| func.class);
        let count = self.classes_of.entry(func).or_default();
        *count = count.saturating_add(1);
        if *count > HEIRS
            && let Some(own) = own.filter(|own| *own != class)
        {
            return self.unit(func, own);
        }
        let id = UnitId::try_from(self.units.len()).unwrap_or(UnitId::MAX);
        self.ids.insert((func, class), id);
        self.units.push(Unit {
            func,
            class,
            summary: Rc::default(),
            extras: Vec::new(),
            callers: BTreeSet::new(),
            visits: 0,
            started: false,
            running: false,
            queued: false,
        });
        id
    }

    fn enqueue(&mut self, unit: UnitId) {
        let Some(state) = self.units.get_mut(unit as usize) else { return };
        if !state.queued {
            state.queued = true;
            self.queue.push_back(unit);
        }
    }

    /// What a unit does, as far as that is known now; `caller` is told when more is.
    pub fn summary(&mut self, unit: UnitId, caller: UnitId) -> Rc<Summary> {
        let Some(state) = self.units.get_mut(unit as usize) else { return Rc::default() };
        state.callers.insert(caller);
        if !state.started && !state.running {
            if self.depth < DEPTH {
                self.depth += 1;
                self.look(unit);
                self.depth -= 1;
            } else {
                self.enqueue(unit);
            }
        }
        self.units.get(unit as usize).map(|state| Rc::clone(&state.summary)).unwrap_or_default()
    }

    /// Analyses a unit, and has its callers looked at again where it does more than was known.
    fn look(&mut self, unit: UnitId) {
        let Some(state) = self.units.get_mut(unit as usize) else { return };
        if state.running || (state.visits >= VISITS.saturating_mul(self.round.max(1))) {
            return;
        }
        state.running = true;
        state.started = true;
        state.visits = state.visits.saturating_add(1);
        let (func, class) = (state.func, state.class);
        let found = self.analyse(unit, func, class);
        let Some(state) = self.units.get_mut(unit as usize) else { return };
        state.running = false;
        state.extras.clone_from(&found.extras);
        let mut summary = (*state.summary).clone();
        if summary.join(found) {
            let callers: Vec<UnitId> = state.callers.iter().copied().collect();
            state.summary = Rc::new(summary);
            callers.into_iter().for_each(|caller| self.enqueue(caller));
        } else {
            state.summary = Rc::new(summary);
        }
    }

    /// The class and its ancestors, in the order in which attributes are looked for.
    pub fn order(&mut self, class: ClassId) -> Rc<[Base]> {
        if let Some(order) = self.orders.get(&class) {
            return Rc::clone(order);
        }
        // A class that is its own ancestor, which no real one is, ends here.
        self.orders.insert(class, Rc::new([Base::Class(class)]));
        let mut order = vec![Base::Class(class)];
        let bases = self.class_bases.get(class as usize).cloned().unwrap_or_default();
        for base in bases {
            let mut found = false;
            for atom in &base.atoms {
                match atom {
                    Atom::Class(parent) => {
                        found = true;
                        let above = self.order(*parent);
                        for one in above.iter() {
                            order.retain(|there| there != one);
                            order.push(*one);
                        }
                    }
                    Atom::External(name) | Atom::Made(name) => {
                        found = true;
                        order.retain(|there| *there != Base::External(*name));
                        order.push(Base::External(*name));
                    }
                    _ => {}
                }
            }
            if !found {
                order.push(Base::Unknown);
            }
        }
        let order: Rc<[Base]> = order.into();
        self.orders.insert(class, Rc::clone(&order));
        order
    }

    /// The dotted name of a function, class or module variable.
    pub fn dotted(&self, module: u32, path: Sym) -> String {
        let module =
            self.program.modules.get(module as usize).map_or("", |m| self.names.text(m.name));
        format!("{module}.{}", self.names.text(path))
    }

    pub fn func_name(&self, func: FuncId) -> String {
        self.program
            .funcs
            .get(func as usize)
            .map_or_else(String::new, |func| self.dotted(func.module, func.path))
    }

    pub fn class_name(&self, class: ClassId) -> String {
        self.program
            .classes
            .get(class as usize)
            .map_or_else(String::new, |class| self.dotted(class.module, class.path))
    }
}
