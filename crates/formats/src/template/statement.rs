//! Statements of a template, one after the other, with what each opens and closes.

use super::expression::{Expression, text_of};
use super::follow::Follower;
use super::token::{self, Part, Piece, Token};
use super::value::{Kind, Test, Val};
use davy_bytes::Halt;

/// What is open where we are.
#[derive(Debug)]
enum Block {
    /// `if`, with the tests of the branches before.
    If(Vec<Test>),
    /// `set` that takes what stands in it: the variable, and the text so far if all is known.
    Set(String, Option<String>),
    /// Anything else, by the name of its tag.
    Other(&'static str),
}

/// Tags with an end tag that change nothing that matters here.
const PAIRED: &[&str] =
    &["autoescape", "block", "call", "filter", "for", "generation", "macro", "trans", "with"];

/// Reads a template from its first part to its last.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) follower: Follower,
    /// Other templates that it asks for, with the offset and what for.
    pub(super) templates: Vec<(u64, &'static str, Val)>,
    blocks: Vec<Block>,
}

impl Reader {
    /// Reads the next part.
    ///
    /// # Errors
    /// [`Halt::malformed`] where Jinja's parser would give up too.
    pub(super) fn part(&mut self, piece: &Piece) -> Result<(), Halt> {
        self.follower.at = piece.at;
        let end = piece.at.saturating_add(piece.len);
        match &piece.part {
            Part::Data(text) => self.data(text),
            Part::Output(tokens) => {
                let mut expression = Expression::new(tokens, end, &mut self.follower);
                let value = expression.tuple()?;
                finished(&expression)?;
                self.output(tokens, &value);
            }
            Part::Statement(tokens) => {
                let mut expression = Expression::new(tokens, end, &mut self.follower);
                let tag = expression.name()?;
                self.statement(tag, tokens, end)?;
            }
        }
        Ok(())
    }

    /// Closes what is still open at the end.
    ///
    /// # Errors
    /// [`Halt::malformed`] at `end` if anything is.
    pub(super) fn finish(&mut self, end: u64) -> Result<(), Halt> {
        while !self.follower.open.is_empty() {
            self.follower.leave();
        }
        match self.blocks.last() {
            None => Ok(()),
            Some(block) => Err(Halt::malformed(end, format!("`{}` does not end", block.tag()))),
        }
    }

    fn data(&mut self, text: &str) {
        self.follower.put_out(text);
        if let Some(Block::Set(_, Some(known))) = self.blocks.last_mut() {
            known.push_str(text);
        }
    }

    fn output(&mut self, tokens: &[Token], value: &Val) {
        // What is raised ends the template and is not put out.
        let raised = matches!(tokens, [first, ..] if is_word(first, "raise_exception"));
        if raised && !self.follower.is_set("raise_exception") {
            return;
        }
        for text in tokens.iter().filter_map(|token| text_of(&token.kind)) {
            self.follower.put_out(text);
        }
        if let Some(Block::Set(_, known)) = self.blocks.last_mut() {
            *known = match (known.take(), value.printed()) {
                (Some(known), Some(more)) => Some(known + &more),
                _ => None,
            };
        }
    }

    fn statement(&mut self, tag: &str, tokens: &[Token], end: u64) -> Result<(), Halt> {
        let rest = tokens.get(1..).unwrap_or_default();
        if let Some(opened) = tag.strip_prefix("end") {
            return self.end(opened, end);
        }
        match tag {
            "if" | "elif" | "else" => return self.condition(tag, rest, end),
            "set" => return self.set(rest, end),
            "include" | "extends" | "import" | "from" => return self.template(tag, rest, end),
            "break" | "continue" | "pluralize" => return Ok(()),
            _ => {}
        }
        let mut expression = Expression::new(rest, end, &mut self.follower);
        match tag {
            "for" => {
                expression.follower.range = None;
                loop_over(&mut expression)?;
                self.follower.begin_loop();
            }
            "macro" | "call" => callable(tag, &mut expression)?,
            "with" => bindings(&mut expression)?,
            "filter" => {
                expression.filter(&Val::unknown())?;
                while expression.take("|") {
                    expression.filter(&Val::unknown())?;
                }
            }
            "do" | "print" | "autoescape" => {
                expression.tuple()?;
            }
            "block" | "generation" | "trans" => {}
            _ => {
                let at = tokens.first().map_or(end, |token| token.at);
                return Err(Halt::malformed(at, format!("the unknown tag `{tag}`")));
            }
        }
        if let Some(paired) = PAIRED.iter().find(|paired| **paired == tag) {
            self.blocks.push(Block::Other(paired));
        }
        Ok(())
    }

    fn condition(&mut self, tag: &str, rest: &[Token], end: u64) -> Result<(), Halt> {
        let mut before = Vec::new();
        if tag == "else" && matches!(self.blocks.last(), Some(Block::Other("for"))) {
            return Ok(());
        }
        if tag != "if" {
            let Some(Block::If(tests)) = self.blocks.pop() else {
                return Err(Halt::malformed(end, format!("`{tag}` without `if`")));
            };
            self.follower.leave();
            before = tests;
        }
        let mut tests = before.clone();
        if tag != "else" {
            let mut expression = Expression::new(rest, end, &mut self.follower);
            let value = expression.tuple()?;
            finished(&expression)?;
            tests = value.tests;
            let keys = keys_asked_for(rest);
            tests.retain(|test| test.how != "in" || !keys.contains(&test.constant.as_str()));
            before.extend(tests.iter().cloned());
        }
        before.truncate(8);
        self.follower.enter(tests);
        self.blocks.push(Block::If(before));
        Ok(())
    }

    fn set(&mut self, rest: &[Token], end: u64) -> Result<(), Halt> {
        let mut expression = Expression::new(rest, end, &mut self.follower);
        let mut targets = Vec::new();
        loop {
            let mut target = expression.name()?.to_owned();
            while expression.take(".") {
                target.push('.');
                target.push_str(expression.name()?);
            }
            targets.push(target);
            if !expression.take(",") {
                break;
            }
        }
        if !expression.take("=") {
            while expression.take("|") {
                expression.filter(&Val::unknown())?;
            }
            finished(&expression)?;
            let target = targets.into_iter().next().unwrap_or_default();
            self.blocks.push(Block::Set(target, Some(String::new())));
            return Ok(());
        }
        let value = expression.tuple()?;
        finished(&expression)?;
        for text in rest.iter().filter_map(|token| text_of(&token.kind)) {
            self.follower.put_out(text);
            self.follower.put_out(" ");
        }
        self.assign(&targets, &value);
        Ok(())
    }

    fn assign(&mut self, targets: &[String], value: &Val) {
        let [target] = targets else {
            let items = value.elements().unwrap_or_default();
            for (at, target) in targets.iter().enumerate() {
                let item = items.get(at).cloned().unwrap_or_else(Val::unknown);
                self.follower.set(target, item);
            }
            return;
        };
        match target.split_once('.') {
            // An attribute of a namespace.
            Some((variable, key)) => {
                let mut holder = self.follower.variable(variable);
                if let Kind::Dict(items) = &mut holder.kind {
                    let before = items.iter().position(|(name, _)| name == key);
                    let before = before.map(|at| items.swap_remove(at).1);
                    let mut all = Val::any(before.into_iter().chain([value.clone()]).collect());
                    all.tests.clone_from(&value.tests);
                    items.push((key.to_owned(), all));
                    self.follower.bind(variable, holder);
                }
            }
            None => self.follower.set(target, value.clone()),
        }
    }

    fn template(&mut self, tag: &str, rest: &[Token], end: u64) -> Result<(), Halt> {
        let purpose = match tag {
            "include" => "template to include",
            "extends" => "template to extend",
            _ => "template to import",
        };
        let mut expression = Expression::new(rest, end, &mut self.follower);
        let name = expression.value()?;
        self.templates.push((self.follower.at, purpose, name));
        Ok(())
    }

    fn end(&mut self, opened: &str, end: u64) -> Result<(), Halt> {
        match self.blocks.pop() {
            Some(block) if block.tag() == opened => {
                match block {
                    Block::If(_) => {
                        self.follower.leave();
                    }
                    Block::Set(target, known) => {
                        let value = known.map_or_else(Val::unknown, Val::text);
                        self.follower.set(&target, value);
                    }
                    Block::Other("for") => {
                        self.follower.loops.pop();
                    }
                    Block::Other(_) => {}
                }
                Ok(())
            }
            _ => Err(Halt::malformed(end, format!("`end{opened}` without `{opened}`"))),
        }
    }
}

impl Block {
    fn tag(&self) -> &'static str {
        match self {
            Self::If(_) => "if",
            Self::Set(..) => "set",
            Self::Other(tag) => tag,
        }
    }
}

fn finished(expression: &Expression<'_, '_>) -> Result<(), Halt> {
    if expression.done() { Ok(()) } else { Err(expression.fault("more than one value in a tag")) }
}

/// `for a, b in items if condition`: each variable may be each of the items.
fn loop_over(expression: &mut Expression<'_, '_>) -> Result<(), Halt> {
    let mut targets = Vec::new();
    loop {
        let open = expression.take("(");
        targets.push(expression.name()?);
        if open || expression.take(")") {
            continue;
        }
        if !expression.take(",") {
            break;
        }
    }
    expression.take(")");
    if !expression.word("in") {
        return Err(expression.fault("`in` is missing"));
    }
    let items = expression.tuple()?;
    // The loop's own condition comes as an `if` without `else` and is part of that value.
    expression.word("recursive");
    finished(expression)?;
    let single = targets.len() == 1;
    let elements = items.alternatives().iter().filter_map(Val::elements).flatten().collect();
    let element = Val::any(elements);
    for target in targets {
        let value = match element.kind {
            Kind::Unknown => Val::variable(target).about(items.subject),
            _ if single => element.clone(),
            _ => Val::unknown(),
        };
        expression.follower.bind(target, value);
    }
    Ok(())
}

/// Whether a token is this name or keyword.
fn is_word(token: &Token, word: &str) -> bool {
    matches!(&token.kind, token::Kind::Name(name) if name == word)
}

/// The keys that a condition looks for in what it has found to be a mapping: `x is mapping and 'key' in
/// x`. What people write is text, and no such condition ever holds for it.
fn keys_asked_for<'a>(tokens: &'a [Token]) -> Vec<&'a str> {
    let (mut clauses, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, token) in tokens.iter().enumerate() {
        match &token.kind {
            token::Kind::Operator("(" | "[" | "{") => depth = depth.saturating_add(1),
            token::Kind::Operator(")" | "]" | "}") => depth = depth.saturating_sub(1),
            token::Kind::Name(word) if depth == 0 && (word == "or" || word == "if") => {
                return vec![];
            }
            token::Kind::Name(word) if depth == 0 && word == "and" => {
                clauses.extend(tokens.get(start..at));
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    clauses.extend(tokens.get(start..));
    let kinds = |tokens: &[Token]| tokens.iter().map(|it| it.kind.clone()).collect::<Vec<_>>();
    let mappings: Vec<_> = clauses
        .iter()
        .filter_map(|clause| match *clause {
            [value @ .., is, mapping] if is_word(is, "is") && is_word(mapping, "mapping") => {
                Some(kinds(value))
            }
            _ => None,
        })
        .collect();
    let key = |clause: &&'a [Token]| match *clause {
        [Token { kind: token::Kind::Text(key), .. }, within, value @ ..]
            if is_word(within, "in") && mappings.contains(&kinds(value)) =>
        {
            Some(key.as_str())
        }
        _ => None,
    };
    clauses.iter().filter_map(key).collect()
}

/// `macro name(parameters)` and `call(parameters) name(…)`.
fn callable(tag: &str, expression: &mut Expression<'_, '_>) -> Result<(), Halt> {
    let name = if tag == "macro" { Some(expression.name()?) } else { None };
    if expression.take("(") {
        parameters(expression)?;
    }
    match name {
        Some(name) => expression.follower.bind(name, Val::variable(name)),
        None => {
            expression.value()?;
        }
    }
    finished(expression)
}

/// Parameters with their defaults; what they will be is not known.
fn parameters(expression: &mut Expression<'_, '_>) -> Result<(), Halt> {
    while !expression.take(")") {
        let name = expression.name()?;
        let variable = Val::variable(name);
        let value = if expression.take("=") {
            Val::any(vec![expression.value()?, variable])
        } else {
            variable
        };
        expression.follower.bind(name, value);
        if !expression.take(",") {
            expression.expect(")")?;
            break;
        }
    }
    Ok(())
}

/// `with a = …, b = …`.
fn bindings(expression: &mut Expression<'_, '_>) -> Result<(), Halt> {
    while !expression.done() {
        let name = expression.name()?;
        if !expression.take("=") {
            return Err(expression.fault("`=` is missing"));
        }
        let value = expression.value()?;
        expression.follower.set(name, value);
        if !expression.take(",") {
            break;
        }
    }
    finished(expression)
}
