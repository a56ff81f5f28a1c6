//! Rules about tensors and the storages that they lie in.

pub(crate) mod mismatched_shards;
pub(crate) mod oversized_tensor;
pub(crate) mod parser_exploit;
pub(crate) mod storage_mismatch;
pub(crate) mod tensor_out_of_bounds;
pub(crate) mod two_layouts;
mod width;
