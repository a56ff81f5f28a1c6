//! Runs an oracle over many files on all cores, and reports where davy falls short.

use super::process::{Process, Record};
use super::{Oracle, reduce};
use crate::args::Args;
use crate::{Outcome, paths, say};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Files that one Python process makes.
const SHARE: u64 = 20_000;
/// Files that Python hands over at once.
const BATCH: u64 = 250;
/// So many files in a row that kill Python mean that it does not work at all.
const DEATHS: u64 = 10;
/// Files that are kept in full where davy falls short, unless `--keep` says otherwise; more are counted.
const KEPT: usize = 20;
/// How many bytes of such a file are shown.
const SHOWN: usize = 160;
/// How long davy may take for one file.
const SLOW: Duration = Duration::from_secs(2);
/// After this long one file counts as a hang, and everything ends.
const HUNG: Duration = Duration::from_secs(30);

/// What is to be compared.
struct Plan<'a> {
    oracle: &'a dyn Oracle,
    seed: u64,
    count: u64,
    pythons: Vec<String>,
    keep: usize,
}

/// One file that davy falls short on.
struct Failure {
    index: u64,
    python: String,
    bytes: Vec<u8>,
    what: String,
    disagreement: bool,
}

/// What all threads have found so far.
#[derive(Default)]
struct State {
    next: AtomicU64,
    files: AtomicU64,
    telling: AtomicU64,
    seen: AtomicU64,
    unseen: AtomicU64,
    unrecognised: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    stopped: AtomicBool,
    failures: Mutex<Vec<Failure>>,
    errors: Mutex<Vec<String>>,
    /// Per thread, the file that davy reads just now.
    reading: Vec<Mutex<Option<(u64, Instant)>>>,
}

/// Compares as many files as the arguments say.
pub fn run(oracle: &dyn Oracle, args: &mut Args) -> Outcome {
    let mut plan = Plan {
        oracle,
        seed: args.value("--seed")?.unwrap_or(1),
        count: args.value("--count")?.unwrap_or(10_000),
        pythons: args.values("--python")?,
        keep: args.value("--keep")?.unwrap_or(KEPT),
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.value("--jobs")?.unwrap_or(cores).max(1);
    args.finish()?;
    if plan.pythons.is_empty() {
        plan.pythons.push("python3".to_owned());
    }
    let started = Instant::now();
    let state =
        State { reading: (0..jobs).map(|_| Mutex::default()).collect(), ..State::default() };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|worker| {
                let (plan, state) = (&plan, &state);
                scope.spawn(move || work(plan, state, worker))
            })
            .collect();
        watch(&plan, &state, || workers.iter().all(|worker| worker.is_finished()));
    });
    report(&plan, &state, started.elapsed())
}

/// Takes shares of the files until none is left.
fn work(plan: &Plan<'_>, state: &State, worker: usize) {
    loop {
        let first = state.next.fetch_add(SHARE, Ordering::Relaxed);
        if first >= plan.count || state.stopped.load(Ordering::Relaxed) {
            return;
        }
        let turn = davy_bytes::to_usize(first / SHARE) % plan.pythons.len();
        let last = plan.count.min(first + SHARE);
        if let Err(error) = share(plan, state, worker, &plan.pythons[turn], first..last) {
            locked(&state.errors).push(error.to_string());
            state.stopped.store(true, Ordering::Relaxed);
        }
    }
}

/// Compares one share. Where Python dies or stalls, files are made one at a time from there on until
/// the one that kills it is found, and skipped: nothing is known about it.
fn share(
    plan: &Plan<'_>,
    state: &State,
    worker: usize,
    python: &str,
    files: Range<u64>,
) -> Result<(), Box<dyn Error>> {
    let mut index = files.start;
    let mut deaths = 0;
    let mut batch = BATCH;
    while index < files.end {
        let last = if batch == 1 { files.end.min(index + BATCH) } else { files.end };
        let words = generate(plan.seed, index..last, batch);
        let mut process = Process::start(python, plan.oracle.script(), &words)?;
        while let Some(record) = process.next()? {
            compare(plan, state, worker, (python, index), record);
            index += 1;
            deaths = 0;
        }
        if index >= last {
            batch = BATCH;
        } else if batch > 1 {
            batch = 1;
        } else {
            index += 1;
            deaths += 1;
            state.skipped.fetch_add(1, Ordering::Relaxed);
        }
        if deaths > DEATHS {
            return Err(format!("{python} makes no files").into());
        }
    }
    Ok(())
}

fn generate(seed: u64, files: Range<u64>, batch: u64) -> Vec<String> {
    let count = files.end - files.start;
    let pairs =
        [("--seed", seed), ("--start", files.start), ("--count", count), ("--batch", batch)];
    let words = pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_string()]);
    std::iter::once("generate".to_owned()).chain(words).collect()
}

fn compare(
    plan: &Plan<'_>,
    state: &State,
    worker: usize,
    (python, index): (&str, u64),
    record: Record,
) {
    let started = Instant::now();
    *locked(&state.reading[worker]) = Some((index, started));
    let compared = plan.oracle.compare(&record.bytes, &record.answer);
    *locked(&state.reading[worker]) = None;
    state.files.fetch_add(1, Ordering::Relaxed);
    let (what, disagreement) = match compared {
        Err(what) => (what, false),
        Ok(found) => {
            state.telling.fetch_add(u64::from(found.seen > 0), Ordering::Relaxed);
            state.seen.fetch_add(found.seen, Ordering::Relaxed);
            state.unseen.fetch_add(found.unseen, Ordering::Relaxed);
            let silent = found.unrecognised && found.seen > 0;
            state.unrecognised.fetch_add(u64::from(silent), Ordering::Relaxed);
            match found.missing.into_iter().collect::<Vec<_>>() {
                missing if !missing.is_empty() => (format!("missing {}", missing.join(", ")), true),
                _ if started.elapsed() > SLOW => (format!("takes {:?}", started.elapsed()), false),
                _ => return,
            }
        }
    };
    state.failed.fetch_add(1, Ordering::Relaxed);
    let mut failures = locked(&state.failures);
    if failures.len() < plan.keep {
        let (python, bytes) = (python.to_owned(), record.bytes);
        failures.push(Failure { index, python, bytes, what, disagreement });
    }
}

/// Ends everything where davy hangs, as nothing else can stop a thread, and shows progress.
fn watch(plan: &Plan<'_>, state: &State, done: impl Fn() -> bool) {
    let mut told = Instant::now();
    while !done() {
        thread::sleep(Duration::from_millis(50));
        for reading in &state.reading {
            if let Some((index, _)) = locked(reading).filter(|(_, since)| since.elapsed() > HUNG) {
                say(format_args!("davy hangs on seed {} index {index}", plan.seed));
                std::process::abort();
            }
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            let failed = state.failed.load(Ordering::Relaxed);
            let files = state.files.load(Ordering::Relaxed);
            say(format_args!("{files} of {} files, {failed} with something missing", plan.count));
        }
    }
}

fn report(plan: &Plan<'_>, state: &State, took: Duration) -> Outcome {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let failures = std::mem::take(&mut *locked(&state.failures));
    for failure in &failures {
        say(describe(plan, failure)?);
    }
    say(format_args!(
        "{} files with seed {} in {:.1} s: {} of them tell something, {} things in all",
        count(&state.files),
        plan.seed,
        took.as_secs_f64(),
        count(&state.telling),
        count(&state.seen),
    ));
    say(format_args!(
        "davy lists {} more that the library did not see; takes {} for something else; \
         {} files killed or stalled Python and were skipped",
        count(&state.unseen),
        count(&state.unrecognised),
        count(&state.skipped),
    ));
    if let Some(error) = locked(&state.errors).first() {
        return Err(error.clone().into());
    }
    match count(&state.failed) {
        0 => Ok(()),
        failed => Err(format!("davy falls short on {failed} files").into()),
    }
}

/// Writes the file, made smaller, to `target/oracle`, and tells what is missing.
fn describe(plan: &Plan<'_>, failure: &Failure) -> Result<String, Box<dyn Error>> {
    let mut text = format!("seed {} index {}: {}", plan.seed, failure.index, failure.what);
    let (mut bytes, mut what) = (failure.bytes.clone(), String::new());
    if failure.disagreement {
        let (smaller, found) = reduce::reduce(plan.oracle, &failure.python, &bytes);
        if !found.missing.is_empty() {
            bytes = smaller;
            what = found.missing.into_iter().collect::<Vec<_>>().join(", ");
        }
    }
    let name = format!("{}-{}-{}", plan.oracle.script(), plan.seed, failure.index);
    let folder = target()?;
    fs::write(folder.join(format!("{name}.bin")), &failure.bytes)?;
    fs::write(folder.join(format!("{name}-smaller.bin")), &bytes)?;
    let start = &bytes[..bytes.len().min(SHOWN)];
    let _ = write!(text, "\n    {}\n    {}", start.escape_ascii(), hex(start));
    if !what.is_empty() && what != failure.what {
        let _ = write!(text, "\n    missing {what}");
    }
    let _ = write!(text, "\n    {}", folder.join(name).with_extension("bin").display());
    Ok(text)
}

fn target() -> Result<PathBuf, Box<dyn Error>> {
    let folder = paths::root().join("target/oracle");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
