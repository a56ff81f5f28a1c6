"""HDF5 files as h5py makes them, and what h5py sees in HDF5 files.

usage: hdf5.py generate|answer|statistics [--seed S] [--start N] [--count N] [--batch N]

An answer is a list of lines, one for each link, object, attribute and source; `None` where the library
does not open the file; the first line is `damaged` where it fails on a part of it.
"""
import ctypes
import glob
import io
import os
import random
import struct
import sys

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5p, h5r, h5s, h5t

import stream

# Values are compared as far as davy keeps them.
ELEMENTS = 64
HEAD = 1024
PARTS = 512
# Datasets of up to so many bytes are compared byte by byte.
DATA = 1 << 16
BOUNDS = ("earliest", "v108", "v110", "v112", "v114", "v200")


def library():
    """libhdf5 itself, for what h5py does not wrap."""
    folder = os.path.dirname(os.path.dirname(h5py.__file__))
    found = glob.glob(os.path.join(folder, "h5py.libs", "libhdf5-*")) or glob.glob(os.path.join(folder, "h5py", "*hdf5*"))
    return ctypes.CDLL(found[0]) if found else None


# --- what the library sees -------------------------------------------------------------------------


def text(raw):
    return raw.hex() if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape").hex()


def described(kind):
    """A datatype in full."""
    cls, size = kind.get_class(), kind.get_size()
    if cls == h5t.INTEGER:
        return "int(%d,%s,%d)" % (size, bits(kind), kind.get_sign() == h5t.SGN_2)
    if cls == h5t.FLOAT:
        fields = ",".join(map(str, kind.get_fields()))
        return "float(%d,%s,%s,%d,%d)" % (size, bits(kind), fields, kind.get_ebias(), kind.get_norm() == h5t.NORM_IMPLIED)
    if cls == h5t.BITFIELD:
        return "bits(%d)" % size
    if cls == h5t.TIME:
        return "time(%d)" % size
    if cls == h5t.STRING:
        if kind.is_variable_str():
            return "string(%d)" % kind.get_cset()
        return "text(%d,%d,%d)" % (size, kind.get_strpad(), kind.get_cset())
    if cls == h5t.OPAQUE:
        return "opaque(%d,%s)" % (size, text(kind.get_tag()))
    if cls == h5t.REFERENCE:
        return "reference"
    if cls == h5t.ENUM:
        values = [kind.get_member_value(at) for at in range(kind.get_nmembers())]
        names = [text(kind.get_member_name(at)) for at in range(kind.get_nmembers())]
        pairs = ",".join("%s=%d" % pair for pair in zip(names, values))
        return "enum(%s;%s)" % (described(kind.get_super()), pairs)
    if cls == h5t.VLEN:
        return "sequence(%s)" % described(kind.get_super())
    if cls == h5t.ARRAY:
        return "array(%s;%s)" % (described(kind.get_super()), ",".join(map(str, kind.get_array_dims())))
    if cls == h5t.COMPOUND:
        members = range(kind.get_nmembers())
        # What has variable length is larger in memory than in files with narrow addresses.
        places = ["" if indirect(kind) else kind.get_member_offset(at) for at in members]
        parts = ("%s@%s:%s" % (text(kind.get_member_name(at)), places[at], described(kind.get_member_type(at))) for at in members)
        return "compound(%s;%s)" % ("" if indirect(kind) else size, ",".join(parts))
    if cls == getattr(h5t, "COMPLEX", None):
        return "complex(%s)" % described(kind.get_super())
    return "class(%d)" % cls


def bits(kind):
    order = {h5t.ORDER_LE: "le", h5t.ORDER_BE: "be"}.get(kind.get_order(), "none")
    return "%s,%d,%d" % (order, kind.get_offset(), kind.get_precision())


def shape(space):
    kind = space.get_simple_extent_type()
    if kind == h5s.NULL:
        return "null"
    if kind == h5s.SCALAR:
        return "scalar"
    sizes, limits = space.get_simple_extent_dims(), space.get_simple_extent_dims(True)
    return "x".join("%d/%s" % (size, "inf" if limit == h5s.UNLIMITED else limit) for size, limit in zip(sizes, limits))


def layout(plist):
    kind = plist.get_layout()
    if kind == h5d.CHUNKED:
        return "chunked(%s)" % ",".join(map(str, plist.get_chunk()))
    return {h5d.COMPACT: "compact", h5d.CONTIGUOUS: "contiguous", h5d.VIRTUAL: "virtual"}[kind]


def filters(plist):
    found = [plist.get_filter(at) for at in range(plist.get_nfilters())]
    return ",".join("%d:%s" % (code, ".".join(map(str, values))) for code, _, values, _ in found)


class Seen:
    """What is seen in one file."""

    def __init__(self, root):
        self.root = root
        self.lines = []
        self.paths = {}
        self.damaged = False

    def walk(self):
        """Every link, groups before what is in them, otherwise by name."""
        ahead = [("/", None, None)]
        while ahead:
            path, group, name = ahead.pop()
            try:
                ahead.extend(reversed(self.link(path, group, name)))
            except Exception:
                self.damaged = True
        for path, address in list(self.paths.values()):
            self.object(path, address)

    def link(self, path, group, name):
        if name is not None:
            info = group.links.get_info(name)
            if info.type == h5l.TYPE_SOFT:
                self.lines.append("soft %s %s" % (text(path), text(group.links.get_val(name))))
                return []
            if info.type == h5l.TYPE_EXTERNAL:
                file, target = group.links.get_val(name)
                self.lines.append("external %s %s %s" % (text(path), text(file), text(target)))
                return []
            if info.type != h5l.TYPE_HARD:
                self.lines.append("other %s %d" % (text(path), info.type))
                return []
        opened = h5o.open(self.root, b".") if name is None else h5o.open(group, name)
        address = h5o.get_info(opened).addr
        first = address not in self.paths
        if first:
            self.paths[address] = (path, opened)
        self.lines.append("hard %s %s" % (text(path), text(self.paths[address][0])))
        if not first or not isinstance(opened, h5g.GroupID):
            return []
        names = []
        opened.links.iterate(lambda name, *_: names.append(name) and None, idx_type=h5py.h5.INDEX_NAME, order=h5py.h5.ITER_INC)
        prefix = path if path == "/" else path + "/"
        return [(prefix + name.decode("utf-8", "surrogateescape"), opened, name) for name in sorted(names)]

    def object(self, path, opened):
        try:
            if isinstance(opened, h5g.GroupID):
                self.lines.append("group %s" % text(path))
            elif isinstance(opened, h5d.DatasetID):
                self.dataset(path, opened)
            else:
                self.lines.append("type %s %s" % (text(path), described(opened)))
        except Exception:
            self.damaged = True
        try:
            for at in range(h5a.get_num_attrs(opened)):
                self.attribute(path, opened, at)
        except Exception:
            self.damaged = True

    def dataset(self, path, opened):
        plist, kind, space = opened.get_create_plist(), opened.get_type(), opened.get_space()
        parts = (text(path), described(kind), shape(space), layout(plist), filters(plist))
        self.lines.append("dataset %s %s %s %s [%s]" % parts)
        for at in range(plist.get_external_count()):
            file, offset, size = plist.get_external(at)
            self.lines.append("storage %s %s %d %d" % (text(path), text(file), offset, size % 2**64))
        if plist.get_layout() == h5d.VIRTUAL:
            for at in range(plist.get_virtual_count()):
                file, dataset = plist.get_virtual_filename(at), plist.get_virtual_dsetname(at)
                self.lines.append("source %s %s %s" % (text(path), text(file), text(dataset)))
        else:
            self.data(path, opened, plist, kind, space)

    def data(self, path, opened, plist, kind, space):
        """The elements as they are stored."""
        size = space.get_simple_extent_npoints() * kind.get_size()
        ours = plist.get_layout() != h5d.CHUNKED or all(code in (1, 2, 3, 32000) for code, *_ in (plist.get_filter(at) for at in range(plist.get_nfilters())))
        if not 0 < size <= DATA or plist.get_external_count() or not ours or indirect(kind) or padded(kind):
            return
        if plist.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED:
            return
        buffer = np.zeros(size, "u1")
        try:
            opened.read(h5s.ALL, h5s.ALL, buffer.view("V%d" % kind.get_size()), mtype=kind)
        except Exception:
            self.damaged = True
            return
        self.lines.append("data %s %s" % (text(path), buffer.tobytes().hex()))

    def attribute(self, path, opened, at):
        try:
            opened_at = h5a.open(opened, index=at, index_type=h5py.h5.INDEX_NAME)
            kind, space = opened_at.get_type(), opened_at.get_space()
            line = "attribute %s %s %s %s" % (text(path), text(opened_at.name), described(kind), shape(space))
        except Exception:
            self.damaged = True
            return
        try:
            self.budget = PARTS
            value = self.value(opened_at, opened, kind, space)
        except Exception:
            value = "?"
        self.lines.append("%s %s" % (line, value))

    def value(self, attribute, owner, kind, space):
        if space.get_simple_extent_type() == h5s.NULL:
            return "none"
        name = attribute.name.decode("utf-8", "surrogateescape")
        value = h5py.AttributeManager(Owner(owner))[name] if not contains_time(kind) else None
        if space.get_simple_extent_type() == h5s.SCALAR:
            return self.one(value, kind)
        return self.many(np.asarray(value), kind, len(space.get_simple_extent_dims()))

    def many(self, values, kind, rank):
        """A list; the first `rank` dimensions are the list's, the others belong to elements."""
        count = int(np.prod(values.shape[:rank], dtype="i8"))
        flat = values.reshape((count,) + values.shape[rank:])
        shown = []
        for at in range(min(count, ELEMENTS)):
            if self.budget == 0:
                break
            self.budget -= 1
            shown.append(self.one(flat[at], kind))
        more = count - len(shown)
        return "[%s]" % " ".join(shown + (["+%d" % more] if more else []))

    def one(self, value, kind):
        cls = kind.get_class()
        if cls in (h5t.INTEGER, h5t.BITFIELD):
            return "i%d" % int(value)
        if cls == h5t.FLOAT:
            return number(value)
        if cls == h5t.STRING:
            if isinstance(value, h5py.Empty):
                return "t0:"
            return cut("t", value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape"))
        if cls == h5t.OPAQUE:
            return cut("b", np.asarray(value).tobytes())
        if cls == h5t.ENUM:
            return ("true" if value else "false") if np.asarray(value).dtype == bool else "i%d" % int(value)
        if cls == h5t.REFERENCE:
            return self.reference(value)
        if cls == h5t.VLEN:
            return self.many(np.asarray(value), kind.get_super(), 1)
        if cls == h5t.ARRAY:
            values, base = np.asarray(value), kind.get_super()
            return self.many(values, base, len(kind.get_array_dims()))
        if cls == h5t.COMPOUND:
            return self.compound(value, kind)
        if cls == getattr(h5t, "COMPLEX", None):
            self.budget -= 2
            return "[%s %s]" % (number(value.real), number(value.imag))
        raise ValueError("no value")

    def compound(self, value, kind):
        parts = []
        members = kind.get_nmembers()
        value = np.asarray(value)
        for at in range(min(members, ELEMENTS)):
            name = kind.get_member_name(at)
            if value.dtype.names is None:
                part = value.real if at == 0 else value.imag
            else:
                part = value[name.decode("utf-8", "surrogateescape")]
                part = part[()] if part.shape == () else part
            parts.append("%s=%s" % (text(name), self.one(part, kind.get_member_type(at))))
        if members > ELEMENTS:
            parts.append("+%d" % (members - ELEMENTS))
        return "{%s}" % " ".join(parts)

    def reference(self, value):
        if not value:
            return "none"
        opened = h5r.dereference(value, self.root)
        address = h5o.get_info(opened).addr
        return cut("t", self.paths[address][0].encode("utf-8", "surrogateescape")) if address in self.paths else "?"


class Owner:
    """What h5py's attributes want of an object."""

    def __init__(self, opened):
        self.id = opened


def number(value):
    value = float(value)
    return "fnan" if value != value else "f" + struct.pack(">d", value).hex()


def cut(letter, raw):
    return "%s%d:%s" % (letter, len(raw), raw[:HEAD].hex())


def parts(kind):
    """The types that a type is made of."""
    cls = kind.get_class()
    if cls in (h5t.VLEN, h5t.ARRAY, h5t.ENUM):
        return [kind.get_super()]
    if cls == h5t.COMPOUND:
        return [kind.get_member_type(at) for at in range(kind.get_nmembers())]
    return []


def indirect(kind):
    variable = kind.get_class() == h5t.STRING and kind.is_variable_str()
    return variable or kind.get_class() in (h5t.VLEN, h5t.REFERENCE) or any(map(indirect, parts(kind)))


def contains_time(kind):
    return kind.get_class() == h5t.TIME or any(map(contains_time, parts(kind)))


def extended(kind):
    return kind.get_class() == h5t.FLOAT and kind.get_size() > 8 or any(map(extended, parts(kind)))


def padded(kind):
    """Whether an element has bytes that are nobody's."""
    if kind.get_class() == h5t.COMPOUND:
        return sum(part.get_size() for part in parts(kind)) != kind.get_size() or any(map(padded, parts(kind)))
    return any(map(padded, parts(kind)))


def answer(data):
    try:
        opened = h5py.File(io.BytesIO(data), "r")
    except Exception:
        return None
    seen = Seen(opened.id)
    try:
        seen.walk()
    except Exception:
        seen.damaged = True
    return (["damaged"] if seen.damaged else []) + seen.lines


# --- files -----------------------------------------------------------------------------------------


class Maker:
    """Makes one file."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.names = 0
        self.committed = []

    def made(self):
        rng = self.rng
        buffer = io.BytesIO()
        low = rng.randrange(len(BOUNDS))
        bounds = (BOUNDS[low], rng.choice(BOUNDS[max(low, 1):] + ("latest",)))
        fcpl, fapl = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
        self.creation(fcpl)
        numbers = {"earliest": h5f.LIBVER_EARLIEST, "latest": h5f.LIBVER_LATEST}
        numbers.update((name, getattr(h5f, "LIBVER_V" + name[1:].lstrip("0") if name != "v108" else "LIBVER_V18")) for name in BOUNDS[1:])
        fapl.set_libver_bounds(numbers[bounds[0]], numbers[bounds[1]])
        fapl.set_fileobj_driver(h5py.h5fd.fileobj_driver, buffer)
        opened = h5py.File(h5f.create(b"made", h5f.ACC_TRUNC, fcpl=fcpl, fapl=fapl))
        self.file = opened
        self.fill(opened)
        opened.close()
        data = buffer.getvalue()
        if self.block:
            filler = bytes(self.block) if rng.random() < 0.5 else b"# user block\n" + bytes(self.block - 13)
            data = filler + data[self.block:]
        return data

    def creation(self, fcpl):
        rng = self.rng
        self.block = rng.choice((0,) * 6 + (512, 1024, 2048))
        fcpl.set_userblock(self.block)
        if rng.random() < 0.2:
            fcpl.set_sizes(rng.choice((4, 8)), rng.choice((4, 8)))
        if rng.random() < 0.2 and not self.block:
            strategy = rng.choice((h5f.FSPACE_STRATEGY_FSM_AGGR, h5f.FSPACE_STRATEGY_PAGE, h5f.FSPACE_STRATEGY_AGGR, h5f.FSPACE_STRATEGY_NONE))
            fcpl.set_file_space_strategy(strategy, rng.random() < 0.5, 1)
        order = h5p.CRT_ORDER_TRACKED | (h5p.CRT_ORDER_INDEXED if rng.random() < 0.5 else 0)
        if rng.random() < 0.2:
            fcpl.set_link_creation_order(order)
        if rng.random() < 0.2:
            fcpl.set_attr_creation_order(order)
        if LIBRARY and rng.random() < 0.25:
            LIBRARY.H5Pset_shared_mesg_nindexes(ctypes.c_int64(fcpl.id), ctypes.c_uint(1))
            flags = rng.choice((0x1f, 0x10, 0x02 | 0x08))
            LIBRARY.H5Pset_shared_mesg_index(ctypes.c_int64(fcpl.id), ctypes.c_uint(0), ctypes.c_uint(flags), ctypes.c_uint(rng.choice((1, 20, 50))))
            LIBRARY.H5Pset_shared_mesg_phase_change(ctypes.c_int64(fcpl.id), ctypes.c_uint(rng.choice((0, 5, 50))), ctypes.c_uint(0))

    def name(self):
        self.names += 1
        rng = self.rng
        tail = rng.choice(("", "", "", " with spaces", "\u00e4\u00f6\u00fc", "\u4e2d\u6587", ":0", "x" * rng.randrange(1, 300)))
        return "%s%d%s" % (rng.choice("abcxyz"), self.names, tail)

    def fill(self, opened):
        groups = [opened]
        for _ in range(self.rng.randrange(1, 12)):
            try:
                self.member(groups)
            except (ValueError, OSError, RuntimeError):
                # A combination that the library refuses.
                pass
        if self.rng.random() < 0.15:
            many = self.group(self.rng.choice(groups))
            for at in range(self.rng.choice((9, 40, 300, 700))):
                roll = self.rng.random()
                if roll < 0.3:
                    many.create_group("g%d" % at)
                elif roll < 0.6:
                    many["s%d" % at] = h5py.SoftLink("/nowhere/%d" % at)
                else:
                    many["d%d" % at] = np.arange(at % 5, dtype="f4")
        if self.rng.random() < 0.2:
            target = self.rng.choice(groups)
            for at in range(self.rng.choice((9, 30, 120))):
                self.attribute(target, "many%d" % at)
        if self.rng.random() < 0.2:
            self.deletions(opened)

    def member(self, groups):
        rng, parent = self.rng, self.rng.choice(groups)
        roll = rng.random()
        if roll < 0.25:
            groups.append(self.group(parent))
        elif roll < 0.33:
            parent[self.name()] = h5py.SoftLink(rng.choice(("/", "nowhere", "../up", "/a/b/c", "\u00e4")))
        elif roll < 0.40:
            parent[self.name()] = h5py.ExternalLink(rng.choice(("other.h5", "../up.h5", "/etc/passwd")), rng.choice(("/", "/a/b", "x")))
        elif roll < 0.45:
            parent[self.name()] = rng.choice(groups)
        elif roll < 0.52:
            kind = self.datatype()
            if not kind.committed():
                kind.commit(parent.id, self.name().encode())
                self.committed.append(kind)
        else:
            self.dataset(parent)
        for _ in range(rng.choice((0, 0, 1, 2, 4))):
            self.attribute(parent, self.name())

    def group(self, parent):
        gcpl = h5p.create(h5p.GROUP_CREATE)
        rng = self.rng
        if rng.random() < 0.3:
            gcpl.set_link_creation_order(h5p.CRT_ORDER_TRACKED | (h5p.CRT_ORDER_INDEXED if rng.random() < 0.5 else 0))
        if rng.random() < 0.3:
            gcpl.set_attr_phase_change(*rng.choice(((0, 0), (2, 1), (8, 6), (60, 3))))
        if LIBRARY and rng.random() < 0.3:
            LIBRARY.H5Pset_link_phase_change(ctypes.c_int64(gcpl.id), ctypes.c_uint(rng.choice((0, 2, 20))), ctypes.c_uint(0))
        return h5py.Group(h5g.create(parent.id, self.name().encode(), gcpl=gcpl))

    def deletions(self, opened):
        names = list(opened)
        for name in self.rng.sample(names, len(names) // 3):
            try:
                del opened[name]
            except KeyError:
                # Shared messages whose last user was deleted before.
                pass
        opened["late"] = np.arange(5)

    def dataset(self, parent):
        roll = self.rng.random()
        if roll < 0.1:
            self.external(parent)
        elif roll < 0.2:
            self.virtual(parent)
        else:
            self.plain(parent)

    def external(self, parent):
        dcpl = h5p.create(h5p.DATASET_CREATE)
        for at in range(self.rng.randrange(1, 4)):
            dcpl.set_external(b"../data%d.bin" % at, self.rng.randrange(100), 40)
        h5d.create(parent.id, self.name().encode(), h5t.NATIVE_INT32, h5s.create_simple((10,)), dcpl)

    def virtual(self, parent):
        rows = self.rng.randrange(1, 30)
        made = h5py.VirtualLayout(shape=(rows, 10), maxshape=(None, 10), dtype="i4")
        for row in range(rows):
            file = self.rng.choice(("one.h5", "a/rather/long/name/of/a/file.h5", "two.h5", "."))
            source = h5py.VirtualSource(file, "/data/rather/long/%d" % (row % 3), shape=(rows, 10))
            if self.rng.random() < 0.3:
                made[row, 0:10:2] = source[row, 5:10]
            else:
                made[row] = source[row]
        parent.create_virtual_dataset(self.name(), made)

    def plain(self, parent):
        rng = self.rng
        kind = self.datatype()
        rank = rng.choice((0, 1, 1, 1, 2, 2, 3))
        sizes = tuple(rng.randrange(1 if rng.random() < 0.9 else 0, 14) for _ in range(rank))
        if rng.random() < 0.1 and rank == 1:
            sizes = (rng.choice((300, 2000, 9000)),)
        dcpl = h5p.create(h5p.DATASET_CREATE)
        space = h5s.create_simple(sizes, self.limits(sizes, dcpl, kind)) if rank else h5s.create(h5s.SCALAR)
        if rng.random() < 0.05:
            space, dcpl = h5s.create(h5s.NULL), h5p.create(h5p.DATASET_CREATE)
        if rng.random() < 0.3:
            dcpl.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        if rng.random() < 0.3:
            dcpl.set_attr_phase_change(0, 0)
        made = h5d.create(parent.id, self.name().encode(), kind, space, dcpl)
        if space.get_simple_extent_npoints() and rng.random() < 0.9:
            self.write(made, kind, space)
        if rng.random() < 0.5:
            self.attribute(h5py.Dataset(made), self.name())

    def limits(self, sizes, dcpl, kind):
        """How far the dataset may grow, with a layout that lets it."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.15:
            if int(np.prod(sizes)) * kind.get_size() < 60000:
                dcpl.set_layout(h5d.COMPACT)
            return sizes
        if roll < 0.4 or 0 in sizes:
            return sizes
        dcpl.set_chunk(tuple(max(1, rng.randrange(1, size + 1)) if size < 100 else rng.choice((1, 7, 64)) for size in sizes))
        self.filters(dcpl, kind)
        limits = list(sizes)
        for at in range(len(sizes)):
            choice = rng.random()
            limits[at] = h5s.UNLIMITED if choice < 0.3 else sizes[at] + rng.randrange(20) if choice < 0.5 else sizes[at]
        return tuple(limits)

    def filters(self, dcpl, kind):
        rng = self.rng
        if rng.random() < 0.4:
            return
        if rng.random() < 0.1 and kind.get_class() == h5t.INTEGER:
            dcpl.set_scaleoffset(h5py.h5z.SO_INT, 0)
            return
        if rng.random() < 0.1 and kind.get_class() in (h5t.INTEGER, h5t.FLOAT) and kind.get_size() in (1, 2, 4, 8):
            dcpl.set_szip(h5py.h5z.SZIP_NN_OPTION_MASK, 8)
            return
        if rng.random() < 0.5:
            dcpl.set_shuffle()
        if rng.random() < 0.7:
            dcpl.set_deflate(rng.randrange(1, 10))
        elif rng.random() < 0.5 and not indirect(kind):
            dcpl.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)
        if rng.random() < 0.4:
            dcpl.set_fletcher32()

    def write(self, made, kind, space):
        size = space.get_simple_extent_npoints() * kind.get_size()
        if indirect(kind):
            try:
                self.write_values(h5py.Dataset(made), kind)
            except Exception:
                pass
            return
        raw = self.numbers.integers(0, 256 if self.rng.random() < 0.5 else 3, size, dtype="u1")
        made.write(h5s.ALL, h5s.ALL, raw.view("V%d" % kind.get_size()), mtype=kind)

    def write_values(self, made, kind):
        count = int(np.prod(made.shape, dtype="i8"))
        if kind.get_class() == h5t.STRING:
            values = np.array([self.word() for _ in range(count)], dtype=object)
            made[...] = values.reshape(made.shape) if made.shape else values[0]

    def word(self):
        return self.rng.choice(("", "a", "word", "\u00fcber", "long " * self.rng.randrange(100)))

    def number_type(self):
        rng = self.rng
        kind = rng.choice((
            h5t.STD_I8LE, h5t.STD_I16BE, h5t.STD_I32LE, h5t.STD_I64BE, h5t.STD_U8BE, h5t.STD_U16LE, h5t.STD_U32BE,
            h5t.STD_U64LE, h5t.IEEE_F32LE, h5t.IEEE_F32BE, h5t.IEEE_F64LE, h5t.IEEE_F64BE, h5t.IEEE_F16LE,
            h5t.NATIVE_LDOUBLE)).copy()
        # libhdf5 does not convert single bytes of which only some bits count.
        if kind.get_class() == h5t.INTEGER and kind.get_size() > 1 and rng.random() < 0.2:
            precision = rng.randrange(1, 8 * kind.get_size() + 1)
            kind.set_precision(precision)
            kind.set_offset(rng.randrange(8 * kind.get_size() - precision + 1))
        return kind

    def datatype(self, depth=0):
        rng = self.rng
        if depth == 0 and self.committed and rng.random() < 0.3:
            return rng.choice(self.committed)
        roll = rng.random()
        if roll < 0.5 or depth > 3:
            return self.number_type()
        if roll < 0.62:
            return self.text_type()
        if roll < 0.66:
            kind = h5t.create(h5t.OPAQUE, rng.randrange(1, 40))
            kind.set_tag(rng.choice((b"", b"tag", b"NUMPY:datetime64")))
            return kind
        if roll < 0.70:
            return rng.choice((h5t.STD_B8LE, h5t.STD_B16LE, h5t.STD_B32BE, h5t.STD_B64LE)).copy()
        if roll < 0.72:
            return rng.choice((h5t.UNIX_D32LE, h5t.UNIX_D64BE)).copy()
        if roll < 0.78:
            return self.enumeration()
        if roll < 0.86:
            return self.compound(depth)
        if roll < 0.92:
            sizes = tuple(rng.randrange(1, 4) for _ in range(rng.randrange(1, 4)))
            return h5t.array_create(self.datatype(depth + 1), sizes)
        if roll < 0.96:
            return h5t.vlen_create(self.datatype(depth + 1))
        if roll < 0.98:
            return h5t.STD_REF_OBJ.copy()
        complex_type = getattr(h5t, "COMPLEX_IEEE_F32LE", None)
        return complex_type.copy() if complex_type is not None and rng.random() < 0.8 else self.number_type()

    def text_type(self):
        kind = h5t.C_S1.copy()
        rng = self.rng
        kind.set_size(h5t.VARIABLE if rng.random() < 0.4 else rng.randrange(1, 30))
        kind.set_cset(rng.choice((h5t.CSET_ASCII, h5t.CSET_UTF8)))
        if not kind.is_variable_str():
            kind.set_strpad(rng.choice((h5t.STR_NULLTERM, h5t.STR_NULLPAD, h5t.STR_SPACEPAD)))
        return kind

    def enumeration(self):
        rng = self.rng
        if rng.random() < 0.3:
            return h5t.py_create(np.dtype(bool), logical=True)
        kind = h5t.enum_create(rng.choice((h5t.STD_I8LE, h5t.STD_I16BE, h5t.STD_U32LE)))
        for at in range(rng.randrange(1, 12)):
            kind.enum_insert(("NAME%d" % at).encode(), at * 3)
        return kind

    def compound(self, depth):
        rng = self.rng
        parts, offset = [], 0
        for at in range(rng.randrange(1, 6)):
            part = self.datatype(depth + 1)
            offset += rng.choice((0, 0, 3))
            parts.append((("field%d" % at).encode(), offset, part))
            offset += part.get_size()
        kind = h5t.create(h5t.COMPOUND, offset + rng.choice((0, 0, 5)))
        for name, offset, part in parts:
            kind.insert(name, offset, part)
        return kind

    def attribute(self, target, name):
        """An attribute: of a value that h5py chooses a type for, or of any type."""
        rng = self.rng
        values = (
            lambda: rng.randrange(-1000, 1000), lambda: rng.random(), lambda: self.word(), lambda: self.word().encode(),
            lambda: np.float32(rng.random()), lambda: np.longdouble(rng.random() - 0.5), lambda: np.arange(rng.randrange(200), dtype="i2"), lambda: True,
            lambda: [self.word() for _ in range(rng.randrange(1, 90))], lambda: np.array([b"abc", b"de"], dtype="S4"),
            lambda: h5py.Empty("f4"), lambda: np.bytes_(b"fixed"), lambda: np.void(b"opaque\0\1"), lambda: self.file.ref,
            lambda: np.array([True, False]), lambda: np.zeros((3, 4), ">f8"), lambda: 1 + 2j, lambda: "x" * rng.choice((100, 5000)),
            lambda: np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
            lambda: np.arange(rng.choice((1000, 9000)), dtype="u1") if rng.random() < 0.3 else 7)
        try:
            if rng.random() < 0.6:
                target.attrs.create(name, rng.choice(values)())
            else:
                self.typed(target, name)
        except Exception:
            # Too large for a header of an early version.
            pass

    def typed(self, target, name):
        kind = self.datatype()
        sizes = tuple(self.rng.randrange(1, 5) for _ in range(self.rng.choice((0, 1, 2))))
        space = h5s.create_simple(sizes) if sizes else h5s.create(h5s.SCALAR)
        made = h5a.create(target.id, name.encode(), kind, space)
        # Most bits of an extended number are no number.
        if not indirect(kind) and not extended(kind) and self.rng.random() < 0.9:
            raw = self.numbers.integers(0, 256, space.get_simple_extent_npoints() * kind.get_size(), dtype="u1")
            made.write(raw.view("V%d" % kind.get_size()).reshape(sizes), mtype=kind)


LIBRARY = library()


def statistics(seed, start, count):
    """Prints how much the made files hold."""
    answers = [answer(Maker(seed * 1000003 + index).made()) for index in range(start, start + count)]
    print("%d files, %d open, %d damaged" % (count, sum(a is not None for a in answers), sum(bool(a) and a[0] == "damaged" for a in answers)))
    kinds = {}
    for line in (line for a in answers if a for line in a):
        kinds[line.split(" ")[0]] = kinds.get(line.split(" ")[0], 0) + 1
    print(kinds)


def main():
    mode, values = stream.arguments(sys.argv[1:])
    stream.confine()
    if mode == "answer":
        stream.answer(answer)
    elif mode == "statistics":
        statistics(values["seed"], values["start"], values["count"])
    else:
        def one(index):
            data = Maker(values["seed"] * 1000003 + index).made()
            return data, answer(data)

        stream.generate(one, values["start"], values["count"], values["batch"])
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
