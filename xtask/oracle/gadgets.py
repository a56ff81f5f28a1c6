"""Calls callables that derivation says do harm, with arguments that show it and do none.

usage: gadgets.py ROWS LIST SECONDS

ROWS is a file of derived rows, LIST has names that are known already, before the first TAB of each line. Functions and
classes of modules that this Python has are called in children without rights, in a folder of their own; for each that did what
it is said to do, a line comes out: name, TAB, what happened, TAB, the call. Run it where nothing is lost: what is called is
code of libraries that may do more than it is asked for.
"""
import builtins
import importlib
import inspect
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
import warnings

EFFECTS = ("exec", "exec:deser", "import", "file:write", "native")
STEPS = 5
# An expression that leaves a mark in the process that evaluates it.
CODE = "__import__('builtins').__dict__.__setitem__('CANARY', 1)"
NOBODY = 65534
PATIENCE = 3


class Mark:
    def __reduce__(self):
        return exec, (CODE,)


def candidates(rows, known):
    """Names with their steps and the arguments that decide, the nearest first."""
    found = []
    for line in open(rows, encoding="utf-8"):
        parts = line.rstrip("\n").split("\t")
        if line.startswith("#") or len(parts) < 6 or parts[1].split("+")[0] not in EFFECTS:
            continue
        if int(parts[4]) <= STEPS and parts[0] not in known:
            found.append((int(parts[4]), parts[0], [name for name in parts[3].split(",") if name.isidentifier()]))
    return sorted(found)


def resolve(name):
    """The function or class that stands under this name, and not under another; None otherwise."""
    parts = name.split(".")
    for at in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:at]))
        except BaseException:
            continue
        # Methods are called with their objects.
        value = getattr(module, parts[at], None) if at == len(parts) - 1 else None
        own = getattr(value, "__module__", None) == module.__name__
        return value if callable(value) and own else None
    return None


def arguments(folder):
    """What is handed over: code, commands, paths, bytes, the name of a module."""
    return (CODE, f"touch {folder}/touched", ["touch", f"{folder}/touched"], f"{folder}/code.py", f"{folder}/mark.pkl",
            pickle.dumps(Mark()), "canary_module", f"{folder}/victim", f"{folder}/created")


def calls(value, through, callee):
    """Ways to hand a value over: by place, and by the names that decide, with something for what else has to be there."""
    yield from (((value,), {}), ((value, value), {}), (("x", value), {}), ((value, "x"), {}), (("x", "x", value), {}), (([value],), {}))
    try:
        parameters = inspect.signature(callee).parameters.values()
    except (TypeError, ValueError):
        return
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    for name in through[:3]:
        if any(one.name == name and one.kind in kinds for one in parameters):
            others = [one.name for one in parameters if one.default is one.empty and one.kind in kinds and one.name != name]
            yield (), {name: value, **dict.fromkeys(others, "x")}
            yield (), {name: value, **dict.fromkeys(others, value)}


def filled(folder):
    os.chmod(folder, 0o777)
    for name, data in (("code.py", CODE.encode()), ("mark.pkl", pickle.dumps(Mark())), ("victim", b"v" * 50)):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)
        os.chmod(f"{folder}/{name}", 0o666)


def happened(callee, args, kwargs, folder):
    """What a call did."""
    child = os.fork()
    if child == 0:
        status = 0
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.chdir(folder)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nothing, stream)
            signal.alarm(PATIENCE - 1)
            try:
                callee(*args, **kwargs)
            except BaseException:
                pass
            status = 1 if hasattr(builtins, "CANARY") else 2 if hasattr(builtins, "CANARY_MODULE") else 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + PATIENCE
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.0005)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        return "runs code" if os.WEXITSTATUS(status) == 1 else "imports a module"
    if os.path.exists(f"{folder}/touched"):
        return "runs a command"
    try:
        with open(f"{folder}/victim", "rb") as file:
            if file.read() != b"v" * 50:
                return "overwrites a file"
    except OSError:
        return "removes a file"
    return "makes a file" if os.path.exists(f"{folder}/created") else None


def shown(call, folder):
    args, kwargs = call
    parts = [repr(value) for value in args] + [f"{name}={value!r}" for name, value in kwargs.items()]
    return ", ".join(parts).replace(folder, "DIR").replace(repr(CODE), "CODE").replace(repr(pickle.dumps(Mark())), "PICKLE")


def tried(callee, through):
    folder = tempfile.mkdtemp()
    try:
        filled(folder)
        for value in arguments(folder):
            for call in calls(value, through, callee):
                what = happened(callee, *call, folder)
                if what:
                    return what, shown(call, folder)
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    rows, listed, seconds = sys.argv[1:]
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    known = {line.split("\t")[0] for line in open(listed, encoding="utf-8")}
    modules = tempfile.mkdtemp()
    os.chmod(modules, 0o755)
    with open(f"{modules}/canary_module.py", "w", encoding="utf-8") as file:
        file.write("import builtins\nbuiltins.CANARY_MODULE = 1\n")
    sys.path.insert(0, modules)
    deadline = time.monotonic() + float(seconds)
    for _, name, through in candidates(rows, known):
        if time.monotonic() > deadline:
            print("# the time is over before", name, file=sys.stderr)
            break
        callee = resolve(name)
        found = tried(callee, through) if callee else None
        if found:
            print(name, *found, sep="\t", flush=True)
    shutil.rmtree(modules)


if __name__ == "__main__":
    main()
