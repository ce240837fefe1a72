"""From an opened image to a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._image import orientation
from cycodec._image.geometry import Plan, plan
from cycodec._image.modes import ImageReadMode
from cycodec._image.opening import open_picture
from cycodec._image.settings import Settings
from cycodec._shared import torch_adapter
from cycodec._shared.limits import check_result
from cycodec._shared.results import FrameBatch
from cycodec.core.image.decode import orient, resample

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from cycodec._shared.sources import AnySource

__all__ = ["decode", "decode_frames"]


def decode(
    source: AnySource, settings: Settings, wanted: str | None = None, generator: Generator | None = None
) -> Tensor:
    """Decode an image.

    Parameters
    ----------
    source : Source
    settings : Settings
    wanted : str, optional
        The only format that is allowed.
    generator : torch.Generator, optional
        What random transforms draw from; by default torch's global generator.

    Returns
    -------
    torch.Tensor
        ``[C, H, W]``, or ``[N, C, H, W]`` for a file with several frames.
    """
    picture, name = open_picture(source, settings.limits, wanted=wanted, num_threads=settings.num_threads)
    work = _Work(picture, name, settings, generator)
    if picture.num_frames > 1:
        return work.frames(picture.num_frames)
    batch, target = work.allocate(1)
    work.make(picture, target[0])
    return batch[0]


def decode_frames(source: AnySource, settings: Settings, wanted: str | None = None) -> FrameBatch:
    """Decode all frames of an animation with their times; a still image is one frame of 0 s."""
    picture, name = open_picture(
        source, settings.limits, wanted=wanted, wants_frames=True, num_threads=settings.num_threads
    )
    work = _Work(picture, name, settings)
    if picture.num_frames == 1 and not getattr(picture, "is_animated", False):
        batch, target = work.allocate(1)
        work.make(picture, target[0])
        durations = [picture.duration(0) if hasattr(picture, "duration") else 0.0]
    else:
        batch = work.frames(picture.num_frames)
        durations = [picture.duration(number) for number in range(picture.num_frames)]
    begins = [float(begin) for begin in np.cumsum([0.0, *durations[:-1]])]
    return FrameBatch(batch, torch_adapter.seconds_tensor(begins), torch_adapter.seconds_tensor(durations))


class _Work:
    """The work on one file: all its frames have one size and one plan."""

    def __init__(
        self, picture: Any, name: str, settings: Settings, generator: Generator | None = None
    ) -> None:
        self.picture, self.name, self.settings = picture, name, settings
        self.channels = settings.mode.channels_of(picture.channels)
        self.depth = settings.output.depth_of(picture.depth)
        self.turned = bool(picture.orientation & orientation.TRANSPOSE)
        stored = picture.height, picture.width
        height, width = stored[::-1] if self.turned else stored
        may_reduce = settings.dct_scaling and picture.format == "JPEG"
        self.plan: Plan = plan(height, width, settings.region, settings.steps, may_reduce, generator)
        # of the scaled picture, as it is shown
        self.height, self.width = -(-height // self.plan.reduction), -(-width // self.plan.reduction)
        self.dtype = np.uint8 if self.depth == 8 else np.uint16
        self.wants_ink = picture.channels == 4 and settings.mode == ImageReadMode.UNCHANGED

    def allocate(self, count: int) -> tuple[Tensor, np.ndarray]:
        """Return a tensor for frames, and the same memory as an array of rows of packed pixels."""
        shape = (count, self.plan.height, self.plan.width, self.channels)
        size = int(np.prod(shape, dtype=object)) * self.depth // 8
        check_result(size, self.settings.limits.max_result_bytes, self.name)
        tensor = torch_adapter.empty(shape, f"uint{self.depth}")
        return tensor.permute(0, 3, 1, 2), torch_adapter.as_array(tensor)

    def frames(self, count: int) -> Tensor:
        """Return all frames."""
        batch, target = self.allocate(count)
        for number in range(count):
            self.make(self.picture.draw(number), target[number])
        return batch

    def make(self, reader: Any, target: np.ndarray) -> None:
        """Read one picture, and orient and resample it, into rows of packed pixels."""
        stages, turn = self.plan.stages, self.picture.orientation
        pixels = self._read(reader, target if not stages and not turn else None)
        if turn:
            pixels = self._oriented(pixels, target if not stages else None)
        for stage in stages:
            y0, y1, x0, x1 = stage.region
            is_last = stage is stages[-1]
            out = target if is_last else np.empty((y1 - y0, x1 - x0, self.channels), self.dtype)
            size = pixels.shape[:2]
            resample(
                out.ctypes.data,
                out.strides[0],
                pixels.ctypes.data,
                pixels.strides[0],
                (size[0], size[1]),
                (stage.height, stage.width, stage.region),
                self.channels,
                self.depth,
            )
            pixels = out

    def _read(self, reader: Any, target: np.ndarray | None) -> np.ndarray:
        """Return the region of the plan as it is stored."""
        region = orientation.stored_region(
            self.plan.region, self.picture.orientation, self.height, self.width
        )
        y0, y1, x0, x1 = region
        if target is None:
            target = np.empty((y1 - y0, x1 - x0, self.channels), self.dtype)
        place = target.ctypes.data, target.strides[0], self.channels, self.depth, region
        if self.picture.format == "JPEG":
            reader.read(*place, self.plan.reduction, self.wants_ink)
        else:
            reader.read(*place)
        return target

    def _oriented(self, pixels: np.ndarray, target: np.ndarray | None) -> np.ndarray:
        height, width, channels = pixels.shape
        if target is None:
            shape = (width, height) if self.turned else (height, width)
            target = np.empty((*shape, channels), self.dtype)
        orient(
            target.ctypes.data,
            target.strides[0],
            pixels.ctypes.data,
            pixels.strides[0],
            width,
            height,
            channels * self.depth // 8,
            self.picture.orientation,
        )
        return target
