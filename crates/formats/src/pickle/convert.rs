//! From the machine's packed values to the bounded ones that facts carry.

use super::heap::{Heap, How, Node, V};
use davy_artifact::{Call, Excerpt, Manner, Value};
use davy_bytes::to_u64;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Levels of values within values that a fact shows.
const DEPTH: u32 = 5;

/// Items of a container that a fact shows.
const WIDTH: usize = 24;

/// Bytes of a constant that a fact holds: enough for a command line or a script's beginning.
const HEAD: usize = 1024;

/// Bytes of a constant that a fact holds while there is room for long ones: enough for the source of a
/// program, with another one packed inside of it.
const WHOLE: usize = 64 << 10;

/// Bytes beyond the usual that the constants of one pickle may take.
pub(super) const LONG: usize = 1 << 20;

/// Values in one fact.
const VALUES: usize = 256;

/// Turns packed values into facts' values, as long as there is room.
pub(crate) struct Converter<'a> {
    heap: &'a Heap,
    left: usize,
    long: usize,
}

impl<'a> Converter<'a> {
    pub(crate) fn new(heap: &'a Heap) -> Self {
        Self { heap, left: VALUES, long: 0 }
    }

    /// The same, with room for long constants: what is left of [`LONG`].
    pub(crate) fn with_room(self, long: usize) -> Self {
        Self { long, ..self }
    }

    /// The room that is left for long constants.
    pub(crate) const fn room(&self) -> usize {
        self.long
    }

    /// The value of `v`.
    pub(crate) fn value(&mut self, v: V) -> Value {
        self.at_depth(v, 0)
    }

    /// The items of a tuple or list as arguments; anything else is one argument.
    pub(crate) fn arguments(&mut self, args: V) -> Vec<Value> {
        match self.heap.sequence(args) {
            Some(items) => self.items(items, 0, 0),
            None if args == V::Absent => Vec::new(),
            None => vec![self.at_depth(args, 0)],
        }
    }

    /// Keyword arguments.
    pub(crate) fn keywords(&mut self, kwargs: V) -> Vec<(String, Value)> {
        let pairs = self.heap.pairs(kwargs).unwrap_or_default();
        let (pairs, _) = pairs.as_chunks::<2>();
        let named =
            |[key, value]: &[V; 2]| (self.heap.string(*key, 64).unwrap_or_default(), *value);
        let named: Vec<_> = pairs.iter().take(WIDTH).map(named).collect();
        named.into_iter().map(|(key, value)| (key, self.at_depth(value, 1))).collect()
    }

    fn at_depth(&mut self, v: V, depth: u32) -> Value {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || depth > DEPTH {
            return Value::Unknown("…");
        }
        match v {
            V::Absent => Value::Unknown("nothing"),
            V::None => Value::None,
            V::True => Value::Bool(true),
            V::False => Value::Bool(false),
            V::Buffer => Value::Buffer,
            V::Int(number) => Value::Int(i64::from(number)),
            V::ShortText { .. } => Value::Text(self.excerpt(v)),
            V::ShortBytes { .. } => Value::Bytes(self.excerpt(v)),
            V::Number(_) | V::Flat(_) | V::Box(_) | V::Node(_) => {
                self.heap.node(v).map_or(Value::None, |node| self.node(v, node, depth))
            }
        }
    }

    fn node(&mut self, v: V, node: Node, depth: u32) -> Value {
        let deeper = depth.saturating_add(1);
        match node {
            Node::Attribute { base, name } => {
                let name = self.heap.interned(name).to_owned();
                Value::Attribute(Box::new(self.at_depth(base, deeper)), name)
            }
            Node::Bytes(_) => Value::Bytes(self.excerpt(v)),
            Node::Call(at) => self.call(at, deeper),
            Node::Dict(_) => {
                let (items, elided) = self.heap.items(v);
                self.dict(items, elided, deeper)
            }
            Node::Extension(code) => Value::Extension(u64::from(code)),
            Node::Float(number) => Value::Float(number),
            Node::Global(_) => self.heap.name(v).cloned().map_or(Value::None, Value::Name),
            Node::Int(number) => Value::Int(number),
            Node::List(_) => {
                let (items, elided) = self.heap.items(v);
                Value::List(self.items(items, elided, deeper))
            }
            Node::Long(id) => Value::Long(self.heap.interned(id).to_owned()),
            Node::Module(id) => Value::Module(self.heap.interned(id).to_owned()),
            Node::Persistent(id) => Value::Persistent(Box::new(self.at_depth(id, deeper))),
            Node::Set(_) => {
                let (items, elided) = self.heap.items(v);
                Value::Set(self.items(items, elided, deeper))
            }
            Node::Text(_) => Value::Text(self.excerpt(v)),
            Node::Tuple { .. } => {
                let items = self.heap.sequence(v).unwrap_or_default();
                Value::Tuple(self.items(items, 0, deeper))
            }
            Node::Unknown(why) => Value::Unknown(why.as_str()),
        }
    }

    fn call(&mut self, at: u32, depth: u32) -> Value {
        let Some(record) = self.heap.call(at).copied() else { return Value::None };
        if depth > DEPTH {
            return Value::Unknown("…");
        }
        let callee = self.at_depth(record.callee, depth);
        let args = match self.heap.sequence(record.args) {
            Some(items) => self.items(items, 0, depth),
            None => vec![self.at_depth(record.args, depth)],
        };
        let kwargs = self.keywords(record.kwargs);
        let manner = match record.how {
            How::Called => Manner::Called,
            How::New => Manner::New,
        };
        Value::Call(Box::new(Call { callee, args, kwargs, manner }))
    }

    fn items(&mut self, items: &[V], elided: u64, depth: u32) -> Vec<Value> {
        let mut values = Vec::with_capacity(items.len().min(WIDTH));
        for item in items.iter().take(WIDTH) {
            values.push(self.at_depth(*item, depth));
        }
        let more = to_u64(items.len().saturating_sub(WIDTH)).saturating_add(elided);
        if more > 0 {
            values.push(Value::More(more));
        }
        values
    }

    fn dict(&mut self, flat: &[V], elided: u64, depth: u32) -> Value {
        let (pairs, _) = flat.as_chunks::<2>();
        let mut items = Vec::with_capacity(pairs.len().min(WIDTH));
        for [key, value] in pairs.iter().take(WIDTH) {
            items.push((self.at_depth(*key, depth), self.at_depth(*value, depth)));
        }
        let more = to_u64(pairs.len().saturating_sub(WIDTH)).saturating_add(elided);
        if more > 0 {
            items.push((Value::More(more), Value::None));
        }
        Value::Dict(items)
    }

    fn excerpt(&mut self, v: V) -> Excerpt {
        match self.heap.content(v, HEAD.saturating_add(self.long).min(WHOLE)) {
            Some((head, len)) => {
                self.long = self.long.saturating_sub(head.len().saturating_sub(HEAD));
                Excerpt { head: head.into_owned(), len }
            }
            None => Excerpt::default(),
        }
    }
}

/// A hash of what a call looks like: names, structure and, if `fine`, text; numbers and bytes count
/// by their kind only, so that a million tensors are one call with a count.
pub(super) fn shape(heap: &Heap, parts: &[V], fine: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut left = 128_usize;
    let mut pending: Vec<(V, u32)> = parts.iter().rev().map(|part| (*part, 0)).collect();
    while let Some((v, depth)) = pending.pop() {
        left = left.saturating_sub(1);
        if left == 0 {
            break;
        }
        hash_one(heap, v, fine, &mut hasher);
        if depth < 4 {
            let deeper = depth.saturating_add(1);
            push_children(heap, v, deeper, &mut pending);
        }
    }
    hasher.finish()
}

fn hash_one(heap: &Heap, v: V, fine: bool, hasher: &mut DefaultHasher) {
    std::mem::discriminant(&v).hash(hasher);
    match (v, heap.node(v)) {
        (V::ShortText { .. }, _) if fine => {
            heap.content(v, 255).map(|(content, _)| content.into_owned()).hash(hasher);
        }
        (_, Some(node)) => {
            std::mem::discriminant(&node).hash(hasher);
            match node {
                Node::Global(id) | Node::Module(id) | Node::Attribute { name: id, .. } => {
                    id.hash(hasher)
                }
                Node::Extension(code) => code.hash(hasher),
                Node::Tuple { len, .. } => len.min(32).hash(hasher),
                _ => {}
            }
        }
        _ => {}
    }
}

fn push_children(heap: &Heap, v: V, depth: u32, pending: &mut Vec<(V, u32)>) {
    match heap.node(v) {
        Some(Node::Attribute { base, .. }) => pending.push((base, depth)),
        Some(Node::Call(at)) => {
            if let Some(call) = heap.call(at) {
                pending.push((call.args, depth));
                pending.push((call.callee, depth));
            }
        }
        Some(Node::Dict(_)) => {
            pending.extend(heap.items(v).0.iter().take(64).rev().map(|item| (*item, depth)));
        }
        _ => {
            let items = heap.sequence(v).unwrap_or_default();
            pending.extend(items.iter().take(64).rev().map(|item| (*item, depth)));
        }
    }
}
