//! `mutate`: what a whole scan endures, on every file of a folder cut short and damaged.
//!
//! Each file is scanned in this process after truncation at each byte and after single bytes were
//! changed, evenly spread where there are too many. No reader or rule may crash, and no scan may
//! take long. With `--binary` a sample is scanned by that program as well, and its exit status has
//! to be one of 0 to 3.

use crate::args::Args;
use crate::{Outcome, paths, say};
use davy_artifact::Why;
use davy_bytes::{Bytes, to_u64};
use davy_scan::{Options, Scanned, scan_bytes};
use davy_testkit::robust::Random;
use std::error::Error;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time that one scan may take.
const SLOW: Duration = Duration::from_secs(10);
/// After this long a scan counts as a hang, and everything ends.
const HUNG: Duration = Duration::from_secs(60);
/// Bytes that are scanned of each file in all its variants: fewer variants of larger files.
const VOLUME: usize = 64 << 20;
/// Exit statuses that the program promises.
const STATUSES: std::ops::RangeInclusive<i32> = 0..=3;

struct Plan {
    files: Vec<PathBuf>,
    seed: u64,
    per_file: usize,
    binary: Option<PathBuf>,
}

#[derive(Default)]
struct State {
    next: AtomicUsize,
    scans: AtomicU64,
    runs: AtomicU64,
    wrong: Mutex<Vec<String>>,
    scanning: Vec<Mutex<Option<(PathBuf, Instant)>>>,
}

/// Runs the task.
pub fn run(args: &mut Args) -> Outcome {
    let corpus: PathBuf = args.value("--corpus")?.ok_or("`--corpus` is needed")?;
    let plan = Plan {
        files: files(&corpus)?,
        seed: args.value("--seed")?.unwrap_or(1),
        per_file: args.value("--per-file")?.unwrap_or(100),
        binary: args.value("--binary")?,
    };
    args.finish()?;
    fs::create_dir_all(folder())?;
    let jobs = thread::available_parallelism().map_or(1, NonZero::get);
    let state =
        State { scanning: (0..jobs).map(|_| Mutex::default()).collect(), ..State::default() };
    let started = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|worker| {
                let (plan, state) = (&plan, &state);
                scope.spawn(move || work(plan, state, worker))
            })
            .collect();
        while !workers.iter().all(|worker| worker.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            state.scanning.iter().for_each(end_if_hung);
        }
    });
    let wrong = std::mem::take(&mut *locked(&state.wrong));
    wrong.iter().for_each(say);
    say(format_args!(
        "{} scans of {} files and {} runs of the program in {:.0} s",
        state.scans.load(Ordering::Relaxed),
        plan.files.len(),
        state.runs.load(Ordering::Relaxed),
        started.elapsed().as_secs_f64(),
    ));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{} go wrong", wrong.len()).into()) }
}

/// Ends everything where a scan hangs, as nothing else can stop a thread.
fn end_if_hung(scanning: &Mutex<Option<(PathBuf, Instant)>>) {
    let hung = locked(scanning).clone().filter(|(_, since)| since.elapsed() > HUNG);
    if let Some((path, _)) = hung {
        say(format_args!("a variant of {} hangs", path.display()));
        std::process::abort();
    }
}

/// All regular files below `folder`, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut folders = vec![folder.to_path_buf()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn work(plan: &Plan, state: &State, worker: usize) {
    while let Some(path) = plan.files.get(state.next.fetch_add(1, Ordering::Relaxed)) {
        match fs::read(path) {
            Ok(bytes) => vary(plan, state, worker, path, &bytes),
            Err(error) => locked(&state.wrong).push(format!("{}: {error}", path.display())),
        }
    }
}

/// Scans all variants of one file.
fn vary(plan: &Plan, state: &State, worker: usize, path: &Path, bytes: &[u8]) {
    let mut random = Random(plan.seed ^ to_u64(bytes.len()));
    let count = plan.per_file.min(VOLUME / (bytes.len() + 1)).max(2);
    for index in 0..count {
        let cut = bytes.len() * index / count;
        attempt(state, worker, path, &format!("cut to {cut} bytes"), &bytes[..cut]);
    }
    for _ in 0..count.min(bytes.len() * 8) {
        let (changed, what) = damaged(bytes, &mut random);
        attempt(state, worker, path, &what, &changed);
    }
    attempt(state, worker, path, "as it is", bytes);
    if let Some(binary) = &plan.binary {
        let cut = &bytes[..random.below(bytes.len())];
        let (changed, _) = damaged(bytes, &mut random);
        for variant in [bytes, cut, &changed] {
            state.runs.fetch_add(1, Ordering::Relaxed);
            if let Err(why) = execute(binary, worker, variant) {
                let kept = keep(path, variant);
                locked(&state.wrong).push(format!("{} ({kept}): {why}", path.display()));
            }
        }
    }
}

/// A copy with one byte changed, and what was changed.
fn damaged(bytes: &[u8], random: &mut Random) -> (Vec<u8>, String) {
    let mut changed = bytes.to_vec();
    let at = random.below(bytes.len());
    let mut what = "nothing to damage".to_owned();
    if let Some(byte) = changed.get_mut(at) {
        *byte = match random.below(4) {
            0 => !*byte,
            1 => 0,
            2 => 0xff,
            _ => *byte ^ (1 << random.below(8)),
        };
        what = format!("byte {at} set to {byte:#04x}");
    }
    (changed, what)
}

fn attempt(state: &State, worker: usize, path: &Path, what: &str, bytes: &[u8]) {
    let started = Instant::now();
    *locked(&state.scanning[worker]) = Some((path.to_path_buf(), started));
    let options = Options { jobs: 1, ..Options::default() };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let scanned = scan_bytes(&name, &Bytes::from_memory(bytes), &options);
    *locked(&state.scanning[worker]) = None;
    state.scans.fetch_add(1, Ordering::Relaxed);
    let slow = (started.elapsed() > SLOW).then(|| format!("takes {:?}", started.elapsed()));
    for why in crashes(&scanned).into_iter().chain(slow) {
        let kept = keep(path, bytes);
        locked(&state.wrong).push(format!("{} {what} ({kept}): {why}", path.display()));
    }
}

fn crashes(scanned: &Scanned) -> Vec<String> {
    let gaps = scanned.artifacts.iter().flat_map(|artifact| &artifact.gaps);
    gaps.filter(|gap| gap.why == Why::Crashed).map(|gap| gap.what.clone()).collect()
}

/// Runs the program on the bytes, and says what is wrong with how it ended.
fn execute(binary: &Path, worker: usize, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = folder().join(format!("{worker}.bin"));
    fs::write(&path, bytes)?;
    let mut child = Command::new(binary)
        .args(["scan", "--format", "json"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.code().is_some_and(|code| STATUSES.contains(&code)) => {
                return Ok(());
            }
            Some(status) => return Err(status.to_string().into()),
            None if started.elapsed() > HUNG => {
                child.kill()?;
                child.wait()?;
                return Err("the program hangs".into());
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Keeps a variant that goes wrong; returns where.
fn keep(path: &Path, bytes: &[u8]) -> String {
    let mut digest = Random(to_u64(path.as_os_str().len()));
    for chunk in bytes.chunks(7) {
        digest.0 ^= chunk.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        digest.bits();
    }
    let kept = folder().join(format!("wrong-{:016x}.bin", digest.bits()));
    match fs::write(&kept, bytes) {
        Ok(()) => kept.display().to_string(),
        Err(error) => error.to_string(),
    }
}

fn folder() -> PathBuf {
    paths::root().join("target/mutate")
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
