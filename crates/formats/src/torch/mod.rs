//! PyTorch's files: zip checkpoints, TorchScript models, packages, and the two layouts before them.
//!
//! What their pickles would do is told where these are read as artifacts of their own; here it is
//! tensors, storages, and what the layout means to which loader.

mod archive;
mod layout;
mod legacy;
mod tar;
mod tensors;

pub use archive::{PyTorch, TorchPackage, TorchScript};
pub(crate) use layout::Layout;
pub use legacy::Legacy;
pub(crate) use legacy::is_legacy;
pub use tar::Tar;

#[cfg(test)]
mod tests;
