//! Tells of what a graph has: the nodes that reach out of it, with what their inputs are made of, and
//! its functions.

use super::graph::{Caller, Function, Graph, prefix};
use super::node::{self, Node};
use super::nodes::{CONTROL, Named, Seen};
use super::trace::Trace;
use super::value::Constant;
use super::{Place, Sink, table, value};
use crate::calls::Calls;
use crate::protobuf::{Message, Wire};
use crate::tally::Tally;
use davy_artifact::{Excerpt, Fact, Operator, Quirk, Reading, Role, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Bytes, Halt, Span, to_u64, to_usize};
use std::collections::HashSet;

/// Nodes that are told with their inputs; more are counted by their name, which is a gap.
const TOLD: usize = 1 << 18;
/// Inputs and attributes that are told of one node.
const PARTS: usize = 64;
/// Nodes before one that are looked through.
const BEFORE: usize = 4096;
/// What a reader takes from a queue that others fill.
const QUEUED: Value = Value::Unknown("what is put into a queue");
/// Functions that are told by themselves.
const FUNCTIONS: usize = 20_000;

impl Graph {
    /// Tells of the nodes that reach out.
    pub(super) fn tell(
        &mut self,
        tally: &mut Tally,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        let told = std::mem::take(&mut self.told);
        let nodes = self.nodes.all().len();
        let mut trace = Trace::new(self, nodes, budget);
        let mut fault = None;
        for number in told.iter().take(TOLD) {
            let Some(Seen { span, scope, .. }) = trace.graph.nodes.get(*number).copied() else {
                continue;
            };
            let was_lost = trace.is_lost;
            match trace.operator(to_usize(u64::from(scope)), *number, span) {
                Ok((operator, path)) => {
                    if operator.name == "DatasetFromGraph" {
                        let made = (&operator, path.as_str(), *number);
                        trace.graph.inner(made, place.span(span), reading, trace.budget)?;
                    }
                    let site = Site { span: place.span(span), route: Route::Node(path) };
                    tally.tell(operator, site);
                }
                Err(halt) => {
                    fault = Some(halt);
                    break;
                }
            }
            if trace.is_lost && !was_lost {
                let what = "what an operator that reaches out of the graph works on";
                reading.gap(place.span(span), Why::Halted(Blame::Exhausted), what);
            }
        }
        let rest = told.get(TOLD..).unwrap_or_default();
        if let Some(node) = rest.first().and_then(|number| self.nodes.get(*number)) {
            let span = node.span;
            let left = rest.len();
            let what = format!("the inputs of {left} nodes that reach out of the graph");
            reading.gap(place.span(span), Why::Halted(Blame::Exhausted), &what);
        }
        for number in rest {
            let Some(Seen { span, scope, .. }) = self.nodes.get(*number).copied() else { continue };
            let node = Node::read(&mut self.wire, span, budget)?;
            let prefix = prefix(&self.functions, to_usize(u64::from(scope)));
            let route = Route::Node(format!("{prefix}{}", node.name));
            tally.count("", &node.op, || Site { span: place.span(span), route });
        }
        fault.map_or(Ok(()), Err)
    }

    /// Tells of the functions, and of one that calls itself: the runtime follows it until the stack
    /// ends (CVE-2022-23591).
    pub(super) fn tell_functions(
        &mut self,
        label: &str,
        parts: &[Message],
        place: Place<'_>,
        reading: &mut Reading,
    ) {
        let span = parts.first().map_or(Span::default(), |it| Span::between(it.at, it.end));
        let count = self.functions.len();
        let site = Site { span: place.span(span), route: Route::None };
        let detail = format!("{} nodes, {count} functions", self.outer);
        let path = label.to_owned();
        reading.fact(Fact::Object { path, kind: "graph", detail, site: site.clone() });
        for function in self.functions.iter().take(FUNCTIONS) {
            let Function { name, arguments, outputs, span, nodes, .. } = function;
            let (inputs, outputs) = (arguments.len(), outputs.len());
            let detail = format!("{nodes} nodes, {inputs} arguments, {outputs} results");
            let site = Site { span: place.span(*span), route: Route::None };
            reading.fact(Fact::Object { path: name.clone(), kind: "function", detail, site });
        }
        let mut calls = Calls::default();
        for Caller { callee, scope, .. } in &self.callers {
            calls.add(to_u64(*scope), to_u64(callee.saturating_add(1)));
        }
        let inner = self.functions.iter().map(|function| function.nodes);
        let sizes: Vec<u64> = std::iter::once(self.outer).chain(inner).collect();
        let extent = calls.extent(&sizes);
        extent.tell(place.span(span), reading);
        let cycle = extent.cycles.first();
        if let Some(function) = cycle.and_then(|scope| self.functions.get(scope.checked_sub(1)?)) {
            let what =
                format!("function `{}` calls itself, directly or through others", function.name);
            let route = Route::Node(function.name.clone());
            reading.deviation(Quirk::Cycle, place.span(function.span), route, &what);
        }
    }
}

impl Graph {
    /// Makes an artifact of a graph that stands in a constant, and that a node runs.
    fn inner(
        &mut self,
        (operator, path, number): (&Operator, &str, u32),
        span: Span,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let name = format!("{path}/graph_def");
        let first = self.nodes.links_of(number).first();
        let constant = first.and_then(|link| self.nodes.target(link));
        if let Some(Named::Node(constant)) = constant
            && let Some(content) = self.text_of(constant, budget)?
        {
            reading.child(name, self.bytes.slice(content), Role::Loaded);
            return Ok(());
        }
        match operator.inputs.first() {
            Some(Value::Text(text)) if to_u64(text.head.len()) < text.len => {
                let what = "a graph in a constant, which is too long to be read";
                reading.gap(span, Why::Halted(Blame::Exhausted), what);
            }
            Some(Value::Text(text)) if !text.head.is_empty() => {
                reading.child(name, Bytes::from_memory(text.head.clone()), Role::Loaded);
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the text of a constant stands.
    fn text_of(&mut self, number: u32, budget: &mut Budget) -> Result<Option<Span>, Halt> {
        let span = self.nodes.get(number).map(|node| node.span).unwrap_or_default();
        let node = Node::read(&mut self.wire, span, budget)?;
        let Some(attribute) = node.attribute("value").filter(|_| node.op == "Const") else {
            return Ok(None);
        };
        let mut message = node::message(attribute, &table::ATTR_VALUE);
        let mut text = None;
        while let Some(field) = self.wire.next(&mut message, budget)? {
            if field.name() == "tensor" {
                let constant = Constant::read(&mut self.wire, field.content(), budget)?;
                let first = constant.values.first().filter(|it| it.name() == "string_val");
                text = first.map(|first| first.content()).filter(|content| content.len > 0);
            }
        }
        Ok(text)
    }

    /// Whether a node that reads what a queue hands it runs, before it, a node that fills the queue:
    /// it then needs nobody else for it.
    fn fills_its_queue(&self, number: u32) -> bool {
        let data = |number| self.nodes.links_of(number).iter().filter(|it| it.output != CONTROL);
        let Some(queue) = data(number).nth(1).map(|link| link.name) else { return false };
        let (mut open, mut seen) = (vec![number], HashSet::from([number]));
        while let Some(at) = open.pop().filter(|_| seen.len() < BEFORE) {
            let fills = self.nodes.held(at) == Some(queue);
            if fills {
                return true;
            }
            for link in self.nodes.links_of(at) {
                if let Some(Named::Node(before)) = self.nodes.target(link)
                    && seen.insert(before)
                {
                    open.push(before);
                }
            }
        }
        false
    }
}

impl Trace<'_> {
    /// What a node runs and works on, and its path.
    fn operator(
        &mut self,
        scope: usize,
        number: u32,
        span: Span,
    ) -> Result<(Operator, String), Halt> {
        let node = Node::read(&mut self.graph.wire, span, self.budget)?;
        let path = format!("{}{}", prefix(&self.graph.functions, scope), node.name);
        let mut inputs = Vec::new();
        for input in node.data_inputs().take(PARTS) {
            inputs.push(self.input(scope, input)?);
        }
        if node.op.starts_with("ReaderRead") && !self.graph.fills_its_queue(number) {
            inputs.truncate(1);
            inputs.push(QUEUED);
        }
        let attributes = attributes(&mut self.graph.wire, &node, self.budget)?;
        Ok((Operator { domain: String::new(), name: node.op, inputs, attributes }, path))
    }
}

/// The attributes of a node that say something, by name.
pub(super) fn attributes(
    wire: &mut Wire,
    node: &Node,
    budget: &mut Budget,
) -> Result<Vec<(String, Value)>, Halt> {
    let mut attributes = Vec::new();
    // What starts with an underline is a note of the writer's.
    let said = node.attributes.iter().filter(|(name, _)| !name.starts_with('_'));
    for (name, span) in said.take(PARTS) {
        attributes.push((name.clone(), value::attribute(wire, *span, budget)?));
    }
    if !node.device.is_empty() {
        let device = Value::Text(Excerpt::whole(node.device.as_bytes()));
        attributes.push(("device".to_owned(), device));
    }
    Ok(attributes)
}
