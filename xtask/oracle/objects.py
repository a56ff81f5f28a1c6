"""Random objects of many types, pickled by Python itself under every protocol."""
import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import operator
import os
import pathlib
import pickle
import re
import types
import uuid

HIGHEST = pickle.HIGHEST_PROTOCOL
KEYWORDS = {"buffer_callback": (lambda buffer: False)} if HIGHEST >= 5 else {}


class Reduced:
    """An object that pickles to whatever its `__reduce_ex__` is told to say."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce_ex__(self, protocol):
        return self.parts


class Plain:
    """An ordinary instance with attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    """An instance whose state is a pair of dictionaries."""

    __slots__ = ("left", "right")


class WithArguments:
    """An instance whose `__new__` takes arguments."""

    def __new__(cls, *args):
        made = super().__new__(cls)
        made.args = args
        return made

    def __getnewargs__(self):
        return self.args


class WithKeywords(WithArguments):
    """An instance whose `__new__` takes keywords: NEWOBJ_EX, or `partial` under old protocols."""

    def __getnewargs_ex__(self):
        return self.args, {"key": "value"}


class Shade(enum.Enum):
    """Pickles by value or by name, according to the version of Python."""

    DARK = 1
    LIGHT = "light"


class Listed(list):
    """A list with attributes."""


class Mapped(dict):
    """A dictionary with attributes."""


Pair = collections.namedtuple("Pair", "left right")
CALLABLES = (
    os.system, eval, exec, getattr, print, open, os.path.join, operator.attrgetter, functools.reduce, map, range,
    len, str.join, dict.fromkeys, Plain, collections.OrderedDict, bytes.fromhex, int, types.FunctionType,
    os._exit, compile, __import__, pickle.loads, io.BytesIO, Listed.append, zip, filter, getattr, Shade,
)
WORDS = ("os", "system", "a", "", "id", "\u00e9", "\u6a21", "x" * 40, "line\nbreak", "\\", "'\"", "\ud800", "\x00")


def simple(rng):
    """A constant."""
    how = rng.randrange(9)
    if how == 0:
        return rng.choice(WORDS)
    if how == 1:
        return rng.choice((b"", b"os", b"\x80\x02.", b"\xff" * 9, b"'\n", bytearray(b"array"), bytearray(b"")))
    if how == 2:
        return rng.choice((0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31) - 1, 2**63, 2**200, -(2**2100)))
    if how == 3:
        return rng.choice((0.0, -1.5, 1e300, float("inf"), float("nan"), 0.1))
    if how == 4:
        return rng.choice((None, True, False, Ellipsis, NotImplemented, type(None)))
    if how == 5:
        return rng.choice(CALLABLES)
    if how == 6:
        return rng.choice((1 + 2j, range(5), slice(1, None, 2), Shade.DARK, Shade.LIGHT, set(), frozenset((1,))))
    if how == 7:
        return rng.choice(LIBRARY)
    return "%x" % rng.randrange(1000)


LIBRARY = (
    datetime.datetime(2024, 2, 29, 1, 2, 3, 4), datetime.timedelta(1, 2), datetime.timezone.utc, datetime.date(1, 1, 1),
    decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=5), re.compile("a+b"),
    pathlib.PurePosixPath("/etc/passwd"), array.array("d", [1.0, 2.0]), array.array("b"), Pair(1, "two"),
    collections.Counter("aab"), collections.deque([1, 2], 5), collections.defaultdict(list, a=[1]),
    collections.OrderedDict(a=1, b=2), ValueError("no", 1), OSError(2, "none"), KeyError(), functools.partial(print, 1, sep=""),
    operator.itemgetter(1, 2), operator.methodcaller("system", "id"), operator.attrgetter("a.b"),
    types.SimpleNamespace(a=1), io.BytesIO(b"abc"), io.StringIO("abc"), collections.ChainMap({}), re.IGNORECASE,
    memoryview, os.stat_result(range(10)), bytearray(b"x" * 30), {1: {2: {3: 4}}}, ((), ((),)), "".join,
)


def anything(rng, depth=0):
    """An object, nested up to a few levels."""
    how = 0 if depth >= 3 else rng.randrange(16) if depth else rng.randrange(2, 16)
    if how < 4:
        return simple(rng)
    below = depth + 1
    count = rng.randrange(5)
    if how == 4:
        return [anything(rng, below) for _ in range(count)]
    if how == 5:
        return tuple(anything(rng, below) for _ in range(count))
    if how == 6:
        return {hashable(rng): anything(rng, below) for _ in range(count)}
    if how == 7:
        return rng.choice((set, frozenset))(hashable(rng) for _ in range(count))
    if how == 8:
        shared = anything(rng, below)
        return [shared, shared, {"again": shared}]
    if how == 9:
        return Plain(first=anything(rng, below), second=simple(rng))
    if how == 10:
        return reduced(rng, below)
    if how == 11:
        return rng.choice((WithArguments, WithKeywords))(simple(rng), anything(rng, below))
    if how == 12:
        made = rng.choice((Listed, Mapped))()
        made.extra = anything(rng, below)
        return made
    if how == 13:
        made = Slotted()
        made.left = anything(rng, below)
        return made
    if how == 14:
        return looped(rng)
    return buffer(rng)


def hashable(rng):
    value = simple(rng)
    try:
        hash(value)
    except TypeError:
        return "unhashable"
    return value


def reduced(rng, depth):
    """What an attacker's `__reduce__` returns: a call, and perhaps state, items and a setter."""
    args = tuple(anything(rng, depth) for _ in range(rng.randrange(3)))
    parts = [rng.choice(CALLABLES), args]
    if rng.random() < 0.4:
        parts.append(anything(rng, depth) if rng.random() < 0.7 else None)
        if rng.random() < 0.5:
            parts.append(iter([simple(rng)] * rng.randrange(3)))
            if rng.random() < 0.5:
                parts.append(iter([(simple(rng), simple(rng))]))
    return Reduced(*parts)


def looped(rng):
    """A structure that contains itself."""
    made = rng.choice((list, dict, Plain))()
    if isinstance(made, list):
        made.append((made, simple(rng)))
    elif isinstance(made, dict):
        made["self"] = made
    else:
        made.self = made
    return made


def buffer(rng):
    """Bytes that may leave the stream under protocol 5."""
    data = rng.choice((b"inside", bytearray(b"writable")))
    return pickle.PickleBuffer(data) if HIGHEST >= 5 else data


class Persisting(pickle._Pickler):
    """Replaces some texts by persistent ids, as frameworks do with storages."""

    def persistent_id(self, value):
        return ("storage", value) if value in ("os", "a") and isinstance(value, str) else None


class PersistingFast(pickle.Pickler):
    """The same in C."""

    persistent_id = Persisting.persistent_id


def dumped(rng):
    """One object as Python pickles it; nothing where it cannot be pickled."""
    protocol = rng.randrange(HIGHEST + 1)
    keywords = KEYWORDS if protocol >= 5 and rng.random() < 0.7 else {}
    file = io.BytesIO()
    roll = rng.random()
    kind = Persisting if roll < 0.1 else PersistingFast if roll < 0.2 else pickle._Pickler if roll < 0.3 else pickle.Pickler
    try:
        pickler = kind(file, protocol, fix_imports=rng.random() < 0.8, **keywords)
        pickler.fast = rng.random() < 0.05
        pickler.dump(anything(rng))
    except Exception:
        return b""
    return file.getvalue()
