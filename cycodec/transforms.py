"""Transforms that a decoder applies to its frames.

    VideoDecoder(source, transforms=[Resize(256), CenterCrop(224)])

A transform is a description. A decoder uses it like this:

    pipeline = resolve(as_transforms(transforms), height, width)  # once: random crops are drawn
    here pipeline.region                  # the part of the frame to convert; None for the whole
    frame pipeline.height, pipeline.width  # size of the frames that are returned pipeline.stages()
    # what the converter does to that part

Pixels outside a crop are never converted or resampled.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

from cycodec._shared.arguments import as_integer
from cycodec._shared.missing_names import refuse_name
from cycodec._shared.torch_adapter import load_torch

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

__all__ = ["CenterCrop", "DecoderTransform", "RandomCrop", "RandomResizedCrop", "Resize"]

# What users pass as transforms. Those of torchvision.transforms.v2 are torch modules.
Transforms: TypeAlias = "Iterable[DecoderTransform | Module]"

MAX_EDGE = 1 << 20  # pixels; the weights of a resampled edge take memory, too
MAX_PIXELS = 1 << 28  # the limit of core/video/backend.pyx for decoded frames


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
    """Resample the frame to a size, and keep a region of the result: a ConvertStage of csrc."""

    height: int
    width: int
    region: tuple[int, int, int, int]  # (y0, y1, x0, x1), half-open


class DecoderTransform(ABC):
    """Base class of the transforms that a decoder knows."""

    @abstractmethod
    def resolve(self, height: int, width: int) -> Crop | Scale:
        """Return what this transform does to frames of the given size.

        Raises
        ------
        ValueError
            The transform does not fit frames of this size.
        """

    def steps(self, height: int, width: int, generator: Generator | None = None) -> Sequence[Crop | Scale]:
        """Return the same as steps; random transforms draw from the generator."""
        return (self.resolve(height, width),)


@dataclass(frozen=True)
class Resize(DecoderTransform):
    """Resample frames to a size: bilinear with antialiasing.

    uint8 frames are equal to the result of ``torch.nn.functional.interpolate(mode="bilinear",
    antialias=True)`` on the CPU, byte for byte. Floats differ from it by 3e-7 at most.

    Parameters
    ----------
    size : (height, width) or int
        An int is the length of the shorter edge. The longer edge follows by the aspect ratio,
        rounded down.

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
        # This is torchvision's arithmetic, with its floating point, so that sizes agree.
        short, long = sorted((height, width))
        shorter, longer = self.size, max(int(self.size * long / short), 1)
        return Scale(shorter, longer) if height <= width else Scale(longer, shorter)


@dataclass(frozen=True)
class _FixedCrop(DecoderTransform):
    """A crop of a fixed size. Subclasses choose where it lies."""

    size: tuple[int, int]

    def __post_init__(self) -> None:
        size = _read_size(type(self).__name__, self.size)
        object.__setattr__(self, "size", size if len(size) == 2 else size * 2)

    def _margins(self, height: int, width: int) -> tuple[int, int]:
        """Return the numbers of rows and columns outside the crop."""
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(f"{self} does not fit into frames of {height}x{width} (height x width)")
        return height - self.size[0], width - self.size[1]


class CenterCrop(_FixedCrop):
    """Keep the middle of the frames.

    Frames that are smaller than the crop are an error, as in TorchCodec. (torchvision pads them
    with black.)

    Parameters
    ----------
    size : (height, width) or int
        An int stands for a square.

    Raises
    ------
    ValueError, TypeError
        The size is not one or two positive integers, or (on use) it is larger than the frames.
    """

    def resolve(self, height: int, width: int) -> Crop:
        rows, columns = self._margins(height, width)
        return Crop(
            round(rows / 2), round(columns / 2), *self.size
        )  # round() rounds a half to the even number


class RandomCrop(_FixedCrop):
    """Keep a box at a random place. A decoder uses the same place for all its frames.

    The place is drawn from torch's global generator when the decoder is made. `torch.manual_seed`
    makes it reproducible.

    Parameters
    ----------
    size : (height, width) or int
        An int stands for a square.

    Raises
    ------
    ValueError, TypeError
        The size is not one or two positive integers, or (on use) it is larger than the frames.
    """

    def resolve(self, height: int, width: int, generator: Generator | None = None) -> Crop:
        randint = load_torch().randint
        # Both numbers are drawn even if there is no choice, so that a seed gives TorchCodec's
        # places.
        top, left = (
            int(randint(margin + 1, (1,), generator=generator, device="cpu"))
            for margin in self._margins(height, width)
        )
        return Crop(top, left, *self.size)

    def steps(self, height: int, width: int, generator: Generator | None = None) -> Sequence[Crop | Scale]:
        return (self.resolve(height, width, generator),)


@dataclass(frozen=True)
class RandomResizedCrop(DecoderTransform):
    """Keep a box of random size, shape and place, and resample it to a size.

    A decoder uses the same box for all its frames. The box is drawn from torch's global generator
    when the decoder is made, with the numbers that torchvision's transform of this name draws.

    Parameters
    ----------
    size : (height, width) or int
        Of the result. An int stands for a square.
    scale : (float, float)
        The smallest and the largest share of the frame's area.
    ratio : (float, float)
        The smallest and the largest aspect ratio of the box, width / height.

    Raises
    ------
    ValueError, TypeError
        The size is not one or two positive integers, or a range is not two positive numbers in
        rising order.
    """

    size: tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        size = _read_size("RandomResizedCrop", self.size)
        object.__setattr__(self, "size", size if len(size) == 2 else size * 2)
        for name in ("scale", "ratio"):
            object.__setattr__(self, name, _read_range(name, getattr(self, name)))

    def resolve(self, height: int, width: int, generator: Generator | None = None) -> Crop:
        """Draw the box."""
        torch = load_torch()
        logs = torch.log(torch.tensor(self.ratio, device="cpu"))
        for _ in range(10):
            area = height * width * self._uniform(*self.scale, generator)
            ratio = math.exp(self._uniform(float(logs[0]), float(logs[1]), generator))
            box_width, box_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < box_width <= width and 0 < box_height <= height:
                top, left = (
                    int(torch.randint(margin + 1, (1,), generator=generator, device="cpu"))
                    for margin in (height - box_height, width - box_width)
                )
                return Crop(top, left, box_height, box_width)
        return self._middle(height, width)

    @staticmethod
    def _uniform(least: float, most: float, generator: Generator | None) -> float:
        number = load_torch().empty(1, dtype=load_torch().float32, device="cpu")
        return float(number.uniform_(least, most, generator=generator))

    def _middle(self, height: int, width: int) -> Crop:
        """Return the largest box in the middle with an allowed shape: no drawn box fitted."""
        box_height, box_width = height, width
        if width / height < self.ratio[0]:
            box_height = max(round(width / self.ratio[0]), 1)
        elif width / height > self.ratio[1]:
            box_width = max(round(height * self.ratio[1]), 1)
        return Crop((height - box_height) // 2, (width - box_width) // 2, box_height, box_width)

    def steps(self, height: int, width: int, generator: Generator | None = None) -> Sequence[Crop | Scale]:
        return self.resolve(height, width, generator), Scale(*self.size)


def _read_range(name: str, values: Any) -> tuple[float, float]:
    """Two positive numbers in rising order as a tuple."""
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)) or len(values) != 2:
        raise TypeError(f"RandomResizedCrop takes a {name} of two numbers, got {values!r}")
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        raise TypeError(f"RandomResizedCrop takes a {name} of two numbers, got {values!r}")
    if not 0 < values[0] <= values[1] < math.inf:
        raise ValueError(
            f"RandomResizedCrop takes a {name} of two positive numbers in rising order, got {values!r}"
        )
    return float(values[0]), float(values[1])


def _read_size(name: str, size: Any) -> tuple[int, ...]:
    """One or two positive integers as a tuple."""
    numbers = size if isinstance(size, Sequence) and not isinstance(size, (str, bytes)) else (size,)
    values = tuple(number for number in map(as_integer, numbers) if number is not None)
    if len(values) < len(numbers):
        raise TypeError(f"{name} takes a size of (height, width) or one integer, got {size!r}")
    if len(values) not in (1, 2) or min(values) <= 0:
        raise ValueError(f"{name} takes a positive size, (height, width) or one integer, got {size!r}")
    return values


# --- From arguments to transforms -----------------------------------------------------------------


def is_random(transforms: Iterable[DecoderTransform]) -> bool:
    """Return True if one of the transforms draws a box."""
    return any(isinstance(step, (RandomCrop, RandomResizedCrop)) for step in transforms)


def as_transforms(transforms: Transforms | None) -> tuple[DecoderTransform, ...]:
    """Read the argument ``transforms`` of a decoder.

    Parameters
    ----------
    transforms : iterable of DecoderTransform and transforms of torchvision.transforms.v2, or None
        torchvision's Compose and torch's Sequential are opened, at every depth and in place of the
        iterable.

    Raises
    ------
    TypeError
        The argument is not a list of transforms.
    ValueError
        Decoders do not know a transform, or one of its options.
    """
    if transforms is None:
        return ()
    inside = _members(transforms)
    if inside is None:
        if not isinstance(transforms, Iterable) or isinstance(transforms, str):
            raise TypeError(f"transforms must be a list of transforms, got {type(transforms).__name__}")
        inside = transforms
    return tuple(_opened(inside))


def _members(transform: Any) -> Iterable[Any] | None:
    """Return the transforms of a container of transforms, or None if this is none."""
    cls = type(transform)
    if cls.__name__ == "Compose" and cls.__module__.startswith("torchvision.transforms"):
        return transform.transforms
    if cls.__name__ == "Sequential" and cls.__module__.startswith("torch.nn"):
        return transform
    return None


def _opened(transforms: Iterable[Any]) -> Iterator[DecoderTransform]:
    """Yield the transforms of a decoder in order, with all containers opened."""
    for transform in transforms:
        inside = _members(transform)
        if isinstance(transform, DecoderTransform):
            yield transform
        elif inside is not None:
            yield from _opened(inside)
        else:
            yield _from_torchvision(transform)


def _from_torchvision(transform: Any) -> DecoderTransform:
    # The class is recognised by its name, so that torchvision need not be installed.
    cls = type(transform)
    name = cls.__name__
    makers: dict[str, Callable[[Any], DecoderTransform]] = {
        "Resize": Resize,
        "CenterCrop": CenterCrop,
        "RandomCrop": RandomCrop,
        "RandomResizedCrop": RandomResizedCrop,
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
    if name == "RandomResizedCrop":
        return RandomResizedCrop(transform.size, tuple(transform.scale), tuple(transform.ratio))
    return makers[name](transform.size)


# For each class, the options that change the result, with the values that a decoder supports.
_TORCHVISION_OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Resize": {"interpolation": ("bilinear", 2), "antialias": (True,), "max_size": (None,)},
    "CenterCrop": {},
    "RandomCrop": {"padding": (None,), "pad_if_needed": (False,)},
    "RandomResizedCrop": {"interpolation": ("bilinear", 2), "antialias": (True,)},
}


# --- From transforms to work ----------------------------------------------------------------------


@dataclass(frozen=True)
class Pipeline:
    """Transforms that are resolved for one size of frames.

    Attributes
    ----------
    region : (y0, y1, x0, x1) or None
        The box of the frame to convert, half-open; None for the whole frame.
    steps : tuple of Crop and Scale
        What is done to the region, in order. The first step is not a crop, which would be in
        `region`.
    height, width : int
        Size of the frames that are returned.
    """

    region: tuple[int, int, int, int] | None
    steps: tuple[Crop | Scale, ...]
    height: int
    width: int

    def stages(self, region: tuple[int, int, int, int] | None = None) -> tuple[Stage, ...]:
        """Return the steps as stages: each crop becomes the region of the resampling before it.

        Parameters
        ----------
        region : (y0, y1, x0, x1), optional
            The part of the returned frames to make; by default all.
        """
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
    """Resolve transforms, which are applied in order, for frames of the given size.

    Parameters
    ----------
    transforms : iterable of DecoderTransform
    height, width : int
    generator : torch.Generator, optional
        The source of randomness for random crops; by default torch's global generator.

    Raises
    ------
    ValueError
        A crop does not fit, or a transform gives frames of more than MAX_PIXELS pixels or with an
        edge of more than MAX_EDGE.
    """
    whole = Crop(0, 0, height, width)
    # The first step is the region. Neighbouring crops are joined.
    steps: list[Crop | Scale] = [whole]
    for transform in transforms:
        for step in transform.steps(height, width, generator):
            _add_step(steps, step, transform, (height, width))
            height, width = step.height, step.width
    first, *rest = steps
    assert isinstance(first, Crop)
    region = (first.top, first.top + first.height, first.left, first.left + first.width)
    return Pipeline(None if first == whole else region, tuple(rest), height, width)


def _add_step(
    steps: list[Crop | Scale], step: Crop | Scale, transform: DecoderTransform, size: tuple[int, int]
) -> None:
    """Append a step for frames of a size, or join it to a crop before it."""
    before = steps[-1]
    if step.height * step.width > MAX_PIXELS or max(step.height, step.width) > MAX_EDGE:
        raise ValueError(
            f"{transform} gives frames of {step.height}x{step.width}: more than 2**28 pixels, or an "
            "edge of more than 2**20"
        )
    if isinstance(step, Crop) and isinstance(before, Crop):
        steps[-1] = Crop(before.top + step.top, before.left + step.left, step.height, step.width)
    elif isinstance(step, Crop) or step != size:
        steps.append(step)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
