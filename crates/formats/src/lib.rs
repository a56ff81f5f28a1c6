//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod bytecode;
pub mod graph;
pub mod gzip;
pub mod hdf5;
pub mod json;
pub mod keras;
pub mod marshal;
pub mod onnx;
pub mod pickle;
pub mod protobuf;
pub mod python;
pub mod tar;
pub mod text;
pub mod torch;
pub mod zip;

use davy_artifact::Format;

/// Every format that davy reads, by name.
pub const FORMATS: &[&dyn Format] = &[
    &gzip::Gzip,
    &gzip::Zlib,
    &hdf5::Hdf5,
    &json::Json,
    &keras::Architecture,
    &keras::Archive,
    &keras::H5,
    &keras::SavedMetadata,
    &keras::Yaml,
    &keras::TensorFlowJs,
    &marshal::Marshal,
    &onnx::Onnx,
    &onnx::OnnxData,
    &onnx::OnnxText,
    &pickle::Pickle,
    &marshal::Pyc,
    &python::Python,
    &tar::Tar,
    &text::Text,
    &torch::Legacy,
    &torch::PyTorch,
    &torch::Tar,
    &torch::TorchPackage,
    &torch::TorchScript,
    &zip::Zip,
];
