//! The user's terms, and the judgement under them.

use crate::{Reason, Verdict};
use davy_rules::Severity;
use davy_scan::{Scan, Scanned};

/// The user's terms.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Findings of this severity or worse fail an input.
    pub fail_on: Severity,
}

impl Default for Policy {
    fn default() -> Self {
        Self { fail_on: Severity::High }
    }
}

/// A verdict with its reasons; a pass needs none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// What it rests on, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// What came of judging a scan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// The answer for everything together.
    pub overall: Judgement,
    /// The answer for each input, in the order of [`Scan::inputs`].
    pub inputs: Vec<Judgement>,
}

impl Judged {
    /// The exit status: 1 fail, 3 an input could not be opened, 2 incomplete, 0 pass. Where several
    /// hold, the first in this order wins: a finding is never hidden behind a missing file, and a
    /// missing file, which is the caller's to mend, is never hidden behind a gap.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        let unopened = |reason: &Reason| matches!(reason, Reason::Unopened(_));
        match self.overall.verdict {
            Verdict::Fail => 1,
            _ if self.overall.reasons.iter().any(unopened) => 3,
            Verdict::Incomplete => 2,
            Verdict::Pass => 0,
        }
    }
}

/// Judges every input, and all of them together.
#[must_use]
pub fn judge(scan: &Scan, policy: &Policy) -> Judged {
    let counts: Vec<Counts> = scan.inputs.iter().map(|input| Counts::of(input, policy)).collect();
    let mut total = counts.iter().fold(Counts::default(), Counts::plus);
    total.nothing |= scan.inputs.is_empty();
    Judged {
        overall: total.judgement(policy),
        inputs: counts.iter().map(|counts| counts.judgement(policy)).collect(),
    }
}

/// What a judgement rests on.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    failing: u64,
    gaps: u64,
    unopened: u64,
    nothing: bool,
}

impl Counts {
    fn of(input: &Scanned, policy: &Policy) -> Self {
        let failing = input.findings.iter().filter(|f| f.finding.severity >= policy.fail_on);
        let gaps = input.artifacts.iter().map(|artifact| artifact.gaps.len()).sum();
        Self {
            failing: davy_bytes::to_u64(failing.count()),
            gaps: davy_bytes::to_u64(gaps),
            unopened: u64::from(input.error.is_some()),
            // An engine that hands back neither an artifact nor an error has read nothing.
            nothing: input.error.is_none() && input.artifacts.is_empty(),
        }
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            failing: self.failing + other.failing,
            gaps: self.gaps + other.gaps,
            unopened: self.unopened + other.unopened,
            nothing: self.nothing || other.nothing,
        }
    }

    fn judgement(&self, policy: &Policy) -> Judgement {
        let mut reasons = Vec::new();
        if self.failing > 0 {
            reasons.push(Reason::Findings { count: self.failing, threshold: policy.fail_on });
        }
        if self.unopened > 0 {
            reasons.push(Reason::Unopened(self.unopened));
        }
        if self.gaps > 0 {
            reasons.push(Reason::Gaps(self.gaps));
        }
        if self.nothing {
            reasons.push(Reason::Nothing);
        }
        let verdict = match reasons.first() {
            Some(Reason::Findings { .. }) => Verdict::Fail,
            Some(_) => Verdict::Incomplete,
            None => Verdict::Pass,
        };
        Judgement { verdict, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Artifact, Gap, Role, Site, Why};
    use davy_bytes::Span;
    use davy_rules::{Confidence, Finding, Rule, Threat};
    use davy_scan::Fingerprinted;

    static RULE: Rule = Rule {
        id: "unsafe-call",
        severity: Severity::Critical,
        confidence: Confidence::High,
        threat: Threat::CodeExecution,
        summary: "",
        remediation: "",
        cwe: &[],
        atlas: &[],
        since: "0.1.0",
        aliases: &[],
        source: "",
    };

    #[derive(Clone, Copy, Debug)]
    enum Kind {
        Read,
        Found(Severity),
        Gap,
        Unopened,
        Empty,
    }

    fn input(kind: Kind) -> Scanned {
        let artifact = Artifact {
            path: "m".into(),
            size: 4,
            sha256: None,
            role: Role::Present,
            parent: None,
            identities: vec![],
            gaps: match kind {
                Kind::Gap => vec![Gap::new(Span::new(0, 4), Why::Unidentified, "bytes")],
                _ => vec![],
            },
        };
        let finding = |severity| Fingerprinted {
            finding: Finding { severity, ..Finding::new(&RULE, "m", &Site::default()) },
            fingerprint: "0".into(),
        };
        Scanned {
            path: "m".into(),
            artifacts: match kind {
                Kind::Unopened | Kind::Empty => vec![],
                _ => vec![artifact],
            },
            findings: match kind {
                Kind::Found(severity) => vec![finding(severity)],
                _ => vec![],
            },
            error: matches!(kind, Kind::Unopened).then(|| "no such file".into()),
        }
    }

    fn judged(kinds: &[Kind], fail_on: Severity) -> Judged {
        let inputs = kinds.iter().copied().map(input).collect();
        judge(&Scan { inputs, passed_over: vec![], surveyed: true }, &Policy { fail_on })
    }

    #[test]
    fn the_exit_status_follows_the_truth_table() {
        let found = Kind::Found(Severity::High);
        let (read, gap, unopened) = (Kind::Read, Kind::Gap, Kind::Unopened);
        let table: &[(&[Kind], u8)] = &[
            (&[read], 0),
            (&[found], 1),
            (&[gap], 2),
            (&[unopened], 3),
            (&[], 2),
            (&[Kind::Empty], 2),
            (&[read, found], 1),
            (&[read, gap], 2),
            (&[read, unopened], 3),
            (&[found, gap], 1),
            (&[found, unopened], 1),
            (&[gap, unopened], 3),
            (&[read, found, gap, unopened], 1),
            (&[Kind::Found(Severity::Medium)], 0),
            (&[Kind::Found(Severity::Medium), gap], 2),
        ];
        for (kinds, status) in table {
            let judged = judged(kinds, Severity::High);
            assert_eq!(judged.exit_status(), *status, "{kinds:?}");
        }
    }

    #[test]
    fn the_threshold_is_the_users() {
        for severity in Severity::ALL {
            for fail_on in Severity::ALL {
                let verdict = judged(&[Kind::Found(severity)], fail_on).overall.verdict;
                let fails = severity >= fail_on;
                assert_eq!(verdict, if fails { Verdict::Fail } else { Verdict::Pass });
            }
        }
    }

    #[test]
    fn each_input_has_its_own_verdict_and_reasons() {
        let judged = judged(&[Kind::Read, Kind::Gap, Kind::Unopened], Severity::High);
        let verdicts: Vec<_> = judged.inputs.iter().map(|input| input.verdict.as_str()).collect();
        assert_eq!(verdicts, ["pass", "incomplete", "incomplete"]);
        let reasons: Vec<_> = judged.overall.reasons.iter().map(Reason::to_string).collect();
        assert_eq!(reasons, ["1 input could not be opened", "1 gap left unread"]);
    }
}
