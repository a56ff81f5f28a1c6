//! `oracle`: what davy reads, against what the real libraries do with the same bytes.
//!
//! Each oracle is a Python script that makes files and says what the library saw in each; davy
//! reads the same files in this process. A file is known by seed and index, and is always the same.

mod pickle;
mod process;
mod reduce;
mod run;

use crate::Outcome;
use crate::args::Args;
use std::collections::BTreeSet;

/// What one comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What the library saw and davy did not list; a failure.
    pub missing: BTreeSet<String>,
    /// How many things the library saw.
    pub seen: u64,
    /// How many things davy lists that the library did not see, which is no failure.
    pub unseen: u64,
    /// Whether davy would have taken the bytes for something else.
    pub unrecognised: bool,
}

/// A library to compare davy with.
pub trait Oracle: Sync {
    /// The name of its script in `xtask/oracle`, without extension.
    fn script(&self) -> &'static str;

    /// Compares what the library answered about `bytes` with what davy reads.
    ///
    /// # Errors
    /// A sentence where the answer cannot be understood.
    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String>;
}

/// `oracle pickle`.
pub fn pickle(args: &mut Args) -> Outcome {
    run::run(&pickle::Pickles, args)
}
