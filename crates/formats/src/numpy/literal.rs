//! Python literals as `ast.literal_eval` takes them: what the header of an array file is.
//!
//! The values are kept in an arena in which what a value holds stands before it, so that whoever
//! walks the arena from its start has seen every part before the whole, and nothing recurses.

use crate::python::literal::unescape;
use davy_bytes::to_u64;

/// Brackets within brackets, beyond which CPython's tokenizer refuses the text (`MAXLEVEL`).
const DEEPEST: usize = 200;

/// A value, with the places of its parts in the arena.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Bool(bool),
    Bytes(Vec<u8>),
    Dict(Vec<(usize, usize)>),
    /// A whole number, if 128 bits hold it.
    Int(Option<i128>),
    List(Vec<usize>),
    None,
    /// A number that is not whole, or an ellipsis.
    Other,
    Set(Vec<usize>),
    Text(String),
    Tuple(Vec<usize>),
}

/// The values of one literal; the last of them is the literal itself.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) values: Vec<Literal>,
    /// Where in the text each value starts and ends.
    pub(crate) spans: Vec<(usize, usize)>,
    /// Whether a number ended in the `L` of Python 2.
    pub(crate) long: bool,
    /// Offset behind the literal: only blanks and comments follow.
    pub(crate) end: usize,
    /// The first comment, wherever it stands.
    pub(crate) comment: Option<usize>,
}

impl Tree {
    /// The value at a place of the arena.
    pub(crate) fn get(&self, at: usize) -> &Literal {
        self.values.get(at).unwrap_or(&Literal::None)
    }

    /// The literal itself.
    pub(crate) fn root(&self) -> &Literal {
        self.values.last().unwrap_or(&Literal::None)
    }
}

/// Why a text is no literal, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// What a bracket has gathered so far.
struct Open {
    bracket: u8,
    start: usize,
    items: Vec<usize>,
    /// The key before a colon.
    key: Option<usize>,
    pairs: Vec<(usize, usize)>,
    /// Whether a value has just been read, so that a comma, colon or closing bracket has to follow.
    full: bool,
    commas: usize,
}

/// Reads `text` as a literal; with `long`, numbers may end in `L` as in Python 2.
///
/// # Errors
/// Where Python would refuse it.
pub(crate) fn parse(text: &[u8], long: bool) -> Result<Tree, Fault> {
    let mut parser =
        Parser { text, at: 0, tree: Tree::default(), open: Vec::new(), long, sign: None };
    parser.run()?;
    Ok(parser.tree)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    tree: Tree,
    open: Vec<Open>,
    long: bool,
    /// Where a sign stands whose number has not come yet, and whether it is a minus.
    sign: Option<(usize, bool)>,
}

impl Parser<'_> {
    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, what })
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Passes over blanks, comments and line breaks.
    fn blanks(&mut self) {
        while let Some(byte) = self.byte() {
            match byte {
                b' ' | b'\t' | 0x0c | b'\n' | b'\r' => self.step(),
                b'\\' if matches!(self.text.get(self.at.saturating_add(1)), Some(b'\n')) => {
                    self.at = self.at.saturating_add(2);
                }
                b'#' => {
                    self.tree.comment.get_or_insert(self.at);
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                    self.at = self.at.saturating_add(line);
                }
                _ => return,
            }
        }
    }

    fn run(&mut self) -> Result<(), Fault> {
        if let Some(at) = self.text.iter().position(|byte| *byte == 0) {
            return Err(Fault { at, what: "a NUL in the text" });
        }
        loop {
            self.blanks();
            let Some(byte) = self.byte() else { return self.fault("the text ends in a literal") };
            let done = match byte {
                b'(' | b'[' | b'{' => self.open_bracket(byte)?,
                b')' | b']' | b'}' => self.close_bracket(byte)?,
                b',' => self.comma()?,
                b':' => self.colon()?,
                b'+' | b'-' => self.signed(byte == b'-')?,
                _ => self.scalar(byte)?,
            };
            if done {
                self.tree.end = self.at;
                self.blanks();
                return match self.byte() {
                    None => Ok(()),
                    Some(_) => self.fault("something behind the literal"),
                };
            }
        }
    }

    /// Adds a value; tells whether it is the literal itself.
    fn push(&mut self, start: usize, value: Literal) -> Result<bool, Fault> {
        if self.sign.take().is_some() && !matches!(value, Literal::Int(_) | Literal::Other) {
            return self.fault("a sign before what is no number");
        }
        let at = self.tree.values.len();
        self.tree.values.push(value);
        self.tree.spans.push((start, self.at));
        let Some(open) = self.open.last_mut() else { return Ok(true) };
        if open.full {
            return self.fault("two values without a comma");
        }
        open.full = true;
        match open.key.take() {
            Some(key) => open.pairs.push((key, at)),
            None => open.items.push(at),
        }
        Ok(false)
    }

    fn open_bracket(&mut self, bracket: u8) -> Result<bool, Fault> {
        if self.open.len() >= DEEPEST {
            return self.fault("too many brackets within each other");
        }
        if self.sign.is_some() || self.open.last().is_some_and(|open| open.full) {
            return self.fault("a bracket where none may stand");
        }
        let (start, items, pairs) = (self.at, vec![], vec![]);
        self.open.push(Open { bracket, start, items, key: None, pairs, full: false, commas: 0 });
        self.step();
        Ok(false)
    }

    fn close_bracket(&mut self, bracket: u8) -> Result<bool, Fault> {
        let Some(open) = self.open.pop() else { return self.fault("a bracket that nothing opens") };
        let fits = matches!((open.bracket, bracket), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
        let nothing = open.items.is_empty() && open.pairs.is_empty();
        if !fits || self.sign.is_some() || open.key.is_some() || (nothing && open.commas > 0) {
            return self.fault("a bracket that closes nothing");
        }
        self.step();
        let value = match bracket {
            b']' => Literal::List(open.items),
            b'}' if nothing => Literal::Dict(vec![]),
            b'}' if open.pairs.is_empty() => Literal::Set(open.items),
            b'}' if open.items.is_empty() => Literal::Dict(open.pairs),
            b'}' => return self.fault("a key without a value"),
            // Brackets around one value mean nothing.
            _ if open.commas == 0 && open.items.len() == 1 => {
                let Some(inner) = self.tree.values.pop() else { return self.fault("no value") };
                self.tree.spans.pop();
                inner
            }
            _ => Literal::Tuple(open.items),
        };
        self.push(open.start, value)
    }

    fn comma(&mut self) -> Result<bool, Fault> {
        let pending = self.sign.is_some();
        match self.open.last_mut() {
            Some(open) if open.full && !pending => {
                open.full = false;
                open.commas = open.commas.saturating_add(1);
                self.step();
                Ok(false)
            }
            _ => self.fault("a comma where none may stand"),
        }
    }

    fn colon(&mut self) -> Result<bool, Fault> {
        let brace = self.open.last_mut().filter(|open| open.bracket == b'{' && open.full);
        let Some(open) = brace.filter(|open| open.items.len() == 1) else {
            return self.fault("a colon where none may stand");
        };
        open.key = open.items.pop();
        open.full = false;
        self.step();
        Ok(false)
    }

    fn signed(&mut self, minus: bool) -> Result<bool, Fault> {
        if self.sign.is_some() || self.open.last().is_some_and(|open| open.full) {
            return self.fault("arithmetic");
        }
        self.sign = Some((self.at, minus));
        self.step();
        Ok(false)
    }

    fn scalar(&mut self, byte: u8) -> Result<bool, Fault> {
        match byte {
            b'0'..=b'9' => self.number(),
            b'.' if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"...")) => {
                let start = self.at;
                self.at = self.at.saturating_add(3);
                self.push(start, Literal::Other)
            }
            b'.' => self.number(),
            b'"' | b'\'' => self.strings(),
            _ => self.word(),
        }
    }

    fn number(&mut self) -> Result<bool, Fault> {
        let (start, minus) = self.sign.unwrap_or((self.at, false));
        let from = self.at;
        while let Some(byte) = self.byte() {
            let exponent = matches!(byte, b'+' | b'-')
                && matches!(self.text.get(self.at.wrapping_sub(1)), Some(b'e' | b'E'))
                && !self.text.get(from..self.at).unwrap_or_default().starts_with(b"0x");
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || exponent) {
                break;
            }
            self.step();
        }
        let mut token = self.text.get(from..self.at).unwrap_or_default();
        if let Some(short) = token.strip_suffix(b"L").filter(|_| self.long) {
            token = short;
            self.tree.long = true;
        } else if self.long {
            self.blanks();
            let rest = self.text.get(self.at..).unwrap_or_default();
            let alone = !rest.get(1).is_some_and(|byte| byte.is_ascii_alphanumeric());
            if rest.first() == Some(&b'L') && alone {
                self.step();
                self.tree.long = true;
            }
        }
        match number(token, minus) {
            Some(value) => self.push(start, value),
            None => self.fault("a number that is none"),
        }
    }

    /// String literals; several in a row are one.
    fn strings(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        let mut all: Option<(bool, Vec<u8>)> = None;
        loop {
            let prefix_at = self.at;
            while self.byte().is_some_and(|byte| byte.is_ascii_alphabetic()) {
                self.step();
            }
            let prefix = self.text.get(prefix_at..self.at).unwrap_or_default();
            let prefix = prefix.to_ascii_lowercase();
            if !matches!(prefix.as_slice(), b"" | b"b" | b"r" | b"u" | b"br" | b"rb") {
                return self.fault("a string of another kind");
            }
            let inner = self.quoted()?;
            let bytes = prefix.contains(&b'b');
            let plain = if prefix.contains(&b'r') { inner } else { unescape(&inner, bytes) };
            match &mut all {
                None => all = Some((bytes, plain)),
                Some((kind, text)) if *kind == bytes => text.extend(plain),
                Some(_) => return self.fault("text and bytes in one string"),
            }
            let end = self.at;
            self.blanks();
            if !starts_string(self.text.get(self.at..).unwrap_or_default()) {
                self.at = end;
                break;
            }
        }
        let value = match all {
            Some((true, bytes)) => Literal::Bytes(bytes),
            Some((false, text)) => Literal::Text(String::from_utf8_lossy(&text).into_owned()),
            None => return self.fault("no string"),
        };
        self.push(start, value)
    }

    /// What stands between the quotes that start here.
    fn quoted(&mut self) -> Result<Vec<u8>, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(quote) = rest.first().copied().filter(|quote| matches!(quote, b'"' | b'\''))
        else {
            return self.fault("a prefix without a string");
        };
        let triple = [quote; 3];
        let width = if rest.starts_with(&triple) { 3 } else { 1 };
        let end = triple.get(..width).unwrap_or_default();
        let from = self.at.saturating_add(width);
        self.at = from;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            if rest.starts_with(end) {
                let inner = self.text.get(from..self.at).unwrap_or_default().to_vec();
                self.at = self.at.saturating_add(width);
                return Ok(inner);
            }
            match rest.first() {
                Some(b'\\') => self.at = self.at.saturating_add(2),
                None => return self.fault("a string without its end"),
                Some(b'\n' | b'\r') if width == 1 => {
                    return self.fault("a string without its end");
                }
                Some(_) => self.step(),
            }
        }
    }

    fn word(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        let rest = self.text.get(self.at..).unwrap_or_default();
        if starts_string(rest) {
            return self.strings();
        }
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let len = rest.iter().take_while(|byte| fits(byte)).count();
        let value = match rest.get(..len).unwrap_or_default() {
            b"True" => Literal::Bool(true),
            b"False" => Literal::Bool(false),
            b"None" => Literal::None,
            b"" => return self.fault("what is no literal"),
            _ => return self.fault("a name or call"),
        };
        self.at = self.at.saturating_add(len);
        self.push(start, value)
    }
}

/// Whether a string literal starts here, with or without a prefix.
fn starts_string(rest: &[u8]) -> bool {
    let letters = rest.iter().take(3).take_while(|byte| byte.is_ascii_alphabetic()).count();
    letters < 3 && matches!(rest.get(letters), Some(b'"' | b'\''))
}

/// A number as Python spells them; underscores stand between digits only.
fn number(token: &[u8], minus: bool) -> Option<Literal> {
    let text = std::str::from_utf8(token).ok()?;
    let digits = text.replace('_', "");
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed =
        radix.iter().find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, *radix)));
    let (body, radix) = prefixed.unwrap_or((&lower, 10));
    if !body.is_empty() && body.chars().all(|c| c.is_digit(radix)) {
        let zeros = radix == 10 && body.len() > 1 && body.starts_with('0');
        // CPython reads no longer number from text (`sys.int_info.default_max_str_digits`).
        if (zeros && body.chars().any(|c| c != '0')) || (radix == 10 && body.len() > 4300) {
            return None;
        }
        let value = i128::from_str_radix(body, radix).ok();
        return Some(Literal::Int(value.map(|v| if minus { v.saturating_neg() } else { v })));
    }
    let real = lower.strip_suffix('j').unwrap_or(&lower);
    let plain = real.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte));
    (prefixed.is_none() && plain && real.parse::<f64>().is_ok()).then_some(Literal::Other)
}

/// A whole number in the range of `u64`, and none where it is negative, too large or no number.
pub(crate) fn natural(value: &Literal) -> Option<u64> {
    match value {
        Literal::Int(Some(number)) => u64::try_from(*number).ok(),
        Literal::Bool(truth) => Some(to_u64(usize::from(*truth))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Literal> {
        parse(text.as_bytes(), false).ok().map(|tree| tree.root().clone())
    }

    #[test]
    fn values_are_what_python_takes_them_for() {
        assert_eq!(read(" 'a' \"b\" "), Some(Literal::Text("ab".into())));
        assert_eq!(read("rb'\\x41'"), Some(Literal::Bytes(b"\\x41".to_vec())));
        assert_eq!(read("-0x_ff"), Some(Literal::Int(Some(-255))));
        assert_eq!(read("(1)"), Some(Literal::Int(Some(1))));
        assert_eq!(read("(1,)"), Some(Literal::Tuple(vec![0])));
        assert_eq!(read("{'a': (1, 2,), }"), Some(Literal::Dict(vec![(0, 3)])));
        assert_eq!(read("{1, 2}"), Some(Literal::Set(vec![0, 1])));
        assert_eq!(read("1e5"), Some(Literal::Other));
        assert_eq!(read("99999999999999999999999999999999999999999"), Some(Literal::Int(None)));
        assert_eq!(read("() # x\n"), Some(Literal::Tuple(vec![])));
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in [
            "",
            "f()",
            "a",
            "1 2",
            "(,)",
            "{1:}",
            "{1: 2, 3}",
            "[1",
            "1]",
            "'a",
            "--1",
            "-'a'",
            "007",
            "1__0",
            "f'x'",
            "1+2",
            "\0",
            "{'a': 1}{",
            "'a' b'b'",
            "(1:2)",
            "0x",
            "1L",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"[".repeat(100_000)), None);
        assert!(read(&format!("{}1{}", "[".repeat(200), "]".repeat(200))).is_some());
    }

    #[test]
    fn numbers_of_python_2_are_read_on_demand() {
        let tree = parse(b"(1L, 2 L)", true).unwrap();
        assert_eq!((tree.root(), tree.long), (&Literal::Tuple(vec![0, 1]), true));
        assert!(parse(b"(1LL,)", true).is_err());
    }
}
