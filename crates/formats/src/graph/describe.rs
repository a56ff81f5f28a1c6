//! Puts what was found in a graph into words.

use super::{Constant, Graph, NodeId, Override};
use davy_artifact::{Fact, Route, Site, Value};
use davy_bytes::{Halt, Span, to_u64};

/// Tells of an override; `shown` gives operator and name of a node, and `span` is where the node
/// stands that replaces.
///
/// # Errors
/// What `shown` says.
pub fn describe(
    graph: &Graph,
    found: &Override,
    span: Span,
    shown: &mut dyn FnMut(NodeId) -> Result<String, Halt>,
) -> Result<Fact, Halt> {
    let mut path: Vec<String> = Vec::new();
    for node in &found.path {
        let node = shown(*node)?;
        // A call and what it gives back are one node of the file.
        if path.last() != Some(&node) {
            path.push(node);
        }
    }
    let constant = found.constant.and_then(|value| graph.constant(value));
    let it = davy_artifact::Override {
        path,
        comparison: shown(found.comparison)?,
        replacement: shown(found.replacement)?,
        constant: constant.map_or(Value::Unknown("a constant"), constant_value),
        replaced: u64::from(found.replaced),
        before: u64::from(found.before),
        behind: u64::from(found.behind),
        is_own: found.is_own,
    };
    let route = Route::Node(it.replacement.clone());
    Ok(Fact::Override { it: Box::new(it), site: Site { span, route } })
}

/// A constant, as far as it is known.
#[must_use]
pub fn constant_value(constant: &Constant) -> Value {
    match constant.head.as_slice() {
        _ if constant.elements == 0 => Value::None,
        [one] if constant.elements == 1 => one.clone(),
        [] => Value::Unknown("a tensor"),
        some => list(some.to_vec(), constant.elements),
    }
}

/// The start of a list of `count` values.
#[must_use]
pub fn list(mut values: Vec<Value>, count: u64) -> Value {
    let more = count.saturating_sub(to_u64(values.len()));
    if more > 0 {
        values.push(Value::More(more));
    }
    Value::List(values)
}
