//! Python source in values, with the source, byte code and pickles that it runs in turn.

use crate::marshal::Marshal;
use crate::pickle::Pickle;
use crate::python::Python;
use davy_artifact::{Call, Code, Fact, Format, Input, Language, Name, Reading, Role, When};
use davy_bytes::{Budget, Bytes, Limits};

/// Longest source that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Programs within one: source that runs source.
const PROGRAMS: usize = 32;

/// Calls, imports and names kept of one program.
const KEPT: usize = 10_000;

/// What reading one program may cost.
const LIMITS: Limits = Limits {
    artifacts: 64,
    depth: 8,
    expansion: 4 << 20,
    growth: 0,
    held: 4 << 20,
    memory: 16 << 20,
    steps: 400_000,
};

/// What `source` imports and calls.
pub(super) fn read(source: &[u8]) -> Option<Code> {
    if source.contains(&0) {
        return None;
    }
    let mut code = Code {
        language: Language::Python.as_str().to_owned(),
        name: "<module>".to_owned(),
        when: When::Loaded,
        ..Code::default()
    };
    let head = source.get(..LONGEST).unwrap_or(source);
    if head.len() < source.len() {
        code.unseen.push("more source than is read".to_owned());
    }
    let mut budget = Budget::new(LIMITS);
    let mut pending = vec![(Bytes::from_memory(head), String::from("source.py"))];
    let mut read = 0_usize;
    while let Some((bytes, name)) = pending.pop() {
        read = read.saturating_add(1);
        if read > PROGRAMS {
            code.unseen.push("more programs within the program than are read".to_owned());
            break;
        }
        let reading = follow(&bytes, &name, &mut budget, &mut code);
        let Reading { facts, children, .. } = reading;
        facts.into_iter().for_each(|fact| keep(fact, &mut code));
        pending.extend(children.into_iter().rev().map(|child| (child.bytes, child.name)));
    }
    Some(code)
}

/// Reads one program with the reader that its name asks for.
fn follow(bytes: &Bytes, name: &str, budget: &mut Budget, code: &mut Code) -> Reading {
    let reader: &dyn Format = match name.rsplit('.').next() {
        Some("marshal") => &Marshal,
        Some("pkl") => &Pickle,
        _ => &Python,
    };
    let mut reading = Reading::default();
    let input = Input { bytes, name, role: Role::Loaded };
    if let Err(halt) = reader.read(&input, &mut reading, budget) {
        reading.halted(&halt, bytes.len());
    }
    code.unseen.extend(reading.gaps.first().map(|gap| gap.what.clone()));
    reading
}

/// Takes over what a fact says.
fn keep(fact: Fact, code: &mut Code) {
    if code.calls.len() > KEPT || code.imports.len() > KEPT || code.names.len() > KEPT {
        if code.unseen.is_empty() {
            code.unseen.push("more than is followed".to_owned());
        }
        return;
    }
    match fact {
        Fact::Call { call, .. } => code.calls.push(call),
        Fact::Import { name, by: "reference", .. } => note(&name, code),
        Fact::Import { name, .. } => code.imports.push(name),
        Fact::Assign { target, key, value, .. } => {
            let callee = davy_artifact::Value::Name(Name::new("builtins", "setattr"));
            let args = vec![target, key, value];
            let manner = davy_artifact::Manner::Called;
            code.calls.push(Call { callee, args, kwargs: Vec::new(), manner });
        }
        Fact::Code { code: inner, .. } => {
            let Code { imports, calls, names, unseen, .. } = *inner;
            code.imports.extend(imports);
            code.calls.extend(calls);
            names.iter().for_each(|name| code.names.push(name.clone()));
            code.unseen.extend(unseen);
        }
        _ => {}
    }
}

/// A global that is named and not called.
fn note(name: &Name, code: &mut Code) {
    code.names.push(name.dotted());
}
