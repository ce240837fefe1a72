"""The only module that imports torch. All others get tensors, and facts about them, from here.

torch is imported by the first call that needs it, and never by ``import cycodec``. Therefore one
build works with every version of torch, and metadata can be read without torch.
"""

from __future__ import annotations

import itertools
import math
import operator
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from cycodec._shared.argument_errors import ArgumentError
from cycodec.core.error import CudaUnavailableError, UnsupportedError
from cycodec.core.pool import Block

if TYPE_CHECKING:
    from types import FrameType, ModuleType

    from torch import Generator, Tensor

__all__ = [
    "as_array",
    "as_buffer",
    "as_device",
    "as_dtype",
    "concatenate",
    "cuda_device",
    "cuda_ordinal",
    "cuda_stream",
    "default_device",
    "draw_seeds",
    "empty",
    "float_samples",
    "from_numpy",
    "has_dtype",
    "in_worker",
    "is_tensor",
    "load_torch",
    "maker",
    "packed",
    "place_in_group",
    "pointer",
    "seconds_tensor",
    "seeded_generator",
    "stacked",
    "teach_collate",
    "to_numpy",
]


# The dtypes of frames, as csrc/picture/target.h's ConvertType numbers them.
SAMPLE_TYPES = {"uint8": 0, "float32": 1, "float16": 2}

# Tensors of this size and more take their memory from the pool. The allocator reuses smaller blocks
# as well itself.
POOLED_BYTES = 1 << 18


@cache
def load_torch() -> ModuleType:
    """Import torch once, and return the module.

    Raises
    ------
    ImportError
        torch is not installed, or cannot be imported.
    """
    try:
        torch = _import_torch()
    except ModuleNotFoundError as error:
        if error.name != "torch":  # torch is installed, but lacks a module: the error names it
            raise
        raise ImportError("cycodec needs torch to return tensors: pip install torch") from error
    # torch loads modules for the first call, which is too late once descriptors are used up
    default_device()
    return torch


def _import_torch() -> ModuleType:
    """Import torch; Ctrl-C waits until that is done.

    A torch whose import was interrupted ends the process when it is imported again.
    """
    signals: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    # other threads are not interrupted, and must not set handlers
    is_main = threading.current_thread() is threading.main_thread()
    is_deferred = is_main and callable(handler) and "torch" not in sys.modules
    if is_deferred:
        signal.signal(signal.SIGINT, lambda number, frame: signals.append((number, frame)))
    try:
        import torch
    finally:
        if is_deferred:
            signal.signal(signal.SIGINT, handler)
    if signals:
        cast("Callable[[int, FrameType | None], Any]", handler)(*signals[0])
    return torch


def as_dtype(dtype: Any) -> Any:
    """Return a torch dtype, from itself or its name ("uint8", "float32")."""
    return getattr(load_torch(), dtype) if isinstance(dtype, str) else dtype


def has_dtype(name: str) -> bool:
    """Return True if torch has a dtype of this name."""
    return hasattr(load_torch(), name)


def as_device(device: Any) -> Any:
    """A torch device, from itself or its name."""
    return load_torch().device(device)


def empty(shape: tuple[int, ...], dtype: Any = "uint8", device: Any = "cpu") -> Tensor:
    """Return a new contiguous tensor with undefined content.

    Parameters
    ----------
    shape : tuple of int
    dtype : torch.dtype or str
    device : torch.device or str
    """
    strides = tuple(itertools.accumulate((1, *shape[:0:-1]), operator.mul))[::-1]
    return maker(shape, strides, dtype, device)()


@lru_cache(maxsize=256)
def maker(
    shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any = "uint8", device: Any = "cpu"
) -> Callable[[], Tensor]:
    """Return a function that makes tensors with undefined content. All memory of results comes from
    it.

    Parameters
    ----------
    shape, strides : tuple of int
        The strides must leave no gaps.
    dtype : torch.dtype or str
    device : torch.device or str
    """
    # Device and dtype are always passed: torch.set_default_device and set_default_dtype must have
    # no effect here.
    torch = load_torch()
    dtype = as_dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < POOLED_BYTES or str(device) != "cpu":
        return partial(torch.empty_strided, shape, strides, dtype=dtype, device=torch.device(device))
    return partial(_pooled, shape, strides, dtype, size)


def _pooled(shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any, size: int) -> Tensor:
    # Note [Batch memory] in core/pool.pyx: the tensor holds the block, so its memory outlives every
    # view of it.
    return load_torch().frombuffer(Block(size), dtype=dtype).as_strided(shape, strides)


def default_device() -> Any:
    """torch's current default device; "cpu" if torch is not loaded, and so has no other one."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return "cpu"
    if _is_newer_than_2_12(torch.__version__):
        return torch.get_default_device()
    # Older versions of that function do not follow ``with torch.device`` (seen in 2.6), or raise
    # after ``set_default_device(None)`` (seen in 2.6 and 2.9). Its modes tell both.
    from torch.overrides import _get_current_function_mode_stack
    from torch.utils._device import DeviceContext

    modes = reversed(_get_current_function_mode_stack())
    device = next((mode.device for mode in modes if isinstance(mode, DeviceContext)), "cpu")
    return torch.device(device)


@cache
def _is_newer_than_2_12(version: Any) -> bool:
    # The comparison takes 12 us, and every decoder asks for the default device when it opens.
    return bool(version >= (2, 13))


def torch_version() -> str:
    """Return torch's version."""
    return str(load_torch().__version__)


def sees_cuda() -> bool:
    """Return True if torch was built for CUDA and sees a device."""
    return bool(load_torch().cuda.is_available())


def cuda_ordinal(device: Any) -> int | None:
    """Return the number of a CUDA device ("cuda" is torch's current one); None for the CPU.

    Parameters
    ----------
    device : str, torch.device or None
        None is torch's current default device (``torch.set_default_device``, ``with
        torch.device(...)``).

    Raises
    ------
    ArgumentError
        (a ValueError and a RuntimeError) torch knows no such device.
    UnsupportedError
        The device is neither a CUDA device nor the CPU.
    CudaUnavailableError
        torch was built without CUDA, or finds no CUDA device.
    """
    origin = ""
    if device is None:
        device = default_device()
        origin = ' (torch\'s default device; pass device="cpu" to decode on the CPU)'
    if device == "cpu":
        return None
    try:
        device = load_torch().device(device)
    except TypeError:
        raise TypeError(
            f"device must be a str, a torch.device or None, not {type(device).__name__}"
        ) from None
    except RuntimeError:
        raise ArgumentError(
            f'device={device!r}: torch knows no such device (use "cuda" or "cuda:N" for a GPU, or "cpu")'
        ) from None
    if device.type == "cpu":
        return None
    if device.type != "cuda":
        raise UnsupportedError(f"device={str(device)!r}: frames go to the CPU or to a CUDA device{origin}")
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
    """Return the torch device of a CUDA device number."""
    return load_torch().device("cuda", ordinal)


def cuda_stream(ordinal: int) -> int:
    """Return the address of torch's current stream on a device."""
    return load_torch().cuda.current_stream(ordinal).cuda_stream


def as_buffer(tensor: Tensor) -> np.ndarray:
    """Return the bytes of a source that is a tensor, without a copy.

    Raises
    ------
    TypeError
        The tensor is not uint8.
    ValueError
        The tensor is not 1-D and contiguous in host memory.
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
    """Return the address of a tensor's first element. The caller must keep the tensor alive."""
    return tensor.data_ptr()


def from_numpy(array: np.ndarray, device: Any = "cpu") -> Tensor:
    """Return a tensor with an array's values. On the CPU it shares the array's memory if torch can.

    torch cannot share read-only arrays, negative strides and foreign byte orders; these are copied.
    """
    if not array.flags.writeable or not array.dtype.isnative or any(stride < 0 for stride in array.strides):
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    tensor = load_torch().from_numpy(array)
    return tensor if device == "cpu" else tensor.to(device)


def is_tensor(x: Any) -> TypeGuard[Tensor]:
    """Return True if x is a torch tensor. This does not import torch."""
    # Before torch is imported there is no tensor.
    cls = getattr(sys.modules.get("torch"), "Tensor", None)
    return cls is not None and isinstance(x, cls)


def as_array(tensor: Tensor) -> np.ndarray:
    """Return an array that shares the memory of a tensor on the CPU."""
    return tensor.numpy()


def packed(image: Tensor) -> Tensor:
    """Return an image ``[C, H, W]`` as ``[H, W, C]`` in host memory without gaps."""
    return image.detach().cpu().permute(1, 2, 0).contiguous()


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Return a tensor's values as an array in host memory, for indices and seconds."""
    tensor = tensor.detach().cpu()
    if tensor.dtype is load_torch().bfloat16:  # the one floating type that NumPy lacks
        tensor = tensor.float()
    return tensor.numpy()


def concatenate(tensors: list[Tensor], axis: int) -> Tensor:
    """Tensors joined along an axis. A single tensor is returned as it is."""
    return tensors[0] if len(tensors) == 1 else load_torch().cat(tensors, axis)


# The integer dtypes of samples, with the value that stands for 1.0.
SAMPLE_SCALES = {"int16": 1 << 15, "int32": 1 << 31}


def float_samples(samples: Tensor) -> Tensor | None:
    """Audio samples as float32 in [-1, 1]; None for a dtype that audio does not have.

    int16 and int32 are divided by 2**15 and 2**31, the scale of PCM.
    """
    name = str(samples.dtype).removeprefix("torch.")
    if name in SAMPLE_SCALES:
        return (samples.double() / SAMPLE_SCALES[name]).float()
    return samples.float() if name in ("float32", "float64") else None


def seconds_tensor(seconds: list[float]) -> Tensor:
    """Times in seconds as a float64 tensor on the CPU."""
    return from_numpy(np.array(seconds, np.float64))


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of one shape along a new first axis, in the memory order of the first.

    In DataLoader workers the result lies in shared memory, as torch's ``default_collate`` makes it.
    """
    first = tensors[0]
    axes = sorted(range(first.ndim), key=first.stride, reverse=True)
    collate = load_torch().utils.data.default_collate
    joined = collate([tensor.permute(axes) for tensor in tensors])
    return joined.permute(0, *(1 + axes.index(axis) for axis in range(first.ndim)))


# The classes that `teach_collate` has entered into torch's table.
_taught: set[type] = set()


def teach_collate(kind: type, join: Callable[[Sequence[Any]], Any]) -> None:
    """Let torch's ``default_collate`` join objects of a class by a function, from now on."""
    if kind in _taught:
        return
    _taught.add(kind)
    functions = load_torch().utils.data._utils.collate.default_collate_fn_map
    functions[kind] = lambda batch, *, collate_fn_map=None: join(batch)


def seeded_generator(seed: int) -> Generator:
    """Return a new random number generator on the CPU."""
    return load_torch().Generator().manual_seed(seed)


def draw_seeds(count: int) -> list[int]:
    """Return seeds that are drawn from torch's global generator."""
    return load_torch().randint(1 << 62, (count,), device="cpu").tolist()


def in_worker() -> bool:
    """Return True if this process is a worker of a torch DataLoader, which shares the CPUs with
    others.
    """
    data = getattr(getattr(sys.modules.get("torch"), "utils", None), "data", None)
    return data is not None and data.get_worker_info() is not None


def place_in_group() -> tuple[int, int]:
    """(rank, world size) in torch.distributed, or (0, 1) if that is not initialised."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
