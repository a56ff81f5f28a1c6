//! What `cargo xtask knowledge` derived from the source of libraries: names in order, packed so
//! that looking one up unpacks sixteen of them.
//!
//! The layout (build.rs writes it; all numbers little-endian): the count of entries, the count of
//! blocks and the offset of the texts, each four bytes; four bytes for the offset of each block; the
//! blocks; the texts. An entry is the length of what its name shares with the name before, the rest
//! of the name behind its length, a byte for the effect, a byte for flags and steps, and numbers for
//! the text of its arguments, its next step and the text of its origin. The next step is twice the
//! number of a text, or one more than twice the number of an entry. Lengths and numbers are LEB128.

use super::{Effect, Known};
use std::cmp::Ordering;
use std::fmt;

/// The table.
static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/derived.bin"));

/// Effects in the order of their bytes.
static EFFECTS: &[Effect] = include!(concat!(env!("OUT_DIR"), "/effects.rs"));

/// What holds for derived names, by the byte of their effect.
static PLAIN: &[Known] = include!(concat!(env!("OUT_DIR"), "/derived_plain.rs"));

/// What holds for derived classes whose objects can be made and filled without harm, by the byte of
/// the effect of their constructor.
static CALLED: &[Known] = include!(concat!(env!("OUT_DIR"), "/derived_called.rs"));

/// What derived knowledge gives as its source.
pub(super) const SOURCE: &str = "derived from the source of the library";

/// Entries of a block: names are kept as the difference to the one before within it.
const BLOCK: usize = 16;

/// A chain of steps ends here at the latest.
const STEPS: usize = 16;

/// The bit that says that objects can be made and filled.
const FILLS: u8 = 0x80;

/// What was derived about one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Derivation {
    /// The dotted name.
    pub name: String,
    /// What a call of it does.
    pub effect: Effect,
    /// Whether objects of this class can be made without its constructor, and filled, without harm.
    pub fills: bool,
    /// The arguments that decide, by name: `cmd`, `.field` of the object, or `*`.
    pub through: &'static str,
    /// Calls on the way to what has the effect.
    pub steps: u8,
    /// The library, and the versions in which it is there.
    pub origin: &'static str,
    code: u8,
    via: usize,
}

impl Derivation {
    /// What holds for a use of it.
    pub(super) fn known(&self) -> Option<&'static Known> {
        PLAIN.get(usize::from(self.code))
    }

    /// What holds for a class of which its objects can be filled, whatever its constructor does.
    pub(super) fn called(&self) -> Option<&'static Known> {
        CALLED.get(usize::from(self.code))
    }

    /// The next name on the way, empty for what is harmless.
    #[must_use]
    pub fn via(&self) -> String {
        let name = match self.via % 2 {
            0 => text(self.via / 2).map(str::to_owned),
            _ => entry(self.via / 2),
        };
        name.unwrap_or_default()
    }

    /// The names on the way from this one to what has the effect.
    #[must_use]
    pub fn path(&self) -> Vec<String> {
        let mut path = vec![self.name.clone()];
        let mut via = self.via();
        while !via.is_empty() && path.len() < STEPS && !path.contains(&via) {
            let next = find(&via).filter(|next| next.effect == self.effect);
            path.push(via);
            via = next.map(|next| next.via()).unwrap_or_default();
        }
        path
    }
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path().join(" → "))
    }
}

/// What was derived about exactly this dotted name.
#[must_use]
pub fn find(name: &str) -> Option<Derivation> {
    let blocks = number(4)?;
    // The last block whose first name is not behind this one.
    let (mut low, mut high) = (0, blocks);
    while low < high {
        let middle = low + (high - low) / 2;
        match first(middle)?.as_str().cmp(name) {
            Ordering::Greater => high = middle,
            _ => low = middle + 1,
        }
    }
    let block = low.checked_sub(1)?;
    let mut reader = Reader { at: start(block)?, name: Vec::new() };
    for _ in 0..BLOCK.min(count().saturating_sub(block * BLOCK)) {
        let raw = reader.entry()?;
        match reader.name.as_slice().cmp(name.as_bytes()) {
            Ordering::Less => {}
            Ordering::Equal => return raw.whole(name),
            Ordering::Greater => return None,
        }
    }
    None
}

/// The name of the entry with this number.
fn entry(number: usize) -> Option<String> {
    let mut reader = Reader { at: start(number / BLOCK)?, name: Vec::new() };
    for _ in 0..=number % BLOCK {
        reader.entry()?;
    }
    String::from_utf8(reader.name).ok()
}

/// What holds for a call that has this effect.
pub(super) fn effect(effect: Effect) -> Option<&'static Known> {
    let at = EFFECTS.iter().position(|there| *there == effect)?;
    PLAIN.get(at)
}

/// Every name, in order.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names = Vec::with_capacity(count());
    for block in 0..number(4).unwrap_or(0) {
        let Some(at) = start(block) else { break };
        let mut reader = Reader { at, name: Vec::new() };
        for _ in 0..BLOCK.min(count().saturating_sub(block * BLOCK)) {
            if reader.entry().is_none() {
                break;
            }
            names.push(String::from_utf8_lossy(&reader.name).into_owned());
        }
    }
    names
}

/// How many names there are.
#[must_use]
pub fn count() -> usize {
    number(0).unwrap_or(0)
}

/// The number that stands at an offset.
fn number(at: usize) -> Option<usize> {
    let bytes: [u8; 4] = BLOB.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn start(block: usize) -> Option<usize> {
    number(12 + block * 4)
}

fn first(block: usize) -> Option<String> {
    let mut reader = Reader { at: start(block)?, name: Vec::new() };
    reader.entry()?;
    String::from_utf8(reader.name).ok()
}

/// A text behind its offset in the texts.
fn text(offset: usize) -> Option<&'static str> {
    let mut reader = Reader { at: number(8)? + offset, name: Vec::new() };
    let length = reader.varint()?;
    std::str::from_utf8(BLOB.get(reader.at..reader.at + length)?).ok()
}

struct Reader {
    at: usize,
    name: Vec<u8>,
}

struct Raw {
    code: u8,
    flags: u8,
    through: usize,
    via: usize,
    origin: usize,
}

impl Raw {
    fn whole(&self, name: &str) -> Option<Derivation> {
        Some(Derivation {
            name: name.to_owned(),
            effect: *EFFECTS.get(usize::from(self.code))?,
            fills: self.flags & FILLS != 0,
            through: text(self.through)?,
            steps: self.flags & !FILLS,
            via: self.via,
            origin: text(self.origin)?,
            code: self.code,
        })
    }
}

impl Reader {
    fn byte(&mut self) -> Option<u8> {
        let byte = BLOB.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The next entry, whose name is then complete.
    fn entry(&mut self) -> Option<Raw> {
        let (shared, length) = (self.varint()?, self.varint()?);
        self.name.truncate(shared);
        self.name.extend_from_slice(BLOB.get(self.at..self.at + length)?);
        self.at += length;
        let (code, flags) = (self.byte()?, self.byte()?);
        let (through, via, origin) = (self.varint()?, self.varint()?, self.varint()?);
        Some(Raw { code, flags, through, via, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_in_order() {
        let names = names();
        assert_eq!(names.len(), count());
        assert!(names.len() > 10_000, "{}", names.len());
        assert!(names.is_sorted_by(|a, b| a < b));
        for name in names.iter().step_by(7) {
            let found = find(name).unwrap();
            assert_eq!(&found.name, name);
            assert!(found.effect.is_harmless() || !found.via().is_empty(), "{name}");
        }
        assert_eq!(find("nobody.knows"), None);
        assert_eq!(find(""), None);
        assert_eq!(find("zzzz"), None);
    }

    #[test]
    fn effects_have_a_row_each() {
        assert_eq!(PLAIN.len(), EFFECTS.len());
        assert_eq!(CALLED.len(), EFFECTS.len());
        for (effect, known) in EFFECTS.iter().zip(PLAIN) {
            assert_eq!(*effect, known.effect);
        }
    }

    #[test]
    fn named_rows_hold() {
        for (name, effect, through, end) in [
            ("subprocess.getoutput", Effect::Exec, "cmd", "CreateProcess"),
            ("subprocess.Popen", Effect::Exec, "args", "CreateProcess"),
            ("os.popen", Effect::Exec, "cmd", "CreateProcess"),
            ("os.execl", Effect::Exec, "file", "execv"),
            ("os.system", Effect::Exec, "0", "posix.system"),
            ("pydoc.pipepager", Effect::Exec, "cmd", "CreateProcess"),
            ("runpy.run_path", Effect::Exec, "path_name", "builtins.exec"),
            ("timeit.timeit", Effect::Exec, "stmt", "builtins.exec"),
            ("smtplib.SMTP", Effect::Network, "host", "_socket.socket.connect"),
            ("logging.FileHandler", Effect::File, "filename", "open"),
        ] {
            let found = find(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(found.effect, effect, "{name}");
            assert!(
                found.through.split(',').any(|part| part == through),
                "{name}: {}",
                found.through
            );
            let path = found.path();
            assert!(path.last().is_some_and(|last| last.ends_with(end)), "{path:?}");
        }
    }
}
