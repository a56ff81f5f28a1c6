//! Reads a serialized object into a tree, with a stack of what is still to be read instead of
//! recursion: lists of any depth are a few bytes each in a file.
//!
//! Source: R, `src/main/serialize.c` (`ReadItem`, `ReadBC`), versions 2 and 3 of the format, as R 4.2
//! to 4.5 read them.

use super::feed::{Feed, Text};
use super::tree::{Id, Kind, NULL, Node, Place, Sort, Tree};
use davy_bytes::{Budget, Halt, to_u64, to_usize};
use std::collections::HashMap;

/// Flags of an item: an object with attributes, a cell with a tag.
const HAS_ATTRIBUTES: i32 = 1 << 9;
const HAS_TAG: i32 = 1 << 10;

/// Strings kept of one vector.
const TEXTS: u64 = 4096;

/// Nodes of one file; a node is about a hundred bytes in memory.
const NODES: usize = 1 << 22;

/// Bytes of text that are kept of one file.
const HELD: usize = 64 << 20;

/// Types that only byte code has (R, `serialize.c`).
mod code {
    pub(super) const LANGUAGE: i32 = 6;
    pub(super) const LIST: i32 = 2;
    pub(super) const BYTECODE: i32 = 21;
    pub(super) const LIST_WITH_ATTRIBUTES: i32 = 239;
    pub(super) const LANGUAGE_WITH_ATTRIBUTES: i32 = 240;
    pub(super) const REFERENCE: i32 = 243;
    pub(super) const DEFINITION: i32 = 244;
}

/// Where an item goes.
#[derive(Clone, Copy, Debug)]
struct Hole {
    node: Id,
    place: Place,
}

/// What is still to be read, the next last.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// An item.
    Item(Hole),
    /// The elements of a list from one on.
    Elements { list: Id, next: u32, end: u64 },
    /// The constants behind the instructions of byte code; how many is read first.
    Constants { code: Id, table: usize, left: Option<u32> },
    /// A part of code within byte code, whose type is read first where it is not known.
    Part { hole: Hole, table: usize, kind: Option<i32> },
}

/// Reads objects.
pub(super) struct Parser<'a> {
    pub(super) feed: Feed,
    pub(super) tree: Tree,
    budget: &'a mut Budget,
    tasks: Vec<Task>,
    /// What later items refer to by number.
    references: Vec<Id>,
    /// The same of code within byte code, for each function.
    tables: Vec<HashMap<i32, Id>>,
    held: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(feed: Feed, budget: &'a mut Budget) -> Self {
        let (tree, tasks, references) = (Tree::new(), vec![], vec![]);
        Self { feed, tree, budget, tasks, references, tables: vec![], held: 0 }
    }

    /// Reads one object with everything in it. Its number is the first one behind the fixed ones,
    /// unless it is one of those.
    pub(super) fn read(&mut self) -> Result<Id, Halt> {
        let root = self.item(Hole { node: NULL, place: Place::Car })?;
        while let Some(task) = self.tasks.pop() {
            self.budget.spend_steps(1, self.feed.position())?;
            match task {
                Task::Item(hole) => {
                    self.item(hole)?;
                }
                Task::Elements { list, next, end } => self.element(list, next, end)?,
                Task::Constants { code, table, left } => self.constant(code, table, left)?,
                Task::Part { hole, table, kind } => self.part(hole, table, kind)?,
            }
        }
        Ok(root)
    }

    fn push(&mut self, at: u64, levels: i32, hole: Hole, kind: Kind) -> Result<Id, Halt> {
        let id = Id::try_from(self.tree.nodes.len()).unwrap_or(Id::MAX);
        if self.tree.nodes.len() >= NODES {
            return Err(Halt::exhausted(at, "more objects than are read of one file"));
        }
        let Hole { node: parent, place } = hole;
        let node = Node { at, attributes: NULL, levels, kind, parent, place };
        self.tree.nodes.push(node);
        self.fill(hole, id);
        Ok(id)
    }

    /// Puts an object where it belongs.
    fn fill(&mut self, hole: Hole, id: Id) {
        let holder = self.tree.nodes.get(to_usize(u64::from(hole.node)));
        let above = holder.map(|node| (node.parent, node.place, is_cell(&node.kind)));
        let Some(node) = self.tree.nodes.get_mut(to_usize(u64::from(hole.node))) else { return };
        if hole.node == NULL {
            return;
        }
        match (&mut node.kind, hole.place) {
            (_, Place::Attributes) => node.attributes = id,
            (Kind::Pair { tag, .. } | Kind::Pointer { tag, .. }, Place::Tag) => *tag = id,
            (Kind::Pair { car, .. }, Place::Car) => *car = id,
            (Kind::Pair { cdr, .. }, Place::Cdr) => *cdr = id,
            (Kind::Pointer { guard, .. }, Place::Guard) => *guard = id,
            (Kind::Environment { enclosure, .. }, Place::Guard) => *enclosure = id,
            (Kind::Environment { frame, .. }, Place::Car) => *frame = id,
            (Kind::Environment { table, .. }, Place::Cdr) => *table = id,
            (Kind::Altrep { class, .. }, Place::Tag) => *class = id,
            (Kind::Altrep { state, .. }, Place::Car) => *state = id,
            (Kind::List(items) | Kind::Bytecode(items), Place::Element(_)) => items.push(id),
            _ => {}
        }
        // All cells of a list have the parent of its first, so that the way up stays short.
        if let (Some((parent, place, true)), Place::Cdr) = (above, hole.place)
            && let Some(node) = self.tree.nodes.get_mut(to_usize(u64::from(id)))
            && node.parent == hole.node
            && is_cell(&node.kind)
        {
            (node.parent, node.place) = (parent, place);
        }
    }

    /// Reads the head of an item, and what it holds unless that is items as well.
    fn item(&mut self, hole: Hole) -> Result<Id, Halt> {
        let at = self.feed.position();
        let flags = self.feed.int("type of an object")?;
        let levels = flags >> 12;
        let kind = flags & 0xff;
        match kind {
            255 => self.refer(flags, at, hole),
            241..=242 | 250..=254 => {
                let id = fixed(kind);
                self.fill(hole, id);
                Ok(id)
            }
            1 => {
                let name = self.chars("a name in code")?;
                let id = self.push(at, levels, hole, Kind::Symbol(name))?;
                self.references.push(id);
                Ok(id)
            }
            247..=249 => self.outside(kind, at, hole),
            4 => self.environment(at, hole),
            2 | 3 | 5 | 6 | 17 => self.pair(kind, flags, at, hole),
            22 | 23 => self.pointer(kind, flags, at, hole),
            238 => {
                let made = Kind::Altrep { class: NULL, state: NULL };
                let id = self.push(at, levels, hole, made)?;
                self.expect(id, &[Place::Tag, Place::Car, Place::Attributes]);
                Ok(id)
            }
            21 => self.bytecode(flags, at, hole),
            _ => self.vector(kind, flags, at, hole),
        }
    }

    /// Leaves items to be read that go into the places of a node, in this order.
    fn expect(&mut self, node: Id, places: &[Place]) {
        self.tasks.extend(places.iter().rev().map(|&place| Task::Item(Hole { node, place })));
    }

    fn refer(&mut self, flags: i32, at: u64, hole: Hole) -> Result<Id, Halt> {
        let index = match flags >> 8 {
            0 => self.feed.int("number of an object")?,
            packed => packed,
        };
        let found = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        let Some(id) = found.and_then(|index| self.references.get(index)).copied() else {
            let count = self.references.len();
            let what = format!("a reference to object {index} of {count} so far");
            return Err(Halt::malformed(at, what));
        };
        self.fill(hole, id);
        Ok(id)
    }

    /// A string, which is an item of its own.
    fn chars(&mut self, what: &'static str) -> Result<Text, Halt> {
        let at = self.feed.position();
        let flags = self.feed.int(what)?;
        if flags & 0xff != 9 {
            return Err(Halt::malformed(at, format!("{what} is no string")));
        }
        self.rest_of_chars()
    }

    fn rest_of_chars(&mut self) -> Result<Text, Halt> {
        let at = self.feed.position();
        let text = match self.feed.int("length of a string")? {
            -1 => Text { head: b"NA".to_vec(), len: 2, span: davy_bytes::Span::new(at, 0) },
            len => {
                let len = u64::try_from(len)
                    .map_err(|_| Halt::malformed(at, "a string of negative length"))?;
                self.feed.text(len, self.budget)?
            }
        };
        self.held = self.held.saturating_add(text.head.len());
        if self.held > HELD {
            return Err(Halt::exhausted(at, "more text than is kept of one file"));
        }
        Ok(text)
    }

    /// Names of what is found elsewhere (`InStringVec`).
    fn outside(&mut self, kind: i32, at: u64, hole: Hole) -> Result<Id, Halt> {
        if self.feed.int("names")? != 0 {
            return Err(Halt::malformed(at, "names of names, which no version of R reads"));
        }
        let (count, mut names) = (self.feed.length()?, Vec::new());
        for _ in 0..count {
            self.budget.spend_steps(1, at)?;
            let name = self.chars("a name")?;
            if names.len() < 4 {
                names.push(name);
            }
        }
        let what = match kind {
            247 => "persistent object",
            248 => "package",
            _ => "namespace",
        };
        let id = self.push(at, 0, hole, Kind::Outside { what, names })?;
        self.references.push(id);
        Ok(id)
    }

    fn environment(&mut self, at: u64, hole: Hole) -> Result<Id, Halt> {
        self.feed.int("lock of an environment")?;
        let made = Kind::Environment { enclosure: NULL, frame: NULL, table: NULL };
        let id = self.push(at, 0, hole, made)?;
        self.references.push(id);
        self.expect(id, &[Place::Guard, Place::Car, Place::Cdr, Place::Attributes]);
        Ok(id)
    }

    fn pair(&mut self, kind: i32, flags: i32, at: u64, hole: Hole) -> Result<Id, Halt> {
        let sort = match kind {
            3 => Sort::Closure,
            5 => Sort::Promise,
            6 => Sort::Language,
            17 => Sort::Dots,
            _ => Sort::List,
        };
        let made = Kind::Pair { sort, tag: NULL, car: NULL, cdr: NULL };
        let id = self.push(at, flags >> 12, hole, made)?;
        self.expect(id, &[Place::Car, Place::Cdr]);
        if flags & HAS_TAG != 0 {
            self.expect(id, &[Place::Tag]);
        }
        if flags & HAS_ATTRIBUTES != 0 {
            self.expect(id, &[Place::Attributes]);
        }
        Ok(id)
    }

    fn pointer(&mut self, kind: i32, flags: i32, at: u64, hole: Hole) -> Result<Id, Halt> {
        let id = self.push(at, 0, hole, Kind::Pointer { guard: NULL, tag: NULL })?;
        self.references.push(id);
        if flags & HAS_ATTRIBUTES != 0 {
            self.expect(id, &[Place::Attributes]);
        }
        if kind == 22 {
            self.expect(id, &[Place::Guard, Place::Tag]);
        }
        Ok(id)
    }

    /// Vectors, strings, built-in functions, objects with nothing but attributes.
    fn vector(&mut self, kind: i32, flags: i32, at: u64, hole: Hole) -> Result<Id, Halt> {
        let made = match kind {
            7 | 8 => {
                let len = self.feed.int("length of a name")?;
                let len = u64::try_from(len)
                    .map_err(|_| Halt::malformed(at, "a name of negative length"))?;
                Kind::Builtin(self.feed.text(len, self.budget)?)
            }
            9 => Kind::Chars(self.rest_of_chars()?),
            10 | 13 => {
                let what = if kind == 10 { "logical" } else { "integer" };
                let len = self.feed.length()?;
                let (_, kept) = self.feed.integers(len, self.budget)?;
                let first = kept.first().copied().map(f64::from);
                Kind::Numbers { what, len, first, kept }
            }
            14 | 15 => {
                let (what, width) = if kind == 14 { ("double", 8) } else { ("complex", 16) };
                let len = self.feed.length()?;
                let (_, first) = if kind == 14 {
                    self.feed.numbers(len, width, self.budget)?
                } else {
                    (self.feed.skip(len, width, self.budget)?, None)
                };
                Kind::Numbers { what, len, first, kept: vec![] }
            }
            16 => self.texts()?,
            19 | 20 => Kind::List(vec![]),
            24 => {
                let len = self.feed.length()?;
                Kind::Raw { span: self.feed.skip(len, 1, self.budget)?, len }
            }
            25 => Kind::S4,
            other => {
                let what = format!("an object of type {other}, which R does not write");
                return Err(Halt::malformed(at, what));
            }
        };
        let id = self.push(at, flags >> 12, hole, made)?;
        if flags & HAS_ATTRIBUTES != 0 && !matches!(kind, 7 | 8) {
            self.expect(id, &[Place::Attributes]);
        }
        if matches!(kind, 19 | 20) {
            let end = self.feed.length()?;
            self.tasks.push(Task::Elements { list: id, next: 0, end });
        }
        Ok(id)
    }

    fn texts(&mut self) -> Result<Kind, Halt> {
        let len = self.feed.length()?;
        let mut kept = Vec::new();
        for index in 0..len {
            self.budget.spend_steps(1, self.feed.position())?;
            let text = self.chars("an element of a vector of strings")?;
            if index < TEXTS {
                kept.push(text);
            } else {
                self.held = self.held.saturating_sub(text.head.len());
            }
        }
        Ok(Kind::Texts { kept, len })
    }

    fn element(&mut self, list: Id, next: u32, end: u64) -> Result<(), Halt> {
        if u64::from(next) >= end {
            return Ok(());
        }
        self.tasks.push(Task::Elements { list, next: next.saturating_add(1), end });
        self.item(Hole { node: list, place: Place::Element(next) }).map(|_| ())
    }

    fn bytecode(&mut self, flags: i32, at: u64, hole: Hole) -> Result<Id, Halt> {
        self.feed.int("number of shared parts of byte code")?;
        let id = self.push(at, 0, hole, Kind::Bytecode(vec![]))?;
        let table = self.tables.len();
        self.tables.push(HashMap::new());
        if flags & HAS_ATTRIBUTES != 0 {
            self.expect(id, &[Place::Attributes]);
        }
        self.function(id, table);
        Ok(id)
    }

    /// Leaves the instructions of a function to be read, and its constants behind them.
    fn function(&mut self, code: Id, table: usize) {
        self.tasks.push(Task::Constants { code, table, left: None });
        self.expect(code, &[Place::Element(0)]);
    }

    fn constant(&mut self, code: Id, table: usize, left: Option<u32>) -> Result<(), Halt> {
        let at = self.feed.position();
        let left = match left {
            Some(left) => left,
            None => u32::try_from(self.feed.int("number of constants")?)
                .map_err(|_| Halt::malformed(at, "a negative number of constants"))?,
        };
        let Some(rest) = left.checked_sub(1) else { return Ok(()) };
        self.tasks.push(Task::Constants { code, table, left: Some(rest) });
        let hole = Hole { node: code, place: Place::Element(1) };
        let at = self.feed.position();
        match self.feed.int("type of a constant")? {
            code::BYTECODE => {
                let inner = self.push(at, 0, hole, Kind::Bytecode(vec![]))?;
                self.function(inner, table);
                Ok(())
            }
            kind if is_part(kind) => self.part(hole, table, Some(kind)),
            _ => self.item(hole).map(|_| ()),
        }
    }

    /// Code within byte code (`ReadBCLang`), whose parts may be shared.
    fn part(&mut self, hole: Hole, table: usize, kind: Option<i32>) -> Result<(), Halt> {
        let at = self.feed.position();
        let mut kind = match kind {
            Some(kind) => kind,
            None => self.feed.int("type of a part of code")?,
        };
        let mut number = None;
        if kind == code::REFERENCE {
            let number = self.feed.int("number of a part of code")?;
            let found = self.tables.get(table).and_then(|table| table.get(&number)).copied();
            let missing =
                || Halt::malformed(at, format!("a reference to part {number} of no code"));
            self.fill(hole, found.ok_or_else(missing)?);
            return Ok(());
        }
        if kind == code::DEFINITION {
            number = Some(self.feed.int("number of a part of code")?);
            kind = self.feed.int("type of a part of code")?;
        }
        if !is_part(kind) {
            return self.item(hole).map(|_| ());
        }
        let sort = match kind {
            code::LANGUAGE | code::LANGUAGE_WITH_ATTRIBUTES => Sort::Language,
            _ => Sort::List,
        };
        let made = Kind::Pair { sort, tag: NULL, car: NULL, cdr: NULL };
        let node = self.push(at, 0, hole, made)?;
        if let Some((number, table)) = number.zip(self.tables.get_mut(table)) {
            table.insert(number, node);
        }
        for place in [Place::Cdr, Place::Car] {
            self.tasks.push(Task::Part { hole: Hole { node, place }, table, kind: None });
        }
        self.expect(node, &[Place::Tag]);
        if matches!(kind, code::LANGUAGE_WITH_ATTRIBUTES | code::LIST_WITH_ATTRIBUTES) {
            self.expect(node, &[Place::Attributes]);
        }
        Ok(())
    }

    /// Bytes behind the object.
    pub(super) fn rest(&self) -> u64 {
        self.feed.remaining()
    }

    /// How many nodes were read.
    pub(super) fn count(&self) -> u64 {
        to_u64(self.tree.nodes.len().saturating_sub(super::tree::FIXED.len()))
    }
}

fn is_cell(kind: &Kind) -> bool {
    matches!(kind, Kind::Pair { sort: Sort::List | Sort::Language | Sort::Dots, .. })
}

/// Whether a type within byte code stands for cells.
fn is_part(kind: i32) -> bool {
    use code::{
        DEFINITION, LANGUAGE, LANGUAGE_WITH_ATTRIBUTES, LIST, LIST_WITH_ATTRIBUTES, REFERENCE,
    };
    matches!(
        kind,
        DEFINITION | LANGUAGE | LANGUAGE_WITH_ATTRIBUTES | LIST | LIST_WITH_ATTRIBUTES | REFERENCE
    )
}

/// The node of an item that stands for itself.
fn fixed(kind: i32) -> Id {
    match kind {
        252 => super::tree::UNBOUND,
        251 => 2,
        253 => 3,
        241 => 4,
        250 => 5,
        242 => 6,
        _ => NULL,
    }
}
