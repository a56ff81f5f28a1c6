//! Rules about what loading opens besides the artifact, and about how its structure breaks.

pub(crate) mod external_reference;
pub(crate) mod malformed_structure;
pub(crate) mod path;
pub(crate) mod plugin_filter;
