//! One identified stretch of bytes, as rules see it.

use crate::{Gap, Reading, Role};

/// What one reader made of an artifact.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The format's id.
    pub format: &'static str,
    /// What its reader learned; children are moved out when they become artifacts, and gaps into
    /// the artifact's own list.
    pub reading: Reading,
}

/// An artifact: an input itself, or something inside one.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The path: the input, and behind each `!` a name inside the artifact before it.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, where the survey took it.
    pub sha256: Option<[u8; 32]>,
    /// What its parent's loader does with it.
    pub role: Role,
    /// Index of the artifact that it is in, among those of the same input.
    pub parent: Option<usize>,
    /// Every format that explains it.
    pub identities: Vec<Identity>,
    /// What nobody read.
    pub gaps: Vec<Gap>,
}

impl Artifact {
    /// Whether it was read as `format`.
    #[must_use]
    pub fn is(&self, format: &str) -> bool {
        self.identities.iter().any(|identity| identity.format == format)
    }

    /// Its name within its parent, or the input's path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('!').next().unwrap_or(&self.path)
    }
}
