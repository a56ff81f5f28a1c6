//! YAML, as PyYAML reads it: settings of models, recipes of training, the packing lists of MLflow and
//! NeMo. What its tags and keys make a loader call is told; see [`crate::config`] for the keys.
//!
//! Written from YAML 1.1 and the behaviour of PyYAML, whose loaders read nearly all models: where
//! YAML 1.2 (ruamel.yaml) differs, it is in the types of plain scalars, not in what tags and keys stand
//! for. Nothing recurses; aliases are links, and what they stand for is followed up to a bound, behind
//! which a document is told to be a bomb.

mod chars;
mod document;
mod number;
mod parser;
mod resolve;
mod scalar;
mod scanner;
mod tags;
#[cfg(test)]
mod tests;
mod tree;

pub use document::compose_bytes;
pub(crate) use document::{Made, Parsed, parse};
pub(crate) use tags::python_tag;
pub use tree::{Leaf, Shape, Stream, Tree, compose};

use crate::config::{self, Config};
use crate::text::is_text;
use davy_artifact::{Format, Input, Probe, Reading, Route};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};
use memchr::memmem;

/// What files of YAML are called.
const NAMES: &[&str] = &[".yaml", ".yml", "MLmodel"];

/// What stands in files that act, wherever their reading broke off.
const WORDS: &[&[u8]] =
    &[b"python/", b"_target_", b"class_path", b"!new:", b"!apply:", b"loader_module", b"py/reduce"];

/// Tags that no other text has.
const TAGS: &[&[u8]] = &[b"!!python/", b"tag:yaml.org,2002:python/"];

/// Bytes that are searched at a time.
const PIECE: usize = 64 * 1024;

/// The reader of YAML.
#[derive(Debug)]
pub struct Yaml;

impl Format for Yaml {
    fn id(&self) -> &'static str {
        "yaml"
    }

    fn summary(&self) -> &'static str {
        "YAML: what its tags, and keys such as `_target_`, make a loader look up and call"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let wide = matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let source = input.name.ends_with(".py");
        if source || !wide && !is_text(head) || crate::json::starts_object(head) {
            return Probe::No;
        }
        if is_named(input.name) || wide || looks_like_yaml(head) {
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
        let Parsed { documents, notes, fault } = parse(input.bytes, budget)?;
        for Made { document, tags } in &documents {
            config::read(&Config { document, tags }, reading, budget)?;
        }
        let acts = !reading.is_empty();
        for note in notes {
            // Where nothing is called, a key that stands twice is a slip and no trick.
            if acts || note.quirk != davy_artifact::Quirk::DuplicateName {
                reading.deviation(note.quirk, note.span, Route::None, &note.what);
            }
        }
        match fault {
            None => Ok(()),
            Some(fault) if fault.blame() == Blame::Malformed => {
                let rest = Span::between(fault.at(), input.bytes.len());
                // Headers of a package, and prose that begins like a mapping, are no settings.
                if acts || is_named(input.name) && mentions(&input.bytes.slice(rest), budget)? {
                    reading.halted(&fault, input.bytes.len());
                    let what = format!("no loader reads on from here: {}", fault.what());
                    let quirk = davy_artifact::Quirk::LoadersDisagree;
                    reading.deviation(quirk, Span::new(fault.at(), 0), Route::None, &what);
                }
                Ok(())
            }
            Some(fault) => Err(fault),
        }
    }
}

/// Whether a file is called as files of YAML are.
fn is_named(name: &str) -> bool {
    NAMES.iter().any(|end| name.ends_with(end))
}

/// Whether the first lines are those of a mapping, a document's start, or have a tag of Python.
fn looks_like_yaml(head: &[u8]) -> bool {
    if TAGS.iter().any(|tag| memmem::find(head, tag).is_some()) {
        return true;
    }
    let first = head.split(|byte| *byte == b'\n').find(|line| {
        let line = line.trim_ascii();
        !line.is_empty() && !line.starts_with(b"#")
    });
    let Some(line) = first else { return false };
    line.starts_with(b"%YAML") || line.starts_with(b"%TAG") || line.trim_ascii_end() == b"---" || {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let key = line.iter().take_while(|byte| plain(byte)).count();
        let behind = line.get(key..).unwrap_or_default().trim_ascii_end();
        key > 0 && (behind == b":" || behind.starts_with(b": "))
    }
}

/// Whether what no loader reads has words of files that act.
fn mentions(bytes: &Bytes, budget: &mut Budget) -> Result<bool, Halt> {
    let mut buffer = vec![0; to_usize(bytes.len()).min(PIECE)];
    let mut at = 0_u64;
    while at < bytes.len() {
        let read = bytes.read_at(at, &mut buffer)?;
        budget.spend_steps(to_u64(read / 64), at)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if WORDS.iter().any(|word| memmem::find(piece, word).is_some()) {
            return Ok(true);
        }
        // A word may stand across two pieces.
        let step = read.saturating_sub(16).max(1);
        at = if read < PIECE { bytes.len() } else { at.saturating_add(to_u64(step)) };
    }
    Ok(false)
}
