"""cycodec: video and audio files to PyTorch tensors and back.

``cycodec.decoders`` and ``cycodec.encoders`` hold what most people want; the names here are loaded when they are first
used, so that ``import cycodec`` loads neither torch nor FFmpeg nor CUDA.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cycodec._shared.results import AudioSamples, Frame, FrameBatch
    from cycodec.core.error import (
        ClosedError,
        CodecNotFoundError,
        CudaError,
        CudaUnavailableError,
        EndOfFileError,
        FFmpegError,
        FFmpegMemoryError,
        FFmpegValueError,
        InvalidDataError,
        SourceIsDirectoryError,
        SourceNotFoundError,
        SourcePermissionError,
        SourceTimeoutError,
        StaleIndexError,
        StreamNotFoundError,
        UnsupportedError,
    )
    from cycodec.core.ffmpeg import ffmpeg_versions, set_log_level
    from cycodec.core.pool import cache_stats, empty_cache, get_cache_capacity, set_cache_capacity
    from cycodec.core.video.index import FrameIndex

_HOMES = {
    "cycodec._shared.results": ["AudioSamples", "Frame", "FrameBatch"],
    "cycodec.core.video.index": ["FrameIndex"],
    "cycodec.core.ffmpeg": ["ffmpeg_versions", "set_log_level"],
    "cycodec.core.pool": ["cache_stats", "empty_cache", "get_cache_capacity", "set_cache_capacity"],
    "cycodec.core.error": [
        "ClosedError",
        "CodecNotFoundError",
        "CudaError",
        "CudaUnavailableError",
        "EndOfFileError",
        "FFmpegError",
        "FFmpegMemoryError",
        "FFmpegValueError",
        "InvalidDataError",
        "SourceIsDirectoryError",
        "SourceNotFoundError",
        "SourcePermissionError",
        "SourceTimeoutError",
        "StaleIndexError",
        "StreamNotFoundError",
        "UnsupportedError",
    ],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - in the order of _HOMES
    "AudioSamples",
    "Frame",
    "FrameBatch",
    "FrameIndex",
    "ffmpeg_versions",
    "set_log_level",
    "cache_stats",
    "empty_cache",
    "get_cache_capacity",
    "set_cache_capacity",
    "ClosedError",
    "CodecNotFoundError",
    "CudaError",
    "CudaUnavailableError",
    "EndOfFileError",
    "FFmpegError",
    "FFmpegMemoryError",
    "FFmpegValueError",
    "InvalidDataError",
    "SourceIsDirectoryError",
    "SourceNotFoundError",
    "SourcePermissionError",
    "SourceTimeoutError",
    "StaleIndexError",
    "StreamNotFoundError",
    "UnsupportedError",
    "__version__",
    "get_include",
]


def get_include() -> str:
    """The directory for a compiler's include path when an extension cimports cycodec."""
    return os.path.dirname(os.path.abspath(__file__))


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # not as a name of this module: _metadata is a room of its own

        value: Any = version("cycodec")
    elif name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in ("batch", "datasets", "decoders", "encoders", "samplers", "transforms"):
        return importlib.import_module(f"cycodec.{name}")
    else:
        raise AttributeError(f"module 'cycodec' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
