//! How rules ask what a program says that stands in a value: rules never parse, readers do.

use crate::Code;
use std::fmt;

/// A language that programs in values are written in.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Language {
    /// Commands as `cmd.exe` of Windows takes them.
    Batch,
    /// Commands as PowerShell takes them.
    PowerShell,
    /// Source of Python.
    Python,
    /// Commands as the shells of POSIX take them.
    Shell,
}

impl Language {
    /// The word used in [`Code::language`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "cmd.exe",
            Self::PowerShell => "PowerShell",
            Self::Python => "Python source",
            Self::Shell => "shell",
        }
    }
}

/// Reads programs that stand in values, such as the text that `exec` or `os.system` is given.
///
/// In the code of a shell the callee of a call is the program's name as a `Value::Text`, or whatever
/// stands in its place, and its arguments are its words. A word that is put together of parts that
/// are not all constant is a `Value::Tuple` of these parts; the output of a command in a word is a
/// `Value::Call`. Keywords are what the command is connected with: `|` for the value that it reads
/// from (a call, or the text where that is constant), the operators of redirections (`>`, `2>>`,
/// `<`, `<>`, `>&` ...) for their targets, and `<<` for a text that is handed to it.
pub trait Interpret: fmt::Debug + Sync {
    /// What `source` says; nothing if it cannot be read as `language` at all.
    fn program(&self, language: Language, source: &[u8]) -> Option<Code>;
}

/// Reads nothing: for rules that are looked at alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uninterpreted;

impl Interpret for Uninterpreted {
    fn program(&self, _: Language, _: &[u8]) -> Option<Code> {
        None
    }
}
