//! # two-layouts
//!
//! ## What it finds
//!
//! An archive has both the layout of an eager checkpoint and that of a compiled model, or several
//! roots with a `data.pkl` each; or the same bytes are a checkpoint in two containers at once, as a
//! tar file with a zip behind it is.
//!
//! ## Why it matters
//!
//! `torch.load` and `torch.jit.load` take different parts of it, and `torch.load` itself hands the
//! archive over to the other where it sees a compiled model: a check made for one says nothing about
//! the other.
//!
//! ## How it can be wrong
//!
//! Archives put together by hand from several models.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it.
//!
//! ## References
//!
//! * CVE-2025-32434
//! * CWE-436; MITRE ATLAS AML.T0107, AML.T0074

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Quirk, Site};
use davy_bytes::Span;

static RULE: Rule = Rule {
    id: "two-layouts",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "an archive is a checkpoint in two ways at once",
    remediation: "do not load the file; have it written again by the library that made it",
    cwe: &[436],
    atlas: &["AML.T0107", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("two_layouts.rs"),
};

/// Layouts of checkpoints, of which `torch.load` takes the first that it recognises.
const LAYOUTS: &[&str] = &["pytorch", "pytorch-legacy", "pytorch-tar"];

pub(crate) struct TwoLayouts;

static WITHIN: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Repeated],
    formats: Formats::Checkpoints,
    so: "which of them is loaded depends on the function that loads it",
    severity: |_, _| Severity::Medium,
};

impl Detector for TwoLayouts {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        WITHIN.artifact(artifact, reporter);
        let layouts: Vec<_> = LAYOUTS.iter().copied().filter(|one| artifact.is(one)).collect();
        if let [first, second, ..] = layouts.as_slice() {
            let site = Site { span: Span::new(0, artifact.size), ..Site::default() };
            let message = format!(
                "the same bytes are a checkpoint as `{first}` and as `{second}`: which of them is \
                 loaded depends on the loader and its version"
            );
            reporter.report(artifact, &site, message, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect};
    use crate::quirks::testing::severity;

    #[test]
    fn two_layouts_are_medium() {
        let within = |format| severity(&TwoLayouts, format, Quirk::Repeated, "x");
        assert_eq!(within("pytorch"), Some(Severity::Medium));
        assert_eq!(within("zip"), None);
    }

    #[test]
    fn two_formats_of_the_same_bytes_are_two_layouts() {
        let mut both = artifact("pytorch", vec![]);
        both.identities.extend(artifact("zip", vec![]).identities);
        assert!(detect(&TwoLayouts, &both).is_empty());
        both.identities.extend(artifact("pytorch-tar", vec![]).identities);
        assert_eq!(detect(&TwoLayouts, &both)[0].severity, Severity::Medium);
    }
}
