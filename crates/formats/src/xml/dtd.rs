//! Document types: which entities they declare, where those lead, and what they grow to.

use davy_artifact::{Fact, Quirk, Reading, Route, Site};
use davy_bytes::{Span, to_u64};
use std::collections::HashMap;

/// Entities that are followed.
const ENTITIES: usize = 10_000;

/// Bytes that all entities together may stand for before they are a bomb (the limit of expat and
/// libxml2 is ten megabytes).
const LARGEST: u64 = 1 << 20;

/// As many times more than is written make a bomb, where there are enough of them (expat: 100).
const GROWTH: u64 = 100;

/// An entity with a value of its own.
struct Entity {
    /// Bytes of the value that are no references.
    own: u64,
    /// Entities that it refers to, by name.
    refers: Vec<String>,
}

/// Records what a document type declares; `text` is what stands between `<!DOCTYPE` and its `>`, and
/// `span` all of it.
pub(super) fn declarations(text: &str, span: Span, reading: &mut Reading) {
    let (outside, inside) = text.split_once('[').unwrap_or((text, ""));
    let mut words = Words { rest: outside };
    words.word();
    let site = |name: &str| Site { span, route: Route::Object(format!("!DOCTYPE {name}")) };
    if let Some(target) = words.external() {
        reading.fact(Fact::Reference { target, purpose: "document type", site: site("") });
    }
    let mut entities = HashMap::new();
    let mut rest = inside;
    while let Some((_, behind)) = rest.split_once("<!") {
        let (declaration, after) = declaration(behind);
        rest = after;
        let Some(body) = declaration.strip_prefix("ENTITY") else { continue };
        let mut words = Words { rest: body };
        let mut name = words.word().to_owned();
        if name == "%" {
            name = format!("%{}", words.word());
        }
        if let Some(target) = words.external() {
            let site = site(&name);
            reading.fact(Fact::Reference { target, purpose: "external entity", site });
        } else if let Some(value) = words.quoted()
            && entities.len() < ENTITIES
        {
            entities.entry(name).or_insert_with(|| entity(value));
        }
    }
    grows(&entities, to_u64(text.len()), span, reading);
}

/// A declaration up to its `>` outside of quotation marks, and what is behind it; a comment goes up
/// to its own end.
fn declaration(text: &str) -> (&str, &str) {
    if let Some(comment) = text.strip_prefix("--") {
        return ("", comment.split_once("-->").map_or("", |(_, behind)| behind));
    }
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => {
                let (declaration, behind) = text.split_at(at);
                return (declaration, behind);
            }
            _ => {}
        }
    }
    (text, "")
}

/// Words of a declaration.
struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn word(&mut self) -> &'t str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = behind;
        word
    }

    fn quoted(&mut self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = rest.get(1..)?.split_once(quote)?;
        self.rest = behind;
        Some(value)
    }

    /// `SYSTEM "…"` or `PUBLIC "…" "…"`.
    fn external(&mut self) -> Option<String> {
        let before = self.rest;
        let target = match self.word() {
            "SYSTEM" => self.quoted(),
            "PUBLIC" => {
                let public = self.quoted();
                self.quoted().or(public)
            }
            _ => None,
        };
        if target.is_none() {
            self.rest = before;
        }
        target.map(str::to_owned)
    }
}

fn entity(value: &str) -> Entity {
    let mut refers = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find(['&', '%']) {
        let kind = if rest.get(at..).is_some_and(|it| it.starts_with('%')) { "%" } else { "" };
        let behind = rest.get(at.saturating_add(1)..).unwrap_or_default();
        let name = behind.split(';').next().unwrap_or_default();
        let named = !name.is_empty() && !name.starts_with('#') && name.len() < behind.len();
        if named && !name.contains(char::is_whitespace) {
            refers.push(format!("{kind}{name}"));
        }
        rest = behind;
    }
    Entity { own: to_u64(value.len()), refers }
}

/// Records entities that stand for far more than is written, and those that stand for themselves.
fn grows(entities: &HashMap<String, Entity>, written: u64, span: Span, reading: &mut Reading) {
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    let (mut largest, mut looped) = (0_u64, false);
    let mut names: Vec<&str> = entities.keys().map(String::as_str).collect();
    names.sort_unstable();
    for start in names {
        // Each entity is sized behind those that it refers to, with a stack of its own.
        let mut stack = vec![(start, false)];
        let mut open: Vec<&str> = Vec::new();
        while let Some((name, ready)) = stack.pop() {
            let Some(entity) = entities.get(name) else { continue };
            if ready {
                open.pop();
                let inner = entity.refers.iter().filter_map(|name| sizes.get(name.as_str()));
                let size = inner.fold(entity.own, |sum, size| sum.saturating_add(*size));
                largest = largest.max(size);
                sizes.insert(name, size);
            } else if open.contains(&name) {
                looped = true;
            } else if !sizes.contains_key(name) {
                open.push(name);
                stack.push((name, true));
                let mut seen = std::collections::HashSet::new();
                let new = entity.refers.iter().filter(|name| seen.insert(name.as_str()));
                stack.extend(new.map(|name| (name.as_str(), false)));
            }
        }
    }
    if largest > LARGEST && largest > written.saturating_mul(GROWTH) {
        let what = format!("entities of {written} bytes stand for {largest}");
        reading.deviation(Quirk::Expansion, span, Route::Object("!DOCTYPE".to_owned()), &what);
    }
    if looped {
        let what = "an entity that stands for itself";
        reading.deviation(Quirk::Cycle, span, Route::Object("!DOCTYPE".to_owned()), what);
    }
}
