//! Nodes and their attributes, as a message has them.

use super::tables;
use super::tensor::is_payload;
use crate::protobuf::{Field, Message, Wire};
use davy_bytes::{Budget, Halt, Span};

/// Numbers and texts of an attribute that are kept.
pub const SHOWN: usize = 64;

/// A node.
#[derive(Clone, Debug, Default)]
pub struct NodeRecord {
    /// The message.
    pub span: Span,
    /// Its name.
    pub name: Span,
    /// The operator's name.
    pub op_type: Span,
    /// The set of operators.
    pub domain: Span,
    /// Names of its inputs.
    pub inputs: Vec<Span>,
    /// Names of its outputs.
    pub outputs: Vec<Span>,
    /// Its attributes.
    pub attributes: Vec<AttributeRecord>,
    /// Unknown fields in it and its attributes.
    pub unknown: Vec<Field>,
    /// Texts and bytes in it that could be more than they say.
    pub payloads: Vec<Span>,
    /// How many more parts may be kept.
    room: usize,
}

/// An attribute. Of lists, what is kept are the first [`SHOWN`] and how many there are.
#[derive(Clone, Debug, Default)]
pub struct AttributeRecord {
    /// Its name.
    pub name: Span,
    /// The number of its type, as it says itself; zero in files before 2017, which do not.
    pub kind: i64,
    /// A number.
    pub f: Option<f64>,
    /// A whole number.
    pub i: Option<i64>,
    /// Text or bytes.
    pub s: Option<Span>,
    /// A tensor.
    pub t: Option<Message>,
    /// A graph.
    pub g: Option<Message>,
    /// A sparse tensor.
    pub sparse: Option<Message>,
    /// Numbers.
    pub floats: (Vec<f64>, u64),
    /// Whole numbers.
    pub ints: (Vec<i64>, u64),
    /// Texts.
    pub strings: (Vec<Span>, u64),
    /// Tensors.
    pub tensors: Vec<Message>,
    /// Graphs.
    pub graphs: Vec<Message>,
    /// Sparse tensors.
    pub sparse_tensors: Vec<Message>,
    /// The attribute of the function that stands for it.
    pub reference: Option<Span>,
}

impl NodeRecord {
    /// Reads a node into this one, whose room is used again.
    ///
    /// # Errors
    /// What [`Wire::next`] says, and what the budget says about memory.
    pub fn read(
        &mut self,
        wire: &mut Wire,
        mut message: Message,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        self.clear(Span::between(message.at, message.end));
        self.room = room(budget);
        while let Some(field) = wire.next(&mut message, budget)? {
            let span = field.content();
            match field.name() {
                "input" => self.inputs.push(span),
                "output" => self.outputs.push(span),
                "name" => self.name = span,
                "op_type" => self.op_type = span,
                "domain" => self.domain = span,
                "attribute" => {
                    let inside = message.inside(span, &tables::ATTRIBUTE);
                    self.attribute(wire, inside, budget)?;
                }
                "doc_string" if is_payload(wire, span)? => self.payloads.push(span),
                "" => self.unknown.push(field),
                _ => {}
            }
            self.keep(field.span.start)?;
        }
        Ok(())
    }

    /// Reads an attribute that is in no node, as the only one of this.
    ///
    /// # Errors
    /// As [`NodeRecord::read`].
    pub fn read_attribute(
        &mut self,
        wire: &mut Wire,
        message: Message,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        self.clear(Span::between(message.at, message.end));
        self.room = room(budget);
        self.attribute(wire, message, budget)
    }

    /// Pays for a part that is kept.
    fn keep(&mut self, at: u64) -> Result<(), Halt> {
        let left = self.room.checked_sub(1);
        self.room = left.ok_or_else(|| Halt::exhausted(at, "the limit on memory"))?;
        Ok(())
    }

    fn clear(&mut self, span: Span) {
        self.span = span;
        self.name = Span::default();
        self.op_type = Span::default();
        self.domain = Span::default();
        self.inputs.clear();
        self.outputs.clear();
        self.attributes.clear();
        self.unknown.clear();
        self.payloads.clear();
    }

    fn attribute(
        &mut self,
        wire: &mut Wire,
        mut message: Message,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut attribute = AttributeRecord::default();
        while let Some(field) = wire.next(&mut message, budget)? {
            let span = field.content();
            let inside = |table| message.inside(span, table);
            match field.name() {
                "name" => attribute.name = span,
                "type" => attribute.kind = field.int(),
                "f" => attribute.f = Some(field.float()),
                "i" => attribute.i = Some(field.int()),
                "s" => {
                    attribute.s = Some(span);
                    self.look(wire, span)?;
                }
                "t" => attribute.t = Some(inside(&tables::TENSOR)),
                "g" => attribute.g = Some(inside(&tables::GRAPH)),
                "sparse_tensor" => attribute.sparse = Some(inside(&tables::SPARSE_TENSOR)),
                "floats" | "ints" => attribute.numbers(wire, &field, budget)?,
                "strings" => {
                    attribute.strings.1 = attribute.strings.1.saturating_add(1);
                    if attribute.strings.0.len() < SHOWN {
                        attribute.strings.0.push(span);
                    }
                    self.look(wire, span)?;
                }
                "tensors" => attribute.tensors.push(inside(&tables::TENSOR)),
                "graphs" => attribute.graphs.push(inside(&tables::GRAPH)),
                "sparse_tensors" => attribute.sparse_tensors.push(inside(&tables::SPARSE_TENSOR)),
                "ref_attr_name" => attribute.reference = Some(span),
                "" => self.unknown.push(field),
                _ => {}
            }
            self.keep(field.span.start)?;
        }
        self.attributes.push(attribute);
        Ok(())
    }

    fn look(&mut self, wire: &mut Wire, span: Span) -> Result<(), Halt> {
        if is_payload(wire, span)? {
            self.payloads.push(span);
        }
        Ok(())
    }
}

/// How many parts of a node may be kept: each takes at most as much as an attribute.
fn room(budget: &Budget) -> usize {
    let memory = davy_bytes::to_usize(budget.left().memory);
    memory.checked_div(size_of::<AttributeRecord>()).unwrap_or_default()
}

impl AttributeRecord {
    fn numbers(&mut self, wire: &mut Wire, field: &Field, budget: &mut Budget) -> Result<(), Halt> {
        let (floats, ints) = (&mut self.floats, &mut self.ints);
        let float = field.name() == "floats";
        wire.numbers(field, budget, &mut |bits| {
            if float {
                floats.1 = floats.1.saturating_add(1);
                if floats.0.len() < SHOWN {
                    let bits = u32::try_from(bits).unwrap_or_default();
                    floats.0.push(f64::from(f32::from_bits(bits)));
                }
            } else {
                ints.1 = ints.1.saturating_add(1);
                if ints.0.len() < SHOWN {
                    ints.0.push(bits.cast_signed());
                }
            }
        })
    }

    /// Every graph in it.
    pub fn subgraphs(&self) -> impl Iterator<Item = Message> {
        self.g.into_iter().chain(self.graphs.iter().copied())
    }

    /// Every tensor in it.
    pub fn all_tensors(&self) -> impl Iterator<Item = Message> {
        self.t.into_iter().chain(self.tensors.iter().copied())
    }

    /// Every sparse tensor in it.
    pub fn all_sparse(&self) -> impl Iterator<Item = Message> {
        self.sparse.into_iter().chain(self.sparse_tensors.iter().copied())
    }
}
