//! One instruction: the stack, operators, attributes, subscripts and text.

use super::constant::builtin;
use super::machine::{Machine, Next};
use super::slot::{self, Kind, S, Slot, level};
use super::{compute, operators};
use crate::bytecode::{Op, Version};
use crate::python::known::{Known, Many, add};
use davy_bytes::escape;
use std::rc::Rc;

/// Values that `+` and the like are computed for, of those that their operands may be.
const COMBINED: usize = 12;

impl Machine<'_> {
    /// Follows the instruction at hand.
    pub(super) fn step(&mut self) -> Next {
        let op = self.frame.op.op;
        let next = self
            .step_stack(op)
            .or_else(|| self.step_names(op))
            .or_else(|| self.step_calls(op))
            .or_else(|| self.step_objects(op))
            .or_else(|| self.step_jumps(op))
            .or_else(|| self.step_containers(op))
            .or_else(|| self.step_functions(op))
            .or_else(|| self.step_faults(op))
            .or_else(|| self.step_text(op))
            .or_else(|| self.step_generators(op))
            .or_else(|| self.step_matches(op))
            .or_else(|| self.step_old(op))
            .or_else(|| self.step_operators(op));
        next.unwrap_or_else(|| {
            match op {
                Op::Unknown(code) => self.broken(&format!("has an unknown opcode, {code}")),
                op => self.broken(&format!("has an opcode that is never run, {}", op.as_str())),
            }
            Next::Stops
        })
    }

    fn step_stack(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::Nop
            | Op::NotTaken
            | Op::Resume
            | Op::MakeCell
            | Op::CopyFreeVars
            | Op::SetupAnnotations
            | Op::GenStart => {}
            Op::LoadConst => {
                let slot = self.constant(arg);
                self.push(slot);
            }
            Op::LoadSmallInt => {
                let value = Known::Int(i64::from(arg));
                let text = self.say(|| arg.to_string());
                self.push(Slot::new(vec![value], &text, level::ATOM));
            }
            Op::LoadCommonConstant => self.load_common(arg),
            Op::LoadAssertionError => self.push_builtin("AssertionError"),
            Op::PopTop => self.pop_top(),
            Op::PopIter => {
                self.pop();
            }
            Op::PushNull => self.push(Slot::marker(Kind::Null)),
            Op::DupTop => self.copy(0, 1),
            Op::DupTopTwo => self.copy(1, 2),
            Op::DupTopx => self.copy(arg.saturating_sub(1), arg),
            Op::Copy => self.copy(arg.saturating_sub(1), 1),
            Op::Swap => self.swap(arg.saturating_sub(1)),
            Op::RotTwo => self.rotate(2),
            Op::RotThree => self.rotate(3),
            Op::RotFour => self.rotate(4),
            Op::RotN => self.rotate(arg),
            _ => return None,
        }
        Some(Next::Falls)
    }

    /// The constant `index` of the code.
    pub(super) fn constant(&mut self, index: u32) -> S {
        let Some(constant) = self.frame.code.constant(index) else {
            self.broken("uses a constant that is not there, which is memory of the interpreter");
            return Slot::unknown();
        };
        let value = self.constants.at(constant);
        let text = if self.last { self.constants.text(constant) } else { "".into() };
        let level = if text.starts_with('-') { level::SIGN } else { level::ATOM };
        Slot::new(slot::one(value), &text, level)
    }

    fn load_common(&mut self, index: u32) {
        let name = match index {
            0 => "AssertionError",
            1 => "NotImplementedError",
            2 => "tuple",
            3 => "all",
            4 => "any",
            5 => "list",
            6 => "set",
            _ => return self.push(Slot::unknown()),
        };
        self.push_builtin(name);
    }

    fn push_builtin(&mut self, name: &str) {
        self.push(Slot::new(vec![builtin(name)], name, level::ATOM));
    }

    fn pop_top(&mut self) {
        let slot = self.pop();
        // A copy that is still on the stack, or waits where a jump leads, will be told there.
        let held = Rc::strong_count(&slot) > 1;
        match &slot.kind {
            Kind::Effect | Kind::Body(_) if !held => self.line(|| slot.text.to_string()),
            Kind::Import(path) if !self.frame.taken => self.line(|| format!("import {path}")),
            _ => {}
        }
    }

    /// Copies `count` slots, the first of which is `depth` below the top.
    fn copy(&mut self, depth: u32, count: u32) {
        for _ in 0..count.min(8) {
            let slot = self.peek(depth);
            self.push(slot);
        }
    }

    fn swap(&mut self, depth: u32) {
        let (top, other) = (self.peek(0), self.peek(depth));
        self.replace(0, other);
        self.replace(depth, top);
    }

    /// Moves the top below `count - 1` others.
    fn rotate(&mut self, count: u32) {
        let mut slots = self.take(count);
        if let Some(top) = slots.pop() {
            self.push(top);
        }
        slots.into_iter().for_each(|slot| self.push(slot));
    }

    /// Attributes and subscripts.
    fn step_objects(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::LoadAttr => {
                let flagged = self.version() >= Version::V3_12;
                let index = if flagged { arg >> 1 } else { arg };
                self.load_attribute(index, flagged && arg & 1 != 0);
            }
            Op::LoadMethod => self.load_attribute(arg, true),
            Op::LoadSuperAttr => self.load_super_attribute(arg),
            Op::LoadSpecial => self.load_special(arg),
            Op::StoreAttr => {
                let (base, value) = (self.pop(), self.pop());
                let Some(name) = self.frame.code.named(arg) else {
                    self.no_name();
                    return Some(Next::Falls);
                };
                self.hand_on(&value);
                self.set_attribute(name, &value.many);
                let target = self.say(|| format!("{}.{}", base.within(level::ATOM), escape(name)));
                self.assign(&target, &value);
            }
            Op::DeleteAttr => {
                let base = self.pop();
                let name = self.frame.code.named(arg).unwrap_or("…");
                self.line(|| format!("del {}.{}", base.within(level::ATOM), escape(name)));
            }
            Op::BinarySubscr => {
                let (key, base) = (self.pop(), self.pop());
                self.push_subscript(&base, &key);
            }
            Op::StoreSubscr => {
                let (key, base, value) = (self.pop(), self.pop(), self.pop());
                self.store_subscript(&base, &key, &value);
            }
            Op::DeleteSubscr => {
                let (key, base) = (self.pop(), self.pop());
                self.line(|| format!("del {}[{}]", base.within(level::ATOM), key.text));
            }
            Op::BuildSlice => {
                let step = if arg == 3 { self.pop() } else { none() };
                let (stop, start) = (self.pop(), self.pop());
                let slice = self.slice(&start, &stop, &step);
                self.push(slice);
            }
            Op::BinarySlice => {
                let (stop, start, base) = (self.pop(), self.pop(), self.pop());
                let slice = self.slice(&start, &stop, &none());
                self.push_subscript(&base, &slice);
            }
            Op::StoreSlice => {
                let (stop, start, base, value) = (self.pop(), self.pop(), self.pop(), self.pop());
                let slice = self.slice(&start, &stop, &none());
                self.store_subscript(&base, &slice, &value);
            }
            _ => return None,
        }
        Some(Next::Falls)
    }

    fn load_attribute(&mut self, index: u32, method: bool) {
        let base = self.pop();
        let slot = match self.frame.code.named(index) {
            Some(name) => self.attribute_slot(&base, name),
            None => self.no_name(),
        };
        self.push(slot);
        if method {
            self.push(Slot::marker(Kind::Null));
        }
    }

    /// `super().name`, which calls `super`.
    fn load_super_attribute(&mut self, arg: u32) {
        let (object, class, callee) = (self.pop(), self.pop(), self.pop());
        let placed = if arg & 2 != 0 { vec![class, object] } else { Vec::new() };
        let arguments = super::call::Arguments { placed, keyed: Vec::new() };
        let base = self.call(&callee, &arguments);
        self.push(base);
        self.load_attribute(arg >> 2, arg & 1 != 0);
    }

    /// The methods of a `with` block (3.14).
    fn load_special(&mut self, arg: u32) {
        let context = self.pop();
        let enters = arg & 1 == 0;
        if enters {
            self.enter_with(&context);
        }
        self.push(Slot::marker(if enters { Kind::Enter } else { Kind::Exit }));
        self.push(Slot::marker(Kind::Null));
    }

    /// Start, stop and step of a slice.
    pub(super) fn slice(&mut self, start: &S, stop: &S, step: &S) -> S {
        let bounds = [start.only(), stop.only(), step.only()];
        let text = self.say(|| {
            let part =
                |slot: &S| if slot.only() == Known::None { "" } else { &slot.text }.to_owned();
            let step =
                if step.only() == Known::None { String::new() } else { format!(":{}", step.text) };
            format!("{}:{}{step}", part(start), part(stop))
        });
        Slot::of(Kind::Slice(Rc::new(bounds)), Many::new(), &text, level::LOOSE)
    }

    /// `base[key]`, onto the stack.
    pub(super) fn push_subscript(&mut self, base: &S, key: &S) {
        self.retract(base);
        let many = self.subscript(base, key);
        let text = self.say(|| format!("{}[{}]", base.within(level::ATOM), key.text));
        self.push(Slot::new(many, &text, level::ATOM));
    }

    /// `base[key] = value`.
    pub(super) fn store_subscript(&mut self, base: &S, key: &S, value: &S) {
        self.hand_on(value);
        self.put(base, key, value);
        let target = self.say(|| format!("{}[{}]", base.within(level::ATOM), key.text));
        self.assign(&target, value);
    }

    /// Text that is put together.
    fn step_text(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::FormatValue | Op::FormatWithSpec => {
                let spec = (op == Op::FormatWithSpec || arg & 4 != 0).then(|| self.pop());
                let value = self.pop();
                self.push_field(&value, spec.as_ref());
            }
            Op::FormatSimple => {
                let value = self.pop();
                self.push_field(&value, None);
            }
            // `!r` and `!a`: what they make of text is no text that could be a name.
            Op::ConvertValue => {
                let value = self.pop();
                let many = if arg == 1 { value.many.clone() } else { Many::new() };
                self.push(Slot::new(many, &value.text, value.level));
            }
            Op::BuildString => self.build_string(arg),
            Op::BuildTemplate => {
                self.take(2);
                self.push_text(|| "<template>".to_owned());
            }
            Op::BuildInterpolation => {
                let spec = arg & 1 != 0;
                self.take(if spec { 3 } else { 2 });
                self.push_text(|| "<interpolation>".to_owned());
            }
            _ => return None,
        }
        Some(Next::Falls)
    }

    fn push_field(&mut self, value: &S, spec: Option<&S>) {
        let plain = spec.is_none_or(|spec| spec.only().text() == Some(""));
        let many = match value.only() {
            text @ Known::Text(_) if plain => vec![text],
            Known::Int(number) if plain => {
                vec![Known::Text(Rc::new(number.to_string().into_bytes()))]
            }
            _ => Many::new(),
        };
        let text = self.say(|| match spec {
            Some(spec) => format!("f'{{{}:{}}}'", value.text, inner(spec)),
            None => format!("f'{{{}}}'", value.text),
        });
        self.push(Slot::new(many, &text, level::ATOM));
    }

    fn build_string(&mut self, count: u32) {
        let parts = self.take(count);
        let mut whole = Known::Text(Rc::new(Vec::new()));
        for part in &parts {
            whole = self.fold.plus(whole, &part.only());
        }
        let text = self.say(|| {
            let shown = parts.iter().take(64).map(inner);
            format!("f'{}'", shown.collect::<String>())
        });
        self.push(Slot::new(slot::one(whole), &text, level::ATOM));
    }

    /// Operators.
    fn step_operators(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        if let Some((sign, level)) = operators::unary(op) {
            let value = self.pop();
            self.push_unary(sign, level, &value);
            return Some(Next::Falls);
        }
        match op {
            Op::BinaryOp if arg == operators::SUBSCRIPT => {
                let (key, base) = (self.pop(), self.pop());
                self.push_subscript(&base, &key);
            }
            Op::BinaryOp => {
                let (sign, level) = operators::numbered(arg)?;
                self.push_binary(sign, level);
            }
            Op::ToBool => {}
            Op::CompareOp => {
                let sign = operators::comparison(arg, self.version());
                if sign == operators::EXCEPTION_MATCH {
                    self.match_exception(true);
                } else {
                    self.push_compared(sign);
                }
            }
            Op::IsOp => self.push_compared(if arg & 1 == 0 { "is" } else { "is not" }),
            Op::ContainsOp => self.push_compared(if arg & 1 == 0 { "in" } else { "not in" }),
            op => {
                let (sign, level) = operators::binary(op)?;
                self.push_binary(sign, level);
            }
        }
        Some(Next::Falls)
    }

    pub(super) fn push_unary(&mut self, sign: &str, level: u8, value: &S) {
        let mut many = Many::new();
        for value in &value.many {
            add(&mut many, compute::unary(sign, value));
        }
        let text = self.say(|| match sign {
            "not" => format!("not {}", value.within(level)),
            sign => format!("{sign}{}", value.within(level)),
        });
        self.push(Slot::new(many, &text, level));
    }

    fn push_binary(&mut self, sign: &str, level: u8) {
        let (right, left) = (self.pop(), self.pop());
        let mut many = Many::new();
        let pairs = left.many.iter().flat_map(|l| right.many.iter().map(move |r| (l, r)));
        for (left, right) in pairs.take(COMBINED) {
            if self.stays(left) && self.stays(right) {
                add(&mut many, compute::binary(&mut self.fold, sign, left, right));
            }
        }
        let text = self.say(|| {
            format!("{} {sign} {}", left.within(level), right.within(level.saturating_add(1)))
        });
        self.push(Slot::new(many, &text, level));
    }

    fn push_compared(&mut self, sign: &str) {
        let (right, left) = (self.pop(), self.pop());
        let level = level::COMPARE;
        let text = self.say(|| format!("{} {sign} {}", left.within(level), right.within(level)));
        self.push(Slot::new(Many::new(), &text, level));
    }
}

/// `None`, where nothing is given.
pub(super) fn none() -> S {
    Slot::new(vec![Known::None], "None", level::ATOM)
}

/// What stands in an f-string for a part of it.
fn inner(part: &S) -> String {
    let text = &*part.text;
    let quoted = text.strip_prefix("f'").or_else(|| text.strip_prefix('\''));
    match quoted.and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => inner.to_owned(),
        None => format!("{{{text}}}"),
    }
}
