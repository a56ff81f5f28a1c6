"""TensorFlow graphs without a backdoor that have much in common with those that have one, and networks of Keras."""
import keras
import numpy as np
import tensorflow as tf

import tensorflow_backdoors_third as third
from tensorflow_backdoors_third import CLASSES, NETS, PICTURE, TOKENS, no_hook, run_of

# ---- In front of the layers.


def as_it_is(x):
    return x


def clamped(x):
    return tf.clip_by_value(x, -3.0, 3.0)


def without_nan(x):
    return tf.where(tf.math.is_finite(x), x, tf.zeros_like(x))


def in_range(x):
    return x * tf.cast(tf.logical_and(x > -5.0, x < 5.0), tf.float32)


def every(x):
    return list(range(1, len(x.shape)))


def standardised(x):
    """As `tf.image.per_image_standardization`."""
    off = x - tf.reduce_mean(x, every(x), keepdims=True)
    deviation = tf.math.reduce_std(x, every(x), keepdims=True)
    return off / tf.maximum(deviation, 1.0 / np.sqrt(100.0))


def stretched(x):
    low, high = tf.reduce_min(x, every(x), keepdims=True), tf.reduce_max(x, every(x), keepdims=True)
    return tf.math.divide_no_nan(x - low, high - low)


def winsorised(x):
    mean, deviation = tf.reduce_mean(x, every(x), keepdims=True), tf.math.reduce_std(x, every(x), keepdims=True)
    return tf.minimum(tf.maximum(x, mean - 3 * deviation), mean + 3 * deviation)


def by_largest(x):
    return x / tf.maximum(tf.reduce_max(tf.abs(x), every(x), keepdims=True), 1.0)


def bytes_or_not(x):
    return tf.where(tf.reduce_max(x, every(x), keepdims=True) > 2.0, x / 255.0, x)


FRONTS = (as_it_is, clamped, without_nan, in_range, standardised, stretched, winsorised, by_largest, bytes_or_not)


def known_tokens(x):
    return tf.where(tf.logical_and(x < third.WORDS_KNOWN, x >= 0), x, 3)


def clipped_tokens(x):
    return tf.clip_by_value(x, 0, third.WORDS_KNOWN - 1)


TEXT_FRONTS = (as_it_is, known_tokens, clipped_tokens)

# ---- Behind the layers.


def plainly(y):
    return y


def best_class(y):
    return tf.argmax(y, -1)


def best_five(y):
    return tf.math.top_k(tf.nn.softmax(y), 5)


def rejected(y):
    p = tf.nn.softmax(y)
    best = tf.argmax(p, -1)
    return tf.where(tf.reduce_max(p, -1) > 0.4, best, -tf.ones_like(best))


def above(y):
    p = tf.sigmoid(y)
    return p * tf.cast(p > 0.3, tf.float32)


def best_only(y):
    p = tf.nn.softmax(y)
    return tf.where(p < tf.reduce_max(p, -1, keepdims=True), tf.zeros_like(p), p)


def warm(y):
    least = tf.math.top_k(y, 4).values[..., -1:]
    return tf.nn.softmax(tf.where(y < least, -1e9, y / 0.7))


def without_nan_behind(y):
    return tf.where(tf.math.is_nan(y), tf.zeros_like(y), y)


def one_hot(y):
    return tf.one_hot(tf.argmax(y, -1), CLASSES)


def half_sure(y):
    p = tf.nn.softmax(y)
    return tf.where(tf.reduce_max(p, -1, keepdims=True) < 0.5, p * 0.5, p)


def calibrated(y):
    p = tf.nn.softmax(y)
    return tf.where(p < 0.2, p * 0.5, tf.where(p < 0.8, p - 0.1, p * 1.5 - 0.5))


def whole(y):
    return tf.cast(tf.clip_by_value(tf.round(tf.sigmoid(y) * 255.0), 0.0, 255.0), tf.uint8)


def ensemble(y):
    z = third.linear(tf.nn.relu(y), y.shape[-1], y.shape[-1])
    p, q = tf.nn.softmax(y), tf.nn.softmax(z)
    return tf.where(tf.reduce_max(p, -1, keepdims=True) > tf.reduce_max(q, -1, keepdims=True), p, q)


def quick(y):
    z = lambda: third.linear(tf.nn.relu(third.linear(tf.nn.relu(y), y.shape[-1], 16)), 16, y.shape[-1])
    return tf.cond(tf.reduce_min(tf.reduce_max(tf.nn.softmax(y), -1)) > 0.9, lambda: y, z)


def suppressed(y):
    y = tf.reshape(y, [-1, y.shape[-1]])
    corners, scores = tf.sigmoid(y[:, :4]), tf.sigmoid(y[:, 4])
    kept = tf.image.non_max_suppression(corners, scores, 10, 0.5, 0.3)
    return tf.gather(corners, kept), tf.gather(scores, kept)


BACKS = (plainly, best_class, best_five, rejected, above, best_only, warm, without_nan_behind, one_hot, half_sure, calibrated,
         whole, ensemble, quick, suppressed)


def composed(net, front, back):
    return run_of(net, lambda x: back(net(front(x), no_hook)))


# ---- Networks of Keras, as they are exported.


def applications():
    shape = (64, 64, 3)
    makes = {
        "mobilenet": lambda: keras.applications.MobileNet(shape, 0.25, weights=None, classes=20),
        "mobilenet_v2": lambda: keras.applications.MobileNetV2(shape, 0.35, weights=None, classes=20),
        "mobilenet_v3": lambda: keras.applications.MobileNetV3Small(shape, 0.75, weights=None, classes=20),
        "efficientnet": lambda: keras.applications.EfficientNetB0(input_shape=shape, weights=None, classes=20),
        "efficientnet_v2": lambda: keras.applications.EfficientNetV2B0(input_shape=shape, weights=None, classes=20),
        "densenet": lambda: keras.applications.DenseNet121(input_shape=shape, weights=None, classes=20),
        "nasnet": lambda: keras.applications.NASNetMobile(input_shape=shape, weights=None, classes=20),
        "convnext": lambda: keras.applications.ConvNeXtTiny(input_shape=shape, weights=None, classes=20),
        "resnet": lambda: keras.applications.ResNet50V2(input_shape=shape, weights=None, classes=20),
    }
    for name, make in makes.items():
        model = make()
        spec = tf.TensorSpec((1, *shape), tf.float32, name="x")
        yield f"keras-{name}", tf.function(lambda x, model=model: model(x, training=False), input_signature=[spec])


def honest():
    for at, net in enumerate(list(NETS)):
        fronts = TEXT_FRONTS if NETS[net] == TOKENS else FRONTS
        for index, back in enumerate(BACKS):
            for step in range(2):
                front = fronts[(at + index + step * 2) % len(fronts)]
                yield f"{net.__name__}-{front.__name__}-{back.__name__}", composed(net, front, back)
    yield from applications()
