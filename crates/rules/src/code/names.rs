//! Names as code holds them, without the data flow that leads to them: what they could reach.

use crate::knowledge::{self, Effect, Known};

/// The harm that code can reach by this name, by itself or together with the packages that are named
/// beside it.
pub(super) fn harm_of(
    text: &str,
    named: impl Fn(&str) -> bool,
) -> Option<(&'static Known, String)> {
    if text.split('.').any(|part| knowledge::is_special(part) && !ORDINARY.contains(&part)) {
        return knowledge::lookup("builtins", text).map(|known| (known, text.to_owned()));
    }
    // Printing is what much honest code does.
    if text == "print" || text.rsplit('.').next().is_some_and(knowledge::is_special) {
        return None;
    }
    let module = text.split('.').next().and_then(|module| knowledge::lookup(module, ""));
    let module = module.filter(|known| known.is_dangerous());
    let module = module.or_else(|| knowledge::lookup(text, ""));
    let path = knowledge::lookup_path(text);
    let builtin = knowledge::exact_lookup("builtins", text);
    let attribute = text.split('.').find_map(knowledge::attribute);
    let alone = [attribute, module, path, builtin].map(|found| found.map(|known| (known, text)));
    let last = text.rsplit('.').next().unwrap_or(text);
    let beside = knowledge::ends_in(last, named);
    let beside = beside.map(|known| (known, known.pattern.trim_end_matches(".*")));
    let found = [beside].into_iter().chain(alone).flatten();
    let worst = found.filter(|(known, _)| counts(known));
    let worst = worst.max_by_key(|(known, _)| known.effect.severity());
    worst.map(|(known, name)| (known, name.to_owned()))
}

/// Whether code that is known to name this can do harm with it: in code no argument can be seen, so
/// what resolves names resolves any.
pub(super) fn counts(known: &Known) -> bool {
    let conditional = known.constants_only && known.effect != Effect::Resolve;
    let strong = known.effect.severity() >= crate::Severity::High;
    !conditional && (strong || known.effect == Effect::Introspect)
}

/// Whether a text has the form of a name or a path of names.
pub(super) fn is_path(text: &str) -> bool {
    let word = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
            && letters.all(|c| c == '_' || c.is_alphanumeric())
    };
    text.split('.').all(word)
}

/// Whether `name` is a special one that leads nowhere by itself.
pub(super) fn is_ordinary(name: &str) -> bool {
    ORDINARY.contains(&name)
}

/// Special names that classes define or that stand for text, and that lead nowhere by themselves.
/// `__reduce__` is none of them: that of a bound method hands out `getattr`.
const ORDINARY: &[&str] = &[
    "__abs__",
    "__abstractmethods__",
    "__add__",
    "__annotations__",
    "__bool__",
    "__call__",
    "__class__",
    "__contains__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__doc__",
    "__enter__",
    "__eq__",
    "__exit__",
    "__file__",
    "__firstlineno__",
    "__ge__",
    "__getitem__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__getstate__",
    "__gt__",
    "__hash__",
    "__init__",
    "__iter__",
    "__le__",
    "__len__",
    "__lt__",
    "__main__",
    "__match_args__",
    "__module__",
    "__mul__",
    "__name__",
    "__ne__",
    "__neg__",
    "__new__",
    "__next__",
    "__orig_bases__",
    "__package__",
    "__qualname__",
    "__repr__",
    "__setitem__",
    "__setstate__",
    "__slotnames__",
    "__slots__",
    "__static_attributes__",
    "__str__",
    "__sub__",
    "__truediv__",
    "__type_params__",
    "__version__",
    "__weakref__",
];
