"""Files as joblib writes them, and where joblib reads which array in them.

usage: joblib_files.py --seed N --count N

Objects are made of plain values and arrays, dumped with every protocol and compressor; what is loaded is only what was
made here.
"""
import io
import os
import random
import sys
import tempfile

import joblib
import joblib.numpy_pickle as persistence
import numpy as np

import stream

TYPES = ["?", "i1", "<i2", ">i4", "<i8", "u1", "<u8", "<f2", ">f4", "<f8", "<c8", "<c16", "S5", "<U3", ">U2", "V7", "<M8[ns]"]
TYPES += ["<m8[D]", "O", [("a", "<i2"), ("b", "<f8", (2,))], [("o", "O"), ("i", "<i4")]]
COMPRESSORS = ["zlib", "gzip", "bz2", "lzma", "xz", "lz4"]


def array(rng):
    shape = tuple(rng.choice([0, 1, 2, 3, 7]) for _ in range(rng.choice([0, 1, 1, 2, 3])))
    made = np.zeros(shape, np.dtype(rng.choice(TYPES)), order=rng.choice("CF"))
    flat = made.dtype.kind in "iuf" and made.size
    if flat:
        with np.errstate(all="ignore"):
            made[...] = rng.choice([0, 1, 46, 100])
    return made


def thing(rng, depth=0):
    choice = rng.random()
    if choice < 0.45 or depth > 3:
        return array(rng)
    if choice < 0.55:
        return rng.choice([1, 2.5, "text", b"bytes", None, True, 1 << 70])
    items = [thing(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    if choice < 0.75:
        return items
    if choice < 0.85:
        return tuple(items)
    return {f"key{index}": item for index, item in enumerate(items)}


LINES = []


def read(self, unpickler, *rest):
    dtype = self.dtype.str.split("[")[0]
    place = unpickler.file_handle.tell() - 1
    LINES.append(f"array at {place} {[int(side) for side in self.shape]} {dtype}")
    return ORIGINAL(self, unpickler, *rest)


ORIGINAL = persistence.NumpyArrayWrapper.read
persistence.NumpyArrayWrapper.read = read


def describe(path):
    LINES.clear()
    joblib.load(path)
    return list(LINES)


def main():
    _, words = stream.arguments(["generate"] + sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        for index in range(words["start"], words["start"] + words["count"]):
            rng = random.Random(f"{words['seed']}-{index}")
            packed = index % 3 == 2
            compress = (rng.choice(COMPRESSORS), rng.randint(1, 9)) if packed else 0
            joblib.dump(thing(rng), path, compress=compress, protocol=rng.choice([None, 0, 1, 2, 3, 4, 5]))
            with open(path, "rb") as file:
                data = file.read()
            answer = {"path": f"seed {words['seed']} index {index} {compress}", "packed": packed, "lines": describe(path)}
            sys.stdout.buffer.write(stream.record(data, answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
