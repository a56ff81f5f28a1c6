//! The one trait that every format implements.

use crate::{Reading, Role};
use davy_bytes::{Budget, Bytes, Halt};

/// How sure a probe is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Probe {
    /// These bytes cannot be of this format.
    No,
    /// They could be: read it, and drop the reading if it learned nothing and another explains it.
    Possible,
    /// They are.
    Certain,
}

/// The bytes to be read, and what is known about where they come from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// All bytes of the artifact.
    pub bytes: &'a Bytes,
    /// The last part of its path: never trusted, and never enough, but some loaders look at it.
    pub name: &'a str,
    /// What its parent's loader does with it.
    pub role: Role,
}

/// A kind of bytes, and the code that reads it.
pub trait Format: Sync {
    /// The name used in reports: lower case, the field's own term.
    fn id(&self) -> &'static str;

    /// One line for the catalogue.
    fn summary(&self) -> &'static str;

    /// Grows whenever the reader learns something new, so that caches know.
    fn version(&self) -> u32 {
        1
    }

    /// Whether `input` could be of this format, from its first bytes (`head`, up to 4 KiB) and, where
    /// the format is known by its end, from the rest.
    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe;

    /// Reads all of `input`, pushing what it learns into `reading` as it goes. Where the probe was not
    /// certain, a reader that neither learns anything nor calls the reading seamless is taken not to
    /// have read the artifact.
    ///
    /// # Errors
    /// The reason for stopping early. What was pushed stays.
    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt>;
}
