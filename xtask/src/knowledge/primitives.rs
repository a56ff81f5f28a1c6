//! The hand-written table of what functions outside of the sources do: built-in functions, modules
//! in C, and a few in Python whose code hides what they do.

use super::effects::{self, Effect};
use super::ir::{HashMap, HashSet};

/// Which arguments decide about an effect.
#[derive(Clone, Debug, Default)]
pub struct Through {
    pub all: bool,
    pub places: Vec<usize>,
    pub names: Vec<String>,
}

impl Through {
    /// The words of the table.
    pub fn text(&self) -> String {
        if self.all {
            return "*".to_owned();
        }
        let places = self.places.iter().map(ToString::to_string);
        places.chain(self.names.iter().cloned()).collect::<Vec<_>>().join(",")
    }
}

/// What is known about one name.
#[derive(Clone, Debug)]
pub enum Known {
    /// Computes on its arguments.
    Harmless,
    /// Makes its arguments available as they are: `list`, `functools.wraps`.
    Passes,
    /// Makes an object of a class in Python: `asyncio.get_running_loop`.
    Makes(String),
    Does(Vec<(Effect, Through)>),
}

/// The table.
#[derive(Default)]
pub struct Primitives {
    rows: HashMap<String, Known>,
    /// Names and modules of the table itself, which stands above what the sources say.
    own: HashSet<String>,
    /// What methods of objects do of which nothing else is known; nothing where they only compute.
    methods: HashMap<String, Option<Effect>>,
}

impl Primitives {
    /// Reads the tables: `primitives` are rows of name, effect, arguments and source; `reviewed` are
    /// the rows of callables, of which only the harmless ones count; `methods` those of methods.
    pub fn parse(primitives: &str, reviewed: &str, methods: &str) -> Result<Self, String> {
        let mut table = Self::default();
        for line in reviewed.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split('\t');
            let (Some(name), Some(effect)) = (parts.next(), parts.next()) else { continue };
            // A wide row about built-in names would be one about every name that nobody defines.
            let wide = name.starts_with("builtins.") && name.contains('*');
            if matches!(effect, "data" | "data:ref" | "data:new") && !wide {
                table.rows.insert(name.to_owned(), Known::Harmless);
            }
        }
        for (at, line) in primitives.lines().enumerate().filter(|(_, line)| !line.starts_with('#'))
        {
            let parts = line.split('\t').collect::<Vec<_>>();
            let [name, effect, through, _source] = parts[..] else {
                return Err(format!("primitives, line {}: not four columns", at + 1));
            };
            let known = match effect {
                "data" => Known::Harmless,
                "data:same" => Known::Passes,
                "data:makes" => Known::Makes(through.to_owned()),
                _ => {
                    let effect = effects::effect(effect)
                        .ok_or_else(|| format!("primitives, line {}: `{effect}`", at + 1))?;
                    Known::Does(vec![(effect, through_of(through))])
                }
            };
            table.own.insert(name.to_owned());
            match (table.rows.get_mut(name), known) {
                (Some(Known::Does(list)), Known::Does(more)) => list.extend(more),
                (_, known) => {
                    table.rows.insert(name.to_owned(), known);
                }
            }
        }
        for line in methods.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split('\t');
            if let (Some(name), Some(effect)) = (parts.next(), parts.next()) {
                table.methods.insert(name.to_owned(), effects::effect(effect));
            }
        }
        Ok(table)
    }

    /// What is known about exactly this name.
    pub fn exact(&self, name: &str) -> Option<&Known> {
        self.rows.get(name)
    }

    /// Whether the table speaks about a function of a module whatever its code says.
    pub fn overrides(&self, module: &str, name: &str) -> bool {
        let mut prefix = module;
        loop {
            if self.own.contains(&format!("{prefix}.*")) {
                return true;
            }
            match prefix.rsplit_once('.') {
                Some((shorter, _)) => prefix = shorter,
                None => break,
            }
        }
        self.own.contains(name)
    }

    /// What is known about a name, or about everything in a module that it is in.
    pub fn find(&self, name: &str) -> Option<&Known> {
        if let Some(known) = self.rows.get(name) {
            return Some(known);
        }
        let class = name.rsplit('.').next().is_some_and(|last| {
            last.trim_start_matches('_').starts_with(|c: char| c.is_uppercase())
        });
        let mut prefix = name;
        while let Some((shorter, _)) = prefix.rsplit_once('.') {
            prefix = shorter;
            if let Some(known) = self.rows.get(&format!("{prefix}.*")) {
                return Some(known);
            }
            if class && let Some(known) = self.rows.get(&format!("{prefix}.**:Class")) {
                return Some(known);
            }
        }
        None
    }

    /// The functions of a module in C that the table knows.
    pub fn below(&self, module: &str) -> Vec<String> {
        let in_it = |name: &&String| {
            name.strip_prefix(module)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| !rest.contains(['.', '*']))
        };
        let mut names: Vec<String> = self.own.iter().filter(in_it).cloned().collect();
        names.sort();
        names
    }

    /// Whether a method of an object of which nothing is known only computes.
    pub fn method_is_harmless(&self, name: &str) -> bool {
        self.methods.get(name) == Some(&None)
    }

    /// What a method of an object does of which nothing is known.
    pub fn method_does(&self, name: &str) -> Option<Effect> {
        self.methods.get(name).copied().flatten()
    }
}

/// `0,1`, `0,path`, `*` or `-`.
fn through_of(text: &str) -> Through {
    let mut through = Through::default();
    for part in text.split(',').map(str::trim) {
        match part {
            "*" => through.all = true,
            "-" | "" => {}
            part => match part.parse() {
                Ok(place) => through.places.push(place),
                Err(_) => through.names.push(part.to_owned()),
            },
        }
    }
    through
}
