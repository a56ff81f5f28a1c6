//! Unpacking one member: stored data is a slice of the archive, deflated data is inflated under the
//! budget, and a false encryption flag hides nothing.

use super::entry::{ENCRYPTED, Entry};
use crate::compressed::SLOW;
use crate::gzip::{Framing, HONEST, inflate};
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};

/// Stored data up to this length is checked against its checksum at once; more is left to the
/// survey, so that nobody waits for gigabytes of weights.
const CHECKED_AT_ONCE: u64 = 64 * 1024;

/// Flags with which readers refuse a member: encrypted (bit 0), a patch (5), strongly encrypted (6).
pub(super) const REFUSED: u16 = ENCRYPTED | 1 << 5 | 1 << 6;

/// A member as it comes out of the archive.
#[derive(Debug)]
pub struct Unpacked {
    /// What came out, up to the fault if there is one, and up to the size that the directory
    /// declares: there Python's `zipfile` stops.
    pub bytes: Bytes,
    /// All that came out, where that is more: Info-ZIP's `unzip` does not stop.
    pub whole: Option<Bytes>,
    /// CRC-32 of `bytes`, or of `whole` where that fits; `None` where stored data was not read.
    pub crc32: Option<u32>,
    /// Bytes of packed data that were used.
    pub consumed: u64,
    /// Why not all came out.
    pub fault: Option<Halt>,
    /// Whether the headers call it encrypted, and it is not.
    pub false_encryption: bool,
}

/// Unpacks a member.
///
/// # Errors
/// [`Blame::Encrypted`] and [`Blame::Unsupported`] where nothing can come out,
/// [`Blame::Malformed`] where the archive has no data of it, [`Blame::Exhausted`] and
/// [`Blame::Io`] as ever. What comes out only in part is no error, but has a
/// [`Unpacked::fault`].
pub fn unpack(bytes: &Bytes, entry: &Entry, budget: &mut Budget) -> Result<Unpacked, Halt> {
    let at = entry.data.start;
    if entry.local.is_none() && entry.data.len == 0 {
        return Err(Halt::malformed(entry.header_at, "no local header"));
    }
    let encrypted = entry.flags & REFUSED != 0;
    let locally = entry.local.as_ref().is_some_and(|local| local.flags & REFUSED != 0);
    let sealed = || Halt::encrypted(at, format!("member `{}` is encrypted", entry.name()));
    let unpacked = match entry.method {
        99 => return Err(sealed()),
        0 => stored(bytes, entry, encrypted || locally, budget)?,
        8 => deflated(bytes, entry, budget)?,
        _ if encrypted => return Err(sealed()),
        method => {
            let what = format!("member `{}` is packed with {}", entry.name(), method_name(method));
            return Err(Halt::unsupported(at, what));
        }
    };
    let right = unpacked.crc32 == Some(entry.crc32);
    if !encrypted {
        let unpacked = Unpacked { false_encryption: locally && right, ..unpacked };
        return cut(unpacked, entry, budget);
    }
    // What encryption would have scrambled reads plainly only if it is not encrypted: traditional
    // encryption also puts 12 bytes before stored data, so that the sizes differ.
    let plain = match entry.method {
        0 => right || entry.compressed == entry.size,
        _ => unpacked.fault.is_none() && (right || unpacked.bytes.len() == entry.size),
    };
    if !plain {
        return Err(sealed());
    }
    cut(Unpacked { false_encryption: true, ..unpacked }, entry, budget)
}

/// Cuts what came out at the size that the directory declares.
fn cut(unpacked: Unpacked, entry: &Entry, budget: &mut Budget) -> Result<Unpacked, Halt> {
    if !entry.is_listed() || unpacked.bytes.len() <= entry.size {
        return Ok(unpacked);
    }
    let whole = unpacked.bytes;
    let span = Span::new(0, entry.size);
    let bytes = whole.slice(span);
    let crc32 = match unpacked.crc32 {
        // What fits all of it is no wrong checksum, only a wrong size.
        Some(crc32) if crc32 != entry.crc32 => Some(checksum(&whole, span, budget)?),
        crc32 => crc32,
    };
    Ok(Unpacked { bytes, whole: Some(whole), crc32, ..unpacked })
}

fn stored(
    bytes: &Bytes,
    entry: &Entry,
    verify: bool,
    budget: &mut Budget,
) -> Result<Unpacked, Halt> {
    // Bytes that are counted several times are paid for: a bomb need not be deflated.
    budget.spend_expansion(entry.shared, entry.data.start)?;
    let crc32 = if verify || entry.data.len <= CHECKED_AT_ONCE {
        Some(checksum(bytes, entry.data, budget)?)
    } else {
        None
    };
    Ok(Unpacked {
        bytes: bytes.slice(entry.data),
        whole: None,
        crc32,
        consumed: entry.data.len,
        fault: None,
        false_encryption: false,
    })
}

fn deflated(bytes: &Bytes, entry: &Entry, budget: &mut Budget) -> Result<Unpacked, Halt> {
    let out = inflate(bytes, entry.data, Framing::Raw, budget)?;
    let mut fault = out.end.fault;
    if entry.shared > 0 && fault.is_none() {
        // Honest archives have no members over each other: what comes out of them costs more.
        let more = out.bytes.len().saturating_mul(SLOW.saturating_sub(1));
        if budget.spend_expansion(more, entry.data.start).is_err() {
            fault = Some(crate::compressed::spent(budget, entry.data.start));
        }
    }
    Ok(Unpacked {
        bytes: out.bytes,
        whole: None,
        crc32: Some(out.end.crc32),
        consumed: out.end.consumed,
        fault,
        false_encryption: false,
    })
}

/// CRC-32 of a stretch; each byte costs a step.
pub(super) fn checksum(bytes: &Bytes, span: Span, budget: &mut Budget) -> Result<u32, Halt> {
    let mut digest = crc32fast::Hasher::new();
    let mut buffer = vec![0; to_usize(span.len).min(256 * 1024)];
    let mut at = span.start;
    while at < span.end() {
        let room = to_usize(span.end().saturating_sub(at)).min(buffer.len());
        let read = bytes.read_at(at, buffer.get_mut(..room).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        budget.spend_steps(to_u64(read), at)?;
        digest.update(buffer.get(..read).unwrap_or_default());
        at = at.saturating_add(to_u64(read));
    }
    Ok(digest.finalize())
}

/// Records how what came out differs from what the headers promise, and leaves to the survey what
/// was not checked.
pub(super) fn check(entry: &Entry, unpacked: &Unpacked, reading: &mut Reading) {
    let route = || Route::Member(entry.label.clone());
    let mut deviation = |quirk, what: &str| reading.deviation(quirk, entry.data, route(), what);
    let short = entry.data.len < entry.compressed || entry.is_open_ended();
    let cut = unpacked.fault.is_some() || short;
    if unpacked.false_encryption {
        let what = "its flags call it encrypted, and it is not: readers that believe them skip it";
        deviation(Quirk::FalseEncryption, what);
    }
    if entry.aes && !cut && unpacked.crc32.is_none_or(|crc32| crc32 == entry.crc32) {
        let what = "an extra field calls it encrypted, its method does not, and it reads plainly: \
                    readers that believe the field skip it";
        deviation(Quirk::FalseEncryption, what);
    }
    let len = unpacked.whole.as_ref().unwrap_or(&unpacked.bytes).len();
    if !cut && len != entry.size {
        let what = format!("{len} bytes come out, where {} are declared", entry.size);
        deviation(Quirk::SizeMismatch, &what);
    }
    let used = unpacked.consumed;
    if !cut && used < entry.data.len {
        let spare = Span::between(entry.data.start.saturating_add(used), entry.data.end());
        let what = "its packed data goes on behind the end of its stream";
        reading.deviation(Quirk::BytesAfterEnd, spare, route(), what);
    }
    match unpacked.crc32 {
        Some(crc32) if !cut && crc32 != entry.crc32 => {
            let what = format!(
                "its checksum is {crc32:#010x}, where {:#010x} is declared: Python's zipfile \
                 refuses it, miniz as torch.load uses it does not look",
                entry.crc32
            );
            reading.deviation(Quirk::WrongChecksum, entry.data, route(), &what);
        }
        None if !cut => {
            let span = Span::new(entry.data.start, unpacked.bytes.len());
            reading.checksum(span, entry.crc32, entry.label.clone());
        }
        _ => {}
    }
    if let Some(fault) = &unpacked.fault {
        check_fault(entry, unpacked, fault, reading);
    }
}

fn check_fault(entry: &Entry, unpacked: &Unpacked, fault: &Halt, reading: &mut Reading) {
    let what = format!("member `{}`: {}", entry.name(), fault.what());
    reading.gap(entry.data, davy_artifact::Why::Halted(fault.blame()), &what);
    let len = unpacked.whole.as_ref().unwrap_or(&unpacked.bytes).len();
    if fault.blame() == Blame::Exhausted && len / HONEST > unpacked.consumed {
        let what = format!("{} packed bytes stand for more than {len}", entry.data.len);
        let route = Route::Member(entry.label.clone());
        reading.deviation(Quirk::Expansion, entry.data, route, &what);
    }
}

/// The name of a compression method (APPNOTE 4.4.5).
fn method_name(method: u16) -> String {
    let name = match method {
        1 => "Shrink",
        2..=5 => "Reduce",
        6 => "Implode",
        9 => "Deflate64",
        12 => "bzip2",
        14 => "LZMA",
        20 | 93 => "Zstandard",
        94 => "MP3",
        95 => "xz",
        96 => "JPEG",
        97 => "WavPack",
        98 => "PPMd",
        _ => return format!("unknown method {method}"),
    };
    format!("{name} (method {method})")
}
