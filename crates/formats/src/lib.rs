//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod gzip;
pub mod pickle;
pub mod python;
pub mod torch;
pub mod zip;

use davy_artifact::Format;

/// Every format that davy reads, by name.
pub const FORMATS: &[&dyn Format] = &[
    &pickle::Pickle,
    &python::Python,
    &torch::PyTorch,
    &torch::Legacy,
    &torch::Tar,
    &torch::TorchPackage,
    &torch::TorchScript,
    &zip::Zip,
];
