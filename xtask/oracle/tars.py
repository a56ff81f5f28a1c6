"""The tar oracle: makes archives and says what Python's `tarfile` lists and reads in them.

usage: tars.py generate|answer|statistics [--seed S] [--start N] [--count N] [--batch N]

A record is an archive and `[whether nothing was done to it, members]`: a list of members, or null where
tarfile refuses the archive. A member is [name (hexadecimal), type, size, target of a link (hexadecimal),
data (hexadecimal, or null where it has none or cannot be read)].
"""
import sys

sys.dont_write_bytecode = True

import io
import os
import random
import tarfile

import mutate
import stream

NAMES = (
    "model_config.yaml", "weights.ckpt", "a", "./a", "a/", "d/e/f", "../up", "/abs", "\u6a21\u578b/\u00e9", "A",
    "x" * 99, "x" * 100, "x" * 101, "y/" * 60 + "z", "z" * 300, "\udcff\udcfe", " ", "a\\b",
)
LARGEST = 1 << 16
PIECES = (b"\0" * 512, b"ustar\x0000", b"ustar  \0", b"\0", b" ", b"\xff", b"0000644\0", b"00000000000\0", b"12 size=9999\n", b"\x80")
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
FIELDS = ((0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (148, 8), (156, 1), (157, 100), (257, 6), (345, 155))
RECORDS = ("comment", "mtime", "path", "size", "linkpath", "SCHILY.xattr.user.x", "GNU.sparse.name", "hdrcharset", "uid")


def contents(rng):
    how = rng.randrange(5)
    if how == 0:
        return b""
    if how == 1:
        return b"cos\nsystem\n(S'id'\ntR."
    if how == 2:
        return rng.randbytes(rng.choice((1, 511, 512, 513, 2000)))
    if how == 3:
        return bytes(rng.choice((1, 512, 5000)))
    return b"%d\n" % rng.randrange(100)


def archive(rng, kind=None):
    """A well-formed archive, with the options that tarfile has and the sparse members that it reads."""
    file = io.BytesIO()
    kind = rng.choice(FORMATS) if kind is None else kind
    headers = {}
    if kind == tarfile.PAX_FORMAT and rng.random() < 0.2:
        headers = {"comment": "all", "SCHILY.xattr.user.y": "1"}
    with tarfile.open(fileobj=file, mode="w", format=kind, errors="surrogateescape", pax_headers=headers) as made:
        for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
            try:
                member(rng, made, kind)
            except ValueError:
                # Too long for ustar.
                pass
    data = file.getvalue()
    if rng.random() < 0.2:
        data = data.rstrip(b"\0")
        data += bytes(-len(data) % 512) + bytes(rng.choice((0, 512, 1024)))
    if rng.random() < 0.1:
        data = old(data)
    return data


def member(rng, made, kind):
    name = rng.choice(NAMES)
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = rng.choice((0o644, 0o755, 0o4755)), rng.choice((0, 1e9, 0.5)) if kind == FORMATS[2] else 0
    info.uid = rng.choice((0, 1000, 2 << 20))
    info.uname, info.gname = rng.choice(("", "root", "user")), ""
    if kind == tarfile.PAX_FORMAT and rng.random() < 0.2:
        info.pax_headers = {rng.choice(("comment", "LIBARCHIVE.creationtime")): "\u00e9" * rng.randrange(1, 60)}
    info.type = rng.choice((tarfile.REGTYPE,) * 8 + (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE,
                                                     tarfile.CHRTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE))
    if info.type == tarfile.AREGTYPE and (len(spelled(name)) > 200 or name.endswith("/")):
        # tarfile takes it for a folder where its name ends with a slash, or before 3.15 the first hundred
        # bytes of it do, and its data for headers.
        info.type = tarfile.REGTYPE
    if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = rng.choice(NAMES)
        made.addfile(info)
    elif info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
        data = contents(rng)
        if kind == tarfile.PAX_FORMAT and rng.random() < 0.15:
            data = sparse(rng, info)
        info.size = len(data)
        made.addfile(info, io.BytesIO(data))
    else:
        made.addfile(info)


def sparse(rng, info):
    """Records of the sparse forms 0.1 and 1.0, and the data that belongs to them."""
    pieces, at = [], 0
    for _ in range(rng.choice((1, 2, 3))):
        at += rng.choice((0, 512, 1000))
        size = rng.choice((1, 512, 700))
        pieces.append((at, size))
        at += size
    real = at + rng.choice((0, 1, 4096))
    data = b"".join(rng.randbytes(size) for _, size in pieces)
    info.type = tarfile.REGTYPE
    if rng.random() < 0.5:
        spots = ",".join(f"{start},{size}" for start, size in pieces)
        info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": spots,
                            "GNU.sparse.name": "sparse", "GNU.sparse.size": str(real)}
        return data
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
                        "GNU.sparse.realsize": str(real)}
    text = "\n".join([str(len(pieces))] + [f"{start}\n{size}" for start, size in pieces]).encode() + b"\n"
    return text.ljust(-(-len(text) // 512) * 512, b"\0") + data


def old(data):
    """The first header as Version 7 has it: without magic, and without what came later."""
    head = bytearray(data[:512])
    if len(head) < 512 or head[156:157] not in b"0\0" or not head[0]:
        return data
    head[257:512] = bytes(255)
    return summed(head) + data[512:]


def summed(head):
    head = bytearray(head)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def corrupted(rng, data):
    """Another value in a field of a header, most of the time with a checksum that fits."""
    starts = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    if not starts:
        return data
    at = rng.choice(starts)
    head = bytearray(data[at : at + 512])
    start, width = rng.choice(FIELDS)
    value = rng.choice((bytes(width), b" " * width, b"\xff" * width, b"7" * width, b"%o" % rng.randrange(4096),
                        b"\x80" + bytes(max(width - 2, 0)) + b"\x09", b"xLKgS123456"[rng.randrange(11):][:1], b"-1", rng.randbytes(width)))
    head[start : start + width] = value[:width].ljust(width, b"\0")
    fixed = summed(head) if rng.random() < 0.8 else bytes(head)
    return data[:at] + fixed + data[at + 512 :]


def record(rng, data):
    """A record of pax before the first member, with a value that may be none."""
    key, value = rng.choice(RECORDS), rng.choice(("", "0", "-1", "7", "1e3", "99999999", "x", "a/b", "\u00e9"))
    text = f" {key}={value}\n".encode()
    length = len(text) + len(str(len(text) + 2))
    text = str(length + rng.choice((0, 0, 0, 1, -1))).encode() + text
    head = bytearray(512)
    head[:100] = b"records".ljust(100, b"\0")
    head[100:124] = b"0000644\0" + b"0000000\0" * 2
    head[124:148] = b"%011o\0" % len(text) + b"00000000000\0"
    head[156:157] = rng.choice((b"x", b"x", b"g"))
    head[257:265] = b"ustar\x0000"
    return summed(head) + text.ljust(-(-len(text) // 512) * 512, b"\0") + data


def made(seed, index):
    """The archive of this index, and whether nothing was done to it."""
    rng = random.Random(seed << 40 | index)
    data = archive(rng)
    roll = rng.random()
    if roll < 0.25:
        return corrupted(rng, data), False
    if roll < 0.4:
        return mutate.mutated(rng, data, PIECES, lambda: archive(rng)), False
    if roll < 0.5:
        return record(rng, data), False
    if roll < 0.56:
        return data + archive(rng), False
    if roll < 0.62:
        return data[: rng.randrange(len(data) + 1)], False
    return data, True


def spelled(text):
    return text.encode("utf-8", "surrogateescape").hex()


def listed(data):
    """What tarfile lists and reads; None where it refuses the archive."""
    try:
        opened = tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="surrogateescape")
        members = opened.getmembers()
    except Exception:
        return None
    # Old versions take a size of less than nothing as it is.
    return [[spelled(info.name), info.type.hex(), max(info.size, 0), spelled(info.linkname), read(opened, info)] for info in members]


def read(opened, info):
    if not info.isreg() or info.size > LARGEST:
        return None
    try:
        content = opened.extractfile(info).read()
    except Exception:
        return None
    # A member that is cut yields less than it has.
    return content.hex() if len(content) == info.size else None


def told(data, good):
    return [good, listed(data)]


def statistics(seed, start, count):
    """Prints how many archives open, and how many members are listed and read."""
    answers = [listed(made(seed, index)[0]) for index in range(start, start + count)]
    members = [member for answer in answers for member in answer or []]
    print("%d archives, %d refused, %d with members" % (count, answers.count(None), sum(map(bool, answers))))
    print("%d members, %d read" % (len(members), sum(member[4] is not None for member in members)))


def main():
    mode, values = stream.arguments(sys.argv[1:])
    stream.confine()
    if mode == "answer":
        stream.answer(lambda data: told(data, False))
    elif mode == "statistics":
        statistics(values["seed"], values["start"], values["count"])
    else:
        def one(index):
            data, good = made(values["seed"], index)
            return data, told(data, good)

        stream.generate(one, values["start"], values["count"], values["batch"])
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
