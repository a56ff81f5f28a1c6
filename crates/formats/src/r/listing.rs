//! R's code as text, for people: on one line per statement, bounded in length and depth.

use super::tree::{Entry, Id, Kind, Sort, Tree};
use std::fmt::Write;

/// Levels of code in code that are written out.
const DEPTH: u32 = 40;

/// Arguments of one call that are written out.
const WIDTH: usize = 64;

/// Characters of a string that are written out.
const TEXT: usize = 400;

/// The code at `id`, up to about `most` characters.
pub(super) fn listing(tree: &Tree, id: Id, most: usize) -> String {
    let mut writer = Writer { tree, out: String::new(), most, indent: 0 };
    writer.code(id, 0);
    if writer.is_full() {
        writer.out.push_str(" ...");
    }
    writer.out
}

struct Writer<'a> {
    tree: &'a Tree,
    out: String,
    most: usize,
    indent: usize,
}

impl Writer<'_> {
    fn is_full(&self) -> bool {
        self.out.len() >= self.most
    }

    fn code(&mut self, id: Id, depth: u32) {
        if self.is_full() {
            return;
        }
        if depth > DEPTH || !self.tree.look() {
            return self.out.push_str("...");
        }
        let tree = self.tree;
        match tree.kind(id) {
            Some(Kind::Symbol(_)) => self.out.push_str(tree.symbol(id).unwrap_or("?")),
            Some(Kind::Texts { kept, len }) => {
                let texts: Vec<String> = kept.iter().take(8).map(quoted).collect();
                let more = if *len > 8 { ", ..." } else { "" };
                match texts.as_slice() {
                    [text] => self.out.push_str(text),
                    _ => self.put(format_args!("c({}{more})", texts.join(", "))),
                }
            }
            Some(Kind::Numbers { what: "logical", len: 1, first: Some(first), .. }) => {
                self.out.push_str(if *first == 0.0 { "FALSE" } else { "TRUE" });
            }
            Some(Kind::Numbers { len: 1, first: Some(first), .. }) => {
                self.put(format_args!("{first}"));
            }
            Some(Kind::Numbers { what, len, .. }) => self.put(format_args!("<{what}[{len}]>")),
            Some(Kind::Pair { sort: Sort::Language, car, cdr, .. }) => {
                let args: Vec<Entry> = tree.cells(*cdr).take(WIDTH).collect();
                self.call(*car, &args, depth.saturating_add(1));
            }
            Some(Kind::Pair { sort: Sort::Closure, car, cdr, .. }) => {
                let formals: Vec<Entry> = tree.cells(*car).take(WIDTH).collect();
                self.function(&formals, *cdr, depth.saturating_add(1));
            }
            Some(Kind::Bytecode(parts)) => match parts.get(1) {
                Some(source) => self.code(*source, depth.saturating_add(1)),
                None => self.out.push_str("<bytecode>"),
            },
            Some(Kind::Builtin(text)) => {
                self.out.push_str(&String::from_utf8_lossy(&text.head));
            }
            Some(Kind::Fixed("the empty symbol")) => {}
            _ => self.put(format_args!("<{}>", tree.type_of(id))),
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    fn call(&mut self, car: Id, args: &[Entry], depth: u32) {
        match (self.tree.symbol(car).unwrap_or_default(), args) {
            ("{", _) => self.block(args, depth),
            (word @ ("break" | "next"), []) => self.out.push_str(word),
            ("(", [inner]) => {
                self.out.push('(');
                self.code(inner.car, depth);
                self.out.push(')');
            }
            ("function", [formals, body, ..]) => {
                let cells: Vec<Entry> = self.tree.cells(formals.car).take(WIDTH).collect();
                self.function(&cells, body.car, depth);
            }
            ("if", [test, then, rest @ ..]) => {
                self.out.push_str("if (");
                self.code(test.car, depth);
                self.out.push_str(") ");
                self.code(then.car, depth);
                if let [other, ..] = rest {
                    self.out.push_str(" else ");
                    self.code(other.car, depth);
                }
            }
            ("for", [name, what, body]) => {
                self.out.push_str("for (");
                self.code(name.car, depth);
                self.out.push_str(" in ");
                self.code(what.car, depth);
                self.out.push_str(") ");
                self.code(body.car, depth);
            }
            ("while", [test, body]) => {
                self.out.push_str("while (");
                self.code(test.car, depth);
                self.out.push_str(") ");
                self.code(body.car, depth);
            }
            ("[" | "[[", [object, rest @ ..]) => {
                let double = self.tree.symbol(car) == Some("[[");
                self.code(object.car, depth);
                self.out.push_str(if double { "[[" } else { "[" });
                self.list(rest, depth);
                self.out.push_str(if double { "]]" } else { "]" });
            }
            (operator, [left, right])
                if super::calls::is_syntax(operator) || is_infix(operator) =>
            {
                self.code(left.car, depth);
                let tight = matches!(operator, "$" | "@" | "::" | ":::" | ":" | "^");
                match tight {
                    true => self.out.push_str(operator),
                    false => self.put(format_args!(" {operator} ")),
                }
                self.code(right.car, depth);
            }
            (operator @ ("-" | "!" | "~" | "+" | "?"), [only]) => {
                self.out.push_str(operator);
                self.code(only.car, depth);
            }
            _ => {
                self.code(car, depth);
                self.out.push('(');
                self.list(args, depth);
                self.out.push(')');
            }
        }
    }

    fn block(&mut self, statements: &[Entry], depth: u32) {
        self.out.push('{');
        self.indent = self.indent.saturating_add(1);
        for statement in statements {
            self.line();
            self.code(statement.car, depth);
        }
        self.indent = self.indent.saturating_sub(1);
        self.line();
        self.out.push('}');
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.push_str(&"    ".repeat(self.indent.min(10)));
    }

    fn function(&mut self, formals: &[Entry], body: Id, depth: u32) {
        self.out.push_str("function(");
        for (index, formal) in formals.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.code(formal.tag, depth);
            let bare = matches!(self.tree.kind(formal.car), Some(Kind::Fixed("the empty symbol")));
            if !bare {
                self.out.push_str(" = ");
                self.code(formal.car, depth);
            }
        }
        self.out.push_str(") ");
        self.code(body, depth);
    }

    fn list(&mut self, args: &[Entry], depth: u32) {
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            if let Some(tag) = self.tree.symbol(arg.tag) {
                self.put(format_args!("{tag} = "));
            }
            self.code(arg.car, depth);
        }
    }
}

fn is_infix(name: &str) -> bool {
    name.len() > 1 && name.starts_with('%') && name.ends_with('%')
}

fn quoted(text: &super::feed::Text) -> String {
    let start: String = String::from_utf8_lossy(&text.head).chars().take(TEXT).collect();
    format!("{start:?}")
}
