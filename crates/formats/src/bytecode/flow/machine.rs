//! Follows byte code without running it: each instruction once per pass, with a stack of what the
//! values may be.
//!
//! Passes are repeated, a few times at most, until no variable is found to hold anything new: so a
//! function knows what is stored below it, and a loop what it stores itself. Only the last pass
//! tells what it sees.

use super::events::{Event, Placed};
use super::program::{Constants, Entry, Track, Unit, Var};
use super::slot::{Kind, S, Slot, level};
use super::state::{Block, Saved};
use crate::bytecode::{CodeObject, CodeTree, Instruction, Op, Version};
use crate::python::fold::Fold;
use crate::python::known::{Known, Many, Room};
use davy_artifact::{Call, Name, Value};
use davy_bytes::{escape, to_u64};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Bytes of constants that the calls of one tree show.
const SHOWN: usize = 4 << 20;

/// Calls and imports that are told of one tree in full; of what is beyond, each callee once.
const ENTRIES: usize = 10_000;

/// Parts of listings that are kept of one body, and of all: one listing shows less by far.
const EVENTS: usize = 4_000;
const ALL_EVENTS: usize = 50_000;

/// Results of calls, and their attributes, that are kept in one pass.
const RESULTS: usize = 50_000;

/// Handlers are looked for this often in one body, where code was entered behind their start.
const ROUNDS: u32 = 16;

/// What is followed after an instruction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// The instruction behind it.
    Falls,
    /// Nothing here: it jumps, returns or raises.
    Stops,
}

/// The body that is followed.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) unit: usize,
    pub(super) code: &'a CodeObject,
    pub(super) track: Track,
    pub(super) stack: Vec<S>,
    pub(super) blocks: Vec<Block>,
    pub(super) op: Instruction,
    /// Names of keyword arguments for the call that comes next (3.11, 3.12).
    pub(super) keywords: Option<S>,
    pub(super) entries: Vec<Entry>,
    pub(super) events: Vec<Placed>,
    /// Whether its listing leaves something out.
    cut: bool,
    /// Whether a name was taken from the module that was imported last.
    pub(super) taken: bool,
    /// Handlers whose guarded stretch is shown.
    pub(super) shown_guards: HashSet<u32>,
    /// How many targets each value that is unpacked still waits for, and what they are.
    pub(super) unpacked: Vec<Unpacked>,
}

/// A value that is unpacked into several targets.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// How it reads, and what it is.
    pub(super) from: S,
    pub(super) waits: usize,
    pub(super) targets: String,
}

/// Everything that is known of one tree of code.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) units: Vec<Unit<'a>>,
    pub(super) vars: Vec<Var>,
    pub(super) constants: Constants<'a>,
    /// Variables of modules and classes, by body (or [`GLOBALS`]) and name.
    pub(super) spaces: HashMap<(usize, &'a str), usize>,
    /// Which stretch of straight code is followed.
    pub(super) generation: u32,
    pub(super) fold: Fold,
    pub(super) imported: HashSet<String>,
    pub(super) stars: Vec<String>,
    /// What attributes are set to, by name, on whatever object.
    pub(super) attributes: HashMap<String, Many>,
    /// What is put into containers after they are made, by their digest.
    pub(super) puts: HashMap<u64, Many>,
    pub(super) shown: usize,
    /// How many entries, events and results may still be kept.
    entries: usize,
    events: usize,
    results: usize,
    /// Callees that are told beyond that.
    named: HashSet<Name>,
    pub(super) changed: bool,
    pub(super) last: bool,
    pub(super) unseen: Vec<String>,
    pub(super) broken: Vec<String>,
    /// Steps that each pass may take, and what is left of them.
    limit: u64,
    work: u64,
    pub(super) frame: Frame<'a>,
}

/// The space of global variables.
pub(super) const GLOBALS: usize = usize::MAX;

impl<'a> Frame<'a> {
    fn new(unit: usize, code: &'a CodeObject, track: Track) -> Self {
        let op =
            Instruction { start: 0, offset: 0, next: 0, op: Op::Nop, code: 0, arg: 0, line: None };
        Self {
            unit,
            code,
            track,
            stack: Vec::new(),
            blocks: Vec::new(),
            op,
            keywords: None,
            entries: Vec::new(),
            events: Vec::new(),
            cut: false,
            taken: false,
            shown_guards: HashSet::new(),
            unpacked: Vec::new(),
        }
    }
}

impl<'a> Machine<'a> {
    /// A machine for `tree`, which has `root`; each pass does `work` steps at most.
    pub(super) fn new(tree: &'a CodeTree, root: &'a CodeObject, work: u64) -> Self {
        let (units, vars) = super::program::load(tree);
        Self {
            units,
            vars,
            constants: Constants::new(tree),
            spaces: HashMap::new(),
            generation: 0,
            fold: Fold::new(),
            imported: HashSet::new(),
            stars: Vec::new(),
            attributes: HashMap::new(),
            puts: HashMap::new(),
            shown: SHOWN,
            entries: ENTRIES,
            events: ALL_EVENTS,
            results: RESULTS,
            named: HashSet::new(),
            changed: false,
            last: false,
            unseen: Vec::new(),
            broken: Vec::new(),
            limit: work,
            work,
            frame: Frame::new(0, root, Track::default()),
        }
    }

    /// Follows every body once, nested bodies first where it goes `back`: what is found out goes
    /// far in few passes when they take turns, and in the last one text of nested bodies can be
    /// part of what is around them.
    pub(super) fn pass(&mut self, back: bool, last: bool) {
        (self.changed, self.last, self.work) = (false, last, self.limit);
        self.fold = Fold::new();
        self.results = RESULTS;
        if last {
            // What an earlier pass could not follow, a later one may.
            self.unseen.clear();
            self.broken.clear();
        }
        let count = self.units.len();
        for at in 0..count {
            let unit = if back { count.saturating_sub(at.saturating_add(1)) } else { at };
            self.body(unit);
        }
        if !last {
            self.vars.iter_mut().for_each(|var| (var.held, var.loaded) = (None, None));
        }
    }

    fn body(&mut self, unit: usize) {
        let Some(own) = self.units.get_mut(unit) else { return };
        let mut frame = Frame::new(unit, own.code, std::mem::take(&mut own.track));
        frame.track.visited.fill(false);
        frame.track.pending.clear();
        frame.track.pending.insert(0, vec![Saved::start()]);
        self.frame = frame;
        for _ in 0..ROUNDS {
            while let Some(at) = self.frame.track.pending.keys().next().copied() {
                self.stretch(at);
            }
            if !self.remaining_faults() {
                break;
            }
        }
        self.finish();
    }

    fn finish(&mut self) {
        let track = &mut self.frame.track;
        track.before.extend(track.after.drain());
        let Some(unit) = self.units.get_mut(self.frame.unit) else { return };
        unit.track = std::mem::take(&mut self.frame.track);
        unit.entries = std::mem::take(&mut self.frame.entries);
        unit.events = std::mem::take(&mut self.frame.events);
        unit.cut = self.frame.cut;
        if self.last {
            // Nothing follows this body again: its state need not be kept for that.
            unit.track = Track::default();
            unit.expression = super::listing::expression(unit);
        }
    }

    /// Follows code from `start` on, until it stops or comes to where it was followed before.
    fn stretch(&mut self, start: u32) {
        let mut at = start;
        let mut falls = false;
        loop {
            if self.frame.track.is_visited(at) {
                return self.fall_into(at, falls);
            }
            if !falls || self.frame.track.is_target(at) {
                self.arrive(at, falls);
            }
            let Some(op) = self.frame.track.at(at) else {
                return self.broken("runs beyond the end of its code");
            };
            self.frame.track.visit(at);
            self.frame.op = op;
            self.guard(at);
            self.spend(1);
            if self.work == 0 || self.step() == Next::Stops {
                self.frame.track.pending.remove(&at);
                return;
            }
            (at, falls) = (op.next, true);
        }
    }

    fn fall_into(&mut self, at: u32, falls: bool) {
        let waiting = self.frame.track.pending.remove(&at).unwrap_or_default();
        for saved in waiting {
            self.keep_for_next_pass(at, saved);
        }
        if falls {
            let saved = self.save(self.frame.stack.len(), &[], super::state::Way::Plain);
            self.keep_for_next_pass(at, saved);
        }
    }

    /// Charges for `steps`; where nothing is left, following ends.
    pub(super) fn spend(&mut self, steps: usize) {
        let before = self.work;
        self.work = self.work.saturating_sub(to_u64(steps).saturating_add(1));
        if self.work == 0 && before > 0 {
            self.unseen("more code than is followed");
            self.frame.track.pending.clear();
        }
    }

    /// Whether all work is done that may be done.
    pub(super) fn is_exhausted(&self) -> bool {
        self.work == 0
    }

    /// The version that the body is read as.
    pub(super) fn version(&self) -> Version {
        self.frame.code.version
    }

    // What is told.

    /// Notes, once, what could not be followed.
    pub(super) fn unseen(&mut self, what: &str) {
        if !self.unseen.iter().any(|seen| seen == what) && self.unseen.len() < 64 {
            self.unseen.push(what.to_owned());
        }
    }

    /// Notes, once, what no compiler writes.
    pub(super) fn broken(&mut self, what: &str) {
        self.unseen(what);
        if !self.broken.iter().any(|seen| seen == what) && self.broken.len() < 64 {
            self.broken.push(what.to_owned());
        }
    }

    /// Records what the code does here, in the last pass; returns which entry it is.
    pub(super) fn enter(&mut self, entry: Entry) -> Option<usize> {
        if !self.last {
            return None;
        }
        let entry = match self.entries.checked_sub(1) {
            Some(left) => {
                self.entries = left;
                entry
            }
            None => self.shortened(entry)?,
        };
        self.frame.entries.push(entry);
        self.frame.entries.len().checked_sub(1)
    }

    /// What is still told of a call or import where there are too many: who is called, once.
    fn shortened(&mut self, entry: Entry) -> Option<Entry> {
        self.unseen("more calls than are listed");
        let name = match &entry {
            Entry::Call(call) => match &call.callee {
                Value::Name(name) => name.clone(),
                _ => return None,
            },
            Entry::Import(name) => Name::new(name.dotted(), ""),
            Entry::Nothing => return None,
            Entry::Unit(_) => return Some(entry),
        };
        if self.named.len() >= ENTRIES || !self.named.insert(name) {
            return None;
        }
        Some(match entry {
            Entry::Call(call) => Entry::Call(Call { args: vec![Value::More(1)], ..call }),
            entry => entry,
        })
    }

    /// A value that a call or attribute gives, while there is room to keep it.
    pub(super) fn keep(&mut self, make: impl FnOnce() -> Value) -> Known {
        match self.results.checked_sub(1) {
            Some(left) => {
                self.results = left;
                Known::Plain(Rc::new(make()))
            }
            None => {
                self.unseen("more results of calls than are followed");
                Known::Unknown
            }
        }
    }

    /// Takes an entry back.
    pub(super) fn retract(&mut self, slot: &Slot) {
        if let Kind::Member(Some(entry)) = slot.kind
            && let Some(entry) = self.frame.entries.get_mut(entry)
        {
            *entry = Entry::Nothing;
        }
    }

    /// Adds to the listing, in the last pass; returns which event it is.
    pub(super) fn event(&mut self, event: Event) -> Option<usize> {
        if !self.last {
            return None;
        }
        // The outermost body comes last, and is shown first.
        if self.frame.events.len() >= EVENTS || self.events == 0 && self.frame.unit != 0 {
            self.frame.cut = true;
            return None;
        }
        self.events = self.events.saturating_sub(1);
        let at = self.frame.op.start;
        self.frame.events.push(Placed { at, event });
        self.frame.events.len().checked_sub(1)
    }

    /// Adds a statement to the listing.
    pub(super) fn line(&mut self, make: impl FnOnce() -> String) {
        if self.last {
            self.event(Event::Line(make()));
        }
    }

    /// Text for a listing, which only the last pass makes.
    pub(super) fn say(&self, make: impl FnOnce() -> String) -> String {
        if self.last { make() } else { String::new() }
    }

    /// A value as facts carry it, charged to the room for one. What is put into a container later
    /// is not known, so neither is the container.
    pub(super) fn shown(&mut self, value: &Known, room: &mut Room) -> Value {
        let value = if self.stays(value) { value } else { &Known::Unknown };
        value.shown(room)
    }

    // The stack.

    /// Puts `slot` on the stack.
    pub(super) fn push(&mut self, slot: S) {
        if self.frame.stack.len() >= 1 << 16 {
            self.broken("stacks more values than CPython allows");
            return;
        }
        self.frame.stack.push(slot);
    }

    /// Takes the top of the stack.
    pub(super) fn pop(&mut self) -> S {
        match self.frame.stack.pop() {
            Some(slot) => slot,
            None => {
                self.broken("takes from an empty stack");
                Slot::unknown()
            }
        }
    }

    /// Takes the `count` topmost slots, the lowest first.
    pub(super) fn take(&mut self, count: u32) -> Vec<S> {
        let count = davy_bytes::to_usize(u64::from(count));
        let from = match self.frame.stack.len().checked_sub(count) {
            Some(from) => from,
            None => {
                self.broken("takes from an empty stack");
                0
            }
        };
        let taken = self.frame.stack.split_off(from);
        self.spend(taken.len());
        taken
    }

    /// The slot `depth` below the top, which is 0.
    pub(super) fn peek(&mut self, depth: u32) -> S {
        let depth = davy_bytes::to_usize(u64::from(depth)).saturating_add(1);
        let index = self.frame.stack.len().checked_sub(depth);
        match index.and_then(|index| self.frame.stack.get(index)) {
            Some(slot) => Rc::clone(slot),
            None => {
                self.broken("takes from an empty stack");
                Slot::unknown()
            }
        }
    }

    /// Replaces the slot `depth` below the top.
    pub(super) fn replace(&mut self, depth: u32, slot: S) {
        let depth = davy_bytes::to_usize(u64::from(depth)).saturating_add(1);
        let index = self.frame.stack.len().checked_sub(depth);
        if let Some(place) = index.and_then(|index| self.frame.stack.get_mut(index)) {
            *place = slot;
        }
    }

    /// Puts a value on the stack of which nothing is known but how it reads.
    pub(super) fn push_text(&mut self, make: impl FnOnce() -> String) {
        let text = self.say(make);
        self.push(Slot::new(Many::new(), &text, level::ATOM));
    }

    /// A name of the code, fit to be shown.
    pub(super) fn name_shown(&self, name: &str) -> String {
        self.say(|| escape(name))
    }
}
