"""The tracks of animated AVIF and HEIC files."""

from __future__ import annotations

from dataclasses import dataclass, field

from cycodec._image.boxes import Box, Reader
from cycodec._image.items import Colours

__all__ = ["Sequence", "Track", "read_sequence"]

MAX_SAMPLES = 1 << 20  # a file with more frames only costs memory


@dataclass
class Track:
    """A track of coded pictures."""

    handler: bytes = b""
    kind: bytes = b""  # of the coded pictures, such as av01
    width: int = 0
    height: int = 0
    depth: int = 8
    config: bytes = b""
    colours: Colours | None = None
    samples: list[tuple[int, int]] = field(default_factory=list)  # places and sizes
    durations: list[float] = field(default_factory=list)  # in seconds


@dataclass
class Sequence:
    """An animation: a track of colours, and one of alpha or None."""

    colour: Track
    alpha: Track | None


def read_sequence(reader: Reader) -> Sequence | None:
    """Read a moov box. Return None if it has no track of coded pictures.

    Raises
    ------
    InvalidDataError
        The boxes are damaged.
    """
    tracks = [_read_track(reader.at(box)) for box in reader.boxes() if box.kind == b"trak"]
    colour = next((t for t in tracks if t.handler == b"pict" and t.kind in (b"av01", b"hvc1")), None)
    if colour is None or not colour.samples:
        return None
    alpha = next((t for t in tracks if t.handler == b"auxv" and t.kind == b"av01"), None)
    if alpha is not None and len(alpha.samples) != len(colour.samples):
        reader.damaged("its alpha has another number of frames")
    return Sequence(colour, alpha)


def _inside(reader: Reader, *path: bytes) -> Reader | None:
    """Return a reader of the first box with a path of types, or None."""
    for kind in path:
        box = next((box for box in reader.boxes() if box.kind == kind), None)
        if box is None:
            return None
        reader = reader.at(box)
    return reader


def _read_track(reader: Reader) -> Track:
    track = Track()
    media = _inside(reader, b"mdia")
    if media is None:
        return track
    found = {box.kind: box for box in media.boxes()}
    if b"hdlr" in found:
        handler = media.at(found[b"hdlr"])
        handler.take(8)
        track.handler = handler.take(4)
    if b"mdhd" not in found or b"minf" not in found:
        return track
    header = media.at(found[b"mdhd"])
    version, _ = header.full()
    header.take(16 if version else 8)
    timescale = header.number(4) or 1
    table = _inside(media.at(found[b"minf"]), b"stbl")
    if table is not None:
        tables = {box.kind: box for box in table.boxes()}
        if b"stsd" in tables:
            _read_description(table.at(tables[b"stsd"]), track)
        if track.kind and all(kind in tables for kind in (b"stsz", b"stsc", b"stts")):
            _read_samples(table, tables, track, timescale)
    return track


def _read_description(reader: Reader, track: Track) -> None:
    reader.full()
    reader.number(4)
    box = next(iter(reader.boxes()), None)
    if box is None:
        return
    entry = reader.at(box)
    entry.take(24)
    track.kind, track.width, track.height = box.kind, entry.number(2), entry.number(2)
    entry.take(50)
    for inner in entry.boxes():
        content = reader.at(inner)
        if inner.kind in (b"av1C", b"hvcC"):
            track.config = content.rest()
            if inner.kind == b"av1C" and len(track.config) > 2:
                track.depth = 8 if not track.config[2] & 0x40 else 12 if track.config[2] & 0x20 else 10
        elif inner.kind == b"colr" and content.take(4) == b"nclx":
            numbers = (content.number(2), content.number(2), content.number(2))
            track.colours = Colours(*numbers, bool(content.number(1) & 0x80))


def _read_samples(reader: Reader, tables: dict[bytes, Box], track: Track, timescale: int) -> None:
    sizes = reader.at(tables[b"stsz"])
    sizes.full()
    common, count = sizes.number(4), sizes.number(4)
    if count > MAX_SAMPLES:
        reader.damaged("it has too many frames")
    lengths = [common or sizes.number(4) for _ in range(count)]
    wide = b"co64" in tables
    places = reader.at(tables[b"co64" if wide else b"stco"]) if wide or b"stco" in tables else None
    if places is None:
        reader.damaged("its frames have no places")
    places.full()
    chunks = [places.number(8 if wide else 4) for _ in range(min(places.number(4), MAX_SAMPLES))]
    runs = reader.at(tables[b"stsc"])
    runs.full()
    entries = [(runs.number(4), runs.number(4), runs.number(4)) for _ in range(runs.number(4))]
    if any(entries[i][0] >= entries[i + 1][0] for i in range(len(entries) - 1)):
        # each run would pass all chunks again
        reader.damaged("its runs of chunks do not follow each other")
    for i, (first, per_chunk, _) in enumerate(entries):
        last = entries[i + 1][0] if i + 1 < len(entries) else len(chunks) + 1
        for chunk in range(max(first, 1) - 1, min(last - 1, len(chunks))):
            place = chunks[chunk]
            for _ in range(min(per_chunk, count - len(track.samples))):
                size = lengths[len(track.samples)]
                track.samples.append((place, size))
                place += size
    times = reader.at(tables[b"stts"])
    times.full()
    for _ in range(times.number(4)):
        repeats, delta = times.number(4), times.number(4)
        repeats = min(repeats, len(track.samples) - len(track.durations))
        track.durations.extend([delta / timescale] * repeats)
    track.durations.extend([0.0] * (len(track.samples) - len(track.durations)))
