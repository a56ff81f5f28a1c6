//! What is known at one place of the code: the stack, and the blocks that are open.

use super::events::Event;
use super::machine::Machine;
use super::slot::{Kind, S, Slot};
use crate::bytecode::{Handler, Op, Version};
use davy_bytes::to_usize;

/// Slots that are copied where ways part; what lies deeper is forgotten on the way that jumps.
/// Stops copies of a deep stack at each of many jumps.
const COPIED: usize = 256;

/// Blocks that are open at a time; CPython's own limit is 20.
const OPEN: usize = 32;

/// Ways into one place that are told apart.
const WAYS: usize = 8;

/// What opened a block (up to 3.10).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Opener {
    /// `SETUP_LOOP`.
    Loop,
    /// Anything that handles faults.
    Guard,
}

/// An entry of the interpreter's block stack (up to 3.10).
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) opener: Opener,
    /// Where leaving the block early leads.
    pub(super) target: u32,
    /// Depth of the stack where it was opened.
    pub(super) depth: usize,
}

/// How a place is reached, the likeliest way first. Up to 3.8, a `finally` block is entered on
/// several ways that leave different things on the stack.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Way {
    /// By running or jumping there.
    Plain,
    /// By calling a `finally` block.
    Called,
    /// By a fault.
    Fault,
}

/// The state on one way into a place.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    /// Slots below `stack` of which nothing is known.
    lost: usize,
    /// The top of the stack.
    pub(super) stack: Vec<S>,
    blocks: Vec<Block>,
    way: Way,
    /// The event of the jump that leads here.
    pub(super) event: Option<usize>,
}

impl Saved {
    /// How a code object starts.
    pub(super) fn start() -> Self {
        Self { lost: 0, stack: Vec::new(), blocks: Vec::new(), way: Way::Plain, event: None }
    }

    fn depth(&self) -> usize {
        self.lost.saturating_add(self.stack.len())
    }

    /// Takes in what is known on another way to the same place.
    fn join(&mut self, other: &Self) {
        if self.depth() != other.depth() {
            return;
        }
        let pairs = self.stack.iter_mut().rev().zip(other.stack.iter().rev());
        pairs.for_each(|(one, two)| *one = Slot::joined(one, two, None));
        self.event = None;
    }
}

impl Machine<'_> {
    /// The state here, with the stack cut to `depth` and `more` put on it.
    pub(super) fn save(&self, depth: usize, more: &[S], way: Way) -> Saved {
        let stack = self.frame.stack.get(..depth).unwrap_or(&self.frame.stack);
        let short = depth.saturating_sub(stack.len());
        let lost = stack.len().saturating_sub(COPIED);
        let mut top: Vec<S> = stack.get(lost..).unwrap_or_default().to_vec();
        top.extend(std::iter::repeat_with(Slot::unknown).take(short.min(COPIED)));
        top.extend(more.iter().cloned());
        Saved { lost, stack: top, blocks: self.frame.blocks.clone(), way, event: None }
    }

    /// Follows a jump to `target`, where the state is that of here.
    pub(super) fn branch(&mut self, target: u32, event: Option<usize>) {
        let mut saved = self.save(self.frame.stack.len(), &[], Way::Plain);
        saved.event = event;
        self.branch_with(target, saved);
    }

    /// Follows a jump to `target`, where the state is `saved`.
    pub(super) fn branch_with(&mut self, target: u32, saved: Saved) {
        self.spend(saved.stack.len());
        let code = self.frame.code;
        let track = &mut self.frame.track;
        if track.at(target).is_none() && !track.decode(code, target) {
            self.broken("jumps to where no code is");
            return;
        }
        if track.inside.contains(&target) {
            self.broken("jumps into the middle of an instruction");
        }
        let track = &mut self.frame.track;
        track.mark_target(target);
        if track.is_visited(target) {
            return self.keep_for_next_pass(target, saved);
        }
        let ways = track.pending.entry(target).or_default();
        if ways.len() < WAYS {
            ways.push(saved);
        } else if let Some(last) = ways.last_mut() {
            last.join(&saved);
        }
    }

    /// What is jumped back with is known where the code there is followed again.
    pub(super) fn keep_for_next_pass(&mut self, target: u32, saved: Saved) {
        match self.frame.track.after.get_mut(&target) {
            Some(known) => known.join(&saved),
            None => {
                self.frame.track.after.insert(target, saved);
            }
        }
    }

    /// Takes up all that is known at `at`; `falls` tells whether the code before runs into it.
    pub(super) fn arrive(&mut self, at: u32, falls: bool) {
        self.generation = self.generation.wrapping_add(1);
        let mut ways = self.frame.track.pending.remove(&at).unwrap_or_default();
        let mut way = Way::Plain;
        if !falls {
            let best = ways.iter().map(|saved| saved.way).min().unwrap_or(Way::Plain);
            let last = ways.iter().rposition(|saved| saved.way == best);
            let Some(saved) = last.map(|last| ways.remove(last)) else { return };
            way = saved.way;
            self.restore(saved);
            if way == Way::Fault {
                self.note_handler(at);
            }
        }
        for saved in ways.iter().rev() {
            let apart = way != Way::Plain || saved.way != Way::Plain;
            self.meet(saved, !apart, saved.event.is_some());
        }
        if let Some(before) = self.frame.track.before.remove(&at) {
            self.meet(&before, false, false);
            self.frame.track.before.insert(at, before);
        }
    }

    fn restore(&mut self, saved: Saved) {
        self.spend(saved.depth());
        let unknown = Slot::unknown();
        self.frame.stack = vec![unknown; saved.lost];
        self.frame.stack.extend(saved.stack);
        self.frame.blocks = saved.blocks;
    }

    /// Joins the state here with that of another way; `told` tells whether to note that the two do
    /// not fit each other.
    fn meet(&mut self, saved: &Saved, told: bool, reads: bool) {
        self.spend(saved.stack.len());
        let depth = self.frame.stack.len();
        if depth != saved.depth() {
            if told {
                self.broken("leaves the stack at different depths on the ways to one place");
            }
            return;
        }
        for (at, other) in saved.stack.iter().rev().enumerate() {
            let Some(index) = depth.checked_sub(at.saturating_add(1)) else { break };
            let Some(own) = self.frame.stack.get(index).cloned() else { break };
            let text = if at == 0 && reads { self.choice(saved, other, &own) } else { None };
            if let Some(place) = self.frame.stack.get_mut(index) {
                *place = Slot::joined(&own, other, text);
            }
        }
    }

    /// Opens a block (up to 3.10).
    pub(super) fn open(&mut self, opener: Opener, target: u32) {
        if self.frame.blocks.len() >= OPEN {
            self.broken("opens more blocks than CPython allows");
            return;
        }
        let depth = self.frame.stack.len();
        self.frame.blocks.push(Block { opener, target, depth });
    }

    /// What a handler finds on the stack besides what was there before.
    pub(super) fn exceptions(&self) -> Vec<S> {
        let count = match self.frame.code.version {
            Version::V2_7 => 3,
            version if version < Version::V3_11 => 6,
            _ => 1,
        };
        let exception = Slot::of(
            Kind::Exception,
            vec![super::slot::known("an exception")],
            "<exception>",
            super::slot::level::ATOM,
        );
        vec![exception; count]
    }

    /// From 3.11 on: faults in what starts here lead to the handlers that guard it.
    pub(super) fn guard(&mut self, at: u32) {
        let Some(guards) = self.frame.track.guards.remove(&at) else { return };
        for index in &guards {
            let Some(handler) = self.frame.track.handlers.get(*index).copied() else { continue };
            self.note_guard(*index);
            self.fault(handler);
        }
        self.frame.track.guards.insert(at, guards);
    }

    /// Whether what stands at `at` handles faults that a program names: not the end of a `with`
    /// block, and nothing that only cleans up after the compiler (3.11 on).
    fn handles(&self, at: u32) -> bool {
        let first = self.frame.track.at(at);
        if self.version() < Version::V3_11 {
            return first.is_some_and(|first| first.op != Op::EndAsyncFor);
        }
        let first = first.filter(|first| first.op == Op::PushExcInfo);
        let second = first.and_then(|first| self.frame.track.at(first.next));
        second.is_some_and(|second| second.op != Op::WithExceptStart)
    }

    /// Shows the start of a handler.
    fn note_handler(&mut self, at: u32) {
        if self.last && self.handles(at) {
            self.frame.events.push(super::events::Placed { at, event: Event::Handler });
        }
    }

    /// Shows the start of a guarded stretch (3.11 on).
    fn note_guard(&mut self, index: usize) {
        let Some(handler) = self.frame.track.handlers.get(index).copied() else { return };
        let shown = self.last && !handler.lasti && self.handles(handler.target);
        // Handlers guard what other handlers do as well; that is no block of its own.
        let mut near = self.frame.stack.iter().rev().take(32);
        let inner = near.any(|slot| matches!(slot.kind, Kind::Exception | Kind::Former));
        if shown && !inner && self.frame.shown_guards.insert(handler.target) {
            let end = self.frame.track.guarded_until(index);
            self.event(Event::Try { end, handler: handler.target });
        }
    }

    fn fault(&mut self, handler: Handler) {
        let mut more = Vec::new();
        if handler.lasti {
            more.push(Slot::unknown());
        }
        more.extend(self.exceptions());
        let depth = to_usize(u64::from(handler.depth)).min(self.frame.stack.len());
        let saved = self.save(depth, &more, Way::Fault);
        if !self.frame.track.is_visited(handler.target) {
            self.branch_with(handler.target, saved);
        }
    }

    /// Faults in code that was entered behind the start of what a handler guards lead there as well.
    /// Tells whether any handler is left to be followed.
    pub(super) fn remaining_faults(&mut self) -> bool {
        let track = &self.frame.track;
        let mut followed: Vec<u32> = track
            .instructions
            .iter()
            .map(|instruction| instruction.start)
            .filter(|start| track.is_visited(*start))
            .collect();
        followed.sort_unstable();
        let met = |handler: &&Handler| {
            let from = followed.partition_point(|start| *start < handler.start);
            followed.get(from).is_some_and(|start| *start < handler.end)
                && !track.is_visited(handler.target)
        };
        let open: Vec<Handler> = track.handlers.iter().filter(met).copied().collect();
        self.frame.stack.clear();
        for handler in &open {
            self.fault(*handler);
        }
        !open.is_empty() && !self.frame.track.pending.is_empty()
    }
}
