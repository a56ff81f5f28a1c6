//! A template cut into text and tags, and tags into tokens, as Jinja's lexer does it.

use davy_bytes::{Halt, to_u64};

/// What stands in a tag.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or keyword.
    Name(String),
    /// A text constant, its escapes resolved.
    Text(String),
    /// A whole number; those that do not fit are the largest.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// An operator or bracket.
    Operator(&'static str),
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// Offset of its first byte.
    pub(super) at: u64,
    /// What it is.
    pub(super) kind: Kind,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Text that is put out as it is.
    Data(String),
    /// `{{ … }}`
    Output(Vec<Token>),
    /// `{% … %}`
    Statement(Vec<Token>),
}

/// A part and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    /// Offset of its first byte.
    pub(super) at: u64,
    /// Length in bytes.
    pub(super) len: u64,
    /// What it is.
    pub(super) part: Part,
}

/// Operators, longest first.
const OPERATORS: &[&str] = &[
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    "<", ">", "=", ".", ":", "|", ",", ";",
];

/// Cuts a template into its parts.
///
/// # Errors
/// [`Halt::malformed`] where a tag does not end or holds what is no token.
pub(super) fn split(source: &str) -> Result<Vec<Piece>, Halt> {
    let mut lexer = Lexer { source, at: 0, pieces: Vec::new() };
    while lexer.at < source.len() {
        lexer.piece()?;
    }
    Ok(lexer.pieces)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    pieces: Vec<Piece>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn fault(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Halt {
        Halt::malformed(to_u64(self.at), what)
    }

    fn push(&mut self, start: usize, part: Part) {
        let len = to_u64(self.at.saturating_sub(start));
        self.pieces.push(Piece { at: to_u64(start), len, part });
    }

    fn piece(&mut self) -> Result<(), Halt> {
        let start = self.at;
        let rest = self.rest();
        let tag = rest.match_indices('{').map(|(at, _)| at).find(|at| {
            let next = rest.get(at.saturating_add(1)..).unwrap_or_default();
            next.starts_with(['{', '%', '#'])
        });
        let data = tag.unwrap_or(rest.len());
        if data > 0 {
            self.advance(data);
            self.push(start, Part::Data(rest.get(..data).unwrap_or_default().to_owned()));
            return Ok(());
        }
        let kind = rest.as_bytes().get(1).copied();
        self.advance(2);
        match kind {
            Some(b'#') => self.skip_to("#}", "comment"),
            Some(b'%') if self.raw(start)? => Ok(()),
            kind => self.tag(start, kind == Some(b'{')),
        }
    }

    fn skip_to(&mut self, end: &str, what: &str) -> Result<(), Halt> {
        match self.rest().find(end) {
            Some(found) => {
                self.advance(found.saturating_add(end.len()));
                Ok(())
            }
            None => Err(self.fault(format!("a {what} that does not end"))),
        }
    }

    /// `{% raw %} … {% endraw %}`: what stands in it is text.
    fn raw(&mut self, start: usize) -> Result<bool, Halt> {
        let Some(length) = word_tag(self.rest(), "raw") else { return Ok(false) };
        let (mut at, text) = (length, self.rest());
        let found = loop {
            let Some(next) = text.get(at..).and_then(|rest| rest.find("{%")) else {
                return Err(self.fault("a raw block that does not end"));
            };
            let tag = at.saturating_add(next);
            at = tag.saturating_add(2);
            if let Some(end) = text.get(at..).and_then(|rest| word_tag(rest, "endraw")) {
                break (tag, at.saturating_add(end));
            }
        };
        let data = text.get(length..found.0).unwrap_or_default().to_owned();
        self.advance(found.1);
        self.push(start, Part::Data(data));
        Ok(true)
    }

    /// The tokens up to the end of the tag; brackets that are open keep it from ending.
    fn tag(&mut self, start: usize, output: bool) -> Result<(), Halt> {
        let end = if output { "}}" } else { "%}" };
        if self.rest().starts_with(['-', '+']) {
            self.advance(1);
        }
        let (mut tokens, mut open) = (Vec::new(), 0_usize);
        loop {
            let blank = self.rest().len().saturating_sub(self.rest().trim_start().len());
            self.advance(blank);
            let rest = self.rest();
            let behind = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if open == 0 && behind.starts_with(end) {
                self.advance(rest.len().saturating_sub(behind.len()).saturating_add(2));
                break;
            }
            let token = self.token()?;
            match token.kind {
                Kind::Operator("(" | "[" | "{") => open = open.saturating_add(1),
                Kind::Operator(")" | "]" | "}") => open = open.saturating_sub(1),
                _ => {}
            }
            tokens.push(token);
        }
        let part = if output { Part::Output(tokens) } else { Part::Statement(tokens) };
        self.push(start, part);
        Ok(())
    }

    fn token(&mut self) -> Result<Token, Halt> {
        let (at, rest) = (to_u64(self.at), self.rest());
        let Some(first) = rest.chars().next() else {
            return Err(self.fault("a tag that does not end"));
        };
        let kind = match first {
            '"' | '\'' => self.text(first)?,
            '0'..='9' => self.number(),
            c if c == '_' || c.is_alphabetic() => {
                let part = |c: char| c == '_' || c.is_alphanumeric();
                let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
                self.advance(length);
                Kind::Name(rest.get(..length).unwrap_or_default().to_owned())
            }
            _ => {
                let found = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
                let Some(operator) = found else {
                    return Err(self.fault(format!("the character {first:?} in a tag")));
                };
                self.advance(operator.len());
                Kind::Operator(operator)
            }
        };
        Ok(Token { at, kind })
    }

    fn text(&mut self, quote: char) -> Result<Kind, Halt> {
        let mut skip = false;
        let inside = self.rest().get(1..).unwrap_or_default();
        let end = inside.char_indices().find(|(_, c)| {
            let ends = !skip && *c == quote;
            skip = !skip && *c == '\\';
            ends
        });
        let Some((end, _)) = end else { return Err(self.fault("a text that does not end")) };
        self.advance(end.saturating_add(2));
        Ok(Kind::Text(unescape(inside.get(..end).unwrap_or_default())))
    }

    fn number(&mut self) -> Kind {
        let rest = self.rest();
        let prefix = rest.get(..2).unwrap_or_default().to_ascii_lowercase();
        let radix = match prefix.as_str() {
            "0x" => 16,
            "0o" => 8,
            "0b" => 2,
            _ => 10,
        };
        let (skip, digits) = if radix == 10 { (0, rest) } else { (2, rest.get(2..).unwrap_or("")) };
        let is_digit = |c: char| c.is_digit(radix) || c == '_';
        let mut length = digits.find(|c| !is_digit(c)).unwrap_or(digits.len());
        let whole = digits.get(..length).unwrap_or_default().replace('_', "");
        if radix == 10
            && let Some(fraction) = fraction(digits, length)
        {
            length = fraction;
            let text = digits.get(..length).unwrap_or_default().replace('_', "");
            self.advance(length);
            return Kind::Float(text.parse().unwrap_or(f64::NAN));
        }
        self.advance(length.saturating_add(skip));
        Kind::Int(i64::from_str_radix(&whole, radix).unwrap_or(i64::MAX))
    }
}

/// The length of a number with a fraction or exponent, if it has one behind its whole part.
fn fraction(digits: &str, whole: usize) -> Option<usize> {
    let count = |from: usize| {
        let rest = digits.get(from..).unwrap_or_default();
        rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
    };
    let mut length = whole;
    if digits.get(whole..)?.starts_with('.') && count(whole.saturating_add(1)) > 0 {
        length = whole.saturating_add(1).saturating_add(count(whole.saturating_add(1)));
    }
    let exponent = digits.get(length..)?;
    if exponent.starts_with(['e', 'E']) {
        let sign = usize::from(exponent.get(1..)?.starts_with(['+', '-']));
        let from = length.saturating_add(1).saturating_add(sign);
        if count(from) > 0 {
            length = from.saturating_add(count(from));
        }
    }
    (length > whole).then_some(length)
}

/// The length of the rest of a tag that holds nothing but `word`.
fn word_tag(rest: &str, word: &str) -> Option<usize> {
    let inner = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start();
    let behind = inner.strip_prefix(word)?.trim_start();
    let behind = behind.strip_prefix(['-', '+']).unwrap_or(behind).strip_prefix("%}")?;
    Some(rest.len().saturating_sub(behind.len()))
}

/// Resolves escapes as Python's `unicode-escape` codec does, which Jinja uses.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.push_str(before);
        let mut letters = behind.chars();
        let letter = letters.next();
        rest = letters.as_str();
        let simple = match letter {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('a') => '\x07',
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('v') => '\x0b',
            Some('\\') => '\\',
            Some('\'') => '\'',
            Some('"') => '"',
            Some('\n') | None => continue,
            Some(letter) => {
                rest = numeric(letter, rest, &mut out);
                continue;
            }
        };
        out.push(simple);
    }
    out.push_str(rest);
    out
}

/// An escape by number, of which `letter` was taken off; what is none stays as it is.
fn numeric<'a>(letter: char, rest: &'a str, out: &mut String) -> &'a str {
    let (radix, longest, exact, digits) = match letter {
        'x' => (16, 2, true, rest),
        'u' => (16, 4, true, rest),
        'U' => (16, 8, true, rest),
        '0'..='7' => (8, 2, false, rest),
        _ => {
            out.extend(['\\', letter]);
            return rest;
        }
    };
    let count = digits.chars().take(longest).take_while(|c| c.is_digit(radix)).count();
    let number = digits.get(..count).unwrap_or_default();
    let number = if exact { number.to_owned() } else { format!("{letter}{number}") };
    let found = u32::from_str_radix(&number, radix).ok().and_then(char::from_u32);
    match found.filter(|_| !exact || count == longest) {
        Some(c) => {
            out.push(c);
            digits.get(count..).unwrap_or_default()
        }
        None => {
            out.extend(['\\', letter]);
            rest
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<Kind> {
        let pieces = split(source).unwrap();
        let tokens = pieces.into_iter().flat_map(|piece| match piece.part {
            Part::Data(text) => vec![Token { at: 0, kind: Kind::Text(text) }],
            Part::Output(tokens) | Part::Statement(tokens) => tokens,
        });
        tokens.map(|token| token.kind).collect()
    }

    #[test]
    fn tags_end_where_their_brackets_are_closed() {
        use Kind::{Int, Name, Operator, Text};
        let got = kinds("a{{- {'k': {}} -}}b{# {{ x }} #}{%+ set x = 0x1F %}");
        let expected = [
            Text("a".into()),
            Operator("{"),
            Text("k".into()),
            Operator(":"),
            Operator("{"),
            Operator("}"),
            Operator("}"),
            Text("b".into()),
            Name("set".into()),
            Name("x".into()),
            Operator("="),
            Int(31),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn escapes_are_those_of_python() {
        assert_eq!(unescape(r"\x5f\u005f\137\U0000005f\q\\n"), "____\\q\\n");
        assert_eq!(unescape("a\\\nb\\xzz"), "ab\\xzz");
    }

    #[test]
    fn raw_blocks_are_text() {
        let got = kinds("{%- raw -%}{{ x }}{% endraw %}{{ 1.5e3 }}");
        assert_eq!(got, [Kind::Text("{{ x }}".into()), Kind::Float(1500.0)]);
        assert!(
            split("{% raw %}").is_err() && split("{{ 'a }}").is_err() && split("{{ ? }}").is_err()
        );
    }
}
