//! What is known about the value of an expression without running it, and how it is shown.

use davy_artifact::{Call, Excerpt, Manner, Name, Value};
use davy_bytes::to_u64;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::rc::Rc;

/// Alternatives kept for one expression; a name that is assigned more often keeps the first ones.
const ALTERNATIVES: usize = 6;
/// Bytes of a constant that are shown; exec'd source becomes an artifact of its own.
const SHOWN: usize = 32 << 10;
/// Containers inside containers that are followed; stops chains like `b = [a]; c = [b]; ...`.
const DEPTH: u8 = 24;
/// Values in one shown value; stops facts that repeat a large constant a thousand times.
const NODES: usize = 64;
/// Calls and attributes that a value is told to come from: `urlopen(…).read().decode`.
const CHAIN: u8 = 10;
/// Bytes of a constant that are shown when there is no room left for more.
const ALWAYS: usize = 32;
/// Bytes at either end of a constant that tell it from others of its length.
const ENDS: usize = 2048;

/// A value that constant expressions and imports lead to.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// `True` or `False`.
    Bool(bool),
    /// A method of a constant, to be called.
    Bound(Rc<(Known, String)>),
    /// A byte string.
    Bytes(Rc<Vec<u8>>),
    /// A dictionary.
    Dict(Rc<Vec<(Self, Self)>>, Shape),
    /// A floating-point number.
    Float(f64),
    /// Something that a module has: function, class or submodule.
    Global(Rc<Name>),
    /// The dictionary of the source's own globals.
    Globals,
    /// A whole number.
    Int(i64),
    /// A list, tuple or set.
    Items(Rc<Vec<Self>>, Shape),
    /// A function, lambda or class of this source, by the number of its scope.
    Local(usize),
    /// A module, by the name that it is imported under.
    Module(Rc<str>),
    /// `None`.
    None,
    /// What a call returns, or an attribute of that.
    Plain(Rc<Value>),
    /// Text.
    Text(Rc<Vec<u8>>),
    /// Nothing is known.
    Unknown,
}

/// What is known about a container without walking it again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// How deep containers go in it.
    depth: u8,
    /// A digest of what is in it.
    mark: u64,
}

impl PartialEq for Known {
    /// Takes a bounded time: containers are compared by digest, long constants by their ends.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bound(one), Self::Bound(two)) => one.1 == two.1 && one.0 == two.0,
            (Self::Global(one), Self::Global(two)) => one == two,
            (Self::Module(one), Self::Module(two)) => one == two,
            (Self::Plain(one), Self::Plain(two)) => one == two,
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::Text(one), Self::Text(two)) | (Self::Bytes(one), Self::Bytes(two)) => {
                one.len() == two.len() && (Rc::ptr_eq(one, two) || self.mark() == other.mark())
            }
            _ if discriminant(self) != discriminant(other) => false,
            _ => self.mark() == other.mark(),
        }
    }
}

/// What an expression may be: one of these, or, where there are none, anything.
pub(crate) type Many = Vec<Known>;

/// Adds `value` to the alternatives, unless it is there.
pub(crate) fn add(many: &mut Many, value: Known) {
    if value != Known::Unknown && many.len() < ALTERNATIVES && !many.contains(&value) {
        many.push(value);
    }
}

/// The value, where there is just one.
pub(crate) fn only(many: Many) -> Known {
    let mut values = many.into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value,
        _ => Known::Unknown,
    }
}

impl Shape {
    /// The shape of a container of `items`, unless it is too deep.
    fn around<'a>(items: impl Iterator<Item = &'a Known>) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        let mut inner = 0;
        for item in items {
            item.mark().hash(&mut hasher);
            inner = item.depth().max(inner);
        }
        (inner < DEPTH).then(|| Self { depth: inner.saturating_add(1), mark: hasher.finish() })
    }
}

impl Known {
    /// A global, split into module and name where both are in `path`: the name starts at the first
    /// part that is spelled like a class, or is the last part. Look-ups should use the whole.
    pub(crate) fn global(path: &str) -> Name {
        let class_at = path.split('.').skip(1).find(|part| part.starts_with(char::is_uppercase));
        let split = match class_at {
            Some(class) => path
                .match_indices(class)
                .map(|(at, _)| at)
                .find(|at| *at > 0 && path.get(..*at).is_some_and(|head| head.ends_with('.')))
                .and_then(|at| at.checked_sub(1)),
            None => path.rfind('.'),
        };
        let (module, name) = split.and_then(|at| path.split_at_checked(at)).unwrap_or((path, ""));
        Name::new(module, name.trim_start_matches('.'))
    }

    /// A list, tuple or set.
    pub(crate) fn items(items: Vec<Self>) -> Self {
        match Shape::around(items.iter()) {
            Some(shape) => Self::Items(Rc::new(items), shape),
            None => Self::Unknown,
        }
    }

    /// A dictionary.
    pub(crate) fn dict(pairs: Vec<(Self, Self)>) -> Self {
        match Shape::around(pairs.iter().flat_map(|(key, value)| [key, value])) {
            Some(shape) => Self::Dict(Rc::new(pairs), shape),
            None => Self::Unknown,
        }
    }

    fn depth(&self) -> u8 {
        match self {
            Self::Items(_, shape) | Self::Dict(_, shape) => shape.depth,
            Self::Bound(bound) => bound.0.depth().saturating_add(1),
            _ => 0,
        }
    }

    /// A digest of kind and content; of long constants, of their length and ends.
    pub(crate) fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        discriminant(self).hash(&mut hasher);
        match self {
            Self::Bool(bool) => bool.hash(&mut hasher),
            Self::Bytes(bytes) | Self::Text(bytes) => {
                bytes.len().hash(&mut hasher);
                let tail = bytes.len().saturating_sub(ENDS);
                bytes.get(..ENDS.min(bytes.len())).hash(&mut hasher);
                bytes.get(tail..).hash(&mut hasher);
            }
            Self::Dict(_, shape) | Self::Items(_, shape) => shape.mark.hash(&mut hasher),
            Self::Float(float) => float.to_bits().hash(&mut hasher),
            Self::Global(name) => name.hash(&mut hasher),
            Self::Int(int) => int.hash(&mut hasher),
            Self::Local(scope) => scope.hash(&mut hasher),
            Self::Module(name) => name.hash(&mut hasher),
            Self::Bound(_) | Self::Globals | Self::None | Self::Plain(_) | Self::Unknown => {}
        }
        hasher.finish()
    }

    /// The bytes of text or a byte string.
    pub(crate) fn bytes(&self) -> Option<&Rc<Vec<u8>>> {
        match self {
            Self::Bytes(bytes) | Self::Text(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is one that is short enough for a name.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if text.len() <= ENDS => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Bool(bool) => Some(i64::from(*bool)),
            _ => None,
        }
    }

    /// The value as facts carry it: bounded in depth, width and length.
    pub(crate) fn shown(&self, room: &mut Room) -> Value {
        self.shown_within(room, 4)
    }

    fn shown_within(&self, room: &mut Room, depth: u8) -> Value {
        room.nodes = room.nodes.saturating_sub(1);
        match self {
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Bytes(bytes) => Value::Bytes(room.excerpt(bytes)),
            Self::Dict(pairs, _) => shown_pairs(pairs, room, depth),
            Self::Float(float) => Value::Float(*float),
            Self::Global(name) => Value::Name(name.as_ref().clone()),
            Self::Int(int) => Value::Int(*int),
            Self::Items(items, _) => Value::List(shown_items(items, room, depth)),
            Self::Local(_) => Value::Unknown("a function of this source"),
            Self::Module(name) => Value::Module(name.to_string()),
            Self::None => Value::None,
            Self::Plain(value) => trimmed(value, &mut room.nodes, CHAIN),
            Self::Text(text) => Value::Text(room.excerpt(text)),
            Self::Bound(_) | Self::Globals | Self::Unknown => Value::Unknown("an expression"),
        }
    }
}

/// How much of values may still be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Values.
    nodes: usize,
    /// Bytes of constants.
    pub(crate) bytes: usize,
    /// Bytes of each constant.
    each: usize,
}

impl Room {
    /// Room for one fact, of what is left for the whole source.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { nodes: NODES, bytes, each: SHOWN }
    }

    fn excerpt(&mut self, bytes: &[u8]) -> Excerpt {
        let here = bytes.len().min(self.each).min(self.bytes.max(ALWAYS));
        self.bytes = self.bytes.saturating_sub(here);
        let head = bytes.get(..here).unwrap_or_default().to_vec();
        Excerpt { head, len: to_u64(bytes.len()) }
    }
}

fn shown_items(items: &[Known], room: &mut Room, depth: u8) -> Vec<Value> {
    let mut shown = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if room.nodes == 0 || depth == 0 {
            shown.push(Value::More(to_u64(items.len().saturating_sub(at))));
            break;
        }
        shown.push(item.shown_within(room, depth.saturating_sub(1)));
    }
    shown
}

fn shown_pairs(pairs: &[(Known, Known)], room: &mut Room, depth: u8) -> Value {
    let mut shown = Vec::new();
    for (at, (key, value)) in pairs.iter().enumerate() {
        if room.nodes == 0 || depth == 0 {
            let more = Value::More(to_u64(pairs.len().saturating_sub(at)));
            shown.push((more, Value::None));
            break;
        }
        let depth = depth.saturating_sub(1);
        let key = key.shown_within(room, depth);
        shown.push((key, value.shown_within(room, depth)));
    }
    Value::Dict(shown)
}

/// A copy of `value` that spends `nodes` and goes `depth` levels down.
fn trimmed(value: &Value, nodes: &mut usize, depth: u8) -> Value {
    *nodes = nodes.saturating_sub(1);
    if *nodes == 0 || depth == 0 {
        return Value::Unknown("an expression");
    }
    let depth = depth.saturating_sub(1);
    match value {
        Value::Attribute(base, name) => {
            Value::Attribute(Box::new(trimmed(base, nodes, depth)), name.clone())
        }
        Value::Call(call) => Value::Call(Box::new(Call {
            callee: trimmed(&call.callee, nodes, depth),
            args: call.args.iter().map(|arg| trimmed(arg, nodes, depth)).collect(),
            kwargs: Vec::new(),
            manner: call.manner,
        })),
        Value::List(items) => {
            Value::List(items.iter().map(|item| trimmed(item, nodes, depth)).collect())
        }
        other => other.clone(),
    }
}

/// `base.name`, where `base` is what a call returns.
pub(crate) fn attribute_of(base: &Value, name: &str) -> Value {
    Value::Attribute(Box::new(trimmed(base, &mut { NODES }, CHAIN)), name.to_owned())
}

/// What calling `callee` returns.
pub(crate) fn result_of(callee: Value, args: &[Known]) -> Value {
    let mut room = Room { nodes: NODES, bytes: 256, each: 96 };
    let callee = trimmed(&callee, &mut room.nodes, CHAIN);
    let args = shown_items(args, &mut room, 3);
    Value::Call(Box::new(Call { callee, args, kwargs: Vec::new(), manner: Manner::Called }))
}
