//! Models as YAML, which Keras wrote and read until 2.5: `yaml.load` made objects of `!!python/` tags
//! (CVE-2021-37678), so that the tags are what such a file does.
//!
//! Nothing of YAML's structure is followed: a tag is a tag wherever it stands, and comments and
//! strings that look like one are rare enough to be told as well.

use super::names::{self, What};
use davy_artifact::{
    Call, Excerpt, Fact, Format, Input, Manner, Name, Probe, Reading, Route, Site, Value,
};
use davy_bytes::{Budget, Cursor, Halt, Line, Span, to_u64};

/// What a line has at most that is looked at.
const LONGEST: usize = 64 * 1024;

/// Lines behind a tag that its arguments are shown from.
const ARGUMENTS: usize = 6;

/// Characters of arguments that are shown.
const LONGEST_ARGUMENT: usize = 1024;

/// The prefix that `!!` stands for.
const STANDARD: &str = "tag:yaml.org,2002:";

/// A model as YAML.
#[derive(Debug)]
pub struct Yaml;

impl Format for Yaml {
    fn id(&self) -> &'static str {
        "keras-yaml"
    }

    fn summary(&self) -> &'static str {
        "Keras 1 and 2 models as YAML: the Python objects that its tags make"
    }

    fn probe(&self, head: &[u8], _: &Input<'_>) -> Probe {
        let keys = ["class_name", "backend", "keras_version"];
        let key = |line: &[u8]| {
            keys.iter().any(|key| {
                let rest = line.strip_prefix(key.as_bytes());
                rest.is_some_and(|rest| rest.starts_with(b":"))
            })
        };
        let known = head.split(|byte| *byte == b'\n').any(key);
        if known && crate::text::is_text(head) { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let mut cursor = Cursor::new(input.bytes.clone());
        let mut tags = Tags { reading, handles: Vec::new(), open: None, number: 0, indent: 0 };
        loop {
            let line = cursor.line(LONGEST)?;
            budget.spend_steps(1, line.span.start)?;
            if line.text.is_empty() && !line.ended {
                break;
            }
            tags.line(&line);
        }
        tags.close();
        Ok(())
    }
}

/// A tag that is called, whose arguments follow.
struct Open {
    name: Name,
    manner: Manner,
    site: Site,
    text: String,
    lines: usize,
    /// Spaces before the line that has the tag.
    indent: usize,
}

struct Tags<'a> {
    reading: &'a mut Reading,
    /// What `%TAG` says that handles stand for.
    handles: Vec<(String, String)>,
    open: Option<Open>,
    number: u64,
    /// Spaces before the line.
    indent: usize,
}

impl Tags<'_> {
    fn line(&mut self, line: &Line) {
        self.number = self.number.saturating_add(1);
        let text = String::from_utf8_lossy(&line.text);
        if let Some(rest) = text.strip_prefix("%TAG ") {
            let mut words = rest.split_whitespace();
            if let (Some(handle), Some(prefix)) = (words.next(), words.next()) {
                self.handles.push((handle.to_owned(), prefix.to_owned()));
            }
            return;
        }
        let indent = text.len().saturating_sub(text.trim_start().len());
        if self.open.as_ref().is_some_and(|open| indent <= open.indent || !open.text.is_empty()) {
            self.close();
        }
        self.indent = indent;
        let mut rest = text.as_ref();
        while let Some((before, behind)) = rest.split_once('!') {
            self.argue(before);
            let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}');
            let end = match behind.strip_prefix('<') {
                Some(verbatim) => verbatim.find('>').map(|end| end.saturating_add(2)),
                None => behind.find(ends),
            };
            let end = end.unwrap_or(behind.len());
            let (tag, after) = behind.split_at(end);
            let at = text.len().saturating_sub(behind.len()).saturating_sub(1);
            let start = line.span.start.saturating_add(to_u64(at));
            let span = Span::new(start, to_u64(tag.len()).saturating_add(1));
            let inside = span.end() <= line.span.end();
            self.tag(tag, if inside { span } else { line.span });
            rest = after;
        }
        self.argue(rest);
    }

    /// Adds text to what a tag is called with.
    fn argue(&mut self, text: &str) {
        let Some(open) = &mut self.open else { return };
        open.lines = open.lines.saturating_add(1);
        let room = LONGEST_ARGUMENT.saturating_sub(open.text.chars().count());
        open.text.extend(text.trim().chars().take(room));
        if open.lines > ARGUMENTS {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(Open { name, manner, site, text, .. }) = self.open.take() else { return };
        let text = text.trim();
        let args = if text.is_empty() { vec![] } else { vec![Value::Text(Excerpt::whole(text))] };
        let call = Call { callee: Value::Name(name), args, kwargs: vec![], manner };
        self.reading.fact(Fact::Call { call, count: 1, site });
    }

    /// Follows a tag, which starts behind its first `!`.
    fn tag(&mut self, tag: &str, span: Span) {
        let whole = self.whole(tag);
        let Some(rest) = whole.strip_prefix(STANDARD) else { return };
        let Some((kind, path)) = rest.strip_prefix("python/").and_then(|it| it.split_once(':'))
        else {
            return;
        };
        self.close();
        let site = Site { span, route: Route::Line(self.number) };
        let (module, name) = path.rsplit_once('.').unwrap_or(("builtins", path));
        let resolved = match kind {
            "module" => names::Resolved { name: Name::new(path, ""), what: What::Foreign },
            _ => names::in_module(module, name),
        };
        let spelled = Name::new(module, name);
        let differs = kind != "module" && spelled != resolved.name;
        self.reading.fact(Fact::Import {
            name: resolved.name.clone(),
            spelled: differs.then_some(spelled),
            by: "YAML tag",
            site: site.clone(),
        });
        let manner = match kind {
            "object/apply" => Manner::Called,
            "object/new" | "object" => Manner::New,
            _ => return,
        };
        let (name, text, indent) = (resolved.name, String::new(), self.indent);
        self.open = Some(Open { name, manner, site, text, lines: 0, indent });
    }

    /// The tag with its handle replaced and its escapes followed.
    fn whole(&self, tag: &str) -> String {
        let spelled = format!("!{tag}");
        let verbatim = tag.strip_prefix('<').map(|it| it.trim_end_matches('>').to_owned());
        let standard = [("!!".to_owned(), STANDARD.to_owned())];
        let handles = self.handles.iter().rev().chain(&standard);
        let mut fitting = handles.filter(|(handle, _)| spelled.starts_with(handle.as_str()));
        let replaced = || {
            // The longest handle is meant: `!!` before `!`.
            let best = fitting.by_ref().max_by_key(|(handle, _)| handle.len());
            best.map(|(handle, prefix)| {
                format!("{prefix}{}", spelled.get(handle.len()..).unwrap_or_default())
            })
        };
        unescape(&verbatim.or_else(replaced).unwrap_or(spelled))
    }
}

/// Follows `%xx`, which tags may spell any character with.
fn unescape(tag: &str) -> String {
    let mut bytes = Vec::with_capacity(tag.len());
    let mut rest = tag.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
