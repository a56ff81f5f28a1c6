//! The superblock: where the file starts, how wide its addresses are, where its root group is.
//!
//! Source: HDF5 File Format Specification, II.A "Format Signature and Superblock".

use super::access::{Access, Ranks, Space};
use super::fields::{Fields, Widths};
use super::lookup3;
use davy_artifact::Reading;
use davy_bytes::{Bytes, Halt, Span, to_u64, to_usize};

/// The bytes that every HDF5 file has at offset 0, 512, 1024 or a larger power of two.
pub(super) const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// Longest superblock: version 1 with addresses and lengths of 32 bytes.
const LONGEST: usize = 8 + 24 + 4 + 7 * 32;

/// What the superblock says.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) version: u8,
    /// Where it stands.
    pub(super) span: Span,
    pub(super) space: Space,
    /// Address of the header of the root group.
    pub(super) root: Option<u64>,
    /// Address of the header of the superblock's extension.
    pub(super) extension: Option<u64>,
    /// Address of the driver information block of versions 0 and 1.
    pub(super) driver: Option<u64>,
    /// Whether the file is one of several that a driver puts together.
    pub(super) spread: bool,
    /// Offset of the end of the file, as the superblock says; it counts from the file's start.
    pub(super) end: Option<u64>,
    /// Whether its checksum fits; `None` for the versions that have none.
    pub(super) sound: Option<bool>,
}

/// Offset of the first signature in `bytes`, at the places where libhdf5 looks.
///
/// # Errors
/// Only when the medium fails.
pub(super) fn locate(bytes: &Bytes) -> Result<Option<u64>, Halt> {
    locate_behind(&[], bytes)
}

/// As [`locate`], where `head` is the start of the bytes.
///
/// # Errors
/// As [`locate`].
pub(super) fn locate_behind(head: &[u8], bytes: &Bytes) -> Result<Option<u64>, Halt> {
    let mut at = 0_u64;
    while let Some(there) = head.get(to_usize(at)..to_usize(at).saturating_add(8)) {
        if there == SIGNATURE {
            return Ok(Some(at));
        }
        at = if at == 0 { 512 } else { at.saturating_mul(2) };
    }
    while at.saturating_add(8) <= bytes.len() {
        let mut found = [0; 8];
        bytes.read_at(at, &mut found)?;
        if found == *SIGNATURE {
            return Ok(Some(at));
        }
        at = if at == 0 { 512 } else { at.saturating_mul(2) };
    }
    Ok(None)
}

/// Reads the superblock at offset `base`.
///
/// # Errors
/// [`Halt::malformed`] where its fields are cut or beyond what libhdf5 takes,
/// [`Halt::unsupported`] for a version that is not published.
pub(super) fn read(bytes: &Bytes, base: u64) -> Result<Superblock, Halt> {
    let data = bytes.copy(Span::new(base, to_u64(LONGEST)), LONGEST)?;
    let widths = Widths { address: 8, length: 8 };
    let mut fields = Fields::new(&data, base, widths);
    fields.take(SIGNATURE.len(), "signature")?;
    let space = Space { bytes: bytes.clone(), base, widths, ranks: Ranks::default() };
    match fields.u8("version of the superblock")? {
        version @ (0 | 1) => old(fields, space, version),
        version @ (2 | 3) => new(fields, space, version, &data),
        version => {
            let what = format!("superblock of version {version}");
            Err(Halt::unsupported(base, what))
        }
    }
}

/// The widths of addresses and lengths.
fn widths(fields: &mut Fields<'_>) -> Result<Widths, Halt> {
    let mut width = |what| match fields.u8(what)? {
        width @ (2 | 4 | 8 | 16 | 32) => Ok(usize::from(width)),
        width => Err(fields.fault(format!("{what} of {width}"))),
    };
    Ok(Widths { address: width("size of offsets")?, length: width("size of lengths")? })
}

/// The rest of a superblock of version 0 or 1.
fn old(fields: Fields<'_>, mut space: Space, version: u8) -> Result<Superblock, Halt> {
    let mut fields = fields;
    // Versions of the free space, of the root group and of shared messages, always 0, and padding.
    fields.take(4, "versions")?;
    space.widths = widths(&mut fields)?;
    let mut fields = Fields::new(fields.rest(), fields.position(), space.widths);
    fields.take(1, "padding")?;
    space.ranks.leaf = fields.u16("entries of a symbol table node")?;
    space.ranks.group = fields.u16("children of a B-tree node")?;
    fields.take(4, "consistency flags")?;
    if version == 1 {
        space.ranks.chunk = fields.u16("children of a chunk B-tree node")?;
        fields.take(2, "padding")?;
    }
    // The base address: libhdf5 takes the superblock's own, so that a user block may be prepended.
    let written = fields.address("base address")?;
    fields.address("address of free space")?;
    let end = fields.address("end of file address")?;
    let driver = fields.address("address of driver information")?;
    fields.take(space.widths.length, "name of the root group")?;
    let root = fields.address("address of the root group")?;
    fields.take(24, "cache of the root group")?;
    let span = Span::between(space.base, fields.position());
    let end = end.map(|end| moved(end, written, space.base));
    let extension = None;
    Ok(Superblock {
        version,
        span,
        space,
        root,
        extension,
        driver,
        spread: false,
        end,
        sound: None,
    })
}

/// The rest of a superblock of version 2 or 3.
fn new(fields: Fields<'_>, mut space: Space, version: u8, data: &[u8]) -> Result<Superblock, Halt> {
    let mut fields = fields;
    space.widths = widths(&mut fields)?;
    let mut fields = Fields::new(fields.rest(), fields.position(), space.widths);
    fields.take(1, "consistency flags")?;
    let written = fields.address("base address")?;
    let extension = fields.address("address of the superblock extension")?;
    let end = fields.address("end of file address")?;
    let root = fields.address("address of the root group")?;
    let before = fields.position().saturating_sub(space.base);
    let stored = fields.u32("checksum of the superblock")?;
    let body = data.get(..to_usize(before)).unwrap_or_default();
    let sound = Some(lookup3::checksum(body) == stored);
    let span = Span::between(space.base, fields.position());
    let end = end.map(|end| moved(end, written, space.base));
    let (driver, spread) = (None, false);
    Ok(Superblock { version, span, space, root, extension, driver, spread, end, sound })
}

/// The end of the file where the superblock is not where it was written: libhdf5 moves the end by
/// as much as the superblock was moved.
fn moved(end: u64, written: Option<u64>, base: u64) -> u64 {
    let written = written.unwrap_or(0);
    end.saturating_sub(written).saturating_add(base)
}

/// What a driver says that spreads a file over several: its name, where it stands.
pub(super) fn driver_block(access: &mut Access<'_>, address: u64) -> Result<String, Halt> {
    let head = access.structure(address, 16, "driver information")?;
    let mut fields = access.fields(&head);
    fields.take(8, "driver information")?;
    Ok(driver_name(fields.take(8, "name of the driver")?))
}

/// The name of a driver, fit to be shown.
pub(super) fn driver_name(raw: &[u8]) -> String {
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    davy_bytes::escape_bytes(raw.get(..end).unwrap_or_default())
}

/// Records a superblock whose checksum does not fit.
pub(super) fn check(superblock: &Superblock, reading: &mut Reading) {
    if superblock.sound == Some(false) {
        let what = "the checksum of the superblock does not fit, so that libhdf5 refuses the file";
        let route = davy_artifact::Route::None;
        reading.deviation(davy_artifact::Quirk::WrongChecksum, superblock.span, route, what);
    }
}
