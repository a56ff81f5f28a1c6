//! What transformers, diffusers and PEFT do with the configurations of a model's folder.

use super::Walk;
use crate::json::{Kind, Node};
use davy_artifact::{Fact, Name, Role};
use davy_bytes::Bytes;

/// Chat templates of one file that are read.
const TEMPLATES: usize = 100;

/// Keys whose value names how attention and experts are computed: a value with a `/` is a repository
/// of kernels, which is fetched and imported (transformers, `integrations.hub_kernels`).
const KERNELS: &[&str] = &[
    "_attn_implementation",
    "_attn_implementation_internal",
    "_experts_implementation",
    "_experts_implementation_internal",
    "attn_implementation",
    "experts_implementation",
];

impl<'d> Walk<'_, '_, 'd> {
    /// Keys of configurations of models on hubs.
    pub(super) fn hub_key(&mut self, node: Node<'d>, key: &str, value: Node<'d>) {
        match key {
            "auto_map" => self.auto_map(value),
            "custom_pipelines" => {
                for (_, pipeline) in value.entries() {
                    if let Some(code) = pipeline.get("impl") {
                        self.custom_code(code);
                    }
                }
            }
            "trust_remote_code" if value.bool() == Some(true) => {
                let (owner, site) = (node.path(), self.site(value));
                self.recorder.attribute(owner, "trust_remote_code", value.value(), site);
            }
            "chat_template" => self.templates(value),
            "parent_library" => {
                let class = node.get("base_model_class").and_then(Node::text);
                let Some((module, class)) = value.text().zip(class) else { return };
                if module.starts_with("transformers_modules") {
                    return self.custom_code(value);
                }
                self.import(&Name::new(module, class), "auto_mapping", value);
            }
            _ => {
                let repository = value.text().is_some_and(|name| name.contains('/'));
                if repository && KERNELS.contains(&key) {
                    self.reference(value, "kernel repository");
                }
            }
        }
    }

    /// `{"AutoModel": "module.Class"}`, where a class may have two: for the slow and the fast
    /// tokenizer (`dynamic_module_utils.get_class_from_dynamic_module`).
    fn auto_map(&mut self, map: Node<'d>) {
        // Tokenizers of old have the two classes alone (`tokenization_auto.AutoTokenizer`).
        for item in map.items() {
            self.custom_code(item);
        }
        for (_, value) in map.entries() {
            if value.kind() == Kind::Text {
                self.custom_code(value);
            }
            for item in value.items() {
                self.custom_code(item);
            }
        }
    }

    /// `module.Class` of the model's folder, or behind `--` of another repository.
    fn custom_code(&mut self, value: Node<'d>) {
        let elsewhere = value.text().is_some_and(|code| code.contains("--"));
        self.reference(value, if elsewhere { "code of another repository" } else { "custom code" });
    }

    /// Templates: one, several by name, or a list of them with their names.
    fn templates(&mut self, value: Node<'d>) {
        self.template(value, "chat_template");
        for (name, template) in value.entries().take(TEMPLATES) {
            let name = format!("chat_template/{}", name.text().unwrap_or_default());
            self.template(template, &name);
        }
        for item in value.items().take(TEMPLATES) {
            let name = item.get("name").and_then(Node::text).unwrap_or_default();
            if let Some(template) = item.get("template") {
                self.template(template, &format!("chat_template/{name}"));
            }
        }
    }

    fn template(&mut self, value: Node<'d>, name: &str) {
        let Some(text) = value.text().filter(|text| !text.is_empty()) else { return };
        self.push(name, text.into_owned().into_bytes());
    }

    fn push(&mut self, name: &str, content: Vec<u8>) {
        self.recorder.reading.child(name, Bytes::from_memory(content), Role::Loaded);
    }

    /// A pickle in base64, as stable-baselines3 keeps what JSON cannot (`common.save_util`).
    pub(super) fn serialized(&mut self, value: Node<'d>) {
        let Some(text) = value.text() else { return };
        if let Some(content) = crate::keras::base64::decode(&text) {
            let name = value.parent().map(Node::path).unwrap_or_default();
            self.push(&format!("{name}.pkl"), content);
        }
    }

    /// The components of a `model_index.json`: `["library", "Class"]`, where the library is imported
    /// unless it is a pipeline's own (`pipeline_loading_utils.load_sub_model`).
    pub(super) fn model_index(&mut self, root: Node<'d>) {
        let Some(class) = root.get("_class_name") else { return };
        if root.get("_diffusers_version").is_none() && !class.is_array() {
            return;
        }
        if let Some(module) = class.item(0) {
            self.custom_code(module);
        }
        for (key, value) in root.entries() {
            let pair = (value.item(0).and_then(Node::text), value.item(1).and_then(Node::text));
            let (Some(library), Some(class)) = pair else { continue };
            if key.text().is_some_and(|key| key.starts_with('_')) {
                continue;
            }
            let name = Name::new(library.as_ref(), class.as_ref());
            self.import(&name, "model_index.json", value);
        }
    }

    /// The layers of a manifest of Ollama or of any image of the Open Container Initiative: each is a
    /// file that is named by its digest, so that a digest that is none is a path (CVE-2024-37032).
    pub(super) fn manifest(&mut self, root: Node<'d>) {
        let config = root.get("config").into_iter();
        let layers = root.get("layers").into_iter().flat_map(Node::items);
        for layer in config.chain(layers).filter(|layer| layer.get("mediaType").is_some()) {
            let Some(digest) = layer.get("digest") else { continue };
            let text = digest.text().unwrap_or_default();
            let name = text.split_once([':', '-']).filter(|(kind, _)| kind.starts_with("sha"));
            let hex = name.map_or(text.as_ref(), |(_, hex)| hex);
            let whole = hex.len() >= 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !whole {
                let (target, site) = (hex.to_owned(), self.site(digest));
                self.recorder.reading.fact(Fact::Reference { target, purpose: "layer", site });
            }
        }
    }
}
