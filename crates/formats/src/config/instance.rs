//! Objects that stand for what a call returns.

use super::value::{Arguments, text};
use super::{Walk, global};
use crate::json::{Kind, Node};
use davy_artifact::{Call, Manner, Name, Value};

/// Modules that one `custom_imports` names which are told.
const IMPORTS: usize = 200;

/// Keys under which some loader looks a dotted path up and calls what it finds, and under which others
/// put words of their own.
pub(super) const NAMING: &[&str] = &[
    "activation_fct",
    "activation_fn",
    "activation_function",
    "callable",
    "class",
    "class_name",
    "constructor",
    "entrypoint",
    "factory",
    "func",
    "function",
    "implementation",
    "import_path",
    "object_constructor",
    "op_type",
    "type",
];

/// Modules of Python's own that no library keeps its classes in: a path through one of them names a
/// function of that module.
const OWN: &[&str] = &[
    "_posixsubprocess",
    "builtins",
    "ctypes",
    "importlib",
    "marshal",
    "nt",
    "os",
    "pickle",
    "posix",
    "pty",
    "pydoc",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "timeit",
    "webbrowser",
];

impl<'d> Walk<'_, '_, 'd> {
    /// A word that may be a path to a function of Python's own; what stands beside it are arguments.
    pub(super) fn naming(&mut self, node: Node<'d>, value: Node<'d>) {
        let Some(path) = value.text() else { return };
        let mut modules = path.split('.').rev().skip(1);
        if modules.any(|module| OWN.contains(&module)) {
            let arguments = self.as_keywords(node);
            self.calls(&path, "type", arguments, Manner::Called, value);
        }
    }

    /// An object under a key that names what is called; `node` is the object, `value` what stands
    /// under the key.
    pub(super) fn instance(&mut self, node: Node<'d>, key: &str, value: Node<'d>) {
        let Some(path) = value.text() else { return };
        let path = self.interpolated(value, &path).unwrap_or(path.into_owned());
        match key {
            "_target_" | "_component_" => self.instantiation(node, &path, value),
            "()" => {
                let arguments = self.as_keywords(node);
                self.calls(&path, "dictConfig", arguments, Manner::Called, value);
            }
            "target" | "cls" => self.target(node, &path, value),
            "class_path" => {
                let config = node.get("init_args").or_else(|| node.get("dict_kwargs"));
                let arguments = config.map(|config| self.as_keywords(config)).unwrap_or_default();
                self.calls(&path, "class_path", arguments, Manner::Called, value);
            }
            "@module" => {
                let Some(class) = node.get("@class").and_then(Node::text) else { return };
                let path = format!("{path}.{class}");
                let arguments = self.as_keywords(node);
                self.calls(&path, "@class", arguments, Manner::Called, value);
            }
            "__kind__" => {
                let Some(class) = node.get("class").and_then(Node::text) else { return };
                let arguments = node.get("kwargs").map(|it| self.as_keywords(it));
                let manner = if path == "stateful" { Manner::New } else { Manner::Called };
                self.calls(&class, "__kind__", arguments.unwrap_or_default(), manner, value);
            }
            _ => {}
        }
    }

    /// An object of Hydra.
    fn instantiation(&mut self, node: Node<'d>, path: &str, value: Node<'d>) {
        if !self.looks_up(node) {
            let arguments = self.target_arguments(node);
            self.calls(path, "_target_", arguments, Manner::Called, value);
        }
    }

    /// Records that what a dotted path names is looked up and called.
    pub(super) fn calls(
        &mut self,
        path: &str,
        by: &'static str,
        Arguments { args, kwargs }: Arguments,
        manner: Manner,
        node: Node<'d>,
    ) {
        let Some(name) = global(path) else { return };
        self.import(&name, by, node);
        let call = Call { callee: Value::Name(name), args, kwargs, manner };
        let site = self.site(node);
        self.recorder.call(call, || site);
    }

    /// What `hydra.utils.get_method` and its kin find is all that they do; tells whether that is known.
    fn looks_up(&mut self, node: Node<'d>) -> bool {
        let Value::Name(name) = self.value(node) else { return false };
        let found = node.get("path").or_else(|| node.get("name"));
        self.import(&name, "hydra.utils", found.unwrap_or(node));
        true
    }

    /// `target` and `cls` mean much else to others: they count with `params` beside them, at the top,
    /// or where they name a class by a dotted path.
    fn target(&mut self, node: Node<'d>, path: &str, value: Node<'d>) {
        let params = node.get("params");
        let top = node.parent().is_none() && path.contains('.');
        let arguments = params.map(|params| self.as_keywords(params)).unwrap_or_default();
        let class = global(path).is_some_and(|name| {
            let last = name.name.rsplit('.').next().unwrap_or_default();
            name.module.contains('.') && last.starts_with(|c: char| c.is_uppercase())
        });
        if params.is_some() && path.contains('.') || top || class {
            self.calls(path, "target", arguments, Manner::Called, value);
        }
    }

    /// Objects of jsonpickle (`jsonpickle.unpickler`).
    pub(super) fn jsonpickle(&mut self, node: Node<'d>, key: &str, value: Node<'d>) {
        match key {
            "py/reduce" => {
                let callee = value.item(0).and_then(|first| {
                    ["py/function", "py/type"].iter().find_map(|key| first.get(key))
                });
                let Some(path) = callee.and_then(Node::text) else { return };
                let args = value.item(1).and_then(|it| it.get("py/tuple").or(Some(it)));
                let args = args.into_iter().flat_map(Node::items).map(|it| self.value(it));
                let arguments = Arguments { args: args.take(24).collect(), kwargs: vec![] };
                self.calls(&path, "py/reduce", arguments, Manner::Called, value);
            }
            "py/object" => {
                let Some(path) = value.text() else { return };
                let state = self.as_keywords(node);
                let kwargs = state.kwargs.into_iter().filter(|(key, _)| key != "py/object");
                let arguments = Arguments { args: vec![], kwargs: kwargs.collect() };
                self.calls(&path, "py/object", arguments, Manner::New, value);
            }
            "py/newobj" => {
                let class = value.item(0).and_then(|first| first.get("py/type"));
                let Some(path) = class.and_then(Node::text) else { return };
                self.calls(&path, "py/newobj", Arguments::default(), Manner::New, value);
            }
            _ => {
                let by = if key == "py/type" { "py/type" } else { "py/function" };
                if let Some(name) = value.text().and_then(|path| global(&path)) {
                    self.import(&name, by, value);
                }
            }
        }
    }

    /// MLflow imports the module and calls `_load_pyfunc(path)` of it; its own modules are how every
    /// model says what it is.
    pub(super) fn loader_module(&mut self, node: Node<'d>, value: Node<'d>) {
        let Some(module) = value.text() else { return };
        let own = module.starts_with("mlflow.");
        if let Some(code) = node.get("code").filter(|_| !own) {
            self.reference(code, "code folder");
        }
        if !own {
            let data = node.get("data").or_else(|| node.get("model_path"));
            let args = data.map(|data| data.value()).into_iter().collect();
            let path = format!("{module}._load_pyfunc");
            let arguments = Arguments { args, kwargs: vec![] };
            self.calls(&path, "loader_module", arguments, Manner::Called, value);
        }
    }

    /// `custom_imports = {imports: [...]}` of mmengine.
    pub(super) fn custom_imports(&mut self, value: Node<'d>) {
        let list = value.get("imports").unwrap_or(value);
        let one = Some(list).filter(|list| list.kind() == Kind::Text);
        for module in one.into_iter().chain(list.items()).take(IMPORTS) {
            if let Some(name) = module.text() {
                self.import(&Name::new(name, ""), "custom_imports", module);
            }
        }
    }

    /// A tag that names something of Python.
    pub(super) fn tag(&mut self, node: Node<'d>, tag: &str) {
        let Some(tag) = crate::yaml::python_tag(tag) else { return };
        if let Some(include) = tag.includes() {
            let site = self.site(node);
            let target = match node.text() {
                Some(path) => path.into_owned(),
                None => include.to_owned(),
            };
            let fact = davy_artifact::Fact::Reference { target, purpose: "file", site };
            return self.recorder.reading.fact(fact);
        }
        self.import(&tag.name, if tag.any { "YAML tag" } else { "HyperPyYAML tag" }, node);
        if tag.names_only() {
            return;
        }
        let Arguments { args, kwargs } = self.arguments_of_tag(node);
        let callee = Value::Name(tag.name.clone());
        let call = Call { callee, args, kwargs, manner: tag.manner() };
        let site = self.site(node);
        self.recorder.call(call, || site);
    }

    /// The `type` of each element of a `modules.json`, which sentence-transformers imports and calls
    /// `load` of with the folder of that element.
    pub(super) fn module_list(&mut self, root: Node<'d>) {
        for module in root.items() {
            let described = ["idx", "name", "path"].iter().all(|key| module.get(key).is_some());
            let Some(class) = module.get("type").filter(|_| described) else { continue };
            let Some(path) = class.text() else { continue };
            let folder = module.get("path").and_then(Node::text).unwrap_or_default();
            let arguments = Arguments { args: vec![text(&folder)], kwargs: vec![] };
            self.calls(&path, "modules.json", arguments, Manner::Called, class);
        }
    }
}
