//! Lays out what a body does as lines of pseudo-Python: conditions and loops by indentation, where
//! jumps fit that, and by labels where they do not.

use super::events::{Event, Placed};
use super::program::Unit;
use super::slot::{S, Slot, level};
use std::collections::{BTreeMap, BTreeSet};

/// Lines that one body is shown with.
const ROWS: usize = 400;

/// Levels of indentation.
const DEEPEST: usize = 24;

/// A line of a listing.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// A class: levels of indentation, body, bases.
    Class(usize, usize, String),
    /// A function: levels of indentation, body.
    Def(usize, usize),
    /// Text: levels of indentation, and the line.
    Text(usize, String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    Else,
    Handler,
    If,
    Loop,
    Try,
    With,
}

/// A block that is open.
#[derive(Debug)]
struct Region {
    shape: Shape,
    /// Offset of its first and behind its last instruction.
    start: u32,
    end: u32,
    /// Its header, by number of its row.
    row: usize,
    /// Whether anything stands in it.
    filled: bool,
    /// What handles the faults in it.
    handler: Option<u32>,
    /// The condition of an `if`, and the outcome with which it is passed over.
    condition: Option<(S, bool)>,
}

/// See [`lay_out`].
#[derive(Debug, Default)]
struct Layout {
    rows: Vec<Row>,
    regions: Vec<Region>,
    /// Loops that no `for` makes: their heads, and where they end.
    loops: BTreeMap<u32, u32>,
    /// The header that waits for its target.
    header: Option<usize>,
    labels: BTreeSet<u32>,
    /// Where each handler ends, as far as the jump over it tells.
    joins: BTreeMap<u32, u32>,
    /// Where what each handler guards begins.
    tried: BTreeMap<u32, u32>,
    /// Where exceptions go on that no handler takes.
    unmatched: BTreeSet<u32>,
    class: bool,
    /// Where handlers begin that stand behind all other code (3.12 on).
    cold: u32,
}

/// How a lambda reads that does nothing but return an expression.
pub(super) fn expression(unit: &Unit<'_>) -> Option<String> {
    let mut told = unit.events.iter().filter(|placed| !matches!(placed.event, Event::Dead));
    let (only, more) = (told.next()?, told.next());
    match (&only.event, more) {
        (Event::Return(text), None) => Some(format!("lambda {}: {text}", parameters(unit))),
        _ => None,
    }
}

/// The parameters of a function, as they are written.
pub(super) fn parameters(unit: &Unit<'_>) -> String {
    let code = unit.code;
    let placed = davy_bytes::to_usize(u64::from(code.argcount));
    let keyed = davy_bytes::to_usize(u64::from(code.kwonlyargcount));
    let starred = code.flags & crate::bytecode::CodeObject::VARARGS != 0;
    let behind = placed.saturating_add(keyed);
    let mut shown: Vec<String> = Vec::new();
    let names: Vec<&str> = code.parameters().take(64).collect();
    for (at, name) in names.iter().enumerate().take(behind) {
        if at == placed && keyed > 0 {
            let star = names.get(behind).filter(|_| starred).copied().unwrap_or_default();
            shown.push(format!("*{}", davy_bytes::escape(star)));
        }
        shown.push(davy_bytes::escape(name));
    }
    let mut rest = names.iter().skip(behind);
    if starred && let Some(name) = rest.next().filter(|_| keyed == 0) {
        shown.push(format!("*{}", davy_bytes::escape(name)));
    }
    if code.flags & crate::bytecode::CodeObject::VARKEYWORDS != 0
        && let Some(name) = rest.next()
    {
        shown.push(format!("**{}", davy_bytes::escape(name)));
    }
    shown.join(", ")
}

/// The lines of one body, without its header.
pub(super) fn lay_out(unit: &Unit<'_>) -> Vec<Row> {
    let mut events: Vec<&Placed> =
        unit.events.iter().filter(|placed| !matches!(placed.event, Event::Dead)).collect();
    events.sort_by_key(|placed| placed.at);
    let mut layout = Layout { class: unit.class, cold: unit.cold, ..Layout::default() };
    layout.find_loops(&events);
    let mut from = 0;
    for (number, placed) in events.iter().enumerate() {
        if layout.rows.len() >= ROWS {
            layout.text("…".to_owned());
            break;
        }
        layout.close(placed.at);
        let from_here = from.min(placed.at);
        layout.label(from_here, placed.at);
        layout.open_loops(from_here, placed);
        layout.show(placed, number.saturating_add(1) == events.len());
        from = placed.at.saturating_add(1);
    }
    layout.close(u32::MAX);
    if unit.cut {
        layout.rows.push(Row::Text(0, "…".to_owned()));
    }
    layout.rows
}

impl Layout {
    fn find_loops(&mut self, events: &[&Placed]) {
        for placed in events {
            let (target, next) = match placed.event {
                Event::Jump { target, next } | Event::Cond { target, next, .. } => (target, next),
                _ => continue,
            };
            if target <= placed.at && !self.returns(placed.at, target) {
                let end = self.loops.entry(target).or_insert(next);
                *end = next.max(*end);
            }
        }
        for placed in events {
            if let Event::For { .. } = placed.event {
                self.loops.remove(&placed.at);
            }
        }
    }

    /// Whether a jump leads out of the handlers behind all other code, back to what follows the block
    /// that they guard.
    fn returns(&self, at: u32, target: u32) -> bool {
        at >= self.cold && target < self.cold
    }

    fn indent(&self) -> usize {
        self.regions.len().min(DEEPEST)
    }

    fn text(&mut self, text: String) {
        self.fill();
        let indent = self.indent();
        self.rows.push(Row::Text(indent, text));
    }

    fn fill(&mut self) {
        for region in self.regions.iter_mut().rev() {
            if std::mem::replace(&mut region.filled, true) {
                break;
            }
        }
        self.header = None;
    }

    /// Opens a block with a header.
    fn open(&mut self, shape: Shape, header: String, start: u32, end: u32) {
        self.text(header);
        let row = self.rows.len().saturating_sub(1);
        let end = end.min(self.bound());
        self.regions.push(Region {
            shape,
            start,
            end,
            row,
            filled: false,
            handler: None,
            condition: None,
        });
    }

    /// Closes what ends at or before `at`.
    fn close(&mut self, at: u32) {
        while self.regions.last().is_some_and(|region| region.end <= at) {
            self.close_last();
        }
    }

    fn close_last(&mut self) {
        let Some(region) = self.regions.pop() else { return };
        if region.filled {
            if region.shape == Shape::Loop {
                self.unrotate(&region);
            }
            return;
        }
        let last = region.row.saturating_add(1) == self.rows.len();
        let header = self.rows.get(region.row);
        let named = matches!(header, Some(Row::Text(_, text)) if text.starts_with("except "));
        if matches!(region.shape, Shape::Handler | Shape::Else | Shape::Try) && last && !named {
            self.rows.pop();
            return;
        }
        let indent = self.indent().saturating_add(1);
        self.rows.push(Row::Text(indent, "pass".to_owned()));
    }

    /// From 3.10 on, `while a:` asks twice: before the loop, and at the end of each turn.
    fn unrotate(&mut self, region: &Region) {
        let around = self.regions.last().filter(|around| around.shape == Shape::If);
        let Some((value, when)) = around.and_then(|around| around.condition.as_ref()) else {
            return;
        };
        let again = format!("if {}: break", worded(value, *when));
        let header = format!("while {}:", worded(value, !when));
        let Some(first) = around.map(|around| around.row) else { return };
        let twice = matches!(self.rows.last(), Some(Row::Text(_, last)) if *last == again);
        let bare =
            matches!(self.rows.get(region.row), Some(Row::Text(_, text)) if text == "while True:");
        if !twice || !bare || first.saturating_add(1) != region.row {
            return;
        }
        self.rows.pop();
        self.regions.pop();
        self.rows.remove(first);
        if let Some(Row::Text(_, text)) = self.rows.get_mut(first) {
            *text = header;
        }
        for row in self.rows.iter_mut().skip(first) {
            let (Row::Class(level, ..) | Row::Def(level, _) | Row::Text(level, _)) = row;
            *level = level.saturating_sub(1);
        }
        if first.saturating_add(1) == self.rows.len() {
            let level = self.indent().saturating_add(1);
            self.rows.push(Row::Text(level, "pass".to_owned()));
        }
    }

    fn label(&mut self, from: u32, at: u32) {
        let passed: Vec<u32> = self.labels.range(from..=at).copied().collect();
        for label in passed {
            self.labels.remove(&label);
            // Nothing that is shown stands in between.
            let jump = format!("goto L{label}");
            if matches!(self.rows.last(), Some(Row::Text(_, last)) if *last == jump) {
                self.rows.pop();
                continue;
            }
            self.text(format!("L{label}:"));
        }
    }

    fn open_loops(&mut self, from: u32, placed: &Placed) {
        let heads: Vec<(u32, u32)> =
            self.loops.range(from..=placed.at).map(|(head, end)| (*head, *end)).collect();
        for (head, end) in heads {
            self.loops.remove(&head);
            self.open(Shape::Loop, "while True:".to_owned(), head, end);
        }
    }

    /// The end of what is around here.
    fn bound(&self) -> u32 {
        self.regions.iter().map(|region| region.end).min().unwrap_or(u32::MAX)
    }

    fn innermost_loop(&self) -> Option<&Region> {
        self.regions.iter().rev().find(|region| region.shape == Shape::Loop)
    }

    fn show(&mut self, placed: &Placed, last: bool) {
        match &placed.event {
            Event::As(target) => self.aim(target),
            Event::Class { unit, bases } => {
                self.fill();
                self.rows.push(Row::Class(self.indent(), *unit, bases.clone()));
            }
            Event::Cond { value, when, target, next } => {
                self.condition(value, *when, placed.at, (*target, *next));
            }
            Event::Dead => {}
            Event::Def(unit) => {
                self.fill();
                self.rows.push(Row::Def(self.indent(), *unit));
            }
            Event::Except { text, target } => self.except(text, placed.at, *target),
            Event::For { over, target } => {
                let header = format!("for … in {over}:");
                self.open(Shape::Loop, header, placed.at, *target);
                self.header = self.rows.len().checked_sub(1);
            }
            Event::ForAsync(over) => {
                let row = self.rows.len().checked_sub(1);
                if let Some(Row::Text(_, header)) = self.rows.last_mut()
                    && header == "while True:"
                {
                    *header = format!("async for … in {over}:");
                    self.header = row;
                }
            }
            Event::Handler => self.handler(placed.at),
            Event::Jump { target, next } => self.jump(placed.at, *target, *next),
            Event::Line(text) => self.text(text.clone()),
            Event::Reraise => {
                let inner = self.regions.last();
                let own =
                    inner.is_some_and(|region| region.filled && region.shape == Shape::Handler);
                if own && !self.unmatched.contains(&placed.at) {
                    self.text("raise".to_owned());
                }
            }
            Event::Return(text) => {
                let implicit = self.class || last && text == "None" && !self.rows.is_empty();
                if !implicit {
                    self.text(format!("return {text}"));
                }
            }
            Event::Try { end, handler } => {
                self.tried.insert(*handler, placed.at);
                self.open(Shape::Try, "try:".to_owned(), placed.at, *end);
                if let Some(region) = self.regions.last_mut() {
                    region.handler = Some(*handler);
                }
            }
            Event::With { text, end } => {
                self.open(Shape::With, format!("{text}:"), placed.at, *end);
                self.header = self.rows.len().checked_sub(1);
            }
        }
    }

    /// Gives the last header its target.
    fn aim(&mut self, target: &str) {
        let Some(row) = self.header.take() else { return };
        let Some(Row::Text(_, text)) = self.rows.get_mut(row) else { return };
        if let Some((word, over)) = text.split_once("for … in ") {
            *text = format!("{word}for {target} in {over}");
        } else if let Some(head) = text.strip_suffix(':') {
            *text = format!("{head} as {target}:");
        }
    }

    fn condition(&mut self, value: &S, when: bool, at: u32, (target, next): (u32, u32)) {
        let taken = worded(value, when);
        let passed = worded(value, !when);
        if target <= at {
            let ends = self.innermost_loop().is_some_and(|region| region.end <= next);
            let line =
                if ends { format!("if {passed}: break") } else { format!("if {taken}: continue") };
            return self.text(line);
        }
        if self.joins_last(value, when, (target, next)) {
            return;
        }
        if let Some(region) = self.innermost_loop().filter(|region| target >= region.end) {
            // A condition right behind the head of a loop is the loop's own.
            let fresh = region.row.saturating_add(1) == self.rows.len();
            let row = region.row;
            if let Some(Row::Text(_, header)) = self.rows.get_mut(row)
                && fresh
                && header == "while True:"
            {
                *header = format!("while {passed}:");
                return;
            }
            return self.text(format!("if {taken}: break"));
        }
        if target > self.bound() && self.regions.last().is_none_or(|r| r.shape != Shape::Try) {
            self.labels.insert(target);
            return self.text(format!("if {taken}: goto L{target}"));
        }
        self.open(Shape::If, format!("if {passed}:"), at, target);
        if let Some(region) = self.regions.last_mut() {
            region.condition = Some((S::clone(value), when));
        }
    }

    /// `if a and b:` and `if a or b:` make several jumps; the `if` before is one of them.
    fn joins_last(&mut self, value: &S, when: bool, (target, next): (u32, u32)) -> bool {
        let fresh = self.rows.len();
        let Some(region) = self.regions.last_mut() else { return false };
        let Some((first, before)) = &region.condition else { return false };
        if region.filled || region.row.saturating_add(1) != fresh {
            return false;
        }
        let (whole, when) = match (region.end == target, region.end == next) {
            // Both pass over the same: `a and b`.
            (true, _) if *before && when => (joint((first, true), (value, true), OR), true),
            (true, _) => (joint((first, !*before), (value, !when), AND), false),
            // The first leads right behind the second.
            (_, true) if when => (joint((first, !*before), (value, true), AND), true),
            (_, true) => (joint((first, *before), (value, true), OR), false),
            _ => return false,
        };
        region.end = target;
        let header = format!("if {}:", worded(&whole, !when));
        region.condition = Some((whole, when));
        let row = region.row;
        if let Some(Row::Text(_, text)) = self.rows.get_mut(row) {
            *text = header;
        }
        true
    }

    fn jump(&mut self, at: u32, target: u32, next: u32) {
        if target <= at {
            let ends = self.innermost_loop().is_some_and(|r| r.start == target && next >= r.end);
            let own = self.regions.iter().any(|r| r.shape == Shape::Loop && r.start == target);
            match (ends, own) {
                (true, _) => {}
                (false, true) => self.text("continue".to_owned()),
                (false, false) if self.returns(at, target) => {}
                (false, false) => self.text(format!("goto L{target}")),
            }
            return;
        }
        if let Some(region) = self.regions.iter().rev().find(|r| r.shape == Shape::Try) {
            let handler = region.handler.unwrap_or(region.end);
            if target > handler {
                self.joins.insert(handler, target);
            }
        }
        let Some(region) = self.regions.last() else { return };
        let (shape, end) = (region.shape, region.end);
        let leaves = self.innermost_loop().is_some_and(|region| target >= region.end);
        if shape == Shape::If && next >= end && !leaves {
            self.close_last();
            return self.open(Shape::Else, "else:".to_owned(), next, target);
        }
        if leaves {
            return self.text("break".to_owned());
        }
        let skips = matches!(shape, Shape::Try | Shape::Handler | Shape::With) || target == end;
        if !skips {
            self.labels.insert(target);
            self.text(format!("goto L{target}"));
        }
    }

    fn handler(&mut self, at: u32) {
        let tried = self.tried.get(&at).copied().unwrap_or(0);
        let ended = |r: &Region| r.shape == Shape::Handler && r.start > tried;
        while let Some(open) = self.regions.iter().position(ended) {
            while self.regions.len() > open {
                self.close_last();
            }
        }
        let end = self.joins.get(&at).copied().unwrap_or(u32::MAX);
        self.open(Shape::Handler, "except:".to_owned(), at, end);
        self.header = self.rows.len().checked_sub(1);
    }

    /// `except X:`, which takes the place of a bare header right before it.
    fn except(&mut self, text: &str, at: u32, target: u32) {
        let last = self.regions.last().filter(|r| r.shape == Shape::Handler && !r.filled);
        let end = match last {
            Some(region) if region.row.saturating_add(1) == self.rows.len() => {
                let end = region.end;
                self.regions.pop();
                self.rows.pop();
                end
            }
            _ => u32::MAX,
        };
        self.unmatched.insert(target);
        let end = if target > at { target.min(end) } else { end };
        self.open(Shape::Handler, format!("except {text}:"), at, end);
        self.header = self.rows.len().checked_sub(1);
    }
}

const AND: (&str, u8) = ("and", level::AND);
const OR: (&str, u8) = ("or", level::OR);

/// Two conditions, or their opposites, as one.
fn joint(first: (&S, bool), second: (&S, bool), (word, level): (&str, u8)) -> S {
    let text =
        format!("{} {word} {}", within(first.0, first.1, level), within(second.0, second.1, level));
    Slot::new(Vec::new(), &text, level)
}

/// The condition, or its opposite.
fn worded(value: &S, is: bool) -> String {
    within(value, is, level::LOOSE)
}

fn within(value: &S, is: bool, around: u8) -> String {
    match (is, value.text.strip_prefix("not ")) {
        (true, _) => value.within(around),
        (false, Some(inner)) if value.level == level::NOT => inner.to_owned(),
        (false, None) if value.text.ends_with(" is None") && value.level == level::COMPARE => {
            format!("{}is not None", value.text.trim_end_matches("is None"))
        }
        (false, _) => format!("not {}", value.within(level::NOT)),
    }
}
