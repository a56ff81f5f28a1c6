//! JSON documents: read to their end, so that settings, vocabularies and tables beside a model are known
//! for what they are, and walked for what loaders act on.

use super::encoding::Units;
use super::lexer::{Lexer, Scalar, Sink};
use super::{Document, Kind, Oddity};
use crate::config::{self, Config};
use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};
use memchr::memmem;
use std::collections::HashMap;

/// Documents of at most so many bytes are kept whole and walked.
const SMALL: u64 = 4 << 20;

/// Bytes that are searched at a time.
const PIECE: usize = 64 * 1024;

/// What stands in larger documents that loaders act on; an escaped letter may be part of any of them.
const WORDS: &[&[u8]] = &[
    b"\"()\"",
    b":serialized:",
    b"@module",
    b"\\u00",
    b"__kind__",
    b"_attn_implementation",
    b"_class_name",
    b"_component_",
    b"_experts_implementation",
    b"_target_",
    b"auto_map",
    b"chat_template",
    b"class_path",
    b"custom_imports",
    b"custom_ops_library",
    b"custom_pipelines",
    b"loader_module",
    b"parent_library",
    b"params",
    b"py/",
    b"trust_remote_code",
];

/// The reader of JSON as such: it tells what configurations make a loader call, and vouches for every
/// byte of the rest.
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
        if !may_act(input.bytes, budget)? {
            validate(input.bytes, budget)?;
            reading.seamless = true;
            return Ok(());
        }
        let document = Document::parse(input.bytes, budget)?;
        let tags = HashMap::new();
        config::read(&Config { document: &document, tags: &tags }, reading, budget)?;
        document.fault().map_or(Ok(()), |fault| Err(fault.clone()))?;
        reading.seamless = true;
        Ok(())
    }
}

/// Whether a document is small, or has a word of those that loaders act on: large ones without are
/// tables, and are not kept.
fn may_act(bytes: &Bytes, budget: &mut Budget) -> Result<bool, Halt> {
    if bytes.len() <= SMALL {
        return Ok(true);
    }
    let mut buffer = vec![0; PIECE];
    let mut at = 0_u64;
    while at < bytes.len() {
        let read = bytes.read_at(at, &mut buffer)?;
        let piece = buffer.get(..read).unwrap_or_default();
        budget.spend_steps(to_u64(read / 64), at)?;
        if piece.contains(&0) || WORDS.iter().any(|word| memmem::find(piece, word).is_some()) {
            return Ok(true);
        }
        // A word may stand across two pieces.
        let step = read.saturating_sub(32).max(1);
        at = if read < PIECE { bytes.len() } else { at.saturating_add(to_u64(step)) };
    }
    Ok(false)
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
    let body = match head {
        [0xef, 0xbb, 0xbf, body @ ..] | [0xfe, 0xff, body @ ..] | [0xff, 0xfe, body @ ..] => body,
        [0, 0, 0xfe, 0xff, body @ ..] => body,
        body => body,
    };
    // Four zeros are no character in any of them.
    let mut zeros = 0_u8;
    for byte in body {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => zeros = 0,
            0 if zeros < 3 => zeros = zeros.saturating_add(1),
            byte => return matches!(byte, b'{' | b'['),
        }
    }
    false
}

/// Whether bytes start as an object does: a brace, and a key or the brace that ends it. Templates and
/// YAML may start with a brace as well.
pub(crate) fn starts_object(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let Some(behind) = head.strip_prefix(b"{") else { return false };
    match behind.trim_ascii_start() {
        [b'"', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'"');
            let behind = end.and_then(|end| rest.get(end.saturating_add(1)..)).unwrap_or_default();
            behind.trim_ascii_start().starts_with(b":")
        }
        rest => rest.starts_with(b"}"),
    }
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
