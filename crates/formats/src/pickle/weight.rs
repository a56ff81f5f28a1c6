//! How many values a structure stands for once it is walked: shared containers count every time.

use super::heap::{Heap, Node, V};
use davy_bytes::to_usize;

/// Structures heavier than this are not meant to be walked: at ten million values a second, a
/// `repr`, a comparison or a deep copy takes tens of seconds, and what it makes fills the memory.
pub(super) const TOO_HEAVY: u64 = 1 << 28;

/// The number of values that `value` stands for, saturating. Cycles count once.
///
/// Visits every node once, children first, with a stack of its own.
pub(super) fn weight(heap: &Heap, value: V) -> u64 {
    let V::Node(root) = value else { return 1 };
    let mut weights = vec![0_u64; heap.nodes().len()];
    let mut stack = vec![(root, false)];
    while let Some((node, children_done)) = stack.pop() {
        let Some(slot) = weights.get_mut(to_usize(u64::from(node))) else { continue };
        let items = children(heap, V::Node(node));
        if children_done {
            let sum = items.iter().fold(1_u64, |sum, item| {
                let weight = match item {
                    V::Node(at) => weights.get(to_usize(u64::from(*at))).copied().unwrap_or(1),
                    _ => 1,
                };
                sum.saturating_add(weight.max(1))
            });
            if let Some(slot) = weights.get_mut(to_usize(u64::from(node))) {
                *slot = sum;
            }
        } else if *slot == 0 {
            *slot = 1;
            stack.push((node, true));
            stack.extend(items.iter().filter_map(|item| match item {
                V::Node(at) => Some((*at, false)),
                _ => None,
            }));
        }
    }
    weights.get(to_usize(u64::from(root))).copied().unwrap_or(1)
}

/// What is walked with `value`: its items, and for an object the arguments that it was made from and
/// what was put into it.
fn children(heap: &Heap, value: V) -> Vec<V> {
    match heap.node(value) {
        Some(Node::Tuple { .. } | Node::List(_) | Node::Set(_)) => {
            heap.sequence(value).unwrap_or_default().to_vec()
        }
        Some(Node::Dict(_)) => heap.pairs(value).unwrap_or_default().to_vec(),
        Some(Node::Call(at)) => {
            let args = heap.call(at).map(|call| call.args);
            args.into_iter().chain(heap.pairs(value).unwrap_or_default().iter().copied()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_bytes::Bytes;

    #[test]
    fn doubling_thirty_times_weighs_a_billion() {
        let mut heap = Heap::new(Bytes::from_memory(vec![]));
        let mut value = heap.tuple(&[V::None]);
        for _ in 0..30 {
            value = heap.tuple(&[value, value]);
        }
        assert!(weight(&heap, value) > 1 << 30);
        let flat = heap.tuple(&[V::None; 100]);
        assert_eq!(weight(&heap, flat), 101);
    }
}
