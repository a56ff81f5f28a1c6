//! A graph as data flows through it, with its functions in the place of their calls: where it
//! replaces what its layers computed.

use super::graph::Graph;
use super::kinds;
use super::node::{self, Node};
use super::nodes::{CONTROL, Link, Named, Op, Seen};
use super::steps::{Step, step};
use super::value::{self, Constant};
use super::{Place, elements, table};
use crate::graph::{self as dataflow, ABSENT, Body, Class, NO_OPERATOR, NodeId, ValueId};
use davy_artifact::{Reading, Value};
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};
use std::collections::{HashMap, VecDeque};

/// Nodes that copies of functions may add to a graph.
const COPIES: u64 = 500_000;
/// Bytes of a constant of which the elements are looked at.
const SMALL: u64 = 1024;
/// Nodes that are looked at to find what a branch depends on.
const BRANCH: usize = 64;
/// Outputs of one node that are told apart.
const OUTPUTS: usize = 4096;

/// The values that a node makes: the first, and how many.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    first: ValueId,
    count: u32,
}

/// Builds the graph of data.
struct Builder<'a> {
    source: &'a mut Graph,
    budget: &'a mut Budget,
    /// The graph itself, and the bodies of its functions.
    graphs: [dataflow::Graph; 2],
    /// By node.
    slots: Vec<Slot>,
    /// By function.
    arguments: Vec<Vec<ValueId>>,
    bodies: Vec<Body>,
    /// By node, the functions that it calls.
    callees: HashMap<u32, Vec<usize>>,
}

impl Graph {
    /// Tells where the graph replaces what its layers computed; `outputs` are the nodes whose
    /// results the model gives, as far as they are known.
    pub(super) fn tell_overrides(
        &mut self,
        outputs: &[String],
        place: Place<'_>,
        (reading, budget): (&mut Reading, &mut Budget),
    ) -> Result<(), Halt> {
        let has = |graph: &Self, is: fn(Class) -> bool| {
            graph.nodes.ops().iter().any(|op| is(kinds::class(&op.name)))
        };
        if !has(self, Class::decides) || !has(self, |class| class == Class::Weighted) {
            return Ok(());
        }
        let Some(graph) = Builder::build(self, outputs, budget)? else { return Ok(()) };
        let mut spans = Vec::new();
        for found in dataflow::overrides(&graph, budget)? {
            let span = graph.get(found.replacement).map(|node| node.span).unwrap_or_default();
            // Functions that are called twice are there twice.
            if spans.contains(&span) {
                continue;
            }
            spans.push(span);
            let mut shown = |id: NodeId| {
                let span = graph.get(id).map(|node| node.span).unwrap_or_default();
                let node = Node::read(&mut self.wire, span, budget)?;
                Ok(format!("{} {}", node.op, node.name).trim_end().to_owned())
            };
            reading.fact(dataflow::describe(&graph, &found, place.span(span), &mut shown)?);
        }
        Ok(())
    }
}

impl<'a> Builder<'a> {
    /// The graph with everything in its place; nothing where there are too many nodes to count.
    fn build(
        source: &'a mut Graph,
        outputs: &[String],
        budget: &'a mut Budget,
    ) -> Result<Option<dataflow::Graph>, Halt> {
        let nodes = source.nodes.all().len();
        budget.spend_steps(to_u64(nodes).saturating_mul(4), 0)?;
        let mut callees: HashMap<u32, Vec<usize>> = HashMap::new();
        // Callers stand in the order of what they call; those of one node in that of its attributes.
        let mut callers: Vec<_> = source.callers.iter().collect();
        callers.sort_by_key(|caller| (caller.node, caller.order));
        for caller in callers {
            callees.entry(caller.node).or_default().push(caller.callee);
        }
        let functions = source.functions.len();
        let mut builder = Self {
            source,
            budget,
            graphs: [dataflow::Graph::default(), dataflow::Graph::default()],
            slots: vec![Slot::default(); nodes],
            arguments: Vec::new(),
            bodies: vec![Body::default(); functions],
            callees,
        };
        if builder.values().is_none() {
            return Ok(None);
        }
        builder.nodes()?;
        builder.results();
        builder.outputs(outputs);
        builder.roots();
        builder.splice();
        let [graph, _] = builder.graphs;
        Ok(Some(graph))
    }

    /// Which of the two graphs the nodes of a scope are in.
    fn graph(&mut self, scope: u32) -> &mut dataflow::Graph {
        let [own, library] = &mut self.graphs;
        if scope == 0 { own } else { library }
    }

    /// Gives each node and each argument its values.
    fn values(&mut self) -> Option<()> {
        for graph in &mut self.graphs {
            let absent = graph.value()?;
            graph.set_constant(absent, dataflow::Constant::default());
        }
        for index in 0..self.source.functions.len() {
            let count = self.source.functions.get(index)?.arguments.len();
            let [_, library] = &mut self.graphs;
            let values: Option<Vec<ValueId>> = (0..count).map(|_| library.value()).collect();
            self.arguments.push(values?);
        }
        for number in 0..u32::try_from(self.slots.len()).ok()? {
            let seen = *self.source.nodes.get(number)?;
            let count = self.outputs_of(number, &seen).clamp(1, OUTPUTS);
            let graph = self.graph(seen.scope);
            let first = graph.value()?;
            for _ in 1..count {
                graph.value()?;
            }
            let slot = self.slots.get_mut(to_usize(u64::from(number)))?;
            *slot = Slot { first, count: u32::try_from(count).ok()? };
        }
        Some(())
    }

    /// How many results of a node are told apart.
    fn outputs_of(&self, number: u32, seen: &Seen) -> usize {
        let op = self.source.nodes.op_of(seen.op).map_or("", |op| op.name.as_str());
        if matches!(op, "IdentityN" | "While" | "StatelessWhile") {
            let links = self.source.nodes.links_of(number).iter();
            return links.filter(|link| link.output != CONTROL).count();
        }
        let callees = self.callees.get(&number).into_iter().flatten();
        let outputs = callees.filter_map(|callee| self.source.functions.get(*callee));
        outputs.map(|function| function.outputs.len()).max().unwrap_or(1)
    }

    /// The value that an input of a node in `scope` is.
    fn value(&self, link: &Link, scope: u32) -> ValueId {
        match self.source.nodes.target(link) {
            Some(Named::Argument(number)) => {
                let function = scope.checked_sub(1).map(|index| to_usize(u64::from(index)));
                let arguments = function.and_then(|index| self.arguments.get(index));
                let number = to_usize(u64::from(number));
                arguments.and_then(|all| all.get(number)).copied().unwrap_or(ABSENT)
            }
            Some(Named::Node(node)) => {
                let slot = self.slots.get(to_usize(u64::from(node))).copied().unwrap_or_default();
                let last = slot.count.saturating_sub(1);
                slot.first.saturating_add(link.output.min(last))
            }
            None => ABSENT,
        }
    }

    /// Adds all nodes with their inputs.
    fn nodes(&mut self) -> Result<(), Halt> {
        let mut first = self.graphs.each_ref().map(|graph| graph.nodes().len());
        let mut scope = 0;
        for number in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let Some(seen) = self.source.nodes.get(number).copied() else { break };
            if seen.scope != scope {
                self.close(scope, first);
                scope = seen.scope;
                first = self.graphs.each_ref().map(|graph| graph.nodes().len());
            }
            self.node(number, &seen)?;
        }
        self.close(scope, first);
        Ok(())
    }

    /// Notes which nodes are the body of a function.
    fn close(&mut self, scope: u32, [_, first]: [usize; 2]) {
        let [_, library] = &self.graphs;
        let last = library.nodes().len();
        let index = scope.checked_sub(1).map(|index| to_usize(u64::from(index)));
        if let Some(body) = index.and_then(|index| self.bodies.get_mut(index)) {
            body.nodes = first..last;
        }
    }

    fn node(&mut self, number: u32, seen: &Seen) -> Result<(), Halt> {
        let links = self.source.nodes.links_of(number).iter();
        let data = links.filter(|link| link.output != CONTROL);
        let mut inputs: Vec<ValueId> = data.map(|link| self.value(link, seen.scope)).collect();
        let slot = self.slots.get(to_usize(u64::from(number))).copied().unwrap_or_default();
        let outputs: Vec<ValueId> =
            (0..slot.count).map(|at| slot.first.saturating_add(at)).collect();
        let Some(Op { name, .. }) = self.source.nodes.op_of(seen.op) else { return Ok(()) };
        let name = name.clone();
        if let Some(callees) = self.callees.get(&number).cloned() {
            self.call(&name, seen, &callees, (&inputs, &outputs));
            return Ok(());
        }
        let mut class = kinds::class(&name);
        match name.as_str() {
            "Const" | "HostConst" => self.constant(seen, slot.first)?,
            "VarHandleOp" | "VariableV2" | "Variable" => self.variable(seen, slot.first)?,
            "IdentityN" => {
                for (input, output) in inputs.iter().zip(&outputs) {
                    self.add(Class::Other, NO_OPERATOR, seen, &[*input], &[*output]);
                }
                return Ok(());
            }
            "Split" | "Concat" => {
                let first = usize::from(!inputs.is_empty());
                inputs.drain(..first);
            }
            "SplitV" => inputs.truncate(1),
            "ConcatV2" => drop(inputs.pop()),
            "GatherV2" | "Switch" | "RefSwitch" => {
                inputs.truncate(if name == "GatherV2" { 2 } else { 1 });
            }
            "StridedSlice" => {
                inputs.truncate(if self.takes_all(seen, &inputs)? { 1 } else { 3 });
                class = if inputs.len() == 1 { Class::Other } else { Class::Pick };
            }
            "Slice" => self.slice(seen, &mut inputs),
            "Merge" | "RefMerge" if self.before(number).any(|it| self.is_again(it)) => {
                // What a loop hands on joins at its end.
                inputs.truncate(1);
            }
            "Merge" | "RefMerge" => {
                if let Some(condition) = self.condition(number, seen) {
                    inputs.insert(0, condition);
                    class = Class::Select;
                }
            }
            "Cast" => class = self.cast(seen)?,
            "Enter" | "RefEnter" => inputs.truncate(1),
            "Exit" | "RefExit" => {
                if let Some([condition, again]) = self.loop_of(number, seen) {
                    inputs.insert(0, condition);
                    inputs.insert(1, again);
                    class = Class::Select;
                }
            }
            _ => {}
        }
        if kinds::is_input(&name) && seen.scope == 0 {
            outputs.iter().for_each(|value| self.graph(0).set_input(*value));
            return Ok(());
        }
        self.add(class, NO_OPERATOR, seen, &inputs, &outputs);
        Ok(())
    }

    fn add(
        &mut self,
        class: Class,
        operator: u32,
        seen: &Seen,
        inputs: &[ValueId],
        outputs: &[ValueId],
    ) {
        self.graph(seen.scope).node(class, operator, seen.span, inputs, outputs);
    }

    /// A node that runs functions: one of several by its first input, one again and again, or one.
    fn call(
        &mut self,
        name: &str,
        seen: &Seen,
        callees: &[usize],
        (inputs, outputs): (&[ValueId], &[ValueId]),
    ) {
        let operator = |callee: &usize| u32::try_from(*callee).unwrap_or(NO_OPERATOR);
        match (step(name), callees) {
            (Step::Call(1), callees) => {
                let Some((condition, arguments)) = inputs.split_first() else { return };
                let mut chosen: Option<Vec<ValueId>> = None;
                let last = callees.len().saturating_sub(1);
                for (at, callee) in callees.iter().enumerate() {
                    let Some(results) = self.fresh(seen.scope, outputs.len()) else { return };
                    self.add(Class::Other, operator(callee), seen, arguments, &results);
                    let Some(others) = chosen.replace(results.clone()) else { continue };
                    let made = if at == last { Some(outputs.to_vec()) } else { None };
                    let made = made.or_else(|| self.fresh(seen.scope, outputs.len()));
                    let Some(made) = made else { return };
                    for ((one, other), result) in results.iter().zip(&others).zip(&made) {
                        let three = [*condition, *one, *other];
                        self.add(Class::Select, NO_OPERATOR, seen, &three, &[*result]);
                    }
                    chosen = Some(made);
                }
            }
            (_, [body, condition]) if matches!(name, "While" | "StatelessWhile") => {
                let Some(results) = self.fresh(seen.scope, outputs.len()) else { return };
                let Some(goes_on) = self.fresh(seen.scope, 1) else { return };
                self.add(Class::Other, operator(body), seen, inputs, &results);
                self.add(Class::Other, operator(condition), seen, inputs, &goes_on);
                for ((result, stays), output) in results.iter().zip(inputs).zip(outputs) {
                    let mut three = goes_on.clone();
                    three.extend([*result, *stays]);
                    self.add(Class::Select, NO_OPERATOR, seen, &three, &[*output]);
                }
            }
            (Step::Call(_), [callee]) => {
                self.add(Class::Other, operator(callee), seen, inputs, outputs);
            }
            (_, [callee]) if self.source.by_name.get(name) == Some(callee) => {
                self.add(Class::Other, operator(callee), seen, inputs, outputs);
            }
            // Data sets and the like: what their functions make of elements is not followed.
            _ => self.add(Class::Other, NO_OPERATOR, seen, inputs, outputs),
        }
    }

    fn fresh(&mut self, scope: u32, count: usize) -> Option<Vec<ValueId>> {
        (0..count).map(|_| self.graph(scope).value()).collect()
    }

    fn constant(&mut self, seen: &Seen, value: ValueId) -> Result<(), Halt> {
        let node = Node::read(&mut self.source.wire, seen.span, self.budget)?;
        let Some(attribute) = node.attribute("value") else { return Ok(()) };
        let mut message = node::message(attribute, &table::ATTR_VALUE);
        while let Some(field) = self.source.wire.next(&mut message, self.budget)? {
            if field.name() != "tensor" {
                continue;
            }
            let wire = &mut self.source.wire;
            let constant = Constant::read(wire, field.content(), self.budget)?;
            let count = elements(&constant.dims).unwrap_or(u64::MAX);
            let head = match seen.span.len < SMALL {
                true => match constant.value(wire, self.budget)? {
                    Value::List(items) => items,
                    one => vec![one],
                },
                false => vec![],
            };
            let is_column = dataflow::is_column(&constant.dims);
            let known = dataflow::Constant { elements: count, head, is_column };
            self.graph(seen.scope).set_constant(value, known);
        }
        Ok(())
    }

    fn variable(&mut self, seen: &Seen, value: ValueId) -> Result<(), Halt> {
        let node = Node::read(&mut self.source.wire, seen.span, self.budget)?;
        let Some(shape) = node.attribute("shape") else { return Ok(()) };
        let shape = value::attribute(&mut self.source.wire, shape, self.budget)?;
        let Value::List(dims) = shape else { return Ok(()) };
        let count = dims.iter().try_fold(1_u64, |product, dim| match dim {
            Value::Int(dim) => product.checked_mul(u64::try_from(*dim).ok()?),
            _ => None,
        });
        if let Some(elements) = count {
            let known = dataflow::Constant { elements, ..dataflow::Constant::default() };
            self.graph(seen.scope).set_constant(value, known);
        }
        Ok(())
    }

    /// The class of a node that gives its numbers another type.
    fn cast(&mut self, seen: &Seen) -> Result<Class, Halt> {
        let node = Node::read(&mut self.source.wire, seen.span, self.budget)?;
        let Some(kind) = node.attribute("DstT") else { return Ok(Class::Other) };
        let kind = value::attribute(&mut self.source.wire, kind, self.budget)?;
        Ok(match kind.text() {
            Some("DT_BOOL") => Class::Step,
            Some(kind) if kind.starts_with("DT_INT") || kind.starts_with("DT_UINT") => Class::Whole,
            _ => Class::Other,
        })
    }

    /// Whether a slice takes everything, and only adds dimensions.
    fn takes_all(&mut self, seen: &Seen, inputs: &[ValueId]) -> Result<bool, Halt> {
        let node = Node::read(&mut self.source.wire, seen.span, self.budget)?;
        let mut mask = |name: &str| match node.attribute(name) {
            Some(span) => match value::attribute(&mut self.source.wire, span, self.budget)? {
                Value::Int(bits) => Ok(bits),
                _ => Ok(0),
            },
            None => Ok(0),
        };
        let open = mask("begin_mask")? & mask("end_mask")?;
        let open = open | mask("new_axis_mask")? | mask("ellipsis_mask")?;
        let (single, inputs) = (mask("shrink_axis_mask")?, inputs.get(1));
        let [own, library] = &self.graphs;
        let graph = if seen.scope == 0 { own } else { library };
        let rank = inputs.and_then(|begin| graph.constant(*begin)).map(|begin| begin.elements);
        let all = rank
            .filter(|rank| *rank < 63)
            .map(|rank| 1_i64.wrapping_shl(u32::try_from(rank).unwrap_or(0)));
        Ok(single == 0
            && all.is_some_and(|all| open & all.saturating_sub(1) == all.saturating_sub(1)))
    }

    /// Where a slice ends is its start and its size together.
    fn slice(&mut self, seen: &Seen, inputs: &mut [ValueId]) {
        let [_, from, size] = inputs else { return };
        let graph = self.graph(seen.scope);
        let ints = |graph: &dataflow::Graph, value: ValueId| -> Option<Vec<i64>> {
            let constant = graph.constant(value)?;
            let int = |value: &Value| match value {
                Value::Int(int) => Some(*int),
                _ => None,
            };
            constant.head.iter().map(int).collect()
        };
        let (Some(starts), Some(sizes)) = (ints(graph, *from), ints(graph, *size)) else { return };
        let ends = starts.iter().zip(&sizes).map(|(start, size)| start.saturating_add(*size));
        let head: Vec<Value> = ends.map(Value::Int).collect();
        let Some(end) = graph.value() else { return };
        let elements = to_u64(head.len());
        graph.set_constant(end, dataflow::Constant { elements, head, is_column: false });
        *size = end;
    }

    /// The operator of a node.
    fn op(&self, number: u32) -> &str {
        let op = self.source.nodes.get(number).and_then(|seen| self.source.nodes.op_of(seen.op));
        op.map_or("", |op| op.name.as_str())
    }

    /// The nodes that a node works on or waits for.
    fn before(&self, number: u32) -> impl Iterator<Item = u32> {
        let links = self.source.nodes.links_of(number).iter();
        links.filter_map(|link| match self.source.nodes.target(link) {
            Some(Named::Node(node)) => Some(node),
            _ => None,
        })
    }

    fn is_again(&self, number: u32) -> bool {
        matches!(self.op(number), "NextIteration" | "RefNextIteration")
    }

    /// What a node depends on that puts two branches together: the condition of the switch that
    /// they start at.
    fn condition(&self, number: u32, seen: &Seen) -> Option<ValueId> {
        let mut waiting: VecDeque<u32> = self.before(number).collect();
        for _ in 0..BRANCH {
            let node = waiting.pop_front()?;
            if matches!(self.op(node), "Switch" | "RefSwitch") {
                let links = self.source.nodes.links_of(node);
                return links.get(1).map(|link| self.value(link, seen.scope));
            }
            waiting.extend(self.before(node).take(8));
        }
        None
    }

    /// What the end of a loop depends on, and what the loop's body hands on: the end is behind a
    /// switch, which is behind a merge of what comes in and what comes again.
    fn loop_of(&self, number: u32, seen: &Seen) -> Option<[ValueId; 2]> {
        let switch = self.before(number).next()?;
        let merge = self.before(switch).next()?;
        let again = self.before(merge).find(|it| self.is_again(*it))?;
        let condition = self.source.nodes.links_of(switch).get(1)?;
        let body = self.source.nodes.links_of(again).first()?;
        Some([self.value(condition, seen.scope), self.value(body, seen.scope)])
    }

    /// What functions return.
    fn results(&mut self) {
        for index in 0..self.bodies.len() {
            let Some(function) = self.source.functions.get(index) else { break };
            let scope = u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX);
            let returned = |name: &String| {
                let given = function.returns.iter().find(|(key, _)| key == name);
                let link =
                    given.map(|(_, tensor)| super::graph::link(index.saturating_add(1), tensor));
                link.map_or(ABSENT, |link| self.value(&link, scope))
            };
            let outputs: Vec<ValueId> = function.outputs.iter().map(returned).collect();
            let inputs = self.arguments.get(index).cloned().unwrap_or_default();
            if let Some(body) = self.bodies.get_mut(index) {
                body.inputs = inputs;
                body.outputs = outputs;
            }
        }
    }

    /// What the graph gives: what is said to be, and what nothing in it uses.
    fn outputs(&mut self, named: &[String]) {
        let named = named.iter().map(|name| self.value(&super::graph::link(0, name), 0));
        let mut outputs: Vec<ValueId> = named.filter(|value| *value != ABSENT).collect();
        let [own, _] = &self.graphs;
        let mut is_used = vec![false; to_usize(u64::from(own.values()))];
        for node in own.nodes() {
            for input in own.inputs_of(node) {
                if let Some(is) = is_used.get_mut(to_usize(u64::from(*input))) {
                    *is = true;
                }
            }
        }
        for (number, slot) in (0_u32..).zip(&self.slots) {
            let Some(seen) = self.source.nodes.get(number) else { break };
            let op = self.source.nodes.op_of(seen.op).map_or("", |op| op.name.as_str());
            if seen.scope != 0 || kinds::is_silent(op) || super::told::is_told(op) {
                continue;
            }
            let values = (0..slot.count).map(|at| slot.first.saturating_add(at));
            let is_used = |it: &ValueId| is_used.get(to_usize(u64::from(*it))) == Some(&true);
            outputs.extend(values.filter(|it| !is_used(it)));
        }
        outputs.iter().for_each(|value| self.graph(0).set_output(*value));
    }

    /// Functions that nothing calls are called by whoever loads the model.
    fn roots(&mut self) {
        let mut is_called = vec![false; self.bodies.len()];
        for callee in self.callees.values().flatten() {
            if let Some(is) = is_called.get_mut(*callee) {
                *is = true;
            }
        }
        for (index, is_called) in is_called.into_iter().enumerate() {
            let Some(function) = self.source.functions.get(index).filter(|_| !is_called) else {
                continue;
            };
            let is_resource = function.resources.clone();
            let (inputs, outputs) = (function.arguments.len(), function.outputs.len());
            let (Some(inputs), Some(outputs)) = (self.fresh(0, inputs), self.fresh(0, outputs))
            else {
                return;
            };
            let data = inputs
                .iter()
                .enumerate()
                .filter(|(at, _)| !is_resource.get(*at).copied().unwrap_or(false));
            let data: Vec<ValueId> = data.map(|(_, value)| *value).collect();
            data.into_iter().for_each(|value| self.graph(0).set_input(value));
            outputs.iter().for_each(|value| self.graph(0).set_output(*value));
            let seen =
                Seen::of(self.source.functions.get(index).map_or(Span::default(), |it| it.span));
            let operator = u32::try_from(index).unwrap_or(NO_OPERATOR);
            self.add(Class::Other, operator, &seen, &inputs, &outputs);
        }
    }

    /// Puts copies of functions in the place of their calls, as far as that stays in proportion.
    fn splice(&mut self) {
        let mut left = COPIES;
        let mut index = 0;
        let [own, library] = &mut self.graphs;
        while let Some(node) = own.nodes().get(index).copied() {
            let body = self.bodies.get(to_usize(u64::from(node.operator)));
            if let Some(body) = body.filter(|_| node.class != Class::Replaced) {
                let size = to_u64(body.nodes.len()).saturating_add(1);
                let Some(rest) = left.checked_sub(size) else { break };
                left = rest;
                let id = u32::try_from(index).unwrap_or(u32::MAX);
                if own.splice(id, library, body).is_none() {
                    break;
                }
            }
            index = index.saturating_add(1);
        }
    }
}
