//! What a reader has learned so far: it only grows, so that stopping early loses nothing.

use crate::{Deviation, Fact, Gap, Quirk, Route, Why};
use davy_bytes::{Bytes, Halt, Span};

/// Facts, deviations and gaps of one artifact are kept up to this many of each kind; more are
/// counted in a gap. Stops files made to flood reports.
const KEPT: usize = 100_000;

/// What loading its parent does with a child.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Role {
    /// Some loader of the parent loads, unpickles or imports it.
    Loaded,
    /// It is in the parent; whether anything loads it is not known.
    #[default]
    Present,
    /// It stands in a constant of its parent, and nothing in the parent loads it: what it would do
    /// happens only if somebody takes it out and loads it.
    Quoted,
    /// Plain data that the parent's format explains, such as the bytes of a tensor: read for what
    /// it could be as well, but nobody has to recognise it.
    Storage,
    /// Bytes of the parent that this reading of it does not explain: what stands before, between
    /// or behind its parts. Where another reading explains all of the parent, they are known.
    Leftover,
    /// Another reader's view of something that the parent lists under another name or content.
    Variant,
}

impl Role {
    /// What is done with the content of a compressed stream that has this role itself: plain data
    /// stays plain data.
    #[must_use]
    pub const fn unpacked(self) -> Self {
        match self {
            Self::Storage => Self::Storage,
            _ => Self::Present,
        }
    }
}

/// An artifact found inside another.
#[derive(Clone, Debug)]
pub struct Child {
    /// Its name within the parent, as the parent spells it.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// What is done with it.
    pub role: Role,
}

/// A checksum that a reader found but did not verify, because that reads every byte: the survey,
/// which reads them anyway, does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checksum {
    /// The bytes that it covers, relative to the artifact.
    pub span: Span,
    /// The CRC-32 (polynomial of ISO 3309, as zip and gzip use it) that they should have.
    pub crc32: u32,
    /// Name of the member that they are.
    pub name: String,
}

/// Everything that one reader learned about one artifact.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What it says.
    pub facts: Vec<Fact>,
    /// How it breaks its form.
    pub deviations: Vec<Deviation>,
    /// What was not read.
    pub gaps: Vec<Gap>,
    /// The artifacts inside.
    pub children: Vec<Child>,
    /// Checksums left to the survey.
    pub checksums: Vec<Checksum>,
    /// How many facts and deviations did not fit.
    pub dropped: u64,
    /// Whether the reader went over the artifact from its first byte to its last, and knows what
    /// each of them is there for.
    pub seamless: bool,
}

impl Reading {
    /// Records a fact.
    pub fn fact(&mut self, fact: Fact) {
        if self.facts.len() < KEPT {
            self.facts.push(fact);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Records a break of form; `what` may hold text from the file.
    pub fn deviation(&mut self, quirk: Quirk, span: Span, route: Route, what: &str) {
        if self.deviations.len() < KEPT {
            self.deviations.push(Deviation::new(quirk, span, route, what));
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Records that `span` was not read; `what` may hold text from the file.
    pub fn gap(&mut self, span: Span, why: Why, what: &str) {
        if self.gaps.len() < KEPT {
            self.gaps.push(Gap::new(span, why, what));
        }
    }

    /// Records what a halt leaves unread of an artifact of `size` bytes.
    pub fn halted(&mut self, halt: &Halt, size: u64) {
        if self.gaps.len() < KEPT {
            self.gaps.push(Gap::from_halt(halt, size));
        }
    }

    /// Leaves a checksum to the survey.
    pub fn checksum(&mut self, span: Span, crc32: u32, name: impl Into<String>) {
        if self.checksums.len() < KEPT {
            self.checksums.push(Checksum { span, crc32, name: name.into() });
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Records an artifact inside this one.
    pub fn child(&mut self, name: impl Into<String>, bytes: Bytes, role: Role) {
        self.children.push(Child { name: name.into(), bytes, role });
    }

    /// Whether nothing was learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.deviations.is_empty() && self.children.is_empty()
    }
}
