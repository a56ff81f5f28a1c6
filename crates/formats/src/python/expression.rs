//! Follows expressions token by token, with a stack of open brackets instead of recursion.
//!
//! The grammar is read loosely: operators that no constant survives make their expression unknown,
//! but every call and every mention of a global in it is still seen.

use super::known::{Known, Many, add, only};
use super::literal;
use super::machine::Machine;
use super::scope::Body;
use super::token::{Kind, Token};
use std::rc::Rc;

/// Open brackets that are followed; the tokenizer allows fewer, and lambdas add to them.
const FRAMES: usize = 1000;

/// What a bracket, or what is like one, encloses.
#[derive(Debug)]
pub(super) enum Open {
    /// `{`: a set or dictionary.
    Brace,
    /// `(` behind a value, which starts at this token.
    Call(Many, usize),
    /// A replacement field of an f-string.
    Field,
    /// An f-string, with its text while all of it is constant.
    Format(Option<Vec<u8>>),
    /// `(` otherwise.
    Group,
    /// Between `lambda` and its colon.
    Lambda(usize),
    /// `[` otherwise.
    List,
    /// `(` behind the name in `def`.
    Parameters(usize),
    /// `[` behind a value.
    Subscript(Many, usize),
    /// No bracket: a statement.
    Top,
}

/// An expression between commas, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// What stood before `or`, `and`, `if` or `else`.
    alternatives: Many,
    /// What stood before `+`.
    left: Option<Many>,
    /// What stood before `%`.
    format: Option<Many>,
    /// The value that attributes, calls and subscripts bind to.
    pub(super) operand: Option<Many>,
    /// The first token of the operand.
    pub(super) operand_at: usize,
    /// Whether the last token was a literal, which the next one continues.
    literal: bool,
    negative: bool,
    spoiled: bool,
    /// Lambdas whose bodies are open.
    lambdas: usize,
    /// The outermost of them.
    lambda: usize,
    walrus: Option<String>,
    /// The name, if the element is nothing but a name.
    pub(super) name: Option<String>,
    /// Object and attribute, if the element ends with one.
    pub(super) member: Option<(Many, String)>,
    /// Whether anything was read.
    pub(super) begun: bool,
}

/// What is between brackets, as far as it was read.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) open: Open,
    pub(super) element: Element,
    pub(super) items: Vec<Known>,
    pub(super) names: Vec<Option<String>>,
    /// Keyword arguments.
    pub(super) keyed: Vec<(String, Known)>,
    /// Pairs of a dictionary.
    pairs: Vec<(Known, Known)>,
    key: Option<Known>,
    keyword: Option<String>,
    colons: usize,
    commas: usize,
    comprehension: bool,
    /// Whether names are targets: between `for` and `in`.
    pub(super) binding: bool,
    /// Targets of `for`, to be bound to what is iterated over, or of `as`.
    pub(super) targets: Vec<String>,
    /// What `as` names.
    bound: Option<Many>,
    parameter: Option<String>,
    default: bool,
    /// The last item, with its alternatives.
    pub(super) last: Many,
}

impl Frame {
    pub(super) fn new(open: Open) -> Self {
        Self {
            open,
            element: Element::default(),
            items: Vec::new(),
            names: Vec::new(),
            keyed: Vec::new(),
            pairs: Vec::new(),
            key: None,
            keyword: None,
            colons: 0,
            commas: 0,
            comprehension: false,
            binding: false,
            targets: Vec::new(),
            bound: None,
            parameter: None,
            default: false,
            last: Many::new(),
        }
    }

    /// Whether commas make it a tuple.
    pub(super) fn is_tuple(&self) -> bool {
        self.commas > 0
    }
}

impl Machine<'_> {
    /// The innermost frame: a bracket, or the statement.
    pub(super) fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().unwrap_or(&mut self.base)
    }

    fn element(&mut self) -> &mut Element {
        &mut self.frame().element
    }

    fn push_frame(&mut self, open: Open) {
        if self.frames.len() < FRAMES {
            self.frames.push(Frame::new(open));
        }
    }

    /// One token of an expression.
    pub(super) fn expression(&mut self, index: usize, token: Token) {
        match token.kind {
            Kind::Name => self.name(index, token),
            Kind::Number => {
                let value = literal::number(token.bytes(self.source));
                self.constant(index, value);
            }
            Kind::Text => self.text(index, token),
            Kind::FormatStart => self.open_format(index),
            Kind::FormatText => self.format_text(token),
            Kind::FormatEnd => self.close_format(),
            Kind::Op => self.operator(index, token),
            _ => {}
        }
    }

    // Operands.

    pub(super) fn operand(&mut self, index: usize, value: Many) {
        if self.element().operand.is_some() {
            self.settle();
        }
        let element = self.element();
        element.operand = Some(value);
        element.operand_at = index;
        element.literal = false;
        element.name = None;
        element.member = None;
        element.begun = true;
    }

    fn constant(&mut self, index: usize, value: Known) {
        let negative = std::mem::take(&mut self.element().negative);
        let value = match value {
            Known::Int(int) if negative => Known::Int(int.wrapping_neg()),
            Known::Float(float) if negative => Known::Float(-float),
            other => other,
        };
        self.operand(index, if value == Known::Unknown { Vec::new() } else { vec![value] });
    }

    fn text(&mut self, index: usize, token: Token) {
        let value = literal::string(token.bytes(self.source));
        self.literal(index, value);
    }

    /// A literal, which continues the one directly before it.
    fn literal(&mut self, index: usize, value: Known) {
        let literal = self.element().literal;
        if let Some(before) = self.element().operand.take_if(|_| literal) {
            let joined = match only(before) {
                Known::Unknown => Known::Unknown,
                before => self.fold.plus(before, &value),
            };
            self.element().operand =
                Some(if joined == Known::Unknown { Vec::new() } else { vec![joined] });
        } else {
            self.constant(index, value);
        }
        self.element().literal = true;
    }

    fn open_format(&mut self, index: usize) {
        if !self.element().literal {
            self.operand(index, Vec::new());
            self.element().operand = None;
            self.element().operand_at = index;
        }
        self.push_frame(Open::Format(Some(Vec::new())));
    }

    fn format_text(&mut self, token: Token) {
        let plain = literal::unescape(token.bytes(self.source), false);
        if let Open::Format(Some(text)) = &mut self.frame().open {
            text.extend(plain);
        }
    }

    fn close_format(&mut self) {
        while matches!(self.frame().open, Open::Field | Open::Lambda(_)) {
            self.close_frame(0);
        }
        if !matches!(self.frame().open, Open::Format(_)) {
            return;
        }
        let text = match self.frames.pop().map(|frame| frame.open) {
            Some(Open::Format(Some(text))) => Known::Text(Rc::new(text)),
            _ => Known::Unknown,
        };
        let index = self.element().operand_at;
        self.literal(index, text);
    }

    fn name(&mut self, index: usize, token: Token) {
        let name = super::identifier::normalised(token.bytes(self.source)).into_owned();
        if self.parameter(&name) || self.target(&name) || self.keyword(index, &name) {
            return;
        }
        let begun = self.element().begun;
        let value = self.named(&name);
        self.operand(index, value);
        if !begun {
            self.element().name = Some(name);
        }
    }

    /// The name of a parameter.
    fn parameter(&mut self, name: &str) -> bool {
        let frame = self.frame();
        let header = matches!(frame.open, Open::Lambda(_) | Open::Parameters(_));
        if header && frame.parameter.is_none() {
            frame.parameter = Some(name.to_owned());
            return true;
        }
        false
    }

    /// A name between `for` and `in`, or behind `as`.
    fn target(&mut self, name: &str) -> bool {
        let frame = self.frame();
        if !frame.binding || name == "in" {
            return false;
        }
        let values = frame.bound.clone().unwrap_or_default();
        if frame.targets.len() < 100 {
            frame.targets.push(name.to_owned());
        }
        self.scopes.bind_many(name, &values);
        true
    }

    fn keyword(&mut self, index: usize, name: &str) -> bool {
        match name {
            "None" => self.constant(index, Known::None),
            "True" => self.constant(index, Known::Bool(true)),
            "False" => self.constant(index, Known::Bool(false)),
            "lambda" => {
                let scope = self.scopes.declare(Body::Function);
                self.element().begun = true;
                self.push_frame(Open::Lambda(scope));
            }
            "and" | "else" | "or" => self.alternative(),
            "if" => {
                self.end_iteration();
                self.alternative();
            }
            "as" => {
                let value = self.finish_element();
                let frame = self.frame();
                (frame.bound, frame.binding) = (Some(value), true);
            }
            "for" => self.comprehension(),
            "in" if self.frame().binding => {
                self.finish_element();
                self.frame().binding = false;
            }
            "in" | "is" | "not" => self.spoil(),
            "async" | "await" | "yield" => {}
            _ => return false,
        }
        true
    }

    // Operators.

    fn operator(&mut self, index: usize, token: Token) {
        match token.bytes(self.source) {
            b"(" | b"[" | b"{" if self.frame().binding => self.push_frame(Open::Group),
            b"(" => self.open_round(index),
            b"[" => self.open_square(index),
            b"{" => self.open_brace(index),
            b")" | b"]" | b"}" | b"" => self.close(index),
            b"," => self.comma(),
            b"." => self.dot(),
            b":" => self.colon(),
            b"=" => self.equals(),
            b":=" => {
                let name = self.element().name.take();
                let element = self.element();
                (element.operand, element.walrus) = (None, name);
            }
            b"+" => self.plus(),
            b"%" => {
                let element = self.element();
                element.literal = false;
                element.format = element.operand.take();
                element.spoiled |= element.format.is_none();
                element.name = None;
            }
            b"-" if self.element().operand.is_none() => self.element().negative = true,
            b"..." => self.operand(index, Vec::new()),
            b"==" | b"!=" | b"<=" | b">=" => self.spoil(),
            operator if operator.ends_with(b"=") && self.frames.is_empty() => {
                self.augment(operator);
            }
            _ => self.spoil(),
        }
    }

    fn plus(&mut self) {
        self.settle();
        let element = self.element();
        (element.literal, element.name, element.member) = (false, None, None);
        element.begun = true;
    }

    /// An operator that no constant survives.
    fn spoil(&mut self) {
        self.settle();
        let element = self.element();
        element.spoiled = true;
        (element.literal, element.name, element.member) = (false, None, None);
        element.begun = true;
    }

    /// Moves the operand to the left of the operator that follows.
    pub(super) fn settle(&mut self) {
        let element = self.element();
        let Some(mut operand) = element.operand.take() else { return };
        let (format, left) = (element.format.take(), element.left.take());
        for value in &operand {
            self.mention(value);
        }
        if let Some(format) = format {
            let value = self.fold.percent(&only(format), &only(operand));
            operand = if value == Known::Unknown { Vec::new() } else { vec![value] };
        }
        let value = match left {
            None => operand,
            Some(left) => match (only(left), only(operand)) {
                (Known::Unknown, _) | (_, Known::Unknown) => Vec::new(),
                (left, right) => match self.fold.plus(left, &right) {
                    Known::Unknown => Vec::new(),
                    sum => vec![sum],
                },
            },
        };
        self.element().left = Some(value);
    }

    /// Behind `and`, `or`, `if` and `else` another value may be the one.
    fn alternative(&mut self) {
        self.settle();
        let element = self.element();
        let value = element.left.take().unwrap_or_default();
        if !element.spoiled {
            value.into_iter().for_each(|value| add(&mut element.alternatives, value));
        }
        (element.spoiled, element.literal, element.negative) = (false, false, false);
        (element.name, element.member, element.begun) = (None, None, true);
    }

    /// The value of the element, which is over.
    pub(super) fn finish_element(&mut self) -> Many {
        self.settle();
        let mut element = std::mem::take(self.element());
        for _ in 0..element.lambdas {
            self.scopes.close();
        }
        let mut value = element.alternatives;
        if !element.spoiled {
            let left = element.left.take().unwrap_or_default();
            left.into_iter().for_each(|other| add(&mut value, other));
        }
        if element.lambdas > 0 {
            value = vec![Known::Local(element.lambda)];
        }
        if let Some(name) = element.walrus {
            self.scopes.bind_many(&name, &value);
        }
        value
    }

    // Comprehensions and `for`.

    fn comprehension(&mut self) {
        self.end_iteration();
        if self.frame().element.begun {
            let item = self.finish_element();
            self.frame().items.push(only(item));
        }
        let frame = self.frame();
        (frame.comprehension, frame.binding, frame.bound) = (true, true, None);
        frame.targets.clear();
    }

    /// Binds the targets of `for` to what the iterable, which ends here, is known to hold.
    pub(super) fn end_iteration(&mut self) {
        if self.frame().targets.is_empty() || self.frame().binding {
            return;
        }
        let targets = std::mem::take(&mut self.frame().targets);
        for value in self.finish_element() {
            let Known::Items(items, _) = value else { continue };
            for item in items.iter().take(64) {
                match (targets.as_slice(), item) {
                    ([name], item) => self.scopes.bind(name, item.clone()),
                    (names, Known::Items(parts, _)) => {
                        let pairs = names.iter().zip(parts.iter());
                        pairs.for_each(|(name, part)| self.scopes.bind(name, part.clone()));
                    }
                    _ => {}
                }
            }
        }
    }

    // Brackets.

    fn open_round(&mut self, index: usize) {
        if let Some(scope) = self.statement.parameters.take() {
            self.finish_element();
            return self.push_frame(Open::Parameters(scope));
        }
        let at = self.element().operand_at;
        match self.element().operand.take() {
            Some(callee) => {
                self.element().member = None;
                self.push_frame(Open::Call(callee, at));
            }
            None if self.statement.class => self.push_frame(Open::Call(Vec::new(), index)),
            None => {
                self.element().operand_at = index;
                self.push_frame(Open::Group);
            }
        }
    }

    fn open_square(&mut self, index: usize) {
        let at = self.element().operand_at;
        match self.element().operand.take() {
            Some(base) => self.push_frame(Open::Subscript(base, at)),
            None => {
                self.element().operand_at = index;
                self.push_frame(Open::List);
            }
        }
    }

    fn open_brace(&mut self, index: usize) {
        if matches!(self.frame().open, Open::Format(_)) {
            return self.push_frame(Open::Field);
        }
        self.element().operand_at = index;
        self.push_frame(Open::Brace);
    }

    fn close(&mut self, index: usize) {
        while matches!(self.frame().open, Open::Lambda(_)) {
            self.close_frame(index);
        }
        if !self.frames.is_empty() && !matches!(self.frame().open, Open::Format(_)) {
            self.close_frame(index);
        }
    }

    /// Ends the innermost frame and hands its value to the one around it.
    pub(super) fn close_frame(&mut self, index: usize) {
        if self.frame().comprehension {
            self.end_iteration();
        }
        self.end_item();
        let Some(mut frame) = self.frames.pop() else { return };
        let at = self.element().operand_at;
        let value = match frame.open {
            Open::Top | Open::Parameters(_) | Open::Lambda(_) | Open::Format(_) => return,
            Open::Call(callee, start) => {
                let (items, keyed) = (std::mem::take(&mut frame.items), frame.keyed);
                let value = self.call(callee, &items, &keyed, (start, index));
                return self.operand(start, value);
            }
            Open::Subscript(base, start) => {
                let reversed = frame.colons == 2 && frame.items.last() == Some(&Known::Int(-1));
                let value = self.subscript(base, &frame.items, (frame.colons, reversed));
                return self.operand(start, value);
            }
            Open::Field => {
                let value = frame.items.pop().unwrap_or(Known::Unknown);
                return self.field(&value);
            }
            Open::Group if !frame.is_tuple() && !frame.comprehension => frame.last,
            _ if frame.comprehension => Vec::new(),
            Open::Brace if !frame.pairs.is_empty() => vec![Known::dict(frame.pairs)],
            Open::Brace if frame.items.is_empty() => vec![Known::dict(Vec::new())],
            _ => vec![Known::items(frame.items)],
        };
        self.operand(at, value);
    }

    fn field(&mut self, value: &Known) {
        let plain = match value {
            Known::Text(text) => Some(text.to_vec()),
            Known::Int(int) => Some(int.to_string().into_bytes()),
            _ => None,
        };
        if let Open::Format(text) = &mut self.frame().open {
            match (text.as_mut(), plain) {
                (Some(text), Some(plain)) => text.extend(plain),
                _ => *text = None,
            }
        }
    }

    // Parts of frames.

    /// Ends the element and puts it where it belongs in its frame.
    pub(super) fn end_item(&mut self) {
        let begun = self.frame().element.begun;
        let name = self.frame().element.name.take();
        let value = self.finish_element();
        let frame = self.frame();
        if let Open::Lambda(scope) | Open::Parameters(scope) = frame.open {
            let default = std::mem::take(&mut frame.default);
            if let Some(parameter) = frame.parameter.take() {
                let values = if default { value } else { Vec::new() };
                self.scopes.bind_in(scope, &parameter, Known::Unknown);
                values.into_iter().for_each(|v| self.scopes.bind_in(scope, &parameter, v));
            }
            return;
        }
        if !begun {
            return;
        }
        frame.names.push(name);
        let single = only(value.clone());
        if let Some(keyword) = frame.keyword.take() {
            frame.keyed.push((keyword, single));
        } else if let Some(key) = frame.key.take() {
            frame.pairs.push((key, single));
        } else {
            frame.items.push(single);
        }
        frame.last = value;
    }

    fn comma(&mut self) {
        if self.frame().binding && self.frame().bound.is_some() {
            let frame = self.frame();
            (frame.binding, frame.bound) = (false, None);
            frame.targets.clear();
        }
        if self.frame().binding {
            return;
        }
        self.end_item();
        let frame = self.frame();
        frame.commas = frame.commas.saturating_add(1);
    }

    fn dot(&mut self) {
        let Some(token) = self.tokens.get(self.at).filter(|token| token.kind == Kind::Name) else {
            return;
        };
        let name = super::identifier::normalised(token.bytes(self.source)).into_owned();
        self.at = self.at.saturating_add(1);
        let element = self.element();
        let Some(base) = element.operand.take() else { return };
        let start = element.operand_at;
        let value = self.attribute(&base, &name);
        self.operand(start, value);
        self.element().member = Some((base, name));
    }

    fn colon(&mut self) {
        match self.frame().open {
            Open::Lambda(scope) => {
                self.end_item();
                self.frames.pop();
                self.scopes.enter(scope);
                let element = self.element();
                if element.lambdas == 0 {
                    element.lambda = scope;
                }
                element.lambdas = element.lambdas.saturating_add(1);
                (element.name, element.begun) = (None, true);
            }
            Open::Parameters(_) => {
                self.finish_element();
            }
            Open::Brace => {
                let key = self.finish_element();
                self.frame().key = Some(only(key));
            }
            Open::Subscript(..) => {
                self.end_item();
                let frame = self.frame();
                frame.colons = frame.colons.saturating_add(1);
            }
            Open::Top => self.statement_colon(),
            _ => self.spoil(),
        }
    }

    fn equals(&mut self) {
        match self.frame().open {
            Open::Lambda(_) | Open::Parameters(_) => {
                self.finish_element();
                self.frame().default = true;
            }
            Open::Call(..) => {
                let frame = self.frame();
                frame.keyword = frame.element.name.take();
                frame.element.operand = None;
                self.finish_element();
            }
            Open::Top => self.assignment(),
            _ => self.spoil(),
        }
    }
}
