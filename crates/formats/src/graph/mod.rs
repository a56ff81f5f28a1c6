//! Graphs of operators, whatever format they come from: values, the nodes that make them, and what
//! is known about both.

mod class;
mod describe;
mod flow;
mod order;
mod overrides;

pub use class::Class;
use davy_artifact::Value;
use davy_bytes::Span;
pub use describe::{constant_value, describe, list};
pub use overrides::{Override, overrides};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// A value: what a node makes, an input, or a constant. Counted from 0.
pub type ValueId = u32;

/// A node, counted from 0.
pub type NodeId = u32;

/// The value of inputs that are left out: a constant without elements.
pub const ABSENT: ValueId = 0;

/// Stands for no operator: the nodes that only join a graph to another.
pub const NO_OPERATOR: u32 = u32::MAX;

/// A node: what it does, and the values that it works on.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What it does.
    pub class: Class,
    /// Whatever the reader knows the operator by.
    pub operator: u32,
    /// Where it stands.
    pub span: Span,
    inputs: u32,
    outputs: u32,
    end: u32,
}

/// A constant value.
#[derive(Clone, Debug, Default)]
pub struct Constant {
    /// How many elements it has.
    pub elements: u64,
    /// The first of them.
    pub head: Vec<Value>,
    /// Whether it is a vector, or a matrix of a single column: a product with it is one number.
    pub is_column: bool,
}

/// Whether this is the shape of a vector, or of a matrix of a single column.
#[must_use]
pub fn is_column(dims: &[i64]) -> bool {
    matches!(dims, [rows] | [rows, 1] if *rows > 1)
}

/// The part of a graph that stands for a node elsewhere: the body of a function.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Its nodes.
    pub nodes: Range<usize>,
    /// What it works on.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub outputs: Vec<ValueId>,
}

/// A graph, with the graphs that its nodes have inside joined to it.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<ValueId>,
    values: u32,
    constants: HashMap<ValueId, Constant>,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
    turns: HashSet<ValueId>,
}

impl Graph {
    /// A new value. `None` where there are more than can be counted.
    pub fn value(&mut self) -> Option<ValueId> {
        let id = self.values;
        self.values = id.checked_add(1)?;
        Some(id)
    }

    /// How many values there are.
    #[must_use]
    pub fn values(&self) -> u32 {
        self.values
    }

    /// Adds a node. `None` where there are more than can be counted.
    pub fn node(
        &mut self,
        class: Class,
        operator: u32,
        span: Span,
        inputs: &[ValueId],
        outputs: &[ValueId],
    ) -> Option<NodeId> {
        let id = u32::try_from(self.nodes.len()).ok()?;
        let start = u32::try_from(self.edges.len()).ok()?;
        self.edges.extend_from_slice(inputs);
        let middle = u32::try_from(self.edges.len()).ok()?;
        self.edges.extend_from_slice(outputs);
        let end = u32::try_from(self.edges.len()).ok()?;
        self.nodes.push(Node { class, operator, span, inputs: start, outputs: middle, end });
        Some(id)
    }

    /// Makes a value constant.
    pub fn set_constant(&mut self, value: ValueId, constant: Constant) {
        self.constants.insert(value, constant);
    }

    /// Makes a value an input of the model.
    pub fn set_input(&mut self, value: ValueId) {
        self.inputs.push(value);
    }

    /// Makes a value an output of the model.
    pub fn set_output(&mut self, value: ValueId) {
        self.outputs.push(value);
    }

    /// Says that a value is another one each time that a loop goes round.
    pub fn set_turn(&mut self, value: ValueId) {
        self.turns.insert(value);
    }

    /// Puts a copy of `body`, which is in `library`, in the place of a node. `None` where there are
    /// more nodes or values than can be counted.
    pub fn splice(&mut self, node: NodeId, library: &Graph, body: &Body) -> Option<()> {
        let call = *self.get(node)?;
        let mut copies: HashMap<ValueId, ValueId> = HashMap::new();
        let outer = self.inputs_of(&call).to_vec();
        copies.extend(body.inputs.iter().copied().zip(outer));
        // What is left out is so everywhere.
        copies.insert(ABSENT, ABSENT);
        let results = self.outputs_of(&call).to_vec();
        for copied in library.nodes.get(body.nodes.clone()).unwrap_or_default() {
            let mut edges = [Vec::new(), Vec::new()];
            let both = [library.inputs_of(copied), library.outputs_of(copied)];
            for (ids, edges) in both.into_iter().zip(&mut edges) {
                for id in ids {
                    edges.push(self.copy_of(*id, library, &mut copies)?);
                }
            }
            let [inputs, outputs] = edges;
            self.node(copied.class, copied.operator, copied.span, &inputs, &outputs)?;
        }
        for (inside, outside) in body.outputs.iter().zip(results) {
            let inside = self.copy_of(*inside, library, &mut copies)?;
            self.node(Class::Other, NO_OPERATOR, call.span, &[inside], &[outside])?;
        }
        self.reclass(node, Class::Replaced);
        Some(())
    }

    /// The value that stands here for one of another graph.
    fn copy_of(
        &mut self,
        id: ValueId,
        library: &Graph,
        copies: &mut HashMap<ValueId, ValueId>,
    ) -> Option<ValueId> {
        if let Some(copy) = copies.get(&id) {
            return Some(*copy);
        }
        let copy = self.value()?;
        if let Some(constant) = library.constant(id) {
            self.set_constant(copy, constant.clone());
        }
        if library.is_turn(id) {
            self.set_turn(copy);
        }
        copies.insert(id, copy);
        Some(copy)
    }

    /// Gives a node another class.
    pub fn reclass(&mut self, node: NodeId, class: Class) {
        if let Some(node) = self.nodes.get_mut(davy_bytes::to_usize(u64::from(node))) {
            node.class = class;
        }
    }

    /// All nodes, in the order in which they were added.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(davy_bytes::to_usize(u64::from(node)))
    }

    /// What a node works on.
    #[must_use]
    pub fn inputs_of(&self, node: &Node) -> &[ValueId] {
        self.edges(node.inputs, node.outputs)
    }

    /// What a node makes.
    #[must_use]
    pub fn outputs_of(&self, node: &Node) -> &[ValueId] {
        self.edges(node.outputs, node.end)
    }

    fn edges(&self, start: u32, end: u32) -> &[ValueId] {
        let index = |at: u32| davy_bytes::to_usize(u64::from(at));
        self.edges.get(index(start)..index(end)).unwrap_or_default()
    }

    /// What a value is, where it is constant.
    #[must_use]
    pub fn constant(&self, value: ValueId) -> Option<&Constant> {
        self.constants.get(&value)
    }

    /// Whether a value is another one each time that a loop goes round.
    #[must_use]
    pub fn is_turn(&self, value: ValueId) -> bool {
        self.turns.contains(&value)
    }

    /// The inputs of the model.
    #[must_use]
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The outputs of the model.
    #[must_use]
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }
}
