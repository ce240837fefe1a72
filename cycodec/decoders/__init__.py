"""Decoders: video, audio and image files as tensors, with indices as in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from cycodec._shared.metadata import (
    AudioStreamMetadata,
    Chapter,
    ContainerMetadata,
    Ratio,
    StreamMetadata,
    VideoStreamMetadata,
    get_container_metadata,
)
from cycodec._shared.missing_names import refuse_name
from cycodec._video.work import DecodeCounters, DecodePlan
from cycodec.cuda.decoder_cache import (
    empty_nvdec_cache,
    get_nvdec_cache_capacity,
    nvdec_cache_stats,
    set_nvdec_cache_capacity,
)
from cycodec.cuda.settings import CpuFallbackStatus, set_cuda_backend, set_cuda_converter
from cycodec.decoders._audio import AudioDecoder, WavDecoder
from cycodec.decoders._video import VideoDecoder
from cycodec.images import (
    ImageMetadata,
    ImageReadMode,
    decode_animation,
    decode_avif,
    decode_gif,
    decode_heic,
    decode_image,
    decode_jpeg,
    decode_png,
    decode_webp,
    get_image_metadata,
)

__all__ = [
    "AudioDecoder",
    "AudioStreamMetadata",
    "Chapter",
    "ContainerMetadata",
    "CpuFallbackStatus",
    "DecodeCounters",
    "DecodePlan",
    "ImageMetadata",
    "ImageReadMode",
    "Ratio",
    "StreamMetadata",
    "VideoDecoder",
    "VideoStreamMetadata",
    "WavDecoder",
    "decode_animation",
    "decode_avif",
    "decode_gif",
    "decode_heic",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "decode_webp",
    "empty_nvdec_cache",
    "get_container_metadata",
    "get_image_metadata",
    "get_nvdec_cache_capacity",
    "nvdec_cache_stats",
    "set_cuda_backend",
    "set_cuda_converter",
    "set_nvdec_cache_capacity",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
