//! Code objects that a pickle rebuilds, as dill and cloudpickle pickle functions by value.
//!
//! A call that makes code is known by its arguments, not by its callee: there are many ways to spell
//! the type of code objects. Their order and number is that of `types.CodeType` in the version that
//! wrote them; dill puts a line table of older versions in front.

use super::convert::Converter;
use super::heap::{Heap, Node, V};
use super::machine::Machine;
use crate::bytecode::assemble::{Assembler, Field, Parts};
use crate::bytecode::{self, Constant, Hints, Layout, Version};
use crate::marshal::Marshalled;
use davy_artifact::{Code, Fact, When};
use davy_bytes::to_u64;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Longest byte code that is decoded.
const CODE: usize = 16 << 20;

/// Text and bytes up to this length are held whole; of longer ones the beginning.
const TEXT: usize = 8 << 10;

/// Levels of constants within constants.
const DEPTH: u32 = 16;

/// Code objects of one tree. What is nested deeper is code of its own in the same pickle, and told
/// there; chains of it must not cost the square of their length.
const NESTED: usize = 50;

/// Bytes of code, with a weight for constants, that are looked through in one pickle: its memo lets a
/// million code objects share one long code or list of names.
pub(super) const ROOM: u64 = 16 << 20;

/// What a constant weighs beside a byte of code.
const WEIGHT: u64 = 16;

/// Which argument is which field.
#[derive(Clone, Debug)]
struct Shape {
    layout: Layout,
    fields: Vec<(Field, V)>,
}

impl Machine<'_> {
    /// Records the code that a call with these arguments would make, if it makes any.
    pub(super) fn keep_code(&mut self, callee: V, args: V) {
        let Some(items) = self.heap.sequence(args).filter(|items| items.len() >= 11) else {
            return;
        };
        let Some(shape) = shape(&self.heap, items) else {
            self.keep_unread(callee);
            return;
        };
        let mut builder = Builder::new(&self.heap, shape.layout, self.code_room);
        let read = builder.build(shape);
        self.code_room = builder.room;
        let key = key(&read, self.step.at);
        if !self.imported.insert(key) {
            return;
        }
        let (layout, cut) = (builder.layout, builder.cut);
        let steps = to_u64(read.constants.len());
        let told = self.budget.spend_steps(steps, self.step.at).and_then(|()| {
            let mut decoded = bytecode::choose(read, layout, Hints::default(), self.budget)?;
            decoded.doubts.extend(cut.then(|| "more code than is looked through".to_owned()));
            bytecode::describe(&decoded, When::Unknown, self.budget)
        });
        // Where the budget is spent the machine itself stops soon, and says so.
        if let Ok(code) = told {
            self.reading.fact(Fact::Code { code: Box::new(code), site: self.step.site() });
        }
    }

    /// Records code whose parts the pickle computes in ways that are not followed.
    fn keep_unread(&mut self, callee: V) {
        let makes_code = self.heap.name(callee).is_some_and(|name| {
            matches!(name.name.rsplit('.').next(), Some("CodeType" | "_create_code"))
        });
        let mut hasher = DefaultHasher::new();
        ("code", self.step.at).hash(&mut hasher);
        if !makes_code || !self.imported.insert(hasher.finish()) {
            return;
        }
        let code = Code {
            language: "Python byte code".to_owned(),
            unseen: vec!["code whose parts are computed, or that no version takes".to_owned()],
            ..Code::default()
        };
        self.reading.fact(Fact::Code { code: Box::new(code), site: self.step.site() });
    }
}

/// Tells one piece of code at one place from others: several runs over a stream may give the same.
fn key(read: &Marshalled, at: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    ("code", at).hash(&mut hasher);
    for object in &read.objects {
        (&object.code, &object.names, &object.consts).hash(&mut hasher);
    }
    hasher.finish()
}

/// Sorts out the arguments of a call that makes code, or `None` where they do not make any.
fn shape(heap: &Heap, items: &[V]) -> Option<Shape> {
    let is_bytes = |v: &V| heap.is_bytes(*v) || heap.is_text(*v);
    let mut rest = items;
    if let [first, behind @ ..] = rest
        && is_bytes(first)
    {
        rest = behind;
    }
    let count = rest.iter().take_while(|v| is_number(heap, **v)).count();
    let (numbers, behind) = rest.split_at_checked(count)?;
    let [code, consts, names, varnames, filename, name, behind @ ..] = behind else {
        return None;
    };
    let tuple = |v: &V| matches!(heap.node(*v), Some(Node::Tuple { .. }));
    let fits = is_bytes(code)
        && [consts, names, varnames].into_iter().all(tuple)
        && [filename, name].into_iter().all(is_bytes);
    let (qualname, behind) = match behind {
        [qualname, behind @ ..] if is_bytes(qualname) => (Some(*qualname), behind),
        behind => (None, behind),
    };
    let [line, tables @ ..] = behind else { return None };
    let layout = match (count, qualname) {
        (4, None) => Layout::Two,
        (5, None) => Layout::Three,
        (6, None) => Layout::Positional,
        (6, Some(_)) => Layout::Slots,
        _ => return None,
    };
    if !fits || !is_number(heap, *line) {
        return None;
    }
    let mut fields: Vec<(Field, V)> = vec![
        (Field::Code, *code),
        (Field::Consts, *consts),
        (Field::Names, *names),
        (Field::Varnames, *varnames),
        (Field::Filename, *filename),
        (Field::Name, *name),
        (Field::FirstLine, *line),
    ];
    fields.extend(qualname.map(|qualname| (Field::Qualname, qualname)));
    let order = layout.fields().iter().filter(|field| field.is_number());
    let order = order.copied().filter(|field| *field != Field::FirstLine);
    // The constructor still takes the number of local variables where marshal has dropped it.
    let dropped = layout == Layout::Slots;
    let numbers = numbers.iter().enumerate().filter(|(at, _)| !(dropped && *at == 3));
    fields.extend(order.zip(numbers.map(|(_, number)| *number)));
    let count = tables.iter().take_while(|v| is_bytes(v)).count();
    let (tables, variables) = tables.split_at_checked(count)?;
    fields.extend(tables.first().map(|table| (Field::LineTable, *table)));
    if layout == Layout::Slots {
        fields.extend(tables.get(1..)?.last().map(|table| (Field::ExceptionTable, *table)));
    }
    let variables = variables.iter().filter(|v| tuple(v));
    fields.extend([Field::Freevars, Field::Cellvars].into_iter().zip(variables.copied()));
    Some(Shape { layout, fields })
}

fn is_number(heap: &Heap, v: V) -> bool {
    matches!(v, V::Int(_) | V::True | V::False) || matches!(heap.node(v), Some(Node::Int(_)))
}

/// Puts a tree of code objects together.
struct Builder<'a> {
    heap: &'a Heap,
    layout: Layout,
    constants: Vec<Constant>,
    /// Constants by the index of the value that they are made of.
    known: HashMap<u32, u32>,
    waiting: Vec<Shape>,
    objects: usize,
    room: u64,
    /// Whether anything was left out for lack of room.
    cut: bool,
}

impl<'a> Builder<'a> {
    fn new(heap: &'a Heap, layout: Layout, room: u64) -> Self {
        Self {
            heap,
            layout,
            constants: Vec::new(),
            known: HashMap::new(),
            waiting: Vec::new(),
            objects: 0,
            room,
            cut: false,
        }
    }

    /// Takes room for something of this weight, if there is as much.
    fn take_room(&mut self, weight: u64) -> bool {
        match self.room.checked_sub(weight) {
            Some(left) => {
                self.room = left;
                true
            }
            None => {
                self.cut = true;
                false
            }
        }
    }

    /// Makes the code object of `shape` and all in its constants.
    fn build(&mut self, shape: Shape) -> Marshalled {
        let version = match self.layout {
            Layout::Two => Version::V2_7,
            Layout::Three => Version::V3_7,
            Layout::Positional => Version::V3_10,
            Layout::Slots => Version::V3_14,
        };
        let mut assembler = Assembler::new(version);
        let mut objects = Vec::new();
        self.objects = 1;
        self.waiting.push(shape);
        let mut at = 0_usize;
        while let Some(shape) = self.waiting.get(at).cloned() {
            at = at.saturating_add(1);
            let parts = self.parts(&shape);
            // What the constructor would refuse is told as far as it can be read.
            let (object, _) = assembler.assemble(&parts, &self.constants);
            objects.push(object);
        }
        Marshalled {
            constants: std::mem::take(&mut self.constants),
            objects,
            spans: Vec::new(),
            value: Ok(0),
            cut: false,
            end: 0,
            slices: false,
            deviations: Vec::new(),
        }
    }

    fn parts(&mut self, shape: &Shape) -> Parts {
        let mut parts = Parts::default();
        for (field, v) in &shape.fields {
            if field.is_number() {
                parts.set_number(*field, number(self.heap, *v));
            } else if matches!(field, Field::Code | Field::LineTable | Field::ExceptionTable) {
                let length = self.heap.content(*v, 0).map_or(0, |(_, length)| length);
                let heap = self.heap;
                let content = match self.take_room(length) {
                    true => heap.content(*v, CODE).map(|(content, _)| content),
                    false => None,
                };
                let bytes = Arc::from(content.as_deref().unwrap_or_default());
                let at = self.push(Constant::Bytes(bytes));
                parts.set_object(*field, at);
            } else {
                // Variables are sorted once per code object, however many share a list of them.
                let variables = self.heap.sequence(*v).map_or(0, |items| to_u64(items.len()));
                if self.take_room(variables) {
                    let at = self.constant(*v, 0);
                    parts.set_object(*field, at);
                }
            }
        }
        parts
    }

    fn push(&mut self, constant: Constant) -> u32 {
        let at = u32::try_from(self.constants.len()).unwrap_or(u32::MAX);
        self.constants.push(constant);
        at
    }

    fn constant(&mut self, v: V, depth: u32) -> u32 {
        if let Some(known) = v.index().and_then(|index| self.known.get(&index)) {
            return *known;
        }
        let constant = match self.take_room(WEIGHT) {
            true => self.made(v, depth),
            false => Constant::Unknown("more constants than are looked through"),
        };
        let at = self.push(constant);
        if let Some(index) = v.index() {
            self.known.insert(index, at);
        }
        at
    }

    fn made(&mut self, v: V, depth: u32) -> Constant {
        if self.heap.is_text(v) || self.heap.is_bytes(v) {
            return self.content(v);
        }
        let node = self.heap.node(v);
        match (v, node) {
            (V::None, _) => Constant::None,
            (V::True, _) => Constant::Bool(true),
            (V::False, _) => Constant::Bool(false),
            (V::Int(number), _) => Constant::Int(i64::from(number)),
            (_, Some(Node::Int(number))) => Constant::Int(number),
            (_, Some(Node::Float(number))) => Constant::Float(number),
            (_, Some(Node::Tuple { .. } | Node::Set(_))) => {
                if depth >= DEPTH {
                    return Constant::Unknown("constants nested too deep");
                }
                let deeper = depth.saturating_add(1);
                let items = self.heap.sequence(v).unwrap_or_default();
                if !self.take_room(to_u64(items.len())) {
                    return Constant::Unknown("more constants than are looked through");
                }
                let items = items.iter().map(|item| self.constant(*item, deeper)).collect();
                match node {
                    Some(Node::Set(_)) => Constant::FrozenSet(items),
                    _ => Constant::Tuple(items),
                }
            }
            (_, Some(Node::Call(at))) => match self.nested(at) {
                Some(object) => object,
                None => Constant::Value(Box::new(Converter::new(self.heap).value(v))),
            },
            _ => Constant::Value(Box::new(Converter::new(self.heap).value(v))),
        }
    }

    /// Text or bytes; of long ones an excerpt.
    fn content(&self, v: V) -> Constant {
        let Some((content, len)) = self.heap.content(v, TEXT) else {
            return Constant::Unknown("text that is not there");
        };
        if to_u64(content.len()) < len {
            return Constant::Value(Box::new(Converter::new(self.heap).value(v)));
        }
        let content: Arc<[u8]> = Arc::from(&*content);
        // Python 2 has its names in byte strings, which pickles hold as text.
        match self.layout == Layout::Two || self.heap.is_bytes(v) {
            true => Constant::Bytes(content),
            false => Constant::Text(content),
        }
    }

    /// The code that the call at `at` makes, as one more object of the tree.
    fn nested(&mut self, at: u32) -> Option<Constant> {
        let args = self.heap.call(at)?.args;
        let shape = shape(self.heap, self.heap.sequence(args)?)?;
        if shape.layout != self.layout || self.objects >= NESTED {
            return Some(Constant::Unknown("nested code"));
        }
        let object = u32::try_from(self.objects).ok()?;
        self.objects = self.objects.saturating_add(1);
        self.waiting.push(shape);
        Some(Constant::Code(object))
    }
}

fn number(heap: &Heap, v: V) -> i64 {
    match (v, heap.node(v)) {
        (V::Int(number), _) => i64::from(number),
        (V::True, _) => 1,
        (_, Some(Node::Int(number))) => number,
        _ => 0,
    }
}
