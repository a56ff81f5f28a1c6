//! Measures how long commands take and how much memory they use.

use crate::Outcome;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many measurements the median is taken of.
const TIMES: usize = 5;
/// Slow commands are measured fewer times, once they took this long in all.
const ENOUGH: Duration = Duration::from_secs(40);

/// A command whose output is thrown away.
pub fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, words: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Median time of five measurements of something.
pub fn median(mut work: impl FnMut() -> Outcome<()>) -> Outcome<Duration> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < TIMES && (times.is_empty() || begun.elapsed() < ENOUGH) {
        let started = Instant::now();
        work()?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// Median times of two things, measured in turns, so that what else the machine does slows both.
pub fn medians(
    mut one: impl FnMut() -> Outcome<()>,
    mut other: impl FnMut() -> Outcome<()>,
) -> Outcome<(Duration, Duration)> {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let started = Instant::now();
        one()?;
        ones.push(started.elapsed());
        let started = Instant::now();
        other()?;
        others.push(started.elapsed());
    }
    ones.sort();
    others.sort();
    Ok((ones[TIMES / 2], others[TIMES / 2]))
}

/// Runs davy; anything but the statuses that say that a file was read is an error.
pub fn davy(davy: &Path, words: &[&OsStr]) -> Outcome<()> {
    let status = command(davy, words).status()?;
    match status.code() {
        Some(0..=2) => Ok(()),
        _ => Err(format!("davy ended with {status}").into()),
    }
}

/// Runs another program, which has to succeed.
pub fn succeed(program: &str, words: &[&OsStr]) -> Outcome<()> {
    let status = command(program, words).status()?;
    if status.success() { Ok(()) } else { Err(format!("`{program}` ended with {status}").into()) }
}

/// Asks the kernel, through Python, how much memory a command had at most, in bytes. Python's own
/// ten megabytes are the least that this can show, as the child starts as a copy of it.
const PEAK: &str = "import resource, subprocess, sys\n\
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n\
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)";

/// Peak memory of a command in bytes.
pub fn peak(program: &Path, words: &[&OsStr]) -> Outcome<f64> {
    let mut python = Command::new("python3");
    let output = python.arg("-c").arg(PEAK).arg(program).args(words).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
