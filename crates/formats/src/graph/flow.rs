//! What is known about each value from where it comes: whether it depends on data, through how many
//! layers, and whether it tells if a condition on data holds.

use super::order::Order;
use super::{ABSENT, Class, Constant, Graph, Node, NodeId, ValueId};
use davy_artifact::Value;
use davy_bytes::{to_u64, to_usize};

/// Elements of a table from which on looking something up in it is a layer: an embedding.
const EMBEDDING: u64 = 4096;

/// What a value depends on.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Nothing: it is the same for every input.
    #[default]
    Constant,
    /// The shapes of inputs, or chance.
    Shape,
    /// What inputs hold.
    Data,
}

/// What is known about a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub(super) kind: Kind,
    /// Layers with learned numbers on the longest way to it.
    pub(super) depth: u32,
    /// Whether it was made of many values since the last layer.
    pub(super) is_reduced: bool,
    /// Whether a fixed part was taken of something since the last layer, and how small a part.
    pub(super) part: Part,
    /// Whether it was cut off below, and above, since it was made of many values.
    pub(super) is_cut: [bool; 2],
    /// Whether it is constant, and made of a vector or a single column.
    pub(super) is_column: bool,
    /// Whether it does not depend on data, and counts how often a loop went round.
    pub(super) is_turn: bool,
    /// Whether how many there are depends on what inputs hold.
    pub(super) is_sieved: bool,
    /// Whether it was made much larger than it was.
    pub(super) is_steep: bool,
    /// Whether something was added to it since: its inverse is next to nothing, or of that size.
    pub(super) is_lifted: bool,
    /// The condition that it tells of.
    pub(super) tells: Option<Tells>,
    /// The condition under which it is something else than nothing, or than it would be.
    pub(super) gated: Option<Tells>,
}

/// A part of a value.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Part {
    #[default]
    All,
    /// Several.
    Some,
    /// A single position.
    One,
}

/// A condition on data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tells {
    /// The node that compares.
    pub(super) comparison: NodeId,
    /// Layers before it.
    pub(super) depth: u32,
    /// Whether it holds for an input as a whole, and not number by number.
    pub(super) is_global: bool,
    /// Whether sums, maxima or the like of many values are compared, or made of what is compared.
    pub(super) is_summed: bool,
    /// Whether it has passed a layer itself: a table of what to answer.
    pub(super) has_layer: bool,
    /// Whether it looks at a single position of what many make up.
    pub(super) is_pointed: bool,
    /// Whether truths were added up: it tells how often the condition holds.
    pub(super) is_count: bool,
    /// Whether it was joined to constants of several elements: it chooses between them.
    pub(super) is_spread: bool,
    /// Whether learned trees tell it.
    pub(super) is_learned: bool,
}

/// What is known about all values of a graph.
#[derive(Debug)]
pub(super) struct Flow {
    known: Vec<Known>,
    /// By value, the one that it is made of alone, but for constants and conditions.
    roots: Vec<ValueId>,
}

impl Flow {
    /// Follows data from the inputs on.
    pub(super) fn of(graph: &Graph, order: &Order) -> Self {
        let count = to_usize(u64::from(graph.values()));
        let roots = (0..graph.values()).collect();
        let mut flow = Self { known: vec![Known::default(); count], roots };
        for input in graph.inputs() {
            if graph.constant(*input).is_none() {
                flow.set(graph, *input, Known { kind: Kind::Data, ..Known::default() });
            }
        }
        for id in &order.nodes {
            let Some(node) = graph.get(*id) else { continue };
            let known = flow.result(graph, *id, node);
            let root = flow.common_root(graph, node);
            for output in graph.outputs_of(node) {
                if order.producer(*output) == Some(*id) && graph.constant(*output).is_none() {
                    flow.set(graph, *output, known);
                    let slot = flow.roots.get_mut(to_usize(u64::from(*output)));
                    if let (Some(slot), Some(root)) = (slot, root) {
                        *slot = root;
                    }
                }
            }
        }
        flow
    }

    fn set(&mut self, graph: &Graph, value: ValueId, mut known: Known) {
        known.is_turn |= known.kind != Kind::Data && graph.is_turn(value);
        if let Some(slot) = self.known.get_mut(to_usize(u64::from(value))) {
            *slot = known;
        }
    }

    /// The value that all data comes from which a node works on, but for conditions; none where
    /// there are several, or where it is a layer.
    fn common_root(&self, graph: &Graph, node: &Node) -> Option<ValueId> {
        if node.class == Class::Weighted || self.is_layer(graph, node) {
            return None;
        }
        let plain = self.data(graph, node).filter(|value| self.get(*value).tells.is_none());
        let mut roots = plain.map(|value| self.root(value));
        let first = roots.next()?;
        roots.all(|root| root == first).then_some(first)
    }

    /// The value that `value` is made of alone, but for constants and conditions.
    pub(super) fn root(&self, value: ValueId) -> ValueId {
        self.roots.get(to_usize(u64::from(value))).copied().unwrap_or(value)
    }

    /// What is known about a value.
    pub(super) fn get(&self, value: ValueId) -> Known {
        self.known.get(to_usize(u64::from(value))).copied().unwrap_or_default()
    }

    /// Whether a value depends on data.
    pub(super) fn is_data(&self, value: ValueId) -> bool {
        self.get(value).kind == Kind::Data
    }

    /// The inputs of a node that depend on data.
    pub(super) fn data<'a>(
        &'a self,
        graph: &'a Graph,
        node: &Node,
    ) -> impl Iterator<Item = ValueId> + 'a {
        graph.inputs_of(node).iter().copied().filter(|value| self.is_data(*value))
    }

    /// Whether a node works on data with learned numbers.
    pub(super) fn is_layer(&self, graph: &Graph, node: &Node) -> bool {
        let inputs = graph.inputs_of(node);
        let Some(first) = inputs.first() else { return false };
        match node.class {
            Class::Tree => true,
            Class::Weighted => {
                let fixed =
                    inputs.iter().filter(|value| !self.is_data(**value) && **value != ABSENT);
                inputs.len() == 1 || fixed.count() > 0
            }
            Class::Pick => {
                let table = graph.constant(*first).map_or(EMBEDDING, |table| table.elements);
                !self.is_data(*first) && table >= EMBEDDING && self.data(graph, node).count() > 0
            }
            _ => false,
        }
    }

    /// What is known about the results of a node, from what is known about its inputs.
    fn result(&self, graph: &Graph, id: NodeId, node: &Node) -> Known {
        let inputs = graph.inputs_of(node);
        let mut kind = inputs.iter().map(|value| self.get(*value).kind).max().unwrap_or_default();
        if node.class == Class::Multiply && inputs.iter().any(|value| is_zero(graph, *value)) {
            // Something times zero has the shape of it, and that is all.
            kind = kind.min(Kind::Shape);
        }
        let counts = node.class == Class::Shape && self.is_sieved(graph, node);
        if kind != Kind::Data || (node.class == Class::Shape && !counts) {
            let shape = node.class == Class::Shape && (kind == Kind::Data || inputs.is_empty());
            let kind = if shape { Kind::Shape } else { kind };
            let of = |value: &ValueId| {
                let own = graph.constant(*value).is_some_and(|it| it.is_column);
                own || self.get(*value).is_column
            };
            let is_column = matches!(node.class, Class::Move) && inputs.first().is_some_and(of);
            let is_turn = matches!(node.class, Class::Move | Class::Other | Class::Whole)
                && inputs.iter().any(|value| self.get(*value).is_turn);
            return Known { kind, is_column, is_turn, ..Known::default() };
        }
        let data = || self.data(graph, node).map(|value| self.get(value));
        let depth = data().map(|known| known.depth).max().unwrap_or(0);
        if self.is_layer(graph, node) {
            let tells = match node.class {
                Class::Tree => Some(learned(id, depth)),
                _ => self.through_layer(graph, node),
            };
            let is_reduced = depth == 0 && self.is_product(graph, node);
            let depth = depth.saturating_add(1);
            return Known { kind, depth, is_reduced, tells, ..Known::default() };
        }
        let picks = node.class == Class::Pick && inputs.iter().skip(1).all(|it| !self.is_data(*it));
        let part = data().map(|known| known.part).min().unwrap_or_default();
        let is_reduced =
            node.class == Class::Reduce || counts || data().all(|known| known.is_reduced);
        let mut known = Known {
            kind,
            depth,
            is_reduced,
            part: if picks { part.max(picked(graph, inputs)) } else { part },
            is_cut: self.cut(graph, node),
            is_sieved: depth == 0
                && !counts
                && (node.class == Class::Sieve || self.is_sieved(graph, node)),
            is_column: false,
            is_turn: false,
            is_steep: data().any(|known| known.is_steep) || enlarges(graph, node),
            is_lifted: data().any(|known| known.is_lifted || known.is_steep && lifts(graph, node)),
            tells: None,
            gated: None,
        };
        if !counts {
            known.tells = self.tells(graph, id, node, &known);
            known.gated = self.gated(graph, node, &known);
        }
        known
    }

    /// Whether how much of the input of a node there is depends on what inputs hold.
    fn is_sieved(&self, graph: &Graph, node: &Node) -> bool {
        self.data(graph, node).any(|value| self.get(value).is_sieved)
    }

    /// Whether a layer makes a single number of what it works on.
    fn is_product(&self, graph: &Graph, node: &Node) -> bool {
        let inputs = graph.inputs_of(node).iter();
        let own = |value: ValueId| graph.constant(value).is_some_and(|it| it.is_column);
        { inputs }.any(|value| own(*value) || self.get(*value).is_column)
    }

    /// The condition under which the result of a node is something else than nothing: that of a
    /// truth which is multiplied with it, here or before.
    fn gated(&self, graph: &Graph, node: &Node, known: &Known) -> Option<Tells> {
        let mut data = self.data(graph, node).map(|value| self.get(value));
        match node.class {
            Class::Multiply => {
                let told = self.data(graph, node).filter_map(|value| self.get(value).tells);
                let other = |it: Known| it.tells.is_none();
                let first = { told }.find(|it| it.is_global);
                first
                    .filter(|_| self.data(graph, node).any(|value| other(self.get(value))))
                    .or_else(|| match (data.next(), data.next()) {
                        (Some(one), None) => one.gated,
                        _ => None,
                    })
            }
            Class::Move | Class::Other | Class::Pick if known.depth > 0 => {
                match (data.next(), data.next()) {
                    (Some(one), None) => one.gated,
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether the result of a node is its input where that is not nothing: what keeps a division
    /// from one by zero.
    fn is_guard(&self, graph: &Graph, node: &Node, comparison: NodeId) -> bool {
        let Some(by) = graph.get(comparison) else { return false };
        let compared = graph.inputs_of(by);
        let [_, branches @ ..] = graph.inputs_of(node) else { return false };
        node.class == Class::Select
            && branches.iter().any(|it| self.is_data(*it) && compared.contains(it))
            && branches.iter().any(|it| !self.is_data(*it))
            && compared.iter().any(|it| is_tiny(graph, *it))
    }

    /// Whether the result of a node is cut off below, and above.
    fn cut(&self, graph: &Graph, node: &Node) -> [bool; 2] {
        let mut data = self.data(graph, node).map(|value| self.get(value).is_cut);
        let [low, high] = match (data.next(), data.next()) {
            (Some(cut), None) => cut,
            _ => return [false; 2],
        };
        match node.class {
            Class::AtLeast => [true, high],
            Class::AtMost => [low, true],
            Class::Move | Class::Multiply | Class::Other | Class::Pick => [low, high],
            _ => [false; 2],
        }
    }

    /// Whether a node that has one input of data makes a truth of it: yes or no, with little in
    /// between.
    fn decides(&self, graph: &Graph, node: &Node, known: &Known) -> bool {
        let inputs = graph.inputs_of(node);
        let is_single = known.is_reduced || known.part == Part::One;
        // What is made of the input before any layer has no reason to be bent.
        let is_raw = known.is_reduced && known.depth == 0;
        match node.class {
            Class::Compare => true,
            Class::Step => is_bounded(graph, inputs) && is_single,
            Class::AtLeast => {
                let is_zero = inputs.len() == 1 || inputs.iter().any(|it| is_zero(graph, *it));
                (is_single && known.is_cut == [true; 2]) || (is_raw && is_zero)
            }
            Class::AtMost => (is_single && known.is_cut == [true; 2]) || is_raw,
            Class::Exponential | Class::Squash | Class::Whole => is_raw,
            Class::Power => is_raw && (known.is_lifted || raises(graph, node)),
            Class::Ratio => is_raw && known.is_lifted,
            _ => false,
        }
    }

    /// The condition that a layer makes its answer of: it picks a row by it.
    fn through_layer(&self, graph: &Graph, node: &Node) -> Option<Tells> {
        let mut told = self.data(graph, node).map(|value| self.get(value).tells);
        let first = told.next()??;
        let fresh = first.is_summed && first.is_global && !first.has_layer;
        (fresh && told.next().is_none()).then_some(Tells { has_layer: true, ..first })
    }

    /// Whether a comparison of data with data is one of the input with itself.
    fn is_within(&self, graph: &Graph, node: &Node) -> bool {
        let mut data = self.data(graph, node).map(|value| self.get(value));
        data.all(|known| known.depth == 0 && (known.is_reduced || known.part > Part::All))
    }

    /// Whether a truth stays one in a ratio: where nothing else is in it.
    fn is_kept(&self, graph: &Graph, node: &Node) -> bool {
        let mut data = self.data(graph, node).map(|value| self.get(value));
        let is_steep = self.data(graph, node).any(|value| self.get(value).is_steep);
        if (is_steep || raises(graph, node)) && data.all(|it| it.depth == 0 && it.is_reduced) {
            // Much is made of what was made of the input: nothing, or all.
            return true;
        }
        let mut told = self.data(graph, node).map(|value| self.get(value).tells);
        let sharp = |it: &Tells| {
            let class = graph.get(it.comparison).map(|node| node.class);
            let is_sharp = matches!(
                class,
                Some(
                    Class::Compare
                        | Class::Exponential
                        | Class::Power
                        | Class::Ratio
                        | Class::Squash
                        | Class::Step
                )
            );
            is_sharp && !it.is_count
        };
        told.all(|it| it.is_some_and(|it| sharp(&it)))
    }

    /// The condition that the result of a node tells of.
    fn tells(&self, graph: &Graph, id: NodeId, node: &Node, known: &Known) -> Option<Tells> {
        let is_first = self.data(graph, node).all(|value| self.get(value).tells.is_none());
        if node.class == Class::Weighted
            || (matches!(node.class, Class::Power | Class::Ratio)
                && !is_first
                && !self.is_kept(graph, node))
        {
            return None;
        }
        let inputs = graph.inputs_of(node);
        let shapes = inputs.iter().any(|value| self.get(*value).kind == Kind::Shape);
        if node.class == Class::Compare && shapes {
            // Positions against a length: a mask, number by number.
            return None;
        }
        let data = || self.data(graph, node).map(|value| self.get(value));
        let told = || data().filter_map(|known| known.tells);
        let Some(first) = told().next() else {
            let single = data().count() == 1;
            let starts = match single {
                true => self.decides(graph, node, known),
                false => node.class == Class::Compare && self.is_within(graph, node),
            };
            return starts.then_some(Tells {
                comparison: id,
                depth: known.depth,
                is_global: known.is_reduced || known.part > Part::All,
                is_summed: known.is_reduced,
                has_layer: false,
                is_pointed: known.part == Part::One && (known.is_reduced || known.depth == 0),
                is_count: false,
                is_spread: false,
                is_learned: false,
            });
        };
        if self.is_guard(graph, node, first.comparison) {
            return None;
        }
        let is_global = told().any(|it| it.is_global)
            || node.class == Class::Reduce
            || (node.class == Class::Pick && known.part > Part::All);
        let is_summed = told().any(|it| it.is_summed) || node.class == Class::Reduce;
        let is_pointed =
            told().any(|it| it.is_pointed) || (known.is_reduced && known.part == Part::One);
        let turns = || inputs.iter().skip(1).any(|value| self.get(*value).is_turn);
        let is_item = node.class == Class::Item || (node.class == Class::Pick && turns());
        let is_count = node.class == Class::Reduce
            || (node.class != Class::Compare && told().any(|it| it.is_count));
        let is_spread = told().any(|it| it.is_spread)
            || (matches!(node.class, Class::Multiply | Class::Other | Class::Select)
                && inputs.iter().any(|it| is_spread(graph, *it)));
        let now = Tells {
            // One step of a list of truths says nothing of the input as a whole.
            is_global: is_global && !is_item,
            is_summed,
            is_pointed,
            is_count,
            is_spread,
            ..first
        };
        // What joins in and has passed no layer is part of the condition.
        let others = data().filter(|known| known.tells.is_none());
        let alone = others.map(|known| known.depth).max();
        match alone {
            None => Some(now),
            Some(0) if is_global => Some(now),
            Some(_) => None,
        }
    }
}

/// What trees tell, which have `depth` layers before them.
fn learned(comparison: NodeId, depth: u32) -> Tells {
    Tells {
        comparison,
        depth,
        is_global: true,
        is_summed: true,
        has_layer: true,
        is_pointed: false,
        is_count: false,
        is_spread: false,
        is_learned: true,
    }
}

/// How large a constant of one element is, without its sign.
fn size(graph: &Graph, value: ValueId) -> Option<f64> {
    let constant = graph.constant(value).filter(|it| it.elements == 1)?;
    match constant.head.as_slice() {
        [Value::Float(number)] => Some(number.abs()),
        [Value::Int(number)] => number.to_string().parse::<f64>().ok().map(f64::abs),
        _ => None,
    }
}

/// Whether a value is the number zero.
fn is_zero(graph: &Graph, value: ValueId) -> bool {
    size(graph, value) == Some(0.0)
}

/// Whether a value is next to nothing.
fn is_tiny(graph: &Graph, value: ValueId) -> bool {
    size(graph, value).is_some_and(|size| size < 0.01)
}

/// Whether a value is a constant of several elements.
fn is_spread(graph: &Graph, value: ValueId) -> bool {
    graph.constant(value).is_some_and(|constant| constant.elements > 1)
}

/// Whether a node multiplies with a large number, or divides by a small one.
fn enlarges(graph: &Graph, node: &Node) -> bool {
    const MUCH: f64 = 20.0;
    let mut sizes = graph.inputs_of(node).iter().filter_map(|value| size(graph, *value));
    match node.class {
        Class::Multiply => sizes.any(|size| size >= MUCH),
        Class::Ratio => sizes.any(|size| size > 0.0 && size <= 1.0 / MUCH),
        _ => false,
    }
}

/// Whether a node adds something that counts.
fn lifts(graph: &Graph, node: &Node) -> bool {
    const SOME: f64 = 0.1;
    let mut sizes = graph.inputs_of(node).iter().filter_map(|value| size(graph, *value));
    node.class == Class::Other && sizes.any(|size| size >= SOME)
}

/// Whether a node raises to a power that leaves little of what is below one.
fn raises(graph: &Graph, node: &Node) -> bool {
    const MUCH: f64 = 4.0;
    let by = graph.inputs_of(node).get(1).and_then(|value| size(graph, *value));
    node.class == Class::Power && by.is_some_and(|by| by >= MUCH)
}

/// Whether a step has bounds on both sides: rounding and signs have none to give, clipping has two.
fn is_bounded(graph: &Graph, inputs: &[ValueId]) -> bool {
    let has_bound = |at: usize| {
        let bound = inputs.get(at).and_then(|bound| graph.constant(*bound));
        bound.is_none_or(|bound| bound.elements > 0)
    };
    inputs.len() == 1 || (has_bound(1) && has_bound(2))
}

/// How small a part constant positions name.
fn picked(graph: &Graph, inputs: &[ValueId]) -> Part {
    let constant = |at: usize| inputs.get(at).and_then(|value| graph.constant(*value));
    let one = |constant: &Constant| constant.elements == 1;
    match (constant(1), constant(2)) {
        (Some(index), None) if one(index) => Part::One,
        (Some(from), Some(to)) => {
            let is_one = |(from, to): (&Value, &Value)| match (from, to) {
                (Value::Int(from), Value::Int(to)) => to.saturating_sub(*from) == 1,
                _ => false,
            };
            // Of several dimensions the first is the one of the batch.
            let skipped = usize::from(from.elements > 1);
            let mut ends = from.head.iter().zip(&to.head).skip(skipped).peekable();
            let is_whole = to_u64(from.head.len()) == from.elements && from.elements == to.elements;
            let is_point = is_whole && ends.peek().is_some() && ends.all(is_one);
            if is_point { Part::One } else { Part::Some }
        }
        _ => Part::Some,
    }
}
