"""The oracle of compressed streams: makes files and says what Python's `gzip`, `bz2` and `lzma` read in them.

usage: streams.py generate|statistics [--seed S] [--start N] [--count N] [--batch N]

A record is a file and `[kind, whether nothing was done to it, data]`: what comes out in hexadecimal, or null
where Python refuses the file. The kinds take turns.
"""
import sys

sys.dont_write_bytecode = True

import bz2
import gzip
import lzma
import os
import random
import struct
import zlib

import mutate
import stream

KINDS = ("gzip", "bzip2", "xz", "lzma")
PIECES = (b"\0", b"\0\0\0\0", b"\x1f\x8b\x08", b"BZh9", b"\x31\x41\x59\x26\x53\x59", b"\xfd7zXZ\0", b"YZ", b"\xff\xff", b"\x5d\0\0")
CHECKS = (lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256)


def contents(rng):
    how = rng.randrange(6)
    if how == 0:
        return b""
    if how == 1:
        return b"cos\nsystem\n(S'id'\ntR."
    if how == 2:
        return rng.randbytes(rng.choice((1, 200, 70_000)))
    if how == 3:
        return bytes(rng.choice((1, 1000, 100_000)))
    if how == 4:
        return b"".join(b"%d," % (at * at) for at in range(rng.randrange(2000)))
    # What filters for programs change: calls (E8) and branches.
    return b"\x55\xe8\x10\x20\0\0\xeb\0\0\0" * rng.randrange(1, 300)


def gzipped(rng, data):
    """A member with any of the fields that a header can have (RFC 1952, section 2.3)."""
    flags = rng.choice((0, 0, 1, 2, 4, 8, 16, 31, 12, 24))
    head = b"\x1f\x8b\x08" + bytes([flags]) + struct.pack("<I", rng.randrange(1 << 32)) + rng.choice((b"\0\x03", b"\x02\xff", b"\x04\0"))
    if flags & 4:
        extra = rng.choice((b"", b"BC\x02\0\x1b\0", b"xx\x03\0abc"))
        head += struct.pack("<H", len(extra)) + extra
    if flags & 8:
        head += rng.choice((b"", b"model.pkl", b"\xe9" * 9)) + b"\0"
    if flags & 16:
        head += rng.choice((b"", b"a comment")) + b"\0"
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    packer = zlib.compressobj(rng.randrange(10), zlib.DEFLATED, -15, 9, rng.choice((zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY)))
    return head + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def xzed(rng, data):
    """A stream with any check and any chain of filters."""
    chain = rng.choice(((), (lzma.FILTER_DELTA,), (lzma.FILTER_X86,), (lzma.FILTER_ARM,), (lzma.FILTER_ARMTHUMB,), (lzma.FILTER_POWERPC,),
                        (lzma.FILTER_SPARC,), (lzma.FILTER_IA64,), (lzma.FILTER_DELTA, lzma.FILTER_X86)))
    filters = [{"id": each, "dist": rng.choice((1, 4, 256))} if each == lzma.FILTER_DELTA else {"id": each} for each in chain]
    lc = rng.randrange(5)
    filters.append({"id": lzma.FILTER_LZMA2, "preset": rng.randrange(3), "dict_size": rng.choice((4096, 1 << 16, 3 << 20)),
                    "lc": lc, "lp": rng.randrange(5 - lc), "pb": rng.randrange(5)})
    return lzma.compress(data, lzma.FORMAT_XZ, rng.choice(CHECKS), filters=filters)


def alone(rng, data):
    lc = rng.randrange(9)
    one = {"id": lzma.FILTER_LZMA1, "preset": rng.randrange(3), "dict_size": rng.choice((4096, 1 << 16, 3 << 20)), "pb": rng.randrange(5)}
    one.update({"lc": min(lc, 4), "lp": rng.randrange(5 - min(lc, 4))})
    packed = lzma.compress(data, lzma.FORMAT_ALONE, filters=[one])
    # With the size in its header it needs no end mark, and may have one.
    return packed[:5] + struct.pack("<Q", len(data)) + packed[13:] if rng.random() < 0.3 else packed


def one(rng, kind):
    data = contents(rng)
    if kind == "gzip":
        return gzipped(rng, data)
    if kind == "bzip2":
        return bz2.compress(data, rng.randrange(1, 10))
    return xzed(rng, data) if kind == "xz" else alone(rng, data)


def made(seed, index):
    """The file of this index, its kind, and whether nothing was done to it."""
    rng = random.Random(seed << 40 | index)
    kind = KINDS[index % len(KINDS)]
    data = one(rng, kind)
    if kind != "lzma" and rng.random() < 0.2:
        data += b"".join(one(rng, kind) for _ in range(rng.randrange(1, 4)))
    roll = rng.random()
    if roll < 0.3:
        return mutate.mutated(rng, data, PIECES, lambda: one(rng, kind)), kind, False
    if roll < 0.4:
        return data[: rng.randrange(len(data) + 1)], kind, False
    if roll < 0.5:
        return data + rng.choice((b"\0", bytes(4), bytes(8) + one(rng, kind), b"garbage", b"\x1f\x8b", b"BZ", b"\xfd7z")), kind, False
    return data, kind, True


def read(data, kind):
    """What Python reads; None where it refuses the file."""
    try:
        if kind == "gzip":
            return gzip.decompress(data)
        if kind == "bzip2":
            return bz2.decompress(data)
        if kind == "lzma":
            return lzma.decompress(data, lzma.FORMAT_ALONE)
        # The format allows zeros behind a stream, four at a time; Python refuses fewer than twelve of them.
        zeros = len(data) - len(data.rstrip(b"\0"))
        return lzma.decompress(data[:-zeros] if zeros in (4, 8) else data, lzma.FORMAT_XZ)
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, struct.error, MemoryError):
        return None


def told(data, kind, good):
    content = read(data, kind)
    return [kind, good, None if content is None else content.hex()]


def statistics(seed, start, count):
    """Prints how many files of each kind are read."""
    for kind in KINDS:
        files = [made(seed, index) for index in range(start, start + count) if KINDS[index % len(KINDS)] == kind]
        print("%s: %d files, %d read" % (kind, len(files), sum(read(data, kind) is not None for data, _, _ in files)))


def main():
    mode, values = stream.arguments(sys.argv[1:])
    stream.confine()
    if mode == "statistics":
        statistics(values["seed"], values["start"], values["count"])
    else:
        def record(index):
            data, kind, good = made(values["seed"], index)
            return data, told(data, kind, good)

        stream.generate(record, values["start"], values["count"], values["batch"])
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
