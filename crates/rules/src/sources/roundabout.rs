//! Calls in source text whose callee does not say what runs: what is handed to something that may call
//! it, what is taken out of the insides of Python, and modules that are asked for a name by others.

use super::deed::{Deed, is_of, runs_code, sensitive_path, spells_code};
use crate::Severity;
use crate::facts::{arguments, known, visit_handed};
use crate::knowledge::{self, Effect};
use davy_artifact::{Call, Manner, Name, Value};

/// Namespaces of functions and frames, which hold all that Python has.
const INSIDES: &[&str] = &["__builtins__", "__globals__", "f_builtins", "f_globals"];

/// Methods of namespaces that only look at them or fill them.
const PLAIN: &[&str] = &["copy", "get", "items", "keys", "pop", "setdefault", "update", "values"];

/// Methods of paths that read, write or move what is there.
const FILES: &[&str] = &[
    "open",
    "read_bytes",
    "read_text",
    "rename",
    "replace",
    "symlink_to",
    "unlink",
    "write_bytes",
    "write_text",
];

/// What is asked about a callable or a module, and does not call it.
const ASKING: &[&str] = &[
    "builtins.callable",
    "builtins.delattr",
    "builtins.dir",
    "builtins.getattr",
    "builtins.hasattr",
    "builtins.id",
    "builtins.isinstance",
    "builtins.issubclass",
    "builtins.print",
    "builtins.repr",
    "builtins.setattr",
    "builtins.str",
    "builtins.type",
    "builtins.vars",
    "importlib.reload",
    "inspect",
    "logging",
    "mock",
    "pytest",
    "typing",
    "unittest",
    "warnings",
];

/// What a call does that its callee does not tell, and how bad that is.
pub(super) fn roundabout(call: &Call) -> Option<Deed> {
    let now = call.manner != Manner::Deferred;
    let severity = if now { Severity::Critical } else { Severity::High };
    let told = |does: String| Some(Deed { severity, does });
    let chain = chain(&call.callee);
    let asks = matches!(&call.callee, Value::Name(name) if is_of(&name.dotted(), ASKING));
    if let Some(inside) = inside(&chain) {
        return told(format!("is taken out of `{inside}`, which holds all that Python has"));
    }
    if asks {
        return None;
    }
    if let Some(handed) = handed(call) {
        return told(format!("is given `{handed}`, and may call it"));
    }
    let computed = matches!(call.callee, Value::Call(_)) || chain.first() == Some(&"operator");
    if let Some(module) = module(call).filter(|_| computed || asks_by_name(&chain)) {
        return told(format!("is handed the module `{module}`, to take something out of it"));
    }
    let on_file = matches!(call.callee, Value::Attribute(..))
        && chain.last().is_some_and(|last| FILES.contains(last));
    if let Some(path) = on_file.then(|| sensitive_path(call)).flatten() {
        let does = format!("works on `{path}`, which holds secrets or runs by itself");
        return Some(Deed { severity: Severity::High, does });
    }
    if matches!(call.callee, Value::Call(_)) && spells_code(call) {
        return told("is computed, and given code as text".to_owned());
    }
    None
}

/// The names on the way to a callee, from the first on; results of calls are what was called.
fn chain(callee: &Value) -> Vec<&str> {
    let mut names = Vec::new();
    let mut at = callee;
    loop {
        match at {
            Value::Attribute(base, name) => {
                names.extend(name.rsplit('.'));
                at = base;
            }
            Value::Call(call) => at = &call.callee,
            Value::Name(name) => {
                names.extend(name.name.rsplit('.').chain(name.module.rsplit('.')));
                break;
            }
            _ => break,
        }
    }
    names.reverse();
    names
}

/// The namespace that a callee is taken out of, or that `object` or the module of a built-in function
/// hands out.
fn inside<'a>(chain: &[&'a str]) -> Option<&'a str> {
    let (last, before) = chain.split_last()?;
    if INSIDES.contains(last) {
        return Some(last);
    }
    if let Some(at) = before.iter().position(|name| INSIDES.contains(name)) {
        // What is looked at is text mostly, and what runs commands is known by its name.
        let looks = chain.get(at.saturating_add(1)).is_some_and(|next| PLAIN.contains(next));
        if !looks || knowledge::attribute(last).is_some() {
            return before.get(at).copied();
        }
    }
    if chain == ["builtins", "object", "__subclasses__"] {
        return Some(last);
    }
    let owner = chain.iter().position(|name| *name == "__self__")?;
    let builtin = chain.first() == Some(&"builtins");
    (builtin && owner.checked_add(1)? < chain.len()).then_some("__self__")
}

/// Whether the end of a way is a method that looks a name up.
fn asks_by_name(chain: &[&str]) -> bool {
    let last = chain.last().copied().unwrap_or_default();
    ["__getattribute__", "__getattr__", "attrgetter", "methodcaller", "reduce"].contains(&last)
}

/// A function that runs code or commands, handed over and not called.
fn handed(call: &Call) -> Option<String> {
    let mut found = None;
    visit_handed(arguments(call), &mut |value| {
        let Value::Name(name) = value else { return };
        let harm = known(name).filter(|known| {
            matches!(known.effect, Effect::Exec | Effect::Native)
                && !known.pattern.contains('*')
                && !known.constants_only
                && !known.is_derived()
                && runs_code(name, known)
        });
        if harm.is_some() && !knowledge::is_class(&name.name) && found.is_none() {
            found = Some(name.to_string());
        }
    });
    found
}

/// A module that gives everything away, handed over.
fn module(call: &Call) -> Option<String> {
    let mut found = None;
    visit_handed(arguments(call), &mut |value| {
        let name = match value {
            Value::Module(module) => module.as_str(),
            Value::Name(Name { module, name }) if name.is_empty() => module,
            _ => return,
        };
        if knowledge::is_powerful_alone(name) && found.is_none() {
            found = Some(name.to_owned());
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{call, name, text};

    fn severity(callee: Value, args: Vec<Value>) -> Option<Severity> {
        roundabout(&call(callee, args)).map(|deed| deed.severity)
    }

    fn attribute(base: Value, path: &str) -> Value {
        Value::Attribute(Box::new(base), path.to_owned())
    }

    #[test]
    fn what_may_call_is_told_by_what_it_is_given() {
        let method = |path| attribute(Value::Call(Box::new(call(name("a", "B"), vec![]))), path);
        let given = |value| severity(method("submit"), vec![value, text("id")]);
        assert_eq!(given(name("os", "system")), Some(Severity::Critical));
        assert_eq!(given(name("os.path", "join")), None);
        assert_eq!(given(name("subprocess", "Popen")), None);
        let asked = vec![name("os", "system"), name("builtins", "int")];
        assert_eq!(severity(name("builtins", "isinstance"), asked), None);
    }

    #[test]
    fn the_insides_of_python_are_no_way_to_a_callee() {
        let frame = || Value::Call(Box::new(call(name("sys", "_getframe"), vec![])));
        assert_eq!(severity(attribute(frame(), "f_builtins"), vec![]), Some(Severity::Critical));
        assert_eq!(severity(attribute(frame(), "f_globals.get"), vec![text("__name__")]), None);
        let taken = |path| severity(attribute(frame(), path), vec![text("x")]);
        assert_eq!(taken("f_globals.get.endswith"), None);
        assert_eq!(taken("f_globals.get.system"), Some(Severity::Critical));
        let import = name("builtins", "print.__self__.__import__");
        assert_eq!(severity(import, vec![text("os")]), Some(Severity::Critical));
        let subclasses = |owner| severity(name(owner, "__subclasses__"), vec![]);
        assert_eq!(subclasses("builtins.object"), Some(Severity::Critical));
        assert_eq!(subclasses("model.Layer"), None);
    }

    #[test]
    fn paths_that_run_by_themselves_are_told_wherever_they_stand() {
        let path = |of: &str| Value::Call(Box::new(call(name("pathlib", "Path"), vec![text(of)])));
        let write = |of| severity(attribute(path(of), "write_text"), vec![text("x")]);
        assert_eq!(write("/home/x/.ssh/authorized_keys"), Some(Severity::High));
        assert_eq!(write("vocab.txt"), None);
    }

    #[test]
    fn modules_are_handed_to_what_asks_them_for_a_name() {
        let getter = call(name("operator", "attrgetter"), vec![text("system")]);
        let module = || Value::Module("os".to_owned());
        let asked = severity(Value::Call(Box::new(getter)), vec![module()]);
        assert_eq!(asked, Some(Severity::Critical));
        let has = vec![module(), text("sched_getaffinity")];
        assert_eq!(severity(name("builtins", "hasattr"), has), None);
        assert_eq!(severity(name("model", "describe"), vec![module()]), None);
    }
}
