"""Code objects of the standard library, and what CPython itself says about them.

    bytecodes.py --count N --optimize LEVEL

Compiles N modules of the interpreter's own standard library and writes, for each, the bytes of a
compiled module and a JSON object: all code objects with their names, constants, instructions,
lines and exception handlers, as `dis` and the attributes of the objects tell. Nothing is run. The
marshal version changes from module to module. Runs under CPython 2.7 and 3.6 and later.
"""

from __future__ import print_function

import dis
import json
import marshal
import opcode
import os
import struct
import sys

PYTHON2 = sys.version_info[0] == 2
if PYTHON2:
    import imp

    MAGIC = imp.get_magic()
else:
    import importlib.util

    MAGIC = importlib.util.MAGIC_NUMBER

HEADER = 8 if PYTHON2 else 12 if sys.version_info < (3, 7) else 16
LARGEST = 600000


def modules(count):
    """The sources of the standard library, evenly spread over it."""
    root = os.path.dirname(os.__file__)
    found = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        if "site-packages" in folders:
            folders.remove("site-packages")
        found += [os.path.join(folder, name) for name in sorted(files) if name.endswith(".py")]
    step = max(1, len(found) // count)
    return found[::step][:count]


def compiled(path):
    """The code of a module, or nothing where this version does not compile it."""
    with open(path, "rb") as file:
        source = file.read()
    if len(source) > LARGEST:
        return None
    try:
        return compile(source, path, "exec", 0, True)
    except (SyntaxError, ValueError, UnicodeError, RecursionError if not PYTHON2 else RuntimeError):
        return None


def all_codes(top):
    """A code object and all in its constants, each before those in it, none twice."""
    codes, pending, seen = [], [top], set()
    while pending:
        code = pending.pop()
        if id(code) in seen:
            continue
        seen.add(id(code))
        codes.append(code)
        pending += [constant for constant in reversed(code.co_consts) if isinstance(constant, type(top))]
    return codes


def hexed(data):
    return "".join("%02x" % byte for byte in bytearray(data))


def spelled(value):
    """A constant in a form that two languages write alike."""
    for known, letter in ((None, "N"), (True, "T"), (False, "F"), (Ellipsis, ".")):
        if value is known:
            return letter
    if isinstance(value, type(spelled.__code__)):
        return "C"
    if isinstance(value, float):
        return "f" + hexed(struct.pack(">d", value))
    if isinstance(value, complex):
        return "c" + hexed(struct.pack(">dd", value.real, value.imag))
    if isinstance(value, bytes):
        return "b" + hexed(value)
    if isinstance(value, type(u"")):
        return "u" + hexed(value.encode("utf-8") if PYTHON2 else value.encode("utf-8", "surrogatepass"))
    if isinstance(value, tuple):
        return "(" + ",".join(map(spelled, value)) + ")"
    if isinstance(value, slice):
        return ":" + spelled((value.start, value.stop, value.step))
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(spelled, value))) + "}"
    if -(1 << 63) <= value < 1 << 63:
        return "i%d" % value
    return "l" + hex(value).rstrip("L")


def lines(code):
    """The line of each offset, as pairs of a start and a line."""
    if hasattr(code, "co_lines"):
        return [(start, line) for start, _, line in code.co_lines()]
    return list(dis.findlinestarts(code))


def old_instructions(code):
    """What `dis` of Python 2.7 prints, as tuples of offset, number, argument."""
    content = bytearray(code.co_code)
    at, extended = 0, 0
    while at < len(content):
        start, number = at, content[at]
        at += 1
        argument = None
        if number >= opcode.HAVE_ARGUMENT:
            argument = content[at] + content[at + 1] * 256 + extended
            extended = 0
            at += 2
            if number == opcode.EXTENDED_ARG:
                extended = argument * 65536
        yield start, number, argument, at


def old_operand(code, number, argument, behind):
    if argument is None:
        return None
    if number in opcode.hasconst:
        return ["constant", argument]
    if number in opcode.hasname:
        return ["name", code.co_names[argument]]
    if number in opcode.hasjrel:
        return ["target", behind + argument]
    if number in opcode.hasjabs:
        return ["target", argument]
    if number in opcode.haslocal:
        return ["local", code.co_varnames[argument]]
    if number in opcode.hasfree:
        return ["cell", (code.co_cellvars + code.co_freevars)[argument]]
    return ["number", argument]


def operand(found):
    number = found.opcode
    if found.arg is None:
        return None
    if number in opcode.hasconst:
        return ["constant", found.arg]
    if number in opcode.hasname:
        return ["name", found.argval]
    if number in opcode.hasjrel or number in opcode.hasjabs:
        return ["target", found.argval]
    # Since 3.14 what works on cells is listed as working on locals.
    if number in opcode.hasfree or "DEREF" in found.opname:
        return ["cell", found.argval]
    if number in opcode.haslocal:
        both = isinstance(found.argval, tuple)
        return ["local", ", ".join(found.argval) if both else found.argval]
    return ["number", found.arg]


def instructions(code):
    """Offset, name and operand of each instruction, without what extends arguments."""
    if PYTHON2:
        told = [
            (at, opcode.opname[number], old_operand(code, number, argument, behind))
            for at, number, argument, behind in old_instructions(code)
        ]
    else:
        told = [(found.offset, found.opname, operand(found)) for found in dis.get_instructions(code)]
    return [one for one in told if one[1] not in ("EXTENDED_ARG", "CACHE")]


def handlers(code):
    if not hasattr(code, "co_exceptiontable"):
        return []
    entries = dis._parse_exception_table(code)
    return [(entry.start, entry.end, entry.target, entry.depth, bool(entry.lasti)) for entry in entries]


def told(code):
    """Everything that is compared of one code object."""
    return {
        "name": code.co_name,
        "qualname": getattr(code, "co_qualname", ""),
        "filename": code.co_filename,
        "counts": [
            code.co_argcount,
            getattr(code, "co_posonlyargcount", 0),
            getattr(code, "co_kwonlyargcount", 0),
            code.co_flags,
            code.co_firstlineno,
        ],
        "names": code.co_names,
        "varnames": code.co_varnames,
        "cellvars": code.co_cellvars,
        "freevars": code.co_freevars,
        "consts": [spelled(constant) for constant in code.co_consts],
        "instructions": instructions(code),
        "lines": lines(code),
        "handlers": handlers(code),
    }


def write(block):
    out = getattr(sys.stdout, "buffer", sys.stdout)
    out.write(struct.pack("<I", len(block)))
    out.write(block)


def main():
    words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    level = int(words["--optimize"])
    if sys.flags.optimize != level:
        flags = ["-E", "-s"] + ["-O"] * level
        os.execv(sys.executable, [sys.executable] + flags + sys.argv)
    versions = marshal.version + 1
    for index, path in enumerate(modules(int(words["--count"]))):
        code = compiled(path)
        if code is None:
            continue
        try:
            data = marshal.dumps(code, versions - 1 - index % versions)
        except ValueError:
            # Older forms have no slices.
            data = marshal.dumps(code)
        codes = [told(one) for one in all_codes(marshal.loads(data))]
        answer = {"version": "%d.%d" % sys.version_info[:2], "path": path, "codes": codes}
        write(MAGIC + bytes(bytearray(HEADER - 4)) + data)
        write(json.dumps(answer).encode("utf-8"))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
