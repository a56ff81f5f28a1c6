//! What is called because of what somebody hands over: methods of it, what it keeps, what its heirs
//! make of it, and what was imported by name.

use super::call::{NESTING, bind};
use super::effects::EXEC;
use super::flow::Frame;
use super::ir::{Arg, ClassId, Expr, FuncId, Scope, Sym};
use super::machine::{Machine, Step};
use super::value::{Args, Atom, Val};
use std::rc::Rc;

/// Methods that heirs have to define are looked at in so many of them.
const DEFINED: usize = 8;

/// A variable that is asked whether it is of a class is taken to be one of so many.
const NARROWED: usize = 6;

/// Methods by which a container hands out what it holds.
const GIVES: &[&str] =
    &["copy", "get", "items", "pop", "popitem", "popleft", "setdefault", "values"];

impl Machine {
    /// What was imported by a name that somebody gives and is called runs whatever that name says.
    pub(super) fn call_imported(&mut self, frame: &mut Frame, callee: &Val) {
        if callee.imported && callee.taint != 0 {
            let what = self.names.sym("calls what it imported");
            frame.add(EXEC, callee.taint, Step::External(what), 0);
        }
    }

    /// A method that only says that heirs have to define it is what theirs do.
    pub(super) fn call_heirs(&mut self, frame: &mut Frame, callee: &Val, name: Sym, args: &Args) {
        let before = frame.guess();
        for atom in &callee.atoms {
            let Atom::Bound(func, class) = atom else { continue };
            let program = Rc::clone(&self.program);
            if program.funcs.get(*func as usize).is_none_or(|func| !func.is_abstract) {
                continue;
            }
            for (heir, method) in self.heirs_with(*class, name) {
                let callee = Val { atoms: vec![Atom::Bound(method, heir)], ..callee.clone() };
                self.call_atoms(frame, &callee, args);
            }
        }
        frame.guessed(before);
    }

    /// Classes below this one that define a method themselves.
    pub(super) fn heirs_with(&self, class: ClassId, name: Sym) -> Vec<(ClassId, FuncId)> {
        let heirs = self.heirs.get(&class).map(Vec::as_slice).unwrap_or_default();
        let defined = heirs.iter().filter_map(|heir| {
            let vars = self.class_vars.get(*heir as usize)?;
            vars.get(&name)?.atoms.iter().find_map(|atom| match atom {
                Atom::Func(func) => Some((*heir, *func)),
                _ => None,
            })
        });
        defined.take(DEFINED).collect()
    }

    /// A method of a variable that was asked whether it is of a class is that of the class: a file can
    /// hand over such an object.
    pub(super) fn call_narrowed(
        &mut self,
        frame: &mut Frame,
        variable: Sym,
        object: &Val,
        name: Sym,
        args: &Args,
    ) {
        if object.taint == 0 || object.own {
            return;
        }
        let before = frame.guess();
        for class in frame.narrowed.get(&variable).cloned().unwrap_or_default() {
            if let Some(func) = self.method(class, name) {
                let object = Val { taint: object.taint, ..Val::atom(Atom::Instance(class)) };
                self.call_method(frame, func, &Val { unknown: true, ..object }, args);
            }
        }
        frame.guessed(before);
    }

    /// A local object whose method keeps what it is given is made from that.
    pub(super) fn note_filled(
        &mut self,
        frame: &mut Frame,
        object: &Expr,
        val: &Val,
        name: Sym,
        args: &Args,
    ) {
        let (Expr::Name(variable), taint) = (object, args.taint()) else { return };
        let program = Rc::clone(&self.program);
        let local = program.funcs.get(frame.func as usize).is_some_and(|code| {
            code.scope == Scope::Function && code.locals.binary_search(variable).is_ok()
        });
        if taint == 0 || !local || val.own {
            return;
        }
        for atom in &val.atoms {
            let Atom::Instance(class) = atom else { continue };
            let Some(func) = self.method(*class, name) else { continue };
            let unit = self.unit(func, *class);
            let summary = self.summary(unit, frame.unit);
            if summary.fields.values().any(|field| field.taint & !1 != 0) {
                frame.set(*variable, &Val { taint, ..Val::default() });
            }
        }
    }

    /// What a container hands out by a method of this name: things in it, which have no such method
    /// themselves.
    pub(super) fn handed_back(&mut self, object: &Val, name: Sym) -> Val {
        let mut held = Val::default();
        if object.own || !GIVES.contains(&self.names.text(name)) {
            return held;
        }
        for atom in object.atoms.iter().filter(|atom| atom.is_callable()) {
            let is_container = match atom {
                Atom::Instance(class) => self.method(*class, name).is_some(),
                Atom::External(_) | Atom::Made(_) | Atom::MadeMethod(_) => true,
                _ => false,
            };
            if !is_container {
                held.join(&Val::atom(*atom));
            }
        }
        held
    }

    /// Calls a method of what a function was given, where that is known here, or of what a class
    /// makes that it was given.
    pub(super) fn call_asked(&mut self, frame: &mut Frame, val: &Val, name: Sym, bound: &[Val]) {
        if val.taint != 0 && val.unknown {
            frame.ask(val.taint, name);
        }
        if frame.nesting >= NESTING {
            return;
        }
        frame.nesting += 1;
        let before = frame.guess();
        for atom in &val.atoms {
            let (Atom::Instance(class) | Atom::Class(class)) = atom else { continue };
            let Some(func) = self.method(*class, name) else { continue };
            let others = bound.iter().filter(|other| *other != val);
            let rest = others.fold(0, |taint, other| taint | other.taint);
            if frame.handed.insert((Atom::Bound(func, *class), rest | val.taint)) {
                let taint = val.taint | if matches!(atom, Atom::Class(_)) { rest } else { 0 };
                let object =
                    Val { taint, unknown: taint != 0, ..Val::atom(Atom::Instance(*class)) };
                self.call_method(frame, func, &object, &Args::loose(Val::plain(rest)));
            }
        }
        frame.guessed(before);
        frame.nesting -= 1;
    }

    /// Functions that are given to an object whose methods call them, such as a thread, are called
    /// with what else it is given.
    pub(super) fn call_kept(
        &mut self,
        frame: &mut Frame,
        class: ClassId,
        init: FuncId,
        args: &Args,
    ) {
        let is_code = |atom: &Atom| matches!(atom, Atom::Func(_) | Atom::Bound(..));
        if self.round < 2 || !args.all().atoms.iter().any(is_code) {
            return;
        }
        let program = Rc::clone(&self.program);
        let bound = bind(&program.funcs, init, &args.behind(Val::default()));
        let before = frame.guess();
        for at in self.deferred_params(class, init).iter() {
            let Some(val) = bound.get(*at).filter(|val| val.atoms.iter().any(is_code)) else {
                continue;
            };
            let others = bound.iter().filter(|other| *other != val);
            let rest = others.fold(0, |taint, other| taint | other.taint);
            self.call_handed_over(frame, val, rest);
        }
        frame.guessed(before);
    }
}

/// Notes that a variable may be of the classes that `isinstance` is given.
pub(super) fn narrow(frame: &mut Frame, exprs: &[Arg], args: &Args) {
    let ([Arg::At(Expr::Name(variable)), ..], [_, classes]) = (exprs, args.at.as_slice()) else {
        return;
    };
    let known = frame.narrowed.entry(*variable).or_default();
    for atom in &classes.atoms {
        if let Atom::Class(class) = atom
            && known.len() < NARROWED
            && !known.contains(class)
        {
            known.push(*class);
        }
    }
}
