//! Keras models in all their forms: archives, HDF5 files, folders, JSON, YAML, and what SavedModels
//! keep of them.
//!
//! Loading one rebuilds its objects from a configuration, so that what a file can do is what its
//! configuration names: classes and functions by module and name, functions by value as marshalled
//! byte code, paths and addresses that constructors open. [`config`] walks it; the other modules
//! find it in files.

mod architecture;
mod archive;
pub(crate) mod base64;
mod call;
mod config;
mod graph;
mod h5;
mod lambda;
mod layer;
mod metadata;
mod names;
pub(crate) mod recorder;
mod saved_model;
mod shape;
#[cfg(test)]
mod tests;
mod yaml;

pub(crate) use architecture::mentions;
pub use architecture::{Architecture, TensorFlowJs};
pub use archive::Archive;
pub use h5::H5;
pub use saved_model::SavedMetadata;
pub use yaml::Yaml;
