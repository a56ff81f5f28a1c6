//! Cuts YAML into tokens, with the same tokens and the same faults as PyYAML's scanner (YAML 1.1,
//! chapters 4 to 9): which of two readings of odd indentation a loader takes decides what it calls.
//!
//! A key may stand before its `:` is seen, so that tokens wait until it is known whether one of them
//! starts a key. Keys end within 1024 characters and on their line, which bounds the wait.

use super::chars::{Reader, is_blank, is_break};
use super::scalar;
use davy_bytes::{Halt, to_u64};
use std::collections::VecDeque;

/// Characters that a key without `?` may have up to its `:` (YAML 1.1, section 9.3.1).
const KEY: usize = 1024;

/// What a token is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Alias(String),
    Anchor(String),
    BlockEnd,
    BlockEntry,
    BlockMappingStart,
    BlockSequenceStart,
    /// `%YAML` with its major version, or another directive that says nothing here.
    Directive(Directive),
    DocumentEnd,
    DocumentStart,
    FlowEntry,
    FlowMappingEnd,
    FlowMappingStart,
    FlowSequenceEnd,
    FlowSequenceStart,
    Key,
    Scalar {
        text: String,
        plain: bool,
    },
    StreamEnd,
    /// Handle, where there is one, and suffix.
    Tag(Option<String>, String),
    Value,
}

/// A line that starts with `%`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Directive {
    Other,
    Tag(String, String),
    /// Whether the major version is 1.
    Version(bool),
}

/// A token, and the bytes that it stands on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A place where a key may have started.
struct Candidate {
    level: i64,
    /// Number of the token that would come behind the key's mark.
    number: u64,
    required: bool,
    index: usize,
    line: usize,
    column: i64,
    at: usize,
}

/// The scanner, at some place of its text.
pub(super) struct Scanner<'t> {
    pub(super) chars: Reader<'t>,
    /// Brackets and braces that are open.
    flow: i64,
    indent: i64,
    indents: Vec<i64>,
    /// Whether a key may start here.
    pub(super) keyable: bool,
    candidates: VecDeque<Candidate>,
    tokens: VecDeque<Token>,
    taken: u64,
    done: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            chars: Reader::new(text),
            flow: 0,
            indent: -1,
            indents: Vec::new(),
            keyable: true,
            candidates: VecDeque::new(),
            tokens: VecDeque::new(),
            taken: 0,
            done: false,
        }
    }

    /// The next token.
    pub(super) fn peek(&mut self) -> Result<&Token, Halt> {
        while self.needs_more()? {
            self.fetch()?;
        }
        let end = self.chars.at;
        self.tokens.front().ok_or_else(|| fault(end, "nothing behind the end"))
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token, Halt> {
        self.peek()?;
        self.taken = self.taken.saturating_add(1);
        self.tokens.pop_front().ok_or_else(|| fault(self.chars.at, "nothing behind the end"))
    }

    pub(super) fn in_flow(&self) -> bool {
        self.flow != 0
    }

    pub(super) fn block_indent(&self) -> i64 {
        self.indent
    }

    fn needs_more(&mut self) -> Result<bool, Halt> {
        if self.done {
            return Ok(false);
        }
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.drop_stale()?;
        Ok(self.candidates.front().is_some_and(|key| key.number == self.taken))
    }

    /// Forgets keys that would be too long by now. The oldest one is always the first to be.
    fn drop_stale(&mut self) -> Result<(), Halt> {
        let (line, index) = (self.chars.line, self.chars.index);
        let stale = |key: &Candidate| key.line != line || index.saturating_sub(key.index) > KEY;
        while let Some(key) = self.candidates.front().filter(|key| stale(key)) {
            if key.required {
                return Err(fault(key.at, "a key without its `:`"));
            }
            self.candidates.pop_front();
        }
        Ok(())
    }

    fn save_candidate(&mut self) -> Result<(), Halt> {
        let required = self.flow == 0 && self.indent == self.chars.column;
        if !self.keyable {
            return Ok(());
        }
        self.forget_candidate()?;
        self.candidates.push_back(Candidate {
            level: self.flow,
            number: self.taken.saturating_add(to_u64(self.tokens.len())),
            required,
            index: self.chars.index,
            line: self.chars.line,
            column: self.chars.column,
            at: self.chars.at,
        });
        Ok(())
    }

    fn forget_candidate(&mut self) -> Result<(), Halt> {
        if let Some(key) = self.candidates.back().filter(|key| key.level == self.flow) {
            if key.required {
                return Err(fault(key.at, "a key without its `:`"));
            }
            self.candidates.pop_back();
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push_back(Token { kind, start, end: self.chars.at });
    }

    /// Ends the blocks that are indented more than `column`.
    fn unwind(&mut self, column: i64) {
        if self.flow != 0 {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push(Kind::BlockEnd, self.chars.at);
        }
    }

    /// Whether a block starts at `column`, which then is the indentation.
    fn deepen(&mut self, column: i64) -> bool {
        let deeper = self.indent < column;
        if deeper {
            self.indents.push(self.indent);
            self.indent = column;
        }
        deeper
    }

    fn fetch(&mut self) -> Result<(), Halt> {
        self.skip_to_token();
        self.drop_stale()?;
        self.unwind(self.chars.column);
        let start = self.chars.at;
        let (first, second) = (self.chars.peek(), self.chars.second());
        match first {
            '\0' => self.end_stream(),
            '%' if self.chars.column == 0 => {
                self.outside()?;
                let directive = scalar::directive(&mut self.chars)?;
                self.push(Kind::Directive(directive), start);
                Ok(())
            }
            '-' | '.' if self.chars.column == 0 && self.chars.at_separator() => {
                self.outside()?;
                self.chars.forward(3);
                self.push(
                    if first == '-' { Kind::DocumentStart } else { Kind::DocumentEnd },
                    start,
                );
                Ok(())
            }
            '[' => self.open(Kind::FlowSequenceStart),
            '{' => self.open(Kind::FlowMappingStart),
            ']' => self.close(Kind::FlowSequenceEnd),
            '}' => self.close(Kind::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if is_blank(second) => self.block_entry(),
            '?' if self.flow != 0 || is_blank(second) => self.key(),
            ':' if self.flow != 0 || is_blank(second) => self.value(),
            '*' | '&' => self.mark(first),
            '!' => {
                self.save_candidate()?;
                self.keyable = false;
                let (handle, suffix) = scalar::tag(&mut self.chars)?;
                self.push(Kind::Tag(handle, suffix), start);
                Ok(())
            }
            '|' | '>' if self.flow == 0 => {
                self.keyable = true;
                self.forget_candidate()?;
                let text = scalar::block(&mut self.chars, self.indent, first == '>')?;
                self.push(Kind::Scalar { text, plain: false }, start);
                Ok(())
            }
            '\'' | '"' => {
                self.save_candidate()?;
                self.keyable = false;
                let text = scalar::quoted(&mut self.chars)?;
                self.push(Kind::Scalar { text, plain: false }, start);
                Ok(())
            }
            _ if self.starts_plain(first, second) => {
                self.save_candidate()?;
                self.keyable = false;
                let (text, end) = scalar::plain(self);
                self.tokens.push_back(Token {
                    kind: Kind::Scalar { text, plain: true },
                    start,
                    end,
                });
                Ok(())
            }
            _ => Err(fault(start, "a character that starts nothing")),
        }
    }

    fn starts_plain(&self, first: char, second: char) -> bool {
        let indicates = is_blank(first) || "-?:,[]{}#&*!|>'\"%@`".contains(first);
        !indicates || !is_blank(second) && (first == '-' || self.flow == 0 && "?:".contains(first))
    }

    fn skip_to_token(&mut self) {
        if self.chars.index == 0 && self.chars.peek() == '\u{feff}' {
            self.chars.forward(1);
        }
        loop {
            self.chars.skip(|c| c == ' ');
            if self.chars.peek() == '#' {
                self.chars.skip(|c| !is_break(c));
            }
            if self.chars.line_break().is_none() {
                return;
            }
            if self.flow == 0 {
                self.keyable = true;
            }
        }
    }

    fn end_stream(&mut self) -> Result<(), Halt> {
        self.unwind(-1);
        self.forget_candidate()?;
        self.keyable = false;
        self.candidates.clear();
        self.push(Kind::StreamEnd, self.chars.at);
        self.done = true;
        Ok(())
    }

    /// What stands between documents ends everything in them.
    fn outside(&mut self) -> Result<(), Halt> {
        self.unwind(-1);
        self.forget_candidate()?;
        self.keyable = false;
        Ok(())
    }

    fn one(&mut self, kind: Kind) {
        let start = self.chars.at;
        self.chars.forward(1);
        self.push(kind, start);
    }

    fn open(&mut self, kind: Kind) -> Result<(), Halt> {
        self.save_candidate()?;
        self.flow = self.flow.saturating_add(1);
        self.keyable = true;
        self.one(kind);
        Ok(())
    }

    fn close(&mut self, kind: Kind) -> Result<(), Halt> {
        self.forget_candidate()?;
        self.flow = self.flow.saturating_sub(1);
        self.keyable = false;
        self.one(kind);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), Halt> {
        self.keyable = true;
        self.forget_candidate()?;
        self.one(Kind::FlowEntry);
        Ok(())
    }

    /// A block collection starts here, if it is indented more than the one around it.
    fn start_block(&mut self, kind: Kind, what: &'static str) -> Result<(), Halt> {
        if self.flow != 0 {
            return Ok(());
        }
        if !self.keyable {
            return Err(fault(self.chars.at, what));
        }
        if self.deepen(self.chars.column) {
            self.push(kind, self.chars.at);
        }
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Halt> {
        self.start_block(Kind::BlockSequenceStart, "an entry of a sequence where none may stand")?;
        self.keyable = true;
        self.forget_candidate()?;
        self.one(Kind::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Halt> {
        self.start_block(Kind::BlockMappingStart, "a key where none may stand")?;
        self.keyable = self.flow == 0;
        self.forget_candidate()?;
        self.one(Kind::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Halt> {
        let fits = self.candidates.back().is_some_and(|key| key.level == self.flow);
        if let Some(key) = self.candidates.pop_back_if(|_| fits) {
            let place = usize::try_from(key.number.saturating_sub(self.taken)).unwrap_or(0);
            let place = place.min(self.tokens.len());
            let token = |kind| Token { kind, start: key.at, end: key.at };
            self.tokens.insert(place, token(Kind::Key));
            if self.flow == 0 && self.deepen(key.column) {
                self.tokens.insert(place, token(Kind::BlockMappingStart));
            }
            self.keyable = false;
        } else {
            self.start_block(Kind::BlockMappingStart, "a value where none may stand")?;
            self.keyable = self.flow == 0;
            self.forget_candidate()?;
        }
        self.one(Kind::Value);
        Ok(())
    }

    /// An anchor or alias.
    fn mark(&mut self, first: char) -> Result<(), Halt> {
        self.save_candidate()?;
        self.keyable = false;
        let start = self.chars.at;
        let name = scalar::anchor(&mut self.chars)?;
        self.push(if first == '*' { Kind::Alias(name) } else { Kind::Anchor(name) }, start);
        Ok(())
    }
}

/// A fault at a byte.
pub(super) fn fault(at: usize, what: &'static str) -> Halt {
    Halt::malformed(to_u64(at), what)
}
