//! What names and attributes stand for.

use super::flow::Frame;
use super::ir::{Binding, ClassId, FuncId, Scope, Sym};
use super::machine::{Base, Extra, Machine, NO_CLASS};
use super::value::{Args, Atom, Val};
use std::rc::Rc;

/// Following re-exports ends here.
const HOPS: u8 = 12;

impl Machine {
    /// A name where a frame sees it.
    pub fn name(&mut self, frame: &mut Frame, name: Sym) -> Val {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(frame.func as usize) else { return Val::default() };
        if let Scope::Class(class) = code.scope
            && let Some(val) = self.class_vars.get(class as usize).and_then(|vars| vars.get(&name))
        {
            return val.clone();
        }
        if code.scope == Scope::Function && code.locals.binary_search(&name).is_ok() {
            return frame.env.get(&name).cloned().unwrap_or_default();
        }
        self.outer_name(frame, name)
    }

    /// A name that is not the frame's own: of a function around, of the module, or built in.
    pub fn outer_name(&mut self, frame: &mut Frame, name: Sym) -> Val {
        let program = Rc::clone(&self.program);
        let mut around = program.funcs.get(frame.func as usize).and_then(|code| code.parent);
        while let Some(id) = around {
            let Some(code) = program.funcs.get(id as usize) else { break };
            if code.locals.binary_search(&name).is_ok() {
                // Before the function around was looked at once, it may be anything.
                let seen = self.envs.get(&id).and_then(|env| env.get(&name)).cloned();
                let mut val = seen.unwrap_or_else(|| Val::unknown(0));
                let given = val.taint != 0 || val.unknown;
                val.taint = if given { frame.extra(Extra::Captured(name)) } else { 0 };
                val.own = false;
                return val;
            }
            around = code.parent;
        }
        self.global(frame.module, name)
    }

    /// A variable of a module, or what is built in.
    fn global(&mut self, module: u32, name: Sym) -> Val {
        let builtin = |machine: &mut Self| {
            let dotted = format!("builtins.{}", machine.names.text(name));
            Val::atom(Atom::External(machine.names.sym(&dotted)))
        };
        if let Some(val) = self.module_vars.get(module as usize).and_then(|vars| vars.get(&name)) {
            return val.clone();
        }
        let text = self.names.text(name);
        if matches!(
            text,
            "__file__" | "__name__" | "__doc__" | "__package__" | "__path__" | "__spec__"
        ) {
            return Val::default();
        }
        if is_builtin(text) {
            return builtin(self);
        }
        if let Some(val) = self.of_star(module, name) {
            return val;
        }
        let stars =
            self.star_externals.get(module as usize).and_then(|stars| stars.last()).copied();
        match stars {
            // Where it is not built in, it came from there.
            Some(star) if !self.is_built_in(name) => {
                let dotted = format!("{}.{}", self.names.text(star), self.names.text(name));
                Val::atom(Atom::External(self.names.sym(&dotted)))
            }
            _ => builtin(self),
        }
    }

    fn is_built_in(&self, name: Sym) -> bool {
        self.primitives.exact(&format!("builtins.{}", self.names.text(name))).is_some()
    }

    /// A name that came from a module in C by `from module import *`.
    fn of_star(&mut self, module: u32, name: Sym) -> Option<Val> {
        let stars = self.star_externals.get(module as usize)?.clone();
        let mut found = None;
        for star in stars {
            let dotted = format!("{}.{}", self.names.text(star), self.names.text(name));
            if self.primitives.exact(&dotted).is_some() {
                let atom = Val::atom(Atom::External(self.names.sym(&dotted)));
                found = Some(found.map_or(atom.clone(), |val: Val| val.with(&atom)));
            }
        }
        found
    }

    /// The module of a dotted name; where nobody has read it, something external.
    pub fn import(&mut self, name: Sym) -> Val {
        if let Some(&module) = self.program.by_name.get(&name) {
            self.need_module(module);
            return Val::atom(Atom::Module(module));
        }
        let text = self.names.text(name);
        match text {
            "os.path" => {
                let mut val = Val::default();
                for path in ["posixpath", "ntpath"] {
                    let path = self.names.sym(path);
                    if self.program.by_name.contains_key(&path) {
                        let module = self.import(path);
                        val.join(&module);
                    }
                }
                val
            }
            _ => Val::atom(Atom::External(name)),
        }
    }

    pub fn import_from(&mut self, module: Sym, name: Sym) -> Val {
        let from = self.import(module);
        let mut val = Val::default();
        for atom in from.atoms {
            let found = match atom {
                Atom::Module(module) => self.module_attribute(module, name, 0),
                Atom::External(module) => {
                    let dotted = format!("{}.{}", self.names.text(module), self.names.text(name));
                    Val::atom(Atom::External(self.names.sym(&dotted)))
                }
                _ => continue,
            };
            val.join(&found);
        }
        val
    }

    pub fn import_all(&mut self, frame: &mut Frame, module: Sym) {
        let from = self.import(module);
        for atom in from.atoms {
            match atom {
                Atom::Module(id) => {
                    let vars = self.module_vars.get(id as usize).cloned().unwrap_or_default();
                    for (name, val) in vars {
                        if !self.names.text(name).starts_with('_') {
                            self.set_name(frame, name, &val);
                        }
                    }
                    let stars = self.star_externals.get(id as usize).cloned().unwrap_or_default();
                    stars.into_iter().for_each(|star| self.add_star(frame.module, star));
                }
                Atom::External(name) => self.add_star(frame.module, name),
                _ => {}
            }
        }
    }

    fn add_star(&mut self, module: u32, star: Sym) {
        if let Some(stars) = self.star_externals.get_mut(module as usize)
            && !stars.contains(&star)
        {
            stars.push(star);
        }
    }

    /// An attribute of a module: a variable, a module below it, or one of a module in C.
    pub fn module_attribute(&mut self, module: u32, name: Sym, hops: u8) -> Val {
        if hops > HOPS {
            return Val::unknown(0);
        }
        self.need_module(module);
        let var = self.module_vars.get(module as usize).and_then(|vars| vars.get(&name)).cloned();
        let whole = self.program.modules.get(module as usize).map(|module| module.name);
        let dotted = format!(
            "{}.{}",
            whole.map_or("", |whole| self.names.text(whole)),
            self.names.text(name)
        );
        let below =
            self.names.find(&dotted).and_then(|name| self.program.by_name.get(&name)).copied();
        match (var, below) {
            (Some(val), _) => val,
            (None, Some(below)) => {
                self.need_module(below);
                Val::atom(Atom::Module(below))
            }
            (None, None) => match self.of_star(module, name) {
                Some(val) => val,
                None => {
                    // Made up by the module's own `__getattr__`, or not there.
                    Val { unknown: true, ..Val::atom(Atom::External(self.names.sym(&dotted))) }
                }
            },
        }
    }

    /// An attribute of a value.
    pub fn attribute(&mut self, frame: &mut Frame, object: &Val, name: Sym) -> Val {
        if object.own {
            return self.own_attribute(frame, object, name);
        }
        let mut val = Val {
            unknown: object.unknown,
            taint: object.taint,
            method: object.unknown,
            imported: object.imported && !self.names.text(name).starts_with("__"),
            ..Val::default()
        };
        for atom in &object.atoms {
            let found = self.atom_attribute(frame, *atom, object, name);
            val.join(&found);
        }
        val
    }

    fn atom_attribute(&mut self, frame: &mut Frame, atom: Atom, object: &Val, name: Sym) -> Val {
        match atom {
            Atom::Module(module) => self.module_attribute(module, name, 0),
            Atom::Class(class) => self.class_attribute(class, name),
            Atom::Instance(class) => self.instance_attribute(frame, class, object, name),
            Atom::Super(behind) => self.super_attribute(frame, behind, name),
            Atom::External(whole) => {
                let dotted = format!("{}.{}", self.names.text(whole), self.names.text(name));
                Val::atom(Atom::External(self.names.sym(&dotted)))
            }
            Atom::Made(whole) => {
                let dotted = format!("{}.{}", self.names.text(whole), self.names.text(name));
                Val::atom(Atom::MadeMethod(self.names.sym(&dotted)))
            }
            Atom::Text(_) => Val::default(),
            Atom::Func(_) | Atom::Bound(..) if self.names.text(name) == "__code__" => {
                Val::atom(Atom::Made(self.names.sym("types.CodeType")))
            }
            _ => Val { unknown: true, ..Val::default() },
        }
    }

    /// A method or variable of a class or of one that it inherits from.
    pub fn class_attribute(&mut self, class: ClassId, name: Sym) -> Val {
        let order = self.order(class);
        for base in order.iter() {
            match base {
                Base::Class(above) => {
                    let Some(found) = self
                        .class_vars
                        .get(*above as usize)
                        .and_then(|vars| vars.get(&name))
                        .cloned()
                    else {
                        continue;
                    };
                    let program = Rc::clone(&self.program);
                    let mut val = Val { atoms: Vec::new(), ..found.clone() };
                    for atom in found.atoms {
                        let bound = match atom {
                            Atom::Func(func) => match binding(&program, func) {
                                Binding::Class => Atom::Bound(func, class),
                                _ => atom,
                            },
                            atom => atom,
                        };
                        val.join(&Val::atom(bound));
                    }
                    return val;
                }
                Base::External(whole) => {
                    let dotted = format!("{}.{}", self.names.text(*whole), self.names.text(name));
                    if self.primitives.exact(&dotted).is_some() {
                        return Val::atom(Atom::External(self.names.sym(&dotted)));
                    }
                }
                Base::Unknown => {}
            }
        }
        Val { unknown: true, ..Val::default() }
    }

    /// The function behind a method name of a class.
    pub fn method(&mut self, class: ClassId, name: Sym) -> Option<FuncId> {
        let order = self.order(class);
        for base in order.iter() {
            let Base::Class(above) = base else { continue };
            let vars = self.class_vars.get(*above as usize);
            if let Some(val) = vars.and_then(|vars| vars.get(&name)) {
                return val.atoms.iter().find_map(|atom| match atom {
                    Atom::Func(func) => Some(*func),
                    _ => None,
                });
            }
        }
        None
    }

    /// What a class or its ancestors hold under a name, bound to an instance; properties are called.
    fn bound_attribute(
        &mut self,
        frame: &mut Frame,
        class: ClassId,
        bases: &[Base],
        object: &Val,
        name: Sym,
    ) -> Option<Val> {
        for base in bases {
            match base {
                Base::Class(above) => {
                    let found = self
                        .class_vars
                        .get(*above as usize)
                        .and_then(|vars| vars.get(&name))
                        .cloned();
                    let Some(found) = found else { continue };
                    let program = Rc::clone(&self.program);
                    let mut val = Val { atoms: Vec::new(), taint: 0, ..found.clone() };
                    for atom in found.atoms {
                        match atom {
                            Atom::Func(func) => match binding(&program, func) {
                                Binding::Static => {
                                    val.join(&Val::atom(atom));
                                }
                                Binding::Property => {
                                    let result =
                                        self.call_method(frame, func, object, &Args::default());
                                    val.join(&result);
                                }
                                Binding::Plain | Binding::Class => {
                                    val.join(&Val::atom(Atom::Bound(func, class)));
                                }
                            },
                            atom => {
                                val.join(&Val::atom(atom));
                            }
                        }
                    }
                    return Some(val);
                }
                Base::External(whole) => {
                    let dotted = format!("{}.{}", self.names.text(*whole), self.names.text(name));
                    if self.primitives.exact(&dotted).is_some() {
                        let method = self.names.sym(&dotted);
                        return Some(Val::atom(Atom::MadeMethod(method)));
                    }
                }
                Base::Unknown => {}
            }
        }
        None
    }

    fn instance_attribute(
        &mut self,
        frame: &mut Frame,
        class: ClassId,
        object: &Val,
        name: Sym,
    ) -> Val {
        let order = self.order(class);
        let alone = Val { atoms: vec![Atom::Instance(class)], own: false, ..object.clone() };
        let bound = self.bound_attribute(frame, class, &order, &alone, name);
        let field = self.field(class, name);
        match (bound, field) {
            (Some(bound), None) => bound.tainted(object.taint),
            (bound, Some(field)) => {
                let taint = if field.taint == 0 { 0 } else { object.taint };
                let mut val = Val { taint, own: false, ..field };
                if let Some(bound) = bound {
                    val.join(&bound.tainted(object.taint));
                }
                val
            }
            (None, None) => {
                let getter = self.names.sym("__getattr__");
                if let Some(method) = self.method(class, getter) {
                    let name = Args { at: vec![Val::atom(Atom::Text(name))], ..Args::default() };
                    return self.call_method(frame, method, &alone, &name);
                }
                Val::unknown(object.taint)
            }
        }
    }

    /// What the methods of a class and of its ancestors put into a field.
    pub fn field(&mut self, class: ClassId, name: Sym) -> Option<Val> {
        let mut found: Option<Val> = None;
        let order = self.order(class);
        for base in order.iter() {
            if let Base::Class(above) = base
                && let Some(val) = self.class_fields.get(*above as usize).and_then(|f| f.get(&name))
            {
                let found = found.get_or_insert_default();
                found.join(val);
                if let Some(Some(held)) = self.held.get(&(*above, name)) {
                    found.join(held);
                }
            }
        }
        found
    }

    /// An attribute of the object whose method is looked at.
    fn own_attribute(&mut self, frame: &mut Frame, object: &Val, name: Sym) -> Val {
        let class = frame.class;
        if class == NO_CLASS {
            return Val::unknown(object.taint);
        }
        let order = self.order(class);
        let own = Val { atoms: vec![Atom::Instance(class)], ..object.clone() };
        let bound = self.bound_attribute(frame, class, &order, &own, name);
        let written = frame.summary.fields.get(&name).cloned();
        let field = self.field(class, name);
        if let Some(mut bound) = bound {
            let is_method = bound
                .atoms
                .iter()
                .any(|atom| matches!(atom, Atom::Bound(..) | Atom::MadeMethod(_)));
            if is_method && field.is_none() {
                bound.own = true;
                return bound;
            }
            if let Some(written) = written {
                bound.join(&written);
            }
            if let Some(field) = field {
                bound.join(&Val { taint: 0, own: false, ..field });
                bound.taint |= frame.extra(Extra::Field(name));
                bound.unknown = true;
            }
            return bound;
        }
        match (written, field) {
            (Some(written), _) if frame.makes_object => written,
            (written, field) => {
                let mut val = Val::unknown(frame.extra(Extra::Field(name)));
                for more in written.into_iter().chain(field.map(|field| Val { taint: 0, ..field }))
                {
                    val.join(&more);
                }
                val.own = false;
                val
            }
        }
    }

    fn super_attribute(&mut self, frame: &mut Frame, behind: ClassId, name: Sym) -> Val {
        let class = if frame.class == NO_CLASS { behind } else { frame.class };
        let order = self.order(class);
        let from =
            order.iter().position(|base| *base == Base::Class(behind)).map_or(0, |at| at + 1);
        let own = Val {
            atoms: vec![Atom::Instance(class)],
            taint: 1,
            unknown: true,
            own: frame.own.is_some(),
            ..Val::default()
        };
        let above = order.get(from..).unwrap_or_default().to_vec();
        if let Some(mut val) = self.bound_attribute(frame, class, &above, &own, name) {
            val.own = frame.own.is_some();
            return val;
        }
        for base in &above {
            if let Base::External(whole) = base {
                let dotted = format!("{}.{}", self.names.text(*whole), self.names.text(name));
                let method = self.names.sym(&dotted);
                return Val { own: frame.own.is_some(), ..Val::atom(Atom::MadeMethod(method)) };
            }
        }
        if above.contains(&Base::Unknown) {
            Val { unknown: true, ..Val::default() }
        } else {
            Val::default()
        }
    }
}

fn binding(program: &super::ir::Program, func: FuncId) -> Binding {
    program.funcs.get(func as usize).map_or(Binding::Plain, |func| func.binding)
}

/// Names that are looked for among what is built in before anything else.
fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "None"
            | "True"
            | "False"
            | "print"
            | "len"
            | "isinstance"
            | "getattr"
            | "setattr"
            | "hasattr"
            | "super"
            | "type"
            | "open"
            | "eval"
            | "exec"
            | "compile"
            | "__import__"
    )
}
