//! What calls return, where that follows from the file alone: names and code are hidden by
//! computing them (`getattr`, `__import__`, joined strings, decoded bytes, `map` and `reduce`).

use super::heap::{How, Node, V};
use super::machine::Machine;
use super::nested::{inflate, unbase64, unhex};
use davy_artifact::{Manner, Name};
use davy_bytes::{to_u64, to_usize};

/// Text and bytes are computed up to this length.
const LONGEST: usize = 1 << 16;

/// Items that `map`, `reduce` and the like are followed through.
const ITEMS: usize = 256;

/// Functions whose results are followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Function {
    Add,
    AddExtension,
    Apply,
    Attrgetter,
    Bytes,
    /// Calls a method whose name stands at this place behind the object.
    CallMethod(usize),
    Chr,
    Decode(Codec),
    /// Takes a method out of a class, by a name and by how the method is printed.
    Descriptor,
    Encode,
    Filter,
    Getattr,
    Getitem,
    Import,
    Itemgetter,
    Load,
    /// Loads the pickle at this place of its arguments.
    LoadAt(usize),
    Map,
    Method(&'static str),
    Methodcaller,
    Modulo,
    /// Hands out an attribute of this module.
    ModuleAttribute(&'static str),
    NewObject,
    Other,
    Partial,
    Reconstructor,
    Reduce,
    Resolve,
    Reversed,
    Sequence,
    /// Runs source: nothing is computed, but no two of its calls are the same.
    Source,
    Starmap,
    Str,
    Vars,
    /// Follows a dotted path of attributes from an object.
    Walk,
}

/// How bytes or text are decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codec {
    Base64,
    Hex,
    Named,
    Zlib,
}

/// Methods of built-in types that are followed, by name.
const METHODS: &[&str] = &[
    "__add__",
    "__getattribute__",
    "__getitem__",
    "__mod__",
    "capitalize",
    "casefold",
    "decode",
    "encode",
    "format",
    "fromhex",
    "get",
    "join",
    "lower",
    "lstrip",
    "pop",
    "removeprefix",
    "removesuffix",
    "replace",
    "rstrip",
    "setdefault",
    "strip",
    "swapcase",
    "title",
    "upper",
];

fn classify(name: &Name) -> Function {
    let path = name.name.trim_end_matches(".__call__");
    let module = name.module.as_str();
    match (module, path) {
        ("builtins", "getattr") | ("inspect", "getattr_static") => Function::Getattr,
        ("builtins" | "importlib" | "importlib._bootstrap", "__import__")
        | ("importlib", "import_module")
        | ("importlib._bootstrap", "_gcd_import") => Function::Import,
        ("pkgutil", "resolve_name")
        | ("pydoc", "locate")
        | ("dill._dill" | "dill.dill", "_import_module")
        | ("hydra.utils", "get_class" | "get_method" | "get_object")
        | ("traitlets.utils.importstring" | "traitlets", "import_item")
        | ("werkzeug.utils", "import_string")
        | ("django.utils.module_loading", "import_string") => Function::Resolve,
        ("dill._dill" | "dill.dill", "_get_attr") => Function::Getattr,
        ("dill._dill" | "dill.dill", "_getattr") => Function::Descriptor,
        (_, path) if module.ends_with("cloudpickle") || module.ends_with("cloudpickle_fast") => {
            cloudpickle(path)
        }
        // (object, name): the value that another parameter holds is set where there is none.
        ("optparse", "Values.ensure_value") | ("argparse", "_ensure_value") => Function::Getattr,
        ("numpy._core.fromnumeric" | "numpy.core.fromnumeric", path) => fromnumeric(path),
        (
            "torch.ao.quantization.fuse_modules" | "torch.quantization.fuse_modules",
            "_get_module",
        ) => Function::Walk,
        ("torch.utils.checkpoint", "_get_device_module") | ("torch", "get_device_module") => {
            Function::ModuleAttribute("torch")
        }
        ("operator" | "_operator", path) => operator(path),
        ("functools" | "_functools", "partial") => Function::Partial,
        ("functools" | "_functools", "reduce") => Function::Reduce,
        ("itertools", "starmap") => Function::Starmap,
        ("codecs" | "_codecs", "decode") => Function::Decode(Codec::Named),
        ("codecs" | "_codecs", "encode") => Function::Encode,
        ("base64", "b64decode" | "standard_b64decode" | "urlsafe_b64decode" | "decodebytes")
        | ("binascii", "a2b_base64") => Function::Decode(Codec::Base64),
        ("binascii", "unhexlify" | "a2b_hex") | ("base64", "b16decode") => {
            Function::Decode(Codec::Hex)
        }
        ("zlib" | "gzip", "decompress") => Function::Decode(Codec::Zlib),
        ("numba.core.serialize" | "numba.serialize", "_unpickle__CustomPickled")
        | ("joblib.externals.loky.cloudpickle_wrapper", "_reconstruct_wrapper") => {
            Function::LoadAt(0)
        }
        ("spacy.tokens.doc", "unpickle_doc") => Function::LoadAt(1),
        ("spacy.vocab", "unpickle_vocab") => Function::LoadAt(4),
        ("copyreg" | "copy_reg", "_reconstructor") => Function::Reconstructor,
        ("copyreg", "__newobj__" | "__newobj_ex__") => Function::NewObject,
        ("copyreg", "add_extension") => Function::AddExtension,
        ("builtins", path) => builtin(path),
        (_, path) => {
            let last = path.rsplit('.').next().unwrap_or(path);
            // Of any class: `types.ModuleType.__getattribute__`.
            if last == "__getattribute__" && path != last {
                return Function::Getattr;
            }
            if matches!(
                last,
                "load" | "loads" | "_load" | "_loads" | "_load_from_bytes" | "Unpickler"
            ) {
                Function::Load
            } else {
                Function::Other
            }
        }
    }
}

fn cloudpickle(path: &str) -> Function {
    match path {
        "_builtin_type" => Function::ModuleAttribute("types"),
        "load" | "loads" | "Unpickler" => Function::Load,
        "subimport" => Function::Import,
        _ => Function::Other,
    }
}

/// NumPy calls methods of what is no array by their names.
fn fromnumeric(path: &str) -> Function {
    match path {
        "_wrapfunc" | "_wrapit" => Function::CallMethod(1),
        "_wrapreduction" | "_wrapreduction_any_all" => Function::CallMethod(2),
        _ => Function::Other,
    }
}

fn operator(path: &str) -> Function {
    match path {
        "attrgetter" => Function::Attrgetter,
        "itemgetter" => Function::Itemgetter,
        "methodcaller" => Function::Methodcaller,
        "call" => Function::Apply,
        "getitem" | "__getitem__" => Function::Getitem,
        "add" | "__add__" | "concat" | "__concat__" | "iadd" | "__iadd__" | "iconcat" => {
            Function::Add
        }
        "mod" | "__mod__" | "imod" => Function::Modulo,
        _ => Function::Other,
    }
}

fn builtin(path: &str) -> Function {
    match path {
        "apply" => Function::Apply,
        "bytes" | "bytearray" => Function::Bytes,
        "chr" | "unichr" => Function::Chr,
        "compile" | "eval" | "exec" => Function::Source,
        "filter" => Function::Filter,
        "list" | "tuple" | "set" | "frozenset" | "iter" => Function::Sequence,
        "map" => Function::Map,
        "reversed" => Function::Reversed,
        "str" | "unicode" => Function::Str,
        "vars" => Function::Vars,
        _ => match path.split_once('.') {
            Some(("str" | "bytes" | "dict" | "list" | "tuple" | "object" | "type", method)) => {
                METHODS
                    .binary_search(&method)
                    .ok()
                    .and_then(|at| METHODS.get(at))
                    .map_or(Function::Other, |method| Function::Method(method))
            }
            _ => Function::Other,
        },
    }
}

impl Machine<'_> {
    /// What kind of function `callee` is.
    pub(super) fn function(&mut self, callee: V) -> Function {
        let Some(Node::Global(id)) = self.heap.node(callee) else { return Function::Other };
        if let Some(known) = self.functions.get(&id) {
            return *known;
        }
        let function = self.heap.name(callee).map_or(Function::Other, classify);
        self.functions.insert(id, function);
        function
    }

    /// The result of calling `function`, if it follows from the file.
    pub(super) fn evaluate(&mut self, function: Function, args: &[V]) -> Option<V> {
        let first = args.first().copied();
        let second = args.get(1).copied();
        match function {
            // How protocols without bytes spell an empty byte string.
            Function::Bytes if args.is_empty() => {
                let span = self.step.span();
                Some(self.heap.decoded_bytes(Vec::new(), span))
            }
            Function::Other | Function::Load | Function::LoadAt(_) => None,
            Function::Partial | Function::Source => None,
            Function::Attrgetter | Function::Itemgetter | Function::Methodcaller => None,
            Function::Getattr => {
                let name = self.heap.string(second?, 4096)?;
                Some(self.attribute(first?, &name, "getattr"))
            }
            Function::Import => match self.heap.string(first?, 4096) {
                Some(module) => Some(self.import_module(&module, "import_module")),
                None => Some(self.heap.push(Node::Unknown(super::heap::Mystery::ComputedModule))),
            },
            Function::CallMethod(at) => self.call_method(args, at),
            Function::Descriptor => self.descriptor(args),
            Function::ModuleAttribute(module) => self.module_attribute(module, first?),
            Function::Walk => self.walk(first?, second?, "getattr"),
            Function::Resolve => self.resolve(first?),
            Function::Vars => Some(self.attribute(first?, "__dict__", "vars")),
            Function::Getitem => self.subscript(first?, second?),
            Function::Apply => self.apply(args),
            Function::Map | Function::Starmap | Function::Filter => self.map(function, args),
            Function::Reduce => self.fold(args),
            Function::Reconstructor | Function::NewObject => {
                let empty = self.heap.tuple(&[]);
                Some(self.invoke(first?, empty, V::Absent, How::New))
            }
            Function::AddExtension => self.add_extension(args),
            Function::Method(name) => self.method(first?, name, args.get(1..)?),
            _ => self.evaluate_text(function, args),
        }
    }

    /// Functions of text, bytes and sequences.
    fn evaluate_text(&mut self, function: Function, args: &[V]) -> Option<V> {
        let first = args.first().copied()?;
        match function {
            Function::Add => self.add(first, *args.get(1)?),
            Function::Modulo => self.modulo(first, *args.get(1)?),
            Function::Chr => {
                let code = u32::try_from(self.integer(first)?).ok()?;
                let c = char::from_u32(code)?;
                Some(self.heap.decoded_text(c.to_string().into_bytes(), self.step.span()))
            }
            Function::Str => match args.len() {
                1 => self.heap.is_text(first).then_some(first),
                _ => self.decode(Codec::Named, args),
            },
            Function::Bytes => self.bytes(args),
            Function::Decode(codec) => self.decode(codec, args),
            Function::Encode => self.encode(args),
            Function::Sequence => {
                let items = self.iterate(first)?;
                Some(self.heap.tuple(&items))
            }
            Function::Reversed => {
                let mut items = self.iterate(first)?;
                items.reverse();
                Some(self.heap.tuple(&items))
            }
            _ => None,
        }
    }

    /// `module:name` or `module.name` as text, resolved to what it names.
    fn resolve(&mut self, path: V) -> Option<V> {
        let path = self.heap.string(path, 4096)?;
        let Some((module, name)) = path.split_once(':').or_else(|| path.rsplit_once('.')) else {
            return Some(self.import_module(&path, "resolve_name"));
        };
        Some(self.import(Name::new(module, name), "resolve_name"))
    }

    /// `function(*args)`, as `operator.call` has them, or Python 2's `apply` with a tuple.
    fn apply(&mut self, args: &[V]) -> Option<V> {
        let (function, rest) = args.split_first()?;
        let args = match rest {
            [only] if matches!(self.heap.node(*only), Some(Node::Tuple { .. } | Node::List(_))) => {
                self.heap.sequence(*only)?.to_vec()
            }
            _ => rest.to_vec(),
        };
        let args = self.heap.tuple(&args);
        Some(self.invoke_as(*function, args, Manner::Through("operator.call")))
    }

    /// `map`, `starmap` and `filter`: whether anything drains them or not, each call is reported.
    fn map(&mut self, function: Function, args: &[V]) -> Option<V> {
        let through = match function {
            Function::Map => "builtins.map",
            Function::Filter => "builtins.filter",
            _ => "itertools.starmap",
        };
        let (callee, sequences) = args.split_first()?;
        let columns: Option<Vec<Vec<V>>> =
            sequences.iter().map(|sequence| self.iterate(*sequence)).collect();
        let Some(columns) = columns else {
            let args = self.heap.tuple(sequences);
            self.report(*callee, args, V::Absent, Manner::Through(through));
            return None;
        };
        let rows = columns.iter().map(Vec::len).min().unwrap_or(0).min(ITEMS);
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let row: Vec<V> =
                columns.iter().filter_map(|column| column.get(row)).copied().collect();
            let args = match (function, row.first()) {
                (Function::Starmap, Some(args)) => *args,
                _ => self.heap.tuple(&row),
            };
            results.push(self.invoke_as(*callee, args, Manner::Through(through)));
        }
        Some(self.heap.tuple(&results))
    }

    /// `functools.reduce`.
    fn fold(&mut self, args: &[V]) -> Option<V> {
        let [callee, sequence, rest @ ..] = args else { return None };
        let Some(items) = self.iterate(*sequence) else {
            let args = self.heap.tuple(&[*sequence]);
            self.report(*callee, args, V::Absent, Manner::Through("functools.reduce"));
            return None;
        };
        let mut items = rest.first().copied().into_iter().chain(items.into_iter().take(ITEMS));
        let mut sum = items.next()?;
        for item in items {
            let args = self.heap.tuple(&[sum, item]);
            sum = self.invoke_as(*callee, args, Manner::Through("functools.reduce"));
        }
        Some(sum)
    }

    fn add_extension(&mut self, args: &[V]) -> Option<V> {
        let [module, name, code] = args else { return None };
        let name = Name::new(self.heap.string(*module, 4096)?, self.heap.string(*name, 4096)?);
        let code = u64::try_from(self.integer(*code)?).ok()?;
        self.extensions.insert(code, name);
        Some(V::None)
    }

    /// `base[key]`.
    pub(super) fn subscript(&mut self, base: V, key: V) -> Option<V> {
        if let Some(owner) = self.heap.name(base).cloned() {
            let key = self.heap.string(key, 4096)?;
            return self.namespace_entry(&owner, &key);
        }
        if let Some(pairs) = self.heap.pairs(base) {
            let wanted = self.heap.string(key, 255);
            let (pairs, _) = pairs.as_chunks::<2>();
            let found = pairs.iter().rev().take(4096).find(|[candidate, _]| match &wanted {
                Some(wanted) => self.heap.string(*candidate, 255).as_ref() == Some(wanted),
                None => *candidate == key,
            });
            return found.map(|[_, value]| *value);
        }
        if self.is_reversal(key) {
            let text = self.heap.string(base, LONGEST)?;
            let text: String = text.chars().rev().collect();
            return Some(self.heap.decoded_text(text.into_bytes(), self.step.span()));
        }
        let items = self.iterate(base)?;
        let at = self.integer(key)?;
        let at = if at < 0 { at.checked_add(i64::try_from(items.len()).ok()?)? } else { at };
        items.get(usize::try_from(at).ok()?).copied()
    }

    /// An entry of a namespace that has a name: `sys.modules`, a module's or class's `__dict__`,
    /// `__builtins__`, a function's `__globals__`.
    fn namespace_entry(&mut self, owner: &Name, key: &str) -> Option<V> {
        let path = owner.name.as_str();
        if path == "modules" && owner.module == "sys" {
            return Some(self.import_module(key, "sys.modules"));
        }
        let last = path.rsplit('.').next().unwrap_or(path);
        let name = match last {
            "__dict__" => {
                let outer = path.strip_suffix("__dict__").unwrap_or(path);
                Name::new(owner.module.clone(), format!("{outer}{key}"))
            }
            "__builtins__" => Name::new("builtins", key),
            "__globals__" | "f_globals" => Name::new(owner.module.clone(), key),
            _ => return None,
        };
        Some(self.import(name, "subscript"))
    }

    /// `slice(None, None, -1)`.
    fn is_reversal(&self, key: V) -> bool {
        let Some(Node::Call(at)) = self.heap.node(key) else { return false };
        let Some(call) = self.heap.call(at) else { return false };
        let slice = self.heap.name(call.callee).is_some_and(|name| name.name == "slice");
        slice && self.heap.sequence(call.args) == Some(&[V::None, V::None, V::Int(-1)])
    }

    /// A method of a value.
    pub(super) fn method(&mut self, base: V, name: &str, args: &[V]) -> Option<V> {
        let first = args.first().copied();
        match name {
            "get" | "__getitem__" | "pop" | "setdefault" => self.subscript(base, first?),
            "__getattribute__" => {
                let name = self.heap.string(first?, 4096)?;
                Some(self.attribute(base, &name, "__getattribute__"))
            }
            "__call__" => {
                let args = self.heap.tuple(args);
                Some(self.invoke_as(base, args, Manner::Through("__call__")))
            }
            "__add__" => self.add(base, first?),
            "__mod__" => self.modulo(base, first?),
            "join" => self.join(base, first?),
            "decode" => {
                let all: Vec<V> = std::iter::once(base).chain(args.iter().copied()).collect();
                self.decode(Codec::Named, &all)
            }
            "encode" => {
                let all: Vec<V> = std::iter::once(base).chain(args.iter().copied()).collect();
                self.encode(&all)
            }
            "fromhex" => self.decode(Codec::Hex, if args.is_empty() { &[] } else { args }),
            "format" => self.format(base, args),
            _ => self.text_method(base, name, args),
        }
    }

    fn text_method(&mut self, base: V, name: &str, args: &[V]) -> Option<V> {
        let text = self.heap.string(base, LONGEST)?;
        let mut words = Vec::new();
        for arg in args {
            words.push(self.heap.string(*arg, LONGEST)?);
        }
        let set = words.first().map(|word| word.chars().collect::<Vec<char>>());
        let strip = |c: char| set.as_ref().map_or(c.is_whitespace(), |set| set.contains(&c));
        let result = match (name, words.as_slice()) {
            ("lower" | "casefold", []) => text.to_lowercase(),
            ("upper", []) => text.to_uppercase(),
            ("swapcase", []) => text.chars().map(swap_case).collect(),
            ("capitalize" | "title", []) => capitalize(&text),
            ("strip", _) => text.trim_matches(strip).to_owned(),
            ("lstrip", _) => text.trim_start_matches(strip).to_owned(),
            ("rstrip", _) => text.trim_end_matches(strip).to_owned(),
            ("removeprefix", [word]) => {
                text.strip_prefix(word.as_str()).unwrap_or(&text).to_owned()
            }
            ("removesuffix", [word]) => {
                text.strip_suffix(word.as_str()).unwrap_or(&text).to_owned()
            }
            ("replace", [from, to]) if to.len().saturating_mul(text.len()) <= LONGEST => {
                text.replace(from.as_str(), to)
            }
            _ => return None,
        };
        Some(self.heap.decoded_text(result.into_bytes(), self.step.span()))
    }

    /// The items of a sequence, or the characters of text, or the numbers of bytes.
    fn iterate(&mut self, value: V) -> Option<Vec<V>> {
        if self.heap.is_text(value) {
            let text = self.heap.string(value, 4096)?;
            let span = self.step.span();
            return Some(
                text.chars().map(|c| self.heap.decoded_text(c.to_string().into(), span)).collect(),
            );
        }
        if self.heap.is_bytes(value) {
            let (content, len) = self.heap.content(value, 4096)?;
            let whole = to_u64(content.len()) == len;
            return whole.then(|| content.iter().map(|byte| V::Int(i32::from(*byte))).collect());
        }
        if let Some(Node::Dict(_)) = self.heap.node(value) {
            let (pairs, _) = self.heap.pairs(value)?.as_chunks::<2>();
            return Some(pairs.iter().take(4096).map(|[key, _]| *key).collect());
        }
        Some(self.heap.sequence(value)?.iter().copied().take(4096).collect())
    }

    pub(super) fn integer(&self, value: V) -> Option<i64> {
        match (value, self.heap.node(value)) {
            (V::Int(number), _) => Some(i64::from(number)),
            (V::True, _) => Some(1),
            (V::False, _) => Some(0),
            (_, Some(Node::Int(number))) => Some(number),
            _ => None,
        }
    }

    fn content(&self, value: V) -> Option<Vec<u8>> {
        let (content, len) = self.heap.content(value, LONGEST)?;
        (len <= to_u64(LONGEST)).then(|| content.into_owned())
    }

    fn add(&mut self, left: V, right: V) -> Option<V> {
        let span = self.step.span();
        if self.heap.is_text(left) && self.heap.is_text(right)
            || self.heap.is_bytes(left) && self.heap.is_bytes(right)
        {
            let mut sum = self.content(left)?;
            sum.extend(self.content(right)?);
            let text = self.heap.is_text(left);
            return (sum.len() <= LONGEST).then(|| {
                if text {
                    self.heap.decoded_text(sum, span)
                } else {
                    self.heap.decoded_bytes(sum, span)
                }
            });
        }
        if let (Some(left), Some(right)) = (self.integer(left), self.integer(right)) {
            let sum = i32::try_from(left.checked_add(right)?).ok()?;
            return Some(V::Int(sum));
        }
        let mut items = self.heap.sequence(left)?.to_vec();
        items.extend_from_slice(self.heap.sequence(right)?);
        (items.len() <= LONGEST).then(|| self.heap.tuple(&items))
    }

    fn join(&mut self, separator: V, sequence: V) -> Option<V> {
        let glue = self.content(separator)?;
        let mut joined = Vec::new();
        for (at, item) in self.iterate(sequence)?.into_iter().enumerate() {
            if at > 0 {
                joined.extend_from_slice(&glue);
            }
            joined.extend(self.content(item)?);
            if joined.len() > LONGEST {
                return None;
            }
        }
        let span = self.step.span();
        Some(if self.heap.is_text(separator) {
            self.heap.decoded_text(joined, span)
        } else {
            self.heap.decoded_bytes(joined, span)
        })
    }

    /// `format % args` with `%s` and `%%` only.
    fn modulo(&mut self, format: V, args: V) -> Option<V> {
        let format = self.heap.string(format, LONGEST)?;
        let items = match self.heap.node(args) {
            Some(Node::Tuple { .. }) => self.heap.sequence(args)?.to_vec(),
            _ => vec![args],
        };
        let mut items = items.into_iter();
        let mut parts = format.split('%');
        let mut result = parts.next()?.to_owned();
        while let Some(part) = parts.next() {
            if part.is_empty() {
                result.push('%');
                result.push_str(parts.next().unwrap_or_default());
            } else {
                let rest = part.strip_prefix('s')?;
                result.push_str(&self.shown(items.next()?)?);
                result.push_str(rest);
            }
        }
        self.computed(result)
    }

    /// `format.format(*args)` with `{}` and `{0}` only; an attribute walk in it is reported by its
    /// literal text, and has no result.
    fn format(&mut self, format: V, args: &[V]) -> Option<V> {
        let format = self.heap.string(format, LONGEST)?;
        let mut result = String::new();
        let mut rest = format.as_str();
        let mut next = 0_usize;
        while let Some((before, after)) = rest.split_once('{') {
            let (field, tail) = after.split_once('}')?;
            let at = if field.is_empty() { next } else { field.parse().ok()? };
            next = next.saturating_add(1);
            result.push_str(before);
            result.push_str(&self.shown(*args.get(at)?)?);
            rest = tail;
        }
        result.push_str(rest);
        self.computed(result)
    }

    fn shown(&self, value: V) -> Option<String> {
        match self.integer(value) {
            Some(number) => Some(number.to_string()),
            None => self.heap.string(value, LONGEST),
        }
    }

    fn computed(&mut self, text: String) -> Option<V> {
        let span = self.step.span();
        (text.len() <= LONGEST).then(|| self.heap.decoded_text(text.into_bytes(), span))
    }

    fn bytes(&mut self, args: &[V]) -> Option<V> {
        match args {
            [only] if self.heap.is_bytes(*only) => Some(*only),
            [only] if !self.heap.is_text(*only) => {
                let items = self.iterate(*only)?;
                let bytes: Option<Vec<u8>> =
                    items.iter().map(|item| u8::try_from(self.integer(*item)?).ok()).collect();
                Some(self.heap.decoded_bytes(bytes?, self.step.span()))
            }
            [] => Some(self.heap.decoded_bytes(Vec::new(), self.step.span())),
            _ => self.encode(args),
        }
    }

    /// Text as bytes: Latin-1 (how protocols 0 to 2 store bytes), UTF-8, ASCII, rot13.
    fn encode(&mut self, args: &[V]) -> Option<V> {
        let text = self.heap.string(*args.first()?, LONGEST)?;
        let codec = self.codec_name(args.get(1).copied());
        let span = self.step.span();
        match codec.as_str() {
            "latin1" | "iso88591" | "l1" => {
                let bytes: Option<Vec<u8>> =
                    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                let value = self.heap.decoded_bytes(bytes?, span);
                self.keep_inside(value, span);
                Some(value)
            }
            "utf8" | "ascii" | "usascii" => Some(self.heap.decoded_bytes(text.into_bytes(), span)),
            "rot13" => self.computed(text.chars().map(rot13).collect()),
            _ => None,
        }
    }

    fn codec_name(&self, codec: Option<V>) -> String {
        let name = codec.and_then(|codec| self.heap.string(codec, 32)).unwrap_or("utf-8".into());
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    }

    fn decode(&mut self, codec: Codec, args: &[V]) -> Option<V> {
        let content = self.content(*args.first()?)?;
        let span = self.step.span();
        let bytes = match codec {
            Codec::Base64 => unbase64(&content)?,
            Codec::Hex => unhex(&content)?,
            Codec::Zlib => inflate(&content)?,
            Codec::Named => match self.codec_name(args.get(1).copied()).as_str() {
                "base64" | "base64codec" => unbase64(&content)?,
                "hex" | "hexcodec" => unhex(&content)?,
                "zlib" | "zlibcodec" | "zip" => inflate(&content)?,
                "rot13" => {
                    let text = String::from_utf8(content).ok()?;
                    return self.computed(text.chars().map(rot13).collect());
                }
                "utf8" | "ascii" | "usascii" => {
                    return self.computed(String::from_utf8(content).ok()?);
                }
                "latin1" | "iso88591" | "l1" => {
                    return self.computed(content.into_iter().map(char::from).collect());
                }
                _ => return None,
            },
        };
        let spent = to_u64(bytes.len());
        if bytes.len() > to_usize(1 << 26)
            || self.budget.spend_expansion(spent, span.start).is_err()
        {
            return None;
        }
        Some(self.heap.decoded_bytes(bytes, span))
    }
}

fn swap_case(c: char) -> char {
    if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars.map(|c| c.to_ascii_lowercase())).collect()
}

fn rot13(c: char) -> char {
    let turned = |c: char, first: u8| {
        let at = u32::from(c).wrapping_sub(u32::from(first)).wrapping_add(13) % 26;
        char::from_u32(u32::from(first).wrapping_add(at)).unwrap_or(c)
    };
    match c {
        'a'..='z' => turned(c, b'a'),
        'A'..='Z' => turned(c, b'A'),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_sorted() {
        assert!(METHODS.is_sorted());
    }

    #[test]
    fn rot13_turns_letters_only() {
        assert_eq!("bf.flfgrz!".chars().map(rot13).collect::<String>(), "os.system!");
    }
}
