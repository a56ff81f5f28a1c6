//! Modelfiles, from which Ollama makes models: where the weights and adapters come from, the template
//! around each prompt, and what the model is told first (Ollama, `parser/parser.go`).

use super::template::is_template;
use crate::text::{is_text, whole};
use davy_artifact::{Excerpt, Fact, Format, Input, Probe, Reading, Role, Route, Site, Value};
use davy_bytes::{Budget, Halt, Span, to_u64};

/// Bytes that no Modelfile exceeds.
const LARGEST: u64 = 16 << 20;

/// Commands that are told.
const TOLD: usize = 10_000;

/// Commands, in the order of the alphabet.
const COMMANDS: &[&str] = &[
    "ADAPTER",
    "FROM",
    "LICENSE",
    "MESSAGE",
    "PARAMETER",
    "PARSER",
    "RENDERER",
    "REQUIRES",
    "SYSTEM",
    "TEMPLATE",
];

/// Those that files of other programs with a `FROM` do not have.
const TELLING: &[&str] = &["ADAPTER", "PARAMETER", "SYSTEM", "TEMPLATE"];

/// What quotes a text of several lines.
const QUOTES: &str = "\"\"\"";

/// The reader of Modelfiles.
#[derive(Debug)]
pub struct Modelfile;

impl Format for Modelfile {
    fn id(&self) -> &'static str {
        "modelfile"
    }

    fn summary(&self) -> &'static str {
        "Modelfiles of Ollama: where weights come from, templates, and what the model is told"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        if !is_text(head) {
            return Probe::No;
        }
        let has = |wanted: &[&str]| {
            head.split(|byte| *byte == b'\n').any(|line| {
                let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                wanted.iter().any(|wanted| word.eq_ignore_ascii_case(wanted.as_bytes()))
            })
        };
        let named = input.name.to_ascii_lowercase().contains("modelfile");
        if has(&["FROM"]) && (named || has(TELLING) && !has(&["RUN", "COPY", "CMD"])) {
            Probe::Certain
        } else {
            Probe::No
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let text = whole(input, LARGEST, "a Modelfile longer than any in use", budget)?;
        let mut at = 0;
        let mut number = 0_usize;
        while let Some((command, next)) = command(&text, at) {
            if number >= TOLD {
                return Err(Halt::exhausted(to_u64(at), "more commands than any Modelfile has"));
            }
            at = next;
            number = number.saturating_add(1);
            record(&command, input, number, reading);
        }
        reading.seamless = true;
        Ok(())
    }
}

/// A command of a Modelfile, with the place of its value.
struct Command<'t> {
    name: String,
    value: &'t str,
    span: Span,
}

/// The first command from `at` on, and where the next one may stand.
fn command(text: &str, mut at: usize) -> Option<(Command<'_>, usize)> {
    loop {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = rest.find('\n').unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        let next = at.saturating_add(end).saturating_add(1);
        let name = line.split_whitespace().next().unwrap_or_default();
        let upper = name.to_ascii_uppercase();
        if !COMMANDS.contains(&upper.as_str()) {
            at = next;
            continue;
        }
        let before = line.find(name).unwrap_or_default().saturating_add(name.len());
        let value = rest.get(before..).unwrap_or_default();
        let blank = value.len().saturating_sub(value.trim_start_matches([' ', '\t']).len());
        let start = before.saturating_add(blank);
        let value = rest.get(start..).unwrap_or_default();
        let (open, close) = match value {
            value if value.starts_with(QUOTES) => (QUOTES.len(), QUOTES),
            value if value.starts_with('"') => (1, "\""),
            _ => (0, "\n"),
        };
        let inside = value.get(open..).unwrap_or_default();
        let len = inside.find(close).unwrap_or(inside.len());
        let start = at.saturating_add(start).saturating_add(open);
        let value = inside.get(..len).unwrap_or_default();
        let value = if open == 0 { value.trim_end() } else { value };
        let span = Span::new(to_u64(start), to_u64(value.len()));
        let behind = start.saturating_add(len).saturating_add(close.len());
        return Some((Command { name: upper, value, span }, behind.max(next)));
    }
}

/// Records a command, the `number`th of its file.
fn record(command: &Command<'_>, input: &Input<'_>, number: usize, reading: &mut Reading) {
    let Command { name, value, span } = command;
    let site = Site { span: *span, route: Route::Key(name.clone()) };
    let target = (*value).to_owned();
    match name.as_str() {
        "ADAPTER" => reading.fact(Fact::Reference { target, purpose: "adapter", site }),
        "FROM" => reading.fact(Fact::Reference { target, purpose: "base model", site }),
        "TEMPLATE" if is_template(value.as_bytes()) => {
            let name = format!("{name}{number}.gotmpl");
            reading.child(name, input.bytes.slice(*span), Role::Loaded);
        }
        "LICENSE" => {}
        _ => {
            let value = Value::Text(Excerpt::whole(*value));
            let (owner, name) = (String::new(), name.clone());
            reading.fact(Fact::Attribute { owner, name, value, site });
        }
    }
}
