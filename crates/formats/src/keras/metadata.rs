//! What a file says about itself: the version of Keras that wrote it, the backend, the date.

use super::recorder::Recorder;
use crate::json::{Document, Node};
use davy_artifact::{Excerpt, Route, Site, Value};
use davy_bytes::Span;

/// Keys that describe a file, in `metadata.json`, at the top of architectures, and as attributes of
/// HDF5 files.
pub(super) const KEYS: &[&str] = &["backend", "date_saved", "keras_version"];

/// Records the keys that describe the file, from the top of a document.
pub(super) fn describe(recorder: &mut Recorder<'_>, top: Node<'_>) {
    for key in KEYS {
        let Some(value) = top.get(key).filter(|value| value.text().is_some()) else { continue };
        let site = Site { span: value.span(), route: Route::Key(value.path()) };
        recorder.attribute(String::new(), key, value.value(), site);
    }
}

/// Which of the two ways of naming objects a configuration uses.
pub(super) fn serialization(recorder: &mut Recorder<'_>, document: &Document) {
    let Some(model) = document.root() else { return };
    let modern = model.get("module").is_some() || model.get("registered_name").is_some();
    let name = if modern { "keras-v3" } else { "legacy" };
    let site = Site { span: Span::new(model.span().start, 1), route: Route::None };
    let value = Value::Text(Excerpt::whole(name));
    recorder.attribute(String::new(), "serialization", value, site);
}
