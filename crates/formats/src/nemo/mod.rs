//! NeMo's models: a tar archive, packed or not, of `model_config.yaml`, weights and what the model needs
//! besides, as `SaveRestoreConnector` writes and restores it.
//!
//! `restore_from` unpacks the archive, builds the model from the configuration (whose `target` and
//! `_target_` keys are told by the reader of YAML, CVE-2025-23304), loads the weights with `torch.load`
//! and opens every artifact whose path in the configuration starts with `nemo:`. What is unsound about
//! the members themselves is told by the reader of tar archives.

use crate::json::Kind;
use crate::tar::{self, plain};
use crate::yaml::{Made, Parsed, parse};
use davy_artifact::{Child, Fact, Format, Input, Probe, Reading, Role, Route, Site};
use davy_bytes::{Budget, Halt, Span};
use std::collections::HashMap;

/// The configuration's name in the archive.
const CONFIG: &str = "model_config.yaml";

/// What paths of artifacts start with (`nemo.utils.model_utils`).
const PREFIX: &str = "nemo:";

/// Artifacts that one configuration names which are told.
const ARTIFACTS: usize = 10_000;

/// Keys at the top of a configuration that describe the model.
const DESCRIBING: &[&str] = &["nemo_version", "target"];

/// The reader of NeMo's models.
#[derive(Debug)]
pub struct Nemo;

impl Format for Nemo {
    fn id(&self) -> &'static str {
        "nemo"
    }

    fn summary(&self) -> &'static str {
        "NeMo models: what their configuration names, and the artifacts that it opens"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        match tar::Tar.probe(head, input) {
            Probe::No => Probe::No,
            _ => Probe::Possible,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        if tar::lacks(input.bytes, CONFIG) {
            return Ok(());
        }
        let mut members = Reading::default();
        let result = tar::Tar.read(input, &mut members, budget);
        if !members.children.iter().any(|child| plain(&child.name) == CONFIG) {
            tar::keep(input.bytes, members, result);
            return Ok(());
        }
        let place = |fact: &Fact| match fact {
            Fact::Member { name, site, .. } => Some((name.clone(), site.span)),
            _ => None,
        };
        let places: HashMap<String, Span> = members.facts.iter().filter_map(place).collect();
        for child in members.children {
            let config = plain(&child.name) == CONFIG;
            if config {
                let span = places.get(&child.name).copied().unwrap_or_default();
                describe(&child, span, reading, budget)?;
            }
            if config || is_weights(&child.name) {
                reading.child(child.name, child.bytes, Role::Loaded);
            }
        }
        result
    }
}

/// Records what the model is, and the artifacts that restoring it opens.
fn describe(
    config: &Child,
    span: Span,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    // Why it broke off is told where the member itself is read.
    let Parsed { documents, .. } = parse(&config.bytes, budget)?;
    let mut told = 0_usize;
    for Made { document, .. } in &documents {
        let root = document.root();
        for key in DESCRIBING {
            let Some(value) = root.and_then(|root| root.get(key)) else { continue };
            let site = Site { span, route: Route::Member(config.name.clone()) };
            let (owner, name) = (String::new(), (*key).to_owned());
            reading.fact(Fact::Attribute { owner, name, value: value.value(), site });
        }
        for node in document.nodes().filter(|node| node.kind() == Kind::Text && !node.is_key()) {
            let text = node.text().unwrap_or_default();
            let Some(target) = text.strip_prefix(PREFIX) else { continue };
            told = told.saturating_add(1);
            if told > ARTIFACTS {
                break;
            }
            let route = Route::Member(format!("{}: {}", config.name, node.path()));
            let (target, site) = (target.to_owned(), Site { span, route });
            reading.fact(Fact::Reference { target, purpose: "artifact", site });
        }
    }
    Ok(())
}

/// Whether restoring the model hands a member to `torch.load`.
fn is_weights(name: &str) -> bool {
    let lower = plain(name).to_ascii_lowercase();
    [".bin", ".ckpt", ".pt", ".pth"].iter().any(|end| lower.ends_with(end))
}
