//! What a call does: the effects of the callee, in terms of the caller's own sources.

use super::effects::INDIRECT;
use super::flow::{Frame, param_bit};
use super::handed::narrow;
use super::ir::{Binding, Call, ClassId, Expr, Func, FuncId, ParamKind, Sym};
use super::machine::{ALWAYS, Base, Extra, FIELDS, Machine, NO_CLASS, Source, Step, UnitId};
use super::primitives::Known;
use super::value::{Args, Atom, Val};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Methods that put what they are given into their object.
const KEEPS: &[&str] = &[
    "add",
    "append",
    "appendleft",
    "extend",
    "extendleft",
    "insert",
    "put",
    "push",
    "register",
    "setdefault",
    "update",
    "__setitem__",
    "write",
    "put_nowait",
];

/// Functions that are handed to functions that are handed on: followed this deep.
pub(super) const NESTING: u8 = 3;

/// Properties that ask for other properties: followed this deep.
const ASKING: u8 = 3;

/// A field into which more functions than this are put is anybody's.
const HELD: usize = 4;

impl Machine {
    pub fn call(&mut self, frame: &mut Frame, call: &Call) -> Val {
        let args = self.args(frame, &call.args);
        match &call.callee {
            Expr::Name(name) if self.is_super(frame, *name) => self.super_object(frame, &args),
            Expr::Attribute(object, name) => {
                let object_val = self.eval(frame, object);
                let callee = self.attribute(frame, &object_val, *name);
                if KEEPS.contains(&self.names.text(*name)) && !object_val.own {
                    let all = args.all();
                    self.mix_into(frame, object, &all);
                }
                if let Expr::Name(variable) = &**object {
                    self.call_narrowed(frame, *variable, &object_val, *name, &args);
                }
                let held = self.handed_back(&object_val, *name);
                self.note_filled(frame, object, &object_val, *name, &args);
                self.call_attribute(frame, &object_val, *name, &callee, &args).with(&held)
            }
            Expr::Name(name) if self.names.text(*name) == "isinstance" => {
                narrow(frame, &call.args, &args);
                Val::default()
            }
            callee => {
                let callee = self.eval(frame, callee);
                self.call_value(frame, &callee, &args)
            }
        }
    }

    fn is_super(&self, frame: &Frame, name: Sym) -> bool {
        self.names.text(name) == "super" && !frame.env.contains_key(&name)
    }

    fn super_object(&mut self, frame: &Frame, args: &Args) -> Val {
        let named = args.at.first().and_then(|val| {
            val.atoms.iter().find_map(|atom| match atom {
                Atom::Class(class) => Some(*class),
                _ => None,
            })
        });
        let mut around = Some(frame.func);
        let mut behind = named;
        while let (None, Some(id)) = (behind, around) {
            let func = self.program.funcs.get(id as usize);
            behind = func.and_then(|func| func.class);
            around = func.and_then(|func| func.parent);
        }
        behind.map_or_else(|| Val::unknown(0), |class| Val::atom(Atom::Super(class)))
    }

    /// A method call. Of an object that nobody knows, only the name of the method is known.
    fn call_attribute(
        &mut self,
        frame: &mut Frame,
        object: &Val,
        name: Sym,
        callee: &Val,
        args: &Args,
    ) -> Val {
        let known = Val { unknown: false, ..callee.clone() };
        let mut result = self.call_atoms(frame, &known, args);
        if !self.primitives.method_is_harmless(self.names.text(name)) {
            self.call_imported(frame, callee);
        }
        self.call_heirs(frame, callee, name, args);
        if !callee.unknown {
            // A method of a text or of another constant computes on what it is given.
            let plain = object.atoms.iter().all(|atom| matches!(atom, Atom::Text(_)));
            if plain && callee.atoms.is_empty() {
                result.join(&Val::plain(object.taint | args.taint()));
            }
            return result;
        }
        // A field of the object that holds something to call.
        if object.own && callee.taint != 0 && callee.taint != object.taint {
            frame.add(INDIRECT, callee.taint, Step::External(name), 0);
            result.join(&Val::unknown(callee.taint | args.taint()));
            return result;
        }
        let found = self.call_method_of_unknown(frame, object, name, args);
        result.join(&found);
        result
    }

    fn call_method_of_unknown(
        &mut self,
        frame: &mut Frame,
        object: &Val,
        name: Sym,
        args: &Args,
    ) -> Val {
        let all = args.all();
        if matches!(self.names.text(name), "__call__" | "__new__") {
            frame.add(INDIRECT, object.taint, Step::External(name), 0);
        }
        if let Some(effect) = self.primitives.method_does(self.names.text(name)) {
            frame.add(effect, object.taint | all.taint, Step::External(name), 0);
        }
        if object.taint != 0 {
            frame.summary.asked |= object.taint;
            frame.ask(object.taint, name);
        } else if !self.primitives.method_is_harmless(self.names.text(name)) {
            frame.unresolved(name);
        }
        // What is defined here and handed to something unknown is taken to be called there.
        for atom in &all.atoms {
            if let Atom::Func(func) = atom {
                let is_nested = self
                    .program
                    .funcs
                    .get(*func as usize)
                    .is_some_and(|f| f.parent == Some(frame.func));
                if is_nested {
                    self.call_handed_over(frame, &Val::atom(*atom), object.taint | all.taint);
                }
            }
        }
        Val::unknown(object.taint | all.taint)
    }

    /// A call of a value.
    pub fn call_value(&mut self, frame: &mut Frame, callee: &Val, args: &Args) -> Val {
        let mut result = self.call_atoms(frame, callee, args);
        self.call_imported(frame, callee);
        if callee.is_nothing() {
            return Val::plain(args.taint());
        }
        if callee.unknown {
            if callee.method && callee.taint != 0 {
                frame.summary.asked |= callee.taint;
            } else if callee.taint == 0 {
                let what = self.names.sym("a value that is not known");
                frame.unresolved(what);
            } else {
                let what = self.names.sym("calls it");
                frame.add(INDIRECT, callee.taint, Step::External(what), 0);
            }
            result.join(&Val::unknown(callee.taint | args.taint()));
        }
        result
    }

    pub(super) fn call_atoms(&mut self, frame: &mut Frame, callee: &Val, args: &Args) -> Val {
        let mut result = Val::default();
        for atom in &callee.atoms {
            let val = match atom {
                Atom::Func(func) => self.call_func(frame, *func, callee, args),
                Atom::Partial(func) => {
                    let all = args.all().tainted(callee.taint);
                    self.call_func(frame, *func, callee, &Args::loose(all))
                }
                Atom::Bound(func, class) => {
                    let binding = self.program.funcs.get(*func as usize).map(|func| func.binding);
                    let receiver = match binding {
                        Some(Binding::Class) => Val::atom(Atom::Class(*class)),
                        _ => Val {
                            atoms: vec![Atom::Instance(*class)],
                            taint: if callee.own { 1 } else { callee.taint },
                            unknown: callee.taint != 0,
                            own: callee.own,
                            ..Val::default()
                        },
                    };
                    self.call_method(frame, *func, &receiver, args)
                }
                Atom::Class(class) => self.construct(frame, *class, args),
                Atom::Instance(class) => {
                    let name = self.names.sym("__call__");
                    match self.method(*class, name) {
                        Some(func) => {
                            let object = Val { atoms: vec![*atom], ..callee.clone() };
                            self.call_method(frame, func, &object, args)
                        }
                        None => continue,
                    }
                }
                Atom::External(name) => self.call_external(frame, *name, args),
                Atom::MadeMethod(name) => {
                    let receiver = Val { own: callee.own, ..Val::unknown(callee.taint) };
                    self.call_made(frame, *name, receiver, args)
                }
                Atom::Made(name) => {
                    let dotted = format!("{}.__call__", self.names.text(*name));
                    let name = self.names.sym(&dotted);
                    let receiver = Val::unknown(callee.taint);
                    self.call_made(frame, name, receiver, args)
                }
                Atom::Module(_) | Atom::Super(_) | Atom::Text(_) => continue,
            };
            result.join(&val);
        }
        result
    }

    /// The name under which the hand-written table speaks of a function. That it is harmless is said
    /// for those who call it from elsewhere: within its own module the code speaks.
    fn told_of(&self, frame: &Frame, func: FuncId) -> Option<Sym> {
        let name = *self.reviewed_funcs.get(&func)?;
        let within = self.program.funcs.get(func as usize)?.module == frame.module;
        let harmful = matches!(self.primitives.find(self.names.text(name)), Some(Known::Does(_)));
        (harmful || !within).then_some(name)
    }

    /// A call of a function by its own name; of a method, with its object as the first argument.
    fn call_func(&mut self, frame: &mut Frame, func: FuncId, callee: &Val, args: &Args) -> Val {
        let program = Rc::clone(&self.program);
        let Some(code) = program.funcs.get(func as usize) else { return Val::default() };
        if let Some(name) = self.told_of(frame, func) {
            return self.call_external(frame, name, args);
        }
        let class = match (code.class, args.at.first()) {
            (Some(class), Some(first)) if code.binding == Binding::Plain => {
                let instance = first.atoms.iter().find_map(|atom| match atom {
                    Atom::Instance(below) => Some(*below),
                    _ => None,
                });
                instance
                    .filter(|below| self.order(*below).contains(&Base::Class(class)))
                    .unwrap_or(class)
            }
            (Some(class), Some(first)) if self.names.text(code.name) == "__new__" => {
                let made = first.atoms.iter().find_map(|atom| match atom {
                    Atom::Class(below) => Some(*below),
                    _ => None,
                });
                made.unwrap_or(class)
            }
            (class, _) => class.unwrap_or(NO_CLASS),
        };
        let bound = bind(&program.funcs, func, args);
        let receiver = if code.class.is_some() { bound.first().cloned() } else { None };
        self.apply(frame, func, class, &bound, receiver, callee.taint)
    }

    /// A call of a method with its object.
    pub fn call_method(
        &mut self,
        frame: &mut Frame,
        func: FuncId,
        object: &Val,
        args: &Args,
    ) -> Val {
        let program = Rc::clone(&self.program);
        if let Some(name) = self.told_of(frame, func) {
            return self.call_external(frame, name, &args.behind(object.clone()));
        }
        let class = object.atoms.iter().find_map(|atom| match atom {
            Atom::Instance(class) | Atom::Class(class) => Some(*class),
            _ => None,
        });
        let own_class = program.funcs.get(func as usize).and_then(|code| code.class);
        // A function stored in a class under another name has no class of its own.
        let class = own_class.and(class).or(own_class).unwrap_or(NO_CLASS);
        let bound = bind(&program.funcs, func, &args.behind(object.clone()));
        self.apply(frame, func, class, &bound, Some(object.clone()), 0)
    }

    pub fn construct(&mut self, frame: &mut Frame, class: ClassId, args: &Args) -> Val {
        let (new, init) = (self.names.sym("__new__"), self.names.sym("__init__"));
        if let Some(&name) = self.reviewed_classes.get(&class) {
            self.call_external(frame, name, args);
            return Val { taint: args.taint(), ..Val::atom(Atom::Instance(class)) };
        }
        let mut made =
            Val { atoms: vec![Atom::Instance(class)], taint: args.taint(), ..Val::default() };
        let mut python = false;
        if let Some(func) = self.method(class, new) {
            python = true;
            let with = args.behind(Val::atom(Atom::Class(class)));
            let result = self.call_func(frame, func, &Val::default(), &with);
            // What `__new__` makes of another class.
            made.join(&Val { taint: 0, own: false, unknown: false, ..result });
        }
        if let Some(func) = self.method(class, init) {
            python = true;
            let object = Val::atom(Atom::Instance(class));
            self.call_method(frame, func, &object, args);
            self.fill_fields(frame, class, func, args);
            self.call_kept(frame, class, func, args);
        } else if self.program.classes.get(class as usize).is_some_and(|class| class.is_dataclass) {
            python = true;
            let post = self.names.sym("__post_init__");
            if let Some(func) = self.method(class, post) {
                let object = made.clone();
                self.call_method(frame, func, &object, &Args::default());
            }
        }
        let order = self.order(class);
        for base in order.iter() {
            match base {
                Base::External(name) if !python => {
                    self.call_external(frame, *name, args);
                    break;
                }
                Base::Unknown if !python => {
                    let what = self.names.sym("a base class that is not known");
                    frame.unresolved(what);
                    break;
                }
                _ => {}
            }
        }
        made
    }

    /// Functions and classes that a constructor is given are what its fields hold.
    fn fill_fields(&mut self, frame: &mut Frame, class: ClassId, init: FuncId, args: &Args) {
        if !args.all().atoms.iter().any(|atom| matches!(atom, Atom::Func(_) | Atom::Class(_))) {
            return;
        }
        let program = Rc::clone(&self.program);
        let unit = self.unit(init, class);
        let summary = self.summary(unit, frame.unit);
        let bound = bind(&program.funcs, init, &args.behind(Val::default()));
        for (name, val) in &summary.fields {
            for (at, given) in bound.iter().enumerate() {
                if val.taint & param_bit(at) == 0 || at + 1 >= usize::from(FIELDS) {
                    continue;
                }
                let held = self.held.entry((class, *name)).or_insert_with(|| Some(Val::default()));
                let Some(kept) = held else { continue };
                for atom in
                    given.atoms.iter().filter(|a| matches!(a, Atom::Func(_) | Atom::Class(_)))
                {
                    kept.join(&Val::atom(*atom));
                }
                if kept.atoms.len() > HELD {
                    *held = None;
                }
            }
        }
    }

    /// Adds what a function does with these arguments to what the frame does.
    fn apply(
        &mut self,
        frame: &mut Frame,
        func: FuncId,
        class: ClassId,
        bound: &[Val],
        receiver: Option<Val>,
        closure: u64,
    ) -> Val {
        let unit = self.unit(func, class);
        let summary = self.summary(unit, frame.unit);
        let program = Rc::clone(&self.program);
        let inside =
            program.funcs.get(func as usize).is_some_and(|code| code.parent == Some(frame.func));
        let mut given = Given {
            bound,
            receiver: receiver.as_ref(),
            class,
            closure,
            inside,
            extras: &summary.extras,
            memo: Vec::new(),
        };
        for ((effect, source), via) in &summary.effects {
            let step = Step::Unit(unit);
            if *source == ALWAYS {
                frame.note(*effect, ALWAYS, step, via.length);
                continue;
            }
            let val = self.given(frame, &mut given, *source);
            if *effect == INDIRECT {
                self.call_given(frame, &val, bound, step, via.length);
            } else {
                frame.add(*effect, val.taint, step, via.length);
            }
        }
        if summary.unresolved.is_some() {
            let name = self.unit_name(unit);
            let name = self.names.sym(&name);
            frame.unresolved(name);
        }
        let asked = self.map(frame, &mut given, summary.asked);
        frame.summary.asked |= asked;
        for (source, name) in &summary.methods {
            let val = self.given(frame, &mut given, *source);
            self.call_asked(frame, &val, *name, bound);
        }
        if receiver.as_ref().is_some_and(|receiver| receiver.own) {
            for (name, val) in &summary.fields {
                let taint = self.map(frame, &mut given, val.taint);
                let mut kept = Val { taint, own: false, ..val.clone() };
                self.pass_on(frame, &mut given, val, &mut kept);
                frame.set_field(*name, &kept);
            }
        }
        self.register_given(frame, &mut given, &summary.registers);
        let taint = self.map(frame, &mut given, summary.result.taint);
        let mut result = Val { taint, own: false, ..summary.result.clone() };
        if summary.result.own
            && let Some(receiver) = &receiver
        {
            result.join(receiver);
        }
        // What passes its arguments on passes the functions among them on, too.
        if summary.result.taint != 0 && summary.result.unknown {
            self.pass_on(frame, &mut given, &summary.result, &mut result);
        }
        result
    }

    /// Calls what was given as the argument that a function calls.
    fn call_given(&mut self, frame: &mut Frame, val: &Val, bound: &[Val], step: Step, length: u16) {
        self.call_imported(frame, val);
        if val.taint != 0 && val.unknown {
            frame.add(INDIRECT, val.taint, step, length);
        }
        if val.atoms.iter().any(|atom| atom.is_callable()) {
            let others = bound.iter().filter(|other| *other != val);
            let rest = others.fold(0, |taint, other| taint | other.taint);
            self.call_handed_over(frame, val, rest);
        } else if val.unknown && val.taint == 0 {
            let what = self.names.sym("calls a value that is not known");
            frame.unresolved(what);
        }
    }

    /// Puts into the class what its method was given for a container of it.
    fn register_given(
        &mut self,
        frame: &mut Frame,
        given: &mut Given,
        registers: &BTreeMap<Sym, Val>,
    ) {
        let Some(receiver) = given.receiver.filter(|_| !registers.is_empty()) else { return };
        for (name, from) in registers {
            let mut val = Val::default();
            self.pass_on(frame, given, from, &mut val);
            for atom in &receiver.atoms {
                if let Atom::Class(class) | Atom::Instance(class) = atom {
                    self.put_into_class(*class, *name, &val);
                }
            }
        }
    }

    /// Calls known things that were handed to somebody who calls them with what nobody can tell.
    pub fn call_handed_over(&mut self, frame: &mut Frame, val: &Val, rest: u64) {
        if frame.nesting >= NESTING {
            return;
        }
        frame.nesting += 1;
        for atom in &val.atoms {
            if atom.is_callable() && frame.handed.insert((*atom, rest)) {
                let callee = Val { taint: val.taint, ..Val::atom(*atom) };
                self.call_atoms(frame, &callee, &Args::loose(Val::plain(rest)));
            }
        }
        frame.nesting -= 1;
    }

    fn pass_on(&mut self, frame: &mut Frame, given: &mut Given, from: &Val, result: &mut Val) {
        for source in 0..64_u8 {
            if from.taint & (1 << source) != 0 {
                let val = self.given(frame, given, source);
                for atom in val.atoms.iter().filter(|atom| !matches!(atom, Atom::Text(_))) {
                    result.join(&Val::atom(*atom));
                }
            }
        }
    }

    fn map(&mut self, frame: &mut Frame, given: &mut Given, taint: u64) -> u64 {
        let mut mapped = 0;
        for source in 0..64_u8 {
            if taint & (1 << source) != 0 {
                mapped |= self.given(frame, given, source).taint;
            }
        }
        mapped
    }

    /// What the caller hands over as a source of the callee.
    fn given(&mut self, frame: &mut Frame, given: &mut Given, source: Source) -> Val {
        if let Some((_, val)) = given.memo.iter().find(|(there, _)| *there == source) {
            return val.clone();
        }
        let val = self.given_now(frame, given, source);
        given.memo.push((source, val.clone()));
        val
    }

    fn given_now(&mut self, frame: &mut Frame, given: &Given, source: Source) -> Val {
        if source < FIELDS {
            let at = usize::from(source);
            if at + 1 == usize::from(FIELDS) {
                let mut rest = Val::default();
                given.bound.iter().skip(at).for_each(|val| {
                    rest.join(val);
                });
                return rest;
            }
            return given.bound.get(at).cloned().unwrap_or_default();
        }
        let extra = given.extras.get(usize::from(source - FIELDS)).copied();
        match (extra, given.receiver) {
            (Some(Extra::Captured(name)), _) if given.inside => {
                frame.env.get(&name).cloned().unwrap_or_default()
            }
            (Some(Extra::Captured(name)), _) => {
                // A function deeper inside: its variables may be those of one around this one.
                let mut val = self.outer_name(frame, name);
                val.taint = given.closure | (val.taint & frame_extras(frame));
                val.unknown = val.taint != 0;
                val.atoms.retain(|atom| !matches!(atom, Atom::External(_)));
                val
            }
            (Some(Extra::Field(name)), Some(receiver)) if receiver.own => {
                // Properties may ask for each other without an end.
                if frame.asking >= ASKING {
                    return Val::unknown(frame.extra(Extra::Field(name)));
                }
                frame.asking += 1;
                let own = receiver.clone();
                let val = self.attribute(frame, &own, name);
                frame.asking -= 1;
                val
            }
            (Some(Extra::Field(name)), Some(receiver)) => {
                let field =
                    if given.class == NO_CLASS { None } else { self.field(given.class, name) };
                match field {
                    Some(field) if field.taint == 0 && !receiver.unknown => {
                        Val { own: false, ..field }
                    }
                    Some(field) => Val {
                        taint: receiver.taint,
                        unknown: field.unknown && receiver.taint != 0,
                        atoms: field.atoms,
                        imported: field.imported,
                        ..Val::default()
                    },
                    None => Val::plain(receiver.taint),
                }
            }
            _ => Val::plain(given.bound.iter().fold(0, |taint, val| taint | val.taint)),
        }
    }

    pub fn unit_name(&self, unit: UnitId) -> String {
        let Some(unit) = self.units.get(unit as usize) else { return String::new() };
        self.func_name(unit.func)
    }

    /// A call of a method of an object that C made.
    fn call_made(&mut self, frame: &mut Frame, name: Sym, receiver: Val, args: &Args) -> Val {
        let text = self.names.text(name).to_owned();
        let args = args.behind(receiver);
        if self.primitives.exact(&text).is_some() {
            return self.call_external(frame, name, &args);
        }
        let (maker, method) = text.rsplit_once('.').unwrap_or(("", &text));
        let known =
            self.primitives.find(maker).is_some() || self.primitives.method_is_harmless(method);
        if !known && !is_plain_hook(method) {
            frame.unresolved(name);
        }
        Val::unknown(args.taint())
    }

    /// A name for messages of an effect's next step.
    pub fn step_name(&self, step: Step) -> String {
        match step {
            Step::External(name) => self.names.text(name).to_owned(),
            Step::Unit(unit) => self.unit_name(unit),
        }
    }
}

/// Special methods that only compute where C defines them.
fn is_plain_hook(method: &str) -> bool {
    matches!(
        method,
        "__init__"
            | "__new__"
            | "__init_subclass__"
            | "__setattr__"
            | "__getattribute__"
            | "__repr__"
            | "__str__"
            | "__eq__"
            | "__hash__"
            | "__dir__"
            | "__reduce__"
            | "__reduce_ex__"
            | "__setstate__"
            | "__getstate__"
            | "__setitem__"
            | "__getitem__"
            | "__iter__"
            | "__len__"
            | "__contains__"
            | "__enter__"
            | "__exit__"
            | "__next__"
            | "__delitem__"
            | "__delattr__"
    )
}

fn frame_extras(frame: &Frame) -> u64 {
    let count = frame.summary.extras.len().min(34);
    let mut mask = 0;
    for at in 0..count {
        mask |= 1_u64 << (usize::from(FIELDS) + at).min(63);
    }
    mask
}

/// What a caller hands over.
struct Given<'a> {
    bound: &'a [Val],
    receiver: Option<&'a Val>,
    class: ClassId,
    /// What the callee itself is made from, where it was handed around.
    closure: u64,
    /// Whether the callee stands in the caller and sees its variables.
    inside: bool,
    extras: &'a [Extra],
    memo: Vec<(Source, Val)>,
}

/// Arguments by parameter.
pub(super) fn bind(funcs: &[Func], func: FuncId, args: &Args) -> Vec<Val> {
    let Some(code) = funcs.get(func as usize) else { return Vec::new() };
    let mut bound = vec![Val::default(); code.params.len()];
    let mut given = vec![false; code.params.len()];
    let mut put = |at: usize, val: &Val| {
        if let (Some(slot), Some(given)) = (bound.get_mut(at), given.get_mut(at)) {
            slot.join(val);
            *given = true;
        }
    };
    let places: Vec<usize> = code
        .params
        .iter()
        .enumerate()
        .filter(|(_, param)| param.kind == ParamKind::Positional)
        .map(|(at, _)| at)
        .collect();
    let rest = code.params.iter().position(|param| param.kind == ParamKind::Rest);
    let keywords = code.params.iter().position(|param| param.kind == ParamKind::Keywords);
    for (nth, val) in args.at.iter().enumerate() {
        match (places.get(nth), rest) {
            (Some(&at), _) | (None, Some(at)) => put(at, val),
            (None, None) => {}
        }
    }
    for (name, val) in &args.named {
        let place = code.params.iter().position(|param| {
            param.name == *name && !matches!(param.kind, ParamKind::Rest | ParamKind::Keywords)
        });
        if let Some(at) = place.or(keywords) {
            put(at, val);
        }
    }
    if let Some(spread) = &args.spread {
        let taken = args.at.len();
        let mut spread = spread.clone();
        spread.own = false;
        for at in 0..code.params.len() {
            let is_given =
                places.iter().position(|place| *place == at).is_some_and(|nth| nth < taken);
            if !is_given {
                put(at, &spread);
            }
        }
    }
    bound
}
