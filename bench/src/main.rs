//! Speed and memory of `davy scan` on made inputs, side by side with `cat`, `sha256sum` and, where
//! they are installed, other scanners of pickles.
//!
//! usage: bench [--only NAME]... [--peers] [--corpus DIR]
//!
//! Everything that is compared is measured in the same run, as the median of five. `--peers` first
//! installs picklescan, modelscan, modelaudit and fickling into a private environment under `target/bench`.
//! `--corpus` gives the case `corpus` a folder of models: all of it is scanned, and what each peer accepts
//! of it by that peer and by davy.

mod cases;
mod codecs;
mod corpus;
mod graphs;
mod inputs;
mod measure;
mod peers;
mod weights;

use cases::{CASES, Line};
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What a case returns.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Where things are.
struct Place {
    /// The program that is measured.
    davy: PathBuf,
    /// The folder of inputs.
    inputs: PathBuf,
    /// The folder of the peers' programs.
    peers: PathBuf,
    /// A folder of models, where one was given.
    corpus: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what was asked for; false where a figure was missed.
fn run(words: Vec<String>) -> Outcome<bool> {
    let mut only = Vec::new();
    let mut install = false;
    let mut corpus = None;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => only.push(words.next().ok_or("`--only` needs a name")?),
            "--corpus" => corpus = Some(words.next().ok_or("`--corpus` needs a folder")?.into()),
            "--peers" => install = true,
            other => return Err(format!("unexpected argument `{other}`").into()),
        }
    }
    let place = prepare(corpus)?;
    if install {
        peers::install(&place)?;
    }
    let mut held = true;
    say(format_args!("{:<34} {:>16} {:>12}  outcome", "what", "measured", "target"))?;
    for case in CASES.iter().filter(|case| only.is_empty() || only.iter().any(|it| it == case.name))
    {
        for line in (case.run)(&place)? {
            held &= line.holds();
            show(&line)?;
        }
    }
    Ok(held)
}

/// Builds the program, and makes the folder of inputs.
fn prepare(corpus: Option<PathBuf>) -> Outcome<Place> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "-p", "davy"])
        .current_dir(root)
        .status()?;
    if !built.success() {
        return Err("davy does not build".into());
    }
    let here = std::env::current_exe()?;
    let davy = here.parent().ok_or("no folder")?.join("davy");
    let inputs = root.join("target/bench");
    std::fs::create_dir_all(&inputs)?;
    Ok(Place { davy, peers: inputs.join("venv/bin"), inputs, corpus })
}

fn show(line: &Line) -> Outcome<()> {
    let target = line.target.map_or_else(String::new, |target| target.to_string());
    let outcome = match (line.target.is_some(), line.holds()) {
        (false, _) => "",
        (true, true) => "pass",
        (true, false) => "FAIL",
    };
    let measured = format!("{:.2} {}", line.measured, line.unit);
    say(format_args!("{:<34} {measured:>16} {target:>12}  {outcome:<7} {}", line.what, line.detail))
}

fn say(line: std::fmt::Arguments<'_>) -> Outcome<()> {
    writeln!(io::stdout().lock(), "{line}")?;
    Ok(())
}
