//! How bad one call is: the callee decides what could happen, the arguments decide what does.

use crate::Severity;
use crate::facts::{arguments, known, visit_handed};
use crate::knowledge::{self, Effect, Known};
use davy_artifact::{Call, Name, Value};

/// What a call amounts to.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What it does, as the end of a sentence that begins with the callee.
    pub(crate) does: String,
}

impl Judgement {
    fn new(severity: Severity, does: impl Into<String>) -> Self {
        Self { severity, does: does.into() }
    }
}

/// Judges a call of `known`; nothing where these arguments make it harmless, or where what makes it
/// harmful is a fact of its own.
pub(crate) fn judge(call: &Call, known: &Known) -> Option<Judgement> {
    let effect = known.effect;
    match effect {
        _ if effect.is_harmless() => None,
        Effect::Deferred | Effect::Indirect => indirect(call, effect),
        Effect::Resolve => resolve(call),
        Effect::Import => import(call),
        Effect::Deser => deser(call),
        Effect::File => Some(open(call)),
        Effect::Introspect => Some(introspect(call)),
        _ => Some(Judgement::new(effect.severity(), effect.does())),
    }
}

/// What calls its arguments: harmless callables are harmless through it, harmful ones are findings
/// of their own, and what cannot be known stays a doubt.
fn indirect(call: &Call, effect: Effect) -> Option<Judgement> {
    let mut doubt = None;
    visit_handed(arguments(call), &mut |value| match value {
        Value::Unknown(_) | Value::Persistent(_) | Value::Extension(_) | Value::Attribute(..) => {
            doubt = Some("a value that cannot be known from the file".to_owned());
        }
        Value::Name(name) if known(name).is_none() => doubt = Some(format!("`{name}`")),
        Value::Call(inner) if !yields_data(inner) => {
            doubt = Some("what another call returns".to_owned());
        }
        _ => {}
    });
    let does = effect.does();
    doubt.map(|what| Judgement::new(Severity::Medium, format!("{does}, and is given {what}")))
}

/// Whether what a call returns is data, or a callable whose parts were judged where it was made.
fn yields_data(call: &Call) -> bool {
    let Value::Name(name) = &call.callee else { return false };
    known(name).is_some_and(|known| known.effect.is_harmless() || known.effect == Effect::Indirect)
}

/// `getattr(object, name)` and its kin. A constant path to something harmless is how bound methods
/// are pickled; a constant path to something harmful becomes a global of its own.
fn resolve(call: &Call) -> Option<Judgement> {
    let high = |does: String| Some(Judgement::new(Severity::High, does));
    let mut paths = Vec::new();
    for arg in arguments(call) {
        match arg {
            Value::Text(_) => match arg.text() {
                Some(path) => paths.push(path),
                None => return high("turns a very long string into what it names".to_owned()),
            },
            Value::Unknown(_) | Value::Extension(_) | Value::Persistent(_) => {
                return high(format!("looks up a name that is computed: {arg}"));
            }
            _ => {}
        }
    }
    if let Some(path) = paths.iter().find(|path| path.split(['.', ':']).any(is_inside)) {
        return high(format!("reaches the insides of an object through {}", quote(path)));
    }
    if let Some(path) = paths.iter().find(|path| names_harm(path)) {
        return high(format!("turns {} into what it names", quote(path)));
    }
    let of_an_object = !matches!(call.args.first(), Some(Value::Text(_)));
    let computed = of_an_object && matches!(call.args.get(1), Some(Value::Call(_)));
    computed.then(|| Judgement::new(Severity::High, "looks up a name that is computed"))
}

/// Whether a dotted path, as `pkgutil.resolve_name` takes it, names something harmful.
fn names_harm(path: &str) -> bool {
    let dotted = path.replace(':', ".");
    dotted.contains('.') && knowledge::lookup_path(&dotted).is_some_and(Known::is_dangerous)
}

/// Special attributes that lead from an object to modules, frames and code.
fn is_inside(part: &str) -> bool {
    knowledge::is_special(part) && !matches!(part, "__call__" | "__new__" | "__init__")
}

/// `__import__(name)`: importing what any honest file names is what loading it does anyway.
fn import(call: &Call) -> Option<Judgement> {
    let Some(first) = arguments(call).next() else { return None };
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
    Some(Judgement::new(Severity::Medium, does))
}

/// `loads(bytes)`: bytes that stand in the file are read as an artifact of their own; anything else
/// is more code from elsewhere.
fn deser(call: &Call) -> Option<Judgement> {
    let constant = |value: &Value| matches!(value, Value::Bytes(_));
    let Value::Name(name) = &call.callee else { return None };
    let loads = name.name.ends_with("loads") || name.name.ends_with("load_from_bytes");
    match call.args.first() {
        // `storage.__reduce__` of torch: a checkpoint of one storage, inside a pickle.
        Some(value) if constant(value) && is_storage_loader(name) => None,
        Some(value) if constant(value) && loads => {
            let does = "loads objects from bytes that stand in the file and were read as well";
            Some(Judgement::new(Severity::Medium, does))
        }
        _ => Some(Judgement::new(Severity::Critical, Effect::Deser.does())),
    }
}

fn is_storage_loader(name: &Name) -> bool {
    name.module == "torch.storage" && name.name == "_load_from_bytes"
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
    let severity = if powerful { Severity::High } else { Severity::Medium };
    Judgement::new(severity, Effect::Introspect.does())
}

fn quote(text: &str) -> String {
    format!("`{}`", davy_bytes::escape(text))
}
