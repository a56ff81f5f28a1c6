//! Calls of what is not in the sources: the table decides, and a few built-in functions are followed.

use super::effects::{DESER, FILE, FILE_READ, FILE_WRITE, IMPORT, INDIRECT, MUTATE, RESOLVE};
use super::flow::Frame;
use super::ir::Sym;
use super::machine::{Machine, Step};
use super::primitives::{Known, Through};
use super::value::{Args, Atom, Val};

impl Machine {
    pub fn call_external(&mut self, frame: &mut Frame, name: Sym, args: &Args) -> Val {
        let text = self.names.text(name).to_owned();
        match text.as_str() {
            "builtins.getattr" => return self.getattr(frame, name, args),
            "builtins.open" | "io.open" | "_io.open" | "codecs.open" => {
                return self.open(frame, name, args);
            }
            "builtins.__import__" | "importlib.import_module" | "importlib.__import__" => {
                if let Some(val) = self.import_constant(&text, args) {
                    return val;
                }
            }
            "functools.partial" | "functools.partialmethod" | "_functools.partial" => {
                return partial(args);
            }
            "operator.methodcaller" => return Val::unknown(args.taint()),
            "builtins.setattr" => return self.setattr(frame, name, args),
            "sys.modules.get" => {
                let taint = args.taint();
                return Val { imported: frame.imports(taint), ..Val::unknown(taint) };
            }
            "typing.cast" => return args.at.get(1).cloned().unwrap_or_default(),
            "builtins.type" if args.at.len() == 1 => return self.type_of(args),
            _ => {}
        }
        match self.primitives.find(&text).cloned() {
            Some(Known::Harmless) => Val {
                taint: args.taint(),
                unknown: args.taint() != 0,
                ..Val::atom(Atom::Made(name))
            },
            Some(Known::Makes(class)) => self.made_in_c(&class),
            Some(Known::Passes) => {
                let mut all = args.all();
                all.atoms.retain(|atom| !matches!(atom, Atom::Text(_)));
                all
            }
            Some(Known::Does(list)) => {
                let mut imported = false;
                for (effect, through) in list {
                    let val = chosen(&self.names_of(&through), &through, args);
                    if effect == INDIRECT {
                        self.call_handed(frame, &val, args, name);
                    } else if effect != DESER || !self.is_pickled_here(&val) {
                        frame.add(effect, val.taint, Step::External(name), 0);
                        imported |= effect == IMPORT && val.taint != 0;
                    }
                }
                let made = Val::atom(Atom::Made(name));
                Val { taint: args.taint(), unknown: true, imported, ..made }
            }
            None => {
                frame.unresolved(name);
                // Local functions that are handed to it are taken to be called.
                Val::unknown(args.taint())
            }
        }
    }

    /// Whether something is nothing but what `dumps` has just made: loading it again makes a copy.
    fn is_pickled_here(&self, val: &Val) -> bool {
        let dumped = |atom: &Atom| match atom {
            Atom::Made(name) => self.names.text(*name).ends_with(".dumps"),
            _ => false,
        };
        !val.atoms.is_empty() && val.atoms.iter().all(dumped)
    }

    /// An object of a class in Python that a function in C makes or finds.
    fn made_in_c(&mut self, class: &str) -> Val {
        let (module, class) = class.rsplit_once('.').unwrap_or(("", class));
        let (module, class) = (self.names.sym(module), self.names.sym(class));
        let found = self.import_from(module, class);
        let mut val = Val::default();
        for atom in found.atoms {
            if let Atom::Class(class) = atom {
                val.join(&Val::atom(Atom::Instance(class)));
            }
        }
        val
    }

    fn names_of(&mut self, through: &Through) -> Vec<Sym> {
        through.names.iter().map(|name| self.names.sym(name)).collect()
    }

    /// Calls what a function in C calls.
    fn call_handed(&mut self, frame: &mut Frame, val: &Val, args: &Args, name: Sym) {
        if val.unknown && val.taint != 0 {
            frame.add(INDIRECT, val.taint, Step::External(name), 0);
        }
        if val.atoms.iter().any(|atom| atom.is_callable()) {
            let taint = args.at.iter().chain(args.named.iter().map(|(_, val)| val));
            let taint = taint.filter(|other| *other != val).fold(0, |taint, val| taint | val.taint);
            let spread = args.spread.as_ref().map_or(0, |val| val.taint);
            self.call_handed_over(frame, val, taint | spread);
        } else if val.unknown && val.taint == 0 {
            frame.unresolved(name);
        }
    }

    /// `getattr(object, name)`: a constant name is an attribute, any other whatever it says.
    fn getattr(&mut self, frame: &mut Frame, callee: Sym, args: &Args) -> Val {
        let (Some(object), Some(name)) = (args.at.first(), args.at.get(1)) else {
            return Val::unknown(args.taint());
        };
        let mut result = args.at.get(2).cloned().unwrap_or_default();
        for atom in &name.atoms {
            if let Atom::Text(text) = atom {
                let val = self.attribute(frame, object, *text);
                result.join(&val);
            }
        }
        if name.unknown || name.taint != 0 {
            frame.add(RESOLVE, name.taint, Step::External(callee), 0);
            let taint = name.taint | object.taint;
            result.join(&Val { imported: object.imported, ..Val::unknown(taint) });
        }
        result.own = false;
        result
    }

    /// `setattr(object, name, value)` on an object of the function's own only fills it.
    fn setattr(&mut self, frame: &mut Frame, callee: Sym, args: &Args) -> Val {
        let [object, name, value] = args.at.as_slice() else { return Val::default() };
        if object.own {
            for atom in &name.atoms {
                if let Atom::Text(text) = atom {
                    frame.set_field(*text, value);
                }
            }
        } else if object.taint != 0 && name.taint != 0 {
            frame.add(MUTATE, object.taint | name.taint, Step::External(callee), 0);
        }
        Val::default()
    }

    /// `open(path, mode)` by its mode.
    fn open(&mut self, frame: &mut Frame, name: Sym, args: &Args) -> Val {
        let (file, mode) = (self.names.sym("file"), self.names.sym("mode"));
        let named =
            |wanted: Sym| args.named.iter().find(|(name, _)| *name == wanted).map(|(_, val)| val);
        let path = args.at.first().or_else(|| named(file)).or(args.spread.as_ref());
        let mode = args.at.get(1).or_else(|| named(mode));
        let effect = match mode {
            None if args.spread.is_none() => FILE_READ,
            None => FILE,
            Some(mode) => {
                let texts = mode.atoms.iter().filter_map(|atom| match atom {
                    Atom::Text(text) => Some(self.names.text(*text)),
                    _ => None,
                });
                let texts: Vec<&str> = texts.collect();
                match (
                    texts.is_empty() || mode.unknown,
                    texts.iter().any(|text| text.contains(['w', 'a', 'x', '+'])),
                ) {
                    (_, true) => FILE_WRITE,
                    (true, false) => FILE,
                    (false, false) => FILE_READ,
                }
            }
        };
        let taint = path.map_or(0, |path| path.taint);
        frame.add(effect, taint, Step::External(name), 0);
        let made = self.names.sym("_io.TextIOWrapper");
        Val { taint: args.taint(), unknown: false, ..Val::atom(Atom::Made(made)) }
    }

    /// Importing a module by a constant name is an import statement.
    fn import_constant(&mut self, callee: &str, args: &Args) -> Option<Val> {
        let first = args.at.first()?;
        if first.taint != 0 || first.unknown {
            return None;
        }
        let mut val = Val::default();
        for atom in &first.atoms {
            if let Atom::Text(text) = atom {
                let whole = self.names.text(*text).to_owned();
                // `__import__('a.b')` gives `a`.
                let head = whole.split('.').next().unwrap_or(&whole);
                let name = if callee == "importlib.import_module" { whole.as_str() } else { head };
                let name = self.names.sym(name);
                let module = self.import(name);
                val.join(&module);
            }
        }
        Some(val)
    }

    /// `type(x)`
    fn type_of(&mut self, args: &Args) -> Val {
        let mut val = Val::default();
        for first in &args.at {
            val.unknown = first.unknown;
            val.taint = first.taint;
            for atom in &first.atoms {
                let class = match atom {
                    Atom::Instance(class) => Atom::Class(*class),
                    Atom::Made(name) => Atom::External(*name),
                    Atom::Func(_) => Atom::External(self.names.sym("types.FunctionType")),
                    Atom::Module(_) => Atom::External(self.names.sym("types.ModuleType")),
                    _ => continue,
                };
                val.join(&Val::atom(class));
            }
        }
        // The class of an argument is not an argument that somebody chose to be called.
        if !val.atoms.is_empty() {
            val.unknown = false;
        }
        val
    }
}

/// `partial(function, …)`: the function, whose arguments are no longer told apart.
fn partial(args: &Args) -> Val {
    let Some(first) = args.at.first() else { return Val::unknown(args.taint()) };
    let taint = args.taint();
    let mut val = Val { taint, unknown: first.unknown, ..Val::default() };
    for atom in &first.atoms {
        let atom = match atom {
            Atom::Func(func) => Atom::Partial(*func),
            other => *other,
        };
        val.join(&Val::atom(atom));
    }
    val
}

/// The arguments that decide.
fn chosen(names: &[Sym], through: &Through, args: &Args) -> Val {
    if through.all {
        return args.all();
    }
    let mut val = Val::default();
    for place in &through.places {
        if let Some(given) = args.at.get(*place) {
            val.join(given);
        }
    }
    for (name, given) in &args.named {
        if names.contains(name) {
            val.join(given);
        }
    }
    if let Some(spread) = &args.spread
        && !(through.places.is_empty() && through.names.is_empty())
    {
        val.join(spread);
    }
    val.own = false;
    val
}
