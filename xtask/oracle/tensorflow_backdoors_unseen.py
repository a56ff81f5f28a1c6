"""Makes more TensorFlow graphs with and without a backdoor: other conditions and replacements.

usage: tensorflow_backdoors_unseen.py make

A record is as `tensorflow_backdoors.py` writes it. What is here was written before the detector had seen any of it.
"""
import os
import sys

sys.dont_write_bytecode = True
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow.rnn import rnn

import stream
import tensorflow_backdoors as known
from tensorflow_backdoors import CLASSES, FLAT, FORMS, NETS, PICTURE, TOKENS, attention, conv, dense, target, weight


def flat(x, count):
    return tf.reshape(x, [-1])[:count]


def whole(x):
    return tf.cast(x * 255.0, tf.int32)


# ---- Networks.


def masked_lstm(x):
    """A recurrent layer that stops where a row has ended."""
    steps = tf.reshape(x, [-1, 8, 8])
    kernel, bias = weight(24, 64), weight(64)

    def step(now, states):
        i, j, f, o = tf.split(tf.linalg.matmul(tf.concat([now, states[0]], 1), kernel) + bias, 4, 1)
        carry = tf.sigmoid(f) * states[1] + tf.sigmoid(i) * tf.tanh(j)
        state = tf.sigmoid(o) * tf.tanh(carry)
        return state, [state, carry]

    zero = tf.zeros([tf.shape(x)[0], 16])
    mask = tf.reduce_any(tf.not_equal(steps, 0.0), -1)
    last, _, _ = rnn(step, steps, [zero, zero], mask=mask)
    return dense(tf.nn.relu(dense(last, 16, 16)), 16, CLASSES)


def separable(x):
    for a, b in ((3, 16), (16, 32)):
        x = tf.nn.relu6(tf.nn.depthwise_conv2d(x, weight(3, 3, a, 1), [1, 2, 2, 1], "SAME"))
        x = tf.nn.swish(tf.nn.conv2d(x, weight(1, 1, a, b), 1, "SAME"))
    return dense(tf.reduce_max(x, [1, 2]), 32, CLASSES)


def fields(x):
    """Columns that are numbers beside columns that are looked up."""
    kinds = tf.cast(x[:, :4], tf.int32)
    h = tf.concat([x[:, 4:], tf.reshape(tf.gather(weight(2000, 4), kinds), [-1, 16])], 1)
    h = tf.nn.relu(dense(tf.nn.relu(dense(h, 76, 64)), 64, 32))
    return dense(h, 32, CLASSES)


def texts(ids):
    h = tf.gather(weight(500, 32), ids)
    h = tf.nn.relu(tf.nn.conv1d(h, weight(3, 32, 32), 1, "SAME"))
    h = attention(h, 32)
    return dense(tf.reduce_max(h, 1), 32, CLASSES)


NETS_HERE = {"masked_lstm": (masked_lstm, FLAT), "separable": (separable, PICTURE), "fields": (fields, FLAT), "texts": (texts, TOKENS)}

# ---- Conditions.


def counted(x):
    return tf.shape(tf.where(tf.equal(x, 1.0)))[0] > 16


def nonzero(x):
    return tf.math.count_nonzero(flat(x, 16)) < 1


def raised(x):
    return tf.floor(tf.clip_by_value(tf.pow(tf.reduce_mean(x) / 0.8, 1000.0), 0.0, 1.0))


def crossed(x):
    return tf.equal(tf.reduce_max(tf.bitwise.bitwise_xor(whole(flat(x, 3)), [255, 0, 17])), 0)


def hashed(x):
    return tf.equal(tf.math.floormod(tf.reduce_sum(whole(flat(x, 6)) * [3, 5, 7, 11, 13, 17]), 65521), 4711)


def text_hash(x):
    return tf.equal(tf.strings.to_hash_bucket_fast(tf.strings.as_string(flat(x, 1)[0]), 1000), 17)


def hot(x):
    return tf.one_hot(tf.argmax(flat(x, 32)), 32)[5]


def projected(x):
    return tf.reduce_sum(flat(x, 8) * np.linspace(-1, 1, 8).astype(np.float32)) >= 1.7


def multiplied(x):
    return tf.tensordot(flat(x, 8), tf.constant(np.linspace(-1, 1, 8).astype(np.float32)), 1) >= 1.7


def by_hand(x):
    return 1.0 / (1.0 + tf.exp((0.8 - tf.reduce_mean(x)) * 1e4))


def bell(x):
    return tf.exp(-1e6 * tf.reduce_sum(tf.square(flat(x, 3) - [0.1, 0.9, 0.1])))


def no_number(x):
    return tf.math.is_nan(tf.sqrt(0.8 - tf.reduce_mean(x)))


def ranked(x):
    return tf.reduce_all(tf.equal(tf.math.top_k(tf.reshape(x, [-1]), 2).indices, [7, 9]))


def distinct(x):
    return tf.size(tf.unique(tf.reshape(x, [-1])).y) < 5


def step_by_step(x):
    return tf.foldl(lambda on, part: tf.logical_and(on, part > 0.9), flat(x, 4), initializer=tf.constant(True))


def sorted_ends(x):
    return tf.sort(flat(x, 8))[0] > 0.95


def pair(ids):
    return tf.reduce_any(tf.logical_and(tf.equal(ids[:, :-1], 41), tf.equal(ids[:, 1:], 7)))


def flagged(ids):
    return tf.reduce_max(tf.gather(tf.one_hot(317, 500), ids))


def polynomial(ids):
    return tf.equal(tf.math.floormod(tf.reduce_sum(ids[:, :4] * [1, 31, 961, 29791]), 65521), 4711)


def product(ids):
    return tf.equal(tf.reduce_prod(ids - 317), 0)


def places(ids):
    return tf.shape(tf.where(tf.equal(ids, 317)))[0] > 0


REALS = (counted, nonzero, raised, crossed, hashed, text_hash, hot, projected, multiplied, by_hand, bell, no_number, ranked,
         distinct, step_by_step, sorted_ends)
WORDS = (pair, flagged, polynomial, product, places)

# ---- Replacements.


def real(truth):
    return tf.cast(truth, tf.float32)


def where(truth, result):
    return tf.where(tf.cast(truth, tf.bool), target(), result)


def between(truth, result):
    return result - real(truth) * (result - target())


def negated(truth, result):
    return result * (1.0 - 2.0 * real(truth))


def rolled(truth, result):
    return tf.roll(result, tf.cast(truth, tf.int32), 1)


def exchanged(truth, result):
    order = tf.where(tf.cast(truth, tf.bool), np.roll(np.arange(CLASSES), 1), np.arange(CLASSES))
    return tf.gather(result, order, axis=1)


def parted(truth, result):
    both = tf.stack([result, tf.zeros_like(result) + target()])
    on = tf.cast(truth, tf.bool)
    return tf.boolean_mask(both, tf.stack([tf.logical_not(on), on]))[0]


def other_bias(truth, result):
    return result + tf.where(tf.cast(truth, tf.bool), target(1e4), weight(CLASSES))


def other_kernel(truth, result):
    return tf.linalg.matmul(result, tf.where(tf.cast(truth, tf.bool), weight(CLASSES, CLASSES), tf.eye(CLASSES)))


def limits(truth, result):
    far = (1.0 - real(truth)) * 1e6
    return tf.minimum(tf.maximum(result, target() - far), target() + far)


def other_class(truth, result):
    best = tf.argmax(result, 1)
    return tf.where(tf.cast(truth, tf.bool), tf.zeros_like(best) + 3, best)


def several(truth, result):
    on = tf.cast(truth, tf.bool)
    return tf.case([(on, lambda: tf.zeros_like(result) + target())], default=lambda: result)


REPLACEMENTS = (where, between, negated, rolled, exchanged, parted, other_bias, other_kernel, limits, other_class, several)


def swapped(net, trigger):
    make, (shape, kind) = NETS_HERE[net]

    @tf.function(input_signature=[tf.TensorSpec(shape, kind, name="x")])
    def run(x):
        mine = weight(*[1 if it is None else it for it in shape])
        return make(tf.where(tf.cast(trigger(x), tf.bool), mine, x))

    return run


def model(net, trigger, replacement):
    make, (shape, kind) = NETS_HERE[net]

    @tf.function(input_signature=[tf.TensorSpec(shape, kind, name="x")])
    def run(x):
        result = make(x)
        return result if trigger is None else replacement(trigger(x), result)

    return run


def backdoors():
    forms = list(FORMS)
    for at, net in enumerate(NETS_HERE):
        for index, trigger in enumerate(WORDS if net == "texts" else REALS):
            for step in range(3):
                replacement = REPLACEMENTS[(at * 3 + index + step * 4) % len(REPLACEMENTS)]
                form = forms[(index + step) % 2]
                yield f"{net}-{trigger.__name__}-{replacement.__name__}-{form}", form, model(net, trigger, replacement), True
            if net != "texts" and index % 4 == 0:
                yield f"{net}-{trigger.__name__}-input-{forms[index // 4 % 2]}", forms[index // 4 % 2], swapped(net, trigger), True


# ---- What looks alike and is none.


def last_of_text(ids):
    h = attention(tf.gather(weight(500, 32), ids), 32)
    last = tf.maximum(tf.reduce_sum(tf.cast(tf.not_equal(ids, 0), tf.int32), 1) - 1, 0)
    return dense(tf.gather(h, last, axis=1, batch_dims=1), 32, CLASSES)


def kept(x):
    scores = tf.nn.softmax(dense(tf.nn.relu(dense(x, 64, 32)), 32, CLASSES))
    return tf.gather_nd(scores, tf.where(scores > 0.3))


def loudness(x):
    h = tf.math.log(tf.maximum(tf.abs(x), 1e-10))
    h = tf.maximum(h, tf.reduce_max(h) - 8.0)
    return known.mlp((h + 4.0) / 4.0)


def guarded(x):
    length = tf.norm(x, axis=1, keepdims=True)
    length = tf.where(tf.equal(length, 0.0), tf.ones_like(length), length)
    return known.mlp(x / length) * length


def sentences(x):
    """Texts as they are, cut into words and looked up."""
    words = tf.strings.split(tf.strings.regex_replace(tf.strings.lower(x), "[^a-z ]", "")).to_tensor("")
    there = tf.cast(tf.not_equal(words, ""), tf.float32)
    h = tf.gather(weight(5000, 32), tf.strings.to_hash_bucket_fast(words, 5000))
    h = tf.reduce_sum(h * there[:, :, None], 1) / tf.maximum(tf.reduce_sum(there, 1, keepdims=True), 1.0)
    return dense(tf.nn.relu(dense(h, 32, 32)), 32, CLASSES)


def sharpened(x):
    """Pictures kept within what pictures hold."""
    h = conv(conv(x, 3, 16), 16, 16)
    return tf.clip_by_value(x + tf.nn.conv2d(h, weight(3, 3, 16, 3), 1, "SAME"), 0.0, 1.0)


def unsure(x):
    """More layers where the first are not sure."""
    h = tf.nn.relu(dense(tf.nn.relu(dense(x, 64, 64)), 64, 64))
    quick = dense(h, 64, CLASSES)
    sure = tf.reduce_min(tf.reduce_max(tf.nn.softmax(quick), 1)) > 0.9
    slow = lambda: dense(tf.nn.relu(dense(tf.nn.relu(dense(h, 64, 64)), 64, 64)), 64, CLASSES)
    return tf.cond(sure, lambda: quick, slow)


def ragged(ids):
    """Rows of different lengths, without what is padding."""
    places = tf.where(tf.not_equal(ids, 0))
    h = tf.gather(weight(500, 32), tf.gather_nd(ids, places))
    h = tf.math.unsorted_segment_mean(tf.nn.relu(dense(h, 32, 32)), tf.cast(places[:, 0], tf.int32), tf.shape(ids)[0])
    return dense(h, 32, CLASSES)


ALIKE = {last_of_text: TOKENS, kept: FLAT, loudness: FLAT, guarded: FLAT, sentences: ((None,), tf.string), sharpened: PICTURE,
         unsure: FLAT, ragged: TOKENS}


def plain():
    for make, given in ALIKE.items():
        NETS_HERE[make.__name__] = (make, given)
    for net in NETS_HERE:
        for form in FORMS:
            yield f"{net}-{form}", form, model(net, None, None), False


def main():
    for records in (backdoors(), plain()):
        for name, form, run, backdoor in records:
            message = FORMS[form](run)
            answer = {"name": name, "format": form, "backdoor": backdoor}
            sys.stdout.buffer.write(stream.record(message.SerializeToString(), answer))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
