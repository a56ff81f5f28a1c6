//! What commands, source text and calls are for: tags such as `reverse-shell`, each with the text
//! that shows it, and the addresses and paths that they name.
//!
//! Tags come from structure: which program reads what from where, which call is given what another
//! one returns. A word that stands in a comment or a message makes none. Everything that the file
//! hands to a shell or to `exec` is followed, through as many layers as are constant.

mod address;
mod argument;
mod command;
mod foreign;
mod harm;
mod machine;
mod places;
mod remote;
mod script;
mod sent;
mod shown;
mod story;

use crate::facts::{callee, known};
use crate::{Finding, Severity};
use davy_artifact::{Call, Interpret};
use davy_bytes::escape;
use story::Story;

pub(crate) use argument::target;
pub(crate) use story::source_of;

/// What a program is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tag {
    /// Waits for a connection and gives it a shell.
    BindShell,
    /// Asks the cloud or cluster around the machine for what it gives only to the machine.
    CloudMetadata,
    /// Reads passwords, keys or tokens.
    CredentialAccess,
    /// Writes what models are trained on.
    DatasetPoisoning,
    /// Turns off, misleads or wipes what would notice it.
    DefenceEvasion,
    /// Deletes or overwrites what it does not own, or stops the machine.
    Destructive,
    /// Looks around: who, where and on what machine it is.
    Discovery,
    /// Fetches a program and runs it.
    DownloadAndRun,
    /// Encrypts files in bulk.
    Encryptor,
    /// Sends what is on the machine elsewhere.
    Exfiltration,
    /// Records keys, screen, camera or clipboard.
    InputCapture,
    /// Mines a currency.
    Miner,
    /// Arranges to be run again.
    Persistence,
    /// Takes or keeps the rights of another user.
    Privilege,
    /// Connects to somebody and gives them a shell.
    ReverseShell,
}

impl Tag {
    /// Whether no honest file does what it stands for.
    #[must_use]
    pub const fn is_evident(self) -> bool {
        matches!(
            self,
            Self::BindShell
                | Self::Destructive
                | Self::DownloadAndRun
                | Self::Encryptor
                | Self::Exfiltration
                | Self::Miner
                | Self::Persistence
                | Self::ReverseShell
        )
    }

    /// All tags, by name.
    pub const ALL: [Self; 15] = [
        Self::BindShell,
        Self::CloudMetadata,
        Self::CredentialAccess,
        Self::DatasetPoisoning,
        Self::DefenceEvasion,
        Self::Destructive,
        Self::Discovery,
        Self::DownloadAndRun,
        Self::Encryptor,
        Self::Exfiltration,
        Self::InputCapture,
        Self::Miner,
        Self::Persistence,
        Self::Privilege,
        Self::ReverseShell,
    ];

    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BindShell => "bind-shell",
            Self::CloudMetadata => "cloud-metadata",
            Self::CredentialAccess => "credential-access",
            Self::DatasetPoisoning => "dataset-poisoning",
            Self::DefenceEvasion => "defence-evasion",
            Self::Destructive => "destructive",
            Self::Discovery => "discovery",
            Self::DownloadAndRun => "download-and-run",
            Self::Encryptor => "encryptor",
            Self::Exfiltration => "exfiltration",
            Self::InputCapture => "input-capture",
            Self::Miner => "miner",
            Self::Persistence => "persistence",
            Self::Privilege => "privilege",
            Self::ReverseShell => "reverse-shell",
        }
    }
}

/// A tag, with what shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tagged {
    /// What the program is for.
    pub tag: Tag,
    /// The command or call that shows it, decoded, fit to be shown.
    pub text: String,
}

/// What an [`Indicator`] names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Indicates {
    /// A host, with a port where one is named.
    Address,
    /// A file or folder.
    Path,
    /// A URL.
    Url,
}

impl Indicates {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Path => "path",
            Self::Url => "url",
        }
    }
}

/// A place that a program names: what to look for in logs, and to block.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Indicator {
    /// What it is.
    pub kind: Indicates,
    /// The place, fit to be shown.
    pub value: String,
}

/// Tags and indicators of one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behaviour {
    pub(crate) tags: Vec<Tagged>,
    pub(crate) indicators: Vec<Indicator>,
}

/// Tags of one call; more say nothing new.
const TAGS: usize = 16;

/// Indicators of one call.
const INDICATORS: usize = 64;

impl Behaviour {
    /// All of them together.
    pub(crate) fn merged(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            part.tags.into_iter().for_each(|tagged| whole.tag(tagged.tag, &tagged.text));
            part.indicators.into_iter().for_each(|indicator| whole.indicate(indicator));
        }
        whole
    }

    /// How bad a call is that was judged by what it can do: what shows what it is for leaves no doubt
    /// that it does harm.
    pub(crate) fn weighs(&self, severity: Severity) -> Severity {
        let evident = self.tags.iter().any(|tagged| tagged.tag.is_evident());
        if evident && severity == Severity::High { Severity::Critical } else { severity }
    }

    /// Adds a tag, once, with the first text that showed it.
    fn tag(&mut self, tag: Tag, text: &str) {
        if self.tags.len() < TAGS && !self.tags.iter().any(|known| known.tag == tag) {
            self.tags.push(Tagged { tag, text: escape(text) });
            self.tags.sort_by_key(|tagged| tagged.tag);
        }
    }

    fn indicate(&mut self, indicator: Indicator) {
        if self.indicators.len() < INDICATORS && !self.indicators.contains(&indicator) {
            self.indicators.push(indicator);
        }
    }

    /// Hands them over to a finding.
    pub(crate) fn into_finding(self, finding: Option<&mut Finding>) {
        if let Some(finding) = finding {
            finding.tags = self.tags;
            finding.indicators = self.indicators;
        }
    }
}

/// What `calls`, which run one after the other, are for, each by itself and together.
pub(crate) fn observe(calls: &[&Call], programs: &dyn Interpret) -> Vec<Behaviour> {
    let story = Story::of(calls, programs);
    let mut seen = vec![Behaviour::default(); calls.len()];
    let mut look = Look { story: &story, seen: &mut seen };
    address::look(&mut look);
    remote::look(&mut look);
    sent::look(&mut look);
    places::look(&mut look);
    machine::look(&mut look);
    harm::look(&mut look);
    seen
}

/// The place that a text names which a loader opens.
pub(crate) fn named(text: &str) -> Vec<Indicator> {
    let urls = address::urls(text);
    let place = |kind, value| Indicator { kind, value: escape(value) };
    match urls.is_empty() {
        true => vec![place(Indicates::Path, text)],
        false => urls.into_iter().map(|url| place(Indicates::Url, url)).collect(),
    }
}

/// Calls of one artifact, looked at together as soon as there is something to tell about one.
#[derive(Debug)]
pub(crate) struct Observer<'a> {
    calls: Vec<&'a Call>,
    seen: Option<Vec<(&'a Call, Behaviour)>>,
    programs: &'a dyn Interpret,
}

/// Calls of one artifact that are looked at together.
const TOGETHER: usize = 2_000;

impl<'a> Observer<'a> {
    pub(crate) fn of(calls: impl Iterator<Item = &'a Call>, programs: &'a dyn Interpret) -> Self {
        Self { calls: calls.collect(), seen: None, programs }
    }

    /// What `call`, one of the calls or another, is for.
    pub(crate) fn about(&mut self, call: &Call) -> Behaviour {
        let (calls, programs) = (&self.calls, self.programs);
        let seen = self.seen.get_or_insert_with(|| together(calls, programs));
        match seen.iter().find(|(known, _)| std::ptr::eq(*known, call)) {
            Some((_, behaviour)) => behaviour.clone(),
            None => Behaviour::merged(observe(&[call], self.programs)),
        }
    }

    /// What all of them together are for.
    pub(crate) fn whole(self) -> Behaviour {
        Behaviour::merged(together(&self.calls, self.programs).into_iter().map(|(_, seen)| seen))
    }
}

/// Looks at those of `calls` together that may do something.
fn together<'a>(calls: &[&'a Call], programs: &dyn Interpret) -> Vec<(&'a Call, Behaviour)> {
    let acts = |call: &&Call| match callee(call).and_then(known) {
        Some(known) => known.is_dangerous() && !known.constants_only,
        None => true,
    };
    let calls: Vec<&Call> = calls.iter().copied().filter(acts).take(TOGETHER).collect();
    let seen = observe(&calls, programs);
    calls.into_iter().zip(seen).collect()
}

/// A story, and what was seen in it so far.
struct Look<'a> {
    story: &'a Story,
    seen: &'a mut [Behaviour],
}

impl Look<'_> {
    /// Tags the call that the step at `at` belongs to.
    fn tag(&mut self, tag: Tag, at: usize) {
        let Some(step) = self.story.steps.get(at) else { return };
        if let Some(seen) = self.seen.get_mut(step.origin) {
            seen.tag(tag, &step.text);
        }
    }

    /// Tags the call that the step at `at` belongs to, with the step before that it needs.
    fn tag_with(&mut self, tag: Tag, before: usize, at: usize) {
        let text = |at: usize| self.story.steps.get(at).map_or("", |step| step.text.as_str());
        let whole = format!("{}; {}", text(before), text(at));
        let Some(step) = self.story.steps.get(at) else { return };
        if let Some(seen) = self.seen.get_mut(step.origin) {
            seen.tag(tag, &whole);
        }
    }

    /// Whether an address is known that begins with this host.
    fn names(&self, host: &str, at: usize) -> bool {
        let seen = self.story.steps.get(at).and_then(|step| self.seen.get(step.origin));
        seen.is_some_and(|seen| seen.indicators.iter().any(|known| known.value.starts_with(host)))
    }

    fn indicate(&mut self, kind: Indicates, value: &str, at: usize) {
        let Some(step) = self.story.steps.get(at) else { return };
        if let Some(seen) = self.seen.get_mut(step.origin) {
            seen.indicate(Indicator { kind, value: escape(value) });
        }
    }
}

#[cfg(test)]
mod tests;
