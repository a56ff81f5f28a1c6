//! How many values a structure stands for once it is walked: shared containers count every time.

use super::heap::{Heap, Node, V};
use davy_bytes::to_usize;

/// Structures heavier than this are not meant to be walked: at ten million values a second, a
/// `repr`, a comparison or a deep copy takes tens of seconds, and what it makes fills the memory.
pub(super) const TOO_HEAVY: u64 = 1 << 28;

/// The number of values that `value` stands for, saturating. Cycles count once.
///
/// Visits every container once, children first, with a stack of its own.
pub(super) fn weight(heap: &Heap, value: V) -> u64 {
    let Some(root) = value.index() else { return 1 };
    let mut weights = vec![0_u64; heap.nodes().len()];
    let slot = |at: u32| to_usize(u64::from(at));
    let mut stack = vec![(value, root, false)];
    while let Some((value, at, children_done)) = stack.pop() {
        if children_done {
            let mut sum = 1_u64;
            visit(heap, value, &mut |child| {
                let weight = child.index().and_then(|child| weights.get(slot(child)).copied());
                sum = sum.saturating_add(weight.unwrap_or(1).max(1));
            });
            if let Some(weight) = weights.get_mut(slot(at)) {
                *weight = sum;
            }
        } else if weights.get(slot(at)) == Some(&0) {
            if let Some(weight) = weights.get_mut(slot(at)) {
                *weight = 1;
            }
            stack.push((value, at, true));
            visit(heap, value, &mut |child| {
                let unseen = |at: &u32| weights.get(slot(*at)) == Some(&0);
                if let V::Box(at) | V::Node(at) = child
                    && unseen(&at)
                {
                    stack.push((child, at, false));
                }
            });
        }
    }
    weights.get(slot(root)).copied().unwrap_or(1)
}

/// Shows everything that is walked with `value`: its items, and for an object the arguments that it
/// was made from and what was put into it.
fn visit(heap: &Heap, value: V, each: &mut dyn FnMut(V)) {
    let items = match heap.node(value) {
        Some(Node::Tuple { .. } | Node::List(_) | Node::Set(_)) => heap.sequence(value),
        Some(Node::Dict(_)) => heap.pairs(value),
        Some(Node::Call(at)) => {
            heap.call(at).into_iter().for_each(|call| each(call.args));
            heap.pairs(value)
        }
        _ => None,
    };
    items.unwrap_or_default().iter().for_each(|item| each(*item));
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
