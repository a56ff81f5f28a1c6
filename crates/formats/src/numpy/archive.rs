//! The `.npz` archive: a zip of arrays, as `numpy.load` takes it.
//!
//! `numpy.load` offers every member: one that starts as an array does is loaded as one, any other is
//! handed over as bytes. An array is found under its name with and without `.npy` (`NpzFile`). What
//! the members are is told where each is read as an artifact of its own; here it is the archive.

use super::MAGIC;
use crate::zip::{self, Entry};
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64, to_usize};
use memchr::memmem;
use std::collections::HashMap;

/// How much of the end of an archive is searched for the names of members before it is read.
const TAIL: u64 = 96 * 1024;

/// Members whose first bytes are looked at.
const LOOKED_AT: usize = 10_000;

/// The reader of `.npz` files.
#[derive(Debug)]
pub struct Npz;

impl Format for Npz {
    fn id(&self) -> &'static str {
        "npz"
    }

    fn summary(&self) -> &'static str {
        "NumPy archives (.npz): which members numpy.load takes for arrays, and under which names"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // `numpy.load` looks for the signature at the very start.
        if !head.starts_with(b"PK\x03\x04") && !head.starts_with(b"PK\x05\x06") {
            return Probe::No;
        }
        let len = input.bytes.len();
        let tail = Span::between(len.saturating_sub(TAIL), len);
        let tail = input.bytes.copy(tail, to_usize(TAIL)).unwrap_or_default();
        if memmem::find(&tail, b".npy").is_some() || memmem::find(head, b".npy").is_some() {
            Probe::Possible
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let directory = zip::directory(input.bytes, budget)?;
        let members = directory.entries();
        let named = members.iter().filter(|entry| entry.raw_name.ends_with(b".npy")).count();
        let files = members.iter().filter(|entry| !entry.is_folder()).count();
        // Archives of other things hold arrays as well, and are no archive of NumPy's for that.
        if named == 0 || named < files && !input.name.ends_with(".npz") {
            return Ok(());
        }
        let count = i64::try_from(named).unwrap_or(i64::MAX);
        let span = Span::new(0, input.bytes.len());
        let site = Site { span, route: Route::None };
        let (owner, name) = (String::new(), "arrays".to_owned());
        reading.fact(Fact::Attribute { owner, name, value: Value::Int(count), site });
        check_names(members, reading);
        for entry in members.iter().filter(|entry| !entry.is_folder()).take(LOOKED_AT) {
            budget.spend_steps(64, entry.header_at)?;
            check_member(input.bytes, entry, reading, budget)?;
        }
        Ok(())
    }
}

/// Members that `numpy.load` finds under the same name.
fn check_names(members: &[Entry], reading: &mut Reading) {
    let mut known: HashMap<&[u8], &Entry> = HashMap::new();
    for entry in members.iter().filter(|entry| !entry.is_folder()) {
        let key = entry.raw_name.strip_suffix(b".npy").unwrap_or(&entry.raw_name);
        let Some(first) = known.insert(key, entry) else { continue };
        if first.raw_name != entry.raw_name {
            let what = format!(
                "`{}` and `{}` are one name to numpy.load: which it takes depends on its version",
                first.label, entry.label
            );
            let route = Route::Member(entry.label.clone());
            reading.deviation(Quirk::LoadersDisagree, entry.data, route, &what);
        }
    }
}

/// A member that is handed over as bytes, though it is called an array or stands among arrays.
fn check_member(
    bytes: &Bytes,
    entry: &Entry,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let Some(head) = start(bytes, entry, budget)? else { return Ok(()) };
    let named = entry.raw_name.ends_with(b".npy");
    if head.starts_with(MAGIC) || head.is_empty() {
        return Ok(());
    }
    let what = if named {
        "it is called an array and starts as none: numpy.load hands its bytes over as they are"
    } else {
        "no array among arrays: numpy.load hands its bytes over as they are"
    };
    let route = Route::Member(entry.label.clone());
    reading.deviation(Quirk::WrongType, entry.data, route, what);
    let value = Value::Bytes(Excerpt { head, len: entry.size });
    let site = Site { span: entry.data, route: Route::Member(entry.label.clone()) };
    let (owner, name) = (entry.label.clone(), "bytes".to_owned());
    reading.fact(Fact::Attribute { owner, name, value, site });
    Ok(())
}

/// The first bytes of a member, where it can be unpacked: that it cannot is told elsewhere.
fn start(bytes: &Bytes, entry: &Entry, budget: &mut Budget) -> Result<Option<Vec<u8>>, Halt> {
    match entry.method {
        0 => bytes.copy(entry.data, 16).map(Some),
        8 => {
            let head = bytes.copy(entry.data, 256)?;
            budget.spend_steps(to_u64(head.len()), entry.data.start)?;
            let mut plain = [0; 16];
            let mut inflate = flate2::Decompress::new(false);
            // The stream is cut on purpose; what comes out before the cut counts.
            let _cut = inflate.decompress(&head, &mut plain, flate2::FlushDecompress::None);
            let count = to_usize(inflate.total_out()).min(plain.len());
            Ok(plain.get(..count).map(<[u8]>::to_vec))
        }
        _ => Ok(None),
    }
}
