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
