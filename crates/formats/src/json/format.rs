//! JSON documents that no other reader claims: read to their end, so that settings, vocabularies and
//! tables beside a model are known for what they are.

use super::encoding::Units;
use super::lexer::{Lexer, Scalar, Sink};
use super::{Document, Kind, Oddity};
use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// The reader of JSON as such: it says nothing, but vouches for every byte.
#[derive(Debug)]
pub struct Json;

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn summary(&self) -> &'static str {
        "JSON documents, as Python's json module reads them"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if starts_container(head) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        validate(input.bytes, budget)?;
        reading.seamless = true;
        Ok(())
    }
}

/// Reads a document to its end without keeping any of it.
///
/// # Errors
/// [`Halt::malformed`] where it is no JSON to Python.
pub fn validate(bytes: &Bytes, budget: &mut Budget) -> Result<(), Halt> {
    let head = bytes.copy(Span::new(0, bytes.len()), 4)?;
    if Units::detect(&head).is_none() {
        return Lexer::new(bytes.clone(), budget, Nothing).run().1;
    }
    let document = Document::parse(bytes, budget)?;
    document.fault().map_or(Ok(()), |fault| Err(fault.clone()))
}

/// Whether bytes start as an object or array does, in any encoding that `json.loads` recognises.
/// Numbers and strings alone are JSON as well, but so is any file of digits.
pub(crate) fn starts_container(head: &[u8]) -> bool {
    let filler = |byte: &&u8| !matches!(**byte, b' ' | b'\t' | b'\n' | b'\r' | 0);
    let body = match head {
        [0xef, 0xbb, 0xbf, body @ ..] | [0xfe, 0xff, body @ ..] | [0xff, 0xfe, body @ ..] => body,
        [0, 0, 0xfe, 0xff, body @ ..] => body,
        body => body,
    };
    matches!(body.iter().find(filler), Some(b'{' | b'['))
}

/// Takes tokens and forgets them.
struct Nothing;

impl Sink for Nothing {
    fn open(&mut self, _: Kind, _: u64) -> Result<(), Halt> {
        Ok(())
    }

    fn close(&mut self, _: u64) {}

    fn scalar(&mut self, _: Scalar) -> Result<(), Halt> {
        Ok(())
    }

    fn oddity(&mut self, _: Oddity, _: Span) {}
}
