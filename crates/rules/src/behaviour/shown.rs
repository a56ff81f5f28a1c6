//! Commands and calls as people write them: what a tag shows.

use davy_artifact::{Call, Value};
use std::fmt::Write;

/// Longest text that is shown, in characters.
const LONGEST: usize = 300;

/// A value as a word of a command line, without quotes.
pub(super) fn spelled(value: &Value) -> String {
    match value {
        Value::Text(excerpt) | Value::Bytes(excerpt) => {
            String::from_utf8_lossy(&excerpt.head).into_owned()
        }
        Value::Tuple(parts) | Value::List(parts) => parts.iter().map(spelled).collect(),
        Value::Call(call) if call.callee.text().is_some() => format!("$({})", command_line(call)),
        value => value.to_string(),
    }
}

/// A command with what it is connected with, as a shell has it.
pub(super) fn command_line(call: &Call) -> String {
    let mut line = String::new();
    for (key, value) in &call.kwargs {
        match value {
            Value::Call(before) if key == "|" => {
                let _ = write!(line, "{} | ", command_line(before));
            }
            value if key == "|" => {
                let _ = write!(line, "echo {} | ", quoted(spelled(value).trim_end()));
            }
            _ => {}
        }
    }
    line.push_str(&quoted(&spelled(&call.callee)));
    for arg in &call.args {
        let _ = write!(line, " {}", quoted(&spelled(arg)));
    }
    for (key, value) in call.kwargs.iter().filter(|(key, _)| key != "|") {
        let space = if key.ends_with('&') { "" } else { " " };
        let _ = write!(line, " {key}{space}{}", quoted(&spelled(value)));
    }
    cut(&line)
}

/// A call as pseudo-Python.
pub(super) fn call(call: &Call) -> String {
    cut(&call.to_string())
}

fn quoted(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !"|&;<>'\"".contains(c);
    let substitutes = word.starts_with("$(");
    if substitutes || (!word.is_empty() && word.chars().all(plain)) {
        return word.to_owned();
    }
    format!("'{word}'")
}

/// The start of `text`, on one line.
pub(super) fn cut(text: &str) -> String {
    let mut line = String::new();
    for (at, c) in text.trim().chars().enumerate() {
        if at == LONGEST {
            line.push('…');
            break;
        }
        line.push(if c == '\n' { ' ' } else { c });
    }
    line
}
