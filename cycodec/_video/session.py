"""An open video stream: source, index, reader and frame geometry, kept together through forks and second thoughts.

`VideoSession.read` is the only way to frames. VideoDecoder puts NumPy's and the clock's language in front of it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.session_base import Session
from cycodec._shared.sources import is_file_like, open_source
from cycodec._video.gops import Positions
from cycodec._video.opening import decoded_index, predicted_index, time_base
from cycodec._video.options import Options
from cycodec._video.picture import Addresses, Geometry, Layout, Region
from cycodec._video.readers import Readers, thread_limit
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.headers import fill_picture_format
from cycodec.core.error import DecoderRefused, FFmpegError, InvalidDataError, StaleIndexError
from cycodec.core.video.backend import CpuBackend, VideoBackend
from cycodec.core.video.confirm import confirm
from cycodec.core.video.index import FrameIndex, IndexContradiction
from cycodec.core.video.index_builder import index_from_mappings
from cycodec.core.video.reader import FrameReader, FrameSizeChanged
from cycodec.core.video.request import BLACK, Request
from cycodec.transforms import Pipeline, resolve

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from cycodec.cuda.delivery import Gpu

T = TypeVar("T")

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


class Frames(NamedTuple):
    """Decoded frames: `data` is [N, height, width, 3], whatever lies in memory; the rest float64 and bool arrays."""

    data: Tensor
    pts_seconds: np.ndarray
    duration_seconds: np.ndarray
    valid: np.ndarray


class Single(NamedTuple):
    """What reading one frame takes, for as long as the layout is this one."""

    layout: Layout
    channels_first: bool
    new: Callable[[], Tensor]
    request: Request


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
    pipeline : Pipeline or None
        The options' transforms as another session has resolved them, random crops included.
    """

    def __init__(
        self,
        source: Any,
        options: Options,
        index: FrameIndex | None = None,
        mappings: Any = None,
        pipeline: Pipeline | None = None,
    ) -> None:
        super().__init__(source)
        self.options = options
        self.given_index = index is not None or mappings is not None
        self._pipeline = pipeline
        self._single_times = np.empty(2, np.int64)  # pts and duration of a single frame
        self._single_valid = np.empty(1, np.uint8)
        self._single = Addresses.of(self._single_times, self._single_valid)
        self._single_plan: Single | None = None
        self._layout: Layout | None = None
        self.is_file_like = is_file_like(source)
        self.gpu: Gpu | None = None
        self.geometry_proved = False
        self.doubted: Geometry | None = None  # the header's, after a frame of another size was met
        self._open(index, mappings)
        if options.transforms:
            self.serve(lambda: self.pipeline)

    # -- opening ----------------------------------------------------------------------------------------------------

    def _open(self, index: FrameIndex | None, mappings: Any = None) -> None:
        demuxer = Demuxer(open_source(self.source))
        self.name = demuxer.io.name
        self.size = demuxer.size()
        self.stream_index = demuxer.select_video(self.options.stream_index)
        self.time_base = time_base(demuxer, self.stream_index)
        self.index = index
        fresh = True
        doubt = False
        if self.options.cuda is not None:
            self._learn_pictures(demuxer)
        if mappings is not None:
            self.index = index_from_mappings(mappings, self.time_base)
        elif index is not None:
            index.check_source(demuxer, self.stream_index)
        elif self.options.approximate:
            demuxer.look_ahead(self.stream_index)
        else:
            self.index, fresh, doubt = predicted_index(
                demuxer, self.stream_index, thread_limit(self.options.num_threads)
            )
        self.header = demuxer.stream_info(self.stream_index)
        # nothing for the CPU's decoder to confirm, and nothing that was read
        settled = (self.index is not None or self.options.approximate) and fresh and not doubt
        if self.options.cuda is not None and settled:
            self._move_to_gpu(demuxer)
        else:
            backend = CpuBackend(demuxer, self.stream_index, self.options.ffmpeg_threads, self._reorder)
            self.reader = FrameReader(demuxer, self.stream_index, backend, self.index, fresh)
            self.readers = Readers(self.reader, self.options.num_threads)
        self.geometry = self._geometry_of(self.header["width"], self.header["height"])
        if demuxer.probed and self.geometry is not None:
            self._trust_size()
        if not self.options.approximate:
            if self.index is None or (doubt and not confirm(self.reader)):
                self._decode_index()
            assert self.index is not None
            self._check_frames(self.index)
            self.index.confirmed = self.index.confirmed or doubt
            self.index.stream_index = self.stream_index
        if self.options.cuda is not None and not settled:
            self._move_to_gpu()
        self._opened()

    def _move_to_gpu(self, demuxer: Demuxer | None = None) -> None:
        """Have frames delivered to the GPU, by a reader of this demuxer, which knows the pictures, or of a new one."""
        from cycodec.cuda.delivery import Gpu  # costs what nobody else should pay

        assert self.options.cuda is not None
        if self.gpu is None:
            self.gpu = Gpu(
                self.options.cuda, self.options.fallback, self.options.cuda_backend, self.options.converter
            )
        if demuxer is None:
            demuxer = Demuxer(open_source(self.source))
            self._learn_pictures(demuxer)
            demuxer.keep_only(self.stream_index)
        backend = self.gpu.backend(demuxer, self.stream_index, self.options.ffmpeg_threads, self._reorder)
        self.reader = FrameReader(demuxer, self.stream_index, backend, self.index, True)
        self.reader.size_proved = self.geometry_proved
        # several sessions of the hardware decoder side by side only where that was asked for
        self.readers = Readers(self.reader, self.options.num_threads or 1)

    def _learn_pictures(self, demuxer: Demuxer) -> None:
        """Have a demuxer know depth, chroma and colours of the pictures, from headers where they are enough."""
        if self.options.cuda_backend != "nvdec" or not fill_picture_format(demuxer, self.stream_index):
            demuxer.probe()

    def _another_reader(self, num_threads: int = 1, /) -> FrameReader:
        """A reader beside the first one; its decoder is set up as the first one's demuxer knows the stream."""
        assert self.index is not None
        known = self.reader.demuxer
        demuxer = Demuxer(open_source(self.source))
        if known.probed:
            demuxer.probe()
        demuxer.keep_only(self.stream_index)
        backend: VideoBackend
        if self.gpu is not None:
            backend = self.gpu.backend(known, self.stream_index, num_threads, self.index.reorder)
        else:
            backend = CpuBackend(
                known, self.stream_index, num_threads, self.index.reorder, strict=num_threads > 1
            )
        reader = FrameReader(demuxer, self.stream_index, backend, self.index, True)
        reader.size_proved = self.geometry_proved
        return reader

    @property
    def _reorder(self) -> int:
        """Frames that can wait in the decoder for an earlier one, as far as the index knows."""
        return self.index.reorder if self.index is not None else 0

    def _check_frames(self, index: FrameIndex) -> None:
        if not len(index):
            raise InvalidDataError(
                f"{self.name}: no frame of video stream {self.stream_index} can be decoded "
                "(the file may be damaged or cut off; `ffmpeg -i FILE -f null -` says more)",
                source=self.name,
                operation="decode",
            )

    def _decode_index(self) -> None:
        """Make the index from a decoding pass over the whole stream, and take up reading with it."""
        demuxer = Demuxer(open_source(self.source))
        if demuxer.size() != self.size:
            raise FFmpegError(
                f"{self.name}: the source has {demuxer.size()} bytes now and had {self.size} when it was opened "
                "(make a new decoder when a file has changed)",
                source=self.name,
                operation="decode",
            )
        demuxer.probe()
        demuxer.keep_only(self.stream_index)
        try:
            index = decoded_index(demuxer, self.reader)
            index.stream_index = self.stream_index
            self._check_frames(index)
            self.index = index
        finally:
            self.reader.set_index(self.index)
            self.readers.index_changed()

    def _geometry_of(self, width: int | None, height: int | None) -> Geometry | None:
        return Geometry.of(width, height, self.reader.demuxer.display_matrix(self.stream_index))

    # -- use --------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self.readers.forget()

    def _reopen(self) -> None:
        self._open(self.index)

    def _drop(self) -> None:
        self.reader = self.readers = None  # type: ignore[assignment]

    def serve(self, request: Callable[..., T], *arguments: Any) -> T:
        """Run a request; where it proves index or geometry wrong, mend that and run it again, from its key on."""
        while True:
            self._acquire()
            try:
                return request(*arguments)
            except GeometryChanged:
                pass
            except FrameSizeChanged:
                self.doubted, self.geometry = self.geometry, None
            except IndexContradiction as contradiction:
                self._mend(contradiction)
            except DecoderRefused as refusal:
                self._leave_gpu(f"this GPU does not decode it: {refusal}")
            finally:
                self._release()

    def _mend(self, contradiction: IndexContradiction) -> None:
        """See DESIGN, decision 3: a full confirming pass instead of an error or a wrong frame."""
        if self.gpu is not None and self.gpu.reason is None:
            # what the index promises is what libavcodec gives: let that show who is right
            self._leave_gpu("the GPU did not give the frames that the index promises")
            return
        if self.given_index:
            raise self._stale() from contradiction
        if self.index is None or self.index.origin == "decoded":
            raise FFmpegError(
                f"{self.name}: decoding it twice does not give the same frames",
                source=self.name,
                operation="decode",
            ) from contradiction
        self._decode_index()

    def _leave_gpu(self, reason: str) -> None:
        """Have the CPU decode from now on; frames are delivered to the GPU as before."""
        assert self.gpu is not None
        self.gpu.fall_back(reason, self.name)
        self._move_to_gpu()

    def confirm(self) -> bool:
        """Decode the whole stream and mend the index where it is wrong; whether it was right."""
        before = self.index
        if before is None:
            raise ValueError(
                f"{self.name}: in approximate mode there is no index to confirm (use seek_mode='exact')"
            )
        if before.origin == "decoded":
            return True
        if self.gpu is not None and self.gpu.reason is None:
            return self._confirm_on_cpu()
        self._decode_index()
        assert self.index is not None
        right = np.array_equal(before.pts, self.index.pts)
        if right or self.given_index:
            self._use_index(before)
        if not right and self.given_index:
            raise self._stale()
        self.index.confirmed = True
        return right

    def _confirm_on_cpu(self) -> bool:
        """`confirm` where the GPU decodes: libavcodec's frames are the reference, and the index is its."""
        assert self.index is not None
        cpu = VideoSession(
            self.source, replace(self.options, cuda=None, transforms=(), num_threads=1), self.index
        )
        cpu.given_index = self.given_index
        right = cpu.confirm()
        assert cpu.index is not None
        self._use_index(cpu.index)
        if self.is_file_like:  # which has moved on
            self._move_to_gpu()
        return right

    def _use_index(self, index: FrameIndex) -> None:
        self.index = index
        self.reader.set_index(index)
        self.readers.index_changed()

    def _stale(self) -> StaleIndexError:
        return StaleIndexError(
            f"{self.name}: the given frame index or mappings do not match what the decoder gives "
            "(make a new index, or leave it out)",
            source=self.name,
            operation="decode",
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frames as they are returned."""
        if self.options.transforms:
            return self.pipeline.height, self.pipeline.width
        return self._frame_size()

    def _frame_size(self) -> tuple[int, int]:
        """(height, width) of the frames before transforms."""
        if self.geometry is None:
            self._prove_geometry(0 if self.index is not None else self.first_position)
        assert self.geometry is not None
        return self.geometry.height, self.geometry.width

    def _prove_geometry(self, position: int) -> None:
        """Decode one frame to see whether frames have the size that the header says."""
        info = self.reader.describe_frame(position)
        self._learn(info)
        before = self.geometry or self.doubted
        self.geometry = before
        if before is None or self._geometry_of(info["width"], info["height"]) != before:
            # frames of another size are scaled to the first frame's, as the ffmpeg command does it
            if self.index is not None and position != 0:
                info = self.reader.describe_frame(0)
            self.geometry = self._geometry_of(info["width"], info["height"])
        self._trust_size()
        if before is not None and self.geometry != before:
            self._pipeline = None
            raise GeometryChanged

    def _trust_size(self) -> None:
        """Frames have the size of `geometry`: readers need not compare it any more."""
        self.geometry_proved = True
        for reader in self.readers.all():
            reader.size_proved = True

    def _learn(self, info: dict[str, Any]) -> None:
        """What a decoded frame says of itself, where the header says nothing."""
        self.header = {**self.header, **{k: v for k, v in info.items() if self.header.get(k) is None}}

    @property
    def pipeline(self) -> Pipeline:
        """What the transforms do to frames of this stream; random crops are drawn once."""
        if self._pipeline is None:
            height, width = self._frame_size()
            self._pipeline = resolve(self.options.transforms, height, width)
        return self._pipeline

    def redraw(self, generator: Generator) -> None:
        """Draw the places of random crops anew."""

        def request() -> None:
            height, width = self._frame_size()
            self._pipeline = resolve(self.options.transforms, height, width, generator)

        self.serve(request)

    @property
    def first_position(self) -> int:
        begin = self.header.get("begin_stream_seconds_from_header") or 0.0
        return round(begin / self.time_base)

    @property
    def dtype(self) -> str:
        """ "uint8", "float32" or "float16"; with output_dtype "auto", float32 for HDR transfer functions."""
        if self.options.output_dtype != "auto":
            return self.options.output_dtype
        if self.header.get("color_transfer_characteristic") is None and not self.geometry_proved:
            self._prove_geometry(0 if self.index is not None else self.first_position)
        return "float32" if self.header.get("color_transfer_characteristic") in HDR_TRANSFERS else "uint8"

    def read(self, positions: Positions, region: Region | None = None) -> Frames:
        """Decode frames: numbers, or timestamps without an index; only the region (y0, y1, x0, x1) is converted.

        To be called inside `serve`.
        """
        count = len(positions)
        times = np.empty((2, count), np.int64)
        valid = np.ones(count, np.uint8)
        data = self._fill(positions, region, Addresses.of(times, valid))
        self._fill_black(data, positions, valid)
        seconds = self.to_seconds(times)
        return Frames(data, seconds[0], seconds[1], valid == 1)

    def _fill_black(self, data: Tensor, positions: Positions, valid: np.ndarray) -> None:
        """Frames for which the part of the request that their reader saw had nothing: the request may have."""
        if not self.options.mask_errors or valid.max(initial=0) < BLACK:
            return
        order = np.argsort(np.asarray(positions, np.int64), kind="stable").tolist()
        for before, slot in itertools.pairwise(order):
            if valid[slot] == BLACK:
                data[slot] = data[before]

    def read_one(self, position: int, channels_first: bool) -> tuple[Tensor, float, float]:
        """One frame, its pts and duration in seconds: the short way for one frame with its times."""
        picture = self.read_picture(position, channels_first)
        base = self.time_base
        pts, duration = self._single_times.tolist()
        # as `to_seconds` rounds it
        return (
            picture,
            float(pts) * base.numerator / base.denominator,
            float(duration) * base.numerator / base.denominator,
        )

    def read_picture(self, position: int, channels_first: bool) -> Tensor:
        """Decode one frame, [height, width, 3] or [3, height, width], without its times: the way of ``decoder[i]``."""
        single = self._single_plan
        if (
            single is None
            or single.channels_first is not channels_first
            or not self._is_current(single.layout)
        ):
            layout = self.layout
            spec = layout.spec((0, layout.height, 0, layout.width))
            request = Request(spec, (0,), 0, *self._single, self.options.mask_errors)
            single = Single(layout, channels_first, layout.maker(channels_first), request)
            self._single_plan = single
        if self.gpu is not None:
            self.gpu.use_current_stream()
        picture = single.new()
        single.request.aim(position, torch_adapter.pointer(picture))
        self._read(single.request)
        return picture

    def _fill(self, positions: Positions, region: Region | None, addresses: Addresses) -> Tensor:
        """Decode frames into a new tensor."""
        layout = self.layout
        y0, y1, x0, x1 = region = region or (0, layout.height, 0, layout.width)
        if self.gpu is not None:
            self.gpu.use_current_stream()
        data = layout.new(len(positions), y1 - y0, x1 - x0)
        if len(positions) and y1 > y0 and x1 > x0:
            address = torch_adapter.pointer(data)
            self._read(Request(layout.spec(region), positions, address, *addresses, self.options.mask_errors))
        return data

    def _read(self, request: Request) -> None:
        """Have readers decode frames into memory."""
        self.readers.read(request, None if self.is_file_like else self._another_reader)
        if not self.geometry_proved:
            for reader in self.readers.all():
                if reader.proved_by is not None:
                    self._learn(reader.proved_by)
                    self._trust_size()
                    return

    @property
    def layout(self) -> Layout:
        """What becomes of decoded frames now."""
        if self._layout is None or not self._is_current(self._layout):
            dtype = self.dtype
            self._frame_size()
            assert self.geometry is not None
            pipeline = self.pipeline if self.options.transforms else None
            device = "cpu" if self.gpu is None else torch_adapter.cuda_device(self.gpu.ordinal)
            self._layout = Layout(self.geometry, pipeline, dtype, self.options, device)
        return self._layout

    def _is_current(self, layout: Layout) -> bool:
        return layout.geometry is self.geometry and layout.pipeline is self._pipeline

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Times in units of the stream's time base as float64 seconds."""
        return ticks.astype(np.float64) * self.time_base.numerator / self.time_base.denominator

    def describe(self) -> dict[str, Any]:
        """The header's metadata, completed by what the first frame says where the header says nothing."""
        if self.header.get("pixel_format") is None and not self.geometry_proved:
            position = 0 if self.index is not None else self.first_position
            try:
                if self._owner == threading.get_ident():  # asked by a request that is under way
                    self._prove_geometry(position)
                else:
                    self.serve(lambda: self._prove_geometry(position))
            except (FFmpegError, IndexError):
                self.geometry_proved = True
        return self.header

    def fingerprinted_index(self) -> FrameIndex | None:
        """The index, carrying the source's fingerprint so that it can be saved."""
        if self.index is not None and self.index.fingerprint is None:
            index = self.index
            index.fingerprint = self.serve(lambda: self.reader.demuxer.fingerprint())
        return self.index
