//! Core ML: models (`.mlmodel`, and `model.mlmodel` of a package), and the weights of a package.
//!
//! Source: coremltools 8.3, `mlmodel/format/*.proto`, `mlmodel/src/MILBlob/Blob/StorageFormat.hpp`.
//!
//! Nothing in a model is code. What it can do is name a class that the program has to bring (custom
//! layers and models), and files that are opened beside it.

mod table;
mod weights;

pub use weights::Weights;

use crate::protobuf::{End, Field, Kind, Message, Sketch, Table, Wire, sketch, stranger};
use crate::tally::Tally;
use crate::{config, embedded};
use davy_artifact::{
    Excerpt, Fact, Format, Input, Operator, Probe, Reading, Role, Route, Site, Value,
};
use davy_bytes::{Budget, Bytes, Halt, Span};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Bytes of a text that is read, and of one that facts show.
const LOOK: usize = 1 << 20;
const SHOWN: usize = 1024;

/// Inputs and outputs that are told.
const TOLD: usize = 1000;

/// What stands for the folder of the package in the name of a file.
const PACKAGE: &str = "@model_path/";

/// Kinds of models that hold others.
const PIPELINES: &[&str] = &["pipeline", "pipelineClassifier", "pipelineRegressor"];

/// The reader of models.
#[derive(Debug)]
pub struct CoreMl;

impl Format for CoreMl {
    fn id(&self) -> &'static str {
        "coreml"
    }

    fn summary(&self) -> &'static str {
        "Core ML models: layers and operations, custom classes, and the files that they open"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // Every writer starts with the version, a small number.
        if !matches!(head, [0x08, 1..=0x40, 0x12, ..]) {
            return Probe::No;
        }
        // Version and description alone look like a saved model of TensorFlow: what makes a model one
        // is its kind, which is a field of its own.
        let sketch = sketch(head, input.bytes, &table::MODEL);
        let is_model =
            |it: &Sketch| it.has("description") && (it.kinds() > 2 || it.end == End::Cut);
        match sketch.filter(is_model) {
            Some(it) if it.fits() => Probe::Certain,
            Some(it) if it.end != End::Fault && it.misfits == 0 => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let wire = Wire::new(input.bytes);
        let tally = Tally::default();
        let mut walk =
            Walk { bytes: input.bytes, wire, reading, budget, tally, files: BTreeSet::new() };
        let result = walk.message(Message::whole(input.bytes, &table::MODEL), "");
        let Walk { reading, tally, .. } = walk;
        tally.push(reading);
        if let Err(halt) = &result {
            crate::stored::break_off(halt, input.bytes, reading);
        }
        reading.seamless = result.is_ok();
        result
    }
}

/// A model that is being read.
struct Walk<'a> {
    bytes: &'a Bytes,
    wire: Wire,
    reading: &'a mut Reading,
    budget: &'a mut Budget,
    tally: Tally,
    /// Files that constants are in.
    files: BTreeSet<String>,
}

impl Walk<'_> {
    /// Reads the fields of a message and of those in it, which [`Wire`] allows to a certain depth.
    fn message(&mut self, mut message: Message, outer: &str) -> Result<(), Halt> {
        let (whole, mut path) = (message, Cow::Borrowed(outer));
        while let Some(field) = self.wire.next(&mut message, self.budget)? {
            let Some(entry) = field.entry else {
                stranger(&field, self.bytes, self.reading);
                continue;
            };
            // Names that go on for ever tell nothing more.
            if entry.name == "name" && outer.len() < SHOWN {
                path = Cow::Owned(format!("{outer}{}/", self.text(field.content(), SHOWN)?));
            }
            self.field(&whole, &field, &path)?;
            // The parts of these are read with them.
            let is_told =
                |table: &Table| matches!(table.name, "UserDefinedEntry" | "FeatureDescription");
            if let Kind::Message(table) = entry.kind
                && !is_told(table)
            {
                self.message(whole.inside(field.content(), table), &path)?;
            }
        }
        Ok(())
    }

    /// What a field of a message says.
    fn field(&mut self, message: &Message, field: &Field, path: &str) -> Result<(), Halt> {
        match (message.table.name, field.name()) {
            ("Metadata", _) => self.about(message, field)?,
            ("Model", _) => self.kind(field, path),
            ("ModelDescription", "input" | "output") => self.end(message, field)?,
            ("NeuralNetworkLayer", layer) if field.number >= 100 && layer != "custom" => {
                self.tally.count("", layer, || site(field, path));
            }
            ("Operation", "type") => {
                let operator = self.text(field.content(), SHOWN)?;
                self.tally.count("", &operator, || site(field, path));
            }
            ("CustomLayerParams" | "CustomModel", "className") => self.class(field, path)?,
            ("StringParameter", _) => self.reference(field, "linked model")?,
            ("BlobFileValue", "fileName") => self.blob(field)?,
            ("SerializedModel", "model") => {
                let content = self.bytes.slice(field.content());
                self.reading.child(format!("{path}serialized"), content, Role::Loaded);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, span: Span, limit: usize) -> Result<String, Halt> {
        Ok(String::from_utf8_lossy(self.wire.head(span, limit)?).into_owned())
    }

    /// Which kind of model it is.
    fn kind(&mut self, field: &Field, path: &str) {
        match field.number {
            1 if path.is_empty() => {
                let value = Value::Int(field.int());
                let (owner, name) = (String::new(), "specificationVersion".to_owned());
                self.reading.fact(Fact::Attribute { owner, name, value, site: site(field, path) });
            }
            200.. => {
                let kind = if PIPELINES.contains(&field.name()) { "pipeline" } else { "model" };
                let (path, detail) = (format!("{path}{}", field.name()), field.name().to_owned());
                let site = site(field, &path);
                self.reading.fact(Fact::Object { path, kind, detail, site });
            }
            _ => {}
        }
    }

    /// What whoever made the model says of it.
    fn about(&mut self, message: &Message, field: &Field) -> Result<(), Halt> {
        let (mut key, mut span) = (field.name().to_owned(), field.content());
        if let Some(Kind::Message(table)) = field.entry.map(|entry| entry.kind) {
            let mut pair = message.inside(field.content(), table);
            span = Span::new(span.start, 0);
            while let Some(part) = self.wire.next(&mut pair, self.budget)? {
                match part.number {
                    1 => key = self.text(part.content(), SHOWN)?,
                    2 => span = part.content(),
                    _ => {}
                }
            }
        }
        let text = self.text(span, LOOK)?;
        let head = text.as_bytes().get(..text.len().min(SHOWN)).unwrap_or_default().to_vec();
        let value = Value::Text(Excerpt { head, len: span.len });
        let site = Site { span, route: Route::Key(key.clone()) };
        let owner = String::new();
        self.reading.fact(Fact::Attribute { owner, name: key.clone(), value, site });
        config::note(&key, &text, self.reading);
        embedded::push(&key, &text, (self.bytes, span, true), self.reading, self.budget)
    }

    /// An input or output.
    fn end(&mut self, message: &Message, field: &Field) -> Result<(), Halt> {
        let Some(Kind::Message(table)) = field.entry.map(|entry| entry.kind) else {
            return Ok(());
        };
        let mut feature = message.inside(field.content(), table);
        let mut path = String::new();
        while let Some(part) = self.wire.next(&mut feature, self.budget)? {
            if part.number == 1 {
                path = self.text(part.content(), SHOWN)?;
            }
        }
        if self.reading.facts.len() < TOLD {
            let kind = if field.name() == "input" { "input" } else { "output" };
            let site = site(field, &path);
            self.reading.fact(Fact::Object { path, kind, detail: String::new(), site });
        }
        Ok(())
    }

    /// A class that the program which loads the model has to bring.
    fn class(&mut self, field: &Field, path: &str) -> Result<(), Halt> {
        let name = self.text(field.content(), SHOWN)?;
        let (inputs, attributes) = (Vec::new(), Vec::new());
        let operator = Operator { domain: "custom".to_owned(), name, inputs, attributes };
        self.tally.tell(operator, site(field, path));
        Ok(())
    }

    fn reference(&mut self, field: &Field, purpose: &'static str) -> Result<(), Halt> {
        let target = self.text(field.content(), LOOK)?;
        if !target.is_empty() {
            let site = Site { span: field.content(), route: Route::None };
            self.reading.fact(Fact::Reference { target, purpose, site });
        }
        Ok(())
    }

    /// The file that a constant is in: one of the package, whose folder has a name of its own.
    fn blob(&mut self, field: &Field) -> Result<(), Halt> {
        let name = self.text(field.content(), LOOK)?;
        let target = name.strip_prefix(PACKAGE).unwrap_or(&name).to_owned();
        if self.files.insert(target.clone()) {
            let site = Site { span: field.content(), route: Route::None };
            self.reading.fact(Fact::Reference { target, purpose: "weights", site });
        }
        Ok(())
    }
}

fn site(field: &Field, path: &str) -> Site {
    let route = match path {
        "" => Route::None,
        path => Route::Node(path.trim_end_matches('/').to_owned()),
    };
    Site { span: field.span, route }
}
