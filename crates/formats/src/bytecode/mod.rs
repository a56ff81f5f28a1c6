//! Byte code of CPython 2.7 and 3.5 to 3.14: code objects, their instructions, and what they name.

pub(crate) mod assemble;
mod code;
mod fit;
pub mod flow;
mod instruction;
mod lines;
mod op;
mod read;
mod summary;
mod version;

pub use code::{CodeObject, CodeTree, Constant, Names};
pub use instruction::{
    Handler, Instruction, Instructions, Operand, handlers, instruction_at, instructions,
};
pub use lines::Lines;
pub use op::Op;
pub use read::{Decoded, Hints, decode, read_marshalled};
pub(crate) use read::{choose, whole};
pub(crate) use summary::describe;
pub use version::{Layout, Magic, Version};
