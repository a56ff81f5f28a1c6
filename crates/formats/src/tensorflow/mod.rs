//! What `TensorFlow` writes: saved models, graphs, meta graphs and checkpoints.
//!
//! A graph is a program: some operators read and write files, open connections or call Python, as
//! soon as the model is run or even loaded. All nodes of a graph and of every function in it are
//! read. Binary and text form are read by the same code: text is turned into the wire format first.

mod check;
mod checkpoint;
mod elements;
mod ends;
mod flow;
mod graph;
mod kinds;
mod made;
mod meta;
mod node;
mod nodes;
mod records;
mod small;
mod steps;
pub(crate) mod table;
mod tell;
mod told;
mod trace;
mod value;
mod walk;

pub use checkpoint::{Checkpoint, Data};
pub(crate) use kinds::class;
pub use records::Records;
pub use small::{Fingerprint, Hub, State};
pub use walk::{NodeRecord, Whole, nodes};

use crate::protobuf::{Encoded, End, Message, Sketch, Table, Wire, encode, fits_text, sketch};
use davy_artifact::{Format, Input, Probe, Reading, Value, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span};
use graph::{Ends, Graph};
use std::collections::HashMap;

/// Where spans of a message stand in the artifact: there, or in the text that it was made from.
#[derive(Clone, Copy, Debug, Default)]
struct Place<'a>(Option<&'a Encoded>);

impl Place<'_> {
    /// Where `span` of the message stands in the artifact.
    fn span(self, span: Span) -> Span {
        self.0.map_or(span, |text| text.place(span))
    }
}

/// A saved model: `saved_model.pb` and `saved_model.pbtxt`.
#[derive(Debug)]
pub struct SavedModel;

/// A graph with what belongs to it, as `tf.train.export_meta_graph` writes it (`.meta`).
#[derive(Debug)]
pub struct MetaGraph;

/// A graph alone, often with its variables frozen to constants (`.pb`, `.pbtxt`).
#[derive(Debug)]
pub struct GraphDef;

impl Format for SavedModel {
    fn id(&self) -> &'static str {
        "tf-saved-model"
    }

    fn summary(&self) -> &'static str {
        "TensorFlow saved models: graphs, functions, signatures and assets, binary and text"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let stem = input.name.starts_with("saved_model.pb");
        look(head, input.bytes, &table::SAVED_MODEL, |sketch| {
            let graph = sketch.first("meta_graphs");
            graph.is_some_and(|span| stem || starts_meta_graph(input.bytes, span))
        })
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        with_wire(input.bytes, &table::SAVED_MODEL, (reading, budget), meta::saved_model)
    }
}

impl Format for MetaGraph {
    fn id(&self) -> &'static str {
        "tf-meta-graph"
    }

    fn summary(&self) -> &'static str {
        "TensorFlow meta graphs: a graph, its functions, savers, collections and signatures"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        look(head, input.bytes, &table::META_GRAPH_DEF, |sketch| {
            let whole = Span::new(0, input.bytes.len());
            sketch.has("graph_def") && starts_meta_graph(input.bytes, whole)
        })
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        with_wire(input.bytes, &table::META_GRAPH_DEF, (reading, budget), |bytes, place, sink| {
            let message = Message::whole(bytes, &table::META_GRAPH_DEF);
            meta::meta_graph(bytes, message, "graph", place, sink)
        })
    }
}

impl Format for GraphDef {
    fn id(&self) -> &'static str {
        "tf-graph"
    }

    fn summary(&self) -> &'static str {
        "TensorFlow graphs: nodes, functions and frozen constants, binary and text"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        look(head, input.bytes, &table::GRAPH_DEF, |sketch| {
            let whole = Span::new(0, input.bytes.len());
            let graph = sketch.has("node") && starts_graph(input.bytes, whole);
            graph && !crate::mediapipe::is_graph(head, input.bytes)
        })
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        with_wire(input.bytes, &table::GRAPH_DEF, (reading, budget), |bytes, place, sink| {
            let message = Message::whole(bytes, &table::GRAPH_DEF);
            Graph::new(bytes, HashMap::new()).read(
                &[message],
                &Ends::default(),
                "graph",
                place,
                sink,
            )
        })
    }
}

/// Whether bytes are a message of a kind, by its structure: sure where all that is looked at is as
/// the schema has it, and possible where something is not.
fn look(head: &[u8], bytes: &Bytes, table: &'static Table, is: impl Fn(&Sketch) -> bool) -> Probe {
    if let Some(sketch) = sketch(head, bytes, table).filter(|sketch| is(sketch)) {
        let sure = sketch.end != End::Fault && sketch.misfits == 0;
        return if sure { Probe::Certain } else { Probe::Possible };
    }
    if fits_text(head, bytes.len(), table) { Probe::Certain } else { Probe::No }
}

/// Whether a message in `span` has, as its second field, a graph.
fn starts_meta_graph(bytes: &Bytes, span: Span) -> bool {
    let mut wire = Wire::new(bytes);
    let mut budget = probing();
    let mut message = node::message(span, &table::META_GRAPH_DEF);
    while let Ok(Some(field)) = wire.next(&mut message, &mut budget) {
        match field.name() {
            "" => return false,
            "graph_def" => return starts_graph(bytes, field.content()),
            _ => {}
        }
    }
    false
}

/// Whether a message in `span` starts as a graph does: its first node has a name and an operator.
fn starts_graph(bytes: &Bytes, span: Span) -> bool {
    let mut wire = Wire::new(bytes);
    let mut budget = probing();
    let mut message = node::message(span, &table::GRAPH_DEF);
    while let Ok(Some(field)) = wire.next(&mut message, &mut budget) {
        match field.name() {
            "node" => {
                let node = node::Node::read(&mut wire, field.content(), &mut budget);
                return node.is_ok_and(|node| !node.name.is_empty() && is_operator(&node.op));
            }
            "" => return false,
            _ => {}
        }
    }
    // Without nodes there may still be functions.
    message.at >= span.end() && span.len > 0
}

/// Whether TensorFlow has an operator of this name, or may have one that reaches out of the graph.
pub(crate) fn has_operator(name: &str) -> bool {
    check::arity(name).is_some() || told::is_told(name) && !name.ends_with("Calculator")
}

/// Whether a name can be that of an operator.
fn is_operator(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_>-./".contains(c))
}

/// Steps that a probe may take.
fn probing() -> Budget {
    Budget::new(davy_bytes::Limits { steps: 4096, ..davy_bytes::Limits::default() })
}

/// Where a reader puts what it learns, and what it may spend.
type Sink<'a> = (&'a mut Reading, &'a mut Budget);

/// Reads a message in binary form, or in text form after turning it into the other.
fn with_wire(
    bytes: &Bytes,
    table: &'static Table,
    (reading, budget): Sink<'_>,
    read: impl Fn(&Bytes, Place<'_>, Sink<'_>) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let head = bytes.copy(Span::new(0, bytes.len()), 4096)?;
    if !fits_text(&head, bytes.len(), table) {
        return read(bytes, Place::default(), (reading, budget));
    }
    let (text, halt) = encode(bytes, table, budget)?;
    for (at, what) in &text.faults {
        let span = Span::new((*at).min(bytes.len()), 0);
        reading.gap(span, Why::Halted(Blame::Malformed), what);
    }
    read(&text.bytes, Place(Some(&text)), (reading, budget))?;
    halt.map_or(Ok(()), Err)
}

/// Elements of a tensor of these dimensions; nothing where they overflow or one is negative.
fn elements(dims: &[i64]) -> Option<u64> {
    dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(u64::try_from(*dim).ok()?))
}

/// The attributes of a node that stands by itself in `bytes`: how `TFLite` keeps the operators of
/// `TensorFlow` that it does not have itself.
pub(crate) fn node_attributes(bytes: &[u8]) -> Vec<(String, Value)> {
    node(bytes).map(|node| node.attributes).unwrap_or_default()
}

/// A node that stands by itself.
#[derive(Debug, Default)]
pub(crate) struct Lone {
    /// Its operator.
    pub(crate) op: String,
    /// How many inputs it has.
    pub(crate) inputs: usize,
    /// Its attributes, by name.
    pub(crate) attributes: Vec<(String, Value)>,
}

/// The node that all of `bytes` is.
pub(crate) fn node(bytes: &[u8]) -> Option<Lone> {
    let whole = Span::new(0, davy_bytes::to_u64(bytes.len()));
    let mut wire = Wire::new(&Bytes::from_memory(bytes));
    let mut budget = Budget::new(davy_bytes::Limits { steps: 1 << 16, ..Default::default() });
    let node = node::Node::read(&mut wire, whole, &mut budget).ok()?;
    let attributes = tell::attributes(&mut wire, &node, &mut budget).unwrap_or_default();
    let inputs = node.data_inputs().count();
    Some(Lone { op: node.op, inputs, attributes })
}
