//! The calls in R's code: what is called, with which constants, and by which function it is called
//! where one is handed over.
//!
//! Code of R is data in the file, so that nothing has to be decoded: a call is a list whose first
//! element is what is called.

use super::tree::{Entry, Id, Kind, Sort, Tree};
use davy_artifact::{Call, Excerpt, Manner, Name, Value};
use davy_bytes::to_u64;
use std::collections::HashSet;

/// Packages whose functions any code finds without their package's name.
const ATTACHED: &[&str] =
    &["base", "datasets", "grDevices", "graphics", "methods", "stats", "utils"];

/// Functions that find another by its name, and which argument names it.
const GETTERS: &[(&str, usize)] = &[
    ("dynGet", 0),
    ("get", 0),
    ("get0", 0),
    ("getAnywhere", 0),
    ("getExportedValue", 1),
    ("getFromNamespace", 0),
    ("getFunction", 0),
    ("match.fun", 0),
];

/// Functions that call another: which argument it is, by place and by name.
const CALLERS: &[(&str, usize, &str)] = &[
    ("Filter", 0, "f"),
    ("Find", 0, "f"),
    ("Map", 0, "f"),
    ("Position", 0, "f"),
    ("Reduce", 0, "f"),
    ("Vectorize", 0, "FUN"),
    ("addTaskCallback", 0, "f"),
    ("aggregate", 2, "FUN"),
    ("apply", 2, "FUN"),
    ("ave", 2, "FUN"),
    ("by", 2, "FUN"),
    ("do.call", 0, "what"),
    ("eapply", 1, "FUN"),
    ("lapply", 1, "FUN"),
    ("mapply", 0, "FUN"),
    ("match.fun", 0, "FUN"),
    ("outer", 2, "FUN"),
    ("rapply", 1, "f"),
    ("reg.finalizer", 1, "f"),
    ("sapply", 1, "FUN"),
    ("sweep", 3, "FUN"),
    ("tapply", 2, "FUN"),
    ("vapply", 1, "FUN"),
];

/// Levels of calls in calls that a value shows.
const DEPTH: u32 = 8;

/// Arguments of a call, and elements of a vector, that a value shows.
const WIDTH: usize = 16;

/// Every call in the code at `root`, in its order, with the object that it stands in.
pub(super) fn calls(tree: &Tree, root: Id, manner: Manner) -> Vec<(Id, Call)> {
    let mut found = Vec::new();
    walk(tree, root, &mut |id| {
        let Some(Kind::Pair { sort: Sort::Language, car, cdr, .. }) = tree.kind(id) else { return };
        let args: Vec<Entry> = tree.cells(*cdr).collect();
        let callee = callee(tree, *car, 0);
        if let Value::Name(Name { name, .. }) = &callee {
            if is_syntax(name) {
                return;
            }
            found.extend(through(tree, name, &args).map(|call| (id, call)));
        }
        found.push((id, made(tree, callee, &args, manner, 0)));
    });
    found
}

/// Visits all objects in the code at `root`: what a call is made of, and what stands in lists. Byte
/// code is visited as the source that stands in it.
pub(super) fn walk(tree: &Tree, root: Id, visit: &mut dyn FnMut(Id)) {
    let (mut stack, mut seen) = (vec![root], HashSet::new());
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        if !tree.look() {
            return;
        }
        visit(id);
        match tree.kind(id) {
            // Whatever the sort of the cells behind it, they are arguments.
            Some(Kind::Pair {
                sort: Sort::Language | Sort::List | Sort::Dots, car, cdr, ..
            }) => {
                let args: Vec<Id> = tree.cells(*cdr).map(|cell| cell.car).collect();
                stack.extend(args.into_iter().rev());
                stack.push(*car);
            }
            Some(Kind::Pair { sort: Sort::Closure, car, cdr, .. }) => stack.extend([*cdr, *car]),
            Some(Kind::Bytecode(parts)) => stack.extend(parts.get(1)),
            Some(Kind::List(items)) => stack.extend(items.iter().rev()),
            _ => {}
        }
    }
}

/// What is called.
fn callee(tree: &Tree, id: Id, depth: u32) -> Value {
    if let Some(name) = tree.symbol(id) {
        return Value::Name(Name::new(Name::R, name));
    }
    if let Some(Kind::Builtin(text)) = tree.kind(id) {
        return Value::Name(Name::new(Name::R, String::from_utf8_lossy(&text.head)));
    }
    if let Some(text) = text(tree, id, depth) {
        return Value::Name(Name::new(Name::R, String::from_utf8_lossy(&text)));
    }
    let Some(Kind::Pair { sort: Sort::Language, car, cdr, .. }) = tree.kind(id) else {
        return Value::Unknown("a function in the file");
    };
    if depth > DEPTH || !tree.look() {
        return Value::Unknown("what another call returns");
    }
    let args: Vec<Entry> = tree.cells(*cdr).take(WIDTH).collect();
    let head = tree.symbol(*car).unwrap_or_default();
    match (head, args.as_slice()) {
        ("(", [inner]) => callee(tree, inner.car, depth.saturating_add(1)),
        ("::" | ":::", [package, name]) => {
            let part = |id| tree.symbol(id).map(str::to_owned).or_else(|| spelled(tree, id, depth));
            match part(package.car).zip(part(name.car)) {
                Some((package, name)) => Value::Name(qualified(&package, &name)),
                None => Value::Unknown("a function under a computed name"),
            }
        }
        ("$" | "@", [object, name]) => {
            let name = tree.symbol(name.car).map(str::to_owned);
            let name = name.or_else(|| args.get(1).and_then(|it| spelled(tree, it.car, depth)));
            let object = value(tree, object.car, depth.saturating_add(1));
            Value::Attribute(Box::new(object), name.unwrap_or_default())
        }
        ("function", _) => Value::Unknown("a function of its own"),
        _ => {
            let getter = GETTERS.iter().find(|(name, _)| *name == head);
            let Some((_, index)) = getter else {
                return Value::Unknown("what another call returns");
            };
            match args.get(*index).and_then(|arg| spelled(tree, arg.car, depth)) {
                Some(name) => Value::Name(Name::new(Name::R, name)),
                None if head == "match.fun" => {
                    args.first().map_or(Value::Unknown("a function under a computed name"), |arg| {
                        callee(tree, arg.car, depth.saturating_add(1))
                    })
                }
                None => Value::Unknown("a function under a computed name"),
            }
        }
    }
}

/// A function by its package.
fn qualified(package: &str, name: &str) -> Name {
    if ATTACHED.contains(&package) {
        return Name::new(Name::R, name);
    }
    Name::new(Name::R, format!("{package}::{name}"))
}

/// What is called by a function that calls what it is given.
fn through(tree: &Tree, caller: &str, args: &[Entry]) -> Option<Call> {
    let (caller, index, named) = *CALLERS.iter().find(|(name, ..)| *name == caller)?;
    let given = args.iter().find(|arg| tree.symbol(arg.tag) == Some(named));
    let given =
        given.or_else(|| args.iter().filter(|arg| tree.symbol(arg.tag).is_none()).nth(index));
    let function = callee(tree, given?.car, 0);
    if !matches!(function, Value::Name(_)) {
        return None;
    }
    let handed: Vec<Entry> = match (caller, args.get(1)) {
        ("do.call", Some(list)) => match tree.kind(list.car) {
            Some(Kind::Pair { sort: Sort::Language, cdr, .. }) => tree.cells(*cdr).collect(),
            _ => vec![],
        },
        // The elements are what it is called with.
        ("lapply" | "sapply" | "vapply", Some(_)) => args.iter().take(1).copied().collect(),
        _ => vec![],
    };
    Some(made(tree, function, &handed, Manner::Through(caller), 0))
}

fn made(tree: &Tree, callee: Value, args: &[Entry], manner: Manner, depth: u32) -> Call {
    let (mut plain, mut named) = (Vec::new(), Vec::new());
    for arg in args.iter().take(WIDTH) {
        let value = value(tree, arg.car, depth.saturating_add(1));
        match tree.symbol(arg.tag) {
            Some(tag) => named.push((tag.to_owned(), value)),
            None => plain.push(value),
        }
    }
    let more = to_u64(args.len().saturating_sub(WIDTH));
    plain.extend((more > 0).then_some(Value::More(more)));
    Call { callee, args: plain, kwargs: named, manner }
}

/// What code would be at run time, as far as that is known.
pub(super) fn value(tree: &Tree, id: Id, depth: u32) -> Value {
    if depth > DEPTH || !tree.look() {
        return Value::Unknown("nested too deep");
    }
    if let Some(text) = text(tree, id, depth) {
        return Value::Text(Excerpt::whole(text));
    }
    match tree.kind(id) {
        Some(Kind::Texts { kept, len }) => {
            let texts = kept
                .iter()
                .take(WIDTH)
                .map(|text| Value::Text(Excerpt { head: text.head.clone(), len: text.len }));
            let mut texts: Vec<Value> = texts.collect();
            let more = len.saturating_sub(to_u64(texts.len()));
            texts.extend((more > 0).then_some(Value::More(more)));
            Value::List(texts)
        }
        Some(Kind::Numbers { what: "logical", len: 1, first: Some(first), .. }) => {
            Value::Bool(*first != 0.0)
        }
        Some(Kind::Numbers { what: "integer", len: 1, kept, .. }) => {
            kept.first().map_or(Value::Unknown("a number"), |first| Value::Int(i64::from(*first)))
        }
        Some(Kind::Numbers { len: 1, first: Some(first), .. }) => Value::Float(*first),
        Some(Kind::Numbers { .. } | Kind::Altrep { .. }) => Value::Unknown("numbers"),
        Some(Kind::Raw { .. }) => Value::Unknown("bytes"),
        Some(Kind::Fixed("NULL")) => Value::None,
        Some(Kind::Symbol(_)) => Value::Unknown("a variable"),
        Some(Kind::Pair { sort: Sort::Language, car, cdr, .. }) => {
            let args: Vec<Entry> = tree.cells(*cdr).take(WIDTH).collect();
            let callee = callee(tree, *car, depth);
            Value::Call(Box::new(made(tree, callee, &args, Manner::Called, depth)))
        }
        Some(Kind::Pair { sort: Sort::Closure, .. } | Kind::Builtin(_)) => {
            Value::Unknown("a function in the file")
        }
        _ => Value::Unknown("an object in the file"),
    }
}

fn spelled(tree: &Tree, id: Id, depth: u32) -> Option<String> {
    text(tree, id, depth).and_then(|text| String::from_utf8(text).ok())
}

/// Text that stands in the code, or that it puts together from what does.
pub(super) fn text(tree: &Tree, id: Id, depth: u32) -> Option<Vec<u8>> {
    if let Some(text) = tree.text(id) {
        return (to_u64(text.head.len()) == text.len).then(|| text.head.clone());
    }
    if depth > DEPTH || !tree.look() {
        return None;
    }
    let Some(Kind::Pair { sort: Sort::Language, car, cdr, .. }) = tree.kind(id) else {
        return None;
    };
    let args: Vec<Entry> = tree.cells(*cdr).take(1024).collect();
    let deeper = depth.saturating_add(1);
    let each = |args: &[Entry]| -> Option<Vec<Vec<u8>>> {
        args.iter()
            .map(|arg| text(tree, arg.car, deeper).or_else(|| digits(tree, arg.car)))
            .collect()
    };
    let named = |name: &str| args.iter().find(|arg| tree.symbol(arg.tag) == Some(name));
    let plain: Vec<Entry> =
        args.iter().filter(|arg| tree.symbol(arg.tag).is_none()).copied().collect();
    match tree.symbol(*car)? {
        "(" => text(tree, args.first()?.car, deeper),
        "paste0" => Some(each(&plain)?.concat()),
        "paste" => {
            let separator = match named("sep") {
                Some(arg) => text(tree, arg.car, deeper)?,
                None => b" ".to_vec(),
            };
            Some(each(&plain)?.join(separator.as_slice()))
        }
        "file.path" => Some(each(&plain)?.join(b"/".as_slice())),
        "tolower" => Some(text(tree, args.first()?.car, deeper)?.to_ascii_lowercase()),
        "toupper" => Some(text(tree, args.first()?.car, deeper)?.to_ascii_uppercase()),
        "intToUtf8" | "rawToChar" | "as.raw" => characters(tree, args.first()?.car, deeper),
        "I" | "as.character" | "c" | "noquote" | "return" | "toString" if args.len() == 1 => {
            text(tree, args.first()?.car, deeper)
        }
        _ => None,
    }
}

/// A number, as text that is pasted together has it.
fn digits(tree: &Tree, id: Id) -> Option<Vec<u8>> {
    match tree.kind(id)? {
        Kind::Numbers { what: "double" | "integer", len: 1, first: Some(first), .. }
            if first.fract() == 0.0 && first.abs() < 1e9 =>
        {
            Some(format!("{first}").into_bytes())
        }
        _ => None,
    }
}

/// Text that is given by the numbers of its characters.
fn characters(tree: &Tree, id: Id, depth: u32) -> Option<Vec<u8>> {
    let numbers: Vec<f64> = match tree.kind(id)? {
        Kind::Numbers { what: "integer", len, kept, .. } if to_u64(kept.len()) == *len => {
            kept.iter().copied().map(f64::from).collect()
        }
        Kind::Numbers { len: 1, first: Some(first), .. } => vec![*first],
        Kind::Pair { sort: Sort::Language, car, cdr, .. } if depth <= DEPTH => {
            match tree.symbol(*car)? {
                "c" => {
                    let number = |cell: Entry| match tree.kind(cell.car) {
                        Some(Kind::Numbers { len: 1, first, .. }) => *first,
                        _ => None,
                    };
                    tree.cells(*cdr).take(4096).map(number).collect::<Option<_>>()?
                }
                "as.raw" | "as.integer" | "(" => {
                    let inner = tree.cells(*cdr).next()?;
                    return characters(tree, inner.car, depth.saturating_add(1));
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    let character = |number: f64| {
        let whole = number.fract() == 0.0 && (1.0..1_114_112.0).contains(&number);
        let digits = whole.then(|| format!("{number:.0}"))?;
        char::from_u32(digits.parse().ok()?)
    };
    let text: Option<String> = numbers.into_iter().map(character).collect();
    text.map(String::into_bytes)
}

/// Whether a name is a word or operator of the language, which calls nothing that a file could choose.
pub(super) fn is_syntax(name: &str) -> bool {
    const WORDS: &[&str] =
        &["break", "for", "function", "if", "next", "quote", "repeat", "return", "while"];
    WORDS.contains(&name)
        || !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_punctuation() && byte != b'.' && byte != b'_')
}

/// Instructions that look a name up, before the number of its constant (R, `eval.c`): `GETVAR`, `GETFUN`,
/// `GETGLOBFUN`, `GETSYMFUN`, `GETBUILTIN`, `GETINTLBUILTIN`, `GETVAR_MISSOK`.
const LOOK_UPS: &[i32] = &[20, 23, 24, 25, 26, 27, 92];

/// Names that instructions of compiled code look up and that its source does not have: R compiles
/// what it is given, so that honest code has none but what the compiler itself brings in.
pub(super) fn hidden(tree: &Tree, body: Id) -> Vec<String> {
    let mut named = HashSet::new();
    walk(tree, body, &mut |id| {
        named.extend(tree.symbol(id).map(str::to_owned));
    });
    let (mut found, mut stack, mut seen) = (Vec::new(), vec![body], HashSet::new());
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        if !tree.look() {
            break;
        }
        if let Some(Kind::Pair { sort: Sort::Closure, cdr, .. }) = tree.kind(id) {
            stack.push(*cdr);
        }
        let Some(Kind::Bytecode(parts)) = tree.kind(id) else { continue };
        let looked_up = looked_up(tree, parts);
        // Calls among the constants only say where an instruction is from; names are what it uses.
        for (number, &part) in (0_i32..).zip(parts.iter().skip(1)) {
            match tree.kind(part) {
                Some(Kind::Bytecode(_)) => stack.push(part),
                Some(Kind::Symbol(_))
                    if looked_up.as_ref().is_none_or(|it| it.contains(&number)) =>
                {
                    let hidden = tree.symbol(part).filter(|name| !named.contains(*name));
                    found.extend(hidden.map(str::to_owned));
                }
                _ => {}
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Numbers of the constants that could be looked up: whatever stands behind such an instruction, even
/// where that is an operand of another. Nothing where the instructions are more than are kept.
fn looked_up(tree: &Tree, parts: &[Id]) -> Option<HashSet<i32>> {
    match tree.kind(*parts.first()?)? {
        Kind::Numbers { what: "integer", len, kept, .. } if to_u64(kept.len()) == *len => {
            let pairs = kept.iter().zip(kept.iter().skip(1));
            let names = pairs.filter(|(code, _)| LOOK_UPS.contains(code));
            Some(names.map(|(_, number)| *number).collect())
        }
        _ => None,
    }
}
