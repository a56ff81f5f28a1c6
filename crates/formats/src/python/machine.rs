//! Follows Python source statement by statement: what it imports, binds and calls, and when.

use super::expression::{Frame, Open};
use super::fold::Fold;
use super::known::{Known, Many, Room, only};
use super::scope::{Body, Scopes};
use super::token::{Kind, Token};
use davy_artifact::{Excerpt, Fact, Name, Reading, Route, Site, Value};
use davy_bytes::Span;
use std::collections::HashSet;
use std::rc::Rc;

/// Modules imported with `*` whose names are considered.
const STARS: usize = 4;

/// Bytes of constants that the facts of one source carry.
const SHOWN: usize = 16 << 20;

/// Results of calls that are kept for one source, in each pass.
const RESULTS: usize = 100_000;

/// What is assigned to.
#[derive(Debug)]
enum Target {
    /// An attribute.
    Member(Many, String),
    /// Names; several unpack.
    Names(Vec<Option<String>>),
}

/// The statement that is being read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    /// Whether a colon ends its header.
    header: bool,
    /// Whether the next `(` holds the bases of a class.
    pub(super) class: bool,
    /// The scope of the function whose parameters come next.
    pub(super) parameters: Option<usize>,
    /// The scope of its body.
    body: Option<usize>,
    decorator: bool,
    /// The callee of a Python 2 statement: `exec "code"`.
    spoken: Option<usize>,
    targets: Vec<Target>,
    annotated: bool,
    augmented: Option<String>,
}

/// A body that is open.
#[derive(Debug)]
struct Block {
    /// Indentation of its header.
    level: usize,
    /// Whether it stands on the line of its header.
    inline: bool,
}

/// The state of reading one source, which is done twice: see [`super::scope`].
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) source: &'a [u8],
    pub(super) tokens: &'a [Token],
    /// The next token.
    pub(super) at: usize,
    pub(super) scopes: Scopes,
    pub(super) fold: Fold,
    pub(super) base: Frame,
    pub(super) frames: Vec<Frame>,
    pub(super) statement: Statement,
    fresh: bool,
    blocks: Vec<Block>,
    indent: usize,
    /// The scope of a function behind a decorator that may call it.
    decorated: bool,
    /// Modules that import statements name, with their parents.
    pub(super) imported: HashSet<String>,
    pub(super) stars: Vec<String>,
    pub(super) mentioned: HashSet<Rc<Name>>,
    /// How many bytes of constants facts may still carry.
    pub(super) shown: usize,
    /// How many results of calls may still be kept.
    pub(super) results: usize,
    /// Where facts go; in the first pass, nowhere.
    pub(super) out: Option<&'a mut Reading>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(source: &'a [u8], tokens: &'a [Token]) -> Self {
        Self {
            source,
            tokens,
            at: 0,
            scopes: Scopes::new(),
            fold: Fold::new(),
            base: Frame::new(Open::Top),
            frames: Vec::new(),
            statement: Statement::default(),
            fresh: true,
            blocks: Vec::new(),
            indent: 0,
            decorated: false,
            imported: HashSet::new(),
            stars: Vec::new(),
            mentioned: HashSet::new(),
            shown: SHOWN,
            results: RESULTS,
            out: None,
        }
    }

    /// Reads the source twice, and hands its facts to `reading`.
    pub(super) fn run(&mut self, reading: &'a mut Reading) {
        self.pass();
        self.scopes.restart();
        (self.fold, self.results) = (Fold::new(), RESULTS);
        self.out = Some(reading);
        self.pass();
    }

    fn pass(&mut self) {
        (self.at, self.indent, self.fresh) = (0, 0, true);
        self.blocks.clear();
        while let Some(token) = self.tokens.get(self.at).copied() {
            let index = self.at;
            self.at = self.at.saturating_add(1);
            match token.kind {
                Kind::Newline => self.newline(),
                Kind::Indent => self.indent = self.indent.saturating_add(1),
                Kind::Dedent => self.dedent(),
                Kind::TypeComment => self.type_comment(token),
                _ => self.code(index, token),
            }
        }
        self.end_statement();
    }

    fn code(&mut self, index: usize, token: Token) {
        if self.fresh {
            self.fresh = false;
            if self.begin(token) {
                return;
            }
        }
        if self.frames.is_empty() && token.kind == Kind::Op && token.bytes(self.source) == b";" {
            return self.end_statement();
        }
        self.expression(index, token);
    }

    /// The text of the token that is `ahead` of the next one.
    fn ahead(&self, ahead: usize) -> &'a [u8] {
        let token = self.tokens.get(self.at.saturating_add(ahead));
        token.map_or(b"", |token| token.bytes(self.source))
    }

    fn kind_ahead(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    /// The next token as a name, which is then passed over.
    fn take_name(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).filter(|token| token.kind == Kind::Name)?;
        self.at = self.at.saturating_add(1);
        Some(super::identifier::normalised(token.bytes(self.source)).into_owned())
    }

    /// Passes over the next token if it reads `text`.
    fn take(&mut self, text: &[u8]) -> bool {
        let here = self.ahead(0) == text && !text.is_empty();
        if here {
            self.at = self.at.saturating_add(1);
        }
        here
    }

    /// The first token of a statement; tells whether it was understood.
    fn begin(&mut self, token: Token) -> bool {
        match token.bytes(self.source) {
            b"import" => self.import(token),
            b"from" => self.import_from(token),
            b"def" => self.begin_body(Body::Function),
            b"class" => self.begin_body(Body::Class),
            b"async" => self.fresh = true,
            b"@" => self.statement.decorator = true,
            b"global" | b"nonlocal" => self.declare_outer(),
            b"if" | b"elif" => {
                self.statement.header = true;
                if self.asks_for_main() {
                    self.statement.body = Some(self.scopes.declare(Body::Main));
                }
            }
            b"for" => {
                self.statement.header = true;
                self.base.binding = true;
            }
            b"else" | b"except" | b"finally" | b"try" | b"while" | b"with" => {
                self.statement.header = true;
            }
            b"case" | b"match" if self.kind_ahead() != Some(Kind::Op) => {
                self.statement.header = true;
            }
            b"del" => self.delete(),
            b"assert" | b"raise" | b"return" | b"yield" | b"await" => {}
            b"print" if self.speaks() => {}
            b"exec" if self.speaks() => self.statement.spoken = Some(self.at.saturating_sub(1)),
            _ => return false,
        }
        true
    }

    /// Whether a Python 2 statement goes on with its operand.
    fn speaks(&self) -> bool {
        match self.kind_ahead() {
            Some(Kind::Text | Kind::FormatStart | Kind::Number) => true,
            Some(Kind::Name) => {
                !matches!(self.ahead(0), b"and" | b"if" | b"in" | b"is" | b"not" | b"or" | b"else")
            }
            _ => self.ahead(0) == b">>",
        }
    }

    fn asks_for_main(&self) -> bool {
        let main = |text: &[u8]| matches!(text, b"\"__main__\"" | b"'__main__'");
        let name = |text: &[u8]| text == b"__name__";
        self.ahead(1) == b"=="
            && self.ahead(3) == b":"
            && ((name(self.ahead(0)) && main(self.ahead(2)))
                || (main(self.ahead(0)) && name(self.ahead(2))))
    }

    /// `def name(...)` or `class name(...)`, up to the bracket.
    fn begin_body(&mut self, body: Body) {
        let Some(name) = self.take_name() else { return };
        let scope = self.scopes.declare(body);
        self.scopes.bind(&name, Known::Local(scope));
        if std::mem::take(&mut self.decorated) {
            self.scopes.calls(scope);
        }
        self.statement.header = true;
        self.statement.body = Some(scope);
        if body == Body::Function {
            self.statement.parameters = Some(scope);
        } else {
            self.statement.class = true;
        }
    }

    fn declare_outer(&mut self) {
        while let Some(name) = self.take_name() {
            self.scopes.declare_outer(&name);
            if !self.take(b",") {
                return;
            }
        }
    }

    /// `del exec` brings a builtin back that a global of the same name hid.
    fn delete(&mut self) {
        if self.kind_ahead() == Some(Kind::Name) {
            let name = super::identifier::normalised(self.ahead(0)).into_owned();
            if super::builtins::is(&name) {
                let builtin = Known::global(&format!("builtins.{name}"));
                self.scopes.bind(&name, Known::Global(Rc::new(builtin)));
            }
        }
    }

    // Imports.

    /// A dotted name with the dots before it.
    fn dotted(&mut self) -> String {
        let mut path = String::new();
        while matches!(self.ahead(0), b"." | b"...") {
            path.push_str(if self.ahead(0) == b"." { "." } else { "..." });
            self.at = self.at.saturating_add(1);
        }
        while self.ahead(0) != b"import" {
            let Some(name) = self.take_name() else { break };
            path.push_str(&name);
            if !self.take(b".") {
                break;
            }
            path.push('.');
        }
        path
    }

    /// `import a.b as c, d`
    fn import(&mut self, token: Token) {
        loop {
            let path = self.dotted();
            if path.is_empty() {
                return;
            }
            self.note_module(&path);
            self.fact_import(Name::new(path.as_str(), ""), "import statement", token);
            if self.take(b"as") {
                let alias = self.take_name().unwrap_or_default();
                self.scopes.bind(&alias, Known::Module(path.as_str().into()));
            } else {
                let root = path.split('.').next().unwrap_or_default();
                self.scopes.bind(root, Known::Module(root.into()));
            }
            if !self.take(b",") {
                return;
            }
        }
    }

    /// `from a.b import c as d, e`
    fn import_from(&mut self, token: Token) {
        let module = self.dotted();
        if !self.take(b"import") {
            return;
        }
        self.note_module(&module);
        let bracket = self.take(b"(");
        loop {
            if self.take(b"*") {
                self.fact_import(Name::new(module.as_str(), "*"), "import statement", token);
                if self.stars.len() < STARS && !self.stars.contains(&module) {
                    self.stars.push(module.clone());
                }
            } else if let Some(name) = self.take_name() {
                self.import_one(&module, &name, token);
            }
            if !self.take(b",") {
                break;
            }
        }
        if bracket {
            self.take(b")");
        }
    }

    fn import_one(&mut self, module: &str, name: &str, token: Token) {
        let alias = if self.take(b"as") { self.take_name() } else { None };
        let global = Name::new(module, name);
        self.fact_import(global.clone(), "import statement", token);
        let known = match self.imported.contains(&super::joined(module, name)) {
            true => Known::Module(super::joined(module, name).into()),
            false => Known::Global(Rc::new(global)),
        };
        self.scopes.bind(alias.as_deref().unwrap_or(name), known);
    }

    /// Remembers that `path` and what it lies in are modules.
    fn note_module(&mut self, path: &str) {
        if path.len() > 256 {
            return;
        }
        for (at, _) in path.match_indices('.') {
            self.imported.extend(path.get(..at).map(str::to_owned));
        }
        self.imported.insert(path.to_owned());
    }

    fn fact_import(&mut self, name: Name, by: &'static str, token: Token) {
        let end = self.tokens.get(self.at.saturating_sub(1)).map_or(token.end, |last| last.end);
        let site = site(token, end);
        if let Some(out) = &mut self.out {
            out.fact(Fact::Import { name, spelled: None, by, site });
        }
    }

    // Assignments.

    /// `=` outside of brackets: what stood before it is a target.
    pub(super) fn assignment(&mut self) {
        if std::mem::take(&mut self.statement.annotated) {
            self.finish_element();
            return;
        }
        self.take_target();
    }

    fn take_target(&mut self) {
        let element = &mut self.base.element;
        let (name, member) = (element.name.take(), element.member.take());
        element.operand = None;
        self.finish_element();
        let mut names = std::mem::take(&mut self.base.names);
        self.base.items.clear();
        let target = match member {
            Some((base, attribute)) if names.is_empty() => Target::Member(base, attribute),
            _ => {
                names.push(name);
                Target::Names(names)
            }
        };
        if self.statement.targets.len() < 100 {
            self.statement.targets.push(target);
        }
    }

    /// `+=` and its like.
    pub(super) fn augment(&mut self, operator: &[u8]) {
        self.statement.augmented = self.base.element.name.take();
        self.settle();
        if operator != b"+=" {
            self.finish_element();
        }
    }

    fn assign(&mut self, value: &Many) {
        for target in std::mem::take(&mut self.statement.targets) {
            match target {
                Target::Member(base, attribute) => self.assign_member(&base, &attribute, value),
                Target::Names(names) => self.assign_names(&names, value),
            }
        }
        if let Some(name) = self.statement.augmented.take() {
            self.scopes.bind_many(&name, value);
        }
    }

    fn assign_names(&mut self, names: &[Option<String>], value: &Many) {
        if let [Some(name)] = names {
            return self.scopes.bind_many(name, value);
        }
        let parts = match value.as_slice() {
            [Known::Items(parts, _)] if parts.len() == names.len() => Some(parts),
            _ => None,
        };
        for (at, name) in names.iter().enumerate() {
            let part = parts.and_then(|parts| parts.get(at)).cloned();
            if let Some(name) = name {
                self.scopes.bind(name, part.unwrap_or(Known::Unknown));
            }
        }
    }

    fn assign_member(&mut self, base: &Many, attribute: &str, value: &Many) {
        for value in value {
            self.scopes.bind_attribute(attribute, value.clone());
        }
        for base in base {
            if !self.is_imported(base) {
                continue;
            }
            let token = self.tokens.get(self.at.saturating_sub(1)).copied();
            let mut room = Room::new(self.shown);
            if let (Some(out), Some(token)) = (&mut self.out, token) {
                out.fact(Fact::Assign {
                    target: base.shown(&mut room),
                    key: Value::Text(Excerpt::whole(attribute)),
                    value: only(value.clone()).shown(&mut room),
                    site: site(token, token.end),
                });
            }
        }
    }

    /// Whether `base` is a module that is imported somewhere, or something in one.
    fn is_imported(&self, base: &Known) -> bool {
        let module = match base {
            Known::Module(module) => module,
            Known::Global(name) => name.module.as_str(),
            _ => return false,
        };
        let root = module.split('.').next().unwrap_or_default();
        root == "builtins" || self.imported.contains(module) || self.imported.contains(root)
    }

    // Ends of statements and blocks.

    /// A colon outside of brackets: the end of a header, or an annotation.
    pub(super) fn statement_colon(&mut self) {
        let newline = matches!(self.kind_ahead(), Some(Kind::Newline | Kind::TypeComment));
        if self.statement.header || newline {
            return self.end_header();
        }
        if !self.statement.annotated {
            self.take_target();
            self.statement.annotated = true;
        }
    }

    fn end_header(&mut self) {
        self.base.binding = false;
        self.end_iteration();
        self.end_item();
        let body = self.statement.body;
        self.reset();
        if let Some(scope) = body {
            let mut ahead = self.tokens.get(self.at..).unwrap_or_default().iter();
            let next = ahead.find(|token| token.kind != Kind::TypeComment);
            let inline = next.is_none_or(|token| token.kind != Kind::Newline);
            self.scopes.enter(scope);
            self.blocks.push(Block { level: self.indent, inline });
        }
    }

    fn reset(&mut self) {
        self.frames.clear();
        self.base = Frame::new(Open::Top);
        self.statement = Statement::default();
        self.fresh = true;
    }

    fn end_statement(&mut self) {
        while !self.frames.is_empty() {
            self.close_frame(self.at.saturating_sub(1));
        }
        if self.statement.annotated {
            self.statement.targets.clear();
        }
        self.end_item();
        let tuple = self.base.is_tuple();
        let value = if tuple {
            vec![Known::items(std::mem::take(&mut self.base.items))]
        } else {
            std::mem::take(&mut self.base.last)
        };
        if self.statement.decorator {
            self.decorate(&value);
        }
        if let Some(at) = self.statement.spoken {
            let end = self.at.saturating_sub(1);
            let exec = Known::Global(Rc::new(Known::global("builtins.exec")));
            self.call(vec![exec], &[only(value.clone())], &[], (at, end));
        }
        self.assign(&value);
        self.reset();
        self.scopes.truncate(self.blocks.len().saturating_add(1));
    }

    /// A decorator is called with what follows it.
    fn decorate(&mut self, value: &Many) {
        let at = self.at.saturating_sub(2);
        for callee in value {
            let calls = match callee {
                Known::Local(_) => true,
                Known::Global(name) => name.dotted() == "atexit.register",
                _ => false,
            };
            self.decorated |= calls;
            if matches!(callee, Known::Global(_) | Known::Local(_)) {
                self.call(vec![callee.clone()], &[Known::Unknown], &[], (at, at));
            }
        }
        self.decorated |= value.is_empty();
    }

    fn newline(&mut self) {
        self.end_statement();
        while self.blocks.last().is_some_and(|block| block.inline) {
            self.blocks.pop();
        }
        let indents = self.kind_ahead() == Some(Kind::Indent);
        let empty = |block: &Block| block.level >= self.indent && !indents;
        while self.blocks.last().is_some_and(empty) {
            self.blocks.pop();
        }
        self.scopes.truncate(self.blocks.len().saturating_add(1));
    }

    fn dedent(&mut self) {
        self.end_statement();
        self.indent = self.indent.saturating_sub(1);
        while self.blocks.last().is_some_and(|block| block.level >= self.indent) {
            self.blocks.pop();
        }
        self.scopes.truncate(self.blocks.len().saturating_add(1));
    }
}

/// From `token` to the byte before `end`.
pub(super) fn site(token: Token, end: u32) -> Site {
    let span = Span::between(token.start.into(), end.into());
    Site { span, route: Route::Line(token.line.into()) }
}
