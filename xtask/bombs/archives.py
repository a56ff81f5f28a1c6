"""Archives that stand for far more than they have: members that lie over each other, archives in
archives, lists without end, sizes that nobody has.
"""
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

MIB = 1 << 20


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """A zip archive of `(name, content)`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=9) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def nested_zip(levels, width):
    """Archives of `width` equal archives, `levels` deep."""
    content = b"the end"
    for level in range(levels):
        content = zipped([(f"{level}-{at}.zip", content) for at in range(width)])
    return content


def deep(wrap, levels):
    content = b"the end"
    for _ in range(levels):
        content = wrap(content)
    return content


def tarred(content):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("inner")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def central(name, crc, packed, size, offset, extra=b"", comment=b"", method=8):
    head = struct.pack("<IHHHHHHIII", 0x02014B50, 20, 20, 0, method, 0, 33, crc, packed, size)
    lengths = struct.pack("<HHHHHII", len(name), len(extra), len(comment), 0, 0, 0, offset)
    return head + lengths + name + extra + comment


def local(name, crc, packed, size, method=8):
    head = struct.pack("<IHHHHHIII", 0x04034B50, 20, 0, method, 0, 33, crc, packed, size)
    return head + struct.pack("<HH", len(name), 0) + name


def end(count, size, offset):
    """An end record, with a zip64 record before it where the numbers need one."""
    record = b""
    if count > 0xFFFE:
        at = offset + size
        record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, offset)
        record += struct.pack("<IIQI", 0x07064B50, 0, at, 1)
    count = min(count, 0xFFFF)
    return record + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, offset, 0)


def raw_deflate(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def same_member(count, size):
    """Every entry of the directory leads to the same member."""
    content = bytes(size)
    packed, crc = raw_deflate(content), zlib.crc32(content)
    body = local(b"0", crc, len(packed), size) + packed
    entries = b"".join(
        central(f"{at:x}".encode(), crc, len(packed), size, 0) for at in range(count)
    )
    return body + entries + end(count, len(entries), len(body))


def quoted(count, kernel):
    """After Fifield, "A better zip bomb" (2019): each member is the local header of the next one in a
    stored block, and then all that the next one has.
    """
    packed, crc = raw_deflate(bytes(kernel)), zlib.crc32(bytes(kernel))
    content, body, members = bytes(kernel), packed, []
    body = local(b"0", crc, len(packed), kernel) + packed
    data = packed
    members.append((b"0", crc, len(packed), kernel, 0))
    for at in range(1, count):
        # What the member has is the header of the next one and that one's content.
        quote = body[: len(body) - len(data)]
        name = f"{at:x}".encode()
        block = b"\0" + struct.pack("<HH", len(quote), len(quote) ^ 0xFFFF) + quote
        data = block + data
        crc = zlib.crc32(content, zlib.crc32(quote))
        content = quote + content
        head = local(name, crc, len(data), len(content))
        members.append((name, crc, len(data), len(content), 0))
        body = head + data
    # Offsets count from the start, where the last header stands.
    total, entries = len(body), b""
    for name, crc, size, length, _ in reversed(members):
        offset = total - size - 30 - len(name)
        entries += central(name, crc, size, length, offset)
    return body + entries + end(count, len(entries), len(body))


def many_entries(count):
    """As many small members as one wishes, and each with something of its own."""
    body, entries = [], []
    offset = 0
    for at in range(count):
        name, content = f"part/{at:06}.txt".encode(), f"number {at}\n".encode()
        crc, size = zlib.crc32(content), len(content)
        piece = local(name, crc, size, size, 0) + content
        entries.append(central(name, crc, size, size, offset, method=0))
        body.append(piece)
        offset += len(piece)
    listing = b"".join(entries)
    return b"".join(body) + listing + end(count, len(listing), offset)


def long_directory(size):
    """A directory of at least so many bytes, most of which are comments."""
    body = local(b"0", 0, 0, 0, 0)
    one = central(b"0", 0, 0, 0, 0, comment=b"x" * 0xFFFF, method=0)
    count = -(-size // len(one))
    return body + one * count + end(count, count * len(one), len(body))


def tar_header(name, size=b"00000000000\0", kind=b"0", rest=b""):
    head = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"00000000000\0"
    head += b" " * 8 + kind + bytes(100) + b"ustar\00000" + rest
    head = bytearray(head.ljust(512, b"\0"))
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def tar_headers(count):
    """Headers without content, packed: a few bytes for each thousand."""
    return gzip.compress(tar_header(b"a") * count, 9, mtime=0)


def pax(records):
    text = b"".join(b"%d %s\n" % (len(it) + 1 + len(str(len(it) + 4)), it) for it in records)
    size = b"%011o\0" % len(text)
    return tar_header(b"pax", size, b"x") + text.ljust(-(-len(text) // 512) * 512, b"\0")


def pax_size():
    return pax([b"size=9223372036854775807"]) + tar_header(b"huge") + bytes(1024)


def sparse_tar(real):
    """The old GNU form: eight bytes of content in a file that claims to be as long as `real`."""
    number = lambda value: b"%011o\0" % value
    # Access and change times, offset and the like come first; then where the data is.
    rest = bytes(81) + number(0) + number(512) + bytes(72) + b"\0"
    rest += b"\x80" + bytes(3) + struct.pack(">Q", real)
    head = bytearray(tar_header(b"sparse", number(512), b"S"))
    head[257:265] = b"ustar  \0"
    head[386:386 + len(rest[81:])] = rest[81:]
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(512) + bytes(1024)


def number(value):
    """A number as 7z writes it."""
    if value < 0x80:
        return bytes([value])
    return b"\xff" + struct.pack("<Q", value)


def seven(packed, coder, size, names, parts=1):
    """A 7z archive of one folder with one coder, of `parts` equal files."""
    sizes = b"".join(number(size // parts) for _ in range(parts - 1))
    streams = b"\x06" + number(0) + number(1) + b"\x09" + number(len(packed)) + b"\0"
    streams += b"\x07\x0b" + number(1) + b"\0" + number(1) + coder + b"\x0c" + number(size) + b"\0"
    streams += b"\x08" + b"\x0d" + number(parts) + b"\x09" + sizes + b"\0\0"
    text = b"\0" + b"".join(f"{name}\0".encode("utf-16-le") for name in names)
    files = b"\x05" + number(parts) + b"\x11" + number(len(text)) + text + b"\0"
    header = b"\x01\x04" + streams + files + b"\0"
    return seven_file(packed, header)


def seven_file(packed, header):
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def lzma_coder(dictionary):
    return b"\x23\x03\x01\x01" + number(5) + b"\x5d" + struct.pack("<I", dictionary)


def lzma_raw(chunk, times):
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": MIB, "lc": 3, "lp": 0, "pb": 2}]
    packer = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters)
    return b"".join([packer.compress(chunk) for _ in range(times)] + [packer.flush()])


def seven_bombs():
    size = 2 << 30
    packed = lzma_raw(bytes(16 * MIB), size // (16 * MIB))
    names = [f"{at}.bin" for at in range(64)]
    small = lzma_raw(b"hello", 1)
    yield "solid.7z", seven(packed, lzma_coder(MIB), size, names, 64), "fail"
    yield "dictionary.7z", seven(small, lzma_coder(0xFFFFFFFF), 5, ["a"]), "told"
    # The header itself is packed, and with AES-256 (06f10701).
    aes = b"\x24\x06\xf1\x07\x01" + number(2) + b"\x13\0"
    inner = b"\x17\x06" + number(0) + number(1) + b"\x09" + number(16) + b"\0"
    inner += b"\x07\x0b" + number(1) + b"\0" + number(1) + aes + b"\x0c" + number(16) + b"\0\0"
    yield "sealed.7z", seven_file(bytes(16), inner), "incomplete"


def bombs():
    """`(rows, name, bytes, verdict)` of each."""
    members = [(f"{at}.bin", bytes(64 * MIB)) for at in range(32)]
    yield "001", "zeros.zip", zipped([("model.bin", bytes(2 << 30))]), "fail"
    yield "001", "members.zip", zipped(members), "fail"
    yield "002", "same.zip", same_member(4000, MIB), "fail"
    yield "002", "quoted.zip", quoted(250, 4 * MIB), "fail"
    yield "003", "wide.zip", nested_zip(7, 10), "incomplete"
    yield "003", "deep.zip", deep(lambda it: zipped([("a.zip", it)]), 200), "incomplete"
    yield "003", "deep.tar", deep(tarred, 200), "incomplete"
    yield "003", "deep.gz", deep(lambda it: gzip.compress(it, mtime=0), 200), "incomplete"
    yield "003", "deep.bz2", deep(bz2.compress, 60), "incomplete"
    yield "004", "honest-70000.zip", many_entries(70_000), "pass"
    yield "004", "entries.zip", many_entries(300_000), "incomplete"
    yield "004", "directory.zip", long_directory(100 * MIB), "any"
    yield "006", "streams.gz", gzip.compress(b"", mtime=0) * 1_000_000, "any"
    yield "006", "trailing.gz", gzip.compress(b"cos\n", mtime=0) + b"garbage" * 9, "any"
    yield "009", "headers.tar.gz", tar_headers(2_000_000), "told"
    yield "009", "size.tar", pax_size(), "told"
    yield "009", "sparse.tar", sparse_tar(1 << 62), "told"
    for name, content, verdict in seven_bombs():
        yield "010", name, content, verdict
