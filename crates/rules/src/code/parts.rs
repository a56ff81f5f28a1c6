//! What the parts of functions and classes that travel in a pickle name: whatever their byte code
//! reaches by name stands beside it.
//!
//! Byte code imports, reads globals and reads attributes by names that are texts among the
//! arguments of the call that rebuilds it (`co_names`), and works on the values handed over with
//! it. So code in whose parts no name leads to anything harmful has to do without names to do harm.
//! Where the byte code itself was followed, what it does is judged by that, and only what is handed
//! over beside it is looked at here.

use super::names::{counts, harm_of, is_path};
use crate::facts::{arguments, is_built, known, loaded, target, type_of_name};
use crate::knowledge::{self, Effect, Known};
use davy_artifact::{Artifact, Call, Code, Fact, Interpret, Language, Uninterpreted, Value};
use davy_bytes::Span;
use std::collections::BTreeSet;

/// Calls looked into per artifact and rule; what is behind them counts as unseen. Stops files that
/// hand the same parts over again and again, and is less than what readers tell apart by text.
const LOOKS: u32 = 900;

/// Looks that reading source costs.
const SOURCE: u32 = 16;

/// Layers of source that runs source, each of which is judged by itself.
const LAYERS: u32 = 3;

/// What was seen of the parts.
#[derive(Debug)]
pub(crate) enum Seen {
    /// One of them names this.
    Harm(&'static Known, String),
    /// One of them cannot be known from the file.
    Unseen(String),
    /// All of them, and none names anything that does harm.
    Whole,
}

/// Looks into calls that rebuild functions and classes, as often as is worth it.
#[derive(Debug)]
pub(crate) struct Examiner<'a> {
    left: u32,
    followed: bool,
    programs: &'a dyn Interpret,
    layers: u32,
}

impl<'a> Examiner<'a> {
    /// An examiner of the calls in `artifact`.
    pub(crate) fn of(artifact: &Artifact) -> Self {
        Self {
            left: LOOKS,
            followed: is_followed(artifact),
            programs: &Uninterpreted,
            layers: LAYERS,
        }
    }

    /// The same, where programs in values can be asked for.
    pub(crate) fn asking(self, programs: &'a dyn Interpret) -> Self {
        Self { programs, ..self }
    }

    /// What the Python source in a value says, as far as it is looked into; `judge` is not to go
    /// deeper than a few layers of source that runs source.
    pub(crate) fn source<T>(
        &mut self,
        source: &[u8],
        judge: impl FnOnce(&Code, &mut Self) -> T,
    ) -> Option<T> {
        let layers = self.layers;
        self.layers = layers.checked_sub(1)?;
        self.left = self.left.checked_sub(SOURCE)?;
        let code = self.programs.program(Language::Python, source);
        let judged = code.map(|code| judge(&code, self));
        self.layers = layers;
        judged
    }

    /// Whether what a call builds is told as code of its own.
    pub(crate) fn follows(&self, call: &Call) -> bool {
        self.followed && makes_code(call)
    }

    /// Whether all code in the artifact was followed.
    pub(crate) const fn follows_all(&self) -> bool {
        self.followed
    }

    /// What the arguments of `call`, whose callee has `effect`, name.
    pub(crate) fn examine(&mut self, call: &Call, effect: Effect) -> Seen {
        if self.left == 0 {
            return Seen::Unseen("more code than is looked into".to_owned());
        }
        self.left = self.left.saturating_sub(1);
        let builds_class = effect == Effect::ClassBuild;
        let mut parts = Parts { builds_class, followed: self.followed, ..Parts::default() };
        parts.collect(call);
        parts.judge()
    }
}

/// The parts that matter, in the order in which they stand.
#[derive(Default)]
struct Parts<'a> {
    builds_class: bool,
    followed: bool,
    texts: Vec<&'a str>,
    words: BTreeSet<&'a str>,
    harm: Option<(&'static Known, String)>,
    unseen: Option<String>,
}

impl<'a> Parts<'a> {
    fn collect(&mut self, call: &'a Call) {
        let mut pending: Vec<(&Value, bool)> = arguments(call).map(|arg| (arg, true)).collect();
        while let Some((value, own)) = pending.pop() {
            self.note(value, own);
            let mut push = |value: &'a Value| pending.push((value, own));
            match value {
                Value::List(items) | Value::Set(items) | Value::Tuple(items) => {
                    items.iter().for_each(push);
                }
                Value::Dict(items) => {
                    items
                        .iter()
                        .map(|(key, _)| key)
                        .filter(|key| !is_slot(key))
                        .for_each(&mut push);
                    items.iter().map(|(_, value)| value).for_each(push);
                }
                Value::Call(made) if type_of_name(made).is_some() => {}
                Value::Call(made) if self.followed && makes_code(made) => {}
                // What is built is judged where it is built, and so is a callee where it is called;
                // what they name counts here as well.
                Value::Call(made) => {
                    let own = own && !is_built(value);
                    let computed = !matches!(made.callee, Value::Name(_));
                    pending.extend(arguments(made).map(|arg| (arg, own)));
                    pending.extend(computed.then_some((&made.callee, own)));
                }
                Value::Attribute(base, name) => {
                    self.texts.push(name);
                    push(base);
                }
                Value::Persistent(id) => push(id),
                _ => {}
            }
        }
    }

    fn note(&mut self, value: &'a Value, own: bool) {
        match value {
            // No name is longer than what is kept of a text, and none is not UTF-8.
            Value::Text(_) => self.texts.extend(value.text()),
            Value::Module(module) => self.module(module),
            // How dill spells the globals of a function: those of its module, or of the script's.
            Value::Name(name) if name.name == "__dict__" => self.module(&name.module),
            Value::Name(name) if name.dotted() == "builtins.__main__" => self.module("__main__"),
            Value::Name(name) => {
                let function = !name.name.split('.').any(knowledge::is_class);
                match known(name) {
                    Some(known) if counts(known) => self.harmed(known, name.dotted()),
                    // A class of classes that nobody knows is called with what the file brings.
                    None if own && self.builds_class && function => self.unseen(value),
                    _ => {}
                }
            }
            Value::Extension(_) | Value::More(_) | Value::Unknown(_) if own => self.unseen(value),
            _ => {}
        }
    }

    fn module(&mut self, module: &'a str) {
        self.words.extend(module.split('.'));
        if let Some(known) = knowledge::lookup(module, "").filter(|known| known.is_dangerous()) {
            self.harmed(known, module.to_owned());
        }
    }

    fn harmed(&mut self, known: &'static Known, name: String) {
        let worse =
            |(other, _): &(&Known, String)| other.effect.severity() < known.effect.severity();
        if self.harm.as_ref().is_none_or(worse) {
            self.harm = Some((known, name));
        }
    }

    fn unseen(&mut self, value: &Value) {
        self.unseen.get_or_insert_with(|| value.to_string());
    }

    fn judge(mut self) -> Seen {
        let texts: BTreeSet<&str> = self.texts.drain(..).filter(|text| is_path(text)).collect();
        self.words.extend(texts.iter().flat_map(|text| text.split('.')));
        for text in texts {
            if let Some((known, name)) = harm_of(text, |word| self.words.contains(word)) {
                self.harmed(known, name);
            }
        }
        match (self.harm, self.unseen) {
            (Some((known, name)), _) => Seen::Harm(known, name),
            (None, Some(what)) => Seen::Unseen(what),
            (None, None) => Seen::Whole,
        }
    }
}

/// Whether every code object in the artifact was followed where it is made.
fn is_followed(artifact: &Artifact) -> bool {
    let facts = loaded(artifact);
    let spans = |fact: &&Fact| match fact {
        Fact::Code { site, .. } => Some(site.span),
        _ => None,
    };
    let followed: BTreeSet<Span> = facts.iter().filter_map(spans).collect();
    let mut made = facts.iter().filter_map(|fact| match fact {
        Fact::Call { call, site, .. } if makes_code(call) => Some(site.span),
        _ => None,
    });
    !followed.is_empty() && made.all(|span| followed.contains(&span))
}

/// Whether a call makes a code object: the type itself, or what dill and cloudpickle have for it.
fn makes_code(call: &Call) -> bool {
    let Some(name) = target(call) else { return false };
    let last = name.name.rsplit('.').next();
    let code = matches!(last, Some("CodeType" | "_create_code" | "code"));
    code && known(&name).is_some_and(|known| known.effect == Effect::CodeBuild)
}

/// Keys under which cloudpickle hands over the state and the globals of a function; code does not
/// reach the keys of a dictionary by name.
fn is_slot(key: &Value) -> bool {
    const SLOTS: &[&str] =
        &["__closure__", "__defaults__", "__dict__", "__globals__", "__kwdefaults__", "__path__"];
    key.text().is_some_and(|key| SLOTS.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, call, name, text};

    /// What is seen of code with these names.
    fn seen(names: Vec<Value>) -> Seen {
        let parts = vec![Value::Int(0), Value::Tuple(names)];
        let code = call(name("dill._dill", "_create_code"), parts);
        Examiner::of(&artifact("pickle", vec![])).examine(&code, Effect::CodeBuild)
    }

    fn harm(names: &[&str]) -> Option<String> {
        match seen(names.iter().map(|name| text(name)).collect()) {
            Seen::Harm(_, name) => Some(name),
            Seen::Unseen(_) | Seen::Whole => None,
        }
    }

    #[test]
    fn names_that_lead_to_harm_are_found_at_any_depth() {
        assert_eq!(harm(&["os", "system"]).as_deref(), Some("os.system"));
        assert_eq!(harm(&["numpy", "f2py", "os"]).as_deref(), Some("numpy.f2py"));
        assert_eq!(harm(&["pandas", "os"]).as_deref(), Some("os"));
        assert_eq!(harm(&["__import__"]).as_deref(), Some("__import__"));
        assert_eq!(harm(&["os.path.join"]).as_deref(), Some("os.path.join"));
        assert_eq!(harm(&["A.__globals__"]).as_deref(), Some("A.__globals__"));
        assert_eq!(harm(&["x", "gi_frame"]).as_deref(), Some("gi_frame"));
        assert_eq!(harm(&["argparse", "_os"]).as_deref(), Some("_os"));
        assert_eq!(harm(&["x", "popen"]).as_deref(), Some("popen"));
        assert_eq!(harm(&["getattr"]).as_deref(), Some("getattr"));
        assert_eq!(harm(&["x", "__globals__"]).as_deref(), Some("__globals__"));
        assert_eq!(harm(&["torch", "load"]).as_deref(), Some("torch.load"));
        assert_eq!(
            harm(&["torch.utils.cpp_extension"]).as_deref(),
            Some("torch.utils.cpp_extension")
        );
    }

    #[test]
    fn words_that_lead_nowhere_are_not() {
        for names in [
            &["self", "gini", "len"][..],
            &["load"],
            &["torch", "relu", "nn"],
            &["print", "the file system of os"],
            &["__init__", "__module__", "A.__repr__", "A.predict"],
        ] {
            assert_eq!(harm(names), None, "{names:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_told_apart() {
        for part in [Value::More(3), Value::Unknown("…"), Value::Extension(1)] {
            assert!(matches!(seen(vec![part]), Seen::Unseen(_)));
        }
        let system = seen(vec![Value::More(3), name("os", "system")]);
        assert!(matches!(system, Seen::Harm(..)));
        let class = call(name("dill._dill", "_create_type"), vec![Value::Unknown("…")]);
        let function = seen(vec![Value::Call(Box::new(class))]);
        assert!(matches!(function, Seen::Whole), "the class is judged by itself: {function:?}");
    }

    #[test]
    fn globals_of_a_module_are_a_package_of_names() {
        let globals = || name("torch.nn.modules.linear", "__dict__");
        let quiet = seen(vec![globals(), text("gini")]);
        assert!(matches!(quiet, Seen::Whole), "{quiet:?}");
        assert!(matches!(seen(vec![globals(), text("load")]), Seen::Harm(..)));
        assert!(matches!(seen(vec![name("os", "__dict__")]), Seen::Harm(..)));
    }

    #[test]
    fn looking_has_an_end() {
        let made = call(name("types", "FunctionType"), vec![]);
        let mut examiner = Examiner::of(&artifact("pickle", vec![]));
        for _ in 0..LOOKS {
            assert!(matches!(examiner.examine(&made, Effect::CodeBuild), Seen::Whole));
        }
        assert!(matches!(examiner.examine(&made, Effect::CodeBuild), Seen::Unseen(_)));
    }

    #[test]
    fn code_that_was_followed_is_not_judged_by_its_names() {
        let made =
            |names: Vec<Value>| call(name("dill._dill", "_create_code"), vec![Value::Tuple(names)]);
        let code = made(vec![text("getattr")]);
        let function = |beside: Value| {
            let parts = vec![Value::Call(Box::new(code.clone())), beside];
            call(name("dill._dill", "_create_function"), parts)
        };
        let facts = || vec![crate::facts::testing::performs(code.clone())];
        let blind = &mut Examiner::of(&artifact("pickle", facts()));
        let harm = blind.examine(&function(Value::None), Effect::CodeBuild);
        assert!(matches!(harm, Seen::Harm(..)), "{harm:?}");
        let mut all = facts();
        all.push(crate::code::testing::code(crate::code::testing::lambda(vec![])));
        let examiner = &mut Examiner::of(&artifact("pickle", all));
        let whole = examiner.examine(&function(Value::None), Effect::CodeBuild);
        assert!(matches!(whole, Seen::Whole), "{whole:?}");
        let handed = examiner.examine(&function(name("os", "system")), Effect::CodeBuild);
        assert!(matches!(handed, Seen::Harm(..)), "{handed:?}");
    }
}
