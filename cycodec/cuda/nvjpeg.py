"""Decoding JPEG on NVIDIA GPUs: the place where nvJPEG belongs.

Note [nvJPEG]

A list of JPEG files on ``device="cuda"`` is one batch for nvJPEG: ``nvjpegDecodeBatched`` writes
interleaved RGB into the memory of the tensors, on torch's current stream. Its pixels differ from
libjpeg's, so that it is chosen by the user, never by cycodec. It is not part of this version,
because it could not be proved on a GPU. Until then the device is refused, and no image is decoded
on the CPU instead.
"""

from __future__ import annotations

from typing import Any

from cycodec._shared import torch_adapter
from cycodec.core.error import UnsupportedError

__all__ = ["refuse_device"]


def refuse_device(device: Any) -> None:
    """Raise unless a device is the CPU.

    Raises
    ------
    ArgumentError
        (a ValueError and a RuntimeError) torch knows no such device.
    CudaUnavailableError
        torch finds no CUDA device.
    UnsupportedError
        The device is a GPU.
    """
    if torch_adapter.cuda_ordinal(device) is not None:
        raise UnsupportedError(
            f"device={str(device)!r}: this version of cycodec decodes JPEG on the CPU only (leave device out, and "
            "move the result: `decode_jpeg(source).to(device)`)",
            operation="decode JPEG",
        )
