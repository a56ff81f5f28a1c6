//! The `config.cfg` of a pipeline of spaCy: sections of settings, in which keys that start with `@` name
//! functions of a registry (`thinc.config`, `confection`).
//!
//! `spacy.load` looks these functions up and calls them with the other keys of their section. Only
//! packages that are installed register functions, so that a name which neither spaCy nor thinc has
//! needs code from elsewhere.

use crate::text::is_text;
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Reading, Route, Site, Value};
use davy_bytes::{Budget, Cursor, Halt, Span, to_u64};

/// Bytes of a line that are looked at.
const LONGEST: usize = 64 * 1024;

/// Registered names that are told.
const NAMES: u64 = 1_000;

/// What the names of the functions of spaCy and its own packages start with.
const OWN: &[&str] = &["spacy", "thinc", "curated_transformers", "sense2vec"];

/// The reader of pipelines' settings.
#[derive(Debug)]
pub struct SpacyConfig;

impl Format for SpacyConfig {
    fn id(&self) -> &'static str {
        "spacy-config"
    }

    fn summary(&self) -> &'static str {
        "settings of spaCy pipelines: the registered functions that loading calls"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        if head.first() == Some(&0) {
            return Probe::No;
        }
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let first = lines.by_ref().find(|line| !line.is_empty() && !line.starts_with(b"#"));
        let section = first.is_some_and(|line| line.starts_with(b"[") && line.ends_with(b"]"));
        let known = ["[nlp]", "[components", "[paths]", "[system]", "[training"];
        let named = || {
            let starts = |line: &[u8]| known.iter().any(|it| line.starts_with(it.as_bytes()));
            head.split(|byte| *byte == b'\n').any(starts)
        };
        if section && named() && is_text(head) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        let (mut section, mut told) = (String::new(), 0_u64);
        loop {
            let line = cursor.line(LONGEST)?;
            budget.spend_steps(to_u64(line.text.len()).saturating_add(1), line.span.start)?;
            if line.text.is_empty() && !line.ended {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line.text);
            let text = text.trim();
            let header = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            if let Some(name) = header {
                section = name.to_owned();
            } else {
                for (registry, function) in registered(text) {
                    if told < NAMES && !is_own(&function) {
                        told = told.saturating_add(1);
                        record(&section, &registry, function, line.span, reading);
                    }
                }
            }
        }
    }
}

/// `@registry = "function"`, and `"@registry": "function"` inside of a value.
fn registered(line: &str) -> Vec<(String, String)> {
    let trim = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    let whole = line.strip_prefix('@').and_then(|rest| rest.split_once(['=', ':']));
    let mut found: Vec<_> =
        whole.map(|(key, value)| (trim(key), trim(value))).into_iter().collect();
    for part in line.split("\"@").skip(1) {
        let Some((key, rest)) = part.split_once('"') else { continue };
        let value = rest.trim_start().strip_prefix(':').map(str::trim_start);
        let value = value.and_then(|value| value.strip_prefix('"')?.split_once('"'));
        found.extend(value.map(|(value, _)| (key.to_owned(), value.to_owned())));
    }
    found.retain(|(_, value)| !value.is_empty());
    found
}

/// Whether spaCy, thinc or a package of theirs registers this name: `spacy.Tagger.v2`, `Adam.v1`.
fn is_own(function: &str) -> bool {
    let (before, version) = function.rsplit_once('.').unwrap_or((function, ""));
    let bare = !before.contains('.') && version.starts_with('v');
    let package = before.split('.').next().unwrap_or_default();
    let package = package.split('-').next().unwrap_or_default();
    bare || OWN.contains(&package)
}

fn record(section: &str, registry: &str, function: String, span: Span, reading: &mut Reading) {
    let route = Route::Key(format!("{section}.@{registry}"));
    reading.fact(Fact::Attribute {
        owner: section.to_owned(),
        name: "registered function".to_owned(),
        value: Value::Text(Excerpt::whole(function)),
        site: Site { span, route },
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_spacy_are_told_from_those_of_others() {
        for own in ["spacy.Tagger.v2", "Adam.v1", "spacy-transformers.TransformerModel.v3"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["acme.Model.v1", "spacylike.Model.v1", "evil"] {
            assert!(!is_own(other), "{other}");
        }
        let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        assert_eq!(registered("@misc = \"a.b\""), pair("misc", "a.b"));
        assert_eq!(registered("x = {\"@misc\": \"a.b\", \"y\": 1}"), pair("misc", "a.b"));
        assert!(registered("misc = 1").is_empty());
    }
}
