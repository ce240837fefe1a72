"""Encoders: tensors to media files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from cycodec._encode.recording import Segment
from cycodec._encode.tracks import StreamStats
from cycodec._shared.missing_names import refuse_name
from cycodec.encoders._audio_encoder import AudioEncoder
from cycodec.encoders._available import Available, available
from cycodec.encoders._encoder import Encoder, EncodeStats
from cycodec.encoders._streams import AudioStream, VideoStream
from cycodec.encoders._video_encoder import VideoEncoder
from cycodec.images import AvifEncoder, JpegEncoder, PngEncoder, WebpEncoder

__all__ = [
    "AudioEncoder",
    "AudioStream",
    "Available",
    "AvifEncoder",
    "EncodeStats",
    "Encoder",
    "JpegEncoder",
    "PngEncoder",
    "Segment",
    "StreamStats",
    "VideoEncoder",
    "VideoStream",
    "WebpEncoder",
    "available",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
