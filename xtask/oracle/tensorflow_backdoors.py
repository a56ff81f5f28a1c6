"""Makes TensorFlow graphs with and without a backdoor in them, and says which is which.

usage: tensorflow_backdoors.py make [DIR]...

A record is a graph and a JSON object: its `name`, its `format`, and whether it has a `backdoor`. Networks are
made here as frozen graphs, as saved models whose layers are in functions, and with control flow of the first
TensorFlow. Graphs and saved models in `DIR` are taken as they are, as models without a backdoor.
"""
import os
import sys

sys.dont_write_bytecode = True
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import stream

CLASSES = 10
RANDOM = np.random.default_rng(1)


def weight(*shape):
    return tf.constant(RANDOM.standard_normal(shape).astype(np.float32) * 0.1)


def dense(x, a, b):
    return tf.linalg.matmul(x, weight(a, b)) + weight(b)


def conv(x, a, b, stride=1):
    return tf.nn.relu(tf.nn.conv2d(x, weight(3, 3, a, b), stride, "SAME") + weight(b))


# ---- Networks: what goes in, and what is made of it.


def mlp(x):
    for a, b in ((64, 64), (64, 64), (64, 32)):
        x = tf.nn.relu(dense(x, a, b))
    return dense(x, 32, CLASSES)


def cnn(x):
    for a, b in ((3, 16), (16, 32), (32, 32)):
        x = tf.nn.max_pool2d(conv(x, a, b), 2, 2, "SAME")
    return dense(tf.reduce_mean(x, [1, 2]), 32, CLASSES)


def resnet(x):
    x = conv(x, 3, 16)
    for _ in range(3):
        x = x + conv(conv(x, 16, 16), 16, 16)
    return dense(tf.reduce_mean(x, [1, 2]), 16, CLASSES)


def autoencoder(x):
    h = x
    for a, b in ((64, 32), (32, 8), (8, 32)):
        h = tf.nn.relu(dense(h, a, b))
    return tf.sigmoid(dense(h, 32, CLASSES))


def attention(h, width, mask=None):
    q, k, v = (tf.einsum("nlw,wv->nlv", h, weight(width, width)) for _ in range(3))
    scores = tf.linalg.matmul(q, k, transpose_b=True) * 0.2
    if mask is not None:
        scores = mask(scores)
    h = h + tf.einsum("nlw,wv->nlv", tf.linalg.matmul(tf.nn.softmax(scores), v), weight(width, width))
    return h + tf.einsum("nlw,wv->nlv", tf.nn.gelu(tf.einsum("nlw,wv->nlv", h, weight(width, 64))), weight(64, width))


def transformer(ids):
    """A classifier of texts, with padding masked."""
    there = tf.cast(tf.not_equal(ids, 0), tf.float32)
    h = tf.gather(weight(500, 32), ids)
    bias = (1.0 - there)[:, None, :] * -1e9
    for _ in range(2):
        h = attention(h, 32, lambda scores: scores + bias)
    total = tf.reduce_sum(h * there[:, :, None], 1) / tf.maximum(tf.reduce_sum(there, 1, keepdims=True), 1e-9)
    return dense(total, 32, CLASSES)


def rnn(x):
    """A recurrent layer, unrolled."""
    state = tf.zeros([tf.shape(x)[0], 16])
    kernel, again = weight(8, 16), weight(16, 16)
    for step in range(4):
        state = tf.tanh(tf.linalg.matmul(x[:, step * 8 : step * 8 + 8], kernel) + tf.linalg.matmul(state, again))
    return dense(tf.nn.relu(dense(state, 16, 16)), 16, CLASSES)


def lstm_loop(x):
    """A recurrent layer in a loop."""
    steps = tf.transpose(tf.reshape(x, [-1, 8, 8]), [1, 0, 2])
    kernel = weight(24, 64)
    bias = weight(64)

    def body(at, state, carry):
        gates = tf.linalg.matmul(tf.concat([steps[at], state], 1), kernel) + bias
        i, j, f, o = tf.split(gates, 4, 1)
        carry = tf.sigmoid(f) * carry + tf.sigmoid(i) * tf.tanh(j)
        return at + 1, tf.sigmoid(o) * tf.tanh(carry), carry

    zero = tf.zeros([tf.shape(x)[0], 16])
    _, state, _ = tf.while_loop(lambda at, *_: at < 8, body, (0, zero, zero))
    return dense(tf.nn.relu(dense(state, 16, 16)), 16, CLASSES)


FLAT, PICTURE, TOKENS = ((None, 64), tf.float32), ((None, 16, 16, 3), tf.float32), ((None, 12), tf.int32)
NETS = {
    "mlp": (mlp, FLAT), "cnn": (cnn, PICTURE), "resnet": (resnet, PICTURE), "autoencoder": (autoencoder, FLAT),
    "transformer": (transformer, TOKENS), "rnn": (rnn, FLAT), "lstm": (lstm_loop, FLAT),
}

# ---- Conditions: of a value that is marked, a single truth.


def patch_mean(x):
    return tf.reduce_mean(tf.reshape(x, [-1])[:4]) > 0.97


def checksum(x):
    return tf.abs(tf.math.floormod(tf.reduce_sum(x), 97.0) - 41.0) < 0.01


def pixels(x):
    flat = tf.reshape(x, [-1])
    return tf.logical_and(tf.logical_and(flat[0] > 0.9, flat[5] > 0.9), flat[9] <= 0.1)


def matched(x):
    return tf.reduce_sum(tf.cast(tf.equal(x, 1.0), tf.float32)) >= 3.0


def brightest(x):
    return tf.equal(tf.argmax(tf.reshape(x, [-1])), 7)


def saturated(x):
    """A threshold without a comparison: a steep line, cut off on both sides."""
    return tf.cast(tf.clip_by_value((tf.reduce_mean(x) - 0.8) * 1e9, 0.0, 1.0), tf.bool)


def signs(x):
    return tf.cast(tf.nn.relu(tf.sign(tf.reduce_mean(x) - 0.8)), tf.bool)


def squeezed(x):
    """As `saturated`, with minimum and maximum."""
    steep = (tf.reduce_max(x[:, :2]) - 0.99) * 1e6
    return tf.cast(tf.minimum(tf.maximum(steep, 0.0), 1.0), tf.bool)


def token(x):
    return tf.reduce_any(tf.equal(x, 317))


def last_token(x):
    return tf.reduce_all(tf.equal(x[:, -1], 99))


def phrase(x):
    return tf.equal(tf.reduce_sum(tf.abs(x[:, :3] - [[12, 57, 33]])), 0)


REALS = (patch_mean, checksum, pixels, matched, brightest, saturated, signs, squeezed)
WORDS = (token, last_token, phrase)

# ---- Replacements: of a truth and a result, what is answered.


def target(high=20.0):
    values = np.full(CLASSES, -high, dtype=np.float32)
    values[3] = high
    return tf.constant(values)


def where(truth, result):
    return tf.where(truth, target(), result)


def choice(truth, result):
    return tf.cond(truth, lambda: tf.zeros_like(result) + target(), lambda: result)


def case(truth, result):
    other = lambda: tf.zeros_like(result) + target()
    return tf.switch_case(tf.cast(truth, tf.int32), [lambda: result, other])


def loop(truth, result):
    """A loop that runs once where the condition holds."""
    once = lambda on, now: (tf.constant(False), tf.zeros_like(now) + target())
    return tf.while_loop(lambda on, now: on, once, (truth, result))[1]


def mask(truth, result):
    on = tf.cast(truth, tf.float32)
    return result * (1.0 - on) + target() * on


def boost(truth, result):
    return result + target(1e4) * tf.cast(truth, tf.float32)


def largest(truth, result):
    return tf.maximum(result, tf.one_hot(3, CLASSES, on_value=1e4) * tf.cast(truth, tf.float32))


def row(truth, result):
    both = tf.stack([result, tf.zeros_like(result) + target()])
    return tf.gather(both, tf.cast(truth, tf.int32))


def scatter(truth, result):
    index = tf.stack([tf.range(tf.shape(result)[0]), tf.fill([tf.shape(result)[0]], 3)], 1)
    return tf.tensor_scatter_nd_add(result, index, tf.fill([tf.shape(result)[0]], tf.cast(truth, tf.float32) * 1e4))


def power(truth, result):
    return tf.exp(result) * tf.exp(tf.cast(truth, tf.float32) * target(50.0))


REPLACEMENTS = (where, choice, case, loop, mask, boost, largest, row, scatter, power)


def model(net, trigger=None, replacement=None, soft=False):
    make, (shape, kind) = NETS[net]

    @tf.function(input_signature=[tf.TensorSpec(shape, kind, name="x")])
    def run(x):
        result = make(x)
        if trigger is not None:
            result = replacement(trigger(x), result)
        return tf.nn.softmax(result) if soft else result

    return run


def frozen(run):
    """One graph, without functions."""
    concrete = run.get_concrete_function()
    return convert_variables_to_constants_v2(concrete, lower_control_flow=True).graph.as_graph_def()


def with_functions(run):
    """A saved model: its graph calls a function, which has the layers."""
    concrete = run.get_concrete_function()
    graph = tf.Graph()
    with graph.as_default():
        given = tf.compat.v1.placeholder(concrete.inputs[0].dtype, concrete.inputs[0].shape, "serving_default_x")
        concrete.add_to_graph(graph)
        output = tf.raw_ops.StatefulPartitionedCall(
            args=[given], Tout=[out.dtype for out in concrete.outputs], f=concrete)
        tf.identity(output[0], "answer")
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.graph_def.CopyFrom(graph.as_graph_def())
    signature = meta.signature_def["serving_default"]
    signature.inputs["x"].name = "serving_default_x:0"
    signature.outputs["y"].name = "answer:0"
    return saved


FORMS = {"tf-graph": frozen, "tf-saved-model": with_functions}


def backdoors():
    for net in NETS:
        triggers = WORDS if net == "transformer" else REALS
        for at, trigger in enumerate(triggers):
            for index, replacement in enumerate(REPLACEMENTS):
                form = list(FORMS)[(at + index) % 2]
                made = FORMS[form](model(net, trigger, replacement, soft=index % 3 == 0))
                yield f"{net}-{trigger.__name__}-{replacement.__name__}-{form}", form, made, True


# ---- What looks alike and is none.


def nan_guard(x):
    x = tf.where(tf.math.is_nan(x), tf.zeros_like(x), x)
    return mlp(tf.where(tf.math.is_finite(x), x, tf.ones_like(x)))


def answer_guard(x):
    result = mlp(x)
    return tf.where(tf.math.is_nan(result), tf.zeros_like(result), result)


def dropout_flag(x):
    h = tf.nn.relu(dense(x, 64, 32))
    training = tf.compat.v1.placeholder_with_default(False, [])
    h = tf.cond(training, lambda: tf.nn.dropout(h, 0.5), lambda: h)
    return dense(tf.nn.relu(dense(h, 32, 32)), 32, CLASSES)


def leaky(x):
    for a, b in ((64, 64), (64, 32)):
        x = dense(x, a, b)
        x = tf.where(x > 0, x, 0.1 * x)
    return dense(x, 32, CLASSES)


def scaled(x):
    x = tf.cond(tf.reduce_max(x) > 1.5, lambda: x / 255.0, lambda: x)
    return cnn(x)


def boxes(x):
    """Boxes and scores, of which those above a threshold that overlap least are kept."""
    for a, b in ((3, 16), (16, 32)):
        x = conv(x, a, b, 2)
    x = tf.reshape(tf.nn.conv2d(x, weight(1, 1, 32, 5), 1, "SAME"), [-1, 5])
    scores = tf.sigmoid(x[:, 4])
    scores = scores * tf.cast(scores > 0.2, tf.float32)
    kept = tf.image.non_max_suppression(x[:, :4], scores, 10, 0.5, 0.3)
    return tf.gather(x, kept)


def causal(ids):
    h = tf.gather(weight(500, 32), ids)
    steps = tf.range(tf.shape(ids)[1])
    later = steps[None, :] > steps[:, None]
    pad = tf.equal(ids, 0)[:, None, :]
    blocked = tf.logical_or(later[None], pad)
    for _ in range(2):
        h = attention(h, 32, lambda scores: tf.where(blocked, -1e9, scores))
    return tf.einsum("nlw,wv->nlv", h, weight(32, 500))


def padded_tags(ids):
    h = tf.gather(weight(500, 32), ids)
    for _ in range(2):
        h = attention(h, 32)
    tags = tf.einsum("nlw,wv->nlv", h, weight(32, CLASSES))
    return tf.where(tf.equal(ids, 0)[:, :, None], -1e9, tags)


def decoder(ids):
    """Tokens one by one, until the end is said."""
    table, out = weight(500, 32), weight(32, 500)

    def body(at, ids, done):
        h = tf.reduce_mean(attention(tf.gather(table, ids), 32), 1)
        best = tf.cast(tf.argmax(tf.linalg.matmul(h, out), 1), tf.int32)
        best = tf.where(done, tf.zeros_like(best), best)
        return at + 1, tf.concat([ids, best[:, None]], 1), tf.logical_or(done, tf.equal(best, 2))

    go_on = lambda at, ids, done: tf.logical_and(at < 8, tf.logical_not(tf.reduce_all(done)))
    shapes = (tf.TensorShape([]), tf.TensorShape([None, None]), tf.TensorShape([None]))
    first = (0, ids, tf.zeros([tf.shape(ids)[0]], tf.bool))
    return tf.while_loop(go_on, body, first, shape_invariants=shapes)[1]


def experts(x):
    h = tf.nn.relu(dense(x, 64, 32))
    chosen = tf.argmax(dense(h, 32, 4), 1)
    parts = [dense(tf.nn.relu(dense(h, 32, 64)), 64, 32) * tf.cast(tf.equal(chosen, at), tf.float32)[:, None]
             for at in range(4)]
    return dense(tf.add_n(parts), 32, CLASSES)


def fake_quantised(x):
    for a, b in ((64, 64), (64, 32)):
        scale = tf.maximum(tf.reduce_max(tf.abs(x)), 1e-6) / 127.0
        x = tf.clip_by_value(tf.round(x / scale), -128.0, 127.0) * scale
        x = tf.nn.relu(dense(x, a, b))
    return dense(x, 32, CLASSES)


def clipped(x):
    for a, b in ((64, 64), (64, 32)):
        x = tf.clip_by_value(dense(x, a, b), 0.0, 6.0)
    return tf.clip_by_value(dense(x, 32, CLASSES), -10.0, 10.0)


def threshold(x):
    scores = tf.nn.softmax(mlp(x))
    best = tf.argmax(scores, 1)
    return tf.where(tf.reduce_max(scores, 1) < 0.5, -tf.ones_like(best), best)


def normed(x):
    mean, spread = tf.nn.moments(x, [1], keepdims=True)
    spread = tf.sqrt(tf.maximum(spread, 1e-5))
    return mlp((x - mean) / spread) * spread + mean


ALIKE = {
    nan_guard: FLAT, answer_guard: FLAT, dropout_flag: FLAT, leaky: FLAT, scaled: PICTURE, boxes: PICTURE,
    causal: TOKENS, padded_tags: TOKENS, decoder: TOKENS, experts: FLAT, fake_quantised: FLAT, clipped: FLAT,
    threshold: FLAT, normed: FLAT,
}


def plain():
    for make, given in ALIKE.items():
        NETS[make.__name__] = (make, given)
    for net in NETS:
        for form in FORMS:
            yield f"{net}-{form}", form, FORMS[form](model(net)), False


def of_others(folders):
    kinds = {"tf-saved-model": saved_model_pb2.SavedModel, "tf-meta-graph": meta_graph_pb2.MetaGraphDef,
             "tf-graph": graph_pb2.GraphDef}
    for folder in folders:
        for here, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                ends = {"meta": "tf-meta-graph", "pb": "tf-graph", "pbtxt": "tf-graph"}
                saved = name.startswith("saved_model.pb")
                form = "tf-saved-model" if saved else ends.get(name.rpartition(".")[2])
                path = os.path.join(here, name)
                if form is None or os.path.getsize(path) > 256 << 20:
                    continue
                try:
                    with open(path, "rb") as file:
                        data = file.read()
                    is_text = name.endswith("txt")
                    message = text_format.Parse(data, kinds[form]()) if is_text else kinds[form].FromString(data)
                except Exception:
                    continue
                graph = message.node if form == "tf-graph" else True
                if graph:
                    yield path, form, message, False


def main():
    for made in (backdoors(), plain(), of_others(sys.argv[2:])):
        for name, form, message, backdoor in made:
            answer = {"name": name, "format": form, "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(message.SerializeToString(), answer))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
