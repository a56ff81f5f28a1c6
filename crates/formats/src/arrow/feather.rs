//! The first form of Feather: columns one behind the other, and a table of them at the end.

use crate::flatbuffers::{Flat, Table};
use crate::stored::{Area, Stored};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Role, Route, Site};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// What files start and end with.
const MAGIC: &[u8; 4] = b"FEA1";

/// Bytes of a name.
const NAME: usize = 256;

/// Columns that are read.
const COLUMNS: u64 = 1 << 16;

/// Columns are padded to this many bytes.
const ALIGNMENT: u64 = 64;

/// The reader of files of the first form.
#[derive(Debug)]
pub struct Feather;

impl Format for Feather {
    fn id(&self) -> &'static str {
        "feather"
    }

    fn summary(&self) -> &'static str {
        "Feather files of the first form: columns of a table"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.starts_with(MAGIC) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let result = table(input.bytes, reading, budget);
        if let Err(halt) = &result {
            crate::stored::break_off(halt, input.bytes, reading);
        }
        result
    }
}

fn table(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let len = bytes.len();
    let tail = bytes.copy(Span::new(len.saturating_sub(8), 8), 8)?;
    let (size, magic) = tail.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    let size = u64::from(u32::from_le_bytes(*size));
    let start = len.checked_sub(8).and_then(|end| end.checked_sub(size));
    let Some(start) = start.filter(|start| magic == MAGIC && *start >= 4) else {
        return Err(Halt::malformed(len, "no table at the end of a Feather file"));
    };
    let part = bytes.slice(Span::new(start, size));
    let columns = columns(&part, start, reading, budget).map_err(|halt| halt.shifted(start))?;
    let data = bytes.slice(Span::between(0, start));
    let area = Area { start: 4, alignment: ALIGNMENT, what: "the columns" };
    reading.seamless = area.account(&data, &columns, reading, budget)?;
    Ok(())
}

/// The arrays of all columns.
fn columns(
    part: &Bytes,
    base: u64,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Vec<Stored>, Halt> {
    let mut stored = Vec::new();
    let mut flat = Flat::new(part, budget);
    let root = flat.root()?;
    let list = flat.vector(root, 2, 4, "columns")?.unwrap_or_default();
    if list.count > COLUMNS {
        return Err(Halt::exhausted(list.span.start, "more columns than are read"));
    }
    for index in 0..list.count {
        let column = flat.element(list, index, "column")?;
        let name = flat.text(column, 0, "name of a column", NAME)?;
        let user = flat.string(column, 4, "metadata of a column")?.unwrap_or_default();
        if user.len > 0 {
            reading.child(format!("{name}.metadata"), part.slice(user), Role::Storage);
        }
        let mut arrays = vec![(name.clone(), flat.child(column, 1, "values")?)];
        if flat.u8(column, 2, 0)? == 1
            && let Some(category) = flat.child(column, 3, "metadata")?
        {
            arrays.push((format!("{name}.levels"), flat.child(category, 0, "levels")?));
        }
        for (name, array) in arrays {
            let Some(array) = array else { continue };
            stored.extend(values(&mut flat, array, &name, base, reading)?);
        }
    }
    Ok(stored)
}

/// One array of values.
fn values(
    flat: &mut Flat<'_>,
    array: Table,
    name: &str,
    base: u64,
    reading: &mut Reading,
) -> Result<Option<Stored>, Halt> {
    let kind = flat.u8(array, 0, 0)?;
    let (offset, count) = (flat.i64(array, 2, 0)?, flat.i64(array, 3, 0)?);
    let total = flat.i64(array, 5, 0)?;
    let place = Span::new(base.saturating_add(array.at), 4);
    let route = Route::Object(name.to_owned());
    let span = u64::try_from(offset).ok().zip(u64::try_from(total).ok());
    let span = span.map(|(start, len)| Span::new(start, len)).filter(|span| span.end() <= base);
    let Some(span) = span else {
        let what = format!("{total} bytes at {offset}, which is not in the file");
        reading.deviation(Quirk::OutOfRange, place, route, &what);
        return Ok(None);
    };
    let detail = format!("{count} values of type {kind}");
    let site = Site { span, route };
    reading.fact(Fact::Object { path: name.to_owned(), kind: "column", detail, site });
    Ok(Some(Stored { name: name.to_owned(), span, is_bytes: true }))
}
