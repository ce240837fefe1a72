"""A session's GPU: where its frames are delivered to, and which backend brings them there."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from cycodec import _tensor
from cycodec.core.backend import VideoBackend
from cycodec.core.demux import Demuxer
from cycodec.core.error import UnsupportedError
from cycodec.core.hwaccel import HwaccelBackend, UploadBackend
from cycodec.core.nvdec import NvdecBackend
from cycodec.cuda import backends, driver
from cycodec.cuda.resize import weights

if TYPE_CHECKING:
    from torch import Tensor


class Gpu:
    """The device of one session.

    Parameters
    ----------
    ordinal : int
    fallback : {"cpu", "raise"}
        Whether the CPU may decode what the GPU does not.
    backend : {"nvdec", "ffmpeg"}
    converter : {"kernel", "npp"}
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
        self.reason: str | None = None  # why the CPU decodes; None: it does not

    def backend(
        self, demuxer: Demuxer, stream_index: int, num_threads: int = 1, min_reorder: int = 0
    ) -> VideoBackend:
        """The backend for a stream of a probed demuxer.

        Raises
        ------
        UnsupportedError
            The GPU does not decode it, and the CPU must not.
        """
        if self.reason is None:
            reason = backends.why_not(demuxer, stream_index, self.ordinal, self.backend_name)
            if reason is not None:
                self.fall_back(reason, demuxer.io.name)
            elif self.backend_name == "ffmpeg":
                return HwaccelBackend(demuxer, stream_index, 1, min_reorder).deliver_to(self.device)
            else:
                return NvdecBackend(demuxer, stream_index, self.device)
        return UploadBackend(demuxer, stream_index, num_threads, min_reorder).deliver_to(self.device)

    def fall_back(self, reason: str, name: str) -> None:
        """Have backends decode on the CPU from now on."""
        self.reason = reason
        if self.fallback == "raise":
            raise UnsupportedError(
                f"{name}: {reason} (leave fallback='raise' out to have the CPU decode it)",
                source=name,
                operation="open decoder",
            )

    def use_current_stream(self) -> None:
        """Queue what follows on torch's current stream."""
        driver.check_process()
        self.device.stream = _tensor.cuda_stream(self.ordinal)

    def resize(self, frames: Tensor, height: int, width: int) -> Tensor:
        """The bytes that the CPU's resampling gives, queued on the current stream: Note [Resizing as the CPU does].

        Frames that have the size already are given back as they are.
        """
        self.use_current_stream()
        dtype = _tensor.dtype_name(frames)
        # between the passes half precision is float32, as on the CPU
        between = "float32" if dtype == "float16" and height != frames.shape[1] else dtype
        frames = self._resample(frames, 2, width, between)
        return self._resample(frames, 1, height, dtype)

    def _resample(self, frames: Tensor, axis: int, size: int, dtype: str) -> Tensor:
        """Frames ``[N, H, W, C]`` with another size of one axis, and of another floating dtype."""
        shape = tuple(frames.shape)
        if shape[axis] == size:
            return frames
        frames = frames.contiguous()
        out = _tensor.empty((*shape[:axis], size, *shape[axis + 1 :]), dtype, frames.device)
        if math.prod(out.shape):
            table, shift = _weights(shape[axis], size, dtype == "uint8", self.ordinal, self.device.stream)
            self.device.resample(
                _tensor.pointer(frames),
                _tensor.SAMPLE_TYPES[_tensor.dtype_name(frames)],
                _tensor.pointer(out),
                _tensor.SAMPLE_TYPES[dtype],
                (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])),
                size,
                _tensor.pointer(table),
                table.shape[1] - 2,
                shift,
            )
        return out


@lru_cache(maxsize=256)
def _weights(source: int, target: int, fixed: bool, ordinal: int, stream: int) -> tuple[Tensor, int]:
    """`weights` on a device, for the stream that is current.

    Only that stream uses this memory, and torch gives it to no other: nobody has to wait, but once for the upload.
    """
    table, shift = weights(source, target, fixed)
    return _tensor.from_numpy(table, _tensor.cuda_device(ordinal)), shift
