//! The detector behind every rule that judges breaks of form: which kinds, in which formats, and how
//! bad.

use crate::facts::{ALIKE, Quota};
use crate::{Detector, Reporter, Rule, Severity, Subject};
use davy_artifact::{Artifact, Deviation, Fact, Quirk, Site};
use std::collections::BTreeSet;

/// A rule that reports deviations.
pub(crate) struct ByQuirk {
    /// The claim.
    pub(crate) rule: &'static Rule,
    /// The kinds of deviation it speaks of.
    pub(crate) quirks: &'static [Quirk],
    /// The formats in which it does.
    pub(crate) formats: Formats,
    /// Why it matters, as the end of a sentence that begins with what is wrong.
    pub(crate) so: &'static str,
    /// How bad it is here.
    pub(crate) severity: fn(&Artifact, &Deviation) -> Severity,
}

/// The formats that a rule about deviations speaks of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Formats {
    /// All of them.
    Any,
    /// Streams of opcodes.
    Pickles,
    /// Checkpoints, whatever container they lie in.
    Checkpoints,
    /// Archives and compressed files.
    Containers,
    /// All but streams of opcodes.
    NotPickles,
    /// Containers and checkpoints.
    Packed,
    /// All that are none of these: structures that point at each other.
    Structured,
    /// Files that hold nothing but tensors and what describes them.
    Weights,
}

/// Formats that are streams of opcodes.
const PICKLES: &[&str] = &["dill", "joblib", "pickle"];

/// Formats that are checkpoints of tensors.
const CHECKPOINTS: &[&str] =
    &["pytorch", "pytorch-legacy", "pytorch-tar", "pytorch-zip", "torch", "torchscript"];

/// Formats that hold other files.
const ARCHIVES: &[&str] = &[
    "7z",
    "ar",
    "archive",
    "bzip2",
    "compress",
    "cpio",
    "gzip",
    "lz4",
    "lzma",
    "tar",
    "torch-package",
    "xz",
    "zip",
    "zlib",
    "zstd",
];

/// Formats that hold nothing but tensors and what describes them.
const WEIGHTS: &[&str] = &["ggml", "ggml-session", "gguf", "imatrix", "safetensors"];

impl Formats {
    fn include(self, format: &str) -> bool {
        let pickle = is_pickle(format);
        let checkpoint = CHECKPOINTS.contains(&format);
        let archive = ARCHIVES.contains(&format);
        match self {
            Self::Any => true,
            Self::Pickles => pickle,
            Self::Checkpoints => checkpoint,
            Self::Containers => archive,
            Self::NotPickles => !pickle,
            Self::Packed => archive || checkpoint,
            Self::Structured => !pickle && !archive && !checkpoint && !WEIGHTS.contains(&format),
            Self::Weights => WEIGHTS.contains(&format),
        }
    }
}

/// Whether an artifact is a shard of a distributed checkpoint: its loader opens it by this name, and
/// reads each of the archives in it at the offset that the checkpoint's metadata gives, so that
/// several of them, one behind another, are what an honest one consists of (PyTorch,
/// `torch.distributed.checkpoint.FileSystemReader`).
pub(crate) fn is_shard(artifact: &Artifact) -> bool {
    artifact.name().ends_with(".distcp")
}

impl Detector for ByQuirk {
    fn rule(&self) -> &'static Rule {
        self.rule
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let mut quota = Quota::of(ALIKE);
        let mut seen = BTreeSet::new();
        for identity in &artifact.identities {
            if identity.reading.deviations.is_empty() || !self.formats.include(identity.format) {
                continue;
            }
            for deviation in &identity.reading.deviations {
                let mine = self.quirks.contains(&deviation.quirk);
                // Two formats that explain the same bytes may both have seen it.
                if !mine || !seen.insert((deviation.quirk, deviation.span, &deviation.what)) {
                    continue;
                }
                if quota.admits(deviation.quirk.as_str()) {
                    self.report(artifact, deviation, reporter);
                }
            }
        }
    }
}

impl ByQuirk {
    fn report(&self, artifact: &Artifact, deviation: &Deviation, reporter: &mut Reporter<'_>) {
        let site = Site { span: deviation.span, route: deviation.route.clone() };
        let message = format!("{}: {}", deviation.what, self.so);
        if let Some(finding) = reporter.report(artifact, &site, message, "") {
            finding.severity = (self.severity)(artifact, deviation);
            finding.subject = Subject::Quirk(deviation.quirk);
        }
    }
}

/// Whether an artifact holds nothing but tensors and what describes them.
pub(crate) fn is_weights(artifact: &Artifact) -> bool {
    artifact.identities.iter().any(|identity| WEIGHTS.contains(&identity.format))
}

/// Whether a format is a stream of opcodes.
pub(crate) fn is_pickle(format: &str) -> bool {
    PICKLES.contains(&format)
}

/// Whether loading an artifact imports more than constructors of data.
pub(crate) fn imports_more_than_data(artifact: &Artifact) -> bool {
    crate::facts::loaded(artifact).into_iter().any(|fact| match fact {
        Fact::Import { name, .. } => {
            let known = crate::facts::known(name);
            !known.is_some_and(|known| known.constants_only || known.effect.is_harmless())
        }
        _ => false,
    })
}

#[cfg(test)]
pub(crate) mod testing {
    //! Makes artifacts that break their form.

    use crate::facts::testing::{artifact, detect};
    use crate::{Detector, Severity};
    use davy_artifact::{Artifact, Quirk, Route};
    use davy_bytes::Span;

    /// An artifact of `format` that breaks its form in each of these ways.
    pub(crate) fn odd(format: &'static str, quirks: &[Quirk], what: &str) -> Artifact {
        let mut artifact = artifact(format, vec![]);
        for (quirk, at) in quirks.iter().zip(0..) {
            let span = Span::new(at, 1);
            artifact.identities[0].reading.deviation(*quirk, span, Route::None, what);
        }
        artifact
    }

    /// The severity that `detector` gives to one deviation, if it speaks of it.
    pub(crate) fn severity(
        detector: &dyn Detector,
        format: &'static str,
        quirk: Quirk,
        what: &str,
    ) -> Option<Severity> {
        detect(detector, &odd(format, &[quirk], what)).first().map(|finding| finding.severity)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::odd;
    use super::*;
    use crate::CATALOG;
    use crate::facts::testing::detect;

    /// Every kind of deviation, in the formats where readers record it.
    const RECORDED: &[(&str, &[Quirk])] = &[
        (
            "pickle",
            &[
                Quirk::BytesAfterEnd,
                Quirk::BytesBetween,
                Quirk::Expansion,
                Quirk::Handmade,
                Quirk::HugeIndex,
                Quirk::LoadersDisagree,
                Quirk::Missing,
                Quirk::OutOfRange,
                Quirk::Repeated,
                Quirk::SizeMismatch,
                Quirk::Truncated,
                Quirk::WrongType,
            ],
        ),
        (
            "zip",
            &[
                Quirk::BytesAfterEnd,
                Quirk::BytesBeforeStart,
                Quirk::BytesBetween,
                Quirk::CollidingName,
                Quirk::DuplicateName,
                Quirk::EscapingName,
                Quirk::Expansion,
                Quirk::FalseEncryption,
                Quirk::ForeignMethod,
                Quirk::HeadersDisagree,
                Quirk::LinkMember,
                Quirk::LoadersDisagree,
                Quirk::Missing,
                Quirk::OutOfRange,
                Quirk::Overlap,
                Quirk::Repeated,
                Quirk::SizeMismatch,
                Quirk::Truncated,
                Quirk::Unlisted,
                Quirk::WrongChecksum,
                Quirk::WrongType,
            ],
        ),
        (
            "pytorch",
            &[
                Quirk::BytesAfterEnd,
                Quirk::DuplicateName,
                Quirk::ForeignMethod,
                Quirk::Missing,
                Quirk::OutOfRange,
                Quirk::Overlap,
                Quirk::Repeated,
                Quirk::SizeMismatch,
                Quirk::Truncated,
                Quirk::WrongType,
            ],
        ),
    ];

    /// Kinds of deviation in structures that point at each other.
    const STRUCTURES: &[Quirk] = &[
        Quirk::BytesAfterEnd,
        Quirk::BytesBeforeStart,
        Quirk::Cycle,
        Quirk::DuplicateName,
        Quirk::EscapingName,
        Quirk::Expansion,
        Quirk::Handmade,
        Quirk::HeadersDisagree,
        Quirk::HugeIndex,
        Quirk::LoadersDisagree,
        Quirk::Missing,
        Quirk::OutOfRange,
        Quirk::Overlap,
        Quirk::Repeated,
        Quirk::SizeMismatch,
        Quirk::Truncated,
        Quirk::WrongChecksum,
        Quirk::WrongType,
    ];

    #[test]
    fn every_deviation_is_somebodys_business() {
        let structures = [("hdf5", STRUCTURES), ("gguf", STRUCTURES)];
        for (format, quirks) in RECORDED.iter().chain(&structures) {
            for quirk in *quirks {
                let artifact = odd(format, &[*quirk], "what is wrong");
                let speaking: Vec<_> = CATALOG
                    .iter()
                    .filter(|detector| !detect(**detector, &artifact).is_empty())
                    .map(|detector| detector.rule().id)
                    .collect();
                assert_eq!(speaking.len(), 1, "{format} {quirk:?}: {speaking:?}");
            }
        }
    }
}
