//! How an artifact breaks its own form: recorded by readers, judged by rules.

use crate::Route;
use davy_bytes::{Span, escape};

/// The ways in which artifacts break their form. Closed: a new one is a design decision.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Quirk {
    /// Bytes behind the end of what the format explains.
    BytesAfterEnd,
    /// Bytes before the start of what the format explains.
    BytesBeforeStart,
    /// Bytes between parts that the format explains.
    BytesBetween,
    /// Parts that lead back to themselves.
    Cycle,
    /// A compression or encryption that the format's own writer never uses here.
    ForeignMethod,
    /// The encryption flag stands on what can be read in the clear.
    FalseEncryption,
    /// Two records of the same thing say different things.
    HeadersDisagree,
    /// An arrangement that no writer of this format makes.
    Handmade,
    /// An index or count out of all proportion to the artifact.
    HugeIndex,
    /// A link in an archive.
    LinkMember,
    /// Loaders in use read the same bytes differently, or only some of them accept these.
    LoadersDisagree,
    /// A few bytes that stand for a structure too large to be meant.
    Expansion,
    /// A name that leaves the folder that it should be unpacked in.
    EscapingName,
    /// The same name twice.
    DuplicateName,
    /// Two names that some loader or file system takes for one.
    CollidingName,
    /// What is named is not there.
    Missing,
    /// Parts that lie over each other.
    Overlap,
    /// An offset, size or index that points outside of what it indexes.
    OutOfRange,
    /// A second header, directory or stream, where there should be one.
    Repeated,
    /// Sizes or types that do not fit each other.
    SizeMismatch,
    /// Its end is missing.
    Truncated,
    /// A member that one kind of reader finds and another does not.
    Unlisted,
    /// An operation on a value of a type that honest writers never use it on.
    WrongType,
    /// A checksum that does not fit its bytes.
    WrongChecksum,
}

impl Quirk {
    /// The name used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BytesAfterEnd => "bytes-after-end",
            Self::BytesBeforeStart => "bytes-before-start",
            Self::BytesBetween => "bytes-between",
            Self::Cycle => "cycle",
            Self::ForeignMethod => "foreign-method",
            Self::FalseEncryption => "false-encryption",
            Self::Handmade => "handmade",
            Self::HeadersDisagree => "headers-disagree",
            Self::HugeIndex => "huge-index",
            Self::LinkMember => "link-member",
            Self::LoadersDisagree => "loaders-disagree",
            Self::Expansion => "expansion",
            Self::EscapingName => "escaping-name",
            Self::DuplicateName => "duplicate-name",
            Self::CollidingName => "colliding-name",
            Self::Missing => "missing",
            Self::Overlap => "overlap",
            Self::OutOfRange => "out-of-range",
            Self::Repeated => "repeated",
            Self::SizeMismatch => "size-mismatch",
            Self::Truncated => "truncated",
            Self::Unlisted => "unlisted",
            Self::WrongType => "wrong-type",
            Self::WrongChecksum => "wrong-checksum",
        }
    }
}

/// One break of form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deviation {
    /// Which kind.
    pub quirk: Quirk,
    /// Where.
    pub span: Span,
    /// Where, in words.
    pub route: Route,
    /// What is wrong and which loader would see what, in words fit to be shown.
    pub what: String,
}

impl Deviation {
    /// A deviation; `what` may hold text from the file.
    #[must_use]
    pub fn new(quirk: Quirk, span: Span, route: Route, what: &str) -> Self {
        Self { quirk, span, route, what: escape(what) }
    }
}
