"""The only module that knows torch.

Everything else gets tensors, and the numbers that describe them, from here. torch is imported on the first
call that needs it, never by ``import cycodec``: one build serves every torch, and metadata can be read
without one.
"""

from __future__ import annotations

import itertools
import math
import operator
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from cycodec.core.error import CudaUnavailableError, UnsupportedError
from cycodec.core.pool import Block

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Generator, Tensor

__all__ = [
    "as_buffer",
    "as_dtype",
    "concatenate",
    "cuda_device",
    "cuda_ordinal",
    "cuda_stream",
    "empty",
    "from_numpy",
    "is_tensor",
    "load_torch",
    "maker",
    "place_in_group",
    "pointer",
    "seeded_generator",
    "to_numpy",
]


SAMPLE_TYPES = {"uint8": 0, "float32": 1, "float16": 2}  # of frames: csrc/convert.h's ConvertType

# Tensors from this size on take their memory from the pool; below, the allocator's own reuse is as good.
POOLED_BYTES = 1 << 18


@cache
def load_torch() -> ModuleType:
    """Import torch once and return the module.

    Raises
    ------
    ImportError
        If torch is not installed, with the command that installs it.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":  # torch is there, something that it needs is not: that text says more
            raise
        raise ImportError("cycodec needs torch to return tensors: pip install torch") from error
    return torch


def as_dtype(dtype: Any) -> Any:
    """The torch dtype for a torch dtype or for its name ("uint8", "float32")."""
    return getattr(load_torch(), dtype) if isinstance(dtype, str) else dtype


def empty(shape: tuple[int, ...], dtype: Any = "uint8", device: Any = "cpu") -> Tensor:
    """A new contiguous tensor with undefined content.

    Parameters
    ----------
    shape : tuple of int
    dtype : torch.dtype or str
    device : torch.device or str
    """
    strides = tuple(itertools.accumulate((1, *shape[:0:-1]), operator.mul))[::-1]
    return maker(shape, strides, dtype, device)()


def maker(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any = "uint8", device: Any = "cpu"
) -> Callable[[], Tensor]:
    """Makes new tensors with undefined content, and without gaps: the one place where result memory comes from.

    Parameters
    ----------
    shape, strides : tuple of int
    dtype : torch.dtype or str
    device : torch.device or str
    """
    # Device and dtype are always given: torch.set_default_device and default_dtype must not reach in here.
    torch = load_torch()
    dtype = as_dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < POOLED_BYTES or str(device) != "cpu":
        return partial(torch.empty_strided, shape, strides, dtype=dtype, device=torch.device(device))
    return partial(_pooled, shape, strides, dtype, size)


def _pooled(shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any, size: int) -> Tensor:
    # Note [Batch memory] in core/pool.pyx: the tensor holds the block, whose memory outlives every view of it
    return load_torch().frombuffer(Block(size), dtype=dtype).as_strided(shape, strides)


def cuda_ordinal(device: Any) -> int | None:
    """The number of a CUDA device ("cuda" is torch's current one); None for the CPU.

    Raises
    ------
    UnsupportedError
        It is neither.
    CudaUnavailableError
        torch has no CUDA.
    """
    if device is None or device == "cpu":
        return None
    device = load_torch().device(device)
    if device.type == "cpu":
        return None
    if device.type != "cuda":
        raise UnsupportedError(f"device={str(device)!r}: frames go to the CPU or to a CUDA device")
    return _cuda_ordinal(device)


def _cuda_ordinal(device: Any) -> int:
    torch = load_torch()
    if torch.version.cuda is None:
        raise CudaUnavailableError(
            f"device={str(device)!r}: torch {torch.__version__} was built without CUDA (install one that was built "
            "with it: https://pytorch.org/get-started)"
        )
    if not torch.cuda.is_available():
        raise CudaUnavailableError(
            f"device={str(device)!r}: torch finds no CUDA device (`nvidia-smi` should list one; `cycodec doctor` "
            "says more)"
        )
    return torch.cuda.current_device() if device.index is None else device.index


def cuda_device(ordinal: int) -> Any:
    """The torch device whose memory a GPU writes into."""
    return load_torch().device("cuda", ordinal)


def cuda_stream(ordinal: int) -> int:
    """The address of torch's current stream on a device."""
    return load_torch().cuda.current_stream(ordinal).cuda_stream


def as_buffer(tensor: Tensor) -> np.ndarray:
    """The bytes of a tensor that is a source, without a copy.

    Raises
    ------
    TypeError
        It is not uint8.
    ValueError
        It is not 1-D and contiguous in host memory.
    """
    if tensor.dtype is not load_torch().uint8:
        raise TypeError(f"a tensor of encoded bytes must be uint8, got {tensor.dtype}")
    if tensor.ndim != 1 or not tensor.is_contiguous() or tensor.device.type != "cpu":
        raise ValueError(
            "a tensor of encoded bytes must be 1-D, contiguous and on the CPU, "
            f"got shape {list(tensor.shape)} on {tensor.device}"
        )
    return tensor.detach().numpy()


def pointer(tensor: Tensor) -> int:
    """The address of a tensor's first element. The caller keeps the tensor alive while using it."""
    return tensor.data_ptr()


def from_numpy(array: np.ndarray, device: Any = "cpu") -> Tensor:
    """A tensor with an array's values: shares memory on the CPU where torch can, else a copy.

    torch cannot share read-only arrays, negative strides and foreign byte orders; those are copied.
    """
    if not array.flags.writeable or not array.dtype.isnative or any(stride < 0 for stride in array.strides):
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    tensor = load_torch().from_numpy(array)
    return tensor if device == "cpu" else tensor.to(device)


def is_tensor(x: Any) -> TypeGuard[Tensor]:
    """Whether x is a torch tensor. Does not import torch: without torch there is no tensor."""
    cls = getattr(sys.modules.get("torch"), "Tensor", None)
    return cls is not None and isinstance(x, cls)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """A tensor's values as an array on the host, for indices and seconds (not for frames)."""
    tensor = tensor.detach().cpu()
    if tensor.dtype is load_torch().bfloat16:  # the one floating type that NumPy lacks
        tensor = tensor.float()
    return tensor.numpy()


def concatenate(tensors: list[Tensor], axis: int) -> Tensor:
    """Tensors one after another along an axis."""
    return tensors[0] if len(tensors) == 1 else load_torch().cat(tensors, axis)


def seeded_generator(seed: int) -> Generator:
    """A source of random numbers of its own, on the CPU."""
    return load_torch().Generator().manual_seed(seed)


def in_worker() -> bool:
    """Whether this process is a worker of a torch DataLoader: there are others beside it then."""
    data = getattr(getattr(sys.modules.get("torch"), "utils", None), "data", None)
    return data is not None and data.get_worker_info() is not None


def place_in_group() -> tuple[int, int]:
    """(rank, world size) of this process in torch.distributed; (0, 1) where that is not in use."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
