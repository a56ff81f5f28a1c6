"""The YAML oracle: makes documents, whole and damaged, and says what PyYAML composes of them.

usage: yamls.py generate|answer|statistics [--seed S] [--start N] [--count N] [--batch N]

A record is a text and an object: `documents`, each a list of nodes in the order in which they start
([tag, text] of scalars, [tag, indices] of sequences, [tag, pairs of indices] of mappings), and `error`,
whether PyYAML refuses what follows. The text with a given seed and index is always the same.
"""
import sys

sys.dont_write_bytecode = True

import random
import re

import yaml

import mutate
import stream

WORDS = (
    "a", "key", "_target_", "os.system", "yes", "No", "null", "~", "1", "0x1F", "017", "1_000", "1.5", ".5", "1e3", "1.e+3",
    ".inf", "-.INF", ".nan", "190:20:30", "190:20:30.15", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "a b", "a:b", "a#b",
    "=", "<<", "x: y", "- x", "", " ", "d\u00e9j\u00e0", "\u6a21\u578b", "\U0001f600", "http://x/y?z", "it's", 'a"b', "\\", "%", "@x",
    "0", "-0", "+1", "0b101", "0_", "_1", "1_", "1:2", "01:2", "12:30:45", "2001-1-1", "2001-01-01 1:00:00 Z", "true", "TRUE", "tRUE",
)
TAGS = (
    "!!str", "!!int", "!!map", "!!seq", "!", "!x", "!!python/name:os.system", "!!python/object/apply:os.system", "!<tag:x,1:y>",
    "!e!z", "!<!z>", "!new:a.B", "!!python/tuple", "!%41b", "!<%C3%A9>",
)
PIECES = (
    b": ", b"- ", b"? ", b"&a ", b"*a ", b"!!str ", b"! ", b"|", b">", b"'", b'"', b"#", b" #", b"\t", b"\n", b"  ", b"\n  ", b"---\n",
    b"...\n", b"--- ", b"%YAML 1.1\n", b"%TAG !e! tag:e,1:\n", b"[", b"]", b"{", b"}", b",", b", ", b"\xe2\x80\xa8", b"\xc2\x85",
    b"\xef\xbb\xbf", b"<<: *a\n", b"\\x41", b"\\u00e9", b"\\\n", b"\r\n", b"\r", b"|+2\n", b">-\n", b"|1-\n", b"\\", b"\x00", b"\x7f", b"\xff",
    b":", b"-", b"?", b"%", b"@", b"`", b"&a", b"*b", b"!e!x ", b"''", b"  - ", b"\n- ", b"\n\n", b" : ", b"k: v\n", b"? k\n: v\n",
)
SURROGATES = re.compile("[\ud800-\udfff]")


def scalar(rng, flow):
    word = rng.choice(WORDS)
    how = rng.randrange(6)
    if how == 0:
        return "'" + word.replace("'", "''") + "'"
    if how == 1:
        escaped = word.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + escaped.replace("a", rng.choice(("a", "\\x61", "\\u0061", "\\U00000061", "a\\\n  ", "a\n\n b"))) + '"'
    if how == 2 and not flow and "\n" not in word:
        return None
    return word or "''"


def properties(rng, names):
    out = ""
    if rng.randrange(8) == 0:
        name = f"n{rng.randrange(6)}"
        out += f"&{name} "
        names.append(name)
    if rng.randrange(10) == 0:
        tag = rng.choice(TAGS) + " "
        out = tag + out if rng.randrange(2) else out + tag
    return out


def flow(rng, depth, names):
    if names and rng.randrange(12) == 0:
        return f"*{rng.choice(names)} "
    head = properties(rng, names)
    if depth <= 0 or rng.randrange(3) == 0:
        return head + (scalar(rng, True) or "x")
    gap = rng.choice(("", " ", "\n   "))
    items = [flow(rng, depth - 1, names) for _ in range(rng.randrange(4))]
    if rng.randrange(2):
        pairs = (rng.choice((item, f"k: {item}", f"? {item} : x", f"? {item}")) for item in items)
        return head + "[" + gap + f",{gap or ' '}".join(pairs) + rng.choice(("", ",")) * bool(items) + "]"
    pairs = (rng.choice((f"{rng.choice('abc')}: {item}", f"\"q\":{item}", f"{item}", f"? {item} : y")) for item in items)
    return head + "{" + gap + f",{gap or ' '}".join(pairs) + "}"


def block(rng, indent, depth, names):
    """Lines of a value whose own lines are indented by `indent`; the first may stand behind a mark."""
    pad = " " * indent
    if names and rng.randrange(12) == 0:
        return f" *{rng.choice(names)}\n"
    head = properties(rng, names)
    how = rng.randrange(5) if depth > 0 else 0
    if how == 0:
        text = scalar(rng, False)
        if text is None:
            mark = rng.choice("|>") + rng.choice(("", "-", "+", "2", "-2", "1+"))
            lines = (rng.choice(("", " ", "  ", "   ")) + rng.choice(WORDS) for _ in range(rng.randrange(4)))
            return f" {head}{mark}\n" + "".join(rng.choice((f"{pad}  {line}\n", "\n")) for line in lines)
        if rng.randrange(10) == 0:
            text += f"\n{pad}  more\n\n{pad}  words"
        return f" {head}{text}" + rng.choice(("", "", "  # note")) + "\n"
    if how == 1:
        return f" {head}{flow(rng, depth, names)}\n"
    out = f" {head}\n" if head or rng.randrange(2) else "\n"
    inner = indent + rng.choice((0, 1, 2, 4)) if how == 2 else indent + rng.choice((1, 2, 4))
    pad = " " * inner
    for number in range(rng.randrange(1, 4)):
        if rng.randrange(12) == 0:
            out += f"{pad}# note\n"
        if how == 2:
            out += f"{pad}-{block(rng, inner + 2, depth - 1, names)}"
        elif rng.randrange(8) == 0:
            out += f"{pad}?{block(rng, inner + 2, depth - 1, names)}{pad}:{block(rng, inner + 2, depth - 1, names)}"
        elif names and rng.randrange(10) == 0:
            out += f"{pad}<<: *{rng.choice(names)}\n"
        else:
            key = rng.choice(("k", "key", '"q"', "'s'", "a b", "1")) + str(number) * rng.randrange(2)
            key = key if key.count('"') in (0, 2) and key.count("'") in (0, 2) else "z"
            out += f"{pad}{key}{rng.choice(('', '', ' '))}:{block(rng, inner + 1, depth - 1, names)}"
    return out


def text(rng):
    out = ""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if rng.randrange(4) == 0:
            if rng.randrange(3) == 0:
                out += "%YAML 1.1\n"
            if rng.randrange(2) == 0:
                out += "%TAG !e! tag:e,1:\n"
            out += "---"
        elif out:
            out += "---"
        names = []
        value = block(rng, 0, rng.randrange(1, 5), names)
        out += value if out.endswith("---") else value.lstrip("\n ") if value.count("\n") < 2 else value.lstrip("\n")
        if rng.randrange(8) == 0:
            out += "...\n"
    if rng.randrange(12) == 0:
        out = out.replace("\n", rng.choice(("\r\n", "\r", "\u2028", "\x85")))
    return out


def whole(rng):
    data = text(rng).encode()
    how = rng.randrange(20)
    if how == 0:
        data = b"\xef\xbb\xbf" + data
    return data


def make(seed):
    def one(index):
        rng = random.Random(f"{seed}/{index}")
        data = whole(rng)
        if index % 2:
            data = mutate.mutated(rng, data, PIECES, lambda: whole(rng))
        return data, resolve(data)

    return one


def clean(value):
    return SURROGATES.sub("\ufffd", value)


def nodes(root):
    """The nodes of a document in the order in which they start; aliases are nodes that were there before."""
    seen, out, stack = {}, [], [(root, None, None)]
    order = []

    def number(node):
        if id(node) not in seen:
            seen[id(node)] = len(order)
            order.append(node)
            return True
        return False

    stack = [root]
    while stack:
        node = stack.pop()
        if not number(node):
            continue
        if isinstance(node, yaml.SequenceNode):
            stack.extend(reversed(node.value))
        elif isinstance(node, yaml.MappingNode):
            stack.extend(part for pair in reversed(node.value) for part in reversed(pair))
    for node in order:
        if isinstance(node, yaml.ScalarNode):
            out.append([clean(node.tag), clean(node.value)])
        elif isinstance(node, yaml.SequenceNode):
            out.append([clean(node.tag), [seen[id(item)] for item in node.value]])
        else:
            out.append([clean(node.tag), [[seen[id(key)], seen[id(value)]] for key, value in node.value]])
    return out


def resolve(data):
    documents, error = [], False
    try:
        loader = yaml.SafeLoader(data)
        while loader.check_node():
            documents.append(nodes(loader.get_node()))
    except (yaml.YAMLError, ValueError, OverflowError):
        error = True
    except RecursionError:
        return {"documents": [], "error": None}
    return {"documents": documents, "error": error}


def statistics(seed, start, count):
    one, whole, kinds = make(seed), 0, 0
    for index in range(start, start + count):
        _, answer = one(index)
        whole += answer["error"] is False
        kinds += sum(map(len, answer["documents"]))
    print(f"{count} texts, {whole} without a fault, {kinds} nodes")


def main():
    stream.confine()
    mode, values = stream.arguments(sys.argv[1:])
    if mode == "generate":
        stream.generate(make(values["seed"]), values["start"], values["count"], values["batch"])
    elif mode == "answer":
        stream.answer(resolve)
    else:
        statistics(values["seed"], values["start"], values["count"])


main()
