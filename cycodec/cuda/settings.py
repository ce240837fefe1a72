"""Settings for decoders on a GPU, and their fallback to the CPU. Loads no GPU extension."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from cycodec._shared.arguments import one_of

__all__ = [
    "CpuFallbackStatus",
    "chosen_backend",
    "chosen_converter",
    "set_cuda_backend",
    "set_cuda_converter",
]

_backend: ContextVar[str] = ContextVar("cuda_backend", default="nvdec")
_converter: ContextVar[str] = ContextVar("cuda_converter", default="kernel")


@dataclass(frozen=True)
class CpuFallbackStatus:
    """Whether the CPU decodes the frames of a decoder on a GPU, and why. True if the CPU decodes.

    Attributes
    ----------
    reason : str or None
        Why the CPU decodes. None if the GPU decodes, and for decoders on the CPU.
    status_known : bool
        Always True: cycodec knows it when the decoder is made, TorchCodec after the first frame.
    """

    reason: str | None = None
    status_known: bool = True

    def __bool__(self) -> bool:
        return self.reason is not None

    def __str__(self) -> str:
        return "No fallback required" if self.reason is None else f"The CPU decodes: {self.reason}"


@contextmanager
def _chosen(variable: ContextVar[str], value: str) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def set_cuda_backend(backend: str) -> AbstractContextManager[None]:
    """Select the GPU backend for decoders that are created inside the ``with`` block.

    Parameters
    ----------
    backend : {"nvdec", "beta", "ffmpeg"}
        "nvdec", the default, drives NVDEC directly; "beta" is TorchCodec's name for it. "ffmpeg"
        uses libavcodec's hwaccel and needs an FFmpeg that was built with nvdec. It makes a new
        hardware decoder for each video (50 to 70 ms) and does not report damaged frames.

    Raises
    ------
    ValueError
        There is no such backend. The call raises it, before the block begins.
    """
    one_of("backend", backend, ("nvdec", "beta", "ffmpeg"))
    return _chosen(_backend, "ffmpeg" if backend == "ffmpeg" else "nvdec")


def chosen_backend() -> str:
    """Return the backend that `set_cuda_backend` selected: "nvdec" or "ffmpeg"."""
    return _backend.get()


def set_cuda_converter(converter: str) -> AbstractContextManager[None]:
    """Select the colour converter for decoders on a GPU that are created inside the ``with`` block.

    Parameters
    ----------
    converter : {"kernel", "npp"}
        "kernel", the default, returns the same bytes as the CPU. "npp" is NVIDIA's library (``pip
        install nvidia-npp``). It converts uint8 frames of 8-bit 4:2:0 video that are not resized or
        turned, within 2 levels of the CPU's values; the kernel converts all others.

    Raises
    ------
    ValueError
        There is no such converter. The call raises it, before the block begins.
    """
    one_of("converter", converter, ("kernel", "npp"))
    return _chosen(_converter, converter)


def chosen_converter() -> str:
    """Return the converter that `set_cuda_converter` selected: "kernel" or "npp"."""
    return _converter.get()
