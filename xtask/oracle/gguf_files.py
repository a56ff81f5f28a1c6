"""The GGUF oracle: files that the `gguf` package writes, and damaged ones, with what it reads in each.

usage: gguf_files.py generate --seed N --start N --count N --batch N
       gguf_files.py answer

A record is a file and a JSON object: whether the package `accepts` it and, where the package wrote
it, `good`; its `fields` (key and value) and its `tensors` (name, type, shape, length, first bytes in
hexadecimal). Types that ggml has removed are not made: the package refuses them, and files that were
written before have them.
"""
import random
import signal
import struct
import sys
import tempfile

sys.dont_write_bytecode = True

import gguf
import numpy
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFEndian, GGUFValueType

import stream

SHOWN = 32
# Seconds for one file.
PATIENCE = 0.5
ELEMENTS = 8
REMOVED = {4, 5, 31, 32, 33, 36, 37, 38}
KEYS = ["general.name", "a", "llama.block_count", "x.y.z", "läge", "tokenizer.chat_template", "general.url"]
TEXTS = ["", "a", "{{ x }}", "https://example.org/x", "模型", "x" * 400, '{"a": 1}']
SCALARS = [
    (GGUFValueType.UINT8, lambda rng: rng.randrange(256)),
    (GGUFValueType.INT8, lambda rng: rng.randrange(-128, 128)),
    (GGUFValueType.UINT16, lambda rng: rng.randrange(2**16)),
    (GGUFValueType.INT16, lambda rng: rng.randrange(-(2**15), 2**15)),
    (GGUFValueType.UINT32, lambda rng: rng.randrange(2**32)),
    (GGUFValueType.INT32, lambda rng: rng.randrange(-(2**31), 2**31)),
    (GGUFValueType.FLOAT32, lambda rng: rng.choice([0.0, 1.5, -2.25, 1e30])),
    (GGUFValueType.BOOL, lambda rng: rng.random() < 0.5),
    (GGUFValueType.STRING, lambda rng: rng.choice(TEXTS)),
    (GGUFValueType.UINT64, lambda rng: rng.choice([0, 7, 2**63, 2**64 - 1])),
    (GGUFValueType.INT64, lambda rng: rng.choice([0, -7, 2**63 - 1, -(2**63)])),
    (GGUFValueType.FLOAT64, lambda rng: rng.choice([0.0, 0.1, -1e300])),
]


def shown(value, kind):
    """A value in one line, the same for both sides."""
    if kind == GGUFValueType.STRING:
        return f"t:{len(value)}:{bytes(value[:SHOWN]).hex()}"
    value = value[0]
    if kind == GGUFValueType.BOOL:
        return f"b:{int(bool(value))}"
    if kind in (GGUFValueType.FLOAT32, GGUFValueType.FLOAT64):
        return f"f:{struct.pack('>d', float(value)).hex()}"
    return f"i:{int(value)}"


def field(told):
    kind = told.types[0] if told.types else None
    if kind != GGUFValueType.ARRAY:
        return shown(told.parts[-1], kind)
    # The last of `types` is what the elements of the elements are, and nothing where there are none.
    count = int(told.parts[4][0])
    if len(told.types) < 2 or told.types[1] == GGUFValueType.ARRAY:
        return f"l:{count}"
    first = [shown(told.parts[at], told.types[1]) for at in told.data[:ELEMENTS]]
    return f"l:{count}:" + ",".join(first)


def stalled(number, frame):
    raise TimeoutError("it counts without end")


def see(data, good=False):
    """What the package reads in a file; it gives up where the package counts without end."""
    signal.signal(signal.SIGALRM, stalled)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return told(data, good)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def told(data, good):
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(data)
        file.flush()
        try:
            reader = gguf.GGUFReader(file.name)
            fields = [[key, field(told)] for key, told in reader.fields.items() if not key.startswith("GGUF.")]
            tensors = [tensor(data, told) for told in reader.tensors]
        except Exception as error:
            return {"accepts": False, "good": False, "error": f"{type(error).__name__}: {error}"[:100]}
    return {"accepts": True, "good": good, "fields": fields, "tensors": sorted(tensors)}


def tensor(data, told):
    if int(told.field.parts[5][0]) >= 2**63:
        raise ValueError("an offset that wraps around, which the package adds up all the same")
    shape = [str(int(dim)) for dim in told.shape]
    start = int(told.data_offset)
    content = data[start : start + int(told.n_bytes)]
    return [told.name, told.tensor_type.name, shape, len(content), content[:SHOWN].hex()]


def written(rng):
    """A file that the package writes."""
    order = GGUFEndian.BIG if rng.random() < 0.2 else GGUFEndian.LITTLE
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        writer = gguf.GGUFWriter(file.name, rng.choice(["llama", "qwen2", "clip"]), endianess=order)
        if rng.random() < 0.2:
            writer.add_custom_alignment(rng.choice([8, 16, 64, 128]))
        taken = {"general.architecture", "general.alignment"}
        for _ in range(rng.randrange(8)):
            key = rng.choice(KEYS) + rng.choice(["", str(rng.randrange(50))])
            if key in taken:
                continue
            taken.add(key)
            add(rng, writer, key)
        for number in range(rng.randrange(5)):
            add_tensor(rng, writer, f"{rng.choice(['blk.0.attn', 't', 'läge'])}.{number}")
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        file.seek(0)
        return file.read()


def add(rng, writer, key):
    kind, value = rng.choice(SCALARS)
    if key.endswith("block_count"):
        writer.add_key_value(key, rng.randrange(500), GGUFValueType.UINT32)
    elif rng.random() < 0.7 or kind == GGUFValueType.BOOL:
        writer.add_key_value(key, value(rng), kind)
    else:
        count = rng.choice([1, 1, 2, 5, 40])
        writer.add_key_value(key, [value(rng) for _ in range(count)], GGUFValueType.ARRAY, sub_type=kind)


def add_tensor(rng, writer, name):
    kind = rng.choice([kind for kind in GGML_QUANT_SIZES if int(kind) not in REMOVED])
    block, size = GGML_QUANT_SIZES[kind]
    rows = [rng.choice([1, 2, 3]) for _ in range(rng.randrange(3))]
    row = rng.choice([1, 2]) * size
    content = numpy.frombuffer(rng.randbytes(row * int(numpy.prod(rows or [1]))), dtype=numpy.uint8)
    content = content.reshape(rows + [row])
    plain = {
        GGMLQuantizationType.F16: numpy.float16,
        GGMLQuantizationType.F32: numpy.float32,
        GGMLQuantizationType.F64: numpy.float64,
        GGMLQuantizationType.I8: numpy.int8,
        GGMLQuantizationType.I16: numpy.int16,
        GGMLQuantizationType.I32: numpy.int32,
        GGMLQuantizationType.I64: numpy.int64,
    }
    if kind in plain:
        writer.add_tensor(name, content.view(plain[kind]))
    else:
        writer.add_tensor(name, content, raw_dtype=kind)


def spots(data):
    """Where the fields of a file stand: offset and size of each number, found by reading it."""
    order = "<" if struct.unpack("<I", data[4:8])[0] & 0xFFFF else ">"
    found, at = [(8, 8), (16, 8)], 24
    tensors, pairs = struct.unpack(order + "QQ", data[8:24])
    number = lambda at, size: struct.unpack(order + {4: "I", 8: "Q"}[size], data[at : at + size])[0]
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    for _ in range(pairs):
        found.append((at, 8))
        at += 8 + number(at, 8)
        found.append((at, 4))
        kind, at = number(at, 4), at + 4
        count = 1
        if kind == 9:
            found += [(at, 4), (at + 4, 8)]
            kind, count, at = number(at, 4), number(at + 4, 8), at + 12
        for _ in range(count):
            if kind == 8:
                found.append((at, 8))
                at += 8 + number(at, 8)
            else:
                at += sizes[kind]
    for _ in range(tensors):
        found.append((at, 8))
        at += 8 + number(at, 8)
        dims = number(at, 4)
        found.append((at, 4))
        at += 4
        found += [(at + 8 * dim, 8) for dim in range(dims)]
        at += 8 * dims
        found += [(at, 4), (at + 4, 8)]
        at += 12
    return order, found


def damaged(rng, data):
    """A file with something wrong with it."""
    way = rng.randrange(8)
    if way < 5:
        order, found = spots(data)
        at, size = rng.choice(found)
        form = order + {4: "I", 8: "Q"}[size]
        old = struct.unpack(form, data[at : at + size])[0]
        new = rng.choice([old + 1, max(old - 1, 0), old * 2, 0, 13, 99, 5000, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1])
        new %= 2 ** (8 * size)
        return data[:at] + struct.pack(form, new) + data[at + size :]
    if way == 5:
        return data[: rng.randrange(len(data))]
    if way == 6:
        at = rng.randrange(len(data))
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    return data + rng.choice([b"\0", b"MZ", b"\0" * 100, rng.randbytes(9)])


def make(seed, index):
    rng = random.Random(f"{seed} {index}")
    data = written(rng)
    if rng.random() < 0.4:
        return data, see(data, good=True)
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
