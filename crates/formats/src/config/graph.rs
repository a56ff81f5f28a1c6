//! What is in the JSON of Core ML's packages and of MXNet's graphs.

use super::Walk;
use crate::json::Node;
use davy_artifact::{Excerpt, Fact, Operator, Value};

/// Operators of one graph that are told, and attributes of one.
const TOLD: usize = 1000;
const PARTS: usize = 64;

/// Bytes of a text that is shown.
const SHOWN: usize = 1024;

impl<'d> Walk<'_, '_, 'd> {
    /// The files of a package of Core ML: each entry has a path below the folder `Data`
    /// (coremltools, `modelpackage/src/ModelPackage.cpp`).
    pub(super) fn package(&mut self, root: Node<'d>) {
        let Some(entries) = root.get("itemInfoEntries") else { return };
        for (_, entry) in entries.entries() {
            if let Some(path) = entry.get("path") {
                self.reference(path, "artifact");
            }
        }
    }

    /// The operators of a graph of MXNet that call what is registered under a name (`Custom`, in
    /// `mxnet.operator`), and the libraries that have to be loaded before it.
    pub(super) fn symbol(&mut self, root: Node<'d>) {
        let Some(nodes) = root.get("nodes").filter(|_| root.get("arg_nodes").is_some()) else {
            return;
        };
        let custom = |node: &Node<'d>| node.get("op").is_some_and(|op| op.is_text("Custom"));
        for node in nodes.items().filter(custom).take(TOLD) {
            let settings = ["attrs", "attr", "param"].iter().find_map(|key| node.get(key));
            let mut attributes = Vec::new();
            for (key, value) in settings.into_iter().flat_map(Node::entries).take(PARTS) {
                let Some((key, text)) = key.text().zip(value.text()) else { continue };
                let text: String = text.chars().take(SHOWN).collect();
                attributes.push((key.into_owned(), Value::Text(Excerpt::whole(text))));
            }
            let kind = attributes.iter().find(|(key, _)| key == "op_type");
            let name = kind.and_then(|(_, value)| value.text()).unwrap_or_default().to_owned();
            let (domain, inputs) = ("custom".to_owned(), Vec::new());
            let operator = Operator { domain, name, inputs, attributes };
            let site = self.site(node);
            self.recorder.reading.fact(Fact::Operator { operator, count: 1, site });
        }
    }
}
