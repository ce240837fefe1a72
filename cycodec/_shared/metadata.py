"""Metadata of containers and streams, and how it is made from a header and an index.

Note [Three tiers of metadata]

Fields named ``..._from_header`` hold what the container claims. Fields named ``..._from_content``
hold what reading every packet found, which only exact mode does. Fields without a suffix are
computed from them when the object is made: the content first, else the header, else what can be
computed, else None. The docstring of each class names the fallbacks.

All of them are fields of a dataclass, so that ``dataclasses.asdict`` returns them, and ``json``
writes what it returns. A decoder has one metadata object, and updates it when it learns more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from cycodec._shared import limits
from cycodec._shared.sources import Source, make_access, open_source
from cycodec.core.container.demux import Demuxer

if TYPE_CHECKING:
    from cycodec.core.video.index import FrameIndex

__all__ = [
    "AudioStreamMetadata",
    "Chapter",
    "ContainerMetadata",
    "Ratio",
    "StreamMetadata",
    "VideoStreamMetadata",
    "get_container_metadata",
    "make_metadata",
    "video_metadata",
]


class Ratio(float):
    """A ratio of two integers: a float, which ``json`` can write, that knows its exact value.

    It is equal to the ``fractions.Fraction`` of the same value.

    Attributes
    ----------
    numerator, denominator : int
        In lowest terms.
    """

    numerator: int
    denominator: int

    def __new__(cls, value: Fraction | float) -> Ratio:
        exact = Fraction(value)
        ratio = super().__new__(cls, exact)
        ratio.numerator, ratio.denominator = exact.numerator, exact.denominator
        return ratio

    def as_integer_ratio(self) -> tuple[int, int]:
        """Numerator and denominator, from which ``Fraction(ratio)`` is made."""
        return self.numerator, self.denominator

    def __eq__(self, other: object) -> bool:
        return Fraction(self) == (Fraction(other) if isinstance(other, Ratio) else other)

    def __hash__(self) -> int:
        return hash(Fraction(self))

    def __str__(self) -> str:
        return str(Fraction(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Ratio, (Fraction(self),)


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
    tags : dict of str to str
        The stream's tags under FFmpeg's names, such as "language" and "title".
    duration_seconds : float or None
        Computed: from the header.
    begin_stream_seconds : float
        Computed: where the stream begins, from the header, else 0.
    """

    duration_seconds_from_header: float | None = None
    begin_stream_seconds_from_header: float | None = None
    bit_rate: float | None = None
    codec: str | None = None
    stream_index: int | None = None
    media_type: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    duration_seconds: float | None = field(init=False)
    begin_stream_seconds: float = field(init=False)

    def __post_init__(self) -> None:
        self._compute()

    def _compute(self) -> None:
        """Set the fields that follow from others."""
        self.duration_seconds = self.duration_seconds_from_header
        self.begin_stream_seconds = self.begin_stream_seconds_from_header or 0.0

    def update(self, newer: StreamMetadata) -> None:
        """Take all fields of another object. Attributes that are not fields stay as they are."""
        for item in fields(newer):
            setattr(self, item.name, getattr(newer, item.name))


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
    pixel_aspect_ratio : Ratio or None
        Width to height of one pixel: a float with ``numerator`` and ``denominator``, which is equal
        to the ``fractions.Fraction``.
    rotation : float or None
        Degrees counter-clockwise by which frames were turned, as the container asks. Already
        applied.
    color_primaries, color_space, color_transfer_characteristic : str or None
        FFmpeg's names, such as "bt709". Where container and bitstream disagree, those that the
        frames carry.
    pixel_format : str or None
        FFmpeg's name of the coded pixels, such as "yuv420p10le".
    duration_seconds : float or None
        Computed: the duration of the content, else of the header, else frames / fps.
    begin_stream_seconds : float
        Computed: when the first frame is shown, by the content, else the header, else 0.
    end_stream_seconds : float or None
        Computed: when the last frame ends, by the content, else begin + duration.
    num_frames : int or None
        Computed: of the content, else of the header, else the header's duration * fps.
    average_fps : float or None
        Computed: frames / duration of the content, else of the header.
    """

    begin_stream_seconds_from_content: float | None = None
    end_stream_seconds_from_content: float | None = None
    width: int | None = None
    height: int | None = None
    num_frames_from_header: int | None = None
    num_frames_from_content: int | None = None
    average_fps_from_header: float | None = None
    pixel_aspect_ratio: Ratio | None = None
    rotation: float | None = None
    color_primaries: str | None = None
    color_space: str | None = None
    color_transfer_characteristic: str | None = None
    pixel_format: str | None = None

    end_stream_seconds: float | None = field(init=False)
    num_frames: int | None = field(init=False)
    average_fps: float | None = field(init=False)

    def _compute(self) -> None:
        super()._compute()
        if self.pixel_aspect_ratio is not None:
            self.pixel_aspect_ratio = Ratio(self.pixel_aspect_ratio)
        begin, end = self.begin_stream_seconds_from_content, self.end_stream_seconds_from_content
        count, fps = self.num_frames_from_header, self.average_fps_from_header
        content_duration = None if begin is None or end is None else end - begin
        header_duration = self.duration_seconds_from_header

        if begin is not None:
            self.begin_stream_seconds = begin
        if content_duration is not None:
            self.duration_seconds = content_duration
        elif header_duration is None and count and fps:
            self.duration_seconds = count / fps

        if end is None and self.duration_seconds is not None:
            end = self.begin_stream_seconds + self.duration_seconds
        self.end_stream_seconds = end

        if self.num_frames_from_content is not None:
            count = self.num_frames_from_content
        elif count is None and header_duration and fps:
            count = round(header_duration * fps)
        self.num_frames = count

        if self.num_frames_from_content and content_duration:
            fps = self.num_frames_from_content / content_duration
        self.average_fps = fps


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
    begin_stream_seconds : float
        In metadata of a decoder: the time of the first sample, which is ``pts_seconds`` of the
        first samples. It may be later than ``begin_stream_seconds_from_header``, the time of the
        first packet: decoders drop what the encoder put before the audio (Opus, Vorbis). In
        metadata of a container, it is that time of the header.
    """

    sample_rate: int | None = None
    num_channels: int | None = None
    sample_format: str | None = None
    encoder_delay: int | None = None
    encoder_padding: int | None = None


@dataclass(repr=False, kw_only=True)
class Chapter(_Described):
    """A chapter of a file.

    Attributes
    ----------
    begin_seconds, end_seconds : float or None
    tags : dict of str to str
        Its tags under FFmpeg's names, such as "title".
    """

    begin_seconds: float | None = None
    end_seconds: float | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(repr=False, kw_only=True)
class ContainerMetadata(_Described):
    """What is known about a file as a whole.

    Attributes
    ----------
    format : str or None
        FFmpeg's name of the container's format, such as "mov,mp4,m4a,3gp,3g2,mj2".
    duration_seconds_from_header : float or None
    bit_rate_from_header : float or None
        Bits per second of all streams together.
    best_video_stream_index, best_audio_stream_index : int or None
        What a decoder takes when ``stream_index`` is not given. None where there is no such stream.
    streams : list of StreamMetadata
        Every stream in the container's order: VideoStreamMetadata, AudioStreamMetadata, or
        StreamMetadata for what is neither.
    tags : dict of str to str
        The container's tags under FFmpeg's names, such as "title" and "creation_time".
    chapters : list of Chapter
    duration_seconds : float or None
        Computed: from the header, else the longest of the streams.
    bit_rate : float or None
        Computed: from the header, else the sum over the streams if all are known.
    """

    format: str | None = None
    duration_seconds_from_header: float | None = None
    bit_rate_from_header: float | None = None
    best_video_stream_index: int | None = None
    best_audio_stream_index: int | None = None
    streams: list[StreamMetadata] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    chapters: list[Chapter] = field(default_factory=list)

    duration_seconds: float | None = field(init=False)
    bit_rate: float | None = field(init=False)

    def __post_init__(self) -> None:
        self.duration_seconds = self.duration_seconds_from_header
        if self.duration_seconds is None:
            known = [s.duration_seconds for s in self.streams if s.duration_seconds is not None]
            self.duration_seconds = max(known, default=None)
        self.bit_rate = self.bit_rate_from_header
        rates = [s.bit_rate for s in self.streams if s.bit_rate is not None]
        if self.bit_rate is None and rates and len(rates) == len(self.streams):
            self.bit_rate = sum(rates)

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
    names = {field.name for field in fields(kind) if field.init}
    return kind(**{name: value for name, value in header.items() if name in names})


def audio_metadata(header: Mapping[str, Any]) -> AudioStreamMetadata:
    """Metadata of an open audio stream, whose first sample is played at ``begin_seconds``."""
    metadata = make_metadata(AudioStreamMetadata, header)
    metadata.begin_stream_seconds = header["begin_seconds"]
    return metadata


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
        format=container["format"],
        duration_seconds_from_header=container["duration_seconds_from_header"],
        bit_rate_from_header=container["bit_rate"],
        best_video_stream_index=demuxer.best_stream("video"),
        best_audio_stream_index=demuxer.best_stream("audio"),
        streams=streams,
        tags=container["tags"],
        chapters=[Chapter(**chapter) for chapter in container["chapters"]],
    )
