//! What is derived from small sources.

use super::emit::{Row, Verdict};
use super::ir::Program;
use super::machine::Machine;
use super::primitives::Primitives;
use super::{effects, lower};
use std::collections::BTreeMap;

const PRIMITIVES: &str = "\
_c.compute\tdata\t\ttest
_c.keep\tdata:same\t\ttest
_socket.socket\tdata\t\ttest
_socket.socket.connect\tnetwork\t1\ttest
builtins.exec\texec\t0\ttest
builtins.getattr\timport:resolve\t1\ttest
builtins.list\tdata:same\t\ttest
builtins.map\texec:indirect\t0\ttest
builtins.object\tdata\t\ttest
builtins.open\tfile\t0,file\ttest
builtins.str\tdata\t\ttest
functools.partial\tdata\t\ttest
functools.wraps\tdata:same\t\ttest
importlib.import_module\timport\t0\ttest
posix.system\texec\t0,command\ttest
posix.unlink\tfile:write\t0\ttest
t.show\tdata\t\ttest
types.CodeType\texec:code-build\t*\ttest
types.FunctionType\texec:code-build\t0\ttest
";

const METHODS: &str = "exec_module\texec\ttest\nstrip\tdata:ref\ttest\n";

/// Rows of modules given as name and text; a name with a slash at its end is a package.
fn rows(modules: &[(&str, &str)]) -> BTreeMap<String, Row> {
    rows_of(0, modules)
}

/// The same of a library; 0 is the standard one.
fn rows_of(library: u32, modules: &[(&str, &str)]) -> BTreeMap<String, Row> {
    let mut program = Program::default();
    for (name, text) in modules {
        let package = name.strip_suffix('/');
        let module = package.unwrap_or(name);
        lower::module(&mut program, module, package.is_some(), library, text).unwrap();
    }
    let primitives = Primitives::parse(PRIMITIVES, "", METHODS).unwrap();
    let mut machine = Machine::new(program, primitives);
    machine.review();
    machine.run();
    machine.rows(library)
}

/// `exec through cmd via a.b`, `harmless`, `asks` or `unknown`.
fn said(rows: &BTreeMap<String, Row>, name: &str) -> String {
    match rows.get(name).map(|row| &row.verdict) {
        Some(Verdict::Does { effect, through, via, .. }) => {
            format!("{} through {through} via {via}", effects::word(*effect))
        }
        Some(Verdict::Harmless) => "harmless".to_owned(),
        Some(Verdict::Asks) => "asks".to_owned(),
        Some(Verdict::Unknown) => "unknown".to_owned(),
        None => "nothing".to_owned(),
    }
}

fn one(text: &str, name: &str) -> String {
    said(&rows(&[("m", text)]), &format!("m.{name}"))
}

#[test]
fn arguments_are_told_apart() {
    let text = "import posix\ndef f(a, cmd, *, c=1):\n    x = 'run ' + cmd\n    posix.system(x)\n";
    assert_eq!(one(text, "f"), "exec through cmd via posix.system");
    let text = "import posix\ndef g(a):\n    posix.system('id')\n";
    assert_eq!(one(text, "g"), "exec:fixed through  via posix.system");
    assert_eq!(one("def h(a, b):\n    return a + b\n", "h"), "harmless");
    assert_eq!(one("def h(a):\n    return a.strip()\n", "h"), "asks");
}

#[test]
fn what_happens_later_is_told() {
    let text = "import posix\nclass T:\n def __init__(self, a, f):\n  self.a, self.f = a, f\n \
                def go(self):\n  self.f()\nclass U:\n def __init__(self, a, f):\n  self.f = f\n \
                def go(self):\n  posix.unlink(self.f)\nclass V:\n def __init__(self, f):\n  self.f = f\n";
    assert_eq!(one(text, "T"), "exec:deferred through f via m.T.go");
    assert_eq!(one(text, "U"), "exec:carrier through f via m.U.go");
    assert_eq!(one(text, "V"), "harmless");
    let text = "def f(a, call):\n    def inner():\n        return call(a)\n    return inner\n\
                def g(a, call):\n    def inner():\n        return a + call\n    return inner\n";
    assert_eq!(one(text, "f"), "exec:deferred through call via m.f");
    assert_eq!(one(text, "g"), "harmless");
}

#[test]
fn functions_and_attributes_are_made_of_what_is_given() {
    let text = "def _f(): pass\nF = type(_f)\nC = type(_f.__code__)\n\
                def f(code):\n    return F(code, {})\ndef c(parts):\n    return C(*parts)\n";
    assert_eq!(one(text, "f"), "exec:code-build through code via types.FunctionType");
    assert_eq!(one(text, "c"), "exec:code-build through parts via types.CodeType");
    let text =
        "def s(a, name, v):\n    setattr(a, name, v)\ndef t(a, v):\n    setattr(a, 'x', v)\n";
    assert_eq!(one(text, "s"), "exec:mutate through a,name via builtins.setattr");
    assert_eq!(one(text, "t"), "harmless");
}

#[test]
fn the_table_speaks_to_others_and_the_code_of_itself() {
    let rows = rows(&[
        ("t", "def show(path):\n    open(path)\ndef more(path):\n    show(path)\n"),
        ("u", "import t\ndef use(path):\n    t.show(path)\n"),
    ]);
    assert_eq!(said(&rows, "t.show"), "file:read through path via builtins.open");
    assert_eq!(said(&rows, "t.more"), "file:read through path via t.show");
    assert_eq!(said(&rows, "u.use"), "harmless");
}

#[test]
fn imports_lead_to_what_they_name() {
    let rows = rows(&[
        ("p/", "from .a import run as start\nfrom . import b\n"),
        ("p.a", "from posix import system\ndef run(cmd):\n    system(cmd)\n"),
        (
            "p.b",
            "from .a import *\nimport p.a as other\ndef go(x):\n    run(x)\ndef gone(x):\n    other.run(x)\n",
        ),
        (
            "q",
            "def lazy(x):\n    import p\n    p.b.go(x)\ndef constant(x):\n    import importlib\n    importlib.import_module('p.a').run(x)\ndef named(x):\n    import importlib\n    return importlib.import_module(x)\n",
        ),
    ]);
    assert_eq!(said(&rows, "p.start"), "exec through cmd via p.a.run");
    assert_eq!(said(&rows, "p.b.go"), "exec through x via p.a.run");
    assert_eq!(said(&rows, "p.b.gone"), "exec through x via p.a.run");
    assert_eq!(said(&rows, "q.lazy"), "exec through x via p.b.go");
    assert_eq!(said(&rows, "q.constant"), "exec through x via p.a.run");
    assert_eq!(said(&rows, "q.named"), "import through x via importlib.import_module");
    assert_eq!(said(&rows, "p.a.system"), "exec through 0,command via posix.system");
}

#[test]
fn star_imports_of_modules_in_c_bring_what_the_table_knows() {
    let rows = rows(&[("os", "from posix import *\ndef run(c):\n    system(c)\n")]);
    assert_eq!(said(&rows, "os.run"), "exec through c via posix.system");
    assert_eq!(said(&rows, "os.system"), "exec through 0,command via posix.system");
}

#[test]
fn methods_are_found_in_the_order_of_classes() {
    let text = "
import posix
class A:
    def run(self, x):
        self.step(x)
    def step(self, x):
        pass
class B(A):
    def step(self, x):
        posix.system(x)
class C(B):
    def __init__(self, path):
        super().__init__()
        self.path = path
    def again(self):
        self.run(self.path)
class D(C):
    def __init__(self, path):
        super().__init__(path)
        self.again()
class E:
    def __init__(self, path):
        self.path = path
";
    let rows = rows(&[("m", text)]);
    assert_eq!(said(&rows, "m.A.run"), "harmless");
    assert_eq!(said(&rows, "m.B.step"), "exec through x via posix.system");
    assert_eq!(said(&rows, "m.C.again"), "exec through .path via m.A.run");
    assert!(said(&rows, "m.D").starts_with("exec through path"), "{}", said(&rows, "m.D"));
    assert_eq!(said(&rows, "m.E"), "harmless");
    assert!(rows["m.E"].fills);
}

#[test]
fn functions_that_are_handed_over_are_called_by_whoever_calls_them() {
    let text = "
import posix
from functools import partial
def call(f, x):
    f(x)
def system(x):
    posix.system(x)
def through(x):
    call(system, x)
def bound(x):
    partial(system, x)()
def mapped(xs):
    list(map(system, xs))
def handed(f):
    call(f, 1)
def closed(x):
    def inner():
        posix.system(x)
    inner()
def quiet(x):
    call(len, x)
";
    let rows = rows(&[("m", text)]);
    assert_eq!(said(&rows, "m.call"), "exec:indirect through f via calls it");
    for name in ["m.through", "m.bound", "m.closed"] {
        assert!(said(&rows, name).starts_with("exec through x"), "{name}: {}", said(&rows, name));
    }
    assert!(said(&rows, "m.mapped").starts_with("exec through xs"));
    assert_eq!(said(&rows, "m.handed"), "exec:indirect through f via m.call");
    assert_eq!(said(&rows, "m.quiet"), "unknown");
}

#[test]
fn defaults_decorators_and_tables_hold_functions() {
    let text = "
import functools, posix
def decorated(f):
    @functools.wraps(f)
    def wrapper(*args):
        return f(*args)
    return wrapper
@decorated
def run(x):
    posix.system(x)
def default(x, _run=posix.system):
    _run(x)
TABLE = {'a': run, 'b': str}
def dispatch(key, x):
    TABLE[key](x)
class P:
    @property
    def now(self):
        return posix.system(self.cmd)
    def __init__(self, cmd):
        self.cmd = cmd
        self.now
";
    let rows = rows(&[("m", text)]);
    assert_eq!(said(&rows, "m.run"), "exec through x via posix.system");
    assert!(said(&rows, "m.default").starts_with("exec through x"), "{}", said(&rows, "m.default"));
    assert!(
        said(&rows, "m.dispatch").starts_with("exec through x"),
        "{}",
        said(&rows, "m.dispatch")
    );
}

#[test]
fn state_hooks_decide_what_filling_an_object_does() {
    let text = "
import posix
class Plain:
    def __setstate__(self, state):
        self.x = state
class Runs:
    def __setstate__(self, state):
        posix.system(state)
class Deletes:
    def __del__(self):
        posix.unlink(self.path)
class Unknown(Missing):
    pass
";
    let rows = rows(&[("m", text)]);
    assert!(rows["m.Plain"].fills);
    assert!(!rows["m.Runs"].fills);
    assert!(!rows["m.Deletes"].fills);
    assert!(!rows["m.Unknown"].fills);
    assert_eq!(said(&rows, "m.Runs.__setstate__"), "exec through state via posix.system");
    assert_eq!(said(&rows, "m.Deletes.__del__"), "file:write through .path via posix.unlink");
}

#[test]
fn what_a_module_makes_up_is_called_like_any_global() {
    let text = "def __getattr__(name):\n    def run(*args):\n        __import__('posix').system(name)\n    return run\n";
    let found = one(text, "__getattr__");
    assert!(found.starts_with("exec through name"), "{found}");
    let text = "class Command:\n    def __init__(self, name):\n        self.name = name\n    def __call__(self):\n        __import__('posix').system(self.name)\ndef __getattr__(name):\n    return Command(name)\n";
    let found = one(text, "__getattr__");
    assert!(found.starts_with("exec through name"), "{found}");
}

#[test]
fn what_cannot_be_resolved_is_never_harmless() {
    for (text, name) in [
        ("import nobody\ndef f(x):\n    nobody.knows(x)\n", "f"),
        ("from nobody import Base\nclass C(Base):\n    pass\n", "C"),
        ("VALUE = make()\ndef f(x):\n    VALUE.frobnicate(x)\n", "f"),
        ("import lazy\ndef f(x):\n    g = lazy.load\n    g(x)\n", "f"),
    ] {
        assert_eq!(one(text, name), "unknown", "{text}");
    }
    assert_eq!(
        one("def f(o, n):\n    return getattr(o, n)\n", "f"),
        "import:resolve through n via builtins.getattr"
    );
    assert_eq!(one("def f(o):\n    return getattr(o, 'x')\n", "f"), "harmless");
}

#[test]
fn the_mode_tells_reading_from_writing() {
    let open = |mode: &str| one(&format!("def f(p):\n    open(p{mode})\n"), "f");
    assert_eq!(open(""), "file:read through p via builtins.open");
    assert_eq!(open(", 'rb'"), "file:read through p via builtins.open");
    assert_eq!(open(", mode='w'"), "file:write through p via builtins.open");
    let given = one("def f(p, m):\n    open(p, m)\n", "f");
    assert_eq!(given, "file through p via builtins.open");
}

#[test]
fn objects_made_in_c_have_the_methods_of_the_table() {
    let text = "
import _socket
class socket(_socket.socket):
    pass
def go(host, port):
    s = socket()
    s.connect((host, port))
class Client:
    def __init__(self, host):
        self.sock = socket()
        self.sock.connect(host)
";
    let rows = rows(&[("m", text)]);
    assert_eq!(said(&rows, "m.go"), "network through host,port via _socket.socket.connect");
    assert!(said(&rows, "m.Client").starts_with("network through host"));
}

#[test]
fn source_that_does_not_parse_is_refused() {
    let mut program = Program::default();
    assert!(lower::module(&mut program, "m", false, 0, "print 'x'\n").is_err());
    assert!(program.modules.is_empty());
}

#[test]
fn functions_that_call_each_other_end() {
    let text = "
import posix
def a(x):
    b(x)
def b(x):
    a(x)
    posix.system(x)
class L(L):
    pass
";
    let rows = rows(&[("m", text)]);
    assert!(said(&rows, "m.a").starts_with("exec through x"));
    assert!(said(&rows, "m.b").starts_with("exec through x"));
}

#[test]
fn methods_of_what_is_handed_over_are_called_where_it_is_known() {
    let text = "import posix\nclass L:\n def __init__(self, s):\n  self.s = s\n def go(self):\n  \
                posix.system(self.s)\nclass M:\n def __init__(self, s):\n  self.s = s\n def go(self):\n  \
                return self.s\ndef load(s, Loader):\n    return Loader(s).go()\n\
                def unsafe(s):\n    return load(s, L)\ndef safe(s):\n    return load(s, M)\n";
    assert_eq!(one(text, "unsafe"), "exec through s via m.L.go");
    assert_eq!(one(text, "safe"), "asks");
}

#[test]
fn tables_that_a_class_holds_are_looked_into() {
    let text = "import posix\nclass C:\n table = {}\n @classmethod\n \
                def add(cls, tag, function):\n  cls.table[tag] = function\n def run(self, cmd):\n  \
                posix.system(cmd)\n def make(self, tag, x):\n  f = self.table[tag]\n  return f(self, x)\n\
                class D:\n table = {}\n def make(self, tag, x):\n  return tag\n\
                C.add('!run', C.run)\ndef f(tag, x):\n    return C().make(tag, x)\n\
                def g(tag, x):\n    return D().make(tag, x)\n";
    assert_eq!(one(text, "f"), "exec through x via m.C.make");
    assert_eq!(one(text, "g"), "harmless");
}

#[test]
fn what_is_imported_by_name_and_called_runs() {
    let text = "import importlib\ndef f(name, x):\n    module = importlib.import_module(name)\n    \
                return getattr(module, 'main')(x)\ndef g(name):\n    \
                return importlib.import_module(name)\ndef h():\n    \
                return importlib.import_module('m').g('m')\n";
    assert_eq!(one(text, "f"), "exec through name via calls what it imported");
    assert_eq!(one(text, "g"), "import through name via importlib.import_module");
    assert_eq!(one(text, "h"), "harmless");
}

#[test]
fn a_variable_asked_for_its_class_may_be_of_it() {
    let text = "class R:\n def go(self):\n  exec(self.code)\ndef f(x):\n    \
                if isinstance(x, R):\n        x.go()\ndef g(x):\n    x.go()\n";
    assert_eq!(one(text, "f"), "exec through x via m.R.go");
    assert_eq!(one(text, "g"), "asks");
}

#[test]
fn methods_that_heirs_define_are_theirs() {
    let text = "import posix\nclass A:\n def __init__(self, cmd):\n  self.start(cmd)\n def start(self, c):\n  \
                raise NotImplementedError\nclass B(A):\n def start(self, c):\n  posix.system(c)\n\
                class X:\n def __init__(self, cmd):\n  self.start(cmd)\n def start(self, c):\n  pass\n\
                class Y(X):\n def start(self, c):\n  posix.system(c)\n";
    assert_eq!(one(text, "A"), "exec through cmd via m.A.__init__");
    assert_eq!(one(text, "X"), "harmless");
}

#[test]
fn functions_that_an_object_calls_later_are_called() {
    let text = "import posix\nclass T:\n def __init__(self, target, args):\n  \
                self.target, self.args = target, args\n def run(self):\n  self.target(*self.args)\n\
                class N:\n def __init__(self, target, args):\n  self.target, self.args = target, args\n\
                def work(cmd):\n    posix.system(cmd)\ndef f(cmd):\n    return T(work, (cmd,))\n\
                def g(cmd):\n    return N(work, (cmd,))\n";
    assert_eq!(one(text, "f"), "exec through cmd via m.work");
    assert_eq!(one(text, "g"), "harmless");
}

#[test]
fn texts_of_a_fixed_table_are_fixed() {
    let text = "import importlib\nT = {'a': 'm.a', 'b': 'm.b'}\ndef f(name):\n    \
                return importlib.import_module(T[name])\ndef g(name, table):\n    \
                return importlib.import_module(table[name])\n";
    assert_eq!(one(text, "f"), "harmless");
    assert_eq!(one(text, "g"), "import through name,table via importlib.import_module");
}

#[test]
fn what_is_taken_out_of_a_table_of_the_module_changes_it() {
    let text =
        "t = {}\ndef f(key):\n    del t[key]\ndef g(key):\n    mine = {}\n    del mine[key]\n";
    assert_eq!(one(text, "f"), "exec:mutate through key via t");
    assert_eq!(one(text, "g"), "harmless");
}

#[test]
fn methods_that_do_harm_do_so_on_objects_that_nobody_knows() {
    let text = "def f(spec, module):\n    spec.loader.exec_module(module)\ndef g(x):\n    return x.strip()\n";
    assert_eq!(one(text, "f"), "exec through spec,module via exec_module");
    assert_eq!(one(text, "g"), "asks");
}

#[test]
fn what_a_module_only_uses_from_its_library_has_no_row() {
    let modules = [
        ("p/", "from p.run import go\n"),
        ("p.run", "import posix\ndef go(cmd):\n    posix.system(cmd)\n"),
        ("p.user", "from p.run import go\ndef f(x):\n    return x\n"),
    ];
    let of_a_library = rows_of(1, &modules);
    assert!(said(&of_a_library, "p.go").starts_with("exec through cmd"));
    assert_eq!(said(&of_a_library, "p.user.go"), "nothing");
    assert!(said(&rows(&modules), "p.user.go").starts_with("exec through cmd"));
}

#[test]
fn inherited_methods_make_carriers_within_a_package_only() {
    let base = "import posix\nclass Base:\n def go(self, cmd):\n  posix.system(cmd)\n";
    let heir = "from p.a.base import Base\nclass Heir(Base):\n pass\n";
    let modules =
        [("p/", ""), ("p.a/", ""), ("p.a.base", base), ("p.a.near", heir), ("p.far", heir)];
    let rows = rows_of(1, &modules);
    assert!(said(&rows, "p.a.near.Heir").starts_with("exec:carrier"));
    assert_eq!(said(&rows, "p.far.Heir"), "harmless");
}

#[test]
fn wrappers_that_others_made_are_theirs() {
    let text = "def wrap(f):\n    def inner(x):\n        return f(x)\n    return inner\ndef user(f):\n    return wrap(f)\n";
    let rows = rows_of(1, &[("p/", ""), ("p.m", text)]);
    assert!(said(&rows, "p.m.wrap").starts_with("exec:deferred"));
    assert!(!said(&rows, "p.m.user").starts_with("exec:deferred"));
}
