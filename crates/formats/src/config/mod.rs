//! What a configuration makes a library look up and call, in JSON, in YAML and in whatever else is
//! turned into the same values.
//!
//! No configuration runs by itself: each key here is one that some loader acts on.
//!
//! | key | loader |
//! |---|---|
//! | `_target_` with `_args_`, `_partial_` | Hydra and OmegaConf (`hydra.utils.instantiate`), NeMo, MONAI, detectron2's `LazyConfig`, fairseq2; `${…}` in it is resolved first |
//! | `_component_`; `()` | torchtune; `logging.config.dictConfig` |
//! | `type`, `implementation` and others ([`instance::NAMING`]) with a path through Python's own modules | mmengine's and AllenNLP's registries, which look up what has a dot; MLServer, sentence-transformers and others |
//! | `target` with `params`; `cls` with `params` | latent diffusion (`instantiate_from_config`), NeMo before 1.0 (`Serialization.from_config_dict`) |
//! | `class_path` with `init_args` | Lightning CLI and jsonargparse |
//! | `$…` beside `_target_`; rows of `backbone` and `head`; `${eval:…}` | MONAI bundles, YOLO's `parse_model`, resolvers that projects register: Python expressions |
//! | `names`, `imgsz`, `kpt_shape` at the top | YOLO's `AutoBackend`: literals of Python, which are evaluated |
//! | `py/object`, `py/reduce`, `py/type`, `py/function` | jsonpickle |
//! | `@module` with `@class`; `__kind__` with `class` | monty and pymatgen; GluonTS |
//! | `loader_module`, `code`, `model_code_path` | MLflow (`mlflow.pyfunc.load_model`) |
//! | `auto_map`, `custom_pipelines`, `trust_remote_code`, `auto_mapping`, `_attn_implementation…` | transformers, PEFT |
//! | `_class_name` and `[library, class]` | diffusers (`model_index.json`) |
//! | `type` of the elements of `modules.json` | sentence-transformers |
//! | `chat_template` | transformers: a Jinja template, which is read as one |
//! | `:serialized:` | stable-baselines3: a pickle by cloudpickle in base64 |
//! | `digest` of `layers` | Ollama and registries of container images: files that are named by their digest |
//! | `custom_imports` | mmengine: modules that are imported |
//! | `custom_ops_library` | ONNX Runtime's generators (`genai_config.json`): native code with operators |
//! | `itemInfoEntries`; `nodes` with `arg_nodes` | Core ML: files of a package; MXNet: operators of a graph |
//! | tags `!!python/…`, `!new:`, `!apply:` … | PyYAML, HyperPyYAML: see [`crate::yaml`] |
//!
//! Names without a dot are names of a registry, which the loading program fills; only those of
//! built-in functions are followed, since `pydoc.locate` finds these.

mod code;
mod graph;
mod hub;
mod instance;
mod interpolation;
mod value;

use crate::json::{Document, Kind, Node};
use crate::keras::recorder::Recorder;
use davy_artifact::{Fact, Name, Reading, Route, Site};
use davy_bytes::{Budget, Halt};
use std::collections::HashMap;

pub(crate) use code::note;
pub(crate) use value::global;

/// A configuration.
pub(crate) struct Config<'d> {
    pub(crate) document: &'d Document,
    /// Tags of values, by their number.
    pub(crate) tags: &'d HashMap<u32, String>,
}

/// The walk over one configuration.
struct Walk<'w, 'a, 'd> {
    recorder: &'w mut Recorder<'a>,
    config: &'w Config<'d>,
    /// Whether strings that start with `$` are expressions.
    expressions: bool,
    sources: code::Sources,
}

/// Records what loading `config` would look up, call and read.
///
/// # Errors
/// When the budget ends.
pub(crate) fn read(
    config: &Config<'_>,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let key = |wanted: &[&str]| {
        let mut keys = config.document.nodes().filter(|node| node.is_key());
        keys.any(|key| wanted.iter().any(|wanted| key.is_text(wanted)))
    };
    let expressions = key(&["_target_", "_requires_", "monai_version"]);
    let mut recorder = Recorder::new(reading, budget);
    let sources = code::Sources::default();
    let mut walk = Walk { recorder: &mut recorder, config, expressions, sources };
    if let Some(root) = config.document.root() {
        walk.root(root);
    }
    for node in config.document.nodes() {
        walk.recorder.budget.spend_steps(1, node.span().start)?;
        walk.node(node);
    }
    walk.sources();
    Ok(())
}

impl<'d> Walk<'_, '_, 'd> {
    fn root(&mut self, root: Node<'d>) {
        self.manifest(root);
        self.package(root);
        self.symbol(root);
        self.model_index(root);
        self.module_list(root);
        self.detector_rows(root);
        self.detector_notes(root);
    }

    fn node(&mut self, node: Node<'d>) {
        if let Some(tag) = self.config.tags.get(&node.id()) {
            self.tag(node, tag);
        }
        match node.kind() {
            Kind::Object => self.object(node),
            Kind::Text if !node.is_key() => self.text(node),
            _ => {}
        }
    }

    fn object(&mut self, node: Node<'d>) {
        for (key, value) in node.entries() {
            let Some(key) = key.text() else { continue };
            match key.as_ref() {
                "_target_" | "_component_" | "()" | "target" | "class_path" | "cls" | "@module"
                | "__kind__" => self.instance(node, &key, value),
                "py/object" | "py/reduce" | "py/type" | "py/function" | "py/newobj" => {
                    self.jsonpickle(node, &key, value);
                }
                "loader_module" => self.loader_module(node, value),
                "model_code_path" => self.reference(value, "custom code"),
                "custom_ops_library" => self.reference(value, "native library"),
                "custom_imports" => self.custom_imports(value),
                ":serialized:" => self.serialized(value),
                key if instance::NAMING.contains(&key) => self.naming(node, value),
                _ => self.hub_key(node, &key, value),
            }
        }
    }

    fn site(&self, node: Node<'d>) -> Site {
        Site { span: node.span(), route: Route::Key(node.path()) }
    }

    /// A global that is looked up; told once, where it first stands.
    fn import(&mut self, name: &Name, by: &'static str, node: Node<'d>) {
        if self.recorder.is_new(name, by) {
            let site = self.site(node);
            self.recorder.import(name.clone(), None, by, site);
        }
    }

    /// A path or address that a loader opens.
    fn reference(&mut self, value: Node<'d>, purpose: &'static str) {
        let Some(target) = value.text().filter(|text| !text.is_empty()) else { return };
        let (target, site) = (target.into_owned(), self.site(value));
        self.recorder.reading.fact(Fact::Reference { target, purpose, site });
    }
}
