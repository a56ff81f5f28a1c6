//! What rendering a template would reach: names, calls, and text that is put out under a condition.

use super::expression::{Arguments, compare};
use super::fold;
use super::value::{Kind, Subject, Test, Val, attribute};
use davy_artifact::{Call, Manner, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Calls that are kept, each once.
const CALLS: usize = 500;

/// Names and texts that are kept, each once.
const NAMES: usize = 4000;

/// Text put out under one condition that is kept, in bytes.
const OUTPUT: usize = 4096;

/// Variables that stand for text that somebody wrote, under the names that templates use.
const CONTENTS: &[&str] = &["content", "text"];

/// Methods of a text that ask about it or cut it.
const TEXT_METHODS: &[&str] = &[
    "count",
    "endswith",
    "find",
    "index",
    "lower",
    "lstrip",
    "replace",
    "rfind",
    "rstrip",
    "split",
    "startswith",
    "strip",
    "upper",
];

/// The longest range that Jinja's own sandbox runs over (`jinja2/sandbox.py`, `MAX_RANGE`).
const LONGEST_RANGE: i64 = 100_000;

/// The largest power that a template needs.
const LONGEST_POWER: i64 = 10_000;

/// Rounds of loops in loops that no conversation needs.
const MOST_ROUNDS: i64 = 100_000_000;

/// Filters, methods and functions that make as much as a number says.
const GROWING: &[&str] =
    &["batch", "center", "indent", "lipsum", "ljust", "rjust", "slice", "wordwrap", "zfill"];

/// Those of Jinja's own values that hold what the template has put there.
const NAMESPACES: &[&str] = &["dict", "namespace", "range"];

/// Names of Python's own that are no variables of any template, and are asked for all the same.
const INSIDES: &[&str] = &[
    "__base__",
    "__bases__",
    "__builtins__",
    "__class__",
    "__closure__",
    "__code__",
    "__dict__",
    "__getattribute__",
    "__globals__",
    "__import__",
    "__init__",
    "__loader__",
    "__mro__",
    "__reduce__",
    "__reduce_ex__",
    "__self__",
    "__spec__",
    "__subclasses__",
];

/// Functions and values that Jinja and its renderers give to every template, and through which
/// templates get out of their sandbox.
const GLOBALS: &[&str] = &["cycler", "dict", "joiner", "lipsum", "namespace", "range", "self"];

/// Text that is put out only under a condition.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditional {
    pub(super) tests: Vec<Test>,
    pub(super) output: String,
    /// Offset of the condition.
    pub(super) at: u64,
}

/// Everything learned so far, and the values of variables.
#[derive(Debug, Default)]
pub(super) struct Follower {
    pub(super) calls: Vec<Call>,
    said: BTreeSet<String>,
    pub(super) names: Vec<String>,
    named: BTreeSet<String>,
    pub(super) unseen: BTreeSet<String>,
    variables: BTreeMap<String, Val>,
    /// Conditions that hold where we are, outermost first.
    pub(super) open: Vec<Conditional>,
    /// Conditions that are over, with what was put out under them.
    pub(super) closed: Vec<Conditional>,
    /// What takes more time or memory than anything that is meant, with its place.
    pub(super) excess: BTreeSet<(u64, String)>,
    /// How often the loops that are open run, as far as that is known, outermost first.
    pub(super) loops: Vec<i64>,
    /// The longest range since a loop began to say what it runs over.
    pub(super) range: Option<i64>,
    /// Where we are.
    pub(super) at: u64,
}

impl Follower {
    /// The value of a variable.
    pub(super) fn variable(&mut self, name: &str) -> Val {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        // A variable leads to no object's insides, whatever it is called, unless it was tried to.
        let own = name.starts_with("__") && name.ends_with("__");
        if !own || INSIDES.contains(&name) {
            self.name(name);
        }
        let subject = CONTENTS.contains(&name).then_some(Subject::Content);
        Val::variable(name).about(subject)
    }

    /// Whether the template gives a variable a value of its own.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Gives a variable one more value: which of them it has depends on the way through the template.
    pub(super) fn set(&mut self, name: &str, value: Val) {
        let tests = value.tests.clone();
        let mut all = match self.variables.remove(name) {
            Some(before) => Val::any(vec![before, value]),
            None => value,
        };
        all.tests = tests;
        if self.variables.len() < NAMES {
            self.variables.insert(name.to_owned(), all);
        }
    }

    /// Makes a variable unknown: a parameter, or what a loop runs over.
    pub(super) fn bind(&mut self, name: &str, value: Val) {
        if self.variables.len() < NAMES {
            self.variables.insert(name.to_owned(), value);
        }
    }

    pub(super) fn name(&mut self, name: &str) {
        if self.names.len() < NAMES && self.named.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }

    /// `base.name`, which Jinja also takes for `base['name']`.
    pub(super) fn attribute(&mut self, base: &Val, name: &str) -> Val {
        self.name(name);
        let subject = match base.kind {
            Kind::Object(..) | Kind::Unknown | Kind::Any(_) if CONTENTS.contains(&name) => {
                Some(Subject::Content)
            }
            // A part of a message: its kind, its role. Methods of texts keep what they are about.
            _ if TEXT_METHODS.contains(&name) => base.subject,
            _ => None,
        };
        let step = |base: &Val| match &base.kind {
            Kind::Dict(items) => match items.iter().rev().find(|(key, _)| key == name) {
                Some((_, value)) => value.clone(),
                None => base.step(|base| attribute(base, name)),
            },
            _ => base.step(|base| attribute(base, name)),
        };
        let mut found = Val::any(base.alternatives().iter().map(step).collect());
        found.subject = subject;
        found
    }

    /// `base[index]`, which Jinja also takes for an attribute.
    pub(super) fn item(&mut self, base: &Val, index: &Val) -> Val {
        let names: Vec<String> = index.texts().map(str::to_owned).collect();
        if !names.is_empty() {
            let found = names.iter().map(|name| self.attribute(base, name)).collect();
            return Val::any(found);
        }
        if let Some(number) = index.as_int() {
            return fold::each(base, index, |base, index| {
                fold::item(base, index)
                    .unwrap_or_else(|| base.step(|base| attribute(base, &format!("[{number}]"))))
            })
            .about(base.subject);
        }
        if is_own(base) {
            self.unseen.insert(
                "the computed name of an attribute of nothing or of one of Jinja's own objects"
                    .to_owned(),
            );
        } else if self.is_computed(index) {
            self.unseen.insert("the name of an attribute that is computed".to_owned());
        }
        base.step(|base| attribute(base, "[…]"))
    }

    /// Whether a value is made of what templates have from Jinja itself, which holds no data.
    fn is_computed(&self, value: &Val) -> bool {
        let mut made = false;
        if let Kind::Object(value, _) = &value.kind {
            value.walk(&mut |part| {
                made |= matches!(part, Value::Name(name) if GLOBALS.contains(&name.module.as_str()));
            });
        }
        made
    }

    /// `callee(arguments)`.
    pub(super) fn call(&mut self, callee: &Val, arguments: Arguments) -> Val {
        let Arguments { args, kwargs } = arguments;
        let longest = args.iter().chain(kwargs.iter().map(|(_, value)| value));
        let longest = longest.filter_map(Val::as_int).max();
        if is_named(callee, "range") {
            self.range = self.range.max(longest);
            if let Some(longest) = longest.filter(|it| *it > LONGEST_RANGE) {
                self.exceed(format!("a loop over {longest} numbers"));
            }
        } else if let Some(longest) = longest.filter(|it| *it > LONGEST_RANGE)
            && GROWING.contains(&last_name(callee))
        {
            self.exceed(format!("a text made {longest} characters long"));
        }
        if let Some(value) = construct(callee, &args, &kwargs) {
            return value;
        }
        if let Some(value) = method(callee, &args) {
            return value;
        }
        let call = Call {
            callee: callee.to_value(),
            args: args.iter().map(Val::to_value).collect(),
            kwargs: kwargs.iter().map(|(name, value)| (name.clone(), value.to_value())).collect(),
            manner: Manner::Called,
        };
        self.note(&call);
        let mut result = callee.step(|_| Value::Call(Box::new(call)));
        result.tests = question(callee, &args);
        result.subject = callee.subject;
        if is_named(callee, "strftime_now") {
            result.subject = Some(Subject::Date);
        }
        result
    }

    /// Keeps a call, if it is new.
    fn note(&mut self, call: &Call) {
        if self.calls.len() < CALLS && self.said.insert(call.to_string()) {
            self.calls.push(call.clone());
        }
    }

    fn exceed(&mut self, what: String) {
        if self.excess.len() < CALLS {
            self.excess.insert((self.at, what));
        }
    }

    /// Notes an operation on constants that makes far more of them than is meant.
    pub(super) fn grow(&mut self, operator: &str, left: &Val, right: &Val) {
        let (one, other) = (left.as_int(), right.as_int());
        match (operator, one, other) {
            ("**", _, Some(power)) if power > LONGEST_POWER => {
                self.exceed(format!("a power of {power}"));
            }
            ("*", Some(count), None) | ("*", None, Some(count)) if count >= LONGEST_RANGE => {
                self.exceed(format!("a value repeated {count} times"));
            }
            _ => {}
        }
    }

    /// A loop begins, over what was said since its tag.
    pub(super) fn begin_loop(&mut self) {
        self.loops.push(self.range.take().unwrap_or(1).max(1));
        let all = self.loops.iter().try_fold(1_i64, |all, one| all.checked_mul(*one));
        let nested = self.loops.iter().filter(|rounds| **rounds > 1).count() > 1;
        if nested && all.is_none_or(|all| all > MOST_ROUNDS) {
            self.exceed("loops in loops that run hundreds of millions of times".to_owned());
        }
    }

    /// `value|name(arguments)`.
    pub(super) fn filter(&mut self, name: &str, value: &Val, arguments: Arguments) -> Val {
        let Arguments { args, kwargs } = arguments;
        let named = |key: &str| kwargs.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        let longest = args.iter().chain(kwargs.iter().map(|(_, value)| value));
        let longest = longest.filter_map(Val::as_int).max();
        if let Some(longest) = longest.filter(|it| *it > LONGEST_RANGE)
            && GROWING.contains(&name)
        {
            self.exceed(format!("the filter `{name}` with {longest}"));
        }
        match name {
            "attr" => {
                let Some(key) = args.first() else { return Val::unknown() };
                if key.texts().next().is_none() {
                    self.unseen.insert("the name of an attribute that is computed".to_owned());
                }
                return self.item(value, key);
            }
            "map" | "selectattr" | "rejectattr" | "groupby" | "sort" | "sum" | "unique" | "min"
            | "max" => {
                let by_filter = args.first().and_then(Val::as_text) == Some("attr");
                let key = match named("attribute") {
                    Some(key) => Some(key),
                    None if name == "map" && by_filter => args.get(1),
                    None if name.ends_with("attr") || name == "groupby" => args.first(),
                    None => None,
                };
                if let Some(key) = key {
                    return self.path(value, key);
                }
            }
            "length" | "count" => {
                let subject = value.subject.map(|_| Subject::Length);
                let messages = is_named(value, "messages").then_some(Subject::Length);
                return Val::unknown().about(subject.or(messages));
            }
            _ => {}
        }
        if matches!(name, "format" | "map") {
            // What is formatted can name attributes itself: `{0.…}`.
            let callee = Value::Attribute(Box::new(value.to_value()), format!("|{name}"));
            let args = args.iter().map(Val::to_value).collect();
            self.note(&Call { callee, args, kwargs: Vec::new(), manner: Manner::Called });
        }
        let folded = |base: &Val| fold::filter(name, base, &args).unwrap_or_else(Val::unknown);
        let result = Val::any(value.alternatives().iter().map(folded).collect());
        match result.kind {
            // What a filter makes of something from outside is still from outside.
            Kind::Unknown => match name {
                "string" | "list" | "first" | "last" | "trim" | "lower" | "upper" => {
                    value.step(|value| attribute(value, &format!("|{name}"))).about(value.subject)
                }
                _ => Val::unknown().about(value.subject),
            },
            _ => result.about(value.subject),
        }
    }

    /// The attributes on a dotted path, as filters take them.
    fn path(&mut self, value: &Val, key: &Val) -> Val {
        let paths: Vec<String> = key.texts().map(str::to_owned).collect();
        if paths.is_empty() {
            self.unseen.insert("the name of an attribute that is computed".to_owned());
        }
        let mut found = value.clone();
        for path in &paths {
            found = path.split('.').fold(value.clone(), |base, name| self.attribute(&base, name));
        }
        found
    }

    /// Notes text that is put out where we are.
    pub(super) fn put_out(&mut self, text: &str) {
        for condition in self.open.iter_mut().filter(|condition| !condition.tests.is_empty()) {
            let room = OUTPUT.saturating_sub(condition.output.len());
            condition.output.extend(text.chars().take(room));
        }
    }

    /// Notes a choice between constants within one expression.
    pub(super) fn choice(&mut self, tests: &[Test], texts: &[&str]) {
        if !tests.is_empty() {
            let output = texts.join(" ");
            self.closed.push(Conditional { tests: tests.to_vec(), output, at: self.at });
        }
    }

    /// A condition begins to hold.
    pub(super) fn enter(&mut self, tests: Vec<Test>) {
        self.open.push(Conditional { tests, output: String::new(), at: self.at });
    }

    /// The innermost condition no longer holds; its tests.
    pub(super) fn leave(&mut self) -> Vec<Test> {
        let Some(condition) = self.open.pop() else { return Vec::new() };
        let tests = condition.tests.clone();
        if !condition.tests.is_empty() && !condition.output.trim().is_empty() {
            self.closed.push(condition);
        }
        tests
    }
}

/// Whether a value is an empty constant or one of Jinja's own objects: there is nothing in either to
/// be looked up but the insides of Python. An empty list or mapping that is one of several values is
/// what templates take where they were given none.
fn is_own(base: &Val) -> bool {
    let all = base.alternatives();
    all.iter().any(|base| match &base.kind {
        Kind::Text(text) => text.is_empty(),
        Kind::List(items) => items.is_empty() && all.len() == 1,
        Kind::Dict(items) => items.is_empty() && all.len() == 1,
        Kind::Object(value, _) => {
            let mut root = value;
            while let Value::Attribute(base, _) = root {
                root = base;
            }
            matches!(root, Value::Name(name) if GLOBALS.contains(&name.module.as_str())
                && !NAMESPACES.contains(&name.module.as_str()))
        }
        _ => false,
    })
}

/// The last name on the way to a value.
fn last_name(value: &Val) -> &str {
    match &value.kind {
        Kind::Object(Value::Name(name), _) if name.name.is_empty() => &name.module,
        Kind::Object(Value::Name(name), _) => name.name.rsplit('.').next().unwrap_or_default(),
        Kind::Object(Value::Attribute(_, name), _) => name,
        _ => "",
    }
}

fn is_named(value: &Val, name: &str) -> bool {
    matches!(&value.kind, Kind::Object(Value::Name(found), _) if found.module == name)
}

/// `dict(…)`, `namespace(…)` and `range(…)` of constants.
fn construct(callee: &Val, args: &[Val], kwargs: &[(String, Val)]) -> Option<Val> {
    let Kind::Object(Value::Name(name), _) = &callee.kind else { return None };
    match (name.dotted().as_str(), args) {
        ("dict" | "namespace", []) => Some(Kind::Dict(kwargs.to_vec()).into()),
        ("namespace" | "dict", [Val { kind: Kind::Dict(items), .. }]) => {
            Some(Kind::Dict([&items[..], kwargs].concat()).into())
        }
        _ => None,
    }
}

/// Calls of methods of constants.
fn method(callee: &Val, args: &[Val]) -> Option<Val> {
    let Kind::Object(Value::Attribute(base, name), _) = &callee.kind else { return None };
    let base = match &**base {
        Value::Text(excerpt) => Val::text(excerpt.text()?),
        Value::List(items) => {
            let texts: Option<Vec<Val>> =
                items.iter().map(|item| Some(Val::text(item.text()?))).collect();
            Val::list(texts?)
        }
        _ => return None,
    };
    match name.as_str() {
        "format" => fold::format_braces(base.as_text()?, args),
        // The method has its parts the other way around than the filter.
        "join" => fold::filter("join", args.first()?, &[base]),
        "items" | "keys" | "values" => None,
        name => fold::filter(name, &base, args),
    }
}

/// The test that a call of `startswith` and its like on something from outside is.
fn question(callee: &Val, args: &[Val]) -> Vec<Test> {
    let (Some(_), Some(constant)) = (callee.subject, args.first()) else { return Vec::new() };
    let how = match &callee.kind {
        Kind::Object(Value::Name(name), _) => name.name.rsplit('.').next().unwrap_or_default(),
        Kind::Object(Value::Attribute(_, name), _) => name.as_str(),
        _ => return Vec::new(),
    };
    let asks = ["startswith", "endswith", "find", "index", "count", "rfind"].contains(&how);
    if asks { compare(how, callee, constant).tests } else { Vec::new() }
}
