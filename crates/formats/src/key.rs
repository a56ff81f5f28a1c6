//! Stands for names by hashes that nobody can aim at.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// A hasher with a secret that is drawn anew in each run.
pub(crate) fn hasher() -> impl Hasher {
    static SECRET: OnceLock<RandomState> = OnceLock::new();
    SECRET.get_or_init(RandomState::new).build_hasher()
}

/// Stands for a name: a hash of 128 bits, so that the names of a million nodes need not be kept.
/// Who writes a model cannot find two names with the same one.
pub(crate) fn key(name: &[u8]) -> u128 {
    key_of(&|hasher| hasher.write(name))
}

/// As [`key`], of whatever `feed` hands to the hasher.
pub(crate) fn key_of(feed: &dyn Fn(&mut dyn Hasher)) -> u128 {
    let half = |salt: u8| {
        let mut hasher = hasher();
        hasher.write_u8(salt);
        feed(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1).wrapping_shl(64) | half(2)
}

/// For tables whose keys are hashes already, of a function that nobody outside knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write_u128(&mut self, key: u128) {
        let [a, b, c, d, e, f, g, h, ..] = key.to_le_bytes();
        self.0 = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    }
}
