//! The memo: what PUT, BINPUT and MEMOIZE keep and GET brings back.

use super::heap::V;
use davy_bytes::{to_u64, to_usize};
use std::collections::HashMap;

/// Indices up to this far beyond the last one are kept in a dense array.
const SLACK: u64 = 1024;

/// A memo that stays as small as its entries, whatever their indices.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    dense: Vec<V>,
    sparse: HashMap<u64, V>,
    entries: u64,
}

impl Memo {
    /// Number of entries, which is the index that MEMOIZE uses next.
    pub(super) fn len(&self) -> u64 {
        self.entries
    }

    /// Bytes of memory, nearly.
    pub(super) fn size(&self) -> u64 {
        let sparse = to_u64(self.sparse.len()).saturating_mul(48);
        to_u64(self.dense.len()).saturating_mul(8).saturating_add(sparse)
    }

    #[inline]
    pub(super) fn put(&mut self, at: u64, value: V) {
        if at < to_u64(self.dense.len()).saturating_add(SLACK) {
            let slot = to_usize(at);
            if slot >= self.dense.len() {
                self.dense.resize(slot.saturating_add(1), V::Absent);
            }
            if let Some(entry) = self.dense.get_mut(slot) {
                let fresh = *entry == V::Absent
                    && (self.sparse.is_empty() || !self.sparse.contains_key(&at));
                if fresh {
                    self.entries = self.entries.saturating_add(1);
                }
                *entry = value;
            }
        } else if self.sparse.insert(at, value).is_none() {
            self.entries = self.entries.saturating_add(1);
        }
    }

    #[inline]
    pub(super) fn fetch(&self, at: u64) -> Option<V> {
        match self.dense.get(to_usize(at)) {
            Some(V::Absent) | None => self.sparse.get(&at).copied(),
            Some(value) => Some(*value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_and_out_of_order_indices_cost_one_entry_each() {
        let mut memo = Memo::default();
        memo.put(u64::MAX, V::Int(1));
        memo.put(3, V::Int(2));
        memo.put(1 << 31, V::Int(3));
        memo.put(3, V::Int(4));
        assert_eq!(memo.len(), 3);
        assert_eq!(memo.fetch(3), Some(V::Int(4)));
        assert_eq!(memo.fetch(u64::MAX), Some(V::Int(1)));
        assert_eq!(memo.fetch(2), None);
        assert!(memo.dense.len() < 10);
    }
}
