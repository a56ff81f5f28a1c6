//! Putting things behind what they wait for, and finding those that wait for each other.

use davy_bytes::{to_u64, to_usize};

/// Things, known by number, in an order in which each stands behind those that it waits for.
#[derive(Debug)]
pub(crate) struct Order {
    /// Those that wait for nothing that is not before them.
    pub(crate) done: Vec<u32>,
    /// For how many each of them waits still.
    waits: Vec<u32>,
}

impl Order {
    /// The order of so many things; of each edge the second waits for the first. Time and memory are
    /// in proportion to their number. Edges to and from what there is not are passed over.
    pub(crate) fn new(count: usize, edges: &[(u32, u32)]) -> Self {
        let count = count.min(to_usize(u64::from(u32::MAX)));
        let known = |number: u32| to_usize(u64::from(number)) < count;
        let edges = || edges.iter().filter(|(from, to)| known(*from) && known(*to));
        // Who waits for each, one behind the other: first how many, then where they start.
        let mut starts = vec![0_u32; count.saturating_add(1)];
        let mut waits = vec![0_u32; count];
        for (from, to) in edges() {
            add(&mut starts, *from);
            add(&mut waits, *to);
        }
        let mut start = 0_u32;
        for slot in &mut starts {
            start = start.saturating_add(std::mem::replace(slot, start));
        }
        let mut behind = vec![0_u32; to_usize(u64::from(start))];
        let mut next = starts.clone();
        for (from, to) in edges() {
            let at = add(&mut next, *from);
            if let Some(slot) = behind.get_mut(to_usize(u64::from(at))) {
                *slot = *to;
            }
        }
        let numbers = (0_u32..).zip(&waits);
        let mut free: Vec<u32> =
            numbers.filter_map(|(number, waits)| (*waits == 0).then_some(number)).collect();
        let mut done = Vec::with_capacity(count);
        while let Some(number) = free.pop() {
            done.push(number);
            let place = |index: usize| starts.get(index).map(|at| to_usize(u64::from(*at)));
            let index = to_usize(u64::from(number));
            let span = place(index).zip(place(index.saturating_add(1)));
            let mine = span.and_then(|(from, to)| behind.get(from..to)).unwrap_or_default();
            for other in mine {
                let Some(waits) = waits.get_mut(to_usize(u64::from(*other))) else { continue };
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    free.push(*other);
                }
            }
        }
        Self { done, waits }
    }

    /// Whether this one waits for itself, or for one that does.
    pub(crate) fn is_left(&self, number: usize) -> bool {
        self.waits.get(number).is_some_and(|waits| *waits > 0)
    }

    /// The first that waits for itself or for one that does, and how many do.
    pub(crate) fn left(&self) -> Option<(usize, u64)> {
        let first = self.waits.iter().position(|waits| *waits > 0)?;
        Some((first, to_u64(self.waits.iter().filter(|waits| **waits > 0).count())))
    }
}

/// Adds one to a number, and returns what it was.
fn add(numbers: &mut [u32], index: u32) -> u32 {
    let Some(number) = numbers.get_mut(to_usize(u64::from(index))) else { return 0 };
    std::mem::replace(number, number.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_behind_what_it_waits_for() {
        let order = Order::new(4, &[(2, 0), (0, 1), (2, 1), (1, 3), (2, 0)]);
        assert_eq!((order.done.as_slice(), order.left()), ([2, 0, 1, 3].as_slice(), None));
    }

    #[test]
    fn those_that_wait_for_each_other_are_left() {
        let order = Order::new(5, &[(0, 1), (1, 2), (2, 1), (2, 3), (9, 4), (4, 9)]);
        assert_eq!(order.left(), Some((1, 3)));
        let left: Vec<usize> = (0..6).filter(|number| order.is_left(*number)).collect();
        assert_eq!(left, [1, 2, 3]);
        assert_eq!(Order::new(1, &[(0, 0)]).left(), Some((0, 1)));
    }
}
