//! The JSON form: trees as lists of equal length, one for each property of their nodes.

use super::{attribute, text};
use crate::json::{Document, Node};
use davy_artifact::{Quirk, Reading, Route, Value};
use davy_bytes::{Budget, Bytes, Halt};

/// Lists of a tree that have an element for each node.
const LISTS: &[&str] = &["left_children", "right_children", "parents", "split_indices"];

/// Trees that are looked at.
const TREES: usize = 100_000;

/// Reads a model.
pub(super) fn read(bytes: &Bytes, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let document = Document::parse(bytes, budget)?;
    let Some(learner) = document.root().and_then(|root| root.get("learner")) else {
        return Err(Halt::malformed(0, "no learner"));
    };
    let root = document.root();
    let version = root.and_then(|root| root.get("version")).filter(|version| version.is_array());
    if let Some(version) = version {
        let parts: Vec<_> = version.items().filter_map(Node::digits).collect();
        attribute(reading, "", "xgboost_version", text(&parts.join(".")), version.span());
    }
    let booster = learner.get("gradient_booster");
    for (name, value) in [
        ("objective", learner.at(&["objective", "name"])),
        ("booster", booster.and_then(|booster| booster.get("name"))),
    ] {
        if let Some(value) = value.filter(|value| value.text().is_some()) {
            attribute(reading, "", name, value.value(), value.span());
        }
    }
    for (key, value) in learner.get("attributes").into_iter().flat_map(Node::entries).take(1000) {
        let name = key.text().unwrap_or_default();
        attribute(reading, "attributes", &name, value.value(), value.span());
    }
    if let Some(booster) = booster {
        trees(booster, reading, budget)?;
    }
    match document.fault() {
        Some(fault) => Err(fault.clone()),
        None => {
            reading.seamless = true;
            Ok(())
        }
    }
}

/// The trees of a booster; DART has them one level deeper.
fn trees(booster: Node<'_>, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let trees = booster
        .at(&["model", "trees"])
        .or_else(|| booster.at(&["gbtree", "model", "trees"]))
        .filter(|trees| trees.is_array());
    let Some(trees) = trees else { return Ok(()) };
    let mut count = 0_i64;
    for tree in trees.items().take(TREES) {
        count = count.saturating_add(1);
        check(tree, reading, budget)?;
    }
    attribute(reading, "", "num_trees", Value::Int(count), trees.span());
    Ok(())
}

fn check(tree: Node<'_>, reading: &mut Reading, budget: &mut Budget) -> Result<(), Halt> {
    let lists: Vec<_> = LISTS.iter().filter_map(|name| tree.get(name)).collect();
    let Some(nodes) = lists.first().map(|list| list.len()) else { return Ok(()) };
    for list in &lists {
        budget.spend_steps(u64::try_from(nodes).unwrap_or(u64::MAX), list.span().start)?;
        let route = || Route::Key(list.path());
        if list.len() != nodes {
            let what = format!("{} elements for {nodes} nodes", list.len());
            reading.deviation(Quirk::SizeMismatch, list.span(), route(), &what);
        }
    }
    for list in lists.iter().take(2) {
        let inside = |child: i64| child == -1 || usize::try_from(child).is_ok_and(|n| n < nodes);
        let astray = list.items().find(|child| child.int().is_some_and(|child| !inside(child)));
        if let Some(child) = astray {
            let what = format!("a node leads to one that is not among the {nodes} of its tree");
            let route = Route::Key(child.path());
            reading.deviation(Quirk::OutOfRange, child.span(), route, &what);
        }
    }
    Ok(())
}
