//! Follows the input of a node back to the constants that it is made of: through nodes that hand on
//! or join what they get, into functions that are called, and out of them to their callers.

use super::graph::{Caller, Graph, Named};
use super::node::Node;
use super::value;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use davy_artifact::{Call, Excerpt, Manner, Name, Value};
use davy_bytes::{Budget, Halt, Span};

/// Nodes in a row that are followed.
const DEPTH: u32 = 48;
/// Nodes that are looked at for one input.
const NODES: u32 = 1000;
/// Inputs of a node that joins them that are followed.
const PARTS: usize = 32;
/// Callers of a function that are asked for an argument.
const CALLERS: usize = 8;
/// Longest text that is put together.
const TEXT: usize = 16 << 10;

/// How `DecodeBase64` reads: the alphabet for URLs, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A call that was followed into a function: its arguments are the caller's inputs.
#[derive(Clone, Copy)]
struct Frame {
    callee: usize,
    scope: usize,
    node: Span,
}

/// What one input is made of.
pub(super) struct Trace<'a> {
    graph: &'a mut Graph,
    budget: &'a mut Budget,
    left: u32,
    frames: Vec<Frame>,
}

/// What a node does with its inputs, as far as text goes.
enum Step {
    /// It hands the input with this number on.
    Pass(usize),
    /// It hands on the input with the number of its output.
    PassNth,
    /// It hands on one of its inputs from this number on.
    Either(usize),
    /// It puts its inputs into a list; the last so many are no items.
    Pack(usize),
    /// It joins texts.
    Join,
    /// It makes text out of its inputs in another way.
    Build,
    /// It turns one text into another.
    Map(fn(&[u8]) -> Option<Vec<u8>>),
    /// It calls a function, whose first argument is the input with this number.
    Call(usize),
    /// What it gives is not in the file, and why.
    Unknown(&'static str),
}

fn step(op: &str) -> Step {
    match op {
        "Identity"
        | "EnsureShape"
        | "ExpandDims"
        | "PlaceholderWithDefault"
        | "PreventGradient"
        | "Reshape"
        | "Snapshot"
        | "Squeeze"
        | "StopGradient"
        | "Cast"
        | "Tile"
        | "BroadcastTo"
        | "CheckNumerics"
        | "DebugIdentity"
        | "DebugIdentityV2"
        | "DebugIdentityV3"
        | "Enter"
        | "Exit"
        | "NextIteration"
        | "LoopCond"
        | "Copy"
        | "CopyHost"
        | "RefEnter"
        | "RefExit"
        | "RefIdentity"
        | "GatherV2"
        | "Gather"
        | "Slice"
        | "StridedSlice"
        | "Unpack"
        | "Transpose"
        | "ReverseV2"
        | "RandomShuffle"
        | "_EagerConst" => Step::Pass(0),
        "Switch" | "RefSwitch" => Step::Pass(0),
        "Fill" => Step::Pass(1),
        "IdentityN" => Step::PassNth,
        "Merge" | "RefMerge" => Step::Either(0),
        "Select" | "SelectV2" | "Where" => Step::Either(1),
        "Pack" | "ParallelConcat" | "Stack" => Step::Pack(0),
        "ConcatV2" => Step::Pack(1),
        "Concat" => Step::Pack(0),
        "StringJoin" | "Add" | "AddV2" => Step::Join,
        "ReduceJoin" | "ShardedFilename" | "ShardedFilespec" | "StringFormat" | "Substr"
        | "RegexReplace" | "EncodeBase64" | "StaticRegexReplace" | "AsString" | "UnicodeEncode"
        | "StringSplit" | "StringSplitV2" | "StringStrip" | "DecodeCompressed" | "DecodeRaw"
        | "ReadFile" | "MatchingFiles" => Step::Build,
        "DecodeBase64" => Step::Map(|text| BASE64.decode(text).ok()),
        "StringLower" => Step::Map(|text| Some(text.to_ascii_lowercase())),
        "StringUpper" => Step::Map(|text| Some(text.to_ascii_uppercase())),
        "PartitionedCall"
        | "StatefulPartitionedCall"
        | "TPUPartitionedCall"
        | "RemoteCall"
        | "XlaLaunch"
        | "While"
        | "StatelessWhile" => Step::Call(0),
        "If" | "StatelessIf" | "Case" | "StatelessCase" => Step::Call(1),
        "Placeholder" | "PlaceholderV2" | "_Arg" | "_Recv" => Step::Unknown("fed when it runs"),
        "ReadVariableOp" | "VariableV2" | "Variable" | "VarHandleOp" => Step::Unknown("a variable"),
        _ => Step::Unknown("computed"),
    }
}

impl<'a> Trace<'a> {
    /// Starts to follow an input.
    pub(super) fn new(graph: &'a mut Graph, budget: &'a mut Budget) -> Self {
        Self { graph, budget, left: NODES, frames: Vec::new() }
    }

    /// What the input of a node in `scope` is.
    pub(super) fn input(&mut self, scope: usize, input: &str) -> Result<Value, Halt> {
        self.follow(scope, input, DEPTH)
    }

    /// As [`Self::input`], through at most `depth` more nodes.
    fn follow(&mut self, scope: usize, input: &str, depth: u32) -> Result<Value, Halt> {
        let (Some(left), Some(depth)) = (self.left.checked_sub(1), depth.checked_sub(1)) else {
            return Ok(Value::Unknown("too far to be followed"));
        };
        self.left = left;
        let (name, output) = input.split_once(':').unwrap_or((input, ""));
        if let Some(file) = self.graph.assets.get(name).filter(|_| scope == 0) {
            return Ok(asset(file));
        }
        match self.graph.find(scope, name, self.budget)? {
            None => Ok(Value::Unknown("no node of this graph")),
            Some((Named::Argument(number), _)) => self.argument(scope, number, depth),
            Some((Named::Node(span), node)) => match node {
                Some(node) => self.node(scope, span, &node, output, depth),
                None => Ok(Value::Unknown("no node of this graph")),
            },
        }
    }

    /// What a node gives.
    fn node(
        &mut self,
        scope: usize,
        span: Span,
        node: &Node,
        output: &str,
        depth: u32,
    ) -> Result<Value, Halt> {
        let called = self.graph.by_name.get(&node.op).copied();
        if let Some(callee) = called {
            return self.call(&[callee], (scope, span), output, depth);
        }
        let inputs: Vec<String> = node.data_inputs().cloned().collect();
        let nth = |number: usize| inputs.get(number).cloned();
        match step(&node.op) {
            _ if matches!(node.op.as_str(), "Const" | "HostConst") => self.constant(node),
            Step::Pass(number) => self.pass(scope, nth(number), depth),
            Step::PassNth => self.pass(scope, nth(output_number(output)), depth),
            Step::Either(first) => {
                let values = self.all(scope, inputs.iter().skip(first), depth)?;
                Ok(one_of(values))
            }
            Step::Pack(others) => {
                let count = inputs.len().saturating_sub(others);
                Ok(packed(self.all(scope, inputs.iter().take(count), depth)?))
            }
            Step::Join => {
                let values = self.all(scope, inputs.iter(), depth)?;
                self.join(node, values)
            }
            Step::Build => {
                let mut values = self.all(scope, inputs.iter(), depth)?;
                if let Some(span) = node.attribute("template") {
                    values.insert(0, value::attribute(&mut self.graph.wire, span, self.budget)?);
                }
                Ok(built(&node.op, values))
            }
            Step::Map(map) => {
                let value = self.pass(scope, nth(0), depth)?;
                let text = value.text().and_then(|text| map(text.as_bytes()));
                Ok(text.map_or_else(|| built(&node.op, vec![value]), text_value))
            }
            Step::Call(_) => {
                let callees = self.callees(node)?;
                self.call(&callees, (scope, span), output, depth)
            }
            Step::Unknown(why) => Ok(Value::Unknown(why)),
        }
    }

    fn pass(&mut self, scope: usize, input: Option<String>, depth: u32) -> Result<Value, Halt> {
        match input {
            Some(input) => self.follow(scope, &input, depth),
            None => Ok(Value::Unknown("an input that is missing")),
        }
    }

    fn all<'i>(
        &mut self,
        scope: usize,
        inputs: impl Iterator<Item = &'i String>,
        depth: u32,
    ) -> Result<Vec<Value>, Halt> {
        inputs.take(PARTS).map(|input| self.follow(scope, input, depth)).collect()
    }

    fn constant(&mut self, node: &Node) -> Result<Value, Halt> {
        match node.attribute("value") {
            Some(span) => value::attribute(&mut self.graph.wire, span, self.budget),
            None => Ok(Value::Unknown("a constant without a value")),
        }
    }

    /// Texts joined to one where all are known.
    fn join(&mut self, node: &Node, values: Vec<Value>) -> Result<Value, Halt> {
        let separator = match node.attribute("separator") {
            Some(span) => value::attribute(&mut self.graph.wire, span, self.budget)?,
            None => text_value(""),
        };
        let parts: Option<Vec<&str>> = values.iter().map(single_text).collect();
        match (parts, separator.text()) {
            (Some(parts), Some(separator)) if !parts.is_empty() => {
                let mut joined = parts.join(separator);
                let end = joined.floor_char_boundary(TEXT);
                joined.truncate(end);
                Ok(text_value(joined))
            }
            _ if node.op == "StringJoin" || values.iter().any(has_text) => {
                Ok(built(&node.op, values))
            }
            _ => Ok(Value::Unknown("computed")),
        }
    }

    /// The functions that a node calls.
    fn callees(&mut self, node: &Node) -> Result<Vec<usize>, Halt> {
        let mut callees = Vec::new();
        for (_, attribute) in &node.attributes {
            for name in value::functions(&mut self.graph.wire, *attribute, self.budget)? {
                callees.extend(self.graph.by_name.get(&name).copied());
            }
        }
        Ok(callees)
    }

    /// What a call gives: what each function that it may call returns.
    fn call(
        &mut self,
        callees: &[usize],
        (scope, node): (usize, Span),
        output: &str,
        depth: u32,
    ) -> Result<Value, Halt> {
        let mut values = Vec::new();
        for callee in callees.iter().take(CALLERS) {
            let Some(function) = self.graph.functions.get(*callee) else { continue };
            let number = output_number(output);
            let result = function.outputs.get(number).and_then(|name| {
                function.returns.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            });
            let Some(result) = result else { continue };
            self.frames.push(Frame { callee: *callee, scope, node });
            let value = self.follow(callee.saturating_add(1), &result, depth);
            self.frames.pop();
            values.push(value?);
        }
        Ok(one_of(values))
    }

    /// What an argument of a function is: what the call that led here gives, or else what its
    /// callers give.
    fn argument(&mut self, scope: usize, number: usize, depth: u32) -> Result<Value, Halt> {
        let callee = scope.saturating_sub(1);
        let last = self.frames.last().copied();
        if let Some(frame) = last.filter(|frame| frame.callee == callee) {
            self.frames.pop();
            let value = self.handed(frame.scope, frame.node, number, depth);
            self.frames.push(frame);
            return value;
        }
        let first = self.graph.callers.partition_point(|caller| caller.callee < callee);
        let callers = self.graph.callers.iter().skip(first);
        let callers: Vec<Caller> =
            callers.take_while(|it| it.callee == callee).take(CALLERS).copied().collect();
        if callers.is_empty() {
            return Ok(Value::Unknown("given by who runs the function"));
        }
        let mut values = Vec::new();
        for caller in callers {
            values.push(self.handed(caller.scope, caller.node, number, depth)?);
        }
        Ok(one_of(values))
    }

    /// What a call hands over as the argument with the given number.
    fn handed(
        &mut self,
        scope: usize,
        node: Span,
        number: usize,
        depth: u32,
    ) -> Result<Value, Halt> {
        let node = Node::read(&mut self.graph.wire, node, self.budget)?;
        let shift = match step(&node.op) {
            Step::Call(shift) => shift,
            _ if self.graph.by_name.contains_key(&node.op) => 0,
            // Functions of data sets get elements first and what they captured behind them.
            _ => return Ok(Value::Unknown("an element of a data set")),
        };
        let input = node.data_inputs().nth(number.saturating_add(shift)).cloned();
        self.pass(scope, input, depth)
    }
}

/// The number of the output that an input names: `2` in `node:2` and in `node:name:2`.
fn output_number(output: &str) -> usize {
    let number = output.rsplit(':').next().unwrap_or(output);
    number.parse().unwrap_or_default()
}

fn text_value(text: impl Into<Vec<u8>>) -> Value {
    Value::Text(Excerpt::whole(text))
}

/// The path of a file that comes with the model.
fn asset(file: &str) -> Value {
    built("asset", vec![text_value(file)])
}

/// What an operator makes of values.
fn built(op: &str, args: Vec<Value>) -> Value {
    let callee = Value::Name(Name::new(op, ""));
    Value::Call(Box::new(Call { callee, args, kwargs: vec![], manner: Manner::Called }))
}

/// A text, or a list of one text.
fn single_text(value: &Value) -> Option<&str> {
    match value {
        Value::List(items) => match items.as_slice() {
            [only] => only.text(),
            _ => None,
        },
        other => other.text(),
    }
}

fn has_text(value: &Value) -> bool {
    let mut found = false;
    value.walk(&mut |part| found |= matches!(part, Value::Text(_)));
    found
}

/// Values in one list; lists among them are laid out in it.
fn packed(values: Vec<Value>) -> Value {
    let mut items = Vec::new();
    for value in values {
        match value {
            Value::List(inner) => items.extend(inner),
            other => items.push(other),
        }
    }
    items.truncate(TEXT);
    Value::List(items)
}

/// One of several values: it alone where all are equal.
fn one_of(values: Vec<Value>) -> Value {
    let mut distinct: Vec<Value> = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    match distinct.len() {
        0 => Value::Unknown("computed"),
        1 => distinct.pop().unwrap_or(Value::None),
        _ => Value::Set(distinct),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_have_their_number_last() {
        assert_eq!(["", "1", "output:2", "output"].map(output_number), [0, 1, 2, 0]);
    }

    #[test]
    fn equal_values_are_one() {
        let a = || text_value("a");
        assert_eq!(one_of(vec![a(), a()]), a());
        assert_eq!(one_of(vec![a(), Value::None]).to_string(), "{'a', None}");
        assert_eq!(packed(vec![a(), Value::List(vec![a()])]).to_string(), "['a', 'a']");
    }
}
