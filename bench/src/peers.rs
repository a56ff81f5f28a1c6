//! Other scanners of pickles, in a private environment.

use crate::cases::{Line, peer_time};
use crate::{Outcome, Place};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Name of the program, and the words before the path of the file.
const PEERS: &[(&str, &[&str])] = &[
    ("picklescan", &["--path"]),
    ("modelscan", &["--path"]),
    ("modelaudit", &["scan", "--no-cache"]),
    ("fickling", &["--check-safety"]),
];

/// Installs all peers.
pub fn install(place: &Place) -> Outcome<()> {
    let folder = place.peers.parent().ok_or("no folder")?;
    let run = |command: &mut Command| -> Outcome<()> {
        if command.status()?.success() { Ok(()) } else { Err(format!("{command:?} fails").into()) }
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let names = PEERS.iter().map(|(name, _)| name);
    run(Command::new(place.peers.join("pip")).args(["install", "--quiet"]).args(names))
}

/// Median time of a peer for a file; nothing where it is not installed.
pub fn time(place: &Place, name: &str, file: &Path) -> Outcome<Option<Duration>> {
    let program = place.peers.join(name);
    let Some((_, words)) = PEERS.iter().find(|(peer, _)| *peer == name) else { return Ok(None) };
    if !program.exists() {
        return Ok(None);
    }
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).chain([file.as_os_str()]).collect();
    peer_time(&program, &words).map(Some)
}

/// How many times longer each peer takes than `davy`.
pub fn compare(place: &Place, file: &Path, davy: Duration) -> Outcome<Vec<Line>> {
    let mut lines = Vec::new();
    for (name, _) in PEERS {
        if let Some(time) = time(place, name, file)? {
            lines.push(Line {
                what: format!("start-up, {name} against davy"),
                measured: time.as_secs_f64() / davy.as_secs_f64(),
                unit: "times",
                target: None,
                detail: format!("{:.0} ms", time.as_secs_f64() * 1000.0),
            });
        }
    }
    Ok(lines)
}
