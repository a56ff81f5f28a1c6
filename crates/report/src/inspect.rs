//! Text with everything that is known: every fact, deviation, gap and child, with offsets.

use crate::paint::{Ink, Style};
use crate::report::{ArtifactEntry, Report};
use crate::text::{breadcrumb, gap_words, summary};
use crate::words::{inert, size};
use davy_bytes::escape;
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
        let facts = facts.map(|fact| [place(fact.span.start, &fact.route), fact.text.clone()]);
        self.table("facts", facts.collect())?;
        let deviations = artifact.deviations.iter().map(|deviation| {
            let place = place(deviation.span.start, &deviation.route);
            [place, format!("{}: {}", deviation.quirk, deviation.what)]
        });
        self.table("deviations", deviations.collect())?;
        let gaps = artifact.gaps.iter();
        let gaps = gaps.map(|gap| [format!("{:#x}, {}", gap.start, size(gap.len)), gap_words(gap)]);
        self.table("gaps", gaps.collect())?;
        let children = children.iter().filter_map(|child| self.report.artifacts.get(*child));
        let children = children.map(|child| [escape(child.name), line(child)]);
        self.table("children", children.collect())?;
        writeln!(self.out)
    }

    /// A heading and two columns.
    fn table(&mut self, heading: &str, rows: Vec<[String; 2]>) -> io::Result<()> {
        /// Widest first column: a long one pushes only its own line.
        const WIDEST: usize = 40;
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "  {}", self.style.paint(Ink::Faint, heading))?;
        let widths = rows.iter().map(|[first, _]| first.chars().count());
        let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        for [first, second] in &rows {
            writeln!(self.out, "    {:<width$}  {}", inert(first), inert(second))?;
        }
        Ok(())
    }
}

/// Offset and route.
fn place(start: u64, route: &str) -> String {
    if route.is_empty() { format!("{start:#x}") } else { format!("{start:#x}  {route}") }
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
