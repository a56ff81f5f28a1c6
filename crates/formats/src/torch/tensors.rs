//! What a pickle says about tensors and the storages that they lie in, and whether it fits.
//!
//! Loaders build views of memory from these numbers (CVE-2026-24747, CVE-2025-62164).

use crate::pickle::{CallRecord, Heap, Node, V};
use davy_artifact::{Deviation, Fact, Quirk, Reading, Route, Site, Tensor};
use davy_bytes::Span;
use std::collections::{BTreeMap, HashSet};

/// Tensors of one pickle that are looked at.
const TENSORS: usize = 1 << 20;

/// Longest key of a storage.
const KEY: usize = 256;

/// Dimensions that are shown; more do not occur.
const DIMENSIONS: usize = 64;

/// A storage as a persistent id names it: `('storage', type, key, location, numel, ...)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Storage {
    pub(super) key: String,
    /// The type's name, such as `FloatStorage`.
    pub(super) kind: String,
    pub(super) location: String,
    /// Number of elements; negative or huge where the file lies.
    pub(super) elements: i64,
}

impl Storage {
    /// Bytes per element; `None` for types whose elements are packed, or are not known.
    pub(super) fn item_size(&self) -> Option<u64> {
        Some(match self.kind.as_str() {
            "ComplexDoubleStorage" => 16,
            "ComplexFloatStorage" | "DoubleStorage" | "LongStorage" => 8,
            "FloatStorage" | "IntStorage" | "QInt32Storage" => 4,
            "BFloat16Storage" | "HalfStorage" | "ShortStorage" => 2,
            "BoolStorage" | "ByteStorage" | "CharStorage" | "QInt8Storage" | "QUInt8Storage"
            | "UntypedStorage" => 1,
            _ => return None,
        })
    }

    /// Size in bytes that the numbers stand for.
    pub(super) fn size(&self) -> Option<u64> {
        u64::try_from(self.elements).ok()?.checked_mul(self.item_size()?)
    }
}

/// Reads a persistent id as a storage.
pub(super) fn storage(heap: &Heap, id: V) -> Option<Storage> {
    let [tag, kind, key, location, elements, ..] = heap.sequence(id)? else { return None };
    if heap.string(*tag, 16)? != "storage" {
        return None;
    }
    let kind = heap.name(*kind).map(|name| name.name.clone()).unwrap_or_default();
    Some(Storage {
        key: heap.string(*key, KEY).or_else(|| int(heap, *key).map(|key| key.to_string()))?,
        kind: kind.rsplit('.').next().unwrap_or_default().to_owned(),
        location: heap.string(*location, KEY).unwrap_or_default(),
        elements: int(heap, *elements).unwrap_or(-1),
    })
}

/// Every storage that the pickle names, by key, with the ids that contradict the first one.
pub(super) fn storages(heap: &Heap) -> (BTreeMap<String, Storage>, Vec<Storage>) {
    let (mut storages, mut others) = (BTreeMap::new(), Vec::new());
    for node in heap.nodes() {
        let Node::Persistent(id) = node else { continue };
        let Some(storage) = storage(heap, *id) else { continue };
        match storages.get(&storage.key) {
            None => {
                storages.insert(storage.key.clone(), storage);
            }
            Some(first) if *first != storage && others.len() < 100 => others.push(storage),
            Some(_) => {}
        }
    }
    (storages, others)
}

pub(super) fn int(heap: &Heap, v: V) -> Option<i64> {
    match v {
        V::Int(int) => Some(i64::from(int)),
        _ => match heap.node(v)? {
            Node::Int(int) => Some(int),
            _ => None,
        },
    }
}

/// Whole numbers of a tuple or list; `None` where one is none.
fn ints(heap: &Heap, v: V) -> Option<Vec<i64>> {
    let items = heap.sequence(v)?;
    (items.len() <= DIMENSIONS).then_some(())?;
    items.iter().map(|item| int(heap, *item)).collect()
}

/// Records each tensor that the pickle rebuilds and whether it stays within its storage. `place`
/// turns an offset in the pickle into a span of the artifact.
pub(super) fn record(heap: &Heap, place: &dyn Fn(Span) -> Span, reading: &mut Reading) {
    // Streams are run in every way that some unpickler takes, and most of them agree.
    let mut seen = HashSet::new();
    for call in heap.calls().iter().take(TENSORS) {
        let mut found = Reading::default();
        record_call(heap, call, place, &mut found);
        let fresh = |what: String| (call.step.at, what);
        for fact in found.facts {
            if seen.insert(fresh(format!("{fact:?}"))) {
                reading.fact(fact);
            }
        }
        for Deviation { quirk, span, route, what } in found.deviations {
            if seen.insert(fresh(what.clone())) {
                reading.deviation(quirk, span, route, &what);
            }
        }
    }
}

/// Records what one call rebuilds, if it rebuilds a tensor.
fn record_call(
    heap: &Heap,
    call: &CallRecord,
    place: &dyn Fn(Span) -> Span,
    reading: &mut Reading,
) {
    let Some(name) = heap.name(call.callee) else { return };
    if !matches!(name.module.as_str(), "torch._utils" | "torch._tensor") {
        return;
    }
    let span = place(call.step.span());
    match name.name.as_str() {
        "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3" | "_rebuild_qtensor" => {
            record_dense(heap, call.args, span, reading);
        }
        "_rebuild_sparse_tensor" => check_sparse(heap, call.args, span, reading),
        _ => {}
    }
}

fn record_dense(heap: &Heap, args: V, span: Span, reading: &mut Reading) {
    let mut wrong = |quirk, what: &str| reading.deviation(quirk, span, Route::None, what);
    let Some([base, offset, size, stride, ..]) = heap.sequence(args) else {
        return wrong(Quirk::WrongType, "a tensor is rebuilt from too few arguments");
    };
    let base = match heap.node(*base) {
        Some(Node::Persistent(id)) => storage(heap, id),
        _ => None,
    };
    let Some(base) = base else {
        return wrong(Quirk::WrongType, "a tensor is rebuilt on something that is no storage");
    };
    let numbers = (int(heap, *offset), ints(heap, *size), ints(heap, *stride));
    let (Some(offset), Some(size), Some(stride)) = numbers else {
        let what = "offset, size or stride of a tensor are not whole numbers of 64 bits";
        return wrong(Quirk::WrongType, what);
    };
    let tensor = Tensor {
        storage: base.key.clone(),
        dtype: base.kind.clone(),
        elements: u64::try_from(base.elements).unwrap_or(0),
        offset,
        size,
        stride,
    };
    let route = Route::Tensor(base.key.clone());
    // Under `_rebuild_tensor_v3` the storage counts bytes, and the tensor its own elements: a
    // range in elements that does not fit in as many bytes fits nowhere.
    if let Some(what) = misfit(&tensor, base.elements) {
        reading.deviation(Quirk::OutOfRange, span, route.clone(), &what);
    }
    reading.fact(Fact::Tensor { tensor, site: Site { span, route } });
}

/// How a tensor leaves its storage of `elements` elements, if it does.
fn misfit(tensor: &Tensor, elements: i64) -> Option<String> {
    let Tensor { offset, size, stride, .. } = tensor;
    if elements < 0 {
        return Some(format!("a storage of {elements} elements"));
    }
    if *offset < 0 || size.iter().chain(stride).any(|number| *number < 0) {
        return Some(format!("a negative offset, size or stride: {offset}, {size:?}, {stride:?}"));
    }
    if size.len() != stride.len() {
        return Some(format!("{} sizes and {} strides", size.len(), stride.len()));
    }
    if size.contains(&0) {
        return None;
    }
    let reach = size.iter().zip(stride).try_fold(*offset, |reach, (size, stride)| {
        size.checked_sub(1)?.checked_mul(*stride)?.checked_add(reach)
    });
    match reach.and_then(|reach| reach.checked_add(1)) {
        Some(end) if end <= elements => None,
        Some(end) => Some(format!("it reaches element {end} of a storage that has {elements}")),
        None => Some("offset, size and stride overflow when they are multiplied".to_owned()),
    }
}

/// `(layout, (indices, values, size, ...))`: the shape of indices must fit that of values and size.
/// What the indices are lies in a storage; building without a check them reads and writes anywhere.
fn check_sparse(heap: &Heap, args: V, span: Span, reading: &mut Reading) {
    let Some([_, data, ..]) = heap.sequence(args) else { return };
    let Some([indices, values, size, ..]) = heap.sequence(*data) else { return };
    let Some(size) = ints(heap, *size) else { return };
    let (Some(indices), Some(values)) = (shape(heap, *indices), shape(heap, *values)) else {
        return;
    };
    let count = values.first().copied().unwrap_or(0);
    let fits = match indices.as_slice() {
        [dimensions, nonzero] => {
            *nonzero == count && usize::try_from(*dimensions).is_ok_and(|d| d <= size.len())
        }
        _ => false,
    };
    if !fits || size.iter().any(|size| *size < 0) {
        let what = format!(
            "a sparse tensor of size {size:?} with indices of size {indices:?} and values of size \
             {values:?}"
        );
        reading.deviation(Quirk::OutOfRange, span, Route::None, &what);
    }
}

/// The sizes of a tensor that is rebuilt in the same pickle.
fn shape(heap: &Heap, tensor: V) -> Option<Vec<i64>> {
    let Node::Call(at) = heap.node(tensor)? else { return None };
    let call = heap.call(at)?;
    match heap.sequence(call.args)? {
        [_, _, size, ..] => ints(heap, *size),
        _ => None,
    }
}

/// Records what contradicts itself in the storages of one pickle.
pub(super) fn check_kinds(
    storages: &BTreeMap<String, Storage>,
    others: &[Storage],
    span: Span,
    reading: &mut Reading,
) {
    for other in others {
        let Some(first) = storages.get(&other.key) else { continue };
        if first.size() != other.size() {
            let what = format!(
                "storage `{}` is {} elements of {} and also {} of {}",
                other.key, first.elements, first.kind, other.elements, other.kind
            );
            let route = Route::Tensor(other.key.clone());
            reading.deviation(Quirk::WrongType, span, route, &what);
        }
    }
}

/// Records a storage whose bytes are not as many as its elements need.
pub(super) fn check_size(storage: &Storage, bytes: u64, span: Span, reading: &mut Reading) {
    let Some(unit) = storage.item_size() else { return };
    if storage.size() != Some(bytes) {
        let what = format!(
            "storage `{}` has {bytes} bytes, where {} elements of {unit} bytes are declared",
            storage.key, storage.elements
        );
        let route = Route::Tensor(storage.key.clone());
        reading.deviation(Quirk::SizeMismatch, span, route, &what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(offset: i64, size: &[i64], stride: &[i64]) -> Tensor {
        Tensor {
            storage: "0".into(),
            dtype: "FloatStorage".into(),
            elements: 0,
            offset,
            size: size.into(),
            stride: stride.into(),
        }
    }

    #[test]
    fn tensors_must_stay_within_their_storage() {
        let fits = [
            tensor(0, &[2, 3], &[3, 1]),
            tensor(5, &[], &[]),
            tensor(0, &[1000, 6], &[0, 1]),
            tensor(100, &[0], &[1]),
        ];
        assert!(fits.iter().all(|tensor| misfit(tensor, 6).is_none()));
        let leaves = [
            tensor(1, &[2, 3], &[3, 1]),
            tensor(6, &[], &[]),
            tensor(-1, &[1], &[1]),
            tensor(0, &[-1], &[1]),
            tensor(0, &[i64::MAX, 2], &[i64::MAX, 1]),
            tensor(0, &[1], &[]),
        ];
        assert!(leaves.iter().all(|tensor| misfit(tensor, 6).is_some()));
    }
}
