//! Where the two headers of a member say different things, and what a reader sees that trusts the
//! local one.

use super::entry::{DESCRIBED, ENCRYPTED, Entry, Local, UTF8};
use super::member::REFUSED;
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Span, escape_bytes};

/// Flags that change what a reader does: encryption, patch, strong encryption, UTF-8 names, masked
/// headers. The others are hints, and honest writers differ in them.
const MEANING: u16 = ENCRYPTED | 1 << 5 | 1 << 6 | UTF8 | 1 << 13;

/// Records every disagreement about one listed member.
pub(super) fn compare(entry: &Entry, len: u64, reading: &mut Reading) {
    let route = || Route::Member(entry.label.clone());
    if entry.cut {
        let what = "the directory ends within its central header: Python's zipfile takes what is \
                    there, miniz (torch.load) refuses the archive";
        reading.deviation(Quirk::LoadersDisagree, entry.central, route(), what);
    }
    let Some(local) = &entry.local else {
        let what = format!("no local header stands at offset {:#x}", entry.header_at);
        reading.deviation(Quirk::OutOfRange, entry.central, route(), &what);
        return;
    };
    let span = Span::between(entry.header_at, local.data_at);
    let mut disagree = |what: String| {
        reading.deviation(Quirk::HeadersDisagree, span, route(), &what);
    };
    if let Some(name) = &local.other_name {
        disagree(format!(
            "the local header calls it `{}`, the directory `{}`: Python's zipfile refuses to open \
             it, miniz (torch.load) goes by the directory",
            String::from_utf8_lossy(name),
            entry.name()
        ));
    }
    for (field, there, here) in contradictions(entry, local) {
        disagree(format!("the local header gives it {field} {here}, the directory {there}"));
    }
    if entry.contradicted {
        disagree("the data descriptor contradicts the directory".to_owned());
    }
    if entry.wide_contradicts {
        disagree("a zip64 field gives other sizes than the header that it belongs to".to_owned());
    }
    if let Some(name) = &entry.unicode_name {
        disagree(format!(
            "readers that follow Info-ZIP's Unicode path field call it `{}`",
            escape_bytes(name)
        ));
    }
    let end = local.data_at.saturating_add(entry.compressed);
    if end > len {
        let what = format!("its data ends {} bytes behind the end", end.saturating_sub(len));
        reading.deviation(Quirk::OutOfRange, entry.data, route(), &what);
    }
}

/// The fields in which the headers differ: name of the field, the directory's and the local value.
fn contradictions(entry: &Entry, local: &Local) -> Vec<(&'static str, u64, u64)> {
    let mut found = Vec::new();
    if entry.method != local.method {
        found.push(("method", u64::from(entry.method), u64::from(local.method)));
    }
    if (entry.flags ^ local.flags) & MEANING != 0 {
        found.push(("flags", u64::from(entry.flags), u64::from(local.flags)));
    }
    for (field, there, here) in [
        ("checksum", u64::from(entry.crc32), u64::from(local.crc32)),
        ("packed size", entry.compressed, local.compressed),
        ("unpacked size", entry.size, local.size),
    ] {
        if there != here && !is_placeholder(local, here) {
            found.push((field, there, here));
        }
    }
    found
}

/// Whether a number of a local header stands for one in the data descriptor (APPNOTE 4.4.4).
fn is_placeholder(local: &Local, number: u64) -> bool {
    local.flags & DESCRIBED != 0 && (number == 0 || number == u64::from(u32::MAX))
}

/// The member as a reader sees it that trusts the local header, where that is another one: other
/// name, method or data, or no encryption.
pub(super) fn local_version(entry: &Entry, len: u64) -> Option<Entry> {
    let local = entry.local.as_ref()?;
    let sized = local.compressed != entry.compressed && !is_placeholder(local, local.compressed);
    let opened = entry.flags & REFUSED != 0 && local.flags & REFUSED == 0;
    let same = local.other_name.is_none() && local.method == entry.method;
    if same && !sized && !opened {
        return None;
    }
    let mut version = entry.clone();
    version.method = local.method;
    version.flags = local.flags;
    if let Some(name) = &local.other_name {
        version.raw_name.clone_from(name);
    }
    if sized {
        version.compressed = local.compressed;
        version.size = local.size;
        version.crc32 = local.crc32;
        let end = local.data_at.saturating_add(local.compressed).min(len);
        version.data = Span::between(local.data_at.min(len), end);
        version.end = end;
    }
    Some(version)
}
