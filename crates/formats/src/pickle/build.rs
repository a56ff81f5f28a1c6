//! BUILD, APPEND, SETITEM and their kin: the opcodes that fill objects, and their hooks.
//!
//! On plain containers they are data. On anything else they call methods or set attributes, and an
//! earlier BUILD may have put those methods there.

use super::evaluate::Function;
use super::heap::{Heap, How, Node, V};
use super::machine::Machine;
use davy_artifact::{Fact, Manner, Name, Quirk};

/// Attributes that the loader, or the interpreter on its behalf, calls or follows by itself.
const HOOKS: &[&str] = &[
    "__annotations__",
    "__call__",
    "__class__",
    "__code__",
    "__del__",
    "__dict__",
    "__enter__",
    "__eq__",
    "__exit__",
    "__func__",
    "__getattr__",
    "__getattribute__",
    "__getstate__",
    "__globals__",
    "__hash__",
    "__import__",
    "__init__",
    "__iter__",
    "__len__",
    "__missing__",
    "__new__",
    "__next__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__self__",
    "__setattr__",
    "__setitem__",
    "__setstate__",
    "__str__",
    "__wrapped__",
    "add",
    "append",
    "extend",
    "update",
];

/// A class whose `__setstate__` evaluates text that it finds in its state.
struct Evaluates {
    /// The package that the class is in.
    package: &'static str,
    /// Keys that the state must have; the text stands under the first.
    keys: &'static [&'static str],
    /// What is called with the text.
    callee: (&'static str, &'static str),
    /// The method that calls it.
    through: &'static str,
}

/// Read in the sources of scipy 1.14 (`stats/_distn_infrastructure.py`, `rv_generic.__setstate__`) and
/// statsmodels 0.14 (`base/data.py`, `ModelData.__setstate__`).
const EVALUATES: &[Evaluates] = &[
    Evaluates {
        package: "scipy.stats",
        keys: &["_parse_arg_template"],
        callee: ("builtins", "exec"),
        through: "scipy.stats.rv_generic.__setstate__",
    },
    Evaluates {
        package: "statsmodels",
        keys: &["formula", "restore_design_info"],
        callee: ("patsy", "dmatrices"),
        through: "statsmodels.base.data.ModelData.__setstate__",
    },
];

/// Classes whose state is a pickle that their `__setstate__` loads: wrappers of Gymnasium, Gym, Stable-Baselines3
/// and Baselines around functions that make environments.
const WRAPPERS: &[&str] = &["CloudPickleWrapper", "CloudpickleWrapper"];

/// Facts about one BUILD or SETITEMS on something shared.
const ASSIGNED: usize = 64;

impl Machine<'_> {
    /// `target.append(item)` or `target.extend(items)`.
    pub(super) fn append(&mut self, target: V, items: &[V], many: bool) {
        if let Some(Node::List(_)) = self.heap.node(target) {
            self.heap.extend(target, items);
            return;
        }
        if many && items.is_empty() {
            return;
        }
        // The C unpickler asks for `extend` even for a single item, the Python one does not.
        for method in ["extend", "append"] {
            if let Some(hook) = self.hook(target, method) {
                let args = if method == "extend" {
                    let list = self.heap.tuple(items);
                    self.heap.tuple(&[list])
                } else {
                    self.heap.tuple(items)
                };
                self.invoke_as(hook, args, Manner::Hook(method));
                return;
            }
        }
        self.fill(target, items, "append", false);
    }

    /// `target.update(items)` or `target.add(item)` for each.
    pub(super) fn add_items(&mut self, target: V, items: &[V]) {
        if items.iter().any(|item| self.is_unhashable(*item) || *item == target) {
            self.deviate(
                Quirk::WrongType,
                "a list, a dict or the set itself in a set: no loader takes it",
            );
        }
        if let Some(Node::Set(_)) = self.heap.node(target) {
            self.heap.extend(target, items);
            return;
        }
        for method in ["update", "add"] {
            if let Some(hook) = self.hook(target, method) {
                let args = self.heap.tuple(items);
                self.invoke_as(hook, args, Manner::Hook(method));
                return;
            }
        }
        self.fill(target, items, "add", false);
    }

    /// `target[key] = value` for each pair.
    pub(super) fn set_items(&mut self, target: V, pairs: &[V]) {
        if pairs.len() % 2 == 1 {
            self.deviate(Quirk::SizeMismatch, "SETITEMS of an odd number of values: CPython refuses it, PyTorch's C++ unpickler reads past the end");
        }
        let (keyed, _) = pairs.as_chunks::<2>();
        if keyed.iter().any(|[key, _]| self.is_unhashable(*key)) {
            self.deviate(Quirk::WrongType, "a list or dict as a key: no loader takes it");
        }
        match self.heap.node(target) {
            Some(Node::Dict(_)) => self.heap.extend_pairs(target, pairs),
            _ => self.fill(target, pairs, "__setitem__", true),
        }
    }

    #[inline]
    fn is_unhashable(&self, value: V) -> bool {
        matches!(value, V::Box(_))
            && matches!(self.heap.node(value), Some(Node::List(_) | Node::Dict(_)))
    }

    /// Fills something that is no plain container.
    fn fill(&mut self, target: V, items: &[V], method: &'static str, pairs: bool) {
        match self.heap.node(target) {
            Some(Node::Call(at)) => self.fill_object(at, items, pairs),
            Some(Node::Global(_) | Node::Module(_) | Node::Attribute { .. }) => {
                if pairs {
                    let (pairs, _) = items.as_chunks::<2>();
                    for [key, value] in pairs.iter().take(ASSIGNED) {
                        self.assign(target, *key, *value);
                    }
                } else {
                    let key = self.heap.decoded_text(method.into(), self.step.span());
                    for item in items.iter().take(ASSIGNED) {
                        self.assign(target, key, *item);
                    }
                }
            }
            Some(Node::Persistent(_) | Node::Unknown(_) | Node::Extension(_)) => {}
            _ => {
                let what = format!("`{method}` on a value that has none");
                self.deviate(Quirk::WrongType, &what);
            }
        }
    }

    fn fill_object(&mut self, at: u32, items: &[V], pairs: bool) {
        let Some(record) = self.heap.call(at).copied() else { return };
        let container = match record.items {
            V::Absent => self.heap.container(Node::List),
            items => items,
        };
        if let Some(record) = self.heap.call_mut(at) {
            record.items = container;
        }
        if pairs {
            self.heap.extend_pairs(container, items);
        } else {
            self.heap.extend(container, items);
        }
    }

    /// `target.__setstate__(state)`, or `target.__dict__.update(state)` where there is none.
    pub(super) fn build(&mut self, target: V, state: V) {
        if let Some(hook) = self.hook(target, "__setstate__") {
            let args = self.heap.tuple(&[state]);
            self.invoke_as(hook, args, Manner::Hook("__setstate__"));
            return;
        }
        let shared = matches!(
            self.heap.node(target),
            Some(Node::Global(_) | Node::Module(_) | Node::Attribute { .. })
        );
        for [key, value] in state_pairs(&self.heap, state, shared) {
            let hook = self.heap.string(key, 32).and_then(|key| known_hook(&key));
            if shared {
                self.assign(target, key, value);
            } else if let Some(hook) = hook
                && self.could_be_called(value, hook)
            {
                self.assign(target, key, value);
                if let Some(at) = target.index() {
                    self.injected.insert((at, hook), value);
                }
            }
        }
        if let Some(Node::Call(at)) = self.heap.node(target) {
            if let Some(record) = self.heap.call_mut(at) {
                record.state = state;
            }
            self.evaluate_state(target, at);
            self.load_state(at, state);
            self.write_state(target, at);
            self.replace_partial(at, state);
            self.note_filling(at);
        }
    }

    /// Reports that the object that a class made by a call is given a state.
    fn note_filling(&mut self, at: u32) {
        let Some(call) = self.heap.call(at).copied().filter(|call| call.how == How::Called) else {
            return;
        };
        if self.heap.name(call.callee).is_some_and(Name::is_class) {
            let nothing = self.heap.tuple(&[]);
            self.report(call.callee, nothing, V::Absent, Manner::Filled);
        }
    }

    /// Reports the files that a `FileResource` of sklearn-crfsuite writes when its state is set, where the
    /// state says in which folder, and removes when it is forgotten.
    fn write_state(&mut self, target: V, at: u32) {
        const CLASS: &str = "sklearn_crfsuite._fileresource.FileResource";
        let class = self.heap.call(at).and_then(|call| self.heap.name(call.callee));
        if class.is_none_or(|class| class.dotted() != CLASS) {
            return;
        }
        let text = |key| {
            let value = self.state_entry(target, key)?;
            self.heap.string(value, 4096).map(|text| (value, text))
        };
        let folder =
            |text: Option<(V, String)>| text.filter(|(_, text)| text.contains(['/', '\\']));
        let placed = folder(text("prefix")).or_else(|| folder(text("suffix")));
        let automatic = self.state_entry(target, "auto") == Some(V::True);
        let named = text("name").filter(|_| automatic);
        let (path, callee) = match (placed, named) {
            (Some((path, _)), _) => (path, Name::new("tempfile", "mkstemp")),
            (None, Some((path, _))) => (path, Name::new("os", "unlink")),
            (None, None) => return,
        };
        let callee = self.heap.global(callee);
        let args = self.heap.tuple(&[path]);
        self.report(callee, args, V::Absent, Manner::Through("FileResource.__setstate__"));
    }

    /// Reports a `partial` whose state holds another function than it was made with.
    fn replace_partial(&mut self, at: u32, state: V) {
        let Some(call) = self.heap.call(at).copied() else { return };
        if self.function(call.callee) != Function::Partial {
            return;
        }
        let Some([function, args, ..]) = self.heap.sequence(state) else { return };
        let (function, args) = (*function, *args);
        let made = self.heap.sequence(call.args).and_then(|args| args.first()).copied();
        let same = |made: V| {
            made == function || {
                let name = self.heap.name(made);
                name.is_some() && name == self.heap.name(function)
            }
        };
        if made.is_some_and(same) {
            return;
        }
        let rest = self.heap.sequence(args).unwrap_or_default();
        let all: Vec<V> = std::iter::once(function).chain(rest.iter().copied()).collect();
        let all = self.heap.tuple(&all);
        self.report(call.callee, all, V::Absent, Manner::Called);
    }

    /// Keeps the pickle that the state of an object is; what is no bytes that the file shows is reported.
    fn load_state(&mut self, at: u32, state: V) {
        let class = self.heap.call(at).and_then(|call| self.heap.name(call.callee));
        let last = class.and_then(|class| class.name.rsplit('.').next());
        if !last.is_some_and(|last| WRAPPERS.contains(&last)) {
            return;
        }
        let loads = self.heap.global(Name::new("cloudpickle", "loads"));
        let args = self.heap.tuple(&[state]);
        if self.heap.is_bytes(state) {
            self.keep_loaded(loads, args);
        } else {
            self.report(loads, args, V::Absent, Manner::Through("CloudpickleWrapper.__setstate__"));
        }
    }

    /// Reports the text that the class of `target` evaluates when its state is set.
    fn evaluate_state(&mut self, target: V, at: u32) {
        let class = self.heap.call(at).and_then(|call| self.heap.name(call.callee));
        let Some(module) = class.map(|class| class.module.as_str()) else { return };
        let known = EVALUATES.iter().find(|known| {
            module
                .strip_prefix(known.package)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let Some(known) = known else { return };
        let found: Option<Vec<V>> =
            known.keys.iter().map(|key| self.state_entry(target, key)).collect();
        if let Some(text) = found.and_then(|found| found.first().copied()) {
            let callee = self.heap.global(Name::new(known.callee.0, known.callee.1));
            let args = self.heap.tuple(&[text]);
            self.report(callee, args, V::Absent, Manner::Through(known.through));
        }
    }

    /// Whether an attribute called `hook` with this value would make something happen: plain data
    /// under such a name does nothing, but text annotations are evaluated.
    fn could_be_called(&self, value: V, hook: &str) -> bool {
        match self.heap.node(value) {
            Some(
                Node::Global(_)
                | Node::Call(_)
                | Node::Attribute { .. }
                | Node::Extension(_)
                | Node::Module(_)
                | Node::Unknown(_),
            ) => true,
            _ => hook == "__annotations__",
        }
    }

    fn hook(&self, target: V, method: &'static str) -> Option<V> {
        if self.injected.is_empty() {
            return None;
        }
        self.injected.get(&(target.index()?, method)).copied()
    }

    /// Records that loading changes something shared, or gives an object a method.
    fn assign(&mut self, target: V, key: V, value: V) {
        let seen = super::convert::shape(&self.heap, &[target, key, value], true);
        if !self.imported.insert(seen) {
            return;
        }
        let mut converter = super::convert::Converter::new(&self.heap);
        let fact = Fact::Assign {
            target: converter.value(target),
            key: converter.value(key),
            value: converter.value(value),
            site: self.step.site(),
        };
        self.reading.fact(fact);
    }
}

fn known_hook(key: &str) -> Option<&'static str> {
    HOOKS.binary_search(&key).ok().and_then(|at| HOOKS.get(at)).copied()
}

/// Keys and values that a BUILD with `state` sets: of a dict, or of a pair of dicts (attributes and
/// slots). On an ordinary object only keys that could be hooks are looked at.
fn state_pairs(heap: &Heap, state: V, all: bool) -> Vec<[V; 2]> {
    let parts = match heap.node(state) {
        Some(Node::Tuple { .. }) => heap.sequence(state).unwrap_or_default().to_vec(),
        _ => vec![state],
    };
    if parts.len() > 2 {
        return Vec::new();
    }
    let mut pairs = Vec::new();
    for part in parts {
        if matches!(heap.node(part), Some(Node::Dict(_))) {
            let (items, _) = heap.pairs(part).unwrap_or_default().as_chunks::<2>();
            let room = if all { ASSIGNED } else { usize::MAX };
            pairs.extend(items.iter().filter(|[key, _]| all || may_be_hook(heap, *key)).take(room));
        }
    }
    pairs
}

fn may_be_hook(heap: &Heap, key: V) -> bool {
    match key {
        V::ShortText { len, .. } if len < 20 => heap
            .content(key, 20)
            .is_some_and(|(key, _)| matches!(key.first(), Some(b'_' | b'a' | b'e' | b'u'))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_sorted() {
        assert!(HOOKS.is_sorted());
    }
}
