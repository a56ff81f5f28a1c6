//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod compressed;
pub mod foreign;
pub mod gzip;
pub mod pickle;
pub mod python;
pub mod sevenzip;
pub mod tar;
pub mod template;
pub mod text;
pub mod torch;
pub mod zip;

use davy_artifact::Format;

/// Every format that davy reads, by name.
pub const FORMATS: &[&dyn Format] = &[
    &compressed::BZIP2,
    &compressed::LZ4,
    &compressed::LZMA,
    &compressed::XZ,
    &compressed::ZSTD,
    &foreign::Foreign,
    &gzip::Gzip,
    &gzip::Zlib,
    &pickle::Pickle,
    &python::Python,
    &sevenzip::SevenZip,
    &tar::Tar,
    &template::Jinja,
    &text::Text,
    &torch::Legacy,
    &torch::PyTorch,
    &torch::Tar,
    &torch::TorchPackage,
    &torch::TorchScript,
    &zip::Zip,
];
