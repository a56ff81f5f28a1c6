//! Byte code: names, constants, instructions, lines and handlers of the standard library's code
//! objects, as davy decodes them and as CPython itself tells them.
//!
//! Each module is decoded twice: as a pyc file, whose magic number names the version, and as bare
//! marshal data, whose version has to be found out. Of the latter one of the readings that davy
//! keeps has to be the right one.

use super::process::{Process, Record};
use crate::args::Args;
use crate::{Outcome, say};
use davy_bytes::{Budget, to_usize};
use davy_formats::bytecode::{
    CodeObject, CodeTree, Constant, Decoded, Hints, Operand, Version, decode, handlers,
    instructions,
};
use serde_json::{Value, json};
use std::fmt::Write;

/// Differences that are shown.
const SHOWN: usize = 20;

/// Python's `-O` levels.
const LEVELS: [&str; 3] = ["0", "1", "2"];

/// What is compared of one code object: a word for it, and how davy tells it in the words of
/// `bytecodes.py`.
type Part = (&'static str, fn(&CodeTree, &CodeObject) -> Value);

/// Everything that is compared.
const PARTS: &[Part] = &[
    ("name", |_, object| json!(*object.name)),
    ("qualname", |_, object| json!(*object.qualname)),
    ("filename", |_, object| json!(*object.filename)),
    ("counts", counts),
    ("names", |_, object| names(&object.names)),
    ("varnames", |_, object| names(&object.varnames)),
    ("cellvars", |_, object| names(&object.cellvars)),
    ("freevars", |_, object| names(&object.freevars)),
    ("consts", consts),
    ("instructions", listed),
    ("handlers", handled),
];

/// What came of all modules.
#[derive(Default)]
struct Tally {
    modules: u64,
    codes: u64,
    instructions: u64,
    /// Modules whose version was found out as one among several.
    several: u64,
    differences: u64,
}

/// `oracle bytecode`.
pub fn run(args: &mut Args) -> Outcome {
    let count: u64 = args.value("--count")?.unwrap_or(200);
    let mut pythons: Vec<String> = args.values("--python")?;
    args.finish()?;
    if pythons.is_empty() {
        pythons.push("python3".to_owned());
    }
    let mut differences = 0;
    for python in &pythons {
        let mut tally = Tally::default();
        for level in LEVELS {
            let words = ["--count", &count.to_string(), "--optimize", level].map(str::to_owned);
            let mut process = Process::start(python, "bytecodes", &words)?;
            while let Some(record) = process.next()? {
                compare(&record, &mut tally)?;
            }
        }
        say(format_args!(
            "{python}: {} modules, {} code objects, {} instructions, {} differences; {} modules \
             could be of several versions",
            tally.modules, tally.codes, tally.instructions, tally.differences, tally.several
        ));
        if tally.modules == 0 {
            return Err(format!("{python} compiles nothing").into());
        }
        differences += tally.differences;
    }
    match differences {
        0 => Ok(()),
        some => Err(format!("{some} differences").into()),
    }
}

fn compare(record: &Record, tally: &mut Tally) -> Outcome {
    let answer: Value = serde_json::from_str(&record.answer)?;
    let version = answer["version"].as_str().and_then(Version::parse).ok_or("no version")?;
    let header = if version >= Version::V3_7 {
        16
    } else if version == Version::V2_7 {
        8
    } else {
        12
    };
    let body = record.bytes.get(header..).ok_or("no code")?;
    tally.modules += 1;
    let codes = answer["codes"].as_array().ok_or("no code objects")?;
    tally.codes += davy_bytes::to_u64(codes.len());
    let known = Hints { version: Some(version), certain: true };
    let exact = decode(body, known, &mut Budget::default())?;
    let told = difference(&exact.tree, &exact, codes, tally);
    tell(told, &answer, tally);
    let tried = decode(body, Hints::default(), &mut Budget::default())?;
    tally.several += u64::from(tried.language.contains(" to ") || tried.language.contains(" or "));
    let mut trees = std::iter::once(&tried.tree).chain(&tried.others);
    let mut ignored = Tally::default();
    if !trees.any(|tree| difference(tree, &tried, codes, &mut ignored).is_none()) {
        let what = format!("by trial taken for {}", tried.language);
        tell(Some(what), &answer, tally);
    }
    Ok(())
}

fn tell(difference: Option<String>, answer: &Value, tally: &mut Tally) {
    let Some(what) = difference else { return };
    tally.differences += 1;
    if tally.differences <= davy_bytes::to_u64(SHOWN) {
        say(format_args!("{} {}: {what}", answer["version"], answer["path"]));
    }
}

/// The first thing that is not the same.
fn difference(
    tree: &CodeTree,
    decoded: &Decoded,
    codes: &[Value],
    tally: &mut Tally,
) -> Option<String> {
    if let Some(halt) = &decoded.halt {
        return Some(halt.to_string());
    }
    if tree.objects.len() != codes.len() {
        return Some(format!("{} code objects, not {}", tree.objects.len(), codes.len()));
    }
    for (object, code) in tree.objects.iter().zip(codes) {
        tally.instructions +=
            davy_bytes::to_u64(code["instructions"].as_array().map_or(0, Vec::len));
        for (part, read) in PARTS {
            let (here, there) = (read(tree, object), &code[*part]);
            if here != *there {
                return Some(format!("{part} of {}: {}", object.name, first(&here, there)));
            }
        }
        if let Some(what) = lines(object, code) {
            return Some(format!("lines of {}: {what}", object.name));
        }
    }
    None
}

/// Where two lists part.
fn first(here: &Value, there: &Value) -> String {
    let (Some(one), Some(other)) = (here.as_array(), there.as_array()) else {
        return format!("{here}, not {there}");
    };
    let none = Value::Null;
    let longest = one.len().max(other.len());
    let at = (0..longest).find(|at| one.get(*at) != other.get(*at)).unwrap_or(longest);
    let item = |list: &[Value]| list.get(at).unwrap_or(&none).to_string();
    format!("item {at} is {}, not {}", item(one), item(other))
}

fn names(names: &[std::sync::Arc<str>]) -> Value {
    names.iter().map(|name| json!(**name)).collect()
}

fn counts(_: &CodeTree, object: &CodeObject) -> Value {
    json!([
        object.argcount,
        object.posonlyargcount,
        object.kwonlyargcount,
        object.flags,
        object.first_line
    ])
}

fn consts(tree: &CodeTree, object: &CodeObject) -> Value {
    object.consts.iter().map(|at| json!(spelled(tree, *at))).collect()
}

/// A constant in the words of `bytecodes.py`.
fn spelled(tree: &CodeTree, at: u32) -> String {
    let all = |items: &[u32]| items.iter().map(|at| spelled(tree, *at)).collect::<Vec<_>>();
    match tree.constant(at) {
        None => "nothing".to_owned(),
        Some(Constant::Bool(true)) => "T".to_owned(),
        Some(Constant::Bool(false)) => "F".to_owned(),
        Some(Constant::Bytes(bytes)) => hex("b", bytes),
        Some(Constant::Code(_)) => "C".to_owned(),
        Some(Constant::Complex(real, imaginary)) => {
            hex("c", &[real.to_be_bytes(), imaginary.to_be_bytes()].concat())
        }
        Some(Constant::Ellipsis) => ".".to_owned(),
        Some(Constant::Float(number)) => hex("f", &number.to_be_bytes()),
        Some(Constant::FrozenSet(items)) => {
            let mut items = all(items);
            items.sort();
            format!("{{{}}}", items.join(","))
        }
        Some(Constant::Int(number)) => format!("i{number}"),
        Some(Constant::Long(digits)) => format!("l{digits}"),
        Some(Constant::None) => "N".to_owned(),
        Some(Constant::Slice(parts)) => format!(":({})", all(parts).join(",")),
        Some(Constant::Text(text)) => hex("u", text),
        Some(Constant::Tuple(items)) => format!("({})", all(items).join(",")),
        Some(other) => format!("{other:?}"),
    }
}

fn hex(letter: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(letter.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn listed(_: &CodeTree, object: &CodeObject) -> Value {
    let operand = |operand: Operand| match operand {
        Operand::Cell(index) => json!(["cell", object.cell(index)]),
        Operand::Constant(index) => json!(["constant", index]),
        Operand::Local(index) => json!(["local", object.local(index)]),
        Operand::Locals(one, other) => {
            let both = [one, other].map(|index| object.local(index).unwrap_or_default());
            json!(["local", both.join(", ")])
        }
        Operand::Name(index) => json!(["name", object.named(index)]),
        Operand::None => Value::Null,
        Operand::Number(number) => json!(["number", number]),
        Operand::Target(target) => json!(["target", target]),
    };
    instructions(object)
        .map(|found| {
            json!([found.offset, found.op.as_str(), operand(found.operand(object.version))])
        })
        .collect()
}

fn handled(_: &CodeTree, object: &CodeObject) -> Value {
    let told = handlers(object).map(|it| json!([it.start, it.end, it.target, it.depth, it.lasti]));
    told.collect()
}

/// Where the line of an instruction is another than in CPython's pairs of start and line.
fn lines(object: &CodeObject, code: &Value) -> Option<String> {
    let pairs = code["lines"].as_array()?;
    let starts: Vec<(u64, Option<i64>)> =
        pairs.iter().map(|pair| (pair[0].as_u64().unwrap_or(0), pair[1].as_i64())).collect();
    let wrong = instructions(object).find(|found| {
        let at = starts.partition_point(|(start, _)| *start <= u64::from(found.start));
        let line = at.checked_sub(1).and_then(|at| starts.get(at)).and_then(|(_, line)| *line);
        line != found.line
    });
    wrong.map(|found| format!("{:?} at {}", found.line, to_usize(u64::from(found.start))))
}
