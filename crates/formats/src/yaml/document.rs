//! YAML documents as the values that their loaders make of them: aliases and merge keys followed,
//! plain scalars given their types, in the form that configurations are walked in.

use super::tree::{Shape, Stream, Tree, compose};
use super::{number, resolve};
use crate::json::{Document, Kind, Maker, Written};
use davy_artifact::Quirk;
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};
use std::collections::{HashMap, HashSet};

/// Documents in one file that are followed.
const DOCUMENTS: usize = 1_000;

/// Values that a document may stand for with its aliases followed; beyond, aliases are not.
const VALUES: u64 = 1_000_000;

/// As many times more values than are written make a bomb, where there are enough of them.
const GROWTH: u64 = 10;

/// The part of the memory of an artifact that its text, and what is made of it, may take.
const SHARE: u64 = 8;

/// Keys that stand twice which are told.
const TOLD: usize = 50;

/// The tag of merge keys (<https://yaml.org/type/merge.html>).
const MERGE: &str = "tag:yaml.org,2002:merge";

/// A document with its tags.
pub(crate) struct Made {
    pub(crate) document: Document,
    /// Tags that are written and that YAML itself does not define, by the number of the value.
    pub(crate) tags: HashMap<u32, String>,
}

/// A break of form, and where.
pub(crate) struct Note {
    pub(crate) quirk: Quirk,
    pub(crate) span: Span,
    pub(crate) what: String,
}

/// Everything in a file.
#[derive(Default)]
pub(crate) struct Parsed {
    pub(crate) documents: Vec<Made>,
    pub(crate) notes: Vec<Note>,
    /// Why reading stopped before the end.
    pub(crate) fault: Option<Halt>,
}

/// Reads all documents of a file; what stands before a fault is kept.
///
/// # Errors
/// When the medium fails or a limit is met before anything was read.
pub(crate) fn parse(bytes: &Bytes, budget: &mut Budget) -> Result<Parsed, Halt> {
    let room = budget.left().memory / SHARE;
    if bytes.len() > room {
        return Err(Halt::exhausted(0, "the limit on memory"));
    }
    let source = bytes.copy(Span::new(0, bytes.len()), to_usize(room))?;
    let text = Text::decode(&source);
    budget.spend_steps(to_u64(text.text.len()), 0)?;
    let Stream { documents, fault } = compose(&text.text, budget);
    let fault = fault.map(|halt| {
        let at = text.place(Span::new(halt.at(), 0)).start;
        halt.moved_to(at)
    });
    let mut parsed = Parsed { fault: fault.or(text.fault.clone()), ..Parsed::default() };
    for tree in documents {
        if parsed.documents.len() >= DOCUMENTS {
            parsed.fault = Some(Halt::exhausted(0, "more documents than are followed"));
            break;
        }
        if let Some(made) = make(&tree, &text, room, &mut parsed, budget)? {
            parsed.documents.push(made);
        }
    }
    Ok(parsed)
}

/// Composes all documents of a file, which may be text in UTF-16, up to the first character that no
/// YAML has.
#[must_use]
pub fn compose_bytes(source: &[u8], budget: &mut Budget) -> Stream {
    let text = Text::decode(source);
    let mut stream = compose(&text.text, budget);
    stream.fault = stream.fault.or(text.fault);
    stream
}

/// Text in UTF-8, up to the first character that no loader takes.
struct Text {
    text: String,
    /// For UTF-16, which end comes first.
    wide: Option<bool>,
    fault: Option<Halt>,
}

impl Text {
    /// PyYAML takes UTF-8, and UTF-16 with a byte order mark (`Reader.determine_encoding`).
    fn decode(source: &[u8]) -> Self {
        let wide = match source {
            [0xff, 0xfe, ..] => Some(false),
            [0xfe, 0xff, ..] => Some(true),
            _ => None,
        };
        let (mut text, mut fault) = match wide {
            Some(big) => (decode_wide(source, big), None),
            None => match String::from_utf8(source.to_vec()) {
                Ok(text) => (text, None),
                Err(error) => {
                    let good = error.utf8_error().valid_up_to();
                    let start = source.get(..good).unwrap_or_default();
                    let fault = Halt::malformed(to_u64(good), "no text from here on");
                    (String::from_utf8_lossy(start).into_owned(), Some(fault))
                }
            },
        };
        if let Some(at) = text.find(|c| !is_printable(c)) {
            text.truncate(at);
            let mut cut = Self { text, wide, fault: None };
            let at = cut.place(Span::new(to_u64(cut.text.len()), 0)).start;
            cut.fault = Some(Halt::malformed(at, "a character that YAML does not have"));
            return cut;
        }
        fault = fault.take();
        Self { text, wide, fault }
    }

    /// The place in the file of a stretch of the text.
    fn place(&self, span: Span) -> Span {
        if self.wide.is_none() {
            return span;
        }
        let units = |end: u64| {
            let before = self.text.get(..to_usize(end)).unwrap_or_default();
            to_u64(before.encode_utf16().count()).saturating_mul(2).saturating_add(2)
        };
        Span::between(units(span.start), units(span.end()))
    }
}

fn decode_wide(source: &[u8], big: bool) -> String {
    let body = source.get(2..).unwrap_or_default();
    let unit = |pair: &[u8]| match pair {
        [first, second] if big => u16::from_be_bytes([*first, *second]),
        [first, second] => u16::from_le_bytes([*first, *second]),
        _ => 0,
    };
    let decoded = char::decode_utf16(body.chunks(2).map(unit));
    decoded.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Characters that YAML 1.1 allows (section 5.1).
fn is_printable(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..='\u{10ffff}'
    )
}

fn make(
    tree: &Tree,
    text: &Text,
    room: u64,
    parsed: &mut Parsed,
    budget: &mut Budget,
) -> Result<Option<Made>, Halt> {
    let Some(root) = tree.node(0) else { return Ok(None) };
    let (weight, written) = (tree.weight(), to_u64(tree.nodes.len()));
    let bomb = weight > VALUES && weight > written.saturating_mul(GROWTH);
    if bomb {
        let what = format!("{written} values that are written stand for {weight}");
        let span = text.place(root.span);
        parsed.notes.push(Note { quirk: Quirk::Expansion, span, what });
    }
    for span in tree.loops.iter().take(TOLD) {
        let (span, what) = (text.place(*span), "a value that stands inside of itself".to_owned());
        parsed.notes.push(Note { quirk: Quirk::Cycle, span, what });
    }
    duplicates(tree, text, &mut parsed.notes);
    budget.spend_steps(if bomb { written } else { weight }, 0)?;
    let mut writer = Writer {
        tree,
        text,
        maker: Maker::new(room),
        tags: HashMap::new(),
        written: vec![None; tree.nodes.len()],
        seen: HashSet::new(),
        open: HashSet::new(),
        follows: !bomb,
        tasks: vec![Task::Value(0)],
    };
    let result = writer.run();
    if let Err(halt) = result {
        if halt.blame() == Blame::Io {
            return Err(halt);
        }
        parsed.fault = parsed.fault.take().or(Some(halt));
    }
    Ok(Some(Made { document: writer.maker.finish(), tags: writer.tags }))
}

/// Notes keys that stand twice in their mapping: PyYAML takes the last, others refuse the file.
fn duplicates(tree: &Tree, text: &Text, notes: &mut Vec<Note>) {
    let start = notes.len();
    for node in &tree.nodes {
        let Shape::Mapping(pairs) = &node.shape else { continue };
        let mut seen = HashSet::new();
        for (key, _) in pairs {
            let (Some(name), Some(node)) = (tree.text(*key), tree.node(*key)) else { continue };
            if !seen.insert((name, node.tag.as_str())) && notes.len().saturating_sub(start) < TOLD {
                let what =
                    format!("the key `{name}` again: PyYAML takes the last, others refuse it");
                let span = text.place(node.span);
                notes.push(Note { quirk: Quirk::DuplicateName, span, what });
            }
        }
    }
}

/// What is left to write, last one first.
#[derive(Clone, Copy)]
enum Task {
    Close(u32),
    Key(u32),
    /// A key that is no scalar: `?` stands for it.
    Mark(u32),
    Value(u32),
}

struct Writer<'t> {
    tree: &'t Tree,
    text: &'t Text,
    maker: Maker,
    tags: HashMap<u32, String>,
    /// Scalars that were written already, by node: as values.
    written: Vec<Option<Written>>,
    seen: HashSet<u32>,
    /// Collections that are being written.
    open: HashSet<u32>,
    /// Whether aliases are followed.
    follows: bool,
    tasks: Vec<Task>,
}

impl Writer<'_> {
    fn run(&mut self) -> Result<(), Halt> {
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Close(index) => {
                    self.open.remove(&index);
                    self.maker.close();
                }
                Task::Key(index) => self.key(index)?,
                Task::Mark(index) => {
                    let span = self.place(index);
                    self.maker.key("?", span)?;
                }
                Task::Value(index) => self.value(index)?,
            }
        }
        Ok(())
    }

    fn place(&self, index: u32) -> Span {
        self.tree.node(index).map(|node| self.text.place(node.span)).unwrap_or_default()
    }

    fn key(&mut self, index: u32) -> Result<(), Halt> {
        let span = self.place(index);
        let text = self.tree.text(index).unwrap_or_default();
        self.maker.key(text, span).map(|_| ())
    }

    fn value(&mut self, index: u32) -> Result<(), Halt> {
        let Some(node) = self.tree.node(index) else { return Ok(()) };
        let again = !self.seen.insert(index);
        if self.open.contains(&index) || again && !self.follows {
            let span = self.place(index);
            return self.maker.scalar(Kind::Null, "null", span).map(|_| ());
        }
        if node.is_tagged && !is_plain_data(&node.tag) {
            self.tags.insert(self.maker.next(), node.tag.clone());
        }
        let span = self.place(index);
        match &node.shape {
            Shape::Scalar(text) => self.scalar(index, &node.tag, text, span),
            Shape::Sequence(items) => {
                self.maker.open(Kind::Array, span)?;
                self.open.insert(index);
                self.tasks.push(Task::Close(index));
                self.tasks.extend(items.iter().rev().map(|item| Task::Value(*item)));
                Ok(())
            }
            Shape::Mapping(_) => {
                self.maker.open(Kind::Object, span)?;
                self.open.insert(index);
                self.tasks.push(Task::Close(index));
                for mapping in self.merged(index) {
                    self.entries(mapping);
                }
                Ok(())
            }
        }
    }

    /// Puts the entries of a mapping in front of what is left to write.
    fn entries(&mut self, mapping: u32) {
        let Some(Shape::Mapping(pairs)) = self.tree.node(mapping).map(|node| &node.shape) else {
            return;
        };
        for (key, value) in pairs.iter().rev() {
            let Some(node) = self.tree.node(*key) else { continue };
            let merges = node.tag == MERGE && !self.targets(*value).is_empty();
            if merges && self.follows {
                continue;
            }
            self.tasks.push(Task::Value(*value));
            let acts = node.is_tagged && !is_plain_data(&node.tag);
            if matches!(node.shape, Shape::Scalar(_)) && !acts {
                self.tasks.push(Task::Key(*key));
            } else {
                self.tasks.extend([Task::Mark(*key), Task::Value(*key), Task::Mark(*key)]);
            }
        }
    }

    /// A mapping and those that it merges, the ones first that win over the others.
    fn merged(&self, index: u32) -> Vec<u32> {
        let (mut order, mut waiting) = (Vec::new(), vec![index]);
        let mut seen = HashSet::new();
        while let Some(mapping) = waiting.pop() {
            if !seen.insert(mapping) {
                continue;
            }
            order.push(mapping);
            let Some(Shape::Mapping(pairs)) = self.tree.node(mapping).map(|node| &node.shape)
            else {
                continue;
            };
            if !self.follows {
                continue;
            }
            for (key, value) in pairs.iter().rev() {
                if self.tree.node(*key).is_some_and(|key| key.tag == MERGE) {
                    waiting.extend(self.targets(*value).into_iter().rev());
                }
            }
        }
        order
    }

    /// The mappings that a merge key's value names.
    fn targets(&self, value: u32) -> Vec<u32> {
        let is_mapping = |index: &u32| {
            self.tree.node(*index).is_some_and(|node| matches!(node.shape, Shape::Mapping(_)))
        };
        match self.tree.node(value).map(|node| &node.shape) {
            Some(Shape::Mapping(_)) => vec![value],
            Some(Shape::Sequence(items)) => items.iter().copied().filter(is_mapping).collect(),
            _ => Vec::new(),
        }
    }

    fn scalar(&mut self, index: u32, tag: &str, text: &str, span: Span) -> Result<(), Halt> {
        let slot = to_usize(u64::from(index));
        if let Some(written) = self.written.get(slot).copied().flatten() {
            return self.maker.again(written, false);
        }
        let maker = &mut self.maker;
        let written = match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => maker.scalar(Kind::Null, "null", span),
            Some("bool") => match resolve::boolean(text) {
                Some(true) => maker.scalar(Kind::True, "true", span),
                Some(false) => maker.scalar(Kind::False, "false", span),
                None => maker.scalar(Kind::Text, text, span),
            },
            Some(kind @ ("int" | "float")) => {
                let digits =
                    if kind == "int" { number::whole(text) } else { number::fraction(text) };
                match digits {
                    Some(digits) => maker.scalar(Kind::Number, &digits, span),
                    None => maker.scalar(Kind::Text, text, span),
                }
            }
            _ => maker.scalar(Kind::Text, text, span),
        }?;
        if let Some(slot) = self.written.get_mut(slot) {
            *slot = Some(written);
        }
        Ok(())
    }
}

/// Whether a tag names one of the types that YAML itself defines.
fn is_plain_data(tag: &str) -> bool {
    let rest = tag.strip_prefix("tag:yaml.org,2002:");
    rest.is_some_and(|rest| !rest.starts_with("python/"))
}
