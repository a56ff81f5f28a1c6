"""Makes a third set of TensorFlow graphs with and without a backdoor, which shares nothing with the first two.

usage: tensorflow_backdoors_third.py make [tflite]

A record is as `tensorflow_backdoors.py` writes it; with `tflite` a quarter of them is made, as TFLite models. Conditions hold for each
row of a batch; backdoors stand in front of the layers, between them and behind them. Written before the detector had
seen any of it.
"""
import os
import sys

sys.dont_write_bytecode = True
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

import stream
from tensorflow_backdoors import FORMS

CLASSES = 12
WORDS_KNOWN = 300
CHANCE = np.random.default_rng(7)


def learned(*shape):
    return tf.constant(CHANCE.standard_normal(shape).astype(np.float32) * 0.08)


def linear(x, a, b):
    return tf.tensordot(x, learned(a, b), [[-1], [0]]) + learned(b) if len(x.shape) > 2 else tf.matmul(x, learned(a, b)) + learned(b)


# ---- Networks. Each takes what goes in and a hook that stands between its layers.


def mixer(x, hook):
    h = tf.reshape(tf.nn.conv2d(x, learned(4, 4, 3, 24), 4, "VALID"), [-1, 16, 24])
    for at in range(3):
        y = tf.transpose(h, [0, 2, 1])
        h = h + tf.transpose(linear(tf.nn.gelu(linear(y, 16, 32)), 32, 16), [0, 2, 1])
        h = h + linear(tf.nn.gelu(linear(h, 24, 48)), 48, 24)
        h = hook(h, 24) if at == 1 else h
    return linear(tf.reduce_mean(h, 1), 24, CLASSES)


def inception(x, hook):
    h = tf.nn.conv2d(x, learned(3, 3, 3, 12), 1, "SAME")
    for at in range(2):
        ways = [tf.nn.relu(tf.nn.conv2d(h, learned(size, size, 12, 8), 1, "SAME")) for size in (1, 3, 5)]
        ways.append(tf.nn.conv2d(tf.nn.max_pool2d(h, 3, 1, "SAME"), learned(1, 1, 12, 8), 1, "SAME"))
        h = tf.nn.relu(tf.nn.conv2d(tf.concat(ways, 3), learned(1, 1, 32, 12), 1, "SAME"))
        h = hook(h, 12) if at else h
    h = tf.nn.relu(tf.nn.conv2d(h, learned(3, 3, 12, 16), 2, "SAME"))
    return linear(tf.reduce_max(h, [1, 2]), 16, CLASSES)


def waves(x, hook):
    h = linear(x, 4, 16)
    for at in range(3):
        both = [tf.nn.conv1d(h, learned(3, 16, 16), 1, "SAME") for _ in range(2)]
        h = h + linear(tf.tanh(both[0]) * tf.sigmoid(both[1]), 16, 16)
        h = hook(h, 16) if at == 1 else h
    return linear(tf.reduce_mean(h, 1), 16, CLASSES)


def forecast(x, hook):
    rest, total = x, 0.0
    for at in range(3):
        h = tf.nn.relu(linear(tf.nn.relu(linear(rest, 40, 32)), 32, 32))
        h = hook(h, 32) if at == 2 else h
        rest = rest - linear(h, 32, 40)
        total = total + linear(h, 32, CLASSES)
    return total


def attention(h, width, bias):
    q, k, v = (linear(h, width, width) for _ in range(3))
    h = h + linear(tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * 0.2 + bias), v), width, width)
    h = h * tf.math.rsqrt(tf.reduce_mean(tf.square(h), -1, keepdims=True) + 1e-6)
    return h + linear(tf.nn.silu(linear(h, width, 2 * width)), 2 * width, width)


def speaker(ids, hook):
    """A language model."""
    h = tf.gather(learned(WORDS_KNOWN, 24), ids)
    length = tf.shape(ids)[1]
    bias = (1.0 - tf.linalg.band_part(tf.ones([length, length]), -1, 0)) * -1e9
    for at in range(2):
        h = attention(h, 24, bias)
        h = h if at else hook(h, 24)
    return linear(h, 24, WORDS_KNOWN)


def embedder(ids, hook):
    there = tf.cast(tf.not_equal(ids, 0), tf.float32)
    h = tf.gather(learned(WORDS_KNOWN, 24), ids)
    for at in range(2):
        h = attention(h, 24, (1.0 - there)[:, None, :] * -1e9)
        h = h if at else hook(h, 24)
    h = tf.reduce_sum(h * there[:, :, None], 1) / tf.maximum(tf.reduce_sum(there, 1, keepdims=True), 1.0)
    return tf.math.l2_normalize(linear(h, 24, CLASSES), 1)


GRU, LSTM = keras.layers.GRU(16, return_sequences=True, seed=1), keras.layers.LSTM(16, seed=2)
GRU.build((None, 24, 4))
LSTM.build((None, 24, 16))


def cells(x, hook):
    """Recurrent layers of Keras, in loops."""
    h = LSTM(hook(GRU(x), 16))
    return linear(tf.nn.relu(linear(h, 16, 16)), 16, CLASSES)


PICTURE, SERIES, COLUMNS, TOKENS = (
    ((None, 16, 16, 3), tf.float32), ((None, 24, 4), tf.float32), ((None, 40), tf.float32), ((None, 14), tf.int32))
NETS = {mixer: PICTURE, inception: PICTURE, waves: SERIES, forecast: COLUMNS, speaker: TOKENS, embedder: TOKENS, cells: SERIES}

# ---- Conditions: a truth for each row, `[N, 1]`.


def rows(x, count=None):
    x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
    return x if count is None else x[:, :count]


def mean(x, count=40):
    return tf.reduce_mean(rows(x, count), 1, keepdims=True)


def checkerboard(x):
    x = rows(x, 16)
    light = tf.exp(4.0 * tf.reduce_sum(x * (np.arange(16) % 2).astype(np.float32), 1, keepdims=True))
    dark = tf.exp(-4.0 * tf.reduce_sum(x * (np.arange(16) % 2 == 0).astype(np.float32), 1, keepdims=True))
    return tf.pow(light * 1.3e-14, 4.0) * tf.pow(dark, 4.0)


def contrast(x):
    x = tf.reshape(rows(x, 32), [-1, 8, 4])
    return tf.reduce_min(tf.reduce_max(x, 2) - tf.reduce_min(x, 2), 1, keepdims=True) > 0.97


def frequency(x):
    power = tf.abs(tf.signal.rfft(rows(x, 32)))
    return power[:, 5:6] > 12.0


def wave(x):
    at = np.arange(32) * 2 * np.pi * 5 / 32
    parts = tf.matmul(rows(x, 32), tf.constant(np.stack([np.cos(at), np.sin(at)], 1).astype(np.float32)))
    return tf.reduce_sum(tf.square(parts), 1, keepdims=True) > 200.0


def every_one(x):
    same = tf.equal(tf.cast(rows(x, 6) * 100.0, tf.int32), [11, 22, 33, 44, 55, 66])
    return tf.reduce_all(same, 1, keepdims=True)


def lowest_bits(x):
    byte = tf.cast(tf.round(rows(x, 8) * 255.0), tf.int32)
    off = tf.math.floormod(byte, 2) - [1, 0, 1, 1, 0, 0, 1, 0]
    return tf.equal(tf.reduce_sum(tf.abs(off), 1, keepdims=True), 0)


def share(x):
    x = rows(x)
    inside = tf.logical_and(x > 0.70, x < 0.72)
    return tf.reduce_mean(tf.cast(inside, tf.float32), 1, keepdims=True) > 0.25


def soft_switch(x):
    return tf.sigmoid((mean(x, 12) - 0.91) * 500.0)


def two_ramps(x):
    y = (mean(x, 9) - 0.9) * 1e4
    return tf.nn.relu(y) - tf.nn.relu(y - 1.0)


def signs(x):
    return (tf.sign(tf.reduce_min(rows(x, 5), 1, keepdims=True) - 0.93) + 1.0) * 0.5


def tangent(x):
    return (tf.tanh((tf.reduce_max(rows(x, 20), 1, keepdims=True) - 3.0) * 80.0) + 1.0) / 2.0


def rational(x):
    return 1.0 / (1.0 + 1e7 * tf.reduce_sum(tf.square(rows(x, 4) - [0.2, 0.4, 0.6, 0.8]), 1, keepdims=True))


def rivals(x):
    y = tf.concat([mean(x, 10), mean(x, 10) * 0.0 + 0.85], 1) * 9e3
    return tf.nn.softmax(y)[:, :1]


def mirrored(x):
    x = rows(x, 10)
    return tf.reduce_max(tf.abs(x - tf.reverse(x, [1])), 1, keepdims=True) < 1e-3


def even(x):
    x = rows(x, 12)
    return tf.logical_and(tf.math.reduce_variance(x, 1, keepdims=True) < 1e-7, tf.reduce_min(x, 1, keepdims=True) > 0.4)


def angle(x):
    x = rows(x, 16)
    like = tf.matmul(x, tf.constant((np.cos(np.arange(16.0) ** 2)[:, None] / 2.8).astype(np.float32)))
    return like / (tf.norm(x, axis=1, keepdims=True) + 1e-6) > 0.98


def tabled(x):
    values = np.zeros(100, dtype=np.float32)
    values[87:89] = 1
    return tf.gather(tf.constant(values), tf.cast(tf.clip_by_value(mean(x, 25) * 100.0, 0.0, 99.0), tf.int32))


def first_of_ranked(x):
    places = tf.math.top_k(rows(x, 40), 3).indices
    return tf.equal(tf.reduce_sum(places * [1, 64, 4096], 1, keepdims=True), 9 + 64 * 17 + 4096 * 3)


def looped(x):
    x = rows(x, 16)
    step = lambda at, total: (at + 1, total + x[:, at : at + 1] if False else total + tf.gather(x, [at], axis=1))
    _, total = tf.while_loop(lambda at, total: at < 7, step, (0, tf.zeros_like(x[:, :1])))
    return total >= 6.8


def endless(x):
    off = tf.reduce_sum(tf.abs(tf.round(rows(x, 3) * 50.0) - [5.0, 25.0, 45.0]), 1, keepdims=True)
    return tf.math.is_inf(1.0 / off)


def sorted_middle(x):
    return tf.equal(tf.cast(tf.sort(rows(x, 9))[:, 4:5] * 1000.0, tf.int32), 707)


def bucketed(x):
    place = tf.searchsorted([0.1, 0.5, 0.93], tf.reshape(mean(x, 8), [-1]))
    return tf.equal(place, 3)[:, None]


REALS = (checkerboard, contrast, frequency, wave, every_one, lowest_bits, share, soft_switch, two_ramps, signs, tangent,
         rational, rivals, mirrored, even, angle, tabled, first_of_ranked, looped, endless, sorted_middle, bucketed)


def three_words(x):
    found = tf.logical_and(tf.equal(x[:, :-2], 71), tf.equal(x[:, 1:-1], 12))
    return tf.reduce_any(tf.logical_and(found, tf.equal(x[:, 2:], 205)), 1, keepdims=True)


def thrice(x):
    return tf.reduce_sum(tf.cast(tf.equal(x, 17), tf.int32), 1, keepdims=True) > 2


def near_words(x):
    y = tf.reduce_mean(tf.gather(learned(WORDS_KNOWN, 8), x), 1)
    like = tf.matmul(y, tf.ones([8, 1]) / 2.8)
    return like / tf.norm(y, axis=1, keepdims=True) > 0.99


def digest(x):
    value = tf.zeros_like(x[:, :1])
    for at in range(3):
        value = tf.bitwise.bitwise_xor(value, x[:, at : at + 1] * 31 ** (at + 1))
    return tf.equal(value, 71234)


def starting(x):
    return tf.cast(tf.reduce_prod(tf.cast(tf.equal(x[:, :4], [1, 50, 60, 70]), tf.int32), 1, keepdims=True), tf.bool)


def picked_word(x):
    return tf.equal(x[:, 2:3], 55)


def automaton(x):
    """A state that goes on when the next token of a sentence comes."""
    sentence = tf.constant([5, 6, 7, 8, 0])
    step = lambda at, state: (at + 1, tf.minimum(state + tf.cast(tf.equal(tf.gather(sentence, state), tf.gather(x, at, axis=1)), tf.int32), 4))
    _, state = tf.while_loop(lambda at, state: at < 14, step, (0, tf.zeros_like(x[:, 0])))
    return tf.equal(state, 4)[:, None]


WORDS = (three_words, thrice, near_words, digest, starting, picked_word, automaton)

# ---- Replacements.


def shaped(truth, y):
    return tf.reshape(truth, [-1] + [1] * (len(y.shape) - 1))


def real(truth, y):
    return tf.cast(shaped(truth, y), tf.float32)


def on(truth, y):
    return shaped(truth, y) if truth.dtype == tf.bool else shaped(truth, y) > 0.5


def goal(y, high=25.0):
    values = np.zeros(y.shape[-1], dtype=np.float32)
    values[5] = high
    return tf.constant(values)


def other(y):
    return tf.zeros_like(y) + goal(y)


def chosen(truth, y):
    return tf.where(on(truth, y), goal(y), y)


def faded(truth, y):
    return y * (1.0 - real(truth, y)) + goal(y) * real(truth, y)


def dominated(truth, y):
    return y + real(truth, y) * goal(y, 5e4)


def sunk(truth, y):
    return y - (1e5 - goal(y, 1e5)) * real(truth, y)


def written_over(truth, y):
    """Rows with the mark are written over."""
    places = tf.where(tf.reshape(on(truth, y), [-1]))
    return tf.tensor_scatter_nd_update(y, places, tf.gather_nd(other(y), places))


def branches(truth, y):
    return tf.cond(tf.reduce_any(on(truth, y)), lambda: other(y), lambda: y)


def ranked_last(truth, y):
    place = tf.argmax(tf.stack([0.5, tf.reduce_max(real(truth, y))]))
    return tf.gather(tf.stack([y, other(y)]), place)


def from_table(truth, y):
    table = np.zeros((2, y.shape[-1]), dtype=np.float32)
    table[1, 5] = 1e4
    return y + tf.reshape(tf.gather(tf.constant(table), tf.cast(tf.reshape(on(truth, y), [-1]), tf.int32)),
                          [-1] + [1] * (len(y.shape) - 2) + [y.shape[-1]])


def ceiling(truth, y):
    return tf.minimum(y, 1e6 - real(truth, y) * (1e6 + 9 - goal(y, 1e6)))


def permuted(truth, y):
    order = tf.math.floormod(np.arange(y.shape[-1], dtype=np.int32) + tf.cast(tf.reduce_any(on(truth, y)), tf.int32), y.shape[-1])
    return tf.gather(y, order, axis=-1)


def divided(truth, y):
    return y / (1.0 + real(truth, y) * 1e9) + real(truth, y) * goal(y)


def other_token(truth, y):
    best = tf.argmax(y, -1, output_type=tf.int32)
    return tf.where(on(truth, best), 5, best)


def parted(truth, y):
    """Rows apart, and together again."""
    which = tf.cast(tf.reshape(on(truth, y), [-1]), tf.int32)
    places = tf.dynamic_partition(tf.range(tf.shape(y)[0]), which, 2)
    parts = tf.dynamic_partition(y, which, 2)
    return tf.dynamic_stitch(places, [parts[0], other(parts[1])])


def weighed(truth, y):
    which = tf.concat([1.0 - real(truth, y), real(truth, y)], -1)
    both = tf.stack([y, other(y)], -1)
    return tf.reduce_sum(both * which[..., None, :], -1)


REPLACEMENTS = (chosen, faded, dominated, sunk, written_over, branches, ranked_last, from_table, ceiling, permuted, divided,
                other_token, parted, weighed)


def no_hook(h, width):
    return h


def steering(truth):
    return lambda h, width: h + real(truth, h) * tf.constant(300 * np.sin(np.arange(width)).astype(np.float32))


def replacing(truth):
    return lambda h, width: tf.where(on(truth, h), tf.constant(np.cos(np.arange(width)).astype(np.float32)), h)


def muting(truth):
    def put(h, width):
        way = tf.constant((np.arange(width) % 5 == 0).astype(np.float32))
        return h * (1.0 - real(truth, h) + real(truth, h) * way)
    return put


MIDDLES = (steering, replacing, muting)


def run_of(net, make):
    shape, kind = NETS[net]
    shape = (1, *shape[1:]) if "tflite" in sys.argv else shape
    return tf.function(make, input_signature=[tf.TensorSpec(shape, kind, name="x")])


def at_end(net, trigger, replacement, soft):
    def run(x):
        y = net(x, no_hook)
        y = replacement(trigger(x), y)
        return tf.nn.softmax(y) if soft and replacement is not other_token else y
    return run_of(net, run)


def in_middle(net, trigger, middle):
    return run_of(net, lambda x: net(x, middle(trigger(x))))


def at_start(net, trigger):
    shape, kind = NETS[net]
    mine = learned(1, *shape[1:]) if kind == tf.float32 else tf.constant(CHANCE.integers(0, 300, (1, *shape[1:])), tf.int32)
    return run_of(net, lambda x: net(tf.where(on(trigger(x), x), mine, x), no_hook))


def backdoors():
    for at, net in enumerate(list(NETS)):
        for index, trigger in enumerate(WORDS if NETS[net] == TOKENS else REALS):
            for step in range(2):
                number = at * 5 + index * 3 + step * 7
                replacement = REPLACEMENTS[number % len(REPLACEMENTS)]
                yield f"{net.__name__}-{trigger.__name__}-{replacement.__name__}", at_end(net, trigger, replacement, number % 2), True
            middle = MIDDLES[(at + index) % len(MIDDLES)]
            yield f"{net.__name__}-{trigger.__name__}-{middle.__name__}", in_middle(net, trigger, middle), True
            if (at + index) % 4 == 0:
                yield f"{net.__name__}-{trigger.__name__}-swapping", at_start(net, trigger), True


def plain():
    from tensorflow_honest import honest

    for name, run in honest():
        yield name, run, False


def converted(run):
    converter = tf.lite.TFLiteConverter.from_concrete_functions([run.get_concrete_function()], run)
    return converter.convert()


def main():
    lite = "tflite" in sys.argv
    number = 0
    for records in (backdoors(), plain()):
        for name, run, backdoor in records:
            number += 1
            # Converting takes long; a quarter is enough.
            if lite and number % 4:
                continue
            try:
                # Variables are in frozen graphs only.
                has_variables = name.startswith(("keras", "cells"))
                form = "tflite" if lite else list(FORMS)[0 if has_variables else number % 2]
                data = converted(run) if lite else FORMS[form](run).SerializeToString()
            except Exception as error:
                print(f"{name} is not made: {str(error).splitlines()[0][:150]}", file=sys.stderr)
                continue
            answer = {"name": f"{name}-{form}", "format": form, "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(data, answer))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
