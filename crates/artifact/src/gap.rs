//! Bytes that nobody read, and why: as visible in a report as a finding.

use davy_bytes::{Blame, Halt, Span, escape};

/// Why bytes were not read.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Why {
    /// The reader itself failed; a bug in davy.
    Crashed,
    /// A reader stopped; whose fault it was.
    Halted(Blame),
    /// No reader knows these bytes.
    Unidentified,
}

impl Why {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::Halted(blame) => blame.as_str(),
            Self::Unidentified => "unidentified",
        }
    }
}

/// A stretch of an artifact that was not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gap {
    /// The bytes that were not read.
    pub span: Span,
    /// Why not.
    pub why: Why,
    /// What could not be read, in words fit to be shown.
    pub what: String,
}

impl Gap {
    /// A gap over `span`; `what` may hold text from the file.
    #[must_use]
    pub fn new(span: Span, why: Why, what: &str) -> Self {
        Self { span, why, what: escape(what) }
    }

    /// The gap that a halt leaves in an artifact of `size` bytes: from where it stopped to the end.
    #[must_use]
    pub fn from_halt(halt: &Halt, size: u64) -> Self {
        let span = Span::between(halt.at().min(size), size);
        Self::new(span, Why::Halted(halt.blame()), halt.what())
    }
}
