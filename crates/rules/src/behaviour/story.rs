//! Everything that calls do, layer by layer: the calls themselves, the commands and the source that
//! they hand over to be run, and what those run in turn.

use super::argument::given;
use super::command::Command;
use super::script::{Run, derived, runs};
use super::shown;
use davy_artifact::{Call, Code, Interpret, Language, Value};

/// Steps of one story.
const STEPS: usize = 4_000;

/// Programs that are read for one story.
const PROGRAMS: usize = 24;

/// Layers of programs within programs.
const LAYERS: u32 = 12;

/// Longest source whose text is kept, in bytes.
const KEPT: usize = 64 << 10;

/// One thing that is done.
#[derive(Debug)]
pub(super) struct Step {
    /// Which of the calls it belongs to.
    pub(super) origin: usize,
    /// What it does, as people write it.
    pub(super) text: String,
    /// What it does.
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A command of a shell.
    Command(Command),
    /// A program in a language that is only cut into words.
    Foreign(String),
    /// A call in Python, with what its callee comes from.
    Python(Box<Call>, String),
}

/// What calls do, in order.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) steps: Vec<Step>,
    /// Text of programs, with the call that each belongs to.
    pub(super) sources: Vec<(usize, String)>,
    /// Names that source only mentions.
    pub(super) names: Vec<(usize, String)>,
}

/// What is still to be looked at.
enum Item {
    Call { call: Call, shell: bool },
    Source(Language, Vec<u8>),
}

impl Story {
    pub(super) fn of(calls: &[&Call], programs: &dyn Interpret) -> Self {
        let mut story = Self::default();
        let mut left = PROGRAMS;
        for (origin, call) in calls.iter().enumerate() {
            if story.steps.len() < STEPS {
                story.follow(origin, call, &mut left, programs);
            }
        }
        story
    }

    fn follow(&mut self, origin: usize, call: &Call, left: &mut usize, programs: &dyn Interpret) {
        let shell = call.callee.text().is_some();
        let mut pending = vec![(Item::Call { call: call.clone(), shell }, 0_u32)];
        while let Some((item, layer)) = pending.pop() {
            if self.steps.len() >= STEPS || layer > LAYERS {
                return;
            }
            let deeper = layer.saturating_add(1);
            let items: Vec<Item> = match item {
                Item::Call { call, shell: true } => self.command(origin, &call),
                Item::Call { call, shell: false } => self.python(origin, call),
                Item::Source(language, source) => {
                    let Some(rest) = left.checked_sub(1) else { continue };
                    *left = rest;
                    self.source(origin, language, &source, programs)
                }
            };
            pending.extend(items.into_iter().rev().map(|item| (item, deeper)));
        }
    }

    fn push(&mut self, origin: usize, text: String, what: What) {
        self.steps.push(Step { origin, text, what });
    }

    fn command(&mut self, origin: usize, call: &Call) -> Vec<Item> {
        let command = Command::of(call);
        let items = self.items(origin, derived(&command, call));
        self.push(origin, command.text.clone(), What::Command(command));
        items
    }

    fn python(&mut self, origin: usize, call: Call) -> Vec<Item> {
        let mut items = self.items(origin, runs(&call));
        items.extend(given(&call).into_iter().map(|call| Item::Call { call, shell: false }));
        let path = super::argument::origin(&call.callee);
        self.push(origin, shown::call(&call), What::Python(Box::new(call), path));
        items
    }

    fn items(&mut self, origin: usize, runs: Vec<Run>) -> Vec<Item> {
        let mut items = Vec::new();
        for run in runs {
            match run {
                Run::Command(call) => items.push(Item::Call { call, shell: true }),
                Run::Foreign(text) => {
                    self.keep(origin, &text);
                    self.push(origin, shown::cut(&text), What::Foreign(text));
                }
                Run::Source(language, source) => items.push(Item::Source(language, source)),
            }
        }
        items
    }

    fn keep(&mut self, origin: usize, text: &str) {
        let end = text.floor_char_boundary(KEPT);
        self.sources.push((origin, text.get(..end).unwrap_or(text).to_owned()));
    }

    fn source(
        &mut self,
        origin: usize,
        language: Language,
        source: &[u8],
        programs: &dyn Interpret,
    ) -> Vec<Item> {
        self.keep(origin, &String::from_utf8_lossy(source));
        let Some(code) = programs.program(language, source) else { return Vec::new() };
        let Code { calls, names, imports, .. } = code;
        self.names.extend(names.into_iter().map(|name| (origin, name)));
        self.names.extend(imports.iter().map(|name| (origin, name.dotted())));
        let shell = language != Language::Python;
        calls.into_iter().map(|call| Item::Call { call, shell }).collect()
    }
}

/// The Python source that `call` runs, where it is constant; and whether all of it is here.
pub(crate) fn source_of(call: &Call) -> Option<(Vec<u8>, bool)> {
    const RUNNERS: &[&str] = &["compile", "eval", "exec"];
    let Value::Name(name) = &call.callee else { return None };
    if name.module != "builtins" || !RUNNERS.contains(&name.name.as_str()) {
        return None;
    }
    match call.args.first().or_else(|| call.kwargs.first().map(|(_, value)| value))? {
        Value::Text(excerpt) | Value::Bytes(excerpt) => {
            let whole = davy_bytes::to_u64(excerpt.head.len()) == excerpt.len;
            Some((excerpt.head.clone(), whole))
        }
        _ => None,
    }
}
