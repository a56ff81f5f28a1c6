//! Text with everything that is known: every fact, deviation, gap and child, with offsets.

use crate::facts::{FactEntry, What};
use crate::paint::{Ink, Style};
use crate::report::{ArtifactEntry, Report};
use crate::text::{breadcrumb, gap_words, summary};
use crate::words::{inert, size};
use davy_bytes::escape;
use std::collections::HashSet;
use std::io::{self, Write};

/// Writes everything that the readers recorded.
pub(crate) fn render(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut pages = Pages { report, style, out };
    for input in report.inputs.iter().filter(|input| input.error.is_some()) {
        let error = inert(input.error.unwrap_or_default());
        writeln!(pages.out, "{}\n  could not be opened: {error}\n", escape(input.path))?;
    }
    let children = children(report);
    for (at, (artifact, children)) in report.artifacts.iter().zip(children).enumerate() {
        pages.artifact(at, artifact, &children)?;
    }
    writeln!(pages.out, "{}", summary(report))
}

/// The artifacts in each artifact.
fn children(report: &Report<'_>) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); report.artifacts.len()];
    for (at, artifact) in report.artifacts.iter().enumerate() {
        let parent = artifact.parent.and_then(|parent| children.get_mut(parent));
        if let Some(siblings) = parent {
            siblings.push(at);
        }
    }
    children
}

struct Pages<'a, 'o> {
    report: &'a Report<'a>,
    style: Style,
    out: &'o mut dyn Write,
}

impl Pages<'_, '_> {
    fn artifact(
        &mut self,
        at: usize,
        artifact: &ArtifactEntry<'_>,
        children: &[usize],
    ) -> io::Result<()> {
        let layers = breadcrumb(self.report, at);
        writeln!(self.out, "{}", self.style.paint(Ink::Strong, &layers))?;
        writeln!(self.out, "  {}", line(artifact))?;
        if let Some(sha256) = &artifact.sha256 {
            writeln!(self.out, "  sha256 {sha256}")?;
        }
        let facts = artifact.facts.iter().flatten();
        let (tree, facts): (Vec<_>, Vec<_>) = facts.partition(|fact| is_in_tree(fact));
        let paths: HashSet<&str> = tree.iter().filter_map(|fact| path(fact)).collect();
        let facts = facts.into_iter().filter(|fact| !repeats(fact, &paths)).map(fact);
        self.table("facts", &facts.collect::<Vec<_>>())?;
        self.table("tree", &tree.into_iter().map(branch).collect::<Vec<_>>())?;
        self.table("behaviour", &self.behaviour(artifact))?;
        let deviations = artifact.deviations.iter().map(|deviation| {
            let what = format!("{}: {}", deviation.quirk, deviation.what);
            [hexadecimal(deviation.span.start), deviation.route.clone(), what]
        });
        self.table("deviations", &deviations.collect::<Vec<_>>())?;
        let gaps = artifact.gaps.iter();
        let gaps = gaps.map(|gap| [hexadecimal(gap.start), size(gap.len), gap_words(gap)]);
        self.table("gaps", &gaps.collect::<Vec<_>>())?;
        let children = children.iter().filter_map(|child| self.report.artifacts.get(*child));
        let children = children.map(|child| [escape(child.name), String::new(), line(child)]);
        self.table("children", &children.collect::<Vec<_>>())?;
        writeln!(self.out)
    }

    /// What the programs and calls in an artifact are for, each with the text that shows it.
    fn behaviour(&self, artifact: &ArtifactEntry<'_>) -> Vec<[String; 3]> {
        let findings = self.report.findings.iter();
        let own = findings.filter(|finding| finding.artifact == artifact.path);
        let mut rows: Vec<[String; 3]> = Vec::new();
        for finding in own {
            for tagged in &finding.tags {
                let shown = format!("{}: {}", tagged.tag, tagged.text);
                let row = [hexadecimal(finding.span.start), finding.route.clone(), shown];
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
        rows
    }

    /// A heading and three columns; an empty column takes no room. Lines behind the first of the last
    /// column are those of a listing.
    fn table(&mut self, heading: &str, rows: &[[String; 3]]) -> io::Result<()> {
        /// Widest column: a longer cell pushes only its own line.
        const WIDEST: usize = 40;
        if rows.is_empty() {
            return Ok(());
        }
        let width = |column: usize| {
            let widths = rows.iter().filter_map(|row| Some(row.get(column)?.chars().count()));
            widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        let gap = if second > 0 { "  " } else { "" };
        writeln!(self.out, "  {}", self.style.paint(Ink::Faint, heading))?;
        for [offset, route, text] in rows {
            let mut lines = text.lines().map(inert);
            let text = lines.next().unwrap_or_default();
            let (offset, route) = (inert(offset), inert(route));
            writeln!(self.out, "    {offset:<first$}{gap}{route:<second$}  {text}")?;
            for line in lines {
                writeln!(self.out, "    {:<first$}  | {line}", "")?;
            }
        }
        Ok(())
    }
}

/// A fact as a row; the route to a member would only repeat its name.
fn fact(fact: &FactEntry<'_>) -> [String; 3] {
    let route = match fact.what {
        What::Member { .. } => String::new(),
        _ => fact.route.clone(),
    };
    let text = match fact.what {
        What::Code { listing, .. } => format!("{}\n{listing}", fact.text),
        _ => fact.text.clone(),
    };
    [hexadecimal(fact.span.start), route, text]
}

/// Whether a fact belongs to the artifact's own tree of objects.
fn is_in_tree(fact: &FactEntry<'_>) -> bool {
    match fact.what {
        What::Object { .. } => true,
        What::Attribute { owner, .. } => !owner.is_empty(),
        _ => false,
    }
}

/// The path of an object.
fn path<'a>(fact: &FactEntry<'a>) -> Option<&'a str> {
    match fact.what {
        What::Object { path, .. } => Some(path),
        _ => None,
    }
}

/// Whether a fact only says again what an object of the tree says of itself: a tensor without
/// strides, stored under the object's own name.
fn repeats(fact: &FactEntry<'_>, paths: &HashSet<&str>) -> bool {
    match fact.what {
        What::Tensor { storage, stride: [], .. } => paths.contains(storage),
        _ => false,
    }
}

/// An object as `h5ls -r` lists it, or an attribute under the object that has it.
fn branch(fact: &FactEntry<'_>) -> [String; 3] {
    let (name, text) = match &fact.what {
        What::Object { path, object, detail } => {
            (escape(path), format!("{object} {}", escape(detail)).trim_end().to_owned())
        }
        What::Attribute { name, value, .. } => (format!("  @{}", escape(name)), value.clone()),
        _ => (fact.route.clone(), fact.text.clone()),
    };
    [hexadecimal(fact.span.start), name, text]
}

fn hexadecimal(offset: u64) -> String {
    format!("{offset:#x}")
}

/// An artifact in a line: formats, size and role.
fn line(artifact: &ArtifactEntry<'_>) -> String {
    let formats = match artifact.formats.as_slice() {
        [] => "unidentified".to_owned(),
        formats => formats.join(" and "),
    };
    let role = artifact.role.map(|role| format!(" · {role}")).unwrap_or_default();
    format!("{formats} · {}{role}", size(artifact.size))
}
