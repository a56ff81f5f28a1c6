//! Finds where a graph replaces what its layers computed by something else, when its input meets a
//! condition: the shape of backdoors that need no training (ShadowLogic, HiddenLayer 2024).
//!
//! What is looked for is a condition on data that holds for an input as a whole (a comparison with
//! constants, with sums, maxima or single positions before or behind it), which meets the result of
//! most of the layers, with nothing but a straight way to an output behind. Masks of padding and
//! attention hold number by number, or have other data flow around them; conditions on shapes are
//! none on data; choices between two networks by what these found replace nothing. Where a condition
//! on the input itself puts numbers of the file's own between layers, it does not matter what flows
//! around.

use super::flow::{Flow, Kind, Tells};
use super::order::Order;
use super::{Class, Graph, Node, NodeId, ValueId};
use davy_bytes::{Budget, Halt, to_u64, to_usize};
use std::collections::BTreeMap;

/// Overrides that are told.
const TOLD: usize = 16;

/// Nodes of a way that are told on each side of a comparison.
const WAY: usize = 24;

/// Places for which it is found out whether everything passes through them.
const TRIED: u32 = 64;

/// A place where a graph replaces what it computed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Override {
    /// Nodes from an input to an output, through the comparison and the replacement.
    pub path: Vec<NodeId>,
    /// The node that compares.
    pub comparison: NodeId,
    /// The constant that it compares with.
    pub constant: Option<ValueId>,
    /// The node that replaces.
    pub replacement: NodeId,
    /// Layers with learned numbers before what is replaced.
    pub replaced: u32,
    /// Such layers before the comparison.
    pub before: u32,
    /// Such layers behind the replacement.
    pub behind: u32,
    /// Whether the condition is one on what the layers found, and not on the input itself.
    pub is_own: bool,
}

/// Every place where a graph replaces what it computed.
///
/// # Errors
/// What the budget says about steps.
pub fn overrides(graph: &Graph, budget: &mut Budget) -> Result<Vec<Override>, Halt> {
    let has = |wanted: fn(Class) -> bool| graph.nodes().iter().any(|node| wanted(node.class));
    if !has(Class::decides) || !has(|class| class == Class::Weighted) {
        return Ok(Vec::new());
    }
    budget.spend_steps(to_u64(graph.nodes().len()).saturating_mul(4), 0)?;
    let order = Order::of(graph);
    let flow = Flow::of(graph, &order);
    let behind = Behind::of(graph, &order, &flow);
    let mut search = Search { graph, order: &order, flow: &flow, behind: &behind, tried: 0 };
    // The last place of each condition is the one where it takes effect.
    let mut found: BTreeMap<NodeId, Override> = BTreeMap::new();
    for id in &order.nodes {
        let Some(node) = graph.get(*id) else { continue };
        if let Some(it) = search.meets(*id, node, budget)? {
            found.insert(it.comparison, it);
        }
        if found.len() >= TOLD {
            break;
        }
    }
    Ok(found.into_values().collect())
}

/// What lies behind each value.
struct Behind {
    /// Layers on the longest way from it to an output.
    layers: Vec<u32>,
    /// Whether a way leads from it to an output on which no other data joins.
    is_straight: Vec<bool>,
    /// Whether a layer works on it, or on what is made of it otherwise than by comparing.
    is_worked_on: Vec<bool>,
}

impl Behind {
    fn of(graph: &Graph, order: &Order, flow: &Flow) -> Self {
        let count = to_usize(u64::from(graph.values()));
        let mut behind = Self {
            layers: vec![0; count],
            is_straight: vec![false; count],
            is_worked_on: vec![false; count],
        };
        for output in graph.outputs() {
            behind.set(*output, 0, true);
        }
        for id in order.nodes.iter().rev() {
            let Some(node) = graph.get(*id) else { continue };
            let results = graph.outputs_of(node).iter();
            let is_layer = flow.is_layer(graph, node);
            let (mut layers, mut straight, mut worked_on) = (0, false, is_layer);
            for result in results {
                layers = layers.max(behind.layers(*result));
                straight |= behind.is_straight(*result);
                worked_on |= behind.is_worked_on(*result);
            }
            layers = layers.saturating_add(u32::from(is_layer));
            for (at, input) in graph.inputs_of(node).iter().enumerate() {
                let passes = straight && passes(graph, flow, node, *input);
                behind.set(*input, layers, passes);
                let asks = match node.class {
                    Class::Compare | Class::Shape => true,
                    Class::Select => at == 0,
                    _ => false,
                };
                if let Some(slot) = behind.is_worked_on.get_mut(to_usize(u64::from(*input))) {
                    *slot |= worked_on && !asks;
                }
            }
        }
        behind
    }

    fn set(&mut self, value: ValueId, layers: u32, straight: bool) {
        let at = to_usize(u64::from(value));
        if let (Some(most), Some(is)) = (self.layers.get_mut(at), self.is_straight.get_mut(at)) {
            *most = (*most).max(layers);
            *is |= straight;
        }
    }

    fn layers(&self, value: ValueId) -> u32 {
        self.layers.get(to_usize(u64::from(value))).copied().unwrap_or(0)
    }

    fn is_worked_on(&self, value: ValueId) -> bool {
        self.is_worked_on.get(to_usize(u64::from(value))).copied().unwrap_or(false)
    }

    fn is_straight(&self, value: ValueId) -> bool {
        self.is_straight.get(to_usize(u64::from(value))).copied().unwrap_or(false)
    }
}

/// Whether the results of a node are what it makes of `value`, without other data.
fn passes(graph: &Graph, flow: &Flow, node: &Node, value: ValueId) -> bool {
    let inputs = graph.inputs_of(node);
    let first = inputs.first() == Some(&value);
    match node.class {
        Class::Concat => true,
        Class::Select => !first,
        Class::Pick => first,
        Class::Compare | Class::Replaced | Class::Shape => false,
        Class::AtLeast
        | Class::AtMost
        | Class::Exponential
        | Class::Item
        | Class::Move
        | Class::Multiply
        | Class::Other
        | Class::Power
        | Class::Ratio
        | Class::Reduce
        | Class::Sieve
        | Class::Squash
        | Class::Step
        | Class::Tree
        | Class::Weighted
        | Class::Whole => {
            let root = flow.root(value);
            let other = |it: &ValueId| {
                *it != value && flow.get(*it).tells.is_none() && flow.root(*it) != root
            };
            !flow.data(graph, node).any(|it| other(&it))
        }
    }
}

/// Layers around a replacement.
struct Layers {
    replaced: u32,
    behind: u32,
    is_own: bool,
}

struct Search<'a> {
    graph: &'a Graph,
    order: &'a Order,
    flow: &'a Flow,
    behind: &'a Behind,
    tried: u32,
}

impl Search<'_> {
    /// Whether a condition meets the result of the layers at this node.
    fn meets(
        &mut self,
        id: NodeId,
        node: &Node,
        budget: &mut Budget,
    ) -> Result<Option<Override>, Halt> {
        let Some((teller, bulk, is_strong)) = self.pair(node) else { return Ok(None) };
        let known = self.flow.get(teller);
        let Some(tells) = known.tells.or(known.gated) else { return Ok(None) };
        let replaced = self.flow.get(bulk).depth;
        let results = self.graph.outputs_of(node);
        let behind = results.iter().map(|it| self.behind.layers(*it)).max().unwrap_or(0);
        if replaced <= tells.depth.min(1)
            && let Some(swap) = self.swaps(id, node, (teller, bulk), budget)?
        {
            return Ok(Some(swap));
        }
        // In a model of one layer everything that is added to its result is a feature like others.
        let least = if node.class == Class::Select { 1 } else { 2 };
        // A condition on the input as a whole that brings in numbers of the file's own: nothing that
        // networks do for themselves has this shape.
        let is_brought = (is_strong || tells.is_spread)
            && (!tells.has_layer || tells.is_learned)
            && tells.depth == 0
            && tells.is_global
            && (tells.is_summed || tells.is_pointed);
        let is_open = tells.is_learned && node.class != Class::Select && !tells.is_spread;
        if replaced < least || (replaced < behind && !is_brought) || is_open {
            return Ok(None);
        }
        // A condition on what the layers found is common (thresholds of scores); one on a single
        // class of it, for the input as a whole, is not.
        let late = tells.depth > 0 && tells.depth.saturating_mul(2) > replaced;
        if !(tells.is_global || is_strong) || (late && !tells.is_pointed) {
            return Ok(None);
        }
        let straight = results.iter().any(|it| self.behind.is_straight(*it));
        if !straight && !is_brought && !self.is_cut(id, node, replaced, budget)? {
            return Ok(None);
        }
        let layers = Layers { replaced, behind, is_own: late };
        Ok(Some(self.told(id, teller, &tells, layers)))
    }

    fn told(&self, id: NodeId, teller: ValueId, tells: &Tells, layers: Layers) -> Override {
        let constant = self.graph.get(tells.comparison).and_then(|comparison| {
            let inputs = self.graph.inputs_of(comparison).iter();
            inputs.copied().find(|it| self.flow.get(*it).kind == Kind::Constant)
        });
        Override {
            path: self.path(id, teller, tells.comparison),
            comparison: tells.comparison,
            constant,
            replacement: id,
            replaced: layers.replaced,
            before: tells.depth,
            behind: layers.behind,
            is_own: layers.is_own,
        }
    }

    /// Whether a condition on the input decides here that all layers work on something else than
    /// the input.
    fn swaps(
        &mut self,
        id: NodeId,
        node: &Node,
        (teller, bulk): (ValueId, ValueId),
        budget: &mut Budget,
    ) -> Result<Option<Override>, Halt> {
        let Some(tells) = self.flow.get(teller).tells else { return Ok(None) };
        let behind = self.behind_of(node);
        if behind < 2 || tells.depth > 1 || !tells.is_global {
            return Ok(None);
        }
        // What stands in its place has to be of the file, and more than one number: inputs that are
        // damaged are often replaced by zeros.
        let inputs = self.graph.inputs_of(node);
        let brings = match node.class {
            Class::Select => inputs.iter().skip(1).any(|it| {
                let constant = self.graph.constant(*it);
                self.flow.get(*it).kind == Kind::Constant
                    && constant.is_none_or(|constant| constant.elements > 1)
            }),
            _ => tells.is_spread,
        };
        if !brings || self.reaches_around(id, bulk, budget)? {
            return Ok(None);
        }
        let layers = Layers { replaced: 0, behind, is_own: false };
        Ok(Some(self.told(id, teller, &tells, layers)))
    }

    /// Whether a value reaches an output otherwise than through a node and through conditions.
    fn reaches_around(
        &mut self,
        id: NodeId,
        value: ValueId,
        budget: &mut Budget,
    ) -> Result<bool, Halt> {
        self.tried = self.tried.saturating_add(1);
        if self.tried > TRIED {
            return Ok(true);
        }
        budget.spend_steps(to_u64(self.order.nodes.len()), 0)?;
        let mut reached = vec![false; to_usize(u64::from(self.graph.values()))];
        let is_reached = |value: ValueId, reached: &[bool]| {
            reached.get(to_usize(u64::from(value))) == Some(&true)
        };
        let mark = |value: ValueId, reached: &mut [bool]| {
            if let Some(slot) = reached.get_mut(to_usize(u64::from(value))) {
                *slot = true;
            }
        };
        mark(value, &mut reached);
        for other in &self.order.nodes {
            let Some(it) = self.graph.get(*other) else { continue };
            let ends = *other == id || matches!(it.class, Class::Compare | Class::Shape);
            if ends || !self.graph.inputs_of(it).iter().any(|it| is_reached(*it, &reached)) {
                continue;
            }
            for output in self.graph.outputs_of(it) {
                if self.flow.get(*output).tells.is_none_or(|tells| !tells.is_global) {
                    mark(*output, &mut reached);
                }
            }
        }
        Ok(self.graph.outputs().iter().any(|output| is_reached(*output, &reached)))
    }

    /// The input of a node that tells of a condition, the one that comes from the layers, and
    /// whether the way in which they meet is already that of a replacement.
    fn pair(&self, node: &Node) -> Option<(ValueId, ValueId, bool)> {
        let inputs = self.graph.inputs_of(node);
        let deepest = |values: &[ValueId]| {
            let plain = values.iter().filter(|it| {
                let known = self.flow.get(**it);
                known.kind == Kind::Data && known.tells.is_none()
            });
            plain.copied().max_by_key(|it| self.flow.get(*it).depth)
        };
        let teller = |values: &[ValueId]| {
            let told = values.iter().copied().filter(|it| self.flow.get(*it).tells.is_some());
            told.max_by_key(|it| self.flow.get(*it).tells.is_some_and(|it| it.is_global))
        };
        match node.class {
            Class::Select => {
                let [condition, branches @ ..] = inputs else { return None };
                let teller = teller(&[*condition])?;
                let bulk = deepest(branches)?;
                if self.alters(teller, branches) {
                    return Some((teller, bulk, true));
                }
                let other = branches.iter().copied().find(|it| *it != bulk)?;
                let depth = self.flow.get(other).depth;
                let shallow = depth.saturating_mul(2) <= self.flow.get(bulk).depth;
                // Who is sure after a few layers may leave out the others.
                let before = self.flow.get(teller).tells.map_or(0, |tells| tells.depth);
                let leaves = before > 1 && depth >= before;
                let replaces = shallow && !leaves;
                let elements = self.graph.constant(other).map_or(0, |other| other.elements);
                replaces.then_some((teller, bulk, elements > 1))
            }
            Class::Item | Class::Pick => {
                let (data, index) = inputs.split_first()?;
                let teller = teller(index)?;
                let orders = self.flow.get(teller).tells.is_some_and(|tells| tells.is_spread);
                // Places that are constant but for the condition: other classes under the numbers.
                // Or rows that are sorted out by it.
                let bulk = if orders || self.sorts(teller) { deepest(&[*data]) } else { None };
                Some((teller, bulk.or_else(|| self.stacked(*data))?, false))
            }
            Class::Power | Class::Ratio => {
                let teller = teller(inputs)?;
                let tells = self.flow.get(teller).tells?;
                let class = self.graph.get(tells.comparison).map(|node| node.class)?;
                // Lengths that are kept from being nothing are what honest networks divide by.
                let is_limit = matches!(class, Class::AtLeast | Class::AtMost | Class::Whole);
                (!is_limit && !tells.is_count).then_some((teller, deepest(inputs)?, false))
            }
            Class::Other if teller(inputs).is_none() => {
                // What a truth was multiplied with comes back to what it was made of.
                let gated = |it: &ValueId| self.flow.get(*it).gated.is_some();
                let teller = inputs.iter().copied().find(gated)?;
                let rest: Vec<ValueId> = inputs.iter().copied().filter(|it| !gated(it)).collect();
                Some((teller, deepest(&rest)?, false))
            }
            Class::Other if deepest(inputs).is_none() => {
                // The input, silenced by a truth, and what comes in its place by the same truth.
                let gated = |it: &ValueId| self.flow.get(*it).gated.is_some();
                let bulk = inputs.iter().copied().find(gated)?;
                let rest: Vec<ValueId> = inputs.iter().copied().filter(|it| *it != bulk).collect();
                Some((teller(&rest)?, bulk, false))
            }
            Class::AtLeast
            | Class::AtMost
            | Class::Multiply
            | Class::Other
            | Class::Step
            | Class::Weighted => Some((teller(inputs)?, deepest(inputs)?, false)),
            _ => None,
        }
    }

    /// Whether a condition on the input as a whole chooses between two answers of the layers: as it
    /// is and altered, or by another last layer. An input that no layer works on, such as the rate of a
    /// recording, is a switch that callers see, and may choose between networks.
    fn alters(&self, teller: ValueId, branches: &[ValueId]) -> bool {
        let Some(tells) = self.flow.get(teller).tells else { return false };
        let class = self.graph.get(tells.comparison).map(|node| node.class);
        let is_limit = matches!(class, Some(Class::AtLeast | Class::AtMost | Class::Whole));
        let is_raw = tells.depth == 0 && tells.is_global && (tells.is_summed || tells.is_pointed);
        let mut roots = branches.iter().map(|it| self.flow.root(*it));
        let first = roots.next();
        let is_one = roots.all(|root| Some(root) == first);
        let are_deep = branches.iter().all(|it| self.flow.get(*it).depth > 1);
        is_raw && are_deep && (is_one || (!is_limit && !self.is_switch(tells.comparison)))
    }

    /// Whether all that a node compares with constants is inputs that no layer works on.
    fn is_switch(&self, comparison: NodeId) -> bool {
        let Some(node) = self.graph.get(comparison) else { return false };
        let mut roots = self.flow.data(self.graph, node).map(|value| self.flow.root(value));
        roots.all(|it| self.graph.inputs().contains(&it) && !self.behind.is_worked_on(it))
    }

    /// Whether a value says yes or no, and not how many or which.
    fn sorts(&self, teller: ValueId) -> bool {
        let Some(tells) = self.flow.get(teller).tells else { return false };
        let comparison = self.graph.get(tells.comparison).map(|node| node.class);
        tells.is_global && !tells.is_count && comparison == Some(Class::Compare)
    }

    /// What of the parts that `value` is put together of comes from the layers, where another part
    /// does not.
    fn stacked(&self, value: ValueId) -> Option<ValueId> {
        let mut value = value;
        for _ in 0..4 {
            let node = self.graph.get(self.order.producer(value)?)?;
            let inputs = self.graph.inputs_of(node);
            if node.class == Class::Concat {
                let depth = |it: &ValueId| self.flow.get(*it).depth;
                let bulk = inputs.iter().copied().max_by_key(depth)?;
                let other = inputs.iter().any(|it| depth(it).saturating_mul(2) < depth(&bulk));
                return other.then_some(bulk);
            }
            value = *inputs.first()?;
        }
        None
    }

    /// Whether next to nothing of the layers reaches some output that depends on this node
    /// otherwise than through it.
    fn is_cut(
        &mut self,
        id: NodeId,
        node: &Node,
        replaced: u32,
        budget: &mut Budget,
    ) -> Result<bool, Halt> {
        self.tried = self.tried.saturating_add(1);
        if self.tried > TRIED {
            return Ok(false);
        }
        budget.spend_steps(to_u64(self.order.nodes.len()), 0)?;
        let count = to_usize(u64::from(self.graph.values()));
        // By value: layers on ways around the node, and whether it depends on the node.
        let mut around: Vec<(u32, bool)> = vec![(0, false); count];
        let set = |value: ValueId, to: (u32, bool), around: &mut Vec<(u32, bool)>| {
            if let Some(slot) = around.get_mut(to_usize(u64::from(value))) {
                *slot = to;
            }
        };
        let get = |value: ValueId, around: &[(u32, bool)]| {
            around.get(to_usize(u64::from(value))).copied().unwrap_or_default()
        };
        for other in &self.order.nodes {
            let Some(it) = self.graph.get(*other) else { continue };
            let layer = u32::from(self.flow.is_layer(self.graph, it));
            let (mut layers, mut depends) = (0, false);
            for input in self.flow.data(self.graph, it) {
                let (known, through) = get(input, &around);
                layers = layers.max(known);
                depends |= through;
            }
            let fresh = (layers.saturating_add(layer), depends);
            for output in self.graph.outputs_of(it) {
                if *other == id {
                    set(*output, (0, true), &mut around);
                } else if self.order.producer(*output) == Some(*other) {
                    set(*output, fresh, &mut around);
                }
            }
        }
        let total = replaced.saturating_add(self.behind_of(node));
        let outputs = self.graph.outputs().iter().map(|output| get(*output, &around));
        let mut cut = outputs.filter(|(_, depends)| *depends);
        Ok(cut.any(|(layers, _)| {
            let own = layers.saturating_sub(self.behind_of(node));
            own.saturating_mul(10) <= total
        }))
    }

    fn behind_of(&self, node: &Node) -> u32 {
        let results = self.graph.outputs_of(node).iter();
        results.map(|it| self.behind.layers(*it)).max().unwrap_or(0)
    }

    /// Nodes from an input through the comparison and the replacement to an output.
    fn path(&self, replacement: NodeId, teller: ValueId, comparison: NodeId) -> Vec<NodeId> {
        let mut back = vec![replacement];
        let tells = |it: &ValueId| self.flow.get(*it).tells.is_some();
        let mut value = Some(teller);
        while let Some(node) = value.and_then(|value| self.order.producer(value)) {
            back.push(node);
            if node == comparison || back.len() > WAY {
                break;
            }
            value = self.inputs(node).iter().copied().find(tells);
        }
        let mut value = self.inputs(comparison).iter().copied().find(|it| self.flow.is_data(*it));
        while let Some(node) = value.and_then(|value| self.order.producer(value)) {
            if back.len() > WAY.saturating_mul(2) {
                break;
            }
            back.push(node);
            value = self.inputs(node).iter().copied().find(|it| self.flow.is_data(*it));
        }
        back.reverse();
        let mut next = self.next(replacement);
        for _ in 0..WAY {
            let Some(node) = next else { break };
            back.push(node);
            next = self.next(node);
        }
        back
    }

    fn inputs(&self, node: NodeId) -> &[ValueId] {
        self.graph.get(node).map_or(&[], |node| self.graph.inputs_of(node))
    }

    /// The node that stands next on a straight way to an output.
    fn next(&self, node: NodeId) -> Option<NodeId> {
        let node = self.graph.get(node)?;
        let results = self.graph.outputs_of(node);
        let user = |value: &ValueId| {
            let straight = |id: &&NodeId| {
                let user = self.graph.get(**id);
                user.is_some_and(|user| {
                    let mut results = self.graph.outputs_of(user).iter();
                    passes(self.graph, self.flow, user, *value)
                        && results.any(|it| self.behind.is_straight(*it))
                })
            };
            self.order.users(*value).iter().find(straight).copied()
        };
        results.iter().find_map(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Constant;
    use davy_artifact::Value;
    use davy_bytes::Span;

    /// Two layers, whose result is replaced where one of many comparisons holds: that at a fixed
    /// place, or that at the place that a loop has come to.
    fn graph(is_turn: bool) -> Graph {
        let mut graph = Graph::default();
        let values: Vec<ValueId> = (0..11).map(|_| graph.value().unwrap()).collect();
        let [_, x, zero, truths, place, truth, weights, first, second, other, answer] = values[..]
        else {
            panic!("eleven values");
        };
        graph.set_input(x);
        graph.set_output(answer);
        let number = |elements| Constant { elements, head: vec![Value::Int(0)], is_column: false };
        graph.set_constant(zero, number(1));
        graph.set_constant(weights, number(64));
        graph.set_constant(other, number(1));
        if is_turn {
            graph.set_turn(place);
        }
        let nodes: [(Class, &[ValueId], ValueId); 6] = [
            (Class::Other, &[zero], place),
            (Class::Compare, &[x, zero], truths),
            (Class::Pick, &[truths, place], truth),
            (Class::Weighted, &[x, weights], first),
            (Class::Weighted, &[first, weights], second),
            (Class::Select, &[truth, other, second], answer),
        ];
        for (class, inputs, output) in nodes {
            graph.node(class, 0, Span::default(), inputs, &[output]).unwrap();
        }
        graph
    }

    #[test]
    fn places_that_a_loop_counts_are_not_conditions_on_the_input_as_a_whole() {
        let found = |is_turn| overrides(&graph(is_turn), &mut Budget::default()).unwrap().len();
        assert_eq!((found(false), found(true)), (1, 0));
    }

    /// Two networks of two layers each, between which a comparison chooses: of an input of its own, or of
    /// the sum of the one that they work on.
    fn choice(is_switch: bool) -> Graph {
        let mut graph = Graph::default();
        let values: Vec<ValueId> = (0..12).map(|_| graph.value().unwrap()).collect();
        let [_, x, mode, number, place, truth, weights, a, b, c, d, answer] = values[..] else {
            panic!("twelve values");
        };
        graph.set_input(x);
        graph.set_input(mode);
        graph.set_output(answer);
        let constant =
            |elements| Constant { elements, head: vec![Value::Int(0)], is_column: false };
        graph.set_constant(number, constant(1));
        graph.set_constant(weights, constant(64));
        let asked = if is_switch { mode } else { x };
        let nodes: [(Class, &[ValueId], ValueId); 7] = [
            (Class::Reduce, &[asked], place),
            (Class::Compare, &[place, number], truth),
            (Class::Weighted, &[x, weights], a),
            (Class::Weighted, &[a, weights], b),
            (Class::Weighted, &[x, weights], c),
            (Class::Weighted, &[c, weights], d),
            (Class::Select, &[truth, b, d], answer),
        ];
        for (class, inputs, output) in nodes {
            graph.node(class, 0, Span::default(), inputs, &[output]).unwrap();
        }
        graph
    }

    #[test]
    fn an_input_that_no_layer_works_on_may_choose_between_networks() {
        let found =
            |is_switch| overrides(&choice(is_switch), &mut Budget::default()).unwrap().len();
        assert_eq!((found(false), found(true)), (1, 0));
    }
}
