//! What is known about callables: a table from `knowledge/callables.tsv`, built in, and the look-up
//! that follows attribute paths through it.
//!
//! Allow-list first: a callable is known harmless, known to do harm, or unknown, and unknown is
//! never silent. A name is judged by where it ends, not by where it starts: `pathlib.os.system` and
//! `os.system.__call__` are `os.system`.

mod alias;
pub mod derived;
mod effect;

pub(crate) use alias::{method, reached};
pub use effect::Effect;

use davy_artifact::Name;
use derived::SOURCE;

use std::cmp::Reverse;

/// One row of the table.
#[derive(Debug, Eq, PartialEq)]
pub struct Known {
    /// What it speaks of: `module.name`, everything below a prefix (`module.*`), or every class
    /// below one (`module.**:Class`).
    pub pattern: &'static str,
    /// What a call of it does.
    pub effect: Effect,
    /// Whether it is harmless as long as all arguments are plain data or harmless names.
    pub constants_only: bool,
    /// Whether it is harmless as long as no argument is text that could be code.
    pub texts_only: bool,
    /// What its constructor does, where objects of the class can be made and filled without harm.
    pub called: Option<Effect>,
    /// Where that is known from.
    pub source: &'static str,
}

impl Known {
    /// The advisories about it, in brackets and with a space before; nothing where there are none.
    #[must_use]
    pub fn advisory(&self) -> String {
        let published = self.source.starts_with("GHSA-") || self.source.starts_with("CVE-");
        if published { format!(" ({})", self.source) } else { String::new() }
    }

    /// Whether this was derived from source, and nobody has reviewed it by hand.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        self.source == SOURCE
    }

    /// What holds for a call of it: of a class, what its constructor does.
    #[must_use]
    pub fn when_called(&'static self) -> &'static Self {
        self.called.and_then(derived::effect).unwrap_or(self)
    }

    /// Whether calling it does harm, or can with the right arguments.
    #[must_use]
    pub const fn is_dangerous(&self) -> bool {
        !self.effect.is_harmless()
    }
}

/// The table, in the order of the bytes of its patterns.
static ROWS: &[Known] = include!(concat!(env!("OUT_DIR"), "/rows.rs"));

/// Functions of R, in order: of packages that are always attached by their name, of others behind their
/// package (`callr::r`).
static FUNCTIONS_OF_R: &[Known] = include!(concat!(env!("OUT_DIR"), "/r.rs"));

/// Last components of exact names that do harm, in order: `Popen`, `system`.
static TAILS: &[&str] = include!(concat!(env!("OUT_DIR"), "/tails.rs"));

/// Last components of names that do harm, with their package and row, in order: `system` of `os`.
static ENDS: &[(&str, &str, usize)] = include!(concat!(env!("OUT_DIR"), "/ends.rs"));

/// Answer for names that walk through the insides of objects: `x.__globals__`, `x.__subclasses__`.
static INSIDES: Known = Known {
    pattern: "**.__*__",
    effect: Effect::Introspect,
    constants_only: false,
    texts_only: false,
    called: None,
    source: "Python data model: special attributes lead from any object to every module",
};

/// Answer for modules reached as attributes of others: `torch.serialization.os`.
static BORROWED: Known = Known {
    pattern: "**.module",
    effect: Effect::Introspect,
    constants_only: false,
    texts_only: false,
    called: None,
    source: "a module imported by another is one of its attributes",
};

/// Answer for a module as a whole of which something harmless is known: importing it is what any
/// file that names that does.
static MODULE: Known = Known {
    pattern: "module",
    effect: Effect::Ref,
    constants_only: false,
    texts_only: false,
    called: None,
    source: "a module that honest files import",
};

/// Modules whose attributes give everything away, so that holding the module is holding them.
const POWERFUL: &[&str] = &[
    "_ctypes",
    "_io",
    "_posixsubprocess",
    "builtins",
    "code",
    "codeop",
    "commands",
    "ctypes",
    "ftplib",
    "importlib",
    "importlib.util",
    "io",
    "marshal",
    "multiprocessing",
    "nt",
    "os",
    "pdb",
    "pickle",
    "platform",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "types",
    "urllib.request",
];

/// Modules that functions of data classes hold (`__repr__` asks for the thread that it runs in); what they are
/// asked for is judged by its name.
const HELD: &[&str] = &["_thread", "dataclasses"];

/// Attributes of frames, generators, coroutines, tracebacks and the functions of Python 2 that lead
/// to the globals and builtins around them.
const FRAMES: &[&str] = &[
    "_getframe",
    "ag_frame",
    "cr_frame",
    "currentframe",
    "f_back",
    "f_builtins",
    "f_globals",
    "f_locals",
    "func_globals",
    "gi_frame",
    "im_func",
    "tb_frame",
];

/// Names that do harm in the standard library and that ordinary objects have methods of.
const COMMON: &[&str] = &[
    "Pool",
    "Process",
    "Request",
    "Timer",
    "access",
    "apply",
    "byref",
    "call",
    "cast",
    "close",
    "copy",
    "copyright",
    "credits",
    "dir",
    "dump",
    "dumps",
    "dup",
    "exit",
    "file",
    "get",
    "help",
    "input",
    "interact",
    "isatty",
    "kill",
    "license",
    "link",
    "load",
    "loads",
    "main",
    "move",
    "nice",
    "open",
    "pause",
    "pipe",
    "pointer",
    "print",
    "quit",
    "read",
    "reload",
    "remove",
    "rename",
    "replace",
    "resize",
    "run",
    "stat",
    "sync",
    "timeit",
    "times",
    "truncate",
    "wait",
    "walk",
    "which",
    "worker",
    "write",
];

/// Special attributes that stand for the object they belong to, or for text about it.
const TRANSPARENT: &[&str] = &["__call__", "__func__", "__init__", "__new__", "__wrapped__"];

/// How every class finds attributes.
const GETTER: &str = "builtins.object.__getattribute__";

/// Special attributes that are text.
const TEXTUAL: &[&str] = &["__doc__", "__name__", "__qualname__", "__version__"];

/// What is known about `name`, which may be a path of attributes, in `module`; where it is empty,
/// about the module itself.
#[must_use]
pub fn lookup(module: &str, name: &str) -> Option<&'static Known> {
    if name.is_empty() {
        let harmless = has_harmless(module).then_some(&MODULE);
        return if is_powerful(module) { Some(&BORROWED) } else { harmless };
    }
    // Dots are letters there.
    if module == Name::R {
        let found = FUNCTIONS_OF_R.binary_search_by_key(&name, |known| known.pattern);
        return found.ok().and_then(|index| FUNCTIONS_OF_R.get(index));
    }
    let parts: Vec<&str> = name.split('.').collect();
    let whole = format!("{module}.{name}");
    if let Some(known) = exact(&whole) {
        return Some(known);
    }
    // The getter of any class is that of all objects.
    if name.ends_with(".__getattribute__") && whole != GETTER {
        return exact(GETTER);
    }
    let same = alias::canonical(&whole);
    if same != whole
        && let Some((module, name)) = same.split_once('.')
        && let Some(known) = lookup(module, name)
    {
        return Some(known);
    }
    if let Some((_, known)) = INHERITED.iter().find(|(package, _)| is_below(module, package))
        && name.split_once('.').is_some_and(|(_, method)| method.ends_with(last_of(known)))
    {
        return exact(known);
    }
    let on_the_way = harm_on_the_way(module, &parts);
    // What is said about all of a module is not yet what a path through it ends in, and what a class does
    // with data not yet what its methods do.
    if let Some(known) = on_the_way.filter(|known| !known.pattern.contains('*')) {
        let method = derived::find(&whole).filter(|_| known.constants_only);
        let harm = method.and_then(|method| method.known());
        let harm = harm.filter(|known| known.is_dangerous() && !known.constants_only);
        return harm.or(Some(known));
    }
    // The path leaves the module for another that it has imported.
    for start in 0..parts.len() {
        let (Some(head), Some(rest)) = (parts.get(start), parts.get(start.saturating_add(1)..))
        else {
            continue;
        };
        if let Some(known) = harm_on_the_way(head, rest).or_else(|| derived_harm(head, rest)) {
            let wide = on_the_way.filter(|wide| wide.effect.severity() > known.effect.severity());
            return wide.or(Some(known));
        }
    }
    let by_way_of = harm_by_way_of(module, &parts).filter(|_| derived::find(&whole).is_none());
    let found = by_way_of.into_iter().chain(on_the_way);
    if let Some(known) = found.max_by_key(|known| known.effect.severity()) {
        return Some(known);
    }
    let mut kept: Vec<&str> = Vec::with_capacity(parts.len());
    for part in parts {
        if TRANSPARENT.contains(&part) {
            continue;
        }
        if is_special(part) && !TEXTUAL.contains(&part) {
            return Some(&INSIDES);
        }
        kept.push(part);
    }
    settle(module, &kept)
}

/// Packages and methods of a class there that many others inherit, so that no file names it.
const INHERITED: &[(&str, &str)] =
    &[("torchvision", "torchvision.models._api.WeightsEnum.get_state_dict")];

/// Whether a module is a package, or stands in it.
fn is_below(module: &str, package: &str) -> bool {
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The last component of a path.
fn last_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// What is known about a dotted path whose module is not told apart from its attributes.
#[must_use]
pub fn lookup_path(path: &str) -> Option<&'static Known> {
    let (module, name) = path.rsplit_once('.')?;
    lookup(module, name)
}

/// Every name about which something is known, in order; what is known of everything in a module names
/// nothing.
#[must_use]
pub fn names() -> Vec<String> {
    let rows = ROWS.iter().map(|row| row.pattern).filter(|pattern| !pattern.contains('*'));
    let mut names: Vec<String> = rows.map(str::to_owned).chain(derived::names()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What was derived about a dotted path, under the name that it is known by.
#[must_use]
pub fn derivation(path: &str) -> Option<derived::Derivation> {
    derived::find(path).or_else(|| derived::find(&alias::canonical(path)))
}

/// Methods that run on an object that a file makes without its constructor and fills: when its state is
/// set, and when it is forgotten.
const HOOKS: &[&str] = &["__setstate__", "__del__"];

/// Those that the reader of pickles performs with the state that the file has.
const PERFORMED: &[&str] = &[
    "scipy.stats._distn_infrastructure.rv_generic.__setstate__",
    "statsmodels.base.data.ModelData.__setstate__",
];

/// Which of those does harm by itself in a class that nobody has reviewed to be harmless by its name, and
/// what.
pub(crate) fn hook(class: &str) -> Option<(&'static str, &'static Known)> {
    let reviewed = |name: &str| exact(name).is_some_and(|known| known.effect.is_harmless());
    if reviewed(class) || reviewed(&alias::canonical(class)) {
        return None;
    }
    HOOKS.iter().find_map(|hook| {
        let found = derivation(&format!("{class}.{hook}"))?;
        if found.path().iter().any(|step| PERFORMED.contains(&step.as_str())) {
            return None;
        }
        let harms = matches!(
            found.effect,
            Effect::Deser | Effect::Exec | Effect::FileWrite | Effect::Import | Effect::Network
        );
        // A library's own parser in C is what its files are for.
        harms.then(|| found.known()).flatten().map(|known| (*hook, known))
    })
}

/// The row about exactly this name.
pub(crate) fn exact_lookup(module: &str, name: &str) -> Option<&'static Known> {
    exact(&format!("{module}.{name}"))
}

/// Whether holding the module object means holding what does harm.
#[must_use]
pub fn is_powerful(module: &str) -> bool {
    let everything = |prefix: &str| exact(&format!("{prefix}.*")).is_some_and(Known::is_dangerous);
    POWERFUL.binary_search(&module).is_ok() || !HELD.contains(&module) && everything(module)
}

/// What holds for an attribute of an unknown object whose name is known from what does harm in the
/// standard library, or from the insides of frames: `x.popen`, `x.gi_frame`.
pub(crate) fn attribute(name: &str) -> Option<&'static Known> {
    let inside = FRAMES.binary_search(&name).is_ok();
    let harm = TAILS.binary_search(&name).is_ok() && COMMON.binary_search(&name).is_err();
    let module = is_powerful_alone(name.trim_start_matches('_'));
    match (inside, harm || module) {
        (true, _) => Some(&INSIDES),
        (false, true) => Some(&BORROWED),
        (false, false) => None,
    }
}

/// Whether a module is on the list of those whose attributes give everything away.
pub(crate) fn is_powerful_alone(module: &str) -> bool {
    POWERFUL.binary_search(&module).is_ok()
}

/// Whether the table has something harmless in the package that `module` belongs to.
#[must_use]
pub fn has_harmless(module: &str) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    let prefix = format!("{package}.");
    let from = ROWS.partition_point(|row| row.pattern < prefix.as_str());
    let below = ROWS.iter().skip(from).take_while(|row| row.pattern.starts_with(&prefix));
    !package.is_empty() && below.into_iter().any(|row| row.effect.is_harmless())
}

/// Whether the table has something harmless below `path`, which so is a module and not its attribute.
#[must_use]
pub(crate) fn is_package(path: &str) -> bool {
    let prefix = format!("{}.", alias::canonical(path));
    let from = ROWS.partition_point(|row| row.pattern < prefix.as_str());
    let mut below = ROWS.iter().skip(from).take_while(|row| row.pattern.starts_with(&prefix));
    below.any(|row| row.effect.is_harmless())
}

/// The worst row whose name ends in `end` and whose package is `named`; of a package below it,
/// whose rows are many, every part must be.
pub(crate) fn ends_in(end: &str, named: impl Fn(&str) -> bool) -> Option<&'static Known> {
    let from = ENDS.partition_point(|row| row.0 < end);
    let alike = ENDS.iter().skip(from).take_while(|row| row.0 == end);
    let rows = alike.filter(|row| named(row.1)).filter_map(|row| ROWS.get(row.2));
    let near = rows.filter(|row| match row.pattern.split_once(".*") {
        Some((package, _)) => package.split('.').all(&named),
        None => true,
    });
    near.max_by_key(|row| (row.effect.severity(), Reverse(row.pattern.len())))
}

/// Whether `part` is a special name of Python's: `__globals__`.
#[must_use]
pub fn is_special(part: &str) -> bool {
    part.len() > 4 && part.starts_with("__") && part.ends_with("__")
}

/// The harmful row that a path of attributes passes through or ends in.
fn harm_on_the_way(module: &str, parts: &[&str]) -> Option<&'static Known> {
    let mut path = module.to_owned();
    let mut found = None;
    for part in parts.iter().filter(|part| !TRANSPARENT.contains(part)) {
        path.push('.');
        path.push_str(part);
        if let Some(known) = exact(&path) {
            if known.is_dangerous() {
                return Some(known);
            }
            found = None;
        } else {
            found = widest(&path).filter(|known| known.is_dangerous());
        }
    }
    found
}

/// What does harm behind a module that another module has imported, where nobody told the two apart:
/// `package.hub.os` and `system`. A name alone decides, since packages have modules of any name.
fn harm_by_way_of(module: &str, parts: &[&str]) -> Option<&'static Known> {
    let mut rest = module;
    while let Some((_, inner)) = rest.split_once('.') {
        rest = inner;
        let (head, between) = inner.split_once('.').unwrap_or((inner, ""));
        let head = if head == "__builtins__" { "builtins" } else { head };
        if is_powerful_alone(head) || head == "yaml" {
            let between = between.split('.').filter(|part| !part.is_empty());
            let parts: Vec<&str> = between.chain(parts.iter().copied()).collect();
            let known = harm_on_the_way(head, &parts);
            if let Some(known) = known.filter(|known| !known.pattern.contains('*')) {
                return Some(known);
            }
        }
    }
    None
}

/// What holds for a path that passes through nothing harmful: the most specific row, unless the
/// row is a wide one and the name is one that does harm elsewhere (`from subprocess import Popen`
/// makes `any.module.Popen`) or is another module.
fn settle(module: &str, parts: &[&str]) -> Option<&'static Known> {
    let mut path = module.to_owned();
    for part in parts {
        path.push('.');
        path.push_str(part);
    }
    if let Some(known) = exact(&path) {
        return Some(known);
    }
    let last = parts.last()?;
    if POWERFUL.binary_search(last).is_ok() {
        return Some(&BORROWED);
    }
    let wide = widest(&path);
    if let Some(found) = derived::find(&path)
        && let Some(known) = settle_derived(&found, wide)
    {
        return Some(known);
    }
    if wide.is_none()
        && let Some(known) = made_up(module)
    {
        return Some(known);
    }
    let known = wide?;
    let borrowed = known.effect.is_harmless() && TAILS.binary_search(last).is_ok();
    (!borrowed).then_some(known)
}

/// What holds for a derived name that a wide row covers, or none. A reviewed row says that objects of
/// a class are harmless to make and fill, not what the constructor does.
fn settle_derived(
    found: &derived::Derivation,
    wide: Option<&'static Known>,
) -> Option<&'static Known> {
    let reviewed = wide.is_some_and(|wide| wide.effect.is_harmless());
    let class = found.fills || wide.is_some_and(|wide| wide.effect == Effect::New);
    match found.effect {
        // Methods do harm, and are known by their own names.
        Effect::Carrier if reviewed => None,
        // Calls what it is given, which the arguments are judged for.
        effect if effect.calls_arguments() && reviewed && !class => None,
        Effect::New => wide.or_else(|| found.known()),
        _ if class => found.called(),
        _ => found.known(),
    }
}

/// What holds for any name of a module whose `__getattr__` makes up what runs things (PEP 562).
fn made_up(module: &str) -> Option<&'static Known> {
    let getter = derived::find(&format!("{module}.__getattr__"))?;
    let runs = matches!(
        getter.effect,
        Effect::Deser | Effect::Exec | Effect::Native | Effect::Network | Effect::FileWrite
    );
    if runs { getter.known() } else { None }
}

/// The derived row of a path that leaves its module for another, where it does harm.
fn derived_harm(module: &str, parts: &[&str]) -> Option<&'static Known> {
    if parts.is_empty() {
        return None;
    }
    let path = format!("{module}.{}", parts.join("."));
    let found = derived::find(&path)?;
    if found.effect.is_harmless() { None } else { found.known() }
}

/// The row of exactly this pattern.
fn exact(pattern: &str) -> Option<&'static Known> {
    let at = ROWS.binary_search_by(|row| row.pattern.cmp(pattern)).ok()?;
    ROWS.get(at)
}

/// The row with the longest prefix that covers `path`; of two equally long ones, the `.*`.
fn widest(path: &str) -> Option<&'static Known> {
    let class = path.rsplit('.').next().is_some_and(is_class);
    let mut prefix = path;
    while let Some((shorter, _)) = prefix.rsplit_once('.') {
        prefix = shorter;
        if let Some(known) = exact(&format!("{prefix}.*")) {
            return Some(known);
        }
        if let Some(known) = class.then(|| exact(&format!("{prefix}.**:Class"))).flatten() {
            return Some(known);
        }
    }
    None
}

/// Whether a name is spelled as classes are: upper case behind any underscores.
pub(crate) fn is_class(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(|c: char| c.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(module: &str, name: &str) -> Option<Effect> {
        lookup(module, name).map(|known| known.effect)
    }

    #[test]
    fn lists_that_are_searched_by_halves_are_sorted() {
        assert!(ROWS.is_sorted_by(|a, b| a.pattern < b.pattern));
        assert!(TAILS.is_sorted_by(|a, b| a < b));
        assert!(POWERFUL.is_sorted_by(|a, b| a < b));
        assert!(ENDS.is_sorted_by(|a, b| a < b));
        assert!(FRAMES.is_sorted_by(|a, b| a < b));
        assert!(COMMON.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn effects_have_the_names_of_the_table() {
        for row in
            include_str!("../knowledge/callables.tsv").lines().filter(|row| !row.starts_with('#'))
        {
            let [pattern, name, when, _] = row.split('\t').collect::<Vec<_>>()[..] else {
                panic!()
            };
            let called =
                |known: &Known| if when == "called" { known.called } else { Some(known.effect) };
            let effect = exact(pattern).and_then(called).map(Effect::as_str);
            assert_eq!(effect, Some(name), "{pattern}");
        }
    }

    #[test]
    fn a_path_is_what_it_ends_in() {
        for (module, name) in [
            ("os", "system"),
            ("os", "system.__call__"),
            ("builtins", "eval.__call__"),
            ("pathlib", "os.system"),
            ("torch.serialization", "os.system"),
            ("torch.serialization", "os.system.__call__"),
            ("numpy", "f2py.os.system"),
            ("numpy", "lib.npyio.os.system"),
        ] {
            assert_eq!(effect(module, name), Some(Effect::Exec), "{module} {name}");
        }
    }

    #[test]
    fn a_module_that_another_has_imported_is_still_itself() {
        for (module, name) in [
            ("glob.os", "system"),
            ("hydra.utils.os", "system"),
            ("mylib.subprocess", "Popen"),
            ("torch.__builtins__", "exec"),
            ("speechbrain.core.yaml", "unsafe_load"),
        ] {
            let known = lookup(module, name).unwrap();
            assert_eq!(known.effect.severity(), crate::Severity::Critical, "{module}.{name}");
        }
        // Packages have modules of any name.
        assert!(lookup("mypackage.code.model", "Net").is_none());
        assert!(lookup("torch.nn.modules.sparse", "Embedding").is_none_or(|it| !it.is_dangerous()));
    }

    #[test]
    fn constructors_are_told_from_objects_that_are_only_filled() {
        let class = lookup("cmdstanpy.model", "CmdStanModel").unwrap();
        assert_eq!((class.effect, class.when_called().effect), (Effect::New, Effect::Native));
        let plain = lookup("cmdstanpy.model", "CmdStanOptions").unwrap();
        assert_eq!(plain.when_called().effect, Effect::New);
    }

    #[test]
    fn modules_that_data_classes_hold_are_judged_by_what_is_taken_out_of_them() {
        assert!(!is_powerful("_thread") && is_powerful("threading"));
        assert!(lookup("_thread", "start_new_thread").is_some_and(Known::is_dangerous));
        assert!(lookup("_thread", "get_ident").is_some_and(|known| !known.is_dangerous()));
    }

    #[test]
    fn what_is_published_elsewhere_is_what_it_is_where_it_stands() {
        assert_eq!(
            effect("torch.fx", "GraphModule"),
            effect("torch.fx.graph_module", "GraphModule")
        );
        assert_eq!(effect("torch.fx", "GraphModule"), Some(Effect::Exec));
        assert_eq!(effect("torch.nn", "Module"), Some(Effect::New));
        assert_eq!(effect("pkgutil", "zipimporter"), Some(Effect::Exec));
        assert_eq!(effect("lightgbm", "Booster.save_model"), Some(Effect::FileWrite));
        let weights = "ResNet18_Weights.DEFAULT.get_state_dict";
        assert_eq!(effect("torchvision.models", weights), Some(Effect::Network));
        assert_ne!(effect("torchvision.models.resnet", "ResNet"), Some(Effect::Network));
    }

    #[test]
    fn insides_are_never_harmless() {
        for (module, name) in [
            ("numpy", "__builtins__"),
            ("collections", "OrderedDict.__init__.__globals__"),
            ("builtins", "object.__subclasses__"),
            ("torch.nn", "Linear.__class__"),
            ("argparse", "__dict__"),
        ] {
            assert!(lookup(module, name).is_some_and(Known::is_dangerous), "{module} {name}");
        }
    }

    #[test]
    fn wide_rows_do_not_cover_what_a_module_has_imported() {
        assert_eq!(effect("torch.nn.modules.linear", "Linear"), Some(Effect::New));
        for borrowed in ["CDLL", "CodeType", "FileIO", "FunctionType", "Popen", "Thread", "Timer"] {
            assert_eq!(effect("torch.nn.modules.linear", borrowed), None, "{borrowed}");
            let known = lookup("sklearn.linear_model._base", borrowed);
            assert!(known.is_none_or(Known::is_dangerous), "{borrowed}");
            let known = lookup("__main__", borrowed);
            assert!(known.is_none_or(Known::is_dangerous), "{borrowed}");
        }
        assert!(lookup("torch.nn.modules.linear", "Unpickler").is_none_or(Known::is_dangerous));
        assert_eq!(effect("torch.nn.modules.linear", "linear"), None);
        assert_eq!(effect("sklearn.tree._classes", "os"), Some(Effect::Introspect));
    }

    #[test]
    fn modules_are_known_by_what_they_hold() {
        assert_eq!(effect("numpy", ""), Some(Effect::Ref));
        assert!(lookup("os", "").is_some_and(Known::is_dangerous));
        assert_eq!(effect("nobody_knows_this", ""), None);
    }

    #[test]
    fn a_constructor_stands_for_its_class() {
        assert_eq!(effect("collections", "OrderedDict.__new__"), Some(Effect::Data));
        assert_eq!(effect("builtins", "tuple.__new__"), Some(Effect::Data));
        assert_eq!(effect("collections", "OrderedDict.popitem"), None);
    }
}
