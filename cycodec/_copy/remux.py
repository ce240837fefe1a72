"""remux, concat and extract_audio: packets are copied, decoded at most where a cut needs it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

from cycodec._copy.smart_cut import StreamCut
from cycodec._encode.destination import Destination, as_path
from cycodec._encode.settings import checked_metadata
from cycodec._shared import limits
from cycodec._shared.arguments import kind_of
from cycodec._shared.sources import Source, make_access, open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.encode.copier import PacketCopier
from cycodec.core.encode.splicer import PacketSplicer, Splice
from cycodec.core.error import FFmpegTypeError, FFmpegValueError, StreamNotFoundError

__all__ = ["concat", "extract_audio", "remux"]

MEDIA = ("video", "audio", "subtitle")
# What lets an MP4 file be written to a destination that cannot seek.
FRAGMENTED = "+frag_keyframe+delay_moov+default_base_moof"


def remux(
    source: Source,
    dest: Any,
    start: float | None = None,
    stop: float | None = None,
    *,
    exact: bool = False,
    format: str | None = None,
    metadata: dict[str, str] | None = None,
    faststart: bool = False,
) -> float:
    """Copy a file, or a part of it, into another container without decoding it.

    Parameters
    ----------
    source : Source
        A path, URL, bytes or file-like object, as for `VideoDecoder`.
    dest : str, os.PathLike or file-like
        Where the file goes. The extension of a path names the container. The file appears when it
        is complete.
    start, stop : float, optional
        The part in seconds of the source. It begins at the last key frame at or before `start`, so
        that every frame can be decoded, and ends before `stop`; frames that earlier ones need are
        kept. Without video it begins with the packet that is played at `start`.
    exact : bool
        True cuts at any frame: the part has the frames that are played in [start, stop), as those
        of `VideoDecoder.get_frames_played_in_range`. The frames between a cut and the next key
        frame are encoded again, at high quality; all packets between are copied. Audio is cut
        between packets. MP4 and its relatives also get the packet in which the part begins, and
        an edit list that leaves the samples before it out.
    format : str, optional
        FFmpeg's name of the container, or an extension. A file-like object needs it.
    metadata : dict, optional
        Tags to set in addition to those of the source.
    faststart : bool
        True moves the index of an MP4 file to its beginning.

    Returns
    -------
    float
        The time in the source, in seconds, at which the new file begins.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, or the part is empty.
    UnsupportedError
        The container does not hold a codec of the source, or its rotation. With `exact`, frames
        must be encoded for which the FFmpeg in use has no encoder, or whose container has one
        header for all frames.
    FFmpegError
        The source cannot be read, or the file cannot be written.

    Notes
    -----
    All video, audio and subtitle streams are copied, with their tags, rotation and colours.

    With `exact`, each join of copied and encoded frames is tried: a decoder must give the copied
    frames with the bits of the source. If no key frame of the part can be joined, all frames of the
    part are encoded.
    """
    if not isinstance(exact, bool):
        raise FFmpegTypeError(f"exact must be True or False, not {kind_of(exact)}")
    begin, end = _instants(start, stop)
    tags = checked_metadata(metadata)

    def copy(copier: PacketCopier) -> float:
        demuxer = _demuxer(source)
        streams = _streams(demuxer, MEDIA)
        _describe(copier, demuxer, streams, tags)
        missing = f"nothing {_interval(start, stop)}"
        if isinstance(copier, PacketSplicer):
            return _splice_part(copier, demuxer, streams, begin, end, missing)
        return _copy_part(copier, demuxer, streams, _guide(demuxer, streams), begin, end, missing)

    is_spliced = exact and (begin is not None or end is not None)
    return _written(dest, format, faststart, copy, PacketSplicer if is_spliced else PacketCopier)


def concat(
    sources: Iterable[Source],
    dest: Any,
    *,
    format: str | None = None,
    metadata: dict[str, str] | None = None,
    faststart: bool = False,
) -> list[float]:
    """Join files one after the other without decoding them.

    Parameters
    ----------
    sources : iterable of Source
        Files whose streams have the same codecs, sizes, rates and decoder headers, such as the
        segments of one recording.
    dest, format, metadata, faststart
        As for `remux`.

    Returns
    -------
    list of float
        The time in the new file, in seconds, at which each source begins.

    Raises
    ------
    TypeError
        `sources` is a single source.
    ValueError
        There are no sources, or one differs from the first; the message says in what.
    FFmpegError
        A source cannot be read, or the file cannot be written.
    """
    if isinstance(sources, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(sources, "read"):
        raise FFmpegTypeError(f"sources must be several sources, not one {kind_of(sources)} (pass a list)")
    try:
        files = list(sources)
    except TypeError:
        raise FFmpegTypeError(f"sources must be a list of sources, not {kind_of(sources)}") from None
    if not files:
        raise FFmpegValueError("there are no sources to join")

    tags = checked_metadata(metadata)

    def copy(copier: PacketCopier) -> list[float]:
        begins = []
        for number, source in enumerate(files):
            demuxer = _demuxer(source)
            streams = _streams(demuxer, MEDIA)
            if number == 0:
                _describe(copier, demuxer, streams, tags)
            elif len(streams) != len(copier.kinds):
                raise FFmpegValueError(
                    f"{demuxer.io.name}: the number of streams is {len(streams)}, but that of the first file is "
                    f"{len(copier.kinds)} (copy the streams that both have with remux)",
                    source=demuxer.io.name,
                    operation="join files",
                )
            begins.append(copier.end / 1e6)
            copier.copy(demuxer, streams)
        return begins

    return _written(dest, format, faststart, copy)


def extract_audio(
    source: Source,
    dest: Any,
    start: float | None = None,
    stop: float | None = None,
    *,
    stream_index: int | None = None,
    format: str | None = None,
    metadata: dict[str, str] | None = None,
) -> float:
    """Copy one audio stream of a file without decoding it.

    Parameters
    ----------
    source, dest, start, stop, format, metadata
        As for `remux`.
    stream_index : int, optional
        The stream; None takes the best audio stream.

    Returns
    -------
    float
        The time in the source, in seconds, at which the new file begins.

    Raises
    ------
    StreamNotFoundError
        The source has no audio, or no such stream.
    TypeError, ValueError, FFmpegError
        As for `remux`.
    """
    begin, end = _instants(start, stop)
    tags = checked_metadata(metadata)

    def copy(copier: PacketCopier) -> float:
        demuxer = _demuxer(source)
        chosen = [demuxer.select_audio(stream_index)]
        _describe(copier, demuxer, chosen, tags)
        return _copy_part(copier, demuxer, chosen, -1, begin, end, f"no audio {_interval(start, stop)}")

    return _written(dest, format, False, copy)


def _copy_part(
    copier: PacketCopier,
    demuxer: Demuxer,
    streams: list[int],
    guide: int,
    begin: int | None,
    end: int | None,
    missing: str,
) -> float:
    """Copy the packets of a part, in microseconds, and return the second at which it begins.

    Errors say that there is `missing` if the part has no packets.
    """
    if end is not None and begin is None:
        begin = 0
    copier.copy(demuxer, streams, guide, begin, end)
    if not copier.num_packets:
        raise _empty_part(demuxer, missing)
    return copier.first / 1e6 if begin is not None else 0.0


def _splice_part(
    copier: PacketSplicer,
    demuxer: Demuxer,
    streams: list[int],
    begin: int | None,
    end: int | None,
    missing: str,
) -> float:
    """Copy a part to the frame, and return the second at which it begins."""
    videos = _videos(demuxer, streams)
    guide = videos[0] if videos else streams[0]
    first, seek = begin or 0, begin
    splices: dict[int, Splice] = {}
    for stream in videos:
        cut = StreamCut(demuxer, stream, guide, first if splices else begin, end, bool(splices))
        if stream == guide:
            if cut.first is None:
                raise _empty_part(demuxer, missing)
            first, seek = cut.first, cut.seek
        if cut.first is not None:
            splices[stream] = cut.splice()
    copier.add_headers(demuxer, streams, splices)
    copier.splice(demuxer, streams, guide, seek, first, end, splices)
    if not copier.num_packets:
        raise _empty_part(demuxer, missing)
    return first / 1e6


def _empty_part(demuxer: Demuxer, missing: str) -> FFmpegValueError:
    """The error that says that there is `missing`."""
    return FFmpegValueError(
        f"{demuxer.io.name}: there is {missing} (give times within the file)",
        source=demuxer.io.name,
        operation="cut",
    )


def _written(
    dest: Any,
    format: str | None,
    faststart: bool,
    copy: Callable[[Any], Any],
    kind: type[PacketCopier] = PacketCopier,
) -> Any:
    """What `copy` returns, after it has filled a file that is committed or discarded."""
    if isinstance(dest, (str, os.PathLike)):
        dest = as_path(dest)
    elif not callable(getattr(dest, "write", None)):
        raise FFmpegTypeError(f"dest must be a path or a file-like object with write(), not {kind_of(dest)}")
    elif format is None:
        raise FFmpegTypeError("a file-like dest needs format=, such as 'mp4'")
    destination = Destination(dest, format, faststart)
    try:
        muxer = destination.muxer()
        if muxer.is_mov and (faststart or not destination.can_seek):
            muxer.set_option("movflags", "+faststart" if faststart else FRAGMENTED)
        result = copy(kind(muxer))
        muxer.finish()
        destination.commit()
    except BaseException:
        destination.discard()
        raise
    return result


def _describe(copier: PacketCopier, demuxer: Demuxer, streams: list[int], tags: dict[str, str]) -> None:
    """Describe the streams and the container in the new file."""
    copier.add_streams(demuxer, streams)
    copier.copy_metadata(demuxer)
    for key, value in tags.items():
        copier.muxer.set_metadata(key, value)


def _demuxer(source: Source) -> Demuxer:
    demuxer = Demuxer(open_source(source, make_access(chosen=limits.get_limits())))
    demuxer.probe()
    return demuxer


def _streams(demuxer: Demuxer, media: tuple[str, ...]) -> list[int]:
    """The streams to copy.

    Raises
    ------
    StreamNotFoundError
        There are none.
    """
    found = [number for number in range(demuxer.num_streams) if demuxer.media_type(number) in media]
    if not found:
        raise StreamNotFoundError(
            f"{demuxer.io.name}: it has no {', '.join(media)} streams",
            source=demuxer.io.name,
            operation="copy packets",
        )
    return found


def _guide(demuxer: Demuxer, streams: list[int]) -> int:
    """The video stream whose key frames decide where a cut begins; -1 without one."""
    return next(iter(_videos(demuxer, streams)), -1)


def _videos(demuxer: Demuxer, streams: list[int]) -> list[int]:
    """The video streams that are no cover pictures."""
    return [n for n in streams if demuxer.media_type(n) == "video" and not demuxer.is_attached_picture(n)]


def _instants(start: Any, stop: Any) -> tuple[int | None, int | None]:
    """The bounds of a part in microseconds."""
    begin, end = _instant("start", start), _instant("stop", stop)
    if end is not None and end <= (begin or 0):
        raise FFmpegValueError(f"stop={stop} must be after start={0 if start is None else start}")
    return begin, end


def _interval(start: float | None, stop: float | None) -> str:
    """The part as words."""
    end = "" if stop is None else f" to {stop} s"
    return f"from {start or 0} s{end or ' on'}"


def _instant(name: str, value: Any) -> int | None:
    """A time in microseconds."""
    if value is None:
        return None
    try:
        if isinstance(value, (bool, str, bytes)):
            raise TypeError
        seconds = float(value)
    except (TypeError, ValueError):
        raise FFmpegTypeError(f"{name} must be a number of seconds, not {kind_of(value)}") from None
    if not math.isfinite(seconds) or not 0 <= seconds < 1e12:
        raise FFmpegValueError(f"{name}={value} must be finite, and 0 or more")
    return round(seconds * 1e6)
