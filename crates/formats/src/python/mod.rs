//! Reads Python source for what importing it would do: imports, and calls with their constant
//! arguments, told apart by whether they run at once or when a function is called.
//!
//! TorchScript's `code/` is read as Python too: its names that nothing binds (`torch`, `ops.aten`)
//! are taken for modules.

pub(crate) mod builtins;
mod call;
mod expression;
pub(crate) mod fold;
mod identifier;
pub(crate) mod known;
pub(crate) mod literal;
mod machine;
mod resolve;
mod scope;
mod token;

use davy_artifact::{Format, Input, Name, Probe, Quirk, Reading, Role, Route, Why};
use davy_bytes::{Budget, Halt, Span, to_u64, to_usize};
use token::{Kind, Tokens};

/// Longest source that is read; the largest one of the standard library has half a megabyte.
const LONGEST: u64 = 4 << 20;

/// What files are called that show source and are none: no loader imports a model's card.
const PROSE: &[&str] = &[".md", ".rst"];

/// Python source.
#[derive(Debug)]
pub struct Python;

impl Format for Python {
    fn id(&self) -> &'static str {
        "python"
    }

    fn summary(&self) -> &'static str {
        "Python source, with the code of TorchScript archives"
    }

    fn probe(&self, head: &[u8], input: &Input<'_>) -> Probe {
        let named = is_named(input.name);
        let prose = PROSE.iter().any(|end| input.name.ends_with(end));
        if head.is_empty() || head.contains(&0) || prose {
            return Probe::No;
        }
        // Prose, tables and settings hold things that look like calls; only what a loader is known to
        // take for source is believed on such evidence.
        let source = if named {
            mostly_text(head)
        } else {
            crate::text::is_text(head) && looks_like_code(head, input.role == Role::Loaded)
        };
        if source { Probe::Possible } else { Probe::No }
    }

    fn read(
        &self,
        input: &Input<'_>,
        reading: &mut Reading,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let size = input.bytes.len();
        let source = input.bytes.copy(Span::new(0, size), to_usize(LONGEST))?;
        let tokens = token::cut(&source);
        // What only looks like source and does not compile is text of another kind: prose, settings,
        // markup, or source of another language.
        if matches!(input.role, Role::Loaded | Role::Present) && !is_named(input.name) {
            let fault = tokens.faults.first().map(|fault| (fault.at, fault.what));
            let prose = || prose(&tokens, &source).map(|at| (at, "two words behind each other"));
            if let Some((at, what)) = fault.or_else(prose) {
                return Err(Halt::malformed(to_u64(at), what));
            }
        }
        check_encoding(&source, reading);
        budget.spend_steps(to_u64(tokens.list.len()).saturating_mul(2), 0)?;
        machine::Machine::new(&source, &tokens.list).run(reading);
        record_faults(&tokens, &source, reading);
        if size > LONGEST {
            return Err(Halt::exhausted(LONGEST, "source beyond the first 4 MiB"));
        }
        reading.seamless = true;
        Ok(())
    }
}

/// Where two words follow each other of which neither is one of the language: no version of Python has
/// that, and every text that people write does.
fn prose(tokens: &Tokens, source: &[u8]) -> Option<usize> {
    let word = |token: &token::Token| {
        let plain = token.kind == Kind::Name && !WORDS.contains(&token.bytes(source));
        plain || token.kind == Kind::Number
    };
    let pairs = tokens.list.windows(2);
    let found = pairs.filter_map(|pair| match pair {
        [one, other] if word(one) && word(other) => usize::try_from(other.start).ok(),
        _ => None,
    });
    found.min()
}

/// Words that other words may follow: keywords, and what was or can be one.
const WORDS: &[&[u8]] = &[
    b"False",
    b"None",
    b"True",
    b"and",
    b"as",
    b"assert",
    b"async",
    b"await",
    b"break",
    b"case",
    b"class",
    b"continue",
    b"def",
    b"del",
    b"elif",
    b"else",
    b"except",
    b"exec",
    b"finally",
    b"for",
    b"from",
    b"global",
    b"if",
    b"import",
    b"in",
    b"is",
    b"lambda",
    b"match",
    b"nonlocal",
    b"not",
    b"or",
    b"pass",
    b"print",
    b"raise",
    b"return",
    b"try",
    b"type",
    b"while",
    b"with",
    b"yield",
];

/// Whether a file's name is one of source.
fn is_named(name: &str) -> bool {
    [".py", ".pyi", ".pyw"].iter().any(|end| name.ends_with(end))
}

/// `path.name`; dots at the end of `path` are those of a relative import.
fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if name.is_empty() => path.to_owned(),
        path if path.ends_with('.') => format!("{path}{name}"),
        path => format!("{path}.{name}"),
    }
}

/// What `module` has under `name`.
fn name_in(module: &str, name: &str) -> Name {
    Name::new(module, name)
}

/// Whether at most one byte in ten is none that text has.
fn mostly_text(head: &[u8]) -> bool {
    let odd = |byte: &&u8| **byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t' | b'\x0c');
    head.iter().filter(odd).count().saturating_mul(10) <= head.len()
}

/// Whether one of the first lines reads like a statement that prose and data do not have; `calls`
/// tells whether a bare call is enough.
fn looks_like_code(head: &[u8], calls: bool) -> bool {
    let tokens = token::cut(head);
    let mut lines = tokens.list.split(|token| token.kind == Kind::Newline);
    lines.any(|line| {
        let code = line.iter().filter(|t| !matches!(t.kind, Kind::Indent | Kind::Dedent));
        let words: Vec<(Kind, &[u8])> =
            code.take(40).map(|token| (token.kind, token.bytes(head))).collect();
        is_statement(&words, calls)
    })
}

fn is_statement(words: &[(Kind, &[u8])], calls: bool) -> bool {
    let name = |at: usize| words.get(at).is_some_and(|(kind, _)| *kind == Kind::Name);
    let text = |at: usize| words.get(at).map_or(b"".as_slice(), |(_, text)| text);
    let dotted = |from: usize| {
        let path = |(at, (kind, text)): &(usize, &(Kind, &[u8]))| match at % 2 {
            0 => *kind == Kind::Name,
            _ => *text == b".",
        };
        words.iter().skip(from).enumerate().take_while(path).count().saturating_add(from)
    };
    match text(0) {
        b"import" => name(1) && matches!(text(dotted(1)), b"" | b"," | b"as" | b";"),
        b"from" => words.iter().any(|(_, word)| *word == b"import") && words.len() > 3,
        b"def" => name(1) && text(2) == b"(",
        b"class" => name(1) && matches!(text(2), b"(" | b":"),
        b"exec" | b"eval" | b"__import__" | b"compile" => {
            text(1) == b"(" || words.get(1).is_some_and(|(kind, _)| *kind == Kind::Text)
        }
        _ if !calls => false,
        b"@" => name(1),
        _ if name(0) => {
            let start = if text(1) == b"=" { 2 } else { 0 };
            let end = dotted(start);
            name(start) && text(end) == b"(" && words.iter().any(|(_, word)| *word == b")")
        }
        _ => false,
    }
}

/// Notes an encoding that turns other bytes into code than the ones that stand here (PEP 263).
fn check_encoding(source: &[u8], reading: &mut Reading) {
    let lines = source.split(|byte| matches!(byte, b'\n' | b'\r'));
    for line in lines.take(4).filter(|line| line.trim_ascii_start().starts_with(b"#")) {
        let line = String::from_utf8_lossy(line.get(..200.min(line.len())).unwrap_or_default());
        let Some((_, after)) = line.split_once("coding") else { continue };
        let Some(after) = after.strip_prefix([':', '=']) else { continue };
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let encoding: String = after.trim_start().chars().take_while(|c| letter(*c)).collect();
        if !encoding.is_empty() && !keeps_ascii(&encoding) {
            let what = format!("source in the encoding `{encoding}`, read as UTF-8");
            reading.gap(
                Span::new(0, to_u64(source.len())),
                Why::Halted(davy_bytes::Blame::Unsupported),
                &what,
            );
        }
    }
    if source.contains(&0) {
        let what = "a NUL byte in source: old versions of Python stop the line there, new ones refuse the file";
        let at = source.iter().position(|byte| *byte == 0).unwrap_or(0);
        reading.deviation(Quirk::LoadersDisagree, Span::new(to_u64(at), 1), Route::None, what);
    }
}

/// Whether bytes below 128 mean ASCII in this encoding, wherever they stand.
fn keeps_ascii(encoding: &str) -> bool {
    let name = encoding.to_ascii_lowercase().replace('_', "-");
    let single = ["iso-8859", "iso8859", "latin", "cp125", "windows-125", "koi8", "euc", "cp437"];
    matches!(name.as_str(), "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii" | "gb2312")
        || name == "utf-8-unix"
        || single.iter().any(|start| name.starts_with(start))
}

fn record_faults(tokens: &Tokens, source: &[u8], reading: &mut Reading) {
    for fault in &tokens.faults {
        let rest = source.get(fault.at..).unwrap_or_default();
        let line = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let len = line.filter(|_| !fault.fatal).unwrap_or(rest.len());
        let span = Span::new(to_u64(fault.at), to_u64(len));
        reading.gap(span, Why::Halted(davy_bytes::Blame::Malformed), fault.what);
    }
}

#[cfg(test)]
mod tests;
