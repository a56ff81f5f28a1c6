//! All values of one JSON text, in the order in which they stand, each with its place.

use super::encoding::{Origin, Units, transcode};
use super::lexer::{Lexer, Scalar, Sink};
use super::{Kind, Node, Oddity};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};
use std::collections::HashSet;
use std::sync::Arc;

/// Oddities are kept up to this many.
const NOTES: usize = 1_000;

/// The part of the memory of an artifact that the text may take, and that its values may take:
/// vectors double as they grow.
const SHARE: u64 = 4;

/// Stands for no value.
const NONE: u32 = u32::MAX;

/// A parsed JSON text. Values borrow from it as [`Node`]s.
#[derive(Debug)]
pub struct Document {
    text: Arc<[u8]>,
    /// Where the text came from, if it was not UTF-8.
    origin: Option<Origin>,
    /// Where its values stand, if the text was made of another notation.
    marks: Vec<Mark>,
    pub(super) records: Vec<Record>,
    notes: Vec<Note>,
    fault: Option<Halt>,
    frame: Option<Span>,
}

/// Something that not every loader takes, and where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Note {
    /// What it is.
    pub oddity: Oddity,
    /// Where it stands.
    pub span: Span,
}

/// Where a stretch of made text came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Offset of its first byte in the text.
    pub(super) start: u64,
    /// Where it stands in the artifact.
    pub(super) place: Span,
}

/// A value or key. Containers come before what is in them, keys right before their values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) key: bool,
    pub(super) escaped: bool,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The record behind this one and everything in it.
    pub(super) next: u32,
    /// The array or object that it is in.
    pub(super) parent: u32,
    /// How many came before it in its parent.
    pub(super) ordinal: u32,
}

impl Document {
    /// Parses all of `bytes`. A fault in the text or a limit that is met leaves what stands before it
    /// and is told by [`Document::fault`].
    ///
    /// # Errors
    /// Only when the medium fails.
    pub fn parse(bytes: &Bytes, budget: &mut Budget) -> Result<Self, Halt> {
        let room = (budget.left().memory / SHARE).min(u64::from(u32::MAX >> 1));
        let mut document = Self {
            text: Arc::from([]),
            origin: None,
            marks: Vec::new(),
            records: Vec::new(),
            notes: Vec::new(),
            fault: None,
            frame: None,
        };
        if bytes.len() > room {
            document.fault = Some(Halt::exhausted(0, "the limit on memory"));
            return Ok(document);
        }
        let source = bytes.copy(Span::new(0, bytes.len()), to_usize(room))?;
        document.decode(source, room);
        document.fill(budget, room)?;
        Ok(document)
    }

    /// Parses text that stands in an artifact at `frame`: places are those in the artifact, or all of
    /// `frame` where the text is longer than that and was unpacked from it.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_within(bytes: &Bytes, frame: Span, budget: &mut Budget) -> Result<Self, Halt> {
        let mut document = Self::parse(bytes, budget)?;
        document.frame = Some(frame);
        let len = to_u64(document.text.len());
        let moved = |at: Span| within(at, frame, len);
        document.fault = document.fault.map(|fault| {
            let at = moved(Span::new(fault.at(), 0)).start;
            renewed(&fault, at)
        });
        for note in &mut document.notes {
            note.span = moved(note.span);
        }
        Ok(document)
    }

    /// A document of made text.
    pub(super) fn made(text: Vec<u8>, marks: Vec<Mark>, mut builder: Builder) -> Self {
        builder.finish();
        let (records, notes) = (builder.records, builder.notes);
        Self { text: text.into(), origin: None, marks, records, notes, fault: None, frame: None }
    }

    fn decode(&mut self, source: Vec<u8>, room: u64) {
        self.text = match Units::detect(&source) {
            None => source.into(),
            // Text grows by half at most: two bytes become three.
            Some(_) if to_u64(source.len()) > room / 2 => {
                self.fault = Some(Halt::exhausted(0, "the limit on memory"));
                return;
            }
            Some(units) => {
                let span = Span::new(0, to_u64(source.len()));
                self.notes.push(Note { oddity: Oddity::Encoding, span });
                let (text, origin) = transcode(&source, units);
                self.origin = Some(origin);
                text.into()
            }
        };
    }

    fn fill(&mut self, budget: &mut Budget, room: u64) -> Result<(), Halt> {
        if self.fault.is_some() {
            return Ok(());
        }
        let builder = Builder::new(room);
        let bytes = Bytes::from_memory(Arc::clone(&self.text));
        let (mut builder, result) = Lexer::new(bytes, budget, builder).run();
        builder.finish();
        self.records = builder.records;
        for Note { oddity, span } in builder.notes {
            let span = self.place(span.start, span.end());
            self.notes.push(Note { oddity, span });
        }
        match result {
            Err(halt) if halt.blame() == Blame::Io => return Err(halt),
            Err(halt) => {
                let at = self.place(halt.at(), halt.at()).start;
                self.fault = Some(renewed(&halt, at));
            }
            Ok(()) => {}
        }
        Ok(())
    }

    /// The outermost value, unless there is none.
    #[must_use]
    pub fn root(&self) -> Option<Node<'_>> {
        self.node(0)
    }

    /// Why the text ends before its end: a fault in its form, or a limit.
    #[must_use]
    pub fn fault(&self) -> Option<&Halt> {
        self.fault.as_ref()
    }

    /// What not every loader takes, in the order in which it stands; duplicate keys are looked for
    /// by [`Document::duplicates`].
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Keys that stand twice in their object: the later ones, in the order in which they stand.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Node<'_>> {
        let mut duplicates = Vec::new();
        for (index, record) in (0_u32..).zip(&self.records) {
            let node = Node::new(self, index);
            if record.kind == Kind::Object {
                let mut seen = HashSet::new();
                let again = node.entries().map(|(key, _)| key);
                duplicates.extend(again.filter(|key| !seen.insert(key.text().unwrap_or_default())));
            }
            if duplicates.len() > NOTES {
                break;
            }
        }
        duplicates.sort_by_key(|key| key.span());
        duplicates
    }

    /// Every value and key, in the order in which they stand.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0_u32..).zip(&self.records).map(|(index, _)| Node::new(self, index))
    }

    /// Number of values and keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn node(&self, index: u32) -> Option<Node<'_>> {
        self.records.get(to_usize(u64::from(index))).map(|_| Node::new(self, index))
    }

    pub(super) fn record(&self, index: u32) -> Option<&Record> {
        self.records.get(to_usize(u64::from(index)))
    }

    /// Bytes of the text, in UTF-8 whatever the file has.
    pub(super) fn slice(&self, start: u32, end: u32) -> &[u8] {
        let range = to_usize(u64::from(start))..to_usize(u64::from(end));
        self.text.get(range).unwrap_or_default()
    }

    /// Where a stretch of the text stands in the artifact.
    pub(super) fn place(&self, start: u64, end: u64) -> Span {
        let after = self.marks.partition_point(|mark| mark.start <= start);
        if let Some(mark) = after.checked_sub(1).and_then(|index| self.marks.get(index)) {
            return mark.place;
        }
        let source = |at: u64| match &self.origin {
            Some(origin) => origin.source(&self.text, at),
            None => at,
        };
        let span = Span::between(source(start), source(end));
        self.frame.map_or(span, |frame| within(span, frame, to_u64(self.text.len())))
    }
}

/// The place of `span`, of a text of `len` bytes that stands at `frame`.
fn within(span: Span, frame: Span, len: u64) -> Span {
    if frame.len < len {
        return frame;
    }
    Span::new(frame.start.saturating_add(span.start), span.len)
}

/// The same halt at another offset.
fn renewed(halt: &Halt, at: u64) -> Halt {
    if halt.blame() == Blame::Exhausted {
        Halt::exhausted(at, halt.what().to_owned())
    } else {
        Halt::malformed(at, halt.what().to_owned())
    }
}

/// Puts tokens into the arena.
pub(super) struct Builder {
    records: Vec<Record>,
    notes: Vec<Note>,
    /// The innermost array or object that has not ended.
    open: u32,
    most: usize,
}

impl Builder {
    /// A builder of as many values as fit into `room` bytes.
    pub(super) fn new(room: u64) -> Self {
        let record = to_u64(size_of::<Record>());
        let most = to_usize(room.checked_div(record).unwrap_or(0));
        Self { records: Vec::new(), notes: Vec::new(), open: NONE, most }
    }

    /// The index of the next record.
    pub(super) fn next(&self) -> u32 {
        offset(to_u64(self.records.len()))
    }

    fn push(&mut self, scalar: &Scalar) -> Result<u32, Halt> {
        // Files of nothing but brackets or digits have a value in every other byte.
        if self.records.len() >= self.most {
            return Err(Halt::exhausted(scalar.start, "the limit on memory"));
        }
        let index = offset(to_u64(self.records.len()));
        let last = self.records.last();
        let follows_key = last.is_some_and(|record| record.key);
        let ordinal = match self.records.get_mut(to_usize(u64::from(self.open))) {
            // The container's own `next` counts what is in it until it ends.
            Some(parent) if follows_key => parent.next.saturating_sub(1),
            Some(parent) => {
                parent.next = parent.next.saturating_add(1);
                parent.next.saturating_sub(1)
            }
            None => 0,
        };
        self.records.push(Record {
            kind: scalar.kind,
            key: scalar.key,
            escaped: scalar.escaped,
            start: offset(scalar.start),
            end: offset(scalar.end),
            next: index.saturating_add(1),
            parent: self.open,
            ordinal,
        });
        Ok(index)
    }

    /// Ends what a fault has left open.
    fn finish(&mut self) {
        let end = self.records.iter().map(|record| record.end).max().unwrap_or(0);
        while self.open != NONE {
            self.close(u64::from(end));
        }
    }
}

impl Sink for Builder {
    fn open(&mut self, kind: Kind, at: u64) -> Result<(), Halt> {
        let end = at.saturating_add(1);
        let index = self.push(&Scalar { kind, start: at, end, key: false, escaped: false })?;
        if let Some(record) = self.records.last_mut() {
            record.next = 0;
        }
        self.open = index;
        Ok(())
    }

    fn close(&mut self, end: u64) {
        let next = offset(to_u64(self.records.len()));
        let Some(record) = self.records.get_mut(to_usize(u64::from(self.open))) else {
            self.open = NONE;
            return;
        };
        record.end = offset(end);
        record.next = next;
        self.open = record.parent;
    }

    fn scalar(&mut self, scalar: Scalar) -> Result<(), Halt> {
        self.push(&scalar).map(|_| ())
    }

    fn oddity(&mut self, oddity: Oddity, span: Span) {
        if self.notes.len() < NOTES {
            self.notes.push(Note { oddity, span });
        }
    }
}

/// Texts are shorter than this can count.
fn offset(at: u64) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
