//! Turns the knowledge of callables into a sorted static table, so that using it costs no start-up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

/// The effects that a row may name, and the variants of `Effect` that they become.
const EFFECTS: &[(&str, &str)] = &[
    ("data", "Data"),
    ("data:new", "New"),
    ("data:ref", "Ref"),
    ("exec", "Exec"),
    ("exec:carrier", "Carrier"),
    ("exec:fixed", "Fixed"),
    ("exec:class-build", "ClassBuild"),
    ("exec:code-build", "CodeBuild"),
    ("exec:deferred", "Deferred"),
    ("exec:deser", "Deser"),
    ("exec:dos", "Dos"),
    ("exec:env", "Environment"),
    ("exec:hook", "Hook"),
    ("exec:html", "Html"),
    ("exec:indirect", "Indirect"),
    ("exec:interactive", "Interactive"),
    ("exec:mutate", "Mutate"),
    ("exec:obfuscation", "Obfuscation"),
    ("exec:scanner-deactivation", "ScannerDeactivation"),
    ("file", "File"),
    ("file:read", "FileRead"),
    ("file:recon", "FileRecon"),
    ("file:registry", "SystemRegistry"),
    ("file:shm", "SharedMemory"),
    ("file:write", "FileWrite"),
    ("file:xxe", "XmlEntities"),
    ("import", "Import"),
    ("import:ext-registry", "ExtensionRegistry"),
    ("import:indirect", "ImportIndirect"),
    ("import:introspect", "Introspect"),
    ("import:remap", "Remap"),
    ("import:resolve", "Resolve"),
    ("native", "Native"),
    ("native:crash", "NativeCrash"),
    ("native:mem", "NativeMemory"),
    ("native:parser", "NativeParser"),
    ("network", "Network"),
    ("network:dns", "NetworkDns"),
];

/// Modules that others import names from, with what of theirs does harm under any name.
const STANDARD: &[&str] = &[
    "_ctypes",
    "_io",
    "_thread",
    "builtins",
    "code",
    "concurrent.futures",
    "ctypes",
    "ftplib",
    "http.client",
    "importlib",
    "io",
    "marshal",
    "multiprocessing",
    "multiprocessing.pool",
    "os",
    "pdb",
    "pickle",
    "pty",
    "runpy",
    "shutil",
    "smtplib",
    "socket",
    "sqlite3",
    "subprocess",
    "tarfile",
    "telnetlib",
    "tempfile",
    "threading",
    "timeit",
    "types",
    "urllib.request",
    "webbrowser",
    "zipfile",
];

const TABLE: &str = "knowledge/callables.tsv";

const ADVISORIES: &str = "knowledge/advisories.tsv";

const ALIASES: &str = "knowledge/aliases.tsv";

const METHODS: &str = "knowledge/methods.tsv";

/// What functions of R do.
const R: &str = "knowledge/r.tsv";

/// What was derived, a file for each library.
const DERIVED: &str = "knowledge/derived";

/// Names that are packed together, each as the difference to the one before.
const BLOCK: usize = 16;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let tables: [(&str, Generate); 6] = [
        (TABLE, generate),
        (ADVISORIES, advisories),
        (ALIASES, aliases),
        (METHODS, methods),
        (R, functions_of_r),
        (DERIVED, derived),
    ];
    for (table, generate) in tables {
        println!("cargo::rerun-if-changed={table}");
        if let Err(why) = generate() {
            println!("cargo::error={table}: {why}");
            process::exit(1);
        }
    }
}

type Generate = fn() -> Result<(), String>;

/// The table of aliases, as text of Rust: variables and modules apart, each in order.
fn aliases() -> Result<(), String> {
    let text = fs::read_to_string(ALIASES).map_err(|error| error.to_string())?;
    let (mut globals, mut modules) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["global", name, to, _] => {
                globals.push((name, to.split(", ").collect::<Vec<_>>()));
            }
            ["module", name, to, _] => modules.push((name, to)),
            _ => return Err(format!("line {}: not a row", at + 1)),
        }
    }
    let sorted = globals.is_sorted_by(|a, b| a.0 < b.0) && modules.is_sorted_by(|a, b| a.0 < b.0);
    if !sorted {
        return Err("not sorted".to_owned());
    }
    let globals = globals.iter().map(|(name, to)| format!("    ({name:?}, &{to:?}),\n"));
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    write(&folder, "globals.rs", &format!("&[\n{}]\n", globals.collect::<String>()))?;
    write(&folder, "modules.rs", &format!("&{modules:?}\n"))
}

/// The table of methods, as text of Rust.
fn methods() -> Result<(), String> {
    let text = fs::read_to_string(METHODS).map_err(|error| error.to_string())?;
    let (mut rows, mut last) = (String::from("&[\n"), "");
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let parts = line.split('\t').collect::<Vec<_>>();
        let [name, effect, source] = parts[..] else {
            return Err(format!("line {}: not a row", at + 1));
        };
        let row = Row::of([name, effect, "", source])?;
        if name <= last {
            return Err(format!("line {}: not sorted", at + 1));
        }
        last = name;
        row.write(&mut rows);
    }
    rows.push_str("]\n");
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    write(&folder, "methods.rs", &rows)
}

/// The table of functions of R, as text of Rust in the order of their names.
fn functions_of_r() -> Result<(), String> {
    let text = fs::read_to_string(R).map_err(|error| error.to_string())?;
    let mut functions = BTreeMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let parts = line.split('\t').collect::<Vec<_>>();
        let [effect, source, names] = parts[..] else {
            return Err(format!("line {}: not a row", at + 1));
        };
        for name in names.split(' ') {
            let mut row = Row::of(["R", effect, "", source])?;
            row.pattern = name;
            if functions.insert(name, row).is_some() {
                return Err(format!("line {}: `{name}` a second time", at + 1));
            }
        }
    }
    let mut rows = String::from("&[\n");
    functions.values().for_each(|row| row.write(&mut rows));
    rows.push_str("]\n");
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    write(&folder, "r.rs", &rows)
}

/// The table of advisories, as text of Rust.
fn advisories() -> Result<(), String> {
    let text = fs::read_to_string(ADVISORIES).map_err(|error| error.to_string())?;
    let mut rows = String::from("&[\n");
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let row = advisory(line).map_err(|why| format!("line {}: {why}", at + 1))?;
        rows.push_str(&row);
    }
    rows.push_str("]\n");
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    write(&folder, "advisories.rs", &rows)
}

/// One advisory.
fn advisory(line: &str) -> Result<String, String> {
    let fields = line.split('\t').collect::<Vec<_>>();
    let [id, package, affected, fixed, ground, formats, subjects, title, source] = fields[..]
    else {
        return Err("not nine columns".to_owned());
    };
    let decides = match ground {
        "only" => true,
        "also" => false,
        _ => return Err(format!("`{ground}` is not a ground")),
    };
    let formats: Vec<&str> = formats.split(", ").collect();
    let about = subjects.split(", ").map(about).collect::<Result<Vec<_>, _>>()?.join(", ");
    Ok(format!(
        "    Advisory {{ id: {id:?}, package: {package:?}, affected: {affected:?}, fixed: {fixed:?}, \
         decides: {decides}, formats: &{formats:?}, about: &[{about}], title: {title:?}, \
         source: {source:?} }},\n"
    ))
}

/// What an advisory belongs to.
fn about(subject: &str) -> Result<String, String> {
    Ok(match subject.split_once(':') {
        None if subject == "code" => "About::Code".to_owned(),
        Some(("name", "foreign")) => "About::Foreign".to_owned(),
        Some(("name", "own")) => "About::Own".to_owned(),
        Some(("name", name)) => format!("About::Name({name:?})"),
        Some(("purpose", words)) => format!("About::Purpose({words:?})"),
        Some(("quirk", kind)) => format!("About::Quirk({kind:?})"),
        Some(("what", words)) => format!("About::What({words:?})"),
        _ => return Err(format!("`{subject}` is not a subject")),
    })
}

fn generate() -> Result<(), String> {
    let text = fs::read_to_string(TABLE).map_err(|error| error.to_string())?;
    let mut rows = String::from("&[\n");
    let mut last = "";
    let mut tails = BTreeSet::new();
    let mut ends = BTreeSet::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    for (nth, (at, line)) in lines.enumerate() {
        let row = Row::parse(line).map_err(|why| format!("line {}: {why}", at + 1))?;
        if row.pattern <= last {
            return Err(format!("line {}: `{}` is not behind `{last}`", at + 1, row.pattern));
        }
        last = row.pattern;
        row.write(&mut rows);
        tails.extend(row.tail());
        ends.extend(row.end().map(|(end, package)| (end, package, nth)));
    }
    rows.push_str("]\n");
    let tails = format!("&{:?}\n", Vec::from_iter(tails));
    let ends = format!("&{:?}\n", Vec::from_iter(ends));
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    write(&folder, "rows.rs", &rows)?;
    write(&folder, "ends.rs", &ends)?;
    write(&folder, "tails.rs", &tails)
}

fn write(folder: &str, name: &str, text: &str) -> Result<(), String> {
    fs::write(Path::new(folder).join(name), text).map_err(|error| error.to_string())
}

/// One line of the table.
struct Row<'a> {
    pattern: &'a str,
    effect: &'a str,
    variant: &'static str,
    when: &'a str,
    source: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Result<Self, String> {
        match line.split('\t').collect::<Vec<_>>()[..] {
            [pattern, effect, when, source] => Self::of([pattern, effect, when, source]),
            _ => Err("not four columns".to_owned()),
        }
    }

    fn of([pattern, effect, when, source]: [&'a str; 4]) -> Result<Self, String> {
        let (_, variant) = EFFECTS
            .iter()
            .find(|(name, _)| *name == effect)
            .ok_or_else(|| format!("`{effect}` is not an effect"))?;
        let literal = pattern.trim_end_matches("**:Class").trim_end_matches('*');
        if literal.contains(['*', ':', ' ']) || literal.is_empty() || literal.contains("..") {
            return Err(format!("`{pattern}` is not a pattern"));
        }
        if !matches!(when, "" | "args:data" | "args:text" | "called") {
            return Err(format!("`{when}` is not a condition"));
        }
        if source.trim().is_empty() {
            return Err("without a source".to_owned());
        }
        Ok(Self { pattern, effect, variant, when, source })
    }

    fn write(&self, out: &mut String) {
        let Self { pattern, variant, source, .. } = self;
        let constants_only = self.when == "args:data";
        let texts_only = self.when == "args:text";
        let (variant, called) = match self.when {
            "called" => ("New", format!("Some(Effect::{variant})")),
            _ => (*variant, "None".to_owned()),
        };
        let _ = writeln!(
            out,
            "    Known {{ pattern: {pattern:?}, effect: Effect::{variant}, \
             constants_only: {constants_only}, texts_only: {texts_only}, called: {called}, source: {source:?} }},"
        );
    }

    /// The last component and the package of a name below a package that does harm in code whose
    /// other names are not known: `system` of `os`, `backend` of `h2o.backend.*`.
    fn end(&self) -> Option<(&'a str, &'a str)> {
        let resolves = self.effect == "import:resolve";
        let harmful = !self.effect.starts_with("data") && (self.when.is_empty() || resolves);
        let name = self.pattern.trim_end_matches("**:Class").trim_end_matches('*');
        let (package, path) = name.trim_end_matches('.').split_once('.')?;
        let end = path.rsplit('.').next().unwrap_or(path);
        harmful.then_some((end, package))
    }

    /// The last component of an exact name of the standard library that does harm whatever it is
    /// given: `Popen`, `system`.
    fn tail(&self) -> Option<&'a str> {
        let harmful = !self.effect.starts_with("data") && self.when.is_empty();
        let standard = STANDARD.iter().any(|module| {
            let name = self.pattern.strip_prefix(module).and_then(|name| name.strip_prefix('.'));
            name.is_some_and(|name| !name.contains(['.', '*']))
        });
        (harmful && standard).then(|| self.pattern.rsplit('.').next()).flatten()
    }
}

/// One derived name.
struct Derived {
    code: u8,
    flags: u8,
    through: String,
    via: String,
    origin: String,
}

/// The derived rows, packed: the layout is told in `src/knowledge/derived.rs`.
fn derived() -> Result<(), String> {
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let mut rows = BTreeMap::new();
    let mut files: Vec<_> = fs::read_dir(DERIVED)
        .map_err(|error| error.to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    files.sort();
    for path in files {
        let shown = path.display().to_string();
        let text = fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
        derived_file(&text, &mut rows).map_err(|why| format!("{shown}: {why}"))?;
    }
    fs::write(Path::new(&folder).join("derived.bin"), pack(&rows)?)
        .map_err(|error| error.to_string())?;
    let variants = EFFECTS.iter().map(|(_, variant)| format!("Effect::{variant}"));
    write(&folder, "effects.rs", &format!("&[{}]\n", variants.collect::<Vec<_>>().join(", ")))?;
    write(&folder, "derived_plain.rs", &statics(false))?;
    write(&folder, "derived_called.rs", &statics(true))
}

/// A row for each effect: of what is called, or of a class whose constructor has it.
fn statics(of_constructors: bool) -> String {
    let mut rows = String::from("&[\n");
    for (name, variant) in EFFECTS {
        // What calls its arguments is as bad as they are.
        let by_arguments = matches!(
            *name,
            "exec:indirect" | "exec:deferred" | "import:indirect" | "import:resolve"
        );
        let (effect, called) = if of_constructors {
            ("New", format!("Some(Effect::{variant})"))
        } else {
            (*variant, "None".to_owned())
        };
        let _ = writeln!(
            rows,
            "    Known {{ pattern: \"(derived)\", effect: Effect::{effect}, \
             constants_only: {by_arguments}, texts_only: false, called: {called}, source: SOURCE }},"
        );
    }
    rows.push_str("]\n");
    rows
}

/// Adds the rows of one library; a name that two libraries have keeps its first row.
fn derived_file(text: &str, rows: &mut BTreeMap<String, Derived>) -> Result<(), String> {
    let library = text
        .lines()
        .find_map(|line| line.strip_prefix("# library: "))
        .ok_or("without a line `# library: `")?;
    let all = text.lines().find_map(|line| line.strip_prefix("# versions: ")).unwrap_or("");
    let mut last = "";
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let wrong = |why: &str| format!("line {}: {why}", at + 1);
        if line <= last {
            return Err(wrong("not sorted"));
        }
        last = line;
        let parts = line.split('\t').collect::<Vec<_>>();
        let (name, effect) = (*parts.first().unwrap_or(&""), *parts.get(1).unwrap_or(&""));
        let (word, fills) = match effect.strip_suffix("+fills") {
            Some(word) => (word, true),
            None => (effect, false),
        };
        let code = EFFECTS.iter().position(|(known, _)| *known == word);
        let code = code.and_then(|at| u8::try_from(at).ok());
        let code = code.ok_or_else(|| wrong("not an effect"))?;
        let mut add =
            |name: String, fills: bool, steps: u8, through: &str, via: &str, versions: &str| {
                let flags = steps.min(0x7f) | if fills { 0x80 } else { 0 };
                let versions = if versions.is_empty() { all } else { versions };
                let origin = format!("{library} {versions}").trim_end().to_owned();
                let (through, via) = (through.to_owned(), via.to_owned());
                rows.entry(name).or_insert(Derived { code, flags, through, via, origin });
            };
        match parts[..] {
            [module, _, versions, names] => {
                for name in names.split(' ') {
                    let (name, fills) = match name.strip_suffix('+') {
                        Some(name) => (name, true),
                        None => (name, false),
                    };
                    add(format!("{module}.{name}"), fills, 0, "", "", versions);
                }
            }
            [_, _, versions, through, steps, via] => {
                let steps = steps.parse().map_err(|_| wrong("not a count of steps"))?;
                add(name.to_owned(), fills, steps, through, via, versions);
            }
            _ => return Err(wrong("neither four nor six columns")),
        }
    }
    Ok(())
}

/// Offsets of texts, each of which is kept once.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    offsets: HashMap<String, usize>,
}

impl Texts {
    fn offset(&mut self, text: &str) -> usize {
        if let Some(offset) = self.offsets.get(text) {
            return *offset;
        }
        let offset = self.bytes.len();
        varint(&mut self.bytes, text.len());
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.insert(text.to_owned(), offset);
        offset
    }
}

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn pack(rows: &BTreeMap<String, Derived>) -> Result<Vec<u8>, String> {
    let mut texts = Texts::default();
    let (mut blocks, mut starts) = (Vec::new(), Vec::new());
    let mut last = "";
    let numbers: HashMap<&str, usize> =
        rows.keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    for (at, (name, row)) in rows.iter().enumerate() {
        if at % BLOCK == 0 {
            starts.push(blocks.len());
            last = "";
        }
        let shared = name.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
        varint(&mut blocks, shared);
        varint(&mut blocks, name.len() - shared);
        blocks.extend_from_slice(&name.as_bytes()[shared..]);
        blocks.extend_from_slice(&[row.code, row.flags]);
        let via = match numbers.get(row.via.as_str()) {
            Some(number) => number * 2 + 1,
            None => texts.offset(&row.via) * 2,
        };
        varint(&mut blocks, texts.offset(&row.through));
        varint(&mut blocks, via);
        varint(&mut blocks, texts.offset(&row.origin));
        last = name;
    }
    let front = 12 + starts.len() * 4;
    let mut packed = Vec::with_capacity(front + blocks.len() + texts.bytes.len());
    let mut number = |value: usize| -> Result<(), String> {
        let value = u32::try_from(value).map_err(|error| error.to_string())?;
        packed.extend_from_slice(&value.to_le_bytes());
        Ok(())
    };
    number(rows.len())?;
    number(starts.len())?;
    number(front + blocks.len())?;
    for start in &starts {
        number(front + start)?;
    }
    packed.extend_from_slice(&blocks);
    packed.extend_from_slice(&texts.bytes);
    Ok(packed)
}
