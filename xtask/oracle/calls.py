"""Calls in the sources of the standard library, as their syntax trees tell them.

    calls.py --count N

Compiles N modules of the interpreter's own standard library and writes, for each, the bytes of its
marshalled code and a JSON object: every call whose callee is a plain name or a chain of attributes
that starts at one, where that name is bound by nothing but one import, or by nothing in the module
at all; with its constant arguments. Nothing is run. Runs under CPython 2.7 and 3.6 and later.

What the compiler may leave out is told apart: `compiled` is false for a call behind a constant
condition or in a block behind what leaves it, and for one on lines without code.
"""

from __future__ import print_function

import ast
import json
import marshal
import sys

from bytecodes import LARGEST, PYTHON2, all_codes, hexed, lines, modules, write

if PYTHON2:
    import __builtin__ as builtins
else:
    import builtins

# Those of other systems are as well known.
BUILTINS = set(dir(builtins)) | {"VMSError", "WindowsError"}
BUILTINS -= {"_", "__debug__", "__doc__", "__loader__", "__name__", "__package__", "__spec__"}
FUNCTIONS = tuple(
    getattr(ast, name) for name in ("FunctionDef", "AsyncFunctionDef", "Lambda") if hasattr(ast, name)
)
COMPREHENSIONS = (ast.GeneratorExp, ast.SetComp, ast.DictComp) + (() if PYTHON2 else (ast.ListComp,))
TRIES = [name for name in ("Try", "TryExcept", "TryStar") if hasattr(ast, name)]
OTHER = object()


class Scope(object):
    """The names of one body: each with the path that an import gives it, or `OTHER`."""

    def __init__(self, kind, parent):
        self.kind = kind
        self.parent = parent
        self.names = {}
        self.globals = set()
        self.nonlocals = set()
        self.star = False

    def top(self):
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def bind(self, name, what):
        scope = self
        if name in self.globals:
            scope = self.top()
        elif name in self.nonlocals:
            scope = self.parent
            while scope.parent is not None and (scope.kind == "class" or name not in scope.names):
                scope = scope.parent
        known = scope.names.setdefault(name, what)
        if known != what:
            scope.names[name] = OTHER


class Binder(ast.NodeVisitor):
    """Finds the scopes of a tree, and what each binds."""

    def __init__(self):
        self.scope = Scope("module", None)
        self.scopes = {}

    def inside(self, node, kind, parts):
        outer, self.scope = self.scope, Scope(kind, self.scope)
        self.scopes[node] = self.scope
        if kind == "function":
            for part in parts:
                self.declare(part)
        for part in parts:
            self.visit(part)
        self.scope = outer

    def declare(self, node):
        """`global` and `nonlocal` hold in all of a body, before they stand there as well."""
        if isinstance(node, ast.Global):
            self.scope.globals.update(node.names)
        elif not PYTHON2 and isinstance(node, ast.Nonlocal):
            self.scope.nonlocals.update(node.names)
        elif not isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            for child in ast.iter_child_nodes(node):
                self.declare(child)

    def function(self, node):
        args = node.args
        for part in getattr(node, "decorator_list", []) + args.defaults + [
            default for default in getattr(args, "kw_defaults", []) if default
        ]:
            self.visit(part)
        body = node.body if isinstance(node.body, list) else [node.body]
        self.inside(node, "function", [args] + body)
        scope = self.scopes[node]
        for name in parameters(args):
            scope.names[name] = OTHER

    def visit_Lambda(self, node):
        self.function(node)

    def visit_FunctionDef(self, node):
        self.scope.bind(node.name, OTHER)
        self.function(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arguments(self, node):
        pass

    def visit_ClassDef(self, node):
        self.scope.bind(node.name, OTHER)
        for part in node.decorator_list + node.bases + getattr(node, "keywords", []):
            self.visit(part)
        self.inside(node, "class", node.body)

    def comprehension(self, node):
        self.visit(node.generators[0].iter)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for at, generator in enumerate(node.generators):
            parts += [generator.target] + generator.ifs + ([generator.iter] if at else [])
        self.inside(node, "comprehension", parts)

    visit_GeneratorExp = visit_SetComp = visit_DictComp = comprehension

    def visit_ListComp(self, node):
        if PYTHON2:
            self.generic_visit(node)
        else:
            self.comprehension(node)

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.scope.bind(node.id, OTHER)

    def visit_NamedExpr(self, node):
        scope = self.scope
        while scope.kind == "comprehension":
            scope = scope.parent
        scope.bind(node.target.id, OTHER)
        self.visit(node.value)

    def visit_ExceptHandler(self, node):
        if isinstance(node.name, str):
            self.scope.bind(node.name, OTHER)
        self.generic_visit(node)

    def visit_Global(self, node):
        if self.scope.kind == "class":
            self.scope.globals.update(node.names)

    def visit_Import(self, node):
        for alias in node.names:
            root = alias.name.split(".")[0]
            self.scope.bind(alias.asname or root, alias.name if alias.asname else root)

    def visit_ImportFrom(self, node):
        module = "." * (node.level or 0) + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.scope.top().star = True
            else:
                self.scope.bind(alias.asname or alias.name, module + "." + alias.name)

    def generic_visit(self, node):
        # Patterns and type parameters bind names that are plain strings.
        kind = type(node).__name__
        if kind.startswith("Match") or kind in ("TypeVar", "ParamSpec", "TypeVarTuple"):
            for field in ("name", "rest"):
                name = getattr(node, field, None)
                if isinstance(name, str):
                    self.scope.bind(name, OTHER)
        ast.NodeVisitor.generic_visit(self, node)


def parameters(args):
    """The names of all parameters; Python 2 nests them in tuples."""
    found = []
    for arg in getattr(args, "posonlyargs", []) + args.args + getattr(args, "kwonlyargs", []):
        for node in ast.walk(arg):
            found += [getattr(node, "arg", None), getattr(node, "id", None)]
    for arg in (args.vararg, args.kwarg):
        found.append(getattr(arg, "arg", arg))
    return [name for name in found if isinstance(name, str)]


def truth(test):
    """The outcome of a constant condition, or nothing."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        decides = isinstance(test.op, ast.Or)
        outcomes = [truth(value) for value in test.values]
        same = all(outcome is not decides and outcome is not None for outcome in outcomes)
        return decides if decides in outcomes else not decides if same else None
    if isinstance(test, ast.Name) and test.id == "__debug__":
        return True
    try:
        return bool(ast.literal_eval(test))
    except (ValueError, TypeError):
        return None


def unreachable(tree):
    """The nodes that never run, as far as a compiler sees that."""
    roots = []
    leaving = (ast.Return, ast.Raise, ast.Continue, ast.Break)
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            ends = [at for at, part in enumerate(block if isinstance(block, list) else []) if isinstance(part, leaving)]
            if ends:
                roots += block[ends[0] + 1 :]
                if isinstance(node, tuple(getattr(ast, name) for name in TRIES)) and field == "body":
                    roots += node.orelse
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            outcome = truth(node.test)
            for block in ([node.body] if outcome is False else [node.orelse] if outcome else []):
                roots += block if isinstance(block, list) else [block]
    return {inner for root in roots for inner in ast.walk(root)}


class Calls(ast.NodeVisitor):
    """Finds the calls of a tree whose callees have plain names."""

    def __init__(self, binder, coded, dead, annotated):
        self.scopes = binder.scopes
        self.scope = binder.scope
        self.coded = coded
        self.dead = dead
        self.annotated = annotated
        self.found = []

    def path(self, node):
        """The dotted name of a callee, or nothing."""
        attributes = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or attributes and attributes[-1].startswith("__"):
            return None
        root = self.root(node.id)
        return root and ".".join([root] + attributes[::-1])

    def root(self, name):
        if name.startswith("__") and not name.endswith("__"):
            return None
        scope, first = self.scope, True
        while scope.parent is not None:
            if name in scope.globals:
                scope = scope.top()
                break
            if name in scope.names and (first or scope.kind != "class"):
                break
            first = first and scope.kind == "comprehension" and scope.parent.kind != "class"
            scope = scope.parent
        what = scope.names.get(name)
        if what is not None:
            return None if what is OTHER else what
        if name in BUILTINS:
            return "builtins." + name
        return None if scope.top().star else name

    def inside(self, node, parts):
        outer, self.scope = self.scope, self.scopes[node]
        for part in parts:
            self.visit(part)
        self.scope = outer

    def function(self, node):
        args = node.args
        outside = getattr(node, "decorator_list", []) + args.defaults
        outside += [default for default in getattr(args, "kw_defaults", []) if default]
        for part in outside:
            self.visit(part)
        if self.annotated and not isinstance(node, ast.Lambda):
            for part in ast.walk(args):
                if getattr(part, "annotation", None):
                    self.visit(part.annotation)
            if getattr(node, "returns", None):
                self.visit(node.returns)
        self.decorators(node)
        self.inside(node, node.body if isinstance(node.body, list) else [node.body])

    def decorators(self, node):
        for decorator in getattr(node, "decorator_list", []):
            path = self.path(decorator)
            if path:
                self.found.append(self.call(decorator, path, [None], [], True))

    visit_Lambda = visit_FunctionDef = visit_AsyncFunctionDef = function

    def visit_ClassDef(self, node):
        for part in node.decorator_list + node.bases + getattr(node, "keywords", []):
            self.visit(part)
        self.decorators(node)
        self.inside(node, node.body)

    def comprehension(self, node):
        self.visit(node.generators[0].iter)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for at, generator in enumerate(node.generators):
            parts += generator.ifs + ([generator.iter] if at else [])
        self.inside(node, parts)

    visit_GeneratorExp = visit_SetComp = visit_DictComp = comprehension

    def visit_ListComp(self, node):
        if PYTHON2:
            self.generic_visit(node)
        else:
            self.comprehension(node)

    def visit_AnnAssign(self, node):
        if self.annotated and self.scope.kind != "function":
            self.visit(node.annotation)
        self.visit(node.target)
        if node.value:
            self.visit(node.value)

    def visit_Call(self, node):
        path = self.path(node.func)
        if path:
            starred = getattr(node, "starargs", None) or getattr(node, "kwargs", None)
            starred = starred or any(type(arg).__name__ == "Starred" for arg in node.args)
            starred = starred or any(keyword.arg is None for keyword in node.keywords)
            args = [spelled(arg) for arg in node.args]
            keys = sorted(keyword.arg or "" for keyword in node.keywords)
            self.found.append(self.call(node, path, args, keys, not starred))
        self.generic_visit(node)

    def call(self, node, path, args, keys, exact):
        coded = any(getattr(part, "lineno", None) in self.coded for part in ast.walk(node))
        compiled = coded and node not in self.dead
        return {
            "line": node.lineno,
            "path": path,
            "args": args,
            "keys": keys,
            "exact": exact,
            "compiled": compiled,
        }


def spelled(node):
    """A constant in the form that `bytecodes.py` writes, or nothing."""
    if PYTHON2:
        if isinstance(node, ast.Num):
            value = node.n
        elif isinstance(node, ast.Str):
            value = node.s
        elif isinstance(node, ast.Name) and node.id == "None":
            value = None
        else:
            return None
        if isinstance(value, bytes):
            try:
                value = value.decode("utf-8")
            except UnicodeError:
                pass
    elif type(node).__name__ in ("Constant", "Num", "Str", "Bytes", "NameConstant"):
        value = ast.literal_eval(node)
    else:
        return None
    for known, letter in ((None, "N"), (True, "T"), (False, "F")):
        if value is known:
            return letter
    if isinstance(value, bytes):
        return "b" + hexed(value) if len(value) < 500 else None
    if isinstance(value, type(u"")):
        coded = value.encode("utf-8") if PYTHON2 else value.encode("utf-8", "surrogatepass")
        return "u" + hexed(coded) if len(coded) < 500 else None
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return "i%d" % value
    return None


def coded_lines(top):
    found = set()
    for code in all_codes(top):
        found.update(line for _, line in lines(code))
        found.add(code.co_firstlineno)
    return found


def main():
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    for path in modules(int(words["--count"])):
        with open(path, "rb") as file:
            source = file.read()
        if len(source) > LARGEST:
            continue
        try:
            tree = ast.parse(source, path)
            code = compile(source, path, "exec", 0, True)
        except (SyntaxError, ValueError, UnicodeError):
            continue
        binder = Binder()
        for node in tree.body:
            binder.visit(node)
        deferred = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in tree.body
        )
        annotated = not deferred and sys.version_info < (3, 14)
        calls = Calls(binder, coded_lines(code), unreachable(tree), annotated)
        for node in tree.body:
            calls.visit(node)
        answer = {"version": "%d.%d" % sys.version_info[:2], "path": path, "calls": calls.found}
        write(marshal.dumps(code))
        write(json.dumps(answer).encode("utf-8"))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.setrecursionlimit(5000)
    main()
