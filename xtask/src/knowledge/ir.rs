//! Python reduced to what decides which value reaches which call: no control flow, no numbers.

use std::hash::{BuildHasherDefault, Hasher};

/// A name or a text, interned.
pub type Sym = u32;
/// A function, a lambda, or the body of a class or module.
pub type FuncId = u32;
/// A class.
pub type ClassId = u32;
/// A module.
pub type ModuleId = u32;

/// A map that is not looked at in its order.
pub type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mix>>;
/// A set that is not looked at in its order.
pub type HashSet<K> = std::collections::HashSet<K, BuildHasherDefault<Mix>>;

/// A hash for small keys of the analysis's own, which nobody chooses to collide.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 29;
    }
}

/// Interned names.
#[derive(Default)]
pub struct Names {
    ids: HashMap<Box<str>, Sym>,
    texts: Vec<Box<str>>,
}

impl Names {
    pub fn sym(&mut self, text: &str) -> Sym {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = Sym::try_from(self.texts.len()).unwrap_or(Sym::MAX);
        self.ids.insert(text.into(), id);
        self.texts.push(text.into());
        id
    }

    pub fn find(&self, text: &str) -> Option<Sym> {
        self.ids.get(text).copied()
    }

    pub fn text(&self, sym: Sym) -> &str {
        self.texts.get(sym as usize).map_or("", |text| text)
    }
}

/// An expression. What is computed from others without a call is only the mixture of them.
#[derive(Debug)]
pub enum Expr {
    /// Numbers, `None`, bytes: nothing that can be called or be the name of something.
    Constant,
    Text(Sym),
    Name(Sym),
    Attribute(Box<Expr>, Sym),
    Call(Box<Call>),
    /// One of the elements: `container[index]`.
    Item(Box<Expr>, Box<Expr>),
    /// What iterating hands out.
    Element(Box<Expr>),
    /// What `with` binds.
    Entered(Box<Expr>),
    /// One of these values, or a container of them.
    Any(Box<[Expr]>),
    /// A new plain value that is made from these: arithmetic, formatting, comparison.
    Mixture(Box<[Expr]>),
    Lambda(FuncId),
    /// `(name := value)`
    Bind(Sym, Box<Expr>),
}

/// A call.
#[derive(Debug)]
pub struct Call {
    pub callee: Expr,
    pub args: Box<[Arg]>,
}

/// An argument.
#[derive(Debug)]
pub enum Arg {
    At(Expr),
    Spread(Expr),
    Named(Sym, Expr),
    SpreadNamed(Expr),
}

/// What is assigned to.
#[derive(Debug)]
pub enum Target {
    Name(Sym),
    Attribute(Expr, Sym),
    Item(Expr),
}

/// A statement. Order and conditions are not kept.
#[derive(Debug)]
pub enum Stmt {
    Assign(Target, Expr),
    Evaluate(Expr),
    Return(Expr),
    /// `import a.b as name`; without a name of its own the first part is bound.
    Import {
        module: Sym,
        bind: Sym,
    },
    From {
        module: Sym,
        name: Sym,
        bind: Sym,
    },
    FromAll(Sym),
    Function(FuncId, Box<[Expr]>),
    Class(ClassId, Box<[Expr]>),
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParamKind {
    Positional,
    Rest,
    Keyword,
    Keywords,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    pub name: Sym,
    pub kind: ParamKind,
    pub default: Option<Expr>,
}

/// How a function is bound to its class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Binding {
    Plain,
    Static,
    Class,
    Property,
}

/// A function, a lambda, or the body of a class or module.
#[derive(Debug)]
pub struct Func {
    pub name: Sym,
    /// Name within its module: `Class.method`, `outer.<locals>.inner`.
    pub path: Sym,
    pub module: ModuleId,
    /// The class whose body it stands in.
    pub class: Option<ClassId>,
    /// The function around it, whose variables it sees.
    pub parent: Option<FuncId>,
    pub params: Vec<Param>,
    pub body: Vec<Stmt>,
    /// Names that are its own: parameters and what it assigns, in order.
    pub locals: Vec<Sym>,
    pub binding: Binding,
    /// Whether functions stand in it, which see its variables.
    pub encloses: bool,
    /// Whether it only says that heirs of its class have to define it.
    pub is_abstract: bool,
    /// Whether it is the body of a class or module, whose variables everybody sees.
    pub scope: Scope,
}

/// Whose variables the assignments of a body make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    Function,
    Class(ClassId),
    Module,
}

/// A class.
#[derive(Debug)]
pub struct Class {
    pub path: Sym,
    pub name: Sym,
    pub module: ModuleId,
    pub bases: Box<[Expr]>,
    pub body: FuncId,
    /// Whether a decorator gives it a constructor that stores its fields.
    pub is_dataclass: bool,
}

/// A module.
#[derive(Debug)]
pub struct Module {
    pub name: Sym,
    pub body: FuncId,
    /// Whether other modules stand below it.
    pub is_package: bool,
    /// The part of the data that it belongs to: a library, or a version of the standard library.
    pub library: u32,
}

/// Everything that was read.
#[derive(Default)]
pub struct Program {
    pub names: Names,
    pub funcs: Vec<Func>,
    pub classes: Vec<Class>,
    pub modules: Vec<Module>,
    pub by_name: HashMap<Sym, ModuleId>,
}
