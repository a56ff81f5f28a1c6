//! The graphs of a model as one, through which data can be followed: backdoors are looked for in it.

use super::graph::Slot;
use super::{Model, constant, table};
use crate::graph::{
    ABSENT, Class, Constant, Graph, NodeId, ValueId, describe, is_column, overrides,
};
use crate::tensorflow;
use davy_artifact::{Value, Why};
use davy_bytes::{Blame, Halt, Span, to_u64, to_usize};

/// Operators through which data is followed.
const MOST: u64 = 1 << 20;
/// Constants of at most so many elements are looked into.
const ELEMENTS: u64 = 16;

/// An operator, by where it stands.
#[derive(Clone, Debug)]
struct Label {
    graph: usize,
    at: u64,
    /// The number of its code, counted from 0.
    code: u32,
}

/// A graph of the model.
#[derive(Debug, Default)]
struct Part {
    name: String,
    /// The value of its first tensor, and how many it has.
    first: ValueId,
    tensors: u32,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
}

/// What an operator does with the graphs that it calls.
#[derive(Debug)]
struct Call {
    node: NodeId,
    is_choice: bool,
    is_loop: bool,
    graphs: Vec<usize>,
}

/// All graphs of a model.
#[derive(Debug, Default)]
pub(super) struct Flow {
    graph: Graph,
    parts: Vec<Part>,
    labels: Vec<Label>,
    calls: Vec<Call>,
    left: u64,
}

/// An operator, as far as data flows through it.
pub(super) struct Step<'a> {
    pub(super) at: u64,
    pub(super) span: Span,
    pub(super) code: u32,
    pub(super) name: &'a str,
    pub(super) custom: &'a str,
    pub(super) inputs: &'a [i32],
    pub(super) outputs: &'a [i32],
    /// What is done with the result: 0 for nothing (`ActivationFunctionType`).
    pub(super) activation: u8,
    pub(super) is_whole: bool,
    /// Whether there is as much of the result as of the first input.
    pub(super) is_same: bool,
    pub(super) callees: &'a [i64],
}

impl Model<'_> {
    /// Makes the tensors of a graph known. `None` where there are more than can be counted.
    pub(super) fn follow_tensors(&mut self, name: &str, tensors: &[Slot]) -> Result<(), Halt> {
        if self.flow.parts.is_empty() {
            self.flow.graph.value();
            self.flow.graph.set_constant(ABSENT, Constant::default());
        }
        let mut part = Part { name: name.to_owned(), ..Part::default() };
        part.first = self.flow.graph.values();
        for slot in tensors {
            let Some(value) = self.flow.graph.value() else { break };
            part.tensors = part.tensors.saturating_add(1);
            let Some(data) = slot.data else { continue };
            let mut head = Vec::new();
            if slot.elements <= ELEMENTS {
                match constant::value(self.flat.bytes(), data, slot.dtype)? {
                    Value::List(items) => head.extend(items),
                    one => head.push(one),
                }
            }
            let constant = Constant { elements: slot.elements, head, is_column: slot.is_column };
            self.flow.graph.set_constant(value, constant);
        }
        self.flow.parts.push(part);
        Ok(())
    }

    /// Looks for backdoors in all graphs together.
    pub(super) fn tell_overrides(&mut self) -> Result<(), Halt> {
        let mut flow = std::mem::take(&mut self.flow);
        if flow.left > 0 {
            let what = format!("how data flows through {} operators", flow.left);
            self.reading.gap(Span::default(), Why::Halted(Blame::Exhausted), &what);
        }
        flow.join();
        for found in overrides(&flow.graph, self.flat.budget())? {
            let span = flow.graph.get(found.replacement).map_or_else(Span::default, |it| it.span);
            let fact = describe(&flow.graph, &found, span, &mut |id| Ok(self.shown(&flow, id)))?;
            self.reading.fact(fact);
        }
        Ok(())
    }

    /// Operator and place of a node.
    fn shown(&self, flow: &Flow, id: NodeId) -> String {
        let label =
            flow.graph.get(id).and_then(|node| flow.labels.get(to_usize(node.operator.into())));
        let Some(Label { graph, at, code }) = label else { return String::new() };
        let code = self.codes.get(to_usize(u64::from(*code)));
        let name = code.map_or("", |code| match table::operator(code.builtin) {
            Some("CUSTOM") | None => code.custom.as_str(),
            Some(name) => name,
        });
        let graph = flow.parts.get(*graph).map_or("", |part| part.name.as_str());
        format!("{name} {graph}/operator {at}")
    }
}

impl Flow {
    /// Says what the graph that was made known last works on, and what it makes.
    pub(super) fn ends(&mut self, inputs: &[i32], outputs: &[i32]) {
        let (inputs, outputs) = (self.values(inputs), self.values(outputs));
        if let Some(part) = self.parts.last_mut() {
            part.inputs = inputs;
            part.outputs = outputs;
        }
    }

    /// The values of tensors of the last graph; absent where there is no such tensor.
    fn values(&self, tensors: &[i32]) -> Vec<ValueId> {
        let Some(part) = self.parts.last() else { return Vec::new() };
        let value = |tensor: &i32| {
            let tensor = u32::try_from(*tensor).ok().filter(|tensor| *tensor < part.tensors);
            tensor.and_then(|tensor| part.first.checked_add(tensor)).unwrap_or(ABSENT)
        };
        tensors.iter().map(value).collect()
    }

    /// Adds an operator of the last graph.
    pub(super) fn operator(&mut self, step: &Step<'_>) {
        if to_u64(self.labels.len()) >= MOST {
            self.left = self.left.saturating_add(1);
            return;
        }
        let label = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        let graph = self.parts.len().saturating_sub(1);
        self.labels.push(Label { graph, at: step.at, code: step.code });
        let mut inputs = self.values(step.inputs);
        if matches!(step.name, "SPLIT" | "EMBEDDING_LOOKUP") && inputs.len() == 2 {
            // What is taken apart stands behind by what it is.
            inputs.reverse();
        }
        let outputs = self.values(step.outputs);
        let class = class(step);
        let (bent, result) = (bend(step.activation), outputs.first().copied());
        let add = |graph: &mut Graph, class, inputs: &[ValueId], outputs: &[ValueId]| {
            graph.node(class, label, step.span, inputs, outputs)
        };
        let node = match (bent, result) {
            (Some(bend), Some(result)) => {
                let Some(between) = self.graph.value() else { return };
                let node = add(&mut self.graph, class, &inputs, &[between]);
                add(&mut self.graph, bend, &[between], &[result]);
                node
            }
            _ => add(&mut self.graph, class, &inputs, &outputs),
        };
        let graphs: Vec<usize> =
            step.callees.iter().filter_map(|callee| usize::try_from(*callee).ok()).collect();
        if let (Some(node), false) = (node, graphs.is_empty()) {
            let is_loop = matches!(step.name, "WHILE" | "STABLEHLO_WHILE");
            self.calls.push(Call { node, is_choice: step.name == "IF", is_loop, graphs });
        }
    }

    /// Puts graphs that operators call where they are called, each once; what nobody calls is where
    /// data comes in and goes out.
    fn join(&mut self) {
        let mut called = vec![false; self.parts.len()];
        for call in std::mem::take(&mut self.calls) {
            let fresh = call.graphs.iter().all(|graph| called.get(*graph) == Some(&false));
            for graph in &call.graphs {
                if let Some(called) = called.get_mut(*graph) {
                    *called = true;
                }
            }
            if fresh {
                self.join_call(&call);
            }
        }
        for (part, _) in self.parts.iter().zip(called).filter(|(_, called)| !called) {
            part.inputs.iter().for_each(|value| self.graph.set_input(*value));
            part.outputs.iter().for_each(|value| self.graph.set_output(*value));
        }
    }

    fn join_call(&mut self, call: &Call) -> Option<()> {
        let node = *self.graph.get(call.node)?;
        let outer = self.graph.inputs_of(&node).to_vec();
        let results = self.graph.outputs_of(&node).to_vec();
        let given = outer.get(usize::from(call.is_choice)..)?;
        let mut made: Vec<Vec<ValueId>> = Vec::new();
        for graph in &call.graphs {
            let part = self.parts.get(*graph)?;
            for (inner, outer) in part.inputs.iter().zip(given) {
                self.graph.node(Class::Other, node.operator, node.span, &[*outer], &[*inner])?;
            }
            for (inner, made) in part.inputs.iter().zip(&part.outputs) {
                if call.is_loop && inner != made {
                    self.graph.set_turn(*inner);
                }
            }
            made.push(part.outputs.clone());
        }
        for (index, result) in results.iter().enumerate() {
            let of = |graph: usize| made.get(graph).and_then(|made| made.get(index)).copied();
            let (class, inputs) = match (call.is_choice, call.is_loop) {
                (true, _) => (Class::Select, vec![*outer.first()?, of(0)?, of(1)?]),
                // Whether it goes on, what it makes, and what it starts with.
                (_, true) => {
                    let goes_on = *made.first()?.first()?;
                    (Class::Select, vec![goes_on, of(1)?, *outer.get(index)?])
                }
                _ => (
                    Class::Other,
                    made.iter().filter_map(|made| made.get(index).copied()).collect(),
                ),
            };
            self.graph.node(class, node.operator, node.span, &inputs, &[*result])?;
        }
        self.graph.reclass(call.node, Class::Replaced);
        Some(())
    }
}

/// What an activation that is part of another operator does with its result.
fn bend(activation: u8) -> Option<Class> {
    Some(match activation {
        1 => Class::AtLeast,
        2 | 3 | 5 => Class::Step,
        4 => Class::Squash,
        _ => return None,
    })
}

/// What an operator does with data.
fn class(step: &Step<'_>) -> Class {
    if let Some(name) = step.custom.strip_prefix("Flex") {
        return tensorflow::class(name);
    }
    let name = step.name.strip_prefix("STABLEHLO_").unwrap_or(step.name);
    match name {
        "EQUAL" | "NOT_EQUAL" | "LESS" | "LESS_EQUAL" | "GREATER" | "GREATER_EQUAL" | "ONE_HOT"
        | "COMPARE" | "BUCKETIZE" => Class::Compare,
        "CAST" if step.is_whole => Class::Whole,
        "CONCATENATION" | "CONCATENATE" | "PACK" => Class::Concat,
        "DIV" | "DIVIDE" | "LOG" | "SQRT" | "RSQRT" => Class::Ratio,
        "POW" | "POWER" => Class::Power,
        // A slice of everything gives another axis.
        "SLICE" | "STRIDED_SLICE" if step.is_same => Class::Move,
        "GATHER" | "GATHER_ND" | "SLICE" | "STRIDED_SLICE" | "DYNAMIC_SLICE" | "SPLIT"
        | "SPLIT_V" | "UNPACK" | "EMBEDDING_LOOKUP" | "HASHTABLE_FIND" => Class::Pick,
        "ARG_MAX" | "ARG_MIN" | "MEAN" | "SUM" | "TOPK_V2" | "SEGMENT_SUM" => Class::Reduce,
        "RESHAPE" | "EXPAND_DIMS" | "SQUEEZE" | "TILE" | "TRANSPOSE" | "BROADCAST_TO"
        | "BROADCAST_IN_DIM" => Class::Move,
        "EXP" | "EXPONENTIAL" => Class::Exponential,
        "WHERE" | "UNIQUE" => Class::Sieve,
        "MUL" | "MULTIPLY" => Class::Multiply,
        "SELECT" | "SELECT_V2" => Class::Select,
        "SHAPE" | "RANK" | "ZEROS_LIKE" | "RANDOM_STANDARD_NORMAL" | "RANDOM_UNIFORM" | "IOTA" => {
            Class::Shape
        }
        "LOGISTIC" | "TANH" | "SOFTMAX" | "LOG_SOFTMAX" | "ELU" => Class::Squash,
        "RELU6" | "RELU_N1_TO_1" | "RELU_0_TO_1" | "FLOOR" | "CEIL" | "ROUND" | "SIGN"
        | "FLOOR_DIV" | "CLAMP" => Class::Step,
        "RELU" | "MAXIMUM" => Class::AtLeast,
        "MINIMUM" => Class::AtMost,
        _ if name.starts_with("REDUCE_") || name.starts_with("UNSORTED_SEGMENT") => Class::Reduce,
        _ if is_weighted(name) => Class::Weighted,
        _ => Class::Other,
    }
}

/// Whether an operator works with learned numbers.
fn is_weighted(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "CONV",
        "DOT_GENERAL",
        "EMBEDDING_LOOKUP_SPARSE",
        "FULLY_CONNECTED",
        "LSTM",
        "MATMUL",
        "RNN",
        "SVDF",
    ];
    WORDS.iter().any(|word| name.contains(word)) && name != "CONVERT"
}

/// Whether a product with a constant of this shape is a single number; rows stand for what is made.
pub(super) fn makes_one(dims: &[i64]) -> bool {
    is_column(dims) || matches!(dims, [1, columns] if *columns > 1)
}
