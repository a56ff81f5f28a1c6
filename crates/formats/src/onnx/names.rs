//! Names of values, in the graphs that know them.

pub(super) use crate::graph::ABSENT;
use crate::graph::{Graph, ValueId};
use crate::key::AsIs;
pub(super) use crate::key::key;
use davy_bytes::{Halt, Span};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// What is known about a named value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// Where the name stands first.
    at: u64,
    len: u32,
    /// The graph that knows it.
    pub(super) home: u32,
    /// The node of the same graph that makes it.
    pub(super) producer: Option<u32>,
    /// Whether a node, an initializer or an input makes it.
    pub(super) is_defined: bool,
}

impl Named {
    /// Where the name stands first.
    pub(super) fn span(&self) -> Span {
        Span::new(self.at, u64::from(self.len))
    }
}

/// The names that are known at one place, and all values.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: HashMap<u128, ValueId, BuildHasherDefault<AsIs>>,
    /// By value.
    all: Vec<Named>,
    /// Names of the graphs that are open, with what they stood for before.
    undo: Vec<(u128, Option<ValueId>)>,
}

/// Where names stand that are being looked up or defined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mention {
    /// Stands for the name.
    pub(super) key: u128,
    /// Where it stands.
    pub(super) span: Span,
    /// The graph that it stands in.
    pub(super) home: u32,
}

impl Names {
    /// A value without a name.
    pub(super) fn anonymous(&mut self, home: u32, graph: &mut Graph) -> Result<ValueId, Halt> {
        self.add(Span::default(), home, graph)
    }

    fn add(&mut self, span: Span, home: u32, graph: &mut Graph) -> Result<ValueId, Halt> {
        let id = graph.value().ok_or_else(|| Halt::exhausted(span.start, "the limit on values"))?;
        let len = u32::try_from(span.len).unwrap_or(u32::MAX);
        let named = Named { at: span.start, len, home, producer: None, is_defined: false };
        self.all.push(named);
        Ok(id)
    }

    /// The value that a name stands for; a new one where none is known yet.
    pub(super) fn mention(&mut self, it: Mention, graph: &mut Graph) -> Result<ValueId, Halt> {
        match self.ids.get(&it.key) {
            Some(id) => Ok(*id),
            None => self.introduce(it, graph),
        }
    }

    fn introduce(&mut self, it: Mention, graph: &mut Graph) -> Result<ValueId, Halt> {
        let id = self.add(it.span, it.home, graph)?;
        self.undo.push((it.key, self.ids.insert(it.key, id)));
        Ok(id)
    }

    /// The value that a name stands for from here on in its graph, and whether something else in
    /// the same graph makes a value of this name as well.
    pub(super) fn define(
        &mut self,
        it: Mention,
        producer: Option<u32>,
        graph: &mut Graph,
    ) -> Result<(ValueId, bool), Halt> {
        let known = self.ids.get(&it.key).copied();
        let own = known.filter(|id| self.named(*id).is_some_and(|named| named.home == it.home));
        let id = match own {
            Some(id) => id,
            None => self.introduce(it, graph)?,
        };
        let mut twice = false;
        if let Some(named) = self.all.get_mut(davy_bytes::to_usize(u64::from(id))) {
            twice = named.is_defined;
            named.is_defined = true;
            named.producer = named.producer.or(producer);
        }
        Ok((id, twice))
    }

    /// What is known about a value.
    pub(super) fn named(&self, id: ValueId) -> Option<&Named> {
        self.all.get(davy_bytes::to_usize(u64::from(id)))
    }

    /// The names from here on are those of a graph inside.
    pub(super) fn enter(&self) -> usize {
        self.undo.len()
    }

    /// Forgets the names of a graph that was entered when there were `mark`.
    pub(super) fn leave(&mut self, mark: usize) {
        if mark == 0 {
            self.ids.clear();
            self.undo.clear();
        }
        while self.undo.len() > mark {
            let Some((key, before)) = self.undo.pop() else { break };
            match before {
                Some(id) => drop(self.ids.insert(key, id)),
                None => drop(self.ids.remove(&key)),
            }
        }
    }

    /// How many bytes of memory it takes, about.
    pub(super) fn memory(&self) -> u64 {
        davy_bytes::to_u64(self.all.len()).saturating_mul(144)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn it(name: &str, home: u32) -> Mention {
        Mention { key: key(name.as_bytes()), span: Span::default(), home }
    }

    #[test]
    fn inner_graphs_see_outer_names_and_hide_them() {
        let (mut names, mut graph) = (Names::default(), Graph::default());
        let (outer, twice) = names.define(it("x", 0), None, &mut graph).unwrap();
        assert!(!twice);
        let mark = names.enter();
        assert_eq!(names.mention(it("x", 1), &mut graph).unwrap(), outer);
        let (inner, twice) = names.define(it("x", 1), Some(7), &mut graph).unwrap();
        assert!(inner != outer && !twice);
        assert!(names.define(it("x", 1), None, &mut graph).unwrap().1);
        let lost = names.mention(it("y", 1), &mut graph).unwrap();
        assert!(!names.named(lost).unwrap().is_defined);
        names.leave(mark);
        assert_eq!(names.mention(it("x", 0), &mut graph).unwrap(), outer);
        assert_ne!(names.mention(it("y", 0), &mut graph).unwrap(), lost);
    }
}
