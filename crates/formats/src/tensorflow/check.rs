//! What contradicts itself in a graph: nodes with more or fewer inputs than their operator has, outputs
//! that no operator makes, nodes that wait for each other, constants and types that cannot be.
//!
//! The runtime checks each of these when it builds a graph; what reads graphs before that, such as its
//! optimizer and the loaders of saved models, has been led astray by all of them (CVE-2022-23565,
//! CVE-2022-23594, CVE-2020-26266 and their kin).

use super::graph::{Graph, prefix, scope_of};
use super::node::Node;
use super::nodes::{CONTROL, Named, Nodes, Seen};
use super::value::{self, Constant};
use super::{Place, Sink, node, table};
use crate::order::Order;
use crate::protobuf::Message;
use davy_artifact::{Quirk, Reading, Route};
use davy_bytes::{Budget, Halt, Span, to_usize};
use std::sync::LazyLock;

/// Breaks of one kind that are told one by one.
const FAULTS: usize = 16;
/// Elements that a constant of a few bytes may stand for: more do not fit in memory.
const ELEMENTS: u64 = 1 << 32;
/// Bytes of the attributes of a node that are looked at as a whole.
const SMALL: u64 = 512;
/// The tag of an attribute of a node: field 5, with a length.
const ATTRIBUTE: u8 = 0x2a;
/// `DT_RESOURCE`.
const RESOURCE: i64 = 20;

/// How many inputs and outputs an operator has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Arity {
    inputs: Count,
    outputs: Count,
}

/// A number of inputs or outputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Count {
    least: u32,
    is_open: bool,
}

impl Count {
    fn parse(text: &str) -> Option<Self> {
        let number = text.strip_suffix('+');
        let least = number.unwrap_or(text).parse().ok()?;
        Some(Self { least, is_open: number.is_some() })
    }

    fn fits(self, count: u32) -> bool {
        if self.is_open { count >= self.least } else { count == self.least }
    }
}

/// The table, by name. What is no row is left out: a test says that all are.
static ROWS: LazyLock<Vec<(&str, Arity)>> = LazyLock::new(|| {
    let lines = include_str!("arity.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(parse).collect()
});

fn parse(line: &str) -> Option<(&str, Arity)> {
    let mut columns = line.split('\t');
    let name = columns.next()?;
    let (inputs, outputs) = (Count::parse(columns.next()?)?, Count::parse(columns.next()?)?);
    Some((name, Arity { inputs, outputs }))
}

/// How many inputs and outputs the operator of this name has; nothing where it is not known.
pub(super) fn arity(op: &str) -> Option<Arity> {
    let at = ROWS.binary_search_by(|(name, _)| (*name).cmp(op)).ok()?;
    ROWS.get(at).map(|(_, arity)| *arity)
}

impl Graph {
    /// Compares the nodes with what their operators are, and with each other.
    pub(super) fn check(&mut self, place: Place<'_>, reading: &mut Reading, budget: &mut Budget) {
        let functions = &self.functions;
        self.nodes.check(|scope| scope_of(functions, scope), place, reading);
        let numbers = 0..u32::try_from(self.nodes.all().len()).unwrap_or(u32::MAX);
        let misfits = numbers.filter_map(|number| Some((number, self.nodes.misfit(number)?)));
        let misfits: Vec<(u32, String)> = misfits.take(FAULTS).collect();
        for (number, what) in misfits {
            self.tell_node(number, Quirk::SizeMismatch, &what, place, (reading, budget));
        }
        if let Some((first, count)) = self.nodes.stuck() {
            let what = format!("{count} nodes wait for each other");
            self.tell_node(first, Quirk::Cycle, &what, place, (reading, budget));
        }
    }

    fn tell_node(
        &mut self,
        number: u32,
        quirk: Quirk,
        what: &str,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) {
        let Some(Seen { span, scope, .. }) = self.nodes.get(number).copied() else { return };
        let route = self.label(to_usize(u64::from(scope)), span, budget);
        reading.deviation(quirk, place.span(span), route, what);
    }

    /// The name of a node, with the function that it is in.
    fn label(&mut self, scope: usize, span: Span, budget: &mut Budget) -> Route {
        let node = Node::read(&mut self.wire, span, budget).unwrap_or_default();
        Route::Node(format!("{}{}", prefix(&self.functions, scope), node.name))
    }

    /// Records ends of signatures that no node makes (CVE-2020-15206).
    pub(super) fn check_ends(
        &self,
        ends: &[(String, Span)],
        place: Place<'_>,
        reading: &mut Reading,
    ) {
        let lost = ends.iter().filter(|(name, _)| {
            let node = name.split(':').next().unwrap_or_default();
            !name.is_empty() && self.nodes.find(Nodes::hash(0, node.as_bytes())).is_none()
        });
        for (name, span) in lost.take(FAULTS) {
            let what = format!("a signature names the tensor `{name}`, which no node makes");
            let route = Route::Node("graph".to_owned());
            reading.deviation(Quirk::Missing, place.span(*span), route, &what);
        }
    }

    /// Looks at the attributes of the node in `span`, which start in `message`: types that there are
    /// not, and constants that do not fit what they say.
    pub(super) fn check_attributes(
        &mut self,
        mut message: Message,
        (scope, span, is_const): (usize, Span, bool),
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        let region = Span::between(message.at, message.end);
        if region.len <= SMALL && are_plain(self.wire.head(region, node::NAME)?, is_const) {
            return budget.spend_steps(1, region.start);
        }
        let (mut said, mut constant) = (0, None);
        while let Some(field) = self.wire.next(&mut message, budget)? {
            let ("attr", Some(table)) = (field.name(), node::table_of(&field)) else { continue };
            let mut entry = message.inside(field.content(), table);
            let (mut is_value, mut is_type) = (false, false);
            while let Some(part) = self.wire.next(&mut entry, budget)? {
                if part.name() == "key" {
                    let key = self.wire.head(part.content(), node::NAME)?;
                    (is_value, is_type) = (key == b"value", key == b"dtype");
                    continue;
                }
                let mut value = node::message(part.content(), &table::ATTR_VALUE);
                while let Some(field) = self.wire.next(&mut value, budget)? {
                    match field.name() {
                        "type" if value::type_name(field.int()).is_none() => {
                            let what = format!("element type {}", field.int());
                            let at = (scope, span, field.span);
                            self.fault(Quirk::OutOfRange, at, &what, place, (reading, budget));
                        }
                        "type" if is_type => said = field.int(),
                        "tensor" if is_const && is_value => {
                            let at = field.content();
                            constant = Some((Constant::read(&mut self.wire, at, budget)?, at));
                        }
                        _ => {}
                    }
                }
            }
        }
        if let Some((constant, at)) = constant
            && let Some((quirk, what)) = misfit(&constant, said, at)
        {
            self.fault(quirk, (scope, span, at), &what, place, (reading, budget));
        }
        Ok(())
    }

    fn fault(
        &mut self,
        quirk: Quirk,
        (scope, node, at): (usize, Span, Span),
        what: &str,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) {
        self.faults = self.faults.saturating_add(1);
        if self.faults <= FAULTS {
            let route = self.label(scope, node, budget);
            reading.deviation(quirk, place.span(at), route, what);
        }
    }
}

/// Whether fields of a node are such that nothing is to be said of them: short ones of a single value
/// each, whose types there are. Most of the millions of attributes of a large graph are.
fn are_plain(mut fields: &[u8], is_const: bool) -> bool {
    while let [tag, len, rest @ ..] = fields {
        // All others of a node that come behind are messages as well.
        let is_message = *tag < 0x80 && *tag & 7 == 2;
        let Some((field, behind)) = short(*len, rest).filter(|_| is_message) else { return false };
        fields = behind;
        if *tag != ATTRIBUTE {
            continue;
        }
        // Name and value of an attribute.
        let [0x0a, len, rest @ ..] = field else { return false };
        let Some((_, rest)) = short(*len, rest) else { return false };
        let [0x12, len, rest @ ..] = rest else { return false };
        let Some((value, [])) = short(*len, rest) else { return false };
        let is_plain = match value {
            [] | [0x18 | 0x28, 0..=0x7f] => true,
            [0x30, kind @ 0..=0x7f] => value::type_name(i64::from(*kind)).is_some(),
            [0x42, ..] if is_const => false,
            [0x0a | 0x12 | 0x3a | 0x42 | 0x4a | 0x52, len, rest @ ..] => {
                matches!(short(*len, rest), Some((_, [])))
            }
            _ => false,
        };
        if !is_plain {
            return false;
        }
    }
    fields.is_empty()
}

/// What a field of `len` bytes holds, and what is behind it; nothing where its length takes more than
/// a byte, or is not there.
fn short(len: u8, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    if len < 0x80 { rest.split_at_checked(usize::from(len)) } else { None }
}

/// What a constant in `span` says of itself that cannot be; its node says that it is of type `said`.
fn misfit(constant: &Constant, said: i64, span: Span) -> Option<(Quirk, String)> {
    let (dtype, dims) = (constant.dtype, &constant.dims);
    if value::type_name(dtype).is_none() {
        return Some((Quirk::OutOfRange, format!("a constant of element type {dtype}")));
    }
    if said > 0 && said != dtype {
        let names = [said, dtype].map(|it| value::type_name(it).unwrap_or("unknown"));
        let what = format!("a constant of type {} where its node says {}", names[1], names[0]);
        return Some((Quirk::WrongType, what));
    }
    let Some(elements) = super::elements(dims) else {
        return Some((Quirk::OutOfRange, format!("a constant of dimensions {dims:?}")));
    };
    if dtype == RESOURCE && elements > 0 && constant.values.is_empty() {
        return Some((Quirk::OutOfRange, "a constant handle that is to nothing".to_owned()));
    }
    let content = constant.content.map_or(0, |content| content.len);
    let needed = value::width(dtype).and_then(|width| elements.checked_mul(width));
    if let Some(needed) = needed.filter(|needed| content > 0 && *needed != content) {
        let what = format!("dimensions {dims:?} take {needed} bytes, where there are {content}");
        return Some((Quirk::SizeMismatch, what));
    }
    (content == 0 && elements > ELEMENTS).then(|| {
        (Quirk::Expansion, format!("a constant of {elements} elements in {} bytes", span.len))
    })
}

impl Nodes {
    /// What is wrong with the inputs of a node.
    fn misfit(&self, number: u32) -> Option<String> {
        let seen = self.get(number)?;
        let links = self.links_of(number);
        let op = self.op_of(seen.op)?;
        if let Some(arity) = op.arity {
            let count = links.iter().filter(|link| link.output != CONTROL).count();
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            if !arity.inputs.fits(count) && self.cut.is_none() {
                let (least, more) =
                    (arity.inputs.least, if arity.inputs.is_open { " or more" } else { "" });
                return Some(format!("`{}` with {count} inputs, not {least}{more}", op.name));
            }
        }
        // In functions the number counts within a named output.
        if seen.scope != 0 {
            return None;
        }
        links.iter().filter(|link| link.output != CONTROL).find_map(|link| {
            let Some(Named::Node(from)) = self.target(link) else { return None };
            let from = self.op_of(self.get(from)?.op)?;
            let outputs = from.arity?.outputs;
            (!outputs.is_open && link.output >= outputs.least).then(|| {
                format!(
                    "an input is output {} of `{}`, which has {}",
                    link.output, from.name, outputs.least
                )
            })
        })
    }

    /// A node that waits for itself, and how many do: only loops may, by way of `NextIteration`.
    fn stuck(&self) -> Option<(u32, u64)> {
        let all = self.all();
        // Looked up by operator and not by node: there are few of the former.
        let is_loop = |name: &str| matches!(name, "NextIteration" | "RefNextIteration");
        let loops: Vec<bool> = self.ops().iter().map(|op| is_loop(&op.name)).collect();
        let loops = &loops;
        let edges = || {
            (0_u32..).zip(all).flat_map(|(number, _)| {
                self.links_of(number).iter().filter_map(move |link| {
                    let Some(Named::Node(from)) = self.target(link) else { return None };
                    let op = to_usize(u64::from(self.get(from)?.op));
                    (loops.get(op) == Some(&false)).then_some((from, number))
                })
            })
        };
        // Most graphs are written in order: nothing waits for what comes later.
        if edges().all(|(from, to)| from < to) {
            return None;
        }
        let (first, count) = Order::new(all.len(), &edges().collect::<Vec<_>>()).left()?;
        Some((u32::try_from(first).ok()?, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_in_order() {
        let lines = include_str!("arity.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(ROWS.len(), lines.count());
        assert!(ROWS.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn plain_attributes_are_told_from_others() {
        let node = |value: &[u8]| {
            let mut entry = vec![0x0a, 1, b'T', 0x12, u8::try_from(value.len()).unwrap()];
            entry.extend(value);
            let mut node = vec![0x2a, u8::try_from(entry.len()).unwrap()];
            node.extend(entry);
            node
        };
        for plain in [&[0x30, 1][..], &[], &[0x28, 1], &[0x3a, 2, 0x12, 0], &[0x42, 1, 8]] {
            assert!(are_plain(&node(plain), false), "{plain:?}");
        }
        for other in [&[0x30, 99][..], &[0x30, 0x8f, 0x4e], &[0x28, 1, 0x30, 99], &[0x3a, 9, 0]] {
            assert!(!are_plain(&node(other), false), "{other:?}");
        }
        assert!(!are_plain(&node(&[0x42, 1, 8]), true));
        assert!(are_plain(&[], true) && !are_plain(&[0x2a, 9, 1], false));
    }

    #[test]
    fn lists_may_be_longer() {
        let concat = arity("ConcatV2").unwrap();
        assert!(concat.inputs.fits(3) && concat.inputs.fits(9) && !concat.inputs.fits(2));
        let add = arity("AddV2").unwrap();
        assert!(add.inputs.fits(2) && !add.inputs.fits(1) && !add.inputs.fits(3));
        assert_eq!(arity("NoSuchOperator"), None);
    }
}
