//! Facts, as reports show them: fields for programs, one line of pseudo-Python for people.

use crate::report::SpanEntry;
use crate::words;
use davy_artifact::{Call, Code, Fact, Manner, Name, Operator, Override, Site, Tensor, Value};
use davy_bytes::escape;
use serde::Serialize;

/// One thing that an artifact says.
#[derive(Debug, Serialize)]
pub struct FactEntry<'a> {
    /// Where.
    pub span: SpanEntry,
    /// Where, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// What.
    #[serde(flatten)]
    pub what: What<'a>,
    /// The same, as a person would read it.
    pub text: String,
}

/// What an artifact says, by kind.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum What<'a> {
    /// Something shared is changed; each part as pseudo-Python.
    Assign {
        /// What is changed.
        target: String,
        /// The attribute or key.
        key: String,
        /// The new value.
        value: String,
    },
    /// A named value that describes the artifact or a part of it.
    Attribute {
        /// The object that has it.
        owner: &'a str,
        /// Its name.
        name: &'a str,
        /// Its value, as pseudo-Python.
        value: String,
    },
    /// Something else is put out under a condition on what comes in.
    Branch {
        /// What the condition is about.
        input: &'static str,
        /// How it is tested.
        test: &'a str,
        /// The constants that it is compared with.
        constants: &'a [String],
        /// The text that is put out if it holds.
        output: &'a str,
    },
    /// Something is called.
    Call {
        /// What is called, as pseudo-Python.
        callee: String,
        /// Positional arguments, as pseudo-Python.
        args: Vec<String>,
        /// Keyword arguments, as pseudo-Python.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        kwargs: Vec<Keyword<'a>>,
        /// How it comes to be called: `called`, `new`, `hook` or `through`.
        manner: &'static str,
        /// The method or function behind `hook` and `through`.
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<&'static str>,
        /// How many calls that differ only in plain data this stands for.
        count: u64,
    },
    /// Code that the artifact brings.
    Code {
        /// Language and version.
        language: &'a str,
        /// The function's name.
        name: &'a str,
        /// When it runs: `loaded`, `used` or `unknown`.
        when: &'static str,
        /// What it imports, dotted.
        imports: Vec<String>,
        /// What it calls, as pseudo-Python.
        calls: Vec<String>,
        /// Every name in it.
        names: &'a [String],
        /// Its text and byte constants, as pseudo-Python.
        texts: Vec<String>,
        /// What in it could not be read or followed.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        unseen: &'a [String],
        /// All of it as pseudo-Python.
        listing: &'a str,
    },
    /// A global is looked up.
    Import {
        /// Its module, as it is imported.
        module: &'a str,
        /// The path of attributes from the module.
        name: &'a str,
        /// How it is looked up.
        by: &'static str,
        /// What the file spells, where the loader maps it to another name.
        #[serde(skip_serializing_if = "Option::is_none")]
        spelled: Option<Spelled<'a>>,
    },
    /// A member of an archive.
    Member {
        /// Its name.
        name: &'a str,
        /// Its size when unpacked, in bytes.
        size: u64,
    },
    /// Something with a place in the artifact's own tree.
    Object {
        /// Its path.
        path: &'a str,
        /// What it is.
        object: &'static str,
        /// Type, shape, layout or target.
        detail: &'a str,
    },
    /// A node of a graph.
    Operator {
        /// The set of operators that it is from.
        domain: &'a str,
        /// The operator's name.
        name: &'a str,
        /// Its inputs, as pseudo-Python.
        inputs: Vec<String>,
        /// Its attributes, as pseudo-Python.
        attributes: Vec<Keyword<'a>>,
        /// How many nodes that differ only in plain data this stands for.
        count: u64,
    },
    /// A graph replaces what its layers computed when its input meets a condition.
    Override {
        /// Nodes from an input to an output, through both of the next.
        path: &'a [String],
        /// The node that compares.
        comparison: &'a str,
        /// What it compares with, as pseudo-Python.
        constant: String,
        /// The node that replaces.
        replacement: &'a str,
        /// Layers before what is replaced.
        replaced: u64,
        /// Layers before the comparison.
        before: u64,
        /// Layers behind the replacement.
        behind: u64,
    },
    /// A path or URL that a loader would open.
    Reference {
        /// The path or URL.
        target: &'a str,
        /// What it is for.
        purpose: &'static str,
    },
    /// A tensor.
    Tensor {
        /// Key of the storage.
        storage: &'a str,
        /// Element type.
        dtype: &'a str,
        /// Elements that the storage is said to have.
        elements: u64,
        /// Index of the first element.
        offset: i64,
        /// Elements per dimension.
        size: &'a [i64],
        /// Elements from one index to the next, per dimension.
        stride: &'a [i64],
    },
}

/// A global as the file spells it.
#[derive(Debug, Serialize)]
pub struct Spelled<'a> {
    module: &'a str,
    name: &'a str,
}

/// A keyword argument, or an attribute of an operator.
#[derive(Debug, Serialize)]
pub struct Keyword<'a> {
    name: &'a str,
    value: String,
}

impl<'a> Keyword<'a> {
    fn new((name, value): &'a (String, Value)) -> Self {
        Self { name, value: value.to_string() }
    }

    /// It as one line.
    pub(crate) fn line(&self) -> String {
        format!("{}={}", escape(self.name), self.value)
    }
}

impl<'a> FactEntry<'a> {
    pub(crate) fn new(fact: &'a Fact) -> Self {
        let Site { span, route } = fact.site();
        Self {
            span: (*span).into(),
            route: route.to_string(),
            what: What::new(fact),
            text: statement(fact),
        }
    }
}

impl<'a> What<'a> {
    fn new(fact: &'a Fact) -> Self {
        match fact {
            Fact::Assign { target, key, value, .. } => Self::Assign {
                target: target.to_string(),
                key: key.to_string(),
                value: value.to_string(),
            },
            Fact::Attribute { owner, name, value, .. } => {
                Self::Attribute { owner, name, value: value.to_string() }
            }
            Fact::Branch { input, test, constants, output, .. } => {
                Self::Branch { input, test, constants, output }
            }
            Fact::Call { call, count, .. } => Self::call(call, *count),
            Fact::Code { code, .. } => Self::code(code),
            Fact::Import { name, spelled, by, .. } => Self::Import {
                module: &name.module,
                name: &name.name,
                by,
                spelled: spelled.as_ref().map(|Name { module, name }| Spelled { module, name }),
            },
            Fact::Member { name, size, .. } => Self::Member { name, size: *size },
            Fact::Object { path, kind, detail, .. } => Self::Object { path, object: kind, detail },
            Fact::Operator { operator, count, .. } => Self::operator(operator, *count),
            Fact::Override { it, .. } => Self::replaces(it),
            Fact::Reference { target, purpose, .. } => Self::Reference { target, purpose },
            Fact::Tensor { tensor, .. } => Self::tensor(tensor),
        }
    }

    fn call(call: &'a Call, count: u64) -> Self {
        let (manner, via) = match call.manner {
            Manner::Called => ("called", None),
            Manner::Deferred => ("deferred", None),
            Manner::Filled => ("filled", None),
            Manner::New => ("new", None),
            Manner::Hook(method) => ("hook", Some(method)),
            Manner::Through(name) => ("through", Some(name)),
        };
        Self::Call {
            callee: call.callee.to_string(),
            args: call.args.iter().map(ToString::to_string).collect(),
            kwargs: call.kwargs.iter().map(Keyword::new).collect(),
            manner,
            via,
            count,
        }
    }

    fn code(code: &'a Code) -> Self {
        Self::Code {
            language: &code.language,
            name: &code.name,
            when: code.when.as_str(),
            imports: code.imports.iter().map(Name::dotted).collect(),
            calls: code.calls.iter().map(ToString::to_string).collect(),
            names: &code.names,
            texts: code.texts.iter().map(ToString::to_string).collect(),
            unseen: &code.unseen,
            listing: &code.listing,
        }
    }

    fn operator(operator: &'a Operator, count: u64) -> Self {
        let Operator { domain, name, inputs, attributes } = operator;
        Self::Operator {
            domain,
            name,
            inputs: inputs.iter().map(ToString::to_string).collect(),
            attributes: attributes.iter().map(Keyword::new).collect(),
            count,
        }
    }

    fn replaces(it: &'a Override) -> Self {
        Self::Override {
            path: &it.path,
            comparison: &it.comparison,
            constant: it.constant.to_string(),
            replacement: &it.replacement,
            replaced: it.replaced,
            before: it.before,
            behind: it.behind,
        }
    }

    fn tensor(tensor: &'a Tensor) -> Self {
        let Tensor { storage, dtype, elements, offset, size, stride } = tensor;
        Self::Tensor { storage, dtype, elements: *elements, offset: *offset, size, stride }
    }
}

/// One line of pseudo-Python, fit to be shown.
fn statement(fact: &Fact) -> String {
    match fact {
        Fact::Assign { target, key, value, .. } => match attribute(key) {
            Some(name) => format!("{target}.{name} = {value}"),
            None => format!("{target}[{key}] = {value}"),
        },
        Fact::Attribute { owner, name, value, .. } => {
            let at = if owner.is_empty() { "" } else { "@" };
            format!("{}{at}{} = {value}", escape(owner), escape(name))
        }
        Fact::Branch { input, test, constants, output, .. } => {
            let constants = escape(&constants.join("`, `"));
            format!("if {input} {} `{constants}`: {}", escape(test), escape(output))
        }
        Fact::Call { call, count: 0 | 1, .. } => call.to_string(),
        Fact::Call { call, count, .. } => format!("{call}  # and {} like it", count - 1),
        Fact::Code { code, .. } => {
            let (language, name) = (escape(&code.language), escape(&code.name));
            format!("{language}: {name}({})", escape(&code.parameters.join(", ")))
        }
        Fact::Import { name, spelled, .. } => import(name, spelled.as_ref()),
        Fact::Member { name, size, .. } => {
            format!("member {}, {}", escape(name), words::size(*size))
        }
        Fact::Object { path, kind, detail, .. } => {
            let line = format!("{} {kind} {}", escape(path), escape(detail));
            line.trim_end().to_owned()
        }
        Fact::Operator { operator, count, .. } => node(operator, *count),
        Fact::Override { it, .. } => {
            let (replacement, comparison) = (escape(&it.replacement), escape(&it.comparison));
            let path = escape(&it.path.join(" > "));
            format!("{replacement} replaces when {comparison} with {}: {path}", it.constant)
        }
        Fact::Reference { target, purpose, .. } => format!("{purpose}: {}", escape(target)),
        Fact::Tensor { tensor, .. } => {
            let Tensor { storage, dtype, offset, size, stride, .. } = tensor;
            let (storage, dtype) = (escape(storage), escape(dtype));
            format!("{dtype}{size:?} of storage '{storage}' from {offset}, stride {stride:?}")
        }
    }
}

/// A node as a call: the operator with its inputs and attributes.
fn node(operator: &Operator, count: u64) -> String {
    let Operator { domain, name, inputs, attributes } = operator;
    let domain = if domain.is_empty() { String::new() } else { format!("{domain}::") };
    let attributes = attributes.iter().map(|(key, value)| format!("{}={value}", escape(key)));
    let parts: Vec<_> = inputs.iter().map(ToString::to_string).chain(attributes).collect();
    let line = format!("{}{}({})", escape(&domain), escape(name), parts.join(", "));
    if count > 1 { format!("{line}  # and {} like it", count - 1) } else { line }
}

fn import(name: &Name, spelled: Option<&Name>) -> String {
    let line = format!("from {} import {}", escape(&name.module), escape(&name.name));
    match spelled {
        Some(spelled) => {
            format!("{line}  # spelled {}.{}", escape(&spelled.module), escape(&spelled.name))
        }
        None => line,
    }
}

/// The key as an attribute, where it is an identifier.
fn attribute(key: &Value) -> Option<&str> {
    let text = key.text()?;
    let mut letters = text.chars();
    let starts = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    (starts && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Excerpt;

    fn text(value: &str) -> Value {
        Value::Text(Excerpt::whole(value))
    }

    #[test]
    fn facts_read_like_python() {
        let module = Value::Module("os".into());
        let assign = |key| Fact::Assign {
            target: module.clone(),
            key,
            value: Value::Int(1),
            site: Site::default(),
        };
        assert_eq!(statement(&assign(text("name"))), "os.name = 1");
        assert_eq!(statement(&assign(text("a b"))), "os['a b'] = 1");
        let import = Fact::Import {
            name: Name::new("subprocess", "Popen"),
            spelled: Some(Name::new("commands", "Popen\n")),
            by: "GLOBAL",
            site: Site::default(),
        };
        let shown = "from subprocess import Popen  # spelled commands.Popen\\n";
        assert_eq!(statement(&import), shown);
    }
}
