"""The samples of MP4 files that ffmpeg has written, and MP4 files made of the samples of several.

No muxer of FFmpeg writes several sample descriptions (ISO/IEC 14496-12, 8.5.2), nor edit lists of
any shape.
"""

import struct
from dataclasses import dataclass, replace

MATRIX = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


@dataclass(frozen=True)
class Sample:
    """One sample of a track; times are in units of the track's time scale."""

    data: bytes
    duration: int
    offset: int  # from decoding time to presentation time
    is_key: bool
    description: int = 0


def boxes(data):
    """Yield (type, content) of the boxes in some bytes."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        yield kind, data[place + 8 : place + size]
        place += size


def inside(data, *path):
    """Return the content of a box inside of others; None if it is missing."""
    for kind in path:
        data = dict(reversed(list(boxes(data)))).get(kind)
        if data is None:
            return None
    return data


def read_track(data):
    """Return (sample description, time scale, samples) of an MP4 file with one track."""
    media = inside(data, b"moov", b"trak", b"mdia")
    table = inside(media, b"minf", b"stbl")

    def words(name, form):
        content = inside(table, name)
        return [] if content is None else list(struct.iter_unpack(form, content[8:]))

    def spread(rows):
        return [value for count, value in rows for _ in range(count)]

    content = inside(table, b"stsz")
    fixed, count = struct.unpack_from(">II", content, 4)
    sizes = [fixed] * count if fixed else struct.unpack(f">{count}I", content[12:])
    keys = {number for (number,) in words(b"stss", ">I")} or set(range(1, count + 1))
    offsets = spread(words(b"ctts", ">Ii")) or [0] * count
    runs = words(b"stsc", ">III")
    durations = iter(spread(words(b"stts", ">II")))
    samples = []
    for chunk, (place,) in enumerate(words(b"stco", ">I"), 1):
        for _ in range(next(many for first, many, _ in reversed(runs) if first <= chunk)):
            number = len(samples)
            size = sizes[number]
            samples.append(
                Sample(data[place : place + size], next(durations), offsets[number], number + 1 in keys)
            )
            place += size
    scale = struct.unpack_from(">I", inside(media, b"mdhd"), 12)[0]
    return inside(table, b"stsd")[8:], scale, samples


def joined(*files, order=None):
    """Return an MP4 file of the samples of several ones, each with its own sample description.

    `order` names the parts that follow each other; None means each one once.
    """
    descriptions, scales, parts = zip(*(read_track(data) for data in files), strict=True)
    assert len(set(scales)) == 1
    samples = [
        replace(sample, description=number)
        for number in order or range(len(parts))
        for sample in parts[number]
    ]
    return written(descriptions, scales[0], samples)


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def rows(kind, form, values, version=0):
    """Return a box with a version and a table."""
    values = list(values)
    return box(
        kind,
        struct.pack(">II", version << 24, len(values)),
        *(struct.pack(form, *(value if isinstance(value, tuple) else (value,))) for value in values),
    )


def written(descriptions, scale, samples, edits=(), movie_scale=1000):
    """Return an MP4 file with one sample in each chunk.

    Parameters
    ----------
    descriptions : sequence of bytes
        The entries of `stsd`.
    scale, movie_scale : int
        Units of a second in the track and in the edit list.
    samples : sequence of Sample
    edits : sequence of tuple of (int, int)
        How long each part is shown, and where it begins in the track; -1: nothing is shown.
    """
    head = box(b"ftyp", b"isom\0\0\2\0isom")
    places, place = [], len(head) + 8
    for sample in samples:
        places.append(place)
        place += len(sample.data)
    total = sum(sample.duration for sample in samples)
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, len(descriptions)), *descriptions),
        rows(b"stts", ">II", ((1, sample.duration) for sample in samples)),
        rows(b"stss", ">I", (n for n, sample in enumerate(samples, 1) if sample.is_key)),
        rows(b"ctts", ">Ii", ((1, sample.offset) for sample in samples)),
        rows(b"stsc", ">III", ((n, 1, sample.description + 1) for n, sample in enumerate(samples, 1))),
        box(
            b"stsz",
            struct.pack(">III", 0, 0, len(samples)),
            *(len(s.data).to_bytes(4, "big") for s in samples),
        ),
        rows(b"stco", ">I", places),
    )
    reference = box(b"dinf", rows(b"dref", ">12s", [b"\0\0\0\x0curl \0\0\0\1"]))
    media = box(
        b"mdia",
        box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, scale, total, 0x55C4, 0)),
        box(b"hdlr", bytes(8), b"vide", bytes(13)),
        box(b"minf", box(b"vmhd", b"\0\0\0\1", bytes(8)), reference, table),
    )
    track = box(b"tkhd", struct.pack(">6I", 3, 0, 0, 1, 0, total), bytes(16), MATRIX, bytes(8))
    listed = rows(b"elst", ">IiI", ((length, begin, 0x10000) for length, begin in edits))
    movie = box(
        b"moov",
        box(
            b"mvhd",
            struct.pack(">5IIH10x", 0, 0, 0, movie_scale, total, 0x10000, 256),
            MATRIX,
            bytes(24),
            b"\0\0\0\2",
        ),
        box(b"trak", track, *([box(b"edts", listed)] if edits else []), media),
    )
    return head + box(b"mdat", *(sample.data for sample in samples)) + movie
