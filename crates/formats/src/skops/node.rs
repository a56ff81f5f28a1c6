//! One node of a schema: what it is called, and which loader rebuilds it.

use crate::json::Node;
use davy_artifact::Name;

/// What a node's loader does with the names in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Stands for a node elsewhere, by its number.
    Cached,
    /// Calls the class with the arguments in `content` (`ConstructorFromReduceNode`).
    Constructor,
    /// Makes a dictionary of this class, and calls a type for each key.
    Dict,
    /// Makes a dictionary whose missing entries a function makes.
    DefaultDict,
    /// Stands for bytes in a member of the archive.
    File,
    /// Imports a function.
    Function,
    /// Constants as JSON in a string.
    Json,
    /// Builds one fixed class from other nodes, whatever the node is called.
    Fixed,
    /// Calls the class with a list of what is in `content`.
    List,
    /// Takes an attribute of an object.
    Method,
    /// Makes an object without calling its class, and sets its state.
    Object,
    /// Calls what `operator` has under the node's class.
    Operator,
    /// Makes a `functools.partial`.
    Partial,
    /// Makes a random generator, whose bit generator is named in its state.
    Generator,
    /// Makes an array, and calls the class with it where that is not `numpy.ndarray`.
    Array,
    /// Calls the class without arguments and sets its state.
    State,
    /// Calls the class with the arguments under `__reduce__`.
    Reduce,
    /// Makes a tuple, or calls the class where that is a named one.
    Tuple,
    /// Imports a class.
    Type,
}

/// Loaders by name (`NODE_TYPE_MAPPING`).
const LOADERS: &[(&str, Kind)] = &[
    ("BytearrayNode", Kind::File),
    ("BytesNode", Kind::File),
    ("CachedNode", Kind::Cached),
    ("ConstructorFromReduceNode", Kind::Constructor),
    ("DTypeNode", Kind::Fixed),
    ("DefaultDictNode", Kind::DefaultDict),
    ("DictNode", Kind::Dict),
    ("FunctionNode", Kind::Function),
    ("JsonNode", Kind::Json),
    ("ListNode", Kind::List),
    ("LossNode", Kind::Reduce),
    ("MaskedArrayNode", Kind::Fixed),
    ("MethodNode", Kind::Method),
    ("NdArrayNode", Kind::Array),
    ("ObjectNode", Kind::Object),
    ("OperatorFuncNode", Kind::Operator),
    ("PartialNode", Kind::Partial),
    ("QuantileForestNode", Kind::Fixed),
    ("RandomGeneratorNode", Kind::Generator),
    ("RandomStateNode", Kind::State),
    ("SetNode", Kind::List),
    ("SliceNode", Kind::Fixed),
    ("SparseMatrixNode", Kind::Fixed),
    ("TreeNode", Kind::Fixed),
    ("TupleNode", Kind::Tuple),
    ("TypeNode", Kind::Type),
    ("_DictWithDeprecatedKeysNode", Kind::Fixed),
    // As the first versions called it.
    ("SGDNode", Kind::Reduce),
];

/// Classes of Python itself that only hold what is put into them.
const PLAIN: &[&str] =
    &["bytearray", "bytes", "dict", "frozenset", "list", "set", "slice", "tuple"];

/// Types of plain values.
const SCALARS: &[&str] = &["bool", "complex", "float", "int", "str"];

/// A node as the loaders see it.
#[derive(Clone, Debug)]
pub(super) struct State<'a> {
    pub(super) node: Node<'a>,
    /// The loader's name.
    pub(super) loader: String,
    /// The loader, where skops has it.
    pub(super) kind: Option<Kind>,
    /// What `__module__` and `__class__` name.
    pub(super) name: Name,
}

impl<'a> State<'a> {
    /// The node that `value` is, if it is one.
    pub(super) fn of(value: Node<'a>) -> Option<Self> {
        if !value.is_object() {
            return None;
        }
        let loader = value.get("__loader__")?.text()?.into_owned();
        let part = |key: &str| {
            value.get(key).and_then(Node::text).map(|text| text.into_owned()).unwrap_or_default()
        };
        let kind = LOADERS.iter().find(|(name, _)| *name == loader).map(|(_, kind)| *kind);
        let name = Name::new(part("__module__"), part("__class__"));
        Some(Self { node: value, loader, kind, name })
    }

    /// The loader's name as facts have it.
    pub(super) fn by(&self) -> &'static str {
        let known = LOADERS.iter().find(|(name, _)| *name == self.loader);
        known.map_or("unknown node", |(name, _)| *name)
    }

    /// Its content, whatever that is.
    pub(super) fn content(&self) -> Option<Node<'a>> {
        self.node.get("content")
    }

    /// Whether it is a container of Python itself, or a type of plain values, which dictionaries
    /// make their keys with.
    pub(super) fn is_plain(&self) -> bool {
        let name = self.name.name.as_str();
        let fits = match self.kind {
            Some(Kind::Dict | Kind::List | Kind::Tuple | Kind::File | Kind::Fixed) => {
                PLAIN.contains(&name)
            }
            Some(Kind::Type) => PLAIN.contains(&name) || SCALARS.contains(&name),
            _ => false,
        };
        fits && self.name.module == "builtins"
    }

    /// What skops finally imports: protocol 0 spelled functions out in `content`, and operators are
    /// taken from `operator` whatever the module says (CVE-2025-54412, before 0.12).
    pub(super) fn imported(&self) -> Name {
        match self.kind {
            Some(Kind::Operator) => Name::new("operator", self.name.name.clone()),
            Some(Kind::Function) => self.spelled_out().unwrap_or_else(|| self.name.clone()),
            _ => self.name.clone(),
        }
    }

    fn spelled_out(&self) -> Option<Name> {
        let content = self.content()?;
        let module = content.get("module_path")?.text()?;
        let function = content.get("function")?.text()?;
        Some(Name::new(module, function))
    }
}
