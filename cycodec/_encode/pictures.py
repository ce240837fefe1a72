"""Pictures to encode: checks of tensors, and how their values lie in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.arguments import kind_of
from cycodec.core.error import FFmpegTypeError, FFmpegValueError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Pictures", "as_pictures", "each_picture"]

# Numbers of core/encode/video for types of values.
TYPES = {"uint8": 0, "uint16": 1, "float32": 2}
FLOATS = ("float16", "bfloat16", "float64")
CHANNELS = (1, 3, 4)
# Pictures are moved from a GPU, and converted between types of floats, in parts of this size.
PART_BYTES = 1 << 26


@dataclass(frozen=True)
class Pictures:
    """A number of pictures of one size, in host memory.

    Attributes
    ----------
    tensor : torch.Tensor
        ``[N, C, H, W]``; it owns the memory.
    bits : int
        Bits of an integer value.
    """

    tensor: Tensor
    bits: int

    def __len__(self) -> int:
        return int(self.tensor.shape[0])

    @property
    def channels(self) -> int:
        return int(self.tensor.shape[1])

    @property
    def height(self) -> int:
        return int(self.tensor.shape[2])

    @property
    def width(self) -> int:
        return int(self.tensor.shape[3])

    @property
    def depth(self) -> int:
        """8 for uint8, 16 for deeper values."""
        return 8 if self.dtype == "uint8" else 16

    @property
    def dtype(self) -> str:
        return str(self.tensor.dtype).removeprefix("torch.")

    @property
    def layout(self) -> tuple[int, int, int, int, int, int]:
        """Channels, type, bits, and the distances of channels, rows and columns in bytes."""
        size = self.tensor.element_size()
        _, channel, row, column = self.tensor.stride()
        return self.channels, TYPES[self.dtype], self.bits, channel * size, row * size, column * size

    def parts(self) -> Iterator[Pictures]:
        """Parts that can be encoded: on the CPU, of a type that the encoders read."""
        if self.dtype in TYPES and self.tensor.device.type == "cpu":
            yield self
            return
        step = max(1, PART_BYTES // max(1, self.tensor[:1].numel() * self.tensor.element_size()))
        for start in range(0, len(self), step):
            part = self.tensor[start : start + step].cpu()
            yield Pictures(part.float() if self.dtype in FLOATS else part, self.bits)

    def __getitem__(self, key: slice) -> Pictures:
        return Pictures(self.tensor[key], self.bits)

    def copy(self) -> Pictures:
        """The same pictures in memory of their own, in the same order of memory."""
        return Pictures(self.tensor.cpu().clone(), self.bits)


def as_pictures(frames: Any, name: str = "frames", bit_depth: int | None = None) -> Pictures:
    """Check a tensor or array of pictures.

    Parameters
    ----------
    frames : torch.Tensor or numpy.ndarray
        ``[N, C, H, W]``, or ``[C, H, W]`` for one picture.
    name : str
        What to call it in errors.
    bit_depth : int, optional
        Bits of uint16 values; None means 16.

    Raises
    ------
    FFmpegTypeError
        `frames` is no tensor.
    FFmpegValueError
        It has another number of axes or channels, or another dtype.
    """
    tensor = frames
    if isinstance(frames, np.ndarray):
        tensor = torch_adapter.from_numpy(frames)
    if not torch_adapter.is_tensor(tensor):
        raise FFmpegTypeError(
            f"{name} must be a torch.Tensor [N, C, H, W], or an iterable of tensors, not {kind_of(frames)}"
        )
    shape = list(tensor.shape)
    if tensor.ndim not in (3, 4):
        raise FFmpegValueError(
            f"{name} must be [N, C, H, W], or [C, H, W] for one frame, not of shape {shape}"
        )
    tensor = tensor.detach() if tensor.ndim == 4 else tensor.detach()[None]
    if tensor.shape[1] not in CHANNELS:
        remedy = "1 for gray, 3 for RGB, 4 for RGBA"
        if tensor.shape[3] in CHANNELS:
            remedy = f"{name} look like [N, H, W, C]: pass {name}.permute(0, 3, 1, 2), which copies nothing"
        raise FFmpegValueError(f"{name} of shape {shape} have {tensor.shape[1]} channels ({remedy})")
    if tensor.is_sparse or tensor.layout is not torch_adapter.load_torch().strided:
        raise FFmpegValueError(f"{name} must be a dense tensor (use to_dense())")
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in TYPES and dtype not in FLOATS:
        raise FFmpegValueError(
            f"{name} must be uint8, uint16, or floats in [0, 1], not {dtype} (for values of 0 to 255 use .to(torch.uint8))"
        )
    if bit_depth is not None and dtype != "uint16":
        raise FFmpegValueError(f"bit_depth={bit_depth} is for uint16 values only, but {name} are {dtype}")
    bits = 8 if dtype == "uint8" else bit_depth or 16
    return Pictures(tensor, bits)


def each_picture(frames: Any, bit_depth: int | None) -> Iterator[Pictures]:
    """The pictures of a tensor, or of each tensor of an iterable."""
    if torch_adapter.is_tensor(frames) or isinstance(frames, np.ndarray):
        yield as_pictures(frames, bit_depth=bit_depth)
        return
    if isinstance(frames, (str, bytes, bytearray, memoryview, dict)) or not hasattr(frames, "__iter__"):
        as_pictures(frames)  # raises
    for number, item in enumerate(frames):
        yield as_pictures(item, f"frames[{number}]", bit_depth)
