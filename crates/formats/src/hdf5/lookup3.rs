//! The checksum of HDF5's metadata: Bob Jenkins' lookup3, `hashlittle` with an initial value of 0.

/// The checksum of `data`.
pub(super) fn checksum(data: &[u8]) -> u32 {
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let start = 0xdead_beef_u32.wrapping_add(len);
    let mut state = [start; 3];
    // The last block, of 1 to 12 bytes, is mixed in another way than those before it.
    let whole = data.len().saturating_sub(1) / 12;
    let (blocks, last) = data.split_at(whole.saturating_mul(12).min(data.len()));
    for block in blocks.chunks_exact(12) {
        absorb(&mut state, block);
        mix(&mut state);
    }
    if !last.is_empty() {
        absorb(&mut state, last);
        finish(&mut state);
    }
    let [_, _, c] = state;
    c
}

/// Adds up to twelve bytes to the state, as three little-endian words.
fn absorb(state: &mut [u32; 3], block: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(block.chunks(4)) {
        let value = bytes.iter().rev().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
        *word = word.wrapping_add(value);
    }
}

fn mix(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    // Six like steps, each with the roles of the words moved on by one: twice around.
    for turn in [4, 6, 8, 16, 19, 4] {
        a = a.wrapping_sub(c) ^ c.rotate_left(turn);
        c = c.wrapping_add(b);
        (a, b, c) = (b, c, a);
    }
    *state = [a, b, c];
}

fn finish(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    *state = [a, b, c];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_published_test() {
        assert_eq!(checksum(b""), 0xdead_beef);
        assert_eq!(checksum(b"Four score and seven years ago"), 0x1777_0551);
    }
}
