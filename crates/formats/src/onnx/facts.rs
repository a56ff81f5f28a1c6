//! What a model runs: its operators, counted, and one by one where they leave the runtime.

use super::node::{AttributeRecord, NodeRecord};
use super::tensor::NAME;
use super::types::text;
use super::walk::Walker;
use crate::graph::{Graph, Node, NodeId, constant_value, describe, list, overrides};
use crate::protobuf::{Message, Wire};
use davy_artifact::{Excerpt, Fact, Operator, Route, Site, Value};
use davy_bytes::{Budget, Halt, Span};
use std::collections::HashMap;

/// Bytes of a text in an attribute that are kept.
const TEXT: usize = 1024;

/// Inputs and attributes of a node that are told.
const PARTS: usize = 64;

impl Walker<'_> {
    /// The nodes that are told one by one, those that say the same as one fact. To be called while
    /// the graph that they are in is still there.
    pub(super) fn tell_nodes(&mut self) -> Result<(), Halt> {
        let told = std::mem::take(&mut self.told);
        let mut same: HashMap<String, usize> = HashMap::new();
        let mut facts: Vec<Fact> = Vec::new();
        let mut record = NodeRecord::default();
        for (id, place) in told {
            let Some(node) = self.graph.get(id).copied() else { continue };
            let operator = self.operator(&node, &mut record)?;
            let label = self.label(&record, id)?;
            let site = Site { span: node.span, route: Route::Node(format!("{place}/{label}")) };
            self.cache(&operator, &site);
            let index = *same.entry(format!("{operator:?}")).or_insert(facts.len());
            match facts.get_mut(index) {
                Some(Fact::Operator { count, .. }) => *count = count.saturating_add(1),
                _ => facts.push(Fact::Operator { operator, count: 1, site }),
            }
        }
        for fact in facts {
            self.reading.fact(fact);
        }
        Ok(())
    }

    /// How often each operator stands that was not told node by node.
    pub(super) fn tell_operators(&mut self) {
        for used in self.operators.all().iter().filter(|used| !used.told) {
            let operator = Operator {
                domain: used.domain.clone(),
                name: used.name.clone(),
                inputs: Vec::new(),
                attributes: Vec::new(),
            };
            let site = Site { span: used.first, route: Route::None };
            self.reading.fact(Fact::Operator { operator, count: used.count, site });
        }
    }

    /// Where the graph replaces what it computed.
    pub(super) fn tell_overrides(&mut self) -> Result<(), Halt> {
        for found in overrides(&self.graph, self.budget)? {
            let node = self.graph.get(found.replacement);
            let span = node.map(|node| node.span).unwrap_or_default();
            let (graph, wire, budget) = (&self.graph, &mut self.wire, &mut *self.budget);
            let fact = describe(graph, &found, span, &mut |id| shown(graph, id, wire, budget))?;
            self.reading.fact(fact);
        }
        Ok(())
    }

    fn operator(&mut self, node: &Node, record: &mut NodeRecord) -> Result<Operator, Halt> {
        record.read(&mut self.wire, message(node), self.budget)?;
        let input = |value: &u32| match self.graph.constant(*value) {
            Some(constant) => constant_value(constant),
            None => Value::Unknown("computed"),
        };
        let inputs = self.graph.inputs_of(node).iter().take(PARTS).map(input).collect();
        let mut attributes = Vec::new();
        for attribute in record.attributes.iter().take(PARTS) {
            let name = text(&mut self.wire, attribute.name, NAME)?;
            attributes.push((name, self.value(attribute)?));
        }
        let used = self.operators.get(node.operator);
        let (domain, name) =
            used.map(|used| (used.domain.clone(), used.name.clone())).unwrap_or_default();
        Ok(Operator { domain, name, inputs, attributes })
    }

    fn value(&mut self, attribute: &AttributeRecord) -> Result<Value, Halt> {
        let AttributeRecord { f, i, s, floats, ints, strings, .. } = attribute;
        let plain = f.map(Value::Float).or_else(|| i.map(Value::Int));
        if let Some(span) = s {
            return self.text_value(*span);
        }
        if floats.1 > 0 {
            return Ok(list(floats.0.iter().copied().map(Value::Float).collect(), floats.1));
        }
        if ints.1 > 0 {
            return Ok(list(ints.0.iter().copied().map(Value::Int).collect(), ints.1));
        }
        if strings.1 > 0 {
            let texts = strings.0.iter().map(|span| self.text_value(*span));
            return Ok(list(texts.collect::<Result<_, _>>()?, strings.1));
        }
        Ok(plain.unwrap_or(Value::Unknown("a tensor or graph")))
    }

    fn text_value(&mut self, span: Span) -> Result<Value, Halt> {
        let head = self.wire.head(span, TEXT)?.to_vec();
        let excerpt = Excerpt { head, len: span.len };
        let is_text = crate::text::is_text(&excerpt.head);
        Ok(if is_text { Value::Text(excerpt) } else { Value::Bytes(excerpt) })
    }

    /// What a hardware vendor's compiler left is in a file of its own, unless the node says that it
    /// has it inside (ONNX Runtime, "EP context design").
    fn cache(&mut self, operator: &Operator, site: &Site) {
        let attribute = |wanted: &str| {
            operator.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let embedded = !matches!(attribute("embed_mode"), Some(Value::Int(0)));
        if operator.name != "EPContext" || embedded {
            return;
        }
        if let Some(Value::Text(path)) = attribute("ep_cache_context") {
            let target = String::from_utf8_lossy(&path.head).into_owned();
            let purpose = "compiled model";
            self.reading.fact(Fact::Reference { target, purpose, site: site.clone() });
        }
    }
}

/// The message of a node that was read before.
fn message(node: &Node) -> Message {
    let (at, end) = (node.span.start, node.span.end());
    Message { table: &super::tables::NODE, at, end, depth: 0 }
}

/// Operator and name of a node.
fn shown(graph: &Graph, id: NodeId, wire: &mut Wire, budget: &mut Budget) -> Result<String, Halt> {
    let Some(node) = graph.get(id) else { return Ok(String::new()) };
    let mut record = NodeRecord::default();
    record.read(wire, message(node), budget)?;
    let operator = text(wire, record.op_type, NAME)?;
    Ok(format!("{operator} {}", text(wire, record.name, NAME)?).trim_end().to_owned())
}
