//! A model as a whole: what it says about itself, its functions, and its graph.

use super::tensor::{NAME, entry_of};
use super::types::text;
use super::walk::{Join, Pending, Walker};
use super::{Sink, content, tables};
use crate::calls::Calls;
use crate::graph::Graph;
use crate::protobuf::{Field, Message, Payload};
use davy_artifact::{Excerpt, Fact, Quirk, Reading, Route, Site, Value};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};

/// Nodes that copies of functions may add to a graph.
const COPIES: u64 = 500_000;

/// Functions that are told by themselves.
const TOLD: u32 = 20_000;

/// A function of the model.
struct Function {
    message: Message,
    label: String,
}

/// Parts of a model that are read after all of them are known.
#[derive(Default)]
struct Parts {
    graphs: Vec<Message>,
    functions: Vec<Message>,
    training: Vec<Message>,
}

/// Reads a model.
pub(super) fn read(
    bytes: &Bytes,
    reading: &mut Reading,
    budget: &mut Budget,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut walker = Walker::new(bytes, reading, budget, sink)?;
    // What was read before a fault is told all the same.
    let result = walk(&mut walker);
    walker.tell_operators();
    let Walker { files, reading, .. } = &mut walker;
    files.check(reading);
    if let Some(at) = walker.wire.padded() {
        let what = "a number that is longer than it need be, which no common writer makes";
        walker.reading.deviation(Quirk::Handmade, Span::new(at, 1), Route::None, what);
    }
    walker.reading.seamless = result.is_ok();
    result
}

fn walk(walker: &mut Walker<'_>) -> Result<(), Halt> {
    let mut parts = Parts::default();
    let mut fault = None;
    let mut message = Message::whole(walker.bytes, &tables::MODEL);
    loop {
        match walker.wire.next(&mut message, walker.budget) {
            Ok(Some(field)) => part(walker, &message, &field, &mut parts)?,
            Ok(None) => break,
            // A model that is cut has its graph cut, which is worth a look.
            Err(halt) => {
                fault = Some(halt);
                let cut = walker.wire.cut(&message).filter(|field| field.name() == "graph");
                parts.graphs.extend(cut.map(|field| inside(&message, &field, &tables::GRAPH)));
                break;
            }
        }
    }
    functions(walker, &parts.functions)?;
    let library = walker.reset()?;
    let training = training(walker, &parts.training)?;
    let root = Pending { parts: parts.graphs, label: "graph".to_owned(), join: Join::Main };
    let result = walker.run(root, training);
    walker.tell_nodes()?;
    splice(walker, &library);
    walker.tell_overrides()?;
    match fault {
        // The fault of the model itself is where its reading ends, whatever is inside.
        Some(fault) => Err(fault),
        None => result,
    }
}

fn inside(message: &Message, field: &Field, table: &'static crate::protobuf::Table) -> Message {
    message.inside(field.content(), table)
}

/// A field of the model.
fn part(
    walker: &mut Walker<'_>,
    message: &Message,
    field: &Field,
    parts: &mut Parts,
) -> Result<(), Halt> {
    match field.name() {
        "graph" => {
            if !parts.graphs.is_empty() {
                let what = "a second graph: loaders read both as one";
                walker.reading.deviation(Quirk::Repeated, field.span, Route::None, what);
            }
            parts.graphs.push(inside(message, field, &tables::GRAPH));
        }
        "functions" => parts.functions.push(inside(message, field, &tables::FUNCTION)),
        "training_info" => parts.training.push(inside(message, field, &tables::TRAINING_INFO)),
        "metadata_props" => {
            let entry = inside(message, field, &tables::STRING_STRING_ENTRY);
            walker.metadata(entry, "")?;
        }
        "opset_import" => opset(walker, inside(message, field, &tables::OPERATOR_SET_ID), "")?,
        "" => walker.unknown(message, field),
        "configuration" => {}
        _ => plain(walker, field)?,
    }
    let all = parts.graphs.len().max(parts.functions.len()).max(parts.training.len());
    if to_u64(all).saturating_mul(256) > walker.budget.left().memory {
        return Err(Halt::exhausted(field.span.start, "the limit on memory"));
    }
    Ok(())
}

/// A number or text that describes the model.
fn plain(walker: &mut Walker<'_>, field: &Field) -> Result<(), Halt> {
    let value = match field.payload {
        Payload::Bytes(span) => {
            if field.name() == "doc_string" {
                walker.payload("doc_string", span);
            }
            let head = walker.wire.head(span, content::TEXT)?.to_vec();
            Value::Text(Excerpt { head, len: span.len })
        }
        _ => Value::Int(field.int()),
    };
    let site = Site { span: field.span, route: Route::None };
    let name = field.name().to_owned();
    walker.reading.fact(Fact::Attribute { owner: String::new(), name, value, site });
    Ok(())
}

/// A set of operators that the model is written in, and its version.
fn opset(walker: &mut Walker<'_>, mut message: Message, owner: &str) -> Result<(), Halt> {
    let span = Span::between(message.at, message.end);
    let (mut domain, mut version) = (Span::default(), 0);
    while let Some(field) = walker.wire.next(&mut message, walker.budget)? {
        match field.name() {
            "domain" => domain = field.content(),
            "version" => version = field.int(),
            _ => walker.unknown(&message, &field),
        }
    }
    let name = match domain.len {
        0 => "ai.onnx".to_owned(),
        _ => text(&mut walker.wire, domain, NAME)?,
    };
    let owner = format!("{owner} opset_import").trim_start().to_owned();
    let (value, site) = (Value::Int(version), Site { span, route: Route::None });
    walker.reading.fact(Fact::Attribute { owner, name, value, site });
    Ok(())
}

/// Graphs that train the model.
fn training(walker: &mut Walker<'_>, messages: &[Message]) -> Result<Vec<Pending>, Halt> {
    let mut graphs = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let mut message = *message;
        while let Some(field) = walker.wire.next(&mut message, walker.budget)? {
            match field.name() {
                "initialization" | "algorithm" => {
                    let label = format!("training_info[{index}].{}", field.name());
                    let parts = vec![inside(&message, &field, &tables::GRAPH)];
                    graphs.push(Pending { parts, label, join: Join::Training });
                }
                "" => walker.unknown(&message, &field),
                _ => {
                    let entry = inside(&message, &field, &tables::STRING_STRING_ENTRY);
                    entry_of(&mut walker.wire, entry, NAME, walker.budget)?;
                }
            }
        }
    }
    Ok(graphs)
}

/// Reads the functions of a model.
fn functions(walker: &mut Walker<'_>, messages: &[Message]) -> Result<(), Halt> {
    let mut all = Vec::new();
    for (index, message) in (0_u32..).zip(messages) {
        let function = head(walker, *message, index)?;
        let site = Site {
            span: Span::between(message.at, message.end),
            route: Route::Node(function.label.clone()),
        };
        if index < TOLD {
            let (path, detail) = (function.label.clone(), String::new());
            walker.reading.fact(Fact::Object { path, kind: "function", detail, site });
        }
        all.push(function);
    }
    let mut calls = Calls::default();
    let mut sizes = Vec::new();
    for (index, Function { message, label }) in (0_u32..).zip(all) {
        let first = walker.graph.nodes().len();
        let join = Join::Function(index);
        walker.run(Pending { parts: vec![message], label, join }, Vec::new())?;
        if let Some(body) = walker.bodies.get_mut(&index) {
            body.nodes = first..walker.graph.nodes().len();
        }
        let nodes = walker.graph.nodes().get(first..).unwrap_or_default();
        for node in nodes {
            let function = walker.operators.get(node.operator).and_then(|used| used.function);
            if let Some(function) = function {
                calls.add(u64::from(index), u64::from(function));
            }
        }
        sizes.push(to_u64(nodes.len()));
    }
    walker.tell_nodes()?;
    let span = messages.first().map(|it| Span::between(it.at, it.end)).unwrap_or_default();
    let extent = calls.extent(&sizes);
    if !extent.cycles.is_empty() {
        let what = format!("{} functions call each other", extent.cycles.len());
        walker.reading.deviation(Quirk::Cycle, span, Route::None, &what);
    }
    extent.tell(span, walker.reading);
    Ok(())
}

/// Domain and name of a function, which are made known.
fn head(walker: &mut Walker<'_>, message: Message, index: u32) -> Result<Function, Halt> {
    let (mut name, mut domain) = (Span::default(), Span::default());
    let mut rest = message;
    while let Some(field) = walker.wire.next(&mut rest, walker.budget)? {
        match field.name() {
            "name" => name = field.content(),
            "domain" => domain = field.content(),
            _ => {}
        }
    }
    let name = walker.wire.head(name, NAME)?.to_vec();
    let domain = walker.wire.head(domain, NAME)?.to_vec();
    walker.operators.define(&domain, &name, index);
    let domain = String::from_utf8_lossy(&domain).into_owned();
    Ok(Function { message, label: format!("{domain}::{}", String::from_utf8_lossy(&name)) })
}

/// Puts copies of functions in the place of the nodes that call them, so that data can be followed
/// through them, as far as that stays in proportion.
fn splice(walker: &mut Walker<'_>, library: &Graph) {
    let mut left = COPIES;
    let mut index = 0;
    while let Some(node) = walker.graph.nodes().get(index).copied() {
        let function = walker.operators.get(node.operator).and_then(|used| used.function);
        let body = function.and_then(|function| walker.bodies.get(&function));
        if let (Some(body), false) = (body, node.class == crate::graph::Class::Replaced) {
            let size = to_u64(body.nodes.len()).saturating_add(1);
            let Some(rest) = left.checked_sub(size) else { break };
            left = rest;
            let id = u32::try_from(index).unwrap_or(u32::MAX);
            if walker.graph.splice(id, library, body).is_none() {
                break;
            }
        }
        index = index.saturating_add(1);
    }
}
