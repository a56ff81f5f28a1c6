//! From the syntax tree of a module to its reduced form.

use super::ir::{
    Arg, Binding, Call, Class, ClassId, Expr, Func, FuncId, Module, ModuleId, Param, ParamKind,
    Program, Scope, Stmt, Sym, Target,
};
use ruff_python_ast::{self as ast};
use std::collections::BTreeSet;

/// Texts that are longer than this are no names.
const TEXT: usize = 200;

/// Adds a module to the program; an error where the text is not the Python that the parser knows.
pub fn module(
    program: &mut Program,
    name: &str,
    is_package: bool,
    library: u32,
    text: &str,
) -> Result<(), String> {
    let parsed = ruff_python_parser::parse_module(text).map_err(|error| error.to_string())?;
    let tree = parsed.into_syntax();
    let id = ModuleId::try_from(program.modules.len()).unwrap_or(ModuleId::MAX);
    let sym = program.names.sym(name);
    let package = if is_package { name } else { name.rsplit_once('.').map_or("", |split| split.0) };
    let mut lower = Lower {
        program,
        module: id,
        package: package.to_owned(),
        path: String::new(),
        class: None,
        parents: Vec::new(),
        body: Vec::new(),
        locals: BTreeSet::new(),
        outer: BTreeSet::new(),
        encloses: false,
    };
    lower.suite(&tree.body);
    let stmts = std::mem::take(&mut lower.body);
    let path = lower.program.names.sym("<module>");
    let body = lower.push(Func {
        name: path,
        path,
        module: id,
        class: None,
        parent: None,
        params: Vec::new(),
        body: stmts,
        locals: Vec::new(),
        binding: Binding::Plain,
        encloses: false,
        is_abstract: false,
        scope: Scope::Module,
    });
    program.modules.push(Module { name: sym, body, is_package, library });
    program.by_name.insert(sym, id);
    Ok(())
}

struct Lower<'a> {
    program: &'a mut Program,
    module: ModuleId,
    package: String,
    /// Path within the module of what is being lowered.
    path: String,
    class: Option<ClassId>,
    /// Functions around, innermost last.
    parents: Vec<FuncId>,
    body: Vec<Stmt>,
    locals: BTreeSet<Sym>,
    /// Names declared `global` or `nonlocal`.
    outer: BTreeSet<Sym>,
    encloses: bool,
}

impl Lower<'_> {
    fn sym(&mut self, text: &str) -> Sym {
        self.program.names.sym(text)
    }

    fn push(&mut self, func: Func) -> FuncId {
        let id = FuncId::try_from(self.program.funcs.len()).unwrap_or(FuncId::MAX);
        self.program.funcs.push(func);
        id
    }

    fn within(&self, name: &str, function: bool) -> String {
        match (self.path.is_empty(), function) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{}.<locals>.{name}", self.path),
            (false, false) => format!("{}.{name}", self.path),
        }
    }

    fn bind(&mut self, name: Sym) {
        self.locals.insert(name);
    }

    fn suite(&mut self, suite: &[ast::Stmt]) {
        for stmt in suite {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &ast::Stmt) {
        match stmt {
            ast::Stmt::FunctionDef(node) => self.function(node),
            ast::Stmt::ClassDef(node) => self.class(node),
            ast::Stmt::Return(node) => {
                if let Some(value) = &node.value {
                    let value = self.expr(value);
                    self.body.push(Stmt::Return(value));
                }
            }
            ast::Stmt::Assign(node) => {
                for target in &node.targets {
                    let value = self.expr(&node.value);
                    self.assign(target, value);
                }
            }
            ast::Stmt::AugAssign(node) => {
                let value = self.expr(&node.value);
                self.assign(&node.target, value);
            }
            ast::Stmt::AnnAssign(node) => {
                if let Some(value) = &node.value {
                    let value = self.expr(value);
                    self.assign(&node.target, value);
                } else if let ast::Expr::Name(name) = &*node.target {
                    let name = self.sym(&name.id);
                    self.bind(name);
                    self.body.push(Stmt::Assign(Target::Name(name), Expr::Constant));
                }
            }
            ast::Stmt::Expr(node) => self.evaluate(&node.value),
            ast::Stmt::Import(node) => self.import(&node.names),
            ast::Stmt::ImportFrom(node) => self.import_from(node),
            ast::Stmt::Global(node) => self.declare(&node.names),
            ast::Stmt::Nonlocal(node) => self.declare(&node.names),
            ast::Stmt::Delete(node) => node.targets.iter().for_each(|target| self.delete(target)),
            ast::Stmt::TypeAlias(_) => {}
            ast::Stmt::Raise(node) => {
                for value in [&node.exc, &node.cause].into_iter().flatten() {
                    self.evaluate(value);
                }
            }
            ast::Stmt::Assert(node) => self.evaluate(&node.test),
            _ => self.block(stmt),
        }
    }

    /// Taking something out of a container changes it by what it is called there.
    fn delete(&mut self, target: &ast::Expr) {
        if let ast::Expr::Subscript(node) = target {
            let (object, key) = (self.expr(&node.value), self.mixture([&*node.slice]));
            self.body.push(Stmt::Assign(Target::Item(object), key));
        }
    }

    /// Statements with suites of their own.
    fn block(&mut self, stmt: &ast::Stmt) {
        match stmt {
            ast::Stmt::For(node) => {
                let value = Expr::Element(Box::new(self.expr(&node.iter)));
                self.assign(&node.target, value);
                self.suite(&node.body);
                self.suite(&node.orelse);
            }
            ast::Stmt::While(node) => {
                self.evaluate(&node.test);
                self.suite(&node.body);
                self.suite(&node.orelse);
            }
            ast::Stmt::If(node) => {
                if !is_main(&node.test) {
                    self.evaluate(&node.test);
                    self.suite(&node.body);
                }
                for clause in &node.elif_else_clauses {
                    clause.test.iter().for_each(|test| self.evaluate(test));
                    self.suite(&clause.body);
                }
            }
            ast::Stmt::With(node) => {
                for item in &node.items {
                    let value = Expr::Entered(Box::new(self.expr(&item.context_expr)));
                    match &item.optional_vars {
                        Some(target) => self.assign(target, value),
                        None => self.body.push(Stmt::Evaluate(value)),
                    }
                }
                self.suite(&node.body);
            }
            ast::Stmt::Match(node) => {
                for case in &node.cases {
                    let value = self.expr(&node.subject);
                    self.pattern(&case.pattern, value);
                    case.guard.iter().for_each(|guard| self.evaluate(guard));
                    self.suite(&case.body);
                }
            }
            ast::Stmt::Try(node) => {
                self.suite(&node.body);
                for handler in &node.handlers {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    if let Some(name) = &handler.name {
                        let name = self.sym(name.as_str());
                        self.bind(name);
                        self.body.push(Stmt::Assign(Target::Name(name), Expr::Constant));
                    }
                    self.suite(&handler.body);
                }
                self.suite(&node.orelse);
                self.suite(&node.finalbody);
            }
            _ => {}
        }
    }

    /// Every name of a pattern may be the subject or a part of it.
    fn pattern(&mut self, pattern: &ast::Pattern, value: Expr) {
        let mut names = BTreeSet::new();
        captured(pattern, &mut names);
        let whole = self.sym("<match>");
        self.bind(whole);
        self.body.push(Stmt::Assign(Target::Name(whole), value));
        for name in names {
            let name = self.sym(&name);
            self.bind(name);
            self.body.push(Stmt::Assign(Target::Name(name), Expr::Name(whole)));
        }
    }

    fn declare(&mut self, names: &[ast::Identifier]) {
        for name in names {
            let name = self.sym(name.as_str());
            self.outer.insert(name);
        }
    }

    fn evaluate(&mut self, node: &ast::Expr) {
        let value = self.expr(node);
        if !matches!(value, Expr::Constant | Expr::Text(_) | Expr::Name(_)) {
            self.body.push(Stmt::Evaluate(value));
        }
    }

    fn assign(&mut self, target: &ast::Expr, value: Expr) {
        match target {
            ast::Expr::Name(node) => {
                let name = self.sym(&node.id);
                self.bind(name);
                self.body.push(Stmt::Assign(Target::Name(name), value));
            }
            ast::Expr::Attribute(node) => {
                let object = self.expr(&node.value);
                let name = self.sym(node.attr.as_str());
                self.body.push(Stmt::Assign(Target::Attribute(object, name), value));
            }
            ast::Expr::Subscript(node) => {
                let object = self.expr(&node.value);
                self.body.push(Stmt::Assign(Target::Item(object), value));
            }
            ast::Expr::Starred(node) => self.assign(&node.value, value),
            ast::Expr::Tuple(ast::ExprTuple { elts, .. })
            | ast::Expr::List(ast::ExprList { elts, .. }) => self.unpack(elts, value),
            _ => self.body.push(Stmt::Evaluate(value)),
        }
    }

    /// `a, b = x, y` part by part where the sides are alike, and any part to each where not.
    fn unpack(&mut self, targets: &[ast::Expr], value: Expr) {
        match value {
            Expr::Any(values) if values.len() == targets.len() => {
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value);
                }
            }
            value => {
                let whole = self.program.names.sym("<parts>");
                let at = self.body.len();
                let whole_of_this = self.program.names.sym(&format!("<parts {at}>"));
                let name = if at > 4096 { whole } else { whole_of_this };
                self.bind(name);
                self.body.push(Stmt::Assign(Target::Name(name), value));
                for target in targets {
                    self.assign(target, Expr::Element(Box::new(Expr::Name(name))));
                }
            }
        }
    }

    fn import(&mut self, names: &[ast::Alias]) {
        for alias in names {
            let whole = alias.name.as_str();
            let (module, bind) = match &alias.asname {
                Some(bind) => (whole, bind.as_str()),
                None => {
                    let head = whole.split('.').next().unwrap_or(whole);
                    (head, head)
                }
            };
            let (module, bind) = (self.sym(module), self.sym(bind));
            self.bind(bind);
            self.body.push(Stmt::Import { module, bind });
        }
    }

    fn import_from(&mut self, node: &ast::StmtImportFrom) {
        let name = node.module.as_ref().map_or("", |name| name.as_str());
        let Some(module) = self.absolute(node.level, name) else { return };
        let module = self.sym(&module);
        for alias in &node.names {
            if alias.name.as_str() == "*" {
                self.body.push(Stmt::FromAll(module));
                continue;
            }
            let name = self.sym(alias.name.as_str());
            let bind = match &alias.asname {
                Some(bind) => self.sym(bind.as_str()),
                None => name,
            };
            self.bind(bind);
            self.body.push(Stmt::From { module, name, bind });
        }
    }

    /// The absolute name of what `level` dots and a name stand for here.
    fn absolute(&self, level: u32, name: &str) -> Option<String> {
        if level == 0 {
            return Some(name.to_owned());
        }
        let mut base = self.package.as_str();
        for _ in 1..level {
            base = base.rsplit_once('.').map_or("", |split| split.0);
        }
        match (base.is_empty(), name.is_empty()) {
            (true, _) => None,
            (false, true) => Some(base.to_owned()),
            (false, false) => Some(format!("{base}.{name}")),
        }
    }

    fn function(&mut self, node: &ast::StmtFunctionDef) {
        let decorators: Box<[Expr]> =
            node.decorator_list.iter().map(|decorator| self.expr(&decorator.expression)).collect();
        let binding = node.decorator_list.iter().fold(Binding::Plain, |binding, decorator| {
            binding_of(&decorator.expression).unwrap_or(binding)
        });
        let name = node.name.as_str();
        let binding = match name {
            "__new__" => Binding::Static,
            "__init_subclass__" | "__class_getitem__" => Binding::Class,
            _ => binding,
        };
        let id = self.nested(name, Some(&node.parameters), binding, |lower| {
            lower.suite(&node.body);
        });
        if let Some(func) = self.program.funcs.get_mut(id as usize) {
            func.is_abstract = is_abstract(&node.body);
        }
        let name = self.sym(name);
        self.bind(name);
        self.body.push(Stmt::Function(id, decorators));
    }

    /// Lowers a function with its own scope.
    fn nested(
        &mut self,
        name: &str,
        parameters: Option<&ast::Parameters>,
        binding: Binding,
        fill: impl FnOnce(&mut Self),
    ) -> FuncId {
        let params = self.parameters(parameters);
        let in_class = self.class.take();
        let in_function = in_class.is_none() && !self.parents.is_empty();
        let path = self.within(name, in_function);
        let (name, sym) = (self.sym(name), self.sym(&path));
        let locals: BTreeSet<Sym> = params.iter().map(|param| param.name).collect();
        let id = self.push(Func {
            name,
            path: sym,
            module: self.module,
            class: in_class,
            parent: self.parents.last().copied(),
            params,
            body: Vec::new(),
            locals: Vec::new(),
            binding,
            encloses: false,
            is_abstract: false,
            scope: Scope::Function,
        });
        self.encloses = true;
        let outside = (
            std::mem::replace(&mut self.path, path),
            std::mem::take(&mut self.body),
            std::mem::replace(&mut self.locals, locals),
            std::mem::take(&mut self.outer),
            std::mem::take(&mut self.encloses),
        );
        self.parents.push(id);
        fill(self);
        self.parents.pop();
        let body = std::mem::replace(&mut self.body, outside.1);
        let mut locals = std::mem::replace(&mut self.locals, outside.2);
        let outer = std::mem::replace(&mut self.outer, outside.3);
        let encloses = std::mem::replace(&mut self.encloses, outside.4);
        self.path = outside.0;
        self.class = in_class;
        locals.retain(|name| !outer.contains(name));
        if let Some(func) = self.program.funcs.get_mut(id as usize) {
            func.body = body;
            func.locals = locals.into_iter().collect();
            func.encloses = encloses;
        }
        self.encloses = true;
        id
    }

    fn parameters(&mut self, parameters: Option<&ast::Parameters>) -> Vec<Param> {
        let Some(parameters) = parameters else { return Vec::new() };
        let mut params = Vec::new();
        for param in parameters.posonlyargs.iter().chain(&parameters.args) {
            params.push(self.parameter(param, ParamKind::Positional));
        }
        if let Some(rest) = &parameters.vararg {
            let name = self.sym(rest.name.as_str());
            params.push(Param { name, kind: ParamKind::Rest, default: None });
        }
        for param in &parameters.kwonlyargs {
            params.push(self.parameter(param, ParamKind::Keyword));
        }
        if let Some(rest) = &parameters.kwarg {
            let name = self.sym(rest.name.as_str());
            params.push(Param { name, kind: ParamKind::Keywords, default: None });
        }
        params
    }

    fn parameter(&mut self, param: &ast::ParameterWithDefault, kind: ParamKind) -> Param {
        let name = self.sym(param.parameter.name.as_str());
        let default = param.default.as_ref().map(|value| self.expr(value));
        Param { name, kind, default }
    }

    fn class(&mut self, node: &ast::StmtClassDef) {
        let decorators: Box<[Expr]> =
            node.decorator_list.iter().map(|decorator| self.expr(&decorator.expression)).collect();
        let is_dataclass = node.decorator_list.iter().any(|decorator| {
            last_name(&decorator.expression).is_some_and(|name| {
                matches!(name, "dataclass" | "define" | "frozen" | "s" | "attrs")
            })
        });
        let arguments = node.arguments.as_deref();
        let mut bases: Vec<Expr> = Vec::new();
        for argument in arguments.into_iter().flat_map(|arguments| &arguments.args) {
            bases.push(self.expr(argument));
        }
        let name = node.name.as_str();
        let in_function = self.class.is_none() && !self.parents.is_empty();
        let path = self.within(name, in_function);
        let (name, sym) = (self.sym(name), self.sym(&path));
        let id = ClassId::try_from(self.program.classes.len()).unwrap_or(ClassId::MAX);
        self.program.classes.push(Class {
            path: sym,
            name,
            module: self.module,
            bases: bases.into(),
            body: FuncId::MAX,
            is_dataclass,
        });
        let outside = (
            std::mem::replace(&mut self.path, path),
            std::mem::take(&mut self.body),
            std::mem::take(&mut self.locals),
            self.class.replace(id),
        );
        self.suite(&node.body);
        let body = std::mem::replace(&mut self.body, outside.1);
        let locals = std::mem::replace(&mut self.locals, outside.2);
        self.class = outside.3;
        self.path = outside.0;
        let body = self.push(Func {
            name,
            path: sym,
            module: self.module,
            class: None,
            parent: self.parents.last().copied(),
            params: Vec::new(),
            body,
            locals: locals.into_iter().collect(),
            binding: Binding::Plain,
            encloses: false,
            is_abstract: false,
            scope: Scope::Class(id),
        });
        if let Some(class) = self.program.classes.get_mut(id as usize) {
            class.body = body;
        }
        self.bind(name);
        self.body.push(Stmt::Class(id, decorators));
    }

    fn exprs<'e>(&mut self, nodes: impl IntoIterator<Item = &'e ast::Expr>) -> Box<[Expr]> {
        nodes.into_iter().map(|node| self.expr(node)).collect()
    }

    /// A value made from parts; constants add nothing.
    fn mixture<'e>(&mut self, nodes: impl IntoIterator<Item = &'e ast::Expr>) -> Expr {
        let mut parts = self.exprs(nodes).into_vec();
        parts.retain(|part| !matches!(part, Expr::Constant | Expr::Text(_)));
        if parts.is_empty() { Expr::Constant } else { Expr::Mixture(parts.into()) }
    }

    fn any<'e>(&mut self, nodes: impl IntoIterator<Item = &'e ast::Expr>) -> Expr {
        let parts = self.exprs(nodes);
        if parts.iter().all(|part| matches!(part, Expr::Constant)) && parts.len() > 8 {
            return Expr::Constant;
        }
        Expr::Any(parts)
    }

    fn expr(&mut self, node: &ast::Expr) -> Expr {
        match node {
            ast::Expr::Name(node) => Expr::Name(self.sym(&node.id)),
            ast::Expr::Attribute(node) => {
                let object = self.expr(&node.value);
                Expr::Attribute(Box::new(object), self.sym(node.attr.as_str()))
            }
            ast::Expr::Call(node) => self.call(node),
            ast::Expr::StringLiteral(node) => {
                let text = node.value.to_str();
                if text.len() > TEXT { Expr::Constant } else { Expr::Text(self.sym(text)) }
            }
            ast::Expr::BoolOp(node) => self.any(&node.values),
            ast::Expr::If(node) => {
                self.evaluate(&node.test);
                self.any([&*node.body, &*node.orelse])
            }
            ast::Expr::BinOp(node) => match (&*node.left, node.op) {
                // `[f] + [g]` holds both.
                (ast::Expr::List(_) | ast::Expr::Tuple(_), ast::Operator::Add) => {
                    self.any([&*node.left, &*node.right])
                }
                _ => self.mixture([&*node.left, &*node.right]),
            },
            ast::Expr::UnaryOp(node) => self.mixture([&*node.operand]),
            ast::Expr::Compare(node) => {
                let value = self.mixture(std::iter::once(&*node.left).chain(&node.comparators));
                if let Expr::Mixture(_) = value {
                    self.body.push(Stmt::Evaluate(value));
                }
                Expr::Constant
            }
            ast::Expr::Subscript(node) => {
                let (object, index) = (self.expr(&node.value), self.expr(&node.slice));
                Expr::Item(Box::new(object), Box::new(index))
            }
            ast::Expr::List(node) => self.any(&node.elts),
            ast::Expr::Tuple(node) => self.any(&node.elts),
            ast::Expr::Set(node) => self.any(&node.elts),
            ast::Expr::Starred(node) => Expr::Element(Box::new(self.expr(&node.value))),
            ast::Expr::Await(node) => self.expr(&node.value),
            ast::Expr::Named(node) => {
                let value = Box::new(self.expr(&node.value));
                match &*node.target {
                    ast::Expr::Name(name) => {
                        let name = self.sym(&name.id);
                        self.bind(name);
                        Expr::Bind(name, value)
                    }
                    _ => *value,
                }
            }
            ast::Expr::Lambda(node) => {
                let id =
                    self.nested("<lambda>", node.parameters.as_deref(), Binding::Plain, |lower| {
                        let value = lower.expr(&node.body);
                        lower.body.push(Stmt::Return(value));
                    });
                Expr::Lambda(id)
            }
            _ => self.compound(node),
        }
    }

    /// Expressions with parts of several kinds.
    fn compound(&mut self, node: &ast::Expr) -> Expr {
        match node {
            ast::Expr::Dict(node) => {
                let keys = node.items.iter().filter_map(|item| item.key.as_ref());
                let keys = self.mixture(keys);
                let mut parts = self.exprs(node.items.iter().map(|item| &item.value)).into_vec();
                if !matches!(keys, Expr::Constant) {
                    parts.push(keys);
                }
                parts.retain(|part| !matches!(part, Expr::Constant));
                Expr::Any(parts.into())
            }
            ast::Expr::ListComp(node) => self.comprehension(&node.generators, [&*node.elt]),
            ast::Expr::SetComp(node) => self.comprehension(&node.generators, [&*node.elt]),
            ast::Expr::Generator(node) => self.comprehension(&node.generators, [&*node.elt]),
            ast::Expr::DictComp(node) => {
                let parts = node.key.iter().map(|key| &**key).chain([&*node.value]);
                self.comprehension(&node.generators, parts.collect::<Vec<_>>())
            }
            ast::Expr::Yield(node) => {
                if let Some(value) = &node.value {
                    let value = self.expr(value);
                    self.body.push(Stmt::Return(value));
                }
                Expr::Constant
            }
            ast::Expr::YieldFrom(node) => {
                let value = Expr::Element(Box::new(self.expr(&node.value)));
                self.body.push(Stmt::Return(value));
                Expr::Constant
            }
            ast::Expr::FString(node) => {
                let parts = node.value.elements().filter_map(|element| match element {
                    ast::InterpolatedStringElement::Interpolation(part) => Some(&*part.expression),
                    ast::InterpolatedStringElement::Literal(_) => None,
                });
                self.mixture(parts.collect::<Vec<_>>())
            }
            ast::Expr::Slice(node) => {
                let parts = [&node.lower, &node.upper, &node.step];
                self.mixture(parts.into_iter().flatten().map(|part| &**part))
            }
            _ => Expr::Constant,
        }
    }

    fn comprehension<'e>(
        &mut self,
        generators: &[ast::Comprehension],
        parts: impl IntoIterator<Item = &'e ast::Expr>,
    ) -> Expr {
        for generator in generators {
            let value = Expr::Element(Box::new(self.expr(&generator.iter)));
            self.assign(&generator.target, value);
            generator.ifs.iter().for_each(|test| self.evaluate(test));
        }
        self.any(parts)
    }

    fn call(&mut self, node: &ast::ExprCall) -> Expr {
        let callee = self.expr(&node.func);
        let mut args = Vec::with_capacity(node.arguments.args.len());
        for argument in &node.arguments.args {
            args.push(match argument {
                ast::Expr::Starred(node) => Arg::Spread(self.expr(&node.value)),
                other => Arg::At(self.expr(other)),
            });
        }
        for keyword in &node.arguments.keywords {
            let value = self.expr(&keyword.value);
            args.push(match &keyword.arg {
                Some(name) => Arg::Named(self.sym(name.as_str()), value),
                None => Arg::SpreadNamed(value),
            });
        }
        Expr::Call(Box::new(Call { callee, args: args.into() }))
    }
}

/// The last name of a decorator, without its arguments.
fn last_name(node: &ast::Expr) -> Option<&str> {
    match node {
        ast::Expr::Name(node) => Some(&node.id),
        ast::Expr::Attribute(node) => Some(node.attr.as_str()),
        ast::Expr::Call(node) => last_name(&node.func),
        _ => None,
    }
}

/// What a decorator makes of a function.
fn binding_of(node: &ast::Expr) -> Option<Binding> {
    match last_name(node)? {
        "staticmethod" => Some(Binding::Static),
        "classmethod" | "abstractclassmethod" => Some(Binding::Class),
        "property" | "cached_property" | "abstractproperty" | "cache_readonly"
        | "lazy_property" | "reify" => Some(Binding::Property),
        _ => None,
    }
}

/// Whether a body is `raise NotImplementedError` behind a text at most.
fn is_abstract(body: &[ast::Stmt]) -> bool {
    let is_text = |stmt: &&ast::Stmt| matches!(stmt, ast::Stmt::Expr(node) if matches!(&*node.value, ast::Expr::StringLiteral(_)));
    let rest: Vec<&ast::Stmt> = body.iter().filter(|stmt| !is_text(stmt)).collect();
    let [ast::Stmt::Raise(node)] = rest.as_slice() else { return false };
    node.exc.as_deref().and_then(last_name) == Some("NotImplementedError")
}

/// Whether a test asks for `__name__ == '__main__'`.
fn is_main(test: &ast::Expr) -> bool {
    let ast::Expr::Compare(node) = test else { return false };
    matches!(&*node.left, ast::Expr::Name(name) if name.id.as_str() == "__name__")
}

/// Names that a pattern binds.
fn captured(pattern: &ast::Pattern, names: &mut BTreeSet<String>) {
    match pattern {
        ast::Pattern::MatchSequence(node) => {
            node.patterns.iter().for_each(|part| captured(part, names));
        }
        ast::Pattern::MatchMapping(node) => {
            node.patterns.iter().for_each(|part| captured(part, names));
            names.extend(node.rest.iter().map(|name| name.to_string()));
        }
        ast::Pattern::MatchClass(node) => {
            node.arguments.patterns.iter().for_each(|part| captured(part, names));
            node.arguments.keywords.iter().for_each(|part| captured(&part.pattern, names));
        }
        ast::Pattern::MatchStar(node) => {
            names.extend(node.name.iter().map(|name| name.to_string()))
        }
        ast::Pattern::MatchAs(node) => {
            node.pattern.iter().for_each(|part| captured(part, names));
            names.extend(node.name.iter().map(|name| name.to_string()));
        }
        ast::Pattern::MatchOr(node) => node.patterns.iter().for_each(|part| captured(part, names)),
        ast::Pattern::MatchValue(_) | ast::Pattern::MatchSingleton(_) => {}
    }
}
