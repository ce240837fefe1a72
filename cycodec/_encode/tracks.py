"""A stream across one or several files: counts what comes in, and hands it to the encoders."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._encode.frame_queue import FrameQueue
from cycodec._encode.output import Output
from cycodec._encode.pictures import Pictures
from cycodec._encode.samples import planar_samples
from cycodec._encode.settings import AudioSettings, VideoSettings
from cycodec._encode.times import as_seconds, as_ticks
from cycodec._shared import torch_adapter
from cycodec.core.error import FFmpegTypeError, FFmpegValueError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AudioTrack", "Schedule", "StreamStats", "VideoTrack"]

MakeQueue = Callable[[Callable[[Any], None], Callable[[Any], None]], FrameQueue]

FOUND_OUTSIDE = 2  # flag of core/encode/video: floats outside [0, 1] were clipped


@dataclass(frozen=True)
class StreamStats:
    """What became of the frames of one stream.

    Attributes
    ----------
    frames_in : int
        Frames that were handed over.
    encoded : int
        Frames that are in the file. The encoder may still hold some of the last ones.
    dropped : int
        Frames that are not in the file: the queue was full, or the encoding ended with an error.
    queued : int
        Frames that wait to be encoded.
    dropped_frames : tuple of int
        The numbers of frames that were dropped because the queue was full, from 0.
    fps : float
        Frames encoded per second, since the first one.
    num_bytes : int
        Bytes of the encoded frames.
    """

    frames_in: int
    encoded: int
    dropped: int
    queued: int
    dropped_frames: tuple[int, ...]
    fps: float
    num_bytes: int


class Schedule:
    """Which file a time belongs to.

    Parameters
    ----------
    segment_seconds : Fraction or None
        Length of a file; None means that there is one.
    grid : Fraction or None
        Frame rate whose frames the files begin with.
    """

    def __init__(self, segment_seconds: Fraction | None, grid: Fraction | None) -> None:
        self._length, self._grid = segment_seconds, grid

    @property
    def is_whole(self) -> bool:
        """True if there is one file."""
        return self._length is None

    def start(self, number: int) -> Fraction:
        """The time at which a file begins, in seconds."""
        if self._length is None or number == 0:
            return Fraction(0)
        begin = self._length * number
        return begin if self._grid is None else Fraction(-(-begin * self._grid // 1)) / self._grid

    def number(self, seconds: Fraction) -> int:
        """The file that a time belongs to."""
        if self._length is None:
            return 0
        number = int(seconds // self._length)
        return number if self.start(number) <= seconds else number - 1


class Track:
    """A stream of an encoder, across its files.

    Parameters
    ----------
    number : int
        Its place in the file.
    outputs : callable
        Returns the `Output` of a number; called with the numbers in order.
    schedule : Schedule
    queue : callable or None
        Makes a `FrameQueue` for the functions that encode and that lose an item; None encodes in
        the caller's thread.
    """

    def __init__(
        self, number: int, outputs: Callable[[int], Output], schedule: Schedule, queue: MakeQueue | None
    ) -> None:
        self.number = number
        self._outputs, self._schedule = outputs, schedule
        self._queue = None if queue is None else queue(self.encode_item, self.lose_item)
        self._lock = threading.RLock()
        self._files: list[Output] = []  # in order
        self._current = -1

    def encode_item(self, item: Any) -> None:
        """Encode what the queue hands out."""
        raise NotImplementedError

    def lose_item(self, item: Any) -> None:
        """Count what the queue throws away after an error."""
        raise NotImplementedError

    def flush(self) -> None:
        """End the stream in its current file."""
        with self._lock:
            self._move_to(max(self._current, 0))
            self._files[self._current].flush(self.number)

    def end(self, discard: bool = False) -> None:
        """Take no more items, and wait for those in the queue, or throw them away."""
        if self._queue is not None:
            self._queue.end(discard)

    def _move_to(self, number: int) -> None:
        """Make a file the current one, and begin it and those before it if need be."""
        while self._current < number:
            if self._current >= 0:
                self._files[self._current].flush(self.number)
            output = self._outputs(self._current + 1)
            self._current += 1
            self._files.append(output)


class VideoTrack(Track):
    """A video stream of an encoder; its other parameters are those of `Track`.

    Parameters
    ----------
    settings : VideoSettings
    """

    def __init__(
        self,
        number: int,
        settings: VideoSettings,
        outputs: Callable[[int], Output],
        schedule: Schedule,
        queue: MakeQueue | None,
    ) -> None:
        super().__init__(number, outputs, schedule, queue)
        self.settings = settings
        self._variable: bool | None = None  # None until the first frames come
        self._last: Fraction | None = None  # time of the last frame, in seconds
        self._next = 0  # number of the next frame
        self._refused: list[int] = []  # numbers of the frames for which the queue had no room
        self._unsent = 0  # frames that were handed over, but did not get to an encoder
        self._warned = False
        self._ended = False  # True once no more frames can come
        self._started: float | None = None

    # ---- what the user calls ----

    def add(self, pictures: Pictures, pts_seconds: Any) -> None:
        """Hand over pictures, with their times or at the frame rate."""
        with self._lock:
            times = self._times(pictures, pts_seconds)
            self._started = self._started or time.monotonic()
            if self._queue is None:
                self._encode(pictures, times)
                return
            for i in range(len(pictures)):
                number = self._next
                item = (pictures[i : i + 1].copy(), times[i : i + 1])
                if self._queue.put(item):
                    self._next += 1
                else:
                    self._next += 1
                    self._refused.append(number)

    def _times(self, pictures: Pictures, pts_seconds: Any) -> list[Fraction]:
        s, count = self.settings, len(pictures)
        if (pictures.height, pictures.width) != (s.height, s.width):
            raise FFmpegValueError(
                "All frames must have the same dimensions. Expected "
                f"height={s.height} width={s.width}, got height={pictures.height} width={pictures.width} "
                "(resize them, or add another stream)"
            )
        if pts_seconds is None and self._variable is not True:
            self._variable = False if count else self._variable
            first = self._next
            return [(first + i) / s.rate for i in range(count)]
        if self._variable is False:
            raise FFmpegValueError(
                "pts_seconds must be given from the first frames on (these streams began at a constant frame rate)"
            )
        if pts_seconds is None:
            assert self._last is not None
            times = [self._last + (i + 1) / s.rate for i in range(count)]
        else:
            seconds = as_seconds(pts_seconds, count)
            base = self._time_base()
            last = None if self._last is None else round(self._last / base)
            ticks = as_ticks(seconds, base, last, max(base, self._container_tick()))
            times = [int(t) * base for t in ticks]
        if times:
            self._variable, self._last = True, times[-1]
        return times

    def _time_base(self) -> Fraction:
        """The unit of times that are given: a microsecond, or a part of it that fits the rate."""
        self._move_to(max(self._current, 0))
        return Fraction(*self._files[-1].encoders[self.number].variable_time_base)

    def _container_tick(self) -> Fraction:
        return self._files[-1].tick(self.number)

    def end(self, discard: bool = False) -> None:
        """Take no more frames, and wait for those in the queue, or throw them away."""
        super().end(discard)
        self._ended = True

    # ---- what threads call ----

    def encode_item(self, item: tuple[Pictures, list[Fraction]]) -> None:
        """Encode what the queue hands out."""
        before = self._num_sent()
        try:
            self._encode(*item)
        finally:
            self._unsent += len(item[0]) - (self._num_sent() - before)

    def lose_item(self, item: tuple[Pictures, list[Fraction]]) -> None:
        """Count what the queue throws away after an error."""
        self._unsent += len(item[0])

    def _encode(self, pictures: Pictures, times: list[Fraction]) -> None:
        done = 0
        for part in pictures.parts():
            while done < len(times) and len(part):
                count = self._in_one_file(times, done, done + len(part))
                chunk, part = part[:count], part[count:]
                self._encode_in_file(chunk, times[done : done + count])
                done += count

    def _in_one_file(self, times: list[Fraction], start: int, stop: int) -> int:
        """How many frames from `start` on belong to the same file, which becomes the current."""
        number = self._schedule.number(times[start])
        self._move_to(number)
        count = 1
        while start + count < stop and self._schedule.number(times[start + count]) == number:
            count += 1
        return count

    def _encode_in_file(self, pictures: Pictures, times: list[Fraction]) -> None:
        output = self._files[self._current]
        encoder = output.encoders[self.number]
        output.decide(self.number, pictures.channels, pictures.depth, self._variable is True)
        output.destination.check_one_picture(encoder.num_frames + len(pictures))
        base = Fraction(*encoder.time_base)
        start = self._schedule.start(self._current)
        ticks = np.array([round((t - start) / base) for t in times], dtype=np.int64)
        before = encoder.num_frames
        tensor = pictures.tensor
        stride = tensor.stride(0) * tensor.element_size()
        try:
            found = encoder.add(torch_adapter.pointer(tensor), pictures.layout, stride, len(pictures), ticks)
        finally:
            if self._queue is None:
                self._next += encoder.num_frames - before
        if found & FOUND_OUTSIDE and not self._warned:
            self._warned = True
            warnings.warn("frames hold values outside [0, 1], which are clipped", UserWarning, stacklevel=4)

    # ---- counting ----

    def _num_sent(self) -> int:
        """The number of frames that encoders have taken."""
        return sum(output.encoders[self.number].num_frames for output in list(self._files))

    def stats(self) -> StreamStats:
        """What became of the frames so far."""
        queued = 0 if self._queue is None else self._queue.num_waiting
        files = list(self._files)
        kept = [output.encoders[self.number] for output in files if not output.discarded]
        taken = sum(encoder.num_frames for encoder in kept)
        encoded = sum(encoder.num_packets for encoder in kept)
        dropped = len(self._refused) + self._unsent + self._num_sent() - taken
        seconds = time.monotonic() - self._started if self._started is not None else 0.0
        return StreamStats(
            frames_in=self._next,
            encoded=encoded,
            dropped=self._next - encoded if self._ended else dropped,
            queued=queued,
            dropped_frames=tuple(self._refused),
            fps=encoded / seconds if seconds > 0 else 0.0,
            num_bytes=sum(encoder.num_bytes for encoder in kept),
        )


class AudioTrack(Track):
    """An audio stream of an encoder; its other parameters are those of `Track`.

    Parameters
    ----------
    settings : AudioSettings
    """

    def __init__(
        self,
        number: int,
        settings: AudioSettings,
        outputs: Callable[[int], Output],
        schedule: Schedule,
        queue: MakeQueue | None,
    ) -> None:
        super().__init__(number, outputs, schedule, queue)
        self.settings = settings
        self._position = 0  # number of the next sample that is encoded
        self._warned = False
        self.num_samples = 0

    def add(self, samples: Any) -> None:
        """Hand over samples."""
        with self._lock:
            tensor = self._checked(samples)
            if self._queue is None:
                self._encode(tensor)
            else:
                self._queue.put((tensor.clone(),), weight=max(1, tensor.shape[1]))
            self.num_samples += int(tensor.shape[1])

    def _checked(self, samples: Any) -> Tensor:
        s = self.settings
        if not torch_adapter.is_tensor(samples):
            raise FFmpegTypeError(f"samples must be a torch.Tensor, not {type(samples).__name__}")
        floats = torch_adapter.float_samples(samples)
        if floats is None:
            raise FFmpegValueError(
                f"samples must have float32 dtype, or float64, int16 or int32, got {samples.dtype} "
                "(scale them to [-1, 1] as float32)"
            )
        samples = floats
        if samples.ndim != 2:
            raise FFmpegValueError(
                f"samples must have 2 dimensions [num_channels, num_samples], got {samples.ndim}"
            )
        if samples.shape[0] != s.in_channels:
            raise FFmpegValueError(f"Expected {s.in_channels} channels, got {samples.shape[0]}")
        tensor, peak = planar_samples(samples)
        if peak > 1.0:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"samples reach {peak:.4g}: values outside [-1, 1] are clipped", UserWarning, stacklevel=4
                )
            tensor = tensor.clamp(-1.0, 1.0)
        return tensor

    def encode_item(self, item: tuple[Tensor]) -> None:
        """Encode what the queue hands out."""
        self._encode(item[0])

    def lose_item(self, item: tuple[Tensor]) -> None:
        """Samples that the queue throws away are not counted."""

    def _encode(self, tensor: Tensor) -> None:
        rate, done, count = self.settings.in_rate, 0, int(tensor.shape[1])
        while done < count:
            number = self._schedule.number(Fraction(self._position, rate))
            self._move_to(number)
            here = count - done
            end = self._schedule.start(number + 1)
            if end > 0:
                here = min(here, -(-(end * rate - self._position) // 1))
            part = tensor[:, done : done + here]
            self._files[self._current].encoders[self.number].add(
                torch_adapter.pointer(part), part.stride(0), int(here)
            )
            self._position += int(here)
            done += int(here)
