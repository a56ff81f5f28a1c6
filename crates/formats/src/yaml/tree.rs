//! The documents of a YAML text as trees: every node once, with aliases as links to what they stand
//! for, so that a few lines that stand for millions of values stay a few nodes.

use super::parser::{Event, Parser, Placed, Properties};
use super::resolve;
use super::scanner::fault;
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};
use std::collections::HashMap;

/// Bytes that a node takes, for the limit on memory.
const NODE: u64 = 128;

/// What a node is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shape {
    /// Pairs of keys and values.
    Mapping(Vec<(u32, u32)>),
    /// A scalar's text.
    Scalar(String),
    /// Elements.
    Sequence(Vec<u32>),
}

/// A node of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leaf {
    /// What it is.
    pub shape: Shape,
    /// Its tag: as it is written, with its handle replaced, or the one that YAML 1.1 gives it.
    pub tag: String,
    /// Whether the tag is written.
    pub is_tagged: bool,
    /// The bytes of the text that it stands on; of a collection, those where it starts.
    pub span: Span,
    /// Nodes that it stands for, itself included, with aliases followed; of a loop, once around.
    pub weight: u64,
}

/// One document: nodes in the order in which they start. The first is the outermost one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    /// The nodes; others name them by their index.
    pub nodes: Vec<Leaf>,
    /// Nodes that stand inside of themselves, by the aliases that say so.
    pub loops: Vec<Span>,
}

/// Everything in a text.
#[derive(Debug, Default)]
pub struct Stream {
    /// The documents that were read to their end, and the start of the one that was not.
    pub documents: Vec<Tree>,
    /// Why reading stopped before the end.
    pub fault: Option<Halt>,
}

/// A collection that has not ended.
struct Open {
    index: u32,
    /// The key whose value comes next.
    key: Option<u32>,
}

/// Composes all documents of `text`, as PyYAML's `compose_all` does.
#[must_use]
pub fn compose(text: &str, budget: &mut Budget) -> Stream {
    let mut composer = Composer {
        parser: Parser::new(text),
        tree: Tree::default(),
        open: Vec::new(),
        anchors: HashMap::new(),
        most: to_usize((budget.left().memory / 4).checked_div(NODE).unwrap_or(0)),
    };
    let mut stream = Stream::default();
    loop {
        match composer.step(budget) {
            Ok(Step::On) => {}
            Ok(Step::Document) => stream.documents.push(std::mem::take(&mut composer.tree)),
            Ok(Step::End) => return stream,
            Err(halt) => {
                composer.finish();
                if !composer.tree.nodes.is_empty() {
                    stream.documents.push(composer.tree);
                }
                stream.fault = Some(halt);
                return stream;
            }
        }
    }
}

enum Step {
    Document,
    End,
    On,
}

struct Composer<'t> {
    parser: Parser<'t>,
    tree: Tree,
    open: Vec<Open>,
    anchors: HashMap<String, u32>,
    most: usize,
}

impl Composer<'_> {
    fn step(&mut self, budget: &mut Budget) -> Result<Step, Halt> {
        let Placed { event, start, end } = self.parser.next()?;
        let span = Span::between(to_u64(start), to_u64(end));
        budget.spend_steps(1, span.start)?;
        match event {
            Event::StreamEnd => return Ok(Step::End),
            Event::DocumentStart => {}
            Event::DocumentEnd => {
                self.anchors.clear();
                return Ok(Step::Document);
            }
            Event::Alias(name) => {
                let target = self.anchors.get(&name).copied();
                let index = target.ok_or_else(|| fault(start, "an alias of nothing"))?;
                if self.open.iter().rev().any(|open| open.index == index) {
                    self.tree.loops.push(span);
                }
                self.place(index);
            }
            Event::Scalar { properties, text, plain } => {
                let tag = if plain { resolve::tag(&text) } else { "tag:yaml.org,2002:str" };
                let index = self.add(properties, tag, Shape::Scalar(text), span)?;
                self.place(index);
            }
            Event::SequenceStart(properties) => {
                let shape = Shape::Sequence(Vec::new());
                let index = self.add(properties, "tag:yaml.org,2002:seq", shape, span)?;
                self.open.push(Open { index, key: None });
            }
            Event::MappingStart(properties) => {
                let shape = Shape::Mapping(Vec::new());
                let index = self.add(properties, "tag:yaml.org,2002:map", shape, span)?;
                self.open.push(Open { index, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
        Ok(Step::On)
    }

    fn add(
        &mut self,
        properties: Properties,
        resolved: &str,
        shape: Shape,
        span: Span,
    ) -> Result<u32, Halt> {
        if self.tree.nodes.len() >= self.most {
            return Err(Halt::exhausted(span.start, "the limit on memory"));
        }
        let index = u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX);
        if let Some(anchor) = properties.anchor
            && self.anchors.insert(anchor, index).is_some()
        {
            return Err(Halt::malformed(span.start, "the same anchor twice"));
        }
        let tag = properties.tag.filter(|tag| tag != "!");
        let is_tagged = tag.is_some();
        let tag = tag.unwrap_or_else(|| resolved.to_owned());
        self.tree.nodes.push(Leaf { shape, tag, is_tagged, span, weight: 1 });
        Ok(index)
    }

    /// Puts a finished node, or one that an alias stands for, into the collection around it.
    fn place(&mut self, index: u32) {
        let weight = self.tree.node(index).map_or(1, |node| node.weight);
        let Some(open) = self.open.last_mut() else { return };
        let Some(around) = self.tree.nodes.get_mut(to_usize(u64::from(open.index))) else { return };
        around.weight = around.weight.saturating_add(weight);
        match &mut around.shape {
            Shape::Sequence(items) => items.push(index),
            Shape::Mapping(pairs) => match open.key.take() {
                Some(key) => pairs.push((key, index)),
                None => open.key = Some(index),
            },
            Shape::Scalar(_) => {}
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.place(open.index);
        }
    }

    /// Ends what a fault has left open.
    fn finish(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }
}

impl Tree {
    /// The node of an index.
    #[must_use]
    pub fn node(&self, index: u32) -> Option<&Leaf> {
        self.nodes.get(to_usize(u64::from(index)))
    }

    /// A scalar's text.
    #[must_use]
    pub fn text(&self, index: u32) -> Option<&str> {
        match &self.node(index)?.shape {
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Nodes that the document stands for with all aliases followed.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.node(0).map_or(0, |node| node.weight)
    }
}
