//! The one list of rules.

use crate::Detector;

/// Every rule that davy knows, by name.
pub const CATALOG: &[&dyn Detector] = &[];
