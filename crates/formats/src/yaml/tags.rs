//! Tags that make Python objects: those of PyYAML's `yaml.load` (with its `Loader`, `UnsafeLoader` or,
//! in part, `FullLoader`) and those of HyperPyYAML, which SpeechBrain reads its models with.

use davy_artifact::{Manner, Name, Value};

/// The prefix of PyYAML's tags.
const PYTHON: &str = "tag:yaml.org,2002:python/";

/// What a tag does with what it names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Does {
    /// Calls it.
    Calls,
    /// Reads another file.
    Includes,
    /// Makes an instance without the constructor; what is no class is called all the same
    /// (`make_python_instance`).
    Makes,
    /// Imports a module.
    Module,
    /// Looks it up.
    Names,
}

/// A tag that names something of Python.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PythonTag {
    pub(crate) name: Name,
    /// Whether it is a tag of `PyYAML`, with which any object can be made.
    pub(crate) any: bool,
    does: Does,
}

impl PythonTag {
    /// Whether nothing is called.
    pub(crate) fn names_only(&self) -> bool {
        matches!(self.does, Does::Module | Does::Names)
    }

    /// What stands for the result, where nothing is called.
    pub(crate) fn value(&self) -> Value {
        match self.does {
            Does::Module => Value::Module(self.name.module.clone()),
            _ => Value::Name(self.name.clone()),
        }
    }

    /// The path that is read instead.
    pub(crate) fn includes(&self) -> Option<&str> {
        (self.does == Does::Includes).then_some(self.name.module.as_str())
    }

    pub(crate) fn manner(&self) -> Manner {
        if self.does == Does::Makes && self.name.is_class() { Manner::New } else { Manner::Called }
    }
}

/// What a tag names, with its handle replaced: `tag:yaml.org,2002:python/name:os.system`, or
/// `!new:torch.nn.Linear`.
pub(crate) fn python_tag(tag: &str) -> Option<PythonTag> {
    let any = tag.starts_with(PYTHON);
    let (does, path) = match tag.strip_prefix(PYTHON) {
        Some(rest) => {
            let (kind, path) = rest.split_once(':')?;
            let does = match kind {
                "name" => Does::Names,
                "module" => Does::Module,
                "object" | "object/new" => Does::Makes,
                "object/apply" => Does::Calls,
                _ => return None,
            };
            (does, path)
        }
        None => {
            let (kind, path) = tag.strip_prefix('!')?.split_once(':')?;
            let does = match kind {
                "new" | "apply" | "applyref" => Does::Calls,
                "name" => Does::Names,
                "module" => Does::Module,
                "include" => Does::Includes,
                _ => return None,
            };
            (does, path)
        }
    };
    let name = match does {
        Does::Includes | Does::Module => Name::new(path, ""),
        _ => match path.rsplit_once('.') {
            Some((module, name)) => Name::new(module, name),
            None => Name::new("builtins", path),
        },
    };
    Some(PythonTag { name, any, does })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_what_they_call() {
        let told = |tag: &str| {
            python_tag(tag).map(|tag| (tag.name.dotted(), tag.names_only(), tag.manner()))
        };
        let call = |name: &str| Some((name.to_owned(), false, Manner::Called));
        assert_eq!(told("tag:yaml.org,2002:python/object/apply:os.system"), call("os.system"));
        assert_eq!(told("tag:yaml.org,2002:python/object/new:eval"), call("builtins.eval"));
        assert_eq!(told("!apply:os.system"), call("os.system"));
        let made = Some(("a.B".to_owned(), false, Manner::New));
        assert_eq!(told("tag:yaml.org,2002:python/object:a.B"), made);
        let named = Some(("os".to_owned(), true, Manner::Called));
        assert_eq!(told("tag:yaml.org,2002:python/module:os"), named);
        for other in ["tag:yaml.org,2002:python/tuple", "tag:yaml.org,2002:str", "!ref", "!env:X"] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
