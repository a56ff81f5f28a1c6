//! `oracle`: what davy reads, against what the real libraries do with the same bytes.
//!
//! Each oracle is a Python script that makes files and says what the library saw in each; davy
//! reads the same files in this process. A file is known by seed and index, and is always the same.

mod archives;
mod arrays;
mod backdoor;
mod bytecode;
mod calls;
mod hdf5;
mod keras;
mod lines;
mod onnx;
mod pickle;
mod process;
mod reduce;
mod run;
mod tensorflow;
mod tflite;
mod weights;
mod yaml;
mod zip;

pub use arrays::{joblib, msgpack, numpy};
pub use backdoor::backdoor;
pub use hdf5::hdf5;
pub use onnx::onnx;
pub use tensorflow::tensorflow;
pub use tflite::tflite;

use crate::Outcome;
use crate::args::Args;
use davy_artifact::{Probe, Reading};
use davy_formats::FORMATS;
use davy_testkit::robust;
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

/// `oracle calls`.
pub fn calls(args: &mut Args) -> Outcome {
    calls::run(args)
}

/// `oracle bytecode`.
pub fn bytecode(args: &mut Args) -> Outcome {
    bytecode::run(args)
}

/// `oracle gguf`.
pub fn gguf(args: &mut Args) -> Outcome {
    run::run(&weights::GGUF, args)
}

/// `oracle keras`.
pub fn keras(args: &mut Args) -> Outcome {
    keras::run(args)
}

/// `oracle pickle`.
pub fn pickle(args: &mut Args) -> Outcome {
    run::run(&pickle::Pickles, args)
}

/// `oracle safetensors`.
pub fn safetensors(args: &mut Args) -> Outcome {
    run::run(&weights::SAFETENSORS, args)
}

/// `oracle streams`.
pub fn streams(args: &mut Args) -> Outcome {
    run::run(&archives::Streams, args)
}

/// `oracle tar`.
pub fn tar(args: &mut Args) -> Outcome {
    run::run(&archives::Tars, args)
}

/// `oracle yaml`.
pub fn yaml(args: &mut Args) -> Outcome {
    run::run(&yaml::Yamls, args)
}

/// `oracle zip`.
pub fn zip(args: &mut Args) -> Outcome {
    run::run(&zip::Zips, args)
}

/// What the reader with the given id makes of `bytes`, and whether its probe refuses them.
fn read(id: &str, bytes: &[u8]) -> Result<(Reading, bool), String> {
    let found = FORMATS.iter().find(|format| format.id() == id);
    let format = found.ok_or_else(|| format!("there is no reader of `{id}`"))?;
    let outcome = robust::read(*format, "this file", bytes)?;
    let refused = robust::probe(*format, "this file", bytes) == Probe::No;
    Ok((outcome.reading, refused))
}
