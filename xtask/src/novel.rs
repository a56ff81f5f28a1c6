//! The page of callables that derivation found and no list names, with the place of every step.

use crate::knowledge::source_of;
use davy_rules::knowledge::derived::{self, Derivation};
use davy_rules::knowledge::{self as known, Effect};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Effects of which the page speaks, worst first.
const TOLD: &[Effect] =
    &[Effect::Exec, Effect::Deser, Effect::Native, Effect::Import, Effect::FileWrite];

/// Longer ways than this are more often wrong.
const STEPS: usize = 6;

/// So many names of the page go the same way from their second step on, and so many are of one library:
/// more of them would only say the same again.
const ALIKE: usize = 3;
const OF_A_LIBRARY: usize = 40;

/// Rows of the page.
const ROWS: usize = 320;

/// Steps by which paths that no run takes are found: a call of an object whose class was guessed.
const GUESSED: &[&str] = &["unittest.mock", ".__call__", "_ctypes.CFuncPtr"];

/// Steps behind which the argument does not decide what happens, as reading their source showed: names
/// that are checked to be identifiers, formulas of plurals that are parsed first, functions of the
/// library's own that are timed, and loaders that refuse objects unless they are asked for them.
const CHECKED: &[&str] = &[
    "_attach_methods",
    "_construct_argparser",
    "_timeit_fast",
    "collections.namedtuple",
    "email.parser",
    "gettext.NullTranslations",
    "inspect._signature_from_callable",
    "numpy.lib._format_impl.read_array",
    "numpy.lib._npyio_impl.load",
    "pandas.core.computation",
    "pickle._Pickler",
    "pickle._dump",
    "timeit.Timer",
    "torch.multiprocessing.spawn.ProcessContext",
    "torch.serialization.load",
    "zoneinfo._common.load_tzdata",
];

/// Parts of names that stand for copies of other libraries and for tests.
const ASIDE: &[&str] = &["_vendor", "conftest", "idlelib", "lib2to3", "sandbox", "vendor"];

/// Names whose source a person has read from the call to the effect.
const READ: &str = include_str!("novel.txt");

/// Names that were called, and did what they are said to do.
const CALLED: &str = include_str!("called.txt");

const HEAD: &str = "# Callables that no list names

Functions and classes of libraries that run code, unpickle, load native libraries, import or write what they are told to,
by one call with arguments that a file chooses. `cargo xtask knowledge --evaluate` found them in the source. No published list
that davy was compared with names them. Methods, names that are only other names of the same thing, tests, copies of other
libraries, paths by which a class was guessed, and steps that were read and check their argument are left out; of many that go
the same way, a few stand for all. The way ends at the first callable that is known for its effect; a place is the file and
line of the definition in that version, and a step without one stands in C or in what was not read. Derived rows have
medium confidence: conditions on the way are not looked at.

The plainest stand first: by what happens, those of the standard library before others, public names before private ones, and
the shortest way.

";

/// Something that may stand on the page.
struct Found {
    rank: (usize, bool, bool, usize, usize),
    way: Vec<String>,
    derived: Derivation,
}

/// The page; `published` holds a name before the first TAB of each line.
pub fn page(published: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(published)?;
    let listed: BTreeSet<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
    let names = derived::names();
    let refuted: BTreeSet<&str> = read().filter_map(|(name, _)| name.strip_prefix('-')).collect();
    let known = |name: &str| listed.contains(name) || refuted.contains(name);
    let unlisted = names.iter().filter(|name| !known(name));
    let mut found: Vec<Found> = unlisted.filter_map(|name| candidate(name)).collect();
    found.sort_by(|a, b| (a.rank, &a.derived.name).cmp(&(b.rank, &b.derived.name)));
    let mut places = Places::default();
    let mut page = String::from(HEAD);
    page.push_str(&called(&listed, &mut places));
    page.push_str(&read_by_hand(&mut places));
    page.push_str(
        "\n## All\n\n| callable | effect | through | way | in |\n|---|---|---|---|---|\n",
    );
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = 0;
    for one in found {
        let library = one.derived.origin.split(' ').next().unwrap_or_default().to_owned();
        let tail = one.way.get(1..).unwrap_or_default().join(" ");
        let most = if library == "Python" { usize::MAX } else { OF_A_LIBRARY };
        let over = [(tail, ALIKE), (library, most)].into_iter().any(|(key, most)| {
            let count = alike.entry(key).or_default();
            *count += 1;
            *count > most
        });
        if !over && rows < ROWS {
            rows += 1;
            page.push_str(&row(&one, &mut places));
        }
    }
    Ok(page)
}

fn row(found: &Found, places: &mut Places) -> String {
    let steps: Vec<String> = found.way.iter().map(|step| places.shown(step)).collect();
    let derived = &found.derived;
    let (name, effect) = (&derived.name, derived.effect.as_str());
    let through = derived.through.replace(',', ", ");
    format!("| `{name}` | {effect} | {through} | {} | {} |\n", steps.join(" → "), derived.origin)
}

/// The part about those that were called, where derivation still finds them.
fn called(listed: &BTreeSet<&str>, places: &mut Places) -> String {
    let mut part = String::from(
        "## Called\n\n`xtask/oracle/gadgets.py` called these, in a process without rights, and saw it happen. `CODE` is a text of \
         Python, `PICKLE` a pickle, `DIR` a folder.\n\n| callable | what happens | called with | way |\n|---|---|---|---|\n",
    );
    for line in CALLED.lines().filter(|line| !line.starts_with('#')) {
        let [name, what, call] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let found = derived::find(name).filter(|found| !found.effect.is_harmless());
        let Some(found) = found.filter(|_| !listed.contains(name)) else { continue };
        let steps: Vec<String> = way(&found).iter().map(|step| places.shown(step)).collect();
        let call = call.replace('|', "\\|").replace('`', "'");
        part.push_str(&format!("| `{name}` | {what} | `{call}` | {} |\n", steps.join(" → ")));
    }
    part.push('\n');
    part
}

/// The part about those that were read by a person, where derivation still finds them.
fn read_by_hand(places: &mut Places) -> String {
    let mut part = String::from(
        "## Judged by hand\n\n| callable | effect | what its source does |\n|---|---|---|\n",
    );
    for (name, says) in read().filter(|(name, _)| !name.starts_with('-')) {
        if let Some(found) = derived::find(name).filter(|found| !found.effect.is_harmless()) {
            let effect = found.effect.as_str();
            part.push_str(&format!("| {} | {effect} | {says} |\n", places.shown(name)));
        }
    }
    part.push_str("\nThese were read as well, and derivation is wrong about them, since it does not look at checks:\n\n");
    for (name, says) in read().filter_map(|(name, says)| Some((name.strip_prefix('-')?, says))) {
        if derived::find(name).is_some_and(|found| !found.effect.is_harmless()) {
            part.push_str(&format!("* `{name}` {says}\n"));
        }
    }
    part
}

/// Names that were read, with what their source does.
fn read() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = READ.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t'))
}

fn candidate(name: &str) -> Option<Found> {
    let derived = derived::find(name)?;
    let way = way(&derived);
    let effect = TOLD.iter().position(|effect| *effect == derived.effect)?;
    let private = name.split('.').any(|part| part.starts_with('_'));
    let standard = derived.origin.starts_with("Python standard library");
    let rank = (effect, !standard, private, way.len(), name.split('.').count());
    is_new(&derived, &way).then_some(Found { rank, way, derived })
}

/// The steps to the first callable that a reviewed row calls dangerous.
fn way(found: &Derivation) -> Vec<String> {
    let mut way = Vec::new();
    for step in found.path() {
        let ends = !way.is_empty()
            && known::lookup_path(step.trim_end_matches(".__init__"))
                .is_some_and(|known| !known.is_derived() && known.is_dangerous());
        way.push(step);
        if ends {
            break;
        }
    }
    way
}

fn is_new(found: &Derivation, way: &[String]) -> bool {
    let parts: Vec<&str> = found.name.split('.').collect();
    let (Some(last), Some(owner)) = (parts.last(), parts.iter().rev().nth(1)) else { return false };
    let is_method = owner.trim_start_matches('_').starts_with(|first: char| first.is_uppercase());
    let special = last.starts_with("__");
    let aside = parts.iter().any(|part| part.contains("test") || ASIDE.contains(part));
    // `package.name` for `package.module.name`.
    let is_alias = way.get(1).is_some_and(|next| next.rsplit('.').next() == Some(last));
    // An argument of its own, by name: in C there is only a number, and stars collect anything.
    let decides = |part: &str| {
        let named = part.starts_with(|first: char| first.is_alphabetic() || first == '_');
        named && !matches!(part, "args" | "kwargs" | "self")
    };
    let decided = found.through.split(',').any(decides);
    let own = found.through.split(',').any(|part| part == "self");
    let wrong = |step: &String| GUESSED.iter().chain(CHECKED).any(|word| step.contains(word));
    let reaches = way.len() > 1 && way.last().is_some_and(|end| !end.starts_with(&found.name));
    // Python 2 is gone, and what only it has with it.
    let old = found.origin.ends_with(" 2.7");
    let plain = !is_method && !special && !aside && !is_alias && !old && decided && !own;
    plain && reaches && way.len() <= STEPS && !way.iter().any(wrong)
}

/// Where callables are defined, with the files that were read for that.
#[derive(Default)]
struct Places {
    files: BTreeMap<PathBuf, Vec<String>>,
}

impl Places {
    fn shown(&mut self, step: &str) -> String {
        match self.place(step) {
            Some((file, line)) => format!("`{step}` ({file}:{line})"),
            None => format!("`{step}`"),
        }
    }

    /// File and line of a definition: the longest module that a name starts with, and in it the last
    /// of the names behind that, each below the one before.
    fn place(&mut self, name: &str) -> Option<(String, usize)> {
        let parts: Vec<&str> = name.split('.').collect();
        let (at, (root, file)) = (1..parts.len())
            .rev()
            .find_map(|at| source_of(parts.get(..at)?).map(|found| (at, found)))?;
        let whole = root.join(&file);
        let lines = self.files.entry(whole.clone()).or_insert_with(|| {
            let bytes = fs::read(&whole).unwrap_or_default();
            String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
        });
        let mut from = 0;
        for part in parts.get(at..)? {
            let heads =
                [format!("def {part}("), format!("class {part}("), format!("class {part}:")];
            let ahead = lines.get(from..)?.iter().position(|line| {
                let line = line.trim_start().trim_start_matches("async ");
                heads.iter().any(|head| line.starts_with(head.as_str()))
            })?;
            from += ahead + 1;
        }
        Some((file.to_string_lossy().into_owned(), from))
    }
}
