//! Where data comes into a graph that has no signatures, and where it leaves it.

use super::graph::Graph;
use super::node::Node;
use super::nodes::Named;
use super::{Place, Sink, kinds, value};
use davy_artifact::{Fact, Route, Site, Value};
use davy_bytes::{Halt, to_usize};

/// Placeholders, and results, that are told of one graph.
const TOLD: usize = 64;

impl Graph {
    /// Tells of the placeholders of the graph, and of the nodes whose results no other takes.
    pub(super) fn tell_ends(
        &mut self,
        place: Place<'_>,
        (reading, budget): Sink<'_>,
    ) -> Result<(), Halt> {
        for (owner, numbers) in [("graph inputs", self.given()), ("graph outputs", self.left())] {
            for number in numbers {
                let Some(span) = self.nodes.get(number).map(|node| node.span) else { continue };
                let node = Node::read(&mut self.wire, span, budget)?;
                let mut known = Vec::new();
                for attribute in ["dtype", "T", "shape"] {
                    if let Some(at) = node.attribute(attribute) {
                        let value = value::attribute(&mut self.wire, at, budget)?;
                        known.push((attribute.to_owned(), value));
                    }
                }
                let site = Site { span: place.span(span), route: Route::Node(node.name.clone()) };
                let value = Value::Call(Box::new(davy_artifact::Call {
                    callee: Value::Name(davy_artifact::Name::new(node.op.as_str(), "")),
                    args: Vec::new(),
                    kwargs: known,
                    manner: davy_artifact::Manner::Called,
                }));
                let (owner, name) = (owner.to_owned(), node.name);
                reading.fact(Fact::Attribute { owner, name, value, site });
            }
        }
        Ok(())
    }

    /// The first placeholders, by number.
    fn given(&self) -> Vec<u32> {
        self.outer_nodes(kinds::is_input).take(TOLD).collect()
    }

    /// The first nodes that make something which no node of the graph takes, by number.
    fn left(&self) -> Vec<u32> {
        let mut taken = vec![false; self.nodes.all().len()];
        for (number, node) in (0_u32..).zip(self.nodes.all()) {
            if node.scope != 0 {
                continue;
            }
            for link in self.nodes.links_of(number) {
                if let Some(Named::Node(from)) = self.nodes.target(link)
                    && let Some(slot) = taken.get_mut(to_usize(u64::from(from)))
                {
                    *slot = true;
                }
            }
        }
        let is_taken = |number: &u32| taken.get(to_usize(u64::from(*number))) == Some(&true);
        let ends = self.outer_nodes(|op| !kinds::is_silent(op) && !kinds::is_input(op));
        ends.filter(|number| !is_taken(number)).take(TOLD).collect()
    }

    /// The nodes outside of functions whose operator is wanted, by number.
    fn outer_nodes(&self, wanted: fn(&str) -> bool) -> impl Iterator<Item = u32> + '_ {
        let ops: Vec<bool> = self.nodes.ops().iter().map(|op| wanted(&op.name)).collect();
        (0_u32..).zip(self.nodes.all()).filter_map(move |(number, node)| {
            let is_wanted = ops.get(to_usize(u64::from(node.op))) == Some(&true);
            (node.scope == 0 && is_wanted).then_some(number)
        })
    }
}
