"""The safetensors oracle: files that the library writes, and damaged ones, with what it makes of each.

usage: safetensors_files.py generate --seed N --start N --count N --batch N
       safetensors_files.py answer

A record is a file and a JSON object: whether the library `accepts` it and, where it wrote the file,
`good`; its `tensors` (name, type, shape, length, first bytes in hexadecimal) and its `metadata`.
"""
import ctypes
import json
import random
import re
import struct
import sys

sys.dont_write_bytecode = True

from safetensors import TensorSpec, deserialize, serialize

import stream

# Types as the writer spells them, with the name that stands in files and the bits of an element.
SPELLED = [
    ("bfloat16", "BF16", 16),
    ("bool", "BOOL", 8),
    ("complex64", "C64", 64),
    ("float16", "F16", 16),
    ("float32", "F32", 32),
    ("float64", "F64", 64),
    ("float8_e4m3fn", "F8_E4M3", 8),
    ("float8_e5m2", "F8_E5M2", 8),
    ("int16", "I16", 16),
    ("int32", "I32", 32),
    ("int64", "I64", 64),
    ("int8", "I8", 8),
    ("uint16", "U16", 16),
    ("uint32", "U32", 32),
    ("uint64", "U64", 64),
    ("uint8", "U8", 8),
]
# Types that are only spelled in headers here: writers differ in how they take them.
HEADERS = [("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8)]
HEADERS += [(name, bits) for _, name, bits in SPELLED]
SHOWN = 32
NAMES = ["w", "b", "model.layers.0.self_attn.q_proj.weight", "läge", "a b", "x/y", '"quoted"', ""]
TEXTS = ["pt", "", "np", "{}", "a\nb", "模型", "x" * 300, '{"k": [1, 2]}', "\\u0041"]


def see(data, good=False):
    """What the library makes of a file."""
    try:
        tensors = deserialize(data)
    except Exception as error:
        # The library has written files that it does not read: of no tensors and an empty metadata.
        return {"accepts": False, "good": False, "error": type(error).__name__}
    listed = []
    for name, told in tensors:
        content = bytes(told["data"])
        shape = [str(dim) for dim in told["shape"]]
        listed.append([name, told["dtype"], shape, len(content), content[:SHOWN].hex()])
    size = struct.unpack("<Q", data[:8])[0]
    metadata = json.loads(data[8 : 8 + size]).get("__metadata__") or {}
    return {"accepts": True, "good": good, "tensors": sorted(listed), "metadata": metadata}


def shape_of(rng):
    return [rng.choice([0, 1, 1, 2, 3, 4, 7, 8]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 5]))]


def size_of(shape, bits):
    size = bits
    for dim in shape:
        size *= dim
    return size


def name_of(rng, taken):
    while True:
        name = rng.choice(NAMES) + rng.choice(["", str(rng.randrange(100))])
        if name not in taken and name != "__metadata__":
            return name


def metadata_of(rng):
    if rng.random() < 0.4:
        return None
    return {rng.choice(["format", "a", "läge", "config"]): rng.choice(TEXTS) for _ in range(rng.randrange(4))}


def written(rng):
    """A file that the library writes."""
    kept, tensors = [], {}
    for _ in range(rng.randrange(6)):
        spelled, _, bits = rng.choice(SPELLED)
        shape = shape_of(rng)
        content = rng.randbytes(size_of(shape, bits) // 8)
        buffer = ctypes.create_string_buffer(content, max(len(content), 1))
        kept.append(buffer)
        tensors[name_of(rng, tensors)] = TensorSpec(
            dtype=spelled, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(content)
        )
    return bytes(serialize(tensors, metadata_of(rng)))


def spelled(rng):
    """A file of any type, spelled here as the library would write it, or nearly so."""
    header, data = {}, b""
    metadata = metadata_of(rng)
    if metadata is not None:
        header["__metadata__"] = metadata
    for _ in range(rng.randrange(1, 6)):
        name, bits = rng.choice(HEADERS)
        shape = shape_of(rng)
        if size_of(shape, bits) % 8:
            shape = [8] + shape
        size = size_of(shape, bits) // 8
        entry = {"dtype": name, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        header[name_of(rng, header)] = entry
        data += rng.randbytes(size)
    items = list(header.items())
    if rng.random() < 0.5:
        rng.shuffle(items)
    text = json.dumps(dict(items), separators=(",", ":"), ensure_ascii=rng.random() < 0.5).encode()
    return join(text + b" " * (-len(text) % 8), data)


def join(header, data):
    return struct.pack("<Q", len(header)) + header + data


def parts(data):
    size = struct.unpack("<Q", data[:8])[0]
    return data[8 : 8 + size], data[8 + size :]


def number(rng, text):
    """Another number somewhere."""
    places = list(re.finditer(rb"\d+", text))
    if not places:
        return text
    place = rng.choice(places)
    old = int(place[0])
    new = rng.choice(
        [old + 1, max(old - 1, 0), old * 2, 0, -1, 2**32, 2**63, 2**64 - 1, 2**64, f"{old}.0", f"{old}e0", "-0", f"0{old}", "null", '"1"', "[1]"]
    )
    return text[: place.start()] + str(new).encode() + text[place.end() :]


def word(rng, text):
    """Another type, or another name of a field."""
    olds = [b'"F32"', b'"I8"', b'"U8"', b'"F16"', b'"dtype"', b'"shape"', b'"data_offsets"', b'"BOOL"', b'"I64"']
    news = [b'"F32"', b'"U8"', b'"F128"', b'"f32"', b'""', b"7", b'{"F32":null}', b'"F4"', b'"dtype"', b'"F6_E2M3"']
    return text.replace(rng.choice(olds), rng.choice(news), rng.choice([1, -1]))


def again(rng, text):
    """An entry, or the metadata, once more."""
    more = rng.choice(
        [
            b'"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
            b'"__metadata__":{"a":"b"}',
            b'"__metadata__":{"a":"1","a":"2"}',
            b'"__metadata__":null',
            b'"__metadata__":{"a":1}',
            b'"__metadata__":[]',
            b'"\\u005f_metadata__":{"k":"v"}',
            b'"z":["U8",[0],[0,0]]',
            b'"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":{"y":[null,true]}}',
            b'"z":{"dtype":"U8","shape":[0,18446744073709551615,9],"data_offsets":[0,0]}',
            b'"z":{"dtype":"U8","shape":[18446744073709551615,9,0],"data_offsets":[0,0]}',
            b'"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"shape":[0]}',
            b'"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}',
            b'"z":{}',
            b'"z":null',
            b'"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":' + b"[" * 150 + b"]" * 150 + b"}",
            b'"z":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1e999}',
            b'"z\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
            b'"z\x01":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
            b'"z\xff":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
            b'"z":NaN',
        ]
    )
    text = text.rstrip()
    if text == b"{}":
        return b"{" + more + b"}"
    front = rng.random() < 0.5
    return b"{" + more + b"," + text[1:] if front else text[:-1] + b"," + more + b"}"


def around(rng, text):
    """Something before or behind the text."""
    return rng.choice(
        [b" " + text, b"\n" + text, b"\xef\xbb\xbf" + text, text + b"\n", text + b"\0", text + b"x", text + b"{}", text.rstrip() + b"\t\r"]
    )


def byte(rng, text):
    """Another byte somewhere."""
    if not text:
        return text
    at = rng.randrange(len(text))
    return text[:at] + rng.choice([b"", bytes([rng.randrange(256)]), text[at : at + 1] * 2]) + text[at + 1 :]


def damaged(rng, data):
    """A file with something wrong with it."""
    text, tensors = parts(data)
    way = rng.randrange(12)
    if way < 3:
        return join(number(rng, text), tensors)
    if way == 3:
        return join(word(rng, text), tensors)
    if way < 6:
        return join(again(rng, text), tensors)
    if way == 6:
        return join(around(rng, text), tensors)
    if way == 7:
        return join(byte(rng, text), tensors)
    if way == 8:
        return data + rng.choice([b"\0", b"MZ", b"\0" * 100, rng.randbytes(9)])
    if way == 9:
        return data[: rng.randrange(len(data))]
    if way == 10:
        length = rng.choice([len(text) + 1, len(text) - 1, 0, 100_000_001, 2**63, 2**64 - 1, len(data)])
        return struct.pack("<Q", length % 2**64) + text + tensors
    return join(text, rng.randbytes(rng.randrange(8)) + tensors)


def make(seed, index):
    rng = random.Random(f"{seed} {index}")
    data = written(rng) if rng.random() < 0.6 else spelled(rng)
    if rng.random() < 0.35:
        return data, see(data, good=True)
    for _ in range(rng.choice([1, 1, 1, 2])):
        if len(data) >= 8 and struct.unpack("<Q", data[:8])[0] <= len(data):
            data = damaged(rng, data)
    return data, see(data)


def main():
    mode, values = stream.arguments(sys.argv[1:])
    stream.confine()
    if mode == "answer":
        stream.answer(see)
    else:
        seed = values["seed"]
        stream.generate(lambda index: make(seed, index), values["start"], values["count"], values["batch"])


if __name__ == "__main__":
    main()
