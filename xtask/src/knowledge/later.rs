//! What a call leaves behind that does harm later: objects whose methods call, run or open what the
//! constructor was given, and functions that were made around an argument.

use super::effects::{self, CARRIER, DEFERRED, Effect, INDIRECT, INTROSPECT};
use super::emit::{Verdict, clean};
use super::ir::{ClassId, FuncId, Sym};
use super::machine::{ALWAYS, Base, Extra, FIELDS, Machine, NO_CLASS, Summary};
use super::primitives::Known;
use super::value::{Atom, Val};
use std::rc::Rc;

/// Methods make a class a carrier of what they do within this many steps.
const CARRIED: u16 = 6;

/// Something that happens later: the effect, the steps to it, and the function that has it.
type Later = (Effect, u16, FuncId);

impl Machine {
    /// The worse of two verdicts; the other one has to be such that a file keeps it.
    pub fn weigh(&self, one: Verdict, other: Option<Verdict>) -> Verdict {
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Does { effect, through, steps, .. } => {
                (!effects::is_kept(self.standard, *effect, *steps, through), *effect)
            }
            _ => (true, Effect::MAX),
        };
        match other {
            Some(other) if !rank(&other).0 && rank(&other) < rank(&one) => other,
            _ => one,
        }
    }

    /// Methods of a class with what they do for its objects, those of the class itself first.
    fn methods(&mut self, class: ClassId) -> Vec<(FuncId, Rc<Summary>)> {
        let order = self.order(class);
        let mut seen: Vec<Sym> = Vec::new();
        let mut found = Vec::new();
        for base in order.iter() {
            let Base::Class(above) = base else { continue };
            let Some(vars) = self.class_vars.get(*above as usize) else { continue };
            let methods = vars.iter().filter_map(|(name, val)| match val.atoms.as_slice() {
                [Atom::Func(func)] => Some((*name, *func)),
                _ => None,
            });
            let mut methods: Vec<(Sym, FuncId)> = methods.collect();
            methods.sort_unstable();
            for (name, func) in methods {
                if !seen.contains(&name) {
                    seen.push(name);
                    let unit = self.unit(func, class);
                    found.push((func, self.summary(unit, unit)));
                }
            }
        }
        found
    }

    /// A method that does harm by itself or nearly so, whatever making the object does; methods in C
    /// count as what the table says.
    pub fn carried(&mut self, class: ClassId) -> Option<Verdict> {
        let standard = self.standard;
        let methods = self.methods(class);
        let given = |source: u8| source != ALWAYS && source != 0 && source < FIELDS;
        let program = Rc::clone(&self.program);
        let package = |class: ClassId| {
            let module = program.classes.get(class as usize).map(|it| it.module)?;
            let name = self.names.text(program.modules.get(module as usize)?.name);
            Some(name.rsplit_once('.').map_or(name, |(package, _)| package))
        };
        // In libraries with classes by the thousand, a method that all inherit is told with its own.
        let is_near = |func: &FuncId| {
            let owner = program.funcs.get(*func as usize).and_then(|code| code.class);
            standard || owner.and_then(package) == package(class)
        };
        let worst = methods.iter().filter(|(func, _)| is_near(func)).flat_map(|(func, summary)| {
            let does = summary.effects.iter().filter(move |((effect, source), via)| {
                given(*source) && via.length <= CARRIED && effects::makes_carrier(standard, *effect)
            });
            does.map(|((effect, _), via)| (*effect, via.length, *func))
        });
        let worst: Option<Later> = worst.min();
        let Some((_, length, func)) = worst else { return self.carried_in_c(class) };
        Some(Verdict::Does {
            effect: CARRIER,
            through: self.short_name(func),
            via: clean(&self.func_name(func)),
            steps: length.saturating_add(1),
        })
    }

    fn carried_in_c(&mut self, class: ClassId) -> Option<Verdict> {
        let order = self.order(class);
        for base in order.iter() {
            let Base::External(name) = base else { continue };
            for method in self.primitives.below(self.names.text(*name)) {
                let Some(Known::Does(list)) = self.primitives.exact(&method) else { continue };
                if list.iter().any(|(effect, _)| effects::is_carried(*effect)) {
                    let through = method.rsplit('.').next().unwrap_or_default().to_owned();
                    return Some(Verdict::Does { effect: CARRIER, through, via: method, steps: 1 });
                }
            }
        }
        None
    }

    /// What methods do with what the constructor stored.
    pub fn stored(&mut self, class: ClassId) -> Option<Verdict> {
        let init = self.names.sym("__init__");
        let maker = self.method(class, init)?;
        let unit = self.unit(maker, class);
        let made = self.summary(unit, unit);
        self.kept_for_later(maker, class, &made)
    }

    /// The parameters of a constructor that methods of its class call.
    pub fn deferred_params(&mut self, class: ClassId, init: FuncId) -> Rc<[usize]> {
        if let Some(known) = self.deferring.get(&class) {
            return Rc::clone(known);
        }
        // Methods that make objects of the same class end here.
        self.deferring.insert(class, Rc::new([]));
        let unit = self.unit(init, class);
        let made = self.summary(unit, unit);
        let mut given = 0;
        for (func, summary) in self.methods(class) {
            let called = summary.effects.iter().filter(|((effect, _), via)| {
                *effect == INDIRECT && func != init && via.length <= effects::STEPS_TO_KEEP
            });
            for ((_, source), _) in called {
                if let Some(Extra::Field(field)) = extra(&summary, *source) {
                    given |= made.fields.get(&field).map_or(0, |val| val.taint);
                }
            }
        }
        let params: Rc<[usize]> =
            (1..usize::from(FIELDS)).filter(|at| given & (1 << at) != 0).collect();
        self.deferring.insert(class, Rc::clone(&params));
        params
    }

    /// What other methods of its class do with what a method stores in its object.
    pub fn kept_for_later(
        &mut self,
        maker: FuncId,
        class: ClassId,
        made: &Summary,
    ) -> Option<Verdict> {
        let stores = |val: &Val| val.taint & PARAMS & !1 != 0;
        if !made.fields.values().any(stores) {
            return None;
        }
        let mut worst: Option<(Later, u64)> = None;
        for (func, summary) in self.methods(class) {
            if func != maker {
                let given = |extra| match extra {
                    Extra::Field(field) => made.fields.get(&field).map_or(0, |val| val.taint) & !1,
                    Extra::Captured(_) => 0,
                };
                self.note_later(&mut worst, (func, &summary), false, given);
            }
        }
        self.told_later(worst?, maker)
    }

    /// What functions and classes do that a function makes around its arguments and hands out.
    pub fn handed_out(&mut self, func: FuncId, summary: &Summary) -> Option<Verdict> {
        let program = Rc::clone(&self.program);
        let mut inner: Vec<(FuncId, Rc<Summary>)> = Vec::new();
        for atom in &summary.result.atoms {
            match atom {
                Atom::Func(made) | Atom::Partial(made) => {
                    let unit = self.unit(*made, NO_CLASS);
                    inner.push((*made, self.summary(unit, unit)));
                }
                Atom::Class(class) | Atom::Instance(class) => inner.extend(self.methods(*class)),
                _ => {}
            }
        }
        let mut worst: Option<(Later, u64)> = None;
        let object = summary.result.atoms.iter().any(|atom| matches!(atom, Atom::Instance(_)));
        let kept = if object { summary.result.taint } else { 0 };
        for (made, does) in inner {
            let around = program.funcs.get(made as usize).and_then(|code| code.parent);
            // What other functions of a large library made is theirs to answer for: nearly everything
            // there passes through some wrapper.
            if !self.standard && around != Some(func) {
                continue;
            }
            // Of a function deeper inside, only what all of it is made from is known.
            let all = around.map_or(0, |_| summary.result.taint);
            let env = self.envs.get(&func).filter(|_| around == Some(func)).cloned();
            let given = |extra| match (extra, &env) {
                (Extra::Captured(name), Some(env)) => env.get(&name).map_or(0, |val| val.taint),
                (Extra::Captured(_), None) => all,
                (Extra::Field(_), _) => kept,
            };
            self.note_later(&mut worst, (made, &does), object, given);
        }
        match worst {
            Some(worst) => self.told_later(worst, func),
            None => self.handed_out_in_c(summary),
        }
    }

    /// What the table says about the ancestor in C of a class that a function makes and hands out, and
    /// of frames that it hands out.
    fn handed_out_in_c(&mut self, summary: &Summary) -> Option<Verdict> {
        for atom in &summary.result.atoms {
            let (name, effect) = match atom {
                Atom::Class(class) => {
                    let order = self.order(*class);
                    let native = order.iter().find_map(|base| match base {
                        Base::External(name) if self.does(*name, effects::is_carried) => {
                            Some(*name)
                        }
                        _ => None,
                    });
                    let Some(name) = native else { continue };
                    (name, CARRIER)
                }
                Atom::Made(name) if self.does(*name, |effect| effect == INTROSPECT) => {
                    (*name, INTROSPECT)
                }
                _ => continue,
            };
            let via = self.names.text(name).to_owned();
            return Some(Verdict::Does { effect, through: String::new(), via, steps: 1 });
        }
        None
    }

    /// Whether the table says that a function has an effect of a kind.
    fn does(&self, name: Sym, kind: impl Fn(Effect) -> bool) -> bool {
        match self.primitives.exact(self.names.text(name)) {
            Some(Known::Does(list)) => list.iter().any(|(effect, _)| kind(*effect)),
            _ => false,
        }
    }

    /// Keeps the worst that a function does with what it was left; `object` where it is a method of an
    /// object that somebody hands out.
    fn note_later(
        &self,
        worst: &mut Option<(Later, u64)>,
        (func, summary): (FuncId, &Summary),
        object: bool,
        given: impl Fn(Extra) -> u64,
    ) {
        for ((effect, source), via) in &summary.effects {
            let Some(extra) = extra(summary, *source) else { continue };
            let params = given(extra) & PARAMS;
            // Libraries keep in fields what configures them, and seldom call it as it came.
            let captured = matches!(extra, Extra::Captured(_));
            let told = (self.standard && !object) || captured || *effect != INDIRECT;
            if let Some(effect) = self.later(*effect)
                && told
                && params != 0
                && via.length <= CARRIED
                && (effect != DEFERRED || via.length <= effects::STEPS_TO_KEEP)
            {
                let found = ((effect, via.length, func), params);
                *worst = Some(worst.map_or(found, |old| old.min(found)));
            }
        }
    }

    /// What it is called that something has this effect later.
    fn later(&self, effect: Effect) -> Option<Effect> {
        match effect {
            INDIRECT => Some(DEFERRED),
            effect if effects::makes_carrier(self.standard, effect) => Some(CARRIER),
            _ => None,
        }
    }

    fn told_later(&self, found: (Later, u64), maker: FuncId) -> Option<Verdict> {
        let ((effect, steps, func), given) = found;
        let params = &self.program.funcs.get(maker as usize)?.params;
        let named = params.iter().enumerate().filter(|(at, _)| given & (1 << at) != 0);
        let names: Vec<&str> =
            named.map(|(_, param)| self.names.text(param.name)).take(4).collect();
        let through = if names.is_empty() { "*".to_owned() } else { names.join(",") };
        Some(Verdict::Does { effect, through, via: clean(&self.func_name(func)), steps })
    }

    fn short_name(&self, func: FuncId) -> String {
        let func = self.program.funcs.get(func as usize);
        func.map_or_else(String::new, |func| self.names.text(func.name).to_owned())
    }
}

/// The sources that are parameters.
const PARAMS: u64 = (1 << FIELDS) - 1;

fn extra(summary: &Summary, source: u8) -> Option<Extra> {
    if source < FIELDS || source == ALWAYS {
        return None;
    }
    summary.extras.get(usize::from(source - FIELDS)).copied()
}
