//! Links: what the members of a group are called, and where they are.
//!
//! Source: HDF5 File Format Specification, IV.A.2.g "The Link Message".

use super::fields::Fields;
use davy_bytes::{Halt, Span};

/// Where a link leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// To the object header at this address.
    Hard(u64),
    /// To a path in the same file.
    Soft(Vec<u8>),
    /// To a path in another file.
    External {
        /// The other file, as it is spelled.
        file: Vec<u8>,
        /// The path in it.
        path: Vec<u8>,
    },
    /// To whatever code of the reading program makes of it: the class of the link.
    Other(u8),
}

/// A member of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// Its name within the group, as it is spelled.
    pub name: Vec<u8>,
    /// Where it leads.
    pub target: Target,
    /// The bytes that say so.
    pub span: Span,
}

/// Reads a link message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Link, Halt> {
    let span = fields.span(fields.remaining());
    match fields.u8("version of a link")? {
        1 => {}
        version => return Err(fields.fault(format!("link of version {version}"))),
    }
    let flags = fields.u8("flags of a link")?;
    let class = if flags & 0x08 != 0 { fields.u8("type of a link")? } else { 0 };
    if flags & 0x04 != 0 {
        fields.take(8, "creation order of a link")?;
    }
    if flags & 0x10 != 0 {
        fields.take(1, "character set of a link")?;
    }
    let width = 1_usize << (flags & 0x03);
    let len = fields.number(width, "length of a link's name")?;
    let name = fields.take(davy_bytes::to_usize(len), "name of a link")?.to_vec();
    let target = match class {
        0 => {
            let address = fields.address("address of a link")?;
            let Some(address) = address else {
                return Err(fields.fault("link to the undefined address"));
            };
            Target::Hard(address)
        }
        1 => Target::Soft(value(fields)?.to_vec()),
        64 => external(value(fields)?, fields)?,
        class => Target::Other(class),
    };
    Ok(Link { name, target, span })
}

fn value<'a>(fields: &mut Fields<'a>) -> Result<&'a [u8], Halt> {
    let len = usize::from(fields.u16("length of a link's value")?);
    fields.take(len, "value of a link")
}

/// The value of an external link: version and flags, file, path.
fn external(value: &[u8], fields: &Fields<'_>) -> Result<Target, Halt> {
    let mut parts = value.get(1..).unwrap_or_default().split(|byte| *byte == 0);
    match (parts.next(), parts.next()) {
        (Some(file), Some(path)) if !value.is_empty() => {
            Ok(Target::External { file: file.to_vec(), path: path.to_vec() })
        }
        _ => Err(fields.fault("external link without a file and a path")),
    }
}
