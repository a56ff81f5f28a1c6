//! What davy knows about itself: its rules, its formats, and a rule's page.

use crate::args::Form;
use davy_formats::FORMATS;
use davy_report::write_json;
use davy_rules::{CATALOG, Rule};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes the list of rules.
///
/// # Errors
/// What `out` reports.
pub fn rules(form: Form, out: &mut dyn Write) -> io::Result<()> {
    let rules = || CATALOG.iter().map(|detector| detector.rule());
    if form == Form::Json {
        return write_json(&rules().map(describe).collect::<Vec<_>>(), out);
    }
    let width = rules().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules() {
        writeln!(out, "{:<width$}  {:<8}  {}", rule.id, rule.severity.as_str(), rule.summary)?;
    }
    Ok(())
}

/// Writes the list of formats.
///
/// # Errors
/// What `out` reports.
pub fn formats(form: Form, out: &mut dyn Write) -> io::Result<()> {
    if form == Form::Json {
        let describe =
            |id, summary, version| json!({"id": id, "summary": summary, "version": version});
        let formats = FORMATS.iter().map(|f| describe(f.id(), f.summary(), f.version()));
        return write_json(&formats.collect::<Vec<Value>>(), out);
    }
    let width = FORMATS.iter().map(|format| format.id().len()).max().unwrap_or(0);
    for format in FORMATS {
        writeln!(out, "{:<width$}  {}", format.id(), format.summary())?;
    }
    Ok(())
}

/// The rule that has or had this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    let mut rules = CATALOG.iter().map(|detector| detector.rule());
    rules.find(|rule| rule.id == name || rule.aliases.contains(&name))
}

/// Rules whose names are close to `name`, the closest first.
pub fn close_to(name: &str) -> Vec<String> {
    let close = closest(name, CATALOG.iter().map(|detector| detector.rule().id));
    close.into_iter().map(str::to_owned).collect()
}

/// Writes a rule's page, and its severity, weaknesses and names.
///
/// # Errors
/// What `out` reports.
pub fn explain(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let page = rule.page();
    let cwe: Vec<String> = rule.cwe.iter().map(|number| format!("CWE-{number}")).collect();
    let rows = [
        ("severity", rule.severity.as_str().to_owned()),
        ("confidence", rule.confidence.as_str().to_owned()),
        ("weakness", cwe.join(", ")),
        ("ATLAS", rule.atlas.join(", ")),
        ("since", rule.since.to_owned()),
        ("formerly", rule.aliases.join(", ")),
        ("to do", rule.remediation.to_owned()),
    ];
    match page.trim() {
        "" => writeln!(out, "# {}\n\n{}\n", rule.id, rule.summary)?,
        page => writeln!(out, "{page}\n")?,
    }
    for (label, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{label:<10}  {value}")?;
    }
    Ok(())
}

fn describe(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "severity": rule.severity.as_str(),
        "confidence": rule.confidence.as_str(),
        "summary": rule.summary,
        "remediation": rule.remediation,
        "cwe": rule.cwe,
        "atlas": rule.atlas,
        "since": rule.since,
        "aliases": rule.aliases,
        "page": rule.page(),
    })
}

/// Up to three names that differ from `name` in few letters, or contain it.
fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = name.chars().count() / 3 + 1;
    let rank = |id: &'a str| {
        let part = name.len() >= 3 && id.contains(name);
        let distance = if part { 0 } else { distance(name, id) };
        (distance <= limit).then_some((distance, id))
    };
    let mut ranked: Vec<_> = known.filter_map(rank).collect();
    ranked.sort_unstable();
    ranked.into_iter().take(3).map(|(_, id)| id).collect()
}

/// How many letters must be put in, taken out or changed (Levenshtein's distance); names longer
/// than any rule's are cut.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    /// No rule's name is longer.
    const LONGEST: usize = 64;
    let right: Vec<char> = right.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (done, from) in left.chars().take(LONGEST).enumerate() {
        let mut next = vec![done + 1];
        let mut last = done + 1;
        for (pair, to) in row.windows(2).zip(&right) {
            let [diagonal, above] = pair else { continue };
            let changed = diagonal + usize::from(from != *to);
            last = changed.min(above + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        let cases =
            [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("unsafe", "unsfae", 2)];
        for (left, right, expected) in cases {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn close_names_are_suggested_and_far_ones_are_not() {
        let known = ["unsafe-call", "unsafe-import", "escaping-member"];
        assert_eq!(closest("unsfe-call", known.into_iter()), ["unsafe-call"]);
        assert_eq!(closest("unsafe", known.into_iter()), ["unsafe-call", "unsafe-import"]);
        assert!(closest("quite-another-thing", known.into_iter()).is_empty());
    }
}
