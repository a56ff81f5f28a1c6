//! Rules about templates that are rendered around every prompt.

pub(crate) mod conditional_instruction;
pub(crate) mod hidden_text;
pub(crate) mod template_escape;

use davy_artifact::{Artifact, Fact};

/// The facts that templates state.
fn facts(artifact: &Artifact) -> impl Iterator<Item = &Fact> {
    let templates = artifact.identities.iter().filter(|identity| identity.format == "jinja");
    templates.flat_map(|identity| &identity.reading.facts)
}
