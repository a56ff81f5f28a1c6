//! Rules about programs that a file brings along.

pub(crate) mod embedded_file;
pub(crate) mod native_code;

use davy_artifact::{Artifact, Fact, Role};

/// Formats of programs that a processor runs.
const NATIVE: &[&str] = &["elf", "macho", "pe"];

/// Formats of programs that something else runs.
const OTHER: &[&str] = &["program"];

/// Whether an artifact is a program of some kind, scripts aside.
fn is_program(artifact: &Artifact) -> bool {
    NATIVE.iter().chain(OTHER).any(|format| artifact.is(format))
}

/// What kind of program it is, in the reader's words.
fn kind(artifact: &Artifact) -> Option<&str> {
    let mut facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    facts.find_map(|fact| match fact {
        Fact::Attribute { name, value, .. } if name == "program" => value.text(),
        _ => None,
    })
}

/// The artifact that an artifact is in.
fn parent<'a>(artifact: &Artifact, artifacts: &'a [Artifact]) -> Option<&'a Artifact> {
    artifact.parent.and_then(|parent| artifacts.get(parent))
}

/// Whether an artifact stands where its parent's format has no place for a file: around or between
/// its parts, in plain data, in a comment.
fn is_out_of_place(artifact: &Artifact, artifacts: &[Artifact]) -> bool {
    let Some(parent) = parent(artifact, artifacts) else { return false };
    // Programs carry programs, archives that are not read carry anything, and Python runs archives
    // behind a line that names it (PEP 441).
    let zipapp = artifact.name() == "@prefix" && parent.name().ends_with(".pyz");
    let own = is_program(parent) || zipapp || parent.is("archive");
    let aside = matches!(artifact.role, Role::Leftover | Role::Storage);
    !own && (aside || is_in_margin(artifact))
}

/// Whether a reader gave it a name because the file has none for it: a comment, an extra field, what
/// a text spells.
fn is_in_margin(artifact: &Artifact) -> bool {
    let name = artifact.name();
    artifact.role != Role::Variant && (name.starts_with('@') || name.ends_with(".base64"))
}
