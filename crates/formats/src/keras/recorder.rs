//! What a model's configuration says, gathered so that ten thousand like layers are one fact.

use davy_artifact::{Call, Excerpt, Fact, Name, Reading, Route, Site, Value};
use davy_bytes::Budget;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Different calls that are told apart; more of them are counted with what they call.
const CALLS: usize = 2_000;

/// Kinds of layers that are counted.
const LAYERS: usize = 200;

/// What was recorded so far, of all configurations of one artifact.
pub(crate) struct Recorder<'a> {
    pub(crate) reading: &'a mut Reading,
    pub(crate) budget: &'a mut Budget,
    imports: HashSet<(Name, &'static str)>,
    /// Where the fact of a call is, by its rendering.
    calls: HashMap<String, usize>,
    /// Functions by value, with what they bring along.
    codes: HashSet<(String, String)>,
    layers: BTreeMap<String, u64>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(reading: &'a mut Reading, budget: &'a mut Budget) -> Self {
        Self {
            reading,
            budget,
            imports: HashSet::new(),
            calls: HashMap::new(),
            codes: HashSet::new(),
            layers: BTreeMap::new(),
        }
    }

    /// Whether a global was not looked up so far.
    pub(crate) fn is_new(&mut self, name: &Name, by: &'static str) -> bool {
        self.imports.insert((name.clone(), by))
    }

    /// A global that is looked up; told once, where it first stands.
    pub(crate) fn import(
        &mut self,
        name: Name,
        spelled: Option<Name>,
        by: &'static str,
        site: Site,
    ) {
        self.reading.fact(Fact::Import { name, spelled, by, site });
    }

    /// A call; those that look the same are one.
    pub(crate) fn call(&mut self, call: Call, site: impl FnOnce() -> Site) {
        let full = self.calls.len() >= CALLS;
        let key = if full { call.callee.to_string() } else { call.to_string() };
        let facts = &mut self.reading.facts;
        if let Some(Fact::Call { count, .. }) =
            self.calls.get(&key).and_then(|at| facts.get_mut(*at))
        {
            *count = count.saturating_add(1);
            return;
        }
        self.calls.insert(key, self.reading.facts.len());
        self.reading.fact(Fact::Call { call, count: 1, site: site() });
    }

    /// Whether a function by value, with what it brings along, was not there before.
    pub(crate) fn is_new_code(&mut self, code: &str, along: String) -> bool {
        self.codes.insert((code.to_owned(), along))
    }

    /// Counts a layer of this class.
    pub(crate) fn layer(&mut self, class: &str) {
        if let Some(count) = self.layers.get_mut(class) {
            *count = count.saturating_add(1);
        } else if self.layers.len() < LAYERS {
            self.layers.insert(class.to_owned(), 1);
        }
    }

    pub(crate) fn attribute(&mut self, owner: String, name: &str, value: Value, site: Site) {
        self.reading.fact(Fact::Attribute { owner, name: name.to_owned(), value, site });
    }

    /// Tells how many layers of which class there were.
    pub(crate) fn finish(mut self) {
        if self.layers.is_empty() {
            return;
        }
        let layers = std::mem::take(&mut self.layers);
        let entry = |(class, count): (String, u64)| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            (Value::Text(Excerpt::whole(class)), Value::Int(count))
        };
        let counts = Value::Dict(layers.into_iter().map(entry).collect());
        self.attribute(String::new(), "layers", counts, Site::default());
    }
}

/// A place in a configuration, inside `layer` where there is one.
pub(crate) fn route(layer: String, key: String) -> Route {
    if layer.is_empty() { Route::Key(key) } else { Route::Layer { layer, key } }
}
