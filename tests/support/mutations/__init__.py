"""Mutations of media files that keep their structure.

They cover MP4 boxes, EBML, RIFF, PNG chunks, ASF objects, FLV tags, Ogg pages, transport packets,
NAL units, audio frames and index files.

A byte changed at random mostly ends in "invalid data". A mutation that knows where sizes, counts
and times stand reaches the code behind the first check.
"""

import json
import random
import struct
import zlib

from mutations.boxes import mutate_asf, mutate_ebml, mutate_flv, mutate_mp4, mutate_png, mutate_riff
from mutations.fields import WIDE, mutate_bytes, put
from mutations.streams import mutate_frames, mutate_gif, mutate_nal, mutate_ogg, mutate_ts

__all__ = ["mutate"]

# What a value of an index file's header may become.
STRANGE = [
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


def mutate_index(data, dice):
    """Return an index file whose header or arrays were changed, with a checksum that is right."""
    payload = bytearray(zlib.decompress(data[12:]))
    (length,) = struct.unpack_from("<I", payload)
    kind = dice.random()
    if kind < 0.6:
        text = payload[4 : 4 + length].decode()
        header = json.loads(text)
        name = dice.choice(list(header))
        header[name] = dice.choice(STRANGE)
        text = json.dumps(header).encode()
        payload[: 4 + length] = struct.pack("<I", len(text)) + text
    elif kind < 0.9 and len(payload) > 4 + length:
        field = 4 + length + 8 * dice.randrange(max((len(payload) - 4 - length) // 8, 1))
        put(payload, field, 8, dice.choice(WIDE), "little")
    else:
        put(payload, dice.randrange(len(payload)), 1, dice.randrange(256))
    packed = zlib.compress(bytes(payload), 1)
    return bytearray(data[:8] + struct.pack("<I", zlib.crc32(packed)) + packed)


MUTATORS = {
    mutate_mp4: "mp4 mov m4a avif heic",
    mutate_ebml: "mkv webm mka",
    mutate_riff: "avi wav webp",
    mutate_png: "apng png",
    mutate_asf: "wmv asf wma",
    mutate_flv: "flv",
    mutate_ogg: "ogg opus ogv",
    mutate_nal: "h264 hevc m4v mpeg2video mpg",
    mutate_ts: "ts",
    mutate_gif: "gif",
    mutate_frames: "mp3 aac ac3 flac wv",
}
BY_SUFFIX = {suffix: mutator for mutator, suffixes in MUTATORS.items() for suffix in suffixes.split()}


def mutate(data, suffix, seed):
    """Return the bytes of a file, changed in one to four places; the same for the same seed."""
    dice = random.Random(seed)
    if suffix == "idx":
        return bytes(mutate_index(data, dice))
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        mutator = BY_SUFFIX.get(suffix, mutate_bytes) if dice.random() < 0.85 else mutate_bytes
        changed = mutator(changed, dice)
    return bytes(changed)
