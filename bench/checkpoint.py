"""Writes a checkpoint of one gigabyte as torch.save lays it out, without torch.

usage: checkpoint.py PATH
"""
import random
import struct
import sys
import zipfile

STORAGES = 16
ELEMENTS = 1 << 24  # of four bytes each
BLOCK = 1 << 20


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def whole(value):
    return b"J" + struct.pack("<i", value)


def tensor(key):
    """The call of torch._utils._rebuild_tensor_v2 that torch.save writes (protocol 2)."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + whole(ELEMENTS) + b"tQ"
    size = whole(4096) + whole(ELEMENTS // 4096) + b"\x86"
    stride = whole(ELEMENTS // 4096) + whole(1) + b"\x86"
    hooks = b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + whole(0) + size + stride + b"\x89" + hooks + b"tR"


def pickled():
    items = b"".join(text("layer.%d.weight" % index) + tensor(str(index)) for index in range(STORAGES))
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u."


def main():
    numbers = random.Random(7)
    block = bytearray(numbers.randbytes(BLOCK))
    with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("checkpoint/data.pkl", pickled())
        archive.writestr("checkpoint/byteorder", b"little")
        for index in range(STORAGES):
            with archive.open("checkpoint/data/%d" % index, "w") as member:
                for part in range(4 * ELEMENTS // BLOCK):
                    struct.pack_into("<II", block, 64, index, part)
                    member.write(block)
        archive.writestr("checkpoint/version", b"3\n")


if __name__ == "__main__":
    main()
