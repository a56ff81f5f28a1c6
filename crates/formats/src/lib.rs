//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod bytecode;
mod calls;
pub mod compressed;
mod embedded;
mod flatbuffers;
pub mod foreign;
pub mod ggml;
pub mod gguf;
pub mod graph;
pub mod gzip;
pub mod hdf5;
pub mod json;
pub mod keras;
pub mod marshal;
pub mod onnx;
pub mod ort;
pub mod pickle;
pub mod protobuf;
pub mod python;
pub mod safetensors;
pub mod sevenzip;
mod sstable;
mod stored;
mod tally;
pub mod tar;
pub mod template;
pub mod tensorflow;
pub mod text;
pub mod tflite;
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
    &ggml::Ggml,
    &ggml::Imatrix,
    &ggml::Session,
    &gguf::Gguf,
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
    &ort::Ort,
    &pickle::Pickle,
    &marshal::Pyc,
    &python::Python,
    &safetensors::Safetensors,
    &safetensors::SafetensorsIndex,
    &sevenzip::SevenZip,
    &tar::Tar,
    &template::Jinja,
    &text::Text,
    &tensorflow::Checkpoint,
    &tensorflow::Data,
    &tensorflow::State,
    &tensorflow::Fingerprint,
    &tensorflow::GraphDef,
    &tensorflow::Hub,
    &tensorflow::MetaGraph,
    &tensorflow::SavedModel,
    &tflite::TfLite,
    &torch::Legacy,
    &torch::PyTorch,
    &torch::Tar,
    &torch::TorchPackage,
    &torch::TorchScript,
    &zip::Zip,
];
