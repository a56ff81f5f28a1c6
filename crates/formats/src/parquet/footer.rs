//! What stands at the end of a file: columns, where their values are, and notes of whoever wrote it.

use super::thrift::{Field, Thrift};
use davy_bytes::{Blame, Halt, Span};

/// Bytes of a name.
const NAME: usize = 256;

/// Columns, parts of columns and notes of one file that are read.
const MOST: usize = 1 << 18;

/// Puts an item into a list that has an end.
fn push<T>(list: &mut Vec<T>, item: T, at: u64) -> Result<(), Halt> {
    if list.len() >= MOST {
        return Err(Halt::exhausted(at, "a footer of more columns or notes than are read"));
    }
    list.push(item);
    Ok(())
}

/// Everything in it that matters.
#[derive(Debug, Default)]
pub(super) struct Footer {
    pub(super) version: i64,
    pub(super) rows: i64,
    pub(super) created_by: String,
    pub(super) columns: Vec<Column>,
    pub(super) chunks: Vec<Chunk>,
    /// Keys, and where their values stand.
    pub(super) notes: Vec<(String, Span)>,
    /// Whether values are encrypted.
    pub(super) is_encrypted: bool,
}

/// A column, or a group of them.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type; nothing where it is a group.
    pub(super) kind: Option<i64>,
    pub(super) children: i64,
    pub(super) at: u64,
}

/// The values of a column in some of the rows.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) at: u64,
    /// Another file that they are in.
    pub(super) file: Option<(String, Span)>,
    pub(super) codec: i64,
    pub(super) values: i64,
    pub(super) size: i64,
    /// Where pages of values and of the dictionary start.
    pub(super) data: i64,
    pub(super) dictionary: Option<i64>,
    /// Start and length of two indexes and a filter.
    pub(super) beside: [(i64, i64); 3],
    pub(super) notes: Vec<(String, Span)>,
    pub(super) is_encrypted: bool,
}

impl Chunk {
    /// Where its first page starts: some writers name a dictionary at zero where there is none.
    pub(super) fn start(&self) -> i64 {
        match self.dictionary {
            Some(at) if at > 0 => at.min(self.data),
            _ => self.data,
        }
    }
}

/// Reads `FileMetaData`.
pub(super) fn read(thrift: &mut Thrift<'_>, footer: &mut Footer) -> Result<(), Halt> {
    let mut last = 0;
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            1 => footer.version = thrift.int(field)?,
            2 => {
                for _ in 0..thrift.structs(field)? {
                    let column = column(thrift)?;
                    push(&mut footer.columns, column, thrift.position())?;
                }
            }
            3 => footer.rows = thrift.int(field)?,
            4 => {
                for _ in 0..thrift.structs(field)? {
                    group(thrift, &mut footer.chunks)?;
                }
            }
            5 => notes(thrift, field, &mut footer.notes)?,
            6 => footer.created_by = text(thrift, field)?.0,
            8 => {
                footer.is_encrypted = true;
                thrift.pass(field)?;
            }
            _ => thrift.pass(field)?,
        }
    }
    Ok(())
}

fn text(thrift: &mut Thrift<'_>, field: Field) -> Result<(String, Span), Halt> {
    let span = thrift.binary(field)?;
    let text = thrift.copy(span, NAME)?;
    Ok((String::from_utf8_lossy(&text).into_owned(), span))
}

/// `SchemaElement`.
fn column(thrift: &mut Thrift<'_>) -> Result<Column, Halt> {
    let mut column = Column { at: thrift.position(), ..Column::default() };
    let mut last = 0;
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            1 => column.kind = Some(thrift.int(field)?),
            4 => column.name = text(thrift, field)?.0,
            5 => column.children = thrift.int(field)?,
            _ => thrift.pass(field)?,
        }
    }
    Ok(column)
}

/// `RowGroup`.
fn group(thrift: &mut Thrift<'_>, chunks: &mut Vec<Chunk>) -> Result<(), Halt> {
    let mut last = 0;
    while let Some(field) = thrift.field(&mut last)? {
        if field.id != 1 {
            thrift.pass(field)?;
            continue;
        }
        for _ in 0..thrift.structs(field)? {
            let chunk = chunk(thrift)?;
            push(chunks, chunk, thrift.position())?;
        }
    }
    Ok(())
}

/// `ColumnChunk`.
fn chunk(thrift: &mut Thrift<'_>) -> Result<Chunk, Halt> {
    let mut chunk = Chunk { at: thrift.position(), ..Chunk::default() };
    let [mut offsets, mut index, mut filter] = chunk.beside;
    let mut last = 0;
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            1 => chunk.file = Some(text(thrift, field)?),
            3 if Thrift::is_struct(field) => filter = values(thrift, &mut chunk)?,
            4 => offsets.0 = thrift.int(field)?,
            5 => offsets.1 = thrift.int(field)?,
            6 => index.0 = thrift.int(field)?,
            7 => index.1 = thrift.int(field)?,
            8 => {
                chunk.is_encrypted = true;
                thrift.pass(field)?;
            }
            _ => thrift.pass(field)?,
        }
    }
    chunk.beside = [offsets, index, filter];
    Ok(chunk)
}

/// `ColumnMetaData`; returns start and length of its filter.
fn values(thrift: &mut Thrift<'_>, chunk: &mut Chunk) -> Result<(i64, i64), Halt> {
    let mut filter = (0, 0);
    let mut last = 0;
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            4 => chunk.codec = thrift.int(field)?,
            5 => chunk.values = thrift.int(field)?,
            7 => chunk.size = thrift.int(field)?,
            8 => notes(thrift, field, &mut chunk.notes)?,
            9 => chunk.data = thrift.int(field)?,
            11 => chunk.dictionary = Some(thrift.int(field)?),
            14 => filter.0 = thrift.int(field)?,
            15 => filter.1 = thrift.int(field)?,
            _ => thrift.pass(field)?,
        }
    }
    Ok(filter)
}

/// A list of `KeyValue`.
fn notes(
    thrift: &mut Thrift<'_>,
    field: Field,
    notes: &mut Vec<(String, Span)>,
) -> Result<(), Halt> {
    for _ in 0..thrift.structs(field)? {
        let (mut key, mut value) = (String::new(), Span::new(thrift.position(), 0));
        let mut last = 0;
        while let Some(field) = thrift.field(&mut last)? {
            match field.id {
                1 => key = text(thrift, field)?.0,
                2 => value = thrift.binary(field)?,
                _ => thrift.pass(field)?,
            }
        }
        push(notes, (key, value), thrift.position())?;
    }
    Ok(())
}

/// A page: its header, the length of what is behind it, and how much of that are levels which stand
/// before what is packed.
pub(super) struct Page {
    pub(super) header: Span,
    pub(super) size: i64,
    pub(super) levels: i64,
}

/// Reads `PageHeader`.
pub(super) fn page(thrift: &mut Thrift<'_>) -> Result<Page, Halt> {
    let start = thrift.position();
    let (mut size, mut levels, mut last) = (-1, 0, 0);
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            3 => size = thrift.int(field)?,
            8 if Thrift::is_struct(field) => levels = second(thrift)?,
            _ => thrift.pass(field)?,
        }
    }
    Ok(Page { header: Span::between(start, thrift.position()), size, levels })
}

/// The length of all levels in `DataPageHeaderV2`.
fn second(thrift: &mut Thrift<'_>) -> Result<i64, Halt> {
    let (mut levels, mut last) = (0_i64, 0);
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            5 | 6 => levels = levels.saturating_add(thrift.int(field)?),
            _ => thrift.pass(field)?,
        }
    }
    Ok(levels)
}

/// Whether what stands up to `end` is `ColumnChunk` or `ColumnMetaData`, one or several, and nothing
/// else.
pub(super) fn is_copy(thrift: &mut Thrift<'_>, end: u64) -> Result<bool, Halt> {
    while thrift.position() < end {
        let start = thrift.position();
        let outer = chunk(thrift);
        let read = match outer {
            Ok(chunk) if chunk.size > 0 => Ok(chunk),
            _ => {
                thrift.seek(start);
                let mut inner = Chunk::default();
                values(thrift, &mut inner).map(|_| inner)
            }
        };
        match read {
            // Each tells how long its pages are.
            Ok(chunk) if chunk.size > 0 => {}
            Ok(_) => return Ok(false),
            Err(halt) if halt.blame() == Blame::Malformed => return Ok(false),
            Err(halt) => return Err(halt),
        }
    }
    Ok(true)
}

/// Length of a filter with its header, which older writers do not note.
pub(super) fn filter(thrift: &mut Thrift<'_>) -> Result<i64, Halt> {
    let start = thrift.position();
    let (mut size, mut last) = (0, 0);
    while let Some(field) = thrift.field(&mut last)? {
        match field.id {
            1 => size = thrift.int(field)?,
            _ => thrift.pass(field)?,
        }
    }
    let header = thrift.position().saturating_sub(start);
    Ok(size.saturating_add(i64::try_from(header).unwrap_or(i64::MAX)))
}
