//! What rebuilding a model calls, besides the classes of Keras themselves.
//!
//! A class is called with its configuration as keyword arguments; what stands among the layers of a
//! Functional model is then called with the arguments of its nodes. In Keras up to 3.8 that may be
//! any function of any module (`os.system`, CVE-2025-1550), up to 3.10 any function of Keras
//! (`keras.utils.get_file`, CVE-2025-8747).

use super::config::{Object, Walk};
use super::names::{Resolved, What};
use crate::json::Node;
use davy_artifact::{Call, Manner, Name, Value};

/// Calls of one layer that are told.
const NODES: usize = 16;

/// Arguments of a call that are told.
const ARGUMENTS: usize = 24;

/// Layers that stand for a function of TensorFlow, which they name in their configuration.
const TENSORFLOW: &[&str] = &["ClassMethod", "SlicingOpLambda", "TFOpLambda"];

/// Records what an object's own construction calls, and what its nodes do.
pub(super) fn check<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>, resolved: &Resolved) {
    if TENSORFLOW.contains(&resolved.name.name.as_str()) {
        return tensorflow(walk, object, resolved);
    }
    if matches!(resolved.what, What::Class | What::Custom) {
        return;
    }
    let function = object.node.get("class_name").is_some_and(|class| class.is_text("function"));
    if !function {
        let (args, kwargs) = if object.config.is_object() {
            (vec![], keywords(object.config))
        } else if object.config.is_null() {
            (vec![], vec![])
        } else {
            (vec![argument(object.config)], vec![])
        };
        record(walk, object.node, &resolved.name, args, kwargs);
    }
    nodes(walk, object, &resolved.name);
}

/// Calls of a layer by the model that it is in.
fn nodes<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>, name: &Name) {
    let Some(inbound) = object.node.get("inbound_nodes") else { return };
    for node in inbound.items().take(NODES) {
        if node.is_object() {
            let args = node.get("args").into_iter().flat_map(Node::items);
            let args = args.take(ARGUMENTS).map(argument).collect();
            let kwargs = node.get("kwargs").map(keywords).unwrap_or_default();
            record(walk, node, name, args, kwargs);
        } else if node.is_array() {
            let (args, kwargs) = legacy(node);
            record(walk, node, name, args, kwargs);
        }
    }
}

/// Inputs of a node until Keras 2: `[layer, node, tensor, keyword arguments]` each, nested as the
/// first argument of the layer is.
fn legacy(node: Node<'_>) -> (Vec<Value>, Vec<(String, Value)>) {
    let (mut args, mut kwargs) = (Vec::new(), Vec::new());
    let mut open = vec![node];
    while let Some(node) = open.pop().filter(|_| args.len() < ARGUMENTS) {
        let layer = node.item(0).and_then(Node::text);
        let Some(layer) = layer.filter(|_| node.item(1).is_some_and(|it| it.int().is_some()))
        else {
            let inside = node.items().chain(node.entries().map(|(_, value)| value));
            let mut inside: Vec<_> = inside.take(ARGUMENTS).collect();
            inside.reverse();
            open.extend(inside);
            continue;
        };
        let constant = node.item(2).filter(|_| layer == "_CONSTANT_VALUE");
        args.push(constant.map_or(TENSOR, Node::value));
        kwargs.extend(node.item(3).map(keywords).unwrap_or_default());
    }
    (args, kwargs)
}

const TENSOR: Value = Value::Unknown("a tensor of the model");

fn record<'d>(
    walk: &mut Walk<'_, '_, 'd>,
    node: Node<'d>,
    name: &Name,
    args: Vec<Value>,
    kwargs: Vec<(String, Value)>,
) {
    let callee = Value::Name(name.clone());
    let call = Call { callee, args, kwargs, manner: Manner::Called };
    let site = walk.site(node);
    walk.recorder.call(call, || site);
}

/// A function that a `Lambda` layer calls by its name, with the arguments that it adds.
pub(super) fn through<'d>(
    walk: &mut Walk<'_, '_, 'd>,
    node: Node<'d>,
    name: &Name,
    added: Option<Node<'d>>,
) {
    let callee = Value::Name(name.clone());
    let args = vec![TENSOR];
    let kwargs = added.map(keywords).unwrap_or_default();
    let call = Call { callee, args, kwargs, manner: Manner::Through("keras.layers.Lambda") };
    let site = walk.site(node);
    walk.recorder.call(call, || site);
}

/// Layers that Keras 2 makes of calls of TensorFlow: the function is any public name of it, found by
/// `tf_export.get_symbol_from_name`, and `keras.` names are among them.
fn tensorflow<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>, resolved: &Resolved) {
    let config = object.config;
    let (field, method) = match resolved.name.name.as_str() {
        "ClassMethod" => ("cls_symbol", config.get("method_name").and_then(Node::text)),
        _ => ("function", None),
    };
    let Some(symbol) = config.get(field).and_then(Node::text) else { return };
    let root = if symbol.starts_with("keras.") { "" } else { "tensorflow." };
    let dotted = format!("{root}{symbol}");
    let name = match (method, dotted.rsplit_once('.')) {
        (Some(method), Some((module, class))) => Name::new(module, format!("{class}.{method}")),
        (_, Some((module, function))) => Name::new(module, function),
        (_, None) => Name::new("", dotted.clone()),
    };
    let place = config.get(field).unwrap_or(object.node);
    walk.import(&name, None, "TensorFlow symbol", place);
    nodes(walk, object, &name);
}

fn keywords(node: Node<'_>) -> Vec<(String, Value)> {
    let entries = node.entries().take(ARGUMENTS);
    let entry = |(key, value): (Node<'_>, Node<'_>)| {
        (key.text().unwrap_or_default().into_owned(), argument(value))
    };
    entries.map(entry).collect()
}

/// An argument as the function gets it: references to tensors are no data of the file.
fn argument(node: Node<'_>) -> Value {
    let tensor =
        |node: Node<'_>| node.get("class_name").is_some_and(|it| it.is_text("__keras_tensor__"));
    if tensor(node) {
        return TENSOR;
    }
    if node.is_array() && node.items().take(ARGUMENTS).any(tensor) {
        let item = |item: Node<'_>| if tensor(item) { TENSOR } else { item.value() };
        return Value::List(node.items().take(ARGUMENTS).map(item).collect());
    }
    node.value()
}
