//! What a serialized object of R is made of, once it is read: nodes that refer to each other by
//! number, in the order in which they stand.

use super::feed::Text;
use davy_bytes::{Span, to_usize};
use std::cell::Cell;

/// Integers kept of one vector: byte code and factors are longer, and nothing looks at those.
pub(super) const NUMBERS: u64 = 4096;

/// A node's number.
pub(super) type Id = u32;

/// `NULL`, the end of a list, and whatever is not there.
pub(super) const NULL: Id = 0;
/// The value of a promise that was not looked at yet, and of a binding without a value.
pub(super) const UNBOUND: Id = 1;
/// Nodes before the first of the file.
pub(super) const FIXED: &[&str] = &[
    "NULL",
    "no value",
    "the empty symbol",
    "the global environment",
    "the base environment",
    "the base namespace",
    "the empty environment",
];

/// What a list of pairs is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sort {
    Closure,
    Dots,
    Language,
    List,
    Promise,
}

/// One object.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A vector with a representation of its own: its class, and what its class makes it of.
    Altrep { class: Id, state: Id },
    /// Byte code: the instructions, then the constants.
    Bytecode(Vec<Id>),
    /// A function of R itself.
    Builtin(Text),
    /// A single string.
    Chars(Text),
    /// Bindings, in a list or in a table of lists, and the environment around it.
    Environment { enclosure: Id, frame: Id, table: Id },
    /// One of those that stand for themselves.
    Fixed(&'static str),
    /// A list of anything.
    List(Vec<Id>),
    /// Numbers: how R calls them, how many, the first of them.
    Numbers { what: &'static str, len: u64, first: Option<f64>, kept: Vec<i32> },
    /// A package or namespace, by name; or an object that only its reader can find.
    Outside { what: &'static str, names: Vec<Text> },
    /// A cell of a list: what the fields mean depends on its sort.
    Pair { sort: Sort, tag: Id, car: Id, cdr: Id },
    /// A pointer of C, which is null when it is read.
    Pointer { guard: Id, tag: Id },
    /// Bytes: where they stand, and how many.
    Raw { span: Span, len: u64 },
    /// An object of a class that has nothing but attributes.
    S4,
    /// A name in code.
    Symbol(Text),
    /// Strings, the first of them, and how many there are.
    Texts { kept: Vec<Text>, len: u64 },
}

/// Where a node stands in its parent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Attributes,
    Car,
    Cdr,
    Element(u32),
    Guard,
    Tag,
}

/// An object, with where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Offset of its first byte.
    pub(super) at: u64,
    /// Its attributes, a list.
    pub(super) attributes: Id,
    /// Flags that a writer sets; bit 15 marks a binding that is computed when it is looked at.
    pub(super) levels: i32,
    pub(super) kind: Kind,
    /// The node that it was first found in, and where there; cells of one list share their parent.
    pub(super) parent: Id,
    pub(super) place: Place,
}

/// Levels that make a binding active (R, `Defn.h`, `ACTIVE_BINDING_MASK`).
const ACTIVE: i32 = 1 << 15;

impl Node {
    /// Whether it is a binding whose function is called when it is looked at.
    pub(super) fn is_active(&self) -> bool {
        self.levels & ACTIVE != 0
    }
}

/// All nodes of a file.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// How often an object may still be looked at: parts of code can be shared, so that the ways
    /// through a small file can be many.
    left: Cell<u64>,
}

/// Looks at the objects of one file.
const LOOKS: u64 = 1 << 21;

/// Cells followed in one list.
const CELLS: usize = 1 << 20;

/// Parents named in a path.
const LEVELS: usize = 12;

/// Characters of a name in a path.
const LABEL: usize = 80;

impl Tree {
    pub(super) fn new() -> Self {
        let fixed = |what: &&'static str| Node {
            at: 0,
            attributes: NULL,
            levels: 0,
            kind: Kind::Fixed(what),
            parent: NULL,
            place: Place::Car,
        };
        Self { nodes: FIXED.iter().map(fixed).collect(), left: Cell::new(LOOKS) }
    }

    /// Takes a look from what is left; `false` when nothing is.
    pub(super) fn look(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(to_usize(u64::from(id)))
    }

    pub(super) fn kind(&self, id: Id) -> Option<&Kind> {
        self.node(id).map(|node| &node.kind)
    }

    /// Nodes of the file, in its order.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        let end = Id::try_from(self.nodes.len()).unwrap_or(Id::MAX);
        Id::try_from(FIXED.len()).unwrap_or(0)..end
    }

    /// The cells of a list: tag and value of each.
    pub(super) fn cells(&self, id: Id) -> Cells<'_> {
        Cells { tree: self, next: id, left: CELLS }
    }

    /// A name in code.
    pub(super) fn symbol(&self, id: Id) -> Option<&str> {
        match self.kind(id)? {
            Kind::Symbol(text) => std::str::from_utf8(&text.head).ok(),
            _ => None,
        }
    }

    /// The only string of a vector.
    pub(super) fn text(&self, id: Id) -> Option<&Text> {
        match self.kind(id)? {
            Kind::Texts { kept, len: 1 } => kept.first(),
            Kind::Chars(text) => Some(text),
            _ => None,
        }
    }

    /// An attribute of an object.
    pub(super) fn attribute(&self, id: Id, name: &str) -> Option<Id> {
        let attributes = self.node(id)?.attributes;
        self.cells(attributes).find(|cell| self.symbol(cell.tag) == Some(name)).map(|cell| cell.car)
    }

    /// The classes of an object that its `class` attribute names.
    pub(super) fn classes(&self, id: Id) -> Vec<String> {
        match self.attribute(id, "class").and_then(|class| self.kind(class)) {
            Some(Kind::Texts { kept, .. }) => kept.iter().take(4).map(shown).collect(),
            _ => vec![],
        }
    }

    /// How R calls the type of an object.
    pub(super) fn type_of(&self, id: Id) -> &'static str {
        match self.kind(id) {
            Some(Kind::Altrep { .. }) => "compact vector",
            Some(Kind::Bytecode(_)) => "bytecode",
            Some(Kind::Builtin(_)) => "builtin",
            Some(Kind::Chars(_)) => "char",
            Some(Kind::Environment { .. }) => "environment",
            Some(Kind::Fixed(what)) => what,
            Some(Kind::List(_)) => "list",
            Some(Kind::Numbers { what, .. } | Kind::Outside { what, .. }) => what,
            Some(Kind::Pair { sort, .. }) => match sort {
                Sort::Closure => "closure",
                Sort::Dots => "...",
                Sort::Language => "language",
                Sort::List => "pairlist",
                Sort::Promise => "promise",
            },
            Some(Kind::Pointer { .. }) => "externalptr",
            Some(Kind::Raw { .. }) => "raw",
            Some(Kind::S4) => "S4",
            Some(Kind::Symbol(_)) => "symbol",
            Some(Kind::Texts { .. }) => "character",
            None => "unknown",
        }
    }

    /// The way to an object, as R spells it: `model$family$linkfun`.
    pub(super) fn path(&self, id: Id) -> String {
        let mut labels = Vec::new();
        let mut at = id;
        for _ in 0..LEVELS {
            let Some(node) = self.node(at).filter(|_| at >= FIXED.len().try_into().unwrap_or(0))
            else {
                break;
            };
            labels.extend(self.label(at, node));
            if node.parent == NULL {
                break;
            }
            at = node.parent;
        }
        labels.reverse();
        labels.join("$")
    }

    /// What the parent of a node calls it.
    fn label(&self, id: Id, node: &Node) -> Option<String> {
        match (self.kind(node.parent)?, node.place) {
            (Kind::Pair { sort: Sort::List, tag, .. }, Place::Car) => {
                let tag = self.symbol(*tag)?;
                Some(tag.chars().take(LABEL).collect())
            }
            (Kind::Pair { sort: Sort::Closure, .. }, Place::Cdr) => Some("body()".to_owned()),
            (Kind::Pair { sort: Sort::Closure, .. }, Place::Tag) => {
                Some("environment()".to_owned())
            }
            (Kind::List(_), Place::Element(_)) if self.is_table(node.parent) => None,
            (Kind::List(_), Place::Element(index)) => Some(self.element(node.parent, index)),
            (_, Place::Attributes) if self.symbol(id).is_none() => Some("attributes()".to_owned()),
            _ => None,
        }
    }

    /// Whether a list is the table of an environment's bindings.
    pub(super) fn is_table(&self, id: Id) -> bool {
        self.node(id).is_some_and(|list| {
            list.place == Place::Cdr
                && matches!(self.kind(list.parent), Some(Kind::Environment { .. }))
        })
    }

    /// The name of an element of a list, or its index.
    pub(super) fn element(&self, list: Id, index: u32) -> String {
        let names = self.attribute(list, "names").and_then(|names| self.kind(names));
        let name = match names {
            Some(Kind::Texts { kept, .. }) => kept.get(to_usize(u64::from(index))).map(shown),
            _ => None,
        };
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("[[{}]]", u64::from(index).saturating_add(1)))
    }
}

/// The start of a text, fit for a name.
fn shown(text: &Text) -> String {
    String::from_utf8_lossy(&text.head).chars().take(LABEL).collect()
}

/// A cell of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) tag: Id,
    pub(super) car: Id,
}

/// The cells of a list.
pub(super) struct Cells<'a> {
    tree: &'a Tree,
    next: Id,
    left: usize,
}

impl Iterator for Cells<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let Some(left) = self.left.checked_sub(1) else {
            self.tree.left.set(0);
            return None;
        };
        self.left = left;
        let Kind::Pair { tag, car, cdr, .. } = self.tree.kind(self.next)? else { return None };
        self.next = *cdr;
        Some(Entry { tag: *tag, car: *car })
    }
}
