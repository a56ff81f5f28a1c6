//! `davy explain NAME` for what is no rule: what is known about a callable that a file may name.

use crate::catalogue::distance;
use davy_bytes::escape;
use davy_rules::knowledge::derived::Derivation;
use davy_rules::knowledge::{self, Known};
use std::io::{self, Write};

/// What is known about a name.
pub struct Callable {
    name: String,
    known: Option<&'static Known>,
    derivation: Option<Derivation>,
}

/// What is known about a dotted name; one without a dot is a built-in function.
pub fn find(name: &str) -> Option<Callable> {
    let dotted = if name.contains('.') { name.to_owned() } else { format!("builtins.{name}") };
    // A word is a built-in function only if there is one of that name: what is known of every name in
    // a module says nothing about it.
    let whole = |known: &&Known| name.contains('.') || known.pattern == dotted;
    let known = knowledge::lookup_path(&dotted).filter(whole);
    let derivation = knowledge::derivation(&dotted);
    let anything = known.is_some() || derivation.is_some();
    anything.then_some(Callable { name: dotted, known, derivation })
}

/// Names shown when one is not known.
const CLOSE: usize = 3;

/// Up to three known names that differ from `name` in few letters; where there are none, those that end
/// as it does, of the same package if any is.
pub fn close_to(name: &str) -> Vec<String> {
    let mut names = knowledge::names();
    let limit = name.chars().count() / 8 + 1;
    let near = |known: &&String| known.len().abs_diff(name.len()) <= limit;
    let distances = names.iter().filter(near).map(|known| (distance(name, known), known));
    let mut ranked: Vec<_> = distances.filter(|(distance, _)| *distance <= limit).collect();
    ranked.sort_unstable();
    if !ranked.is_empty() {
        return ranked.into_iter().take(CLOSE).map(|(_, known)| known.clone()).collect();
    }
    let (package, last) = match name.split_once('.') {
        Some((package, rest)) => (package, rest.rsplit('.').next().unwrap_or(rest)),
        None => ("", name),
    };
    names.retain(|known| known.rsplit('.').next() == Some(last));
    names.sort_unstable_by_key(|known| {
        (known.split('.').next() != Some(package), known.matches('.').count(), known.len())
    });
    names.truncate(CLOSE);
    names
}

impl Callable {
    /// Writes what calling it does, through which argument, where it is there, and how that is known.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn explain(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", escape(&self.name))?;
        let mut rows: Vec<(&str, String)> = Vec::new();
        if let Some(known) = self.known {
            let called = known.when_called().effect;
            rows.push(("effect", format!("{}: {}", called.as_str(), called.does())));
            if called.is_harmless() {
                rows.push(("severity", "none".to_owned()));
            } else {
                let (call, name) = (called.severity(), called.severity_when_named());
                let severity =
                    format!("{} when called, {} when named", call.as_str(), name.as_str());
                rows.push(("severity", severity));
            }
            if known.called.is_some() {
                let made = "made without its constructor and filled, an object of it is only data";
                rows.push(("otherwise", made.to_owned()));
            }
            if !known.is_derived() {
                rows.push(("known from", known.source.to_owned()));
                if known.pattern != self.name {
                    rows.push(("as", known.pattern.to_owned()));
                }
            }
            if known.constants_only {
                rows.push(("but", "only with arguments that do harm themselves".to_owned()));
            }
            if known.texts_only {
                rows.push(("but", "only with text that could be code".to_owned()));
            }
        }
        rows.extend(self.derivation.iter().flat_map(derived));
        for (label, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            writeln!(out, "{label:<10}  {}", escape(value))?;
        }
        Ok(())
    }
}

/// What was derived from the source.
fn derived(found: &Derivation) -> Vec<(&'static str, String)> {
    let mut rows = vec![("derived", format!("{}: {}", found.effect.as_str(), found.effect.does()))];
    if found.effect.is_harmless() {
        let reason = "nothing that it calls reaches a file, a program, the network or code";
        rows.push(("because", reason.to_owned()));
    } else {
        rows.push(("through", found.through.replace(',', ", ")));
        rows.push(("path", found.to_string()));
    }
    rows.push(("in", found.origin.to_owned()));
    rows
}
