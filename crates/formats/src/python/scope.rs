//! Which names stand for what: modules, classes, functions and lambdas, without order.
//!
//! A name keeps every known value that is ever assigned to it in its scope: source that assigns
//! `f = os.system` on one path may call it on that path, whatever another assigns. The source is read
//! twice, so that a function may use what the module only assigns below it.

use super::known::{Known, Many, add};
use std::collections::{HashMap, HashSet};

/// Bodies that are open at a time; CPython's own compiler gives up on less nesting.
const OPEN: usize = 300;

/// What a scope is the body of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Body {
    /// A class: runs where it stands, and functions in it do not see its names.
    Class,
    /// A function or lambda: runs when it is called.
    Function,
    /// The block under `if __name__ == "__main__":`, which importing passes over; its names are
    /// those of the module.
    Main,
    /// The source itself.
    Module,
}

/// The names of one body.
#[derive(Debug)]
struct Scope {
    body: Body,
    parent: usize,
    names: HashMap<String, Many>,
    /// Names declared `global` or `nonlocal`.
    outer: HashSet<String>,
    /// Whether importing the source runs it.
    runs: bool,
}

/// All scopes of a source, by number; 0 is the module.
#[derive(Debug)]
pub(super) struct Scopes {
    all: Vec<Scope>,
    open: Vec<usize>,
    /// Scopes opened in this pass, so that the second finds those of the first again.
    opened: usize,
    /// Known values of attributes, by name, whatever object they are on.
    attributes: HashMap<String, Many>,
    /// Bodies that were entered beyond [`OPEN`].
    beyond: usize,
    /// Which body calls or passes on which.
    calls: HashSet<(usize, usize)>,
}

impl Scopes {
    pub(super) fn new() -> Self {
        let mut scopes = Self {
            all: Vec::new(),
            open: Vec::new(),
            opened: 0,
            attributes: HashMap::new(),
            calls: HashSet::new(),
            beyond: 0,
        };
        scopes.open(Body::Module);
        scopes
    }

    /// Starts the second pass: what importing runs is known now.
    pub(super) fn restart(&mut self) {
        self.spread();
        self.open = vec![0];
        self.beyond = 0;
        self.opened = 1;
    }

    /// Marks what is called, directly or not, by what importing runs.
    fn spread(&mut self) {
        let mut callees: HashMap<usize, Vec<usize>> = HashMap::new();
        for (caller, callee) in self.calls.drain() {
            callees.entry(caller).or_default().push(callee);
        }
        let mut next = vec![0];
        while let Some(number) = next.pop() {
            let scope = self.all.get_mut(number);
            if scope.is_some_and(|scope| !std::mem::replace(&mut scope.runs, true)) {
                next.extend(self.constructors(number));
                next.extend(callees.remove(&number).unwrap_or_default());
            }
        }
    }

    /// Makes a scope, or finds the one that the first pass made here, without opening it.
    pub(super) fn declare(&mut self, body: Body) -> usize {
        let number = self.opened;
        self.opened = self.opened.saturating_add(1);
        if number == self.all.len() {
            let parent = self.open.last().copied().unwrap_or(0);
            let names = HashMap::new();
            self.all.push(Scope { body, parent, names, outer: HashSet::new(), runs: false });
        }
        number
    }

    /// Opens a declared scope.
    pub(super) fn enter(&mut self, number: usize) {
        if self.open.len() < OPEN {
            self.open.push(number);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    /// Makes and opens a scope.
    pub(super) fn open(&mut self, body: Body) -> usize {
        let number = self.declare(body);
        self.enter(number);
        number
    }

    /// Closes the innermost scope.
    pub(super) fn close(&mut self) {
        match self.beyond.checked_sub(1) {
            Some(beyond) => self.beyond = beyond,
            None if self.open.len() > 1 => {
                self.open.pop();
            }
            None => {}
        }
    }

    /// Closes scopes until `count` are left open.
    pub(super) fn truncate(&mut self, count: usize) {
        while self.open.len().saturating_add(self.beyond) > count.max(1) {
            self.close();
        }
    }

    fn body(&self, number: usize) -> Body {
        self.all.get(number).map_or(Body::Module, |scope| scope.body)
    }

    /// The innermost scope.
    pub(super) fn current(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    /// Whether what stands here waits for something to call it.
    pub(super) fn deferred(&self) -> bool {
        let body = |number: &&usize| matches!(self.body(**number), Body::Function | Body::Main);
        match self.open.iter().rev().find(body) {
            Some(number) => !self.all.get(*number).is_some_and(|scope| scope.runs),
            None => false,
        }
    }

    /// Notes that what stands here calls, or hands on, the body `callee`.
    pub(super) fn calls(&mut self, callee: usize) {
        let waits = |number: &&usize| matches!(self.body(**number), Body::Function | Body::Main);
        let caller = self.open.iter().rev().find(waits).copied().unwrap_or(0);
        self.calls.insert((caller, callee));
    }

    /// Adds a value of `name` in scope `number`.
    pub(super) fn bind_in(&mut self, number: usize, name: &str, value: Known) {
        let mut number = number;
        while self.body(number) == Body::Main {
            number = self.all.get(number).map_or(0, |scope| scope.parent);
        }
        let declared = self.all.get(number).is_some_and(|s| s.outer.contains(name));
        let Some(scope) = self.all.get_mut(if declared { 0 } else { number }) else { return };
        let class = scope.body == Body::Class;
        add(scope.names.entry(name.to_owned()).or_default(), value.clone());
        if class {
            self.bind_attribute(name, value);
        }
    }

    /// Adds a value of `name` in the innermost scope.
    pub(super) fn bind(&mut self, name: &str, value: Known) {
        self.bind_in(self.current(), name, value);
    }

    /// Adds the values of `name` in the innermost scope; none: it is bound to something unknown.
    pub(super) fn bind_many(&mut self, name: &str, values: &[Known]) {
        if values.is_empty() {
            self.bind(name, Known::Unknown);
        }
        values.iter().for_each(|value| self.bind(name, value.clone()));
    }

    /// Declares `name` as belonging to an outer scope.
    pub(super) fn declare_outer(&mut self, name: &str) {
        let current = self.current();
        if let Some(scope) = self.all.get_mut(current).filter(|_| current != 0) {
            scope.outer.insert(name.to_owned());
        }
    }

    /// Adds a value of the attribute `name`, on whatever object.
    pub(super) fn bind_attribute(&mut self, name: &str, value: Known) {
        if matches!(value, Known::Global(_) | Known::Local(_) | Known::Module(_)) {
            add(self.attributes.entry(name.to_owned()).or_default(), value);
        }
    }

    /// What the attribute `name` of an object may be.
    pub(super) fn attribute(&self, name: &str) -> Many {
        self.attributes.get(name).cloned().unwrap_or_default()
    }

    /// What `name` may stand for here; `None` where nothing binds it.
    pub(super) fn look_up(&self, name: &str) -> Option<&Many> {
        let innermost = self.open.len().saturating_sub(1);
        let seen = |(at, number): &(usize, &usize)| {
            *at == innermost || **number == 0 || self.body(**number) != Body::Class
        };
        let near = self.open.iter().enumerate().rev().filter(seen);
        let found = near.filter_map(|(_, number)| self.all.get(*number)?.names.get(name)).next();
        found.or_else(|| self.module_name(name))
    }

    /// What `name` may stand for in the module.
    pub(super) fn module_name(&self, name: &str) -> Option<&Many> {
        self.all.first()?.names.get(name)
    }

    /// The functions that stand directly in class `number` and run when it is called.
    fn constructors(&self, number: usize) -> Vec<usize> {
        let Some(class) = self.all.get(number).filter(|scope| scope.body == Body::Class) else {
            return Vec::new();
        };
        let special = class.names.iter().filter(|(name, _)| name.starts_with("__"));
        let mut found: Vec<usize> = special
            .flat_map(|(_, values)| values)
            .filter_map(|value| if let Known::Local(scope) = value { Some(*scope) } else { None })
            .collect();
        found.sort_unstable();
        found
    }
}
