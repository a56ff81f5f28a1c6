//! `knowledge`: derives what the callables of libraries can do from their source, which it reads and
//! never runs.
//!
//! `lower` reduces each module to what matters (`ir`), `machine` looks at functions until nothing
//! changes, with `flow` for one look, `names` for what names stand for, `call` for what calls do,
//! `handed` for what is called because it is handed over, and `external` for what is not Python. `emit` makes rows of it and `store` files of the
//! rows.

mod call;
mod effects;
mod emit;
mod external;
mod flow;
mod handed;
mod ir;
mod later;
mod libraries;
mod lower;
mod machine;
mod names;
mod primitives;
mod sources;
mod store;
#[cfg(test)]
mod tests;
mod value;

use crate::args::Args;
use crate::{Outcome, evaluate, novel, paths, say};
use ir::Program;
use machine::Machine;
use primitives::Primitives;
use sources::Reading;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, thread};
use store::Library;

/// Where tables lie, relative to the root.
pub const TABLES: &str = "crates/rules/knowledge";

/// Calls are followed to a depth that a usual stack has no room for.
const STACK: usize = 4 << 30;

/// The version of the standard library that other libraries are analysed with.
const COMMON: &str = "3.11";

/// Reads what was asked for and writes its files.
pub fn run(args: &mut Args) -> Outcome {
    let only: Vec<String> = args.values("--only")?;
    let evaluates = args.take_words("--evaluate");
    let fetches = args.take_words("--fetch");
    let gadgets: Option<PathBuf> = args.value("--gadgets")?;
    let corpora: Vec<String> = args.values("--corpus")?;
    let new: Option<PathBuf> = args.value("--new")?;
    args.finish()?;
    if evaluates {
        return evaluation(gadgets.as_deref(), &corpora, new.as_deref());
    }
    if fetches {
        return libraries::fetch();
    }
    let worker = thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || derive(&only).map_err(|error| error.to_string()))?;
    match worker.join() {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err("the analysis broke down".into()),
    }
}

/// Measures what was derived; `new` is where the page of new gadgets goes.
fn evaluation(gadgets: Option<&Path>, corpora: &[String], new: Option<&Path>) -> Outcome {
    if let Some(gadgets) = gadgets {
        evaluate::gadgets(gadgets)?;
        if let Some(new) = new {
            fs::write(new, novel::page(gadgets)?)?;
        }
    }
    corpora.iter().try_for_each(|corpus| evaluate::honest(Path::new(corpus)))
}

fn derive(only: &[String]) -> Outcome {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    if wanted("python") {
        derive_standard()?;
    }
    for group in libraries::GROUPS {
        if group.packages.iter().any(|package| wanted(package)) {
            derive_group(group)?;
        }
    }
    Ok(())
}

/// The standard library in every version that is there.
fn derive_standard() -> Outcome {
    let mut library = Library::default();
    let mut notes = Vec::new();
    for (version, folder) in libraries::standard() {
        let mut program = Program::default();
        let reading = sources::read(&mut program, &folder, 0, true)?;
        notes.push(told(&format!("CPython {version}"), &reading));
        let mut machine = analysed(program)?;
        library.add(&version, machine.rows(0));
    }
    notes.iter().for_each(say);
    remember("python", &library)?;
    write("python", &library.text("Python standard library", &notes))
}

fn derive_group(group: &libraries::Group) -> Outcome {
    let standard = libraries::standard();
    let common = standard.iter().rev().find(|(version, _)| version.starts_with(COMMON));
    let (_, folder) = common.or(standard.last()).ok_or("no standard library is there")?;
    let mut program = Program::default();
    sources::read(&mut program, folder, 0, true)?;
    let mut read = Vec::new();
    for (at, package) in group.packages.iter().chain(group.with).enumerate() {
        let Some(wheel) = libraries::wheel(package) else {
            say(format_args!("{package}: its source is not there; `--fetch` gets it"));
            continue;
        };
        let id = u32::try_from(at + 1)?;
        let reading = sources::read(&mut program, &libraries::folder(package), id, false)?;
        if group.packages.contains(package) {
            read.push((*package, wheel, id, reading));
        }
    }
    let mut machine = analysed(program)?;
    for (package, wheel, id, reading) in read {
        let mut library = Library::default();
        library.add("", machine.rows(id));
        let note = told(&wheel, &reading);
        say(&note);
        remember(package, &library)?;
        write(package, &library.text(&libraries::title(package, &wheel), &[note]))?;
    }
    Ok(())
}

fn analysed(program: Program) -> Result<Machine, Box<dyn Error>> {
    let table = |name: &str| fs::read_to_string(paths::root().join(TABLES).join(name));
    let primitives = Primitives::parse(
        &table("primitives.tsv")?,
        &table("callables.tsv")?,
        &table("methods.tsv")?,
    )?;
    let mut machine = Machine::new(program, primitives);
    machine.review();
    machine.run();
    Ok(machine)
}

/// What came of reading a library, for its file.
fn told(what: &str, reading: &Reading) -> String {
    let mut note = format!("read: {what}, {} files", reading.files);
    if !reading.refused.is_empty() {
        let names: Vec<&str> =
            reading.refused.iter().take(REFUSED).map(|(path, _)| path.as_str()).collect();
        let more = if reading.refused.len() > REFUSED { ", …" } else { "" };
        note.push_str(&format!(
            "; {} do not parse: {}{more}",
            reading.refused.len(),
            names.join(", ")
        ));
    }
    note
}

/// Files that do not parse are named up to this many.
const REFUSED: usize = 8;

/// The root of the sources that a module was read from, and its file below that.
pub fn source_of(module: &[&str]) -> Option<(PathBuf, PathBuf)> {
    libraries::source_of(module)
}

/// Where derivation leaves every name that it has seen, and what it says.
pub fn names_folder() -> PathBuf {
    paths::root().join("target/knowledge/.names")
}

/// Leaves every name that was seen where `--evaluate` finds it.
fn remember(library: &str, found: &Library) -> Outcome {
    let folder = names_folder();
    fs::create_dir_all(&folder)?;
    let lines = found.rows().map(|(name, kept)| format!("{name}\t{:?}\n", kept.row.verdict));
    Ok(fs::write(folder.join(library), lines.collect::<String>())?)
}

fn write(library: &str, text: &str) -> Outcome {
    let path = Path::new(TABLES).join("derived").join(format!("{library}.tsv"));
    let whole = paths::root().join(&path);
    if let Some(folder) = whole.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(whole, text)?;
    say(format_args!("{}: {} rows", path.display(), text.lines().count()));
    Ok(())
}
