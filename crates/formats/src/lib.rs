//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod bytecode;
mod calls;
pub mod catboost;
pub mod compressed;
mod embedded;
pub mod fasttext;
mod flatbuffers;
pub mod foreign;
pub mod gguf;
pub mod graph;
pub mod gzip;
pub mod hdf5;
pub mod joblib;
pub mod json;
pub mod keras;
pub mod marshal;
pub mod matlab;
pub mod mlnet;
pub mod msgpack;
pub mod netcdf;
pub mod numpy;
pub mod onnx;
pub mod ort;
pub mod pickle;
pub mod protobuf;
pub mod python;
pub mod safetensors;
pub mod sb3;
pub mod sevenzip;
pub mod skops;
mod sstable;
mod stored;
mod tally;
pub mod tar;
pub mod template;
pub mod tensorflow;
pub mod text;
pub mod tflite;
pub mod torch;
pub mod tribuo;
pub mod word2vec;
pub mod xgboost;
pub mod zip;

use davy_artifact::Format;

/// Every format that davy reads, by name.
pub const FORMATS: &[&dyn Format] = &[
    &compressed::BZIP2,
    &compressed::LZ4,
    &compressed::LZMA,
    &compressed::XZ,
    &compressed::ZSTD,
    &catboost::CatBoost,
    &fasttext::FastText,
    &foreign::Foreign,
    &gguf::Gguf,
    &gzip::Gzip,
    &gzip::Zlib,
    &hdf5::Hdf5,
    &joblib::ZFile,
    &json::Json,
    &keras::Architecture,
    &keras::Archive,
    &keras::H5,
    &keras::SavedMetadata,
    &keras::Yaml,
    &keras::TensorFlowJs,
    &marshal::Marshal,
    &matlab::Matlab,
    &mlnet::MlNet,
    &msgpack::MessagePack,
    &netcdf::NetCdf,
    &numpy::Npy,
    &numpy::Npz,
    &onnx::Onnx,
    &onnx::OnnxData,
    &onnx::OnnxText,
    &ort::Ort,
    &pickle::Pickle,
    &marshal::Pyc,
    &python::Python,
    &safetensors::Safetensors,
    &safetensors::SafetensorsIndex,
    &sb3::StableBaselines,
    &sevenzip::SevenZip,
    &skops::Skops,
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
    &tribuo::Tribuo,
    &word2vec::Word2Vec,
    &xgboost::DMatrix,
    &xgboost::XgBoost,
    &zip::Zip,
];
