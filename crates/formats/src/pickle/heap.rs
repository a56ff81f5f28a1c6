//! The values that a pickle builds, packed small: a dense pickle makes millions of them.
//!
//! A [`V`] is eight bytes. Short text lies in one arena, long constants stay in the file and are
//! referred to, containers and calls are indices. Nothing is ever freed before the stream ends:
//! the memo may bring anything back.

use davy_artifact::{Name, Route, Site};
use davy_bytes::{Bytes, Span, to_u64, to_usize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Text and bytes up to this length are copied into the arena.
const SHORT: usize = 255;

/// Bytes of short constants that are kept; beyond it they are referred to like long ones.
const ARENA: usize = 256 << 20;

/// Containers keep this many of their items before they leave out further plain numbers, which no
/// rule and no evaluation looks at.
const PLAIN_KEPT: usize = 4096;

/// A value: a small constant, or the index of something larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum V {
    Absent,
    None,
    True,
    False,
    Buffer,
    Int(i32),
    ShortText {
        len: u8,
        at: u32,
    },
    ShortBytes {
        len: u8,
        at: u32,
    },
    /// A number that needs more room.
    Number(u32),
    /// A tuple of constants: sharing it multiplies nothing.
    Flat(u32),
    /// Any other tuple, a list, dict or set.
    Box(u32),
    /// Anything else.
    Node(u32),
}

impl V {
    /// The index of the node that it stands for.
    #[inline]
    pub(crate) fn index(self) -> Option<u32> {
        match self {
            Self::Number(at) | Self::Flat(at) | Self::Box(at) | Self::Node(at) => Some(at),
            _ => None,
        }
    }
}

/// What a [`V::Node`] stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    Attribute { base: V, name: u32 },
    Bytes(u32),
    Call(u32),
    Dict(Items),
    Extension(u32),
    Float(f64),
    Global(u32),
    Int(i64),
    List(Items),
    Long(u32),
    Module(u32),
    Persistent(V),
    Set(Items),
    Text(u32),
    Tuple { at: u32, len: u32 },
    Unknown(Mystery),
}

/// Why a value cannot be known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mystery {
    /// STACK_GLOBAL with a name that is computed in a way that is not followed.
    ComputedGlobal,
    /// `__import__` and the like with such a name.
    ComputedModule,
}

impl Mystery {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ComputedGlobal => "global whose name is computed",
            Self::ComputedModule => "module whose name is computed",
        }
    }
}

/// A constant that stays in the file, or was decoded from escapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constant {
    pub(crate) span: Span,
    pub(crate) decoded: Option<Arc<[u8]>>,
    /// Whether it is Python 2 text, whose characters depend on the loader's `encoding`.
    pub(crate) eight_bit: bool,
}

/// What a list, dict (keys and values alternating) or set holds: a stretch of the pool, which moves
/// to the pool's end when it has to grow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Items {
    at: u32,
    len: u32,
    room: u32,
}

/// Which opcode did something, compactly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    pub(crate) at: u64,
    pub(crate) index: u64,
    pub(crate) len: u32,
    pub(crate) stream: u32,
    pub(crate) code: u8,
}

impl Step {
    pub(crate) fn span(self) -> Span {
        Span::new(self.at, u64::from(self.len))
    }

    pub(crate) fn route(self) -> Route {
        let name = super::opcode::name(self.code);
        Route::Opcode { stream: u64::from(self.stream), index: self.index, name }
    }

    pub(crate) fn site(self) -> Site {
        Site { span: self.span(), route: self.route() }
    }
}

/// How the loader calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    Called,
    New,
}

/// A call whose result is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallRecord {
    pub(crate) callee: V,
    pub(crate) args: V,
    pub(crate) kwargs: V,
    pub(crate) how: How,
    /// What BUILD gave the result, or `Absent`.
    pub(crate) state: V,
    /// A list of what SETITEM or APPEND put into the result, or `Absent`.
    pub(crate) items: V,
    pub(crate) step: Step,
}

/// All values of one artifact.
#[derive(Debug)]
pub(crate) struct Heap {
    bytes: Bytes,
    arena: Vec<u8>,
    nodes: Vec<Node>,
    pool: Vec<V>,
    /// Plain items that were left out, by the index of the container.
    elided: HashMap<u32, u64>,
    constants: Vec<Constant>,
    names: Vec<Name>,
    name_ids: HashMap<Name, u32>,
    strings: Vec<Box<str>>,
    string_ids: HashMap<Box<str>, u32>,
    calls: Vec<CallRecord>,
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Heap {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            arena: Vec::new(),
            nodes: Vec::new(),
            pool: Vec::new(),
            elided: HashMap::new(),
            constants: Vec::new(),
            names: Vec::new(),
            name_ids: HashMap::new(),
            strings: Vec::new(),
            string_ids: HashMap::new(),
            calls: Vec::new(),
        }
    }

    /// Bytes of memory that the values take, nearly.
    pub(crate) fn size(&self) -> u64 {
        let parts = [
            self.arena.len(),
            self.nodes.len().saturating_mul(size_of::<Node>()),
            self.pool.len().saturating_mul(size_of::<V>()),
            self.constants.len().saturating_mul(size_of::<Constant>()),
            self.calls.len().saturating_mul(size_of::<CallRecord>()),
            self.strings.len().saturating_mul(64),
            self.names.len().saturating_mul(128),
        ];
        to_u64(parts.iter().fold(0, |sum, part| sum.saturating_add(*part)))
    }

    /// The bytes that the constants are in.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn push(&mut self, node: Node) -> V {
        let at = index(self.nodes.len());
        self.nodes.push(node);
        match node {
            Node::Float(_) | Node::Int(_) | Node::Long(_) => V::Number(at),
            Node::Tuple { .. } | Node::List(_) | Node::Dict(_) | Node::Set(_) => V::Box(at),
            _ => V::Node(at),
        }
    }

    pub(crate) fn node(&self, v: V) -> Option<Node> {
        self.nodes.get(to_usize(u64::from(v.index()?))).copied()
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A text constant, given by its content (if short) and place.
    pub(crate) fn text(&mut self, content: &[u8], span: Span) -> V {
        match self.short(content) {
            Some((len, at)) => V::ShortText { len, at },
            None => self.text_constant(Constant { span, ..Constant::default() }),
        }
    }

    /// A byte-string constant, likewise.
    pub(crate) fn byte_string(&mut self, content: &[u8], span: Span) -> V {
        match self.short(content) {
            Some((len, at)) => V::ShortBytes { len, at },
            None => self.bytes_constant(Constant { span, ..Constant::default() }),
        }
    }

    /// Text that was computed or decoded; `span` is where it comes from.
    pub(crate) fn decoded_text(&mut self, content: Vec<u8>, span: Span) -> V {
        match self.short(&content) {
            Some((len, at)) => V::ShortText { len, at },
            None => self.text_constant(Constant {
                span,
                decoded: Some(content.into()),
                eight_bit: false,
            }),
        }
    }

    /// Bytes that were computed or decoded.
    pub(crate) fn decoded_bytes(&mut self, content: Vec<u8>, span: Span) -> V {
        match self.short(&content) {
            Some((len, at)) => V::ShortBytes { len, at },
            None => self.bytes_constant(Constant {
                span,
                decoded: Some(content.into()),
                eight_bit: false,
            }),
        }
    }

    /// Text of Python 2 that is not ASCII.
    pub(crate) fn eight_bit_text(&mut self, content: &[u8], span: Span) -> V {
        self.text_constant(Constant { span, decoded: Some(content.into()), eight_bit: true })
    }

    /// Every text that `v` may be: Python 2 text is Latin-1, UTF-8 or nothing, as the loader's
    /// `encoding` has it.
    pub(crate) fn spellings(&self, v: V, limit: usize) -> Vec<String> {
        let eight_bit = match self.node(v) {
            Some(Node::Text(at)) => self.constant(at).is_some_and(|constant| constant.eight_bit),
            _ => false,
        };
        let latin = eight_bit
            .then(|| self.content(v, limit))
            .flatten()
            .map(|(content, _)| content.iter().map(|byte| char::from(*byte)).collect::<String>());
        let mut spellings: Vec<String> = self.string(v, limit).into_iter().collect();
        if let Some(latin) = latin {
            spellings.retain(|text| !text.contains(char::REPLACEMENT_CHARACTER));
            spellings.push(latin);
        }
        spellings
    }

    fn short(&mut self, content: &[u8]) -> Option<(u8, u32)> {
        if content.len() > SHORT || self.arena.len() > ARENA {
            return None;
        }
        let len = u8::try_from(content.len()).ok()?;
        let at = u32::try_from(self.arena.len()).ok()?;
        self.arena.extend_from_slice(content);
        Some((len, at))
    }

    pub(crate) fn text_constant(&mut self, constant: Constant) -> V {
        let at = index(self.constants.len());
        self.constants.push(constant);
        self.push(Node::Text(at))
    }

    pub(crate) fn bytes_constant(&mut self, constant: Constant) -> V {
        let at = index(self.constants.len());
        self.constants.push(constant);
        self.push(Node::Bytes(at))
    }

    pub(crate) fn constant(&self, at: u32) -> Option<&Constant> {
        self.constants.get(to_usize(u64::from(at)))
    }

    fn arena_at(&self, len: u8, at: u32) -> &[u8] {
        let start = to_usize(u64::from(at));
        self.arena.get(start..start.saturating_add(usize::from(len))).unwrap_or_default()
    }

    /// The content of text or bytes, up to `limit` bytes, and its whole length.
    pub(crate) fn content(&self, v: V, limit: usize) -> Option<(Cow<'_, [u8]>, u64)> {
        let at = match v {
            V::ShortText { len, at } | V::ShortBytes { len, at } => {
                let content = self.arena_at(len, at);
                let head = content.get(..limit.min(content.len())).unwrap_or_default();
                return Some((Cow::Borrowed(head), u64::from(len)));
            }
            _ => match self.node(v)? {
                Node::Text(at) | Node::Bytes(at) => at,
                _ => return None,
            },
        };
        let constant = self.constant(at)?;
        match &constant.decoded {
            Some(decoded) => {
                let head = decoded.get(..limit.min(decoded.len())).unwrap_or_default();
                Some((Cow::Borrowed(head), to_u64(decoded.len())))
            }
            None => {
                let head = self.bytes.copy(constant.span, limit).unwrap_or_default();
                Some((Cow::Owned(head), constant.span.len))
            }
        }
    }

    pub(crate) fn is_text(&self, v: V) -> bool {
        matches!(v, V::ShortText { .. }) || matches!(self.node(v), Some(Node::Text(_)))
    }

    pub(crate) fn is_bytes(&self, v: V) -> bool {
        matches!(v, V::ShortBytes { .. }) || matches!(self.node(v), Some(Node::Bytes(_)))
    }

    /// Text of up to `limit` bytes, whole and valid, or nothing.
    pub(crate) fn string(&self, v: V, limit: usize) -> Option<String> {
        if !self.is_text(v) {
            return None;
        }
        let (content, len) = self.content(v, limit)?;
        (len <= to_u64(limit)).then(|| String::from_utf8_lossy(&content).into_owned())
    }

    pub(crate) fn tuple(&mut self, items: &[V]) -> V {
        let at = index(self.pool.len());
        self.pool.extend_from_slice(items);
        let tuple = self.push(Node::Tuple { at, len: index(items.len()) });
        let holds = |item: &V| matches!(item, V::Flat(_) | V::Box(_) | V::Node(_));
        let flat = !items.iter().any(holds);
        match tuple {
            V::Box(at) if flat => V::Flat(at),
            tuple => tuple,
        }
    }

    pub(crate) fn container(&mut self, make: fn(Items) -> Node) -> V {
        self.push(make(Items::default()))
    }

    /// The items of a container that are held, and the number of those that are not.
    pub(crate) fn items(&self, v: V) -> (&[V], u64) {
        let (V::Box(at), Some(Node::List(items) | Node::Dict(items) | Node::Set(items))) =
            (v, self.node(v))
        else {
            return (&[], 0);
        };
        let elided = self.elided.get(&at).copied().unwrap_or(0);
        (self.pooled(items.at, items.len), elided)
    }

    fn pooled(&self, at: u32, len: u32) -> &[V] {
        let start = to_usize(u64::from(at));
        let end = start.saturating_add(to_usize(u64::from(len)));
        self.pool.get(start..end).unwrap_or_default()
    }

    /// Adds single items to a list or set.
    pub(crate) fn extend(&mut self, v: V, items: &[V]) {
        self.add(v, items, 1);
    }

    /// Adds key and value pairs, flattened, to a container.
    pub(crate) fn extend_pairs(&mut self, v: V, pairs: &[V]) {
        self.add(v, pairs, 2);
    }

    fn add(&mut self, v: V, new: &[V], stride: usize) {
        let (V::Box(at), Some(node)) = (v, self.node(v)) else { return };
        let (Node::List(mut items) | Node::Dict(mut items) | Node::Set(mut items)) = node else {
            return;
        };
        if to_usize(u64::from(items.len)).saturating_add(new.len()) <= PLAIN_KEPT {
            self.put(&mut items, new);
        } else {
            let mut left_out = 0_u64;
            for part in new.chunks(stride) {
                let plain = part.iter().all(|v| is_plain(*v));
                if plain && to_usize(u64::from(items.len)) >= PLAIN_KEPT {
                    left_out = left_out.saturating_add(1);
                } else {
                    self.put(&mut items, part);
                }
            }
            if left_out > 0 {
                let elided = self.elided.entry(at).or_insert(0);
                *elided = elided.saturating_add(left_out);
            }
        }
        if let Some(slot) = self.nodes.get_mut(to_usize(u64::from(at))) {
            *slot = match node {
                Node::List(_) => Node::List(items),
                Node::Dict(_) => Node::Dict(items),
                _ => Node::Set(items),
            };
        }
    }

    /// Puts `items` behind those that the container holds.
    fn put(&mut self, container: &mut Items, items: &[V]) {
        let len = to_usize(u64::from(container.len));
        let wanted = len.saturating_add(items.len());
        if wanted > to_usize(u64::from(container.room)) {
            self.make_room(container, wanted);
        }
        let start = to_usize(u64::from(container.at)).saturating_add(len);
        let target = self.pool.get_mut(start..start.saturating_add(items.len()));
        if let Some(target) = target {
            target.copy_from_slice(items);
            container.len = index(wanted);
        }
    }

    /// Gives the container room for `wanted` items: in place at the end of the pool, else there.
    fn make_room(&mut self, container: &mut Items, wanted: usize) {
        let start = to_usize(u64::from(container.at));
        let room = to_usize(u64::from(container.room));
        let at_end = room > 0 && start.saturating_add(room) == self.pool.len();
        let room = if room == 0 { wanted } else { wanted.max(room.saturating_mul(2)) };
        if at_end {
            self.pool.resize(start.saturating_add(room), V::Absent);
        } else {
            let moved = self.pool.len();
            let end = start.saturating_add(to_usize(u64::from(container.len)));
            self.pool.extend_from_within(start.min(end)..end);
            self.pool.resize(moved.saturating_add(room), V::Absent);
            container.at = index(moved);
        }
        container.room = index(room);
    }

    /// The items of a tuple, list or set that are held.
    pub(crate) fn sequence(&self, v: V) -> Option<&[V]> {
        match self.node(v)? {
            Node::Tuple { at, len } => Some(self.pooled(at, len)),
            Node::List(_) | Node::Set(_) => Some(self.items(v).0),
            _ => None,
        }
    }

    /// What tells the text and byte strings among `args` from others: their place in the heap, or what
    /// they are where they are short.
    pub(crate) fn constants(&self, args: V) -> Vec<(usize, Vec<u8>)> {
        let items = self.sequence(args).unwrap_or_default();
        let constant = |item: &V| match self.node(*item) {
            Some(Node::Text(at) | Node::Bytes(at)) => {
                (usize::try_from(at).unwrap_or(0), Vec::new())
            }
            _ => {
                (0, self.content(*item, 64).map(|(head, _)| head.into_owned()).unwrap_or_default())
            }
        };
        items.iter().take(4).map(constant).collect()
    }

    /// Keys and values, alternating, of a dict, or of an object that items were set on.
    pub(crate) fn pairs(&self, v: V) -> Option<&[V]> {
        match self.node(v)? {
            Node::Dict(_) => Some(self.items(v).0),
            Node::Call(at) => {
                let items = self.call(at)?.items;
                (items != V::Absent).then(|| self.items(items).0)
            }
            _ => None,
        }
    }

    pub(crate) fn global(&mut self, name: Name) -> V {
        let next = index(self.names.len());
        let id = *self.name_ids.entry(name.clone()).or_insert(next);
        if id == next {
            self.names.push(name);
        }
        self.push(Node::Global(id))
    }

    pub(crate) fn name(&self, v: V) -> Option<&Name> {
        match self.node(v)? {
            Node::Global(id) => self.names.get(to_usize(u64::from(id))),
            _ => None,
        }
    }

    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(id) = self.string_ids.get(text) {
            return *id;
        }
        let id = index(self.strings.len());
        self.strings.push(text.into());
        self.string_ids.insert(text.into(), id);
        id
    }

    pub(crate) fn interned(&self, id: u32) -> &str {
        self.strings.get(to_usize(u64::from(id))).map_or("", |text| text)
    }

    pub(crate) fn module(&mut self, name: &str) -> V {
        let id = self.intern(name);
        self.push(Node::Module(id))
    }

    pub(crate) fn record(&mut self, record: CallRecord) -> V {
        let at = index(self.calls.len());
        self.calls.push(record);
        self.push(Node::Call(at))
    }

    pub(crate) fn call(&self, at: u32) -> Option<&CallRecord> {
        self.calls.get(to_usize(u64::from(at)))
    }

    pub(crate) fn call_mut(&mut self, at: u32) -> Option<&mut CallRecord> {
        self.calls.get_mut(to_usize(u64::from(at)))
    }

    /// Every call whose result could not be computed, in order.
    pub(crate) fn calls(&self) -> &[CallRecord] {
        &self.calls
    }
}

/// Numbers and the like: values that cannot name, call or hold anything.
fn is_plain(v: V) -> bool {
    matches!(v, V::None | V::True | V::False | V::Int(_) | V::Number(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_small() {
        assert_eq!(size_of::<V>(), 8);
        assert_eq!(size_of::<Node>(), 16);
    }

    #[test]
    fn long_lists_of_numbers_are_counted_but_strings_are_kept() {
        let mut heap = Heap::new(Bytes::from_memory(vec![]));
        let list = heap.container(Node::List);
        heap.extend(list, &[V::Int(7); 5000]);
        let word = heap.decoded_text(b"word".to_vec(), Span::default());
        heap.extend(list, &[word]);
        let (items, elided) = heap.items(list);
        assert_eq!((items.len(), elided), (PLAIN_KEPT + 1, 904));
        assert_eq!(items.last(), Some(&word));
    }
}
