//! What an expression may be: a bounded set of known things, what it is made from, and whether it
//! may be anything else.

use super::ir::{ClassId, FuncId, ModuleId, Sym};

/// A known thing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Atom {
    Module(ModuleId),
    Func(FuncId),
    /// A function whose first arguments are given already, in an order that was not kept.
    Partial(FuncId),
    /// A method of an instance, or of the class itself.
    Bound(FuncId, ClassId),
    Class(ClassId),
    Instance(ClassId),
    /// The class behind this one in the order of the receiver's class.
    Super(ClassId),
    /// Something that is not in the sources: a function or class in C, or of a library not read.
    External(Sym),
    /// What calling such a thing made.
    Made(Sym),
    /// A method of what such a thing made.
    MadeMethod(Sym),
    Text(Sym),
}

impl Atom {
    /// Whether a call of it runs something.
    pub const fn is_callable(self) -> bool {
        !matches!(self, Self::Module(_) | Self::Text(_) | Self::Super(_))
    }
}

/// More than this many things are as good as anything.
const ATOMS: usize = 72;

/// What an expression may be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Val {
    pub atoms: Vec<Atom>,
    /// The sources that it is made from: a bit for each parameter, field or captured variable.
    pub taint: u64,
    /// Whether it may be something that is not among the atoms.
    pub unknown: bool,
    /// Whether it is the object whose method this is.
    pub own: bool,
    /// Whether it is an attribute of an object that nobody knows: a call of it is a call of a method.
    pub method: bool,
    /// Whether it was imported by a name that comes from the taint, or is an attribute of what was.
    pub imported: bool,
}

impl Val {
    pub fn atom(atom: Atom) -> Self {
        Self { atoms: vec![atom], ..Self::default() }
    }

    pub fn unknown(taint: u64) -> Self {
        Self { taint, unknown: true, ..Self::default() }
    }

    /// A plain value that is made from `taint`.
    pub fn plain(taint: u64) -> Self {
        Self { taint, unknown: taint != 0, ..Self::default() }
    }

    /// Adds what `other` may be; whether that is more than before.
    pub fn join(&mut self, other: &Self) -> bool {
        let flags = |val: &Self| (val.unknown, val.own, val.method, val.imported);
        let before = (self.atoms.len(), self.taint, flags(self));
        for atom in &other.atoms {
            if let Err(at) = self.atoms.binary_search(atom) {
                if self.atoms.len() >= ATOMS {
                    self.unknown = true;
                    break;
                }
                self.atoms.insert(at, *atom);
            }
        }
        self.taint |= other.taint;
        self.unknown |= other.unknown;
        self.own |= other.own;
        self.method |= other.method;
        self.imported |= other.imported;
        before != (self.atoms.len(), self.taint, flags(self))
    }

    pub fn with(mut self, other: &Self) -> Self {
        self.join(other);
        self
    }

    /// The same, made from `taint` as well.
    pub fn tainted(mut self, taint: u64) -> Self {
        self.taint |= taint;
        self
    }

    /// Whether it can be called at all.
    pub fn is_nothing(&self) -> bool {
        self.atoms.is_empty() && !self.unknown && self.taint == 0
    }
}

/// Arguments of a call.
#[derive(Clone, Debug, Default)]
pub struct Args {
    pub at: Vec<Val>,
    pub named: Vec<(Sym, Val)>,
    /// What stands behind stars.
    pub spread: Option<Val>,
}

impl Args {
    /// Everything that is handed over, as one.
    pub fn all(&self) -> Val {
        let mut all = Val::default();
        for val in self.at.iter().chain(self.named.iter().map(|(_, val)| val)).chain(&self.spread) {
            all.join(val);
        }
        all.own = false;
        all
    }

    pub fn taint(&self) -> u64 {
        let vals = self.at.iter().chain(self.named.iter().map(|(_, val)| val)).chain(&self.spread);
        vals.fold(0, |taint, val| taint | val.taint)
    }

    /// With `first` before all others.
    pub fn behind(&self, first: Val) -> Self {
        let mut args = self.clone();
        args.at.insert(0, first);
        args
    }

    /// Arguments of which only is known that they are among these.
    pub fn loose(val: Val) -> Self {
        Self { at: Vec::new(), named: Vec::new(), spread: Some(val) }
    }
}
