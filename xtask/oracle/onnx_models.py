"""The ONNX oracle: says what the `onnx` package finds in models and tensors.

usage: onnx_models.py models DIR...

A record is a file and a JSON object: `what` it is (model, tensor, sequence or optional), and its `lines`,
one for each thing in it, in no order. Files that the package does not parse are left out. `DIR` may be the
word `package`, which stands for the test data of the package itself.
"""
import sys

sys.dont_write_bytecode = True

import collections
import os
import struct

import onnx
from onnx import AttributeProto, TensorProto

import stream

SHOWN = 64
DIMENSIONS = 16
TYPES = {value: name.lower() for name, value in TensorProto.DataType.items()}
TYPED = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


def single(number):
    return struct.pack("<f", number).hex()


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return f"{len(data)}:{data[:64].hex()}"


def listed(values, show):
    return f"{len(values)}[{','.join(show(value) for value in values[:SHOWN])}]"


def tensor_line(tensor):
    typed = sorted(f"{name}={len(getattr(tensor, name))}" for name in TYPED if len(getattr(tensor, name)))
    raw = len(tensor.raw_data) if tensor.HasField("raw_data") else "no"
    external = [f"{entry.key}={entry.value}" for entry in tensor.external_data]
    where = tensor.HasField("data_location") and tensor.data_location == TensorProto.EXTERNAL
    dims = ",".join(map(str, tensor.dims[:SHOWN]))
    return f"tensor {text(tensor.name)} {tensor.data_type} [{dims}] raw={raw} {typed} {where} {external}"


def attribute(item):
    parts = [text(item.name), str(item.type)]
    if item.HasField("f"):
        parts.append("f=" + single(item.f))
    if item.HasField("i"):
        parts.append(f"i={item.i}")
    if item.HasField("s"):
        parts.append("s=" + text(item.s))
    if item.HasField("ref_attr_name"):
        parts.append("ref=" + text(item.ref_attr_name))
    lists = (("floats", single), ("ints", str), ("strings", text))
    parts.extend(f"{name}={listed(getattr(item, name), show)}" for name, show in lists if len(getattr(item, name)))
    tensors = item.HasField("t") + len(item.tensors)
    graphs = item.HasField("g") + len(item.graphs)
    sparse = item.HasField("sparse_tensor") + len(item.sparse_tensors)
    return " ".join(parts) + f" t={tensors} g={graphs} sparse={sparse}"


def type_line(proto):
    which = proto.WhichOneof("value")
    if which is None:
        return ""
    inner = getattr(proto, which)
    if which in ("tensor_type", "sparse_tensor_type"):
        word = "sparse " if which == "sparse_tensor_type" else ""
        return word + tensor_type(inner)
    if which == "map_type":
        return f"map({TYPES.get(inner.key_type, inner.key_type)}, {type_line(inner.value_type)})"
    if which == "opaque_type":
        return "opaque"
    return f"{which.removesuffix('_type')}({type_line(inner.elem_type)})"


def tensor_type(inner):
    element = TYPES.get(inner.elem_type, str(inner.elem_type))
    if not inner.HasField("shape"):
        return element + "[...]"
    shown = []
    for dim in inner.shape.dim[:DIMENSIONS]:
        which = dim.WhichOneof("value")
        shown.append("?" if which is None else str(getattr(dim, which))[:64])
    if len(inner.shape.dim) > DIMENSIONS:
        shown.append("…")
    return f"{element}[{','.join(shown)}]"


class Model:
    def __init__(self):
        self.lines = []
        self.operators = collections.Counter()
        self.locations = set()

    def tensor(self, tensor):
        self.lines.append(tensor_line(tensor))
        if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
            found = {entry.key: entry.value for entry in tensor.external_data}
            self.locations.update({found["location"]} if "location" in found else ())

    def sparse(self, sparse):
        for part in ("values", "indices"):
            if sparse.HasField(part):
                self.tensor(getattr(sparse, part))

    def initializer(self, tensor):
        self.lines.append(f"initializer {tensor.name} {TYPES.get(tensor.data_type)} {list(tensor.dims[:SHOWN])}")

    def attribute(self, item):
        for tensor in ([item.t] if item.HasField("t") else []) + list(item.tensors):
            self.tensor(tensor)
        for sparse in ([item.sparse_tensor] if item.HasField("sparse_tensor") else []) + list(item.sparse_tensors):
            self.sparse(sparse)
        for graph in ([item.g] if item.HasField("g") else []) + list(item.graphs):
            self.graph(graph)

    def nodes(self, nodes):
        for node in nodes:
            domain = "" if node.domain == "ai.onnx" else node.domain
            self.operators[(domain, node.op_type)] += 1
            names = [text(node.name), text(node.op_type), text(node.domain)]
            edges = f"in=[{','.join(map(text, node.input))}] out=[{','.join(map(text, node.output))}]"
            self.lines.append(f"node {' '.join(names)} {edges} [{'; '.join(map(attribute, node.attribute))}]")
            for item in node.attribute:
                self.attribute(item)

    def graph(self, graph):
        self.nodes(graph.node)
        for tensor in graph.initializer:
            self.initializer(tensor)
            self.tensor(tensor)
        for sparse in graph.sparse_initializer:
            self.initializer(sparse.values)
            self.sparse(sparse)
        self.lines.extend(f"metadata {entry.key}={entry.value[:256]}" for entry in graph.metadata_props)

    def model(self, model):
        for name in ("ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string"):
            if model.HasField(name):
                value = getattr(model, name)
                self.lines.append(f"{name} {value if isinstance(value, int) else text(value)}")
        self.lines.extend(f"opset {entry.domain or 'ai.onnx'}={entry.version}" for entry in model.opset_import)
        self.lines.extend(f"metadata {entry.key}={entry.value[:256]}" for entry in model.metadata_props)
        self.lines.extend(f"input {item.name} {type_line(item.type)}" for item in model.graph.input)
        self.lines.extend(f"output {item.name} {type_line(item.type)}" for item in model.graph.output)
        for function in model.functions:
            self.lines.append(f"function {function.domain}::{function.name}")
            self.nodes(function.node)
            for item in function.attribute_proto:
                self.attribute(item)
            self.lines.extend(f"metadata {entry.key}={entry.value[:256]}" for entry in function.metadata_props)
        for training in model.training_info:
            for name in ("initialization", "algorithm"):
                if training.HasField(name):
                    self.graph(getattr(training, name))
        self.graph(model.graph)
        self.lines.extend(f"operator {domain} {name} {count}" for (domain, name), count in self.operators.items())
        self.lines.extend(f"location {location}" for location in self.locations)

    def sequence(self, sequence):
        for tensor in sequence.tensor_values:
            self.tensor(tensor)
        for sparse in sequence.sparse_tensor_values:
            self.sparse(sparse)
        for inner in sequence.sequence_values:
            self.sequence(inner)
        for inner in sequence.optional_values:
            self.optional(inner)
        for inner in sequence.map_values:
            self.sequence(inner.values)

    def optional(self, optional):
        if optional.HasField("tensor_value"):
            self.tensor(optional.tensor_value)
        if optional.HasField("sparse_tensor_value"):
            self.sparse(optional.sparse_tensor_value)
        if optional.HasField("sequence_value"):
            self.sequence(optional.sequence_value)
        if optional.HasField("optional_value"):
            self.optional(optional.optional_value)


def kind_of(path):
    """What a file of test data holds: its name counts the inputs or outputs of the model above it."""
    side, _, number = os.path.basename(path).removesuffix(".pb").partition("_")
    above = os.path.join(os.path.dirname(os.path.dirname(path)), "model.onnx")
    if side not in ("input", "output") or not number.isdigit() or not os.path.exists(above):
        return None
    graph = onnx.load(above, load_external_data=False).graph
    values = graph.input if side == "input" else graph.output
    if int(number) >= len(values):
        return None
    which = values[int(number)].type.WhichOneof("value")
    return {"tensor_type": "tensor", "sequence_type": "sequence", "optional_type": "optional"}.get(which)


def answer(path, data):
    read = Model()
    if path.endswith(".pb"):
        what = kind_of(path)
        if what is None:
            return None
        kinds = {"tensor": TensorProto, "sequence": onnx.SequenceProto, "optional": onnx.OptionalProto}
        message = kinds[what].FromString(data)
        getattr(read, what)(message)
        return {"what": what, "lines": read.lines}
    model = onnx.ModelProto.FromString(data)
    if not model.HasField("graph"):
        return None
    read.model(model)
    return {"what": "model", "lines": read.lines}


def models(folders):
    for folder in folders:
        if folder == "package":
            folder = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
        for here, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(here, name)
                if not name.endswith((".onnx", ".pb")) or os.path.getsize(path) >= 1 << 31:
                    continue
                with open(path, "rb") as file:
                    data = file.read()
                try:
                    found = answer(path, data)
                except Exception:
                    continue
                if found is not None:
                    yield data, found | {"path": path}


def main():
    for data, found in models(sys.argv[2:]):
        sys.stdout.buffer.write(stream.record(data, found))


if __name__ == "__main__":
    main()
