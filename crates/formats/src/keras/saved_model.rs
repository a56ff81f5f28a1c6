//! What Keras keeps of its layers in a SavedModel: `keras_metadata.pb`, one JSON text per object.
//!
//! Loading a SavedModel with Keras revives layers from these configurations
//! (`saved_model/load.py`, `_revive_layer_or_model_from_config`), Lambda layers among them, before it
//! falls back to the graph.

use super::recorder::Recorder;
use super::{config, config::Config, metadata};
use crate::json::Document;
use crate::protobuf::{Entry, Field, Kind, Message, Table, Wire};
use davy_artifact::{Format, Input, Probe, Reading};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_usize};

/// The longest text of one object that is read.
const LONGEST: u64 = 64 << 20;

/// `saved_metadata.proto` of Keras.
static METADATA: Table =
    Table { name: "SavedMetadata", fields: &[Entry::many(1, "nodes", Kind::Message(&OBJECT))] };

static OBJECT: Table = Table {
    name: "SavedObject",
    fields: &[
        Entry::one(2, "node_id", Kind::Int),
        Entry::one(3, "node_path", Kind::Text),
        Entry::one(4, "identifier", Kind::Text),
        Entry::one(5, "metadata", Kind::Text),
        Entry::one(6, "version", Kind::Message(&VERSION)),
    ],
};

static VERSION: Table = Table {
    name: "VersionDef",
    fields: &[Entry::one(1, "producer", Kind::Int), Entry::one(2, "min_consumer", Kind::Int)],
};

/// What is known of one object.
#[derive(Default)]
struct Node {
    path: String,
    metadata: Option<Span>,
}

/// The metadata of Keras in a SavedModel.
#[derive(Debug)]
pub struct SavedMetadata;

impl Format for SavedMetadata {
    fn id(&self) -> &'static str {
        "keras-metadata"
    }

    fn summary(&self) -> &'static str {
        "Keras configurations in SavedModels: keras_metadata.pb"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        // The first object, and in it the number of a node or its path.
        let [0x0a, rest @ ..] = head else { return Probe::No };
        let varint = rest.iter().take_while(|byte| **byte >= 0x80).count();
        let inside = rest.get(varint.saturating_add(1)..).unwrap_or_default();
        let object = matches!(inside.first(), Some(0x10 | 0x1a | 0x22 | 0x2a));
        let keras = memchr::memmem::find(head, b"_tf_keras_").is_some()
            || memchr::memmem::find(head, b"class_name").is_some();
        if object && keras { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut wire = Wire::new(input.bytes);
        let mut message = Message::whole(input.bytes, &METADATA);
        let mut recorder = Recorder::new(reading, budget);
        let mut index = 0_u64;
        loop {
            let field = match wire.next(&mut message, recorder.budget) {
                Ok(Some(field)) => field,
                Ok(None) => break,
                Err(halt) => {
                    recorder.finish();
                    return Err(halt);
                }
            };
            if field.name() == "nodes" {
                let node = object(&mut wire, &message, &field, recorder.budget)?;
                walk(&mut recorder, input.bytes, index, &node)?;
                index = index.saturating_add(1);
            }
        }
        recorder.finish();
        reading.seamless = true;
        Ok(())
    }
}

fn object(
    wire: &mut Wire,
    message: &Message,
    field: &Field,
    budget: &mut Budget,
) -> Result<Node, Halt> {
    let mut node = Node::default();
    let mut inside = message.inside(field.content(), &OBJECT);
    while let Some(field) = wire.next(&mut inside, budget)? {
        match field.name() {
            "node_path" => {
                let path = wire.head(field.content(), 200)?;
                node.path = String::from_utf8_lossy(path).into_owned();
            }
            "metadata" => node.metadata = Some(field.content()),
            _ => {}
        }
    }
    Ok(node)
}

fn walk(recorder: &mut Recorder<'_>, bytes: &Bytes, index: u64, node: &Node) -> Result<(), Halt> {
    let Some(span) = node.metadata else { return Ok(()) };
    if span.len > LONGEST {
        return Err(Halt::exhausted(span.start, "a longer configuration than is read"));
    }
    let text = Bytes::from_memory(bytes.copy(span, to_usize(LONGEST))?);
    let document = Document::parse_within(&text, span, recorder.budget)?;
    let top = document.root().filter(|_| index == 0);
    if let Some(top) = top {
        metadata::describe(recorder, top);
    }
    let (prefix, layer) = (format!("nodes[{index}].metadata"), node.path.clone());
    match config::read(recorder, &Config { document: &document, prefix, layer }) {
        // The texts of other objects are read all the same.
        Err(halt) if halt.blame() == Blame::Malformed => {
            recorder.reading.halted(&halt, span.end());
            Ok(())
        }
        result => result,
    }
}
