//! Cuts Python source into tokens, front to back, without recursion.
//!
//! Follows CPython's own tokenizer (3.12 and later for f-strings, whose replacement fields are
//! tokens of their own; every f-string that an older version accepts comes out the same) and its
//! limits: 100 levels of indentation, 200 of brackets. What Python 2 wrote is cut up as well.

use davy_bytes::to_usize;

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// One level of indentation less.
    Dedent,
    /// The end of an f-string: its quotes.
    FormatEnd,
    /// Text of a format specification, in a replacement field behind its colon.
    FormatSpec,
    /// The start of an f-string: prefix and quotes.
    FormatStart,
    /// Text of an f-string, outside of its replacement fields.
    FormatText,
    /// One level of indentation more.
    Indent,
    /// A name or keyword.
    Name,
    /// The end of a logical line.
    Newline,
    /// A number.
    Number,
    /// An operator or bracket.
    Op,
    /// A string or bytes literal with its prefix and quotes.
    Text,
    /// A comment that starts with `# type:`.
    TypeComment,
}

/// A token: where it stands, and on which line, counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) line: u32,
}

/// Something that is not Python.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// Offset of the first byte that does not fit.
    pub(super) at: usize,
    /// What is wrong.
    pub(super) what: &'static str,
    /// Whether nothing behind it was cut into tokens.
    pub(super) fatal: bool,
}

/// Tokens, and what could not be one.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) list: Vec<Token>,
    pub(super) faults: Vec<Fault>,
}

/// Faults kept: the first ones tell what there is to tell.
const FAULTS: usize = 8;
/// As `MAXLEVEL` of CPython's tokenizer: what nests deeper does not compile.
const BRACKETS: usize = 200;
/// As `MAXINDENT` of CPython's tokenizer.
const INDENTS: usize = 100;

/// An f-string that is being read.
#[derive(Clone, Copy, Debug)]
struct Format {
    quote: u8,
    triple: bool,
    raw: bool,
    start: usize,
}

/// What the bytes at the position are part of.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Inside a bracket, which this byte opened.
    Bracket(u8),
    /// In a replacement field of the f-string.
    Field(Format),
    /// In the format specification of a field of the f-string.
    Spec(Format),
    /// In the text of the f-string.
    Text(Format),
}

struct Cutter<'a> {
    source: &'a [u8],
    at: usize,
    line: u32,
    indents: Vec<usize>,
    modes: Vec<Mode>,
    tokens: Tokens,
    /// Whether the logical line has a token yet.
    begun: bool,
    stopped: bool,
}

/// Cuts `source` up; its length must fit 32 bits.
pub(super) fn cut(source: &[u8]) -> Tokens {
    let mut cutter = Cutter {
        source,
        at: if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 },
        line: 1,
        indents: Vec::new(),
        modes: Vec::new(),
        tokens: Tokens::default(),
        begun: false,
        stopped: false,
    };
    cutter.run();
    cutter.tokens
}

impl Cutter<'_> {
    fn run(&mut self) {
        self.indent();
        while self.at < self.source.len() && !self.stopped {
            match self.modes.last().copied() {
                Some(Mode::Text(format)) => self.format_text(format, false),
                Some(Mode::Spec(format)) => self.format_text(format, true),
                _ => self.code(),
            }
        }
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(mode) = self.modes.last().copied().filter(|_| !self.stopped) {
            let (at, what) = match mode {
                Mode::Bracket(_) => (self.source.len(), "a bracket is never closed"),
                Mode::Field(f) | Mode::Spec(f) | Mode::Text(f) => (f.start, "unterminated string"),
            };
            self.fault(at, what, false);
        }
        if self.begun {
            self.push(Kind::Newline, self.at);
        }
        while self.indents.pop().is_some() {
            self.push(Kind::Dedent, self.at);
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.source.get(self.at.saturating_add(ahead)).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (start, end) = (offset(start), offset(self.at));
        self.tokens.list.push(Token { kind, start, end, line: self.line });
    }

    fn fault(&mut self, at: usize, what: &'static str, fatal: bool) {
        if self.tokens.faults.len() < FAULTS || fatal {
            self.tokens.faults.push(Fault { at, what, fatal });
        }
        self.stopped |= fatal;
    }

    /// Passes over a line end (`\n`, `\r\n`, and `\r` alone, which CPython takes for one too).
    fn newline(&mut self) {
        let width = if self.byte(0) == b'\r' && self.byte(1) == b'\n' { 2 } else { 1 };
        self.at = self.at.saturating_add(width);
        self.line = self.line.saturating_add(1);
    }

    fn at_newline(&self) -> bool {
        matches!(self.byte(0), b'\n' | b'\r')
    }

    /// At the start of a line: measures its indentation, passing over lines without code.
    fn indent(&mut self) {
        let mut column: usize = 0;
        while self.at < self.source.len() {
            match self.byte(0) {
                b' ' => column = column.saturating_add(1),
                b'\t' => column = (column / 8).saturating_add(1).saturating_mul(8),
                b'\x0c' => column = 0,
                b'#' => {
                    self.comment();
                    continue;
                }
                b'\n' | b'\r' => {
                    self.newline();
                    column = 0;
                    continue;
                }
                b'\\' if matches!(self.byte(1), b'\n' | b'\r') => {
                    self.at = self.at.saturating_add(1);
                    self.newline();
                    continue;
                }
                _ => return self.set_indent(column),
            }
            self.at = self.at.saturating_add(1);
        }
    }

    fn set_indent(&mut self, column: usize) {
        let top = |indents: &Vec<usize>| indents.last().copied().unwrap_or(0);
        if column > top(&self.indents) {
            if self.indents.len() >= INDENTS {
                return self.fault(self.at, "more than 100 levels of indentation", true);
            }
            self.indents.push(column);
            self.push(Kind::Indent, self.at);
        }
        while column < top(&self.indents) {
            self.indents.pop();
            self.push(Kind::Dedent, self.at);
        }
        if column != top(&self.indents) {
            self.fault(self.at, "indentation that fits no line above", false);
        }
    }

    fn comment(&mut self) {
        let start = self.at;
        while self.at < self.source.len() && !self.at_newline() {
            self.at = self.at.saturating_add(1);
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        let text = text.strip_prefix(b"#").unwrap_or_default().trim_ascii_start();
        if text.starts_with(b"type:") {
            self.push(Kind::TypeComment, start);
        }
    }

    /// One token of code, or what stands between two.
    fn code(&mut self) {
        let start = self.at;
        match self.byte(0) {
            b' ' | b'\t' | b'\x0c' => self.at = self.at.saturating_add(1),
            b'\n' | b'\r' => self.line_end(),
            b'#' => self.comment(),
            b'\\' => self.continuation(),
            b'"' | b'\'' => self.string(start),
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.name(),
            _ => self.operator(),
        }
    }

    fn line_end(&mut self) {
        let start = self.at;
        if self.modes.is_empty() && self.begun {
            let line = self.line;
            self.newline();
            self.push(Kind::Newline, start);
            if let Some(last) = self.tokens.list.last_mut() {
                last.line = line;
            }
            self.begun = false;
            self.indent();
        } else {
            self.newline();
        }
    }

    fn continuation(&mut self) {
        self.at = self.at.saturating_add(1);
        if self.at_newline() {
            self.newline();
        } else {
            self.fault(self.at, "a backslash that ends no line", false);
        }
    }

    fn name(&mut self) {
        let start = self.at;
        while matches!(self.byte(0), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..) {
            self.at = self.at.saturating_add(1);
        }
        let name = self.source.get(start..self.at).unwrap_or_default();
        if matches!(self.byte(0), b'"' | b'\'') && is_prefix(name) {
            return self.string(start);
        }
        self.push(Kind::Name, start);
        self.begun = true;
    }

    fn digits(&mut self, accept: fn(&u8) -> bool) {
        while accept(&self.byte(0)) || (self.byte(0) == b'_' && accept(&self.byte(1))) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn number(&mut self) {
        let start = self.at;
        let radix = if self.byte(0) == b'0' { self.byte(1).to_ascii_lowercase() } else { 0 };
        let accept: Option<fn(&u8) -> bool> = match radix {
            b'x' => Some(u8::is_ascii_hexdigit),
            b'o' => Some(|digit| (b'0'..=b'7').contains(digit)),
            b'b' => Some(|digit| (b'0'..=b'1').contains(digit)),
            _ => None,
        };
        if let Some(accept) = accept {
            self.at = self.at.saturating_add(2);
            self.digits(accept);
        } else {
            self.decimal();
        }
        self.push(Kind::Number, start);
        self.begun = true;
    }

    fn decimal(&mut self) {
        self.digits(u8::is_ascii_digit);
        if self.byte(0) == b'.' {
            self.at = self.at.saturating_add(1);
            self.digits(u8::is_ascii_digit);
        }
        let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
        let exponent = self.byte(sign.saturating_add(1)).is_ascii_digit();
        if matches!(self.byte(0), b'e' | b'E') && exponent {
            self.at = self.at.saturating_add(sign).saturating_add(1);
            self.digits(u8::is_ascii_digit);
        }
        if matches!(self.byte(0), b'j' | b'J') {
            self.at = self.at.saturating_add(1);
        }
    }

    /// A literal whose prefix starts at `start` and whose quotes start here.
    fn string(&mut self, start: usize) {
        let quote = self.byte(0);
        let triple = self.byte(1) == quote && self.byte(2) == quote;
        let prefix = self.source.get(start..self.at).unwrap_or_default().to_ascii_lowercase();
        self.at = self.at.saturating_add(if triple { 3 } else { 1 });
        self.begun = true;
        if prefix.iter().any(|letter| matches!(letter, b'f' | b't')) {
            let raw = prefix.contains(&b'r');
            self.push(Kind::FormatStart, start);
            self.open(Mode::Text(Format { quote, triple, raw, start }));
        } else {
            self.plain_string(start, quote, triple);
        }
    }

    fn plain_string(&mut self, start: usize, quote: u8, triple: bool) {
        let line = self.line;
        while self.at < self.source.len() {
            match self.byte(0) {
                b'\\' => self.escape(),
                b'\n' | b'\r' if triple => self.newline(),
                b'\n' | b'\r' => return self.fault(start, "unterminated string", false),
                _ if self.closes(quote, triple) => {
                    self.push(Kind::Text, start);
                    if let Some(last) = self.tokens.list.last_mut() {
                        last.line = line;
                    }
                    return;
                }
                _ => self.at = self.at.saturating_add(1),
            }
        }
        self.fault(start, "unterminated string", true);
    }

    /// Passes over a backslash and what it escapes.
    fn escape(&mut self) {
        self.at = self.at.saturating_add(1);
        if self.at_newline() {
            self.newline();
        } else {
            self.at = self.at.saturating_add(1).min(self.source.len());
        }
    }

    /// Passes over closing quotes, if they stand here.
    fn closes(&mut self, quote: u8, triple: bool) -> bool {
        let here =
            self.byte(0) == quote && (!triple || (self.byte(1) == quote && self.byte(2) == quote));
        if here {
            self.at = self.at.saturating_add(if triple { 3 } else { 1 });
        }
        here
    }

    fn open(&mut self, mode: Mode) {
        if self.modes.len() >= BRACKETS {
            self.fault(self.at, "more than 200 levels of brackets", true);
        } else {
            self.modes.push(mode);
        }
    }

    /// Text of an f-string up to its end or the next field; `spec` in a format specification.
    fn format_text(&mut self, format: Format, spec: bool) {
        let start = self.at;
        let kind = if spec { Kind::FormatSpec } else { Kind::FormatText };
        while self.at < self.source.len() {
            match self.byte(0) {
                b'{' if !spec && self.byte(1) == b'{' => self.at = self.at.saturating_add(2),
                b'{' => return self.open_field(kind, start, format),
                b'}' if spec => {
                    self.push(kind, start);
                    self.modes.pop();
                    return;
                }
                b'\\' if !format.raw && self.byte(1) == b'N' && self.byte(2) == b'{' => {
                    self.at = self.at.saturating_add(3);
                }
                // A backslash does not shield a brace: `f"\{x}"` has a field.
                b'\\' if matches!(self.byte(1), b'{' | b'}') => {
                    self.at = self.at.saturating_add(1);
                }
                b'\\' => self.escape(),
                b'\n' | b'\r' if format.triple => self.newline(),
                b'\n' | b'\r' => return self.broken_format(format),
                _ if self.ends_format(kind, start, format) => return,
                _ => self.at = self.at.saturating_add(1),
            }
        }
        self.fault(format.start, "unterminated string", true);
    }

    fn open_field(&mut self, kind: Kind, start: usize, format: Format) {
        self.push(kind, start);
        let brace = self.at;
        self.at = self.at.saturating_add(1);
        self.push(Kind::Op, brace);
        self.open(Mode::Field(format));
    }

    fn ends_format(&mut self, kind: Kind, start: usize, format: Format) -> bool {
        let text_end = self.at;
        if !self.closes(format.quote, format.triple) {
            return false;
        }
        if kind == Kind::FormatSpec {
            self.fault(text_end, "an f-string ends inside a replacement field", false);
            self.leave_format();
        } else {
            let end = self.at;
            self.at = text_end;
            self.push(kind, start);
            self.at = end;
            self.push(Kind::FormatEnd, text_end);
            self.modes.pop();
        }
        true
    }

    /// The line ends inside an f-string of one line: nothing behind it can be relied on but lines.
    fn broken_format(&mut self, format: Format) {
        self.fault(format.start, "unterminated string", false);
        self.leave_format();
    }

    /// Leaves the innermost f-string from wherever in it the position is.
    fn leave_format(&mut self) {
        while let Some(mode) = self.modes.pop() {
            if matches!(mode, Mode::Text(_)) {
                break;
            }
            if matches!(mode, Mode::Field(_)) {
                // A closing brace of no width, so that brackets pair up for whoever reads on.
                self.push(Kind::Op, self.at);
            }
        }
        self.push(Kind::FormatEnd, self.at);
    }

    fn operator(&mut self) {
        let start = self.at;
        let byte = self.byte(0);
        self.begun = true;
        match byte {
            b'(' | b'[' | b'{' => {
                self.at = self.at.saturating_add(1);
                self.push(Kind::Op, start);
                self.open(Mode::Bracket(byte));
            }
            b')' | b']' | b'}' => self.close(byte),
            b':' | b'!' | b'=' if self.field_part(byte) => {}
            _ => {
                let rest = self.source.get(start..).unwrap_or_default();
                let width = operator_width(rest);
                if width == 0 {
                    self.at = self.at.saturating_add(1);
                    return self.fault(start, "a character that Python has no use for", false);
                }
                self.at = self.at.saturating_add(width);
                self.push(Kind::Op, start);
            }
        }
    }

    /// Directly in a replacement field: passes over `!r` and a `=` before the end, and enters the
    /// format specification at `:`.
    fn field_part(&mut self, byte: u8) -> bool {
        let Some(Mode::Field(format)) = self.modes.last().copied() else { return false };
        match (byte, self.byte(1)) {
            (b':', _) => {
                self.at = self.at.saturating_add(1);
                self.open(Mode::Spec(format));
                true
            }
            (b'!', next) if next != b'=' => {
                self.at = self.at.saturating_add(1);
                while self.byte(0).is_ascii_alphabetic() {
                    self.at = self.at.saturating_add(1);
                }
                true
            }
            (b'=', b'}' | b'!' | b':') => {
                self.at = self.at.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    fn close(&mut self, byte: u8) {
        let start = self.at;
        self.at = self.at.saturating_add(1);
        let fits = match self.modes.last() {
            Some(Mode::Bracket(open)) => {
                matches!((open, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
            }
            Some(Mode::Field(_)) => byte == b'}',
            _ => false,
        };
        if fits {
            self.modes.pop();
            self.push(Kind::Op, start);
        } else {
            self.fault(start, "a closing bracket that nothing opened", false);
        }
    }
}

/// Whether `name` can stand before quotes (Python's `StringPrefix`, and Python 2's `ur`).
fn is_prefix(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(
        lower.as_slice(),
        b"r" | b"b" | b"u" | b"f" | b"t" | b"br" | b"rb" | b"fr" | b"rf" | b"tr" | b"rt" | b"ur"
    )
}

/// Length of the operator that `rest` starts with; 0 if it is none.
fn operator_width(rest: &[u8]) -> usize {
    const LONG: [&[u8]; 25] = [
        b"**=", b"//=", b">>=", b"<<=", b"...", b"->", b":=", b"!=", b"==", b"<=", b">=", b"<<",
        b">>", b"**", b"//", b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b"@=", b"<>",
    ];
    match LONG.iter().find(|operator| rest.starts_with(operator)) {
        Some(operator) => operator.len(),
        None => usize::from(rest.first().is_some_and(|byte| b"+-*/%@&|^~<>=.,:;`".contains(byte))),
    }
}

impl Token {
    /// The bytes of the token.
    pub(super) fn bytes<'a>(&self, source: &'a [u8]) -> &'a [u8] {
        let range = to_usize(self.start.into())..to_usize(self.end.into());
        source.get(range).unwrap_or_default()
    }
}
