//! Dataspaces: how many elements there are, and in which shape.
//!
//! Source: HDF5 File Format Specification, IV.A.2.b "The Dataspace Message".

use super::fields::Fields;
use davy_bytes::Halt;
use std::fmt;

/// The most dimensions that libhdf5 takes.
const RANK: u8 = 32;

/// The shape of a dataset or attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Dataspace {
    /// No elements at all.
    Null,
    /// One element without dimensions.
    Scalar,
    /// Dimensions, slowest first.
    Simple {
        /// Elements per dimension.
        dimensions: Vec<u64>,
        /// The most elements that each dimension may grow to, where it may; `None` is no limit.
        /// Empty where nothing may grow.
        limits: Vec<Option<u64>>,
    },
}

/// Reads a dataspace message.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Dataspace, Halt> {
    let at = fields.position();
    let version = fields.u8("version of a dataspace")?;
    let rank = fields.u8("dimensions of a dataspace")?;
    let flags = fields.u8("flags of a dataspace")?;
    let kind = fields.u8("type of a dataspace")?;
    match version {
        1 => fields.take(4, "padding of a dataspace").map(|_| ())?,
        2 => {}
        version => return Err(Halt::malformed(at, format!("dataspace of version {version}"))),
    }
    if rank > RANK {
        return Err(Halt::malformed(at, format!("dataspace of {rank} dimensions")));
    }
    match (version, kind, rank) {
        (2, 2, _) => return Ok(Dataspace::Null),
        (_, _, 0) => return Ok(Dataspace::Scalar),
        _ => {}
    }
    let mut dimensions = Vec::new();
    for _ in 0..rank {
        dimensions.push(fields.length("size of a dimension")?);
    }
    let mut limits = Vec::new();
    if flags & 0x01 != 0 {
        for _ in 0..rank {
            limits.push(limit(fields)?);
        }
    }
    Ok(Dataspace::Simple { dimensions, limits })
}

/// The most elements of a dimension. All bits of eight bytes set stand for no limit; in shorter ones
/// libhdf5 takes them for the number that they are.
fn limit(fields: &mut Fields<'_>) -> Result<Option<u64>, Halt> {
    let limit = fields.length("limit of a dimension")?;
    Ok(Some(limit).filter(|limit| *limit != u64::MAX))
}

impl Dataspace {
    /// How many elements there are; saturates.
    #[must_use]
    pub fn elements(&self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Scalar => 1,
            Self::Simple { dimensions, .. } => {
                dimensions.iter().copied().fold(1, u64::saturating_mul)
            }
        }
    }

    /// Elements per dimension; none for a scalar.
    #[must_use]
    pub fn dimensions(&self) -> &[u64] {
        match self {
            Self::Simple { dimensions, .. } => dimensions,
            Self::Null | Self::Scalar => &[],
        }
    }
}

/// The shape as `h5ls` shows it: `{3, 4/Inf}`.
impl fmt::Display for Dataspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("{NULL}"),
            Self::Scalar => f.write_str("{SCALAR}"),
            Self::Simple { dimensions, limits } => {
                f.write_str("{")?;
                for (at, size) in dimensions.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{size}")?;
                    match limits.get(at) {
                        Some(None) => f.write_str("/Inf")?,
                        Some(Some(limit)) if limit != size => write!(f, "/{limit}")?,
                        _ => {}
                    }
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hdf5::fields::Widths;

    #[test]
    fn shapes_read_as_h5ls_shows_them() {
        let widths = Widths { address: 8, length: 8 };
        let sizes = [3_u64, 4, 3, u64::MAX].map(u64::to_le_bytes).concat();
        let bytes = [&[2, 2, 1, 1], sizes.as_slice()].concat();
        let space = read(&mut Fields::new(&bytes, 0, widths)).unwrap();
        assert_eq!((space.to_string().as_str(), space.elements()), ("{3, 4/Inf}", 12));
        let null = read(&mut Fields::new(&[2, 0, 0, 2], 0, widths)).unwrap();
        assert_eq!((null.to_string().as_str(), null.elements()), ("{NULL}", 0));
    }
}
