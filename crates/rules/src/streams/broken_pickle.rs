//! # broken-pickle
//!
//! ## What it finds
//!
//! A pickle cannot be read to its end: an opcode that does not exist, one that finds nothing on the
//! stack, a name or argument that is cut short.
//!
//! ## Why it matters
//!
//! A loader runs opcode by opcode and notices the break only when it gets there: whatever stands
//! before it has run. Tools that want a whole pickle give up instead and report nothing, which is why
//! payloads were published in files that are broken on purpose.
//!
//! ## How it can be wrong
//!
//! An interrupted download looks the same, and so does a file that goes on in a form of its own
//! behind the pickle.
//!
//! ## What to do
//!
//! Fetch the file again and compare its digest with the publisher's. Do not load what you have, not
//! even to see whether it loads.
//!
//! ## References
//!
//! * ReversingLabs, nullifAI, 2025: broken pickles whose payload stands at their start
//! * CWE-20, CWE-502; MITRE ATLAS AML.T0076, AML.T0107

use crate::quirks::is_pickle;
use crate::{Confidence, Detector, Reporter, Rule, Severity, Threat};
use davy_artifact::{Artifact, Gap, Role, Site, Why};
use davy_bytes::Blame;

static RULE: Rule = Rule {
    id: "broken-pickle",
    severity: Severity::Medium,
    confidence: Confidence::High,
    threat: Threat::Evasion,
    summary: "a pickle breaks off before its end, after what stands before the break has run",
    remediation: "fetch the file again and compare its digest with the publisher's; do not load \
                  what you have, not even to see whether it loads",
    cwe: &[20, 502],
    atlas: &["AML.T0076", "AML.T0107"],
    since: "0.1.0",
    aliases: &[],
    source: include_str!("broken_pickle.rs"),
};

pub(crate) struct BrokenPickle;

impl Detector for BrokenPickle {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn artifact(&self, artifact: &Artifact, reporter: &mut Reporter<'_>) {
        let broken = |gap: &&Gap| gap.why == Why::Halted(Blame::Malformed);
        let Some(gap) = artifact.gaps.iter().find(broken).filter(|_| is_loaded(artifact)) else {
            return;
        };
        let message = format!(
            "the pickle breaks off: {}; what stands before the break has run when a loader notices",
            gap.what
        );
        reporter.report(artifact, &Site { span: gap.span, ..Site::default() }, message, "");
    }
}

/// Whether an artifact is a pickle and nothing else, which somebody may load.
fn is_loaded(artifact: &Artifact) -> bool {
    let formats = || artifact.identities.iter().map(|identity| identity.format);
    let only = formats().next().is_some() && formats().all(is_pickle);
    let says = artifact.identities.iter().any(|identity| !identity.reading.facts.is_empty());
    only && (says || matches!(artifact.role, Role::Loaded | Role::Present))
        && artifact.role != Role::Storage
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::testing::{artifact, detect, imports};
    use davy_bytes::Span;

    fn broken(format: &'static str, role: Role) -> Artifact {
        let mut artifact = artifact(format, vec![]);
        artifact.role = role;
        let gap = Gap::new(Span::new(3, 97), Why::Halted(Blame::Malformed), "opcode 0xff");
        artifact.gaps.push(gap);
        artifact
    }

    #[test]
    fn pickles_that_break_are_reported_where_the_break_is() {
        let found = detect(&BrokenPickle, &broken("pickle", Role::Present));
        assert_eq!((found[0].severity, found[0].span), (Severity::Medium, Span::new(3, 97)));
        assert!(found[0].message.contains("opcode 0xff"), "{}", found[0].message);
    }

    #[test]
    fn what_others_explain_or_nobody_loads_is_not() {
        assert!(detect(&BrokenPickle, &broken("zip", Role::Present)).is_empty());
        assert!(detect(&BrokenPickle, &broken("pickle", Role::Quoted)).is_empty());
        let mut quoted = broken("pickle", Role::Quoted);
        quoted.identities[0].reading.facts.push(imports("builtins", "len"));
        assert_eq!(detect(&BrokenPickle, &quoted).len(), 1);
        let mut whole = broken("pickle", Role::Present);
        whole.gaps.clear();
        assert!(detect(&BrokenPickle, &whole).is_empty());
        let mut other = broken("pickle", Role::Present);
        other.identities.extend(artifact("text", vec![]).identities);
        assert!(detect(&BrokenPickle, &other).is_empty());
    }
}
