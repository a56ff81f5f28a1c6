//! Schemas: columns, their types, and the metadata that applications put beside them.

use crate::embedded;
use crate::flatbuffers::{Flat, Table};
use davy_artifact::{Excerpt, Fact, Reading, Role, Route, Site, Value};
use davy_bytes::{Budget, Halt, Limits, Span, to_usize};

/// Columns within columns that are followed.
const DEPTH: u32 = 64;

/// Columns that are told one by one.
const TOLD: usize = 10_000;

/// Bytes of a name, and of a value that facts show.
const NAME: usize = 256;
const SHOWN: usize = 1024;

/// Bytes of a value that are looked at for what else they could be.
const LOOK: usize = 1 << 20;

/// The keys under which a column has the name of its extension type, and what its class gets.
const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION: &str = "ARROW:extension:metadata";

/// Names of types, by the number of the union `Type`.
const TYPES: &[&str] = &[
    "none",
    "null",
    "int",
    "floating point",
    "binary",
    "utf8",
    "bool",
    "decimal",
    "date",
    "time",
    "timestamp",
    "interval",
    "list",
    "struct",
    "union",
    "fixed-size binary",
    "fixed-size list",
    "map",
    "duration",
    "large binary",
    "large utf8",
    "large list",
    "run-end encoded",
    "binary view",
    "utf8 view",
    "list view",
    "large list view",
];

/// The columns of a schema: name, type and extension of each, those within others behind them.
pub(super) type Columns = Vec<(String, u8, Vec<u8>)>;

/// The name of a type.
pub(super) fn type_name(number: u8) -> &'static str {
    TYPES.get(usize::from(number)).copied().unwrap_or("unknown")
}

/// Reads a schema out of a message that starts at `base`.
pub(super) fn read(
    flat: &mut Flat<'_>,
    schema: Table,
    base: u64,
    reading: &mut Reading,
) -> Result<Columns, Halt> {
    let mut columns = Columns::new();
    metadata(flat, (schema, 2), "schema", base, reading)?;
    let mut waiting = Vec::new();
    children(flat, (schema, 1), "", 0, &mut waiting)?;
    while let Some((field, path, depth)) = waiting.pop() {
        let name = flat.text(field, 0, "name of a column", NAME)?;
        let kind = flat.u8(field, 2, 0)?;
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        let extension = metadata(flat, (field, 6), &path, base, reading)?;
        if columns.len() < TOLD {
            let detail = type_name(kind).to_owned();
            let span = Span::new(base.saturating_add(field.at), 4);
            let site = Site { span, route: Route::Object(path.clone()) };
            reading.fact(Fact::Object { path: path.clone(), kind: "column", detail, site });
        }
        if depth >= DEPTH {
            return Err(Halt::exhausted(field.at, "columns that lie too deep in each other"));
        }
        children(flat, (field, 5), &path, depth.saturating_add(1), &mut waiting)?;
        columns.push((path, kind, extension));
    }
    Ok(columns)
}

/// Puts the columns in a field of a table on the list of what is to be read, the first one last.
fn children(
    flat: &mut Flat<'_>,
    (table, field): (Table, u16),
    path: &str,
    depth: u32,
    waiting: &mut Vec<(Table, String, u32)>,
) -> Result<(), Halt> {
    let list = flat.vector(table, field, 4, "columns")?.unwrap_or_default();
    for index in (0..list.count).rev() {
        waiting.push((flat.element(list, index, "column")?, path.to_owned(), depth));
    }
    Ok(())
}

/// Reads the keys and values in a field of a table; returns what makes an extension type.
pub(super) fn metadata(
    flat: &mut Flat<'_>,
    (table, field): (Table, u16),
    owner: &str,
    base: u64,
    reading: &mut Reading,
) -> Result<Vec<u8>, Halt> {
    let mut extension = Vec::new();
    let list = flat.vector(table, field, 4, "metadata")?.unwrap_or_default();
    for index in 0..list.count {
        let pair = flat.element(list, index, "key and value")?;
        let key = flat.text(pair, 0, "key", NAME)?;
        let span = flat.string(pair, 1, "value")?.unwrap_or_default();
        let mut value = vec![0; to_usize(span.len).min(LOOK)];
        flat.fill(span.start, &mut value)?;
        let place = Span::new(base.saturating_add(span.start), span.len);
        let head = value.get(..value.len().min(SHOWN)).unwrap_or_default().to_vec();
        if key == EXTENSION_NAME || key == EXTENSION {
            extension.extend_from_slice(&head);
            extension.push(0);
        }
        let site = Site { span: place, route: Route::Object(owner.to_owned()) };
        let text = Value::Text(Excerpt { head, len: span.len });
        let (owner, name) = (owner.to_owned(), key.clone());
        reading.fact(Fact::Attribute { owner: owner.clone(), name, value: text, site });
        let bytes = flat.bytes().slice(span);
        if key == EXTENSION {
            // The class of the type gets it, whatever that does with it.
            reading.child(format!("{owner}.{key}"), bytes, Role::Loaded);
        } else if let Ok(text) = std::str::from_utf8(&value) {
            let mut budget = Budget::new(Limits::default());
            let place = (flat.bytes(), span, true);
            embedded::push(&format!("{owner}.{key}"), text, place, reading, &mut budget)?;
        } else {
            reading.child(format!("{owner}.{key}"), bytes, Role::Storage);
        }
    }
    Ok(extension)
}
