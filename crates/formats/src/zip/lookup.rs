//! Which of several members of one name a reader opens.

use super::entry::Entry;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Entries as Python's `zipfile` finds them: the last of each name, names cut at a NUL.
#[derive(Debug)]
pub struct Named<'a>(HashMap<&'a [u8], &'a Entry>);

impl<'a> Named<'a> {
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        Self(entries.iter().map(|entry| (until_nul(&entry.raw_name), entry)).collect())
    }

    /// The entry that `zipfile` opens under `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a Entry> {
        self.0.get(name.as_bytes()).copied()
    }
}

/// The entry that `zipfile` opens under `name`.
pub(super) fn last<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    entries.iter().rev().find(|entry| until_nul(&entry.raw_name) == name.as_bytes())
}

fn until_nul(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Entries in the order of miniz 3.0.2, which sorts a directory by name in any case of letters when
/// it opens an archive and then searches by halving. Its heap sort does not keep the order of equal
/// names, so that which of them is found depends on everything else in the directory: the same sort
/// and the same search are done here.
#[derive(Debug)]
pub struct Sorted<'a> {
    entries: &'a [Entry],
    order: Vec<usize>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        let mut sorted = Self { entries, order: (0..entries.len()).collect() };
        let size = entries.len();
        for root in (0..size / 2).rev() {
            sorted.sink(root, size);
        }
        for end in (1..size).rev() {
            sorted.order.swap(0, end);
            sorted.sink(0, end);
        }
        sorted
    }

    fn name(&self, rank: usize) -> &[u8] {
        let entry = self.order.get(rank).and_then(|index| self.entries.get(*index));
        entry.map(|entry| entry.raw_name.as_slice()).unwrap_or_default()
    }

    /// Moves the name at `root` down the heap of the first `size` names.
    fn sink(&mut self, mut root: usize, size: usize) {
        loop {
            let mut child = root.saturating_mul(2).saturating_add(1);
            if child >= size {
                return;
            }
            let next = child.saturating_add(1);
            if next < size && compare(self.name(child), self.name(next)).is_lt() {
                child = next;
            }
            if !compare(self.name(root), self.name(child)).is_lt() {
                return;
            }
            self.order.swap(root, child);
            root = child;
        }
    }

    /// The entry that miniz opens under `name`, in any case of letters: the one of several that its
    /// search meets first.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a Entry> {
        let name = name.as_bytes();
        let (mut low, mut high) = (0_usize, self.order.len());
        while low < high {
            // The middle of `low..=high - 1`, rounded down, as miniz takes it.
            let middle = low.saturating_add(high.saturating_sub(1).saturating_sub(low) / 2);
            match compare(self.name(middle), name) {
                Ordering::Equal => return self.entries.get(*self.order.get(middle)?),
                Ordering::Less => low = middle.saturating_add(1),
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// miniz's order: ASCII letters in lower case, then the shorter name first.
fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    left.iter().map(lower).cmp(right.iter().map(lower))
}
