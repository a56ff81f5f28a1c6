//! # oversized-tensor
//!
//! ## What it finds
//!
//! A tensor claims a shape that no memory holds, while the file that it stands in is small: a
//! dataset of HDF5 of which next to nothing was written, a layer with absurd dimensions.
//!
//! ## Why it matters
//!
//! A loader that reads the whole tensor allocates what the shape says. A file of a few kilobytes so
//! takes the memory of the machine, and the process, or its neighbours, with it.
//!
//! ## How it can be wrong
//!
//! Scientific data may be sparse, in datasets that are declared large and filled later. Weights of a
//! model are not.
//!
//! ## What to do
//!
//! Do not load the file where memory is not limited. Ask for one whose tensors are what they hold.
//!
//! ## References
//!
//! * CVE-2026-0897, CVE-2026-12570: shapes that exhaust memory in Keras
//! * CWE-770, CWE-1284; MITRE ATLAS AML.T0029

use crate::facts::{ALIKE, Quota, in_keras, loaded};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Fact, Quirk};
use davy_bytes::escape;

static RULE: Rule = Rule {
    id: "oversized-tensor",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::ResourceExhaustion,
    summary: "a tensor claims a size out of all proportion to its file",
    remediation: "do not load the file where memory is not limited, and ask for one whose tensors \
                  are what they hold",
    cwe: &[770, 1284],
    atlas: &["AML.T0029"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("oversized_tensor.rs"),
};

/// Elements from which on a tensor is no longer believed: the largest in use have a hundredth.
const ELEMENTS: u64 = 1 << 36;

/// A tensor that has this many elements for each byte of its file was never written.
const RATIO: u64 = 16;

pub(crate) struct OversizedTensor;

impl Detector for OversizedTensor {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        for artifact in artifacts {
            let keras = in_keras(artifact, artifacts);
            let mut quota = Quota::of(ALIKE);
            for fact in loaded(artifact) {
                let Fact::Tensor { tensor, site } = fact else { continue };
                let limit = artifact.size.saturating_mul(RATIO).max(ELEMENTS);
                if tensor.elements <= limit || !artifact.is("hdf5") || !quota.admits("") {
                    continue;
                }
                let message = format!(
                    "tensor `{}` claims {} elements in a file of {} bytes: reading it takes memory \
                     for all of them",
                    escape(&tensor.storage),
                    tensor.elements,
                    artifact.size
                );
                let evidence = format!("{}{:?}", escape(&tensor.dtype), tensor.size);
                if let Some(finding) = reporter.report(artifact, site, message, evidence) {
                    finding.severity = if keras { Severity::High } else { Severity::Medium };
                    finding.subject = Subject::Quirk(Quirk::Expansion);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::artifact;
    use davy_artifact::{Site, Tensor};

    fn severity(path: &str, elements: u64) -> Option<Severity> {
        let tensor = Tensor {
            storage: "/x".into(),
            dtype: "float32".into(),
            elements,
            offset: 0,
            size: vec![],
            stride: vec![],
        };
        let mut artifact = artifact("hdf5", vec![Fact::Tensor { tensor, site: Site::default() }]);
        artifact.path = path.into();
        let mut findings = Vec::new();
        OversizedTensor.bundle(&[artifact], &mut Reporter::new(&RULE, &mut findings));
        findings.first().map(|finding| finding.severity)
    }

    #[test]
    fn shapes_that_no_memory_holds_are_told_from_large_ones() {
        assert_eq!(severity("x.h5", 1 << 30), None);
        assert_eq!(severity("x.h5", 1 << 40), Some(Severity::Medium));
        assert_eq!(severity("m.keras!model.weights.h5", 1 << 40), Some(Severity::High));
    }
}
