//! The graphs of a model as one, through which data can be followed: backdoors are looked for in it.

use super::{MOST, Model, TEXT};
use crate::flatbuffers::Vector;
use crate::graph::{ABSENT, Class, Constant, Graph, NodeId, ValueId, describe, overrides};
use crate::onnx;
use davy_bytes::{Halt, Span, to_usize};
use std::collections::HashMap;

/// How a graph within a node is run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Join {
    /// It is the model's own.
    Main,
    /// The first or second branch of a choice.
    Branch(NodeId, bool),
    /// The body of a loop.
    Loop(NodeId),
    /// Run again and again otherwise.
    Inside(NodeId),
}

impl Join {
    /// How the graph in the attribute `name` of a node is run.
    pub(super) fn of(operator: &str, name: &str, node: NodeId) -> Self {
        match (operator, name) {
            ("If", "then_branch") => Self::Branch(node, true),
            ("If", _) => Self::Branch(node, false),
            ("Loop", _) => Self::Loop(node),
            _ => Self::Inside(node),
        }
    }
}

/// All graphs of a model.
#[derive(Debug, Default)]
pub(super) struct Flow {
    graph: Graph,
    /// Values by the graph that they are named in.
    names: HashMap<(usize, String), ValueId>,
    /// By graph, the one around it.
    parents: Vec<Option<usize>>,
    /// Operators and names of nodes.
    labels: Vec<String>,
    branches: HashMap<NodeId, (bool, Vec<ValueId>)>,
}

impl Flow {
    /// A graph within another.
    pub(super) fn enter(&mut self, around: Option<usize>) -> usize {
        if self.parents.is_empty() {
            self.graph.value();
            self.graph.set_constant(ABSENT, Constant::default());
        }
        self.parents.push(around);
        self.parents.len().saturating_sub(1)
    }

    /// What a name stands for in a graph; names of graphs around it are known in it.
    fn mention(&mut self, scope: usize, name: &str) -> ValueId {
        if name.is_empty() {
            return ABSENT;
        }
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some(value) = self.names.get(&(scope, name.to_owned())) {
                return *value;
            }
            at = self.parents.get(scope).copied().flatten();
        }
        self.define(scope, name)
    }

    /// The value that a graph itself has under a name.
    fn define(&mut self, scope: usize, name: &str) -> ValueId {
        if name.is_empty() {
            return self.graph.value().unwrap_or(ABSENT);
        }
        let key = (scope, name.to_owned());
        if let Some(value) = self.names.get(&key) {
            return *value;
        }
        let value = self.graph.value().unwrap_or(ABSENT);
        self.names.insert(key, value);
        value
    }

    /// A tensor that a graph has.
    pub(super) fn constant(&mut self, scope: usize, name: &str, constant: Constant) {
        let value = self.define(scope, name);
        self.graph.set_constant(value, constant);
    }

    /// The value that a node of operator `Constant` has as attribute.
    pub(super) fn made(&mut self, node: NodeId, constant: Constant) {
        let node = self.graph.get(node).copied();
        let output = node.and_then(|node| self.graph.outputs_of(&node).first().copied());
        if let Some(output) = output {
            self.graph.set_constant(output, constant);
        }
    }

    /// A cast to whole numbers, or to truths.
    pub(super) fn cast(&mut self, node: NodeId, to: i64) {
        match to {
            9 => self.graph.reclass(node, Class::Step),
            2..=7 | 12 | 13 => self.graph.reclass(node, Class::Whole),
            _ => {}
        }
    }

    /// Joins a graph to what runs it.
    fn join(&mut self, join: Join, inputs: &[ValueId], outputs: &[ValueId]) -> Option<()> {
        let (id, ahead) = match join {
            Join::Main => {
                inputs.iter().for_each(|value| self.graph.set_input(*value));
                outputs.iter().for_each(|value| self.graph.set_output(*value));
                return Some(());
            }
            Join::Branch(node, first) => return self.join_branch(node, first, outputs),
            Join::Loop(node) => (node, 1_usize),
            Join::Inside(node) => (node, 0),
        };
        let run = *self.graph.get(id)?;
        let outer = self.graph.inputs_of(&run).to_vec();
        let results = self.graph.outputs_of(&run).to_vec();
        for (inner, outer) in inputs.iter().zip(&outer).filter(|(inner, outer)| inner != outer) {
            self.graph.node(Class::Other, run.operator, run.span, &[*outer], &[*inner])?;
        }
        let stays = outer.iter().skip(ahead.saturating_mul(2)).copied().map(Some);
        let stays = stays.chain(std::iter::repeat(None));
        for ((result, made), stays) in results.iter().zip(outputs.iter().skip(ahead)).zip(stays) {
            let mut made = *made;
            // How often it runs, and whether it starts: a loop of one turn is a choice.
            for condition in outer.iter().take(ahead.saturating_mul(2)).filter(|it| **it != ABSENT)
            {
                let Some(stays) = stays else { break };
                let chosen = self.graph.value()?;
                let three = [*condition, made, stays];
                self.graph.node(Class::Select, run.operator, run.span, &three, &[chosen])?;
                made = chosen;
            }
            self.graph.node(Class::Other, run.operator, run.span, &[made], &[*result])?;
        }
        self.graph.reclass(id, Class::Replaced);
        Some(())
    }

    fn join_branch(&mut self, node: NodeId, first: bool, outputs: &[ValueId]) -> Option<()> {
        let Some((other_first, other)) = self.branches.remove(&node) else {
            self.branches.insert(node, (first, outputs.to_vec()));
            return Some(());
        };
        let choice = *self.graph.get(node)?;
        let condition = self.graph.inputs_of(&choice).first().copied().unwrap_or(ABSENT);
        let results = self.graph.outputs_of(&choice).to_vec();
        let (yes, no) = if other_first { (&other[..], outputs) } else { (outputs, &other[..]) };
        for ((result, yes), no) in results.iter().zip(yes).zip(no) {
            let inputs = [condition, *yes, *no];
            self.graph.node(Class::Select, choice.operator, choice.span, &inputs, &[*result])?;
        }
        self.graph.reclass(node, Class::Replaced);
        Some(())
    }
}

impl Model<'_> {
    /// The texts of a list.
    pub(super) fn texts(&mut self, list: Vector) -> Result<Vec<String>, Halt> {
        let mut texts = Vec::new();
        for index in 0..list.count.min(MOST) {
            texts.push(self.flat.text_element(list, index, TEXT)?);
        }
        Ok(texts)
    }

    /// Adds a node to what data flows through. `None` where there are more than can be counted.
    pub(super) fn follow(
        &mut self,
        scope: usize,
        (operator, path): (&str, &str),
        span: Span,
        (inputs, outputs): (&[String], &[String]),
    ) -> Option<NodeId> {
        let label = u32::try_from(self.flow.labels.len()).ok()?;
        self.flow.labels.push(format!("{operator} {path}"));
        let taken: Vec<ValueId> =
            inputs.iter().map(|name| self.flow.mention(scope, name)).collect();
        let made: Vec<ValueId> = outputs.iter().map(|name| self.flow.define(scope, name)).collect();
        let class = match operator {
            // Its bounds are inputs since operator set 11.
            "Clip" if taken.len() == 3 => Class::Step,
            _ => onnx::class(operator),
        };
        self.flow.graph.node(class, label, span, &taken, &made)
    }

    /// A graph has been read, which works on `inputs` and makes `outputs`.
    pub(super) fn leave(
        &mut self,
        scope: usize,
        join: Join,
        (inputs, outputs): (&[String], &[String]),
    ) {
        let inputs: Vec<ValueId> =
            inputs.iter().map(|name| self.flow.define(scope, name)).collect();
        let outputs: Vec<ValueId> =
            outputs.iter().map(|name| self.flow.mention(scope, name)).collect();
        // What is too large to be joined is followed in parts.
        let _ = self.flow.join(join, &inputs, &outputs);
    }

    /// Looks for backdoors in all graphs together.
    pub(super) fn tell_overrides(&mut self) -> Result<(), Halt> {
        let flow = std::mem::take(&mut self.flow);
        for found in overrides(&flow.graph, self.flat.budget())? {
            let span = flow.graph.get(found.replacement).map_or_else(Span::default, |it| it.span);
            let fact = describe(&flow.graph, &found, span, &mut |id| {
                let node = flow.graph.get(id).map_or(u32::MAX, |node| node.operator);
                Ok(flow.labels.get(to_usize(u64::from(node))).cloned().unwrap_or_default())
            })?;
            self.reading.fact(fact);
        }
        Ok(())
    }
}
