//! What attributes and subscripts stand for, and what well-known functions return.

use super::machine::Machine;
use super::program::Entry;
use super::slot::{self, Kind, S, Slot, is_words, level};
use crate::python::known::{Known, Many, Room, add, attribute_of, result_of};
use davy_artifact::{Name, Value};
use std::rc::Rc;

/// Longest dotted path that is followed; stops chains of a million attributes.
const PATH: usize = 1024;

/// Items of a constant that are considered where any of them may be meant.
const CONSIDERED: usize = 8;

/// Attributes of any object that lead from it to everything else.
const DOORS: [&str; 14] = [
    "__base__",
    "__bases__",
    "__builtins__",
    "__class__",
    "__code__",
    "__getattribute__",
    "__globals__",
    "__import__",
    "__init__",
    "__loader__",
    "__mro__",
    "__reduce__",
    "__subclasses__",
    "f_globals",
];

impl<'a> Machine<'a> {
    /// `base.name`, as it goes on the stack.
    pub(super) fn attribute_slot(&mut self, base: &S, name: &str) -> S {
        self.retract(base);
        let many = self.attribute(&base.many, name);
        let entry = many.iter().find_map(|value| self.mention(value));
        let text =
            self.say(|| format!("{}.{}", base.within(level::ATOM), davy_bytes::escape(name)));
        let kind = match &base.kind {
            Kind::Import(path) => Kind::Import(Rc::clone(path)),
            _ => Kind::Member(entry),
        };
        Slot::of(kind, many, &text, level::ATOM)
    }

    /// A name taken from an imported module counts as imported, unless it turns out to be called.
    fn mention(&mut self, value: &Known) -> Option<usize> {
        let Known::Global(name) = value else { return None };
        if !self.imported.contains(&name.module) {
            return None;
        }
        self.enter(Entry::Import(name.as_ref().clone()))
    }

    /// What the attribute `name` of one of `base` may be.
    pub(super) fn attribute(&mut self, base: &Many, name: &str) -> Many {
        let mut found = Many::new();
        for value in base {
            match value {
                Known::Module(module) => add(&mut found, self.member(module, "", name)),
                Known::Global(_) if matches!(name, "__call__" | "__dict__" | "__wrapped__") => {
                    add(&mut found, value.clone());
                }
                Known::Global(global) => {
                    add(&mut found, self.member(&global.module, &global.name, name));
                }
                Known::Local(unit) => {
                    let many = self.class_member(*unit, name);
                    slot::extend(&mut found, &many);
                }
                Known::Plain(plain) => {
                    let attribute = self.keep(|| attribute_of(plain, name));
                    add(&mut found, attribute);
                }
                Known::None | Known::Globals | Known::Unknown => {}
                constant if DOORS.contains(&name) => {
                    let base = constant.shown(&mut Room::new(64));
                    let attribute = self.keep(|| attribute_of(&base, name));
                    add(&mut found, attribute);
                }
                constant => add(&mut found, Known::Bound(Rc::new((constant.clone(), name.into())))),
            }
        }
        self.add_set_anywhere(&mut found, name);
        found
    }

    /// An attribute of something unknown may be whatever any object here has under that name.
    fn add_set_anywhere(&mut self, found: &mut Many, name: &str) {
        if found.is_empty() {
            let base = Value::Unknown("an expression");
            found.push(Known::Plain(Rc::new(attribute_of(&base, name))));
        }
        if found.iter().all(is_attribute_of_unknown)
            && let Some(values) = self.attributes.get(name)
        {
            values.iter().for_each(|value| add(found, value.clone()));
        }
    }

    /// What a class, or a function, has under `name`.
    fn class_member(&self, unit: usize, name: &str) -> Many {
        let var = self.spaces.get(&(unit, name)).and_then(|var| self.vars.get(*var));
        match var {
            Some(var) => var.many.clone(),
            None if DOORS.contains(&name) => {
                let base = Value::Unknown("a function of this code");
                vec![Known::Plain(Rc::new(attribute_of(&base, name)))]
            }
            None => Many::new(),
        }
    }

    /// What `inner` in a module, or the module itself, has under `name`.
    pub(super) fn member(&self, module: &str, inner: &str, name: &str) -> Known {
        match name {
            "__dict__" if inner.is_empty() => return Known::Module(module.into()),
            "__builtins__" => return Known::Module("builtins".into()),
            _ => {}
        }
        let size = module.len().saturating_add(inner.len()).saturating_add(name.len());
        if size > PATH {
            return Known::Unknown;
        }
        if !inner.is_empty() {
            return Known::Global(Rc::new(Name::new(module, format!("{inner}.{name}"))));
        }
        let dot = if module.ends_with('.') { "" } else { "." };
        let path = format!("{module}{dot}{name}");
        if self.imported.contains(&path) {
            Known::Module(path.into())
        } else {
            Known::Global(Rc::new(Name::new(module, name)))
        }
    }

    /// What `base[key]` may be.
    pub(super) fn subscript(&mut self, base: &S, key: &S) -> Many {
        let mut found = Many::new();
        if let Kind::Slice(bounds) = &key.kind {
            for value in &base.many {
                let part = super::compute::slice(&mut self.fold, value, bounds);
                add(&mut found, part);
            }
            return found;
        }
        let any = [Known::Unknown];
        let keys = if key.many.is_empty() { any.as_slice() } else { key.many.as_slice() };
        for value in &base.many {
            for key in keys {
                for item in self.element(value, key) {
                    add(&mut found, item);
                }
            }
            if let Some(put) = self.puts.get(&value.mark()).filter(|_| is_container(value)) {
                slot::extend(&mut found, put);
            }
        }
        found
    }

    /// What `value[key]` may be.
    fn element(&mut self, value: &Known, key: &Known) -> Many {
        match (value, key.text()) {
            (Known::Module(module), Some(name)) => vec![self.member(module, "", name)],
            (Known::Globals, Some(name)) => self.global_named(name),
            (Known::Global(global), Some(name)) if global.dotted() == "sys.modules" => {
                vec![Known::Module(name.into())]
            }
            (Known::Plain(plain), Some(name)) if leads_to_globals(plain) => {
                let builtins = name == "__builtins__";
                vec![Known::Module(if builtins { "builtins" } else { name }.into())]
            }
            (Known::Plain(plain), _) if !is_words(value) => vec![Known::Plain(Rc::clone(plain))],
            (Known::Dict(pairs, _), _) => {
                let fits = |(k, _): &&(Known, Known)| *k == *key || *key == Known::Unknown;
                let fitting = pairs.iter().take(512).filter(fits).take(CONSIDERED);
                fitting.map(|(_, value)| value.clone()).collect()
            }
            (Known::Items(items, _), _) if key.int().is_none() || items.iter().any(is_words) => {
                items.iter().take(CONSIDERED).cloned().collect()
            }
            _ => match self.fold.index(value, key) {
                Known::Unknown => Many::new(),
                item => vec![item],
            },
        }
    }

    fn global_named(&mut self, name: &str) -> Many {
        let var = self.spaces.get(&(super::machine::GLOBALS, name)).copied();
        match var.and_then(|var| self.vars.get(var)).filter(|var| var.bound) {
            Some(var) => var.many.clone(),
            None => self.unbound(name),
        }
    }

    /// `base[key] = value`: what is put into a container may be found in it from then on.
    pub(super) fn put(&mut self, base: &S, key: &S, value: &S) {
        for container in &base.many {
            match (container, key.only().text()) {
                (Known::Module(_) | Known::Global(_), Some(name)) => {
                    let name = name.to_owned();
                    self.set_attribute(&name, &value.many);
                }
                (Known::Globals, Some(name)) => self.set_global(name, &value.many),
                _ if is_container(container) => self.put_in(container, &value.many),
                _ => {}
            }
        }
    }

    fn set_global(&mut self, name: &str, many: &Many) {
        let var = self.spaces.get(&(super::machine::GLOBALS, name)).copied();
        let Some(var) = var.and_then(|var| self.vars.get_mut(var)) else { return };
        let before = (var.bound, var.shared);
        (var.bound, var.shared) = (true, true);
        if slot::extend(&mut var.many, many) || before != (true, true) {
            (var.loaded, self.changed) = (None, true);
        }
    }

    /// Notes that `many` is put into `container`.
    pub(super) fn put_in(&mut self, container: &Known, many: &Many) {
        if self.puts.len() < 100_000 {
            let put = self.puts.entry(container.mark()).or_default();
            self.changed |= slot::extend(put, many);
        }
    }

    /// Whether nothing is put into `value` after it is made.
    pub(super) fn stays(&self, value: &Known) -> bool {
        !is_container(value) || !self.puts.contains_key(&value.mark())
    }

    /// What calling a global returns, as far as it leads on.
    pub(super) fn returned(&mut self, name: &Rc<Name>, args: &[S]) -> Many {
        let path = name.dotted();
        let any = Many::new();
        let many = |at: usize| args.get(at).map_or(&any, |slot| &slot.many);
        match path.as_str() {
            "builtins.__import__" | "importlib.__import__" => {
                let found = self.imported_by(many(0), args.len() < 4);
                return self.or_computed(found, many(0), name, args);
            }
            "importlib.import_module" => {
                let found = self.imported_by(many(0), false);
                return self.or_computed(found, many(0), name, args);
            }
            "pkgutil.resolve_name" => return resolved_names(many(0)),
            "builtins.getattr" | "inspect.getattr_static" => {
                let found = self.getattr(many(0), many(1), many(2));
                return self.or_computed(found, many(1), name, args);
            }
            "builtins.setattr" => {
                if let [_, name, value, ..] = args {
                    let name = name.only().text().unwrap_or_default().to_owned();
                    self.set_attribute(&name, &value.many);
                }
            }
            "builtins.globals" | "builtins.locals" => return vec![Known::Globals],
            "builtins.vars" if args.is_empty() => return vec![Known::Globals],
            "builtins.vars"
            | "builtins.staticmethod"
            | "builtins.classmethod"
            | "functools.partial" => return many(0).clone(),
            "builtins.iter" | "builtins.list" | "builtins.tuple" | "builtins.reversed"
                if matches!(args, [only] if matches!(only.only(), Known::Items(..)))
                    && !path.ends_with("reversed") =>
            {
                return many(0).clone();
            }
            _ => {}
        }
        if let Some(base) = path.strip_suffix(".__getattribute__") {
            let base = vec![Known::Module(base.into())];
            return self.getattr(&base, many(0), &any);
        }
        self.computed(name, &path, args)
    }

    /// What is found by `texts`, and, where one of those is no text, that the call returns it.
    fn or_computed(&mut self, mut found: Many, texts: &Many, name: &Rc<Name>, args: &[S]) -> Many {
        if texts.is_empty() || texts.iter().any(|text| text.text().is_none()) {
            let path = name.dotted();
            self.computed(name, &path, args).into_iter().for_each(|value| add(&mut found, value));
        }
        found
    }

    /// What a function of pure data returns, or that a call returns it.
    fn computed(&mut self, name: &Rc<Name>, path: &str, args: &[S]) -> Many {
        let known: Vec<Known> = args.iter().take(16).map(|slot| slot.only()).collect();
        if known.iter().all(|value| self.stays(value)) {
            match super::compute::call(&mut self.fold, path, &known) {
                Known::Unknown => {}
                value => return vec![value],
            }
        }
        let callee = Value::Name(name.as_ref().clone());
        slot::one(self.keep(|| result_of(callee, &known)))
    }

    /// Modules imported by a call; with `root`, the outermost package is what is returned.
    fn imported_by(&mut self, modules: &Many, root: bool) -> Many {
        let mut found = Many::new();
        for module in modules {
            let Some(module) = module.text().filter(|module| module.len() < PATH) else { continue };
            // The start of text that a loop puts together.
            if module.is_empty() {
                continue;
            }
            self.enter(Entry::Import(Name::new(module, "")));
            self.note_module(module);
            let root = if root { module.split('.').next().unwrap_or(module) } else { module };
            add(&mut found, Known::Module(root.into()));
        }
        found
    }

    fn getattr(&mut self, base: &Many, names: &Many, otherwise: &Many) -> Many {
        let mut found = Many::new();
        for name in names {
            let Some(name) = name.text() else { continue };
            for value in self.attribute(base, name) {
                self.mention(&value);
                add(&mut found, value);
            }
        }
        for value in otherwise.iter().filter(|value| **value != Known::None) {
            add(&mut found, value.clone());
        }
        found
    }
}

fn resolved_names(paths: &Many) -> Many {
    let path = |value: &Known| {
        let (module, name) = value.text()?.split_once(':')?;
        Some(Known::Global(Rc::new(Name::new(module, name))))
    };
    paths.iter().filter_map(path).collect()
}

/// Whether more can be put into `value`.
fn is_container(value: &Known) -> bool {
    matches!(value, Known::Items(..) | Known::Dict(..))
}

/// Whether `value` is an attribute of something of which nothing is known.
fn is_attribute_of_unknown(value: &Known) -> bool {
    let Known::Plain(plain) = value else { return false };
    matches!(&**plain, Value::Attribute(base, _) if matches!(**base, Value::Unknown(_)))
}

/// Whether the value is the dictionary of some function's globals.
fn leads_to_globals(value: &Value) -> bool {
    matches!(value, Value::Attribute(_, name) if name == "__globals__" || name == "f_globals")
}
