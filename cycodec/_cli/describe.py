"""A media file in words and in JSON, for the command line: what the header says and what the index found."""

from __future__ import annotations

import os
from dataclasses import fields
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from cycodec._shared.metadata import StreamMetadata, VideoStreamMetadata
from cycodec.core.error import FFmpegError
from cycodec.decoders import VideoDecoder, get_container_metadata

__all__ = ["clock", "describe", "file_size", "name_of", "rows", "video_facts"]


def name_of(source: str) -> str:
    """The last part of a path or URL."""
    return PurePath(source.split("?")[0] if "://" in source else source).name or source


def number(value: float, digits: int = 3) -> str:
    """A number without superfluous zeros: 25, 23.976."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def file_size(size: float) -> str:
    """Bytes in decimal units: 3.29 MB."""
    units = ["bytes", "kB", "MB", "GB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}" if size < 1000 else f"{size:.0f} {units[0]}"


def bit_rate(rate: float) -> str:
    """Bits per second as kb/s or Mb/s."""
    return f"{rate / 1000:.0f} kb/s" if rate < 1e6 else f"{rate / 1e6:.3g} Mb/s"


def clock(seconds: float) -> str:
    """Seconds as m:ss.mmm or h:mm:ss.mmm."""
    sign = "-" if round(seconds * 1000) < 0 else ""
    minutes, milliseconds = divmod(abs(round(seconds * 1000)), 60_000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{milliseconds / 1000:06.3f}"
    return f"{sign}{hours}:{minutes:02d}:{rest}" if hours else f"{sign}{minutes}:{rest}"


def plain(value: Any) -> Any:
    """A value that JSON has: metadata objects as dicts of their fields and computed properties."""
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    names = [field.name for field in fields(value)]
    for kind in type(value).__mro__:
        names += [
            n for n, v in vars(kind).items() if isinstance(v, property) and n[0] != "_" and n not in names
        ]
    return {n: plain(getattr(value, n)) for n in names if not isinstance(getattr(value, n), StreamMetadata)}


def describe(source: str, *, header_only: bool = False) -> dict[str, Any]:
    """Container, streams and, unless header_only, what the index of the best video stream says.

    Parameters
    ----------
    source : str
        Path or URL.
    header_only : bool
        Leave the frames alone: nothing is demuxed beyond what FFmpeg needs to know the streams.

    Returns
    -------
    dict
        ``source``, ``size_bytes`` (None for a URL) and ``container`` (ContainerMetadata with its streams).
        With ``video`` where the frames of a video stream could be indexed: ``stream_index``, ``key_frames``
        (how many) and ``index_from``; with ``error``, which says why, where they could not.

    Raises
    ------
    FFmpegError
        The source cannot be read at all.
    """
    container = get_container_metadata(source)
    result: dict[str, Any] = {
        "source": source,
        "size_bytes": os.path.getsize(source) if os.path.isfile(source) else None,
        "container": plain(container),
    }
    if container.best_video_stream_index is None or header_only:
        return result
    try:
        with VideoDecoder(source) as decoder:
            # the same stream, now with what the content says
            result["container"]["streams"][decoder.stream_index] = plain(decoder.metadata)
            index = decoder.index
            result["video"] = {
                "stream_index": decoder.stream_index,
                "key_frames": 0 if index is None else len(index.key_frames),
                "index_from": None if index is None else index.origin,
            }
    except FFmpegError as error:
        result["error"] = str(error)
    return result


def rows(description: dict[str, Any]) -> list[tuple[str, str]]:
    """The description as label and text, for a table of two columns."""
    container = description["container"]
    size = description["size_bytes"]
    facts = [
        None if size is None else file_size(size),
        seconds_text(container["duration_seconds"]),
        None if not container["bit_rate"] else bit_rate(container["bit_rate"]),
        plural(len(container["streams"]), "stream"),
    ]
    table = [("file", joined(facts))]
    for stream in container["streams"]:
        label = f"{stream['media_type'] or 'stream'} {stream['stream_index']}"
        kind = stream["media_type"]
        lines = video_lines(stream) if kind == "video" else audio_lines(stream) if kind == "audio" else []
        if "video" in description and description["video"]["stream_index"] == stream["stream_index"]:
            lines.append(content_line(stream, description["video"]))
        table.append((label, "\n".join(filter(None, lines)) or stream["codec"] or "unknown"))
    return table


def joined(facts: list[str | None]) -> str:
    return ", ".join(fact for fact in facts if fact)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + "s" * (count != 1)


def frame_rate(fps: float | None, frames: int | None) -> str | None:
    return None if not fps or frames == 1 else f"{number(fps)} fps"


def seconds_text(seconds: float | None) -> str | None:
    return None if seconds is None else f"{number(seconds)} s"


def video_lines(stream: dict[str, Any]) -> list[str]:
    fps, aspect, rotation = (stream[n] for n in ("average_fps", "pixel_aspect_ratio", "rotation"))
    colour = [stream[n] for n in ("color_space", "color_primaries", "color_transfer_characteristic")]
    return [
        joined(
            [
                stream["codec"],
                stream["pixel_format"],
                f"{stream['width']} x {stream['height']}" if stream["width"] else None,
                frame_rate(fps, stream["num_frames"]),
                bit_rate(stream["bit_rate"]) if stream["bit_rate"] else None,
            ]
        ),
        joined(
            [
                "colour " + " / ".join(name or "?" for name in colour) if any(colour) else None,
                f"pixels {aspect}" if aspect not in (None, "1/1") else None,
                f"turned by {number(rotation)}°" if rotation else None,
            ]
        ),
    ]


def content_line(stream: dict[str, Any], video: dict[str, Any]) -> str:
    begin, end = stream["begin_stream_seconds"], stream["end_stream_seconds"]
    return joined(
        [
            plural(stream["num_frames_from_content"], "frame"),
            plural(video["key_frames"], "key frame"),
            f"shown from {number(begin)} to {number(end)} s",
        ]
    )


def audio_lines(stream: dict[str, Any]) -> list[str]:
    channels = stream["num_channels"]
    return [
        joined(
            [
                stream["codec"],
                stream["sample_format"],
                f"{stream['sample_rate']} Hz" if stream["sample_rate"] else None,
                plural(channels, "channel") if channels else None,
                bit_rate(stream["bit_rate"]) if stream["bit_rate"] else None,
                seconds_text(stream["duration_seconds"]),
            ]
        )
    ]


def video_facts(metadata: VideoStreamMetadata) -> str:
    """One line on a video stream, for the head of a contact sheet."""
    facts = [
        f"{metadata.width} x {metadata.height}",
        seconds_text(metadata.duration_seconds),
        plural(metadata.num_frames or 0, "frame"),
        frame_rate(metadata.average_fps, metadata.num_frames),
        metadata.codec,
        metadata.pixel_format,
        metadata.color_transfer_characteristic,
    ]
    return "  \u00b7  ".join(fact for fact in facts if fact)
