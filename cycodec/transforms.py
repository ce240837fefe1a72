"""Transforms that a decoder applies: ``VideoDecoder(source, transforms=[Resize(256), CenterCrop(224)])``.

A transform only describes what is wanted. How a decoder uses the description:

    pipeline = resolve(as_transforms(transforms), height, width)  # once: a random crop chooses its place here
    pipeline.region                  # the part of the frame that has to be converted, None for all of it
    pipeline.height, pipeline.width  # of the frames that come out
    pipeline.stages()                # what is done to that part by the converter, while it converts

What a crop leaves out costs nothing: it is neither converted nor resampled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cycodec._shared.arguments import as_integer
from cycodec._shared.torch_adapter import load_torch

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["CenterCrop", "DecoderTransform", "RandomCrop", "Resize"]

MAX_PIXELS = 1 << 28  # as of decoded frames, in core/backend.pyx


class Crop(NamedTuple):
    """Keep a box of the frame."""

    top: int
    left: int
    height: int
    width: int


class Scale(NamedTuple):
    """Resample the frame to a size."""

    height: int
    width: int


class Stage(NamedTuple):
    """Resample to a size and keep a region (y0, y1, x0, x1) of that: csrc/convert.h's ConvertStage."""

    height: int
    width: int
    region: tuple[int, int, int, int]


class DecoderTransform(ABC):
    """What can be asked of a decoder's ``transforms``."""

    @abstractmethod
    def resolve(self, height: int, width: int) -> Crop | Scale:
        """What this transform does to frames of the given size.

        Raises
        ------
        ValueError
            It cannot be done to frames of this size.
        """


@dataclass(frozen=True)
class Resize(DecoderTransform):
    """Resample frames: bilinear with antialiasing.

    uint8 frames are what ``torch.nn.functional.interpolate(mode="bilinear", antialias=True)`` makes of them on the CPU, to
    the byte; floats are exact to 3e-7.

    Parameters
    ----------
    size : (height, width) or int
        An int is the length of the shorter edge; the longer one follows by the aspect ratio, rounded down.

    Raises
    ------
    ValueError, TypeError
        The size is not one or two positive integers.
    """

    size: tuple[int, int] | int

    def __post_init__(self) -> None:
        size = _read_size("Resize", self.size)
        object.__setattr__(self, "size", size if len(size) == 2 else size[0])

    def resolve(self, height: int, width: int) -> Scale:
        if isinstance(self.size, tuple):
            return Scale(*self.size)
        # The arithmetic of torchvision, floating point included, so that sizes agree.
        short, long = sorted((height, width))
        shorter, longer = self.size, max(int(self.size * long / short), 1)
        return Scale(shorter, longer) if height <= width else Scale(longer, shorter)


@dataclass(frozen=True)
class _FixedCrop(DecoderTransform):
    size: tuple[int, int]

    def __post_init__(self) -> None:
        size = _read_size(type(self).__name__, self.size)
        object.__setattr__(self, "size", size if len(size) == 2 else size * 2)

    def _margins(self, height: int, width: int) -> tuple[int, int]:
        """How many rows and columns are left out."""
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(f"{self} does not fit into frames of {height}x{width} (height x width)")
        return height - self.size[0], width - self.size[1]


class CenterCrop(_FixedCrop):
    """Keep the middle of the frames.

    Frames that are smaller than the crop are an error, as in TorchCodec; torchvision would pad them with
    black.

    Parameters
    ----------
    size : (height, width) or int
        An int stands for a square.

    Raises
    ------
    ValueError, TypeError
        The size is not one or two positive integers; on use: it is larger than the frames.
    """

    def resolve(self, height: int, width: int) -> Crop:
        rows, columns = self._margins(height, width)
        return Crop(round(rows / 2), round(columns / 2), *self.size)  # a half goes to the even side


class RandomCrop(_FixedCrop):
    """Keep a box at a random place, the same one in every frame that a decoder gives.

    The place is drawn from torch's global generator when the decoder is made; `torch.manual_seed`
    reproduces it.

    Parameters
    ----------
    size : (height, width) or int
        An int stands for a square.

    Raises
    ------
    ValueError, TypeError
        The size is not one or two positive integers; on use: it is larger than the frames.
    """

    def resolve(self, height: int, width: int, generator: Generator | None = None) -> Crop:
        randint = load_torch().randint
        # Both are drawn even where there is no choice: the same draws as TorchCodec's for the same seed.
        top, left = (
            int(randint(margin + 1, (1,), generator=generator, device="cpu"))
            for margin in self._margins(height, width)
        )
        return Crop(top, left, *self.size)


def _read_size(name: str, size: Any) -> tuple[int, ...]:
    """One or two positive integers as a tuple."""
    numbers = size if isinstance(size, Sequence) and not isinstance(size, (str, bytes)) else (size,)
    values = tuple(number for number in map(as_integer, numbers) if number is not None)
    if len(values) < len(numbers):
        raise TypeError(f"{name} takes a size of (height, width) or one integer, got {size!r}")
    if len(values) not in (1, 2) or min(values) <= 0:
        raise ValueError(f"{name} takes a positive size, (height, width) or one integer, got {size!r}")
    return values


# --- What users pass ------------------------------------------------------------------------------


def as_transforms(transforms: Any) -> tuple[DecoderTransform, ...]:
    """Read a decoder's ``transforms``: None, or a list of DecoderTransforms and torchvision's v2 transforms.

    Raises
    ------
    TypeError
        Not a sequence of transforms.
    ValueError
        A transform that decoders do not know, or one with options that they do not have.
    """
    if transforms is None:
        return ()
    if not isinstance(transforms, Iterable) or isinstance(transforms, str):
        raise TypeError(f"transforms must be a list of transforms, got {type(transforms).__name__}")
    return tuple(t if isinstance(t, DecoderTransform) else _from_torchvision(t) for t in transforms)


def _from_torchvision(transform: Any) -> DecoderTransform:
    # Known by the name of the class: nothing of torchvision has to be importable here.
    cls = type(transform)
    name = cls.__name__
    makers: dict[str, Callable[[Any], DecoderTransform]] = {
        "Resize": Resize,
        "CenterCrop": CenterCrop,
        "RandomCrop": RandomCrop,
    }
    if not cls.__module__.startswith("torchvision.transforms.v2") or name not in makers:
        known = ", ".join(makers)
        raise ValueError(
            f"unsupported transform {transform!r}: decoders know {known} of cycodec.transforms "
            "and of torchvision.transforms.v2"
        )
    for option, allowed in _TORCHVISION_OPTIONS[name].items():
        value = getattr(transform, option, allowed[0])
        if getattr(value, "value", value) not in allowed:
            raise ValueError(
                f"torchvision's {name} is supported with {option}={allowed[0]!r} only, got {value!r}"
            )
    return makers[name](transform.size)


# For each class the options that change the result, with the values that a decoder can honour.
_TORCHVISION_OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Resize": {"interpolation": ("bilinear", 2), "antialias": (True,), "max_size": (None,)},
    "CenterCrop": {},
    "RandomCrop": {"padding": (None,), "pad_if_needed": (False,)},
}


# --- What decoders do -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pipeline:
    """Transforms resolved for one size of frames.

    Attributes
    ----------
    region : (y0, y1, x0, x1) or None
        The box of the frame that has to be converted, half-open; None for the whole frame.
    steps : tuple of Crop and Scale
        What is done to converted regions, in order. Never begins with a crop: that is in the region.
    height, width : int
        Of the frames that come out.
    """

    region: tuple[int, int, int, int] | None
    steps: tuple[Crop | Scale, ...]
    height: int
    width: int

    def stages(self, region: tuple[int, int, int, int] | None = None) -> tuple[Stage, ...]:
        """The steps, each crop as a part of the resampling before it; of what comes out only `region`."""
        stages: list[Stage] = []
        steps: list[Crop | Scale] = list(self.steps)
        if steps and region is not None:
            y0, y1, x0, x1 = region
            steps.append(Crop(y0, x0, y1 - y0, x1 - x0))
        for step in steps:
            if isinstance(step, Scale):
                stages.append(Stage(step.height, step.width, (0, step.height, 0, step.width)))
            else:
                height, width, (y0, _, x0, _) = stages[-1]
                y0, x0 = y0 + step.top, x0 + step.left
                stages[-1] = Stage(height, width, (y0, y0 + step.height, x0, x0 + step.width))
        return tuple(stages)


def resolve(
    transforms: Iterable[DecoderTransform], height: int, width: int, generator: Generator | None = None
) -> Pipeline:
    """What transforms, one after the other, do to frames of the given size; chance comes from the generator.

    Raises
    ------
    ValueError
        A crop does not fit into what the transforms before it leave, or frames become larger than any decoder's.
    """
    whole = Crop(0, 0, height, width)
    steps: list[Crop | Scale] = [whole]  # begins with the region; crops next to each other become one
    for transform in transforms:
        if isinstance(transform, RandomCrop):
            step: Crop | Scale = transform.resolve(height, width, generator)
        else:
            step = transform.resolve(height, width)
        before = steps[-1]
        if step.height * step.width > MAX_PIXELS:
            raise ValueError(
                f"{transform} gives frames of {step.height}x{step.width}: more than 2**28 pixels"
            )
        if isinstance(step, Crop) and isinstance(before, Crop):
            steps[-1] = Crop(before.top + step.top, before.left + step.left, step.height, step.width)
        elif isinstance(step, Crop) or step != (height, width):
            steps.append(step)
        height, width = step.height, step.width
    first, *rest = steps
    assert isinstance(first, Crop)
    region = (first.top, first.top + first.height, first.left, first.left + first.width)
    return Pipeline(None if first == whole else region, tuple(rest), height, width)
