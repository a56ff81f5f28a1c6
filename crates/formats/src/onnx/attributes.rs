//! Attributes of nodes: graphs, tensors and numbers in them, and what follows for the node.

use super::node::{AttributeRecord, NodeRecord};
use super::operators::is_common;
use super::tensor::{ELEMENTS, NAME};
use super::types::text;
use super::walk::{Join, Open, Walker};
use crate::graph::is_column;
use crate::graph::{Class, Constant, NodeId};
use crate::protobuf::Message;
use davy_artifact::{Excerpt, Quirk, Role, Route, Value};
use davy_bytes::{Halt, to_u64};

/// Tensors in attributes are told from this many elements on.
const TOLD: u64 = 64;

/// Sizes and steps that runtimes divide by or count with, and which are never zero.
const POSITIVE: &[&[u8]] =
    &[b"blocksize", b"block_size", b"dilations", b"group", b"kernel_shape", b"strides"];

/// Fields by the number of the type that attributes say they have.
const KINDS: &[&str] = &[
    "",
    "f",
    "i",
    "s",
    "t",
    "g",
    "floats",
    "ints",
    "strings",
    "tensors",
    "graphs",
    "sparse_tensor",
    "sparse_tensors",
    "tp",
    "type_protos",
];

impl Walker<'_> {
    /// The attributes of a node that is in the graph already.
    pub(super) fn attributes(
        &mut self,
        node: &NodeRecord,
        id: NodeId,
        operator: &[u8],
        open: &mut Open,
    ) -> Result<(), Halt> {
        for attribute in &node.attributes {
            let name = self.wire.head(attribute.name, NAME)?.to_vec();
            self.check_attribute(node, attribute, &name, open)?;
            let graphs: Vec<Message> = attribute.subgraphs().collect();
            if !graphs.is_empty() {
                let label = self.label(node, id)?;
                for graph in graphs {
                    let join = join(operator, &name, id);
                    let label = format!("{label}.{}", String::from_utf8_lossy(&name));
                    self.wait(open, graph, &label, join);
                }
            }
            self.tensors(node, attribute, id, operator, open)?;
            self.reclass(attribute, id, operator, &name);
        }
        self.note_blocks(node, id, operator, open)?;
        self.leftovers(node, id, open)
    }

    /// An attribute of a function, with the value that it has where a call gives none.
    pub(super) fn default(
        &mut self,
        message: Message,
        open: &mut Open,
        node: &mut NodeRecord,
    ) -> Result<(), Halt> {
        node.read_attribute(&mut self.wire, message, self.budget)?;
        for attribute in &node.attributes {
            let place = text(&mut self.wire, attribute.name, NAME)?;
            for tensor in attribute.all_tensors() {
                self.tensor(tensor, &place)?;
            }
            for sparse in attribute.all_sparse() {
                self.sparse(sparse, &place)?;
            }
            for graph in attribute.subgraphs() {
                self.wait(open, graph, &place, Join::Training);
            }
        }
        Ok(())
    }

    /// The node's name, or what it runs and its number.
    pub(super) fn label(&mut self, node: &NodeRecord, id: NodeId) -> Result<String, Halt> {
        if node.name.len > 0 {
            return text(&mut self.wire, node.name, NAME);
        }
        Ok(format!("{}#{id}", text(&mut self.wire, node.op_type, NAME)?))
    }

    fn tensors(
        &mut self,
        node: &NodeRecord,
        attribute: &AttributeRecord,
        id: NodeId,
        operator: &[u8],
        open: &Open,
    ) -> Result<(), Halt> {
        let dense: Vec<Message> = attribute.all_tensors().collect();
        let sparse: Vec<Message> = attribute.all_sparse().collect();
        let mut made = None;
        if !(dense.is_empty() && sparse.is_empty()) {
            let place = format!("{}/{}", open.label, self.label(node, id)?);
            for message in dense {
                let tensor = self.tensor(message, &place)?;
                let elements = tensor.elements().unwrap_or(0);
                if elements >= TOLD {
                    let mut fact = super::content::fact(&tensor, place.clone());
                    fact.site_mut().route = Route::Node(place.clone());
                    self.reading.fact(fact);
                }
                let few = elements <= to_u64(ELEMENTS);
                let head = if few { tensor.values(&mut self.wire)? } else { Vec::new() };
                let is_column = is_column(&tensor.dims);
                made = Some(Constant { elements, head, is_column });
            }
            for message in sparse {
                let values = self.sparse(message, &place)?;
                let elements = values.and_then(|values| values.elements()).unwrap_or(0);
                made = Some(Constant { elements, ..Constant::default() });
            }
        }
        if operator != b"Constant" {
            return Ok(());
        }
        let made = match made {
            Some(made) => Some(made),
            None => self.plain(attribute)?,
        };
        let output = self.graph.get(id).and_then(|node| self.graph.outputs_of(node).first());
        if let (Some(made), Some(output)) = (made, output.copied()) {
            self.graph.set_constant(output, made);
        }
        Ok(())
    }

    /// The constant that an attribute of plain numbers or text stands for.
    fn plain(&mut self, attribute: &AttributeRecord) -> Result<Option<Constant>, Halt> {
        let AttributeRecord { f, i, s, floats, ints, strings, .. } = attribute;
        let mut head: Vec<Value> = Vec::new();
        head.extend(f.map(Value::Float));
        head.extend(i.map(Value::Int));
        head.extend(floats.0.iter().take(ELEMENTS).map(|float| Value::Float(*float)));
        head.extend(ints.0.iter().take(ELEMENTS).map(|int| Value::Int(*int)));
        for span in s.iter().chain(strings.0.iter().take(ELEMENTS)) {
            let text = self.wire.head(*span, NAME)?.to_vec();
            head.push(Value::Text(Excerpt { head: text, len: span.len }));
        }
        let lists = floats.1.saturating_add(ints.1).saturating_add(strings.1);
        let elements = lists.max(to_u64(head.len()));
        Ok((elements > 0).then_some(Constant { elements, head, is_column: false }))
    }

    /// What some attributes make of an operator.
    fn reclass(&mut self, attribute: &AttributeRecord, id: NodeId, operator: &[u8], name: &[u8]) {
        let to_bool = operator == b"Cast" && name == b"to" && attribute.i == Some(9);
        // Before operator set 11 the bounds of Clip were attributes.
        let bound =
            operator == b"Clip" && name == b"max" && attribute.f.is_some_and(f64::is_finite);
        if to_bool || bound {
            self.graph.reclass(id, Class::Step);
        }
        let to_whole = attribute.i.is_some_and(|to| matches!(to, 2..=7 | 12 | 13));
        if operator == b"Cast" && name == b"to" && to_whole {
            self.graph.reclass(id, Class::Whole);
        }
    }

    fn check_attribute(
        &mut self,
        node: &NodeRecord,
        attribute: &AttributeRecord,
        name: &[u8],
        open: &Open,
    ) -> Result<(), Halt> {
        let zero = attribute.i.iter().chain(&attribute.ints.0).find(|number| **number <= 0);
        let zero = zero.filter(|_| POSITIVE.contains(&name));
        let is_common = zero.is_some() && is_common(self.wire.head(node.domain, NAME)?);
        let what = if let Some(zero) = zero.filter(|_| is_common) {
            let name = String::from_utf8_lossy(name);
            Some((Quirk::OutOfRange, format!("the attribute `{name}` has the value {zero}")))
        } else {
            lies(attribute).map(|(says, has)| {
                let name = String::from_utf8_lossy(name);
                let what =
                    format!("the attribute `{name}` is said to be in `{says}`, and is in `{has}`");
                (Quirk::WrongType, what)
            })
        };
        let Some((quirk, what)) = what else { return Ok(()) };
        let label = text(&mut self.wire, node.name, NAME)?;
        let route = Route::Node(format!("{}/{label}", open.label));
        self.reading.deviation(quirk, node.span, route, &what);
        Ok(())
    }

    /// What in a node is more than it says, or unknown.
    fn leftovers(&mut self, node: &NodeRecord, id: NodeId, open: &Open) -> Result<(), Halt> {
        for field in &node.unknown {
            self.stranger("NodeProto", field.number, field.span, field.content());
        }
        if !node.payloads.is_empty() {
            let place = format!("{}/{}", open.label, self.label(node, id)?);
            let bytes = self.bytes;
            for (index, span) in node.payloads.iter().enumerate() {
                let name = format!("{place}[{index}]");
                self.reading.child(name, bytes.slice(*span), Role::Storage);
            }
        }
        Ok(())
    }
}

/// How the graph in an attribute is run.
fn join(operator: &[u8], name: &[u8], node: NodeId) -> Join {
    match (operator, name) {
        (b"If", b"then_branch") => Join::Branch(node, true),
        (b"If", b"else_branch") => Join::Branch(node, false),
        (b"Loop", _) => Join::Loop(node),
        _ => Join::Inside(node),
    }
}

/// The field that an attribute says its value is in, and the one that it is in, where these differ.
fn lies(attribute: &AttributeRecord) -> Option<(&'static str, &'static str)> {
    let says = KINDS.get(usize::try_from(attribute.kind).ok().filter(|kind| *kind > 0)?)?;
    let there = |is: bool, field: &'static str| is.then_some(field);
    let fields = [
        there(attribute.f.is_some(), "f"),
        there(attribute.i.is_some(), "i"),
        there(attribute.s.is_some(), "s"),
        there(attribute.t.is_some(), "t"),
        there(attribute.g.is_some(), "g"),
        there(attribute.floats.1 > 0, "floats"),
        there(attribute.ints.1 > 0, "ints"),
        there(attribute.strings.1 > 0, "strings"),
        there(!attribute.tensors.is_empty(), "tensors"),
        there(!attribute.graphs.is_empty(), "graphs"),
    ];
    let mut fields = fields.into_iter().flatten();
    let first = fields.clone().next()?;
    // Old writers fill all plain fields with zeros.
    (!fields.any(|field| field == *says)).then_some((*says, first))
}
