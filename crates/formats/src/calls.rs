//! Which graphs call which: whether calls lead back to where they started, how deep they go, and how
//! many nodes they stand for. A runtime that follows them runs out of stack (CVE-2021-29591), and one
//! that puts each graph in the place of its calls runs out of memory.

use crate::order::Order;
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Span, to_usize};

/// Graphs that call each other one in the other, from which on that is told: honest models have a few
/// layers of them.
const DEEP: u64 = 256;
/// Nodes that a graph becomes when all calls are replaced by what they call, from which on that is
/// told.
const HUGE: u64 = 100_000_000;

/// Calls from one graph to another, by index.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    edges: Vec<Edge>,
}

/// A caller, what it calls, and how often.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Edge {
    from: u32,
    to: u32,
    count: u64,
}

/// What calls come to.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Extent {
    /// Graphs that call themselves, directly or through others, and those between them.
    pub(crate) cycles: Vec<usize>,
    /// Graphs in the longest chain of calls.
    depth: u64,
    /// Nodes of the largest graph when each call is replaced by what it calls.
    size: u64,
}

impl Calls {
    /// Records that `from` calls `to`.
    pub(crate) fn add(&mut self, from: u64, to: u64) {
        // No reader keeps so many graphs that one is left out here.
        let (Ok(from), Ok(to)) = (u32::try_from(from), u32::try_from(to)) else { return };
        match self.edges.last_mut().filter(|last| (last.from, last.to) == (from, to)) {
            Some(last) => last.count = last.count.saturating_add(1),
            None => self.edges.push(Edge { from, to, count: 1 }),
        }
    }

    /// What the calls come to among graphs of so many nodes each.
    pub(crate) fn extent(mut self, nodes: &[u64]) -> Extent {
        let known = |number: u32| to_usize(u64::from(number)) < nodes.len();
        self.edges.retain(|edge| known(edge.from) && known(edge.to));
        self.edges.sort_unstable();
        let calls: Vec<(u32, u32)> = self.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        let order = Order::new(nodes.len(), &calls);
        let mut depths = vec![1_u64; nodes.len()];
        let mut sizes = nodes.to_vec();
        for caller in order.done.iter().rev() {
            let index = to_usize(u64::from(*caller));
            for edge in leaving(&self.edges, *caller) {
                let to = to_usize(u64::from(edge.to));
                let deep = depths.get(to).map_or(1, |depth| depth.saturating_add(1));
                let large = sizes.get(to).map_or(0, |size| size.saturating_mul(edge.count));
                if let Some(depth) = depths.get_mut(index) {
                    *depth = deep.max(*depth);
                }
                if let Some(size) = sizes.get_mut(index) {
                    *size = size.saturating_add(large);
                }
            }
        }
        // What is left is in a cycle or called from one. The latter is taken away from its end.
        let back = calls.iter().filter(|(from, _)| order.is_left(to_usize(u64::from(*from))));
        let back: Vec<(u32, u32)> = back.map(|(from, to)| (*to, *from)).collect();
        let back = Order::new(nodes.len(), &back);
        let cycles = (0..nodes.len()).filter(|graph| back.is_left(*graph) && order.is_left(*graph));
        Extent {
            cycles: cycles.collect(),
            depth: depths.into_iter().max().unwrap_or_default(),
            size: sizes.into_iter().max().unwrap_or_default(),
        }
    }
}

impl Extent {
    /// Records calls that go too deep, or that stand for more than fits in memory.
    pub(crate) fn tell(&self, span: Span, reading: &mut Reading) {
        if self.depth > DEEP {
            let what = format!(
                "{} functions that call each other, each in the one before: a runtime that goes \
                 down with them runs out of stack",
                self.depth
            );
            reading.deviation(Quirk::Expansion, span, Route::None, &what);
        }
        if self.size > HUGE {
            let what =
                format!("a function that stands for {} nodes when calls are resolved", self.size);
            reading.deviation(Quirk::Expansion, span, Route::None, &what);
        }
    }
}

/// The calls of one graph among `edges`, which are sorted.
fn leaving(edges: &[Edge], graph: u32) -> impl Iterator<Item = &Edge> {
    let first = edges.partition_point(|edge| edge.from < graph);
    edges.iter().skip(first).take_while(move |edge| edge.from == graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(nodes: &[u64], edges: &[(u64, u64)]) -> Extent {
        let mut calls = Calls::default();
        edges.iter().for_each(|(from, to)| calls.add(*from, *to));
        calls.extent(nodes)
    }

    fn cycle(edges: &[(u64, u64)]) -> Option<usize> {
        extent(&[1; 5], edges).cycles.first().copied()
    }

    #[test]
    fn cycles_are_told_from_graphs_that_are_called_twice() {
        assert_eq!(cycle(&[(0, 1), (0, 2), (1, 3), (2, 3)]), None);
        assert_eq!(cycle(&[(0, 1), (1, 2), (2, 1), (2, 3)]), Some(1));
        assert_eq!(cycle(&[(4, 4)]), Some(4));
        assert_eq!(cycle(&[(0, 99)]), None);
    }

    #[test]
    fn calls_are_counted_by_what_they_stand_for() {
        // Twice one and once two, which calls one once.
        let all = extent(&[3, 10, 100], &[(0, 1), (0, 1), (0, 2), (2, 1)]);
        assert_eq!((all.depth, all.size), (3, 3 + 20 + 110));
        // Apart from each other they are the same.
        let apart = extent(&[3, 10, 100], &[(0, 1), (0, 2), (2, 1), (0, 1)]);
        assert_eq!(apart, all);
    }

    #[test]
    fn long_chains_and_doublings_are_told() {
        let told = |nodes: usize, edges: Vec<(u64, u64)>| {
            let mut reading = Reading::default();
            extent(&vec![1; nodes], &edges).tell(Span::default(), &mut reading);
            reading.deviations.len()
        };
        let chain = |len: u64| (0..len).map(|index| (index, index + 1)).collect();
        assert_eq!((told(300, chain(200)), told(300, chain(256))), (0, 1));
        let twice = |len: u64| (0..len).flat_map(|at| [(at, at + 1), (at, at + 1)]).collect();
        assert_eq!((told(60, twice(24)), told(60, twice(40))), (0, 1));
    }
}
