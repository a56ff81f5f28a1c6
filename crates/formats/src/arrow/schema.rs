//! Schemas: columns, their types, and the metadata that applications put beside them.

use crate::embedded;
use crate::flatbuffers::{Flat, Table, Vector};
use crate::key::key_of;
use davy_artifact::{Excerpt, Fact, Reading, Role, Route, Site, Value};
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::rc::Rc;

/// Columns within columns that are followed.
const DEPTH: usize = 64;

/// Columns that are told one by one.
const TOLD: u64 = 10_000;

/// Bytes of a path from which on names are left out.
const PATH: usize = 1024;

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

/// The columns of a schema, those within others among them: how many there are, and what stands for
/// the name, type and extension of each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Columns {
    pub(super) count: u64,
    digest: u128,
}

/// Columns of one list that are being read.
struct Level {
    list: Vector,
    next: u64,
    path: Rc<str>,
}

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
    let mut columns = Columns::default();
    metadata(flat, (schema, 2), "schema", base, reading)?;
    let list = flat.vector(schema, 1, 4, "columns")?.unwrap_or_default();
    let mut levels = vec![Level { list, next: 0, path: "".into() }];
    while let Some(level) = levels.last_mut() {
        if level.next >= level.list.count {
            levels.pop();
            continue;
        }
        let field = flat.element(level.list, level.next, "column")?;
        level.next = level.next.saturating_add(1);
        let path = column(flat, field, (&level.path, base), &mut columns, reading)?;
        let list = flat.vector(field, 5, 4, "columns")?.unwrap_or_default();
        if levels.len() >= DEPTH {
            return Err(Halt::exhausted(field.at, "columns that lie too deep in each other"));
        }
        levels.push(Level { list, next: 0, path });
    }
    Ok(columns)
}

/// Tells of a column; returns its path.
fn column(
    flat: &mut Flat<'_>,
    field: Table,
    (outer, base): (&Rc<str>, u64),
    columns: &mut Columns,
    reading: &mut Reading,
) -> Result<Rc<str>, Halt> {
    let name = flat.text(field, 0, "name of a column", NAME)?;
    let kind = flat.u8(field, 2, 0)?;
    let path: Rc<str> = match outer.len() {
        0 => name.as_str().into(),
        // Names that go on for ever tell nothing more.
        PATH.. => Rc::clone(outer),
        _ => format!("{outer}.{name}").into(),
    };
    let extension = metadata(flat, (field, 6), &path, base, reading)?;
    columns.digest = key_of(&|hasher| {
        hasher.write_u128(columns.digest);
        hasher.write(path.as_bytes());
        hasher.write_u8(kind);
        hasher.write(&extension);
    });
    columns.count = columns.count.saturating_add(1);
    if columns.count <= TOLD {
        let (detail, path) = (type_name(kind).to_owned(), path.as_ref().to_owned());
        let span = Span::new(base.saturating_add(field.at), 4);
        let site = Site { span, route: Route::Object(path.clone()) };
        reading.fact(Fact::Object { path, kind: "column", detail, site });
    }
    Ok(path)
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
        } else if let Some(text) = whole(&value, span) {
            let (all, name) = (flat.bytes().clone(), format!("{owner}.{key}"));
            embedded::push(&name, text, (&all, span, true), reading, flat.budget())?;
        } else {
            reading.child(format!("{owner}.{key}"), bytes, Role::Storage);
        }
    }
    Ok(extension)
}

/// The text in a place, where it is one that was read whole.
fn whole(value: &[u8], place: Span) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|_| to_u64(value.len()) == place.len)
}
