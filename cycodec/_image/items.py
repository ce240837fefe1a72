"""The items of AVIF and HEIC files: what boxes say about pictures, and where their bytes are.

Note [Clean aperture]

A clap box says which part of a picture is shown: a width and a height, and how far its middle lies
from that of the picture, as fractions. MIAF allows only whole pixels. Files with others are shown
as by libheif, which rounds the left edge down and the other edges to the nearest pixel, and cuts
off what lies outside of the picture. Like irot and imir, the box acts in its place of the list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from cycodec._image.boxes import Box, Reader
from cycodec._image.orientation import MIRROR_X, MIRROR_Y, TRANSPOSE, stored_region, then
from cycodec.core.image.source_bytes import SourceBytes

__all__ = ["Colours", "Item", "ItemFile"]

MAX_ITEMS = 1 << 16
ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")


class Colours(NamedTuple):
    """Colours in the numbers of ITU-T H.273."""

    primaries: int
    transfer: int
    matrix: int
    is_full: bool


@dataclass
class Item:
    """An item of the file, such as a coded picture."""

    number: int
    kind: bytes = b""
    is_hidden: bool = False
    extents: list[tuple[int, int]] = field(default_factory=list)  # places and sizes
    in_idat: bool = False  # True if the places count from the idat box
    properties: list[Box] = field(default_factory=list)
    width: int = 0
    height: int = 0
    orientation: int = 0  # as csrc/picture/orientation.h
    shown: tuple[int, int, int, int] | None = None  # the part (y0, y1, x0, x1) of the stored picture
    colours: Colours | None = None
    icc: bytes = b""
    config: bytes = b""  # the content of av1C or hvcC
    depth: int = 8
    auxiliary: bytes = b""  # the type of an auxiliary picture


class ItemFile:
    """What the meta box of a file says.

    Parameters
    ----------
    source : SourceBytes
    format : str
        "AVIF" or "HEIC".

    Raises
    ------
    InvalidDataError
        The boxes are damaged.
    """

    def __init__(self, source: SourceBytes, format: str) -> None:
        self.reader = Reader(source, format, 0, source.size)
        self.items: dict[int, Item] = {}
        self.references: list[tuple[bytes, int, list[int]]] = []  # (kind, from, to)
        # the same by their kind and start, and the starts of auxl by their ends
        self._targets: dict[tuple[bytes, int], list[int]] = {}
        self._auxiliaries: dict[int, list[int]] = {}
        self.primary = 0
        self.movie: Box | None = None
        self._idat: Box | None = None
        self._properties: list[Box] = []
        self._contents: dict[int, bytes] = {}  # of boxes that many items may share, by their places
        for box in self.reader.boxes():
            if box.kind == b"meta":
                self._read_meta(self.reader.at(box))
            elif box.kind == b"moov":
                self.movie = box
        for item in self.items.values():
            # the size comes first, because clap needs it
            for box in sorted(item.properties, key=lambda box: box.kind != b"ispe"):
                self._apply(item, box)

    def _read_meta(self, reader: Reader) -> None:
        reader.full()
        readers = {
            b"pitm": self._read_primary,
            b"iinf": self._read_infos,
            b"iloc": self._read_places,
            b"iref": self._read_references,
            b"iprp": self._read_properties,
        }
        found = {box.kind: box for box in reader.boxes()}
        self._idat = found.get(b"idat")
        for kind, read in readers.items():
            if kind in found:
                read(reader.at(found[kind]))

    def _item(self, number: int) -> Item:
        if number not in self.items and len(self.items) >= MAX_ITEMS:
            self.reader.damaged("it has too many items")
        return self.items.setdefault(number, Item(number))

    def _read_primary(self, reader: Reader) -> None:
        version, _ = reader.full()
        self.primary = reader.number(4 if version else 2)

    def _read_infos(self, reader: Reader) -> None:
        version, _ = reader.full()
        reader.number(4 if version else 2)
        for box in reader.boxes():
            info = reader.at(box)
            version, flags = info.full()
            if box.kind != b"infe" or version < 2:
                continue
            item = self._item(info.number(4 if version >= 3 else 2))
            info.number(2)
            item.kind, item.is_hidden = info.take(4), bool(flags & 1)

    def _read_places(self, reader: Reader) -> None:
        version, _ = reader.full()
        sizes = reader.number(2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version else 0
        for _ in range(reader.number(4 if version == 2 else 2)):
            item = self._item(reader.number(4 if version == 2 else 2))
            method = reader.number(2) & 15 if version else 0
            if method > 1:
                reader.unsupported("its data are parts of other items")
            item.in_idat = method == 1
            reader.number(2)
            base = reader.number(base_size)
            item.extents = []
            for _ in range(reader.number(2)):
                reader.number(index_size)
                offset = base + reader.number(offset_size)
                item.extents.append((offset, reader.number(length_size)))

    def _read_references(self, reader: Reader) -> None:
        version, _ = reader.full()
        size = 4 if version else 2
        for box in reader.boxes():
            one = reader.at(box)
            first = one.number(size)
            ends = [one.number(size) for _ in range(one.number(2))]
            self.references.append((box.kind, first, ends))
            self._targets.setdefault((box.kind, first), []).extend(ends)
            for end in ends if box.kind == b"auxl" else ():
                self._auxiliaries.setdefault(end, []).append(first)

    def _read_properties(self, reader: Reader) -> None:
        found = list(reader.boxes())
        for box in found:
            if box.kind == b"ipco":
                self._properties = list(reader.at(box).boxes())
        for box in found:
            if box.kind == b"ipma":
                self._read_associations(reader.at(box))

    def _read_associations(self, reader: Reader) -> None:
        version, flags = reader.full()
        for _ in range(reader.number(4)):
            item = self._item(reader.number(4 if version else 2))
            for _ in range(reader.number(1)):
                place = reader.number(2) & 0x7FFF if flags & 1 else reader.number(1) & 0x7F
                if 0 < place <= len(self._properties):
                    item.properties.append(self._properties[place - 1])

    def _apply(self, item: Item, box: Box) -> None:
        """Enter a property into an item."""
        reader = self.reader.at(box)
        if box.kind == b"ispe":
            reader.full()
            item.width, item.height = reader.number(4), reader.number(4)
        elif box.kind == b"irot":
            turns = (0, TRANSPOSE | MIRROR_Y, MIRROR_X | MIRROR_Y, TRANSPOSE | MIRROR_X)
            item.orientation = then(item.orientation, turns[reader.number(1) & 3])
        elif box.kind == b"imir":
            item.orientation = then(item.orientation, MIRROR_X if reader.number(1) & 1 else MIRROR_Y)
        elif box.kind == b"clap":
            self._cut(item, reader)
        elif box.kind == b"pixi":
            reader.full()
            item.depth = max(reader.take(reader.number(1)), default=8)
        elif box.kind == b"auxC":
            reader.full()
            item.auxiliary = self._shared(box, Reader.text, reader)
        elif box.kind in (b"av1C", b"hvcC"):
            item.config = self._shared(box, Reader.rest, reader)
        elif box.kind == b"colr":
            self._read_colours(item, box, reader)

    def _cut(self, item: Item, reader: Reader) -> None:
        """Read a clap box: Note [Clean aperture]."""
        numbers = [reader.number(4) for _ in range(8)]
        for place in (4, 6):  # the offsets have a sign
            numbers[place] -= numbers[place] >> 31 << 32
        if not all(numbers[1::2]):
            reader.damaged("its clean aperture has no denominator")
        width, height, right, down = map(Fraction, numbers[::2], numbers[1::2])
        y0, y1, x0, x1 = item.shown or (0, item.height, 0, item.width)
        shape = (y1 - y0, x1 - x0)
        rows, columns = shape[::-1] if item.orientation & TRANSPOSE else shape
        left = math.floor(right + Fraction(columns - 1, 2) - (width - 1) / 2)
        top = math.floor(down + Fraction(rows - 1, 2) - (height - 1) / 2 + Fraction(1, 2))
        last_column = math.floor(left + width - Fraction(1, 2))
        last_row = math.floor(top + height - Fraction(1, 2))
        box = (max(top, 0), min(last_row + 1, rows), max(left, 0), min(last_column + 1, columns))
        if box[0] >= box[1] or box[2] >= box[3]:
            reader.damaged("its clean aperture lies outside of the picture")
        part = stored_region(box, item.orientation, rows, columns)
        item.shown = (y0 + part[0], y0 + part[1], x0 + part[2], x0 + part[3])

    def _shared(self, box: Box, read: Callable[[Reader], bytes], reader: Reader) -> bytes:
        """Return bytes of a property, of which there is one copy for all items that have it."""
        if box.start not in self._contents:
            self._contents[box.start] = read(reader)
        return self._contents[box.start]

    def _read_colours(self, item: Item, box: Box, reader: Reader) -> None:
        kind = reader.take(4)
        if kind == b"nclx":
            numbers = (reader.number(2), reader.number(2), reader.number(2))
            item.colours = Colours(*numbers, bool(reader.number(1) & 0x80))
        elif kind in (b"prof", b"rICC"):
            item.icc = self._shared(box, Reader.rest, reader)

    # -- questions -------------------------------------------------------------------------------

    def targets(self, kind: bytes, number: int) -> list[int]:
        """Return the items that an item refers to."""
        return self._targets.get((kind, number), [])

    def alpha_of(self, number: int) -> Item | None:
        """Return the item that holds the alpha of another, or None."""
        for start in self._auxiliaries.get(number, []):
            if self._item(start).auxiliary in ALPHA:
                return self.items[start]
        return None

    def top_level(self) -> list[Item]:
        """Return the pictures of the file, the primary one first: neither tiles nor auxiliary."""
        parts = {to for kind, _, ends in self.references if kind == b"dimg" for to in ends}
        parts.update(start for kind, start, _ in self.references if kind in (b"thmb", b"auxl"))
        found = [
            item
            for item in self.items.values()
            if item.kind in (b"av01", b"hvc1", b"grid", b"iovl", b"iden")
            and not item.is_hidden
            and item.number not in parts
        ]
        return sorted(found, key=lambda item: item.number != self.primary)

    def data_of(self, item: Item) -> bytes:
        """Return the bytes of an item.

        Raises
        ------
        InvalidDataError
            The file ends before.
        """
        source, pieces, total = self.reader.source, [], 0
        start = self._idat.start if item.in_idat and self._idat else 0
        for offset, size in item.extents:
            piece = source.part(start + offset, size or source.size)
            if len(piece) < size:
                self.reader.damaged("the data of a picture end too early")
            total += len(piece)
            if total > source.size:
                # a small file could name the same bytes again and again
                self.reader.damaged("the parts of a picture overlap")
            pieces.append(piece)
        if not pieces:
            self.reader.damaged("a picture has no data")
        return b"".join(pieces)

    def exif(self) -> bytes:
        """Return the Exif block of the primary picture, from its TIFF header on, or b""."""
        for item in self.items.values():
            if item.kind == b"Exif" and item.extents:
                data = self.data_of(item)
                return data[4 + int.from_bytes(data[:4], "big") :]
        return b""
