//! What a loader would compute, as far as it can be known without computing it.

use crate::Name;
use davy_bytes::{escape, escape_bytes};
use std::fmt::{self, Write};

/// Longest rendering of a value, in characters: evidence is read by people.
const RENDER_LIMIT: usize = 400;

/// The start of a constant, with its full length.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Excerpt {
    /// The first bytes of the constant (UTF-8 for text, unless the file lies).
    pub head: Vec<u8>,
    /// Length of the whole constant in bytes.
    pub len: u64,
}

impl Excerpt {
    /// An excerpt that holds all of it.
    #[must_use]
    pub fn whole(head: impl Into<Vec<u8>>) -> Self {
        let head = head.into();
        let len = davy_bytes::to_u64(head.len());
        Self { head, len }
    }

    /// The text, if all of it is here and it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let whole = davy_bytes::to_u64(self.head.len()) == self.len;
        whole.then(|| std::str::from_utf8(&self.head).ok()).flatten()
    }
}

/// A value that a loader would build, bounded in depth, width and length.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An attribute of a value that has no global name.
    Attribute(Box<Value>, String),
    /// `True` or `False`.
    Bool(bool),
    /// An out-of-band buffer that the caller of the loader provides.
    Buffer,
    /// A byte string.
    Bytes(Excerpt),
    /// What a call returns.
    Call(Box<Call>),
    /// A mapping, in order.
    Dict(Vec<(Value, Value)>),
    /// A code of the extension registry that this stream does not define.
    Extension(u64),
    /// A floating-point number.
    Float(f64),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// A list.
    List(Vec<Value>),
    /// A whole number as it is spelled, too large for 64 bits.
    Long(String),
    /// A module object.
    Module(String),
    /// This many more elements, left out.
    More(u64),
    /// A global: function, class or anything else that an import finds.
    Name(Name),
    /// `None`.
    None,
    /// What the loader's `persistent_load` returns for this id.
    Persistent(Box<Value>),
    /// A set or frozenset.
    Set(Vec<Value>),
    /// Text.
    Text(Excerpt),
    /// A tuple.
    Tuple(Vec<Value>),
    /// Nothing that can be known from the file; the words say why.
    Unknown(&'static str),
}

/// How a loader comes to call something.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Manner {
    /// `callee(*args)`.
    Called,
    /// `callee(*args)` in the body of a function that loading defines and does not call.
    Deferred,
    /// A state is set on what `callee(*args)` returned: the `__setstate__` of its class runs. The call is
    /// told apart from this.
    Filled,
    /// `callee.__new__(callee, *args)`: the class's `__init__` does not run.
    New,
    /// The loader calls a method (`__setstate__`, `append`, ...) that the file itself has put there.
    Hook(&'static str),
    /// Something else that is called with it calls it: `map`, `reduce`, `partial`, a thread pool ...
    Through(&'static str),
}

/// One call that loading performs.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub callee: Value,
    /// Positional arguments.
    pub args: Vec<Value>,
    /// Keyword arguments.
    pub kwargs: Vec<(String, Value)>,
    /// How it comes to be called.
    pub manner: Manner,
}

impl Value {
    /// Text that is held whole.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(excerpt) => excerpt.text(),
            _ => None,
        }
    }

    /// Visits this value and everything in it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Value)) {
        visit(self);
        match self {
            Self::List(items) | Self::Set(items) | Self::Tuple(items) => {
                items.iter().for_each(|item| item.walk(visit));
            }
            Self::Dict(items) => items.iter().for_each(|(key, value)| {
                key.walk(visit);
                value.walk(visit);
            }),
            Self::Call(call) => call.walk(visit),
            Self::Attribute(base, _) | Self::Persistent(base) => base.walk(visit),
            _ => {}
        }
    }
}

impl Call {
    /// Visits callee and arguments, and everything in them.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Value)) {
        self.callee.walk(visit);
        self.args.iter().for_each(|arg| arg.walk(visit));
        self.kwargs.iter().for_each(|(_, value)| value.walk(visit));
    }
}

impl fmt::Display for Value {
    /// Pseudo-Python on one line, escaped, cut at a length that people read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Clipped { text: String::new(), left: RENDER_LIMIT };
        let _ = render(self, &mut out);
        f.write_str(&out.text)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Clipped { text: String::new(), left: RENDER_LIMIT };
        let _ = render_call(self, &mut out);
        f.write_str(&out.text)
    }
}

/// Text that stops growing at its limit: rendering ends there too, however large the value is.
struct Clipped {
    text: String,
    left: usize,
}

impl Write for Clipped {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            if self.left == 0 {
                self.text.push('…');
                return Err(fmt::Error);
            }
            self.left = self.left.saturating_sub(1);
            self.text.push(c);
        }
        Ok(())
    }
}

fn render(value: &Value, out: &mut Clipped) -> fmt::Result {
    match value {
        Value::Attribute(base, name) => {
            render(base, out)?;
            write!(out, ".{}", escape(name))
        }
        Value::Bool(true) => out.write_str("True"),
        Value::Bool(false) => out.write_str("False"),
        Value::Buffer => out.write_str("<buffer>"),
        Value::Bytes(excerpt) => render_excerpt(excerpt, "b", out),
        Value::Call(call) => render_call(call, out),
        Value::Dict(items) => {
            out.write_char('{')?;
            for (at, (key, item)) in items.iter().enumerate() {
                separate(at, out)?;
                render(key, out)?;
                if !matches!(key, Value::More(_)) {
                    out.write_str(": ")?;
                    render(item, out)?;
                }
            }
            out.write_char('}')
        }
        Value::Extension(code) => write!(out, "<extension {code}>"),
        Value::Float(number) => write!(out, "{number:?}"),
        Value::Int(number) => write!(out, "{number}"),
        Value::List(items) => render_items("[", items, "]", out),
        Value::Long(digits) => out.write_str(&escape(digits)),
        Value::Module(name) => out.write_str(&escape(name)),
        Value::More(count) => write!(out, "… {count} more"),
        Value::Name(name) => write!(out, "{name}"),
        Value::None => out.write_str("None"),
        Value::Persistent(id) => {
            out.write_str("persistent_load(")?;
            render(id, out)?;
            out.write_char(')')
        }
        Value::Set(items) => render_items("{", items, "}", out),
        Value::Text(excerpt) => render_excerpt(excerpt, "", out),
        Value::Tuple(items) if items.len() == 1 => render_items("(", items, ",)", out),
        Value::Tuple(items) => render_items("(", items, ")", out),
        Value::Unknown(why) => write!(out, "<{why}>"),
    }
}

fn render_call(call: &Call, out: &mut Clipped) -> fmt::Result {
    render(&call.callee, out)?;
    match call.manner {
        Manner::New => out.write_str(".__new__")?,
        Manner::Filled => out.write_str(".__setstate__")?,
        Manner::Hook(method) => write!(out, "<as {method}>")?,
        Manner::Called | Manner::Deferred | Manner::Through(_) => {}
    }
    out.write_char('(')?;
    for (at, arg) in call.args.iter().enumerate() {
        separate(at, out)?;
        render(arg, out)?;
    }
    for (at, (key, arg)) in call.kwargs.iter().enumerate() {
        separate(at.saturating_add(call.args.len()), out)?;
        write!(out, "{}=", escape(key))?;
        render(arg, out)?;
    }
    out.write_char(')')
}

fn render_items(open: &str, items: &[Value], close: &str, out: &mut Clipped) -> fmt::Result {
    out.write_str(open)?;
    for (at, item) in items.iter().enumerate() {
        separate(at, out)?;
        render(item, out)?;
    }
    out.write_str(close)
}

fn separate(at: usize, out: &mut Clipped) -> fmt::Result {
    if at == 0 { Ok(()) } else { out.write_str(", ") }
}

fn render_excerpt(excerpt: &Excerpt, prefix: &str, out: &mut Clipped) -> fmt::Result {
    let shown = if prefix.is_empty() {
        escape_bytes(&excerpt.head)
    } else {
        excerpt.head.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")
    };
    let quote = if shown.contains('\'') && !shown.contains('"') { '"' } else { '\'' };
    write!(out, "{prefix}{quote}{}{quote}", shown)?;
    let here = davy_bytes::to_u64(excerpt.head.len());
    if here < excerpt.len { write!(out, "…[{} bytes]", excerpt.len) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Value {
        Value::Text(Excerpt::whole(s))
    }

    #[test]
    fn calls_read_like_python() {
        let call = Call {
            callee: Value::Name(Name::new("os", "system")),
            args: vec![text("echo \"hi\"\u{1b}[2J")],
            kwargs: vec![],
            manner: Manner::Called,
        };
        assert_eq!(call.to_string(), "os.system('echo \"hi\"\\x1b[2J')");
    }

    #[test]
    fn rendering_is_bounded_whatever_the_value() {
        let wide = Value::List(vec![text("xxxxxxxxxx"); 10_000]);
        assert!(wide.to_string().chars().count() <= RENDER_LIMIT + 1);
    }
}
