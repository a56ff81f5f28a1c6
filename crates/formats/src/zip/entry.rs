//! A member as its headers describe it.

use super::extra::{Numbers, apply_zip64, has_aes, unicode_path, zip64_contradicts};
use super::window::{Window, u16_at, u32_at};
use davy_bytes::{Halt, Span, to_u64, to_usize};
use std::borrow::Cow;

/// Length of a local header before its name (APPNOTE 4.3.7).
pub(super) const LOCAL_LEN: usize = 30;
/// Length of a central header before its name (APPNOTE 4.3.12).
pub(super) const CENTRAL_LEN: usize = 46;
/// `PK\x03\x04`.
pub(super) const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
/// `PK\x01\x02`.
pub(super) const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
/// `PK\x07\x08`, which may stand before a data descriptor.
pub(super) const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;

/// Flag bit 0: the data is encrypted.
pub const ENCRYPTED: u16 = 1;
/// Flag bit 3: checksum and sizes stand behind the data.
pub const DESCRIBED: u16 = 1 << 3;
/// Flag bit 11: the name is UTF-8.
pub const UTF8: u16 = 1 << 11;

/// What the local header of a member says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Local {
    /// The name, where it differs from the directory's.
    pub other_name: Option<Vec<u8>>,
    /// General-purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32 of the unpacked data; often 0 where a data descriptor follows.
    pub crc32: u32,
    /// Packed size in bytes; often 0 where a data descriptor follows.
    pub compressed: u64,
    /// Unpacked size in bytes; often 0 where a data descriptor follows.
    pub size: u64,
    /// Offset of the first byte of data: every reader takes it from here.
    pub data_at: u64,
}

/// A member of a zip archive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// The name as the header spells it.
    pub raw_name: Vec<u8>,
    /// The name as children and routes are called: `raw_name` made readable, and made distinct with
    /// `#2`, `#3` ... where another member of the archive has it already.
    pub label: String,
    /// General-purpose flags of the directory.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32 of the unpacked data.
    pub crc32: u32,
    /// Packed size in bytes, as declared.
    pub compressed: u64,
    /// Unpacked size in bytes, as declared.
    pub size: u64,
    /// Upper half of the external attributes: a Unix mode, if the writer was on Unix.
    pub mode: u16,
    /// Offset of the local header.
    pub header_at: u64,
    /// The central header; empty where no directory lists the member.
    pub central: Span,
    /// The packed data, clamped to the archive; empty where there is no local header.
    pub data: Span,
    /// Offset behind the data and its descriptor.
    pub end: u64,
    /// How many bytes of its range other members' ranges cover as well.
    pub shared: u64,
    /// The local header, if there is one.
    pub local: Option<Local>,
    /// Whether a data descriptor follows that contradicts the directory.
    pub contradicted: bool,
    /// The name that readers see which follow Info-ZIP's Unicode path field, where it is another.
    pub unicode_name: Option<Vec<u8>>,
    /// Whether a zip64 field gives other sizes although the 32-bit ones are in use.
    pub wide_contradicts: bool,
    /// Whether it has the extra field of AES encryption.
    pub aes: bool,
    /// Whether the directory ends within its central header.
    pub cut: bool,
}

impl Entry {
    /// The name for people and look-ups: what is not UTF-8 is replaced.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.raw_name)
    }

    /// Whether it is a folder: it has a name that ends in a slash, and no data.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.raw_name.ends_with(b"/") && self.size == 0 && self.compressed == 0
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }

    /// Whether its size and checksum should stand behind its data, and do not.
    #[must_use]
    pub fn is_open_ended(&self) -> bool {
        let nothing = self.size == 0 && self.compressed == 0 && self.crc32 == 0;
        nothing && self.flags & DESCRIBED != 0 && !self.is_listed() && self.data.len > 0
    }

    /// Whether a directory lists it.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.central.len > 0
    }

    /// The bytes from its local header to the end of its data.
    #[must_use]
    pub fn range(&self) -> Span {
        Span::between(self.header_at, self.end)
    }
}

/// A central header as readers see it.
pub(super) struct Central {
    /// All of it, where the file has it all.
    pub(super) whole: Option<Entry>,
    /// What is left of it where the directory ends within its name, extra fields or comment.
    /// `CPython`'s `zipfile` takes from a directory what it has, and does not miss the rest; miniz
    /// refuses the archive.
    pub(super) cut: Option<Entry>,
}

impl Central {
    /// Where the next header stands.
    pub(super) fn end(&self) -> u64 {
        let last = self.whole.as_ref().or(self.cut.as_ref());
        last.map(|entry| entry.central.end()).unwrap_or_default()
    }

    /// The members that readers see through this header, `zipfile`'s first.
    pub(super) fn versions(self) -> impl Iterator<Item = Entry> {
        let Self { mut cut, mut whole } = self;
        if let Some(cut) = &mut cut {
            cut.cut = true;
            let told = |it: &Entry| (it.raw_name.clone(), it.header_at, it.compressed, it.size);
            whole = whole.filter(|whole| told(whole) != told(cut));
        }
        cut.into_iter().chain(whole)
    }
}

/// Reads the central header at `at`, in a directory that claims to end at `limit`; `None` where
/// there is none. Offsets in it are relative to `bias`.
pub(super) fn central(
    window: &mut Window,
    at: u64,
    limit: u64,
    bias: i128,
) -> Result<Option<Central>, Halt> {
    let head = window.peek(at, CENTRAL_LEN)?;
    if u32_at(head, 0) != Some(CENTRAL_SIGNATURE) {
        return Ok(None);
    }
    let lens = (u16_at(head, 28), u16_at(head, 30), u16_at(head, 32));
    let (Some(name_len), Some(extra_len), Some(comment_len)) = lens else { return Ok(None) };
    let named = CENTRAL_LEN.saturating_add(usize::from(name_len));
    let behind = named.saturating_add(usize::from(extra_len));
    let whole = behind.saturating_add(usize::from(comment_len));
    let record = window.peek(at, whole)?;
    let parse = |record: &[u8]| {
        let (named, behind) = (named.min(record.len()), behind.min(record.len()));
        parse_central(record, Span::new(at, to_u64(record.len())), (named, behind), bias)
    };
    let room = to_usize(limit.saturating_sub(at)).min(record.len());
    let found = Central {
        whole: if record.len() < whole { None } else { parse(record) },
        cut: if room < CENTRAL_LEN || room >= whole {
            None
        } else {
            parse(record.get(..room).unwrap_or_default())
        },
    };
    Ok(Some(found).filter(|found| found.whole.is_some() || found.cut.is_some()))
}

fn parse_central(
    record: &[u8],
    span: Span,
    (named, behind): (usize, usize),
    bias: i128,
) -> Option<Entry> {
    let extra = record.get(named..behind)?;
    let narrow = Numbers {
        compressed: u64::from(u32_at(record, 20)?),
        size: u64::from(u32_at(record, 24)?),
        offset: u64::from(u32_at(record, 42)?),
    };
    let wide = apply_zip64(extra, narrow);
    let raw_name = record.get(CENTRAL_LEN..named)?.to_vec();
    let header_at = u64::try_from(i128::from(wide.offset).saturating_add(bias));
    Some(Entry {
        label: String::new(),
        wide_contradicts: zip64_contradicts(extra, narrow),
        unicode_name: unicode_path(extra, &raw_name).filter(|name| *name != raw_name),
        raw_name,
        flags: u16_at(record, 8)?,
        method: u16_at(record, 10)?,
        crc32: u32_at(record, 16)?,
        compressed: wide.compressed,
        size: wide.size,
        mode: u16_at(record, 40)?,
        header_at: header_at.unwrap_or(u64::MAX),
        central: span,
        data: Span::default(),
        end: 0,
        shared: 0,
        local: None,
        contradicted: false,
        aes: has_aes(extra),
        cut: false,
    })
}

/// Reads the local header at `at`; `None` where there is none, or its end is cut off. The name is
/// returned beside it.
pub(super) fn local(window: &mut Window, at: u64) -> Result<Option<(Local, Vec<u8>)>, Halt> {
    let head = window.peek(at, LOCAL_LEN)?;
    if u32_at(head, 0) != Some(LOCAL_SIGNATURE) {
        return Ok(None);
    }
    let (Some(name_len), Some(extra_len)) = (u16_at(head, 26), u16_at(head, 28)) else {
        return Ok(None);
    };
    let named = LOCAL_LEN.saturating_add(usize::from(name_len));
    let whole = named.saturating_add(usize::from(extra_len));
    let record = window.peek(at, whole)?;
    if record.len() < whole {
        return Ok(None);
    }
    Ok(parse_local(record, named, at.saturating_add(to_u64(whole))))
}

fn parse_local(record: &[u8], named: usize, data_at: u64) -> Option<(Local, Vec<u8>)> {
    let narrow = Numbers {
        compressed: u64::from(u32_at(record, 18)?),
        size: u64::from(u32_at(record, 22)?),
        offset: 0,
    };
    let wide = apply_zip64(record.get(named..)?, narrow);
    let local = Local {
        other_name: None,
        flags: u16_at(record, 6)?,
        method: u16_at(record, 8)?,
        crc32: u32_at(record, 14)?,
        compressed: wide.compressed,
        size: wide.size,
        data_at,
    };
    Some((local, record.get(LOCAL_LEN..named)?.to_vec()))
}

/// Attaches the local header to an entry of a directory: where its data stands and ends.
pub(super) fn attach(window: &mut Window, entry: &mut Entry) -> Result<(), Halt> {
    let Some((mut header, name)) = local(window, entry.header_at)? else {
        entry.end = entry.header_at;
        return Ok(());
    };
    let len = window.len();
    let end = header.data_at.saturating_add(entry.compressed).min(len);
    entry.data = Span::between(header.data_at.min(len), end);
    // What stored data has beyond its declared size explains nothing that may hide there.
    let plain = entry.method == 0 && entry.flags & ENCRYPTED == 0;
    let end = if plain { end.min(header.data_at.saturating_add(entry.size)) } else { end };
    entry.end = end.max(entry.data.start);
    if (entry.flags | header.flags) & DESCRIBED != 0 {
        let expected = (entry.crc32, entry.compressed, entry.size);
        let (length, agrees) = descriptor(window, entry.end, expected)?;
        entry.end = entry.end.saturating_add(length);
        entry.contradicted = !agrees;
    }
    if name != entry.raw_name {
        header.other_name = Some(name);
    }
    entry.local = Some(header);
    Ok(())
}

/// Length of the data descriptor at `at`, with or without signature, with sizes of 32 or 64 bits
/// (APPNOTE 4.3.9), and whether it says what is `expected` (checksum, packed and unpacked size).
/// Where there is none, 0 and `true`.
pub(super) fn descriptor(
    window: &mut Window,
    at: u64,
    expected: (u32, u64, u64),
) -> Result<(u64, bool), Halt> {
    let (crc32, compressed, size) = expected;
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut wide = crc32.to_le_bytes().to_vec();
    let mut short = wide.clone();
    wide.extend(compressed.to_le_bytes());
    wide.extend(size.to_le_bytes());
    short.extend(narrow(compressed));
    short.extend(narrow(size));
    let found = window.peek(at, 28)?;
    let signed = u32_at(found, 0) == Some(DESCRIPTOR_SIGNATURE);
    let body = if signed { found.get(4..).unwrap_or_default() } else { found };
    let mark = if signed { 4 } else { 0_u64 };
    if body.starts_with(&wide) {
        return Ok((mark.saturating_add(20), true));
    }
    if body.starts_with(&short) {
        return Ok((mark.saturating_add(12), true));
    }
    if !signed || found.len() < 16 {
        return Ok((0, true));
    }
    let long = found.get(24..26) == Some(b"PK") && found.get(16..18) != Some(b"PK");
    Ok((if long { 24 } else { 16 }, false))
}
