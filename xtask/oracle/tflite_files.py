"""The TFLite oracle: says what the `tflite` package has in models.

usage: tflite_files.py DIR...

A record is a model and a JSON object: its `path`, and its `lines`, one for each thing in it. Files that
the package cannot follow are left out.
"""
import collections
import os
import sys

sys.dont_write_bytecode = True

import tflite

import stream

SHOWN = 32


def names(kind):
    return {value: name for name, value in vars(kind).items() if isinstance(value, int)}


OPERATORS = names(tflite.BuiltinOperator)
TYPES = names(tflite.TensorType)


def text(value):
    return (value or b"").decode("utf-8", "replace")


def ints(count, get):
    return "[" + ", ".join(str(get(index)) for index in range(count)) + "]"


def code(model, operator):
    entry = model.OperatorCodes(operator.OpcodeIndex())
    number = max(entry.DeprecatedBuiltinCode(), entry.BuiltinCode())
    if number == tflite.BuiltinOperator.CUSTOM:
        return "custom " + text(entry.CustomCode())
    return OPERATORS[number]


def graph(model, index):
    part = model.Subgraphs(index)
    name = text(part.Name()) or f"graph {index}"
    lines = []
    for at in range(part.TensorsLength()):
        tensor = part.Tensors(at)
        shape = ints(tensor.ShapeLength(), tensor.Shape)
        lines.append(f"tensor {name}/{text(tensor.Name())} {TYPES[tensor.Type()]} {shape}")
    lines.append(
        f"graph {name} {part.TensorsLength()} tensors, {part.OperatorsLength()} operators, "
        f"{part.InputsLength()} inputs, {part.OutputsLength()} outputs"
    )
    return lines, [code(model, part.Operators(at)) for at in range(part.OperatorsLength())]


def signature(part):
    sides = []
    for count, get in ((part.InputsLength(), part.Inputs), (part.OutputsLength(), part.Outputs)):
        maps = [get(index) for index in range(count)]
        sides.append(", ".join(f"{text(it.Name())}: tensor {it.TensorIndex()}" for it in maps))
    return f"signature {text(part.SignatureKey())} graph {part.SubgraphIndex()}, ({sides[0]}) -> ({sides[1]})"


def buffer(model, data, index):
    part = model.Buffers(index)
    offset = part.Offset() if hasattr(part, "Offset") else 0
    if offset > 1:
        content = data[offset : offset + part.Size()]
    else:
        content = part.DataAsNumpy().tobytes() if part.DataLength() else b""
    return f"buffer {index} {len(content)} {content[:SHOWN].hex()}"


def describe(data):
    model = tflite.Model.GetRootAsModel(data, 0)
    lines = []
    operators = collections.Counter()
    for index in range(model.SubgraphsLength()):
        more, codes = graph(model, index)
        lines += more
        operators.update(codes)
    lines += [f"operator {name} {count}" for name, count in operators.items()]
    lines += [signature(model.SignatureDefs(index)) for index in range(model.SignatureDefsLength())]
    lines += [buffer(model, data, index) for index in range(model.BuffersLength())]
    return lines


def main():
    out = sys.stdout.buffer
    for folder in sys.argv[1:]:
        for root, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(root, name)
                with open(path, "rb") as file:
                    data = file.read()
                if data[4:8] != b"TFL3":
                    continue
                try:
                    lines = describe(data)
                except Exception:
                    continue
                out.write(stream.record(data, {"path": path, "lines": lines}))
    out.flush()


if __name__ == "__main__":
    main()
