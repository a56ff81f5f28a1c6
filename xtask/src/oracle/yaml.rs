//! YAML: every node that PyYAML composes of a text has to be what davy composes, in the same order,
//! with the same tag and text, and each refuses what the other refuses.

use super::{Comparison, Oracle};
use davy_bytes::{Budget, to_u64};
use davy_formats::yaml::{Shape, Tree, compose_bytes};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Nodes that are shown of a text that is read otherwise.
const TOLD: usize = 4;

/// The oracle of `yamls.py`.
pub struct Yamls;

impl Oracle for Yamls {
    fn script(&self) -> &'static str {
        "yamls"
    }

    fn compare(&self, bytes: &[u8], answer: &str) -> Result<Comparison, String> {
        let answer: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
        let documents = answer["documents"].as_array().ok_or("no documents")?;
        let mut comparison = Comparison::default();
        let Some(error) = answer["error"].as_bool() else { return Ok(comparison) };
        let stream = compose_bytes(bytes, &mut Budget::default());
        let mut missing = BTreeSet::new();
        match &stream.fault {
            Some(fault) if !error => {
                missing.insert(format!("fault that PyYAML does not see: {fault}"));
            }
            None if error => {
                missing.insert("the fault that PyYAML sees".to_owned());
            }
            _ => {}
        }
        // A document that a fault cut short is there only for davy.
        let most = documents.len() + usize::from(stream.fault.is_some());
        if stream.documents.len() < documents.len() || stream.documents.len() > most {
            let (there, here) = (documents.len(), stream.documents.len());
            // A character that no YAML has is seen by PyYAML before anything else.
            if !(error && there == 0) {
                missing.insert(format!("{there} documents, not {here}"));
            }
        }
        for (tree, document) in stream.documents.iter().zip(documents) {
            let document = document.as_array().ok_or("no document")?;
            comparison.seen += to_u64(document.len());
            differences(tree, document, &mut missing);
        }
        comparison.missing = missing;
        Ok(comparison)
    }
}

fn differences(tree: &Tree, document: &[Value], missing: &mut BTreeSet<String>) {
    if tree.nodes.len() != document.len() {
        missing.insert(format!("{} nodes, not {}", document.len(), tree.nodes.len()));
    }
    for (index, (node, wanted)) in tree.nodes.iter().zip(document).enumerate() {
        let shape = match &node.shape {
            Shape::Scalar(text) => json!(text),
            Shape::Sequence(items) => json!(items),
            Shape::Mapping(pairs) => json!(pairs),
        };
        let here = json!([node.tag, shape]);
        if here != *wanted {
            missing.insert(format!("node {index}: {wanted}, not {here}"));
        }
        if missing.len() > TOLD {
            return;
        }
    }
}
