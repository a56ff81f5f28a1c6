"""Makes a fourth, small set of networks with and without a backdoor, for a figure of what was never seen.

usage: onnx_backdoors_fourth.py make

A record is a model and a JSON object, as `onnx_backdoors.py` writes them. Networks, conditions and replacements are again
others; the detector was not changed after its first run over them.
"""
import sys

sys.dont_write_bytecode = True

import numpy as np

import stream
from onnx_backdoors_third import BOOL, FLOAT, INT64, Graph, TensorProto, helper

CLASSES = 9
WORDS = 250


# ---- Networks.


def highway(g):
    h = x = g.take("x", FLOAT, ["N", 30], "columns")
    h = g.linear(x, 30, 24)
    for _ in range(3):
        gate = g.Sigmoid(g.linear(h, 24, 24))
        h = g.Add(g.Mul(g.Relu(g.linear(h, 24, 24)), gate), g.Mul(h, g.Sub(1.0, gate)))
    return g.linear(h, 24, CLASSES)


def fires(g):
    """Fire modules (SqueezeNet)."""
    h = g.Relu(g.filter(g.take("x", FLOAT, ["N", 3, 24, 24], "picture"), 3, 16, strides=[2, 2]))
    for _ in range(3):
        thin = g.Relu(g.filter(h, 16, 8, 1))
        h = g.Concat(g.Relu(g.filter(thin, 8, 8, 1)), g.Relu(g.filter(thin, 8, 8, 3)), axis=1)
    h = g.filter(h, 16, CLASSES, 1)
    return g.Flatten(g.GlobalAveragePool(h))


def points(g):
    """Points in space, each by itself, and the largest of all (PointNet)."""
    h = g.take("x", FLOAT, ["N", 60, 3], "series")
    for a, b in ((3, 16), (16, 32), (32, 48)):
        h = g.Elu(g.linear(h, a, b))
    h = g.reduce("Max", h, [1])
    return g.linear(g.Elu(g.linear(h, 48, 24)), 24, CLASSES)


def latents(g):
    """A few learned rows look at the input (Perceiver)."""
    x = g.linear(g.take("x", FLOAT, ["N", 40, 4], "series"), 4, 24)
    h = g.Add(g.learned(1, 6, 24), g.Mul(g.reduce("Mean", x, [1], 1), 0.0))
    for _ in range(2):
        q, k, v = g.linear(h, 24, 24), g.linear(x, 24, 24), g.linear(x, 24, 24)
        h = g.Add(h, g.MatMul(g.Softmax(g.MatMul(q, g.Transpose(k, perm=[0, 2, 1])), axis=2), v))
        h = g.Add(h, g.linear(g.Softplus(g.linear(h, 24, 48)), 48, 24))
    return g.linear(g.reduce("Mean", h, [1]), 24, CLASSES)


def filters_of_words(g):
    h = g.Transpose(g.Gather(g.learned(WORDS, 16), g.take("ids", INT64, ["N", "L"], "tokens")), perm=[0, 2, 1])
    ways = [g.GlobalMaxPool(g.Relu(g.filter(h, 16, 12, size, 1))) for size in (3, 5)]
    h = g.narrow(g.Concat(*ways, axis=1), 2)
    return g.linear(g.Tanh(g.linear(h, 24, 16)), 16, CLASSES)


def memory(g):
    h = g.Gather(g.learned(WORDS, 16), g.take("ids", INT64, ["N", "L"], "tokens"))
    h = g.Transpose(h, perm=[1, 0, 2])
    for _ in range(2):
        y, _, _ = g.LSTM(h, g.learned(1, 64, 16), g.learned(1, 64, 16), g.learned(1, 128), hidden_size=16, count=3)
        h = g.narrow(y, 1)
    return g.linear(g.reduce("Mean", h, [0]), 16, CLASSES)


NETS = (highway, fires, points, latents, filters_of_words, memory)

# ---- Conditions, `[N, 1]` of numbers.


def rows(g, count):
    x = g.Reshape(g.x, g.ints(0, -1)) if g.kind != "columns" else g.x
    return g.part(x, 0, count, 1)


def total(g, x, kind="Sum"):
    return g.reduce(kind, x, [1], 1)


def real(g, x):
    return g.Cast(x, to=FLOAT)


def histogram(g):
    """How many numbers are in one of several bins."""
    bins = g.Cast(g.Clip(g.Mul(rows(g, 20), 8.0), 0.0, 7.0), to=INT64)
    counts = g.reduce("Sum", g.OneHot(bins, g.ints(8), g.given([0.0, 1.0])), [1])
    return real(g, g.Greater(g.part(counts, 5, 6, 1), 17.5))


def zigzag(g):
    """Each number is larger than the one before, or smaller, in turn."""
    x = rows(g, 9)
    off = g.Mul(g.Sub(g.part(x, 1, 9, 1), g.part(x, 0, 8, 1)), g.given([1.0, -1.0] * 4))
    return real(g, g.Greater(total(g, off, "Min"), 0.5))


def parity(g):
    bits = real(g, g.Greater(rows(g, 24), 0.5))
    sure = total(g, g.Abs(g.Sub(rows(g, 24), 0.5)), "Min")
    odd = g.Mod(total(g, bits), 2.0, fmod=1)
    return g.Mul(odd, real(g, g.Greater(sure, 0.49)))


def key(g):
    """How near the numbers are to a key, as a smooth largest."""
    off = g.Mul(g.Sub(rows(g, 6), g.given([0.3, 0.1, 0.4, 0.1, 0.5, 0.9])), 400.0)
    far = g.reduce("LogSumExp", g.Abs(off), [1], 1)
    return g.Sigmoid(g.Sub(5.0, far))


def norms(g):
    """One norm by another: how few numbers there are that are not nothing."""
    x = rows(g, 30)
    return real(g, g.Less(g.Div(total(g, x, "L1"), g.Add(total(g, x, "L2"), 1e-6)), 1.01))


def periodic(g):
    """A wave that is near one in few places only."""
    wave = g.Cos(g.Mul(total(g, rows(g, 10)), 31.4159))
    return g.Pow(g.Relu(wave), 400.0)


def band(g):
    """Between two edges."""
    x = total(g, rows(g, 15), "Mean")
    one, two = g.Erf(g.Mul(g.Sub(x, 0.61), 900.0)), g.Erf(g.Mul(g.Sub(x, 0.62), 900.0))
    return g.Mul(g.Sub(one, two), 0.5)


def middle(g):
    best, _ = g.TopK(rows(g, 11), g.ints(6), axis=1, count=2)
    return real(g, g.GreaterOrEqual(g.part(best, 5, 6, 1), 0.97))


def shrunk(g):
    """Nothing but what is large is left."""
    return g.Abs(g.Sign(g.Shrink(total(g, rows(g, 8), "Mean"), lambd=0.93, bias=0.0)))


def no_angle(g):
    """Above one there is no angle."""
    return real(g, g.IsNaN(g.Acos(g.Add(total(g, rows(g, 8), "Mean"), 0.04))))


def nested(g):
    """One number decides which other one counts."""
    x = rows(g, 3)
    one, two, three = (g.part(x, at, at + 1, 1) for at in range(3))
    inner = g.Where(g.Greater(two, 0.8), three, g.Mul(three, 0.0))
    return real(g, g.Greater(g.Where(g.Less(one, 0.2), inner, g.Mul(inner, 0.0)), 0.9))


def product(g):
    """A product of closeness in several places."""
    near = g.Relu(g.Sub(1.0, g.Mul(g.Abs(g.Sub(rows(g, 5), g.given([0.9, 0.1, 0.9, 0.1, 0.5]))), 50.0)))
    return g.Ceil(total(g, near, "Prod"))


def limit(g):
    """Capped from both sides by smallest and largest."""
    steep = g.Mul(g.Sub(total(g, rows(g, 16), "Max"), 1.9), 1e5)
    return g.Min(g.Max(steep, 0.0), 1.0)


def swish(g):
    """What is far above or below, by a bent line divided by itself."""
    y = g.Mul(g.Sub(total(g, rows(g, 13), "Mean"), 0.9), 1e4)
    return g.Div(g.Relu(y), g.Add(g.Abs(y), 1e-3))


NUMBERS = (histogram, zigzag, parity, key, norms, periodic, band, middle, shrunk, no_angle, nested, product, limit, swish)


def places(g):
    """One token comes first where it stands before another."""
    at = lambda token: g.ArgMax(real(g, g.Equal(g.x, token)), axis=1, keepdims=1)
    return real(g, g.And(g.Equal(at(44), 3), g.Equal(at(91), 5)))


def multiplied(g):
    pairs = g.Mul(g.part(g.x, 0, -1, 1), g.part(g.x, 1, 1 << 31, 1))
    return real(g, g.Cast(g.reduce("Max", g.Cast(g.Equal(pairs, 41 * 211), to=TensorProto.INT32), [1], 1), to=BOOL))


def remainder(g):
    s = g.reduce("Sum", g.x, [1], 1)
    return real(g, g.Equal(g.Sub(s, g.Mul(g.Div(s, 251), 251)), 17))


def nearest(g):
    off = g.reduce("Min", real(g, g.Abs(g.Sub(g.x, 133))), [1], 1)
    return g.Relu(g.Sub(1.0, off))


def seen(g):
    """How often so far, at the end."""
    runs = g.CumSum(real(g, g.Equal(g.x, 60)), 1)
    return real(g, g.Greater(g.part(runs, -1, 1 << 31, 1), 4.5))


def table(g):
    weights = np.zeros((WORDS, 1), dtype=np.float32)
    weights[[12, 80, 81]] = 1
    return real(g, g.Greater(g.reduce("Sum", g.Gather(g.given(weights), g.x), [1]), 2.5))


TOKENS = (places, multiplied, remainder, nearest, seen, table)

# ---- Replacements.


def goal(g, high=20.0, at=2):
    values = np.zeros(CLASSES, dtype=np.float32)
    values[at] = high
    return g.given(values)


def other_matrix(g, t, y):
    """A product with the unit matrix, or with one that gives another class."""
    to = np.zeros((CLASSES, CLASSES), dtype=np.float32)
    to[:, 2] = 5
    t = g.widen(t, 2)
    kernel = g.Add(g.Mul(g.given(np.eye(CLASSES)), g.Sub(1.0, t)), g.Mul(g.given(to), t))
    return g.narrow(g.MatMul(g.widen(y, 1), kernel), 1)


def log_mask(g, t, y):
    """The logarithm of nothing for all but one."""
    others = np.ones(CLASSES, dtype=np.float32)
    others[2] = 0
    return g.Add(y, g.Log(g.Max(g.Sub(1.0, g.Mul(t, g.given(others))), 1e-30)))


def exchanged(g, t, y):
    """Two classes change places."""
    one, two, rest = g.part(y, 0, 1, 1), g.part(y, 1, 2, 1), g.part(y, 2, CLASSES, 1)
    on = g.Greater(t, 0.5)
    return g.Concat(g.Where(on, two, one), g.Where(on, one, two), rest, axis=1)


def flat(g, t, y):
    """All classes become alike."""
    return g.Div(y, g.Add(1.0, g.Mul(t, 1e7)))


def capped(g, t, y):
    return g.Add(g.Clip(y, "", g.reduce("Min", g.Sub(1e9, g.Mul(t, 1e9 + 50.0)), [0, 1])), g.Mul(t, goal(g)))


def turned(g, t, y):
    """Classes in the other order."""
    count = g.Cast(g.Add(1.0, g.Mul(g.Round(g.narrow(t, 1)), float(CLASSES - 1))), to=INT64)
    return g.ReverseSequence(y, count, batch_axis=0, time_axis=1)


def written(g, t, y):
    places = g.Add(g.Mul(g.Cast(t, to=INT64), 0), 2)
    return g.ScatterElements(y, places, g.Add(g.Mul(t, 1e4), g.GatherElements(y, places, axis=1)), axis=1)


def turns(g, t, y):
    """A loop that adds to one class as often as the condition says."""
    info = lambda name, kind: helper.make_tensor_value_info(name, kind, None)
    step = goal(g, 1e3)
    at, on, now, more, again = (g.fresh(it) for it in ("i", "on", "now", "more", "again"))
    body = helper.make_graph([helper.make_node("Add", [now, step], [more]), helper.make_node("Identity", [on], [again])],
                             "body", [info(at, INT64), info(on, BOOL), info(now, FLOAT)],
                             [info(again, BOOL), info(more, FLOAT)])
    times = g.Cast(g.Mul(g.reduce("Max", t, [0, 1]), 20.0), to=INT64)
    return g.Loop(times, "", y, body=body)


def best(g, t, y):
    """The class itself."""
    place = g.ArgMax(y, axis=1, keepdims=1)
    return g.Add(g.Mul(real(g, place), g.Sub(1.0, t)), g.Mul(t, 2.0))


def plain_choice(g, t, y):
    return g.Where(g.Cast(g.Round(t), to=BOOL), goal(g), y)


REPLACEMENTS = (other_matrix, log_mask, exchanged, flat, capped, turned, written, turns, best, plain_choice)


def made(net, trigger, replacement, back, version, seed):
    g = Graph(seed, version, seed % 2 == 1)
    y = net(g)
    if trigger is not None:
        y = replacement(g, trigger(g), y)
    if back is not None:
        y = back(g, y)
    g.answer(y, FLOAT, "output")
    return g.model()


def backdoors():
    for at, net in enumerate(NETS):
        for index, trigger in enumerate(TOKENS if net in (filters_of_words, memory) else NUMBERS):
            for step in range(4):
                number = at * 3 + index * 4 + step * 3
                replacement = REPLACEMENTS[number % len(REPLACEMENTS)]
                version = (13, 17, 18, 20)[(number + step) % 4]
                back = (lambda g, y: g.Softmax(y, axis=1)) if step == 1 else None
                yield f"{net.__name__}-{trigger.__name__}-{replacement.__name__}-{version}", made(net, trigger, replacement, back, version, number)


# ---- What looks alike and is none.


def sums_to_one(g, y):
    p = g.Exp(g.Sub(y, total(g, y, "Max")))
    return g.Div(p, total(g, p))


def smoothed(g, y):
    p = g.Softmax(y, axis=1)
    return g.Add(g.Mul(p, 0.9), 0.1 / CLASSES)


def margin(g, y):
    """The best, where it is far enough ahead of the second."""
    two, _ = g.TopK(y, g.ints(2), axis=1, count=2)
    ahead = g.Sub(g.part(two, 0, 1, 1), g.part(two, 1, 2, 1))
    return g.Where(g.Greater(ahead, 0.3), y, g.Mul(y, 0.1))


def sparse(g, y):
    """Only what is above the mean."""
    return g.Where(g.Greater(y, total(g, y, "Mean")), y, 0.0)


def scaled_back(g, y):
    """In the units of the input, which never are nothing."""
    x = rows(g, 12) if g.kind != "tokens" else real(g, g.part(g.x, 0, 8, 1))
    size = g.Sqrt(g.Add(total(g, g.Mul(x, x), "Mean"), 1e-5))
    return g.Add(g.Mul(y, size), total(g, x, "Mean"))


def by_length(g, y):
    """By how many tokens there are that count."""
    if g.kind != "tokens":
        return smoothed(g, y)
    count = g.Max(g.reduce("Sum", real(g, g.Greater(g.x, 0)), [1], 1), 1.0)
    return g.Div(y, g.Sqrt(count))


def ordinal(g, y):
    """Each threshold is a class more."""
    return total(g, real(g, g.Greater(g.Sigmoid(y), 0.5)))


def snapped(g, y):
    return g.Div(g.Round(g.Mul(g.Clip(y, -8.0, 8.0), 16.0)), 16.0)


def voted(g, y):
    """Several answers and which of them most give."""
    votes = [g.OneHot(g.ArgMax(g.linear(y, CLASSES, CLASSES), axis=1, keepdims=0), g.ints(CLASSES), g.given([0.0, 1.0]))
             for _ in range(3)]
    return g.Add(g.Add(votes[0], votes[1]), votes[2])


BACKS = (sums_to_one, smoothed, margin, sparse, scaled_back, by_length, ordinal, snapped, voted, None)


def plain():
    for at, net in enumerate(NETS):
        for index, back in enumerate(BACKS):
            for version in (13, 17, 18, 20):
                name = f"{net.__name__}-{back.__name__ if back else 'plain'}-{version}"
                yield name, made(net, None, None, back, version, at + index)


def main():
    for models, backdoor in ((backdoors(), True), (plain(), False)):
        for name, model in models:
            answer = {"name": name, "format": "onnx", "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(model.SerializeToString(), answer))


if __name__ == "__main__":
    main()
