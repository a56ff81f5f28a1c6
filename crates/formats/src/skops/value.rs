//! What a node builds, as far as rules have to know it: bounded in depth and width.

use super::node::{Kind, State};
use super::record::Walker;
use crate::json::{Document, Node};
use davy_artifact::{Call, Excerpt, Manner, Name, Value};
use davy_bytes::{Bytes, to_u64};

/// Nodes within nodes that are looked into.
const DEPTH: u32 = 6;

/// Elements of a list that are kept.
const WIDTH: usize = 24;

/// Longest constant that is parsed.
const CONSTANT: usize = 64 * 1024;

impl<'a> Walker<'a> {
    /// What the node at `place` builds.
    pub(super) fn value(&mut self, place: Option<Node<'a>>, depth: u32) -> Value {
        let Some(state) = place.and_then(State::of) else { return Value::Unknown("no node") };
        let state = self.meant(state);
        if depth > DEPTH {
            return Value::Unknown("…");
        }
        let deeper = depth.saturating_add(1);
        match state.kind {
            Some(Kind::Json) => self.constant(&state),
            Some(Kind::Function | Kind::Type) => Value::Name(state.imported()),
            Some(Kind::List) if state.name.name == "set" => Value::Set(self.items(&state, deeper)),
            Some(Kind::List) => Value::List(self.items(&state, deeper)),
            Some(Kind::Tuple) => Value::Tuple(self.items(&state, deeper)),
            Some(Kind::Dict) => Value::Dict(self.pairs(&state, deeper)),
            Some(Kind::Method) => self.attribute(&state, deeper),
            _ => match self.call(&state, deeper) {
                Some(call) => Value::Call(Box::new(call)),
                None => Value::Unknown("data"),
            },
        }
    }

    /// The call with which a node is built, where there is one.
    pub(super) fn call(&mut self, state: &State<'a>, depth: u32) -> Option<Call> {
        let called = |callee: Name, args: Vec<Value>, manner| Call {
            callee: Value::Name(callee),
            args,
            kwargs: vec![],
            manner,
        };
        let name = state.imported();
        Some(match state.kind? {
            Kind::Object => called(name, vec![], Manner::New),
            Kind::State | Kind::Generator => called(name, vec![], Manner::Called),
            Kind::Constructor => {
                let args = self.arguments(state.content(), depth);
                called(name, args, Manner::Called)
            }
            Kind::Reduce => {
                let args = state.node.at(&["__reduce__", "args"]);
                called(name, self.arguments(args, depth), Manner::Called)
            }
            Kind::Operator => {
                let args = self.arguments(state.node.get("attrs"), depth);
                called(name, args, Manner::Called)
            }
            Kind::Array if name.module != "numpy" || name.name != "ndarray" => {
                called(name, vec![Value::Unknown("an array")], Manner::Called)
            }
            Kind::List | Kind::Dict | Kind::DefaultDict if !state.is_plain() => {
                called(name, vec![Value::Unknown("elements")], Manner::Called)
            }
            Kind::Tuple if !state.is_plain() => {
                let args = self.items(state, depth);
                called(name, args, Manner::Called)
            }
            Kind::Partial => self.partial(state, depth),
            _ => return None,
        })
    }

    fn partial(&mut self, state: &State<'a>, depth: u32) -> Call {
        let part = |key: &str| state.content().and_then(|content| content.get(key));
        let mut args = vec![self.value(part("func"), depth)];
        args.extend(self.arguments(part("args"), depth));
        let kwargs = match self.value(part("kwds"), depth) {
            Value::Dict(pairs) => pairs
                .into_iter()
                .filter_map(|(key, value)| Some((key.text()?.to_owned(), value)))
                .collect(),
            _ => vec![],
        };
        let callee = Value::Name(Name::new("functools", "partial"));
        Call { callee, args, kwargs, manner: Manner::Called }
    }

    /// The elements of a node that is unpacked into arguments.
    fn arguments(&mut self, place: Option<Node<'a>>, depth: u32) -> Vec<Value> {
        match self.value(place, depth) {
            Value::Tuple(items) | Value::List(items) | Value::Set(items) => items,
            other => vec![other],
        }
    }

    fn items(&mut self, state: &State<'a>, depth: u32) -> Vec<Value> {
        let Some(content) = state.content() else { return vec![] };
        let mut items = vec![];
        for item in content.items().take(WIDTH) {
            items.push(self.value(Some(item), depth));
        }
        let more = content.items().skip(WIDTH).count();
        items.extend((more > 0).then(|| Value::More(to_u64(more))));
        items
    }

    fn pairs(&mut self, state: &State<'a>, depth: u32) -> Vec<(Value, Value)> {
        let Some(content) = state.content() else { return vec![] };
        let mut pairs = vec![];
        for (key, value) in content.entries().take(WIDTH) {
            pairs.push((key.value(), self.value(Some(value), depth)));
        }
        pairs
    }

    /// An attribute of an object; of a class or function it is a name.
    fn attribute(&mut self, state: &State<'a>, depth: u32) -> Value {
        let content = state.content();
        let object = self.value(content.and_then(|content| content.get("obj")), depth);
        let func = content.and_then(|content| content.get("func")).and_then(Node::text);
        let func = func.map(|func| func.into_owned()).unwrap_or_default();
        match object {
            Value::Name(name) => {
                Value::Name(Name::new(name.module, format!("{}.{func}", name.name)))
            }
            other => Value::Attribute(Box::new(other), func),
        }
    }

    fn constant(&mut self, state: &State<'a>) -> Value {
        let Some(text) = state.content().and_then(Node::text) else { return Value::None };
        let text = text.into_owned().into_bytes();
        if text.len() > CONSTANT {
            return Value::Text(Excerpt { len: to_u64(text.len()), head: vec![] });
        }
        let parsed = Document::parse(&Bytes::from_memory(text), self.budget);
        parsed.ok().and_then(|document| document.root().map(Node::value)).unwrap_or(Value::None)
    }
}
