//! # odd-external-data
//!
//! ## What it finds
//!
//! A tensor of an ONNX model says where its elements are in a way that no exporter does and that makes
//! loaders do something else: a key that the format does not have, the mark of an address in memory,
//! a path that starts with `#`.
//!
//! ## Why it matters
//!
//! The `onnx` package before 1.21 set every key that a file named on an object of the loader, so that
//! the file replaces its methods. ONNX Runtime and OpenVINO take the mark `*/_ORT_MEM_ADDR_/*` for
//! tensors that are in memory already, and the offset for their address: a file that has it makes
//! them read, as weights, whatever lies there. A path that starts with `#` has passed checks of paths
//! that looked for `..` at its start.
//!
//! ## How it can be wrong
//!
//! A tool may keep a note of its own beside a tensor, under a key of its own; such keys are medium.
//!
//! ## What to do
//!
//! Do not load the model. Ask for one with its tensors inside.
//!
//! ## References
//!
//! * ONNX, "External Data"; CVE-2026-34445
//! * CWE-915, CWE-822, CWE-22; MITRE ATLAS AML.T0011.000

use crate::facts::{ALIKE, Quota};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact};
use davy_bytes::escape;

static RULE: Rule = Rule {
    id: "odd-external-data",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::ParserExploit,
    summary: "a tensor says where it is in a way that makes loaders do something else",
    remediation: "do not load the model; ask for one with its tensors inside",
    cwe: &[915, 822, 22],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("odd_external_data.rs"),
};

/// What ONNX Runtime calls tensors that are in memory already.
const ADDRESS: &str = "_ORT_MEM_ADDR_";

pub(crate) struct OddExternalData;

impl Detector for OddExternalData {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
        for fact in facts {
            let Some((subject, severity, message)) = odd(fact) else { continue };
            if !quota.admits(subject) {
                continue;
            }
            if let Some(finding) = reporter.report(artifact, fact.site(), message, escape(subject))
            {
                finding.severity = severity;
            }
        }
    }
}

/// What is odd about a fact: the key or path, how bad it is, and why.
fn odd(fact: &Fact) -> Option<(&str, Severity, String)> {
    match fact {
        Fact::Reference { target, purpose: "external data", .. } if target.contains(ADDRESS) => {
            let message = format!(
                "elements of a tensor are said to be in memory, under `{}`: runtimes read whatever \
                 lies at the offset that the file gives",
                escape(target)
            );
            Some((target, Severity::High, message))
        }
        Fact::Reference { target, purpose: "external data", .. } if target.starts_with('#') => {
            let message = format!(
                "external data leads to `{}`, whose first letter has let such paths pass checks",
                escape(target)
            );
            Some((target, Severity::High, message))
        }
        Fact::Attribute { owner, name, .. } if owner == "external data" => {
            let hidden = name.starts_with('_');
            let severity = if hidden { Severity::High } else { Severity::Medium };
            let message = format!(
                "external data has the key `{}`, which the format does not: the onnx package before \
                 1.21 sets it on an object of the loader",
                escape(name)
            );
            Some((name, severity, message))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect, text};
    use davy_artifact::Site;

    fn severity(fact: Fact) -> Option<Severity> {
        detect(&OddExternalData, &artifact("onnx", vec![fact])).first().map(|it| it.severity)
    }

    #[test]
    fn keys_and_marks_that_make_loaders_do_something_else_are_told() {
        let path = |target: &str| Fact::Reference {
            target: target.to_owned(),
            purpose: "external data",
            site: Site::default(),
        };
        let key = |name: &str| Fact::Attribute {
            owner: "external data".to_owned(),
            name: name.to_owned(),
            value: text("x"),
            site: Site::default(),
        };
        assert_eq!(severity(path("*/_ORT_MEM_ADDR_/*")), Some(Severity::High));
        assert_eq!(severity(path("#../../x")), Some(Severity::High));
        assert_eq!(severity(path("weights#1.bin")), None);
        assert_eq!(severity(key("__class__")), Some(Severity::High));
        assert_eq!(severity(key("note")), Some(Severity::Medium));
    }
}
