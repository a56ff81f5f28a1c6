//! Calls, in every form that a version of CPython has given them, and what they lead to.

use super::machine::{Machine, Next};
use super::names::anything;
use super::program::Entry;
use super::slot::{self, Kind, S, Slot, is_words, level};
use crate::bytecode::{Op, Version};
use crate::python::known::{Known, Many, Room, add, result_of};
use davy_artifact::{Call, Manner, Name, Value};
use davy_bytes::{escape, to_u64, to_usize};
use std::rc::Rc;

/// Arguments that a fact carries.
const ARGUMENTS: usize = 32;

/// `co_flags` of bodies that calling does not run to their end: generators of all kinds.
const GENERATORS: u32 = 0x20 | 0x80 | 0x100 | 0x200;

/// Parameters that keyword arguments are looked for among.
pub(super) const NAMED: usize = 256;

/// What an argument is that stands for several of which nothing is known.
pub(super) const STARRED: &str = "unpacked arguments";

/// What a call is made with.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) placed: Vec<S>,
    pub(super) keyed: Vec<(String, S)>,
}

impl Arguments {
    fn placed(placed: Vec<S>) -> Self {
        Self { placed, keyed: Vec::new() }
    }

    /// The last of `all` are keyword arguments with these names.
    fn split(mut all: Vec<S>, names: &S) -> Self {
        let Known::Items(names, _) = names.only() else { return Self::placed(all) };
        let first = all.len().saturating_sub(names.len());
        let name = |name: &Known| name.text().unwrap_or("…").to_owned();
        let keyed = names.iter().map(name).zip(all.split_off(first)).collect();
        Self { placed: all, keyed }
    }

    /// Adds what `**mapping` stands for.
    fn unpack(&mut self, mapping: &S) {
        match mapping.only() {
            Known::Dict(pairs, _) => {
                for (key, value) in pairs.iter().take(ARGUMENTS) {
                    match key.text() {
                        Some(key) => {
                            let value = Slot::new(slot::one(value.clone()), &shown(value), 0);
                            self.keyed.push((key.to_owned(), value));
                        }
                        None => self.starred("**…"),
                    }
                }
            }
            _ => self.starred(&format!("**{}", mapping.text)),
        }
    }

    fn starred(&mut self, text: &str) {
        self.placed.push(Slot::new(vec![slot::known(STARRED)], text, level::LOOSE));
    }

    /// Adds what `*sequence` stands for.
    fn spread(&mut self, sequence: &S) {
        match sequence.only() {
            Known::Items(items, _) if items.len() <= ARGUMENTS => {
                for item in items.iter() {
                    let text = if is_words(item) { "*…".into() } else { shown(item) };
                    self.placed.push(Slot::new(slot::one(item.clone()), &text, level::ATOM));
                }
            }
            _ => self.starred(&format!("*{}", sequence.text)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &S> {
        self.placed.iter().chain(self.keyed.iter().map(|(_, value)| value))
    }
}

/// A constant as a listing shows it.
pub(super) fn shown(value: &Known) -> String {
    let mut room = Room::new(400);
    value.shown(&mut room).to_string()
}

impl Machine<'_> {
    /// Calls.
    pub(super) fn step_calls(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        let old = self.version() < Version::V3_6;
        match op {
            Op::CallFunction if old => {
                let arguments = self.counted(arg);
                self.call_top(&arguments);
            }
            Op::CallFunctionVar | Op::CallFunctionVarKw => self.call_unpacked(op, arg),
            Op::CallFunctionKw if old => self.call_unpacked(op, arg),
            Op::CallFunction => {
                let placed = self.take(arg);
                self.call_top(&Arguments::placed(placed));
            }
            Op::CallFunctionKw => {
                let names = self.pop();
                let all = self.take(arg);
                self.call_top(&Arguments::split(all, &names));
            }
            Op::CallFunctionEx => self.call_ex(arg),
            Op::CallMethod => {
                let placed = self.take(arg);
                self.call_pair(Arguments::placed(placed));
            }
            Op::Call => {
                let all = self.take(arg);
                let arguments = match self.frame.keywords.take() {
                    Some(names) => Arguments::split(all, &names),
                    None => Arguments::placed(all),
                };
                self.call_pair(arguments);
            }
            Op::CallKw => {
                let names = self.pop();
                let all = self.take(arg);
                self.call_pair(Arguments::split(all, &names));
            }
            Op::KwNames => {
                let names = self.constant(arg);
                self.frame.keywords = Some(names);
            }
            Op::Precall => {}
            _ => return None,
        }
        Some(Next::Falls)
    }

    /// Arguments as up to 3.5: counts of both kinds in one number, keywords as pairs.
    fn counted(&mut self, arg: u32) -> Arguments {
        let keyed = self.pairs(arg >> 8 & 0xff);
        Arguments { placed: self.take(arg & 0xff), keyed }
    }

    fn pairs(&mut self, count: u32) -> Vec<(String, S)> {
        let all = self.take(count.saturating_mul(2));
        let (pairs, _) = all.as_chunks::<2>();
        let name = |name: &S| name.only().text().unwrap_or("…").to_owned();
        pairs.iter().map(|[key, value]| (name(key), Rc::clone(value))).collect()
    }

    /// `*args` and `**kwargs` up to 3.5.
    fn call_unpacked(&mut self, op: Op, arg: u32) {
        let mapping = (op != Op::CallFunctionVar).then(|| self.pop());
        let starred = op != Op::CallFunctionKw;
        let mut sequence = None;
        let mut keyed = Vec::new();
        // From 3.5 on, keywords are evaluated behind `*args`.
        if self.version() == Version::V2_7 {
            sequence = starred.then(|| self.pop());
            keyed = self.pairs(arg >> 8 & 0xff);
        } else {
            keyed.extend(self.pairs(arg >> 8 & 0xff));
            sequence = sequence.or_else(|| starred.then(|| self.pop()));
        }
        let mut arguments = Arguments { placed: self.take(arg & 0xff), keyed };
        if let Some(sequence) = &sequence {
            arguments.spread(sequence);
        }
        if let Some(mapping) = &mapping {
            arguments.unpack(mapping);
        }
        self.call_top(&arguments);
    }

    fn call_ex(&mut self, arg: u32) {
        // From 3.14 on, the mapping's place is always there.
        let mapped = arg & 1 != 0 || self.version() >= Version::V3_14;
        let mapping = mapped.then(|| self.pop()).filter(|mapping| mapping.kind != Kind::Null);
        let sequence = self.pop();
        let mut arguments = Arguments::default();
        arguments.spread(&sequence);
        if let Some(mapping) = &mapping {
            arguments.unpack(mapping);
        }
        if self.version() >= Version::V3_11 {
            self.call_pair(arguments);
        } else {
            self.call_top(&arguments);
        }
    }

    /// The callee is on top of the stack.
    fn call_top(&mut self, arguments: &Arguments) {
        let callee = self.pop();
        let result = self.call(&callee, arguments);
        self.push(result);
    }

    /// The callee is one of two places on top of the stack; the other is empty, or the receiver.
    fn call_pair(&mut self, mut arguments: Arguments) {
        let (above, below) = (self.pop(), self.pop());
        let callee = if below.kind == Kind::Null {
            above
        } else if above.kind == Kind::Null {
            below
        } else {
            arguments.placed.insert(0, above);
            below
        };
        let result = self.call(&callee, &arguments);
        self.push(result);
    }

    /// Follows a call, and tells what it returns.
    pub(super) fn call(&mut self, callee: &S, arguments: &Arguments) -> S {
        match callee.kind {
            Kind::BuildClass => return self.build_class(arguments),
            Kind::Exit => return Slot::marker(Kind::Exited),
            Kind::Enter => return Slot::marker(Kind::Given),
            _ => {}
        }
        self.retract(callee);
        for argument in arguments.all() {
            self.hand_on(argument);
        }
        let mut results = Many::new();
        let mut kind = Kind::Effect;
        for value in &callee.many {
            if let Known::Local(unit) = value {
                kind = Kind::Body(*unit);
            }
            let beside = callee.many.len() > 1;
            for result in self.call_value(value, callee, arguments, beside) {
                add(&mut results, result);
            }
        }
        // What a decorator returns calls what it is given.
        let given = arguments.placed.iter().take(4).flat_map(|slot| &slot.many);
        for function in given.filter(|value| matches!(value, Known::Local(_))) {
            add(&mut results, function.clone());
        }
        if callee.many.is_empty() {
            self.unseen("calls a computed value");
            self.note_call(Value::Unknown(slot::ANY), arguments);
        }
        let text = self.say(|| call_text(callee, arguments));
        Slot::of(kind, results, &text, level::ATOM)
    }

    /// A function that is handed to something else may be called by it.
    pub(super) fn hand_on(&mut self, slot: &S) {
        for value in &slot.many {
            if let Known::Local(unit) = value {
                self.calls(*unit);
            }
        }
    }

    fn calls(&mut self, callee: usize) {
        if let Some(unit) = self.units.get_mut(self.frame.unit) {
            unit.callees.insert(callee);
        }
    }

    /// Calls one of the values that a callee may be.
    fn call_value(
        &mut self,
        value: &Known,
        callee: &S,
        arguments: &Arguments,
        beside: bool,
    ) -> Many {
        match value {
            Known::Bound(bound) => self.call_method(&bound.0, &bound.1, arguments),
            Known::Global(name) => {
                self.note_call(Value::Name(name.as_ref().clone()), arguments);
                self.returned(name, &arguments.placed)
            }
            Known::Local(unit) => {
                let shift = usize::from(matches!(callee.kind, Kind::Member(_)));
                self.call_own(*unit, arguments, shift)
            }
            Known::Module(module) => {
                self.note_call(Value::Name(Name::new(&**module, "")), arguments);
                Many::new()
            }
            Known::Plain(plain) => {
                let computed = matches!(**plain, Value::Unknown(slot::ANY));
                if computed && beside {
                    return anything();
                }
                if computed {
                    self.unseen("calls a computed value");
                }
                self.note_call(plain.as_ref().clone(), arguments);
                let known: Vec<Known> =
                    arguments.placed.iter().take(ARGUMENTS).map(|slot| slot.only()).collect();
                slot::one(self.keep(|| result_of(plain.as_ref().clone(), &known)))
            }
            _ if beside => Many::new(),
            _ => {
                self.unseen("calls a computed value");
                self.note_call(Value::Unknown(slot::ANY), arguments);
                Many::new()
            }
        }
    }

    /// A method of a constant.
    fn call_method(&mut self, base: &Known, method: &str, arguments: &Arguments) -> Many {
        if self.last {
            let value = self.shown(base, &mut Room::new(256));
            self.note_call(Value::Attribute(Box::new(value), method.to_owned()), arguments);
        }
        let args: Vec<Known> = arguments.placed.iter().take(16).map(|slot| slot.only()).collect();
        if matches!(method, "append" | "add" | "insert" | "extend" | "update" | "setdefault") {
            for slot in arguments.placed.iter().take(4) {
                self.put_in(base, &slot.many);
            }
            return Many::new();
        }
        if let (Known::Dict(..), "get" | "pop" | "setdefault" | "__getitem__", [_, ..]) =
            (base, method, args.as_slice())
            && let Some(key) = arguments.placed.first()
        {
            let base = Slot::new(vec![base.clone()], "", level::ATOM);
            return self.subscript(&base, key);
        }
        if !arguments.keyed.is_empty() || !args.iter().chain([base]).all(|value| self.stays(value))
        {
            return Many::new();
        }
        match super::compute::method(&mut self.fold, base, method, &args) {
            Known::Unknown => Many::new(),
            value => vec![value],
        }
    }

    /// A function or class of this code; `shift` is how many parameters the call does not name.
    fn call_own(&mut self, callee: usize, arguments: &Arguments, shift: usize) -> Many {
        self.calls(callee);
        let Some(unit) = self.units.get(callee) else { return Many::new() };
        if !unit.class {
            let generator = unit.code.flags & GENERATORS != 0;
            let returns = if generator { Many::new() } else { unit.returns.clone() };
            self.hand_arguments(callee, arguments, shift);
            return returns;
        }
        for var in unit.special.clone() {
            let many = self.vars.get(var).map(|var| var.many.clone()).unwrap_or_default();
            for value in many {
                if let Known::Local(method) = value {
                    self.calls(method);
                    self.hand_arguments(method, arguments, 1);
                }
            }
        }
        anything()
    }

    /// What is handed to a function is in its parameters.
    fn hand_arguments(&mut self, callee: usize, arguments: &Arguments, shift: usize) {
        let Some(unit) = self.units.get(callee) else { return };
        let (base, code) = (unit.base, unit.code);
        let count = to_usize(u64::from(code.argcount));
        for (at, slot) in arguments.placed.iter().enumerate() {
            let at = at.saturating_add(shift);
            if at >= count || slot.many.iter().any(is_starred) {
                break;
            }
            self.hand_argument(base.saturating_add(at), slot);
        }
        for (name, slot) in arguments.keyed.iter().take(ARGUMENTS) {
            if let Some(at) = code.parameters().take(NAMED).position(|parameter| parameter == name)
            {
                self.hand_argument(base.saturating_add(at), slot);
            }
        }
    }

    /// Adds what a parameter may be.
    pub(super) fn hand_argument(&mut self, var: usize, slot: &S) {
        let Some(var) = self.vars.get_mut(var) else { return };
        var.bound = true;
        if slot::extend(&mut var.many, &slot.many) {
            (var.loaded, self.changed) = (None, true);
        }
    }

    /// Records a call.
    pub(super) fn note_call(&mut self, callee: Value, arguments: &Arguments) {
        if !self.last {
            return;
        }
        let mut room = Room::new(self.shown);
        let mut args = Vec::new();
        for slot in arguments.placed.iter().take(ARGUMENTS) {
            args.push(self.shown(&slot.only(), &mut room));
        }
        let more = arguments.placed.len().saturating_sub(ARGUMENTS);
        if more > 0 {
            args.push(Value::More(to_u64(more)));
        }
        let mut kwargs = Vec::new();
        for (key, slot) in arguments.keyed.iter().take(ARGUMENTS) {
            kwargs.push((key.clone(), self.shown(&slot.only(), &mut room)));
        }
        self.shown = room.bytes;
        self.enter(Entry::Call(Call { callee, args, kwargs, manner: Manner::Called }));
    }
}

fn is_starred(value: &Known) -> bool {
    matches!(value, Known::Plain(plain) if **plain == Value::Unknown(STARRED))
}

fn call_text(callee: &S, arguments: &Arguments) -> String {
    let mut text = callee.within(level::ATOM);
    text.push('(');
    text.push_str(&slot::listed(&arguments.placed));
    for (at, (key, value)) in arguments.keyed.iter().take(ARGUMENTS).enumerate() {
        let comma = if at == 0 && arguments.placed.is_empty() { "" } else { ", " };
        text.push_str(&format!("{comma}{}={}", escape(key), value.text));
    }
    text.push(')');
    text
}
