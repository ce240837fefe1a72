"""cycodec turns video and audio files into PyTorch tensors, and tensors into audio files.

Most users need ``cycodec.decoders`` and ``cycodec.encoders``. The names of this module are loaded
when they are first used, so that ``import cycodec`` loads neither torch nor FFmpeg nor CUDA.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cycodec._copy.remux import concat, extract_audio, remux
    from cycodec._shared.limits import Limits, get_limits, set_limits
    from cycodec._shared.results import AudioBatch, AudioSamples, Frame, FrameBatch
    from cycodec.core.error import (
        ClosedError,
        CodecNotFoundError,
        CudaError,
        CudaUnavailableError,
        EndOfFileError,
        FFmpegError,
        FFmpegMemoryError,
        FFmpegTypeError,
        FFmpegValueError,
        InvalidDataError,
        LimitError,
        NoSpaceError,
        QueueFullError,
        SourceIsDirectoryError,
        SourceNotFoundError,
        SourcePermissionError,
        SourceTimeoutError,
        SourceUnreachableError,
        StaleIndexError,
        StreamNotFoundError,
        TooManyFilesError,
        UnsupportedError,
    )
    from cycodec.core.ffmpeg import ffmpeg_versions, set_log_level
    from cycodec.core.pool import cache_stats, empty_cache, get_cache_capacity, set_cache_capacity
    from cycodec.core.video.index import FrameIndex

    ffmpeg_major_version: int | None

# Module -> the public names that are loaded from it.
_HOMES = {
    "cycodec._copy.remux": ["concat", "extract_audio", "remux"],
    "cycodec._shared.limits": ["Limits", "get_limits", "set_limits"],
    "cycodec._shared.results": ["AudioBatch", "AudioSamples", "Frame", "FrameBatch"],
    "cycodec.core.error": [
        "ClosedError",
        "CodecNotFoundError",
        "CudaError",
        "CudaUnavailableError",
        "EndOfFileError",
        "FFmpegError",
        "FFmpegMemoryError",
        "FFmpegTypeError",
        "FFmpegValueError",
        "InvalidDataError",
        "LimitError",
        "NoSpaceError",
        "QueueFullError",
        "SourceIsDirectoryError",
        "SourceNotFoundError",
        "SourcePermissionError",
        "SourceTimeoutError",
        "SourceUnreachableError",
        "StaleIndexError",
        "StreamNotFoundError",
        "TooManyFilesError",
        "UnsupportedError",
    ],
    "cycodec.core.ffmpeg": ["ffmpeg_versions", "set_log_level"],
    "cycodec.core.pool": ["cache_stats", "empty_cache", "get_cache_capacity", "set_cache_capacity"],
    "cycodec.core.video.index": ["FrameIndex"],
}
# The module that explains names which this one lacks.
_MISSING_NAMES = "cycodec._shared.missing_names"
_MODULES = ("batch", "compat", "datasets", "decoders", "encoders", "images", "samplers", "transforms")
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AudioBatch",
    "AudioSamples",
    "ClosedError",
    "CodecNotFoundError",
    "CudaError",
    "CudaUnavailableError",
    "EndOfFileError",
    "FFmpegError",
    "FFmpegMemoryError",
    "FFmpegTypeError",
    "FFmpegValueError",
    "Frame",
    "FrameBatch",
    "FrameIndex",
    "InvalidDataError",
    "LimitError",
    "Limits",
    "NoSpaceError",
    "QueueFullError",
    "SourceIsDirectoryError",
    "SourceNotFoundError",
    "SourcePermissionError",
    "SourceTimeoutError",
    "SourceUnreachableError",
    "StaleIndexError",
    "StreamNotFoundError",
    "TooManyFilesError",
    "UnsupportedError",
    "__version__",
    "cache_stats",
    "concat",
    "empty_cache",
    "extract_audio",
    "ffmpeg_major_version",
    "ffmpeg_versions",
    "get_cache_capacity",
    "get_include",
    "get_library_dirs",
    "get_limits",
    "remux",
    "set_cache_capacity",
    "set_limits",
    "set_log_level",
]


def get_include() -> str:
    """Return the directory to add to a compiler's include path for an extension that cimports
    cycodec.
    """
    return os.path.dirname(os.path.abspath(__file__))


def get_library_dirs() -> list[str]:
    """Return the folders of FFmpeg's libraries, for an extension that links the same files as
    cycodec.

    ``cycodec-config --libs`` prints complete flags for a linker.
    """
    from cycodec.core import libraries

    files = libraries.bundled_files()
    if files:
        return [str(files[0].parent)]
    from cycodec.core.ffmpeg import ffmpeg_versions

    return [folder] if (folder := ffmpeg_versions()["folder"]) else []


def _ffmpeg_major_version() -> int | None:
    """FFmpeg's major version; None if FFmpeg's libraries cannot be loaded."""
    try:
        from cycodec.core.ffmpeg import major_version
    except ImportError:
        return None
    return major_version()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("cycodec")
    elif name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        return importlib.import_module(f"cycodec.{name}")
    elif name == "ffmpeg_major_version":
        value = _ffmpeg_major_version()
    else:
        importlib.import_module(_MISSING_NAMES).refuse_name(__name__, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
