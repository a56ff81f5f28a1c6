//! What commands print that only turn text into other text: how scripts hide what they run.

use super::lexer::unescape;
use crate::pickle::{inflate, unbase64, unhex};
use davy_artifact::{Call, Value};

/// Longest output that is computed.
const LONGEST: usize = 64 << 10;

/// What `call` prints, where that follows from its words and its constant input.
pub(super) fn output(call: &Call) -> Option<Vec<u8>> {
    let program = call.callee.text()?.rsplit('/').next()?;
    let args: Vec<&str> = call.args.iter().map(Value::text).collect::<Option<_>>()?;
    let printed = match program {
        "echo" => echo(&args),
        "printf" => printf(&args)?,
        "cat" | "tee" if args.iter().all(|arg| *arg == "-" || program == "tee") => input(call)?,
        "base64" | "gbase64" if decodes(&args) => unbase64(&input(call)?)?,
        "openssl" if args.contains(&"-d") && args.iter().any(|arg| arg.ends_with("base64")) => {
            unbase64(&input(call)?)?
        }
        "xxd" if args.iter().any(|arg| matches!(*arg, "-r" | "-rp" | "-pr")) => {
            let plain: Vec<u8> =
                input(call)?.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
            unhex(&plain)?
        }
        "gunzip" | "zcat" => inflate(&input(call)?)?,
        "gzip" if args.iter().any(|arg| arg.contains('d')) => inflate(&input(call)?)?,
        "rev" => {
            String::from_utf8(input(call)?).ok()?.lines().map(reversed).collect::<String>().into()
        }
        "tr" => translate(&input(call)?, &args)?,
        _ => return None,
    };
    (printed.len() <= LONGEST).then_some(printed)
}

/// The constant text that a command reads.
fn input(call: &Call) -> Option<Vec<u8>> {
    let read = call.kwargs.iter().find(|(key, _)| matches!(key.as_str(), "|" | "<<"))?;
    match &read.1 {
        Value::Text(excerpt) => Some(excerpt.head.clone()),
        _ => None,
    }
}

fn echo(args: &[&str]) -> Vec<u8> {
    let options = args.iter().take_while(|arg| matches!(**arg, "-n" | "-e" | "-ne" | "-en" | "-E"));
    let options: Vec<&&str> = options.collect();
    let words = args.get(options.len()..).unwrap_or_default().join(" ");
    let escaped = options.iter().any(|option| option.contains('e'));
    let mut out = if escaped { unescape(&words) } else { words };
    if !options.iter().any(|option| option.contains('n')) {
        out.push('\n');
    }
    out.into()
}

fn printf(args: &[&str]) -> Option<Vec<u8>> {
    let (format, values) = args.split_first()?;
    let format = unescape(format);
    let mut values = values.iter();
    let mut parts = format.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut rest = part.chars();
        match rest.next() {
            Some('s') => out.push_str(values.next().unwrap_or(&"")),
            Some('b') => out.push_str(&unescape(values.next().unwrap_or(&""))),
            _ => return None,
        }
        out.push_str(rest.as_str());
    }
    Some(out.into())
}

fn decodes(args: &[&str]) -> bool {
    args.iter().any(|arg| matches!(*arg, "-d" | "-D" | "-di" | "--decode"))
}

fn reversed(line: &str) -> String {
    line.chars().rev().chain(['\n']).collect()
}

/// `tr SET SET` and `tr -d SET`.
fn translate(input: &[u8], args: &[&str]) -> Option<Vec<u8>> {
    let input = std::str::from_utf8(input).ok()?;
    let out: String = match args {
        ["-d", set] => {
            let set = members(set);
            input.chars().filter(|c| !set.contains(c)).collect()
        }
        [from, to] if !from.starts_with('-') => {
            let (from, to) = (members(from), members(to));
            let turned = |c: char| {
                let at = from.iter().position(|other| *other == c);
                at.and_then(|at| to.get(at).or(to.last())).copied().unwrap_or(c)
            };
            input.chars().map(turned).collect()
        }
        _ => return None,
    };
    Some(out.into())
}

/// The characters of a set with ranges, up to the size of the ASCII table.
fn members(set: &str) -> Vec<char> {
    let letters: Vec<char> = unescape(set).chars().filter(|c| !matches!(c, '[' | ']')).collect();
    let mut out = Vec::new();
    let mut at = 0_usize;
    while let Some(first) = letters.get(at) {
        let last = letters.get(at.saturating_add(2));
        match (letters.get(at.saturating_add(1)), last) {
            (Some('-'), Some(last)) => {
                out.extend((*first..=*last).take(256));
                at = at.saturating_add(3);
            }
            _ => {
                out.push(*first);
                at = at.saturating_add(1);
            }
        }
        if out.len() > 512 {
            break;
        }
    }
    out
}
