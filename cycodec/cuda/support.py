"""What a GPU decodes, and why it does not decode a stream. Loads the extensions for NVDEC."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from cycodec.core.container.demux import Demuxer
from cycodec.core.error import CudaError
from cycodec.core.gpu import hwaccel, nvdec
from cycodec.cuda import driver

__all__ = ["Step", "capabilities", "examine", "why_not"]

# Codecs that code whole blocks, so that their heights are even. NVDEC rounds up the odd heights of
# the others.
WHOLE_BLOCKS = ("h264", "hevc")

# For `cycodec doctor`: name -> (cudaVideoCodec, cudaVideoChromaFormat, bits per sample).
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


def why_not(demuxer: Demuxer, stream_index: int, ordinal: int, backend: str) -> str | None:
    """Why a GPU does not decode a stream; None if it does.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    ordinal : int
        Number of the CUDA device.
    backend : {"nvdec", "ffmpeg"}
    """
    info = demuxer.stream_info(stream_index)
    codec = nvdec.codec_of(demuxer, stream_index)
    if codec is None:
        return f"NVDEC does not know {info['codec']}"
    problem = _format_problem(info)
    if problem is not None:
        return problem
    if demuxer.is_cropped(stream_index):
        return "the container crops the pictures, which only the CPU does"
    if backend == "nvdec" and demuxer.codec_options:
        options = ", ".join(map(repr, demuxer.codec_options))
        return f"NVDEC does not know options of libavcodec's decoders, {options} (set_cuda_backend('ffmpeg') passes them)"
    if backend == "ffmpeg" and not hwaccel.has_hwaccel(demuxer, stream_index):
        return f"the FFmpeg in use has no decoder of {info['codec']} for NVDEC"
    chroma, depth = nvdec.FORMATS[info["pixel_format"]]
    caps = capabilities(ordinal, codec, chroma, depth)
    if not caps["is_supported"]:
        return f"this GPU does not decode {info['codec']} {info['pixel_format']}"
    width, height = info["width"] or 0, info["height"] or 0
    if backend == "ffmpeg" and height % 2 and info["codec"] not in WHOLE_BLOCKS and chroma == 1:
        return f"libavcodec's hwaccel reads the chroma of {width}x{height} from a wrong place"
    return _size_problem(width, height, caps)


def _format_problem(info: dict[str, Any]) -> str | None:
    """Why NVDEC does not decode the pixel format of a stream, on any GPU."""
    name = f"{info['codec']} {info['pixel_format']}"
    if info["pixel_format"] not in nvdec.FORMATS:
        return f"NVDEC does not decode {name}"
    if info["color_space"] == "gbr" and "444" in info["pixel_format"]:
        return f"NVDEC does not decode {name} that holds RGB"
    return None


def _size_problem(width: int, height: int, caps: dict[str, int]) -> str | None:
    """Why a GPU with these capabilities does not decode pictures of this size."""
    if width < caps["min_width"] or height < caps["min_height"]:
        return f"{width}x{height} is less than the {caps['min_width']}x{caps['min_height']} that this GPU decodes"
    macroblocks = -(-width // 16) * -(-height // 16)
    too_wide, too_high = width > caps["max_width"], height > caps["max_height"]
    if too_wide or too_high or macroblocks > caps["max_macroblocks"]:
        return f"{width}x{height} is more than the {caps['max_width']}x{caps['max_height']} that this GPU decodes"
    return None


@cache
def capabilities(ordinal: int, codec: int, chroma: int, depth: int) -> dict[str, int]:
    """Return what a device reports about a codec. The query is slow, so its results are cached."""
    return nvdec.decoder_caps(driver.context(ordinal), codec, chroma, depth)


class Step(NamedTuple):
    """One step towards decoding on a GPU, as `cycodec doctor` shows it."""

    name: str
    works: bool
    detail: str


def examine() -> list[Step]:
    """Examine each GPU in turn, up to the first failure."""
    steps = []
    try:
        for ordinal in range(driver.device_count()):
            driver.device(ordinal)
            major, minor = driver.capability(ordinal)
            known = [
                name
                for name, (codec, chroma, depth) in DOCTOR_CODECS.items()
                if capabilities(ordinal, codec, chroma, depth)["is_supported"]
            ]
            detail = f"compute capability {major}.{minor}, decodes {', '.join(known) or 'nothing'}"
            steps.append(Step(f"cuda:{ordinal}", bool(known), detail))
    except CudaError as error:
        steps.append(Step("decoding", False, str(error)))
    return steps
