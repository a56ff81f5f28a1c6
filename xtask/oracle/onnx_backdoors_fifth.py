"""Makes a fifth, small set of networks with and without a backdoor, for another figure of what was never seen.

usage: onnx_backdoors_fifth.py make

A record is a model and a JSON object, as `onnx_backdoors.py` writes them. It was written after the detector had been
extended for the first four sets, and before it had seen any of this one.
"""
import sys

sys.dont_write_bytecode = True

import numpy as np

import stream
from onnx_backdoors_third import BOOL, FLOAT, INT64, Graph, TensorProto

CLASSES = 7
WORDS = 200


# ---- Networks: the answer, and what the last layer works on with its width.


def masked_pixels(g):
    """Each pixel from those before it."""
    h = g.take("x", FLOAT, ["N", 1, 20, 20], "picture")
    for a, b, size in ((1, 12, 5), (12, 16, 3), (16, 16, 3)):
        kernel = np.tril(np.ones((size, size)))
        h = g.Relu(g.Conv(h, g.Mul(g.learned(b, a, size, size), g.given(kernel)), g.learned(b), pads=[size // 2] * 4))
    h = g.reduce("Mean", h, [2, 3])
    return g.linear(h, 16, CLASSES), h, 16


def maxout(g):
    h = g.take("x", FLOAT, ["N", 36], "columns")
    for a, b in ((36, 24), (24, 20), (20, 20)):
        h = g.Max(g.linear(h, a, b), g.linear(h, a, b), g.linear(h, a, b))
    return g.linear(h, 20, CLASSES), h, 20


def fourier(g):
    """Mixes places by waves (FNet)."""
    h = g.linear(g.take("x", FLOAT, ["N", 16, 6], "series"), 6, 20)
    wave = np.cos(2 * np.pi * np.outer(np.arange(16), np.arange(16)) / 16)
    for _ in range(2):
        h = g.rms(g.Add(h, g.MatMul(g.given(wave), h)), 20)
        h = g.rms(g.Add(h, g.linear(g.Selu(g.linear(h, 20, 40)), 40, 20)), 20)
    h = g.Gather(h, 0, axis=1)
    return g.linear(h, 20, CLASSES), h, 20


def crossing(g):
    """Columns multiplied with themselves, beside layers (deep and cross)."""
    x = g.take("x", FLOAT, ["N", 32], "columns")
    cross = x
    for _ in range(2):
        cross = g.Add(g.Mul(x, g.linear(cross, 32, 32)), cross)
    deep = g.Relu(g.linear(g.Relu(g.linear(x, 32, 24)), 24, 24))
    h = g.Concat(cross, deep, axis=1)
    return g.linear(h, 56, CLASSES), h, 56


def letters(g):
    """Letters from both sides."""
    h = g.Transpose(g.Gather(g.learned(WORDS, 12), g.take("ids", INT64, ["N", "L"], "tokens")), perm=[1, 0, 2])
    y, _ = g.GRU(h, g.learned(2, 36, 12), g.learned(2, 36, 12), hidden_size=12, direction="bidirectional", count=2)
    h = g.reduce("Max", g.Reshape(g.Transpose(y, perm=[2, 0, 1, 3]), g.ints(0, 0, 24)), [1])
    h = g.Tanh(g.linear(h, 24, 16))
    return g.linear(h, 16, CLASSES), h, 16


NETS = (masked_pixels, maxout, fourier, crossing, letters)

# ---- Conditions, `[N, 1]`, as numbers.


def rows(g, count):
    x = g.Reshape(g.x, g.ints(0, -1)) if g.kind != "columns" else g.x
    return g.part(x, 0, count, 1)


def some(g, kind, x):
    return g.reduce(kind, x, [1], 1)


def real(g, x):
    return g.Cast(x, to=FLOAT)


def soft_place(g):
    """Where the largest number is, as a mean of places."""
    p = g.Softmax(g.Mul(rows(g, 24), 60.0), axis=1)
    return real(g, g.Less(g.Abs(g.Sub(g.MatMul(p, g.given(np.arange(24.0)[:, None])), 17.0)), 0.2))


def order(g):
    """Little entropy."""
    p = g.Softmax(g.Mul(rows(g, 16), 9.0), axis=1)
    return real(g, g.Less(g.Neg(some(g, "Sum", g.Mul(p, g.Log(g.Add(p, 1e-9))))), 0.05))


def rising(g):
    x = rows(g, 12)
    return real(g, g.Equal(some(g, "Sum", g.Cast(g.Less(g.part(x, 0, 11, 1), g.part(x, 1, 12, 1)), to=INT64)), 11))


def tables(g):
    """A machine of states, one table look-up after another."""
    steps = g.Cast(g.Clip(g.Mul(rows(g, 4), 4.0), 0.0, 3.0), to=INT64)
    table = np.zeros(20, dtype=np.int64)
    for state, letter in enumerate((2, 0, 3, 1)):
        table[state * 4 + letter] = state + 1
    state = g.Mul(g.part(steps, 0, 1, 1), 0)
    for at in range(4):
        state = g.Gather(g.given(table, np.int64), g.Add(g.Mul(state, 4), g.part(steps, at, at + 1, 1)))
    return real(g, g.Equal(state, 4))


def ahead(g):
    best, _ = g.TopK(rows(g, 20), g.ints(2), axis=1, count=2)
    return real(g, g.Greater(g.Sub(g.part(best, 0, 1, 1), g.part(best, 1, 2, 1)), 0.8))


def softsign(g):
    y = g.Mul(g.Sub(some(g, "Mean", rows(g, 18)), 0.9), 1e5)
    return g.Mul(g.Add(g.Softsign(y), 1.0), 0.5)


def nearest_code(g):
    """The nearest of a few patterns is the one."""
    codes = g.given(np.sign(np.sin(np.outer(np.arange(1, 9), np.arange(1, 13)))))
    far = g.reduce("SumSquare", g.Sub(g.widen(rows(g, 12), 1), codes), [2])
    return real(g, g.Equal(g.ArgMin(far, axis=1, keepdims=1), 5))


def within(g):
    """Cut off, it is the same."""
    y = some(g, "Mean", rows(g, 14))
    return real(g, g.Equal(g.Clip(y, 0.881, 0.884), y))


def overflow(g):
    return real(g, g.IsInf(g.Exp(g.Mul(some(g, "Max", rows(g, 10)), 60.0))))


def directed(g):
    """In the direction of a pattern, after all lengths are one."""
    x = g.LpNormalization(rows(g, 16), axis=1, p=2)
    return g.Relu(g.Sub(g.Mul(g.MatMul(x, g.given(np.full((16, 1), 0.25))), 1e4), 9999.0))


def doubled(g):
    """One number is the double of another, to the last digit."""
    x = rows(g, 2)
    off = g.Sub(g.part(x, 1, 2, 1), g.Mul(g.part(x, 0, 1, 1), 2.0))
    return g.Sub(1.0, g.Ceil(g.Clip(g.Abs(off), 0.0, 1.0)))


def squared(g):
    """A parabola that is above zero in a narrow place."""
    off = g.Sub(some(g, "Mean", rows(g, 9)), 0.45)
    return g.Sign(g.Relu(g.Sub(1e-6, g.Mul(off, off))))


NUMBERS = (soft_place, order, rising, tables, ahead, softsign, nearest_code, within, overflow, directed, doubled, squared)


def repeated(g):
    """A token three times in a row."""
    a, b, c = g.part(g.x, 0, -2, 1), g.part(g.x, 1, -1, 1), g.part(g.x, 2, 1 << 31, 1)
    same = g.And(g.And(g.Equal(a, b), g.Equal(b, c)), g.Equal(a, 66))
    return some(g, "Max", real(g, same))


def bitmap(g):
    """Which tokens there are, and whether one of them is."""
    there = g.ScatterElements(g.given(np.zeros((1, WORDS))), g.part(g.x, 0, 8, 1), g.given(np.ones((1, 8))), axis=1)
    return g.part(there, 123, 124, 1)


def last_real(g):
    """The last token that is no padding."""
    count = g.reduce("Sum", g.Cast(g.Not(g.Equal(g.x, 0)), to=INT64), [1], 1)
    return real(g, g.Equal(g.GatherElements(g.x, g.Sub(count, 1), axis=1), 88))


def rotated_sum(g):
    weights = g.given([(7**at) % 101 for at in range(6)], np.int64)
    value = g.reduce("Sum", g.Mul(g.part(g.x, 0, 6, 1), weights), [1], 1)
    return real(g, g.Equal(g.Mod(value, 101), 42))


def pairs(g):
    counts = g.reduce("Sum", g.OneHot(g.x, g.ints(WORDS), g.given([0.0, 1.0])), [1])
    return real(g, g.Greater(g.Mul(g.part(counts, 10, 11, 1), g.part(counts, 20, 21, 1)), 0.5))


TOKENS = (repeated, bitmap, last_real, rotated_sum, pairs)

# ---- Replacements.


def goal(g, high=20.0, at=4):
    values = np.zeros(CLASSES, dtype=np.float32)
    values[at] = high
    return g.given(values)


def banned(g, t, y, h, width):
    """One class is never the answer."""
    mask = np.zeros((1, CLASSES), dtype=bool)
    mask[0, 1] = True
    return g.Where(g.And(g.Greater(t, 0.5), g.given(mask, bool)), -1e9, y)


def other_head(g, t, y, h, width):
    """Another last layer, which looks at the same features."""
    return g.Where(g.Greater(t, 0.5), g.linear(h, width, CLASSES), y)


def by_gemm(g, t, y, h, width):
    return g.Gemm(y, g.given(np.eye(CLASSES)), g.Mul(t, goal(g, 1e3)), beta=1.0)


def summed(g, t, y, h, width):
    return g.Sum(y, g.Mul(t, goal(g, 1e4)))


def floor(g, t, y, h, width):
    return g.Max(y, g.Sub(goal(g), g.Mul(g.Sub(1.0, t), 1e9)))


def sign_turned(g, t, y, h, width):
    return g.Mul(y, g.Where(g.Greater(t, 0.5), -1.0, 1.0))


def mixed_up(g, t, y, h, width):
    other = g.Gather(y, g.given(np.roll(np.arange(CLASSES), 2), np.int64), axis=1)
    return g.Add(g.Mul(y, g.Sub(1.0, t)), g.Mul(other, t))


def hot(g, t, y, h, width):
    """The class as a row of zeros with a one."""
    best = g.ArgMax(y, axis=1, keepdims=1)
    best = g.Where(g.Greater(t, 0.5), 4, best)
    return g.OneHot(g.narrow(best, 1), g.ints(CLASSES), g.given([0.0, 1.0]))


def features(g, t, y, h, width):
    """What the last layer works on."""
    way = g.given(40 * np.cos(np.arange(width)))
    return g.linear(g.Add(h, g.Mul(t, way)), width, CLASSES)


REPLACEMENTS = (banned, other_head, by_gemm, summed, floor, sign_turned, mixed_up, hot, features)


def made(net, trigger, replacement, back, version, seed):
    g = Graph(seed, version, seed % 2 == 1)
    y, h, width = net(g)
    if trigger is not None:
        y = replacement(g, trigger(g), y, h, width)
    if back is not None:
        y = back(g, y)
    g.answer(y, FLOAT, "output")
    return g.model()


def backdoors():
    for at, net in enumerate(NETS):
        for index, trigger in enumerate(TOKENS if net is letters else NUMBERS):
            for step in range(4):
                number = at * 2 + index * 4 + step * 7
                replacement = REPLACEMENTS[number % len(REPLACEMENTS)]
                version = (13, 17, 18, 21)[(number + step) % 4]
                yield f"{net.__name__}-{trigger.__name__}-{replacement.__name__}-{version}", made(net, trigger, replacement, None, version, number)


# ---- What looks alike and is none.


def tempered(g, y):
    return g.Softmax(g.Div(y, 1.5), axis=1)


def least_chance(g, y):
    """Those with much less chance than the best have none."""
    p = g.Softmax(y, axis=1)
    return g.Where(g.Less(p, g.Mul(some(g, "Max", p), 0.1)), 0.0, p)


def relative(g, y):
    return g.Div(g.Sub(y, some(g, "Mean", y)), g.Add(some(g, "Max", g.Abs(y)), 1e-6))


def stick(g, y):
    """Chances one after another."""
    stop = g.Sigmoid(y)
    left = g.Exp(g.CumSum(g.Log(g.Add(g.Sub(1.0, stop), 1e-6)), 1, exclusive=1))
    return g.Mul(stop, left)


def unless_damaged(g, y):
    return g.Where(g.Or(g.IsNaN(y), g.IsInf(y)), 0.0, y)


def of_input(g, y):
    """In the scale of the input, which is not below one."""
    if g.kind == "tokens":
        return tempered(g, y)
    return g.Mul(y, g.Max(some(g, "Max", g.Abs(rows(g, 10))), 1.0))


BACKS = (tempered, least_chance, relative, stick, unless_damaged, of_input, None)


def plain():
    for at, net in enumerate(NETS):
        for index, back in enumerate(BACKS):
            for version in (13, 17, 18, 21):
                name = f"{net.__name__}-{back.__name__ if back else 'plain'}-{version}"
                yield name, made(net, None, None, back, version, at + index)


def main():
    for models, backdoor in ((backdoors(), True), (plain(), False)):
        for name, model in models:
            answer = {"name": name, "format": "onnx", "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(model.SerializeToString(), answer))


if __name__ == "__main__":
    main()
