//! What is told of a file of R: its objects, the code that runs when they are looked at, and the
//! functions that come along.

use super::calls::{calls, hidden, text, walk};
use super::listing::listing;
use super::tree::{Entry, Id, Kind, NULL, Node, Place, Sort, Tree, UNBOUND};
use crate::embedded;
use davy_artifact::{
    Call, Code, Excerpt, Fact, Manner, Name, Quirk, Reading, Role, Route, Site, Value, When,
};
use davy_bytes::{Budget, Bytes, Halt, Span, to_u64};
use std::collections::{BTreeMap, BTreeSet};

/// Elements of the object at the top that are listed.
const LISTED: usize = 1000;

/// Characters of a function's listing.
const LISTING: usize = 4000;

/// Strings of a function that are kept.
const TEXTS: usize = 200;

/// Vectors of bytes below this length hold nothing that anybody could run.
const WORTH_READING: u64 = 16;

/// Strings below this length are nothing but text.
const LONG: usize = 24;

/// Functions of a workspace that R calls by itself when it starts or ends with it
/// (R documentation, `Startup`), or when a package has it.
const CALLED: &[&str] = &[".First", ".First.sys", ".Last", ".onAttach", ".onLoad", ".onUnload"];

/// Where the objects are from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) bytes: &'a Bytes,
    /// Whether text stands in the file as it is.
    pub(super) verbatim: bool,
    /// Whether the object at the top is a list of named ones.
    pub(super) workspace: bool,
}

/// Records all of it; without a root where reading broke off.
pub(super) fn record(
    tree: &Tree,
    root: Option<Id>,
    source: Source<'_>,
    reading: &mut Reading,
    budget: &mut Budget,
) -> Result<(), Halt> {
    let root = root.or_else(|| tree.ids().next()).unwrap_or(NULL);
    objects(tree, root, source.workspace, reading);
    let mut recorder =
        Recorder { tree, reading, source, made: BTreeMap::new(), named: BTreeSet::new() };
    for id in tree.ids() {
        let Some(node) = tree.node(id) else { continue };
        recorder.object(id, node, budget)?;
    }
    let end = source.bytes.len();
    let calls = recorder.made.into_values().collect::<Vec<_>>();
    for (call, count, site) in calls {
        reading.fact(Fact::Call { call, count, site });
    }
    if tree.look() { Ok(()) } else { Err(Halt::exhausted(end, "more code than is looked at")) }
}

/// Records a named value of the whole file.
pub(super) fn attribute(reading: &mut Reading, name: &str, value: String, span: Span) {
    reading.fact(Fact::Attribute {
        owner: String::new(),
        name: name.to_owned(),
        value: Value::Text(Excerpt::whole(value)),
        site: Site { span, route: Route::None },
    });
}

/// The object at the top, or each of a workspace.
fn objects(tree: &Tree, root: Id, workspace: bool, reading: &mut Reading) {
    let mut object = |path: String, id: Id| {
        let at = tree.node(id).map_or(0, |node| node.at);
        let site = Site { span: Span::new(at, 0), route: Route::Object(path.clone()) };
        let detail = detail(tree, id);
        reading.fact(Fact::Object { path, kind: tree.type_of(id), detail, site });
    };
    if workspace {
        for cell in tree.cells(root).take(LISTED) {
            object(tree.symbol(cell.tag).unwrap_or_default().to_owned(), cell.car);
        }
        return;
    }
    object("object".to_owned(), root);
    if let Some(Kind::List(items)) = tree.kind(root) {
        for (index, &item) in (0..).zip(items.iter().take(LISTED)) {
            object(tree.element(root, index), item);
        }
    }
}

/// Class and length of an object.
fn detail(tree: &Tree, id: Id) -> String {
    let len = match tree.kind(id) {
        Some(Kind::List(items)) => Some(to_u64(items.len())),
        Some(Kind::Numbers { len, .. } | Kind::Raw { len, .. } | Kind::Texts { len, .. }) => {
            Some(*len)
        }
        _ => None,
    };
    let classes = tree.classes(id).join(", ");
    match len {
        Some(len) if classes.is_empty() => format!("{len} elements"),
        Some(len) => format!("{classes}, {len} elements"),
        None => classes,
    }
}

struct Recorder<'a> {
    tree: &'a Tree,
    reading: &'a mut Reading,
    source: Source<'a>,
    /// Calls that looking at a value makes, each once.
    made: BTreeMap<(String, String), (Call, u64, Site)>,
    /// Names that were told.
    named: BTreeSet<String>,
}

impl Recorder<'_> {
    fn object(&mut self, id: Id, node: &Node, budget: &mut Budget) -> Result<(), Halt> {
        match &node.kind {
            Kind::Pair { sort: Sort::Promise, car, cdr, .. } if *car == UNBOUND => {
                self.promise(id, node, *cdr, budget)?;
            }
            Kind::Pair { sort: Sort::Closure, .. } => self.closure(id, node, budget)?,
            Kind::Pair { sort: Sort::List, car, .. } if node.is_active() => {
                let body = match self.tree.kind(*car) {
                    Some(Kind::Pair { sort: Sort::Closure, cdr, .. }) => *cdr,
                    _ => *car,
                };
                self.runs(id, node, body, "an active binding", budget)?;
            }
            Kind::Raw { span, .. } if self.source.verbatim && span.len >= WORTH_READING => {
                let name = self.name(id);
                self.reading.child(name, self.source.bytes.slice(*span), Role::Storage);
            }
            Kind::Altrep { class, state } => self.altrep(id, node, *class, *state),
            Kind::Outside { what, names } => {
                let names: Vec<_> =
                    names.iter().map(|name| String::from_utf8_lossy(&name.head)).collect();
                let path = names.first().map(|name| name.to_string()).unwrap_or_default();
                if self.named.insert(format!("{what} {path}")) {
                    let detail = names.join(" ");
                    let site = self.site(id, node);
                    self.reading.fact(Fact::Object { path, kind: what, detail, site });
                }
            }
            Kind::Texts { kept, .. } => {
                for text in kept {
                    self.string(id, text, budget)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn name(&self, id: Id) -> String {
        let path = self.tree.path(id);
        if path.is_empty() { "object".to_owned() } else { path }
    }

    fn site(&self, id: Id, node: &Node) -> Site {
        // In the text form the head of an object can be shorter.
        let end = node.at.saturating_add(4).min(self.source.bytes.len());
        Site { span: Span::between(node.at, end), route: Route::Object(self.name(id)) }
    }

    /// A promise that was not looked at yet: whoever does runs its code.
    fn promise(&mut self, id: Id, node: &Node, code: Id, budget: &mut Budget) -> Result<(), Halt> {
        if !self.is_binding(node) {
            let Site { span, route } = self.site(id, node);
            let what = "a promise stands where R never writes one, and where R before 4.4 runs it";
            self.reading.deviation(Quirk::Handmade, span, route, what);
        }
        self.runs(id, node, code, "a promise", budget)
    }

    /// Whether a promise is the value of a variable, or one of the arguments behind `...`.
    fn is_binding(&self, node: &Node) -> bool {
        let Some(cell) = self.tree.node(node.parent) else { return false };
        match (&cell.kind, node.place) {
            (Kind::Pair { sort: Sort::Dots, .. }, Place::Car) => true,
            (Kind::Pair { sort: Sort::List, .. }, Place::Car) => {
                let Some(holder) = self.tree.node(cell.parent) else { return false };
                match (&holder.kind, cell.place) {
                    (Kind::Environment { .. }, Place::Car) => true,
                    (Kind::List(_), Place::Element(_)) => self.tree.is_table(cell.parent),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Code that runs when a value is looked at.
    fn runs(
        &mut self,
        id: Id,
        node: &Node,
        code: Id,
        by: &'static str,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let found = calls(self.tree, code, Manner::Through(by));
        budget.spend_steps(to_u64(found.len()).saturating_mul(8), node.at)?;
        for name in hidden(self.tree, code) {
            self.hands_on(id, node, hidden_call(name, Manner::Through(by)));
        }
        for (_, call) in found {
            self.hands_on(id, node, call);
        }
        Ok(())
    }

    fn hands_on(&mut self, id: Id, node: &Node, call: Call) {
        let site = self.site(id, node);
        if let Value::Name(name) = &call.callee
            && self.named.insert(name.dotted())
        {
            let (name, site) = (name.clone(), site.clone());
            self.reading.fact(Fact::Import { name, spelled: None, by: "promise", site });
        }
        let key = (format!("{:?}", call.manner), call.to_string());
        let made = self.made.entry(key).or_insert((call, 0, site));
        made.1 = made.1.saturating_add(1);
    }

    /// A function that comes along.
    fn closure(&mut self, id: Id, node: &Node, budget: &mut Budget) -> Result<(), Halt> {
        let Kind::Pair { car, .. } = node.kind else { return Ok(()) };
        let name = self.name(id);
        let starts = CALLED.contains(&name.as_str());
        let when = if starts && self.source.workspace { When::Loaded } else { When::Used };
        let made = calls(self.tree, id, Manner::Called);
        budget.spend_steps(to_u64(made.len()).saturating_mul(8), node.at)?;
        let hidden = hidden(self.tree, id).into_iter();
        let code = Code {
            language: "R".to_owned(),
            name: name.clone(),
            parameters: self.parameters(car),
            when,
            calls: made
                .into_iter()
                .map(|(_, call)| call)
                .chain(hidden.map(|name| hidden_call(name, Manner::Called)))
                .collect(),
            texts: self.texts(id),
            listing: listing(self.tree, id, LISTING),
            ..Code::default()
        };
        let site = self.site(id, node);
        self.reading.fact(Fact::Code { code: Box::new(code), site });
        Ok(())
    }

    fn parameters(&self, formals: Id) -> Vec<String> {
        let name = |cell: Entry| self.tree.symbol(cell.tag).map(str::to_owned);
        self.tree.cells(formals).take(64).filter_map(name).collect()
    }

    fn texts(&self, id: Id) -> Vec<Value> {
        let mut texts = BTreeSet::new();
        walk(self.tree, id, &mut |id| {
            if texts.len() < TEXTS
                && let Some(text) = text(self.tree, id, 0)
            {
                texts.insert(text);
            }
        });
        texts.into_iter().map(|text| Value::Text(Excerpt::whole(text))).collect()
    }

    /// A vector that its class makes when it is read: one of the classes of R maps a file
    /// (R, `altclasses.c`, `mmap_Unserialize`).
    fn altrep(&mut self, id: Id, node: &Node, class: Id, state: Id) {
        let class = self.tree.cells(class).next().and_then(|cell| self.tree.symbol(cell.car));
        if class.is_none_or(|class| !class.starts_with("mmap_")) {
            return;
        }
        let state = match self.tree.kind(state) {
            Some(Kind::List(items)) => items.first().copied(),
            _ => self.tree.cells(state).next().map(|cell| cell.car),
        };
        if let Some(file) = state.and_then(|file| text(self.tree, file, 0)) {
            let (target, site) = (String::from_utf8_lossy(&file).into_owned(), self.site(id, node));
            self.reading.fact(Fact::Reference { target, purpose: "mapped file", site });
        }
    }

    /// A string that is something of its own: source, a template, bytes in base64.
    fn string(
        &mut self,
        id: Id,
        text: &super::feed::Text,
        budget: &mut Budget,
    ) -> Result<(), Halt> {
        let whole = to_u64(text.head.len()) == text.len && text.head.len() >= LONG;
        let Some(string) = std::str::from_utf8(&text.head).ok().filter(|_| whole) else {
            return Ok(());
        };
        let place = (self.source.bytes, text.span, self.source.verbatim);
        embedded::push(&self.name(id), string, place, self.reading, budget)
    }
}

/// A function that only compiled code names.
fn hidden_call(name: String, manner: Manner) -> Call {
    let callee = Value::Name(Name::new(Name::R, name));
    let args = vec![Value::Unknown("only the compiled code calls it, and its source does not")];
    Call { callee, args, kwargs: vec![], manner }
}
