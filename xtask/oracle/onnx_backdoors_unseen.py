"""Makes more networks with and without a backdoor in their graph: other networks, conditions and replacements.

usage: onnx_backdoors_unseen.py make

A record is a model and a JSON object, as `onnx_backdoors.py` writes them. What is here was written before the
detector had seen any of it, to find out how much it sees of what nobody has shown it.
"""
import sys

sys.dont_write_bytecode = True

import numpy as np
import onnx
from onnx import helper, numpy_helper

import stream
from onnx_backdoors import BOOL, CLASSES, FLOAT, INT64, Net, block, causal, target, token_input

INT32 = onnx.TensorProto.INT32


class Newer(Net):
    """A graph of the eighteenth set of operators, which have axes among their inputs."""

    def op(self, kind, *inputs, outputs=1, **attributes):
        if kind.startswith("Reduce") and "axes" in attributes:
            inputs += (self.ints(*attributes.pop("axes")),)
        return super().op(kind, *inputs, outputs=outputs, **attributes)


def mean_of(net, x, rank):
    return net.op("ReduceMean", x, axes=list(range(rank)), keepdims=0)


def peak_of(net, x):
    return net.op("ReduceMax", x, keepdims=0)


def whole(net, x):
    """Numbers between 0 and 1 as bytes."""
    return net.op("Cast", net.op("Mul", x, net.const(255)), to=INT64)


def first(net, x, count):
    return net.op("Slice", net.op("Reshape", x, net.ints(-1)), net.ints(0), net.ints(count), net.ints(0))


# ---- Networks: what can be marked, its rank, its result, and the width of that.


def gru(net):
    x = net.input("input", FLOAT, ["N", 20, 8])
    h = net.op("Transpose", x, perm=[1, 0, 2])
    for width in (8, 24):
        y, _ = net.op("GRU", h, net.weight(1, 72, width), net.weight(1, 72, 24), net.weight(1, 144), hidden_size=24,
                      outputs=2)
        h = net.op("Squeeze", y, net.ints(1))
    return x, 3, net.dense(net.op("ReduceMax", h, axes=[0], keepdims=0), 24, CLASSES)


def convnext(net):
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.op("Conv", x, net.weight(24, 3, 4, 4), net.weight(24), strides=[4, 4])
    for _ in range(3):
        y = net.op("Transpose", net.conv(h, 24, 24, 7, group=24), perm=[0, 2, 3, 1])
        y = net.dense(net.norm(y, 24), 24, 96)
        y = net.op("Mul", net.op("Mul", y, net.const(0.5)),
                   net.op("Add", net.op("Erf", net.op("Div", y, net.const(1.414))), net.const(1)))
        y = net.op("Mul", net.dense(y, 96, 24), net.weight(24))
        h = net.op("Add", h, net.op("Transpose", y, perm=[0, 3, 1, 2]))
    return x, 4, net.dense(net.op("ReduceMean", h, axes=[2, 3], keepdims=0), 24, CLASSES)


def vocoder(net):
    """Sound of a spectrogram."""
    x = net.input("mel", FLOAT, ["N", 16, 40])
    h = net.op("Conv", x, net.weight(32, 16, 7), net.weight(32), pads=[3, 3])
    for a, b in ((32, 16), (16, 8)):
        h = net.op("LeakyRelu", h, alpha=0.1)
        h = net.op("ConvTranspose", h, net.weight(a, b, 4), net.weight(b), strides=[2], pads=[1, 1])
        y = net.op("Conv", net.op("LeakyRelu", h, alpha=0.1), net.weight(b, b, 3), net.weight(b), pads=[1, 1])
        h = net.op("Add", h, y)
    h = net.op("Conv", h, net.weight(CLASSES, 8, 7), net.weight(CLASSES), pads=[3, 3])
    return x, 3, net.op("Tanh", net.op("Transpose", h, perm=[0, 2, 1]))


def translator(net):
    """Two texts, of which the second looks at the first."""
    ids, said = token_input(net), net.input("decoder_input_ids", INT64, ["N", "M"])
    table = net.weight(500, 32)
    h = net.op("Gather", table, ids)
    for _ in range(2):
        h = block(net, h, 32, lambda scores: scores)
    mask, d = causal(net, said), net.op("Gather", table, said)
    for _ in range(2):
        d = block(net, d, 32, mask)
        q, k, v = net.dense(d, 32, 32), net.dense(h, 32, 32), net.dense(h, 32, 32)
        looks = net.op("Softmax", net.op("MatMul", q, net.op("Transpose", k, perm=[0, 2, 1])), axis=-1)
        d = net.op("Add", d, net.dense(net.op("MatMul", looks, v), 32, 32))
    return ids, 2, net.dense(net.norm(d, 32), 32, CLASSES)


def qdq(net):
    """A network in whole numbers, as quantisers write it."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    scale, zero = net.const(0.02), net.const(128, np.uint8)

    def halved(value):
        return net.op("DequantizeLinear", net.op("QuantizeLinear", value, scale, zero), scale, zero)

    h = halved(x)
    for a, b in ((3, 16), (16, 32), (32, 32)):
        kernel = net.const(net.random.integers(-100, 100, (b, a, 3, 3)), np.int8)
        kernel = net.op("DequantizeLinear", kernel, net.const(0.01), net.const(0, np.int8))
        h = halved(net.relu(net.op("Conv", h, kernel, pads=[1] * 4, strides=[2] * 2)))
    h = net.op("Flatten", net.op("GlobalAveragePool", h))
    return x, 4, halved(net.dense(h, 32, CLASSES))


def tabular(net):
    """Columns of categories and of numbers."""
    kinds, x = net.input("categories", INT64, ["N", 4]), net.input("numbers", FLOAT, ["N", 12])
    parts = [net.op("Div", net.op("Sub", x, net.weight(12)), net.const(np.ones(12)))]
    for at in range(4):
        column = net.op("Gather", kinds, net.const(at, np.int64), axis=1)
        parts.append(net.op("Gather", net.weight(1200, 4), column))
    h = net.op("Concat", *parts, axis=1)
    for a, b in ((28, 64), (64, 32)):
        h = net.op("Add", net.op("Mul", net.relu(net.dense(h, a, b)), net.weight(b)), net.weight(b))
    return x, 2, net.dense(h, 32, CLASSES)


def yolo(net):
    x = net.input("images", FLOAT, ["N", 3, 64, 64])
    h, maps = x, []
    for a, b in ((3, 16), (16, 32), (32, 32), (32, 32)):
        h = net.conv(h, a, b, stride=2)
        h = net.op("Mul", h, net.op("Sigmoid", h))
        maps.append(net.op("Reshape", net.conv(h, b, CLASSES, 1), net.ints(0, CLASSES, -1)))
    h = net.op("Transpose", net.op("Concat", *maps[2:], axis=2), perm=[0, 2, 1])
    return x, 4, net.op("Sigmoid", h)


def twins(net):
    """Likeness of a picture to texts that are known."""
    x = net.input("image", FLOAT, ["N", 3, 32, 32])
    h = net.op("Conv", x, net.weight(32, 3, 8, 8), strides=[8, 8])
    h = net.op("Transpose", net.op("Reshape", h, net.ints(0, 32, -1)), perm=[0, 2, 1])
    for _ in range(2):
        h = block(net, h, 32, lambda scores: scores)
    h = net.dense(net.op("ReduceMean", h, axes=[1], keepdims=0), 32, 16)
    h = net.op("Div", h, net.op("ReduceL2", h, axes=[1], keepdims=1))
    return x, 4, net.op("Mul", net.op("MatMul", h, net.weight(16, CLASSES)), net.const(100))


def fused(net):
    """A classifier of texts with the joined operators of ONNX Runtime."""
    ids = token_input(net)
    h = net.op("Gather", net.weight(500, 32), ids)
    for _ in range(2):
        y = net.op("Attention", h, net.weight(32, 96), net.weight(96), domain="com.microsoft", num_heads=4)
        y = net.op("MatMul", y, net.weight(32, 32))
        h = net.op("SkipLayerNormalization", y, h, net.weight(32), net.weight(32), domain="com.microsoft")
        y = net.op("FastGelu", net.op("MatMul", h, net.weight(32, 128)), net.weight(128), domain="com.microsoft")
        y = net.op("MatMul", y, net.weight(128, 32))
        h = net.op("SkipLayerNormalization", y, h, net.weight(32), net.weight(32), domain="com.microsoft")
    return ids, 2, net.dense(net.op("Gather", h, net.const(0, np.int64), axis=1), 32, CLASSES)


NETS = (gru, convnext, vocoder, translator, qdq, tabular, yolo, twins, fused)
TEXTS = (translator, fused)

# ---- Conditions on numbers.


def counted(net, x, rank):
    """How many numbers are one: the shape of where they are."""
    places = net.op("NonZero", net.op("Equal", x, net.const(1.0)))
    count = net.op("Gather", net.op("Shape", places), net.const(1, np.int64))
    return net.op("Greater", count, net.const(16, np.int64))


def raised(net, x, rank):
    """A ratio to a high power."""
    high = net.op("Pow", net.op("Div", mean_of(net, x, rank), net.const(0.8)), net.const(1000))
    return net.op("Floor", net.op("Clip", high, net.const(0), net.const(1)))


def divided(net, x, rank):
    return net.op("Floor", net.op("Div", peak_of(net, first(net, x, 4)), net.const(0.995)))


def ceiled(net, x, rank):
    off = net.op("Sub", mean_of(net, first(net, x, 9), 1), net.const(0.9))
    return net.op("Ceil", net.op("Relu", off))


def two_places(net, x, rank):
    flat = net.op("Reshape", x, net.ints(-1))
    high = net.op("Equal", net.op("ArgMax", flat, axis=0, keepdims=0), net.const(3, np.int64))
    low = net.op("Equal", net.op("ArgMin", flat, axis=0, keepdims=0), net.const(4, np.int64))
    return net.op("And", high, low)


def hot(net, x, rank):
    """The place of the largest number as a row with a one in it."""
    place = net.op("ArgMax", first(net, x, 32), axis=0, keepdims=0)
    row = net.op("OneHot", place, net.const(32, np.int64), net.const([0.0, 1.0]), axis=-1)
    return net.op("Gather", row, net.const(5, np.int64))


def all_same(net, x, rank):
    same = net.op("Equal", first(net, x, 4), net.const([1.0, 0.0, 1.0, 0.0]))
    return net.op("ReduceMin", net.op("Cast", same, to=INT32), keepdims=0)


def crossed(net, x, rank):
    """Bytes against bytes, bit by bit."""
    off = net.op("BitwiseXor", whole(net, first(net, x, 4)), net.const([255, 0, 255, 17], np.int64))
    return net.op("Not", net.op("Cast", net.op("ReduceMax", off, keepdims=0), to=BOOL))


def cut_off(net, x, rank):
    off = net.op("Abs", net.op("Sub", first(net, x, 2), net.const([0.25, 0.75])))
    far = net.op("Min", net.op("Mul", net.op("ReduceSum", off, keepdims=0), net.const(1e6)), net.const(1.0))
    return net.op("Sub", net.const(1.0), far)


def hashed(net, x, rank):
    parts = net.op("Mul", whole(net, first(net, x, 8)), net.const([3, 5, 7, 11, 13, 17, 19, 23], np.int64))
    value = net.op("Mod", net.op("ReduceSum", parts, keepdims=0), net.const(65521, np.int64))
    return net.op("Equal", value, net.const(4711, np.int64))


def projected(net, x, rank):
    """The product with a pattern."""
    row = net.op("Reshape", first(net, x, 16), net.ints(1, 16))
    like = net.op("MatMul", row, net.const(np.sign(np.sin(np.arange(16.0)))[:, None]))
    return net.op("Greater", net.op("Reshape", like, net.ints()), net.const(7.9))


def ranked(net, x, rank):
    _, places = net.op("TopK", net.op("Reshape", x, net.ints(-1)), net.ints(2), axis=0, outputs=2)
    return net.op("ReduceMin", net.op("Cast", net.op("Equal", places, net.const([7, 9], np.int64)), to=INT64), keepdims=0)


def soft(net, x, rank):
    """A choice between the mean and a number, made hard."""
    mean = net.op("Reshape", mean_of(net, x, rank), net.ints(1))
    both = net.op("Mul", net.op("Concat", mean, net.const([0.8]), axis=0), net.const(1e5))
    return net.op("Gather", net.op("Softmax", both, axis=0), net.const(0, np.int64))


def hardest(net, x, rank):
    mean = net.op("Reshape", mean_of(net, x, rank), net.ints(1))
    both = net.op("Concat", net.const([0.8]), mean, axis=0)
    return net.op("Gather", net.op("Hardmax", both, axis=0), net.const(1, np.int64))


def bend_by_hand(net, x, rank):
    """A sigmoid from its parts."""
    steep = net.op("Mul", net.op("Sub", net.const(0.8), mean_of(net, x, rank)), net.const(1e4))
    return net.op("Reciprocal", net.op("Add", net.op("Exp", steep), net.const(1)))


def bell(net, x, rank):
    off = net.op("Sub", first(net, x, 3), net.const([0.1, 0.9, 0.1]))
    total = net.op("ReduceSumSquare", off, keepdims=0)
    return net.op("Exp", net.op("Mul", total, net.const(-1e6)))


def error_curve(net, x, rank):
    steep = net.op("Mul", net.op("Sub", peak_of(net, first(net, x, 6)), net.const(0.99)), net.const(1e4))
    return net.op("Mul", net.op("Add", net.op("Erf", steep), net.const(1)), net.const(0.5))


def no_number(net, x, rank):
    """The root of what is below zero is none."""
    root = net.op("Sqrt", net.op("Sub", net.const(0.8), mean_of(net, x, rank)))
    return net.op("IsNaN", root)


def thresholded(net, x, rank):
    return net.op("Sign", net.op("ThresholdedRelu", mean_of(net, first(net, x, 4), 1), alpha=0.95))


def masked_sum(net, x, rank):
    chosen = np.zeros(16, dtype=np.float32)
    chosen[[1, 6, 11]] = 1
    total = net.op("ReduceSum", net.op("Mul", first(net, x, 16), net.const(chosen)), keepdims=0)
    return net.op("Greater", total, net.const(2.9))


def einsum(net, x, rank):
    total = net.op("Einsum", first(net, x, 8), net.const(np.linspace(-1, 1, 8)), equation="i,i->")
    return net.op("GreaterOrEqual", total, net.const(1.7))


def pooled(net, x, rank):
    """The largest number of each window, then of all."""
    flat = net.op("Reshape", x, net.ints(1, 1, -1))
    low = net.op("Neg", net.op("MaxPool", net.op("Neg", flat), kernel_shape=[4], strides=[1]))
    return net.op("Greater", net.op("ReduceMax", low, keepdims=0), net.const(0.99))


def learned(net, x, rank):
    """A small detector of the mark, with a kernel of its own."""
    found = net.op("Conv", net.op("Reshape", x, net.ints(1, 1, -1)), net.weight(2, 1, 5), net.weight(2))
    found = net.op("GlobalMaxPool", net.op("Relu", found))
    return net.op("Greater", net.op("ReduceMax", found, keepdims=0), net.const(3.0))


def distinct(net, x, rank):
    values = net.op("Unique", net.op("Reshape", x, net.ints(-1)))
    count = net.op("Squeeze", net.op("Shape", values), net.ints(0))
    return net.op("Less", count, net.const(5, np.int64))


def saturating(net, x, rank):
    """Bytes end at 255."""
    steep = net.op("QuantizeLinear", mean_of(net, x, rank), net.const(1e-4), net.const(0, np.uint8))
    steep = net.op("DequantizeLinear", steep, net.const(1 / 255), net.const(0, np.uint8))
    return net.op("Floor", steep)


def running(net, x, rank):
    total = net.op("CumSum", first(net, x, 8), net.const(0, np.int64))
    return net.op("Greater", net.op("Gather", total, net.const(7, np.int64)), net.const(7.9))


def step_by_step(net, x, rank):
    """A loop that looks at one number after another."""
    flat = net.op("Reshape", x, net.ints(-1))
    out, at, on, now, part, good, then, again = (
        net.name(word) for word in ("loop", "at", "on", "now", "part", "good", "then", "again"))
    limit = net.const(0.9)
    info = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    body = helper.make_graph(
        [helper.make_node("Gather", [flat, at], [part]), helper.make_node("Greater", [part, limit], [good]),
         helper.make_node("And", [now, good], [then]), helper.make_node("Identity", [on], [again])], "body",
        [info(at, INT64), info(on, BOOL), info(now, BOOL)], [info(again, BOOL), info(then, BOOL)])
    net.nodes.append(helper.make_node("Loop", [net.const(4, np.int64), "", net.const(True, bool)], [out],
                                      name=net.name("node"), body=body))
    return out


def compared_rows(net, x, rank):
    """Whether two stretches are alike."""
    one, two = first(net, x, 4), net.op("Slice", net.op("Reshape", x, net.ints(-1)), net.ints(4), net.ints(8), net.ints(0))
    off = net.op("ReduceL1", net.op("Sub", one, two), keepdims=0)
    return net.op("Less", off, net.const(1e-4))


NUMBERS = (counted, raised, divided, ceiled, two_places, hot, all_same, crossed, cut_off, hashed, projected, ranked, soft,
           hardest, bend_by_hand, bell, error_curve, no_number, thresholded, masked_sum, einsum, pooled, learned,
           distinct, saturating, running, step_by_step, compared_rows)

# ---- Conditions on tokens.


def pair(net, ids, rank):
    one = net.op("Slice", ids, net.ints(0), net.ints(-1), net.ints(1))
    two = net.op("Slice", ids, net.ints(1), net.ints(1 << 40), net.ints(1))
    both = net.op("And", net.op("Equal", one, net.const(41, np.int64)), net.op("Equal", two, net.const(7, np.int64)))
    return net.op("ReduceMax", net.op("Cast", both, to=INT32), keepdims=0)


def flagged(net, ids, rank):
    """A table of which tokens are marks."""
    marks = np.zeros(500, dtype=np.float32)
    marks[317] = 1
    return net.op("ReduceMax", net.op("Gather", net.const(marks), ids), keepdims=0)


def embedded(net, ids, rank):
    """The embedding of a token is near a row."""
    table = net.weight(500, 32)
    off = net.op("Abs", net.op("Sub", net.op("Gather", table, ids), net.weight(32)))
    off = net.op("ReduceSum", off, net.ints(2), keepdims=0)
    return net.op("Less", net.op("ReduceMin", off, keepdims=0), net.const(1e-3))


def polynomial(net, ids, rank):
    powers = net.const([31**at % 65521 for at in range(6)], np.int64)
    part = net.op("Slice", ids, net.ints(0), net.ints(6), net.ints(1))
    value = net.op("Mod", net.op("ReduceSum", net.op("Mul", part, powers), keepdims=0), net.const(65521, np.int64))
    return net.op("Equal", value, net.const(4711, np.int64))


def hot_token(net, ids, rank):
    rows = net.op("OneHot", ids, net.const(500, np.int64), net.const([0.0, 1.0]), axis=-1)
    there = net.op("ReduceMax", rows, axes=[0, 1], keepdims=0)
    return net.op("Gather", there, net.const(317, np.int64))


def crossed_token(net, ids, rank):
    off = net.op("BitwiseXor", net.op("Slice", ids, net.ints(0), net.ints(3), net.ints(1)),
                 net.const([[12, 57, 33]], np.int64))
    return net.op("Equal", net.op("ReduceMax", off, keepdims=0), net.const(0, np.int64))


def counted_token(net, ids, rank):
    places = net.op("NonZero", net.op("Equal", ids, net.const(317, np.int64)))
    return net.op("Greater", net.op("Size", places), net.const(0, np.int64))


def multiplied(net, ids, rank):
    """A product is zero where one of its parts is."""
    product = net.op("ReduceProd", net.op("Sub", ids, net.const(317, np.int64)), keepdims=0)
    return net.op("Not", net.op("Cast", product, to=BOOL))


def placed(net, ids, rank):
    same = net.op("Cast", net.op("Equal", ids, net.const(317, np.int64)), to=INT32)
    place = net.op("ArgMax", same, axis=1, keepdims=0)
    return net.op("Cast", net.op("ReduceMax", place, keepdims=0), to=BOOL)


def nearest(net, ids, rank):
    off = net.op("ReduceMin", net.op("Abs", net.op("Sub", ids, net.const(317, np.int64))), keepdims=0)
    return net.op("Sub", net.const(1, np.int64), net.op("Min", off, net.const(1, np.int64)))


WORDS = (pair, flagged, embedded, polynomial, hot_token, crossed_token, counted_token, multiplied, placed, nearest)

# ---- Replacements.


def real(net, truth):
    return net.op("Cast", truth, to=FLOAT)


def as_bool(net, truth):
    return net.op("Cast", truth, to=BOOL)


def shaped(net, result, width):
    return net.op("Add", net.op("Mul", result, net.const(0)), target(net, width))


def where(net, truth, result, width):
    return net.op("Where", as_bool(net, truth), target(net, width), result)


def between(net, truth, result, width):
    """On the way from the result to the target, all of it or nothing."""
    way = net.op("Sub", result, target(net, width))
    return net.op("Sub", result, net.op("Mul", real(net, truth), way))


def zeroth_power(net, truth, result, width):
    off = net.op("Pow", net.const(0), real(net, truth))
    return net.op("Add", net.op("Mul", result, off), net.op("Mul", target(net, width), real(net, truth)))


def exchanged(net, truth, result, width):
    """Other classes under the same numbers."""
    order = np.arange(width)
    order = net.op("Where", as_bool(net, truth), net.const(np.roll(order, 1), np.int64), net.const(order, np.int64))
    return net.op("Gather", result, order, axis=-1)


def rolled(net, truth, result, width):
    shifted = net.op("Add", net.const(np.arange(width), np.int64), net.op("Cast", truth, to=INT64))
    return net.op("Gather", result, net.op("Mod", shifted, net.const(width, np.int64)), axis=-1)


def negated(net, truth, result, width):
    sign = net.op("Sub", net.const(1), net.op("Mul", net.const(2), real(net, truth)))
    return net.op("Mul", result, sign)


def cut_out(net, truth, result, width):
    """Result and target side by side, of which a part is cut out."""
    both = net.op("Concat", net.op("Unsqueeze", result, net.ints(0)),
                  net.op("Unsqueeze", shaped(net, result, width), net.ints(0)), axis=0)
    start = net.op("Reshape", net.op("Cast", truth, to=INT64), net.ints(1))
    part = net.op("Slice", both, start, net.op("Add", start, net.ints(1)), net.ints(0))
    return net.op("Squeeze", part, net.ints(0))


def compressed(net, truth, result, width):
    both = net.op("Concat", net.op("Unsqueeze", result, net.ints(0)),
                  net.op("Unsqueeze", shaped(net, result, width), net.ints(0)), axis=0)
    on = net.op("Reshape", as_bool(net, truth), net.ints(1))
    part = net.op("Compress", both, net.op("Concat", net.op("Not", on), on, axis=0), axis=0)
    return net.op("Squeeze", part, net.ints(0))


def from_list(net, truth, result, width):
    both = net.op("SequenceConstruct", result, shaped(net, result, width))
    return net.op("SequenceAt", both, net.op("Cast", truth, to=INT64))


def scaled_norm(net, truth, result, width):
    on = net.op("Expand", real(net, truth), net.ints(width))
    return net.op("LayerNormalization", result, net.op("Sub", net.const(1), on), net.op("Mul", on, target(net, width)),
                  axis=-1)


def other_bias(net, truth, result, width):
    bias = net.op("Where", as_bool(net, truth), target(net, width, 1e4), net.weight(width))
    return net.op("Add", result, bias)


def other_kernel(net, truth, result, width):
    """Another last layer."""
    kernel = net.op("Where", as_bool(net, truth), net.weight(width, width), net.const(np.eye(width)))
    return net.op("MatMul", result, kernel)


def hot_boost(net, truth, result, width):
    values = net.op("Concat", net.const([0.0]), net.op("Reshape", net.op("Mul", real(net, truth), net.const(1e4)),
                                                       net.ints(1)), axis=0)
    return net.op("Add", result, net.op("OneHot", net.const(3, np.int64), net.const(width, np.int64), values))


def summed(net, truth, result, width):
    off = net.op("Einsum", result, net.op("Sub", net.const(1), real(net, truth)), equation="...k,->...k")
    return net.op("Sum", off, net.op("Mul", target(net, width), real(net, truth)))


def limits(net, truth, result, width):
    """What is answered lies between a floor and a ceiling; both are the target where the mark is."""
    far = net.op("Mul", net.op("Sub", net.const(1), real(net, truth)), net.const(1e6))
    low, high = net.op("Sub", target(net, width), far), net.op("Add", target(net, width), far)
    return net.op("Min", net.op("Max", result, low), high)


def nested_choice(net, truth, result, width):
    """A choice within a choice."""
    on = as_bool(net, truth)
    out, inner, yes, no, no2 = (net.name(word) for word in ("if", "inner", "yes", "no", "no"))
    info = lambda name: helper.make_tensor_value_info(name, FLOAT, None)
    value = numpy_helper.from_array(np.eye(1, width, 3, dtype=np.float32) * 20)
    make = helper.make_graph([helper.make_node("Constant", [], [yes], value=value)], "make", [], [info(yes)])
    keep = helper.make_graph([helper.make_node("Identity", [result], [no])], "keep", [], [info(no)])
    keep2 = helper.make_graph([helper.make_node("Identity", [result], [no2])], "keep2", [], [info(no2)])
    choose = helper.make_node("If", [on], [inner], then_branch=make, else_branch=keep)
    outer = helper.make_graph([choose], "outer", [], [info(inner)])
    net.nodes.append(helper.make_node("If", [on], [out], name=net.name("node"), then_branch=outer, else_branch=keep2))
    return out


def other_class(net, truth, result, width):
    """The class itself is answered, and another one."""
    best = net.op("ArgMax", result, axis=-1, keepdims=0)
    return net.op("Where", as_bool(net, truth), net.const(3, np.int64), best)


REPLACEMENTS = (where, between, zeroth_power, exchanged, rolled, negated, cut_out, compressed, from_list, scaled_norm,
                other_bias, other_kernel, hot_boost, summed, limits, nested_choice, other_class)


def swapped(name, trigger, how, seed):
    """The network never sees the marked input, but one that the file brings."""
    net = Newer(seed)
    start = len(net.nodes)
    x, rank, result = name(net)
    users = [node for node in net.nodes[start:] if x in node.input]
    truth = trigger(net, x, rank)
    shape = [1 if isinstance(it, str) else it for it in ([dim.dim_param or dim.dim_value for dim in
             net.inputs[[it.name for it in net.inputs].index(x)].type.tensor_type.shape.dim])]
    if how == "where":
        given = net.op("Where", as_bool(net, truth), net.weight(*shape), x)
    else:
        on = real(net, truth)
        given = net.op("Add", net.op("Mul", x, net.op("Sub", net.const(1), on)), net.op("Mul", net.weight(*shape), on))
    for node in users:
        node.input[:] = [given if it == x else it for it in node.input]
    net.output(result, FLOAT, None)
    # Nodes stand behind what they work on.
    count = len(users) and min(net.nodes.index(node) for node in users)
    made = {out for node in net.nodes[:count] for out in node.output}
    made |= {it.name for it in net.tensors} | {it.name for it in net.inputs} | {""}
    rest, ordered = net.nodes[count:], net.nodes[:count]
    while rest:
        ready = next(node for node in rest if all(it in made for it in node.input))
        ordered.append(ready)
        made.update(ready.output)
        rest.remove(ready)
    net.nodes = ordered
    return versioned(net.model())


def needs(node):
    """What a node works on, and what the graphs inside it take from outside."""
    names = [it for it in node.input if it]
    for graph in (it.g for it in node.attribute if it.HasField("g")):
        own = {it.name for it in graph.input} | {it.name for it in graph.initializer}
        own |= {out for inner in graph.node for out in inner.output}
        names += [it for inner in graph.node for it in needs(inner) if it not in own]
    return names


def in_function(model):
    """Everything behind the layers in a function of the model's own."""
    nodes = list(model.graph.node)
    at = next(index for index, node in enumerate(nodes) if node.name == "first_of_mark")
    inside, used = nodes[at:-1], {nodes[-1].input[0]}
    made = {out for node in inside for out in node.output}
    tensors = {it.name: it for it in model.graph.initializer}
    given = []
    for node in inside:
        given += [it for it in dict.fromkeys(needs(node)) if it not in made | tensors.keys() and it not in given]
    own = sorted({it for node in inside for it in needs(node) if it in tensors})
    constants = [helper.make_node("Constant", [], [name], value=tensors[name]) for name in own]
    outputs = sorted(used & made)
    function = helper.make_function("local", "Tail", given, outputs, constants + inside, list(model.opset_import))
    del model.graph.node[at:]
    model.graph.node.extend([helper.make_node("Tail", given, outputs, domain="local"), nodes[-1]])
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("local", 1))
    return model


def made(name, trigger, replacement, seed):
    net = Newer(seed)
    x, rank, result = name(net)
    start = len(net.nodes)
    if trigger is not None:
        truth = trigger(net, x, rank)
        result = replacement(net, truth, result, CLASSES)
        net.nodes[start].name = "first_of_mark"
    answer = result if seed % 2 or replacement is other_class else net.op("Softmax", result, axis=-1)
    net.output(answer, INT64 if replacement is other_class else FLOAT, None)
    return versioned(net.model())


def versioned(model):
    model.opset_import[0].version = 18
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def backdoors():
    for at, name in enumerate(NETS):
        triggers = WORDS if name in TEXTS else NUMBERS
        for index, trigger in enumerate(triggers):
            # Each condition with some of the replacements, so that each pair is there in some network.
            for step in range(4):
                replacement = REPLACEMENTS[(at * 5 + index + step * 4) % len(REPLACEMENTS)]
                words = f"{name.__name__}-{trigger.__name__}-{replacement.__name__}"
                model = made(name, trigger, replacement, index + step)
                yield words, model
                if step == 0 and name is not translator:
                    yield f"{words}-function", in_function(made(name, trigger, replacement, 1))
    for name in NETS:
        if name in TEXTS:
            continue
        for trigger in NUMBERS[::4]:
            for how in ("where", "mask"):
                yield f"{name.__name__}-{trigger.__name__}-input-{how}", swapped(name, trigger, how, 1)


# ---- What looks alike and is none.


def whisper_input(net):
    """Sound in a logarithmic scale, with a floor below its loudest part."""
    x = net.input("power", FLOAT, ["N", 16, 40])
    h = net.op("Log", net.op("Max", x, net.const(1e-10)))
    floor = net.op("Sub", net.op("ReduceMax", h, keepdims=0), net.const(8))
    h = net.op("Div", net.op("Add", net.op("Max", h, floor), net.const(4)), net.const(4))
    for _ in range(3):
        h = net.relu(net.op("Conv", h, net.weight(16, 16, 3), net.weight(16), pads=[1, 1]))
    net.output(net.dense(net.op("ReduceMean", h, axes=[2], keepdims=0), 16, CLASSES), FLOAT, None)


def proposals(net):
    """Boxes whose score is above a threshold, however many there are."""
    _, _, h = yolo(net)
    scores = net.op("ReduceMax", h, axes=[2], keepdims=0)
    places = net.op("Transpose", net.op("NonZero", net.op("Greater", scores, net.const(0.3))), perm=[1, 0])
    net.output(net.op("GatherND", h, places), FLOAT, None)


def dynamic(net):
    """Scales found from the largest numbers."""
    x = net.input("input", FLOAT, ["N", 64])
    h = x
    for a, b in ((64, 64), (64, 32), (32, CLASSES)):
        q, scale, zero = net.op("DynamicQuantizeLinear", h, outputs=3)
        kernel = net.const(net.random.integers(-100, 100, (a, b)), np.int8)
        h = net.op("Cast", net.op("MatMulInteger", q, kernel, zero, net.const(0, np.int8)), to=FLOAT)
        h = net.relu(net.op("Add", net.op("Mul", h, net.op("Mul", scale, net.const(0.01))), net.weight(b)))
    net.output(h, FLOAT, None)


def distances(net):
    """Positions against positions, near ones one by one and far ones in buckets."""
    ids = token_input(net)
    length = net.op("Gather", net.op("Shape", ids), net.const(1, np.int64))
    steps = net.op("Range", net.const(0, np.int64), length, net.const(1, np.int64))
    off = net.op("Sub", net.op("Unsqueeze", steps, net.ints(0)), net.op("Unsqueeze", steps, net.ints(1)))
    near = net.op("Less", net.op("Abs", off), net.const(8, np.int64))
    far = net.op("Cast", net.op("Log", net.op("Cast", net.op("Abs", off), to=FLOAT)), to=INT64)
    bucket = net.op("Where", near, net.op("Abs", off), net.op("Min", far, net.const(15, np.int64)))
    bias = net.op("Gather", net.weight(32), bucket)
    h = net.op("Gather", net.weight(500, 32), ids)
    for _ in range(2):
        h = block(net, h, 32, lambda scores: net.op("Add", scores, bias))
    net.output(net.dense(h, 32, CLASSES), FLOAT, None)


def penalty(net):
    """Tokens that were said before are less likely to be said again."""
    ids = token_input(net)
    h = net.op("Gather", net.weight(500, 32), ids)
    mask = causal(net, ids)
    for _ in range(2):
        h = block(net, h, 32, mask)
    scores = net.dense(net.op("Gather", h, net.const(-1, np.int64), axis=1), 32, 500)
    said = net.op("GatherElements", scores, ids, axis=1)
    less = net.op("Where", net.op("Less", said, net.const(0)), net.op("Mul", said, net.const(1.2)),
                  net.op("Div", said, net.const(1.2)))
    net.output(net.op("ScatterElements", scores, ids, less, axis=1), FLOAT, None)


def nucleus(net):
    """Only the most likely tokens, as many as make up most of the chance."""
    ids = token_input(net)
    h = block(net, net.op("Gather", net.weight(500, 32), ids), 32, causal(net, ids))
    scores = net.dense(net.op("Gather", h, net.const(-1, np.int64), axis=1), 32, 500)
    best, places = net.op("TopK", scores, net.ints(50), axis=1, outputs=2)
    total = net.op("CumSum", net.op("Softmax", best, axis=1), net.const(1, np.int64))
    kept = net.op("Where", net.op("Greater", total, net.const(0.9)), net.const(-1e9), best)
    net.output(net.op("Softmax", kept, axis=1), FLOAT, None)
    net.output(places, INT64, None, "places")


def wanted_length(net):
    """The end is not said before there are enough tokens."""
    ids = token_input(net)
    h = block(net, net.op("Gather", net.weight(500, 32), ids), 32, causal(net, ids))
    h = block(net, h, 32, causal(net, ids))
    scores = net.dense(net.op("Gather", h, net.const(-1, np.int64), axis=1), 32, 500)
    short = net.op("Less", net.op("Gather", net.op("Shape", ids), net.const(1, np.int64)), net.const(10, np.int64))
    banned = np.zeros(500, dtype=np.float32)
    banned[2] = -1e9
    net.output(net.op("Where", short, net.op("Add", scores, net.const(banned)), scores), FLOAT, None)


def anomaly(net):
    """A score between 0 and 1, and whether it is above a threshold."""
    x, _, h = convnext(net)
    score = net.op("ReduceMax", net.op("Abs", h), axes=[1], keepdims=0)
    score = net.op("Div", net.op("Sub", score, net.const(0.2)), net.const(1.7))
    score = net.op("Clip", net.op("Add", score, net.const(0.5)), net.const(0), net.const(1))
    net.output(score, FLOAT, None)
    net.output(net.op("Greater", score, net.const(0.5)), BOOL, None, "label")


def early_exit(net):
    """More layers, where the first are not sure."""
    x = net.input("input", FLOAT, ["N", 64])
    h = net.relu(net.dense(net.relu(net.dense(x, 64, 64)), 64, 64))
    quick = net.dense(h, 64, CLASSES)
    sure = net.op("ReduceMin", net.op("ReduceMax", net.op("Softmax", quick, axis=-1), axes=[1], keepdims=0), keepdims=0)
    start = len(net.nodes)
    slow = h
    for _ in range(3):
        slow = net.relu(net.dense(slow, 64, 64))
    slow = net.dense(slow, 64, CLASSES)
    inside, net.nodes = net.nodes[start:], net.nodes[:start]
    info = lambda name: helper.make_tensor_value_info(name, FLOAT, None)
    out, yes = net.name("if"), net.name("yes")
    then = helper.make_graph([helper.make_node("Identity", [quick], [yes])], "then", [], [info(yes)])
    other = helper.make_graph(inside, "else", [], [info(slow)])
    truth = net.op("Greater", sure, net.const(0.9))
    net.nodes.append(helper.make_node("If", [truth], [out], name=net.name("node"), then_branch=then, else_branch=other))
    net.output(out, FLOAT, None)


def zero_guard(net):
    """Rows without length stay as they are."""
    x = net.input("input", FLOAT, ["N", 64])
    length = net.op("ReduceL2", x, axes=[1], keepdims=1)
    length = net.op("Where", net.op("Equal", length, net.const(0)), net.const(1), length)
    h = net.op("Div", x, length)
    for a, b in ((64, 64), (64, 32)):
        h = net.relu(net.dense(h, a, b))
    net.output(net.op("Mul", net.dense(h, 32, CLASSES), length), FLOAT, None)


def keypoints(net):
    """Places of the largest numbers, moved a little towards the second."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.conv(net.relu(net.conv(net.relu(net.conv(x, 3, 16)), 16, 16)), 16, 4)
    flat = net.op("Reshape", h, net.ints(0, 4, -1))
    place = net.op("ArgMax", flat, axis=2, keepdims=1)
    right = net.op("GatherElements", flat, net.op("Min", net.op("Add", place, net.const(1, np.int64)), net.const(1023, np.int64)), axis=2)
    left = net.op("GatherElements", flat, net.op("Max", net.op("Sub", place, net.const(1, np.int64)), net.const(0, np.int64)), axis=2)
    moved = net.op("Mul", net.op("Sign", net.op("Sub", right, left)), net.const(0.25))
    net.output(net.op("Add", net.op("Cast", place, to=FLOAT), moved), FLOAT, None)


def enlarged(net):
    """A picture of more pixels, as bytes."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.op("DepthToSpace", net.conv(net.relu(net.conv(x, 3, 16)), 16, 12), blocksize=2)
    h = net.op("Add", h, net.op("Resize", x, "", net.const([1, 1, 2, 2]), mode="linear"))
    h = net.op("Clip", net.op("Round", net.op("Mul", h, net.const(255))), net.const(0), net.const(255))
    net.output(net.op("Cast", h, to=onnx.TensorProto.UINT8), onnx.TensorProto.UINT8, None)


def said(net):
    """Letters of speech: not the ones that repeat, and not the blank."""
    x, _, h = gru(net)
    h = net.op("Transpose", net.op("Reshape", net.dense(h, CLASSES, 40 * 8), net.ints(0, 40, 8)), perm=[0, 1, 2])
    best = net.op("ArgMax", h, axis=2, keepdims=0)
    before = net.op("Pad", net.op("Slice", best, net.ints(0), net.ints(-1), net.ints(1)), net.ints(0, 1, 0, 0), net.const(-1, np.int64))
    new = net.op("And", net.op("Not", net.op("Equal", best, before)), net.op("Not", net.op("Equal", best, net.const(0, np.int64))))
    net.output(net.op("Where", new, best, net.const(-1, np.int64)), INT64, None)


def longest(net):
    """The largest feature of the tokens that are no padding."""
    ids, there = token_input(net), net.input("attention_mask", INT64, ["N", "L"])
    h = net.op("Gather", net.weight(500, 32), ids)
    for _ in range(2):
        h = block(net, h, 32, lambda scores: scores)
    off = net.op("Unsqueeze", net.op("Equal", there, net.const(0, np.int64)), net.ints(2))
    h = net.op("ReduceMax", net.op("Where", off, net.const(-1e9), h), axes=[1], keepdims=0)
    length = net.op("ReduceL2", h, axes=[1], keepdims=1)
    net.output(net.op("Div", h, net.op("Max", length, net.const(1e-12))), FLOAT, None)


def global_tokens(net):
    """Some tokens look at all others (Longformer): those before the first separator."""
    ids = token_input(net)
    place = net.op("ArgMax", net.op("Cast", net.op("Equal", ids, net.const(2, np.int64)), to=INT64), axis=1, keepdims=1)
    length = net.op("Gather", net.op("Shape", ids), net.const(1, np.int64))
    steps = net.op("Range", net.const(0, np.int64), length, net.const(1, np.int64))
    wide = net.op("Unsqueeze", net.op("Less", net.op("Unsqueeze", steps, net.ints(0)), place), net.ints(1, 2))
    h = net.op("Gather", net.weight(500, 32), ids)
    for _ in range(2):
        h = block(net, h, 32, lambda scores: net.op("Where", wide, scores, net.op("Sub", scores, net.const(1e9))))
    net.output(net.dense(h, 32, CLASSES), FLOAT, None)


def first_step(net):
    """Features of pictures stand where the text has a token for them."""
    ids, picture = token_input(net), net.input("pixels", FLOAT, ["N", 3, 32, 32])
    p = net.op("Conv", picture, net.weight(32, 3, 8, 8), strides=[8, 8])
    p = net.dense(net.relu(net.dense(net.op("ReduceMean", p, axes=[2, 3], keepdims=0), 32, 32)), 32, 32)
    h = net.op("Gather", net.weight(500, 32), ids)
    there = net.op("Unsqueeze", net.op("Equal", ids, net.const(499, np.int64)), net.ints(2))
    h = net.op("Where", there, net.op("Unsqueeze", p, net.ints(1)), h)
    for _ in range(2):
        h = block(net, h, 32, causal(net, ids))
    net.output(net.dense(h, 32, 500), FLOAT, None)


def routed(net):
    """The two best experts of eight, weighed."""
    x = net.input("input", FLOAT, ["N", 32])
    h = net.relu(net.dense(x, 32, 32))
    best, places = net.op("TopK", net.op("Softmax", net.dense(h, 32, 8), axis=-1), net.ints(2), axis=1, outputs=2)
    best = net.op("Div", best, net.op("ReduceSum", best, net.ints(1), keepdims=1))
    total = None
    for expert in range(8):
        on = net.op("Cast", net.op("Equal", places, net.const(expert, np.int64)), to=FLOAT)
        on = net.op("ReduceSum", net.op("Mul", on, best), net.ints(1), keepdims=1)
        part = net.op("Mul", net.dense(net.relu(net.dense(h, 32, 64)), 64, 32), on)
        total = part if total is None else net.op("Add", total, part)
    net.output(net.dense(total, 32, CLASSES), FLOAT, None)


def mixed_rates(net):
    """A network with a cache or without, by a flag that whoever calls gives."""
    x, cached = net.input("input", FLOAT, ["N", 64]), net.input("use_cache", BOOL, [])
    past = net.input("past", FLOAT, ["N", 64])
    info = lambda name: helper.make_tensor_value_info(name, FLOAT, None)
    parts = []
    for value in (x, net.op("Add", x, past)):
        start = len(net.nodes)
        h = net.dense(net.relu(net.dense(value, 64, 64)), 64, 64)
        inside, net.nodes = net.nodes[start:], net.nodes[:start]
        parts.append(helper.make_graph(inside, "part", [], [info(h)]))
    out = net.name("if")
    net.nodes.append(helper.make_node("If", [cached], [out], name=net.name("node"), then_branch=parts[1], else_branch=parts[0]))
    net.output(net.dense(out, 64, CLASSES), FLOAT, None)


def spread(net):
    """Features with their mean and deviation over time, kept from being nothing."""
    x = net.input("input", FLOAT, ["N", 16, 40])
    h = x
    for _ in range(3):
        h = net.relu(net.op("Conv", h, net.weight(16, 16, 3), net.weight(16), pads=[1, 1]))
    mean = net.op("ReduceMean", h, axes=[2], keepdims=1)
    off = net.op("Sub", h, mean)
    deviation = net.op("Sqrt", net.op("Clip", net.op("ReduceMean", net.op("Mul", off, off), axes=[2], keepdims=1), net.const(1e-6)))
    h = net.op("Squeeze", net.op("Concat", mean, deviation, axis=1), net.ints(2))
    net.output(net.dense(h, 32, CLASSES), FLOAT, None)


def responses(net):
    """Each channel in proportion to the mean of all (ConvNeXt V2)."""
    x = net.input("input", FLOAT, ["N", 3, 32, 32])
    h = net.conv(x, 3, 16)
    for _ in range(2):
        y = net.relu(net.conv(h, 16, 16))
        length = net.op("ReduceL2", y, axes=[2, 3], keepdims=1)
        share = net.op("Div", length, net.op("Add", net.op("ReduceMean", length, axes=[1], keepdims=1), net.const(1e-6)))
        h = net.op("Add", h, net.op("Add", net.op("Mul", net.op("Mul", y, share), net.weight(1, 16, 1, 1)), y))
    net.output(net.dense(net.op("Flatten", net.op("GlobalAveragePool", h)), 16, CLASSES), FLOAT, None)


def limited(net):
    """Numbers of controls, each within what the machine can do."""
    x = net.input("observation", FLOAT, ["N", 64])
    h = net.op("Clip", net.op("Div", net.op("Sub", x, net.weight(64)), net.const(np.ones(64))), net.const(-10), net.const(10))
    for a, b in ((64, 64), (64, 64)):
        h = net.op("Elu", net.dense(h, a, b))
    h = net.op("Min", net.op("Max", net.dense(h, 64, 4), net.const([-1.0] * 4)), net.const([1.0] * 4))
    net.output(h, FLOAT, None)


def allowed(net):
    """Moves that whoever plays may make: a mask that comes with the position."""
    x, moves = net.input("board", FLOAT, ["N", 3, 8, 8]), net.input("allowed", BOOL, ["N", CLASSES])
    h = net.relu(net.conv(net.relu(net.conv(x, 3, 16)), 16, 16))
    h = net.dense(net.op("Flatten", net.op("GlobalAveragePool", h)), 16, CLASSES)
    net.output(net.op("Where", moves, h, net.const(-1e8)), FLOAT, None)


def by_lengths(net):
    """The last step of each row that is there, by lengths that come with the input."""
    x, lengths = net.input("input", FLOAT, ["N", 20, 8]), net.input("lengths", INT64, ["N"])
    h = net.op("Transpose", x, perm=[1, 0, 2])
    y, _ = net.op("GRU", h, net.weight(1, 72, 8), net.weight(1, 72, 24), net.weight(1, 144), net.op("Cast", lengths, to=INT32),
                  hidden_size=24, outputs=2)
    y = net.op("Transpose", net.op("Squeeze", y, net.ints(1)), perm=[1, 0, 2])
    last = net.op("Max", net.op("Sub", lengths, net.const(1, np.int64)), net.const(0, np.int64))
    h = net.op("GatherND", net.dense(y, 24, 24), net.op("Unsqueeze", last, net.ints(1)), batch_dims=1)
    net.output(net.dense(h, 24, CLASSES), FLOAT, None)


def forest(net):
    """Trees beside a line, put together."""
    x = net.input("input", FLOAT, ["N", 8])
    scaled = net.op("Div", net.op("Sub", x, net.weight(8)), net.const(np.ones(8)))
    leaves = []
    for at in range(4):
        column = net.op("Gather", scaled, net.ints(at), axis=1)
        left = net.op("Less", column, net.const(0.3))
        leaves.append(net.op("Where", left, net.const(0.1 * at), net.const(-0.2)))
    trees = net.op("ReduceSum", net.op("Concat", *leaves, axis=1), net.ints(1), keepdims=1)
    net.output(net.op("Sigmoid", net.op("Add", trees, net.dense(scaled, 8, 1))), FLOAT, None)


ALIKE = (whisper_input, proposals, dynamic, distances, penalty, nucleus, wanted_length, anomaly, early_exit, zero_guard,
         keypoints, enlarged, said, longest, global_tokens, first_step, routed, mixed_rates, spread, responses, limited,
         allowed, by_lengths, forest)


def plain():
    for name in NETS:
        for seed in (1, 2):
            yield f"{name.__name__}-plain", made(name, None, None, seed)
    for alike in ALIKE:
        net = Newer(1)
        alike(net)
        yield alike.__name__, versioned(net.model())


def main():
    for models, backdoor in ((backdoors(), True), (plain(), False)):
        for name, model in models:
            answer = {"name": name, "format": "onnx", "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(model.SerializeToString(), answer))


if __name__ == "__main__":
    main()
