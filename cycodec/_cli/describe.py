"""Describes a media file for the command line, from its header and its index."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from cycodec._cli.text import bit_rate, clock, file_size, frame_rate, joined, number, plural, seconds_text
from cycodec._shared.metadata import Ratio, StreamMetadata, VideoStreamMetadata
from cycodec.core.error import FFmpegError
from cycodec.core.video.index import FrameIndex
from cycodec.core.video.index_file import is_index_file
from cycodec.decoders import AudioDecoder, VideoDecoder, get_container_metadata

__all__ = ["describe", "rows", "video_facts"]

# What a table shows of a stream's tags, and what it leaves out of the container's. JSON has all.
SHOWN_TAGS = ("language", "title")
HIDDEN_TAGS = ("major_brand", "minor_version", "compatible_brands")


def plain(value: Any) -> Any:
    """Return a value for JSON. Metadata objects become dicts of their fields and computed
    properties.
    """
    if isinstance(value, Ratio):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if not hasattr(value, "__dataclass_fields__"):
        return value
    names = [field.name for field in fields(value)]
    for kind in type(value).__mro__:
        names += [
            n for n, v in vars(kind).items() if isinstance(v, property) and n[0] != "_" and n not in names
        ]
    return {n: plain(getattr(value, n)) for n in names if not isinstance(getattr(value, n), StreamMetadata)}


def describe(source: str, *, header_only: bool = False) -> dict[str, Any]:
    """Describe the container, its streams, and the frames of the best video stream.

    Parameters
    ----------
    source : str
        Path or URL.
    header_only : bool
        Do not index the frames: read no more than FFmpeg needs to know the streams.

    Returns
    -------
    dict
        ``source``, ``size_bytes`` (None for a URL) and ``container``: ContainerMetadata with its
        streams, where audio streams have ``num_samples_from_content`` besides. If the frames could
        be indexed, ``video`` has ``stream_index``, ``key_frames`` (their number) and
        ``index_from``. If they could not, ``error`` says why. A saved frame index has ``index`` in
        place of ``container``: see `describe_index`.

    Raises
    ------
    FFmpegError
        The source cannot be read.
    """
    if os.path.isfile(source) and is_index_file(source):
        return {
            "source": source,
            "size_bytes": os.path.getsize(source),
            "index": describe_index(FrameIndex.load(source)),
        }
    container = get_container_metadata(source)
    result: dict[str, Any] = {
        "source": source,
        "size_bytes": os.path.getsize(source) if os.path.isfile(source) else None,
        "container": plain(container),
    }
    if header_only:
        return result
    try:
        _describe_audio(source, result["container"]["streams"])
        if container.best_video_stream_index is None:
            return result
        with VideoDecoder(source) as decoder:
            # This replaces the stream's metadata by that of its content.
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


def _describe_audio(source: str, streams: list[dict[str, Any]]) -> None:
    """Add ``num_samples_from_content`` to each audio stream: how many samples a decoder returns."""
    for stream in streams:
        if stream["media_type"] == "audio":
            with AudioDecoder(source, stream_index=stream["stream_index"]) as decoder:
                stream["num_samples_from_content"] = len(decoder)


def describe_index(index: FrameIndex) -> dict[str, Any]:
    """Describe a saved frame index.

    Returns
    -------
    dict
        ``num_frames``, ``key_frames`` (their number), ``begin_seconds``, ``end_seconds``,
        ``index_from``, ``confirmed``, and what it is an index of: ``stream_index`` and
        ``source_bytes``, each None if the index does not say it.
    """
    return {
        "num_frames": len(index),
        "key_frames": len(index.key_frames),
        "begin_seconds": index.begin_seconds,
        "end_seconds": index.end_seconds,
        "index_from": index.origin,
        "confirmed": bool(index.confirmed),
        "stream_index": index.stream_index if index.stream_index >= 0 else None,
        "source_bytes": None if index.fingerprint is None else index.fingerprint[0],
    }


def index_rows(index: dict[str, Any], size: int) -> list[tuple[str, str]]:
    """Return the description of a frame index as rows of a label and a text."""
    begin, end = number(index["begin_seconds"]), number(index["end_seconds"])
    facts: list[str | None] = [
        file_size(size),
        plural(index["num_frames"], "frame"),
        plural(index["key_frames"], "key frame"),
        f"shown from {begin} to {end} s",
    ]
    stream, source = index["stream_index"], index["source_bytes"]
    origin: list[str | None] = [
        None if stream is None else f"stream {stream}",
        None if source is None else f"of a file of {file_size(source)}",
        f"made from {index['index_from']}",
        "confirmed by decoding" if index["confirmed"] else None,
    ]
    return [("frame index", joined(facts)), ("source", joined(origin))]


def rows(description: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a description as rows of a label and a text."""
    if "index" in description:
        return index_rows(description["index"], description["size_bytes"])
    container = description["container"]
    size = description["size_bytes"]
    facts = [
        container["format"],
        None if size is None else file_size(size),
        seconds_text(container["duration_seconds"]),
        None if not container["bit_rate"] else bit_rate(container["bit_rate"]),
        plural(len(container["streams"]), "stream"),
    ]
    table = [("file", joined(facts)), *tag_rows(container["tags"])]
    for stream in container["streams"]:
        label = f"{stream['media_type'] or 'stream'} {stream['stream_index']}"
        kind = stream["media_type"]
        lines = video_lines(stream) if kind == "video" else audio_lines(stream) if kind == "audio" else []
        if "video" in description and description["video"]["stream_index"] == stream["stream_index"]:
            lines.append(content_line(stream, description["video"]))
        lines.append(tags_line(stream["tags"]))
        table.append((label, "\n".join(filter(None, lines)) or stream["codec"] or "unknown"))
    for position, chapter in enumerate(container["chapters"], 1):
        begin, end = (
            "?" if chapter[n] is None else clock(chapter[n]) for n in ("begin_seconds", "end_seconds")
        )
        table.append((f"chapter {position}", joined([f"{begin} to {end}", chapter["tags"].get("title")])))
    return table


def tags_line(tags: dict[str, str]) -> str:
    """Return the tags of a stream that say something to a person."""
    return joined([f"{name} {value}" for name, value in tags.items() if name.lower() in SHOWN_TAGS])


def tag_rows(tags: dict[str, str]) -> list[tuple[str, str]]:
    """Return the tags of a container, except those for programs, as one row."""
    lines = [f"{name} {value}" for name, value in tags.items() if name.lower() not in HIDDEN_TAGS]
    return [("tags", "\n".join(lines))] if lines else []


def video_lines(stream: dict[str, Any]) -> list[str]:
    """Return what the header says about a video stream."""
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
    """Return what the index says about a video stream."""
    begin, end = stream["begin_stream_seconds"], stream["end_stream_seconds"]
    return joined(
        [
            plural(stream["num_frames_from_content"], "frame"),
            plural(video["key_frames"], "key frame"),
            f"shown from {number(begin)} to {number(end)} s",
        ]
    )


def audio_lines(stream: dict[str, Any]) -> list[str]:
    """Return what the header says about an audio stream."""
    channels, samples = stream["num_channels"], stream.get("num_samples_from_content")
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
        ),
        plural(samples, "sample") if samples is not None else "",
    ]


def video_facts(metadata: VideoStreamMetadata) -> str:
    """Return a video stream in one line, for the head of a contact sheet."""
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
