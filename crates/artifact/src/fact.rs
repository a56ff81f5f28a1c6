//! What an artifact says, in words that fit every format.

use crate::{Call, Code, Route, Value};
use davy_bytes::{Span, escape};
use std::fmt;

/// A global in Python's sense: what `module` has under `name`, which may be dotted; without a name,
/// the module itself. A function of R has the module `R`, and its name as R spells it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name {
    /// The module, as it is imported.
    pub module: String,
    /// The path of attributes from the module.
    pub name: String,
}

impl Name {
    /// The module of all functions of R.
    pub const R: &'static str = "R";

    /// A global.
    pub fn new(module: impl Into<String>, name: impl Into<String>) -> Self {
        Self { module: module.into(), name: name.into() }
    }

    /// Whether it is spelled as classes are: upper case behind any underscores.
    #[must_use]
    pub fn is_class(&self) -> bool {
        let last = self.name.rsplit('.').next().unwrap_or_default();
        last.trim_start_matches('_').starts_with(char::is_uppercase)
    }

    /// `module.name`, or the module alone, unescaped: for look-ups, not for showing.
    #[must_use]
    pub fn dotted(&self) -> String {
        if self.name.is_empty() {
            return self.module.clone();
        }
        format!("{}.{}", self.module, self.name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.module.as_str() {
            module if self.name.is_empty() => f.write_str(&escape(module)),
            Self::R | "builtins" => f.write_str(&escape(&self.name)),
            module => write!(f, "{}.{}", escape(module), escape(&self.name)),
        }
    }
}

/// Where a fact stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Site {
    /// The bytes that say it.
    pub span: Span,
    /// The same place in words.
    pub route: Route,
}

/// A tensor's claims about the storage that it lies in.
///
/// In formats without strides each tensor is a storage of its own: the key is its name, the offset
/// zero and `stride` empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tensor {
    /// Key of the storage.
    pub storage: String,
    /// Element type, as the file names it.
    pub dtype: String,
    /// Elements that the storage is said to have.
    pub elements: u64,
    /// Index of the first element.
    pub offset: i64,
    /// Elements per dimension.
    pub size: Vec<i64>,
    /// Elements from one index to the next, per dimension.
    pub stride: Vec<i64>,
}

/// A node of a graph that a runtime executes.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The set of operators that it is from, as the format spells it; empty for the format's own.
    pub domain: String,
    /// The operator's name within its set.
    pub name: String,
    /// Its inputs as far as constants can be traced to them, in order; the rest is unknown.
    pub inputs: Vec<Value>,
    /// Its attributes, by name.
    pub attributes: Vec<(String, Value)>,
}

/// A place where a graph replaces what its layers computed by something else, when its input meets
/// a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Nodes from an input to an output, through the comparison and the replacement: operator and
    /// name of each.
    pub path: Vec<String>,
    /// The node that compares, one of the path.
    pub comparison: String,
    /// The node that replaces, one of the path.
    pub replacement: String,
    /// What the comparison compares with.
    pub constant: Value,
    /// Layers with learned numbers before what is replaced.
    pub replaced: u64,
    /// Such layers before the comparison.
    pub before: u64,
    /// Such layers between the replacement and the output.
    pub behind: u64,
    /// Whether the condition is one on what the layers found, and not on the input itself.
    pub is_own: bool,
}

/// One thing that an artifact says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Loading changes something that is shared: an attribute of a module, class or function, an
    /// entry of a module's dictionary, or a method of an object that the loader will call.
    Assign {
        /// What is changed.
        target: Value,
        /// The attribute or key.
        key: Value,
        /// The new value.
        value: Value,
        /// Where.
        site: Site,
    },
    /// A named value that describes the artifact or a part of it: an HDF5 attribute, a metadata key.
    Attribute {
        /// The object that has it, as the format spells paths; empty for the artifact itself.
        owner: String,
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
        /// Where.
        site: Site,
    },
    /// Something else is put out under a condition on what comes in: a branch of a template.
    Branch {
        /// What the condition is about.
        input: &'static str,
        /// How it is tested: `in`, `==`, `startswith` ...
        test: String,
        /// The constants that it is compared with.
        constants: Vec<String>,
        /// The text that is put out if it holds, bounded in length.
        output: String,
        /// Where.
        site: Site,
    },
    /// Loading calls something.
    Call {
        /// The call, with its arguments as far as they can be known.
        call: Call,
        /// How many calls that differ only in plain data were folded into this one.
        count: u64,
        /// Where the first of them stands.
        site: Site,
    },
    /// The artifact brings code of its own.
    Code {
        /// What the code says.
        code: Box<Code>,
        /// Where it stands.
        site: Site,
    },
    /// Loading looks a global up, and so imports its module.
    Import {
        /// The global, under the name that the loader finally uses.
        name: Name,
        /// The name that the file spells, where the loader maps it to another.
        spelled: Option<Name>,
        /// How it is looked up: an opcode, `getattr`, an import statement ...
        by: &'static str,
        /// Where the first look-up stands.
        site: Site,
    },
    /// A member of an archive.
    Member {
        /// Its name.
        name: String,
        /// Its size when unpacked.
        size: u64,
        /// Where its data stands.
        site: Site,
    },
    /// Something that has a name and a place in the artifact's own tree: a group, a dataset, a link.
    Object {
        /// Its path, as the format spells paths.
        path: String,
        /// What it is, in the format's own term.
        kind: &'static str,
        /// Type, shape, layout or target, in one line.
        detail: String,
        /// Where.
        site: Site,
    },
    /// A graph runs an operator.
    Operator {
        /// Which operator, and what it works on.
        operator: Operator,
        /// How many nodes that differ only in plain data were folded into this one.
        count: u64,
        /// Where the first of them stands.
        site: Site,
    },
    /// A graph replaces what it computed.
    Override {
        /// By what and on which condition.
        it: Box<Override>,
        /// Where the node stands that replaces.
        site: Site,
    },
    /// A path or URL that a loader would open.
    Reference {
        /// The path or URL.
        target: String,
        /// What it is for.
        purpose: &'static str,
        /// Where.
        site: Site,
    },
    /// A tensor.
    Tensor {
        /// What it claims.
        tensor: Tensor,
        /// Where.
        site: Site,
    },
}

impl Fact {
    /// Where it stands.
    #[must_use]
    pub fn site(&self) -> &Site {
        match self {
            Self::Assign { site, .. }
            | Self::Attribute { site, .. }
            | Self::Branch { site, .. }
            | Self::Call { site, .. }
            | Self::Code { site, .. }
            | Self::Import { site, .. }
            | Self::Member { site, .. }
            | Self::Object { site, .. }
            | Self::Operator { site, .. }
            | Self::Override { site, .. }
            | Self::Reference { site, .. }
            | Self::Tensor { site, .. } => site,
        }
    }

    /// Where it stands, to be changed: for facts read from a decoded copy of the artifact.
    pub fn site_mut(&mut self) -> &mut Site {
        match self {
            Self::Assign { site, .. }
            | Self::Attribute { site, .. }
            | Self::Branch { site, .. }
            | Self::Call { site, .. }
            | Self::Code { site, .. }
            | Self::Import { site, .. }
            | Self::Member { site, .. }
            | Self::Object { site, .. }
            | Self::Operator { site, .. }
            | Self::Override { site, .. }
            | Self::Reference { site, .. }
            | Self::Tensor { site, .. } => site,
        }
    }

    /// The kind as reports name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::Attribute { .. } => "attribute",
            Self::Branch { .. } => "branch",
            Self::Call { .. } => "call",
            Self::Code { .. } => "code",
            Self::Import { .. } => "import",
            Self::Member { .. } => "member",
            Self::Object { .. } => "object",
            Self::Operator { .. } => "operator",
            Self::Override { .. } => "override",
            Self::Reference { .. } => "reference",
            Self::Tensor { .. } => "tensor",
        }
    }
}
