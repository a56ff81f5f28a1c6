//! What stands on the stack: the values that it may be, what it is for, and how it reads.

use crate::python::known::{Known, Many, add};
use davy_artifact::Value;
use std::rc::Rc;

/// Longest expression in a listing, in characters.
const LONGEST: usize = 240;

/// How tightly the parts of an expression hold together, from the loosest on.
pub(super) mod level {
    /// `a if b else c`, `lambda`, `yield`.
    pub(crate) const LOOSE: u8 = 0;
    /// `or`.
    pub(crate) const OR: u8 = 1;
    /// `and`.
    pub(crate) const AND: u8 = 2;
    /// `not`.
    pub(crate) const NOT: u8 = 3;
    /// `<`, `in`, `is`.
    pub(crate) const COMPARE: u8 = 4;
    /// `|`.
    pub(crate) const BIT_OR: u8 = 5;
    /// `^`.
    pub(crate) const BIT_XOR: u8 = 6;
    /// `&`.
    pub(crate) const BIT_AND: u8 = 7;
    /// `<<`.
    pub(crate) const SHIFT: u8 = 8;
    /// `+`.
    pub(crate) const SUM: u8 = 9;
    /// `*`.
    pub(crate) const PRODUCT: u8 = 10;
    /// `-a`.
    pub(crate) const SIGN: u8 = 11;
    /// `**`.
    pub(crate) const POWER: u8 = 12;
    /// `await`.
    pub(crate) const AWAIT: u8 = 13;
    /// Names, calls, brackets.
    pub(crate) const ATOM: u8 = 14;
}

/// Something on the stack, or in a variable. Shared: a copy on the stack is the same value.
pub(super) type S = Rc<Slot>;

/// See [`S`].
#[derive(Debug)]
pub(super) struct Slot {
    /// What it may be; none: anything.
    pub(super) many: Many,
    /// What it is for.
    pub(super) kind: Kind,
    /// How it reads in a listing.
    pub(super) text: Box<str>,
    /// How tightly `text` holds together.
    pub(super) level: u8,
}

/// What a slot is for, where it is more than a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Kind {
    /// Where a `finally` block that was called goes back to (3.8).
    Address,
    /// What calling this body returns.
    Body(usize),
    /// The function that builds classes.
    BuildClass,
    /// Variables that are shared with a nested function, by number.
    Cells(Rc<[usize]>),
    /// The class that this body makes.
    Class(usize),
    /// A variable put aside while a comprehension uses its name (3.12 on).
    Cleared,
    /// A statement by itself: a call, `yield` or `await`.
    Effect,
    /// What enters a `with` block (3.14).
    Enter,
    /// What an exception handler starts with.
    Exception,
    /// What leaves a `with` block.
    Exit,
    /// What leaving a `with` block returns.
    Exited,
    /// The exception that was handled before this one (3.11 on).
    Former,
    /// A name out of a module, as it is spelled there.
    From(Rc<str>),
    /// A function with this body.
    Function(usize),
    /// What a `for`, `with` or `except` has just produced for its target.
    Given,
    /// A module, as it is spelled in an import statement.
    Import(Rc<str>),
    /// Whether an exception is one of those named.
    Match,
    /// An attribute: which entry tells of it, where one does, until it is called.
    Member(Option<usize>),
    /// The place of a callee or receiver that is not there.
    Null,
    /// One of the values that an iterable is unpacked into: which iterable.
    Part(usize),
    /// Start, stop and step.
    Slice(Rc<[Known; 3]>),
    /// Just a value.
    #[default]
    Value,
}

/// A value of which only this is known.
pub(super) fn known(why: &'static str) -> Known {
    Known::Plain(Rc::new(Value::Unknown(why)))
}

/// `value` as the only alternative.
pub(super) fn one(value: Known) -> Many {
    if value == Known::Unknown { Many::new() } else { vec![value] }
}

/// What stands for "or anything else" beside alternatives.
pub(super) const ANY: &str = "an expression";

/// Whether `value` is nothing but words.
pub(super) fn is_words(value: &Known) -> bool {
    matches!(value, Known::Plain(plain) if matches!(**plain, Value::Unknown(_)))
}

/// Adds the alternatives of `from`, and tells whether there were new ones.
pub(super) fn extend(many: &mut Many, from: &Many) -> bool {
    let before = many.len();
    if from.is_empty() {
        add(many, known(ANY));
    }
    for value in from {
        add(many, value.clone());
    }
    many.len() > before
}

impl Slot {
    /// A value that reads `text`.
    pub(super) fn new(many: Many, text: &str, level: u8) -> S {
        Self::of(Kind::Value, many, text, level)
    }

    /// Something for a purpose.
    pub(super) fn of(kind: Kind, many: Many, text: &str, level: u8) -> S {
        Rc::new(Self { many, kind, text: clipped(text), level })
    }

    /// Anything.
    pub(super) fn unknown() -> S {
        Self::new(Many::new(), "…", level::ATOM)
    }

    /// Something for a purpose, and no value.
    pub(super) fn marker(kind: Kind) -> S {
        Self::of(kind, Many::new(), "…", level::ATOM)
    }

    /// The same, read as `text`.
    pub(super) fn named(&self, text: &str) -> S {
        Self::of(self.kind.clone(), self.many.clone(), text, level::ATOM)
    }

    /// The value, where there is just one.
    pub(super) fn only(&self) -> Known {
        match self.many.as_slice() {
            [value] => value.clone(),
            _ => Known::Unknown,
        }
    }

    /// How it reads as a part of something that holds together as tightly as `around`.
    pub(super) fn within(&self, around: u8) -> String {
        if self.level < around { format!("({})", self.text) } else { self.text.to_string() }
    }

    /// What it is where two ways meet.
    pub(super) fn joined(one: &S, two: &S, text: Option<(String, u8)>) -> S {
        if Rc::ptr_eq(one, two) {
            return Rc::clone(one);
        }
        let mut many = one.many.clone();
        if one.many.is_empty() != two.many.is_empty() {
            add(&mut many, known(ANY));
        }
        for value in &two.many {
            add(&mut many, value.clone());
        }
        let kind = if one.kind == two.kind { one.kind.clone() } else { Kind::Value };
        match text {
            Some((text, level)) => Self::of(kind, many, &text, level),
            // Only the last pass makes text.
            None if one.text == two.text || two.text.is_empty() => {
                Self::of(kind, many, &one.text, one.level)
            }
            None => Self::of(kind, many, "…", level::ATOM),
        }
    }
}

/// `text`, cut at [`LONGEST`].
pub(super) fn clipped(text: &str) -> Box<str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// Expressions with commas between, as many as a listing shows.
pub(super) fn listed(items: &[S]) -> String {
    let mut shown = String::new();
    for item in items {
        if shown.len() > LONGEST {
            break;
        }
        if !shown.is_empty() {
            shown.push_str(", ");
        }
        shown.push_str(&item.text);
    }
    shown
}
