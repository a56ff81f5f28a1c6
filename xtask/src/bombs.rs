//! `bombs`: what davy makes of files that ask for all memory or all time.
//!
//! A Python script makes them (`xtask/bombs`), each with the verdict that it must get. The program
//! scans each alone; whatever takes longer than [`TIME`] or more memory than [`MEMORY`], gets another
//! verdict or leaves a file behind is a failure.

use crate::args::Args;
use crate::{Outcome, paths, say};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds that a scan may take.
const TIME: f64 = 2.0;

/// Memory that a scan may take, in KiB.
const MEMORY: u64 = 256 * 1024;

/// Runs a command and tells its exit status, seconds on the clock and on processors, and peak memory
/// in KiB, as the kernel counts them.
const MEASURE: &str = "import os, sys, time\n\
    begun = time.monotonic()\n\
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]\n\
    pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)\n\
    _, status, usage = os.wait4(pid, 0)\n\
    clock = time.monotonic() - begun\n\
    print(os.waitstatus_to_exitcode(status), clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)";

/// One file.
struct Bomb {
    row: String,
    name: String,
    verdict: String,
}

/// What scanning it took.
struct Taken {
    status: i32,
    clock: f64,
    processor: f64,
    memory: u64,
}

/// Runs the task.
pub fn run(args: &mut Args) -> Outcome {
    let python: String = args.value("--python")?.unwrap_or_else(|| "python3".to_owned());
    let binary: Option<PathBuf> = args.value("--binary")?;
    let words = args.rest();
    let binary = binary.unwrap_or_else(|| paths::root().join("target/release/davy"));
    let folder = paths::root().join("target/bombs");
    let bombs = make(&python, &folder, &words)?;
    let before = listing(&folder)?;
    let mut missed = 0_usize;
    for bomb in &bombs {
        let taken = scan(&binary, &folder.join(&bomb.name), &bomb.verdict)?;
        missed += usize::from(!tell(bomb, &taken));
    }
    let written = listing(&folder)? != before;
    fs::remove_dir_all(&folder)?;
    say(format_args!("{} files, {missed} miss a bound", bombs.len()));
    match (missed, written) {
        (_, true) => Err("davy left a file behind".into()),
        (0, false) => Ok(()),
        _ => Err("a bound is missed".into()),
    }
}

/// Makes the files, all or those whose names have one of `words`.
fn make(python: &str, folder: &Path, words: &[String]) -> Result<Vec<Bomb>, Box<dyn Error>> {
    let script = paths::root().join("xtask/bombs/bombs.py");
    let output = Command::new(python).arg(script).arg(folder).args(words).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().for_each(say);
    if !output.status.success() {
        return Err("the script that makes the files failed".into());
    }
    let lines = String::from_utf8(output.stdout)?;
    let bomb = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
        [row, name, verdict] => {
            Ok(Bomb { row: row.to_owned(), name: name.to_owned(), verdict: verdict.to_owned() })
        }
        _ => Err(format!("not a line of a row, a name and a verdict: {line}").into()),
    };
    lines.lines().map(bomb).collect()
}

/// Scans one file in a process of its own.
fn scan(binary: &Path, file: &Path, wanted: &str) -> Result<Taken, Box<dyn Error>> {
    let mut python = Command::new("python3");
    python.arg("-c").arg(MEASURE).arg(binary).arg("scan").arg(file);
    if wanted == "noted" {
        python.args(["--fail-on", "medium"]);
    }
    let output = python.output()?;
    let text = String::from_utf8(output.stdout)?;
    let [status, clock, processor, memory] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    };
    Ok(Taken {
        status: status.parse()?,
        clock: clock.parse()?,
        processor: processor.parse()?,
        memory: memory.parse()?,
    })
}

/// Shows what a file took, and says whether that is within its bounds. Time is that of the processor
/// where others keep it busy: on the clock it would measure them.
fn tell(bomb: &Bomb, taken: &Taken) -> bool {
    let verdict = match taken.status {
        0 => "pass",
        1 => "fail",
        2 => "incomplete",
        _ => "error",
    };
    let right = match bomb.verdict.as_str() {
        "any" => verdict != "error",
        "noted" => verdict == "fail",
        "told" => matches!(verdict, "fail" | "incomplete"),
        wanted => verdict == wanted,
    };
    let fast = taken.clock.min(taken.processor) <= TIME;
    let small = taken.memory <= MEMORY;
    let marks = [(right, "verdict"), (fast, "time"), (small, "memory")];
    let missed: Vec<&str> = marks.iter().filter(|(met, _)| !met).map(|(_, word)| *word).collect();
    say(format_args!(
        "{} {:24} {verdict:10} {:5.2} s, {:5.2} s of processors, {:4} MiB {}",
        bomb.row,
        bomb.name,
        taken.clock,
        taken.processor,
        taken.memory / 1024,
        missed.join(", ")
    ));
    missed.is_empty()
}

/// Names and lengths of all files of a folder.
fn listing(folder: &Path) -> Result<Vec<(PathBuf, u64)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.path(), entry.metadata()?.len()));
    }
    files.sort();
    Ok(files)
}
