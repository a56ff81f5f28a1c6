"""The zip oracle: makes archives and says what Python's `zipfile` lists and reads in them.

usage: zips.py generate|answer|statistics [--seed S] [--start N] [--count N] [--batch N]

A record is an archive and a JSON list of members: [name, name in the file (hexadecimal), size, data
(hexadecimal, or null where zipfile refuses to read it)]. Archives that zipfile cannot open have an
empty list. The archive with a given seed and index is always the same.
"""
import sys

sys.dont_write_bytecode = True

import io
import os
import random
import struct
import zipfile

import mutate
import stream

NAMES = (
    "data.pkl", "archive/data.pkl", "archive/version", "a", "a/", "b/c/d", "../up", "/abs", "\u6a21\u578b/\u00e9", "A",
    "archive/data/0", "archive/data/1", "archive/byteorder", "x" * 60, "con", "a\\b", "C:\\x", "a/../b", "\u00e9", " ",
)
LARGEST = 1 << 16
PIECES = (
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06" + bytes(18), b"PK\x07\x08", b"PK\x06\x06", b"PK\x06\x07", b"\0", b"\xff\xff",
    b"\xff\xff\xff\xff", b"data.pkl", b"\x01\x00\x10\x00", b"\x75\x70", b"\x08\x00", b"\x00\x00", b"\n", b"../",
)
# Offsets and widths of the fields of local header, central header and end record (APPNOTE.TXT
# 4.3.7, 4.3.12, 4.3.16, 4.3.14, 4.3.15).
FIELDS = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\x01\x02": ((4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4)),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
}
VALUES = (0, 1, 2, 3, 8, 9, 12, 14, 0x801, 0x800, 0x809, 99, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 2**63, 2**31)


class Unseekable(io.RawIOBase):
    """A file that cannot seek: zipfile then writes data descriptors."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)


def contents(rng):
    how = rng.randrange(6)
    if how == 0:
        return b""
    if how == 1:
        return b"cos\nsystem\n(S'id'\ntR."
    if how == 2:
        return bytes(rng.choices(range(256), k=rng.randrange(1, 200)))
    if how == 3:
        return bytes([rng.randrange(256)]) * rng.choice((1, 100, 5000))
    if how == 4:
        return b"PK\x03\x04" + bytes(rng.randrange(40)) + b"PK\x05\x06" + bytes(18)
    return b"%d\n" % rng.randrange(100)


def archive(rng):
    """A well-formed archive, with the options that zipfile has."""
    target = Unseekable() if rng.random() < 0.25 else io.BytesIO()
    with zipfile.ZipFile(target, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as made:
        for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
            member(rng, made)
        if rng.random() < 0.2:
            made.comment = rng.choice((b"comment", b"PK\x05\x06", b"PK\x05\x06" + bytes(18), b"x" * 300))
    data = bytes(target.data) if isinstance(target, Unseekable) else target.getvalue()
    if rng.random() < 0.15:
        data = rng.choice((b"#!/bin/sh\n", b"\x80\x02.", b"MZ" + bytes(50), b"PK\x03\x04", b"\0" * 7)) + data
    return data


def member(rng, made):
    info = zipfile.ZipInfo(rng.choice(NAMES), (1980 + rng.randrange(50), 1, 1, 0, 0, 0))
    info.compress_type = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if rng.random() < 0.1:
        info.external_attr = rng.choice((0o120777 << 16, 0o40755 << 16 | 0x10, 0xFFFFFFFF))
    if rng.random() < 0.2:
        info.extra = rng.choice((b"FB\x04\x00ZZZZ", b"\x01\x00\x00\x00", b"\xfe\xca\x00\x00", struct.pack("<HHB", 0x9901, 1, 0)))
    if rng.random() < 0.1:
        info.comment = b"member comment"
    with made.open(info, "w", force_zip64=rng.random() < 0.15) as file:
        file.write(contents(rng))


def corrupted(rng, data):
    """Other values in fields of headers, which is how readers are set against each other."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        signature = rng.choice(tuple(FIELDS))
        found = places(data, signature)
        if not found:
            continue
        offset, width = rng.choice(FIELDS[signature])
        at = rng.choice(found) + offset
        old = int.from_bytes(data[at : at + width], "little")
        value = rng.choice((rng.choice(VALUES), old + 1, old - 1, old + rng.randrange(100), old ^ (1 << rng.randrange(16))))
        data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(data)


def places(data, signature):
    found = []
    at = data.find(signature)
    while at >= 0:
        found.append(at)
        at = data.find(signature, at + 1)
    return found


def renamed(rng, data):
    """Another name of the same length in one of the two places that name a member."""
    name = rng.choice(NAMES).encode()
    found = places(data, name)
    if not found:
        return data
    at = rng.choice(found)
    changed = bytearray(data)
    changed[at : at + len(name)] = rng.choice((name.upper(), name[:-1] + b"\0", b"z" * len(name), name[::-1]))
    return bytes(changed)


def made(seed, index):
    """The archive of this index."""
    rng = random.Random(seed << 40 | index)
    data = archive(rng)
    roll = rng.random()
    if roll < 0.3:
        data = corrupted(rng, data)
    elif roll < 0.45:
        data = mutate.mutated(rng, data, PIECES, lambda: archive(rng))
    elif roll < 0.55:
        data = renamed(rng, data)
    elif roll < 0.62:
        data += archive(rng)
    elif roll < 0.68:
        data += rng.choice((b"\0", b"garbage", b"\n" * 100, b"PK\x05\x06" + bytes(18), bytes(70000)))
    return data


def listed(data):
    """What zipfile lists and reads; nothing where it cannot open the archive."""
    try:
        opened = zipfile.ZipFile(io.BytesIO(data))
        members = opened.infolist()
    except Exception:
        return []
    return [[info.filename.encode("utf-8", "replace").decode(), spelled(info), info.file_size, read(opened, info)]
            for info in members]


def spelled(info):
    encoding = "utf-8" if info.flag_bits & 0x800 else "cp437"
    return info.orig_filename.encode(encoding, "replace").hex()


def read(opened, info):
    try:
        with opened.open(info) as file:
            data = file.read(LARGEST + 1)
    except Exception:
        return None
    # What was not read to its end was not checked by zipfile either.
    return data.hex() if len(data) <= LARGEST else None


def statistics(seed, start, count):
    """Prints how many archives open, and how many members are listed and read."""
    answers = [listed(made(seed, index)) for index in range(start, start + count)]
    members = [member for answer in answers for member in answer]
    print("%d archives, %d with members" % (count, sum(map(bool, answers))))
    print("%d members, %d read" % (len(members), sum(member[3] is not None for member in members)))


def main():
    mode, values = stream.arguments(sys.argv[1:])
    stream.confine()
    if mode == "answer":
        stream.answer(listed)
    elif mode == "statistics":
        statistics(values["seed"], values["start"], values["count"])
    else:
        def one(index):
            data = made(values["seed"], index)
            return data, listed(data)

        stream.generate(one, values["start"], values["count"], values["batch"])
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
