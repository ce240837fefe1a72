"""What becomes of a decoded frame: which part of it, through which transforms, and how that lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._video.options import Options
from cycodec.core.video.backend import orientation_of
from cycodec.core.video.picture_spec import PictureSpec
from cycodec.transforms import Pipeline, Stage

if TYPE_CHECKING:
    from torch import Tensor

Region: TypeAlias = tuple[int, int, int, int]

ORIENT_TRANSPOSE = 4


class Addresses(NamedTuple):
    """Where FrameReader writes what it knows of frames."""

    pts: int
    durations: int
    valid: int

    @classmethod
    def of(cls, times: np.ndarray, valid: np.ndarray) -> Addresses:
        """Of an int64 array [2, count], and one of uint8; the caller keeps them alive."""
        address = times.ctypes.data
        return cls(address, address + times.strides[0], valid.ctypes.data)


@dataclass(frozen=True)
class Geometry:
    """How frames are shown: size after orientation, and the orientation itself (see csrc/convert.h)."""

    height: int
    width: int
    orientation: int

    @classmethod
    def of(cls, width: int | None, height: int | None, display_matrix: Any) -> Geometry | None:
        """Of frames of this size as they are stored; None where it is not known."""
        if not width or not height:
            return None
        orientation = orientation_of(display_matrix)
        if orientation & ORIENT_TRANSPOSE:
            width, height = height, width
        return cls(height, width, orientation)


class Layout:
    """See the module's docstring; good for as long as geometry and transforms are these.

    Parameters
    ----------
    geometry : Geometry
    pipeline : Pipeline or None
        The transforms.
    dtype : str
    options : Options
    device
        Where pictures are wanted, as torch names it.
    """

    def __init__(
        self, geometry: Geometry, pipeline: Pipeline | None, dtype: str, options: Options, device: Any
    ) -> None:
        self.geometry = geometry
        self.pipeline = pipeline
        self.dtype = dtype
        self.options = options
        self.device = device
        self.pixels = geometry.height * geometry.width  # of a decoded frame
        whole = geometry if pipeline is None else pipeline
        self.height, self.width = whole.height, whole.width  # of a picture

    def new(self, count: int, height: int, width: int) -> Tensor:
        """Memory for pictures in the order that was asked for, seen as [count, height, width, 3]."""
        if self.options.planar:
            planes = torch_adapter.empty((count, 3, height, width), self.dtype, self.device)
            return planes.permute(0, 2, 3, 1)
        return torch_adapter.empty((count, height, width, 3), self.dtype, self.device)

    def maker(self, channels_first: bool) -> Callable[[], Tensor]:
        """A function that makes memory for one whole picture, [3, height, width] or [height, width, 3]."""
        height, width = self.height, self.width
        rows, columns, planes = (width, 1, height * width) if self.options.planar else (3 * width, 3, 1)
        shape, strides = (height, width, 3), (rows, columns, planes)
        if channels_first:
            shape, strides = (3, height, width), (planes, rows, columns)
        return torch_adapter.maker(shape, strides, self.dtype, self.device)

    def spec(self, region: Region) -> PictureSpec:
        """How a region of the pictures is made."""
        source, stages = self._sources(region)
        return PictureSpec(
            (self.geometry.width, self.geometry.height),
            source,
            self.geometry.orientation,
            torch_adapter.SAMPLE_TYPES[self.dtype],
            self.options.planar,
            stages,
        )

    def _sources(self, region: Region) -> tuple[Region, tuple[Stage, ...]]:
        """The part of the decoded frame that a region of the picture is made of, and the stages that it goes through."""
        if self.pipeline is None:
            return region, ()
        whole = (0, self.geometry.height, 0, self.geometry.width)
        top, bottom, left, right = self.pipeline.region or whole
        if self.pipeline.steps:
            return (top, bottom, left, right), self.pipeline.stages(region)
        y0, y1, x0, x1 = region
        return (top + y0, top + y1, left + x0, left + x1), ()
