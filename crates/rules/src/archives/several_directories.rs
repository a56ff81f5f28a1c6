//! # several-directories
//!
//! ## What it finds
//!
//! More than one end record or directory stands in the file: two archives one behind the other, or a
//! second one in a comment.
//!
//! ## Why it matters
//!
//! Readers look for the directory from the end, from the start, or by the first match. Each sees
//! another archive, with other members under the same names.
//!
//! ## How it can be wrong
//!
//! An archive that was appended to another by a tool that does not rewrite the first. A stored
//! archive inside an archive is not reported. The shards of a distributed checkpoint (`.distcp`) are
//! archives one behind the other by design, and low.
//!
//! ## What to do
//!
//! Do not load the file. Have it written again by the library that made it.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, section 4.3.16
//! * CWE-436; MITRE ATLAS AML.T0107, AML.T0074

use crate::quirks::{ByQuirk, Formats, is_shard};
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "several-directories",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "an archive has more than one directory",
    remediation: "do not load the file; have it written again by the library that made it",
    cwe: &[436],
    atlas: &["AML.T0107", "AML.T0074"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("several_directories.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::Repeated],
    formats: Formats::Containers,
    so: "readers that search from the front and from the back see different \
                  archives",
    severity: |artifact, _| if is_shard(artifact) { Severity::Low } else { Severity::High },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::detect;
    use crate::quirks::testing::{odd, severity};

    #[test]
    fn a_shard_of_a_distributed_checkpoint_has_several_by_design() {
        let mut shard = odd("zip", &[Quirk::Repeated], "x");
        assert_eq!(detect(&DETECTOR, &shard)[0].severity, Severity::High);
        shard.path = "checkpoint/__0_0.distcp".to_owned();
        assert_eq!(detect(&DETECTOR, &shard)[0].severity, Severity::Low);
    }

    #[test]
    fn a_second_directory_is_high() {
        assert_eq!(severity(&DETECTOR, "zip", Quirk::Repeated, "x"), Some(Severity::High));
        assert_eq!(severity(&DETECTOR, "pytorch", Quirk::Repeated, "x"), None);
        assert_eq!(severity(&DETECTOR, "pickle", Quirk::Repeated, "x"), None);
    }
}
