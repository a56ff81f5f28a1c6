//! # loaders-disagree
//!
//! ## What it finds
//!
//! Two loaders in use read the same bytes differently, or only one of them accepts the bytes:
//! CPython's C and pure-Python unpicklers, or two readers of archives.
//!
//! ## Why it matters
//!
//! No library writes such bytes. Where one loader stops or sees a harmless name and another runs a
//! payload, the file was made for a scanner that follows the first. It is high where loading imports
//! more than constructors of data, and medium where nothing but data can come of it.
//!
//! ## How it can be wrong
//!
//! A damaged file can look like this by accident, and an old or foreign writer may use spellings
//! that only its own reader takes. A frame that is too long is medium where the file is cut as well.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it, and compare what the two
//! name.
//!
//! ## References
//!
//! * CPython, `Modules/_pickle.c` and `Lib/pickle.py`
//! * CWE-436; MITRE ATLAS AML.T0107, AML.T0076

use crate::quirks::{ByQuirk, Formats, imports_more_than_data, is_shard};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::{Artifact, Quirk, Role, Route, Why};
use davy_bytes::Blame;

static RULE: Rule = Rule {
    id: "loaders-disagree",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "loaders read the same bytes differently",
    remediation: "load the file with no loader; have it written again by the library that \
                  made it, and compare what it names",
    cwe: &[436],
    atlas: &["AML.T0107", "AML.T0076"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("loaders_disagree.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::LoadersDisagree],
    formats: Formats::Any,
    so: "a scanner that follows one loader does not see what another does",
    severity: |artifact, deviation| {
        if artifact.is("zip") && is_shard(artifact) {
            return Severity::Low;
        }
        // Python 2 wrote every array of numbers like this.
        if matches!(deviation.route, Route::Opcode { name: "STRING", .. }) {
            return Severity::Low;
        }
        let torn = matches!(deviation.route, Route::Opcode { name: "FRAME", .. });
        let hides = imports_more_than_data(artifact) && !(torn && breaks_off(artifact));
        if hides { Severity::High } else { Severity::Medium }
    },
};

/// Whether an artifact ends before its format says that it does: a frame is longer than what is left
/// of any pickle that was cut.
fn breaks_off(artifact: &Artifact) -> bool {
    let gap = artifact.gaps.iter().any(|gap| gap.why == Why::Halted(Blame::Malformed));
    let mut deviations = artifact.identities.iter().flat_map(|one| &one.reading.deviations);
    let piece = matches!(artifact.role, Role::Leftover | Role::Storage);
    gap || piece || deviations.any(|one| one.quirk == Quirk::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{detect, imports};
    use crate::quirks::testing::odd;
    use davy_artifact::{Artifact, Gap};
    use davy_bytes::Span;

    fn disagreement(opcode: &'static str, module: &str) -> Artifact {
        let mut artifact = odd("pickle", &[Quirk::LoadersDisagree], "x");
        let reading = &mut artifact.identities[0].reading;
        reading.deviations[0].route = Route::Opcode { stream: 0, index: 1, name: opcode };
        reading.facts.push(imports(module, "system"));
        artifact
    }

    fn severity(artifact: &Artifact) -> Severity {
        detect(&DETECTOR, artifact)[0].severity
    }

    #[test]
    fn it_is_high_where_more_than_data_is_imported() {
        let plain = odd("pickle", &[Quirk::LoadersDisagree], "a FRAME of frames");
        assert_eq!(severity(&plain), Severity::Medium);
        assert_eq!(severity(&disagreement("INT", "os")), Severity::High);
        assert_eq!(severity(&disagreement("INT", "nobody.knows")), Severity::High);
        assert_eq!(severity(&disagreement("STRING", "nobody.knows")), Severity::Low);
        let mut data = disagreement("INT", "os");
        data.identities[0].reading.facts = vec![imports("collections", "OrderedDict")];
        assert_eq!(severity(&data), Severity::Medium);
    }

    #[test]
    fn frames_that_a_cut_made_too_long_are_medium() {
        let mut cut = disagreement("FRAME", "os");
        assert_eq!(severity(&cut), Severity::High);
        let gap = Gap::new(Span::new(9, 1), Why::Halted(Blame::Malformed), "cut");
        cut.gaps.push(gap.clone());
        assert_eq!(severity(&cut), Severity::Medium);
        let mut other = disagreement("INT", "os");
        other.gaps.push(gap);
        assert_eq!(severity(&other), Severity::High);
    }
}
