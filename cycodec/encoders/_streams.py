"""The streams of an `Encoder`: where frames and samples go in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from cycodec._encode.pictures import each_picture
from cycodec._encode.settings import AudioSettings, VideoSettings
from cycodec._encode.tracks import AudioTrack, StreamStats, VideoTrack
from cycodec.core.error import FFmpegTypeError, FFmpegValueError

if TYPE_CHECKING:
    from torch import Tensor

    from cycodec.encoders._encoder import Encoder

__all__ = ["AudioStream", "VideoStream"]


class StreamBase:
    """What both kinds of streams share."""

    def __init__(self, encoder: Encoder, settings: Any) -> None:
        self._encoder = encoder
        self._settings = settings
        self._track: Any = None

    def _ready(self, method: str) -> Any:
        self._encoder._check_usable(method)
        if self._track is None:
            raise FFmpegValueError(f"Call open_file() or open_file_like() before {method}().")
        return self._track

    def __reduce__(self) -> NoReturn:
        raise FFmpegTypeError(
            f"{type(self).__name__} cannot be pickled or copied: it is a part of a file that is being written"
        )


class VideoStream(StreamBase):
    """A video stream of an `Encoder`. `Encoder.add_video` makes it."""

    _settings: VideoSettings
    _track: VideoTrack | None

    def add_frames(self, frames: Any, pts_seconds: Any = None) -> None:
        """Encode frames, or put them into the queue of the encoder.

        Parameters
        ----------
        frames : torch.Tensor, numpy.ndarray, or an iterable of them
            ``[N, C, H, W]``, or ``[C, H, W]`` for one frame, in the memory order NCHW or NHWC,
            neither of which is copied. C is 1 (gray), 3 (RGB) or 4 (RGBA). uint8, uint16, or floats
            in [0, 1]; floats outside are clipped with a warning. Tensors on a GPU are copied to the
            CPU.
        pts_seconds : float or sequence of float, optional
            The time of each frame in seconds, rising, for a variable frame rate. None continues at
            the frame rate of the stream.

        Raises
        ------
        TypeError
            `frames` is no tensor.
        ValueError
            The frames have another size or an unknown dtype, hold NaN or values outside their
            depth; or the times do not rise. Each is an `FFmpegValueError`, which is a RuntimeError,
            too.
        ClosedError
            The encoder was closed.
        QueueFullError
            The queue is full, and the encoder was made with ``on_full="raise"``.
        FFmpegError
            The encoder failed, or the file cannot be written.
        """
        track = self._ready("add_frames")
        with self._encoder._guard():
            many = not hasattr(frames, "ndim")
            if many and pts_seconds is not None:
                raise FFmpegValueError("pts_seconds is for a tensor of frames (add each tensor by itself)")
            for pictures in each_picture(frames, self._settings.bit_depth):
                track.add(pictures, pts_seconds)

    def stats(self) -> StreamStats:
        """What became of the frames so far.

        Returns
        -------
        StreamStats
        """
        return StreamStats(0, 0, 0, 0, (), 0.0, 0) if self._track is None else self._track.stats()

    def __repr__(self) -> str:
        s = self._settings
        return f"VideoStream({s.width}x{s.height} at {s.rate} fps)"


class AudioStream(StreamBase):
    """An audio stream of an `Encoder`. `Encoder.add_audio` makes it."""

    _settings: AudioSettings
    _track: AudioTrack | None

    def add_samples(self, samples: Tensor) -> None:
        """Encode samples, or put them into the queue of the encoder.

        Parameters
        ----------
        samples : torch.Tensor
            float32 or float64 ``[num_channels, num_samples]`` in [-1, 1]; values outside are
            clipped with a warning. int16 and int32 are scaled to that range, as PCM is. Any number
            of samples may come at a time.

        Raises
        ------
        TypeError
            `samples` is no tensor.
        ValueError
            `samples` has another dtype, number of axes or number of channels, or holds NaN. Each
            is an `FFmpegValueError`, which is a RuntimeError, too.
        ClosedError
            The encoder was closed.
        FFmpegError
            The encoder failed, or the file cannot be written.
        """
        track = self._ready("add_samples")
        with self._encoder._guard():
            track.add(samples)

    @property
    def num_samples(self) -> int:
        """The number of samples of each channel that were added."""
        return 0 if self._track is None else self._track.num_samples

    def __repr__(self) -> str:
        s = self._settings
        return f"AudioStream({s.in_channels} channel{'s' * (s.in_channels != 1)} at {s.in_rate} Hz)"
