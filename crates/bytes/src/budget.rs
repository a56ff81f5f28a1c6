//! What a scan of one input may cost: spent by everything found in it, and never refilled.

use crate::Halt;

/// Where a [`Budget`] starts. Counts, not seconds, so that the same input gives the same result on
/// a slow machine as on a fast one.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Artifacts in one input; stops archives with millions of members.
    pub artifacts: u64,
    /// Levels of artifacts inside artifacts; stops quines.
    pub depth: u32,
    /// Bytes that decompression and decoding may produce; stops bombs. Those of slow decoders count
    /// several times.
    pub expansion: u64,
    /// What each byte of the input adds to that, and to steps and memory in proportion: honest models
    /// are packed to no less than a tenth, and what is large may take long.
    pub growth: u64,
    /// Unpacked bytes that may be held in memory: equal pieces once, and packed again where there are
    /// many.
    pub held: u64,
    /// Bytes that readers may hold in memory for one artifact; stops memo and container floods.
    pub memory: u64,
    /// Steps (opcodes, records, entries) that readers may take; stops what never ends.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifacts: 100_000,
            depth: 16,
            expansion: 1 << 30,
            growth: 32,
            held: 128 << 20,
            memory: 1 << 30,
            steps: 2_000_000_000,
        }
    }
}

/// Most that is held in memory of what was unpacked, however large the input.
const MOST_HELD: u64 = 4 << 30;

/// Artifacts in the smallest input, and bytes for each more: no member of an archive takes fewer.
const FEWEST_ARTIFACTS: u64 = 20_000;
const ARTIFACT_SIZE: u64 = 32;

/// Memory for the structure of the smallest input.
const LEAST_MEMORY: u64 = 192 << 20;

impl Limits {
    /// The limits of an input of `size` bytes, where these are the ones that every input has: a bomb is
    /// small, and what is large may ask for more.
    #[must_use]
    pub fn of_input(self, size: u64) -> Self {
        let growth = size.saturating_mul(self.growth);
        let artifacts = FEWEST_ARTIFACTS.saturating_add(size / ARTIFACT_SIZE);
        let held = self.held.saturating_add(growth / 8).min(MOST_HELD);
        Self {
            artifacts: self.artifacts.min(artifacts),
            depth: self.depth,
            expansion: self.expansion.saturating_add(growth),
            growth: 0,
            held: self.held.max(held),
            memory: self.memory.min(LEAST_MEMORY.saturating_add(growth)),
            steps: self.steps.saturating_add(growth),
        }
    }
}

/// What is left to spend.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Limits,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { left: limits }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Limits {
        self.left
    }

    /// Spends `count` steps.
    ///
    /// # Errors
    /// [`Halt::exhausted`] at `at` when fewer are left; what is left is then gone.
    #[inline]
    pub fn spend_steps(&mut self, count: u64, at: u64) -> Result<(), Halt> {
        match self.left.steps.checked_sub(count) {
            Some(left) => {
                self.left.steps = left;
                Ok(())
            }
            None => {
                self.left.steps = 0;
                Err(Halt::exhausted(at, "the limit on steps"))
            }
        }
    }

    /// Spends `count` bytes of decompressed or decoded output.
    ///
    /// # Errors
    /// [`Halt::exhausted`] at `at` when fewer are left; nothing is then spent, so that a smaller
    /// member may still be unpacked.
    pub fn spend_expansion(&mut self, count: u64, at: u64) -> Result<(), Halt> {
        match self.left.expansion.checked_sub(count) {
            Some(left) => {
                self.left.expansion = left;
                Ok(())
            }
            None => Err(Halt::exhausted(at, "the limit on unpacked bytes")),
        }
    }

    /// Spends `count` bytes of memory for what was unpacked.
    ///
    /// # Errors
    /// [`Halt::exhausted`] at `at` when fewer are left; what is left is then gone.
    pub fn spend_held(&mut self, count: u64, at: u64) -> Result<(), Halt> {
        match self.left.held.checked_sub(count) {
            Some(left) => {
                self.left.held = left;
                Ok(())
            }
            None => {
                self.left.held = 0;
                Err(Halt::exhausted(at, "the limit on unpacked bytes in memory"))
            }
        }
    }

    /// Takes one artifact from the budget, or tells that there is none.
    pub fn take_artifact(&mut self) -> bool {
        match self.left.artifacts.checked_sub(1) {
            Some(left) => {
                self.left.artifacts = left;
                true
            }
            None => false,
        }
    }

    /// Takes off what a copy of this budget has spent since it was cloned from it: how artifacts
    /// that are read side by side share one budget, whatever their order.
    pub fn settle(&mut self, before: &Limits, after: &Budget) {
        let spent = |before: u64, after: u64| before.saturating_sub(after);
        let left = &mut self.left;
        left.artifacts =
            left.artifacts.saturating_sub(spent(before.artifacts, after.left.artifacts));
        left.expansion =
            left.expansion.saturating_sub(spent(before.expansion, after.left.expansion));
        left.held = left.held.saturating_sub(spent(before.held, after.left.held));
        left.steps = left.steps.saturating_sub(spent(before.steps, after.left.steps));
    }
}
