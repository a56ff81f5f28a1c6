//! HDF5, read without the C library: the tree of groups, datasets, attributes and links, and what of
//! the file is for what.
//!
//! Source: "HDF5 File Format Specification", versions 1.1 to 4.0, The HDF Group; where it is silent,
//! what libhdf5 does.

mod access;
mod attribute;
mod btree1;
mod btree2;
mod claims;
mod dataspace;
mod datatype;
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
mod number;
mod object;
mod shared;
mod superblock;
mod text;
mod unfilter;
mod value;

pub use attribute::Attribute;
pub use dataspace::Dataspace;
pub use datatype::{Bits, Class, Datatype, Float, Member, Order, Padding, Referent};
pub use file::{Entry, File, Leads, Piece};
pub use filter::{Filter, Pipeline};
pub use layout::{Chunks, Layout, Mapping};
pub use object::{Dataset, External, Kind, Object};
