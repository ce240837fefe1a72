"""Encoder: several streams into one file, frame by frame, also while they are recorded."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, NoReturn

from cycodec._encode.destination import NUMBER, Destination, as_path
from cycodec._encode.frame_queue import FrameQueue
from cycodec._encode.output import Output
from cycodec._encode.recording import Recording, Segment
from cycodec._encode.settings import VideoSettings, audio_settings, checked_metadata, video_settings
from cycodec._encode.times import as_rate
from cycodec._encode.tracks import AudioTrack, Schedule, StreamStats, VideoTrack
from cycodec._shared.arguments import one_of, optional_integer
from cycodec.core.error import ClosedError, FFmpegTypeError, FFmpegValueError
from cycodec.encoders._streams import AudioStream, VideoStream

__all__ = ["EncodeStats", "Encoder"]

ON_FULL = ("block", "drop", "raise")
AUDIO_QUEUE_SECONDS = 10  # so much audio may wait, if there is a queue


@dataclass(frozen=True)
class EncodeStats:
    """What became of all frames so far.

    Attributes
    ----------
    frames_in, encoded, dropped, queued : int
        Sums over the video streams; `StreamStats` explains them.
    fps : float
        Sum of the frames encoded per second.
    num_bytes : int
        Bytes of the encoded frames.
    streams : tuple of StreamStats
        One for each video stream, in the order in which they were added.
    """

    frames_in: int
    encoded: int
    dropped: int
    queued: int
    fps: float
    num_bytes: int
    streams: tuple[StreamStats, ...]


class Encoder:
    """Writes video and audio streams into one file, as frames and samples come.

    Add the streams, open a destination, add frames and samples, and close.

    Parameters
    ----------
    queue_frames : int, optional
        Each video stream encodes on a thread of its own, and so many of its frames may wait. The
        frames are copied, so that a camera's buffers may be used again at once. None encodes in
        the thread that adds the frames.
    on_full : str
        What `VideoStream.add_frames` does if the queue is full: "block" waits, "drop" drops the
        frame and counts it, "raise" raises `QueueFullError`. Audio always waits.

    Raises
    ------
    TypeError, ValueError
        `queue_frames` is no positive integer, or `on_full` is none of these words.

    Notes
    -----
    A file at a path appears when it is complete. If the block of the context manager ends with an
    exception, or the encoder is never closed, nothing is left of it. To keep what was recorded
    before an interrupt, catch KeyboardInterrupt inside the block.
    """

    def __init__(self, *, queue_frames: int | None = None, on_full: str = "block") -> None:
        self._queue_frames = optional_integer("queue_frames", queue_frames, 1)
        one_of("on_full", on_full, ON_FULL)
        if on_full != "block" and queue_frames is None:
            raise ValueError(f"on_full={on_full!r} needs a queue (pass queue_frames=)")
        self._on_full = on_full
        self._path: str | None = None
        self._videos: list[VideoStream] = []
        self._audios: list[AudioStream] = []
        self._recording: Recording | None = None
        self._state = "new"  # "new", "open", "closed"
        self._pid = os.getpid()

    # ---- streams ----

    def add_video(
        self,
        *,
        height: int,
        width: int,
        frame_rate: float | Fraction | str,
        device: Any = None,
        codec: str | None = None,
        pixel_format: str | None = None,
        crf: float | None = None,
        preset: str | int | None = None,
        bit_rate: int | None = None,
        gop: int | None = None,
        threads: int | None = None,
        bit_depth: int | None = None,
        extra_options: dict[str, Any] | None = None,
    ) -> VideoStream:
        """Add a video stream.

        Parameters
        ----------
        height, width : int
            Size of the frames.
        frame_rate : float, Fraction or str
            Frames a second, exactly if it is a fraction: ``Fraction(30000, 1001)`` or
            ``"30000/1001"``.
        device : str or torch.device, optional
            "cuda" chooses an encoder of the graphics card (NVENC) if no codec is named.
        codec : str, optional
            Name of an encoder ("libx264") or of a codec ("h264"). None takes the container's
            default. `available` lists them.
        pixel_format : str, optional
            FFmpeg's name of a pixel format. None takes the encoder's first one, or for gray,
            alpha, uint16 and floats the first one that keeps them.
        crf : float, optional
            Constant quality, of encoders that have it.
        preset : str or int, optional
            Preset of the encoder.
        bit_rate : int, optional
            Bits a second.
        gop : int, optional
            The most frames from one key frame to the next.
        threads : int, optional
            Threads of the encoder. None or 0 lets FFmpeg decide.
        bit_depth : int, optional
            Number of bits that uint16 values use, 9 to 16. None means 16: 65535 is white.
        extra_options : dict, optional
            Options of the encoder or the container by FFmpeg's names, as of ``ffmpeg -h
            encoder=libx264``. ``colorspace``, ``color_range``, ``color_primaries`` and
            ``color_trc`` tag the stream; the conversion follows the first two. By default they are
            BT.709 from 1280x720 on, else BT.601 (SMPTE 170M), of limited range.

        Returns
        -------
        VideoStream

        Raises
        ------
        TypeError, ValueError
            An argument has the wrong type or is out of range. FFmpeg's own options are checked
            when the file is opened.
        FFmpegValueError
            The encoder is open or closed.
        """
        self._check_new("add_video")
        settings = video_settings(
            height,
            width,
            frame_rate,
            codec=codec,
            pixel_format=pixel_format,
            crf=crf,
            preset=preset,
            bit_rate=bit_rate,
            gop=gop,
            threads=threads,
            bit_depth=bit_depth,
            extra_options=extra_options,
            device=device,
        )
        self._videos.append(VideoStream(self, settings))
        return self._videos[-1]

    def add_audio(
        self,
        *,
        sample_rate: int,
        num_channels: int,
        bit_rate: int | None = None,
        out_num_channels: int | None = None,
        out_sample_rate: int | None = None,
        codec: str | None = None,
        extra_options: dict[str, Any] | None = None,
    ) -> AudioStream:
        """Add an audio stream.

        Parameters
        ----------
        sample_rate, num_channels : int
            Of the samples that are added.
        bit_rate : int, optional
            Bits a second.
        out_num_channels, out_sample_rate : int, optional
            Of the stream. None keeps those of the samples.
        codec : str, optional
            Name of an encoder ("libopus") or of a codec ("opus"). None takes the container's
            default.
        extra_options : dict, optional
            Options of the encoder or the container by FFmpeg's names.

        Returns
        -------
        AudioStream

        Raises
        ------
        TypeError, ValueError
            An argument has the wrong type or is out of range.
        FFmpegValueError
            The encoder is open or closed.
        """
        self._check_new("add_audio")
        settings = audio_settings(
            sample_rate,
            num_channels,
            bit_rate=bit_rate,
            out_num_channels=out_num_channels,
            out_sample_rate=out_sample_rate,
            codec=codec,
            extra_options=extra_options,
        )
        self._audios.append(AudioStream(self, settings))
        return self._audios[-1]

    # ---- destinations ----

    def open_file(
        self,
        dest: str | os.PathLike[str],
        *,
        metadata: dict[str, str] | None = None,
        faststart: bool = False,
        segment_seconds: float | Fraction | None = None,
    ) -> Encoder:
        """Open a file whose extension names the container.

        Parameters
        ----------
        dest : str or os.PathLike
            Path of the file. With a number, such as "frames/%05d.png", it names the files of a
            folder of pictures, or of the segments.
        metadata : dict, optional
            Tags of the file, such as ``{"title": "..."}``.
        faststart : bool
            True moves the index of an MP4 file to its beginning, so that players of a web page may
            begin at once.
        segment_seconds : float or Fraction, optional
            Begin a new file after so many seconds. The files are complete by themselves; each
            begins with a key frame and at time 0. `segments` and a JSON file beside them say which
            time each one holds.

        Returns
        -------
        Encoder
            This object.

        Raises
        ------
        FFmpegValueError
            There are no streams, the encoder was opened before, or an option is not valid.
        CodecNotFoundError, UnsupportedError
            FFmpeg has no such container or encoder, or one does not fit the other.
        FileNotFoundError, IsADirectoryError
            The directory of `dest` does not exist, or `dest` is a directory.
        """
        path = as_path(dest)
        length = None if segment_seconds is None else as_rate(segment_seconds, "segment_seconds")
        if length is not None and not NUMBER.search(os.path.basename(path)):
            raise FFmpegValueError(
                f"{path!r} names one file, but segment_seconds makes several (number them: 'name-%03d.mp4')"
            )

        def destination(number: int) -> Destination:
            return Destination(path if length is None else path % number, None, faststart)

        self._path = path
        self._open(destination, metadata, faststart, length)
        return self

    def open_file_like(
        self,
        dest: Any,
        *,
        format: str,
        metadata: dict[str, str] | None = None,
        faststart: bool = False,
    ) -> Encoder:
        """Open a file-like object.

        Parameters
        ----------
        dest : object
            It has ``write(bytes)`` and, for some containers, ``seek(offset, whence)``. Without
            seek, MP4 is written in fragments.
        format : str
            FFmpeg's name of a container, or an extension, such as "mp4", "mkv" or "ts".
        metadata, faststart
            As for `open_file`.

        Returns
        -------
        Encoder
            This object.

        Raises
        ------
        TypeError
            `dest` has no ``write``.
        FFmpegError
            As for `open_file`.
        """
        if isinstance(dest, (str, os.PathLike)) or not callable(getattr(dest, "write", None)):
            raise FFmpegTypeError(
                f"dest is {type(dest).__name__}: a file-like object must implement a write method "
                "(a path is for open_file)"
            )
        self._open(lambda number: Destination(dest, format, faststart), metadata, faststart, None)
        return self

    def _open(
        self,
        destination: Callable[[int], Destination],
        metadata: Any,
        faststart: bool,
        length: Fraction | None,
    ) -> None:
        if self._state == "open":
            raise FFmpegValueError("open_file() was already called.")
        if self._state == "closed":
            raise ClosedError("Cannot open after close() was called.")
        if not self._videos and not self._audios:
            raise FFmpegValueError("Call add_video() or add_audio() before open_file().")
        if not isinstance(faststart, bool):
            raise FFmpegTypeError(f"faststart must be True or False, not {type(faststart).__name__}")
        tags = checked_metadata(metadata)
        streams: list[Any] = [*self._videos, *self._audios]
        settings = [stream._settings for stream in streams]
        schedule = Schedule(length, self._videos[0]._settings.rate if self._videos else None)
        recording = Recording(
            lambda number: Output(destination(number), settings, tags, faststart),
            schedule,
            self._path,
            len(self._videos),
        )
        recording.output(0)
        for number, stream in enumerate(streams):
            kind = VideoTrack if isinstance(stream._settings, VideoSettings) else AudioTrack
            queue = self._queue(stream, recording)
            stream._track = kind(number, stream._settings, recording.output, schedule, queue)
            recording.tracks.append(stream._track)
        self._recording = recording
        self._finalizer = weakref.finalize(self, recording.abandon)
        self._state = "open"

    @property
    def _files(self) -> Recording:
        assert self._recording is not None
        return self._recording

    def _queue(self, stream: VideoStream | AudioStream, recording: Recording) -> Any:
        if self._queue_frames is None:
            return None
        capacity, on_full = self._queue_frames, self._on_full
        if isinstance(stream, AudioStream):
            capacity, on_full = stream._settings.in_rate * AUDIO_QUEUE_SECONDS, "block"

        def make(work: Callable[[Any], None], lose: Callable[[Any], None]) -> FrameQueue:
            return FrameQueue(capacity, on_full, work, lose, recording.fail)

        return make

    # ---- segments ----

    @property
    def segments(self) -> list[Segment]:
        """The files that are complete, if the recording is cut into several.

        Returns
        -------
        list of Segment
        """
        return [] if self._recording is None else self._recording.segments

    # ---- the end ----

    def close(self) -> None:
        """Encode what waits, and complete the file. Further calls do nothing.

        Raises
        ------
        FFmpegValueError
            No frames and no samples were added.
        FFmpegError
            The encoder failed, now or before, or the file cannot be written. Nothing is left of the
            file then.
        """
        if self._state != "open":
            self._state = "closed"
            return
        self._check_process("close")
        self._state = "closed"
        self._finalizer.detach()
        try:
            self._files.finish()
        except BaseException:
            self._files.abandon()
            raise
        if self._files.is_empty:
            raise FFmpegValueError("there is nothing to encode: no frames and no samples were added")

    def abort(self) -> None:
        """Stop, and leave nothing of the file that is being written. Further calls do nothing."""
        if self._state == "open":
            self._check_process("abort")
            self._finalizer.detach()
            self._files.abandon()
        self._state = "closed"

    def stats(self) -> EncodeStats:
        """What became of the frames so far; may be called at any time, also after `close`.

        Returns
        -------
        EncodeStats
            After `close`, `abort` or an error, ``frames_in == encoded + dropped``, and `encoded` is
            the number of frames in the file.
        """
        each = tuple(stream.stats() for stream in self._videos)
        return EncodeStats(
            sum(s.frames_in for s in each),
            sum(s.encoded for s in each),
            sum(s.dropped for s in each),
            sum(s.queued for s in each),
            sum(s.fps for s in each),
            sum(s.num_bytes for s in each),
            each,
        )

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __reduce__(self) -> NoReturn:
        raise FFmpegTypeError("Encoder cannot be pickled or copied: it is writing a file")

    def __repr__(self) -> str:
        return f"Encoder({len(self._videos)} video and {len(self._audios)} audio streams, {self._state})"

    # ---- checks ----

    def _check_new(self, method: str) -> None:
        if self._state == "open":
            raise FFmpegValueError(f"Cannot call {method}() after open_file(): add all streams before.")
        if self._state == "closed":
            raise ClosedError(f"Cannot call {method}() after close().")

    def _check_process(self, method: str) -> None:
        if os.getpid() != self._pid:
            raise ClosedError(f"Cannot call {method}() in a forked process: the file belongs to its parent.")

    def _check_usable(self, method: str) -> None:
        """Raise if frames cannot be added, because of the order of calls or an earlier failure."""
        self._check_process(method)
        self._raise_failure()
        if self._state == "closed":
            raise ClosedError(f"Cannot call {method}() after close().")

    def _raise_failure(self) -> None:
        if self._recording is not None and self._recording.error is not None:
            raise self._recording.error

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Remember an error of the encoder or the file, after which nothing can be added."""
        before = self._files.num_failures
        try:
            yield
        except BaseException as error:
            if self._files.num_failures > before:
                self._files.fail(error)
            raise
