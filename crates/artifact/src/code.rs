//! Code that an artifact brings, as far as it can be read without running it.

use crate::{Call, Name, Value};

/// When code of an artifact runs.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum When {
    /// As soon as the artifact is loaded or imported.
    Loaded,
    /// Whether and when is not known.
    #[default]
    Unknown,
    /// When the model is used: a layer's function, a method of a class.
    Used,
}

impl When {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Unknown => "unknown",
            Self::Used => "used",
        }
    }
}

/// A function, module or class body in the artifact, with everything nested in it.
///
/// What it names is listed three ways, each with nested code included and in the order in which it
/// stands: `imports` and `calls` are what the code does as far as its data flow could be followed,
/// `names` and `texts` are everything that it could do it with. A callee that the code takes from
/// its globals is `Value::Name` with the first part of the path as its module (`tf` and
/// `nn.relu`), after import statements in the code itself have been followed; one from the
/// built-in functions has the module `builtins`; a method of something unknown is
/// `Value::Attribute`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Language and version, for people: `Python 3.11 byte code`.
    pub language: String,
    /// The function's name, as the code has it; empty where it has none.
    pub name: String,
    /// Names of its parameters.
    pub parameters: Vec<String>,
    /// When it runs.
    pub when: When,
    /// What it imports, with the names that it takes from the module; an empty name stands for the
    /// module itself.
    pub imports: Vec<Name>,
    /// What it calls.
    pub calls: Vec<Call>,
    /// Every global, attribute and module name in it, each once.
    pub names: Vec<String>,
    /// Its text and byte constants, each once; documentation strings are left out.
    pub texts: Vec<Value>,
    /// What in it could not be read or followed, and why, in words; empty where all was.
    pub unseen: Vec<String>,
    /// All of it as readable pseudo-Python, one statement per line, bounded in length.
    pub listing: String,
}
