//! Goes over all nodes of a schema and records what rebuilding each imports and calls.

use super::node::{Kind, State};
use crate::json::{Document, Node};
use davy_artifact::{Call, Excerpt, Fact, Manner, Name, Quirk, Reading, Route, Site, Value, Why};
use davy_bytes::{Blame, Budget, Halt, Span};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Different calls that are told apart.
const CALLS: usize = 2_000;

/// Keys of one dictionary that are looked at for the types that they are made with.
const KEYS: usize = 64;

/// A schema that is being walked. Every object with a loader counts as a node, wherever it stands.
pub(super) struct Walker<'a> {
    document: &'a Document,
    reading: &'a mut Reading,
    pub(super) budget: &'a mut Budget,
    /// The first node of each number: skops loads it in place of all others of that number.
    numbered: HashMap<&'a [u8], Node<'a>>,
    imports: HashSet<(Name, &'static str)>,
    /// Where the fact of a call is, by its rendering.
    calls: HashMap<String, usize>,
    files: BTreeMap<String, Span>,
    unknown: HashSet<String>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        document: &'a Document,
        reading: &'a mut Reading,
        budget: &'a mut Budget,
    ) -> Self {
        let (imports, calls) = (HashSet::new(), HashMap::new());
        let (files, unknown) = (BTreeMap::new(), HashSet::new());
        let numbered = HashMap::new();
        Self { document, reading, budget, numbered, imports, calls, files, unknown }
    }

    /// Records every node.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(super) fn walk(&mut self) -> Result<(), Halt> {
        let document = self.document;
        for state in document.nodes().filter_map(State::of) {
            self.budget.spend_steps(16, state.node.span().start)?;
            if state.kind != Some(Kind::Cached)
                && let Some(number) = state.node.get("__id__")
            {
                self.numbered.entry(number.raw()).or_insert(state.node);
            }
        }
        for state in document.nodes().filter_map(State::of) {
            self.budget.spend_steps(64, state.node.span().start)?;
            self.node(&state);
        }
        Ok(())
    }

    /// The members of the archive that nodes name, in order of their names.
    pub(super) fn finish(self) -> Vec<(String, Span)> {
        self.files.into_iter().collect()
    }

    /// The node that skops loads for this one.
    pub(super) fn meant(&self, state: State<'a>) -> State<'a> {
        if state.kind != Some(Kind::Cached) {
            return state;
        }
        let number = state.node.get("__id__").map(Node::raw).unwrap_or_default();
        self.numbered.get(number).and_then(|node| State::of(*node)).unwrap_or(state)
    }

    fn site(node: Node<'_>) -> Site {
        Site { span: node.span(), route: Route::Key(node.path()) }
    }

    fn node(&mut self, state: &State<'a>) {
        self.file(state);
        let Some(kind) = state.kind else { return self.stranger(state) };
        match kind {
            Kind::Cached | Kind::Json => return,
            Kind::Operator if state.name.module != "operator" => self.misplaced(state),
            Kind::Method => return self.method(state),
            Kind::Generator => self.bit_generator(state),
            Kind::Dict => self.key_types(state),
            _ => {}
        }
        if !state.is_plain() {
            self.import(&state.imported(), state.by(), state.node);
        }
        if let Some(call) = self.call(state, 0) {
            self.record(call, state.node);
        }
    }

    fn import(&mut self, name: &Name, by: &'static str, node: Node<'_>) {
        if name.name.is_empty() && name.module.is_empty() {
            return;
        }
        if self.imports.insert((name.clone(), by)) {
            let site = Self::site(node);
            self.reading.fact(Fact::Import { name: name.clone(), spelled: None, by, site });
        }
    }

    /// A call; those that look the same are one.
    fn record(&mut self, call: Call, node: Node<'_>) {
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
        self.reading.fact(Fact::Call { call, count: 1, site: Self::site(node) });
    }

    /// A member of the archive that a node's content is in.
    fn file(&mut self, state: &State<'_>) {
        let file = state.node.get("file").filter(|_| state.kind.is_some()).and_then(Node::text);
        if let Some(file) = file {
            self.files.entry(file.into_owned()).or_insert_with(|| state.node.span());
        }
    }

    /// A loader that no version of skops has: it refuses the file, or a newer one does more.
    fn stranger(&mut self, state: &State<'_>) {
        self.import(&state.name, "unknown node", state.node);
        if self.unknown.insert(state.loader.clone()) {
            let what = format!("a node of the loader `{}`, which is not known", state.loader);
            self.reading.gap(state.node.span(), Why::Halted(Blame::Unsupported), &what);
        }
    }

    /// An operator under another module: before 0.12 skops checks that name, and takes the operator.
    fn misplaced(&mut self, state: &State<'_>) {
        let what = format!(
            "the node says `{}`, and skops before 0.12 calls `operator.{}` after it has checked the \
             other name",
            state.name, state.name.name
        );
        let route = Route::Key(state.node.path());
        self.reading.deviation(Quirk::HeadersDisagree, state.node.span(), route, &what);
    }

    /// `getattr(object, name)`: honest ones are methods of estimators (CVE-2025-54413 is a chain of
    /// them that ends at the globals of a module).
    fn method(&mut self, state: &State<'a>) {
        let content = state.content();
        let owner = content.and_then(|content| content.get("obj")).and_then(State::of);
        if let Some(owner) = owner.map(|owner| self.meant(owner))
            && owner.name != state.name
        {
            let what = format!(
                "the node says `{}`, and its object `{}`: skops before 0.12 checks the one and \
                 loads the other",
                state.name, owner.name
            );
            let route = Route::Key(state.node.path());
            self.reading.deviation(Quirk::Handmade, state.node.span(), route, &what);
        }
        self.import(&state.name, state.by(), state.node);
        let object = self.value(content.and_then(|content| content.get("obj")), 0);
        let func = content.and_then(|content| content.get("func")).map_or(Value::None, Node::value);
        let callee = Value::Name(Name::new("builtins", "getattr"));
        let call =
            Call { callee, args: vec![object, func], kwargs: vec![], manner: Manner::Called };
        self.record(call, state.node);
    }

    /// The bit generator is whatever `numpy.random` has under the name in the state.
    fn bit_generator(&mut self, state: &State<'a>) {
        let Some(generator) = state.content().and_then(|content| content.get("bit_generator"))
        else {
            return;
        };
        // Protocol 0 has the state itself, later ones a node of it.
        let named = generator.get("bit_generator");
        let node = named.or_else(|| generator.at(&["content", "bit_generator"]));
        let value = match node {
            Some(node) if node.is_object() => self.value(Some(node), 0),
            Some(node) => node.value(),
            None => return,
        };
        if let Some(name) = value.text() {
            let name = Name::new("numpy.random", name);
            self.import(&name, state.by(), state.node);
            let callee = Value::Name(name);
            let call = Call { callee, args: vec![], kwargs: vec![], manner: Manner::Called };
            self.record(call, state.node);
        }
    }

    /// Each key is made by a call of its type with the key's text.
    fn key_types(&mut self, state: &State<'a>) {
        let types = state.node.get("key_types").and_then(|types| types.get("content"));
        let (Some(types), Some(content)) = (types, state.content()) else { return };
        for (kind, (key, _)) in types.items().zip(content.entries()).take(KEYS) {
            let Some(kind) = State::of(kind).map(|kind| self.meant(kind)) else { continue };
            if kind.is_plain() {
                continue;
            }
            let name = kind.imported();
            let text = key.text().unwrap_or_default();
            let args = vec![Value::Text(Excerpt::whole(text.as_bytes()))];
            let callee = Value::Name(name);
            let call = Call { callee, args, kwargs: vec![], manner: Manner::Called };
            self.record(call, kind.node);
        }
    }
}
