//! Cuts the text of a shell script into words and operators (POSIX.1-2017, Shell Command Language,
//! section 2.3, with what bash adds: `$'…'`, `&>`, `<<<`, process substitution).

/// A piece of a word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// Text as it is; `bare` where no quote or escape protects it.
    Text { text: String, bare: bool },
    /// The value of a variable, and the text that stands in where it is unset.
    Variable { name: String, default: Option<String>, bare: bool },
    /// What a script prints.
    Output { source: String, bare: bool },
    /// A file that a script writes or reads: `<(…)`.
    Process { source: String },
}

/// A redirection: its operator, with the number of the file before it.
pub(super) type Redirection = String;

/// A token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    Word(Vec<Part>),
    /// `&&`, `||`, `;`, `&`, a line break or a bracket: the end of a pipeline.
    End,
    Pipe,
    /// A redirection; its target is the next word.
    Redirect(Redirection),
    /// The text of a here-document.
    Here(String),
}

/// How a language spells what shells have in common.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Dialect {
    /// The character that takes the next one as it is.
    pub(super) escape: char,
    /// Whether `'` quotes.
    pub(super) single: bool,
    /// Whether `$` and backquotes are special.
    pub(super) dollar: bool,
    /// Whether brackets hold commands; in PowerShell they hold values of the same statement, and in
    /// `cmd.exe` what separates commands stands in them as well.
    pub(super) brackets: bool,
}

pub(super) const POSIX: Dialect =
    Dialect { escape: '\\', single: true, dollar: true, brackets: true };
pub(super) const BATCH: Dialect =
    Dialect { escape: '^', single: false, dollar: false, brackets: false };
pub(super) const POWERSHELL: Dialect =
    Dialect { escape: '`', single: true, dollar: false, brackets: false };

/// Tokens of one text; stops texts that are nothing but operators.
const TOKENS: usize = 20_000;

/// The tokens of `text`.
pub(super) fn cut(text: &str, dialect: Dialect) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
        tokens: Vec::new(),
        here: Vec::new(),
        dialect,
    };
    while lexer.tokens.len() < TOKENS && lexer.token() {}
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    tokens: Vec<Token>,
    /// Here-documents whose text comes behind the next line break: where its token stands, its
    /// delimiter, and whether tabs before the lines are left out.
    here: Vec<(usize, String, bool)>,
    dialect: Dialect,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(by)).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let here = text.chars().enumerate().all(|(by, c)| self.ahead(by) == Some(c));
        if here {
            self.at = self.at.saturating_add(text.chars().count());
        }
        here
    }

    /// Takes one token; whether there may be more.
    fn token(&mut self) -> bool {
        let Some(c) = self.peek() else { return false };
        match c {
            '\n' => {
                self.at = self.at.saturating_add(1);
                self.tokens.push(Token::End);
                self.documents();
            }
            c if c.is_whitespace() => self.at = self.at.saturating_add(1),
            '#' if self.dialect.single => {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at = self.at.saturating_add(1);
                }
            }
            '<' | '>' if self.ahead(1) == Some('(') && self.dialect.dollar => self.word(),
            '<' | '>' => self.redirection(String::new()),
            '&' if self.ahead(1) == Some('>') => self.redirection(String::new()),
            '(' | ')' if !self.dialect.brackets => self.at = self.at.saturating_add(1),
            '|' | '&' | ';' | '(' | ')' => self.operator(),
            '0'..='9' if self.numbers_a_file() => {
                let number = self.next().map(String::from).unwrap_or_default();
                self.redirection(number);
            }
            _ => self.word(),
        }
        true
    }

    fn numbers_a_file(&self) -> bool {
        matches!(self.ahead(1), Some('<' | '>')) && self.ahead(2) != Some('(')
    }

    fn operator(&mut self) {
        let pipe = match self.next() {
            Some('|') => {
                !self.eat("|") && {
                    self.eat("&");
                    true
                }
            }
            Some('&') => {
                self.eat("&");
                false
            }
            Some(';') => {
                while self.eat(";") {}
                false
            }
            _ => false,
        };
        self.tokens.push(if pipe { Token::Pipe } else { Token::End });
    }

    fn redirection(&mut self, number: String) {
        const OPERATORS: [&str; 12] =
            ["<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>", ">&", ">|", ">"];
        let Some(operator) = OPERATORS.into_iter().find(|operator| self.eat(operator)) else {
            self.at = self.at.saturating_add(1);
            return;
        };
        if matches!(operator, "<<" | "<<-") {
            return self.document(operator == "<<-");
        }
        let operator = if operator == ">|" { ">" } else { operator };
        self.tokens.push(Token::Redirect(format!("{number}{operator}")));
    }

    /// The start of a here-document: its delimiter.
    fn document(&mut self, tabs: bool) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t')) {
            self.at = self.at.saturating_add(1);
        }
        let parts = self.parts();
        let delimiter: String = parts
            .iter()
            .map(|part| match part {
                Part::Text { text, .. } => text.as_str(),
                _ => "",
            })
            .collect();
        self.here.push((self.tokens.len(), delimiter, tabs));
        self.tokens.push(Token::Here(String::new()));
    }

    /// The texts of the here-documents that the line before announced.
    fn documents(&mut self) {
        for (at, delimiter, tabs) in std::mem::take(&mut self.here) {
            let mut text = String::new();
            while self.at < self.chars.len() {
                let mut line = String::new();
                while let Some(c) = self.next().filter(|c| *c != '\n') {
                    line.push(c);
                }
                let line = if tabs { line.trim_start_matches('\t') } else { line.as_str() };
                if line == delimiter {
                    break;
                }
                text.push_str(line);
                text.push('\n');
            }
            if let Some(Token::Here(body)) = self.tokens.get_mut(at) {
                *body = text;
            }
        }
    }

    fn word(&mut self) {
        let from = self.at;
        let parts = self.parts();
        if !parts.is_empty() {
            self.tokens.push(Token::Word(parts));
        }
        if self.at == from {
            self.at = self.at.saturating_add(1);
        }
    }

    /// The parts of a word, up to what ends it.
    fn parts(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '<' | '>' if self.dialect.dollar && self.ahead(1) == Some('(') => {
                    self.at = self.at.saturating_add(2);
                    let source = self.until_closed('(', ')');
                    parts.push(Part::Process { source });
                }
                c if c.is_whitespace() || "|&;()<>".contains(c) => break,
                '\'' if self.dialect.single => {
                    self.at = self.at.saturating_add(1);
                    let text = self.single();
                    add(&mut parts, &text, false);
                }
                '"' => {
                    self.at = self.at.saturating_add(1);
                    self.double(&mut parts);
                }
                '$' if self.dialect.dollar => self.dollar(&mut parts, true),
                '`' if self.dialect.dollar => {
                    self.at = self.at.saturating_add(1);
                    let source = self.backquoted();
                    parts.push(Part::Output { source, bare: true });
                }
                c if c == self.dialect.escape => {
                    self.at = self.at.saturating_add(1);
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => add(&mut parts, c.encode_utf8(&mut [0; 4]), false),
                    }
                }
                c => {
                    self.at = self.at.saturating_add(1);
                    add(&mut parts, c.encode_utf8(&mut [0; 4]), true);
                }
            }
        }
        parts
    }

    /// Text up to the next `'`, which PowerShell doubles where it is meant.
    fn single(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\'' if !self.dialect.dollar && self.eat("'") => text.push('\''),
                '\'' => break,
                c => text.push(c),
            }
        }
        text
    }

    /// Parts up to the next `"`.
    fn double(&mut self, parts: &mut Vec<Part>) {
        add(parts, "", false);
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at = self.at.saturating_add(1);
                    break;
                }
                '$' if self.dialect.dollar => self.dollar(parts, false),
                '`' if self.dialect.dollar => {
                    self.at = self.at.saturating_add(1);
                    let source = self.backquoted();
                    parts.push(Part::Output { source, bare: false });
                }
                '\\' if self.dialect.escape == '\\' => self.escaped(parts),
                c => {
                    self.at = self.at.saturating_add(1);
                    add(parts, c.encode_utf8(&mut [0; 4]), false);
                }
            }
        }
    }

    /// A backslash between double quotes: it protects a few characters, and else stands for itself.
    fn escaped(&mut self, parts: &mut Vec<Part>) {
        self.at = self.at.saturating_add(1);
        match self.next() {
            Some('\n') | None => {}
            Some(c @ ('$' | '`' | '"' | '\\')) => add(parts, c.encode_utf8(&mut [0; 4]), false),
            Some(c) => {
                add(parts, "\\", false);
                add(parts, c.encode_utf8(&mut [0; 4]), false);
            }
        }
    }

    /// `$name`, `${name…}`, `$(…)`, `$((…))`, `$'…'` or a lone `$`.
    fn dollar(&mut self, parts: &mut Vec<Part>, bare: bool) {
        self.at = self.at.saturating_add(1);
        match self.peek() {
            Some('(') if self.ahead(1) == Some('(') => {
                self.at = self.at.saturating_add(1);
                let inner = self.until_closed('(', ')');
                add(parts, &format!("$({inner})"), bare);
            }
            Some('(') => {
                self.at = self.at.saturating_add(1);
                let source = self.until_closed('(', ')');
                parts.push(Part::Output { source, bare });
            }
            Some('{') => {
                self.at = self.at.saturating_add(1);
                let inner = self.until_closed('{', '}');
                parts.push(variable(&inner, bare));
            }
            Some('\'') if bare => {
                self.at = self.at.saturating_add(1);
                let text = self.ansi();
                add(parts, &text, false);
            }
            Some('"') if bare => {}
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                let mut name = String::new();
                while let Some(c) = self.peek().filter(|c| *c == '_' || c.is_ascii_alphanumeric()) {
                    name.push(c);
                    self.at = self.at.saturating_add(1);
                }
                parts.push(Part::Variable { name, default: None, bare });
            }
            Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
                self.at = self.at.saturating_add(1);
                parts.push(Part::Variable { name: c.to_string(), default: None, bare });
            }
            _ => add(parts, "$", bare),
        }
    }

    /// Text up to the bracket that closes one that is open, with what quotes hide passed over.
    fn until_closed(&mut self, open: char, close: char) -> String {
        let mut text = String::new();
        let (mut depth, mut quote) = (1_usize, None);
        self.eat(open.encode_utf8(&mut [0; 4]));
        while let Some(c) = self.next() {
            match (quote, c) {
                (_, '\\') => {
                    text.push(c);
                    text.extend(self.next());
                    continue;
                }
                (Some(mark), c) if c == mark => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, c) if c == open => depth = depth.saturating_add(1),
                (None, c) if c == close => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            text.push(c);
        }
        text
    }

    fn backquoted(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '`' => break,
                '\\' if matches!(self.peek(), Some('`' | '\\' | '$')) => text.extend(self.next()),
                c => text.push(c),
            }
        }
        text
    }

    /// `$'…'` behind its first quote.
    fn ansi(&mut self) -> String {
        let mut raw = String::new();
        while let Some(c) = self.next() {
            match c {
                '\'' => break,
                '\\' => {
                    raw.push(c);
                    raw.extend(self.next());
                }
                c => raw.push(c),
            }
        }
        unescape(&raw)
    }
}

/// Adds text to the last part, where that is text of the same kind.
fn add(parts: &mut Vec<Part>, more: &str, is_bare: bool) {
    match parts.last_mut() {
        Some(Part::Text { text, bare }) if *bare == is_bare => text.push_str(more),
        _ => parts.push(Part::Text { text: more.to_owned(), bare: is_bare }),
    }
}

/// What stands between `${` and `}`.
fn variable(inner: &str, bare: bool) -> Part {
    let end = inner.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    let (name, rest) = inner.split_at_checked(end).unwrap_or((inner, ""));
    let default = [":-", ":=", "-", "="].into_iter().find_map(|mark| rest.strip_prefix(mark));
    Part::Variable { name: name.to_owned(), default: default.map(str::to_owned), bare }
}

/// Text with the escapes that `$'…'`, `printf` and `echo -e` know.
pub(super) fn unescape(raw: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let raw_byte = |code: Option<u32>| code.and_then(|code| u8::try_from(code & 0xff).ok());
        match chars.next() {
            Some('n') => out.push(b'\n'),
            Some('t') => out.push(b'\t'),
            Some('r') => out.push(b'\r'),
            Some('e' | 'E') => out.push(0x1b),
            Some('x') => out.extend(raw_byte(digits(&mut chars, 2, 16, ""))),
            Some('u' | 'U') => {
                let code = digits(&mut chars, 8, 16, "").and_then(char::from_u32);
                let mut room = [0; 4];
                out.extend(code.iter().flat_map(|c| c.encode_utf8(&mut room).as_bytes().to_vec()));
            }
            Some(c @ '0'..='7') => {
                out.extend(raw_byte(digits(&mut chars, 4, 8, c.encode_utf8(&mut [0; 4]))));
            }
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => out.push(b'\\'),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digits(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    most: usize,
    base: u32,
    first: &str,
) -> Option<u32> {
    let mut digits = first.to_owned();
    while digits.len() < most
        && let Some(c) = chars.next_if(|c| c.is_digit(base))
    {
        digits.push(c);
    }
    u32::from_str_radix(&digits, base).ok()
}
