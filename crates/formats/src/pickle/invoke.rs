//! Imports and calls: what the loader looks up and what it calls with what.

use super::convert::{Converter, shape};
use super::evaluate::Function;
use super::heap::{CallRecord, How, Node, V};
use super::machine::Machine;
use super::names::modern;
use davy_artifact::{Call, Fact, Manner, Name};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Calls of one callable that are told apart by their text; more are told apart by structure only.
const FINE: u32 = 1000;

/// Calls within calls that are followed: `map` of `partial` of `reduce` ...
const DEPTH: u32 = 12;

impl Machine<'_> {
    /// Looks a global up, and records it the first time.
    pub(super) fn import(&mut self, spelled: Name, by: &'static str) -> V {
        let (module, name) = modern(&spelled.module, &spelled.name);
        let name = Name::new(module, name);
        let mut hasher = DefaultHasher::new();
        spelled.hash(&mut hasher);
        if self.imported.insert(hasher.finish()) {
            let spelled = (spelled != name).then_some(spelled);
            let site = self.step.site();
            self.reading.fact(Fact::Import { name: name.clone(), spelled, by, site });
        }
        self.heap.global(name)
    }

    /// A module object, imported by a call.
    pub(super) fn import_module(&mut self, module: &str, by: &'static str) -> V {
        self.import(Name::new(module, ""), by);
        self.heap.module(module)
    }

    /// `base.name`, which is a global of its own where `base` is one or a module.
    pub(super) fn attribute(&mut self, base: V, name: &str, by: &'static str) -> V {
        if name.len() > 4096 {
            let name = self.heap.intern("…");
            return self.heap.push(Node::Attribute { base, name });
        }
        let named = match self.heap.node(base) {
            Some(Node::Module(id)) => Some(Name::new(self.heap.interned(id), name)),
            Some(Node::Global(_)) => self.heap.name(base).map(|owner| {
                let path = if owner.name.len() > 4096 { "…" } else { &owner.name };
                Name::new(owner.module.clone(), format!("{path}.{name}"))
            }),
            Some(Node::Call(_)) => match self.state_entry(base, name) {
                Some(value) => return value,
                None => None,
            },
            _ => None,
        };
        match named {
            Some(named) => self.import(named, by),
            None => {
                let name = self.heap.intern(name);
                self.heap.push(Node::Attribute { base, name })
            }
        }
    }

    /// What BUILD has put on an object under `name`.
    pub(super) fn state_entry(&self, object: V, name: &str) -> Option<V> {
        let Some(Node::Call(at)) = self.heap.node(object) else { return None };
        let (pairs, _) = self.heap.pairs(self.heap.call(at)?.state)?.as_chunks::<2>();
        let found = pairs
            .iter()
            .rev()
            .take(256)
            .find(|[key, _]| self.heap.string(*key, 255).is_some_and(|key| key == name));
        found.map(|[_, value]| *value)
    }

    /// A call by an opcode; what it returns, as far as that can be known.
    pub(super) fn invoke(&mut self, callee: V, args: V, kwargs: V, how: How) -> V {
        if how == How::Called && kwargs == V::Absent {
            return self.invoke_as(callee, args, Manner::Called);
        }
        let manner = if how == How::New { Manner::New } else { Manner::Called };
        self.report(callee, args, kwargs, manner);
        self.record(callee, args, kwargs, how)
    }

    /// A call with positional arguments.
    pub(super) fn invoke_as(&mut self, callee: V, args: V, manner: Manner) -> V {
        if self.depth < DEPTH {
            self.depth = self.depth.saturating_add(1);
            let known = self.invoke_known(callee, args, manner);
            self.depth = self.depth.saturating_sub(1);
            if let Some(result) = known {
                return result;
            }
        } else {
            self.report(callee, args, V::Absent, manner);
        }
        self.record(callee, args, V::Absent, How::Called)
    }

    /// Reports the call and evaluates it, if its callee is understood.
    fn invoke_known(&mut self, callee: V, args: V, manner: Manner) -> Option<V> {
        let items: Vec<V> = match self.heap.sequence(args) {
            Some(items) => items.iter().copied().take(4096).collect(),
            None => Vec::new(),
        };
        match self.heap.node(callee) {
            Some(Node::Call(at)) => {
                let record = self.heap.call(at).copied()?;
                if let Some(result) = self.invoke_prepared(&record, &items) {
                    return Some(result);
                }
                self.report(callee, args, V::Absent, manner);
                None
            }
            Some(Node::Attribute { base, name }) => {
                self.report(callee, args, V::Absent, manner);
                let name = self.heap.interned(name).to_owned();
                self.method(base, &name, &items)
            }
            _ => {
                self.report(callee, args, V::Absent, manner);
                let function = self.function(callee);
                self.evaluate(function, &items)
            }
        }
    }

    /// A call of what an earlier call prepared: a `partial`, `attrgetter`, `methodcaller` ...
    fn invoke_prepared(&mut self, record: &CallRecord, args: &[V]) -> Option<V> {
        let bound: Vec<V> = self.heap.sequence(record.args)?.to_vec();
        match self.function(record.callee) {
            Function::Partial => self.invoke_partial(record, &bound, args),
            Function::Attrgetter => {
                self.walk(*args.first()?, *bound.first()?, "operator.attrgetter")
            }
            Function::Itemgetter => self.subscript(*args.first()?, *bound.first()?),
            Function::Methodcaller => {
                let (name, rest) = bound.split_first()?;
                let name = self.heap.string(*name, 255)?;
                let method = self.attribute(*args.first()?, &name, "operator.methodcaller");
                let args = self.heap.tuple(rest);
                Some(self.invoke_as(method, args, Manner::Through("operator.methodcaller")))
            }
            _ => None,
        }
    }

    /// BUILD replaces what a `partial` was made with: its state is (function, args, keywords, dict).
    fn invoke_partial(&mut self, record: &CallRecord, bound: &[V], args: &[V]) -> Option<V> {
        let state = self.heap.sequence(record.state).map(<[V]>::to_vec).unwrap_or_default();
        let (function, first) = match state.as_slice() {
            [function, first, _, _] => {
                (*function, self.heap.sequence(*first).map(<[V]>::to_vec).unwrap_or_default())
            }
            _ => {
                let (function, first) = bound.split_first()?;
                (*function, first.to_vec())
            }
        };
        let all: Vec<V> = first.iter().chain(args).copied().collect();
        let all = self.heap.tuple(&all);
        Some(self.invoke_as(function, all, Manner::Through("functools.partial")))
    }

    fn record(&mut self, callee: V, args: V, kwargs: V, how: How) -> V {
        self.heap.record(CallRecord {
            callee,
            args,
            kwargs,
            how,
            state: V::Absent,
            items: V::Absent,
            step: self.step,
        })
    }

    /// Records a call; calls that differ only in plain data are folded into one fact with a count.
    pub(super) fn report(&mut self, callee: V, args: V, kwargs: V, manner: Manner) {
        let function = self.function(callee);
        match function {
            Function::Load => self.keep_loaded(callee, args),
            Function::LoadAt(at) => {
                let pickle = self.heap.sequence(args).and_then(|args| args.get(at)).copied();
                self.keep_loaded(callee, pickle.unwrap_or(V::None));
            }
            _ => {}
        }
        self.keep_code(callee, args);
        let group = shape(&self.heap, &[callee], true);
        let seen = self.distinct.entry(group).or_insert(0);
        // What depends on the text (a name to look up, a module to import) is never folded.
        let fine = *seen < FINE || function != Function::Other;
        let mut hasher = DefaultHasher::new();
        shape(&self.heap, &[callee, args, kwargs], fine).hash(&mut hasher);
        manner.hash(&mut hasher);
        // Programs are told apart even where they are bytes, or longer than what a shape looks at.
        if function == Function::Source {
            self.heap.constants(args).hash(&mut hasher);
        }
        let key = hasher.finish();
        if let Some(at) = self.reported.get(&key) {
            if let Some(Fact::Call { count, .. }) = self.reading.facts.get_mut(*at)
                && self.asides == 0
            {
                *count = count.saturating_add(1);
            }
            return;
        }
        *seen = seen.saturating_add(1);
        self.reported.insert(key, self.reading.facts.len());
        let call = self.describe(callee, args, kwargs, manner);
        self.reading.fact(Fact::Call { call, count: 1, site: self.step.site() });
    }

    fn describe(&mut self, callee: V, args: V, kwargs: V, manner: Manner) -> Call {
        let mut converter = Converter::new(&self.heap).with_room(self.long_room);
        let callee = converter.value(callee);
        let (args, kwargs) = (converter.arguments(args), converter.keywords(kwargs));
        self.long_room = converter.room();
        Call { callee, args, kwargs, manner }
    }
}
