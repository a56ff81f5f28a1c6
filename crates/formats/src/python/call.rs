//! What calls lead to: facts, the modules that they import, and source that they run.

use super::known::{Known, Many, Room, add, result_of};
use super::machine::{Machine, site};
use super::token::Token;
use davy_artifact::{Call, Excerpt, Fact, Manner, Name, Role, Site, Value};
use davy_bytes::{Bytes, to_u64};
use std::rc::Rc;

/// Arguments that a fact carries.
const ARGUMENTS: usize = 32;

/// Artifacts that one source may make of constants that it runs.
const CHILDREN: usize = 256;

/// Callables that run, compile or unpickle their first argument, and what to call the artifact.
const RUNNERS: [(&str, &str); 10] = [
    ("builtins.exec", "py"),
    ("builtins.eval", "py"),
    ("builtins.compile", "py"),
    ("code.interact", "py"),
    ("timeit.timeit", "py"),
    ("pickle.loads", "pkl"),
    ("_pickle.loads", "pkl"),
    ("cPickle.loads", "pkl"),
    ("dill.loads", "pkl"),
    ("marshal.loads", "marshal"),
];

impl Machine<'_> {
    /// Follows a call from token to token, and tells what it returns.
    pub(super) fn call(
        &mut self,
        callee: Many,
        items: &[Known],
        keyed: &[(String, Known)],
        (start, end): (usize, usize),
    ) -> Many {
        for argument in items.iter().chain(keyed.iter().map(|(_, value)| value)) {
            if let Known::Local(scope) = argument {
                self.scopes.calls(*scope);
            }
        }
        let site = self.site_of(start, end);
        let mut results = Many::new();
        for value in callee {
            match value {
                Known::Bound(bound) => {
                    let (base, method) = bound.as_ref();
                    self.method(base, method, items).into_iter().for_each(|v| add(&mut results, v));
                }
                Known::Global(name) => {
                    self.fact_call(Value::Name(name.as_ref().clone()), items, keyed, &site);
                    let returned = self.returned(&name, items, &site);
                    returned.into_iter().for_each(|value| add(&mut results, value));
                }
                Known::Local(scope) => self.scopes.calls(scope),
                Known::Plain(plain) => {
                    self.fact_call(plain.as_ref().clone(), items, keyed, &site);
                    add(&mut results, self.result(plain.as_ref().clone(), items));
                }
                _ => {}
            }
        }
        results
    }

    /// What calling `callee` returns, while there is room to remember it.
    fn result(&mut self, callee: Value, items: &[Known]) -> Known {
        match self.results.checked_sub(1) {
            Some(left) => {
                self.results = left;
                Known::Plain(Rc::new(result_of(callee, items)))
            }
            None => Known::Unknown,
        }
    }

    fn site_of(&self, start: usize, end: usize) -> Site {
        let token = |at: usize| self.tokens.get(at).copied();
        match (token(start), token(end)) {
            (Some(first), Some(last)) => site(first, last.end.max(first.end)),
            (Some(first), None) => site(first, first.end),
            _ => Site::default(),
        }
    }

    fn fact_call(
        &mut self,
        callee: Value,
        items: &[Known],
        keyed: &[(String, Known)],
        site: &Site,
    ) {
        let manner = if self.scopes.deferred() { Manner::Deferred } else { Manner::Called };
        let Some(out) = &mut self.out else { return };
        let mut room = Room::new(self.shown);
        let mut args: Vec<Value> =
            items.iter().take(ARGUMENTS).map(|item| item.shown(&mut room)).collect();
        if let Some(more) = items.len().checked_sub(ARGUMENTS).filter(|more| *more > 0) {
            args.push(Value::More(to_u64(more)));
        }
        let kwargs = keyed
            .iter()
            .take(ARGUMENTS)
            .map(|(key, v)| (key.clone(), v.shown(&mut room)))
            .collect();
        self.shown = room.bytes;
        let call = Call { callee, args, kwargs, manner };
        out.fact(Fact::Call { call, count: 1, site: site.clone() });
    }

    fn method(&mut self, base: &Known, method: &str, items: &[Known]) -> Many {
        if let (Known::Dict(..), "get" | "pop" | "setdefault", [key, ..]) = (base, method, items) {
            return self.element_at(base, key);
        }
        match self.fold.method(base, method, items) {
            Known::Unknown => Vec::new(),
            value => vec![value],
        }
    }

    /// What calling a global returns, as far as it leads on.
    fn returned(&mut self, name: &Rc<Name>, items: &[Known], site: &Site) -> Many {
        let path = name.dotted();
        let text = |at: usize| items.get(at).and_then(Known::text);
        match path.as_str() {
            "builtins.__import__" | "importlib.__import__" => {
                return self.imported_by("__import__", text(0), items.len() < 4, site);
            }
            "importlib.import_module" => {
                return self.imported_by("import_module", text(0), false, site);
            }
            "pkgutil.resolve_name" => {
                let path = text(0).unwrap_or_default().replace(':', ".");
                return vec![Known::Global(Rc::new(Known::global(&path)))];
            }
            "builtins.getattr" | "inspect.getattr_static" => return self.getattr(items, site),
            "builtins.globals" | "builtins.locals" => return vec![Known::Globals],
            "builtins.vars" | "functools.partial" | "builtins.staticmethod" => {
                let value = items.first().cloned();
                return vec![value.unwrap_or(Known::Globals)];
            }
            path => {
                if let Some((_, kind)) = RUNNERS.iter().find(|(runner, _)| *runner == path) {
                    self.runs(items, kind, site);
                }
            }
        }
        if let (Some(base), Some(attribute)) = (path.strip_suffix(".__getattribute__"), text(0)) {
            return self.attribute(&vec![Known::Module(base.into())], attribute);
        }
        match self.fold.call(&path, items) {
            Known::Unknown => {
                vec![self.result(Value::Name(name.as_ref().clone()), items)]
            }
            value => vec![value],
        }
    }

    /// A module imported by a call; with `root`, the outermost package is what is returned.
    fn imported_by(
        &mut self,
        by: &'static str,
        module: Option<&str>,
        root: bool,
        site: &Site,
    ) -> Many {
        let Some(module) = module.filter(|module| module.len() < 256) else { return Vec::new() };
        if let Some(out) = &mut self.out {
            let name = Name::new(module, "");
            out.fact(Fact::Import { name, spelled: None, by, site: site.clone() });
        }
        let root = if root { module.split('.').next().unwrap_or(module) } else { module };
        vec![Known::Module(root.into())]
    }

    fn getattr(&mut self, items: &[Known], site: &Site) -> Many {
        let [base, name, ..] = items else { return Vec::new() };
        let Some(name) = name.text() else { return Vec::new() };
        let found = self.attribute(&vec![base.clone()], name);
        for value in &found {
            if let (Known::Global(global), Some(out)) = (value, &mut self.out) {
                let name = global.as_ref().clone();
                out.fact(Fact::Import { name, spelled: None, by: "getattr", site: site.clone() });
            }
        }
        found
    }

    /// A constant that is run or unpickled becomes an artifact.
    fn runs(&mut self, items: &[Known], kind: &str, site: &Site) {
        let Some(source) = items.first().and_then(Known::bytes) else { return };
        let Some(out) = &mut self.out else { return };
        let telling = source.len() > 4 && source.iter().any(|b| !b.is_ascii_alphanumeric());
        if telling && out.children.len() < CHILDREN {
            let name = format!("{:#x}.{kind}", site.span.start);
            out.child(name, Bytes::from_memory(source.as_slice()), Role::Loaded);
        }
    }

    /// A global that is named and not called: it may be called by whatever it is handed to.
    pub(super) fn mention(&mut self, value: &Known) {
        let Known::Global(name) = value else { return };
        if self.out.is_none() || !self.mentioned.insert(Rc::clone(name)) {
            return;
        }
        let token = self.tokens.get(self.frame().element.operand_at).copied();
        let last = self.tokens.get(self.at.saturating_sub(1)).copied();
        if let (Some(token), Some(last), Some(out)) = (token, last, &mut self.out) {
            let (name, site) = (name.as_ref().clone(), site(token, last.start.max(token.end)));
            out.fact(Fact::Import { name, spelled: None, by: "reference", site });
        }
    }

    /// `# type:` comments are evaluated when `torch.jit.script` compiles the function: its
    /// `parse_type_line` hands them to `eval` (CVE-2022-45907). A comment that calls something, or
    /// reaches for a double underscore, is no type.
    pub(super) fn type_comment(&mut self, token: Token) {
        let comment = token.bytes(self.source);
        let calls = comment.windows(2).any(|pair| match pair {
            [before, b'('] => {
                before.is_ascii_alphanumeric() || matches!(before, b'_' | b')' | b']')
            }
            pair => pair == b"__",
        });
        let ignore = comment.windows(6).any(|part| part == b"ignore");
        let Some(out) = self.out.as_mut().filter(|_| calls && !ignore) else { return };
        let call = Call {
            callee: Value::Name(Name::new("torch.jit.annotations", "parse_type_line")),
            args: vec![Value::Text(Excerpt::whole(comment.get(..512).unwrap_or(comment)))],
            kwargs: Vec::new(),
            manner: Manner::Deferred,
        };
        out.fact(Fact::Call { call, count: 1, site: site(token, token.end) });
    }
}
