//! `check`: that generated pages are what they should be, that nothing grew too long, and that
//! every path that the documentation names is there.

use crate::args::Args;
use crate::{Outcome, generate, paths, say, sizes};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Files that are tables and may be as long as what they list.
const TABLES: &[&str] = &["/knowledge/", "/tables/", "table.rs", "catalog.rs"];

/// Names of folders at the root: text in backticks that starts with one is taken for a path.
const FOLDERS: &[&str] = &["crates/", "xtask/", "fuzz/", "bench/", "docs/", "scripts/", ".ci/"];

/// Runs all checks and reports everything that they find.
pub fn run(args: &mut Args) -> Outcome {
    args.finish()?;
    let mut wrong = stale_pages()?;
    wrong.extend(long_sources()?);
    wrong.extend(dead_links()?);
    wrong.iter().for_each(say);
    match wrong.len() {
        0 => Ok(()),
        count => Err(format!("{count} to be mended").into()),
    }
}

fn stale_pages() -> Result<Vec<String>, Box<dyn Error>> {
    let mut wrong = Vec::new();
    let mut there: BTreeSet<String> = paths::files(&[""])?
        .into_iter()
        .filter_map(|path| {
            Some(path.strip_prefix(generate::FOLDER)?.trim_start_matches('/').into())
        })
        .collect();
    for (path, text) in generate::pages()? {
        let written = paths::root().join(generate::FOLDER).join(&path);
        if fs::read_to_string(written).ok().as_ref() != Some(&text) {
            wrong.push(format!(
                "{}/{path}: out of date; run `cargo xtask generate`",
                generate::FOLDER
            ));
        }
        there.remove(&path);
    }
    wrong.extend(there.iter().map(|path| format!("{}/{path}: not generated", generate::FOLDER)));
    Ok(wrong)
}

fn long_sources() -> Result<Vec<String>, Box<dyn Error>> {
    let mut wrong = Vec::new();
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    for path in paths::files(&[".rs"])? {
        let source = fs::read_to_string(paths::root().join(&path))?;
        let length = source.lines().count();
        files.push(length);
        if length > sizes::FILE && !TABLES.iter().any(|table| path.contains(table)) {
            wrong.push(format!("{path}: {length} lines, at most {}", sizes::FILE));
        }
        for function in sizes::functions(&source) {
            functions.push(function.lines);
            if function.lines > sizes::FUNCTION {
                let (line, head) = (function.line, function.head);
                wrong.push(format!("{path}:{line}: {} lines in `{head}`", function.lines));
            }
        }
    }
    say(format_args!("lines per file: {}", sizes::distribution(files)));
    say(format_args!("lines per function: {}", sizes::distribution(functions)));
    Ok(wrong)
}

fn dead_links() -> Result<Vec<String>, Box<dyn Error>> {
    let mut wrong = Vec::new();
    for page in paths::files(&[".md"])? {
        let text = fs::read_to_string(paths::root().join(&page))?;
        let folder = Path::new(&page).parent().unwrap_or(Path::new(""));
        let linked = targets(&text).into_iter().map(|target| (target, folder.join(target)));
        let quoted = quoted(&text).into_iter().map(|path| (path, Path::new(path).to_path_buf()));
        for (spelled, path) in linked.chain(quoted) {
            if !paths::root().join(path).exists() {
                wrong.push(format!("{page}: `{spelled}` does not exist"));
            }
        }
    }
    Ok(wrong)
}

/// Targets of links within the repository, without anchors.
fn targets(text: &str) -> Vec<&str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = links.filter_map(|link| link.split('#').next());
    files.filter(|file| !file.is_empty() && !file.contains(':') && !file.contains(' ')).collect()
}

/// Paths in backticks, except those with a part that stands for something.
fn quoted(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    let paths = spans.filter(|span| FOLDERS.iter().any(|folder| span.starts_with(folder)));
    paths.filter(|path| !path.contains(['<', '*', ' ', '{', '\n', '…', ':'])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_quoted_paths_are_found() {
        let text = "See [a](b/c.md#d), [e](https://f), [g](#h), `crates/bytes` and `crates/<x>/y`.";
        assert_eq!(targets(text), ["b/c.md"]);
        assert_eq!(quoted(text), ["crates/bytes"]);
    }
}
