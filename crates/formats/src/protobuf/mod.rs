//! Protocol buffers, which ONNX, TensorFlow and others put their models in: the wire format, the
//! text format, and what tells one kind of message from another.
//!
//! A message is read against a [`Table`] of its fields by [`Wire::next`], field by field, each with
//! its name and the span of its content. Nothing is copied and nothing is built: a reader descends
//! where it wants to with [`Message::inside`], and passes over tensors of gigabytes. Text is first
//! turned into the wire format by [`encode`], so that each format needs one reader for both.

mod encode;
mod shape;
mod table;
mod text;
mod wire;

pub use encode::{Encoded, encode};
pub use shape::{End, Sketch, fits_text, sketch};
pub use table::{Entry, Kind, Table};
pub use text::{Event, Parser, Scalar};
pub use wire::{Field, Message, NESTING, Payload, Wire, zigzag};
