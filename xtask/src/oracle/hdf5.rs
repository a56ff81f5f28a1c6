//! HDF5: the tree, datatypes, shapes, layouts, attributes, links and elements that davy sees have to
//! be those that h5py sees, no more and no fewer.

use super::process::Process;
use super::{Comparison, Oracle, run};
use crate::args::Args;
use crate::{Outcome, say};
use davy_artifact::{Excerpt, Fact, Reading, Value};
use davy_bytes::{Budget, Bytes, Span, to_u64, to_usize};
use davy_formats::hdf5::{
    Attribute, Bits, Class, Dataset, Dataspace, Datatype, Entry, File, Kind, Layout, Leads, Object,
    Order, Padding,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Datasets of up to so many bytes are compared byte by byte.
const DATA: u64 = 1 << 16;

/// The oracle of `hdf5.py`.
pub struct Files;

/// `oracle hdf5`.
pub fn hdf5(args: &mut Args) -> Outcome {
    let folders: Vec<PathBuf> = args.values("--corpus")?.into_iter().map(PathBuf::from).collect();
    if folders.is_empty() {
        return run::run(&Files, args);
    }
    let python = args.value("--python")?.unwrap_or_else(|| "python3".to_owned());
    args.finish()?;
    corpora(&folders, &python)
}

/// Compares all HDF5 files in folders.
fn corpora(folders: &[PathBuf], python: &str) -> Outcome {
    let mut ahead: Vec<PathBuf> = folders.to_vec();
    let (mut files, mut opened, mut seen, mut failed) = (0, 0, 0, 0);
    let mut process = None;
    while let Some(path) = ahead.pop() {
        if path.is_dir() {
            let mut inside = Vec::new();
            for entry in std::fs::read_dir(&path)? {
                inside.push(entry?.path());
            }
            inside.sort_by(|one, other| other.cmp(one));
            ahead.extend(inside);
            continue;
        }
        let bytes = std::fs::read(&path)?;
        if !is_hdf5(&bytes) {
            continue;
        }
        files += 1;
        let Some(compared) = ask(&mut process, python, &bytes)? else {
            say(format_args!("{}: kills or stalls the library", path.display()));
            continue;
        };
        opened += u64::from(compared.seen > 0);
        seen += compared.seen;
        if !compared.missing.is_empty() {
            failed += 1;
            say(describe(&path, &compared));
        }
    }
    say(format_args!("{files} files, of which the library opens {opened}; {seen} things in all"));
    if failed == 0 { Ok(()) } else { Err(format!("davy differs on {failed} files").into()) }
}

/// What a comparison with one answer of the library gives; `None` where the library dies.
fn ask(
    process: &mut Option<Process>,
    python: &str,
    bytes: &[u8],
) -> Result<Option<Comparison>, Box<dyn std::error::Error>> {
    let mut running = match process.take() {
        Some(running) => running,
        None => Process::start(python, Files.script(), &["answer".to_owned()])?,
    };
    let Ok(Some(record)) = running.ask(bytes) else { return Ok(None) };
    *process = Some(running);
    Ok(Some(Files.compare(&record.bytes, &record.answer)?))
}

fn describe(path: &Path, compared: &Comparison) -> String {
    let mut text = format!("{}:", path.display());
    for line in compared.missing.iter().take(12) {
        let _ = write!(text, "\n    {}", line.chars().take(300).collect::<String>());
    }
    text
}

fn is_hdf5(bytes: &[u8]) -> bool {
    let starts = std::iter::successors(Some(512), |at: &usize| at.checked_mul(2));
    let starts = std::iter::once(0).chain(starts.take_while(|at| *at < bytes.len()));
    starts.into_iter().any(|at| bytes[at..].starts_with(b"\x89HDF\r\n\x1a\n"))
}

impl Oracle for Files {
    fn script(&self) -> &'static str {
        "hdf5"
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let answer: Option<Vec<String>> =
            serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let Some(lines) = answer else { return Ok(Comparison::default()) };
        let damaged = lines.first().is_some_and(|line| line == "damaged");
        let theirs: BTreeSet<&str> =
            lines.iter().map(String::as_str).filter(|line| *line != "damaged").collect();
        let (ours, unrecognised) = ours(bytes)?;
        let mut missing = BTreeSet::new();
        for line in &theirs {
            if !found(line, &ours) {
                missing.insert(format!("- {line}"));
            }
        }
        // What the library gives up on, davy may still read.
        let more = ours.iter().filter(|line| !known(line, &theirs));
        let more: Vec<String> = more.map(|line| format!("+ {line}")).collect();
        let unseen = if damaged { to_u64(more.len()) } else { 0 };
        if !damaged {
            missing.extend(more);
        }
        Ok(Comparison { missing, seen: to_u64(theirs.len()), unseen, unrecognised })
    }
}

/// Whether davy has a line of the library's; a value that the library cannot give may be any.
fn found(line: &str, ours: &BTreeSet<String>) -> bool {
    match line.strip_suffix(" ?") {
        Some(start) => {
            let start = format!("{start} ");
            ours.range(start.clone()..).next().is_some_and(|line| line.starts_with(&start))
        }
        None => ours.contains(line),
    }
}

/// Whether the library has a line of davy's. Elements are only compared where both give them.
fn known(line: &str, theirs: &BTreeSet<&str>) -> bool {
    let any = |start: &str| theirs.contains(format!("{start} ?").as_str());
    line.starts_with("data ")
        || theirs.contains(line)
        || (line.starts_with("attribute ")
            && any(&line.splitn(6, ' ').take(5).collect::<Vec<_>>().join(" ")))
}

/// What davy sees, in the words of the script; and whether it would have taken the bytes for
/// something else.
fn ours(bytes: &[u8]) -> Result<(BTreeSet<String>, bool), String> {
    let (reading, unrecognised) = super::read("hdf5", bytes)?;
    let mut budget = Budget::default();
    let whole = Bytes::from_memory(bytes);
    let mut lines = BTreeSet::new();
    let Ok(file) = File::open(&whole, &mut Reading::default(), &mut budget) else {
        return Ok((lines, unrecognised));
    };
    for entry in file.entries() {
        lines.extend(link(&file, entry));
        if let Leads::Object { index, first: true } = entry.leads {
            let object = &file.objects()[index];
            lines.extend(head(object));
            if let Some(dataset) = &object.dataset {
                more(&file, object, dataset, &mut budget, &mut lines);
            }
        }
    }
    attributes(&file, &reading, &mut lines);
    Ok((lines, unrecognised))
}

fn hex(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(words: &str) -> String {
    hex(words.as_bytes())
}

fn link(file: &File, entry: &Entry) -> Option<String> {
    let path = text(&entry.path);
    Some(match &entry.leads {
        Leads::Broken => return None,
        Leads::Soft(target) => format!("soft {path} {}", text(target)),
        Leads::External { file, path: target } => {
            format!("external {path} {} {}", text(file), text(target))
        }
        Leads::Other(class) => format!("other {path} {class}"),
        Leads::Object { index, .. } => {
            format!("hard {path} {}", text(&file.objects()[*index].path))
        }
    })
}

fn head(object: &Object) -> Option<String> {
    let path = text(&object.path);
    match (object.kind, &object.dataset, &object.datatype) {
        (Kind::Group, ..) => Some(format!("group {path}")),
        (Kind::Dataset, Some(dataset), _) => {
            let (kind, shape) = (datatype(&dataset.datatype), dataspace(&dataset.dataspace));
            let (layout, filters) = (layout(dataset), filters(dataset));
            Some(format!("dataset {path} {kind} {shape} {layout} [{filters}]"))
        }
        (Kind::Datatype, _, Some(kind)) => Some(format!("type {path} {}", datatype(kind))),
        _ => None,
    }
}

/// Where the elements of a dataset are, and small ones themselves.
fn more(
    file: &File,
    object: &Object,
    dataset: &Dataset,
    budget: &mut Budget,
    lines: &mut BTreeSet<String>,
) {
    let path = text(&object.path);
    for external in &dataset.external {
        let (file, offset, size) = (hex(&external.file), external.offset, external.size);
        lines.insert(format!("storage {path} {file} {offset} {size}"));
    }
    for source in file.sources(object, budget).unwrap_or_default() {
        let (file, dataset) = (hex(&source.file), hex(&source.dataset));
        lines.insert(format!("source {path} {file} {dataset}"));
    }
    let size = dataset.dataspace.elements().saturating_mul(dataset.datatype.size);
    if size == 0 || size > DATA {
        return;
    }
    let Ok(Some(data)) = file.data(object, DATA, budget) else { return };
    let len = data.bytes.len();
    let mut raw = data.bytes.copy(Span::new(0, len), to_usize(len)).unwrap_or_default();
    raw.resize(to_usize(size), 0);
    lines.insert(format!("data {path} {}", hex(&raw)));
}

fn attributes(file: &File, reading: &Reading, lines: &mut BTreeSet<String>) {
    let mut values = BTreeMap::new();
    for fact in &reading.facts {
        if let Fact::Attribute { owner, name, value, .. } = fact {
            values.insert((owner.as_str(), name.as_str()), value);
        }
    }
    for object in file.objects() {
        for attribute in &object.attributes {
            let name = String::from_utf8_lossy(&attribute.name);
            let Some(value) = values.get(&(object.path.as_str(), name.as_ref())) else { continue };
            let Attribute { datatype: kind, dataspace: space, .. } = attribute;
            let (path, name) = (text(&object.path), text(&name));
            let (kind, space) = (datatype(kind), dataspace(space));
            lines.insert(format!("attribute {path} {name} {kind} {space} {}", self::value(value)));
        }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => format!("i{number}"),
        Value::Long(digits) => format!("i{digits}"),
        Value::Float(number) if number.is_nan() => "fnan".to_owned(),
        Value::Float(number) => format!("f{}", hex(&number.to_be_bytes())),
        Value::Text(excerpt) => cut("t", excerpt),
        Value::Bytes(excerpt) => cut("b", excerpt),
        Value::More(count) => format!("+{count}"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(" "))
        }
        Value::Dict(items) => {
            let fields = items.iter().map(|(name, value)| match name {
                Value::Text(name) => format!("{}={}", hex(&name.head), self::value(value)),
                other => self::value(other),
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(" "))
        }
        _ => "?".to_owned(),
    }
}

fn cut(letter: &str, excerpt: &Excerpt) -> String {
    format!("{letter}{}:{}", excerpt.len, hex(&excerpt.head))
}

fn dataspace(space: &Dataspace) -> String {
    match space {
        Dataspace::Null => "null".to_owned(),
        Dataspace::Scalar => "scalar".to_owned(),
        Dataspace::Simple { dimensions, limits } => {
            let each = dimensions.iter().enumerate().map(|(at, size)| match limits.get(at) {
                Some(None) => format!("{size}/inf"),
                Some(Some(limit)) => format!("{size}/{limit}"),
                None => format!("{size}/{size}"),
            });
            each.collect::<Vec<_>>().join("x")
        }
    }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(separator)
}

fn layout(dataset: &Dataset) -> String {
    match &dataset.layout {
        Layout::Chunked(chunks) => format!("chunked({})", list(&chunks.dimensions, ",")),
        Layout::Compact(_) => "compact".to_owned(),
        Layout::Contiguous { .. } => "contiguous".to_owned(),
        Layout::Virtual(_) => "virtual".to_owned(),
    }
}

fn filters(dataset: &Dataset) -> String {
    let each = dataset.filters.0.iter();
    list(each.map(|filter| format!("{}:{}", filter.id, list(&filter.values, "."))), ",")
}

fn bits(bits: &Bits) -> String {
    let order = match bits.order {
        Order::Big => "be",
        Order::Little => "le",
        Order::Vax => "none",
    };
    format!("{order},{},{}", bits.offset, bits.precision)
}

fn datatype(kind: &Datatype) -> String {
    let size = kind.size;
    match &kind.class {
        Class::Integer { bits: b, signed } => {
            format!("int({size},{},{})", bits(b), u8::from(*signed))
        }
        Class::Float(float) => {
            let fields = [
                float.sign,
                float.exponent,
                float.exponent_bits,
                float.mantissa,
                float.mantissa_bits,
            ];
            let (bits, implied) = (bits(&float.bits), u8::from(float.implied));
            format!("float({size},{bits},{},{},{implied})", list(fields, ","), float.bias)
        }
        Class::Bitfield { .. } => format!("bits({size})"),
        Class::Time { .. } => format!("time({size})"),
        Class::LongText { unicode } => format!("string({})", u8::from(*unicode)),
        Class::Text { padding, unicode } => {
            let padding = match padding {
                Padding::Terminated => 0,
                Padding::Nulls => 1,
                Padding::Spaces => 2,
            };
            format!("text({size},{padding},{})", u8::from(*unicode))
        }
        Class::Opaque { tag } => format!("opaque({size},{})", hex(tag)),
        Class::Reference(_) => "reference".to_owned(),
        Class::Enum { base, members } => {
            let pairs = members
                .iter()
                .map(|(name, raw)| format!("{}={}", hex(name), enumerated(raw, base)));
            format!("enum({};{})", datatype(base), list(pairs, ","))
        }
        Class::Sequence(base) => format!("sequence({})", datatype(base)),
        Class::Array { dimensions, base } => {
            format!("array({};{})", datatype(base), list(dimensions, ","))
        }
        Class::Compound(members) => {
            // What has variable length is larger in memory than in files with narrow addresses.
            let fixed = !refers(kind);
            let shown = |number: u64| if fixed { number.to_string() } else { String::new() };
            let each = members.iter().map(|member| {
                let (name, place) = (hex(&member.name), shown(member.offset));
                format!("{name}@{place}:{}", datatype(&member.datatype))
            });
            format!("compound({};{})", shown(size), list(each, ","))
        }
        Class::Complex(base) => format!("complex({})", datatype(base)),
    }
}

/// Whether a type has parts that lie elsewhere, or refer to it.
fn refers(kind: &Datatype) -> bool {
    match &kind.class {
        Class::Reference(_) | Class::Sequence(_) | Class::LongText { .. } => true,
        Class::Array { base, .. } => refers(base),
        Class::Compound(members) => members.iter().any(|member| refers(&member.datatype)),
        _ => false,
    }
}

/// A value of an enumeration.
fn enumerated(raw: &[u8], base: &Datatype) -> i128 {
    let Class::Integer { bits, signed } = &base.class else { return 0 };
    let join = |all: i128, byte: &u8| (all << 8) | i128::from(*byte);
    let all = match bits.order {
        Order::Big => raw.iter().fold(0, join),
        _ => raw.iter().rev().fold(0, join),
    };
    let top = 1_i128 << (raw.len() * 8 - 1);
    if *signed && all >= top { all - 2 * top } else { all }
}
