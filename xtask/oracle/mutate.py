"""Damage and combination: what an attacker or a broken disk makes of a pickle or an archive."""


def mutated(rng, data, pieces, other):
    """`data` after one to four changes; `pieces` are byte strings worth inserting, `other()` more data."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(9)
        if how == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 2:
            data[at:at] = rng.choice(pieces)
        elif how == 3:
            del data[at : at + rng.randrange(1, 9)]
        elif how == 4:
            length = rng.randrange(1, 40)
            data[at:at] = data[at : at + length]
        elif how == 5:
            del data[at:]
        elif how == 6:
            there = other()
            start = rng.randrange(len(there) + 1)
            data[at:] = there[start:]
        elif how == 7 and data:
            start = rng.randrange(len(data))
            data[at:at] = data[start : start + rng.randrange(1, 30)]
        elif at < len(data):
            piece = rng.choice(pieces)
            data[at : at + len(piece)] = piece
    return bytes(data)
