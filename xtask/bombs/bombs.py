"""Writes files that ask whoever reads them for all memory or all time: one line for each, with the row of
the catalogue of attacks that it stands for, its name, and the verdict that it must get: `fail`,
`incomplete`, `pass`, `told` (one of the first two), `noted` where a finding of medium weight fails it if
people ask for that, or `any` where the file is large and honest.

    python3 bombs.py FOLDER [WORD]...

With words, only files whose names have one of them.
"""
import io
import pathlib
import sys
import zipfile
import zlib

import archives
import packed
import shapes

MIB = 1 << 20
GIB = 1 << 30


def streams():
    """Gibibytes of zeros, and of pieces that are unlike each other, packed in each way."""
    zeros, odd, size = bytes(16 * MIB), packed.odd(), 4 * GIB
    for name, pack in [("gz", packed.gzipped), ("xz", packed.xzed)]:
        yield f"zeros.pkl.{name}", pack(zeros, size), "fail"
        yield f"odd.pkl.{name}", pack(odd, GIB), "told"
    yield "zeros.pkl.bz2", packed.bzipped(zeros, size), "fail"
    yield "odd.pkl.bz2", packed.bzipped(packed.mostly_zeros(), size), "fail"
    yield "zeros.lzma", packed.alone(zeros, GIB), "fail"
    yield "odd.lzma", packed.alone(odd, GIB), "fail"
    # What joblib writes: a stream of zlib that holds a pickle.
    yield "joblib.pkl.z", packed.zlibbed(b"\x80\x04" + zeros, size), "fail"
    for name, pack in [("zst", packed.zstandard), ("lz4", packed.lz4)]:
        yield f"zeros.bin.{name}", pack(size, False), "fail"
        yield f"odd.bin.{name}", pack(size, True), "fail"


def hdf5():
    """Datasets of which each chunk unpacks to a gibibyte, and one with more elements than there are."""
    try:
        import h5py
    except ImportError:
        print("# 008 is left out: this Python has no h5py", file=sys.stderr)
        return
    chunk = zlib.compress(bytes(GIB), 9)
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        deflated = {"compression": "gzip", "dtype": "u1"}
        values = root.create_dataset("w", (4 * GIB,), chunks=(GIB,), **deflated)
        for at in range(4):
            values.id.write_direct_chunk((at * GIB,), chunk)
        root.create_dataset("huge", (1 << 40, 1 << 20), chunks=(1024, 1024), **deflated)
    yield "008", "chunks.h5", file.getvalue(), "any"
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        # Groups that lead back to each other, which the format allows.
        for at in range(200):
            root.create_group(f"{at}")
        for at in range(200):
            for to in range(200):
                root[f"{at}/{to}"] = root[f"{to}"]
    yield "018", "cycles.h5", file.getvalue(), "any"


def honest():
    """Neighbours that unpack to much, and that people have."""
    weights = zipfile.ZipInfo("mask.npy")
    file = io.BytesIO()
    header = shapes.npy("(30000000,)", "|u1")[:128]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(weights, header + bytes(30_000_000), zipfile.ZIP_DEFLATED)
    yield "001", "honest-mask.npz", file.getvalue(), "pass"
    rows = b"".join(b"%d,%d,%d\n" % (at, at % 97, at * at % 10007) for at in range(4_000_000))
    yield "005", "honest-table.csv.gz", archives.gzip.compress(rows, 6, mtime=0), "pass"


def bombs():
    yield from archives.bombs()
    yield from shapes.bombs()
    yield from honest()
    yield "003", "quine.gz", packed.quine(), "incomplete"
    yield "005", "zeros.lz", packed.lzipped(bytes(16 * MIB), GIB), "incomplete"
    for name, content, verdict in streams():
        yield "005", name, content, verdict
    yield from hdf5()
    for name, content in packed.windows().items():
        yield "007", name, content, "told"
    yield "020", "line.txt", b"x" * (100 * MIB), "any"
    yield "020", "nothing.bin", bytes(300 * MIB), "told"


def main():
    folder, words = pathlib.Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    for row, name, content, verdict in bombs():
        if words and not any(word in name for word in words):
            continue
        (folder / name).write_bytes(content)
        print(f"BMB-{row}\t{name}\t{verdict}", flush=True)
    if not words or "sparse" in words:
        with open(folder / "sparse.bin", "wb") as file:
            file.truncate(5 << 40)
        print("BMB-020\tsparse.bin\ttold")


main()
