//! `gadgets`: how davy judges pickles that call each name of a list with an argument that an
//! attacker would give it.
//!
//! The list is text with tabs: a dotted name (`package.module.*` for everything in a module) and the
//! effect that it is known for; `#` starts a comment. Each name is called in a few ways, and the
//! worst that is said about the name itself counts: with text, with a callable and its arguments, with
//! a module and the name of an attribute, and in the middle of `exec`. What is said only about the
//! other parts of a sample does not count. What is said is compared with the severity of the effect,
//! without `~`, which marks an effect that nobody has shown.

use crate::args::Args;
use crate::{Outcome, say};
use davy_bytes::Bytes;
use davy_rules::Severity;
use davy_rules::knowledge::Effect;
use davy_scan::{Options, scan_bytes};
use davy_testkit::pickle::Asm;
use std::collections::BTreeMap;
use std::fs;

/// Effects of which a list may speak.
const EFFECTS: &[Effect] = &[
    Effect::Carrier,
    Effect::ClassBuild,
    Effect::CodeBuild,
    Effect::Deferred,
    Effect::Deser,
    Effect::Dos,
    Effect::Environment,
    Effect::Exec,
    Effect::ExtensionRegistry,
    Effect::File,
    Effect::FileRead,
    Effect::FileRecon,
    Effect::FileWrite,
    Effect::Hook,
    Effect::Html,
    Effect::Import,
    Effect::ImportIndirect,
    Effect::Indirect,
    Effect::Interactive,
    Effect::Introspect,
    Effect::Mutate,
    Effect::Native,
    Effect::NativeCrash,
    Effect::NativeMemory,
    Effect::NativeParser,
    Effect::Network,
    Effect::NetworkDns,
    Effect::Obfuscation,
    Effect::Remap,
    Effect::Resolve,
    Effect::ScannerDeactivation,
    Effect::SharedMemory,
    Effect::SystemRegistry,
    Effect::XmlEntities,
];

/// Scans a call of every name, counts by effect, and lists what is less than its effect.
pub fn run(args: &mut Args) -> Outcome {
    let [list] = &args.rest()[..] else {
        return Err("the list of names is needed".into());
    };
    let list = fs::read_to_string(list)?;
    let (mut counts, mut weak) = (BTreeMap::new(), Vec::new());
    let mut effects: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
    for line in list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let mut columns = line.split('\t');
        let name = columns.next().unwrap_or_default();
        let effect = columns.next().unwrap_or_default().trim_start_matches('~');
        let worst = worst(name);
        *counts.entry(worst).or_insert(0_u32) += 1;
        let due = due(effect);
        let [met, below] = effects.entry(effect).or_default();
        if worst < Some(due) {
            *below += 1;
            weak.push(format!("{}\t{name}\t{effect}, which is {}", word(worst), due.as_str()));
        } else {
            *met += 1;
        }
    }
    for (worst, count) in counts.iter().rev() {
        say(format!("{:>8} {count}", word(*worst)));
    }
    for (effect, [met, below]) in effects {
        say(format!("{effect:>26}  {met} as severe as that or more, {below} less"));
    }
    weak.iter().for_each(say);
    Ok(())
}

/// How bad an effect is by its word; a word that nobody knows asks for no more than attention.
fn due(word: &str) -> Severity {
    let effect = EFFECTS.iter().find(|effect| effect.as_str() == word);
    effect.map_or(Severity::Medium, |effect| effect.severity())
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
