//! One instance of a rule, and where detectors hand theirs in.

use crate::{Advice, Confidence, Indicator, Rule, Severity, Subject, Tagged, Threat};
use davy_artifact::{Artifact, Interpret, Route, Site, Uninterpreted};
use davy_bytes::Span;

/// One instance of a rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The claim.
    pub rule: &'static Rule,
    /// What it can do, here.
    pub severity: Severity,
    /// How sure davy is, here.
    pub confidence: Confidence,
    /// Which kind of threat it is, here.
    pub threat: Threat,
    /// Path of the artifact.
    pub artifact: String,
    /// The bytes, relative to the artifact.
    pub span: Span,
    /// The place in words.
    pub route: Route,
    /// What was found and why it matters, in one sentence, fit to be shown.
    pub message: String,
    /// What was seen, as a person would read it, fit to be shown; may be empty.
    pub evidence: String,
    /// What it is about, for what else is known of that.
    pub subject: Subject,
    /// What the commands, source and calls in it are for.
    pub tags: Vec<Tagged>,
    /// Addresses and paths that they name.
    pub indicators: Vec<Indicator>,
    /// Published vulnerabilities that it makes use of.
    pub advisories: Vec<Advice>,
    /// How bad it is where nothing is assumed about the loader, if assumptions have lowered it.
    pub unassumed: Option<Severity>,
}

impl Finding {
    /// A finding with the rule's own severity, confidence and threat, and nothing to show yet.
    #[must_use]
    pub fn new(rule: &'static Rule, artifact: impl Into<String>, site: &Site) -> Self {
        Self {
            rule,
            severity: rule.severity,
            confidence: rule.confidence,
            threat: rule.threat,
            artifact: artifact.into(),
            span: site.span,
            route: site.route.clone(),
            message: String::new(),
            evidence: String::new(),
            subject: Subject::Unspecified,
            tags: Vec::new(),
            indicators: Vec::new(),
            advisories: Vec::new(),
            unassumed: None,
        }
    }
}

/// Where detectors hand in what they find.
#[derive(Debug)]
pub struct Reporter<'a> {
    rule: &'static Rule,
    findings: &'a mut Vec<Finding>,
    programs: &'a dyn Interpret,
}

impl<'a> Reporter<'a> {
    /// A reporter for the findings of one rule.
    pub fn new(rule: &'static Rule, findings: &'a mut Vec<Finding>) -> Self {
        Self { rule, findings, programs: &Uninterpreted }
    }

    /// The same, for a detector that may ask what programs in values say.
    #[must_use]
    pub fn asking(self, programs: &'a dyn Interpret) -> Self {
        Self { programs, ..self }
    }

    /// What tells what programs in values say.
    pub(crate) const fn programs(&self) -> &'a dyn Interpret {
        self.programs
    }

    /// Hands in a finding with the rule's own severity and confidence, which the caller may change.
    pub fn report(
        &mut self,
        artifact: &Artifact,
        site: &Site,
        message: impl Into<String>,
        evidence: impl Into<String>,
    ) -> Option<&mut Finding> {
        self.findings.push(Finding {
            message: message.into(),
            evidence: evidence.into(),
            ..Finding::new(self.rule, artifact.path.clone(), site)
        });
        self.findings.last_mut()
    }
}
