//! The index of a model in several files (`model.safetensors.index.json`): which tensor is in which
//! of them, as transformers, diffusers and others follow it (`transformers/utils/hub.py`).
//!
//! Loaders join each name to the folder of the index and open what is there: as safetensors where
//! the name ends so, and with pickle where it does not.

use crate::json::{Document, Node, starts_container};
use davy_artifact::{Fact, Format, Input, Probe, Quirk, Reading, Route, Site};
use davy_bytes::{Budget, Halt, Span};
use std::collections::BTreeMap;

/// Tensors that are told one by one; more are counted.
const TOLD: usize = 90_000;

/// The reader of such indexes.
#[derive(Debug)]
pub struct SafetensorsIndex;

impl Format for SafetensorsIndex {
    fn id(&self) -> &'static str {
        "weights-index"
    }

    fn summary(&self) -> &'static str {
        "indexes of models in several files of safetensors or pickles"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let key = memchr::memmem::find(head, b"\"weight_map\"").is_some();
        match starts_container(head) {
            true if key => Probe::Certain,
            true if input.name.ends_with(".index.json") => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let document = Document::parse(input.bytes, budget)?;
        if let Some(fault) = document.fault() {
            return Err(fault.clone());
        }
        let Some(root) = document.root().filter(|root| root.get("weight_map").is_some()) else {
            return Err(Halt::malformed(0, "no map of weights"));
        };
        form(&document, reading);
        about(root, reading);
        for map in root.all("weight_map") {
            weights(map, input.name, reading, budget)?;
        }
        reading.seamless = true;
        Ok(())
    }
}

fn form(document: &Document, reading: &mut Reading) {
    for key in document.duplicates() {
        let what = "the same key twice in an object: loaders take the first or the last";
        let route = Route::Key(key.path());
        reading.deviation(Quirk::LoadersDisagree, key.span(), route, what);
    }
}

/// What the index says about the model as a whole.
fn about(root: Node<'_>, reading: &mut Reading) {
    let Some(metadata) = root.get("metadata") else { return };
    for (key, value) in metadata.entries().take(1000) {
        let name = key.text().unwrap_or_default().to_string();
        let site = Site { span: value.span(), route: Route::Key(value.path()) };
        let (owner, value) = ("metadata".to_owned(), value.value());
        reading.fact(Fact::Attribute { owner, name, value, site });
    }
}

/// Which tensor is in which file.
fn weights(
    map: Node<'_>,
    own: &str,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    if !map.is_object() {
        let route = Route::Key("weight_map".to_owned());
        reading.deviation(Quirk::WrongType, map.span(), route, "the map of weights is no object");
        return Ok(());
    }
    let mut files: BTreeMap<String, Span> = BTreeMap::new();
    let mut facts = Vec::new();
    for (key, value) in map.entries() {
        budget.spend_steps(1, key.span().start)?;
        let name = key.text().unwrap_or_default();
        let route = Route::Tensor(name.to_string());
        let mut told = 0_usize;
        for (file, place) in named(value, own) {
            told = told.saturating_add(1);
            let site = Site { span: place.span(), route: route.clone() };
            if facts.len() < TOLD {
                let (path, detail) = (name.to_string(), file.clone());
                facts.push(Fact::Object { path, kind: "weight", detail, site });
            }
            files.entry(file).or_insert(place.span());
        }
        if told == 0 || told < value.items().count() {
            let what = "its file is no text";
            reading.deviation(Quirk::WrongType, value.span(), route, what);
        }
    }
    for (target, span) in files {
        refer(target, span, own, reading);
    }
    facts.into_iter().for_each(|fact| reading.fact(fact));
    Ok(())
}

/// The files that hold a tensor: one, or, in an index of Keras, where several variables stand under one
/// key, a list of them (`saving_lib`, `ShardedH5IOStore`).
fn named<'n>(value: Node<'n>, own: &str) -> Vec<(String, Node<'n>)> {
    let listed = value.is_array() && own.ends_with(".weights.json");
    let file = |node: Node<'n>| node.text().map(|text| (text.into_owned(), node));
    let one = (!listed).then_some(value);
    one.into_iter().chain(value.items().filter(|_| listed)).filter_map(file).collect()
}

fn refer(target: String, span: Span, own: &str, reading: &mut Reading) {
    let route = Route::Member(target.clone());
    if own.ends_with(".safetensors.index.json") && !target.ends_with(".safetensors") {
        let what = format!(
            "an index of safetensors names `{target}`, which loaders open by another way: with \
             pickle, where its name says so"
        );
        reading.deviation(Quirk::HeadersDisagree, span, route.clone(), &what);
    }
    let site = Site { span, route };
    reading.fact(Fact::Reference { target, purpose: "shard", site });
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_testkit::robust;

    #[test]
    fn keras_lists_the_files_of_a_tensor_and_others_name_one() {
        let read = |name: &str, map: &str| {
            let text = format!("{{\"metadata\": {{}}, \"weight_map\": {map}}}");
            let reading = robust::read(&SafetensorsIndex, name, text.as_bytes()).unwrap().reading;
            let weight = |fact: &&Fact| matches!(fact, Fact::Object { kind: "weight", .. });
            (reading.facts.iter().filter(weight).count(), reading.deviations.len())
        };
        let listed = "{\"/layers/dense/vars\": [\"m_0.weights.h5\", \"m_1.weights.h5\"]}";
        assert_eq!(read("m.weights.json", listed), (2, 0));
        assert_eq!(read("model.safetensors.index.json", listed), (0, 1));
        assert_eq!(read("m.weights.json", "{\"a\": [7], \"b\": []}"), (0, 2));
        assert_eq!(read("model.safetensors.index.json", "{\"a\": \"m.safetensors\"}"), (1, 0));
    }
}
