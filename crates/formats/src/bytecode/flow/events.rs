//! What a listing is made of, before it is laid out: statements, conditions and jumps by offset.

use super::machine::Machine;
use super::slot::{S, Slot, level};
use super::state::Saved;

/// Events that are looked back at for the condition of an expression.
const BACK: usize = 64;

/// One thing that a listing shows.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The target of the `for`, `with` or `except` before.
    As(String),
    /// A class, with its bases.
    Class {
        /// Its body.
        unit: usize,
        /// Its bases and keywords.
        bases: String,
    },
    /// A conditional jump.
    Cond {
        /// The condition.
        value: S,
        /// The outcome with which the jump is taken.
        when: bool,
        /// Where it leads.
        target: u32,
        /// The next instruction.
        next: u32,
    },
    /// Part of an expression, after all.
    Dead,
    /// A function with this body.
    Def(usize),
    /// Whether the exception is one of these; if not, it goes on at `target`.
    Except {
        /// The classes.
        text: String,
        /// The next handler.
        target: u32,
    },
    /// A loop over something, up to `target`.
    For {
        /// What it goes over.
        over: String,
        /// What comes after.
        target: u32,
    },
    /// The head of a loop over something asynchronous.
    ForAsync(String),
    /// A handler starts.
    Handler,
    /// A jump.
    Jump {
        /// Where it leads.
        target: u32,
        /// The next instruction.
        next: u32,
    },
    /// A statement.
    Line(String),
    /// The exception goes on.
    Reraise,
    /// `return`.
    Return(String),
    /// A guarded block.
    Try {
        /// Where it ends.
        end: u32,
        /// The handler.
        handler: u32,
    },
    /// A `with` block.
    With {
        /// The context.
        text: String,
        /// Where it ends.
        end: u32,
    },
}

/// An event with the offset of the instruction that makes it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) at: u32,
    pub(super) event: Event,
}

impl Machine<'_> {
    /// Where two ways of one expression meet: `a and b`, `a or b`, `a if c else b`. The events that
    /// told of the ways are taken back, provided that nothing else happened on them.
    pub(super) fn choice(&mut self, saved: &Saved, other: &S, own: &S) -> Option<(String, u8)> {
        let jump = saved.event.filter(|_| self.last && other.text != own.text)?;
        match self.frame.events.get(jump)?.event.clone() {
            Event::Cond { value, when, next, .. } if value.text == other.text => {
                self.is_quiet(jump.saturating_add(1))?;
                self.kill(jump);
                let first = self.with_earlier(jump, other, when, next);
                let (word, level) = if when { ("or", level::OR) } else { ("and", level::AND) };
                Some((format!("{} {word} {}", first.within(level), own.within(level)), level))
            }
            Event::Jump { next, .. } => {
                let (cond, value, when) = self.condition_before(jump, next)?;
                self.kill(cond);
                self.kill(jump);
                let inner = level::OR;
                let not = if when {
                    format!("not {}", value.within(level::NOT))
                } else {
                    value.within(inner)
                };
                let text =
                    format!("{} if {not} else {}", other.within(inner), own.within(level::LOOSE));
                Some((text, level::LOOSE))
            }
            _ => None,
        }
    }

    /// `a and b or c` jumps from `a` over `b` to `c`: what is chosen first is `a and b`.
    fn with_earlier(&mut self, jump: usize, first: &S, when: bool, next: u32) -> S {
        let mut whole = S::clone(first);
        let mut at = jump;
        for _ in 0..4 {
            let Some(before) = at.checked_sub(1) else { break };
            let Some(Placed { event: Event::Cond { value, when: jumps, target, .. }, .. }) =
                self.frame.events.get(before)
            else {
                break;
            };
            if *target != next || *jumps == when {
                break;
            }
            let (word, level) = if when { ("and", level::AND) } else { ("or", level::OR) };
            let text = format!("{} {word} {}", value.within(level), whole.within(level));
            whole = Slot::new(Vec::new(), &text, level);
            self.kill(before);
            at = before;
        }
        whole
    }

    /// The last condition before event `jump` that leads to `next`, with nothing told since.
    fn condition_before(&self, jump: usize, next: u32) -> Option<(usize, S, bool)> {
        let from = jump.saturating_sub(BACK);
        let before = self.frame.events.get(from..jump)?;
        let found = before.iter().rposition(|placed| !matches!(placed.event, Event::Dead))?;
        let cond = from.checked_add(found)?;
        self.is_quiet(jump.saturating_add(1))?;
        match &self.frame.events.get(cond)?.event {
            Event::Cond { value, when, target, .. } if *target == next => {
                Some((cond, value.clone(), *when))
            }
            _ => None,
        }
    }

    /// Whether nothing is told from event `from` on.
    fn is_quiet(&self, from: usize) -> Option<()> {
        let rest = self.frame.events.get(from..)?;
        let quiet = rest.len() <= BACK && rest.iter().all(|p| matches!(p.event, Event::Dead));
        quiet.then_some(())
    }

    fn kill(&mut self, event: usize) {
        if let Some(placed) = self.frame.events.get_mut(event) {
            placed.event = Event::Dead;
        }
    }
}
