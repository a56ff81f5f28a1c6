//! Filters: what was done to chunks before they were written, and undoing it.
//!
//! Source: HDF5 File Format Specification, IV.A.2.l "The Data Storage - Filter Pipeline Message".

use super::fields::{Fields, padded};
use super::unfilter;
use davy_bytes::{Budget, Halt, escape_bytes};
use std::fmt;

/// The most filters that libhdf5 takes.
const MOST: u8 = 32;

/// One filter of a pipeline.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    /// Its number; from 256 on they belong to third parties, from 32768 on to nobody.
    pub id: u16,
    /// Its name, as the file spells it; often empty.
    pub name: Vec<u8>,
    /// What it is told.
    pub values: Vec<u32>,
}

/// What is done to each chunk before it is written, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pipeline(pub Vec<Filter>);

/// Reads a filter pipeline message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Pipeline, Halt> {
    let version = fields.u8("version of filters")?;
    let count = fields.u8("number of filters")?;
    match version {
        1 => fields.take(6, "padding of filters").map(|_| ())?,
        2 => {}
        version => return Err(fields.fault(format!("filters of version {version}"))),
    }
    if count > MOST {
        return Err(fields.fault(format!("{count} filters, where there can be {MOST}")));
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        filters.push(filter(fields, version)?);
    }
    Ok(Pipeline(filters))
}

fn filter(fields: &mut Fields<'_>, version: u8) -> Result<Filter, Halt> {
    let id = fields.u16("number of a filter")?;
    let named = version == 1 || id >= 256;
    let len = if named { usize::from(fields.u16("length of a filter's name")?) } else { 0 };
    fields.u16("flags of a filter")?;
    let count = usize::from(fields.u16("values of a filter")?);
    let len = if version == 1 { padded(len) } else { len };
    let raw = fields.take(len, "name of a filter")?;
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    let name = raw.get(..end).unwrap_or_default().to_vec();
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(fields.u32("values of a filter")?);
    }
    if version == 1 && count % 2 == 1 {
        fields.take(4, "padding of a filter")?;
    }
    Ok(Filter { id, name, values })
}

impl Filter {
    /// The name that the specification or the registry of filters gives its number.
    #[must_use]
    pub fn known(&self) -> Option<&'static str> {
        Some(match self.id {
            1 => "deflate",
            2 => "shuffle",
            3 => "fletcher32",
            4 => "szip",
            5 => "nbit",
            6 => "scaleoffset",
            305 => "lzo",
            307 => "bzip2",
            32000 => "lzf",
            32001 => "blosc",
            32004 => "lz4",
            32008 => "bitshuffle",
            32013 => "zfp",
            32015 => "zstd",
            32026 => "blosc2",
            _ => return None,
        })
    }

    /// Whether libhdf5 has to load a plug-in for it.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.id >= 256
    }
}

/// The name, and the number where libhdf5 itself does not have the filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.known(), self.name.as_slice()) {
            (Some(name), _) => f.write_str(name)?,
            (None, []) => f.write_str("filter")?,
            (None, name) => f.write_str(&escape_bytes(name))?,
        }
        if self.is_foreign() || self.known().is_none() {
            write!(f, " (id {})", self.id)
        } else {
            Ok(())
        }
    }
}

impl Pipeline {
    /// Whether nothing is done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Undoes the filters, the last one first, except those that `skipped` marks by their place;
    /// gives at most `limit` bytes.
    ///
    /// # Errors
    /// [`Halt::unsupported`] where davy does not have a filter, [`Halt::malformed`] where the data
    /// is not what it gives, [`Halt::exhausted`] where the budget is used up.
    pub(super) fn undo(
        &self,
        data: Vec<u8>,
        skipped: u32,
        limit: usize,
        budget: &mut Budget,
        at: u64,
    ) -> Result<Vec<u8>, Halt> {
        let mut data = data;
        for (place, filter) in self.0.iter().enumerate().rev() {
            let skips = u32::try_from(place).ok().and_then(|place| skipped.checked_shr(place));
            if skips.is_some_and(|skips| skips & 1 != 0) {
                continue;
            }
            data = match filter.id {
                1 => unfilter::inflate(&data, limit, budget, at)?,
                2 => unfilter::unshuffle(&data, filter.values.first().copied().unwrap_or(1)),
                3 => unfilter::fletcher(data, at)?,
                32000 => unfilter::lzf(&data, limit, budget, at)?,
                _ => return Err(Halt::unsupported(at, format!("data behind the filter {filter}"))),
            };
        }
        Ok(data)
    }
}
