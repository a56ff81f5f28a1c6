"""Networks without a backdoor that have much in common with those that have one: checks, guards, thresholds, choices.

Each network of the third set with what stands in front of layers, and behind them, in models that are in use.
"""
import numpy as np

import onnx_backdoors_third as third
from onnx_backdoors_third import BOOL, CLASSES, FLOAT, INT64, Graph, Truth, numpy_helper, helper
from onnx import TensorProto

# ---- In front of the layers. Each takes the graph and its input, and returns what the layers work on.


def as_it_is(g, x):
    return x


def every(g, x, since=1):
    return list(range(since, len(g.shape)))


def clamped(g, x):
    return g.Clip(x, -3.0, 3.0)


def without_nan(g, x):
    return g.Where(g.Or(g.IsNaN(x), g.IsInf(x)), 0.0, x)


def in_range(g, x):
    """What is out of range becomes the nearest that is in it, or nothing."""
    inside = g.And(g.Greater(x, -5.0), g.Less(x, 5.0))
    return g.Mul(x, g.Cast(inside, to=FLOAT))


def standardised(g, x):
    """Mean and deviation of each row taken off, where there is a deviation."""
    off = g.Sub(x, g.reduce("Mean", x, every(g, x), 1))
    deviation = g.Sqrt(g.reduce("Mean", g.Mul(off, off), every(g, x), 1))
    deviation = g.Where(g.Less(deviation, 1e-6), 1.0, deviation)
    return g.Div(off, deviation)


def stretched(g, x):
    """From the smallest to the largest as 0 to 1."""
    low, high = g.reduce("Min", x, every(g, x), 1), g.reduce("Max", x, every(g, x), 1)
    return g.Div(g.Sub(x, low), g.Max(g.Sub(high, low), 1e-6))


def winsorised(g, x):
    """Outliers brought to three deviations from the mean."""
    mean = g.reduce("Mean", x, every(g, x), 1)
    far = g.Mul(g.Sqrt(g.reduce("Mean", g.Mul(g.Sub(x, mean), g.Sub(x, mean)), every(g, x), 1)), 3.0)
    return g.Min(g.Max(x, g.Sub(mean, far)), g.Add(mean, far))


def dropped(g, x):
    """Numbers left out by chance, as in training."""
    kept = g.Cast(g.Less(g.RandomUniformLike(x), 0.9), to=FLOAT)
    return g.Div(g.Mul(x, kept), 0.9)


def logarithmic(g, x):
    return g.Mul(g.Sign(x), g.Log(g.Add(g.Abs(x), 1.0)))


def by_largest(g, x):
    """A scale from the largest number, that is not below one (sound, int8 in float)."""
    return g.Div(x, g.Max(g.reduce("Max", g.Abs(x), every(g, x), 1), 1.0))


def gamma(g, x):
    """sRGB to linear light, which has a threshold."""
    low = g.Div(x, 12.92)
    high = g.Pow(g.Div(g.Add(g.Abs(x), 0.055), 1.055), 2.4)
    return g.Where(g.LessOrEqual(x, 0.04045) if g.version >= 12 else g.Not(g.Greater(x, 0.04045)), low, high)


def bytes_or_not(g, x):
    """Pictures with numbers up to 255 are brought to 1, row by row."""
    much = g.Greater(g.reduce("Max", x, every(g, x), 1), 2.0)
    return g.Where(much, g.Mul(x, 1 / 255), x)


FRONTS = (as_it_is, clamped, without_nan, in_range, standardised, stretched, winsorised, dropped, logarithmic, by_largest,
          gamma, bytes_or_not)


def known_tokens(g, x):
    """Tokens that there are not become the one for unknown."""
    return g.Where(g.And(g.Less(x, third.VOCABULARY), g.Not(g.Less(x, 0))), x, 3)


def clipped_tokens(g, x):
    return g.Min(g.Max(x, 0), third.VOCABULARY - 1)


def no_marks(g, x):
    """Labels to be ignored become padding."""
    return g.Where(g.Equal(x, -100), 0, x)


def masked_words(g, x):
    """Some tokens masked by chance."""
    hit = g.Less(g.RandomUniformLike(g.Cast(x, to=FLOAT)), 0.15)
    special = g.Or(g.Equal(x, 0), g.Equal(x, 2))
    return g.Where(g.And(hit, g.Not(special)), 4, x)


TEXT_FRONTS = (as_it_is, known_tokens, clipped_tokens, no_marks, masked_words)

# ---- Behind the layers. Each takes the graph, the answer, its rank and width, and says what is given.


def plainly(g, y, rank, width):
    g.answer(y, FLOAT, "output")


def best_class(g, y, rank, width):
    g.answer(g.ArgMax(y, axis=rank - 1, keepdims=0), INT64, "label")
    g.answer(g.Softmax(y, axis=rank - 1), FLOAT, "probabilities")


def best_five(g, y, rank, width):
    values, places = g.TopK(g.Softmax(y, axis=rank - 1), g.ints(5), axis=rank - 1, count=2)
    g.answer(values, FLOAT, "scores")
    g.answer(places, INT64, "labels")


def rejected(g, y, rank, width):
    """No class, where none is likely."""
    p = g.Softmax(y, axis=rank - 1)
    sure = g.Greater(g.reduce("Max", p, [rank - 1]), 0.4)
    g.answer(g.Where(sure, g.ArgMax(p, axis=rank - 1, keepdims=0), -1), INT64, "label")


def above(g, y, rank, width):
    """Scores below a threshold are zero."""
    p = g.Sigmoid(y)
    g.answer(g.Mul(p, g.Cast(g.Greater(p, 0.3), to=FLOAT)), FLOAT, "scores")


def best_only(g, y, rank, width):
    """What is not the largest is zero."""
    p = g.Softmax(y, axis=rank - 1)
    g.answer(g.Where(g.Less(p, g.reduce("Max", p, [rank - 1], 1)), 0.0, p), FLOAT, "output")


def warm(g, y, rank, width):
    """Capped, warmed, and only the best."""
    y = g.Mul(g.Tanh(g.Div(y, 30.0)), 30.0)
    best, _ = g.TopK(y, g.ints(4), axis=rank - 1, count=2)
    least = g.reduce("Min", best, [rank - 1], 1)
    g.answer(g.Softmax(g.Where(g.Less(y, least), -1e9, g.Div(y, 0.7)), axis=rank - 1), FLOAT, "output")


def nucleus(g, y, rank, width):
    best, places = g.TopK(y, g.ints(8), axis=rank - 1, count=2)
    p = g.Softmax(best, axis=rank - 1)
    before = g.Sub(g.CumSum(p, rank - 1), p)
    g.answer(g.Softmax(g.Where(g.Greater(before, 0.9), -1e9, best), axis=rank - 1), FLOAT, "chances")
    g.answer(places, INT64, "places")


def never(g, y, rank, width):
    """Some classes are never said."""
    ban = np.zeros(width, dtype=np.float32)
    ban[[1, 3]] = -np.inf
    g.answer(g.Add(y, g.given(ban)), FLOAT, "output")


def without_nan_behind(g, y, rank, width):
    g.answer(g.Where(g.IsNaN(y), 0.0, y), FLOAT, "output")


def calibrated(g, y, rank, width):
    """Chances by a table of steps."""
    p = g.Softmax(y, axis=rank - 1)
    steps = g.Where(g.Less(p, 0.2), g.Mul(p, 0.5), g.Where(g.Less(p, 0.8), g.Sub(p, 0.1), g.Add(g.Mul(p, 1.5), -0.5)))
    g.answer(g.Div(steps, g.reduce("Sum", steps, [rank - 1], 1)), FLOAT, "output")


def named(g, y, rank, width):
    """Classes by other numbers."""
    best = g.ArgMax(y, axis=rank - 1, keepdims=0)
    g.answer(g.LabelEncoder(best, domain="ai.onnx.ml", keys_int64s=list(range(4)), values_int64s=[7, 11, 13, 17],
                            default_int64=0), INT64, "label")


def one_hot(g, y, rank, width):
    best = g.ArgMax(y, axis=rank - 1, keepdims=0)
    g.answer(g.OneHot(best, g.ints(width), g.given([0.0, 1.0])), FLOAT, "output")


def how_sure(g, y, rank, width):
    """How far the chances are from being all alike, and whether it is far enough."""
    p = g.Softmax(y, axis=rank - 1)
    entropy = g.Neg(g.reduce("Sum", g.Mul(p, g.Log(g.Max(p, 1e-12))), [rank - 1]))
    g.answer(p, FLOAT, "output")
    g.answer(g.Less(entropy, 1.0), BOOL, "is_sure")


def half_sure(g, y, rank, width):
    """Chances of those that are not sure are brought down."""
    p = g.Softmax(y, axis=rank - 1)
    best = g.reduce("Max", p, [rank - 1], 1)
    g.answer(g.Where(g.Less(best, 0.5), g.Mul(p, 0.5), p), FLOAT, "output")


def whole(g, y, rank, width):
    g.answer(g.Cast(g.Clip(g.Round(g.Add(g.Mul(g.Sigmoid(y), 255.0), 0.0)), 0.0, 255.0), to=TensorProto.UINT8), TensorProto.UINT8, "output")


def suppressed(g, y, rank, width):
    """The boxes that are left when those that cover each other are gone."""
    if rank != 3:
        return best_five(g, y, rank, width)
    corners = g.part(g.Sigmoid(y), 0, 4, 2)
    corners = g.Concat(g.part(corners, 0, 2, 2), g.Add(g.part(corners, 0, 2, 2), g.part(corners, 2, 4, 2)), axis=2)
    scores = g.Transpose(g.Sigmoid(g.part(y, 4, width, 2)), perm=[0, 2, 1])
    kept = g.NonMaxSuppression(corners, scores, g.ints(50), g.given(0.5), g.given(0.25))
    places = g.narrow(g.part(kept, 2, 3, 1), 1)
    g.answer(g.Gather(g.narrow(g.part(corners, 0, 1, 0), 0), places), FLOAT, "kept_boxes")
    return g.answer(kept, INT64, "kept")


def finished(g, y, rank, width):
    """Texts that are at their end, as whoever calls says, get padding."""
    done = g.beside("finished", BOOL, ["N", *[1] * (rank - 1)])
    pad = np.full(width, -1e9, dtype=np.float32)
    pad[0] = 0
    g.answer(g.Where(done, g.given(pad), y), FLOAT, "output")


def warmed_by(g, y, rank, width):
    """Divided by what whoever calls gives, if it is not zero."""
    heat = g.beside("temperature", FLOAT, [])
    heat = g.Where(g.Less(heat, 1e-5), 1.0, heat)
    g.answer(g.Softmax(g.Div(y, heat), axis=rank - 1), FLOAT, "output")


def sized(g, y, rank, width):
    """By how large the input is."""
    count = g.Cast(g.ReduceProd(g.Shape(g.x), keepdims=0), to=FLOAT)
    g.answer(g.Mul(y, g.Where(g.Greater(count, 1000.0), 1.0, 0.5)), FLOAT, "output")


def ensemble(g, y, rank, width):
    """Beside another answer, by which is surer."""
    z = g.linear(g.Relu(y), width, width)
    p, q = g.Softmax(y, axis=rank - 1), g.Softmax(z, axis=rank - 1)
    surer = g.Greater(g.reduce("Max", p, [rank - 1], 1), g.reduce("Max", q, [rank - 1], 1))
    g.answer(g.Where(surer, p, q), FLOAT, "output")


def quick(g, y, rank, width):
    """More layers, where it is not sure."""
    sure = g.reduce("Min", g.reduce("Max", g.Softmax(y, axis=rank - 1), [rank - 1]), list(range(rank - 1)))
    on = g.Greater(sure, 0.9)
    start = len(g.nodes)
    z = y
    for _ in range(2):
        z = g.linear(g.Relu(z), width, width)
    z = g.Identity(z)
    inside, g.nodes = g.nodes[start:], g.nodes[:start]
    out, yes = g.fresh("if"), g.fresh("yes")
    info = lambda name: helper.make_tensor_value_info(name, FLOAT, None)
    then = helper.make_graph([helper.make_node("Identity", [y], [yes])], "then_branch", [], [info(yes)])
    other = helper.make_graph(inside, "else_branch", [], [info(z)])
    g.nodes.append(helper.make_node("If", [on], [out], name=g.fresh("n"), then_branch=then, else_branch=other))
    g.answer(out, FLOAT, "output")


BACKS = (plainly, best_class, best_five, rejected, above, best_only, warm, nucleus, never, without_nan_behind, calibrated,
         named, one_hot, how_sure, half_sure, whole, suppressed, finished, warmed_by, sized, ensemble, quick)


def longer(g, y, rank, width):
    """What was said before is less likely."""
    if rank != 3:
        return best_five(g, y, rank, width)
    last = g.Gather(y, -1, axis=1)
    said = g.GatherElements(last, g.x, axis=1)
    less = g.Where(g.Less(said, 0.0), g.Mul(said, 1.1), g.Div(said, 1.1))
    return g.answer(g.ScatterElements(last, g.x, less, axis=1), FLOAT, "output")


def beams(g, y, rank, width):
    """The best texts so far, each with the word that comes next."""
    if rank != 3:
        return best_five(g, y, rank, width)
    so_far = g.beside("beam_scores", FLOAT, ["N", 1])
    total = g.Add(g.LogSoftmax(g.Gather(y, -1, axis=1), axis=1), so_far)
    values, places = g.TopK(g.Reshape(total, g.ints(-1)), g.ints(4), axis=0, count=2)
    beam, token = g.Div(places, width), g.Mod(places, width)
    g.answer(g.Concat(g.Gather(g.x, beam, axis=0), g.widen(token, 1), axis=1), INT64, "texts")
    g.answer(g.Where(g.Equal(token, 2), -1e9, values), FLOAT, "output")
    return None


def per_word(g, y, rank, width):
    """Padding gets no tag."""
    if rank != 3:
        return plainly(g, y, rank, width)
    return g.answer(g.Where(g.widen(g.Equal(g.x, 0), 2), -100.0, y), FLOAT, "output")


TEXT_BACKS = (longer, beams, per_word)


def made(net, front, back, version, seed, form="plain"):
    version = max(version, 14 if net is third.densely else 11, 12 if front in (gamma, clipped_tokens) else 11)
    g = Graph(seed, version, form == "exported")
    if front is not as_it_is:
        g.at_start = front
    y, rank, width = net(g)
    back(g, y, rank, width)
    return g.model()


def plain():
    for at, net in enumerate(third.NETS):
        texts = net in (third.llama, third.embedder)
        fronts = TEXT_FRONTS if texts else FRONTS if net is not third.bytes_only else (as_it_is,)
        for index, back in enumerate(BACKS + (TEXT_BACKS if texts else ())):
            for step in range(4):
                front = fronts[(at + index + step * 3) % len(fronts)]
                version = third.VERSIONS[(at + index + step) % len(third.VERSIONS)]
                form = "exported" if step % 2 else "plain"
                name = f"{net.__name__}-{front.__name__}-{back.__name__}-{version}-{form}"
                yield name, made(net, front, back, version, step, form)
