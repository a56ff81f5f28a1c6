//! # link-member
//!
//! ## What it finds
//!
//! A member of an archive is a symbolic or hard link, a device or pipe, or a program that runs with
//! the rights of its owner.
//!
//! ## Why it matters
//!
//! A link that leads out of the folder lets the next member be written through it, or lets a server
//! hand out a file of its own as part of a model. It is high where the target is absolute or goes up
//! past the folder, medium where it goes up and stays inside, and low where it names something beside
//! or below. A device or pipe makes whoever reads it wait, or hands out
//! what is not the archive's.
//!
//! ## How it can be wrong
//!
//! Archives of whole folders contain links for good reasons, such as those of environments, whose
//! interpreter is a link, and of model caches. Such links stay inside.
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
use crate::{Confidence, Rule, Severity, Threat};
use davy_artifact::{Artifact, Deviation, Fact, Quirk, Route};

static RULE: Rule = Rule {
    id: "link-member",
    severity: Severity::High,
    confidence: Confidence::High,
    threat: Threat::FileAccess,
    summary: "an archive holds a link, a device or a program with the rights of its owner",
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
    severity: |artifact, deviation| {
        let Route::Member(name) = &deviation.route else { return Severity::Medium };
        let ways = targets(artifact, deviation).map(|target| way(name, target));
        ways.max().unwrap_or(Severity::Medium)
    },
};

/// What the links at the place of a deviation point to.
fn targets<'a>(artifact: &'a Artifact, link: &'a Deviation) -> impl Iterator<Item = &'a str> {
    let facts = artifact.identities.iter().flat_map(|identity| &identity.reading.facts);
    facts.filter_map(|fact| match fact {
        Fact::Reference { target, site, .. } if site.route == link.route => Some(target.as_str()),
        _ => None,
    })
}

/// How bad it is that a member of this name is a link to `target`, in the words of any operating system.
fn way(name: &str, target: &str) -> Severity {
    let first = target.split(['/', '\\']).next().unwrap_or_default();
    if first.is_empty() || first.contains(':') {
        return Severity::High;
    }
    let folders = name.split('/').filter(|part| !matches!(*part, "" | "."));
    let mut depth = folders.count().saturating_sub(1);
    let mut goes_up = false;
    for part in target.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")) {
        if part != ".." {
            depth = depth.saturating_add(1);
        } else if let Some(above) = depth.checked_sub(1) {
            (depth, goes_up) = (above, true);
        } else {
            return Severity::High;
        }
    }
    if goes_up { Severity::Medium } else { Severity::Low }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::detect;
    use crate::quirks::testing::odd;
    use davy_artifact::Site;

    fn severity(target: &str) -> Severity {
        let mut archive = odd("zip", &[Quirk::LinkMember], "a link");
        let route = Route::Member("a".into());
        let reading = &mut archive.identities[0].reading;
        reading.deviations[0].route = route.clone();
        let site = Site { route, ..Site::default() };
        let target = target.to_owned();
        reading.fact(Fact::Reference { target, purpose: "link target", site });
        detect(&DETECTOR, &archive)[0].severity
    }

    #[test]
    fn links_that_leave_the_folder_weigh_more() {
        for target in ["/etc/passwd", "../x", "b/../../x", "C:\\x", "\\\\host\\share", ""] {
            assert_eq!(severity(target), Severity::High, "{target}");
        }
        for target in ["b", "b/c", "..b", "b..", "b/..c"] {
            assert_eq!(severity(target), Severity::Low, "{target}");
        }
        assert_eq!(severity("b/.."), Severity::Medium);
        assert_eq!(way("lib/x/c.txt", "../a.txt"), Severity::Medium);
        assert_eq!(way("lib/c.txt", "../../a.txt"), Severity::High);
    }

    #[test]
    fn what_has_no_target_is_medium() {
        let device = odd("tar", &[Quirk::LinkMember], "a link to `/etc/passwd`");
        assert_eq!(detect(&DETECTOR, &device)[0].severity, Severity::Medium);
    }
}
