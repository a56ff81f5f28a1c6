//! A drawing for Graphviz: artifacts in each other, the operators that reach out of a graph with what
//! they work on, the nodes on the way through an override, and what was found at each.
//!
//! What a rule speaks of is drawn, and not every node of a model: a picture of a million nodes shows
//! nothing. Text from files stands in quoted strings only, in which nothing is left that Graphviz
//! would take for more than text.

use crate::facts::{FactEntry, Keyword, What};
use crate::paint::Style;
use crate::report::{ArtifactEntry, FindingEntry, Report};
use crate::words::{count, inert, number, size};
use davy_bytes::escape;
use davy_rules::Severity;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// Nodes that are drawn; what is left out is counted.
const NODES: usize = 2000;
/// Inputs and attributes of an operator that are drawn, and kinds of operators that are counted.
const PARTS: usize = 12;
/// Characters of a line.
const LINE: usize = 160;

/// Writes the drawing.
pub(crate) fn render(report: &Report<'_>, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut drawing = Drawing { out, drawn: HashSet::new(), nodes: 0, left: 0 };
    writeln!(drawing.out, "digraph davy {{\n  rankdir=LR;\n  compound=true;")?;
    writeln!(drawing.out, "  node [shape=box, fontname=\"monospace\", fontsize=10];")?;
    for (at, artifact) in report.artifacts.iter().enumerate() {
        let findings = report.findings.iter().filter(|it| it.at == Some(at));
        drawing.artifact(at, artifact, &findings.collect::<Vec<_>>())?;
    }
    if drawing.left > 0 {
        let what = format!("{} more are not drawn", number(drawing.left));
        writeln!(drawing.out, "  more [label={}, shape=plaintext];", quoted(&[what]))?;
    }
    writeln!(drawing.out, "}}")
}

/// A string as Graphviz reads it, of lines that are escaped already.
fn quoted(lines: &[String]) -> String {
    let mut text = String::from("\"");
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            text.push_str("\\n");
        }
        let line = inert(line);
        for c in line.chars().take(LINE) {
            match c {
                '"' => text.push_str("\\\""),
                // Behind a backslash names and line breaks are put in, and behind `&` letters.
                '\\' => text.push_str("\\\\"),
                '&' => text.push_str("&amp;"),
                '\n' | '\r' | '\t' => text.push(' '),
                other => text.push(other),
            }
        }
        if line.chars().nth(LINE).is_some() {
            text.push('…');
        }
    }
    text.push('"');
    text
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#d73027",
        Severity::High => "#fc8d59",
        Severity::Medium => "#fee090",
        Severity::Low => "#e0f3f8",
        Severity::Info => "#f0f0f0",
    }
}

struct Drawing<'o> {
    out: &'o mut dyn Write,
    /// The artifacts that are there.
    drawn: HashSet<usize>,
    nodes: usize,
    left: u64,
}

/// What is known of the nodes of one artifact while it is drawn.
#[derive(Default)]
struct Known {
    /// By where they stand.
    by_route: HashMap<String, String>,
    /// Nodes of overrides, by operator and name.
    by_label: HashMap<String, String>,
}

impl Drawing<'_> {
    /// Whether there is room for one more node.
    fn room(&mut self) -> bool {
        let has_room = self.nodes < NODES;
        self.nodes += usize::from(has_room);
        self.left += u64::from(!has_room);
        has_room
    }

    fn artifact(
        &mut self,
        at: usize,
        artifact: &ArtifactEntry<'_>,
        findings: &[&FindingEntry<'_>],
    ) -> io::Result<()> {
        let facts: Vec<&FactEntry<'_>> = artifact.facts.iter().flatten().collect();
        let is_dull = artifact.role == Some("storage") && findings.is_empty() && facts.is_empty();
        if is_dull || !self.room() {
            self.left += u64::from(is_dull);
            return Ok(());
        }
        self.drawn.insert(at);
        writeln!(self.out, "  subgraph cluster_{at} {{\n    style=rounded;")?;
        let formats = if artifact.formats.is_empty() {
            "unidentified".to_owned()
        } else {
            artifact.formats.join(", ")
        };
        let mut lines = vec![escape(artifact.name), format!("{formats} · {}", size(artifact.size))];
        lines.extend(histogram(&facts));
        writeln!(self.out, "    a{at} [label={}, shape=folder];", quoted(&lines))?;
        let mut known = Known::default();
        for (number, fact) in facts.iter().enumerate() {
            self.fact(&format!("a{at}n{number}"), at, fact, &mut known)?;
        }
        for (number, finding) in findings.iter().enumerate() {
            self.finding(&format!("a{at}f{number}"), at, finding, &known)?;
        }
        writeln!(self.out, "  }}")?;
        match artifact.parent.filter(|parent| self.drawn.contains(parent)) {
            Some(parent) => writeln!(self.out, "  a{parent} -> a{at} [style=dotted];"),
            None => Ok(()),
        }
    }

    fn fact(
        &mut self,
        id: &str,
        at: usize,
        fact: &FactEntry<'_>,
        known: &mut Known,
    ) -> io::Result<()> {
        match &fact.what {
            What::Operator { domain, name, inputs, attributes, count: times } => {
                if inputs.is_empty() && attributes.is_empty() || !self.room() {
                    return Ok(());
                }
                known.by_route.insert(fact.route.clone(), id.to_owned());
                let domain = if domain.is_empty() { String::new() } else { format!("{domain}::") };
                let mut lines = vec![escape(&format!("{domain}{name}")), fact.route.clone()];
                lines.extend((*times > 1).then(|| count(*times, "node", "nodes")));
                lines.extend(attributes.iter().take(PARTS).map(Keyword::line));
                writeln!(self.out, "    {id} [label={}];", quoted(&lines))?;
                self.inputs(id, inputs)
            }
            What::Override { path, comparison, constant, replacement, .. } => {
                let ids = self.path(id, path, comparison, replacement, known)?;
                known.by_route.extend(ids.last().map(|last| (fact.route.clone(), last.clone())));
                let compared = known.by_label.get(*comparison).cloned();
                match compared.filter(|_| self.room()) {
                    Some(compared) => self.note(&format!("{id}c"), constant, &compared, "against"),
                    None => Ok(()),
                }
            }
            What::Reference { target, purpose } if self.room() => {
                self.note(id, &escape(target), &format!("a{at}"), purpose)
            }
            What::Attribute { owner, name, value }
                if matches!(*owner, "graph inputs" | "graph outputs") && self.room() =>
            {
                let lines = [escape(name), value.clone()];
                writeln!(self.out, "    {id} [label={}, shape=oval];", quoted(&lines))?;
                match *owner {
                    "graph inputs" => writeln!(self.out, "    {id} -> a{at};"),
                    _ => writeln!(self.out, "    a{at} -> {id};"),
                }
            }
            _ => Ok(()),
        }
    }

    /// What an operator works on.
    fn inputs(&mut self, id: &str, inputs: &[String]) -> io::Result<()> {
        for (number, input) in inputs.iter().enumerate().take(PARTS) {
            if self.room() {
                self.note(&format!("{id}i{number}"), input, id, &format!("input {number}"))?;
            }
        }
        Ok(())
    }

    /// A value that goes into a node; its text is escaped already.
    fn note(&mut self, id: &str, text: &str, to: &str, label: &str) -> io::Result<()> {
        let (text, label) = (quoted(&[text.to_owned()]), quoted(&[label.to_owned()]));
        writeln!(self.out, "    {id} [label={text}, shape=note];")?;
        writeln!(self.out, "    {id} -> {to} [label={label}];")
    }

    /// The nodes from an input to an output, through the one that compares and the one that replaces.
    fn path(
        &mut self,
        id: &str,
        path: &[String],
        comparison: &str,
        replacement: &str,
        known: &mut Known,
    ) -> io::Result<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        for (number, label) in path.iter().enumerate() {
            let node = match known.by_label.get(label) {
                Some(node) => node.clone(),
                None if !self.room() => continue,
                None => {
                    let node = format!("{id}p{number}");
                    let style = match label.as_str() {
                        it if it == comparison => ", style=filled, fillcolor=\"#fee090\"",
                        it if it == replacement => ", style=filled, fillcolor=\"#fc8d59\"",
                        _ => "",
                    };
                    writeln!(self.out, "    {node} [label={}{style}];", quoted(&[escape(label)]))?;
                    known.by_label.insert(label.clone(), node.clone());
                    node
                }
            };
            if let Some(before) = ids.last().filter(|before| **before != node) {
                writeln!(self.out, "    {before} -> {node};")?;
            }
            ids.push(node);
        }
        let replaces = known.by_label.get(replacement).cloned();
        ids.extend(replaces);
        Ok(ids)
    }

    fn finding(
        &mut self,
        id: &str,
        at: usize,
        finding: &FindingEntry<'_>,
        known: &Known,
    ) -> io::Result<()> {
        if !self.room() {
            return Ok(());
        }
        let head = format!("{} {}", finding.severity.as_str(), finding.rule.id);
        let label = quoted(&[head, finding.message.to_owned()]);
        let fill = color(finding.severity);
        writeln!(
            self.out,
            "    {id} [label={label}, shape=note, style=filled, fillcolor=\"{fill}\"];"
        )?;
        let place = known.by_route.get(&finding.route);
        let place = place.map_or_else(|| format!("a{at}"), Clone::clone);
        writeln!(self.out, "    {id} -> {place} [style=dashed];")
    }
}

/// The operators that most nodes run, and how many.
fn histogram(facts: &[&FactEntry<'_>]) -> Vec<String> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for fact in facts {
        if let What::Operator { name, count, .. } = &fact.what {
            *counts.entry(name).or_default() += count;
        }
    }
    let mut counts: Vec<(u64, &str)> =
        counts.into_iter().map(|(name, count)| (count, name)).collect();
    counts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let lines = counts
        .iter()
        .take(PARTS)
        .map(|(count, name)| format!("{} {}", number(*count), escape(name)));
    let mut lines: Vec<String> = lines.collect();
    if counts.len() > PARTS {
        lines.push(format!("and {} more operators", counts.len() - PARTS));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let quoted = |text: &str| quoted(&[text.to_owned()]);
        assert_eq!(quoted("a\"; b [label=\"x"), r#""a\"; b [label=\"x""#);
        assert_eq!(quoted(r"\N\G\"), r#""\\N\\G\\""#);
        assert_eq!(quoted("&lt;<b>"), r#""&amp;lt;<b>""#);
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), LINE + 3);
        assert_eq!(super::quoted(&["a".to_owned(), "b".to_owned()]), r#""a\nb""#);
        assert!(!quoted("\u{202e}\u{1b}").contains(['\u{202e}', '\u{1b}']));
    }
}
