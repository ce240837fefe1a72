"""Mutations of media files that keep their structure.

They cover MP4 boxes, EBML, RIFF, Ogg pages, NAL units and index files.

A byte changed at random mostly ends in "invalid data". A mutation that knows where sizes, counts
and times stand reaches the code behind the first check.
"""

import random
import struct
import zlib

# What is worth writing where a size, a count or a time stands.
INTERESTING = [
    0,
    1,
    2,
    7,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
]
WIDE = [*INTERESTING, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]

CONTAINERS = {
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"moof",
    b"traf",
    b"mvex",
    b"udta",
    b"dinf",
}


def mp4_boxes(data, start=0, end=None):
    """(where it begins, size, name) of each box, those inside of others included."""
    place, end = start, len(data) if end is None else end
    while place + 8 <= end:
        size = struct.unpack_from(">I", data, place)[0]
        name = bytes(data[place + 4 : place + 8])
        if size < 8 or place + size > end:
            return
        yield place, size, name
        if name in CONTAINERS:
            yield from mp4_boxes(data, place + 8, place + size)
        place += size


def ebml_elements(data, start=0, end=None, depth=0):
    """Yield (position of the size field, its length, start of the content, size) per element."""
    place, end = start, len(data) if end is None else end
    while place < end - 2 and depth < 6:
        first = data[place]
        length = 9 - first.bit_length() if first else 0
        if not 1 <= length <= 4 or place + length >= end:
            return
        name = int.from_bytes(data[place : place + length], "big")
        size_place = place + length
        first = data[size_place]
        length = 9 - first.bit_length() if first else 0
        if not length or size_place + length > end:
            return
        size = int.from_bytes(data[size_place : size_place + length], "big") & ((1 << 7 * length) - 1)
        content = size_place + length
        yield size_place, length, content, min(size, end - content)
        if name in (0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xE0, 0x1549A966, 0x1C53BB6B, 0xBB, 0xB7):
            yield from ebml_elements(data, content, min(content + size, end), depth + 1)
        place = content + size


def riff_chunks(data, start=12, end=None):
    """(where it begins, size) of each chunk, those inside of lists included."""
    place, end = start, len(data) if end is None else end
    while place + 8 <= end:
        size = struct.unpack_from("<I", data, place + 4)[0]
        yield place, min(size, end - place - 8)
        if data[place : place + 4] == b"LIST":
            yield from riff_chunks(data, place + 12, min(place + 8 + size, end))
        place += 8 + size + (size & 1)


def put(data, place, width, value, order="big"):
    if place >= 0 and place + width <= len(data):
        data[place : place + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, order)


def mutate_mp4(data, dice):
    """Change a size, a count, a time or an entry of a box; remove, double or swap boxes."""
    boxes = list(mp4_boxes(data))
    if not boxes:
        return mutate_bytes(data, dice)
    leaves = [box for box in boxes if box[2] not in CONTAINERS and box[2] != b"mdat"] or boxes
    place, size, name = dice.choice(leaves if dice.random() < 0.85 else boxes)
    kind = dice.random()
    if kind < 0.12:
        put(data, place, 4, dice.choice([*INTERESTING, size - 1, size + 1, size // 2]))
    elif kind < 0.2:
        put(
            data,
            place + 4,
            4,
            int.from_bytes(dice.choice([b"free", b"skip", b"stts", b"ctts", b"stss", b"elst"]), "big"),
        )
    elif kind < 0.27:
        del data[place : place + size]
    elif kind < 0.34:
        data[place:place] = data[place : place + size]
    elif size > 16:
        field = place + 8 + 4 * dice.randrange((size - 8) // 4)
        if dice.random() < 0.2:
            put(data, field, 8, dice.choice(WIDE))
        else:
            put(data, field, 4, dice.choice(INTERESTING) if dice.random() < 0.7 else dice.randrange(1 << 32))
        del name
    return data


def mutate_ebml(data, dice):
    elements = list(ebml_elements(data))
    if not elements:
        return mutate_bytes(data, dice)
    size_place, length, content, size = dice.choice(elements)
    kind = dice.random()
    if kind < 0.25:
        value = dice.choice([0, 1, size + 1, max(size - 1, 0), (1 << 7 * length) - 1, (1 << 7 * length) - 2])
        put(data, size_place, length, (1 << 7 * length) | (value & ((1 << 7 * length) - 1)))
    elif kind < 0.35:
        del data[content : content + size]
    elif size and size <= 8:
        put(data, content, size, dice.choice(WIDE))
    elif size:
        data[content + dice.randrange(min(size, 8))] = dice.randrange(256)
    return data


def mutate_riff(data, dice):
    chunks = list(riff_chunks(data))
    if not chunks:
        return mutate_bytes(data, dice)
    place, size = dice.choice(chunks)
    kind = dice.random()
    if kind < 0.3:
        put(data, place + 4, 4, dice.choice([*INTERESTING, size + 1, max(size - 1, 0)]), "little")
    elif kind < 0.4:
        del data[place : place + 8 + size]
    elif size >= 4:
        field = place + 8 + 2 * dice.randrange(min(size, 128) // 2)
        put(data, field, dice.choice([2, 4]), dice.choice(INTERESTING), "little")
    return data


def mutate_ogg(data, dice):
    pages = []
    place = data.find(b"OggS")
    while place >= 0:
        pages.append(place)
        place = data.find(b"OggS", place + 4)
    if not pages:
        return mutate_bytes(data, dice)
    place = dice.choice(pages)
    kind = dice.random()
    if kind < 0.4:
        put(data, place + 6, 8, dice.choice(WIDE), "little")  # the granule position
    elif kind < 0.7:
        field = place + dice.choice([5, 14, 18, 26])
        put(data, field, 1, dice.randrange(256))
    else:
        put(data, place + 27 + dice.randrange(8), 1, dice.choice([0, 1, 254, 255]))
    if dice.random() < 0.8:
        fix_ogg_checksum(data, place)
    return data


def fix_ogg_checksum(data, place):
    """So that the page is not simply dropped."""
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
    places = [i for i in range(len(data) - 4) if data[i : i + 3] == b"\0\0\1"]
    if not places:
        return mutate_bytes(data, dice)
    place = dice.choice(places[:8] if dice.random() < 0.5 else places) + 3
    if dice.random() < 0.1:
        following = [other for other in places if other > place]
        del data[place - 3 : following[0] if following else len(data)]
    else:
        put(data, place + dice.randrange(24), 1, dice.randrange(256))
    return data


def mutate_index(data, dice):
    """A FrameIndex whose header or arrays were changed, with a checksum that is right again."""
    payload = bytearray(zlib.decompress(data[12:]))
    (length,) = struct.unpack_from("<I", payload)
    kind = dice.random()
    if kind < 0.6:
        text = payload[4 : 4 + length].decode()
        import json

        header = json.loads(text)
        name = dice.choice(list(header))
        header[name] = dice.choice(
            [
                0,
                1,
                -1,
                2**31 - 1,
                2**31,
                2**63,
                -(2**63),
                5 * 10**8,
                1e308,
                None,
                True,
                "",
                "x",
                [],
                {},
                [[[[]]]],
            ]
        )
        text = json.dumps(header).encode()
        payload[: 4 + length] = struct.pack("<I", len(text)) + text
    elif kind < 0.9 and len(payload) > 4 + length:
        field = 4 + length + 8 * dice.randrange(max((len(payload) - 4 - length) // 8, 1))
        put(payload, field, 8, dice.choice(WIDE), "little")
    else:
        put(payload, dice.randrange(len(payload)), 1, dice.randrange(256))
    packed = zlib.compress(bytes(payload), 1)
    return bytearray(data[:8] + struct.pack("<I", zlib.crc32(packed)) + packed)


def mutate_bytes(data, dice):
    """Change, cut, remove or double some bytes anywhere."""
    if not data:
        return data
    place = dice.randrange(len(data))
    kind = dice.random()
    if kind < 0.6:
        data[place] = dice.randrange(256)
    elif kind < 0.75:
        del data[place:]
    elif kind < 0.9:
        del data[place : place + dice.randrange(1, 64)]
    else:
        data[place:place] = data[place : place + dice.randrange(1, 512)]
    return data


MUTATORS = {
    "mp4": mutate_mp4,
    "mov": mutate_mp4,
    "m4a": mutate_mp4,
    "mkv": mutate_ebml,
    "webm": mutate_ebml,
    "avi": mutate_riff,
    "wav": mutate_riff,
    "ogg": mutate_ogg,
    "opus": mutate_ogg,
    "h264": mutate_nal,
    "hevc": mutate_nal,
    "m4v": mutate_nal,
    "mpeg2video": mutate_nal,
    "ts": mutate_nal,
    "idx": mutate_index,
}


def mutate(data, suffix, seed):
    """The bytes of a file, changed in one to four places; the same for the same seed."""
    dice = random.Random(seed)
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        mutator = MUTATORS.get(suffix, mutate_bytes) if dice.random() < 0.85 else mutate_bytes
        if suffix == "idx":
            changed = mutate_index(data, dice)
            break
        changed = mutator(changed, dice)
    return bytes(changed)
