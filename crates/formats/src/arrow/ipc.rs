//! Messages one behind the other, and the index at the end of a file.

use super::MAGIC;
use super::schema::{self, Columns};
use crate::flatbuffers::{Flat, Table};
use davy_artifact::{Fact, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};
use std::collections::BTreeSet;

/// What stands before the length of a message since Arrow 0.15.
const CONTINUATION: u32 = 0xffff_ffff;

/// The newest version of the metadata.
const VERSION: u8 = 4;

/// Bytes of metadata of one message at most; the largest schemas have a few megabytes.
const LARGEST: u64 = 1 << 30;

/// Buffers that are read for what else they could be, and the least that one has.
const READ: usize = 1024;
const WORTH_READING: u64 = 64;

/// Kinds of messages, by the number of the union `MessageHeader`.
const SCHEMA: u8 = 1;
const DICTIONARY: u8 = 2;
const BATCH: u8 = 3;
const TENSOR: u8 = 4;
const SPARSE: u8 = 5;

/// Whether bytes start with a message that holds a schema or a tensor, which has no magic.
pub(super) fn starts_stream(head: &[u8], bytes: &Bytes) -> bool {
    let number = |at: usize| head.get(at..)?.first_chunk::<4>().map(|it| u32::from_le_bytes(*it));
    let marked = number(0) == Some(CONTINUATION);
    let start = if marked { 8 } else { 4 };
    let size = number(if marked { 4 } else { 0 }).unwrap_or_default();
    // The root offset of a FlatBuffer, right behind the length, is small and even.
    let root = number(start).unwrap_or_default();
    let plain = size >= 16 && size & 3 == 0 && root >= 4 && root < size.min(256) && root & 1 == 0;
    plain && is_message(&bytes.slice(Span::new(to_u64(start), u64::from(size))))
}

/// Whether bytes are the metadata of a message with which a stream can start.
fn is_message(metadata: &Bytes) -> bool {
    let mut budget = Budget::default();
    let mut flat = Flat::new(metadata, &mut budget);
    let mut look = || -> Result<bool, Halt> {
        let root = flat.root()?;
        let kind = flat.u8(root, 1, 0)?;
        let header = flat.child(root, 2, "header of a message")?;
        let version = flat.u8(root, 0, 0)?;
        Ok(matches!(kind, SCHEMA | TENSOR | SPARSE) && header.is_some() && version <= VERSION)
    };
    look().unwrap_or_default()
}

/// Reads a file or a stream.
pub(super) fn read(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let mut it = Messages {
        bytes,
        reading,
        budget,
        columns: None,
        starts: BTreeSet::new(),
        buffers: 0,
        rows: 0,
        seamless: true,
    };
    let result = if bytes.copy(Span::new(0, 6), 6)? == MAGIC {
        it.file()
    } else {
        it.messages(0, bytes.len()).map(|end| it.behind(Span::between(end, bytes.len())))
    };
    if let Err(halt) = &result {
        crate::stored::break_off(halt, bytes, it.reading);
    }
    it.about();
    it.reading.seamless = it.seamless && result.is_ok();
    result
}

/// Where a message lies.
#[derive(Clone, Copy)]
struct Frame {
    /// Its metadata, a `FlatBuffer`.
    metadata: Span,
    /// Where its body starts.
    body: u64,
}

struct Messages<'a> {
    bytes: &'a Bytes,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    /// The columns of the first schema.
    columns: Option<Columns>,
    /// Where messages start that were read.
    starts: BTreeSet<u64>,
    /// Buffers that are artifacts.
    buffers: usize,
    rows: u64,
    seamless: bool,
}

impl Messages<'_> {
    fn file(&mut self) -> Result<(), Halt> {
        let len = self.bytes.len();
        let tail = self.bytes.copy(Span::new(len.saturating_sub(10), 10), 10)?;
        let (size, magic) = tail.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let size = u64::from(u32::from_le_bytes(*size));
        let start = len.checked_sub(10).and_then(|end| end.checked_sub(size));
        let Some(start) = start.filter(|start| magic == MAGIC && *start >= 8 && size > 0) else {
            // Readers of streams skip the magic and take what there is.
            self.messages(8, len)?;
            return Err(Halt::malformed(len, "no index at the end of an Arrow file"));
        };
        let end = self.messages(8, start)?;
        self.behind(Span::between(end, start));
        self.footer(Span::new(start, size))
    }

    /// Reads messages from `at` on until one says that it is the last, or `end`; returns where that is.
    fn messages(&mut self, mut at: u64, end: u64) -> Result<u64, Halt> {
        while at < end {
            let (frame, next) = self.frame(at, end)?;
            let Some(frame) = frame else { return Ok(next) };
            self.starts.insert(at);
            at = frame.body.saturating_add(self.message(frame, end)?);
        }
        Ok(at)
    }

    /// The message that starts at `at`, or nothing where the end of a stream does; and what is behind
    /// its metadata.
    fn frame(&mut self, at: u64, end: u64) -> Result<(Option<Frame>, u64), Halt> {
        self.budget.spend_steps(8, at)?;
        let number = |at: u64| -> Result<u32, Halt> {
            let four = self.bytes.copy(Span::new(at, 4), 4)?;
            let four = four.first_chunk::<4>();
            four.map(|it| u32::from_le_bytes(*it))
                .ok_or_else(|| Halt::malformed(at, "truncated message"))
        };
        let mut size = number(at)?;
        let mut start = at.saturating_add(4);
        if size == CONTINUATION {
            size = number(start)?;
            start = start.saturating_add(4);
        }
        let metadata = Span::new(start, u64::from(size));
        if size == 0 {
            return Ok((None, start));
        }
        if metadata.end() > end || metadata.len > LARGEST {
            let left = end.saturating_sub(start);
            let what = format!("metadata of {size} bytes, where {left} are left");
            return Err(Halt::malformed(at, what));
        }
        // Writers pad metadata so that the body starts at a multiple of eight.
        let body = metadata.end().next_multiple_of(8).min(end);
        Ok((Some(Frame { metadata, body }), body))
    }

    /// Reads a message; returns the length of its body.
    fn message(&mut self, frame: Frame, end: u64) -> Result<u64, Halt> {
        let part = self.bytes.slice(frame.metadata);
        let base = frame.metadata.start;
        let mut flat = Flat::new(&part, self.budget);
        let shift = |halt: Halt| halt.shifted(base);
        let root = flat.root().map_err(shift)?;
        let kind = flat.u8(root, 1, 0).map_err(shift)?;
        let header = flat.child(root, 2, "header of a message").map_err(shift)?;
        let size = flat.i64(root, 3, 0).map_err(shift)?;
        let body = u64::try_from(size).ok().map(|size| Span::new(frame.body, size));
        let Some(body) = body.filter(|body| body.end() <= end) else {
            let left = end.saturating_sub(frame.body);
            let what = format!("a body of {size} bytes, where {left} are left");
            return Err(Halt::malformed(base, what));
        };
        let Some(header) = header else {
            return Err(Halt::malformed(base, "a message without a header"));
        };
        schema::metadata(&mut flat, (root, 4), "message", base, self.reading).map_err(shift)?;
        let mut parts = Vec::new();
        match kind {
            SCHEMA => {
                let columns = schema::read(&mut flat, header, base, self.reading).map_err(shift)?;
                self.compare(columns, frame.metadata);
            }
            DICTIONARY => {
                let batch = flat.child(header, 1, "batch of a dictionary").map_err(shift)?;
                if let Some(batch) = batch {
                    buffers(&mut flat, batch, &mut parts).map_err(shift)?;
                }
            }
            BATCH => {
                let rows = buffers(&mut flat, header, &mut parts).map_err(shift)?;
                let rows = u64::try_from(rows).unwrap_or_default();
                self.rows = self.rows.saturating_add(rows);
            }
            TENSOR | SPARSE => {
                tensor(&mut flat, header, kind, body, self.reading).map_err(shift)?;
                parts.push((Span::new(0, body.len), false));
            }
            _ => return Err(Halt::unsupported(base, format!("a message of kind {kind}"))),
        }
        self.body(body, &parts);
        Ok(body.len)
    }

    /// Holds the parts of a body against it, and makes artifacts of them.
    fn body(&mut self, body: Span, parts: &[(Span, bool)]) {
        for (part, is_packed) in parts {
            let span = Span::new(body.start.saturating_add(part.start), part.len);
            if part.end() > body.len {
                let what = format!(
                    "a buffer at {} of {} bytes in a body of {}",
                    part.start, part.len, body.len
                );
                self.reading.deviation(Quirk::OutOfRange, body, Route::None, &what);
                continue;
            }
            // Eight bytes before a packed buffer say how long it is unpacked.
            let skip = if *is_packed { 8.min(span.len) } else { 0 };
            let span = Span::between(span.start.saturating_add(skip), span.end());
            if span.len >= WORTH_READING && self.buffers < READ {
                self.buffers = self.buffers.saturating_add(1);
                let name = format!("@buffer@{:#x}", span.start);
                self.reading.child(name, self.bytes.slice(span), Role::Storage);
            }
        }
    }

    /// Keeps the first schema, and records where another says something else.
    fn compare(&mut self, columns: Columns, place: Span) {
        match &self.columns {
            None => self.columns = Some(columns),
            Some(first) if *first != columns => {
                let what = "two schemas: who reads from the front and who reads the index see \
                            other columns";
                self.reading.deviation(Quirk::LoadersDisagree, place, Route::None, what);
            }
            Some(_) => {}
        }
    }

    /// The index at the end of a file: the schema again, and where batches are.
    fn footer(&mut self, place: Span) -> Result<(), Halt> {
        let shift = |halt: Halt| halt.shifted(place.start);
        let part = self.bytes.slice(place);
        let mut flat = Flat::new(&part, self.budget);
        let root = flat.root().map_err(shift)?;
        let mut told = Reading::default();
        if let Some(table) = flat.child(root, 1, "schema").map_err(shift)? {
            let columns = schema::read(&mut flat, table, place.start, &mut told).map_err(shift)?;
            let is_new = self.columns.as_ref() != Some(&columns);
            self.compare(columns, place);
            if is_new {
                self.reading.facts.append(&mut told.facts);
            }
            for child in told.children {
                self.reading.child(format!("@index.{}", child.name), child.bytes, child.role);
            }
        }
        let mut flat = Flat::new(&part, self.budget);
        schema::metadata(&mut flat, (root, 4), "file", place.start, self.reading).map_err(shift)?;
        let mut blocks = Vec::new();
        for field in [2, 3] {
            let list = flat.vector(root, field, 24, "blocks").map_err(shift)?.unwrap_or_default();
            for index in 0..list.count {
                let at = list.span.start.saturating_add(index.saturating_mul(24));
                let mut block = [0; 8];
                flat.fill(at, &mut block).map_err(shift)?;
                blocks.push(u64::from_le_bytes(block));
            }
        }
        for at in blocks {
            self.block(at, place)?;
        }
        Ok(())
    }

    /// A message that the index leads to.
    fn block(&mut self, at: u64, footer: Span) -> Result<(), Halt> {
        if !self.starts.insert(at) {
            return Ok(());
        }
        let what = format!(
            "the index leads to {at:#x}, where no message starts that is read from the front"
        );
        self.reading.deviation(Quirk::LoadersDisagree, footer, Route::None, &what);
        if at >= footer.start {
            return Ok(());
        }
        let read = match self.frame(at, footer.start) {
            Ok((Some(frame), _)) => self.message(frame, footer.start).map(drop),
            Ok((None, _)) => Ok(()),
            Err(halt) => Err(halt),
        };
        crate::tflite::keep(read, self.reading, || Route::None).map(drop)
    }

    /// What stands behind the last message.
    fn behind(&mut self, span: Span) {
        if span.len == 0 {
            return;
        }
        self.seamless = false;
        let what = format!("{} bytes behind the last message", span.len);
        self.reading.deviation(Quirk::BytesAfterEnd, span, Route::None, &what);
        let name = format!("@suffix@{:#x}", span.start);
        self.reading.child(name, self.bytes.slice(span), Role::Leftover);
    }

    fn about(&mut self) {
        let Some(columns) = &self.columns else { return };
        let detail = format!("{} columns, {} rows", columns.count, self.rows);
        let site = Site { span: Span::new(0, self.bytes.len()), route: Route::None };
        let path = "table".to_owned();
        self.reading.fact(Fact::Object { path, kind: "table", detail, site });
    }
}

/// The buffers of a batch, relative to its body, and whether each is packed; returns its rows.
fn buffers(flat: &mut Flat<'_>, batch: Table, parts: &mut Vec<(Span, bool)>) -> Result<i64, Halt> {
    let is_packed = flat.child(batch, 3, "compression")?.is_some();
    let list = flat.vector(batch, 2, 16, "buffers")?.unwrap_or_default();
    flat.vector(batch, 1, 16, "nodes")?;
    flat.vector(batch, 4, 8, "counts of buffers")?;
    for index in 0..list.count {
        let mut entry = [0; 16];
        flat.fill(list.span.start.saturating_add(index.saturating_mul(16)), &mut entry)?;
        let (start, len) = entry.split_at(8);
        let number = |half: &[u8]| half.first_chunk::<8>().map_or(0, |it| u64::from_le_bytes(*it));
        parts.push((Span::new(number(start), number(len)), is_packed));
    }
    flat.i64(batch, 0, 0)
}

/// A tensor, dense or sparse, whose bytes are the body.
fn tensor(
    flat: &mut Flat<'_>,
    table: Table,
    kind: u8,
    body: Span,
    reading: &mut Reading,
) -> Result<(), Halt> {
    let number = flat.u8(table, 0, 0)?;
    let list = flat.vector(table, 2, 4, "shape")?.unwrap_or_default();
    let mut size = Vec::new();
    for index in 0..list.count.min(64) {
        let dim = flat.element(list, index, "dimension")?;
        size.push(flat.i64(dim, 0, 0)?);
    }
    let elements = crate::tflite::elements(&size).unwrap_or(u64::MAX);
    let route = Route::Tensor("tensor".to_owned());
    if kind == TENSOR && elements > body.len && elements.div_ceil(8) > body.len {
        let what = format!("dimensions {size:?} in {} bytes", body.len);
        reading.deviation(Quirk::SizeMismatch, body, route.clone(), &what);
    }
    let dtype = schema::type_name(number).to_owned();
    let tensor =
        Tensor { storage: "tensor".to_owned(), dtype, elements, offset: 0, size, stride: vec![] };
    let site = Site { span: body, route };
    reading.fact(Fact::Tensor { tensor, site });
    Ok(())
}
