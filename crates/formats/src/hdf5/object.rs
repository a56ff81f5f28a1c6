//! Objects: groups, datasets and committed datatypes, as their headers describe them.

use super::access::Access;
use super::attribute::{self, Attribute};
use super::dataspace::{self, Dataspace};
use super::datatype::{self, Datatype};
use super::fields::{Block, Fields};
use super::filter::{self, Pipeline};
use super::global::Heaps;
use super::group;
use super::header::{Header, Message, kind};
use super::layout::{self, Layout};
use super::link::Link;
use super::shared::{self, Place, Shared};
use davy_bytes::{Halt, Span, to_u64};
use std::collections::HashMap;
use std::rc::Rc;

/// Bytes that an object takes in memory, without what it has.
const OBJECT: u64 = 400;

/// What an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An array of elements.
    Dataset,
    /// A datatype with a name of its own.
    Datatype,
    /// A list of links.
    Group,
    /// None of these.
    Unknown,
}

impl Kind {
    /// The word that `h5ls` uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dataset => "Dataset",
            Self::Datatype => "Type",
            Self::Group => "Group",
            Self::Unknown => "Unknown",
        }
    }
}

/// A dataset.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The type of its elements.
    pub datatype: Rc<Datatype>,
    /// How many there are.
    pub dataspace: Dataspace,
    /// Where they lie.
    pub layout: Layout,
    /// What was done to its chunks.
    pub filters: Pipeline,
    /// Parts of other files that its elements lie in, if they do.
    pub external: Vec<External>,
}

/// A part of another file that holds elements.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct External {
    /// The file, as it is spelled.
    pub file: Vec<u8>,
    /// Where in it the part starts.
    pub offset: u64,
    /// Bytes of the part; all bits set where it has no end.
    pub size: u64,
    /// The bytes that say so.
    pub span: Span,
}

/// An object, under the first path that leads to it.
#[derive(Clone, Debug)]
pub struct Object {
    /// The path, from `/` on; names that are not UTF-8 have replacement characters in them.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Address of its header, from which on file's references count.
    pub address: u64,
    /// Where the first part of its header stands.
    pub span: Span,
    /// Its attributes, by name.
    pub attributes: Vec<Attribute>,
    /// What makes it a dataset.
    pub dataset: Option<Box<Dataset>>,
    /// The datatype, where it is one.
    pub datatype: Option<Rc<Datatype>>,
}

impl Object {
    /// The attribute with the given name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name.as_bytes())
    }
}

/// Everything that headers share.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub(super) shared: Shared,
    pub(super) heaps: Heaps,
    known: HashMap<Place, Rc<Datatype>>,
}

impl Types {
    /// Reads a datatype message, or follows it to where it is.
    pub(super) fn read(
        &mut self,
        access: &mut Access<'_>,
        (raw, at): (&[u8], u64),
        shared: bool,
    ) -> Result<Rc<Datatype>, Halt> {
        let mut fields = Fields::new(raw, at, access.space.widths);
        if !shared {
            access.hold(weight(raw.len()), at)?;
            return datatype::read(&mut fields);
        }
        let place = shared::place(&mut fields)?;
        if let Some(known) = self.known.get(&place) {
            return Ok(Rc::clone(known));
        }
        let body = self.shared.at(access, place, kind::DATATYPE, at)?;
        access.hold(weight(body.data.len()), at)?;
        let read = datatype::read(&mut access.fields(&body))?;
        self.known.insert(place, Rc::clone(&read));
        Ok(read)
    }

    /// The body of a message, which may stand elsewhere.
    pub(super) fn body(
        &mut self,
        access: &mut Access<'_>,
        message: &Message,
    ) -> Result<Block, Halt> {
        if !message.is_shared() {
            return Ok(message.body.clone());
        }
        let mut fields = Fields::new(&message.body.data, message.body.at, access.space.widths);
        self.shared.follow(access, &mut fields, message.kind)
    }
}

/// Reads the object with the given header, and its links where it is a group.
///
/// # Errors
/// Only what ends the whole reading.
pub(super) fn read(
    access: &mut Access<'_>,
    types: &mut Types,
    header: &Header,
    (path, address): (&str, u64),
) -> Result<(Object, Vec<Link>), Halt> {
    access.hold(OBJECT, header.span.start)?;
    let mut object = Object {
        path: path.to_owned(),
        kind: Kind::Unknown,
        address,
        span: header.span,
        attributes: attribute::attributes(access, types, header, path)?,
        dataset: None,
        datatype: None,
    };
    let mut links = Vec::new();
    // In the order in which libhdf5 asks what a header is that of.
    let has = |kind| header.first(kind).is_some();
    if group::is_group(header) {
        object.kind = Kind::Group;
        links = group::links(access, header, path)?;
    } else if has(kind::DATATYPE) && has(kind::DATASPACE) {
        object.kind = Kind::Dataset;
        match dataset(access, types, header) {
            Ok(dataset) => object.dataset = Some(Box::new(dataset)),
            Err(halt) => access.survive(halt, header.span, &format!("dataset {path}"))?,
        }
    } else if let Some(message) = header.first(kind::DATATYPE) {
        object.kind = Kind::Datatype;
        let part = (message.body.data.as_slice(), message.body.at);
        match types.read(access, part, message.is_shared()) {
            Ok(datatype) => object.datatype = Some(datatype),
            Err(halt) => access.survive(halt, header.span, &format!("datatype {path}"))?,
        }
    } else {
        let halt = Halt::malformed(header.span.start, "header of no known kind of object");
        access.survive(halt, header.span, path)?;
    }
    Ok((object, links))
}

fn dataset(access: &mut Access<'_>, types: &mut Types, header: &Header) -> Result<Dataset, Halt> {
    let start = header.span.start;
    let missing = |what: &str| Halt::malformed(start, format!("dataset without a {what}"));
    let message = header.first(kind::DATATYPE).ok_or_else(|| missing("datatype"))?;
    let part = (message.body.data.as_slice(), message.body.at);
    let datatype = types.read(access, part, message.is_shared())?;
    let message = header.first(kind::DATASPACE).ok_or_else(|| missing("dataspace"))?;
    let body = types.body(access, message)?;
    let dataspace = dataspace::read(&mut access.fields(&body))?;
    let filters = match header.first(kind::FILTERS) {
        Some(message) => {
            let body = types.body(access, message)?;
            filter::read(&mut access.fields(&body))?
        }
        None => Pipeline::default(),
    };
    let external = match header.first(kind::EXTERNAL_FILES) {
        Some(message) => external(access, &message.body)?,
        None => Vec::new(),
    };
    let message = header.first(kind::LAYOUT).ok_or_else(|| missing("layout"))?;
    let layout = layout::read(&mut access.fields(&message.body))?;
    Ok(Dataset { datatype, dataspace, layout, filters, external })
}

/// The list of other files that hold a dataset's elements.
///
/// Source: IV.A.2.h "The Data Storage - External Data Files Message".
fn external(access: &mut Access<'_>, body: &Block) -> Result<Vec<External>, Halt> {
    let mut fields = access.fields(body);
    match fields.u8("version of external files")? {
        1 => {}
        version => return Err(fields.fault(format!("external files of version {version}"))),
    }
    fields.take(3, "padding of external files")?;
    fields.take(2, "room for external files")?;
    let count = fields.u16("number of external files")?;
    let Some(heap) = fields.address("address of the names of external files")? else {
        return Err(fields.fault("external files without names"));
    };
    let names = group::local_heap(access, heap)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let start = fields.position();
        let name = fields.length("name of an external file")?;
        let offset = fields.length("offset in an external file")?;
        let size = fields.length("size in an external file")?;
        let span = Span::between(start, fields.position());
        let file = group::text(access, &names, name, span)?;
        found.push(External { file, offset, size, span });
    }
    Ok(found)
}

/// The most memory that a datatype of `len` bytes in a file takes: a field of ten bytes takes some
/// hundred.
fn weight(len: usize) -> u64 {
    to_u64(len).saturating_mul(12)
}
