"""What decoders return: frames, batches, samples, and the description of streams and containers.

Nothing here imports torch. Shapes are checked through ``.ndim`` and ``.shape``, which every tensor has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

    from torch import Tensor

__all__ = [
    "AudioSamples",
    "AudioStreamMetadata",
    "ContainerMetadata",
    "Frame",
    "FrameBatch",
    "StreamMetadata",
    "VideoStreamMetadata",
]


def _shape(tensor: Any) -> str:
    """Type and shape in one word: "uint8[3, 270, 480]"."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _check_ndim(owner: str, tensor: Any, ndim: int, axes: str) -> None:
    if tensor.ndim != ndim:
        raise ValueError(f"{owner}.data must be {ndim}-D {axes}, got shape {list(tensor.shape)}")


@dataclass(repr=False, eq=False)
class Frame:
    """One video frame. Unpacks as ``data, pts_seconds, duration_seconds``.

    Attributes
    ----------
    data : torch.Tensor
        The picture, ``[C, H, W]`` or ``[H, W, C]`` as the decoder's ``dimension_order`` says. uint8 in
        0..255, or float32 in [0, 1] when the decoder's ``output_dtype`` asks for it.
    pts_seconds : float
        When the frame starts to be shown, in seconds on the stream's own timeline.
    duration_seconds : float
        How long it is shown: over ``[pts_seconds, pts_seconds + duration_seconds)``.

    Raises
    ------
    ValueError
        If data is not 3-D.
    """

    data: Tensor
    pts_seconds: float
    duration_seconds: float

    def __post_init__(self) -> None:
        _check_ndim("Frame", self.data, 3, "[C, H, W] or [H, W, C]")
        self.pts_seconds = float(self.pts_seconds)
        self.duration_seconds = float(self.duration_seconds)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.data, self.pts_seconds, self.duration_seconds))

    def __repr__(self) -> str:
        return (
            f"Frame(data={_shape(self.data)}, pts_seconds={self.pts_seconds:.6g}, "
            f"duration_seconds={self.duration_seconds:.6g})"
        )


@dataclass(repr=False, eq=False)
class FrameBatch:
    """Several video frames. ``batch[i]`` is a Frame, ``batch[i:j]`` a FrameBatch; iterates over frames.

    Attributes
    ----------
    data : torch.Tensor
        The pictures, ``[..., C, H, W]`` or ``[..., H, W, C]``. Clip samplers give two leading axes,
        ``[num_clips, num_frames_per_clip, C, H, W]``; everything else gives one.
    pts_seconds : torch.Tensor
        float64 of the leading shape: when each frame starts to be shown, in seconds.
    duration_seconds : torch.Tensor
        float64 of the leading shape: how long each frame is shown, in seconds.
    valid : torch.Tensor or None
        bool of the leading shape, with the decoder's ``on_error="mask"`` only: False where the frame could
        not be decoded and ``data`` holds a stand-in.

    Raises
    ------
    ValueError
        If data has fewer than 3 axes, or another field is not of the leading shape, or valid is not bool.
    """

    data: Tensor
    pts_seconds: Tensor
    duration_seconds: Tensor
    valid: Tensor | None = None

    def __post_init__(self) -> None:
        if self.data.ndim < 3:
            raise ValueError(f"FrameBatch.data must be at least 3-D, got shape {list(self.data.shape)}")
        leading = list(self.data.shape[:-3])
        for name, tensor in self._per_frame():
            if list(tensor.shape) != leading:
                raise ValueError(
                    f"FrameBatch.{name} must have the leading shape {leading} of data with shape "
                    f"{list(self.data.shape)}, got {list(tensor.shape)}"
                )
        if self.valid is not None and not str(self.valid.dtype).endswith("bool"):
            raise ValueError(f"FrameBatch.valid must be a bool tensor, got {self.valid.dtype}")

    def _per_frame(self) -> list[tuple[str, Tensor]]:
        """The fields that hold one value for each frame, by name."""
        return [
            (name, tensor)
            for name in ("pts_seconds", "duration_seconds", "valid")
            if (tensor := getattr(self, name)) is not None
        ]

    def __len__(self) -> int:
        if self.data.ndim == 3:
            raise TypeError("a FrameBatch without a leading axis has no len()")
        return self.data.shape[0]

    def __getitem__(self, key: Any) -> Frame | FrameBatch:
        """The frames at a key of the leading axes: a Frame where one is left, else a FrameBatch."""
        per_frame = {name: tensor[key] for name, tensor in self._per_frame()}
        if isinstance(key, tuple) and any(item is Ellipsis for item in key):
            key = (*key, *[slice(None)] * 3)  # an ellipsis stands for leading axes, never for the picture's
        data = self.data[key]
        if data.ndim == 3:
            return Frame(data, float(per_frame["pts_seconds"]), float(per_frame["duration_seconds"]))
        return FrameBatch(data, **per_frame)

    def __iter__(self) -> Iterator[Frame | FrameBatch]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        parts = [f"{name}={_shape(tensor)}" for name, tensor in [("data", self.data), *self._per_frame()]]
        return f"FrameBatch({', '.join(parts)})"


@dataclass(repr=False, eq=False)
class AudioSamples:
    """A stretch of audio. Unpacks as ``data, pts_seconds, duration_seconds, sample_rate``.

    Attributes
    ----------
    data : torch.Tensor
        float32 ``[num_channels, num_samples]`` in [-1, 1].
    pts_seconds : float
        The time of the first sample, in seconds on the stream's own timeline.
    duration_seconds : float
        ``num_samples / sample_rate``.
    sample_rate : int
        Samples per second of each channel.

    Raises
    ------
    ValueError
        If data is not 2-D.
    """

    data: Tensor
    pts_seconds: float
    duration_seconds: float
    sample_rate: int

    def __post_init__(self) -> None:
        _check_ndim("AudioSamples", self.data, 2, "[num_channels, num_samples]")
        self.pts_seconds = float(self.pts_seconds)
        self.duration_seconds = float(self.duration_seconds)
        self.sample_rate = int(self.sample_rate)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.data, self.pts_seconds, self.duration_seconds, self.sample_rate))

    def __repr__(self) -> str:
        return (
            f"AudioSamples(data={_shape(self.data)}, pts_seconds={self.pts_seconds:.6g}, "
            f"duration_seconds={self.duration_seconds:.6g}, sample_rate={self.sample_rate})"
        )


# Note [Three tiers of metadata] ..._from_header is what the container claims, ..._from_content what
# demuxing every packet found (exact mode only). The properties without a suffix choose: content first, else
# header, else what can be worked out, else None. Nothing is guessed silently: each property's docstring
# names its fallbacks.


class _Described:
    """Multi-line repr: every field, then every computed property."""

    def __repr__(self) -> str:
        names = [f.name for f in fields(self)]  # type: ignore[arg-type]
        for cls in reversed(type(self).__mro__):
            public = [n for n, v in vars(cls).items() if isinstance(v, property) and not n.startswith("_")]
            names += [n for n in public if n not in names]
        lines = []
        for name in names:
            value = getattr(self, name)
            if isinstance(value, list):
                lines.append(f"  {name}:")
                lines += ["    " + line for item in value for line in repr(item).splitlines()]
            elif isinstance(value, _Described):  # a stream that is already in the list above
                continue
            else:
                lines.append(f"  {name}: {value}")
        return "\n".join([f"{type(self).__name__}:", *lines])


@dataclass(repr=False, kw_only=True)
class StreamMetadata(_Described):
    """What is known about any stream. Each value is None where the file does not say.

    Attributes
    ----------
    duration_seconds_from_header : float or None
    begin_stream_seconds_from_header : float or None
        The stream's start time as the header gives it.
    bit_rate : float or None
        Bits per second.
    codec : str or None
        FFmpeg's name of the codec, such as "h264".
    stream_index : int or None
        The stream's position in its container, over all media types.
    media_type : str or None
        "video", "audio", "subtitle", "data" or "attachment".
    """

    duration_seconds_from_header: float | None = None
    begin_stream_seconds_from_header: float | None = None
    bit_rate: float | None = None
    codec: str | None = None
    stream_index: int | None = None
    media_type: str | None = None

    @property
    def duration_seconds(self) -> float | None:
        """The duration in seconds, from the header."""
        return self.duration_seconds_from_header

    @property
    def begin_stream_seconds(self) -> float:
        """Where the stream begins, in seconds: from the header, else 0."""
        return self.begin_stream_seconds_from_header or 0.0


@dataclass(repr=False, kw_only=True)
class VideoStreamMetadata(StreamMetadata):
    """What is known about a video stream; see StreamMetadata for the common part.

    Attributes
    ----------
    begin_stream_seconds_from_content : float or None
        The smallest presentation time of any frame. Known in exact mode, as all ``from_content`` values.
    end_stream_seconds_from_content : float or None
        The largest presentation time plus duration of any frame.
    width, height : int or None
        Size of the frames that are returned, in pixels: after rotation and transforms.
    num_frames_from_header : int or None
    num_frames_from_content : int or None
        The number of frames that come out of the decoder.
    average_fps_from_header : float or None
        Frames per second.
    pixel_aspect_ratio : fractions.Fraction or None
        Width to height of one pixel.
    rotation : float or None
        Degrees counter-clockwise by which frames were turned, as the container asks. Already applied.
    color_primaries, color_space, color_transfer_characteristic : str or None
        FFmpeg's names, such as "bt709".
    pixel_format : str or None
        FFmpeg's name of the coded pixels, such as "yuv420p10le".
    """

    begin_stream_seconds_from_content: float | None = None
    end_stream_seconds_from_content: float | None = None
    width: int | None = None
    height: int | None = None
    num_frames_from_header: int | None = None
    num_frames_from_content: int | None = None
    average_fps_from_header: float | None = None
    pixel_aspect_ratio: Fraction | None = None
    rotation: float | None = None
    color_primaries: str | None = None
    color_space: str | None = None
    color_transfer_characteristic: str | None = None
    pixel_format: str | None = None

    @property
    def _duration_seconds_from_content(self) -> float | None:
        begin, end = self.begin_stream_seconds_from_content, self.end_stream_seconds_from_content
        return None if begin is None or end is None else end - begin

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from begin to end of the content; else of the header; else frames / fps of the header."""
        if self._duration_seconds_from_content is not None:
            return self._duration_seconds_from_content
        if self.duration_seconds_from_header is not None:
            return self.duration_seconds_from_header
        if self.num_frames_from_header and self.average_fps_from_header:
            return self.num_frames_from_header / self.average_fps_from_header
        return None

    @property
    def begin_stream_seconds(self) -> float:
        """When the first frame is shown, in seconds: from the content, else from the header, else 0."""
        if self.begin_stream_seconds_from_content is not None:
            return self.begin_stream_seconds_from_content
        return super().begin_stream_seconds

    @property
    def end_stream_seconds(self) -> float | None:
        """When the last frame has been shown, in seconds: from the content, else begin + duration."""
        if self.end_stream_seconds_from_content is not None:
            return self.end_stream_seconds_from_content
        if self.duration_seconds is None:
            return None
        return self.begin_stream_seconds + self.duration_seconds

    @property
    def num_frames(self) -> int | None:
        """Number of frames: from the content, else from the header, else duration * fps of the header."""
        if self.num_frames_from_content is not None:
            return self.num_frames_from_content
        if self.num_frames_from_header is not None:
            return self.num_frames_from_header
        if self.duration_seconds_from_header and self.average_fps_from_header:
            return round(self.duration_seconds_from_header * self.average_fps_from_header)
        return None

    @property
    def average_fps(self) -> float | None:
        """Frames per second: frames / duration of the content; of the header where that is unknown or 0."""
        if self.num_frames_from_content and self._duration_seconds_from_content:
            return self.num_frames_from_content / self._duration_seconds_from_content
        return self.average_fps_from_header


@dataclass(repr=False, kw_only=True)
class AudioStreamMetadata(StreamMetadata):
    """What is known about an audio stream; see StreamMetadata for the common part.

    Attributes
    ----------
    sample_rate : int or None
        Samples per second of each channel, as stored in the file.
    num_channels : int or None
    sample_format : str or None
        FFmpeg's name of the coded samples, such as "fltp".
    encoder_delay : int or None
        Samples that the encoder put before the sound and that are not returned (priming).
    encoder_padding : int or None
        Samples that the encoder put behind the sound and that are not returned.
    """

    sample_rate: int | None = None
    num_channels: int | None = None
    sample_format: str | None = None
    encoder_delay: int | None = None
    encoder_padding: int | None = None


@dataclass(repr=False, kw_only=True)
class ContainerMetadata(_Described):
    """What is known about a file as a whole.

    Attributes
    ----------
    duration_seconds_from_header : float or None
    bit_rate_from_header : float or None
        Bits per second of all streams together.
    best_video_stream_index, best_audio_stream_index : int or None
        What a decoder takes when ``stream_index`` is not given. None where there is no such stream.
    streams : list of StreamMetadata
        Every stream in the container's order: VideoStreamMetadata, AudioStreamMetadata, or StreamMetadata
        for what is neither.
    """

    duration_seconds_from_header: float | None = None
    bit_rate_from_header: float | None = None
    best_video_stream_index: int | None = None
    best_audio_stream_index: int | None = None
    streams: list[StreamMetadata] = field(default_factory=list)

    @property
    def duration_seconds(self) -> float | None:
        """The duration in seconds, from the header; else the longest of the streams."""
        if self.duration_seconds_from_header is not None:
            return self.duration_seconds_from_header
        known = [s.duration_seconds for s in self.streams if s.duration_seconds is not None]
        return max(known, default=None)

    @property
    def bit_rate(self) -> float | None:
        """Bits per second, from the header; else the sum over the streams where all of them are known."""
        if self.bit_rate_from_header is not None:
            return self.bit_rate_from_header
        rates = [s.bit_rate for s in self.streams if s.bit_rate is not None]
        return sum(rates) if rates and len(rates) == len(self.streams) else None

    @property
    def best_video_stream(self) -> StreamMetadata | None:
        """The stream that a VideoDecoder takes by default."""
        return None if self.best_video_stream_index is None else self.streams[self.best_video_stream_index]

    @property
    def best_audio_stream(self) -> StreamMetadata | None:
        """The stream that an AudioDecoder takes by default."""
        return None if self.best_audio_stream_index is None else self.streams[self.best_audio_stream_index]
