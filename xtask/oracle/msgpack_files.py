"""Documents of MessagePack, and what the `msgpack` package reads in them.

usage: msgpack_files.py --seed N --count N
"""
import random
import struct
import sys

import msgpack

import stream


def value(rng, depth=0):
    choice = rng.randrange(14 if depth < 5 else 10)
    if choice < 2:
        return rng.choice([1, -1]) * rng.getrandbits(rng.choice([3, 7, 8, 15, 16, 31, 32, 63]))
    if choice == 2:
        return rng.random() * 10 ** rng.randint(-300, 300)
    if choice == 3:
        return rng.choice([None, True, False])
    if choice < 6:
        return "".join(rng.choice("abc ü日") for _ in range(rng.choice([0, 3, 31, 32, 255, 256, 70000 if depth == 0 else 9])))
    if choice < 8:
        return rng.randbytes(rng.choice([0, 1, 255, 256, 300]))
    if choice == 8:
        return msgpack.ExtType(rng.randrange(0, 128), rng.randbytes(rng.choice([1, 2, 4, 8, 16, 3, 17, 256, 300])))
    if choice == 9:
        return msgpack.Timestamp(rng.getrandbits(rng.choice([30, 33, 40])), rng.randrange(10**9))
    if choice < 12:
        return [value(rng, depth + 1) for _ in range(rng.choice([0, 1, 3, 15, 16, 20]))]
    return {f"k{index}": value(rng, depth + 1) for index in range(rng.choice([0, 1, 3, 15, 16, 20]))}


def lines(it):
    if isinstance(it, dict):
        return [f"map {len(it)}"] + [line for pair in it.items() for part in pair for line in lines(part)]
    if isinstance(it, list):
        return [f"list {len(it)}"] + [line for part in it for line in lines(part)]
    if isinstance(it, str):
        return [f"text {it.encode('utf8').hex()[:64]} {len(it.encode('utf8'))}"]
    if isinstance(it, bytes):
        return [f"bytes {it.hex()[:64]} {len(it)}"]
    if isinstance(it, msgpack.ExtType):
        return [f"extension {it.code} {it.data.hex()[:64]} {len(it.data)}"]
    if isinstance(it, msgpack.Timestamp):
        data = it.to_bytes()
        return [f"extension -1 {data.hex()[:64]} {len(data)}"]
    if isinstance(it, bool):
        return [f"bool {int(it)}"]
    if it is None:
        return ["nil"]
    if isinstance(it, float):
        return [f"float {struct.pack('>d', it).hex()}"]
    return [f"int {it}"]


def main():
    _, words = stream.arguments(["generate"] + sys.argv[1:])
    for index in range(words["start"], words["start"] + words["count"]):
        rng = random.Random(f"{words['seed']}-{index}")
        made = value(rng)
        try:
            data = msgpack.packb(made, use_single_float=rng.random() < 0.2)
        except OverflowError:
            data = msgpack.packb(made)
        read = msgpack.unpackb(data, strict_map_key=False)
        answer = {"path": f"seed {words['seed']} index {index}", "lines": lines(read)}
        sys.stdout.buffer.write(stream.record(data, answer))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
