"""How a decoded frame becomes a picture: its region, its transforms, and its place in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._video.options import Options
from cycodec.core.video.cpu import orientation_of
from cycodec.core.video.picture_spec import PictureSpec
from cycodec.core.video.request import Request
from cycodec.transforms import Pipeline, Stage

if TYPE_CHECKING:
    from torch import Tensor

Region: TypeAlias = tuple[int, int, int, int]

ORIENT_TRANSPOSE = 4  # the bit of an orientation that swaps rows and columns


class Addresses(NamedTuple):
    """Where a reader writes the times of frames, and which of them are valid."""

    pts: int
    durations: int
    valid: int

    @classmethod
    def of(cls, times: np.ndarray, valid: np.ndarray) -> Addresses:
        """Return the addresses of two arrays, which the caller keeps alive.

        Parameters
        ----------
        times : int64 array of shape [2, count]
            Timestamps and durations.
        valid : uint8 array of shape [count]
        """
        address = times.ctypes.data
        return cls(address, address + times.strides[0], valid.ctypes.data)


# The channels of pixels, as csrc/picture/target.h's ConvertLayout numbers them, and how many.
LAYOUTS = {"rgb": 0, "gray": 1, "rgba": 2, "yuv": 3}
CHANNELS = {"rgb": 3, "gray": 1, "rgba": 4, "yuv": 3}

# Bytes of one channel of a pixel.
PLANE_BYTES = {"uint8": 1, "float16": 2, "float32": 4}


@dataclass(frozen=True)
class Geometry:
    """The size and the orientation of frames.

    Attributes
    ----------
    height, width : int
        In pixels, after the frame has been turned to its orientation.
    orientation : int
        As in csrc/convert/convert.h.
    """

    height: int
    width: int
    orientation: int

    @classmethod
    def of(
        cls, width: int | None, height: int | None, display_matrix: Sequence[int] | None
    ) -> Geometry | None:
        """Return the geometry of frames of this stored size; None if the size is unknown."""
        if not width or not height:
            return None
        orientation = orientation_of(display_matrix)
        if orientation & ORIENT_TRANSPOSE:
            width, height = height, width
        return cls(height, width, orientation)


class PictureFormat:
    """What decoded frames of one geometry become by one pipeline of transforms.

    Parameters
    ----------
    geometry : Geometry
    pipeline : Pipeline or None
        The transforms.
    dtype : {"uint8", "float32", "float16"}
    options : Options
    device : torch.device or str
        Where pictures go.

    Attributes
    ----------
    height, width, channels : int
        Of a picture.
    pixel_bytes : int
        Bytes of a pixel.
    """

    def __init__(
        self, geometry: Geometry, pipeline: Pipeline | None, dtype: str, options: Options, device: Any
    ) -> None:
        self.geometry = geometry
        self.pipeline = pipeline
        self.dtype = dtype
        self.options = options
        self.device = device
        whole = geometry if pipeline is None else pipeline
        self.height, self.width = whole.height, whole.width
        self.channels = CHANNELS[options.output]
        self.pixel_bytes = self.channels * PLANE_BYTES[dtype]

    def new(self, count: int, height: int, width: int) -> Tensor:
        """Return memory for pictures as a tensor [count, height, width, channels].

        It has the memory order of the options.
        """
        if self.options.planar:
            planes = torch_adapter.empty((count, self.channels, height, width), self.dtype, self.device)
            return planes.permute(0, 2, 3, 1)
        return torch_adapter.empty((count, height, width, self.channels), self.dtype, self.device)

    def maker(self, channels_first: bool) -> Callable[[], Tensor]:
        """Return a function that makes memory for one whole picture.

        Its tensors are [channels, height, width] with `channels_first`, else [height, width,
        channels].
        """
        height, width, count = self.height, self.width, self.channels
        rows, columns, planes = (
            (width, 1, height * width) if self.options.planar else (count * width, count, 1)
        )
        shape, strides = (height, width, count), (rows, columns, planes)
        if channels_first:
            shape, strides = (count, height, width), (planes, rows, columns)
        return torch_adapter.maker(shape, strides, self.dtype, self.device)

    def spec(self, region: Region) -> PictureSpec:
        """Return what a reader needs to know to make the region (y0, y1, x0, x1) of pictures."""
        source, stages = self._sources(region)
        return PictureSpec(
            (self.geometry.width, self.geometry.height),
            source,
            self.geometry.orientation,
            torch_adapter.SAMPLE_TYPES[self.dtype],
            self.options.planar,
            stages,
            LAYOUTS[self.options.output],
        )

    def _sources(self, region: Region) -> tuple[Region, tuple[Stage, ...]]:
        """Return the part of the frame that a region of the picture needs, and its stages."""
        if self.pipeline is None:
            return region, ()
        whole = (0, self.geometry.height, 0, self.geometry.width)
        top, bottom, left, right = self.pipeline.region or whole
        if self.pipeline.steps:
            return (top, bottom, left, right), self.pipeline.stages(region)
        y0, y1, x0, x1 = region
        return (top + y0, top + y1, left + x0, left + x1), ()


class SinglePicture:
    """A request for one whole picture, which is used again for each ``decoder[i]``.

    Parameters
    ----------
    picture_format : PictureFormat
    channels_first : bool

    Attributes
    ----------
    request : Request
        To be aimed at a frame and its memory.
    new : callable
        Returns a new tensor for the picture.
    times : int64 array of shape [2]
        Timestamp and duration of the frame that was read last.
    """

    def __init__(self, picture_format: PictureFormat, channels_first: bool) -> None:
        self.format = picture_format
        self.channels_first = channels_first
        self.new = picture_format.maker(channels_first)
        self.times = np.empty(2, np.int64)
        self._valid = np.empty(1, np.uint8)
        spec = picture_format.spec((0, picture_format.height, 0, picture_format.width))
        addresses = Addresses.of(self.times, self._valid)
        self.request = Request(spec, (0,), 0, *addresses, picture_format.options.mask_errors)
