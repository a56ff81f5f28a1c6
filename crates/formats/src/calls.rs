//! Which graphs call which, and whether calls lead back to where they started: a runtime that
//! follows them runs out of stack (CVE-2021-29591).

use davy_bytes::to_usize;

/// Calls from one graph to another, by index.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    edges: Vec<(usize, usize)>,
}

impl Calls {
    /// Records that `from` calls `to`.
    pub(crate) fn add(&mut self, from: u64, to: u64) {
        let edge = (to_usize(from), to_usize(to));
        if self.edges.last() != Some(&edge) {
            self.edges.push(edge);
        }
    }

    /// A graph that calls itself, directly or through others, of `count` graphs.
    pub(crate) fn cycle(mut self, count: usize) -> Option<usize> {
        self.edges.sort_unstable();
        self.edges.dedup();
        // Graphs that nothing calls are taken away until none is left; what stays is in a cycle or
        // called from one.
        let mut callers = vec![0_usize; count];
        for (_, to) in &self.edges {
            if let Some(callers) = callers.get_mut(*to) {
                *callers = callers.saturating_add(1);
            }
        }
        let mut free: Vec<usize> =
            callers.iter().enumerate().filter(|(_, n)| **n == 0).map(|(index, _)| index).collect();
        while let Some(graph) = free.pop() {
            let first = self.edges.partition_point(|(from, _)| *from < graph);
            let mine = self.edges.iter().skip(first).take_while(|(from, _)| *from == graph);
            for (_, to) in mine {
                let Some(callers) = callers.get_mut(*to) else { continue };
                *callers = callers.saturating_sub(1);
                if *callers == 0 {
                    free.push(*to);
                }
            }
        }
        callers.iter().position(|callers| *callers > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(edges: &[(u64, u64)]) -> Option<usize> {
        let mut calls = Calls::default();
        edges.iter().for_each(|(from, to)| calls.add(*from, *to));
        calls.cycle(5)
    }

    #[test]
    fn cycles_are_told_from_graphs_that_are_called_twice() {
        assert_eq!(cycle(&[(0, 1), (0, 2), (1, 3), (2, 3)]), None);
        assert_eq!(cycle(&[(0, 1), (1, 2), (2, 1)]), Some(1));
        assert_eq!(cycle(&[(4, 4)]), Some(4));
        assert_eq!(cycle(&[(0, 99)]), None);
    }
}
