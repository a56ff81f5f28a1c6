"""The pickle oracle: makes pickles and says which globals CPython's unpicklers look up in them.

usage: pickles.py generate|answer|statistics [--seed S] [--start N] [--count N] [--batch N]

`generate` writes records of a pickle and the JSON list of [module, name] pairs that the C or the
pure-Python unpickler asks `find_class` for. The pickle with a given seed and index is always the
same. `answer` resolves pickles from standard input instead. `statistics` says what is generated.
"""
import sys

sys.dont_write_bytecode = True

import collections
import os
import pickle
import random

import mutate
import objects
import programs
import resolve
import stream

PIECES = (
    b"cos\nsystem\n", b"\x8c\x02os\x8c\x06system\x93", b"(ios\nsystem\n", b"(S'id'\ntR.", b".", b"(", b"0", b"1",
    b"\x80\x04", b"\x80\x02", b"\x95\x05\x00\x00\x00\x00\x00\x00\x00", b"\x94", b"q\x00", b"h\x00", b"h\x01", b"\x93",
    b"2", b"R", b"b", b"\x81", b"\n", b"\r\n", b"\x00", b"\xff", b"g0\n", b"p0\n", b"Vos\n", b"\x85R", b"NNN", b"\x92",
    b"\x97", b"\x98", b"a", b"e", b"s", b"u", b"]", b"}", b")", b"K\x01", b"U\x02os", b"\x82\x01", b"Q", b"Pid\n",
)


def base(rng):
    """A program or a dumped object."""
    if rng.random() < 0.6:
        return programs.program(rng)
    return objects.dumped(rng) or programs.program(rng)


def made(seed, index):
    """The pickle of this index, and the generator in the state that chooses how it is loaded."""
    rng = random.Random(seed << 40 | index)
    roll = rng.random()
    data = base(rng)
    if roll < 0.35:
        data = mutate.mutated(rng, data, PIECES, lambda: base(rng))
    elif roll < 0.50:
        data = b"".join([data] + [base(rng) for _ in range(rng.choice((1, 1, 2, 3)))])
    elif roll < 0.55:
        data = data[: rng.randrange(len(data) + 1)]
    elif roll < 0.60:
        data += rng.choice((b"\0", b"garbage", b"\n", b"PK\x03\x04", b"\x80", bytes(rng.choices(range(256), k=20))))
    elif roll < 0.61:
        data = bytes(rng.choices(range(256), k=rng.randrange(60)))
    return data, rng


def resolved(seed, index):
    data, rng = made(seed, index)
    return data, resolve.resolved(data, (rng.choice(resolve.ENCODINGS),))


def statistics(seed, start, count):
    """Prints how many pickles look something up, and how often each opcode ran."""
    ran = collections.Counter()
    for code, run in list(pickle._Unpickler.dispatch.items()):
        pickle._Unpickler.dispatch[code] = counted(ran, code, run)
    hits = lookups = size = 0
    for index in range(start, start + count):
        data, pairs = resolved(seed, index)
        hits += bool(pairs)
        lookups += len(pairs)
        size += len(data)
    print("%d pickles, %.0f bytes on average" % (count, size / count))
    print("%.1f %% look something up, %.2f globals on average" % (100 * hits / count, lookups / count))
    names = {getattr(pickle, name)[0]: name for name in pickle.__all__ if name.isupper() and len(name) > 1
             and isinstance(getattr(pickle, name), bytes) and len(getattr(pickle, name)) == 1}
    print("%d of %d opcodes ran" % (len(ran), len(names)))
    for code, name in sorted(names.items(), key=lambda item: ran[item[0]]):
        print("%10d %s" % (ran[code], name))


def counted(ran, code, run):
    def counting(unpickler):
        ran[code] += 1
        run(unpickler)

    return counting


def main():
    mode, values = stream.arguments(sys.argv[1:])
    stream.confine()
    if mode == "answer":
        stream.answer(lambda data: resolve.resolved(data, resolve.ENCODINGS))
    elif mode == "statistics":
        statistics(values["seed"], values["start"], values["count"])
    else:
        stream.generate(lambda index: resolved(values["seed"], index), values["start"], values["count"], values["batch"])
    sys.stdout.flush()
    # Structures that a pickle nested a million deep are not torn down one by one.
    os._exit(0)


if __name__ == "__main__":
    main()
