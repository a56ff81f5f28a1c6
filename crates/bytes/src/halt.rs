//! Why a reader stopped early, classified by who is to blame.

use std::borrow::Cow;
use std::fmt;

/// Who is to blame for a reader stopping early.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Blame {
    /// The file breaks its own form.
    Malformed,
    /// The file asks for more work or memory than the budget allows.
    Exhausted,
    /// The owner encrypted it.
    Encrypted,
    /// davy does not read this yet.
    Unsupported,
    /// The medium failed; the only kind that fails a scan.
    Io,
}

impl Blame {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Exhausted => "exhausted",
            Self::Encrypted => "encrypted",
            Self::Unsupported => "unsupported",
            Self::Io => "io",
        }
    }
}

/// A reader stopping early: whose fault, at which offset, at what.
///
/// Boxed to one word, so that the results of hot reads stay small.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Halt(Box<Inner>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Inner {
    blame: Blame,
    at: u64,
    what: Cow<'static, str>,
}

impl Halt {
    #[cold]
    fn new(blame: Blame, at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { blame, at, what: what.into() }))
    }

    /// The file breaks its own form at offset `at`.
    #[cold]
    pub fn malformed(at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Blame::Malformed, at, what)
    }

    /// The file asks for more than the budget allows.
    #[cold]
    pub fn exhausted(at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Blame::Exhausted, at, what)
    }

    /// Its owner encrypted what starts at `at`.
    #[cold]
    pub fn encrypted(at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Blame::Encrypted, at, what)
    }

    /// davy does not read what starts at `at`.
    #[cold]
    pub fn unsupported(at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Blame::Unsupported, at, what)
    }

    /// The medium failed at `at`.
    #[cold]
    pub fn io(at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Blame::Io, at, what)
    }

    /// Who is to blame.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// Offset in bytes, relative to the view that was read.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.0.at
    }

    /// What could not be read, in words.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The same halt at another offset: for a decoded copy of an artifact.
    #[must_use]
    pub fn moved_to(mut self, at: u64) -> Self {
        self.0.at = at;
        self
    }

    /// The same halt with its offset moved by `base`: for a view of a larger artifact.
    #[must_use]
    pub fn shifted(mut self, base: u64) -> Self {
        self.0.at = self.0.at.saturating_add(base);
        self
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at offset {:#x})", self.0.what, self.0.at)
    }
}

impl std::error::Error for Halt {}
