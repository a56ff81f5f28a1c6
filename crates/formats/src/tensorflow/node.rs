//! Nodes of a graph, as `NodeDef` has them: name, operator, inputs and attributes.

use crate::protobuf::{Field, Kind, Message, Payload, Table, Wire};
use davy_bytes::{Budget, Halt, Span};

/// Bytes of a name that are read: longer ones are cut.
pub(super) const NAME: usize = 4096;
/// Inputs and attributes of one node that are kept when it is looked at closely.
const PARTS: usize = 4096;

/// A node that is looked at closely.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Its name, unique in its graph or function.
    pub(super) name: String,
    /// Its operator.
    pub(super) op: String,
    /// The device that it is to run on.
    pub(super) device: String,
    /// Its inputs: `node`, `node:output`, `node:name:output`, and `^node` for what must run before.
    pub(super) inputs: Vec<String>,
    /// Its attributes by name, each with the span of its `AttrValue`.
    pub(super) attributes: Vec<(String, Span)>,
}

impl Node {
    /// Reads the node that `span` holds.
    pub(super) fn read(wire: &mut Wire, span: Span, budget: &mut Budget) -> Result<Self, Halt> {
        let mut node = Self::default();
        let mut message = message(span, &super::table::NODE_DEF);
        while let Some(field) = wire.next(&mut message, budget)? {
            match field.name() {
                "name" => node.name = text(wire, &field)?,
                "op" => node.op = text(wire, &field)?,
                "device" => node.device = text(wire, &field)?,
                "input" if node.inputs.len() < PARTS => node.inputs.push(text(wire, &field)?),
                "attr" if node.attributes.len() < PARTS => {
                    let entry = entry(wire, &message, &field, budget)?;
                    node.attributes.extend(entry);
                }
                _ => {}
            }
        }
        Ok(node)
    }

    /// The value of an attribute. Where a name stands several times, the last one counts.
    pub(super) fn attribute(&self, name: &str) -> Option<Span> {
        self.attributes.iter().rev().find(|(key, _)| key == name).map(|(_, span)| *span)
    }

    /// Its inputs without what only must run before.
    pub(super) fn data_inputs(&self) -> impl Iterator<Item = &String> {
        self.inputs.iter().filter(|input| !input.starts_with('^'))
    }
}

/// The message that stands in `span`.
pub(super) fn message(span: Span, table: &'static Table) -> Message {
    Message { table, at: span.start, end: span.end(), depth: 0 }
}

/// The table of the messages that a field holds.
pub(super) fn table_of(field: &Field) -> Option<&'static Table> {
    match (field.entry.map(|entry| entry.kind), field.payload) {
        (Some(Kind::Message(table)), Payload::Bytes(_)) => Some(table),
        _ => None,
    }
}

/// The text of a field.
pub(super) fn text(wire: &mut Wire, field: &Field) -> Result<String, Halt> {
    let head = wire.head(field.content(), NAME)?;
    Ok(String::from_utf8_lossy(head).into_owned())
}

/// An entry of a map from text to messages: its key, and the span of its value.
pub(super) fn entry(
    wire: &mut Wire,
    outer: &Message,
    field: &Field,
    budget: &mut Budget,
) -> Result<Option<(String, Span)>, Halt> {
    let Some(table) = table_of(field) else { return Ok(None) };
    let mut inner = outer.inside(field.content(), table);
    let (mut key, mut value) = (String::new(), Span::new(field.content().end(), 0));
    while let Some(part) = wire.next(&mut inner, budget)? {
        match part.name() {
            "key" => key = text(wire, &part)?,
            "value" => value = part.content(),
            _ => {}
        }
    }
    Ok(Some((key, value)))
}
