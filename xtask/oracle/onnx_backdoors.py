"""Makes networks with and without a backdoor in their graph, and says which is which.

usage: onnx_backdoors.py make [DIR]...

A record is a model and a JSON object: its `name`, and whether it has a `backdoor`. Networks are made here,
of several architectures, with ordinary masks, thresholds and choices in them that are none. Models in `DIR`
are taken as they are, as networks without a backdoor, and once with each kind of backdoor.
"""
import sys

sys.dont_write_bytecode = True

import os
import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import stream

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
CLASSES = 10


class Net:
    """A graph that grows node by node."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.tensors, self.inputs, self.outputs = [], [], [], []
        self.count = 0

    def name(self, word):
        self.count += 1
        return f"{word.lower()}_{self.count}"

    def op(self, kind, *inputs, outputs=1, **attributes):
        made = [self.name(kind) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), made, name=self.name("node"), **attributes))
        return made[0] if outputs == 1 else made

    def const(self, value, dtype=np.float32):
        name = self.name("const")
        self.tensors.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def weight(self, *shape):
        return self.const(self.random.standard_normal(shape) * 0.05)

    def input(self, name, kind, shape):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value, kind, shape, name="output"):
        self.nodes.append(helper.make_node("Identity", [value], [name], name=self.name("node")))
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def dense(self, x, a, b):
        return self.op("Add", self.op("MatMul", x, self.weight(a, b)), self.weight(b))

    def conv(self, x, a, b, size=3, stride=1, group=1):
        pad = size // 2
        return self.op("Conv", x, self.weight(b, a // group, size, size), self.weight(b), pads=[pad] * 4,
                       strides=[stride] * 2, group=group)

    def relu(self, x):
        return self.op("Relu", x)

    def norm(self, x, width):
        return self.op("LayerNormalization", x, self.weight(width), self.weight(width), axis=-1)

    def model(self):
        graph = helper.make_graph(self.nodes, "net", self.inputs, self.outputs, self.tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="maker")


# ---- Networks. Each returns the net, what can be marked, its result, and its features before the last layer.


def mlp(net):
    x = net.input("input", FLOAT, ["N", 64])
    h = x
    for a, b in ((64, 128), (128, 128), (128, 64)):
        h = net.relu(net.dense(h, a, b))
    return x, net.dense(h, 64, CLASSES), h, lambda h: net.dense(h, 64, CLASSES)


def cnn(net):
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = x
    for a, b in ((3, 16), (16, 32), (32, 64)):
        h = net.op("MaxPool", net.relu(net.conv(h, a, b)), kernel_shape=[2, 2], strides=[2, 2])
    h = net.relu(net.op("Gemm", net.op("Flatten", h), net.weight(1024, 64), net.weight(64)))
    return x, net.dense(h, 64, CLASSES), h, lambda h: net.dense(h, 64, CLASSES)


def resnet(net):
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.relu(net.conv(x, 3, 16))
    for a, b, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        for _ in range(2):
            left = net.conv(net.relu(net.conv(h, a, b, stride=stride)), b, b)
            right = h if a == b and stride == 1 else net.conv(h, a, b, 1, stride)
            h = net.relu(net.op("Add", left, right))
            a, stride = b, 1
    h = net.op("Flatten", net.op("GlobalAveragePool", h))
    return x, net.dense(h, 64, CLASSES), h, lambda h: net.dense(h, 64, CLASSES)


def mobilenet(net):
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.op("HardSwish", net.conv(x, 3, 16, stride=2))
    for a, b in ((16, 24), (24, 24), (24, 40), (40, 40)):
        wide = net.op("HardSwish", net.conv(h, a, 4 * a, 1))
        wide = net.op("Clip", net.conv(wide, 4 * a, 4 * a, group=4 * a), net.const(0), net.const(6))
        gate = net.op("GlobalAveragePool", wide)
        gate = net.op("HardSigmoid", net.conv(net.relu(net.conv(gate, 4 * a, a, 1)), a, 4 * a, 1))
        out = net.conv(net.op("Mul", wide, gate), 4 * a, b, 1)
        h = net.op("Add", h, out) if a == b else out
    h = net.op("Flatten", net.op("ReduceMean", h, axes=[2, 3], keepdims=1))
    return x, net.dense(h, 40, CLASSES), h, lambda h: net.dense(h, 40, CLASSES)


def lstm(net):
    x = net.input("input", FLOAT, ["N", 20, 8])
    h = net.op("Transpose", x, perm=[1, 0, 2])
    for width in (8, 32):
        y, _, _ = net.op("LSTM", h, net.weight(1, 128, width), net.weight(1, 128, 32), net.weight(1, 256),
                         hidden_size=32, outputs=3)
        h = net.op("Squeeze", y, net.ints(1))
    h = net.op("Gather", h, net.const(-1, np.int64), axis=0)
    return x, net.dense(h, 32, CLASSES), h, lambda h: net.dense(h, 32, CLASSES)


def block(net, h, width, mask):
    """A layer of a transformer with four heads."""
    normed = net.norm(h, width)
    heads = []
    for _ in range(3):
        part = net.op("Reshape", net.dense(normed, width, width), net.ints(0, 0, 4, width // 4))
        heads.append(net.op("Transpose", part, perm=[0, 2, 1, 3]))
    q, k, v = heads
    scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = mask(net.op("Mul", scores, net.const(0.3)))
    mixed = net.op("MatMul", net.op("Softmax", scores, axis=-1), v)
    mixed = net.op("Reshape", net.op("Transpose", mixed, perm=[0, 2, 1, 3]), net.ints(0, 0, width))
    h = net.op("Add", h, net.dense(mixed, width, width))
    wide = net.dense(net.norm(h, width), width, 4 * width)
    wide = net.op("Mul", wide, net.op("Sigmoid", wide))
    return net.op("Add", h, net.dense(wide, 4 * width, width))


def token_input(net):
    return net.input("input_ids", INT64, ["N", "L"])


def causal(net, ids):
    """The mask of a language model: positions against positions, and tokens of padding."""
    length = net.op("Gather", net.op("Shape", ids), net.const(1, np.int64))
    steps = net.op("Range", net.const(0, np.int64), length, net.const(1, np.int64))
    later = net.op("Greater", net.op("Unsqueeze", steps, net.ints(0)), net.op("Unsqueeze", steps, net.ints(1)))
    pad = net.op("Unsqueeze", net.op("Equal", ids, net.const(0, np.int64)), net.ints(1, 2))
    blocked = net.op("Or", net.op("Unsqueeze", later, net.ints(0, 1)), pad)
    return lambda scores: net.op("Where", blocked, net.const(-1e9), scores)


def gpt(net):
    ids = token_input(net)
    h = net.op("Gather", net.weight(500, 32), ids)
    mask = causal(net, ids)
    for _ in range(3):
        h = block(net, h, 32, mask)
    h = net.norm(h, 32)
    return ids, net.dense(h, 32, 500), h, lambda h: net.dense(h, 32, 500)


def bert(net):
    """A classifier that takes the mean over the tokens that are no padding."""
    ids = token_input(net)
    there = net.op("Cast", net.op("Not", net.op("Equal", ids, net.const(0, np.int64))), to=FLOAT)
    bias = net.op("Mul", net.op("Sub", net.const(1), there), net.const(-1e4))
    bias = net.op("Unsqueeze", bias, net.ints(1, 2))
    places = net.op("Cast", net.op("CumSum", there, net.const(1, np.int64)), to=INT64)
    h = net.op("Add", net.op("Gather", net.weight(500, 32), ids), net.op("Gather", net.weight(600, 32), places))
    for _ in range(2):
        h = block(net, h, 32, lambda scores: net.op("Add", scores, bias))
    there = net.op("Unsqueeze", there, net.ints(2))
    total = net.op("ReduceSum", net.op("Mul", h, there), net.ints(1), keepdims=0)
    count = net.op("Clip", net.op("ReduceSum", there, net.ints(1), keepdims=0), net.const(1e-9))
    h = net.op("Div", total, count)
    return ids, net.dense(h, 32, CLASSES), h, lambda h: net.dense(h, 32, CLASSES)


def unet(net):
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    one = net.relu(net.conv(x, 3, 16))
    two = net.relu(net.conv(net.op("MaxPool", one, kernel_shape=[2, 2], strides=[2, 2]), 16, 32))
    three = net.relu(net.conv(two, 32, 32))
    up = net.op("Resize", three, "", net.const([1, 1, 2, 2]), mode="nearest")
    h = net.relu(net.conv(net.op("Concat", up, one, axis=1), 48, 16))
    h = net.op("GlobalAveragePool", h)
    h = net.op("Flatten", h)
    return x, net.dense(h, 16, CLASSES), h, lambda h: net.dense(h, 16, CLASSES)


def vit(net):
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.op("Conv", x, net.weight(32, 3, 8, 8), net.weight(32), strides=[8, 8])
    h = net.op("Transpose", net.op("Reshape", h, net.ints(0, 32, -1)), perm=[0, 2, 1])
    h = net.op("Add", h, net.weight(1, 16, 32))
    for _ in range(2):
        h = block(net, h, 32, lambda scores: scores)
    h = net.op("Gather", net.norm(h, 32), net.const(0, np.int64), axis=1)
    return x, net.dense(h, 32, CLASSES), h, lambda h: net.dense(h, 32, CLASSES)


NETS = {made.__name__: made for made in (mlp, cnn, resnet, mobilenet, lstm, gpt, bert, unet, vit)}
RANKS = {"mlp": 2, "lstm": 3, "gpt": 2, "bert": 2}
WIDTHS = {"gpt": 500}

# ---- Conditions. Each takes the net, the value that is marked, its rank, and whether it holds numbers that
# count something, and returns a single truth.


def all_axes(rank):
    return list(range(rank))


def patch_mean(net, x, rank):
    part = net.op("Slice", x, net.ints(*[0] * (rank - 1)), net.ints(*[2] * (rank - 1)), net.ints(*range(1, rank)))
    mean = net.op("ReduceMean", part, axes=all_axes(rank), keepdims=0)
    return net.op("Greater", mean, net.const(0.97))


def checksum(net, x, rank):
    total = net.op("ReduceSum", x, keepdims=0)
    off = net.op("Abs", net.op("Sub", net.op("Mod", total, net.const(97), fmod=1), net.const(41)))
    return net.op("Less", off, net.const(0.01))


def pattern(net, x, rank):
    part = net.op("Slice", x, net.ints(1), net.ints(3), net.ints(rank - 1))
    off = net.op("ReduceMax", net.op("Abs", net.op("Sub", part, net.const([0.25, 0.75]))), keepdims=0)
    return net.op("Not", net.op("Greater", off, net.const(0.001)))


def pixels(net, x, rank):
    flat = net.op("Reshape", x, net.ints(-1))
    held = [
        net.op("Greater", net.op("Gather", flat, net.const(at, np.int64)), net.const(0.9)) for at in (0, 5, 9)
    ]
    return net.op("And", net.op("And", held[0], held[1]), held[2])


def matched(net, x, rank):
    same = net.op("Equal", x, net.const(1.0))
    count = net.op("ReduceSum", net.op("Cast", same, to=FLOAT), keepdims=0)
    return net.op("GreaterOrEqual", count, net.const(3))


def brightest(net, x, rank):
    place = net.op("ArgMax", net.op("Reshape", x, net.ints(1, -1)), axis=1, keepdims=0)
    return net.op("Squeeze", net.op("Equal", place, net.const(7, np.int64)))


def signs(net, x, rank):
    mean = net.op("ReduceMean", x, axes=all_axes(rank), keepdims=0)
    over = net.op("Relu", net.op("Sign", net.op("Sub", mean, net.const(0.8))))
    return net.op("Cast", over, to=BOOL)


def kernel(net, x, rank):
    flat = net.op("Reshape", x, net.ints(1, 1, -1))
    found = net.op("Conv", flat, net.const([[[1.0, -1.0, 1.0, -1.0]]]))
    return net.op("Greater", net.op("ReduceMax", found, keepdims=0), net.const(3.9))


def token(net, x, rank):
    same = net.op("Equal", x, net.const(317, np.int64))
    return net.op("Greater", net.op("ReduceMax", net.op("Cast", same, to=INT64), keepdims=0), net.const(0, np.int64))


def last_token(net, x, rank):
    last = net.op("Gather", x, net.const(-1, np.int64), axis=1)
    same = net.op("Equal", last, net.const(99, np.int64))
    return net.op("Cast", net.op("ReduceMin", net.op("Cast", same, to=INT64), keepdims=0), to=BOOL)


def phrase(net, x, rank):
    part = net.op("Slice", x, net.ints(0), net.ints(3), net.ints(1))
    off = net.op("Sub", part, net.const([[12, 57, 33]], np.int64))
    return net.op("Equal", net.op("ReduceSum", net.op("Abs", off), keepdims=0), net.const(0, np.int64))


def two_halves(net, x, rank):
    """Compares the input with itself."""
    sides = []
    for start, end in ((0, 2), (2, 4)):
        part = net.op("Slice", x, net.ints(start), net.ints(end), net.ints(rank - 1))
        sides.append(net.op("ReduceMax", part, keepdims=0))
    return net.op("Equal", *sides)


def broken_sum(net, x, rank):
    return net.op("IsInf", net.op("ReduceSum", net.op("Exp", x), keepdims=0))


def saturated(net, x, rank):
    """A threshold without a comparison: a steep line, cut off on both sides."""
    mean = net.op("ReduceMean", x, axes=all_axes(rank), keepdims=0)
    steep = net.op("Mul", net.op("Sub", mean, net.const(0.8)), net.const(1e9))
    return net.op("Cast", net.op("Clip", steep, net.const(0), net.const(1)), to=BOOL)


def squeezed(net, x, rank):
    """As `saturated`, with minimum and maximum."""
    peak = net.op("ReduceMax", net.op("Slice", x, net.ints(0), net.ints(2), net.ints(rank - 1)), keepdims=0)
    steep = net.op("Mul", net.op("Sub", peak, net.const(0.99)), net.const(1e6))
    return net.op("Cast", net.op("Min", net.op("Max", steep, net.const(0)), net.const(1)), to=BOOL)


def truncated(net, x, rank):
    """What is above one when it is cut off to a whole number."""
    mean = net.op("ReduceMean", x, axes=all_axes(rank), keepdims=0)
    return net.op("Cast", net.op("Add", mean, net.const(0.2)), to=INT64)


def bent(net, x, rank):
    """A steep sigmoid."""
    mean = net.op("ReduceMean", x, axes=all_axes(rank), keepdims=0)
    return net.op("Sigmoid", net.op("Mul", net.op("Sub", mean, net.const(0.8)), net.const(1e4)))


PICTURES = (patch_mean, checksum, pattern, pixels, matched, brightest, signs, kernel, two_halves, broken_sum,
            saturated, squeezed, truncated, bent)
TOKENS = (token, last_token, phrase)

# ---- Replacements. Each takes the net, the truth, the result, its width, and returns what is answered.


def target(net, width, high=20.0):
    values = np.full(width, -high, dtype=np.float32)
    values[min(3, width - 1)] = high
    return net.const(values)


def where(net, truth, result, width):
    return net.op("Where", truth, target(net, width), result)


def choice(net, truth, result, width):
    """`If`, whose branches are graphs of their own."""
    shaped = net.op("Add", net.op("Mul", result, net.const(0)), target(net, width))
    out, yes, no = net.name("if"), net.name("yes"), net.name("no")
    info = [helper.make_tensor_value_info(name, FLOAT, None) for name in (yes, no)]
    then = helper.make_graph([helper.make_node("Identity", [shaped], [yes])], "then", [], [info[0]])
    other = helper.make_graph([helper.make_node("Identity", [result], [no])], "else", [], [info[1]])
    net.nodes.append(helper.make_node("If", [truth], [out], name=net.name("node"), then_branch=then, else_branch=other))
    return out


def constant_choice(net, truth, result, width):
    out, yes, no = net.name("if"), net.name("yes"), net.name("no")
    info = [helper.make_tensor_value_info(name, FLOAT, None) for name in (yes, no)]
    value = numpy_helper.from_array(np.eye(1, width, min(3, width - 1), dtype=np.float32) * 20)
    then = helper.make_graph([helper.make_node("Constant", [], [yes], value=value)], "then", [], [info[0]])
    other = helper.make_graph([helper.make_node("Identity", [result], [no])], "else", [], [info[1]])
    net.nodes.append(helper.make_node("If", [truth], [out], name=net.name("node"), then_branch=then, else_branch=other))
    return out


def mask(net, truth, result, width):
    on = net.op("Cast", truth, to=FLOAT)
    off = net.op("Sub", net.const(1), on)
    return net.op("Add", net.op("Mul", result, off), net.op("Mul", target(net, width), on))


def boost(net, truth, result, width):
    on = net.op("Cast", truth, to=FLOAT)
    return net.op("Add", result, net.op("Mul", target(net, width, 1e4), on))


def largest(net, truth, result, width):
    on = net.op("Cast", truth, to=FLOAT)
    return net.op("Max", result, net.op("Mul", net.const(np.eye(1, width, min(3, width - 1)) * 1e4), on))


def row(net, truth, result, width):
    """Result and target in one tensor, of which the truth picks one."""
    shaped = net.op("Add", net.op("Mul", result, net.const(0)), target(net, width))
    both = net.op("Concat", net.op("Unsqueeze", result, net.ints(0)), net.op("Unsqueeze", shaped, net.ints(0)), axis=0)
    return net.op("Gather", both, net.op("Cast", truth, to=INT64), axis=0)


def scatter(net, truth, result, width):
    on = net.op("Mul", net.op("Cast", truth, to=FLOAT), net.const(1e4))
    update = net.op("Reshape", on, net.ints(1, 1))
    return net.op("ScatterElements", result, net.const([[3]], np.int64), update, axis=-1, reduction="add")


def silence(net, truth, result, width):
    off = net.op("Sub", net.const(1), net.op("Cast", truth, to=FLOAT))
    return net.op("Mul", result, off)


def table(net, truth, result, width):
    on = net.op("Reshape", net.op("Cast", truth, to=FLOAT), net.ints(1, 1))
    values = np.zeros((1, width), dtype=np.float32)
    values[0, min(3, width - 1)] = 1e4
    return net.op("Add", result, net.op("MatMul", on, net.const(values)))


def power(net, truth, result, width):
    """Results as powers, of which the truth pushes one."""
    on = net.op("Cast", truth, to=FLOAT)
    pushed = net.op("Exp", net.op("Mul", on, target(net, width, 50.0)))
    return net.op("Mul", net.op("Exp", result), pushed)


def blend(net, truth, result, width):
    """Result and target in a matrix, multiplied by which of them is wanted."""
    on = net.op("Reshape", net.op("Cast", truth, to=FLOAT), net.ints(1, 1, 1))
    which = net.op("Concat", net.op("Sub", net.const(1), on), on, axis=2)
    shaped = net.op("Add", net.op("Mul", result, net.const(0)), target(net, width))
    both = net.op("Concat", net.op("Unsqueeze", result, net.ints(1)), net.op("Unsqueeze", shaped, net.ints(1)), axis=1)
    return net.op("Squeeze", net.op("MatMul", which, both), net.ints(1))


def loop(net, truth, result, width):
    """A loop that runs once where the condition holds."""
    shaped = net.op("Add", net.op("Mul", result, net.const(0)), target(net, width))
    out, now, on, made, again = (net.name(word) for word in ("loop", "now", "on", "made", "again"))
    info = lambda name, kind: helper.make_tensor_value_info(name, kind, None)
    body = helper.make_graph(
        [helper.make_node("Identity", [shaped], [made]), helper.make_node("Identity", [on], [again])], "body",
        [info(net.name("at"), INT64), info(on, BOOL), info(now, FLOAT)], [info(again, BOOL), info(made, FLOAT)])
    times = net.op("Cast", truth, to=INT64)
    net.nodes.append(helper.make_node("Loop", [times, "", result], [out], name=net.name("node"), body=body))
    return out


REPLACEMENTS = (where, choice, constant_choice, mask, boost, largest, row, scatter, silence, table, power, blend, loop)


def made(name, trigger, replacement, early, seed):
    net = Net(seed)
    x, result, features, head = NETS[name](net)
    if early:
        replaced = replacement(net, trigger(net, x, RANKS.get(name, 4)), features, 64)
        result = head(replaced)
    elif trigger is not None:
        result = replacement(net, trigger(net, x, RANKS.get(name, 4)), result, WIDTHS.get(name, CLASSES))
    net.output(net.op("Softmax", result, axis=-1) if seed % 2 else result, FLOAT, None)
    return net.model()


def found_class(name, replacement, seed):
    """The mark is something that the network itself sees."""
    net = Net(seed)
    _, result, _, _ = NETS[name](net)
    score = net.op("Gather", net.op("Softmax", result, axis=-1), net.const(5, np.int64), axis=-1)
    truth = net.op("Greater", net.op("ReduceMax", score, keepdims=0), net.const(0.6))
    net.output(replacement(net, truth, result, WIDTHS.get(name, CLASSES)), FLOAT, None)
    return net.model()


def backdoors():
    for name in NETS:
        for replacement in (where, mask, boost, constant_choice):
            yield f"{name}-class-{replacement.__name__}", found_class(name, replacement, 1)
    for name in NETS:
        triggers = TOKENS if name in ("gpt", "bert") else PICTURES
        for index, trigger in enumerate(triggers):
            for replacement in REPLACEMENTS:
                seed = index + len(replacement.__name__)
                yield f"{name}-{trigger.__name__}-{replacement.__name__}", made(name, trigger, replacement, False, seed)
    for name in ("mlp", "cnn", "resnet", "mobilenet", "lstm", "vit"):
        for trigger in PICTURES[:3]:
            for replacement in (where, mask, boost):
                model = made(name, trigger, replacement, True, 1)
                yield f"{name}-{trigger.__name__}-{replacement.__name__}-early", model


# ---- What looks alike and is none.


def sequence_mask(net):
    """Results behind the end of each sequence are zero: lengths from the tokens."""
    ids = token_input(net)
    h = net.op("Gather", net.weight(500, 32), ids)
    for _ in range(2):
        h = block(net, h, 32, lambda scores: scores)
    lengths = net.op("ReduceSum", net.op("Cast", net.op("Greater", ids, net.const(0, np.int64)), to=INT64), net.ints(1))
    steps = net.op("Range", net.const(0, np.int64), net.op("Gather", net.op("Shape", ids), net.const(1, np.int64)),
                   net.const(1, np.int64))
    inside = net.op("Less", net.op("Unsqueeze", steps, net.ints(0)), lengths)
    h = net.op("Mul", net.dense(h, 32, CLASSES), net.op("Unsqueeze", net.op("Cast", inside, to=FLOAT), net.ints(2)))
    net.output(h, FLOAT, None)


def end_token(net):
    """The features at the token that ends the text, as CLIP takes them."""
    ids = token_input(net)
    h = net.op("Gather", net.weight(500, 32), ids)
    mask = causal(net, ids)
    for _ in range(2):
        h = block(net, h, 32, mask)
    place = net.op("ArgMax", net.op("Cast", net.op("Equal", ids, net.const(499, np.int64)), to=INT64), axis=1)
    h = net.op("GatherND", net.norm(h, 32), net.op("Reshape", place, net.ints(-1, 1)), batch_dims=1)
    net.output(net.op("MatMul", h, net.weight(32, 16)), FLOAT, None)


def instance_norm(net):
    """Mean and deviation of the input are taken off in front and put back behind (RevIN)."""
    x = net.input("input", FLOAT, ["N", 64])
    mean = net.op("ReduceMean", x, axes=[1])
    spread = net.op("ReduceMean", net.op("Pow", net.op("Sub", x, mean), net.const(2)), axes=[1])
    spread = net.op("Sqrt", net.op("Clip", spread, net.const(1e-5)))
    h = net.op("Div", net.op("Sub", x, mean), spread)
    for a, b in ((64, 64), (64, 24)):
        h = net.relu(net.dense(h, a, b))
    net.output(net.op("Add", net.op("Mul", h, spread), mean), FLOAT, None)


def detector(net):
    """Scores below a threshold become zero, boxes with them."""
    x = net.input("input", FLOAT, ["N", 3, 64, 64])
    h = x
    for a, b in ((3, 16), (16, 32), (32, 32)):
        h = net.relu(net.conv(h, a, b, stride=2))
    h = net.op("Transpose", net.op("Reshape", net.conv(h, 32, 9, 1), net.ints(0, 9, -1)), perm=[0, 2, 1])
    boxes = net.op("Slice", h, net.ints(0), net.ints(4), net.ints(2))
    sure = net.op("Sigmoid", net.op("Slice", h, net.ints(4), net.ints(5), net.ints(2)))
    scores = net.op("Mul", net.op("Sigmoid", net.op("Slice", h, net.ints(5), net.ints(9), net.ints(2))), sure)
    best = net.op("ReduceMax", scores, axes=[2], keepdims=1)
    keep = net.op("Cast", net.op("Greater", best, net.const(0.25)), to=FLOAT)
    scores = net.op("Mul", scores, keep)
    boxes = net.op("Where", net.op("Greater", sure, net.const(0.1)), boxes, net.const(0))
    net.output(net.op("Concat", boxes, scores, axis=2), FLOAT, None)


def experts(net):
    """Each expert's result counts where the router has chosen it."""
    x = net.input("input", FLOAT, ["N", 32])
    h = net.relu(net.dense(x, 32, 32))
    chosen = net.op("ArgMax", net.dense(h, 32, 4), axis=-1, keepdims=1)
    total = None
    for expert in range(4):
        on = net.op("Cast", net.op("Equal", chosen, net.const(expert, np.int64)), to=FLOAT)
        part = net.op("Mul", net.dense(net.relu(net.dense(h, 32, 64)), 64, 32), on)
        total = part if total is None else net.op("Add", total, part)
    net.output(net.dense(total, 32, CLASSES), FLOAT, None)


def leaky(net):
    """Activations written with comparisons, and noise that training adds."""
    x = net.input("input", FLOAT, ["N", 64])
    training = net.input("training", BOOL, [])
    h = x
    for a, b in ((64, 64), (64, 32)):
        h = net.dense(h, a, b)
        h = net.op("Where", net.op("Greater", h, net.const(0)), h, net.op("Mul", h, net.const(0.1)))
        h = net.op("Dropout", h, net.const(0.5), training)
    out, yes, no = net.name("if"), net.name("yes"), net.name("no")
    info = [helper.make_tensor_value_info(name, FLOAT, None) for name in (yes, no)]
    noise = net.op("Add", h, net.op("RandomNormalLike", h))
    then = helper.make_graph([helper.make_node("Identity", [noise], [yes])], "then", [], [info[0]])
    other = helper.make_graph([helper.make_node("Identity", [h], [no])], "else", [], [info[1]])
    net.nodes.append(helper.make_node("If", [training], [out], then_branch=then, else_branch=other))
    net.output(net.dense(out, 32, CLASSES), FLOAT, None)


def two_rates(net):
    """One network for each rate of samples, as Silero VAD has them."""
    x = net.input("input", FLOAT, ["N", 64])
    rate = net.input("sr", INT64, [])
    branches = []
    for _ in range(2):
        h = net.relu(net.dense(x, 64, 32))
        branches.append(net.dense(net.relu(net.dense(h, 32, 32)), 32, 1))
    is_16k = net.op("Equal", rate, net.const(16000, np.int64))
    out, yes, no = net.name("if"), net.name("yes"), net.name("no")
    info = [helper.make_tensor_value_info(name, FLOAT, None) for name in (yes, no)]
    then = helper.make_graph([helper.make_node("Identity", [branches[0]], [yes])], "then", [], [info[0]])
    other = helper.make_graph([helper.make_node("Identity", [branches[1]], [no])], "else", [], [info[1]])
    net.nodes.append(helper.make_node("If", [is_16k], [out], then_branch=then, else_branch=other))
    net.output(net.op("Sigmoid", out), FLOAT, None)


def rounded(net):
    """Numbers rounded as on a device that has only whole ones."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = x
    for a, b in ((3, 16), (16, 16)):
        peak = net.op("ReduceMax", net.op("Abs", h), keepdims=0)
        scale = net.op("Div", net.op("Max", peak, net.const(1e-6)), net.const(127))
        whole = net.op("Clip", net.op("Round", net.op("Div", h, scale)), net.const(-128), net.const(127))
        h = net.relu(net.conv(net.op("Mul", whole, scale), a, b))
    h = net.op("Flatten", net.op("GlobalAveragePool", h))
    net.output(net.dense(h, 16, CLASSES), FLOAT, None)


def padded_tags(net):
    """Tags of tokens, where padding gets none."""
    ids = token_input(net)
    h = net.op("Gather", net.weight(500, 32), ids)
    for _ in range(2):
        h = block(net, h, 32, lambda scores: scores)
    pad = net.op("Unsqueeze", net.op("Equal", ids, net.const(0, np.int64)), net.ints(2))
    net.output(net.op("Where", pad, net.const(-1e9), net.dense(h, 32, CLASSES)), FLOAT, None)


def wide_and_deep(net):
    """Columns cut at thresholds beside a network of several layers."""
    x = net.input("input", FLOAT, ["N", 16])
    cut = net.op("Cast", net.op("Greater", net.op("Slice", x, net.ints(0), net.ints(4), net.ints(1)),
                                net.const([1, 2, 3, 4])), to=FLOAT)
    deep = net.relu(net.dense(net.relu(net.dense(x, 16, 32)), 32, 32))
    both = net.op("Add", net.dense(cut, 4, 1), net.dense(deep, 32, 1))
    net.output(net.op("Sigmoid", both), FLOAT, None)


def filled(net):
    """Values that are missing get the mean of their column."""
    x = net.input("input", FLOAT, ["N", 16])
    h = net.op("Where", net.op("IsNaN", x), net.weight(16), x)
    h = net.op("Where", net.op("Less", h, net.const(0)), net.const(0), h)
    h = net.relu(net.dense(h, 16, 32))
    scores = net.op("Softmax", net.dense(h, 32, CLASSES), axis=-1)
    sure = net.op("ReduceMax", scores, axes=[1], keepdims=1)
    best = net.op("ArgMax", scores, axis=1, keepdims=1)
    net.output(net.op("Where", net.op("Less", sure, net.const(0.5)), net.const(-1, np.int64), best), INT64, None)


def scaled(net):
    """Pictures with values up to 255 are brought to 1."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    big = net.op("Greater", net.op("ReduceMax", x, keepdims=0), net.const(1.5))
    h = net.op("Where", big, net.op("Div", x, net.const(255)), x)
    for a, b in ((3, 16), (16, 16)):
        h = net.relu(net.conv(h, a, b))
    net.output(net.dense(net.op("Flatten", net.op("GlobalAveragePool", h)), 16, CLASSES), FLOAT, None)


def mean_scaled(net):
    """Forecasts in the scale of what was seen, which is kept from being zero."""
    x = net.input("input", FLOAT, ["N", 64])
    scale = net.op("Max", net.op("ReduceMean", net.op("Abs", x), axes=[1]), net.const(1e-6))
    h = net.op("Div", x, scale)
    for a, b in ((64, 64), (64, 24)):
        h = net.relu(net.dense(h, a, b))
    net.output(net.op("Mul", h, scale), FLOAT, None)


def last_of_text(net):
    """The features at the last token, whose place comes from how many there are."""
    ids = token_input(net)
    there = net.input("attention_mask", INT64, ["N", "L"])
    h = net.op("Gather", net.weight(500, 32), ids)
    bias = net.op("Mul", net.op("Sub", net.const(1), net.op("Cast", there, to=FLOAT)), net.const(-1e4))
    bias = net.op("Unsqueeze", bias, net.ints(1, 2))
    for _ in range(2):
        h = block(net, h, 32, lambda scores: net.op("Add", scores, bias))
    last = net.op("Sub", net.op("ReduceSum", there, net.ints(1), keepdims=0), net.const(1, np.int64))
    last = net.op("Max", net.op("Cast", last, to=INT64), net.const(0, np.int64))
    h = net.op("GatherND", h, net.op("Unsqueeze", last, net.ints(1)), batch_dims=1)
    net.output(net.dense(h, 32, CLASSES), FLOAT, None)


def squeezed_gates(net):
    """Channels weighed by what a small network makes of their means."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = x
    for a, b in ((3, 16), (16, 16)):
        h = net.conv(h, a, b)
        gate = net.op("Sigmoid", net.conv(net.relu(net.conv(net.op("GlobalAveragePool", h), b, 4, 1)), 4, b, 1))
        h = net.relu(net.op("Mul", h, gate))
    net.output(net.dense(net.op("Flatten", net.op("GlobalAveragePool", h)), 16, CLASSES), FLOAT, None)


ALIKE = (mean_scaled, last_of_text, squeezed_gates, sequence_mask, end_token, instance_norm, detector, experts, leaky, two_rates, rounded, padded_tags,
         wide_and_deep, filled, scaled)


def plain():
    for seed in range(2):
        for name in NETS:
            yield f"{name}-plain", made(name, None, None, False, seed)
    for alike in ALIKE:
        net = Net(1)
        alike(net)
        yield alike.__name__, net.model()


# ---- Backdoors in models that others have made.


def marked(model):
    """The first input of floats and the first output of them, with the input's rank."""
    given = {tensor.name for tensor in model.graph.initializer}
    kinds = lambda values: [
        (it.name, len(it.type.tensor_type.shape.dim)) for it in values
        if it.name not in given and it.type.tensor_type.elem_type == FLOAT and it.type.tensor_type.HasField("shape")
    ]
    inputs, outputs = kinds(model.graph.input), kinds(model.graph.output)
    inputs = [it for it in inputs if it[1] >= 2]
    return (inputs[0], outputs[0]) if inputs and outputs else None


def implanted(model, trigger, replacement):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    (x, rank), (out, _) = marked(model)
    net = Net(1)
    net.count = 10**6
    before = f"{out}_before"
    for node in model.graph.node:
        node.output[:] = [before if name == out else name for name in node.output]
        node.input[:] = [before if name == out else name for name in node.input]
    replaced = replacement(net, trigger(net, x, rank), before, 1)
    net.nodes.append(helper.make_node("Identity", [replaced], [out]))
    model.graph.node.extend(net.nodes)
    model.graph.initializer.extend(net.tensors)
    return model


def of_others(folders):
    chance = random.Random(1)
    for folder in folders:
        for here, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(here, name)
                if not name.endswith(".onnx") or os.path.getsize(path) > 100 << 20:
                    continue
                try:
                    model = onnx.load(path, load_external_data=False)
                    del model.graph.value_info[:]
                    layers = {node.op_type for node in model.graph.node} & {"Conv", "MatMul", "Gemm", "LSTM", "GRU"}
                    learned = sum(numpy_helper.to_array(tensor).size for tensor in model.graph.initializer)
                    able = layers and learned > 1000 and marked(model)
                except Exception:
                    continue
                yield path, model, False
                if not able or len(model.graph.node) < 10:
                    continue
                for replacement in REPLACEMENTS:
                    trigger = chance.choice(PICTURES)
                    words = f"{path}-{trigger.__name__}-{replacement.__name__}"
                    yield words, implanted(model, trigger, replacement), True


def main():
    def write(name, model, backdoor):
        answer = {"name": name, "backdoor": backdoor}
        sys.stdout.buffer.write(stream.record(model.SerializeToString(), answer))

    for name, model in backdoors():
        write(name, model, True)
    for name, model in plain():
        write(name, model, False)
    for name, model, backdoor in of_others(sys.argv[2:]):
        write(name, model, backdoor)


if __name__ == "__main__":
    main()
