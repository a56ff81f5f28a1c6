//! Jinja templates, as transformers, llama.cpp and other runtimes render them around every prompt.
//!
//! A template is parsed and followed, never rendered: which attributes and calls it reaches, with
//! names that it computes computed too, and which text it puts out only under a condition on what
//! somebody wrote.

mod expression;
mod fold;
mod follow;
mod statement;
mod token;
mod value;

use crate::text::{is_text, whole};
use davy_artifact::{
    Code, Excerpt, Fact, Format, Input, Name, Probe, Quirk, Reading, Route, Site, Value, When,
};
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};
use follow::Conditional;
use statement::Reader;
use std::collections::BTreeSet;
use token::{Kind, Part, Piece};

/// The longest template that is read; the longest ones in use have a hundredth of that.
const LONGEST: u64 = 16 << 20;

/// Bytes of a template that facts show.
const LISTING: usize = 16 * 1024;

/// Text constants that are kept.
const TEXTS: usize = 1000;

/// What template files are called.
const NAMES: &[&str] = &[".j2", ".jinja", ".jinja2"];

/// Extensions of texts with a form of their own.
const OTHERS: &[&str] =
    &[".cfg", ".html", ".js", ".json", ".md", ".py", ".rst", ".toml", ".xml", ".yaml", ".yml"];

/// The reader of Jinja templates.
#[derive(Debug)]
pub struct Jinja;

impl Format for Jinja {
    fn id(&self) -> &'static str {
        "jinja"
    }

    fn summary(&self) -> &'static str {
        "Jinja templates, such as chat templates"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if crate::json::starts_object(head) && !is_template_file(input.name) {
            return Probe::No;
        }
        if crate::ollama::is_template(head) && !is_named(input.name) {
            return Probe::No;
        }
        let has = |tag: &[u8; 2]| head.windows(2).any(|pair| pair == tag);
        // Tags may stand behind any amount of text; a name is known for what it is.
        match is_text(head) && !head.is_empty() {
            true if is_named(input.name) => Probe::Certain,
            true if has(b"{%") || has(b"{{") => Probe::Possible,
            _ => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let len = input.bytes.len();
        let source = whole(input, LONGEST, "a template longer than any in use", budget)?;
        let pieces = token::split(&source)?;
        let mut reader = Reader::default();
        let mut result = follow(&pieces, &mut reader, len);
        if result.is_ok() {
            // A loop's second round sees what its first has set.
            reader.follower.closed.clear();
            reader.templates.clear();
            result = follow(&pieces, &mut reader, len);
        }
        // Settings and source may have double braces for reasons of their own.
        if let Err(halt) = &result
            && is_other(input.name)
        {
            return Err(halt.clone());
        }
        record(reader, &source, &pieces, reading);
        reading.seamless = result.is_ok();
        result
    }
}

/// Whether a name says that it is a template: a file's extension, or the key of a chat template.
fn is_named(name: &str) -> bool {
    name.to_ascii_lowercase().contains("chat_template") || is_template_file(name)
}

/// Whether a file's extension is one of texts that are no templates.
fn is_other(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    OTHERS.iter().any(|extension| lower.ends_with(extension)) && !is_named(name)
}

/// Whether a file's extension is one of templates. `chat_template.json` has one inside.
fn is_template_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    NAMES.iter().any(|extension| lower.ends_with(extension))
}

fn follow(pieces: &[Piece], reader: &mut Reader, end: u64) -> Result<(), Halt> {
    for piece in pieces {
        reader.part(piece)?;
    }
    reader.finish(end)
}

/// Turns what was learned into facts.
fn record(reader: Reader, source: &str, pieces: &[Piece], reading: &mut Reading) {
    let Reader { follower, templates, .. } = reader;
    let whole = Span::new(0, to_u64(source.len()));
    let shown = source.char_indices().nth(LISTING).map_or(source.len(), |(at, _)| at);
    let code = Code {
        language: "Jinja template".to_owned(),
        when: When::Used,
        imports: Vec::<Name>::new(),
        calls: follower.calls,
        names: follower.names,
        texts: texts(pieces),
        unseen: follower.unseen.into_iter().collect(),
        listing: source.get(..shown).unwrap_or_default().to_owned(),
        ..Code::default()
    };
    let site = Site { span: whole, route: Route::None };
    reading.fact(Fact::Code { code: Box::new(code), site });
    for (at, purpose, name) in templates {
        let site = Site { span: Span::new(at, 0), route: line(source, at) };
        let target = name.as_text().map_or_else(|| name.to_value().to_string(), str::to_owned);
        reading.fact(Fact::Reference { target, purpose, site });
    }
    for (at, what) in follower.excess {
        reading.deviation(Quirk::Expansion, Span::new(at, 0), line(source, at), &what);
    }
    let mut said = BTreeSet::new();
    for Conditional { tests, output, at } in follower.closed {
        let Some(test) = tests.first() else { continue };
        let constants = tests.iter().map(|test| test.constant.clone()).collect();
        let fact = Fact::Branch {
            input: test.subject.as_str(),
            test: test.how.clone(),
            constants,
            output: output.trim().to_owned(),
            site: Site { span: Span::new(at, 0), route: line(source, at) },
        };
        if said.insert((at, output)) {
            reading.fact(fact);
        }
    }
}

/// The text constants and the text between tags, each once.
fn texts(pieces: &[Piece]) -> Vec<Value> {
    let mut said = BTreeSet::new();
    let mut texts = Vec::new();
    let mut keep = |text: &str| {
        if !text.trim().is_empty() && texts.len() < TEXTS && said.insert(text.to_owned()) {
            texts.push(Value::Text(Excerpt::whole(text.as_bytes())));
        }
    };
    for piece in pieces {
        match &piece.part {
            Part::Data(text) => keep(text),
            Part::Output(tokens) | Part::Statement(tokens) => {
                for token in tokens {
                    if let Kind::Text(text) = &token.kind {
                        keep(text);
                    }
                }
            }
        }
    }
    texts
}

/// The line of an offset.
fn line(source: &str, at: u64) -> Route {
    let before = source.as_bytes().get(..to_usize(at)).unwrap_or_default();
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    Route::Line(to_u64(breaks).saturating_add(1))
}

#[cfg(test)]
mod tests;
