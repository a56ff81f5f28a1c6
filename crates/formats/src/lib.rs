//! One reader per model format; [`FORMATS`] is the one list of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod arrow;
pub mod bytecode;
mod calls;
pub mod catboost;
pub mod compressed;
mod config;
pub mod coreml;
pub mod desktop;
mod embedded;
pub mod executorch;
pub mod fasttext;
mod flatbuffers;
pub mod foreign;
pub mod ggml;
pub mod gguf;
pub mod graph;
pub mod gzip;
pub mod hdf5;
pub mod joblib;
pub mod json;
pub mod keras;
mod key;
pub mod mar;
pub mod marshal;
pub mod matlab;
pub mod media;
pub mod mediapipe;
pub mod mlnet;
pub mod msgpack;
pub mod mxnet;
pub mod native;
pub mod ncnn;
pub mod nemo;
pub mod netcdf;
pub mod numpy;
pub mod ollama;
pub mod onnx;
mod order;
pub mod ort;
pub mod paddle;
pub mod parquet;
pub mod pickle;
pub mod plain;
pub mod program;
pub mod protobuf;
pub mod python;
pub mod r;
pub mod safetensors;
pub mod sb3;
pub mod script;
pub mod sentencepiece;
pub mod sevenzip;
pub mod signatures;
pub mod skops;
pub mod spacy;
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
pub mod xml;
pub mod yaml;
pub mod zip;

use davy_artifact::Format;

/// Every format that davy reads, by name.
pub const FORMATS: &[&dyn Format] = &[
    &desktop::AppleDouble,
    &plain::Ar,
    &arrow::Arrow,
    &arrow::Feather,
    &compressed::BZIP2,
    &compressed::COMPRESS,
    &plain::Cpio,
    &native::ELF,
    &compressed::LZ4,
    &compressed::LZMA,
    &compressed::XZ,
    &compressed::ZSTD,
    &media::BMP,
    &catboost::CatBoost,
    &coreml::CoreMl,
    &coreml::Weights,
    &desktop::DsStore,
    &executorch::ExecuTorch,
    &fasttext::FastText,
    &foreign::Foreign,
    &ggml::Ggml,
    &ggml::Imatrix,
    &ggml::Session,
    &gguf::Gguf,
    &media::GIF,
    &ollama::GoTemplate,
    &gzip::Gzip,
    &gzip::Zlib,
    &hdf5::Hdf5,
    &joblib::ZFile,
    &media::JPEG,
    &json::Json,
    &keras::Architecture,
    &keras::Archive,
    &keras::H5,
    &keras::SavedMetadata,
    &keras::Yaml,
    &keras::TensorFlowJs,
    &native::MACHO,
    &ollama::Arguments,
    &mar::Mar,
    &marshal::Marshal,
    &matlab::Matlab,
    &mlnet::MlNet,
    &mediapipe::MediaPipe,
    &ollama::Modelfile,
    &msgpack::MessagePack,
    &media::MP3,
    &media::MP4,
    &mxnet::MxNet,
    &ncnn::Ncnn,
    &netcdf::NetCdf,
    &numpy::Npy,
    &numpy::Npz,
    &nemo::Nemo,
    &media::OGG,
    &onnx::Onnx,
    &onnx::OnnxData,
    &onnx::OnnxText,
    &xml::OpenVino,
    &ort::Ort,
    &paddle::Program,
    &paddle::Pir,
    &paddle::Weights,
    &parquet::Parquet,
    &native::PE,
    &pickle::Pickle,
    &xml::Pmml,
    &media::PNG,
    &native::Program,
    &marshal::Pyc,
    &python::Python,
    &r::R,
    &media::RIFF,
    &safetensors::Safetensors,
    &safetensors::SafetensorsIndex,
    &sb3::StableBaselines,
    &script::Script,
    &sentencepiece::SentencePiece,
    &sevenzip::SevenZip,
    &skops::Skops,
    &spacy::SpacyConfig,
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
    &tensorflow::Records,
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
    &xml::Xml,
    &yaml::Yaml,
    &zip::Zip,
];
