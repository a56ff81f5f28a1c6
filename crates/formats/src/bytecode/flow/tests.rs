//! The same source gives the same calls whatever version compiled it, and no code breaks what
//! follows it.
//!
//! The samples hold a source and what each CPython makes of it, as
//! `marshal.dumps(compile(source, "s", "exec", 0, True), 2)` in hexadecimal; where the source is one
//! function or lambda, its code alone.

use super::{Flow, follow};
use crate::bytecode::{CodeObject, CodeTree, Constant, Hints, Op, Version, decode};
use davy_artifact::Manner;
use davy_bytes::Budget;
use std::collections::BTreeSet;
use std::sync::Arc;

const ALIASES: &str = include_str!("samples/aliases.txt");
const CONTROL: &str = include_str!("samples/control.txt");
const FUNCTIONS: &str = include_str!("samples/functions.txt");
const LAMBDA: &str = include_str!("samples/lambda.txt");
const LAYER: &str = include_str!("samples/layer.txt");
const MODERN: &str = include_str!("samples/modern.txt");
const TEXT: &str = include_str!("samples/text.txt");

/// The versions of a sample, with the code that each compiles.
fn compiled(sample: &str) -> Vec<(Version, Vec<u8>)> {
    let lines = sample.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (version, hex) = line.split_once(' ').unwrap();
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes = (0..hex.len()).step_by(2).map(byte).collect();
            (Version::parse(version).unwrap(), bytes)
        })
        .collect()
}

fn followed(version: Version, bytes: &[u8]) -> Flow {
    let hints = Hints { version: Some(version), certain: true };
    let decoded = decode(bytes, hints, &mut Budget::default()).unwrap();
    assert_eq!(decoded.halt, None, "{version}");
    follow(&decoded.tree, &mut Budget::default())
}

fn flows(sample: &str) -> Vec<(Version, Flow)> {
    let flows: Vec<_> = compiled(sample)
        .iter()
        .map(|(version, bytes)| (*version, followed(*version, bytes)))
        .collect();
    assert!(flows.len() >= 8);
    flows
}

/// Calls and imports of every version, which have to be the same.
fn told(sample: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut all = flows(sample).into_iter().map(|(version, flow)| {
        assert_eq!(flow.unseen, [""; 0], "{version}");
        assert_eq!(flow.broken, [""; 0], "{version}");
        let calls = flow.calls.iter().map(|call| match call.manner {
            Manner::Deferred => format!("later {call}"),
            _ => call.to_string(),
        });
        let imports = flow.imports.iter().map(ToString::to_string);
        (version, calls.collect::<BTreeSet<_>>(), imports.collect::<BTreeSet<_>>())
    });
    let (_, calls, imports) = all.next().unwrap();
    for (version, more, others) in all {
        assert_eq!(calls, more, "calls of {version}");
        assert_eq!(imports, others, "imports of {version}");
    }
    (calls, imports)
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn functions_read_alike_in_all_versions() {
    for (version, flow) in flows(LAYER) {
        assert_eq!(
            flow.listing,
            "def layer(x):\n    import os\n    os.system('echo pwned')\n    return x * 2\n",
            "{version}"
        );
        assert_eq!(flow.names, ["os", "system"], "{version}");
    }
    for (version, flow) in flows(LAMBDA) {
        assert_eq!(
            flow.listing, "def <lambda>(x):\n    return __import__('os').system('id') or x * 2\n",
            "{version}"
        );
    }
    let (calls, imports) = told(LAYER);
    assert_eq!(calls, set(&["os.system('echo pwned')"]));
    assert_eq!(imports, set(&["os"]));
    assert_eq!(told(LAMBDA).0, set(&["__import__('os')", "os.system('id')"]));
}

#[test]
fn names_lead_to_what_they_stand_for() {
    let (calls, imports) = told(ALIASES);
    let expected = [
        "__import__('os')",
        "getattr(os, 'system')",
        "os.getcwd()",
        "os.path.join('a', 'b')",
        "os.popen('four')",
        "os.remove('five')",
        "os.system('one')",
        "os.system('three')",
        "os.system('two')",
        "subprocess.Popen(['ls'], shell=True)",
    ];
    assert_eq!(calls, set(&expected));
    let expected = [
        "os",
        "os.path",
        "os.popen",
        "os.remove",
        "os.system",
        "subprocess.Popen",
        "subprocess.call",
    ];
    assert_eq!(imports, set(&expected));
}

#[test]
fn text_that_is_put_together_is_known() {
    let (calls, _) = told(TEXT);
    for call in [
        "sysos.system('one')",
        "os.popen('two')",
        "os.system('three')",
        "os.execv('four')",
        "os.system('five')",
        "os.system('six')",
        "exec('print(1)')",
        "eval('1')",
    ] {
        assert!(calls.contains(call), "{call} in {calls:#?}");
    }
}

#[test]
fn functions_and_classes_are_followed_into() {
    let (calls, _) = told(FUNCTIONS);
    for call in [
        "os.popen(<an expression>)",
        "os.system('default')",
        "os.cpu_count()",
        "os.remove('used')",
        "os.popen(str(<an expression>))",
        "os.unlink(<a parameter>)",
        "later os.abort()",
        "os.listdir('.')",
        "functools.wraps(os.getcwd)(<a function of this source>)",
        "len(<an expression>)",
    ] {
        assert!(calls.contains(call), "{call} in {calls:#?}");
    }
}

#[test]
fn every_way_through_a_function_is_followed() {
    let (calls, _) = told(CONTROL);
    let names = [
        "stat(<an expression>)",
        "remove(<an expression>)",
        "read(<an expression>, 1)",
        "strerror(<an exception>)",
        "close(0)",
        "nice(1)",
        "sync()",
        "link('a', 'b')",
        "rename('a', 'b')",
        "pipe()",
        "getpid()",
        "getuid()",
        "getgid()",
        "kill(1, 9)",
    ];
    for name in names {
        assert!(calls.contains(&format!("later os.{name}")), "{name} in {calls:#?}");
    }
    for (version, flow) in flows(CONTROL) {
        for line in [
            "    for index, path in enumerate(paths):",
            "        if deep and path or index > 3:",
            "with open(path) as file:",
            "except (OSError, ValueError) as error:",
            "    while deep:",
            "    chosen = os.link if deep else os.rename",
            "    first, (second, third) = os.pipe()",
            "    yield os.getuid() and os.getgid() or os.kill(1, 9)",
        ] {
            assert!(flow.listing.contains(line), "{version}: {line} in\n{}", flow.listing);
        }
    }
}

#[test]
fn newer_syntax_is_followed_too() {
    let (calls, _) = told(MODERN);
    for call in [
        "later os.lock(<a parameter>)",
        "later os.call(<unpacked arguments>, 'last', <unpacked arguments>, key=1)",
        "later getattr(os, 'system')",
        "later os.many()",
        "later os.walk('.')",
        "os.meta('m')",
    ] {
        assert!(calls.contains(call), "{call} in {calls:#?}");
    }
    // Up to 3.7, the end of the loop is a handler of its own.
    for (version, flow) in
        flows(MODERN).into_iter().filter(|(version, _)| *version >= Version::V3_8)
    {
        for line in
            ["    async with os.lock(name) as held:", "    async for part in os.parts(held):"]
        {
            assert!(flow.listing.contains(line), "{version}: {line} in\n{}", flow.listing);
        }
    }
}

/// Code of 3.14 out of operations and arguments, with empty caches.
fn assembled(version: Version, ops: &[(Op, u8)]) -> Vec<u8> {
    let mut code = Vec::new();
    for (op, arg) in ops {
        let number = (0..=255).find(|number| Op::of(version, *number) == *op).unwrap();
        code.extend([number, *arg]);
        code.extend(vec![0; 2 * usize::try_from(op.caches(version)).unwrap()]);
    }
    code
}

fn names(names: &[&str]) -> Arc<[Arc<str>]> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// A tree of one code object with the constants `None`, `"id"` and `("os", "system")`.
fn tree(version: Version, code: Vec<u8>) -> CodeTree {
    let text = |text: &str| Constant::Text(Arc::from(text.as_bytes()));
    let object = CodeObject {
        version,
        name: Arc::from("f"),
        argcount: 1,
        varnames: names(&["x", "y"]),
        slots: names(&["x", "y"]),
        names: names(&["os", "system", "getattr"]),
        consts: Arc::from([0, 1, 2]),
        code: Arc::from(code),
        ..CodeObject::default()
    };
    let constants =
        vec![Constant::None, text("id"), Constant::Tuple(vec![3, 4]), text("os"), text("system")];
    CodeTree { version, objects: vec![object], constants }
}

#[test]
fn what_only_3_14_has_is_followed() {
    let version = Version::V3_14;
    let code = assembled(
        version,
        &[
            (Op::Resume, 0),
            (Op::LoadSmallInt, 0),
            (Op::LoadConst, 0),
            (Op::ImportName, 0),
            (Op::StoreFastLoadFast, 0x11),
            (Op::LoadAttr, 3),
            (Op::LoadConst, 1),
            (Op::Call, 1),
            (Op::PopTop, 0),
            (Op::LoadFastBorrowLoadFastBorrow, 0x01),
            (Op::LoadAttr, 2),
            (Op::PushNull, 0),
            (Op::LoadConst, 2),
            (Op::LoadSmallInt, 0),
            (Op::BinaryOp, 26),
            (Op::Call, 1),
            (Op::PopTop, 0),
            (Op::LoadCommonConstant, 1),
            (Op::PushNull, 0),
            (Op::Call, 0),
            (Op::PopTop, 0),
            (Op::ReturnValue, 0),
        ],
    );
    let flow = follow(&tree(version, code), &mut Budget::default());
    assert_eq!(
        flow.listing,
        "def f(x):\n    import os as y\n    y.system('id')\n    y.system(('os', 'system')[0])\n    \
         NotImplementedError()\n    return x\n"
    );
    let calls: Vec<String> = flow.calls.iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["os.system('id')", "os.system('os')", "NotImplementedError()"]);
    assert_eq!((flow.unseen, flow.broken), (Vec::new(), Vec::new()));
}

/// What is said to be broken in code of 3.8 with these operations.
fn broken(ops: &[(Op, u8)]) -> Vec<String> {
    let version = Version::V3_8;
    let flow = follow(&tree(version, assembled(version, ops)), &mut Budget::default());
    assert!(flow.broken.iter().all(|what| flow.unseen.contains(what)));
    flow.broken
}

#[test]
fn code_that_reaches_beyond_itself_is_told() {
    let end = (Op::ReturnValue, 0);
    let memory = |what: &str| vec![format!("{what}, which is memory of the interpreter")];
    assert_eq!(broken(&[(Op::LoadConst, 200), end]), memory("uses a constant that is not there"));
    assert_eq!(
        broken(&[(Op::LoadFast, 9), end]),
        memory("reads a local variable that is not there")
    );
    assert_eq!(broken(&[(Op::LoadGlobal, 9), end]), memory("uses a name that is not there"));
    assert_eq!(broken(&[end]), ["takes from an empty stack"]);
    assert_eq!(broken(&[(Op::JumpAbsolute, 40)]), ["jumps to where no code is"]);
    assert_eq!(broken(&[(Op::Nop, 0)]), ["runs beyond the end of its code"]);
    assert_eq!(broken(&[(Op::LoadConst, 0), end]), [""; 0]);
}

#[test]
fn ways_that_leave_different_stacks_are_told() {
    let ops = [
        (Op::LoadConst, 0),
        (Op::LoadConst, 0),
        (Op::PopJumpIfFalse, 8),
        (Op::LoadConst, 0),
        (Op::ReturnValue, 0),
    ];
    assert_eq!(broken(&ops), ["leaves the stack at different depths on the ways to one place"]);
}

#[test]
fn jumps_into_instructions_are_followed() {
    // An extended argument hides `LOAD_CONST 1` from those who read straight on.
    let version = Version::V3_8;
    let code = assembled(
        version,
        &[
            (Op::JumpForward, 2),
            (Op::ExtendedArg, 1),
            (Op::LoadConst, 1),
            (Op::StoreFast, 0),
            (Op::LoadGlobal, 1),
            (Op::LoadFast, 0),
            (Op::CallFunction, 1),
            (Op::ReturnValue, 0),
        ],
    );
    let flow = follow(&tree(version, code), &mut Budget::default());
    assert_eq!(flow.broken, ["jumps into the middle of an instruction"]);
    assert_eq!(flow.calls[0].to_string(), "system('id')");
}

#[test]
fn code_that_only_a_backward_jump_reaches_is_followed() {
    let version = Version::V3_8;
    let code = assembled(
        version,
        &[
            (Op::JumpForward, 8),
            (Op::LoadConst, 1),
            (Op::CallFunction, 1),
            (Op::ReturnValue, 0),
            (Op::Nop, 0),
            (Op::LoadGlobal, 1),
            (Op::JumpAbsolute, 2),
        ],
    );
    let flow = follow(&tree(version, code), &mut Budget::default());
    assert_eq!(flow.broken, [""; 0]);
    assert_eq!(flow.calls[0].to_string(), "system('id')");
}

/// Numbers that look random and are always the same.
fn scrambled(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(u8::try_from(state >> 32 & 0xff).unwrap())
    })
}

#[test]
fn no_code_breaks_what_follows_it() {
    for version in Version::ALL {
        for seed in 0..300 {
            let mut code: Vec<u8> = scrambled(seed).take(200).collect();
            // Small arguments lead farther.
            code.iter_mut().skip(1).step_by(2).for_each(|arg| *arg %= 12);
            let mut tree = tree(version, code);
            tree.objects[0].exception_table = scrambled(seed).skip(300).take(40).collect();
            let flow = follow(&tree, &mut Budget::default());
            assert!(flow.listing.len() < 1 << 16);
        }
    }
    for sample in [CONTROL, FUNCTIONS, MODERN] {
        for (version, bytes) in compiled(sample) {
            let hints = Hints { version: Some(version), certain: true };
            let decoded = decode(&bytes, hints, &mut Budget::default()).unwrap();
            for (at, value) in scrambled(7).take(60).enumerate() {
                let mut tree = decoded.tree.clone();
                let object = at % tree.objects.len();
                let mut code = tree.objects[object].code.to_vec();
                let place = at * 7 % code.len();
                code[place] = value;
                tree.objects[object].code = Arc::from(code);
                let flow = follow(&tree, &mut Budget::default());
                assert!(flow.calls.len() < 1000);
            }
        }
    }
}

#[test]
fn work_and_listings_are_bounded() {
    let version = Version::V3_8;
    // A stack that grows with every jump, and values that hold all values before them.
    let mut ops = Vec::new();
    for _ in 0..5_000 {
        ops.extend([(Op::LoadFast, 0), (Op::LoadFast, 0), (Op::BuildTuple, 2)]);
        ops.extend([(Op::StoreFast, 0), (Op::LoadFast, 0), (Op::LoadFast, 0)]);
        ops.extend([(Op::SetupFinally, 0), (Op::UnpackSequence, 200)]);
    }
    let flow = follow(&tree(version, assembled(version, &ops)), &mut Budget::default());
    assert!(flow.unseen.iter().any(|what| what.starts_with("more code than")), "{:?}", flow.unseen);
    assert!(flow.listing.len() <= 20 << 10);
    let mut budget = Budget::new(davy_bytes::Limits { steps: 10, ..Default::default() });
    let flow = follow(&tree(version, assembled(version, &ops)), &mut budget);
    assert_eq!(flow.unseen, ["more code than is followed"]);
}
