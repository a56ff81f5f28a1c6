//! How bad one call is: the callee decides what could happen, the arguments decide what does.

mod resolve;

pub(crate) use resolve::leads_away;

use crate::Severity;
use crate::behaviour::source_of;
use crate::calls::computed_callable::is_quiet_method;
use crate::code::{Examiner, Seen, look};
use crate::facts::{arguments, callee, is_built, is_part, known, visit_handed};
use crate::knowledge::{self, Effect, Known};
use davy_artifact::{Call, Manner, Name, Value};
use resolve::resolve;

/// What a call amounts to.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What it does, as the end of a sentence that begins with the callee.
    pub(crate) does: String,
}

impl Judgement {
    pub(crate) fn new(severity: Severity, does: impl Into<String>) -> Self {
        Self { severity, does: does.into() }
    }
}

/// Judges a call of `known`; nothing where these arguments make it harmless, or where what makes it
/// harmful is a fact of its own.
pub(crate) fn judge(call: &Call, known: &Known, examiner: &mut Examiner) -> Option<Judgement> {
    let effect = known.effect;
    if callee(call).is_some_and(|name| name.module == Name::R) {
        return of_r(call, known);
    }
    if lacks_text(call, known) {
        return None;
    }
    if effect == Effect::Exec
        && !defines_methods(call)
        && let Some((source, whole)) = source_of(call)
    {
        return Some(run_source(&source, whole, known, examiner));
    }
    match effect {
        _ if effect.is_harmless() => None,
        _ if effect.builds() => build(call, known, examiner),
        _ if effect.calls_arguments() => indirect(call, known),
        Effect::Resolve => resolve(call, known),
        Effect::Import => import(call),
        Effect::Deser if loads_array(call) => {
            let does = "reads arrays from a file that the file chooses; without `allow_pickle` nothing in it runs";
            Some(Judgement::new(Severity::High, does))
        }
        Effect::Deser => deser(call, known),
        Effect::File => Some(open(call)),
        Effect::Introspect => Some(introspect(call)),
        Effect::Mutate if adorns(call) => None,
        Effect::Exec if defines_methods(call) || takes_method(call) => None,
        Effect::Exec if callee(call).is_some_and(|name| name.dotted() == "patsy.dmatrices") => {
            formula(call, known)
        }
        Effect::FileWrite if logs(call) => {
            let does = "writes a message that the file chooses to the log";
            Some(Judgement::new(Severity::Medium, does))
        }
        Effect::FileWrite if prints(call) => {
            let does = "writes text that the file chooses to the terminal or to an open file";
            Some(Judgement::new(effect.severity(), does))
        }
        _ if opens_by_one(call).is_some() => by_path(call, effect),
        _ if known.constants_only && only_data(call) => None,
        _ => Some(Judgement::new(effect.severity(), effect.does())),
    }
}

/// The argument by which a function of TensorFlow that computes or prints opens a file as well: its
/// name, where it stands, and what its text starts with then.
fn opens_by_one(call: &Call) -> Option<(&'static str, usize, &'static str)> {
    let name = callee(call)?.dotted();
    match name.strip_prefix("tensorflow.")? {
        "print" => Some(("output_stream", usize::MAX, "file://")),
        "nn.fixed_unigram_candidate_sampler" | "random.fixed_unigram_candidate_sampler" => {
            Some(("vocab_file", 5, ""))
        }
        _ => None,
    }
}

/// A call that opens a file if one of its arguments is the path of one.
fn by_path(call: &Call, effect: Effect) -> Option<Judgement> {
    let (key, at, start) = opens_by_one(call)?;
    let named = call.kwargs.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let path = named.or_else(|| call.args.get(at))?.text()?;
    let opens = !path.is_empty() && path.starts_with(start);
    let does = format!("{}, here `{}`", effect.does(), davy_bytes::escape(path));
    opens.then(|| Judgement::new(effect.severity(), does))
}

/// A call of a function of R. Some do harm only when they are given text: a command, the name of a
/// native function, the file to write to; honest models hand them code, symbols and nothing.
fn of_r(call: &Call, known: &Known) -> Option<Judgement> {
    const EVALUATE: &[&str] = &["eval", "eval.parent", "evalq"];
    const NATIVE: &[&str] = &[".C", ".Call", ".External", ".External2", ".Fortran"];
    const PRINT: &[&str] = &["cat", "dput", "writeLines"];
    let name = known.pattern;
    let named = |key: &str| call.kwargs.iter().find(|(it, _)| it == key).map(|(_, value)| value);
    let does = known.effect.does();
    match known.effect {
        effect if effect.is_harmless() => None,
        Effect::Exec if EVALUATE.contains(&name) => {
            parses(call).then(|| Judgement::new(Severity::Critical, "evaluates text as code of R"))
        }
        Effect::Native if NATIVE.contains(&name) => call.args.first()?.text().map(|native| {
            let native = davy_bytes::escape(native);
            let does = format!("calls the native function `{native}` by its name");
            Judgement::new(Severity::Medium, does)
        }),
        Effect::FileWrite if PRINT.contains(&name) => {
            let place = named("file").or_else(|| named("con"));
            let second = if name == "cat" { None } else { call.args.get(1) };
            let place = place.or(second)?.text().filter(|place| !place.is_empty())?;
            let does = format!("{does}, here `{}`", davy_bytes::escape(place));
            Some(Judgement::new(known.effect.severity(), does))
        }
        effect => Some(Judgement::new(effect.severity(), does)),
    }
}

/// Whether a call is given what another makes of text.
fn parses(call: &Call) -> bool {
    const PARSERS: &[&str] = &["parse", "str2expression", "str2lang"];
    let mut parses = false;
    arguments(call).for_each(|value| {
        value.walk(&mut |value| {
            let Value::Call(made) = value else { return };
            let parser =
                |name: &Name| name.module == Name::R && PARSERS.contains(&name.name.as_str());
            parses |= callee(made).is_some_and(parser);
        });
    });
    parses
}

/// `exec('…')`, whose source stands in the file, does what that source does. What only computes is
/// high: no library's pickles evaluate text, and neither does a model need to.
fn run_source(source: &[u8], whole: bool, known: &Known, examiner: &mut Examiner) -> Judgement {
    let critical = || Judgement::new(known.effect.severity(), known.effect.does());
    let judged = examiner.source(source, |code, examiner| {
        let body = look(code, examiner);
        let unseen = code.unseen.first().cloned();
        (body, unseen)
    });
    let Some((body, unseen)) = judged else { return critical() };
    let worst = body.deeds.first().map(|deed| deed.severity);
    // What is called says more than what is imported for it.
    let alike = || body.deeds.iter().filter(|deed| Some(deed.severity) == worst);
    let told = alike().find(|deed| deed.says.starts_with("calls")).or_else(|| alike().next());
    if let Some(deed) = told {
        let severity = if whole { deed.severity.max(Severity::High) } else { Severity::Critical };
        return Judgement::new(severity, format!("runs Python source that {}", deed.says));
    }
    match (body.doubts.first(), unseen) {
        _ if !whole => {
            let does = "runs Python source, of which only the beginning was looked at";
            Judgement::new(known.effect.severity(), does)
        }
        (_, Some(_)) => critical(),
        (Some(doubt), None) => {
            Judgement::new(Severity::High, format!("runs Python source that {doubt}"))
        }
        (None, None) => {
            let does = "runs Python source, which only calls what is known to compute";
            Judgement::new(Severity::High, does)
        }
    }
}

/// Functions that formulas have of their own (patsy, `builtins`, `categorical`, `splines`).
const FORMULA_FUNCTIONS: &[&str] = &[
    "C",
    "Diff",
    "Helmert",
    "I",
    "Poly",
    "Q",
    "Sum",
    "Treatment",
    "bs",
    "cc",
    "center",
    "cr",
    "scale",
    "standardize",
    "te",
];

/// A model formula: its terms are Python and are evaluated, but honest ones only call numerical
/// functions.
fn formula(call: &Call, known: &Known) -> Option<Judgement> {
    let harm = || Some(Judgement::new(known.effect.severity(), known.effect.does()));
    let Some(text) = call.args.first().and_then(Value::text) else { return harm() };
    let mut doubt = None;
    for (at, _) in text.match_indices('(') {
        let before = text.get(..at).unwrap_or_default().trim_end();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let name = before.rsplit(|c| !part(c)).next().unwrap_or_default();
        if before.ends_with([')', ']', '\'', '"']) {
            return harm();
        }
        if name.is_empty() || FORMULA_FUNCTIONS.contains(&name) {
            continue;
        }
        let numerical = name.strip_prefix("np.").or_else(|| name.strip_prefix("numpy."));
        let found = match numerical {
            Some(rest) => knowledge::lookup("numpy", rest),
            // A bare name is a built-in function, or one of the program that made the model.
            None => knowledge::lookup("builtins", name)
                .filter(|found| !found.pattern.ends_with('*'))
                .or_else(|| knowledge::lookup_path(name)),
        };
        match found {
            Some(found) if found.is_dangerous() => return harm(),
            Some(_) => {}
            None => doubt = doubt.or(Some(name)),
        }
    }
    if text.contains("__") {
        return harm();
    }
    let does =
        |name| format!("evaluates a formula that calls {}, of which nothing is known", quote(name));
    doubt.map(|name| Judgement::new(Severity::Medium, does(name)))
}

/// Whether a class of scipy.stats runs the text in its state that defines its methods, as each of
/// its distributions does when it is loaded.
fn defines_methods(call: &Call) -> bool {
    call.manner == Manner::Through("scipy.stats.rv_generic.__setstate__")
        && matches!(call.args.as_slice(), [text] if text.text().is_some_and(is_stock_template))
}

/// Whether a call is one of `dill._dill._getattr` whose third argument is how Python prints a method of a
/// class: what it evaluates is the name of the class, and what it hands out is a name of its own.
fn takes_method(call: &Call) -> bool {
    let [_, name, printed] = call.args.as_slice() else { return false };
    let (Some(name), Some(printed)) = (name.text(), printed.text()) else { return false };
    let word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let class = printed.split('\'').nth(3);
    callee(call).is_some_and(|name| matches!(name.module.as_str(), "dill._dill" | "dill.dill"))
        && callee(call).is_some_and(|name| name.name == "_getattr")
        && word(name)
        && class.is_some_and(|class| class.split('.').all(word))
}

/// Whether running `text` only defines the three methods that every distribution of scipy.stats has:
/// its lines are their heads, in which nothing can be called, and their bodies, which do not run yet.
fn is_stock_template(text: &str) -> bool {
    text.lines().all(|line| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_ ,=().:'".contains(c);
        let head = line.starts_with("def _parse_args")
            && line.ends_with("):")
            && line.matches('(').count() == 1;
        let body = line.strip_prefix("    return ").is_some_and(|value| {
            let value = value.strip_prefix("self._argcheck_rvs").unwrap_or(value);
            value.starts_with('(') && value.matches('(').count() == 1
        });
        line.is_empty() || (line.chars().all(plain) && (head || body))
    })
}

/// Whether a call is one of `print`, which no pickler writes: text may steer the terminal, and a
/// file that prints has shown that it can call what it wants.
fn prints(call: &Call) -> bool {
    callee(call).is_some_and(|name| name.dotted() == "builtins.print")
}

/// Whether a call is one of the functions of `logging` that write a message.
fn logs(call: &Call) -> bool {
    const LEVELS: &[&str] = &["critical", "debug", "error", "exception", "info", "log", "warning"];
    callee(call)
        .is_some_and(|name| name.module == "logging" && LEVELS.contains(&name.name.as_str()))
}

/// Whether a call is one of `numpy.load` that does not ask for objects: since NumPy 1.16.3 it then
/// refuses them.
fn loads_array(call: &Call) -> bool {
    let named = call.kwargs.iter().find(|(key, _)| key == "allow_pickle").map(|(_, value)| value);
    let asked = named.or_else(|| call.args.get(2));
    callee(call).is_some_and(|name| name.dotted() == "numpy.load")
        && matches!(asked, None | Some(Value::Bool(false) | Value::Int(0) | Value::None))
        && matches!(call.args.first(), Some(Value::Text(_)))
}

/// What calls its arguments: harmless callables are harmless through it, harmful and unknown ones
/// are findings of their own, and what cannot be known stays a doubt.
fn indirect(call: &Call, known: &Known) -> Option<Judgement> {
    let does = known.effect.does();
    let medium = |does: String| Some(Judgement::new(Severity::Medium, does));
    if let Some(value) = first_mystery(call) {
        return medium(format!("{does}, and is given what cannot be known from the file: {value}"));
    }
    if known.constants_only { None } else { medium(does.to_owned()) }
}

/// Whether a call rebuilds a function or class from parts that are all seen and name no harm: code
/// that travels in the file, and nothing more can be said about it.
pub(crate) fn embeds(call: &Call, known: &Known, examiner: &mut Examiner) -> bool {
    known.effect.builds()
        && !(known.constants_only && only_data(call))
        && !is_bare(call)
        && matches!(examiner.examine(call, known.effect), Seen::Whole)
}

/// How a value is shown that lies deeper than a fact shows.
const DEEPER: &str = "<…>";

/// What rebuilds functions and classes is as bad as what their parts name.
fn build(call: &Call, known: &Known, examiner: &mut Examiner) -> Option<Judgement> {
    if known.constants_only && only_data(call) {
        return None;
    }
    let does = known.effect.does();
    if examiner.follows(call) && !is_bare(call) {
        return None;
    }
    match examiner.examine(call, known.effect) {
        Seen::Harm(harm, name) => {
            let severity = harm.effect.severity().max(Severity::High);
            Some(Judgement::new(severity, format!("{does}, which names {}", quote(&name))))
        }
        Seen::Unseen(what) => {
            // What lies deeper than a fact shows has facts of its own.
            let deep =
                what == DEEPER && known.effect == Effect::ClassBuild && examiner.follows_all();
            let mild = known.constants_only || deep;
            let severity = if mild { Severity::Medium } else { Severity::High };
            Some(Judgement::new(severity, format!("{does}, of which {what} cannot be seen")))
        }
        Seen::Whole if is_bare(call) => {
            let does = format!("{does}, and no library's pickles name it that way");
            Some(Judgement::new(Severity::High, does))
        }
        Seen::Whole => None,
    }
}

/// Whether a call names `types.CodeType` or `types.FunctionType` itself: the libraries that pickle
/// code have functions of their own for it.
fn is_bare(call: &Call) -> bool {
    callee(call).is_some_and(|name| name.module == "types")
        && callee(call).and_then(known).is_some_and(|known| known.effect == Effect::CodeBuild)
}

/// `setattr` on a function or class that the file itself brings, or of text that only describes
/// one: how dill gives names and cells their values.
fn adorns(call: &Call) -> bool {
    let [target, Value::Text(key), value] = call.args.as_slice() else { return false };
    let describes =
        matches!(key.text(), Some("__doc__" | "__module__" | "__name__" | "__qualname__"));
    let described = describes && matches!(value, Value::Text(_) | Value::None);
    described || (is_built(target) && is_part(value))
}

/// A built-in type that is looked up by its name; what a call of it does is judged there.
fn look_up_type(name: &Name) -> Option<Judgement> {
    let Some(found) = knowledge::exact_lookup(&name.module, &name.name) else {
        let special = knowledge::is_special(&name.name);
        let severity = if special { Severity::High } else { Severity::Medium };
        let does = format!("hands out `{name}`, about which nothing is known");
        return Some(Judgement::new(severity, does));
    };
    let quiet = found.constants_only || found.effect.is_harmless() || found.effect.builds();
    let bad = || Judgement::new(found.effect.severity(), format!("hands out `{name}`"));
    (!quiet).then(bad)
}

/// Whether all arguments are plain data, harmless globals or made by harmless calls.
fn only_data(call: &Call) -> bool {
    let mut data = first_mystery(call).is_none();
    visit_handed(arguments(call), &mut |value| match value {
        Value::Call(made) => data &= callee(made).is_some_and(is_harmless),
        Value::Name(name) => data &= is_harmless(name),
        Value::Module(module) => data &= !knowledge::is_powerful(module),
        _ => {}
    });
    data
}

/// Whether a call is given no text, of something that does harm by what texts say: code, a path, an
/// address. Derived knowledge is of that kind where an argument decides.
fn lacks_text(call: &Call, known: &Known) -> bool {
    let by_arguments = matches!(
        known.effect,
        Effect::Carrier
            | Effect::Deser
            | Effect::Exec
            | Effect::File
            | Effect::FileRead
            | Effect::FileWrite
            | Effect::Import
            | Effect::Native
            | Effect::Network
    );
    // What an object does that was made without its constructor, its state may decide.
    let is_derived = known.is_derived() && by_arguments && call.manner != Manner::New;
    if !(known.texts_only || is_derived) {
        return false;
    }
    let Some(name) = callee(call) else { return false };
    let is_python = || known.texts_only || evaluates(name);
    let package = name.module.split('.').next().filter(|_| known.texts_only);
    are_textless(arguments(call), package, &is_python)
}

/// Whether no value is text, or could be made of it. Objects may hold text; those of a reviewed
/// `package` do not give it away. Where only Python would do harm, words may stand there.
fn are_textless<'a>(
    values: impl Iterator<Item = &'a Value>,
    package: Option<&str>,
    is_python: &dyn Fn() -> bool,
) -> bool {
    let mut lacks = true;
    visit_handed(values, &mut |value| {
        lacks &= match value {
            Value::Text(text) => text.text().is_some_and(is_word) && is_python(),
            Value::Call(made) => {
                let module = callee(made).and_then(|inner| inner.module.split('.').next());
                module.is_some()
                    && module == package
                    && are_textless(arguments(made), package, is_python)
            }
            Value::Attribute(..)
            | Value::Buffer
            | Value::Bytes(_)
            | Value::Extension(_)
            | Value::Module(_)
            | Value::More(_)
            | Value::Persistent(_)
            | Value::Unknown(_) => false,
            _ => true,
        };
    });
    lacks
}

/// Whether what was derived about a name ends where Python is evaluated.
fn evaluates(name: &Name) -> bool {
    let path = knowledge::derivation(&name.dotted()).map(|found| found.path());
    let last = path.and_then(|path| path.last().cloned());
    matches!(last.as_deref(), Some("builtins.eval" | "builtins.exec"))
}

/// Whether text is a name or a number, which does nothing where it is evaluated.
fn is_word(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters || text.parse::<f64>().is_ok()
}

fn is_harmless(name: &Name) -> bool {
    known(name).is_some_and(|known| !known.is_dangerous() || known.constants_only)
}

/// The first argument of which nothing can be known. A method of an object that is only data is known.
fn first_mystery(call: &Call) -> Option<&Value> {
    let mut first = None;
    visit_handed(arguments(call), &mut |value| {
        let mystery = match value {
            Value::Attribute(base, name) => !is_quiet_method(base, name),
            // The items of a container, each of which is told by itself.
            Value::Unknown(what) => *what != "elements",
            Value::Extension(_) => true,
            _ => false,
        };
        if mystery {
            first = first.or(Some(value));
        }
    });
    first
}

/// `__import__(name)`: importing what any honest file names is what loading it does anyway.
fn import(call: &Call) -> Option<Judgement> {
    let first = arguments(call).next()?;
    let Some(module) = first.text() else {
        return Some(Judgement::new(
            Severity::High,
            "imports a module whose name is computed, which runs it",
        ));
    };
    if knowledge::is_powerful(module) {
        let does = format!("hands out the module {}", quote(module));
        return Some(Judgement::new(Severity::High, does));
    }
    if knowledge::has_harmless(module) {
        return None;
    }
    let does = format!("imports {}, about which nothing is known, and so runs it", quote(module));
    Some(Judgement::new(Severity::High, does))
}

/// What libraries pickle their objects with whose parts are a pickle of its own, at this place of the
/// arguments: what it holds is judged as a child.
const CARRIED: &[(&str, usize)] = &[
    ("numba.core.serialize._unpickle__CustomPickled", 0),
    ("spacy.tokens.doc.unpickle_doc", 1),
    ("spacy.vocab.unpickle_vocab", 4),
];

/// `loads(bytes)`: bytes that stand in the file are read as an artifact of their own; anything else
/// is more code from elsewhere.
fn deser(call: &Call, known: &Known) -> Option<Judgement> {
    // Without its constructor a class loads nothing: joblib's array wrappers are made so.
    if call.manner == Manner::New && only_data(call) {
        return None;
    }
    let carried =
        CARRIED.iter().find(|(name, _)| callee(call).is_some_and(|it| it.dotted() == *name));
    let at = carried.map_or(0, |(_, at)| *at);
    let Some(Value::Bytes(_)) = call.args.get(at) else {
        return Some(Judgement::new(Severity::Critical, Effect::Deser.does()));
    };
    if carried.is_some() {
        return None;
    }
    let ends = |end| callee(call).is_some_and(|name| name.name.ends_with(end));
    // A storage of torch is a checkpoint of its own inside a pickle.
    if known.constants_only && ends("_load_from_bytes") {
        return None;
    }
    let does = "loads objects from bytes that stand in the file, which were read as well";
    // A second stage for another unpickler; other loaders (a model that a library keeps as an
    // archive of its own) are as bad as what the archive holds.
    let unpickles = ends("loads");
    let severity = if unpickles { Severity::High } else { Severity::Medium };
    Some(Judgement::new(severity, does))
}

/// `open(path, mode)`: the mode tells reading from writing.
fn open(call: &Call) -> Judgement {
    let named = call.kwargs.iter().find(|(key, _)| key == "mode").map(|(_, value)| value);
    let mode = named.or_else(|| call.args.get(1));
    let does = match (call.args.first(), mode.map(Value::text)) {
        (Some(path), None) => format!("opens {path} for reading"),
        (Some(path), Some(Some(mode))) if mode.contains(['w', 'a', 'x', '+']) => {
            format!("opens {path} for writing")
        }
        (Some(path), Some(Some(_))) => format!("opens {path} for reading"),
        _ => Effect::File.does().to_owned(),
    };
    Judgement::new(Severity::High, does)
}

/// `vars(module)`, `globals()`: as bad as what they open.
fn introspect(call: &Call) -> Judgement {
    let powerful = arguments(call).any(|arg| match arg {
        Value::Module(module) => knowledge::is_powerful(module),
        Value::Call(_) | Value::Unknown(_) => true,
        _ => false,
    });
    // A call of what stands behind the insides of an object takes something out of them.
    let walks = callee(call).is_some_and(|name| leads_out(&name.name));
    let severity = if powerful || walks { Severity::High } else { Severity::Medium };
    Judgement::new(severity, Effect::Introspect.does())
}

/// Whether a path goes on behind attributes that hold everything around an object:
/// `seed.__globals__.get`, `sys.modules.get`.
fn leads_out(path: &str) -> bool {
    const INSIDE: &[&str] = &[
        "__builtins__",
        "__class__",
        "__closure__",
        "__code__",
        "__dict__",
        "__globals__",
        "__subclasses__",
        "modules",
    ];
    let parts: Vec<&str> = path.split('.').collect();
    let (_, before) = parts.split_last().unwrap_or((&"", &[]));
    before.iter().any(|part| INSIDE.contains(part)) || path.ends_with("__subclasses__")
}

fn quote(text: &str) -> String {
    format!("`{}`", davy_bytes::escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_as_bad_as_what_they_call() {
        let known = knowledge::lookup("patsy", "dmatrices").unwrap();
        let severity = |text: &str| {
            let call = Call {
                callee: Value::Name(Name::new("patsy", "dmatrices")),
                args: vec![Value::Text(davy_artifact::Excerpt::whole(text))],
                kwargs: vec![],
                manner: Manner::Called,
            };
            formula(&call, known).map(|judgement| judgement.severity)
        };
        for honest in [
            "y ~ x",
            "y ~ C(a, Treatment(reference='b')) + np.log(x) * (z + open)",
            "a ~ bs(x, df=3)",
        ] {
            assert_eq!(severity(honest), None, "{honest}");
        }
        assert_eq!(severity("y ~ mine(x)"), Some(Severity::Medium));
        for hostile in [
            "y ~ eval('1')",
            "__import__('os').system('id')",
            "y ~ np.os.system('id')",
            "y ~ x[0](z)",
            "y ~ a.__class__",
        ] {
            assert_eq!(severity(hostile), Some(Severity::Critical), "{hostile}");
        }
    }

    #[test]
    fn a_method_by_how_it_is_printed_is_no_source() {
        let text = |text: &str| Value::Text(davy_artifact::Excerpt::whole(text));
        let call = |name: &str, printed: &str| Call {
            callee: Value::Name(Name::new("dill._dill", "_getattr")),
            args: vec![Value::None, text(name), text(printed)],
            kwargs: vec![],
            manner: Manner::Called,
        };
        assert!(takes_method(&call("lower", "<method 'lower' of 'str' objects>")));
        for hostile in [
            "<method 'x' of '__import__(\"os\").system(\"id\") or str' objects>",
            "exit()",
            "a'b'c'd(e)'",
        ] {
            assert!(!takes_method(&call("lower", hostile)), "{hostile}");
        }
        assert!(!takes_method(&call("x\"]+f()+[\"", "<method 'x' of 'str' objects>")));
    }

    #[test]
    fn attributes_that_lead_away_are_told_from_those_of_data() {
        for path in ["os", "x.os.path", "_os", "system", "gi_frame", "code.x", "popen"] {
            assert!(leads_away(path), "{path}");
        }
        for path in ["predict", "get", "code", "types", "x.y", "io", "run", "eval", "_load"] {
            assert!(!leads_away(path), "{path}");
        }
    }

    #[test]
    fn functions_that_print_or_sample_open_files_only_by_one_argument() {
        let severity = |module: &str, name: &str, kwargs: &[(&str, &str)]| {
            let known = knowledge::lookup(module, name).unwrap();
            let text = |text: &str| Value::Text(davy_artifact::Excerpt::whole(text));
            let kwargs = kwargs.iter().map(|(key, value)| ((*key).to_owned(), text(value)));
            let call = Call {
                callee: Value::Name(Name::new(module, name)),
                args: vec![Value::Unknown("a tensor of the model")],
                kwargs: kwargs.collect(),
                manner: Manner::Called,
            };
            let artifact = crate::facts::testing::artifact("keras", vec![]);
            let examiner = &mut Examiner::of(&artifact);
            judge(&call, known, examiner).map(|judgement| judgement.severity)
        };
        let stream = |stream| severity("tensorflow", "print", &[("output_stream", stream)]);
        assert_eq!(stream("file:///tmp/x"), Some(Severity::High));
        assert_eq!((stream("stderr"), severity("tensorflow", "print", &[])), (None, None));
        let sampler = "fixed_unigram_candidate_sampler";
        let file = [("vocab_file", "/etc/passwd")];
        assert_eq!(severity("tensorflow.random", sampler, &file), Some(Severity::High));
        assert_eq!(severity("tensorflow.nn", sampler, &[]), None);
    }

    #[test]
    fn what_evaluates_text_needs_text() {
        let made = |name: &str, args: Vec<Value>| Call {
            callee: Value::Name(Name::new("sympy.functions.elementary.trigonometric", name)),
            args,
            kwargs: vec![],
            manner: Manner::New,
        };
        let text = |text: &str| Value::Text(davy_artifact::Excerpt::whole(text));
        let bytes = Call {
            callee: Value::Name(Name::new("builtins", "bytes")),
            ..made("", vec![Value::List(vec![Value::Int(101)])])
        };
        let call = |args| made("sin", args);
        let known = knowledge::lookup("sympy.functions.elementary.trigonometric", "sin").unwrap();
        let nested = |inner| Value::Call(Box::new(inner));
        for honest in [
            vec![],
            vec![Value::Int(1)],
            vec![Value::Tuple(vec![text("x"), text("-1.5"), Value::None])],
            vec![nested(call(vec![text("x")]))],
        ] {
            assert!(lacks_text(&call(honest.clone()), known), "{honest:?}");
        }
        for hostile in [
            text("__import__('os').system('id')"),
            text("x.y"),
            Value::Unknown("computed"),
            nested(call(vec![text("exit()")])),
            nested(bytes),
            nested(Call {
                callee: Value::Name(Name::new("collections", "UserString")),
                ..call(vec![])
            }),
        ] {
            assert!(!lacks_text(&call(vec![hostile.clone()]), known), "{hostile:?}");
        }
        // A word is a command.
        let system = knowledge::lookup("os", "system").unwrap();
        let callee = Value::Name(Name::new("os", "system"));
        assert!(!lacks_text(&Call { callee, ..call(vec![]) }, system));
    }

    #[test]
    fn only_the_template_that_defines_methods_is_stock() {
        let stock = "\ndef _parse_args(self, a, loc=0, scale=1):\n    return (a), loc, scale\n\
                     \ndef _parse_args_rvs(self, a, size=None):\n    return self._argcheck_rvs(a, size=size)\n";
        assert!(is_stock_template(stock));
        for hostile in [
            "import os",
            "def _parse_args(self, a=exec('x')):\n    return (a), loc\n",
            "def _parse_args(self):\n    return (a)\nexec('x')\n",
            "def _parse_args(self):\n    return (exec('x'))\n",
        ] {
            assert!(!is_stock_template(hostile), "{hostile}");
        }
    }
}
