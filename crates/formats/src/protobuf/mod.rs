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

use davy_artifact::{Reading, Role, Why};
use davy_bytes::{Blame, Bytes};

/// Unknown fields of fewer bytes hold nothing.
const WORTH_READING: u64 = 16;

/// Children of an artifact from which on unknown fields are no artifacts any more.
const STRANGERS: usize = 1000;

/// Makes an artifact of a field that the library does not have: it keeps it, and nobody looks at it.
pub(crate) fn stranger(field: &Field, bytes: &Bytes, reading: &mut Reading) {
    let span = field.content();
    if span.len < WORTH_READING {
        return;
    }
    if reading.children.len() >= STRANGERS {
        let why = Why::Halted(Blame::Exhausted);
        reading.gap(span, why, "more unknown fields than are looked at");
    } else {
        reading.child(format!("@{:#x}", span.start), bytes.slice(span), Role::Storage);
    }
}
