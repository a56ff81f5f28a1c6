//! Tables of Apache Arrow: files and streams of its interprocess format, and the first form of Feather.
//!
//! Source: Arrow Columnar Format 1.5, "Serialization and Interprocess Communication (IPC)", with
//! `Message.fbs`, `Schema.fbs`, `File.fbs`, `Tensor.fbs`; `feather.fbs` of Arrow 0.17.
//!
//! The bytes of columns are data. What runs is the metadata of extension types, which libraries hand
//! to the class that is registered under the type's name: PyArrow before 14.0.1 unpickled that of
//! `arrow.py_extension_type`.

mod feather;
mod ipc;
mod schema;

pub use feather::Feather;

use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Halt};

/// What files start with, padded to eight bytes, and end with.
const MAGIC: &[u8; 6] = b"ARROW1";

/// The reader of files and streams.
#[derive(Debug)]
pub struct Arrow;

impl Format for Arrow {
    fn id(&self) -> &'static str {
        "arrow"
    }

    fn summary(&self) -> &'static str {
        "Apache Arrow files, streams and Feather 2: columns, metadata and extension types"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if head.starts_with(MAGIC) {
            Probe::Certain
        } else if ipc::starts_stream(head, input.bytes) {
            Probe::Possible
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        ipc::read(input.bytes, reading, budget)
    }
}
