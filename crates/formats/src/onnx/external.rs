//! Elements in files beside the model (ONNX, "External Data").

use super::tensor::TensorRecord;
use davy_artifact::{Excerpt, Fact, Quirk, Reading, Route, Site, Value};
use davy_bytes::Span;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What an entry can say. ONNX before 1.21 set whatever a file named on an object of the loader
/// (CVE-2026-34445).
const KEYS: &[&str] = &["location", "offset", "length", "checksum", "basepath"];

/// A part of a file that a tensor takes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Part {
    start: u64,
    end: u64,
    tensor: String,
    at: (u64, u64),
}

/// The files beside a model, with the parts that its tensors take of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<String, Vec<Part>>,
}

impl Files {
    /// Records where a tensor says that its elements are.
    pub(super) fn take(&mut self, tensor: &TensorRecord, name: &str, reading: &mut Reading) {
        let (span, route) = (tensor.span, Route::Tensor(name.to_owned()));
        let value = |key: &str| {
            let entries = tensor.external.iter().rev();
            entries.clone().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        };
        for (key, value) in &tensor.external {
            // ONNX Runtime keeps what it rearranged for a processor beside the weights.
            if !KEYS.contains(&key.as_str()) && !key.starts_with("prepacked_") {
                let (owner, name) = ("external data".to_owned(), key.clone());
                let (value, site) = (value.clone(), Site { span, route: route.clone() });
                let value = Value::Text(Excerpt::whole(value));
                reading.fact(Fact::Attribute { owner, name, value, site });
            }
        }
        let Some(location) = value("location") else {
            let what = "its elements are in a file, and which one is not said";
            reading.deviation(Quirk::Missing, span, route, what);
            return;
        };
        if tensor.raw.is_some() || !tensor.typed.is_empty() {
            let what = "its elements are in a file and here: loaders take one or the other";
            reading.deviation(Quirk::HeadersDisagree, span, route.clone(), what);
        }
        let site = Site { span, route: route.clone() };
        self.refer(location, "external data", &site, reading);
        if let Some(base) = value("basepath").filter(|base| !base.is_empty()) {
            self.refer(base, "folder of external data", &site, reading);
        }
        let number = |key: &str, reading: &mut Reading| {
            let text = value(key)?;
            let number =
                text.parse::<u64>().ok().filter(|number| *number <= i64::MAX.unsigned_abs());
            if number.is_none() {
                let what = format!("the {key} of its external data is `{text}`");
                reading.deviation(Quirk::OutOfRange, span, route.clone(), &what);
            }
            number
        };
        let start = number("offset", reading).unwrap_or(0);
        let length = number("length", reading);
        self.part(tensor, name, location, (start, length), reading);
    }

    fn refer(&mut self, target: &str, purpose: &'static str, site: &Site, reading: &mut Reading) {
        if let Entry::Vacant(slot) = self.files.entry(target.to_owned()) {
            slot.insert(Vec::new());
            let (target, site) = (target.to_owned(), site.clone());
            reading.fact(Fact::Reference { target, purpose, site });
        }
    }

    fn part(
        &mut self,
        tensor: &TensorRecord,
        name: &str,
        location: &str,
        (start, length): (u64, Option<u64>),
        reading: &mut Reading,
    ) {
        let size = tensor.size();
        if let (Some(length), Some(size)) = (length, size)
            && length != size
        {
            let what = format!(
                "{length} bytes of external data, where {}{:?} takes {size}",
                tensor.data_type().name(),
                tensor.dims
            );
            let route = Route::Tensor(name.to_owned());
            reading.deviation(Quirk::SizeMismatch, tensor.span, route, &what);
        }
        let Some(length) = length.or(size).filter(|length| *length > 0) else { return };
        let Some(end) = start.checked_add(length) else {
            let route = Route::Tensor(name.to_owned());
            let what = "offset and length of its external data overflow";
            return reading.deviation(Quirk::OutOfRange, tensor.span, route, what);
        };
        let at = (tensor.span.start, tensor.span.len);
        let part = Part { start, end, tensor: name.to_owned(), at };
        self.files.entry(location.to_owned()).or_default().push(part);
    }

    /// Records parts of a file that lie over each other without being the same, which tensors that
    /// share weights are.
    pub(super) fn check(&mut self, reading: &mut Reading) {
        for (location, parts) in &mut self.files {
            parts.sort_unstable();
            let mut last: Option<&Part> = None;
            for part in parts.iter() {
                let same = |it: &&Part| (it.start, it.end) == (part.start, part.end);
                if let Some(over) = last.filter(|it| part.start < it.end && !same(it)) {
                    let what = format!(
                        "its bytes {}..{} of `{location}` lie over {}..{} of tensor `{}`",
                        part.start, part.end, over.start, over.end, over.tensor
                    );
                    let span = Span::new(part.at.0, part.at.1);
                    let route = Route::Tensor(part.tensor.clone());
                    reading.deviation(Quirk::Overlap, span, route, &what);
                }
                last = last.filter(|it| it.end > part.end).or(Some(part));
            }
        }
    }
}
