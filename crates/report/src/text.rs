//! Text for people: per input what would run, where, why it matters and what to do, then what was
//! not read, and a closing line with the whole in numbers.

use crate::paint::{Ink, Listing, Style};
use crate::report::{
    AdvisoryEntry, ArtifactEntry, FindingEntry, GapEntry, InputEntry, Report, Summary,
};
use crate::words::{count, inert, number, size, wrap};
use davy_bytes::{escape, to_u64};
use davy_policy::Verdict;
use davy_rules::{Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// Findings of one rule in one artifact, gaps of one input, and paths passed over are listed up to
/// this many, and counted beyond: a file made to flood a report fills one screen, not a thousand.
const LISTED: usize = 10;

/// Artifacts of one input whose findings are listed.
const ARTIFACTS: usize = 50;

/// Inputs that passed are named while there are no more inputs than this.
const FEW: usize = 20;

/// Writes what was found and what was not read.
pub(crate) fn render(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Text { report, style, out, listing: false };
    if style.listing != Listing::Summary {
        for input in &report.inputs {
            text.input(input)?;
        }
        text.close_list()?;
        text.remedies()?;
        text.passed_over()?;
    }
    text.summary()
}

/// The layers of an artifact from the input to itself.
pub(crate) fn breadcrumb(report: &Report<'_>, at: usize) -> String {
    let mut names = Vec::new();
    let mut next = report.artifacts.get(at);
    while let Some(artifact) = next {
        names.push(escape(artifact.name));
        next = artifact.parent.and_then(|parent| report.artifacts.get(parent));
    }
    names.reverse();
    names.join(" › ")
}

/// The closing line.
pub(crate) fn summary(report: &Report<'_>) -> String {
    let summary = &report.summary;
    if summary.inputs == 0 {
        return "nothing was scanned".to_owned();
    }
    let bytes = size(summary.bytes);
    let mut parts = vec![verdicts(summary)];
    parts.push(format!("{}, {bytes}", count(summary.artifacts, "artifact", "artifacts")));
    parts.push(severities(summary));
    if summary.gaps > 0 {
        parts.push(unread(report));
    }
    match report.coverage {
        "structure" => parts.push("structure only: bytes of weights were not read".to_owned()),
        "full" => parts.push("everything was read".to_owned()),
        _ => {}
    }
    parts.join(" · ")
}

struct Text<'a, 'o> {
    report: &'a Report<'a>,
    style: Style,
    out: &'o mut dyn Write,
    /// Whether the last line is an input of one line, to be parted from what is not.
    listing: bool,
}

impl<'a> Text<'a, '_> {
    fn input(&mut self, input: &'a InputEntry<'a>) -> io::Result<()> {
        let report = self.report;
        let findings = report.findings.get(input.findings.clone()).unwrap_or_default();
        let artifacts = report.artifacts.get(input.artifacts.clone()).unwrap_or_default();
        let listed = self.style.listing == Listing::Everything || report.inputs.len() <= FEW;
        let brief = input.verdict == Verdict::Pass && findings.is_empty();
        if brief && !listed {
            return Ok(());
        }
        if !brief {
            self.close_list()?;
        }
        let word = input.verdict.as_str().to_uppercase();
        let word = self.style.paint(Ink::Verdict(input.verdict), &word);
        let path = self.style.paint(Ink::Strong, &escape(input.path));
        writeln!(self.out, "{word}  {path}")?;
        if let Some(error) = input.error {
            writeln!(self.out, "  could not be opened: {}", inert(error))?;
        }
        self.findings(findings)?;
        self.gaps(input, artifacts)?;
        self.listing = brief;
        if brief { Ok(()) } else { writeln!(self.out) }
    }

    fn close_list(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.listing) { writeln!(self.out) } else { Ok(()) }
    }

    /// Findings by artifact, the worst artifact first.
    fn findings(&mut self, findings: &'a [FindingEntry<'a>]) -> io::Result<()> {
        let mut groups: BTreeMap<(usize, &str), Vec<&FindingEntry<'_>>> = BTreeMap::new();
        for finding in findings {
            let at = finding.at.unwrap_or(usize::MAX);
            groups.entry((at, finding.artifact)).or_default().push(finding);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        let worst = |group: &[&FindingEntry<'_>]| group.iter().map(|f| f.severity).max();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(worst(group)));
        for ((at, path), group) in groups.iter().take(ARTIFACTS) {
            writeln!(self.out)?;
            self.layers(*at, path)?;
            self.group(group)?;
        }
        match groups.len().saturating_sub(ARTIFACTS) {
            0 => Ok(()),
            more => self.folded(2, more, "artifacts with findings like these"),
        }
    }

    fn layers(&mut self, at: usize, path: &str) -> io::Result<()> {
        let (layers, what) = match self.report.artifacts.get(at) {
            Some(artifact) => (breadcrumb(self.report, at), kind(artifact)),
            None => (escape(path), String::new()),
        };
        let layers = self.style.paint(Ink::Strong, &layers);
        writeln!(self.out, "  {layers}{}", self.style.paint(Ink::Faint, &what))
    }

    /// Findings in one artifact: the worst first, each rule folded beyond a screenful.
    fn group(&mut self, group: &[&FindingEntry<'_>]) -> io::Result<()> {
        let mut rules: BTreeMap<&str, Vec<&FindingEntry<'_>>> = BTreeMap::new();
        for finding in group {
            rules.entry(finding.rule.id).or_default().push(finding);
        }
        let mut rules: Vec<_> = rules.into_values().collect();
        for findings in &mut rules {
            findings.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.span.start));
        }
        rules.sort_by_key(|findings| std::cmp::Reverse(findings.first().map(|f| f.severity)));
        for findings in rules {
            let mut last = None;
            for finding in findings.iter().take(LISTED) {
                self.finding(finding)?;
                self.behaviour(finding)?;
                // The same reason need not be read ten times.
                if last.replace(finding.message) != Some(finding.message) {
                    self.reason(finding.message)?;
                    self.advisories(&finding.advisories)?;
                }
            }
            match findings.len().saturating_sub(LISTED) {
                0 => {}
                more => self.folded(4, more, "more like this")?,
            }
        }
        Ok(())
    }

    fn finding(&mut self, finding: &FindingEntry<'_>) -> io::Result<()> {
        let severity = finding.severity.as_str();
        let severity = self.style.paint(Ink::Severity(finding.severity), severity);
        let rule = self.style.paint(Ink::Strong, finding.rule.id);
        let sure = format!("(confidence {})", finding.confidence);
        writeln!(self.out, "    {severity}  {rule}  {}", self.style.paint(Ink::Faint, &sure))?;
        let offset = format!("offset {:#x}", finding.span.start);
        let place = match finding.route.as_str() {
            "" => offset,
            route => format!("{}, {offset}", inert(route)),
        };
        self.field("at", &place)?;
        self.seen(finding.evidence)
    }

    /// Evidence: one line, or the listing of a function.
    fn seen(&mut self, evidence: &str) -> io::Result<()> {
        let lines = evidence.lines().count();
        for (line, label) in evidence.lines().take(LISTED).zip(labels("seen")) {
            self.field(label, &inert(line))?;
        }
        match lines.saturating_sub(LISTED) {
            0 => Ok(()),
            more => self.folded(12, more, "more lines"),
        }
    }

    /// What it is for, and the places that it names and that do not stand in the text above.
    fn behaviour(&mut self, finding: &FindingEntry<'_>) -> io::Result<()> {
        for tagged in &finding.tags {
            let shown = match finding.evidence.contains(tagged.text) {
                true => tagged.tag.to_owned(),
                false => format!("{}: {}", tagged.tag, inert(tagged.text)),
            };
            self.field("tag", &shown)?;
        }
        let told = |value: &str| finding.evidence.contains(value);
        let mut places: Vec<String> = Vec::new();
        for indicator in finding.indicators.iter().filter(|place| !told(place.value)) {
            places.push(inert(indicator.value).into_owned());
        }
        match places.is_empty() {
            true => Ok(()),
            false => self.field("refs", &places.join(" · ")),
        }
    }

    fn reason(&mut self, message: &str) -> io::Result<()> {
        for (line, label) in wrap(&inert(message), 12).iter().zip(labels("why")) {
            self.field(label, line)?;
        }
        Ok(())
    }

    fn advisories(&mut self, advisories: &[AdvisoryEntry<'_>]) -> io::Result<()> {
        for advisory in advisories {
            let AdvisoryEntry { id, package, affected, fixed, title, .. } = advisory;
            let written = match advisory.written_by {
                Some(version) => format!("; the file says it was written by {}", inert(version)),
                None => String::new(),
            };
            let said = format!("{id}, {title}: {package} {affected}, fixed in {fixed}{written}");
            for (line, label) in wrap(&said, 12).iter().zip(labels("cve")) {
                self.field(label, line)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, label: &str, value: &str) -> io::Result<()> {
        let label = self.style.paint(Ink::Faint, &format!("{label:<4}"));
        writeln!(self.out, "      {label}  {value}")
    }

    fn folded(&mut self, indent: usize, more: usize, what: &str) -> io::Result<()> {
        let line = format!("… and {} {what}", number(to_u64(more)));
        writeln!(self.out, "{:indent$}{}", "", self.style.paint(Ink::Faint, &line))
    }

    fn gaps(&mut self, input: &InputEntry<'_>, artifacts: &[ArtifactEntry<'_>]) -> io::Result<()> {
        let gaps = |artifact: &&ArtifactEntry<'_>| !artifact.gaps.is_empty();
        if artifacts.iter().any(|artifact| gaps(&artifact)) {
            writeln!(self.out)?;
            let heading = self.style.paint(Ink::Verdict(Verdict::Incomplete), "not read");
            writeln!(self.out, "  {heading}")?;
        }
        let mut left = LISTED;
        for (artifact, at) in artifacts.iter().zip(input.artifacts.clone()) {
            // The input itself has just been named.
            if artifact.parent.is_some() && left > 0 && !artifact.gaps.is_empty() {
                writeln!(self.out, "    {}", breadcrumb(self.report, at))?;
            }
            let indent = if artifact.parent.is_some() { 6 } else { 4 };
            for gap in artifact.gaps.iter().take(left) {
                let place = format!("offset {:#x}, {}", gap.start, size(gap.len));
                let place = self.style.paint(Ink::Faint, &place);
                writeln!(self.out, "{:indent$}{place}  {}", "", gap_words(gap))?;
            }
            left = left.saturating_sub(artifact.gaps.len());
        }
        let total: usize = artifacts.iter().map(|artifact| artifact.gaps.len()).sum();
        match total.saturating_sub(LISTED) {
            0 => Ok(()),
            more => self.folded(4, more, "more"),
        }
    }

    /// What to do, once for each rule that was found.
    fn remedies(&mut self) -> io::Result<()> {
        let mut worst: BTreeMap<&str, (Severity, &Rule)> = BTreeMap::new();
        for finding in &self.report.findings {
            let entry = worst.entry(finding.rule.id).or_insert((finding.severity, finding.rule));
            entry.0 = entry.0.max(finding.severity);
        }
        let mut rules: Vec<_> = worst.into_values().collect();
        if rules.is_empty() {
            return Ok(());
        }
        rules.sort_by_key(|(severity, rule)| (std::cmp::Reverse(*severity), rule.id));
        let width = rules.iter().map(|(_, rule)| rule.id.len()).max().unwrap_or(0);
        writeln!(self.out, "{}", self.style.paint(Ink::Strong, "what to do"))?;
        for (_, rule) in rules {
            for (line, label) in wrap(rule.remediation, width + 4).iter().zip(labels(rule.id)) {
                writeln!(self.out, "  {label:<width$}  {line}")?;
            }
        }
        let more = "`davy explain RULE` tells more about each";
        writeln!(self.out, "  {}\n", self.style.paint(Ink::Faint, more))
    }

    fn passed_over(&mut self) -> io::Result<()> {
        let passed_over = &self.report.passed_over;
        if passed_over.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.style.paint(Ink::Strong, "passed over"))?;
        for entry in passed_over.iter().take(LISTED) {
            writeln!(self.out, "  {}  {}", escape(entry.path), inert(entry.why))?;
        }
        match passed_over.len().saturating_sub(LISTED) {
            0 => {}
            more => self.folded(2, more, "more")?,
        }
        writeln!(self.out)
    }

    fn summary(&mut self) -> io::Result<()> {
        let line = summary(self.report);
        writeln!(self.out, "{}", self.style.paint(Ink::Verdict(self.report.verdict), &line))
    }
}

/// A label for the first line, and blanks for the others.
fn labels(first: &str) -> impl Iterator<Item = &str> {
    std::iter::once(first).chain(std::iter::repeat(""))
}

/// Formats and size of an artifact, in parentheses.
fn kind(artifact: &ArtifactEntry<'_>) -> String {
    let size = size(artifact.size);
    match artifact.formats.as_slice() {
        [] => format!("  ({size})"),
        formats => format!("  ({}, {size})", formats.join(" and ")),
    }
}

/// What was not read, in words.
pub(crate) fn gap_words(gap: &GapEntry<'_>) -> String {
    format!("{}: {}", gap.why, inert(gap.what))
}

fn verdicts(summary: &Summary) -> String {
    let counts = [
        (summary.failed, "failed"),
        (summary.unopened, "could not be opened"),
        (summary.incomplete, "incomplete"),
        (summary.passed, "passed"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (value, word) in counts.into_iter().filter(|(value, _)| *value > 0) {
        parts.push(match parts.first() {
            None => format!("{} {word}", count(value, "input", "inputs")),
            Some(_) => format!("{} {word}", number(value)),
        });
    }
    parts.join(", ")
}

fn severities(summary: &Summary) -> String {
    let counts = Severity::ALL.map(|severity| (summary.findings(severity), severity.as_str()));
    let found = counts.into_iter().filter(|(value, _)| *value > 0);
    let parts: Vec<String> =
        found.map(|(value, word)| format!("{} {word}", number(value))).collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

fn unread(report: &Report<'_>) -> String {
    let gaps = report.artifacts.iter().flat_map(|artifact| &artifact.gaps);
    let why: BTreeSet<&str> = gaps.map(|gap| gap.why).collect();
    let why: Vec<&str> = why.into_iter().collect();
    let summary = &report.summary;
    format!(
        "{} ({} not read): {}",
        count(summary.gaps, "gap", "gaps"),
        size(summary.unread),
        why.join(", ")
    )
}
