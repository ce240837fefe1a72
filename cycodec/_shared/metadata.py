"""Metadata of containers and streams, and how it is made from a header and an index.

Note [Three tiers of metadata]

Fields named ``..._from_header`` hold what the container claims. Fields named ``..._from_content``
hold what reading every packet found, which only exact mode does. Properties without a suffix
choose: the content first, else the header, else what can be computed, else None. The docstring of
each property names its fallbacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from cycodec._shared import limits
from cycodec._shared.sources import Source, make_access, open_source
from cycodec.core.container.demux import Demuxer

if TYPE_CHECKING:
    from fractions import Fraction

    from cycodec.core.video.index import FrameIndex

__all__ = [
    "AudioStreamMetadata",
    "ContainerMetadata",
    "StreamMetadata",
    "VideoStreamMetadata",
    "get_container_metadata",
    "make_metadata",
    "video_metadata",
]


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
        The smallest presentation time of any frame. Known in exact mode, as all ``from_content``
        values.
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
        Degrees counter-clockwise by which frames were turned, as the container asks. Already
        applied.
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
        """The duration in seconds: of the content, else of the header, else frames / fps."""
        if self._duration_seconds_from_content is not None:
            return self._duration_seconds_from_content
        if self.duration_seconds_from_header is not None:
            return self.duration_seconds_from_header
        if self.num_frames_from_header and self.average_fps_from_header:
            return self.num_frames_from_header / self.average_fps_from_header
        return None

    @property
    def begin_stream_seconds(self) -> float:
        """When the first frame is shown, in seconds: from the content, else the header, else 0."""
        if self.begin_stream_seconds_from_content is not None:
            return self.begin_stream_seconds_from_content
        return super().begin_stream_seconds

    @property
    def end_stream_seconds(self) -> float | None:
        """When the last frame ends, in seconds: from the content, else begin + duration."""
        if self.end_stream_seconds_from_content is not None:
            return self.end_stream_seconds_from_content
        if self.duration_seconds is None:
            return None
        return self.begin_stream_seconds + self.duration_seconds

    @property
    def num_frames(self) -> int | None:
        """Number of frames: from the content, else the header, else its duration * fps."""
        if self.num_frames_from_content is not None:
            return self.num_frames_from_content
        if self.num_frames_from_header is not None:
            return self.num_frames_from_header
        if self.duration_seconds_from_header and self.average_fps_from_header:
            return round(self.duration_seconds_from_header * self.average_fps_from_header)
        return None

    @property
    def average_fps(self) -> float | None:
        """Frames per second: frames / duration of the content, else from the header."""
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
        Samples that the encoder put before the audio, and that are not returned (priming).
    encoder_padding : int or None
        Samples that the encoder put after the audio, and that are not returned.
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
        Every stream in the container's order: VideoStreamMetadata, AudioStreamMetadata, or
        StreamMetadata for what is neither.
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
        """Bits per second, from the header; else the sum over the streams if all are known."""
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


# -- from header and index to metadata -------------------------------------------------------------

KINDS: dict[str, type[StreamMetadata]] = {"video": VideoStreamMetadata, "audio": AudioStreamMetadata}

Metadata = TypeVar("Metadata", bound=StreamMetadata)


def make_metadata(kind: type[Metadata], header: Mapping[str, Any]) -> Metadata:
    """Metadata of one kind, from the entries of a header that have the names of its fields.

    The header is a dict as ``Demuxer.stream_info`` returns it.
    """
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in header.items() if name in names})


def video_metadata(
    header: Mapping[str, Any], index: FrameIndex | None = None, size: tuple[int, int] | None = None
) -> VideoStreamMetadata:
    """Metadata of an open video stream.

    Parameters
    ----------
    header : mapping
        The entries of ``Demuxer.stream_info``.
    index : FrameIndex, optional
        It gives the fields that are known from the content.
    size : (height, width), optional
        The size of the frames that are returned; by default the header's.
    """
    info = dict(header)
    if size is not None:
        info["height"], info["width"] = size
    if index is not None:
        info["begin_stream_seconds_from_content"] = index.begin_seconds
        info["end_stream_seconds_from_content"] = index.end_seconds
        info["num_frames_from_content"] = len(index)
    return make_metadata(VideoStreamMetadata, info)


def get_container_metadata(
    source: Source,
    *,
    protocols: Iterable[str] | str | None = None,
    formats: Iterable[str] | str | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: float | None = None,
) -> ContainerMetadata:
    """Describe a container and all its streams, from the header and the first packets.

    Parameters
    ----------
    source : str, pathlib.Path, bytes, torch.Tensor or file-like
        As for VideoDecoder.
    protocols, formats : str or iterable of str, optional
        What the source may reach besides itself, as for VideoDecoder.
    options : dict, optional
        FFmpeg's options of demuxer and protocol, as for VideoDecoder.
    timeout : float, optional
        Seconds that a URL may take to answer. None takes ``cycodec.get_limits().timeout``.

    Returns
    -------
    ContainerMetadata

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FFmpegError
        The source cannot be read.
    """
    access = make_access(protocols, formats, options, limits.current(timeout=timeout))
    demuxer = Demuxer(open_source(source, access))
    demuxer.probe()
    streams = []
    for number in range(demuxer.num_streams):
        info = demuxer.stream_info(number)
        streams.append(make_metadata(KINDS.get(info["media_type"], StreamMetadata), info))
    container = demuxer.container_info()
    return ContainerMetadata(
        duration_seconds_from_header=container["duration_seconds_from_header"],
        bit_rate_from_header=container["bit_rate"],
        best_video_stream_index=demuxer.best_stream("video"),
        best_audio_stream_index=demuxer.best_stream("audio"),
        streams=streams,
    )
