//! # torchscript-file-access
//!
//! ## What it finds
//!
//! The code of a compiled model uses an operator that opens files: `aten::from_file`, `aten::save`
//! and the readers and writers of images.
//!
//! ## Why it matters
//!
//! TorchScript is thought of as arithmetic on tensors. These operators map any file of the machine
//! into a tensor, or write one, with the rights of the process that runs the model; a shared mapping
//! even writes back to the file.
//!
//! ## How it can be wrong
//!
//! Models that read their own input pictures use the image operators honestly.
//!
//! ## What to do
//!
//! Do not run the model outside of a sandbox without access to files; ask its author what it opens.
//!
//! ## References
//!
//! * CVE-2025-32434; PyTorch documentation, `torch.from_file`
//! * CWE-73, CWE-22; MITRE ATLAS AML.T0037

use crate::facts::{ALIKE, Quota, written};
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Fact, Value};

static RULE: Rule = Rule {
    id: "torchscript-file-access",
    severity: Severity::High,
    confidence: Confidence::Medium,
    threat: Threat::FileAccess,
    summary: "the code of a compiled model opens files",
    remediation: "run the model only in a sandbox without access to files, and ask its author what \
                  it opens",
    cwe: &[73, 22],
    atlas: &["AML.T0037"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("torchscript_file_access.rs"),
};

/// Operators of the TorchScript runtime and of its extensions that open files, by their last name.
const OPENERS: &[&str] =
    &["from_file", "load", "read_file", "save", "sox_io_load", "sox_io_save", "write_file"];

/// Namespaces that these operators live in.
const SPACES: &[&str] = &["aten", "image", "torch", "torchaudio", "torchvision"];

pub(crate) struct TorchscriptFileAccess;

impl Detector for TorchscriptFileAccess {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        for (format, fact) in written(artifact) {
            let Fact::Call { call, site, .. } = fact else { continue };
            let Value::Name(name) = &call.callee else { continue };
            let path = name.dotted();
            if format == "torchscript" && opens(&path) && quota.admits(path.as_str()) {
                let message = format!("operator `{name}` opens files of the machine it runs on");
                reporter.report(artifact, site, message, call.to_string());
            }
        }
    }
}

/// Whether `torch.from_file`, `ops.aten.save` or `aten::from_file` is meant.
fn opens(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split(['.', ':']).filter(|part| !part.is_empty()).collect();
    let last = parts.pop().unwrap_or_default();
    let spaced = parts.iter().any(|part| SPACES.contains(part));
    spaced && OPENERS.contains(&last.split("__").next().unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, calls, detect, name, text};

    #[test]
    fn operators_that_open_files_are_found_under_every_spelling() {
        for (module, function) in [
            ("torch", "from_file"),
            ("ops.aten", "save"),
            ("aten::from_file", ""),
            ("ops.image", "read_file"),
        ] {
            let fact = calls(name(module, function), vec![text("/etc/passwd")]);
            let found = detect(&TorchscriptFileAccess, &artifact("torchscript", vec![fact]));
            assert_eq!(found.len(), 1, "{module} {function}");
        }
        let fact = calls(name("torch", "add"), vec![]);
        assert!(detect(&TorchscriptFileAccess, &artifact("torchscript", vec![fact])).is_empty());
    }
}
