//! Hands out the nodes of all graphs and functions one by one, for those who want more than facts.

use super::node::{self, Node};
use super::table;
use crate::protobuf::{Message, Table, Wire, encode, fits_text};
use davy_bytes::{Budget, Bytes, Halt, Span};

/// What a message is, from the outside in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whole {
    /// A `GraphDef`.
    Graph,
    /// A `MetaGraphDef`.
    MetaGraph,
    /// A `SavedModel`.
    SavedModel,
}

/// A node of a graph or function.
#[derive(Clone, Debug)]
pub struct NodeRecord {
    /// Which of the graphs of a saved model.
    pub graph: usize,
    /// The function that it is in; empty for the graph itself.
    pub function: String,
    /// Its name.
    pub name: String,
    /// Its operator.
    pub op: String,
    /// Its inputs, as they are spelled.
    pub inputs: Vec<String>,
    /// The names of its attributes.
    pub attributes: Vec<String>,
}

impl Whole {
    fn table(self) -> &'static Table {
        match self {
            Self::Graph => &table::GRAPH_DEF,
            Self::MetaGraph => &table::META_GRAPH_DEF,
            Self::SavedModel => &table::SAVED_MODEL,
        }
    }
}

/// Hands each node in `bytes`, binary or text, to `each`.
///
/// # Errors
/// Where the message breaks its form, and when the budget is used up.
pub fn nodes(
    bytes: &Bytes,
    whole: Whole,
    budget: &mut Budget,
    each: &mut dyn FnMut(NodeRecord),
) -> Result<(), Halt> {
    let table = whole.table();
    let head = bytes.copy(Span::new(0, bytes.len()), 4096)?;
    let text = fits_text(&head, bytes.len(), table);
    let encoded = if text { Some(encode(bytes, table, budget)?.0) } else { None };
    let bytes = encoded.as_ref().map_or(bytes, |encoded| &encoded.bytes);
    let mut walk = Walk { wire: Wire::new(bytes), budget, each, graphs: 0 };
    walk.message(Message::whole(bytes, table))
}

struct Walk<'a> {
    wire: Wire,
    budget: &'a mut Budget,
    each: &'a mut dyn FnMut(NodeRecord),
    graphs: usize,
}

impl Walk<'_> {
    /// Goes down to the graphs: there are three levels at most.
    fn message(&mut self, whole: Message) -> Result<(), Halt> {
        let mut waiting = vec![whole];
        while let Some(mut message) = waiting.pop() {
            if message.table.name == table::GRAPH_DEF.name {
                self.graph(message)?;
                self.graphs = self.graphs.saturating_add(1);
                continue;
            }
            let mut inside = Vec::new();
            while let Some(field) = self.wire.next(&mut message, self.budget)? {
                if let ("meta_graphs" | "graph_def", Some(table)) =
                    (field.name(), node::table_of(&field))
                {
                    inside.push(message.inside(field.content(), table));
                }
            }
            waiting.extend(inside.into_iter().rev());
        }
        Ok(())
    }

    fn graph(&mut self, mut graph: Message) -> Result<(), Halt> {
        while let Some(field) = self.wire.next(&mut graph, self.budget)? {
            match (field.name(), node::table_of(&field)) {
                ("node", _) => self.node(field.content(), "")?,
                ("library", Some(table)) => {
                    let mut library = graph.inside(field.content(), table);
                    while let Some(field) = self.wire.next(&mut library, self.budget)? {
                        if field.name() == "function" {
                            self.function(field.content())?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&mut self, span: Span) -> Result<(), Halt> {
        let mut name = String::new();
        let mut function = node::message(span, &table::FUNCTION_DEF);
        while let Some(field) = self.wire.next(&mut function, self.budget)? {
            if let ("signature", Some(table)) = (field.name(), node::table_of(&field)) {
                let mut signature = function.inside(field.content(), table);
                while let Some(part) = self.wire.next(&mut signature, self.budget)? {
                    if part.name() == "name" {
                        name = node::text(&mut self.wire, &part)?;
                    }
                }
            }
        }
        let mut function = node::message(span, &table::FUNCTION_DEF);
        while let Some(field) = self.wire.next(&mut function, self.budget)? {
            if field.name() == "node_def" {
                self.node(field.content(), &name)?;
            }
        }
        Ok(())
    }

    fn node(&mut self, span: Span, function: &str) -> Result<(), Halt> {
        let Node { name, op, inputs, attributes, .. } =
            Node::read(&mut self.wire, span, self.budget)?;
        let attributes = attributes.into_iter().map(|(name, _)| name).collect();
        let (graph, function) = (self.graphs, function.to_owned());
        (self.each)(NodeRecord { graph, function, name, op, inputs, attributes });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_graphs_and_functions_are_handed_out_in_order() {
        let text = "node { name: 'a' op: 'Const' } library { function { signature { name: 'f' } \
                    node_def { name: 'b' op: 'Add' input: ['x', '^y'] } } } \
                    node { name: 'c' op: 'f' input: 'a:0' attr { key: 'T' value { type: 1 } } }";
        let bytes = Bytes::from_memory(text.as_bytes());
        let mut seen = Vec::new();
        nodes(&bytes, Whole::Graph, &mut Budget::default(), &mut |it| {
            seen.push(format!(
                "{}/{} {} {:?} {:?}",
                it.function, it.name, it.op, it.inputs, it.attributes
            ));
        })
        .unwrap();
        let expected = ["/a Const [] []", "f/b Add [\"x\", \"^y\"] []", "/c f [\"a:0\"] [\"T\"]"];
        assert_eq!(seen, expected);
    }
}
