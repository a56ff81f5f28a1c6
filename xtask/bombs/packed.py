"""Streams that stand for far more bytes than they have: one of zeros and one of bytes that repeat at an
odd distance, so that no two pieces of a round length are alike, for each way to compress.
"""
import bz2
import lzma
import random
import struct
import zlib

GIB = 1 << 30
# Bytes of what is repeated; odd, so that pieces of the whole differ although it repeats.
ODD = (4 << 20) + 13


def noise(length, seed=1):
    return random.Random(seed).randbytes(length)


def odd():
    """A stretch that compresses well, and that starts with what does not."""
    period = noise(30011)
    return (period * (ODD // len(period) + 1))[:ODD]


def mostly_zeros():
    return noise(700) + bytes(899_000)


def deflated(chunk, size):
    """A deflate stream of `chunk` again and again, to at least `size` bytes, with its checksum and length."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH)
    times = -(-size // len(chunk))
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(chunk, checksum)
    return packed * times + packer.flush(), checksum, times * len(chunk)


def gzipped(chunk, size):
    packed, checksum, length = deflated(chunk, size)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + packed + struct.pack("<II", checksum, length & 0xFFFFFFFF)


def zlibbed(chunk, size):
    # The checksum at the end is wrong; nobody gets there.
    return b"\x78\x9c" + deflated(chunk, size)[0] + bytes(4)


def repeated(packed, length, size):
    """Streams one behind the other, which readers take as one."""
    return packed * -(-size // length)


def bzipped(chunk, size):
    return repeated(bz2.compress(chunk), len(chunk), size)


def xzed(chunk, size):
    return repeated(lzma.compress(chunk, preset=1), len(chunk), size)


def alone(chunk, size):
    """One stream of the old LZMA format."""
    packer = lzma.LZMACompressor(lzma.FORMAT_ALONE, preset=1)
    return b"".join([packer.compress(chunk) for _ in range(-(-size // len(chunk)))] + [packer.flush()])


def lzipped(chunk, size):
    """Members of lzip: a header, a raw LZMA stream with an end mark, checksum and sizes."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}]
    raw = lzma.compress(chunk, lzma.FORMAT_RAW, filters=filters)
    trailer = struct.pack("<IQQ", zlib.crc32(chunk), len(chunk), 6 + len(raw) + 20)
    return repeated(b"LZIP\1\x14" + raw + trailer, len(chunk), size)


def zstandard(size, unlike):
    """Blocks of one byte that is repeated (RFC 8878, section 3.1.1.2), and raw ones between them."""
    block = struct.pack("<I", (131_072 << 3 | 1 << 1))[:3] + b"\0"
    raw = struct.pack("<I", (7 << 3))[:3] + noise(7)
    blocks = (block + raw if unlike else block) * (size // 131_072)
    return b"\x28\xb5\x2f\xfd\x00\x68" + blocks + b"\x01\0\0"


def lz4(size, unlike):
    """Independent blocks of 4 MiB without checksums: literals and one match."""
    length = (4 << 20) - 64 - (13 if unlike else 0)
    literals = noise(40)
    extra = length - 40 - 12 - 19
    block = b"\xff" + bytes([25]) + literals + b"\x28\0" + b"\xff" * (extra // 255) + bytes([extra % 255])
    block += b"\xc0" + noise(12)
    return b"\x04\x22\x4d\x18\x60\x70\x73" + (struct.pack("<I", len(block)) + block) * (size // length) + bytes(4)


def windows():
    """Streams whose headers ask for a window or a dictionary that nobody has memory for."""
    zstd = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\0\0"
    xz = bytearray(lzma.compress(b"hello" * 99, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]))
    # The block header: its size, flags, the filter's id, the length of its properties, the dictionary.
    at = 12
    length = (xz[at] + 1) * 4
    xz[at + 4] = 40
    xz[at + length - 4 : at + length] = struct.pack("<I", zlib.crc32(xz[at : at + length - 4]))
    alone = b"\x5d" + struct.pack("<IQ", 0xFFFFFFFF, 1 << 37) + bytes(40)
    return {"window.zst": zstd, "dictionary.xz": bytes(xz), "dictionary.lzma": alone}


def quine():
    """A gzip file of itself, after Russ Cox, "Zip Files All The Way Down" (2010): literals and repeats of
    units of five bytes, of which each program of this form prints itself. Its checksum fits."""

    def literal(units):
        return b"\0" + struct.pack("<HH", 5 * units, 5 * units ^ 0xFFFF)

    # A block of fixed codes (RFC 1951, section 3.2.6): two matches of ten bytes, twenty bytes back.
    match = f"{264 - 256:07b}" + f"{8:05b}" + f"{20 - 17:03b}"[::-1]
    bits = "0" + "10" + match * 2 + "0000000"
    repeat = int(bits[::-1], 2).to_bytes(5, "little")
    head = b"\x1f\x8b\x08\x08\0\0\0\0\0\xffquin\0"
    one, four = literal(1), literal(4)

    def whole(checksum):
        tail = b"\x01\0\0\xff\xff" + struct.pack("<I", checksum)
        program = [head, four, head, four, repeat, one, repeat, one, one, four, repeat, one, one, four]
        program += [repeat, four] * 4 + [repeat]
        size = 5 * (3 * 2 + 12 + 9) + 2 * 15 + 5
        tail += struct.pack("<I", size) + b"\0\0"
        return b"".join(program) + tail + repeat + tail

    return fitting(whole)


def fitting(whole):
    """`whole(x)` with the x that is its own CRC-32: the checksum is affine in each bit of x."""
    base = zlib.crc32(whole(0))
    rows = []
    for bit in range(32):
        # Column of the equation crc(whole(x)) ^ x = 0, tagged with the bit of x.
        rows.append((zlib.crc32(whole(1 << bit)) ^ base ^ 1 << bit, 1 << bit))
    value, wanted = 0, base
    basis = []
    for column, bit in rows:
        for pivot, other, bits in basis:
            if column >> pivot & 1:
                column, bit = column ^ other, bit ^ bits
        if column:
            basis.append((column.bit_length() - 1, column, bit))
    for pivot, column, bits in sorted(basis, reverse=True):
        if wanted >> pivot & 1:
            wanted, value = wanted ^ column, value ^ bits
    return whole(value)
