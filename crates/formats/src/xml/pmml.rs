//! PMML: predictive models of the Data Mining Group, which Java, R and Python write and read.

use super::walk::{Element, Visit, starts, walk};
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Reading, Site, Value};
use davy_bytes::{Budget, Halt};
use std::collections::BTreeMap;

/// Elements that are models (PMML 4.4, "General Structure").
const MODELS: &[&str] = &["AnomalyDetectionModel", "Scorecard", "TreeModel"];

/// Kinds of models that are counted.
const KINDS: usize = 100;

/// The reader of PMML.
#[derive(Debug)]
pub struct Pmml;

impl Format for Pmml {
    fn id(&self) -> &'static str {
        "pmml"
    }

    fn summary(&self) -> &'static str {
        "PMML: models in XML, who wrote them, and what their document type declares"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let root = |text: &str| {
            text.starts_with('<') && (text.contains("<PMML") || text.contains("!DOCTYPE PMML"))
        };
        if starts(head, root) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut document = Document::default();
        let result = walk(input.bytes, reading, budget, &mut document);
        document.finish(reading);
        result
    }
}

/// What was seen of a document.
#[derive(Default)]
struct Document {
    models: BTreeMap<String, i64>,
}

impl Visit for Document {
    fn start(&mut self, element: &Element<'_>, reading: &mut Reading) {
        let attribute = |name: &str, value: Option<&str>, reading: &mut Reading| {
            let Some(value) = value else { return };
            let value = Value::Text(Excerpt::whole(value));
            let (owner, name, site) = (element.name.to_owned(), name.to_owned(), element.site());
            reading.fact(Fact::Attribute { owner, name, value, site });
        };
        match element.local() {
            "PMML" if element.depth == 0 => {
                attribute("version", element.attribute("version"), reading);
            }
            "Application" if element.depth == 2 => {
                attribute("name", element.attribute("name"), reading);
            }
            name if MODELS.contains(&name)
                || name.ends_with("Model")
                || name.ends_with("Network") =>
            {
                if let Some(count) = self.models.get_mut(name) {
                    *count = count.saturating_add(1);
                } else if self.models.len() < KINDS {
                    self.models.insert(name.to_owned(), 1);
                }
            }
            _ => {}
        }
    }
}

impl Document {
    fn finish(self, reading: &mut Reading) {
        if self.models.is_empty() {
            return;
        }
        let entry = |(kind, count)| (Value::Text(Excerpt::whole(kind)), Value::Int(count));
        let value = Value::Dict(self.models.into_iter().map(entry).collect());
        let (owner, name, site) = (String::new(), "models".to_owned(), Site::default());
        reading.fact(Fact::Attribute { owner, name, value, site });
    }
}
