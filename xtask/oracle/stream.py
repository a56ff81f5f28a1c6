"""How the oracles speak to their caller: framed records out, framed requests in, under limits."""
import faulthandler
import json
import resource
import struct
import sys
import warnings

# Records are written this many at a time; a watchdog ends the process when one batch takes too long,
# because nothing in Python can interrupt the hashing of a tuple that holds itself 2**60 times over.
BATCH = 250
PATIENCE = 20
MEMORY = 768 << 20


def confine():
    """Caps memory, so that a made-up index or length fails at once, and silences warnings."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(500)


def record(data, answer):
    """A record: length and bytes of the input, length and JSON text of what was seen in it."""
    text = json.dumps(answer, separators=(",", ":")).encode("ascii")
    return b"".join((struct.pack("<I", len(data)), data, struct.pack("<I", len(text)), text))


def generate(make, start, count, batch):
    """Writes the records that `make(index)` gives for `count` indexes from `start` on."""
    out = sys.stdout.buffer
    for first in range(start, start + count, batch):
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        last = min(first + batch, start + count)
        out.write(b"".join(record(*make(index)) for index in range(first, last)))
        out.flush()


def answer(resolve):
    """Answers requests (length, bytes) from standard input with one record each, until it ends."""
    while True:
        head = sys.stdin.buffer.read(4)
        if len(head) < 4:
            return
        data = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        sys.stdout.buffer.write(record(data, resolve(data)))
        sys.stdout.buffer.flush()
        faulthandler.cancel_dump_traceback_later()


def arguments(words):
    """`--name value` pairs as a dictionary of whole numbers, and the mode before them."""
    values = {"seed": 0, "start": 0, "count": 1000, "batch": BATCH}
    for name, value in zip(words[1::2], words[2::2]):
        values[name.lstrip("-")] = int(value)
    return words[0] if words else "generate", values
