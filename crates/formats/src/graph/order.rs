//! Nodes in an order in which each stands behind those that make what it works on.

use super::{Class, Graph, NodeId, ValueId};
use davy_bytes::to_usize;

/// Who makes each value, who works on it, and the order of nodes.
#[derive(Debug)]
pub(super) struct Order {
    /// The nodes that can be put in order; those that wait for each other are left out.
    pub(super) nodes: Vec<NodeId>,
    /// By value, the node that makes it.
    producers: Vec<Option<NodeId>>,
    /// By value, where its users start in `users`.
    starts: Vec<u32>,
    users: Vec<NodeId>,
}

impl Order {
    /// Puts the nodes of a graph in order.
    pub(super) fn of(graph: &Graph) -> Self {
        let count = to_usize(u64::from(graph.values()));
        let mut order = Self {
            nodes: Vec::new(),
            producers: vec![None; count],
            starts: vec![0; count.saturating_add(1)],
            users: Vec::new(),
        };
        order.link(graph);
        order.sort(graph);
        order
    }

    /// The node that makes a value.
    pub(super) fn producer(&self, value: ValueId) -> Option<NodeId> {
        self.producers.get(to_usize(u64::from(value))).copied().flatten()
    }

    /// The nodes that work on a value.
    pub(super) fn users(&self, value: ValueId) -> &[NodeId] {
        let at = |value: usize| self.starts.get(value).map_or(0, |at| to_usize(u64::from(*at)));
        let value = to_usize(u64::from(value));
        self.users.get(at(value)..at(value.saturating_add(1))).unwrap_or_default()
    }

    fn link(&mut self, graph: &Graph) {
        let live = || (0_u32..).zip(graph.nodes()).filter(|(_, it)| it.class != Class::Replaced);
        for (id, node) in live() {
            for output in graph.outputs_of(node) {
                if let Some(slot) = self.producers.get_mut(to_usize(u64::from(*output))) {
                    slot.get_or_insert(id);
                }
            }
            for input in graph.inputs_of(node) {
                let behind = to_usize(u64::from(*input)).saturating_add(1);
                if let Some(count) = self.starts.get_mut(behind) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let mut total = 0_u32;
        for start in &mut self.starts {
            total = total.saturating_add(*start);
            *start = total;
        }
        let mut next = self.starts.clone();
        self.users = vec![0; to_usize(u64::from(total))];
        for (id, node) in live() {
            for input in graph.inputs_of(node) {
                let Some(at) = next.get_mut(to_usize(u64::from(*input))) else { continue };
                if let Some(slot) = self.users.get_mut(to_usize(u64::from(*at))) {
                    *slot = id;
                }
                *at = at.saturating_add(1);
            }
        }
    }

    fn sort(&mut self, graph: &Graph) {
        let mut waits: Vec<u32> = Vec::with_capacity(graph.nodes().len());
        let mut ready: Vec<NodeId> = Vec::new();
        for (id, node) in (0_u32..).zip(graph.nodes()) {
            let made = graph.inputs_of(node).iter().filter(|it| self.producer(**it).is_some());
            let count = u32::try_from(made.count()).unwrap_or(u32::MAX);
            waits.push(count);
            if count == 0 && node.class != Class::Replaced {
                ready.push(id);
            }
        }
        // First come, first served keeps the order of the file where that is one.
        ready.reverse();
        while let Some(id) = ready.pop() {
            self.nodes.push(id);
            let Some(node) = graph.get(id) else { continue };
            for output in graph.outputs_of(node) {
                if self.producer(*output) != Some(id) {
                    continue;
                }
                for user in self.users(*output) {
                    let Some(left) = waits.get_mut(to_usize(u64::from(*user))) else { continue };
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        ready.push(*user);
                    }
                }
            }
        }
    }
}
