//! What looking a name up gives, by the object that is asked and the path.

use super::{Judgement, look_up_type, quote};
use crate::Severity;
use crate::facts::{arguments, callee, type_of_name};
use crate::knowledge::{self, Effect, Known};
use davy_artifact::{Call, Name, Value};

/// `getattr(object, name)` and its kin. A constant path to something harmless is how bound methods
/// are pickled; a constant path to something harmful becomes a global of its own.
pub(super) fn resolve(call: &Call, known: &Known) -> Option<Judgement> {
    if let Some(name) = type_of_name(call) {
        return look_up_type(&name);
    }
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
    if let Some(path) =
        paths.iter().find(|path| path.split(['.', ':', '{', '}', '[', ']', '!']).any(is_inside))
    {
        return high(format!("reaches the insides of an object through {}", quote(path)));
    }
    if let Some(path) = paths.iter().find(|path| names_harm(path)) {
        return high(format!("turns {} into what it names", quote(path)));
    }
    // Keys are no attributes.
    let by_key = |name: &Name| name.name.ends_with("item") || name.name.ends_with("itemgetter");
    let asked = callee(call).is_some_and(|name| !by_key(name));
    if let [object, attribute, ..] = paths.as_slice()
        && asked
        && knowledge::lookup(object, attribute).is_some_and(Known::is_dangerous)
    {
        return high(format!("is asked for {} of {}", quote(attribute), quote(object)));
    }
    let named = matches!(call.args.first(), Some(Value::Module(_) | Value::Name(_)));
    if asked
        && !named
        && let Some(path) = paths.iter().find(|path| leads_away(path))
    {
        return high(format!("reaches the insides of an object through {}", quote(path)));
    }
    let of_an_object = !matches!(call.args.first(), Some(Value::Text(_)));
    if of_an_object && matches!(call.args.get(1), Some(Value::Call(_))) {
        return high("looks up a name that is computed".to_owned());
    }
    let doubt = Judgement::new(Severity::Medium, Effect::Resolve.does());
    (!known.constants_only && !paths.is_empty()).then_some(doubt)
}

/// Whether an attribute of an object that is not known leads to a module or does harm by its name.
pub(crate) fn leads_away(path: &str) -> bool {
    /// Modules and functions that are common names of attributes and methods too.
    const COMMON: &[&str] = &[
        "abort",
        "aiter",
        "cast",
        "code",
        "commands",
        "compile",
        "connect",
        "copy",
        "eval",
        "io",
        "load",
        "multiprocessing",
        "platform",
        "repeat",
        "spawn",
        "threading",
        "types",
    ];
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let common = parts.peek().is_none() && COMMON.contains(&part.trim_start_matches('_'));
        if knowledge::attribute(part).is_some() && !common {
            return true;
        }
    }
    false
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
