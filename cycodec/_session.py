"""An open video stream: source, index, reader and frame geometry, kept together through forks and second thoughts.

`VideoSession.read` is the only way to frames. VideoDecoder puts NumPy's and the clock's language in front of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cycodec import _tensor
from cycodec._lifetime import Session, open_source
from cycodec.core.backend import CpuBackend, orientation_of
from cycodec.core.demux import Demuxer
from cycodec.core.error import FFmpegError, InvalidDataError, StaleIndexError
from cycodec.core.index import FrameIndex, scan_packets
from cycodec.core.reader import FrameReader, IndexContradiction
from cycodec.core.sampletable import read_mov

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

ORIENT_TRANSPOSE = 4
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
# Containers that store a timestamp for each packet, one packet a frame, and give the same ones after a seek.
TRUSTED_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")


class Frames(NamedTuple):
    """Decoded frames: `data` is [N, height, width, 3], the rest float64 and bool arrays of length N."""

    data: Tensor
    pts_seconds: np.ndarray
    duration_seconds: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Geometry:
    """How frames are shown: size after orientation, and the orientation itself (see csrc/convert.h)."""

    height: int
    width: int
    orientation: int


@dataclass(frozen=True)
class Options:
    """What a session was opened with, apart from source and index; enough to open it again."""

    stream_index: int | None
    num_threads: int
    approximate: bool
    mask_errors: bool
    output_dtype: str  # "uint8", "float32" or "auto"


class GeometryChanged(Exception):
    """Frames have another size than the header said: plans made with that size are void."""


class VideoSession(Session):
    """See the module's docstring.

    Parameters
    ----------
    source
        Path or URL, bytes, 1-D uint8 tensor or file-like.
    options : Options
    index : FrameIndex or None
        None: made here (not in approximate mode).
    mappings : str, bytes, file-like or None
        ffprobe's frame list, to make the index from.
    """

    def __init__(self, source: Any, options: Options, index: FrameIndex | None = None, mappings: Any = None) -> None:
        super().__init__(source)
        self.options = options
        self.given_index = index is not None or mappings is not None
        self._open(index, mappings)

    # -- opening ---------------------------------------------------------------------------------------------

    def _open(self, index: FrameIndex | None, mappings: Any = None) -> None:
        demuxer = Demuxer(open_source(self.source))
        self.name = demuxer.io.name
        self.stream_index = demuxer.select_video(self.options.stream_index)
        self.time_base = demuxer.time_base(self.stream_index) or Fraction(1, 1000)
        self.index = index
        fresh = True
        doubt = False
        if mappings is not None:
            self.index = FrameIndex.from_mappings(mappings, self.time_base)
        elif index is not None:
            index.check_source(demuxer, self.stream_index)
        elif not self.options.approximate:
            self.index, fresh, doubt = self._predict(demuxer)
        backend = CpuBackend(
            demuxer,
            self.stream_index,
            self.options.num_threads,
            self.index.reorder if self.index is not None else 0,
        )
        self.reader = FrameReader(demuxer, self.stream_index, backend, self.index, fresh)
        self.header = demuxer.stream_info(self.stream_index)
        self.geometry = self._geometry_of(self.header["width"], self.header["height"])
        self.geometry_proved = demuxer.probed and self.geometry is not None
        if not self.options.approximate:
            if self.index is None or (doubt and not self.reader.confirm()):
                self._decode_index()
            assert self.index is not None
            self.index.confirmed = self.index.confirmed or doubt
            self.index.stream_index = self.stream_index
            if not len(self.index):
                raise InvalidDataError(
                    f"{self.name}: no frame of video stream {self.stream_index} can be decoded "
                    "(the file may be damaged or cut off; `ffmpeg -i FILE -f null -` says more)",
                    source=self.name,
                    operation="decode",
                )

    def _predict(self, demuxer: Demuxer) -> tuple[FrameIndex | None, bool, bool]:
        """(index that the packets promise or None, whether nothing was read yet, whether a decoder should confirm it)."""
        trusted = demuxer.format_name in TRUSTED_CONTAINERS and not demuxer.is_attached_picture(self.stream_index)
        table = read_mov(demuxer, self.stream_index) if trusted else None
        scanned = table is None
        if table is None:
            table = scan_packets(demuxer, self.stream_index)
        if table.has_suspects:
            return None, False, True
        index = FrameIndex.from_packets(
            table,
            self.time_base,
            origin="scan" if scanned else "sample table",
            stamped=not trusted,
            seconds_per_frame=seconds_per_frame(demuxer, self.stream_index),
        )
        return index, not scanned, not (trusted and table.begins_decodable)

    def _decode_index(self) -> None:
        """Make the index from a decoding pass over the whole stream, and take up reading with it."""
        demuxer = Demuxer(open_source(self.source))
        demuxer.probe()
        demuxer.keep_only(self.stream_index)
        table = scan_packets(demuxer, self.stream_index)
        ordinals = self.reader.decode_ordinals()
        self.index = FrameIndex.from_ordinals(
            table,
            ordinals,
            self.time_base,
            seconds_per_frame=seconds_per_frame(demuxer, self.stream_index),
        )
        self.index.stream_index = self.stream_index
        self.reader.set_index(self.index)

    def _geometry_of(self, width: int | None, height: int | None) -> Geometry | None:
        if not width or not height:
            return None
        orientation = orientation_of(self.reader.demuxer.display_matrix(self.stream_index))
        if orientation & ORIENT_TRANSPOSE:
            width, height = height, width
        return Geometry(height, width, orientation)

    # -- use -------------------------------------------------------------------------------------------------

    def _reopen(self) -> None:
        self._open(self.index)

    def serve(self, request: Callable[[], T]) -> T:
        """Run a request; where it proves index or geometry wrong, mend that and run it again, from its key on."""
        while True:
            try:
                with self._locked():
                    return request()
            except GeometryChanged:
                continue
            except IndexContradiction as contradiction:
                with self._locked():
                    self._mend(contradiction)

    def _mend(self, contradiction: IndexContradiction) -> None:
        """See DESIGN, decision 3: a full confirming pass instead of an error or a wrong frame."""
        if self.given_index:
            raise StaleIndexError(
                f"{self.name}: the given frame index or mappings do not match what the decoder gives "
                "(make a new index, or leave it out)",
                source=self.name,
                operation="decode",
            ) from contradiction
        if self.index is None or self.index.origin == "decoded":
            raise FFmpegError(
                f"{self.name}: decoding it twice does not give the same frames", source=self.name, operation="decode"
            ) from contradiction
        self._decode_index()

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frames as they are returned."""
        if self.geometry is None:
            self._prove_geometry(0 if self.index is not None else self.first_position)
        assert self.geometry is not None
        return self.geometry.height, self.geometry.width

    def _prove_geometry(self, position: int) -> None:
        """Decode one frame to see whether frames have the size that the header says."""
        self.reader.prime(position)
        info = self.reader.frame_info or {}
        self.header = {**self.header, **{k: v for k, v in info.items() if self.header.get(k) is None}}
        before = self.geometry
        if before is None or self._geometry_of(info["width"], info["height"]) != before:
            # frames of another size are scaled to the first frame's, as the ffmpeg command does it
            if self.index is not None and position != 0:
                self.reader.prime(0)
                info = self.reader.frame_info or {}
            self.geometry = self._geometry_of(info["width"], info["height"])
        self.geometry_proved = True
        if before is not None and self.geometry != before:
            raise GeometryChanged

    @property
    def first_position(self) -> int:
        begin = self.header.get("begin_stream_seconds_from_header") or 0.0
        return round(begin / self.time_base)

    @property
    def dtype(self) -> str:
        """"uint8" or "float32"; with output_dtype "auto", float32 for HDR transfer functions."""
        if self.options.output_dtype != "auto":
            return self.options.output_dtype
        if self.header.get("color_transfer_characteristic") is None and not self.geometry_proved:
            self._prove_geometry(0 if self.index is not None else self.first_position)
        return "float32" if self.header.get("color_transfer_characteristic") in HDR_TRANSFERS else "uint8"

    def read(self, positions: Sequence[int], region: tuple[int, int, int, int] | None = None) -> Frames:
        """Decode frames: numbers, or timestamps without an index; only the region (y0, y1, x0, x1) is converted.

        To be called inside `serve`.
        """
        count = len(positions)
        if count and not self.geometry_proved:
            self._prove_geometry(int(min(positions)))
        height, width = self.shape
        y0, y1, x0, x1 = region or (0, height, 0, width)
        dtype = self.dtype
        data = _tensor.empty((count, y1 - y0, x1 - x0, 3), dtype)
        pts = np.empty(count, np.int64)
        durations = np.empty(count, np.int64)
        valid = np.ones(count, np.bool_)
        if count and y1 > y0 and x1 > x0:
            assert self.geometry is not None
            self.reader.read_into(
                positions,
                _tensor.pointer(data),
                pts.ctypes.data,
                durations.ctypes.data,
                valid.ctypes.data,
                (width, height),
                (y0, y1, x0, x1),
                self.geometry.orientation,
                int(dtype == "float32"),
                self.options.mask_errors,
            )
        return Frames(data, self.to_seconds(pts), self.to_seconds(durations), valid)

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Times in units of the stream's time base as float64 seconds."""
        return ticks.astype(np.float64) * self.time_base.numerator / self.time_base.denominator

    def describe(self) -> dict[str, Any]:
        """The header's metadata, completed by what the first frame says where the header says nothing."""
        if self.header.get("pixel_format") is None and not self.geometry_proved:
            try:
                self.serve(lambda: self._prove_geometry(0 if self.index is not None else self.first_position))
            except (FFmpegError, IndexError):
                self.geometry_proved = True
        return self.header

    def fingerprinted_index(self) -> FrameIndex | None:
        """The index, carrying the source's fingerprint so that it can be saved."""
        if self.index is not None and self.index.fingerprint is None:
            with self._locked():
                self.index.fingerprint = self.reader.demuxer.fingerprint()
        return self.index


def seconds_per_frame(demuxer: Demuxer, stream_index: int) -> Fraction | None:
    """From the header's frame rate; None where it has none."""
    rate = demuxer.frame_rate(stream_index)
    return 1 / rate if rate else None
