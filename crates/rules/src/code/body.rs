//! What a function that the file brings does, as far as its byte code was followed: each call is
//! judged as a pickle's would be, and whatever no call explains by its name.

use super::names::{harm_of, is_ordinary};
use super::parts::Examiner;
use crate::Severity;
use crate::facts::{arguments, callee, visit_handed};
use crate::judge::{Judgement, judge};
use crate::knowledge::{self, Effect, Known};
use davy_artifact::{Call, Code, Name, Value};
use std::collections::BTreeSet;

/// Calls, imports and names looked at per function; what is behind them counts as unseen.
const LOOKS: usize = 20_000;

/// Longest call that is quoted in a sentence, in characters.
const QUOTED: usize = 120;

/// Something harmful that a function does or reaches.
#[derive(Debug)]
pub(crate) struct Deed {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What it is, as the end of a sentence that begins with the function.
    pub(crate) says: String,
    /// Whether the byte code was seen to do it; otherwise it only names what could.
    pub(crate) seen: bool,
}

/// What a function does.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// What does harm, the worst first.
    pub(crate) deeds: Vec<Deed>,
    /// What it calls of which nothing is known.
    pub(crate) doubts: Vec<String>,
}

/// Looks at everything that `code` does.
pub(crate) fn look(code: &Code, examiner: &mut Examiner) -> Body {
    let mut look =
        Look { body: Body::default(), told: BTreeSet::new(), explained: BTreeSet::new() };
    for name in code.imports.iter().take(LOOKS) {
        look.import(name);
    }
    for call in code.calls.iter().take(LOOKS) {
        look.call(call, examiner);
    }
    look.names(&code.names);
    if code.calls.len() > LOOKS || code.names.len() > LOOKS || code.imports.len() > LOOKS {
        look.doubt("more code than is looked at".to_owned());
    }
    look.body.deeds.sort_by_key(|deed| std::cmp::Reverse((deed.severity, deed.seen)));
    look.body
}

struct Look<'a> {
    body: Body,
    told: BTreeSet<String>,
    /// Parts of paths that a call or import accounts for.
    explained: BTreeSet<&'a str>,
}

impl<'a> Look<'a> {
    fn import(&mut self, name: &'a Name) {
        self.explain(name);
        let known = match name.name.as_str() {
            "" => knowledge::lookup(&name.module, ""),
            _ => known(name),
        };
        let Some(known) = known else {
            if knowledge::is_package(&name.dotted()) {
                return;
            }
            return self.doubt(format!("imports {}, about which nothing is known", quote(name)));
        };
        if !known.is_dangerous() {
            return;
        }
        // Holding a module is holding all that it can do.
        let whole = name.name.is_empty();
        if whole {
            return self.deed(Severity::High, format!("imports {}", quote(name)), true);
        }
        let says = format!("imports {}, which {}", quote(name), known.effect.does());
        self.deed(known.effect.severity_when_named(), says, true);
    }

    fn call(&mut self, call: &'a Call, examiner: &mut Examiner) {
        match &call.callee {
            Value::Name(name) => {
                self.explain(name);
                match known(name) {
                    Some(known) => self.judged(call, known, judged(call, known, examiner)),
                    None => {
                        self.doubt(format!("calls {}, about which nothing is known", quote(name)))
                    }
                }
            }
            Value::Attribute(object, method) => self.method(call, object, method),
            // What is returned by something harmless is: a layer that is made and then called. What
            // something harmful returns has been told.
            Value::Call(made) => {
                let known = callee(made).and_then(known);
                if known.is_none_or(Known::is_dangerous) {
                    self.doubt("calls what another call returns".to_owned());
                }
            }
            Value::Unknown(what) => self.doubt(format!("calls {what}")),
            Value::Module(module) => self.doubt(format!("calls the module `{module}`")),
            _ => {}
        }
        self.handed(call);
    }

    fn judged(&mut self, call: &Call, known: &Known, judgement: Option<Judgement>) {
        let Some(Judgement { severity, does }) = judgement else { return };
        let says = format!("calls `{}`, which {does}{}", shown(call), known.advisory());
        self.deed(severity, says, true);
    }

    /// A method of an object of which nothing but the method's name is known.
    fn method(&mut self, call: &Call, object: &'a Value, method: &'a str) {
        self.explained.insert(method);
        self.objects(object);
        if knowledge::is_special(method) && !is_ordinary(method) {
            let says = format!("calls `{}`, which leads to the insides of objects", shown(call));
            return self.deed(Severity::High, says, true);
        }
        let known = knowledge::attribute(method).or_else(|| knowledge::method(method));
        match known {
            // Text is filled in by what stands in it: `'{0.__globals__}'.format(f)`.
            Some(_) if method.starts_with("format") && object.text().is_some_and(is_inside) => {
                let says = format!("calls `{}`, which reads insides of objects", shown(call));
                self.deed(Severity::High, says, true);
            }
            Some(known) if known.is_dangerous() => {
                let severity = known.effect.severity().max(Severity::High);
                let does = known.effect.does();
                self.deed(severity, format!("calls `{}`, which {does}", shown(call)), true);
            }
            Some(_) => {}
            None => {
                let method = davy_bytes::escape(method);
                self.doubt(format!("calls a method `{method}` of an object that is not known"));
            }
        }
    }

    /// Attributes on the way to a method: `x.__class__.__base__.mro()`.
    fn objects(&mut self, object: &'a Value) {
        let mut object = object;
        while let Value::Attribute(base, name) = object {
            self.attribute(name);
            object = base;
        }
    }

    fn attribute(&mut self, name: &'a str) {
        let special = knowledge::is_special(name) && !is_ordinary(name);
        if special || knowledge::attribute(name).is_some() {
            self.explained.insert(name);
            let name = davy_bytes::escape(name);
            let says = format!("reads the attribute `{name}`, which {}", Effect::Introspect.does());
            self.deed(Severity::High, says, true);
        }
    }

    /// What is handed to a call, and may be called there.
    fn handed(&mut self, call: &'a Call) {
        let receiver = callee(call).and_then(known).map(|known| known.effect);
        let calls = receiver.is_some_and(Effect::calls_arguments);
        let mut names = Vec::new();
        visit_handed(arguments(call), &mut |value| match value {
            Value::Name(name) => names.push(name),
            Value::Attribute(..) => self.objects(value),
            _ => {}
        });
        for name in names {
            self.explain(name);
            let Some(known) = known(name).filter(|known| known.is_dangerous()) else { continue };
            if known.constants_only {
                continue;
            }
            let effect = known.effect;
            let severity = if calls { effect.severity() } else { effect.severity_when_named() };
            let to = shown(call);
            let says = format!("hands {}, which {}, to `{to}`", quote(name), effect.does());
            self.deed(severity, says, true);
        }
    }

    /// Names that nothing else explains: values that the data flow was lost of.
    fn names(&mut self, names: &'a [String]) {
        let words: BTreeSet<&str> = names.iter().flat_map(|name| name.split('.')).collect();
        let mut told = BTreeSet::new();
        let mut found = Vec::new();
        for name in names.iter().take(LOOKS) {
            if name.split('.').all(|part| self.explained.contains(part)) {
                continue;
            }
            if let Some((known, path)) = harm_of(name, |word| words.contains(word)) {
                told.extend(path.rsplit_once('.').map(|(package, _)| package.to_owned()));
                found.push((known, path));
            }
        }
        // `os` adds nothing to `os.system`.
        for (known, path) in found.into_iter().filter(|(_, path)| !told.contains(path)) {
            let severity = known.effect.severity().max(Severity::High);
            let (path, does) = (davy_bytes::escape(&path), known.effect.does());
            self.deed(severity, format!("names `{path}`, which {does}"), false);
        }
    }

    fn explain(&mut self, name: &'a Name) {
        self.explained.extend(name.module.split('.'));
        self.explained.extend(name.name.split('.'));
    }

    fn deed(&mut self, severity: Severity, says: String, seen: bool) {
        if severity >= Severity::Medium && self.told.insert(says.clone()) {
            self.body.deeds.push(Deed { severity, says, seen });
        }
    }

    fn doubt(&mut self, says: String) {
        if self.told.insert(says.clone()) {
            self.body.doubts.push(says);
        }
    }
}

/// What is known about a global as code reaches it.
fn known(name: &Name) -> Option<&'static Known> {
    if name.module == Name::R {
        return knowledge::lookup(Name::R, &name.name);
    }
    if name.module == "builtins" && !name.name.is_empty() {
        return knowledge::lookup("builtins", &name.name);
    }
    if name.name.is_empty()
        && let Some(known) = knowledge::exact_lookup("builtins", &name.module)
    {
        return Some(known);
    }
    let known = knowledge::reached(&name.dotted());
    // A variable that is called is not the module of that name.
    known.filter(|known| !name.name.is_empty() || known.is_dangerous())
}

/// Judges a call in code. Unlike in a pickle, arguments that cannot be known are the rule: what the
/// function is given when it is called. Names among them are looked at by themselves.
fn judged(call: &Call, known: &Known, examiner: &mut Examiner) -> Option<Judgement> {
    let effect = known.effect;
    match effect {
        _ if effect.is_harmless() => prints_to_file(call),
        Effect::FileWrite if known.pattern == "builtins.print" => {
            let elsewhere = call.kwargs.iter().any(|(key, _)| key == "file");
            elsewhere.then(|| judge(call, known, examiner)).flatten()
        }
        // The body of the class is part of the code.
        Effect::ClassBuild => None,
        Effect::Resolve if known.constants_only => look_up(call, known, examiner),
        Effect::Resolve | Effect::Deser => judge(call, known, examiner),
        _ if known.constants_only => None,
        _ => judge(call, known, examiner),
    }
}

/// `getattr(x, name)` and its kin, of an object that is not known: as bad as the name. What looks up
/// keys of a mapping is data.
fn look_up(call: &Call, known: &Known, examiner: &mut Examiner) -> Option<Judgement> {
    let last = callee(call).and_then(|name| name.name.rsplit('.').next());
    let name = match last? {
        "attrgetter" | "methodcaller" => call.args.first(),
        "getattr" | "hasattr" | "__getattribute__" => call.args.get(1),
        _ => return None,
    }?;
    let high = |does: String| Some(Judgement { severity: Severity::High, does });
    let Some(path) = name.text() else {
        return high("looks up a name that is computed".to_owned());
    };
    if let Some(Value::Name(object)) = call.args.first() {
        let found = knowledge::reached(&format!("{}.{path}", object.dotted()));
        let found = found.filter(|found| found.is_dangerous() && !found.constants_only);
        let judgement =
            found.and_then(|_| high(format!("looks up `{}`", davy_bytes::escape(path))));
        return judgement.or_else(|| judge(call, known, examiner));
    }
    let inside = |part: &str| knowledge::is_special(part) && !is_ordinary(part);
    let hidden = |part: &str| inside(part) || knowledge::attribute(part).is_some();
    match path.split('.').any(hidden) {
        true => high(format!("looks up `{}`", davy_bytes::escape(path))),
        false => None,
    }
}

/// `tf.print(…, output_stream='file:///…')` writes a file.
fn prints_to_file(call: &Call) -> Option<Judgement> {
    let stream = call.kwargs.iter().find(|(key, _)| key == "output_stream")?;
    let path = stream.1.text().filter(|text| text.starts_with("file:"))?;
    let does = format!("writes to `{}`", davy_bytes::escape(path));
    Some(Judgement { severity: Severity::High, does })
}

fn is_inside(text: &str) -> bool {
    text.contains("__")
}

fn quote(name: &Name) -> String {
    format!("`{name}`")
}

/// A call as it is quoted in a sentence.
fn shown(call: &Call) -> String {
    let text = call.to_string();
    if text.chars().count() <= QUOTED {
        return text;
    }
    text.chars().take(QUOTED).chain(['…']).collect()
}

/// Whether what could not be followed hides what runs: byte code that no compiler writes, or that is
/// only made where it runs. The rest is more than is followed, or depends on what is handed in.
pub(crate) fn is_foreign(what: &str) -> bool {
    const HIDING: &[&str] = &[
        "code whose parts are computed",
        "makes a function of computed code",
        "no compiler writes this",
        "no marshalled byte code",
    ];
    HIDING.iter().any(|hiding| what.starts_with(hiding))
}

#[cfg(test)]
pub(crate) mod testing {
    //! Makes functions for the tests of detectors.

    use davy_artifact::{Call, Code, Fact, Site, When};

    /// A function that makes these calls when the model is used.
    pub(crate) fn lambda(calls: Vec<Call>) -> Code {
        let listing = calls.iter().map(|call| format!("{call}\n")).collect();
        Code { calls, listing, name: "<lambda>".into(), when: When::Used, ..Code::default() }
    }

    pub(crate) fn code(code: Code) -> Fact {
        Fact::Code { code: Box::new(code), site: Site::default() }
    }
}
