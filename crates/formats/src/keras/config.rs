//! Walks a model's configuration the way Keras does when it rebuilds the model: every object that it
//! would look up, and what it would be called with.
//!
//! An object is `{"class_name": …, "config": …}`. Since Keras 2.13 and 3 it names its module, and
//! `serialization_lib._retrieve_class_or_fn` imports that, whatever it is, up to Keras 3.8
//! (CVE-2025-1550); before, and in HDF5 files and SavedModels to this day, its name is looked up in
//! the registry of the place where it stands (`class_and_config_for_serialized_keras_object`). Which
//! objects a class passes on to its constructor unread, and which it deserializes, differs from
//! version to version, so that all are taken, to any depth and in any place.

use super::names::{self, Registry, Resolved, What};
use super::recorder::{Recorder, route};
use super::{call, graph, lambda, layer, shape};
use crate::json::{Document, Kind, Node, Oddity};
use davy_artifact::{Name, Quirk, Route, Site};
use davy_bytes::Halt;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Levels around a value that are looked at to learn what it is for.
const AROUND: usize = 6;

/// Levels around a function that are looked at to learn whether it is for training.
const TRAINING: usize = 64;

/// Deviations of one kind that are told.
const TOLD: usize = 50;

/// Layers around a place that a route names.
const SCOPES: usize = 8;

/// Characters of a layer's name that a route shows.
const LAYER: usize = 60;

/// Objects that stand for values and never for something that is looked up.
const VALUES: &[&str] = &[
    "CompositeTensor",
    "TensorShape",
    "TypeSpec",
    "__bytes__",
    "__ellipsis__",
    "__keras_tensor__",
    "__numpy__",
    "__slice__",
    "__tensor__",
    "__tuple__",
];

/// A configuration, and where it stands in its artifact.
pub(super) struct Config<'d> {
    pub(super) document: &'d Document,
    /// The path of the document: `model_config`, or empty.
    pub(super) prefix: String,
    /// The layer that it is about, where that stands outside of it.
    pub(super) layer: String,
}

/// A serialized object.
#[derive(Clone, Copy)]
pub(super) struct Object<'d> {
    pub(super) node: Node<'d>,
    pub(super) config: Node<'d>,
    /// Whether it names a module, or says that it has none.
    pub(super) modern: bool,
}

/// A layer whose configuration is being walked.
struct Scope {
    name: String,
    /// The number of what stands behind it.
    end: u32,
}

/// The walk over one configuration.
pub(super) struct Walk<'w, 'a, 'd> {
    pub(super) recorder: &'w mut Recorder<'a>,
    pub(super) config: &'w Config<'d>,
    /// Values that have a `class_name`.
    objects: HashSet<u32>,
    /// What plain text in an array or object is the name of.
    texts: HashMap<u32, Option<Registry>>,
    scopes: Vec<Scope>,
}

/// Records everything in a configuration.
///
/// # Errors
/// Where the document ends before its end, and where the budget does.
pub(super) fn read(recorder: &mut Recorder<'_>, config: &Config<'_>) -> Result<(), Halt> {
    let named = |node: &Node<'_>| node.is_key() && node.is_text("class_name");
    let objects = config.document.nodes().filter(named).filter_map(|key| key.parent());
    let objects = objects.map(|object| object.id()).collect();
    let scopes = Vec::new();
    let mut walk = Walk { recorder, config, objects, texts: HashMap::new(), scopes };
    walk.oddities();
    for node in config.document.nodes() {
        walk.recorder.budget.spend_steps(1, node.span().start)?;
        walk.node(node);
    }
    config.document.fault().map_or(Ok(()), |fault| Err(fault.clone()))
}

impl<'d> Walk<'_, '_, 'd> {
    fn oddities(&mut self) {
        for note in self.config.document.notes().iter().take(TOLD) {
            // Writers of Keras files write both of these.
            if matches!(note.oddity, Oddity::NotFinite | Oddity::LoneSurrogate) {
                continue;
            }
            let what = format!("{}: not every loader takes it", note.oddity.as_str());
            let quirk = Quirk::LoadersDisagree;
            self.recorder.reading.deviation(quirk, note.span, Route::None, &what);
        }
        for key in self.config.document.duplicates().into_iter().take(TOLD) {
            let what = format!(
                "the key `{}` again: Keras takes the last, other readers the first",
                key.text().unwrap_or_default()
            );
            let site = self.site(key);
            let quirk = Quirk::DuplicateName;
            self.recorder.reading.deviation(quirk, site.span, site.route, &what);
        }
    }

    fn node(&mut self, node: Node<'d>) {
        while self.scopes.last().is_some_and(|scope| scope.end <= node.id()) {
            self.scopes.pop();
        }
        match node.kind() {
            Kind::Object if self.objects.contains(&node.id()) => {
                if let Some(object) = self.object(node) {
                    self.deserialize(object);
                }
            }
            Kind::Object => graph::check(self, node),
            Kind::Text if node.is_key() => self.key(node),
            Kind::Text => self.text(node),
            Kind::Array => shape::check(self, node),
            _ => {}
        }
    }

    /// A `class_name` without `config` is no object to any version, but for those of HDF5 files.
    pub(super) fn object(&self, node: Node<'d>) -> Option<Object<'d>> {
        let config = node.get("config")?;
        let modern = node.get("module").is_some() || node.get("registered_name").is_some();
        Some(Object { node, config, modern })
    }

    fn deserialize(&mut self, object: Object<'d>) {
        let Some(class) = object.node.get("class_name").and_then(Node::text) else { return };
        if VALUES.contains(&class.as_ref()) {
            return;
        }
        if class == "__lambda__" {
            return lambda::by_value(self, object);
        }
        let Some((resolved, spelled)) = self.resolve(object) else { return };
        if self.is_layer(object, &resolved) {
            self.enter(object, &resolved);
        }
        let by = how(&resolved, object.node);
        self.import(&resolved.name, spelled, by, object.node);
        self.second_name(object, &resolved);
        call::check(self, object, &resolved);
        layer::check(self, object, &resolved);
    }

    /// The global that an object stands for, and how the file spells it where that differs.
    pub(super) fn resolve(&mut self, object: Object<'d>) -> Option<(Resolved, Option<Name>)> {
        let node = object.node;
        let class = node.get("class_name").and_then(Node::text)?;
        let module = node.get("module").and_then(Node::text);
        let name = match class.as_ref() {
            "function" => object.config.text()?,
            "__typespec__" => node.get("spec_name").and_then(Node::text)?,
            _ => class,
        };
        let resolved = match &module {
            Some(module) if module == "builtins" && node.get("class_name")?.is_text("function") => {
                names::builtin(&name)
            }
            Some(module) => names::in_module(module, &name),
            None if object.modern => names::in_module("", &name),
            None => names::in_registry(self.registry(node), &name),
        };
        let spelled = match module {
            Some(module) => Name::new(module, name),
            None => Name::new(name, ""),
        };
        let same = spelled == resolved.name
            || spelled.name.is_empty() && spelled.module == resolved.name.name;
        Some((resolved, (!same).then_some(spelled)))
    }

    /// Where a module does not have the class, versions up to 3.8 take what it has under the
    /// registered name.
    fn second_name(&mut self, object: Object<'d>, resolved: &Resolved) {
        let registered = object.node.get("registered_name").and_then(Node::text);
        let Some(other) = registered else { return };
        let foreign = resolved.what == What::Foreign;
        if !foreign || other.contains('>') || matches!(other.as_ref(), "" | "function") {
            return;
        }
        let name = Name::new(resolved.name.module.clone(), other);
        if name != resolved.name {
            self.import(&name, None, "registered name", object.node);
        }
    }

    /// Records what an object or text names, where it first stands.
    pub(super) fn import(
        &mut self,
        name: &Name,
        spelled: Option<Name>,
        by: &'static str,
        node: Node<'d>,
    ) {
        if self.recorder.is_new(name, by) {
            let class = node.get("class_name").unwrap_or(node);
            let site = Site { span: class.span(), ..self.site(node) };
            self.recorder.import(name.clone(), spelled, by, site);
        }
    }

    /// The registry that a name without module is looked up in, from the place where it stands.
    fn registry(&self, node: Node<'d>) -> Registry {
        self.place(node).unwrap_or(Registry::Any)
    }

    fn place(&self, node: Node<'d>) -> Option<Registry> {
        let mut at = node;
        for _ in 0..AROUND {
            let Some(parent) = at.parent() else { return Some(Registry::Layers) };
            if let Some(key) = at.key().and_then(Node::text) {
                if let Some(registry) = Registry::of_key(&key) {
                    return Some(registry);
                }
                match key.as_ref() {
                    "fn" => return Some(Registry::Metrics),
                    "model_config" | "modelTopology" => return Some(Registry::Layers),
                    // Sequential models of Keras 1 and 2.0 are lists of layers.
                    "config" if at.is_array() => return Some(Registry::Layers),
                    "config" | "compile_config" | "training_config" => return None,
                    _ if self.objects.contains(&parent.id()) => return None,
                    _ => {}
                }
            }
            at = parent;
        }
        None
    }

    /// Plain text that names a function or class: an activation, a loss.
    fn text(&mut self, node: Node<'d>) {
        layer::text(self, node);
        let Some(parent) = node.parent() else { return };
        // All elements of an array are for the same; there may be millions.
        let registry = match self.texts.get(&parent.id()) {
            Some(known) if parent.is_array() => *known,
            _ => {
                let found = self.place(node).filter(|registry| registry.takes_text());
                if parent.is_array() {
                    self.texts.insert(parent.id(), found);
                }
                found
            }
        };
        let Some(registry) = registry else { return };
        let Some(text) = node.text().filter(|text| !text.is_empty()) else { return };
        // `compile` itself knows what these mean.
        let by_output = ["accuracy", "acc", "crossentropy", "ce"];
        let function = node.key().is_some_and(|key| key.is_text("fn"));
        let lower = text.to_lowercase();
        if registry == Registry::Metrics && !function && by_output.contains(&lower.as_str()) {
            return;
        }
        let resolved = names::in_registry(registry, &text);
        let by = if resolved.what == What::Custom { "custom object" } else { "deserialize" };
        let spelled = (resolved.name.name != text).then(|| Name::new(text, ""));
        self.import(&resolved.name, spelled, by, node);
    }

    fn key(&mut self, key: Node<'d>) {
        if !key.is_text("safe_mode") {
            return;
        }
        let value = key.parent().and_then(|parent| parent.get("safe_mode"));
        if let Some(value) = value {
            let owner = key.parent().map(|parent| self.path(parent)).unwrap_or_default();
            let site = self.site(value);
            self.recorder.attribute(owner, "safe_mode", value.value(), site);
        }
    }

    fn is_layer(&self, object: Object<'d>, resolved: &Resolved) -> bool {
        let module = resolved.name.module.as_str();
        let known = resolved.what == What::Class
            && (matches!(module, "keras.layers" | "keras.models" | "keras.experimental")
                || module == "keras"
                    && matches!(
                        resolved.name.name.as_str(),
                        "Functional" | "Model" | "Sequential"
                    )
                || module.starts_with("keras.src.layers")
                || module.starts_with("keras.src.ops"));
        known
            || object.node.get("inbound_nodes").is_some()
            || resolved.what != What::Class && self.place(object.node) == Some(Registry::Layers)
    }

    /// Everything in a layer's object is told with the layer's name.
    fn enter(&mut self, object: Object<'d>, resolved: &Resolved) {
        self.recorder.layer(&resolved.name.name);
        let own = object.node.get("name").or_else(|| object.config.get("name"));
        let name = own.and_then(Node::text);
        let name = name.unwrap_or_else(|| resolved.name.name.to_lowercase().into());
        self.scopes
            .push(Scope { name: name.chars().take(LAYER).collect(), end: object.node.end() });
        layer::name(self, object, own);
    }

    /// Whether `node` belongs to a layer, and not to what the model is trained with.
    pub(super) fn in_layer(&self, node: Node<'d>) -> bool {
        let inside = !self.scopes.is_empty() || !self.config.layer.is_empty();
        let above = std::iter::successors(Some(node), |node| node.parent()).take(TRAINING);
        let training = |node: Node<'d>| {
            let key = node.key();
            key.is_some_and(|key| key.is_text("compile_config") || key.is_text("training_config"))
        };
        inside && self.config.prefix != "training_config" && !above.into_iter().any(training)
    }

    /// The class whose configuration has `node` as an entry.
    pub(super) fn class_around(&self, node: Node<'d>) -> Option<Cow<'d, str>> {
        let object = node.parent()?.parent()?;
        object.get("class_name").and_then(Node::text)
    }

    /// The names of the layers around what is walked just now.
    pub(super) fn layer(&self) -> String {
        let own = |scope: &'_ Scope| scope.name.clone();
        let mut names: Vec<String> = Vec::new();
        names.extend((!self.config.layer.is_empty()).then(|| self.config.layer.clone()));
        let skipped = self.scopes.len().saturating_sub(SCOPES);
        if skipped > 0 {
            names.extend(self.scopes.first().map(own));
            names.push("…".to_owned());
        }
        names.extend(self.scopes.iter().skip(skipped).map(own));
        names.join("/")
    }

    /// The path of a value, from the top of the artifact's configuration.
    pub(super) fn path(&self, node: Node<'d>) -> String {
        let path = match node.path() {
            path if path.is_empty() => "class_name".to_owned(),
            path => path,
        };
        match self.config.prefix.as_str() {
            "" => path,
            prefix if path.starts_with('[') => format!("{prefix}{path}"),
            prefix => format!("{prefix}.{path}"),
        }
    }

    /// Where a value stands.
    pub(super) fn site(&self, node: Node<'d>) -> Site {
        Site { span: node.span(), route: route(self.layer(), self.path(node)) }
    }
}

/// How a name is looked up. Keras writes the name that an object is registered under beside every
/// module that is not its own.
fn how(resolved: &Resolved, node: Node<'_>) -> &'static str {
    let registered = node.get("registered_name").and_then(Node::text);
    let custom = match resolved.what {
        What::Custom => true,
        What::Foreign => registered.is_some_and(|name| !name.is_empty()),
        What::Class | What::Function => false,
    };
    if custom { "custom object" } else { "deserialize" }
}
