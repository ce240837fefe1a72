"""Metadata of containers and streams, from what the demuxer and the index know."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cycodec._shared.results import (
    AudioStreamMetadata,
    ContainerMetadata,
    StreamMetadata,
    VideoStreamMetadata,
)

if TYPE_CHECKING:
    from cycodec._video.session import VideoSession

KINDS: dict[str, type[StreamMetadata]] = {"video": VideoStreamMetadata, "audio": AudioStreamMetadata}


def make(kind: type[StreamMetadata], info: dict[str, Any], **more: Any) -> Any:
    """A metadata object from the entries of a dict that it has fields for."""
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in {**info, **more}.items() if name in names})


def video_metadata(session: VideoSession, *, complete: bool = True) -> VideoStreamMetadata:
    """Metadata of an open video stream: sizes are those of the frames as they are returned.

    `complete`: what the header leaves open is taken from the first frame.
    """
    info = dict(session.describe() if complete else session.header)
    if complete and session.geometry is not None:
        info["height"], info["width"] = session.shape
    index = session.index
    if index is not None:
        info["begin_stream_seconds_from_content"] = index.begin_seconds
        info["end_stream_seconds_from_content"] = index.end_seconds
        info["num_frames_from_content"] = len(index)
    return make(VideoStreamMetadata, info)


def get_container_metadata(source: Any) -> ContainerMetadata:
    """The container and every stream in it, as the header (and FFmpeg's look at the first packets) describes them.

    Parameters
    ----------
    source
        As for VideoDecoder.

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
    from cycodec._shared.sources import open_source
    from cycodec.core.container.demux import Demuxer

    demuxer = Demuxer(open_source(source))
    demuxer.probe()
    streams = []
    for number in range(demuxer.num_streams):
        info = demuxer.stream_info(number)
        streams.append(make(KINDS.get(info["media_type"], StreamMetadata), info))
    container = demuxer.container_info()
    return ContainerMetadata(
        duration_seconds_from_header=container["duration_seconds_from_header"],
        bit_rate_from_header=container["bit_rate"],
        best_video_stream_index=demuxer.best_stream("video"),
        best_audio_stream_index=demuxer.best_stream("audio"),
        streams=streams,
    )
