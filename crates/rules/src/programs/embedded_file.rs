//! # embedded-file
//!
//! ## What it finds
//!
//! A program, a script, an archive or a pickle stands where the format of the file around it has no
//! place for one: behind its end, before its start, between its parts, in its padding, in the bytes of
//! a tensor, in a comment or an extra field, or in a text that spells it in base64. davy finds them by their
//! structure, wherever they start.
//!
//! ## Why it matters
//!
//! That is how malware travels in a model: the model works, and a few lines elsewhere take the
//! program out and run it. Loaders and most scanners pass over such bytes. Programs and scripts are
//! high; archives and pickles are low, since what is inside is read and judged by itself.
//!
//! ## How it can be wrong
//!
//! Datasets of files keep them in tensors. A file that is two things on purpose, such as a portable
//! program with its model behind it, is one that people choose to run. By chance it does not happen:
//! headers, tables and checksums have to fit.
//!
//! ## What to do
//!
//! Do not load the model in the program that came with it. Take the part out and look at it, or take
//! the model in another form.
//!
//! ## References
//!
//! * Wang et al., EvilModel, 2021: malware in the parameters of networks
//! * CWE-506; MITRE ATLAS AML.T0018.002, AML.T0074

use super::{is_in_margin, is_out_of_place, is_program, kind, parent};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Role, Site};
use davy_bytes::Span;

static RULE: Rule = Rule {
    id: "embedded-file",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::EmbeddedPayload,
    summary: "a program, script, archive or pickle stands where the format has no place for one",
    remediation: "take the part out and look at it, or take the model in another form; do not load \
                  it with the program that came with it",
    cwe: &[506],
    atlas: &["AML.T0018.002", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("embedded_file.rs"),
};

/// Findings for one input: what is inside is reported by itself.
const SHOWN: usize = 100;

/// Formats of archives.
const ARCHIVES: &[&str] = &["7z", "gzip", "tar", "zip"];

pub(crate) struct EmbeddedFile;

impl Detector for EmbeddedFile {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        let mut shown = 0;
        for artifact in artifacts.iter().filter(|artifact| is_out_of_place(artifact, artifacts)) {
            let Some((severity, what)) = judge(artifact, artifacts) else { continue };
            shown += 1;
            if shown > SHOWN {
                break;
            }
            let site = Site { span: Span::new(0, artifact.size), ..Site::default() };
            let message = format!(
                "{what} of {} bytes stands {}: loaders pass over it, and something else may not",
                artifact.size,
                place(artifact)
            );
            let evidence = kind(artifact).unwrap_or_default();
            if let Some(finding) = reporter.report(artifact, &site, message, evidence) {
                finding.severity = severity;
            }
        }
    }
}

/// How bad it is, and what it is; nothing where another rule speaks of it.
fn judge(artifact: &Artifact, artifacts: &[Artifact]) -> Option<(Severity, &'static str)> {
    if is_program(artifact) {
        return Some((Severity::High, "a program"));
    }
    if artifact.is("script") {
        return Some((Severity::High, "a script"));
    }
    if artifact.role == Role::Leftover && artifact.is("python") && does_something(artifact) {
        return Some((Severity::Medium, "Python source"));
    }
    // Bytes around the parts of a file are the business of the rules about appended and prepended
    // data, and pickles behind pickles that of others still.
    let within = artifact.role == Role::Storage || is_in_margin(artifact) && is_named(artifact);
    if !within {
        return None;
    }
    if ARCHIVES.iter().any(|format| artifact.is(format)) {
        return Some((Severity::Low, "an archive"));
    }
    let among = parent(artifact, artifacts).is_some_and(|parent| parent.is("pickle"));
    (artifact.is("pickle") && !among).then_some((Severity::Low, "a pickle"))
}

/// Whether source imports something: prose can pass for source.
fn does_something(artifact: &Artifact) -> bool {
    let mut facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    facts.any(|fact| matches!(fact, Fact::Import { .. }))
}

/// Whether its name does not tell of bytes around parts.
fn is_named(artifact: &Artifact) -> bool {
    let name = artifact.name();
    !["@between@", "@prefix", "@suffix@"].iter().any(|around| name.starts_with(around))
}

/// Where it stands, in words.
fn place(artifact: &Artifact) -> String {
    let name = artifact.name();
    match name.strip_prefix('@').and_then(|name| name.split_once('@')) {
        Some(("suffix", at)) => format!("behind the end, at offset {at}"),
        Some(("between", at)) => format!("between the parts, at offset {at}"),
        Some(("base64", at)) => format!("in base64, at offset {at}"),
        Some((_, at)) if artifact.role == Role::Leftover => format!("at offset {at}"),
        _ if name == "@prefix" => "before the start".to_owned(),
        _ if name.ends_with(".base64") => "in base64".to_owned(),
        _ if artifact.role == Role::Storage => "in plain data".to_owned(),
        _ => "where no file belongs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::artifact;

    fn found(
        role: Role,
        name: &str,
        format: &'static str,
        around: &'static str,
    ) -> Option<Severity> {
        let mut inner = artifact(format, vec![]);
        inner.path = format!("in!{name}");
        inner.role = role;
        inner.parent = Some(0);
        let mut findings = Vec::new();
        let artifacts = [artifact(around, vec![]), inner];
        EmbeddedFile.bundle(&artifacts, &mut Reporter::new(&RULE, &mut findings));
        findings.pop().map(|finding| finding.severity)
    }

    #[test]
    fn programs_and_scripts_are_high_wherever_they_have_no_place() {
        for format in ["elf", "pe", "macho", "program", "script"] {
            for (role, name) in [
                (Role::Leftover, "@suffix@0x10"),
                (Role::Leftover, "@embedded@0x10"),
                (Role::Storage, "data/0"),
                (Role::Present, "@comment"),
            ] {
                assert_eq!(
                    found(role, name, format, "zip"),
                    Some(Severity::High),
                    "{format} {name}"
                );
            }
            assert_eq!(found(Role::Present, "lib.so", format, "zip"), None);
            assert_eq!(found(Role::Leftover, "@suffix@0x10", format, "elf"), None);
        }
    }

    #[test]
    fn archives_and_pickles_are_low_in_data_and_known_around_it() {
        assert_eq!(found(Role::Storage, "data/0", "zip", "pytorch"), Some(Severity::Low));
        assert_eq!(found(Role::Leftover, "@embedded@0x1", "pickle", "hdf5"), Some(Severity::Low));
        assert_eq!(found(Role::Leftover, "@embedded@0x1", "pickle", "pickle"), None);
        assert_eq!(found(Role::Leftover, "@suffix@0x1", "zip", "hdf5"), None);
    }
}
