"""Mutations of streams of packets, pages and frames."""

from mutations.fields import WIDE, mutate_bytes, poke, put, splice


def places_of(data, mark):
    """Return where a mark stands."""
    places = []
    place = data.find(mark)
    while place >= 0:
        places.append(place)
        place = data.find(mark, place + len(mark))
    return places


def between(places, end):
    """The pieces (begin, end) that begin at places of a file."""
    return list(zip(places, [*places[1:], end], strict=False))


def mutate_ogg(data, dice):
    """Change the head of a page, mostly with a checksum that is right again."""
    pages = places_of(data, b"OggS")
    if not pages:
        return mutate_bytes(data, dice)
    place = dice.choice(pages)
    kind = dice.random()
    if kind < 0.35:
        put(data, place + 6, 8, dice.choice(WIDE), "little")  # the granule position
    elif kind < 0.55:
        put(data, place + dice.choice([5, 14, 18, 26]), 1, dice.randrange(256))
    elif kind < 0.75:
        put(data, place + 27 + dice.randrange(8), 1, dice.choice([0, 1, 254, 255]))
    elif kind < 0.9:  # the headers of the codec
        place = dice.choice(pages[:2])
        poke(data, place + 28 + dice.randrange(40), dice.choice([1, 2, 4]), dice, "little")
    else:
        return splice(data, between(pages, len(data)), dice)
    if dice.random() < 0.8:
        fix_ogg_checksum(data, place)
    return data


def fix_ogg_checksum(data, place):
    """Make the checksum of a page right, so that the page is not simply dropped."""
    segments = data[place + 26] if place + 26 < len(data) else 0
    end = place + 27 + segments + sum(data[place + 27 : place + 27 + segments])
    put(data, place + 22, 4, 0, "little")
    value = 0
    for byte in data[place:end]:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if value & 0x80000000 else value << 1
    put(data, place + 22, 4, value, "little")


def mutate_nal(data, dice):
    """Change the bytes behind a start code, where parameter sets and slice headers begin."""
    places = places_of(data, b"\0\0\1")
    if not places:
        return mutate_bytes(data, dice)
    if dice.random() < 0.15:
        return splice(data, between(places, len(data)), dice)
    place = dice.choice(places[:8] if dice.random() < 0.5 else places) + 3
    put(data, place + dice.randrange(24), 1, dice.randrange(256))
    return data


def mutate_ts(data, dice):
    """Change the head of a transport packet: its number, flags, clock, or the time in it."""
    kind = dice.random()
    if len(data) < 188 or kind < 0.4:
        return mutate_nal(data, dice)
    packets = [(place, place + 188) for place in range(0, len(data) - 187, 188)]
    if kind < 0.6:
        return splice(data, packets, dice)
    place, _ = dice.choice(packets)
    if kind < 0.8:
        put(data, place + 1 + dice.randrange(11), 1, dice.randrange(256))
    else:
        begins = [place for place in places_of(data, b"\0\0\1\xe0") if place + 19 < len(data)]
        if begins:  # flags, pts and dts of a PES packet
            put(data, dice.choice(begins) + 6 + dice.randrange(13), 1, dice.randrange(256))
    return data


def mutate_frames(data, dice):
    """Change the head of a frame of MP3, ADTS, AC-3, FLAC or WavPack, or of the file."""
    marks = [b"\xff\xfb", b"\xff\xf1", b"\x0b\x77", b"\xff\xf8", b"wvpk"]
    places = next((found for mark in marks if (found := places_of(data, mark))), [0])
    kind = dice.random()
    if kind < 0.2:
        return splice(data, between(places, len(data)), dice)
    place = dice.choice(places) if kind < 0.7 else 0
    poke(data, place + dice.randrange(40), dice.choice([1, 1, 2, 4]), dice, dice.choice(["big", "little"]))
    return data


def mutate_gif(data, dice):
    """Change the screen, or a field of a picture or of its delay."""
    places = sorted({0, *places_of(data, b"\x21\xf9\4"), *places_of(data, b"\0\x2c")})
    kind = dice.random()
    if kind < 0.15:
        return splice(data, between(places[1:], len(data)) or [(0, len(data))], dice)
    poke(data, dice.choice(places) + 2 + dice.randrange(12), dice.choice([1, 2]), dice, "little")
    return data
