//! # external-reference
//!
//! ## What it finds
//!
//! The file names another file, folder or address, and a loader opens it: external links, external
//! storage and virtual datasets of HDF5, the vocabulary of a Keras lookup layer, the SavedModel of
//! a `TFSMLayer`, external data of ONNX, assets and shards.
//!
//! ## Why it matters
//!
//! Loading reads whatever is named, with the rights of the process that loads the model. What was
//! read ends up in weights or outputs, where somebody else can get at it; an address on the network
//! is asked from inside; a network share makes Windows send credentials; a device may never end.
//! A reference that leads out of the file's own folder is high. One that stays beside the file is
//! how some formats are meant to be split: it is silent there, low where it is unusual, and medium
//! where a loader should not follow it at all.
//!
//! ## How it can be wrong
//!
//! Scientists split HDF5 files over folders of their own machine and leave absolute paths behind.
//! Keras refuses most references since its versions 3.12 to 3.15: the advisories of the finding say
//! which, and `--assume loader=keras:VERSION` lowers what that version refuses.
//!
//! ## What to do
//!
//! Ask for the model in one piece. Load it only where the named path does not exist or may be read,
//! with a loader that does not follow references.
//!
//! ## References
//!
//! * HDF5 File Format Specification: external links, external data files, virtual datasets
//! * CVE-2025-12058, CVE-2026-1669, CVE-2026-9335, CVE-2026-12480, CVE-2026-1462, CVE-2024-27318
//! * CWE-73, CWE-22, CWE-918; MITRE ATLAS AML.T0037, AML.T0011.000

use super::path::{Leads, leads};
use crate::behaviour::named;
use crate::facts::{APART, Quota, in_keras, loaded};
use crate::hub::remote_code::PURPOSES;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Fact};
use davy_bytes::escape;

static RULE: Rule = Rule {
    id: "external-reference",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::FileAccess,
    summary: "loading opens another file or address that the file names",
    remediation: "ask for the model in one piece, and load this one only with a loader that does \
                  not follow references, where the named path may be read",
    cwe: &[73, 22, 918],
    atlas: &["AML.T0037", "AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("external_reference.rs"),
};

/// References that other rules speak of.
const ELSEWHERE: &[&str] = &["link target", "shared library"];

/// References beside the file that are how a format splits what belongs together.
const ORDINARY: &[&str] =
    &["adapter", "array", "artifact", "asset", "base model", "external data", "shard", "weights"];

/// Arguments that are paths by their name only, so that it is not known what they are for, document
/// types, which most parsers leave alone, and what a Modelfile is made from, which people who wrote
/// it for themselves have anywhere.
const FAINT: &[&str] = &["adapter", "base model", "document type", "file"];

/// The address that a program listens to, which is no path.
const LISTENING: &str = "listening address";

/// References that a loader follows because of a flaw, or that no saved model needs.
const UNUSUAL: &[&str] =
    &["external entity", "included document", "native library", "saved model", "vocabulary"];

/// References that are a flaw of Keras's loaders, and a feature of HDF5 otherwise.
const OF_HDF5: &[&str] = &["external link", "external storage", "virtual dataset source"];

pub(crate) struct ExternalReference;

impl Detector for ExternalReference {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        for artifact in artifacts {
            let keras = in_keras(artifact, artifacts);
            let mut quota = Quota::of(APART);
            for fact in loaded(artifact) {
                let Fact::Reference { target, purpose, site } = fact else { continue };
                let leads = leads(target);
                let severity = match *purpose {
                    LISTENING => (!is_loopback(target)).then_some(Severity::Low),
                    purpose => severity(leads, purpose, keras),
                };
                let Some(severity) = severity else { continue };
                if !quota.admits("") {
                    continue;
                }
                let message = message(target, purpose, leads);
                if let Some(finding) = reporter.report(artifact, site, message, escape(target)) {
                    finding.severity = severity;
                    finding.indicators = named(target);
                    finding.subject = Subject::Purpose(purpose);
                }
            }
        }
    }
}

fn severity(leads: Leads, purpose: &str, keras: bool) -> Option<Severity> {
    match leads {
        _ if ELSEWHERE.contains(&purpose) || PURPOSES.contains(&purpose) => None,
        Leads::Away(_) if FAINT.contains(&purpose) => Some(Severity::Medium),
        Leads::Away(_) => Some(Severity::High),
        Leads::Beside if ORDINARY.contains(&purpose) => None,
        Leads::Beside if UNUSUAL.contains(&purpose) => Some(Severity::Medium),
        Leads::Beside if keras && OF_HDF5.contains(&purpose) => Some(Severity::Medium),
        Leads::Beside => Some(Severity::Low),
    }
}

/// Whether only the machine itself can reach an address.
fn is_loopback(address: &str) -> bool {
    matches!(address, "localhost" | "::1" | "[::1]") || address.starts_with("127.")
}

fn message(target: &str, purpose: &str, leads: Leads) -> String {
    let target = escape(target);
    match leads {
        _ if purpose == LISTENING => {
            format!("the program listens to `{target}`, where other machines reach it")
        }
        Leads::Away(how) => format!(
            "the {purpose} leads to `{target}`, {how}: loading opens it with the rights of whoever \
             loads the file"
        ),
        Leads::Beside => {
            format!("the {purpose} is `{target}`, a file of its own that loading opens as well")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finding;
    use crate::facts::testing::artifact;
    use davy_artifact::Site;

    fn found(format: &'static str, target: &str, purpose: &'static str) -> Option<Finding> {
        let fact = Fact::Reference { target: target.into(), purpose, site: Site::default() };
        let mut findings = Vec::new();
        let artifacts = [artifact(format, vec![fact])];
        ExternalReference.bundle(&artifacts, &mut Reporter::new(&RULE, &mut findings));
        findings.pop()
    }

    fn severity(format: &'static str, target: &str, purpose: &'static str) -> Option<Severity> {
        found(format, target, purpose).map(|finding| finding.severity)
    }

    #[test]
    fn what_leads_away_is_high_whatever_it_is_for() {
        for purpose in ["external link", "external data", "vocabulary", "asset"] {
            assert_eq!(severity("hdf5", "/etc/passwd", purpose), Some(Severity::High));
        }
        let told = found("hdf5", "../x\u{1b}", "external storage").unwrap();
        assert_eq!(told.evidence, "../x\\x1b");
        assert_eq!(severity("zip", "/etc/passwd", "link target"), None);
        assert_eq!(severity("keras", "/var/log/x.csv", "file"), Some(Severity::Medium));
    }

    #[test]
    fn listening_to_others_is_worth_knowing() {
        let of = |address| severity("llamafile-args", address, "listening address");
        assert_eq!((of("0.0.0.0"), of("127.0.0.1")), (Some(Severity::Low), None));
        assert_eq!(severity("modelfile", "llama3.2:1b", "base model"), None);
        assert_eq!(severity("modelfile", "/models/x.gguf", "base model"), Some(Severity::Medium));
    }

    #[test]
    fn what_stays_beside_is_judged_by_what_it_is_for() {
        assert_eq!(severity("onnx", "model.data", "external data"), None);
        assert_eq!(severity("hdf5", "part.h5", "external link"), Some(Severity::Low));
        assert_eq!(severity("paddle-pir", "/tmp/x", "saved file"), Some(Severity::High));
        assert_eq!(severity("paddle", "../x", "weights"), Some(Severity::High));
        assert_eq!(severity("paddle", "linear.w_0", "weights"), None);
        assert_eq!(severity("keras", "part.h5", "external link"), Some(Severity::Medium));
        assert_eq!(severity("keras", "words.txt", "vocabulary"), Some(Severity::Medium));
    }
}
