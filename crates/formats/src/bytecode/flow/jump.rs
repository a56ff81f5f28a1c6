//! Jumps, loops, blocks, handlers and what they leave on the stack.

use super::events::Event;
use super::machine::{Machine, Next};
use super::slot::{Kind, S, Slot, level};
use super::state::{Opener, Way};
use crate::bytecode::{Op, Version};
use crate::python::known::{Known, Many, add};
use std::rc::Rc;

/// Items of a constant that a loop is followed for, all at once.
const ITEMS: usize = 8;

/// What a conditional jump asks of the top of the stack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Test {
    False,
    None,
    NotNone,
    True,
}

impl Machine<'_> {
    /// Jumps and returns.
    pub(super) fn step_jumps(&mut self, op: Op) -> Option<Next> {
        let target = self.frame.op.target(self.version()).unwrap_or(u32::MAX);
        match op {
            Op::PopJumpIfFalse | Op::PopJumpForwardIfFalse | Op::PopJumpBackwardIfFalse => {
                self.test(Test::False, target);
            }
            Op::PopJumpIfTrue | Op::PopJumpForwardIfTrue | Op::PopJumpBackwardIfTrue => {
                self.test(Test::True, target);
            }
            Op::PopJumpIfNone | Op::PopJumpForwardIfNone | Op::PopJumpBackwardIfNone => {
                self.test(Test::None, target);
            }
            Op::PopJumpIfNotNone | Op::PopJumpForwardIfNotNone | Op::PopJumpBackwardIfNotNone => {
                self.test(Test::NotNone, target);
            }
            Op::JumpIfFalseOrPop | Op::JumpIfTrueOrPop => {
                let kept = self.peek(0);
                let event = self.condition(&kept, op == Op::JumpIfTrueOrPop, target);
                self.branch(target, event);
                self.pop();
            }
            Op::JumpIfNotExcMatch => {
                self.match_exception(true);
                self.test(Test::False, target);
            }
            Op::JumpForward | Op::JumpAbsolute | Op::JumpBackward => {
                let next = self.frame.op.next;
                let event = self.event(Event::Jump { target, next });
                self.branch(target, event);
                return Some(Next::Stops);
            }
            Op::JumpBackwardNoInterrupt => {
                self.branch(target, None);
                return Some(Next::Stops);
            }
            Op::ForIter => self.for_iter(target),
            Op::EndFor => {
                self.take(if self.version() == Version::V3_12 { 2 } else { 1 });
            }
            Op::SetupLoop => self.open(Opener::Loop, target),
            Op::BreakLoop => return Some(self.break_loop()),
            Op::ContinueLoop => return Some(self.continue_loop(target)),
            Op::ReturnValue | Op::ReturnConst => return Some(self.leave(op)),
            Op::RaiseVarargs => return Some(self.raise()),
            Op::StopCode => return Some(Next::Stops),
            _ => return None,
        }
        Some(Next::Falls)
    }

    fn test(&mut self, test: Test, target: u32) {
        let value = self.pop();
        let (value, when) = match test {
            Test::False => (value, false),
            Test::True => (value, true),
            Test::None => (self.compared_to_none(&value), true),
            Test::NotNone => (self.compared_to_none(&value), false),
        };
        let event = self.condition(&value, when, target);
        self.branch(target, event);
    }

    fn compared_to_none(&mut self, value: &S) -> S {
        let text = self.say(|| format!("{} is None", value.within(level::COMPARE)));
        Slot::new(Many::new(), &text, level::COMPARE)
    }

    /// Puts a condition into the listing: the jump is taken where `value` is `when`.
    fn condition(&mut self, value: &S, when: bool, target: u32) -> Option<usize> {
        let next = self.frame.op.next;
        match value.kind {
            Kind::Exited => None,
            Kind::Match => self.event(Event::Except { text: value.text.to_string(), target }),
            _ => self.event(Event::Cond { value: Rc::clone(value), when, target, next }),
        }
    }

    fn for_iter(&mut self, target: u32) {
        let iterator = self.peek(0);
        self.event(Event::For { over: iterator.text.to_string(), target });
        let depth = self.frame.stack.len();
        let saved = if self.version() >= Version::V3_12 {
            self.save(depth, &[Slot::unknown()], Way::Plain)
        } else {
            self.save(depth.saturating_sub(1), &[], Way::Plain)
        };
        self.branch_with(target, saved);
        let item = items_of(&iterator.many);
        self.push(Slot::of(Kind::Given, item, "<item>", level::ATOM));
    }

    fn break_loop(&mut self) -> Next {
        let Some(at) = self.frame.blocks.iter().rposition(|block| block.opener == Opener::Loop)
        else {
            self.broken("leaves a loop where none is open");
            return Next::Stops;
        };
        let Some(block) = self.frame.blocks.get(at).copied() else { return Next::Stops };
        self.frame.blocks.truncate(at);
        let next = self.frame.op.next;
        let target = block.target;
        self.event(Event::Jump { target, next });
        let saved = self.save(block.depth, &[], Way::Plain);
        self.branch_with(target, saved);
        Next::Stops
    }

    fn continue_loop(&mut self, target: u32) -> Next {
        let at = self.frame.blocks.iter().rposition(|block| block.opener == Opener::Loop);
        let inner = at.map_or(0, |at| at.saturating_add(1));
        let depth = self.frame.blocks.get(inner).map(|block| block.depth);
        self.frame.blocks.truncate(inner);
        let next = self.frame.op.next;
        self.event(Event::Jump { target, next });
        let depth = depth.unwrap_or(self.frame.stack.len());
        let saved = self.save(depth, &[], Way::Plain);
        self.branch_with(target, saved);
        Next::Stops
    }

    fn leave(&mut self, op: Op) -> Next {
        let arg = self.frame.op.arg;
        let slot = if op == Op::ReturnConst { self.constant(arg) } else { self.pop() };
        self.retain_returned(&slot);
        let text = slot.text.to_string();
        self.event(Event::Return(text));
        Next::Stops
    }

    /// What is returned may be called by the caller.
    fn retain_returned(&mut self, slot: &S) {
        self.hand_on(slot);
        if let Some(unit) = self.units.get_mut(self.frame.unit) {
            for value in &slot.many {
                let before = unit.returns.len();
                add(&mut unit.returns, value.clone());
                self.changed |= unit.returns.len() > before;
            }
        }
    }

    fn raise(&mut self) -> Next {
        let parts = self.take(self.frame.op.arg.min(3));
        self.line(|| {
            let shown: Vec<String> = parts.iter().map(|part| part.text.to_string()).collect();
            let joint = if shown.len() == 2 { " from " } else { ", " };
            format!("raise {}", shown.join(joint)).trim_end().to_owned()
        });
        Next::Stops
    }

    /// Blocks and handlers.
    pub(super) fn step_faults(&mut self, op: Op) -> Option<Next> {
        let target = self.frame.op.target(self.version()).unwrap_or(u32::MAX);
        match op {
            Op::SetupFinally | Op::SetupExcept => self.set_up(target),
            Op::SetupWith => {
                let context = self.pop();
                self.enter_with(&context);
                self.open(Opener::Guard, target);
                self.push(Slot::marker(Kind::Exit));
                self.handle_at(target);
                self.push(Slot::marker(Kind::Given));
            }
            Op::SetupAsyncWith => {
                let entered = self.pop();
                self.open(Opener::Guard, target);
                self.handle_at(target);
                self.push(entered);
            }
            Op::BeforeWith | Op::BeforeAsyncWith => {
                let context = self.pop();
                self.enter_with(&context);
                self.push(Slot::marker(Kind::Exit));
                self.push(Slot::marker(Kind::Given));
            }
            Op::PopBlock => {
                self.frame.blocks.pop();
            }
            Op::PopExcept => {
                self.take(if self.version() < Version::V3_11 { 3 } else { 1 });
            }
            Op::PushExcInfo => {
                let exception = self.pop();
                self.push(Slot::marker(Kind::Former));
                self.push(exception);
            }
            Op::CheckExcMatch => self.match_exception(false),
            Op::CheckEgMatch => {
                self.match_exception(true);
                self.pop();
                self.push(Slot::unknown());
                self.push(Slot::marker(Kind::Exception));
            }
            Op::PrepReraiseStar => {
                self.take(2);
                self.push(Slot::unknown());
            }
            Op::WithExceptStart => self.push(Slot::marker(Kind::Exited)),
            Op::Reraise => {
                // With an argument, it ends what the compiler cleans up with.
                if self.frame.op.arg == 0 {
                    self.event(Event::Reraise);
                }
                return Some(Next::Stops);
            }
            _ => return self.step_finally(op, target),
        }
        Some(Next::Falls)
    }

    /// `finally` and the end of `with` up to 3.8, where handlers run into normal code.
    fn step_finally(&mut self, op: Op, target: u32) -> Option<Next> {
        match op {
            Op::BeginFinally => self.push(Slot::marker(Kind::Null)),
            Op::CallFinally => {
                let back = [Slot::marker(Kind::Address)];
                let saved = self.save(self.frame.stack.len(), &back, Way::Called);
                self.branch_with(target, saved);
            }
            Op::PopFinally => {
                let kept = (self.frame.op.arg != 0).then(|| self.pop());
                if self.pop().kind == Kind::Exception {
                    self.take(5);
                }
                kept.into_iter().for_each(|kept| self.push(kept));
            }
            Op::EndFinally => return Some(self.end_finally()),
            Op::WithCleanup | Op::WithCleanupStart => {
                let count = if self.version() == Version::V2_7 { 3 } else { 6 };
                if self.peek(0).kind == Kind::Exception {
                    // Where `__exit__` returns true, the code behind the block goes on.
                    self.replace(count, Slot::marker(Kind::Exited));
                } else {
                    self.rotate_out();
                }
                if op == Op::WithCleanupStart {
                    self.push(Slot::unknown());
                    self.push(Slot::marker(Kind::Exited));
                }
            }
            Op::WithCleanupFinish => {
                self.take(2);
            }
            _ => return None,
        }
        Some(Next::Falls)
    }

    /// Takes the slot below the top.
    fn rotate_out(&mut self) {
        let top = self.pop();
        self.pop();
        self.push(top);
    }

    fn end_finally(&mut self) -> Next {
        let top = self.pop();
        match top.kind {
            Kind::Exception => {
                self.take(if self.version() == Version::V2_7 { 2 } else { 5 });
                if self.frame.stack.last().is_some_and(|slot| slot.kind == Kind::Exited) {
                    self.pop();
                    return Next::Falls;
                }
                self.event(Event::Reraise);
                Next::Stops
            }
            Kind::Address => Next::Stops,
            _ => Next::Falls,
        }
    }

    fn set_up(&mut self, target: u32) {
        // A handler that only forgets the name of an exception is the compiler's.
        let named = match self.frame.events.as_slice() {
            [.., before, last] => {
                matches!((&before.event, &last.event), (Event::Except { .. }, Event::As(_)))
            }
            _ => false,
        };
        let first = self.frame.track.at(target);
        let ends = first.is_some_and(|first| first.op == Op::EndAsyncFor);
        if !named && !ends {
            self.event(Event::Try { end: target, handler: target });
        }
        self.open(Opener::Guard, target);
        self.handle_at(target);
    }

    /// Faults from here on lead to `target` (up to 3.10).
    fn handle_at(&mut self, target: u32) {
        let more = self.exceptions();
        let saved = self.save(self.frame.stack.len(), &more, Way::Fault);
        self.branch_with(target, saved);
    }

    /// The start of a `with` block.
    pub(super) fn enter_with(&mut self, context: &S) {
        let end = match self.frame.op.op {
            Op::SetupWith => self.frame.op.target(self.version()).unwrap_or(u32::MAX),
            _ => self.guarded_until(),
        };
        let waits = self.frame.op.op == Op::BeforeAsyncWith;
        let word = if waits { "async with" } else { "with" };
        self.event(Event::With { text: format!("{word} {}", context.text), end });
    }

    /// Where the `with` block ends whose handler begins to guard soon behind here (3.11 on).
    fn guarded_until(&self) -> u32 {
        let track = &self.frame.track;
        let exits = |target: u32| {
            let first = track.at(target).filter(|first| first.op == Op::PushExcInfo);
            first
                .and_then(|first| track.at(first.next))
                .is_some_and(|second| second.op == Op::WithExceptStart)
        };
        let mut at = self.frame.op.next;
        for _ in 0..16 {
            let guards = track.guards.get(&at).map(Vec::as_slice).unwrap_or_default();
            let handlers = guards
                .iter()
                .take(8)
                .filter_map(|guard| Some((*guard, track.handlers.get(*guard)?)));
            if let Some((guard, _)) = handlers.into_iter().find(|(_, h)| exits(h.target)) {
                return track.guarded_until(guard);
            }
            let Some(next) = track.at(at) else { break };
            at = next.next;
        }
        u32::MAX
    }

    /// Whether the exception on the stack is one of a class; `both` tells whether the exception is
    /// taken as well.
    pub(super) fn match_exception(&mut self, both: bool) {
        let class = self.pop();
        if both {
            self.pop();
        }
        self.push(Slot::of(Kind::Match, Many::new(), &class.text, class.level));
    }
}

/// What iterating over one of these gives.
fn items_of(many: &Many) -> Many {
    let mut items = Many::new();
    for value in many {
        match value {
            Known::Items(values, _) => {
                values.iter().take(ITEMS).for_each(|value| add(&mut items, value.clone()));
            }
            Known::Dict(pairs, _) => {
                pairs.iter().take(ITEMS).for_each(|(key, _)| add(&mut items, key.clone()));
            }
            _ => {}
        }
    }
    items
}
