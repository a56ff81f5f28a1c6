"""Arrays as NumPy writes them and damages of them, and what `numpy.lib.format` reads in each.

usage: numpy_files.py --seed N --count N

Pickles are not allowed: an array of objects is told by its shape and the place of its pickle, which is not loaded.
"""
import io
import random
import string
import struct
import sys

import numpy as np

import stream

MAGIC = b"\x93NUMPY"
FORMAT = np.lib.format
try:
    from numpy.lib import _format_impl as IMPL
except ImportError:
    IMPL = FORMAT

SIMPLE = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "c32", "S0", "S7"]
SIMPLE += ["U0", "U3", "V5", "M8[ns]", "M8[D]", "m8[25s]", "m8[7D]", "M8", "O"]


def simple(rng):
    kind = rng.choice(SIMPLE)
    order = rng.choice("<>=|") if kind[0] not in "?OSV" and not kind.endswith("i1") else "|"
    return np.dtype(order + kind if kind != "?" else kind)


def dtype(rng, depth=0):
    if depth > 2 or rng.random() < 0.6:
        return simple(rng)
    fields = []
    for index in range(rng.randint(1, 4)):
        name = rng.choice(["a", "b", "field", "ñ", "日本", "x y", "'q'"]) + str(index)
        if rng.random() < 0.2:
            name = ("title " + name, name)
        inner = dtype(rng, depth + 1)
        if rng.random() < 0.3:
            fields.append((name, inner, tuple(rng.randint(1, 3) for _ in range(rng.randint(1, 2)))))
        else:
            fields.append((name, inner))
    try:
        return np.dtype(fields, align=rng.random() < 0.3)
    except ValueError:
        return simple(rng)


def array(rng):
    shape = tuple(rng.choice([0, 1, 1, 2, 3, 5]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 5])))
    made = np.zeros(shape, dtype(rng), order=rng.choice("CF"))
    return made


def written(rng):
    out = io.BytesIO()
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        made = array(rng)
        version = rng.choice([None, None, (1, 0), (2, 0), (3, 0)])
        try:
            FORMAT.write_array(out, made, version=version)
        except (ValueError, UnicodeError):
            FORMAT.write_array(out, made)
    return out.getvalue()


DESCRS = ["'<f8'", "'f8'", "'float32'", "'|S3'", "'<M8[us]'", "('<i2', (2, 3))", "[('a', '<i4')]", "'O'", "'object'", "'int'"]
DESCRS += ["[('a', 'f8', 3)]", "'i4,f8'", "'(2,)i2'", "'<U2'", "'q'", "'g'", "'m8'", "'V'", "'f3'", "'bogus'", "3", "None", "()"]
SHAPES = ["()", "(3,)", "(2, 2)", "(0,)", "(-1,)", "(2L,)", "(True,)", "[2]", "3", "(2.0,)", "(1000,)", "(4294967296, 4294967296)"]
ORDERS = ["False", "True", "0", "None", "'C'"]


def handmade(rng):
    keys = ["'descr'", "'fortran_order'", "'shape'"]
    values = [rng.choice(DESCRS), rng.choice(ORDERS[:2] if rng.random() < 0.8 else ORDERS), rng.choice(SHAPES)]
    pairs = [f"{key}: {value}" for key, value in zip(keys, values)]
    if rng.random() < 0.1:
        pairs.append("'shape': " + rng.choice(SHAPES))
    if rng.random() < 0.1:
        pairs.append(rng.choice(["'x': 1", "1: 2", "b'descr': '<f8'"]))
    if rng.random() < 0.1:
        pairs.pop(rng.randrange(len(pairs)))
    rng.shuffle(pairs)
    text = "{" + ", ".join(pairs) + rng.choice(["", ",", ", "]) + "}" + " " * rng.randint(0, 9) + rng.choice(["\n", "", "\n\n", " # x\n"])
    if rng.random() < 0.1:
        text = rng.choice([" ", "\t", "\n", "(", "x", "#"]) + text
    return framed(rng, text)


def framed(rng, text):
    version = rng.choice([(1, 0), (1, 0), (2, 0), (3, 0)])
    data = text.encode("latin1", "replace") if version < (3, 0) else text.encode("utf8")
    length = struct.pack("<H" if version == (1, 0) else "<I", len(data))
    return MAGIC + bytes(version) + length + data + bytes(rng.choice([0, 8, 16, 24, 100]))


def damaged(rng):
    data = bytearray(written(rng) if rng.random() < 0.5 else handmade(rng))
    end = min(len(data), 200)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(6, end)
        choice = rng.random()
        if choice < 0.4:
            data[at] = rng.choice(string.printable.encode())
        elif choice < 0.6:
            data[at] = rng.randrange(256)
        elif choice < 0.8:
            del data[at]
            end -= 1
        else:
            data.insert(at, rng.choice(b" ,:'\"()[]{}#L0aO"))
    if rng.random() < 0.2:
        del data[rng.randrange(6, len(data)) :]
    return bytes(data)


def describe(data):
    """What is read, array by array, until something is refused or is no array."""
    file, lines = io.BytesIO(data), []
    while file.tell() < len(data):
        start = file.tell()
        if not data[start:].startswith(MAGIC):
            lines.append(f"rest {start}")
            break
        try:
            version = FORMAT.read_magic(file)
            shape, fortran, dtype = IMPL._read_array_header(file, version, max_header_size=1 << 30)
            place = file.tell()
            if dtype.hasobject:
                lines.append(f"objects {[int(side) for side in shape]} at {place}")
                break
            count = 1
            for side in shape:
                count *= int(side)
            if count < 0 or any(side < 0 for side in shape) or count * dtype.itemsize > len(data) - place:
                lines.append("refused")
                break
            file.seek(start)
            FORMAT.read_array(file, allow_pickle=False, max_header_size=1 << 30)
            lines.append(f"array {[int(side) for side in shape]} {fortran} {count * dtype.itemsize} at {place}")
            file.seek(place + count * dtype.itemsize)
        except (ValueError, TypeError, SyntaxError, MemoryError, OverflowError, UnicodeError, AttributeError, IndexError, RecursionError):
            lines.append("refused")
            break
        except Exception as error:
            lines.append("refused" if "tokenize" in type(error).__module__ else f"error {error!r}")
            break
    return lines


def main():
    _, words = stream.arguments(["generate"] + sys.argv[1:])
    stream.confine()
    for index in range(words["start"], words["start"] + words["count"]):
        rng = random.Random(f"{words['seed']}-{index}")
        make = (written, written, handmade, damaged)[index % 4]
        data = make(rng)
        answer = {"path": f"seed {words['seed']} index {index}", "lines": describe(data)}
        sys.stdout.buffer.write(stream.record(data, answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
