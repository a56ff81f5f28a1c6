//! Keras configurations: everything that Keras looks up when it loads a model has to be among the
//! imports that davy lists, and the other way round.

use super::process::{Process, Record};
use crate::args::Args;
use crate::{Outcome, say};
use davy_artifact::{Fact, Reading};
use davy_bytes::{Span, to_usize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Differences that are shown, and models that could not be made.
const SHOWN: usize = 40;

/// What came of all models.
#[derive(Default)]
struct Tally {
    models: u64,
    objects: u64,
    failed: Vec<String>,
    differences: Vec<String>,
}

/// `oracle keras`.
pub fn run(args: &mut Args) -> Outcome {
    let pythons: Vec<String> = args.values("--python")?;
    args.finish()?;
    let mut differences = 0;
    for python in &pythons {
        let mut tally = Tally::default();
        let mut process = Process::start(python, "keras_models", &[])?;
        while let Some(record) = process.next()? {
            compare(&record, &mut tally)?;
        }
        for line in tally.failed.iter().take(SHOWN) {
            say(format_args!("not made: {line}"));
        }
        for line in tally.differences.iter().take(SHOWN) {
            say(format_args!("{line}"));
        }
        say(format_args!(
            "{python}: {} models, {} objects looked up, {} models not made, {} differences",
            tally.models,
            tally.objects,
            tally.failed.len(),
            tally.differences.len()
        ));
        if tally.models == 0 {
            return Err(format!("{python} makes no models").into());
        }
        differences += tally.differences.len();
    }
    match differences {
        0 if pythons.is_empty() => Err("--python has to name one that has Keras".into()),
        0 => Ok(()),
        some => Err(format!("{some} differences").into()),
    }
}

fn compare(record: &Record, tally: &mut Tally) -> Outcome {
    let answer: Value = serde_json::from_str(&record.answer)?;
    let what = answer["what"].as_str().ok_or("no word for a model")?;
    if let Some(why) = answer["failed"].as_str() {
        tally.failed.push(format!("{what}: {why}"));
        return Ok(());
    }
    let reader = answer["reader"].as_str().ok_or("no reader")?;
    let objects = answer["objects"].as_array().ok_or("no objects")?;
    tally.models += 1;
    tally.objects += davy_bytes::to_u64(objects.len());
    let told = imports(&configuration(reader, &record.bytes)?);
    let objects: Vec<BTreeSet<String>> = objects.iter().map(names).collect();
    for object in objects.iter().filter(|object| object.is_disjoint(&told)) {
        let name = object.first().map(String::as_str).unwrap_or_default();
        tally.differences.push(format!("{what}: davy does not list {name}"));
    }
    let unseen = told.iter().filter(|name| !objects.iter().any(|object| object.contains(*name)));
    for name in unseen {
        tally.differences.push(format!("{what}: Keras does not look up {name}"));
    }
    Ok(())
}

/// The names that one object goes by.
fn names(object: &Value) -> BTreeSet<String> {
    let names = object.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(plain).collect()
}

/// What davy reads where the configuration stands: in the file itself, or in a member of it.
fn configuration(reader: &str, bytes: &[u8]) -> Result<Reading, String> {
    if reader != "keras" {
        return Ok(super::read(reader, bytes)?.0);
    }
    let (archive, _) = super::read("zip", bytes)?;
    let config = archive.children.iter().find(|child| child.name == "config.json");
    let config = &config.ok_or("no configuration in the archive")?.bytes;
    let whole = Span::new(0, config.len());
    let config = config.copy(whole, to_usize(config.len())).map_err(|halt| halt.to_string())?;
    Ok(super::read("keras-json", &config)?.0)
}

fn imports(reading: &Reading) -> BTreeSet<String> {
    let names = reading.facts.iter().filter_map(|fact| match fact {
        // Functions of TensorFlow are looked up in its own table, which is not watched.
        Fact::Import { by: "TensorFlow symbol", .. } => None,
        Fact::Import { name, .. } => Some(plain(&name.dotted())),
        _ => None,
    });
    names.collect()
}

/// A name without what differs between versions for the same object: a loss is a function in one and
/// a class in another.
fn plain(name: &str) -> String {
    name.replace(".src.", ".").replace('_', "").to_lowercase()
}
