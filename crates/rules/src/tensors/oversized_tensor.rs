//! # oversized-tensor
//!
//! ## What it finds
//!
//! The tensors of an artifact claim gigabytes that are not there, not even packed: a dataset of HDF5
//! of which next to nothing was written, an array of joblib or NumPy whose shape is all that there is
//! of it, a layer with absurd dimensions. One tensor may claim all of it, or many a part each.
//!
//! ## Why it matters
//!
//! A loader that reads the whole tensor allocates what the shape says. A file of a few kilobytes so
//! takes the memory of the machine, and the process, or its neighbours, with it.
//!
//! ## How it can be wrong
//!
//! Scientific data may be sparse, in datasets that are declared large and filled later. Weights of a
//! model are not. Compression is allowed for as far as deflate goes, a thousand to one; zeros packed
//! by other methods may be smaller still. A download that broke off claims more than is there as
//! well, and is told only where what is missing is beyond all proportion.
//!
//! ## What to do
//!
//! Do not load the file where memory is not limited. Ask for one whose tensors are what they hold.
//!
//! ## References
//!
//! * CVE-2026-0897, CVE-2026-12570: shapes that exhaust memory in Keras
//! * CWE-770, CWE-1284; MITRE ATLAS AML.T0029

use super::width::bits;
use crate::facts::{in_keras, loaded};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Subject, Threat};
use davy_artifact::{Artifact, Fact, Quirk, Site, Tensor};
use davy_bytes::escape;
use std::collections::BTreeMap;

static RULE: Rule = Rule {
    id: "oversized-tensor",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    threat: Threat::ResourceExhaustion,
    summary: "tensors claim a size out of all proportion to their file",
    remediation: "do not load the file where memory is not limited, and ask for one whose tensors \
                  are what they hold",
    cwe: &[770, 1284],
    atlas: &["AML.T0029"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("oversized_tensor.rs"),
};

/// Bytes that any machine which loads models can spare.
const SPARED: u128 = 1 << 32;

/// Bytes that deflate, with which checkpoints, archives and datasets are packed, makes of one byte
/// at most, and a little more (RFC 1951: 258 bytes for two bits).
const RATIO: u128 = 1100;

/// Formats that only list tensors whose bytes are in other files.
const LISTS: &[&str] = &["tf-checkpoint", "weights-index"];

pub(crate) struct OversizedTensor;

impl Detector for OversizedTensor {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn bundle(&self, artifacts: &[Artifact], reporter: &mut Reporter<'_>) {
        for artifact in artifacts {
            if LISTS.iter().any(|format| artifact.is(format)) || is_elsewhere(artifact) {
                continue;
            }
            let claims = claims(artifact);
            let all = claims.values().fold(0_u128, |sum, claim| sum.saturating_add(claim.bytes));
            if all <= SPARED.max(u128::from(artifact.size).saturating_mul(RATIO)) {
                continue;
            }
            let Some(largest) = claims.values().max_by_key(|claim| claim.bytes) else { continue };
            let others = match claims.len() {
                1 => String::new(),
                count => format!(", and all {count} of them {all}"),
            };
            let message = format!(
                "tensor `{}` claims {} bytes{others}, in a file of {} bytes: reading them takes \
                 memory for all of it",
                escape(&largest.tensor.storage),
                largest.bytes,
                artifact.size
            );
            let evidence = format!("{}{:?}", escape(&largest.tensor.dtype), largest.tensor.size);
            if let Some(finding) = reporter.report(artifact, largest.site, message, evidence) {
                let keras = in_keras(artifact, artifacts);
                finding.severity = if keras { Severity::High } else { Severity::Medium };
                finding.subject = Subject::Quirk(Quirk::Expansion);
            }
        }
    }
}

/// What one storage is said to take.
struct Claim<'a> {
    bytes: u128,
    tensor: &'a Tensor,
    site: &'a Site,
}

/// The storages of an artifact, each once: tensors share them.
fn claims(artifact: &Artifact) -> BTreeMap<&str, Claim<'_>> {
    let mut claims: BTreeMap<&str, Claim<'_>> = BTreeMap::new();
    for fact in loaded(artifact) {
        let Fact::Tensor { tensor, site } = fact else { continue };
        let bits = u128::from(tensor.elements).saturating_mul(bits(&tensor.dtype));
        let claim = Claim { bytes: bits / 8, tensor, site };
        let known = claims.get(tensor.storage.as_str());
        if known.is_none_or(|known| known.bytes < claim.bytes) {
            claims.insert(&tensor.storage, claim);
        }
    }
    claims
}

/// Whether the bytes of tensors are in files beside this one.
fn is_elsewhere(artifact: &Artifact) -> bool {
    loaded(artifact)
        .iter()
        .any(|fact| matches!(fact, Fact::Reference { purpose: "external data", .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Finding;
    use crate::facts::testing::artifact;

    fn tensor(name: &str, dtype: &str, elements: u64) -> Fact {
        let tensor = Tensor {
            storage: name.into(),
            dtype: dtype.into(),
            elements,
            offset: 0,
            size: vec![],
            stride: vec![],
        };
        Fact::Tensor { tensor, site: Site::default() }
    }

    fn found(path: &str, format: &'static str, facts: Vec<Fact>) -> Option<Finding> {
        let mut artifact = artifact(format, facts);
        artifact.path = path.into();
        let mut findings = Vec::new();
        OversizedTensor.bundle(&[artifact], &mut Reporter::new(&RULE, &mut findings));
        findings.pop()
    }

    fn severity(path: &str, elements: u64) -> Option<Severity> {
        found(path, "hdf5", vec![tensor("/x", "float32", elements)]).map(|found| found.severity)
    }

    #[test]
    fn shapes_that_no_memory_holds_are_told_from_large_ones() {
        assert_eq!(severity("x.h5", 1 << 30), None);
        assert_eq!(severity("x.h5", 10_000_000_000), Some(Severity::Medium));
        assert_eq!(severity("x.h5", u64::MAX), Some(Severity::Medium));
        assert_eq!(severity("m.keras!model.weights.h5", 1 << 40), Some(Severity::High));
    }

    #[test]
    fn claims_add_up_and_storages_count_once() {
        let many = |name: fn(u64) -> String| {
            (0..64).map(|at| tensor(&name(at), "<f8", 1 << 24)).collect::<Vec<_>>()
        };
        assert!(found("x.npy", "npy", many(|at| at.to_string())).is_some());
        assert!(found("x.npy", "npy", many(|_| String::new())).is_none());
    }

    #[test]
    fn tensors_in_other_files_are_not_held_against_this_one() {
        let claim = || tensor("w", "float32", 1 << 40);
        assert!(found("x.index", "tf-checkpoint", vec![claim()]).is_none());
        let data = Fact::Reference {
            target: "w.bin".into(),
            purpose: "external data",
            site: Site::default(),
        };
        assert!(found("x.onnx", "onnx", vec![claim(), data]).is_none());
        assert!(found("x.onnx", "onnx", vec![claim()]).is_some());
    }
}
