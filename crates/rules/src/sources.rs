//! Rules about source text in models: Python that a loader imports, and TorchScript.

mod deed;
pub(crate) mod package_source;
mod roundabout;
pub(crate) mod torchscript_file_access;
