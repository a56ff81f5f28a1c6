//! The options of operators, as far as they say what an operator runs: graphs that it calls, options
//! of custom operators.

use super::{MOST, Model, NAME, buffers, keep};
use crate::flatbuffers::{Table, flex};
use davy_artifact::{Excerpt, Route, Value};
use davy_bytes::{Halt, Span};

/// Bytes of custom options that are looked at.
const CUSTOM_OPTIONS: usize = 1 << 20;
/// Bytes of an option that are kept.
const KEPT: usize = 256;

/// What in a table of options is the index of a graph.
enum Callee {
    /// The number in a field.
    One(u16),
    /// Each number of the list in a field.
    All(u16),
}

use Callee::{All, One};

/// Graphs that options of the first union name, by the number of the table's type.
const CALLS: &[(u8, &[Callee])] =
    &[(16, &[One(0)]), (92, &[One(0), One(1)]), (93, &[One(0), One(1)]), (103, &[One(0)])];

/// Graphs that options of the second union name.
const CALLS_2: &[(u8, &[Callee])] = &[
    (5, &[All(4)]),
    (6, &[One(1)]),
    (7, &[One(6)]),
    (13, &[One(5)]),
    (14, &[One(2)]),
    (15, &[One(0), One(1)]),
    (21, &[One(1)]),
    (23, &[All(0)]),
];

/// The field that says what is done with the result, by the number of the table's type: of
/// operators that work number by number, and of products.
const ACTIVATIONS: &[(u8, u16)] = &[(8, 0), (11, 0), (21, 0), (28, 0), (29, 0)];

impl Model<'_> {
    /// What is done with the result of an operator as part of it; 0 for nothing.
    pub(super) fn activation(&mut self, operator: Table) -> Result<u8, Halt> {
        let kind = self.flat.u8(operator, 3, 0)?;
        let Some((_, field)) = ACTIVATIONS.iter().find(|(of, _)| *of == kind) else { return Ok(0) };
        match self.flat.child(operator, 4, "options")? {
            Some(options) => self.flat.u8(options, *field, 0),
            None => Ok(0),
        }
    }

    /// The indices of the graphs that an operator calls.
    pub(super) fn callees(&mut self, operator: Table) -> Result<Vec<i64>, Halt> {
        let mut callees = Vec::new();
        for (field, table) in [(3, CALLS), (11, CALLS_2)] {
            let kind = self.flat.u8(operator, field, 0)?;
            if kind == 0 {
                continue;
            }
            let options = self.flat.child(operator, field.saturating_add(1), "options")?;
            let (Some(options), Some((_, calls))) =
                (options, table.iter().find(|(of, _)| *of == kind))
            else {
                continue;
            };
            for call in *calls {
                match *call {
                    One(field) => {
                        callees.push(i64::from(self.flat.i32(options, field, 0)?));
                    }
                    All(field) => {
                        let list = self.flat.vector(options, field, 4, "list of graphs")?;
                        let list = list.unwrap_or_default();
                        for index in 0..list.count.min(MOST) {
                            callees.push(i64::from(self.flat.i32_element(list, index)?));
                        }
                    }
                }
            }
        }
        Ok(callees)
    }

    /// Where the options of a custom operator stand: in a vector, or anywhere in the file.
    fn custom_span(&mut self, operator: Table, route: &Route) -> Result<Option<Span>, Halt> {
        let (offset, size) = (self.flat.u64(operator, 9, 0)?, self.flat.u64(operator, 10, 0)?);
        if offset > 1 {
            let span = Span::new(offset, size);
            return buffers::outside(&mut self.flat, span, operator, route, self.reading);
        }
        Ok(self.flat.vector(operator, 5, 1, "custom options")?.map(|vector| vector.span))
    }

    /// The options of a custom operator, by name.
    pub(super) fn custom_options(
        &mut self,
        operator: Table,
        route: &Route,
    ) -> Result<Vec<(String, Value)>, Halt> {
        let span = self.custom_span(operator, route);
        let Some(span) = keep(span, self.reading, || route.clone())?.flatten() else {
            return Ok(vec![]);
        };
        let bytes = self.flat.bytes().copy(span, CUSTOM_OPTIONS)?;
        let options = match flex::decode(&bytes) {
            Some(Value::Dict(items)) => items.into_iter().map(named).collect(),
            Some(Value::List(items)) => match items.as_slice() {
                // What the delegate `Flex` hands to TensorFlow: an operator and its whole node.
                [Value::Text(name), Value::Text(node) | Value::Bytes(node)] => {
                    let mut options = vec![("op".to_owned(), Value::Text(name.clone()))];
                    options.extend(crate::tensorflow::node_attributes(&node.head));
                    options
                }
                _ => vec![("custom_options".to_owned(), Value::List(items))],
            },
            _ => {
                let head = bytes.get(..bytes.len().min(KEPT)).unwrap_or_default().to_vec();
                let value = Value::Bytes(Excerpt { head, len: span.len });
                vec![("custom_options".to_owned(), value)]
            }
        };
        Ok(options)
    }

    /// The function that a call to something outside of the model names.
    pub(super) fn call_target(&mut self, operator: Table) -> Result<String, Halt> {
        match self.flat.child(operator, 12, "options")? {
            Some(options) => self.flat.text(options, 0, "name of a call's target", NAME),
            None => Ok(String::new()),
        }
    }
}

fn named((key, value): (Value, Value)) -> (String, Value) {
    let name = match &key {
        Value::Text(text) => String::from_utf8_lossy(&text.head).into_owned(),
        other => other.to_string(),
    };
    (name, value)
}
