"""WebP: the chunks of a file, whose pictures libwebp decodes, or libavcodec without it."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

import numpy as np

from cycodec.core.error import InvalidDataError
from cycodec.core.image.coded import CodedPicture, PictureDecoder
from cycodec.core.image.decode import AnimationCanvas, exif_orientation, read_webp, webp_is_available
from cycodec.core.image.source_bytes import SourceBytes

__all__ = ["WebpPicture"]

ANIMATION, EXIF, ALPHA, ICC = 2, 8, 16, 32  # flags of the VP8X chunk
HAS_LIBWEBP = webp_is_available()
MAX_FRAMES = 1 << 20  # a file with more frames only costs memory
VP8_HEADER, VP8L_HEADER = 10, 5  # bytes that tell the size


class Chunk(NamedTuple):
    """A chunk: its type, and the place of its content."""

    kind: bytes
    start: int
    end: int


class Frame(NamedTuple):
    """A frame of an animation, or a still picture."""

    x: int
    y: int
    width: int
    height: int
    duration: int  # in milliseconds
    is_blended: bool
    is_cleared: bool  # True if its rectangle becomes transparent before the next frame
    alpha: Chunk | None  # the ALPH chunk
    coded: Chunk  # the VP8 or VP8L chunk


class WebpPicture:
    """A WebP file.

    Parameters
    ----------
    source : SourceBytes

    Raises
    ------
    InvalidDataError
        The chunks are damaged, or the file is cut off.
    """

    format = "WebP"
    depth = 8

    def __init__(self, source: SourceBytes) -> None:
        source.load()
        self._source = source
        self.exif, self.icc, self.plays = b"", b"", 1
        self._frames: list[Frame] = []
        self._canvas: AnimationCanvas | None = None
        self._decoders: dict[str, PictureDecoder] = {}
        chunks = list(self._chunks(12, min(8 + self._number(4, 4), source.size)))
        if not chunks:
            self._damaged("there is no picture in it", 8 + self._number(4, 4))
        self.is_animated = False
        self.width = self.height = 0
        self._has_alpha = False
        if chunks[0].kind == b"VP8X":
            self._read_header(chunks)
        end = 8 + self._number(4, 4)
        if self.is_animated and end > source.size + 1:  # some files lack the last byte, of padding
            self._damaged("it ends before its last frame", end)
        if not self.is_animated:
            self._frames = [self._still(chunks)]
            self.width, self.height = self._frames[0].width, self._frames[0].height
        if not self._frames:
            self._damaged("there is no frame in it", 8 + self._number(4, 4))
        self.channels = 4 if self._has_alpha else 3
        self.num_frames = len(self._frames)
        self.orientation = exif_orientation(self.exif)

    def _number(self, place: int, size: int) -> int:
        return int.from_bytes(self._source.part(place, size), "little")

    def _damaged(self, why: str, needed: int = 0) -> NoReturn:
        """Raise InvalidDataError; the source is truncated if it has fewer bytes than are needed."""
        name = self._source.name
        what = "incomplete or truncated" if needed > self._source.size else "damaged"
        raise InvalidDataError(
            f"{name}: the WebP image is {what}: {why} (get an intact file)",
            source=name,
            operation="decode WebP",
        )

    def _chunks(self, place: int, end: int) -> list[Chunk]:
        """Return the chunks between two places. The last one may be cut off."""
        found = []
        while place + 8 <= end:
            size = self._number(place + 4, 4)
            found.append(Chunk(self._source.part(place, 4), place + 8, place + 8 + size))
            if len(found) > MAX_FRAMES:
                self._damaged("it has too many chunks")
            place += 8 + size + size % 2
        return found

    def _read_header(self, chunks: list[Chunk]) -> None:
        start = chunks[0].start
        flags = self._number(start, 1)
        self.width, self.height = self._number(start + 4, 3) + 1, self._number(start + 7, 3) + 1
        self.is_animated, self._has_alpha = bool(flags & ANIMATION), bool(flags & ALPHA)
        for chunk in chunks:
            if chunk.kind == b"EXIF":
                self.exif = self._source.part(chunk.start, chunk.end - chunk.start)
                self.exif = self.exif.removeprefix(b"Exif\0\0")
            elif chunk.kind == b"ICCP":
                self.icc = self._source.part(chunk.start, chunk.end - chunk.start)
            elif chunk.kind == b"ANIM":
                self.plays = self._number(chunk.start + 4, 2)
            elif chunk.kind == b"ANMF" and self.is_animated:
                self._frames.append(self._animated(chunk))

    def _animated(self, chunk: Chunk) -> Frame:
        """Read an ANMF chunk."""
        start = chunk.start
        x, y, width, height, duration = (self._number(start + 3 * i, 3) for i in range(5))
        flags = self._number(start + 15, 1)
        inner = self._still(self._chunks(start + 16, min(chunk.end, self._source.size)))
        frame = inner._replace(
            x=2 * x,
            y=2 * y,
            duration=duration,
            is_blended=not flags & 2,
            is_cleared=bool(flags & 1),
        )
        if (inner.width, inner.height) != (width + 1, height + 1):
            self._damaged("a frame has another size than its header says")
        if frame.x + frame.width > self.width or frame.y + frame.height > self.height:
            self._damaged("a frame lies outside of the canvas")
        return frame

    def _still(self, chunks: list[Chunk]) -> Frame:
        """Find the picture in a list of chunks."""
        alpha = next((chunk for chunk in chunks if chunk.kind == b"ALPH"), None)
        coded = next((chunk for chunk in chunks if chunk.kind in (b"VP8 ", b"VP8L")), None)
        if coded is None:
            self._damaged("there is no picture in it", 8 + self._number(4, 4))
        for chunk in (alpha, coded):
            if chunk is not None and chunk.end > self._source.size:
                self._damaged("the data of a picture end too early", chunk.end)
        start = coded.start
        if coded.end - start < (VP8_HEADER if coded.kind == b"VP8 " else VP8L_HEADER):
            self._damaged("a picture has no header")
        if coded.kind == b"VP8 ":
            if self._source.part(start + 3, 3) != b"\x9d\x01\x2a":
                self._damaged("a picture has no start code")
            width, height = self._number(start + 6, 2) & 0x3FFF, self._number(start + 8, 2) & 0x3FFF
            self._has_alpha |= alpha is not None
        else:
            if self._number(start, 1) != 0x2F:
                self._damaged("a picture has no signature")
            bits = self._number(start + 1, 4)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            self._has_alpha |= bool(bits >> 28 & 1)
            alpha = None
        if not width or not height:
            self._damaged("a picture has no size")
        return Frame(0, 0, width, height, 0, False, False, alpha, coded)

    # -- reading ---------------------------------------------------------------------------------

    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None:
        """Decode a region of the still picture, or of the first frame."""
        if self.is_animated:
            self.draw(0).read(pointer, stride, channels, depth, region)
        else:
            self._read(self._frames[0], pointer, stride, channels, depth, region)

    def duration(self, number: int) -> float:
        """Return how long a frame is shown, in seconds."""
        return self._frames[number].duration / 1000

    def draw(self, number: int) -> AnimationCanvas:
        """Draw the next frame, of which this is the number. Return the canvas."""
        frame = self._frames[number]
        if number == 0:
            self._canvas = AnimationCanvas(self.width, self.height)
        assert self._canvas is not None
        pixels = np.empty((frame.height, frame.width, 4), np.uint8)
        whole = (0, frame.height, 0, frame.width)
        self._read(frame, pixels.ctypes.data, pixels.strides[0], 4, 8, whole)
        region = (frame.y, frame.y + frame.height, frame.x, frame.x + frame.width)
        self._canvas.add(pixels.ctypes.data, region, frame.is_cleared, frame.is_blended)
        return self._canvas

    def _read(
        self,
        frame: Frame,
        pointer: int,
        stride: int,
        channels: int,
        depth: int,
        region: tuple[int, int, int, int],
    ) -> None:
        """Decode a region of one coded picture."""
        alpha, coded = frame.alpha, frame.coded
        # libwebp takes alpha only before the picture
        if HAS_LIBWEBP and (alpha is None or alpha.start < coded.start):
            place = (coded.start if alpha is None else alpha.start - 8, coded.end)
            size = (frame.height, frame.width)
            read_webp(self._source, place, size, pointer, stride, channels, depth, region)
        else:
            self._decode(frame).read(pointer, stride, channels, depth, region)

    def _decode(self, frame: Frame) -> CodedPicture:
        data = self._source.part(frame.coded.start, frame.coded.end - frame.coded.start)
        codec = "vp8"
        if frame.coded.kind == b"VP8L" or frame.alpha is not None:
            codec, data = "webp", self._riff(frame, data)
        # each picture is a key frame, so that one decoder can decode them all
        if codec not in self._decoders:
            self._decoders[codec] = PictureDecoder(
                codec, self.format, self._source.name, self.width, self.height
            )
        picture = self._decoders[codec].decode(data)
        if picture is None or (picture.width, picture.height) != (frame.width, frame.height):
            self._damaged("its data hold no picture of its size")
        return picture

    def _riff(self, frame: Frame, data: bytes) -> bytes:
        """Return a picture as a file of its own, which FFmpeg's decoder takes."""
        chunks = b""
        if frame.alpha is not None:
            alpha = self._source.part(frame.alpha.start, frame.alpha.end - frame.alpha.start)
            size = (frame.width - 1).to_bytes(3, "little") + (frame.height - 1).to_bytes(3, "little")
            chunks += _chunk(b"VP8X", bytes([ALPHA, 0, 0, 0]) + size) + _chunk(b"ALPH", alpha)
        chunks += _chunk(frame.coded.kind, data)
        return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)
