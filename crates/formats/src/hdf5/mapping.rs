//! Virtual datasets: which datasets of which files their elements are in.
//!
//! Source: HDF5 File Format Specification, VI.A "Appendix: Disk Format of a Virtual Dataset",
//! "Dataspace Selection"; the short form of HDF5 2.0 as libhdf5 2.0 writes it.

use super::access::Access;
use super::fields::Fields;
use super::global::Heaps;
use super::layout::Mapping;
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::rc::Rc;

/// A part of a virtual dataset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The file, as it is spelled; `.` is the same file.
    pub file: Rc<[u8]>,
    /// The path of the dataset in it.
    pub dataset: Rc<[u8]>,
    /// The bytes that say so.
    pub span: Span,
}

/// Hands the sources of a virtual dataset to `each`, in order.
pub(super) fn sources(
    access: &mut Access<'_>,
    heaps: &mut Heaps,
    mapping: Mapping,
    each: &mut dyn FnMut(Source),
) -> Result<(), Halt> {
    let Some(id) = mapping.0 else { return Ok(()) };
    let span = heaps.find(access, id, access.space.offset(id.address))?;
    let block = access.copy(span, "mapping of a virtual dataset")?;
    let mut fields = access.fields(&block);
    let version = fields.u8("version of a mapping")?;
    if version > 1 {
        return Err(fields.fault(format!("mapping of version {version}")));
    }
    let count = fields.length("sources of a mapping")?;
    let (mut files, mut datasets) = (Vec::new(), Vec::new());
    for _ in 0..count {
        access.steps(1, fields.position())?;
        let start = fields.position();
        let flags = if version == 1 { fields.u8("flags of a source")? } else { 0 };
        let file = match flags & 0x05 {
            0 => Rc::from(fields.name("file of a source")?),
            1 => earlier(&mut fields, &files)?,
            _ => Rc::from(b".".as_slice()),
        };
        let dataset = match flags & 0x02 {
            0 => Rc::from(fields.name("dataset of a source")?),
            _ => earlier(&mut fields, &datasets)?,
        };
        let span = Span::between(start, fields.position());
        selection(&mut fields)?;
        selection(&mut fields)?;
        if version == 1 {
            files.push(Rc::clone(&file));
            datasets.push(Rc::clone(&dataset));
        }
        each(Source { file, dataset, span });
    }
    Ok(())
}

/// A name that an entry before has: the entry's number.
fn earlier(fields: &mut Fields<'_>, names: &[Rc<[u8]>]) -> Result<Rc<[u8]>, Halt> {
    let index = fields.length("name of a source")?;
    match names.get(to_usize(index)) {
        Some(name) => Ok(Rc::clone(name)),
        None => Err(fields.fault(format!("source with the name of the later source {index}"))),
    }
}

/// Passes over a selection of elements.
fn selection(fields: &mut Fields<'_>) -> Result<(), Halt> {
    let kind = fields.u32("type of a selection")?;
    let version = fields.u32("version of a selection")?;
    match (kind, version) {
        (0 | 3, 1) => fields.take(8, "selection").map(|_| ()),
        (1 | 2, 1) => {
            fields.take(4, "padding of a selection")?;
            let len = fields.u32("length of a selection")?;
            fields.take(to_usize(len.into()), "selection").map(|_| ())
        }
        (1, 2) => {
            let width = usize::from(fields.u8("width of a selection")?);
            let rank = fields.u32("dimensions of a selection")?;
            let count = fields.number(width.min(8), "points of a selection")?;
            numbers(fields, count.saturating_mul(rank.into()), width)
        }
        (2, 2) => {
            fields.take(5, "flags of a selection")?;
            let rank = fields.u32("dimensions of a selection")?;
            numbers(fields, u64::from(rank).saturating_mul(4), 8)
        }
        (2, 3) => {
            let regular = fields.u8("flags of a selection")? & 0x01 != 0;
            let width = usize::from(fields.u8("width of a selection")?);
            let rank = u64::from(fields.u32("dimensions of a selection")?);
            if regular {
                return numbers(fields, rank.saturating_mul(4), width);
            }
            let count = fields.number(width.min(8), "blocks of a selection")?;
            numbers(fields, count.saturating_mul(rank).saturating_mul(2), width)
        }
        _ => {
            let what = format!("selection of type {kind} and version {version}");
            Err(fields.fault(what))
        }
    }
}

/// Passes over `count` numbers of `width` bytes.
fn numbers(fields: &mut Fields<'_>, count: u64, width: usize) -> Result<(), Halt> {
    let len = to_usize(count.saturating_mul(to_u64(width)));
    fields.take(len, "selection").map(|_| ())
}
