//! A folder of models: all of it, and what other scanners accept of it, by them and by davy.

use crate::cases::{Line, Target, ratio, scan};
use crate::measure::{command, davy, median};
use crate::{Outcome, Place};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Another scanner that takes folders and says in JSON which files it has read.
struct Peer {
    name: &'static str,
    /// The words around the folder and the file that the report goes to.
    words: fn(&Path, &Path) -> Vec<PathBuf>,
    /// The files that it read, as its report spells them.
    accepted: fn(&Value) -> Vec<String>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "modelscan",
        words: |folder, report| {
            let words = ["scan", "--path"].map(PathBuf::from);
            let rest = ["--reporting-format", "json", "--output-file"].map(PathBuf::from);
            [&words[..], &[folder.into()], &rest, &[report.into()]].concat()
        },
        accepted: |report| {
            let files = report["summary"]["scanned"]["scanned_files"].as_array();
            // Behind a colon stands the member of an archive.
            let outer = |file: &Value| Some(file.as_str()?.split(':').next()?.to_owned());
            files.into_iter().flatten().filter_map(outer).collect()
        },
    },
    Peer {
        name: "modelaudit",
        words: |folder, report| {
            let words = ["scan", "--no-cache"].map(PathBuf::from);
            let rest = ["--format", "json", "--output"].map(PathBuf::from);
            [&words[..], &[folder.into()], &rest, &[report.into()]].concat()
        },
        accepted: |report| {
            // What it has no scanner for is of the type `unknown`.
            let known = |asset: &&Value| asset["type"].as_str().is_some_and(|it| it != "unknown");
            let assets = report["assets"].as_array().into_iter().flatten().filter(known);
            assets.filter_map(|asset| asset["path"].as_str().map(String::from)).collect()
        },
    },
];

/// All of the folder that was given, in one command.
pub fn corpus(place: &Place) -> Outcome<Vec<Line>> {
    let Some(folder) = &place.corpus else { return Ok(Vec::new()) };
    let folder = &folder.canonicalize()?;
    let time = median(|| davy(&place.davy, &scan(folder)))?;
    let mut lines = vec![Line {
        what: "the corpus in one command".to_owned(),
        measured: time.as_secs_f64(),
        unit: "s",
        target: None,
        detail: folder.display().to_string(),
    }];
    for peer in PEERS {
        lines.extend(peer.compare(place, folder)?);
    }
    Ok(lines)
}

impl Peer {
    /// How much longer this peer takes for the files that it accepts; nothing where it is not
    /// installed, or ends without a report.
    fn compare(&self, place: &Place, folder: &Path) -> Outcome<Option<Line>> {
        let program = place.peers.join(self.name);
        let report = place.inputs.join(format!("{}.json", self.name));
        if !program.exists() {
            return Ok(None);
        }
        self.time(&program, folder, &report)?;
        let Ok(text) = fs::read_to_string(&report) else { return Ok(None) };
        let accepted = (self.accepted)(&serde_json::from_str(&text)?);
        let chosen = place.inputs.join(format!("accepted-{}", self.name));
        let files = gather(folder, &chosen, accepted)?;
        let theirs = self.time(&program, &chosen, &report)?;
        let ours = median(|| davy(&place.davy, &scan(&chosen)))?;
        let what = format!("{files} files that {} reads", self.name);
        Ok(Some(ratio(&what, Target::Least(50.0), (theirs, ours))))
    }

    /// Time of one run, whatever its exit status says about the files.
    fn time(&self, program: &Path, folder: &Path, report: &Path) -> Outcome<Duration> {
        if report.exists() {
            fs::remove_file(report)?;
        }
        let words = (self.words)(folder, report);
        let words: Vec<&OsStr> = words.iter().map(|word| word.as_os_str()).collect();
        let started = Instant::now();
        command(program, &words).status()?;
        Ok(started.elapsed())
    }
}

/// Copies files of `folder` to a new folder; returns how many there are.
fn gather(folder: &Path, chosen: &Path, files: Vec<String>) -> Outcome<usize> {
    if chosen.exists() {
        fs::remove_dir_all(chosen)?;
    }
    fs::create_dir_all(chosen)?;
    let files: BTreeSet<PathBuf> = files.into_iter().map(|file| folder.join(file)).collect();
    let mut copied = 0;
    for file in files.iter().filter(|file| file.is_file()) {
        let to = chosen.join(file.strip_prefix(folder)?);
        fs::create_dir_all(to.parent().ok_or("no folder")?)?;
        fs::copy(file, to)?;
        copied += 1;
    }
    Ok(copied)
}
