//! Free-space managers, which are read only to know which bytes they have.
//!
//! Source: HDF5 File Format Specification, III.F "Free-space Manager".

use super::access::Access;
use davy_bytes::{Halt, to_u64};

/// Claims the manager at `address` and its list of sections.
pub(super) fn claim(access: &mut Access<'_>, address: u64) -> Result<(), Halt> {
    let widths = access.space.widths;
    let len = widths.length.saturating_mul(7).saturating_add(widths.address).saturating_add(18);
    let block = access.structure(address, to_u64(len), "free-space manager")?;
    access.verify(&block, "free-space manager");
    let mut fields = access.signed(&block, b"FSHD", "free-space manager")?;
    fields.take(2, "version of a free-space manager")?;
    for _ in 0..4 {
        fields.length("free space")?;
    }
    fields.take(8, "limits of a free-space manager")?;
    fields.length("largest free section")?;
    let sections = fields.address("address of free sections")?;
    let used = fields.length("size of free sections")?;
    let allocated = fields.length("room for free sections")?;
    let Some(sections) = sections.filter(|_| used > 0) else { return Ok(()) };
    let block = access.structure(sections, allocated.max(used), "free sections")?;
    access.signed(&block, b"FSSE", "free sections").map(|_| ())
}
