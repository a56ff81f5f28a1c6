//! Python expressions in configurations: handed over as source of their own, so that they are judged
//! by what they call.

use super::Walk;
use crate::json::{Kind, Node};
use crate::python::builtins;
use davy_artifact::{Reading, Role};
use davy_bytes::Bytes;
use std::collections::HashSet;

/// Expressions that become an artifact each; what is behind them becomes one together.
const APART: usize = 50;

/// Bytes of expressions that are read.
const MOST: usize = 1 << 20;

/// Resolvers that projects register to compute with Python.
const RESOLVERS: &[&str] = &["calc", "eval", "exec", "expr", "lambda", "math", "py", "python"];

/// Keys of the notes that a detector's exporter puts into the metadata of a model, of which the values
/// are literals of Python: Ultralytics' and YOLOv5's loaders evaluate them (`nn/autobackend.py`,
/// `models/common.py`: `eval(metadata["names"])`).
const NOTES: &[&str] = &["args", "imgsz", "kpt_names", "kpt_shape", "names"];

/// Rows of a detector that are looked at.
const ROWS: usize = 1_000;

/// An expression with `@id`, `@id#part` and `@id::part`, which stand for other values of the bundle, as
/// names.
fn without_references(expression: &str) -> String {
    let expression = expression.replace("::", "#");
    let mut pieces = expression.split('@');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#');
        let end = piece.find(|c| !is_part(c)).unwrap_or(piece.len());
        let (id, rest) = piece.split_at(end);
        plain.push_str(&id.replace('#', "_"));
        plain.push_str(rest);
    }
    plain
}

/// Whether a text is nothing but an import or a call: bundles of MONAI are made of several files, of which
/// one need not say what it is.
fn is_call(text: &str) -> bool {
    let path = text.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.'));
    let callee = text.len() > path.len() && !text.starts_with(|c: char| c.is_ascii_digit());
    text.starts_with("import ") || (callee && path.starts_with('(') && path.ends_with(')'))
}

/// Whether metadata under `key` is evaluated by the loaders of detectors, and does more than stand for
/// a value: it calls something, or makes values in a loop.
fn evaluates(key: &str, text: &str) -> bool {
    NOTES.contains(&key) && text.len() <= MOST && acts(text)
}

/// Hands a text of the metadata of a model over as source, where the loaders of detectors evaluate it.
pub(crate) fn note(key: &str, text: &str, reading: &mut Reading) {
    if evaluates(key, text) {
        let source = Bytes::from_memory(format!("{text}\n").into_bytes());
        reading.child(format!("metadata {key}.py"), source, Role::Loaded);
    }
}

/// Whether an expression calls a built-in function or a method, or goes through names that lead
/// anywhere. Words in brackets, as names of classes have them, are no calls.
fn acts(text: &str) -> bool {
    let (mut quote, mut word, mut before) = (None, String::new(), ' ');
    let mut dotted = false;
    let bracketed = text.trim_start().starts_with(['[', '{', '(']);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if let Some(open) = quote {
            match c {
                '\\' => _ = chars.next(),
                _ if c == open => quote = None,
                // The prefix of a text that has expressions in it.
                '{' if word.to_ascii_lowercase().contains('f') => return true,
                _ => {}
            }
            before = c;
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            if word.is_empty() {
                dotted = before == '.';
            }
            word.push(c);
        } else if matches!(c, '\'' | '"') {
            quote = Some(c);
        } else {
            let calls = c == '(' && (dotted || builtins::is(&word)) && before != ' ';
            let leads =
                word.contains("__") || bracketed && matches!(word.as_str(), "for" | "lambda");
            if calls && !word.is_empty() || leads {
                return true;
            }
            word.clear();
        }
        before = c;
    }
    word.contains("__")
}

/// The expressions of a configuration.
#[derive(Default)]
pub(super) struct Sources {
    found: Vec<(String, String)>,
    said: HashSet<String>,
    size: usize,
}

impl<'d> Walk<'_, '_, 'd> {
    /// A string: an expression of its own, or one with resolvers in it.
    pub(super) fn text(&mut self, node: Node<'d>) {
        let Some(text) = node.text().filter(|text| text.contains('$')) else { return };
        let expression = text
            .strip_prefix('$')
            .filter(|it| !it.starts_with('{') && (self.expressions || is_call(it)));
        if let Some(expression) = expression {
            self.expression(node, &without_references(expression));
        }
        for (at, _) in text.match_indices("${") {
            let inside = text.get(at.saturating_add(2)..).unwrap_or_default();
            let Some((resolver, rest)) = inside.split_once(':') else { continue };
            if RESOLVERS.contains(&resolver.trim()) {
                let end = rest.rfind('}').unwrap_or(rest.len());
                let inner = rest.get(..end).unwrap_or_default().trim();
                let inner = inner.trim_matches(['\'', '"']);
                self.expression(node, inner);
            }
        }
    }

    /// Keeps an expression that can call something.
    fn expression(&mut self, node: Node<'d>, text: &str) {
        let acts = text.contains(['(', ';', '`']) || text.contains("import");
        let fits = self.sources.size.saturating_add(text.len()) <= MOST;
        if acts && fits && self.sources.said.insert(text.to_owned()) {
            self.sources.size = self.sources.size.saturating_add(text.len());
            self.sources.found.push((node.path(), format!("{text}\n")));
        }
    }

    /// The rows of YOLO's models: module and arguments, each of which its `parse_model` evaluates
    /// where it is text.
    pub(super) fn detector_rows(&mut self, root: Node<'d>) {
        if root.get("backbone").is_none() || root.get("head").is_none() {
            return;
        }
        let rows =
            ["backbone", "head"].iter().filter_map(|key| root.get(key)).flat_map(Node::items);
        for row in rows.take(ROWS) {
            // The module is evaluated by its name, and called with the rest.
            if let Some(module) = row.item(2) {
                self.naming(row, module);
            }
            for cell in row.items().skip(2) {
                for part in std::iter::once(cell).chain(cell.items()) {
                    self.evaluated(part);
                }
            }
        }
        root.get("activation").into_iter().for_each(|part| self.evaluated(part));
    }

    fn evaluated(&mut self, node: Node<'d>) {
        if let Some(text) = node.text().filter(|_| node.kind() == Kind::Text) {
            self.expression(node, &text);
        }
    }

    /// What YOLO's exporters note beside a model, and its loader evaluates where it is text.
    pub(super) fn detector_notes(&mut self, root: Node<'d>) {
        for (key, value) in root.entries().take(ROWS) {
            let key = key.text().unwrap_or_default();
            let text = value.text().filter(|_| value.kind() == Kind::Text);
            if text.is_some_and(|text| evaluates(&key, &text)) {
                self.evaluated(value);
            }
        }
    }

    /// Hands the expressions over.
    pub(super) fn sources(&mut self) {
        let found = std::mem::take(&mut self.sources.found);
        let mut rest = String::new();
        for (index, (path, source)) in found.into_iter().enumerate() {
            if index < APART {
                let bytes = Bytes::from_memory(source.into_bytes());
                self.recorder.reading.child(format!("{path}.py"), bytes, Role::Loaded);
            } else {
                rest.push_str(&source);
            }
        }
        if !rest.is_empty() {
            let bytes = Bytes::from_memory(rest.into_bytes());
            self.recorder.reading.child("expressions.py", bytes, Role::Loaded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_detectors_are_literals_unless_they_act() {
        for literal in [
            "{0: 'person', 1: 'traffic light (red)', 2: \"dining.table('x')\"}",
            "[640, 640]",
            "(17, 3)",
            "person, cat (domestic), dog",
            "{'batch': 1, 'half': False, 'scale': 1e-3}",
        ] {
            assert!(!evaluates("names", literal), "{literal}");
        }
        for hostile in [
            "__import__('os').system('id')",
            "{0: open('/etc/passwd').read()}",
            "[x for x in (1,)]",
            "{0: 'a'.__class__}",
            "f'{exec}'",
            "[1, 2].pop()",
        ] {
            assert!(evaluates("imgsz", hostile), "{hostile}");
        }
        assert!(!evaluates("description", "eval('1')"));
    }
}
