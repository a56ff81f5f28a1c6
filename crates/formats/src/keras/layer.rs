//! Layers that reach outside of the model, or carry something that is loaded in turn.

use super::config::{Object, Walk};
use super::names::Resolved;
use super::{base64, lambda};
use crate::json::Node;
use crate::tensorflow::{self, Lone};
use davy_artifact::{Excerpt, Fact, Operator, Role, Value};
use davy_bytes::{Bytes, to_u64};

/// Inputs and attributes of a node that are told.
const PARTS: usize = 64;

/// What another layer gives, which is made of what the model is fed.
const GIVEN: Value = Value::Unknown("fed when it runs");

/// Arguments that are paths or addresses by their name.
const PATHS: &[&str] = &[
    "directory",
    "file",
    "file_name",
    "file_path",
    "filename",
    "filepath",
    "fname",
    "log_dir",
    "origin",
    "path",
    "uri",
    "url",
];

/// The folder that `assets/` and `variables` of a layer are written to and read from is made of its
/// name (CVE-2026-12479).
const FOLDER: &str = "layer folder";

/// Records what is special about an object.
pub(super) fn check<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>, resolved: &Resolved) {
    match resolved.name.name.as_str() {
        "TFSMLayer" => reference(walk, object.config.get("filepath"), "saved model"),
        "TensorFlowOpLayer" => operator(walk, object),
        "TorchModuleWrapper" => module(walk, object),
        name => {
            let functions = ["function_type", "output_shape_type", "mask_type"];
            if name == "Lambda" || functions.iter().any(|key| object.config.get(key).is_some()) {
                lambda::check(walk, object);
            }
        }
    }
}

/// Records text that is a path by its key: constructors open it.
pub(super) fn text<'d>(walk: &mut Walk<'_, '_, 'd>, node: Node<'d>) {
    let Some(key) = node.key().and_then(Node::text) else { return };
    // Arguments of functions are told with their calls.
    let argument = node.parent().and_then(Node::key).is_some_and(|key| key.is_text("config"));
    if !argument {
        return;
    }
    if key == "vocabulary" {
        return reference(walk, Some(node), "vocabulary");
    }
    let named = PATHS.contains(&key.as_ref()) || key.ends_with("_path") || key.ends_with("_file");
    let saved = key == "filepath" && walk.class_around(node).as_deref() == Some("TFSMLayer");
    if named && !saved && node.text().is_some_and(|text| looks_like_path(&text)) {
        reference(walk, Some(node), "file");
    }
}

fn looks_like_path(text: &str) -> bool {
    let dotted = text.rsplit_once('.').is_some_and(|(_, end)| {
        !end.is_empty() && end.len() <= 8 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    dotted || text.contains(['/', '\\', '~'])
}

fn reference<'d>(walk: &mut Walk<'_, '_, 'd>, node: Option<Node<'d>>, purpose: &'static str) {
    let Some(node) = node else { return };
    let Some(target) = node.text().filter(|text| !text.is_empty()) else { return };
    let site = walk.site(node);
    let target = target.into_owned();
    walk.recorder.reading.fact(Fact::Reference { target, purpose, site });
}

/// A layer's name that leads out of the folder of its model.
pub(super) fn name<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>, name: Option<Node<'d>>) {
    let Some(node) = name.or_else(|| object.config.get("name")) else { return };
    let Some(text) = node.text() else { return };
    let up = text.split(['/', '\\']).any(|part| part == "..");
    if up || text.starts_with(['/', '\\']) || text.as_bytes().get(1..3) == Some(b":\\") {
        reference(walk, Some(node), FOLDER);
    }
}

/// A module of PyTorch, saved with `torch.save` and loaded with `weights_only=False`.
fn module<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>) {
    let Some(node) = object.config.get("module") else { return };
    let Some(text) = node.text() else { return };
    let bytes = base64::decode(&text).unwrap_or_else(|| text.as_bytes().to_vec());
    let start = node.span().start;
    let name = format!("{}@{start:#x}", walk.path(node));
    match walk.recorder.budget.spend_expansion(to_u64(bytes.len()), start) {
        Ok(()) => walk.recorder.reading.child(name, Bytes::from_memory(bytes), Role::Loaded),
        Err(halt) => walk.recorder.reading.halted(&halt, node.span().end()),
    }
}

/// A node of a TensorFlow graph, which is run as it is (tf_keras, `engine/base_layer.py`,
/// `TensorFlowOpLayer`): as an object, or as a text whose bytes are the serialized node.
fn operator<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>) {
    let Some(definition) = object.config.get("node_def") else { return };
    let Lone { op: name, inputs: count, mut attributes } = match definition.text() {
        Some(text) => tensorflow::node(text.as_bytes()).unwrap_or_default(),
        None => spelled(definition),
    };
    if name.is_empty() {
        attributes.push(("node_def".to_owned(), definition.value()));
    }
    let inputs = inputs(object, count);
    let operator = Operator { domain: String::new(), name, inputs, attributes };
    let site = walk.site(definition);
    walk.recorder.reading.fact(Fact::Operator { operator, count: 1, site });
}

/// A node as the JSON form of messages has it.
fn spelled(definition: Node<'_>) -> Lone {
    let op = definition.get("op").and_then(Node::text).unwrap_or_default().into_owned();
    let inputs = definition.get("input").into_iter().flat_map(Node::items);
    let named = |input: &Node<'_>| !input.text().unwrap_or_default().starts_with('^');
    let attributes = definition.get("attr").into_iter().flat_map(Node::entries);
    let attribute = |(key, value): (Node<'_>, Node<'_>)| {
        (key.text().unwrap_or_default().into_owned(), attribute(value))
    };
    let attributes = attributes.take(PARTS).map(attribute).collect();
    Lone { op, inputs: inputs.filter(named).take(PARTS).count(), attributes }
}

/// What a node is given: constants, which stand by the number of the input that they are, and between
/// them what other layers give.
fn inputs(object: Object<'_>, count: usize) -> Vec<Value> {
    let constants = object.config.get("constants").into_iter().flat_map(Node::entries);
    let constants = constants.take(PARTS).filter_map(|(key, value)| {
        let number = key.text()?.trim().parse::<usize>().ok().filter(|number| *number < PARTS)?;
        // An array is an object with its elements.
        let value = value.at(&["config", "value"]).unwrap_or(value);
        Some((number, value.value()))
    });
    let mut inputs = vec![GIVEN; count];
    for (number, value) in constants {
        if inputs.len() <= number {
            inputs.resize(number.saturating_add(1), GIVEN);
        }
        if let Some(input) = inputs.get_mut(number) {
            *input = value;
        }
    }
    inputs
}

/// An attribute of a node as the JSON form of messages has it, whose bytes are in base64 and whose
/// long numbers are text.
fn attribute(node: Node<'_>) -> Value {
    let Some((key, value)) = node.entries().next() else { return node.value() };
    let item = |kind: &str, value: Node<'_>| match (kind, value.text()) {
        ("s", Some(text)) => match base64::decode(&text) {
            Some(bytes) => Value::Text(Excerpt::whole(bytes)),
            None => value.value(),
        },
        ("i", Some(text)) => text.parse().map_or_else(|_| value.value(), Value::Int),
        ("func", _) => value.get("name").map_or(Value::None, Node::value),
        _ => value.value(),
    };
    match key.text().as_deref() {
        Some("list") => {
            let lists = value.entries().flat_map(|(kind, items)| {
                let kind = kind.text().unwrap_or_default().into_owned();
                items.items().take(PARTS).map(move |it| item(&kind, it)).collect::<Vec<_>>()
            });
            Value::List(lists.take(PARTS).collect())
        }
        Some(kind) => item(kind, value),
        None => Value::None,
    }
}
