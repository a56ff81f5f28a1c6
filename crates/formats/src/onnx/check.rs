//! What contradicts itself in a graph: inputs that nothing makes, nodes that wait for each other,
//! results of a size that nobody can mean.

use super::names::ABSENT;
use super::tensor::NAME;
use super::types::text;
use super::walk::{Open, Walker};
use crate::graph::Node;
use crate::order::Order;
use davy_artifact::{Quirk, Route, Value};
use davy_bytes::{Halt, Span, to_u64, to_usize};

/// Breaks of one kind in one graph that are told one by one.
const ALIKE: u64 = 64;

/// Elements that a result must have to be told: at four bytes each, 4 GiB.
const HUGE: u64 = 1 << 30;

impl Walker<'_> {
    /// Checks the nodes of a graph that was read.
    pub(super) fn check(&mut self, open: &Open) -> Result<(), Halt> {
        self.check_blocks(open);
        let last = self.graph.nodes().len();
        let mut dangling = 0_u64;
        let mut is_sorted = true;
        for index in open.first..last {
            let Some(node) = self.graph.nodes().get(index).copied() else { break };
            self.budget.spend_steps(1, node.span.start)?;
            let mut lost = None;
            for value in self.graph.inputs_of(&node) {
                let Some(named) = self.names.named(*value) else { continue };
                if !named.is_defined && *value != ABSENT {
                    lost = Some(*value);
                }
                let own = named.home == open.home;
                is_sorted &= !own || named.producer.is_none_or(|it| usize_of(it) < index);
            }
            if let Some(lost) = lost {
                dangling = dangling.saturating_add(1);
                if dangling <= ALIKE {
                    self.dangling(&node, lost, open)?;
                }
            }
            self.check_size(&node, open)?;
        }
        if dangling > ALIKE {
            let more = dangling.saturating_sub(ALIKE);
            let what =
                format!("{more} more nodes of `{}` work on values that nothing makes", open.label);
            self.deviate(Quirk::Missing, Span::default(), open, &what);
        }
        if !is_sorted {
            self.check_order(open, last)?;
        }
        Ok(())
    }

    fn deviate(&mut self, quirk: Quirk, span: Span, open: &Open, what: &str) {
        self.reading.deviation(quirk, span, Route::Node(open.label.clone()), what);
    }

    fn dangling(&mut self, node: &Node, lost: u32, open: &Open) -> Result<(), Halt> {
        let Some(named) = self.names.named(lost) else { return Ok(()) };
        let name = text(&mut self.wire, named.span(), NAME)?;
        let operator = self.operators.get(node.operator).map_or("", |used| used.name.as_str());
        let what = format!("`{operator}` works on `{name}`, which nothing makes");
        self.deviate(Quirk::Missing, node.span, open, &what);
        Ok(())
    }

    /// Records a result whose size stands in the file and is out of all proportion (CWE-789).
    fn check_size(&mut self, node: &Node, open: &Open) -> Result<(), Halt> {
        let Some(used) = self.operators.get(node.operator) else { return Ok(()) };
        let Some(sized) = used.sized else { return Ok(()) };
        let size =
            self.graph.inputs_of(node).get(sized).and_then(|size| self.graph.constant(*size));
        let Some(size) = size.filter(|size| to_u64(size.head.len()) == size.elements) else {
            return Ok(());
        };
        let elements = size.head.iter().try_fold(1_u64, |product, value| match value {
            Value::Int(int) => Some(product.saturating_mul(u64::try_from(*int).ok()?)),
            _ => None,
        });
        if let Some(elements) = elements.filter(|elements| *elements >= HUGE) {
            let what = format!("`{}` makes a tensor of {elements} elements or more", used.name);
            self.deviate(Quirk::Expansion, node.span, open, &what);
        }
        Ok(())
    }

    /// Nodes must stand behind what they work on (`onnx-ml.proto`, `GraphProto`); runtimes that
    /// sort them find no order where they wait for each other.
    fn check_order(&mut self, open: &Open, last: usize) -> Result<(), Halt> {
        let what = "nodes stand before what they work on: ONNX Runtime sorts them, the checker of \
                    ONNX refuses them";
        self.deviate(Quirk::LoadersDisagree, Span::default(), open, what);
        let mut edges: Vec<(u32, u32)> = Vec::new();
        let within = |index: usize| u32::try_from(index.checked_sub(open.first)?).ok();
        for index in open.first..last {
            let Some(node) = self.graph.nodes().get(index) else { break };
            for value in self.graph.inputs_of(node) {
                let named = self.names.named(*value).filter(|named| named.home == open.home);
                let producer = named.and_then(|named| named.producer);
                edges.extend(producer.and_then(|it| within(usize_of(it))).zip(within(index)));
            }
        }
        self.budget.spend_steps(to_u64(edges.len()), 0)?;
        let order = Order::new(last.saturating_sub(open.first), &edges);
        if let Some((first, stuck)) = order.left() {
            let node = self.graph.nodes().get(open.first.saturating_add(first));
            let span = node.map(|node| node.span).unwrap_or_default();
            let what = format!("{stuck} nodes wait for each other");
            self.deviate(Quirk::Cycle, span, open, &what);
        }
        Ok(())
    }
}

fn usize_of(id: u32) -> usize {
    to_usize(u64::from(id))
}
