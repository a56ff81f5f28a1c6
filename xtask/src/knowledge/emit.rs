//! From what was found about functions and classes to rows of the data.

use super::effects::{self, EXEC, Effect};
use super::flow::{Frame, param_bit};
use super::ir::{ClassId, FuncId, ParamKind, Scope, Sym};
use super::machine::{ALWAYS, Base, Extra, FIELDS, Machine, NO_CLASS, Source, Summary};
use super::primitives::Known;
use super::value::{Args, Atom, Val};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What is said about one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    pub verdict: Verdict,
    /// Whether an object of this class can be made and filled without running anything that matters.
    pub fills: bool,
    pub is_function: bool,
    /// Whether it stands in a class.
    pub is_method: bool,
}

/// What a call does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Only computes.
    Harmless,
    /// Only computes, and calls methods of its arguments.
    Asks,
    Does {
        effect: Effect,
        through: String,
        via: String,
        steps: u16,
    },
    /// Something in it could not be resolved.
    Unknown,
}

/// Commands that no argument decides about are told of within so many steps.
const FIXED_STEPS: u16 = 7;

/// Special methods that a loader calls on an object that it has made.
const HOOKS: &[&str] = &[
    "__setstate__",
    "__del__",
    "__setattr__",
    "__hash__",
    "__eq__",
    "__setitem__",
    "append",
    "extend",
    "add",
];

impl Machine {
    /// Rows of a library by their dotted names.
    pub fn rows(&mut self, library: u32) -> BTreeMap<String, Row> {
        self.standard = library == 0;
        let program = Rc::clone(&self.program);
        let mut rows = BTreeMap::new();
        for (at, func) in program.funcs.iter().enumerate() {
            let module = program.modules.get(func.module as usize);
            let path = self.names.text(func.path);
            let wanted = func.scope == Scope::Function
                && module.is_some_and(|module| module.library == library)
                && !path.contains('<');
            if !wanted {
                continue;
            }
            let id = FuncId::try_from(at).unwrap_or(FuncId::MAX);
            let name = self.func_name(id);
            let row = Row {
                verdict: self.func_verdict(id),
                fills: false,
                is_function: true,
                is_method: func.class.is_some(),
            };
            worst(&mut rows, name, row);
        }
        for (at, class) in program.classes.iter().enumerate() {
            let module = program.modules.get(class.module as usize);
            let path = self.names.text(class.path);
            if path.contains('<') || module.is_none_or(|module| module.library != library) {
                continue;
            }
            let id = ClassId::try_from(at).unwrap_or(ClassId::MAX);
            let (name, row) = (self.class_name(id), self.class_row(id));
            self.hook_rows(id, &name, &mut rows);
            worst(&mut rows, name, row);
        }
        self.aliases(library, &mut rows);
        rows
    }

    /// Variables of modules that hold functions and classes of others. What a module of a library only
    /// uses from its own library is left out: files name that by where it stands or by a package.
    fn aliases(&mut self, library: u32, rows: &mut BTreeMap<String, Row>) {
        let program = Rc::clone(&self.program);
        for (at, module) in program.modules.iter().enumerate() {
            if module.library != library {
                continue;
            }
            let vars = self.module_vars.get(at).cloned().unwrap_or_default();
            for (var, val) in vars {
                let name = self.dotted(u32::try_from(at).unwrap_or(u32::MAX), var);
                if rows.contains_key(&name) || val.unknown || val.atoms.is_empty() {
                    continue;
                }
                let own = self.names.text(module.name);
                let is_public = module.is_package || own.ends_with(".api");
                if library != 0 && !is_public && self.is_borrowed(&val, own) {
                    continue;
                }
                if let Some(row) = self.alias(&val, &name) {
                    if let [Atom::Class(class)] = val.atoms.as_slice() {
                        self.hook_rows(*class, &name, rows);
                    }
                    rows.insert(name, row);
                }
            }
            // `from posix import *` makes `os.system`.
            for star in self.star_externals.get(at).cloned().unwrap_or_default() {
                let star = self.names.text(star).to_owned();
                for name in self.primitives.below(&star) {
                    let last = name.rsplit('.').next().unwrap_or_default().to_owned();
                    let own = self.names.sym(&last);
                    let known =
                        self.module_vars.get(at).is_some_and(|vars| vars.contains_key(&own));
                    if let (false, Some(verdict)) = (known, self.external_verdict(&name)) {
                        let dotted = self.dotted(u32::try_from(at).unwrap_or(u32::MAX), own);
                        worst(rows, dotted, Row::function(verdict));
                    }
                }
            }
        }
    }

    /// Methods that loading or forgetting an object of a class calls, where it inherits them or goes by
    /// another name and they do harm.
    fn hook_rows(&mut self, class: ClassId, name: &str, rows: &mut BTreeMap<String, Row>) {
        for hook in ["__setstate__", "__del__"] {
            let dotted = format!("{name}.{hook}");
            let sym = self.names.sym(hook);
            let Some(func) = self.method(class, sym).filter(|_| !rows.contains_key(&dotted)) else {
                continue;
            };
            let via = clean(&self.func_name(func));
            match self.method_verdict(func, class) {
                Verdict::Does { effect, through, steps, .. } if effects::is_plain_harm(effect) => {
                    let verdict = Verdict::Does { effect, through, via, steps };
                    rows.insert(dotted, Row { is_method: true, ..Row::function(verdict) });
                }
                _ => {}
            }
        }
    }

    /// What a method does on an object of a class that may inherit it.
    fn method_verdict(&mut self, func: FuncId, class: ClassId) -> Verdict {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return Verdict::Unknown };
        let unit = self.unit(func, class);
        let summary = self.summary(unit, unit);
        let names: Vec<Sym> = code.params.iter().map(|param| param.name).collect();
        self.verdict(&summary, &names)
    }

    /// Whether a variable of a module holds only what stands elsewhere in its library.
    fn is_borrowed(&self, val: &Val, module: &str) -> bool {
        let package = module.split('.').next();
        val.atoms.iter().all(|atom| {
            let target = match atom {
                Atom::Func(func) => self.func_name(*func),
                Atom::Class(class) => self.class_name(*class),
                _ => return false,
            };
            let home = target.rsplit_once('.').map_or("", |split| split.0);
            target.split('.').next() == package && home != module
        })
    }

    fn alias(&mut self, val: &Val, name: &str) -> Option<Row> {
        let package = name.split('.').next().unwrap_or(name);
        let mut found: Option<Row> = None;
        for atom in &val.atoms {
            let (target, row) = match atom {
                Atom::Func(func) => {
                    let path = self.func_name(*func);
                    (path, Row::function(self.func_verdict(*func)))
                }
                Atom::Class(class) => (self.class_name(*class), self.class_row(*class)),
                Atom::External(external) => {
                    let text = self.names.text(*external).to_owned();
                    let verdict = self.external_verdict(&text)?;
                    (text, Row::function(verdict))
                }
                _ => return None,
            };
            if target.contains('<') {
                return None;
            }
            let row = match row.verdict {
                // Whatever one library imports from another is known there.
                Verdict::Does { effect, .. }
                    if target.split('.').next() != Some(package)
                        && !(effects::is_carried(effect)
                            && effect != effects::DEFERRED
                            && self.is_standard(atom)) =>
                {
                    return None;
                }
                Verdict::Does { effect, through, steps, .. } => {
                    // Another name for it is no call more.
                    let verdict = Verdict::Does { effect, through, via: target, steps };
                    Row { verdict, ..row }
                }
                Verdict::Unknown => return None,
                // Names of other packages' harmless things are not needed.
                _ if target.split('.').next() != Some(package) => return None,
                _ => row,
            };
            found = Some(match found {
                None => row,
                Some(old) => old.worse(row),
            });
        }
        found
    }

    /// Whether something is of the standard library.
    fn is_standard(&self, atom: &Atom) -> bool {
        let module = match atom {
            Atom::Func(func) => self.program.funcs.get(*func as usize).map(|func| func.module),
            Atom::Class(class) => {
                self.program.classes.get(*class as usize).map(|class| class.module)
            }
            _ => return true,
        };
        let module = module.and_then(|module| self.program.modules.get(module as usize));
        module.is_some_and(|module| module.library == 0)
    }

    fn external_verdict(&self, name: &str) -> Option<Verdict> {
        match self.primitives.exact(name)? {
            Known::Harmless | Known::Makes(_) | Known::Passes => None,
            Known::Does(list) => {
                let (effect, through) = list.iter().min_by_key(|(effect, _)| *effect)?;
                let through = through.text();
                Some(Verdict::Does { effect: *effect, through, via: name.to_owned(), steps: 1 })
            }
        }
    }

    fn func_verdict(&mut self, func: FuncId) -> Verdict {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return Verdict::Unknown };
        if let Some(&name) = self.reviewed_funcs.get(&func) {
            return self.reviewed_code(name, func);
        }
        if self.names.text(code.path) == "__getattr__" {
            return self.module_getter(func, code.module);
        }
        self.code_verdict(func)
    }

    /// The verdict of what a function's code does, or of what the functions do that it hands out.
    fn code_verdict(&mut self, func: FuncId) -> Verdict {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return Verdict::Unknown };
        let unit = self.unit(func, code.class.unwrap_or(NO_CLASS));
        let summary = self.summary(unit, unit);
        let names: Vec<Sym> = code.params.iter().map(|param| param.name).collect();
        let verdict = self.verdict(&summary, &names);
        let later = match code.class {
            Some(class) => self.kept_for_later(func, class, &summary),
            None => self.handed_out(func, &summary),
        };
        let verdict = self.weigh(verdict, later);
        self.weigh(verdict, self.fixed(&summary))
    }

    /// A `__getattr__` of a module (PEP 562) makes any name of it; what it makes is called like any
    /// other global.
    fn module_getter(&mut self, func: FuncId, module: u32) -> Verdict {
        let body = self.program.modules.get(module as usize).map(|module| module.body);
        let mut frame = Frame::outside(body.unwrap_or(func), module);
        let getter = Val::atom(Atom::Func(func));
        let name = Args { at: vec![Val::unknown(param_bit(0))], ..Args::default() };
        let mut made = self.call_value(&mut frame, &getter, &name);
        made.unknown = false;
        self.call_value(&mut frame, &made, &Args::loose(Val::unknown(param_bit(1))));
        let names = ["name", "*"].map(|name| self.names.sym(name));
        let summary = frame.summary;
        self.verdict(&summary, &names)
    }

    /// The verdict of the hand-written table.
    fn reviewed(&self, name: Sym) -> Verdict {
        let text = self.names.text(name);
        self.external_verdict(text).unwrap_or(Verdict::Asks)
    }

    /// What the hand-written table says about a function in Python is for those who call it; what
    /// it does by itself, its code says, where the table has no harm to tell.
    fn reviewed_code(&mut self, name: Sym, func: FuncId) -> Verdict {
        let told = self.reviewed(name);
        if matches!(told, Verdict::Does { .. }) {
            return told;
        }
        let alone = self.primitives.exact(self.names.text(name)).is_some();
        match self.code_verdict(func) {
            Verdict::Does { effect, through, via, steps }
                if alone || effects::is_carried(effect) && effect != effects::DEFERRED =>
            {
                Verdict::Does { effect, through, via, steps }
            }
            _ => told,
        }
    }

    /// The same of a class: its methods may do what its constructor does not.
    fn reviewed_class(&mut self, name: Sym, class: ClassId) -> Row {
        let told = self.reviewed(name);
        let later = [self.carried(class), self.stored(class)];
        let carrier = later.into_iter().flatten().find(
            |later| matches!(later, Verdict::Does { effect, .. } if *effect == effects::CARRIER),
        );
        let verdict = if self.standard { self.weigh(told, carrier) } else { told };
        Row::class(verdict, true)
    }

    /// The worst that a summary has, and that is kept.
    fn verdict(&self, summary: &Summary, names: &[Sym]) -> Verdict {
        let driven = summary.effects.iter().filter(|((effect, source), via)| {
            *source != ALWAYS && (via.length <= 1 || !effects::is_only_direct(*effect))
        });
        let worst = driven.min_by_key(|((effect, source), via)| {
            let own = self.source_name(summary, names, *source);
            let kept = effects::is_kept(self.standard, *effect, via.length, &own);
            (!kept, *effect, via.length)
        });
        if let Some(((effect, _), via)) = worst {
            let sources = summary
                .effects
                .keys()
                .filter(|(other, source)| other == effect && *source != ALWAYS);
            let through: Vec<String> = sources
                .map(|(_, source)| self.source_name(summary, names, *source))
                .take(4)
                .collect();
            return Verdict::Does {
                effect: *effect,
                through: through.join(","),
                via: clean(&self.step_name(via.step)),
                steps: via.length,
            };
        }
        let always = summary.effects.keys().any(|(_, source)| *source == ALWAYS);
        if summary.unresolved.is_some() || always {
            return Verdict::Unknown;
        }
        if summary.asked != 0 { Verdict::Asks } else { Verdict::Harmless }
    }

    /// A command or code of its own that a function of the standard library runs, whatever it is given.
    fn fixed(&self, summary: &Summary) -> Option<Verdict> {
        let via = summary.effects.get(&(EXEC, ALWAYS)).filter(|via| via.length <= FIXED_STEPS)?;
        self.standard.then(|| Verdict::Does {
            effect: effects::FIXED,
            through: String::new(),
            via: clean(&self.step_name(via.step)),
            steps: via.length,
        })
    }

    fn source_name(&self, summary: &Summary, names: &[Sym], source: Source) -> String {
        if source < FIELDS {
            let name = names.get(usize::from(source)).copied();
            return name.map_or_else(|| "*".to_owned(), |name| self.names.text(name).to_owned());
        }
        match summary.extras.get(usize::from(source - FIELDS)) {
            Some(Extra::Field(name)) => format!(".{}", self.names.text(*name)),
            _ => "*".to_owned(),
        }
    }

    /// What making an object of a class does, and what filling it does.
    fn class_row(&mut self, class: ClassId) -> Row {
        if let Some(&name) = self.reviewed_classes.get(&class) {
            return self.reviewed_class(name, class);
        }
        let (made, stored) = (self.construction(class), self.stored(class));
        let carried = self.carried(class);
        let verdict = self.weigh(made, stored);
        let verdict = self.weigh(verdict, carried);
        let fills = self.fills(class);
        Row::class(verdict, fills)
    }

    fn construction(&mut self, class: ClassId) -> Verdict {
        let program = Rc::clone(&self.program);
        let Some(code) = program.classes.get(class as usize) else { return Verdict::Unknown };
        let (init, new) = (self.names.sym("__init__"), self.names.sym("__new__"));
        let maker = self.method(class, init).or_else(|| self.method(class, new));
        let params =
            maker.and_then(|maker| program.funcs.get(maker as usize)).map(|func| &func.params);
        let places = params.map_or(0, |params| {
            params.iter().filter(|param| param.kind == ParamKind::Positional).count()
        });
        let places = places.saturating_sub(1);
        let mut args = Args::default();
        for at in 0..places {
            args.at.push(Val::unknown(param_bit(at)));
        }
        let rest = 1 << (FIELDS - 1);
        args.spread = Some(Val::unknown(rest));
        let mut frame = Frame::outside(code.body, code.module);
        let unit = self.unit(code.body, NO_CLASS);
        frame.unit = unit;
        self.construct(&mut frame, class, &args);
        let names: Vec<Sym> = params
            .map(|params| params.iter().skip(1).take(places).map(|param| param.name).collect())
            .unwrap_or_default();
        let mut summary = frame.summary;
        // What is left of the object's own fields is of the class, not of the file.
        summary.effects.retain(|(_, source), _| *source < FIELDS || *source == ALWAYS);
        self.verdict(&summary, &names)
    }

    /// Whether nothing that matters runs when an object is made without its constructor and filled.
    fn fills(&mut self, class: ClassId) -> bool {
        let order = self.order(class);
        for base in order.iter() {
            match base {
                Base::Class(_) => {}
                Base::External(name) => {
                    let text = self.names.text(*name);
                    if !matches!(
                        self.primitives.find(text),
                        Some(Known::Harmless | Known::Makes(_) | Known::Passes)
                    ) {
                        return false;
                    }
                }
                Base::Unknown => return false,
            }
        }
        let new = self.names.sym("__new__");
        let mut hooks: Vec<FuncId> = self.method(class, new).into_iter().collect();
        for hook in HOOKS {
            let name = self.names.sym(hook);
            hooks.extend(self.method(class, name));
        }
        hooks.into_iter().all(|hook| {
            if self.reviewed_funcs.contains_key(&hook) {
                return true;
            }
            let unit = self.unit(hook, class);
            let summary = self.summary(unit, unit);
            let matters =
                summary.effects.keys().any(|(effect, _)| !effects::is_only_direct(*effect));
            !matters && summary.unresolved.is_none()
        })
    }
}

impl Row {
    const fn function(verdict: Verdict) -> Self {
        Self { verdict, fills: false, is_function: true, is_method: false }
    }

    const fn class(verdict: Verdict, fills: bool) -> Self {
        Self { verdict, fills, is_function: false, is_method: false }
    }

    /// The worse of two things that go by one name.
    pub fn worse(self, other: Self) -> Self {
        let fills = self.fills && other.fills;
        let (is_function, is_method) = (self.is_function && other.is_function, self.is_method);
        let verdict = match (&self.verdict, &other.verdict) {
            (Verdict::Does { effect: a, .. }, Verdict::Does { effect: b, .. }) if b < a => {
                other.verdict
            }
            (Verdict::Does { .. }, _) => self.verdict,
            (_, Verdict::Does { .. }) => other.verdict,
            (Verdict::Unknown, _) | (_, Verdict::Harmless) => self.verdict,
            _ => other.verdict,
        };
        Self { verdict, fills, is_function, is_method }
    }
}

/// Adds a row, or keeps the worse of it and the one that is there.
pub fn worst(rows: &mut BTreeMap<String, Row>, name: String, row: Row) {
    let row = match rows.remove(&name) {
        Some(old) => old.worse(row),
        None => row,
    };
    rows.insert(name, row);
}

/// A step without the parts that nobody can name.
pub fn clean(name: &str) -> String {
    name.split(".<locals>").next().unwrap_or(name).to_owned()
}
