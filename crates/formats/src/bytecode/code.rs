//! Code objects of CPython, with their constants, as one flat arena: nothing in it is nested in
//! memory, however deep the file nests it.

use super::version::Version;
use davy_artifact::{Excerpt, Value};
use davy_bytes::{to_u64, to_usize};
use std::sync::Arc;

/// Levels of constants within constants that a [`Value`] shows.
const DEPTH: u32 = 4;

/// Items of a constant that a [`Value`] shows.
const WIDTH: usize = 24;

/// Bytes of a constant that a [`Value`] holds.
const HEAD: usize = 8 << 10;

/// Names as code objects share them.
pub type Names = Arc<[Arc<str>]>;

/// A constant of a code object. Others are referred to by their index in [`CodeTree::constants`],
/// code by its index in [`CodeTree::objects`].
///
/// References may share constants and form cycles, as marshal's do.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Constant {
    /// `True` or `False`.
    Bool(bool),
    /// A byte string; what Python 2 calls `str` as well.
    Bytes(Arc<[u8]>),
    /// A code object.
    Code(u32),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// A dictionary, as keys and values.
    Dict(Vec<(u32, u32)>),
    /// `...`.
    Ellipsis,
    /// A floating-point number.
    Float(f64),
    /// A frozen set.
    FrozenSet(Vec<u32>),
    /// A whole number of 64 bits.
    Int(i64),
    /// A list.
    List(Vec<u32>),
    /// A larger whole number, in hexadecimal with sign and `0x`.
    Long(Arc<str>),
    /// `None`.
    #[default]
    None,
    /// A set.
    Set(Vec<u32>),
    /// A slice: start, stop and step (3.14).
    Slice([u32; 3]),
    /// The class `StopIteration`.
    StopIteration,
    /// Text: UTF-8 that may hold lone surrogates.
    Text(Arc<[u8]>),
    /// A tuple.
    Tuple(Vec<u32>),
    /// What only the artifact around the code can say: an object that a pickle builds.
    Value(Box<Value>),
    /// Nothing that can be known; the words say why.
    Unknown(&'static str),
}

/// One code object, as CPython would load it.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeObject {
    /// The version whose opcodes it is read with.
    pub version: Version,
    /// `co_name`.
    pub name: Arc<str>,
    /// `co_qualname`, from 3.11 on; empty before.
    pub qualname: Arc<str>,
    /// `co_filename`.
    pub filename: Arc<str>,
    /// `co_firstlineno`.
    pub first_line: i64,
    /// `co_argcount`: positional parameters, with those that are positional only.
    pub argcount: u32,
    /// `co_posonlyargcount`; 0 before 3.8.
    pub posonlyargcount: u32,
    /// `co_kwonlyargcount`; 0 in Python 2.
    pub kwonlyargcount: u32,
    /// `co_flags`.
    pub flags: u32,
    /// `co_varnames`: local variables, parameters first.
    pub varnames: Names,
    /// `co_cellvars`: local variables that nested functions use.
    pub cellvars: Names,
    /// `co_freevars`: variables of functions around it.
    pub freevars: Names,
    /// From 3.11 on all of these in the order in which instructions number them
    /// (`co_localsplusnames`); empty before.
    pub slots: Names,
    /// `co_names`: globals, attributes and modules.
    pub names: Names,
    /// `co_consts`, as indices of [`CodeTree::constants`].
    pub consts: Arc<[u32]>,
    /// `co_code`.
    pub code: Arc<[u8]>,
    /// `co_linetable`, or `co_lnotab` before 3.10.
    pub line_table: Arc<[u8]>,
    /// `co_exceptiontable`, from 3.11 on.
    pub exception_table: Arc<[u8]>,
}

/// Code objects with everything nested in them.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeTree {
    /// The version that they are read as.
    pub version: Version,
    /// All code objects, each before those in its constants: the first is the outermost. One that
    /// several constants share stands here once.
    pub objects: Vec<CodeObject>,
    /// All constants.
    pub constants: Vec<Constant>,
}

impl Default for CodeObject {
    fn default() -> Self {
        let none: Names = Arc::from([]);
        Self {
            version: Version::V3_14,
            name: Arc::from(""),
            qualname: Arc::from(""),
            filename: Arc::from(""),
            first_line: 0,
            argcount: 0,
            posonlyargcount: 0,
            kwonlyargcount: 0,
            flags: 0,
            varnames: Arc::clone(&none),
            cellvars: Arc::clone(&none),
            freevars: Arc::clone(&none),
            slots: Arc::clone(&none),
            names: none,
            consts: Arc::from([]),
            code: Arc::from([]),
            line_table: Arc::from([]),
            exception_table: Arc::from([]),
        }
    }
}

impl CodeObject {
    /// `co_flags`: it takes `*args`.
    pub const VARARGS: u32 = 4;
    /// `co_flags`: it takes `**kwargs`.
    pub const VARKEYWORDS: u32 = 8;

    /// The name of the local variable that `LOAD_FAST` and its like number `index`.
    #[must_use]
    pub fn local(&self, index: u32) -> Option<&str> {
        let names = if self.slots.is_empty() { &self.varnames } else { &self.slots };
        names.get(to_usize(u64::from(index))).map(|name| &**name)
    }

    /// The name of the variable that `LOAD_DEREF` and its like number `index`.
    #[must_use]
    pub fn cell(&self, index: u32) -> Option<&str> {
        let index = to_usize(u64::from(index));
        let name = if self.version >= Version::V3_11 {
            self.slots.get(index)
        } else {
            let free = index.checked_sub(self.cellvars.len());
            match free {
                Some(free) => self.freevars.get(free),
                None => self.cellvars.get(index),
            }
        };
        name.map(|name| &**name)
    }

    /// The entry of `co_names` that an operand refers to.
    #[must_use]
    pub fn named(&self, index: u32) -> Option<&str> {
        self.names.get(to_usize(u64::from(index))).map(|name| &**name)
    }

    /// The index in [`CodeTree::constants`] of its constant `index`.
    #[must_use]
    pub fn constant(&self, index: u32) -> Option<u32> {
        self.consts.get(to_usize(u64::from(index))).copied()
    }

    /// The names of its parameters, `*args` and `**kwargs` included, without stars.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let stars = [Self::VARARGS, Self::VARKEYWORDS]
            .into_iter()
            .filter(|star| self.flags & star != 0)
            .count();
        let count = u64::from(self.argcount).saturating_add(u64::from(self.kwonlyargcount));
        let count = to_usize(count).saturating_add(stars);
        self.varnames.iter().take(count).map(|name| &**name)
    }
}

impl CodeTree {
    /// The same code, read as another version.
    #[must_use]
    pub fn read_as(&self, version: Version) -> Self {
        let mut tree = Self { version, ..self.clone() };
        tree.objects.iter_mut().for_each(|object| object.version = version);
        tree
    }

    /// The outermost code object.
    #[must_use]
    pub fn root(&self) -> Option<&CodeObject> {
        self.objects.first()
    }

    /// The code object at `index`.
    #[must_use]
    pub fn object(&self, index: u32) -> Option<&CodeObject> {
        self.objects.get(to_usize(u64::from(index)))
    }

    /// The constant at `index`.
    #[must_use]
    pub fn constant(&self, index: u32) -> Option<&Constant> {
        self.constants.get(to_usize(u64::from(index)))
    }

    /// The items of a tuple, list or set.
    #[must_use]
    pub fn items(&self, index: u32) -> Option<&[u32]> {
        match self.constant(index)? {
            Constant::Tuple(items)
            | Constant::List(items)
            | Constant::Set(items)
            | Constant::FrozenSet(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a constant, if it is text (or Python 2's `str`) of valid UTF-8.
    #[must_use]
    pub fn text(&self, index: u32) -> Option<&str> {
        match self.constant(index)? {
            Constant::Text(text) => std::str::from_utf8(text).ok(),
            Constant::Bytes(text) if self.version == Version::V2_7 => {
                std::str::from_utf8(text).ok()
            }
            _ => None,
        }
    }

    /// The constant as facts show it, bounded in depth, width and length. Python 2's `str` is text
    /// where it is UTF-8.
    #[must_use]
    pub fn value(&self, index: u32) -> Value {
        let mut left = 256_usize;
        self.value_at(index, 0, &mut left)
    }

    fn value_at(&self, index: u32, depth: u32, left: &mut usize) -> Value {
        *left = left.saturating_sub(1);
        if *left == 0 || depth > DEPTH {
            return Value::Unknown("…");
        }
        let deeper = depth.saturating_add(1);
        match self.constant(index) {
            None => Value::Unknown("constant that is not there"),
            Some(Constant::Bool(set)) => Value::Bool(*set),
            Some(Constant::Bytes(bytes)) => match self.text(index) {
                Some(_) => Value::Text(excerpt(bytes)),
                None => Value::Bytes(excerpt(bytes)),
            },
            Some(Constant::Code(_)) => Value::Unknown("code"),
            Some(Constant::Complex(..)) => Value::Unknown("complex number"),
            Some(Constant::Dict(items)) => {
                let mut shown = Vec::new();
                for (key, value) in items.iter().take(WIDTH) {
                    let key = self.value_at(*key, deeper, left);
                    shown.push((key, self.value_at(*value, deeper, left)));
                }
                Value::Dict(shown)
            }
            Some(Constant::Ellipsis) => Value::Name(name("Ellipsis")),
            Some(Constant::Float(number)) => Value::Float(*number),
            Some(Constant::Set(items) | Constant::FrozenSet(items)) => {
                Value::Set(self.values(items, deeper, left))
            }
            Some(Constant::Int(number)) => Value::Int(*number),
            Some(Constant::List(items)) => Value::List(self.values(items, deeper, left)),
            Some(Constant::Long(digits)) => Value::Long(digits.to_string()),
            Some(Constant::None) => Value::None,
            Some(Constant::Slice(_)) => Value::Unknown("slice"),
            Some(Constant::StopIteration) => Value::Name(name("StopIteration")),
            Some(Constant::Text(text)) => Value::Text(excerpt(text)),
            Some(Constant::Tuple(items)) => Value::Tuple(self.values(items, deeper, left)),
            Some(Constant::Value(value)) => (**value).clone(),
            Some(Constant::Unknown(why)) => Value::Unknown(why),
        }
    }

    fn values(&self, items: &[u32], depth: u32, left: &mut usize) -> Vec<Value> {
        let mut shown: Vec<Value> =
            items.iter().take(WIDTH).map(|item| self.value_at(*item, depth, left)).collect();
        let more = items.len().saturating_sub(WIDTH);
        if more > 0 {
            shown.push(Value::More(to_u64(more)));
        }
        shown
    }
}

fn name(builtin: &str) -> davy_artifact::Name {
    davy_artifact::Name::new("builtins", builtin)
}

fn excerpt(bytes: &[u8]) -> Excerpt {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    Excerpt { head: head.to_vec(), len: to_u64(bytes.len()) }
}
