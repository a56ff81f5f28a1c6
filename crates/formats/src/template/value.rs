//! What an expression in a template comes to, as far as it can be known without rendering it.

use davy_artifact::{Excerpt, Name, Value};

/// Alternatives of one value that are kept.
const ALTERNATIVES: usize = 8;

/// Bytes of one text that are folded; longer ones are unknown.
pub(super) const FOLDED: usize = 64 * 1024;

/// Items of one list that are kept.
pub(super) const ITEMS: usize = 256;

/// Attributes, items and calls behind one variable that are followed.
const CHAIN: usize = 64;

/// A test of what the model is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    /// What is tested.
    pub(super) subject: Subject,
    /// The constant that it is compared with.
    pub(super) constant: String,
    /// How: `in`, `==`, `startswith` ...
    pub(super) how: String,
}

/// Things that come from outside of the template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Subject {
    /// Text that somebody wrote: the content of a message.
    Content,
    /// How many messages there are, or how long one is.
    Length,
    /// The date of the day.
    Date,
}

impl Subject {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "the content of a message",
            Self::Length => "the length of the conversation",
            Self::Date => "the date",
        }
    }
}

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// One of these.
    Any(Vec<Val>),
    Bool(bool),
    Dict(Vec<(String, Val)>),
    Float(f64),
    Int(i64),
    List(Vec<Val>),
    None,
    /// A path of attributes and calls from a variable or constant; how long the path is.
    Object(Value, usize),
    Text(String),
    /// Nothing.
    Unknown,
}

/// A value, what it stems from, and what it tests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Val {
    pub(super) kind: Kind,
    pub(super) subject: Option<Subject>,
    pub(super) tests: Vec<Test>,
}

impl From<Kind> for Val {
    fn from(kind: Kind) -> Self {
        Self { kind, subject: None, tests: Vec::new() }
    }
}

impl Val {
    pub(super) fn unknown() -> Self {
        Kind::Unknown.into()
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.len() > FOLDED { Self::unknown() } else { Kind::Text(text).into() }
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        if items.len() > ITEMS { Self::unknown() } else { Kind::List(items).into() }
    }

    /// A variable that the template does not set.
    pub(super) fn variable(name: &str) -> Self {
        Kind::Object(Value::Name(Name::new(name, "")), 1).into()
    }

    /// The same value with what it stems from.
    pub(super) fn about(mut self, subject: Option<Subject>) -> Self {
        self.subject = subject;
        self
    }

    /// One of several values.
    pub(super) fn any(values: Vec<Self>) -> Self {
        let mut kept: Vec<Self> = Vec::new();
        let mut subject = None;
        for value in values {
            subject = subject.or(value.subject);
            let flat = match value.kind {
                Kind::Any(values) => values,
                _ => vec![value],
            };
            kept.extend(flat.into_iter().filter(|value| !kept.contains(value)).collect::<Vec<_>>());
        }
        match kept.len() {
            0 => Self::unknown(),
            1 => kept.pop().unwrap_or_else(Self::unknown),
            _ if kept.len() > ALTERNATIVES => Self::unknown().about(subject),
            _ => Self::from(Kind::Any(kept)).about(subject),
        }
    }

    /// Every value that it may be.
    pub(super) fn alternatives(&self) -> &[Self] {
        match &self.kind {
            Kind::Any(values) => values,
            _ => std::slice::from_ref(self),
        }
    }

    /// The text that it is, if it is just one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Every text that it may be.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.alternatives().iter().filter_map(Self::as_text)
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self.kind {
            Kind::Int(number) => Some(number),
            Kind::Bool(truth) => Some(truth.into()),
            _ => None,
        }
    }

    /// What `str()` makes of a constant.
    pub(super) fn printed(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Int(number) => Some(number.to_string()),
            Kind::Bool(true) => Some("True".to_owned()),
            Kind::Bool(false) => Some("False".to_owned()),
            Kind::None => Some("None".to_owned()),
            _ => None,
        }
    }

    /// The elements of a list, or the characters of a text.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        match &self.kind {
            Kind::List(items) => Some(items.clone()),
            Kind::Text(text) if text.len() <= ITEMS => {
                Some(text.chars().map(|c| Self::text(c.to_string())).collect())
            }
            Kind::Dict(items) => Some(items.iter().map(|(key, _)| Self::text(key)).collect()),
            _ => None,
        }
    }

    /// As findings and facts show it.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Any(_) | Kind::Unknown => Value::Unknown("a value of the template"),
            Kind::Bool(truth) => Value::Bool(*truth),
            Kind::Dict(items) => Value::Dict(
                items
                    .iter()
                    .map(|(key, value)| (Self::text(key).to_value(), value.to_value()))
                    .collect(),
            ),
            Kind::Float(number) => Value::Float(*number),
            Kind::Int(number) => Value::Int(*number),
            Kind::List(items) => Value::List(items.iter().map(Self::to_value).collect()),
            Kind::None => Value::None,
            Kind::Object(value, _) => value.clone(),
            Kind::Text(text) => Value::Text(Excerpt::whole(text.as_bytes())),
        }
    }

    /// The path one step further, unless it is too long to be followed.
    pub(super) fn step(&self, build: impl FnOnce(Value) -> Value) -> Self {
        let length = match self.kind {
            Kind::Object(_, length) => length,
            _ => 1,
        };
        if length >= CHAIN {
            return Self::unknown().about(self.subject);
        }
        let longer = Kind::Object(build(self.to_value()), length.saturating_add(1));
        Self::from(longer).about(self.subject)
    }
}

/// The attribute `name` of `base`: part of one name as long as nothing is called in between.
pub(super) fn attribute(base: Value, name: &str) -> Value {
    match base {
        Value::Name(Name { module, name: path }) => {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            Value::Name(Name { module, name: path })
        }
        base => Value::Attribute(Box::new(base), name.to_owned()),
    }
}
