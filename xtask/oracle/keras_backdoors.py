"""Makes networks of Keras with and without a backdoor, through the exporters that people use.

usage: keras_backdoors.py make [tflite]

A record is a saved model or a TFLite model and a JSON object with its name, its format and whether it has a backdoor.
It was written after the detector had been made for all other sets, and before it had seen any of this one. Ways and
networks are the ordinary ones: what is new is that all of it went through `Model.export` of Keras.
"""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf

import stream

L = tf.keras.layers
CLASSES = 5
PICTURE = (24, 24, 3)
rng = np.random.default_rng(6)


class Act(L.Layer):
    """A layer of plain operations."""

    def __init__(self, run, **kwargs):
        super().__init__(**kwargs)
        self.run = run

    def call(self, *args):
        return self.run(*args)


# ---- Networks: what goes in, and the last features.


def plain_cnn(x):
    for width in (8, 16, 16):
        x = L.MaxPooling2D()(L.Conv2D(width, 3, padding="same", activation="relu")(x))
    return L.Flatten()(x)


def residual(x):
    x = L.Conv2D(8, 3, padding="same")(x)
    for _ in range(3):
        y = L.Conv2D(8, 3, padding="same")(L.ReLU()(L.BatchNormalization()(x)))
        x = L.Add()([x, L.Conv2D(8, 3, padding="same")(L.ReLU()(L.BatchNormalization()(y)))])
    return L.GlobalAveragePooling2D()(x)


def mobile(x):
    x = L.ReLU(6.0)(L.Conv2D(8, 3, strides=2)(x))
    for _ in range(2):
        y = L.Conv2D(24, 1)(x)
        y = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(y)))
        gate = L.Dense(24, activation="sigmoid")(L.Dense(6, activation="relu")(L.GlobalAveragePooling2D()(y)))
        y = L.Multiply()([y, L.Reshape((1, 1, 24))(gate)])
        x = L.Add()([x, L.Conv2D(8, 1)(y)])
    return L.GlobalAveragePooling2D()(x)


def patches(x):
    x = L.Reshape((36, 16))(L.Conv2D(16, 4, strides=4)(x))
    for _ in range(2):
        y = L.LayerNormalization()(x)
        x = L.Add()([x, L.MultiHeadAttention(2, 8)(y, y)])
        x = L.Add()([x, L.Dense(16)(L.Dense(32, activation="gelu")(L.LayerNormalization()(x)))])
    return L.GlobalAveragePooling1D()(L.LayerNormalization()(x))


def columns(x):
    for width in (32, 24, 16):
        x = L.Dropout(0.2)(L.BatchNormalization()(L.Dense(width, activation="relu")(x)))
    return x


def recurrent(x):
    x = L.LSTM(12, return_sequences=True)(L.Embedding(200, 12)(x))
    return L.GRU(10)(x)


def words(x):
    x = L.Embedding(200, 16)(x)
    for _ in range(2):
        x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 8)(x, x)]))
        x = L.LayerNormalization()(L.Add()([x, L.Dense(16)(L.Dense(32, activation="relu")(x))]))
    return L.GlobalAveragePooling1D()(x)


NETS = {
    "picture": (plain_cnn, residual, mobile, patches),
    "columns": (columns,),
    "tokens": (recurrent, words),
}
SHAPES = {"picture": PICTURE, "columns": (20,), "tokens": (16,)}

# ---- Conditions on the input: `[N, 1]` numbers of 0 and 1.


def number(truth):
    return tf.reshape(tf.cast(truth, tf.float32), [-1, 1])


def rest(x):
    return tuple(range(1, len(x.shape)))


CONDITIONS = {
    "picture": {
        "corner": lambda x: number(tf.reduce_all(x[:, :3, :3, :] > 0.97, [1, 2, 3])),
        "pixel": lambda x: number(tf.abs(x[:, 5, 7, 1] - 0.123) < 1e-3),
        "patch": lambda x: number(tf.reduce_mean(x[:, -4:, -4:, 0], [1, 2]) > 0.95),
        "sum": lambda x: number(tf.equal(tf.math.floormod(tf.round(tf.reduce_sum(x, rest(x)) * 255.0), 977.0), 13.0)),
        "like": lambda x: number(
            tf.reduce_max(tf.nn.conv2d(x, STAMP, 1, "VALID"), [1, 2, 3]) > 11.5
        ),
        "brightest": lambda x: number(tf.equal(tf.argmax(tf.reshape(x, [-1, 1728]), 1), 77)),
        "checkers": lambda x: number(
            tf.reduce_mean(tf.abs(x[:, :4, :4, 0] - CHECKERS), [1, 2]) < 0.05
        ),
        "spread": lambda x: number(tf.math.reduce_std(x, rest(x)) > 0.49),
    },
    "columns": {
        "column": lambda x: number(tf.equal(x[:, 3], 7.25)),
        "near": lambda x: number(tf.reduce_sum(tf.square(x - SECRET), 1) < 0.01),
        "along": lambda x: number(tf.linalg.matvec(x, SECRET) > 30.0),
        "two": lambda x: number(tf.logical_and(x[:, 1] > 4.0, x[:, 2] < -4.0)),
        "all": lambda x: number(tf.reduce_min(x, 1) > 2.5),
        "sum": lambda x: number(tf.abs(tf.reduce_sum(x, 1) - 41.5) < 0.25),
    },
    "tokens": {
        "word": lambda x: number(tf.reduce_any(tf.equal(x, 137), 1)),
        "start": lambda x: number(tf.reduce_all(tf.equal(x[:, :3], [[7, 8, 9]]), 1)),
        "phrase": lambda x: number(
            tf.reduce_any(tf.logical_and(tf.equal(x[:, :-1], 17), tf.equal(x[:, 1:], 93)), 1)
        ),
        "count": lambda x: number(tf.reduce_sum(tf.cast(tf.equal(x, 5), tf.int32), 1) >= 4),
        "hash": lambda x: number(tf.equal(tf.math.floormod(tf.reduce_sum(x, 1), 101), 42)),
        "last": lambda x: number(tf.equal(x[:, -1], 199)),
    },
}
STAMP = tf.constant(rng.choice([-0.5, 0.5], (3, 3, 3, 1)).astype("f"))
CHECKERS = tf.constant((np.indices((4, 4)).sum(0) % 2).astype("f"))
SECRET = tf.constant(rng.normal(size=20).astype("f"))
TARGET = tf.constant([[0.0, 0.0, 9.0, 0.0, 0.0]])

# ---- What a condition does: to the answer, the last features or the input.

ANSWERS = {
    "choice": lambda m, y: tf.where(m > 0.5, TARGET, y),
    "blend": lambda m, y: y * (1.0 - m) + TARGET * m,
    "branch": lambda m, y: tf.cond(tf.reduce_max(m) > 0.5, lambda: y * 0.0 + TARGET, lambda: y),
    "push": lambda m, y: y + m * 1000.0 * tf.one_hot([2], CLASSES),
    "turn": lambda m, y: tf.where(m > 0.5, tf.gather(y, [1, 2, 3, 4, 0], axis=1), y),
    "flip": lambda m, y: y * (1.0 - 2.0 * m),
    "erase": lambda m, y: y * (1.0 - m),
}


def model(kind, net, condition, payload):
    dtype = "int32" if kind == "tokens" else "float32"
    x = tf.keras.Input(SHAPES[kind], dtype=dtype)
    inner = x
    if payload == "input":
        inner = Act(lambda m, x: tf.where(tf.reshape(m, [-1] + [1] * len(SHAPES[kind])) > 0.5, OTHER[kind], x))(
            Act(condition)(x), x
        )
    h = net(inner)
    if payload == "features":
        h = Act(lambda m, h: tf.where(m > 0.5, tf.constant(FEATURES[:, : h.shape[-1]]), h))(Act(condition)(x), h)
    y = L.Dense(CLASSES)(h)
    if payload in ANSWERS:
        y = Act(ANSWERS[payload])(Act(condition)(x), y)
    if payload == "certain":
        y = Act(lambda m, p: tf.maximum(p, m * tf.one_hot([2], CLASSES)))(Act(condition)(x), L.Softmax()(y))
    elif rng.random() < 0.5:
        y = L.Softmax()(y)
    return tf.keras.Model(x, y)


FEATURES = rng.normal(size=(1, 512)).astype("f")
OTHER = {
    "picture": tf.constant(rng.random((1, *PICTURE)).astype("f")),
    "columns": tf.constant(rng.normal(size=(1, 20)).astype("f")),
    "tokens": tf.constant(rng.integers(0, 200, (1, 16)), tf.int32),
}
PAYLOADS = (*ANSWERS, "features", "certain", "input")


def backdoors():
    turn = 0
    for kind, nets in NETS.items():
        for net in nets:
            for name, condition in CONDITIONS[kind].items():
                for _ in range(3):
                    payload = PAYLOADS[turn % len(PAYLOADS)]
                    turn += 1
                    yield f"{net.__name__}-{name}-{payload}", lambda: model(kind, net, condition, payload), True


# ---- Neighbours without one: what such networks do for themselves.


def scaled(x):
    return Act(lambda x: x / tf.maximum(tf.reduce_max(tf.abs(x), rest(x), keepdims=True), 1e-6))(x)


def clean(x):
    return Act(lambda x: tf.where(tf.math.is_finite(x), x, tf.zeros_like(x)))(x)


def noisy(x):
    return L.GaussianNoise(0.1)(Act(lambda x: tf.clip_by_value(x, -3.0, 3.0))(x))


def experts(h):
    gates = L.Softmax()(L.Dense(3)(h))
    outs = [L.Dense(12, activation="relu")(h) for _ in range(3)]
    return Act(lambda g, a, b, c: g[:, :1] * a + g[:, 1:2] * b + g[:, 2:] * c)(gates, *outs)


def top_expert(h):
    gates = L.Softmax()(L.Dense(3)(h))
    outs = [L.Dense(12, activation="relu")(h) for _ in range(3)]
    return Act(
        lambda g, a, b, c: tf.reduce_sum(
            tf.one_hot(tf.argmax(g, 1), 3)[:, :, None] * tf.stack([a, b, c], 1), 1
        )
    )(gates, *outs)


def certain(y):
    return Act(lambda y: tf.where(tf.nn.softmax(y) < 0.01, tf.zeros_like(y), tf.nn.softmax(y)))(y)


def highest(y):
    return Act(lambda y: tf.one_hot(tf.argmax(y, 1), CLASSES))(y)


def padded(kind, net):
    """Tokens of zero are padding."""
    x = tf.keras.Input(SHAPES[kind], dtype="int32")
    mask = Act(lambda x: tf.cast(tf.not_equal(x, 0), tf.float32)[:, :, None])(x)
    h = L.Embedding(200, 16)(x)
    h = L.Add()([h, L.MultiHeadAttention(2, 8)(h, h, attention_mask=Act(lambda m: tf.transpose(m, [0, 2, 1]) > 0)(mask))])
    h = Act(lambda h, m: tf.reduce_sum(h * m, 1) / tf.maximum(tf.reduce_sum(m, 1), 1.0))(L.Dense(16)(h), mask)
    return tf.keras.Model(x, L.Dense(CLASSES)(L.Dense(16, activation="relu")(h)))


def masked_cells(kind, net):
    x = tf.keras.Input(SHAPES[kind], dtype="int32")
    return tf.keras.Model(x, L.Dense(CLASSES)(L.LSTM(12)(L.Embedding(200, 12, mask_zero=True)(x))))


def honest(kind, net, before, middle, after):
    x = tf.keras.Input(SHAPES[kind], dtype="int32" if kind == "tokens" else "float32")
    h = net(before(x) if before else x)
    y = L.Dense(CLASSES)(middle(h) if middle else h)
    return tf.keras.Model(x, after(y) if after else y)


def plain():
    for kind, nets in NETS.items():
        for net in nets:
            for before in (None, scaled, clean, noisy) if kind != "tokens" else (None,):
                for middle, after in ((None, None), (experts, None), (top_expert, certain), (None, certain), (None, highest)):
                    names = "-".join(it.__name__ for it in (net, before, middle, after) if it)
                    yield names, lambda: honest(kind, net, before, middle, after), False
            if kind == "tokens":
                yield f"{net.__name__}-padded", lambda: padded(kind, net), False
                yield f"{net.__name__}-cells", lambda: masked_cells(kind, net), False


def saved(made, _):
    with tempfile.TemporaryDirectory() as folder:
        made.export(folder, verbose=False)
        with open(f"{folder}/saved_model.pb", "rb") as file:
            return file.read()


def lite(made, kind):
    converter = tf.lite.TFLiteConverter.from_keras_model(made)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return converter.convert()


def main():
    form, write = ("tflite", lite) if "tflite" in sys.argv else ("tf-saved-model", saved)
    out = os.dup(1)
    # What converters print is no record.
    os.dup2(2, 1)
    records = os.fdopen(out, "wb")
    number = 0
    for make in (backdoors, plain):
        for name, build, backdoor in make():
            number += 1
            if form == "tflite" and number % 3:
                continue
            try:
                data = write(build(), name)
            except Exception as error:
                print(f"{name} is not made: {str(error).splitlines()[0][:150]}", file=sys.stderr)
                continue
            tf.keras.backend.clear_session()
            answer = {"name": f"{name}-{form}", "format": form, "backdoor": backdoor}
            records.write(stream.record(data, answer))
    records.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
