//! Byte code of CPython 2.7 and 3.5 to 3.14: code objects, their instructions, and what they name.

mod code;
pub mod flow;
mod instruction;
mod lines;
mod op;
mod version;

pub use code::{CodeObject, CodeTree, Constant, Names};
pub use instruction::{
    Handler, Instruction, Instructions, Operand, handlers, instruction_at, instructions,
};
pub use lines::Lines;
pub use op::Op;
pub use version::{Layout, Magic, Version};
