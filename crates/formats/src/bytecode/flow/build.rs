//! Containers, text that is put together, functions and classes.

use super::call::Arguments;
use super::events::Event;
use super::machine::{Machine, Next};
use super::names::anything;
use super::program::Entry;
use super::slot::{self, Kind, S, Slot, level, listed};
use crate::bytecode::{Op, Version};
use crate::python::known::{Known, Many};
use davy_bytes::{escape, to_usize};
use std::rc::Rc;

/// Items of a container that is built one by one, before it counts as unknown: each step copies it.
const GROWN: usize = 64;

/// Steps that each item of a container costs: containers stay in memory.
const KEPT: usize = 7;

impl Machine<'_> {
    /// Containers.
    pub(super) fn step_containers(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::BuildTuple => {
                let items = self.take(arg);
                self.push_items(&items, "(", ")");
            }
            Op::BuildList => {
                let items = self.take(arg);
                self.push_items(&items, "[", "]");
            }
            Op::BuildSet => {
                let items = self.take(arg);
                self.push_items(&items, "{", "}");
            }
            Op::BuildMap if self.version() == Version::V2_7 => self.push_pairs(&[]),
            Op::BuildMap => {
                let all = self.take(arg.saturating_mul(2));
                let (pairs, _) = all.as_chunks::<2>();
                let pairs: Vec<(S, S)> =
                    pairs.iter().map(|[key, value]| (Rc::clone(key), Rc::clone(value))).collect();
                self.push_pairs(&pairs);
            }
            Op::BuildConstKeyMap => self.build_const_key_map(arg),
            Op::BuildListUnpack | Op::BuildTupleUnpack | Op::BuildSetUnpack => {
                let parts = self.take(arg);
                self.push_unpacked(&parts);
            }
            Op::BuildTupleUnpackWithCall => {
                let parts = self.take(arg);
                self.push_unpacked(&parts);
            }
            Op::BuildMapUnpack | Op::BuildMapUnpackWithCall => {
                let parts = self.take(arg);
                self.push_merged(&parts);
            }
            Op::ListAppend | Op::SetAdd => self.append(arg),
            Op::MapAdd => self.map_add(arg),
            Op::StoreMap => {
                let (key, value) = (self.pop(), self.pop());
                self.add_pair(0, &key, &value);
            }
            Op::ListExtend | Op::SetUpdate => {
                let more = self.pop();
                let at = arg.saturating_sub(1);
                let base = self.peek(at);
                self.extended(at, &base, &more);
            }
            Op::DictMerge | Op::DictUpdate => {
                let more = self.pop();
                let at = arg.saturating_sub(1);
                let base = self.peek(at);
                self.merged(at, &base, &more);
            }
            Op::ListToTuple => {}
            _ => return None,
        }
        Some(Next::Falls)
    }

    fn push_items(&mut self, items: &[S], open: &str, close: &str) {
        if !items.is_empty() && items.iter().all(|item| matches!(item.kind, Kind::Cells(_))) {
            let cells = items.iter().map(|item| match &item.kind {
                Kind::Cells(vars) => vars.first().copied().unwrap_or(usize::MAX),
                _ => usize::MAX,
            });
            let kind = Kind::Cells(cells.collect::<Vec<usize>>().into());
            return self.push(Slot::marker(kind));
        }
        let text = self.say(|| {
            let comma = if open == "(" && items.len() == 1 { "," } else { "" };
            match (open, items.is_empty()) {
                ("{", true) => "set()".to_owned(),
                _ => format!("{open}{}{comma}{close}", listed(items)),
            }
        });
        self.spend(items.len().saturating_mul(KEPT));
        // What is called through a container is called all the same.
        items.iter().for_each(|item| self.hand_on(item));
        let value = Known::items(items.iter().map(item_value).collect());
        self.push(Slot::new(slot::one(value), &text, level::ATOM));
    }

    fn push_pairs(&mut self, pairs: &[(S, S)]) {
        let text = self.say(|| {
            let shown =
                pairs.iter().take(64).map(|(key, value)| format!("{}: {}", key.text, value.text));
            format!("{{{}}}", shown.collect::<Vec<String>>().join(", "))
        });
        self.spend(pairs.len().saturating_mul(KEPT));
        pairs.iter().for_each(|(_, value)| self.hand_on(value));
        let known = pairs.iter().map(|(key, value)| (item_value(key), item_value(value)));
        let value = Known::dict(known.collect());
        self.push(Slot::new(slot::one(value), &text, level::ATOM));
    }

    fn build_const_key_map(&mut self, count: u32) {
        let keys = self.pop();
        let values = self.take(count);
        let names = match keys.only() {
            Known::Items(items, _) => items,
            _ => Rc::new(Vec::new()),
        };
        let key = |known: &Known| {
            Slot::new(
                slot::one(known.clone()),
                &self.say(|| super::call::shown(known)),
                level::ATOM,
            )
        };
        let pairs: Vec<(S, S)> = names.iter().map(key).zip(values).collect();
        self.push_pairs(&pairs);
    }

    /// `[*a, *b]` up to 3.8.
    fn push_unpacked(&mut self, parts: &[S]) {
        let mut items = Vec::new();
        for part in parts {
            match part.only() {
                Known::Items(more, _) if more.len() <= 4096 => items.extend(more.iter().cloned()),
                _ => items.push(slot::known(super::call::STARRED)),
            }
        }
        self.spend(items.len());
        let text = self.say(|| {
            let shown = parts.iter().take(64).map(starred);
            format!("[{}]", shown.collect::<Vec<String>>().join(", "))
        });
        self.push(Slot::new(slot::one(Known::items(items)), &text, level::ATOM));
    }

    /// `{**a, **b}` up to 3.8.
    fn push_merged(&mut self, parts: &[S]) {
        let mut pairs = Vec::new();
        for part in parts {
            match part.only() {
                Known::Dict(more, _) if more.len() <= 4096 => pairs.extend(more.iter().cloned()),
                _ => pairs.push((slot::known(super::call::STARRED), Known::Unknown)),
            }
        }
        self.spend(pairs.len());
        let text = self.say(|| {
            let shown = parts.iter().take(64).map(|part| format!("**{}", part.text));
            format!("{{{}}}", shown.collect::<Vec<String>>().join(", "))
        });
        self.push(Slot::new(slot::one(Known::dict(pairs)), &text, level::ATOM));
    }

    /// `LIST_APPEND` and `SET_ADD`: in a loop for a comprehension, else for a container with stars.
    fn append(&mut self, arg: u32) {
        let item = self.pop();
        let at = arg.saturating_sub(1);
        let base = self.peek(at);
        self.hand_on(&item);
        if arg == 1 {
            let one = Slot::new(
                slot::one(Known::items(vec![item_value(&item)])),
                &self.say(|| format!("[{}]", item.text)),
                level::ATOM,
            );
            return self.extended(at, &base, &one);
        }
        for container in &base.many {
            self.put_in(container, &item.many);
        }
        self.line(|| format!("{}.append({})", base.within(level::ATOM), item.text));
        let several = Known::items(vec![slot::known(super::call::STARRED)]);
        self.replace(at, Slot::new(slot::one(several), &base.text, level::ATOM));
    }

    fn map_add(&mut self, arg: u32) {
        let (above, below) = (self.pop(), self.pop());
        // Up to 3.7 the key is on top.
        let (key, value) =
            if self.version() < Version::V3_8 { (above, below) } else { (below, above) };
        let at = arg.saturating_sub(1);
        if arg == 1 {
            return self.add_pair(at, &key, &value);
        }
        let base = self.peek(at);
        self.hand_on(&value);
        for container in &base.many {
            self.put_in(container, &value.many);
        }
        self.line(|| format!("{}[{}] = {}", base.within(level::ATOM), key.text, value.text));
        let several = Known::dict(vec![(slot::known(super::call::STARRED), Known::Unknown)]);
        self.replace(at, Slot::new(slot::one(several), &base.text, level::ATOM));
    }

    fn add_pair(&mut self, at: u32, key: &S, value: &S) {
        let base = self.peek(at);
        let pair = Slot::new(
            slot::one(Known::dict(vec![(item_value(key), item_value(value))])),
            &self.say(|| format!("{{{}: {}}}", key.text, value.text)),
            level::ATOM,
        );
        self.hand_on(value);
        self.merged(at, &base, &pair);
    }

    /// Replaces a list on the stack by one that goes on with the items of `more`.
    fn extended(&mut self, at: u32, base: &S, more: &S) {
        let rest = || slot::known(super::call::STARRED);
        let value = match (base.only(), more.only()) {
            (Known::Items(items, _), all @ Known::Items(..)) if items.is_empty() => all,
            (Known::Items(items, _), Known::Items(more, _)) if fits(items.len(), more.len()) => {
                Known::items(items.iter().chain(more.iter()).cloned().collect())
            }
            (Known::Items(items, _), _) if fits(items.len(), 1) => {
                Known::items(items.iter().cloned().chain([rest()]).collect())
            }
            _ => Known::items(vec![rest()]),
        };
        let text = self.say(|| spliced(&base.text, &starred(more)));
        self.replace(at, Slot::new(slot::one(value), &text, level::ATOM));
    }

    fn merged(&mut self, at: u32, base: &S, more: &S) {
        let rest = || (slot::known(super::call::STARRED), Known::Unknown);
        let value = match (base.only(), more.only()) {
            (Known::Dict(pairs, _), all @ Known::Dict(..)) if pairs.is_empty() => all,
            (Known::Dict(pairs, _), Known::Dict(more, _)) if fits(pairs.len(), more.len()) => {
                Known::dict(pairs.iter().chain(more.iter()).cloned().collect())
            }
            (Known::Dict(pairs, _), _) if fits(pairs.len(), 1) => {
                Known::dict(pairs.iter().cloned().chain([rest()]).collect())
            }
            _ => Known::dict(vec![rest()]),
        };
        let text = self.say(|| spliced(&base.text, &mapped(more)));
        self.replace(at, Slot::new(slot::one(value), &text, level::ATOM));
    }

    /// Functions and classes.
    pub(super) fn step_functions(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::MakeFunction | Op::MakeClosure if self.version() < Version::V3_6 => {
                self.make_old_function(op, arg);
            }
            Op::MakeFunction => self.make_function(arg),
            Op::SetFunctionAttribute => {
                let function = self.pop();
                let value = self.pop();
                if let Kind::Function(unit) = function.kind {
                    self.set_part(unit, arg, &value);
                }
                self.push(function);
            }
            Op::LoadBuildClass => self.push(Slot::marker(Kind::BuildClass)),
            Op::BuildClass => {
                let (body, bases, _name) = (self.pop(), self.pop(), self.pop());
                let unit = if let Kind::Body(unit) = body.kind { Some(unit) } else { None };
                let items = match bases.only() {
                    Known::Items(items, _) => items,
                    _ => Rc::new(Vec::new()),
                };
                let text = |item: &Known| super::call::shown(item);
                let bases: Vec<String> = items.iter().take(16).map(text).collect();
                self.class(unit, &bases.join(", "));
            }
            _ => return None,
        }
        Some(Next::Falls)
    }

    fn make_function(&mut self, flags: u32) {
        let named = self.version() < Version::V3_11;
        if named {
            self.pop();
        }
        let code = self.pop();
        let unit = self.function(&code);
        if self.version() >= Version::V3_13 {
            return;
        }
        // The function goes below what it is made with: it is taken off first.
        let function = self.pop();
        for flag in [8, 4, 2, 1] {
            if flags & flag != 0 {
                let value = self.pop();
                if let Some(unit) = unit {
                    self.set_part(unit, flag, &value);
                }
            }
        }
        self.push(function);
    }

    fn make_old_function(&mut self, op: Op, arg: u32) {
        let (defaults, keyed, annotated) = match self.version() {
            Version::V2_7 => (arg, 0, 0),
            _ => {
                self.pop();
                (arg & 0xff, arg >> 8 & 0xff, arg >> 16 & 0x7fff)
            }
        };
        let code = self.pop();
        let unit = self.function(&code);
        let function = self.pop();
        if op == Op::MakeClosure {
            let cells = self.pop();
            if let Some(unit) = unit {
                self.set_part(unit, 8, &cells);
            }
        }
        self.take(annotated);
        let keyed = self.take(keyed.saturating_mul(2));
        let defaults = self.take(defaults);
        if let Some(unit) = unit {
            self.bind_defaults(unit, &defaults);
            let (pairs, _) = keyed.as_chunks::<2>();
            for [name, value] in pairs {
                self.bind_named(unit, name.only().text().unwrap_or_default(), value);
            }
        }
        self.push(function);
    }

    /// Makes a function of a code object, puts it on the stack, and tells which body it has.
    fn function(&mut self, code: &S) -> Option<usize> {
        let [Known::Local(unit)] = code.many.as_slice() else {
            self.unseen("makes a function of computed code");
            self.push(Slot::new(anything(), "<function>", level::ATOM));
            return None;
        };
        let unit = *unit;
        let Some(own) = self.units.get(unit) else {
            self.push(Slot::unknown());
            return None;
        };
        let (class, name) = (own.class, std::sync::Arc::clone(&own.code.name));
        let expression = own.expression.clone();
        self.enter(Entry::Unit(unit));
        let text = match expression {
            Some(expression) if *name == *"<lambda>" => expression,
            _ => {
                if !class {
                    self.event(Event::Def(unit));
                }
                self.name_shown(&name)
            }
        };
        let level = if text.starts_with("lambda") { level::LOOSE } else { level::ATOM };
        let many = vec![Known::Local(unit)];
        self.push(Slot::of(Kind::Function(unit), many, &text, level));
        Some(unit)
    }

    /// What a function is made with: 1 defaults, 2 those of keywords, 4 annotations, 8 variables.
    fn set_part(&mut self, unit: usize, flag: u32, value: &S) {
        match (flag, &value.kind) {
            (8, Kind::Cells(vars)) => self.set_closure(unit, vars),
            (1, _) => {
                let Known::Items(items, _) = value.only() else { return };
                let items: Vec<S> = items
                    .iter()
                    .map(|item| Slot::new(slot::one(item.clone()), "", level::ATOM))
                    .collect();
                self.bind_defaults(unit, &items);
            }
            (2, _) => {
                let Known::Dict(pairs, _) = value.only() else { return };
                for (name, value) in pairs.iter() {
                    let value = Slot::new(slot::one(value.clone()), "", level::ATOM);
                    self.bind_named(unit, name.text().unwrap_or_default(), &value);
                }
            }
            _ => {}
        }
    }

    fn set_closure(&mut self, unit: usize, vars: &[usize]) {
        let Some(unit) = self.units.get_mut(unit) else { return };
        for (free, var) in unit.free.iter_mut().zip(vars) {
            if !free.contains(var) && free.len() < 4 {
                free.push(*var);
                self.changed = true;
            }
        }
    }

    /// Defaults are those of the last parameters.
    fn bind_defaults(&mut self, unit: usize, defaults: &[S]) {
        let Some(unit) = self.units.get(unit) else { return };
        let (base, count) = (unit.base, to_usize(u64::from(unit.code.argcount)));
        let first = count.saturating_sub(defaults.len());
        for (at, slot) in defaults.iter().enumerate().take(count) {
            self.hand_on(slot);
            self.hand_argument(base.saturating_add(first).saturating_add(at), slot);
        }
    }

    fn bind_named(&mut self, unit: usize, name: &str, value: &S) {
        let Some(unit) = self.units.get(unit) else { return };
        let base = unit.base;
        if let Some(at) =
            unit.code.parameters().take(super::call::NAMED).position(|parameter| parameter == name)
        {
            self.hand_argument(base.saturating_add(at), value);
        }
    }

    /// `class X(bases, **keywords)`: the body runs at once, and a metaclass is called.
    pub(super) fn build_class(&mut self, arguments: &Arguments) -> S {
        let mut placed = arguments.placed.iter();
        let body = placed.next().and_then(|slot| slot.many.first().cloned());
        let unit = if let Some(Known::Local(unit)) = body { Some(unit) } else { None };
        let metaclass = arguments.keyed.iter().find(|(key, _)| key == "metaclass");
        if let Some((_, metaclass)) = metaclass {
            self.hand_on(metaclass);
        }
        let bases: Vec<S> = placed.skip(1).cloned().collect();
        let mut shown = self.say(|| listed(&bases));
        for (key, value) in &arguments.keyed {
            let comma = if shown.is_empty() { "" } else { ", " };
            shown.push_str(&format!("{comma}{}={}", escape(key), value.text));
        }
        self.class(unit, &shown);
        self.pop()
    }

    fn class(&mut self, unit: Option<usize>, bases: &str) {
        let Some(unit) = unit else {
            self.unseen("makes a class of a computed body");
            return self.push(Slot::new(anything(), "<class>", level::ATOM));
        };
        let many: Many = vec![Known::Local(unit)];
        self.hand_on(&Slot::new(many.clone(), "", level::ATOM));
        let Some(own) = self.units.get_mut(unit) else { return self.push(Slot::unknown()) };
        self.changed |= !std::mem::replace(&mut own.class, true);
        let name = std::sync::Arc::clone(&own.code.name);
        self.event(Event::Class { unit, bases: bases.to_owned() });
        let text = self.name_shown(&name);
        self.push(Slot::of(Kind::Class(unit), many, &text, level::ATOM));
    }
}

/// Whether a container of `here` items may still be known with `more`.
fn fits(here: usize, more: usize) -> bool {
    here.saturating_add(more) <= GROWN
}

/// What an item of a container is known to be.
fn item_value(slot: &S) -> Known {
    slot.only()
}

/// `more`, spelled as a part of a display.
fn starred(more: &S) -> String {
    let inner = more.text.strip_prefix(['[', '(']).and_then(|text| text.strip_suffix([']', ')']));
    match inner {
        Some(inner) if matches!(more.only(), Known::Items(..)) => {
            inner.trim_end_matches(',').to_owned()
        }
        _ => format!("*{}", more.within(level::BIT_OR)),
    }
}

fn mapped(more: &S) -> String {
    let inner = more.text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    match inner {
        Some(inner) if matches!(more.only(), Known::Dict(..)) => inner.to_owned(),
        _ => format!("**{}", more.within(level::BIT_OR)),
    }
}

/// A display with `more` before its closing bracket.
fn spliced(display: &str, more: &str) -> String {
    let display = if display == "set()" { "{}" } else { display };
    let Some((at, close)) = display.char_indices().next_back() else { return more.to_owned() };
    let head = display.get(..at).unwrap_or_default();
    let comma = if head.len() <= 1 || more.is_empty() { "" } else { ", " };
    format!("{head}{comma}{more}{close}")
}
