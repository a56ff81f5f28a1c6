//! `gadgets`: how davy judges pickles that call each name of a list with an argument that an
//! attacker would give it.
//!
//! The list is text with tabs: a dotted name (`package.module.*` for everything in a module) and the
//! effect that it is known for; `#` starts a comment. Each name is called in a few ways, and the
//! worst that is said about the name itself counts: with text, with a callable and its arguments, with
//! a module and the name of an attribute, and in the middle of `exec`. What is said only about the
//! other parts of a sample does not count.

use crate::args::Args;
use crate::{Outcome, say};
use davy_bytes::Bytes;
use davy_rules::Severity;
use davy_scan::{Options, scan_bytes};
use davy_testkit::pickle::Asm;
use std::collections::BTreeMap;
use std::fs;

/// Scans a call of every name, and lists what is less than medium.
pub fn run(args: &mut Args) -> Outcome {
    let [list] = &args.rest()[..] else {
        return Err("the list of names is needed".into());
    };
    let list = fs::read_to_string(list)?;
    let (mut counts, mut weak) = (BTreeMap::new(), Vec::new());
    for line in list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let mut columns = line.split('\t');
        let name = columns.next().unwrap_or_default();
        let effect = columns.next().unwrap_or_default();
        let worst = worst(name);
        *counts.entry(worst).or_insert(0_u32) += 1;
        if worst < Some(Severity::Medium) {
            weak.push(format!("{}\t{name}\t{effect}", word(worst)));
        }
    }
    for (worst, count) in counts.iter().rev() {
        say(format!("{:>8} {count}", word(*worst)));
    }
    weak.iter().for_each(say);
    Ok(())
}

fn word(severity: Option<Severity>) -> &'static str {
    severity.map_or("nothing", Severity::as_str)
}

/// The worst that is said about pickles that call `name`.
fn worst(name: &str) -> Option<Severity> {
    let name =
        name.strip_suffix(".*").map_or(name.to_owned(), |module| format!("{module}.anything"));
    let (module, attribute) = name.rsplit_once('.').unwrap_or(("builtins", &name));
    let found = calls(module, attribute).into_iter().filter_map(|pickle| {
        let options = Options { jobs: 1, ..Options::default() };
        let scanned = scan_bytes("x.pkl", &Bytes::from_memory(pickle), &options);
        let own = scanned.findings.iter().map(|found| &found.finding);
        let own = own.filter(|finding| finding.message.contains(attribute));
        own.map(|finding| finding.severity).max()
    });
    found.max()
}

/// Pickles that call it.
fn calls(module: &str, attribute: &str) -> Vec<Vec<u8>> {
    let callee = || Asm::new().proto(4).lookup(module, attribute);
    let system = |asm: Asm| asm.lookup("posix", "system");
    let os = |asm: Asm| asm.lookup("importlib", "import_module").text("os").tuple1().reduce();
    let hook = |asm: Asm| {
        asm.text("X").empty_tuple().mark().text("__del__").lookup("builtins", "eval").dict()
    };
    let words = |asm: Asm| asm.mark().text("id").text("id").list();
    let done = |asm: Asm| asm.reduce().stop();
    let given = |fill: &dyn Fn(Asm) -> Asm| done(fill(callee().mark()).tuple());
    let encoded = |text: &str| {
        let asm = Asm::new().proto(4).lookup("builtins", "exec").lookup(module, attribute);
        done(asm.text(text).tuple1().reduce().tuple1())
    };
    vec![
        given(&|asm| asm.text("id")),
        given(&|asm| words(system(asm))),
        given(&|asm| words(system(words(asm)))),
        given(&|asm| system(words(asm))),
        given(&|asm| system(asm).text("id")),
        given(&|asm| system(asm.none()).none().text("id")),
        given(&|asm| os(asm).text("system")),
        given(&|asm| asm.text("os.system")),
        given(&|asm| asm.text("__globals__")),
        given(&|asm| asm.text("__globals__").text("__globals__")),
        given(&hook),
        given(&|asm| asm.lookup("sys", "modules").text("torch").none()),
        given(&|asm| asm.lookup("builtins", "__dict__").text("eval")),
        encoded("cHJpbnQoMSk="),
    ]
}
