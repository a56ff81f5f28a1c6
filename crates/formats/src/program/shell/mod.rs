//! Follows a shell script command by command: what it runs, with what, connected how. Variables,
//! substitutions and filters are computed where they are constant; nothing is run.

mod fold;
mod lexer;

use davy_artifact::{Call, Code, Excerpt, Language, Manner, Value, When};
use lexer::{Part, Token};
use std::collections::BTreeMap;

/// Longest text that is looked at, in characters, with everything that it puts together.
const ROOM: usize = 256 << 10;

/// Commands that are followed in one script.
const COMMANDS: usize = 400;

/// Scripts within scripts: substitutions in substitutions.
const DEPTH: u32 = 8;

/// Commands before one in its pipeline that stay connected with it.
const STAGES: u32 = 6;

/// Words that stand before a command without being part of it.
const RESERVED: &[&str] = &[
    "!", "do", "done", "elif", "else", "esac", "fi", "if", "then", "time", "until", "while", "{",
    "}",
];

/// What the shell that `language` names would do with `source`.
pub(super) fn read(language: Language, source: &[u8]) -> Option<Code> {
    let text = String::from_utf8_lossy(source);
    let dialect = match language {
        Language::Batch => lexer::BATCH,
        Language::PowerShell => lexer::POWERSHELL,
        Language::Python => return None,
        Language::Shell if is_of_windows(&text) => lexer::BATCH,
        Language::Shell => lexer::POSIX,
    };
    let mut shell =
        Shell { dialect, calls: Vec::new(), variables: BTreeMap::new(), left: ROOM, unseen: false };
    shell.run(&text, 0);
    let unseen = shell.unseen.then(|| "more commands than are followed".to_owned());
    Some(Code {
        language: language.as_str().to_owned(),
        when: When::Loaded,
        calls: shell.calls,
        unseen: unseen.into_iter().collect(),
        ..Code::default()
    })
}

/// Whether a command line is one of Windows: its own programs, its variables or a path with a drive.
fn is_of_windows(text: &str) -> bool {
    let drive = |part: &[u8]| matches!(part, [letter, b':', b'\\'] if letter.is_ascii_alphabetic());
    let mut marks = text.split('%').skip(1).step_by(2);
    let variable = |name: &str| {
        name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let first = text.trim_start().split([' ', '(']).next().unwrap_or_default().to_ascii_lowercase();
    let name = first.strip_suffix(".exe").unwrap_or(&first);
    let own = matches!(
        name,
        "bitsadmin" | "certutil" | "cmd" | "mshta" | "powershell" | "reg" | "schtasks"
    );
    own || text.as_bytes().windows(3).any(drive) || marks.any(variable)
}

struct Shell {
    dialect: lexer::Dialect,
    calls: Vec<Call>,
    variables: BTreeMap<String, String>,
    left: usize,
    unseen: bool,
}

/// A command that is being put together.
#[derive(Default)]
struct Command {
    words: Vec<Vec<Part>>,
    /// Operators with their targets.
    connected: Vec<(String, Vec<Part>)>,
    here: Option<String>,
}

impl Shell {
    /// Follows `source`; returns what its last command prints.
    fn run(&mut self, source: &str, depth: u32) -> Value {
        let room = self.left.checked_sub(source.len()).filter(|_| depth < DEPTH);
        let Some(left) = room else {
            self.unseen = true;
            return Value::Unknown("more text than is followed");
        };
        self.left = left;
        let (mut command, mut last, mut stage) = (Command::default(), None, 0_u32);
        let mut piped: Option<Value> = None;
        let mut tokens = lexer::cut(source, self.dialect).into_iter();
        while let Some(token) = tokens.next() {
            match token {
                Token::Word(parts) => command.words.push(parts),
                Token::Here(text) => command.here = Some(text),
                Token::Redirect(operator) => {
                    if let Some(Token::Word(target)) = tokens.next() {
                        command.connected.push((operator, target));
                    }
                }
                Token::Pipe => {
                    stage = stage.saturating_add(1);
                    if !command.is_empty() {
                        last = self.command(std::mem::take(&mut command), piped.take(), depth);
                    }
                    piped = last.take();
                    if stage > STAGES && matches!(piped, Some(Value::Call(_))) {
                        piped = Some(Value::Unknown("…"));
                    }
                }
                Token::End => {
                    stage = 0;
                    let piped = piped.take();
                    if !command.is_empty() {
                        last = self.command(std::mem::take(&mut command), piped, depth);
                    }
                }
            }
        }
        if !command.is_empty() {
            last = self.command(command, piped, depth);
        }
        last.unwrap_or(Value::None)
    }

    /// Follows one command; returns what it prints.
    fn command(&mut self, command: Command, piped: Option<Value>, depth: u32) -> Option<Value> {
        let mut words = command.words;
        let reserved = |word: &Vec<Part>| bare(word).is_some_and(|word| RESERVED.contains(&word));
        let first = words.iter().position(|word| !reserved(word)).unwrap_or(words.len());
        words.drain(..first);
        let assigned = words.iter().take_while(|word| assigns(word)).count();
        for word in words.drain(..assigned) {
            self.assign(word, depth);
        }
        if let Some("for" | "select") = words.first().and_then(|word| bare(word)) {
            return self.iterate(words, depth);
        }
        let mut connected = Vec::new();
        for (operator, target) in command.connected {
            let target = self.word(target, depth);
            let here = operator.ends_with("<<<");
            connected.push(if here { ("<<".to_owned(), target) } else { (operator, target) });
        }
        connected.extend(command.here.map(|here| ("<<".to_owned(), text(here))));
        connected.extend(piped.map(|piped| ("|".to_owned(), piped)));
        if words.is_empty() && connected.is_empty() {
            return None;
        }
        let mut fields = Vec::new();
        for word in words {
            fields.extend(self.fields(word, depth));
        }
        let mut fields = fields.into_iter();
        let callee = fields.next().unwrap_or_else(|| text(String::new()));
        let args = fields.collect();
        Some(self.performs(Call { callee, args, kwargs: connected, manner: Manner::Called }))
    }

    /// Keeps a command; returns what it prints.
    fn performs(&mut self, call: Call) -> Value {
        let printed = fold::output(&call).filter(|printed| self.spend(printed.len()));
        if self.calls.len() < COMMANDS {
            self.calls.push(call.clone());
        } else {
            self.unseen = true;
        }
        match printed {
            Some(printed) => Value::Text(Excerpt::whole(printed)),
            None => Value::Call(Box::new(call)),
        }
    }

    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// `NAME=value`, told as `export NAME=value`.
    fn assign(&mut self, word: Vec<Part>, depth: u32) {
        let value = self.word(word, depth);
        if let Some((name, value)) = value.text().and_then(|text| text.split_once('=')) {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        let callee = text("export".to_owned());
        self.performs(Call { callee, args: vec![value], kwargs: vec![], manner: Manner::Called });
    }

    /// `for name in words`.
    fn iterate(&mut self, words: Vec<Vec<Part>>, depth: u32) -> Option<Value> {
        let mut words = words.into_iter().skip(1);
        let name = words.next()?;
        let name = bare(&name)?.to_owned();
        let mut items = Vec::new();
        for word in words.skip(1) {
            items.extend(self.fields(word, depth));
        }
        if let [Value::Text(only)] = items.as_slice()
            && let Some(only) = only.text()
        {
            self.variables.insert(name, only.to_owned());
        }
        let callee = text("for".to_owned());
        Some(self.performs(Call { callee, args: items, kwargs: vec![], manner: Manner::Called }))
    }

    /// The value of a word that is not split.
    fn word(&mut self, word: Vec<Part>, depth: u32) -> Value {
        let mut fields = self.fields(word, depth).into_iter();
        match (fields.next(), fields.len()) {
            (Some(only), 0) => only,
            (Some(first), _) => Value::Tuple(std::iter::once(first).chain(fields).collect()),
            (None, _) => text(String::new()),
        }
    }

    /// The fields that a word becomes.
    fn fields(&mut self, word: Vec<Part>, depth: u32) -> Vec<Value> {
        if let Some(inner) = braces(&word) {
            return inner.split(',').map(|word| text(word.to_owned())).collect();
        }
        let mut fields = Fields::default();
        for part in word {
            match part {
                Part::Text { text, .. } => fields.push(&text),
                Part::Variable { name, default, bare } => match self.value(&name, default) {
                    Some(value) if self.spend(value.len()) => fields.insert(&value, bare),
                    _ => fields.push(&format!("${name}")),
                },
                Part::Process { source } => {
                    let value = self.run(&source, depth.saturating_add(1));
                    fields.piece(value);
                }
                Part::Output { source, bare } => {
                    let value = self.run(&source, depth.saturating_add(1));
                    match value.text().map(|text| text.trim_end_matches('\n').to_owned()) {
                        Some(text) => fields.insert(&text, bare),
                        None => fields.piece(value),
                    }
                }
            }
        }
        fields.finish()
    }

    fn value(&self, name: &str, default: Option<String>) -> Option<String> {
        match self.variables.get(name) {
            Some(value) => Some(value.clone()),
            None if name == "IFS" => Some(" ".to_owned()),
            // Positional parameters that nothing sets, as in `c${9}url`.
            None if matches!(name, "@" | "*") || name.parse().is_ok_and(|at: u32| at > 0) => {
                Some(default.unwrap_or_default())
            }
            None => default,
        }
    }
}

impl Command {
    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.connected.is_empty() && self.here.is_none()
    }
}

/// Fields in the making.
#[derive(Default)]
struct Fields {
    done: Vec<Value>,
    pieces: Vec<Value>,
    text: Option<String>,
}

impl Fields {
    fn push(&mut self, more: &str) {
        self.text.get_or_insert_default().push_str(more);
    }

    /// Adds a computed text, which is split at blanks where no quotes protect it.
    fn insert(&mut self, more: &str, bare: bool) {
        if !bare {
            return self.push(more);
        }
        let mut words = more.split(|c: char| c.is_ascii_whitespace()).peekable();
        while let Some(word) = words.next() {
            if !word.is_empty() {
                self.push(word);
            }
            if words.peek().is_some() {
                self.end();
            }
        }
    }

    fn piece(&mut self, value: Value) {
        let before = self.text.take().filter(|text| !text.is_empty());
        self.pieces.extend(before.map(text));
        self.pieces.push(value);
    }

    fn end(&mut self) {
        let rest = self.text.take().filter(|text| self.pieces.is_empty() || !text.is_empty());
        self.pieces.extend(rest.map(text));
        let mut pieces = std::mem::take(&mut self.pieces);
        match (pieces.pop(), pieces.is_empty()) {
            (None, _) => {}
            (Some(only), true) => self.done.push(only),
            (Some(last), false) => {
                pieces.push(last);
                self.done.push(Value::Tuple(pieces));
            }
        }
    }

    fn finish(mut self) -> Vec<Value> {
        self.end();
        self.done
    }
}

fn text(text: String) -> Value {
    Value::Text(Excerpt::whole(text))
}

/// A word that is nothing but unprotected text.
fn bare(word: &[Part]) -> Option<&str> {
    match word {
        [Part::Text { text, bare: true }] => Some(text),
        _ => None,
    }
}

/// Whether a word is `NAME=…`.
fn assigns(word: &[Part]) -> bool {
    let Some(Part::Text { text, bare: true }) = word.first() else { return false };
    let Some((name, _)) = text.split_once('=') else { return false };
    let letter = |c: char| c == '_' || c.is_ascii_alphanumeric();
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(letter)
}

/// What stands in `{a,b}`.
fn braces(word: &[Part]) -> Option<&str> {
    let inner = bare(word)?.strip_prefix('{')?.strip_suffix('}')?;
    (inner.contains(',') && !inner.contains('{')).then_some(inner)
}

#[cfg(test)]
mod tests;
