"""What is worth writing into a field of a file, and how it is written."""

INTERESTING = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF]
INTERESTING += [0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
WIDE = [*INTERESTING, 1 << 32, 1 << 61, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def put(data, place, width, value, order="big"):
    """Write a number over `width` bytes; nothing if they are not all inside."""
    if place >= 0 and place + width <= len(data):
        data[place : place + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, order)


def number_near(value, dice):
    """Return an extreme value, one near the old one, or any."""
    kind = dice.random()
    if kind < 0.6:
        return dice.choice(INTERESTING)
    if kind < 0.85:
        return max(value + dice.choice([-2, -1, 1, 2, value, -(value // 2)]), 0)
    return dice.randrange(1 << 32)


def poke(data, place, width, dice, order="big"):
    """Change a field of 1, 2, 4 or 8 bytes."""
    if place < 0 or place + width > len(data):
        return
    old = int.from_bytes(data[place : place + width], order)
    put(data, place, width, dice.choice(WIDE) if width == 8 else number_near(old, dice), order)


def splice(data, pieces, dice):
    """Remove, double, swap or empty one of the pieces (begin, end) of a file."""
    begin, end = dice.choice(pieces)
    kind = dice.random()
    if kind < 0.3:
        del data[begin:end]
    elif kind < 0.55:
        data[begin:begin] = data[begin:end]
    elif kind < 0.85:
        other_begin, other_end = dice.choice(pieces)
        if other_begin >= end:
            data[begin:other_end] = data[other_begin:other_end] + data[end:other_begin] + data[begin:end]
    else:
        data[begin:end] = bytes(end - begin)
    return data


def mutate_bytes(data, dice):
    """Change, cut, remove or double some bytes anywhere."""
    if not data:
        return data
    place = dice.randrange(len(data))
    kind = dice.random()
    if kind < 0.4:
        data[place] = dice.randrange(256)
    elif kind < 0.6:
        width = dice.choice([2, 4, 8])
        poke(data, place & -2, width, dice, dice.choice(["big", "little"]))
    elif kind < 0.75:
        del data[place:]
    elif kind < 0.9:
        del data[place : place + dice.randrange(1, 64)]
    else:
        data[place:place] = data[place : place + dice.randrange(1, 512)]
    return data
