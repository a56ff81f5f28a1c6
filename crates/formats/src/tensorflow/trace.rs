//! Follows the input of a node back to the constants that it is made of: through nodes that hand on
//! or join what they get, into functions that are called, and out of them to their callers.
//!
//! What a name stands for is found out once for all that ask, and from a list: neither a long way nor
//! many ways that meet cost more than the nodes on them. What is given up is said to be.

use super::graph::{Caller, Graph};
use super::node::Node;
use super::nodes::{Named, Nodes};
use super::steps::{Step, keeps, step};
use super::{made, value};
use davy_artifact::Value;
use davy_bytes::{Budget, Halt, to_u64};
use std::collections::HashMap;

/// Callers of a function that are asked for an argument.
const CALLERS: usize = 64;
/// Calls in each other that are told apart from other calls of the same functions.
const FRAMES: u32 = 16;
/// What may be looked at and kept for all inputs, beside four for each node of the graph: a unit is
/// an input of a node, a part of a value, or 64 bytes of text.
const UNITS: u64 = 1 << 23;

/// A call that was followed into a function: its arguments are the caller's inputs.
#[derive(Clone, Copy)]
struct Frame {
    /// The call around it; 0 where there is none that matters.
    outer: u32,
    depth: u32,
    callee: usize,
    scope: usize,
    node: u32,
}

/// What is to be found out.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) frame: u32,
    pub(super) scope: usize,
    pub(super) input: String,
    /// Which part of an element of the data set that the input is; nothing where it is asked for the
    /// input itself.
    pub(super) element: Option<usize>,
}

/// A node that is asked for one of its outputs.
#[derive(Clone, Copy)]
pub(super) struct Asked<'o> {
    /// The call that it is in, and how deep that is.
    pub(super) frame: u32,
    pub(super) depth: u32,
    pub(super) scope: usize,
    pub(super) number: u32,
    pub(super) output: &'o str,
    pub(super) element: Option<usize>,
}

/// A tensor: the output of what has a name, within a call.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Key {
    frame: u32,
    name: u64,
    output: usize,
    element: Option<usize>,
}

/// What is known about a tensor.
struct Known {
    value: Value,
    /// Whether it is the same whatever call leads there.
    is_free: bool,
}

/// How values become the one that they are made into.
pub(super) enum Combine {
    OneOf,
    Pack,
    Join { op: String, separator: Value },
    Build(String),
    Map(String, fn(&[u8]) -> Option<Vec<u8>>),
}

/// A tensor of which a part is not known yet.
struct Open {
    key: Key,
    depth: u32,
    combine: Combine,
    waiting: Vec<Query>,
    values: Vec<Value>,
    low: usize,
    needs: u32,
}

/// A value that was found.
struct Found {
    value: Value,
    /// The first of the open tensors that it was found without, since it is made of itself.
    low: usize,
    /// The outermost call whose arguments were looked at, by depth.
    needs: u32,
}

/// What a tensor is made of.
pub(super) enum Made {
    Of(Combine, Vec<Query>, Vec<Value>),
    Known(Value),
}

/// Finds out what inputs are made of.
pub(super) struct Trace<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) budget: &'a mut Budget,
    frames: Vec<Frame>,
    by_call: HashMap<(u32, usize, u32), u32>,
    known: HashMap<Key, Known>,
    active: HashMap<Key, usize>,
    /// By what they keep values in, the nodes that do.
    keeping: HashMap<u64, Vec<u32>>,
    units: u64,
    /// Whether something was not followed to its end.
    pub(super) is_lost: bool,
}

impl Found {
    fn plain(value: Value) -> Self {
        Self { value, low: usize::MAX, needs: u32::MAX }
    }
}

impl<'a> Trace<'a> {
    /// Nothing is known yet.
    pub(super) fn new(graph: &'a mut Graph, nodes: usize, budget: &'a mut Budget) -> Self {
        let none = Frame { outer: 0, depth: 0, callee: usize::MAX, scope: 0, node: u32::MAX };
        let units = to_u64(nodes).saturating_mul(4).saturating_add(UNITS);
        // A unit takes about as much memory as a value.
        let units = units.min(budget.left().memory >> 7);
        let mut keeping: HashMap<u64, Vec<u32>> = HashMap::new();
        for number in &graph.keeping {
            let held = graph.nodes.held(*number).unwrap_or_default();
            keeping.entry(held).or_default().push(*number);
        }
        Self {
            graph,
            budget,
            frames: vec![none],
            by_call: HashMap::new(),
            known: HashMap::new(),
            active: HashMap::new(),
            keeping,
            units,
            is_lost: false,
        }
    }

    /// What the input of a node in `scope` is.
    pub(super) fn input(&mut self, scope: usize, input: &str) -> Result<Value, Halt> {
        let mut open: Vec<Open> = Vec::new();
        let root = Query { frame: 0, scope, input: input.to_owned(), element: None };
        let mut found = self.begin(root, &mut open)?;
        loop {
            if let Some(found) = found.take() {
                let Some(top) = open.last_mut() else { return Ok(found.value) };
                top.low = top.low.min(found.low);
                top.needs = top.needs.min(found.needs);
                top.values.push(found.value);
            }
            let next = open.last_mut().map(|top| top.waiting.pop());
            found = match next {
                Some(Some(query)) => self.begin(query, &mut open)?,
                Some(None) => self.finish(&mut open),
                None => return Ok(Value::Unknown("computed")),
            };
        }
    }

    /// Takes units; what cannot be paid is given up.
    pub(super) fn pay(&mut self, units: usize) -> bool {
        match self.units.checked_sub(to_u64(units)) {
            Some(left) => {
                self.units = left;
                true
            }
            None => {
                self.units = 0;
                self.is_lost = true;
                false
            }
        }
    }

    /// Finds a tensor, or puts it on the list of those that are open.
    fn begin(&mut self, query: Query, open: &mut Vec<Open>) -> Result<Option<Found>, Halt> {
        let Query { frame, scope, input, element } = query;
        let (name, output) = input.split_once(':').unwrap_or((&input, ""));
        if let Some(file) = self.graph.assets.get(name).filter(|_| scope == 0) {
            return Ok(Some(Found::plain(made::asset(file))));
        }
        let hash = Nodes::hash(scope, name.as_bytes());
        let key = Key { frame, name: hash, output: output_number(output), element };
        let depth = self.frames.get(to_index(frame)).map_or(0, |frame| frame.depth);
        if let Some(found) = self.recall(key, depth) {
            let is_paid = self.pay(made::weight(&found.value));
            let lost = || Found::plain(made::LOST);
            return Ok(Some(if is_paid { found } else { lost() }));
        }
        if let Some(low) = self.active.get(&key) {
            return Ok(Some(Found { low: *low, ..Found::plain(made::LOOP) }));
        }
        if !self.pay(1) {
            return Ok(Some(Found::plain(made::LOST)));
        }
        let mut needs = u32::MAX;
        let is = match self.graph.nodes.find(hash) {
            Some(Named::Argument(number)) => {
                needs = depth;
                self.argument(frame, scope, to_index(number), element)?
            }
            Some(Named::Node(number)) => {
                self.node(Asked { frame, depth, scope, number, output, element })?
            }
            None => Made::Known(Value::Unknown("no node of this graph")),
        };
        match is {
            Made::Known(value) => {
                self.keep(key, depth, &value, needs);
                Ok(Some(Found { needs, ..Found::plain(value) }))
            }
            Made::Of(combine, mut waiting, values) => {
                waiting.reverse();
                self.active.insert(key, open.len());
                open.push(Open { key, depth, combine, waiting, values, low: usize::MAX, needs });
                Ok(None)
            }
        }
    }

    fn recall(&self, key: Key, depth: u32) -> Option<Found> {
        if let Some(known) = self.known.get(&key) {
            let needs = if known.is_free { u32::MAX } else { depth };
            return Some(Found { needs, ..Found::plain(known.value.clone()) });
        }
        let free = self.known.get(&Key { frame: 0, ..key }).filter(|known| known.is_free);
        free.map(|known| Found::plain(known.value.clone()))
    }

    fn keep(&mut self, key: Key, depth: u32, value: &Value, needs: u32) {
        if self.pay(made::weight(value)) {
            let is_free = needs > depth;
            let key = if is_free { Key { frame: 0, ..key } } else { key };
            self.known.insert(key, Known { value: value.clone(), is_free });
        }
    }

    /// Makes the value of the last open tensor, whose parts are all there.
    fn finish(&mut self, open: &mut Vec<Open>) -> Option<Found> {
        let Open { key, depth, combine, values, low, needs, .. } = open.pop()?;
        self.active.remove(&key);
        let (mut value, is_whole) = made::bounded(match combine {
            Combine::OneOf => made::one_of(values),
            Combine::Pack => made::packed(values),
            Combine::Join { op, separator } => made::joined(&op, &separator, values),
            Combine::Build(op) => made::built(&op, values),
            Combine::Map(op, map) => made::mapped(&op, map, values),
        });
        self.is_lost |= !is_whole;
        // A value that was found without one that is still open is known only when that one is.
        let low = if low < open.len() { low } else { usize::MAX };
        if low == usize::MAX {
            self.keep(key, depth, &value, needs);
        } else if !self.pay(made::weight(&value)) {
            value = made::LOST;
        }
        let needs = if needs > depth { u32::MAX } else { needs };
        Some(Found { value, low, needs })
    }

    /// What a node gives.
    fn node(&mut self, asked: Asked<'_>) -> Result<Made, Halt> {
        let Asked { frame, scope, number, output, element, .. } = asked;
        let span = self.graph.nodes.get(number).map(|node| node.span).unwrap_or_default();
        let node = Node::read(&mut self.graph.wire, span, self.budget)?;
        if !self.pay(node.inputs.len().saturating_add(node.attributes.len())) {
            return Ok(Made::Known(made::LOST));
        }
        if let Some(callee) = self.graph.by_name.get(&node.op).copied() {
            return Ok(self.call(&[callee], asked));
        }
        if let Some(part) = element
            && let Some(made) = self.element(&node, asked, part)?
        {
            return Ok(made);
        }
        let query = |input: &String| Query { frame, scope, input: input.clone(), element };
        let some = |skip: usize, take: usize| -> Vec<Query> {
            node.data_inputs().skip(skip).take(take).map(query).collect()
        };
        let nth = |number: usize| match some(number, 1) {
            none if none.is_empty() => Made::Known(Value::Unknown("an input that is missing")),
            one => Made::Of(Combine::OneOf, one, vec![]),
        };
        let all = |combine: Combine| Made::Of(combine, some(0, usize::MAX), vec![]);
        Ok(match step(&node.op) {
            Step::Const => Made::Known(self.constant(&node)?),
            Step::Pass(number) => nth(number),
            Step::PassNth => nth(output_number(output)),
            Step::Either(first) => Made::Of(Combine::OneOf, some(first, usize::MAX), vec![]),
            Step::AnyOf(numbers) => {
                let parts = numbers.iter().flat_map(|number| some(*number, 1)).collect();
                Made::Of(Combine::OneOf, parts, vec![])
            }
            Step::Next(first) => {
                let part = Some(output_number(output));
                let next = |query| Query { element: part, ..query };
                let parts = some(first, 1).into_iter().map(next).collect();
                Made::Of(Combine::OneOf, parts, vec![])
            }
            Step::Held(why) => self.held(asked, &node.name, why)?,
            Step::Pack(others) => {
                let count = node.data_inputs().count().saturating_sub(others);
                Made::Of(Combine::Pack, some(0, count), vec![])
            }
            Step::Join => {
                let separator = self.attribute(&node, "separator")?;
                let separator = separator.unwrap_or_else(|| made::text(""));
                all(Combine::Join { op: node.op.clone(), separator })
            }
            Step::Build => {
                let template = self.attribute(&node, "template")?;
                let parts = some(0, usize::MAX);
                Made::Of(Combine::Build(node.op.clone()), parts, template.into_iter().collect())
            }
            Step::Map(map) => Made::Of(Combine::Map(node.op.clone(), map), some(0, 1), vec![]),
            Step::Call(_) => {
                let callees = self.callees(&node)?;
                self.call(&callees, asked)
            }
            Step::Unknown(why) => Made::Known(Value::Unknown(why)),
        })
    }

    /// What other nodes keep in one: the values that are put into a queue, a table or a variable. What
    /// a variable had when the model was saved stands elsewhere.
    fn held(&mut self, asked: Asked<'_>, name: &str, why: &'static str) -> Result<Made, Halt> {
        let key = Nodes::hash(asked.scope, name.as_bytes());
        let mut keeping = self.keeping.get(&key).cloned().unwrap_or_default();
        self.is_lost |= keeping.len() > CALLERS;
        keeping.truncate(CALLERS);
        let mut queries = Vec::new();
        for number in keeping {
            let Some(span) = self.graph.nodes.get(number).map(|node| node.span) else { continue };
            let node = Node::read(&mut self.graph.wire, span, self.budget)?;
            let Some((_, values)) = keeps(&node.op).filter(|_| self.pay(node.inputs.len())) else {
                continue;
            };
            let Asked { frame, scope, element, .. } = asked;
            let query = |input: &String| Query { frame, scope, input: input.clone(), element };
            let count = values.end.saturating_sub(values.start);
            queries.extend(node.data_inputs().skip(values.start).take(count).map(query));
        }
        let values = match why {
            "a variable" => vec![Value::Unknown(why)],
            _ if queries.is_empty() => vec![Value::Unknown(why)],
            _ => vec![],
        };
        Ok(Made::Of(Combine::OneOf, queries, values))
    }

    pub(super) fn attribute(&mut self, node: &Node, name: &str) -> Result<Option<Value>, Halt> {
        let Some(span) = node.attribute(name) else { return Ok(None) };
        Ok(Some(value::attribute(&mut self.graph.wire, span, self.budget)?))
    }

    fn constant(&mut self, node: &Node) -> Result<Value, Halt> {
        let value = self.attribute(node, "value")?;
        Ok(value.unwrap_or(Value::Unknown("a constant without a value")))
    }

    /// The functions that a node calls.
    pub(super) fn callees(&mut self, node: &Node) -> Result<Vec<usize>, Halt> {
        let mut callees = Vec::new();
        for (_, attribute) in &node.attributes {
            for name in value::functions(&mut self.graph.wire, *attribute, self.budget)? {
                callees.extend(self.graph.by_name.get(&name).copied());
            }
        }
        Ok(callees)
    }

    /// What a call gives: what each function that it may call returns.
    pub(super) fn call(&mut self, callees: &[usize], asked: Asked<'_>) -> Made {
        let Asked { frame, depth, scope, number: node, output, element } = asked;
        let mut results = Vec::new();
        self.is_lost |= callees.len() > CALLERS;
        for callee in callees.iter().take(CALLERS) {
            let Some(function) = self.graph.functions.get(*callee) else { continue };
            let number = output_number(output);
            let result = function.outputs.get(number).and_then(|name| {
                function.returns.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            });
            let Some(input) = result else { continue };
            let inner = Frame {
                outer: frame,
                depth: depth.saturating_add(1),
                callee: *callee,
                scope,
                node,
            };
            let scope = callee.saturating_add(1);
            results.push(Query { frame: self.enter(inner), scope, input, element });
        }
        Made::Of(Combine::OneOf, results, vec![])
    }

    /// The number of a call; 0, which is any call, where there are too many in each other.
    fn enter(&mut self, frame: Frame) -> u32 {
        if frame.depth > FRAMES {
            return 0;
        }
        let next = u32::try_from(self.frames.len()).unwrap_or(0);
        let call = (frame.outer, frame.callee, frame.node);
        let number = *self.by_call.entry(call).or_insert(next);
        if number == next {
            self.frames.push(frame);
        }
        number
    }

    /// What an argument of a function is: what the call that led here gives, or else what its
    /// callers give.
    fn argument(
        &mut self,
        frame: u32,
        scope: usize,
        number: usize,
        element: Option<usize>,
    ) -> Result<Made, Halt> {
        let callee = scope.saturating_sub(1);
        let led = self.frames.get(to_index(frame)).filter(|it| it.callee == callee).copied();
        let mut callers: Vec<(u32, Caller)> = Vec::new();
        if let Some(Frame { outer, callee, scope, node, .. }) = led {
            callers.push((outer, Caller { callee, scope, node, order: 0 }));
        } else {
            let first = self.graph.callers.partition_point(|caller| caller.callee < callee);
            let all = self.graph.callers.iter().skip(first).take_while(|it| it.callee == callee);
            callers.extend(all.take(CALLERS.saturating_add(1)).map(|caller| (0, *caller)));
            self.is_lost |= callers.len() > CALLERS;
            callers.truncate(CALLERS);
        }
        if callers.is_empty() {
            return Ok(Made::Known(Value::Unknown("given by who runs the function")));
        }
        let (mut queries, mut values) = (Vec::new(), Vec::new());
        for (frame, caller) in callers {
            match self.handed(caller, number)? {
                Handed::Input(input) => {
                    queries.push(Query { frame, scope: caller.scope, input, element });
                }
                Handed::Element(input, part) => {
                    let element = Some(part).filter(|_| element.is_none());
                    queries.push(Query { frame, scope: caller.scope, input, element });
                }
                Handed::Value(value) => values.push(value),
            }
        }
        Ok(Made::Of(Combine::OneOf, queries, values))
    }

    /// What a call hands over as the argument with the given number.
    fn handed(&mut self, caller: Caller, number: usize) -> Result<Handed, Halt> {
        let span = self.graph.nodes.get(caller.node).map(|node| node.span).unwrap_or_default();
        let node = Node::read(&mut self.graph.wire, span, self.budget)?;
        if !self.pay(node.inputs.len().saturating_add(node.attributes.len())) {
            return Ok(Handed::Value(made::LOST));
        }
        let nth = |at: usize| node.data_inputs().nth(at).cloned();
        let missing = Handed::Value(Value::Unknown("an input that is missing"));
        let at = match step(&node.op) {
            Step::Call(shift) => Some(number.saturating_add(shift)),
            _ if self.graph.by_name.contains_key(&node.op) => Some(number),
            _ => self.captured(&node, caller.callee, number)?,
        };
        if let Some(at) = at {
            return Ok(nth(at).map_or(missing, Handed::Input));
        }
        if !node.op.contains("Dataset") {
            return Ok(Handed::Value(Value::Unknown("an element of a data set")));
        }
        // The states that are handed from call to call come first, and start as inputs.
        let states = self.length(&node, "Tstate")?;
        let part = number.checked_sub(states);
        let input = if part.is_some() { nth(0) } else { nth(number.saturating_add(1)) };
        Ok(match (input, part) {
            (Some(input), Some(part)) => Handed::Element(input, part),
            (Some(input), None) => Handed::Input(input),
            (None, _) => missing,
        })
    }

    /// How many items a list among the attributes of a node has.
    pub(super) fn length(&mut self, node: &Node, name: &str) -> Result<usize, Halt> {
        Ok(match self.attribute(node, name)? {
            Some(Value::List(items)) => items.len(),
            _ => 0,
        })
    }

    /// Functions of data sets get elements first, and behind them what they captured, which the
    /// node has as inputs behind the data set and the first state.
    fn captured(
        &mut self,
        node: &Node,
        callee: usize,
        number: usize,
    ) -> Result<Option<usize>, Halt> {
        let captured = self.length(node, "Targuments")?;
        let states = self.length(node, "Tstate")?;
        let arguments = self.graph.functions.get(callee).map_or(0, |it| it.arguments.len());
        let first = arguments.saturating_sub(captured);
        let index = number.checked_sub(first).filter(|index| *index < captured);
        Ok(index.map(|index| index.saturating_add(states).saturating_add(1)))
    }
}

/// What a call hands over as an argument.
enum Handed {
    /// A part of an element of the data set that is this input.
    Element(String, usize),
    /// An input of the node that calls.
    Input(String),
    Value(Value),
}

/// The number of the output that an input names: `2` in `node:2` and in `node:name:2`.
pub(super) fn output_number(output: &str) -> usize {
    let number = output.rsplit(':').next().unwrap_or(output);
    number.parse().unwrap_or_default()
}

fn to_index(frame: u32) -> usize {
    davy_bytes::to_usize(u64::from(frame))
}

#[cfg(test)]
pub(super) mod testing {
    use crate::tensorflow::GraphDef;
    use davy_artifact::{Fact, Format, Input, Reading, Role, Value};
    use davy_bytes::{Budget, Bytes};

    pub(in crate::tensorflow) fn read(text: &str) -> (Reading, u64) {
        let bytes = Bytes::from_memory(text.as_bytes());
        let (mut reading, mut budget) = (Reading::default(), Budget::default());
        let before = budget.left().steps;
        let input = Input { bytes: &bytes, name: "graph.pbtxt", role: Role::Loaded };
        GraphDef.read(&input, &mut reading, &mut budget).unwrap();
        (reading, before - budget.left().steps)
    }

    /// The inputs of the operators of this name.
    pub(in crate::tensorflow) fn inputs(reading: &Reading, op: &str) -> Vec<String> {
        let facts = reading.facts.iter().filter_map(|fact| match fact {
            Fact::Operator { operator, .. } if operator.name == op => {
                Some(operator.inputs.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
            }
            _ => None,
        });
        facts.collect()
    }

    pub(in crate::tensorflow) fn constant(name: &str, text: &str) -> String {
        format!(
            "node {{ name: '{name}' op: 'Const' attr {{ key: 'value' value {{ tensor {{ dtype: \
             DT_STRING string_val: '{text}' }} }} }} }}\n"
        )
    }

    pub(in crate::tensorflow) fn node(name: &str, op: &str, inputs: &str) -> String {
        format!("node {{ name: '{name}' op: '{op}' input: [{inputs}] }}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{constant, inputs, node, read};
    use super::*;
    use std::fmt::Write;

    /// Readers of paths each of which is the one before with something behind it.
    fn chain(length: usize) -> String {
        let mut text = constant("p0", "/x") + &constant("s", "y");
        for at in 1..=length {
            let before = at - 1;
            text += &node(&format!("p{at}"), "StringJoin", &format!("'p{before}', 's'"));
            text += &node(&format!("r{at}"), "ReadFile", &format!("'p{at}'"));
        }
        text
    }

    #[test]
    fn outputs_have_their_number_last() {
        assert_eq!(["", "1", "output:2", "output"].map(output_number), [0, 1, 2, 0]);
    }

    #[test]
    fn paths_that_share_their_parts_cost_no_more_than_their_nodes() {
        let (short, few) = read(&chain(1000));
        let (long, many) = read(&chain(4000));
        assert!(many < 5 * few, "{few} steps for 1000, {many} for 4000");
        assert!(short.gaps.is_empty() && long.gaps.is_empty());
        let paths = inputs(&long, "ReadFile");
        assert_eq!((paths.len(), paths[2].as_str()), (4000, "'/xyyy'"));
    }

    #[test]
    fn values_that_double_are_given_up_and_that_is_a_gap() {
        let mut text = node("p0", "Placeholder", "");
        for at in 1..40 {
            let before = at - 1;
            text += &node(&format!("p{at}"), "StringJoin", &format!("'p{before}', 'p{before}'"));
        }
        let (reading, _) = read(&(text + &node("r", "ReadFile", "'p39'")));
        assert!(inputs(&reading, "ReadFile")[0].contains("too far to be followed"));
        assert_eq!(reading.gaps.len(), 1);
    }

    #[test]
    fn a_long_way_leads_to_its_start() {
        let mut text = constant("p0", "/etc/passwd");
        for at in 1..20_000 {
            let _ =
                write!(text, "{}", node(&format!("p{at}"), "Identity", &format!("'p{}'", at - 1)));
        }
        let (reading, _) = read(&(text + &node("r", "ReadFile", "'p19999'")));
        assert_eq!(inputs(&reading, "ReadFile"), ["'/etc/passwd'"]);
        assert!(reading.gaps.is_empty());
    }

    #[test]
    fn a_loop_hides_nothing_from_those_that_ask_later() {
        let text = constant("evil", "/etc/passwd")
            + &constant("plain", "a")
            + &node("a", "Merge", "'b', 'evil'")
            + &node("b", "Merge", "'a', 'plain'")
            + &node("first", "PrintV2", "'a'")
            + &node("second", "ReadFile", "'b'");
        let (reading, _) = read(&text);
        let paths = &inputs(&reading, "ReadFile")[0];
        assert!(paths.contains("'/etc/passwd'") && paths.contains("'a'"), "{paths}");
    }

    #[test]
    fn each_call_has_its_own_arguments() {
        let function = "library { function { signature { name: 'f' input_arg { name: 'x' type: \
                        DT_STRING } output_arg { name: 'y' type: DT_STRING } } ret { key: 'y' \
                        value: 'j:0' } node_def { name: 'j' op: 'StringJoin' input: ['x', 'x'] } } }";
        let text = constant("a", "/a")
            + &constant("b", "/b")
            + &node("fa", "f", "'a'")
            + &node("fb", "f", "'b'")
            + &node("ra", "ReadFile", "'fa'")
            + &node("rb", "ReadFile", "'fb:0'");
        let (reading, _) = read(&(text + function));
        assert_eq!(inputs(&reading, "ReadFile"), ["'/a/a'", "'/b/b'"]);
    }

    #[test]
    fn what_a_function_of_a_data_set_captured_is_followed() {
        let function = "library { function { signature { name: 'f' input_arg { name: 'element' } \
                        input_arg { name: 'path' } } node_def { name: 'w' op: 'WriteFile' input: \
                        ['path', 'element'] } } }";
        let map = "node { name: 'm' op: 'MapDataset' input: ['d', 'p'] attr { key: 'f' value { func \
                   { name: 'f' } } } attr { key: 'Targuments' value { list { type: DT_STRING } } } }\n";
        let text = constant("p", "/tmp/x") + &node("d", "RangeDataset", "") + map + function;
        let (reading, _) = read(&text);
        assert_eq!(inputs(&reading, "WriteFile"), ["'/tmp/x', <an element of a data set>"]);
    }
}
