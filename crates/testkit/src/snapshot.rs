//! Readings as text, and corpora of recipes beside the readings that they must give.
//!
//! A corpus is a folder with files `NAME.hex` (see [`crate::recipe`]) and, beside each, the file
//! `NAME.reading` that [`show`] must give. With `BLESS=1` in the environment expectations are
//! rewritten; a person then reads the difference.

use crate::recipe;
use crate::robust;
use davy_artifact::{Child, Code, Fact, Format, Role, Site};
use davy_bytes::{Span, escape, escape_bytes};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// How much of a child's bytes is shown.
const CHILD_HEAD: usize = 24;

/// One recipe of a corpus: its file name without extension, and its bytes.
#[derive(Clone, Debug)]
pub struct Sample {
    /// File name without extension.
    pub name: String,
    /// What the recipe builds.
    pub bytes: Vec<u8>,
}

/// The recipes of a folder, by name.
///
/// # Errors
/// A sentence that names the file that cannot be read or is no recipe.
pub fn samples(folder: &Path) -> Result<Vec<Sample>, String> {
    let failed = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "hex") {
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
            let bytes = recipe::build(&text).map_err(|why| failed(&path, &why))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Sample { name, bytes });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Compares what `format` reads in each sample of `folder` with what the folder says; returns how
/// many samples there are.
///
/// # Errors
/// All differences, one after the other.
pub fn compare(format: &dyn Format, folder: &Path) -> Result<usize, String> {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let samples = samples(folder)?;
    let mut differences = String::new();
    for sample in &samples {
        let path = folder.join(format!("{}.reading", sample.name));
        let shown = show(&robust::read(format, &sample.name, &sample.bytes)?);
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if shown == expected {
            continue;
        }
        if bless {
            fs::write(&path, &shown).map_err(|error| format!("{}: {error}", path.display()))?;
        } else {
            let _ = writeln!(differences, "{}:\n{}", path.display(), changed(&expected, &shown));
        }
    }
    if differences.is_empty() { Ok(samples.len()) } else { Err(differences) }
}

/// The lines that differ, with `-` before what was expected and `+` before what was read.
fn changed(expected: &str, shown: &str) -> String {
    let mut lines = String::new();
    for line in expected.lines().filter(|line| !shown.lines().any(|other| other == *line)) {
        let _ = writeln!(lines, "- {line}");
    }
    for line in shown.lines().filter(|line| !expected.lines().any(|other| other == *line)) {
        let _ = writeln!(lines, "+ {line}");
    }
    if lines.is_empty() { "the same lines in another order or number\n".to_owned() } else { lines }
}

/// A reading as text: one line for each fact, deviation, child and gap, in the order of recording.
#[must_use]
pub fn show(outcome: &robust::Outcome) -> String {
    let mut text = String::new();
    let reading = &outcome.reading;
    for fact in &reading.facts {
        let _ = writeln!(text, "{}", show_fact(fact));
    }
    for it in &reading.deviations {
        let place = show_place(it.span, &it.route.to_string());
        let _ = writeln!(text, "deviation {} {place}: {}", it.quirk.as_str(), it.what);
    }
    for child in &reading.children {
        let _ = writeln!(text, "{}", show_child(child));
    }
    for gap in &reading.gaps {
        let place = show_place(gap.span, "");
        let _ = writeln!(text, "gap {} {place}: {}", gap.why.as_str(), gap.what);
    }
    if reading.dropped > 0 {
        let _ = writeln!(text, "dropped {}", reading.dropped);
    }
    if let Some(halt) = &outcome.halt {
        let at = show_place(Span::new(halt.at(), 0), "");
        let _ = writeln!(text, "halt {} {at}: {}", halt.blame().as_str(), escape(halt.what()));
    }
    text
}

fn show_fact(fact: &Fact) -> String {
    let kind = fact.kind();
    let Site { span, route } = fact.site();
    let place = show_place(*span, &route.to_string());
    let said = match fact {
        Fact::Assign { target, key, value, .. } => format!("{target} [{key}] = {value}"),
        Fact::Attribute { owner, name, value, .. } => {
            format!("{} {} = {value}", escape(owner), escape(name))
        }
        Fact::Branch { input, test, constants, output, .. } => {
            let constants = escape(&constants.join("|"));
            format!("{input} {} {constants} -> {}", escape(test), escape(output))
        }
        Fact::Call { call, count, .. } => format!("{call} ({:?}, {count} times)", call.manner),
        Fact::Code { code, .. } => show_code(code),
        Fact::Import { name, spelled, by, .. } => {
            let spelled = spelled.as_ref().map(|it| format!(", spelled {}", escape(&it.dotted())));
            let name = escape(&name.dotted());
            format!("{name} by {by}{}", spelled.unwrap_or_default())
        }
        Fact::Member { name, size, .. } => format!("{} of {size} bytes", escape(name)),
        Fact::Object { path, kind, detail, .. } => {
            format!("{} {kind} {}", escape(path), escape(detail))
        }
        Fact::Reference { target, purpose, .. } => format!("{} for {purpose}", escape(target)),
        other => escape(&format!("{other:?}")),
    };
    format!("{kind} {place}: {said}")
}

fn show_code(code: &Code) -> String {
    let signature = format!("{} {}({})", code.language, code.name, code.parameters.join(", "));
    let mut said = format!("{}, {}", escape(&signature), code.when.as_str());
    let list = |what: &str, items: Vec<String>| format!("\n  {what} {}", items.join("; "));
    let dotted = code.imports.iter().map(|name| escape(&name.dotted())).collect();
    said.push_str(&list("imports", dotted));
    said.push_str(&list("calls", code.calls.iter().map(ToString::to_string).collect()));
    said.push_str(&list("names", code.names.iter().map(|name| escape(name)).collect()));
    said.push_str(&list("texts", code.texts.iter().map(ToString::to_string).collect()));
    said.push_str(&list("unseen", code.unseen.iter().map(|what| escape(what)).collect()));
    for line in code.listing.lines() {
        let _ = write!(said, "\n  | {}", escape(line));
    }
    said
}

fn show_child(child: &Child) -> String {
    let role = match child.role {
        Role::Leftover => "leftover",
        Role::Loaded => "loaded",
        Role::Quoted => "quoted",
        Role::Present => "present",
        Role::Storage => "storage",
        Role::Variant => "variant",
    };
    let size = child.bytes.len();
    let head = child.bytes.copy(Span::new(0, size), CHILD_HEAD).unwrap_or_default();
    format!("child {role} {}: {size} bytes, {}", escape(&child.name), escape_bytes(&head))
}

/// `start+len`, and the place in words where there is one.
fn show_place(span: Span, route: &str) -> String {
    let bytes = format!("{}+{}", span.start, span.len);
    if route.is_empty() { bytes } else { format!("{bytes} {route}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use davy_artifact::{Name, Quirk, Reading, Route};
    use davy_bytes::Halt;

    #[test]
    fn a_reading_is_shown_whole_and_escaped() {
        let mut reading = Reading::default();
        let span = Span::new(3, 9);
        reading.fact(Fact::Import {
            name: Name::new("os", "sys\ntem"),
            spelled: Some(Name::new("posix", "system")),
            by: "GLOBAL",
            site: Site { span, route: Route::Line(2) },
        });
        reading.deviation(Quirk::HugeIndex, span, Route::None, "memo index 4294967295");
        let halt = Some(Halt::malformed(12, "opcode"));
        let expected = "import 3+9 line 2: os.sys\\ntem by GLOBAL, spelled posix.system\n\
                        deviation huge-index 3+9: memo index 4294967295\n\
                        halt malformed 12+0: opcode\n";
        assert_eq!(show(&robust::Outcome { reading, halt }), expected);
    }

    #[test]
    fn differences_name_both_sides() {
        assert_eq!(changed("a\nb\n", "b\nc\n"), "- a\n+ c\n");
    }
}
