//! Tells of what a graph has: the nodes that reach out of it, with what their inputs are made of, and
//! its functions.

use super::graph::{Caller, Function, Graph, prefix};
use super::node::Node;
use super::nodes::Seen;
use super::trace::Trace;
use super::{Place, Sink, value};
use crate::calls::Calls;
use crate::protobuf::{Message, Wire};
use crate::tally::Tally;
use davy_artifact::{Excerpt, Fact, Operator, Quirk, Reading, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Halt, Span, to_u64, to_usize};

/// Nodes that are told with their inputs; more are counted by their name, which is a gap.
const TOLD: usize = 1 << 18;
/// Inputs and attributes that are told of one node.
const PARTS: usize = 64;
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
            match trace.operator(to_usize(u64::from(scope)), span) {
                Ok((operator, path)) => {
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

impl Trace<'_> {
    /// What a node runs and works on, and its path.
    fn operator(&mut self, scope: usize, span: Span) -> Result<(Operator, String), Halt> {
        let node = Node::read(&mut self.graph.wire, span, self.budget)?;
        let path = format!("{}{}", prefix(&self.graph.functions, scope), node.name);
        let mut inputs = Vec::new();
        for input in node.data_inputs().take(PARTS) {
            inputs.push(self.input(scope, input)?);
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
