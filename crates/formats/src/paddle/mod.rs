//! Paddle: programs (`.pdmodel`, `__model__`), a protocol buffer of blocks of operators, and their
//! weights (`.pdiparams`, `__params__`), one tensor behind the other.
//!
//! Source: Paddle 2.6, `paddle/fluid/framework/framework.proto`, `lod_tensor.cc`
//! (`DeserializeFromStream`), `tensor_util.cc` (`TensorFromStream`). Programs of the newer kind are
//! JSON ([`Pir`]), and what `paddle.save` writes are pickles.

mod pir;
mod program;
mod weights;

pub use pir::Pir;
pub use program::Program;
pub use weights::Weights;
