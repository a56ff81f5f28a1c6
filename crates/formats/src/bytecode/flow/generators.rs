//! Generators, coroutines, unpacking, pattern matching, and what only Python 2 has.

use super::call::Arguments;
use super::constant::builtin;
use super::events::Event;
use super::machine::{Machine, Next, Unpacked};
use super::slot::{self, Kind, S, Slot, level};
use super::step::none;
use crate::bytecode::{Op, Version};
use crate::python::known::{Known, Many};
use davy_bytes::to_usize;
use std::rc::Rc;

impl Machine<'_> {
    /// Generators and coroutines.
    pub(super) fn step_generators(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        match op {
            Op::GetIter | Op::GetYieldFromIter | Op::GetAiter | Op::AsyncGenWrap => {}
            Op::GetAwaitable => {
                let value = self.pop();
                let text = self.say(|| format!("await {}", value.within(level::AWAIT)));
                let kind = awaited_kind(&value);
                self.push(Slot::of(kind, value.many.clone(), &text, level::AWAIT));
            }
            Op::GetAnext => {
                let over = self.peek(0).text.to_string();
                self.event(Event::ForAsync(over));
                self.push(Slot::of(Kind::Given, Many::new(), "<item>", level::ATOM));
            }
            Op::YieldFrom => {
                self.pop();
                self.yield_from();
            }
            Op::Send => {
                let target = self.frame.op.target(self.version()).unwrap_or(u32::MAX);
                self.send(target);
            }
            Op::EndSend => {
                let result = self.pop();
                self.pop();
                self.push(result);
            }
            Op::YieldValue => {
                let value = self.pop();
                self.hand_on(&value);
                let text = self.say(|| format!("yield {}", value.text));
                self.push(Slot::of(Kind::Effect, Many::new(), &text, level::LOOSE));
            }
            Op::ReturnGenerator => self.push(Slot::unknown()),
            Op::EndAsyncFor => {
                self.take(if self.version() < Version::V3_11 { 7 } else { 2 });
            }
            Op::CleanupThrow => return Some(self.cleanup_throw()),
            Op::CallIntrinsic1 => self.intrinsic(arg),
            Op::CallIntrinsic2 => self.intrinsic_pair(arg),
            _ => return None,
        }
        Some(Next::Falls)
    }

    /// `await x` and `yield from x`: what waits is what is awaited.
    fn yield_from(&mut self) {
        let from = self.pop();
        let result = self.awaited(&from);
        self.push(result);
    }

    fn awaited(&mut self, from: &S) -> S {
        let awaits =
            matches!(from.kind, Kind::Given | Kind::Exited) || from.text.starts_with("await ");
        let text = self.say(|| match awaits {
            true => from.text.to_string(),
            false => format!("yield from {}", from.text),
        });
        let kind = awaited_kind(from);
        let level = if awaits { level::AWAIT } else { level::LOOSE };
        Slot::of(kind, Many::new(), &text, level)
    }

    fn send(&mut self, target: u32) {
        let _sent = self.pop();
        let from = self.peek(0);
        let result = self.awaited(&from);
        let depth = self.frame.stack.len();
        let plain = super::state::Way::Plain;
        let saved = if self.version() == Version::V3_11 {
            self.save(depth.saturating_sub(1), &[result], plain)
        } else {
            self.save(depth, &[result], plain)
        };
        self.branch_with(target, saved);
        self.push(Slot::unknown());
    }

    /// What is thrown into something that is awaited may end it with a result; that goes on where
    /// any other result does.
    fn cleanup_throw(&mut self) -> Next {
        self.take(3);
        self.push(Slot::unknown());
        self.push(Slot::unknown());
        let track = &self.frame.track;
        let target = track.at(self.frame.op.next).and_then(|next| match next.op {
            Op::EndSend => Some(next.start),
            Op::JumpBackward | Op::JumpBackwardNoInterrupt => next.target(self.version()),
            _ => None,
        });
        let known = |at: u32| track.is_visited(at) || track.pending.contains_key(&at);
        if target.is_some_and(known) { Next::Stops } else { Next::Falls }
    }

    fn intrinsic(&mut self, number: u32) {
        let value = self.pop();
        match number {
            2 => self.import_star(&value),
            5 => return self.push_unary("+", level::SIGN, &value),
            4 | 6 => return self.push(value),
            _ => {}
        }
        self.push(Slot::unknown());
    }

    fn intrinsic_pair(&mut self, number: u32) {
        let (second, first) = (self.pop(), self.pop());
        // The type parameters of a function are set on it: `INTRINSIC_SET_FUNCTION_TYPE_PARAMS`.
        let kept = if number == 4 { first } else { Slot::unknown() };
        drop(second);
        self.push(kept);
    }

    /// Unpacking and pattern matching.
    pub(super) fn step_matches(&mut self, op: Op) -> Option<Next> {
        let arg = self.frame.op.arg;
        let old = self.version() < Version::V3_11;
        match op {
            Op::UnpackSequence => self.unpack(arg, true),
            Op::UnpackEx => {
                let count = (arg & 0xff).saturating_add(arg >> 8).saturating_add(1);
                self.unpack(count, false);
            }
            Op::GetLen => self.push(Slot::unknown()),
            Op::MatchMapping | Op::MatchSequence => {
                let subject = self.peek(0);
                let what = if op == Op::MatchMapping { "mapping" } else { "sequence" };
                self.push_text(|| format!("<{} is a {what}>", subject.text));
            }
            Op::MatchKeys => {
                let count = if old { 2 } else { 1 };
                (0..count).for_each(|_| self.push(Slot::unknown()));
            }
            Op::MatchClass => {
                let (_names, class, subject) = (self.pop(), self.pop(), self.pop());
                let text = self.say(|| format!("<{} as {}>", subject.text, class.text));
                if old {
                    self.push(Slot::unknown());
                }
                self.push(Slot::new(Many::new(), &text, level::ATOM));
            }
            Op::CopyDictWithoutKeys => {
                self.pop();
                self.push(Slot::unknown());
            }
            _ => return None,
        }
        Some(Next::Falls)
    }

    /// Unpacks into `count` targets; `each` tells whether each takes one item.
    fn unpack(&mut self, count: u32, each: bool) {
        let from = self.pop();
        let count = to_usize(u64::from(count)).min(1 << 16);
        self.spend(count);
        if self.is_exhausted() {
            return;
        }
        let kind = Kind::Part(self.frame.unpacked.len());
        let items = match from.only() {
            Known::Items(items, _)
                if each && items.len() == count && !items.iter().any(slot::is_words) =>
            {
                Some(items)
            }
            _ => None,
        };
        let several = items.is_none();
        let otherwise = if several { items_beside(&from) } else { Many::new() };
        for at in (0..count).rev() {
            let item = items.as_ref().and_then(|items| items.get(at)).cloned();
            let many = item.map_or_else(|| otherwise.clone(), slot::one);
            self.push(Slot::of(kind.clone(), many, "<part>", level::ATOM));
        }
        self.frame.unpacked.push(Unpacked { from, waits: count, targets: String::new() });
    }

    /// What only Python 2 has, and other leftovers.
    pub(super) fn step_old(&mut self, op: Op) -> Option<Next> {
        match op {
            Op::PrintItem | Op::PrintExpr => {
                let value = self.pop();
                self.print(vec![value]);
            }
            Op::PrintItemTo => {
                let (_to, value) = (self.pop(), self.pop());
                self.print(vec![value]);
            }
            Op::PrintNewline => {}
            Op::PrintNewlineTo => {
                self.pop();
            }
            Op::ExecStmt => {
                let (locals, globals, code) = (self.pop(), self.pop(), self.pop());
                let mut placed = vec![code, globals, locals];
                while placed.len() > 1
                    && placed.last().is_some_and(|slot| slot.only() == Known::None)
                {
                    placed.pop();
                }
                // `exec code in scope` stands for both.
                if let [_, globals, locals] = placed.as_slice()
                    && Rc::ptr_eq(globals, locals)
                {
                    placed.pop();
                }
                self.run_builtin("exec", placed);
            }
            Op::UnaryConvert => {
                let value = self.pop();
                let text = self.say(|| format!("repr({})", value.text));
                self.push(Slot::new(Many::new(), &text, level::ATOM));
            }
            Op::LoadLocals => self.push_text(|| "<names>".to_owned()),
            Op::StoreAnnotation => {
                self.pop();
            }
            _ => return self.step_old_slices(op),
        }
        Some(Next::Falls)
    }

    fn print(&mut self, placed: Vec<S>) {
        self.run_builtin("print", placed);
    }

    /// A statement that is a function in Python 3.
    fn run_builtin(&mut self, name: &str, placed: Vec<S>) {
        let callee = Slot::new(vec![builtin(name)], name, level::ATOM);
        let result = self.call(&callee, &Arguments { placed, keyed: Vec::new() });
        self.line(|| result.text.to_string());
    }

    fn step_old_slices(&mut self, op: Op) -> Option<Next> {
        let (start, stop) = match op {
            Op::Slice0 | Op::StoreSlice0 | Op::DeleteSlice0 => (false, false),
            Op::Slice1 | Op::StoreSlice1 | Op::DeleteSlice1 => (true, false),
            Op::Slice2 | Op::StoreSlice2 | Op::DeleteSlice2 => (false, true),
            Op::Slice3 | Op::StoreSlice3 | Op::DeleteSlice3 => (true, true),
            _ => return None,
        };
        let stop = if stop { self.pop() } else { none() };
        let start = if start { self.pop() } else { none() };
        let base = self.pop();
        let slice = self.slice(&start, &stop, &none());
        match op {
            Op::Slice0 | Op::Slice1 | Op::Slice2 | Op::Slice3 => self.push_subscript(&base, &slice),
            Op::StoreSlice0 | Op::StoreSlice1 | Op::StoreSlice2 | Op::StoreSlice3 => {
                let value = self.pop();
                self.store_subscript(&base, &slice, &value);
            }
            _ => self.line(|| format!("del {}[{}]", base.within(level::ATOM), slice.text)),
        }
        Some(Next::Falls)
    }
}

/// What waiting for something makes of it.
fn awaited_kind(from: &S) -> Kind {
    match from.kind {
        Kind::Exited | Kind::Given => from.kind.clone(),
        _ => Kind::Effect,
    }
}

/// What each part of something may be whose length is not known.
fn items_beside(from: &S) -> Many {
    let mut items = Many::new();
    for value in &from.many {
        if let Known::Items(values, _) = value {
            for value in values.iter().take(8) {
                crate::python::known::add(&mut items, value.clone());
            }
        }
    }
    items
}
