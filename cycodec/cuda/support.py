"""Who decodes a stream for ``device="cuda"``: NVIDIA's decoder where it can, libavcodec where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from cycodec.core.container.demux import Demuxer
from cycodec.core.error import CudaError
from cycodec.core.gpu import hwaccel, nvdec

__all__ = [
    "CpuFallbackStatus",
    "chosen_backend",
    "chosen_converter",
    "empty_nvdec_cache",
    "get_nvdec_cache_capacity",
    "nvdec_cache_stats",
    "set_cuda_backend",
    "set_cuda_converter",
    "set_nvdec_cache_capacity",
    "why_not",
]

_backend: ContextVar[str] = ContextVar("cuda_backend", default="nvdec")
_converter: ContextVar[str] = ContextVar("cuda_converter", default="kernel")


# Codecs whose pictures are coded in whole blocks. The others' odd heights NVDEC rounds up, and libavcodec does not.
WHOLE_BLOCKS = ("h264", "hevc")


@dataclass(frozen=True)
class CpuFallbackStatus:
    """Whether a decoder on a GPU has its frames decoded by the CPU, and why. True where it does.

    Attributes
    ----------
    reason : str or None
        None: the GPU decodes (or the decoder is one for the CPU).
    status_known : bool
        Always True: it is known when the decoder is made. TorchCodec's knows it after the first frame.
    """

    reason: str | None = None
    status_known: bool = True

    def __bool__(self) -> bool:
        return self.reason is not None

    def __str__(self) -> str:
        return "No fallback" if self.reason is None else f"The CPU decodes: {self.reason}"


@contextmanager
def set_cuda_backend(backend: str) -> Iterator[None]:
    """Which decoder on the GPU the decoders take that are made inside the ``with`` block.

    Parameters
    ----------
    backend : {"nvdec", "beta", "ffmpeg"}
        "nvdec", the default, is NVDEC driven by cycodec itself; "beta" is TorchCodec's name for it. "ffmpeg" is libavcodec's
        hwaccel, which needs an FFmpeg built with nvdec: it makes a new hardware decoder for each video (50 to 70 ms), and
        does not report damaged frames.

    Raises
    ------
    ValueError
        There is no such backend.
    """
    if backend not in ("nvdec", "beta", "ffmpeg"):
        raise ValueError(f"backend must be 'nvdec' (or 'beta', the same) or 'ffmpeg', not {backend!r}")
    token = _backend.set("ffmpeg" if backend == "ffmpeg" else "nvdec")
    try:
        yield
    finally:
        _backend.reset(token)


def chosen_backend() -> str:
    """What `set_cuda_backend` has set."""
    return _backend.get()


@contextmanager
def set_cuda_converter(converter: str) -> Iterator[None]:
    """Who converts colours for the decoders on a GPU that are made inside the ``with`` block.

    Parameters
    ----------
    converter : {"kernel", "npp"}
        "kernel", the default, gives the bytes that the CPU gives. "npp" is NVIDIA's library (``pip install nvidia-npp``);
        it converts uint8 of 8-bit 4:2:0 as stored, within 2 levels of the CPU, and leaves the rest to the kernel.

    Raises
    ------
    ValueError
        There is no such converter.
    """
    if converter not in ("kernel", "npp"):
        raise ValueError(f"converter must be 'kernel' or 'npp', not {converter!r}")
    token = _converter.set(converter)
    try:
        yield
    finally:
        _converter.reset(token)


def chosen_converter() -> str:
    """What `set_cuda_converter` has set."""
    return _converter.get()


def why_not(demuxer: Demuxer, stream_index: int, ordinal: int, backend: str) -> str | None:
    """Why the hardware does not decode a stream; None: it does."""
    info = demuxer.stream_info(stream_index)
    name = f"{info['codec']} {info['pixel_format']}"
    codec = nvdec.codec_of(demuxer, stream_index)
    if codec is None:
        return f"NVDEC does not know {info['codec']}"
    if info["pixel_format"] not in nvdec.FORMATS:
        return f"NVDEC does not decode {name}"
    if info["color_space"] == "gbr" and "444" in info["pixel_format"]:
        return f"NVDEC does not decode {name} that holds RGB"
    if backend == "ffmpeg" and not hwaccel.has_hwaccel(demuxer, stream_index):
        return f"the FFmpeg in use has no decoder of {info['codec']} for NVDEC"
    caps = capabilities(ordinal, codec, *nvdec.FORMATS[info["pixel_format"]])
    if not caps["is_supported"]:
        return f"this GPU does not decode {name}"
    width, height = info["width"] or 0, info["height"] or 0
    if (
        backend == "ffmpeg"
        and height % 2
        and info["codec"] not in WHOLE_BLOCKS
        and nvdec.FORMATS[info["pixel_format"]][0] == 1
    ):
        return f"libavcodec's hwaccel loses its way to the chroma of {width}x{height}"
    if width < caps["min_width"] or height < caps["min_height"]:
        return f"{width}x{height} is less than the {caps['min_width']}x{caps['min_height']} that this GPU decodes"
    if (
        width > caps["max_width"]
        or height > caps["max_height"]
        or -(-width // 16) * -(-height // 16) > caps["max_macroblocks"]
    ):
        return f"{width}x{height} is more than the {caps['max_width']}x{caps['max_height']} that this GPU decodes"
    return None


@cache
def capabilities(ordinal: int, codec: int, chroma: int, depth: int) -> dict[str, Any]:
    """What a device's hardware answers about a codec; asking takes long enough to be worth remembering."""
    from cycodec.cuda import driver

    return nvdec.decoder_caps(driver.context(ordinal), codec, chroma, depth)


# -- decoders that wait ------------------------------------------------------------------------------------------------


def set_nvdec_cache_capacity(capacity: int, max_bytes: int | None = None) -> None:
    """How many hardware decoders wait to be used again when their video is done: making one takes 50 to 70 ms.

    Parameters
    ----------
    capacity : int
        Decoders, over all devices; 0 keeps none. The default is 20.
    max_bytes : int, optional
        Device memory that they may hold, estimated; the default is 2 GiB.

    Raises
    ------
    ValueError
        One of them is negative.
    """
    before = nvdec.cache_limits()
    limits = (int(capacity), before[1] if max_bytes is None else int(max_bytes))
    if min(limits) < 0:
        raise ValueError(f"capacity and max_bytes must be 0 or more, not {limits}")
    nvdec.set_cache_limits(*limits)


def get_nvdec_cache_capacity() -> int:
    """How many hardware decoders may wait to be used again."""
    return nvdec.cache_limits()[0]


def empty_nvdec_cache() -> None:
    """Destroy the hardware decoders that wait."""
    limits = nvdec.cache_limits()
    nvdec.set_cache_limits(0, 0)
    nvdec.set_cache_limits(*limits)


def nvdec_cache_stats() -> dict[str, int]:
    """created, destroyed, reconfigured and hits since the process began; idle and idle_bytes now."""
    return nvdec.cache_stats()


# -- for cycodec doctor ----------------------------------------------------------------------------------------------


def examine() -> list[tuple[str, bool, str]]:
    """(what, whether it works, detail) of each step on the way to decoding on a GPU, up to the first that fails."""
    from cycodec.cuda import driver

    steps = []
    try:
        for ordinal in range(driver.device_count()):
            driver.device(ordinal)
            major, minor = driver.capability(ordinal)
            known = [
                codec
                for codec, (number, chroma, depth) in DOCTOR_CODECS.items()
                if capabilities(ordinal, number, chroma, depth)["is_supported"]
            ]
            detail = f"compute capability {major}.{minor}, decodes {', '.join(known) or 'nothing'}"
            steps.append((f"cuda:{ordinal}", bool(known), detail))
    except CudaError as error:
        steps.append(("decoding", False, str(error)))
    return steps


# name -> (cudaVideoCodec, cudaVideoChromaFormat, bits a sample)
DOCTOR_CODECS = {
    "MPEG-2": (1, 1, 8),
    "MPEG-4": (2, 1, 8),
    "H.264": (4, 1, 8),
    "HEVC": (8, 1, 8),
    "HEVC 10 bit": (8, 1, 10),
    "VP8": (9, 1, 8),
    "VP9": (10, 1, 8),
    "AV1": (11, 1, 8),
}
