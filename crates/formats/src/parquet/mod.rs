//! Apache Parquet: columns of a table in pages, and a footer that says where they are.
//!
//! Source: Apache Parquet format 2.12, `README.md`, `parquet.thrift`, `Encryption.md`.
//!
//! The values of columns are data, and are passed over page by page without being unpacked. What loaders act
//! on is in the footer: another file that a column is in, and the schema of Arrow among the notes,
//! which brings the metadata of extension types with it.

mod footer;
mod thrift;

use crate::embedded;
use crate::keras::base64;
use crate::stored::{Stored, children, first_set};
use davy_artifact::{
    Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};
use footer::{Chunk, Footer};
use std::collections::BTreeMap;
use thrift::Thrift;

/// What files start and end with, and what they end with where the footer is encrypted.
const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED: &[u8; 4] = b"PARE";

/// The key under which Arrow keeps its schema, in base64.
const ARROW: &str = "ARROW:schema";

/// Bytes of a note that are looked at, and that facts show.
const LOOK: usize = 16 << 20;
const SHOWN: usize = 1024;

/// Columns and notes of columns that are told one by one.
const TOLD: usize = 10_000;

/// Pages that may be read for what else they could be.
const PAGES: usize = 1 << 16;

/// Bytes between parts that are too few to hold anything; writers align parts to eight or sixteen.
const WORTH_READING: u64 = 16;

/// Physical types of values, by number.
const TYPES: &[&str] =
    &["boolean", "int32", "int64", "int96", "float", "double", "byte array", "fixed byte array"];

/// The reader of Parquet files.
#[derive(Debug)]
pub struct Parquet;

impl Format for Parquet {
    fn id(&self) -> &'static str {
        "parquet"
    }

    fn summary(&self) -> &'static str {
        "Apache Parquet files: columns, their places, and notes; values are not looked into"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let known = head.starts_with(MAGIC) || head.starts_with(ENCRYPTED);
        if known { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let result = file(input.bytes, reading, budget);
        if let Err(halt) = &result {
            crate::stored::break_off(halt, input.bytes, reading);
        }
        result
    }
}

fn file(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let len = bytes.len();
    let tail = bytes.copy(Span::new(len.saturating_sub(8), 8), 8)?;
    let (size, magic) = tail.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    let size = u64::from(u32::from_le_bytes(*size));
    let start = len.checked_sub(8).and_then(|end| end.checked_sub(size));
    let Some(start) = start.filter(|start| *start >= 4) else {
        return Err(Halt::malformed(4.min(len), "no footer at the end of a Parquet file"));
    };
    if magic == ENCRYPTED {
        return Err(Halt::encrypted(4, "the footer of a Parquet file is encrypted"));
    }
    if magic != MAGIC {
        return Err(Halt::malformed(4, "no footer at the end of a Parquet file"));
    }
    let data = Span::between(4, start);
    let mut it = Table {
        bytes,
        data,
        reading,
        budget,
        parts: Vec::new(),
        pages: Vec::new(),
        chunks: Values::default(),
    };
    let place = Span::new(start, size);
    let mut footer = Footer::default();
    let part = bytes.slice(Span::between(0, place.end()));
    let mut thrift = Thrift::new(part, start, it.budget);
    let read = footer::read(&mut thrift, &mut footer);
    let end = thrift.position();
    it.tell(&footer, place)?;
    read?;
    // A signature follows where the footer is signed.
    if end < place.end() && !footer.is_encrypted {
        it.leftover(Span::between(end, place.end()), Quirk::BytesBetween)?;
    }
    children(bytes, &it.pages, it.reading);
    let whole = it.account()?;
    it.reading.seamless = whole && end == place.end();
    Ok(())
}

/// A file that is being read.
struct Table<'a> {
    bytes: &'a Bytes,
    /// What stands between the magic and the footer.
    data: Span,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    /// What is explained of that.
    parts: Vec<Span>,
    pages: Vec<Stored>,
    chunks: Values,
}

impl Table<'_> {
    fn tell(&mut self, footer: &Footer, place: Span) -> Result<(), Halt> {
        let site = || Site { span: place, route: Route::None };
        let detail = format!("version {}, {} rows", footer.version, footer.rows);
        let path = "table".to_owned();
        self.reading.fact(Fact::Object { path, kind: "table", detail, site: site() });
        if !footer.created_by.is_empty() {
            let value = Value::Text(Excerpt::whole(footer.created_by.as_str()));
            let (owner, name) = (String::new(), "created_by".to_owned());
            self.reading.fact(Fact::Attribute { owner, name, value, site: site() });
        }
        self.columns(footer, place);
        for (key, span) in &footer.notes {
            self.note(key, *span)?;
        }
        for chunk in &footer.chunks {
            for (key, span) in chunk.notes.iter().take(TOLD) {
                self.note(key, *span)?;
            }
            let read = self.chunk(chunk);
            crate::tflite::keep(read, self.reading, || Route::None)?;
        }
        Ok(())
    }

    /// The columns; the first one is the group of all others.
    fn columns(&mut self, footer: &Footer, place: Span) {
        let children: i64 =
            footer.columns.iter().map(|it| it.children.max(0)).fold(0, i64::saturating_add);
        let others = footer.columns.len().saturating_sub(1);
        if i64::try_from(others) != Ok(children) {
            let what = format!("{others} columns, where groups have {children} in all");
            self.reading.deviation(Quirk::HeadersDisagree, place, Route::None, &what);
        }
        for column in footer.columns.iter().skip(1).take(TOLD) {
            let kind = column.kind.and_then(|kind| usize::try_from(kind).ok());
            let detail = match (column.kind, kind.and_then(|kind| TYPES.get(kind))) {
                (None, _) => format!("group of {}", column.children),
                (_, Some(name)) => (*name).to_owned(),
                (Some(number), None) => format!("type {number}"),
            };
            let route = Route::Object(column.name.clone());
            let site = Site { span: Span::new(column.at, 1), route };
            let path = column.name.clone();
            self.reading.fact(Fact::Object { path, kind: "column", detail, site });
        }
    }

    /// What a writer notes under a key.
    fn note(&mut self, key: &str, span: Span) -> Result<(), Halt> {
        let value = self.bytes.copy(span, LOOK.min(to_usize(span.len)))?;
        let head = value.get(..value.len().min(SHOWN)).unwrap_or_default().to_vec();
        let site = Site { span, route: Route::Key(key.to_owned()) };
        let text = Value::Text(Excerpt { head, len: span.len });
        let (owner, name) = (String::new(), key.to_owned());
        self.reading.fact(Fact::Attribute { owner, name, value: text, site });
        if to_u64(value.len()) < span.len {
            return Err(Halt::exhausted(span.start, "a note that is larger than any in use"));
        }
        let Ok(text) = std::str::from_utf8(&value) else {
            self.reading.child(key.to_owned(), self.bytes.slice(span), Role::Storage);
            return Ok(());
        };
        if key != ARROW {
            let place = (self.bytes, span, true);
            return embedded::push(key, text, place, self.reading, self.budget);
        }
        let Some(schema) = base64::decode(text) else {
            let what = "the schema of Arrow is not base64";
            self.reading.deviation(Quirk::WrongType, span, Route::Key(key.to_owned()), what);
            return Ok(());
        };
        self.budget.spend_expansion(to_u64(schema.len()), span.start)?;
        self.reading.child(key.to_owned(), Bytes::from_memory(schema), Role::Loaded);
        Ok(())
    }

    /// The values of a column in some rows, page by page.
    fn chunk(&mut self, chunk: &Chunk) -> Result<(), Halt> {
        if let Some((file, span)) = &chunk.file {
            let site = Site { span: *span, route: Route::None };
            self.reading.fact(Fact::Reference {
                target: file.clone(),
                purpose: "external data",
                site,
            });
            return Ok(());
        }
        for (start, len) in chunk.beside {
            self.beside(start, len)?;
        }
        if chunk.values == 0 && chunk.start() == 0 {
            return Ok(());
        }
        let outside = |what: String| Halt::malformed(chunk.at, what);
        let span = span(chunk.start(), chunk.size).filter(|span| within(*span, self.data));
        let Some(span) = span else {
            let what = format!(
                "a column of {} bytes at {}, which is not in the file",
                chunk.size,
                chunk.start()
            );
            return Err(outside(what));
        };
        if !self.chunks.insert(span) {
            return Err(outside("two columns whose values lie over each other".to_owned()));
        }
        self.parts.push(span);
        if chunk.is_encrypted {
            self.reading.halted(&Halt::encrypted(span.start, "an encrypted column"), span.end());
            return Ok(());
        }
        let mut at = span.start;
        while at < span.end() {
            let part = self.bytes.slice(Span::between(0, span.end()));
            let mut thrift = Thrift::new(part, at, self.budget);
            let footer::Page { header, size, levels } = footer::page(&mut thrift)?;
            let size = u64::try_from(size).ok().filter(|size| *size <= thrift.left());
            let Some(size) = size else {
                let what = "a page that is larger than its column";
                return Err(Halt::malformed(header.start, what));
            };
            at = header.end().saturating_add(size);
            // The levels of pages of the second kind are not packed with the values.
            let levels = u64::try_from(levels).ok().filter(|levels| *levels <= size);
            let start = header.end().saturating_add(levels.unwrap_or_default());
            let name = format!("@page@{start:#x}");
            let span = Span::between(start, at);
            if self.pages.len() < PAGES {
                self.pages.push(Stored { name, span, is_bytes: true });
            }
        }
        Ok(())
    }

    /// An index or a filter of a column.
    fn beside(&mut self, start: i64, len: i64) -> Result<(), Halt> {
        if start <= 0 {
            return Ok(());
        }
        let len = match (len, u64::try_from(start).ok()) {
            (0, Some(at)) if at < self.data.end() => {
                let part = self.bytes.slice(Span::between(0, self.data.end()));
                footer::filter(&mut Thrift::new(part, at, self.budget))?
            }
            _ => len,
        };
        let Some(span) = span(start, len).filter(|span| within(*span, self.data)) else {
            let what = format!("an index of {len} bytes at {start}, which is not in the file");
            return Err(Halt::malformed(self.data.end(), what));
        };
        self.parts.push(span);
        Ok(())
    }

    /// Records what nothing in the footer explains; says whether that is nothing.
    fn account(&mut self) -> Result<bool, Halt> {
        self.parts.sort_unstable();
        let mut end = self.data.start;
        let mut between = Vec::new();
        for part in &self.parts {
            between.push(Span::between(end.min(part.start), part.start));
            end = end.max(part.end());
        }
        between.push(Span::between(end, self.data.end()));
        let mut whole = true;
        for span in between {
            whole &= self.leftover(span, Quirk::BytesBetween)?;
        }
        Ok(whole)
    }

    fn leftover(&mut self, span: Span, quirk: Quirk) -> Result<bool, Halt> {
        if span.len < WORTH_READING || first_set(self.bytes, span, self.budget)?.is_none() {
            return Ok(true);
        }
        // Many writers put a copy of what the footer says about a column behind its values.
        let part = self.bytes.slice(Span::between(0, span.end()));
        if footer::is_copy(&mut Thrift::new(part, span.start, self.budget), span.end())? {
            return Ok(true);
        }
        let what = format!("{} bytes that nothing in the footer refers to", span.len);
        self.reading.deviation(quirk, span, Route::None, &what);
        let name = format!("@between@{:#x}", span.start);
        self.reading.child(name, self.bytes.slice(span), Role::Leftover);
        Ok(false)
    }
}

/// Where values of columns are: no two lie over each other, so that each page is read once.
#[derive(Default)]
struct Values(BTreeMap<u64, u64>);

impl Values {
    /// Takes a place, unless it lies over another.
    fn insert(&mut self, span: Span) -> bool {
        let before = self.0.range(..span.end()).next_back();
        let free = before.is_none_or(|(_, end)| *end <= span.start);
        if free && span.len > 0 {
            self.0.insert(span.start, span.end());
        }
        free
    }
}

/// A span of two numbers that are not negative.
fn span(start: i64, len: i64) -> Option<Span> {
    Some(Span::new(u64::try_from(start).ok()?, u64::try_from(len).ok()?))
}

fn within(span: Span, outer: Span) -> bool {
    span.start >= outer.start && span.end() <= outer.end()
}
