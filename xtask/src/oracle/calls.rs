//! Calls: what davy follows in byte code, against the syntax trees of the same sources.
//!
//! Every call that has a plain callee in the source has to be among those that davy follows in the
//! byte code, with the same constants as arguments. What the compiler leaves out is counted apart:
//! code behind `if 0:` or `return`.

use super::process::{Process, Record};
use crate::args::Args;
use crate::{Outcome, say};
use davy_artifact::{Call, Value as Known};
use davy_bytes::Budget;
use davy_formats::bytecode::{Hints, Version, decode, flow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Calls that are shown of those that davy does not follow.
const SHOWN: usize = 40;

/// Arguments that davy shows of a call.
const ARGUMENTS: usize = 32;

/// What came of all modules.
#[derive(Default)]
struct Tally {
    modules: u64,
    calls: u64,
    followed: u64,
    left_out: u64,
    missing: u64,
    broken: u64,
    /// Calls that davy follows to a name, and how many of them the sources do not have like that.
    told: u64,
    beyond: u64,
    bytes: u64,
    took: std::time::Duration,
}

/// `oracle calls`.
pub fn run(args: &mut Args) -> Outcome {
    let count: u64 = args.value("--count")?.unwrap_or(200);
    let mut pythons: Vec<String> = args.values("--python")?;
    args.finish()?;
    if pythons.is_empty() {
        pythons.push("python3".to_owned());
    }
    let mut failures = 0;
    for python in &pythons {
        let mut tally = Tally::default();
        let words = ["--count", &count.to_string()].map(str::to_owned);
        let mut process = Process::start(python, "calls", &words)?;
        while let Some(record) = process.next()? {
            compare(&record, &mut tally)?;
        }
        tell(python, &tally);
        if tally.modules == 0 {
            return Err(format!("{python} compiles nothing").into());
        }
        failures += tally.missing + tally.broken;
    }
    match failures {
        0 => Ok(()),
        some => Err(format!("{some} calls or modules are not followed").into()),
    }
}

fn tell(python: &str, tally: &Tally) {
    say(format_args!(
        "{python}: {} modules, {} calls with plain callees: {} followed, {} left out by the \
         compiler, {} missing; {} modules with broken code",
        tally.modules, tally.calls, tally.followed, tally.left_out, tally.missing, tally.broken
    ));
    let nanos = tally.took.as_nanos() / u128::from(tally.bytes.max(1));
    say(format_args!(
        "    davy follows {} calls to names, {} of them through variables, arguments and the \
         like; {nanos} ns per byte of code",
        tally.told, tally.beyond
    ));
}

fn compare(record: &Record, tally: &mut Tally) -> Outcome {
    let answer: Value = serde_json::from_str(&record.answer)?;
    let version = answer["version"].as_str().and_then(Version::parse).ok_or("no version")?;
    let hints = Hints { version: Some(version), certain: true };
    let decoded = decode(&record.bytes, hints, &mut Budget::default())?;
    let started = std::time::Instant::now();
    let flow = flow::follow(&decoded.tree, &mut Budget::default());
    tally.took += started.elapsed();
    tally.bytes +=
        decoded.tree.objects.iter().map(|code| davy_bytes::to_u64(code.code.len())).sum::<u64>();
    tally.modules += 1;
    if !flow.broken.is_empty() {
        tally.broken += 1;
        say(format_args!("{} {}: {:?}", answer["version"], answer["path"], flow.broken));
    }
    let mut followed: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
    for call in &flow.calls {
        let Known::Name(name) = &call.callee else { continue };
        followed.entry(plain(&name.dotted())).or_default().push(call);
    }
    let mut named = BTreeSet::new();
    for call in answer["calls"].as_array().ok_or("no calls")? {
        tally.calls += 1;
        let path = plain(call["path"].as_str().ok_or("no path")?);
        let fits = followed.get(&path).is_some_and(|all| all.iter().any(|one| same(call, one)));
        named.insert(path);
        if fits {
            tally.followed += 1;
        } else if call["compiled"] == false {
            tally.left_out += 1;
        } else {
            tally.missing += 1;
            if tally.missing <= davy_bytes::to_u64(SHOWN) {
                say(format_args!("{} {}: {call}", answer["version"], answer["path"]));
            }
        }
    }
    for (path, calls) in &followed {
        tally.told += davy_bytes::to_u64(calls.len());
        if !named.contains(path) {
            tally.beyond += davy_bytes::to_u64(calls.len());
        }
    }
    Ok(())
}

/// Relative imports by their dots are the same under any number of them here.
fn plain(path: &str) -> String {
    path.trim_start_matches('.').to_owned()
}

/// Whether a call that davy follows is this one of the source.
fn same(call: &Value, followed: &Call) -> bool {
    let none = Vec::new();
    let args = call["args"].as_array().unwrap_or(&none);
    if args.len() > ARGUMENTS || call["exact"] == false {
        return true;
    }
    let mut keys: Vec<&str> = followed.kwargs.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    let wanted: Vec<&str> =
        call["keys"].as_array().unwrap_or(&none).iter().filter_map(Value::as_str).collect();
    args.len() == followed.args.len()
        && keys == wanted
        && args.iter().zip(&followed.args).all(|(arg, value)| {
            arg.as_str().is_none_or(|arg| spelled(value).is_none_or(|told| told == arg))
        })
}

/// A constant in the words of `calls.py`; `None` where it is too long to be held whole.
fn spelled(value: &Known) -> Option<String> {
    Some(match value {
        Known::Bool(true) => "T".to_owned(),
        Known::Bool(false) => "F".to_owned(),
        Known::Bytes(bytes) if davy_bytes::to_u64(bytes.head.len()) == bytes.len => {
            hex("b", &bytes.head)
        }
        Known::Text(text) if davy_bytes::to_u64(text.head.len()) == text.len => {
            hex("u", &text.head)
        }
        Known::Bytes(_) | Known::Text(_) => return None,
        Known::Int(number) => format!("i{number}"),
        Known::None => "N".to_owned(),
        other => other.to_string(),
    })
}

fn hex(letter: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(letter.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
