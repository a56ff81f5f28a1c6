//! Pickles, archives and code inside strings: raw, base64, hex or compressed.

use super::heap::{Node, V};
use super::machine::Machine;
use super::walk::{Ending, walk};
use crate::marshal::{is_compiled, starts_with_code};
use davy_artifact::Role;
use davy_bytes::{Bytes, Span, to_u64};
use std::io::Read;

/// Shorter constants hold nothing that could do harm.
pub(super) const SHORTEST: usize = 8;

/// Encoded payloads are decoded up to this many bytes.
const DECODED: usize = 64 << 20;

/// Children of one pickle; stops lists of a million little pickles.
const MOST: usize = 1000;

/// What names of children end in that `marshal.loads` is called with: it takes data without any mark.
const MARSHAL: &str = ".marshal";

/// Whether a constant that starts with `head` may hold a pickle or an archive.
pub(super) fn looks_packed(head: &[u8]) -> bool {
    match head {
        // Marshalled code: a small number of parameters comes first.
        [b'c' | 0xe3, _, 0..=1, 0, 0, ..] => true,
        // A compiled module.
        [_, _, b'\r', b'\n', ..] => true,
        [0x80, version @ 0..=5, third, ..] => {
            *version > 0 && super::opcode::opcode(*third).is_some()
        }
        [b'P', b'K', 3, 4, ..] | [0x1f, 0x8b, 8, ..] => head.len() >= SHORTEST,
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => head.len() >= SHORTEST,
        [b'8', b'0', b'0', b'2'..=b'5', ..] => head.iter().all(u8::is_ascii_hexdigit),
        // Base64 of the same: `\x80` and a version, `c` and the name of a module, code, a zip, a gzip.
        [b'Y', b'1'..=b'3', ..] => head.len() >= 16 && head.iter().take(60).all(is_base64),
        [b'g', b'A', b'E'..=b'X', ..] => true,
        [b'4' | b'Y', b'w', _, b'A', b'A', ..] => true,
        [_, _, _, b'N', b'C', b'g'..=b'v', ..] => head.iter().take(60).all(is_base64),
        [b'U', b'E', b's', b'D', ..] | [b'H', b'4', b's', b'I', ..] => true,
        [b'e', b'J' | b'N' | b'A' | b'F', _, ..] => head.iter().take(60).all(is_base64),
        [b'c' | b'(' | b'i' | b']' | b'}', ..] => {
            head.len() >= SHORTEST && head.contains(&b'\n') && walk(head, 32).globals > 0
        }
        _ => false,
    }
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_\r\n".contains(byte)
}

impl Machine<'_> {
    /// Makes a child of the constant `value`, if what it holds really reads as a pickle or archive.
    pub(super) fn keep_inside(&mut self, value: V, span: Span) {
        let Some((content, _)) = self.heap.content(value, DECODED) else { return };
        let (bytes, suffix) = match content.as_ref() {
            raw if reads_as_payload(raw) => (None, ""),
            packed => match unpack_text(packed) {
                Some((bytes, suffix)) => (Some(bytes), suffix),
                None => return,
            },
        };
        let spent = bytes.as_ref().map_or(0, |bytes| to_u64(bytes.len()));
        if self.budget.spend_expansion(spent, span.start).is_err() {
            return;
        }
        let child = match bytes {
            Some(bytes) => Bytes::from_memory(bytes),
            None => self.bytes_of(value, span),
        };
        self.add_child(child, span, suffix, Role::Quoted);
    }

    /// Makes children of every byte string among `args`, since a loader is called with them.
    pub(super) fn keep_loaded(&mut self, callee: V, args: V) {
        let marshal = self.heap.name(callee).is_some_and(|name| name.module == "marshal");
        let suffix = if marshal { MARSHAL } else { "" };
        let mut pending = vec![(args, 0_u32)];
        while let Some((value, depth)) = pending.pop() {
            if self.heap.is_bytes(value) || self.heap.is_text(value) {
                let span = self.constant_span(value);
                let holds = self.heap.content(value, 64).is_some_and(|(head, len)| {
                    self.heap.is_bytes(value) && len > 1 || looks_packed(&head)
                });
                if holds {
                    let bytes = self.bytes_of(value, span);
                    self.add_child(bytes, span, suffix, Role::Loaded);
                }
            } else if depth < 3 {
                let inner = match self.heap.node(value) {
                    Some(Node::Call(at)) => self.heap.call(at).map(|call| vec![call.args]),
                    _ => self
                        .heap
                        .sequence(value)
                        .map(|items| items.iter().copied().take(64).collect()),
                };
                let deeper = depth.saturating_add(1);
                pending.extend(inner.unwrap_or_default().into_iter().map(|item| (item, deeper)));
            }
        }
    }

    fn add_child(&mut self, bytes: Bytes, span: Span, suffix: &str, role: Role) {
        let name = format!("payload@{:#x}{suffix}", span.start);
        let plain = name.trim_end_matches(MARSHAL);
        let children = &mut self.reading.children;
        let known = children.iter_mut().find(|child| child.name.trim_end_matches(MARSHAL) == plain);
        if let Some(known) = known {
            if role == Role::Loaded {
                known.role = role;
                known.name = name;
            }
        } else if children.len() < MOST {
            self.reading.child(name, bytes, role);
        } else {
            self.reading.dropped = self.reading.dropped.saturating_add(1);
        }
    }

    fn constant_span(&self, value: V) -> Span {
        match self.heap.node(value) {
            Some(Node::Bytes(at) | Node::Text(at)) => {
                self.heap.constant(at).map(|constant| constant.span).unwrap_or_default()
            }
            _ => self.step.span(),
        }
    }

    fn bytes_of(&self, value: V, span: Span) -> Bytes {
        let in_file = match self.heap.node(value) {
            Some(Node::Bytes(at) | Node::Text(at)) => {
                self.heap.constant(at).is_some_and(|constant| constant.decoded.is_none())
            }
            _ => false,
        };
        if in_file {
            return self.heap.bytes().slice(span);
        }
        let content = self.heap.content(value, DECODED).map(|(content, _)| content.into_owned());
        Bytes::from_memory(content.unwrap_or_default())
    }
}

/// What `content` holds, raw or packed, if that reads as a pickle, an archive or code, and how it
/// was packed.
pub(crate) fn payload(content: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let head = content.get(..64).unwrap_or(content);
    if content.len() < SHORTEST || !looks_packed(head) {
        return None;
    }
    if reads_as_payload(content) {
        return Some((content.to_vec(), ""));
    }
    unpack_text(content)
}

/// Whether `bytes` are an archive or code, or walk as a pickle to the end or far enough to import
/// something.
fn reads_as_payload(bytes: &[u8]) -> bool {
    if starts_with_code(bytes, to_u64(bytes.len())) || is_compiled(bytes) {
        return true;
    }
    match bytes {
        [b'P', b'K', 3, 4, ..] => true,
        [0x80, 1..=5, ..] | [b'c' | b'(' | b'i' | b']' | b'}', ..] => {
            let walked = walk(bytes, 1 << 20);
            let whole = walked.ending == Ending::Stopped && walked.opcodes > 2;
            whole && walked.at == bytes.len() || walked.globals > 0
        }
        _ => false,
    }
}

/// Undoes one layer of text encoding and one of compression.
fn unpack_text(content: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    if let Some(inflated) = inflate(content) {
        return reads_as_payload(&inflated).then_some((inflated, ".z"));
    }
    let (decoded, suffix) = match unhex(content) {
        Some(decoded) => (decoded, ".hex"),
        None => (unbase64(content)?, ".b64"),
    };
    if reads_as_payload(&decoded) {
        return Some((decoded, suffix));
    }
    let inflated = inflate(&decoded)?;
    reads_as_payload(&inflated)
        .then_some((inflated, if suffix == ".hex" { ".hex.z" } else { ".b64.z" }))
}

/// What a zlib or gzip stream holds, up to a limit.
pub(crate) fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let limit = to_u64(DECODED);
    let mut inflated = Vec::new();
    let read = match packed {
        [0x1f, 0x8b, 8, ..] => {
            flate2::read::GzDecoder::new(packed).take(limit).read_to_end(&mut inflated)
        }
        [0x78, _, ..] => {
            flate2::read::ZlibDecoder::new(packed).take(limit).read_to_end(&mut inflated)
        }
        _ => return None,
    };
    (read.is_ok() || !inflated.is_empty()).then_some(inflated)
}

/// Hexadecimal text as bytes.
pub(crate) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Base64 text as bytes, in either alphabet, with or without padding and line breaks.
pub(crate) fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let plain: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        })
        .collect();
    engine.decode(plain).ok()
}
