//! Rules about templates that are rendered around every prompt.

pub(crate) mod conditional_instruction;
pub(crate) mod hidden_text;
pub(crate) mod template_escape;

use davy_artifact::{Artifact, Fact};

/// Formats that say what a model is told.
const TEMPLATES: &[&str] = &["go-template", "jinja", "modelfile"];

/// The facts that templates state.
fn facts(artifact: &Artifact) -> impl Iterator<Item = &Fact> {
    let templates =
        artifact.identities.iter().filter(|identity| TEMPLATES.contains(&identity.format));
    templates.flat_map(|identity| &identity.reading.facts)
}
