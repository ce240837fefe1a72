"""Mutations of files that are made of boxes, elements or chunks with a size each."""

import struct
import zlib

from mutations.fields import INTERESTING, WIDE, mutate_bytes, number_near, poke, put, splice

CONTAINERS = set(b"moov trak mdia minf stbl edts moof traf mvex udta dinf meta iprp ipco".split())
TABLES = set(b"stts ctts stsc stsz stz2 stco co64 stss elst trun tfdt tfhd trex sidx mfro tfra".split())
# Codecs that a track may claim to have.
TAGS = b"avc1 hvc1 hev1 mp4v vp09 av01 jpeg png\x20 raw\x20 rle\x20 apch cvid SVQ3 mp4a alac ac-3 Opus fLaC sowt ulaw"
NAMES = b"free skip stts ctts stss elst stsc stsz mdat trun"


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


def set_box_size(data, place, size, dice):
    """Return a size that is 0 (to the end), 1 (64 bits follow), extreme, or slightly wrong."""
    if dice.random() < 0.25:
        put(data, place, 4, 1)
        data[place + 8 : place + 8] = dice.choice([size + 8, *WIDE]).to_bytes(8, "big")
    else:
        put(data, place, 4, dice.choice([*INTERESTING, size - 1, size + 1, size // 2]))


def mutate_mp4(data, dice):
    """Change a size, a name, a count, a time or an entry of a box; remove, double or swap boxes."""
    boxes = list(mp4_boxes(data))
    if not boxes:
        return mutate_bytes(data, dice)
    leaves = [box for box in boxes if box[2] not in CONTAINERS and box[2] != b"mdat"] or boxes
    tables = [box for box in leaves if box[2] in TABLES] or leaves
    kind = dice.random()
    place, size, name = dice.choice(tables if kind > 0.6 else leaves if kind > 0.1 else boxes)
    if kind < 0.12:
        set_box_size(data, place, size, dice)
    elif kind < 0.2:
        put(data, place + 4, 4, int.from_bytes(dice.choice(NAMES.split()), "big"))
    elif kind < 0.35:
        same = [(begin, begin + length) for begin, length, other in boxes if other == name]
        return splice(data, same if dice.random() < 0.7 else [(b, b + s) for b, s, _ in leaves], dice)
    elif kind < 0.42:
        described = [box for box in boxes if box[2] == b"stsd"]
        if described:
            place = dice.choice(described)[0]
            if dice.random() < 0.4:
                put(data, place + 20, 4, int.from_bytes(dice.choice(TAGS.split()), "big"))
            else:  # sizes, channels, rates and the decoder's configuration
                poke(data, place + 24 + dice.randrange(110), dice.choice([1, 2, 4]), dice)
    elif size > 16:
        poke(data, place + 8 + 4 * dice.randrange((size - 8) // 4), dice.choice([4, 4, 4, 8]), dice)
    return data


MASTERS = {0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0xE0, 0xE1, 0x1549A966, 0x1C53BB6B, 0xBB, 0xB7, 0xA0}
MASTERS |= {0x114D9B74, 0x4DBB, 0x6D80, 0x6240, 0x1254C367}
CODEC_NAMES = [
    b"V_MPEG4/ISO/AVC",
    b"V_VP8",
    b"V_VP9",
    b"V_MS/VFW/FOURCC",
    b"V_UNCOMPRESSED",
    b"A_OPUS",
    b"A_PCM/INT/LIT",
]


def ebml_elements(data, start=0, end=None, depth=0):
    """Yield (name, place of the size field, its length, start of the content, size) per element."""
    place, end = start, len(data) if end is None else end
    while place < end - 2 and depth < 8:
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
        yield name, size_place, length, content, min(size, end - content)
        if name in MASTERS:
            yield from ebml_elements(data, content, min(content + size, end), depth + 1)
        place = content + size


def mutate_ebml(data, dice):
    """Change a size (also to the unknown one), a number, a codec or a block's head."""
    elements = list(ebml_elements(data))
    if not elements:
        return mutate_bytes(data, dice)
    name, size_place, length, content, size = dice.choice(elements)
    kind = dice.random()
    if kind < 0.2:
        value = dice.choice([0, 1, size + 1, max(size - 1, 0), (1 << 7 * length) - 1, (1 << 7 * length) - 2])
        put(data, size_place, length, (1 << 7 * length) | (value & ((1 << 7 * length) - 1)))
    elif kind < 0.3:
        return splice(data, [(place - 1, begin + count) for _, place, _, begin, count in elements], dice)
    elif kind < 0.35:
        codecs = [element for element in elements if element[0] == 0x86]
        if codecs:
            *_, content, size = dice.choice(codecs)
            data[content : content + size] = dice.choice(CODEC_NAMES)[:size].ljust(size, b"\0")
    elif name in (0xA3, 0xA1) and size > 4:
        poke(data, content + dice.randrange(4), dice.choice([1, 2]), dice)
    elif size and size <= 8:
        put(data, content, size, dice.choice(WIDE))
    elif size:
        data[content + dice.randrange(min(size, 24))] = dice.randrange(256)
    return data


def riff_chunks(data, start=12, end=None):
    """(where it begins, size) of each chunk, those inside of lists included."""
    place, end = start, len(data) if end is None else end
    while place + 8 <= end:
        size = struct.unpack_from("<I", data, place + 4)[0]
        yield place, min(size, end - place - 8)
        if data[place : place + 4] == b"LIST":
            yield from riff_chunks(data, place + 12, min(place + 8 + size, end))
        place += 8 + size + (size & 1)


def mutate_riff(data, dice):
    chunks = list(riff_chunks(data))
    if not chunks:
        return mutate_bytes(data, dice)
    heads = [
        chunk
        for chunk in chunks
        if data[chunk[0] : chunk[0] + 4] in (b"strh", b"strf", b"fmt ", b"avih", b"idx1")
    ]
    place, size = dice.choice(heads if heads and dice.random() < 0.6 else chunks)
    kind = dice.random()
    if kind < 0.2:
        put(data, place + 4, 4, dice.choice([*INTERESTING, size + 1, max(size - 1, 0)]), "little")
    elif kind < 0.3:
        return splice(data, [(begin, begin + 8 + length) for begin, length in chunks], dice)
    elif size >= 4:
        field = place + 8 + 2 * dice.randrange(min(size, 160) // 2)
        poke(data, field, dice.choice([2, 4]), dice, "little")
    return data


def mutate_png(data, dice):
    """Change a field of a chunk of a PNG or an APNG, mostly with a checksum that is right again."""
    chunks = []
    place = 8
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        if place + 12 + size > len(data):
            break
        chunks.append((place, size))
        place += 12 + size
    if not chunks:
        return mutate_bytes(data, dice)
    heads = [chunk for chunk in chunks if data[chunk[0] + 4 : chunk[0] + 8] in (b"IHDR", b"acTL", b"fcTL")]
    place, size = dice.choice(heads or chunks)
    kind = dice.random()
    if kind < 0.15:
        poke(data, place, 4, dice)
    elif kind < 0.3:
        return splice(data, [(begin, begin + 12 + length) for begin, length in chunks], dice)
    elif size:
        poke(data, place + 8 + dice.randrange(size), dice.choice([1, 2, 4]), dice)
        if dice.random() < 0.9 and place + 12 + size <= len(data):
            put(data, place + 8 + size, 4, zlib.crc32(data[place + 4 : place + 8 + size]))
    return data


def mutate_asf(data, dice):
    """Change a size or a field of an object of the header, or of a data packet's head."""
    objects = []
    place = 30
    while place + 24 <= len(data) and len(objects) < 64:
        (size,) = struct.unpack_from("<Q", data, place + 16)
        if size < 24 or place + size > len(data):
            break
        objects.append((place, size))
        place += size
    if not objects or dice.random() < 0.2:
        return mutate_bytes(data, dice)
    place, size = dice.choice(objects)
    kind = dice.random()
    if kind < 0.15:
        put(data, place + 16, 8, dice.choice([*WIDE, size + 1, size - 1]), "little")
    elif kind < 0.25:
        return splice(data, [(begin, begin + length) for begin, length in objects], dice)
    elif size > 28:
        poke(
            data, place + 24 + dice.randrange(min(size - 24, 160)), dice.choice([1, 2, 4, 8]), dice, "little"
        )
    return data


def mutate_flv(data, dice):
    """Change the size, the time or the first bytes of a tag."""
    tags = []
    place = 13
    while place + 11 <= len(data):
        size = int.from_bytes(data[place + 1 : place + 4], "big")
        tags.append((place, size))
        place += 15 + size
    if not tags:
        return mutate_bytes(data, dice)
    place, size = dice.choice(tags)
    kind = dice.random()
    if kind < 0.2:
        put(data, place + 1, 3, number_near(size, dice))
    elif kind < 0.5:
        put(data, place + 4, dice.choice([3, 4]), dice.choice(INTERESTING))
    elif kind < 0.6:
        return splice(data, [(begin, begin + 15 + length) for begin, length in tags], dice)
    elif size:
        poke(data, place + 11 + dice.randrange(min(size, 40)), dice.choice([1, 2, 4]), dice)
    return data
