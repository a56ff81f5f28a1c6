//! The nodes of a graph and its functions, a few bytes each: what they run, and on what.
//!
//! Names are not kept, since a graph may have millions of nodes: a hash stands for each.

use super::Place;
use super::check::{self, Arity};
use super::steps;
use super::told::{self, Class};
use crate::key::{AsIs, hasher};
use crate::tally::Tally;
use davy_artifact::{Quirk, Reading, Route, Site};
use davy_bytes::{Span, to_u64, to_usize};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Inputs that are followed; more leave it open how the nodes hang together.
const LINKS: usize = 1 << 26;
/// Breaks of one kind that are told one by one.
const FAULTS: usize = 16;

/// Stands for the output of an input that only says what must run before.
pub(super) const CONTROL: u32 = u32::MAX;

/// What a name in a graph or function stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Named {
    /// An argument of the function, by number.
    Argument(u32),
    /// A node, counted from 0.
    Node(u32),
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) span: Span,
    /// The graph or function that it is in.
    pub(super) scope: u32,
    /// What it runs, counted from 0.
    pub(super) op: u32,
    /// Where its inputs start in the list of all.
    links: u32,
}

impl Seen {
    /// A place that is no node of the file's.
    pub(super) fn of(span: Span) -> Self {
        Self { span, scope: 0, op: u32::MAX, links: 0 }
    }
}

/// An input of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Stands for the name of the node or argument.
    pub(super) name: u64,
    /// Which of its outputs, or [`CONTROL`].
    pub(super) output: u32,
    /// What the name stands for, once all nodes are known.
    to: u32,
}

/// Stands for a name that is not looked up yet, or that nothing has.
const UNKNOWN: u32 = u32::MAX;
/// Set where a name stands for an argument.
const ARGUMENT: u32 = 1 << 31;
/// The first number that an argument cannot have beside it.
const LAST: u32 = 0x7fff_ffff;

impl Link {
    pub(super) fn new(name: u64, output: u32) -> Self {
        Self { name, output, to: UNKNOWN }
    }
}

/// An operator, and how many nodes run it.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) name: String,
    pub(super) class: Class,
    /// The function of the library that has this name.
    pub(super) function: Option<usize>,
    /// How many inputs and outputs it has, where that is known.
    pub(super) arity: Option<Arity>,
    count: u64,
    first: Site,
}

/// All nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    all: Vec<Seen>,
    links: Vec<Link>,
    by_name: HashMap<u64, Named, BuildHasherDefault<AsIs>>,
    ops: Vec<Op>,
    by_op: HashMap<String, u32>,
    /// Nodes whose name stands for something else already.
    twice: Vec<Span>,
    /// The first node of which some inputs were left out.
    pub(super) cut: Option<Span>,
}

impl Nodes {
    /// Stands for a name in a graph or function: nobody can make two names that it stands for.
    pub(super) fn hash(scope: usize, name: &[u8]) -> u64 {
        let mut hasher = hasher();
        hasher.write_usize(scope);
        hasher.write(name);
        hasher.finish()
    }

    /// Makes an argument of a function known.
    pub(super) fn argument(&mut self, scope: usize, name: &[u8], number: usize) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.by_name.entry(Self::hash(scope, name)).or_insert(Named::Argument(number));
    }

    /// Takes an input of the node that is added next.
    pub(super) fn link(&mut self, name: u64, output: u32, node: Span) {
        if self.links.len() < LINKS {
            self.links.push(Link::new(name, output));
        } else {
            self.cut.get_or_insert(node);
        }
    }

    /// The number of an operator, which a node runs.
    pub(super) fn op(
        &mut self,
        name: &str,
        function: impl FnOnce() -> Option<usize>,
        site: impl FnOnce() -> Site,
    ) -> u32 {
        if let Some(known) = self.by_op.get(name) {
            if let Some(op) = self.ops.get_mut(to_usize(u64::from(*known))) {
                op.count = op.count.saturating_add(1);
            }
            return *known;
        }
        let number = u32::try_from(self.ops.len()).unwrap_or(u32::MAX);
        let function = function();
        let class = if function.is_some() { Class::Call } else { told::class(name) };
        self.by_op.insert(name.to_owned(), number);
        let arity = if function.is_some() { None } else { check::arity(name) };
        self.ops.push(Op {
            name: name.to_owned(),
            class,
            function,
            arity,
            count: 1,
            first: site(),
        });
        number
    }

    /// Adds a node, whose inputs were taken before.
    pub(super) fn add(&mut self, name: u64, scope: usize, op: u32, links: usize, span: Span) {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let number = small(self.all.len());
        self.all.push(Seen { span, scope: small(scope), op, links: small(links) });
        if *self.by_name.entry(name).or_insert(Named::Node(number)) != Named::Node(number) {
            self.twice.push(span);
        }
    }

    /// What has the name that a hash stands for.
    pub(super) fn find(&self, name: u64) -> Option<Named> {
        self.by_name.get(&name).copied()
    }

    /// Looks up what inputs stand for, each once: a graph of millions of nodes does not fit into the
    /// caches of any machine.
    pub(super) fn resolve(&mut self) {
        for link in &mut self.links {
            link.to = match self.by_name.get(&link.name) {
                Some(Named::Argument(number)) if *number < LAST => *number | ARGUMENT,
                Some(Named::Node(number)) if *number < ARGUMENT => *number,
                _ => UNKNOWN,
            };
        }
    }

    /// What an input of a node is.
    pub(super) fn target(&self, link: &Link) -> Option<Named> {
        match link.to {
            UNKNOWN => self.find(link.name),
            to if to & ARGUMENT != 0 => Some(Named::Argument(to & !ARGUMENT)),
            to => Some(Named::Node(to)),
        }
    }

    /// A node.
    pub(super) fn get(&self, number: u32) -> Option<&Seen> {
        self.all.get(to_usize(u64::from(number)))
    }

    /// All nodes, in the order in which they were added.
    pub(super) fn all(&self) -> &[Seen] {
        &self.all
    }

    /// The inputs of a node.
    pub(super) fn links_of(&self, number: u32) -> &[Link] {
        let start = |number: u32| self.get(number).map(|node| to_usize(u64::from(node.links)));
        let end = start(number.saturating_add(1)).unwrap_or(self.links.len());
        start(number).and_then(|start| self.links.get(start..end)).unwrap_or_default()
    }

    /// Stands for the name of what a node keeps a value in.
    pub(super) fn held(&self, number: u32) -> Option<u64> {
        let op = self.op_of(self.get(number)?.op)?;
        let (at, _) = steps::keeps(&op.name)?;
        let mut links = self.links_of(number).iter().filter(|link| link.output != CONTROL);
        links.nth(at).map(|link| link.name)
    }

    /// How many inputs there are.
    pub(super) fn links(&self) -> usize {
        self.links.len()
    }

    /// An operator.
    pub(super) fn op_of(&self, number: u32) -> Option<&Op> {
        self.ops.get(to_usize(u64::from(number)))
    }

    /// All operators.
    pub(super) fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Bytes of memory that all of it takes, about.
    pub(super) fn memory(&self) -> u64 {
        let nodes = to_u64(self.all.len()).saturating_mul(80);
        nodes.saturating_add(to_u64(self.links.len()).saturating_mul(32))
    }

    /// Counts the operators whose nodes are not told one by one.
    pub(super) fn count(&self, tally: &mut Tally) {
        for op in self.ops.iter().filter(|op| op.class != Class::Told) {
            tally.add(&op.name, op.count, &op.first);
        }
    }

    /// Records names that stand twice in a graph or function, and inputs that are nowhere: the
    /// runtime refuses the former, and old versions crash on the latter (CVE-2020-26266).
    pub(super) fn check(
        &self,
        scope: impl Fn(usize) -> String,
        place: Place<'_>,
        reading: &mut Reading,
    ) {
        let what = "a node with a name that another one has";
        for span in self.twice.iter().take(FAULTS) {
            reading.deviation(Quirk::Repeated, place.span(*span), Route::None, what);
        }
        let nowhere = (0_u32..).zip(&self.all).filter(|(number, _)| {
            self.links_of(*number).iter().any(|link| self.target(link).is_none())
        });
        for (_, node) in nowhere.take(FAULTS) {
            let what = "a node with an input that no node of its graph or function has";
            let route = Route::Node(scope(to_usize(u64::from(node.scope))));
            reading.deviation(Quirk::Missing, place.span(node.span), route, what);
        }
    }
}
