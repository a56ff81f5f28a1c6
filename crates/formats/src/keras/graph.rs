//! Layers of a Functional model that take their own output as input: rebuilding it never comes to an
//! end, or fails.

use super::config::Walk;
use crate::json::Node;
use davy_artifact::Quirk;
use std::collections::HashMap;

/// Values in the arguments of a layer that are searched for tensors.
const TENSORS: usize = 100_000;

/// Records a cycle among the layers of `model`, if it is the configuration of a Functional model.
pub(super) fn check<'d>(walk: &mut Walk<'_, '_, 'd>, model: Node<'d>) {
    if model.get("output_layers").is_none() && model.get("input_layers").is_none() {
        return;
    }
    let Some(layers) = model.get("layers").filter(|layers| layers.is_array()) else { return };
    let Some(stuck) = cycle(layers) else { return };
    let name = stuck.get("name").and_then(Node::text).unwrap_or_default().into_owned();
    let mut site = walk.site(stuck);
    site.span = stuck.get("inbound_nodes").unwrap_or(stuck).span();
    let what = format!("the layer `{name}` takes its own output as input");
    walk.recorder.reading.deviation(Quirk::Cycle, site.span, site.route, &what);
}

/// A layer that waits for itself. Layers that are called more than once may honestly lead back to
/// themselves, and are passed over.
fn cycle<'d>(layers: Node<'d>) -> Option<Node<'d>> {
    let mut index = HashMap::new();
    let mut nodes = Vec::new();
    for layer in layers.items() {
        let Some(name) = layer.get("name").and_then(Node::text) else { continue };
        let inbound =
            layer.get("inbound_nodes").map_or(0, |inbound| inbound.items().take(2).count());
        if inbound == 1 {
            index.insert(name, nodes.len());
            nodes.push(layer);
        }
    }
    let known = |layer: &Node<'_>| {
        let names = inputs(*layer);
        names.iter().filter_map(|name| index.get(name.as_str()).copied()).collect()
    };
    let sources: Vec<Vec<usize>> = nodes.iter().map(known).collect();
    let waits = settle(&sources);
    let waiting = |at: &usize| waits.get(*at).is_some_and(|waits| *waits > 0);
    let mut stuck = (0..nodes.len()).find(waiting)?;
    // What waits may only stand behind the cycle: so many steps back lead into it.
    for _ in 0..nodes.len() {
        let mut before = sources.get(stuck).into_iter().flatten().copied();
        stuck = before.find(waiting).unwrap_or(stuck);
    }
    nodes.get(stuck).copied()
}

/// For how many of its inputs each layer still waits when all that can be computed is.
fn settle(sources: &[Vec<usize>]) -> Vec<usize> {
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); sources.len()];
    for (at, from) in sources.iter().enumerate() {
        for from in from {
            if let Some(feeds) = feeds.get_mut(*from) {
                feeds.push(at);
            }
        }
    }
    let mut waits: Vec<usize> = sources.iter().map(Vec::len).collect();
    let ready = waits.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(at, _)| at);
    let mut ready: Vec<usize> = ready.collect();
    while let Some(at) = ready.pop() {
        for to in feeds.get(at).into_iter().flatten() {
            let Some(waits) = waits.get_mut(*to) else { continue };
            *waits = waits.saturating_sub(1);
            if *waits == 0 {
                ready.push(*to);
            }
        }
    }
    waits
}

/// Names of the layers whose outputs a layer takes.
fn inputs(layer: Node<'_>) -> Vec<String> {
    let Some(inbound) = layer.get("inbound_nodes") else { return Vec::new() };
    let mut found = Vec::new();
    // Keras 3: tensors anywhere in the arguments, each with where it comes from. Until Keras 2:
    // `[layer, node, tensor, …]`.
    let mut open = vec![inbound];
    let mut seen = 0_usize;
    while let Some(node) = open.pop().filter(|_| seen < TENSORS) {
        seen = seen.saturating_add(1);
        let history = node.at(&["config", "keras_history"]);
        let named = history.unwrap_or(node);
        let first = named.item(0).and_then(Node::text);
        let numbered = named.item(1).is_some_and(|second| second.int().is_some());
        match first.filter(|_| numbered) {
            Some(name) => found.push(name.into_owned()),
            None => {
                open.extend(node.items().filter(|item| item.is_array() || item.is_object()));
                open.extend(node.entries().map(|(_, value)| value));
            }
        }
    }
    found
}
