//! Templates of Go (`text/template`), as Ollama renders them around each prompt (Ollama,
//! `template/template.go`).
//!
//! Such a template reaches nothing but what it is given, so it runs no code; what it can do is to tell
//! the model something else under a condition, and to never end.

use crate::text::{is_text, whole};
use davy_artifact::{
    Code, Excerpt, Fact, Format, Input, Probe, Quirk, Reading, Route, Site, Value, When,
};
use davy_bytes::{Budget, Halt, Span, to_u64};
use std::collections::BTreeSet;

/// The longest template that is read.
const LONGEST: u64 = 16 << 20;

/// Bytes of a template that facts show, and of what is put out under one condition.
const LISTING: usize = 16 * 1024;
const OUTPUT: usize = 4096;

/// Conditions, texts and names that are kept.
const KEPT: usize = 1000;

/// Actions at the start of a file that are looked at to tell what it is.
const LOOKED_AT: usize = 64;

/// A count or width beyond what a prompt needs.
const MOST: i64 = 100_000;

/// Fields that hold what somebody wrote.
const CONTENTS: &[&str] = &["Content", "Prompt"];

/// Functions of Ollama that tell the date.
const DATES: &[&str] = &["currentDate", "yesterdayDate"];

/// The reader of Go templates.
#[derive(Debug)]
pub struct GoTemplate;

impl Format for GoTemplate {
    fn id(&self) -> &'static str {
        "go-template"
    }

    fn summary(&self) -> &'static str {
        "templates of Go, such as the prompts of Ollama"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        // A Modelfile has its template inside, which becomes an artifact of its own.
        if super::Modelfile.probe(head, input) != Probe::No {
            return Probe::No;
        }
        let named = [".gotmpl", ".tmpl"].iter().any(|end| input.name.ends_with(end));
        match is_template(head) {
            true => Probe::Certain,
            false if named && is_text(head) => Probe::Possible,
            false => Probe::No,
        }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let source = whole(input, LONGEST, "a template longer than any in use", budget)?;
        let mut follower = Follower { source: &source, ..Follower::default() };
        let result = follower.run(reading);
        follower.record(reading);
        reading.seamless = result.is_ok();
        result
    }
}

/// Whether `head` is text with actions that Go's templates have, and Jinja's cannot.
pub(crate) fn is_template(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head)
        .or_else(|error| std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()))
    else {
        return false;
    };
    if !is_text(head) || text.contains("{%") {
        return false;
    }
    let actions = text.split("{{").skip(1).take(LOOKED_AT);
    let mut bodies = actions.map(|action| {
        let action = action.strip_prefix('-').unwrap_or(action);
        action.trim_start()
    });
    bodies.any(|body| {
        let word = body.split(|c: char| c.is_whitespace() || c == '}' || c == '-').next();
        let field = |c: Option<char>| c.is_some_and(|c| c.is_ascii_uppercase());
        match word.unwrap_or_default() {
            "if" | "range" | "with" | "end" | "define" | "template" | "block" => true,
            "else" => true,
            word if word.starts_with("/*") => true,
            word if word.starts_with('$') => true,
            word => word.strip_prefix('.').is_some_and(|rest| field(rest.chars().next())),
        }
    })
}

/// A part of an action.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(i64),
    Text(String),
    /// A name with the dots and the `$` that belong to it.
    Word(String),
    Sign(char),
}

/// An action that is open until its `end`, with the words that its condition waits for.
#[derive(Debug, Default)]
struct Open {
    input: &'static str,
    constants: Vec<String>,
    output: String,
    at: usize,
}

/// What was learned so far.
#[derive(Debug, Default)]
struct Follower<'s> {
    source: &'s str,
    open: Vec<Open>,
    closed: Vec<Open>,
    names: BTreeSet<String>,
    texts: Vec<String>,
    /// Variables that hold what somebody wrote.
    contents: BTreeSet<String>,
}

impl Follower<'_> {
    fn run(&mut self, reading: &mut Reading) -> Result<(), Halt> {
        let mut at = 0_usize;
        while let Some(rest) = self.source.get(at..).filter(|rest| !rest.is_empty()) {
            let start = rest.find("{{").unwrap_or(rest.len());
            self.put_out(rest.get(..start).unwrap_or_default());
            let Some(inside) = rest.get(start.saturating_add(2)..) else { break };
            let begin = at.saturating_add(start).saturating_add(2);
            let Some((tokens, len)) = tokens(inside) else {
                return Err(Halt::malformed(to_u64(begin), "an action that does not end"));
            };
            self.action(&tokens, begin, reading);
            at = begin.saturating_add(len);
        }
        while let Some(open) = self.open.pop() {
            self.close(open);
        }
        Ok(())
    }

    fn action(&mut self, tokens: &[Token], at: usize, reading: &mut Reading) {
        self.excess(tokens, at, reading);
        for token in tokens {
            match token {
                Token::Word(word) if self.names.len() < KEPT => {
                    self.names.insert(word.trim_start_matches(['.', '$']).to_owned());
                }
                Token::Text(text) if self.texts.len() < KEPT => self.texts.push(text.clone()),
                _ => {}
            }
        }
        let Some(Token::Word(first)) = tokens.first() else {
            return self.shown(tokens);
        };
        let rest = tokens.get(1..).unwrap_or_default();
        match first.as_str() {
            "if" | "with" | "range" | "block" | "define" => self.enter(rest, at),
            "else" => {
                if let Some(open) = self.open.pop() {
                    let (input, constants) = (open.input, open.constants.clone());
                    self.close(open);
                    let condition = rest.get(1..).unwrap_or_default();
                    self.enter(condition, at);
                    // What stands under `else` is put out unless the words are there: as much a
                    // condition, but one that nearly always holds.
                    if let Some(open) = self.open.last_mut().filter(|_| !rest.is_empty())
                        && open.constants.is_empty()
                    {
                        (open.input, open.constants) = (input, constants);
                    }
                }
            }
            "end" => {
                if let Some(open) = self.open.pop() {
                    self.close(open);
                }
            }
            name if name.starts_with('$') && rest.contains(&Token::Sign('=')) => {
                if self.about(rest) == "the content of a message" {
                    self.contents.insert(name.to_owned());
                }
            }
            _ => self.shown(tokens),
        }
    }

    /// Text constants that an action puts out.
    fn shown(&mut self, tokens: &[Token]) {
        for token in tokens {
            if let Token::Text(text) = token {
                self.put_out(text);
            }
        }
    }

    fn enter(&mut self, condition: &[Token], at: usize) {
        let input = self.about(condition);
        let mut constants = Vec::new();
        if !input.is_empty() {
            constants.extend(condition.iter().filter_map(|token| match token {
                Token::Text(text) => Some(text.clone()),
                _ => None,
            }));
        }
        self.open.push(Open { input, constants, output: String::new(), at });
    }

    /// What an expression is about, of what templates should not ask for.
    fn about(&self, expression: &[Token]) -> &'static str {
        let words = || {
            expression.iter().filter_map(|token| match token {
                Token::Word(word) => Some(word.as_str()),
                _ => None,
            })
        };
        let content = |word: &str| {
            let last = word.rsplit('.').next().unwrap_or_default();
            let root = word.split('.').next().unwrap_or_default();
            word.contains('.') && CONTENTS.contains(&last) || self.contents.contains(root)
        };
        if words().any(content) {
            "the content of a message"
        } else if words().any(|word| DATES.contains(&word)) {
            "the date"
        } else {
            ""
        }
    }

    fn put_out(&mut self, text: &str) {
        if !text.trim().is_empty() && self.texts.len() < KEPT {
            self.texts.push(text.to_owned());
        }
        for open in self.open.iter_mut().filter(|open| !open.constants.is_empty()) {
            let room = OUTPUT.saturating_sub(open.output.len());
            open.output.extend(text.chars().take(room));
        }
    }

    fn close(&mut self, open: Open) {
        let tells = !open.constants.is_empty() && !open.output.trim().is_empty();
        if tells && self.closed.len() < KEPT {
            self.closed.push(open);
        }
    }

    /// Loops over numbers, and widths of formats, that no prompt needs.
    fn excess(&self, tokens: &[Token], at: usize, reading: &mut Reading) {
        let loops = tokens.first() == Some(&Token::Word("range".to_owned()));
        let what = tokens.iter().find_map(|token| match token {
            Token::Number(number) if loops && *number > MOST => {
                Some(format!("a loop over {number} numbers"))
            }
            Token::Text(text) => width(text).map(|width| format!("a text made {width} wide")),
            _ => None,
        });
        let prints = || tokens.iter().any(|token| *token == Token::Word("printf".to_owned()));
        if let Some(what) = what.filter(|_| loops || prints()) {
            reading.deviation(Quirk::Expansion, Span::new(to_u64(at), 0), self.line(at), &what);
        }
    }

    fn line(&self, at: usize) -> Route {
        let before = self.source.as_bytes().get(..at).unwrap_or_default();
        let breaks = before.iter().filter(|byte| **byte == b'\n').count();
        Route::Line(to_u64(breaks).saturating_add(1))
    }

    fn record(self, reading: &mut Reading) {
        let lines: Vec<Route> = self.closed.iter().map(|open| self.line(open.at)).collect();
        let shown = self.source.char_indices().nth(LISTING).map_or(self.source.len(), |it| it.0);
        let code = Code {
            language: "Go template".to_owned(),
            when: When::Used,
            names: self.names.into_iter().collect(),
            texts: self
                .texts
                .iter()
                .map(|text| Value::Text(Excerpt::whole(text.as_bytes())))
                .collect(),
            listing: self.source.get(..shown).unwrap_or_default().to_owned(),
            ..Code::default()
        };
        let site = Site { span: Span::new(0, to_u64(self.source.len())), route: Route::None };
        reading.fact(Fact::Code { code: Box::new(code), site });
        for (open, route) in self.closed.into_iter().zip(lines) {
            let Open { input, constants, output, at } = open;
            let output = output.trim().to_owned();
            let site = Site { span: Span::new(to_u64(at), 0), route };
            reading.fact(Fact::Branch { input, test: "eq".to_owned(), constants, output, site });
        }
    }
}

/// The tokens of an action, and how many bytes it has with the braces behind it.
fn tokens(source: &str) -> Option<(Vec<Token>, usize)> {
    let mut tokens = Vec::new();
    let mut at = 0_usize;
    loop {
        let rest = source.get(at..)?;
        let first = rest.chars().next()?;
        let (token, len) = match first {
            '}' if rest.starts_with("}}") => return Some((tokens, at.saturating_add(2))),
            '/' if rest.starts_with("/*") => (None, rest.find("*/")?.saturating_add(2)),
            '"' | '\'' => {
                let (text, len) = quoted(rest, first)?;
                (Some(Token::Text(text)), len)
            }
            '`' => {
                let len = rest.get(1..)?.find('`')?;
                let text = rest.get(1..len.saturating_add(1))?.to_owned();
                (Some(Token::Text(text)), len.saturating_add(2))
            }
            first if first.is_alphanumeric() || "._$".contains(first) => {
                let word = |c: char| !(c.is_alphanumeric() || "._$".contains(c));
                let len = rest.find(word).unwrap_or(rest.len());
                (Some(named(rest.get(..len)?)), len)
            }
            first if first.is_whitespace() || first == '-' => (None, first.len_utf8()),
            first => (Some(Token::Sign(first)), first.len_utf8()),
        };
        tokens.extend(token);
        at = at.saturating_add(len);
    }
}

fn named(word: &str) -> Token {
    let digits = word.replace('_', "");
    match digits.parse::<f64>() {
        Ok(_) if digits.starts_with(|c: char| c.is_ascii_digit()) => {
            Token::Number(digits.parse().unwrap_or(i64::MAX))
        }
        _ => Token::Word(word.to_owned()),
    }
}

/// A text with escapes, and its length with both quotes.
fn quoted(source: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = source.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'x' => text.extend(code(&mut chars, 2)),
                'u' => text.extend(code(&mut chars, 4)),
                'U' => text.extend(code(&mut chars, 8)),
                other => text.push(other),
            },
            c if c == quote => return Some((text, at.saturating_add(1))),
            c => text.push(c),
        }
    }
    None
}

/// The character whose number stands in so many hexadecimal digits.
fn code(chars: &mut impl Iterator<Item = (usize, char)>, digits: usize) -> Option<char> {
    let digits: String = chars.take(digits).map(|(_, c)| c).collect();
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}

/// A width in a format of `printf` that is more than anybody prints.
fn width(format: &str) -> Option<i64> {
    format.split('%').skip(1).find_map(|verb| {
        let digits: String = verb
            .trim_start_matches(['-', '+', '#', ' ', '0', '.'])
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<i64>().ok().filter(|width| *width > MOST)
    })
}
