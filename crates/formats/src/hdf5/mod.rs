//! HDF5, read without the C library: the tree of groups, datasets, attributes and links, and what of
//! the file is for what.
//!
//! Source: "HDF5 File Format Specification", versions 1.1 to 4.0, The HDF Group; where it is silent,
//! what libhdf5 does.

mod access;
mod account;
mod attribute;
mod btree1;
mod btree2;
mod chunk;
mod claims;
mod data;
mod dataspace;
mod datatype;
mod extensible;
mod fields;
mod file;
mod filter;
mod freespace;
mod global;
mod group;
mod header;
mod heap;
mod layout;
mod link;
mod lookup3;
mod mapping;
mod number;
mod object;
mod payload;
mod record;
mod shared;
mod superblock;
#[cfg(test)]
mod tests;
mod text;
mod unfilter;
mod value;

pub use attribute::Attribute;
pub use data::Data;
pub use dataspace::Dataspace;
pub use datatype::{Bits, Class, Datatype, Float, Member, Order, Padding, Referent};
pub use file::{Entry, File, Leads, Piece};
pub use filter::{Filter, Pipeline};
pub use layout::{Chunks, Layout, Mapping};
pub use mapping::Source;
pub use object::{Dataset, External, Kind, Object};

use access::{Access, Ledger};
use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Budget, Halt, Span};
use object::Types;

/// The HDF5 reader.
#[derive(Debug)]
pub struct Hdf5;

impl Format for Hdf5 {
    fn id(&self) -> &'static str {
        "hdf5"
    }

    fn summary(&self) -> &'static str {
        "HDF5: groups, datasets, attributes and links, and the other files that they lead to"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if head.starts_with(superblock::SIGNATURE) {
            return Probe::Certain;
        }
        // Behind a user block, at any power of two, as libhdf5 looks for it.
        match superblock::locate_behind(head, input.bytes) {
            Ok(Some(at)) => {
                let version = input.bytes.copy(Span::new(at, 9), 9).unwrap_or_default();
                if version.get(8).is_some_and(|version| *version <= 3) {
                    Probe::Certain
                } else {
                    Probe::Possible
                }
            }
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut file = File::open(input.bytes, reading, budget)?;
        let mut ledger: Ledger = std::mem::take(&mut file.ledger);
        let mut types: Types = file.types.take();
        let space = &file.space;
        let mut access = Access { space, reading, budget, ledger: &mut ledger };
        record::tree(&mut access, &file, &mut types)?;
        account::datasets(&mut access, &file)?;
        payload::children(&mut access, &file, &mut types)?;
        account::settle(&mut access, &file)
    }
}
