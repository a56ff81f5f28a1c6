//! Compares what a library says about the files of a corpus, one line per thing, with what davy says.

use super::process::{Process, Record};
use crate::args::Args;
use crate::{Outcome, say};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::error::Error;

/// Lines that are shown of a file that davy reads otherwise.
const TOLD: usize = 8;

/// What davy says about a file, given its bytes and what else the library said about it.
pub type Describe = fn(Vec<u8>, &Json) -> Result<Vec<String>, Box<dyn Error>>;

/// Compares all files that `script` finds in the folders behind `--corpus`.
pub fn run(args: &mut Args, script: &str, describe: Describe) -> Outcome {
    let python = args.value("--python")?.unwrap_or_else(|| "python3".to_owned());
    let words: Vec<String> = args.values("--corpus")?;
    args.finish()?;
    if words.is_empty() {
        return Err("name a folder with --corpus".into());
    }
    all(&python, script, &words, describe)
}

/// Compares `--count` files that `script` makes; each is known by `--seed` and its index.
pub fn made(args: &mut Args, script: &str, describe: Describe) -> Outcome {
    let python = args.value("--python")?.unwrap_or_else(|| "python3".to_owned());
    let seed: u64 = args.value("--seed")?.unwrap_or(1);
    let start: u64 = args.value("--start")?.unwrap_or(0);
    let count: u64 = args.value("--count")?.unwrap_or(2_000);
    args.finish()?;
    let pairs = [("--seed", seed), ("--start", start), ("--count", count)];
    let words = pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_string()]);
    all(&python, script, &words.collect::<Vec<_>>(), describe)
}

fn all(python: &str, script: &str, words: &[String], describe: Describe) -> Outcome {
    let mut process = Process::start(python, script, words)?;
    let (mut files, mut things, mut failed) = (0_u64, 0_usize, 0_u64);
    while let Some(Record { bytes, answer }) = process.next()? {
        let answer: Json = serde_json::from_str(&answer)?;
        files += 1;
        match compare(bytes, &answer, describe) {
            Ok(count) => things += count,
            Err(what) => {
                failed += 1;
                say(format_args!("{}: {what}", answer["path"].as_str().unwrap_or_default()));
            }
        }
    }
    say(format_args!("{files} files with {things} things in them, {failed} read otherwise"));
    match (files, failed) {
        (0, _) => Err(format!("{python} read no file").into()),
        (_, 0) => Ok(()),
        _ => Err(format!("davy reads {failed} files otherwise").into()),
    }
}

/// How many things both find; an error names those that only one does.
fn compare(bytes: Vec<u8>, answer: &Json, describe: Describe) -> Result<usize, Box<dyn Error>> {
    let ours = describe(bytes, answer)?;
    let theirs = answer["lines"].as_array().ok_or("no lines")?;
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for line in theirs.iter().filter_map(Json::as_str) {
        *counts.entry(line).or_default() += 1;
    }
    for line in &ours {
        *counts.entry(line).or_default() -= 1;
    }
    let wrong: Vec<_> = counts.into_iter().filter(|(_, count)| *count != 0).collect();
    if wrong.is_empty() {
        return Ok(theirs.len());
    }
    let shown = wrong.iter().take(TOLD).map(|(line, count)| {
        let who = if *count > 0 { "only the library" } else { "only davy" };
        format!("\n    {who}: {}", line.chars().take(300).collect::<String>())
    });
    Err(format!("{} lines differ{}", wrong.len(), shown.collect::<String>()).into())
}
