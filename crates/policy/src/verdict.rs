//! The answers that davy gives, and the reasons for them.

use davy_rules::Severity;
use std::fmt;

/// The answer; later ones win over earlier ones.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// All of it was read, and nothing at or above the threshold was found.
    Pass,
    /// Nothing at or above the threshold was found, but not everything was read.
    Incomplete,
    /// Something at or above the threshold was found.
    Fail,
}

impl Verdict {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Incomplete => "incomplete",
            Self::Fail => "fail",
        }
    }
}

/// Why a verdict is not a pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// Findings at or above the threshold.
    Findings {
        /// How many.
        count: u64,
        /// The threshold.
        threshold: Severity,
    },
    /// Stretches of bytes that were not read.
    Gaps(u64),
    /// There was nothing to scan.
    Nothing,
    /// Inputs that could not be opened at all.
    Unopened(u64),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        match *self {
            Self::Findings { count, threshold } => {
                write!(f, "{count} finding{} at or above `{}`", plural(count), threshold.as_str())
            }
            Self::Gaps(count) => write!(f, "{count} gap{} left unread", plural(count)),
            Self::Nothing => f.write_str("nothing was scanned"),
            Self::Unopened(count) => {
                write!(f, "{count} input{} could not be opened", plural(count))
            }
        }
    }
}
