//! Goes through the graphs of a model, those inside nodes and functions included: each once, from a
//! list, so that no depth of nesting matters.

use super::blocks::Blocks;
use super::external::Files;
use super::names::{ABSENT, Mention, Names, key};
use super::node::NodeRecord;
use super::operators::Operators;
use super::tensor::{NAME, TensorRecord};
use super::types::text;
use super::{Sink, tables};
use crate::graph::{Body, Class, Constant, Graph, NodeId, ValueId};
use crate::protobuf::{Field, Message, NESTING, Wire};
use davy_artifact::{Quirk, Reading, Role, Route};
use davy_bytes::{Budget, Bytes, Halt, Span};
use std::collections::HashMap;

/// Longest label of a graph: names of nodes with nodes around them.
const LABEL: usize = 200;

/// Nodes whose operator is told one by one.
const TOLD: usize = 4096;

/// Unknown fields that are told.
const UNKNOWN: u64 = 256;

/// What a graph is there for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Join {
    /// The first or second branch of a choice.
    Branch(NodeId, bool),
    /// The body of a function.
    Function(u32),
    /// Run by a node again and again.
    Inside(NodeId),
    /// The body of a loop, which takes its number and condition before everything else.
    Loop(NodeId),
    /// The model's graph.
    Main,
    /// Nothing that using the model runs.
    Training,
}

/// A graph that waits.
#[derive(Debug)]
pub(super) struct Pending {
    /// The messages that it is merged from.
    pub(super) parts: Vec<Message>,
    /// Its name among the graphs of the model.
    pub(super) label: String,
    pub(super) join: Join,
}

/// What is next.
enum Step {
    Enter(Pending),
    /// The names of a graph end.
    Leave(usize),
}

/// Everything that is known while a model is read.
pub(super) struct Walker<'a> {
    pub(super) bytes: &'a Bytes,
    pub(super) wire: Wire,
    pub(super) reading: &'a mut Reading,
    pub(super) budget: &'a mut Budget,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) names: Names,
    pub(super) graph: Graph,
    pub(super) operators: Operators,
    pub(super) files: Files,
    /// Bodies of functions, which are in a graph of their own.
    pub(super) bodies: HashMap<u32, Body>,
    /// Nodes whose operator is told one by one, with the label of their graph.
    pub(super) told: Vec<(NodeId, String)>,
    /// Results of the first branch of choices.
    branches: HashMap<NodeId, (bool, Vec<ValueId>)>,
    steps: Vec<Step>,
    scopes: u32,
    unknown: u64,
    is_deep: bool,
}

/// What gives a value to a graph from outside of its nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    pub(super) is_initializer: bool,
    pub(super) is_input: bool,
}

/// A graph that is being read.
pub(super) struct Open {
    pub(super) home: u32,
    pub(super) label: String,
    pub(super) join: Join,
    pub(super) inputs: Vec<ValueId>,
    /// Names of what it makes, and where they stand.
    pub(super) outputs: Vec<Span>,
    pub(super) first: usize,
    /// Values that are inputs, initializers, or both.
    pub(super) given: HashMap<ValueId, Given>,
    /// Nodes whose attributes say how large their tensors are.
    pub(super) blocks: Vec<Blocks>,
    children: Vec<Pending>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        bytes: &'a Bytes,
        reading: &'a mut Reading,
        budget: &'a mut Budget,
        sink: &'a mut dyn Sink,
    ) -> Result<Self, Halt> {
        let mut walker = Self {
            bytes,
            wire: Wire::new(bytes),
            reading,
            budget,
            sink,
            names: Names::default(),
            graph: Graph::default(),
            operators: Operators::default(),
            files: Files::default(),
            bodies: HashMap::new(),
            told: Vec::new(),
            branches: HashMap::new(),
            steps: Vec::new(),
            scopes: 0,
            unknown: 0,
            is_deep: false,
        };
        walker.reset()?;
        Ok(walker)
    }

    /// Starts with an empty graph, and returns the one that was read.
    pub(super) fn reset(&mut self) -> Result<Graph, Halt> {
        let graph = std::mem::take(&mut self.graph);
        self.names = Names::default();
        self.names.anonymous(0, &mut self.graph)?;
        self.graph.set_constant(ABSENT, Constant::default());
        Ok(graph)
    }

    /// Reads a graph and all graphs in it. `after` are read when its names are still known.
    pub(super) fn run(&mut self, root: Pending, after: Vec<Pending>) -> Result<(), Halt> {
        let mark = self.names.enter();
        self.steps.push(Step::Leave(mark));
        self.steps.extend(after.into_iter().rev().map(Step::Enter));
        self.steps.push(Step::Enter(root));
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Enter(pending) => self.enter(pending)?,
                Step::Leave(mark) => self.names.leave(mark),
            }
        }
        Ok(())
    }

    fn enter(&mut self, pending: Pending) -> Result<(), Halt> {
        let Pending { parts, label, join } = pending;
        self.scopes = self.scopes.saturating_add(1);
        let mut open = Open {
            home: self.scopes,
            label,
            join,
            inputs: Vec::new(),
            outputs: Vec::new(),
            first: self.graph.nodes().len(),
            given: HashMap::new(),
            blocks: Vec::new(),
            children: Vec::new(),
        };
        // The model's own names stay known to the graphs that train it.
        if !matches!(open.join, Join::Main) {
            self.steps.push(Step::Leave(self.names.enter()));
        }
        self.sink.graph(&open.label);
        let mut node = NodeRecord::default();
        for mut part in parts {
            self.check_depth(&part);
            while let Some(field) = self.wire.next(&mut part, self.budget)? {
                self.field(&part, &field, &mut open, &mut node)?;
            }
        }
        let outputs = self.results(&open)?;
        self.check(&open)?;
        self.join(&open, &outputs)?;
        self.steps.extend(open.children.into_iter().rev().map(Step::Enter));
        Ok(())
    }

    fn check_depth(&mut self, message: &Message) {
        if message.depth > NESTING && !self.is_deep {
            self.is_deep = true;
            let what = format!(
                "a graph {} messages deep: libraries refuse more than {NESTING}, unless they are \
                 told not to",
                message.depth
            );
            let span = Span::between(message.at, message.end);
            self.reading.deviation(Quirk::LoadersDisagree, span, Route::None, &what);
        }
    }

    /// A field of a graph or function.
    fn field(
        &mut self,
        message: &Message,
        field: &Field,
        open: &mut Open,
        node: &mut NodeRecord,
    ) -> Result<(), Halt> {
        let span = field.content();
        let is_function = matches!(open.join, Join::Function(_));
        match field.name() {
            "node" => self.node(message.inside(span, &tables::NODE), open, node)?,
            "input" if is_function => self.input(span, open)?,
            "output" if is_function => open.outputs.push(span),
            "input" | "output" => {
                self.value_info(message.inside(span, &tables::VALUE_INFO), field, open)?
            }
            "initializer" => {
                self.initializer(message.inside(span, &tables::TENSOR), open)?;
            }
            "sparse_initializer" => {
                let sparse = message.inside(span, &tables::SPARSE_TENSOR);
                self.sparse_initializer(sparse, open)?;
            }
            "attribute_proto" => {
                self.default(message.inside(span, &tables::ATTRIBUTE), open, node)?
            }
            "doc_string" => self.payload(&format!("{}.doc_string", open.label), span),
            "metadata_props" => {
                let entry = message.inside(span, &tables::STRING_STRING_ENTRY);
                self.metadata(entry, &open.label)?;
            }
            "" => self.unknown(message, field),
            _ => {}
        }
        self.check_memory(field.span.start)
    }

    fn check_memory(&mut self, at: u64) -> Result<(), Halt> {
        let nodes = davy_bytes::to_u64(self.graph.nodes().len()).saturating_mul(64);
        if self.names.memory().saturating_add(nodes) > self.budget.left().memory {
            return Err(Halt::exhausted(at, "the limit on memory"));
        }
        Ok(())
    }

    /// Records a field that ONNX does not define, which loaders pass over; a file hides in it as
    /// well as anything else.
    pub(super) fn unknown(&mut self, message: &Message, field: &Field) {
        self.stranger(message.table.name, field.number, field.span, field.content());
    }

    pub(super) fn stranger(&mut self, owner: &str, number: u32, span: Span, content: Span) {
        self.unknown = self.unknown.saturating_add(1);
        if self.unknown > UNKNOWN {
            return;
        }
        let what =
            format!("field {number} of {owner}, which ONNX does not define: {} bytes", span.len);
        self.reading.deviation(Quirk::BytesBetween, span, Route::None, &what);
        if content.len > 0 {
            let name = format!("field {number} of {owner} at {:#x}", span.start);
            self.reading.child(name, self.bytes.slice(content), Role::Storage);
        }
    }

    /// What a name stands for here.
    fn mention(&mut self, span: Span, home: u32) -> Result<ValueId, Halt> {
        if span.len == 0 {
            return Ok(ABSENT);
        }
        let key = key(self.wire.head(span, usize::MAX)?);
        self.names.mention(Mention { key, span, home }, &mut self.graph)
    }

    /// Makes a name known, and records where it is known already.
    pub(super) fn define(
        &mut self,
        span: Span,
        open: &Open,
        producer: Option<u32>,
    ) -> Result<(ValueId, bool), Halt> {
        if span.len == 0 {
            return Ok((self.names.anonymous(open.home, &mut self.graph)?, false));
        }
        let key = key(self.wire.head(span, usize::MAX)?);
        self.names.define(Mention { key, span, home: open.home }, producer, &mut self.graph)
    }

    fn input(&mut self, span: Span, open: &mut Open) -> Result<(), Halt> {
        let (value, _) = self.define(span, open, None)?;
        open.inputs.push(value);
        Ok(())
    }

    pub(super) fn duplicate(&mut self, span: Span, place: Span, open: &Open) -> Result<(), Halt> {
        let name = text(&mut self.wire, span, NAME)?;
        let what = format!("the value `{name}` is made twice in `{}`", open.label);
        let route = Route::Node(open.label.clone());
        self.reading.deviation(Quirk::DuplicateName, place, route, &what);
        Ok(())
    }

    fn node(
        &mut self,
        message: Message,
        open: &mut Open,
        node: &mut NodeRecord,
    ) -> Result<(), Halt> {
        node.read(&mut self.wire, message, self.budget)?;
        let span = node.span;
        let domain = self.wire.head(node.domain, NAME)?.to_vec();
        let name = self.wire.head(node.op_type, NAME)?.to_vec();
        let full = || Halt::exhausted(span.start, "the limit on nodes and values");
        let operator = self.operators.count(&domain, &name, span).ok_or_else(full)?;
        let index = u32::try_from(self.graph.nodes().len()).map_err(|_| full())?;
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            inputs.push(self.mention(*input, open.home)?);
        }
        let mut outputs = Vec::with_capacity(node.outputs.len());
        for output in &node.outputs {
            let (value, twice) = self.define(*output, open, Some(index))?;
            if twice {
                self.duplicate(*output, span, open)?;
            }
            outputs.push(value);
        }
        let (class, told) = match self.operators.get(operator) {
            // Its bounds are inputs since operator set 11.
            Some(used) if inputs.len() == 3 && name == b"Clip" => (Class::Step, used.told),
            Some(used) => (used.class, used.told),
            None => (Class::Other, false),
        };
        let id = self.graph.node(class, operator, span, &inputs, &outputs).ok_or_else(full)?;
        if told && self.told.len() < TOLD {
            self.told.push((id, open.label.clone()));
        }
        if !(node.attributes.is_empty() && node.unknown.is_empty() && node.payloads.is_empty()) {
            self.attributes(node, id, &name, open)?;
        }
        self.sink.node(&open.label, node, &mut self.wire)
    }

    /// The graphs in a node wait until all names around it are known.
    pub(super) fn wait(&mut self, open: &mut Open, message: Message, name: &str, join: Join) {
        let mut label = format!("{}/{name}", open.label);
        if label.len() > LABEL {
            let cut = label.char_indices().rev().nth(LABEL >> 1).map_or(0, |(index, _)| index);
            label.replace_range(..cut, "…");
        }
        open.children.push(Pending { parts: vec![message], label, join });
    }

    /// What the graph makes.
    fn results(&mut self, open: &Open) -> Result<Vec<ValueId>, Halt> {
        let mut outputs = Vec::with_capacity(open.outputs.len());
        for span in &open.outputs {
            let value = self.mention(*span, open.home)?;
            if !self.names.named(value).is_some_and(|named| named.is_defined) && value != ABSENT {
                let name = text(&mut self.wire, *span, NAME)?;
                let what = format!("nothing makes the output `{name}` of `{}`", open.label);
                let route = Route::Node(open.label.clone());
                self.reading.deviation(Quirk::Missing, *span, route, &what);
            }
            outputs.push(value);
        }
        Ok(outputs)
    }

    /// Joins a graph to what runs it, so that data can be followed through both.
    fn join(&mut self, open: &Open, outputs: &[ValueId]) -> Result<(), Halt> {
        let full = || Halt::exhausted(0, "the limit on nodes and values");
        match open.join {
            Join::Main => {
                open.inputs.iter().for_each(|value| self.graph.set_input(*value));
                outputs.iter().for_each(|value| self.graph.set_output(*value));
                Some(())
            }
            Join::Function(index) => {
                let nodes = open.first..self.graph.nodes().len();
                let body = Body { nodes, inputs: open.inputs.clone(), outputs: outputs.to_vec() };
                self.bodies.insert(index, body);
                Some(())
            }
            Join::Branch(node, first) => self.join_branch(node, first, outputs),
            Join::Inside(node) => self.join_body(node, open, outputs, 0),
            Join::Loop(node) => self.join_body(node, open, outputs, 1),
            Join::Training => Some(()),
        }
        .ok_or_else(full)
    }

    fn join_branch(&mut self, node: NodeId, first: bool, outputs: &[ValueId]) -> Option<()> {
        let Some((other_first, other)) = self.branches.remove(&node) else {
            self.branches.insert(node, (first, outputs.to_vec()));
            return Some(());
        };
        let choice = *self.graph.get(node)?;
        let condition = self.graph.inputs_of(&choice).first().copied().unwrap_or(ABSENT);
        let results = self.graph.outputs_of(&choice).to_vec();
        for (index, result) in results.into_iter().enumerate() {
            let pick = |values: &[ValueId]| values.get(index).copied().unwrap_or(ABSENT);
            let (mut yes, mut no) = (pick(outputs), pick(&other));
            if other_first {
                (yes, no) = (no, yes);
            }
            let inputs = [condition, yes, no];
            self.graph.node(Class::Select, choice.operator, choice.span, &inputs, &[result])?;
        }
        self.graph.reclass(node, Class::Replaced);
        Some(())
    }

    /// A body that runs again and again: what it makes goes in again, which is left out here. A
    /// loop's body has one result more in front than the loop: whether to go on.
    fn join_body(
        &mut self,
        node: NodeId,
        open: &Open,
        outputs: &[ValueId],
        ahead: usize,
    ) -> Option<()> {
        let run = *self.graph.get(node)?;
        let outer = self.graph.inputs_of(&run).to_vec();
        let results = self.graph.outputs_of(&run).to_vec();
        for (inner, outer) in open.inputs.iter().zip(&outer) {
            if outer != inner {
                self.graph.node(Class::Other, run.operator, run.span, &[*outer], &[*inner])?;
            }
        }
        if let [number, _, carried @ ..] = open.inputs.as_slice()
            && ahead > 0
        {
            self.graph.set_turn(*number);
            let others = carried.iter().zip(outputs.iter().skip(ahead));
            let turns = others.filter(|(inner, made)| inner != made);
            turns.for_each(|(inner, _)| self.graph.set_turn(*inner));
        }
        let stays =
            outer.iter().skip(ahead.saturating_mul(2)).map(Some).chain(std::iter::repeat(None));
        for ((result, made), stays) in results.iter().zip(outputs.iter().skip(ahead)).zip(stays) {
            let Some(stays) = stays.filter(|_| ahead > 0) else {
                self.graph.node(Class::Other, run.operator, run.span, &[*made], &[*result])?;
                continue;
            };
            // How often it runs, and whether it starts: a loop of one turn is a choice.
            let mut made = *made;
            for condition in outer.iter().take(2).filter(|it| **it != ABSENT) {
                let chosen = self.names.anonymous(open.home, &mut self.graph).ok()?;
                let three = [*condition, made, *stays];
                self.graph.node(Class::Select, run.operator, run.span, &three, &[chosen])?;
                made = chosen;
            }
            let inputs = [made, *stays];
            let is_choice = outer.iter().take(2).any(|it| *it != ABSENT);
            let inputs = inputs.get(..if is_choice { 1 } else { 2 }).unwrap_or_default();
            self.graph.node(Class::Other, run.operator, run.span, inputs, &[*result])?;
        }
        self.graph.reclass(node, Class::Replaced);
        Some(())
    }

    /// Reads a tensor, records how it contradicts itself, and makes its elements an artifact.
    pub(super) fn tensor(&mut self, message: Message, place: &str) -> Result<TensorRecord, Halt> {
        self.check_depth(&message);
        let tensor = TensorRecord::read(&mut self.wire, message, self.budget)?;
        let name = tensor.name(&mut self.wire)?;
        let label = if name.is_empty() { place.to_owned() } else { name };
        super::content::record(self, &tensor, &label);
        self.sink.tensor(place, &tensor, &mut self.wire)?;
        Ok(tensor)
    }
}
