//! A graph with its library of functions: every node is counted by its operator, and those that reach
//! out are told with what their inputs are.
//!
//! Of a node only its place, its operator and its inputs are kept: a graph may have millions.

use super::node::{self, NAME, Node};
use super::nodes::{CONTROL, Link, Nodes};
use super::told::Class;
use super::value::{self, Constant};
use super::{Place, Sink, table};
use crate::protobuf::{Field, Message, Wire};
use crate::tally::Tally;
use davy_artifact::{Fact, Role, Route, Site, Tensor, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span};
use std::collections::HashMap;

/// Constants of at least this many bytes are told, and are read for what else they could be.
const LARGE: u64 = 1024;
/// So many of them.
const CONSTANTS: u64 = 4096;
/// `DT_RESOURCE`.
const RESOURCE: i64 = 20;

/// A function of the library.
#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    pub(super) name: String,
    /// Its arguments, in order.
    pub(super) arguments: Vec<String>,
    /// Of each, whether it is a handle to a variable or the like, and no data.
    pub(super) resources: Vec<bool>,
    /// What it returns: the name of each output, in order, and the tensor that it is.
    pub(super) outputs: Vec<String>,
    pub(super) returns: Vec<(String, String)>,
    pub(super) span: Span,
    pub(super) nodes: u64,
}

/// The tensors that the signatures of a graph name.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Those that it gives.
    pub(super) outputs: Vec<String>,
    /// All of them, and where they are named.
    pub(super) all: Vec<(String, Span)>,
}

/// A node that calls a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Index of the function.
    pub(super) callee: usize,
    /// Where the node is.
    pub(super) scope: usize,
    pub(super) node: u32,
    /// Which of the functions that the node calls.
    pub(super) order: usize,
}

/// A graph, its library, and the index to both. Scope 0 is the graph, scope `n` the function with
/// index `n - 1`.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) wire: Wire,
    pub(super) bytes: Bytes,
    pub(super) functions: Vec<Function>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) callers: Vec<Caller>,
    /// Names of tensors that are paths of the model's own files.
    pub(super) assets: HashMap<String, String>,
    pub(super) nodes: Nodes,
    /// How many nodes stand in no function.
    pub(super) outer: u64,
    /// Nodes that are told with their inputs.
    pub(super) told: Vec<u32>,
    /// Nodes that keep a value in what is one of their inputs.
    pub(super) keeping: Vec<u32>,
    constants: u64,
    /// Attributes that cannot be.
    pub(super) faults: usize,
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
            nodes: Nodes::default(),
            outer: 0,
            told: Vec::new(),
            keeping: Vec::new(),
            constants: 0,
            faults: 0,
        }
    }

    /// Reads the `GraphDef`s in `parts`, which are one graph: the libraries merge what stands twice.
    pub(super) fn read(
        &mut self,
        parts: &[Message],
        ends: &Ends,
        label: &str,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        let mut tally = Tally::default();
        let read = self.scan(parts, place, (reading, budget));
        self.callers.sort_by_key(|caller| caller.callee);
        self.nodes.resolve();
        if read.is_ok() {
            self.check(place, reading, budget);
            self.check_ends(&ends.all, place, reading);
        }
        if let Some(span) = self.nodes.cut {
            let what = "how nodes hang together, of which there are too many";
            reading.gap(place.span(span), Why::Halted(Blame::Exhausted), what);
        }
        self.nodes.count(&mut tally);
        let told = self.tell(&mut tally, place, (reading, budget));
        tally.push(reading);
        self.tell_functions(label, parts, place, reading);
        let told_ends = match ends.outputs.is_empty() {
            true => self.tell_ends(place, (reading, budget)),
            false => Ok(()),
        };
        let overrides = self.tell_overrides(&ends.outputs, place, (reading, budget));
        read.and(told).and(told_ends).and(overrides)
    }

    /// Goes over all nodes: first of the graph, then of each function.
    fn scan(
        &mut self,
        parts: &[Message],
        place: Place<'_>,
        (reading, budget): Sink<'_>,
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
                    self.outer = self.outer.saturating_add(1);
                    self.node(0, field.content(), place, (reading, budget))?;
                }
            }
        }
        for index in 0..self.functions.len() {
            self.body(index, place, (reading, budget))?;
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
                let (mut name, mut is_resource) = (String::new(), false);
                while let Some(part) = self.wire.next(&mut argument, budget)? {
                    match part.name() {
                        "name" => name = node::text(&mut self.wire, &part)?,
                        "type" => is_resource = part.int() == RESOURCE,
                        _ => {}
                    }
                }
                if list == "input_arg" {
                    function.arguments.push(name);
                    function.resources.push(is_resource);
                } else {
                    function.outputs.push(name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes over the nodes of a function.
    fn body(
        &mut self,
        index: usize,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        let Some(function) = self.functions.get(index) else { return Ok(()) };
        let scope = index.saturating_add(1);
        for (number, argument) in function.arguments.iter().enumerate() {
            self.nodes.argument(scope, argument.as_bytes(), number);
        }
        let mut message = node::message(function.span, &table::FUNCTION_DEF);
        let mut nodes = 0_u64;
        while let Some(field) = self.wire.next(&mut message, budget)? {
            if field.name() == "node_def" {
                nodes = nodes.saturating_add(1);
                self.node(scope, field.content(), place, (reading, budget))?;
            }
        }
        if let Some(function) = self.functions.get_mut(index) {
            function.nodes = nodes;
        }
        Ok(())
    }

    /// Takes a node with its inputs to the others.
    fn node(
        &mut self,
        scope: usize,
        span: Span,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        let mut message = node::message(span, &table::NODE_DEF);
        let (mut name, mut op) = (Nodes::hash(scope, b""), Span::new(span.start, 0));
        let links = self.nodes.links();
        let mut attributes = None;
        loop {
            let before = message;
            let Some(field) = self.wire.next(&mut message, budget)? else { break };
            match field.name() {
                "attr" => _ = attributes.get_or_insert(before),
                "name" => name = Nodes::hash(scope, self.wire.head(field.content(), NAME)?),
                "op" => op = field.content(),
                "input" => {
                    let (base, output) = parted(self.wire.head(field.content(), NAME)?);
                    self.nodes.link(Nodes::hash(scope, base), output, span);
                }
                _ => {}
            }
        }
        if self.nodes.memory() > budget.left().memory {
            return Err(Halt::exhausted(span.start, "the limit on memory"));
        }
        let head = self.wire.head(op, NAME)?;
        let op = str::from_utf8(head).unwrap_or("\u{fffd}");
        let (by_name, functions) = (&self.by_name, &self.functions);
        let site =
            || Site { span: place.span(span), route: Route::Node(scope_of(functions, scope)) };
        let op = self.nodes.op(op, || by_name.get(op).copied(), site);
        let number = u32::try_from(self.nodes.all().len()).unwrap_or(u32::MAX);
        self.nodes.add(name, scope, op, links, span);
        let class = self.nodes.op_of(op).map_or(Class::Plain, |op| op.class);
        if let Some(first) = attributes {
            let node = (scope, span, matches!(class, Class::Const));
            self.check_attributes(first, node, place, (reading, budget))?;
        }
        match class {
            Class::Told => {
                self.told.push(number);
                self.call(scope, number, budget)
            }
            Class::Call => self.call(scope, number, budget),
            Class::Keeps => {
                self.keeping.push(number);
                Ok(())
            }
            Class::Const if span.len >= LARGE => {
                self.constant(scope, span, place, (reading, budget))
            }
            _ => Ok(()),
        }
    }

    /// Notes which functions a node calls.
    fn call(&mut self, scope: usize, number: u32, budget: &mut Budget) -> Result<(), Halt> {
        let Some(seen) = self.nodes.get(number).copied() else { return Ok(()) };
        let called = self.nodes.op_of(seen.op).and_then(|op| op.function);
        let mut callees: Vec<usize> = called.into_iter().collect();
        let mut node = Node::read(&mut self.wire, seen.span, budget)?;
        // Their order in the file is whatever the writer made it.
        node.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, attribute) in &node.attributes {
            for name in value::functions(&mut self.wire, *attribute, budget)? {
                callees.extend(self.by_name.get(&name).copied());
            }
        }
        let callers = callees.into_iter().enumerate();
        let callers = callers.map(|(order, callee)| Caller { callee, scope, node: number, order });
        self.callers.extend(callers);
        Ok(())
    }

    /// Tells of a large constant, and compares its shape with its bytes.
    fn constant(
        &mut self,
        scope: usize,
        span: Span,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
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
}

/// The node that an input names, without the number of its output and the sign of control, and the
/// number of the output.
fn parted(input: &[u8]) -> (&[u8], u32) {
    if let Some(name) = input.strip_prefix(b"^") {
        return (name, CONTROL);
    }
    let name = input.split(|byte| *byte == b':').next().unwrap_or(input);
    let last = input.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    let number = str::from_utf8(last).ok().filter(|_| name.len() < input.len());
    (name, number.and_then(|number| number.parse().ok()).unwrap_or(0))
}

/// What an input in a graph or function leads to.
pub(super) fn link(scope: usize, input: &str) -> Link {
    let (name, output) = parted(input.as_bytes());
    Link::new(Nodes::hash(scope, name), output)
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
