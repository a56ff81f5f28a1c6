"""What CPython's two unpicklers ask `find_class` for, without importing or calling anything.

Everything that a pickle looks up is answered with one inert class that accepts any call, item,
state or iteration and returns itself, so that loading goes on as far as it can on any machine,
whatever is installed there. Nothing from the pickle is ever imported or run.
"""
import copyreg
import io
import pickle
import sys

# Codes that the oracle registers, so that loading goes on behind EXT opcodes. davy cannot know what
# the loading process has registered; these names are therefore left out of what it must list.
EXTENSIONS = (1, 2, 255, 256, 65535, 65536, 2**31 - 1)
EXTENSION_MODULE = "registered_by_the_oracle"
for _code in EXTENSIONS:
    copyreg.add_extension(EXTENSION_MODULE, "code%d" % _code, _code)

ENCODINGS = ("ASCII", "latin1", "bytes", "utf-8")
HAS_BUFFERS = sys.version_info >= (3, 8)
# A stream of empty pickles is read this many times at most.
LOADS = 64


class Accepting(type):
    """The class of `Inert`: whatever an unpickler does to an object, works on it and does nothing."""

    def __call__(cls, *args, **kwargs):
        return cls

    def __setitem__(cls, key, value):
        pass

    def __getitem__(cls, key):
        return cls

    def __setattr__(cls, name, value):
        pass

    def __delattr__(cls, name):
        pass

    def __iter__(cls):
        return iter(())

    def __len__(cls):
        return 0

    def keys(cls):
        return ()


def ignore(*args, **kwargs):
    """Accepts anything."""


class Inert(metaclass=Accepting):
    """Stands for every class, function and object that a pickle names."""

    def __new__(cls, *args, **kwargs):
        return Inert

    append = extend = add = update = staticmethod(ignore)
    __setstate__ = staticmethod(ignore)


def recording(base):
    """A subclass of an unpickler that appends what it is asked for to the class's list `seen`."""

    class Recording(base):
        seen = []

        def find_class(self, module, name):
            self.seen.append((module, name))
            return Inert

        def persistent_load(self, pid):
            return Inert

    return Recording


FAST = recording(pickle.Unpickler)
PURE = recording(pickle._Unpickler)


def unpickler(kind, file, encoding):
    """An unpickler over `file`, with a few out-of-band buffers where this Python knows them."""
    if HAS_BUFFERS:
        buffers = [b"buffer", bytearray(b"writable"), pickle.PickleBuffer(b"third")]
        return kind(file, encoding=encoding, buffers=buffers)
    return kind(file, encoding=encoding)


def load_all(kind, data, encoding, one_memo):
    """Loads pickle after pickle from `data` until something ends it; says how many were loaded.

    `one_memo` keeps one unpickler, whose memo then outlives each pickle; otherwise each pickle has
    its own, as `pickle.load` called in a loop has.
    """
    file = io.BytesIO(data)
    loaded = 0
    reader = None
    try:
        while loaded < LOADS:
            if reader is None or not one_memo:
                reader = unpickler(kind, file, encoding)
            reader.load()
            loaded += 1
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        pass
    return loaded


def resolved(data, encodings):
    """Every (module, name) that either unpickler asks for, as the pickle spells them, sorted."""
    seen = FAST.seen = PURE.seen = []
    for encoding in encodings:
        for kind in (FAST, PURE):
            if load_all(kind, data, encoding, False) > 1:
                load_all(kind, data, encoding, True)
    return sorted([writable(module), writable(name)] for module, name in set(seen) if imports(module))


def imports(module):
    """Whether looking `module` up can import anything: Python refuses the empty name itself."""
    return module not in ("", EXTENSION_MODULE)


def writable(name):
    """`name` with surrogates, which no file name has and JSON readers refuse, replaced."""
    return name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
