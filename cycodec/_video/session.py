"""An open video stream: its readers and its index, kept usable through forks, damage and wrong
headers.

All frames come from `VideoSession.read` and `VideoSession.read_picture`. VideoDecoder translates
NumPy's keys and times to frame numbers for it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from cycodec._shared.limits import check_result
from cycodec._shared.session_base import Session
from cycodec._shared.sources import AnySource
from cycodec._video.frame_size import FrameSize
from cycodec._video.gops import Positions
from cycodec._video.opening import (
    Mappings,
    Opened,
    ReaderFactory,
    SessionIndex,
    cpu_reader,
    learn_pictures,
    open_stream,
    readers_index,
)
from cycodec._video.options import Options
from cycodec._video.picture import Addresses, Region, SinglePicture
from cycodec._video.pictures import Pictures, PlansOutdated
from cycodec._video.readers import Readers
from cycodec._video.repair import confirm, repair, stale
from cycodec.core.container.demux import Demuxer
from cycodec.core.error import DecoderRefused, FFmpegError, StaleIndexError
from cycodec.core.video.index import FrameIndex, IndexContradiction
from cycodec.core.video.reader import FrameReader, FrameSizeChanged
from cycodec.core.video.request import BLACK, Request

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from cycodec.core.io.local_file import Identity
    from cycodec.cuda.delivery import Gpu
    from cycodec.transforms import Pipeline

T = TypeVar("T")


class Frames(NamedTuple):
    """Decoded frames.

    Attributes
    ----------
    data : Tensor of shape [count, height, width, channels]
        In any memory order.
    pts_seconds, duration_seconds : float64 array of shape [count]
    valid : bool array of shape [count]
    """

    data: Tensor
    pts_seconds: np.ndarray
    duration_seconds: np.ndarray
    valid: np.ndarray


class VideoSession(Session):
    """An open video stream.

    Parameters
    ----------
    source : Source or IOContext
    options : Options
    index : FrameIndex, optional
        By default, the session makes the index.
    mappings : str, bytes or file-like, optional
        ffprobe's list of frames, to make the index from.
    pipeline : Pipeline, optional
        The options' transforms as another session has resolved them, random crops included.
    identity : tuple, optional
        The ``IOContext.identity`` that the source must have.

    Attributes
    ----------
    index : FrameIndex, HeaderIndex or ApproximateIndex
        One of the last two in approximate mode.
    given_index : bool
        True if the index is the user's, so that the session must not replace it.
    """

    reader: FrameReader
    index: SessionIndex

    def __init__(
        self,
        source: AnySource,
        options: Options,
        index: FrameIndex | None = None,
        mappings: Mappings | None = None,
        pipeline: Pipeline | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(source, options.access)
        self.options = options
        self.given_index = index is not None or mappings is not None
        self.gpu: Gpu | None = None
        self._single: SinglePicture | None = None
        with self._opening():
            self.io.check_identity(identity)
            self._open(index, mappings, pipeline)
            if options.output == "yuv":
                self.serve(self.pictures.check_samples)
            if options.transforms:
                self.serve(self.pictures.resolve)

    # -- opening -----------------------------------------------------------------------------------

    def _open(
        self, index: FrameIndex | None, mappings: Mappings | None = None, pipeline: Pipeline | None = None
    ) -> None:
        opened = open_stream(self.io, self.options, index, mappings)
        self.size = opened.size
        self.stream_index = opened.stream_index
        self.time_base = opened.time_base
        self.index = opened.index
        matrix = opened.demuxer.display_matrix(self.stream_index)
        size = FrameSize(opened.header, matrix, is_proved=opened.demuxer.probed)
        knows_colours = opened.demuxer.knows_colours(self.stream_index)
        self.pictures = Pictures(self.options, opened.header, size, pipeline, knows_colours)
        if self.options.cuda is not None:
            self.move_to_gpu(opened.demuxer if opened.is_unread else None)
        else:
            self._use_reader(opened.reader or self._cpu_reader(opened), self.options.num_threads)
        if opened.has_other_size and size.geometry is not None:
            self.pictures.doubt()
        self._opened()

    def _cpu_reader(self, opened: Opened) -> FrameReader:
        threads = self.options.ffmpeg_threads
        return cpu_reader(
            opened.demuxer, self.stream_index, threads, readers_index(self.index), opened.is_unread
        )

    def _use_reader(self, reader: FrameReader, num_threads: int | None) -> None:
        """Decode with another reader from now on."""
        self.reader = reader
        factory = ReaderFactory(self.io, self.gpu) if self.io.is_sharable else None
        self.readers = Readers(reader, factory, num_threads)
        self.pictures.use(self.readers, None if self.gpu is None else self.gpu.ordinal)

    def move_to_gpu(self, demuxer: Demuxer | None = None) -> None:
        """Deliver frames to the GPU from now on.

        Parameters
        ----------
        demuxer : Demuxer, optional
            An unread one that knows the stream's pictures. By default, the source is opened again.
        """
        from cycodec.cuda.delivery import Gpu  # a user of the CPU need not load it

        options = self.options
        assert options.cuda is not None
        if self.gpu is None:
            self.gpu = Gpu(options.cuda, options.fallback, options.cuda_backend, options.converter)
        if demuxer is None:
            demuxer = Demuxer(self.io.again())
            learn_pictures(demuxer, self.stream_index, options)
            demuxer.keep_only(self.stream_index)
        index = readers_index(self.index)
        backend = self.gpu.backend(demuxer, self.stream_index, options.ffmpeg_threads, index.reorder)
        reader = FrameReader(demuxer, self.stream_index, backend, index, True)
        # several hardware decoders side by side only if the user asks for them
        self._use_reader(reader, options.num_threads or 1)

    def _reopen(self) -> None:
        self._open(self.frame_index, None, self.pictures.pipeline)

    def _forget(self) -> None:
        self.readers.forget()

    def cancel(self) -> None:
        """End the request under way, in any thread, by an error. No later one is possible."""
        readers = self.readers
        if readers is not None:
            readers.cancel()

    def _drop(self) -> None:
        self.pictures.release()
        self.reader = self.readers = None  # type: ignore[assignment]
        self.pictures.leave_readers()

    # -- requests, and what they may find out ------------------------------------------------------

    def serve(self, request: Callable[..., T], *arguments: Any) -> T:
        """Return what a request returns, while no other thread uses the session.

        If the request finds the index or the frame size to be wrong, the session corrects them and
        calls the request again, so that it must begin with the user's key.
        """
        while True:
            self._acquire()
            try:
                result = request(*arguments)
                self.reader.demuxer.settle()
                self._refuse_changed()
                return result
            except PlansOutdated:
                pass
            except FrameSizeChanged:
                self._refuse_changed()
                is_stale = self.pictures.size.is_proved and self.given_index and self._states_size()
                self.pictures.doubt()
                if is_stale:
                    raise stale(self) from None  # frames were returned in the size that it states
            except IndexContradiction as contradiction:
                self._refuse_changed(contradiction)
                repair(self, contradiction)
            except DecoderRefused as refusal:
                self.leave_gpu(f"this GPU does not decode it: {refusal}")
            except IndexError as error:
                self.name_source(error)
                raise
            except StaleIndexError:
                raise
            except FFmpegError as failure:
                self._refuse_changed(failure)
                raise
            finally:
                self._release()

    def _states_size(self) -> bool:
        return isinstance(self.index, FrameIndex) and self.index.first_width > 0

    def gpu_decodes(self) -> bool:
        """Return True if frames come from a GPU's decoder."""
        return self.gpu is not None and self.gpu.reason is None

    def leave_gpu(self, reason: str) -> None:
        """Let the CPU decode from now on; frames are delivered to the GPU as before."""
        assert self.gpu is not None
        self.gpu.fall_back(reason, self.name)
        self.move_to_gpu()

    def use_index(self, index: SessionIndex) -> None:
        """Read with another index from now on."""
        self.index = index
        self.reader.set_index(readers_index(index))
        self.readers.index_changed()

    def confirm(self) -> bool:
        """Decode the whole stream, correct the index, and return True if it was right."""
        return confirm(self)

    def describe(self) -> dict[str, Any]:
        """Return the header, completed by the first frame where the header tells nothing."""
        pictures = self.pictures
        if pictures.is_described or self._owner == threading.get_ident():  # a request calls
            return pictures.describe()
        return self.serve(pictures.describe)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of pictures, after the transforms."""
        if self._owner == threading.get_ident():  # a request calls
            return self.pictures.shape
        return self.serve(lambda: self.pictures.shape)

    def redraw(self, generator: Generator) -> None:
        """Draw the places of random crops again."""
        self.serve(self.pictures.redraw, generator)

    # -- reading, inside a request -----------------------------------------------------------------

    def read(self, positions: Positions, region: Region | None = None) -> Frames:
        """Decode frames. Call it inside `serve`.

        Parameters
        ----------
        positions : sequence of int
            Positions that `index` gives, in any order, with repeats.
        region : (y0, y1, x0, x1), optional
            The part of pictures that is wanted; by default all of it.
        """
        count = len(positions)
        times = np.empty((2, count), np.int64)
        valid = np.ones(count, np.uint8)
        picture_format = self.pictures.format
        y0, y1, x0, x1 = region = region or (0, picture_format.height, 0, picture_format.width)
        if self.gpu is not None:
            self.gpu.use_current_stream()
        pixels = count * max(y1 - y0, 0) * max(x1 - x0, 0)
        check_result(pixels * picture_format.pixel_bytes, self.options.max_result_bytes, self.name)
        data = picture_format.new(count, y1 - y0, x1 - x0)
        if count and y1 > y0 and x1 > x0:
            masking = self.options.mask_errors
            addresses = Addresses.of(times, valid)
            spec = picture_format.spec(region)
            self.readers.read(Request(spec, positions, data.data_ptr(), *addresses, masking))
            self.pictures.learn()
            if masking:
                _fill_black(data, positions, valid)
        seconds = self.to_seconds(times)
        return Frames(data, seconds[0], seconds[1], valid == 1)

    def read_picture(self, position: int, channels_first: bool) -> Tensor:
        """Decode one frame without its times, for ``decoder[i]``. Call it inside `serve`.

        Returns
        -------
        Tensor of shape [channels, height, width] with `channels_first`, else [height, width,
        channels]
        """
        single, pictures = self._single, self.pictures
        if (
            single is None
            or single.channels_first is not channels_first
            or single.format is not pictures.current
        ):
            picture_format = pictures.format
            pixels = picture_format.height * picture_format.width
            check_result(pixels * picture_format.pixel_bytes, self.options.max_result_bytes, self.name)
            single = self._single = SinglePicture(picture_format, channels_first)
        if self.gpu is not None:
            self.gpu.use_current_stream()
        picture = single.new()
        single.request.aim(position, picture.data_ptr())
        self.readers.read(single.request)
        if not pictures.size.is_proved:
            pictures.learn()
        return picture

    def read_one(self, position: int, channels_first: bool) -> tuple[Tensor, float, float]:
        """Decode one frame, and return it with its pts and its duration in seconds."""
        picture = self.read_picture(position, channels_first)
        assert self._single is not None
        base = self.time_base
        pts, duration = self._single.times.tolist()
        # the order of operations of `to_seconds`, for the same rounding
        return (
            picture,
            float(pts) * base.numerator / base.denominator,
            float(duration) * base.numerator / base.denominator,
        )

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Return times in units of the stream's time base as float64 seconds."""
        return ticks.astype(np.float64) * self.time_base.numerator / self.time_base.denominator

    @property
    def frame_index(self) -> FrameIndex | None:
        """The index of all frames; None in approximate mode."""
        return self.index if isinstance(self.index, FrameIndex) else None

    def fingerprinted_index(self) -> FrameIndex | None:
        """Return `frame_index` with the source's fingerprint, which it needs to be saved."""
        index = self.frame_index
        if index is not None and index.fingerprint is None:
            index.fingerprint = self.serve(lambda: self.reader.demuxer.fingerprint())
        return self.frame_index


def _fill_black(data: Tensor, positions: Positions, valid: np.ndarray) -> None:
    """Repeat the frame before, in display order, where a picture is black.

    A reader leaves a picture black if its own part of the request has no good frame before it.
    """
    if valid.max() < BLACK:
        return
    order = np.argsort(np.asarray(positions, np.int64), kind="stable").tolist()
    for before, slot in itertools.pairwise(order):
        if valid[slot] == BLACK:
            data[slot] = data[before]
