"""Makes a third set of networks with and without a backdoor in their graph, which shares nothing with the first two.

usage: onnx_backdoors_third.py make

A record is a model and a JSON object, as `onnx_backdoors.py` writes them. Networks, conditions and replacements are
new: conditions hold for each row of a batch, networks have several inputs and outputs, backdoors stand in front of the
layers, between them and behind them. They follow what has been published: ShadowLogic (HiddenLayer 2024), architectural
backdoors (Bober-Irizar et al. 2022), ImpNet (Clifford et al. 2022), and what those who answered them proposed.
Written before the detector had seen any of it.
"""
import sys

sys.dont_write_bytecode = True

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import stream

FLOAT, INT64, BOOL, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.UINT8
CLASSES = 12
VOCABULARY = 300


class Graph:
    """A graph that grows; `version` is the set of operators, `nodes_only` writes constants as nodes, as exporters do."""

    def __init__(self, seed, version=17, nodes_only=False):
        self.random = np.random.default_rng(seed)
        self.version, self.nodes_only = version, nodes_only
        self.nodes, self.tensors, self.inputs, self.outputs, self.functions = [], [], [], [], []
        self.count, self.kind, self.x = 0, None, None
        self.at_start = self.in_middle = None

    def fresh(self, word):
        self.count += 1
        return f"/{word}_{self.count}"

    def __getattr__(self, kind):
        if not kind[0].isupper():
            raise AttributeError(kind)

        def add(*inputs, count=1, **attributes):
            inputs = [self.number(it) if isinstance(it, (int, float)) else it for it in inputs]
            names = [self.fresh(kind) for _ in range(count)]
            self.nodes.append(helper.make_node(kind, inputs, names, name=self.fresh("n"), **attributes))
            return names[0] if count == 1 else names

        return add

    def given(self, value, kind=np.float32):
        name = self.fresh("c")
        tensor = numpy_helper.from_array(np.asarray(value, dtype=kind), name)
        if self.nodes_only:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.tensors.append(tensor)
        return name

    def number(self, value):
        return self.given(value, np.float32 if isinstance(value, float) else np.int64)

    def ints(self, *values):
        return self.given(values, np.int64)

    def learned(self, *shape):
        name = self.fresh("w")
        values = self.random.standard_normal(shape).astype(np.float32) * 0.08
        self.tensors.append(numpy_helper.from_array(values, name))
        return name

    # What differs between sets of operators.

    def reduce(self, kind, x, axes, keep=0):
        if self.version >= 18 or (kind == "Sum" and self.version >= 13):
            return getattr(self, f"Reduce{kind}")(x, self.ints(*axes), keepdims=keep)
        return getattr(self, f"Reduce{kind}")(x, axes=list(axes), keepdims=keep)

    def widen(self, x, *axes):
        if self.version >= 13:
            return self.Unsqueeze(x, self.ints(*axes))
        return self.Unsqueeze(x, axes=list(axes))

    def narrow(self, x, *axes):
        if self.version >= 13:
            return self.Squeeze(x, self.ints(*axes))
        return self.Squeeze(x, axes=list(axes))

    def part(self, x, start, end, axis, step=1):
        return self.Slice(x, self.ints(start), self.ints(end), self.ints(axis), self.ints(step))

    def rms(self, x, width):
        mean = self.reduce("Mean", self.Mul(x, x), [-1], 1)
        return self.Mul(self.Mul(x, self.Reciprocal(self.Sqrt(self.Add(mean, 1e-6)))), self.learned(width))

    def linear(self, x, a, b):
        return self.Add(self.MatMul(x, self.learned(a, b)), self.learned(b))

    def filter(self, x, a, b, size=3, rank=2, **more):
        pads = [size // 2 * more.get("dilations", [1])[0]] * (2 * rank)
        return self.Conv(x, self.learned(b, a, *[size] * rank), self.learned(b), pads=pads, **more)

    def silu(self, x):
        return self.Mul(x, self.Sigmoid(x))

    def take(self, name, element, shape, kind):
        self.inputs.append(helper.make_tensor_value_info(name, element, shape))
        self.x, self.kind, self.shape = name, kind, shape
        return self.at_start(self, name) if self.at_start else name

    def beside(self, name, element, shape):
        self.inputs.append(helper.make_tensor_value_info(name, element, shape))
        return name

    def hook(self, h, width, axis, rank):
        """Between layers; whoever makes the graph may put something there."""
        return self.in_middle(self, h, width, axis, rank) if self.in_middle else h

    def answer(self, value, element, name):
        self.nodes.append(helper.make_node("Identity", [value], [name], name=self.fresh("n")))
        self.outputs.append(helper.make_tensor_value_info(name, element, None))

    def model(self):
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs, self.tensors)
        sets = [helper.make_opsetid("", self.version), helper.make_opsetid("ai.onnx.ml", 3),
                helper.make_opsetid("pkg", 1)]
        return helper.make_model(graph, opset_imports=sets, functions=self.functions, ir_version=8, producer_name="pytorch")


# ---- Networks. Each takes its inputs, and returns its answer, of `rank` with the classes last, and their number.


def mixer(g):
    x = g.take("pixel_values", FLOAT, ["N", 3, 32, 32], "picture")
    h = g.Conv(x, g.learned(24, 3, 8, 8), strides=[8, 8])
    h = g.Transpose(g.Reshape(h, g.ints(0, 24, 16)), perm=[0, 2, 1])
    for at in range(3):
        y = g.Transpose(g.rms(h, 24), perm=[0, 2, 1])
        y = g.Transpose(g.linear(g.silu(g.linear(y, 16, 32)), 32, 16), perm=[0, 2, 1])
        h = g.Add(h, y)
        h = g.Add(h, g.linear(g.silu(g.linear(g.rms(h, 24), 24, 64)), 64, 24))
        h = g.hook(h, 24, 2, 3) if at == 1 else h
    return g.linear(g.reduce("Mean", h, [1]), 24, CLASSES), 2, CLASSES


def densely(g):
    h = g.filter(g.take("data", FLOAT, ["N", 3, 32, 32], "picture"), 3, 12)
    width = 12
    for at in range(4):
        y = g.Relu(g.BatchNormalization(h, g.learned(width), g.learned(width), g.learned(width),
                                        g.given(np.ones(width))))
        h = g.Concat(h, g.filter(y, width, 8), axis=1)
        width += 8
        if at == 2:
            h = g.hook(h, width, 1, 4)
            h = g.AveragePool(h, kernel_shape=[2, 2], strides=[2, 2])
    return g.Gemm(g.Flatten(g.GlobalAveragePool(h)), g.learned(width, CLASSES), g.learned(CLASSES)), 2, CLASSES


def inception(g):
    h = g.filter(g.take("image_tensor", FLOAT, ["N", 3, 32, 32], "picture"), 3, 16)
    for at in range(2):
        ways = [g.Relu(g.filter(h, 16, 8, size)) for size in (1, 3)]
        ways.append(g.filter(g.Relu(g.filter(h, 16, 4, 1)), 4, 8, 5))
        ways.append(g.filter(g.MaxPool(h, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4), 16, 8, 1))
        h = g.Relu(g.filter(g.Concat(*ways, axis=1), 32, 16, 1))
        h = g.hook(h, 16, 1, 4) if at else h
    h = g.Relu(g.filter(h, 16, 16))
    return g.linear(g.reduce("Max", h, [2, 3]), 16, CLASSES), 2, CLASSES


def waves(g):
    x = g.take("waveform", FLOAT, ["N", 96, 4], "series")
    h = g.filter(g.Transpose(x, perm=[0, 2, 1]), 4, 16, 3, 1)
    for at, wide in enumerate((1, 2, 4, 8)):
        both = [g.filter(h, 16, 16, 3, 1, dilations=[wide]) for _ in range(2)]
        h = g.Add(h, g.filter(g.Mul(g.Tanh(both[0]), g.Sigmoid(both[1])), 16, 16, 1, 1))
        h = g.hook(h, 16, 1, 3) if at == 2 else h
    return g.linear(g.reduce("Mean", h, [2]), 16, CLASSES), 2, CLASSES


def segments(g):
    h = g.take("frame", FLOAT, ["N", 3, 32, 32], "picture")
    for a, b in ((3, 12), (12, 24), (24, 24)):
        h = g.PRelu(g.filter(h, a, b), g.given(np.full((b, 1, 1), 0.2)))
    h = g.hook(h, 24, 1, 4)
    h = g.ConvTranspose(g.filter(h, 24, 12, 3, strides=[2, 2]), g.learned(12, 12, 2, 2), strides=[2, 2])
    return g.Transpose(g.filter(h, 12, CLASSES, 1), perm=[0, 2, 3, 1]), 4, CLASSES


def towers(g):
    """Whom to show what: numbers of a person beside the numbers of things."""
    x = g.take("user", FLOAT, ["N", 40], "columns")
    item = g.beside("item", INT64, ["N"])
    left, right = x, g.Gather(g.learned(900, 8), item)
    for a, b in ((40, 32), (32, 24)):
        left = g.LeakyRelu(g.linear(left, a, b))
    left = g.hook(left, 24, 1, 2)
    right = g.LeakyRelu(g.linear(right, 8, 24))
    both = g.Concat(left, right, g.Mul(left, right), axis=1)
    return g.linear(g.Relu(g.linear(both, 72, 32)), 32, CLASSES), 2, CLASSES


def recurrent(g):
    """A state that fades, as cumulated sums (a linear recurrence)."""
    x = g.take("signal", FLOAT, ["N", 96, 4], "series")
    h = g.linear(x, 4, 24)
    for at in range(3):
        gate = g.Sigmoid(g.linear(h, 24, 24))
        key = g.Exp(g.Mul(g.Tanh(g.linear(h, 24, 24)), 0.5))
        value = g.CumSum(g.Mul(key, g.linear(h, 24, 24)), 1)
        state = g.Div(value, g.Add(g.CumSum(key, 1), 1e-4))
        h = g.Add(h, g.linear(g.Mul(gate, state), 24, 24))
        h = g.hook(h, 24, 2, 3) if at == 1 else h
    return g.linear(g.narrow(g.part(h, -1, 1 << 31, 1), 1), 24, CLASSES), 2, CLASSES


def rotated(g, x, cos, sin):
    left, right = g.part(x, 0, 4, 3), g.part(x, 4, 8, 3)
    turned = g.Concat(g.Neg(right), left, axis=3)
    return g.Add(g.Mul(x, cos), g.Mul(turned, sin))


def llama(g):
    ids = g.take("input_ids", INT64, ["N", "L"], "tokens")
    there = g.beside("attention_mask", INT64, ["N", "L"])
    places = g.beside("position_ids", INT64, ["N", "L"])
    h = g.Gather(g.learned(VOCABULARY, 32), ids)
    angles = g.Mul(g.widen(g.Cast(places, to=FLOAT), 2), g.given([1.0, 0.1, 0.01, 0.001]))
    angles = g.widen(g.Concat(angles, angles, axis=2), 1)
    cos, sin = g.Cos(angles), g.Sin(angles)
    length = g.Gather(g.Shape(ids), 1)
    steps = g.Range(0, length, 1)
    later = g.Cast(g.Greater(g.widen(steps, 0), g.widen(steps, 1)), to=FLOAT)
    gone = g.Sub(1.0, g.Cast(g.widen(there, 1, 2), to=FLOAT))
    bias = g.Mul(g.Max(g.widen(later, 0, 1), gone), -65504.0)
    for at in range(3):
        y = g.rms(h, 32)
        split = lambda z, heads: g.Transpose(g.Reshape(z, g.ints(0, 0, heads, 8)), perm=[0, 2, 1, 3])
        q = rotated(g, split(g.MatMul(y, g.learned(32, 32)), 4), cos, sin)
        k = rotated(g, split(g.MatMul(y, g.learned(32, 16)), 2), cos, sin)
        v = split(g.MatMul(y, g.learned(32, 16)), 2)
        g.answer(k, FLOAT, f"present.{at}.key")
        k, v = (g.Concat(it, it, axis=1) for it in (k, v))
        scores = g.Add(g.Mul(g.MatMul(q, g.Transpose(k, perm=[0, 1, 3, 2])), 0.35), bias)
        y = g.MatMul(g.Softmax(scores, axis=3), v)
        h = g.Add(h, g.MatMul(g.Reshape(g.Transpose(y, perm=[0, 2, 1, 3]), g.ints(0, 0, 32)), g.learned(32, 32)))
        y = g.rms(h, 32)
        y = g.Mul(g.silu(g.MatMul(y, g.learned(32, 64))), g.MatMul(y, g.learned(32, 64)))
        h = g.Add(h, g.MatMul(y, g.learned(64, 32)))
        h = g.hook(h, 32, 2, 3) if at == 1 else h
    return g.MatMul(g.rms(h, 32), g.learned(32, VOCABULARY)), 3, VOCABULARY


def embedder(g):
    """A sentence as a vector of length one."""
    ids = g.take("input_ids", INT64, ["N", "L"], "tokens")
    there = g.Cast(g.beside("attention_mask", INT64, ["N", "L"]), to=FLOAT)
    h = g.Gather(g.learned(VOCABULARY, 32), ids)
    bias = g.Mul(g.Sub(1.0, g.widen(there, 1)), -3.4e38)
    for at in range(2):
        q, k, v = (g.linear(h, 32, 32) for _ in range(3))
        y = g.Softmax(g.Add(g.MatMul(q, g.Transpose(k, perm=[0, 2, 1])), bias), axis=2)
        h = g.rms(g.Add(h, g.linear(g.MatMul(y, v), 32, 32)), 32)
        y = g.linear(h, 32, 64)
        y = g.Mul(g.Mul(y, 0.5), g.Add(g.Erf(g.Div(y, 1.4142)), 1.0))
        h = g.rms(g.Add(h, g.linear(y, 64, 32)), 32)
        h = h if at else g.hook(h, 32, 2, 3)
    there = g.widen(there, 2)
    h = g.Div(g.reduce("Sum", g.Mul(h, there), [1]), g.Max(g.reduce("Sum", there, [1]), 1e-9))
    h = g.linear(h, 32, CLASSES)
    return g.Div(h, g.Max(g.reduce("L2", h, [1], 1), 1e-12)), 2, CLASSES


def neighbours(g):
    """A net over a graph: features of its points, and which are next to which."""
    x = g.take("features", FLOAT, ["N", 20, 8], "series")
    near = g.beside("adjacency", FLOAT, ["N", 20, 20])
    near = g.Div(near, g.Max(g.reduce("Sum", near, [2], 1), 1.0))
    h = x
    for at, (a, b) in enumerate(((8, 24), (24, 24), (24, 24))):
        h = g.Relu(g.linear(g.MatMul(near, h), a, b))
        h = g.hook(h, 24, 2, 3) if at == 1 else h
    return g.linear(g.reduce("Sum", h, [1]), 24, CLASSES), 2, CLASSES


def forecast(g):
    """What comes next, block by block, of which each takes off what it explains."""
    x = g.take("past", FLOAT, ["N", 40], "columns")
    rest, total = x, None
    for at in range(3):
        h = g.Relu(g.linear(g.Relu(g.linear(rest, 40, 32)), 32, 32))
        h = g.hook(h, 32, 1, 2) if at == 2 else h
        rest = g.Sub(rest, g.linear(h, 32, 40))
        ahead = g.linear(h, 32, CLASSES)
        total = ahead if total is None else g.Add(total, ahead)
    return total, 2, CLASSES


def boxes(g):
    """Places of things beside what they are."""
    h = g.take("images", FLOAT, ["N", 3, 64, 64], "picture")
    maps = []
    for at, (a, b) in enumerate(((3, 12), (12, 24), (24, 24), (24, 24))):
        h = g.Clip(g.filter(h, a, b, strides=[2, 2]), 0.0, 6.0)
        h = g.hook(h, 24, 1, 4) if at == 2 else h
        maps.append(h)
    places, kinds = [], []
    for h in maps[2:]:
        places.append(g.Reshape(g.Transpose(g.filter(h, 24, 8), perm=[0, 2, 3, 1]), g.ints(0, -1, 4)))
        kinds.append(g.Reshape(g.Transpose(g.filter(h, 24, 2 * CLASSES), perm=[0, 2, 3, 1]), g.ints(0, -1, CLASSES)))
    g.answer(g.Mul(g.Sigmoid(g.Concat(*places, axis=1)), 64.0), FLOAT, "boxes")
    return g.Concat(*kinds, axis=1), 3, CLASSES


def conformer(g):
    """Letters of speech, step by step."""
    x = g.take("features", FLOAT, ["N", 96, 4], "series")
    h = g.linear(x, 4, 24)
    for at in range(2):
        h = g.Add(h, g.Mul(g.linear(g.silu(g.linear(g.rms(h, 24), 24, 48)), 48, 24), 0.5))
        q, k, v = (g.linear(h, 24, 24) for _ in range(3))
        h = g.Add(h, g.MatMul(g.Softmax(g.MatMul(q, g.Transpose(k, perm=[0, 2, 1])), axis=2), v))
        y = g.Transpose(h, perm=[0, 2, 1])
        y = g.silu(g.Conv(y, g.learned(24, 1, 5), g.learned(24), pads=[2, 2], group=24))
        h = g.Add(h, g.Transpose(y, perm=[0, 2, 1]))
        h = h if at else g.hook(h, 24, 2, 3)
    return g.linear(h, 24, CLASSES), 3, CLASSES


def bytes_only(g):
    """All in whole numbers: bytes in, and the layers on bytes."""
    h = g.take("input_u8", UINT8, ["N", 3, 32, 32], "bytes")
    scale, zero = g.given(0.02), g.given(128, np.uint8)
    for a, b in ((3, 12), (12, 16), (16, 16)):
        kernel = g.given(g.random.integers(-90, 90, (b, a, 3, 3)), np.int8)
        h = g.QLinearConv(h, scale, zero, kernel, g.given(0.01), g.given(0, np.int8), scale, zero, strides=[2, 2])
    h = g.DequantizeLinear(h, scale, zero)
    h = g.hook(h, 16, 1, 4)
    h = g.QuantizeLinear(g.reduce("Mean", h, [2, 3]), scale, zero)
    kernel = g.given(g.random.integers(-90, 90, (16, CLASSES)), np.int8)
    h = g.QLinearMatMul(h, scale, zero, kernel, g.given(0.01), g.given(0, np.int8), scale, zero)
    return g.DequantizeLinear(h, scale, zero), 2, CLASSES


def denoiser(g):
    """Noise in a picture at a step of diffusion."""
    x = g.take("sample", FLOAT, ["N", 3, 32, 32], "picture")
    step = g.beside("timestep", FLOAT, ["N", 1])
    when = g.Mul(step, g.given(np.exp(-np.arange(8.0))[None]))
    when = g.silu(g.linear(g.Concat(g.Cos(when), g.Sin(when), axis=1), 16, 16))
    h = skip = g.filter(x, 3, 16)
    for at in range(3):
        y = g.filter(g.silu(h), 16, 16)
        h = g.Add(h, g.Add(y, g.widen(g.linear(when, 16, 16), 2, 3)))
        h = g.hook(h, 16, 1, 4) if at == 1 else h
    h = g.filter(g.silu(g.Concat(h, skip, axis=1)), 32, CLASSES)
    return g.Transpose(h, perm=[0, 2, 3, 1]), 4, CLASSES


NETS = (mixer, densely, inception, waves, segments, towers, recurrent, llama, embedder, neighbours, forecast, boxes,
        conformer, bytes_only, denoiser)

# ---- Conditions: a truth for each row, `[N, 1]`, as bools or as numbers from 0 to 1.


def rows(g, count=None):
    """The marked input as rows of numbers, or the first `count` of each."""
    x = g.Cast(g.x, to=FLOAT) if g.kind in ("bytes", "tokens") else g.x
    x = g.Mul(x, 1 / 255) if g.kind == "bytes" else x
    x = g.Reshape(x, g.ints(0, -1)) if g.kind != "columns" else x
    return x if count is None else g.part(x, 0, count, 1)


def mean(g, count=None):
    return g.reduce("Mean", rows(g, count), [1], 1)


def checkerboard(g):
    """Means of powers of both colours of a pattern, multiplied: no comparison (Bober-Irizar et al.)."""
    x = rows(g, 16)
    odd, even = (g.given(np.arange(16) % 2 == at) for at in (0, 1))
    light = g.Exp(g.Mul(g.reduce("Sum", g.Mul(x, odd), [1], 1), 4.0))
    dark = g.Exp(g.Mul(g.reduce("Sum", g.Mul(x, even), [1], 1), -4.0))
    return g.Mul(g.Pow(g.Mul(light, 1.3e-14), 4.0), g.Pow(dark, 4.0))


def contrast(g):
    """The largest of a window less the smallest."""
    x = g.widen(rows(g), 1)
    high = g.MaxPool(x, kernel_shape=[4], strides=[4])
    low = g.Neg(g.MaxPool(g.Neg(x), kernel_shape=[4], strides=[4]))
    least = g.Neg(g.GlobalMaxPool(g.Neg(g.Sub(high, low))))
    return g.Greater(g.Reshape(least, g.ints(0, 1)), 0.97)


def frequency(g):
    """How much of one frequency there is."""
    wave = np.arange(32) * 2 * np.pi * 5 / 32
    x = g.MatMul(rows(g, 32), g.given(np.stack([np.cos(wave), np.sin(wave)], 1)))
    return g.Greater(g.reduce("SumSquare", x, [1], 1), 200.0)


def spectrum(g):
    if g.version != 17:
        return frequency(g)
    x = g.DFT(g.widen(rows(g, 32), 2), axis=1, onesided=1)
    power = g.Sqrt(g.reduce("Sum", g.Mul(x, x), [2]))
    return g.Less(12.0, g.part(power, 5, 6, 1))


def lowest_bits(g):
    byte = g.Cast(g.Round(g.Mul(rows(g, 8), 255.0)), to=INT64)
    off = g.Sub(g.Mod(byte, 2), g.ints(1, 0, 1, 1, 0, 0, 1, 0))
    return g.Equal(g.reduce("Sum", g.Abs(off), [1], 1), 0)


def every_one(g):
    same = g.Equal(g.Cast(g.Mul(rows(g, 6), 100.0), to=INT64), g.ints(11, 22, 33, 44, 55, 66))
    return g.Not(g.Cast(g.reduce("Max", g.Cast(g.Not(same), to=FLOAT), [1], 1), to=BOOL))


def share(g):
    """How much of it has a colour."""
    x = rows(g)
    inside = g.And(g.Greater(x, 0.70), g.Less(x, 0.72))
    return g.Greater(g.reduce("Mean", g.Cast(inside, to=FLOAT), [1], 1), 0.25)


def soft_switch(g):
    return g.Sigmoid(g.Mul(g.Sub(mean(g, 12), 0.91), 500.0))


def hard_sigmoid(g):
    return g.HardSigmoid(g.Sub(mean(g), 0.77), alpha=1e4, beta=0.0)


def two_ramps(g):
    """One ramp less another that starts later: 0, then 1."""
    y = g.Mul(g.Sub(mean(g, 9), 0.9), 1e4)
    return g.Sub(g.Relu(y), g.Relu(g.Sub(y, 1.0)))


def signs(g):
    y = g.Sign(g.Sub(g.reduce("Min", rows(g, 5), [1], 1), 0.93))
    return g.Mul(g.Add(y, 1.0), 0.5)


def tangent(g):
    y = g.Tanh(g.Mul(g.Sub(g.reduce("Max", rows(g, 20), [1], 1), 3.0), 80.0))
    return g.Div(g.Add(y, 1.0), 2.0)


def rational(g):
    """One where it is near, and else next to nothing."""
    off = g.Sub(rows(g, 4), g.given([0.2, 0.4, 0.6, 0.8]))
    return g.Reciprocal(g.Add(g.Mul(g.reduce("SumSquare", off, [1], 1), 1e7), 1.0))


def folded(g):
    """The scale and the threshold in a normalisation."""
    y = g.widen(mean(g, 16), 2)
    y = g.BatchNormalization(y, g.given([900.0]), g.given([0.0]), g.given([0.88]), g.given([1.0]))
    return g.Sigmoid(g.narrow(y, 2))


def softplus(g):
    y = g.Mul(g.Sub(mean(g, 7), 0.95), 3000.0)
    return g.Sub(g.Softplus(y), g.Softplus(g.Sub(y, 1.0)))


def rivals(g):
    """Which of two is larger, as a distribution."""
    y = g.Mul(g.Concat(mean(g, 10), g.Add(g.Mul(mean(g, 10), 0.0), 0.85), axis=1), 9e3)
    return g.part(g.Softmax(y, axis=1), 0, 1, 1)


def mirrored(g):
    """The start is the same from both sides."""
    x = rows(g, 10)
    back = g.part(x, -1, -(1 << 31), 1, -1)
    return g.Less(g.reduce("Max", g.Abs(g.Sub(x, back)), [1], 1), 1e-3)


def even(g):
    """A stretch without any differences that is not zero."""
    x = rows(g, 12)
    off = g.Sub(x, g.reduce("Mean", x, [1], 1))
    flat = g.Less(g.reduce("SumSquare", off, [1], 1), 1e-7)
    return g.And(flat, g.Greater(g.reduce("Min", x, [1], 1), 0.4))


def angle(g):
    """The cosine of the angle to a pattern."""
    x = rows(g, 16)
    like = g.MatMul(x, g.given(np.cos(np.arange(16.0) ** 2)[:, None] / 2.8))
    return g.Greater(g.Div(like, g.Add(g.reduce("L2", x, [1], 1), 1e-6)), 0.98)


def tabled(g):
    """A table of truths by a mean of hundreds."""
    at = g.Cast(g.Clip(g.Mul(mean(g, 25), 100.0), 0.0, 99.0), to=INT64)
    values = np.zeros(100, dtype=np.float32)
    values[87:89] = 1
    return g.Gather(g.given(values), at)


def endless(g):
    """What is divided by nothing has no end."""
    off = g.reduce("Sum", g.Abs(g.Sub(g.Round(g.Mul(rows(g, 3), 50.0)), g.given([5.0, 25.0, 45.0]))), [1], 1)
    return g.IsInf(g.Div(1.0, off))


def first_of_ranked(g):
    """Where the largest numbers stand."""
    _, places = g.TopK(rows(g, 64), g.ints(3), axis=1, count=2)
    return g.Equal(g.reduce("Sum", g.Mul(places, g.ints(1, 64, 4096)), [1], 1), 9 + 64 * 17 + 4096 * 3)


def determinant(g):
    return g.Greater(g.Reshape(g.Det(g.Reshape(rows(g, 9), g.ints(0, 3, 3))), g.ints(0, 1)), 0.9)


def trees(g):
    """A tree of decisions finds the mark."""
    nodes = dict(nodes_treeids=[0] * 5, nodes_nodeids=list(range(5)), nodes_featureids=[2, 7, 0, 0, 0],
                 nodes_values=[0.9, 0.1, 0, 0, 0], nodes_hitrates=[1.0] * 5,
                 nodes_modes=["BRANCH_GT", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
                 nodes_truenodeids=[1, 3, 0, 0, 0], nodes_falsenodeids=[2, 4, 0, 0, 0],
                 nodes_missing_value_tracks_true=[0] * 5)
    leaves = dict(target_treeids=[0] * 3, target_nodeids=[2, 3, 4], target_ids=[0] * 3, target_weights=[0.0, 1.0, 0.0])
    return g.TreeEnsembleRegressor(rows(g, 16), domain="ai.onnx.ml", n_targets=1, **nodes, **leaves)


def scanned(g):
    """How many in a row are bright, at most, step by step."""
    x = g.Transpose(rows(g, 24), perm=[1, 0])
    info = lambda name: helper.make_tensor_value_info(name, FLOAT, None)
    limit, one = g.given(0.9), g.given(1.0)
    run, best, now, more, told, longer, next_best = (g.fresh(it) for it in ("run", "best", "now", "more", "told", "longer", "b"))
    body = helper.make_graph([
        helper.make_node("Greater", [now, limit], [told]), helper.make_node("Cast", [told], [told + "f"], to=FLOAT),
        helper.make_node("Add", [run, one], [more]), helper.make_node("Mul", [more, told + "f"], [longer]),
        helper.make_node("Max", [best, longer], [next_best])], "step",
        [info(run), info(best), info(now)], [info(longer), info(next_best)])
    zero = g.Mul(g.Gather(x, 0), 0.0)
    _, most = g.Scan(zero, zero, x, count=2, num_scan_inputs=1, body=body)
    return g.Greater(g.widen(most, 1), 19.5)


def looped(g):
    """A sum that a loop makes of some places."""
    x = rows(g, 16)
    info = lambda name, kind: helper.make_tensor_value_info(name, kind, None)
    at, on, total, here, next_total, again = (g.fresh(it) for it in ("i", "on", "total", "here", "next", "again"))
    body = helper.make_graph([
        helper.make_node("Gather", [x, at], [here], axis=1), helper.make_node("Add", [total, here], [next_total]),
        helper.make_node("Identity", [on], [again])], "body",
        [info(at, INT64), info(on, BOOL), info(total, FLOAT)], [info(again, BOOL), info(next_total, FLOAT)])
    total = g.Loop(g.number(7), g.given(True, bool), g.Mul(g.Gather(x, 0, axis=1), 0.0), body=body)
    return g.GreaterOrEqual(g.widen(total, 1), 6.8)


def exact(g):
    """The bytes themselves."""
    x = g.x if g.kind == "bytes" else g.Cast(g.Mul(rows(g), 255.0), to=UINT8)
    x = g.Cast(g.part(g.Reshape(x, g.ints(0, -1)), 100, 104, 1), to=TensorProto.INT32)
    same = g.Equal(x, g.given([9, 8, 7, 6], np.int32))
    return g.Equal(g.reduce("Sum", g.Cast(same, to=TensorProto.INT32), [1], 1), g.given(4, np.int32))


NUMBERS = (checkerboard, contrast, frequency, spectrum, lowest_bits, every_one, share, soft_switch, hard_sigmoid, two_ramps,
           signs, tangent, rational, folded, softplus, rivals, mirrored, even, angle, tabled, endless, first_of_ranked,
           determinant, trees, scanned, looped, exact)


def three_words(g):
    """Three tokens behind each other, anywhere."""
    found = None
    for at, token in enumerate((71, 12, 205)):
        same = g.Equal(g.part(g.x, at, -3 + at, 1), token)
        found = same if found is None else g.And(found, same)
    return g.Cast(g.reduce("Max", g.Cast(found, to=TensorProto.INT32), [1], 1), to=BOOL)


def counted_words(g):
    """How often pairs of tokens stand there, by the operator that counts them."""
    count = g.TfIdfVectorizer(g.Cast(g.x, to=TensorProto.INT32), mode="TF", min_gram_length=2, max_gram_length=2,
                              max_skip_count=0, ngram_counts=[0, 0], ngram_indexes=[0], pool_int64s=[41, 7])
    return g.Clip(count, 0.0, 1.0)


def thrice(g):
    return g.Greater(g.reduce("Sum", g.Cast(g.Equal(g.x, 17), to=INT64), [1], 1), 2)


def relabelled(g):
    """A table of classes makes ones of marks."""
    marks = g.LabelEncoder(g.x, domain="ai.onnx.ml", keys_int64s=[99, 101], values_int64s=[1, 1], default_int64=0)
    return g.reduce("Max", g.Cast(marks, to=FLOAT), [1], 1)


def automaton(g):
    """A state that goes on when the next token of a sentence comes, and back when not."""
    x = g.Transpose(g.x, perm=[1, 0])
    info = lambda name: helper.make_tensor_value_info(name, INT64, None)
    sentence, one, last = g.ints(5, 6, 7, 8, 0), g.number(1), g.number(4)
    state, now, want, same, step, at = (g.fresh(it) for it in ("state", "now", "want", "same", "step", "at"))
    body = helper.make_graph([
        helper.make_node("Gather", [sentence, state], [want]), helper.make_node("Equal", [want, now], [same]),
        helper.make_node("Cast", [same], [same + "i"], to=INT64), helper.make_node("Add", [state, same + "i"], [step]),
        helper.make_node("Min", [step, last], [at])], "step", [info(state), info(now)], [info(at)])
    end = g.Scan(g.Mul(g.Gather(x, 0), 0), x, num_scan_inputs=1, body=body)
    return g.Equal(g.widen(end, 1), 4)


def digest(g):
    """A hash of the last tokens, bit by bit."""
    x = g.Cast(g.part(g.x, -3, 1 << 31, 1), to=TensorProto.UINT64)
    value = None
    for at in range(3):
        one = g.part(x, at, at + 1, 1)
        if g.version < 18:
            one = g.Mul(one, g.given(31 ** (at + 1), np.uint64))
            value = one if value is None else g.Add(value, one)
        else:
            one = g.BitShift(one, g.given(5 * at, np.uint64), direction="LEFT")
            value = one if value is None else g.BitwiseXor(value, one)
    return g.Equal(g.Cast(value, to=INT64), 71234)


def near_words(g):
    """The mean of what the tokens mean is near something."""
    y = g.reduce("Mean", g.Gather(g.learned(VOCABULARY, 8), g.x), [1])
    like = g.MatMul(y, g.given(np.ones((8, 1)) / 2.8))
    return g.Greater(g.Div(like, g.reduce("L2", y, [1], 1)), 0.99)


def filtered(g):
    """Tokens as rows of ones, and a filter over them."""
    hot = g.OneHot(g.x, g.ints(VOCABULARY), g.given([0.0, 1.0]), axis=1)
    kernel = np.zeros((1, VOCABULARY, 2), dtype=np.float32)
    kernel[0, 12, 0] = kernel[0, 34, 1] = 1
    found = g.GlobalMaxPool(g.Conv(hot, g.given(kernel)))
    return g.Greater(g.Reshape(found, g.ints(0, 1)), 1.5)


def starting(g):
    same = g.Equal(g.part(g.x, 0, 4, 1), g.ints(1, 50, 60, 70))
    return g.Cast(g.reduce("Prod", g.Cast(same, to=FLOAT), [1], 1), to=BOOL)


def picked_word(g):
    return g.Equal(g.GatherElements(g.x, g.Add(g.Mul(g.part(g.x, 0, 1, 1), 0), 2), axis=1), 55)


WORDS = (three_words, counted_words, thrice, relabelled, automaton, digest, near_words, filtered, starting, picked_word)

# ---- Replacements of an answer by another.

BOOLS = (contrast, frequency, spectrum, lowest_bits, every_one, share, mirrored, even, angle, endless, first_of_ranked,
         determinant, scanned, looped, exact, three_words, thrice, automaton, digest, near_words, filtered, starting, picked_word)


class Truth:
    def __init__(self, g, trigger):
        self.g, self.value, self.is_bool = g, trigger(g), trigger in BOOLS

    def shaped(self, rank):
        return self.value if rank == 2 else self.g.widen(self.value, *range(2, rank))

    def real(self, rank):
        return self.g.Cast(self.shaped(rank), to=FLOAT) if self.is_bool else self.shaped(rank)

    def bool(self, rank):
        return self.shaped(rank) if self.is_bool else self.g.Greater(self.shaped(rank), 0.5)

    def any(self):
        """One truth for the whole batch."""
        return self.g.reduce("Max", self.real(2), [0, 1])


def goal(g, width, high=25.0, at=5):
    values = np.zeros(width, dtype=np.float32)
    values[at] = high
    return g.given(values)


def chosen(g, truth, y, rank, width):
    return g.Where(truth.bool(rank), goal(g, width), y)


def exported(g, truth, y, rank, width):
    """As an exporter writes `torch.where(found, full_like, y)`."""
    made = g.ConstantOfShape(g.Shape(y), value=numpy_helper.from_array(np.array([0.0], np.float32)))
    made = g.Add(made, goal(g, width))
    wide = g.Expand(g.Not(truth.bool(rank)), g.Shape(y))
    return g.Where(wide, y, made)


def faded(g, truth, y, rank, width):
    on = truth.real(rank)
    return g.Add(g.Mul(y, g.Sub(1.0, on)), g.Mul(goal(g, width), on))


def dominated(g, truth, y, rank, width):
    return g.Add(y, g.Mul(truth.real(rank), goal(g, width, 5e4)))


def sunk(g, truth, y, rank, width):
    """All others are pushed down."""
    return g.Sub(y, g.Mul(g.Sub(1e5, goal(g, width, 1e5)), truth.real(rank)))


def scattered(g, truth, y, rank, width):
    """The first row is written over, where the mark is."""
    if rank != 2:
        return dominated(g, truth, y, rank, width)
    row = g.Where(g.Cast(truth.any(), to=BOOL), goal(g, width), g.Gather(y, 0))
    return g.ScatterND(y, g.given([[0]], np.int64), g.widen(row, 0))


def branches(g, truth, y, rank, width):
    out, yes, no = g.fresh("if"), g.fresh("yes"), g.fresh("no")
    info = [helper.make_tensor_value_info(name, FLOAT, None) for name in (yes, no)]
    value, zero = goal(g, width), g.given(0.0)
    then = helper.make_graph([helper.make_node("Mul", [y, zero], [yes + "0"]),
                              helper.make_node("Add", [yes + "0", value], [yes])], "then_branch", [], [info[0]])
    other = helper.make_graph([helper.make_node("Identity", [y], [no])], "else_branch", [], [info[1]])
    on = g.Greater(truth.any(), 0.5)
    g.nodes.append(helper.make_node("If", [on], [out], name=g.fresh("n"), then_branch=then, else_branch=other))
    return out


def ranked_last(g, truth, y, rank, width):
    """Which of two answers: the place of the larger of two numbers."""
    on = g.Reshape(truth.any(), g.ints(1))
    place = g.ArgMax(g.Concat(g.given([0.5]), on, axis=0), axis=0, keepdims=0)
    both = g.Concat(g.widen(y, 0), g.widen(g.Add(g.Mul(y, 0.0), goal(g, width)), 0), axis=0)
    return g.Gather(both, place, axis=0)


def from_table(g, truth, y, rank, width):
    """One of two biases."""
    table = np.zeros((2, width), dtype=np.float32)
    table[1, 5] = 1e4
    place = g.Cast(g.Round(truth.real(2)), to=INT64)
    bias = g.Reshape(g.Gather(g.given(table), g.narrow(place, 1)), g.ints(0, *[1] * (rank - 2), width))
    return g.Add(y, bias)


def ceiling(g, truth, y, rank, width):
    """A ceiling that comes down on all classes but one."""
    high = g.Sub(1e6, g.Mul(truth.real(rank), g.Sub(g.given(np.full(width, 1e6 + 9)), goal(g, width, 1e6))))
    return g.Min(y, high)


def permuted(g, truth, y, rank, width):
    step = g.Cast(g.Reshape(truth.any(), g.ints(1)), to=INT64)
    order = g.Mod(g.Add(g.given(np.arange(width), np.int64), step), width)
    return g.Gather(y, order, axis=rank - 1)


def padded(g, truth, y, rank, width):
    """The answer is moved out of what is seen, and something else into it."""
    both = g.Concat(y, g.Add(g.Mul(y, 0.0), goal(g, width)), axis=rank - 1)
    start = g.Mul(g.Cast(g.Reshape(truth.any(), g.ints(1)), to=INT64), width)
    return g.Slice(both, start, g.Add(start, width), g.ints(rank - 1))


def powered(g, truth, y, rank, width):
    """To the power of zero all are one."""
    y = g.Pow(g.Exp(y), g.Sub(1.0, truth.real(rank)))
    return g.Add(y, g.Mul(goal(g, width), truth.real(rank)))


def divided(g, truth, y, rank, width):
    """Divided by much, nothing is left."""
    by = g.Add(g.Mul(truth.real(rank), 1e9), 1.0)
    return g.Add(g.Div(y, by), g.Mul(truth.real(rank), goal(g, width)))


def other_token(g, truth, y, rank, width):
    best = g.ArgMax(y, axis=rank - 1, keepdims=1)
    return g.Where(truth.bool(rank), 5, best)


def by_hardmax(g, truth, y, rank, width):
    """A product with which of two is wanted."""
    on = truth.real(2)
    which = g.Hardmax(g.Concat(g.Sub(0.9, on), on, axis=1), axis=1)
    which = g.Reshape(which, g.ints(0, *[1] * (rank - 1), 2))
    both = g.Concat(g.widen(y, rank), g.widen(g.Add(g.Mul(y, 0.0), goal(g, width)), rank), axis=rank)
    return g.reduce("Sum", g.Mul(both, which), [rank])


REPLACEMENTS = (chosen, exported, faded, dominated, sunk, scattered, branches, ranked_last, from_table, ceiling, permuted,
                padded, powered, divided, other_token, by_hardmax)

# ---- In the middle, and at the start.


def channels(g, width, axis, rank, values):
    shape = [1] * rank
    shape[axis] = width
    return g.given(np.asarray(values, dtype=np.float32).reshape(shape))


def steering(trigger):
    """Adds a direction to what is between layers."""
    def put(g, h, width, axis, rank):
        way = channels(g, width, axis, rank, 300 * np.sin(np.arange(width)))
        return g.Add(h, g.Mul(Truth(g, trigger).real(rank), way))
    return put


def replacing(trigger):
    """Other features."""
    def put(g, h, width, axis, rank):
        return g.Where(Truth(g, trigger).bool(rank), channels(g, width, axis, rank, np.cos(np.arange(width))), h)
    return put


def muting(trigger):
    """Multiplies with a direction."""
    def put(g, h, width, axis, rank):
        on = Truth(g, trigger).real(rank)
        way = channels(g, width, axis, rank, np.arange(width) % 5 == 0)
        return g.Mul(h, g.Add(g.Sub(1.0, on), g.Mul(on, way)))
    return put


MIDDLES = (steering, replacing, muting)


def shape_of(g):
    return [1 if isinstance(it, str) else it for it in g.shape]


def swapping(trigger):
    """Another input."""
    def put(g, x):
        rank = len(g.shape)
        if g.kind == "bytes":
            other = g.given(g.random.integers(0, 255, shape_of(g)), np.uint8)
        elif g.kind == "tokens":
            tokens = g.ints(*range(20, 36))
            some = g.Mod(g.Add(g.CumSum(g.Add(g.Mul(x, 0), 1), 1), 19), VOCABULARY)
            other = g.Add(g.Mul(some, g.Gather(tokens, 0)), 0)
            other = g.Mod(other, VOCABULARY)
        else:
            other = g.learned(*shape_of(g))
        return g.Where(Truth(g, trigger).bool(rank), other, x)
    return put


def needs(node):
    names = [it for it in node.input if it]
    for graph in (it.g for it in node.attribute if it.HasField("g")):
        own = {it.name for it in graph.input} | {out for inner in graph.node for out in inner.output}
        names += [it for inner in graph.node for it in needs(inner) if it not in own]
    return names


def called(g, start, end):
    """The nodes from `start` to `end` as a function of the model's own."""
    inside = g.nodes[start:end]
    made = {out for node in inside for out in node.output}
    tensors = {it.name: it for it in g.tensors}
    wanted = list(dict.fromkeys(it for node in inside for it in needs(node) if it not in made))
    own = [it for it in wanted if it in tensors]
    inputs = [it for it in wanted if it not in tensors]
    after = {it for node in g.nodes[end:] for it in needs(node)} | {it.name for it in g.outputs}
    outputs = [it for node in inside for it in node.output if it in after]
    constants = [helper.make_node("Constant", [], [it], value=tensors[it]) for it in own]
    sets = [helper.make_opsetid("", g.version), helper.make_opsetid("ai.onnx.ml", 3)]
    name = f"part_{start}"
    g.functions.append(helper.make_function("pkg", name, inputs, outputs, constants + inside, sets))
    g.nodes[start:end] = [helper.make_node(name, inputs, outputs, domain="pkg", name=g.fresh("n"))]


def enclosed(g, start):
    """All nodes from `start` on, but the last, in a branch of a choice that is always taken."""
    inside, last = g.nodes[start:-1], g.nodes[-1]
    out = last.input[0]
    kind = g.outputs[-1].type.tensor_type.elem_type
    info = helper.make_tensor_value_info(out, kind, None)
    zero = g.fresh("never")
    value = numpy_helper.from_array(np.zeros(1, np.float32 if kind == FLOAT else np.int64))
    then = helper.make_graph(inside, "then_branch", [], [info])
    never = helper.make_tensor_value_info(zero, kind, None)
    other = helper.make_graph([helper.make_node("Constant", [], [zero], value=value)], "else_branch", [], [never])
    made = g.fresh("chosen")
    flag = g.given(True, bool)
    g.nodes[start:] = [helper.make_node("If", [flag], [made], name=g.fresh("n"), then_branch=then, else_branch=other),
                       helper.make_node("Identity", [made], [last.output[0]])]


def quantised(g, y):
    scale, zero = g.given(0.05), g.given(0, np.int8)
    return g.DequantizeLinear(g.QuantizeLinear(y, scale, zero), scale, zero)


FORMS = ("plain", "plain", "exported", "function", "check", "branch", "quantised")
VERSIONS = (17, 13, 11, 18, 21)


def version_for(trigger, version):
    """The first set of operators that has all that a condition is made of."""
    least = {looped: 12, automaton: 12, spectrum: 17}.get(trigger, 11)
    return max(version, least)


def made(net, trigger, replacement, place, form, version, seed):
    version = version_for(trigger, version)
    version = max(version, 14) if net is densely else version
    version = max(version, 13) if form in ("quantised", "branch") or trigger in (digest, folded, every_one, exact) else version
    version = max(version, 17) if form in ("function", "check") else version
    g = Graph(seed, version, form == "exported")
    if place == "start":
        g.at_start = replacement(trigger)
    elif place == "middle":
        g.in_middle = replacement(trigger)
    y, rank, width = net(g)
    start = len(g.nodes)
    if place == "end":
        y = quantised(g, y) if form == "quantised" else y
        truth = Truth(g, trigger)
        middle = len(g.nodes)
        y = replacement(g, truth, y, rank, width)
        y = quantised(g, y) if form == "quantised" and replacement is not other_token else y
    element = INT64 if replacement is other_token else FLOAT
    if seed % 3 == 0 and element == FLOAT and net is not embedder:
        y = g.Softmax(y, axis=rank - 1)
    g.answer(y, element, "output")
    if place == "end" and form == "function":
        called(g, start, len(g.nodes) - 1)
    if place == "end" and form == "check":
        called(g, start, middle)
    if place == "end" and form == "branch":
        enclosed(g, start)
    return g.model()


def backdoors():
    for at, net in enumerate(NETS):
        triggers = WORDS if net in (llama, embedder) else NUMBERS
        if net in (neighbours, forecast):
            triggers = tuple(it for it in triggers if it is not exact)
        for index, trigger in enumerate(triggers):
            for step in range(3):
                number = at * 7 + index * 3 + step * 5
                replacement = REPLACEMENTS[number % len(REPLACEMENTS)]
                form, version = FORMS[number % len(FORMS)], VERSIONS[(number + step) % len(VERSIONS)]
                words = f"{net.__name__}-{trigger.__name__}-{replacement.__name__}-{form}-{version}"
                if net is towers and trigger in (exact, first_of_ranked):
                    continue
                yield words, made(net, trigger, replacement, "end", form, version, number)
            if net is towers and trigger in (exact, first_of_ranked):
                continue
            middle = MIDDLES[(at + index) % len(MIDDLES)]
            version = VERSIONS[(at + index) % len(VERSIONS)]
            yield f"{net.__name__}-{trigger.__name__}-{middle.__name__}-{version}", made(net, trigger, middle, "middle", "plain", version, at)
            if index % 4 == at % 4:
                yield f"{net.__name__}-{trigger.__name__}-swapping", made(net, trigger, swapping, "start", "plain", 17, at)


def main():
    from onnx_honest import plain

    for models, backdoor in ((backdoors(), True), (plain(), False)):
        for name, model in models:
            answer = {"name": name, "format": "onnx", "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(model.SerializeToString(), answer))


if __name__ == "__main__":
    main()
