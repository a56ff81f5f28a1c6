//! The report: what a scan found and what it did not read, in the shape that tools rely on.
//!
//! Fields are only ever added to [`SCHEMA`]; none changes its meaning or goes away.

use crate::FactEntry;
use davy_artifact::{Artifact, Deviation, Gap, Role, Route};
use davy_bytes::{Span, to_u64};
use davy_policy::{Assumption, Judged, Judgement, Verdict};
use davy_rules::{Advice, CATALOG, Finding, Indicator, Rule, Severity, Tagged};
use davy_scan::{Fingerprinted, Scan, Scanned};
use serde::{Serialize, Serializer};
use std::collections::HashMap;
use std::ops::Range;

/// Name and version of the report's shape.
pub const SCHEMA: &str = "davy-report/1";

/// How much a report holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Detail {
    /// What was found, and what was not read.
    #[default]
    Findings,
    /// Everything that the readers recorded as well.
    Facts,
}

/// What a scan and its judgement say.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What made the report.
    pub tool: Tool,
    /// The answer for all inputs together.
    #[serde(serialize_with = "verdict")]
    pub verdict: Verdict,
    /// Why it is not a pass.
    pub reasons: Vec<String>,
    /// `full`, `partial` where there are gaps, or `structure` where not every byte was to be read.
    pub coverage: &'static str,
    /// What the user said about the loader: findings that rest on nothing but an advisory weigh
    /// less for versions that are not affected.
    pub assumptions: Vec<String>,
    /// The whole in numbers.
    pub summary: Summary,
    /// What was named, or found in a folder that was named.
    pub inputs: Vec<InputEntry<'a>>,
    /// What was passed over while folders were walked.
    pub passed_over: Vec<PassedOver<'a>>,
    /// The inputs themselves and everything in them, parents before children.
    pub artifacts: Vec<ArtifactEntry<'a>>,
    /// What the rules found, in the order of artifacts and offsets.
    pub findings: Vec<FindingEntry<'a>>,
    /// Every rule that could have been found.
    #[serde(skip)]
    pub rules: Vec<&'static Rule>,
    /// The exit status that goes with the verdict.
    #[serde(skip)]
    pub exit_status: u8,
}

/// What made a report.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// A report in numbers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Inputs.
    pub inputs: u64,
    /// Inputs that passed.
    pub passed: u64,
    /// Inputs that failed.
    pub failed: u64,
    /// Inputs that were opened and did not fail, but were not read whole.
    pub incomplete: u64,
    /// Inputs that could not be opened at all.
    pub unopened: u64,
    /// Artifacts, inputs included.
    pub artifacts: u64,
    /// Length of all inputs together, in bytes.
    pub bytes: u64,
    /// Findings of severity critical.
    pub critical: u64,
    /// Findings of severity high.
    pub high: u64,
    /// Findings of severity medium.
    pub medium: u64,
    /// Findings of severity low.
    pub low: u64,
    /// Findings of severity info.
    pub info: u64,
    /// Stretches that were not read.
    pub gaps: u64,
    /// Bytes in those stretches, each artifact's own counted once.
    pub unread: u64,
}

/// One input.
#[derive(Debug, Serialize)]
pub struct InputEntry<'a> {
    /// The path as it was given or found.
    pub path: &'a str,
    /// The answer for it.
    #[serde(serialize_with = "verdict")]
    pub verdict: Verdict,
    /// Why it is not a pass.
    pub reasons: Vec<String>,
    /// Why it could not be opened at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// Where its artifacts stand in [`Report::artifacts`].
    #[serde(skip)]
    pub artifacts: Range<usize>,
    /// Where its findings stand in [`Report::findings`].
    #[serde(skip)]
    pub findings: Range<usize>,
}

/// Something that was passed over.
#[derive(Debug, Serialize)]
pub struct PassedOver<'a> {
    /// The path.
    pub path: &'a str,
    /// Why.
    pub why: &'a str,
}

/// One artifact.
#[derive(Debug, Serialize)]
pub struct ArtifactEntry<'a> {
    /// The path: the input, and behind each `!` a name inside the artifact before it.
    pub path: &'a str,
    /// Its name within its parent, or the input's path.
    pub name: &'a str,
    /// Index of its input.
    pub input: usize,
    /// Index of the artifact that it is in.
    pub parent: Option<usize>,
    /// What its parent's loader does with it: `leftover`, `loaded`, `present`,
    /// `quoted`, `storage` or `variant`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Every format that explains it.
    pub formats: Vec<&'static str>,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes in hexadecimal, where the survey took it.
    pub sha256: Option<String>,
    /// What was not read.
    pub gaps: Vec<GapEntry<'a>>,
    /// How it breaks its form.
    pub deviations: Vec<DeviationEntry<'a>>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Vec<FactEntry<'a>>>,
}

/// A stretch that was not read.
#[derive(Debug, Serialize)]
pub struct GapEntry<'a> {
    /// Offset of its first byte in the artifact.
    pub start: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Why: one of a few fixed words.
    pub why: &'static str,
    /// What could not be read.
    pub what: &'a str,
}

/// A break of form.
#[derive(Debug, Serialize)]
pub struct DeviationEntry<'a> {
    /// Which kind.
    pub quirk: &'static str,
    /// Where.
    pub span: SpanEntry,
    /// Where, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// What is wrong.
    pub what: &'a str,
}

/// A stretch of an artifact, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SpanEntry {
    /// Offset of the first byte.
    pub start: u64,
    /// Number of bytes.
    pub len: u64,
}

/// One instance of a rule.
#[derive(Debug, Serialize)]
pub struct FindingEntry<'a> {
    /// The rule's id.
    #[serde(serialize_with = "rule_id")]
    pub rule: &'static Rule,
    /// What it can do.
    #[serde(serialize_with = "severity")]
    pub severity: Severity,
    /// How sure davy is.
    pub confidence: &'static str,
    /// Which kind of threat it is.
    pub threat: &'static str,
    /// Index of the input that it is in.
    pub input: usize,
    /// Path of the artifact that it is in.
    pub artifact: &'a str,
    /// The bytes, relative to the artifact.
    pub span: SpanEntry,
    /// The place in words; may be empty.
    pub route: String,
    /// What was found and why it matters.
    pub message: &'a str,
    /// What was seen; may be empty.
    pub evidence: &'a str,
    /// What to do about it.
    pub remediation: &'static str,
    /// Numbers of the Common Weakness Enumeration.
    pub cwe: &'static [u32],
    /// Technique ids of MITRE ATLAS.
    pub atlas: &'static [&'static str],
    /// What the commands, source and calls in it are for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagEntry<'a>>,
    /// Addresses and paths that they name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<IndicatorEntry<'a>>,
    /// Published vulnerabilities of loaders that it makes use of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<AdvisoryEntry<'a>>,
    /// Its severity without what was assumed about the loader, where that lowered it.
    #[serde(serialize_with = "severity_if_any", skip_serializing_if = "Option::is_none")]
    pub unassumed: Option<Severity>,
    /// The same for the same finding in the same content.
    pub fingerprint: &'a str,
    /// Line of source text, counted from 1, where the route is one.
    #[serde(skip)]
    pub line: Option<u64>,
    /// Index of the artifact that it is in, in [`Report::artifacts`].
    #[serde(skip)]
    pub at: Option<usize>,
}

/// What a program in a finding is for.
#[derive(Debug, Serialize)]
pub struct TagEntry<'a> {
    /// The tag.
    pub tag: &'static str,
    /// The command or call that shows it.
    pub text: &'a str,
}

/// A place that a program in a finding names.
#[derive(Debug, Serialize)]
pub struct IndicatorEntry<'a> {
    /// `address`, `path` or `url`.
    pub kind: &'static str,
    /// The place.
    pub value: &'a str,
}

/// A published vulnerability of a loader.
#[derive(Debug, Serialize)]
pub struct AdvisoryEntry<'a> {
    /// Its id.
    pub id: &'static str,
    /// The package that is affected.
    pub package: &'static str,
    /// The versions of it that are.
    pub affected: &'static str,
    /// The first versions that are not.
    pub fixed: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Where that is told.
    pub url: &'static str,
    /// The version of the package that the file says it was written by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_by: Option<&'a str>,
}

impl<'a> Report<'a> {
    /// The report of a scan and its judgement, which must be of the same scan.
    #[must_use]
    pub fn new(scan: &'a Scan, judged: &Judged, detail: Detail) -> Self {
        let mut report = Self {
            schema: SCHEMA,
            tool: Tool { name: "davy", version: env!("CARGO_PKG_VERSION") },
            verdict: judged.overall.verdict,
            reasons: reasons(&judged.overall),
            coverage: "full",
            assumptions: Vec::new(),
            summary: Summary::default(),
            inputs: Vec::with_capacity(scan.inputs.len()),
            passed_over: scan.passed_over.iter().map(PassedOver::new).collect(),
            artifacts: Vec::new(),
            findings: Vec::new(),
            rules: rules(scan),
            exit_status: judged.exit_status(),
        };
        for (input, judgement) in scan.inputs.iter().zip(&judged.inputs) {
            report.push(input, judgement, detail);
        }
        report.coverage = match (scan.surveyed, report.summary.gaps) {
            (false, _) => "structure",
            (true, 0) if report.summary.unopened == 0 => "full",
            _ => "partial",
        };
        report
    }

    /// The same report, with what was assumed when the scan was judged.
    #[must_use]
    pub fn under(mut self, assumptions: &[Assumption]) -> Self {
        self.assumptions = assumptions.iter().map(ToString::to_string).collect();
        self
    }

    fn push(&mut self, input: &'a Scanned, judgement: &Judgement, detail: Detail) {
        let (index, first) = (self.inputs.len(), self.artifacts.len());
        for artifact in &input.artifacts {
            self.summary.add_artifact(artifact);
            let mut entry = ArtifactEntry::new(artifact, index, detail);
            if let Some(parent) = artifact.parent {
                entry.parent = Some(first + parent);
                entry.name = input.artifacts.get(parent).map_or(entry.name, |parent| {
                    let name = artifact.path.strip_prefix(parent.path.as_str());
                    name.and_then(|name| name.strip_prefix('!')).unwrap_or(entry.name)
                });
            }
            self.artifacts.push(entry);
        }
        let known = places(&input.artifacts, first);
        let found = self.findings.len();
        for finding in &input.findings {
            self.summary.add_finding(finding.finding.severity);
            self.findings.push(FindingEntry::new(finding, index, &known));
        }
        self.summary.add_input(input, judgement.verdict);
        self.inputs.push(InputEntry {
            path: &input.path,
            verdict: judgement.verdict,
            reasons: reasons(judgement),
            error: input.error.as_deref(),
            artifacts: first..self.artifacts.len(),
            findings: found..self.findings.len(),
        });
    }
}

impl Summary {
    fn add_input(&mut self, input: &Scanned, verdict: Verdict) {
        self.inputs += 1;
        match verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Fail => self.failed += 1,
            Verdict::Incomplete if input.error.is_some() => self.unopened += 1,
            Verdict::Incomplete => self.incomplete += 1,
        }
    }

    fn add_artifact(&mut self, artifact: &Artifact) {
        self.artifacts += 1;
        if artifact.parent.is_none() {
            self.bytes = self.bytes.saturating_add(artifact.size);
        }
        self.gaps += to_u64(artifact.gaps.len());
        self.unread = self.unread.saturating_add(unread(&artifact.gaps));
    }

    fn add_finding(&mut self, severity: Severity) {
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
            Severity::Info => self.info += 1,
        }
    }

    /// Findings of one severity.
    #[must_use]
    pub const fn findings(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }
}

impl<'a> PassedOver<'a> {
    fn new((path, why): &'a (String, String)) -> Self {
        Self { path, why }
    }
}

impl<'a> ArtifactEntry<'a> {
    fn new(artifact: &'a Artifact, input: usize, detail: Detail) -> Self {
        let readings = || artifact.identities.iter().map(|identity| &identity.reading);
        let facts = || readings().flat_map(|reading| &reading.facts);
        Self {
            path: &artifact.path,
            name: &artifact.path,
            input,
            parent: None,
            role: artifact.parent.map(|_| role(artifact.role)),
            formats: artifact.identities.iter().map(|identity| identity.format).collect(),
            size: artifact.size,
            sha256: artifact.sha256.map(hexadecimal),
            gaps: artifact.gaps.iter().map(GapEntry::new).collect(),
            deviations: readings()
                .flat_map(|reading| &reading.deviations)
                .map(DeviationEntry::new)
                .collect(),
            facts: (detail == Detail::Facts).then(|| facts().map(FactEntry::new).collect()),
        }
    }
}

impl<'a> GapEntry<'a> {
    fn new(gap: &'a Gap) -> Self {
        let Gap { span, why, what } = gap;
        Self { start: span.start, len: span.len, why: why.as_str(), what }
    }
}

impl<'a> DeviationEntry<'a> {
    fn new(deviation: &'a Deviation) -> Self {
        Self {
            quirk: deviation.quirk.as_str(),
            span: deviation.span.into(),
            route: deviation.route.to_string(),
            what: &deviation.what,
        }
    }
}

impl From<Span> for SpanEntry {
    fn from(span: Span) -> Self {
        Self { start: span.start, len: span.len }
    }
}

impl<'a> FindingEntry<'a> {
    fn new(found: &'a Fingerprinted, input: usize, known: &HashMap<&str, usize>) -> Self {
        let finding: &Finding = &found.finding;
        Self {
            rule: finding.rule,
            severity: finding.severity,
            confidence: finding.confidence.as_str(),
            threat: finding.threat.as_str(),
            input,
            artifact: &finding.artifact,
            span: finding.span.into(),
            route: finding.route.to_string(),
            message: &finding.message,
            evidence: &finding.evidence,
            remediation: finding.rule.remediation,
            cwe: finding.rule.cwe,
            atlas: finding.rule.atlas,
            tags: finding.tags.iter().map(TagEntry::new).collect(),
            indicators: finding.indicators.iter().map(IndicatorEntry::new).collect(),
            advisories: finding.advisories.iter().map(AdvisoryEntry::new).collect(),
            unassumed: finding.unassumed,
            fingerprint: &found.fingerprint,
            line: match finding.route {
                Route::Line(line) => Some(line),
                _ => None,
            },
            at: known.get(finding.artifact.as_str()).copied(),
        }
    }
}

impl<'a> TagEntry<'a> {
    fn new(Tagged { tag, text }: &'a Tagged) -> Self {
        Self { tag: tag.as_str(), text }
    }
}

impl<'a> IndicatorEntry<'a> {
    fn new(Indicator { kind, value }: &'a Indicator) -> Self {
        Self { kind: kind.as_str(), value }
    }
}

impl<'a> AdvisoryEntry<'a> {
    fn new(Advice { advisory, written_by }: &'a Advice) -> Self {
        Self {
            id: advisory.id,
            package: advisory.package,
            affected: advisory.affected,
            fixed: advisory.fixed,
            title: advisory.title,
            url: advisory.source,
            written_by: written_by.as_deref(),
        }
    }
}

/// Where each path stands; the first of those that share one.
fn places(artifacts: &[Artifact], first: usize) -> HashMap<&str, usize> {
    let mut known = HashMap::with_capacity(artifacts.len());
    for (at, artifact) in artifacts.iter().enumerate() {
        known.entry(artifact.path.as_str()).or_insert(first + at);
    }
    known
}

/// The catalogue, and whatever else was found, by id.
fn rules(scan: &Scan) -> Vec<&'static Rule> {
    let found = scan.inputs.iter().flat_map(|input| &input.findings);
    let mut rules: Vec<&'static Rule> = CATALOG
        .iter()
        .map(|detector| detector.rule())
        .chain(found.map(|finding| finding.finding.rule))
        .collect();
    rules.sort_by_key(|rule| rule.id);
    rules.dedup_by_key(|rule| rule.id);
    rules
}

/// Bytes in gaps of one artifact, overlaps counted once.
fn unread(gaps: &[Gap]) -> u64 {
    let mut spans: Vec<Span> = gaps.iter().map(|gap| gap.span).collect();
    spans.sort();
    let (mut end, mut total) = (0_u64, 0_u64);
    for span in spans {
        let fresh = Span::between(span.start.max(end), span.end());
        total = total.saturating_add(fresh.len);
        end = end.max(span.end());
    }
    total
}

fn reasons(judgement: &Judgement) -> Vec<String> {
    judgement.reasons.iter().map(ToString::to_string).collect()
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Leftover => "leftover",
        Role::Loaded => "loaded",
        Role::Present => "present",
        Role::Quoted => "quoted",
        Role::Storage => "storage",
        Role::Variant => "variant",
    }
}

fn hexadecimal(digest: [u8; 32]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

fn verdict<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.as_str())
}

fn severity<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.as_str())
}

fn severity_if_any<S: Serializer>(
    severity: &Option<Severity>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    severity.map(Severity::as_str).serialize(serializer)
}

fn rule_id<S: Serializer>(rule: &&'static Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::Why;

    #[test]
    fn overlapping_gaps_are_counted_once() {
        let gap = |start, len| Gap::new(Span::new(start, len), Why::Unidentified, "");
        assert_eq!(unread(&[gap(10, 10), gap(0, 12), gap(12, 2), gap(30, 5)]), 25);
        assert_eq!(unread(&[gap(0, u64::MAX), gap(5, u64::MAX)]), u64::MAX);
        assert_eq!(unread(&[]), 0);
    }
}
