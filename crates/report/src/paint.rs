//! How text output looks: colours and how much is listed.

use davy_policy::Verdict;
use davy_rules::Severity;

/// How much text output lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Listing {
    /// Only the closing summary.
    Summary,
    /// What a person needs: inputs that passed are named while they are few.
    #[default]
    Usual,
    /// Inputs that passed as well, however many.
    Everything,
}

/// The look of text output; other forms have only one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Style {
    /// Whether to colour. Words carry the meaning; colour only repeats it.
    pub color: bool,
    /// How much is listed.
    pub listing: Listing,
}

/// What a stretch of text is, for its colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ink {
    Strong,
    Faint,
    Verdict(Verdict),
    Severity(Severity),
}

impl Ink {
    /// The parameters of the terminal's colour sequence (ECMA-48, select graphic rendition).
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Verdict(Verdict::Pass) => "1;32",
            Self::Verdict(Verdict::Incomplete) => "1;33",
            Self::Verdict(Verdict::Fail) | Self::Severity(Severity::Critical) => "1;31",
            Self::Severity(Severity::High) => "31",
            Self::Severity(Severity::Medium) => "33",
            Self::Severity(Severity::Low) => "36",
            Self::Severity(Severity::Info) => "2",
        }
    }
}

impl Style {
    /// `text` in the colour of `ink`, or as it is where there is none.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        if self.color { format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()) } else { text.to_owned() }
    }
}
