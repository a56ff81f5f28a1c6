//! `generate`: pages that follow from the lists of rules and formats.

use crate::args::Args;
use crate::{Outcome, coverage, paths, say};
use davy_formats::FORMATS;
use davy_rules::{CATALOG, Rule};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Where the pages lie, relative to the root.
pub const FOLDER: &str = "docs/generated";

const NOTICE: &str = "<!-- written by `cargo xtask generate`; do not edit -->\n\n";

/// A function that adds pages under their path relative to [`FOLDER`].
type Section = fn(&mut BTreeMap<String, String>) -> Result<(), String>;

/// Everything that is generated.
const SECTIONS: &[Section] = &[formats, matrix, rules, schema];

/// All pages, by path relative to [`FOLDER`].
///
/// # Errors
/// A sentence that names what could not be read for them.
pub fn pages() -> Result<BTreeMap<String, String>, String> {
    let mut pages = BTreeMap::new();
    SECTIONS.iter().try_for_each(|section| section(&mut pages))?;
    Ok(pages)
}

/// Writes all pages, and removes what is no page any more.
pub fn run(args: &mut Args) -> Outcome {
    args.finish()?;
    let folder = paths::root().join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (path, text) in pages()? {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text)?;
        say(path.display());
    }
    Ok(())
}

fn formats(pages: &mut BTreeMap<String, String>) -> Result<(), String> {
    let mut page = format!("{NOTICE}# Formats\n\n| format | what it is |\n|---|---|\n");
    for format in FORMATS {
        let _ = writeln!(page, "| `{}` | {} |", format.id(), format.summary());
    }
    pages.insert("formats.md".to_owned(), page);
    Ok(())
}

fn matrix(pages: &mut BTreeMap<String, String>) -> Result<(), String> {
    let page = coverage::page(&paths::root())?;
    pages.insert("coverage.md".to_owned(), format!("{NOTICE}{page}"));
    Ok(())
}

fn rules(pages: &mut BTreeMap<String, String>) -> Result<(), String> {
    let mut table = format!(
        "{NOTICE}# Rules\n\n| rule | severity | confidence | what it claims |\n|---|---|---|---|\n"
    );
    for detector in CATALOG {
        let rule = detector.rule();
        let (id, severity, confidence) =
            (rule.id, rule.severity.as_str(), rule.confidence.as_str());
        let _ = writeln!(
            table,
            "| [`{id}`](rules/{id}.md) | {severity} | {confidence} | {} |",
            rule.summary
        );
        pages.insert(format!("rules/{id}.md"), rule_page(rule));
    }
    pages.insert("rules.md".to_owned(), table);
    Ok(())
}

fn schema(pages: &mut BTreeMap<String, String>) -> Result<(), String> {
    pages.insert("report.schema.json".to_owned(), format!("{:#}\n", davy_report::schema()));
    Ok(())
}

fn rule_page(rule: &Rule) -> String {
    let links = |ids: Vec<String>| if ids.is_empty() { "–".to_owned() } else { ids.join(", ") };
    let cwe = rule
        .cwe
        .iter()
        .map(|id| format!("[CWE-{id}](https://cwe.mitre.org/data/definitions/{id}.html)"));
    let atlas =
        rule.atlas.iter().map(|id| format!("[{id}](https://atlas.mitre.org/techniques/{id})"));
    let mut page =
        format!("{NOTICE}# `{}`\n\n{}.\n\n", rule.id, rule.summary.trim_end_matches('.'));
    let _ = writeln!(page, "| | |\n|---|---|");
    let _ = writeln!(page, "| severity | {} |", rule.severity.as_str());
    let _ = writeln!(page, "| confidence | {} |", rule.confidence.as_str());
    let _ = writeln!(page, "| threat | {} |", rule.threat.as_str());
    let _ = writeln!(page, "| CWE | {} |", links(cwe.collect()));
    let _ = writeln!(page, "| ATLAS | {} |", links(atlas.collect()));
    let _ = writeln!(page, "| since | {} |", rule.since);
    if !rule.aliases.is_empty() {
        let _ = writeln!(page, "| earlier names | {} |", rule.aliases.join(", "));
    }
    let _ = writeln!(page, "\n{}\n\n**What to do.** {}", rule.page().trim_end(), rule.remediation);
    page
}
