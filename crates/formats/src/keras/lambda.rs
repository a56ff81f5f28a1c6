//! Functions that a configuration brings by value: marshalled byte code, made into functions by
//! `python_utils.func_load` and run when the layer is called.

use super::base64;
use super::call;
use super::config::{Object, Walk};
use super::names::What;
use crate::bytecode::{self, Hints};
use crate::json::Node;
use davy_artifact::{Code, Fact, Name, Role, Site, Value, When};
use davy_bytes::{Bytes, Halt, to_u64};

/// The places of a `Lambda` layer's configuration that hold functions, with where older versions say
/// what kind and which module they are of.
const FIELDS: &[(&str, &str, &str)] = &[
    ("function", "function_type", "module"),
    ("output_shape", "output_shape_type", "output_shape_module"),
    ("mask", "mask_type", "mask_module"),
];

/// A function by value: its code, and what the function brings along.
struct Function<'d> {
    /// The object or list that all of it stands in.
    whole: Node<'d>,
    code: Node<'d>,
    defaults: Option<Node<'d>>,
    closure: Option<Node<'d>>,
}

/// `{"class_name": "__lambda__", "config": {"code": …, "defaults": …, "closure": …}}`, or a list of
/// these under `value`.
pub(super) fn by_value<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>) {
    let config = object.config;
    let value = config.get("value");
    let listed = value.filter(|value| value.is_array());
    let code = config.get("code").or(listed.and_then(|list| list.item(0))).or(value);
    let Some(code) = code else { return };
    let function = Function {
        whole: object.node,
        code,
        defaults: config.get("defaults").or(listed.and_then(|list| list.item(1))),
        closure: config.get("closure").or(listed.and_then(|list| list.item(2))),
    };
    read(walk, &function);
}

/// The functions of a `Lambda` layer as Keras 1 and 2 write them, and as HDF5 files of Keras 3 have
/// them: `[code, defaults, closure]`, with what they are beside them; and those that it names.
pub(super) fn check<'d>(walk: &mut Walk<'_, '_, 'd>, object: Object<'d>) {
    let config = object.config;
    for (field, kind, module) in FIELDS {
        let Some(value) = config.get(field).map(untupled) else { continue };
        let kind = config.get(kind).and_then(Node::text);
        let by_value = kind.as_deref() == Some("lambda");
        match value.item(0).filter(|first| first.text().is_some()) {
            Some(code) => {
                let defaults = value.item(1).map(untupled);
                let closure = value.item(2).map(untupled);
                read(walk, &Function { whole: value, code, defaults, closure });
            }
            None if value.text().is_some() && by_value => {
                let (defaults, closure) = (None, None);
                read(walk, &Function { whole: value, code: value, defaults, closure });
            }
            None if kind.as_deref() != Some("raw") => {
                let module = config.get(module).and_then(Node::text);
                by_name(walk, object, value, module.as_deref());
            }
            None => {}
        }
    }
}

/// In SavedModels tuples are objects that say so (`json_utils.Encoder`).
fn untupled(node: Node<'_>) -> Node<'_> {
    let tuple = node.get("class_name").is_some_and(|class| class.is_text("__tuple__"));
    node.get("items").filter(|_| tuple).unwrap_or(node)
}

/// A function that is looked up by name and called by the layer.
fn by_name<'d>(
    walk: &mut Walk<'_, '_, 'd>,
    object: Object<'d>,
    value: Node<'d>,
    module: Option<&str>,
) {
    let added = object.config.get("arguments");
    if value.is_object() {
        let Some(function) = walk.object(value) else { return };
        let resolved = walk.resolve(function).map(|(resolved, _)| resolved);
        let told = resolved.filter(|it| matches!(it.what, What::Foreign | What::Function));
        if let Some(resolved) = told {
            call::through(walk, value, &resolved.name, added);
        }
    } else if let Some(text) = value.text() {
        // The module is only where the function finds its globals, and has to be imported already.
        let name = Name::new(module.unwrap_or("__main__"), text);
        walk.import(&name, None, "custom object", value);
    }
}

fn read<'d>(walk: &mut Walk<'_, '_, 'd>, function: &Function<'d>) {
    let Some(text) = function.code.text() else { return };
    let along = [function.defaults, function.closure].into_iter().flatten().map(Node::raw);
    let along = along.map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    if !walk.recorder.is_new_code(&text, along) {
        return;
    }
    let mut site = walk.site(function.whole);
    site.span = function.code.span();
    let decoded = base64::function(&text);
    let len = to_u64(decoded.len());
    let spent = walk.recorder.budget.spend_expansion(len, site.span.start);
    let bytes = Bytes::from_memory(decoded);
    let when = if walk.in_layer(function.whole) { When::Loaded } else { When::Used };
    let code = spent.and_then(|()| decode(walk, &bytes, when));
    match code {
        Ok(mut code) => {
            bring_along(&mut code, function);
            walk.recorder.reading.fact(Fact::Code { code: Box::new(code), site });
        }
        Err(halt) => {
            let code = Code {
                language: "Python byte code".to_owned(),
                when,
                unseen: vec![format!("no marshalled byte code of any version: {}", halt.what())],
                ..Code::default()
            };
            walk.recorder.reading.fact(Fact::Code { code: Box::new(code), site: site.clone() });
            // Whatever else it is, a loader unmarshals it.
            let name = name_of(&site, &walk.path(function.whole));
            walk.recorder.reading.child(name, bytes, Role::Loaded);
        }
    }
}

/// Rebuilding a Functional or Sequential model calls its layers to learn their shapes:
/// `Layer.__call__` runs the function in Keras 1 and 2 in any case (`_infer_output_signature`), and
/// in Keras 3 where no output shape is given (`Lambda.compute_output_shape`). So the code runs as
/// soon as the model is loaded, wherever the loader takes it at all; in losses and metrics, first
/// when the model is trained.
fn decode(walk: &mut Walk<'_, '_, '_>, bytes: &Bytes, when: When) -> Result<Code, Halt> {
    bytecode::read_marshalled(bytes, Hints::default(), when, walk.recorder.budget)
}

/// Defaults and the values of free variables are data that the code works on.
fn bring_along(code: &mut Code, function: &Function<'_>) {
    let along = [("defaults", function.defaults), ("closure", function.closure)];
    for (what, node) in along {
        let Some(node) = node.filter(|node| !node.is_null()) else { continue };
        let value = node.value();
        code.listing = format!("# {what}: {value}\n{}", code.listing);
        value.walk(&mut |part| {
            if matches!(part, Value::Text(_) | Value::Bytes(_)) && !code.texts.contains(part) {
                code.texts.push(part.clone());
            }
        });
    }
}

fn name_of(site: &Site, path: &str) -> String {
    format!("{path}@{:#x}", site.span.start)
}
