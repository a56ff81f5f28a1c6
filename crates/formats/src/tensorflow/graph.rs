//! A graph with its library of functions: every node is counted by its operator, and those that reach
//! out are told with what their inputs are.
//!
//! Nodes are not kept: a graph may have millions. An index from the hash of each name to its place
//! lets inputs be followed later, where that is needed.

use super::node::{self, NAME, Node};
use super::told::{self, Class};
use super::value::{self, Constant};
use super::{Place, table};
use crate::protobuf::{Field, Message, Wire};
use crate::tally::Tally;
use davy_artifact::{Fact, Quirk, Reading, Role, Route, Site, Tensor};
use davy_bytes::{Budget, Bytes, Halt, Span};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Names of inputs that are compared with the names of nodes.
const LINKS: usize = 1 << 24;
/// Inputs without a node, and names that stand twice, that are recorded.
const FAULTS: usize = 16;
/// Constants of at least this many bytes are told, and are read for what else they could be.
const LARGE: u64 = 1024;
/// So many of them.
const CONSTANTS: u64 = 4096;
/// Elements that a constant of a few bytes may stand for: more do not fit in memory.
const ELEMENTS: u64 = 1 << 32;

/// A function of the library.
#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    pub(super) name: String,
    /// Its arguments, in order.
    pub(super) arguments: Vec<String>,
    /// What it returns: the name of each output, in order, and the tensor that it is.
    pub(super) outputs: Vec<String>,
    pub(super) returns: Vec<(String, String)>,
    pub(super) span: Span,
    pub(super) nodes: u64,
}

/// What a name in a graph or function stands for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Named {
    /// An argument of the function, by number.
    Argument(usize),
    /// A node, by its place.
    Node(Span),
}

/// A node that calls a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Index of the function.
    pub(super) callee: usize,
    /// Where the node is.
    pub(super) scope: usize,
    pub(super) node: Span,
}

/// A graph, its library, and the index to both. Scope 0 is the graph, scope `n` the function with
/// index `n - 1`.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) wire: Wire,
    bytes: Bytes,
    pub(super) functions: Vec<Function>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) callers: Vec<Caller>,
    /// Names of tensors that are paths of the model's own files.
    pub(super) assets: HashMap<String, String>,
    secret: RandomState,
    pub(super) index: Vec<(u64, Named)>,
    links: Vec<(u64, Span)>,
    pub(super) told: Vec<(usize, Span)>,
    pub(super) nodes: u64,
    constants: u64,
}

impl Graph {
    /// Nothing is read yet.
    pub(super) fn new(bytes: &Bytes, assets: HashMap<String, String>) -> Self {
        Self {
            wire: Wire::new(bytes),
            bytes: bytes.clone(),
            functions: Vec::new(),
            by_name: HashMap::new(),
            callers: Vec::new(),
            assets,
            secret: RandomState::new(),
            index: Vec::new(),
            links: Vec::new(),
            told: Vec::new(),
            nodes: 0,
            constants: 0,
        }
    }

    /// Reads the `GraphDef`s in `parts`, which are one graph: the libraries merge what stands twice.
    pub(super) fn read(
        &mut self,
        parts: &[Message],
        label: &str,
        place: Place<'_>,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let mut tally = Tally::default();
        let read = self.scan(parts, place, &mut tally, (reading, budget));
        self.index.sort_unstable();
        self.callers.sort_by_key(|caller| caller.callee);
        if read.is_ok() {
            self.check_links(place, reading);
        }
        let told = self.tell(&mut tally, place, (reading, budget));
        tally.push(reading);
        self.tell_functions(label, parts, place, reading);
        read.and(told)
    }

    /// Goes over all nodes: first of the graph, then of each function.
    fn scan(
        &mut self,
        parts: &[Message],
        place: Place<'_>,
        tally: &mut Tally,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        for part in parts {
            let mut part = *part;
            while let Some(field) = self.wire.next(&mut part, budget)? {
                if field.name() == "library" {
                    self.library(&part, &field, budget)?;
                }
            }
        }
        for part in parts {
            let mut part = *part;
            while let Some(field) = self.wire.next(&mut part, budget)? {
                if field.name() == "node" {
                    self.nodes = self.nodes.saturating_add(1);
                    self.node(0, field.content(), (place, tally), (reading, budget))?;
                }
            }
        }
        for index in 0..self.functions.len() {
            self.body(index, (place, tally), (reading, budget))?;
        }
        Ok(())
    }

    fn library(&mut self, part: &Message, field: &Field, budget: &mut Budget) -> Result<(), Halt> {
        let Some(table) = node::table_of(field) else { return Ok(()) };
        let mut library = part.inside(field.content(), table);
        while let Some(field) = self.wire.next(&mut library, budget)? {
            if field.name() == "function" {
                let function = self.function(&library, &field, budget)?;
                self.by_name.insert(function.name.clone(), self.functions.len());
                self.functions.push(function);
            }
        }
        Ok(())
    }

    /// Reads all about a function but its nodes.
    fn function(
        &mut self,
        library: &Message,
        field: &Field,
        budget: &mut Budget,
    ) -> Result<Function, Halt> {
        let mut function = Function { span: field.content(), ..Function::default() };
        let Some(table) = node::table_of(field) else { return Ok(function) };
        let mut message = library.inside(field.content(), table);
        while let Some(field) = self.wire.next(&mut message, budget)? {
            match (field.name(), node::table_of(&field)) {
                ("signature", Some(table)) => {
                    let mut signature = message.inside(field.content(), table);
                    while let Some(field) = self.wire.next(&mut signature, budget)? {
                        self.signature(&signature, &field, &mut function, budget)?;
                    }
                }
                ("ret", Some(table)) => {
                    let mut entry = message.inside(field.content(), table);
                    let (mut key, mut value) = (String::new(), String::new());
                    while let Some(part) = self.wire.next(&mut entry, budget)? {
                        let text = node::text(&mut self.wire, &part)?;
                        if part.name() == "key" { key = text } else { value = text }
                    }
                    function.returns.push((key, value));
                }
                _ => {}
            }
        }
        Ok(function)
    }

    fn signature(
        &mut self,
        signature: &Message,
        field: &Field,
        function: &mut Function,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        match (field.name(), node::table_of(field)) {
            ("name", _) => function.name = node::text(&mut self.wire, field)?,
            (list @ ("input_arg" | "output_arg"), Some(table)) => {
                let mut argument = signature.inside(field.content(), table);
                let mut name = String::new();
                while let Some(part) = self.wire.next(&mut argument, budget)? {
                    if part.name() == "name" {
                        name = node::text(&mut self.wire, &part)?;
                    }
                }
                let inputs = list == "input_arg";
                if inputs { &mut function.arguments } else { &mut function.outputs }.push(name);
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes over the nodes of a function.
    fn body(
        &mut self,
        index: usize,
        (place, tally): (Place<'_>, &mut Tally),
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let Some(function) = self.functions.get(index) else { return Ok(()) };
        let scope = index.saturating_add(1);
        for (number, argument) in function.arguments.iter().enumerate() {
            let hash = hash(&self.secret, scope, argument.as_bytes());
            self.index.push((hash, Named::Argument(number)));
        }
        let mut message = node::message(function.span, &table::FUNCTION_DEF);
        let mut nodes = 0_u64;
        while let Some(field) = self.wire.next(&mut message, budget)? {
            if field.name() == "node_def" {
                nodes = nodes.saturating_add(1);
                self.node(scope, field.content(), (place, tally), (reading, budget))?;
            }
        }
        if let Some(function) = self.functions.get_mut(index) {
            function.nodes = nodes;
        }
        Ok(())
    }

    /// Counts a node, and takes its name and its inputs' into the index.
    fn node(
        &mut self,
        scope: usize,
        span: Span,
        (place, tally): (Place<'_>, &mut Tally),
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let mut message = node::message(span, &table::NODE_DEF);
        let mut key = self.hash(scope, b"");
        let mut op = Span::new(span.start, 0);
        while let Some(field) = self.wire.next(&mut message, budget)? {
            match field.name() {
                "name" => {
                    let name = self.wire.head(field.content(), NAME)?;
                    key = hash(&self.secret, scope, name);
                }
                "op" => op = field.content(),
                "input" if self.links.len() < LINKS => {
                    let input = self.wire.head(field.content(), NAME)?;
                    self.links.push((hash(&self.secret, scope, base(input)), span));
                }
                _ => {}
            }
        }
        self.index.push((key, Named::Node(span)));
        let head = self.wire.head(op, NAME)?;
        let op = str::from_utf8(head).unwrap_or("\u{fffd}");
        let called = self.by_name.get(op).copied();
        let class = if called.is_some() { Class::Call } else { told::class(op) };
        if class == Class::Told {
            self.told.push((scope, span));
            return self.call(scope, span, called, budget);
        }
        let functions = &self.functions;
        let site =
            || Site { span: place.span(span), route: Route::Node(scope_of(functions, scope)) };
        tally.count("", op, site);
        match class {
            Class::Call => self.call(scope, span, called, budget)?,
            Class::Const if span.len >= LARGE => {
                self.constant(scope, span, place, (reading, budget))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes which functions a node calls.
    fn call(
        &mut self,
        scope: usize,
        span: Span,
        called: Option<usize>,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut callees: Vec<usize> = called.into_iter().collect();
        let node = Node::read(&mut self.wire, span, budget)?;
        for (_, attribute) in &node.attributes {
            for name in value::functions(&mut self.wire, *attribute, budget)? {
                callees.extend(self.by_name.get(&name).copied());
            }
        }
        let callers = callees.into_iter().map(|callee| Caller { callee, scope, node: span });
        self.callers.extend(callers);
        Ok(())
    }

    /// Tells of a large constant, and compares its shape with its bytes.
    fn constant(
        &mut self,
        scope: usize,
        span: Span,
        place: Place<'_>,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let node = Node::read(&mut self.wire, span, budget)?;
        let Some(attribute) = node.attribute("value") else { return Ok(()) };
        let mut message = node::message(attribute, &table::ATTR_VALUE);
        let mut constant = None;
        while let Some(field) = self.wire.next(&mut message, budget)? {
            if field.name() == "tensor" {
                constant = Some(Constant::read(&mut self.wire, field.content(), budget)?);
            }
        }
        let Some(constant) = constant else { return Ok(()) };
        let path = format!("{}{}", prefix(&self.functions, scope), node.name);
        check_constant(&constant, place.span(attribute), &path, reading);
        self.constants = self.constants.saturating_add(1);
        let content = constant.content.filter(|content| content.len >= LARGE);
        if let Some(content) = content.filter(|_| self.constants <= CONSTANTS) {
            let elements = super::elements(&constant.dims).unwrap_or_default();
            let tensor = Tensor {
                storage: path.clone(),
                dtype: value::type_name(constant.dtype).unwrap_or("unknown").to_owned(),
                elements,
                offset: 0,
                size: constant.dims,
                stride: vec![],
            };
            let site = Site { span: place.span(content), route: Route::Tensor(path.clone()) };
            reading.fact(Fact::Tensor { tensor, site });
            reading.child(path, self.bytes.slice(content), Role::Storage);
        }
        Ok(())
    }

    /// Records names that stand twice in a graph or function, and inputs that are nowhere: the
    /// runtime refuses the former, and old versions crash on the latter (CVE-2020-26266).
    fn check_links(&mut self, place: Place<'_>, reading: &mut Reading) {
        let pairs = self.index.windows(2).filter_map(|pair| match pair {
            [(a, _), (b, Named::Node(span))] if a == b => Some(*span),
            _ => None,
        });
        let twice: Vec<Span> = pairs.collect();
        let what = "a node with a name that another one has";
        tell_first(twice, Quirk::Repeated, what, place, reading);
        self.links.sort_unstable();
        let mut names = self.index.iter().map(|(hash, _)| *hash).peekable();
        let mut nowhere: Vec<Span> = Vec::new();
        for (hash, span) in &self.links {
            while names.next_if(|name| name < hash).is_some() {}
            if names.peek() != Some(hash) {
                nowhere.push(*span);
            }
        }
        let what = "a node with an input that no node of its graph or function has";
        tell_first(nowhere, Quirk::Missing, what, place, reading);
        self.links = Vec::new();
    }

    /// Stands for a name in a graph or function: one that nobody can make two names for.
    pub(super) fn hash(&self, scope: usize, name: &[u8]) -> u64 {
        hash(&self.secret, scope, name)
    }

    /// What has the name that a hash stands for.
    pub(super) fn find(&self, hash: u64) -> Option<Named> {
        let first = self.index.partition_point(|(other, _)| *other < hash);
        let (_, named) = self.index.get(first).filter(|(other, _)| *other == hash)?;
        Some(*named)
    }
}

/// Records the first of many breaks that are alike, in the order of the file.
fn tell_first(
    mut spans: Vec<Span>,
    quirk: Quirk,
    what: &str,
    place: Place<'_>,
    reading: &mut Reading,
) {
    spans.sort_unstable();
    spans.dedup();
    for span in spans.into_iter().take(FAULTS) {
        reading.deviation(quirk, place.span(span), Route::None, what);
    }
}

/// Compares what a constant says of itself (CVE-2022-23594).
fn check_constant(constant: &Constant, span: Span, path: &str, reading: &mut Reading) {
    let route = || Route::Tensor(path.to_owned());
    if value::type_name(constant.dtype).is_none() {
        let what = format!("element type {}", constant.dtype);
        reading.deviation(Quirk::OutOfRange, span, route(), &what);
        return;
    }
    let dims = &constant.dims;
    let Some(elements) = super::elements(dims) else {
        let what = format!("dimensions {dims:?}");
        reading.deviation(Quirk::OutOfRange, span, route(), &what);
        return;
    };
    let content = constant.content.map_or(0, |content| content.len);
    let needed = value::width(constant.dtype).and_then(|width| elements.checked_mul(width));
    if let Some(needed) = needed.filter(|needed| content > 0 && *needed != content) {
        let what = format!("dimensions {dims:?} take {needed} bytes, where there are {content}");
        reading.deviation(Quirk::SizeMismatch, span, route(), &what);
    }
    if content == 0 && elements > ELEMENTS {
        let what = format!("{elements} elements in {} bytes", span.len);
        reading.deviation(Quirk::Expansion, span, route(), &what);
    }
}

fn hash(secret: &RandomState, scope: usize, name: &[u8]) -> u64 {
    let mut hasher = secret.build_hasher();
    hasher.write_usize(scope);
    hasher.write(name);
    hasher.finish()
}

/// The node that an input names, without the number of its output and the sign of control.
pub(super) fn base(input: &[u8]) -> &[u8] {
    let name = input.strip_prefix(b"^").unwrap_or(input);
    name.split(|byte| *byte == b':').next().unwrap_or(name)
}

/// The graph or function that nodes of a scope are in.
pub(super) fn scope_of(functions: &[Function], scope: usize) -> String {
    let function = scope.checked_sub(1).and_then(|index| functions.get(index));
    function.map_or_else(|| "graph".to_owned(), |function| function.name.clone())
}

/// What stands before the names of nodes of a scope.
pub(super) fn prefix(functions: &[Function], scope: usize) -> String {
    let function = scope.checked_sub(1).and_then(|index| functions.get(index));
    function.map_or_else(String::new, |function| format!("{}/", function.name))
}
