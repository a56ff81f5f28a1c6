//! What names, attributes and subscripts stand for.

use super::known::{Known, Many, add, attribute_of};
use super::machine::Machine;
use davy_artifact::Value;
use std::rc::Rc;

/// Attributes of any object that lead from it to everything else.
const DOORS: [&str; 12] = [
    "__base__",
    "__bases__",
    "__builtins__",
    "__class__",
    "__code__",
    "__getattribute__",
    "__globals__",
    "__import__",
    "__loader__",
    "__mro__",
    "__subclasses__",
    "f_globals",
];

/// Longest dotted path that is followed; stops chains of a million attributes.
const PATH: usize = 256;

impl Machine<'_> {
    /// What `name` stands for.
    pub(super) fn named(&mut self, name: &str) -> Many {
        let builtin = super::builtins::is(name).then(|| Known::global(&format!("builtins.{name}")));
        if let Some(values) = self.scopes.look_up(name) {
            let mut values = values.clone();
            // A builtin that is only ever shadowed by data may be called where it is not: behind
            // a branch that is not taken.
            let called = |value: &Known| matches!(value, Known::Global(_) | Known::Local(_));
            if let Some(builtin) = builtin.filter(|_| !values.iter().any(called))
                && self.scopes.module_name(name).is_some_and(|module| *module == values)
            {
                add(&mut values, Known::Global(Rc::new(builtin)));
            }
            return values;
        }
        match builtin {
            _ if name == "__builtins__" => vec![Known::Module("builtins".into())],
            Some(builtin) => vec![Known::Global(Rc::new(builtin))],
            None if self.stars.is_empty() => vec![Known::Module(name.into())],
            None => {
                let star = |module: &String| Known::Global(Rc::new(super::name_in(module, name)));
                self.stars.iter().map(star).collect()
            }
        }
    }

    /// What `base.name` may be.
    pub(super) fn attribute(&mut self, base: &Many, name: &str) -> Many {
        let mut found = Many::new();
        for value in base {
            match value {
                Known::Module(module) => add(&mut found, self.member(module, name)),
                Known::Global(_) if matches!(name, "__call__" | "__dict__" | "__wrapped__") => {
                    add(&mut found, value.clone());
                }
                Known::Global(global) => {
                    let path = super::joined(&global.module, &global.name);
                    add(&mut found, self.member(&path, name));
                }
                Known::Plain(plain) => {
                    add(&mut found, Known::Plain(Rc::new(attribute_of(plain, name))));
                }
                Known::Text(_) | Known::Bytes(_) | Known::Items(..) | Known::Dict(..)
                    if !DOORS.contains(&name) =>
                {
                    add(&mut found, Known::Bound(Rc::new((value.clone(), name.to_owned()))));
                }
                _ => {}
            }
        }
        if found.is_empty() {
            found = self.scopes.attribute(name);
        }
        if found.is_empty() && DOORS.contains(&name) {
            let door = attribute_of(&Value::Unknown("an expression"), name);
            found.push(Known::Plain(Rc::new(door)));
        }
        found
    }

    /// What a module, or something in one, has under `name`.
    fn member(&self, path: &str, name: &str) -> Known {
        match name {
            "__dict__" => return Known::Module(path.into()),
            "__builtins__" => return Known::Module("builtins".into()),
            _ => {}
        }
        let path = super::joined(path, name);
        if path.len() > PATH {
            Known::Unknown
        } else if self.imported.contains(&path) {
            Known::Module(path.into())
        } else {
            Known::Global(Rc::new(Known::global(&path)))
        }
    }

    pub(super) fn subscript(
        &mut self,
        base: Many,
        items: &[Known],
        (colons, back): (usize, bool),
    ) -> Many {
        let mut found = Many::new();
        let key = items.first().cloned().unwrap_or(Known::Unknown);
        for value in base {
            if colons > 0 {
                let reversed = if back { self.fold.reversed(&value) } else { Known::Unknown };
                add(&mut found, reversed);
                continue;
            }
            for item in self.element_at(&value, &key) {
                add(&mut found, item);
            }
        }
        found
    }

    /// What `value[key]` may be.
    pub(super) fn element_at(&mut self, value: &Known, key: &Known) -> Many {
        match (value, key.text()) {
            (Known::Module(module), Some(name)) => vec![self.member(module, name)],
            (Known::Globals, Some(name)) => self.named(name),
            (Known::Global(global), Some(name)) if global.dotted() == "sys.modules" => {
                vec![Known::Module(name.into())]
            }
            (Known::Plain(plain), Some(name)) if leads_to_globals(plain) => {
                let builtins = name == "__builtins__";
                vec![Known::Module(if builtins { "builtins" } else { name }.into())]
            }
            (Known::Plain(_), _) => vec![value.clone()],
            (Known::Dict(pairs, _), _) => {
                let fits = |(k, _): &&(Known, Known)| *k == *key || *key == Known::Unknown;
                pairs
                    .iter()
                    .take(512)
                    .filter(fits)
                    .take(8)
                    .map(|(_, value)| value.clone())
                    .collect()
            }
            (Known::Items(items, _), _) if key.int().is_none() => {
                items.iter().take(8).cloned().collect()
            }
            _ => match self.fold.index(value, key) {
                Known::Unknown => Vec::new(),
                item => vec![item],
            },
        }
    }
}

/// Whether the value is the dictionary of some function's globals.
fn leads_to_globals(value: &Value) -> bool {
    matches!(value, Value::Attribute(_, name) if name == "__globals__" || name == "f_globals")
}
