//! Code objects out of their fields, checked as CPython's constructor checks them.
//!
//! Marshal and pickles can hand the same names or constants to any number of code objects, so what
//! is made of them is made once: a small file must not become a large tree.

use super::code::{CodeObject, Constant, Names};
use super::version::{Layout, Version};
use davy_bytes::to_usize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// `CO_FAST_LOCAL`, `CO_FAST_CELL` and `CO_FAST_FREE` of 3.11 on.
const LOCAL: u8 = 0x20;
const CELL: u8 = 0x40;
const FREE: u8 = 0x80;

/// A field of a code object, in the order in which its version lists them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    Argcount,
    Cellvars,
    Code,
    Consts,
    ExceptionTable,
    Filename,
    FirstLine,
    Flags,
    Freevars,
    Kinds,
    Kwonlyargcount,
    LineTable,
    Name,
    Names,
    Nlocals,
    Posonlyargcount,
    Qualname,
    Slots,
    Stacksize,
    Varnames,
}

impl Field {
    /// Whether it is a plain number in marshal's layout.
    pub(crate) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Argcount
                | Self::FirstLine
                | Self::Flags
                | Self::Kwonlyargcount
                | Self::Nlocals
                | Self::Posonlyargcount
                | Self::Stacksize
        )
    }
}

impl Layout {
    /// The fields in the order in which marshal writes them.
    pub(crate) const fn fields(self) -> &'static [Field] {
        use Field as F;
        match self {
            Self::Two => &[
                F::Argcount,
                F::Nlocals,
                F::Stacksize,
                F::Flags,
                F::Code,
                F::Consts,
                F::Names,
                F::Varnames,
                F::Freevars,
                F::Cellvars,
                F::Filename,
                F::Name,
                F::FirstLine,
                F::LineTable,
            ],
            Self::Three => &[
                F::Argcount,
                F::Kwonlyargcount,
                F::Nlocals,
                F::Stacksize,
                F::Flags,
                F::Code,
                F::Consts,
                F::Names,
                F::Varnames,
                F::Freevars,
                F::Cellvars,
                F::Filename,
                F::Name,
                F::FirstLine,
                F::LineTable,
            ],
            Self::Positional => &[
                F::Argcount,
                F::Posonlyargcount,
                F::Kwonlyargcount,
                F::Nlocals,
                F::Stacksize,
                F::Flags,
                F::Code,
                F::Consts,
                F::Names,
                F::Varnames,
                F::Freevars,
                F::Cellvars,
                F::Filename,
                F::Name,
                F::FirstLine,
                F::LineTable,
            ],
            Self::Slots => &[
                F::Argcount,
                F::Posonlyargcount,
                F::Kwonlyargcount,
                F::Stacksize,
                F::Flags,
                F::Code,
                F::Consts,
                F::Names,
                F::Slots,
                F::Kinds,
                F::Filename,
                F::Name,
                F::Qualname,
                F::FirstLine,
                F::LineTable,
                F::ExceptionTable,
            ],
        }
    }
}

/// The fields of one code object as far as they are known: numbers, and indices of constants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    numbers: Vec<(Field, i64)>,
    objects: Vec<(Field, u32)>,
}

impl Parts {
    pub(crate) fn set_number(&mut self, field: Field, number: i64) {
        self.numbers.push((field, number));
    }

    pub(crate) fn set_object(&mut self, field: Field, constant: u32) {
        self.objects.push((field, constant));
    }

    fn number(&self, field: Field) -> i64 {
        self.numbers.iter().find(|(name, _)| *name == field).map_or(0, |(_, number)| *number)
    }

    fn object(&self, field: Field) -> Option<u32> {
        self.objects.iter().find(|(name, _)| *name == field).map(|(_, constant)| *constant)
    }
}

/// Names of one code object by kind of variable.
type Split = [Names; 3];

/// Makes code objects, and everything that they share once.
#[derive(Debug)]
pub(crate) struct Assembler {
    version: Version,
    none: Names,
    texts: HashMap<u32, Arc<str>>,
    names: HashMap<u32, Names>,
    splits: HashMap<(u32, u32), Split>,
    consts: HashMap<u32, Arc<[u32]>>,
}

impl Assembler {
    /// An assembler for code of `version`.
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            none: Arc::from([]),
            texts: HashMap::new(),
            names: HashMap::new(),
            splits: HashMap::new(),
            consts: HashMap::new(),
        }
    }

    /// The code object that `parts` make; what is not there is empty.
    ///
    /// # Errors
    /// What CPython's constructor refuses, in words, beside the code object as far as it is sound.
    pub(crate) fn assemble(
        &mut self,
        parts: &Parts,
        constants: &[Constant],
    ) -> (CodeObject, Result<(), &'static str>) {
        let mut faults = Faults::default();
        let field = |field: Field| parts.object(field);
        let code = bytes(constants, field(Field::Code), "co_code is no byte string", &mut faults);
        let table = field(Field::LineTable);
        let line_table = bytes(constants, table, "the line table is no byte string", &mut faults);
        let table = field(Field::ExceptionTable);
        let exception_table =
            bytes(constants, table, "the exception table is no byte string", &mut faults);
        let consts = self.consts(constants, field(Field::Consts), &mut faults);
        let names = self.names(constants, field(Field::Names), &mut faults);
        let mut object = CodeObject {
            version: self.version,
            name: self.text(constants, field(Field::Name), &mut faults),
            qualname: self.text(constants, field(Field::Qualname), &mut faults),
            filename: self.text(constants, field(Field::Filename), &mut faults),
            first_line: parts.number(Field::FirstLine),
            argcount: count(parts.number(Field::Argcount), &mut faults),
            posonlyargcount: count(parts.number(Field::Posonlyargcount), &mut faults),
            kwonlyargcount: count(parts.number(Field::Kwonlyargcount), &mut faults),
            flags: count(parts.number(Field::Flags), &mut faults),
            varnames: self.names(constants, field(Field::Varnames), &mut faults),
            cellvars: self.names(constants, field(Field::Cellvars), &mut faults),
            freevars: self.names(constants, field(Field::Freevars), &mut faults),
            slots: self.names(constants, field(Field::Slots), &mut faults),
            names,
            consts,
            code,
            line_table,
            exception_table,
        };
        match (field(Field::Slots), field(Field::Kinds)) {
            (Some(slots), Some(kinds)) => {
                self.split(&mut object, constants, (slots, kinds), &mut faults);
            }
            (None, None) if self.version.layout() == Layout::Slots => object.slots = merge(&object),
            _ => {}
        }
        (object, faults.first.map_or(Ok(()), Err))
    }

    /// Sorts the local variables of 3.11 on by their kind.
    fn split(
        &mut self,
        object: &mut CodeObject,
        constants: &[Constant],
        (slots, kinds): (u32, u32),
        faults: &mut Faults,
    ) {
        let kinds_of = bytes(constants, Some(kinds), "the kinds are no byte string", faults);
        if kinds_of.len() != object.slots.len() {
            faults.note("not as many kinds of variables as variables");
        }
        let split = self.splits.entry((slots, kinds)).or_insert_with(|| {
            [LOCAL, CELL, FREE].map(|kind| {
                let pairs = object.slots.iter().zip(kinds_of.iter());
                pairs.filter(|(_, of)| **of & kind != 0).map(|(name, _)| Arc::clone(name)).collect()
            })
        });
        let [locals, cells, free] = split.clone();
        object.varnames = locals;
        object.cellvars = cells;
        object.freevars = free;
    }

    fn text(&mut self, constants: &[Constant], at: Option<u32>, faults: &mut Faults) -> Arc<str> {
        let Some(at) = at else { return Arc::from("") };
        if let Some(text) = self.texts.get(&at) {
            return Arc::clone(text);
        }
        let python2 = self.version == Version::V2_7;
        let text: Arc<str> = match constant(constants, at) {
            Some(Constant::Text(text)) if !python2 => String::from_utf8_lossy(text).into(),
            Some(Constant::Bytes(text)) if python2 => String::from_utf8_lossy(text).into(),
            _ => {
                faults.note("a name is no text");
                Arc::from("")
            }
        };
        self.texts.insert(at, Arc::clone(&text));
        text
    }

    fn names(&mut self, constants: &[Constant], at: Option<u32>, faults: &mut Faults) -> Names {
        let Some(at) = at else { return Arc::clone(&self.none) };
        if let Some(names) = self.names.get(&at) {
            return Arc::clone(names);
        }
        let Some(Constant::Tuple(items)) = constant(constants, at) else {
            faults.note("the names are no tuple");
            return Arc::clone(&self.none);
        };
        let names: Names =
            items.iter().map(|item| self.text(constants, Some(*item), faults)).collect();
        self.names.insert(at, Arc::clone(&names));
        names
    }

    fn consts(
        &mut self,
        constants: &[Constant],
        at: Option<u32>,
        faults: &mut Faults,
    ) -> Arc<[u32]> {
        let Some(at) = at else { return Arc::from([]) };
        if let Some(consts) = self.consts.get(&at) {
            return Arc::clone(consts);
        }
        let Some(Constant::Tuple(items)) = constant(constants, at) else {
            faults.note("the constants are no tuple");
            return Arc::from([]);
        };
        let consts: Arc<[u32]> = Arc::from(items.as_slice());
        self.consts.insert(at, Arc::clone(&consts));
        consts
    }
}

/// Local variables of 3.11 on in the order of their numbers, as the constructor makes it of three
/// lists: what is both local and a cell stands once.
fn merge(object: &CodeObject) -> Names {
    let locals: HashSet<&str> = object.varnames.iter().map(|name| &**name).collect();
    let cells = object.cellvars.iter().filter(|name| !locals.contains(&***name));
    object.varnames.iter().chain(cells).chain(object.freevars.iter()).cloned().collect()
}

/// What the constructor would refuse first.
#[derive(Debug, Default)]
struct Faults {
    first: Option<&'static str>,
}

impl Faults {
    fn note(&mut self, what: &'static str) {
        self.first.get_or_insert(what);
    }
}

fn constant(constants: &[Constant], at: u32) -> Option<&Constant> {
    constants.get(to_usize(u64::from(at)))
}

fn bytes(
    constants: &[Constant],
    at: Option<u32>,
    what: &'static str,
    faults: &mut Faults,
) -> Arc<[u8]> {
    match at.map(|at| constant(constants, at)) {
        None => Arc::from([]),
        Some(Some(Constant::Bytes(bytes))) => Arc::clone(bytes),
        Some(_) => {
            faults.note(what);
            Arc::from([])
        }
    }
}

fn count(number: i64, faults: &mut Faults) -> u32 {
    u32::try_from(number).unwrap_or_else(|_| {
        faults.note("a count is negative");
        0
    })
}
