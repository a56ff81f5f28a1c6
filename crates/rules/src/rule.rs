//! Rules as data, and the trait of the code behind them.

use crate::{Beside, Reporter};
use davy_artifact::Artifact;

/// What an artifact can do, from harmless to running an attacker's code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Bad hygiene.
    Low,
    /// Could do harm under conditions, or cannot be told from what does.
    Medium,
    /// Reads or writes files, reaches the network, exploits a loader, or hides such a thing.
    High,
    /// Runs code or commands of an attacker's choice when loaded.
    Critical,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word used in reports and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How sure davy is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Confidence {
    /// A hint.
    Low,
    /// Likely.
    Medium,
    /// Seen.
    High,
}

impl Confidence {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The kinds of threat that findings are counted by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Threat {
    /// Runs code or commands: as the format intends, or because the file makes it so.
    CodeExecution,
    /// Carries something that has no business in a model: executables, archives, streams.
    EmbeddedPayload,
    /// Hides from scanners, or is taken for different things by different loaders.
    Evasion,
    /// Reads, writes or links files.
    FileAccess,
    /// A graph that does something else on a condition.
    GraphPayload,
    /// Reaches the network.
    NetworkAccess,
    /// Breaks its form where loaders are known not to look.
    ParserExploit,
    /// Exhausts memory, time or disk of whoever loads it.
    ResourceExhaustion,
    /// A template or configuration that does more than describe.
    TemplateInjection,
    /// Names Python modules that do harm, or that nobody has reviewed.
    UnsafeModule,
}

impl Threat {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::CodeExecution,
        Self::UnsafeModule,
        Self::NetworkAccess,
        Self::FileAccess,
        Self::EmbeddedPayload,
        Self::ResourceExhaustion,
        Self::ParserExploit,
        Self::GraphPayload,
        Self::TemplateInjection,
        Self::Evasion,
    ];

    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodeExecution => "code-execution",
            Self::EmbeddedPayload => "embedded-payload",
            Self::Evasion => "evasion",
            Self::FileAccess => "file-access",
            Self::GraphPayload => "graph-payload",
            Self::NetworkAccess => "network-access",
            Self::ParserExploit => "parser-exploit",
            Self::ResourceExhaustion => "resource-exhaustion",
            Self::TemplateInjection => "template-injection",
            Self::UnsafeModule => "unsafe-module",
        }
    }
}

/// A claim that davy can make about an artifact.
#[derive(Debug)]
pub struct Rule {
    /// Human kebab-case name: what was found, not the remedy.
    pub id: &'static str,
    /// The usual severity; a finding may have another.
    pub severity: Severity,
    /// The usual confidence; a finding may have another.
    pub confidence: Confidence,
    /// The usual kind of threat; a finding may be of another.
    pub threat: Threat,
    /// One line.
    pub summary: &'static str,
    /// What to do about it.
    pub remediation: &'static str,
    /// Numbers of the Common Weakness Enumeration.
    pub cwe: &'static [u32],
    /// Technique ids of MITRE ATLAS.
    pub atlas: &'static [&'static str],
    /// The version of davy that had it first.
    pub since: &'static str,
    /// Names that it had before.
    pub aliases: &'static [&'static str],
    /// The source text of the rule's module: its leading `//!` comment is the rule's page.
    pub source: &'static str,
}

impl Rule {
    /// The rule's page, in Markdown: the module comment of its source.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::new();
        for line in self.source.lines() {
            let Some(text) = line.strip_prefix("//!") else { break };
            page.push_str(text.strip_prefix(' ').unwrap_or(text));
            page.push('\n');
        }
        page
    }
}

/// The code behind a rule.
pub trait Detector: Sync {
    /// The claim that it makes.
    fn rule(&self) -> &'static Rule;

    /// Looks at one artifact.
    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let _ = (artifact, reporter);
    }

    /// Looks at all artifacts of one input, for what only shows across them.
    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        let _ = (artifacts, reporter);
    }

    /// Whether it looks beside artifacts at all, with [`Detector::folder`].
    fn looks_beside(&self) -> bool {
        false
    }

    /// Looks at one artifact and at those that were scanned with it in the same folder or archive,
    /// for what only shows across files; only where [`Detector::looks_beside`].
    fn folder(&self, artifact: &Artifact, beside: &Beside<'_>, reporter: &mut Reporter<'_>) {
        let _ = (artifact, beside, reporter);
    }
}
