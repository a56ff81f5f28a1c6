//! PyTorch's legacy files (`torch.save` before 1.6): five pickles one behind the other, then the raw
//! bytes of every storage.

use super::tensors::{self, Storage};
use crate::pickle::{Heap, Machine, Node, V};
use davy_artifact::{Format, Input, Probe, Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Cursor, Halt, Span};
use std::collections::BTreeMap;

/// LONG1 of 0x1950a86a20f9469cfc6c, and STOP: the first pickle without its protocol.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// The second pickle: the version of the layout.
const PROTOCOL: i64 = 1001;

/// Longest key of a storage.
const KEY: usize = 256;

/// The legacy file of `torch.save`.
#[derive(Debug)]
pub struct Legacy;

/// Whether `head` starts with the magic number, pickled in whatever protocol. A file that computes
/// the number instead (an attack on readers that look for it) is a row of pickles like any other.
pub(crate) fn is_legacy(head: &[u8]) -> bool {
    let rest = match head {
        [0x80, 4..=5, 0x95, rest @ ..] => rest.get(8..).unwrap_or_default(),
        [0x80, _, rest @ ..] => rest,
        rest => rest,
    };
    rest.starts_with(MAGIC)
}

impl Format for Legacy {
    fn id(&self) -> &'static str {
        "pytorch-legacy"
    }

    fn summary(&self) -> &'static str {
        "PyTorch checkpoint of five pickles and raw storages (before 1.6)"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if is_legacy(head) { Probe::Certain } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let checkpoint = read_pickles(input.bytes, reading, budget)?;
        read_storages(input.bytes, checkpoint, reading)
    }
}

/// What the five pickles say about the rest of the file.
struct Checkpoint {
    /// Offset behind the fifth.
    end: u64,
    storages: BTreeMap<String, Storage>,
    /// Keys of the storages, in the order of their bytes.
    keys: Vec<String>,
}

fn read_pickles(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<Checkpoint, Halt> {
    let mut found = Reading::default();
    let mut machine = Machine::new(bytes, reading, budget);
    let mut ends = Vec::new();
    let mut at = 0;
    let mut halted = None;
    for stream in 0..5 {
        match machine.run(at, stream) {
            Ok(end) => {
                ends.push((Span::between(at, end.at), end.value));
                at = end.at;
            }
            Err(halt) => {
                halted = Some(halt);
                break;
            }
        }
    }
    let heap = machine.heap();
    check_streams(heap, &ends, &mut found);
    tensors::record(heap, &|span| span, &mut found);
    let (storages, others) = tensors::storages(heap);
    tensors::check_kinds(&storages, &others, Span::new(0, at), &mut found);
    let keys = ends.get(4).map(|(_, value)| keys(heap, *value)).unwrap_or_default();
    found.facts.into_iter().for_each(|fact| reading.fact(fact));
    for deviation in found.deviations {
        reading.deviations.push(deviation);
    }
    match halted {
        Some(halt) => Err(halt),
        None => Ok(Checkpoint { end: at, storages, keys }),
    }
}

/// Version, system and keys are plain data in every file that `torch.save` wrote.
fn check_streams(heap: &Heap, ends: &[(Span, V)], found: &mut Reading) {
    for (index, (span, value)) in ends.iter().enumerate() {
        let (fits, what) = match index {
            1 => (tensors::int(heap, *value) == Some(PROTOCOL), "the version is not 1001"),
            2 => {
                let dict = matches!(heap.node(*value), Some(Node::Dict(_)));
                (dict, "the description of the system is no dictionary")
            }
            4 => {
                let list = matches!(heap.node(*value), Some(Node::List(_)));
                (list, "the keys of the storages are no list")
            }
            _ => (true, ""),
        };
        if !fits {
            found.deviation(Quirk::WrongType, *span, Route::None, what);
        }
    }
}

fn keys(heap: &Heap, list: V) -> Vec<String> {
    let items = heap.sequence(list).unwrap_or_default();
    items.iter().map(|item| heap.string(*item, KEY).unwrap_or_default()).collect()
}

/// Each storage: the number of its elements, and their bytes.
fn read_storages(bytes: &Bytes, checkpoint: Checkpoint, reading: &mut Reading) -> Result<(), Halt> {
    let Checkpoint { end, mut storages, keys } = checkpoint;
    let mut cursor = Cursor::starting_at(bytes.clone(), end);
    for key in keys {
        let at = cursor.position();
        let Some(storage) = storages.remove(&key) else {
            let what = format!("storage `{key}` is listed, and no tensor names it");
            let span = Span::new(at, 0);
            reading.deviation(Quirk::Missing, span, Route::Tensor(key), &what);
            break;
        };
        let elements = cursor.u64_le("number of elements")?;
        // Types whose elements have no known size: what follows cannot be told apart.
        let Some(unit) = storage.item_size() else {
            let what = format!("storage `{key}` of the unknown type `{}`", storage.kind);
            return Err(Halt::unsupported(at, what));
        };
        let size = elements.checked_mul(unit);
        let size = size.ok_or_else(|| Halt::malformed(at, "a storage larger than any file"))?;
        let span = cursor.skip(size, "storage")?;
        tensors::check_size(&storage, size, span, reading);
        if size > 0 {
            reading.child(format!("data/{key}"), bytes.slice(span), Role::Storage);
        }
    }
    for storage in storages.values().filter(|storage| storage.location != "meta").take(100) {
        let what = format!("storage `{}` is named, and not in the file", storage.key);
        let route = Route::Tensor(storage.key.clone());
        reading.deviation(Quirk::Missing, Span::new(end, 0), route, &what);
    }
    let rest = Span::between(cursor.position(), bytes.len());
    if rest.len > 0 {
        let what = format!("{} bytes behind the last storage", rest.len);
        reading.deviation(Quirk::BytesAfterEnd, rest, Route::None, &what);
        reading.child(format!("@suffix@{:#x}", rest.start), bytes.slice(rest), Role::Leftover);
    }
    reading.seamless = rest.len == 0;
    Ok(())
}
