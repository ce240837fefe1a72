"""Tensors of samples, and how they lie in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cycodec._shared import torch_adapter
from cycodec.core.encode.audio import peak_and_nan
from cycodec.core.error import FFmpegValueError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["planar_samples"]


def planar_samples(samples: Tensor) -> tuple[Tensor, float]:
    """Samples whose rows encoders can read, and the largest magnitude among them.

    Parameters
    ----------
    samples : torch.Tensor
        float32 ``[num_channels, num_samples]``.

    Raises
    ------
    FFmpegValueError
        There is a NaN among them.
    """
    tensor = samples.detach().cpu()
    tensor = tensor if tensor.stride(1) == 1 else tensor.contiguous()
    rows, count = tensor.shape
    peak, has_nan = peak_and_nan(torch_adapter.pointer(tensor), rows, tensor.stride(0), count)
    if has_nan:
        raise FFmpegValueError("samples holds NaN, which cannot be encoded (use samples.nan_to_num())")
    return tensor, peak
