"""Small files that ask for a great deal: numbers of elements that nobody has, values that hold each
other many times over, and nesting without end.
"""
import json
import struct
import zlib

LEVELS = 1_000_000


def npy(shape, dtype="<f8"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(118 - 1 - 10 + 10) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode() + bytes(64)


def safetensors():
    head = {"a": {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 1 << 62]}}
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes(64)


def gguf():
    """A header that claims 2⁴⁰ tensors and as many keys."""
    return b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1 << 40) + bytes(64)


def varint(value):
    text = b""
    while value > 0x7F:
        text, value = text + bytes([value & 0x7F | 0x80]), value >> 7
    return text + bytes([value])


def field(number, content):
    """A length-delimited field of a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx(graph):
    return b"\x08\x08" + field(7, graph)


def onnx_dims():
    dims = b"\x08" + b"\xff" * 8 + b"\x7f"
    tensor = dims * 3 + b"\x10\x01" + field(8, b"w") + field(9, bytes(16))
    return onnx(field(2, b"g") + field(5, tensor))


def onnx_depth(levels):
    """Graphs as attributes of nodes of graphs."""
    graph = field(2, b"g")
    for _ in range(levels):
        attribute = field(1, b"body") + field(6, graph) + b"\xa0\x01\x05"
        graph = field(1, field(4, b"Loop") + field(5, attribute)) + field(2, b"g")
    return onnx(graph)


def groups(levels):
    """Groups in groups of a field that nobody knows (wire type 3)."""
    return b"\x08\x08" + b"\xfb\x01" * levels + b"\xfc\x01" * levels


def laughs(levels):
    """A list of ten times the list before it."""
    pieces = [b"\x80\x02]q\0"]
    for level in range(levels):
        pieces.append(b"]q" + bytes([level + 1]) + b"(" + b"h" + bytes([level]) * 1)
        pieces.append((b"h" + bytes([level])) * 9 + b"e")
    return b"".join(pieces) + b"."


def doubled(levels):
    """A tuple of itself and itself, on the stack alone."""
    return b"\x80\x02)" + b"2\x86" * levels + b"."


def marks(levels):
    return b"\x80\x02" + b"(" * levels + b"l" * levels + b"."


def yaml(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for at in range(1, levels):
        lines.append(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]")
    return "\n".join(lines).encode()


def merged(levels):
    """Merge keys, each of which takes in the mapping before it nine times over."""
    lines = ["a0: &a0 {x: 1}"]
    for at in range(1, levels):
        lines.append(f"a{at}: &a{at} {{<<: [{', '.join([f'*a{at - 1}'] * 9)}], k{at}: 1}}")
    return "\n".join(lines).encode()


def xml(levels):
    entities = ['<!ENTITY e0 "lol">']
    for at in range(1, levels):
        entities.append(f'<!ENTITY e{at} "{f"&e{at - 1};" * 10}">')
    text = "\n".join(entities)
    head = '<?xml version="1.0"?>\n<!DOCTYPE PMML [\n' + text + "\n]>\n"
    body = f'<PMML version="4.4"><Header copyright="&e{levels - 1};"/></PMML>'
    return (head + body).encode()


def template():
    """What a pattern that goes back would try in every way there is."""
    tail = "{{ x" + " " * 50_000 + "." * 50_000 + "y }}" + "a" * 500_000 + "{% if " + "(" * 100_000
    return json.dumps({"chat_template": tail}).encode()


def flat_table(slots):
    """A table of FlatBuffers behind its own list of fields, and where in both the table starts."""
    listing = struct.pack(f"<HH{len(slots)}H", 4 + 2 * len(slots), 4 + 4 * len(slots), *range(4, 4 + 4 * len(slots), 4))
    listing = listing.ljust(-(-len(listing) // 4) * 4, b"\0")
    return listing, len(listing)


def tflite(count):
    """As many graphs as one wishes, all of which are one, whose tensors and operators are one each."""
    out = bytearray(b"\0\0\0\0TFL3")

    def table(width):
        listing, back = flat_table([0] * width)
        out.extend(listing)
        at = len(out)
        out.extend(struct.pack("<i", back) + bytes(4 * width))
        return at

    def vector(place, target):
        """A vector of offsets that lead to `target` once it is known; fills in the field at `place`."""
        struct.pack_into("<I", out, place, len(out) - place)
        out.extend(struct.pack("<I", count))
        start = len(out)
        out.extend(bytes(4 * count))
        to = target()
        for at in range(start, start + 4 * count, 4):
            struct.pack_into("<I", out, at, to - at)

    def graph():
        at = table(4)
        vector(at + 4, lambda: table(3))
        vector(at + 16, lambda: table(3))
        return at

    root = table(3)
    struct.pack_into("<I", out, 0, root)
    struct.pack_into("<I", out, root + 4, 3)
    vector(root + 8, lambda: table(3))
    vector(root + 12, graph)
    return bytes(out)


def parquet(count):
    """A footer whose schema claims so many elements (Thrift's compact protocol)."""
    footer = b"\x15\x02\x19\xfc" + varint(count) + bytes(64)
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def thrift_depth(levels):
    """Structures in structures of a footer."""
    footer = b"\x15\x02\xfc" * levels + bytes(levels)
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def arrow():
    """A message whose description is as long as a number can say."""
    message = b"\xff\xff\xff\xff" + struct.pack("<i", 0x7FFFFFF0) + bytes(64)
    return b"ARROW1\0\0" + message + struct.pack("<i", 0x7FFFFFF0) + b"ARROW1"


def coreml(levels):
    """Pipelines of pipelines."""
    model = b"\x08\x01"
    for _ in range(levels):
        model = b"\x08\x01" + field(202, field(1, field(1, model)))
    return model


def paddle():
    """A tensor with a list of levels of 2⁶⁰ entries."""
    return struct.pack("<IQQ", 0, 1, 1 << 60) + bytes(64)


def bombs():
    """`(rows, name, bytes, verdict)` of each."""
    yield "011", "dims.npy", npy("(1099511627776, 1099511627776)"), "noted"
    yield "011", "dims.safetensors", safetensors(), "fail"
    yield "011", "counts.gguf", gguf(), "told"
    yield "011", "dims.onnx", onnx_dims(), "noted"
    yield "011", "counts.parquet", parquet(1 << 30), "told"
    yield "011", "counts.params", struct.pack("<QQQ", 0x112, 0, 1 << 40) + bytes(64), "told"
    yield "011", "counts.pdiparams", paddle(), "told"
    yield "011", "length.arrow", arrow(), "told"
    yield "012", "laughs.pkl", laughs(60), "fail"
    yield "012", "doubled.pkl", doubled(200), "fail"
    yield "013", "marks.pkl", marks(LEVELS), "any"
    yield "013", "tuples.pkl", b"\x80\x02)" + b"\x85" * LEVELS + b".", "any"
    yield "013", "lists.pkl", b"\x80\x02" + b"]" * LEVELS + b"a" * (LEVELS - 1) + b".", "any"
    yield "014", "depth.onnx", onnx_depth(2000), "noted"
    yield "014", "depth.mlmodel", coreml(2000), "told"
    yield "014", "depth.parquet", thrift_depth(LEVELS), "told"
    yield "014", "groups.onnx", groups(LEVELS), "told"
    yield "015", "depth.json", b"[" * LEVELS + b"]" * LEVELS, "any"
    yield "015", "objects.json", b'{"a":' * LEVELS + b"1" + b"}" * LEVELS, "any"
    yield "015", "number.json", b'{"a": ' + b"9" * 10_000_000 + b"}", "any"
    yield "015", "twice.json", b'{"a": 1, ' + b'"a": 2, ' * 300_000 + b'"\\ud800": 3}', "any"
    yield "016", "anchors.yaml", yaml(30), "any"
    yield "016", "merges.yaml", merged(30), "any"
    yield "017", "entities.pmml", xml(30), "told"
    yield "018", "same.tflite", tflite(20_000), "told"
    yield "019", "template.json", template(), "any"
