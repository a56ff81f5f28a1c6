//! Models as JSON: `to_json`, the `config.json` and `metadata.json` of a Keras archive or folder, and
//! the `model.json` of TensorFlow.js.

use super::config::{self, Config};
use super::metadata::{self, KEYS};
use super::recorder::Recorder;
use crate::json::{self, Document, Node};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Route, Site};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};
use memchr::memmem;
use std::borrow::Cow;

/// Bytes that are searched at a time.
const PIECE: usize = 64 * 1024;

/// Classes that make a configuration somewhere inside of other JSON worth walking.
const MODELS: &[&str] = &["Functional", "Lambda", "Model", "Sequential", "__lambda__"];

/// A model's configuration, or the metadata of one.
#[derive(Debug)]
pub struct Architecture;

/// A TensorFlow.js model.
#[derive(Debug)]
pub struct TensorFlowJs;

impl Format for Architecture {
    fn id(&self) -> &'static str {
        "keras-json"
    }

    fn summary(&self) -> &'static str {
        "Keras model configurations in JSON: every object that loading looks up"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if json::starts_container(head) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        if !mentions(input.bytes, &[b"class_name", b"keras_version"], budget)? {
            return Err(Halt::malformed(0, "no configuration of Keras"));
        }
        let document = Document::parse(input.bytes, budget)?;
        let Some(root) = document.root() else { return fault(&document) };
        if root.get("modelTopology").is_some() {
            return Err(Halt::malformed(0, "a configuration of TensorFlow.js"));
        }
        let describes = KEYS.iter().any(|key| root.get(key).is_some_and(|it| it.text().is_some()));
        let mut recorder = Recorder::new(reading, budget);
        if is_model(&document) {
            metadata::serialization(&mut recorder, &document);
        } else if !(describes && root.get("keras_version").is_some()) {
            return broken(&document, reading);
        }
        metadata::describe(&mut recorder, root);
        let (prefix, layer) = (String::new(), String::new());
        let result = config::read(&mut recorder, &Config { document: &document, prefix, layer });
        recorder.finish();
        reading.seamless = result.is_ok();
        result
    }
}

/// What would be a model if it went on: a loader refuses it, and nothing is known about it.
fn broken(document: &Document, reading: &mut Reading) -> Result<(), Halt> {
    let Some(fault) = document.fault() else {
        return Err(Halt::malformed(0, "no configuration of Keras"));
    };
    let begun = document.nodes().any(|node| node.is_key() && node.is_text("class_name"));
    if fault.blame() == Blame::Malformed && begun {
        let what = format!("a model's configuration that is no JSON: {}", fault.what());
        reading.deviation(Quirk::WrongType, Span::new(fault.at(), 0), Route::None, &what);
    }
    Err(fault.clone())
}

fn fault(document: &Document) -> Result<(), Halt> {
    document.fault().map_or(Ok(()), |fault| Err(fault.clone()))
}

/// Whether a document holds a serialized model: at its top, or in a place that says so itself.
fn is_model(document: &Document) -> bool {
    if document.root().and_then(class).is_some() {
        return true;
    }
    let mut keys = document.nodes().filter(|node| node.is_key() && node.is_text("class_name"));
    keys.any(|key| {
        let Some(node) = key.parent() else { return false };
        let Some(class) = class(node) else { return false };
        let modern = node.get("module").is_some() && node.get("registered_name").is_some();
        modern || MODELS.contains(&class.as_ref())
    })
}

/// The class of a serialized object.
fn class(node: Node<'_>) -> Option<Cow<'_, str>> {
    node.get("config")?;
    node.get("class_name").and_then(Node::text)
}

/// Whether any of `words` may stand in a JSON text: as it is, or with characters escaped or in wide
/// units. Most JSON is no model, and is not parsed to find that out.
pub(crate) fn mentions(bytes: &Bytes, words: &[&[u8]], budget: &mut Budget) -> Result<bool, Halt> {
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let mut buffer = vec![0; to_usize(bytes.len()).min(PIECE)];
    let mut at = 0_u64;
    while at < bytes.len() {
        let read = bytes.read_at(at, &mut buffer)?;
        let piece = buffer.get(..read).unwrap_or_default();
        budget.spend_steps(to_u64(read / 64), at)?;
        let plain = words.iter().any(|word| memmem::find(piece, word).is_some());
        if plain || piece.contains(&0) || escapes_ascii(piece) {
            return Ok(true);
        }
        // Words may stand across two pieces, and so may escapes.
        let step = read.saturating_sub(longest).max(1);
        at = if read < PIECE { bytes.len() } else { at.saturating_add(to_u64(step)) };
    }
    Ok(false)
}

/// Whether a letter, digit or `_` is written as an escape, which no writer does without intent.
fn escapes_ascii(piece: &[u8]) -> bool {
    memmem::find_iter(piece, b"\\u00").any(|at| {
        let digit = at.checked_add(4).and_then(|at| piece.get(at));
        matches!(digit, Some(b'4'..=b'7'))
    })
}

impl Format for TensorFlowJs {
    fn id(&self) -> &'static str {
        "tfjs"
    }

    fn summary(&self) -> &'static str {
        "TensorFlow.js models: their configuration, and the files of their weights"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        Architecture.probe(head, input)
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        if !mentions(input.bytes, &[b"modelTopology", b"paths", b"weightsManifest"], budget)? {
            return Err(Halt::malformed(0, "no configuration of TensorFlow.js"));
        }
        let document = Document::parse(input.bytes, budget)?;
        let Some(root) = document.root() else { return fault(&document) };
        if is_manifest(root) {
            weights(root.items(), reading);
            reading.seamless = document.fault().is_none();
            return fault(&document);
        }
        if root.get("modelTopology").is_none() && root.get("weightsManifest").is_none() {
            return Err(Halt::malformed(0, "no configuration of TensorFlow.js"));
        }
        weights(root.get("weightsManifest").into_iter().flat_map(Node::items), reading);
        let mut recorder = Recorder::new(reading, budget);
        let topology = root.get("modelTopology").unwrap_or(root);
        metadata::describe(&mut recorder, topology);
        let (prefix, layer) = (String::new(), String::new());
        let result = config::read(&mut recorder, &Config { document: &document, prefix, layer });
        recorder.finish();
        reading.seamless = result.is_ok();
        result
    }
}

/// Whether a document is the manifest of the weights alone: what `tf.io.loadWeights` takes, and what
/// converters before the one of `model.json` wrote (`*-weights_manifest.json`).
fn is_manifest(root: Node<'_>) -> bool {
    let group = |it: Node<'_>| {
        let named = |key| it.get(key).is_some_and(|list| list.is_array() && !list.is_empty());
        named("paths") && named("weights")
    };
    root.items().next().is_some() && root.items().all(group)
}

/// Groups of weights whose sizes are told.
const GROUPS: usize = 4096;

/// Bytes that a weight takes: its shape times its type, or times what it was quantised to; nothing
/// where that is not fixed (TensorFlow.js, `io/types.ts`, `WeightsManifestEntry`).
fn size(weight: Node<'_>) -> Option<u64> {
    let dtype = weight.get("quantization").and_then(|it| it.get("dtype")).or(weight.get("dtype"));
    let width = match dtype?.text()?.as_ref() {
        "bool" | "int8" | "uint8" => 1_u64,
        "float16" | "uint16" => 2,
        "float32" | "int32" => 4,
        "complex64" => 8,
        _ => return None,
    };
    let dims = weight.get("shape").into_iter().flat_map(Node::items);
    let mut dims = dims.map(|dim| dim.int().and_then(|dim| u64::try_from(dim).ok()));
    dims.try_fold(width, |size, dim| size.checked_mul(dim?))
}

/// The files that weights are read from, which a browser or `io.loadModel` fetches from beside the
/// model, or from wherever else their names lead.
fn weights<'n>(groups: impl Iterator<Item = Node<'n>> + Clone, reading: &mut Reading) {
    for (index, group) in (0_i64..).zip(groups.clone()).take(GROUPS) {
        let paths = group.get("paths").into_iter().flat_map(Node::items);
        let paths: Vec<String> =
            paths.filter_map(|path| path.text()).map(|path| path.into_owned()).collect();
        let weights = || group.get("weights").into_iter().flat_map(Node::items);
        let bytes = weights().try_fold(0_u64, |sum, weight| sum.checked_add(size(weight)?));
        if let Some(bytes) = bytes.filter(|_| weights().next().is_some()) {
            reading.fact(crate::stored::shards(index, paths, bytes, group.span()));
        }
    }
    for path in groups.filter_map(|group| group.get("paths")).flat_map(Node::items) {
        let Some(target) = path.text() else { continue };
        let site = Site { span: path.span(), route: Route::Key(path.path()) };
        let outside = target.contains("..") || target.contains("://") || target.starts_with('/');
        if outside {
            let what = format!("the weights `{target}` do not lie beside the model");
            let (span, route) = (site.span, site.route.clone());
            reading.deviation(Quirk::EscapingName, span, route, &what);
        }
        let target = target.into_owned();
        reading.fact(Fact::Reference { target, purpose: "weights", site });
    }
}
