"""VideoDecoder: the frames of a video file as tensors, indexed like a NumPy array."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np

from cycodec._shared import keys, time_keys, torch_adapter
from cycodec._shared.arguments import INT32_MAX, dtype_name, integer, one_of, optional_integer, thread_counts
from cycodec._shared.decoder_base import DecoderBase, KeptMetadata
from cycodec._shared.limits import current
from cycodec._shared.metadata import VideoStreamMetadata, video_metadata
from cycodec._shared.results import Frame, FrameBatch
from cycodec._shared.sources import Source, make_access
from cycodec._video.opening import given_index_of
from cycodec._video.options import Options
from cycodec._video.session import Frames, VideoSession
from cycodec._video.work import DecodeCounters, DecodePlan, counted, planned
from cycodec.core.error import FFmpegError
from cycodec.core.video.index import FrameIndex
from cycodec.cuda.settings import CpuFallbackStatus, chosen_backend, chosen_converter
from cycodec.decoders._array import OUTPUTS, ArrayOfFrames, cuda_of
from cycodec.decoders._by_time import ByTime
from cycodec.decoders._open_to_c import OpenToC
from cycodec.transforms import DecoderTransform, Pipeline, as_transforms

if TYPE_CHECKING:
    from torch import Tensor, device, dtype
    from torch.nn import Module

    from cycodec.core.io.local_file import Identity


class VideoDecoder(DecoderBase, ArrayOfFrames, OpenToC):
    """The frames of a video stream, as tensors.

    A decoder behaves like the 4-D array of all its frames, in the axes of `dimension_order`. Only
    the frames and pixels that a key selects are decoded and converted: ``decoder[5]``,
    ``decoder[2:20:3]``, ``decoder[[5, 1, 1]]``, ``decoder[0:10, :, 100:200, 50:150]``.
    ``decoder.t`` does the same by time: ``decoder.t[1.5]``, ``decoder.t[1.0:4.0]``. The ``get_*``
    methods return frames with their times.

    A frame is played over [pts, pts + duration), in seconds. Threads may share a decoder. It can be
    pickled and used in forked processes, unless its source is a stream or another file-like object
    that only its own process can read. A file that was rewritten while a decoder reads it, or since
    the decoder was pickled, raises StaleIndexError.

    Parameters
    ----------
    source : str, pathlib.Path, bytes, torch.Tensor, file-like or tuple
        A path or URL; the bytes of a file (bytes or a 1-D uint8 tensor); an object with
        ``read(size)`` and ``seek(offset, whence)``, which is read on demand; an object that cannot
        seek, such as a pipe, which is read forward and kept in a temporary file; or
        ``(path_or_url, offset, length)``, a part of a file in bytes, such as a member of a tar
        file.
    stream_index : int, optional
        Number of the stream among all streams of the container. None selects FFmpeg's best video
        stream.
    dimension_order : {"NCHW", "NHWC"}
        Axes of returned frames. They do not say how frames lie in memory.
    memory_order : {"NHWC", "NCHW"}
        How frames lie in memory, whatever their axes are. Resizing and convolutions are fastest
        with NHWC (torch's channels last). NCHW saves a copy for code that needs contiguous planes.
    num_ffmpeg_threads : int
        libavcodec's own threads; 0 lets FFmpeg decide. With another number than 1, requests are not
        divided among threads (see `num_threads`).
    device : str or torch.device, optional
        The device that receives the frames; None is torch's current default device. With a CUDA
        device, NVIDIA's hardware decodes, and frames never leave the GPU. All work is queued on
        torch's current stream.
    seek_mode : {"exact", "approximate"}
        "exact" makes an index of all frames, so that frame i is always frame i. "approximate"
        follows the header: frame i is the one played at (i + 0.5) / fps, and the header tells
        length and times. Opening then scans no packets; it is never slower than "exact".
    custom_frame_mappings : str, bytes or file-like, optional
        ffprobe's JSON list of frames (``pts``, ``duration``, ``key_frame``), to make the index
        from.
    transforms : list of transforms, optional
        Transforms of ``cycodec.transforms``, or of the same names in ``torchvision.transforms.v2``.
        They are applied in order to every frame; a Compose of them is opened. Pixels outside a crop
        are never converted. `metadata` and indices refer to the transformed frames.
    output_dtype : torch.dtype or "auto"
        torch.uint8; torch.float32 in [0, 1], which is ffmpeg's rgb48le divided by 65535 and keeps
        the precision of 10 and 12 bits; or torch.float16, the same rounded. "auto" is float32 for
        HDR (transfer functions PQ and HLG), else uint8.
    index : FrameIndex, bytes or path, optional
        An index that was made before (``decoder.index``, its ``to_bytes()``, or the file of its
        ``save``). The decoder refuses an index of another source.
    num_threads : int, optional
        The largest number of threads for one request. A request that touches several GOPs is
        divided among them. FFmpeg's frame threads decode a long read inside a GOP, such as a loop
        over frames. None stands for the free part of the process's budget (one thread for each CPU,
        or the environment variable CYCODEC_NUM_THREADS), and for one thread in DataLoader workers.
        It excludes `num_ffmpeg_threads`.
    on_error : {"raise", "mask"}
        What happens to a frame that cannot be decoded. "raise" raises an error. "mask" repeats the
        last good frame of the request (black before the first one) and sets ``FrameBatch.valid`` to
        False there. It does the same with damaged frames, which "raise" returns as the decoder
        conceals them.
    fallback : {"cpu", "raise"}
        What happens to a stream that the GPU does not decode. With "cpu", the CPU decodes it, the
        GPU still converts its colours, and `cpu_fallback` tells why. "raise" raises
        UnsupportedError.
    output : {"rgb", "gray", "rgba", "yuv"}
        The channels of frames: three, one, four, or three. Gray and RGBA are ffmpeg's ``gray`` and
        ``rgba`` (for floats ``gray16le`` and ``rgba64le`` divided by 65535). Streams without alpha
        are opaque. "yuv" has the samples as they were decoded, without any conversion. Chroma is
        repeated up to the size of luma, so that a slice such as ``frames[:, 1:, ::2, ::2]`` is the
        decoded plane. Floats are samples divided by the largest one of their depth. uint8 holds 8
        bits only, so that deeper streams need floats; "auto" chooses. Outputs other than "rgb" are
        made on the CPU.
    protocols : str or iterable of str, optional
        FFmpeg's protocols that the source may use besides its own. By default, bytes and file-like
        objects reach nothing, a path reaches its file, and a URL reaches itself: see
        docs/security.md.
    formats : str or iterable of str, optional
        FFmpeg's formats that open other resources and that the source may have, such as ``"hls"``
        or ``"concat"``. By default, a source has such a format only if it is a URL of that kind,
        such as ``https://host/list.m3u8``; with `protocols`, it may have any playlist format.
    options : dict, optional
        FFmpeg's options of demuxer, protocol and decoder, such as ``{"headers": "Cookie: a=b"}`` or
        ``{"probesize": 100_000}``.
    max_pixels, max_result_bytes : int, optional
        The largest number of pixels of a frame, and of bytes of one returned tensor. None takes
        those of ``cycodec.get_limits()``.
    timeout : float, optional
        Seconds that a URL may take to answer. None takes ``cycodec.get_limits().timeout``.
    max_spool_bytes : int, optional
        The largest number of bytes that a temporary file keeps of a source that cannot seek. None
        takes ``cycodec.get_limits().max_spool_bytes``.

    Raises
    ------
    CudaUnavailableError
        A CUDA device is asked for, and something that it needs is missing. The message says what to
        do.
    FileNotFoundError
        There is no such file.
    LimitError
        A frame, a result or a stream is larger than the limits allow.
    SourcePermissionError
        The file may not be read, or the source reaches for what it may not.
    SourceTimeoutError
        The URL does not answer.
    FFmpegError
        The source cannot be read, has no video stream, or no frame of it can be decoded.
    TypeError, ValueError
        An argument is of the wrong type or has a value that is not allowed.
    """

    def __init__(
        self,
        source: Source,
        *,
        stream_index: int | None = None,
        dimension_order: Literal["NCHW", "NHWC"] = "NCHW",
        memory_order: Literal["NHWC", "NCHW"] = "NHWC",
        num_ffmpeg_threads: int = 1,
        device: str | device | None = None,
        seek_mode: Literal["exact", "approximate"] = "exact",
        custom_frame_mappings: str | bytes | IO[Any] | None = None,
        transforms: Iterable[DecoderTransform | Module] | None = None,
        output_dtype: dtype | Literal["auto"] | None = None,
        index: FrameIndex | bytes | str | os.PathLike[str] | None = None,
        num_threads: int | None = None,
        on_error: Literal["raise", "mask"] = "raise",
        fallback: Literal["cpu", "raise"] = "cpu",
        protocols: Iterable[str] | str | None = None,
        formats: Iterable[str] | str | None = None,
        options: Mapping[str, Any] | None = None,
        max_pixels: int | None = None,
        max_result_bytes: int | None = None,
        timeout: float | None = None,
        max_spool_bytes: int | None = None,
        output: Literal["rgb", "gray", "rgba", "yuv"] = "rgb",
    ) -> None:
        one_of("dimension_order", dimension_order, ("NCHW", "NHWC"))
        one_of("memory_order", memory_order, ("NHWC", "NCHW"))
        one_of("seek_mode", seek_mode, ("exact", "approximate"))
        one_of("on_error", on_error, ("raise", "mask"))
        one_of("fallback", fallback, ("cpu", "raise"))
        one_of("output", output, OUTPUTS)
        if sum((seek_mode != "exact", custom_frame_mappings is not None, index is not None)) > 1:
            raise ValueError(
                "seek_mode='approximate', custom_frame_mappings and index exclude each other: pass one of them"
            )
        index = given_index_of(index)
        ffmpeg_threads, threads = thread_counts(num_ffmpeg_threads, num_threads)
        limits = current(max_pixels, max_result_bytes, timeout, max_spool_bytes)
        settings = Options(
            stream_index=optional_integer("stream_index", stream_index, 0, INT32_MAX),
            ffmpeg_threads=ffmpeg_threads,
            num_threads=threads,
            approximate=seek_mode == "approximate",
            mask_errors=on_error == "mask",
            output_dtype=dtype_name(output_dtype),
            output=output,
            planar=memory_order == "NCHW",
            transforms=as_transforms(transforms),
            cuda=cuda_of(device, output),
            fallback=fallback,
            cuda_backend=chosen_backend(),
            converter=chosen_converter(),
            access=make_access(protocols, formats, options, limits),
            max_result_bytes=limits.max_result_bytes,
        )
        self._dimension_order = dimension_order
        self._session = VideoSession(source, settings, index, custom_frame_mappings)
        self._kept = KeptMetadata(video_metadata)

    # -- facts -------------------------------------------------------------------------------------

    @property
    def metadata(self) -> VideoStreamMetadata:
        """What is known about the stream, from the header and, in exact mode, from the content.

        Every access returns the same object. It is updated when the decoder learns more, and keeps
        the attributes that a user sets. ``dataclasses.asdict`` returns all values, ready for JSON.
        """
        session = self._session
        header = session.describe()
        return self._kept.of(header, session.frame_index, session.pictures.known_shape)

    @property
    def stream_index(self) -> int:
        """Number of the stream among all streams of the container."""
        return self._session.stream_index

    @property
    def index(self) -> FrameIndex | None:
        """All frames with their times, and the key frames; None in approximate mode."""
        return self._session.fingerprinted_index()

    @property
    def cpu_fallback(self) -> CpuFallbackStatus:
        """True, with a reason, if the CPU decodes for a GPU. False for decoders on the CPU."""
        gpu = self._session.gpu
        return CpuFallbackStatus(gpu.reason if gpu is not None else None)

    def confirm(self) -> bool:
        """Decode the whole stream once, and correct the index if it is wrong.

        Opening a file does not decode it. A packet in its middle that holds no picture therefore
        stays unknown until a read meets it. After this call the number, order and times of frames
        are certain, and the index can be saved as such (``decoder.index.confirmed``). The call
        takes the time of decoding all frames; it does not convert them.

        Returns
        -------
        bool
            True if the index was right before.

        Raises
        ------
        StaleIndexError
            The index or the mappings were given, and do not match the stream.
        ValueError
            The decoder is in approximate mode, which has no index.
        """
        return self._session.serve(self._session.confirm)

    def plan(self, key: Any) -> DecodePlan:
        """Return what ``decoder[key]`` costs a fresh decoder; nothing is decoded.

        Compare it with the growth of `counters`. A decoder whose last request ended near the wanted
        frames needs less.

        Parameters
        ----------
        key : anything that indexes the decoder

        Raises
        ------
        IndexError, TypeError
            As ``decoder[key]`` does.
        ValueError
            The decoder is in approximate mode, which does not know the key frames.
        """
        session = self._session
        return session.serve(lambda: planned(session, self._plan(key, len(self)).frames))

    @property
    def counters(self) -> DecodeCounters:
        """The seeks, packets and frames of all readers so far, those of opening included."""
        return self._session.serve(lambda: counted(self._session.readers.all()))

    def __len__(self) -> int:
        """Return the number of frames; in approximate mode, the number that the header promises."""
        return len(self._session.index)

    def __repr__(self) -> str:
        if self._session.closed:
            return f"VideoDecoder({self._session.name!r}, closed)"
        try:
            height, width = self._session.shape
            frames = f"{len(self)} frame{'s' * (len(self) != 1)} of {width}x{height}"
        except (FFmpegError, IndexError, ValueError):  # the header does not say it
            frames = "an unknown number of frames"
        return f"VideoDecoder({self._session.name!r}, {frames})"

    def close(self) -> None:
        """Free file and codec. Tensors stay valid. Later use of the decoder raises ClosedError."""
        self._session.close()

    def __enter__(self) -> VideoDecoder:
        self._session.serve(lambda: None)  # raises ClosedError if the decoder is closed
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        session = self._session
        return (
            _unpickle,
            (
                type(self),
                session.io.picklable_origin(),
                session.options,
                session.fingerprinted_index(),
                session.pictures.pipeline,
                self._dimension_order,
                session.given_index,
                session.io.identity,
            ),
            self._additions(),
        )

    # -- frames by number --------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        """Return frames by a NumPy-style key: the value of ``get_all_frames().data[key]``.

        Parameters
        ----------
        key : int, slice, Ellipsis, None, list, array, tensor or a tuple of them
            Integers and bools index as in NumPy.

        Returns
        -------
        Tensor
            Of the decoder's dtype and device; a single frame is [channels, height, width] or
            [height, width, channels].

        Raises
        ------
        IndexError
            The key is out of bounds, has too many items, or is of a type that cannot index.
        TypeError, ValueError
            A slice has bounds that are not integers, or its step is 0.
        """
        if type(key) is int:
            return self._session.serve(self._picture, key)
        return self._session.serve(self._select, key)

    def _position_of(self, number: int) -> int:
        """Return a reader's position for a frame number; a negative number counts from the end."""
        index = self._session.index
        count = len(index)
        if not -count <= number < count:
            raise IndexError(
                f"index {number} is out of bounds for axis 0 with size {count}: the video has {count} frames"
            )
        return index.position_of(number % count)

    def _picture(self, number: int) -> Tensor:
        return self._session.read_picture(self._position_of(number), self._dimension_order == "NCHW")

    def _select(self, key: Any) -> Tensor:
        plan = self._plan(key, len(self))
        return self._planned(plan, self._session.index.positions_of(plan.frames))

    def _planned(self, plan: keys.Plan, positions: Sequence[int] | np.ndarray) -> Tensor:
        """Return the result of a plan whose frames are at these positions."""
        frames = self._session.read(positions, plan.region)
        return plan.finish(self._arrange(frames.data))

    def __iter__(self) -> Iterator[Tensor]:
        """Return all frames in order, one at a time."""
        number = 0
        self._session.serve(lambda: self._session.readers.announce_loop(len(self)))
        while number < len(self):  # damage that is found on the way can shorten the stream
            try:
                frame = self[number]
            except IndexError:
                return
            yield frame
            number += 1

    def get_frame_at(self, index: int) -> Frame:
        """Return one frame by number.

        Parameters
        ----------
        index : int, or a tensor or array of one whole number
            A negative number counts from the end.

        Raises
        ------
        IndexError
            There is no such frame.
        TypeError
            The number is not an integer, nor a tensor or array of a whole number. For a float, the
            error is a RuntimeError, too.
        """
        number = keys.frame_number(index)
        return self._session.serve(lambda: self._frame(self._position_of(number)))

    def get_frames_at(self, indices: Sequence[int] | Tensor | np.ndarray) -> FrameBatch:
        """Return frames by number, in the given order; repeats and negative numbers are allowed.

        Parameters
        ----------
        indices : sequence, array or tensor of whole numbers
            They may be floats.

        Raises
        ------
        IndexError
            One of the frames does not exist.
        TypeError
            `indices` holds no numbers, or a fraction. For a fraction, the error is a RuntimeError,
            too.
        """
        return self._session.serve(lambda: self._batch(keys.frame_list(indices, len(self))))

    def get_frames_in_range(self, start: int, stop: int | None = None, step: int = 1) -> FrameBatch:
        """Return the frames of ``decoder[start:stop:step]``: negative numbers count from the end.

        Parameters
        ----------
        start : int
        stop : int, optional
            The first frame that is left out. None reads to the end (with a negative step, to the
            begin).
        step : int

        Raises
        ------
        TypeError, ValueError
            An argument is not an integer, or `step` is 0.
        """
        key = slice(integer("start", start), optional_integer("stop", stop), integer("step", step))
        if key.step == 0:
            raise ValueError("step must not be 0")
        return self._session.serve(lambda: self._batch(range(*key.indices(len(self)))))

    def get_all_frames(self, fps: float | None = None) -> FrameBatch:
        """Return all frames, or frames at a constant rate.

        Parameters
        ----------
        fps : float, optional
            Frames per second. The result holds the frame played at begin + k / fps for each k, so
            that frames are repeated or left out. By default, it holds each frame once.
        """
        if fps is None:
            return self._session.serve(lambda: self._batch(range(len(self))))
        return self._session.serve(lambda: self._resampled(*self._limits(), fps))

    # -- frames by time ----------------------------------------------------------------------------

    @property
    def t(self) -> ByTime:
        """Frames by time in seconds: ``decoder.t[1.5]``, ``decoder.t[1.0:4.0:0.25]``,
        ``decoder.t[[0.5, 2]]``.

        The further items of a tuple index into the frames: ``decoder.t[1.0:4.0, :, 0:64, 0:64]``.
        """
        return ByTime(self)

    def get_frame_played_at(self, seconds: float) -> Frame:
        """Return the frame that is played at an instant.

        Parameters
        ----------
        seconds : float
            The instant, on the timeline of the stream. One step of float32 outside it is
            accepted.

        Raises
        ------
        IndexError
            The instant is outside the stream. The error is a RuntimeError, too.
        """
        instant = time_keys.instant(seconds)
        return self._session.serve(lambda: self._frame(self._session.index.position_at(instant)))

    def get_frames_played_at(self, seconds: Sequence[float] | Tensor | np.ndarray) -> FrameBatch:
        """Return the frames that are played at several instants, in the given order.

        Parameters
        ----------
        seconds : sequence, array or tensor of floats
            The instants, on the timeline of the stream.

        Raises
        ------
        IndexError
            One of the instants is outside the stream. The error is a RuntimeError, too.
        """
        instants = time_keys.instants(seconds)
        return self._session.serve(lambda: self._batch_of_positions(self._positions_at(instants)))

    def get_frames_played_in_range(
        self, start_seconds: float, stop_seconds: float, fps: float | None = None
    ) -> FrameBatch:
        """Return all frames that are played in [start_seconds, stop_seconds), if only for a part of
        their time.

        A range that holds any instant gives at least one frame, however short it is. One whose
        bounds are equal gives none.

        Parameters
        ----------
        start_seconds, stop_seconds : float
        fps : float, optional
            Frames per second. The result holds the frame played at start + k / fps for each k, so
            that frames are repeated or left out.

        Raises
        ------
        ValueError
            The range starts outside the stream, ends beyond it, or runs backwards; or fps is not
            positive, which is a RuntimeError, too.
        """
        start = time_keys.instant(start_seconds, "start_seconds")
        stop = time_keys.instant(stop_seconds, "stop_seconds")

        def request() -> FrameBatch:
            span = time_keys.time_range(start, stop, *self._limits())
            if fps is not None:
                return self._resampled(*span, fps)
            return self._batch(self._session.index.numbers_played(*span))

        return self._session.serve(request)

    def _resampled(self, start: float, stop: float, fps: float) -> FrameBatch:
        grid = time_keys.fps_grid(start, stop, fps)
        batch = self._batch_of_positions(self._positions_at(grid))
        batch.pts_seconds = torch_adapter.from_numpy(grid)
        batch.duration_seconds = torch_adapter.from_numpy(np.full(len(grid), 1 / float(fps)))
        return batch

    # -- from keys to positions (inside a request) -------------------------------------------------

    def _limits(self) -> tuple[float, float]:
        """Return the begin and the end of the stream, in seconds."""
        index = self._session.index
        return index.begin_seconds, index.end_seconds

    def _positions_at(self, instants: Iterable[float]) -> list[int]:
        """Return readers' positions for the frames that are played at several instants."""
        return [self._session.index.position_at(seconds) for seconds in instants]

    # -- from positions to results (inside a request) ----------------------------------------------

    def _arrange(self, data: Tensor) -> Tensor:
        return data.permute(0, 3, 1, 2) if self._dimension_order == "NCHW" else data

    def _batch(self, numbers: Sequence[int] | np.ndarray) -> FrameBatch:
        return self._batch_of_positions(self._session.index.positions_of(numbers))

    def _batch_of_positions(self, positions: Sequence[int] | np.ndarray) -> FrameBatch:
        frames: Frames = self._session.read(positions)
        return FrameBatch(
            self._arrange(frames.data),
            torch_adapter.from_numpy(frames.pts_seconds),
            torch_adapter.from_numpy(frames.duration_seconds),
            torch_adapter.from_numpy(frames.valid) if self._session.options.mask_errors else None,
        )

    def _frame(self, position: int) -> Frame:
        return Frame(*self._session.read_one(position, self._dimension_order == "NCHW"))


def _unpickle(
    kind: type[VideoDecoder],
    source: Source,
    options: Options,
    index: FrameIndex | None,
    pipeline: Pipeline | None,
    dimension_order: Literal["NCHW", "NHWC"],
    given_index: bool,
    identity: Identity | None,
) -> VideoDecoder:
    """Return the decoder that `VideoDecoder.__reduce__` describes."""
    decoder = kind.__new__(kind)
    decoder._dimension_order = dimension_order
    decoder._session = VideoSession(source, options, index, pipeline=pipeline, identity=identity)
    decoder._session.given_index = given_index  # an index that a decoder made may be replaced
    decoder._kept = KeptMetadata(video_metadata)
    return decoder
