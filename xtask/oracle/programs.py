"""Random pickle programs over all 68 opcodes, aware of the stack and wrong on purpose now and then."""
import struct

# What lies on the simulated stack, one letter each: u text, b bytes, i int, f float, n None,
# t bool, l list, d dict, s set, F frozenset, T tuple, c anything looked up or called,
# B bytearray, v buffer, M mark.
HASHABLE = frozenset("ubifntFc")
GROWS = frozenset("lc")
MODULES = (
    "os", "posix", "nt", "sys", "builtins", "__builtin__", "subprocess", "commands", "collections",
    "torch", "torch._utils", "numpy.core.multiarray", "numpy", "_codecs", "copy_reg", "copyreg",
    "functools", "itertools", "operator", "urllib2", "__main__", "a", "os.path", "importlib",
)
NAMES = (
    "system", "popen", "eval", "exec", "execfile", "getattr", "Popen", "OrderedDict", "_rebuild",
    "reconstructor", "_reconstructor", "partial", "map", "izip", "attrgetter", "urlopen", "A", "x",
    "path.join", "A.B.C", "__class__.__base__", "FloatStorage", "encode", "import_module", "loads",
)
ODD = (
    "", ".", "..", "a..b", ".a", "a.", "o s", " os", "os ", "os\r", "\r", "\t", "os\x00", "\x0b",
    "\u00e9t\u00e9", "\u6a21\u578b", "\U0001f600", "\u202eso", "\ufeffos", "os:system", "os\u2028",
    "__dict__", "<locals>", "f.<locals>.g", "0", "-1", "True", "None", "\xa0", "K" * 70, "\x85", "\x1c",
)
NUMBERS = (
    b"0", b"1", b"-1", b"00", b"01", b"7", b"42", b"+1", b" 1", b"1 ", b"\t1", b"1\r", b"0x1f", b"0X1F",
    b"0o17", b"0b11", b"1_000", b"0x_f", b"1__0", b"_1", b"1_", b"", b" ", b"-", b"0x", b"1L", b"1l", b"1LL",
    b"-0x10", b"- 1", b"2147483647", b"2147483648", b"-2147483649", b"9223372036854775808",
    b"99999999999999999999999", b"1.0", b"1e3", b"nan", b"\xd9\xa1", b"1\x00", b"\x0c1", b"017", b"0777",
    b"0xg", b"True", b"0b2", b"9" * 30,
)
FLOATS = (
    b"0.0", b"1.5", b"-1e308", b"1e999", b"nan", b"inf", b"-inf", b"1_0.0", b" 1.0", b"1.0 ", b"1",
    b"", b"0x1p3", b"infinity", b"NaN", b"1.5\r", b"e", b"1e", b".5", b"5.", b"\t2", b"1.0L", b"-0.0",
)
QUOTED = (
    b"''", b'""', b"'a'", b'"a"', b"'os'", b"'system'", b"'\\x41'", b"'\\n'", b"'\\''", b"'a", b"a'",
    b"a", b"'", b"", b"'a' ", b" 'a'", b"'a'\r", b"'a\"", b"'\\x4'", b"'\\'", b"'\\101'", b"'\xe9'",
    b"'\\u0041'", b"'a''b'", b"'\\\\'", b"'\t'", b"\"os\" \t", b"'\\xff'", b"'\\q'",
)
ESCAPED = (
    b"", b"os", b"system", b"\\u006fs", b"\\U0000006fs", b"\\u6f", b"\\U0011ffff", b"\\ud83d\\ude00",
    b"\\ud800", b"\xe9", b"\\n", b"\\\\u0041", b"\\\\\\u0041", b"\\u000a", b"a\r", b"\xc3\xa9", b"\\x41",
    b"\\U0001f600", b"\\", b"a\\", b"\\uD800\\uDC00", b"\\N{BULLET}", b"\\u000ax", b"\\u0000",
)
INDEXES = (0, 1, 2, 3, 127, 128, 255, 256, 1000, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**28)


class Program:
    """One pickle while it is written: bytes, simulated stack and memo."""

    def __init__(self, rng, protocol, wrong):
        self.rng = rng
        self.protocol = protocol
        self.wrong = wrong
        self.out = bytearray()
        self.stack = []
        self.memo = {}
        self.frame = None

    # -- stack ------------------------------------------------------------------------------------

    def push(self, code, kind):
        self.out += code
        self.stack.append(kind)

    def top(self, depth=1):
        """The kind `depth` places from the top, or a mark where there is nothing."""
        return self.stack[-depth] if len(self.stack) >= depth else "M"

    def above(self):
        """How many items lie above the last mark, or None where there is no mark."""
        for count, kind in enumerate(reversed(self.stack)):
            if kind == "M":
                return count
        return None

    def drop(self, count):
        if count:
            del self.stack[-count:]

    def drop_mark(self):
        """Takes everything down to the last mark off, and the mark."""
        count = self.above()
        self.drop(len(self.stack) if count is None else count + 1)

    # -- frames -----------------------------------------------------------------------------------

    def open_frame(self):
        self.close_frame()
        self.frame = len(self.out)
        self.out += b"\x95" + bytes(8)

    def close_frame(self):
        if self.frame is None:
            return
        size = len(self.out) - self.frame - 9
        if self.rng.random() < self.wrong:
            size = max(0, size + self.rng.choice((-9, -2, -1, 1, 2, 9, 1000, 2**33, 2**63)))
        self.out[self.frame + 1 : self.frame + 9] = struct.pack("<Q", size)
        self.frame = None


def word(rng, usual):
    return rng.choice(usual) if rng.random() < 0.85 else rng.choice(ODD)


def spelled(rng, usual):
    """A name as a line: mostly plain, sometimes bytes that are no UTF-8 or hold a line break."""
    roll = rng.random()
    if roll < 0.96:
        return word(rng, usual).encode("utf-8", "surrogatepass")
    return rng.choice((b"\xff", b"os\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"a\nb", b"os\r\n", b"\xe2\x80"))


def counted(rng, wrong, width, data):
    """`data` behind its length, which is wrong with probability `wrong`."""
    size = len(data)
    if rng.random() < wrong:
        size = max(0, size + rng.choice((-1, 1, 3, 100, 2**16, 2**31, 2**31 - 1, 2**40)))
    limit = 256**width - 1
    return min(size, limit).to_bytes(width, "little") + data


def text(p, value=None):
    """Pushes text in one of the four ways that exist."""
    rng = p.rng
    if value is None:
        value = word(rng, MODULES + NAMES)
    data = value.encode("utf-8", "surrogatepass")
    if rng.random() < 0.02:
        data = rng.choice((b"\xff", b"\xed\xa0\x80", b"os\xed\xb0\x80", b"\xf4\x90\x80\x80"))
    how = rng.random()
    wrong = p.wrong / 4
    if p.protocol >= 4 and how < 0.8:
        p.push(b"\x8c" + counted(rng, wrong, 1, data[:255]), "u")
    elif how < 0.85:
        p.push(b"X" + counted(rng, wrong, 4, data), "u")
    elif how < 0.93:
        line = value.encode("raw_unicode_escape").replace(b"\n", b"\\u000a")
        p.push(b"V" + line + b"\n", "u")
    else:
        p.push(b"\x8d" + counted(rng, wrong, 8, data), "u")


def escaped(p):
    p.push(b"V" + p.rng.choice(ESCAPED) + b"\n", "u")


def quoted(p):
    p.push(b"S" + p.rng.choice(QUOTED) + b"\n", "u")


def old_text(p):
    """Pushes a Python 2 string, which is text or bytes according to the loader's `encoding`."""
    rng = p.rng
    data = word(rng, NAMES).encode("utf-8") if rng.random() < 0.9 else bytes(rng.choices(range(256), k=4))
    if rng.random() < 0.7:
        p.push(b"U" + counted(rng, p.wrong / 4, 1, data[:255]), "u")
    else:
        size = len(data) if rng.random() >= p.wrong / 4 else rng.choice((-1, 2**31 - 1, len(data) + 1))
        p.push(b"T" + struct.pack("<i", size) + data, "u")


def old_quoted(p):
    p.push(b"S'" + word(p.rng, NAMES).encode("unicode_escape").replace(b"'", b"\\'") + b"'\n", "u")


def octets(p):
    rng = p.rng
    data = rng.choice((b"", b"os", b"\x80\x04.", b"cos\nsystem\n.", b"\n", b"a" * 20, b"\xff\x00"))
    code, width, kind = rng.choice(((b"C", 1, "b"), (b"B", 4, "b"), (b"\x8e", 8, "b"), (b"\x96", 8, "B")))
    p.push(code + counted(rng, p.wrong / 4, width, data), kind)


def whole(p):
    rng = p.rng
    how = rng.randrange(7)
    if how == 0:
        p.push(b"K" + bytes([rng.randrange(256)]), "i")
    elif how == 1:
        p.push(b"M" + struct.pack("<H", rng.randrange(65536)), "i")
    elif how == 2:
        p.push(b"J" + struct.pack("<i", rng.randrange(-(2**31), 2**31)), "i")
    elif how == 3:
        p.push(b"I" + (rng.choice(NUMBERS) if rng.random() < 0.5 else b"%d" % rng.randrange(100)) + b"\n", "i")
    elif how == 4:
        p.push(b"L" + (rng.choice(NUMBERS) if rng.random() < 0.5 else b"%dL" % rng.randrange(100)) + b"\n", "i")
    elif how == 5:
        p.push(b"\x8a" + counted(rng, p.wrong / 4, 1, bytes(rng.choices(range(256), k=rng.randrange(9)))), "i")
    else:
        p.push(b"\x8b" + counted(rng, p.wrong / 4, 4, bytes(rng.choices(range(256), k=rng.randrange(5)))), "i")


def real(p):
    if p.rng.random() < 0.5:
        p.push(b"G" + struct.pack(">d", p.rng.random()), "f")
    else:
        p.push(b"F" + (p.rng.choice(FLOATS) if p.rng.random() < 0.5 else b"0.5") + b"\n", "f")


def constant(p):
    code, kind = p.rng.choice(((b"N", "n"), (b"\x88", "t"), (b"\x89", "t"), (b"I01\n", "t"), (b"I00\n", "t")))
    p.push(code, kind)


def empty(p):
    code, kind = p.rng.choice(((b"]", "l"), (b"}", "d"), (b")", "T"), (b"\x8f", "s")))
    p.push(code, kind)


def mark(p):
    p.push(b"(", "M")


def tuple_of_mark(p):
    p.drop_mark()
    p.push(b"t", "T")


def list_of_mark(p):
    p.drop_mark()
    p.push(b"l", "l")


def dict_of_mark(p):
    if (p.above() or 0) % 2 and p.rng.random() >= p.wrong:
        constant(p)
    p.drop_mark()
    p.push(b"d", "d")


def frozenset_of_mark(p):
    p.drop_mark()
    p.push(b"\x91", "F")


def small_tuple(p):
    count = p.rng.randrange(1, 4)
    p.drop(min(count, len(p.stack)))
    p.push((b"\x85", b"\x86", b"\x87")[count - 1], "T")


def append(p):
    p.drop(1)
    p.out += b"a"


def appends(p):
    p.drop_mark()
    p.out += b"e"


def setitem(p):
    p.drop(2)
    p.out += b"s"


def setitems(p):
    if (p.above() or 0) % 2 and p.rng.random() >= p.wrong:
        constant(p)
    p.drop_mark()
    p.out += b"u"


def additems(p):
    p.drop_mark()
    p.out += b"\x90"


def lookup(p):
    """GLOBAL, mostly with line feeds as they should be."""
    rng = p.rng
    end = b"\n" if rng.random() < 0.95 else rng.choice((b"\r\n", b"\r", b"\n\n", b" \n", b"\0\n"))
    p.push(b"c" + spelled(rng, MODULES) + b"\n" + spelled(rng, NAMES) + end, "c")


def stack_lookup(p):
    """STACK_GLOBAL on texts pushed for it, or on whatever lies there."""
    rng = p.rng
    roll = rng.random()
    if roll >= p.wrong:
        name_part(p, MODULES)
        name_part(p, NAMES)
        if rng.random() < 0.05:
            noise(p)
    p.drop(2)
    p.push(b"\x93", "c")


def name_part(p, usual):
    """One of the two names of a STACK_GLOBAL: pushed anew, from the memo, or a Python 2 string."""
    rng = p.rng
    kept = [index for index, kind in p.memo.items() if kind == "u"]
    roll = rng.random()
    if kept and roll < 0.3:
        fetch(p, rng.choice(kept))
    elif roll < 0.9:
        text(p, word(rng, usual))
    else:
        rng.choice((escaped, quoted, old_text, old_quoted))(p)
    if rng.random() < 0.4:
        memoize(p)


def noise(p):
    """Something that leaves the stack as it was."""
    rng = p.rng
    for push in rng.choices((whole, text, constant, empty), k=rng.randrange(1, 3)):
        push(p)
        p.drop(1)
        p.out += b"0"


def duplicate(p):
    p.push(b"2", p.top())


def pop(p):
    p.drop(1)
    p.out += b"0"


def pop_mark(p):
    p.drop_mark()
    p.out += b"1"


def instance(p):
    p.drop_mark()
    p.push(b"i" + spelled(p.rng, MODULES) + b"\n" + spelled(p.rng, NAMES) + b"\n", "c")


def construct(p):
    p.drop_mark()
    p.push(b"o", "c")


def reduce_(p):
    if p.top() != "T" and p.rng.random() >= p.wrong:
        empty_or_pair(p)
    p.drop(2)
    p.push(b"R", "c")


def empty_or_pair(p):
    if p.rng.random() < 0.5:
        p.push(b")", "T")
    else:
        text(p)
        p.drop(1)
        p.push(b"\x85", "T")


def new(p):
    if p.top() != "T" and p.rng.random() >= p.wrong:
        empty_or_pair(p)
    p.drop(2)
    p.push(b"\x81", "c")


def new_with_keywords(p):
    if p.rng.random() >= p.wrong:
        empty_or_pair(p)
        p.push(b"}", "d")
        if p.rng.random() < 0.3:
            text(p)
            whole(p)
            p.drop(2)
            p.out += b"s"
    p.drop(3)
    p.push(b"\x92", "c")


def build(p):
    if p.rng.random() >= p.wrong:
        p.rng.choice((empty, constant, whole, text))(p)
    p.drop(1)
    p.out += b"b"


def persistent(p):
    p.push(b"P" + spelled(p.rng, NAMES) + b"\n", "c")


def persistent_of_stack(p):
    p.drop(1)
    p.push(b"Q", "c")


def extension(p):
    rng = p.rng
    known = rng.random() >= p.wrong
    code, layout, codes = rng.choice((
        (b"\x82", "<B", (1, 2, 255) if known else (0, 3, 254)),
        (b"\x83", "<H", (1, 256, 65535) if known else (0, 3, 1000)),
        (b"\x84", "<i", (1, 65536, 2**31 - 1) if known else (0, -1, 3, -(2**31))),
    ))
    p.push(code + struct.pack(layout, rng.choice(codes)), "c")


def next_buffer(p):
    p.push(b"\x97", "v")


def readonly(p):
    p.out += b"\x98"


def memoize(p, index=None):
    """Puts the top into the memo under the next, a random or a given index."""
    rng = p.rng
    if index is None:
        roll = rng.random()
        index = len(p.memo) if roll < 0.85 else rng.choice(INDEXES[:10] if roll < 0.99 else INDEXES)
    how = rng.random()
    if p.protocol >= 4 and how < 0.6:
        p.memo[len(p.memo)] = p.top()
        p.out += b"\x94"
        return
    p.memo[index] = p.top()
    if index < 256 and how < 0.8:
        p.out += b"q" + bytes([index])
    elif how < 0.92:
        p.out += b"r" + struct.pack("<I", index)
    else:
        p.out += b"p" + line_of(rng, index, p.wrong)


def line_of(rng, index, wrong):
    if rng.random() < wrong:
        return rng.choice(NUMBERS) + b"\n"
    return b"%d" % index + rng.choice((b"\n", b"\n", b"\n", b" \n", b"\r\n"))


def fetch(p, index=None):
    """Gets something from the memo, mostly something that is there."""
    rng = p.rng
    if index is None:
        known = bool(p.memo) and rng.random() >= p.wrong
        index = rng.choice(tuple(p.memo)) if known else rng.choice(INDEXES)
    kind = p.memo.get(index, "c")
    how = rng.random()
    if index < 256 and how < 0.6:
        p.push(b"h" + bytes([index]), kind)
    elif how < 0.8:
        p.push(b"j" + struct.pack("<I", index), kind)
    else:
        p.push(b"g" + line_of(rng, index, p.wrong / 2), kind)


def protocol(p):
    p.out += b"\x80" + bytes([p.rng.choice((0, 1, 2, 3, 4, 5, 5, 6, 255))])


def frame(p):
    p.open_frame() if p.frame is None else p.close_frame()


def stop(p):
    p.out += b"."


def anything(p):
    return True


def has(count):
    return lambda p: len(p.stack) >= count and "M" not in p.stack[-count:]


def marked(p):
    return p.above() is not None


def onto(kinds):
    """Whether below the last mark lies one of `kinds`."""

    def check(p):
        count = p.above()
        return count is not None and p.top(count + 2) in kinds

    return check


def hashable_above(p):
    count = p.above()
    return bool(count) and all(kind in HASHABLE for kind in p.stack[-count:])


# (weight, whether it fits the stack, what it does); weights favour what builds long programs that
# look many things up.
STEPS = (
    (14, anything, lookup),
    (14, anything, stack_lookup),
    (5, marked, instance),
    (6, anything, text),
    (2, anything, escaped),
    (2, anything, quoted),
    (2, anything, old_text),
    (1, anything, old_quoted),
    (3, anything, octets),
    (6, anything, whole),
    (2, anything, real),
    (3, anything, constant),
    (6, anything, empty),
    (8, anything, mark),
    (4, marked, tuple_of_mark),
    (2, marked, list_of_mark),
    (2, lambda p: marked(p) and all(kind in HASHABLE for kind in p.stack[-(p.above() or 1)::2]), dict_of_mark),
    (2, hashable_above, frozenset_of_mark),
    (4, has(3), small_tuple),
    (4, lambda p: p.top(2) in GROWS and p.top() != "M", append),
    (4, onto(GROWS), appends),
    (4, lambda p: p.top(3) in "dc" and p.top(2) in HASHABLE and p.top() != "M", setitem),
    (4, onto("dc"), setitems),
    (3, lambda p: onto("sc")(p) and hashable_above(p), additems),
    (7, lambda p: p.top() == "c" or (p.top() == "T" and p.top(2) == "c"), reduce_),
    (5, lambda p: p.top() == "c" or (p.top() == "T" and p.top(2) == "c"), new),
    (3, lambda p: p.top() == "c", new_with_keywords),
    (3, lambda p: bool(p.above()) and p.stack[-p.above()] == "c", construct),
    (4, lambda p: p.top() == "c", build),
    (3, has(1), duplicate),
    (3, lambda p: bool(p.stack), pop),
    (2, marked, pop_mark),
    (9, has(1), memoize),
    (8, lambda p: bool(p.memo), fetch),
    (1, anything, persistent),
    (1, has(1), persistent_of_stack),
    (2, anything, extension),
    (1, anything, next_buffer),
    (1, lambda p: p.top() in "bBv", readonly),
    (1, lambda p: p.protocol >= 2, protocol),
    (2, lambda p: p.protocol >= 4, frame),
    (0.2, lambda p: bool(p.stack), stop),
)
# Opcodes without an argument, for steps taken blindly.
BARE = b"(.0125NQR)]}abdelostu\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"
ACTIONS = [action for _, _, action in STEPS]
CUMULATIVE = []
for _weight, _, _ in STEPS:
    CUMULATIVE.append(_weight + (CUMULATIVE[-1] if CUMULATIVE else 0))
FITS = {action: fits for _, fits, action in STEPS}


def program(rng):
    """One pickle: header, some steps, and mostly a tidy end."""
    level = rng.choice((0, 1, 2, 2, 3, 4, 4, 4, 5))
    p = Program(rng, level, rng.choice((0, 0, 0.02, 0.02, 0.1, 0.4)))
    if level >= 2 and rng.random() >= p.wrong:
        p.out += b"\x80" + bytes([level])
    if level >= 4 and rng.random() < 0.7:
        p.open_frame()
    steps = rng.choice((3, 8, 15, 30))
    while steps > 0:
        for action in rng.choices(ACTIONS, cum_weights=CUMULATIVE, k=6):
            if FITS[action](p):
                action(p)
                steps -= 1
            elif rng.random() < p.wrong / 4:
                action(p)
                steps -= 1
        if rng.random() < p.wrong / 8:
            p.out += bytes([rng.choice(BARE)])
    finish(p)
    return bytes(p.out)


def finish(p):
    """Closes what is open, and stops."""
    if p.rng.random() >= p.wrong:
        while marked(p):
            tuple_of_mark(p)
        if not p.stack:
            constant(p)
    if p.rng.random() >= p.wrong / 2:
        p.out += b"."
    p.close_frame()
