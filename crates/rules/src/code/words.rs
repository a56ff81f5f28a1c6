//! How functions that a file brings are spoken of.

use davy_artifact::{Code, Route, Site, When};
use davy_bytes::{acts, escape};

/// Whether code is a function of R: models there bring functions along as others bring numbers.
pub(crate) fn is_of_r(code: &Code) -> bool {
    code.language == "R"
}

/// Lines of a listing that are evidence.
const LINES: usize = 40;

/// Characters of a listing that are evidence.
const LENGTH: usize = 4_000;

/// The function, as the start of a sentence.
pub(crate) fn who(code: &Code, site: &Site) -> String {
    if let Route::Layer { layer, .. } = &site.route {
        return format!("layer `{}`: its function", escape(layer));
    }
    match code.name.as_str() {
        "" | "<lambda>" => "a function that the file brings".to_owned(),
        "<module>" => "the module's code".to_owned(),
        name => format!("the function `{}`, which the file brings,", escape(name)),
    }
}

/// When it runs, as the end of a sentence.
pub(crate) fn when(code: &Code) -> &'static str {
    match code.when {
        When::Loaded => "; it runs as soon as the file is loaded",
        When::Unknown => "",
        When::Used => "; it runs when the model is built or used",
    }
}

/// The start of its listing, fit to be shown.
pub(crate) fn listing(code: &Code) -> String {
    let mut shown = String::new();
    let mut left = LENGTH;
    let mut lines = code.listing.lines();
    for line in lines.by_ref().take(LINES) {
        if !shown.is_empty() {
            shown.push('\n');
        }
        for c in line.chars().take(left) {
            // The listing is escaped already: only what acts on a terminal is escaped once more.
            if acts(c) {
                shown.push_str(&escape(c.encode_utf8(&mut [0; 4])));
            } else {
                shown.push(c);
            }
        }
        left = left.saturating_sub(line.chars().count());
        if left == 0 {
            break;
        }
    }
    if left == 0 || lines.next().is_some() {
        shown.push_str("\n…");
    }
    shown
}

/// Up to three of them, and how many more there are.
pub(crate) fn several(said: &[&str]) -> String {
    const SAID: usize = 3;
    let first = said.get(..said.len().min(SAID)).unwrap_or_default();
    match said.len().saturating_sub(SAID) {
        0 => first.join(", and "),
        more => format!("{}, and {more} more like this", first.join(", and ")),
    }
}
