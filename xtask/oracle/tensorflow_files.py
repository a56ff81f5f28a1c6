"""The TensorFlow oracle: says what TensorFlow's own messages have in files.

usage: tensorflow_files.py DIR...

A record is a file and a JSON object: its `path`, the `format` that it is of, and its `lines`, one for
each thing in it. Files that TensorFlow does not parse are left out.
"""
import os
import sys

sys.dont_write_bytecode = True
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import collections
import warnings

warnings.simplefilter("ignore")

import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

import stream

LARGEST = 256 << 20
TOLD = 64


def dims(shape):
    return "[" + ", ".join(str(dim.size) for dim in shape.dim) + "]"


def nodes(graphs):
    lines = []
    operators = collections.Counter()
    for index, graph in enumerate(graphs):
        scopes = [("", graph.node)] + [(f.signature.name, f.node_def) for f in graph.library.function]
        for scope, members in scopes:
            for node in members:
                operators[node.op] += 1
                names = ",".join(sorted(node.attr))
                lines.append(f"node {index} {scope}/{node.name} {node.op} ({','.join(node.input)}) {names}")
        for function in graph.library.function:
            signature = function.signature
            lines.append(
                f"function {signature.name} {len(function.node_def)} nodes, "
                f"{len(signature.input_arg)} arguments, {len(signature.output_arg)} results"
            )
    lines += [f"operator {name} {count}" for name, count in operators.items()]
    return lines


def tensor(name, info):
    dtype = types_pb2.DataType.Name(info.dtype) if info.dtype else ""
    known = info.HasField("tensor_shape") and not info.tensor_shape.unknown_rank
    return f"{name}: {info.name} {dtype}{dims(info.tensor_shape) if known else ''}"


def metas(graphs):
    lines = []
    for graph in graphs:
        for key, signature in graph.signature_def.items():
            sides = [
                ", ".join(tensor(name, info) for name, info in sorted(side.items())[:TOLD])
                for side in (signature.inputs, signature.outputs)
            ]
            lines.append(f"signature {key} ({sides[0]}) -> ({sides[1]}) {signature.method_name}")
        lines += [f"asset {asset.filename}" for asset in graph.asset_file_def]
        old = graph.collection_def["saved_model_assets"] if "saved_model_assets" in graph.collection_def else None
        for value in old.any_list.value if old else ():
            asset = meta_graph_pb2.AssetFileDef()
            if value.Unpack(asset):
                lines.append(f"asset {asset.filename}")
    return lines


def parsed(kind, data):
    message = kind()
    try:
        message.ParseFromString(data)
        return message
    except Exception:
        pass
    try:
        return text_format.Parse(data, kind())
    except Exception:
        return None


def describe(path, data):
    """The format of a file and its lines; nothing where it is of none."""
    name = os.path.basename(path)
    if name.endswith(".index"):
        return "tf-checkpoint", variables(path[: -len(".index")])
    if name.startswith("saved_model.pb"):
        model = parsed(saved_model_pb2.SavedModel, data)
        if model is None or not model.meta_graphs:
            return None
        lines = nodes([graph.graph_def for graph in model.meta_graphs])
        return "tf-saved-model", lines + metas(model.meta_graphs)
    if name.endswith(".meta"):
        graph = parsed(meta_graph_pb2.MetaGraphDef, data)
        if graph is None or not graph.graph_def.node:
            return None
        return "tf-meta-graph", nodes([graph.graph_def]) + metas([graph])
    if name.endswith((".pb", ".pbtxt")):
        graph = parsed(graph_pb2.GraphDef, data)
        if graph is None or not graph.node or not all(node.name and node.op for node in graph.node):
            return None
        return "tf-graph", nodes([graph])
    return None


def variables(prefix):
    try:
        reader = tf.train.load_checkpoint(prefix)
    except Exception:
        return None
    types = reader.get_variable_to_dtype_map()
    return [
        f"variable {name} {types_pb2.DataType.Name(types[name].as_datatype_enum)} {list(shape)}"
        for name, shape in reader.get_variable_to_shape_map().items()
    ]


def main():
    out = sys.stdout.buffer
    for folder in sys.argv[1:]:
        for root, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(root, name)
                if os.path.getsize(path) > LARGEST:
                    continue
                with open(path, "rb") as file:
                    data = file.read()
                found = describe(path, data)
                if found and found[1] is not None:
                    out.write(stream.record(data, {"path": path, "format": found[0], "lines": found[1]}))
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
