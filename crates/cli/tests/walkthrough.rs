//! The pages that walk through real output say what davy says. `BLESS=1` rewrites them.

use crate::{Folder, text};
use davy_testkit::recipe;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of output that a page shows, where it shows only a part: from the first that contains the
/// words to the last, both included.
const EXCERPTS: &[(&str, &str, &str)] =
    &[("davy scan --format json digits.keras", "\"findings\": [", "\"fingerprint\"")];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// What a command of the page prints in `folder`, or the part of it that is shown.
fn output(command: &str, folder: &Path) -> String {
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("davy"), "{command}");
    let run = Command::new(env!("CARGO_BIN_EXE_davy")).args(words).current_dir(folder).output();
    let out = String::from_utf8(run.unwrap().stdout).unwrap();
    let excerpt = EXCERPTS.iter().find(|(excerpt, ..)| *excerpt == command);
    let Some((_, first, last)) = excerpt else { return out.trim_end().to_owned() };
    let from = out.lines().skip_while(|line| !line.contains(first));
    let mut lines: Vec<&str> = Vec::new();
    for line in from {
        lines.push(line);
        if line.contains(last) {
            break;
        }
    }
    lines.join("\n")
}

/// The page with what its commands print now.
fn written(page: &str, folder: &Path) -> String {
    let mut written = String::new();
    let mut shown = false;
    for line in page.lines() {
        shown &= !line.starts_with("```");
        if !shown {
            written.push_str(line);
            written.push('\n');
        }
        if let Some(command) = line.strip_prefix("$ davy ") {
            shown = true;
            written.push_str(&output(&format!("davy {command}"), folder));
            written.push('\n');
        }
    }
    written
}

#[test]
fn the_walk_through_of_a_lambda_is_what_davy_says() {
    let folder = Folder::new("walkthrough");
    let sample = fs::read_to_string(docs().join("digits.keras.hex")).unwrap();
    let sample = folder.file("digits.keras", &recipe::build(&sample).unwrap());
    let path = docs().join("keras-lambda.md");
    let page = fs::read_to_string(&path).unwrap();
    let now = written(&page, sample.parent().unwrap());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, now).unwrap();
        return;
    }
    assert_eq!(page, now, "{} is out of date: BLESS=1 rewrites it", text(&path));
}
