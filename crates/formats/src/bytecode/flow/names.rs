//! Variables and imports: what names stand for where they are loaded, and what is stored in them.

use super::constant::builtin;
use super::events::{Event, Placed};
use super::exceptions::is_builtin;
use super::machine::{GLOBALS, Machine, Next};
use super::program::Entry;
use super::slot::{self, ANY, Kind, S, Slot, level};
use crate::bytecode::{Op, Version};
use crate::python::known::{Known, Many, add};
use davy_artifact::Name;
use std::rc::Rc;

/// Modules imported with `*` whose names are considered.
const STARS: usize = 4;

/// Names that one import statement takes from a module, as far as they are listed.
const TAKEN: usize = 256;

/// Longest path of a module that is believed.
const PATH: usize = 1024;

/// What the compiler assigns in every class, `__doc__` left out: that says something.
const IMPLIED: [&str; 5] =
    ["__classcell__", "__firstlineno__", "__module__", "__qualname__", "__static_attributes__"];

impl<'a> Machine<'a> {
    /// Loads, stores and deletes of variables.
    pub(super) fn step_names(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::LoadFast | Op::LoadFastBorrow | Op::LoadFastCheck => self.load_fast(arg),
            Op::LoadFastAndClear => {
                if self.frame.code.local(arg).is_none() {
                    self.load_fast(arg);
                } else {
                    self.push(Slot::marker(Kind::Cleared));
                }
            }
            Op::LoadFastLoadFast | Op::LoadFastBorrowLoadFastBorrow => {
                self.load_fast(arg >> 4);
                self.load_fast(arg & 15);
            }
            Op::StoreFast => self.store_fast(arg),
            Op::StoreFastLoadFast => {
                self.store_fast(arg >> 4);
                self.load_fast(arg & 15);
            }
            Op::StoreFastStoreFast => {
                self.store_fast(arg >> 4);
                self.store_fast(arg & 15);
            }
            Op::LoadDeref | Op::LoadClassderef => self.load_cell(arg),
            Op::LoadFromDictOrDeref => {
                self.pop();
                self.load_cell(arg);
            }
            Op::LoadClosure => self.load_closure(arg),
            Op::StoreDeref => self.store_cell(arg),
            Op::LoadGlobal => self.load_global_op(arg),
            Op::LoadName => self.load_name(arg),
            Op::LoadFromDictOrGlobals => {
                self.pop();
                self.load_name(arg);
            }
            Op::StoreName | Op::StoreGlobal => self.store_name(op, arg),
            Op::DeleteFast | Op::DeleteDeref | Op::DeleteName | Op::DeleteGlobal => {
                self.delete(op, arg);
            }
            Op::ImportName => self.import_name(arg),
            Op::ImportFrom => self.import_from(arg),
            Op::ImportStar => {
                let module = self.pop();
                self.import_star(&module);
            }
            _ => return None,
        }
        Some(Next::Falls)
    }

    fn load_fast(&mut self, index: u32) {
        let unit = self.frame.unit;
        let local = self.units.get(unit).and_then(|unit| unit.local(index));
        let (Some(var), Some(name)) = (local, self.frame.code.local(index)) else {
            self.broken(
                "reads a local variable that is not there, which is memory of the interpreter",
            );
            return self.push(Slot::unknown());
        };
        // From 3.13 on, closures are made of cells that are loaded like variables.
        if self.units.get(unit).is_some_and(|unit| unit.is_cell(index)) {
            return self.load_closure(index);
        }
        let slot = self.load(var, name);
        self.push(slot);
    }

    fn store_fast(&mut self, index: u32) {
        let slot = self.pop();
        let local = self.units.get(self.frame.unit).and_then(|unit| unit.local(index));
        let (Some(var), Some(name)) = (local, self.frame.code.local(index)) else {
            return self.broken(
                "writes a local variable that is not there, which is memory of the interpreter",
            );
        };
        if slot.kind == Kind::Cleared {
            return;
        }
        self.store(var, name, &slot);
        self.assign_name(name, &slot);
    }

    fn load_cell(&mut self, index: u32) {
        let Some(name) = self.frame.code.cell(index) else {
            self.broken("reads a shared variable that is not there");
            return self.push(Slot::unknown());
        };
        let vars = self.units.get(self.frame.unit).map(|unit| unit.cell(index)).unwrap_or_default();
        let slot = match vars.as_slice() {
            [] => {
                let outer = vec![slot::known("a variable of the function around it")];
                Slot::new(outer, &self.name_shown(name), level::ATOM)
            }
            [var] => self.load(*var, name),
            several => {
                let mut many = Many::new();
                for var in several {
                    slot::extend(&mut many, &self.load(*var, name).many);
                }
                Slot::new(many, &self.name_shown(name), level::ATOM)
            }
        };
        self.push(slot);
    }

    fn load_closure(&mut self, index: u32) {
        let Some(name) = self.frame.code.cell(index) else {
            self.broken("reads a shared variable that is not there");
            return self.push(Slot::unknown());
        };
        let vars = self.units.get(self.frame.unit).map(|unit| unit.cell(index)).unwrap_or_default();
        let text = self.name_shown(name);
        self.push(Slot::of(Kind::Cells(vars.into()), Many::new(), &text, level::ATOM));
    }

    fn store_cell(&mut self, index: u32) {
        let slot = self.pop();
        let Some(name) = self.frame.code.cell(index) else {
            return self.broken("writes a shared variable that is not there");
        };
        let vars = self.units.get(self.frame.unit).map(|unit| unit.cell(index)).unwrap_or_default();
        for var in vars {
            self.store(var, name, &slot);
        }
        self.assign_name(name, &slot);
    }

    fn load_global_op(&mut self, arg: u32) {
        let version = self.version();
        let index = if version >= Version::V3_11 { arg >> 1 } else { arg };
        let null = version >= Version::V3_11 && arg & 1 != 0;
        if null && version < Version::V3_13 {
            self.push(Slot::marker(Kind::Null));
        }
        let slot = match self.frame.code.named(index) {
            Some(name) => self.load_global(name),
            None => self.no_name(),
        };
        self.push(slot);
        if null && version >= Version::V3_13 {
            self.push(Slot::marker(Kind::Null));
        }
    }

    /// Where a name is asked for that the code does not have.
    pub(super) fn no_name(&mut self) -> S {
        self.broken("uses a name that is not there, which is memory of the interpreter");
        Slot::unknown()
    }

    fn load_name(&mut self, index: u32) {
        let slot = match self.frame.code.named(index) {
            Some(name) => self.find_name(name),
            None => self.no_name(),
        };
        self.push(slot);
    }

    fn find_name(&mut self, name: &'a str) -> S {
        let space = self.space();
        match self.spaces.get(&(space, name)).copied().filter(|_| space != GLOBALS) {
            Some(var) if self.vars.get(var).is_some_and(|var| var.bound) => self.load(var, name),
            _ => self.load_global(name),
        }
    }

    /// Where `STORE_NAME` puts names.
    fn space(&self) -> usize {
        if self.frame.unit == 0 { GLOBALS } else { self.frame.unit }
    }

    fn var(&mut self, space: usize, name: &'a str) -> usize {
        let next = self.vars.len();
        let var = *self.spaces.entry((space, name)).or_insert(next);
        if var == next {
            self.vars.push(super::program::Var::default());
        }
        var
    }

    fn store_name(&mut self, op: Op, index: u32) {
        let slot = self.pop();
        let Some(name) = self.frame.code.named(index) else {
            self.no_name();
            return;
        };
        let space = if op == Op::StoreGlobal { GLOBALS } else { self.space() };
        let var = self.var(space, name);
        self.store(var, name, &slot);
        if let Some(unit) = self.units.get_mut(space) {
            if name.starts_with("__") && !unit.special.contains(&var) && unit.special.len() < 256 {
                unit.special.push(var);
            }
            if unit.class {
                self.set_attribute(name, &slot.many);
            }
        }
        self.assign_name(name, &slot);
    }

    /// Notes what the attribute `name` of some object may be.
    pub(super) fn set_attribute(&mut self, name: &str, many: &Many) {
        for value in many {
            if matches!(value, Known::Global(_) | Known::Local(_) | Known::Module(_)) {
                let values = self.attributes.entry(name.to_owned()).or_default();
                let before = values.len();
                add(values, value.clone());
                self.changed |= values.len() > before;
            }
        }
    }

    /// Stores in a variable.
    pub(super) fn store(&mut self, var: usize, name: &str, slot: &S) {
        let unit = self.frame.unit;
        let text = self.name_shown(name);
        let Some(var) = self.vars.get_mut(var) else { return };
        var.bound = true;
        if var.by.is_some_and(|by| by != unit) && !var.shared {
            (var.shared, self.changed) = (true, true);
        }
        var.by = var.by.or(Some(unit));
        if slot::extend(&mut var.many, &slot.many) {
            (var.loaded, self.changed) = (None, true);
        }
        var.held = Some((self.generation, Slot::new(slot.many.clone(), &text, level::ATOM)));
    }

    /// What loading a variable gives.
    fn load(&mut self, var: usize, name: &str) -> S {
        let text = self.name_shown(name);
        let generation = self.generation;
        let Some(var) = self.vars.get_mut(var) else { return Slot::unknown() };
        if let Some((held, slot)) = &var.held
            && *held == generation
            && !var.shared
        {
            return Rc::clone(slot);
        }
        let many = &var.many;
        let loaded = var.loaded.get_or_insert_with(|| Slot::new(many.clone(), &text, level::ATOM));
        Rc::clone(loaded)
    }

    /// What the global `name` is.
    pub(super) fn load_global(&mut self, name: &'a str) -> S {
        let var = self.var(GLOBALS, name);
        if !self.vars.get(var).is_some_and(|var| var.bound) {
            let many = self.unbound(name);
            let text = self.name_shown(name);
            let Some(var) = self.vars.get_mut(var) else { return Slot::unknown() };
            let make = || Slot::new(many, &text, level::ATOM);
            return Rc::clone(var.loaded.get_or_insert_with(make));
        }
        let slot = self.load(var, name);
        // A builtin that is only ever shadowed by data may be called where it is not: behind a
        // branch that is not taken.
        let called = |value: &Known| matches!(value, Known::Global(_) | Known::Local(_));
        if is_builtin(name) && !slot.many.iter().any(called) {
            let mut many = slot.many.clone();
            add(&mut many, builtin(name));
            return Slot::new(many, &slot.text, level::ATOM);
        }
        slot
    }

    /// What a global is that nothing here binds.
    pub(super) fn unbound(&self, name: &str) -> Many {
        match name {
            "__builtins__" => return vec![Known::Module("builtins".into())],
            // In Python 2 these are names like others.
            "False" => return vec![Known::Bool(false)],
            "None" => return vec![Known::None],
            "True" => return vec![Known::Bool(true)],
            _ => {}
        }
        if is_builtin(name) {
            return vec![builtin(name)];
        }
        if self.stars.is_empty() {
            return vec![Known::Global(Rc::new(Name::new(name, "")))];
        }
        let star = |module: &String| Known::Global(Rc::new(Name::new(module.as_str(), name)));
        self.stars.iter().map(star).collect()
    }

    fn delete(&mut self, op: Op, index: u32) {
        let code = self.frame.code;
        let name = match op {
            Op::DeleteFast => code.local(index),
            Op::DeleteDeref => code.cell(index),
            _ => code.named(index),
        };
        match name {
            Some(name) => self.delete_name(&davy_bytes::escape(name)),
            None => self.broken("deletes a variable that is not there"),
        }
    }

    /// Handlers forget the name of their exception: `e = None; del e` is not shown.
    fn delete_name(&mut self, name: &str) {
        if let Some(Placed { event, .. }) = self.frame.events.last_mut()
            && let Event::Line(line) = event
            && line.strip_suffix(" = None") == Some(name)
        {
            *event = Event::Dead;
            return;
        }
        self.line(|| format!("del {name}"));
    }

    // Statements that assign.

    fn assign_name(&mut self, name: &str, slot: &S) {
        if self.last {
            let name = davy_bytes::escape(name);
            self.assign(&name, slot);
        }
        // `x = y = f()` keeps a copy on the stack: it is `x` from here on.
        if self.frame.stack.last().is_some_and(|top| Rc::ptr_eq(top, slot)) {
            let named = slot.named(&self.name_shown(name));
            self.replace(0, named);
        }
    }

    /// `target = slot`, in the listing.
    pub(super) fn assign(&mut self, target: &str, slot: &S) {
        if !self.last {
            return;
        }
        match &slot.kind {
            Kind::Given | Kind::Exception => {
                self.event(Event::As(target.to_owned()));
            }
            Kind::Import(path) => {
                let root = path.split('.').next().unwrap_or_default();
                let alias = if root == target { String::new() } else { format!(" as {target}") };
                self.line(|| format!("import {path}{alias}"));
            }
            Kind::From(path) => {
                let same = path.ends_with(target)
                    && path
                        .get(..path.len().saturating_sub(target.len()))
                        .is_some_and(|head| head.ends_with(' '));
                let alias = if same { String::new() } else { format!(" as {target}") };
                self.line(|| format!("{path}{alias}"));
            }
            Kind::Function(unit) | Kind::Class(unit) => {
                let own = self.units.get(*unit).is_some_and(|unit| *unit.code.name == *target);
                if !own {
                    self.line(|| format!("{target} = {}", slot.text));
                }
            }
            Kind::Part(unpacked) => self.assign_part(*unpacked, target),
            Kind::Value | Kind::Cells(_) if self.is_implied(target) => {}
            _ => self.line(|| format!("{target} = {}", slot.text)),
        }
    }

    /// Whether the compiler assigns `target` in every class.
    fn is_implied(&self, target: &str) -> bool {
        let class = self.units.get(self.frame.unit).is_some_and(|unit| unit.class);
        class && IMPLIED.contains(&target)
    }

    /// One target of a value that is unpacked; nested targets are one target of what is around them.
    fn assign_part(&mut self, unpacked: usize, target: &str) {
        let (mut unpacked, mut target) = (unpacked, target.to_owned());
        while let Some(part) = self.frame.unpacked.get_mut(unpacked) {
            if part.targets.len() < 200 {
                let comma = if part.targets.is_empty() { "" } else { ", " };
                part.targets.push_str(comma);
                part.targets.push_str(&target);
            }
            part.waits = part.waits.saturating_sub(1);
            if part.waits > 0 {
                return;
            }
            let (targets, from) = (std::mem::take(&mut part.targets), Rc::clone(&part.from));
            match from.kind {
                Kind::Part(outer) if outer < unpacked => {
                    (unpacked, target) = (outer, format!("({targets})"));
                }
                Kind::Given => {
                    self.event(Event::As(targets));
                    return;
                }
                _ => return self.line(|| format!("{targets} = {}", from.text)),
            }
        }
    }

    // Imports.

    fn import_name(&mut self, index: u32) {
        let (taken, dots) = (self.pop(), self.pop());
        let Some(name) = self.frame.code.named(index) else {
            let slot = self.no_name();
            return self.push(slot);
        };
        // Python 2 asks for -1: beside the importing module first, then anywhere.
        let dots = dots.only().int().and_then(|dots| usize::try_from(dots).ok()).unwrap_or(0);
        let module = format!("{}{name}", ".".repeat(dots.min(16)));
        self.note_module(&module);
        self.frame.taken = false;
        let names = names_in(&taken.only());
        let root = module.split('.').find(|part| !part.is_empty()).unwrap_or_default();
        let value = if names.is_empty() && dots == 0 { root } else { &module };
        let value = vec![Known::Module(value.into())];
        let text = self.name_shown(&module);
        if names.is_empty() {
            self.enter(Entry::Import(Name::new(module.as_str(), "")));
            let kind = Kind::Import(text.as_str().into());
            return self.push(Slot::of(kind, value, &text, level::ATOM));
        }
        for name in names {
            self.enter(Entry::Import(Name::new(module.as_str(), name)));
        }
        self.push(Slot::new(value, &text, level::ATOM));
    }

    /// Remembers that `path` and what it lies in are modules.
    pub(super) fn note_module(&mut self, path: &str) {
        if path.len() > PATH || self.imported.contains(path) {
            return;
        }
        for (at, _) in path.match_indices('.') {
            self.imported.extend(path.get(..at).map(str::to_owned));
        }
        self.imported.insert(path.to_owned());
        self.changed = true;
    }

    fn import_from(&mut self, index: u32) {
        let module = self.peek(0);
        self.frame.taken = true;
        let Some(name) = self.frame.code.named(index) else {
            let slot = self.no_name();
            return self.push(slot);
        };
        let mut many = Many::new();
        for value in &module.many {
            let Known::Module(path) = value else { continue };
            let member = self.member(path, "", name);
            if !matches!(member, Known::Module(_)) {
                self.enter(Entry::Import(Name::new(&**path, name)));
            }
            add(&mut many, member);
        }
        let text = self.name_shown(name);
        let kind = match &module.kind {
            Kind::Import(path) => Kind::Import(Rc::clone(path)),
            _ => Kind::From(self.say(|| format!("from {} import {text}", module.text)).into()),
        };
        self.push(Slot::of(kind, many, &text, level::ATOM));
    }

    /// `from module import *`.
    pub(super) fn import_star(&mut self, module: &S) {
        self.frame.taken = true;
        for value in &module.many {
            let Known::Module(path) = value else { continue };
            self.enter(Entry::Import(Name::new(&**path, "*")));
            if self.stars.len() < STARS && !self.stars.iter().any(|star| **star == **path) {
                self.stars.push(path.to_string());
                self.changed = true;
            }
        }
        self.line(|| format!("from {} import *", module.text));
    }
}

/// The names that an import takes from the module itself.
fn names_in(taken: &Known) -> Vec<String> {
    match taken {
        Known::Items(items, _) => {
            let names = items.iter().take(TAKEN).filter_map(Known::text);
            names.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// What nobody knows, as the only alternative.
pub(super) fn anything() -> Many {
    vec![slot::known(ANY)]
}
