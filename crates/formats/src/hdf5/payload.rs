//! What attributes and datasets carry that could be something else: pickles above all.
//!
//! PyTables stores Python objects as pickles: attributes that are text of fixed length and end in a
//! full stop are unpickled whenever they are looked at, and the rows of arrays with the
//! pseudo-atom `object` when they are read. pandas keeps every column of objects so. Everything else
//! is data that nothing but its own program loads; what looks like another format is read as that.

use super::access::Access;
use super::attribute::Attribute;
use super::data::{self, Data};
use super::datatype::{Class, Datatype};
use super::file::{File, Leads};
use super::object::{Dataset, Object, Types};
use super::record::shown;
use super::value::{Decoder, stripped};
use crate::pickle::Pickle;
use davy_artifact::{Fact, Format, Input, Probe, Reading, Role, Why};
use davy_bytes::{Blame, Bytes, Halt, Span, to_u64, to_usize};
use std::collections::HashMap;

/// Bytes that are put together from the chunks of one dataset.
const DATASET: u64 = 16 << 20;

/// Bytes that are put together from the chunks of all datasets; of the rest, the start is.
const TOTAL: u64 = 64 << 20;

/// That start.
const START: u64 = 64 << 10;

/// Rows of variable length that are looked at, in all datasets.
const ROWS: u64 = 100_000;

/// Rows that PyTables would unpickle which become artifacts of their own.
const LOADED: u64 = 10_000;

/// Longest text of fixed length that is looked at as one: attributes are no longer, but in files made
/// to be odd.
const TEXT: usize = 1 << 20;

/// What is looked for, and how much of it still is.
struct Search {
    total: u64,
    rows: u64,
    loaded: u64,
}

/// Makes children of what could be something else.
pub(super) fn children(
    access: &mut Access<'_>,
    file: &File,
    types: &mut Types,
) -> Result<(), Halt> {
    let mut search = Search { total: TOTAL, rows: ROWS, loaded: LOADED };
    for entry in &file.entries {
        let Leads::Object { index, first: true } = entry.leads else { continue };
        let Some(object) = file.objects.get(index) else { continue };
        for attribute in &object.attributes {
            self::attribute(access, object, attribute);
        }
        if let Some(dataset) = &object.dataset {
            let read = search.dataset(access, types, object, dataset);
            // Packed numbers are explained, whatever packs them; packed bytes could be anything.
            let explained =
                |halt: &Halt| halt.blame() == Blame::Unsupported && dataset.datatype.is_numeric();
            if let Err(halt) =
                read.or_else(|halt| if explained(&halt) { Ok(()) } else { Err(halt) })
            {
                access.survive(halt, object.span, &format!("elements of {}", object.path))?;
            }
        }
    }
    Ok(())
}

/// Whether PyTables wrote an object.
fn is_marked(object: &Object) -> bool {
    object.attribute("CLASS").is_some()
        && ["VERSION", "TITLE", "FLAVOR"].iter().any(|name| object.attribute(name).is_some())
}

/// An attribute of opaque bytes, of bytes, or of text that PyTables would unpickle.
fn attribute(access: &mut Access<'_>, object: &Object, attribute: &Attribute) {
    let bytes = &attribute.stored;
    let name = format!("{}@{}", object.path, shown(&attribute.name));
    if matches!(attribute.datatype.class, Class::Text { .. }) {
        let raw = bytes.copy(Span::new(0, bytes.len()), TEXT).unwrap_or_default();
        let text = stripped(&raw, 0);
        let bytes = bytes.slice(Span::new(0, to_u64(text.len())));
        let loaded = is_marked(object) && text.len() > 2 && text.ends_with(b".");
        let (least, role) =
            if loaded { (Probe::Possible, Role::Loaded) } else { (Probe::Certain, Role::Storage) };
        if pickle(&head(&bytes), &bytes) >= least {
            access.reading.child(name, bytes, role);
        }
    } else if attribute.datatype.is_bytes() && !attribute.datatype.is_indirect() {
        storage(access, name, bytes.clone(), &["text"]);
    }
}

/// The first bytes, as many as probes see.
fn head(bytes: &Bytes) -> Vec<u8> {
    const HEAD: usize = 4096;
    bytes.copy(Span::new(0, bytes.len()), HEAD).unwrap_or_default()
}

fn pickle(head: &[u8], bytes: &Bytes) -> Probe {
    Pickle.probe(head, &Input { bytes, name: "", role: Role::Storage })
}

/// Makes a child of data that could be of some format, besides those that are unlikely.
fn storage(access: &mut Access<'_>, name: String, bytes: Bytes, unlikely: &[&str]) {
    let head = head(&bytes);
    let blank = head.iter().all(|byte| *byte == 0);
    if !blank && could_be((&head, &bytes), Probe::Possible, unlikely) {
        access.reading.child(name, bytes, Role::Storage);
    }
}

/// Whether a format, besides those that are unlikely, is at least so sure of `bytes`.
pub(super) fn could_be((head, bytes): (&[u8], &Bytes), least: Probe, unlikely: &[&str]) -> bool {
    let input = Input { bytes, name: "", role: Role::Storage };
    let mut formats = crate::FORMATS.iter().filter(|format| !unlikely.contains(&format.id()));
    formats.any(|format| format.probe(head, &input) >= least)
}

/// Whether numbers are evidently something else. One in a few thousand arrays starts like a pickle or
/// a zlib stream by chance, and a model has as many: only a pickle that imports something counts.
fn is_evident(access: &mut Access<'_>, bytes: &Bytes) -> bool {
    let head = head(bytes);
    if could_be((&head, bytes), Probe::Certain, &["text", "zlib", "pickle"]) {
        return true;
    }
    if pickle(&head, bytes) == Probe::No {
        return false;
    }
    let input = Input { bytes, name: "", role: Role::Storage };
    let mut reading = Reading::default();
    // Faults are what numbers that are no pickle have.
    let _ = Pickle.read(&input, &mut reading, access.budget);
    reading.facts.iter().any(|fact| matches!(fact, Fact::Import { .. }))
}

impl Search {
    fn dataset(
        &mut self,
        access: &mut Access<'_>,
        types: &mut Types,
        object: &Object,
        dataset: &Dataset,
    ) -> Result<(), Halt> {
        let sequence =
            matches!(dataset.datatype.class, Class::Sequence(_) | Class::LongText { .. });
        if sequence {
            return self.rows(access, types, object, dataset);
        }
        let wanted = dataset.datatype.is_bytes() && !dataset.datatype.is_indirect();
        let placed = data::place(access, dataset);
        if placed.is_none() && (!wanted || is_compound(&dataset.datatype)) {
            return Ok(());
        }
        let size = data::size(dataset);
        let limit = if size <= DATASET.min(self.total) { size } else { START };
        let Some(data) = data::read(access, dataset, limit)? else { return Ok(()) };
        if placed.is_none() {
            self.total = self.total.saturating_sub(data.bytes.len());
        }
        if wanted || is_evident(access, &data.bytes) {
            storage(access, object.path.clone(), data.bytes, &["text"]);
        }
        Ok(())
    }

    /// The rows of a dataset of variable length.
    fn rows(
        &mut self,
        access: &mut Access<'_>,
        types: &mut Types,
        object: &Object,
        dataset: &Dataset,
    ) -> Result<(), Halt> {
        let base = match &dataset.datatype.class {
            Class::Sequence(base) if base.size == 1 => base.size,
            Class::LongText { .. } => 1,
            _ => return Ok(()),
        };
        let Some(data) = data::read(access, dataset, DATASET)? else { return Ok(()) };
        let loaded = is_pickled(access, types, object);
        let width = dataset.datatype.size.max(1);
        let count = data.bytes.len().checked_div(width).unwrap_or(0);
        for row in 0..count {
            let Some(left) = self.rows.checked_sub(1) else { break };
            self.rows = left;
            let place = Span::new(row.saturating_mul(width), width);
            if let Some(bytes) = element(access, types, (&data, place), base)? {
                let name = format!("{}[{row}]", object.path);
                self.row(access, name, bytes, loaded);
            }
        }
        if loaded && (self.loaded == 0 || self.rows == 0 || !data.whole) {
            let what = format!("rows of {} that PyTables unpickles, of {count}", object.path);
            access.reading.gap(object.span, Why::Halted(Blame::Exhausted), &what);
        }
        Ok(())
    }

    fn row(&mut self, access: &mut Access<'_>, name: String, bytes: Bytes, loaded: bool) {
        let head = head(&bytes);
        if loaded {
            if let Some(left) = self.loaded.checked_sub(1) {
                self.loaded = left;
                access.reading.child(name, bytes, Role::Loaded);
            }
        } else if could_be((&head, &bytes), Probe::Certain, &["text"]) {
            access.reading.child(name, bytes, Role::Storage);
        }
    }
}

/// What an element of variable length, at `place` of the stored ones, has in the global heap.
fn element(
    access: &mut Access<'_>,
    types: &mut Types,
    (data, place): (&Data, Span),
    base: u64,
) -> Result<Option<Bytes>, Halt> {
    let raw = data.bytes.copy(place, to_usize(place.len))?;
    let packed = data.span.len == 0;
    let at = data.span.start.saturating_add(if packed { 0 } else { place.start });
    access.steps(1, at)?;
    let paths = HashMap::new();
    let mut decoder = Decoder::new(access, &mut types.heaps, &paths);
    Ok(decoder.heap(&raw, at, base)?.map(|(bytes, _)| bytes))
}

fn is_compound(datatype: &Datatype) -> bool {
    matches!(datatype.class, Class::Compound(_))
}

/// Whether PyTables unpickles the rows of an array: the pseudo-atom `object`, or before format 2.0
/// the flavor `Object`.
fn is_pickled(access: &mut Access<'_>, types: &mut Types, object: &Object) -> bool {
    let mut is = |name: &str, words: &[&str]| {
        let Some(attribute) = object.attribute(name) else { return false };
        let paths = HashMap::new();
        let mut decoder = Decoder::new(access, &mut types.heaps, &paths);
        let shape = (attribute.datatype.as_ref(), &attribute.dataspace);
        let value = decoder.all(shape, &attribute.stored, attribute.span.start);
        value.is_ok_and(|value| value.text().is_some_and(|text| words.contains(&text)))
    };
    is("PSEUDOATOM", &["object"]) || is("FLAVOR", &["Object", "Pickle"])
}
