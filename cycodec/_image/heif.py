"""AVIF and HEIC: the pictures of an ItemFile, which libavcodec decodes."""

from __future__ import annotations

from cycodec._image.items import Item, ItemFile
from cycodec._image.sequence import Sequence, Track, read_sequence
from cycodec.core.image.coded import CodedPicture, PictureDecoder
from cycodec.core.image.source_bytes import SourceBytes

__all__ = ["HeifPicture"]

CODECS = {b"av01": "av1", b"hvc1": "hevc"}
MAX_TILES = 1 << 12


class HeifPicture:
    """An AVIF or HEIC file.

    Parameters
    ----------
    source : SourceBytes
    format : str
        "AVIF" or "HEIC".
    max_pixels : int
        The largest number of pixels of a tile or of alpha.
    num_threads : int
        Threads of libavcodec.

    Raises
    ------
    InvalidDataError, UnsupportedError
    """

    plays = 1

    def __init__(self, source: SourceBytes, format: str, max_pixels: int, num_threads: int = 1) -> None:
        source.load()
        self.format = format
        self._file = ItemFile(source, format)
        self._max_pixels, self._num_threads = max_pixels, num_threads
        self._reader = self._file.reader
        self._sequence = self._find_sequence(source, format)
        self.exif = b""
        self._items = [] if self._sequence else self._file.top_level()
        if self._sequence:
            self._describe_sequence(self._sequence)
            return
        if not self._items:
            self._reader.damaged("there is no picture in it")
        primary = self._items[0]
        same = [item for item in self._items if self._shape(item) == self._shape(primary)]
        self._items = same if len(same) == len(self._items) else [primary]
        self.width, self.height, self.orientation, self.depth = self._shape(primary)
        self.largest_frame = primary.width * primary.height
        self.channels = 4 if any(self._file.alpha_of(item.number) for item in self._items) else 3
        self.num_frames = len(self._items)
        self.exif = self._file.exif()

    def _find_sequence(self, source: SourceBytes, format: str) -> Sequence | None:
        """Return the animation of a file whose major brand says that it is one."""
        if self._file.movie is None or source.head[8:12] not in (b"avis", b"msf1", b"hevc", b"hevx"):
            return None
        return read_sequence(self._reader.at(self._file.movie))

    def _describe_sequence(self, sequence: Sequence) -> None:
        self.width, self.height = sequence.colour.width, sequence.colour.height
        if not self.width or not self.height:
            self._reader.damaged("its frames have no size")
        self.largest_frame = self.width * self.height
        self.orientation, self.depth = 0, sequence.colour.depth
        self.channels = 4 if sequence.alpha else 3
        self.num_frames = len(sequence.colour.samples)
        self._decoders: tuple[PictureDecoder, PictureDecoder | None] | None = None

    def _shape(self, item: Item) -> tuple[int, int, int, int]:
        if item.width <= 0 or item.height <= 0:
            self._reader.damaged("a picture has no size")
        y0, y1, x0, x1 = item.shown or (0, item.height, 0, item.width)
        depth = item.depth
        if item.kind == b"grid" and (tiles := self._file.targets(b"dimg", item.number)):
            depth = max(depth, self._file._item(tiles[0]).depth)
        return x1 - x0, y1 - y0, item.orientation, depth

    # -- reading ---------------------------------------------------------------------------------

    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None:
        """Decode a region of the picture, or of the first one."""
        self.draw(0).read(pointer, stride, channels, depth, region)

    def duration(self, number: int) -> float:
        """Return how long a frame is shown, in seconds; 0 for pictures that are no animation."""
        return self._sequence.colour.durations[number] if self._sequence else 0.0

    def draw(self, number: int) -> _Drawn:
        """Decode a picture. Those of an animation must come in order.

        Returns
        -------
        object with the method ``read`` of a picture
        """
        if self._sequence:
            return self._draw_sample(self._sequence, number)
        item = self._items[number]
        colour, alpha = self._decode(item), self._file.alpha_of(item.number)
        part = item.shown or (0, item.height, 0, item.width)
        size = (item.width, item.height)
        return self._drawn(colour, None if alpha is None else self._decode(alpha), size, (part[0], part[2]))

    def _draw_sample(self, sequence: Sequence, number: int) -> _Drawn:
        if number == 0:
            alpha = None if sequence.alpha is None else self._open(b"av01", sequence.alpha)
            self._decoders = self._open(sequence.colour.kind, sequence.colour), alpha
        assert self._decoders is not None
        pictures: list[CodedPicture | None] = []
        for track, decoder in zip((sequence.colour, sequence.alpha), self._decoders, strict=True):
            if track is None or decoder is None:
                pictures.append(None)
                continue
            place, size = track.samples[number]
            data = self._reader.source.part(place, size)
            if len(data) < size:
                self._reader.damaged("the data of a frame end too early")
            picture = decoder.decode(data)
            if picture is None:
                self._reader.damaged("a frame holds no picture")
            pictures.append(picture)
        colour = pictures[0]
        assert colour is not None
        if sequence.colour.colours is not None:
            colour.set_colours(*sequence.colour.colours)
        return self._drawn(colour, pictures[1], (self.width, self.height), (0, 0))

    def _drawn(
        self, colour: CodedPicture, alpha: CodedPicture | None, size: tuple[int, int], origin: tuple[int, int]
    ) -> _Drawn:
        if (colour.width, colour.height) != size:
            self._reader.damaged("a picture has another size than the file says")
        if alpha is not None and (alpha.width, alpha.height) != (colour.width, colour.height):
            self._reader.unsupported("its alpha has another size than its colours")
        return _Drawn(colour, alpha, origin)

    def _open(self, kind: bytes, stated: Item | Track) -> PictureDecoder:
        width, height = stated.width or self.width, stated.height or self.height
        if width * height > self._max_pixels:
            self._reader.damaged(f"a part of it has {width}x{height} pixels, more than max_pixels allows")
        return PictureDecoder(
            CODECS[kind],
            self.format,
            self._reader.source.name,
            width,
            height,
            stated.config if kind == b"hvc1" else b"",
            self._num_threads,
        )

    def _decode(self, item: Item) -> CodedPicture:
        if item.kind == b"grid":
            picture = self._decode_grid(item)
        elif item.kind in CODECS:
            picture = self._open(item.kind, item).decode_one(self._file.data_of(item))
        else:
            self._reader.unsupported(f"a picture is of type {item.kind.decode('latin1')!r}")
        if item.colours is not None:
            picture.set_colours(*item.colours)
        return picture

    def _decode_grid(self, item: Item) -> CodedPicture:
        data = self._file.data_of(item)
        size = 4 if len(data) > 1 and data[1] & 1 else 2
        if len(data) < 4 + 2 * size:
            self._reader.damaged("the grid of tiles is cut off")
        rows, columns = data[2] + 1, data[3] + 1
        width, height = (int.from_bytes(data[4 + i * size : 4 + (i + 1) * size], "big") for i in (0, 1))
        tiles = self._file.targets(b"dimg", item.number)
        if rows * columns != len(tiles) or len(tiles) > MAX_TILES:
            self._reader.damaged(f"its grid needs {rows * columns} tiles, and there are {len(tiles)}")
        if (width, height) != (item.width, item.height):
            self._reader.damaged("its grid has another size than the file says")
        items = [self._file._item(number) for number in tiles]
        if any(tile.kind not in CODECS for tile in items):
            self._reader.unsupported("its tiles are no coded pictures")
        total = sum((tile.width or self.width) * (tile.height or self.height) for tile in items)
        if total > 2 * self._max_pixels:
            # one small tile could be named again and again
            self._reader.damaged(f"its tiles have {total} pixels, more than max_pixels allows")
        # tiles of one kind and configuration share a decoder
        pictures = [self._decode(tile) for tile in items]
        first = pictures[0]
        if first.width * columns < width or first.height * rows < height:
            self._reader.damaged("its tiles do not cover it")
        return CodedPicture.joined(pictures, columns, width, height)


class _Drawn:
    """A decoded picture with its alpha; its shown part begins at `origin`, (row, column)."""

    def __init__(self, colour: CodedPicture, alpha: CodedPicture | None, origin: tuple[int, int]) -> None:
        self._colour, self._alpha, self._origin = colour, alpha, origin

    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None:
        """Write a region of the shown part to memory."""
        y, x = self._origin
        region = (region[0] + y, region[1] + y, region[2] + x, region[3] + x)
        self._colour.read(pointer, stride, channels, depth, region)
        if self._alpha is not None and channels in (2, 4):
            self._alpha.read_alpha(pointer, stride, channels, depth, region)
