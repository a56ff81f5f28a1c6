//! What is measured, and what is promised.

use crate::codecs::codecs;
use crate::graphs;
use crate::inputs::{self, OPCODES};
use crate::measure::{command, davy, median, medians, peak, succeed};
use crate::{Outcome, Place, corpus, peers, weights};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A promise.
#[derive(Clone, Copy)]
pub enum Target {
    /// At least this much.
    Least(f64),
    /// At most this much.
    Most(f64),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Least(limit) => write!(f, "≥ {limit}"),
            Self::Most(limit) => write!(f, "≤ {limit}"),
        }
    }
}

/// One line of the table.
pub struct Line {
    /// What was measured.
    pub what: String,
    /// How much it is.
    pub measured: f64,
    /// In which unit.
    pub unit: &'static str,
    /// What is promised, if anything is.
    pub target: Option<Target>,
    /// The numbers behind it.
    pub detail: String,
}

impl Line {
    /// Whether the promise is kept.
    pub fn holds(&self) -> bool {
        match self.target {
            Some(Target::Least(limit)) => self.measured >= limit,
            Some(Target::Most(limit)) => self.measured <= limit,
            None => true,
        }
    }
}

/// One kind of measurement.
pub struct Case {
    /// The name for `--only`.
    pub name: &'static str,
    /// Measures.
    pub run: fn(&Place) -> Outcome<Vec<Line>>,
}

/// Everything that is measured.
pub const CASES: &[Case] = &[
    Case { name: "start", run: start },
    Case { name: "folder", run: folder },
    Case { name: "dense", run: dense },
    Case { name: "structure", run: structure },
    Case { name: "survey", run: survey },
    Case { name: "corpus", run: corpus::corpus },
    Case { name: "graphs", run: graphs },
    Case { name: "weights", run: weights },
    Case { name: "codecs", run: codecs },
];

const MEBIBYTE: f64 = 1_048_576.0;

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub fn ratio(what: &str, target: Target, (one, other): (Duration, Duration)) -> Line {
    Line {
        what: what.to_owned(),
        measured: one.as_secs_f64() / other.as_secs_f64(),
        unit: "times",
        target: Some(target),
        detail: format!("{} against {}", milliseconds(one), milliseconds(other)),
    }
}

fn memory(what: &str, target: Target, bytes: f64) -> Line {
    Line {
        what: what.to_owned(),
        measured: bytes / MEBIBYTE,
        unit: "MiB",
        target: Some(target),
        detail: String::new(),
    }
}

pub fn scan(path: &Path) -> [&OsStr; 2] {
    [OsStr::new("scan"), path.as_os_str()]
}

/// Starting up: one tiny pickle, against `cat` of it.
fn start(place: &Place) -> Outcome<Vec<Line>> {
    const RUNS: usize = 100;
    let tiny = inputs::tiny(place)?;
    let times = medians(
        || (0..RUNS).try_for_each(|_| davy(&place.davy, &scan(&tiny))),
        || (0..RUNS).try_for_each(|_| succeed("cat", &[tiny.as_os_str()])),
    )?;
    let mut lines = vec![ratio("start-up, against cat", Target::Most(3.0), times)];
    lines.extend(peers::compare(place, &tiny, times.0 / 100)?);
    Ok(lines)
}

/// A folder of small pickles, against `sha256sum` of them.
fn folder(place: &Place) -> Outcome<Vec<Line>> {
    let folder = inputs::folder(place)?;
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Outcome<_>>()?;
    files.sort();
    let files: Vec<&OsStr> = files.iter().map(|file| file.as_os_str()).collect();
    let times = medians(|| davy(&place.davy, &scan(&folder)), || succeed("sha256sum", &files))?;
    let what = format!("{} small pickles, against sha256sum", files.len());
    Ok(vec![ratio(&what, Target::Most(2.0), times)])
}

/// A dense pickle: opcodes per second, against picklescan where it is installed, and memory.
fn dense(place: &Place) -> Outcome<Vec<Line>> {
    let dense = inputs::dense(place)?;
    let size = fs::metadata(&dense)?.len();
    let time = median(|| davy(&place.davy, &scan(&dense)))?;
    let rate = OPCODES as f64 / time.as_secs_f64() / 1e6;
    let mut lines = vec![Line {
        what: "dense pickle".to_owned(),
        measured: rate,
        unit: "M opcodes/s",
        target: None,
        detail: format!("{} for {size} bytes", milliseconds(time)),
    }];
    let used = peak(&place.davy, &scan(&dense))?;
    lines.push(Line {
        what: "dense pickle, peak memory".to_owned(),
        measured: used / size as f64,
        unit: "× file",
        target: Some(Target::Most(6.0)),
        detail: format!("{:.1} MiB", used / MEBIBYTE),
    });
    if let Some(other) = peers::time(place, "picklescan", &dense)? {
        lines.push(ratio("dense pickle, against picklescan", Target::Least(30.0), (other, time)));
    }
    Ok(lines)
}

/// A large checkpoint without its weights.
fn structure(place: &Place) -> Outcome<Vec<Line>> {
    let checkpoint = inputs::checkpoint(place)?;
    let words = [OsStr::new("scan"), OsStr::new("--no-survey"), checkpoint.as_os_str()];
    let time = median(|| davy(&place.davy, &words))?;
    let line = Line {
        what: "1 GB checkpoint, no survey".to_owned(),
        measured: time.as_secs_f64() * 1000.0,
        unit: "ms",
        target: Some(Target::Most(20.0)),
        detail: String::new(),
    };
    let used = peak(&place.davy, &words)?;
    Ok(vec![line, memory("1 GB checkpoint, no survey", Target::Most(32.0), used)])
}

/// A graph that is measured: what it is, its file, who writes it, and at most how many milliseconds
/// and MiB reading it may take.
type Large = (&'static str, &'static str, fn(&Path) -> Outcome<()>, f64, f64);

/// Large graphs and models without their weights.
fn graphs(place: &Place) -> Outcome<Vec<Line>> {
    const LARGE: [Large; 5] = [
        ("1 GB ONNX", "weights.onnx", graphs::onnx_weights, 50.0, 32.0),
        ("1 M nodes ONNX", "nodes.onnx", graphs::onnx_nodes, 2000.0, 512.0),
        ("1 M nodes TensorFlow", "nodes.pb", graphs::tensorflow_nodes, 2000.0, 512.0),
        ("30,000 paths TensorFlow", "paths.pb", graphs::tensorflow_paths, 2000.0, 512.0),
        ("1 GB TFLite, 20,000 tensors", "weights.tflite", graphs::tflite, 50.0, 32.0),
    ];
    large(place, &LARGE)
}

/// Large files of tensors without their weights.
fn weights(place: &Place) -> Outcome<Vec<Line>> {
    const LARGE: [Large; 2] = [
        ("1 GB safetensors", "weights.safetensors", weights::safetensors, 20.0, 32.0),
        ("1 GB GGUF, 100,000 keys", "weights.gguf", weights::gguf, 500.0, 256.0),
    ];
    large(place, &LARGE)
}

fn large(place: &Place, files: &[Large]) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for (what, name, make, milliseconds, mebibytes) in files.iter().copied() {
        let path = inputs::graph(place, name, make)?;
        let words = [OsStr::new("scan"), OsStr::new("--no-survey"), path.as_os_str()];
        let time = median(|| davy(&place.davy, &words))?;
        lines.push(Line {
            what: format!("{what}, no survey"),
            measured: time.as_secs_f64() * 1000.0,
            unit: "ms",
            target: Some(Target::Most(milliseconds)),
            detail: String::new(),
        });
        let used = peak(&place.davy, &words)?;
        lines.push(memory(what, Target::Most(mebibytes), used));
    }
    Ok(lines)
}

/// A large checkpoint with every byte read, against hashing it alone on one core.
fn survey(place: &Place) -> Outcome<Vec<Line>> {
    let checkpoint = inputs::checkpoint(place)?;
    hash(&checkpoint)?;
    let (davy_time, hash_time) =
        medians(|| davy(&place.davy, &scan(&checkpoint)), || hash(&checkpoint))?;
    let times = (hash_time, davy_time);
    let used = peak(&place.davy, &scan(&checkpoint))?;
    let mut lines = vec![
        ratio("1 GB checkpoint, hashing against davy", Target::Least(0.8), times),
        memory("1 GB checkpoint, peak memory", Target::Most(64.0), used),
    ];
    let sum = median(|| succeed("sha256sum", &[checkpoint.as_os_str()]))?;
    lines.push(Line {
        what: "1 GB checkpoint, sha256sum".to_owned(),
        measured: sum.as_secs_f64() / davy_time.as_secs_f64(),
        unit: "times",
        target: None,
        detail: format!("{} against {}", milliseconds(sum), milliseconds(davy_time)),
    });
    Ok(lines)
}

/// Hashes a file with the library and the block size that the survey uses.
fn hash(path: &Path) -> Outcome<()> {
    let mut file = File::open(path)?;
    let mut block = vec![0; 1 << 20];
    let mut digest = Sha256::new();
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        digest.update(&block[..read]);
    }
    if digest.finalize().iter().all(|byte| *byte == 0) { Err("no digest".into()) } else { Ok(()) }
}

/// Median time of a program of the peers, whatever its exit status says about the file.
pub fn peer_time(program: &Path, words: &[&OsStr]) -> Outcome<Duration> {
    median(|| {
        command(program, words).status()?;
        Ok(())
    })
}
