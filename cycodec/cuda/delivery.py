"""The GPU of one decoder: the device that receives frames, and the backend that decodes them."""

from __future__ import annotations

from cycodec._shared import torch_adapter
from cycodec.core.container.demux import Demuxer
from cycodec.core.error import UnsupportedError
from cycodec.core.gpu.hwaccel import HwaccelBackend, UploadBackend
from cycodec.core.gpu.nvdec import NvdecBackend
from cycodec.core.video.backend import VideoBackend
from cycodec.cuda import driver, support


class Gpu:
    """The device that receives the frames of one session.

    Parameters
    ----------
    ordinal : int
        Number of the CUDA device.
    fallback : {"cpu", "raise"}
        Whether the CPU decodes a stream that the GPU does not decode, or `backend` raises an error.
    backend : {"nvdec", "ffmpeg"}
    converter : {"kernel", "npp"}

    Attributes
    ----------
    reason : str or None
        Why the CPU decodes; None if it does not.
    """

    def __init__(
        self, ordinal: int, fallback: str, backend: str = "nvdec", converter: str = "kernel"
    ) -> None:
        self.ordinal = ordinal
        self.fallback = fallback
        self.backend_name = backend
        self.device = driver.device(ordinal)
        if converter == "npp":
            from cycodec.cuda import npp

            self.device.use_npp(*npp.for_device(ordinal))
        self.reason: str | None = None

    def backend(
        self, demuxer: Demuxer, stream_index: int, num_threads: int = 1, min_reorder: int = 0
    ) -> VideoBackend:
        """Return the backend that decodes a stream. The demuxer must know the stream's picture
        format.

        Raises
        ------
        UnsupportedError
            The GPU does not decode the stream, and `fallback` is "raise".
        """
        if self.reason is None:
            reason = support.why_not(demuxer, stream_index, self.ordinal, self.backend_name)
            if reason is not None:
                self.fall_back(reason, demuxer.io.name)
            elif self.backend_name == "ffmpeg":
                return HwaccelBackend(demuxer, stream_index, 1, min_reorder).deliver_to(self.device)
            else:
                return NvdecBackend(demuxer, stream_index, self.device)
        return UploadBackend(demuxer, stream_index, num_threads, min_reorder).deliver_to(self.device)

    def fall_back(self, reason: str, name: str) -> None:
        """Let the CPU decode from now on.

        Raises
        ------
        UnsupportedError
            `fallback` is "raise".
        """
        self.reason = reason
        if self.fallback == "raise":
            raise UnsupportedError(
                f"{name}: {reason} (leave fallback='raise' out to have the CPU decode it)",
                source=name,
                operation="open decoder",
            )

    def use_current_stream(self) -> None:
        """Queue later work on torch's current stream.

        Raises
        ------
        CudaUnavailableError
            The process was forked after CUDA was first used.
        """
        driver.check_process()
        self.device.stream = torch_adapter.cuda_stream(self.ordinal)
