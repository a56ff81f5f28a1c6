//! The engine, and davy as a library: give it paths, get back what was found and what was not read.

//!
//! [`scan`] walks the paths that it is given and hands each file to the engine, on as many threads
//! as there are cores. For each file the engine keeps a list of work, which starts with the file
//! itself: an artifact is read as every format that it could be, and the artifacts found inside
//! join the list. A *survey* of all bytes (digest and checksums) runs beside it. Rules then see what
//! was read. Panics are fenced in and become gaps; results are the same whatever the number of
//! threads.

mod beside;
mod cores;
mod detect;
#[cfg(test)]
mod doubles;
mod engine;
mod fence;
mod fingerprint;
mod identify;
mod open;
mod place;
mod survey;
mod walk;
mod work;

use davy_artifact::Artifact;
use davy_bytes::{Bytes, Limits};
use davy_formats::FORMATS;
use davy_rules::{CATALOG, Finding};
use engine::Engine;
use std::path::PathBuf;

/// Scans files, and all files in folders.
///
/// Never fails as a whole: what cannot be opened is an input with an error, and all others are
/// scanned.
#[must_use]
pub fn scan(paths: &[PathBuf], options: &Options, progress: Option<&dyn Progress>) -> Scan {
    Engine::new(FORMATS, CATALOG, options).scan(paths, progress)
}

/// Scans bytes that are already at hand, as if they stood in a file at the path `name`.
#[must_use]
pub fn scan_bytes(name: &str, bytes: &Bytes, options: &Options) -> Scanned {
    Engine::new(FORMATS, CATALOG, options).input(name, bytes)
}

/// How to scan.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether to read every byte once, for digests and checksums; without it the report covers
    /// structure only.
    pub survey: bool,
    /// Threads; 0 means one per core.
    pub jobs: usize,
    /// What each input may cost.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { survey: true, jobs: 0, limits: Limits::default() }
    }
}

/// A finding with its stable fingerprint.
#[derive(Clone, Debug)]
pub struct Fingerprinted {
    /// The finding.
    pub finding: Finding,
    /// The same for the same finding in the same content, wherever it lies and whatever else
    /// surrounds it: 32 hexadecimal digits.
    pub fingerprint: String,
}

/// What came of one input: a file that was named, or one found in a folder that was named.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The path as it was given or found.
    pub path: String,
    /// The input itself and everything in it, parents before children.
    pub artifacts: Vec<Artifact>,
    /// What the rules found, in the order of artifacts and offsets.
    pub findings: Vec<Fingerprinted>,
    /// Why it could not be opened at all, in which case there is nothing else.
    pub error: Option<String>,
}

/// What came of a whole scan.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Every input, ordered by path within each path that was named.
    pub inputs: Vec<Scanned>,
    /// What was passed over while folders were walked, and why: `.git`, links out of the tree,
    /// sockets and pipes.
    pub passed_over: Vec<(String, String)>,
    /// Whether every byte was read.
    pub surveyed: bool,
}

/// Told about progress while a scan runs; called from several threads.
pub trait Progress: Sync {
    /// `count` more inputs are known.
    fn found(&self, count: u64, bytes: u64);
    /// `bytes` more of some input have been surveyed; it is not done yet.
    fn read(&self, bytes: u64) {
        let _ = bytes;
    }
    /// One input is done, and with it `bytes` that [`Progress::read`] was not told about.
    fn done(&self, path: &str, bytes: u64);
}
