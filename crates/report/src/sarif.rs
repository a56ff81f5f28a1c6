//! SARIF 2.1.0 (OASIS): one run with all rules, every finding as a result, every gap as a
//! notification of the tool.
//!
//! Sections below are those of "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use crate::json::write_json;
use crate::report::{ArtifactEntry, FindingEntry, InputEntry, Report, TagEntry};
use crate::{Style, uri};
use davy_policy::Verdict;
use davy_rules::{Confidence, Rule, Severity};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

/// The published schema.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Where davy's sources and rule pages are.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Why something was not read, as notifications name it: [`davy_artifact::Why`] and the two things
/// that happen to whole inputs.
const NOTIFICATIONS: &[(&str, &str)] = &[
    ("crashed", "a reader of davy failed"),
    ("encrypted", "the bytes are encrypted"),
    ("exhausted", "reading would cost more than the limits allow"),
    ("io", "the medium failed"),
    ("malformed", "the bytes break their own form"),
    ("passed-over", "a path was passed over"),
    ("unidentified", "no reader knows the bytes"),
    ("unopened", "an input could not be opened"),
    ("unsupported", "davy does not read these bytes"),
];

/// Writes the report as SARIF.
pub(crate) fn render(report: &Report<'_>, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    write_json(&Log::new(report).document(), out)
}

/// A report, with what results refer to by index.
struct Log<'a> {
    report: &'a Report<'a>,
    /// Index of each rule in `tool.driver.rules`.
    rules: HashMap<&'static str, usize>,
    /// Artifacts that results or notifications refer to, and those that hold them.
    artifacts: Vec<usize>,
    /// Where each of them stands in `run.artifacts`.
    places: HashMap<usize, usize>,
}

impl<'a> Log<'a> {
    fn new(report: &'a Report<'a>) -> Self {
        let rules = report.rules.iter().enumerate().map(|(at, rule)| (rule.id, at)).collect();
        let mut wanted = vec![false; report.artifacts.len()];
        let found = report.findings.iter().filter_map(|finding| finding.at);
        let partly = report.artifacts.iter().enumerate();
        let partly = partly.filter(|(_, artifact)| !artifact.gaps.is_empty()).map(|(at, _)| at);
        let inputs = report.inputs.iter().filter_map(|input| input.artifacts.clone().next());
        for first in found.chain(partly).chain(inputs) {
            let mut next = Some(first);
            while let Some(at) = next {
                match wanted.get_mut(at) {
                    Some(wanted) if !*wanted => *wanted = true,
                    _ => break,
                }
                next = report.artifacts.get(at).and_then(|artifact| artifact.parent);
            }
        }
        let artifacts: Vec<usize> =
            wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(at, _)| at).collect();
        let places = artifacts.iter().enumerate().map(|(place, at)| (*at, place)).collect();
        Self { report, rules, artifacts, places }
    }

    fn document(&self) -> Value {
        let report = self.report;
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": report.tool.name,
                    "version": report.tool.version,
                    "semanticVersion": report.tool.version,
                    "informationUri": REPOSITORY,
                    "rules": report.rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
                    "notifications": NOTIFICATIONS
                        .iter()
                        .map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}}))
                        .collect::<Vec<_>>(),
                }},
                "invocations": [self.invocation()],
                "artifacts": self.artifacts
                    .iter()
                    .filter_map(|at| report.artifacts.get(*at))
                    .map(|artifact| self.artifact(artifact))
                    .collect::<Vec<_>>(),
                "results": report.findings.iter().map(|f| self.result(f)).collect::<Vec<_>>(),
                "properties": {
                    "verdict": report.verdict.as_str(),
                    "coverage": report.coverage,
                    "assumptions": report.assumptions,
                    "summary": report.summary,
                },
            }],
        })
    }

    fn invocation(&self) -> Value {
        let report = self.report;
        let mut notifications = Vec::new();
        for input in &report.inputs {
            notifications.extend(input.error.map(|error| unopened(input, error)));
        }
        for (at, artifact) in report.artifacts.iter().enumerate() {
            for gap in &artifact.gaps {
                let text = format!("{}: {}", gap.why, gap.what);
                let location = self.location(at, (gap.start, gap.len), None);
                notifications.push(notification(gap.why, "warning", &text, &location));
            }
        }
        for entry in &report.passed_over {
            let location = json!({"physicalLocation": {
                "artifactLocation": {"uri": uri::of_path(entry.path)},
            }});
            notifications.push(notification("passed-over", "note", entry.why, &location));
        }
        json!({
            "executionSuccessful": report.summary.unopened == 0,
            "exitCode": report.exit_status,
            "exitCodeDescription": match report.verdict {
                Verdict::Incomplete if report.exit_status == 3 => "an input could not be opened",
                verdict => verdict.as_str(),
            },
            "toolExecutionNotifications": notifications,
        })
    }

    /// §3.24: an artifact inside another names it by index, and its own place within it.
    fn artifact(&self, artifact: &ArtifactEntry<'_>) -> Value {
        let mut entry = Map::new();
        let parent = artifact.parent.and_then(|parent| self.places.get(&parent));
        let uri = match parent {
            Some(_) => uri::of_member(artifact.name),
            None => uri::of_path(artifact.path),
        };
        if !uri.is_empty() {
            entry.insert("location".into(), json!({"uri": uri}));
        }
        if let Some(parent) = parent {
            entry.insert("parentIndex".into(), json!(parent));
        }
        if let Ok(length) = i64::try_from(artifact.size) {
            entry.insert("length".into(), json!(length));
        }
        if artifact.parent.is_none() {
            entry.insert("roles".into(), json!(["analysisTarget"]));
        }
        if let Some(digest) = &artifact.sha256 {
            entry.insert("hashes".into(), json!({"sha-256": digest}));
        }
        entry.insert("properties".into(), json!({"formats": artifact.formats}));
        Value::Object(entry)
    }

    fn result(&self, finding: &FindingEntry<'_>) -> Value {
        let span = (finding.span.start, finding.span.len);
        let location = match finding.at {
            Some(at) => self.location(at, span, finding.line),
            None => json!({"logicalLocations": [{"fullyQualifiedName": finding.artifact}]}),
        };
        // A listing of several lines stands in the properties alone.
        let text = match finding.evidence {
            "" => finding.message.to_owned(),
            listing if listing.contains('\n') => finding.message.to_owned(),
            line => format!("{}: {line}", finding.message),
        };
        let mut result = json!({
            "ruleId": finding.rule.id,
            "ruleIndex": self.rules.get(finding.rule.id),
            "level": level(finding.severity),
            "message": {"text": plain(&text)},
            "locations": [location],
            "partialFingerprints": {"davy/v1": finding.fingerprint},
            "properties": {
                "severity": finding.severity.as_str(),
                "security-severity": score(finding.severity),
                "confidence": finding.confidence,
                "threat": finding.threat,
                "artifact": finding.artifact,
                "span": finding.span,
                "route": finding.route,
                "evidence": finding.evidence,
            },
        });
        if let Some(properties) = result.get_mut("properties").and_then(Value::as_object_mut) {
            if !finding.tags.is_empty() {
                // `tags` of a property bag are words by its standard (section 3.8.2).
                let words: Vec<&str> = finding.tags.iter().map(|tagged| tagged.tag).collect();
                properties.insert("tags".into(), json!(words));
                let shown =
                    |tagged: &TagEntry<'_>| json!({"tag": tagged.tag, "shows": tagged.text});
                let shown: Vec<Value> = finding.tags.iter().map(shown).collect();
                properties.insert("behaviour".into(), json!(shown));
            }
            if !finding.indicators.is_empty() {
                properties.insert("indicators".into(), json!(finding.indicators));
            }
            if !finding.advisories.is_empty() {
                properties.insert("advisories".into(), json!(finding.advisories));
            }
            if let Some(severity) = finding.unassumed {
                properties.insert("unassumed".into(), json!(severity.as_str()));
            }
        }
        result
    }

    /// The input as the physical place, since that is the file which a viewer can show; what is
    /// inside of it as the logical one. Offsets are given only where they are those of the input.
    fn location(&self, at: usize, (start, len): (u64, u64), line: Option<u64>) -> Value {
        let Some(artifact) = self.report.artifacts.get(at) else { return json!({}) };
        let input =
            self.report.inputs.get(artifact.input).map_or(artifact.path, |input| input.path);
        let root = self.report.inputs.get(artifact.input).map(|input| input.artifacts.start);
        let root = root.and_then(|root| self.places.get(&root));
        let mut physical = Map::new();
        let mut place = json!({"uri": uri::of_path(input)});
        if let (Some(index), Some(place)) = (root, place.as_object_mut()) {
            place.insert("index".into(), json!(index));
        }
        physical.insert("artifactLocation".into(), place);
        if artifact.parent.is_some() {
            return json!({
                "physicalLocation": physical,
                "logicalLocations": [{
                    "name": artifact.name,
                    "fullyQualifiedName": artifact.path,
                    "kind": "member",
                }],
                "properties": {"span": {"start": start, "len": len}},
            });
        }
        if let Some(region) = region(start, len, line) {
            physical.insert("region".into(), region);
        }
        json!({"physicalLocation": physical})
    }
}

/// §3.30: a region of bytes, and of lines where the artifact is text.
fn region(start: u64, len: u64, line: Option<u64>) -> Option<Value> {
    // SARIF's integers are JSON numbers that consumers read as 64 bits with a sign.
    let (start, len) = (i64::try_from(start).ok()?, i64::try_from(len).ok()?);
    let mut region = json!({"byteOffset": start, "byteLength": len});
    if let (Some(line), Some(region)) = (line.filter(|line| *line > 0), region.as_object_mut()) {
        region.insert("startLine".into(), json!(line));
    }
    Some(region)
}

/// §3.49: a rule, with its page as help.
fn descriptor(rule: &Rule) -> Value {
    let page = rule.page();
    let mut tags = vec!["security".to_owned()];
    tags.extend(rule.cwe.iter().map(|number| format!("external/cwe/cwe-{number}")));
    tags.extend(rule.atlas.iter().map(|id| format!("external/atlas/{}", id.to_lowercase())));
    let help = format!("{}\n\n{}", page.trim_end(), rule.remediation);
    let mut entry = json!({
        "id": rule.id,
        "shortDescription": {"text": plain(rule.summary)},
        "fullDescription": {"text": plain(&full_description(rule, &page))},
        "help": {"text": plain(&help), "markdown": help},
        "helpUri": format!("{REPOSITORY}/blob/main/docs/generated/rules/{}.md", rule.id),
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {
            "tags": tags,
            "precision": precision(rule.confidence),
            "security-severity": score(rule.severity),
        },
    });
    if let (false, Some(entry)) = (rule.aliases.is_empty(), entry.as_object_mut()) {
        entry.insert("deprecatedIds".into(), json!(rule.aliases));
    }
    entry
}

/// The first paragraph of the page that is not its title, or the summary.
fn full_description(rule: &Rule, page: &str) -> String {
    let paragraphs = page.split("\n\n").map(|part| part.trim().replace('\n', " "));
    let first = paragraphs.into_iter().find(|part| !part.is_empty() && !part.starts_with('#'));
    first.unwrap_or_else(|| rule.summary.to_owned())
}

fn unopened(input: &InputEntry<'_>, error: &str) -> Value {
    let location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri::of_path(input.path)},
    }});
    notification("unopened", "error", error, &location)
}

fn notification(id: &str, level: &str, text: &str, location: &Value) -> Value {
    json!({
        "descriptor": {
            "id": id,
            "index": NOTIFICATIONS.iter().position(|(known, _)| *known == id),
        },
        "level": level,
        "message": {"text": plain(text)},
        "locations": [location],
    })
}

/// Text in which nothing is taken for syntax: §3.11.5 doubles braces, which would be placeholders;
/// a space parts what §3.11.6 would take for a link of the file's choice.
fn plain(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// On the scale of CVSS, by whose bands viewers name severities.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
        Severity::Info => "0.1",
    }
}

const fn precision(confidence: Confidence) -> &'static str {
    confidence.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_message_is_taken_for_syntax() {
        assert_eq!(plain("{0} [x](https://evil)"), "{{0}} [x] (https://evil)");
    }

    #[test]
    fn every_reason_of_a_gap_has_a_descriptor() {
        use davy_artifact::Why;
        use davy_bytes::Blame;
        let blames =
            [Blame::Malformed, Blame::Exhausted, Blame::Encrypted, Blame::Unsupported, Blame::Io];
        let reasons = blames.map(Why::Halted).into_iter().chain([Why::Crashed, Why::Unidentified]);
        for why in reasons {
            assert!(NOTIFICATIONS.iter().any(|(id, _)| *id == why.as_str()), "{why:?}");
        }
        assert!(NOTIFICATIONS.is_sorted());
    }
}
