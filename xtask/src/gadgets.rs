//! `gadgets`: how davy judges pickles that call each name of a list with an argument that an
//! attacker would give it.
//!
//! The list is text with tabs: a dotted name (`package.module.*` for everything in a module) and the
//! effect that it is known for; `#` starts a comment. Each name is called in a few ways, and the
//! worst that is said about the name itself counts: with text, with a callable and its arguments, with
//! a module and the name of an attribute, and in the middle of `exec`. What is said
//! only about the other parts of a sample does not count, save for names that have their effect
//! through what follows them ([`carried`]). What is said is compared with the severity of the effect,
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
    let called = calls(module, attribute).into_iter();
    let called = called.filter_map(|pickle| said(pickle, |message| message.contains(attribute)));
    let carried = carried(&name);
    let carried = carried.and_then(|(pickle, told)| said(pickle, |message| message.contains(told)));
    called.chain(carried).max()
}

/// The worst that is said of a pickle in the messages that count.
fn said(pickle: Vec<u8>, counts: impl Fn(&str) -> bool) -> Option<Severity> {
    let options = Options { jobs: 1, ..Options::default() };
    let scanned = scan_bytes("x.pkl", &Bytes::from_memory(pickle), &options);
    let found = scanned.findings.iter().map(|found| &found.finding);
    found.filter(|found| counts(&found.message)).map(|found| found.severity).max()
}

/// A pickle in which a name that does no harm by itself has the effect that it is known for, by what is
/// called with what it hands out or read behind it, or under its name of Python 3; and what is in a message
/// about that.
fn carried(name: &str) -> Option<(Vec<u8>, &'static str)> {
    let (module, attribute) = name.rsplit_once('.')?;
    let pickle = Asm::new().proto(4);
    match name {
        // A function made of the types that it hands out, of byte code that runs `id`, and called.
        "cloudpickle.cloudpickle._builtin_type" => {
            let by_name =
                |asm: Asm, what| asm.lookup(module, attribute).text(what).tuple1().reduce();
            let code = by_name(by_name(pickle, "FunctionType"), "CodeType").mark();
            let code = code.int1(0).int1(0).int1(0).int1(0).int1(3).int1(0).short_bytes(EVALUATED);
            let code = code.text("os").text("id").tuple2();
            let code = code.text("__import__").text("system").tuple2().empty_tuple();
            let code = code.text("").text("<module>").text("<module>").int1(1);
            let code = code.short_bytes(b"").short_bytes(b"").tuple().reduce();
            Some((code.empty_dict().tuple2().reduce().empty_tuple().reduce().stop(), "os.system"))
        }
        // An array of objects, which joblib writes as a pickle of its own behind the state.
        "joblib.numpy_pickle.NumpyArrayWrapper" => {
            let wrapper =
                pickle.lookup(module, attribute).empty_tuple().newobj().empty_dict().mark();
            let wrapper = wrapper.text("subclass").lookup("numpy", "ndarray");
            let wrapper = wrapper.text("shape").int1(1).tuple1().text("order").text("C");
            let wrapper = wrapper.text("allow_mmap").new_false();
            let object = wrapper.text("dtype").lookup("numpy", "dtype");
            let object = object.text("O8").new_false().new_true().tuple3().reduce();
            let inner = Asm::new().proto(4).lookup("posix", "system").text("id").tuple1();
            Some((object.setitems().build().raw(&inner.reduce().stop()).stop(), "posix.system"))
        }
        "itertools.imap" | "itertools.ifilter" => {
            let lazy = Asm::new().proto(2).global(module, attribute).global("posix", "system");
            let lazy = lazy.text("id").tuple1().tuple2().reduce().stop();
            Some((lazy, if attribute == "imap" { "to `map`" } else { "to `filter`" }))
        }
        _ => None,
    }
}

/// `__import__('os').system('id')` in byte code of CPython 3.11.
const EVALUATED: &[u8] =
    b"\x97\0\x02\0e\0d\0\xa6\x01\0\0\xab\x01\0\0\0\0\0\0\0\0\xa0\x01\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0d\x01\xa6\x01\0\0\xab\x01\0\0\0\0\0\0\0\0S\0";

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
