//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

pub mod python;

use davy_artifact::Format;

/// Every format that davy reads, by name.
pub const FORMATS: &[&dyn Format] = &[&python::Python];
