"""Encoders: tensors to media files."""

from __future__ import annotations

from cycodec._encode.tracks import StreamStats
from cycodec.encoders._audio_encoder import AudioEncoder
from cycodec.encoders._available import Available, available
from cycodec.encoders._encoder import Encoder, EncodeStats, Segment
from cycodec.encoders._streams import AudioStream, VideoStream
from cycodec.encoders._video_encoder import VideoEncoder

__all__ = [
    "AudioEncoder",
    "AudioStream",
    "Available",
    "EncodeStats",
    "Encoder",
    "Segment",
    "StreamStats",
    "VideoEncoder",
    "VideoStream",
    "available",
]
