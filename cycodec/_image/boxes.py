"""The boxes of ISO files: AVIF and HEIC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from cycodec.core.error import InvalidDataError, UnsupportedError
from cycodec.core.image.source_bytes import SourceBytes

__all__ = ["Box", "Reader", "boxes"]

MAX_DEPTH_BYTES = 1 << 26  # bytes of the boxes that describe pictures; more is hostile


class Box(NamedTuple):
    """A box: its type, and the place of its content."""

    kind: bytes
    start: int
    end: int


class Reader:
    """Big-endian numbers of a file.

    Parameters
    ----------
    source : SourceBytes
    format : str
        "AVIF" or "HEIC", for errors.
    place, end : int
        Where to begin, and where the numbers must end.
    """

    def __init__(self, source: SourceBytes, format: str, place: int, end: int) -> None:
        self.source, self.format = source, format
        self.place, self.end = place, min(end, source.size)

    def take(self, size: int) -> bytes:
        """Return the next bytes.

        Raises
        ------
        InvalidDataError
            There are fewer.
        """
        if size < 0 or self.place + size > self.end:
            self.damaged("the data of a box end too early")
        data = self.source.part(self.place, size)
        self.place += size
        return data

    def number(self, size: int) -> int:
        """Return the next number of so many bytes."""
        return int.from_bytes(self.take(size), "big")

    def text(self) -> bytes:
        """Return the bytes up to the next zero, which is passed."""
        rest = self.source.part(self.place, self.end - self.place)
        text = rest.partition(b"\0")[0]
        self.place = min(self.place + len(text) + 1, self.end)
        return text

    def rest(self) -> bytes:
        """Return all bytes up to the end."""
        return self.take(self.end - self.place)

    def at(self, box: Box) -> Reader:
        """Return a reader of the content of a box."""
        return Reader(self.source, self.format, box.start, box.end)

    def full(self) -> tuple[int, int]:
        """Return the version and the flags with which the content of many boxes begins."""
        return self.number(1), self.number(3)

    def boxes(self) -> Iterator[Box]:
        """Yield the boxes from here to the end."""
        return boxes(self)

    def damaged(self, why: str) -> NoReturn:
        """Raise InvalidDataError."""
        name = self.source.name
        raise InvalidDataError(
            f"{name}: the {self.format} image is damaged or truncated: {why} (get an intact file)",
            source=name,
            operation=f"decode {self.format}",
        )

    def unsupported(self, why: str) -> NoReturn:
        """Raise UnsupportedError."""
        name = self.source.name
        raise UnsupportedError(
            f"{name}: cannot decode this kind of {self.format}: {why} (convert the file)",
            source=name,
            operation=f"decode {self.format}",
        )


def boxes(reader: Reader) -> Iterator[Box]:
    """Yield the boxes from a reader's place to its end. A box that the file cuts off ends there."""
    while reader.place + 8 <= reader.end:
        start = reader.place
        size, kind = reader.number(4), reader.take(4)
        if size == 1:
            size = reader.number(8)
        elif size == 0:
            size = reader.end - start
        if size < reader.place - start:
            reader.damaged(f"a box {kind!r} has an impossible size")
        end = min(start + size, reader.end)
        yield Box(kind, reader.place, end)
        reader.place = end
