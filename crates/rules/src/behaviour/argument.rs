//! Arguments of calls: callables that are handed over to be called, and the places that a call acts
//! on.

use crate::facts::{callee, known};
use crate::knowledge::Effect;
use davy_artifact::{Call, Manner, Value};

/// What `call`, which calls what it is given, makes of a callable and the arguments beside it: the
/// call that it will do, as far as that can be told.
pub(crate) fn given(call: &Call) -> Vec<Call> {
    let calls = callee(call).and_then(known).is_some_and(|known| known.effect.calls_arguments());
    if !calls {
        return Vec::new();
    }
    let keyword = |names: &[&str]| {
        call.kwargs.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value)
    };
    let named = keyword(&["target", "function", "func", "callback", "action", "initializer"]);
    let at = call.args.iter().position(is_callable);
    let Some(function) = named.or_else(|| call.args.get(at?)).filter(|value| is_callable(value))
    else {
        return Vec::new();
    };
    let behind = at.map_or(0, |at| at.saturating_add(1));
    // `Thread(None, f, None, (a,))`: a name that is left out stands before the arguments.
    let rest = call.args.get(behind..).unwrap_or_default();
    let rest = match rest {
        [Value::None, rest @ ..] => rest,
        rest => rest,
    };
    let mut args: Vec<Value> = match keyword(&["args", "argument", "initargs"]) {
        Some(Value::Tuple(items) | Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    match rest {
        // `Timer(5, f, (a,))`, `map(f, [a])`: a sequence of arguments, or of first arguments.
        [Value::Tuple(items) | Value::List(items), ..] => args.extend(items.iter().cloned()),
        rest => args.extend(rest.iter().cloned()),
    }
    let kwargs = match keyword(&["kwargs", "keywords"]) {
        Some(Value::Dict(pairs)) => pairs
            .iter()
            .filter_map(|(key, value)| Some((key.text()?.to_owned(), value.clone())))
            .collect(),
        _ => Vec::new(),
    };
    vec![Call { callee: function.clone(), args, kwargs, manner: Manner::Called }]
}

fn is_callable(value: &Value) -> bool {
    matches!(value, Value::Name(name) if !name.name.is_empty())
        || matches!(value, Value::Attribute(..))
}

/// The place that a call with this effect acts on: a path, an address, a module.
pub(crate) fn target(call: &Call, effect: Effect) -> Option<String> {
    let acts = matches!(
        effect,
        Effect::Deser
            | Effect::Environment
            | Effect::FileRead
            | Effect::FileRecon
            | Effect::FileWrite
            | Effect::Native
            | Effect::Network
            | Effect::NetworkDns
            | Effect::SharedMemory
            | Effect::XmlEntities
    );
    if !acts {
        return None;
    }
    let mut values = call.args.iter().chain(call.kwargs.iter().map(|(_, value)| value));
    values
        .find_map(|value| address(value).or_else(|| value.text().map(str::to_owned)))
        .filter(|text| !text.is_empty() && text.chars().count() <= 300)
}

/// `(host, port)` as `host:port`.
pub(super) fn address(value: &Value) -> Option<String> {
    let (Value::Tuple(items) | Value::List(items)) = value else { return None };
    match items.as_slice() {
        [host, Value::Int(port), ..] if (0..=65_535).contains(port) => {
            let host = host.text().filter(|host| !host.contains(char::is_whitespace))?;
            Some(format!("{host}:{port}"))
        }
        _ => None,
    }
}

/// A value as a place in the file system, as far as it is constant: `os.path.join(…)`,
/// `os.path.expanduser(…)` and `pathlib.Path(…)` are what they are given.
pub(super) fn place(value: &Value) -> Option<String> {
    match value {
        Value::Text(excerpt) | Value::Bytes(excerpt) => {
            Some(String::from_utf8_lossy(&excerpt.head).into_owned())
        }
        Value::Call(call) => {
            let of = origin(&call.callee);
            match of.as_str() {
                "pathlib.Path.home" | "os.path.expanduser" if call.args.is_empty() => {
                    Some("~".to_owned())
                }
                "os.path.join" => {
                    let parts: Vec<String> = call.args.iter().filter_map(place).collect();
                    (!parts.is_empty()).then(|| parts.join("/"))
                }
                "os.getenv" | "os.environ.get" => {
                    call.args.first().and_then(Value::text).map(|name| format!("${name}"))
                }
                _ => {
                    let base = match &call.callee {
                        Value::Attribute(base, _) => place(base),
                        _ => None,
                    };
                    let parts: Vec<String> =
                        base.into_iter().chain(call.args.iter().filter_map(place)).collect();
                    (!parts.is_empty()).then(|| parts.join("/"))
                }
            }
        }
        Value::Attribute(base, _) => place(base),
        Value::Tuple(parts) | Value::List(parts) => parts.iter().find_map(place),
        _ => None,
    }
}

/// What a value comes from, as a path: `socket.socket().recv`.
pub(super) fn origin(value: &Value) -> String {
    let mut ends: Vec<String> = Vec::new();
    let mut value = value;
    let start = loop {
        match value {
            Value::Attribute(base, name) => {
                ends.push(format!(".{name}"));
                value = base;
            }
            Value::Call(call) => {
                ends.push("()".to_owned());
                value = &call.callee;
            }
            Value::Name(name) => break canonical(&name.dotted()),
            Value::Module(module) => break canonical(module),
            Value::Text(_) => break "''".to_owned(),
            _ => break "?".to_owned(),
        }
        if ends.len() > 64 {
            break "?".to_owned();
        }
    };
    ends.push(start);
    ends.reverse();
    ends.concat()
}

/// A path of names without what tells nothing: the module of built-in functions, and that of the
/// operating system behind `os`.
fn canonical(path: &str) -> String {
    for (prefix, other) in [
        ("builtins.", ""),
        ("__builtin__.", ""),
        ("posix.", "os."),
        ("nt.", "os."),
        ("posixpath.", "os.path."),
        ("ntpath.", "os.path."),
        ("_socket.", "socket."),
        ("io.open", "open"),
        ("_io.open", "open"),
    ] {
        if let Some(rest) = path.strip_prefix(prefix) {
            return format!("{other}{rest}");
        }
    }
    path.to_owned()
}

/// Everything that a call is given, and what its callee comes from, is or comes from one of `starts`.
pub(super) fn comes_from(call: &Call, test: &mut dyn FnMut(&str, &Call) -> bool) -> bool {
    let mut found = false;
    call.walk(&mut |value| {
        if let Value::Call(made) = value {
            found = found || test(&origin(&made.callee), made);
        }
    });
    found
}

/// Every text in a call, also inside of calls that it is given.
pub(super) fn texts(call: &Call) -> Vec<&str> {
    let mut texts = Vec::new();
    call.walk(&mut |value| texts.extend(value.text()));
    texts
}
