//! One look at one function: its statements over and over until its variables hold nothing new.

use super::effects::{self, Effect};
use super::ir::{Arg, Binding, ClassId, Expr, FuncId, ParamKind, Scope, Stmt, Sym, Target};
use super::ir::{HashMap, HashSet};
use super::machine::{
    ALWAYS, Extra, FIELDS, Machine, NO_CLASS, Source, Step, Summary, UnitId, Via,
};
use super::value::{Args, Atom, Val};
use std::rc::Rc;

/// Statements are run through at most this often: longer chains of assignments against their order
/// are rare.
const PASSES: usize = 4;

/// So many methods that are called on what comes in are told apart.
const ASKED: usize = 64;

/// What is known while a function is looked at.
pub struct Frame {
    pub unit: UnitId,
    pub func: FuncId,
    /// The class of the object, or [`NO_CLASS`].
    pub class: ClassId,
    pub module: u32,
    /// The parameter that holds the object.
    pub own: Option<Sym>,
    pub makes_object: bool,
    pub env: HashMap<Sym, Val>,
    pub summary: Summary,
    /// What was handed over to be called, with what it may be called with.
    pub handed: HashSet<(Atom, u64)>,
    /// Classes that variables were asked for.
    pub narrowed: HashMap<Sym, Vec<ClassId>>,
    pub nesting: u8,
    pub asking: u8,
    /// Whether what is looked at may be called, no more: only what does harm by itself is noted.
    pub guessing: bool,
    changed: bool,
}

impl Frame {
    /// A frame of nobody's, in which a call can be looked at from outside.
    pub fn outside(func: FuncId, module: u32) -> Self {
        Self {
            unit: UnitId::MAX,
            func,
            class: NO_CLASS,
            module,
            own: None,
            makes_object: false,
            env: HashMap::default(),
            summary: Summary::default(),
            handed: HashSet::default(),
            narrowed: HashMap::default(),
            nesting: 0,
            asking: 0,
            guessing: false,
            changed: false,
        }
    }

    /// Notes an effect that `taint` decides about, or that happens always.
    pub fn add(&mut self, effect: Effect, taint: u64, step: Step, length: u16) {
        if taint == 0 {
            if effects::is_worth_telling(effect) {
                self.note(effect, ALWAYS, step, length);
            }
            return;
        }
        for source in 0..64_u8 {
            if taint & (1 << source) != 0 {
                self.note(effect, source, step, length);
            }
        }
    }

    pub fn note(&mut self, effect: Effect, source: Source, step: Step, length: u16) {
        if self.guessing && !effects::is_plain_harm(effect) {
            return;
        }
        let via = Via { step, length: length.saturating_add(1) };
        let old = self.summary.effects.get(&(effect, source));
        if old.is_none_or(|old| old.length > via.length) {
            self.summary.effects.insert((effect, source), via);
        }
    }

    /// Whether it imports something by a name that comes from `taint`.
    pub fn imports(&self, taint: u64) -> bool {
        let mut effects = self.summary.effects.keys();
        effects.any(|(effect, source)| *effect == effects::IMPORT && taint & (1 << source) != 0)
    }

    /// Notes that a method is called on what comes from `taint`.
    pub fn ask(&mut self, taint: u64, method: Sym) {
        for source in 0..64_u8 {
            if taint & (1 << source) != 0 && self.summary.methods.len() < ASKED {
                self.summary.methods.insert((source, method));
            }
        }
    }

    /// Begins to look at what may be called: what cannot be resolved there says nothing about who only
    /// hands it over.
    pub fn guess(&mut self) -> (bool, Option<Sym>) {
        (std::mem::replace(&mut self.guessing, true), self.summary.unresolved)
    }

    /// Ends what [`Self::guess`] began.
    pub fn guessed(&mut self, before: (bool, Option<Sym>)) {
        (self.guessing, self.summary.unresolved) = before;
    }

    pub fn unresolved(&mut self, what: Sym) {
        self.summary.unresolved.get_or_insert(what);
    }

    /// The bit of a field or captured variable.
    pub fn extra(&mut self, extra: Extra) -> u64 {
        let at = match self.summary.extras.iter().position(|there| *there == extra) {
            Some(at) => at,
            None => {
                self.summary.extras.push(extra);
                self.summary.extras.len() - 1
            }
        };
        let bit = usize::from(FIELDS) + at;
        if bit < 63 { 1 << bit } else { 1 << 63 }
    }

    pub fn set(&mut self, name: Sym, val: &Val) {
        match self.env.get_mut(&name) {
            Some(old) => self.changed |= old.join(val),
            None => {
                self.changed = true;
                self.env.insert(name, val.clone());
            }
        }
    }

    /// Notes that the object's field holds `val`.
    pub fn set_field(&mut self, name: Sym, val: &Val) {
        match self.summary.fields.get_mut(&name) {
            Some(old) => self.changed |= old.join(val),
            None => {
                self.changed = true;
                self.summary.fields.insert(name, val.clone());
            }
        }
    }
}

impl Machine {
    /// What one look at a function shows.
    pub fn analyse(&mut self, unit: UnitId, func: FuncId, class: ClassId) -> Summary {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return Summary::default() };
        let extras = self.units.get(unit as usize).map(|unit| unit.extras.clone());
        let mut frame = Frame::outside(func, code.module);
        frame.unit = unit;
        frame.class = class;
        frame.summary.extras = extras.unwrap_or_default();
        self.bind_params(&mut frame, func);
        for _ in 0..PASSES {
            frame.changed = false;
            frame.handed.clear();
            for stmt in &code.body {
                self.stmt(&mut frame, stmt);
            }
            if !frame.changed {
                break;
            }
        }
        if code.encloses && code.scope == Scope::Function {
            self.keep_env(func, &frame);
        }
        if class != NO_CLASS {
            self.keep_fields(class, &frame);
        }
        frame.summary
    }

    /// Functions inside see the variables of the last look, whoever calls them.
    fn keep_env(&mut self, func: FuncId, frame: &Frame) {
        let kept = self.envs.entry(func).or_default();
        for (name, val) in &frame.env {
            kept.entry(*name).or_default().join(val);
        }
    }

    fn keep_fields(&mut self, class: ClassId, frame: &Frame) {
        let Some(kept) = self.class_fields.get_mut(class as usize) else { return };
        for (name, val) in &frame.summary.fields {
            kept.entry(*name).or_default().join(val);
        }
    }

    fn bind_params(&mut self, frame: &mut Frame, func: FuncId) {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return };
        let is_method = code.class.is_some() && frame.class != NO_CLASS;
        for (at, param) in code.params.iter().enumerate() {
            let mut val = Val::unknown(param_bit(at));
            if let Some(default) = &param.default {
                let default = self.default(frame, default);
                val.join(&default);
            }
            if at == 0 && is_method && param.kind == ParamKind::Positional {
                let name = self.names.text(code.name);
                match code.binding {
                    Binding::Plain | Binding::Property => {
                        frame.own = Some(param.name);
                        frame.makes_object = matches!(name, "__init__" | "__post_init__");
                        val.own = true;
                        val.join(&Val::atom(Atom::Instance(frame.class)));
                    }
                    Binding::Class => val = Val::atom(Atom::Class(frame.class)),
                    Binding::Static if name == "__new__" => {
                        val = Val::atom(Atom::Class(frame.class));
                    }
                    Binding::Static => {}
                }
            }
            frame.env.insert(param.name, val);
        }
    }

    /// Defaults see the variables around the function.
    fn default(&mut self, frame: &mut Frame, default: &Expr) -> Val {
        let mut val = match default {
            Expr::Name(name) => self.outer_name(frame, *name),
            Expr::Attribute(object, name) => {
                let Expr::Name(object) = &**object else { return Val::default() };
                let object = self.outer_name(frame, *object);
                self.attribute(frame, &object, *name)
            }
            Expr::Lambda(func) => Val::atom(Atom::Func(*func)),
            _ => return Val::default(),
        };
        val.taint = 0;
        val.unknown = false;
        val
    }

    fn stmt(&mut self, frame: &mut Frame, stmt: &Stmt) {
        match stmt {
            Stmt::Assign(target, value) => {
                let value = self.eval(frame, value);
                self.assign(frame, target, &value);
            }
            Stmt::Evaluate(value) => {
                self.eval(frame, value);
            }
            Stmt::Return(value) => {
                let value = self.eval(frame, value);
                frame.summary.result.join(&value);
            }
            Stmt::Import { module, bind } => {
                let val = self.import(*module);
                self.set_name(frame, *bind, &val);
            }
            Stmt::From { module, name, bind } => {
                let val = self.import_from(*module, *name);
                self.set_name(frame, *bind, &val);
            }
            Stmt::FromAll(module) => self.import_all(frame, *module),
            Stmt::Function(func, decorators) => self.define(frame, *func, decorators),
            Stmt::Class(class, decorators) => self.define_class(frame, *class, decorators),
        }
    }

    /// Decorators run when a function is defined. What they give back does, for what is asked here,
    /// what the function does, unless it is an object of its own.
    fn define(&mut self, frame: &mut Frame, func: FuncId, decorators: &[Expr]) {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return };
        let mut val = self.closure(frame, func);
        for decorator in decorators.iter().rev() {
            let made = self.eval(frame, decorator);
            let result =
                self.call_value(frame, &made, &Args { at: vec![val.clone()], ..Args::default() });
            let instances = result.atoms.iter().filter(|atom| matches!(atom, Atom::Instance(_)));
            for atom in instances {
                val.join(&Val::atom(*atom));
            }
        }
        self.set_name(frame, code.name, &val);
    }

    /// A function that is made here is made from the variables that it sees.
    fn closure(&mut self, frame: &mut Frame, func: FuncId) -> Val {
        let program = Rc::clone(&self.program);
        let mut val = Val::atom(Atom::Func(func));
        let parent = program.funcs.get(func as usize).and_then(|code| code.parent);
        let is_method = program.funcs.get(func as usize).is_some_and(|code| code.class.is_some());
        if parent != Some(frame.func) || is_method {
            return val;
        }
        let unit = self.unit(func, NO_CLASS);
        let summary = self.summary(unit, frame.unit);
        for extra in &summary.extras {
            if let Extra::Captured(name) = extra
                && let Some(seen) = frame.env.get(name)
            {
                val.taint |= seen.taint;
            }
        }
        val
    }

    fn define_class(&mut self, frame: &mut Frame, class: ClassId, decorators: &[Expr]) {
        let program = Rc::clone(&self.program);
        let Some(code) = program.classes.get(class as usize) else { return };
        let bases: Vec<Val> = code.bases.iter().map(|base| self.eval(frame, base)).collect();
        if let Some(kept) = self.class_bases.get_mut(class as usize) {
            if kept.len() == bases.len() {
                kept.iter_mut().zip(&bases).for_each(|(old, new)| {
                    old.join(new);
                });
            } else {
                *kept = bases;
            }
        }
        let mut inner = Frame::outside(code.body, frame.module);
        inner.unit = frame.unit;
        inner.env = std::mem::take(&mut frame.env);
        inner.summary = std::mem::take(&mut frame.summary);
        if let Some(body) = program.funcs.get(code.body as usize) {
            body.body.iter().for_each(|stmt| self.stmt(&mut inner, stmt));
        }
        frame.env = inner.env;
        frame.summary = inner.summary;
        for decorator in decorators {
            let made = self.eval(frame, decorator);
            let class = Args { at: vec![Val::atom(Atom::Class(class))], ..Args::default() };
            self.call_value(frame, &made, &class);
        }
        self.set_name(frame, code.name, &Val::atom(Atom::Class(class)));
    }

    /// Gives a name a value in the scope that the frame makes names in.
    pub fn set_name(&mut self, frame: &mut Frame, name: Sym, val: &Val) {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(frame.func as usize) else { return };
        let mut shared = val.clone();
        shared.taint = 0;
        shared.own = false;
        match code.scope {
            Scope::Class(class) => {
                join_into(self.class_vars.get_mut(class as usize), name, &shared)
            }
            Scope::Module => {
                join_into(self.module_vars.get_mut(frame.module as usize), name, &shared)
            }
            Scope::Function if code.locals.binary_search(&name).is_ok() => frame.set(name, val),
            // Declared `global` or `nonlocal`.
            Scope::Function => {
                let owner = code.parent.filter(|parent| {
                    let parent = program.funcs.get(*parent as usize);
                    parent.is_some_and(|parent| parent.locals.binary_search(&name).is_ok())
                });
                match owner {
                    Some(parent) => {
                        self.envs.entry(parent).or_default().entry(name).or_default().join(&shared);
                    }
                    None => {
                        // Changes what everybody else sees.
                        frame.add(effects::MUTATE, val.taint, Step::External(name), 0);
                        join_into(self.module_vars.get_mut(frame.module as usize), name, &shared);
                    }
                }
            }
        }
    }

    fn assign(&mut self, frame: &mut Frame, target: &Target, value: &Val) {
        match target {
            Target::Name(name) => self.set_name(frame, *name, value),
            Target::Attribute(object, name) => {
                let object_val = self.eval(frame, object);
                if object_val.own {
                    frame.set_field(*name, value);
                    return;
                }
                // What a function puts into a class for a while is not what the class is.
                let lasts = self.is_top(frame.func);
                for atom in object_val.atoms.iter().filter(|_| lasts) {
                    if let Atom::Class(class) = atom {
                        let mut shared = value.clone();
                        shared.taint = 0;
                        shared.own = false;
                        join_into(self.class_vars.get_mut(*class as usize), *name, &shared);
                    }
                }
                self.mix_into(frame, object, value);
            }
            Target::Item(object) => self.mix_into(frame, object, value),
        }
    }

    fn is_top(&self, func: FuncId) -> bool {
        self.program.funcs.get(func as usize).is_some_and(|code| code.scope != Scope::Function)
    }

    /// What is put into a container makes the variable that holds the container hold it too.
    pub fn mix_into(&mut self, frame: &mut Frame, object: &Expr, value: &Val) {
        match object {
            Expr::Name(name) if frame.own != Some(*name) => {
                let mut value = value.clone();
                value.own = false;
                self.set_name(frame, *name, &value);
            }
            Expr::Attribute(inner, name) => {
                let holder = match &**inner {
                    Expr::Name(name) => frame.own == Some(*name),
                    _ => false,
                };
                if holder {
                    frame.set_field(*name, value);
                } else if !self.register(frame, inner, *name, value) {
                    self.mix_into(frame, inner, value);
                }
            }
            Expr::Item(inner, _) => self.mix_into(frame, inner, value),
            _ => {}
        }
    }

    /// What is put into a container that a class holds is there for all who look into it: tables of
    /// constructors, filled when a module runs. Whether the container was one of a class.
    fn register(&mut self, frame: &mut Frame, holder: &Expr, name: Sym, value: &Val) -> bool {
        let Expr::Name(holder) = holder else { return false };
        let holder = self.name(frame, *holder);
        let classes = holder.atoms.iter().filter_map(|atom| match atom {
            Atom::Class(class) => Some(*class),
            _ => None,
        });
        let classes: Vec<ClassId> = classes.collect();
        if classes.is_empty() || holder.unknown {
            return false;
        }
        if classes == [frame.class] && value.taint != 0 {
            frame.summary.registers.entry(name).or_default().join(value);
        }
        for class in classes {
            self.put_into_class(class, name, value);
        }
        true
    }

    /// Adds functions and classes to what a container of a class holds.
    pub fn put_into_class(&mut self, class: ClassId, name: Sym, value: &Val) {
        let known = |atom: &&Atom| {
            matches!(atom, Atom::Func(_) | Atom::Class(_) | Atom::Bound(..) | Atom::External(_))
        };
        let mut kept = Val::default();
        for atom in value.atoms.iter().filter(known) {
            kept.join(&Val::atom(*atom));
        }
        if !kept.atoms.is_empty() {
            join_into(self.class_vars.get_mut(class as usize), name, &kept);
        }
    }

    pub fn eval(&mut self, frame: &mut Frame, expr: &Expr) -> Val {
        match expr {
            Expr::Constant => Val::default(),
            Expr::Text(text) => Val::atom(Atom::Text(*text)),
            Expr::Name(name) => self.name(frame, *name),
            Expr::Attribute(object, name) => {
                let object = self.eval(frame, object);
                self.attribute(frame, &object, *name)
            }
            Expr::Call(call) => self.call(frame, call),
            Expr::Item(object, index) => {
                let mut object = self.eval(frame, object);
                let index = self.eval(frame, index);
                unbind(&mut object);
                let mut val =
                    self.hook(frame, &object, &["__getitem__"], std::slice::from_ref(&index));
                // Which of the texts in a fixed table it is says nothing that was not written there.
                let texts = |atom: &Atom| matches!(atom, Atom::Text(_));
                let fixed = !object.atoms.is_empty() && object.atoms.iter().all(texts);
                if fixed && object.taint == 0 && !object.unknown {
                    return val;
                }
                // A name that is looked up in the variables of a module.
                val.taint |= index.taint;
                val.unknown |= index.taint != 0 && object.unknown;
                if frame.imports(index.taint) && self.is_table_of_modules(&object) {
                    val.join(&Val { imported: true, ..Val::unknown(index.taint) });
                }
                val
            }
            Expr::Element(object) => {
                let object = self.eval(frame, object);
                self.hook(frame, &object, &["__iter__", "__next__"], &[])
            }
            Expr::Entered(object) => {
                let object = self.eval(frame, object);
                let entered = self.hook(frame, &object, &["__enter__", "__aenter__"], &[]);
                self.hook(frame, &object, &["__exit__", "__aexit__"], &[]);
                entered
            }
            Expr::Any(parts) => {
                let mut val = Val::default();
                for part in parts {
                    let part = self.eval(frame, part);
                    val.join(&part);
                }
                val.own = false;
                val
            }
            Expr::Mixture(parts) => {
                let taint =
                    parts.iter().fold(0, |taint, part| taint | self.eval(frame, part).taint);
                Val::plain(taint)
            }
            Expr::Lambda(func) => self.closure(frame, *func),
            Expr::Bind(name, value) => {
                let val = self.eval(frame, value);
                self.set_name(frame, *name, &val);
                val
            }
        }
    }

    /// Whether a value is `sys.modules`, where what is imported is found.
    fn is_table_of_modules(&self, val: &Val) -> bool {
        val.atoms.iter().any(|atom| match atom {
            Atom::External(name) => self.names.text(*name) == "sys.modules",
            _ => false,
        })
    }

    /// What a special method of an object gives; of anything else, the thing itself, which stands for
    /// its elements too.
    fn hook(&mut self, frame: &mut Frame, object: &Val, hooks: &[&str], args: &[Val]) -> Val {
        let mut result = Val { atoms: Vec::new(), own: false, ..object.clone() };
        for atom in &object.atoms {
            let Atom::Instance(class) = atom else {
                if !matches!(atom, Atom::Text(_)) {
                    result.join(&Val::atom(*atom));
                }
                continue;
            };
            let mut found = false;
            for hook in hooks {
                let name = self.names.sym(hook);
                if let Some(method) = self.method(*class, name) {
                    found = true;
                    let object = Val { atoms: vec![*atom], ..object.clone() };
                    let args = Args { at: args.to_vec(), ..Args::default() };
                    let val = self.call_method(frame, method, &object, &args);
                    result.join(&val);
                }
            }
            if !found {
                result.unknown = true;
                // What cannot be looked into is an element itself.
                if hooks.contains(&"__iter__") || hooks.contains(&"__getitem__") {
                    result.join(&Val::atom(*atom));
                }
            }
        }
        result
    }

    /// The arguments of a call.
    pub fn args(&mut self, frame: &mut Frame, args: &[Arg]) -> Args {
        let mut found = Args::default();
        for arg in args {
            match arg {
                Arg::At(value) => {
                    let val = self.eval(frame, value);
                    match &mut found.spread {
                        // Behind a star nobody knows the place.
                        Some(spread) => {
                            spread.join(&val);
                        }
                        None => found.at.push(val),
                    }
                }
                Arg::Named(name, value) => {
                    let val = self.eval(frame, value);
                    found.named.push((*name, val));
                }
                Arg::Spread(value) | Arg::SpreadNamed(value) => {
                    let val = self.eval(frame, value);
                    found.spread.get_or_insert_default().join(&val);
                }
            }
        }
        found
    }
}

/// Functions in a container that a class holds are no methods of the object that it is asked from.
fn unbind(container: &mut Val) {
    if container.atoms.iter().any(|atom| matches!(atom, Atom::Bound(..))) {
        let atoms = std::mem::take(&mut container.atoms);
        for atom in atoms {
            let atom = match atom {
                Atom::Bound(func, _) => Atom::Func(func),
                atom => atom,
            };
            container.join(&Val::atom(atom));
        }
    }
}

/// The bit of a parameter.
pub fn param_bit(at: usize) -> u64 {
    1 << at.min(usize::from(FIELDS) - 1)
}

fn join_into(scope: Option<&mut HashMap<Sym, Val>>, name: Sym, val: &Val) {
    if let Some(scope) = scope {
        scope.entry(name).or_default().join(val);
    }
}
