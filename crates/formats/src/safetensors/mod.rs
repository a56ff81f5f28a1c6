//! Safetensors: a length, a header in JSON that names each tensor with its type, shape and place,
//! and the bytes of the tensors (safetensors 0.8, `safetensors/src/tensor.rs`).
//!
//! The library refuses whatever is not exactly so, but it is not the only loader: MLX, fastsafetensors
//! and others parse the header by themselves and check less, and take another of two entries of the
//! same name. Everything that the library refuses is recorded, and read on.

mod dtype;
mod entry;
mod header;
mod index;

use davy_artifact::{Format, Input, Probe, Quirk, Reading, Route};
use davy_bytes::{Budget, Bytes, Halt, Span};
use header::Header;
pub use index::SafetensorsIndex;

/// Bytes of the length before the header.
const PREFIX: u64 = 8;

/// The longest header that the library reads (`MAX_HEADER_SIZE`).
const LONGEST: u64 = 100_000_000;

/// The safetensors reader.
#[derive(Debug)]
pub struct Safetensors;

impl Format for Safetensors {
    fn id(&self) -> &'static str {
        "safetensors"
    }

    fn summary(&self) -> &'static str {
        "safetensors: tensors and texts, and nothing that runs"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let Some((prefix, text)) = head.split_first_chunk::<8>() else { return Probe::No };
        let length = u64::from_le_bytes(*prefix);
        let blank = |byte: &&u8| !matches!(**byte, b' ' | b'\t' | b'\n' | b'\r');
        let mut text = text.iter().filter(blank);
        let opens = text.next() == Some(&b'{') && matches!(text.next(), Some(b'"' | b'}'));
        let fits = input.bytes.len().checked_sub(PREFIX).is_some_and(|room| length <= room);
        // The first letters of JSON would be a length that no file has.
        let prose = prefix.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        let stray = prose && !input.name.ends_with(".safetensors");
        match opens && length > 1 {
            true if fits => Probe::Certain,
            true if !stray => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let bytes = input.bytes;
        let length = length(bytes)?;
        let room = bytes.len().saturating_sub(PREFIX);
        if length > LONGEST {
            let what = format!("a header of {length} bytes, where the library reads {LONGEST}");
            reading.deviation(Quirk::HugeIndex, Span::new(0, PREFIX), Route::None, &what);
        }
        if length > room {
            let what = format!("a header of {length} bytes, where {room} are left");
            return Err(Halt::malformed(PREFIX.min(bytes.len()), what));
        }
        let frame = Span::new(PREFIX, length);
        let mut header = Header::new(bytes, frame, reading, budget);
        header.read()
    }
}

/// The length of the header as the file says.
fn length(bytes: &Bytes) -> Result<u64, Halt> {
    let prefix = bytes.copy(Span::new(0, PREFIX), 8)?;
    let prefix: [u8; 8] =
        prefix.try_into().map_err(|_| Halt::malformed(0, "truncated length of the header"))?;
    Ok(u64::from_le_bytes(prefix))
}

#[cfg(test)]
mod tests;
