//! # link-member
//!
//! ## What it finds
//!
//! A member of an archive is a symbolic or hard link.
//!
//! ## Why it matters
//!
//! A link that leads out of the folder lets the next member be written through it, or lets a server
//! hand out a file of its own as part of a model. It is high where the target is absolute or goes
//! up, and medium where it stays inside.
//!
//! ## How it can be wrong
//!
//! Archives of whole folders contain links for good reasons, such as those of model caches. Such
//! links stay inside.
//!
//! ## What to do
//!
//! Unpack with a tool that refuses links, or look at the target first.
//!
//! ## References
//!
//! * PKWARE, APPNOTE.TXT 6.3.10, the record of a member
//! * CWE-59, CWE-22; MITRE ATLAS AML.T0011.000

use crate::quirks::{ByQuirk, Formats};
use crate::{Confidence, Rule, Severity};
use davy_artifact::Quirk;

static RULE: Rule = Rule {
    id: "link-member",
    severity: Severity::High,
    confidence: Confidence::High,
    summary: "an archive holds a link",
    remediation: "unpack with a tool that refuses links, or look at the target of the link \
                  first",
    cwe: &[59, 22],
    atlas: &["AML.T0011.000"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("link_member.rs"),
};

pub(crate) static DETECTOR: ByQuirk = ByQuirk {
    rule: &RULE,
    quirks: &[Quirk::LinkMember],
    formats: Formats::Any,
    so: "what is written or read through it lies elsewhere",
    severity: |_, deviation| {
        if leaves(&deviation.what) { Severity::High } else { Severity::Medium }
    },
};

/// Whether the words about a link name a target that is absolute or goes up.
fn leaves(what: &str) -> bool {
    what.contains("../")
        || what.contains("..\\")
        || what.contains("`/")
        || what.contains(":\\")
        || what.contains("outside")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quirks::testing::severity;

    #[test]
    fn links_that_leave_the_folder_weigh_more() {
        assert_eq!(
            severity(&DETECTOR, "zip", Quirk::LinkMember, "member `a` is a link to `/etc/passwd`"),
            Some(Severity::High)
        );
        assert_eq!(
            severity(&DETECTOR, "zip", Quirk::LinkMember, "member `a` is a link to `../x`"),
            Some(Severity::High)
        );
        assert_eq!(
            severity(&DETECTOR, "zip", Quirk::LinkMember, "member `a` is a link to `b`"),
            Some(Severity::Medium)
        );
    }
}
