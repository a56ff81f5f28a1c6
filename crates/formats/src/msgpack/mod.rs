//! MessagePack, and what Flax and msgpack-numpy put into it.
//!
//! A file is one value: numbers, texts, byte strings, lists, maps and extensions, each with its
//! length before it. Flax writes checkpoints so: a map of maps whose leaves are arrays, in
//! extensions that hold MessagePack themselves. msgpack-numpy writes arrays as maps, and those of
//! objects as pickles, which its decoder loads without asking.
//!
//! The format has no magic: only bytes that are one value as a whole, a map or list with something
//! in it, are taken for it. The reader keeps a stack of what is open and nothing of what it passed.
//!
//! Source: MessagePack specification; Flax, `serialization.py` (0.3 to 0.12); msgpack-numpy,
//! `msgpack_numpy.py` (0.3 to 0.4.8).

mod array;
mod record;
#[cfg(test)]
mod tests;
pub mod walk;

use davy_artifact::{Format, Input, Probe, Reading, Role};
use davy_bytes::{Blame, Budget, Halt};
use record::Recorder;
use walk::{Event, Walk};

/// Values that a probe looks at.
const LOOK: usize = 64;

/// The reader of MessagePack.
#[derive(Debug)]
pub struct MessagePack;

impl Format for MessagePack {
    fn id(&self) -> &'static str {
        "msgpack"
    }

    fn summary(&self) -> &'static str {
        "MessagePack: arrays of Flax and msgpack-numpy, pickles in byte strings and extensions"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if input.role == Role::Storage || !starts_container(head) {
            return Probe::No;
        }
        // The first values have to make sense: keys of maps are texts, or small.
        if looks_right(input).unwrap_or(false) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut recorder = Recorder::new(input.bytes, reading);
        let mut walk = Walk::new(input.bytes.clone());
        // Where the last whole document ends: streams have several, one behind the other.
        let mut end = None;
        loop {
            budget.spend_steps(1, walk.position())?;
            match walk.step() {
                Ok(Some(event)) => recorder.take(event, budget)?,
                Ok(None) => {
                    end = Some(walk.position());
                    match walk.peek()? {
                        Some(next) if is_container(next) => walk.restart(),
                        _ => return recorder.finish(walk.position()),
                    }
                }
                Err(halt) => {
                    return match end.filter(|_| halt.blame() == Blame::Malformed) {
                        Some(end) => recorder.finish(end),
                        None => Err(recorder.broken(halt)),
                    };
                }
            }
        }
    }
}

/// Whether bytes start as a map or list that is not empty.
fn starts_container(head: &[u8]) -> bool {
    head.len() > 1 && head.first().is_some_and(|first| is_container(*first))
}

/// Whether a map or list that is not empty starts with this byte.
fn is_container(first: u8) -> bool {
    matches!(first, 0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf)
}

/// Whether the first values are those of a real document: a map has texts or numbers for keys, and
/// nothing is of the type that the specification leaves unused.
fn looks_right(input: &Input<'_>) -> Result<bool, Halt> {
    let mut walk = Walk::new(input.bytes.clone());
    let mut texts = 0_u32;
    let mut first_is_map = false;
    for count in 0..LOOK {
        let event = match walk.step() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            Err(_) => return Ok(first_is_map && texts > 1),
        };
        match &event {
            Event::Open { is_map: true, .. } if count == 0 => first_is_map = true,
            Event::Text { key: true, span } => {
                let text = input.bytes.copy(*span, 64)?;
                if text.iter().any(|byte| crate::text::is_control(*byte)) {
                    return Ok(false);
                }
                texts = texts.saturating_add(1);
            }
            _ => {}
        }
    }
    let whole = walk.position() == input.bytes.len();
    Ok(if first_is_map { texts > 0 || whole } else { whole || texts > 1 })
}
