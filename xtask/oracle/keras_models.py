"""Models of Keras 2 or 3 with every public layer, initializer, loss and so on, and what Keras looks up
when it loads them again.

Writes a file and an answer for each. The answer says which reader the file is for, and lists the
objects that were looked up, each with the names that it goes by.
"""

import functools
import inspect
import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# What libraries print must not get among the records.
OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import keras
import numpy as np
from stream import record

MODERN = int(keras.__version__.split(".")[0]) >= 3

if MODERN:
    from keras.src import activations, api_export, constraints, initializers, losses, metrics
    from keras.src import optimizers, regularizers
    from keras.src.legacy.saving import serialization as legacy
    from keras.src.saving import serialization_lib as modern
else:
    from keras import activations, constraints, initializers, losses, metrics, optimizers
    from keras import regularizers
    from keras.saving import serialization_lib as modern
    from keras.saving.legacy import serialization as legacy
    from tensorflow.python.util import tf_export


def put(content, answer):
    OUT.write(record(content, answer))
    OUT.flush()


REGISTRIES = activations, constraints, initializers, losses, metrics, optimizers, regularizers


class Log:
    """What is looked up, while that is because of the file."""

    def __init__(self):
        self.objects = []
        self.on = False

    def add(self, found):
        if self.on and (inspect.isclass(found) or inspect.isroutine(found)):
            self.objects.append(found)


LOG = Log()


def replace(original, wrapper):
    """Puts `wrapper` wherever a module of Keras has `original`."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "keras" and module is not None:
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, wrapper)


def logged(original, pick):
    @functools.wraps(original)
    def wrapper(*args, **kwargs):
        result = original(*args, **kwargs)
        LOG.add(pick(args, kwargs, result))
        return result

    replace(original, wrapper)


def quiet(cls, name):
    """What happens within does not come from the file: weights are made with names in the source."""
    original = getattr(cls, name, None)
    if original is None:
        return

    # Keras looks at the function's attributes to learn whether a class has its own.
    @functools.wraps(original)
    def wrapper(*args, **kwargs):
        on, LOG.on = LOG.on, False
        try:
            return original(*args, **kwargs)
        finally:
            LOG.on = on

    setattr(cls, name, wrapper)


def by_text(args, kwargs, result):
    """What a name alone was looked up for: a function, or a class that was made an instance of."""
    identifier = args[0] if args else kwargs.get("identifier")
    if not isinstance(identifier, str) or result is identifier:
        return None
    routine = inspect.isclass(result) or inspect.isroutine(result)
    return result if routine else type(result)


def instrument():
    logged(modern._retrieve_class_or_fn, lambda args, kwargs, result: result)
    found = legacy.class_and_config_for_serialized_keras_object
    logged(found, lambda args, kwargs, result: result[0])
    logged(legacy.deserialize_keras_object, by_text)
    for module in REGISTRIES:
        logged(module.get, by_text)
    for name in ("add_weight", "build", "__call__", "build_from_config"):
        quiet(keras.layers.Layer, name)
    for name in ("add_weight", "add_variable"):
        quiet(keras.metrics.Metric, name)


def names(found):
    """Every name that an object goes by: those that are exported, and its own."""
    simple, module = found.__name__, found.__module__
    listed = [f"{module}.{simple}"]
    if MODERN:
        known = api_export.REGISTERED_NAMES_TO_OBJS
        listed += [name for name, other in known.items() if other is found]
    else:
        try:
            listed += tf_export.get_v2_names(found)
        except AttributeError:
            pass
    parts = [part for part in module.split(".") if part != "src"]
    package = {"engine": "models"}.get(parts[1], parts[1]) if len(parts) > 1 else ""
    # Registries list what their modules import as well.
    listed += [f"keras.{package}.{simple}", f"keras.layers.{simple}"]
    if package in ("losses", "metrics"):
        listed += [f"keras.losses.{simple}", f"keras.metrics.{simple}"]
    return sorted(set(listed))


def load(how, path):
    LOG.objects, LOG.on = [], True
    try:
        if how == "json":
            with open(path) as file:
                return keras.models.model_from_json(file.read())
        return keras.models.load_model(path)
    finally:
        LOG.on = False


def answer(what, how, path, use):
    model = load(how, path)
    if use is not None:
        # Losses and metrics that are given by name are looked up when they are first used.
        LOG.on = True
        try:
            use(model)
        except Exception:
            pass
        LOG.on = False
    unique = {id(found): found for found in LOG.objects}.values()
    if how == "json" and MODERN:
        # The optimizer is left out of the text, and is then the one that `compile` has for a default.
        unique = [found for found in unique if found is not keras.optimizers.RMSprop]
    reader = {"keras": "keras", "h5": "keras-h5", "json": "keras-json"}[how]
    return {"what": f"{what} as {how}", "reader": reader, "objects": [names(it) for it in unique]}


def tell(what, build, use=None):
    """Builds a model, saves it in every form, and writes what loading each looks up."""
    try:
        model = build()
    except Exception as error:
        return put(b"", {"what": what, "failed": f"build: {error!r:.300}"})
    for how in ("keras", "h5", "json"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, f"model.{how}")
            try:
                if how == "json":
                    with open(path, "w") as file:
                        file.write(model.to_json())
                elif how == "keras" and not MODERN:
                    model.save(path, save_format="keras")
                else:
                    model.save(path)
                with open(path, "rb") as file:
                    content = file.read()
                told = answer(what, how, path, use if MODERN or how != "json" else None)
                put(content, told)
            except Exception as error:
                told = {"what": f"{what} as {how}", "failed": f"{error!r:.300}"}
                put(b"", told)


def dense(**arguments):
    layers = [keras.layers.Input((3,)), keras.layers.Dense(1, **arguments)]
    return keras.Sequential(layers)


# Arguments of layers that cannot be made without any.
def arguments(name):
    layers = keras.layers
    inner = lambda: layers.Dense(2)
    cell = lambda: layers.LSTMCell(2)
    known = {
        "ActivityRegularization": {"l1": 0.1},
        "AlphaDropout": {"rate": 0.5},
        "Bidirectional": {"layer": layers.LSTM(2)},
        "CategoryEncoding": {"num_tokens": 4},
        "CenterCrop": {"height": 2, "width": 2},
        "AveragePooling1D": {"pool_size": 2},
        "AveragePooling2D": {"pool_size": 2},
        "AveragePooling3D": {"pool_size": 2},
        "AvgPool1D": {"pool_size": 2},
        "AvgPool2D": {"pool_size": 2},
        "AvgPool3D": {"pool_size": 2},
        "Discretization": {"bin_boundaries": [0.0, 1.0]},
        "Dot": {"axes": 1},
        "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 2},
        "Embedding": {"input_dim": 4, "output_dim": 2},
        "MaxNumBoundingBoxes": {"max_number": 2},
        "ReversibleEmbedding": {"input_dim": 4, "output_dim": 2},
        "GaussianDropout": {"rate": 0.5},
        "GaussianNoise": {"stddev": 0.5},
        "GroupNormalization": {"groups": 1},
        "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 2},
        "HashedCrossing": {"num_bins": 4},
        "Hashing": {"num_bins": 4},
        "IntegerLookup": {"vocabulary": [1, 2]},
        "MelSpectrogram": {"fft_length": 8, "num_mel_bins": 2},
        "MultiHeadAttention": {"num_heads": 1, "key_dim": 2},
        "Normalization": {"mean": 0.0, "variance": 1.0},
        "Permute": {"dims": (2, 1)},
        "Pipeline": {"layers": [layers.Rescaling(0.5)] if hasattr(layers, "Rescaling") else []},
        "RandomBrightness": {"factor": 0.1},
        "RandomContrast": {"factor": 0.1},
        "RandomCrop": {"height": 2, "width": 2},
        "RandomHeight": {"factor": 0.1},
        "RandomRotation": {"factor": 0.1},
        "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
        "RandomWidth": {"factor": 0.1},
        "RandomZoom": {"height_factor": 0.1},
        "RandomPosterization": {"factor": 4},
        "RandomSharpness": {"factor": 0.1},
        "RepeatVector": {"n": 2},
        "Rescaling": {"scale": 0.5},
        "Reshape": {"target_shape": (-1,)},
        "Resizing": {"height": 2, "width": 2},
        "RNN": {"cell": cell()},
        "SpatialDropout1D": {"rate": 0.5},
        "SpatialDropout2D": {"rate": 0.5},
        "SpatialDropout3D": {"rate": 0.5},
        "SpectralNormalization": {"layer": inner()},
        "StackedRNNCells": {"cells": [cell(), layers.GRUCell(2)]},
        "StringLookup": {"vocabulary": ["a", "b"]},
        "TextVectorization": {"vocabulary": ["a", "b"]},
        "TimeDistributed": {"layer": inner()},
        "Wrapper": {"layer": inner()},
    }
    common = {
        "units": 2,
        "filters": 2,
        "kernel_size": 1,
        "rate": 0.5,
        "activation": "relu",
        "output_size": 1,
        "factor": 0.1,
        "num_heads": 1,
        "key_dim": 2,
        "function": None,
    }
    if name in known:
        return known[name]
    signature = inspect.signature(getattr(layers, name).__init__).parameters.values()
    needed = (inspect.Parameter.empty,)
    wanted = [it.name for it in signature if it.default in needed and it.kind == it.POSITIONAL_OR_KEYWORD]
    return {key: common[key] for key in wanted if key in common}


SHAPES = [(4,), (4, 4), (8, 8, 3), (4, 4, 4, 2), (4, 4, 4, 4, 2), (1,)]
MERGES = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract", "add")


def with_layer(name):
    """A model with a layer of this class, for whatever input it takes."""
    last = None
    for shape in SHAPES:
        for dtype in ("float32", "int32", "string"):
            try:
                entry = keras.Input(shape, dtype=dtype)
                layer = getattr(keras.layers, name)(**arguments(name))
                if name in MERGES:
                    out = layer([entry, entry])
                elif name in ("AdditiveAttention", "Attention", "HashedCrossing"):
                    out = layer([entry, entry])
                elif name in ("GroupQueryAttention", "MultiHeadAttention"):
                    out = layer(entry, entry)
                elif name.endswith("Cell") or name == "StackedRNNCells":
                    out = keras.layers.RNN(layer)(entry)
                else:
                    out = layer(entry)
                return keras.Model(entry, out)
            except Exception as error:
                last = error
    raise last


def public(module, base):
    found = [
        name
        for name, value in sorted(vars(module).items())
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    ]
    return found


ABSTRACT = {"AbstractRNNCell", "InputLayer", "Lambda", "Layer", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "Wrapper", "InputSpec"}


def all_layers():
    for name in public(keras.layers, keras.layers.Layer):
        if name not in ABSTRACT:
            yield f"layer {name}", lambda name=name: with_layer(name), None


def made(module, name, given):
    cls = getattr(module, name)
    try:
        return cls(**given.get(name, {}))
    except TypeError:
        return cls(0.1)


def parts():
    """Objects that layers are made with, and every name of one."""
    initializers = public(keras.initializers, keras.initializers.Initializer)
    given = {"Identity": {}, "Constant": {"value": 0.5}}
    for name in initializers:
        build = lambda name=name: dense(kernel_initializer=made(keras.initializers, name, given))
        yield f"initializer {name}", build, None
    for name in ("zeros", "ones", "glorot_uniform", "he_normal", "random_normal", "lecun_uniform"):
        yield f"initializer {name!r}", lambda name=name: dense(kernel_initializer=name), None
    for name in public(keras.regularizers, keras.regularizers.Regularizer):
        build = lambda name=name: dense(kernel_regularizer=made(keras.regularizers, name, {}))
        yield f"regularizer {name}", build, None
    for name in ("l1", "l2") + (() if MODERN else ("l1_l2",)):
        yield f"regularizer {name!r}", lambda name=name: dense(bias_regularizer=name), None
    for name in public(keras.constraints, keras.constraints.Constraint):
        build = lambda name=name: dense(kernel_constraint=made(keras.constraints, name, {}))
        yield f"constraint {name}", build, None
    functions = [
        name
        for name, value in sorted(vars(keras.activations).items())
        if inspect.isfunction(value) and name not in ("deserialize", "get", "serialize")
    ]
    for name in functions:
        yield f"activation {name!r}", lambda name=name: dense(activation=name), None
    for policy in ("mixed_bfloat16", "float64"):
        yield f"dtype {policy!r}", lambda policy=policy: dense(dtype=policy), None


def evaluated(model):
    model.evaluate(np.ones((2, 3)), np.ones((2, 1)), verbose=0)


def compiled(**given):
    model = dense()
    # Keras 3 does not find `mse` again in HDF5 files.
    model.compile(**{"optimizer": "sgd", "loss": "mean_squared_error", **given})
    return model


def training():
    for name in public(keras.losses, keras.losses.Loss):
        yield f"loss {name}", lambda name=name: compiled(loss=made(keras.losses, name, {})), evaluated
    texts = ["mse", "mae", "msle", "mape", "binary_crossentropy", "huber", "hinge", "log_cosh", "poisson"]
    for name in texts + ["kl_divergence", "cosine_similarity", "categorical_hinge", "squared_hinge"]:
        yield f"loss {name!r}", lambda name=name: compiled(loss=name), evaluated
    given = {
        "MeanIoU": {"num_classes": 2},
        "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
        "OneHotMeanIoU": {"num_classes": 2},
        "IoU": {"num_classes": 2, "target_class_ids": [0]},
        "BinaryIoU": {},
        "MeanMetricWrapper": {"fn": keras.losses.mean_squared_error},
        "SensitivityAtSpecificity": {"specificity": 0.5},
        "SpecificityAtSensitivity": {"sensitivity": 0.5},
        "PrecisionAtRecall": {"recall": 0.5},
        "RecallAtPrecision": {"precision": 0.5},
    }
    for name in public(keras.metrics, keras.metrics.Metric):
        if name not in ("MeanTensor", "Mean", "Sum", "MeanMetricWrapper", "MeanRelativeError"):
            build = lambda name=name: compiled(metrics=[made(keras.metrics, name, given)])
            yield f"metric {name}", build, evaluated
    for name in ("mae", "mse", "binary_accuracy", "accuracy", "top_k_categorical_accuracy", "AUC"):
        yield f"metric {name!r}", lambda name=name: compiled(metrics=[name]), evaluated
    both = lambda: compiled(metrics=["mae"], weighted_metrics=["mse"])
    yield "metrics of both kinds", both, evaluated
    wrapped = {"LossScaleOptimizer": lambda: {"inner_optimizer": keras.optimizers.SGD()}}
    for name in public(keras.optimizers, keras.optimizers.Optimizer):
        if name not in ("MultiOptimizer", "OptimizerMap"):
            build = lambda name=name: compiled(
                optimizer=getattr(keras.optimizers, name)(**wrapped.get(name, dict)())
            )
            yield f"optimizer {name}", build, None
    schedules = keras.optimizers.schedules
    given = {
        "PiecewiseConstantDecay": {"boundaries": [1], "values": [0.1, 0.2]},
        "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 2},
        "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 2},
        "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 2},
    }
    usual = {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}
    for name in public(schedules, schedules.LearningRateSchedule):
        build = lambda name=name: compiled(
            optimizer=keras.optimizers.SGD(getattr(schedules, name)(**given.get(name, usual)))
        )
        yield f"schedule {name}", build, None


def two_outputs():
    entry = keras.Input((3,))
    outs = [keras.layers.Dense(1, name=name)(entry) for name in ("one", "two")]
    model = keras.Model(entry, outs)
    losses = {"one": "mse", "two": keras.losses.Huber()}
    model.compile("adam", losses, metrics={"one": ["mae"], "two": []})
    return model


def nested():
    inner = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    entry = keras.Input((3, 4))
    deep = keras.layers.TimeDistributed(inner)(entry)
    both = keras.layers.Bidirectional(
        keras.layers.RNN(keras.layers.StackedRNNCells([keras.layers.GRUCell(2), keras.layers.LSTMCell(2)]))
    )(deep)
    return keras.Model(entry, keras.layers.Dense(1, activation=keras.layers.LeakyReLU())(both))


def shared():
    entry = keras.Input((3,))
    layer = keras.layers.Dense(3)
    return keras.Model(entry, layer(keras.layers.Add()([layer(entry), entry])))


def operations():
    entry = keras.Input((3,))
    if MODERN:
        return keras.Model(entry, keras.ops.sin(entry) + keras.ops.mean(entry) * 2.0)
    import tensorflow as tf

    return keras.Model(entry, tf.math.sin(entry)[:, 1:] * 2.0)


def whole():
    yield "two outputs", two_outputs, None
    yield "nested wrappers", nested, None
    yield "a shared layer", shared, None
    yield "operations", operations, None


def main():
    instrument()
    for source in (all_layers, parts, training, whole):
        for what, build, use in source():
            keras.backend.clear_session()
            tell(what, build, use)


main()
