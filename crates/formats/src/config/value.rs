//! Names in configurations, and values with the calls that they stand for.

use super::Walk;
use crate::json::{Kind, Node};
use crate::python::builtins;
use davy_artifact::{Call, Excerpt, Manner, Name, Value};
use davy_bytes::to_u64;

/// Bounds on the values that calls are shown with.
const DEPTH: u32 = 6;
const WIDTH: usize = 24;
const VALUES: usize = 256;

/// Keys of Hydra that are no arguments.
const RESERVED: &[&str] =
    &["()", "_args_", "_component_", "_convert_", "_partial_", "_recursive_", "_target_"];

/// What looks a name up and gives back what it finds, instead of calling it.
const LOOKUPS: &[&str] = &[
    "hydra.utils.get_class",
    "hydra.utils.get_method",
    "hydra.utils.get_object",
    "hydra.utils.get_static_method",
    "pydoc.locate",
    "pkgutil.resolve_name",
];

/// The global that a dotted path names: the module ends where a class starts, or before the last
/// part. A built-in function needs no dot; other names without one are no globals.
pub(crate) fn global(path: &str) -> Option<Name> {
    let identifier = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    if path.len() > 1_000 || !path.split('.').all(identifier) {
        return None;
    }
    let Some((before, last)) = path.rsplit_once('.') else {
        return builtins::is(path).then(|| Name::new("builtins", path));
    };
    let mut at = 0_usize;
    for part in before.split('.') {
        if at > 0 && part.trim_start_matches('_').starts_with(|c: char| c.is_uppercase()) {
            let (module, name) = path.split_at(at);
            return Some(Name::new(module.trim_end_matches('.'), name));
        }
        at = at.saturating_add(part.len()).saturating_add(1);
    }
    Some(Name::new(before, last))
}

/// What a call is made of: the keys of an object are its keyword arguments.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) args: Vec<Value>,
    pub(super) kwargs: Vec<(String, Value)>,
}

impl<'d> Walk<'_, '_, 'd> {
    /// A value, with calls in it as calls.
    pub(super) fn value(&self, node: Node<'d>) -> Value {
        self.bounded(node, 0, &mut VALUES.clone())
    }

    /// Nesting ends at [`DEPTH`], whatever the depth of the document.
    fn bounded(&self, node: Node<'d>, depth: u32, left: &mut usize) -> Value {
        *left = left.saturating_sub(1);
        if depth > DEPTH || *left == 0 {
            return Value::Unknown("…");
        }
        let deeper = depth.saturating_add(1);
        if let Some(made) =
            self.tagged(node, deeper, left).or_else(|| self.made(node, deeper, left))
        {
            return made;
        }
        match node.kind() {
            Kind::Array => {
                let more = node.items().skip(WIDTH).count();
                let items = node.items().take(WIDTH).map(|item| self.bounded(item, deeper, left));
                let mut items: Vec<Value> = items.collect();
                items.extend((more > 0).then(|| Value::More(to_u64(more))));
                Value::List(items)
            }
            Kind::Object => {
                let more = node.entries().skip(WIDTH).count();
                let entries = node.entries().take(WIDTH);
                let entry = |(key, value): (Node<'d>, Node<'d>)| {
                    (key.value(), self.bounded(value, deeper, left))
                };
                let mut entries: Vec<(Value, Value)> = entries.map(entry).collect();
                entries.extend((more > 0).then(|| (Value::More(to_u64(more)), Value::None)));
                Value::Dict(entries)
            }
            _ => node.value(),
        }
    }

    /// What an object with `_target_` gives: what is found, where it only looks something up, or what
    /// a call of it returns.
    fn made(&self, node: Node<'d>, depth: u32, left: &mut usize) -> Option<Value> {
        let target = node.get("_target_")?.text()?;
        let callee = global(&target)?;
        if LOOKUPS.contains(&target.as_ref()) {
            let path = node.get("path").or_else(|| node.get("name"))?.text()?;
            return global(&path).map(Value::Name);
        }
        let Arguments { args, kwargs } = self.keywords(node, RESERVED, depth, left);
        let callee = Value::Name(callee);
        Some(Value::Call(Box::new(Call { callee, args, kwargs, manner: Manner::Called })))
    }

    /// What an object with `_target_` is called with.
    pub(super) fn target_arguments(&self, node: Node<'d>) -> Arguments {
        self.keywords(node, RESERVED, 1, &mut VALUES.clone())
    }

    /// What `config` is as the keyword arguments of a call.
    pub(super) fn as_keywords(&self, config: Node<'d>) -> Arguments {
        self.keywords(config, &[], 1, &mut VALUES.clone())
    }

    fn keywords(
        &self,
        node: Node<'d>,
        reserved: &[&str],
        depth: u32,
        left: &mut usize,
    ) -> Arguments {
        let mut arguments = Arguments::default();
        let positional = node.get("_args_").filter(|_| !reserved.is_empty());
        for item in positional.into_iter().flat_map(Node::items).take(WIDTH) {
            arguments.args.push(self.bounded(item, depth, left));
        }
        for (key, value) in node.entries() {
            let Some(key) = key.text() else { continue };
            if reserved.contains(&key.as_ref()) {
                continue;
            }
            if arguments.kwargs.len() >= WIDTH {
                break;
            }
            arguments.kwargs.push((key.into_owned(), self.bounded(value, depth, left)));
        }
        arguments
    }

    /// What a node with a tag of Python gives.
    fn tagged(&self, node: Node<'d>, depth: u32, left: &mut usize) -> Option<Value> {
        let tag = crate::yaml::python_tag(self.config.tags.get(&node.id())?)?;
        if tag.names_only() {
            return Some(tag.value());
        }
        let callee = Value::Name(tag.name.clone());
        let Arguments { args, kwargs } = self.tag_arguments(node, depth, left);
        Some(Value::Call(Box::new(Call { callee, args, kwargs, manner: tag.manner() })))
    }

    /// What a tag's callee is called with (`construct_python_object_apply`): the elements of a
    /// sequence, or `args` and `kwds` of a mapping; HyperPyYAML takes all keys of a mapping.
    pub(super) fn tag_arguments(&self, node: Node<'d>, depth: u32, left: &mut usize) -> Arguments {
        let mut arguments = Arguments::default();
        let items = |list: Node<'d>, left: &mut usize| -> Vec<Value> {
            list.items().take(WIDTH).map(|item| self.bounded(item, depth, left)).collect()
        };
        match node.kind() {
            Kind::Array => arguments.args = items(node, left),
            Kind::Object if node.get("args").is_some() || node.get("kwds").is_some() => {
                arguments.args = node.get("args").map(|it| items(it, left)).unwrap_or_default();
                if let Some(kwds) = node.get("kwds") {
                    arguments.kwargs = self.keywords(kwds, &[], depth, left).kwargs;
                }
                for key in ["state", "listitems", "dictitems"] {
                    let state = node.get(key).map(|it| self.bounded(it, depth, left));
                    arguments.kwargs.extend(state.map(|state| (key.to_owned(), state)));
                }
            }
            Kind::Object => arguments = self.keywords(node, &[], depth, left),
            Kind::Text if !node.is_text("") => arguments.args = vec![node.value()],
            _ => {}
        }
        arguments
    }

    /// The arguments of a tag's callee, to be told.
    pub(super) fn arguments_of_tag(&self, node: Node<'d>) -> Arguments {
        self.tag_arguments(node, 1, &mut VALUES.clone())
    }
}

/// Text as a value.
pub(super) fn text(text: &str) -> Value {
    Value::Text(Excerpt::whole(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_end_where_classes_start() {
        let split = |path| global(path).map(|name| (name.module, name.name));
        let pair = |module: &str, name: &str| Some((module.to_owned(), name.to_owned()));
        assert_eq!(split("os.system"), pair("os", "system"));
        assert_eq!(split("a.b.Class.make"), pair("a.b", "Class.make"));
        assert_eq!(split("a.b._Class"), pair("a.b", "_Class"));
        assert_eq!(split("PIL.Image.open"), pair("PIL", "Image.open"));
        assert_eq!(split("eval"), pair("builtins", "eval"));
        for other in ["Compose", "a b.c", "", ".", "a..b", "${x}.y", "1.5", "http://x.y"] {
            assert_eq!(split(other), None, "{other}");
        }
    }
}
